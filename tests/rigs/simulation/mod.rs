//! The simulation: the real program, from its command line to its database, against a simulated portal, in virtual time.
//!
//! A seed decides a scenario: people, workflows, and what goes wrong when. The administrator types commands until all is done; then
//! the checker has compared every event of the journal with what was true at that moment. A failing scenario is shrunk, and printed so
//! that it can be kept in `regressions.txt`, which is replayed first.
//!
//! ```text
//! scenario ─▶ administrator ─▶ sitting ─▶ the program ─▶ world (time, network, faults) ─▶ portal (what is true)
//!                                             └────▶ store (its files) ─▶ checker ◀──────┘
//! ```

mod administrator;
mod checker;
mod portal;
mod scenario;
mod sitting;
mod store;
mod world;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use offboard24::mistake::{self, Mistake};

use self::administrator::{Outcome, play};
use self::scenario::Scenario;

/// Scenarios that failed once, one JSON object a line.
const REGRESSIONS: &str = include_str!("regressions.txt");

/// Actions of a scenario, where nothing else is asked for.
const ACTIONS: u32 = 50;

/// Threads: one seed is one thread.
const WORKERS: u64 = 2;

/// The journal of every so many seeds is verified as an auditor would.
const VERIFIED_EACH: u64 = 5;

/// From so many seeds on, everything that can go wrong has to have gone wrong, and every outcome has to have come out.
const BLIND_BELOW: u64 = 500;

/// What can go wrong, be decided, and come out.
const TO_BE_REACHED: [&str; 35] = [
    "NotConnected",
    "Lost",
    "AnswerLost",
    "Late",
    "Twice",
    "BrokenOff",
    "Cut",
    "Dies",
    "Page",
    "Error",
    "Redirect",
    "Slow",
    "Command",
    "Shapes",
    "Ends",
    "Answers",
    "Joins",
    "Rehired",
    "Dismissed",
    "Refuses",
    "Crash",
    "Signal",
    "Stop",
    "ClockSet",
    "include",
    "drop",
    "row",
    "approved",
    "confirmed",
    "presumed",
    "already_gone",
    "unattributed",
    "drifted",
    "failed",
    "survived",
];

/// How long a failing scenario is made smaller.
const SHRINKING: Duration = Duration::from_mins(1);

struct Options {
    seeds: u64,
    from: u64,
    seed: Option<u64>,
    actions: u32,
    mistake: Option<Mistake>,
    scenario: Option<PathBuf>,
}

/// What all seeds together reached: a simulation in which something never happens is blind for it.
#[derive(Default)]
struct Reached {
    seeds: u64,
    sittings: u64,
    kills: u64,
    effects: usize,
    fired: BTreeMap<String, u32>,
    outcomes: BTreeMap<String, u32>,
}

/// `simulate SEEDS [--from SEED] [--actions N] [--mistake NAME] | --seed SEED | --scenario FILE`
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let options = Options::parse(arguments)?;
    let folder = folder();
    let result = with_runtime(|| options.perform(&folder)).and_then(|result| result);
    drop(std::fs::remove_dir_all(&folder));
    result
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self {
            seeds: 1000,
            from: 0,
            seed: None,
            actions: ACTIONS,
            mistake: None,
            scenario: None,
        };
        let mut rest = arguments.iter();
        while let Some(word) = rest.next() {
            let mut value = || rest.next().cloned().ok_or_else(|| format!("{word} needs a value"));
            let number = |text: String| text.parse::<u64>().map_err(|cause| format!("{text}: {cause}"));
            match word.as_str() {
                "--from" => options.from = number(value()?)?,
                "--seed" => options.seed = Some(number(value()?)?),
                "--actions" => options.actions = u32::try_from(number(value()?)?).map_err(|cause| cause.to_string())?,
                "--scenario" => options.scenario = Some(value()?.into()),
                "--mistake" => {
                    let name = value()?;
                    let found = Mistake::ALL.into_iter().find(|mistake| mistake.name() == name);
                    options.mistake = Some(found.ok_or_else(|| format!("there is no mistake {name}"))?);
                }
                seeds => options.seeds = number(seeds.to_owned())?,
            }
        }
        Ok(options)
    }

    fn perform(&self, folder: &Path) -> Result<(), String> {
        let play_again = |scenario: &Scenario| {
            mistake::plant(self.mistake);
            let outcome = play(scenario, &folder.join("one"), true, true);
            mistake::plant(None);
            println!("{}", outcome.story.join("\n"));
            outcome.broken.map_or(Ok(()), Err)
        };
        if let Some(path) = &self.scenario {
            let text = std::fs::read_to_string(path).map_err(|cause| cause.to_string())?;
            return play_again(&serde_json::from_str(&text).map_err(|cause| cause.to_string())?);
        }
        if let Some(seed) = self.seed {
            return play_again(&Scenario::of(seed, self.actions));
        }
        if self.mistake.is_none() {
            replay_regressions(folder)?;
        }
        let began = Instant::now();
        let (reached, failing) = self.all_seeds(folder);
        let seconds = began.elapsed().as_secs_f64();
        println!("{}", reached.line(self.actions, seconds));
        match (failing, self.mistake) {
            (Some((seed, broken)), Some(mistake)) => {
                println!(
                    "{} is caught by seed {seed}, after {} seeds: {broken}",
                    mistake.name(),
                    reached.seeds
                );
                Ok(())
            }
            (None, Some(mistake)) => Err(format!("{} goes unnoticed in {} seeds", mistake.name(), reached.seeds)),
            (None, None) => {
                println!("what went wrong: {:?}\noutcomes: {:?}", reached.fired, reached.outcomes);
                reached.is_sighted()
            }
            (Some((seed, broken)), None) => Err(self.shrunk(seed, &broken, folder)),
        }
    }

    /// Plays the seeds, two at a time; gives the first that fails.
    fn all_seeds(&self, folder: &Path) -> (Reached, Option<(u64, String)>) {
        let (next, is_over) = (AtomicU64::new(self.from), AtomicBool::new(false));
        let reached = Mutex::new(Reached::default());
        let failing: Mutex<Option<(u64, String)>> = Mutex::default();
        std::thread::scope(|threads| {
            for worker in 0..WORKERS {
                let (next, is_over, reached, failing) = (&next, &is_over, &reached, &failing);
                threads.spawn(move || {
                    mistake::plant(self.mistake);
                    let ran = with_runtime(|| {
                        while !is_over.load(Ordering::Relaxed) {
                            let seed = next.fetch_add(1, Ordering::Relaxed);
                            if seed >= self.from + self.seeds {
                                break;
                            }
                            let scenario = Scenario::of(seed, self.actions);
                            let verifies = self.mistake.is_none() && seed % VERIFIED_EACH == 0;
                            let outcome = play(&scenario, &folder.join(format!("worker-{worker}")), false, verifies);
                            if let Ok(mut reached) = reached.lock() {
                                reached.add(&outcome);
                            }
                            if let (Some(broken), Ok(mut failing)) = (outcome.broken, failing.lock()) {
                                is_over.store(true, Ordering::Relaxed);
                                if failing.as_ref().is_none_or(|(other, _)| seed < *other) {
                                    *failing = Some((seed, broken));
                                }
                            }
                        }
                    });
                    if let (Err(cause), Ok(mut failing)) = (ran, failing.lock()) {
                        *failing = Some((self.from, cause));
                    }
                });
            }
        });
        (
            reached.into_inner().unwrap_or_default(),
            failing.into_inner().unwrap_or_default(),
        )
    }

    /// The smallest scenario that still fails, in words.
    fn shrunk(&self, seed: u64, broken: &str, folder: &Path) -> String {
        let fails = |scenario: &Scenario| play(scenario, &folder.join("shrink"), false, false).broken;
        let mut smallest = Scenario::of(seed, self.actions);
        let mut why = broken.to_owned();
        let began = Instant::now();
        while began.elapsed() < SHRINKING {
            let mut smaller = smallest.smaller().into_iter();
            let found = smaller.find_map(|scenario| {
                let is_time = began.elapsed() < SHRINKING;
                is_time
                    .then(|| fails(&scenario).map(|broken| (scenario, broken)))
                    .flatten()
            });
            let Some((scenario, broken)) = found else { break };
            (smallest, why) = (scenario, broken);
        }
        let text = serde_json::to_string(&smallest).unwrap_or_default();
        format!(
            "seed {seed}: {broken}\nreplay: simulate --seed {seed} --actions {}\nshrunk to {} actions and {} faults: {why}\nkeep it in \
             regressions.txt, or replay it from a file: simulate --scenario FILE\n{text}",
            self.actions,
            smallest.workflows.len(),
            smallest.faults.len()
        )
    }
}

impl Reached {
    fn add(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        self.sittings += u64::from(outcome.sittings);
        self.kills += u64::from(outcome.kills);
        self.effects += outcome.effects;
        for (name, count) in &outcome.fired {
            *self.fired.entry(name.clone()).or_default() += count;
        }
        for (name, count) in &outcome.outcomes {
            *self.outcomes.entry(name.clone()).or_default() += count;
        }
    }

    /// Whether everything was there that can be.
    fn is_sighted(&self) -> Result<(), String> {
        let is_reached = |name: &&str| self.fired.contains_key(*name) || self.outcomes.contains_key(*name);
        let missing: Vec<&str> = TO_BE_REACHED.iter().copied().filter(|name| !is_reached(name)).collect();
        if self.seeds < BLIND_BELOW || missing.is_empty() {
            return Ok(());
        }
        Err(format!(
            "blind: in {} seeds there never was {}",
            self.seeds,
            missing.join(", ")
        ))
    }

    fn line(&self, actions: u32, seconds: f64) -> String {
        format!(
            "simulation: {} seeds of {actions} actions, {} commands, {} killed, {} effects, {seconds:.1} s",
            self.seeds, self.sittings, self.kills, self.effects
        )
    }
}

/// What failed once, first.
fn replay_regressions(folder: &Path) -> Result<(), String> {
    for (number, line) in REGRESSIONS.lines().filter(|line| line.starts_with('{')).enumerate() {
        let scenario: Scenario = serde_json::from_str(line).map_err(|cause| cause.to_string())?;
        let outcome = play(&scenario, &folder.join("kept"), false, true);
        if let Some(broken) = outcome.broken {
            return Err(format!("regression {} is back: {broken}\n{line}", number + 1));
        }
    }
    Ok(())
}

/// The program's own timers need a runtime around them. It is never driven: they are for people, and no time passes in here.
fn with_runtime<T>(during: impl FnOnce() -> T) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|cause| format!("a runtime cannot be made: {cause}"))?;
    let _entered = runtime.enter();
    Ok(during())
}

/// Memory where there is a place for files in it, else the temporary folder.
fn folder() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let base = if memory.is_dir() {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    };
    base.join(format!("offboard24-simulation-{}", std::process::id()))
}
