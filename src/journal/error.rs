//! What can go wrong with the journal.

use std::path::PathBuf;

/// A failure of the journal. None of them is followed by a request to the portal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file or its folder cannot be made or read.
    #[error("cannot open the database {}: {cause}", path.display())]
    File {
        /// The database, its reserve or its folder.
        path: PathBuf,
        /// What the operating system said.
        cause: std::io::Error,
    },
    /// There is no database yet.
    #[error("there is no database at {}", .0.display())]
    Missing(PathBuf),
    /// The file is not a database of this program.
    #[error("{} is not a database of offboard24", .0.display())]
    Foreign(PathBuf),
    /// A newer program wrote it.
    #[error("the database {} has version {found}; this program knows versions up to {known}", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest known.
        known: i64,
    },
    /// The file system cannot be trusted with locks and syncs.
    #[error("the database {} is on a network file system, where a lock or a sync may be lost", .0.display())]
    NetworkFileSystem(PathBuf),
    /// The hash chain is broken.
    #[error("the journal is damaged at event {seq}: {what}")]
    Damaged {
        /// The first event that is wrong.
        seq: i64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// `SQLite` finds the file broken.
    #[error("the database file is damaged ({0})")]
    Corrupt(rusqlite::Error),
    /// `SQLite` keeps two files beside a database while it is open, and cannot make them there.
    #[error(
        "the database {} cannot be opened where it is: its folder or a file beside it cannot be written ({cause})",
        path.display()
    )]
    Place {
        /// The database.
        path: PathBuf,
        /// What `SQLite` said.
        cause: rusqlite::Error,
    },
    /// No room for a record. Nothing was recorded.
    #[error("no room on the disk for the journal")]
    DiskFull,
    /// The events are on disk, but the reserve was needed for it.
    #[error("the disk is full; the last outcomes were recorded with the space kept for it")]
    ReserveUsed,
    /// A COMMIT failed: whether it is on disk is unknown.
    #[error("the journal could not be brought to disk: {0}")]
    Commit(Box<JournalError>),
    /// A COMMIT failed before.
    #[error("the journal could not be brought to disk earlier in this run")]
    Broken,
    /// `SQLite` did not take a setting that durability depends on.
    #[error("SQLite did not accept {0}")]
    Pragma(&'static str),
    /// Another program writes to the file, which no run of this one can do now.
    #[error("another program holds the database")]
    Busy,
    /// An erasure is on record, and what was written before could not be taken out of a file yet.
    #[error("what {} erased is on record as erased, but bytes of it are still in {}: {}", events(redactions), path.display(), why(cause))]
    Lingering {
        /// The sequence numbers of the redactions.
        redactions: Vec<u64>,
        /// The file that bytes are left in.
        path: PathBuf,
        /// Whether that is a copy that a migration made.
        is_copy: bool,
        /// Why it could not be cleaned.
        cause: Box<JournalError>,
    },
    /// The file was written to while it was verified.
    #[error("the database {} was changed while it was verified", .0.display())]
    Changed(PathBuf),
    /// The key file.
    #[error(transparent)]
    Key(#[from] super::key::KeyError),
    /// The head file.
    #[error(transparent)]
    Head(#[from] super::head::HeadError),
    /// The events are on disk, and the head file is not.
    #[error("what was done is on record, but not outside the database: {0}")]
    HeadUnwritten(super::head::HeadError),
    /// The newest checkpoint is not over all events, or not ours.
    #[error("the last events are not covered by a checkpoint with the key of the database: somebody else wrote them")]
    NotSealed,
    /// The journal names a key that is none.
    #[error("the journal names the signing key {0:?}, which is none")]
    NoKey(String),
    /// No run ever began, so no key was ever recorded.
    #[error("nothing was ever signed in this database, since no run ever began")]
    Unsigned,
    /// Anything else that `SQLite` said.
    #[error("SQLite: {0}")]
    Sqlite(rusqlite::Error),
    /// An export could not be written.
    #[error("the export cannot be written: {0}")]
    Export(#[from] std::io::Error),
    /// An event could not be written as JSON or read back.
    #[error("an event could not be encoded or decoded: {0}")]
    Encoding(#[from] serde_json::Error),
    /// The operating system gave no random numbers.
    #[error("the operating system gave no random numbers: {0}")]
    Random(#[from] getrandom::Error),
}

impl JournalError {
    /// Whether what was read is not what this program wrote.
    pub fn is_damage(&self) -> bool {
        match self {
            // Only what is read has lines: an event that is no JSON any more.
            Self::Encoding(cause) => cause.line() > 0,
            Self::Damaged { .. } | Self::Corrupt(_) | Self::NoKey(_) | Self::NotSealed => true,
            _ => false,
        }
    }
}

/// `event 7`, `events 7, 9`.
fn events(seqs: &[u64]) -> String {
    let numbers: Vec<String> = seqs.iter().map(ToString::to_string).collect();
    format!("event{} {}", if seqs.len() == 1 { "" } else { "s" }, numbers.join(", "))
}

/// The cause beside a sentence that names the file.
fn why(cause: &JournalError) -> String {
    match cause {
        JournalError::Busy => "another program reads it".to_owned(),
        JournalError::File { path, cause } => format!("{}: {cause}", path.display()),
        JournalError::Place { cause, .. } => cause.to_string(),
        other => other.to_string(),
    }
}

/// Whether the index of the write-ahead log, a file beside the database, found no room: `SQLite` calls that an I/O error.
fn is_no_room_for_index(cause: &rusqlite::Error) -> bool {
    cause.sqlite_extended_error_code() == Some(rusqlite::ffi::SQLITE_IOERR_SHMSIZE)
}

/// Whether a value is there that this program never writes.
fn is_unreadable_value(cause: &rusqlite::Error) -> bool {
    use rusqlite::Error::{
        FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnName, InvalidColumnType, SqliteFailure,
        Utf8Error,
    };
    match cause {
        FromSqlConversionFailure(..)
        | IntegralValueOutOfRange(..)
        | InvalidColumnName(_)
        | InvalidColumnType(..)
        | Utf8Error(..) => true,
        // Columns are generated from the bodies of events.
        SqliteFailure(_, Some(text)) => text == "malformed JSON",
        _ => false,
    }
}

impl From<rusqlite::Error> for JournalError {
    fn from(cause: rusqlite::Error) -> Self {
        match cause.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::DiskFull,
            Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => Self::Busy,
            _ if is_no_room_for_index(&cause) => Self::DiskFull,
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => Self::Corrupt(cause),
            _ if is_unreadable_value(&cause) => Self::Corrupt(cause),
            _ => Self::Sqlite(cause),
        }
    }
}
