//! `offboard24 status`: where a job stands. Takes no lock; works while another process runs the job.

use super::settings::Common;
use super::terminal::Terminal;
use super::{Ending, find_job, show};
use crate::domain::JobId;
use crate::exit::Exit;
use crate::journal::JournalFile;
use crate::lock::holder;
use crate::paths::database_lock;
use crate::report::status::JobStatus;

pub(crate) fn status(common: &Common, terminal: &Terminal, named: Option<JobId>, exit_code: bool) -> Ending {
    let place = common.place()?;
    let file = JournalFile::open(&place.database)?;
    let view = file.view();
    let record = find_job(view, named)?;
    let status = JobStatus::read(view, &record, is_live(&place.database))?;
    terminal.object(&serde_json::to_value(&status).map_err(crate::journal::JournalError::from)?);
    terminal.say(&show::status_text(&status));
    Ok(if exit_code { status.exit() } else { Exit::Done })
}

/// Whether a process holds the database. When that cannot be tested, nobody is taken to.
pub(crate) fn is_live(database: &std::path::Path) -> bool {
    holder(&database_lock(database)).ok().flatten().is_some()
}
