//! The journal: the append-only event table, its side table of personal values, and the projections folded from it.
//!
//! - [`Journal`] is the only thing that writes the database. Its one way to write is [`Journal::append`]: events and their effect on
//!   the projections, in one transaction that is on disk when the call returns.
//! - [`JournalFile`] opens the same file for reading only.
//! - [`View`] answers questions about either.
//!
//! On disk (`migrations/`): `event(seq, body, leaf)`, where `body` is canonical JSON (RFC 8785), `leaf = SHA-256(0x00 ‖ body)`
//! (RFC 6962) and every body names the leaf before it; `personal`, the only place that holds a name, an address or a title; and
//! projections, which can be dropped and folded again.
//!
//! Not here: what an event means for the next step (that is `plan` and `run`), and words for people (`report`, `cli`).

mod chain;
mod error;
mod event;
mod fold;
mod history;
mod open;
mod personal;
mod reserve;
mod view;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::SecondsFormat;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

pub use self::error::JournalError;
pub use self::event::*;
pub use self::history::{CheckpointRecord, ErasedTitles, Erasures, Told, Value};
pub use self::open::JournalFile;
pub use self::personal::{About, Commitment, Recorded, Whom};
pub use self::view::{ActionRecord, Counts, JobRecord, RowRecord, RunRecord, TaskView, UserRecord, View, WorkflowView};
use crate::clock::Clock;
use crate::domain::{JobId, RunId};
use crate::hex::hex;

/// An event on its way into the journal.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The job that it belongs to; none for the database's own.
    pub job: Option<JobId>,
    /// What happened.
    pub event: Event,
}

impl Entry {
    /// An event of a job.
    pub fn of(job: JobId, event: Event) -> Self {
        Self { job: Some(job), event }
    }
}

/// Who is writing: what the envelope of each event says besides the event.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stamp {
    /// The run.
    pub run: Option<RunId>,
    /// HTTP requests that it has made so far.
    pub requests: u64,
}

/// The journal, open for writing. One process at a time holds one: the caller has the database's lock.
pub struct Journal {
    db: Connection,
    path: PathBuf,
    clock: Arc<dyn Clock>,
    /// Set when a COMMIT failed: whether it is on disk is unknown, so nothing may be built on it in this process.
    broken: bool,
}

impl Journal {
    /// Opens the database, and makes it if there is none; checks identity, pragmas and the whole hash chain.
    ///
    /// # Errors
    /// When the file cannot be opened or made, is not ours, is of a newer version, or is damaged.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, JournalError> {
        let db = open::for_writing(path)?;
        chain::verify(&db)?;
        reserve::fill(path)?;
        let mut journal = Self {
            db,
            path: path.to_owned(),
            clock,
            broken: false,
        };
        if journal.view().is_empty()? {
            let mut database = [0; 16];
            getrandom::fill(&mut database)?;
            let created = DatabaseCreated {
                database: hex(&database),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            };
            journal.append(
                Stamp::default(),
                [Entry {
                    job: None,
                    event: Event::DatabaseCreated(created),
                }],
            )?;
        }
        Ok(journal)
    }

    /// Questions about what is recorded.
    pub fn view(&self) -> View<'_> {
        View::new(&self.db)
    }

    /// Appends events and applies them to the projections, in one transaction. When this returns, they are on disk.
    ///
    /// # Errors
    /// Nothing was recorded, except after [`JournalError::Commit`], when that is unknown: the process has to stop.
    pub fn append(&mut self, stamp: Stamp, entries: impl IntoIterator<Item = Entry>) -> Result<(), JournalError> {
        let entries: Vec<Entry> = entries.into_iter().collect();
        self.append_all(stamp, &entries)
    }

    /// Appends answers or outcomes: when the disk is full, gives up the reserve and tries the same events once more.
    ///
    /// # Errors
    /// As [`Journal::append`]; [`JournalError::ReserveUsed`] when the events are on disk and no further run may begin until there is room.
    pub fn append_settlement(&mut self, stamp: Stamp, entries: &[Entry]) -> Result<(), JournalError> {
        match self.append_all(stamp, entries) {
            Err(JournalError::DiskFull) => {
                reserve::give_up(&self.path)?;
                self.append_all(stamp, entries)?;
                Err(JournalError::ReserveUsed)
            }
            other => other,
        }
    }

    /// Refuses when the disk has no room for the records of another batch.
    ///
    /// # Errors
    /// [`JournalError::DiskFull`].
    pub fn check_room(&self) -> Result<(), JournalError> {
        reserve::check_room(&self.path)
    }

    fn append_all(&mut self, stamp: Stamp, entries: &[Entry]) -> Result<(), JournalError> {
        if self.broken {
            return Err(JournalError::Broken);
        }
        let at = self.clock.utc().to_rfc3339_opts(SecondsFormat::Millis, true);
        let monotonic_ms = u64::try_from(self.clock.monotonic().as_millis()).unwrap_or(u64::MAX);
        let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (mut next, mut prev) = chain::tip(&transaction)?;
        for entry in entries {
            let draft = Envelope {
                prev: prev.map(|leaf| hex(&leaf)),
                at: at.clone(),
                monotonic_ms,
                run: stamp.run,
                job: entry.job,
                requests: stamp.requests,
                event: entry.event.clone(),
            };
            prev = Some(append_one(&transaction, next, &draft)?);
            next += 1;
        }
        if let Err(cause) = transaction.commit() {
            let cause = JournalError::from(cause);
            // SQLite rolls a full disk back by itself; after anything else the state on disk is unknown.
            self.broken = !matches!(cause, JournalError::DiskFull);
            return Err(if self.broken {
                JournalError::Commit(Box::new(cause))
            } else {
                cause
            });
        }
        Ok(())
    }

    /// Closes in order: everything from the write-ahead log goes into the database file.
    ///
    /// # Errors
    /// When SQLite cannot write; nothing is lost then, the next opening goes on from the write-ahead log.
    pub fn close(self) -> Result<(), JournalError> {
        self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        self.db.close().map_err(|(_, cause)| cause.into())
    }
}

/// Seals, hashes and inserts one event, then folds what was recorded (not what was meant).
fn append_one(db: &Transaction<'_>, seq: i64, draft: &Envelope) -> Result<chain::Leaf, JournalError> {
    let mut value = serde_json::to_value(draft)?;
    let reveals = personal::seal(&mut value)?;
    let body = serde_json_canonicalizer::to_string(&value)?;
    let leaf = chain::leaf(&body);
    db.prepare_cached("INSERT INTO event (seq, body, leaf) VALUES (?1, ?2, ?3)")?
        .execute(params![seq, body, leaf])?;
    for reveal in reveals {
        db.prepare_cached(
            "INSERT INTO personal (commitment, event, user, roster_row, salt, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            reveal.commitment.as_str(),
            seq,
            reveal.user,
            reveal.row,
            reveal.salt,
            reveal.value
        ])?;
    }
    fold::fold(db, &serde_json::from_str(&body)?)?;
    Ok(leaf)
}
