//! New files: whole or not at all, for this user alone, and never over one that is there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::language::said;

/// Writes all of these files or none. Each is written under another name first, and gets its own when all are on disk.
pub(crate) fn write(files: &[(PathBuf, &str)]) -> Result<(), Failure> {
    for (path, _) in files {
        refuse_existing(path)?;
    }
    let mut begun: Vec<(Unfinished, &Path)> = Vec::new();
    for (path, text) in files {
        begun.push((Unfinished::write(path, text)?, path));
    }
    for (place, (unfinished, path)) in begun.iter().enumerate() {
        if let Err(failure) = unfinished.name(path) {
            for (_, path) in begun.iter().take(place) {
                drop(fs::remove_file(path));
            }
            return Err(failure);
        }
    }
    Ok(())
}

fn refuse_existing(path: &Path) -> Result<(), Failure> {
    // A link that leads nowhere is there too.
    match fs::symlink_metadata(path) {
        Ok(_) => Err(existing(path)),
        Err(_) => Ok(()),
    }
}

fn existing(path: &Path) -> Failure {
    Failure::usage(said(|words| (words.file_exists)(path))).next(said(|words| (words.file_exists_next)(path)))
}

fn failed(path: &Path, cause: &io::Error) -> Failure {
    Failure::usage(said(|words| (words.file_unwritable)(path, cause))).next(said(|words| words.file_unwritable_next))
}

/// A file under another name, gone when it is dropped.
struct Unfinished(PathBuf);

impl Unfinished {
    fn write(path: &Path, text: &str) -> Result<Self, Failure> {
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(format!(".{}.part", std::process::id()));
        let unfinished = Self(path.with_file_name(name));
        let written = || -> io::Result<()> {
            let mut file: File = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&unfinished.0)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        written().map_err(|cause| failed(path, &cause))?;
        Ok(unfinished)
    }

    /// Gives it its name. A hard link, unlike a renaming, never replaces a file that came meanwhile.
    fn name(&self, path: &Path) -> Result<(), Failure> {
        match fs::hard_link(&self.0, path) {
            Ok(()) => Ok(()),
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Err(existing(path)),
            // Not every file system has links.
            Err(_) => {
                refuse_existing(path)?;
                fs::rename(&self.0, path).map_err(|cause| failed(path, &cause))
            }
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Where it was renamed there is nothing left to remove.
        drop(fs::remove_file(&self.0));
    }
}
