//! The receipt at the end of a run: made from the journal, written beside the head, and printed, so that it can be kept elsewhere.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::failure::Failure;
use super::language::Words;
use super::work::Work;
use crate::domain::RunId;
use crate::files;
use crate::journal::head;
use crate::journal::note::Note;
use crate::journal::receipt::Receipt;
use crate::journal::review::Review;
use crate::journal::{JournalError, RunRecord};
use crate::report::status::JobStatus;

/// A receipt, and where it is.
pub(crate) struct Issued {
    text: String,
    /// None when it could not be written: it is printed all the same.
    file: Option<PathBuf>,
}

impl Issued {
    /// The receipt of a run that has just ended.
    pub(crate) fn of(work: &Work, status: &JobStatus, run: RunId) -> Result<Option<Self>, Failure> {
        let view = work.journal.view();
        let runs = view.runs(status.job)?;
        let record = runs.into_iter().find(|record| record.run == run);
        let (Some(record), Some((_, note))) = (record, view.last_checkpoint()?) else {
            return Ok(None);
        };
        let text = receipt(work, status, &record, &note)?.to_string();
        let database = view.database()?;
        let path = head::receipt_path(&work.place.paths.heads(), &database, run);
        let file = match files::replace(&path, text.as_bytes()) {
            Ok(()) => Some(path),
            Err(cause) => {
                let words = work.terminal.words();
                work.terminal.note(&(words.receipt_unwritten)(&path, &cause));
                None
            }
        };
        Ok(Some(Self { text, file }))
    }

    /// What is printed for people.
    pub(crate) fn text(&self, words: &Words) -> String {
        format!("{}\n\n{}", (words.receipt)(self.file.as_deref()), self.text.trim_end())
    }

    /// What is printed for machines.
    pub(crate) fn json(&self) -> Value {
        json!({ "file": self.file.as_ref().map(|file| file.display().to_string()), "text": self.text })
    }
}

fn receipt(work: &Work, status: &JobStatus, record: &RunRecord, note: &str) -> Result<Receipt, Failure> {
    let view = work.journal.view();
    Ok(Receipt {
        portal: crate::domain::Portal(status.portal.clone()),
        job: status.job,
        run: record.run,
        command: record.command.clone(),
        state: status.state.as_str().to_owned(),
        plan_hash: status.plan_hash.clone(),
        review: Some(Review::read(view, status.job, status.plan_hash.as_deref())?),
        events: view.run_events(record)?,
        actions: crate::run::totals(view, status.job)?,
        at: record.finished_at.clone().unwrap_or_default(),
        note: Note::parse(note).map_err(|_| JournalError::Unsigned)?,
    })
}
