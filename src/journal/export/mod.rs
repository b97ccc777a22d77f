//! An export: the record in a folder, in forms that can be checked without this program.
//!
//! The database is copied first, as of one moment; everything else is written from the copy, by [`TEXTS`]. Verification writes the same
//! texts once more and compares, so the two cannot disagree about what an export is. A folder is an export only after its renaming:
//! until then it has a name of its own beside it, and is gone again when anything fails.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{JournalError, JournalFile, View, open, redact};
use crate::crash::{self, Point};
use crate::files::{make_private_folder, sync_folder};
use crate::hex::hex;

/// The copy of the database.
pub(crate) const DATABASE: &str = "audit.db";
/// What the export is.
pub(crate) const ABOUT: &str = "export.json";
/// The form of an export, as it is now.
pub(crate) const FORMAT: u32 = 1;
/// The sums of all other files, as `sha256sum` writes them.
pub(crate) const SUMS: &str = "SHA256SUMS";
/// The receipts.
pub(crate) const RECEIPTS: &str = "receipts";
/// What is in the folder, for people, and how to check it without this program.
pub(crate) const FIXED: &[(&str, &str)] = &[
    ("README.txt", include_str!("readme.txt")),
    ("verify.py", include_str!("verify.py")),
];

/// Writes one file from the database.
type WriteText = fn(&Connection, &mut dyn Write) -> Result<(), JournalError>;

/// The files that are written from the database, and how.
pub(crate) const TEXTS: &[(&str, WriteText)] = &[
    ("events.jsonl", write_events),
    (VALUES, write_values),
    ("checkpoints.jsonl", write_checkpoints),
    ("checkpoint.txt", write_checkpoint),
    ("keys.txt", write_keys),
];

/// The personal values; left out of a redacted export.
pub(crate) const VALUES: &str = "personal.jsonl";

/// What `export.json` says.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The form of the export.
    pub format: u32,
    /// The version of the program that wrote it.
    pub version: String,
    /// The random id of the database.
    pub database: String,
    /// How many events there are.
    pub events: u64,
    /// Whether the personal values were left out.
    pub redacted: bool,
}

/// An export that was made.
#[derive(Clone, Debug, Serialize)]
pub struct Exported {
    /// What it is.
    #[serde(flatten)]
    pub about: About,
    /// Its files, relative to its folder, in order.
    pub files: Vec<String>,
}

/// Files that are the same in every export of a version, in an export that says it is of another one: what they have to be is not known
/// here, so they are no damage, and nothing vouches for them.
#[derive(Clone, Debug, Default)]
pub struct NotCompared {
    /// The version that the export says it is of.
    pub version: String,
    /// Those that are not as this version writes them.
    pub files: Vec<&'static str>,
}

/// Makes an export of a database in a folder that is not there yet.
///
/// # Errors
/// When the database cannot be read, or, as [`JournalError::Export`], the folder cannot be written; nothing that was begun is left then.
pub fn export(database: &Path, heads: &Path, folder: &Path, redacted: bool) -> Result<Exported, JournalError> {
    let file = JournalFile::open(database)?;
    if fs::symlink_metadata(folder).is_ok() {
        return Err(JournalError::Export(io::ErrorKind::AlreadyExists.into()));
    }
    let unfinished = Unfinished::make(folder)?;
    let made = fill(&file, heads, &unfinished.path, redacted).map_err(|error| match error {
        JournalError::File { path, cause } if path.starts_with(&unfinished.path) => JournalError::Export(cause),
        // The database is only read here: the room is missing where the copy is.
        JournalError::DiskFull => JournalError::Export(io::ErrorKind::StorageFull.into()),
        other => other,
    })?;
    crash::point(Point::C19);
    fs::rename(&unfinished.path, folder)?;
    crash::point(Point::C19);
    sync_folder(folder)?;
    Ok(made)
}

/// A folder that becomes an export: made by this process, and gone when it is dropped under this name.
struct Unfinished {
    path: PathBuf,
    /// Locked as long as the process lives: what nobody holds was left by one that died.
    _held: File,
}

impl Unfinished {
    /// Makes it beside the place of the export, under a name that nothing else has, and removes what a process that died left there.
    fn make(folder: &Path) -> Result<Self, JournalError> {
        let mut random = [0; 8];
        getrandom::fill(&mut random)?;
        let mut prefix = OsString::from(".");
        prefix.push(
            folder
                .file_name()
                .ok_or(io::Error::from(io::ErrorKind::InvalidFilename))?,
        );
        prefix.push(".part-");
        let mut name = prefix.clone();
        name.push(hex(&random));
        // A slash at the end of the folder's name is no part of it here.
        let path = folder.with_file_name(name);
        remove_left(&path, &prefix);
        // Not recursive: a folder that is there is refused, so what is made here is ours to remove.
        DirBuilder::new().mode(0o700).create(&path)?;
        let held = File::open(&path)?;
        // A file system without locks: nobody else can take this one either, and so nobody removes it.
        _ = hold(&held);
        Ok(Self { path, _held: held })
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Where it was renamed there is nothing left to remove.
        drop(fs::remove_dir_all(&self.path));
    }
}

fn hold(folder: &File) -> rustix::io::Result<()> {
    rustix::fs::flock(folder, rustix::fs::FlockOperation::NonBlockingLockExclusive)
}

/// Removes the folders of this prefix that nobody holds: they have everything in them, personal values too. One that cannot be removed is no
/// reason to make no export.
fn remove_left(beside: &Path, prefix: &OsStr) {
    let parent = beside.parent().filter(|parent| !parent.as_os_str().is_empty());
    let Ok(entries) = fs::read_dir(parent.unwrap_or(Path::new("."))) else {
        return;
    };
    let is_ours = |name: &OsStr| {
        let random = name.as_bytes().strip_prefix(prefix.as_bytes());
        random.is_some_and(|random| random.len() == 16 && random.iter().all(u8::is_ascii_hexdigit))
    };
    for entry in entries.flatten().filter(|entry| is_ours(&entry.file_name())) {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && File::open(entry.path()).is_ok_and(|folder| hold(&folder).is_ok()) {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

fn fill(file: &JournalFile, heads: &Path, folder: &Path, redacted: bool) -> Result<Exported, JournalError> {
    let copy = folder.join(DATABASE);
    file.copy_to(&copy)?;
    if redacted {
        leave_values_out(&copy)?;
    }
    crash::point(Point::C19);
    let file = JournalFile::open(&copy)?;
    let view = file.view();
    let about = About {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        database: view.database()?,
        events: view.size()?,
        redacted,
    };
    let mut files = Files {
        folder,
        written: vec![(DATABASE.to_owned(), sum_of_file(&copy)?)],
    };
    for (name, write) in TEXTS.iter().filter(|(name, _)| !(redacted && *name == VALUES)) {
        files.write(name, |to| write(view.db, to))?;
    }
    for (name, text) in FIXED {
        files.write(name, |to| Ok(to.write_all(text.as_bytes())?))?;
    }
    files.write(ABOUT, |to| Ok(writeln!(to, "{}", serde_json::to_string(&about)?)?))?;
    for (name, text) in receipts(heads, &about.database)? {
        files.write(&format!("{RECEIPTS}/{name}"), |to| Ok(to.write_all(&text)?))?;
    }
    let sums = files.sums();
    files.write(SUMS, |to| Ok(to.write_all(sums.as_bytes())?))?;
    let mut names: Vec<String> = files.written.into_iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    Ok(Exported { about, files: names })
}

/// The receipts that lie beside the head, the oldest run first.
fn receipts(heads: &Path, database: &str) -> Result<Vec<(String, Vec<u8>)>, JournalError> {
    let failed = |cause| JournalError::File {
        path: heads.to_owned(),
        cause,
    };
    let entries = match fs::read_dir(heads) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let of_run = name
            .strip_prefix(database)
            .and_then(|name| name.strip_prefix('-')?.strip_suffix(".receipt"));
        if let Some(run) = of_run {
            let text = fs::read(entry.path()).map_err(failed)?;
            found.push((format!("{run}.receipt"), text));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Takes every personal value out of a copy. Commitments stay.
fn leave_values_out(copy: &Path) -> Result<(), JournalError> {
    let db = open::copy_for_erasing(copy)?;
    db.execute(
        "UPDATE personal SET salt = NULL, value = NULL WHERE value IS NOT NULL",
        [],
    )?;
    redact::vacuum(&db, copy)?;
    db.close().map_err(|(_, cause)| cause.into())
}

/// The files of an export on their way to the disk, with their sums.
struct Files<'a> {
    folder: &'a Path,
    written: Vec<(String, String)>,
}

impl Files<'_> {
    fn write(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let path = self.folder.join(name);
        let failed = |cause| JournalError::File {
            path: path.clone(),
            cause,
        };
        if let Some(parent) = path.parent() {
            make_private_folder(parent).map_err(failed)?;
        }
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        let mut to = Summed::new(BufWriter::new(file));
        write(&mut to)?;
        let (sum, to) = to.finish();
        let file = to.into_inner().map_err(|cause| failed(cause.into_error()))?;
        file.sync_all().map_err(failed)?;
        self.written.push((name.to_owned(), sum));
        Ok(())
    }

    fn sums(&self) -> String {
        let mut lines: Vec<(&str, &str)> = self
            .written
            .iter()
            .map(|(name, sum)| (name.as_str(), sum.as_str()))
            .collect();
        lines.sort_unstable();
        lines
            .iter()
            .fold(String::new(), |text, (name, sum)| text + sum + "  " + name + "\n")
    }
}

/// Sums up what is written to it.
pub(crate) struct Summed<W> {
    to: W,
    sum: Sha256,
}

impl<W: Write> Summed<W> {
    pub(crate) fn new(to: W) -> Self {
        Self { to, sum: Sha256::new() }
    }

    /// The sum in hexadecimal.
    pub(crate) fn finish(self) -> (String, W) {
        (hex(&self.sum.finalize()), self.to)
    }
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.sum.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// The sum of a file's bytes.
pub(crate) fn sum_of_file(path: &Path) -> Result<String, JournalError> {
    let failed = |cause| JournalError::File {
        path: path.to_owned(),
        cause,
    };
    let mut to = Summed::new(io::sink());
    io::copy(&mut File::open(path).map_err(failed)?, &mut to).map_err(failed)?;
    Ok(to.finish().0)
}

fn write_events(db: &Connection, to: &mut dyn Write) -> Result<(), JournalError> {
    let mut statement = db.prepare("SELECT body FROM event ORDER BY seq")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        to.write_all(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?.as_bytes())?;
        to.write_all(b"\n")?;
    }
    Ok(())
}

fn write_values(db: &Connection, to: &mut dyn Write) -> Result<(), JournalError> {
    let mut statement =
        db.prepare("SELECT commitment, event, user, roster_row, salt, value FROM personal ORDER BY event, commitment")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let salt: Option<Vec<u8>> = row.get(4)?;
        let value = json!({
            "commitment": row.get::<_, String>(0)?,
            "event": row.get::<_, i64>(1)?,
            "user": row.get::<_, Option<i64>>(2)?,
            "row": row.get::<_, Option<i64>>(3)?,
            "salt": salt.map(|salt| hex(&salt)),
            "value": row.get::<_, Option<String>>(5)?,
        });
        writeln!(to, "{value}")?;
    }
    Ok(())
}

fn write_checkpoints(db: &Connection, to: &mut dyn Write) -> Result<(), JournalError> {
    if !View::new(db).has_checkpoints()? {
        return Ok(());
    }
    let mut statement = db.prepare("SELECT size, note FROM checkpoint ORDER BY size")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let note = json!({ "size": row.get::<_, i64>(0)?, "note": row.get::<_, String>(1)? });
        writeln!(to, "{note}")?;
    }
    Ok(())
}

fn write_checkpoint(db: &Connection, to: &mut dyn Write) -> Result<(), JournalError> {
    if let Some((_, note)) = View::new(db).last_checkpoint()? {
        to.write_all(note.as_bytes())?;
    }
    Ok(())
}

fn write_keys(db: &Connection, to: &mut dyn Write) -> Result<(), JournalError> {
    for key in View::new(db).signing_keys()? {
        writeln!(to, "{key}")?;
    }
    Ok(())
}

/// Where the files of an export are, for whoever checks it.
pub(crate) fn database_in(folder: &Path) -> PathBuf {
    folder.join(DATABASE)
}
