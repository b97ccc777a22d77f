//! Which crash points a transaction comes by, told from what it records.

use super::{Entry, Event};
use crate::crash::Point;

/// Between the inserts and the commit.
pub(crate) fn inside(entries: &[Entry]) -> Option<Point> {
    if any(entries, is_intent) {
        Some(Point::C4)
    } else {
        any(entries, is_answer_or_outcome).then_some(Point::C11)
    }
}

/// Directly before the commit, and directly after it.
pub(crate) fn at_commit(entries: &[Entry]) -> Option<Point> {
    any(entries, is_intent).then_some(Point::C5)
}

/// Between the commit and the head.
pub(crate) fn committed(entries: &[Entry]) -> Point {
    if any(entries, |event| matches!(event, Event::RunStarted(_))) {
        Point::C3
    } else if any(entries, is_intent) {
        Point::C6
    } else {
        Point::C12
    }
}

fn any(entries: &[Entry], is: fn(&Event) -> bool) -> bool {
    entries.iter().any(|entry| is(&entry.event))
}

fn is_intent(event: &Event) -> bool {
    matches!(event, Event::AttemptIntended(_))
}

fn is_answer_or_outcome(event: &Event) -> bool {
    matches!(
        event,
        Event::AttemptAnswered(_) | Event::ActionReturned(_) | Event::ActionEnded(_)
    )
}
