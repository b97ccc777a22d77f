//! The head file: the last checkpoint that was signed on this machine, kept outside the database's folder.
//!
//! A journal whose end was cut off, or for which an older copy was put in place, is whole in itself; only something outside can
//! tell (`audit-and-durability`, section 5). A head that lags behind the journal is what a crash between two writes leaves, and legitimate. A
//! journal that lags behind the head, or that had another root at the head's size, is damage.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::note::{Checkpoint, Note};
use crate::domain::RunId;
use crate::files;

/// Bytes of a head file that are read: a note of many signatures.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// What can be wrong with a head.
#[derive(Debug, thiserror::Error)]
pub enum HeadError {
    /// It cannot be read or written.
    #[error("the head file {}: {cause}", path.display())]
    File {
        /// The head file.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },
    /// Something else is in it.
    #[error("the head file {} is no checkpoint", .0.display())]
    Unreadable(PathBuf),
    /// None of the keys that the journal names signed it.
    #[error("the head file {} is not signed with a key of the database", .0.display())]
    Foreign(PathBuf),
    /// Another process signs for the same database, or for a copy of it.
    #[error(transparent)]
    Locked(#[from] crate::lock::LockError),
    /// The journal's end is missing.
    #[error("the journal has {events} events, and this machine signed {size} of them ({}): its end is missing", path.display())]
    Longer {
        /// The head file.
        path: PathBuf,
        /// Events that the head knows.
        size: u64,
        /// Events that the journal has.
        events: u64,
    },
    /// The journal tells another story.
    #[error("the first {size} events are not those that this machine signed ({}): the journal was changed", path.display())]
    Differs {
        /// The head file.
        path: PathBuf,
        /// Events that the head knows.
        size: u64,
    },
}

/// Whether a text is the id of a database. Only then does it become the name of a file: it comes from the database, which is not trusted.
pub fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Where the head of a database is.
pub fn path(heads: &Path, database: &str) -> PathBuf {
    heads.join(database)
}

/// Where the receipt of a run is: beside the head.
pub fn receipt_path(heads: &Path, database: &str, run: RunId) -> PathBuf {
    heads.join(format!("{database}-run-{run}.receipt"))
}

/// Reads a head file: the note as it stands, and the checkpoint in it. None when there is none.
///
/// # Errors
/// When it cannot be read or is no checkpoint.
pub fn read(path: &Path) -> Result<Option<(Note, Checkpoint)>, HeadError> {
    let failed = |cause| HeadError::File {
        path: path.to_owned(),
        cause,
    };
    let text = match fs::metadata(path) {
        Ok(found) if found.is_file() && found.len() <= FILE_BYTES_MAX => fs::read(path).map_err(failed)?,
        Ok(_) => return Err(HeadError::Unreadable(path.to_owned())),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(failed(cause)),
    };
    let parsed = || {
        let note = Note::parse(std::str::from_utf8(&text).ok()?).ok()?;
        let checkpoint = Checkpoint::parse(&note.text).ok()?;
        Some((note, checkpoint))
    };
    parsed().map(Some).ok_or_else(|| HeadError::Unreadable(path.to_owned()))
}

/// Writes the head, whole or not at all.
///
/// # Errors
/// When it cannot be written; the old one is there then.
pub(crate) fn write(path: &Path, note: &str) -> Result<(), HeadError> {
    files::replace(path, note.as_bytes()).map_err(|cause| HeadError::File {
        path: path.to_owned(),
        cause,
    })
}
