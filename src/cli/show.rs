//! `offboard24 show`: the plan or the result; and the pieces of it that other commands print.

use std::collections::{BTreeMap, BTreeSet};

use comfy_table::{Table, presets};
use serde_json::{Value, json};

use super::failure::Failure;
use super::settings::{Common, ShowBy};
use super::terminal::Terminal;
use super::text::{NOTHING, cell, count, person, printable};
use super::work::Work;
use super::{Ending, consent, find_job, status};
use crate::domain::{ActionKind, ActionState, HoldReason, JobId, RowState, UserId, WorkflowId};
use crate::exit::Exit;
use crate::journal::{ActionRecord, JournalError, JournalFile, RowRecord, TaskView, UserRecord, View, WorkflowView};
use crate::plan::freeze::orphans;
use crate::report::status::{JobState, JobStatus};

pub(crate) fn show(common: &Common, terminal: &Terminal, named: Option<JobId>, by: ShowBy) -> Ending {
    let place = common.place()?;
    let file = JournalFile::open(&place.database)?;
    let view = file.view();
    let record = find_job(view, named)?;
    let status = JobStatus::read(view, &record, status::is_live(&place.database))?;
    let content = Content::read(view, record.job)?;
    terminal.object(&content.json(&status)?);
    let table = match by {
        ShowBy::Person => {
            let people = content.by_person();
            content
                .orphans_text()
                .map_or(people.clone(), |orphans| format!("{people}\n\n{orphans}"))
        }
        ShowBy::Workflow => content.by_workflow(&content.actions.iter().collect::<Vec<_>>()),
        ShowBy::Hold => content.by_hold(),
    };
    terminal.say(&format!("{}\n\n{table}", headline(&status)));
    if status.state == JobState::Planned {
        terminal.say(&format!("\n{}", confirmation(&status)));
    }
    Ok(Exit::Done)
}

/// What `plan` ends with. A plan over a cap is shown, so that somebody can see why, and refused.
pub(crate) fn tell_plan(work: &Work, job: JobId) -> Ending {
    let status = &work.status(job)?;
    let plan = plan_text(work.journal.view(), status)?;
    if let Err(refusal) = consent::check_caps(work.journal.view(), &work.job(Some(job))?) {
        work.terminal.say(&plan);
        return Err(refusal.with(status));
    }
    let object = serde_json::to_value(status).map_err(JournalError::from)?;
    let end = if status.state == JobState::Complete {
        "nothing to do: no action is planned".to_owned()
    } else {
        confirmation(status)
    };
    let database = work.place.database.display();
    work.terminal.say(&format!("{plan}\n\n{end}\ndatabase: {database}"));
    work.terminal.object(&object);
    Ok(status.exit())
}

/// The plan, for the person who has to confirm it: first what colleagues started and what may run robots, then people, holds, and what is not
/// recorded.
pub(crate) fn plan_text(view: View<'_>, status: &JobStatus) -> Result<String, Failure> {
    let content = Content::read(view, status.job)?;
    let mut parts = vec![headline(status)];
    parts.extend(content.shared());
    parts.extend(content.started_by_colleagues());
    parts.extend(content.robots());
    parts.push(content.by_person());
    if status.count(ActionState::Held) > 0 {
        parts.push(format!(
            "held, and not done unless a person decides so:\n{}",
            content.by_hold()
        ));
    }
    parts.extend(content.orphans_text());
    if content
        .actions
        .iter()
        .any(|action| action.kind == Some(ActionKind::Kill))
    {
        parts.push(
            "a kill erases a workflow with all its tasks and its log. Tasks, people and answers are recorded here; what REST\n\
             does not show is not: the tracking log and the workflow's variables"
                .to_owned(),
        );
    }
    Ok(parts.join("\n\n"))
}

/// One line: which job, where, in which state, with how many actions of which state.
pub(crate) fn headline(status: &JobStatus) -> String {
    let hash = status
        .plan_hash
        .as_deref()
        .and_then(|hash| hash.get(..8))
        .unwrap_or(NOTHING);
    let reason = status
        .stop_reason
        .map(|reason| format!(" ({reason})"))
        .unwrap_or_default();
    format!(
        "job {} on {}: {}{reason}, plan {hash}, {}, {}: {}",
        status.job,
        status.portal,
        status.state.as_str(),
        count(status.rows["total"], "row"),
        count(status.actions["total"], "action"),
        by_state(&status.actions)
    )
}

/// `16 planned, 1 held`.
fn by_state(counts: &BTreeMap<&str, u32>) -> String {
    let of: Vec<String> = counts
        .iter()
        .filter(|(state, number)| **state != "total" && **number > 0)
        .map(|(state, number)| format!("{number} {state}"))
        .collect();
    if of.is_empty() {
        NOTHING.to_owned()
    } else {
        of.join(", ")
    }
}

/// What `status` prints for people.
pub(crate) fn status_text(status: &JobStatus) -> String {
    format!(
        "{}\n  rows: {}\n  orphans: {}, requests: {}",
        headline(status),
        by_state(&status.rows),
        status.orphans,
        status.requests
    )
}

/// What the person is about to do, before the prompt.
pub(crate) fn warning(status: &JobStatus) -> String {
    format!(
        "{} of {} will be carried out on {}. There is no undo.",
        count(status.count(ActionState::Planned), "action"),
        status.actions["total"],
        status.portal
    )
}

fn confirmation(status: &JobStatus) -> String {
    let confirm = status.confirm.as_deref().unwrap_or_default();
    format!("to carry it out: offboard24 apply {} --confirm {confirm}", status.job)
}

/// All that is shown of a job.
struct Content {
    rows: Vec<RowRecord>,
    candidates: BTreeMap<crate::domain::RowNumber, Vec<UserId>>,
    users: BTreeMap<UserId, UserRecord>,
    workflows: BTreeMap<WorkflowId, WorkflowView>,
    titles: BTreeMap<WorkflowId, String>,
    /// Open tasks of matched people whose workflow does not run.
    orphans: Vec<TaskView>,
    actions: Vec<ActionRecord>,
}

impl Content {
    fn read(view: View<'_>, job: JobId) -> Result<Self, JournalError> {
        let rows = view.rows(job)?;
        let workflows = view.workflows(job)?;
        let tasks = view.tasks(job)?;
        let mut titles = BTreeMap::new();
        for task in tasks.iter().filter(|task| task.waits()) {
            titles
                .entry(task.workflow.clone())
                .or_insert_with(|| cell(task.name.as_ref()));
        }
        let orphans = orphans(&rows, &tasks, &workflows).cloned().collect();
        Ok(Self {
            rows,
            candidates: view.candidates(job)?,
            users: view.users(job)?,
            workflows,
            titles,
            orphans,
            actions: view.actions(job)?,
        })
    }

    /// Tasks that stay whatever is done.
    fn orphans_text(&self) -> Option<String> {
        if self.orphans.is_empty() {
            return None;
        }
        let mut table = plain(&["TASK", "TITLE", "PERSON", "WORKFLOW"]);
        for task in &self.orphans {
            table.add_row([
                task.task.to_string(),
                cell(task.name.as_ref()),
                self.person(task.user),
                task.workflow.to_string(),
            ]);
        }
        Some(format!(
            "orphans, tasks of a workflow that no longer runs: the portal's REST cannot remove them\n{}",
            table.trim_fmt()
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
        let mut table = plain(&["ROW", "AS WRITTEN", "STATE", "PERSON", "ACTIONS"]);
        for row in &self.rows {
            let state = row.state.map_or(NOTHING, RowState::as_str);
            let who = match (row.user, self.candidates.get(&row.row)) {
                (Some(user), _) => self.person(user),
                (None, Some(candidates)) => format!("one of: {}", self.people(candidates)),
                (None, None) => NOTHING.to_owned(),
            };
            let what = match (&row.reason, row.state) {
                (Some(reason), _) => reason.clone(),
                (None, Some(RowState::Matched)) => self.actions_of(row.user),
                (None, _) => NOTHING.to_owned(),
            };
            table.add_row([row.row.to_string(), Self::written(row), state.to_owned(), who, what]);
        }
        table.trim_fmt()
    }

    /// `9 kill: 8 planned, 1 held`.
    fn actions_of(&self, user: Option<UserId>) -> String {
        let mine = |action: &&ActionRecord| user.is_some_and(|user| action.people.contains(&user));
        let mut states: BTreeMap<ActionState, u32> = BTreeMap::new();
        let mut kinds: BTreeSet<&str> = BTreeSet::new();
        for action in self.actions.iter().filter(mine) {
            *states.entry(action.state).or_default() += 1;
            kinds.insert(action.kind.map_or("undecided", ActionKind::as_str));
        }
        if states.is_empty() {
            return "no workflow waits".to_owned();
        }
        let total: u32 = states.values().sum();
        let states: Vec<String> = states
            .into_iter()
            .map(|(state, number)| format!("{number} {state}"))
            .collect();
        format!(
            "{total} {}: {}",
            kinds.into_iter().collect::<Vec<_>>().join("/"),
            states.join(", ")
        )
    }

    fn by_workflow(&self, actions: &[&ActionRecord]) -> String {
        let mut table = plain(&[
            "ACTION",
            "WORKFLOW",
            "TASK",
            "DOCUMENT",
            "DO",
            "STATE",
            "WAITS FOR",
            "STARTED BY",
        ]);
        for action in actions {
            let view = self.workflows.get(&action.workflow);
            let document = view.map_or_else(|| NOTHING.to_owned(), document);
            let state = state_of(action);
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
        table.trim_fmt()
    }

    fn by_hold(&self) -> String {
        let mut table = plain(&["ACTION", "WORKFLOW", "TASK", "HELD", "WHY"]);
        for action in self.actions.iter().filter(|action| action.state == ActionState::Held) {
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
        table.trim_fmt()
    }

    fn why(&self, action: &ActionRecord, hold: HoldReason) -> String {
        match hold {
            HoldReason::Shared => format!("{} also waits in it", self.people(&action.others)),
            HoldReason::Conflict => {
                format!("the rows of {} ask for different actions", self.people(&action.people))
            }
            HoldReason::OtherJob => "another unfinished job has it".to_owned(),
            HoldReason::Protected => "the policy protects it, or somebody who waits in it".to_owned(),
            HoldReason::Dropped => "dropped by the operator".to_owned(),
            HoldReason::Foreign => {
                let starter = self.workflows.get(&action.workflow).and_then(|view| view.started_by);
                let who = starter.map_or_else(
                    || "somebody whom the portal does not show".to_owned(),
                    |id| self.person(id),
                );
                format!("started by {who}")
            }
        }
    }

    /// Only where the policy includes them.
    fn shared(&self) -> Option<String> {
        self.planned_first(
            |action, _| !action.others.is_empty(),
            [
                "is also waited for by somebody who is no matched person of this job",
                "are also waited for by somebody who is no matched person of this job",
            ],
        )
    }

    fn started_by_colleagues(&self) -> Option<String> {
        self.planned_first(
            |_, view| view.started_by_active == Some(true),
            [
                "was started by colleagues who still work here",
                "were started by colleagues who still work here",
            ],
        )
    }

    /// What a deal or an item may go on by: when such a workflow ends, its robots stop for everybody (protocol section 5.5).
    fn robots(&self) -> Option<String> {
        self.planned_first(
            |_, view| matches!(view.module.as_deref(), Some("crm" | "rpa")),
            [
                "belongs to the CRM or to RPA, and may run the robots of a deal or an item, which would stop for everybody",
                "belong to the CRM or to RPA, and may run the robots of deals or items, which would stop for everybody",
            ],
        )
    }

    /// Planned actions that deserve a look before all others, with a line that says for one and for many what they are.
    fn planned_first(
        &self,
        deserves: impl Fn(&ActionRecord, &WorkflowView) -> bool,
        [one, many]: [&str; 2],
    ) -> Option<String> {
        let open: Vec<&ActionRecord> = self
            .actions
            .iter()
            .filter(|action| action.state == ActionState::Planned)
            .collect();
        let first: Vec<&ActionRecord> = open
            .iter()
            .copied()
            .filter(|action| {
                self.workflows
                    .get(&action.workflow)
                    .is_some_and(|view| deserves(action, view))
            })
            .collect();
        if first.is_empty() {
            return None;
        }
        let what = if first.len() == 1 { one } else { many };
        Some(format!(
            "{} of {} {what}:\n{}",
            first.len(),
            open.len(),
            self.by_workflow(&first)
        ))
    }

    fn json(&self, status: &JobStatus) -> Result<Value, JournalError> {
        let text = |value: Option<&crate::personal::Personal>| value.map(|value| value.expose().to_owned());
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                json!({
                    "row": row.row, "line": row.line, "state": row.state, "reason": row.reason, "user": row.user,
                    "same_as": row.same_as, "action": row.action, "candidates": self.candidates.get(&row.row),
                    "written": Self::written(row),
                })
            })
            .collect();
        let users: Vec<Value> = self
            .users
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
pub(crate) fn state_of(action: &ActionRecord) -> String {
    let said = [
        action.detail.as_deref(),
        action.text.as_ref().map(crate::personal::Personal::expose),
    ];
    let said: Vec<String> = said
        .into_iter()
        .flatten()
        .filter(|text| !text.is_empty())
        .map(printable)
        .collect();
    if said.is_empty() {
        action.state.to_string()
    } else {
        format!("{}: {}", action.state, said.join(", "))
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
