//! What signs: every transaction that adds events ends with a checkpoint over all of them.
//!
//! The checkpoint is a row of the same transaction, so no event is ever on disk without one, and whoever checks the journal can demand
//! each of them. The head file follows the commit: it may lag behind by what one crash leaves. Not here: the note itself (`note`), the
//! tree (`tree`).

use std::path::PathBuf;

use super::JournalError;
use super::event::Event;
use super::head;
use super::head::HeadError;
use super::key::{KeyError, Keys};
use super::note::{Checkpoint, VerifyingKey};
use super::tree::Tree;
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
pub(crate) struct Signers {
    /// The one in force.
    pub(crate) key: VerifyingKey,
    /// Right after a rotation: the one that it replaced, which signs too.
    pub(crate) replaced: Option<VerifyingKey>,
}

impl Signers {
    pub(crate) fn one(key: VerifyingKey) -> Self {
        Self { key, replaced: None }
    }

    /// Who signs after an event, given who signed before it.
    pub(crate) fn after(event: &Event, before: Option<Self>) -> Result<Option<Self>, JournalError> {
        let in_force = before.map(|signers| signers.key);
        Ok(match event {
            Event::SigningKeyRecorded(recorded) => Some(Self::one(public_key(&recorded.key)?)),
            Event::SigningKeyRotated(rotated) => Some(Self {
                key: public_key(&rotated.key)?,
                replaced: in_force,
            }),
            _ => in_force.map(Self::one),
        })
    }
}

impl Sealer {
    /// The note over a tree.
    pub(crate) fn sign(&self, signers: &Signers, tree: &Tree) -> Result<String, KeyError> {
        let checkpoint = Checkpoint {
            origin: signers.key.name().clone(),
            size: tree.size(),
            root: tree.root(),
        };
        let keys = signers.replaced.iter().chain([&signers.key]);
        let keys = keys.map(|key| self.keys.of(key)).collect::<Result<Vec<_>, _>>()?;
        let note = checkpoint.sign(&keys);
        Ok(note.to_string())
    }

    pub(crate) fn write_head(&self, note: &str) -> Result<(), HeadError> {
        head::write(&self.head, note)
    }
}

fn public_key(text: &str) -> Result<VerifyingKey, JournalError> {
    text.parse().map_err(|_| JournalError::NoKey(text.to_owned()))
}
