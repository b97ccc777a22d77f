//! `offboard24 plan`: intake to freeze; only reads the portal.

use super::settings::{Common, Intake, PortalArguments};
use super::terminal::Terminal;
use super::work::{Link, Work};
use super::{Ending, planning, show};

pub(crate) async fn plan(common: &Common, terminal: &Terminal, intake: Intake, portal: PortalArguments) -> Ending {
    let order = planning::read_order(terminal, &intake)?;
    let access = portal.access()?;
    let portal = access.webhook.portal();
    let mut work = Work::open(common, terminal)?;
    let link = Link::open(&work, access, &order.needs()).await?;
    let job = work.journal.view().next_job()?;
    let first = order.events(&portal, "plan", None);
    let run = work.begin_run(&link, "plan", job, &order.policy_hash(), first)?;
    if let Err(failure) = planning::make_plan(&mut work, &link, run, job, order.policy()).await {
        return Err(failure.with(&work.status(job)?));
    }
    work.end_run(&link, run, job, None)?;
    let status = work.status(job)?;
    show::tell_plan(&work, &status)?;
    work.close();
    Ok(status.exit())
}
