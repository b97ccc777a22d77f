//! The sandbox's time: a monotonic reading and a pause, both handed in.
//!
//! The limits, the late effects and the `time` of every answer use the one reading, so that a test with a virtual clock
//! sees a portal whose ten minutes pass at once.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::locked;

/// A monotonic reading.
#[derive(Clone)]
pub struct Time(pub Arc<dyn Fn() -> Duration + Send + Sync>);

impl Time {
    /// What the clock says now.
    pub fn now(&self) -> Duration {
        (self.0)()
    }
}

impl Default for Time {
    fn default() -> Self {
        let start = Instant::now();
        Self(Arc::new(move || start.elapsed()))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Time({:?})", self.now())
    }
}

/// What waits: for latency, for commands that take their time, for delays.
#[derive(Clone)]
pub struct Pause(pub Arc<dyn Fn(Duration) -> PauseFuture + Send + Sync>);

/// A pause that can be awaited.
pub type PauseFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Pause {
    pub(crate) async fn wait(&self, duration: Duration) {
        if !duration.is_zero() {
            (self.0)(duration).await;
        }
    }
}

impl Default for Pause {
    fn default() -> Self {
        Self(Arc::new(|duration| Box::pin(tokio::time::sleep(duration))))
    }
}

impl fmt::Debug for Pause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Pause")
    }
}

/// A clock for tests: it stands still until told to go on, and a pause of the sandbox moves it instead of waiting.
#[derive(Clone, Debug, Default)]
pub struct VirtualTime(Arc<Mutex<Duration>>);

impl VirtualTime {
    /// Moves the clock.
    pub fn advance(&self, duration: Duration) {
        *locked(&self.0) += duration;
    }

    /// What the clock says.
    pub fn now(&self) -> Duration {
        *locked(&self.0)
    }

    /// This clock for [`super::Options::time`].
    pub fn time(&self) -> Time {
        let clock = self.clone();
        Time(Arc::new(move || clock.now()))
    }

    /// This clock for [`super::Options::pause`].
    pub fn pause(&self) -> Pause {
        let clock = self.clone();
        Pause(Arc::new(move |duration| {
            clock.advance(duration);
            Box::pin(std::future::ready(()))
        }))
    }
}
