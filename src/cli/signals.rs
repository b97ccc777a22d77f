//! SIGINT and SIGTERM: the first asks the run to finish the batch in flight, the second ends the process at once.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::failure::Failure;
use super::language::Said;
use super::terminal::Terminal;
use crate::clock::Clock;
use crate::crash::{self, Point};
use crate::domain::StopReason;
use crate::exit::Exit;
use crate::run::stop::{StopRequest, Stopper, stop_request};

/// What was heard.
#[derive(Clone)]
pub(crate) struct Signals {
    stop: StopRequest,
    terminated: Arc<AtomicBool>,
}

impl Signals {
    /// Listens from now on, until the runtime ends.
    pub(crate) fn listen(terminal: &Terminal, stop_file: PathBuf) -> std::io::Result<Self> {
        let terminal = terminal.clone();
        Self::listen_and(stop_file, move || {
            terminal.note(terminal.words().stopping);
        })
    }

    /// Listens without a word, and for no file: for what has nothing to finish.
    pub(crate) fn listen_quietly() -> std::io::Result<Self> {
        Self::listen_and(PathBuf::new(), || {})
    }

    /// Signals that a simulation gives.
    #[cfg(feature = "rigs")]
    pub(crate) fn by_hand(stop_file: PathBuf) -> (Stopper, Self) {
        let (stopper, stop) = stop_request(stop_file);
        let terminated = Arc::default();
        (stopper, Self { stop, terminated })
    }

    fn listen_and(stop_file: PathBuf, first_heard: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let (stopper, stop) = stop_request(stop_file);
        let terminated = Arc::new(AtomicBool::new(false));
        let interrupt = signal(SignalKind::interrupt())?;
        let terminate = signal(SignalKind::terminate())?;
        drop(tokio::spawn(hear(
            interrupt,
            terminate,
            stopper,
            Arc::clone(&terminated),
            first_heard,
        )));
        Ok(Self { stop, terminated })
    }

    /// The same, and from this reading of the clock on the wish to stop is there.
    pub(crate) fn until(self, clock: Arc<dyn Clock>, deadline: Duration) -> Self {
        Self {
            stop: self.stop.until(clock, deadline),
            ..self
        }
    }

    /// The wish to stop.
    pub(crate) fn stop(&self) -> StopRequest {
        self.stop.clone()
    }

    /// The failure of a command that stopped because somebody asked.
    pub(crate) fn stopped(&self, message: Said) -> Failure {
        let reason = self.stop.reason().unwrap_or(StopReason::Requested);
        let exit = match reason {
            StopReason::Signal => self.exit(),
            _ => Exit::Stopped,
        };
        Failure::new("stopped", exit, message).stopping(reason)
    }

    /// The code of a run that a signal stopped.
    pub(crate) fn exit(&self) -> Exit {
        if self.terminated.load(Ordering::Relaxed) {
            Exit::Terminated
        } else {
            Exit::Interrupted
        }
    }
}

async fn hear(
    mut interrupt: Signal,
    mut terminate: Signal,
    stopper: Stopper,
    terminated: Arc<AtomicBool>,
    first_heard: impl Fn() + Send + 'static,
) {
    let mut first = true;
    loop {
        let exit = tokio::select! {
            Some(()) = interrupt.recv() => Exit::Interrupted,
            Some(()) = terminate.recv() => Exit::Terminated,
            else => return,
        };
        if !first {
            crash::point(Point::C21);
            // What is durable is durable; the next start asks the portal about the rest.
            std::process::exit(i32::from(exit.code()));
        }
        first = false;
        terminated.store(exit == Exit::Terminated, Ordering::Relaxed);
        crash::point(Point::C21);
        first_heard();
        stopper.stop(StopReason::Signal);
    }
}
