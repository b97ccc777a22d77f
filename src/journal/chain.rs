//! The hash chain: leaves as in RFC 6962, each body naming the leaf before it.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Result as SqlResult};
use sha2::{Digest, Sha256};

use super::JournalError;
use super::tree::Tree;

/// `SHA-256(0x00 ‖ body)`.
pub(crate) type Leaf = [u8; 32];

/// The leaf hash of a body (RFC 6962, section 2.1).
pub(crate) fn leaf(body: &str) -> Leaf {
    let mut hash = Sha256::new();
    hash.update([0x00]);
    hash.update(body.as_bytes());
    hash.finalize().into()
}

/// The number of events and the last leaf.
pub(crate) fn tip(db: &Connection) -> SqlResult<(u64, Option<Leaf>)> {
    let last = db
        .prepare_cached("SELECT seq, leaf FROM event ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Leaf>(1)?)))
        .optional()?;
    Ok(last.map_or((0, None), |(seq, leaf)| (seq.unsigned_abs() + 1, Some(leaf))))
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
    let mut statement = db.prepare("SELECT seq, body, leaf, prev, at FROM event ORDER BY seq")?;
    let mut rows = statement.query([])?;
    let mut expected: Option<Leaf> = None;
    let mut next = 0_i64;
    let mut last_at = None;
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(0)?;
        let body = row.get_ref(1)?.as_str().map_err(|_| JournalError::Damaged {
            seq,
            what: "its body is not text",
        })?;
        let stored: Leaf = row.get(2).map_err(|_| JournalError::Damaged {
            seq,
            what: "its leaf is not a hash",
        })?;
        let prev: Option<String> = row.get(3)?;
        let what = if seq != next {
            "events before it are missing"
        } else if stored != leaf(body) {
            "its body does not match its hash"
        } else if prev != expected.map(|leaf| crate::hex::hex(&leaf)) {
            "it does not follow the event before it"
        } else {
            expected = Some(stored);
            next += 1;
            scan.tree.push(stored);
            if size_asked == Some(scan.tree.size()) {
                scan.root_asked = Some(scan.tree.root());
            }
            last_at = row.get::<_, Option<String>>(4)?;
            continue;
        };
        return Err(JournalError::Damaged { seq, what });
    }
    scan.last_at = last_at
        .and_then(|at| DateTime::parse_from_rfc3339(&at).ok())
        .map(|at| at.to_utc());
    Ok(scan)
}

fn is_there(db: &Connection) -> SqlResult<bool> {
    db.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'event')",
        [],
        |row| row.get(0),
    )
}
