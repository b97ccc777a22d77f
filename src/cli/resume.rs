//! `offboard24 resume`: goes on with a job that stopped, whatever it stopped in.

use super::execution::{Mandate, carry_out, settle_others, tell_end};
use super::failure::Failure;
use super::language::said;
use super::preflight::Needs;
use super::settings::{Common, PortalArguments};
use super::terminal::Terminal;
use super::work::{Link, Work};
use super::{Ending, Failed, consent, planning, run, show};
use crate::domain::{ActionState, JobId, Outcome, Portal, RunId, StopReason};
use crate::journal::{About, ActionReopened, Event, JobRecord};
use crate::personal::Personal;
use crate::report::status::JobStatus;

pub(crate) async fn resume(
    common: &Common,
    terminal: &Terminal,
    named: Option<JobId>,
    retry: &[Outcome],
    reason: Option<String>,
    portal: PortalArguments,
) -> Ending {
    let access = portal.access(common)?;
    let mut work = Work::open(common, terminal)?;
    let record = work.job(named)?;
    let job = record.job;
    let status = work.status(job)?;
    let next = next_stage(&work, &record, &status, &access.webhook.portal(), retry);
    let next = next.map_err(|failure| failure.with(&status))?;
    if let Stage::NothingToDo = next {
        tell_end(&work, &status, None)?;
        work.close();
        return Ok(status.exit());
    }
    let needs = needs(&work, &record)?;
    let link = Link::open(&work, access, &needs)
        .await
        .map_err(|failure| failure.with(&status))?;
    let run = work.begin_run(&link, "resume", job, &record.policy_hash, [])?;
    let exit = match next {
        Stage::NothingToDo => status.exit(),
        Stage::Plan => finish_planning(&mut work, &link, run, &record).await?,
        Stage::Confirm(actions_max) => run::go_on_under_cap(&mut work, &link, run, job, actions_max).await?,
        Stage::Execute => {
            reopen(&mut work, &link, run, job, retry, reason)?;
            carry_out(&mut work, &link, run, job, Mandate::Execute(None)).await?
        }
        Stage::SettleOnly(refusal) => carry_out(&mut work, &link, run, job, Mandate::SettleOnly(refusal)).await?,
        Stage::EndRun => {
            work.end_run(&link, run, job, None)?;
            let status = work.status(job)?;
            tell_end(&work, &status, None)?;
            status.exit()
        }
    };
    work.close();
    Ok(exit)
}

/// What a job that is resumed goes on with.
enum Stage {
    /// The plan.
    Plan,
    /// The consent under the cap that `run` recorded.
    Confirm(u32),
    /// The execution.
    Execute,
    /// What is in doubt, and no further.
    SettleOnly(Failure),
    /// A plan in which nothing is planned, and which nobody confirmed.
    NothingToDo,
    /// The same, but the process that made it died before it could say so: as long as its run is open, the job looks unfinished.
    EndRun,
}

/// Looks where the job stands, and refuses before any request.
fn next_stage(
    work: &Work,
    record: &JobRecord,
    status: &JobStatus,
    portal: &Portal,
    retry: &[Outcome],
) -> Result<Stage, Failure> {
    consent::check_portal(record, portal)?;
    let job = record.job;
    let any = retry
        .iter()
        .any(|outcome| status.count(ActionState::Ended(*outcome)) > 0);
    if !retry.is_empty() && !any {
        let names: Vec<&str> = retry.iter().map(|outcome| outcome.as_str()).collect();
        return Err(Failure::usage(said(|words| (words.nothing_to_retry)(job, &names)))
            .next(format!("offboard24 status {job}")));
    }
    if record.frozen_at.is_none() {
        if let Some(row) = work.journal.view().erasures()?.row_of(job) {
            return Err(
                Failure::refused(said(|words| (words.row_erased)(job, row))).next(said(|words| words.row_erased_next))
            );
        }
        return Ok(Stage::Plan);
    }
    if record.confirmed_at.is_none() {
        return match work.journal.view().cap_to_go_on(record)? {
            _ if status.count(ActionState::Planned) == 0 => Ok(match status.stop_reason {
                Some(StopReason::Crash) => Stage::EndRun,
                _ => Stage::NothingToDo,
            }),
            Some(actions_max) => {
                consent::check_usable(work.journal.view(), record, portal, work.now())?;
                consent::check_approved(work.journal.view(), record)?;
                Ok(Stage::Confirm(actions_max))
            }
            None => {
                Err(Failure::refused(said(|words| (words.never_confirmed)(job)))
                    .next(format!("offboard24 apply {job}")))
            }
        };
    }
    let would_send = status.count(ActionState::Planned) > 0 || !retry.is_empty();
    if would_send && consent::is_too_old(record, work.now()) {
        let refusal = consent::too_old(job);
        return if status.in_doubt > 0 && retry.is_empty() {
            Ok(Stage::SettleOnly(refusal))
        } else {
            Err(refusal)
        };
    }
    Ok(Stage::Execute)
}

fn needs(work: &Work, record: &JobRecord) -> Result<Needs, Failed> {
    let view = work.journal.view();
    let asks_policy = record.frozen_at.is_none() && !view.policy_emails(record.job)?.is_empty();
    Ok(Needs {
        kinds: view.row_kinds(record.job)?.into_iter().collect(),
        reads_emails: asks_policy || !record.resolved && view.has_row_emails(record.job)?,
    })
}

/// Finishes the plan; a job begun by `run` goes on, any other ends as `plan` does.
async fn finish_planning(work: &mut Work, link: &Link, run: RunId, record: &JobRecord) -> Ending {
    let job = record.job;
    if let Err(failure) = settle_others(work, link, run, job).await {
        work.end_run(link, run, job, Some(failure.stop_reason))?;
        return Err(failure.with(&work.status(job)?));
    }
    let policy = consent::policy(work.journal.view(), job)?;
    if work.journal.view().policy_emails(job)?.contains(&None) {
        work.end_run(link, run, job, None)?;
        return Err(Failure::refused(said(|words| (words.email_erased)(job)))
            .next(said(|words| words.email_erased_next))
            .with(&work.status(job)?));
    }
    if let Err(failure) = planning::make_plan(work, link, run, job, &policy).await {
        return Err(failure.with(&work.status(job)?));
    }
    if let Some(max_actions) = work.journal.view().cap_to_go_on(record)? {
        return run::go_on_under_cap(work, link, run, job, max_actions).await;
    }
    work.end_run(link, run, job, None)?;
    show::tell_plan(work, job)
}

/// Puts ended actions back, on the operator's word.
fn reopen(
    work: &mut Work,
    link: &Link,
    run: RunId,
    job: JobId,
    retry: &[Outcome],
    reason: Option<String>,
) -> Result<(), Failure> {
    let reason = reason.map(Personal::new);
    work.recorder(link, run, job).record_with(|view, take| {
        for action in view.each_action(job) {
            let action = action?;
            let ActionState::Ended(outcome) = action.state else {
                continue;
            };
            if retry.contains(&outcome) {
                take(Event::ActionReopened(ActionReopened {
                    action: action.action,
                    outcome,
                    reason: reason.as_ref().map(|reason| reason.about(About::Nobody)),
                }))?;
            }
        }
        Ok(())
    })
}
