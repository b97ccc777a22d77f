//! How a person ends a run: a signal, the file that `offboard24 stop` makes, or a time that was given beforehand.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::domain::StopReason;

/// How often the file is looked for while nothing else happens. Before each step it is looked for in any case.
const LOOK: Duration = Duration::from_secs(1);

/// Raised by whoever listens for signals.
#[derive(Clone, Debug)]
pub struct Stopper(watch::Sender<Option<StopReason>>);

/// Seen by the run: it finishes the batch in flight and leaves a state that can be resumed.
#[derive(Clone)]
pub struct StopRequest {
    signal: watch::Receiver<Option<StopReason>>,
    file: PathBuf,
    deadline: Option<(Arc<dyn Clock>, Duration)>,
}

/// A pair that belongs together; `file` is the one that `offboard24 stop` makes.
pub fn stop_request(file: PathBuf) -> (Stopper, StopRequest) {
    let (sender, signal) = watch::channel(None);
    let request = StopRequest {
        signal,
        file,
        deadline: None,
    };
    (Stopper(sender), request)
}

impl Stopper {
    /// Asks the run to stop. The first reason stays.
    pub fn stop(&self, reason: StopReason) {
        self.0.send_if_modified(|current| {
            let first = current.is_none();
            if first {
                *current = Some(reason);
            }
            first
        });
    }
}

impl StopRequest {
    /// The same, and from this reading of the clock on nothing is begun.
    #[must_use]
    pub fn until(self, clock: Arc<dyn Clock>, deadline: Duration) -> Self {
        Self {
            deadline: Some((clock, deadline)),
            ..self
        }
    }

    /// Whether the time is over that was given beforehand.
    pub fn is_out_of_time(&self) -> bool {
        self.deadline
            .as_ref()
            .is_some_and(|(clock, deadline)| clock.monotonic() >= *deadline)
    }

    /// The reason, once somebody asked.
    pub fn reason(&self) -> Option<StopReason> {
        let requested = || (self.is_out_of_time() || self.file.exists()).then_some(StopReason::Requested);
        self.signal.borrow().or_else(requested)
    }

    /// Waits until somebody asks.
    pub async fn asked(&self) {
        let mut signal = self.signal.clone();
        while self.reason().is_none() {
            tokio::select! {
                heard = signal.changed() => if heard.is_err() {
                    // Nobody listens for signals any more; the file is left.
                    tokio::time::sleep(LOOK).await;
                },
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }
}
