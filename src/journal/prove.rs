//! Putting together what `audit prove` hands over.
//!
//! The records about a workflow and its actions, of all jobs; the beginning, consent and end of the jobs and runs that they belong to; the
//! accounts of the people whose workflow it was; and the keys that signed. Of these, only the personal values of those people are
//! shown: whoever else waited in the workflow stays a number.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rusqlite::OptionalExtension as _;

use super::bundle::{Bundle, Extension, FORMAT, Record, Revealed};
use super::event::Event;
use super::note::{Checkpoint, Note, NoteError, Proof};
use super::tree::{Hash, Proofs};
use super::{About, JournalError, Logged, Recorded, Search, View, Whom};
use crate::domain::{JobId, RunId, UserId, WorkflowId};
use crate::hex::hex;

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// No record names it.
    #[error("nothing on record is about the workflow {0}")]
    NoRecord(WorkflowId),
    /// The journal was never signed.
    #[error("the journal has no checkpoint, so there is nothing to prove a record against")]
    NoCheckpoint,
    /// The receipt is newer than the newest checkpoint, or of another database, or of another history.
    #[error("the receipt does not fit this journal: {0}")]
    Receipt(&'static str),
    /// The journal does not fit what it signed.
    #[error("the journal does not fit its own checkpoint: {0}")]
    Damaged(String),
}

impl From<rusqlite::Error> for ProveError {
    fn from(cause: rusqlite::Error) -> Self {
        Self::Journal(cause.into())
    }
}

/// A proof, and what is not in it.
#[derive(Debug)]
pub struct Proven {
    /// What to hand over.
    pub bundle: Bundle,
    /// Events that its checkpoint covers.
    pub size: u64,
    /// Records of it that came after the checkpoint, and are left out.
    pub uncovered: usize,
}

/// What belongs to a workflow.
struct Subject<'a> {
    workflow: &'a WorkflowId,
    jobs: BTreeSet<JobId>,
    runs: BTreeSet<RunId>,
    /// The matched people of its actions.
    people: BTreeSet<UserId>,
}

impl View<'_> {
    /// Proves the records about a workflow against the newest checkpoint; with a receipt's checkpoint, also that it is of this history.
    ///
    /// # Errors
    /// When there is nothing to prove, nothing to prove it against, or the journal is damaged.
    pub fn prove(&self, workflow: &WorkflowId, receipt: Option<&Note>) -> Result<Proven, ProveError> {
        // A run may be at work: everything is read as of one moment.
        let moment = self.db.unchecked_transaction()?;
        let about = self.collect(&Search {
            workflow: Some(workflow.clone()),
            ..Search::default()
        })?;
        if about.is_empty() {
            return Err(ProveError::NoRecord(workflow.clone()));
        }
        let (_, checkpoint) = self.last_checkpoint()?.ok_or(ProveError::NoCheckpoint)?;
        let note = Note::parse(&checkpoint).map_err(damaged)?;
        let newest = Checkpoint::parse(&note.text).map_err(damaged)?;
        let subject = Subject::of(workflow, &about);
        let mut records: BTreeMap<u64, (Logged, bool)> = self
            .around(&subject)?
            .into_iter()
            .map(|logged| (logged.seq, (logged, false)))
            .collect();
        records.extend(about.into_iter().map(|logged| (logged.seq, (logged, true))));
        let leaves = self.leaves(newest.size)?;
        let proofs = Proofs::new(leaves);
        let earlier = receipt
            .map(|receipt| extension(receipt, &newest, &proofs))
            .transpose()?;
        let mut bundle = Bundle {
            format: FORMAT.to_owned(),
            workflow: workflow.clone(),
            key: self.signing_key()?.ok_or(ProveError::NoCheckpoint)?.to_string(),
            checkpoint,
            receipt: earlier,
            rotations: Vec::new(),
            records: Vec::new(),
        };
        let mut uncovered = 0;
        for (seq, (logged, is_about)) in records {
            let Some(hashes) = proofs.inclusion(seq) else {
                uncovered += 1;
                continue;
            };
            if matches!(logged.envelope.event, Event::SigningKeyRotated(_))
                && let Some(signed) = self.checkpoint_at(seq + 1)?
            {
                let signed = Note::parse(&signed).map_err(damaged)?;
                bundle.rotations.push(extension(&signed, &newest, &proofs)?);
            }
            let proof = Proof {
                extra: None,
                index: seq,
                hashes,
                checkpoint: note.clone(),
            };
            bundle.records.push(Record {
                seq,
                values: self.revealed(&logged, &subject, is_about)?,
                body: logged.body,
                proof: proof.to_string(),
            });
        }
        drop(moment);
        // Whoever gets it will check it; so it is not handed over before it holds here.
        let kept = receipt.map_or(&[][..], std::slice::from_ref);
        match bundle.check(None, kept).flaws.into_iter().next() {
            None => Ok(Proven {
                bundle,
                size: newest.size,
                uncovered,
            }),
            Some(flaw) => Err(ProveError::Damaged(flaw.message)),
        }
    }

    fn collect(self, search: &Search) -> Result<Vec<Logged>, JournalError> {
        let mut found = Vec::new();
        self.each_event(search, |logged| {
            found.push(logged.clone());
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    /// The records beside those about the workflow.
    fn around(self, subject: &Subject<'_>) -> Result<Vec<Logged>, JournalError> {
        const KINDS: &[&str] = &[
            "database_created",
            "signing_key_recorded",
            "signing_key_rotated",
            "job_created",
            "plan_frozen",
            "plan_decided",
            "plan_approved",
            "plan_confirmed",
            "job_closed",
            "run_started",
            "run_abandoned",
            "run_finished",
            "user_recorded",
        ];
        let mut found = Vec::new();
        let search = Search {
            kinds: KINDS.iter().map(|kind| (*kind).to_owned()).collect(),
            ..Search::default()
        };
        self.each_event(&search, |logged| {
            if subject.concerns(logged) {
                found.push(logged.clone());
            }
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    /// The checkpoint over so many events.
    fn checkpoint_at(self, size: u64) -> Result<Option<String>, JournalError> {
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        let found = self.list("SELECT note FROM checkpoint WHERE size = ?1", [size], |row| row.get(0))?;
        Ok(found.into_iter().next())
    }

    /// The leaves that a checkpoint covers.
    fn leaves(self, size: u64) -> Result<Vec<Hash>, JournalError> {
        self.list(
            "SELECT leaf FROM event ORDER BY seq LIMIT ?1",
            [i64::try_from(size).unwrap_or(i64::MAX)],
            |row| row.get(0),
        )
    }

    /// The values of a record that may be seen by whoever may see this workflow.
    fn revealed(
        self,
        logged: &Logged,
        subject: &Subject<'_>,
        is_about: bool,
    ) -> Result<BTreeMap<String, Revealed>, JournalError> {
        let mut revealed = BTreeMap::new();
        for (recorded, whom) in logged.envelope.event.personal_values() {
            let is_shown = match whom {
                Whom::Known(About::User(user)) => subject.people.contains(&user),
                Whom::Known(About::Nobody) | Whom::Unsaid => is_about,
                Whom::Known(About::Row(_)) => false,
            };
            if let Some((commitment, value)) = self.value_with_salt(recorded)?.filter(|_| is_shown) {
                revealed.insert(commitment, value);
            }
        }
        Ok(revealed)
    }

    fn value_with_salt(self, recorded: &Recorded) -> Result<Option<(String, Revealed)>, JournalError> {
        let Some(commitment) = recorded.commitment() else {
            return Ok(None);
        };
        let found: Option<(Option<[u8; 32]>, Option<String>)> = self
            .db
            .prepare_cached("SELECT salt, value FROM personal WHERE commitment = ?1")?
            .query_row([commitment], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((Some(salt), Some(value))) = found else {
            return Ok(None);
        };
        let salt = hex(&salt);
        Ok(Some((commitment.to_owned(), Revealed { salt, value })))
    }
}

impl<'a> Subject<'a> {
    fn of(workflow: &'a WorkflowId, about: &[Logged]) -> Self {
        let people = |logged: &Logged| match &logged.envelope.event {
            Event::ActionPlanned(event) => event.people.clone(),
            _ => Vec::new(),
        };
        Self {
            workflow,
            jobs: about.iter().filter_map(|logged| logged.envelope.job).collect(),
            runs: about.iter().filter_map(|logged| logged.envelope.run).collect(),
            people: about.iter().flat_map(people).collect(),
        }
    }

    fn concerns(&self, logged: &Logged) -> bool {
        let envelope = &logged.envelope;
        let of_job = || envelope.job.is_some_and(|job| self.jobs.contains(&job));
        let of_run = || envelope.run.is_some_and(|run| self.runs.contains(&run));
        match &envelope.event {
            Event::DatabaseCreated(_) | Event::SigningKeyRecorded(_) | Event::SigningKeyRotated(_) => true,
            Event::JobCreated(_)
            | Event::PlanFrozen(_)
            | Event::PlanApproved(_)
            | Event::PlanConfirmed(_)
            | Event::JobClosed(_) => of_job(),
            // About a row only if it is one of theirs.
            Event::PlanDecided(event) => of_job() && event.user.is_none_or(|user| self.people.contains(&user)),
            Event::RunStarted(_) | Event::RunFinished(_) => of_run(),
            Event::RunAbandoned(event) => self.runs.contains(&event.abandoned),
            Event::UserRecorded(event) => of_job() && self.people.contains(&event.user),
            event => event.workflow() == Some(self.workflow),
        }
    }
}

/// That a receipt's history is the beginning of the one that the newest checkpoint covers.
fn extension(receipt: &Note, newest: &Checkpoint, proofs: &Proofs) -> Result<Extension, ProveError> {
    let earlier = Checkpoint::parse(&receipt.text).map_err(|_| ProveError::Receipt("its checkpoint cannot be read"))?;
    if earlier.origin != newest.origin {
        return Err(ProveError::Receipt("it is of another database"));
    }
    let hashes = proofs.consistency(earlier.size).ok_or(ProveError::Receipt(
        "it knows events that the newest checkpoint does not cover",
    ))?;
    if !super::tree::check_consistency(earlier.size, newest.size, &earlier.root, &newest.root, &hashes) {
        return Err(ProveError::Receipt("what it signed is not what is recorded here"));
    }
    Ok(Extension {
        checkpoint: receipt.to_string(),
        hashes: hashes.iter().map(|hash| BASE64.encode(hash)).collect(),
    })
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err hands over")]
fn damaged(cause: NoteError) -> ProveError {
    ProveError::Damaged(cause.to_string())
}
