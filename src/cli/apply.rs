//! `offboard24 apply`: consent, execute, close.

use super::execution::{Mandate, carry_out};
use super::preflight::Needs;
use super::settings::{Common, PortalArguments};
use super::terminal::Terminal;
use super::work::{Link, Work};
use super::{Ending, consent, show};
use crate::domain::JobId;
use crate::report::status::JobState;

pub(crate) async fn apply(
    common: &Common,
    terminal: &Terminal,
    named: Option<JobId>,
    confirm: Option<String>,
    portal: PortalArguments,
) -> Ending {
    let access = portal.access(common)?;
    let mut work = Work::open(common, terminal)?;
    let record = work.job(named)?;
    let job = record.job;
    let status = work.status(job)?;
    consent::check_usable(work.journal.view(), &record, &access.webhook.portal(), work.now())
        .and_then(|()| consent::check_approved(work.journal.view(), &record))
        .map_err(|failure| failure.with(&status))?;
    if status.state == JobState::Complete {
        super::execution::tell_end(&work, &status, None)?;
        return Ok(status.exit());
    }
    let plan = || show::plan_text(terminal.words(), work.journal.view(), &status);
    let consent = consent::of_person(terminal, &status, plan, confirm.as_deref(), "apply")
        .map_err(|failure| failure.with(&status))?;
    let needs = Needs {
        kinds: work.journal.view().planned_kinds(job)?,
        reads_emails: false,
    };
    let link = Link::open(&work, access, &needs)
        .await
        .map_err(|failure| failure.with(&status))?;
    let run = work.begin_run(&link, "apply", job, &record.policy_hash, [])?;
    let ending = carry_out(&mut work, &link, run, job, Mandate::Execute(Some(consent))).await?;
    work.close();
    Ok(ending)
}
