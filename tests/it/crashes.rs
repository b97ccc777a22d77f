//! SIGKILL and SIGINT at instants that a seed chooses, and what a resumed job comes to.
//!
//! An instant is chosen by what the portal has seen: after the n-th request, and a moment more. The seed is printed when a test fails.

use std::collections::BTreeSet;
use std::process::Child;
use std::time::{Duration, Instant};

use offboard24::sandbox::{Options, RequestRecord, World, WorldOptions};
use serde_json::Value;

use crate::support::{Desk, Dice, Ended, Portal, await_on, ids_of, number, oracle, unlimited};

/// Longer than a run here is silent: three attempts that are lost one after another cost ninety seconds of quiet.
const PATIENCE: Duration = Duration::from_mins(3);

/// What may go wrong besides, but for what makes a run wait for a minute by design.
const FAULTS: &[&str] = &[
    "lost-request",
    "lost-answer",
    "lost-answer-after:2",
    "truncated-body",
    "not-json",
    "status-500-json",
    "status-500-html-after",
    "status-502-html",
    "status-502-html-after",
    "wrong-encoding",
    "late-effect:5ms",
    "redirect-302",
    "redirect-302-after",
    "missing-keys",
    "false-result",
    "both-maps",
    "error-code:ACCESS_DENIED",
    "error-code:QUERY_LIMIT_EXCEEDED",
    "dropped-filter",
];

/// What says that nothing of a request was executed, and so cannot come in the middle of one.
const REFUSALS: &[&str] = &[
    "status-503",
    "overload-limit",
    "auth-error-401",
    "access-denied",
    "portal-deleted",
];

struct Scene {
    portal: Portal,
    desk: Desk,
    roster: String,
    expected: BTreeSet<String>,
    action: &'static str,
    dice: Dice,
    /// Whether the portal has faults of its own.
    has_faults: bool,
    /// What the signals hit.
    hits: Vec<&'static str>,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let world = World::generated(40, 3, 50, seed);
        let csv = world.roster_csv(usize::MAX);
        let expected = oracle(&world, &ids_of(&csv));
        let options = Options {
            world: WorldOptions::Given(Box::new(world)),
            latency: Duration::from_millis(3),
            ..unlimited()
        };
        let portal = Portal::with(options);
        let desk = Desk::at(&portal);
        let roster = desk.roster(csv);
        let action = if seed.is_multiple_of(2) { "kill" } else { "terminate" };
        Self {
            portal,
            desk,
            roster,
            expected,
            action,
            dice: Dice(seed),
            has_faults: false,
            hits: Vec::new(),
        }
    }

    /// Sends a signal after some more requests and a moment, unless the process ends before.
    fn signal_somewhere(&mut self, mut child: Child, signal: rustix::process::Signal, requests: u64) -> Ended {
        let reached = self.portal.requests().len() as u64 + self.dice.below(requests);
        let moment = Duration::from_micros(self.dice.below(4_000));
        let began = Instant::now();
        while (self.portal.requests().len() as u64) < reached && child.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < PATIENCE, "the process neither asks nor ends");
            std::thread::yield_now();
        }
        let then = Instant::now();
        while then.elapsed() < moment {
            std::hint::spin_loop();
        }
        if child.try_wait().unwrap().is_none() {
            let process = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
            rustix::process::kill_process(process, signal).unwrap();
        }
        self.desk.wait(child)
    }

    /// One or two things that go wrong soon: with any request, with a batch of kills, or with one of its commands.
    fn inject_faults(&mut self) {
        for _ in 0..=self.dice.below(2) {
            let pick = self.dice.below((FAULTS.len() + REFUSALS.len()) as u64);
            let pick = usize::try_from(pick).unwrap();
            let fault = FAULTS.iter().chain(REFUSALS).nth(pick).unwrap();
            let places = if pick < FAULTS.len() { 3 } else { 2 };
            let (place, places) =
                [("request", 25), ("destroy", 5), ("command", 20)][usize::try_from(self.dice.below(places)).unwrap()];
            let nth = 1 + self.dice.below(places);
            let fault = format!("{fault}@{place}:{nth}");
            eprintln!("  {fault}");
            self.portal.inject(&fault);
        }
    }

    /// What an operator would type next, and whether that is planning; none when the job is over.
    fn next_command(&self) -> Option<(Vec<String>, bool)> {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        if !self.desk.database().exists() || self.desk.run(&["status"]).code != 0 {
            return Some((words(&["plan", &self.roster, "--action", self.action]), true));
        }
        let status = self.desk.status();
        let confirmed = self.desk.story().iter().any(|event| event["kind"] == "plan_confirmed");
        match (status["plan_hash"].is_null(), confirmed) {
            (true, _) => Some((words(&["resume"]), true)),
            (false, false) => Some((
                words(&["apply", "--confirm", status["confirm"].as_str().unwrap()]),
                false,
            )),
            (false, true) if number(&status, "/actions/survived") > 0 => Some((
                words(&["resume", "--retry", "survived", "--reason", "it is still listed"]),
                false,
            )),
            (false, true) if is_over(&status, &self.desk.story()) => None,
            (false, true) => Some((words(&["resume"]), false)),
        }
    }

    /// Goes on until the job is over, with at most so many signals while planning and while executing.
    fn play(&mut self, signal: rustix::process::Signal, mut planning: u64, mut executing: u64) {
        for _ in 0..100 {
            let Some((words, is_planning)) = self.next_command() else {
                return self.check();
            };
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            // Planning takes about ten requests here, executing about twenty.
            let (left, requests) = if is_planning {
                (&mut planning, 9)
            } else {
                (&mut executing, 14)
            };
            let signals = *left > 0;
            *left = left.saturating_sub(1);
            if signals && self.has_faults {
                self.inject_faults();
            }
            let ended = if signals {
                let child = self.desk.start(&words);
                self.signal_somewhere(child, signal, requests)
            } else {
                self.desk.run(&words)
            };
            if matches!(ended.code, 130 | 137) {
                self.hits.push(if is_planning { "planning" } else { "executing" });
            }
            // Whatever the portal's faults lead to is told as what it is, and goes on.
            let is_told = self.has_faults && matches!(ended.code, 3 | 6 | 7 | 9);
            assert!(
                is_told || matches!(ended.code, 0 | 4 | 130 | 137),
                "{words:?} ended with {}\n{}\n{}",
                ended.code,
                ended.stdout,
                ended.stderr
            );
        }
        panic!("the job never ends");
    }

    fn check(&self) {
        let status = self.desk.status();
        assert_eq!(
            self.portal.destroyed(),
            self.expected,
            "destroyed exactly once, and nothing else: {status}"
        );
        assert_eq!(self.desk.workflows_in(&["confirmed", "presumed"]), self.expected);
        assert!(!self.portal.effects().is_empty(), "nothing was sent at all");
        let status = self.desk.status();
        let actions = &status["actions"];
        let parts = ["held", "confirmed", "presumed"].map(|state| number(actions, &format!("/{state}")));
        assert_eq!(parts.iter().sum::<u64>(), number(actions, "/total"), "{actions}");
        self.desk.assert_sound();
    }
}

fn is_over(status: &Value, story: &[Value]) -> bool {
    status["state"] == "complete" && story.iter().any(|event| event["kind"] == "job_closed")
}

/// Plays the scenes of these seeds and sees that the signals really hit: at least as many as there are seeds, while planning and while
/// executing.
fn play(seeds: std::ops::Range<u64>, signal: rustix::process::Signal) {
    let mut hits = Vec::new();
    for seed in seeds.clone() {
        let mut dice = Dice(seed ^ 0xff);
        let (planning, executing) = (dice.below(2), 1 + dice.below(3));
        let played = std::panic::catch_unwind(|| {
            let mut scene = Scene::new(seed);
            scene.play(signal, planning, executing);
            scene.hits.clone()
        });
        match played {
            Ok(hit) => hits.extend(hit),
            Err(cause) => {
                eprintln!("seed {seed}, up to {planning} and {executing} signals");
                std::panic::resume_unwind(cause);
            }
        }
    }
    let of = |what: &str| hits.iter().filter(|hit| **hit == what).count();
    eprintln!(
        "seeds {seeds:?}: {} hit planning, {} executing",
        of("planning"),
        of("executing")
    );
    assert!(hits.len() as u64 >= seeds.end - seeds.start, "too few signals hit");
    assert!(of("planning") > 0 && of("executing") > 4, "too few signals hit");
}

/// Plays scenes with faults from this seed on, until so many SIGKILLs have hit. Each seed is printed with what it came to.
fn kill_with_faults(first_seed: u64, kills: usize) {
    let (mut hits, mut troubled) = (0, 0);
    for seed in first_seed.. {
        if hits >= kills {
            break;
        }
        eprintln!("seed {seed}");
        let mut dice = Dice(seed ^ 0xfa);
        let (planning, executing) = (dice.below(2), 2 + dice.below(3));
        let mut scene = Scene::new(seed);
        scene.has_faults = true;
        scene.play(rustix::process::Signal::KILL, planning, executing);
        hits += scene.hits.len();
        let odd = |request: &RequestRecord| request.status != Some(200);
        troubled += scene.portal.requests().iter().filter(|request| odd(request)).count();
        eprintln!("seed {seed}: {:?}", scene.hits);
    }
    eprintln!("{hits} hits, {troubled} requests without a good answer");
    // Without faults there are none: what a killed process has sent is answered all the same.
    assert!(troubled * 4 >= hits, "the faults did not happen");
}

#[test]
fn a_job_killed_while_the_portal_has_faults_is_finished_by_resume_kills_1_to_25() {
    kill_with_faults(1_000, 25);
}

#[test]
fn a_job_killed_while_the_portal_has_faults_is_finished_by_resume_kills_26_to_50() {
    kill_with_faults(2_000, 25);
}

#[test]
fn a_job_killed_while_the_portal_has_faults_is_finished_by_resume_kills_51_to_75() {
    kill_with_faults(3_000, 25);
}

#[test]
fn a_job_killed_while_the_portal_has_faults_is_finished_by_resume_kills_76_to_100() {
    kill_with_faults(4_000, 25);
}

#[test]
#[ignore = "takes as long as it is told to: OFFBOARD24_KILLS, and OFFBOARD24_SEED to begin with"]
fn a_job_killed_while_the_portal_has_faults_is_finished_by_resume_as_many_kills_as_asked_for() {
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse().ok());
    let kills = number("OFFBOARD24_KILLS").unwrap_or(1_000);
    kill_with_faults(
        number("OFFBOARD24_SEED").unwrap_or(10_000),
        usize::try_from(kills).unwrap(),
    );
}

#[test]
fn a_job_killed_at_random_instants_is_finished_by_resume_seeds_0_to_9() {
    play(0..10, rustix::process::Signal::KILL);
}

#[test]
fn a_job_killed_at_random_instants_is_finished_by_resume_seeds_10_to_19() {
    play(10..20, rustix::process::Signal::KILL);
}

#[test]
fn a_job_killed_at_random_instants_is_finished_by_resume_seeds_20_to_29() {
    play(20..30, rustix::process::Signal::KILL);
}

#[test]
fn a_job_interrupted_at_random_instants_is_finished_by_resume() {
    play(100..110, rustix::process::Signal::INT);
}

#[test]
fn an_interrupted_apply_finishes_its_batch_and_says_how_to_go_on() {
    let mut scene = Scene::new(500);
    let plan = scene.desk.plan(&scene.roster.clone(), "kill");
    let confirm = plan["confirm"].as_str().unwrap();
    let mut child = scene.desk.start(&["apply", "--confirm", confirm, "--json"]);
    await_on(&mut child, "the first effect", || !scene.portal.effects().is_empty());
    let ended = scene
        .signal_somewhere(child, rustix::process::Signal::TERM, 1)
        .expect(143);
    let status = ended.json();
    assert_eq!(
        (status["state"].as_str(), status["stop_reason"].as_str()),
        (Some("stopped"), Some("signal"))
    );
    assert_eq!(number(&status, "/in_doubt"), 0, "the batch in flight was read back");
    assert!(ended.stderr.contains("press again"), "{}", ended.stderr);
    scene.desk.run(&["resume"]).expect(4);
    scene.check();
}

#[test]
fn what_another_job_left_in_doubt_is_settled_before_a_new_job_sends_anything() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let first = desk.plan(&desk.roster("id\n29\n"), "kill");
    portal.inject("delay:30s@destroy:2");
    let mut child = desk.start(&["apply", "--confirm", first["confirm"].as_str().unwrap()]);
    await_on(&mut child, "a batch is under way", || {
        let requests = portal.requests();
        requests
            .iter()
            .any(|request| request.destroys() && request.status.is_none())
    });
    child.kill().unwrap();
    desk.wait(child).expect(137);
    let in_doubt = desk.workflows_in(&["sent"]);
    assert!(!in_doubt.is_empty());
    let status = desk.status();
    assert_eq!(
        (status["state"].as_str(), status["stop_reason"].as_str()),
        (Some("stopped"), Some("crash"))
    );
    assert_eq!(number(&status, "/in_doubt"), in_doubt.len() as u64);

    let second = desk.plan(&desk.roster("id\n41\n"), "kill");
    let asked_before = portal.requests().len();
    desk.apply(&second).expect(0);
    let first_destroying = portal.requests()[asked_before..]
        .iter()
        .position(offboard24::sandbox::RequestRecord::destroys)
        .unwrap();
    let questions = &portal.requests()[asked_before..asked_before + first_destroying];
    for workflow in &in_doubt {
        let asked = |request: &offboard24::sandbox::RequestRecord| {
            request.commands.iter().any(|command| {
                command.method == "bizproc.workflow.instances" && command.params.to_string().contains(workflow.as_str())
            })
        };
        assert!(questions.iter().any(asked), "{workflow} was not asked about first");
    }
    assert!(desk.workflows_in(&["sent"]).is_empty());
    desk.run(&["resume", "1"]).expect(0);
    desk.assert_sound();
}
