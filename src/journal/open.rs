//! Opening the database: identity, permissions, pragmas, migrations.
//!
//! Every setting that durability depends on is read back (`audit-and-durability`, section 4): `SQLite` ignores what it does not know.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, TransactionBehavior};

use super::{JournalError, View};
use crate::crash::{self, Point};
use crate::files::{beside, make_private_folder, sync_folder};

/// `OB24` in the file's header.
pub(crate) const APPLICATION_ID: i64 = 0x4F42_3234;

/// Applied in order; the position, from 1, is the version.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_journal.sql"),
    include_str!("../../migrations/0002_checkpoint.sql"),
];

/// Name, value to set, value to find.
type Pragma = (&'static str, &'static str, &'static str);

/// `synchronous=EXTRA` costs in WAL what FULL costs, and is right if anything falls back.
const PRAGMAS: &[Pragma] = &[
    ("journal_mode", "WAL", "wal"),
    ("synchronous", "EXTRA", "3"),
    ("fullfsync", "ON", "1"),
    ("checkpoint_fullfsync", "ON", "1"),
    ("wal_autocheckpoint", "1000", "1000"),
    ("busy_timeout", "5000", "5000"),
    ("foreign_keys", "ON", "1"),
    ("recursive_triggers", "ON", "1"),
    ("trusted_schema", "OFF", "0"),
    ("cell_size_check", "ON", "1"),
    ("secure_delete", "ON", "1"),
    ("temp_store", "MEMORY", "2"),
    ("mmap_size", "0", "0"),
];

#[cfg(not(feature = "rigs"))]
fn pragmas() -> impl Iterator<Item = Pragma> {
    PRAGMAS.iter().copied()
}

/// The same, unless a mistake is planted.
#[cfg(feature = "rigs")]
fn pragmas() -> impl Iterator<Item = Pragma> {
    use crate::mistake::{Mistake, is_planted};
    PRAGMAS.iter().copied().map(|pragma| match pragma.0 {
        "synchronous" if is_planted(Mistake::SynchronousNormal) => ("synchronous", "NORMAL", "1"),
        "synchronous" if is_planted(Mistake::JournalDelete) => ("synchronous", "FULL", "2"),
        "journal_mode" if is_planted(Mistake::JournalDelete) => ("journal_mode", "DELETE", "delete"),
        _ => pragma,
    })
}

/// Statements that are kept prepared: more than there are.
const STATEMENTS_MAX: usize = 200;

/// Milliseconds that a reader waits for a writer's checkpoint.
const BUSY_MS: u64 = 5_000;

/// The newest version that this program knows.
pub(crate) fn version_known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Opens for writing, and makes what is missing.
pub(crate) fn for_writing(path: &Path) -> Result<Connection, JournalError> {
    make(path)?;
    refuse_network(path)?;
    // A file that is not ours stays as it is: opened for writing, SQLite would already tidy up what its own program left.
    match open(path, OpenFlags::SQLITE_OPEN_READ_ONLY) {
        Err(JournalError::Missing(_)) => {}
        opened => drop(opened?),
    }
    let db = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    make_private(path)?;
    for (name, set, _) in pragmas() {
        // Some answer with a row and some do not.
        db.prepare(&format!("PRAGMA {name} = {set}"))?.query([])?.next()?;
    }
    for (name, _, expected) in pragmas() {
        let found = db.query_row(&format!("PRAGMA {name}"), [], |row| {
            row.get_ref(0).map(|value| match value {
                rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                other => other.as_str().unwrap_or_default().to_owned(),
            })
        })?;
        if found != expected {
            return Err(JournalError::Pragma(name));
        }
    }
    if !db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)? {
        return Err(JournalError::Pragma("defensive mode"));
    }
    Ok(db)
}

/// The random id of a database; none in one that is still empty.
pub(crate) fn database(db: &Connection) -> Result<Option<String>, JournalError> {
    if user_version(db)? == 0 {
        return Ok(None);
    }
    let id = db
        .query_row(
            "SELECT json_extract(body, '$.data.database') FROM event WHERE kind = 'database_created'",
            [],
            |row| row.get(0),
        )
        .optional()?;
    Ok(id)
}

/// Where the file is kept as it was before a migration from a version.
pub(crate) fn backup_path(path: &Path, version: i64) -> PathBuf {
    beside(path, &format!(".backup-{version}"))
}

/// The copies that migrations made of a database.
pub(crate) fn backups(path: &Path) -> impl Iterator<Item = PathBuf> {
    let of_version = |version| backup_path(path, version);
    (1..version_known()).map(of_version).filter(|path| path.exists())
}

/// Opens a copy for erasing.
pub(crate) fn copy_for_erasing(path: &Path) -> Result<Connection, JournalError> {
    let db = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    db.pragma_update(None, "secure_delete", "ON")?;
    Ok(db)
}

/// Brings the schema to the newest version. A database that has something in it is copied first.
pub(crate) fn migrate_with_backup(db: &Connection, path: &Path) -> Result<(), JournalError> {
    let found = user_version(db)?;
    if found != 0 && found != version_known() {
        back_up(db, &backup_path(path, found))?;
        crash::point(Point::C20);
    }
    migrate(db)
}

/// A whole and readable copy, under its name only when it is complete.
fn back_up(db: &Connection, to: &Path) -> Result<(), JournalError> {
    let unfinished = beside(to, ".new");
    vacuum_into(db, &unfinished)?;
    crash::point(Point::C20);
    fs::rename(&unfinished, to)
        .and_then(|()| sync_folder(to))
        .map_err(|cause| file_error(to, cause))
}

/// A copy of the database as it stands in a new file that only its owner can read.
pub(crate) fn vacuum_into(db: &Connection, to: &Path) -> Result<(), JournalError> {
    let failed = |cause| file_error(to, cause);
    let mut options = OpenOptions::new();
    // SQLite fills a file that is there and empty, and would make one that others can read.
    let file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(to)
        .map_err(failed)?;
    let name = to
        .to_str()
        .ok_or_else(|| failed(std::io::ErrorKind::InvalidFilename.into()))?;
    db.execute("VACUUM INTO ?1", [name])?;
    file.sync_all().map_err(failed)
}

/// The database, opened for reading only. Reading takes no lock and changes no byte.
pub struct JournalFile {
    db: Connection,
}

impl JournalFile {
    /// Opens an existing database.
    ///
    /// # Errors
    /// When there is none, it is not ours, or a newer program wrote it.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let failed = |cause: std::io::Error| match cause.kind() {
            std::io::ErrorKind::NotFound => JournalError::Missing(path.to_owned()),
            _ => file_error(path, cause),
        };
        let found = fs::metadata(path).map_err(failed)?;
        if found.is_dir() {
            return Err(file_error(path, std::io::ErrorKind::IsADirectory.into()));
        }
        // Tested without opening it: closing a descriptor would give up the locks of this process.
        rustix::fs::access(path, rustix::fs::Access::READ_OK).map_err(|cause| failed(cause.into()))?;
        let db = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        if user_version(&db)? == 0 {
            return Err(JournalError::Missing(path.to_owned()));
        }
        Ok(Self { db })
    }

    /// Questions about what is recorded.
    pub fn view(&self) -> View<'_> {
        View::new(&self.db)
    }

    /// Everything as of this moment, whatever is written meanwhile.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) fn snapshot(&self) -> Result<rusqlite::Transaction<'_>, JournalError> {
        Ok(self.db.unchecked_transaction()?)
    }

    /// A copy as of this moment, whole and readable anywhere, in a file of its own.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn copy_to(&self, path: &Path) -> Result<(), JournalError> {
        vacuum_into(&self.db, path)
    }
}

/// Opens what is ours.
fn open(path: &Path, access: OpenFlags) -> Result<Connection, JournalError> {
    let opened = || {
        let db = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        db.busy_timeout(std::time::Duration::from_millis(BUSY_MS))?;
        check_identity(&db, path)?;
        // The plan of a statement does not hang on its parameters, so that it is made once; and there is room to keep all of ours.
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        db.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        Ok(db)
    };
    opened().map_err(|error| match error {
        JournalError::Sqlite(cause) if is_hardly_begun(path, &cause) => JournalError::Missing(path.to_owned()),
        JournalError::Sqlite(cause) if is_of_place(&cause) => JournalError::Place {
            path: path.to_owned(),
            cause,
        },
        other => other,
    })
}

/// Whether `SQLite` complains about where the file is, not about what is in it.
fn is_of_place(cause: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, PermissionDenied, ReadOnly};
    matches!(
        cause.sqlite_error_code(),
        Some(CannotOpen | PermissionDenied | ReadOnly)
    )
}

/// Whether somebody died, or lost power, while making the file: `SQLite` has to take back what was begun, and then nothing is in it.
/// Whose it was cannot be told, and does not matter.
fn is_hardly_begun(path: &Path, cause: &rusqlite::Error) -> bool {
    /// Where a rollback journal says how many pages the database had (<https://www.sqlite.org/fileformat2.html>, section 3).
    const PAGES_BEFORE: std::ops::Range<usize> = 16..20;
    cause.sqlite_extended_error_code() == Some(rusqlite::ffi::SQLITE_READONLY_ROLLBACK)
        && fs::read(beside(path, "-journal")).is_ok_and(|journal| journal.get(PAGES_BEFORE) == Some(&[0; 4]))
}

fn file_error(path: &Path, cause: std::io::Error) -> JournalError {
    JournalError::File {
        path: path.to_owned(),
        cause,
    }
}

/// Creates folder and file so that nobody else can read them, before SQLite could create them otherwise.
fn make(path: &Path) -> Result<(), JournalError> {
    let failed = |cause| file_error(path, cause);
    if let Some(folder) = path.parent() {
        make_private_folder(folder).map_err(failed)?;
    }
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    Ok(())
}

/// Takes a database that others could read away from them.
fn make_private(path: &Path) -> Result<(), JournalError> {
    let failed = |cause| file_error(path, cause);
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
    }
    Ok(())
}

/// NFS and SMB lose locks and syncs without saying so.
#[cfg(target_os = "linux")]
fn refuse_network(path: &Path) -> Result<(), JournalError> {
    let found = rustix::fs::statfs(path).map_err(|cause| JournalError::File {
        path: path.to_owned(),
        cause: cause.into(),
    })?;
    if is_network(found.f_type) {
        Err(JournalError::NetworkFileSystem(path.to_owned()))
    } else {
        Ok(())
    }
}

/// Whether a type of file system, as `statfs` tells it, is one of those.
#[cfg(target_os = "linux")]
fn is_network(kind: i64) -> bool {
    /// NFS, SMB, CIFS, SMB2, AFS, Coda, Ceph, 9P (Windows drives under WSL), from `statfs(2)`.
    const NETWORK: &[i64] = &[
        0x6969,
        0x517B,
        0xFF53_4D42,
        0xFE53_4D42,
        0x5346_414F,
        0x7375_7245,
        0x00C3_6400,
        0x0102_1997,
    ];
    // Where the number has 32 bits, its sign fills the others.
    NETWORK.contains(&(kind & 0xFFFF_FFFF))
}

/// On macOS the file system's flags say whether it is local.
#[cfg(not(target_os = "linux"))]
fn refuse_network(path: &Path) -> Result<(), JournalError> {
    /// `MNT_LOCAL` of `sys/mount.h`.
    const LOCAL: u32 = 0x1000;
    let found = rustix::fs::statfs(path).map_err(|cause| JournalError::File {
        path: path.to_owned(),
        cause: cause.into(),
    })?;
    if found.f_flags & LOCAL == 0 {
        Err(JournalError::NetworkFileSystem(path.to_owned()))
    } else {
        Ok(())
    }
}

fn user_version(db: &Connection) -> rusqlite::Result<i64> {
    db.query_row("PRAGMA user_version", [], |row| row.get(0))
}

fn check_identity(db: &Connection, path: &Path) -> Result<(), JournalError> {
    let unreadable = |cause: rusqlite::Error| match cause.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => JournalError::Foreign(path.to_owned()),
        _ => JournalError::from(cause),
    };
    let application: i64 = db
        .query_row("PRAGMA application_id", [], |row| row.get(0))
        .map_err(unreadable)?;
    let tables: i64 = db
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(unreadable)?;
    let version = user_version(db)?;
    if application != APPLICATION_ID && (application != 0 || version != 0 || tables != 0) {
        return Err(JournalError::Foreign(path.to_owned()));
    }
    let known = version_known();
    if version > known {
        return Err(JournalError::Newer {
            path: path.to_owned(),
            found: version,
            known,
        });
    }
    Ok(())
}

/// Makes the tables of a version in an empty database.
pub(crate) fn make_schema(db: &Connection, version: i64) -> rusqlite::Result<()> {
    let migrations = MIGRATIONS.iter().take(usize::try_from(version).unwrap_or_default());
    migrations
        .into_iter()
        .try_for_each(|migration| db.execute_batch(migration))
}

/// Brings the schema to the newest version, in one transaction.
fn migrate(db: &Connection) -> Result<(), JournalError> {
    let found = user_version(db)?;
    if found == version_known() {
        return Ok(());
    }
    let transaction = rusqlite::Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
    for migration in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or_default()) {
        transaction.execute_batch(migration)?;
        crash::point(Point::C20);
    }
    transaction.execute_batch(&format!(
        "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {};",
        version_known()
    ))?;
    crash::point(Point::C20);
    transaction.commit()?;
    crash::point(Point::C20);
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known_by_their_numbers() {
        let cifs = i64::from(0xFF53_4D42_u32.cast_signed());
        assert!(cifs < 0);
        for network in [0x6969, 0x0102_1997, 0xFF53_4D42, cifs] {
            assert!(is_network(network), "{network:x}");
        }
        // ext4, tmpfs, xfs, btrfs, overlay.
        for local in [0xEF53, 0x0102_1994, 0x5846_5342, 0x9123_683E, 0x794C_7630] {
            assert!(!is_network(local), "{local:x}");
        }
    }
}
