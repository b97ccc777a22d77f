//! What an auditor has besides the file: the head of a machine, receipts, a key that was given beforehand.
//!
//! Only with these is it told when the end of a journal was cut off, or when it was written anew as a whole.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::checkpoints::Signed;
use super::finding::{Code, Findings, Place};
use super::meaning::Story;
use crate::journal::JournalError;
use crate::journal::head::{self, HeadError};
use crate::journal::key::Keys;
use crate::journal::note::{Checkpoint, Note, VerifyingKey};
use crate::journal::receipt::{BYTES_MAX, Receipt};

/// What to check a journal against.
#[derive(Debug, Default)]
pub struct Against {
    /// Whether it is a copy that the personal values were left out of.
    pub are_values_withheld: bool,
    /// Whether another process is writing the file.
    pub is_live: bool,
    /// The folder of this machine's heads, where the head of the journal's database is looked for.
    pub heads: Option<PathBuf>,
    /// A head file, by name.
    pub head: Option<PathBuf>,
    /// Receipts.
    pub receipts: Vec<PathBuf>,
    /// The public key that has to be the journal's.
    pub key: Option<VerifyingKey>,
    /// The keys of this machine.
    pub keys: Option<Keys>,
}

/// What something outside the file is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Witness {
    /// A head file.
    Head,
    /// A receipt.
    Receipt,
}

/// Something outside the file that agrees with it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Agreement {
    /// What it is.
    pub witness: Witness,
    /// Where it is.
    pub file: PathBuf,
    /// Up to how many events it vouches for the journal.
    pub size: u64,
    /// How many events were recorded after that.
    pub behind: u64,
}

/// A head or a receipt, read before the journal is.
pub(crate) struct Outside {
    witness: Witness,
    file: PathBuf,
    /// Why not, where it is not what it should be.
    read: Result<(Note, Checkpoint), String>,
    receipt: Option<Receipt>,
}

/// Reads what is to be compared. `database` is the journal's id as far as it can be read.
pub(crate) fn read(against: &Against, database: Option<&str>) -> Result<Vec<Outside>, JournalError> {
    let mut all = Vec::new();
    if let Some(file) = &against.head {
        let missing = || HeadError::File {
            path: file.clone(),
            cause: std::io::ErrorKind::NotFound.into(),
        };
        all.push(read_head(file)?.ok_or_else(missing)?);
    } else if let (Some(heads), Some(database)) = (&against.heads, database.filter(|id| head::is_id(id))) {
        all.extend(read_head(&head::path(heads, database))?);
    }
    for file in &against.receipts {
        all.push(read_receipt(file)?);
    }
    Ok(all)
}

fn read_head(file: &Path) -> Result<Option<Outside>, JournalError> {
    let read = match head::read(file) {
        Ok(None) => return Ok(None),
        Ok(Some(read)) => Ok(read),
        Err(HeadError::Unreadable(_)) => Err("it is no checkpoint as this program keeps it".to_owned()),
        Err(cause) => return Err(cause.into()),
    };
    Ok(Some(Outside {
        witness: Witness::Head,
        file: file.to_owned(),
        read,
        receipt: None,
    }))
}

fn read_receipt(file: &Path) -> Result<Outside, JournalError> {
    let failed = |cause| JournalError::File {
        path: file.to_owned(),
        cause,
    };
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|opened| opened.take(BYTES_MAX as u64 + 1).read_to_end(&mut bytes))
        .map_err(failed)?;
    // What stands around it may be in another encoding.
    let receipt = Receipt::parse(&String::from_utf8_lossy(&bytes));
    let read = receipt.as_ref().map_err(ToString::to_string).and_then(|receipt| {
        let checkpoint = Checkpoint::parse(&receipt.note.text).map_err(|cause| cause.to_string())?;
        Ok((receipt.note.clone(), checkpoint))
    });
    let receipt = receipt.ok();
    Ok(Outside {
        witness: Witness::Receipt,
        file: file.to_owned(),
        read,
        receipt,
    })
}

/// The sizes at which the journal's root is wanted.
pub(crate) fn sizes(all: &[Outside]) -> BTreeSet<u64> {
    let checkpoints = all.iter().filter_map(|outside| outside.read.as_ref().ok());
    checkpoints.map(|(_, checkpoint)| checkpoint.size).collect()
}

/// The codes of one kind of witness.
struct Codes {
    format: Code,
    origin: Code,
    signature: Code,
    beyond: Code,
    root: Code,
}

impl Witness {
    const fn codes(self) -> Codes {
        match self {
            Self::Head => Codes {
                format: Code::HeadFormat,
                origin: Code::HeadOrigin,
                signature: Code::HeadSignature,
                beyond: Code::HeadBeyond,
                root: Code::HeadRoot,
            },
            Self::Receipt => Codes {
                format: Code::ReceiptFormat,
                origin: Code::ReceiptOrigin,
                signature: Code::ReceiptSignature,
                beyond: Code::ReceiptBeyond,
                root: Code::ReceiptRoot,
            },
        }
    }
}

/// Compares each with the journal; gives those that agree.
pub(crate) fn compare(all: &[Outside], signed: &Signed, story: &Story, findings: &mut Findings) -> Vec<Agreement> {
    let agreeing = all.iter().filter_map(|outside| {
        let before = findings.count();
        let size = compare_one(outside, signed, story, findings);
        (findings.count() == before).then_some(Agreement {
            witness: outside.witness,
            file: outside.file.clone(),
            size,
            behind: signed.tree.size().saturating_sub(size),
        })
    });
    agreeing.collect()
}

fn compare_one(outside: &Outside, signed: &Signed, story: &Story, findings: &mut Findings) -> u64 {
    let codes = outside.witness.codes();
    let mut find = |code: Code, message: String| findings.add(code, Place::Outside(outside.file.clone()), message);
    let (note, checkpoint) = match &outside.read {
        Ok(read) => read,
        Err(why) => {
            find(codes.format, why.clone());
            return 0;
        }
    };
    let (size, events) = (checkpoint.size, signed.tree.size());
    let origin = signed.keys.first().map(|(_, key)| key.name());
    if let Some(origin) = origin.filter(|origin| **origin != checkpoint.origin) {
        find(
            codes.origin,
            format!("it is of {}, and the journal of {origin}", checkpoint.origin),
        );
        return size;
    }
    let is_signed = signed.key_at(size).is_some_and(|key| note.verified_by(key));
    if !is_signed {
        let message = "it is not signed with the key that the journal had at that size";
        find(codes.signature, message.to_owned());
    }
    if size > events {
        let message = format!("it covers {size} events, and the journal has {events}: its end is missing");
        find(codes.beyond, message);
    } else if signed.roots.get(&size) != Some(&checkpoint.root) {
        find(
            codes.root,
            format!("the first {size} events are not those that it covers"),
        );
    }
    if let Some(receipt) = &outside.receipt {
        for wrong in story.contradictions(receipt) {
            find(Code::ReceiptStatement, wrong);
        }
    }
    size
}

/// Whether the journal's key is one that is known from elsewhere. None where none was given and none of this machine fits.
pub(crate) fn check_key(against: &Against, signed: &Signed, findings: &mut Findings) -> bool {
    let is_known = |key: &VerifyingKey| signed.keys.iter().any(|(_, known)| known == key);
    match (&against.key, signed.keys.first()) {
        (Some(key), _) => {
            let known = is_known(key);
            if !known {
                findings.add(
                    Code::KeyUnknown,
                    Place::File,
                    format!("the journal was never signed with {key}"),
                );
            }
            known
        }
        (None, Some((_, first))) => against
            .keys
            .as_ref()
            .is_some_and(|keys| keys.public(first.name()).iter().any(is_known)),
        (None, None) => false,
    }
}
