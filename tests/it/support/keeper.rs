//! A portal that keeps a request until the test lets it go on: what is true in the middle of a request can be looked at in peace.

use std::process::Child;
use std::sync::Arc;

use offboard24::sandbox::{Options, Pause, RequestRecord, World, WorldOptions};
use tokio::sync::Notify;

use super::{Portal, await_on, unlimited};

/// Keeps every request that a `delay` fault hits, before anything of it is done, until [`Keeper::open`].
pub(crate) struct Keeper(Arc<Notify>);

impl Keeper {
    /// A portal with these people and workflows, and its keeper.
    pub(crate) fn before(world: World) -> (Portal, Self) {
        let opened = Arc::new(Notify::new());
        let kept = Arc::clone(&opened);
        let portal = Portal::with(Options {
            world: WorldOptions::Given(Box::new(world)),
            pause: Pause(Arc::new(move |_| {
                let kept = Arc::clone(&kept);
                Box::pin(async move { kept.notified().await })
            })),
            ..unlimited()
        });
        (portal, Self(opened))
    }

    /// Waits until the n-th destroying request has arrived at the portal.
    #[track_caller]
    pub(crate) fn await_destroying(portal: &Portal, child: &mut Child, nth: usize) -> RequestRecord {
        let mut arrived = None;
        await_on(child, &format!("destroying request {nth} arrives"), || {
            let mut destroying = portal.requests().into_iter().filter(RequestRecord::destroys);
            arrived = destroying.nth(nth - 1);
            arrived.is_some()
        });
        arrived.unwrap()
    }

    /// Lets the request that is kept, or the next one that would be, go on.
    pub(crate) fn open(&self) {
        self.0.notify_one();
    }
}
