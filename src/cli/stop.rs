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
    let job = find_job(file.view(), named)?.job;
    let is_live = status::is_live(&place.database);
    // A process that has only just begun has no run yet, and is asked all the same.
    let at_work = file.view().open_runs()?.last().map(|run| run.job).filter(|_| is_live);
    if let (Some(_), Some(other)) = (named, at_work.filter(|at_work| *at_work != job)) {
        return Err(super::Failure::usage(said(|words| (words.stop_other)(job, other)))
            .next(format!("offboard24 stop {other}"))
            .into());
    }
    let job = at_work.unwrap_or(job);
    if is_live {
        std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(stop_file(&place.database))
            .map_err(|cause| super::Failure::usage(said(|words| (words.stop_unmade)(&cause))))?;
    }
    let words = terminal.words();
    let told = if is_live { words.stop_asked } else { words.stop_nothing };
    terminal.object(&serde_json::json!({ "job": job, "asked": is_live }));
    terminal.say(&told(job));
    Ok(Exit::Done)
}
