//! What an event names: users, rows, an action, a workflow. How a search finds it.

use super::event::Event;
use crate::domain::{ActionId, JobId, RowNumber, UserId, WorkflowId};

impl Event {
    /// Every user that it names, in whatever role; some more than once.
    pub fn users(&self) -> Vec<UserId> {
        match self {
            Self::RowRead(event) => event.id.into_iter().collect(),
            Self::RunStarted(event) => vec![event.webhook_owner],
            Self::UserRecorded(event) => vec![event.user],
            Self::RowResolved(event) => event.user.iter().chain(&event.candidates).copied().collect(),
            Self::TaskRecorded(event) => vec![event.user],
            Self::WorkflowRecorded(event) => event.started_by.into_iter().chain(event.document_name_about).collect(),
            Self::UserDiscovered(event) => vec![event.user],
            Self::PlanDecided(event) => event.user.into_iter().collect(),
            Self::ActionPlanned(event) => event.people.iter().chain(&event.participants).copied().collect(),
            Self::AttemptIntended(event) => event.waiting.clone(),
            Self::ActionEnded(event) => event.waiting.clone(),
            Self::PersonalRedacted(event) => event.user.into_iter().collect(),
            Self::DatabaseCreated(_)
            | Self::JobCreated(_)
            | Self::RunAbandoned(_)
            | Self::RunFinished(_)
            | Self::RowsResolved(_)
            | Self::DiscoveryRestarted(_)
            | Self::PlanFrozen(_)
            | Self::WorkflowDecided(_)
            | Self::PlanApproved(_)
            | Self::PlanConfirmed(_)
            | Self::AttemptAnswered(_)
            | Self::ActionReturned(_)
            | Self::ActionReopened(_)
            | Self::Paused(_)
            | Self::ResidueRecorded(_)
            | Self::JobClosed(_)
            | Self::SigningKeyRecorded(_)
            | Self::SigningKeyRotated(_)
            | Self::HeadMissing(_)
            | Self::ClockSetBack(_)
            | Self::RedactionFinished(_) => Vec::new(),
        }
    }

    /// The rows of rosters that it names, as an event of this job.
    pub fn rows(&self, job: Option<JobId>) -> Vec<(JobId, RowNumber)> {
        let of_job = |row: RowNumber| job.map(|job| (job, row));
        match self {
            Self::RowRead(event) => of_job(event.row).into_iter().collect(),
            Self::RowResolved(event) => [Some(event.row), event.same_as]
                .into_iter()
                .flatten()
                .filter_map(of_job)
                .collect(),
            Self::PlanDecided(event) => event.row.and_then(of_job).into_iter().collect(),
            Self::PersonalRedacted(event) => event.rows.clone(),
            _ => Vec::new(),
        }
    }

    /// The action that it is about.
    pub fn action(&self) -> Option<ActionId> {
        match self {
            Self::ActionPlanned(event) => Some(event.action),
            Self::AttemptIntended(event) => Some(event.action),
            Self::AttemptAnswered(event) => Some(event.action),
            Self::ActionReturned(event) => Some(event.action),
            Self::ActionEnded(event) => Some(event.action),
            Self::ActionReopened(event) => Some(event.action),
            _ => None,
        }
    }

    /// The user that it is about: what its `user` column holds.
    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::UserRecorded(event) => Some(event.user),
            Self::RowResolved(event) => event.user,
            Self::TaskRecorded(event) => Some(event.user),
            Self::UserDiscovered(event) => Some(event.user),
            Self::PersonalRedacted(event) => event.user,
            Self::PlanDecided(event) => event.user,
            _ => None,
        }
    }

    /// The workflow that it is about: what its `workflow` column holds.
    pub fn workflow(&self) -> Option<&WorkflowId> {
        match self {
            Self::TaskRecorded(event) => Some(&event.workflow),
            Self::WorkflowRecorded(event) => Some(&event.workflow),
            Self::ActionPlanned(event) => Some(&event.workflow),
            Self::WorkflowDecided(event) => Some(&event.workflow),
            Self::AttemptIntended(event) => Some(&event.workflow),
            Self::ResidueRecorded(event) => Some(&event.workflow),
            _ => None,
        }
    }
}
