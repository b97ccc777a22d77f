//! `offboard24 resume`: goes on with a job that stopped, whatever it stopped in.

use super::execution::carry_out;
use super::failure::Failure;
use super::settings::{Common, PortalArguments};
use super::terminal::Terminal;
use super::work::{Link, Needs, Work};
use super::{Ending, Failed, consent, planning, run, show};
use crate::domain::{ActionState, JobId, Outcome};
use crate::exit::Exit;
use crate::journal::{About, ActionReopened, Event, JobRecord};
use crate::personal::Personal;
use crate::plan::policy::Policy;
use crate::report::status::JobStatus;

pub(crate) async fn resume(
    common: &Common,
    terminal: &Terminal,
    named: Option<JobId>,
    retry: &[Outcome],
    reason: Option<String>,
    portal: PortalArguments,
) -> Ending {
    let access = portal.access()?;
    let mut work = Work::open(common, terminal)?;
    let record = work.job(named)?;
    let status = work.status(record.job)?;
    let portal = access.webhook.portal();
    check(&record, &status, &portal, retry).map_err(|failure| failure.with(&status))?;
    let link = Link::open(&work, access, &needs(&work, &record)?)
        .await
        .map_err(|failure| failure.with(&status))?;
    let job = record.job;
    let run = work.begin_run(&link, "resume", job, &record.policy_hash, Vec::new())?;
    let ending = if record.frozen_at.is_none() {
        finish_planning(&mut work, &link, run, &record).await?
    } else if record.confirmed_at.is_none() {
        run::go_on_under_cap(&mut work, &link, run, job, record.actions_max.unwrap_or_default()).await?
    } else {
        reopen(&mut work, &link, run, job, retry, reason)?;
        let too_old = consent::is_too_old(&record, work.now());
        let exit = carry_out(&mut work, &link, run, job, None, !too_old).await?;
        if too_old && work.status(job)?.count(ActionState::Planned) > 0 {
            let failure = Failure::refused(format!(
                "the plan of job {job} is older than seven days: what was in doubt is settled, and nothing was sent"
            ))
            .next("offboard24 plan ROSTER makes a new one");
            return Err(failure.with(&work.status(job)?));
        }
        exit
    };
    work.close()?;
    Ok(ending)
}

/// Refusals before any request.
fn check(
    record: &JobRecord,
    status: &JobStatus,
    portal: &crate::domain::Portal,
    retry: &[Outcome],
) -> Result<(), Failure> {
    consent::check_portal(record, portal)?;
    let job = record.job;
    let begun_by_run = record.actions_max.is_some();
    let unconfirmed = record.frozen_at.is_some() && record.confirmed_at.is_none();
    if unconfirmed && !begun_by_run && status.count(ActionState::Planned) > 0 {
        return Err(Failure::refused(format!("the plan of job {job} was never confirmed"))
            .next(format!("offboard24 apply {job}")));
    }
    let nothing = retry
        .iter()
        .filter(|outcome| status.count(ActionState::Ended(**outcome)) == 0);
    if let Some(outcome) = nothing.into_iter().next() {
        return Err(Failure::new(
            "usage",
            Exit::Usage,
            format!("job {job} has no {outcome} actions to try once more"),
        )
        .next(format!("offboard24 status {job}")));
    }
    Ok(())
}

fn needs(work: &Work, record: &JobRecord) -> Result<Needs, Failed> {
    let rows = work.journal.view().rows(record.job)?;
    Ok(Needs {
        kinds: rows.iter().map(|row| row.action).collect(),
        search_by_email: !record.resolved && rows.iter().any(|row| row.id.is_none() && row.email.is_some()),
    })
}

/// Finishes the plan; a job begun by `run` goes on, any other ends as `plan` does.
async fn finish_planning(work: &mut Work, link: &Link, run: crate::domain::RunId, record: &JobRecord) -> Ending {
    let job = record.job;
    let text = work.journal.view().policy(job)?.unwrap_or_default();
    let policy: Policy = serde_json::from_str(&text).map_err(crate::journal::JournalError::from)?;
    if let Err(failure) = planning::make_plan(work, link, run, job, &policy).await {
        return Err(failure.with(&work.status(job)?));
    }
    if let Some(max_actions) = record.actions_max {
        return run::go_on_under_cap(work, link, run, job, max_actions).await;
    }
    work.end_run(link, run, job, None)?;
    let status = work.status(job)?;
    show::tell_plan(work, &status)?;
    Ok(status.exit())
}

/// Puts ended actions back, on the operator's word.
fn reopen(
    work: &mut Work,
    link: &Link,
    run: crate::domain::RunId,
    job: JobId,
    retry: &[Outcome],
    reason: Option<String>,
) -> Result<(), Failure> {
    let reason = reason.map(Personal::new);
    let events: Vec<Event> = work
        .journal
        .view()
        .actions(job)?
        .into_iter()
        .filter_map(|action| match action.state {
            ActionState::Ended(outcome) if retry.contains(&outcome) => Some((action.action, outcome)),
            _ => None,
        })
        .map(|(action, outcome)| {
            let reason = reason.as_ref().map(|reason| reason.about(About::Nobody));
            Event::ActionReopened(ActionReopened {
                action,
                outcome,
                reason,
            })
        })
        .collect();
    if !events.is_empty() {
        work.recorder(link, run, job).record(events)?;
    }
    Ok(())
}
