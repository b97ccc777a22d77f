//! Erasing what is personal, without breaking the proof.
//!
//! An event says whose values are erased; the same transaction sets salt and value to NULL. Commitments stay, so that every hash
//! holds. What `SQLite` had written before is then taken out of the file, its write-ahead log and the copies that migrations made;
//! only after that an event says that it is finished, and until then every opening for writing goes on with it.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use rusqlite::{Connection, params};

use super::event::{Event, PersonalRedacted};
use super::{JournalError, View, open};
use crate::domain::{JobId, RowNumber, UserId};
use crate::files::beside;

/// Which values: of a user, of rows of the roster, and further ones by their commitments.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Erasure {
    /// The user.
    pub user: Option<UserId>,
    /// Rows of the roster: job and row.
    pub rows: Vec<(JobId, RowNumber)>,
    /// Commitments, 64 hexadecimal digits each.
    pub also: Vec<String>,
}

impl From<&PersonalRedacted> for Erasure {
    fn from(event: &PersonalRedacted) -> Self {
        Self {
            user: event.user,
            rows: event.rows.clone(),
            also: event.also.clone(),
        }
    }
}

/// What an erasure is about, of values that are there.
const OF_USER: &str = "value IS NOT NULL AND user = ?1";
const OF_ROW: &str = "value IS NOT NULL AND user IS NULL AND roster_row = ?2
    AND event IN (SELECT seq FROM event WHERE job = ?1 AND kind = 'row_read')";
const OF_COMMITMENT: &str = "value IS NOT NULL AND commitment = ?1";

impl Erasure {
    /// The commitments of the values that it would erase now.
    pub(crate) fn commitments(&self, db: &Connection) -> Result<Vec<String>, JournalError> {
        let mut found = std::collections::BTreeSet::new();
        let mut add = |filter: &str, parameters: &[&dyn rusqlite::ToSql]| -> Result<(), JournalError> {
            let mut statement = db.prepare_cached(&format!("SELECT commitment FROM personal WHERE {filter}"))?;
            for commitment in statement.query_map(parameters, |row| row.get(0))? {
                found.insert(commitment?);
            }
            Ok(())
        };
        if let Some(user) = self.user {
            add(OF_USER, params![user.0])?;
        }
        for (job, row) in &self.rows {
            add(OF_ROW, params![job.0, row.0])?;
        }
        for commitment in &self.also {
            add(OF_COMMITMENT, params![commitment])?;
        }
        Ok(found.into_iter().collect())
    }

    /// Erases. Part of the transaction that records it.
    pub(crate) fn carry_out(&self, db: &Connection) -> Result<(), JournalError> {
        erase(db, &self.commitments(db)?)
    }
}

fn erase(db: &Connection, commitments: &[String]) -> Result<(), JournalError> {
    let mut statement =
        db.prepare_cached("UPDATE personal SET salt = NULL, value = NULL WHERE commitment = ?1 AND value IS NOT NULL")?;
    for commitment in commitments {
        statement.execute([commitment])?;
    }
    Ok(())
}

/// A redaction on record that is not finished: its sequence number.
pub(crate) fn unfinished(view: View<'_>) -> Result<Vec<u64>, JournalError> {
    let mut open = Vec::new();
    for (seq, envelope) in view.own_events(&["personal_redacted", "redaction_finished"])? {
        match envelope.event {
            Event::PersonalRedacted(_) => open.push(seq),
            Event::RedactionFinished(finished) => open.retain(|seq| *seq != finished.redaction),
            _ => {}
        }
    }
    Ok(open)
}

/// Takes every byte of what was erased out of the file, its write-ahead log and its backups.
pub(crate) fn clean(db: &Connection, path: &Path) -> Result<(), JournalError> {
    clean_backups(db, path)?;
    vacuum(db, path)
}

/// Writes the file anew without the space that erased values lay in, and empties the write-ahead log.
pub(crate) fn vacuum(db: &Connection, path: &Path) -> Result<(), JournalError> {
    // The copy that VACUUM makes can be as large as the database: on the disk beside it, where only its owner can look.
    let folder = beside(path, ".vacuum");
    let failed = |cause| JournalError::File {
        path: folder.clone(),
        cause,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(failed)?;
    let place = folder
        .to_str()
        .ok_or_else(|| failed(std::io::ErrorKind::InvalidFilename.into()))?;
    db.pragma_update(None, "temp_store", "FILE")?;
    db.pragma_update(None, "temp_store_directory", place)?;
    let vacuumed = db.execute_batch("VACUUM");
    db.pragma_update(None, "temp_store_directory", "")?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    vacuumed?;
    std::fs::remove_dir(&folder).map_err(failed)?;
    let busy: bool = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy { Err(JournalError::Busy) } else { Ok(()) }
}

/// The same values in the copies that migrations made.
fn clean_backups(db: &Connection, path: &Path) -> Result<(), JournalError> {
    let erased: Vec<String> = db
        .prepare("SELECT commitment FROM personal WHERE value IS NULL")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for backup in open::backups(path) {
        let copy = open::copy_for_erasing(&backup)?;
        copy.execute_batch("BEGIN IMMEDIATE")?;
        erase(&copy, &erased)?;
        copy.execute_batch("COMMIT")?;
        vacuum(&copy, &backup)?;
        copy.close().map_err(|(_, cause)| cause)?;
    }
    Ok(())
}
