//! The file itself: how it is opened so that nothing is changed, whether it is ours, and whether `SQLite` finds it in order.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::finding::{Code, Findings, Place};
use super::{Checker, Missing, pages};
use crate::files::beside;
use crate::journal::{JournalError, open};

/// Bytes of `SQLite`'s header.
const HEADER_BYTES: usize = 100;

/// What this program's files have.
const PAGE_BYTES: u64 = 4096;

/// Findings of `SQLite` itself that are listed.
const INTEGRITY_MAX: usize = 100;

/// Pages that a connection to the evidence keeps in memory, in KiB.
const CACHE_KIB: i64 = 8 * 1024;

/// The same where `SQLite` checks its indexes, which goes back and forth in the file.
const INTEGRITY_CACHE_KIB: i64 = 80 * 1024;

/// The tables beside the record that have an index.
const INDEXED_PROJECTIONS: &[&str] = &["task", "action"];

/// What is written in another way in the path of a `file:` address.
const IN_PATH: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC.remove(b'/');

/// How the file is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Access {
    /// While another process writes it, with `SQLite`'s locks.
    Shared,
    /// Together with the write-ahead log beside it, which nobody writes: without locks, and without the index beside it, which would be
    /// made or changed otherwise.
    WithLog,
    /// The file alone, as it stands.
    Alone,
}

/// The file and its write-ahead log before anything was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Evidence {
    pub(crate) path: PathBuf,
    length: u64,
    header: Vec<u8>,
    changed: (i64, i64),
    /// Bytes of the log, and when it changed.
    log: Option<(u64, (i64, i64))>,
}

impl Evidence {
    /// Looks at the file.
    pub(crate) fn look(path: &Path) -> Result<Self, JournalError> {
        let failed = |cause: std::io::Error| match cause.kind() {
            std::io::ErrorKind::NotFound => JournalError::Missing(path.to_owned()),
            _ => JournalError::File {
                path: path.to_owned(),
                cause,
            },
        };
        // The log is named after the file itself, not after a link to it.
        let path = path.canonicalize().map_err(failed)?;
        let found = fs::metadata(&path).map_err(failed)?;
        if !found.is_file() {
            return Err(failed(std::io::ErrorKind::IsADirectory.into()));
        }
        let mut header = Vec::with_capacity(HEADER_BYTES);
        let file = File::open(&path).map_err(failed)?;
        file.take(HEADER_BYTES as u64)
            .read_to_end(&mut header)
            .map_err(failed)?;
        let log = fs::metadata(beside(&path, "-wal")).ok();
        Ok(Self {
            length: found.len(),
            header,
            changed: (found.mtime(), found.mtime_nsec()),
            log: log.map(|log| (log.len(), (log.mtime(), log.mtime_nsec()))),
            path,
        })
    }

    /// Whether there is a write-ahead log with something in it.
    pub(crate) fn has_log(&self) -> bool {
        self.log.is_some_and(|(bytes, _)| bytes > 0)
    }

    /// Opens it so that nothing in its folder is made or changed.
    pub(crate) fn open(&self, access: Access) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = match access {
            Access::Shared => Connection::open_with_flags(&self.path, flags)?,
            Access::WithLog => {
                let db = Connection::open_with_flags_and_vfs(&self.path, flags, c"unix-none")?;
                // Before the first access: the index of the log is kept in memory then.
                db.query_row("PRAGMA locking_mode = EXCLUSIVE", [], |_| Ok(()))?;
                db
            }
            Access::Alone => {
                let path = percent_encoding::percent_encode(self.path.as_os_str().as_bytes(), IN_PATH);
                Connection::open_with_flags(format!("file:{path}?immutable=1"), flags | OpenFlags::SQLITE_OPEN_URI)?
            }
        };
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        db.busy_timeout(std::time::Duration::from_secs(5))?;
        db.execute_batch(&format!(
            "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA cache_size = -{CACHE_KIB};"
        ))?;
        Ok(db)
    }

    /// Whether its pages are known to be in order: where this cannot be said, `SQLite` has to say.
    fn is_in_order(&self, roots: &[u32]) -> bool {
        let file = File::open(&self.path);
        file.and_then(|file| pages::are_in_order(&file, roots)).unwrap_or(false)
    }

    /// Whether it is ours, by its own first bytes.
    pub(crate) fn check_header(&self, access: Access, findings: &mut Findings) {
        let Ok(header) = <&[u8; HEADER_BYTES]>::try_from(self.header.as_slice()) else {
            findings.add(Code::Identity, Place::File, "it is too short to be a database");
            return;
        };
        if !header.starts_with(b"SQLite format 3\0") {
            let what = if self.has_log() {
                "it does not begin as a database does. A log lies beside it: if power was lost, the next command that writes, such as \
                 resume, restores the beginning from there; verify once more after that"
            } else {
                "it does not begin as a database does"
            };
            findings.add(Code::Identity, Place::File, what);
            return;
        }
        // What stands in the log does not have to be in the file yet.
        let with_log = access != Access::Alone;
        for (at, expected, what) in HEADER {
            let found = &header[*at..*at + expected.len()];
            let not_yet = with_log && *at >= 24 && found.iter().all(|byte| *byte == 0);
            if found != *expected && !not_yet {
                findings.add(
                    Code::FileHeader,
                    Place::File,
                    format!("{what} (byte {at}) is not as in this program's files"),
                );
            }
        }
        if header[18] != header[19] || !matches!(header[18], 1 | 2) {
            findings.add(
                Code::FileHeader,
                Place::File,
                "the mode of writing (byte 18) is none that this program uses",
            );
        }
        if header[24..28] != header[92..96] {
            findings.add(
                Code::FileHeader,
                Place::File,
                "the two counters of changes (bytes 24 and 92) differ",
            );
        }
        let pages = u64::from(u32::from_be_bytes([header[28], header[29], header[30], header[31]]));
        if !with_log && pages * PAGE_BYTES != self.length {
            let message = format!("it has {} bytes, and {} by its header", self.length, pages * PAGE_BYTES);
            findings.add(Code::FileLength, Place::File, message);
        }
    }
}

/// Where, what this program's files have there, and what that is. From <https://www.sqlite.org/fileformat2.html>, section 1.3.
const HEADER: &[(usize, &[u8], &str)] = &[
    (16, &[0x10, 0x00], "the page size"),
    (20, &[0, 64, 32, 32], "the layout of pages"),
    (44, &[0, 0, 0, 4], "the schema format"),
    (48, &[0; 4], "the cache size"),
    (52, &[0; 4], "the largest root page"),
    (56, &[0, 0, 0, 1], "the text encoding"),
    (64, &[0; 4], "the vacuum mode"),
    (72, &[0; 20], "the reserved space"),
];

/// Whether the database is one of ours, of a version that is known; gives the version whose schema it has to have.
pub(crate) fn check_identity(db: &Connection, findings: &mut Findings) -> rusqlite::Result<i64> {
    let number = |pragma: &str| db.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0));
    if number("application_id")? != open::APPLICATION_ID {
        findings.add(
            Code::Identity,
            Place::File,
            "it does not carry the mark of this program's databases",
        );
    }
    let (version, known) = (number("user_version")?, open::version_known());
    if (1..=known).contains(&version) {
        return Ok(version);
    }
    let message = format!("it has version {version}, and this program knows versions 1 to {known}");
    findings.add(Code::Version, Place::File, message);
    Ok(known)
}

/// Compares the schema with the one that the migrations make. Gives the tables that are not there.
pub(crate) fn check_schema(db: &Connection, version: i64, findings: &mut Findings) -> Result<Missing, JournalError> {
    let expected = Connection::open_in_memory()?;
    open::make_schema(&expected, version)?;
    let expected = schema(&expected)?;
    let found = match schema(db) {
        Ok(found) => found,
        Err(cause) => {
            super::unreadable(cause, findings)?;
            return Ok(expected.into_keys().map(|(_, name)| name).collect());
        }
    };
    for (name, text) in &expected {
        let what = match found.get(name) {
            Some(found) if found == text => continue,
            Some(_) => "is made in another way",
            None => "is missing",
        };
        findings.add(
            Code::Schema,
            Place::Table(name.1.clone()),
            format!("the {} {} {what}", name.0, name.1),
        );
    }
    for name in found.keys().filter(|name| !expected.contains_key(*name)) {
        let message = format!("the {} {} is not this program's", name.0, name.1);
        findings.add(Code::Schema, Place::Table(name.1.clone()), message);
    }
    let missing = expected.into_keys().filter(|name| !found.contains_key(name));
    Ok(missing
        .filter(|(kind, _)| kind == "table")
        .map(|(_, name)| name)
        .collect())
}

/// Everything in a schema: kind and name, to table and text. What is no text reads as none that we have.
fn schema(db: &Connection) -> rusqlite::Result<BTreeMap<(String, String), (String, String)>> {
    let mut statement = db.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema")?;
    let rows = statement.query_map([], |row| {
        let text = |column: usize| {
            let bytes = row.get_ref(column)?.as_bytes_or_null()?.unwrap_or_default();
            Ok::<_, rusqlite::Error>(String::from_utf8_lossy(bytes).into_owned())
        };
        Ok(((text(0)?, text(1)?), (text(2)?, text(3)?)))
    })?;
    rows.collect()
}

/// `SQLite`'s own checks, but for what takes most of their time: whether the indexes of the record hold what its tables do
/// (see [`super::indexes`]). Gives who looked at the pages.
pub(crate) fn check_structure(
    evidence: &Evidence,
    access: Access,
    db: &Connection,
    findings: &mut Findings,
) -> rusqlite::Result<Checker> {
    // What stands in the log has no place in the file yet.
    let is_alone = access == Access::Alone;
    let by = if is_alone && evidence.is_in_order(&roots(db)?) {
        Checker::Own
    } else {
        tell(db, "quick_check", findings)?;
        Checker::Sqlite
    };
    for table in INDEXED_PROJECTIONS {
        tell(db, &format!("integrity_check({table})"), findings)?;
    }
    Ok(by)
}

/// The first pages of all tables and indexes.
fn roots(db: &Connection) -> rusqlite::Result<Vec<u32>> {
    let mut statement = db.prepare("SELECT rootpage FROM sqlite_schema WHERE rootpage > 0")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    rows.collect()
}

/// All of `SQLite`'s own checks.
pub(crate) fn check_integrity(db: &Connection, findings: &mut Findings) -> rusqlite::Result<()> {
    db.execute_batch(&format!("PRAGMA cache_size = -{INTEGRITY_CACHE_KIB}"))?;
    tell(db, &format!("integrity_check({INTEGRITY_MAX})"), findings)
}

fn tell(db: &Connection, check: &str, findings: &mut Findings) -> rusqlite::Result<()> {
    let mut statement = db.prepare(&format!("PRAGMA {check}"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let text: String = row.get(0)?;
        if text != "ok" {
            findings.add(Code::SqliteIntegrity, Place::File, text.replace('\n', " "));
        }
    }
    Ok(())
}

/// Rows that name rows which are not there.
pub(crate) fn check_foreign_keys(db: &Connection, findings: &mut Findings) -> rusqlite::Result<()> {
    let mut statement = db.prepare("PRAGMA foreign_key_check")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (table, rowid, parent): (String, Option<i64>, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let rowid = rowid.map(|rowid| format!(" {rowid}")).unwrap_or_default();
        let message = format!("row{rowid} names a row of {parent} that is not there");
        findings.add(Code::ForeignKeys, Place::Table(table), message);
    }
    Ok(())
}
