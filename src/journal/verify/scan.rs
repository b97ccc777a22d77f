//! The one pass over all events, in which everything is looked at that can be looked at one event after the other, but for the personal
//! values (`reveals`) and the tables (`projection`), which go along beside it.

use std::collections::BTreeSet;
use std::hash::RandomState;

use chrono::DateTime;
use rusqlite::Connection;

use super::checkpoints::{Checkpoints, Signed, Unverified};
use super::finding::{Code, Findings, Place};
use super::indexes::Entries;
use super::meaning::Story;
use crate::journal::canonical::is_canonical;
use crate::journal::chain::{self, Fault, Leaf, Link};
use crate::journal::event::{Envelope, Event};

/// The record in a database.
pub(crate) struct Tables<'a> {
    pub(crate) db: &'a Connection,
    /// A database that an older program wrote has none.
    pub(crate) has_checkpoints: bool,
    /// For the sums over the entries of indexes.
    pub(crate) key: RandomState,
}

/// What goes on beside the pass.
pub(crate) struct Hands<'h> {
    /// Takes each event that can be read, with its number.
    pub(crate) event: &'h mut dyn FnMut(i64, Envelope),
    /// Takes each checkpoint whose signatures are to be verified.
    pub(crate) signatures: &'h mut dyn FnMut(Unverified),
}

/// What the pass brought.
#[derive(Default)]
pub(crate) struct Scan {
    pub(crate) findings: Findings,
    /// Events read.
    pub(crate) events: u64,
    /// Whether all could be read.
    pub(crate) is_complete: bool,
    /// When the first was recorded, and the last.
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    /// What the last one hashes to.
    pub(crate) tip: Option<Leaf>,
    pub(crate) story: Story,
    pub(crate) signed: Signed,
    /// What the indexes of events have to hold.
    pub(crate) entries: Entries,
}

impl Scan {
    /// Goes through all events. `asked` are sizes whose roots are wanted.
    pub(crate) fn of(tables: &Tables<'_>, asked: &BTreeSet<u64>, mut hands: Hands<'_>) -> Self {
        let mut scan = Self {
            entries: Entries::keyed(&tables.key),
            ..Self::default()
        };
        match scan.run(tables, asked, &mut hands) {
            Ok(()) => scan.is_complete = true,
            Err(cause) => {
                let next = i64::try_from(scan.events).unwrap_or(i64::MAX);
                let message = format!("the record cannot be read from here on: {cause}");
                scan.findings.add(Code::SqliteIntegrity, Place::Event(next), message);
            }
        }
        scan
    }

    fn run(&mut self, tables: &Tables<'_>, asked: &BTreeSet<u64>, hands: &mut Hands<'_>) -> rusqlite::Result<()> {
        let db = tables.db;
        let mut notes = if tables.has_checkpoints {
            Some(db.prepare("SELECT size, note FROM checkpoint ORDER BY size")?)
        } else {
            None
        };
        let notes = notes.as_mut().map(|notes| notes.query([])).transpose()?;
        let mut checkpoints = Checkpoints::new(notes, asked, &mut hands.signatures)?;
        chain::follow::<rusqlite::Error>(db, |link| {
            self.events += 1;
            self.tip = Some(link.leaf);
            self.check_chain(link);
            let envelope = self.read(link);
            let event = envelope.as_ref().map(|envelope| &envelope.event);
            self.entries.add_event(link.seq, link.body.as_ref(), event);
            checkpoints.take(link, event, &mut self.findings)?;
            let Some(envelope) = envelope else { return Ok(()) };
            let data = link.body.map_or("", |body| body.data());
            self.check_time(link.seq, &envelope);
            self.story.take(link.seq, &envelope, data, &mut self.findings);
            (hands.event)(link.seq, envelope);
            Ok(())
        })?;
        self.signed = checkpoints.finish(&mut self.findings)?;
        Ok(())
    }

    fn check_chain(&mut self, link: &Link<'_>) {
        for fault in link.faults {
            let code = match fault {
                Fault::Sequence => Code::Sequence,
                Fault::Leaf => Code::Leaf,
                Fault::Chain => Code::Chain,
                // What is no text has no envelope either.
                Fault::NotText => continue,
                Fault::NoEnvelope => Code::BodyUnknown,
            };
            self.findings.add(code, Place::Event(link.seq), fault.words());
        }
        if !link.text.is_some_and(is_canonical) {
            let message = "its body is not canonical JSON (RFC 8785)";
            self.findings
                .add(Code::BodyNotCanonical, Place::Event(link.seq), message);
        }
    }

    /// The event itself: a kind that is known, with its fields and no others.
    fn read(&mut self, link: &Link<'_>) -> Option<Envelope> {
        match link.body?.envelope() {
            Ok(envelope) => Some(envelope),
            Err(cause) => {
                // The cause names a field or a kind, and would name a value too: that is left out.
                let cause = cause.to_string();
                let cause = cause.split(" at line ").next().unwrap_or_default();
                let message = format!("it is none that this program writes: {cause}");
                self.findings.add(Code::BodyUnknown, Place::Event(link.seq), message);
                None
            }
        }
    }

    fn check_time(&mut self, seq: i64, envelope: &Envelope) {
        let at = &envelope.at;
        if !is_time(at) {
            let message = "its time is not written as this program does";
            self.findings.add(Code::BodyUnknown, Place::Event(seq), message);
            return;
        }
        let said = match &envelope.event {
            Event::ClockSetBack(event) => Some(event.by_ms),
            _ => None,
        };
        if let Some(before) = self.to.as_ref().filter(|before| at < *before || said.is_some())
            && (said.is_none() || said != set_back_ms(before, at))
        {
            let message = match said {
                None => format!("it was recorded at {at}, and the event before it at {before}"),
                Some(by_ms) => format!("it says that the clock was set back by {by_ms} ms, from {before} to {at}"),
            };
            self.findings.add(Code::TimeBackwards, Place::Event(seq), message);
        }
        if self.from.is_none() {
            self.from = Some(at.clone());
        }
        if self.to.as_ref() != Some(at) {
            self.to = Some(at.clone());
        }
    }
}

/// By how many milliseconds a time is before another; none when it is not.
fn set_back_ms(before: &str, at: &str) -> Option<u64> {
    let time = |text: &str| DateTime::parse_from_rfc3339(text).ok();
    let by_ms = (time(before)? - time(at)?).num_milliseconds();
    u64::try_from(by_ms).ok().filter(|by_ms| *by_ms > 0)
}

/// `2026-11-22T10:00:00.000Z`: of one length, so that later is also greater as text.
fn is_time(text: &str) -> bool {
    const PATTERN: &[u8; 24] = b"dddd-dd-ddTdd:dd:dd.dddZ";
    text.len() == PATTERN.len()
        && text.bytes().zip(PATTERN).all(|(byte, expected)| match expected {
            b'd' => byte.is_ascii_digit(),
            other => byte == *other,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_one_spelling() {
        assert!(is_time("2026-11-22T10:00:00.000Z"));
        for text in [
            "",
            "2026-11-22T10:00:00Z",
            "2026-11-22 10:00:00.000Z",
            "2026-11-22T10:00:00.000+00:00",
            "+026-11-22T10:00:00.000Z",
        ] {
            assert!(!is_time(text), "{text}");
        }
    }
}
