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

pub mod bundle;
mod canonical;
mod chain;
mod error;
mod event;
pub mod export;
mod fold;
pub mod head;
mod history;
pub mod key;
mod naming;
pub mod note;
mod open;
mod pages;
mod passage;
mod personal;
pub mod prove;
pub mod receipt;
mod redact;
mod reserve;
pub mod review;
mod seal;
mod trail;
pub mod tree;
pub mod verify;
mod view;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, SubsecRound as _, Utc};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

pub use self::error::JournalError;
pub use self::event::*;
use self::head::HeadError;
pub use self::history::{CheckpointRecord, ErasedTitles, Erasures, Told, Value};
use self::key::Keys;
use self::note::{Checkpoint, Note, VerifyingKey};
pub use self::open::JournalFile;
use self::passage::Passage;
pub use self::personal::{About, Commitment, Recorded, Whom};
pub use self::redact::Erasure;
pub use self::reserve::{ROOM_BYTES_MIN, free_bytes};
use self::seal::{Sealer, Signers};
pub use self::trail::{Logged, Person, Search};
use self::tree::Tree;
pub use self::view::{
    ActionRecord, Counts, JobRecord, RowRecord, RunRecord, TaskView, UserRecord, ValueRecord, View, WorkflowView,
};
use crate::clock::Clock;
use crate::crash::{self, Point};
use crate::domain::{JobId, Portal, RunId};
use crate::hex::hex;
use crate::lock::Lock;
use crate::personal::Personal;

/// An event on its way into the journal.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The job that it belongs to; none for the database's own.
    pub job: Option<JobId>,
    /// What happened.
    pub event: Event,
}

impl Entry {
    /// An event of the database itself.
    pub fn own(event: Event) -> Self {
        Self { job: None, event }
    }

    /// An event of a job.
    pub fn of(job: JobId, event: Event) -> Self {
        Self { job: Some(job), event }
    }
}

/// Takes an event into the transaction.
pub type Take<'a> = dyn FnMut(&Entry) -> Result<(), JournalError> + 'a;

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
    /// The tree of all events so far.
    tree: Tree,
    /// The wall clock's reading in the last event.
    last_at: Option<DateTime<Utc>>,
    /// What signs; none in a journal that nobody signs, which only tests have.
    sealer: Option<Sealer>,
    /// Set when a COMMIT failed: whether it is on disk is unknown, so nothing may be built on it in this process.
    broken: bool,
}

/// What a run has to know and record about the signing before anything else.
#[derive(Debug, Default)]
pub struct Beginning {
    /// Events to append with the first of the run.
    pub entries: Vec<Entry>,
    /// Whether this machine has no head of a database that was signed before: what was cut off its end would go unnoticed.
    pub is_head_missing: bool,
    /// The public key, when it signs from here on and did not before.
    pub new_key: Option<VerifyingKey>,
}

impl Journal {
    /// Opens the database without signing, and makes it if there is none; checks identity, pragmas and the whole hash chain.
    ///
    /// # Errors
    /// When the file cannot be opened or made, is not ours, is of a newer version, or is damaged.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, JournalError> {
        let db = open::for_writing(path)?;
        let scan = chain::scan(&db, None)?;
        Self::go_on(db, path, clock, scan)
    }

    /// Opens the database as [`Journal::open`] does, and signs what is recorded from here on. Before anything is written, the journal is
    /// compared with the head of this machine.
    ///
    /// # Errors
    /// As [`Journal::open`]; when the journal contradicts the head, another process signs for the database, or its key is not here.
    pub fn open_signed(path: &Path, clock: Arc<dyn Clock>, mut keys: Keys, heads: &Path) -> Result<Self, JournalError> {
        crate::files::make_private_folder(heads).map_err(|cause| HeadError::File {
            path: heads.to_owned(),
            cause,
        })?;
        let db = open::for_writing(path)?;
        let known = match open::database(&db)? {
            Some(database) => Some(guard(heads, &database)?),
            None => None,
        };
        let head = known.as_ref().and_then(|(_, head)| head.as_ref());
        let scan = chain::scan(&db, head.map(|(_, checkpoint)| checkpoint.size))?;
        if let Some(head) = head {
            let path = head::path(heads, &open::database(&db)?.unwrap_or_default());
            hold_against(head, View::new(&db), &scan, &path)?;
        }
        if known.is_some() {
            check_sealed(View::new(&db), &scan)?;
        }
        let mut journal = Self::go_on(db, path, clock, scan)?;
        let database = journal.view().database()?;
        let key = journal.view().signing_key()?;
        let (lock, head) = match known {
            Some(known) => known,
            None => guard(heads, &database)?,
        };
        match &key {
            Some(public) => keys.of(public).map(drop)?,
            None => keys.newest().map(drop)?,
        }
        journal.sealer = Some(Sealer {
            keys,
            key,
            head: head::path(heads, &database),
            had_head: head.is_some(),
            _lock: lock,
        });
        Ok(journal)
    }

    /// Brings schema and reserve up to date, and makes the first event of a new database.
    fn go_on(db: Connection, path: &Path, clock: Arc<dyn Clock>, scan: chain::Scan) -> Result<Self, JournalError> {
        open::migrate_with_backup(&db, path)?;
        reserve::fill(path)?;
        let mut journal = Self {
            db,
            path: path.to_owned(),
            clock,
            tree: scan.tree,
            last_at: scan.last_at,
            sealer: None,
            broken: false,
        };
        if journal.tree.size() == 0 {
            let mut database = [0; 16];
            getrandom::fill(&mut database)?;
            let created = DatabaseCreated {
                database: hex(&database),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            };
            journal.append(Stamp::default(), [Entry::own(Event::DatabaseCreated(created))])?;
        }
        Ok(journal)
    }

    /// What a run on a portal has to record about the signing: the key at its first use, a newer one of this machine, a head that is missing.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn beginning(&mut self, portal: &Portal, operator: &Operator) -> Result<Beginning, JournalError> {
        let database = self.view().database()?;
        let last = self.view().last_checkpoint()?;
        let Some(sealer) = &mut self.sealer else {
            return Ok(Beginning::default());
        };
        let mut beginning = Beginning::default();
        let newest = sealer.keys.newest()?;
        match &sealer.key {
            None => {
                let origin = format!("{portal}/{database}");
                let key = newest.verifying(&origin.parse().map_err(|_| JournalError::NoKey(origin))?);
                let recorded = SigningKeyRecorded {
                    origin: key.name().to_string(),
                    key: key.to_string(),
                };
                beginning.entries.push(Entry::own(Event::SigningKeyRecorded(recorded)));
                beginning.new_key = Some(key);
            }
            Some(public) => {
                let key = newest.verifying(public.name());
                if key != *public {
                    beginning.entries.push(Entry::own(rotated(&key, public, operator)));
                    beginning.new_key = Some(key);
                }
            }
        }
        if let (Some((size, _)), false) = (last, sealer.had_head) {
            beginning.is_head_missing = true;
            beginning
                .entries
                .push(Entry::own(Event::HeadMissing(HeadMissing { checkpoint: size })));
        }
        Ok(beginning)
    }

    /// Makes a new key on this machine, and has it sign this database from here on. The checkpoint after it has the signatures of both.
    ///
    /// # Errors
    /// When the key cannot be written, or nothing was ever signed.
    pub fn rotate_key(&mut self, operator: &Operator) -> Result<VerifyingKey, JournalError> {
        let sealer = self.sealer.as_mut().ok_or(JournalError::Unsigned)?;
        let public = sealer.key.clone().ok_or(JournalError::Unsigned)?;
        // On disk before the journal names it: a key that is named and lost could never sign again.
        sealer.keys.add()?;
        let key = sealer.keys.newest()?.verifying(public.name());
        self.append(Stamp::default(), [Entry::own(rotated(&key, &public, operator))])?;
        Ok(key)
    }

    /// The newest checkpoint's note, brought into the head file of this machine.
    ///
    /// # Errors
    /// When the head cannot be written, or nothing was ever signed because no run ever began.
    pub fn checkpoint(&mut self) -> Result<String, JournalError> {
        let (_, note) = self.view().last_checkpoint()?.ok_or(JournalError::Unsigned)?;
        let sealer = self.sealer.as_mut().ok_or(JournalError::Unsigned)?;
        sealer.write_head(&note)?;
        sealer.had_head = true;
        Ok(note)
    }

    /// Erases personal values for good: the event and the erasure in one transaction, then every byte that is left of them in the file, its
    /// write-ahead log and its backups. Gives how many there were.
    ///
    /// # Errors
    /// When it cannot be recorded; [`JournalError::Lingering`] when it is recorded and bytes are left: see
    /// [`Journal::finish_redactions`].
    pub fn redact(
        &mut self,
        erasure: Erasure,
        operator: Operator,
        reason: Option<Personal>,
    ) -> Result<u32, JournalError> {
        let values = u32::try_from(erasure.commitments(&self.db)?.len()).unwrap_or(u32::MAX);
        let Erasure { user, rows, also } = erasure;
        let redacted = PersonalRedacted {
            user,
            rows,
            also,
            values,
            operator,
            reason: reason.map(|reason| reason.about(About::Nobody)),
        };
        self.append(Stamp::default(), [Entry::own(Event::PersonalRedacted(redacted))])?;
        crash::point(Point::C18);
        self.finish_redactions()?;
        Ok(values)
    }

    /// Takes out what a process left behind that died between an erasure and its cleaning, or could not clean. Gives the redactions that
    /// are finished by it.
    ///
    /// # Errors
    /// When the journal cannot be read or written; [`JournalError::Lingering`] when bytes stay where they are. That does no harm to
    /// anything else that is recorded, and is to be tried again.
    pub fn finish_redactions(&mut self) -> Result<Vec<u64>, JournalError> {
        let redactions = redact::unfinished(self.view())?;
        if redactions.is_empty() {
            return Ok(redactions);
        }
        if let Err((path, cause)) = redact::clean(&self.db, &self.path) {
            return Err(JournalError::Lingering {
                redactions,
                is_copy: path != self.path,
                path,
                cause: Box::new(cause),
            });
        }
        crash::point(Point::C18);
        let finished =
            |redaction: &u64| Entry::own(Event::RedactionFinished(RedactionFinished { redaction: *redaction }));
        self.append(Stamp::default(), redactions.iter().map(finished))?;
        Ok(redactions)
    }

    /// Questions about what is recorded.
    pub fn view(&self) -> View<'_> {
        View::new(&self.db)
    }

    /// Appends events and applies them to the projections, in one transaction, with the checkpoint that they make due. When this returns, they
    /// are on disk.
    ///
    /// # Errors
    /// Nothing was recorded, except after [`JournalError::Commit`], when that is unknown, and after [`JournalError::HeadUnwritten`], when
    /// everything was but the head file: the process has to stop.
    pub fn append(&mut self, stamp: Stamp, entries: impl IntoIterator<Item = Entry>) -> Result<(), JournalError> {
        self.append_with(stamp, |_, take| entries.into_iter().try_for_each(|entry| take(&entry)))
    }

    /// Appends answers or outcomes: when the disk is full, gives up the reserve and tries the same events once more.
    ///
    /// # Errors
    /// As [`Journal::append`]; [`JournalError::ReserveUsed`] when the events are on disk and no further run may begin until there is room.
    pub fn append_settlement(&mut self, stamp: Stamp, entries: &[Entry]) -> Result<(), JournalError> {
        let append = |journal: &mut Self| journal.append_with(stamp, |_, take| entries.iter().try_for_each(take));
        match append(self) {
            Err(JournalError::DiskFull) => {
                reserve::give_up(&self.path)?;
                append(self)?;
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

    /// The same for events that are made one after another from what the transaction shows, however many. Where none is taken, nothing
    /// is recorded.
    ///
    /// # Errors
    /// As [`Journal::append`], and those of `write`: then nothing was recorded.
    pub fn append_with<E: From<JournalError>>(
        &mut self,
        stamp: Stamp,
        write: impl FnOnce(View<'_>, &mut Take<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.broken {
            return Err(JournalError::Broken.into());
        }
        let at = self.clock.utc().trunc_subsecs(3);
        let reading = Reading {
            at: at.to_rfc3339_opts(SecondsFormat::Millis, true),
            monotonic_ms: u64::try_from(self.clock.monotonic().as_millis()).unwrap_or(u64::MAX),
        };
        let begun = self.db.transaction_with_behavior(TransactionBehavior::Immediate);
        let transaction = begun.map_err(JournalError::from)?;
        let (size, prev) = chain::tip(&transaction).map_err(JournalError::from)?;
        if size != self.tree.size() {
            // Somebody else wrote; what they wrote is not in the tree.
            return Err(JournalError::Busy.into());
        }
        let mut growing = Growing {
            db: &transaction,
            sealer: self.sealer.as_ref(),
            prev,
            tree: self.tree.clone(),
            signers: self
                .sealer
                .as_ref()
                .and_then(|sealer| sealer.key.clone())
                .map(Signers::one),
            sealed: None,
            is_counted: false,
        };
        let mut set_back = set_back(self.last_at, at);
        let mut passage = Passage::default();
        write(View::new(&transaction), &mut |entry| {
            if let Some(set_back) = set_back.take() {
                growing.append(&reading, stamp, &set_back)?;
            }
            passage.see(&entry.event);
            growing.append(&reading, stamp, entry)
        })?;
        if growing.tree.size() == size {
            return Ok(());
        }
        growing.seal()?;
        crash::point_of(|| passage.inside());
        let Growing {
            tree, signers, sealed, ..
        } = growing;
        crash::point_of(|| passage.at_commit());
        if let Err(cause) = transaction.commit() {
            let cause = JournalError::from(cause);
            // SQLite rolls a full disk back by itself; after anything else the state on disk is unknown.
            self.broken = !matches!(cause, JournalError::DiskFull);
            let cause = if self.broken {
                JournalError::Commit(Box::new(cause))
            } else {
                cause
            };
            return Err(cause.into());
        }
        crash::point_of(|| passage.at_commit());
        crash::point_of(|| Some(passage.committed()));
        self.tree = tree;
        self.last_at = Some(at);
        if let (Some(sealer), Some((_, note))) = (&mut self.sealer, sealed) {
            sealer.key = signers.map(|signers| signers.key);
            sealer.write_head(&note).map_err(JournalError::HeadUnwritten)?;
            sealer.had_head = true;
        }
        Ok(())
    }

    /// Closes in order: everything from the write-ahead log goes into the database file.
    ///
    /// # Errors
    /// When SQLite cannot write; nothing is lost then, the next opening goes on from the write-ahead log.
    pub fn close(self) -> Result<(), JournalError> {
        crash::point(Point::C17);
        self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        crash::point(Point::C17);
        self.db.close().map_err(|(_, cause)| cause.into())
    }
}

/// The clocks at one transaction.
struct Reading {
    at: String,
    monotonic_ms: u64,
}

/// The journal as a transaction makes it grow.
struct Growing<'a> {
    db: &'a Transaction<'a>,
    sealer: Option<&'a Sealer>,
    prev: Option<chain::Leaf>,
    tree: Tree,
    signers: Option<Signers>,
    /// The size and the note of the newest checkpoint of the transaction.
    sealed: Option<(u64, String)>,
    /// Whether the number of requests is folded: all events of a transaction say the same.
    is_counted: bool,
}

impl Growing<'_> {
    /// Seals, hashes and inserts one event, then folds what was recorded (not what was meant).
    fn append(&mut self, reading: &Reading, stamp: Stamp, entry: &Entry) -> Result<(), JournalError> {
        let draft = Draft {
            prev: self.prev.map(|leaf| hex(&leaf)),
            at: &reading.at,
            monotonic_ms: reading.monotonic_ms,
            run: stamp.run,
            job: entry.job,
            requests: stamp.requests,
            event: &entry.event,
        };
        let mut value = serde_json::to_value(&draft)?;
        let reveals = personal::seal(&mut value)?;
        let body = canonical::spelled(&mut value)?;
        let leaf = chain::leaf(body.as_bytes());
        let seq = i64::try_from(self.tree.size()).unwrap_or(i64::MAX);
        self.db
            .prepare_cached("INSERT INTO event (seq, body, leaf) VALUES (?1, ?2, ?3)")?
            .execute(params![seq, body, leaf])?;
        for reveal in reveals {
            self.db
                .prepare_cached(
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
        if let Event::PersonalRedacted(event) = &entry.event {
            Erasure::from(event).carry_out(self.db)?;
        }
        let envelope = Envelope::read(&body)?;
        if let (Some(run), false) = (envelope.run, self.is_counted) {
            fold::fold_requests(self.db, run, envelope.requests)?;
        }
        fold::fold_event(self.db, &envelope)?;
        // What was said before the run's row was there is not in it.
        self.is_counted = !matches!(entry.event, Event::RunStarted(_));
        self.tree.push(leaf);
        self.prev = Some(leaf);
        self.signers = Signers::after(&entry.event, self.signers.take())?;
        if self.signers.as_ref().is_some_and(|signers| signers.replaced.is_some()) {
            // Right here: the old key has nothing to say about what comes after.
            self.seal()?;
        }
        Ok(())
    }

    /// Signs the tree as it stands, unless it is signed.
    fn seal(&mut self) -> Result<(), JournalError> {
        let (Some(sealer), Some(signers)) = (self.sealer, &self.signers) else {
            return Ok(());
        };
        let size = self.tree.size();
        if self.sealed.as_ref().is_some_and(|(sealed, _)| *sealed == size) {
            return Ok(());
        }
        let note = sealer.sign(signers, &self.tree)?;
        self.db
            .prepare_cached("INSERT INTO checkpoint (size, note) VALUES (?1, ?2)")?
            .execute(params![i64::try_from(size).unwrap_or(i64::MAX), note])?;
        self.sealed = Some((size, note));
        Ok(())
    }
}

/// The event that says that the wall clock was set back since the last one.
fn set_back(last: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<Entry> {
    let by_ms = (last? - now).num_milliseconds();
    let by_ms = u64::try_from(by_ms).ok().filter(|by| *by > 0)?;
    Some(Entry::own(Event::ClockSetBack(ClockSetBack { by_ms })))
}

fn rotated(key: &VerifyingKey, replaces: &VerifyingKey, operator: &Operator) -> Event {
    Event::SigningKeyRotated(SigningKeyRotated {
        key: key.to_string(),
        replaces: replaces.to_string(),
        operator: operator.clone(),
    })
}

/// What is wrong where a head cannot even be looked for.
const NO_ID: &str = "the id of the database is none that this program gives";

/// Takes the lock of a database's head, and reads it.
fn guard(heads: &Path, database: &str) -> Result<(Lock, Option<(Note, Checkpoint)>), JournalError> {
    if !head::is_id(database) {
        return Err(JournalError::Damaged { seq: 0, what: NO_ID });
    }
    let path = head::path(heads, database);
    let lock = Lock::take(&crate::files::beside(&path, ".lock")).map_err(HeadError::from)?;
    Ok((lock, head::read(&path)?))
}

/// Every transaction of a signed journal ends with a checkpoint. Before anything is signed over what others may have added, the newest one
/// has to be ours and about everything that is there.
fn check_sealed(view: View<'_>, scan: &chain::Scan) -> Result<(), JournalError> {
    let Some(key) = view.signing_key()? else { return Ok(()) };
    let checkpoint = view
        .last_checkpoint()?
        .and_then(|(_, note)| Checkpoint::verified(&Note::parse(&note).ok()?, &key).ok());
    match checkpoint {
        Some(checkpoint) if checkpoint.size == scan.tree.size() && checkpoint.root == scan.tree.root() => Ok(()),
        _ => Err(JournalError::NotSealed),
    }
}

/// The journal against the head of this machine, which one of its keys has to have signed.
fn hold_against(
    (note, checkpoint): &(Note, Checkpoint),
    view: View<'_>,
    scan: &chain::Scan,
    path: &Path,
) -> Result<(), JournalError> {
    if !view
        .signing_keys()?
        .iter()
        .any(|key| Checkpoint::verified(note, key).is_ok())
    {
        return Err(HeadError::Foreign(path.to_owned()).into());
    }
    Ok(compare(checkpoint, scan, path)?)
}

/// What the head of this machine says of a journal that is only read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HeadSays {
    /// The journal holds all that this machine signed.
    Agrees,
    /// Nobody signed the journal yet.
    Unsigned,
    /// The journal was signed, and this machine has no head of it.
    Missing,
}

impl JournalFile {
    /// Compares the journal with the head of this machine as [`Journal::open_signed`] does, without a lock and without a change. Where a
    /// run is at work meanwhile, the head is the older of the two, which is legitimate.
    ///
    /// # Errors
    /// When the journal is damaged or contradicts the head, or one of them cannot be read.
    pub fn compare_with_head(&self, heads: &Path) -> Result<HeadSays, JournalError> {
        let database = self.view().database()?;
        if !head::is_id(&database) {
            return Err(JournalError::Damaged { seq: 0, what: NO_ID });
        }
        let path = head::path(heads, &database);
        // First: what is recorded from here on is not in it yet.
        let head = head::read(&path)?;
        let snapshot = self.snapshot()?;
        let scan = chain::scan(&snapshot, head.as_ref().map(|(_, checkpoint)| checkpoint.size))?;
        let view = View::new(&snapshot);
        if let Some(head) = &head {
            hold_against(head, view, &scan, &path)?;
        }
        check_sealed(view, &scan)?;
        Ok(match (head, view.signing_key()?) {
            (Some(_), _) => HeadSays::Agrees,
            (None, Some(_)) => HeadSays::Missing,
            (None, None) => HeadSays::Unsigned,
        })
    }
}

/// The journal against the head: a head that lags is legitimate, everything else is damage.
fn compare(head: &Checkpoint, scan: &chain::Scan, path: &Path) -> Result<(), HeadError> {
    let (path, size, events) = (path.to_owned(), head.size, scan.tree.size());
    match scan.root_asked {
        _ if size > events => Err(HeadError::Longer { path, size, events }),
        Some(root) if root == head.root => Ok(()),
        _ => Err(HeadError::Differs { path, size }),
    }
}
