//! Where things are: XDG directories, on Linux and macOS alike.

use std::ffi::OsString;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use etcetera::base_strategy::{BaseStrategy as _, Xdg};

use crate::domain::Portal;

/// The folders of one user.
#[derive(Clone, Debug)]
pub struct Paths {
    state: PathBuf,
}

impl Paths {
    /// `$XDG_STATE_HOME/offboard24`, by default `~/.local/state/offboard24`. None when there is no home directory.
    pub fn of_user() -> Option<Self> {
        let state = Xdg::new().ok()?.state_dir()?.join("offboard24");
        Some(Self { state })
    }

    /// Everything under one folder.
    pub fn under(folder: &Path) -> Self {
        Self {
            state: folder.to_owned(),
        }
    }

    /// The default database.
    pub fn database(&self) -> PathBuf {
        self.state.join("audit.db")
    }

    /// The lock of a portal. Its folder is made, private.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn portal_lock(&self, portal: &Portal) -> io::Result<PathBuf> {
        let folder = self.state.join("locks");
        make_private_folder(&folder)?;
        Ok(folder.join(format!("{portal}.lock")))
    }
}

/// The lock of a database.
pub fn database_lock(database: &Path) -> PathBuf {
    beside(database, ".lock")
}

/// The file that asks the run of a database to stop.
pub fn stop_file(database: &Path) -> PathBuf {
    beside(database, ".stop")
}

fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(database);
    name.push(ending);
    PathBuf::from(name)
}

/// Makes a folder that only its owner can enter; one that exists stays as it is.
///
/// # Errors
/// When it cannot be made.
pub fn make_private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
