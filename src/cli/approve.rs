//! `offboard24 approve`: a second person's word on a frozen plan. It holds for that plan alone: a decision gives a new hash, and voids it.

use super::failure::Failure;
use super::language::said;
use super::settings::Common;
use super::terminal::Terminal;
use super::work::Work;
use super::{Ending, consent, show};
use crate::domain::JobId;
use crate::exit::Exit;
use crate::journal::{Entry, Event, JobRecord, JournalError, PlanApproved, Stamp, View};
use crate::plan::approval::{self, makers};
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
    let me = work.operator();
    let makers = makers(&work.journal.view().told(job, approval::TOLD)?);
    if makers.iter().any(|maker| maker.may_be(&me)) {
        return Err(Failure::refused(said(|words| (words.own_plan)(me.person())))
            .next(said(|words| (words.own_plan_next)(job)))
            .with(&status));
    }
    let plan = || show::plan_text(terminal.words(), work.journal.view(), &status);
    let consent =
        consent::of_person(terminal, &status, plan, confirm, "approve").map_err(|failure| failure.with(&status))?;
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
    terminal.say(&(terminal.words().approved)(me.person(), job, confirm));
    work.close();
    Ok(Exit::Done)
}

/// Whether the plan of a job, as it stands, was approved by somebody who had no hand in it.
pub(crate) fn by_somebody_else(view: View<'_>, record: &JobRecord) -> Result<bool, JournalError> {
    let told = view.told(record.job, approval::TOLD)?;
    Ok(!approval::holding(&told, record.plan_hash.as_deref()).is_empty())
}
