//! Signed notes: what a checkpoint, a receipt and a proof are written as.
//!
//! The formats are the C2SP's (`c2sp.org`): `signed-note` here, its keys in [`key`], `tlog-checkpoint` in [`checkpoint`], `tlog-proof` in
//! [`proof`]. All pure: text in, text out. Where a key is kept, and what is signed when, is decided elsewhere.
//!
//! What is parsed here may come from anybody: sizes are bounded, and everything has one spelling, so that a text that was parsed and
//! written again is the same text.

mod checkpoint;
mod key;
mod proof;

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::Signature;

pub use self::checkpoint::Checkpoint;
pub use self::key::{KeyName, SigningKey, VerifyingKey};
pub use self::proof::Proof;

/// Bytes of a note that are read; more is no note.
pub const NOTE_MAX: usize = 64 * 1024;
/// Signatures of a note that are read; more is no note.
pub const SIGNATURES_MAX: usize = 16;

/// Begins a signature line: an em dash and a space.
pub(super) const SIGNATURE_MARK: &str = "\u{2014} ";

/// Why a text is no note, no checkpoint, no key or no proof, or does not prove what it should.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoteError {
    /// Too large, or too many signatures.
    #[error("it is larger than a signed note may be")]
    TooLarge,
    /// Not of the form of a signed note.
    #[error("it is not a signed note: {0}")]
    Note(&'static str),
    /// Not of the form of a checkpoint.
    #[error("it is not a checkpoint: {0}")]
    Checkpoint(&'static str),
    /// Not of the form of a proof.
    #[error("it is not a proof: {0}")]
    Proof(&'static str),
    /// Not a public key.
    #[error("it is not a public key: {0}")]
    PublicKey(&'static str),
    /// Not a private key.
    #[error("it is not an Ed25519 private key: {0}")]
    PrivateKey(&'static str),
    /// Not the name of a key.
    #[error("a key's name is not empty and has no space, no plus sign and no control character")]
    Name,
    /// The key did not sign it.
    #[error("it is not signed by the key {0}")]
    NotSigned(String),
    /// The checkpoint is of another log.
    #[error("it is a checkpoint of {found}, not of {expected}")]
    Origin {
        /// What it is of.
        found: String,
        /// What the key is of.
        expected: String,
    },
    /// The record is not below the checkpoint's root.
    #[error("the record is not under the checkpoint")]
    NotIncluded,
}

/// A text and the signatures under it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Note {
    /// What is signed. Ends in a line feed.
    pub text: String,
    /// Who signed it, as it says.
    pub signatures: Vec<SignatureLine>,
}

/// A signature under a note.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignatureLine {
    /// The name of the key.
    pub name: KeyName,
    /// The id of the key.
    pub id: [u8; 4],
    /// The signature, of whatever algorithm the key is.
    pub signature: Vec<u8>,
}

impl Note {
    /// Reads a note, without judging its signatures.
    ///
    /// # Errors
    /// When it is not of that form, or too large.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > NOTE_MAX {
            return Err(NoteError::TooLarge);
        }
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(NoteError::Note("it has control characters"));
        }
        let (text, lines) = note
            .rsplit_once("\n\n")
            .ok_or(NoteError::Note("no empty line comes before the signatures"))?;
        let lines = lines
            .strip_suffix('\n')
            .ok_or(NoteError::Note("its last line is no whole signature"))?;
        let signatures = lines
            .split('\n')
            .take(SIGNATURES_MAX + 1)
            .map(SignatureLine::parse)
            .collect::<Result<Vec<_>, _>>()?;
        if signatures.len() > SIGNATURES_MAX {
            return Err(NoteError::TooLarge);
        }
        Ok(Self {
            text: format!("{text}\n"),
            signatures,
        })
    }

    /// Whether the key signed it. Signatures of other keys say nothing; a wrong one in this key's name spoils the note, beside a good one too.
    pub fn verified_by(&self, key: &VerifyingKey) -> bool {
        let mut own = self
            .signatures
            .iter()
            .filter(|line| line.name == *key.name() && line.id == key.id())
            .peekable();
        own.peek().is_some() && own.all(|line| key.verifies(&self.text, &line.signature))
    }
}

impl fmt::Display for Note {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", self.text)?;
        self.signatures
            .iter()
            .try_for_each(|line| writeln!(formatter, "{line}"))
    }
}

impl FromStr for Note {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        Self::parse(text)
    }
}

impl SignatureLine {
    fn new(key: &VerifyingKey, signature: &Signature) -> Self {
        Self {
            name: key.name().clone(),
            id: key.id(),
            signature: signature.to_bytes().to_vec(),
        }
    }

    fn parse(line: &str) -> Result<Self, NoteError> {
        let malformed = NoteError::Note("a signature is an em dash, a key's name and a signature in base64");
        let (name, signature) = line
            .strip_prefix(SIGNATURE_MARK)
            .and_then(|rest| rest.split_once(' '))
            .ok_or_else(|| malformed.clone())?;
        let name = name.parse()?;
        let bytes = BASE64.decode(signature).map_err(|_| malformed.clone())?;
        match bytes.split_first_chunk::<4>() {
            Some((id, signature)) if !signature.is_empty() => Ok(Self {
                name,
                id: *id,
                signature: signature.to_vec(),
            }),
            _ => Err(malformed),
        }
    }
}

impl fmt::Display for SignatureLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.id.as_slice(), &self.signature].concat();
        write!(formatter, "{SIGNATURE_MARK}{} {}", self.name, BASE64.encode(bytes))
    }
}

/// A whole number as these formats write it: digits, and no zero before others.
fn decimal(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let spelled = text == "0" || !text.starts_with('0');
    (digits && spelled).then(|| text.parse().ok()).flatten()
}

/// 32 bytes in base64.
fn hash(text: &str) -> Option<[u8; 32]> {
    BASE64.decode(text).ok()?.try_into().ok()
}
