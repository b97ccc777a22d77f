//! What `audit prove` hands over: the records about one workflow, each with the proof that it is under a signed checkpoint, and no other
//! records. Pure: reading, writing and checking it needs no journal and no file.
//!
//! It is one JSON object. A record's `body` is the event as it was hashed; its `proof` is a `tlog-proof`, whole, so that any tool for these
//! can check a record alone; its `values` are the personal values that are shown, each with the salt that its commitment needs. All
//! proofs end in the same checkpoint. What a bundle cannot show is that nothing was left out of it.
//!
//! Where a key took the place of another, `rotations` has the checkpoint right after that event, which both signed, with the proof that
//! the newest one is of the same history: so whoever knows the old key learns from it that the new one is its successor. Without a rotation
//! there is no such field.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use super::event::{Envelope, Event};
use super::note::{Checkpoint, Note, Proof, VerifyingKey};
use super::personal::Commitment;
use super::{chain, tree};
use crate::domain::WorkflowId;
use crate::hex::unhex;

/// Bytes of a bundle that are read.
pub const BYTES_MAX: usize = 64 << 20;

/// What `format` says.
pub const FORMAT: &str = "offboard24 proof, version 1";

/// The records about one workflow, and proof of them.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// [`FORMAT`].
    pub format: String,
    /// What it is about.
    pub workflow: WorkflowId,
    /// The public key that signed the checkpoint, as the journal names it. Worth as much as the way on which it was learned.
    pub key: String,
    /// The checkpoint, a signed note.
    pub checkpoint: String,
    /// That the history of a receipt is the beginning of this one.
    pub receipt: Option<Extension>,
    /// Right after each rotation of the key, the checkpoint that both keys signed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rotations: Vec<Extension>,
    /// The records, in order.
    pub records: Vec<Record>,
}

/// Proof that an earlier checkpoint is of the same history.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    /// The earlier checkpoint, a signed note.
    pub checkpoint: String,
    /// The consistency proof: hashes in base64.
    pub hashes: Vec<String>,
}

/// A record, and proof of it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Its number.
    pub seq: u64,
    /// The event as it was hashed.
    pub body: String,
    /// That it is under the checkpoint: a `tlog-proof`.
    pub proof: String,
    /// The personal values that are shown, by their commitments in the body.
    pub values: BTreeMap<String, Revealed>,
}

/// A personal value.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revealed {
    /// 64 hexadecimal digits.
    pub salt: String,
    /// The value.
    pub value: String,
}

/// What can be wrong with a bundle.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub enum FlawKind {
    /// It is not of this form.
    Format,
    /// The key is none, or not the one that was given, or not the one that the records name.
    Key,
    /// The checkpoint is none, or not signed by the key.
    Checkpoint,
    /// A record is not under the checkpoint, or cannot be read.
    Record,
    /// A value does not belong to its record.
    Value,
    /// The history of a receipt or a head is not the beginning of this one.
    Receipt,
}

impl FlawKind {
    /// A stable word for scripts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Format => "proof-format",
            Self::Key => "proof-key",
            Self::Checkpoint => "proof-checkpoint",
            Self::Record => "proof-record",
            Self::Value => "proof-value",
            Self::Receipt => "proof-receipt",
        }
    }
}

/// Something that is wrong with a bundle.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Flaw {
    /// What.
    pub kind: FlawKind,
    /// In which record.
    pub seq: Option<u64>,
    /// What it means, in words.
    pub message: String,
}

/// What a checkpoint that somebody kept says about a bundle.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kept {
    /// So many events of the bundle's history are those that it covers.
    Agrees(u64),
    /// It covers other events; there is a flaw that says so.
    Differs,
    /// It covers so many events, and the bundle says nothing about the history at that size.
    NotCompared(u64),
}

/// What a bundle was found to be.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// What is wrong; empty when it proves what it says.
    pub flaws: Vec<Flaw>,
    /// The checkpoint, once the key has signed it.
    pub checkpoint: Option<Checkpoint>,
    /// Whether the key is the one that was given. Otherwise it is the one that the bundle itself names.
    pub key_known: bool,
    /// Whether it is a successor of the one that was given, which vouches for it.
    pub key_is_successor: bool,
    /// What each of the checkpoints that were given says.
    pub kept: Vec<Kept>,
    /// The size of the receipt's checkpoint, where its history was shown to be the beginning of this one.
    pub receipt: Option<u64>,
    /// The records that are under the checkpoint, read.
    pub records: Vec<(u64, Envelope)>,
}

impl Verdict {
    fn flaw(&mut self, kind: FlawKind, seq: Option<u64>, message: impl Into<String>) {
        let message = message.into();
        self.flaws.push(Flaw { kind, seq, message });
    }
}

impl Bundle {
    /// Reads a bundle, without judging it.
    ///
    /// # Errors
    /// When it is not of this form, with the reason.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > BYTES_MAX {
            return Err("it is larger than a proof may be".to_owned());
        }
        serde_json::from_str(text).map_err(|cause| cause.to_string())
    }

    /// Whether a text looks like one: to tell it from other files before it is read.
    pub fn is_one(text: &str) -> bool {
        let start = text.trim_start().strip_prefix('{').map(str::trim_start);
        start.is_some_and(|fields| fields.starts_with("\"format\""))
    }

    /// Checks everything, also after the first flaw. With `key`: that this is the key, or one that took its place. With `kept`: what the
    /// checkpoints that somebody kept, of receipts and heads, say about this history.
    pub fn check(&self, key: Option<&VerifyingKey>, kept: &[Note]) -> Verdict {
        let mut verdict = Verdict::default();
        if self.format != FORMAT {
            verdict.flaw(FlawKind::Format, None, format!("its format is another than {FORMAT:?}"));
        }
        let own = match self.key.parse::<VerifyingKey>() {
            Ok(own) => own,
            Err(cause) => {
                let message = format!("the key that it names cannot be read: {cause}");
                verdict.flaw(FlawKind::Key, None, message);
                return verdict;
            }
        };
        self.check_checkpoint(&own, &mut verdict);
        // Without a checkpoint that holds, nothing below it can.
        if let Some(checkpoint) = verdict.checkpoint.clone() {
            for (place, record) in self.records.iter().enumerate() {
                let before = place.checked_sub(1).map(|before| self.records[before].seq);
                self.check_record(record, before, &checkpoint, &mut verdict);
            }
            self.check_subject(&own, &mut verdict);
            self.check_receipt(&checkpoint, &mut verdict);
            let successions = self.check_rotations(&checkpoint, &mut verdict);
            self.check_key(&own, key, &successions, &mut verdict);
            verdict.kept = kept
                .iter()
                .map(|kept| self.compare(kept, &checkpoint, &mut verdict))
                .collect();
        } else {
            self.check_key(&own, key, &[], &mut verdict);
        }
        verdict
    }

    /// Whether the key is the one that was given, or one that it vouches for.
    fn check_key(
        &self,
        own: &VerifyingKey,
        given: Option<&VerifyingKey>,
        successions: &[Succession],
        to: &mut Verdict,
    ) {
        let Some(given) = given else { return };
        to.key_is_successor = own != given && successor_of(given, successions) == own;
        to.key_known = own == given || to.key_is_successor;
        if !to.key_known {
            let is_replaced = to.records.iter().any(|(_, envelope)| {
                matches!(&envelope.event, Event::SigningKeyRotated(event) if event.replaces == given.to_string())
            });
            let message = if is_replaced && self.rotations.is_empty() {
                "the key that was given was replaced, and the checkpoint with both signatures is not in the file: have it made once more"
            } else {
                "it is signed with another key than the one that was given"
            };
            to.flaw(FlawKind::Key, None, message);
        }
    }

    /// Which key took the place of which, as far as both signed it.
    fn check_rotations(&self, newest: &Checkpoint, verdict: &mut Verdict) -> Vec<Succession> {
        let mut successions = Vec::new();
        for rotation in &self.rotations {
            match rotation.succession(newest, &verdict.records) {
                Ok(succession) => successions.push(succession),
                Err(why) => verdict.flaw(
                    FlawKind::Key,
                    None,
                    format!("a checkpoint with both keys' signatures: {why}"),
                ),
            }
        }
        successions
    }

    fn check_checkpoint(&self, key: &VerifyingKey, verdict: &mut Verdict) {
        let checked = Note::parse(&self.checkpoint).and_then(|note| Checkpoint::verified(&note, key));
        match checked {
            Ok(checkpoint) => verdict.checkpoint = Some(checkpoint),
            Err(cause) => verdict.flaw(
                FlawKind::Checkpoint,
                None,
                format!("its checkpoint does not hold: {cause}"),
            ),
        }
    }

    fn check_record(&self, record: &Record, before: Option<u64>, checkpoint: &Checkpoint, verdict: &mut Verdict) {
        let seq = Some(record.seq);
        if before.is_some_and(|before| before >= record.seq) {
            verdict.flaw(FlawKind::Record, seq, "the records are not in order");
        }
        match Proof::parse(&record.proof) {
            Err(cause) => return verdict.flaw(FlawKind::Record, seq, format!("its proof cannot be read: {cause}")),
            Ok(proof) if proof.checkpoint.to_string() != self.checkpoint => {
                return verdict.flaw(FlawKind::Record, seq, "its proof is of another checkpoint");
            }
            Ok(proof) => {
                let leaf = chain::leaf(record.body.as_bytes());
                let is_included = proof.index == record.seq
                    && proof.extra.is_none()
                    && tree::check_inclusion(record.seq, checkpoint.size, &leaf, &proof.hashes, &checkpoint.root);
                if !is_included {
                    return verdict.flaw(
                        FlawKind::Record,
                        seq,
                        "it is not under the checkpoint: record or proof was changed",
                    );
                }
            }
        }
        let envelope = match Envelope::read(&record.body) {
            Ok(envelope) => envelope,
            Err(cause) => return verdict.flaw(FlawKind::Record, seq, format!("this program cannot read it: {cause}")),
        };
        for (commitment, revealed) in &record.values {
            let values = envelope.event.personal_values();
            let is_of_record = values.iter().any(|(value, _)| value.commitment() == Some(commitment));
            let salt = unhex(revealed.salt.as_bytes());
            let is_value = salt.is_some_and(|salt| Commitment::of(&salt, &revealed.value).as_str() == commitment);
            if !is_of_record || !is_value {
                verdict.flaw(
                    FlawKind::Value,
                    seq,
                    "a value that it shows is not the one that was recorded",
                );
            }
        }
        verdict.records.push((record.seq, envelope));
    }

    /// The records have to be about the workflow, and to name the key.
    fn check_subject(&self, key: &VerifyingKey, verdict: &mut Verdict) {
        let names = |(_, envelope): &(u64, Envelope)| envelope.event.workflow() == Some(&self.workflow);
        if !verdict.records.iter().any(names) {
            verdict.flaw(FlawKind::Record, None, "none of its records is about the workflow");
        }
        if key_in_force(&verdict.records, u64::MAX).as_deref() != Some(self.key.as_str()) {
            verdict.flaw(FlawKind::Key, None, format!("no record says that {} signs", key.name()));
        }
    }

    fn check_receipt(&self, checkpoint: &Checkpoint, verdict: &mut Verdict) {
        if let Some(extension) = &self.receipt {
            match extension.check(checkpoint, &verdict.records) {
                Ok(size) => verdict.receipt = Some(size),
                Err(why) => verdict.flaw(FlawKind::Receipt, None, format!("the receipt's checkpoint: {why}")),
            }
        }
    }

    /// What a checkpoint that somebody kept says: about the newest, about that of the receipt which this was made with, or nothing.
    fn compare(&self, kept: &Note, newest: &Checkpoint, verdict: &mut Verdict) -> Kept {
        let Ok(known) = Checkpoint::parse(&kept.text) else {
            verdict.flaw(
                FlawKind::Receipt,
                None,
                "what was given has no checkpoint that can be read",
            );
            return Kept::Differs;
        };
        if known.origin != newest.origin {
            let message = format!(
                "what was given is of {}, and the proof of {}",
                known.origin, newest.origin
            );
            verdict.flaw(FlawKind::Receipt, None, message);
            return Kept::Differs;
        }
        let earlier = self.receipt.as_ref().filter(|_| verdict.receipt.is_some());
        let earlier =
            earlier.and_then(|extension| Checkpoint::parse(&Note::parse(&extension.checkpoint).ok()?.text).ok());
        let Some(own) = [Some(newest), earlier.as_ref()]
            .into_iter()
            .flatten()
            .find(|own| own.size == known.size)
        else {
            return Kept::NotCompared(known.size);
        };
        if own.root == known.root {
            return Kept::Agrees(known.size);
        }
        let message = format!(
            "its first {} events are not those that what was given covers",
            known.size
        );
        verdict.flaw(FlawKind::Receipt, None, message);
        Kept::Differs
    }
}

/// A key, and the one that took its place.
struct Succession {
    old: VerifyingKey,
    new: VerifyingKey,
}

/// The last of those that follow on a key.
fn successor_of<'a>(key: &'a VerifyingKey, successions: &'a [Succession]) -> &'a VerifyingKey {
    // In the order of the record; each is passed once.
    successions.iter().fold(
        key,
        |last, succession| if succession.old == *last { &succession.new } else { last },
    )
}

impl Extension {
    /// The size of the earlier checkpoint, once it is shown to be of the same history.
    fn check(&self, newest: &Checkpoint, records: &[(u64, Envelope)]) -> Result<u64, String> {
        let unsigned = || "it is not signed with the key that was in force".to_owned();
        let note = Note::parse(&self.checkpoint).map_err(|cause| cause.to_string())?;
        let earlier = Checkpoint::parse(&note.text).map_err(|cause| cause.to_string())?;
        let key = key_in_force(records, earlier.size).ok_or_else(unsigned)?;
        let key: VerifyingKey = key.parse().map_err(|_| unsigned())?;
        Checkpoint::verified(&note, &key).map_err(|_| unsigned())?;
        let hash = |text: &String| <tree::Hash>::try_from(BASE64.decode(text).ok()?).ok();
        let hashes: Option<Vec<tree::Hash>> = self.hashes.iter().map(hash).collect();
        let is_beginning = earlier.origin == newest.origin
            && hashes.is_some_and(|hashes| {
                tree::check_consistency(earlier.size, newest.size, &earlier.root, &newest.root, &hashes)
            });
        if is_beginning {
            Ok(earlier.size)
        } else {
            Err("its history is not shown to be the beginning of this one".to_owned())
        }
    }

    /// Which key took the place of which right before this checkpoint. Both have to have signed it: the new one, which is in force there,
    /// and the old one, which by that vouches for the event that names the new one.
    fn succession(&self, newest: &Checkpoint, records: &[(u64, Envelope)]) -> Result<Succession, String> {
        let size = self.check(newest, records)?;
        let last = records.iter().find(|(seq, _)| seq + 1 == size);
        let Some(Event::SigningKeyRotated(rotated)) = last.map(|(_, envelope)| &envelope.event) else {
            return Err("the event before it replaces no key".to_owned());
        };
        let key = |text: &str| text.parse::<VerifyingKey>().map_err(|cause| cause.to_string());
        let (old, new) = (key(&rotated.replaces)?, key(&rotated.key)?);
        let is_signed = Note::parse(&self.checkpoint).is_ok_and(|note| note.verified_by(&old));
        if !is_signed {
            return Err("the key that was replaced did not sign it".to_owned());
        }
        Ok(Succession { old, new })
    }
}

/// The key that signs a checkpoint of this size, as the records name it.
fn key_in_force(records: &[(u64, Envelope)], size: u64) -> Option<String> {
    let keys = records.iter().filter(|(seq, _)| *seq < size);
    keys.rev().find_map(|(_, envelope)| match &envelope.event {
        Event::SigningKeyRecorded(event) => Some(event.key.clone()),
        Event::SigningKeyRotated(event) => Some(event.key.clone()),
        _ => None,
    })
}

impl fmt::Display for Bundle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string_pretty(self).map_err(|_| fmt::Error)?;
        formatter.write_str(&text)
    }
}
