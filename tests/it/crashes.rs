//! SIGKILL and SIGINT at instants that a seed chooses, and what a resumed job comes to.
//!
//! An instant is chosen by what the portal has seen: after the n-th request, and a moment more. The seed is printed when a test fails.

use std::collections::BTreeSet;
use std::process::Child;
use std::time::{Duration, Instant};

use offboard24::sandbox::{Options, World, WorldOptions};
use serde_json::Value;

use crate::support::{Desk, Dice, Ended, Portal, ids_of, number, oracle, unlimited};

/// Longer than any run here takes.
const PATIENCE: Duration = Duration::from_mins(1);

struct Scene {
    portal: Portal,
    desk: Desk,
    roster: String,
    expected: BTreeSet<String>,
    action: &'static str,
    dice: Dice,
    /// Where the signals hit that hit something: the command, and whether it had begun to destroy.
    hits: Vec<String>,
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

    /// What an operator would type next; none when the job is over.
    fn next_command(&self) -> Option<Vec<String>> {
        let plan = || {
            vec![
                "plan".to_owned(),
                self.roster.clone(),
                "--action".to_owned(),
                self.action.to_owned(),
            ]
        };
        if !self.desk.database().exists() || self.desk.run(&["status"]).code != 0 {
            return Some(plan());
        }
        let status = self.desk.status();
        let confirmed = self.desk.story().iter().any(|event| event["kind"] == "plan_confirmed");
        let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
        match (status["plan_hash"].is_null(), confirmed) {
            (false, false) => words(&["apply", "--confirm", status["confirm"].as_str().unwrap()]),
            (false, true) if is_over(&status, &self.desk.story()) => None,
            (true, _) | (false, true) => words(&["resume"]),
        }
    }

    /// Goes on until the job is over, with a signal at up to `times` commands.
    fn play(&mut self, signal: rustix::process::Signal, times: u32) {
        for round in 0..100 {
            let Some(words) = self.next_command() else {
                return self.check();
            };
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let ended = if round < times {
                // Planning takes about ten requests here, executing about sixty.
                let requests = if words[0] == "plan" { 11 } else { 40 };
                let child = self.desk.start(&words);
                self.signal_somewhere(child, signal, requests)
            } else {
                self.desk.run(&words)
            };
            if matches!(ended.code, 130 | 137) {
                self.hits.push(words[0].to_owned());
            }
            assert!(
                matches!(ended.code, 0 | 4 | 130 | 137),
                "{words:?} ended with {}\n{}\n{}",
                ended.code,
                ended.stdout,
                ended.stderr
            );
        }
        panic!("the job never ends");
    }

    fn check(&self) {
        assert_eq!(
            self.portal.destroyed(),
            self.expected,
            "destroyed exactly once, and nothing else"
        );
        assert_eq!(self.desk.workflows_in(&["confirmed", "presumed"]), self.expected);
        self.desk.assert_every_command_was_intended(&self.portal);
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

/// Plays the scenes of these seeds, each with up to four signals, and sees that the signals really hit: at least as many as there are
/// seeds, while planning and while executing.
fn play(seeds: std::ops::Range<u64>, signal: rustix::process::Signal) {
    let mut hits = Vec::new();
    for seed in seeds.clone() {
        let times = 2 + u32::try_from(Dice(seed ^ 0xff).below(3)).unwrap();
        let played = std::panic::catch_unwind(|| {
            let mut scene = Scene::new(seed);
            scene.play(signal, times);
            scene.hits.clone()
        });
        match played {
            Ok(hit) => hits.extend(hit),
            Err(cause) => {
                eprintln!("seed {seed}, up to {times} signals");
                std::panic::resume_unwind(cause);
            }
        }
    }
    eprintln!("seeds {seeds:?}: signals hit {hits:?}");
    assert!(
        hits.len() as u64 >= seeds.end - seeds.start,
        "too few signals hit: {hits:?}"
    );
    assert!(
        hits.iter().any(|command| command == "plan"),
        "none while planning: {hits:?}"
    );
    assert!(
        hits.iter().any(|command| command != "plan"),
        "none while executing: {hits:?}"
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
    let child = scene.desk.start(&["apply", "--confirm", confirm, "--json"]);
    while scene.portal.effects().is_empty() {
        std::thread::yield_now();
    }
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
    while !portal
        .requests()
        .iter()
        .any(|request| request.destroys() && request.status.is_none())
    {
        std::thread::yield_now();
    }
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
