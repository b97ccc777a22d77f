//! The hash chain: leaves as in RFC 6962, each body naming the leaf before it.

use rusqlite::{Connection, OptionalExtension, Result as SqlResult};
use sha2::{Digest, Sha256};

use super::JournalError;

/// `SHA-256(0x00 ‖ body)`.
pub(crate) type Leaf = [u8; 32];

/// The leaf hash of a body (RFC 6962, section 2.1).
pub(crate) fn leaf(body: &str) -> Leaf {
    let mut hash = Sha256::new();
    hash.update([0x00]);
    hash.update(body.as_bytes());
    hash.finalize().into()
}

/// The next sequence number and the last leaf.
pub(crate) fn tip(db: &Connection) -> SqlResult<(i64, Option<Leaf>)> {
    let last = db
        .prepare_cached("SELECT seq, leaf FROM event ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Leaf>(1)?)))
        .optional()?;
    Ok(last.map_or((0, None), |(seq, leaf)| (seq + 1, Some(leaf))))
}

/// Recomputes every leaf and follows the chain from the first event to the last.
pub(crate) fn verify(db: &Connection) -> Result<(), JournalError> {
    let mut statement = db.prepare("SELECT seq, body, leaf, prev FROM event ORDER BY seq")?;
    let mut rows = statement.query([])?;
    let mut expected: Option<Leaf> = None;
    let mut next = 0_i64;
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
            continue;
        };
        return Err(JournalError::Damaged { seq, what });
    }
    Ok(())
}
