//! The checkpoints in the file: what they say against what the events add up to, who signed them, and whether one is missing.
//!
//! Every transaction of a signed journal ends with a checkpoint, and the events of one transaction have the same times. So between two
//! events of different times there is one, and behind the last event too.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Rows;
use rusqlite::types::ValueRef;

use super::finding::{Code, Findings, Place};
use crate::domain::RunId;
use crate::journal::chain::{Leaf, Link};
use crate::journal::event::{Body, Event};
use crate::journal::note::{Checkpoint, Note, VerifyingKey};
use crate::journal::tree::{Hash, Tree};

/// Who has to sign a checkpoint: nobody before there is a key; the key in force; right after a rotation the one that was in force and the
/// new one, which is the last.
type Signers = Vec<VerifyingKey>;

/// What the events of one transaction have in common.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Mark {
    at: String,
    monotonic_ms: u64,
    run: Option<RunId>,
    requests: u64,
}

impl Mark {
    fn of(body: &Body<'_>) -> Self {
        Self {
            at: body.at.to_owned(),
            monotonic_ms: body.monotonic_ms,
            run: body.run,
            requests: body.requests,
        }
    }

    fn is_of(&self, body: &Body<'_>) -> bool {
        self.at == body.at
            && self.monotonic_ms == body.monotonic_ms
            && self.run == body.run
            && self.requests == body.requests
    }
}

/// A row of the `checkpoint` table.
struct Stored {
    size: i64,
    note: Option<String>,
}

/// What the pass over the checkpoints brought.
#[derive(Default)]
pub(crate) struct Signed {
    /// The tree of all events.
    pub(crate) tree: Tree,
    /// The keys, each with the number of the event that names it.
    pub(crate) keys: Vec<(u64, VerifyingKey)>,
    /// The size of the last checkpoint.
    pub(crate) last: Option<u64>,
    /// How many there are.
    pub(crate) count: u64,
    /// The roots at the sizes that were asked for.
    pub(crate) roots: BTreeMap<u64, Hash>,
}

impl Signed {
    /// The key in force at a size.
    pub(crate) fn key_at(&self, size: u64) -> Option<&VerifyingKey> {
        let before = self.keys.iter().take_while(|(seq, _)| *seq < size);
        before.last().map(|(_, key)| key)
    }
}

/// The pass over the checkpoints, beside the events.
pub(crate) struct Checkpoints<'c> {
    /// All rows in order of their sizes; none in a database that an older program wrote.
    rows: Option<Rows<'c>>,
    next: Option<Stored>,
    signers: Signers,
    /// The event before; none where it could not be read.
    mark: Option<Mark>,
    asked: &'c BTreeSet<u64>,
    /// Takes signatures, to be verified beside the pass: curve arithmetic is a fifth of its time.
    hand_on: &'c mut dyn FnMut(Unverified),
    signed: Signed,
}

/// A checkpoint whose signatures are left to be verified.
pub(crate) struct Unverified {
    size: u64,
    note: Note,
    keys: Signers,
}

impl Unverified {
    /// Verifies them.
    pub(crate) fn check(&self, findings: &mut Findings) {
        for _ in self.keys.iter().filter(|key| !self.note.verified_by(key)) {
            let message = "its signature is not that of its key";
            findings.add(Code::CheckpointSignature, Place::Checkpoint(self.size), message);
        }
    }
}

impl<'c> Checkpoints<'c> {
    /// `asked` are sizes whose roots are wanted; `hand_on` takes the signatures.
    pub(crate) fn new(
        rows: Option<Rows<'c>>,
        asked: &'c BTreeSet<u64>,
        hand_on: &'c mut dyn FnMut(Unverified),
    ) -> rusqlite::Result<Self> {
        let mut checkpoints = Self {
            rows,
            next: None,
            signers: Signers::new(),
            mark: None,
            asked,
            hand_on,
            signed: Signed::default(),
        };
        checkpoints.advance()?;
        Ok(checkpoints)
    }

    /// Takes the next event; `event` is none where it could not be read.
    pub(crate) fn take(
        &mut self,
        link: &Link<'_>,
        event: Option<&Event>,
        findings: &mut Findings,
    ) -> rusqlite::Result<()> {
        let same = match (&self.mark, &link.body) {
            (Some(mark), Some(body)) => mark.is_of(body),
            // What cannot be read is damage of its own.
            _ => true,
        };
        if !same {
            self.check_sealed(findings);
        }
        self.check_handed_over(findings);
        self.remember(link, same);
        self.push(link.leaf);
        // What comes after the event of a rotation is signed by the new key alone.
        if self.signers.len() > 1 {
            self.signers.drain(..self.signers.len() - 1);
        }
        if let Some(event) = event {
            self.take_key(link.seq, event, findings);
        }
        self.check_here(findings)
    }

    fn remember(&mut self, link: &Link<'_>, same: bool) {
        match &link.body {
            None => self.mark = None,
            Some(_) if same && self.mark.is_some() => {}
            Some(body) => self.mark = Some(Mark::of(body)),
        }
    }

    fn push(&mut self, leaf: Leaf) {
        self.signed.tree.push(leaf);
        let size = self.signed.tree.size();
        if self.asked.contains(&size) {
            self.signed.roots.insert(size, self.signed.tree.root());
        }
    }

    /// A new key counts only with the old one's signature right after the event that names it.
    fn check_handed_over(&self, findings: &mut Findings) {
        let size = self.signed.tree.size();
        if self.signers.len() > 1 && self.signed.last != Some(size) {
            let message = "no checkpoint right after it has the signature of the key that it replaces";
            findings.add(Code::KeyReplaced, Place::Checkpoint(size), message);
        }
    }

    /// A transaction ended here.
    fn check_sealed(&self, findings: &mut Findings) {
        let size = self.signed.tree.size();
        if self.signers.last().is_some() && self.signed.last != Some(size) {
            let message = format!("no checkpoint covers the first {size} events, where a transaction ended");
            findings.add(Code::CheckpointMissing, Place::Checkpoint(size), message);
        }
    }

    fn take_key(&mut self, seq: i64, event: &Event, findings: &mut Findings) {
        let at = Place::Event(seq);
        match event {
            Event::SigningKeyRecorded(recorded) => {
                if self.signers.last().is_some() {
                    findings.add(
                        Code::KeyReplaced,
                        at.clone(),
                        "a key was on record before, and this one does not say that it replaces it",
                    );
                }
                match recorded.key.parse::<VerifyingKey>() {
                    Ok(key) => {
                        if key.name().as_str() != recorded.origin {
                            findings.add(Code::CheckpointOrigin, at, "the key has another name than the origin");
                        }
                        self.set_key(seq, vec![key]);
                    }
                    Err(cause) => findings.add(Code::KeyReplaced, at, cause.to_string()),
                }
            }
            Event::SigningKeyRotated(rotated) => {
                let before = self.signers.last().cloned();
                let named = rotated.replaces.parse::<VerifyingKey>().ok();
                if before.is_none() || before != named {
                    findings.add(
                        Code::KeyReplaced,
                        at.clone(),
                        "the key that it replaces was not in force",
                    );
                }
                match (rotated.key.parse::<VerifyingKey>(), before) {
                    (Ok(key), Some(before)) => self.set_key(seq, vec![before, key]),
                    (Ok(key), None) => self.set_key(seq, vec![key]),
                    (Err(cause), _) => findings.add(Code::KeyReplaced, at, cause.to_string()),
                }
            }
            Event::HeadMissing(missing) if self.signed.last != Some(missing.checkpoint) => {
                findings.add(Code::OutOfPlace, at, "the checkpoint that it names was not the last");
            }
            _ => {}
        }
    }

    fn set_key(&mut self, seq: i64, signers: Signers) {
        if let Some(key) = signers.last() {
            self.signed.keys.push((seq.unsigned_abs(), key.clone()));
        }
        self.signers = signers;
    }

    /// Checks what is stored for the size that the journal has now.
    fn check_here(&mut self, findings: &mut Findings) -> rusqlite::Result<()> {
        let size = self.signed.tree.size();
        let here = i64::try_from(size).unwrap_or(i64::MAX);
        while let Some(stored) = self.next.take_if(|stored| stored.size <= here) {
            let at = Place::Checkpoint(stored.size.unsigned_abs());
            if stored.size < here {
                findings.add(Code::CheckpointFormat, at, "its size is none");
            } else {
                self.signed.last = Some(size);
                self.signed.count += 1;
                let expected = Expected {
                    size,
                    tree: &self.signed.tree,
                    signers: self.signers.iter().collect(),
                };
                let (wrong, unverified) = expected.check(stored.note.as_deref());
                for (code, message) in wrong {
                    findings.add(code, at.clone(), message);
                }
                if let Some(unverified) = unverified {
                    (self.hand_on)(unverified);
                }
            }
            self.advance()?;
        }
        Ok(())
    }

    fn advance(&mut self) -> rusqlite::Result<()> {
        let Some(rows) = &mut self.rows else { return Ok(()) };
        self.next = match rows.next()? {
            None => None,
            Some(row) => Some(Stored {
                size: row.get(0)?,
                note: match row.get_ref(1)? {
                    ValueRef::Text(text) => std::str::from_utf8(text).ok().map(str::to_owned),
                    _ => None,
                },
            }),
        };
        Ok(())
    }

    /// After the last event.
    pub(crate) fn finish(mut self, findings: &mut Findings) -> rusqlite::Result<Signed> {
        if self.mark.is_some() {
            self.check_sealed(findings);
        }
        self.check_handed_over(findings);
        while let Some(stored) = self.next.take() {
            let events = self.signed.tree.size();
            let message = format!(
                "it covers {} events, and the journal has {events}: its end is missing",
                stored.size
            );
            findings.add(
                Code::CheckpointBeyond,
                Place::Checkpoint(stored.size.unsigned_abs()),
                message,
            );
            self.advance()?;
        }
        Ok(self.signed)
    }
}

/// What a checkpoint has to be.
struct Expected<'a> {
    size: u64,
    tree: &'a Tree,
    signers: Vec<&'a VerifyingKey>,
}

impl Expected<'_> {
    /// What is wrong with it, and the signatures by the right keys that it has.
    fn check(&self, text: Option<&str>) -> (Vec<(Code, String)>, Option<Unverified>) {
        let parsed = text.and_then(|text| {
            let note = Note::parse(text).ok()?;
            let checkpoint = Checkpoint::parse(&note.text).ok()?;
            (note.to_string() == text).then_some((note, checkpoint))
        });
        let Some((note, checkpoint)) = parsed else {
            let message = "it is not a signed note of a checkpoint".to_owned();
            return (vec![(Code::CheckpointFormat, message)], None);
        };
        let mut wrong = Vec::new();
        if checkpoint.size != self.size {
            let message = format!("its note is about {} events", checkpoint.size);
            wrong.push((Code::CheckpointSize, message));
        }
        if checkpoint.root != self.tree.root() {
            let message = format!("the first {} events are not those that were signed", self.size);
            wrong.push((Code::CheckpointRoot, message));
        }
        let Some(first) = self.signers.first() else {
            wrong.push((Code::CheckpointKey, "it comes before the first key".to_owned()));
            return (wrong, None);
        };
        if checkpoint.origin != *first.name() {
            let message = format!("it is of {}, and the journal of {}", checkpoint.origin, first.name());
            wrong.push((Code::CheckpointOrigin, message));
        }
        let mut keys = Signers::new();
        for key in &self.signers {
            let has_line = note
                .signatures
                .iter()
                .any(|line| line.name == *key.name() && line.id == key.id());
            if has_line {
                keys.push((*key).clone());
            } else {
                let message = "the key that was in force did not sign it".to_owned();
                wrong.push((Code::CheckpointKey, message));
            }
        }
        if note.signatures.len() > self.signers.len() {
            let message = "it has a signature that this program did not make".to_owned();
            wrong.push((Code::CheckpointFormat, message));
        }
        let size = self.size;
        (wrong, Some(Unverified { size, note, keys }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_of_two_transactions_differ_in_their_time_their_clock_their_run_or_its_requests() {
        let body = |at, monotonic_ms, run, requests| {
            json!({"prev": null, "at": at, "monotonic_ms": monotonic_ms, "run": run, "job": 1, "requests": requests,
                "kind": "rows_resolved", "data": {}})
            .to_string()
        };
        let first = body("2026-11-23T10:00:00.000Z", 7, 1, 3);
        let mark = Mark::of(&Body::read(&first).unwrap());
        let is_of = |body: String| mark.is_of(&Body::read(&body).unwrap());
        assert!(is_of(first.clone()));
        assert!(!is_of(body("2026-11-23T10:00:00.001Z", 7, 1, 3)));
        assert!(!is_of(body("2026-11-23T10:00:00.000Z", 8, 1, 3)));
        assert!(!is_of(body("2026-11-23T10:00:00.000Z", 7, 2, 3)));
        assert!(!is_of(body("2026-11-23T10:00:00.000Z", 7, 1, 4)));
    }
}
