//! What hangs on each matched person: their open tasks, the workflows behind them, and everybody else who waits there.
//!
//! Recorded in portions, so that a plan that was interrupted goes on where it stopped.

use std::collections::{BTreeMap, BTreeSet};

use super::PlanError;
use super::freeze::actions_asked;
use super::policy::Policy;
use super::record::Recorder;
use crate::crash::{self, Point};
use crate::domain::{ActionKind, UserId, WorkflowId};
use crate::journal::{About, Event, TaskRecorded, UserDiscovered, UserRecorded, WorkflowRecorded};
use crate::portal::{InstanceRow, Reader, TaskRow, TaskScope, UserQuery, UserRow};

/// People whose findings are recorded in one transaction: few enough that little is read twice after a crash, many enough to fill
/// the portal's batches of 50 commands.
const PEOPLE_PER_PORTION: usize = 50;

/// Told after each portion: people read, people in all.
pub type Progress<'a> = &'a (dyn Fn(u32, u32) + Send + Sync);

/// Reads everything that is not yet recorded.
pub(crate) async fn discover(
    recorder: &mut Recorder<'_>,
    reader: &Reader,
    policy: &Policy,
    progress: Progress<'_>,
) -> Result<(), PlanError> {
    let job = recorder.job();
    let actions = actions_asked(&recorder.view().rows(job)?);
    let users = recorder.view().users(job)?;
    let discovered = |user: &UserId| users.get(user).is_some_and(|user| user.discovered);
    let open: Vec<UserId> = actions.keys().copied().filter(|user| !discovered(user)).collect();
    let mut done = actions.len() - open.len();
    for portion in open.chunks(PEOPLE_PER_PORTION) {
        let events = read_portion(recorder, reader, policy, portion, &actions).await?;
        crash::point(Point::C1);
        recorder.record(events)?;
        done += portion.len();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        progress(count(done), count(actions.len()));
    }
    Ok(())
}

async fn read_portion(
    recorder: &Recorder<'_>,
    reader: &Reader,
    policy: &Policy,
    people: &[UserId],
    actions: &BTreeMap<UserId, ActionKind>,
) -> Result<Vec<Event>, PlanError> {
    let known = recorder.view().workflows(recorder.job())?;
    let scope = rows_to_read(&recorder.view().row_kinds(recorder.job())?);
    let open_tasks = reader.open_tasks(people).await?;
    let found: BTreeSet<WorkflowId> = open_tasks
        .iter()
        .flatten()
        .map(|task| &task.workflow)
        .filter(|id| !known.contains_key(id))
        .cloned()
        .collect();
    let found: Vec<WorkflowId> = found.into_iter().collect();
    let instances = reader.instances(&found).await?;
    let rows = reader.workflow_tasks(&found, scope).await?;
    let users = recorder.view().users(recorder.job())?;
    let strangers = strangers(&instances, &rows, |user| {
        users.contains_key(&user) || actions.contains_key(&user)
    });
    let met: Vec<UserRow> = reader
        .users(&strangers.iter().copied().map(UserQuery::Id).collect::<Vec<_>>())
        .await?
        .into_iter()
        .flatten()
        .collect();
    let mut active: BTreeMap<UserId, bool> = users.values().map(|user| (user.user, user.active)).collect();
    active.extend(met.iter().map(|user| (user.id, user.active)));

    let mut events: Vec<Event> = met.iter().map(|user| user_recorded(user, policy)).collect();
    events.extend(
        open_tasks
            .iter()
            .flatten()
            .chain(rows.iter().flatten())
            .map(task_recorded),
    );
    for ((workflow, instance), rows) in found.iter().zip(&instances).zip(&rows) {
        let task = rows
            .first()
            .or_else(|| open_tasks.iter().flatten().find(|task| &task.workflow == workflow));
        events.push(workflow_recorded(workflow, instance.as_ref(), task, &active));
    }
    for (user, tasks) in people.iter().zip(&open_tasks) {
        let tasks = u32::try_from(tasks.len()).unwrap_or(u32::MAX);
        events.push(Event::UserDiscovered(UserDiscovered { user: *user, tasks }));
    }
    Ok(events)
}

/// For a kill every task row, since the kill erases them all; for a termination only those that wait, since the others stay. A kill can still
/// come out of a conflict, or out of a row that somebody decides about later: so this goes by all rows of the roster.
fn rows_to_read(kinds: &[ActionKind]) -> TaskScope {
    if kinds.contains(&ActionKind::Kill) {
        TaskScope::All
    } else {
        TaskScope::Waiting
    }
}

/// Starters and participants whom the job has not met.
fn strangers(
    instances: &[Option<InstanceRow>],
    rows: &[Vec<TaskRow>],
    known: impl Fn(UserId) -> bool,
) -> BTreeSet<UserId> {
    let starters = instances.iter().flatten().filter_map(|instance| instance.started_by);
    let participants = rows.iter().flatten().map(|task| task.user);
    // User 0 stands for "nobody" (a workflow that the portal started by itself).
    starters
        .chain(participants)
        .filter(|user| user.0 != 0 && !known(*user))
        .collect()
}

/// A user as the portal shows them. Their departments are kept only where a rule goes by them.
pub(crate) fn user_recorded(user: &UserRow, policy: &Policy) -> Event {
    let whom = About::User(user.id);
    Event::UserRecorded(Box::new(UserRecorded {
        user: user.id,
        active: user.active,
        first_name: user.first_name.as_ref().map(|text| text.about(whom)),
        last_name: user.last_name.as_ref().map(|text| text.about(whom)),
        second_name: user.second_name.as_ref().map(|text| text.about(whom)),
        email: user.email.as_ref().map(|text| text.about(whom)),
        user_type: user.user_type.clone(),
        departments: user.departments.clone().filter(|_| policy.reads_departments()),
    }))
}

fn task_recorded(task: &TaskRow) -> Event {
    let whom = About::User(task.user);
    Event::TaskRecorded(Box::new(TaskRecorded {
        task: task.id,
        workflow: task.workflow.clone(),
        user: task.user,
        status: task.status,
        user_status: task.user_status,
        name: task.name.as_ref().map(|text| text.about(whom)),
        document_name: task.document_name.as_ref().map(|text| text.about(whom)),
        modified: task.modified.clone(),
        overdue: task.overdue.clone(),
    }))
}

fn workflow_recorded(
    workflow: &WorkflowId,
    instance: Option<&InstanceRow>,
    task: Option<&TaskRow>,
    active: &BTreeMap<UserId, bool>,
) -> Event {
    let either = |from_instance: fn(&InstanceRow) -> &Option<String>, from_task: fn(&TaskRow) -> &Option<String>| {
        instance
            .and_then(|row| from_instance(row).clone())
            .or_else(|| task.and_then(|row| from_task(row).clone()))
    };
    let started_by = instance
        .and_then(|row| row.started_by)
        .or_else(|| task.and_then(|row| row.started_by))
        .filter(|user| user.0 != 0);
    let shown_by = task.filter(|row| row.document_name.is_some());
    Event::WorkflowRecorded(Box::new(WorkflowRecorded {
        workflow: workflow.clone(),
        running: instance.is_some(),
        module: either(|row| &row.module, |row| &row.module),
        entity: either(|row| &row.entity, |row| &row.entity),
        document: either(|row| &row.document_id, |row| &row.document_id),
        document_name: shown_by.and_then(|row| Some(row.document_name.as_ref()?.about(About::User(row.user)))),
        document_name_about: shown_by.map(|row| row.user),
        template: either(|row| &row.template_id, |row| &row.template_id),
        started: either(|row| &row.started, |row| &row.started),
        started_by,
        started_by_active: started_by.and_then(|user| active.get(&user).copied()),
    }))
}
