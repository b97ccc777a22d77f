//! The personal values beside the events that commit to them.
//!
//! Values are written in the order of their events, so one pass over both tables meets them together. What is not where it is expected
//! is looked up by its commitment, so that each oddity is found by its own name and nothing behind it is.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row, Rows};
use sha2::{Digest as _, Sha256};

use super::finding::{Code, Findings, Place};
use super::indexes::Entries;
use crate::hex::{hex, unhex};
use crate::journal::event::{Event, PersonalRedacted};
use crate::journal::personal::{About, Recorded, SALT_BYTES, Whom};

/// Rows that are looked through before a value is looked up.
const WINDOW: usize = 64;

/// The columns of a row, in the order in which [`Filed::read`] takes them.
pub(crate) const COLUMNS: &str = "rowid, commitment, event, user, roster_row, salt, value";

type Hash = [u8; 32];

/// What a row still holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Content {
    /// Salt and value, which hash to this.
    Kept(Hash),
    /// Both are gone.
    Erased,
    /// Something else.
    Broken,
}

/// A row of the `personal` table.
#[derive(Clone, Debug)]
struct Filed {
    rowid: i64,
    commitment: Option<Hash>,
    event: i64,
    user: Option<i64>,
    roster_row: Option<i64>,
    content: Content,
}

impl Filed {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let number = |column: usize| {
            Ok::<_, rusqlite::Error>(match row.get_ref(column)? {
                ValueRef::Integer(number) => Some(number),
                _ => None,
            })
        };
        let commitment = match row.get_ref(1)? {
            ValueRef::Text(text) => unhex(text),
            _ => None,
        };
        let content = match (row.get_ref(5)?, row.get_ref(6)?) {
            (ValueRef::Null, ValueRef::Null) => Content::Erased,
            (ValueRef::Blob(salt), ValueRef::Text(value)) if salt.len() == SALT_BYTES => {
                let hash = Sha256::new()
                    .chain_update([0x02])
                    .chain_update(salt)
                    .chain_update(value);
                Content::Kept(hash.finalize().into())
            }
            _ => Content::Broken,
        };
        Ok(Self {
            rowid: row.get(0)?,
            commitment,
            event: number(2)?.unwrap_or(-1),
            user: number(3)?,
            roster_row: number(4)?,
            content,
        })
    }
}

/// Whether a row is filed under whom its event says.
fn is_filed_under(whom: Whom, filed: &Filed) -> bool {
    let found = (filed.user, filed.roster_row);
    match whom {
        Whom::Known(About::User(user)) => found == (Some(i64::from(user.0)), None),
        Whom::Known(About::Row(row)) => found == (None, Some(i64::from(row.0))),
        Whom::Known(About::Nobody) => found == (None, None),
        Whom::Unsaid => found.1.is_none(),
    }
}

/// The pass over the `personal` table.
pub(crate) struct Values<'c> {
    db: &'c Connection,
    rows: Rows<'c>,
    /// Whether all values were left out of this copy, erased or not.
    are_withheld: bool,
    exhausted: bool,
    window: VecDeque<Filed>,
    /// Rows that were looked up before the pass came to them.
    claimed: BTreeSet<i64>,
    /// Rows that the pass came by and that their event did not want: rowid to commitment.
    strays: BTreeMap<i64, String>,
    kept: u64,
    erased: Vec<(Hash, i64)>,
    redactions: Vec<Redaction>,
    /// What the indexes have to hold.
    entries: Entries,
}

/// An event that erases values.
struct Redaction {
    seq: i64,
    user: Option<i64>,
    rows: BTreeSet<(i64, i64)>,
    also: BTreeSet<String>,
    /// How many values it says that it erases, and how many it does.
    said: u32,
    found: u32,
}

impl Redaction {
    fn new(seq: i64, event: &PersonalRedacted) -> Self {
        Self {
            seq,
            user: event.user.map(|user| i64::from(user.0)),
            rows: event
                .rows
                .iter()
                .map(|(job, row)| (i64::from(job.0), i64::from(row.0)))
                .collect(),
            also: event.also.iter().cloned().collect(),
            said: event.values,
            found: 0,
        }
    }
}

impl<'c> Values<'c> {
    /// `rows` are all rows in the order of their making: [`COLUMNS`] by rowid. `entries` are none yet.
    pub(crate) fn new(db: &'c Connection, rows: Rows<'c>, are_withheld: bool, entries: Entries) -> Self {
        Self {
            db,
            rows,
            are_withheld,
            exhausted: false,
            window: VecDeque::with_capacity(WINDOW),
            claimed: BTreeSet::new(),
            strays: BTreeMap::new(),
            kept: 0,
            erased: Vec::new(),
            redactions: Vec::new(),
            entries,
        }
    }

    /// What the indexes have to hold, after [`Self::finish`].
    pub(crate) fn into_entries(self) -> Entries {
        self.entries
    }

    /// Values that are there, and values that were erased.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.kept, self.erased.len() as u64)
    }

    /// Takes the next event.
    pub(crate) fn take(&mut self, seq: i64, event: &Event, findings: &mut Findings) -> rusqlite::Result<()> {
        if let Event::PersonalRedacted(event) = event {
            self.redactions.push(Redaction::new(seq, event));
        }
        for (value, whom) in event.personal_values() {
            self.take_value(seq, value, whom, findings)?;
        }
        while self.window.front().is_some_and(|row| row.event <= seq) {
            self.pass_by();
        }
        Ok(())
    }

    fn take_value(&mut self, seq: i64, value: &Recorded, whom: Whom, findings: &mut Findings) -> rusqlite::Result<()> {
        let commitment = value.commitment().unwrap_or_default();
        let Some(hash) = unhex(commitment.as_bytes()) else {
            findings.add(
                Code::BodyUnknown,
                Place::Event(seq),
                "a commitment is not written as this program does",
            );
            return Ok(());
        };
        self.fill()?;
        let place = self.window.iter().position(|row| row.commitment == Some(hash));
        let filed = match place.and_then(|place| self.window.remove(place)) {
            Some(filed) => Some(filed),
            None => self.look_up(commitment)?,
        };
        let Some(filed) = filed else {
            findings.add(
                Code::ValueMissing,
                Place::Event(seq),
                format!("the row of value {commitment:.12}… is gone"),
            );
            return Ok(());
        };
        if filed.event != seq {
            let message = format!("it belongs to event {seq} and is filed under event {}", filed.event);
            findings.add(Code::ValueMisfiled, Place::Value(commitment.to_owned()), message);
        } else if !is_filed_under(whom, &filed) {
            let message = format!("event {seq} says that it is about somebody else than its row does");
            findings.add(Code::ValueMisfiled, Place::Value(commitment.to_owned()), message);
        }
        match filed.content {
            Content::Kept(found) if found == hash => self.kept += 1,
            Content::Erased => self.erased.push((hash, seq)),
            Content::Kept(_) | Content::Broken => {
                let message = format!("what is stored is not what event {seq} committed to");
                findings.add(Code::ValueChanged, Place::Value(commitment.to_owned()), message);
            }
        }
        Ok(())
    }

    /// Keeps some rows at hand.
    fn fill(&mut self) -> rusqlite::Result<()> {
        while self.window.len() < WINDOW && !self.exhausted {
            match self.rows.next()? {
                Some(row) => {
                    self.entries.add_personal(row.get(0)?, row.get_ref(1)?, row.get_ref(3)?);
                    self.window.push_back(Filed::read(row)?);
                }
                None => self.exhausted = true,
            }
        }
        Ok(())
    }

    /// The first row at hand was not wanted where it stands.
    fn pass_by(&mut self) {
        if let Some(row) = self.window.pop_front()
            && !self.claimed.remove(&row.rowid)
        {
            let commitment = row.commitment.map(|hash| hex(&hash)).unwrap_or_default();
            self.strays.insert(row.rowid, commitment);
        }
    }

    fn look_up(&mut self, commitment: &str) -> rusqlite::Result<Option<Filed>> {
        let sql = format!("SELECT {COLUMNS} FROM personal WHERE commitment = ?1");
        let found = self
            .db
            .prepare_cached(&sql)?
            .query_row([commitment], Filed::read)
            .optional()?;
        if let Some(row) = &found
            && self.strays.remove(&row.rowid).is_none()
        {
            self.claimed.insert(row.rowid);
        }
        Ok(found)
    }

    /// After the last event: what is left belongs to none, and what was erased needs a reason.
    pub(crate) fn finish(&mut self, findings: &mut Findings) -> rusqlite::Result<()> {
        loop {
            self.fill()?;
            if self.window.is_empty() {
                break;
            }
            self.pass_by();
        }
        for commitment in self.strays.values() {
            findings.add(
                Code::ValueForeign,
                Place::Value(commitment.clone()),
                "no event commits to it",
            );
        }
        if self.are_withheld {
            if self.kept > 0 {
                let message = format!("{} values are there, and it says that they were left out", self.kept);
                findings.add(Code::ExportDiffers, Place::File, message);
            }
            return Ok(());
        }
        if self.redactions.is_empty() {
            for (hash, seq) in &self.erased {
                let message = format!("the value of event {seq} is gone, and no event says that it was erased");
                findings.add(Code::ValueErasedWithoutEvent, Place::Value(hex(hash)), message);
            }
            return Ok(());
        }
        self.check_redactions(findings)
    }

    /// Every value that a redaction covers is gone, and none else.
    fn check_redactions(&mut self, findings: &mut Findings) -> rusqlite::Result<()> {
        let mut statement = self.db.prepare(
            "SELECT p.commitment, p.event, p.user, p.roster_row, p.salt IS NULL,
                 CASE WHEN p.roster_row IS NOT NULL THEN (SELECT job FROM event WHERE seq = p.event) END
             FROM personal p ORDER BY p.rowid",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (commitment, event): (String, i64) = (row.get(0)?, row.get(1)?);
            let (user, roster_row, is_gone): (Option<i64>, Option<i64>, bool) = (row.get(2)?, row.get(3)?, row.get(4)?);
            let place: Option<(i64, i64)> = row.get::<_, Option<i64>>(5)?.zip(roster_row);
            let covering = self.redactions.iter_mut().find(|redaction| {
                redaction.seq > event
                    && (user.is_some() && redaction.user == user
                        || place.is_some_and(|place| redaction.rows.contains(&place))
                        || redaction.also.contains(&commitment))
            });
            match covering {
                None if is_gone => {
                    let message = format!("the value of event {event} is gone, and no event says that it was erased");
                    findings.add(Code::ValueErasedWithoutEvent, Place::Value(commitment), message);
                }
                None => {}
                Some(redaction) => {
                    redaction.found += 1;
                    if !is_gone {
                        let message = format!("event {} says that it was erased, and it is there", redaction.seq);
                        findings.add(Code::RedactionUnfinished, Place::Value(commitment), message);
                    }
                }
            }
        }
        for redaction in &self.redactions {
            if redaction.found != redaction.said {
                let message = format!(
                    "it says that it erases {} values, and it covers {}",
                    redaction.said, redaction.found
                );
                findings.add(Code::Totals, Place::Event(redaction.seq), message);
            }
        }
        Ok(())
    }
}
