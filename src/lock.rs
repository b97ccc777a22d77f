//! Locks that die with their process.
//!
//! A POSIX record lock on a file of its own: the kernel gives it up however the process ends, and another process can test it without
//! taking it. Its one trap: closing *any* descriptor of the file in the same process gives the lock up, so [`holder`] must not be asked
//! about a lock that this process holds.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::process::{Flock, FlockType, fcntl_getlk};

/// A lock that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("process {process} holds {}", path.display())]
    Held {
        /// The lock file.
        path: PathBuf,
        /// The other process.
        process: String,
    },
    /// The file cannot be made or locked.
    #[error("cannot lock {}: {cause}", path.display())]
    File {
        /// The lock file.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },
}

/// A lock, held until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock at once or not at all. The folder has to exist.
    ///
    /// # Errors
    /// When another process holds it, or the file cannot be made.
    pub fn take(path: &Path) -> Result<Self, LockError> {
        let failed = |cause| LockError::File {
            path: path.to_owned(),
            cause,
        };
        let file = open(path).map_err(failed)?;
        #[cfg(feature = "rigs")]
        if crate::mistake::is_planted(crate::mistake::Mistake::NoLock) {
            return Ok(Self { file });
        }
        match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { file }),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => {
                let process = test(&file)
                    .ok()
                    .flatten()
                    .map_or_else(|| "another".to_owned(), |id| id.to_string());
                Err(LockError::Held {
                    path: path.to_owned(),
                    process,
                })
            }
            Err(cause) => Err(failed(cause.into())),
        }
    }

    /// Waits for the lock: for what takes an instant, such as the change of a file. The folder has to exist.
    ///
    /// # Errors
    /// When the file cannot be made or locked.
    pub fn wait(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        fcntl_lock(&file, FlockOperation::LockExclusive)?;
        Ok(Self { file })
    }

    /// What was written into the lock's file last.
    pub fn read(&self) -> Option<String> {
        let mut bytes = [0; 256];
        let length = self.file.read_at(&mut bytes, 0).ok()?;
        String::from_utf8(bytes[..length].to_vec()).ok()
    }

    /// Writes into the lock's file. A hint for the next process: losing it is no error.
    pub fn write(&self, text: &str) {
        let written = self.file.write_all_at(text.as_bytes(), 0);
        if written.is_err() || self.file.set_len(text.len() as u64).is_err() {
            tracing::debug!("the lock file could not be written");
        }
    }
}

/// The file of a lock, made when it is not there.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.mode(0o600).open(path)
}

/// The process that holds a lock, found by testing it, not by taking it. Not to be asked about a lock of this process.
///
/// # Errors
/// When the file exists and cannot be tested.
pub fn holder(path: &Path) -> io::Result<Option<i32>> {
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => test(&file),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(cause),
    }
}

fn test(file: &File) -> io::Result<Option<i32>> {
    let found = fcntl_getlk(file, &Flock::from(FlockType::WriteLock))?;
    Ok(found.and_then(|lock| lock.pid).map(rustix::process::Pid::as_raw_pid))
}
