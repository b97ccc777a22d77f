//! Time as an argument.
//!
//! Nothing in this crate asks the operating system for the time but [`SystemClock`]. Tests hand in a clock of their own, so
//! that ninety seconds of quiet pass at once.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
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

/// The clock of a process.
#[cfg(not(feature = "rigs"))]
pub fn of_process() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// The clock of a process: the system's, or one of a rig where `OFFBOARD24_RIG_CLOCK` names its file.
#[cfg(feature = "rigs")]
pub fn of_process() -> Arc<dyn Clock> {
    match std::env::var_os("OFFBOARD24_RIG_CLOCK") {
        Some(file) => Arc::new(RigClock(file.into())),
        None => Arc::new(SystemClock),
    }
}

/// For rigs: a pause passes at once and is added to a file, from which it goes into every reading. Processes with one file share their time,
/// those that are killed among them.
#[cfg(feature = "rigs")]
#[derive(Clone, Debug)]
pub struct RigClock(pub std::path::PathBuf);

#[cfg(feature = "rigs")]
impl RigClock {
    /// Lets time pass. One line a pause, in milliseconds: appending needs no lock.
    pub fn advance(&self, duration: Duration) {
        use std::io::Write as _;
        let line = format!("{}\n", duration.as_millis() + 1);
        let file = std::fs::File::options().create(true).append(true).open(&self.0);
        drop(file.and_then(|mut file| file.write_all(line.as_bytes())));
    }

    /// How much time has passed at once so far.
    pub fn passed(&self) -> Duration {
        let pauses = std::fs::read_to_string(&self.0).unwrap_or_default();
        Duration::from_millis(pauses.lines().filter_map(|line| line.parse::<u64>().ok()).sum())
    }
}

#[cfg(feature = "rigs")]
impl Clock for RigClock {
    fn utc(&self) -> DateTime<Utc> {
        SystemClock.utc() + self.passed()
    }

    fn monotonic(&self) -> Duration {
        SystemClock.monotonic() + self.passed()
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        Box::pin(async move {
            self.advance(duration);
            tokio::task::yield_now().await;
        })
    }
}
