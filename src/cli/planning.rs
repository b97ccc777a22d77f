//! From a roster file to a frozen plan: what `plan`, `run` and a `resume` of an interrupted plan share.

use std::collections::BTreeSet;
use std::io::Read as _;

use super::Failed;
use super::failure::Failure;
use super::settings::{Intake, PortalAccess};
use super::terminal::Terminal;
use super::text::{count, printable};
use super::work::{Link, Needs, Work};
use crate::domain::{ActionKind, JobId, Portal, RunId};
use crate::exit::Exit;
use crate::journal::{Event, JobCreated};
use crate::plan::intake;
use crate::plan::policy::Policy;
use crate::roster::{self, Detected, Roster};

/// A roster and a policy that can be used.
pub(crate) struct Order {
    roster: Roster,
    actions: Vec<ActionKind>,
    default_action: Option<ActionKind>,
    policy: Policy,
    /// The policy as canonical JSON, as it is recorded.
    policy_text: String,
}

/// Reads and validates everything before the first request. Prints what was detected.
pub(crate) fn read_order(terminal: &Terminal, order: &Intake) -> Result<Order, Failure> {
    let policy = match &order.policy {
        None => Policy::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|cause| {
                Failure::usage(format!(
                    "the policy {} cannot be read: {cause}. Nothing was asked",
                    path.display()
                ))
                .next("name a policy file that this user can read with --policy, or leave it out")
            })?;
            Policy::parse(&text).map_err(|cause| {
                Failure::usage(format!("{}: {cause}", path.display()))
                    .next("correct the policy file and run the same command again")
            })?
        }
    };
    let policy_text = policy.canonical().map_err(crate::journal::JournalError::from)?;
    let unreadable = |cause: std::io::Error| {
        Failure::usage(format!(
            "the roster {} cannot be read: {cause}. Nothing was asked",
            order.path.display()
        ))
        .next("name a CSV file that this user can read")
    };
    let mut bytes = Vec::new();
    let limit = roster::FILE_BYTES_MAX as u64 + 1;
    std::fs::File::open(&order.path)
        .and_then(|file| file.take(limit).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    let roster = roster::read(&bytes, &order.options).map_err(|errors| {
        if let Some(found) = errors.detected() {
            tell_detected(terminal, found);
        }
        Failure::from(errors)
    })?;
    tell_detected(terminal, &roster.detected);
    let actions = intake::actions(&roster, order.action).map_err(|cause| {
        Failure::new("roster", Exit::Usage, cause.to_string())
            .next("say what to do with --action kill or --action terminate, or give every row an action")
    })?;
    Ok(Order {
        roster,
        actions,
        default_action: order.action,
        policy,
        policy_text,
    })
}

fn tell_detected(terminal: &Terminal, found: &Detected) {
    let columns: Vec<String> = found
        .columns
        .iter()
        .map(|column| match column.field {
            Some(field) => format!("{} = {}", printable(&column.name), field.as_str()),
            None => format!("{} (kept)", printable(&column.name)),
        })
        .collect();
    let delimiter = found
        .delimiter
        .map_or_else(|| "none, one column".to_owned(), |delimiter| delimiter.to_string());
    let mark = if found.byte_order_mark {
        " with byte order mark"
    } else {
        ""
    };
    terminal.note(&format!(
        "roster: {}{mark}, delimiter {delimiter}, header in line {}\n        columns: {}\n        {}, {} passed over",
        found.encoding,
        found.header_line,
        columns.join(", "),
        count(found.rows, "row"),
        count(found.rows_ignored, "empty or title line")
    ));
    for warning in &found.warnings {
        terminal.note(&format!(
            "        line {}, column {}: {}",
            warning.line, warning.column, warning.kind
        ));
    }
}

impl Order {
    /// What the preflight has to look for.
    fn needs(&self) -> Needs {
        Needs {
            kinds: self.actions.iter().copied().collect::<BTreeSet<_>>(),
            reads_emails: self.roster.rows.iter().any(|row| row.email.is_some()),
        }
    }

    fn policy_hash(&self) -> String {
        Policy::hash(&self.policy_text)
    }

    /// The events that record the job and its roster.
    fn events(&self, portal: &Portal, begun_by: &str, actions_max: Option<u32>) -> Vec<Event> {
        let created = JobCreated {
            portal: portal.clone(),
            policy_hash: self.policy_hash(),
            policy: self.policy_text.clone(),
            default_action: self.default_action,
            begun_by: begun_by.to_owned(),
            actions_max,
            roster: intake::detected(&self.roster.detected),
        };
        let rows = self
            .roster
            .rows
            .iter()
            .zip(&self.actions)
            .map(|(row, action)| intake::row_read(row, *action));
        std::iter::once(Event::JobCreated(Box::new(created)))
            .chain(rows)
            .collect()
    }
}

/// A job with its plan, made in a run that is still open.
pub(crate) struct Begun {
    pub(crate) link: Link,
    pub(crate) job: JobId,
    pub(crate) run: RunId,
}

/// Makes a job of an order, and its plan.
pub(crate) async fn begin(
    work: &mut Work,
    access: PortalAccess,
    order: &Order,
    command: &str,
    actions_max: Option<u32>,
) -> Result<Begun, Failed> {
    let portal = access.webhook.portal();
    let link = Link::open(work, access, &order.needs()).await?;
    let job = work.journal.view().next_job()?;
    let first = order.events(&portal, command, actions_max);
    let run = work.begin_run(&link, command, job, &order.policy_hash(), first)?;
    match make_plan(work, &link, run, job, &order.policy).await {
        Ok(()) => Ok(Begun { link, job, run }),
        Err(failure) => Err(failure.with(&work.status(job)?)),
    }
}

/// Makes the plan of a job, or finishes making it. When it stops before that, the run is ended on record.
pub(crate) async fn make_plan(
    work: &mut Work,
    link: &Link,
    run: RunId,
    job: JobId,
    policy: &Policy,
) -> Result<(), Failure> {
    let progress = work.terminal.progress();
    let (clock, now, stop) = (std::sync::Arc::clone(&work.clock), work.now(), link.signals.stop());
    let shown = |done: u32, total: u32| progress.show(done, total, "people read", clock.monotonic());
    let mut recorder = work.recorder(link, run, job);
    let made = tokio::select! {
        biased;
        made = crate::plan::make(&mut recorder, &link.reader, link.owner, policy, now, &shown) => made.map_err(Failure::from),
        () = stop.asked() => Err(link
            .signals
            .stopped("stopped before the plan was made; what was read is kept")
            .next("offboard24 resume")),
    };
    progress.finish();
    let Err(failure) = made else { return Ok(()) };
    work.end_run(link, run, job, Some(failure.stop_reason))?;
    Err(failure)
}
