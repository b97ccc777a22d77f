//! What goes along beside the pass over the events, in a thread of its own: the personal values, and the tables made anew.

use std::sync::mpsc::Receiver;

use rusqlite::Connection;

use super::finding::{Code, Findings, Place};
use super::indexes::Entries;
use super::projection::Anew;
use super::reveals::{COLUMNS, Values};
use crate::journal::JournalError;
use crate::journal::event::Envelope;

/// Events with their numbers, some at a time.
pub(crate) type Events = Receiver<Vec<(i64, Envelope)>>;

/// The personal values in a database.
pub(crate) struct Reveals {
    pub(crate) db: Connection,
    /// Whether it is a copy that they were left out of.
    pub(crate) are_withheld: bool,
    /// None yet.
    pub(crate) entries: Entries,
}

/// What this brought.
pub(crate) struct Beside {
    pub(crate) findings: Findings,
    pub(crate) anew: Anew,
    /// Personal values that are there, and that were erased.
    pub(crate) values: (u64, u64),
    /// What the indexes of personal values have to hold; none when the values could not be read.
    pub(crate) entries: Option<Entries>,
}

impl Beside {
    /// Takes all events.
    ///
    /// # Errors
    /// When the tables cannot be made anew.
    pub(crate) fn follow(events: Events, reveals: Reveals) -> Result<Self, JournalError> {
        let mut beside = Self {
            findings: Findings::default(),
            anew: Anew::begin()?,
            values: (0, 0),
            entries: None,
        };
        let db = &reveals.db;
        let mut statement = db.prepare(&format!("SELECT {COLUMNS} FROM personal ORDER BY rowid"));
        let rows = match &mut statement {
            Ok(statement) => statement.query([]),
            Err(_) => Err(rusqlite::Error::InvalidQuery),
        };
        let mut values = rows.map(|rows| Values::new(db, rows, reveals.are_withheld, reveals.entries));
        for (seq, envelope) in events.into_iter().flatten() {
            if let Ok(reading) = &mut values
                && let Err(cause) = reading.take(seq, &envelope.event, &mut beside.findings)
            {
                values = Err(cause);
            }
            beside.anew.take(seq, &envelope)?;
        }
        let finished = values.and_then(|mut values| {
            values.finish(&mut beside.findings)?;
            Ok(values)
        });
        match finished {
            Ok(values) => {
                beside.values = values.counts();
                beside.entries = Some(values.into_entries());
            }
            Err(cause) => {
                let message = format!("it cannot be read: {cause}");
                let place = Place::Table("personal".to_owned());
                beside.findings.add(Code::SqliteIntegrity, place, message);
            }
        }
        Ok(beside)
    }
}
