//! The fold: what each event does to the projections.
//!
//! The one path by which a projection changes, when an event is appended and when the projections are made anew. It reads the
//! event as recorded, so it can use nothing that the journal does not hold.

use rusqlite::{Connection, Result, params};

use super::event::{AnswerKind, Envelope, Event};
use super::personal::Recorded;
use crate::domain::{ActionKind, ActionState, HoldReason, JobId, RunId};

/// The projections, in an order in which they can be filled.
pub(crate) const PROJECTIONS: &[&str] = &[
    "job",
    "run",
    "roster_row",
    "user",
    "candidate",
    "task",
    "workflow",
    "action",
    "participant",
    "residue",
];

pub(super) fn sealed(value: Option<&Recorded>) -> Option<&str> {
    value.and_then(Recorded::commitment)
}

/// How many requests a run had sent, as one of its events says.
pub(crate) fn fold_requests(db: &Connection, run: RunId, requests: u64) -> Result<()> {
    run_statement(
        db,
        "UPDATE run SET requests = max(requests, ?2) WHERE run = ?1",
        params![run.0, i64::try_from(requests).unwrap_or(i64::MAX)],
    )
}

/// Applies one event but for its number of requests, of which the largest of a run counts: see [`fold_requests`].
pub(crate) fn fold_event(db: &Connection, envelope: &Envelope) -> Result<()> {
    let Some(job) = envelope.job else { return Ok(()) };
    fold_in_job(db, envelope, job)
}

fn run_statement(db: &Connection, sql: &str, parameters: impl rusqlite::Params) -> Result<()> {
    db.prepare_cached(sql)?.execute(parameters).map(drop)
}

#[expect(
    clippy::too_many_lines,
    reason = "one arm for each kind of event; splitting it would hide that it is total"
)]
fn fold_in_job(db: &Connection, envelope: &Envelope, job: JobId) -> Result<()> {
    let at = envelope.at.as_str();
    let run = |sql: &str, parameters: &[&dyn rusqlite::ToSql]| run_statement(db, sql, parameters);
    match &envelope.event {
        Event::DatabaseCreated(_)
        | Event::Paused(_)
        | Event::SigningKeyRecorded(_)
        | Event::SigningKeyRotated(_)
        | Event::HeadMissing(_)
        | Event::ClockSetBack(_)
        | Event::PersonalRedacted(_)
        | Event::RedactionFinished(_)
        | Event::WorkflowDecided(_)
        | Event::PlanApproved(_) => Ok(()),
        Event::JobCreated(event) => run(
            "INSERT INTO job (job, portal, policy_hash, default_action, begun_by, actions_max, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                job.0,
                event.portal.0,
                event.policy_hash,
                event.default_action.map(ActionKind::as_str),
                event.begun_by,
                event.actions_max,
                at
            ],
        ),
        Event::RowRead(event) => run(
            "INSERT INTO roster_row (job, row, line, id, email_personal, first_name_personal, last_name_personal,
                 second_name_personal, full_name_personal, action)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                job.0,
                event.row.0,
                i64::try_from(event.line).unwrap_or(i64::MAX),
                event.id.map(|id| id.0),
                sealed(event.email.as_ref()),
                sealed(event.first_name.as_ref()),
                sealed(event.last_name.as_ref()),
                sealed(event.second_name.as_ref()),
                sealed(event.full_name.as_ref()),
                event.kind.as_str()
            ],
        ),
        Event::RunStarted(event) => run(
            "INSERT INTO run (run, job, command, started_at) VALUES (?1, ?2, ?3, ?4)",
            params![envelope.run.map(|run| run.0), job.0, event.command, at],
        ),
        Event::RunAbandoned(event) => run(
            "UPDATE run SET finished_at = ?2, stop_reason = 'crash' WHERE run = ?1",
            params![event.abandoned.0, at],
        ),
        Event::RunFinished(event) => run(
            "UPDATE run SET finished_at = ?2, stop_reason = ?3 WHERE run = ?1",
            params![
                envelope.run.map(|run| run.0),
                at,
                event.stop_reason.map(crate::domain::StopReason::as_str)
            ],
        ),
        Event::UserRecorded(event) => {
            run(
                "INSERT INTO user (job, user, active, first_name_personal, last_name_personal, second_name_personal,
                     email_personal)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (job, user) DO UPDATE SET active = excluded.active,
                     first_name_personal = excluded.first_name_personal, last_name_personal = excluded.last_name_personal,
                     second_name_personal = excluded.second_name_personal, email_personal = excluded.email_personal",
                params![
                    job.0,
                    event.user.0,
                    event.active,
                    sealed(event.first_name.as_ref()),
                    sealed(event.last_name.as_ref()),
                    sealed(event.second_name.as_ref()),
                    sealed(event.email.as_ref())
                ],
            )?;
            run(
                "UPDATE job SET snapshot_at = coalesce(snapshot_at, ?2) WHERE job = ?1",
                params![job.0, at],
            )
        }
        Event::RowResolved(event) => {
            run(
                "UPDATE roster_row SET state = ?3, reason = ?4, user = ?5, same_as = ?6 WHERE job = ?1 AND row = ?2",
                params![
                    job.0,
                    event.row.0,
                    event.state.as_str(),
                    event.reason,
                    event.user.map(|user| user.0),
                    event.same_as.map(|row| row.0)
                ],
            )?;
            event.candidates.iter().try_for_each(|user| {
                run(
                    "INSERT INTO candidate (job, row, user) VALUES (?1, ?2, ?3)",
                    params![job.0, event.row.0, user.0],
                )
            })
        }
        Event::RowsResolved(_) => run("UPDATE job SET resolved = 1 WHERE job = ?1", params![job.0]),
        Event::TaskRecorded(event) => run(
            "INSERT INTO task (job, task, user, workflow, status, user_status, name_personal, document_name_personal)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (job, task, user) DO UPDATE SET workflow = excluded.workflow, status = excluded.status,
                 user_status = excluded.user_status, name_personal = excluded.name_personal,
                 document_name_personal = excluded.document_name_personal",
            params![
                job.0,
                event.task.0,
                event.user.0,
                event.workflow.as_str(),
                event.status,
                event.user_status,
                sealed(event.name.as_ref()),
                sealed(event.document_name.as_ref())
            ],
        ),
        Event::WorkflowRecorded(event) => run(
            "INSERT OR REPLACE INTO workflow (job, workflow, running, module, entity, document, template,
                 document_personal, started, started_by, started_by_active)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                job.0,
                event.workflow.as_str(),
                event.running,
                event.module,
                event.entity,
                event.document,
                event.template,
                sealed(event.document_name.as_ref()),
                event.started,
                event.started_by.map(|user| user.0),
                event.started_by_active
            ],
        ),
        Event::UserDiscovered(event) => run(
            "UPDATE user SET discovered = 1 WHERE job = ?1 AND user = ?2",
            params![job.0, event.user.0],
        ),
        Event::DiscoveryRestarted(_) => {
            for table in ["user", "candidate", "task", "workflow"] {
                run(&format!("DELETE FROM {table} WHERE job = ?1"), params![job.0])?;
            }
            run(
                "UPDATE roster_row SET state = NULL, reason = NULL, user = NULL, same_as = NULL WHERE job = ?1",
                params![job.0],
            )?;
            run(
                "UPDATE job SET resolved = 0, snapshot_at = NULL WHERE job = ?1",
                params![job.0],
            )
        }
        Event::ActionPlanned(event) => {
            let holds = event
                .holds
                .iter()
                .map(|hold: &HoldReason| hold.as_str())
                .collect::<Vec<_>>();
            let state = if holds.is_empty() {
                ActionState::Planned
            } else {
                ActionState::Held
            };
            run(
                "INSERT INTO action (job, action, workflow, kind, state, holds) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    job.0,
                    event.action.0,
                    event.workflow.as_str(),
                    event.kind.map(ActionKind::as_str),
                    state.as_str(),
                    holds.join(",")
                ],
            )?;
            event.participants.iter().try_for_each(|user| {
                run(
                    "INSERT INTO participant (job, action, user, matched) VALUES (?1, ?2, ?3, ?4)",
                    params![job.0, event.action.0, user.0, event.people.contains(user)],
                )
            })
        }
        Event::PlanFrozen(event) => run(
            "UPDATE job SET plan_hash = ?2, frozen_at = ?3, orphans = ?4, started_by_colleagues = ?5 WHERE job = ?1",
            params![job.0, event.plan_hash, at, event.orphans, event.started_by_colleagues],
        ),
        Event::PlanDecided(_) => {
            for table in ["participant", "action"] {
                run(&format!("DELETE FROM {table} WHERE job = ?1"), params![job.0])?;
            }
            run(
                "UPDATE job SET plan_hash = NULL, frozen_at = NULL, orphans = 0, started_by_colleagues = 0 WHERE job = ?1",
                params![job.0],
            )
        }
        Event::PlanConfirmed(event) => run(
            "UPDATE job SET confirmed_at = ?2, confirm = ?3 WHERE job = ?1",
            params![job.0, at, event.confirm],
        ),
        Event::AttemptIntended(event) => run(
            "UPDATE action SET state = ?3, attempts = ?4, detail = NULL, text_personal = NULL
             WHERE job = ?1 AND action = ?2",
            params![job.0, event.action.0, ActionState::Sent.as_str(), event.attempt],
        ),
        Event::AttemptAnswered(event) => match event.answer {
            AnswerKind::Yes => Ok(()),
            AnswerKind::Refused | AnswerKind::NotExecuted | AnswerKind::InDoubt => run(
                "UPDATE action SET detail = ?3, text_personal = ?4 WHERE job = ?1 AND action = ?2",
                params![job.0, event.action.0, event.code, sealed(event.text.as_ref())],
            ),
        },
        Event::ActionReturned(event) => run(
            "UPDATE action SET state = ?3 WHERE job = ?1 AND action = ?2",
            params![job.0, event.action.0, ActionState::Planned.as_str()],
        ),
        Event::ActionEnded(event) => run(
            "UPDATE action SET state = ?3, ended_at = ?4, detail = coalesce(?5, detail) WHERE job = ?1 AND action = ?2",
            params![
                job.0,
                event.action.0,
                ActionState::Ended(event.outcome).as_str(),
                at,
                event.detail
            ],
        ),
        Event::ActionReopened(event) => {
            run("UPDATE job SET closed_at = NULL WHERE job = ?1", params![job.0])?;
            run(
                "UPDATE action SET state = ?3, ended_at = NULL, detail = NULL, text_personal = NULL
                 WHERE job = ?1 AND action = ?2",
                params![job.0, event.action.0, ActionState::Planned.as_str()],
            )
        }
        Event::ResidueRecorded(event) => run(
            "INSERT OR REPLACE INTO residue (job, workflow, tasks) VALUES (?1, ?2, ?3)",
            params![job.0, event.workflow.as_str(), event.tasks],
        ),
        Event::JobClosed(event) => run(
            "UPDATE job SET closed_at = ?2, relisted = ?3 WHERE job = ?1",
            params![job.0, at, u32::try_from(event.relisted.len()).unwrap_or(u32::MAX)],
        ),
    }
}
