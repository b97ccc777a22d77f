//! Room on the disk: a check before each batch, and a reserve that is given up so that outcomes can still be recorded.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::JournalError;

/// Bytes of the reserve: answers and outcomes of the largest batch, with their pages of the write-ahead log, many times over.
const RESERVE_BYTES: usize = 4 << 20;

/// Bytes that must be free before a batch is sent: intents, answers and outcomes of the largest batch, as above.
pub const ROOM_BYTES_MIN: u64 = 4 << 20;

fn path(database: &Path) -> PathBuf {
    crate::files::beside(database, ".reserve")
}

/// Makes the reserve if it is not there. Real bytes, since a hole would reserve nothing.
pub(crate) fn fill(database: &Path) -> Result<(), JournalError> {
    let path = path(database);
    let failed = |cause: std::io::Error| match cause.kind() {
        std::io::ErrorKind::StorageFull => JournalError::DiskFull,
        _ => JournalError::File {
            path: path.clone(),
            cause,
        },
    };
    if fs::metadata(&path).is_ok_and(|found| found.len() == RESERVE_BYTES as u64) {
        return Ok(());
    }
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    let filled = file
        .write_all(&vec![0x24; RESERVE_BYTES])
        .and_then(|()| file.sync_all());
    if let Err(cause) = filled {
        // Half a reserve would be taken for room that is not there.
        return Err(failed(fs::remove_file(&path).err().unwrap_or(cause)));
    }
    Ok(())
}

/// Frees the reserve.
pub(crate) fn give_up(database: &Path) -> Result<(), JournalError> {
    let path = path(database);
    fs::remove_file(&path).map_err(|cause| JournalError::File { path, cause })
}

/// Refuses when too little is free.
pub(crate) fn check_room(database: &Path) -> Result<(), JournalError> {
    let free = free_bytes(database).map_err(|cause| JournalError::File {
        path: database.to_owned(),
        cause,
    })?;
    if free < ROOM_BYTES_MIN {
        Err(JournalError::DiskFull)
    } else {
        Ok(())
    }
}

/// Bytes that are free for this user where a file or folder is.
///
/// # Errors
/// When the operating system cannot tell.
pub fn free_bytes(near: &Path) -> std::io::Result<u64> {
    let room = rustix::fs::statvfs(near)?;
    Ok(room.f_bavail.saturating_mul(room.f_frsize))
}
