//! From a roster to a frozen plan: intake, resolve, discover, freeze. Up to here the portal is only read.
//!
//! [`make`] goes on from whatever is recorded: it resolves the rows if that has not been done, reads what hangs on people who
//! have not been read, and freezes. Dropping its future at any point loses at most the portion that is being read, so an
//! interrupted plan goes on with the same call.
//!
//! What is decided here is pure ([`resolve`], [`freeze`], [`policy`]); what talks to the portal only reads ([`Reader`]).
//! Consent and everything after it is not here.

pub mod approval;
pub mod caps;
pub mod decide;
mod discover;
pub mod freeze;
pub mod intake;
pub mod named;
pub mod policy;
pub mod record;
pub mod resolve;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use self::decide::Decisions;
pub use self::discover::Progress;
pub(crate) use self::discover::user_recorded;
use self::freeze::{Found, FreezeError, Freezing, Terms};
use self::policy::{Policy, Unevaluable};
use self::record::Recorder;
use self::resolve::Untouchable;
use crate::crash::{self, Point};
use crate::domain::{JobId, UserId};
use crate::journal::{Empty, Event, JobRecord, JournalError, RowRecord, View, WorkflowView};
use crate::portal::{PortalError, Reader, UserRow};

/// A plan that was interrupted reads everything again when its oldest answer is older than this.
pub const SNAPSHOT_AGE_MAX: Duration = Duration::from_hours(1);

/// A plan that is older than this is not carried out: too much has happened on the portal since.
pub const PLAN_AGE_MAX: TimeDelta = TimeDelta::days(7);

/// Rows that are resolved at a time: many enough to fill the portal's batches.
const ROWS_PER_PORTION: u32 = 5000;

/// Why no plan came about. What was recorded so far stays.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The portal.
    #[error(transparent)]
    Portal(#[from] PortalError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The plan could not be encoded for hashing.
    #[error("the plan could not be encoded: {0}")]
    Encoding(#[from] serde_json::Error),
    /// A rule of the policy asks for what the portal does not tell.
    #[error(transparent)]
    Unevaluable(#[from] Unevaluable),
    /// The job is not in the journal.
    #[error("there is no job {0} in this database")]
    NoJob(JobId),
}

impl From<FreezeError> for PlanError {
    fn from(error: FreezeError) -> Self {
        match error {
            FreezeError::Unevaluable(error) => error.into(),
            FreezeError::Encoding(error) => error.into(),
            FreezeError::Journal(error) => error.into(),
        }
    }
}

/// Makes the plan of a job that has a recorded roster, or finishes making it.
///
/// # Errors
/// When the portal or the journal fails. Calling it again goes on.
pub async fn make(
    recorder: &mut Recorder<'_>,
    reader: &Reader,
    owner: UserId,
    policy: &Policy,
    now: DateTime<Utc>,
    progress: Progress<'_>,
) -> Result<(), PlanError> {
    let job = recorder.job();
    let record = recorder.view().job(job)?.ok_or(PlanError::NoJob(job))?;
    if record.frozen_at.is_some() {
        return Ok(());
    }
    // Once a person decided about what was read, it is not read anew: what changed since shows in the re-check.
    let is_decided = !recorder.view().deciders(job)?.is_empty();
    if !is_decided && is_stale(&record, now) {
        recorder.record([Event::DiscoveryRestarted(Empty {})])?;
    }
    resolve_rows(recorder, reader, owner, policy).await?;
    discover::discover(recorder, reader, policy, progress).await?;
    let running = match policy.caps.percent_of_running {
        Some(_) => reader.running_workflows().await?,
        None => None,
    };
    freeze_plan(recorder, policy, running, now - PLAN_AGE_MAX)
}

/// Whether what was read is too old, or from a clock that has since been set back.
fn is_stale(job: &JobRecord, now: DateTime<Utc>) -> bool {
    let Some(oldest) = job.snapshot_at.as_deref() else {
        return false;
    };
    DateTime::parse_from_rfc3339(oldest)
        .ok()
        .and_then(|oldest| (now - oldest.to_utc()).to_std().ok())
        .is_none_or(|age| age > SNAPSHOT_AGE_MAX)
}

/// Resolves all rows: users are recorded as they are found, the rows in one transaction, since they can only be judged together.
async fn resolve_rows(
    recorder: &mut Recorder<'_>,
    reader: &Reader,
    owner: UserId,
    policy: &Policy,
) -> Result<(), PlanError> {
    let job = recorder.job();
    if recorder.view().job(job)?.is_some_and(|job| job.resolved) {
        return Ok(());
    }
    let untouchable = Untouchable { owner, policy };
    let (mut resolved, mut actions) = (Vec::new(), BTreeMap::new());
    let mut met: BTreeSet<UserId> = BTreeSet::new();
    let mut last = None;
    loop {
        let rows = recorder.view().row_page(job, last, ROWS_PER_PORTION)?;
        let Some(row) = rows.last() else { break };
        last = Some(row.row);
        let found = ask_for_rows(reader, &rows).await?;
        for (row, found) in rows.iter().zip(&found) {
            resolved.push(resolve::resolve(row, found, &untouchable)?);
            actions.insert(row.row, row.action);
        }
        let users: BTreeMap<UserId, &UserRow> = found.iter().flatten().map(|user| (user.id, user)).collect();
        let new = users.into_values().filter(|user| met.insert(user.id));
        crash::point(Point::C1);
        recorder.record(new.map(|user| user_recorded(user, policy)))?;
    }
    resolve::compare_rows(&mut resolved, &actions);
    crash::point(Point::C1);
    let resolved = resolved.into_iter().map(Event::RowResolved);
    recorder.record(resolved.chain([Event::RowsResolved(Empty {})]))?;
    Ok(())
}

/// All users that each row's strongest key finds.
async fn ask_for_rows(reader: &Reader, rows: &[RowRecord]) -> Result<Vec<Vec<UserRow>>, PlanError> {
    let queries: Vec<Vec<_>> = rows.iter().map(resolve::queries).collect();
    let flat: Vec<_> = queries.iter().flatten().cloned().collect();
    let mut answers = reader.users(&flat).await?.into_iter();
    Ok(queries
        .iter()
        .map(|asked| {
            let mut seen = BTreeSet::new();
            answers
                .by_ref()
                .take(asked.len())
                .flatten()
                .filter(|user| seen.insert(user.id))
                .collect()
        })
        .collect())
}

/// Freezes the plan from the recorded snapshot.
fn freeze_plan(
    recorder: &mut Recorder<'_>,
    policy: &Policy,
    running: Option<u32>,
    oldest: DateTime<Utc>,
) -> Result<(), PlanError> {
    let job = recorder.job();
    crash::point(Point::C1);
    recorder.record_with(|view, take| freeze_into(view, job, policy, running, oldest, take))?;
    crash::point(Point::C2);
    Ok(())
}

/// Gives the events that freeze the plan of a job from its recorded snapshot and what was decided about it. `running`: the workflows that
/// run on the portal, where a cap goes by them.
///
/// # Errors
/// When the journal cannot be read or an event not be taken, a rule of the policy cannot be evaluated, or the plan cannot be encoded.
pub fn freeze_into(
    view: View<'_>,
    job: JobId,
    policy: &Policy,
    running: Option<u32>,
    oldest: DateTime<Utc>,
    take: &mut dyn FnMut(Event) -> Result<(), JournalError>,
) -> Result<(), PlanError> {
    let record = view.job(job)?.ok_or(PlanError::NoJob(job))?;
    let (asked, departments) = (view.actions_asked(job)?, view.departments(job)?);
    let decisions: Decisions = view.decisions(job)?.iter().collect();
    let mut freezing = Freezing::new(Terms {
        portal: &record.portal,
        asked: &asked,
        departments: &departments,
        policy,
        policy_hash: &record.policy_hash,
        decisions: &decisions,
        running,
    })?;
    let mut freeze = |workflow: WorkflowView| {
        let found = found(view, &record, workflow, policy, oldest)?;
        match freezing.take(&found)? {
            Some(action) => Ok(take(Event::ActionPlanned(action))?),
            None => Ok::<(), PlanError>(()),
        }
    };
    // An action keeps its number; behind those that had one come those that are new, in the order of their ids.
    let numbers = view.numbers(job)?;
    let mut numbered: Vec<_> = numbers.iter().collect();
    numbered.sort_by_key(|(_, number)| **number);
    for (workflow, _) in numbered {
        view.workflow(job, workflow)?.map_or(Ok(()), &mut freeze)?;
    }
    for workflow in view.each_workflow(job) {
        let workflow = workflow?;
        if !numbers.contains_key(&workflow.workflow) {
            freeze(workflow)?;
        }
    }
    let frozen = freezing.finish(view.each_row(job))?;
    Ok(take(Event::PlanFrozen(frozen))?)
}

/// All that a plan goes by of a workflow.
fn found(
    view: View<'_>,
    record: &JobRecord,
    workflow: WorkflowView,
    policy: &Policy,
    oldest: DateTime<Utc>,
) -> Result<Found, JournalError> {
    let job = record.job;
    let waiting = view.waiting(job, &workflow.workflow)?;
    let mut emails = BTreeMap::new();
    if policy.reads_emails() {
        for user in &waiting {
            emails.extend(view.email(job, *user)?.map(|email| (*user, email)));
        }
    }
    let claimed = view.claimed_by(&workflow.workflow, &record.portal, job, oldest)?;
    Ok(Found {
        view: workflow,
        waiting,
        emails,
        is_claimed: claimed.is_some(),
    })
}
