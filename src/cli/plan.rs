//! `offboard24 plan`: intake to freeze; only reads the portal.

use super::planning::Begun;
use super::settings::{Common, Intake, PortalArguments};
use super::terminal::Terminal;
use super::work::Work;
use super::{Ending, planning, show};

pub(crate) async fn plan(common: &Common, terminal: &Terminal, intake: Intake, portal: PortalArguments) -> Ending {
    let order = planning::read_order(terminal, &intake)?;
    let access = portal.access(common)?;
    let mut work = Work::open(common, terminal)?;
    let Begun { link, job, run } = planning::begin(&mut work, access, &order, "plan", None).await?;
    work.end_run(&link, run, job, None)?;
    let status = work.status(job)?;
    show::tell_plan(&work, &status)?;
    work.close();
    Ok(status.exit())
}
