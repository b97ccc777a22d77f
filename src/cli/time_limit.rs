//! `--max-duration` and `--until`: when a command stops by itself, after the batch in flight, as if somebody had asked it to.

use std::time::Duration;

use chrono::{DateTime, Days, Local, NaiveTime, Utc};
use clap::Args;

use super::failure::Failure;
use super::language::said;
use crate::clock::Clock;

/// When to stop.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct TimeLimit {
    /// Stop after this time, such as 90m or 1h30m; `resume` goes on
    #[arg(long, value_name = "TIME", value_parser = parse_duration, conflicts_with = "until")]
    max_duration: Option<Duration>,
    /// Stop at this time of day on this machine, today or tomorrow; `resume` goes on
    #[arg(long, value_name = "HH:MM", value_parser = parse_time)]
    until: Option<NaiveTime>,
}

impl TimeLimit {
    /// The reading of the clock from which on nothing is begun. None without a limit.
    ///
    /// # Errors
    /// When the time of day does not exist on the day that is meant, since clocks are put forward then.
    pub(crate) fn deadline(self, clock: &dyn Clock) -> Result<Option<Duration>, Failure> {
        let left = match (self.max_duration, self.until) {
            (Some(duration), _) => Some(duration),
            (None, Some(time)) => Some(next(clock.utc(), time).ok_or_else(|| {
                let time = time.format("%H:%M").to_string();
                Failure::usage(said(|words| (words.time_skipped)(&time))).next(said(|words| words.time_skipped_next))
            })?),
            (None, None) => None,
        };
        Ok(left.map(|left| clock.monotonic().saturating_add(left)))
    }
}

/// How long it is to the next such time of day.
fn next(now: DateTime<Utc>, time: NaiveTime) -> Option<Duration> {
    let here = now.with_timezone(&Local);
    let on = |days: u64| {
        let day = here.date_naive().checked_add_days(Days::new(days))?;
        day.and_time(time).and_local_timezone(Local).earliest()
    };
    let today = on(0).filter(|today| *today > here);
    let then = if today.is_some() { today } else { on(1) }?;
    (then.to_utc() - now).to_std().ok()
}

/// `90m`, `1h30m`, `45s`.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time: write it like 90m, 1h30m or 45s");
    let mut seconds: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        let unit = match rest.as_bytes().get(digits) {
            Some(b'h') => 3600,
            Some(b'm') => 60,
            Some(b's') => 1,
            _ => return Err(wrong()),
        };
        seconds = number
            .checked_mul(unit)
            .and_then(|more| seconds.checked_add(more))
            .ok_or_else(wrong)?;
        rest = &rest[digits + 1..];
    }
    if seconds == 0 {
        return Err(wrong());
    }
    Ok(Duration::from_secs(seconds))
}

fn parse_time(text: &str) -> Result<NaiveTime, String> {
    NaiveTime::parse_from_str(text, "%H:%M").map_err(|_| format!("{text:?} is no time of day: write it like 18:30"))
}

#[cfg(test)]
mod tests {
    use chrono::Timelike as _;

    use super::*;

    #[test]
    fn a_duration_is_read_in_hours_minutes_and_seconds() {
        for (text, seconds) in [("90m", 5400), ("1h30m", 5400), ("45s", 45), ("1h1m1s", 3661)] {
            assert_eq!(parse_duration(text).unwrap().as_secs(), seconds, "{text}");
        }
        for text in [
            "",
            "0m",
            "90",
            "m",
            "-5m",
            "1.5h",
            "1h 30m",
            "ü",
            "99999999999999999999h",
            "5124095576030432h",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_of_day_is_the_next_one() {
        let now: DateTime<Utc> = "2026-03-04T10:20:30Z".parse().unwrap();
        let here = now.with_timezone(&Local);
        let minute = |hours: u32| NaiveTime::from_hms_opt((here.hour() + hours) % 24, here.minute(), 0).unwrap();
        let hours = |time| next(now, time).unwrap().as_secs_f64() / 3600.0;
        // An hour more or less where the clocks are changed in between.
        assert!((0.9..=3.1).contains(&hours(minute(2))));
        assert!((20.9..=24.1).contains(&hours(minute(23))));
        assert!(parse_time("24:00").is_err() && parse_time("7pm").is_err() && parse_time("18:30").is_ok());
    }
}
