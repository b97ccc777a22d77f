//! `offboard24 status`: where a job stands. Takes no lock; works while another process runs the job.

use std::time::Duration;

use chrono::Local;

use super::settings::Common;
use super::terminal::Terminal;
use super::{Ending, find_job, show};
use crate::domain::JobId;
use crate::exit::Exit;
use crate::journal::JournalFile;
use crate::lock::holder;
use crate::paths::database_lock;
use crate::report::status::{JobState, JobStatus};

/// How often `--watch` looks.
const WATCH_EVERY: Duration = Duration::from_secs(1);

pub(crate) fn status(common: &Common, terminal: &Terminal, named: Option<JobId>, exit_code: bool) -> Ending {
    let place = common.place()?;
    let file = JournalFile::open(&place.database)?;
    let view = file.view();
    let record = find_job(view, named)?;
    let status = JobStatus::read(view, &record, is_live(&place.database))?;
    terminal.object(&serde_json::to_value(&status).map_err(crate::journal::JournalError::from)?);
    let now = place.surroundings.clock().utc();
    terminal.say(&show::status_text(terminal, view, &record, &status, now));
    Ok(if exit_code {
        show::deserved(view, &record, &status)
    } else {
        Exit::Done
    })
}

/// Tells where a job stands whenever that changes, until no process works on it.
pub(crate) async fn watch(
    common: &Common,
    terminal: &Terminal,
    named: Option<JobId>,
    exit_code: bool,
    json_lines: bool,
) -> Ending {
    let place = common.place()?;
    let clock = place.surroundings.clock();
    let job = find_job(JournalFile::open(&place.database)?.view(), named)?.job;
    let mut told = None;
    let mut was_running = false;
    loop {
        // Opened each time: what a reader holds open, the writer cannot bring into the file.
        let file = JournalFile::open(&place.database)?;
        let record = find_job(file.view(), Some(job))?;
        let status = JobStatus::read(file.view(), &record, is_live(&place.database))?;
        let deserved = show::deserved(file.view(), &record, &status);
        drop(file);
        let object = serde_json::to_value(&status).map_err(crate::journal::JournalError::from)?;
        let is_over = status.state != JobState::Running;
        if told.as_ref() != Some(&object) {
            let line = if json_lines {
                object.to_string()
            } else {
                format!(
                    "{} {}",
                    clock.utc().with_timezone(&Local).format("%H:%M:%S"),
                    show::headline(terminal.words(), &status)
                )
            };
            let mut lines = terminal.lines();
            if lines.write(&line).is_break() {
                return Ok(Exit::Done);
            }
            lines.flush();
            told = Some(object);
        }
        if is_over {
            if !was_running {
                terminal.note(&(terminal.words().watched_nobody)(job));
            }
            return Ok(if exit_code { deserved } else { Exit::Done });
        }
        was_running = true;
        clock.sleep(WATCH_EVERY).await;
    }
}

/// Whether a process holds the database. When that cannot be tested, nobody is taken to.
pub(crate) fn is_live(database: &std::path::Path) -> bool {
    holder(&database_lock(database)).ok().flatten().is_some()
}
