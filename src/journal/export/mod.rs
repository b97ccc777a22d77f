//! An export: the record in a folder, in forms that can be checked without this program.
//!
//! The database is copied first, as of one moment; everything else is written from the copy, by [`TEXTS`]. Verification writes the same
//! texts once more and compares, so the two cannot disagree about what an export is. A folder is an export only after its renaming.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{JournalError, JournalFile, View, open, redact};
use crate::files::{beside, make_private_folder, sync_folder};
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

/// Makes an export of a database in a folder that is not there yet.
///
/// # Errors
/// When the database cannot be read, or the folder cannot be written; what was begun is not under its name then.
pub fn export(database: &Path, heads: &Path, folder: &Path, redacted: bool) -> Result<Exported, JournalError> {
    let failed = |cause| JournalError::File {
        path: folder.to_owned(),
        cause,
    };
    if fs::symlink_metadata(folder).is_ok() {
        return Err(failed(io::ErrorKind::AlreadyExists.into()));
    }
    let unfinished = beside(folder, ".part");
    match fs::remove_dir_all(&unfinished) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(failed(cause)),
        _ => make_private_folder(&unfinished).map_err(failed)?,
    }
    let made = fill(database, heads, &unfinished, redacted)?;
    fs::rename(&unfinished, folder)
        .and_then(|()| sync_folder(folder))
        .map_err(failed)?;
    Ok(made)
}

fn fill(database: &Path, heads: &Path, folder: &Path, redacted: bool) -> Result<Exported, JournalError> {
    let copy = folder.join(DATABASE);
    JournalFile::open(database)?.copy_to(&copy)?;
    if redacted {
        leave_values_out(&copy)?;
    }
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
        lines.iter().map(|(name, sum)| format!("{sum}  {name}\n")).collect()
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
