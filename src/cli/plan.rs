//! `offboard24 plan`: intake to freeze; only reads the portal.

use super::planning::Begun;
use super::settings::{Common, Intake, PortalArguments};
use super::terminal::Terminal;
use super::work::Work;
use super::{Ending, planning, show};

pub(crate) async fn plan(
    common: &Common,
    terminal: &Terminal,
    mut intake: Intake,
    max_actions: Option<u32>,
    portal: PortalArguments,
) -> Ending {
    intake.caps.actions = max_actions;
    let order = planning::read_order(terminal, &intake)?;
    let access = portal.access(common)?;
    let mut work = Work::open(common, terminal)?;
    let Begun { link, job, run } = planning::begin(&mut work, access, order, "plan", None).await?;
    work.end_run(&link, run, job, None)?;
    let exit = show::tell_plan(&work, job)?;
    work.close();
    Ok(exit)
}
