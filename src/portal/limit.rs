//! Which methods the portal has blocked for using too much operating time, and until when; and which it is about to block.
//!
//! The portal counts seconds of work for each method and then refuses it for a while (`OPERATION_TIME_LIMIT`, protocol section
//! 8). Successful answers carry the seconds, and when the oldest are forgotten; the refusal itself does not, and nothing says how many
//! are allowed. A method of which one more call would be too many rests until the oldest seconds are forgotten. All times are monotonic
//! readings: the portal's clock is only ever compared with itself.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::method::Method;
use super::retry::Delays;

/// Longest pause that a portal's own word can cause. It counts over ten minutes, so a longer one is a mistake.
const RESET_MAX: Duration = Duration::from_mins(10);

/// The seconds that are taken to be allowed until the portal refuses at fewer: the lower one of the two figures of protocol section 8.
const ALLOWED: f64 = 420.0;

/// How many calls of a method fit into what it is taken to be allowed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Budget {
    /// The method. One call of `batch` has any number of commands.
    pub method: Method,
    /// Calls that fit now.
    pub calls: usize,
    /// For how long that holds: then the portal forgets the oldest seconds.
    pub lasts: Duration,
    /// Calls that fit when all is forgotten, one at least.
    pub calls_max: usize,
}

/// More seconds than ten minutes can have, all processors of a portal together; a larger number is a mistake.
const USED_MAX: f64 = 1e6;

/// What is known of each method's operating time.
#[derive(Debug, Default)]
pub(super) struct Limits(BTreeMap<Method, Limit>);

#[derive(Debug)]
struct Limit {
    /// The seconds that the portal counted at the last answer.
    used: Option<f64>,
    /// The same before this request, or at its first answer where seconds were forgotten in between; and how many answers came since.
    base: Option<f64>,
    answers: u32,
    /// What one call takes.
    each: Option<f64>,
    answered_at: Option<Duration>,
    /// The most that were ever counted without a refusal, once there was one.
    allowed: f64,
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
            used: None,
            base: None,
            answers: 0,
            each: None,
            answered_at: None,
            allowed: ALLOWED,
            reset_at: Duration::ZERO,
            blocked_until: Duration::ZERO,
            delays: Delays::operating(),
        }
    }
}

impl Limit {
    /// The portal counts so many seconds now.
    fn counted(&mut self, used: f64, now: Duration) {
        if self.answered_at != Some(now) {
            self.base = self.used.filter(|before| *before <= used && now < self.reset_at);
            self.answers = 0;
            self.answered_at = Some(now);
        }
        match self.base {
            None => self.base = Some(used),
            Some(base) => {
                self.answers += 1;
                let each = (used - base) / f64::from(self.answers);
                self.each = Some(each).filter(|each| *each > 0.0).or(self.each);
            }
        }
        self.used = Some(used);
        self.allowed = self.allowed.max(used);
    }

    /// What fits into what is allowed; none when that is not known.
    fn budget(&self, method: Method, now: Duration) -> Option<Budget> {
        let (used, each) = (self.used?, self.each?);
        let calls_max = whole(self.allowed / each).max(1);
        let lasts = self.reset_at.saturating_sub(now);
        let calls = if lasts.is_zero() {
            calls_max
        } else {
            whole((self.allowed - used) / each)
        };
        Some(Budget {
            method,
            calls,
            lasts,
            calls_max,
        })
    }
}

fn whole(calls: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and at most a million"
    )]
    let whole = calls.floor().clamp(0.0, 1e6) as usize;
    whole
}

impl Limits {
    /// The method answered, with this `time` object.
    pub(super) fn answered(&mut self, method: Method, time: Option<&Value>, now: Duration) {
        let limit = self.0.entry(method).or_default();
        limit.delays.reset();
        let used = time.and_then(|time| time.get("operating")?.as_f64());
        if let Some(used) = used.filter(|used| (0.0..=USED_MAX).contains(used)) {
            limit.counted(used, now);
        }
        if let Some(remaining) = time.and_then(reset_in) {
            limit.reset_at = now.saturating_add(remaining);
        }
    }

    /// What is left of each method's operating time, where that is known.
    pub(super) fn budgets(&self, now: Duration) -> Vec<Budget> {
        self.0
            .iter()
            .filter_map(|(method, limit)| limit.budget(*method, now))
            .collect()
    }

    /// The method was refused. Returns for how long to leave it alone.
    pub(super) fn refused(&mut self, method: Method, now: Duration) -> Duration {
        let limit = self.0.entry(method).or_default();
        if limit.blocked_until > now {
            // The second refusal in one batch says nothing new.
            return limit.blocked_until.saturating_sub(now);
        }
        // Where nothing was counted in the same answer, the calls of others may have come in between.
        if let (Some(used), true) = (limit.used, limit.answered_at == Some(now)) {
            limit.allowed = used;
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
        let Some(limit) = self.0.get(&method) else {
            return Duration::ZERO;
        };
        let blocked = limit.blocked_until.saturating_sub(now);
        match limit.budget(method, now) {
            Some(Budget { calls: 0, lasts, .. }) => blocked.max(lasts),
            _ => blocked,
        }
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

    fn counted(used: f64, reset_in: u64) -> Value {
        json!({"finish": 1_000_000.0, "operating_reset_at": 1_000_000 + reset_in, "operating": used})
    }

    #[test]
    fn a_method_rests_before_the_portal_blocks_it_and_until_the_oldest_seconds_are_forgotten() {
        let mut limits = Limits::default();
        let calls = |limits: &Limits, now| limits.budgets(at(now)).first().map(|budget| budget.calls);
        limits.answered(Method::Kill, Some(&counted(100.0, 300)), at(1));
        // Ten calls of 20 s each in one request.
        for call in 1..=10 {
            limits.answered(Method::Kill, Some(&counted(100.0 + 20.0 * f64::from(call), 299)), at(2));
        }
        assert_eq!((calls(&limits, 2), limits.wait(Method::Kill, at(2))), (Some(6), at(0)));
        for call in 1..=5 {
            limits.answered(Method::Kill, Some(&counted(300.0 + 20.0 * f64::from(call), 298)), at(3));
        }
        assert_eq!((calls(&limits, 3), limits.wait(Method::Kill, at(3))), (Some(1), at(0)));
        limits.answered(Method::Kill, Some(&counted(420.0, 297)), at(4));
        assert_eq!(
            (calls(&limits, 4), limits.wait(Method::Kill, at(4))),
            (Some(0), at(297))
        );
        assert_eq!(limits.wait(Method::Kill, at(301)), at(0), "the oldest are forgotten");
        assert_eq!(calls(&limits, 301), Some(21));
    }

    #[test]
    fn what_is_allowed_is_learned_from_the_portal() {
        let mut limits = Limits::default();
        limits.answered(Method::Kill, Some(&counted(24.0, 300)), at(1));
        limits.answered(Method::Kill, Some(&counted(26.0, 299)), at(2));
        assert_eq!(limits.budgets(at(2))[0].calls, 197);
        limits.refused(Method::Kill, at(2));
        limits.answered(Method::Kill, Some(&counted(20.0, 60)), at(400));
        limits.answered(Method::Kill, Some(&counted(22.0, 59)), at(401));
        assert_eq!(limits.budgets(at(401))[0].calls, 2);
        // It was less than what is allowed: the calls of others were in it.
        limits.answered(Method::Kill, Some(&counted(30.0, 58)), at(402));
        limits.answered(Method::Kill, Some(&counted(24.0, 500)), at(470));
        limits.answered(Method::Kill, Some(&counted(25.0, 499)), at(471));
        assert_eq!(limits.budgets(at(471))[0].calls, 5);
    }

    #[test]
    fn a_refusal_that_others_may_have_brought_about_teaches_nothing() {
        let mut limits = Limits::default();
        limits.answered(Method::Kill, Some(&counted(24.0, 300)), at(1));
        limits.answered(Method::Kill, Some(&counted(26.0, 299)), at(2));
        limits.refused(Method::Kill, at(3));
        assert_eq!(limits.budgets(at(3))[0].calls, 197);
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
        for used in [json!(-1), json!(1e300), json!("9"), json!(null)] {
            let mut limits = Limits::default();
            let time = json!({"finish": 0, "operating_reset_at": 500, "operating": used});
            limits.answered(Method::Kill, Some(&time), at(0));
            assert_eq!(
                (limits.budgets(at(0)), limits.wait(Method::Kill, at(0))),
                (vec![], at(0)),
                "{used}"
            );
        }
    }
}
