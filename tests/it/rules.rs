//! The rules of the engine (design section 5) over HTTP, in virtual time: what they come to on a portal. The rules themselves are tested
//! one by one on the pure functions, in `engine::rules`.

use std::sync::atomic::{AtomicU32, Ordering};

use offboard24::domain::StopReason;
use offboard24::sandbox::World;
use offboard24::sandbox::world::User;

use crate::support::bench::{Bench, CANARY_LOOKED_AT};
use crate::support::{Desk, Portal, number, unlimited};

/// The workflows of the plan, in its order.
fn planned(bench: &Bench) -> Vec<String> {
    let events = bench.desk.story();
    let planned = events.iter().filter(|event| event["kind"] == "action_planned");
    planned
        .map(|event| event["data"]["workflow"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_first_of_a_run_goes_alone_and_a_confirmed_one_opens_the_gate() {
    let bench = Bench::how_to();
    assert_eq!(bench.execute(|_| {}), None);
    assert_eq!(bench.portal.batches(), [1, 5, 3]);
}

#[test]
fn a_canary_that_was_gone_or_changed_before_it_was_sent_leaves_its_place_to_the_next() {
    let bench = Bench::how_to();
    let planned = planned(&bench);
    bench.portal.world(|world| {
        world.finish_workflow(&planned[0]);
        world.ask(&planned[1], "One more opinion", &[2]);
    });
    assert_eq!(bench.execute(|_| {}), None);
    assert_eq!(bench.portal.batches(), [1, 5, 1]);
    assert_eq!(bench.desk.states(), "already_gone 1, confirmed 7, drifted 1");
}

#[test]
fn a_canary_that_is_unattributed_leaves_its_place_to_the_next() {
    let bench = Bench::how_to();
    let first = bench.first();
    let stopped = bench.execute_and_after(CANARY_LOOKED_AT, |world| world.finish_workflow(&first));
    assert_eq!(stopped, None);
    assert_eq!(bench.portal.batches(), [1, 1, 5, 2]);
    assert_eq!(bench.desk.states(), "confirmed 8, unattributed 1");
}

#[test]
fn a_canary_that_is_only_presumed_is_followed_by_one_more() {
    let bench = Bench::how_to_with(&["lost-answer@destroy:1"]);
    assert_eq!(bench.execute(|_| {}), None);
    assert_eq!(bench.portal.batches()[..2], [1, 1]);
    assert_eq!(bench.desk.states(), "confirmed 8, presumed 1");
}

#[test]
fn a_second_canary_that_is_only_presumed_stops_the_run() {
    let bench = Bench::how_to_with(&["lost-answer@destroy:1", "lost-answer@destroy:2"]);
    assert_eq!(bench.execute(|_| {}), Some(StopReason::Breaker));
    assert_eq!(bench.desk.states(), "planned 7, presumed 2");
    assert_eq!(bench.portal.destroyed().len(), 2);
    assert_eq!(bench.execute(|_| {}), None, "each run has its own canary");
    assert_eq!(bench.desk.states(), "confirmed 7, presumed 2");
}

#[test]
fn a_canary_that_fails_or_survives_stops_the_run_and_the_rest_stays_planned() {
    for (fault, state) in [("kill-error-present", "failed"), ("empty-promise", "survived")] {
        let bench = Bench::how_to_with(&[&format!("{fault}@destroy:1")]);
        assert_eq!(bench.execute(|_| {}), Some(StopReason::Breaker), "{fault}");
        let mut states = [format!("{state} 1"), "planned 8".to_owned()];
        states.sort();
        assert_eq!(bench.desk.states(), states.join(", "), "{fault}");
        bench.portal.assert_nothing_changed();
        bench.desk.assert_sound();
    }
}

#[test]
fn each_kind_of_a_job_with_both_has_a_canary_of_its_own() {
    let roster = b"id,action\n29,kill\n31,terminate\n33,kill\n34,terminate\n41,terminate\n";
    let bench = Bench::planned(World::sample(), unlimited(), roster, "kill");
    assert_eq!(bench.execute(|_| {}), None);
    let requests = bench.portal.requests();
    for method in ["bizproc.workflow.kill", "bizproc.workflow.terminate"] {
        let first = requests
            .iter()
            .find(|request| request.commands.iter().any(|command| command.method == method))
            .unwrap();
        let carried = first.commands.iter().filter(|command| command.destroys());
        assert_eq!(carried.count(), 1, "{method}");
    }
    let asked = |effect: &offboard24::sandbox::Effect| {
        let kind = effect.method.rsplit_once('.').unwrap().1.to_owned();
        (effect.workflow.clone(), kind)
    };
    let done: std::collections::BTreeSet<_> = bench.portal.effects().iter().map(asked).collect();
    let intended: std::collections::BTreeSet<_> = bench
        .desk
        .story()
        .iter()
        .filter(|event| event["kind"] == "action_planned" && event["data"]["holds"] == serde_json::json!([]))
        .map(|event| {
            let text = |name: &str| event["data"][name].as_str().unwrap().to_owned();
            (text("workflow"), text("do"))
        })
        .collect();
    assert_eq!(done, intended, "each as its own row asked");
    assert!(done.iter().any(|(_, kind)| kind == "kill") && done.iter().any(|(_, kind)| kind == "terminate"));
    bench.desk.assert_sound();
}

#[test]
fn more_than_half_of_a_batch_in_error_opens_the_breaker_and_the_rest_stays_planned() {
    let bench = Bench::how_to();
    let planned = planned(&bench);
    bench.portal.world(|world| {
        for stubborn in &planned[1..4] {
            world.edit_workflow(stubborn, |workflow| workflow.unkillable = true);
        }
    });
    assert_eq!(bench.execute(|_| {}), Some(StopReason::Breaker));
    assert_eq!(bench.desk.states(), "confirmed 3, failed 3, planned 3");
    assert_eq!(bench.portal.batches(), [1, 5]);
    bench.desk.assert_sound();
}

/// A job about one dismissed person who alone is waited for in so many workflows.
fn many(workflows: usize) -> Bench {
    let mut world = World::empty();
    world.add_user(User::new(2, "Ann", "Lee", "ann@example.com").dismissed());
    for _ in 0..workflows {
        let workflow = world.start_workflow(1, "Invoice");
        world.ask(&workflow, "Approve", &[2]);
    }
    Bench::planned(world, unlimited(), b"id\n2\n", "kill")
}

#[test]
fn five_errors_at_the_end_of_a_batch_open_the_breaker_although_they_are_not_more_than_half() {
    // Batches of 1, 5, 20 and, after an error, 5. Places count from 0.
    for (stubborn, stops, batches_expected) in [
        (21..=25, true, vec![1, 5, 20]),
        (22..=25, false, vec![1, 5, 20, 5, 9]),
        (20..=24, false, vec![1, 5, 20, 5, 9]),
    ] {
        let bench = many(40);
        let planned = planned(&bench);
        bench.portal.world(|world| {
            for place in stubborn.clone() {
                world.edit_workflow(&planned[place], |workflow| workflow.unkillable = true);
            }
        });
        let stopped = bench.execute(|_| {});
        assert_eq!(stopped, stops.then_some(StopReason::Breaker), "{stubborn:?}");
        assert_eq!(bench.portal.batches(), batches_expected, "{stubborn:?}");
        assert_eq!(bench.desk.workflows_in(&["failed"]).len(), stubborn.count());
        bench.desk.assert_sound();
    }
}

#[test]
fn a_failed_action_makes_the_next_batch_small() {
    let bench = Bench::planned(
        World::sample(),
        unlimited(),
        b"id\n29\n51\n53\n31\n33\n34\n41\n",
        "kill",
    );
    let fourth = planned(&bench).swap_remove(3);
    bench
        .portal
        .world(|world| world.edit_workflow(&fourth, |workflow| workflow.unkillable = true));
    assert_eq!(bench.execute(|_| {}), None);
    assert_eq!(bench.portal.batches()[..3], [1, 5, 5], "and not ten");
    assert_eq!(bench.desk.workflows_in(&["failed"]), [fourth].into());
}

#[test]
fn a_survived_action_that_is_reopened_has_new_attempts_and_the_plans_participants_still_bind() {
    let bench = Bench::how_to_with(&["empty-promise@command:4", "empty-promise@command:5"]);
    assert_eq!(bench.execute(|_| {}), None);
    assert_eq!(bench.desk.states(), "confirmed 7, survived 2");
    let survived: Vec<String> = bench.desk.workflows_in(&["survived"]).into_iter().collect();
    bench
        .portal
        .world(|world| _ = world.ask(&survived[0], "One more opinion", &[2]));
    let retried = bench
        .desk
        .run(&[
            "resume",
            "--retry",
            "survived",
            "--reason",
            "looked at by hand",
            "--json",
        ])
        .expect(4)
        .json();
    assert_eq!(number(&retried, "/actions/drifted"), 1);
    assert_eq!(bench.desk.states(), "confirmed 8, drifted 1");
    assert!(bench.portal.seen().runs(&survived[0]));
    let reopened = bench.desk.story();
    let reopened: Vec<_> = reopened
        .iter()
        .filter(|event| event["kind"] == "action_reopened")
        .collect();
    assert_eq!(reopened.len(), 2);
    bench.desk.assert_sound();
}

#[test]
fn after_a_pause_everything_is_looked_at_again_and_what_changed_in_it_is_left_alone() {
    // The second batch meets a blocked method; in the pause somebody new begins to wait, and somebody ends a workflow.
    let bench = Bench::how_to_with(&["operating-limit@destroy:2"]);
    let planned = planned(&bench);
    let (portal, steps) = (&bench.portal, AtomicU32::new(0));
    let stopped = bench.execute(|_| {
        // Look, send and ask for the canary, look and send for the batch of five.
        if steps.fetch_add(1, Ordering::Relaxed) + 1 == 5 {
            portal.world(|world| {
                world.ask(&planned[2], "One more opinion", &[2]);
                world.finish_workflow(&planned[3]);
            });
        }
    });
    assert_eq!(stopped, None);
    assert_eq!(bench.desk.states(), "already_gone 1, confirmed 7, drifted 1");
    assert!(!bench.portal.destroyed().contains(&planned[2]));
    let ages: Vec<u64> = bench
        .desk
        .story()
        .iter()
        .filter(|event| event["kind"] == "attempt_intended")
        .map(|event| event["data"]["rechecked_ms_ago"].as_u64().unwrap())
        .collect();
    assert!(ages.iter().all(|age| *age <= 60_000), "{ages:?}");
    bench.desk.assert_sound();
}

#[test]
fn somebody_who_was_hired_again_between_two_batches_keeps_what_is_left() {
    let bench = Bench::how_to();
    let (portal, steps) = (&bench.portal, AtomicU32::new(0));
    let stopped = bench.execute(|_| {
        if steps.fetch_add(1, Ordering::Relaxed) + 1 == 3 {
            portal.world(|world| world.reinstate(29));
        }
    });
    assert_eq!(stopped, None);
    assert_eq!(bench.desk.states(), "confirmed 1, drifted 8");
    assert_eq!(bench.portal.destroyed().len(), 1);
}

#[test]
fn a_workflow_that_another_job_has_in_doubt_is_settled_before_anything_else_and_never_sent_twice() {
    // The first job loses the answer to its canary, and its run dies with it.
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster("id\n29\n"), "kill");
    portal.inject("late-effect:1ms@destroy:1");
    portal.inject("auth-error-401@bizproc.workflow.instances:3");
    let first = desk.apply(&plan).expect(7).json();
    assert_eq!(number(&first, "/in_doubt"), 1, "{first}");
    let canary = desk.workflows_in(&["sent"]).pop_first().unwrap();
    // A second job finds the same workflows, and holds what the first one has left to do.
    let second = desk.plan(&desk.roster("id\n29\n31\n"), "kill");
    let story = desk.story();
    let of_second = |event: &&serde_json::Value| event["job"] == 2 && event["kind"] == "action_planned";
    let held = story
        .iter()
        .filter(of_second)
        .filter(|event| event["data"]["holds"].as_array().unwrap().contains(&"other-job".into()));
    assert!(held.count() >= 8, "{second}");
    desk.apply(&second).expect(4);
    let first = desk.run(&["status", "1", "--json"]).expect(0).json();
    assert_eq!(number(&first, "/in_doubt"), 0, "settled on the way: {first}");
    assert_eq!(desk.workflows_in(&["presumed"]), [canary.clone()].into());
    desk.run(&["resume", "1"]).expect(0);
    assert!(portal.destroyed().len() > 9);
    let requests = portal.requests();
    let commands = requests.iter().flat_map(|request| &request.commands);
    let sent = commands.filter(|command| command.destroys() && command.params["ID"] == canary.as_str());
    assert_eq!(sent.count(), 1);
    desk.assert_sound();
}
