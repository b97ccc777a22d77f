//! A stand-in for the Bitrix24 REST portal, on loopback, over real HTTP.
//!
//! It is for tests, for rehearsals (`offboard24 sandbox`) and for `offboard24 demo`. It imitates what the portal does
//! wrong as faithfully as what it does right, because that is what the client is built against: filters that vanish,
//! pages that come twice, errors with an empty code, a kill that takes other people's tasks with it. Faults can be
//! injected, time can be handed in, and everything that arrived and everything that changed can be read back.
//!
//! It shares no code with the rest of the crate, so that a misunderstanding cannot sit on both sides. It is not a portal:
//! there are no documents, no templates, no notifications, and everybody on this machine may control it.
//!
//! ```text
//! http ─▶ portal ─▶ methods ─▶ users, tasks, workflows ─▶ world
//!            │         batch        orm, collation
//!            └──▶ limits, faults, records
//! ```
//!
//! Under `/sandbox/` on the same address, without any token: `GET effects`, `GET requests`, `GET world`, `POST fault` with a text
//! such as `lost-answer@destroy:2`, and `POST behaviour` with one such as `missing-workflow=true`.

mod batch;
pub mod behaviour;
mod call;
mod collation;
mod dates;
pub mod faults;
pub mod generate;
mod http;
mod limits;
mod methods;
pub mod options;
mod orm;
mod php;
mod portal;
mod random;
mod records;
pub mod sample;
mod tasks;
#[cfg(test)]
mod tests;
mod time;
mod users;
mod workflows;
pub mod world;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use behaviour::{Behaviour, Choice};
pub use faults::{Fault, FaultKind, When};
pub use options::{Options, WorldOptions};
pub use records::{CommandRecord, Effect, RequestRecord};
pub use time::{Pause, PauseFuture, Time, VirtualTime};
pub use world::{Shared, World};

use portal::Portal;
use random::Random;

/// How long [`Sandbox::stop`] waits for answers that are under way.
const STOP_WAIT: Duration = Duration::from_secs(1);

/// A running stand-in portal. It ends when it is stopped or dropped.
#[derive(Debug)]
pub struct Sandbox {
    portal: Arc<Portal>,
    address: SocketAddr,
    webhook_url: String,
    stop: oneshot::Sender<()>,
    server: JoinHandle<io::Result<()>>,
}

impl Sandbox {
    /// Binds the address and serves on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// The address cannot be bound.
    pub async fn start(mut options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let token = match std::mem::take(&mut options.token) {
            token if token.is_empty() => Random::new(options.seed).token(),
            token => token,
        };
        let world = std::mem::replace(&mut options.world, WorldOptions::Sample).build();
        let webhook_url = format!("http://{address}/rest/{}/{token}/", world.webhook.owner);
        let portal = Arc::new(Portal::new(options, token, Arc::new(Mutex::new(world))));
        let (stop, stopped) = oneshot::channel();
        let stopped = async move {
            // A sender that was dropped stops the server as well.
            drop(stopped.await);
        };
        let server = tokio::spawn(http::serve(listener, Arc::clone(&portal), stopped));
        Ok(Self {
            portal,
            address,
            webhook_url,
            stop,
            server,
        })
    }

    /// The webhook: `http://127.0.0.1:PORT/rest/1/TOKEN/`.
    pub fn webhook_url(&self) -> String {
        self.webhook_url.clone()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The world, to read and to edit. Do not hold the lock across an `await`.
    pub fn world(&self) -> &Shared {
        &self.portal.world
    }

    /// Everything that requests changed, in order.
    pub fn effects(&self) -> Vec<Effect> {
        self.portal.effects()
    }

    /// Every request under `/rest/` that arrived, in order.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.portal.requests()
    }

    /// Puts a fault into the queue. Requests that the bucket refuses meet no fault and are not counted.
    pub fn inject(&self, fault: Fault) {
        self.portal.inject(fault);
    }

    /// Changes the variant of the portal that is imitated.
    pub fn set_behaviour(&self, behaviour: Behaviour) {
        self.portal.set_behaviour(behaviour);
    }

    /// Stops listening and waits a moment for answers that are under way.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        drop(tokio::time::timeout(STOP_WAIT, self.server).await);
    }
}

/// A lock is taken even after a panic elsewhere: a test that failed must not hide behind a second failure.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
