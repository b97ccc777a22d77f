//! Time as an argument.
//!
//! Nothing in this crate asks the operating system for the time but [`SystemClock`]. Tests hand in a clock of their own, so
//! that ninety seconds of quiet pass at once.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use chrono::{DateTime, Utc};

/// A pause that can be awaited.
pub type Sleep<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// What the program knows of time.
pub trait Clock: Send + Sync {
    /// The wall clock. A label for people: nothing is decided by it.
    fn utc(&self) -> DateTime<Utc>;

    /// A reading that never runs backwards and goes on while the machine sleeps: a laptop that was closed for an hour must
    /// not believe that its re-check is a minute old.
    fn monotonic(&self) -> Duration;

    /// Waits until `duration` has passed.
    fn sleep(&self, duration: Duration) -> Sleep<'_>;
}

/// The operating system's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn utc(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn monotonic(&self) -> Duration {
        #[cfg(target_os = "linux")]
        let clock = rustix::time::ClockId::Boottime;
        #[cfg(not(target_os = "linux"))]
        let clock = rustix::time::ClockId::Monotonic;
        let reading = rustix::time::clock_gettime(clock);
        Duration::new(
            u64::try_from(reading.tv_sec).unwrap_or_default(),
            u32::try_from(reading.tv_nsec).unwrap_or_default(),
        )
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        Box::pin(tokio::time::sleep(duration))
    }
}
