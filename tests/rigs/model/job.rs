//! The small jobs that the model plays, and one execution of one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use offboard24::domain::{
    ActionId, ActionKind, ActionState, HoldReason, JobId, Outcome, StopReason, UserId, WorkflowId,
};
use offboard24::journal::{ActionPlanned, ActionReopened, Entry, Event};

use super::auditor::{Auditor, Broken};
use super::process::{Mistake, Over, Process};
use super::random::{Mode, Random};
use super::world::{COLLEAGUES, PEOPLE, Weather, Workflow, World};

/// Runs with trouble of one execution.
const RUNS_MAX: usize = 5;

/// Runs that a job needs to end when nothing is in the way any more.
const CALM_RUNS_MAX: usize = 20;

/// The dismissed person of all these jobs.
const OURS: UserId = UserId(PEOPLE);

/// An action of a job.
#[derive(Debug)]
struct Planned {
    workflow: &'static str,
    kind: ActionKind,
    /// A colleague waits too, and the plan says so.
    is_shared: bool,
    is_held: bool,
    /// It is answered with an error and goes on.
    refuses: bool,
    /// It is answered with `true` and goes on.
    survives: bool,
}

/// A small job.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) name: &'static str,
    actions: &'static [Planned],
    /// The same for a second job of the portal, which is begun and left in between.
    others: &'static [Planned],
}

const fn planned(workflow: &'static str, kind: ActionKind) -> Planned {
    Planned {
        workflow,
        kind,
        is_shared: false,
        is_held: false,
        refuses: false,
        survives: false,
    }
}

/// All of them.
pub(super) const JOBS: &[Job] = &[
    Job {
        name: "two-kills",
        actions: &[planned("w.1", ActionKind::Kill), planned("w.2", ActionKind::Kill)],
        others: &[],
    },
    Job {
        name: "three-kills",
        actions: &[
            planned("w.1", ActionKind::Kill),
            planned("w.2", ActionKind::Kill),
            planned("w.3", ActionKind::Kill),
        ],
        others: &[],
    },
    Job {
        name: "both-kinds",
        actions: &[
            planned("w.1", ActionKind::Terminate),
            Planned {
                is_shared: true,
                ..planned("w.2", ActionKind::Kill)
            },
            Planned {
                is_held: true,
                ..planned("w.3", ActionKind::Kill)
            },
        ],
        others: &[],
    },
    Job {
        name: "stubborn",
        actions: &[
            planned("w.1", ActionKind::Kill),
            Planned {
                refuses: true,
                ..planned("w.2", ActionKind::Kill)
            },
            Planned {
                survives: true,
                ..planned("w.3", ActionKind::Kill)
            },
        ],
        others: &[],
    },
    Job {
        name: "two-jobs",
        actions: &[planned("w.1", ActionKind::Kill), planned("w.2", ActionKind::Kill)],
        others: &[planned("w.1", ActionKind::Kill)],
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
                plan.push(entry(id, ActionId(number), action));
                running.entry(workflow(action)).or_insert_with(|| Workflow {
                    waiting: waiting(action),
                    refuses: action.refuses,
                    survives: action.survives,
                });
            }
        }
        let jobs = if job.others.is_empty() { 1..=1 } else { 1..=2 };
        let mut play = Self {
            world: World::new(random, running),
            journal: Vec::new(),
            auditor: Auditor::default(),
            mistake,
            jobs: jobs.map(JobId).collect(),
        };
        play.world.random.set(Mode::Choosing);
        play.record(plan)?;
        Ok(play)
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

fn workflow(action: &Planned) -> WorkflowId {
    action.workflow.parse().unwrap()
}

fn waiting(action: &Planned) -> BTreeSet<UserId> {
    let colleague = action.is_shared.then_some(UserId(COLLEAGUES));
    [OURS].into_iter().chain(colleague).collect()
}

fn entry(job: JobId, number: ActionId, action: &Planned) -> Entry {
    let planned = ActionPlanned {
        action: number,
        workflow: workflow(action),
        kind: Some(action.kind),
        people: vec![OURS],
        participants: waiting(action).into_iter().collect(),
        holds: if action.is_held {
            vec![HoldReason::Shared]
        } else {
            Vec::new()
        },
    };
    Entry::of(job, Event::ActionPlanned(planned))
}
