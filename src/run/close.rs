//! The end of a job: everything is read back once more, and what a kill left behind is listed.

use super::RunError;
use crate::crash::{self, Point};
use crate::domain::{ActionKind, ActionState, Outcome, WorkflowId};
use crate::journal::{ActionRecord, Event, JobClosed, ResidueRecorded};
use crate::plan::record::Recorder;
use crate::portal::Reader;

/// Workflows asked about in one portion.
const PORTION: usize = 5000;

/// Closes the job of the run: closing inventory, residue, totals.
///
/// # Errors
/// When the portal or the journal fails; the job stays open, and the next `resume` closes it.
pub(crate) async fn close(recorder: &mut Recorder<'_>, reader: &Reader) -> Result<(), RunError> {
    let job = recorder.job();
    let mut relisted = Vec::new();
    let mut events = Vec::new();
    let mut gone = recorder.view().each_action(job).filter(|action| match action {
        Ok(action) => claims_gone(action),
        Err(_) => true,
    });
    loop {
        let portion: Vec<ActionRecord> = gone.by_ref().take(PORTION).collect::<Result<_, _>>()?;
        if portion.is_empty() {
            break;
        }
        let workflows: Vec<WorkflowId> = portion.iter().map(|action| action.workflow.clone()).collect();
        let left = reader.left_of(&workflows).await?;
        for (action, (is_listed, tasks)) in portion.iter().zip(left) {
            if is_listed {
                relisted.push(action.workflow.clone());
            }
            if tasks > 0 && claims_killed(action) {
                events.push(Event::ResidueRecorded(ResidueRecorded {
                    workflow: action.workflow.clone(),
                    tasks: u32::try_from(tasks).unwrap_or(u32::MAX),
                }));
            }
        }
    }
    drop(gone);
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
