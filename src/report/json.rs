//! The report for programs: one JSON object. Names of fields are stable; fields are added, never renamed. Texts are as they were; one that
//! was erased is `null`, and the day of its erasure stands beside it.

use serde_json::{Map, Value, json};

use super::job::{Action, Attempt, Report, Row};
use super::review::{Approval, Decided, Standing};
use super::text::Text;
use super::timeline::Run;
use crate::domain::UserId;
use crate::journal::Operator;

/// The version of the object.
const FORMAT: u32 = 1;

/// Makes the object, indented, with a line end.
///
/// # Errors
/// Never, unless there is a bug.
pub fn json(report: &Report) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(&object(report)?)?;
    text.push('\n');
    Ok(text)
}

fn object(report: &Report) -> Result<Value, serde_json::Error> {
    let record = &report.record;
    let policy: Option<Value> = report.policy.as_deref().map(serde_json::from_str).transpose()?;
    let users: Map<String, Value> = report
        .users
        .keys()
        .map(|user| (user.to_string(), self::user(report, *user)))
        .collect();
    let checkpoint = report.anchor.checkpoint.as_ref().map(|checkpoint| {
        json!({ "size": checkpoint.size, "note": checkpoint.note, "covers_job": report.anchor.is_covered() })
    });
    Ok(json!({
        "format": FORMAT,
        "database": report.database,
        "status": report.status,
        "open_runs": report.open_runs,
        "job": with_text(with_text(json!({
            "job": record.job, "portal": record.portal, "begun_by": record.begun_by, "default_action": record.default_action,
            "max_actions": record.actions_max, "created_at": record.created_at, "snapshot_at": record.snapshot_at,
            "frozen_at": record.frozen_at, "confirmed_at": record.confirmed_at, "closed_at": record.closed_at,
            "plan_hash": record.plan_hash, "policy_hash": record.policy_hash, "policy": policy,
        }), "reason", &report.reason), "ticket", &report.ticket),
        "decisions": report.review.decisions.iter().map(self::decided).collect::<Vec<_>>(),
        "approval_needed": report.review.is_needed,
        "approvals": report.review.approvals.iter().map(self::approval).collect::<Vec<_>>(),
        "consent": report.consent.as_ref().map(|consent| json!({
            "at": consent.at, "run": consent.run, "confirm": consent.confirm, "by": consent.by,
        })),
        "roster": report.roster.as_ref().map(|roster| json!({
            "sha256": roster.sha256, "encoding": roster.encoding, "byte_order_mark": roster.byte_order_mark,
            "delimiter": roster.delimiter, "header_line": roster.header_line, "rows": roster.rows,
            "rows_ignored": roster.rows_ignored,
            "columns": report.columns.iter().map(|(name, field)| with_text(json!({ "field": field }), "name", name)).collect::<Vec<_>>(),
        })),
        "rows": report.rows.iter().map(|row| self::row(report, row)).collect::<Vec<_>>(),
        "people": report.people.iter().map(|person| json!({
            "user": person.user, "rows": person.rows,
            "actions": person.actions.iter().filter_map(|place| report.actions.get(*place)).map(|action| action.record.action).collect::<Vec<_>>(),
            "states": report.tally(&person.actions).into_iter().map(|(state, count)| (state.as_str().to_owned(), json!(count))).collect::<Map<_, _>>(),
            "orphans": person.orphans.iter().filter_map(|place| report.orphans.get(*place)).map(|orphan| orphan.task).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "users": users,
        "actions": report.actions.iter().map(self::action).collect::<Vec<_>>(),
        "orphans": report.orphans.iter().map(|orphan| with_text(
            json!({ "task": orphan.task, "user": orphan.user, "workflow": orphan.workflow }), "title", &orphan.title,
        )).collect::<Vec<_>>(),
        "residue": report.residue.iter().map(|(workflow, tasks)| json!({ "workflow": workflow, "tasks": tasks })).collect::<Vec<_>>(),
        "relisted": report.relisted,
        "runs": report.runs.iter().map(self::run).collect::<Vec<_>>(),
        "pauses": report.pauses().map(|(run, pause)| json!({
            "run": run.record.run, "at": pause.at, "reason": pause.reason, "method": pause.method, "wait_ms": pause.wait_ms,
        })).collect::<Vec<_>>(),
        "evidence": {
            "last_event": report.anchor.last_event.as_ref().map(|last| json!({ "seq": last.seq, "leaf": last.leaf })),
            "checkpoint": checkpoint,
        },
    }))
}

/// The object with a text under this name, and where it was erased, when.
fn with_text(mut object: Value, name: &str, text: &Text) -> Value {
    let (value, erased) = match text {
        Text::Nothing => (Value::Null, None),
        Text::There(text) => (Value::String(text.clone()), None),
        Text::Erased(at) => (Value::Null, Some(json!(at))),
    };
    object[name] = value;
    if let Some(at) = erased {
        object[format!("{name}_erased_at")] = at;
    }
    object
}

fn user(report: &Report, id: UserId) -> Value {
    let Some(user) = report.users.get(&id) else {
        return Value::Null;
    };
    let object = with_text(json!({ "active": user.active }), "name", &user.name);
    with_text(object, "email", &user.email)
}

fn row(report: &Report, row: &Row) -> Value {
    let record = &row.record;
    let mut written = json!({});
    for (field, text) in &row.written {
        written = match (*field, text) {
            ("", Text::Erased(at)) => {
                written["erased_at"] = json!(at);
                written
            }
            ("id", _) => {
                written["id"] = json!(record.id);
                written
            }
            (field, text) => with_text(written, field, text),
        };
    }
    let other = row
        .other
        .iter()
        .map(|(header, cell)| with_text(with_text(json!({}), "column", header), "value", cell));
    let object = json!({
        "row": record.row, "line": record.line, "state": record.state, "reason": record.reason, "user": record.user,
        "same_as": record.same_as, "do": record.action, "candidates": row.candidates, "written": written,
        "other": other.collect::<Vec<_>>(),
        "actions": row.actions.iter().filter_map(|place| report.actions.get(*place)).map(|action| action.record.action).collect::<Vec<_>>(),
    });
    with_text(object, "note", &row.note)
}

fn action(action: &Action) -> Value {
    let record = &action.record;
    let view = action.workflow.as_ref();
    let object = json!({
        "action": record.action, "workflow": record.workflow, "do": record.kind, "state": record.state.as_str(),
        "holds": record.holds, "detail": record.detail, "rows": action.rows, "people": record.people, "others": record.others,
        "tasks": action.tasks.iter().map(|(task, title)| with_text(json!({ "task": task }), "title", title)).collect::<Vec<_>>(),
        "module": view.and_then(|view| view.module.as_deref()), "document": view.and_then(|view| view.document.as_deref()),
        "template": view.and_then(|view| view.template.as_deref()), "started_by": view.and_then(|view| view.started_by),
        "started_by_active": view.and_then(|view| view.started_by_active),
        "planned_at": action.planned_at, "ended_at": action.ended_at,
        "attempts": action.attempts.iter().map(attempt).collect::<Vec<_>>(),
        "reopened": action.reopened.iter().map(|reopened| with_text(
            json!({ "at": reopened.at, "outcome": reopened.outcome }), "reason", &reopened.reason,
        )).collect::<Vec<_>>(),
        "evidence": { "seq": action.evidence.seq, "leaf": action.evidence.leaf },
    });
    with_text(object, "document_name", &action.document)
}

fn attempt(attempt: &Attempt) -> Value {
    let object = json!({
        "attempt": attempt.number, "run": attempt.run, "sent_at": attempt.sent_at, "answered_at": attempt.answered_at,
        "answer": attempt.answer, "code": attempt.code, "returned": attempt.returned,
    });
    with_text(object, "text", &attempt.text)
}

fn decided(decided: &Decided) -> Value {
    let object = json!({
        "at": decided.at, "plan_hash": decided.plan_hash, "row": decided.row.map(|(row, _)| row), "user": decided.row.map(|(_, user)| user),
        "workflows": decided.workflows, "evidence": { "seq": decided.evidence.seq, "leaf": decided.evidence.leaf },
    });
    signed(object, &decided.operator)
}

fn approval(approval: &Approval) -> Value {
    let object = json!({
        "at": approval.at, "plan_hash": approval.plan_hash, "by": approval.by, "holds": approval.standing == Standing::Holds,
        "evidence": { "seq": approval.evidence.seq, "leaf": approval.evidence.leaf },
    });
    signed(object, &approval.operator)
}

/// The object with the person whose it is.
fn signed(mut object: Value, operator: &Operator) -> Value {
    object["os_user"] = json!(operator.os_user);
    object["login_user"] = json!(operator.login_user);
    object["host"] = json!(operator.host);
    object
}

fn run(run: &Run) -> Value {
    let record = &run.record;
    let started = run.started.as_ref();
    json!({
        "run": record.run, "command": record.command, "started_at": record.started_at, "finished_at": record.finished_at,
        "stop_reason": record.stop_reason, "abandoned_by": run.abandoned_by, "requests": record.requests,
        "os_user": started.map(|started| &started.os_user), "login_user": started.map(|started| &started.login_user),
        "host": started.map(|started| &started.host), "version": started.map(|started| &started.version),
        "webhook_owner": started.map(|started| started.webhook_owner),
        "clock_offset_ms": started.map(|started| started.clock_offset_ms),
        "batches": run.batches.iter().map(|batch| json!({ "at": batch.at, "commands": batch.commands })).collect::<Vec<_>>(),
    })
}
