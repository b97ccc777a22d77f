//! The file of signing keys: one for a person and a machine, outside every database's folder.
//!
//! PEM blocks (PKCS #8, as `openssl pkey` reads them), the newest first. An older key stays in the file after a rotation, so that every
//! other database that it signs can be handed over to the newest one, with the signatures of both.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};

use super::note::{KeyName, NoteError, SigningKey, VerifyingKey};
use crate::files;
use crate::lock::Lock;

/// Bytes of a key file that are read: some hundred keys.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// What can be wrong with the key file.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It cannot be read or written.
    #[error("the signing key {}: {cause}", path.display())]
    File {
        /// The key file.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },
    /// Something else is in it.
    #[error("{} holds no signing key that this program can read: {cause}", path.display())]
    Unreadable {
        /// The key file.
        path: PathBuf,
        /// What is wrong with it.
        cause: NoteError,
    },
    /// Others could read it.
    #[error("others than its owner can read the signing key {}", .0.display())]
    Open(PathBuf),
    /// The database is signed with another key.
    #[error("the database is signed with the key {key}, which is not in {}", path.display())]
    Missing {
        /// The key file.
        path: PathBuf,
        /// The public key, as the journal has it.
        key: String,
    },
    /// The operating system gave no random numbers.
    #[error("the operating system gave no random numbers: {0}")]
    Random(#[from] getrandom::Error),
}

/// The keys of this machine, the newest first. None before the first use.
#[derive(Debug)]
pub struct Keys {
    path: PathBuf,
    keys: Vec<SigningKey>,
}

impl Keys {
    /// Reads the key file. One that is not there holds no keys yet.
    ///
    /// # Errors
    /// When it cannot be read, others can read it, or something else is in it.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let failed = |cause| KeyError::File {
            path: path.to_owned(),
            cause,
        };
        let found = match fs::metadata(path) {
            Ok(found) => found,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                return Ok(Self {
                    path: path.to_owned(),
                    keys: Vec::new(),
                });
            }
            Err(cause) => return Err(failed(cause)),
        };
        if !found.is_file() || found.len() > FILE_BYTES_MAX {
            return Err(KeyError::Unreadable {
                path: path.to_owned(),
                cause: NoteError::TooLarge,
            });
        }
        if found.permissions().mode() & 0o077 != 0 {
            return Err(KeyError::Open(path.to_owned()));
        }
        let text = SecretString::from(fs::read_to_string(path).map_err(failed)?);
        let keys = SigningKey::all_from_pem(text.expose_secret()).map_err(|cause| KeyError::Unreadable {
            path: path.to_owned(),
            cause,
        })?;
        Ok(Self {
            path: path.to_owned(),
            keys,
        })
    }

    /// The newest key; made, and on disk, when there is none.
    pub(crate) fn newest(&mut self) -> Result<&SigningKey, KeyError> {
        if self.keys.is_empty() {
            let _lock = self.lock()?;
            // Another process may have made one since.
            self.keys = Self::read(&self.path)?.keys;
            if self.keys.is_empty() {
                self.add_under_lock()?;
            }
        }
        Ok(&self.keys[0])
    }

    /// Makes a key that is the newest from now on.
    pub(crate) fn add(&mut self) -> Result<(), KeyError> {
        let _lock = self.lock()?;
        // Not to lose a key that another process made since: its database could never be written again.
        self.keys = Self::read(&self.path)?.keys;
        self.add_under_lock()
    }

    /// Waits for other processes that write the key file.
    fn lock(&self) -> Result<Lock, KeyError> {
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            crate::files::make_private_folder(folder).map_err(|cause| self.failed(cause))?;
        }
        Lock::wait(&files::beside(&self.path, ".lock")).map_err(|cause| self.failed(cause))
    }

    fn failed(&self, cause: io::Error) -> KeyError {
        KeyError::File {
            path: self.path.clone(),
            cause,
        }
    }

    fn add_under_lock(&mut self) -> Result<(), KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice())?;
        let new = SigningKey::from_seed(&seed);
        let blocks = std::iter::once(&new).chain(&self.keys).map(SigningKey::to_pem);
        let text: SecretString = blocks
            .fold(String::new(), |text, block| text + block.expose_secret())
            .into();
        files::replace(&self.path, text.expose_secret().as_bytes()).map_err(|cause| self.failed(cause))?;
        self.keys.insert(0, new);
        Ok(())
    }

    /// The key whose public part the journal names.
    ///
    /// # Errors
    /// When it is not among them.
    pub(crate) fn of(&self, public: &VerifyingKey) -> Result<&SigningKey, KeyError> {
        let found = self.keys.iter().find(|key| key.verifying(public.name()) == *public);
        found.ok_or_else(|| KeyError::Missing {
            path: self.path.clone(),
            key: public.to_string(),
        })
    }

    /// The public parts, the newest first, under a name.
    pub fn public(&self, name: &KeyName) -> Vec<VerifyingKey> {
        self.keys.iter().map(|key| key.verifying(name)).collect()
    }
}
