//! `offboard24 run`: plan, then apply if the plan has at most so many actions.

use super::execution::{Mandate, carry_out};
use super::planning::Begun;
use super::settings::{Common, Intake, PortalArguments};
use super::terminal::Terminal;
use super::work::{Link, Work};
use super::{Ending, consent, planning, show};
use crate::domain::{JobId, RunId, StopReason};

pub(crate) async fn run(
    common: &Common,
    terminal: &Terminal,
    mut intake: Intake,
    max_actions: u32,
    portal: PortalArguments,
) -> Ending {
    intake.consented = Some(max_actions);
    let order = planning::read_order(terminal, &intake)?;
    let access = portal.access(common)?;
    let mut work = Work::open(common, terminal)?;
    let Begun { link, job, run } = planning::begin(&mut work, access, order, "run", Some(max_actions)).await?;
    let ending = go_on_under_cap(&mut work, &link, run, job, max_actions).await?;
    work.close();
    Ok(ending)
}

/// A frozen plan that `run` began: shown, and carried out if it is under the cap.
pub(crate) async fn go_on_under_cap(work: &mut Work, link: &Link, run: RunId, job: JobId, max_actions: u32) -> Ending {
    let status = work.status(job)?;
    let plan = show::plan_text(work.terminal.words(), work.journal.view(), &status)?;
    work.terminal.say(&plan);
    let record = work.job(Some(job))?;
    let consent = consent::check_caps(work.journal.view(), &record)
        .and_then(|()| consent::check_approved(work.journal.view(), &record))
        .and_then(|()| consent::of_cap(&status, max_actions));
    match consent {
        Ok(consent) => carry_out(work, link, run, job, Mandate::Execute(Some(consent))).await,
        Err(failure) => {
            work.end_run(link, run, job, None::<StopReason>)?;
            Err(failure.with(&work.status(job)?))
        }
    }
}
