//! Two clocks that differ: said, recorded, and nothing else depends on it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use offboard24::sandbox::{Options, World};

use super::{HOW_TO, plan_command, run};
use crate::support::bench::Bench;
use crate::support::{Desk, Portal, number, unlimited};

const HOUR: i64 = 3600;

fn ahead_by(seconds: i64) -> Options {
    Options {
        clock_ahead_seconds: seconds,
        ..unlimited()
    }
}

#[test]
fn a_clock_that_is_off_is_noted_and_recorded_and_the_job_runs() {
    for (seconds, noted) in [
        (HOUR, Some("this machine's clock is 60 minutes behind the portal's")),
        (-HOUR, Some("this machine's clock is 60 minutes ahead of the portal's")),
        (
            90,
            Some(" seconds behind the portal's: times in the journal are this machine's"),
        ),
        (30, None),
        (-30, None),
    ] {
        let portal = Portal::with(ahead_by(seconds));
        let desk = Desk::at(&portal);
        let planned = run(&desk, &mut plan_command(&desk, &[])).expect(0);
        let applied = desk.apply(&planned.json()).expect(0);
        for ended in [&planned, &applied] {
            match noted {
                Some(noted) => assert!(ended.stderr.contains(noted), "{seconds}: {}", ended.stderr),
                None => assert!(
                    !ended.stderr.contains("this machine's clock"),
                    "{seconds}: {}",
                    ended.stderr
                ),
            }
        }
        let story = desk.story();
        let offsets: Vec<i64> = story
            .iter()
            .filter(|event| event["kind"] == "run_started")
            .map(|event| event["data"]["clock_offset_ms"].as_i64().unwrap())
            .collect();
        assert_eq!(offsets.len(), 2);
        assert!(
            offsets.iter().all(|offset| (offset - seconds * 1000).abs() < 10_000),
            "{seconds}: {offsets:?}"
        );
        assert_eq!(portal.destroyed().len(), 9);
        desk.assert_sound();
    }
}

#[test]
fn the_note_is_left_out_where_no_notes_are_wanted() {
    let portal = Portal::with(ahead_by(HOUR));
    let desk = Desk::at(&portal);
    let roster = desk.roster(HOW_TO);
    let ended = desk.run(&["plan", &roster, "--action", "kill", "--quiet"]).expect(0);
    assert_eq!(ended.stderr, "");
}

/// A portal that blocks a method after ten seconds of work, and on which each kill takes four.
fn slow(clock_ahead_seconds: i64) -> Options {
    Options {
        operating_limit_seconds: 10.0,
        command_duration: Duration::from_secs(4),
        ..ahead_by(clock_ahead_seconds)
    }
}

/// How long the nine kills take on such a portal.
fn time_needed(clock_ahead_seconds: i64) -> Duration {
    let bench = Bench::planned(World::sample(), slow(clock_ahead_seconds), HOW_TO, "kill");
    let began = bench.time.now();
    assert_eq!(bench.execute(|_| {}), None);
    assert_eq!(number(&bench.desk.status(), "/actions/confirmed"), 9);
    assert_eq!(bench.portal.destroyed().len(), 9);
    bench.time.now().saturating_sub(began)
}

#[test]
fn a_blocked_method_is_waited_for_as_long_as_it_lasts_whatever_the_clocks_say() {
    let minute = Duration::from_mins(1);
    let needed = [0, HOUR, -HOUR].map(time_needed);
    assert!(needed[0] > 5 * minute, "something was waited for: {needed:?}");
    assert!(needed[0] < 60 * minute, "{needed:?}");
    for other in &needed[1..] {
        assert!(other.abs_diff(needed[0]) < minute, "{needed:?}");
    }
}

#[test]
fn a_clock_that_jumps_during_a_run_changes_nothing() {
    let times = [0, 5 * HOUR, -5 * HOUR].map(|jump| {
        let bench = Bench::planned(World::sample(), slow(0), HOW_TO, "kill");
        // A lost request, so that there is something unanswered to be quiet about.
        bench.portal.inject("lost-request@destroy:2");
        let began = bench.time.now();
        let (portal, clock) = (&bench.portal, bench.clock_ahead());
        let stopped = bench.execute(|_| {
            if !portal.effects().is_empty() {
                clock.store(jump, Ordering::Relaxed);
            }
        });
        assert_eq!(stopped, None);
        assert_eq!(bench.portal.destroyed().len(), 9);
        bench.desk.assert_sound();
        bench.time.now().saturating_sub(began)
    });
    assert!(times[0] > Duration::from_mins(1), "{times:?}");
    for time in &times[1..] {
        assert!(time.abs_diff(times[0]) < Duration::from_mins(1), "{times:?}");
    }
}
