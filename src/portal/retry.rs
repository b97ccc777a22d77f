//! How long to wait before asking again. The only file that names `backoff`.
//!
//! `backoff` supplies the growing delay and nothing else: its jitter cannot be seeded and its notion of time is not ours,
//! so both are switched off. Not responsible for counting attempts, for waiting, or for what may be repeated at all.

use std::time::{Duration, Instant};

use backoff::backoff::Backoff;
use backoff::exponential::ExponentialBackoff;

/// First and last delay after a failure that passes by itself: 1 2 4 … 60 s.
const TRANSIENT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// First and last delay after `OPERATION_TIME_LIMIT`, when the portal has not said when it ends: 60 120 240 300 s. The newest
/// portals ban for 300 s (protocol section 8).
const OPERATING: (Duration, Duration) = (Duration::from_mins(1), Duration::from_mins(5));

/// How far jitter moves a delay to either side, as a share of it: several programs behind one address must not knock again
/// in step.
const JITTER: f64 = 0.25;

/// A growing delay.
#[derive(Debug)]
pub struct Delays {
    schedule: ExponentialBackoff<Still>,
    /// The state of the jitter's generator; `None` for exact delays.
    jitter: Option<u64>,
}

/// A clock that stands still: the schedule must not end by elapsed time.
#[derive(Debug)]
struct Still(Instant);

impl backoff::Clock for Still {
    fn now(&self) -> Instant {
        self.0
    }
}

impl Delays {
    /// For failures that pass by themselves, with jitter from `seed`.
    pub fn transient(seed: u64) -> Self {
        Self::new(TRANSIENT, Some(seed))
    }

    /// For a method that used up its operating time. Exact.
    pub(super) fn operating() -> Self {
        Self::new(OPERATING, None)
    }

    fn new((first, last): (Duration, Duration), jitter: Option<u64>) -> Self {
        let now = Instant::now();
        let schedule = ExponentialBackoff {
            current_interval: first,
            initial_interval: first,
            randomization_factor: 0.0,
            multiplier: 2.0,
            max_interval: last,
            start_time: now,
            max_elapsed_time: None,
            clock: Still(now),
        };
        Self { schedule, jitter }
    }

    /// The next delay.
    #[expect(
        clippy::should_implement_trait,
        reason = "delays never end: there is no `None` to handle"
    )]
    pub fn next(&mut self) -> Duration {
        let delay = self.schedule.next_backoff().unwrap_or(self.schedule.max_interval);
        match &mut self.jitter {
            None => delay,
            Some(state) => delay.mul_f64(1.0 - JITTER + 2.0 * JITTER * unit(state)),
        }
    }

    /// Begins again with the first delay.
    pub fn reset(&mut self) {
        self.schedule.reset();
    }
}

/// The next number of `SplitMix64` (Steele, Lea and Flood 2014), in 0..1.
fn unit(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    f64::from(u32::try_from(mixed >> 32).unwrap_or(u32::MAX)) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_their_limit_and_never_end() {
        let mut delays = Delays::new(TRANSIENT, None);
        let seconds: Vec<u64> = (0..12).map(|_| delays.next().as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60]);
        delays.reset();
        assert_eq!(delays.next().as_secs(), 1);

        let mut delays = Delays::operating();
        let seconds: Vec<u64> = (0..5).map(|_| delays.next().as_secs()).collect();
        assert_eq!(seconds, [60, 120, 240, 300, 300]);
    }

    #[test]
    fn jitter_stays_within_a_quarter_and_is_decided_by_the_seed() {
        let sequence = |seed| {
            let mut delays = Delays::transient(seed);
            (0..200).map(|_| delays.next()).collect::<Vec<_>>()
        };
        assert_eq!(sequence(7), sequence(7));
        assert_ne!(sequence(7), sequence(8));
        let late = &sequence(7)[6..];
        assert!(late.iter().all(|delay| (45.0..75.0).contains(&delay.as_secs_f64())));
        assert!(
            late.iter().any(|delay| delay.as_secs_f64() < 50.0) && late.iter().any(|delay| delay.as_secs_f64() > 70.0)
        );
    }
}
