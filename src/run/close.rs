//! The end of a job: everything is read back once more, and what a kill left behind is listed.

use std::collections::BTreeSet;

use super::RunError;
use crate::crash::{self, Point};
use crate::domain::{ActionKind, ActionState, Outcome, WorkflowId};
use crate::journal::{ActionRecord, Event, JobClosed, ResidueRecorded};
use crate::plan::record::Recorder;
use crate::portal::{Reader, TaskScope};

/// Workflows asked about in one portion.
const PORTION: usize = 500;

/// Closes the job of the run: closing inventory, residue, totals.
///
/// # Errors
/// When the portal or the journal fails; the job stays open, and the next `resume` closes it.
pub(crate) async fn close(recorder: &mut Recorder<'_>, reader: &Reader) -> Result<(), RunError> {
    let job = recorder.job();
    let actions = recorder.view().actions(job)?;
    let gone: Vec<WorkflowId> = actions
        .iter()
        .filter(|action| claims_gone(action))
        .map(|a| a.workflow.clone())
        .collect();
    let killed: BTreeSet<&WorkflowId> = actions
        .iter()
        .filter(|action| claims_killed(action))
        .map(|action| &action.workflow)
        .collect();
    let mut relisted = Vec::new();
    let mut events = Vec::new();
    for portion in gone.chunks(PORTION) {
        let instances = reader.instances(portion).await?;
        relisted.extend(
            portion
                .iter()
                .zip(instances)
                .filter_map(|(id, found)| found.map(|_| id.clone())),
        );
        let killed: Vec<WorkflowId> = portion.iter().filter(|id| killed.contains(id)).cloned().collect();
        let left = reader.workflow_tasks(&killed, TaskScope::All).await?;
        events.extend(
            killed
                .into_iter()
                .zip(left)
                .filter(|(_, rows)| !rows.is_empty())
                .map(|(workflow, rows)| {
                    let tasks = u32::try_from(rows.len()).unwrap_or(u32::MAX);
                    Event::ResidueRecorded(ResidueRecorded { workflow, tasks })
                }),
        );
    }
    events.push(Event::JobClosed(JobClosed {
        actions: super::totals(recorder.view(), job)?,
        relisted,
    }));
    crash::point(Point::C16);
    recorder.record(events)?;
    Ok(())
}

fn claims_gone(action: &ActionRecord) -> bool {
    match action.state {
        ActionState::Ended(Outcome::Confirmed | Outcome::Presumed | Outcome::AlreadyGone | Outcome::Unattributed) => {
            true
        }
        ActionState::Ended(Outcome::Drifted | Outcome::Failed | Outcome::Survived)
        | ActionState::Planned
        | ActionState::Held
        | ActionState::Sent => false,
    }
}

/// Only our own kills leave residue that is ours to report: a termination leaves its rows on purpose.
fn claims_killed(action: &ActionRecord) -> bool {
    action.kind == Some(ActionKind::Kill)
        && matches!(action.state, ActionState::Ended(Outcome::Confirmed | Outcome::Presumed))
}
