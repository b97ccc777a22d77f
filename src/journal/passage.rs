//! Which crash points a transaction comes by, told from what it records.

use super::Event;
use crate::crash::Point;

/// What a transaction has recorded so far, as far as crash points go by it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Passage {
    begins_run: bool,
    intends: bool,
    settles: bool,
}

impl Passage {
    /// One more event.
    pub(crate) fn see(&mut self, event: &Event) {
        self.begins_run |= matches!(event, Event::RunStarted(_));
        self.intends |= matches!(event, Event::AttemptIntended(_));
        self.settles |= matches!(
            event,
            Event::AttemptAnswered(_) | Event::ActionReturned(_) | Event::ActionEnded(_)
        );
    }

    /// Between the inserts and the commit.
    pub(crate) fn inside(self) -> Option<Point> {
        if self.intends {
            Some(Point::C4)
        } else {
            self.settles.then_some(Point::C11)
        }
    }

    /// Directly before the commit, and directly after it.
    pub(crate) fn at_commit(self) -> Option<Point> {
        self.intends.then_some(Point::C5)
    }

    /// Between the commit and the head.
    pub(crate) fn committed(self) -> Point {
        if self.begins_run {
            Point::C3
        } else if self.intends {
            Point::C6
        } else {
            Point::C12
        }
    }
}
