//! Where a job stands: the object that `status --json` and its kin print, and the exit code that goes with it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::{ActionState, JobId, Outcome, RowState, StopReason};
use crate::exit::Exit;
use crate::journal::{JobRecord, JournalError, View};

/// The state of a job.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// The plan is not frozen.
    Planning,
    /// Frozen, not confirmed.
    Planned,
    /// A live process works on it.
    Running,
    /// Confirmed, or its process died: `resume`.
    Stopped,
    /// No `planned` and no `sent` action is left.
    Complete,
}

impl JobState {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planning => "planning",
            Self::Planned => "planned",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Complete => "complete",
        }
    }
}

/// The status object (design section 6). Fields are added, never renamed.
#[derive(Clone, Debug, Serialize)]
pub struct JobStatus {
    /// The job.
    pub job: JobId,
    /// The portal.
    pub portal: String,
    /// `kill`, `terminate` or `mixed`.
    pub action: String,
    /// Its state.
    pub state: JobState,
    /// Why the last run stopped; nothing where a plan waits for its confirmation.
    pub stop_reason: Option<StopReason>,
    /// The plan's hash, once frozen.
    pub plan_hash: Option<String>,
    /// What to confirm, once frozen; what was confirmed, afterwards.
    pub confirm: Option<String>,
    /// Rows by state.
    pub rows: BTreeMap<&'static str, u32>,
    /// Actions by state.
    pub actions: BTreeMap<&'static str, u32>,
    /// Actions in state `sent`.
    pub in_doubt: u32,
    /// Open tasks whose workflow does not run.
    pub orphans: u32,
    /// Planned actions on workflows that colleagues started who still work here.
    pub started_by_colleagues: u32,
    /// HTTP requests of all runs.
    pub requests: u64,
    /// Workflows that were gone and were listed again at the end.
    pub relisted: u32,
    /// Task rows left of killed workflows.
    pub residue: u32,
    #[serde(skip)]
    confirmed: bool,
    #[serde(skip)]
    closed: bool,
}

impl JobStatus {
    /// Reads the status of a job. `live` is whether a process holds the database's lock.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn read(view: View<'_>, record: &JobRecord, live: bool) -> Result<Self, JournalError> {
        let job = record.job;
        let row_counts = view.row_counts(job)?;
        let action_counts = view.action_counts(job)?;
        let runs = view.runs(job)?;
        let count = |state| action_counts.get(&state).copied().unwrap_or_default();
        let mut rows: BTreeMap<&str, u32> = RowState::ALL.iter().map(|state| (state.as_str(), 0)).collect();
        rows.extend(row_counts.iter().map(|(state, n)| (state.as_str(), *n)));
        rows.insert("total", view.row_total(job)?);
        let states = [ActionState::Planned, ActionState::Held, ActionState::Sent];
        let outcomes = Outcome::ALL.iter().copied().map(ActionState::Ended);
        let mut actions: BTreeMap<&str, u32> = states
            .into_iter()
            .chain(outcomes)
            .map(|state| (state.as_str(), count(state)))
            .collect();
        actions.insert("total", action_counts.values().sum());
        let open_run = runs.iter().any(|run| run.finished_at.is_none());
        let left = count(ActionState::Planned) + count(ActionState::Sent);
        let crashed = open_run && !live;
        // Whatever ended before: the plan is whole, and it is a person who goes on with it.
        let waits = record.frozen_at.is_some() && record.confirmed_at.is_none() && view.cap_to_go_on(record)?.is_none();
        let state = if open_run && live {
            JobState::Running
        } else if record.frozen_at.is_some() && left == 0 {
            JobState::Complete
        } else if waits {
            JobState::Planned
        } else if crashed || record.confirmed_at.is_some() {
            JobState::Stopped
        } else if record.frozen_at.is_some() {
            JobState::Planned
        } else {
            JobState::Planning
        };
        let stop_reason = match runs.last() {
            _ if state == JobState::Planned && waits => None,
            _ if crashed => Some(StopReason::Crash),
            last => last.and_then(|run| run.stop_reason),
        };
        let to_confirm = || {
            Some(confirm(
                &record.portal.0,
                count(ActionState::Planned),
                record.plan_hash.as_ref()?,
            ))
        };
        Ok(Self {
            job,
            portal: record.portal.0.clone(),
            action: action_word(view, job, record)?,
            state,
            stop_reason,
            plan_hash: record.plan_hash.clone(),
            confirm: record.confirm.clone().or_else(to_confirm),
            rows,
            actions,
            in_doubt: count(ActionState::Sent),
            orphans: record.orphans,
            started_by_colleagues: record.started_by_colleagues,
            requests: runs.iter().map(|run| run.requests).sum(),
            relisted: record.relisted,
            residue: view.residue(job)?.into_iter().map(|(_, tasks)| tasks).sum(),
            confirmed: record.confirmed_at.is_some(),
            closed: record.closed_at.is_some(),
        })
    }

    /// How many actions are in a state.
    pub fn count(&self, state: ActionState) -> u32 {
        self.actions.get(state.as_str()).copied().unwrap_or_default()
    }

    /// Whether the plan was confirmed.
    pub fn is_confirmed(&self) -> bool {
        self.confirmed
    }

    /// Whether everything was read back once more.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Rows that wait for a person: nothing was done for them, though the roster asks for it.
    pub fn rows_open(&self) -> u32 {
        self.rows
            .iter()
            .filter(|(state, _)| !matches!(**state, "total" | "matched" | "duplicate"))
            .map(|(_, count)| count)
            .sum()
    }

    /// The exit code that the job as it stands deserves, when its last run ended in order.
    pub fn exit(&self) -> Exit {
        let ended = |outcome| self.count(ActionState::Ended(outcome));
        let mut codes = vec![Exit::Done];
        if self.rows_open() + self.count(ActionState::Held) + ended(Outcome::Drifted) > 0 {
            codes.push(Exit::NeedsDecision);
        }
        if ended(Outcome::Failed) + ended(Outcome::Survived) + self.relisted > 0 {
            codes.push(Exit::NotAllDone);
        }
        codes.extend(self.stop_reason.map(|reason| match reason {
            StopReason::Signal => Exit::Interrupted,
            StopReason::Requested => Exit::Stopped,
            StopReason::Limit | StopReason::Disk | StopReason::Crash => Exit::Temporary,
            StopReason::Auth => Exit::NotAllowed,
            StopReason::Breaker => Exit::NotAllDone,
        }));
        let unfinished = matches!(self.state, JobState::Planning | JobState::Stopped | JobState::Running);
        if unfinished && self.stop_reason.is_none() {
            codes.push(Exit::Temporary);
        }
        Exit::first(codes)
    }
}

/// `PORTAL:COUNT:HASH8`.
pub fn confirm(portal: &str, planned: u32, plan_hash: &str) -> String {
    format!("{portal}:{planned}:{}", plan_hash.get(..8).unwrap_or(plan_hash))
}

/// One word for what the rows ask for.
fn action_word(view: View<'_>, job: JobId, record: &JobRecord) -> Result<String, JournalError> {
    let kinds = view.row_kinds(job)?;
    Ok(match kinds.as_slice() {
        [] => record.default_action.map_or("mixed", |kind| kind.as_str()).to_owned(),
        [only] => only.as_str().to_owned(),
        _ => "mixed".to_owned(),
    })
}
