//! The small jobs that the model plays, and one execution of one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use offboard24::domain::ActionKind::{self, Kill, Terminate};
use offboard24::domain::{ActionId, ActionState, HoldReason, JobId, Outcome, StopReason, UserId};
use offboard24::journal::{ActionPlanned, ActionReopened, Entry, Event};

use self::Special::{Held, Nothing, Refuses, Shared, Survives};
use super::auditor::{Auditor, Broken};
use super::process::{Mistake, Over, Process};
use super::random::{Mode, OTHERS, Random};
use super::world::{COLLEAGUES, PEOPLE, Weather, Workflow, World};

/// Runs with trouble of one execution.
const RUNS_MAX: usize = 5;

/// Runs that a job needs to end when nothing is in the way any more.
const CALM_RUNS_MAX: usize = 20;

/// The dismissed person of all these jobs.
const OURS: UserId = UserId(PEOPLE);

/// What is special about an action.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Special {
    Nothing,
    /// A colleague waits too, and the plan says so.
    Shared,
    /// It is held.
    Held,
    /// Its workflow answers with an error and goes on.
    Refuses,
    /// Its workflow answers with `true` and goes on.
    Survives,
}

/// An action of a job: workflow, what to do, and what is special about it.
type Planned = (&'static str, ActionKind, Special);

/// A small job.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) name: &'static str,
    actions: &'static [Planned],
    /// The same for a second job of the portal, which is begun and left in between.
    others: &'static [Planned],
}

/// All of them.
pub(super) const JOBS: &[Job] = &[
    Job {
        name: "two-kills",
        actions: &[("w.1", Kill, Nothing), ("w.2", Kill, Nothing)],
        others: &[],
    },
    Job {
        name: "three-kills",
        actions: &[("w.1", Kill, Nothing), ("w.2", Kill, Nothing), ("w.3", Kill, Nothing)],
        others: &[],
    },
    Job {
        name: "both-kinds",
        actions: &[("w.1", Terminate, Nothing), ("w.2", Kill, Shared), ("w.3", Kill, Held)],
        others: &[],
    },
    Job {
        name: "stubborn",
        actions: &[("w.1", Kill, Nothing), ("w.2", Kill, Refuses), ("w.3", Kill, Survives)],
        others: &[],
    },
    Job {
        name: "two-jobs",
        actions: &[("w.1", Kill, Nothing), ("w.2", Kill, Nothing)],
        others: &[("w.1", Kill, Nothing)],
    },
];

/// One execution.
pub(super) struct Play {
    world: World,
    journal: Vec<Entry>,
    auditor: Auditor,
    mistake: Option<Mistake>,
    jobs: Vec<JobId>,
}

impl Play {
    pub(super) fn new(job: &Job, random: Random, mistake: Option<Mistake>) -> Result<Self, Broken> {
        let mut running = BTreeMap::new();
        let mut plan = Vec::new();
        for (id, actions) in [(JobId(1), job.actions), (JobId(2), job.others)] {
            for (action, number) in actions.iter().zip(1..) {
                plan.push(entry(id, ActionId(number), *action));
                let (name, _, special) = *action;
                running.entry(name.parse().unwrap()).or_insert_with(|| Workflow {
                    waiting: waiting(special),
                    refuses: special == Refuses,
                    survives: special == Survives,
                });
            }
        }
        let jobs = if job.others.is_empty() { 1..=1 } else { 1..=2 };
        let mut made = Self {
            world: World::new(random, running),
            journal: Vec::new(),
            auditor: Auditor::default(),
            mistake,
            jobs: jobs.map(JobId).collect(),
        };
        made.world.weather.others = OTHERS;
        made.world.random.set(Mode::Choosing);
        made.record(plan)?;
        Ok(made)
    }

    /// Runs with trouble, then as many without as it takes.
    pub(super) fn play(&mut self) -> Result<(), Broken> {
        for _ in 0..RUNS_MAX {
            let job = self.jobs[self.world.random.choose(self.jobs.len())];
            let may_send = !self.world.random.chance(1);
            match self.run(job, may_send)? {
                Over::Killed => {
                    let pause = self.world.random.millis(200_000);
                    self.world.pass(pause);
                }
                Over::Ended(_) if self.reopens(job)? => {}
                Over::Ended(None) => break,
                Over::Ended(Some(_)) => {}
            }
        }
        self.world.random.set(Mode::Calm);
        self.world.weather = Weather::calm(&mut self.world.random);
        for job in self.jobs.clone() {
            self.finish(job)?;
        }
        self.world.pass(Duration::from_secs(200));
        self.auditor.closes(&self.world)
    }

    fn record(&mut self, entries: Vec<Entry>) -> Result<(), Broken> {
        for entry in &entries {
            self.auditor.recorded(entry, &self.world)?;
        }
        self.journal.extend(entries);
        Ok(())
    }

    fn run(&mut self, job: JobId, may_send: bool) -> Result<Over, Broken> {
        let mistake = self.mistake;
        let mut process = Process {
            world: &mut self.world,
            journal: &mut self.journal,
            auditor: &mut self.auditor,
            mistake,
        };
        process.run(job, may_send)
    }

    /// An operator wants what was not done tried once more, or does not.
    fn reopens(&mut self, job: JobId) -> Result<bool, Broken> {
        let retry = [Outcome::Failed, Outcome::Drifted, Outcome::Survived];
        let reopened: Vec<Entry> = self
            .auditor
            .keys(job)
            .into_iter()
            .filter_map(|key| match self.auditor.state(key) {
                ActionState::Ended(outcome) if retry.contains(&outcome) => Some(ActionReopened {
                    action: key.action,
                    outcome,
                    reason: None,
                }),
                _ => None,
            })
            .map(|reopened| Entry::of(job, Event::ActionReopened(reopened)))
            .collect();
        // That somebody wants it is a trouble too: otherwise it would never end.
        if reopened.is_empty() || !self.world.random.chance(1) {
            return Ok(false);
        }
        self.record(reopened)?;
        Ok(true)
    }

    /// Nothing is in the way any more but workflows that refuse to die.
    fn finish(&mut self, job: JobId) -> Result<(), Broken> {
        for _ in 0..CALM_RUNS_MAX {
            let before = self.open(job);
            match self.run(job, true)? {
                Over::Ended(None) if self.auditor.is_complete(job) => return Ok(()),
                Over::Ended(Some(StopReason::Breaker)) if self.open(job) < before => {}
                over => return Err(format!("{job} does not end: {over:?}, {} left", self.open(job))),
            }
        }
        Err(format!("{job} does not end in {CALM_RUNS_MAX} runs"))
    }

    fn open(&self, job: JobId) -> usize {
        let states = self.auditor.keys(job).into_iter().map(|key| self.auditor.state(key));
        states
            .filter(|state| matches!(state, ActionState::Planned | ActionState::Sent))
            .count()
    }
}

fn waiting(special: Special) -> BTreeSet<UserId> {
    let colleague = (special == Shared).then_some(UserId(COLLEAGUES));
    [OURS].into_iter().chain(colleague).collect()
}

fn entry(job: JobId, number: ActionId, (workflow, kind, special): Planned) -> Entry {
    let planned = ActionPlanned {
        action: number,
        workflow: workflow.parse().unwrap(),
        kind: Some(kind),
        people: vec![OURS],
        participants: waiting(special).into_iter().collect(),
        holds: if special == Held {
            vec![HoldReason::Shared]
        } else {
            Vec::new()
        },
    };
    Entry::of(job, Event::ActionPlanned(planned))
}
