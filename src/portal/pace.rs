//! The pace of requests: a leaky bucket of our own, a little smaller than the portal's.
//!
//! Every request adds one to the bucket, and it drains at the rate that the portal grants; above its burst the portal
//! answers `QUERY_LIMIT_EXCEEDED` (protocol section 8). Not responsible for waiting, nor for keeping the level between
//! processes. Times are monotonic readings.

use std::time::Duration;

/// How fast requests may follow each other once the burst is used up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// Requests a second, above 0.
    PerSecond(f64),
    /// No limit, for self-hosted portals, which have none.
    Unlimited,
}

impl Default for Rate {
    /// What every plan but Enterprise grants: 2 requests a second.
    fn default() -> Self {
        Self::PerSecond(2.0)
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::PerSecond(rate) => rate.fmt(formatter),
            Self::Unlimited => formatter.write_str("unlimited"),
        }
    }
}

/// Requests that may go out at once when nothing went out before: 50 are granted, and others may share the address.
pub(super) const BURST: u32 = 45;

/// The requests that the portal still remembers, as a level that drains.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    rate: Rate,
    burst: f64,
    level: f64,
    at: Duration,
    /// What of the rate is ours: less where others send from the same address.
    share: f64,
    /// When that was cut last.
    cut_at: Option<Duration>,
}

impl Bucket {
    /// A bucket filled to `level` at `now`. A level that is no number, or beyond the burst, counts as full.
    pub(super) fn new(rate: Rate, burst: u32, level: f64, now: Duration) -> Self {
        let burst = f64::from(burst.max(1));
        let level = if level.is_nan() { burst } else { level.clamp(0.0, burst) };
        Self {
            rate,
            burst,
            level,
            at: now,
            share: 1.0,
            cut_at: None,
        }
    }

    /// How much is in the bucket.
    pub(super) fn level(&self, now: Duration) -> f64 {
        match self.rate {
            Rate::Unlimited => 0.0,
            Rate::PerSecond(rate) => {
                (self.level - rate * self.share * now.saturating_sub(self.at).as_secs_f64()).max(0.0)
            }
        }
    }

    /// How many requests fit in at once; none where there is no limit.
    pub(super) fn room(&self, now: Duration) -> Option<u32> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and the burst, which is a u32"
        )]
        let room = (self.burst - self.level(now) + ROUNDING).clamp(0.0, self.burst) as u32;
        (self.rate != Rate::Unlimited).then_some(room)
    }

    /// How long until one more request fits in; zero when it does.
    pub(super) fn wait(&self, now: Duration) -> Duration {
        let over = self.level(now) + 1.0 - self.burst;
        match self.rate {
            // Below a nanosecond a duration is zero, and rounding must not make a wait that never ends.
            Rate::PerSecond(rate) if over > ROUNDING => {
                Duration::from_secs_f64((over / (rate * self.share)).min(WAIT_SECONDS_MAX))
            }
            Rate::PerSecond(_) | Rate::Unlimited => Duration::ZERO,
        }
    }

    /// One request goes out.
    pub(super) fn fill(&mut self, now: Duration) {
        self.level = self.level(now) + 1.0;
        self.at = now;
        self.share = (self.share + SHARE_GAIN).min(1.0);
    }

    /// The portal says that its bucket is full: so is ours, since others share it, and from here on it drains more slowly. Refusals that come
    /// close together are one: they were under way when the first came.
    pub(super) fn overflowed(&mut self, now: Duration) {
        self.level = self.burst;
        self.at = now;
        if self.cut_at.is_none_or(|cut_at| now.saturating_sub(cut_at) >= CUT_EACH) {
            self.cut_at = Some(now);
            self.share = (self.share * SHARE_CUT).max(SHARE_MIN);
        }
    }
}

/// What is left of our share of the rate after a refusal, what every request brings back of it, and what it never falls below: slow to take,
/// quick to give, as senders on a shared line are (RFC 5681, section 3.1).
const SHARE_CUT: f64 = 0.75;
const SHARE_GAIN: f64 = 0.01;
const SHARE_MIN: f64 = 0.1;

/// Refusals closer than this are one.
const CUT_EACH: Duration = Duration::from_secs(3);

/// Levels closer than this are equal.
const ROUNDING: f64 = 1e-6;

/// Longest single wait, an hour: it keeps an absurdly small rate within what a duration can hold.
const WAIT_SECONDS_MAX: f64 = 3600.0;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_burst_goes_out_at_once_and_then_the_rate_holds() {
        let mut bucket = Bucket::new(Rate::default(), 3, 0.0, at(0));
        for _ in 0..3 {
            assert_eq!(bucket.wait(at(0)), Duration::ZERO);
            bucket.fill(at(0));
        }
        assert_eq!((bucket.wait(at(0)), bucket.room(at(0))), (at(500), Some(0)));
        assert_eq!((bucket.room(at(499)), bucket.room(at(1000))), (Some(0), Some(2)));
        assert_eq!(bucket.wait(at(400)), at(100));
        assert_eq!(bucket.wait(at(500)), Duration::ZERO);
    }

    #[test]
    fn after_a_refusal_the_pace_is_slower_and_comes_back() {
        let mut bucket = Bucket::new(Rate::default(), 3, 0.0, at(0));
        bucket.overflowed(at(1000));
        assert_eq!(bucket.wait(at(1000)).as_millis(), 666);
        bucket.overflowed(at(1200));
        assert_eq!(
            bucket.wait(at(1200)).as_millis(),
            666,
            "it was under way when the first came"
        );
        let mut now = at(1200);
        for _ in 0..25 {
            now += bucket.wait(now);
            bucket.fill(now);
        }
        assert_eq!(bucket.wait(now).as_millis(), 500);
        let least = (0..100).map(|time| {
            bucket.overflowed(now + at(time * 3000));
            bucket.wait(now + at(time * 3000)).as_millis()
        });
        assert_eq!(least.last(), Some(5000));
    }

    #[test]
    fn a_level_from_before_counts_and_nonsense_counts_as_full() {
        for (level, wait) in [
            (0.0, 0),
            (2.0, 0),
            (3.0, 500),
            (1e300, 500),
            (f64::INFINITY, 500),
            (f64::NAN, 500),
            (-7.0, 0),
        ] {
            assert_eq!(
                Bucket::new(Rate::default(), 3, level, at(0)).wait(at(0)),
                at(wait),
                "{level}"
            );
        }
        assert_eq!(Bucket::new(Rate::Unlimited, 3, 99.0, at(0)).wait(at(0)), Duration::ZERO);
    }

    proptest! {
        #[test]
        fn a_stricter_portal_never_overflows(rate in 0.1_f64..50.0, burst in 1_u32..60, gaps in proptest::collection::vec(0_u64..3000, 1..200)) {
            let mut ours = Bucket::new(Rate::PerSecond(rate), burst, 0.0, at(0));
            let mut now = at(0);
            let mut theirs = 0.0_f64;
            for gap in gaps {
                let pause = at(gap) + ours.wait(now + at(gap));
                now += pause;
                ours.fill(now);
                theirs = (theirs - rate * pause.as_secs_f64()).max(0.0) + 1.0;
                prop_assert!(theirs <= f64::from(burst) + 1e-3);
                prop_assert!(ours.wait(now).as_secs_f64() <= 1.0 / rate + 1e-3);
            }
        }
    }
}
