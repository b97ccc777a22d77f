//! Which methods the portal has blocked for using too much operating time, and until when.
//!
//! The portal counts seconds of work for each method and then refuses it for a while (`OPERATION_TIME_LIMIT`, protocol section
//! 8). Successful answers carry when the oldest seconds are forgotten; the refusal itself does not. All times are monotonic
//! readings: the portal's clock is only ever compared with itself.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::method::Method;
use super::retry::Delays;

/// Longest pause that a portal's own word can cause. It counts over ten minutes, so a longer one is a mistake.
const RESET_MAX: Duration = Duration::from_mins(10);

/// What is known of each method's operating time.
#[derive(Debug, Default)]
pub(super) struct Limits(BTreeMap<Method, Limit>);

#[derive(Debug)]
struct Limit {
    /// When the portal forgets the oldest seconds.
    reset_at: Duration,
    /// Until when to leave the method alone.
    blocked_until: Duration,
    /// The pauses for when the portal has said nothing.
    delays: Delays,
}

impl Default for Limit {
    fn default() -> Self {
        Self {
            reset_at: Duration::ZERO,
            blocked_until: Duration::ZERO,
            delays: Delays::operating(),
        }
    }
}

impl Limits {
    /// The method answered, with this `time` object.
    pub(super) fn answered(&mut self, method: Method, time: Option<&Value>, now: Duration) {
        let limit = self.0.entry(method).or_default();
        limit.delays.reset();
        if let Some(remaining) = time.and_then(reset_in) {
            limit.reset_at = now.saturating_add(remaining);
        }
    }

    /// The method was refused. Returns for how long to leave it alone.
    pub(super) fn refused(&mut self, method: Method, now: Duration) -> Duration {
        let limit = self.0.entry(method).or_default();
        if limit.blocked_until > now {
            // The second refusal in one batch says nothing new.
            return limit.blocked_until.saturating_sub(now);
        }
        let wait = match limit.reset_at.saturating_sub(now) {
            Duration::ZERO => limit.delays.next(),
            known => known,
        };
        limit.blocked_until = now.saturating_add(wait);
        wait
    }

    /// For how long to leave the method alone; zero when it may be called.
    pub(super) fn wait(&self, method: Method, now: Duration) -> Duration {
        self.0
            .get(&method)
            .map_or(Duration::ZERO, |limit| limit.blocked_until.saturating_sub(now))
    }
}

/// How far in the future `operating_reset_at` was by the portal's own clock when it answered.
fn reset_in(time: &Value) -> Option<Duration> {
    let remaining = time.get("operating_reset_at")?.as_f64()? - time.get("finish")?.as_f64()?;
    (remaining > 0.0).then(|| Duration::from_secs_f64(remaining.min(RESET_MAX.as_secs_f64())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_known_reset_in_the_future_is_waited_for_and_else_the_delay_doubles() {
        let mut limits = Limits::default();
        let time = json!({"finish": 1_000_000.0, "operating_reset_at": 1_000_200});
        limits.answered(Method::Kill, Some(&time), at(10));
        assert_eq!(limits.refused(Method::Kill, at(50)), at(160));
        assert_eq!(limits.wait(Method::Kill, at(60)), at(150));
        assert_eq!(
            limits.refused(Method::Kill, at(60)),
            at(150),
            "a second refusal says nothing new"
        );
        assert_eq!(limits.wait(Method::TaskList, at(60)), at(0), "other methods go on");
        for (now, wait) in [(210, 60), (270, 120), (390, 240), (630, 300), (930, 300)] {
            assert_eq!(limits.refused(Method::Kill, at(now)), at(wait));
        }
        assert_eq!(limits.refused(Method::Kill, at(1000)), at(230), "still blocked");
        limits.answered(Method::Kill, None, at(1230));
        assert_eq!(
            limits.refused(Method::Kill, at(1231)),
            at(60),
            "an answer starts the delays over"
        );
    }

    #[test]
    fn nonsense_of_the_portal_does_not_stop_the_job_for_hours() {
        for (time, wait) in [
            (json!({"finish": 0, "operating_reset_at": 4e18}), 600),
            (json!({"finish": 9_000, "operating_reset_at": 1_000}), 60),
            (json!({"operating_reset_at": 1_000}), 60),
            (json!({"finish": "x", "operating_reset_at": []}), 60),
            (json!([]), 60),
        ] {
            let mut limits = Limits::default();
            limits.answered(Method::Batch, Some(&time), at(0));
            assert_eq!(limits.refused(Method::Batch, at(0)), at(wait), "{time}");
        }
    }
}
