//! Writing for a run: every event gets the run's number and its count of requests, and the pauses since the last record go first.

use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::{JobId, RunId};
use crate::journal::{Entry, Event, Journal, JournalError, Paused, Stamp, View};
use crate::portal::{Connection, Notice};

/// Pauses that the portal's client told of and that are not in the journal yet.
#[derive(Clone, Default)]
pub struct Notices(Arc<Mutex<Vec<Notice>>>);

impl Notices {
    /// Adds one.
    pub fn push(&self, notice: Notice) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(notice);
    }

    fn take(&self) -> Vec<Notice> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The journal in the hands of one run.
pub struct Recorder<'a> {
    journal: &'a mut Journal,
    run: RunId,
    job: JobId,
    connection: Arc<Connection>,
    notices: Notices,
}

impl<'a> Recorder<'a> {
    /// For a run of a job.
    pub fn new(
        journal: &'a mut Journal,
        run: RunId,
        job: JobId,
        connection: Arc<Connection>,
        notices: Notices,
    ) -> Self {
        Self {
            journal,
            run,
            job,
            connection,
            notices,
        }
    }

    /// The job of the run.
    pub fn job(&self) -> JobId {
        self.job
    }

    /// Questions about what is recorded.
    pub fn view(&self) -> View<'_> {
        self.journal.view()
    }

    /// Records events of the run's job.
    ///
    /// # Errors
    /// As [`Journal::append`].
    pub fn record(&mut self, events: impl IntoIterator<Item = Event>) -> Result<(), JournalError> {
        self.record_with(|_, take| events.into_iter().try_for_each(take))
    }

    /// Records events of the run's job that are made one after another from what is recorded, however many.
    ///
    /// # Errors
    /// As [`Journal::append_with`].
    pub fn record_with<E: From<JournalError>>(
        &mut self,
        make: impl FnOnce(View<'_>, &mut dyn FnMut(Event) -> Result<(), JournalError>) -> Result<(), E>,
    ) -> Result<(), E> {
        let job = self.job;
        let pauses = self.with_pauses([]);
        self.journal.append_with(self.stamp(), |view, take| {
            pauses.iter().try_for_each(&mut *take)?;
            make(view, &mut |event| take(&Entry::of(job, event)))
        })
    }

    /// Records answers and outcomes, also on a full disk, of any job.
    ///
    /// # Errors
    /// As [`Journal::append_settlement`].
    pub fn settle(&mut self, entries: impl IntoIterator<Item = Entry>) -> Result<(), JournalError> {
        let entries = self.with_pauses(entries);
        if entries.is_empty() {
            Ok(())
        } else {
            self.journal.append_settlement(self.stamp(), &entries)
        }
    }

    /// Refuses when the disk has no room for another batch.
    ///
    /// # Errors
    /// As [`Journal::check_room`].
    pub fn check_room(&self) -> Result<(), JournalError> {
        self.journal.check_room()
    }

    fn with_pauses(&self, entries: impl IntoIterator<Item = Entry>) -> Vec<Entry> {
        let job = self.job;
        let paused = |notice: Notice| Entry::of(job, Event::Paused(Paused::from(&notice)));
        self.notices.take().into_iter().map(paused).chain(entries).collect()
    }

    fn stamp(&self) -> Stamp {
        Stamp {
            run: Some(self.run),
            requests: self.connection.requests(),
        }
    }
}

impl From<&Notice> for Paused {
    fn from(notice: &Notice) -> Self {
        let Notice::Waiting {
            reason, method, wait, ..
        } = notice;
        Self {
            reason: reason.to_string(),
            method: method.map(|method| method.as_str().to_owned()),
            wait_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
        }
    }
}
