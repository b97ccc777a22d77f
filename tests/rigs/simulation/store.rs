//! The folder of one simulated administrator: database, key, heads, locks. When a process dies, its files stay as they are.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What the reserve beside the database has to be long, to be taken for one. Real bytes are of no use here, and cost time.
const RESERVE: u64 = 4 << 20;

pub(super) struct Store {
    base: PathBuf,
    number: u32,
}

impl Store {
    /// An empty one.
    pub(super) fn new(base: PathBuf) -> io::Result<Self> {
        drop(fs::remove_dir_all(&base));
        let store = Self { base, number: 0 };
        fs::create_dir_all(store.folder())?;
        fs::write(store.webhook(), "https://portal.example/rest/1/0123456789abcdef/")?;
        store.add_reserve()?;
        Ok(store)
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.base.join(self.number.to_string())
    }

    pub(super) fn database(&self) -> PathBuf {
        self.folder().join("audit.db")
    }

    pub(super) fn stop_file(&self) -> PathBuf {
        self.folder().join("audit.db.stop")
    }

    pub(super) fn heads(&self) -> PathBuf {
        self.folder().join("heads")
    }

    pub(super) fn webhook(&self) -> PathBuf {
        self.base.join("webhook")
    }

    pub(super) fn write_roster(&self, text: &str) -> io::Result<PathBuf> {
        let path = self.base.join("roster.csv");
        fs::write(&path, text)?;
        Ok(path)
    }

    /// A policy that wants a second person's approval, or one that wants nothing.
    pub(super) fn write_policy(&self, approval: bool) -> io::Result<PathBuf> {
        let path = self.base.join("policy.toml");
        fs::write(&path, if approval { "approval = \"always\"\n" } else { "" })?;
        Ok(path)
    }

    /// What a process that is killed at this moment leaves, in a new folder. The process still winds up in the old one.
    pub(super) fn survives(&mut self) -> io::Result<()> {
        let old = self.folder();
        if self.number > 0 {
            fs::remove_dir_all(self.base.join((self.number - 1).to_string()))?;
        }
        self.number += 1;
        copy(&old, &self.folder())?;
        self.add_reserve()
    }

    fn add_reserve(&self) -> io::Result<()> {
        fs::File::create(self.folder().join("audit.db.reserve"))?.set_len(RESERVE)
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let name_text = name.to_string_lossy();
        if path.is_dir() {
            copy(&path, &to.join(&name))?;
        } else if !name_text.ends_with(".reserve") && !name_text.ends_with("-shm") {
            fs::copy(&path, to.join(&name))?;
        }
    }
    Ok(())
}

impl Drop for Store {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.base));
    }
}
