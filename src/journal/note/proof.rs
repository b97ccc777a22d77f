//! A proof that a record is under a checkpoint (`tlog-proof`): all that is needed besides the record and the public key.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{Checkpoint, Note, NoteError, VerifyingKey, decimal, hash};
use crate::journal::tree::{self, Hash};

const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// No tree is higher, since sizes have 64 bits.
const HASHES_MAX: usize = 64;

/// Where a record stands, the hashes that lead from it to the root, and the checkpoint that signs the root.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proof {
    /// What the format leaves to its users. Proves nothing; none in the proofs made here.
    pub extra: Option<Vec<u8>>,
    /// The record's number.
    pub index: u64,
    /// The hashes beside its way to the root, from below.
    pub hashes: Vec<Hash>,
    /// The checkpoint, as it was signed.
    pub checkpoint: Note,
}

impl Proof {
    /// Reads a proof, without judging it.
    ///
    /// # Errors
    /// When it is not of that form.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let (head, checkpoint) = text
            .split_once("\n\n")
            .ok_or(NoteError::Proof("no empty line comes before its checkpoint"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(NoteError::Proof("its first line is not c2sp.org/tlog-proof@v1"));
        }
        let extra = lines
            .next_if(|line| line.starts_with("extra "))
            .map(|line| BASE64.decode(&line["extra ".len()..]))
            .transpose()
            .map_err(|_| NoteError::Proof("its extra line is not base64"))?;
        let index = lines
            .next()
            .and_then(|line| decimal(line.strip_prefix("index ")?))
            .ok_or(NoteError::Proof("it does not say which record it is about"))?;
        let hashes = lines
            .take(HASHES_MAX + 1)
            .map(hash)
            .collect::<Option<Vec<_>>>()
            .filter(|hashes| hashes.len() <= HASHES_MAX)
            .ok_or(NoteError::Proof("its hashes are not 32 bytes in base64, a line each"))?;
        Ok(Self {
            extra,
            index,
            hashes,
            checkpoint: Note::parse(checkpoint)?,
        })
    }

    /// Checks that the key signed the checkpoint and that the leaf is under it.
    ///
    /// # Errors
    /// When it is not; says which of the two.
    pub fn check(&self, leaf: &Hash, key: &VerifyingKey) -> Result<Checkpoint, NoteError> {
        let checkpoint = Checkpoint::verified(&self.checkpoint, key)?;
        if tree::check_inclusion(self.index, checkpoint.size, leaf, &self.hashes, &checkpoint.root) {
            Ok(checkpoint)
        } else {
            Err(NoteError::NotIncluded)
        }
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(formatter, "extra {}", BASE64.encode(extra))?;
        }
        writeln!(formatter, "index {}", self.index)?;
        self.hashes
            .iter()
            .try_for_each(|hash| writeln!(formatter, "{}", BASE64.encode(hash)))?;
        write!(formatter, "\n{}", self.checkpoint)
    }
}
