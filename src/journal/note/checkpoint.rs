//! A checkpoint: the root of a log at a size, to be signed (`tlog-checkpoint`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{KeyName, Note, NoteError, SigningKey, VerifyingKey, decimal, hash};
use crate::journal::tree::Hash;

/// The root of a log at a size.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Checkpoint {
    /// Whose log it is; also the name of the key that signs it.
    pub origin: KeyName,
    /// How many records it covers.
    pub size: u64,
    /// The root over their leaves.
    pub root: Hash,
}

impl Checkpoint {
    /// What is signed: origin, size and root, a line each.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(self.root))
    }

    /// Reads what [`Checkpoint::text`] wrote, and nothing else: extension lines, which the format permits, are never signed here.
    ///
    /// # Errors
    /// When it is not of that form.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root), Some(""), None) =
            (lines.next(), lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(NoteError::Checkpoint("it is origin, size and root, a line each"));
        };
        Ok(Self {
            origin: origin.parse()?,
            size: decimal(size).ok_or(NoteError::Checkpoint("its size is no whole number"))?,
            root: hash(root).ok_or(NoteError::Checkpoint("its root is not 32 bytes in base64"))?,
        })
    }

    /// Reads the checkpoint in a note, once the key has signed it and it is of the key's own log.
    ///
    /// # Errors
    /// When the key did not sign it, or it is no checkpoint, or one of another log.
    pub fn verified(note: &Note, key: &VerifyingKey) -> Result<Self, NoteError> {
        if !note.verified_by(key) {
            return Err(NoteError::NotSigned(key.to_string()));
        }
        let checkpoint = Self::parse(&note.text)?;
        if checkpoint.origin != *key.name() {
            return Err(NoteError::Origin {
                found: checkpoint.origin.to_string(),
                expected: key.name().to_string(),
            });
        }
        Ok(checkpoint)
    }

    /// Signs it with each of the keys, under the origin's name.
    pub fn sign(&self, keys: &[&SigningKey]) -> Note {
        let text = self.text();
        let signatures = keys.iter().map(|key| key.sign(&self.origin, &text)).collect();
        Note { text, signatures }
    }
}
