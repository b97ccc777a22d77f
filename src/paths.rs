//! Where things are: XDG directories, on Linux and macOS alike.

use std::io;
use std::path::{Path, PathBuf};

use etcetera::base_strategy::{BaseStrategy as _, Xdg};

use crate::domain::Portal;
use crate::files::{beside, make_private_folder};

/// The folders of one user.
#[derive(Clone, Debug)]
pub struct Paths {
    state: PathBuf,
    data: PathBuf,
    config: PathBuf,
}

impl Paths {
    /// `$XDG_STATE_HOME/offboard24`, by default `~/.local/state/offboard24`, and `$XDG_DATA_HOME/offboard24`, by default
    /// `~/.local/share/offboard24`, and `$XDG_CONFIG_HOME/offboard24`, by default `~/.config/offboard24`. None when there is no home
    /// directory.
    pub fn of_user() -> Option<Self> {
        let xdg = Xdg::new().ok()?;
        Some(Self {
            state: xdg.state_dir()?.join("offboard24"),
            data: xdg.data_dir().join("offboard24"),
            config: xdg.config_dir().join("offboard24"),
        })
    }

    /// Everything under one folder.
    pub fn under(folder: &Path) -> Self {
        Self {
            state: folder.to_owned(),
            data: folder.to_owned(),
            config: folder.to_owned(),
        }
    }

    /// The folder of everything that is written while jobs run.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The default database.
    pub fn database(&self) -> PathBuf {
        self.state.join("audit.db")
    }

    /// The folder of the heads, and of the receipts beside them.
    pub fn heads(&self) -> PathBuf {
        self.state.join("heads")
    }

    /// The default file of signing keys.
    pub fn key(&self) -> PathBuf {
        self.data.join("key")
    }

    /// The configuration file.
    pub fn configuration(&self) -> PathBuf {
        self.config.join("config.toml")
    }

    /// The lock of a portal. Its folder is made, private.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn portal_lock(&self, portal: &Portal) -> io::Result<PathBuf> {
        make_private_folder(&self.state.join("locks"))?;
        Ok(self.lock_of(portal))
    }

    /// The lock of a portal, wherever it is there or not.
    pub fn lock_of(&self, portal: &Portal) -> PathBuf {
        self.state.join("locks").join(format!("{portal}.lock"))
    }
}

/// The user's home folder, for what stands behind `~/` in a file.
pub fn home() -> Option<PathBuf> {
    etcetera::home_dir().ok()
}

/// The lock of a database.
pub fn database_lock(database: &Path) -> PathBuf {
    beside(database, ".lock")
}

/// The file that asks the run of a database to stop.
pub fn stop_file(database: &Path) -> PathBuf {
    beside(database, ".stop")
}
