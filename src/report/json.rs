//! The report for programs: one JSON object. Names of fields are stable; fields are added, never renamed. Texts are as they were; one that
//! was erased is `null`, and the day of its erasure stands beside it.

use serde::ser::{Error as _, Serialize, SerializeMap as _, Serializer};
use serde_json::{Map, Value, json};

use super::job::{Action, Attempt, Orphan, Person, Report, Row};
use super::review::{Approval, Decided, Standing};
use super::text::Text;
use super::timeline::{Pause, Run};
use crate::domain::{ActionId, UserId, WorkflowId};
use crate::journal::{Operator, RosterRead};

/// The version of the object.
const FORMAT: u32 = 1;

/// Makes the object, indented, with a line end.
///
/// # Errors
/// Never, unless there is a bug.
pub fn json(report: &Report) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(&Document(report))?;
    text.push('\n');
    Ok(text)
}

/// A report on its way: long lists are made an element at a time.
struct Document<'a>(&'a Report);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let report = self.0;
        let review = &report.review;
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("format", &FORMAT)?;
        object.serialize_entry("database", &report.database)?;
        object.serialize_entry("status", &report.status)?;
        object.serialize_entry("open_runs", &report.open_runs)?;
        object.serialize_entry("job", &job(report).map_err(S::Error::custom)?)?;
        object.serialize_entry("decisions", &Each(|| review.decisions.iter().map(decided)))?;
        object.serialize_entry("approval_needed", &review.is_needed)?;
        object.serialize_entry("approvals", &Each(|| review.approvals.iter().map(approval)))?;
        object.serialize_entry("consent", &consent(report))?;
        object.serialize_entry(
            "roster",
            &report.roster.as_ref().map(|roster| self::roster(report, roster)),
        )?;
        object.serialize_entry("rows", &Each(|| report.rows.iter().map(|row| self::row(report, row))))?;
        object.serialize_entry(
            "people",
            &Each(|| report.people.iter().map(|person| self::person(report, person))),
        )?;
        object.serialize_entry("users", &Users(report))?;
        object.serialize_entry("actions", &Each(|| report.actions.iter().map(action)))?;
        object.serialize_entry("orphans", &Each(|| report.orphans.iter().map(orphan)))?;
        object.serialize_entry("residue", &Each(|| report.residue.iter().map(residue)))?;
        object.serialize_entry("relisted", &report.relisted)?;
        object.serialize_entry("runs", &Each(|| report.runs.iter().map(run)))?;
        object.serialize_entry(
            "pauses",
            &Each(|| report.pauses().map(|(run, pause)| self::pause(run, pause))),
        )?;
        object.serialize_entry("evidence", &evidence(report))?;
        object.end()
    }
}

/// What a function gives, as an array of which one element at a time is made.
struct Each<F>(F);

impl<F: Fn() -> I, I: Iterator<Item = Value>> Serialize for Each<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// Everybody, by their ids.
struct Users<'a>(&'a Report);

impl Serialize for Users<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let users = self.0.users.keys();
        serializer.collect_map(users.map(|user| (user.to_string(), self::user(self.0, *user))))
    }
}

fn job(report: &Report) -> Result<Value, serde_json::Error> {
    let record = &report.record;
    let policy: Option<Value> = report.policy.as_deref().map(serde_json::from_str).transpose()?;
    let object = json!({
        "job": record.job, "portal": record.portal, "begun_by": record.begun_by, "default_action": record.default_action,
        "max_actions": record.actions_max, "created_at": record.created_at, "snapshot_at": record.snapshot_at,
        "frozen_at": record.frozen_at, "confirmed_at": record.confirmed_at, "closed_at": record.closed_at,
        "plan_hash": record.plan_hash, "policy_hash": record.policy_hash, "policy": policy,
    });
    Ok(with_text(
        with_text(object, "reason", &report.reason),
        "ticket",
        &report.ticket,
    ))
}

fn consent(report: &Report) -> Option<Value> {
    let consent = report.consent.as_ref()?;
    Some(json!({ "at": consent.at, "run": consent.run, "confirm": consent.confirm, "by": consent.by }))
}

fn evidence(report: &Report) -> Value {
    let checkpoint = report.anchor.checkpoint.as_ref().map(|checkpoint| {
        json!({ "size": checkpoint.size, "note": checkpoint.note, "covers_job": report.anchor.is_covered() })
    });
    let last_event = report.anchor.last_event.as_ref();
    let last_event = last_event.map(|last| json!({ "seq": last.seq, "leaf": last.leaf }));
    json!({ "last_event": last_event, "checkpoint": checkpoint })
}

fn roster(report: &Report, roster: &RosterRead) -> Value {
    let columns = report.columns.iter();
    let columns = columns.map(|(name, field)| with_text(json!({ "field": field }), "name", name));
    json!({
        "sha256": roster.sha256, "encoding": roster.encoding, "byte_order_mark": roster.byte_order_mark,
        "delimiter": roster.delimiter, "header_line": roster.header_line, "rows": roster.rows,
        "rows_ignored": roster.rows_ignored, "columns": columns.collect::<Vec<_>>(),
    })
}

fn person(report: &Report, person: &Person) -> Value {
    let states = report.tally(&person.actions).into_iter();
    let states = states.map(|(state, count)| (state.as_str().to_owned(), json!(count)));
    let orphans = person.orphans.iter().filter_map(|place| report.orphans.get(*place));
    json!({
        "user": person.user, "rows": person.rows, "actions": numbers(report, &person.actions),
        "states": states.collect::<Map<_, _>>(), "orphans": orphans.map(|orphan| orphan.task).collect::<Vec<_>>(),
    })
}

fn orphan(orphan: &Orphan) -> Value {
    let object = json!({ "task": orphan.task, "user": orphan.user, "workflow": orphan.workflow });
    with_text(object, "title", &orphan.title)
}

fn residue((workflow, tasks): &(WorkflowId, u32)) -> Value {
    json!({ "workflow": workflow, "tasks": tasks })
}

fn pause(run: &Run, pause: &Pause) -> Value {
    json!({
        "run": run.record.run, "at": pause.at, "reason": pause.reason, "method": pause.method, "wait_ms": pause.wait_ms,
    })
}

/// The actions at these places, by their numbers.
fn numbers(report: &Report, places: &[usize]) -> Vec<ActionId> {
    let actions = places.iter().filter_map(|place| report.actions.get(*place));
    actions.map(|action| action.record.action).collect()
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
        "actions": numbers(report, &row.actions),
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
