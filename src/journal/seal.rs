//! What signs: every transaction that adds events ends with a checkpoint over all of them.
//!
//! The checkpoint is a row of the same transaction, so no event is ever on disk without one, and whoever checks the journal can demand
//! each of them. The head file follows the commit: it may lag behind by what one crash leaves. Not here: the note itself (`note`), the
//! tree (`tree`).

use std::path::PathBuf;

use super::event::Event;
use super::head;
use super::head::HeadError;
use super::key::{KeyError, Keys};
use super::note::{Checkpoint, VerifyingKey};
use super::tree::Tree;
use super::{JournalError, SigningKeyRotated};
use crate::lock::Lock;

/// The keys of this machine, and the head that says what was signed last.
pub(crate) struct Sealer {
    pub(crate) keys: Keys,
    /// The key in force, as the journal names it; none before the first run.
    pub(crate) key: Option<VerifyingKey>,
    pub(crate) head: PathBuf,
    /// Whether this machine had a head of the database when it was opened.
    pub(crate) had_head: bool,
    /// Held as long as this process may sign, since two copies of a database have one head.
    pub(crate) _lock: Lock,
}

/// Which keys sign a checkpoint.
pub(crate) enum Signers {
    /// The one in force.
    One(VerifyingKey),
    /// Right after a rotation: the one that was in force, and the new one.
    Both(VerifyingKey, VerifyingKey),
}

impl Signers {
    /// Who signs after an event, given who signed before it.
    pub(crate) fn after(event: &Event, before: Option<Self>) -> Result<Option<Self>, JournalError> {
        let in_force = before.map(Self::into_key);
        match event {
            Event::SigningKeyRecorded(recorded) => Ok(Some(Self::One(public_key(&recorded.key)?))),
            Event::SigningKeyRotated(SigningKeyRotated { key, .. }) => {
                let new = public_key(key)?;
                Ok(Some(match in_force {
                    Some(old) => Self::Both(old, new),
                    None => Self::One(new),
                }))
            }
            _ => Ok(in_force.map(Self::One)),
        }
    }

    /// The key in force from here on.
    pub(crate) fn into_key(self) -> VerifyingKey {
        match self {
            Self::One(key) | Self::Both(_, key) => key,
        }
    }
}

impl Sealer {
    /// The note over a tree.
    pub(crate) fn sign(&self, signers: &Signers, tree: &Tree) -> Result<String, KeyError> {
        let (Signers::One(key) | Signers::Both(_, key)) = signers;
        let checkpoint = Checkpoint {
            origin: key.name().clone(),
            size: tree.size(),
            root: tree.root(),
        };
        let note = match signers {
            Signers::One(key) => checkpoint.sign(&[self.keys.of(key)?]),
            Signers::Both(old, new) => checkpoint.sign(&[self.keys.of(old)?, self.keys.of(new)?]),
        };
        Ok(note.to_string())
    }

    pub(crate) fn write_head(&self, note: &str) -> Result<(), HeadError> {
        head::write(&self.head, note)
    }
}

fn public_key(text: &str) -> Result<VerifyingKey, JournalError> {
    text.parse().map_err(|_| JournalError::NoKey(text.to_owned()))
}
