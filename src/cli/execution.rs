//! Carrying out a confirmed plan: what `apply`, `run` and `resume` share.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::consent::Consent;
use super::failure::Failure;
use super::language::Words;
use super::receipt::Issued;
use super::work::{Link, PAUSE_TOLD_MIN, Work};
use super::{Ending, show};
use crate::crash::{self, Point};
use crate::domain::{ActionState, JobId, Outcome, RunId, StopReason};
use crate::exit::Exit;
use crate::journal::{Event, PlanConfirmed, View};
use crate::portal::Destroyer;
use crate::report::status::{JobState, JobStatus};
use crate::run::{self, Engine, RunError};

/// Characters of the longest state.
const STATE_WIDTH: usize = 13;

/// Counting the actions for the bar takes longer the larger the job: up to so many they are counted at every step, more only so often.
const COUNTED_ALWAYS_MAX: u32 = 10_000;
const COUNTED_EACH: Duration = Duration::from_secs(1);

/// How far a run may go.
pub(crate) enum Mandate {
    /// Everything that is planned, under a consent that this run records, or one on record.
    Execute(Option<Consent>),
    /// Only settle what is in doubt; planned actions are refused for this reason.
    SettleOnly(Failure),
}

/// Carries the plan out as far as the mandate goes, closes the job, ends the run, and tells how it went.
pub(crate) async fn carry_out(work: &mut Work, link: &Link, run: RunId, job: JobId, mandate: Mandate) -> Ending {
    let (consent, refusal) = match mandate {
        Mandate::Execute(consent) => (consent, None),
        Mandate::SettleOnly(refusal) => (None, Some(refusal)),
    };
    if let Some(Consent { confirm, by }) = consent {
        crash::point(Point::C2);
        let confirmed = PlanConfirmed {
            confirm,
            by: by.to_owned(),
        };
        work.recorder(link, run, job)
            .record([Event::PlanConfirmed(confirmed)])?;
    }
    let carried = perform(work, link, run, job, refusal.is_none()).await;
    let (stop, failure) = match carried {
        Ok((stop, failure)) => (stop, failure),
        Err(failure) => (Some(failure.stop_reason), Some(failure)),
    };
    crash::point(Point::C16);
    let ended = work.end_run(link, run, job, stop);
    let status = work.status(job)?;
    let receipt = match &ended {
        Ok(()) => Issued::of(work, &status, run)?,
        Err(_) => None,
    };
    let failed = |failure: Failure| {
        if let Some(receipt) = &receipt {
            work.terminal.say(&receipt.text(work.terminal.words()));
        }
        failure.with_receipt(&status, receipt.as_ref())
    };
    match (failure, ended, refusal) {
        (Some(failure), _, _) | (None, Err(failure), _) => {
            let mut failure = in_a_run(failure, work.journal.view().has_sent(job, run)?);
            failure.exit = Exit::first([failure.exit, exit_of(link, &status)]);
            Err(failed(failure))
        }
        (None, Ok(()), Some(refusal)) if status.count(ActionState::Planned) > 0 => Err(failed(refusal)),
        (None, Ok(()), _) => {
            tell_end(work, &status, receipt.as_ref())?;
            Ok(exit_of(link, &status))
        }
    }
}

/// Settles what other jobs of the portal left in doubt, before a plan is finished.
pub(crate) async fn settle_others(work: &mut Work, link: &Link, run: RunId, job: JobId) -> Result<(), Failure> {
    if work.journal.view().jobs_in_doubt(&link.connection.portal())?.is_empty() {
        return Ok(());
    }
    match perform(work, link, run, job, false).await? {
        (_, Some(failure)) => Err(failure),
        (_, None) => Ok(()),
    }
}

/// Codes that promise that nothing was changed hold only as long as nothing was sent.
fn in_a_run(mut failure: Failure, has_sent: bool) -> Failure {
    if has_sent {
        failure.exit = match failure.exit {
            Exit::Refused => Exit::NotAllDone,
            Exit::Usage => Exit::Temporary,
            other => other,
        };
    }
    failure
}

/// The status's code, with the signal that it really was.
pub(crate) fn exit_of(link: &Link, status: &JobStatus) -> Exit {
    match status.exit() {
        Exit::Interrupted => link.signals.exit(),
        other => other,
    }
}

async fn perform(
    work: &mut Work,
    link: &Link,
    run: RunId,
    job: JobId,
    may_send: bool,
) -> Result<(Option<StopReason>, Option<Failure>), Failure> {
    let doubts = work.journal.view().jobs_in_doubt(&link.connection.portal())?;
    let before = work.status(job)?;
    let to_do = before.count(ActionState::Planned) + before.in_doubt;
    let bar = work.terminal.progress(&work.clock);
    let (terminal, clock) = (work.terminal.clone(), Arc::clone(&work.clock));
    let words = terminal.words();
    let counted_at: Mutex<Option<Duration>> = Mutex::default();
    let progress = |view: View<'_>| {
        if !bar.is_due() {
            return;
        }
        let now = clock.monotonic();
        let mut counted_at = counted_at.lock().unwrap_or_else(PoisonError::into_inner);
        let was_now = counted_at.is_some_and(|counted| now.saturating_sub(counted) < COUNTED_EACH);
        if to_do > COUNTED_ALWAYS_MAX && was_now {
            return;
        }
        *counted_at = Some(now);
        if let Ok(counts) = view.action_counts(job) {
            let of = |state| counts.get(&state).copied().unwrap_or_default();
            let left = of(ActionState::Planned) + of(ActionState::Sent);
            let failed = of(ActionState::Ended(Outcome::Failed)) + of(ActionState::Ended(Outcome::Survived));
            let message = (words.actions_settled)(failed, of(ActionState::Held));
            bar.show(to_do.saturating_sub(left), to_do, &message);
        }
    };
    let engine = Engine {
        reader: link.reader.clone(),
        destroyer: Destroyer::new(Arc::clone(&link.connection)),
        clock: Arc::clone(&work.clock),
        jitter_seed: u64::from(run.0),
        stop: link.signals.stop(),
        may_send,
        progress: &progress,
        lulls: &|lull, wait| {
            if wait >= PAUSE_TOLD_MIN {
                terminal.pause(&(words.lull)(lull), wait, &clock);
            }
        },
    };
    let stop = link.signals.stop();
    let mut recorder = work.recorder(link, run, job);
    let ended = run::execute(&engine, &mut recorder, &doubts).await?;
    let complete = is_complete(recorder.view(), job)?;
    let record = recorder.view().job(job)?;
    let can_close = record.is_some_and(|job| job.confirmed_at.is_some() && job.closed_at.is_none());
    let mut outcome = (ended.stop, ended.cause.map(Failure::from));
    if ended.stop.is_none() && complete && can_close {
        crash::point(Point::C16);
        tokio::select! {
            biased;
            closed = run::close(&mut recorder, &link.reader) => match closed {
                Ok(()) => {}
                Err(RunError::Portal(error)) => outcome = (Some(run::stop_reason(&error)), Some(error.into())),
                Err(RunError::Journal(error)) => return Err(error.into()),
            },
            () = stop.asked() => outcome = (stop.reason(), None),
        }
    }
    Ok(outcome)
}

fn is_complete(view: View<'_>, job: JobId) -> Result<bool, Failure> {
    let counts = view.action_counts(job)?;
    Ok(!counts.contains_key(&ActionState::Planned) && !counts.contains_key(&ActionState::Sent))
}

/// Tells how a run ended: totals by outcome, what is left, what to type next, and the receipt if there was a run.
pub(crate) fn tell_end(work: &Work, status: &JobStatus, receipt: Option<&Issued>) -> Result<(), Failure> {
    let words = work.terminal.words();
    let mut lines = vec![show::headline(words, status)];
    let open = [ActionState::Planned, ActionState::Held, ActionState::Sent];
    let outcomes = Outcome::ALL.iter().copied().map(ActionState::Ended);
    let there: Vec<ActionState> = outcomes.chain(open).filter(|state| status.count(*state) > 0).collect();
    let width = there.iter().map(|state| words.action(*state).chars().count()).max();
    let width = width.unwrap_or_default().max(STATE_WIDTH);
    lines.extend(there.into_iter().map(|state| {
        let (number, shown) = (status.count(state), words.action(state));
        format!("  {number:>6} {shown:<width$} {}", (words.meaning)(state))
    }));
    lines.extend(refusals(work, status)?);
    if status.residue > 0 {
        lines.push((words.residue)(status.residue));
    }
    if status.relisted > 0 {
        lines.push((words.relisted)(status.relisted));
    }
    lines.extend(receipt.map(|receipt| format!("\n{}\n", receipt.text(words))));
    lines.push((words.database)(&work.place.database));
    lines.extend(next_step(words, status).map(|next| work.terminal.next(&next)));
    work.terminal.say(&lines.join("\n"));
    work.terminal.object(&object(status, receipt));
    Ok(())
}

/// The status object, with the receipt if there is one.
pub(crate) fn object(status: &JobStatus, receipt: Option<&Issued>) -> Value {
    let mut object = serde_json::to_value(status).unwrap_or_default();
    if let (Value::Object(fields), Some(receipt)) = (&mut object, receipt) {
        fields.insert("receipt".to_owned(), receipt.json());
    }
    object
}

/// What the portal said of actions that were not done: a few, the rest is in `show`.
fn refusals(work: &Work, status: &JobStatus) -> Result<Vec<String>, Failure> {
    const SHOWN: usize = 5;
    let undone = [
        ActionState::Ended(Outcome::Failed),
        ActionState::Ended(Outcome::Survived),
    ];
    let words = work.terminal.words();
    let told: u32 = undone.iter().map(|state| status.count(*state)).sum();
    let mut lines = Vec::new();
    for action in work.journal.view().each_action(status.job) {
        // Most jobs have none: then nothing is looked through.
        if lines.len() >= SHOWN.min(told as usize) {
            break;
        }
        let action = action?;
        if undone.contains(&action.state) {
            lines.push((words.action_said)(action.action, &show::state_of(words, &action)));
        }
    }
    Ok(lines)
}

pub(crate) fn next_step(words: &Words, status: &JobStatus) -> Option<String> {
    let job = status.job;
    let ended = |outcome| status.count(ActionState::Ended(outcome));
    let retry: Vec<&str> = [Outcome::Failed, Outcome::Drifted, Outcome::Survived]
        .into_iter()
        .filter(|outcome| ended(*outcome) > 0)
        .map(Outcome::as_str)
        .collect();
    match status.state {
        JobState::Stopped if status.stop_reason == Some(StopReason::Breaker) => Some((words.next_breaker)(job)),
        JobState::Stopped => Some(format!("offboard24 resume {job}")),
        JobState::Complete if status.is_confirmed() && !status.is_closed() => Some((words.next_read_back)(job)),
        JobState::Complete if !retry.is_empty() => Some((words.next_retry)(job, &retry.join(","))),
        JobState::Complete if status.count(ActionState::Held) > 0 => Some((words.next_held)(job)),
        JobState::Complete if status.rows_open() > 0 => Some(format!("offboard24 show {job}")),
        _ => None,
    }
}
