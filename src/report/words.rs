//! One event in one line of plain words, for `audit log`. The words of the design, and nothing that the event does not say.

use std::fmt::{self, Display};

use crate::domain::{Decision, JobId, RowNumber, UserId};
use crate::journal::{
    ActionEnded, ActionPlanned, AnswerKind, AttemptAnswered, AttemptIntended, Event, JobCreated, Operator,
    PersonalRedacted, PlanDecided, PlanFrozen, Recorded, Returned, RowRead, RowResolved, RunStarted, TaskRecorded,
    UserRecorded, WorkflowDecided, WorkflowRecorded,
};

/// How a personal value is shown: what it says, made fit for where it is shown, or that it was erased.
pub type Show<'a> = &'a dyn Fn(&Recorded) -> Shown;

/// A personal value in a sentence.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Shown {
    /// It is there.
    Text(String),
    /// It is not; why, in a word.
    Absent(&'static str),
}

impl fmt::Display for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Text(text) => text,
            Self::Absent(why) => why,
        })
    }
}

/// What happened.
pub fn sentence(event: &Event, show: Show<'_>) -> String {
    match event {
        Event::DatabaseCreated(event) => format!("database {} made by offboard24 {}", event.database, event.version),
        Event::JobCreated(event) => job_created(event, show),
        Event::RowRead(event) => row_read(event, show),
        Event::RunStarted(event) => run_started(event),
        Event::RunAbandoned(event) => format!(
            "run {} found abandoned: its process is gone, {} in doubt",
            event.abandoned,
            count(event.in_doubt, "action")
        ),
        Event::RunFinished(event) => match event.stop_reason {
            Some(reason) => format!("run stopped ({reason}); actions: {}", states(&event.actions)),
            None => format!("run finished; actions: {}", states(&event.actions)),
        },
        Event::UserRecorded(event) => user_recorded(event, show),
        Event::RowResolved(event) => row_resolved(event),
        Event::RowsResolved(_) => "every row resolved".to_owned(),
        Event::TaskRecorded(event) => task_recorded(event, show),
        Event::WorkflowRecorded(event) => workflow_recorded(event, show),
        Event::UserDiscovered(event) => {
            format!(
                "all that waits on user {} read: {}",
                event.user,
                count(event.tasks, "open task")
            )
        }
        Event::DiscoveryRestarted(_) => "what was read is too old; reading begins anew".to_owned(),
        Event::ActionPlanned(event) => action_planned(event),
        Event::PlanFrozen(event) => plan_frozen(event),
        Event::PlanDecided(event) => plan_decided(event),
        Event::WorkflowDecided(event) => workflow_decided(event),
        Event::PlanApproved(event) => format!(
            "plan {:.8} approved by {} ({})",
            event.plan_hash,
            operator(&event.operator),
            event.by
        ),
        Event::PlanConfirmed(event) => format!("plan confirmed as {} ({})", event.confirm, event.by),
        Event::AttemptIntended(event) => attempt_intended(event),
        Event::AttemptAnswered(event) => attempt_answered(event, show),
        Event::ActionReturned(event) => {
            let why = match event.why {
                Returned::NotExecuted => "it was certainly not executed",
                Returned::StillListed => "it went unanswered, and the workflow is still listed",
            };
            format!(
                "action {} planned again after attempt {}: {why}",
                event.action, event.attempt
            )
        }
        Event::ActionEnded(event) => action_ended(event),
        Event::ActionReopened(event) => format!(
            "action {} reopened, which had ended as {}{}",
            event.action,
            event.outcome,
            said("reason", event.reason.as_ref(), show)
        ),
        Event::Paused(event) => format!(
            "paused for {} ms: {}{}",
            event.wait_ms,
            event.reason,
            some(" (", event.method.as_ref(), ")")
        ),
        Event::ResidueRecorded(event) => format!(
            "residue of killed workflow {}: {} still listed",
            event.workflow,
            count(event.tasks, "task row")
        ),
        Event::JobClosed(event) => {
            let relisted = match event.relisted.as_slice() {
                [] => String::new(),
                workflows => format!("; gone and listed again: {}", list(workflows)),
            };
            format!("job closed; actions: {}{relisted}", states(&event.actions))
        }
        Event::SigningKeyRecorded(event) => {
            format!(
                "checkpoints of {} are signed from here on; public key {}",
                event.origin, event.key
            )
        }
        Event::SigningKeyRotated(event) => format!(
            "signing key rotated by {}; public key {}, which replaces {}",
            operator(&event.operator),
            event.key,
            event.replaces
        ),
        Event::HeadMissing(event) => format!(
            "no head of this database on this machine, though it was signed up to {}",
            count(event.checkpoint, "event")
        ),
        Event::ClockSetBack(event) => format!("the wall clock was set back by {} ms or more", event.by_ms),
        Event::PersonalRedacted(event) => personal_redacted(event, show),
        Event::RedactionFinished(event) => format!(
            "erasure of event {} finished: no byte of the erased values is left in the file",
            event.redaction
        ),
    }
}

fn job_created(event: &JobCreated, show: Show<'_>) -> String {
    let roster = &event.roster;
    let columns = roster.columns.iter().map(|column| {
        let field = column.field.as_deref().unwrap_or("not used");
        format!("{} = {field}", show(&column.name))
    });
    let action = some(", action ", event.default_action, "");
    let max = event
        .actions_max
        .map_or(String::new(), |max| format!(", at most {}", count(max, "action")));
    let ticket = said("ticket", event.ticket.as_ref(), show);
    let reason = said("reason", event.reason.as_ref(), show);
    let emails: Vec<String> = event
        .policy_emails
        .iter()
        .map(|email| show(email).to_string())
        .collect();
    let emails = if emails.is_empty() {
        String::new()
    } else {
        format!(", which protects {}", emails.join(", "))
    };
    format!(
        "job made by {} for {}{action}{max}{ticket}{reason}: roster of {} ({}, SHA-256 {}), columns {}; policy {}{emails}",
        event.begun_by,
        event.portal,
        count(roster.rows, "row"),
        roster.encoding,
        roster.sha256,
        columns.collect::<Vec<_>>().join(", "),
        event.policy_hash
    )
}

fn row_read(event: &RowRead, show: Show<'_>) -> String {
    let id = event.id.map(|id| format!("id {id}"));
    let cells = [
        ("email", &event.email),
        ("first_name", &event.first_name),
        ("last_name", &event.last_name),
        ("second_name", &event.second_name),
        ("full_name", &event.full_name),
        ("note", &event.note),
    ];
    let cells = cells
        .into_iter()
        .filter_map(|(field, cell)| Some(format!("{field} {}", show(cell.as_ref()?))));
    let other = event
        .other
        .iter()
        .map(|cell| format!("{} {}", show(&cell.column), show(&cell.value)));
    let all: Vec<String> = id.into_iter().chain(cells).chain(other).collect();
    format!(
        "row {} (line {}) to {}: {}",
        event.row,
        event.line,
        event.kind,
        all.join(", ")
    )
}

fn run_started(event: &RunStarted) -> String {
    let who = who(&event.os_user, event.login_user.as_deref(), &event.host);
    format!(
        "{} began: {who}, process {}, offboard24 {}, with the rights of user {} on {}; the portal's clock is {} ms {}",
        event.command,
        event.process,
        event.version,
        event.webhook_owner,
        event.portal,
        event.clock_offset_ms.unsigned_abs(),
        if event.clock_offset_ms < 0 { "behind" } else { "ahead" }
    )
}

fn user_recorded(event: &UserRecorded, show: Show<'_>) -> String {
    let names = [&event.first_name, &event.second_name, &event.last_name, &event.email];
    let mut names: Vec<Shown> = names.into_iter().flatten().map(show).collect();
    names.dedup_by(|next, before| next == before && matches!(next, Shown::Absent(_)));
    let names: Vec<String> = names.iter().map(Shown::to_string).collect();
    let names = if names.is_empty() {
        String::new()
    } else {
        format!(" ({})", names.join(" "))
    };
    let active = if event.active { "active" } else { "dismissed" };
    let kind = some(", ", event.user_type.as_ref(), "");
    format!("user {}{names} as the portal shows them: {active}{kind}", event.user)
}

fn row_resolved(event: &RowResolved) -> String {
    let user = some(": user ", event.user, "");
    let same = some(", as row ", event.same_as, "");
    let reason = some(" (", event.reason.as_ref(), ")");
    let candidates = match event.candidates.as_slice() {
        [] => String::new(),
        users if event.user.is_some_and(|user| users == [user]) => String::new(),
        users => format!("; considered: {}", list(users)),
    };
    format!("row {} {}{user}{same}{reason}{candidates}", event.row, event.state)
}

fn task_recorded(event: &TaskRecorded, show: Show<'_>) -> String {
    // The numbers are the portal's own; what they mean is known only for the first.
    let state = match (event.status, event.user_status) {
        (0, 0) => "waits for".to_owned(),
        (status, user_status) => format!("status {status}, answer {user_status}, of"),
    };
    let document = said("document", event.document_name.as_ref(), show);
    let title = event
        .name
        .as_ref()
        .map_or(String::new(), |name| format!(" \"{}\"", show(name)));
    format!(
        "task {}{title} of workflow {} {state} user {}{document}",
        event.task, event.workflow, event.user
    )
}

fn workflow_recorded(event: &WorkflowRecorded, show: Show<'_>) -> String {
    let runs = if event.running { "runs" } else { "does not run" };
    let started = event.started_by.map_or(String::new(), |user| {
        let here = match event.started_by_active {
            Some(true) => ", who still works here",
            Some(false) => ", dismissed",
            None => "",
        };
        format!(", started by user {user}{here}")
    });
    let at = some(", at ", event.started.as_ref(), "");
    let template = some(", template ", event.template.as_ref(), "");
    let parts = [&event.module, &event.entity, &event.document];
    let document: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
    let document = if document.is_empty() {
        String::new()
    } else {
        format!(", on {}", document.join(" "))
    };
    let title = event
        .document_name
        .as_ref()
        .map_or(String::new(), |name| format!(" \"{}\"", show(name)));
    format!(
        "workflow {} {runs}{template}{document}{title}{at}{started}",
        event.workflow
    )
}

fn action_planned(event: &ActionPlanned) -> String {
    let kind = event
        .kind
        .map_or("nothing, its rows contradict each other,", |kind| kind.as_str());
    let others: Vec<UserId> = event
        .participants
        .iter()
        .filter(|user| !event.people.contains(user))
        .copied()
        .collect();
    let others = if others.is_empty() {
        String::new()
    } else {
        format!(", and for others: {}", list(&others))
    };
    let state = if event.holds.is_empty() {
        "planned".to_owned()
    } else {
        format!("held ({})", list(&event.holds))
    };
    format!(
        "action {} {state}: {kind} of workflow {}, which waits for {}{others}",
        event.action,
        event.workflow,
        list(&event.people)
    )
}

fn plan_frozen(event: &PlanFrozen) -> String {
    format!(
        "plan frozen: {} planned, {} held, {}, {} started by colleagues; hash {}",
        event.planned,
        event.held,
        count(event.orphans, "orphan"),
        event.started_by_colleagues,
        event.plan_hash
    )
}

fn plan_decided(event: &PlanDecided) -> String {
    let row = match (event.row, event.user) {
        (Some(row), Some(user)) => format!(": row {row} is user {user}"),
        _ => String::new(),
    };
    format!(
        "{} decided about plan {:.8}, which is void from here on{row}",
        operator(&event.operator),
        event.plan_hash
    )
}

fn workflow_decided(event: &WorkflowDecided) -> String {
    let kind = event.kind.map_or(String::new(), |kind| format!(", to be done: {kind}"));
    match event.decision {
        Decision::Drop => format!("workflow {} dropped", event.workflow),
        Decision::Include => format!(
            "workflow {} included, released: {}{kind}",
            event.workflow,
            list(&event.released)
        ),
    }
}

fn attempt_intended(event: &AttemptIntended) -> String {
    format!(
        "action {}, attempt {}: {} of workflow {} about to be sent (key {}); {}, looked at {} ms before",
        event.action,
        event.attempt,
        event.kind,
        event.workflow,
        event.key,
        waiting(&event.waiting),
        event.rechecked_ms_ago
    )
}

fn attempt_answered(event: &AttemptAnswered, show: Show<'_>) -> String {
    let answer = match event.answer {
        AnswerKind::Yes => "answered yes",
        AnswerKind::Refused => "refused",
        AnswerKind::NotExecuted => "not executed",
        AnswerKind::InDoubt => "in doubt",
    };
    let code = some(" (", event.code.as_ref(), ")");
    let text = said("the portal", event.text.as_ref(), show);
    format!(
        "action {}, attempt {}: {answer}{code}{text}",
        event.action, event.attempt
    )
}

fn action_ended(event: &ActionEnded) -> String {
    let attempt = match event.attempt {
        Some(attempt) => format!("last attempt {attempt}"),
        None => "nothing was sent".to_owned(),
    };
    let listed = if event.listed {
        "still listed"
    } else {
        "no longer listed"
    };
    let detail = some("; ", event.detail.as_ref(), "");
    let now = if event.waiting.is_empty() {
        String::new()
    } else {
        format!("; {}", waiting(&event.waiting))
    };
    format!(
        "action {} ended: {} ({attempt}, {listed}){detail}{now}",
        event.action, event.outcome
    )
}

fn personal_redacted(event: &PersonalRedacted, show: Show<'_>) -> String {
    let user = event.user.map(|user| format!("user {user}"));
    let rows = event
        .rows
        .iter()
        .map(|(job, row): &(JobId, RowNumber)| format!("row {row} of job {job}"));
    let also = (!event.also.is_empty()).then(|| format!("{} named one by one", count(event.also.len(), "value")));
    let what: Vec<String> = user.into_iter().chain(rows).chain(also).collect();
    format!(
        "{} erased by {}: {}{}",
        count(event.values, "personal value"),
        operator(&event.operator),
        what.join(", "),
        said("reason", event.reason.as_ref(), show)
    )
}

/// `ann (logged in as bob) on pc7`.
fn who(os_user: &str, login_user: Option<&str>, host: &str) -> String {
    let login = login_user.map_or(String::new(), |login| format!(" (logged in as {login})"));
    format!("{os_user}{login} on {host}")
}

fn operator(operator: &Operator) -> String {
    who(&operator.os_user, operator.login_user.as_deref(), &operator.host)
}

/// `, reason: "…"`, where something was said.
fn said(what: &str, text: Option<&Recorded>, show: Show<'_>) -> String {
    text.map_or(String::new(), |text| format!(", {what}: \"{}\"", show(text)))
}

fn waiting(users: &[UserId]) -> String {
    match users {
        [] => "nobody waits".to_owned(),
        users => format!("waiting: {}", list(users)),
    }
}

/// `200 confirmed, 11 held`: states that do not occur are left out.
fn states(counts: &[(String, u32)]) -> String {
    let there: Vec<String> = counts
        .iter()
        .filter(|(_, number)| *number > 0)
        .map(|(state, number)| format!("{number} {state}"))
        .collect();
    if there.is_empty() {
        "none".to_owned()
    } else {
        there.join(", ")
    }
}

fn list<T: Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// An optional part between its marks.
fn some<T: Display>(before: &str, part: Option<T>, after: &str) -> String {
    part.map_or(String::new(), |part| format!("{before}{part}{after}"))
}

/// `1 workflow`, `2 workflows`.
pub fn count<N: Copy + Display + PartialEq + From<u8>>(number: N, word: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {word}{plural}")
}
