//! A job as the reports tell it: everything that the journal knows about it, put together once, for all formats.
//!
//! From the journal alone. No clock, no portal, no lock, no locale: the same journal gives the same report, byte for byte, wherever it is
//! read. So a run without an end is reported as just that; whether its process still lives is nothing that a journal knows.

use std::collections::{BTreeMap, BTreeSet};

use super::review::Review;
use super::status::{JobState, JobStatus};
use super::text::Text;
use super::timeline::{Batch, Pause, Run, runs};
use crate::domain::{ActionId, ActionState, JobId, Outcome, RowNumber, RowState, RunId, TaskId, UserId, WorkflowId};
use crate::journal::{
    ActionRecord, AnswerKind, CheckpointRecord, Erasures, Event, JobRecord, JournalError, Recorded, Returned,
    RosterRead, RowRecord, TaskView, Told, View, WorkflowView,
};

/// The kinds of event that a report tells one by one.
const TOLD: &[&str] = &[
    "job_created",
    "row_read",
    "run_started",
    "run_abandoned",
    "run_finished",
    "action_planned",
    "plan_frozen",
    "plan_decided",
    "workflow_decided",
    "plan_approved",
    "plan_confirmed",
    "attempt_intended",
    "attempt_answered",
    "action_returned",
    "action_ended",
    "action_reopened",
    "paused",
    "job_closed",
];

/// A job, for reports.
pub struct Report {
    /// The database's random id.
    pub database: String,
    /// The job as recorded.
    pub record: JobRecord,
    /// Where it stands.
    pub status: JobStatus,
    /// Runs without an end on record.
    pub open_runs: Vec<RunId>,
    /// What was detected in the roster; none only in a journal that is not ours.
    pub roster: Option<RosterRead>,
    /// The roster's columns: the header cell, and the field that it was taken for.
    pub columns: Vec<(Text, Option<String>)>,
    /// The policy, as canonical JSON.
    pub policy: Option<String>,
    /// Why it is done, in the operator's words.
    pub reason: Text,
    /// The ticket that it is done for.
    pub ticket: Text,
    /// The roster.
    pub rows: Vec<Row>,
    /// Everybody whom the job knows of.
    pub users: BTreeMap<UserId, User>,
    /// The matched people, in the order of their rows.
    pub people: Vec<Person>,
    /// The plan.
    pub actions: Vec<Action>,
    /// Tasks of matched people whose workflow no longer runs.
    pub orphans: Vec<Orphan>,
    /// Task rows left of killed workflows.
    pub residue: Vec<(WorkflowId, u32)>,
    /// Workflows that were gone and were listed again at the end.
    pub relisted: Vec<WorkflowId>,
    /// The runs.
    pub runs: Vec<Run>,
    /// What people decided about the plan, and who approved it.
    pub review: Review,
    /// The consent.
    pub consent: Option<Consent>,
    /// What the report can be held against.
    pub anchor: Anchor,
}

/// A row of the roster.
pub struct Row {
    /// As recorded.
    pub record: RowRecord,
    /// Each key of the row: the field, and the cell.
    pub written: Vec<(&'static str, Text)>,
    /// The `note` cell.
    pub note: Text,
    /// Unknown columns: header and cell.
    pub other: Vec<(Text, Text)>,
    /// Everybody who was considered.
    pub candidates: Vec<UserId>,
    /// Its actions, as places in [`Report::actions`]: for a duplicate, those of the row that it repeats.
    pub actions: Vec<usize>,
}

/// A user.
pub struct User {
    /// First and last name.
    pub name: Text,
    /// Whether they still worked here.
    pub active: bool,
    /// The address.
    pub email: Text,
}

/// A matched person.
pub struct Person {
    /// Who.
    pub user: UserId,
    /// Their rows, duplicates too.
    pub rows: Vec<RowNumber>,
    /// Places in [`Report::actions`].
    pub actions: Vec<usize>,
    /// Places in [`Report::orphans`].
    pub orphans: Vec<usize>,
}

/// An action and its history.
pub struct Action {
    /// As recorded.
    pub record: ActionRecord,
    /// The rows that it is credited to.
    pub rows: Vec<RowNumber>,
    /// The open tasks of its workflow: number and title.
    pub tasks: Vec<(TaskId, Text)>,
    /// Its workflow.
    pub workflow: Option<WorkflowView>,
    /// The document's title.
    pub document: Text,
    /// When it was planned.
    pub planned_at: String,
    /// Every sending, in order.
    pub attempts: Vec<Attempt>,
    /// Every time that it was planned again after an end.
    pub reopened: Vec<Reopened>,
    /// When it ended.
    pub ended_at: Option<String>,
    /// The event that gave it the state that it has.
    pub evidence: Evidence,
}

/// Where an event stands in the record.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Evidence {
    /// Its sequence number.
    pub seq: u64,
    /// Its leaf hash, 64 hexadecimal digits.
    pub leaf: String,
}

/// One sending of an action.
pub struct Attempt {
    /// Its number.
    pub number: u32,
    /// The run.
    pub run: Option<RunId>,
    /// When the intent was recorded; the request left after that.
    pub sent_at: String,
    /// When what came back was recorded.
    pub answered_at: Option<String>,
    /// What the answer amounts to.
    pub answer: Option<AnswerKind>,
    /// The portal's error code, or the word for what is in doubt.
    pub code: Option<String>,
    /// The portal's words.
    pub text: Text,
    /// Why the action was planned again after it.
    pub returned: Option<Returned>,
}

/// An end that was taken back.
pub struct Reopened {
    /// When.
    pub at: String,
    /// The outcome that it had.
    pub outcome: Outcome,
    /// The operator's words.
    pub reason: Text,
}

/// A task that stays whatever is done.
pub struct Orphan {
    /// The task.
    pub task: TaskId,
    /// Its title.
    pub title: Text,
    /// Whom it waits for.
    pub user: UserId,
    /// Its workflow.
    pub workflow: WorkflowId,
}

/// The consent.
pub struct Consent {
    /// When.
    pub at: String,
    /// In which run.
    pub run: Option<RunId>,
    /// What was confirmed.
    pub confirm: String,
    /// How: `terminal`, `--confirm` or `--max-actions`.
    pub by: String,
}

/// What a report can be held against.
pub struct Anchor {
    /// The last event about the job.
    pub last_event: Option<Evidence>,
    /// The oldest checkpoint that covers it; or the newest, where none does.
    pub checkpoint: Option<CheckpointRecord>,
}

impl Anchor {
    /// Whether the checkpoint covers every event of the job.
    pub fn is_covered(&self) -> bool {
        match (&self.checkpoint, &self.last_event) {
            (Some(checkpoint), Some(last)) => checkpoint.size > last.seq,
            _ => false,
        }
    }
}

/// How many actions are in each state, in the order of the design, only those that occur.
pub type Tally = Vec<(ActionState, u32)>;

/// Every state, in the order in which reports show them.
pub fn states() -> impl Iterator<Item = ActionState> {
    Outcome::ALL.iter().copied().map(ActionState::Ended).chain([
        ActionState::Sent,
        ActionState::Planned,
        ActionState::Held,
    ])
}

impl Action {
    /// Whether it is in the plan to be carried out and its workflow was started by a colleague who still worked here.
    pub fn is_started_by_colleague(&self) -> bool {
        let by_colleague = |view: &WorkflowView| view.started_by_active == Some(true);
        self.record.state != ActionState::Held && self.workflow.as_ref().is_some_and(by_colleague)
    }

    /// Whether ending it may stop the robots of a deal or an item for everybody.
    pub fn may_run_robots(&self) -> bool {
        let module = self.workflow.as_ref().and_then(|view| view.module.as_deref());
        self.record.state != ActionState::Held && matches!(module, Some("crm" | "rpa"))
    }

    /// The portal's last words about it, and their code.
    pub fn last_answer(&self) -> Option<&Attempt> {
        self.attempts
            .iter()
            .rev()
            .find(|attempt| attempt.code.is_some() || !attempt.text.is_nothing())
    }

    /// The title of its first task; else of its document.
    pub fn title(&self) -> &Text {
        let titled = self
            .tasks
            .iter()
            .map(|(_, title)| title)
            .find(|title| !title.is_nothing());
        titled.unwrap_or(&self.document)
    }
}

impl Report {
    /// Puts a job together.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn read(view: View<'_>, record: JobRecord) -> Result<Self, JournalError> {
        let job = record.job;
        let mut status = JobStatus::read(view, &record, false)?;
        let erasures = view.erasures()?;
        let told = view.told(job, TOLD)?;
        let open_runs: Vec<RunId> = view
            .runs(job)?
            .into_iter()
            .filter(|run| run.finished_at.is_none())
            .map(|run| run.run)
            .collect();
        if !open_runs.is_empty() {
            // Still at work, or dead: the journal cannot tell.
            status.stop_reason = None;
        }
        let workflows = view.workflows(job)?;
        let found = Found::read(view, job, &erasures)?;
        let mut actions = actions(view, &found, &workflows, &told, &erasures)?;
        let rows = rows(view, job, &told, &erasures, &mut actions)?;
        let orphans: Vec<Orphan> = view
            .orphans(job)?
            .iter()
            .map(|task| Orphan {
                task: task.task,
                title: found.title(task),
                user: task.user,
                workflow: task.workflow.clone(),
            })
            .collect();
        let people = people(&rows, &actions, &orphans);
        let (roster, columns) = roster(view, &told, &erasures)?;
        let (reason, ticket) = reason_and_ticket(view, &told, &erasures)?;
        let policy = view.policy(job)?;
        let to_be_done = status.actions["total"] - status.count(ActionState::Held);
        let review = Review::of(&told, record.plan_hash.as_deref(), policy.as_deref(), to_be_done);
        let last_event = view.last_event(job)?.map(|(seq, leaf)| Evidence { seq, leaf });
        let checkpoint = match &last_event {
            Some(last) => view.checkpoint_over(last.seq)?,
            None => None,
        };
        Ok(Self {
            database: view.database()?,
            status,
            open_runs,
            roster,
            columns,
            policy,
            reason,
            ticket,
            rows,
            users: users(view, job, &erasures)?,
            people,
            actions,
            orphans,
            residue: view.residue(job)?,
            relisted: relisted(&told),
            runs: runs(view.runs(job)?, &told),
            review,
            consent: consent(&told),
            anchor: Anchor { last_event, checkpoint },
            record,
        })
    }

    /// How many of these actions are in each state.
    pub fn tally(&self, places: &[usize]) -> Tally {
        let mut counts: BTreeMap<ActionState, u32> = BTreeMap::new();
        for action in places.iter().filter_map(|place| self.actions.get(*place)) {
            *counts.entry(action.record.state).or_default() += 1;
        }
        states()
            .filter_map(|state| Some((state, *counts.get(&state)?)))
            .collect()
    }

    /// Rows that need a person: nothing is done for them.
    pub fn unmatched(&self) -> impl Iterator<Item = &Row> {
        self.rows
            .iter()
            .filter(|row| !matches!(row.record.state, Some(RowState::Matched | RowState::Duplicate)))
    }

    /// Actions in one of these states.
    pub fn in_states<'a>(&'a self, states: &'a [ActionState]) -> impl Iterator<Item = &'a Action> {
        self.actions
            .iter()
            .filter(move |action| states.contains(&action.record.state))
    }

    /// Whether it was asked for and is not done, or not known to be.
    pub fn is_undone(&self, action: &Action) -> bool {
        match action.record.state {
            ActionState::Planned => self.status.is_confirmed(),
            ActionState::Sent | ActionState::Ended(Outcome::Failed | Outcome::Survived | Outcome::Drifted) => true,
            _ => false,
        }
    }

    /// Whether the plan is frozen and nobody has confirmed it.
    pub fn is_planned(&self) -> bool {
        self.record.frozen_at.is_some() && !self.status.is_confirmed() && self.status.state != JobState::Complete
    }

    /// All pauses of all runs.
    pub fn pauses(&self) -> impl Iterator<Item = (&Run, &Pause)> {
        self.runs
            .iter()
            .flat_map(|run| run.pauses.iter().map(move |pause| (run, pause)))
    }

    /// All batches of all runs.
    pub fn batches(&self) -> impl Iterator<Item = (&Run, &Batch)> {
        self.runs
            .iter()
            .flat_map(|run| run.batches.iter().map(move |batch| (run, batch)))
    }

    /// Whether a personal value that it would have shown was erased.
    pub fn is_partly_erased(&self) -> bool {
        let erased = |text: &Text| matches!(text, Text::Erased(_));
        let in_action = |action: &Action| {
            erased(&action.document)
                || action.tasks.iter().any(|(_, title)| erased(title))
                || action.attempts.iter().any(|attempt| erased(&attempt.text))
        };
        [&self.reason, &self.ticket].into_iter().any(erased)
            || self.users.values().any(|user| erased(&user.name))
            || self
                .rows
                .iter()
                .any(|row| row.written.iter().any(|(_, text)| erased(text)))
            || self.orphans.iter().any(|orphan| erased(&orphan.title))
            || self.actions.iter().any(in_action)
    }

    /// A row by its number.
    pub fn row(&self, number: RowNumber) -> Option<&Row> {
        let place = self.rows.binary_search_by_key(&number, |row| row.record.row).ok()?;
        self.rows.get(place)
    }

    /// The number of each workflow's action.
    pub fn numbers(&self) -> BTreeMap<&WorkflowId, ActionId> {
        let actions = self.actions.iter().map(|action| &action.record);
        actions.map(|action| (&action.workflow, action.action)).collect()
    }

    /// A user's name.
    pub fn name(&self, user: UserId) -> Text {
        self.users.get(&user).map(|user| user.name.clone()).unwrap_or_default()
    }
}

/// What discovery found, with its titles.
struct Found {
    tasks: Vec<TaskView>,
    titles: crate::journal::ErasedTitles,
    actions: Vec<ActionRecord>,
}

impl Found {
    fn read(view: View<'_>, job: JobId, erasures: &Erasures) -> Result<Self, JournalError> {
        Ok(Self {
            tasks: view.tasks(job)?,
            titles: view.erased_titles(job, erasures)?,
            actions: view.actions(job)?,
        })
    }

    fn title(&self, task: &TaskView) -> Text {
        match (&task.name, self.titles.tasks.get(&(task.task, task.user))) {
            (Some(name), _) => Text::There(name.expose().to_owned()),
            (None, Some(at)) => Text::Erased(at.clone()),
            (None, None) => Text::Nothing,
        }
    }

    fn document(&self, view: &WorkflowView) -> Text {
        match (&view.document_name, self.titles.documents.get(&view.workflow)) {
            (Some(name), _) => Text::There(name.expose().to_owned()),
            (None, Some(at)) => Text::Erased(at.clone()),
            (None, None) => Text::Nothing,
        }
    }
}

fn actions(
    view: View<'_>,
    found: &Found,
    workflows: &BTreeMap<WorkflowId, WorkflowView>,
    told: &[Told],
    erasures: &Erasures,
) -> Result<Vec<Action>, JournalError> {
    let mut tasks: BTreeMap<&WorkflowId, BTreeMap<TaskId, Text>> = BTreeMap::new();
    for task in found.tasks.iter().filter(|task| task.waits()) {
        let titles = tasks.entry(&task.workflow).or_default();
        let title = titles.entry(task.task).or_default();
        // One user's copy of a title may be erased while another's is still there.
        if title.there().is_none() {
            *title = found.title(task);
        }
    }
    let mut actions: Vec<Action> = found
        .actions
        .iter()
        .map(|record| {
            let workflow = workflows.get(&record.workflow).cloned();
            Action {
                rows: Vec::new(),
                tasks: tasks.remove(&record.workflow).unwrap_or_default().into_iter().collect(),
                document: workflow.as_ref().map(|view| found.document(view)).unwrap_or_default(),
                workflow,
                planned_at: String::new(),
                attempts: Vec::new(),
                reopened: Vec::new(),
                ended_at: None,
                evidence: Evidence::default(),
                record: record.clone(),
            }
        })
        .collect();
    let places: BTreeMap<u32, usize> = (0..)
        .zip(&actions)
        .map(|(place, action)| (action.record.action.0, place))
        .collect();
    for event in told {
        let Some(action) = action_of(&event.event).and_then(|id| actions.get_mut(*places.get(&id)?)) else {
            continue;
        };
        tell(view, action, event, erasures)?;
    }
    Ok(actions)
}

/// The action that an event is about.
fn action_of(event: &Event) -> Option<u32> {
    Some(match event {
        Event::ActionPlanned(event) => event.action.0,
        Event::AttemptIntended(event) => event.action.0,
        Event::AttemptAnswered(event) => event.action.0,
        Event::ActionReturned(event) => event.action.0,
        Event::ActionEnded(event) => event.action.0,
        Event::ActionReopened(event) => event.action.0,
        _ => return None,
    })
}

/// Adds an event to the history of its action.
fn tell(view: View<'_>, action: &mut Action, told: &Told, erasures: &Erasures) -> Result<(), JournalError> {
    let at = || told.at.clone();
    match &told.event {
        Event::ActionPlanned(_) => action.planned_at = at(),
        Event::AttemptIntended(event) => action.attempts.push(Attempt {
            number: event.attempt,
            run: told.run,
            sent_at: at(),
            answered_at: None,
            answer: None,
            code: None,
            text: Text::Nothing,
            returned: None,
        }),
        Event::AttemptAnswered(event) => {
            if let Some(attempt) = attempt(action, event.attempt) {
                attempt.answered_at = Some(at());
                attempt.answer = Some(event.answer);
                attempt.code.clone_from(&event.code);
                attempt.text = view.value(event.text.as_ref(), erasures)?.into();
            }
            // An answer alone changes no state.
            return Ok(());
        }
        Event::ActionReturned(event) => {
            if let Some(attempt) = attempt(action, event.attempt) {
                attempt.returned = Some(event.why);
            }
        }
        Event::ActionEnded(_) => action.ended_at = Some(at()),
        Event::ActionReopened(event) => {
            action.ended_at = None;
            action.reopened.push(Reopened {
                at: at(),
                outcome: event.outcome,
                reason: view.value(event.reason.as_ref(), erasures)?.into(),
            });
        }
        _ => return Ok(()),
    }
    action.evidence = Evidence {
        seq: told.seq,
        leaf: told.leaf.clone(),
    };
    Ok(())
}

fn attempt(action: &mut Action, number: u32) -> Option<&mut Attempt> {
    action
        .attempts
        .iter_mut()
        .rev()
        .find(|attempt| attempt.number == number)
}

/// The rows; each learns its actions, and each action its rows.
fn rows(
    view: View<'_>,
    job: JobId,
    told: &[Told],
    erasures: &Erasures,
    actions: &mut [Action],
) -> Result<Vec<Row>, JournalError> {
    let mut cells: BTreeMap<RowNumber, (Text, Vec<(Text, Text)>)> = BTreeMap::new();
    for event in told {
        let Event::RowRead(event) = &event.event else { continue };
        let mut other = Vec::new();
        for cell in &event.other {
            let column: Text = view.value(Some(&cell.column), erasures)?.into();
            other.push((column, view.value(Some(&cell.value), erasures)?.into()));
        }
        cells.insert(event.row, (view.value(event.note.as_ref(), erasures)?.into(), other));
    }
    let mut by_user: BTreeMap<UserId, Vec<usize>> = BTreeMap::new();
    for (place, action) in (0..).zip(actions.iter()) {
        for user in &action.record.people {
            by_user.entry(*user).or_default().push(place);
        }
    }
    let mut candidates = view.candidates(job)?;
    let mut rows = Vec::new();
    for record in view.rows(job)? {
        let credited = matches!(record.state, Some(RowState::Matched | RowState::Duplicate));
        let places = record
            .user
            .filter(|_| credited)
            .and_then(|user| by_user.get(&user).cloned());
        let places = places.unwrap_or_default();
        for place in &places {
            actions[*place].rows.push(record.row);
        }
        let (note, other) = cells.remove(&record.row).unwrap_or_default();
        let of_row = erasures.of_row(job, record.row);
        let erased = of_row.or_else(|| record.user.and_then(|user| erasures.of_user(user)));
        rows.push(Row {
            written: written(&record, erased),
            note,
            other,
            candidates: candidates.remove(&record.row).unwrap_or_default(),
            actions: places,
            record,
        });
    }
    Ok(rows)
}

/// The row's keys as written.
fn written(record: &RowRecord, erased: Option<&str>) -> Vec<(&'static str, Text)> {
    let id = record.id.map(|id| ("id", Text::There(id.to_string())));
    let texts = [
        ("email", &record.email),
        ("first_name", &record.first_name),
        ("second_name", &record.second_name),
        ("last_name", &record.last_name),
        ("full_name", &record.full_name),
    ];
    let there = texts
        .into_iter()
        .filter_map(|(field, value)| Some((field, Text::There(value.as_ref()?.expose().to_owned()))));
    let mut written: Vec<_> = id.into_iter().chain(there).collect();
    if let Some(at) = erased {
        written.push(("", Text::Erased(Some(at.to_owned()))));
    }
    written
}

fn users(view: View<'_>, job: JobId, erasures: &Erasures) -> Result<BTreeMap<UserId, User>, JournalError> {
    let users = view.users(job)?.into_values().map(|user| {
        let erased = erasures.of_user(user.user);
        let names: Vec<&str> = [&user.first_name, &user.last_name]
            .into_iter()
            .flatten()
            .map(crate::personal::Personal::expose)
            .filter(|name| !name.trim().is_empty())
            .collect();
        let name = if names.is_empty() {
            Text::or_erased(None, erased)
        } else {
            Text::There(names.join(" "))
        };
        let email = Text::or_erased(user.email.as_ref(), erased);
        let active = user.active;
        (user.user, User { name, active, email })
    });
    Ok(users.collect())
}

fn people(rows: &[Row], actions: &[Action], orphans: &[Orphan]) -> Vec<Person> {
    let mut people: Vec<Person> = Vec::new();
    let mut places: BTreeMap<UserId, usize> = BTreeMap::new();
    for row in rows {
        let (Some(user), Some(RowState::Matched | RowState::Duplicate)) = (row.record.user, row.record.state) else {
            continue;
        };
        let place = *places.entry(user).or_insert_with(|| {
            people.push(Person {
                user,
                rows: Vec::new(),
                actions: Vec::new(),
                orphans: Vec::new(),
            });
            people.len() - 1
        });
        people[place].rows.push(row.record.row);
    }
    for (index, action) in actions.iter().enumerate() {
        for place in action.record.people.iter().filter_map(|user| places.get(user)) {
            people[*place].actions.push(index);
        }
    }
    for (index, orphan) in orphans.iter().enumerate() {
        if let Some(place) = places.get(&orphan.user) {
            people[*place].orphans.push(index);
        }
    }
    people
}

type Columns = Vec<(Text, Option<String>)>;

fn roster(view: View<'_>, told: &[Told], erasures: &Erasures) -> Result<(Option<RosterRead>, Columns), JournalError> {
    let created = told.iter().find_map(|told| match &told.event {
        Event::JobCreated(event) => Some(&event.roster),
        _ => None,
    });
    let mut columns = Vec::new();
    for column in created.iter().flat_map(|roster| &roster.columns) {
        let name: Text = view.value(Some(&column.name), erasures)?.into();
        columns.push((name, column.field.clone()));
    }
    Ok((created.cloned(), columns))
}

fn reason_and_ticket(view: View<'_>, told: &[Told], erasures: &Erasures) -> Result<(Text, Text), JournalError> {
    let created = told.iter().find_map(|told| match &told.event {
        Event::JobCreated(event) => Some(event),
        _ => None,
    });
    let text = |said: Option<&Recorded>| Ok::<Text, JournalError>(view.value(said, erasures)?.into());
    Ok((
        text(created.and_then(|created| created.reason.as_ref()))?,
        text(created.and_then(|created| created.ticket.as_ref()))?,
    ))
}

fn relisted(told: &[Told]) -> Vec<WorkflowId> {
    let closed = told.iter().rev().find_map(|told| match &told.event {
        Event::JobClosed(event) => Some(event.relisted.clone()),
        _ => None,
    });
    let unique: BTreeSet<WorkflowId> = closed.unwrap_or_default().into_iter().collect();
    unique.into_iter().collect()
}

fn consent(told: &[Told]) -> Option<Consent> {
    told.iter().rev().find_map(|told| match &told.event {
        Event::PlanConfirmed(event) => Some(Consent {
            at: told.at.clone(),
            run: told.run,
            confirm: event.confirm.clone(),
            by: event.by.clone(),
        }),
        _ => None,
    })
}
