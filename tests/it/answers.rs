//! One test for each line of the classification of answers (`audit-and-durability`, section 2), over HTTP, and in virtual time where it
//! waits.
//!
//! The scene is the sample's how-to: nine workflows of one person, killed as one (the canary), five and three.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::support::bench::{Bench, CANARY_ASKED_ABOUT, CANARY_LOOKED_AT};
use crate::support::{HOW_TO, unlimited};
use offboard24::domain::StopReason;
use offboard24::sandbox::behaviour::AuthStatus;
use offboard24::sandbox::{Behaviour, Options, RequestRecord, World};

/// For how long no attempt may be called without effect.
const QUIET: Duration = Duration::from_secs(90);

#[test]
fn without_a_connection_nothing_was_sent_and_the_actions_are_planned_again() {
    // How many requests there are before the second destroying one is the same each time.
    let before = {
        let bench = Bench::how_to();
        assert_eq!(bench.execute(|_| {}), None);
        let requests = bench.portal.requests();
        let destroying = requests.iter().enumerate().filter(|(_, request)| request.destroys());
        destroying.map(|(place, _)| place).nth(1).unwrap()
    };
    let bench = Bench::how_to_behind_a_gate(before);
    let (gate, portal, closed) = (bench.gate(), &bench.portal, AtomicU32::new(0));
    let stopped = bench.execute(|_| {
        // Every step that needs no connection, or finds none, leaves the portal as it is.
        if portal.requests().len() == before && closed.fetch_add(1, Ordering::Relaxed) == 2 {
            assert_eq!(portal.effects().len(), 1, "only the canary came through");
            gate.open(1_000);
        }
    });
    assert_eq!(stopped, None);
    assert_eq!(bench.desk.states(), "confirmed 9");
    let not_executed: Vec<_> = bench
        .desk
        .answers()
        .into_iter()
        .filter(|(taken_for, _)| taken_for != "yes")
        .collect();
    assert!(!not_executed.is_empty());
    let expected = ("not_executed".to_owned(), "not connected".to_owned());
    assert!(
        not_executed.iter().all(|answer| *answer == expected),
        "{not_executed:?}"
    );
    assert_eq!(bench.portal.destroyed().len(), 9);
    bench.desk.assert_sound();
}

#[test]
fn an_answer_that_is_none_leaves_every_action_of_the_batch_in_doubt() {
    for fault in [
        "lost-request",
        "lost-answer",
        "truncated-body",
        "not-json",
        "status-500-html",
        "status-502-html-after",
        "redirect-302-after",
    ] {
        let bench = Bench::how_to_with(&[&format!("{fault}@destroy:2")]);
        let stopped = bench.execute(|_| {});
        assert_eq!(stopped.is_some(), fault.starts_with("redirect"), "{fault}");
        let of_the_batch = &bench.desk.answers()[1..6];
        assert!(
            of_the_batch.iter().all(|(taken_for, _)| taken_for == "in_doubt"),
            "{fault}: {of_the_batch:?}"
        );
        bench.desk.assert_sound();
    }
}

#[test]
fn a_batch_that_is_refused_as_a_whole_was_not_executed_and_costs_no_attempt() {
    // Four times, which is more than there are attempts; the fifth attempt is lost, and is the first that counts.
    for fault in ["status-503", "operating-limit"] {
        let faults = [2, 3, 4, 5].map(|nth| format!("{fault}@destroy:{nth}"));
        let bench = Bench::how_to_with(&faults.each_ref().map(String::as_str));
        bench.portal.inject("lost-request@destroy:6");
        assert_eq!(bench.execute(|_| {}), None, "{fault}");
        assert_eq!(bench.desk.states(), "confirmed 9", "{fault}");
        assert_eq!(bench.desk.answered("not_executed"), 20, "{fault}: four batches of five");
        assert_eq!(bench.desk.answered("in_doubt"), 5, "{fault}");
        bench.desk.assert_sound();
    }
}

#[test]
fn a_manual_block_or_a_refused_webhook_was_not_executed_and_stops_the_run() {
    for fault in ["overload-limit", "auth-error-401"] {
        let bench = Bench::how_to_with(&[&format!("{fault}@destroy:2")]);
        assert_eq!(bench.execute(|_| {}), Some(StopReason::Auth), "{fault}");
        let last = bench.portal.requests().pop().unwrap();
        assert!(
            last.destroys(),
            "{fault}: nothing is asked after it, since nothing is in doubt"
        );
        assert_eq!(bench.desk.states(), "confirmed 1, planned 8", "{fault}");
        assert_eq!(bench.desk.answered("not_executed"), 5, "{fault}");
        assert_eq!(bench.execute(|_| {}), None, "{fault}");
        assert_eq!(bench.desk.states(), "confirmed 9", "{fault}");
    }
}

#[test]
fn a_webhook_that_is_revoked_in_mid_run_is_told_by_its_code_whatever_the_status() {
    for auth_status in [AuthStatus::Unauthorized401, AuthStatus::Forbidden403] {
        let options = Options {
            behaviour: Behaviour {
                auth_status,
                ..Behaviour::default()
            },
            ..unlimited()
        };
        let bench = Bench::planned(World::sample(), options, HOW_TO, "kill");
        let stopped = bench.execute_and_after(CANARY_LOOKED_AT, |world| world.webhook.valid = false);
        assert_eq!(stopped, Some(StopReason::Auth), "{auth_status:?}");
        assert_eq!(
            bench.desk.answers(),
            [(
                "not_executed".to_owned(),
                "not authorised: INVALID_CREDENTIALS".to_owned()
            )]
        );
        bench.portal.assert_nothing_changed();
        bench.portal.world(|world| world.webhook.valid = true);
        assert_eq!(bench.execute(|_| {}), None);
        assert_eq!(bench.desk.states(), "confirmed 9");
    }
}

#[test]
fn a_literal_true_is_confirmed_when_the_read_back_agrees() {
    let bench = Bench::how_to_with(&[]);
    assert_eq!(bench.execute(|_| {}), None);
    assert_eq!(bench.desk.states(), "confirmed 9");
    let kinds: Vec<String> = bench
        .desk
        .story()
        .iter()
        .map(|event| event["kind"].as_str().unwrap().to_owned())
        .filter(|kind| kind.starts_with("attempt_") || kind == "action_ended")
        .take(3)
        .collect();
    assert_eq!(kinds, ["attempt_intended", "attempt_answered", "action_ended"]);
    let requests = bench.portal.requests();
    let canary = requests.iter().position(RequestRecord::destroys).unwrap();
    let next = &requests[canary + 1].commands;
    assert!(
        next.iter()
            .any(|command| command.method == "bizproc.workflow.instances"),
        "a yes is followed by a question: {next:?}"
    );
}

#[test]
fn a_literal_true_for_a_workflow_that_goes_later_is_confirmed_and_not_sent_again() {
    let bench = Bench::how_to_with(&["late-promise:60s@command:4"]);
    let began = bench.time.now();
    assert_eq!(bench.execute(|_| {}), None);
    assert!(
        bench.time.now().saturating_sub(began) >= QUIET,
        "it is asked again, and not before 90 s"
    );
    assert_eq!(bench.desk.states(), "confirmed 9");
    assert_eq!(bench.portal.destroyed().len(), 9);
    bench.desk.assert_sound();
}

#[test]
fn a_literal_true_for_a_workflow_that_stays_is_survived_and_not_sent_again() {
    let bench = Bench::how_to_with(&["empty-promise@command:4"]);
    let began = bench.time.now();
    assert_eq!(bench.execute(|_| {}), None);
    assert!(bench.time.now().saturating_sub(began) >= QUIET);
    assert_eq!(bench.desk.states(), "confirmed 8, survived 1");
    let survived = bench.desk.workflows_in(&["survived"]);
    let requests = bench.portal.requests();
    let commands = requests.iter().flat_map(|request| &request.commands);
    let sent =
        commands.filter(|command| command.destroys() && survived.contains(command.params["ID"].as_str().unwrap()));
    assert_eq!(sent.count(), 1);
    assert!(bench.portal.destroyed().is_disjoint(&survived));
    bench.desk.assert_sound();
}

#[test]
fn a_result_that_is_not_true_in_both_maps_or_in_neither_is_in_doubt_and_so_is_nothing_else() {
    for (fault, code, expected) in [
        ("false-result", "the result is not true", "confirmed 9"),
        (
            "both-maps",
            "among the results and among the errors",
            "confirmed 8, presumed 1",
        ),
        (
            "missing-keys",
            "neither among the results nor among the errors",
            "confirmed 8, presumed 1",
        ),
    ] {
        let bench = Bench::how_to_with(&[&format!("{fault}@command:4")]);
        assert_eq!(bench.execute(|_| {}), None, "{fault}");
        assert_eq!(bench.desk.states(), expected, "{fault}");
        let doubts: Vec<(String, String)> = bench
            .desk
            .answers()
            .into_iter()
            .filter(|(taken_for, _)| taken_for == "in_doubt")
            .collect();
        assert_eq!(doubts, [("in_doubt".to_owned(), code.to_owned())], "{fault}");
        bench.desk.assert_sound();
    }
}

#[test]
fn a_command_that_a_limit_refuses_costs_no_attempt_and_the_rest_of_its_batch_keeps_its_answers() {
    for fault in ["error-code:QUERY_LIMIT_EXCEEDED", "operating-limit"] {
        // The fourth command, and then each of its next three attempts, which come after all others; the fifth is lost.
        let faults = [4, 10, 11, 12].map(|nth| format!("{fault}@command:{nth}"));
        let bench = Bench::how_to_with(&faults.each_ref().map(String::as_str));
        bench.portal.inject("lost-request@command:13");
        assert_eq!(bench.execute(|_| {}), None, "{fault}");
        assert_eq!(bench.desk.states(), "confirmed 9", "{fault}");
        assert_eq!(
            ["not_executed", "in_doubt", "yes"].map(|answer| bench.desk.answered(answer)),
            [4, 1, 9],
            "{fault}"
        );
        bench.desk.assert_sound();
    }
}

#[test]
fn a_command_that_is_refused_for_good_was_not_executed_and_stops_the_run() {
    // What the webhook may not do, and what only a mistake of ours could have sent.
    for (code, reason) in [
        ("ACCESS_DENIED", StopReason::Auth),
        ("insufficient_scope", StopReason::Auth),
        ("WRONG_LICENSE", StopReason::Auth),
        ("ERROR_METHOD_NOT_FOUND", StopReason::Auth),
        ("ERROR_BATCH_LENGTH_EXCEEDED", StopReason::Breaker),
        ("ERROR_BATCH_METHOD_NOT_ALLOWED", StopReason::Breaker),
        ("ERROR_WRONG_WORKFLOW_ID", StopReason::Breaker),
    ] {
        let bench = Bench::how_to_with(&[&format!("error-code:{code}@command:4")]);
        assert_eq!(bench.execute(|_| {}), Some(reason), "{code}");
        assert_eq!(bench.desk.states(), "confirmed 5, planned 4", "{code}");
        assert_eq!(bench.desk.answered("not_executed"), 1, "{code}");
        assert_eq!(bench.portal.destroyed().len(), 5, "{code}");
        assert_eq!(bench.execute(|_| {}), None, "{code}");
        assert_eq!(bench.desk.states(), "confirmed 9", "{code}");
        bench.desk.assert_sound();
    }
}

#[test]
fn an_error_from_inside_the_method_is_failed_when_the_workflow_is_still_listed() {
    for fault in [
        "kill-error-present",
        "error-code:ERROR_CORE",
        "error-code:ERROR_ARGUMENT",
        "error-code:INTERNAL_SERVER_ERROR",
    ] {
        let bench = Bench::how_to_with(&[&format!("{fault}@command:4")]);
        let began = bench.time.now();
        assert_eq!(bench.execute(|_| {}), None, "{fault}");
        assert_eq!(bench.desk.states(), "confirmed 8, failed 1", "{fault}");
        assert!(
            bench.time.now().saturating_sub(began) < QUIET,
            "{fault}: nothing is left that could take effect"
        );
        let failed = bench.desk.workflows_in(&["failed"]);
        assert!(bench.portal.destroyed().is_disjoint(&failed), "{fault}");
        bench.desk.assert_sound();
    }
}

#[test]
fn an_error_from_inside_the_method_is_unattributed_when_the_workflow_is_gone_and_no_attempt_went_unanswered() {
    let bench = Bench::how_to_with(&[]);
    let theirs = bench.first();
    // It ends by itself after the look and before the kill.
    let stopped = bench.execute_and_after(CANARY_LOOKED_AT, |world| world.finish_workflow(&theirs));
    assert_eq!(stopped, None);
    assert_eq!(bench.desk.states(), "confirmed 8, unattributed 1");
    assert_eq!(bench.desk.workflows_in(&["unattributed"]), [theirs.clone()].into());
    assert!(!bench.portal.destroyed().contains(&theirs));
    bench.desk.assert_sound();
}

#[test]
fn an_error_from_inside_the_method_is_presumed_when_an_earlier_attempt_went_unanswered() {
    // The first attempt takes effect after the look before the second one.
    let bench = Bench::how_to_with(&["late-effect:1s@destroy:1"]);
    let steps = AtomicU32::new(0);
    let stopped = bench.execute(|_| {
        if steps.fetch_add(1, Ordering::Relaxed) + 1 == CANARY_ASKED_ABOUT + 1 {
            bench.time.advance(Duration::from_secs(2));
        }
    });
    assert_eq!(stopped, None);
    assert_eq!(bench.desk.states(), "confirmed 8, presumed 1");
    assert_eq!(
        bench.desk.answers()[..2],
        [
            ("in_doubt".to_owned(), "no answer".to_owned()),
            ("refused".to_owned(), String::new())
        ]
    );
    assert_eq!(bench.portal.destroyed().len(), 9);
    bench.desk.assert_sound();
}

#[test]
fn what_is_in_doubt_and_listed_is_sent_again_and_after_three_attempts_it_has_survived_ninety_seconds_later() {
    let bench = Bench::how_to_with(&[
        "lost-request@destroy:1",
        "lost-request@destroy:2",
        "lost-request@destroy:3",
    ]);
    let began = bench.time.now();
    assert_eq!(bench.execute(|_| {}), Some(StopReason::Breaker), "it was the canary");
    assert!(bench.time.now().saturating_sub(began) >= QUIET);
    assert_eq!(bench.desk.states(), "planned 8, survived 1");
    assert_eq!(bench.desk.answered("in_doubt"), 3);
    bench.portal.assert_nothing_changed();
    bench.desk.assert_sound();
}

#[test]
fn what_is_in_doubt_and_gone_is_presumed() {
    let bench = Bench::how_to_with(&["lost-answer@destroy:2"]);
    assert_eq!(bench.execute(|_| {}), None);
    assert_eq!(bench.desk.states(), "confirmed 4, presumed 5");
    assert_eq!(bench.portal.destroyed().len(), 9);
    bench.desk.assert_sound();
}

#[test]
fn what_is_gone_at_the_re_check_was_gone_before() {
    let bench = Bench::how_to_with(&[]);
    let theirs = bench.first();
    bench.portal.world(|world| world.finish_workflow(&theirs));
    assert_eq!(bench.execute(|_| {}), None);
    assert_eq!(bench.desk.states(), "already_gone 1, confirmed 8");
    assert_eq!(bench.portal.destroyed().len(), 8);
    bench.desk.assert_sound();
}

#[test]
fn what_is_gone_at_the_re_check_after_an_unanswered_attempt_is_presumed() {
    let bench = Bench::how_to_with(&["lost-request@destroy:1"]);
    let theirs = bench.first();
    let stopped = bench.execute_and_after(CANARY_ASKED_ABOUT, |world| world.finish_workflow(&theirs));
    assert_eq!(stopped, None);
    assert_eq!(bench.desk.states(), "confirmed 8, presumed 1");
    assert_eq!(bench.desk.workflows_in(&["presumed"]), [theirs].into());
    bench.desk.assert_sound();
}

#[test]
fn what_changed_at_the_re_check_is_drifted_at_once_when_no_attempt_went_unanswered() {
    let bench = Bench::how_to_with(&[]);
    let theirs = bench.first();
    bench
        .portal
        .world(|world| _ = world.ask(&theirs, "One more opinion", &[2]));
    let began = bench.time.now();
    assert_eq!(bench.execute(|_| {}), None);
    assert!(bench.time.now().saturating_sub(began) < QUIET);
    assert_eq!(bench.desk.states(), "confirmed 8, drifted 1");
    assert!(!bench.portal.destroyed().contains(&theirs));
    bench.desk.assert_sound();
}

#[test]
fn what_changed_at_the_re_check_after_an_unanswered_attempt_is_settled_ninety_seconds_after_it() {
    for (is_gone_by_then, expected) in [(false, "drifted"), (true, "presumed")] {
        let bench = Bench::how_to_with(&["lost-request@destroy:1"]);
        let theirs = bench.first();
        let began = bench.time.now();
        let steps = AtomicU32::new(0);
        let stopped = bench.execute(|_| match steps.fetch_add(1, Ordering::Relaxed) + 1 {
            CANARY_ASKED_ABOUT => bench
                .portal
                .world(|world| _ = world.ask(&theirs, "One more opinion", &[2])),
            step if step == CANARY_ASKED_ABOUT + 1 && is_gone_by_then => {
                bench.portal.world(|world| world.finish_workflow(&theirs));
            }
            _ => {}
        });
        assert_eq!(stopped, None);
        assert!(bench.time.now().saturating_sub(began) >= QUIET, "{expected}");
        assert_eq!(bench.desk.states(), format!("confirmed 8, {expected} 1"));
        assert!(!bench.portal.destroyed().contains(&theirs));
        bench.desk.assert_sound();
    }
}
