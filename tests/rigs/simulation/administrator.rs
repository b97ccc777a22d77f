//! What the administrator types: plan, decide, apply or run, resume until all is done, and what failed once more; and what a second person
//! types, who approves. First everything goes wrong that the scenario has; then nothing any more, and each command has to bring the jobs
//! nearer to their end.

use std::path::Path;
use std::time::Duration;

use offboard24::exit::Exit;
use offboard24::journal::key::Keys;
use offboard24::journal::verify::{Against, verify};

use super::scenario::Scenario;
use super::sitting::{Sat, sit};
use super::store::Store;
use super::world::{Shared, World};

/// Sittings in which something may go wrong.
const ROUGH_MAX: u32 = 14;

/// Runs of calm sittings without any progress.
const IDLE_MAX: u32 = 3;

/// By how much the wall clock of a scenario can be ahead.
const CLOCK_AHEAD_MAX: Duration = Duration::from_hours(12);

/// Who types what, after `sudo`.
const PLANNER: &str = "petra";
const APPROVER: &str = "anton";

/// What one scenario brought.
#[derive(Default)]
pub(super) struct Outcome {
    /// What was promised and not kept.
    pub(super) broken: Option<String>,
    pub(super) story: Vec<String>,
    pub(super) fired: std::collections::BTreeMap<String, u32>,
    pub(super) outcomes: std::collections::BTreeMap<String, u32>,
    pub(super) sittings: u32,
    pub(super) kills: u32,
    pub(super) effects: usize,
}

/// Plays a scenario from its first command to its end.
pub(super) fn play(scenario: &Scenario, folder: &Path, with_story: bool, verifies: bool) -> Outcome {
    let store = match Store::new(folder.to_owned()) {
        Ok(store) => store,
        Err(cause) => {
            return Outcome {
                broken: Some(format!("the rig cannot write {}: {cause}", folder.display())),
                ..Outcome::default()
            };
        }
    };
    let world = Shared::new(World::of(scenario, store, with_story));
    let mut administrator = Administrator {
        world: world.clone(),
        scenario,
        retries: scenario.retries,
        decisions: scenario.decisions,
        has_planned_second: scenario.second == 0,
        sittings: 0,
        kills: 0,
    };
    let ended = administrator.works().and_then(|()| administrator.closes(verifies));
    let mut world = world.lock();
    let broken = ended.err();
    if let Some(broken) = &broken {
        world.tell(|| format!("BROKEN: {broken}"));
    }
    world.checker.disconnect();
    Outcome {
        broken,
        story: world.take_story(),
        fired: std::mem::take(&mut world.fired),
        outcomes: std::mem::take(&mut world.checker.outcomes),
        sittings: administrator.sittings,
        kills: administrator.kills,
        effects: world.checker.effects(),
    }
}

struct Administrator<'a> {
    world: Shared,
    scenario: &'a Scenario,
    retries: u32,
    decisions: u32,
    has_planned_second: bool,
    sittings: u32,
    kills: u32,
}

impl Administrator<'_> {
    /// Until everything is done.
    fn works(&mut self) -> Result<(), String> {
        let mut idle = 0;
        loop {
            let is_calm = self.sittings >= ROUGH_MAX || self.world.lock().is_calm();
            if is_calm {
                self.world.lock().calms_down();
            }
            // A retry or a decision that is used up is progress, too.
            let before = self.left();
            let Some(command) = self.next_command() else {
                return Ok(());
            };
            self.types(&command)?;
            if is_calm {
                idle = if self.left() < before { 0 } else { idle + 1 };
                if idle >= IDLE_MAX {
                    return Err(format!("nothing goes on: {} again and again", command.join(" ")));
                }
            }
            let pause = Duration::from_millis(1 + self.world.lock().next_random() % 100_000);
            // A plan that a clock made that was ahead has to wait until that time has come.
            let patience = if idle > 0 { CLOCK_AHEAD_MAX } else { Duration::ZERO };
            self.world.lock().passes_time(pause + patience);
        }
    }

    /// How much is left to do, in steps of any kind.
    fn left(&self) -> usize {
        let world = self.world.lock();
        let of_job = |(number, job): (&u64, &super::checker::Job)| {
            let steps = [
                job.frozen.is_none(),
                !job.confirmed,
                !job.closed,
                !job.open_runs.is_empty(),
            ];
            steps.into_iter().filter(|left| *left).count() + world.checker.open(*number)
        };
        let planned: usize = world.checker.jobs.iter().map(of_job).sum();
        let unplanned = [world.checker.jobs.is_empty(), !self.has_planned_second];
        let unapproved = world
            .checker
            .jobs
            .values()
            .filter(|job| world.checker.waits_for_approval(job))
            .count();
        planned
            + unapproved
            + 1000 * unplanned.into_iter().filter(|left| *left).count()
            + 1000 * (self.retries + self.decisions) as usize
    }

    /// What a person would type now; none when all is done.
    fn next_command(&mut self) -> Option<Vec<String>> {
        let mut world = self.world.lock();
        let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        if world.checker.jobs.is_empty() {
            let (roster, policy) = self.files(&world, false)?;
            return if self.scenario.run {
                words(&["run", &roster, "--policy", &policy, "--max-actions", "1000"])
            } else {
                words(&["plan", &roster, "--policy", &policy])
            };
        }
        let has_begun = world.checker.jobs.get(&1).is_some_and(|job| job.confirmed);
        if !self.has_planned_second && has_begun {
            self.has_planned_second = true;
            let (roster, policy) = self.files(&world, true)?;
            return words(&["plan", &roster, "--policy", &policy]);
        }
        let waits = |job: &super::checker::Job| job.frozen.is_some() && !job.confirmed;
        let found = world.checker.jobs.iter().rev().find(|(_, job)| waits(job));
        if let (Some(number), true) = (found.map(|(number, _)| *number), self.decisions > 0) {
            self.decisions -= 1;
            let mut wishes = world.checker.decidable(number);
            // A row that is open is one of many things to decide, and the rarest.
            let is_row = |wish: &Vec<String>| wish.first().is_some_and(|word| word == "--row");
            if wishes.iter().any(is_row) && world.next_random().is_multiple_of(2) {
                wishes.retain(is_row);
            }
            let place = usize::try_from(world.next_random()).unwrap_or_default();
            if let Some(wish) = wishes.get(place % wishes.len().max(1)).cloned() {
                return Some(
                    ["decide".to_owned(), number.to_string()]
                        .into_iter()
                        .chain(wish)
                        .collect(),
                );
            }
        }
        // Impatience comes first, at times: what is not approved must not be carried out.
        let is_patient = world.is_calm() || world.next_random().is_multiple_of(2);
        let mut jobs = world.checker.jobs.iter();
        let waiting = jobs.find_map(|(number, job)| {
            world
                .checker
                .waits_for_approval(job)
                .then_some((number, job.frozen.as_ref()?))
        });
        if let (Some((number, (hash, planned))), true) = (waiting, is_patient) {
            return words(&["approve", &number.to_string(), "--confirm", &confirm(hash, *planned)]);
        }
        // The latest job first: it has to settle what the earlier one left.
        for (number, job) in world.checker.jobs.iter().rev() {
            let name = number.to_string();
            let Some((hash, planned)) = &job.frozen else {
                return words(&["resume", &name]);
            };
            if !job.confirmed {
                if *planned == 0 && job.open_runs.is_empty() {
                    continue;
                }
                // What a person decided about, a person confirms.
                if job.begun_by == "run" && !job.decided || *planned == 0 {
                    return words(&["resume", &name]);
                }
                return words(&["apply", &name, "--confirm", &confirm(hash, *planned)]);
            }
            // `status` calls a run that never ended a crash, and says `resume`.
            if world.checker.open(*number) > 0 || !job.closed || !job.open_runs.is_empty() {
                return words(&["resume", &name]);
            }
        }
        let retried = ["failed", "drifted", "survived"];
        let job = world
            .checker
            .jobs
            .keys()
            .find(|job| world.checker.count(**job, &retried) > 0)
            .copied()?;
        if self.retries == 0 {
            return None;
        }
        self.retries -= 1;
        words(&[
            "resume",
            &job.to_string(),
            "--retry",
            &retried.join(","),
            "--reason",
            "again",
        ])
    }

    /// The roster of the first job, or of the second, and the policy.
    fn files(&self, world: &World, second: bool) -> Option<(String, String)> {
        let roster = world.store.write_roster(&self.scenario.roster(second)).ok()?;
        let policy = world.store.write_policy(self.scenario.approval).ok()?;
        Some((
            roster.to_string_lossy().into_owned(),
            policy.to_string_lossy().into_owned(),
        ))
    }

    fn types(&mut self, command: &[String]) -> Result<(), String> {
        self.sittings += 1;
        let (database, key, webhook) = {
            let mut world = self.world.lock();
            world.tell(|| format!("=== {}", command.join(" ")));
            let folder = world.store.folder();
            (world.store.database(), folder.join("key"), world.store.webhook())
        };
        let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        let (database, key, webhook) = (
            database.to_string_lossy(),
            key.to_string_lossy(),
            webhook.to_string_lossy(),
        );
        let approves = command.first().is_some_and(|word| word == "approve");
        arguments.extend(["--db", &database, "--key-file", &key]);
        // Who approves asks the portal nothing.
        if !approves {
            arguments.extend(["--webhook-file", &webhook]);
            if !self.scenario.paced {
                arguments.extend(["--rate", "unlimited"]);
            }
        }
        let login = if approves { APPROVER } else { PLANNER };
        match sit(&self.world, login, &arguments) {
            Sat::Killed => {
                self.kills += 1;
                Ok(())
            }
            Sat::Broken(broken) => Err(broken),
            Sat::Ended(played) => {
                let mut world = self.world.lock();
                world.tell(|| format!("=== exit {}: {}", played.exit.code(), played.said));
                if let Some(broken) = world.broken.clone() {
                    return Err(broken);
                }
                drop(world);
                self.check_exit(played.exit, &played.said, approves)
            }
        }
    }

    /// The exit code says no better than it is; that of an approval is about the approval alone.
    fn check_exit(&self, exit: Exit, said: &str, approves: bool) -> Result<(), String> {
        let world = self.world.lock();
        if matches!(exit, Exit::Bug | Exit::Damage | Exit::Usage | Exit::Locked) {
            return Err(format!("exit {}: {said}", exit.code()));
        }
        let undone: usize = world
            .checker
            .jobs
            .keys()
            .map(|job| world.checker.count(*job, &["failed", "survived"]))
            .sum();
        let open: usize = world.checker.jobs.keys().map(|job| world.checker.open(*job)).sum();
        let is_single = world.checker.jobs.len() == 1;
        let job = world.checker.jobs.values().next();
        let is_carried_out = job.is_some_and(|job| job.confirmed);
        if is_single && is_carried_out && matches!(exit, Exit::Done | Exit::NeedsDecision) && undone + open > 0 {
            return Err(format!("exit {} with {undone} undone and {open} open", exit.code()));
        }
        if is_single && !approves && exit == Exit::Done && world.checker.count(1, &["held", "drifted"]) > 0 {
            return Err("exit 0 while something waits for a person".to_owned());
        }
        Ok(())
    }

    /// After everything.
    fn closes(&self, verifies: bool) -> Result<(), String> {
        let mut world = self.world.lock();
        world.passes_time(Duration::from_secs(200));
        if let Some(broken) = world.broken.clone() {
            return Err(broken);
        }
        world.checker.closes()?;
        if verifies {
            world.checker.disconnect();
            let database = world.store.database();
            let against = Against {
                heads: Some(world.store.heads()),
                keys: Some(Keys::read(&world.store.folder().join("key")).map_err(|cause| cause.to_string())?),
                ..Against::default()
            };
            let report = verify(&database, &against).map_err(|cause| format!("audit verify: {cause}"))?;
            if let Some(finding) = report.findings.first() {
                return Err(format!("audit verify: {}", finding.message));
            }
        }
        Ok(())
    }
}

/// What a person types to confirm a plan.
fn confirm(hash: &str, planned: u64) -> String {
    format!("portal.example:{planned}:{}", &hash[..8])
}
