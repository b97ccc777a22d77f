//! The portal's limits: the bucket of requests, operating time, the sixty seconds of a request, and the manual block.
//!
//! Over HTTP; where something is waited for, in virtual time.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use offboard24::domain::StopReason;
use offboard24::sandbox::{CommandRecord, Options, RequestRecord, World};
use serde_json::Value;

use crate::support::bench::{Bench, cut_short, go_on_planning};
use crate::support::{Desk, HOW_TO, Portal, await_on, chosen, number, unlimited};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

/// The how-to on a portal whose commands take so long.
fn slow(command_duration: Duration, choices: &[&str]) -> Bench {
    let options = Options {
        command_duration,
        behaviour: chosen(choices),
        ..unlimited()
    };
    Bench::planned(World::sample(), options, HOW_TO, "kill")
}

/// A person who waits in so many workflows, all to be killed.
fn world_with(workflows: u32) -> World {
    let mut world = World::sample();
    for _ in 9..workflows {
        let workflow = world.start_workflow(29, "Memo");
        world.ask(&workflow, "Confirm the memo", &[29]);
    }
    world
}

/// The same on a portal whose commands take so long.
fn slow_with(workflows: u32, command_duration: Duration) -> Bench {
    let options = Options {
        command_duration,
        ..unlimited()
    };
    Bench::planned(world_with(workflows), options, HOW_TO, "kill")
}

fn with_status(portal: &Portal, status: u16) -> Vec<RequestRecord> {
    let requests = portal.requests().into_iter();
    requests.filter(|request| request.status == Some(status)).collect()
}

/// The pauses on record: why, for what, how many milliseconds.
fn pauses(desk: &Desk) -> Vec<(String, String, u64)> {
    let story = desk.story();
    let told = story.iter().filter(|event| event["kind"] == "paused");
    told.map(|event| {
        let word = |name: &str| event["data"][name].as_str().unwrap_or_default().to_owned();
        (word("reason"), word("method"), number(event, "/data/wait_ms"))
    })
    .collect()
}

#[track_caller]
fn assert_all_confirmed(bench: &Bench, actions: u64) {
    let status = bench.desk.status();
    assert_eq!(number(&status, "/actions/confirmed"), actions, "{status}");
    assert_eq!(bench.portal.destroyed().len() as u64, actions);
    bench.desk.assert_sound();
}

/// The level that was left in the file of the portal's lock.
fn level(desk: &Desk) -> f64 {
    let mut folders = vec![desk.folder().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            let level = text.split_once(' ').and_then(|(level, _)| level.parse().ok());
            if let (true, Some(level)) = (entry.path().extension().is_some_and(|ending| ending == "lock"), level) {
                return level;
            }
        }
    }
    panic!("no level is kept");
}

#[test]
fn the_level_of_the_bucket_survives_from_plan_to_apply_and_a_sigkill() {
    // A bucket so large that nothing waits, and so slow that its level is about the number of all requests so far.
    const RATE: f64 = 0.2;
    let portal = Portal::with(Options {
        rate_per_second: RATE,
        burst: 200.0,
        ..unlimited()
    });
    let pace = ["--rate", "0.2", "--burst", "200"];
    let began = Instant::now();
    let desk = Desk::at(&portal);
    let roster = desk.roster("id\n41\n");
    let assert_level = |when: &str| {
        let (level, sent) = (level(&desk), f64::from(u32::try_from(portal.requests().len()).unwrap()));
        let drained = RATE * began.elapsed().as_secs_f64();
        // What was counted and not sent any more is one request at most.
        assert!(
            (sent - drained - 0.1..=sent + 1.0).contains(&level),
            "{when}: {level} for {sent} requests"
        );
    };
    let plan = [&["plan", &roster, "--action", "kill", "--json"][..], &pace].concat();
    let plan = desk.run(&plan).expect(0).json();
    assert_level("after plan");
    let apply = [&["apply", "--confirm", plan["confirm"].as_str().unwrap()][..], &pace].concat();
    let mut child = desk.start(&apply);
    await_on(&mut child, "the first effect", || !portal.effects().is_empty());
    child.kill().unwrap();
    drop(desk.wait(child));
    assert_level("after a SIGKILL");
    let resumed = desk.run(&[&["resume", "--json"][..], &pace].concat()).expect(0).json();
    assert_level("after resume");
    assert_eq!(resumed["state"], "complete");
    assert_eq!(with_status(&portal, 503), []);
    assert_eq!(portal.destroyed().len(), 1);
    desk.assert_sound();
}

#[test]
fn apply_right_after_plan_waits_until_what_plan_sent_has_drained_and_meets_no_503() {
    const RATE: f64 = 5.0;
    const BURST: usize = 10;
    let portal = Portal::with(Options {
        rate_per_second: RATE,
        // One more than ours: requests may come a little closer to each other than they were sent.
        burst: 11.0,
        ..unlimited()
    });
    let pace = ["--rate", "5", "--burst", "10"];
    let desk = Desk::at(&portal);
    let roster = desk.roster("id\n41\n");
    let plan = [&["plan", &roster, "--action", "kill", "--json"][..], &pace].concat();
    let plan = desk.run(&plan).expect(0).json();
    let planned = portal.requests().len();
    assert!(planned <= BURST, "{planned}: planning alone has to wait for nothing");
    let apply = [&["apply", "--confirm", plan["confirm"].as_str().unwrap()][..], &pace].concat();
    desk.run(&apply).expect(0);
    let requests = portal.requests();
    assert_eq!(with_status(&portal, 503), []);
    let over = u32::try_from(requests.len() - BURST).unwrap();
    assert!(over > 4, "{over}: it had to wait");
    let took = requests[requests.len() - 1]
        .at
        .saturating_sub(requests[0].at)
        .as_secs_f64();
    assert!(took >= f64::from(over - 1) / RATE, "{over} over the burst in {took} s");
    assert_eq!(portal.destroyed().len(), 1);
    desk.assert_sound();
}

#[test]
fn at_its_own_pace_the_program_never_overruns_a_portal_with_the_true_limits() {
    let mut world = World::sample();
    for _ in 0..200 {
        let workflow = world.start_workflow(29, "Memo");
        world.ask(&workflow, "Confirm the memo", &[29]);
    }
    let options = Options {
        rate_per_second: 2.0,
        burst: 15.0,
        ..unlimited()
    };
    let bench = Bench::planned(world, options, HOW_TO, "kill").paced().with_burst(10);
    // What planning sent is forgotten by then.
    bench.time.advance(MINUTE);
    assert_eq!(bench.execute(|_| {}), None);
    assert!(bench.portal.requests().len() > 22, "{}", bench.portal.requests().len());
    assert_eq!(with_status(&bench.portal, 503), []);
    assert_all_confirmed(&bench, 209);
}

/// The pauses on record because of too many requests, in milliseconds.
fn waited_for_the_bucket(desk: &Desk) -> Vec<u64> {
    let pauses = pauses(desk).into_iter();
    pauses
        .filter(|(reason, ..)| reason == "too many requests")
        .map(|(.., wait)| wait)
        .collect()
}

/// How long to wait after so many refusals in a row: 1 2 4 … 60 s, by a quarter less or more.
fn backed_off(row: u32) -> std::ops::RangeInclusive<u64> {
    let exact = (1000 << (row - 1)).min(60_000);
    exact * 3 / 4..=exact * 5 / 4
}

/// After so many refusals in a row a question is given up, and waited for no more.
const GIVEN_UP: u32 = 8;

/// Refusals in a row.
#[derive(Debug, Default)]
struct Rows {
    /// Of questions, at most.
    questions: u32,
    /// Of destroying batches, at most.
    batches: u32,
    /// How many milliseconds passed before each question was asked again.
    waits: Vec<u64>,
}

fn milliseconds(from: &RequestRecord, to: &RequestRecord) -> u64 {
    u64::try_from(to.at.saturating_sub(from.at).as_millis()).unwrap()
}

/// Panics unless each refusal for too many requests was waited for, longer each time in a row: a question before it was asked again, and
/// a destroying batch before the next one.
#[track_caller]
fn assert_backed_off(bench: &Bench) -> Rows {
    let requests = bench.portal.requests();
    let mut rows = Rows::default();
    let mut row = 0;
    for (place, request) in requests.iter().enumerate() {
        if request.destroys() || request.status != Some(503) {
            row = 0;
            continue;
        }
        row += 1;
        rows.questions = rows.questions.max(row);
        if row == GIVEN_UP {
            row = 0;
            continue;
        }
        let wait = milliseconds(request, &requests[place + 1]);
        assert!(
            backed_off(row).contains(&wait),
            "{row}. in a row: {wait} ms after {request:?}"
        );
        rows.waits.push(wait);
    }

    let batches: Vec<&RequestRecord> = requests.iter().filter(|request| request.destroys()).collect();
    let mut row = 0;
    for pair in batches.windows(2) {
        if pair[0].status != Some(503) {
            row = 0;
            continue;
        }
        row += 1;
        rows.batches = rows.batches.max(row);
        let gap = milliseconds(pair[0], pair[1]);
        assert!(gap >= *backed_off(row).start(), "{row}. in a row: {gap} ms");
        let between = || {
            requests
                .iter()
                .filter(|request| (pair[0].number..pair[1].number).contains(&request.number))
        };
        if between().filter(|request| request.status == Some(503)).count() == 1 {
            // At two requests a second.
            let pace = 500 * between().count() as u64;
            assert!(gap <= backed_off(row).end() + pace, "{row}. in a row: {gap} ms");
        }
    }
    rows
}

#[test]
fn with_other_clients_behind_the_address_the_job_backs_off_and_completes() {
    let options = Options {
        rate_per_second: 2.0,
        burst: 14.0,
        neighbour_rate: 1.6,
        ..unlimited()
    };
    let bench = Bench::planned(World::sample(), options, HOW_TO, "kill").paced();
    assert_eq!(bench.execute(|_| {}), None);
    let refused = with_status(&bench.portal, 503);
    assert!(refused.len() > 2, "{refused:?}");
    let rows = assert_backed_off(&bench);
    assert!(rows.questions >= 1 && rows.batches >= 2, "{rows:?}");
    // Out of step with anybody else who was refused.
    assert!(rows.waits.iter().any(|wait| wait % 1000 != 0), "{rows:?}");
    assert_eq!(waited_for_the_bucket(&bench.desk), rows.waits, "as it is on record");
    assert_all_confirmed(&bench, 9);
}

#[test]
fn once_the_bucket_was_full_the_program_goes_on_at_the_rate_that_it_drains() {
    let options = Options {
        rate_per_second: 2.0,
        burst: 14.0,
        ..unlimited()
    };
    let bench = Bench::planned(World::sample(), options, HOW_TO, "kill").paced();
    assert_eq!(bench.execute(|_| {}), None);
    let refused = with_status(&bench.portal, 503);
    assert_eq!(refused.len(), 1, "somebody else filled it once: {refused:?}");
    assert_all_confirmed(&bench, 9);
}

#[test]
fn a_destroying_batch_that_came_too_soon_was_not_executed_and_nothing_of_it_is_lost() {
    let bench = Bench::how_to();
    for nth in [1, 3, 4, 6] {
        bench.portal.inject(&format!("status-503@destroy:{nth}"));
    }
    assert_eq!(bench.execute(|_| {}), None);
    let story = bench.desk.story();
    let refused: usize = with_status(&bench.portal, 503)
        .iter()
        .map(|request| request.commands.iter().filter(|command| command.destroys()).count())
        .sum();
    let not_executed = story
        .iter()
        .filter(|event| event["data"]["answer"] == "not_executed" && event["data"]["code"] == "QUERY_LIMIT_EXCEEDED");
    assert_eq!(not_executed.count(), refused);
    assert!(refused > 8, "{refused}");
    let starts = bench.portal.requests();
    for refused in with_status(&bench.portal, 503) {
        let next = starts
            .iter()
            .find(|request| request.number == refused.number + 1)
            .unwrap();
        assert!(next.at >= refused.at + Duration::from_millis(750));
    }
    assert_all_confirmed(&bench, 9);
}

#[test]
fn a_method_that_is_blocked_in_mid_batch_repeats_only_what_was_blocked_and_the_other_goes_on() {
    let roster = "id,action\n29,kill\n51,terminate\n53,terminate\n52,terminate\n";
    let bench = Bench::planned(World::sample(), unlimited(), roster.as_bytes(), "kill");
    bench.portal.inject("operating-limit@command:4");
    assert_eq!(bench.execute(|_| {}), None);
    let requests = bench.portal.requests();
    let destroying: Vec<&RequestRecord> = requests.iter().filter(|request| request.destroys()).collect();
    let sent = |workflow: &str| {
        let commands = destroying.iter().flat_map(|request| &request.commands);
        commands.filter(|command| command.params["ID"] == workflow).count()
    };
    let ends = |request: &RequestRecord| {
        let commands = request.commands.iter().filter(|command| command.destroys());
        commands
            .map(|command| command.params["ID"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let blocked = destroying.iter().find(|request| ends(request).len() > 1).unwrap();
    let twice: Vec<String> = bench.portal.destroyed().into_iter().filter(|id| sent(id) > 1).collect();
    assert_eq!(twice.len(), 1, "the one that was blocked: {twice:?}");
    assert!(ends(blocked).contains(&twice[0]), "{twice:?}");
    let meanwhile: BTreeSet<&str> = destroying
        .iter()
        .filter(|request| request.number > blocked.number && request.at < blocked.at + MINUTE)
        .flat_map(|request| &request.commands)
        .map(|command| command.method.as_str())
        .collect();
    assert_eq!(meanwhile, BTreeSet::from(["bizproc.workflow.terminate"]));
    let actions = number(&bench.desk.status(), "/actions/total");
    assert_all_confirmed(&bench, actions);
}

#[test]
fn while_batch_itself_is_blocked_only_what_was_sent_is_asked_about_directly() {
    let bench = Bench::how_to();
    // The first question of a run is the look at the canary, the second one reads it back.
    bench.portal.inject("operating-limit@bizproc.workflow.instances:2");
    let planned = bench.portal.requests().len();
    assert_eq!(bench.execute(|_| {}), None);
    let requests = bench.portal.requests();
    let refused = requests.iter().position(|request| request.status == Some(429)).unwrap();
    assert!(refused > planned && requests[refused].method == "batch");
    let (blocked_at, after) = (requests[refused].at, &requests[refused + 1..]);
    let meanwhile: Vec<&RequestRecord> = after
        .iter()
        .take_while(|request| request.at < blocked_at + MINUTE)
        .collect();
    let methods: Vec<&str> = meanwhile.iter().map(|request| request.method.as_str()).collect();
    assert_eq!(methods, ["bizproc.workflow.instances"], "{after:?}");
    assert_eq!(meanwhile[0].at, blocked_at, "at once");
    assert_all_confirmed(&bench, 9);
}

/// Blocks the portal by hand at this request; gives what the command ended with.
#[track_caller]
fn assert_stops_at_once(portal: &Portal, fault: &str, run: impl FnOnce() -> crate::support::Ended) {
    portal.inject(&format!("overload-limit@{fault}"));
    let ended = run().expect(7).json();
    assert_eq!(ended["error"]["kind"], "overload", "{fault}: {ended}");
    let last = portal.requests().pop().unwrap();
    assert_eq!(last.status, Some(503), "{fault}: nothing was sent after it");
    assert_eq!(with_status(portal, 503).len(), 1, "{fault}");
}

#[test]
fn a_manual_block_while_planning_stops_at_once_and_resume_goes_on() {
    for fault in ["user.get:1", "bizproc.task.list:1"] {
        let portal = Portal::of(World::sample());
        let desk = Desk::at(&portal);
        let roster = desk.roster(HOW_TO);
        assert_stops_at_once(&portal, fault, || {
            desk.run(&["plan", &roster, "--action", "kill", "--json"])
        });
        portal.assert_untouched();
        let plan = desk.run(&["resume", "--json"]).expect(0).json();
        desk.apply(&plan).expect(0);
        assert_eq!(portal.destroyed().len(), 9);
        desk.assert_sound();
    }
}

#[test]
fn a_manual_block_while_executing_stops_at_once_and_resume_goes_on() {
    for (fault, destroyed) in [("bizproc.task.list:1", 0), ("destroy:1", 0), ("destroy:2", 1)] {
        let portal = Portal::of(World::sample());
        let desk = Desk::at(&portal);
        let plan = desk.plan(&desk.roster(HOW_TO), "kill");
        assert_stops_at_once(&portal, fault, || desk.apply(&plan));
        assert_eq!(portal.destroyed().len(), destroyed, "{fault}");
        assert_eq!(desk.workflows_in(&["confirmed"]), portal.destroyed(), "{fault}");
        let status = desk.status();
        assert_eq!(
            (number(&status, "/in_doubt"), number(&status, "/actions/failed")),
            (0, 0),
            "{fault}"
        );
        desk.run(&["resume"]).expect(0);
        assert_eq!(portal.destroyed().len(), 9, "{fault}");
        desk.assert_sound();
    }
}

#[test]
fn batches_are_as_large_as_the_measured_duration_of_a_command_allows() {
    for (milliseconds, largest) in [(500, 20), (2_000, 10), (4_000, 5), (7_000, 2), (13_000, 1)] {
        let duration = Duration::from_millis(milliseconds);
        let bench = slow_with(45, duration);
        assert_eq!(bench.execute(|_| {}), None, "{duration:?}");
        let batches = bench.portal.batches();
        assert_eq!(batches[0], 1, "{duration:?}: the canary");
        assert_eq!(batches.iter().max(), Some(&largest), "{duration:?}: {batches:?}");
        assert_eq!(with_status(&bench.portal, 504), [], "{duration:?}: no batch was cut");
        assert_all_confirmed(&bench, 45);
    }
}

#[test]
fn a_portal_that_needs_twenty_seconds_for_one_kill_gets_them_one_by_one_from_the_first_batch_on() {
    let bench = slow(20 * SECOND, &[]);
    assert_eq!(bench.execute(|_| {}), None);
    assert_eq!(bench.portal.batches(), [1; 9]);
    assert_eq!(with_status(&bench.portal, 504), []);
    assert_all_confirmed(&bench, 9);
}

#[test]
fn a_portal_that_becomes_slow_cuts_a_batch_and_nothing_false_is_claimed() {
    for cut in ["cut-command=undone", "cut-command=done"] {
        let bench = slow(SECOND, &[cut]);
        for command in 3..=6 {
            bench.portal.inject(&format!("delay:20s@command:{command}"));
        }
        assert_eq!(bench.execute(|_| {}), None, "{cut}");
        assert_eq!(with_status(&bench.portal, 504).len(), 1, "{cut}");
        // Three were done before the cut. The one that was cut is sent again, and confirmed by that.
        assert_eq!(bench.desk.workflows_in(&["presumed"]).len(), 3, "{cut}");
        assert_eq!(bench.desk.workflows_in(&["confirmed"]).len(), 6, "{cut}");
        assert_eq!(bench.portal.destroyed().len(), 9, "{cut}");
        bench.desk.assert_sound();
    }
}

#[test]
fn where_every_kill_is_cut_and_none_is_done_they_survive_and_the_run_ends() {
    let bench = slow(70 * SECOND, &["cut-command=undone"]);
    let began = bench.time.now();
    assert_eq!(bench.execute(|_| {}), Some(StopReason::Breaker));
    let took = bench.time.now().saturating_sub(began);
    // Three attempts of a minute each, and the quiet after the last one was sent.
    assert!((3 * MINUTE + 30 * SECOND..10 * MINUTE).contains(&took), "{took:?}");
    assert_eq!(with_status(&bench.portal, 504).len(), 3);
    assert_eq!(bench.desk.workflows_in(&["survived"]).len(), 1);
    assert_eq!(number(&bench.desk.status(), "/actions/planned"), 8);
    bench.portal.assert_destroyed_nothing();
    bench.desk.assert_sound();
}

#[test]
fn where_every_kill_is_cut_and_done_all_the_same_they_are_presumed_and_the_run_ends() {
    let bench = slow(70 * SECOND, &["cut-command=done"]);
    assert_eq!(bench.execute(|_| {}), Some(StopReason::Breaker), "too blind to go on");
    let presumed = bench.desk.workflows_in(&["presumed"]);
    assert_eq!(presumed.len(), 2, "{}", bench.desk.status());
    assert_eq!(bench.portal.destroyed(), presumed);
    assert_eq!(bench.desk.workflows_in(&["confirmed"]), BTreeSet::new());
    bench.desk.assert_sound();
}

#[test]
fn a_reset_time_that_cannot_be_is_not_waited_for() {
    for reset in [
        "operating-reset=past",
        "operating-reset=hours-ahead",
        "operating-reset=negative",
    ] {
        for block in ["operating-block=sliding-window", "operating-block=ban"] {
            let options = Options {
                operating_limit_seconds: 5.0,
                command_duration: 12 * SECOND,
                behaviour: chosen(&[reset, block, "batch-billing=half-weight"]),
                ..unlimited()
            };
            let bench = Bench::planned(World::sample(), options, HOW_TO, "kill");
            let began = bench.time.now();
            assert_eq!(bench.execute(|_| {}), None, "{reset} {block}");
            let took = bench.time.now().saturating_sub(began);
            assert!(took < 180 * MINUTE, "{reset} {block}: {took:?}");
            assert_all_confirmed(&bench, 9);
        }
    }
}

#[test]
fn a_block_whose_end_is_known_is_waited_for_and_no_longer() {
    let options = Options {
        operating_limit_seconds: 15.0,
        command_duration: 4 * SECOND,
        ..unlimited()
    };
    let bench = Bench::planned(World::sample(), options, HOW_TO, "kill");
    assert_eq!(bench.execute(|_| {}), None);
    let blocked = |request: &&RequestRecord| request.destroys();
    let requests = bench.portal.requests();
    let destroying: Vec<&RequestRecord> = requests.iter().filter(blocked).collect();
    let longest = destroying
        .windows(2)
        .map(|pair| pair[1].at.saturating_sub(pair[0].at))
        .max()
        .unwrap();
    // The oldest seconds are forgotten ten minutes after they were used.
    assert!((9 * MINUTE..11 * MINUTE).contains(&longest), "{longest:?}");
    assert_all_confirmed(&bench, 9);
}

/// How many attempts the portal refused for operating time.
fn refused_for_operating_time(desk: &Desk) -> usize {
    let story = desk.story();
    let is_refusal = |event: &&Value| {
        let code = event["data"]["code"].as_str().unwrap_or_default();
        event["kind"] == "attempt_answered" && code.starts_with("OPERATION_TIME_LIMIT")
    };
    story.iter().filter(is_refusal).count()
}

#[test]
fn once_an_operating_limit_is_known_a_batch_is_no_larger_than_what_is_left_of_it() {
    for block in ["operating-block=sliding-window", "operating-block=ban"] {
        let options = Options {
            operating_limit_seconds: 15.0,
            command_duration: SECOND / 2,
            behaviour: chosen(&[block]),
            ..unlimited()
        };
        let bench = Bench::planned(world_with(130), options, HOW_TO, "kill");
        assert_eq!(bench.execute(|_| {}), None, "{block}");
        assert_all_confirmed(&bench, 130);
        let sizes: Vec<usize> = bench
            .portal
            .requests()
            .iter()
            .map(kills)
            .filter(|kills| *kills > 0)
            .collect();
        // 31 of 66 were allowed, which is how the limit is known: from then on 31 are sent in ten minutes, and none is refused.
        assert_eq!(sizes, [1, 5, 20, 40, 31, 31, 31, 6], "{block}");
        assert_eq!(refused_for_operating_time(&bench.desk), 35, "{block}");
    }
}

/// How many kills are in a request.
fn kills(request: &RequestRecord) -> usize {
    let destroys = |command: &&CommandRecord| command.destroys();
    request.commands.iter().filter(destroys).count()
}

#[test]
fn limits_while_planning_are_waited_for_and_change_nothing_of_the_plan() {
    let (portal, desk) = cut_short();
    let asked = portal.requests().len();
    for fault in [
        "operating-limit@bizproc.task.list:1",
        "status-503@bizproc.workflow.instances:1",
        "operating-limit@bizproc.workflow.instances:2",
    ] {
        portal.inject(fault);
    }
    go_on_planning(&desk, &portal, Duration::ZERO);
    let waits = pauses(&desk);
    let told: Vec<(&str, &str)> = waits
        .iter()
        .map(|(reason, method, _)| (reason.as_str(), method.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("operating time used up", "batch"),
            ("too many requests", "batch"),
            ("operating time used up", "batch")
        ]
    );
    assert!(
        waits[0].2 >= 60_000 && waits[1].2 >= 750 && waits[2].2 >= 60_000,
        "{waits:?}"
    );
    // Each of the refused ones was asked once more, as it was, and nothing else.
    let requests = portal.requests();
    for refused in requests
        .iter()
        .skip(asked)
        .filter(|request| request.status != Some(200))
    {
        let next = requests
            .iter()
            .find(|request| request.number == refused.number + 1)
            .unwrap();
        assert_eq!(next.commands, refused.commands);
    }
    portal.assert_untouched();
    let plan = desk.status();
    assert_eq!(number(&plan, "/actions/planned"), 9);
    desk.apply(&plan).expect(0);
    assert_eq!(portal.destroyed().len(), 9);
    desk.assert_sound();
}

#[test]
fn a_portal_that_stays_full_ends_the_run_for_now_and_nothing_is_claimed() {
    let options = Options {
        rate_per_second: 0.001,
        burst: 14.0,
        ..unlimited()
    };
    let bench = Bench::planned(World::sample(), options, HOW_TO, "kill");
    assert_eq!(bench.execute(|_| {}), Some(StopReason::Limit));
    let rows = assert_backed_off(&bench);
    assert_eq!(rows.questions, GIVEN_UP, "{rows:?}");
    assert!(
        bench
            .desk
            .workflows_in(&["confirmed"])
            .is_subset(&bench.portal.destroyed())
    );
    assert!(bench.portal.destroyed().len() < 9);
    let status = bench.desk.status();
    assert_eq!(
        number(&status, "/actions/failed") + number(&status, "/actions/survived"),
        0,
        "{status}"
    );
    bench.desk.assert_sound();
}

#[test]
fn who_waits_for_a_full_bucket_while_planning_can_be_stopped() {
    let portal = Portal::with(Options {
        rate_per_second: 0.001,
        burst: 6.0,
        ..unlimited()
    });
    let desk = Desk::at(&portal);
    let roster = desk.roster(HOW_TO);
    let mut child = desk.start(&["plan", &roster, "--action", "kill"]);
    await_on(&mut child, "the bucket is full", || {
        !with_status(&portal, 503).is_empty()
    });
    desk.run(&["stop"]).expect(0);
    desk.wait(child).expect(5);
    portal.assert_untouched();
    assert_eq!(desk.status()["state"], "planning");
}
