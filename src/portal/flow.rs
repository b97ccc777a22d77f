//! How many questions are under way at once: as many as the pace and the portal's slowness need, and no more.
//!
//! A portal that takes 3 s for an answer and grants 2 requests a second has six requests under way when all that it grants is
//! used; one more waits for its turn. Destroying requests go one at a time, and not through here.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::pace::Rate;

/// The most questions under way where nothing else is asked for.
pub(super) const CONCURRENCY: u32 = 10;

/// Seats for questions under way.
#[derive(Debug)]
pub(super) struct Flow {
    rate: Rate,
    most: usize,
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    taken: usize,
    /// How long a question is under way, smoothed; none before the first answer.
    took: Option<Duration>,
}

/// A seat, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Seat<'a>(&'a Flow);

impl Flow {
    pub(super) fn new(rate: Rate, most: u32) -> Self {
        Self {
            rate,
            most: usize::try_from(most.max(1)).unwrap_or(usize::MAX),
            state: Mutex::default(),
            freed: Notify::new(),
        }
    }

    /// Waits for a seat.
    pub(super) async fn seat(&self) -> Seat<'_> {
        loop {
            let freed = self.freed.notified();
            if let Some(seat) = self.take() {
                return seat;
            }
            freed.await;
        }
    }

    fn take(&self) -> Option<Seat<'_>> {
        let mut state = self.state();
        let width = width(self.rate, state.took, self.most);
        if state.taken >= width {
            return None;
        }
        state.taken += 1;
        if state.taken < width {
            self.freed.notify_one();
        }
        Some(Seat(self))
    }

    /// A question was under way for so long.
    pub(super) fn measured(&self, took: Duration) {
        let mut state = self.state();
        state.took = Some(state.took.map_or(took, |before| (before * 3 + took) / 4));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.state().taken -= 1;
        self.0.freed.notify_one();
    }
}

/// How many seats there are: the requests that the pace lets out while one is under way, and one that waits for its turn.
fn width(rate: Rate, took: Option<Duration>, most: usize) -> usize {
    let Some(took) = took else { return 1 };
    let Rate::PerSecond(rate) = rate else { return most };
    let needed = (rate * took.as_secs_f64()).ceil().min(1e6);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and at most a million"
    )]
    let needed = needed as usize;
    (needed + 1).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_seats_as_latency_times_rate_needs_and_one() {
        let seats = |rate, ms| width(Rate::PerSecond(rate), Some(Duration::from_millis(ms)), 10);
        assert_eq!(
            [seats(2.0, 0), seats(2.0, 350), seats(2.0, 3000), seats(5.0, 60_000)],
            [1, 2, 7, 10]
        );
        assert_eq!(width(Rate::PerSecond(2.0), None, 10), 1);
        assert_eq!(width(Rate::Unlimited, Some(Duration::ZERO), 10), 10);
    }

    #[tokio::test]
    async fn a_seat_is_waited_for_and_free_again_when_it_is_dropped() {
        let flow = Flow::new(Rate::PerSecond(2.0), 10);
        let first = flow.seat().await;
        let next = flow.seat();
        tokio::pin!(next);
        assert!(futures_util::poll!(&mut next).is_pending());
        drop(first);
        let _second = next.await;
        flow.measured(Duration::from_secs(1));
        let _third = flow.seat().await;
        let _fourth = flow.seat().await;
        assert!(flow.take().is_none());
    }
}
