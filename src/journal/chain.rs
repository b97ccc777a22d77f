//! The hash chain: leaves as in RFC 6962, each body naming the leaf before it.

use chrono::{DateTime, Utc};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Result as SqlResult};
use sha2::{Digest, Sha256};

use super::JournalError;
use super::event::Body;
use super::tree::Tree;
use crate::hex::is_hex_of;

/// `SHA-256(0x00 ‖ body)`.
pub(crate) type Leaf = [u8; 32];

/// The leaf hash of a body (RFC 6962, section 2.1).
pub(crate) fn leaf(body: &[u8]) -> Leaf {
    let mut hash = Sha256::new();
    hash.update([0x00]);
    hash.update(body);
    hash.finalize().into()
}

/// The next sequence number and the last leaf.
pub(crate) fn tip(db: &Connection) -> SqlResult<(u64, Option<Leaf>)> {
    let last = db
        .prepare_cached("SELECT seq, leaf FROM event ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Leaf>(1)?)))
        .optional()?;
    Ok(last.map_or((0, None), |(seq, leaf)| (seq.unsigned_abs() + 1, Some(leaf))))
}

/// What is wrong with the place of an event in the chain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// Its number is not the next.
    Sequence,
    /// Its body is not text.
    NotText,
    /// Its stored leaf is not the hash of its body.
    Leaf,
    /// It has no envelope that says what stands before it.
    NoEnvelope,
    /// It does not name the leaf before it.
    Chain,
}

impl Fault {
    /// In words, of an event.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Sequence => "events before it are missing",
            Self::NotText => "its body is not text",
            Self::Leaf => "its body does not match its hash",
            Self::NoEnvelope => "its body is not the record of an event",
            Self::Chain => "it does not follow the event before it",
        }
    }
}

/// One event, as [`follow`] meets it.
pub(crate) struct Link<'a> {
    pub(crate) seq: i64,
    /// What its body hashes to.
    pub(crate) leaf: Leaf,
    /// Its body, where that is text.
    pub(crate) text: Option<&'a str>,
    /// What the body says, where it can be read.
    pub(crate) body: Option<Body<'a>>,
    /// What is wrong with its place, in the order of [`Fault`].
    pub(crate) faults: &'a [Fault],
}

/// Goes through all events in order, recomputes every leaf and follows the chain. Ends when `each` says so, or after the last event.
///
/// # Errors
/// When the table cannot be read, or what `each` ends with.
pub(crate) fn follow<E: From<rusqlite::Error>>(
    db: &Connection,
    mut each: impl FnMut(&Link<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut statement = db.prepare("SELECT seq, body, leaf FROM event ORDER BY seq")?;
    let mut rows = statement.query([])?;
    let mut next = 0_i64;
    // The leaf before, as stored and as computed: where the two differ, that is the one fault, and not the next event's.
    let mut before: Option<[Option<Leaf>; 2]> = None;
    let mut faults = Vec::new();
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(0)?;
        let bytes = match row.get_ref(1)? {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes,
            ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => &[],
        };
        let text = row.get_ref(1)?.as_str().ok();
        let stored: Option<Leaf> = row.get(2).ok();
        let computed = leaf(bytes);
        let body = text.and_then(|text| Body::read(text).ok());
        faults.clear();
        if seq != next {
            faults.push(Fault::Sequence);
        }
        if text.is_none() {
            faults.push(Fault::NotText);
        }
        if stored != Some(computed) {
            faults.push(Fault::Leaf);
        }
        match body {
            None => faults.push(Fault::NoEnvelope),
            Some(body) if !names(body.prev, before.as_ref()) => faults.push(Fault::Chain),
            Some(_) => {}
        }
        each(&Link {
            seq,
            leaf: computed,
            text,
            body,
            faults: &faults,
        })?;
        before = Some([stored, Some(computed)]);
        next = seq.saturating_add(1);
    }
    Ok(())
}

/// Whether `prev` is the leaf before.
fn names(prev: Option<&str>, before: Option<&[Option<Leaf>; 2]>) -> bool {
    match (prev, before) {
        (None, None) => true,
        (Some(prev), Some(before)) => before.iter().flatten().any(|leaf| is_hex_of(prev, leaf)),
        _ => false,
    }
}

/// What one pass over the journal gives.
pub(crate) struct Scan {
    /// The tree of all events.
    pub(crate) tree: Tree,
    /// The root at the size that was asked for; none when the journal is shorter.
    pub(crate) root_asked: Option<Leaf>,
    /// The wall clock's reading in the last event.
    pub(crate) last_at: Option<DateTime<Utc>>,
}

/// Recomputes every leaf and follows the chain from the first event to the last. Stops at the first fault.
pub(crate) fn scan(db: &Connection, size_asked: Option<u64>) -> Result<Scan, JournalError> {
    let mut scan = Scan {
        tree: Tree::new(),
        root_asked: None,
        last_at: None,
    };
    if !is_there(db)? {
        return Ok(scan);
    }
    let mut last_at = String::new();
    follow(db, |link| {
        if let Some(fault) = link.faults.first() {
            return Err(JournalError::Damaged {
                seq: link.seq,
                what: fault.words(),
            });
        }
        scan.tree.push(link.leaf);
        if size_asked == Some(scan.tree.size()) {
            scan.root_asked = Some(scan.tree.root());
        }
        if let Some(body) = link.body {
            last_at.clear();
            last_at.push_str(body.at);
        }
        Ok(())
    })?;
    scan.last_at = DateTime::parse_from_rfc3339(&last_at).ok().map(|at| at.to_utc());
    Ok(scan)
}

fn is_there(db: &Connection) -> SqlResult<bool> {
    db.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'event')",
        [],
        |row| row.get(0),
    )
}
