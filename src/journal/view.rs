//! Questions about what is recorded. Reading only; personal values come out wrapped, and are absent once erased.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::JournalError;
use super::event::{Envelope, Event, PlanApproved, PlanDecided, WorkflowDecided};
use super::note::VerifyingKey;
use super::pages::{PAGE, pages};
use super::redact::Erasure;
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

/// The users of a job, with the columns that [`read_user`] reads.
const USER: &str =
    "SELECT u.user, u.active, u.discovered, f.value AS first_name, l.value AS last_name, e.value AS email
     FROM user u
     LEFT JOIN personal f ON f.commitment = u.first_name_personal
     LEFT JOIN personal l ON l.commitment = u.last_name_personal
     LEFT JOIN personal e ON e.commitment = u.email_personal
     WHERE u.job = ?1";

/// Workflows, with the columns that [`read_workflow`] reads.
const WORKFLOW: &str =
    "SELECT w.workflow, w.running, w.module, w.entity, w.document, w.template, w.started_by, w.started_by_active,
         d.value AS document_name
     FROM workflow w LEFT JOIN personal d ON d.commitment = w.document_personal";

/// Whether action `a` of job `j` claims its workflow, for portal `?1`, against job `?2`, where plans count that were frozen since `?3`.
const CLAIMS: &str = "j.portal = ?1 AND a.job IS NOT ?2 AND j.confirmed_at IS NOT NULL
     AND (a.state = 'sent' OR (a.state = 'planned' AND j.frozen_at >= ?3))";

/// Actions, with the columns that [`read_action`] reads.
const ACTION: &str = "SELECT a.action, a.workflow, a.kind, a.state, a.holds, a.attempts, a.detail, p.value AS text
     FROM action a LEFT JOIN personal p ON p.commitment = a.text_personal";

fn read_row(row: &Row<'_>) -> rusqlite::Result<RowRecord> {
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
}

fn read_user(row: &Row<'_>) -> rusqlite::Result<UserRecord> {
    Ok(UserRecord {
        user: UserId(row.get("user")?),
        active: row.get("active")?,
        first_name: personal(row, "first_name")?,
        last_name: personal(row, "last_name")?,
        email: personal(row, "email")?,
        discovered: row.get("discovered")?,
    })
}

fn read_task(row: &Row<'_>) -> rusqlite::Result<TaskView> {
    Ok(TaskView {
        task: TaskId(row.get("task")?),
        user: UserId(row.get("user")?),
        workflow: required(parsed(row, "workflow")?, "workflow")?,
        status: row.get("status")?,
        user_status: row.get("user_status")?,
        name: personal(row, "name")?,
    })
}

fn read_workflow(row: &Row<'_>) -> rusqlite::Result<WorkflowView> {
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
}

/// Without its participants.
fn read_action(row: &Row<'_>) -> rusqlite::Result<ActionRecord> {
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

    /// The workflows that ran on the portal when the plan was last frozen, where a cap of the policy goes by it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn running_workflows(&self, job: JobId) -> Result<Option<u32>, JournalError> {
        let running = self.list(
            "SELECT json_extract(body, '$.data.running_workflows') AS running FROM event
             WHERE kind = 'plan_frozen' AND job = ?1 ORDER BY seq DESC LIMIT 1",
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
        self.each_row(job).collect()
    }

    /// The same, one after another.
    pub fn each_row(self, job: JobId) -> impl Iterator<Item = Result<RowRecord, JournalError>> {
        pages(
            move |after: Option<&RowNumber>| self.row_page(job, after.copied(), PAGE),
            |row| row.row,
        )
    }

    /// So many rows behind one, or the first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn row_page(&self, job: JobId, after: Option<RowNumber>, rows: u32) -> Result<Vec<RowRecord>, JournalError> {
        self.list(
            "SELECT r.row, r.line, r.id, r.action, r.state, r.reason, r.user, r.same_as,
                 e.value AS email, f.value AS first_name, l.value AS last_name, s.value AS second_name, n.value AS full_name
             FROM roster_row r
             LEFT JOIN personal e ON e.commitment = r.email_personal
             LEFT JOIN personal f ON f.commitment = r.first_name_personal
             LEFT JOIN personal l ON l.commitment = r.last_name_personal
             LEFT JOIN personal s ON s.commitment = r.second_name_personal
             LEFT JOIN personal n ON n.commitment = r.full_name_personal
             WHERE r.job = ?1 AND r.row > ?2 ORDER BY r.row LIMIT ?3",
            (job.0, after.map_or(0, |row| row.0), rows),
            read_row,
        )
    }

    /// What the roster asks for each matched person. A duplicate asks for the same as the row that it repeats.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn actions_asked(&self, job: JobId) -> Result<BTreeMap<UserId, ActionKind>, JournalError> {
        let asked = self.list(
            "SELECT user, action FROM roster_row WHERE job = ?1 AND state = ?2 AND user IS NOT NULL ORDER BY row",
            (job.0, RowState::Matched.as_str()),
            |row| Ok((UserId(row.get("user")?), required(parsed(row, "action")?, "action")?)),
        )?;
        Ok(asked.into_iter().collect())
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
        let users = self.list(USER, [job.0], read_user)?;
        Ok(users.into_iter().map(|user| (user.user, user)).collect())
    }

    /// One of them.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn user(&self, job: JobId, user: UserId) -> Result<Option<UserRecord>, JournalError> {
        let found = self.list(&format!("{USER} AND u.user = ?2"), (job.0, user.0), read_user)?;
        Ok(found.into_iter().next())
    }

    /// The users that a job knows of, and of each whether all that hangs on them has been read.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn users_known(&self, job: JobId) -> Result<BTreeMap<UserId, bool>, JournalError> {
        let users = self.list("SELECT user, discovered FROM user WHERE job = ?1", [job.0], |row| {
            Ok((UserId(row.get("user")?), row.get("discovered")?))
        })?;
        Ok(users.into_iter().collect())
    }

    /// A user's e-mail, as the portal shows it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn email(&self, job: JobId, user: UserId) -> Result<Option<Personal>, JournalError> {
        let emails = self.list(
            "SELECT e.value AS email FROM user u JOIN personal e ON e.commitment = u.email_personal WHERE u.job = ?1 AND u.user = ?2",
            (job.0, user.0),
            |row| personal(row, "email"),
        )?;
        Ok(emails.into_iter().flatten().next())
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
            read_task,
        )
    }

    /// Open tasks of matched people whose workflow does not run, in order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn orphans(&self, job: JobId) -> Result<Vec<TaskView>, JournalError> {
        self.list(
            "SELECT t.task, t.user, t.workflow, t.status, t.user_status, n.value AS name
             FROM task t JOIN workflow w ON w.job = t.job AND w.workflow = t.workflow
             LEFT JOIN personal n ON n.commitment = t.name_personal
             WHERE t.job = ?1 AND NOT w.running AND t.status = 0 AND t.user_status = 0
                 AND t.user IN (SELECT r.user FROM roster_row r WHERE r.job = ?1 AND r.state = ?2)
             ORDER BY t.task, t.user",
            (job.0, RowState::Matched.as_str()),
            read_task,
        )
    }

    /// The title of the first open task of a workflow.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn title(&self, job: JobId, workflow: &WorkflowId) -> Result<Option<Personal>, JournalError> {
        let titles = self.list(
            "SELECT n.value AS name FROM task t INDEXED BY task_by_workflow LEFT JOIN personal n ON n.commitment = t.name_personal
             WHERE t.job = ?1 AND t.workflow = ?2 AND t.status = 0 AND t.user_status = 0
             ORDER BY t.task, t.user LIMIT 1",
            (job.0, workflow.as_str()),
            |row| personal(row, "name"),
        )?;
        Ok(titles.into_iter().flatten().next())
    }

    /// The workflows that a job found.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn workflows(&self, job: JobId) -> Result<BTreeMap<WorkflowId, WorkflowView>, JournalError> {
        self.each_workflow(job)
            .map(|workflow| workflow.map(|workflow| (workflow.workflow.clone(), workflow)))
            .collect()
    }

    /// The same, one after another.
    pub fn each_workflow(self, job: JobId) -> impl Iterator<Item = Result<WorkflowView, JournalError>> {
        pages(
            move |after: Option<&WorkflowId>| self.workflow_page(job, after),
            |workflow| workflow.workflow.clone(),
        )
    }

    fn workflow_page(self, job: JobId, after: Option<&WorkflowId>) -> Result<Vec<WorkflowView>, JournalError> {
        self.list(
            &format!("{WORKFLOW} WHERE w.job = ?1 AND w.workflow > ?2 ORDER BY w.workflow LIMIT ?3"),
            (job.0, after.map_or("", WorkflowId::as_str), PAGE),
            read_workflow,
        )
    }

    /// One of them.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn workflow(&self, job: JobId, workflow: &WorkflowId) -> Result<Option<WorkflowView>, JournalError> {
        let sql = format!("{WORKFLOW} WHERE w.job = ?1 AND w.workflow = ?2");
        let found = self.list(&sql, (job.0, workflow.as_str()), read_workflow)?;
        Ok(found.into_iter().next())
    }

    /// Who waits in a workflow, once for each of their open tasks.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn waiting(&self, job: JobId, workflow: &WorkflowId) -> Result<Vec<UserId>, JournalError> {
        self.list(
            "SELECT user FROM task INDEXED BY task_by_workflow
             WHERE job = ?1 AND workflow = ?2 AND status = 0 AND user_status = 0 ORDER BY user",
            (job.0, workflow.as_str()),
            |row| Ok(UserId(row.get("user")?)),
        )
    }

    /// Whether a job has a workflow on record.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn has_workflow(&self, job: JobId, workflow: &WorkflowId) -> Result<bool, JournalError> {
        let mut statement = self
            .db
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM workflow WHERE job = ?1 AND workflow = ?2)")?;
        Ok(statement.query_row((job.0, workflow.as_str()), |row| row.get(0))?)
    }

    /// Whether a job has a user on record, and as active.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn is_active(&self, job: JobId, user: UserId) -> Result<Option<bool>, JournalError> {
        let mut statement = self
            .db
            .prepare_cached("SELECT active FROM user WHERE job = ?1 AND user = ?2")?;
        Ok(statement.query_row((job.0, user.0), |row| row.get(0)).optional()?)
    }

    /// The actions of a job, in order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn actions(&self, job: JobId) -> Result<Vec<ActionRecord>, JournalError> {
        self.each_action(job).collect()
    }

    /// The same, one after another.
    pub fn each_action(self, job: JobId) -> impl Iterator<Item = Result<ActionRecord, JournalError>> {
        let page = move |after: Option<&ActionId>| {
            let actions = self.list(
                &format!("{ACTION} WHERE a.job = ?1 AND a.action > ?2 ORDER BY a.action LIMIT ?3"),
                (job.0, after.map_or(0, |action| action.0), PAGE),
                read_action,
            )?;
            self.with_participants(job, actions)
        };
        pages(page, |action| action.action)
    }

    /// The next actions of a kind behind `after` that are planned and were never sent, at most [`PAGE`] of them; fewer only where there are
    /// no more.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn untouched(&self, job: JobId, kind: ActionKind, after: ActionId) -> Result<Vec<ActionRecord>, JournalError> {
        let actions = self.list(
            &format!(
                "{ACTION} WHERE a.job = ?1 AND a.action > ?2 AND a.kind = ?3 AND a.state = ?4 AND a.attempts = 0
                 ORDER BY a.action LIMIT ?5"
            ),
            (job.0, after.0, kind.as_str(), ActionState::Planned.as_str(), PAGE),
            read_action,
        )?;
        self.with_participants(job, actions)
    }

    /// Actions in their order, with who waits in each.
    fn with_participants(self, job: JobId, mut actions: Vec<ActionRecord>) -> Result<Vec<ActionRecord>, JournalError> {
        let (Some(first), Some(last)) = (actions.first(), actions.last()) else {
            return Ok(actions);
        };
        let participants = self.list(
            "SELECT action, user, matched FROM participant WHERE job = ?1 AND action BETWEEN ?2 AND ?3",
            (job.0, first.action.0, last.action.0),
            |row| {
                Ok((
                    ActionId(row.get("action")?),
                    UserId(row.get("user")?),
                    row.get::<_, bool>("matched")?,
                ))
            },
        )?;
        for (action, user, matched) in participants {
            if let Ok(place) = actions.binary_search_by_key(&action, |action| action.action) {
                if matched {
                    actions[place].people.insert(user)
                } else {
                    actions[place].others.insert(user)
                };
            }
        }
        Ok(actions)
    }

    /// What planned actions do, each kind once.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn planned_kinds(&self, job: JobId) -> Result<BTreeSet<ActionKind>, JournalError> {
        let kinds = self.list(
            "SELECT DISTINCT kind FROM action WHERE job = ?1 AND state = ?2 AND kind IS NOT NULL",
            (job.0, ActionState::Planned.as_str()),
            |row| required(parsed(row, "kind")?, "kind"),
        )?;
        Ok(kinds.into_iter().collect())
    }

    /// How many planned actions are on workflows in which each matched person waits.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn planned_of_people(&self, job: JobId) -> Result<BTreeMap<UserId, u32>, JournalError> {
        let numbers = self.list(
            "SELECT p.user, count(*) AS n FROM participant p JOIN action a USING (job, action)
             WHERE p.job = ?1 AND p.matched AND a.state = ?2 GROUP BY p.user",
            (job.0, ActionState::Planned.as_str()),
            |row| Ok((UserId(row.get("user")?), row.get("n")?)),
        )?;
        Ok(numbers.into_iter().collect())
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

    /// Whether any row of a job has an e-mail.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn has_row_emails(&self, job: JobId) -> Result<bool, JournalError> {
        Ok(self.db.query_row(
            "SELECT EXISTS (SELECT 1 FROM roster_row WHERE job = ?1 AND email_personal IS NOT NULL)",
            [job.0],
            |row| row.get(0),
        )?)
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

    /// The confirmed and unfinished job of the portal, other than `job`, that still has to do something about a workflow. A plan that was
    /// frozen before `oldest` is not carried out any more and claims only what it has in doubt.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn claimed_by(
        &self,
        workflow: &WorkflowId,
        portal: &Portal,
        job: JobId,
        oldest: DateTime<Utc>,
    ) -> Result<Option<JobId>, JournalError> {
        let claims = self.list(
            &format!(
                "SELECT a.job FROM action a JOIN job j USING (job)
                 WHERE {CLAIMS} AND a.workflow = ?4 ORDER BY a.job DESC LIMIT 1"
            ),
            params![
                portal.0,
                job.0,
                oldest.to_rfc3339_opts(SecondsFormat::Millis, true),
                workflow.as_str()
            ],
            |row| Ok(JobId(row.get("job")?)),
        )?;
        Ok(claims.into_iter().next())
    }

    /// The planned workflows of a job that another one has: see [`Self::claimed_by`].
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn taken(
        &self,
        portal: &Portal,
        job: JobId,
        oldest: DateTime<Utc>,
    ) -> Result<Vec<(WorkflowId, JobId)>, JournalError> {
        self.list(
            &format!(
                "SELECT mine.workflow, a.job FROM action mine JOIN action a USING (workflow) JOIN job j ON j.job = a.job
                 WHERE {CLAIMS} AND mine.job = ?2 AND mine.state = 'planned' ORDER BY mine.action, a.job DESC"
            ),
            params![portal.0, job.0, oldest.to_rfc3339_opts(SecondsFormat::Millis, true)],
            |row| Ok((required(parsed(row, "workflow")?, "workflow")?, JobId(row.get("job")?))),
        )
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

    /// What happened to the actions of a job that were sent and have no outcome, in order: every event that names one.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn events_of_open(&self, job: JobId) -> Result<Vec<Event>, JournalError> {
        let states = (job.0, ActionState::Planned.as_str(), ActionState::Sent.as_str());
        let mut any = self.db.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM action WHERE job = ?1 AND attempts > 0 AND state IN (?2, ?3))",
        )?;
        if !any.query_row(states, |row| row.get(0))? {
            return Ok(Vec::new());
        }
        let bodies: Vec<String> = self.list(
            "SELECT e.body FROM event e JOIN action a ON a.job = e.job AND a.action = e.action
             WHERE e.job = ?1 AND e.action IS NOT NULL AND a.attempts > 0 AND a.state IN (?2, ?3) ORDER BY e.seq",
            states,
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

    /// The cap under which a job goes on by itself. A person who decided about the plan has taken it over, and confirms it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn cap_to_go_on(&self, record: &JobRecord) -> Result<Option<u32>, JournalError> {
        match record.actions_max {
            Some(_) if !self.deciders(record.job)?.is_empty() => Ok(None),
            actions_max => Ok(actions_max),
        }
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
