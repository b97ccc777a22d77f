//! Verification: everything that can be checked about a journal, by somebody who has the file and perhaps something outside it.
//!
//! - [`verify`] makes all checks, also after the first finding, and changes no byte: of the file, of what lies beside it, of its folder.
//! - `file` looks at the file and lets `SQLite` check its structures, which `pages` and `indexes` spare it where all is well; `scan` goes
//!   over the events once, with `journal::canonical` (their spelling), `checkpoints` and `meaning` (what they say together, and with `rules` whether
//!   a job kept to its policy). `beside` follows in another thread, with `reveals` (the personal values) and `projection` (the other tables made anew, to be compared).
//! - Each [`Finding`] has a stable [`Code`], a place, and words.
//!
//! Not here: repair. And nothing of `plan` or `run`: what checks them must not believe them.

mod beside;
mod checkpoints;
mod export;
mod file;
mod finding;
mod indexes;
mod meaning;
mod outside;
mod pages;
mod projection;
mod reveals;
mod rules;
mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::RandomState;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};

use rusqlite::{Connection, ErrorCode};
use serde::Serialize;

use self::beside::{Beside, Reveals};
use self::checkpoints::{Signed, Unverified};
pub use self::export::verify_export;
use self::file::{Access, Evidence};
use self::finding::Findings;
pub use self::finding::{Code, Finding, Place};
use self::indexes::Entries;
pub use self::meaning::OpenIntent;
use self::outside::Outside;
pub use self::outside::{Against, Agreement, Witness};
use self::scan::{Hands, Scan, Tables};
use super::JournalError;
use super::event::{Envelope, Event};
use crate::hex::hex;

/// Events that are handed from thread to thread at once.
const BATCH: usize = 256;

/// Such portions that may wait.
const BATCHES_WAITING: usize = 4;

/// Checkpoints that may wait for the verification of their signatures.
const SIGNATURES_WAITING: usize = 256;

/// What vouches for the journal, the weakest first.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The hash chain in the file. Who can write the file can make another one.
    Chain,
    /// Checkpoints in the file, signed with the key that the file itself names. Its end can be cut off.
    Checkpoints,
    /// A receipt outside the file, up to its size.
    Receipt,
    /// The head file outside the file, up to its size.
    Head,
}

/// Who looks at the structure of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Checker {
    /// This program, which is enough where all is well.
    Own,
    /// `SQLite`, which takes many times as long.
    Sqlite,
}

/// What verification brought.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The file.
    pub file: PathBuf,
    /// The random id of the database, where it could be read.
    pub database: Option<String>,
    /// The version of its schema.
    pub version: i64,
    /// Events read.
    pub events: u64,
    /// When the first was recorded.
    pub from: Option<String>,
    /// When the last was recorded.
    pub to: Option<String>,
    /// The leaf hash of the last event: two copies that agree in it agree in everything before.
    pub last_leaf: Option<String>,
    /// Whose journal it says that it is: portal and database.
    pub origin: Option<String>,
    /// Checkpoints.
    pub checkpoints: u64,
    /// How many events the last checkpoint covers.
    pub last_checkpoint: Option<u64>,
    /// The public key that signed the last of them.
    pub key: Option<String>,
    /// Whether that key, or one before it, is known from outside the file.
    pub key_known: bool,
    /// Jobs on record.
    pub jobs: usize,
    /// Runs on record.
    pub runs: usize,
    /// Personal values that are there.
    pub values: u64,
    /// Personal values that were erased.
    pub values_erased: u64,
    /// Whether it is an export that the personal values were left out of.
    pub is_redacted: bool,
    /// Whether a write-ahead log beside the file was read with it.
    pub with_log: bool,
    /// Who looked whether pages and indexes are in order.
    #[serde(skip)]
    pub structure_by: Checker,
    /// How far the file was checked.
    pub level: Level,
    /// What agrees with it, outside the file.
    pub checked_against: Vec<Agreement>,
    /// Attempts without an outcome. No damage.
    pub open_intents: Vec<OpenIntent>,
    /// What is not as it has to be; of each code the first hundred.
    pub findings: Vec<Finding>,
    /// How many findings of each code there are.
    pub counts: BTreeMap<Code, u64>,
}

impl Report {
    /// Whether nothing was found.
    pub fn is_intact(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Makes the projections anew from these bodies, and drops them: for the benchmark of the fold.
///
/// # Errors
/// When a body is none, or the folder for temporary files cannot be written.
#[cfg(feature = "rigs")]
pub fn fold_anew(bodies: &[String]) -> Result<(), JournalError> {
    let mut anew = projection::Anew::begin()?;
    (0..)
        .zip(bodies)
        .try_for_each(|(seq, body)| anew.take(seq, &Envelope::read(body)?))
}

/// Verifies a database file.
///
/// # Errors
/// When the file, or what it is to be checked against, is missing or cannot be read, or the file changed meanwhile. Damage is not an error:
/// it is in the report.
pub fn verify(path: &Path, against: &Against) -> Result<Report, JournalError> {
    let evidence = Evidence::look(path)?;
    let access = match (against.is_live, evidence.has_log()) {
        (true, _) => Access::Shared,
        (false, true) => Access::WithLog,
        (false, false) => Access::Alone,
    };
    let mut report = judge(&evidence, access, against)?;
    if !report.is_intact() && access == Access::WithLog {
        let alone = judge(&evidence, Access::Alone, against)?;
        if alone.is_intact() {
            report = without_log(alone);
        }
    }
    if !against.is_live && Evidence::look(path)? != evidence {
        return Err(JournalError::Changed(path.to_owned()));
    }
    Ok(report)
}

/// The file alone is in order, and with what lies beside it, it is not.
fn without_log(mut alone: Report) -> Report {
    let upto = alone.events.saturating_sub(1);
    let message =
        format!("with the write-ahead log beside it the file is damaged; without it, it is intact up to event {upto}");
    let mut findings = Findings::default();
    findings.add(Code::ForeignWriteAheadLog, Place::File, message);
    (alone.findings, alone.counts) = findings.into_parts();
    alone
}

fn judge(evidence: &Evidence, access: Access, against: &Against) -> Result<Report, JournalError> {
    let mut findings = Findings::default();
    evidence.check_header(access, &mut findings);
    let mut report = Report {
        file: evidence.path.clone(),
        database: None,
        version: 0,
        events: 0,
        from: None,
        to: None,
        last_leaf: None,
        origin: None,
        checkpoints: 0,
        last_checkpoint: None,
        key: None,
        key_known: false,
        jobs: 0,
        runs: 0,
        values: 0,
        values_erased: 0,
        is_redacted: false,
        with_log: access != Access::Alone,
        structure_by: Checker::Own,
        level: Level::Chain,
        checked_against: Vec::new(),
        open_intents: Vec::new(),
        findings: Vec::new(),
        counts: BTreeMap::new(),
    };
    let opened = evidence
        .open(access)
        .map(|db| (outside::read(against, database(&db).as_deref()), db));
    let opened = opened.and_then(|(outside, db)| {
        // One state of the file for everything that is read here; of after the head was read, which follows the journal.
        let values = begin_together(evidence, access, &db)?;
        report.version = file::check_identity(&db, &mut findings)?;
        Ok((outside, db, values))
    });
    match opened {
        Ok((outside, db, values)) => {
            let judged = Judged {
                evidence,
                access,
                against,
                outside: outside?,
                db: &db,
            };
            judged.content(values, &mut report, &mut findings)?;
        }
        Err(cause) => unreadable(cause, &mut findings)?,
    }
    (report.findings, report.counts) = findings.into_parts();
    Ok(report)
}

/// Begins to read; gives a second connection that reads the same state, for another thread.
fn begin_together(evidence: &Evidence, access: Access, db: &Connection) -> rusqlite::Result<Connection> {
    let other = evidence.open(access)?;
    // Every change of the record appends an event.
    let events = |db: &Connection| {
        let sql = "SELECT max(seq) FROM event";
        db.query_row(sql, [], |row| row.get::<_, Option<i64>>(0)).ok()
    };
    loop {
        db.execute_batch("BEGIN")?;
        other.execute_batch("BEGIN")?;
        if access != Access::Shared || events(db) == events(&other) {
            return Ok(other);
        }
        // Somebody wrote between the two.
        db.execute_batch("ROLLBACK")?;
        other.execute_batch("ROLLBACK")?;
    }
}

/// What `SQLite` says when it is opened: damage, or a place where nothing can be read.
fn unreadable(cause: rusqlite::Error, findings: &mut Findings) -> Result<(), JournalError> {
    match cause.sqlite_error_code() {
        Some(
            ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied
            | ErrorCode::DiskFull
            | ErrorCode::OutOfMemory
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::SystemIoFailure,
        ) => Err(cause.into()),
        Some(ErrorCode::NotADatabase) if !findings.is_empty() => Ok(()),
        Some(ErrorCode::NotADatabase) => {
            findings.add(Code::Identity, Place::File, "SQLite does not take it for a database");
            Ok(())
        }
        _ => {
            findings.add(Code::SqliteIntegrity, Place::File, cause.to_string());
            Ok(())
        }
    }
}

/// A database that could be opened.
struct Judged<'a> {
    evidence: &'a Evidence,
    access: Access,
    against: &'a Against,
    outside: Vec<Outside>,
    db: &'a Connection,
}

impl Judged<'_> {
    /// `values` reads the same state of the file.
    fn content(&self, values: Connection, report: &mut Report, findings: &mut Findings) -> Result<(), JournalError> {
        let missing = file::check_schema(self.db, report.version, findings)?;
        let can_read = !missing.contains("event") && !missing.contains("personal");
        let tables = Tables {
            db: self.db,
            has_checkpoints: report.version > 1 && !missing.contains("checkpoint"),
            key: RandomState::new(),
        };
        let asked = outside::sizes(&self.outside);
        let (evidence, access) = (self.evidence, self.access);
        let reveals = Reveals {
            db: values,
            are_withheld: self.against.are_values_withheld,
            entries: Entries::keyed(&tables.key),
        };
        let (mut scan, beside, structure) = std::thread::scope(|threads| {
            let key = tables.key.clone();
            let structure = threads.spawn(move || check_structure(evidence, access, &key));
            if !can_read {
                return (Scan::default(), Ok(None), joined(structure));
            }
            let (hand_on, events) = sync_channel::<Vec<(i64, Envelope)>>(BATCHES_WAITING);
            let following = threads.spawn(|| Beside::follow(events, reveals));
            let (hand_on_signatures, signatures) = sync_channel::<Unverified>(SIGNATURES_WAITING);
            let verifying = threads.spawn(|| verify_signatures(signatures));
            let mut batch = Vec::with_capacity(BATCH);
            let mut event = |seq, envelope| {
                batch.push((seq, envelope));
                if batch.len() == BATCH {
                    hand_on_all(&hand_on, &mut batch);
                }
            };
            // Only a panic there, which is this thread's below, ends its taking.
            let mut signatures = |unverified| drop(hand_on_signatures.send(unverified));
            let hands = Hands {
                event: &mut event,
                signatures: &mut signatures,
            };
            let mut scan = Scan::of(&tables, &asked, hands);
            hand_on_all(&hand_on, &mut batch);
            drop((hand_on, hand_on_signatures));
            scan.findings.extend(joined(verifying));
            (scan, joined(following).map(Some), joined(structure))
        });
        let mut entries = None;
        if let Some(beside) = beside? {
            findings.extend(beside.findings);
            // What could not be read is not in the tables made anew either.
            if scan.is_complete {
                findings.extend(beside.anew.compare(self.db, &missing)?);
            }
            (report.values, report.values_erased) = beside.values;
            entries = beside
                .entries
                .map(|values| std::mem::take(&mut scan.entries).and(values));
        }
        let Scan { signed, story, .. } = &scan;
        report.checked_against = outside::compare(&self.outside, signed, story, findings);
        report.key_known = outside::check_key(self.against, signed, findings);
        report.level = level(signed, &report.checked_against);
        report.origin = signed.keys.first().map(|(_, key)| key.name().to_string());
        report.checkpoints = signed.count;
        report.last_checkpoint = signed.last;
        report.key = signed.keys.last().map(|(_, key)| key.to_string());
        report.database = story.database().map(str::to_owned);
        report.jobs = story.jobs();
        report.runs = story.runs();
        report.open_intents = story.open_intents();
        report.events = scan.events;
        report.from = scan.from;
        report.to = scan.to;
        report.last_leaf = scan.tip.map(|leaf| hex(&leaf));
        findings.extend(scan.findings);
        let structure = structure?;
        let found = structure.entries.as_ref().zip(entries.as_ref());
        let are_indexed = found.is_some_and(|(found, expected)| expected.are(found));
        report.structure_by = structure.by;
        if !findings.is_empty() || !structure.findings.is_empty() || !are_indexed {
            report.structure_by = Checker::Sqlite;
            findings.extend(check_integrity(evidence, access, structure.findings)?);
        }
        // Where every value belongs to an event that is there, no row names one that is not.
        if !findings.is_empty()
            && let Err(cause) = file::check_foreign_keys(self.db, findings)
        {
            unreadable(cause, findings)?;
        }
        Ok(())
    }
}

/// The database's id, as its first event says it.
fn database(db: &Connection) -> Option<String> {
    let first: String = db
        .query_row("SELECT body FROM event WHERE seq = 0", [], |row| row.get(0))
        .ok()?;
    match Envelope::read(&first).ok()?.event {
        Event::DatabaseCreated(created) => Some(created.database),
        _ => None,
    }
}

fn level(signed: &Signed, agreements: &[Agreement]) -> Level {
    let by = |witness: Witness| agreements.iter().any(|agreement| agreement.witness == witness);
    if by(Witness::Head) {
        Level::Head
    } else if by(Witness::Receipt) {
        Level::Receipt
    } else if signed.last.is_some() {
        Level::Checkpoints
    } else {
        Level::Chain
    }
}

/// The result of a thread; its panic is this thread's.
fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Nobody takes them any more when the fold has failed, which it tells itself.
fn hand_on_all(to: &std::sync::mpsc::SyncSender<Vec<(i64, Envelope)>>, batch: &mut Vec<(i64, Envelope)>) {
    let full = std::mem::replace(batch, Vec::with_capacity(BATCH));
    if to.send(full).is_err() {
        batch.clear();
    }
}

fn verify_signatures(checkpoints: Receiver<Unverified>) -> Findings {
    let mut findings = Findings::default();
    for checkpoint in checkpoints {
        checkpoint.check(&mut findings);
    }
    findings
}

/// What the file is made of.
struct Structure {
    findings: Findings,
    by: Checker,
    /// What the indexes hold; none when they cannot be read in order.
    entries: Option<Entries>,
}

/// What can be said about the file without its events.
fn check_structure(evidence: &Evidence, access: Access, key: &RandomState) -> Result<Structure, JournalError> {
    let (mut findings, mut by) = (Findings::default(), Checker::Own);
    let checked = evidence.open(access).and_then(|db| {
        by = file::check_structure(evidence, access, &db, &mut findings)?;
        // Where an index is missing or cannot be read, all of SQLite's checks are made, which say so.
        Ok(Entries::of(&db, key).unwrap_or_default())
    });
    let entries = match checked {
        Ok(entries) => entries,
        Err(cause) => {
            unreadable(cause, &mut findings)?;
            None
        }
    };
    Ok(Structure { findings, by, entries })
}

/// What `SQLite` itself can say about a file that does not look right; `before` is what it said so far, of which this is more.
fn check_integrity(evidence: &Evidence, access: Access, before: Findings) -> Result<Findings, JournalError> {
    let mut findings = Findings::default();
    let checked = evidence
        .open(access)
        .and_then(|db| file::check_integrity(&db, &mut findings));
    if let Err(cause) = checked {
        unreadable(cause, &mut findings)?;
    }
    Ok(if findings.is_empty() { before } else { findings })
}

/// Tables that are not there.
type Missing = BTreeSet<String>;
