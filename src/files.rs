//! Files that are there whole or not at all, and folders that only their owner enters.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::crash::{self, Point};

/// Writes a file that only its owner can read: under another name first, brought to disk, then renamed, and the name brought to disk. After
/// a crash the old file is there or the new one. The caller has a lock on it: two at once would write under the same name.
///
/// # Errors
/// When it cannot be written; the old file is there then.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = OsString::from(".");
    name.push(path.file_name().ok_or(io::ErrorKind::InvalidFilename)?);
    name.push(".offboard24-new");
    let unfinished = path.with_file_name(name);
    match fs::remove_file(&unfinished) {
        // What a process that died here left behind, or a link that somebody laid.
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
        _ => {}
    }
    let written = write_new(&unfinished, bytes).and_then(|()| {
        crash::point(Point::C13);
        fs::rename(&unfinished, path)
    });
    if let Err(cause) = written {
        // Of no use any more; that it cannot be removed says nothing new.
        drop(fs::remove_file(&unfinished));
        return Err(cause);
    }
    crash::point(Point::C13);
    sync_folder(path)
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Brings the name of a file to disk.
///
/// # Errors
/// When the folder cannot be opened or synced.
pub fn sync_folder(of: &Path) -> io::Result<()> {
    let folder = of.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// A name beside a file: the file's own with an ending.
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

/// Makes a folder that only its owner can enter, and brings its name to disk; one that exists stays as it is.
///
/// # Errors
/// When it cannot be made.
pub fn make_private_folder(folder: &Path) -> io::Result<()> {
    // What is in it is worth nothing when a loss of power takes the folder itself.
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    if let Some(around) = folder.parent() {
        make_private_folder(around)?;
    }
    match DirBuilder::new().mode(0o700).create(folder) {
        // Somebody else was faster.
        Err(_) if folder.is_dir() => {}
        made => made?,
    }
    sync_folder(folder)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_private_whatever_lies_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let (file, other) = (folder.path().join("key"), folder.path().join("other"));
        let unfinished = folder.path().join(".key.offboard24-new");
        fs::write(&other, "somebody else's").unwrap();
        symlink(&other, &unfinished).unwrap();
        replace(&file, b"first").unwrap();
        fs::write(&unfinished, "from a process that died").unwrap();
        fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o644)).unwrap();
        replace(&file, b"second").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"second");
        assert_eq!(fs::read(&other).unwrap(), b"somebody else's");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!unfinished.exists());
    }
}
