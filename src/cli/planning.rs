//! From a roster file to a frozen plan: what `plan`, `run` and a `resume` of an interrupted plan share.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

use super::Failed;
use super::check::local;
use super::failure::Failure;
use super::language::said;
use super::preflight::Needs;
use super::settings::{Intake, PortalAccess};
use super::terminal::Terminal;
use super::work::{Link, Work};
use crate::domain::{ActionKind, JobId, Portal, RunId};
use crate::exit::Exit;
use crate::journal::{About, Event, JobCreated, JournalError, Recorded};
use crate::personal::Personal;
use crate::plan::caps::Caps;
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
    /// Its e-mails, as they are recorded beside it.
    policy_emails: Vec<Recorded>,
    reason: Option<Personal>,
    ticket: Option<Personal>,
}

/// Reads and validates everything before the first request. Prints what was detected.
pub(crate) fn read_order(terminal: &Terminal, order: &Intake) -> Result<Order, Failure> {
    let mut policy = read_policy(order.policy.as_deref())?;
    policy.caps = outweighed(policy.caps, order);
    check_said(&policy, order)?;
    let (policy_text, policy_emails) = recorded(&policy)?;
    let unreadable = |cause: std::io::Error| {
        Failure::usage(said(|words| (words.roster_unreadable)(&order.path, &cause)))
            .next(said(|words| words.roster_unreadable_next))
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
        Failure::new("roster", Exit::Usage, said(|words| (words.action_missing)(&cause)))
            .next(said(|words| words.action_missing_next))
    })?;
    Ok(Order {
        roster,
        actions,
        default_action: order.action,
        policy,
        policy_text,
        policy_emails,
        reason: order.reason.as_deref().map(Personal::new),
        ticket: order.ticket.as_deref().map(Personal::new),
    })
}

/// Reads the policy file, if there is one.
pub(crate) fn read_policy(path: Option<&Path>) -> Result<Policy, Failure> {
    let Some(path) = path else {
        return Ok(Policy::default());
    };
    let text = std::fs::read_to_string(path).map_err(|cause| {
        Failure::usage(said(|words| (words.policy_unreadable)(path, &cause)))
            .next(said(|words| words.policy_unreadable_next))
    })?;
    let policy = Policy::parse(&text).map_err(|cause| {
        Failure::new(
            "policy",
            Exit::Usage,
            said(|words| (words.policy_unusable)(path, &cause)),
        )
        .next(said(|words| words.policy_unusable_next))
    })?;
    Ok(policy)
}

/// What was passed goes before what the policy says.
fn outweighed(caps: Caps, order: &Intake) -> Caps {
    let passed = order.caps;
    let actions = caps
        .actions
        .map(|allowed| allowed.max(order.consented.unwrap_or_default()));
    Caps {
        people: passed.people.or(caps.people),
        actions: passed.actions.or(actions),
        actions_per_person: passed.actions_per_person.or(caps.actions_per_person),
        percent_of_running: passed.percent_of_running.or(caps.percent_of_running),
    }
}

/// Whether everything was said that the policy asks for.
fn check_said(policy: &Policy, order: &Intake) -> Result<(), Failure> {
    let missing: Vec<&str> = [
        ("--reason TEXT", policy.require_reason && order.reason.is_none()),
        ("--ticket TEXT", policy.require_ticket && order.ticket.is_none()),
    ]
    .into_iter()
    .filter_map(|(flag, is_missing)| is_missing.then_some(flag))
    .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::usage(said(|words| (words.required)(&missing.join(words.and))))
        .next(said(|words| (words.required_next)(&missing.join(words.and)))))
}

/// A policy as it is recorded: its text with commitments instead of e-mails, and the e-mails under these commitments.
fn recorded(policy: &Policy) -> Result<(String, Vec<Recorded>), Failure> {
    let committed: Vec<_> = policy
        .protect
        .emails
        .iter()
        .map(|email| email.committed(About::Nobody))
        .collect::<Result<_, _>>()
        .map_err(JournalError::from)?;
    let (emails, commitments): (Vec<_>, Vec<_>) = committed.into_iter().unzip();
    let text = policy.canonical(&commitments).map_err(JournalError::from)?;
    Ok((text, emails))
}

fn tell_detected(terminal: &Terminal, found: &Detected) {
    let words = terminal.words();
    terminal.note(&(words.detected)(found));
    for warning in &found.warnings {
        terminal.note(&(words.roster_warning)(warning));
    }
}

impl Order {
    /// What the preflight has to look for.
    fn needs(&self) -> Needs {
        Needs {
            kinds: self.actions.iter().copied().collect::<BTreeSet<_>>(),
            reads_emails: self.policy.reads_emails() || self.roster.rows.iter().any(|row| row.email.is_some()),
        }
    }

    fn policy_hash(&self) -> String {
        Policy::hash(&self.policy_text)
    }

    /// The events that record the job and its roster.
    fn events(&self, portal: &Portal, begun_by: &str, actions_max: Option<u32>) -> impl Iterator<Item = Event> {
        let created = JobCreated {
            portal: portal.clone(),
            policy_hash: self.policy_hash(),
            policy: self.policy_text.clone(),
            default_action: self.default_action,
            begun_by: begun_by.to_owned(),
            actions_max,
            roster: intake::detected(&self.roster.detected),
            policy_emails: self.policy_emails.clone(),
            reason: self.reason.as_ref().map(|reason| reason.about(About::Nobody)),
            ticket: self.ticket.as_ref().map(|ticket| ticket.about(About::Nobody)),
        };
        let rows = self
            .roster
            .rows
            .iter()
            .zip(&self.actions)
            .map(|(row, action)| intake::row_read(row, *action));
        std::iter::once(Event::JobCreated(Box::new(created))).chain(rows)
    }

    /// The policy; the rest is on record and needed no more.
    fn into_policy(self) -> Policy {
        self.policy
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
    order: Order,
    command: &str,
    actions_max: Option<u32>,
) -> Result<Begun, Failed> {
    local::refuse_unfit(&work.place)?;
    let portal = access.webhook.portal();
    let link = Link::open(work, access, &order.needs()).await?;
    let job = work.journal.view().next_job()?;
    let first = order.events(&portal, command, actions_max);
    let run = work.begin_run(&link, command, job, &order.policy_hash(), first)?;
    let policy = order.into_policy();
    match make_plan(work, &link, run, job, &policy).await {
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
    let progress = work.terminal.progress(&work.clock);
    let (words, now, stop) = (work.terminal.words(), work.now(), link.signals.stop());
    let shown = |done: u32, total: u32| progress.show(done, total, words.people_read);
    let mut recorder = work.recorder(link, run, job);
    let made = tokio::select! {
        biased;
        made = crate::plan::make(&mut recorder, &link.reader, link.owner, policy, now, &shown) => made.map_err(Failure::from),
        () = stop.asked() => Err(link
            .signals
            .stopped(said(|words| words.stopped_planning))
            .next("offboard24 resume")),
    };
    drop(progress);
    let Err(failure) = made else { return Ok(()) };
    work.end_run(link, run, job, Some(failure.stop_reason))?;
    Err(failure)
}
