//! The promises of the engine, for thousands of seeds.
//!
//! A seed decides a plan of two jobs, a weather, who dies when, and everything else. After some runs the weather calms down; from then
//! on each run has to bring the jobs nearer to their end. A failure names its seed; `one_seed` in a debugger shows the rest. For a night:
//! `OFFBOARD24_SEEDS=1000000 cargo test --test it engine -- --ignored`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use offboard24::domain::{
    ActionId, ActionKind, ActionState, HoldReason, JobId, Outcome, StopReason, UserId, WorkflowId,
};
use offboard24::journal::{ActionPlanned, ActionReopened, Entry, Event};

use super::auditor::{Auditor, Broken};
use super::process::{Mistake, Over, Process};
use super::random::Random;
use super::world::{COLLEAGUES, PEOPLE, Weather, Workflow, World};

/// Seeds on every change: a few seconds.
const SEEDS: u64 = 2_000;

/// Seeds in which a planted mistake has to show.
const SEEDS_UNTIL_CAUGHT: u64 = 1_000;

/// Runs of one seed, calm ones among them.
const RUNS_MAX: usize = 200;

/// What the seeds reached: a simulation in which something never happens is blind for it.
#[derive(Default)]
struct Reached {
    outcomes: BTreeSet<Outcome>,
    stops: BTreeSet<Option<StopReason>>,
    kills: u32,
    attempts_max: u32,
    reopened: u32,
    effects: usize,
}

/// All that a seed brings with it.
struct Simulation {
    world: World,
    journal: Vec<Entry>,
    auditor: Auditor,
    mistake: Option<Mistake>,
}

impl Simulation {
    fn new(seed: u64, mistake: Option<Mistake>) -> Result<Self, Broken> {
        let mut random = Random::new(seed);
        let (plan, running) = plan(&mut random);
        let world = World::new(random, running);
        let mut simulation = Self {
            world,
            journal: Vec::new(),
            auditor: Auditor::default(),
            mistake,
        };
        simulation.record(plan)?;
        Ok(simulation)
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
        Process {
            world: &mut self.world,
            journal: &mut self.journal,
            auditor: &mut self.auditor,
            mistake,
        }
        .run(job, may_send)
    }

    fn reopen(&mut self, job: JobId) -> Result<u32, Broken> {
        let retry = [Outcome::Failed, Outcome::Drifted, Outcome::Survived];
        let events: Vec<Entry> = self
            .auditor
            .keys(job)
            .into_iter()
            .filter_map(|key| match self.auditor.state(key) {
                ActionState::Ended(outcome) if retry.contains(&outcome) => Some((key.action, outcome)),
                _ => None,
            })
            .map(|(action, outcome)| ActionReopened {
                action,
                outcome,
                reason: None,
            })
            .map(|event| Entry::of(job, Event::ActionReopened(event)))
            .collect();
        let reopened = u32::try_from(events.len()).unwrap();
        self.record(events)?;
        Ok(reopened)
    }

    fn play(&mut self, reached: &mut Reached) -> Result<(), Broken> {
        let jobs = [JobId(1), JobId(2)];
        let rough_runs = 1 + self.world.random.below(8);
        for _ in 0..rough_runs {
            let job = jobs[usize::from(self.world.random.chance(250))];
            if self.world.random.chance(200) {
                reached.reopened += self.reopen(job)?;
            }
            let may_send = !self.world.random.chance(50);
            match self.run(job, may_send)? {
                Over::Killed => reached.kills += 1,
                Over::Ended(stop) => _ = reached.stops.insert(stop),
            }
            let longest_ms = self.world.random.pick(&[2_000, 20_000, 200_000]);
            let pause = self.world.random.millis(longest_ms);
            self.world.pass(pause);
        }
        self.world.weather = Weather::calm(&mut self.world.random);
        for job in jobs {
            self.finish(job)?;
        }
        self.world.pass(Duration::from_secs(200));
        self.auditor.closes(&self.world)?;
        self.tell(reached);
        Ok(())
    }

    /// Nothing is in the way any more but workflows that refuse to die.
    fn finish(&mut self, job: JobId) -> Result<(), Broken> {
        for _ in 0..RUNS_MAX {
            let before = self.open(job);
            match self.run(job, true)? {
                Over::Ended(None) if self.auditor.is_complete(job) => return Ok(()),
                Over::Ended(Some(StopReason::Breaker)) if self.open(job) < before => {}
                over => return Err(format!("{job} does not end: {over:?}, {} left", self.open(job))),
            }
        }
        Err(format!("{job} does not end in {RUNS_MAX} runs"))
    }

    fn open(&self, job: JobId) -> usize {
        let states = self.auditor.keys(job).into_iter().map(|key| self.auditor.state(key));
        states
            .filter(|state| matches!(state, ActionState::Planned | ActionState::Sent))
            .count()
    }

    fn tell(&self, reached: &mut Reached) {
        reached.effects += self.world.effects.len();
        for entry in &self.journal {
            match &entry.event {
                Event::ActionEnded(event) => _ = reached.outcomes.insert(event.outcome),
                Event::AttemptIntended(event) => reached.attempts_max = reached.attempts_max.max(event.attempt),
                _ => {}
            }
        }
    }
}

/// Two jobs, and the workflows that they are about, some of them in both: an operator may include what was held for that.
fn plan(random: &mut Random) -> (Vec<Entry>, BTreeMap<WorkflowId, Workflow>) {
    let kinds = random.pick(&[
        &[ActionKind::Kill][..],
        &[ActionKind::Terminate],
        &[ActionKind::Kill, ActionKind::Terminate],
    ]);
    let stubborn = random.pick(&[0, 0, 50, 300]);
    let held = random.pick(&[0, 100]);
    let mut entries = Vec::new();
    let mut running = BTreeMap::new();
    let sizes = [1 + random.below_u32(40), random.below_u32(8)];
    for (job, size) in [JobId(1), JobId(2)].into_iter().zip(sizes) {
        for number in 1..=size {
            let shared = number <= 3 && size < sizes[0];
            let name = if shared {
                format!("shared.{number}")
            } else {
                format!("job{job}.{number}")
            };
            let workflow: WorkflowId = name.parse().unwrap();
            let known = running.get(&workflow).map(|found: &Workflow| found.waiting.clone());
            let mut participants = known.unwrap_or_else(|| (0..=random.below(3)).map(|_| dismissed(random)).collect());
            if random.chance(200) {
                participants.insert(UserId(1 + random.below_u32(COLLEAGUES)));
            }
            let people = participants
                .iter()
                .copied()
                .filter(|user| user.0 > COLLEAGUES)
                .collect();
            let holds = if random.chance(held) {
                vec![random.pick(HoldReason::ALL)]
            } else {
                Vec::new()
            };
            let kind = (holds != [HoldReason::Conflict]).then(|| random.pick(kinds));
            let as_planned = || Workflow {
                waiting: participants.clone(),
                refuses: false,
                survives: false,
            };
            if !random.chance(30) {
                let found = running.entry(workflow.clone()).or_insert_with(as_planned);
                found.refuses = random.chance(stubborn);
                found.survives = random.chance(stubborn);
            }
            let planned = ActionPlanned {
                action: ActionId(number),
                workflow,
                kind,
                people,
                participants: participants.into_iter().collect(),
                holds,
            };
            entries.push(Entry::of(job, Event::ActionPlanned(planned)));
        }
    }
    (entries, running)
}

fn dismissed(random: &mut Random) -> UserId {
    UserId(COLLEAGUES + 1 + random.below_u32(PEOPLE - COLLEAGUES))
}

fn one_seed(seed: u64, mistake: Option<Mistake>, reached: &mut Reached) -> Result<(), Broken> {
    Simulation::new(seed, mistake)?.play(reached)
}

fn all_seeds(seeds: u64) -> Reached {
    let mut reached = Reached::default();
    for seed in 0..seeds {
        if let Err(broken) = one_seed(seed, None, &mut reached) {
            panic!("seed {seed}: {broken}");
        }
    }
    reached
}

#[test]
fn the_promises_hold_for_every_seed() {
    let reached = all_seeds(SEEDS);
    assert_eq!(reached.outcomes, Outcome::ALL.iter().copied().collect());
    for stop in [
        None,
        Some(StopReason::Signal),
        Some(StopReason::Limit),
        Some(StopReason::Auth),
        Some(StopReason::Breaker),
    ] {
        assert!(reached.stops.contains(&stop), "no run ended with {stop:?}");
    }
    assert!(reached.kills > 100 && reached.reopened > 100 && reached.attempts_max > 3 && reached.effects > 1000);
}

#[test]
#[ignore = "takes as long as it is told to: OFFBOARD24_SEEDS"]
fn the_promises_hold_for_as_many_seeds_as_asked_for() {
    let seeds = std::env::var("OFFBOARD24_SEEDS").unwrap_or_else(|_| "100000".to_owned());
    all_seeds(seeds.parse().unwrap());
}

#[test]
fn every_planted_mistake_is_caught() {
    for mistake in Mistake::ALL {
        let caught =
            (0..SEEDS_UNTIL_CAUGHT).find_map(|seed| one_seed(seed, Some(mistake), &mut Reached::default()).err());
        assert!(caught.is_some(), "{mistake:?} goes unnoticed");
    }
}
