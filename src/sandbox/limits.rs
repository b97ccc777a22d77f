//! The portal's two limits: the leaky bucket of requests, and the operating time of methods.
//!
//! Pure: time comes in, verdicts go out. Section 8 of the protocol notes.

use std::collections::HashMap;
use std::time::Duration;

use super::behaviour::OperatingBlock;

/// How long one bucket of operating time lasts, in seconds.
const BUCKET_SECONDS: f64 = 60.0;
/// How many buckets are added up.
const BUCKETS: f64 = 10.0;
/// Only what took longer is stored, in seconds.
const STORED_SECONDS_MIN: f64 = 0.1;
/// How long a ban lasts, in seconds.
const BAN_SECONDS: f64 = 300.0;

/// The leaky bucket that counts HTTP requests.
#[derive(Debug, Default)]
pub(crate) struct RequestBucket {
    level: f64,
    at: Duration,
    /// Requests that the neighbour has sent so far, admitted or not.
    neighbours: u32,
}

impl RequestBucket {
    /// Counts a request that arrives now; `false`: it is refused and not counted. A neighbour behind the same address sends requests of
    /// its own, evenly, into the same bucket.
    pub(crate) fn admits(&mut self, now: Duration, rate_per_second: f64, burst: f64, neighbour_rate: f64) -> bool {
        if rate_per_second.is_infinite() {
            return true;
        }
        if neighbour_rate > 0.0 {
            loop {
                let next = Duration::from_secs_f64(f64::from(self.neighbours + 1) / neighbour_rate);
                if next > now {
                    break;
                }
                self.neighbours += 1;
                self.arrival(next, rate_per_second, burst);
            }
        }
        self.arrival(now, rate_per_second, burst)
    }

    fn arrival(&mut self, now: Duration, rate_per_second: f64, burst: f64) -> bool {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.level = (self.level - passed * rate_per_second).max(0.0);
        self.at = now;
        let admitted = self.level + 1.0 <= burst;
        if admitted {
            self.level += 1.0;
        }
        admitted
    }
}

/// Whose time is counted: direct calls and calls inside a batch have counters of their own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Counter {
    pub(crate) in_batch: bool,
    pub(crate) method: String,
}

/// What the calls of one request have taken so far.
#[derive(Debug, Default)]
pub(crate) struct RequestMeter {
    calls: Vec<(Counter, f64, f64)>,
}

impl RequestMeter {
    /// Notes one call: when it started, in portal seconds, and how long it took.
    pub(crate) fn note(&mut self, counter: &Counter, started: f64, seconds: f64) {
        self.calls.push((counter.clone(), started, seconds));
    }

    fn of<'a>(&'a self, counter: &'a Counter) -> impl Iterator<Item = (f64, f64)> + 'a {
        self.calls
            .iter()
            .filter(move |(own, ..)| own == counter)
            .map(|(_, started, seconds)| (*started, *seconds))
    }
}

#[derive(Debug, Default)]
struct Account {
    buckets: Vec<Bucket>,
    banned_until: Option<f64>,
}

#[derive(Debug)]
struct Bucket {
    minute: f64,
    seconds: f64,
    expires: f64,
}

impl Bucket {
    fn counts(&self, now: f64) -> bool {
        self.expires > now && self.minute > minute(now) - BUCKETS
    }
}

/// The operating time of all methods. All times are portal seconds: Unix time by the portal's own clock.
#[derive(Debug, Default)]
pub(crate) struct OperatingTimes {
    accounts: HashMap<Counter, Account>,
}

impl OperatingTimes {
    /// Whether a call is refused now. Over the limit a [`OperatingBlock::Ban`] begins.
    pub(crate) fn blocks(
        &mut self,
        counter: &Counter,
        meter: &RequestMeter,
        now: f64,
        limit_seconds: f64,
        block: OperatingBlock,
    ) -> bool {
        let used = self.used(counter, meter, now);
        let account = self.accounts.entry(counter.clone()).or_default();
        if account.banned_until.is_some_and(|end| end > now) {
            return true;
        }
        let over = used > limit_seconds;
        if over && block == OperatingBlock::Ban {
            account.banned_until = Some(now + BAN_SECONDS);
            account.buckets.clear();
        }
        over
    }

    /// The seconds used in the last ten minutes: `operating`.
    pub(crate) fn used(&self, counter: &Counter, meter: &RequestMeter, now: f64) -> f64 {
        let buckets = self
            .accounts
            .get(counter)
            .into_iter()
            .flat_map(|account| &account.buckets);
        let stored: f64 = buckets
            .filter(|bucket| bucket.counts(now))
            .map(|bucket| bucket.seconds)
            .sum();
        let running: f64 = meter
            .of(counter)
            .map(|(_, seconds)| seconds)
            .filter(|&s| s > STORED_SECONDS_MIN)
            .sum();
        stored + running
    }

    /// When the oldest bucket falls out, or the ban ends: `operating_reset_at`.
    pub(crate) fn reset_at(&self, counter: &Counter, meter: &RequestMeter, now: f64) -> Option<f64> {
        let account = self.accounts.get(counter);
        if let Some(end) = account
            .and_then(|account| account.banned_until)
            .filter(|&end| end > now)
        {
            return Some(end);
        }
        let mut buckets = account.into_iter().flat_map(|account| &account.buckets);
        let oldest = buckets.find(|bucket| bucket.counts(now)).map(|bucket| bucket.expires);
        oldest.or_else(|| {
            meter
                .calls
                .first()
                .map(|(_, started, _)| started + BUCKETS * BUCKET_SECONDS)
        })
    }

    /// Stores what a request took, at its end: all calls of a method added up.
    pub(crate) fn store(&mut self, meter: &RequestMeter, now: f64) {
        let mut seen: Vec<&Counter> = Vec::new();
        for (counter, started, _) in &meter.calls {
            if seen.contains(&counter) {
                continue;
            }
            seen.push(counter);
            let seconds: f64 = meter.of(counter).map(|(_, seconds)| seconds).sum();
            if seconds <= STORED_SECONDS_MIN {
                continue;
            }
            let account = self.accounts.entry(counter.clone()).or_default();
            account.buckets.retain(|bucket| bucket.counts(now));
            match account
                .buckets
                .iter_mut()
                .find(|bucket| same(bucket.minute, minute(now)))
            {
                Some(bucket) => bucket.seconds += seconds,
                None => account.buckets.push(Bucket {
                    minute: minute(now),
                    seconds,
                    expires: (started + BUCKETS * BUCKET_SECONDS).floor(),
                }),
            }
        }
    }
}

fn minute(now: f64) -> f64 {
    (now / BUCKET_SECONDS).floor()
}

/// Minutes are whole numbers, so that half of one tells them apart.
fn same(left: f64, right: f64) -> bool {
    (left - right).abs() < 0.5
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kill() -> Counter {
        Counter {
            in_batch: true,
            method: "bizproc.workflow.kill".to_owned(),
        }
    }

    fn request(times: &mut OperatingTimes, now: f64, calls: &[f64]) {
        let mut meter = RequestMeter::default();
        for seconds in calls {
            meter.note(&kill(), now, *seconds);
        }
        times.store(&meter, now);
    }

    fn used(times: &OperatingTimes, now: f64) -> f64 {
        times.used(&kill(), &RequestMeter::default(), now)
    }

    #[test]
    fn a_burst_is_admitted_and_then_the_rate() {
        let mut bucket = RequestBucket::default();
        let at = |millis| Duration::from_millis(millis);
        let admitted = (0..60).filter(|_| bucket.admits(at(1000), 2.0, 50.0, 0.0)).count();
        assert_eq!(admitted, 50);
        assert!(!bucket.admits(at(1499), 2.0, 50.0, 0.0));
        assert!(bucket.admits(at(1500), 2.0, 50.0, 0.0));
        assert!(!bucket.admits(at(1500), 2.0, 50.0, 0.0));
        assert!((0..999).all(|_| bucket.admits(at(1500), f64::INFINITY, 50.0, 0.0)));
    }

    #[test]
    fn a_neighbour_takes_its_share_of_the_bucket() {
        let admitted = |neighbour_rate: f64| {
            let mut bucket = RequestBucket::default();
            let seconds = (1..=60).map(Duration::from_secs);
            seconds
                .filter(|now| bucket.admits(*now, 2.0, 10.0, neighbour_rate))
                .count()
        };
        assert_eq!(admitted(1.0), 60, "there is room for both");
        assert!((30..60).contains(&admitted(1.5)), "{}", admitted(1.5));
        assert!((1..30).contains(&admitted(4.0)), "{}", admitted(4.0));
    }

    #[test]
    fn only_what_takes_longer_than_a_tenth_of_a_second_in_a_request_is_stored() {
        let mut times = OperatingTimes::default();
        request(&mut times, 600.0, &[0.1]);
        assert!(used(&times, 600.0) < f64::EPSILON);
        request(&mut times, 600.0, &[0.06, 0.06]);
        assert!((used(&times, 600.0) - 0.12).abs() < 1e-9);
    }

    #[test]
    fn the_window_slides_and_the_reset_is_when_the_oldest_bucket_falls_out() {
        let mut times = OperatingTimes::default();
        request(&mut times, 6000.0, &[30.0]);
        request(&mut times, 6120.0, &[40.0]);
        let none = RequestMeter::default();
        assert_eq!(times.reset_at(&kill(), &none, 6130.0), Some(6600.0));
        assert!(times.blocks(&kill(), &none, 6130.0, 60.0, OperatingBlock::SlidingWindow));
        assert!(!times.blocks(&kill(), &none, 6600.0, 60.0, OperatingBlock::SlidingWindow));
        assert_eq!(times.reset_at(&kill(), &none, 6600.0), Some(6720.0));
    }

    #[test]
    fn a_ban_lasts_three_hundred_seconds_and_empties_the_buckets() {
        let mut times = OperatingTimes::default();
        request(&mut times, 6000.0, &[70.0]);
        let none = RequestMeter::default();
        assert!(times.blocks(&kill(), &none, 6001.0, 60.0, OperatingBlock::Ban));
        assert_eq!(times.reset_at(&kill(), &none, 6002.0), Some(6301.0));
        assert!(times.blocks(&kill(), &none, 6300.0, 60.0, OperatingBlock::Ban));
        assert!(!times.blocks(&kill(), &none, 6301.5, 60.0, OperatingBlock::Ban));
        assert!(used(&times, 6301.5) < f64::EPSILON);
    }

    #[test]
    fn calls_inside_a_batch_do_not_count_for_direct_calls() {
        let mut times = OperatingTimes::default();
        request(&mut times, 6000.0, &[70.0]);
        let direct = Counter {
            in_batch: false,
            ..kill()
        };
        assert!(!times.blocks(
            &direct,
            &RequestMeter::default(),
            6001.0,
            60.0,
            OperatingBlock::SlidingWindow
        ));
    }

    #[test]
    fn a_long_batch_is_blocked_in_its_middle() {
        let mut times = OperatingTimes::default();
        let mut meter = RequestMeter::default();
        meter.note(&kill(), 6000.0, 61.0);
        assert!(times.blocks(&kill(), &meter, 6061.0, 60.0, OperatingBlock::SlidingWindow));
    }
}
