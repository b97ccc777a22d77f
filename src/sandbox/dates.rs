//! Dates as the portal writes and reads them: ISO 8601 with its own offset, UTC+3.

use chrono::{DateTime, FixedOffset, NaiveDateTime, TimeZone};

/// The portal's offset, in seconds east of Greenwich.
const OFFSET_SECONDS: i32 = 3 * 3600;

fn zone() -> Option<FixedOffset> {
    FixedOffset::east_opt(OFFSET_SECONDS)
}

fn local(unix: i64) -> Option<DateTime<FixedOffset>> {
    zone()?.timestamp_opt(unix, 0).single()
}

/// `2026-10-05T09:00:00+03:00`.
pub(crate) fn iso(unix: i64) -> String {
    local(unix)
        .map(|date| date.format("%Y-%m-%dT%H:%M:%S%:z").to_string())
        .unwrap_or_default()
}

/// `2026-10-05 09:00:00`, as the database holds it.
pub(crate) fn sql(unix: i64) -> String {
    local(unix)
        .map(|date| date.format("%Y-%m-%d %H:%M:%S").to_string())
        .unwrap_or_default()
}

/// Reads a date, with or without an offset; `None`: it is none.
pub(crate) fn parse(text: &str) -> Option<i64> {
    if let Ok(date) = DateTime::parse_from_rfc3339(text) {
        return Some(date.timestamp());
    }
    let text = if text.len() == 10 {
        format!("{text} 00:00:00")
    } else {
        text.replace('T', " ")
    };
    let naive = NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S").ok()?;
    Some(zone()?.from_local_datetime(&naive).single()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::super::world::BEGINNING;
    use super::*;

    #[test]
    fn dates_carry_the_portals_offset_and_are_read_back() {
        assert_eq!(iso(BEGINNING), "2026-10-05T09:00:00+03:00");
        for text in [
            "2026-10-05T09:00:00+03:00",
            "2026-10-05T06:00:00Z",
            "2026-10-05 09:00:00",
            "2026-10-05T09:00:00",
        ] {
            assert_eq!(parse(text), Some(BEGINNING), "{text}");
        }
        assert_eq!(parse("2026-10-05"), Some(BEGINNING - 9 * 3600));
        assert_eq!(parse("yesterday"), None);
    }
}
