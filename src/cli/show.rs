//! `offboard24 show`: the plan or the result; and the pieces of it that other commands print.

use std::collections::{BTreeMap, BTreeSet};

use std::fmt::Display;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use comfy_table::{Table, presets};
use serde_json::{Value, json};

use super::execution::next_step;
use super::failure::Failure;
use super::language::{Headline, Words};
use super::settings::{Common, ShowBy};
use super::terminal::Terminal;
use super::text::{NOTHING, cell, person, printable};
use super::work::Work;
use super::{Ending, consent, find_job, status};
use crate::domain::{ActionKind, ActionState, HoldReason, JobId, RowState, UserId, WorkflowId};
use crate::exit::Exit;
use crate::journal::{
    ActionRecord, JobRecord, JournalError, JournalFile, RowRecord, TaskView, UserRecord, View, WorkflowView,
};
use crate::report::status::{JobState, JobStatus};

pub(crate) fn show(common: &Common, terminal: &Terminal, named: Option<JobId>, by: ShowBy) -> Ending {
    let place = common.place()?;
    let file = JournalFile::open(&place.database)?;
    let view = file.view();
    let record = find_job(view, named)?;
    let status = JobStatus::read(view, &record, status::is_live(&place.database))?;
    let words = terminal.words();
    if common.json {
        let content = Content::read(words, view, record.job, Most::AS_OBJECT)?;
        terminal.object(&content.json(view, &status)?);
        return Ok(Exit::Done);
    }
    let head = headline(words, &status);
    let read = |most| Content::read(words, view, record.job, most);
    let shown = match by {
        // As `plan` printed it: whoever confirms has to see what colleagues started, too.
        ShowBy::Person if status.state == JobState::Planned => plan_text(words, view, &status)?,
        ShowBy::Person => {
            let content = read(Most::BY_PERSON)?;
            let people = content.by_person();
            let orphans = content.orphans_text().map(|orphans| format!("\n\n{orphans}"));
            format!("{head}\n\n{people}{}", orphans.unwrap_or_default())
        }
        ShowBy::Workflow => {
            let content = read(Most::BY_WORKFLOW)?;
            format!("{head}\n\n{}", content.by_workflow(&content.actions))
        }
        ShowBy::Hold => format!("{head}\n\n{}", read(Most::BY_HOLD)?.by_hold()),
    };
    terminal.say(&shown);
    if status.state == JobState::Planned {
        let now = place.surroundings.clock().utc();
        terminal.say(&format!("\n{}", way_on(terminal, view, &record, &status, now)));
    }
    Ok(Exit::Done)
}

/// What `plan` ends with. A plan over a cap is shown, so that somebody can see why, and refused.
pub(crate) fn tell_plan(work: &Work, job: JobId) -> Ending {
    let status = &work.status(job)?;
    let (terminal, view, record) = (&work.terminal, work.journal.view(), work.job(Some(job))?);
    let words = terminal.words();
    let plan = plan_text(words, view, status)?;
    if let Err(refusal) = consent::check_caps(view, &record) {
        work.terminal.say(&plan);
        return Err(refusal.with(status));
    }
    let object = serde_json::to_value(status).map_err(JournalError::from)?;
    let end = if status.state == JobState::Complete {
        words.nothing_planned.to_owned()
    } else {
        way_on(terminal, view, &record, status, work.now())
    };
    let database = (words.database)(&work.place.database);
    work.terminal.say(&format!("{plan}\n\n{end}\n{database}"));
    work.terminal.object(&object);
    Ok(deserved(view, &record, status))
}

/// The code that a job deserves as it stands. A plan that is over a cap, or that a second person has yet to approve, does not only wait for
/// its confirmation.
pub(crate) fn deserved(view: View<'_>, record: &JobRecord, status: &JobStatus) -> Exit {
    if status.state != JobState::Planned {
        return status.exit();
    }
    let over = consent::check_caps(view, record).err().map(|refusal| refusal.exit);
    let unapproved = consent::check_approved(view, record).err().map(|_| Exit::NeedsDecision);
    Exit::first([over, unapproved, Some(status.exit())].into_iter().flatten())
}

/// Lines of each list in a plan as it is printed. Nobody reads more of them at a terminal; whoever wants to gets them from `show` and `report`.
const LINES_MAX: usize = 1000;

/// Lines of each list that are kept: what is not printed is only counted.
#[derive(Clone, Copy)]
struct Most {
    rows: usize,
    orphans: usize,
    actions: usize,
    held: usize,
    /// Of each of the lists that deserve a look before all others.
    first: usize,
}

impl Most {
    const NONE: Self = Self {
        rows: 0,
        orphans: 0,
        actions: 0,
        held: 0,
        first: 0,
    };
    const BY_PERSON: Self = Self {
        rows: usize::MAX,
        orphans: usize::MAX,
        ..Self::NONE
    };
    const BY_WORKFLOW: Self = Self {
        actions: usize::MAX,
        ..Self::NONE
    };
    const BY_HOLD: Self = Self {
        held: usize::MAX,
        ..Self::NONE
    };
    const AS_OBJECT: Self = Self {
        rows: usize::MAX,
        actions: usize::MAX,
        ..Self::NONE
    };
    const OF_PLAN: Self = Self {
        rows: LINES_MAX,
        orphans: LINES_MAX,
        actions: 0,
        held: LINES_MAX,
        first: LINES_MAX,
    };
}

/// The plan, for the person who has to confirm it: first what colleagues started and what may run robots, then people, holds, and what is not
/// recorded.
pub(crate) fn plan_text(words: &'static Words, view: View<'_>, status: &JobStatus) -> Result<String, Failure> {
    let content = Content::read(words, view, status.job, Most::OF_PLAN)?;
    let mut parts = vec![headline(words, status)];
    parts.extend(content.shared());
    parts.extend(content.started_by_colleagues());
    parts.extend(content.robots());
    parts.push(content.by_person());
    if status.count(ActionState::Held) > 0 {
        parts.push(format!("{}\n{}", words.held_first, content.by_hold()));
    }
    parts.extend(content.orphans_text());
    if content.has_kills {
        parts.push(words.kill_erases.to_owned());
    }
    Ok(parts.join("\n\n"))
}

/// One line: which job, where, in which state, with how many actions of which state.
pub(crate) fn headline(words: &Words, status: &JobStatus) -> String {
    let plan = status.plan_hash.as_deref().and_then(|hash| hash.get(..8));
    (words.headline)(&Headline {
        job: status.job,
        portal: &status.portal,
        state: &words.job(status.state, status.stop_reason),
        plan: plan.unwrap_or(NOTHING),
        rows: status.rows["total"],
        actions: status.actions["total"],
        states: &by_state(&status.actions, |state| words.action(state)),
    })
}

/// `1 held, 16 planned`. What is no state, such as the total, is left out.
fn by_state<S: FromStr, T: Display>(counts: &BTreeMap<&str, u32>, shown: impl Fn(S) -> T) -> String {
    let of: Vec<String> = counts
        .iter()
        .filter(|(_, number)| **number > 0)
        .filter_map(|(state, number)| Some(format!("{number} {}", shown(state.parse().ok()?))))
        .collect();
    if of.is_empty() {
        NOTHING.to_owned()
    } else {
        of.join(", ")
    }
}

/// What `status` prints for people.
pub(crate) fn status_text(
    terminal: &Terminal,
    view: View<'_>,
    record: &JobRecord,
    status: &JobStatus,
    now: DateTime<Utc>,
) -> String {
    let words = terminal.words();
    let mut lines = vec![
        headline(words, status),
        (words.status_rows)(&by_state(&status.rows, |state| words.row(state))),
        (words.status_counts)(status.orphans, status.requests),
    ];
    if status.state == JobState::Planned {
        lines.push(way_on(terminal, view, record, status, now));
    } else {
        lines.extend(next_step(words, status).map(|next| terminal.next(&next)));
    }
    lines.join("\n")
}

/// What the person is about to do, before the prompt.
pub(crate) fn warning(words: &Words, status: &JobStatus) -> String {
    (words.warning)(
        status.count(ActionState::Planned),
        status.actions["total"],
        &status.portal,
    )
}

/// What carries a plan out; or, where it would be refused, what is missing and what to type.
fn way_on(terminal: &Terminal, view: View<'_>, record: &JobRecord, status: &JobStatus, now: DateTime<Utc>) -> String {
    let usable =
        consent::check_usable(view, record, &record.portal, now).and_then(|()| consent::check_approved(view, record));
    let words = terminal.words();
    let way = match usable {
        Ok(()) => (words.carry_out)(status.job, status.confirm.as_deref().unwrap_or_default()),
        Err(obstacle) => terminal.obstacle(&obstacle),
    };
    if status.count(ActionState::Held) > 0 || status.rows_open() > 0 {
        format!("{}\n{way}", (words.how_to_decide)(status.job))
    } else {
        way
    }
}

/// The first of a list, and how many it has.
struct First<T> {
    most: usize,
    items: Vec<T>,
    total: usize,
}

impl<T> First<T> {
    fn of(most: usize) -> Self {
        Self {
            most,
            items: Vec::new(),
            total: 0,
        }
    }

    fn push(&mut self, item: &T)
    where
        T: Clone,
    {
        self.total += 1;
        if self.items.len() < self.most {
            self.items.push(item.clone());
        }
    }

    fn number(&self) -> u32 {
        u32::try_from(self.total).unwrap_or(u32::MAX)
    }
}

/// What is done about the workflows of one person.
#[derive(Default)]
struct Share {
    states: BTreeMap<ActionState, u32>,
    kinds: BTreeSet<Option<ActionKind>>,
}

/// What is shown of a job: of each list only the first so many.
struct Content {
    words: &'static Words,
    job: JobId,
    rows: First<RowRecord>,
    candidates: BTreeMap<crate::domain::RowNumber, Vec<UserId>>,
    /// Those who are named in the lists.
    users: BTreeMap<UserId, UserRecord>,
    /// Those of the actions in the lists.
    workflows: BTreeMap<WorkflowId, WorkflowView>,
    titles: BTreeMap<WorkflowId, String>,
    /// Open tasks of matched people whose workflow does not run.
    orphans: First<TaskView>,
    actions: First<ActionRecord>,
    held: First<ActionRecord>,
    /// Planned, in workflows where somebody else waits, too: only where the policy includes them.
    shared: First<ActionRecord>,
    /// Planned, and started by a colleague.
    by_colleagues: First<ActionRecord>,
    /// Planned, and something a deal or an item may go on by: when such a workflow ends, its robots stop for everybody (protocol section 5.5).
    robots: First<ActionRecord>,
    planned: u32,
    has_kills: bool,
    /// Of those in the listed rows.
    shares: BTreeMap<UserId, Share>,
}

impl Content {
    fn read(words: &'static Words, view: View<'_>, job: JobId, most: Most) -> Result<Self, JournalError> {
        let mut content = Self {
            words,
            job,
            rows: First::of(most.rows),
            candidates: view.candidates(job)?,
            users: BTreeMap::new(),
            workflows: BTreeMap::new(),
            titles: BTreeMap::new(),
            orphans: First::of(most.orphans),
            actions: First::of(most.actions),
            held: First::of(most.held),
            shared: First::of(most.first),
            by_colleagues: First::of(most.first),
            robots: First::of(most.first),
            planned: 0,
            has_kills: false,
            shares: BTreeMap::new(),
        };
        for row in view.each_row(job) {
            content.rows.push(&row?);
        }
        let listed = content.rows.items.iter().filter_map(|row| row.user);
        content.shares = listed.map(|user| (user, Share::default())).collect();
        for task in view.orphans(job)? {
            content.orphans.push(&task);
        }
        for action in view.each_action(job) {
            content.take(view, &action?)?;
        }
        content.look_up(view)?;
        Ok(content)
    }

    fn take(&mut self, view: View<'_>, action: &ActionRecord) -> Result<(), JournalError> {
        for user in &action.people {
            if let Some(share) = self.shares.get_mut(user) {
                *share.states.entry(action.state).or_default() += 1;
                share.kinds.insert(action.kind);
            }
        }
        self.has_kills |= action.kind == Some(ActionKind::Kill);
        if action.state == ActionState::Held {
            self.held.push(action);
        }
        if action.state == ActionState::Planned {
            self.planned += 1;
            if self.robots.most > 0 {
                self.take_first(view, action)?;
            }
        }
        self.actions.push(action);
        Ok(())
    }

    /// Into the lists that deserve a look before all others.
    fn take_first(&mut self, view: View<'_>, action: &ActionRecord) -> Result<(), JournalError> {
        let workflow = view.workflow(self.job, &action.workflow)?;
        if !action.others.is_empty() {
            self.shared.push(action);
        }
        if workflow.as_ref().and_then(|view| view.started_by_active) == Some(true) {
            self.by_colleagues.push(action);
        }
        let module = workflow.as_ref().and_then(|view| view.module.as_deref());
        if matches!(module, Some("crm" | "rpa")) {
            self.robots.push(action);
        }
        Ok(())
    }

    /// Reads what belongs to the lists.
    fn look_up(&mut self, view: View<'_>) -> Result<(), JournalError> {
        let mut named: BTreeSet<UserId> = self.candidates.values().flatten().copied().collect();
        named.extend(self.rows.items.iter().filter_map(|row| row.user));
        named.extend(self.orphans.items.iter().map(|task| task.user));
        let lists = [
            &self.actions,
            &self.held,
            &self.shared,
            &self.by_colleagues,
            &self.robots,
        ];
        for action in lists.into_iter().flat_map(|list| &list.items) {
            named.extend(action.people.union(&action.others).copied());
            if self.titles.contains_key(&action.workflow) {
                continue;
            }
            let title = view.title(self.job, &action.workflow)?;
            self.titles.insert(action.workflow.clone(), cell(title.as_ref()));
            if let Some(workflow) = view.workflow(self.job, &action.workflow)? {
                named.extend(workflow.started_by);
                self.workflows.insert(action.workflow.clone(), workflow);
            }
        }
        for id in named {
            self.users.extend(view.user(self.job, id)?.map(|user| (id, user)));
        }
        Ok(())
    }

    /// A table, and how many lines it leaves out.
    fn told<T>(&self, table: &Table, list: &First<T>) -> String {
        let left = list.total - list.items.len();
        let table = table.trim_fmt();
        if left == 0 {
            table
        } else {
            format!("{table}\n{}", (self.words.more_lines)(left, self.job))
        }
    }

    /// Tasks that stay whatever is done.
    fn orphans_text(&self) -> Option<String> {
        if self.orphans.total == 0 {
            return None;
        }
        let mut table = plain(&self.words.c_orphans);
        for task in &self.orphans.items {
            table.add_row([
                task.task.to_string(),
                cell(task.name.as_ref()),
                self.person(task.user),
                task.workflow.to_string(),
            ]);
        }
        Some(format!(
            "{}\n{}",
            self.words.orphans_about,
            self.told(&table, &self.orphans)
        ))
    }

    fn person(&self, id: UserId) -> String {
        person(id, self.users.get(&id))
    }

    fn people<'a>(&self, ids: impl IntoIterator<Item = &'a UserId>) -> String {
        let names: Vec<String> = ids.into_iter().map(|id| self.person(*id)).collect();
        if names.is_empty() {
            NOTHING.to_owned()
        } else {
            names.join(", ")
        }
    }

    /// The row's keys as written.
    fn written(row: &RowRecord) -> String {
        let id = row.id.map(|id| id.to_string());
        let texts = [
            &row.email,
            &row.first_name,
            &row.second_name,
            &row.last_name,
            &row.full_name,
        ];
        let texts = texts.into_iter().flatten().map(|text| printable(text.expose()));
        id.into_iter().chain(texts).collect::<Vec<_>>().join(" ")
    }

    fn by_person(&self) -> String {
        let mut table = plain(&self.words.c_people);
        for row in &self.rows.items {
            let state = row
                .state
                .map_or_else(|| NOTHING.to_owned(), |state| self.words.row(state));
            let who = match (row.user, self.candidates.get(&row.row)) {
                (Some(user), _) => self.person(user),
                (None, Some(candidates)) => (self.words.one_of)(&self.people(candidates)),
                (None, None) => NOTHING.to_owned(),
            };
            let what = match (&row.reason, row.state) {
                (Some(reason), _) => self.words.report.phrase_of(reason).to_owned(),
                (None, Some(RowState::Matched)) => self.actions_of(row.user),
                (None, _) => NOTHING.to_owned(),
            };
            table.add_row([row.row.to_string(), Self::written(row), state, who, what]);
        }
        self.told(&table, &self.rows)
    }

    /// `9 kill: 8 planned, 1 held`.
    fn actions_of(&self, user: Option<UserId>) -> String {
        let share = user.and_then(|user| self.shares.get(&user));
        let Some(share) = share.filter(|share| !share.states.is_empty()) else {
            return self.words.report.no_workflow.to_owned();
        };
        let undecided = self.words.report.kind_undecided;
        let kinds: BTreeSet<&str> = share
            .kinds
            .iter()
            .map(|kind| kind.map_or(undecided, ActionKind::as_str))
            .collect();
        let total: u32 = share.states.values().sum();
        let states: Vec<String> = share
            .states
            .iter()
            .map(|(state, number)| format!("{number} {}", self.words.action(*state)))
            .collect();
        format!(
            "{total} {}: {}",
            kinds.into_iter().collect::<Vec<_>>().join("/"),
            states.join(", ")
        )
    }

    fn by_workflow(&self, actions: &First<ActionRecord>) -> String {
        let mut table = plain(&self.words.c_workflows);
        for action in &actions.items {
            let view = self.workflows.get(&action.workflow);
            let document = view.map_or_else(|| NOTHING.to_owned(), document);
            let state = state_of(self.words, action);
            let starter = view.and_then(|view| view.started_by);
            table.add_row([
                action.action.to_string(),
                action.workflow.to_string(),
                self.titles.get(&action.workflow).cloned().unwrap_or_default(),
                document,
                action.kind.map_or(NOTHING, ActionKind::as_str).to_owned(),
                state,
                self.people(action.people.union(&action.others)),
                starter.map_or_else(|| NOTHING.to_owned(), |user| self.person(user)),
            ]);
        }
        self.told(&table, actions)
    }

    fn by_hold(&self) -> String {
        let mut table = plain(&self.words.c_holds);
        for action in &self.held.items {
            let why: Vec<String> = action.holds.iter().map(|hold| self.why(action, *hold)).collect();
            let holds: Vec<&str> = action.holds.iter().map(|hold| hold.as_str()).collect();
            table.add_row([
                action.action.to_string(),
                action.workflow.to_string(),
                self.titles.get(&action.workflow).cloned().unwrap_or_default(),
                holds.join(", "),
                why.join("; "),
            ]);
        }
        self.told(&table, &self.held)
    }

    fn why(&self, action: &ActionRecord, hold: HoldReason) -> String {
        let words = self.words;
        match hold {
            HoldReason::Shared => (words.why_shared)(&self.people(&action.others)),
            HoldReason::Conflict => (words.why_conflict)(&self.people(&action.people)),
            HoldReason::OtherJob => words.why_other_job.to_owned(),
            HoldReason::Protected => words.why_protected.to_owned(),
            HoldReason::Dropped => words.why_dropped.to_owned(),
            HoldReason::Foreign => {
                let starter = self.workflows.get(&action.workflow).and_then(|view| view.started_by);
                let who = starter.map_or_else(|| words.starter_unknown.to_owned(), |id| self.person(id));
                (words.why_foreign)(&who)
            }
        }
    }

    fn shared(&self) -> Option<String> {
        self.planned_first(&self.shared, self.words.first_shared)
    }

    fn started_by_colleagues(&self) -> Option<String> {
        self.planned_first(&self.by_colleagues, self.words.first_colleagues)
    }

    fn robots(&self) -> Option<String> {
        self.planned_first(&self.robots, self.words.first_robots)
    }

    /// Planned actions that deserve a look before all others, with a line that says how many of all there are and why.
    fn planned_first(&self, first: &First<ActionRecord>, told: fn(u32, u32) -> String) -> Option<String> {
        if first.total == 0 {
            return None;
        }
        let told = told(first.number(), self.planned);
        Some(format!("{told}\n{}", self.by_workflow(first)))
    }

    fn json(&self, view: View<'_>, status: &JobStatus) -> Result<Value, JournalError> {
        let text = |value: Option<&crate::personal::Personal>| value.map(|value| value.expose().to_owned());
        let rows: Vec<Value> = self
            .rows
            .items
            .iter()
            .map(|row| {
                json!({
                    "row": row.row, "line": row.line, "state": row.state, "reason": row.reason, "user": row.user,
                    "same_as": row.same_as, "action": row.action, "candidates": self.candidates.get(&row.row),
                    "written": Self::written(row),
                })
            })
            .collect();
        let users: Vec<Value> = view
            .users(self.job)?
            .values()
            .map(|user| {
                json!({
                    "user": user.user, "active": user.active, "first_name": text(user.first_name.as_ref()),
                    "last_name": text(user.last_name.as_ref()), "email": text(user.email.as_ref()),
                })
            })
            .collect();
        let actions: Vec<Value> = self
            .actions
            .items
            .iter()
            .map(|action| {
                let view = self.workflows.get(&action.workflow);
                json!({
                    "action": action.action, "workflow": action.workflow, "do": action.kind,
                    "state": action.state.as_str(), "holds": action.holds, "attempts": action.attempts,
                    "people": action.people, "others": action.others, "detail": action.detail,
                    "text": text(action.text.as_ref()),
                    "module": view.and_then(|view| view.module.clone()),
                    "document": view.and_then(|view| view.document.clone()),
                    "started_by": view.and_then(|view| view.started_by),
                })
            })
            .collect();
        let mut object = serde_json::to_value(status)?;
        object["list"] = json!({ "rows": rows, "users": users, "actions": actions });
        Ok(object)
    }
}

/// The state, and behind it why it drifted or what the portal said.
pub(crate) fn state_of(words: &Words, action: &ActionRecord) -> String {
    let said = [
        action.detail.as_deref().map(|detail| words.report.phrase_of(detail)),
        action.text.as_ref().map(crate::personal::Personal::expose),
    ];
    let said: Vec<String> = said
        .into_iter()
        .flatten()
        .filter(|text| !text.is_empty())
        .map(printable)
        .collect();
    let state = words.action(action.state);
    if said.is_empty() {
        state
    } else {
        format!("{state}: {}", said.join(", "))
    }
}

/// `crm LEAD_1 (title)`.
fn document(view: &WorkflowView) -> String {
    let parts = [view.module.as_deref(), view.document.as_deref()];
    let mut text: Vec<String> = parts.into_iter().flatten().map(printable).collect();
    text.extend(
        view.document_name
            .as_ref()
            .map(|name| format!("({})", printable(name.expose()))),
    );
    text.join(" ")
}

fn plain(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.iter().copied());
    table
}
