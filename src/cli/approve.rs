//! `offboard24 approve`: a second person's word on a frozen plan. It holds for that plan alone: a decision gives a new hash, and voids it.

use super::failure::Failure;
use super::language::said;
use super::settings::Common;
use super::terminal::Terminal;
use super::work::{Work, operator};
use super::{Ending, consent, show};
use crate::domain::JobId;
use crate::exit::Exit;
use crate::journal::{Entry, Event, JobRecord, JournalError, Operator, PlanApproved, Stamp, View};
use crate::report::status::JobState;

pub(crate) fn approve(common: &Common, terminal: &Terminal, named: Option<JobId>, confirm: Option<&str>) -> Ending {
    let mut work = Work::open(common, terminal)?;
    let record = work.job(named)?;
    let job = record.job;
    let status = work.status(job)?;
    let portal = record.portal.clone();
    consent::check_usable(work.journal.view(), &record, &portal, work.now())
        .map_err(|failure| failure.with(&status))?;
    if status.state == JobState::Complete {
        return Err(Failure::refused(said(|words| (words.nothing_to_approve)(job)))
            .next(format!("offboard24 show {job}"))
            .with(&status));
    }
    let me = operator();
    if makers(work.journal.view(), job)?
        .iter()
        .any(|maker| is_same(maker, &me))
    {
        return Err(Failure::refused(said(|words| (words.own_plan)(person(&me))))
            .next(said(|words| (words.own_plan_next)(job)))
            .with(&status));
    }
    let plan = show::plan_text(terminal.words(), work.journal.view(), &status)?;
    let consent =
        consent::of_person(terminal, &status, &plan, confirm, "approve").map_err(|failure| failure.with(&status))?;
    work.begin_signing()?;
    let approved = Event::PlanApproved(PlanApproved {
        plan_hash: record.plan_hash.unwrap_or_default(),
        operator: me.clone(),
        by: consent.by.to_owned(),
    });
    work.journal.append(Stamp::default(), [Entry::of(job, approved)])?;
    let status = work.status(job)?;
    terminal.object(&serde_json::to_value(&status).map_err(JournalError::from)?);
    let confirm = status.confirm.as_deref().unwrap_or_default();
    terminal.say(&(terminal.words().approved)(person(&me), job, confirm));
    work.close();
    Ok(Exit::Done)
}

/// Everybody who had a hand in a plan.
fn makers(view: View<'_>, job: JobId) -> Result<Vec<Operator>, JournalError> {
    let runs = view.told(job, &["run_started"])?;
    let runners = runs.into_iter().filter_map(|told| match told.event {
        // Whoever carries it out need not be one of them.
        Event::RunStarted(run) if run.command != "apply" => Some(Operator {
            os_user: run.os_user,
            login_user: run.login_user,
            host: run.host,
        }),
        _ => None,
    });
    let deciders = view.deciders(job)?.into_iter().map(|decided| decided.operator);
    Ok(runners.chain(deciders).collect())
}

/// Whether the plan of a job, as it stands, was approved by somebody who had no hand in it.
pub(crate) fn by_somebody_else(view: View<'_>, record: &JobRecord) -> Result<bool, JournalError> {
    let makers = makers(view, record.job)?;
    let is_of_this_plan = |approved: &&PlanApproved| Some(&approved.plan_hash) == record.plan_hash.as_ref();
    let approvals = view.approvals(record.job)?;
    let mut approvals = approvals.iter().filter(is_of_this_plan);
    Ok(approvals.any(|approved| !makers.iter().any(|maker| is_same(maker, &approved.operator))))
}

/// Whether two operators may be one person: the account that logged in counts, where another one was taken on (`sudo`).
fn is_same(one: &Operator, other: &Operator) -> bool {
    person(one) == person(other)
}

fn person(operator: &Operator) -> &str {
    operator.login_user.as_deref().unwrap_or(&operator.os_user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_took_on_another_account_is_still_the_one_who_logged_in() {
        let operator = |os_user: &str, login_user: Option<&str>| Operator {
            os_user: os_user.to_owned(),
            login_user: login_user.map(str::to_owned),
            host: "desk".to_owned(),
        };
        assert!(is_same(&operator("anna", None), &operator("root", Some("anna"))));
        assert!(!is_same(
            &operator("root", Some("boris")),
            &operator("root", Some("anna"))
        ));
        assert!(!is_same(&operator("anna", None), &operator("boris", None)));
    }
}
