//! What hangs on each matched person: their open tasks, the workflows behind them, and everybody else who waits there.
//!
//! Recorded in portions, so that a plan that was interrupted goes on where it stopped.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;
use futures_util::stream;

use super::PlanError;
use super::policy::Policy;
use super::record::Recorder;
use crate::crash::{self, Point};
use crate::domain::{ActionKind, JobId, UserId, WorkflowId};
use crate::journal::{About, Event, TaskRecorded, UserDiscovered, UserRecorded, View, WorkflowRecorded};
use crate::portal::{InstanceRow, Reader, TaskRow, TaskScope, UserQuery, UserRow};

/// People whose findings are recorded in one transaction: few enough that little is read twice after a crash, many enough to fill
/// the portal's batches of 50 commands.
const PEOPLE_PER_PORTION: usize = 250;

/// Portions that are read at the same time, so that the first questions of one wait for the last answers of another.
const PORTIONS_AT_ONCE: usize = 2;

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
    let actions = recorder.view().actions_asked(job)?;
    let scope = rows_to_read(&recorder.view().row_kinds(job)?);
    let users = recorder.view().users_known(job)?;
    let discovered = |user: &UserId| users.get(user).copied().unwrap_or_default();
    let open: Vec<UserId> = actions.keys().copied().filter(|user| !discovered(user)).collect();
    let mut done = actions.len() - open.len();
    let known: BTreeSet<UserId> = users.into_keys().collect();
    let portions = open.chunks(PEOPLE_PER_PORTION);
    let reads = portions.map(|people| read_portion(reader, people, scope, &actions, &known));
    let mut portions = stream::iter(reads).buffered(PORTIONS_AT_ONCE);
    while let Some(portion) = portions.next().await {
        let portion = portion?;
        let events = portion.events(recorder.view(), job, policy)?;
        crash::point(Point::C1);
        recorder.record(events)?;
        done += portion.people.len();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        progress(count(done), count(actions.len()));
    }
    Ok(())
}

/// What was read about some people.
struct Portion<'a> {
    people: &'a [UserId],
    /// For each of them.
    open_tasks: Vec<Vec<TaskRow>>,
    /// The workflows of these tasks, each with its instance and its rows.
    workflows: Vec<(WorkflowId, Option<InstanceRow>, Vec<TaskRow>)>,
    /// Starters and participants whom the job had not met.
    met: Vec<UserRow>,
}

async fn read_portion<'a>(
    reader: &Reader,
    people: &'a [UserId],
    scope: TaskScope,
    actions: &BTreeMap<UserId, ActionKind>,
    known: &BTreeSet<UserId>,
) -> Result<Portion<'a>, PlanError> {
    let open_tasks = reader.open_tasks(people).await?;
    let mut found: BTreeMap<&WorkflowId, usize> = BTreeMap::new();
    for task in open_tasks.iter().flatten() {
        *found.entry(&task.workflow).or_default() += 1;
    }
    let asked: Vec<(WorkflowId, usize)> = found.into_iter().map(|(id, rows)| (id.clone(), rows)).collect();
    let read = reader.workflows(&asked, scope).await?;
    let workflows: Vec<_> = asked
        .into_iter()
        .zip(read)
        .map(|((id, _), (instance, rows))| (id, instance, rows))
        .collect();
    let strangers = strangers(&workflows, |user| known.contains(&user) || actions.contains_key(&user));
    let queries: Vec<UserQuery> = strangers.into_iter().map(UserQuery::Id).collect();
    let met = reader.users(&queries).await?.into_iter().flatten().collect();
    Ok(Portion {
        people,
        open_tasks,
        workflows,
        met,
    })
}

impl Portion<'_> {
    /// Its events, without what other portions recorded in the meantime.
    fn events(&self, view: View<'_>, job: JobId, policy: &Policy) -> Result<Vec<Event>, PlanError> {
        let mut events = Vec::new();
        let mut active: BTreeMap<UserId, bool> = BTreeMap::new();
        for user in &self.met {
            active.insert(user.id, user.active);
            if view.is_active(job, user.id)?.is_none() {
                events.push(user_recorded(user, policy));
            }
        }
        events.extend(self.open_tasks.iter().flatten().map(task_recorded));
        // What is listed again as it was says nothing new.
        let open: BTreeMap<_, &TaskRow> = self
            .open_tasks
            .iter()
            .flatten()
            .map(|row| ((row.id, row.user), row))
            .collect();
        let mut workflows = Vec::new();
        for (workflow, instance, rows) in &self.workflows {
            if view.has_workflow(job, workflow)? {
                continue;
            }
            let seen = |row: &&TaskRow| open.get(&(row.id, row.user)).is_some_and(|open| *open == *row);
            events.extend(rows.iter().filter(|row| !seen(row)).map(task_recorded));
            let task = rows.first().or_else(|| {
                let mut open_tasks = self.open_tasks.iter().flatten();
                open_tasks.find(|task| &task.workflow == workflow)
            });
            let started_by = starter(instance.as_ref(), task);
            let starter_active = match started_by {
                Some(user) => match active.get(&user) {
                    Some(active) => Some(*active),
                    None => view.is_active(job, user)?,
                },
                None => None,
            };
            workflows.push(workflow_recorded(
                workflow,
                instance.as_ref(),
                task,
                started_by,
                starter_active,
            ));
        }
        events.extend(workflows);
        for (user, tasks) in self.people.iter().zip(&self.open_tasks) {
            let tasks = u32::try_from(tasks.len()).unwrap_or(u32::MAX);
            events.push(Event::UserDiscovered(UserDiscovered { user: *user, tasks }));
        }
        Ok(events)
    }
}

/// Who started a workflow; the portal itself is nobody.
fn starter(instance: Option<&InstanceRow>, task: Option<&TaskRow>) -> Option<UserId> {
    instance
        .and_then(|row| row.started_by)
        .or_else(|| task.and_then(|row| row.started_by))
        .filter(|user| user.0 != 0)
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
    workflows: &[(WorkflowId, Option<InstanceRow>, Vec<TaskRow>)],
    known: impl Fn(UserId) -> bool,
) -> BTreeSet<UserId> {
    let starters = workflows
        .iter()
        .filter_map(|(_, instance, _)| instance.as_ref()?.started_by);
    let participants = workflows.iter().flat_map(|(_, _, rows)| rows).map(|task| task.user);
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
    started_by: Option<UserId>,
    started_by_active: Option<bool>,
) -> Event {
    let either = |from_instance: fn(&InstanceRow) -> &Option<String>, from_task: fn(&TaskRow) -> &Option<String>| {
        instance
            .and_then(|row| from_instance(row).clone())
            .or_else(|| task.and_then(|row| from_task(row).clone()))
    };
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
        started_by_active,
    }))
}
