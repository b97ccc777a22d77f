//! Lost and strange answers to destroying batches: no false `confirmed`, no effect twice, and the job ends.

use std::collections::BTreeSet;

use offboard24::sandbox::World;

use crate::support::{Desk, HOW_TO, Portal, number};

/// What a fault may lead to.
struct Expected {
    fault: &'static str,
    /// Exit code of the first `apply`.
    code: i32,
    /// Whether what the fault hit is destroyed in the end by an attempt that nobody confirmed.
    presumed: bool,
}

const fn case(fault: &'static str, code: i32, presumed: bool) -> Expected {
    Expected { fault, code, presumed }
}

/// Every fault of the stand-in that hits a whole batch, but those after which a run waits for a minute or more; `waiting` has these.
const BATCH_FAULTS: &[Expected] = &[
    case("lost-request", 0, false),
    case("lost-answer", 0, true),
    case("lost-answer-after:1", 0, true),
    case("truncated-body", 0, true),
    case("not-json", 0, true),
    case("status-500-json", 0, false),
    case("status-500-json-after", 0, true),
    case("status-500-html", 0, false),
    case("status-500-html-after", 0, true),
    case("status-502-html", 0, false),
    case("status-502-html-after", 0, true),
    case("status-503", 0, false),
    case("overload-limit", 7, false),
    case("wrong-encoding", 0, true),
    case("delay:50ms", 0, false),
    case("late-effect:1ms", 0, true),
    case("redirect-302", 7, false),
    case("redirect-302-after", 7, true),
    case("auth-error-401", 7, false),
    case("missing-keys", 0, true),
    case("false-result", 0, false),
];

fn theirs(portal: &Portal) -> BTreeSet<String> {
    portal.world(|world| world.waiting_for(29).map(|task| task.workflow.clone()).collect())
}

/// One job of nine actions with one fault: everything that must hold, whatever the fault was.
fn play(expected: &Expected, place: &str, action: &str) {
    let fault = format!("{}@{place}", expected.fault);
    let portal = Portal::of(World::sample());
    let theirs = theirs(&portal);
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), action);
    portal.inject(&fault);
    let ended = desk.apply(&plan);
    assert_eq!(ended.code, expected.code, "{fault}\n{}\n{}", ended.stdout, ended.stderr);
    if ended.code != 0 {
        assert!(ended.json()["error"]["message"].is_string(), "{fault}");
        assert!(
            desk.workflows_in(&["confirmed"]).is_subset(&portal.destroyed()),
            "{fault}: a false confirmed"
        );
        desk.run(&["resume"]).expect(0);
    }
    let status = desk.status();
    assert_eq!(status["state"], "complete", "{fault}");
    assert_eq!(
        portal.destroyed(),
        theirs,
        "{fault}: each destroyed once, and nothing else"
    );
    let presumed = number(&status, "/actions/presumed");
    assert_eq!(presumed > 0, expected.presumed, "{fault}: {presumed} presumed");
    assert_eq!(number(&status, "/actions/confirmed") + presumed, 9, "{fault}: {status}");
    assert_confirmed_were_answered(&portal, &desk, &fault);
    desk.assert_sound();
}

/// A workflow whose only destroying request was never answered cannot be confirmed.
fn assert_confirmed_were_answered(portal: &Portal, desk: &Desk, fault: &str) {
    let requests = portal.requests();
    let answered: BTreeSet<String> = portal
        .effects()
        .iter()
        .filter(|effect| {
            requests
                .iter()
                .any(|request| request.number == effect.request && request.status == Some(200))
        })
        .map(|effect| effect.workflow.clone())
        .collect();
    let confirmed = desk.workflows_in(&["confirmed"]);
    assert!(confirmed.is_subset(&answered), "{fault}: a false confirmed");
}

#[test]
fn a_fault_on_the_first_destroying_batch_leads_to_no_false_claim() {
    for expected in BATCH_FAULTS {
        play(expected, "destroy:1", "kill");
    }
}

#[test]
fn a_fault_on_a_destroying_batch_in_the_middle_leads_to_no_false_claim() {
    for expected in BATCH_FAULTS {
        play(expected, "destroy:2", "terminate");
    }
}

#[test]
fn a_fault_on_one_command_in_the_middle_of_a_batch_leads_to_no_false_claim() {
    for expected in [
        case("missing-keys", 0, true),
        case("false-result", 0, false),
        case("lost-request", 0, true),
        case("lost-answer", 0, true),
        case("truncated-body", 0, true),
        case("not-json", 0, true),
        case("status-502-html-after", 0, true),
        case("delay:50ms", 0, false),
    ] {
        play(&expected, "command:4", "kill");
        play(&expected, "command:4", "terminate");
    }
}

#[test]
fn a_refusal_of_a_workflow_that_stays_is_failed_and_stops_the_canary() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    portal.inject("kill-error-present@destroy:1");
    let status = desk.apply(&plan).expect(3).json();
    assert_eq!(
        (number(&status, "/actions/failed"), number(&status, "/actions/planned")),
        (1, 8)
    );
    assert_eq!(
        (status["state"].as_str(), status["stop_reason"].as_str()),
        (Some("stopped"), Some("breaker"))
    );
    assert!(portal.destroyed().is_empty());
    let resumed = desk
        .run(&["resume", "--retry", "failed", "--reason", "tried by hand", "--json"])
        .expect(0)
        .json();
    assert_eq!(number(&resumed, "/actions/confirmed"), 9);
    desk.assert_sound();
}

#[test]
fn a_refusal_of_the_very_last_workflow_ends_the_job_and_does_not_stop_it() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    // Seven workflows travel as one, five and one.
    let plan = desk.plan(&desk.roster("id\n51\n53\n31\n33\n34\n41\n"), "kill");
    let planned = number(&plan, "/actions/planned");
    assert_eq!(planned, 7, "{plan}");
    portal.inject("kill-error-present@command:7");
    let status = desk.apply(&plan).expect(3).json();
    assert_eq!(
        (status["state"].as_str(), status["stop_reason"].as_str()),
        (Some("complete"), None)
    );
    assert!(desk.story().iter().any(|event| event["kind"] == "job_closed"));
    desk.assert_sound();
}

#[test]
fn one_refusal_in_a_batch_is_failed_and_the_others_go_on() {
    let portal = Portal::of(World::sample());
    let theirs = theirs(&portal);
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    portal.inject("kill-error-present@command:4");
    let status = desk.apply(&plan).expect(3).json();
    assert_eq!(
        (
            number(&status, "/actions/failed"),
            number(&status, "/actions/confirmed")
        ),
        (1, 8)
    );
    let failed = desk.workflows_in(&["failed"]);
    assert_eq!(
        theirs.difference(&portal.destroyed()).cloned().collect::<BTreeSet<_>>(),
        failed
    );
    desk.assert_sound();
}

#[test]
fn a_filter_that_the_portal_drops_stops_the_job_before_anything_is_planned() {
    for method in ["bizproc.task.list", "bizproc.workflow.instances", "user.get"] {
        let portal = Portal::of(World::sample());
        let desk = Desk::at(&portal);
        let roster = desk.roster(HOW_TO);
        // The preflight, the question for many, and the one for a single thing.
        for nth in 1..=3 {
            portal.inject(&format!("dropped-filter@{method}:{nth}"));
        }
        let ended = desk.run(&["plan", &roster, "--action", "kill", "--json"]);
        assert_eq!(ended.code, 6, "{method}: {}\n{}", ended.stdout, ended.stderr);
        assert!(portal.destroyed().is_empty());
        desk.assert_sound();
    }
}

#[test]
fn a_filter_that_the_portal_drops_at_the_re_check_stops_the_run() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    for nth in 1..=2 {
        portal.inject(&format!("dropped-filter@bizproc.task.list:{nth}"));
    }
    let ended = desk.apply(&plan).expect(6);
    assert_eq!(ended.json()["error"]["kind"], "widened");
    assert!(portal.destroyed().is_empty());
    desk.run(&["resume"]).expect(0);
    desk.assert_sound();
}
