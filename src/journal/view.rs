//! Questions about what is recorded. Reading only; personal values come out wrapped, and are absent once erased.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::event::{Envelope, Event, PlanApproved, PlanDecided, WorkflowDecided};
use super::note::VerifyingKey;
use super::redact::Erasure;
use super::{JournalError, fold, open};
use crate::domain::{
    ActionId, ActionKind, ActionState, HoldReason, JobId, Portal, RowNumber, RowState, RunId, StopReason, TaskId,
    UserId, WorkflowId,
};
use crate::personal::Personal;

/// How many of each state, for every state that occurs.
pub type Counts<State> = BTreeMap<State, u32>;

/// A job as recorded.
#[derive(Clone, Debug)]
pub struct JobRecord {
    /// Its number.
    pub job: JobId,
    /// Its portal.
    pub portal: Portal,
    /// The hash of its policy.
    pub policy_hash: String,
    /// The action of rows that carry none.
    pub default_action: Option<ActionKind>,
    /// `plan` or `run`.
    pub begun_by: String,
    /// `--max-actions` of `run`.
    pub actions_max: Option<u32>,
    /// When it was made.
    pub created_at: String,
    /// When the oldest answer came that the plan rests on.
    pub snapshot_at: Option<String>,
    /// Whether every row is resolved.
    pub resolved: bool,
    /// The plan's hash, once frozen.
    pub plan_hash: Option<String>,
    /// When the plan was frozen.
    pub frozen_at: Option<String>,
    /// Open tasks whose workflow does not run.
    pub orphans: u32,
    /// Planned actions on workflows that colleagues started who still work here.
    pub started_by_colleagues: u32,
    /// When the plan was confirmed.
    pub confirmed_at: Option<String>,
    /// `PORTAL:COUNT:HASH8` of what was confirmed.
    pub confirm: Option<String>,
    /// When everything had been read back once more.
    pub closed_at: Option<String>,
    /// Workflows that were gone and were listed again at the end.
    pub relisted: u32,
}

/// A run as recorded.
#[derive(Clone, Debug)]
pub struct RunRecord {
    /// Its number.
    pub run: RunId,
    /// Its job.
    pub job: JobId,
    /// `plan`, `apply`, `run` or `resume`.
    pub command: String,
    /// When it started.
    pub started_at: String,
    /// When it finished; none while it runs, and after its process died.
    pub finished_at: Option<String>,
    /// Why it stopped.
    pub stop_reason: Option<StopReason>,
    /// HTTP requests that it made.
    pub requests: u64,
}

/// A row of the roster as recorded.
#[derive(Clone, Debug)]
pub struct RowRecord {
    /// Its number.
    pub row: RowNumber,
    /// Its line in the file.
    pub line: u64,
    /// The `id` cell.
    pub id: Option<UserId>,
    /// The `email` cell.
    pub email: Option<Personal>,
    /// The `first_name` cell.
    pub first_name: Option<Personal>,
    /// The `last_name` cell.
    pub last_name: Option<Personal>,
    /// The `second_name` cell.
    pub second_name: Option<Personal>,
    /// The `full_name` cell.
    pub full_name: Option<Personal>,
    /// Its action.
    pub action: ActionKind,
    /// What became of it.
    pub state: Option<RowState>,
    /// Why.
    pub reason: Option<String>,
    /// The user, where there is exactly one.
    pub user: Option<UserId>,
    /// For a duplicate: the row that has the actions.
    pub same_as: Option<RowNumber>,
}

/// A user as recorded.
#[derive(Clone, Debug)]
pub struct UserRecord {
    /// The user.
    pub user: UserId,
    /// Whether they still work here.
    pub active: bool,
    /// `NAME`.
    pub first_name: Option<Personal>,
    /// `LAST_NAME`.
    pub last_name: Option<Personal>,
    /// `EMAIL`.
    pub email: Option<Personal>,
    /// Whether all that hangs on them has been read.
    pub discovered: bool,
}

/// A task and one of its users, as recorded.
#[derive(Clone, Debug)]
pub struct TaskView {
    /// The task.
    pub task: TaskId,
    /// The user.
    pub user: UserId,
    /// The workflow.
    pub workflow: WorkflowId,
    /// The task's status.
    pub status: i64,
    /// That user's answer.
    pub user_status: i64,
    /// The task's title.
    pub name: Option<Personal>,
}

impl TaskView {
    /// Whether the task runs and the user has not answered.
    pub fn waits(&self) -> bool {
        self.status == 0 && self.user_status == 0
    }
}

/// A workflow as recorded.
#[derive(Clone, Debug)]
pub struct WorkflowView {
    /// The workflow.
    pub workflow: WorkflowId,
    /// Whether it runs.
    pub running: bool,
    /// `MODULE_ID`.
    pub module: Option<String>,
    /// `ENTITY`, the class of the document.
    pub entity: Option<String>,
    /// `DOCUMENT_ID`.
    pub document: Option<String>,
    /// The document's title.
    pub document_name: Option<Personal>,
    /// `TEMPLATE_ID`.
    pub template: Option<String>,
    /// Who started it.
    pub started_by: Option<UserId>,
    /// Whether they still work here.
    pub started_by_active: Option<bool>,
}

/// An action as recorded.
#[derive(Clone, Debug)]
pub struct ActionRecord {
    /// Its number.
    pub action: ActionId,
    /// The workflow.
    pub workflow: WorkflowId,
    /// What to do; none in a conflict.
    pub kind: Option<ActionKind>,
    /// Its state.
    pub state: ActionState,
    /// Why it is held.
    pub holds: Vec<HoldReason>,
    /// Attempts so far.
    pub attempts: u32,
    /// The matched people who waited in it.
    pub people: BTreeSet<UserId>,
    /// Everybody else who waited in it.
    pub others: BTreeSet<UserId>,
    /// Why it drifted, or the code that the portal gave last.
    pub detail: Option<String>,
    /// What the portal said last.
    pub text: Option<Personal>,
}

/// A personal value as recorded.
#[derive(Clone, Debug)]
pub struct ValueRecord {
    /// Its commitment, 64 hexadecimal digits.
    pub commitment: String,
    /// The event that it belongs to.
    pub event: u64,
    /// The value.
    pub value: Personal,
}

/// Reading access to the journal.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub(super) db: &'a Connection,
}

/// A column that holds one of our words, or an id in its own type.
fn parsed<T: FromStr>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text: Option<String> = row.get(column)?;
    text.map(|text| text.parse::<T>())
        .transpose()
        .map_err(|cause| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(cause)))
}

fn required<T>(value: Option<T>, column: &'static str) -> rusqlite::Result<T> {
    value.ok_or_else(|| rusqlite::Error::InvalidColumnType(0, column.to_owned(), Type::Null))
}

/// SQLite has no unsigned numbers; ours never go below zero.
fn unsigned(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::unsigned_abs)
}

fn personal(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Personal>> {
    Ok(row.get::<_, Option<String>>(column)?.map(Personal::new))
}

impl<'a> View<'a> {
    pub(crate) fn new(db: &'a Connection) -> Self {
        Self { db }
    }

    pub(super) fn list<T>(
        self,
        sql: &str,
        parameters: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, JournalError> {
        let mut statement = self.db.prepare_cached(sql)?;
        let rows = statement.query_map(parameters, read)?;
        Ok(rows.collect::<rusqlite::Result<Vec<T>>>()?)
    }

    /// How many events there are.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn size(&self) -> Result<u64, JournalError> {
        let last: i64 = self
            .db
            .query_row("SELECT coalesce(max(seq) + 1, 0) FROM event", [], |row| row.get(0))?;
        Ok(last.unsigned_abs())
    }

    /// The random id of the database, 32 hexadecimal digits.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn database(&self) -> Result<String, JournalError> {
        Ok(self.db.query_row(
            "SELECT json_extract(body, '$.data.database') FROM event WHERE kind = 'database_created'",
            [],
            |row| row.get(0),
        )?)
    }

    /// The key that signs from here on, as the last event about it names it. None before the first run.
    ///
    /// # Errors
    /// When the database cannot be read, or what it names is no key.
    pub fn signing_key(&self) -> Result<Option<VerifyingKey>, JournalError> {
        Ok(self.signing_keys()?.pop())
    }

    /// Every key that ever signed, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be read, or what it names is no key.
    pub fn signing_keys(&self) -> Result<Vec<VerifyingKey>, JournalError> {
        let texts: Vec<String> = self.list(
            "SELECT json_extract(body, '$.data.key') AS key FROM event
             WHERE job IS NULL AND kind IN ('signing_key_recorded', 'signing_key_rotated') ORDER BY seq",
            [],
            |row| row.get("key"),
        )?;
        let parsed = |text: String| text.parse().map_err(|_| JournalError::NoKey(text));
        texts.into_iter().map(parsed).collect()
    }

    /// The events of the database itself, of these kinds, in order, with their sequence numbers.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) fn own_events(self, kinds: &[&str]) -> Result<Vec<(u64, Envelope)>, JournalError> {
        let mut found = Vec::new();
        for kind in kinds {
            found.extend(self.list(
                "SELECT seq, body FROM event WHERE job IS NULL AND kind = ?1",
                [kind],
                |row| Ok((unsigned(row, "seq")?, row.get::<_, String>("body")?)),
            )?);
        }
        found.sort_unstable();
        found
            .into_iter()
            .map(|(seq, body)| Ok((seq, Envelope::read(&body)?)))
            .collect()
    }

    /// The jobs that recorded a user, in whatever role.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn jobs_with(&self, user: UserId) -> Result<Vec<JobId>, JournalError> {
        self.list(
            "SELECT job FROM user WHERE user = ?1 UNION SELECT job FROM roster_row WHERE user = ?1 OR id = ?1
             UNION SELECT job FROM task WHERE user = ?1 ORDER BY job",
            [user.0],
            |row| Ok(JobId(row.get("job")?)),
        )
    }

    /// The rows of all rosters that turned out to be about a user, or name their id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn rows_with(&self, user: UserId) -> Result<Vec<(JobId, RowNumber)>, JournalError> {
        self.list(
            "SELECT job, row FROM roster_row WHERE user = ?1 OR id = ?1 ORDER BY job, row",
            [user.0],
            |row| Ok((JobId(row.get("job")?), RowNumber(row.get("row")?))),
        )
    }

    /// The values that an erasure would erase now, whom they are about and what they are.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn values_of(&self, erasure: &Erasure) -> Result<Vec<ValueRecord>, JournalError> {
        let mut statement = self
            .db
            .prepare_cached("SELECT commitment, event, value FROM personal WHERE commitment = ?1")?;
        let commitments = erasure.commitments(self.db)?;
        let values = commitments
            .iter()
            .map(|commitment| statement.query_row([commitment], read_value));
        Ok(values.collect::<rusqlite::Result<_>>()?)
    }

    /// Every value that is there and of which the test says so.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn values_where(&self, mut fits: impl FnMut(&str) -> bool) -> Result<Vec<ValueRecord>, JournalError> {
        let mut statement = self
            .db
            .prepare("SELECT commitment, event, value FROM personal WHERE value IS NOT NULL ORDER BY event")?;
        let mut rows = statement.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            if row.get_ref("value")?.as_str().is_ok_and(&mut fits) {
                found.push(read_value(row)?);
            }
        }
        Ok(found)
    }

    /// The values that are there and whose commitments begin with these digits.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn values_named(&self, digits: &str) -> Result<Vec<ValueRecord>, JournalError> {
        self.list(
            "SELECT commitment, event, value FROM personal
             WHERE value IS NOT NULL AND substr(commitment, 1, length(?1)) = ?1 ORDER BY commitment",
            [digits],
            read_value,
        )
    }

    /// The kind of an event, and the user or the row of the roster that it is about, if it names one.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn event(&self, seq: u64) -> Result<Option<Envelope>, JournalError> {
        let body: Option<String> = self
            .db
            .prepare_cached("SELECT body FROM event WHERE seq = ?1")?
            .query_row([i64::try_from(seq).unwrap_or(i64::MAX)], |row| row.get(0))
            .optional()?;
        body.map(|body| Envelope::read(&body).map_err(JournalError::from))
            .transpose()
    }

    /// The newest checkpoint: its size and its note.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn last_checkpoint(&self) -> Result<Option<(u64, String)>, JournalError> {
        // A database that an older program wrote has none, and reading does not migrate.
        if !self.has_checkpoints()? {
            return Ok(None);
        }
        let mut last = self.list(
            "SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1",
            [],
            |row| Ok((unsigned(row, "size")?, row.get("note")?)),
        )?;
        Ok(last.pop())
    }

    pub(crate) fn has_checkpoints(self) -> Result<bool, JournalError> {
        Ok(self.db.query_row(
            "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'checkpoint')",
            [],
            |row| row.get(0),
        )?)
    }

    /// All jobs, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn jobs(&self) -> Result<Vec<JobRecord>, JournalError> {
        self.list("SELECT * FROM job ORDER BY job", [], read_job)
    }

    /// One job.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn job(&self, job: JobId) -> Result<Option<JobRecord>, JournalError> {
        Ok(self.list("SELECT * FROM job WHERE job = ?1", [job.0], read_job)?.pop())
    }

    /// The policy of a job, as canonical JSON.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn policy(&self, job: JobId) -> Result<Option<String>, JournalError> {
        Ok(self
            .db
            .query_row(
                "SELECT json_extract(body, '$.data.policy') FROM event WHERE kind = 'job_created' AND job = ?1",
                [job.0],
                |row| row.get(0),
            )
            .optional()?)
    }

    /// The e-mails that the policy of a job protects; none for each that was erased.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn policy_emails(&self, job: JobId) -> Result<Vec<Option<Personal>>, JournalError> {
        self.list(
            "SELECT p.value FROM event e, json_each(e.body, '$.data.policy_emails') m
             JOIN personal p ON p.commitment = substr(m.value, length('sha256:') + 1)
             WHERE e.kind = 'job_created' AND e.job = ?1",
            [job.0],
            |row| personal(row, "value"),
        )
    }

    /// The departments of the people of a job, where a rule of its policy goes by them and the portal told.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn departments(&self, job: JobId) -> Result<BTreeMap<UserId, Vec<u32>>, JournalError> {
        let told = self.list(
            "SELECT user, json_extract(body, '$.data.departments') AS departments FROM event
             WHERE kind = 'user_recorded' AND job = ?1 ORDER BY seq",
            [job.0],
            |row| Ok((UserId(row.get("user")?), row.get::<_, Option<String>>("departments")?)),
        )?;
        // The last word counts, also when it is that nothing is told any more.
        let last: BTreeMap<UserId, Option<String>> = told.into_iter().collect();
        last.into_iter()
            .filter_map(|(user, told)| Some((user, told?)))
            .map(|(user, told)| Ok((user, serde_json::from_str(&told)?)))
            .collect()
    }

    /// Why a job is done and for which ticket, in the operator's words; absent where nothing was said, or it was erased.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn reason_and_ticket(&self, job: JobId) -> Result<(Option<Personal>, Option<Personal>), JournalError> {
        let said = self.list(
            "SELECT r.value AS reason, t.value AS ticket FROM event e
             LEFT JOIN personal r ON r.commitment = substr(json_extract(e.body, '$.data.reason'), length('sha256:') + 1)
             LEFT JOIN personal t ON t.commitment = substr(json_extract(e.body, '$.data.ticket'), length('sha256:') + 1)
             WHERE e.kind = 'job_created' AND e.job = ?1",
            [job.0],
            |row| Ok((personal(row, "reason")?, personal(row, "ticket")?)),
        )?;
        Ok(said.into_iter().next().unwrap_or_default())
    }

    /// The workflows that ran on the portal when a plan was frozen, where a cap of the policy goes by it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn running_workflows(&self, job: JobId) -> Result<Option<u32>, JournalError> {
        let running = self.list(
            "SELECT json_extract(body, '$.data.running_workflows') AS running FROM event
             WHERE kind = 'plan_frozen' AND job = ?1",
            [job.0],
            |row| row.get("running"),
        )?;
        Ok(running.into_iter().next().flatten())
    }

    /// The number that the next run will have.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn next_run(&self) -> Result<RunId, JournalError> {
        Ok(RunId(self.db.query_row(
            "SELECT coalesce(max(run), 0) + 1 FROM run",
            [],
            |row| row.get(0),
        )?))
    }

    /// The number that the next job will have.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn next_job(&self) -> Result<JobId, JournalError> {
        Ok(JobId(self.db.query_row(
            "SELECT coalesce(max(job), 0) + 1 FROM job",
            [],
            |row| row.get(0),
        )?))
    }

    /// The runs of a job, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn runs(&self, job: JobId) -> Result<Vec<RunRecord>, JournalError> {
        self.list("SELECT * FROM run WHERE job = ?1 ORDER BY run", [job.0], read_run)
    }

    /// Whether a run was about to send anything of a job that can destroy.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn has_sent(&self, job: JobId, run: RunId) -> Result<bool, JournalError> {
        Ok(self.db.query_row(
            "SELECT EXISTS (SELECT 1 FROM event WHERE job = ?1 AND kind = 'attempt_intended' AND run = ?2)",
            params![job.0, run.0],
            |row| row.get(0),
        )?)
    }

    /// The sequence numbers of a finished run's first event and its last.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn run_events(&self, run: &RunRecord) -> Result<(u64, u64), JournalError> {
        Ok(self.db.query_row(
            "SELECT min(seq), max(seq) FROM event
             WHERE job = ?1 AND run = ?2 AND kind IN ('run_started', 'run_finished')",
            params![run.job.0, run.run.0],
            |row| {
                Ok((
                    row.get::<_, i64>(0)?.unsigned_abs(),
                    row.get::<_, i64>(1)?.unsigned_abs(),
                ))
            },
        )?)
    }

    /// Runs that never finished: the one at work, and those whose process died.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn open_runs(&self) -> Result<Vec<RunRecord>, JournalError> {
        self.list("SELECT * FROM run WHERE finished_at IS NULL ORDER BY run", [], read_run)
    }

    /// The roster of a job.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn rows(&self, job: JobId) -> Result<Vec<RowRecord>, JournalError> {
        self.list(
            "SELECT r.row, r.line, r.id, r.action, r.state, r.reason, r.user, r.same_as,
                 e.value AS email, f.value AS first_name, l.value AS last_name, s.value AS second_name, n.value AS full_name
             FROM roster_row r
             LEFT JOIN personal e ON e.commitment = r.email_personal
             LEFT JOIN personal f ON f.commitment = r.first_name_personal
             LEFT JOIN personal l ON l.commitment = r.last_name_personal
             LEFT JOIN personal s ON s.commitment = r.second_name_personal
             LEFT JOIN personal n ON n.commitment = r.full_name_personal
             WHERE r.job = ?1 ORDER BY r.row",
            [job.0],
            |row| {
                Ok(RowRecord {
                    row: RowNumber(row.get("row")?),
                    line: unsigned(row, "line")?,
                    id: row.get::<_, Option<u32>>("id")?.map(UserId),
                    email: personal(row, "email")?,
                    first_name: personal(row, "first_name")?,
                    last_name: personal(row, "last_name")?,
                    second_name: personal(row, "second_name")?,
                    full_name: personal(row, "full_name")?,
                    action: required(parsed(row, "action")?, "action")?,
                    state: parsed(row, "state")?,
                    reason: row.get("reason")?,
                    user: row.get::<_, Option<u32>>("user")?.map(UserId),
                    same_as: row.get::<_, Option<u32>>("same_as")?.map(RowNumber),
                })
            },
        )
    }

    /// Who was considered for each row.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn candidates(&self, job: JobId) -> Result<BTreeMap<RowNumber, Vec<UserId>>, JournalError> {
        let pairs = self.list(
            "SELECT row, user FROM candidate WHERE job = ?1 ORDER BY row, user",
            [job.0],
            |row| Ok((RowNumber(row.get("row")?), UserId(row.get("user")?))),
        )?;
        let mut candidates: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (row, user) in pairs {
            candidates.entry(row).or_default().push(user);
        }
        Ok(candidates)
    }

    /// The users that a job knows of: its people, their colleagues, and who was considered.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn users(&self, job: JobId) -> Result<BTreeMap<UserId, UserRecord>, JournalError> {
        let users = self.list(
            "SELECT u.user, u.active, u.discovered, f.value AS first_name, l.value AS last_name, e.value AS email
             FROM user u
             LEFT JOIN personal f ON f.commitment = u.first_name_personal
             LEFT JOIN personal l ON l.commitment = u.last_name_personal
             LEFT JOIN personal e ON e.commitment = u.email_personal
             WHERE u.job = ?1",
            [job.0],
            |row| {
                Ok(UserRecord {
                    user: UserId(row.get("user")?),
                    active: row.get("active")?,
                    first_name: personal(row, "first_name")?,
                    last_name: personal(row, "last_name")?,
                    email: personal(row, "email")?,
                    discovered: row.get("discovered")?,
                })
            },
        )?;
        Ok(users.into_iter().map(|user| (user.user, user)).collect())
    }

    /// The tasks that a job found, in order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn tasks(&self, job: JobId) -> Result<Vec<TaskView>, JournalError> {
        self.list(
            "SELECT t.task, t.user, t.workflow, t.status, t.user_status, n.value AS name
             FROM task t LEFT JOIN personal n ON n.commitment = t.name_personal
             WHERE t.job = ?1 ORDER BY t.task, t.user",
            [job.0],
            |row| {
                Ok(TaskView {
                    task: TaskId(row.get("task")?),
                    user: UserId(row.get("user")?),
                    workflow: required(parsed(row, "workflow")?, "workflow")?,
                    status: row.get("status")?,
                    user_status: row.get("user_status")?,
                    name: personal(row, "name")?,
                })
            },
        )
    }

    /// The workflows that a job found.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn workflows(&self, job: JobId) -> Result<BTreeMap<WorkflowId, WorkflowView>, JournalError> {
        let workflows = self.list(
            "SELECT w.workflow, w.running, w.module, w.entity, w.document, w.template, w.started_by, w.started_by_active,
                 d.value AS document_name
             FROM workflow w
             LEFT JOIN personal d ON d.commitment = w.document_personal
             WHERE w.job = ?1",
            [job.0],
            |row| {
                Ok(WorkflowView {
                    workflow: required(parsed(row, "workflow")?, "workflow")?,
                    running: row.get("running")?,
                    module: row.get("module")?,
                    entity: row.get("entity")?,
                    document: row.get("document")?,
                    document_name: personal(row, "document_name")?,
                    template: row.get("template")?,
                    started_by: row.get::<_, Option<u32>>("started_by")?.map(UserId),
                    started_by_active: row.get("started_by_active")?,
                })
            },
        )?;
        Ok(workflows
            .into_iter()
            .map(|workflow| (workflow.workflow.clone(), workflow))
            .collect())
    }

    /// The actions of a job, in order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn actions(&self, job: JobId) -> Result<Vec<ActionRecord>, JournalError> {
        let mut actions = self.list(
            "SELECT a.action, a.workflow, a.kind, a.state, a.holds, a.attempts, a.detail, p.value AS text
             FROM action a LEFT JOIN personal p ON p.commitment = a.text_personal
             WHERE a.job = ?1 ORDER BY a.action",
            [job.0],
            |row| {
                let holds: String = row.get("holds")?;
                let holds = holds
                    .split(',')
                    .filter(|word| !word.is_empty())
                    .map(str::parse)
                    .collect::<Result<_, _>>()
                    .map_err(|cause| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(cause)))?;
                Ok(ActionRecord {
                    action: ActionId(row.get("action")?),
                    workflow: required(parsed(row, "workflow")?, "workflow")?,
                    kind: parsed(row, "kind")?,
                    state: required(parsed(row, "state")?, "state")?,
                    holds,
                    attempts: row.get("attempts")?,
                    people: BTreeSet::new(),
                    others: BTreeSet::new(),
                    detail: row.get("detail")?,
                    text: personal(row, "text")?,
                })
            },
        )?;
        let participants = self.list(
            "SELECT action, user, matched FROM participant WHERE job = ?1",
            [job.0],
            |row| {
                Ok((
                    row.get::<_, u32>("action")?,
                    UserId(row.get("user")?),
                    row.get::<_, bool>("matched")?,
                ))
            },
        )?;
        let mut places: BTreeMap<u32, &mut ActionRecord> =
            actions.iter_mut().map(|action| (action.action.0, action)).collect();
        for (action, user, matched) in participants {
            if let Some(action) = places.get_mut(&action) {
                if matched {
                    action.people.insert(user)
                } else {
                    action.others.insert(user)
                };
            }
        }
        Ok(actions)
    }

    /// The rows of a job by state. Rows without a state are not counted.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn row_counts(&self, job: JobId) -> Result<Counts<RowState>, JournalError> {
        self.counts(
            "SELECT state, count(*) AS n FROM roster_row WHERE job = ?1 AND state IS NOT NULL GROUP BY state",
            job,
        )
    }

    /// The kinds of action that the rows of a job ask for, each once.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn row_kinds(&self, job: JobId) -> Result<Vec<ActionKind>, JournalError> {
        let sql = "SELECT DISTINCT action FROM roster_row WHERE job = ?1 ORDER BY action";
        self.list(sql, [job.0], |row| required(parsed(row, "action")?, "action"))
    }

    /// Number of rows of a job.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn row_total(&self, job: JobId) -> Result<u32, JournalError> {
        Ok(self
            .db
            .query_row("SELECT count(*) FROM roster_row WHERE job = ?1", [job.0], |row| {
                row.get(0)
            })?)
    }

    /// The actions of a job by state.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn action_counts(&self, job: JobId) -> Result<Counts<ActionState>, JournalError> {
        self.counts(
            "SELECT state, count(*) AS n FROM action WHERE job = ?1 GROUP BY state",
            job,
        )
    }

    fn counts<S: FromStr + Ord>(self, sql: &str, job: JobId) -> Result<Counts<S>, JournalError>
    where
        S::Err: std::error::Error + Send + Sync + 'static,
    {
        let pairs = self.list(sql, [job.0], |row| {
            Ok((required(parsed(row, "state")?, "state")?, row.get::<_, u32>("n")?))
        })?;
        Ok(pairs.into_iter().collect())
    }

    /// Task rows left of killed workflows.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn residue(&self, job: JobId) -> Result<Vec<(WorkflowId, u32)>, JournalError> {
        self.list(
            "SELECT workflow, tasks FROM residue WHERE job = ?1 ORDER BY workflow",
            [job.0],
            |row| Ok((required(parsed(row, "workflow")?, "workflow")?, row.get("tasks")?)),
        )
    }

    /// Workflows that a confirmed and unfinished job of the portal, other than this one, still has to do. A plan that was frozen before
    /// `oldest` is not carried out any more and claims only what it has in doubt.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn claimed_by_others(
        &self,
        portal: &Portal,
        job: Option<JobId>,
        oldest: DateTime<Utc>,
    ) -> Result<BTreeMap<WorkflowId, JobId>, JournalError> {
        let pairs = self.list(
            "SELECT a.workflow, a.job FROM action a JOIN job j USING (job)
             WHERE j.portal = ?1 AND a.job IS NOT ?2 AND j.confirmed_at IS NOT NULL
                 AND (a.state = 'sent' OR (a.state = 'planned' AND j.frozen_at >= ?3))",
            params![
                portal.0,
                job.map(|job| job.0),
                oldest.to_rfc3339_opts(SecondsFormat::Millis, true)
            ],
            |row| Ok((required(parsed(row, "workflow")?, "workflow")?, JobId(row.get("job")?))),
        )?;
        Ok(pairs.into_iter().collect())
    }

    /// Jobs of the portal with actions in state `sent`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn jobs_in_doubt(&self, portal: &Portal) -> Result<Vec<JobId>, JournalError> {
        self.list(
            "SELECT DISTINCT a.job FROM action a JOIN job j USING (job)
             WHERE j.portal = ?1 AND a.state = 'sent' ORDER BY a.job",
            [&portal.0],
            |row| Ok(JobId(row.get("job")?)),
        )
    }

    /// What happened to the actions of a job, in order: every event that names one.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn action_events(&self, job: JobId) -> Result<Vec<Event>, JournalError> {
        let bodies: Vec<String> = self.list(
            "SELECT body FROM event WHERE job = ?1 AND action IS NOT NULL ORDER BY seq",
            [job.0],
            |row| row.get("body"),
        )?;
        bodies.iter().map(|body| Ok(Envelope::read(body)?.event)).collect()
    }

    /// What people decided about workflows of a job's plan, in order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn decisions(&self, job: JobId) -> Result<Vec<WorkflowDecided>, JournalError> {
        let told = self.told(job, &["workflow_decided"])?;
        let decided = told.into_iter().filter_map(|told| match told.event {
            Event::WorkflowDecided(event) => Some(event),
            _ => None,
        });
        Ok(decided.collect())
    }

    /// Who decided about a job's plan, in order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn deciders(&self, job: JobId) -> Result<Vec<PlanDecided>, JournalError> {
        let told = self.told(job, &["plan_decided"])?;
        let decided = told.into_iter().filter_map(|told| match told.event {
            Event::PlanDecided(event) => Some(*event),
            _ => None,
        });
        Ok(decided.collect())
    }

    /// Who approved a job's plan, this one or an earlier one, in order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn approvals(&self, job: JobId) -> Result<Vec<PlanApproved>, JournalError> {
        let told = self.told(job, &["plan_approved"])?;
        let approved = told.into_iter().filter_map(|told| match told.event {
            Event::PlanApproved(event) => Some(event),
            _ => None,
        });
        Ok(approved.collect())
    }

    /// The number that each workflow's action had in the job's plans so far.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn numbers(&self, job: JobId) -> Result<BTreeMap<WorkflowId, ActionId>, JournalError> {
        let pairs = self.list(
            "SELECT workflow, action FROM event WHERE job = ?1 AND kind = 'action_planned' ORDER BY seq",
            [job.0],
            |row| {
                Ok((
                    required(parsed(row, "workflow")?, "workflow")?,
                    ActionId(row.get("action")?),
                ))
            },
        )?;
        Ok(pairs.into_iter().collect())
    }

    /// Every event's body, in order: canonical JSON as hashed.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn bodies(&self) -> Result<Vec<String>, JournalError> {
        self.list("SELECT body FROM event ORDER BY seq", [], |row| row.get("body"))
    }

    /// Folds all events anew, elsewhere, and names the projections that differ from what this database holds. Empty = identical.
    ///
    /// # Errors
    /// When the database cannot be read or an event cannot be decoded.
    pub fn projection_differences(&self) -> Result<Vec<&'static str>, JournalError> {
        let fresh = open::in_memory()?;
        fresh.execute_batch("BEGIN")?;
        for body in self.bodies()? {
            fold::fold(&fresh, &Envelope::read(&body)?)?;
        }
        fresh.execute_batch("COMMIT")?;
        let mut different = Vec::new();
        for table in fold::PROJECTIONS {
            if dump(self.db, table)? != dump(&fresh, table)? {
                different.push(*table);
            }
        }
        Ok(different)
    }
}

/// All rows of a table, sorted, as text that tells types apart.
fn dump(db: &Connection, table: &str) -> Result<Vec<String>, JournalError> {
    let mut statement = db.prepare(&format!("SELECT * FROM {table}"))?;
    let columns = statement.column_count();
    let mut lines = statement
        .query_map([], |row| {
            (0..columns)
                .map(|column| Ok(format!("{:?}", row.get_ref(column)?)))
                .collect()
        })?
        .collect::<rusqlite::Result<Vec<String>>>()?;
    lines.sort_unstable();
    Ok(lines)
}

fn read_value(row: &Row<'_>) -> rusqlite::Result<ValueRecord> {
    Ok(ValueRecord {
        commitment: row.get("commitment")?,
        event: unsigned(row, "event")?,
        value: Personal::new(row.get::<_, String>("value")?),
    })
}

fn read_job(row: &Row<'_>) -> rusqlite::Result<JobRecord> {
    Ok(JobRecord {
        job: JobId(row.get("job")?),
        portal: Portal(row.get("portal")?),
        policy_hash: row.get("policy_hash")?,
        default_action: parsed(row, "default_action")?,
        begun_by: row.get("begun_by")?,
        actions_max: row.get("actions_max")?,
        created_at: row.get("created_at")?,
        snapshot_at: row.get("snapshot_at")?,
        resolved: row.get("resolved")?,
        plan_hash: row.get("plan_hash")?,
        frozen_at: row.get("frozen_at")?,
        orphans: row.get("orphans")?,
        started_by_colleagues: row.get("started_by_colleagues")?,
        confirmed_at: row.get("confirmed_at")?,
        confirm: row.get("confirm")?,
        closed_at: row.get("closed_at")?,
        relisted: row.get("relisted")?,
    })
}

fn read_run(row: &Row<'_>) -> rusqlite::Result<RunRecord> {
    Ok(RunRecord {
        run: RunId(row.get("run")?),
        job: JobId(row.get("job")?),
        command: row.get("command")?,
        started_at: row.get("started_at")?,
        finished_at: row.get("finished_at")?,
        stop_reason: parsed(row, "stop_reason")?,
        requests: unsigned(row, "requests")?,
    })
}
