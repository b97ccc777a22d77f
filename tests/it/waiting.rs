//! Rules that take their time: limits, quiet, late effects. In virtual time, over real HTTP.

use std::time::Duration;

use offboard24::domain::StopReason;
use offboard24::run::stop::Stopper;
use offboard24::sandbox::world::User;
use offboard24::sandbox::{Options, World};

use crate::support::bench::{Bench, cut_short, go_on_planning};
use crate::support::{Desk, HOW_TO, number, unlimited};

const MINUTE: Duration = Duration::from_mins(1);

#[test]
fn three_unanswered_attempts_on_a_workflow_that_stays_are_survived_after_ninety_seconds_of_quiet() {
    let bench = Bench::how_to();
    for nth in 1..=3 {
        bench.portal.inject(&format!("lost-request@destroy:{nth}"));
    }
    let began = bench.time.now();
    assert_eq!(
        bench.execute(|_| {}),
        Some(StopReason::Breaker),
        "a canary that survives stops the run"
    );
    assert!(bench.time.now().saturating_sub(began) >= Duration::from_secs(90));
    let status = bench.desk.status();
    assert_eq!(
        (
            number(&status, "/actions/survived"),
            number(&status, "/actions/planned")
        ),
        (1, 8)
    );
    assert!(bench.portal.destroyed().is_empty());
    bench.desk.assert_sound();
}

#[test]
fn a_run_whose_time_is_over_finishes_the_batch_in_flight_and_the_next_run_goes_on() {
    let bench = Bench::how_to().within(Duration::from_secs(15));
    // The canary goes out at once, a batch of five before the time is over, and the rest would be too late.
    let pass = |_: &Stopper| bench.time.advance(Duration::from_secs(4));
    assert_eq!(bench.execute(pass), Some(StopReason::Requested));
    let status = bench.desk.status();
    assert_eq!(number(&status, "/in_doubt"), 0);
    assert!(
        number(&status, "/actions/confirmed") > 0 && number(&status, "/actions/planned") > 0,
        "{status}"
    );
    while bench.execute(pass).is_some() {}
    assert_eq!(bench.desk.states(), "confirmed 9");
    bench.desk.assert_sound();
}

#[test]
fn an_effect_that_comes_late_is_presumed_and_never_survived() {
    let bench = Bench::how_to();
    // The third attempt is lost too, and takes effect 70 s later: within the quiet time.
    for nth in 1..=2 {
        bench.portal.inject(&format!("lost-request@destroy:{nth}"));
    }
    bench.portal.inject("late-effect:70s@destroy:3");
    assert_eq!(bench.execute(|_| {}), None);
    let status = bench.desk.status();
    assert_eq!(
        (
            number(&status, "/actions/presumed"),
            number(&status, "/actions/confirmed")
        ),
        (1, 8)
    );
    assert_eq!(bench.portal.destroyed().len(), 9);
    bench.desk.assert_sound();
}

#[test]
fn a_late_effect_of_the_first_attempt_makes_the_second_ones_refusal_presumed() {
    let bench = Bench::how_to();
    bench.portal.inject("late-effect:1s@destroy:1");
    assert_eq!(
        bench.execute(|_| bench.time.advance(Duration::from_millis(400))),
        None,
        "the effect comes between the question and the second attempt, or before"
    );
    let status = bench.desk.status();
    assert_eq!(number(&status, "/actions/presumed"), 1, "{status}");
    assert_eq!(bench.portal.destroyed().len(), 9);
    bench.desk.assert_sound();
}

#[test]
fn a_blocked_method_is_waited_for_and_the_attempt_does_not_count() {
    let bench = Bench::how_to();
    bench.portal.inject("operating-limit@destroy:1");
    bench.portal.inject("operating-limit@command:3");
    let began = bench.time.now();
    assert_eq!(bench.execute(|_| {}), None);
    assert!(bench.time.now().saturating_sub(began) >= 2 * MINUTE);
    let status = bench.desk.status();
    assert_eq!(number(&status, "/actions/confirmed"), 9);
    let story = bench.desk.story();
    let not_executed = story
        .iter()
        .filter(|event| event["data"]["answer"] == "not_executed")
        .count();
    assert_eq!(
        not_executed, 2,
        "the command that was blocked, and nothing else of its batch"
    );
    bench.desk.assert_sound();
}

#[test]
fn the_operating_limit_of_a_slow_portal_is_lived_with() {
    let options = Options {
        operating_limit_seconds: 10.0,
        command_duration: Duration::from_secs(4),
        ..unlimited()
    };
    let bench = Bench::planned(World::sample(), options, HOW_TO, "kill");
    assert_eq!(bench.execute(|_| {}), None);
    assert_eq!(number(&bench.desk.status(), "/actions/confirmed"), 9);
    bench.desk.assert_sound();
}

#[test]
fn somebody_new_in_a_workflow_is_drift_and_fewer_waiting_is_not() {
    // Two dismissed people wait in each of four workflows, and nobody else.
    let mut world = World::empty();
    for (id, name) in [(2, "Ann"), (3, "Bob")] {
        world.add_user(User::new(id, name, "Lee", "").dismissed());
    }
    world.add_user(User::new(4, "Cid", "Ray", "cid@example.com"));
    let both: Vec<(String, u64)> = (0..4)
        .map(|_| {
            let workflow = world.start_workflow(4, "Invoice");
            let task = world.ask(&workflow, "Approve", &[2, 3]);
            (workflow, task)
        })
        .collect();
    let bench = Bench::planned(world, unlimited(), b"id\n2\n3\n", "kill");
    let [(fewer, asked), (more, _), (theirs, delegated), (ended, _)] = <[_; 4]>::try_from(both).unwrap();
    bench.portal.world(|world| {
        world.answer_task(asked, 3, 1);
        world.ask(&more, "One more opinion", &[4]);
        world.delegate(delegated, 2, 4);
        world.finish_workflow(&ended);
    });
    assert_eq!(bench.execute(|_| {}), None);
    assert_eq!(bench.desk.states(), "already_gone 1, confirmed 1, drifted 2");
    assert_eq!(bench.portal.destroyed(), [fewer].into());
    assert_eq!(bench.desk.workflows_in(&["drifted"]), [more, theirs].into());
    bench.desk.assert_sound();
}

#[test]
fn somebody_who_was_hired_again_after_the_plan_is_left_alone() {
    let bench = Bench::how_to();
    bench.portal.world(|world| world.reinstate(29));
    assert_eq!(bench.execute(|_| {}), None);
    assert_eq!(number(&bench.desk.status(), "/actions/drifted"), 9);
    assert!(bench.portal.destroyed().is_empty());
    bench.desk.assert_sound();
}

#[test]
fn a_wish_to_stop_between_batches_leaves_a_state_that_goes_on() {
    let bench = Bench::how_to();
    let stopped = bench.execute(|stopper| {
        if !bench.portal.effects().is_empty() {
            stopper.stop(StopReason::Signal);
        }
    });
    assert_eq!(stopped, Some(StopReason::Signal));
    let status = bench.desk.status();
    assert_eq!(number(&status, "/in_doubt"), 0);
    assert!(number(&status, "/actions/planned") > 0);
    assert_eq!(bench.execute(|_| {}), None);
    assert_eq!(number(&bench.desk.status(), "/actions/confirmed"), 9);
    bench.desk.assert_sound();
}

fn times_told(desk: &Desk, kind: &str) -> usize {
    desk.story().iter().filter(|event| event["kind"] == kind).count()
}

#[test]
fn a_plan_that_was_cut_short_goes_on_where_it_stopped_and_ends_as_plan_does() {
    let (_portal, desk) = cut_short();
    desk.run(&["apply", "--confirm", "x:0:0"]).expect(6);
    let plan = desk.run(&["resume", "--json"]).expect(0).json();
    assert_eq!(
        (plan["state"].as_str(), number(&plan, "/actions/planned")),
        (Some("planned"), 9)
    );
    assert_eq!(
        (
            times_told(&desk, "rows_resolved"),
            times_told(&desk, "discovery_restarted")
        ),
        (1, 0)
    );
    desk.apply(&plan).expect(0);
    desk.assert_sound();
}

#[test]
fn a_plan_that_was_cut_short_begins_anew_when_what_it_read_is_over_an_hour_old() {
    let (portal, desk) = cut_short();
    go_on_planning(&desk, &portal, 61 * MINUTE);
    assert_eq!(
        (
            times_told(&desk, "rows_resolved"),
            times_told(&desk, "discovery_restarted")
        ),
        (2, 1)
    );
    assert_eq!(number(&desk.status(), "/actions/planned"), 9);
    desk.assert_sound();
    let (portal, desk) = cut_short();
    go_on_planning(&desk, &portal, 59 * MINUTE);
    assert_eq!(times_told(&desk, "discovery_restarted"), 0);
}
