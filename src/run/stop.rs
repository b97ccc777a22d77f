//! How a person ends a run: a signal, or `offboard24 stop`.

use tokio::sync::watch;

use crate::domain::StopReason;

/// Raised by whoever listens for signals.
#[derive(Clone, Debug)]
pub struct Stopper(watch::Sender<Option<StopReason>>);

/// Seen by the run: it finishes the batch in flight and leaves a state that can be resumed.
#[derive(Clone, Debug)]
pub struct StopRequest(watch::Receiver<Option<StopReason>>);

/// A pair that belongs together.
pub fn stop_request() -> (Stopper, StopRequest) {
    let (sender, receiver) = watch::channel(None);
    (Stopper(sender), StopRequest(receiver))
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
    /// The reason, once somebody asked.
    pub fn reason(&self) -> Option<StopReason> {
        *self.0.borrow()
    }

    /// Waits until somebody asks; for ever, when nobody can any more.
    pub async fn asked(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(Option::is_some).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
