//! Erasing what is personal, without breaking the proof.
//!
//! An event says whose values are erased; the same transaction sets salt and value to NULL. Commitments stay, so that every hash
//! holds. What `SQLite` had written before is then taken out of the file, its write-ahead log and the copies that migrations made;
//! only after that an event says that it is finished, and until then every command that writes tries it again.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::event::{Event, PersonalRedacted};
use super::{JournalError, View, open};
use crate::crash::{self, Point};
use crate::domain::{JobId, RowNumber, UserId};
use crate::files::{beside, make_private_folder};

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

/// How `SQLite` begins the names of its temporary files.
const SQLITE_TEMPORARY: &str = "etilqs_";

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

/// Takes every byte of what was erased out of the file, its write-ahead log and its backups. What fails names the file that bytes are
/// left in.
pub(crate) fn clean(db: &Connection, path: &Path) -> Result<(), (PathBuf, JournalError)> {
    let mut cleaned = vacuum(db, path).map_err(|cause| (path.to_owned(), cause));
    // One that fails does not keep the bytes in the others.
    for backup in open::backups(path) {
        cleaned = cleaned.and(clean_backup(db, &backup).map_err(|cause| (backup, cause)));
    }
    cleaned
}

/// Writes the file anew without the space that erased values lay in, and empties the write-ahead log.
pub(crate) fn vacuum(db: &Connection, path: &Path) -> Result<(), JournalError> {
    // The copy that VACUUM makes can be as large as the database: on the disk beside it, where only its owner can look.
    let folder = beside(path, ".vacuum");
    let failed = |cause| JournalError::File {
        path: folder.clone(),
        cause,
    };
    make_private_folder(&folder)
        .and_then(|()| remove_leftovers(&folder))
        .map_err(failed)?;
    let place = folder
        .to_str()
        .ok_or_else(|| failed(io::ErrorKind::InvalidFilename.into()))?;
    db.pragma_update(None, "temp_store", "FILE")?;
    db.pragma_update(None, "temp_store_directory", place)?;
    let vacuumed = db.execute_batch("VACUUM");
    db.pragma_update(None, "temp_store_directory", "")?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    vacuumed?;
    crash::point(Point::C18);
    match std::fs::remove_dir(&folder) {
        // What somebody else put there is theirs, and holds nothing of ours.
        Err(cause) if cause.kind() != io::ErrorKind::DirectoryNotEmpty => return Err(failed(cause)),
        _ => {}
    }
    let busy: bool = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy { Err(JournalError::Busy) } else { Ok(()) }
}

/// Removes what `SQLite` left of a copy when its process was killed.
fn remove_leftovers(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(SQLITE_TEMPORARY) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// The same values in a copy that a migration made.
fn clean_backup(db: &Connection, backup: &Path) -> Result<(), JournalError> {
    let erased: Vec<String> = db
        .prepare("SELECT commitment FROM personal WHERE value IS NULL")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let copy = open::copy_for_erasing(backup)?;
    copy.execute_batch("BEGIN IMMEDIATE")?;
    erase(&copy, &erased)?;
    copy.execute_batch("COMMIT")?;
    vacuum(&copy, backup)?;
    copy.close().map_err(|(_, cause)| cause.into())
}
