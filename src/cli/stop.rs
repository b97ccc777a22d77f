//! `offboard24 stop`: asks the process that runs a job to stop after the batch in flight.

use std::os::unix::fs::OpenOptionsExt as _;

use super::language::said;
use super::settings::Common;
use super::terminal::Terminal;
use super::{Ending, find_job, status};
use crate::domain::JobId;
use crate::exit::Exit;
use crate::journal::JournalFile;
use crate::paths::stop_file;

pub(crate) fn stop(common: &Common, terminal: &Terminal, named: Option<JobId>) -> Ending {
    let place = common.place()?;
    let file = JournalFile::open(&place.database)?;
    let record = find_job(file.view(), named)?;
    let runs = file.view().runs(record.job)?;
    let running = runs.iter().any(|run| run.finished_at.is_none()) && status::is_live(&place.database);
    if running {
        std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(stop_file(&place.database))
            .map_err(|cause| super::Failure::usage(said(|words| (words.stop_unmade)(&cause))))?;
    }
    let words = terminal.words();
    let told = if running { words.stop_asked } else { words.stop_nothing };
    terminal.object(&serde_json::json!({ "job": record.job, "asked": running }));
    terminal.say(&told(record.job));
    Ok(Exit::Done)
}
