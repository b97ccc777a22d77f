//! The kinds of event, and the envelope that each travels in.
//!
//! An event says what was decided or observed, once, in terms that stay true. Free text is [`Recorded`], never a plain string.
//! Kinds and fields are part of the evidence: they are added, never renamed and never reused.

use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::personal::Recorded;
use crate::domain::{
    ActionId, ActionKind, Decision, HoldReason, JobId, Outcome, Portal, RowNumber, RowState, RunId, StopReason, TaskId,
    UserId, WorkflowId,
};

/// An event on its way into the journal: what [`Envelope`] will read, but for the personal values.
#[derive(Serialize)]
pub(crate) struct Draft<'a> {
    pub(crate) prev: Option<String>,
    pub(crate) at: &'a str,
    pub(crate) monotonic_ms: u64,
    pub(crate) run: Option<RunId>,
    pub(crate) job: Option<JobId>,
    pub(crate) requests: u64,
    #[serde(flatten)]
    pub(crate) event: &'a Event,
}

/// What an event's body holds: the envelope and the event.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// The leaf hash of the event before, in hexadecimal; none for the first.
    pub prev: Option<String>,
    /// UTC, RFC 3339, milliseconds. A label: order is the sequence number.
    pub at: String,
    /// A monotonic reading in milliseconds, comparable within one start of the machine.
    pub monotonic_ms: u64,
    /// The run that recorded it.
    pub run: Option<RunId>,
    /// The job that it belongs to.
    pub job: Option<JobId>,
    /// HTTP requests that the run had made when this was recorded.
    pub requests: u64,
    /// The event itself.
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
pub enum Event {
    /// The database was made.
    DatabaseCreated(DatabaseCreated),
    /// A job was made from a roster.
    JobCreated(Box<JobCreated>),
    /// A row of the roster.
    RowRead(Box<RowRead>),
    /// A run began.
    RunStarted(Box<RunStarted>),
    /// A run that never finished was found; its process is gone.
    RunAbandoned(RunAbandoned),
    /// A run ended in order.
    RunFinished(RunFinished),
    /// A user as the portal showed them.
    UserRecorded(Box<UserRecorded>),
    /// What became of a row.
    RowResolved(RowResolved),
    /// Every row has been resolved.
    RowsResolved(Empty),
    /// One line of the portal's task list: a task and one of its users.
    TaskRecorded(Box<TaskRecorded>),
    /// A workflow as the portal showed it.
    WorkflowRecorded(Box<WorkflowRecorded>),
    /// All that hangs on a user has been read.
    UserDiscovered(UserDiscovered),
    /// What was read is too old; reading begins anew.
    DiscoveryRestarted(Empty),
    /// An action of the plan.
    ActionPlanned(ActionPlanned),
    /// The plan is frozen.
    PlanFrozen(PlanFrozen),
    /// A person decided about the frozen plan. It is open again, and frozen anew with what they decided.
    PlanDecided(Box<PlanDecided>),
    /// What that person decided about one workflow.
    WorkflowDecided(WorkflowDecided),
    /// A second person approved the frozen plan.
    PlanApproved(PlanApproved),
    /// A person confirmed the plan.
    PlanConfirmed(PlanConfirmed),
    /// Durable before the first byte of the request.
    AttemptIntended(AttemptIntended),
    /// What came back for an attempt.
    AttemptAnswered(AttemptAnswered),
    /// A sent action is planned again.
    ActionReturned(ActionReturned),
    /// An action's final word.
    ActionEnded(ActionEnded),
    /// An ended action is planned again, on a person's word.
    ActionReopened(ActionReopened),
    /// The run waited, and why.
    Paused(Paused),
    /// Task rows left of a killed workflow.
    ResidueRecorded(ResidueRecorded),
    /// Everything was read back once more; the job is closed.
    JobClosed(JobClosed),
    /// The key that signs the checkpoints from here on: the first of the database.
    SigningKeyRecorded(SigningKeyRecorded),
    /// Another key signs the checkpoints from here on. The checkpoint right after it has the signatures of both.
    SigningKeyRotated(SigningKeyRotated),
    /// A run began on a machine that has no head of this database, though it had been signed before.
    HeadMissing(HeadMissing),
    /// The wall clock was set back: this event's `at` is before that of the event before it.
    ClockSetBack(ClockSetBack),
    /// The personal values about a person are erased.
    PersonalRedacted(PersonalRedacted),
    /// No byte of the erased values is left in the file.
    RedactionFinished(RedactionFinished),
}

/// One line a kind: its name in a body. A kind without a line does not compile.
macro_rules! kinds {
    ($($name:literal => $variant:ident,)+) => {
        impl Event {
            /// The names of all kinds.
            pub const KINDS: &[&str] = &[$($name,)+];

            /// The name of this kind.
            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)+ }
            }

            /// Reads the data of a kind. A field that is not known is an error: what is ignored could change what is meant.
            fn read(kind: &str, data: &str) -> Result<Self, serde_json::Error> {
                match kind {
                    $($name => serde_json::from_str(data).map(Self::$variant),)+
                    other => Err(serde_json::Error::custom(format_args!("{other:?} is no kind of event"))),
                }
            }
        }
    };
}

kinds! {
    "database_created" => DatabaseCreated,
    "job_created" => JobCreated,
    "row_read" => RowRead,
    "run_started" => RunStarted,
    "run_abandoned" => RunAbandoned,
    "run_finished" => RunFinished,
    "user_recorded" => UserRecorded,
    "row_resolved" => RowResolved,
    "rows_resolved" => RowsResolved,
    "task_recorded" => TaskRecorded,
    "workflow_recorded" => WorkflowRecorded,
    "user_discovered" => UserDiscovered,
    "discovery_restarted" => DiscoveryRestarted,
    "action_planned" => ActionPlanned,
    "plan_frozen" => PlanFrozen,
    "plan_decided" => PlanDecided,
    "workflow_decided" => WorkflowDecided,
    "plan_approved" => PlanApproved,
    "plan_confirmed" => PlanConfirmed,
    "attempt_intended" => AttemptIntended,
    "attempt_answered" => AttemptAnswered,
    "action_returned" => ActionReturned,
    "action_ended" => ActionEnded,
    "action_reopened" => ActionReopened,
    "paused" => Paused,
    "residue_recorded" => ResidueRecorded,
    "job_closed" => JobClosed,
    "signing_key_recorded" => SigningKeyRecorded,
    "signing_key_rotated" => SigningKeyRotated,
    "head_missing" => HeadMissing,
    "clock_set_back" => ClockSetBack,
    "personal_redacted" => PersonalRedacted,
    "redaction_finished" => RedactionFinished,
}

/// A body as it stands: the envelope read, the event still JSON. Every field has to be there, and no other.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body<'a> {
    #[serde(borrow, deserialize_with = "Deserialize::deserialize")]
    pub(crate) prev: Option<&'a str>,
    pub(crate) at: &'a str,
    pub(crate) monotonic_ms: u64,
    #[serde(deserialize_with = "Deserialize::deserialize")]
    pub(crate) run: Option<RunId>,
    #[serde(deserialize_with = "Deserialize::deserialize")]
    pub(crate) job: Option<JobId>,
    pub(crate) requests: u64,
    pub(crate) kind: &'a str,
    #[serde(borrow)]
    data: &'a RawValue,
}

impl<'a> Body<'a> {
    /// Reads the envelope of a body.
    pub(crate) fn read(body: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(body)
    }

    /// The event's JSON, byte for byte as in the body.
    pub(crate) fn data(&self) -> &'a str {
        self.data.get()
    }

    /// Reads the event too.
    pub(crate) fn envelope(&self) -> Result<Envelope, serde_json::Error> {
        Ok(Envelope {
            prev: self.prev.map(str::to_owned),
            at: self.at.to_owned(),
            monotonic_ms: self.monotonic_ms,
            run: self.run,
            job: self.job,
            requests: self.requests,
            event: Event::read(self.kind, self.data())?,
        })
    }
}

impl Envelope {
    /// Reads a body.
    ///
    /// # Errors
    /// When it is not what this program writes: other JSON, a kind or a field that is not known, a field that is missing.
    pub fn read(body: &str) -> Result<Self, serde_json::Error> {
        Body::read(body)?.envelope()
    }
}

/// Nothing to say beyond the kind.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// See [`Event::DatabaseCreated`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseCreated {
    /// Random, 32 hexadecimal digits.
    pub database: String,
    /// The program's version.
    pub version: String,
}

/// See [`Event::JobCreated`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobCreated {
    /// Whose job it is.
    pub portal: Portal,
    /// SHA-256 of the policy's canonical JSON.
    pub policy_hash: String,
    /// The policy itself, as canonical JSON.
    pub policy: String,
    /// The action of rows that carry none.
    pub default_action: Option<ActionKind>,
    /// The command that began it: `plan` or `run`.
    pub begun_by: String,
    /// `--max-actions` of `run`.
    pub actions_max: Option<u32>,
    /// What was read.
    pub roster: RosterRead,
    /// The e-mails that the policy protects, in the order in which it names their commitments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policy_emails: Vec<Recorded>,
    /// Why, in the operator's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Recorded>,
    /// The ticket that it is done for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Recorded>,
}

/// What was detected in the roster.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RosterRead {
    /// SHA-256 of the file.
    pub sha256: String,
    /// The encoding.
    pub encoding: String,
    /// Whether it began with a byte order mark.
    pub byte_order_mark: bool,
    /// The delimiter; none in a file of one column.
    pub delimiter: Option<String>,
    /// The physical line of the header.
    pub header_line: u64,
    /// The header: its text as written, and the field that it was taken for.
    pub columns: Vec<RosterColumn>,
    /// Rows used.
    pub rows: u32,
    /// Empty rows passed over.
    pub rows_ignored: u32,
}

/// A column of the roster.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RosterColumn {
    /// The header cell.
    pub name: Recorded,
    /// The field that it was taken for.
    pub field: Option<String>,
}

/// See [`Event::RowRead`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowRead {
    /// The row.
    pub row: RowNumber,
    /// Its physical line.
    pub line: u64,
    /// The `id` cell.
    pub id: Option<UserId>,
    /// The `email` cell.
    pub email: Option<Recorded>,
    /// The `first_name` cell.
    pub first_name: Option<Recorded>,
    /// The `last_name` cell.
    pub last_name: Option<Recorded>,
    /// The `second_name` cell.
    pub second_name: Option<Recorded>,
    /// The `full_name` cell.
    pub full_name: Option<Recorded>,
    /// The action: the row's own, or the default.
    #[serde(rename = "do")]
    pub kind: ActionKind,
    /// The `note` cell.
    pub note: Option<Recorded>,
    /// Unknown columns, in order.
    pub other: Vec<OtherCell>,
}

/// A cell of an unknown column.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherCell {
    /// The header cell.
    pub column: Recorded,
    /// The cell.
    pub value: Recorded,
}

/// See [`Event::RunStarted`]. The operator's own identity is in clear, on purpose.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunStarted {
    /// `plan`, `apply`, `run` or `resume`.
    pub command: String,
    /// The account that the process runs under.
    pub os_user: String,
    /// The account that logged in, where it differs (`sudo`).
    pub login_user: Option<String>,
    /// The host's name.
    pub host: String,
    /// The process id.
    pub process: u32,
    /// The program's version.
    pub version: String,
    /// The portal.
    pub portal: Portal,
    /// The user whose rights the webhook has, as `profile` says.
    pub webhook_owner: UserId,
    /// A keyed fingerprint of the token: equal for equal tokens of one database, and worth nothing to a guesser.
    pub credential: String,
    /// The policy in force.
    pub policy_hash: String,
    /// By how many milliseconds the portal's clock was ahead of this machine's. Whole seconds count: the portal tells no more.
    pub clock_offset_ms: i64,
}

/// See [`Event::RunAbandoned`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunAbandoned {
    /// The run whose process died.
    pub abandoned: RunId,
    /// Actions that it left in doubt.
    pub in_doubt: u32,
}

/// See [`Event::RunFinished`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunFinished {
    /// Why it stopped; none when there was nothing left to do.
    pub stop_reason: Option<StopReason>,
    /// The actions of the job by state, as they stood.
    pub actions: Vec<(String, u32)>,
}

/// See [`Event::UserRecorded`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserRecorded {
    /// The user.
    pub user: UserId,
    /// Whether they still work here.
    pub active: bool,
    /// `NAME`.
    pub first_name: Option<Recorded>,
    /// `LAST_NAME`.
    pub last_name: Option<Recorded>,
    /// `SECOND_NAME`.
    pub second_name: Option<Recorded>,
    /// `EMAIL`.
    pub email: Option<Recorded>,
    /// `USER_TYPE`.
    pub user_type: Option<String>,
    /// `UF_DEPARTMENT`, where a rule of the policy goes by it and the portal tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub departments: Option<Vec<u32>>,
}

/// See [`Event::RowResolved`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowResolved {
    /// The row.
    pub row: RowNumber,
    /// What became of it.
    pub state: RowState,
    /// Why, in a fixed phrase without personal values.
    pub reason: Option<String>,
    /// The user, where there is exactly one.
    pub user: Option<UserId>,
    /// For a duplicate: the row that has the actions.
    pub same_as: Option<RowNumber>,
    /// Everybody who was considered.
    pub candidates: Vec<UserId>,
}

/// See [`Event::TaskRecorded`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskRecorded {
    /// The task.
    pub task: TaskId,
    /// Its workflow.
    pub workflow: WorkflowId,
    /// One of its users.
    pub user: UserId,
    /// The task's status (protocol section 3).
    pub status: i64,
    /// That user's answer (protocol section 3).
    pub user_status: i64,
    /// The task's title.
    pub name: Option<Recorded>,
    /// The document's title.
    pub document_name: Option<Recorded>,
    /// When it last changed, as the portal writes it.
    pub modified: Option<String>,
    /// When it is overdue, as the portal writes it.
    pub overdue: Option<String>,
}

/// See [`Event::WorkflowRecorded`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkflowRecorded {
    /// The workflow.
    pub workflow: WorkflowId,
    /// Whether `bizproc.workflow.instances` lists it. A task whose workflow does not run is an orphan.
    pub running: bool,
    /// `MODULE_ID`, such as `crm`.
    pub module: Option<String>,
    /// `ENTITY`.
    pub entity: Option<String>,
    /// `DOCUMENT_ID`.
    pub document: Option<String>,
    /// The document's title.
    pub document_name: Option<Recorded>,
    /// `TEMPLATE_ID`.
    pub template: Option<String>,
    /// When it started, as the portal writes it.
    pub started: Option<String>,
    /// Who started it.
    pub started_by: Option<UserId>,
    /// Whether that user still works here; none when the portal does not show them.
    pub started_by_active: Option<bool>,
    /// Whose task showed the document's title: whom it is about. None in events of version 0.1, which did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_name_about: Option<UserId>,
}

/// See [`Event::UserDiscovered`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserDiscovered {
    /// The user.
    pub user: UserId,
    /// Open tasks found.
    pub tasks: u32,
}

/// See [`Event::ActionPlanned`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionPlanned {
    /// Its number in the job.
    pub action: ActionId,
    /// The workflow.
    pub workflow: WorkflowId,
    /// What to do; none when the rows contradict each other.
    #[serde(rename = "do")]
    pub kind: Option<ActionKind>,
    /// The matched people who wait in it.
    pub people: Vec<UserId>,
    /// Everybody who waits in it, the people among them.
    pub participants: Vec<UserId>,
    /// Why it is held; empty when it is planned.
    pub holds: Vec<HoldReason>,
}

/// See [`Event::PlanFrozen`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanFrozen {
    /// SHA-256 of the plan's canonical JSON.
    pub plan_hash: String,
    /// Actions in state `planned`.
    pub planned: u32,
    /// Actions in state `held`.
    pub held: u32,
    /// Open tasks whose workflow does not run.
    pub orphans: u32,
    /// Planned actions whose workflow was started by a colleague who still works here.
    pub started_by_colleagues: u32,
    /// Workflows that ran on the portal, where a cap of the policy goes by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_workflows: Option<u32>,
}

/// See [`Event::PlanDecided`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanDecided {
    /// The plan that was decided about, and is void from here on.
    pub plan_hash: String,
    /// Who decided.
    pub operator: Operator,
    /// The row that got a user by this decision.
    pub row: Option<RowNumber>,
    /// That user.
    pub user: Option<UserId>,
}

/// See [`Event::WorkflowDecided`].
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkflowDecided {
    /// The workflow.
    pub workflow: WorkflowId,
    /// What was decided.
    pub decision: Decision,
    /// The holds that are released.
    pub released: Vec<HoldReason>,
    /// What is to be done, where the rows ask for different actions.
    #[serde(rename = "do")]
    pub kind: Option<ActionKind>,
}

/// See [`Event::PlanApproved`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanApproved {
    /// The plan that was approved, and no other.
    pub plan_hash: String,
    /// Who approved it.
    pub operator: Operator,
    /// How: on a terminal, or by `--confirm`.
    pub by: String,
}

/// See [`Event::PlanConfirmed`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanConfirmed {
    /// `PORTAL:COUNT:HASH8` of what was confirmed.
    pub confirm: String,
    /// How the consent was given: `terminal`, `--confirm` or `--max-actions`.
    pub by: String,
}

/// See [`Event::AttemptIntended`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttemptIntended {
    /// The action.
    pub action: ActionId,
    /// The attempt, from 1, never reused.
    pub attempt: u32,
    /// What is sent.
    #[serde(rename = "do")]
    pub kind: ActionKind,
    /// To which workflow.
    pub workflow: WorkflowId,
    /// The key of the command in the batch.
    pub key: String,
    /// Who waited in it when it was last looked at.
    pub waiting: Vec<UserId>,
    /// How long before this it was last looked at.
    pub rechecked_ms_ago: u64,
}

/// What an answer amounts to.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerKind {
    /// Literal `true`.
    Yes,
    /// A definite error.
    Refused,
    /// The portal, or the network before it, certainly did not execute it.
    NotExecuted,
    /// Nobody knows.
    InDoubt,
}

/// See [`Event::AttemptAnswered`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttemptAnswered {
    /// The action.
    pub action: ActionId,
    /// The attempt.
    pub attempt: u32,
    /// What the answer amounts to.
    pub answer: AnswerKind,
    /// The portal's error code, or our word for what is in doubt.
    pub code: Option<String>,
    /// The portal's words.
    pub text: Option<Recorded>,
}

/// Why a sent action is planned again.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Returned {
    /// The attempt was certainly not executed, and does not count.
    NotExecuted,
    /// The attempt went unanswered, and the workflow is still listed.
    StillListed,
}

/// See [`Event::ActionReturned`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionReturned {
    /// The action.
    pub action: ActionId,
    /// The attempt that is settled by it.
    pub attempt: u32,
    /// Why.
    pub why: Returned,
}

/// See [`Event::ActionEnded`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionEnded {
    /// The action.
    pub action: ActionId,
    /// The final word.
    pub outcome: Outcome,
    /// The last attempt; none when nothing was ever sent.
    pub attempt: Option<u32>,
    /// Whether the portal listed the workflow when last asked.
    pub listed: bool,
    /// For `drifted`: what changed, in a fixed phrase.
    pub detail: Option<String>,
    /// For `drifted`: who waits in it now.
    pub waiting: Vec<UserId>,
}

/// See [`Event::ActionReopened`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionReopened {
    /// The action.
    pub action: ActionId,
    /// The outcome that it had.
    pub outcome: Outcome,
    /// Why, in the operator's words.
    pub reason: Option<Recorded>,
}

/// See [`Event::Paused`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paused {
    /// Why, as a word.
    pub reason: String,
    /// The REST method that is waited for.
    pub method: Option<String>,
    /// For how long.
    pub wait_ms: u64,
}

/// See [`Event::ResidueRecorded`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResidueRecorded {
    /// The killed workflow.
    pub workflow: WorkflowId,
    /// Task rows that the portal still lists.
    pub tasks: u32,
}

/// See [`Event::JobClosed`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobClosed {
    /// The actions by state.
    pub actions: Vec<(String, u32)>,
    /// Workflows that were gone and are listed again. Never seen; if it happens, a person has to look.
    pub relisted: Vec<WorkflowId>,
}

/// Who typed a command. In clear, on purpose: accountability.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// The account that the process runs under.
    pub os_user: String,
    /// The account that logged in, where it differs (`sudo`).
    pub login_user: Option<String>,
    /// The host's name.
    pub host: String,
}

impl RunStarted {
    /// Who typed the command.
    pub fn operator(&self) -> Operator {
        Operator {
            os_user: self.os_user.clone(),
            login_user: self.login_user.clone(),
            host: self.host.clone(),
        }
    }
}

impl Operator {
    /// Whether both may be one person: the account that logged in counts, where another one was taken on (`sudo`). On one account, somebody
    /// of whom no login is known may be anybody.
    pub fn may_be(&self, other: &Self) -> bool {
        let is_one_account = self.os_user == other.os_user;
        let is_unknown = self.login_user.is_none() || other.login_user.is_none();
        self.person() == other.person() || (is_one_account && is_unknown)
    }

    /// The account that stands for the person.
    pub fn person(&self) -> &str {
        self.login_user.as_deref().unwrap_or(&self.os_user)
    }
}

/// See [`Event::SigningKeyRecorded`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningKeyRecorded {
    /// The origin of every checkpoint of this database: `PORTAL/DATABASE`, with the portal of its first run.
    pub origin: String,
    /// The public key, as C2SP's signed-note writes a verifier key.
    pub key: String,
}

/// See [`Event::SigningKeyRotated`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningKeyRotated {
    /// The new public key.
    pub key: String,
    /// The public key that it replaces.
    pub replaces: String,
    /// Who rotated it.
    pub operator: Operator,
}

/// See [`Event::HeadMissing`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadMissing {
    /// The size of the newest checkpoint in the file.
    pub checkpoint: u64,
}

/// See [`Event::ClockSetBack`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockSetBack {
    /// By how much, at least.
    pub by_ms: u64,
}

/// See [`Event::PersonalRedacted`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonalRedacted {
    /// The user whose values are erased; none when it was a row that no user was found for.
    pub user: Option<UserId>,
    /// Rows of the roster whose values are erased: job and row.
    pub rows: Vec<(JobId, RowNumber)>,
    /// Further values that were named one by one, such as titles with the name in them: their commitments, 64 hexadecimal digits each.
    pub also: Vec<String>,
    /// How many values this erases.
    pub values: u32,
    /// Who erased them.
    pub operator: Operator,
    /// Why, in the operator's words.
    pub reason: Option<Recorded>,
}

/// See [`Event::RedactionFinished`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedactionFinished {
    /// The sequence number of the redaction.
    pub redaction: u64,
}
