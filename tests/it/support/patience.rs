//! Waiting for something that is certain to happen, and saying what it was when it does not.

use std::process::Child;
use std::time::{Duration, Instant};

/// Longer than anything takes that is waited for here, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often one looks.
const LOOK: Duration = Duration::from_millis(5);

/// Waits until the condition holds; panics when the process ends before that, or after a minute.
#[track_caller]
pub(crate) fn await_on(child: &mut Child, what: &str, mut condition: impl FnMut() -> bool) {
    await_that(what, || {
        if condition() {
            return true;
        }
        if let Some(status) = child.try_wait().unwrap() {
            // It may have happened just before the end.
            assert!(condition(), "the process ended, {status}, before this: {what}");
            return true;
        }
        false
    });
}

/// The same for what happens after the process that the test started has ended.
#[track_caller]
pub(crate) fn await_that(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(
            began.elapsed() < PATIENCE,
            "not within {} seconds: {what}",
            PATIENCE.as_secs()
        );
        std::thread::sleep(LOOK);
    }
}
