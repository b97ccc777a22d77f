//! `offboard24 jobs`: the jobs of the database.

use comfy_table::{Table, presets};

use super::settings::Common;
use super::terminal::Terminal;
use super::{Ending, status};
use crate::domain::ActionState;
use crate::exit::Exit;
use crate::journal::{JournalError, JournalFile};
use crate::report::status::JobStatus;

pub(crate) fn jobs(common: &Common, terminal: &Terminal) -> Ending {
    let place = common.place()?;
    let file = JournalFile::open(&place.database)?;
    let view = file.view();
    let live = status::is_live(&place.database);
    let records = view.jobs()?;
    let statuses = records
        .iter()
        .map(|record| JobStatus::read(view, record, live))
        .collect::<Result<Vec<_>, _>>()?;
    terminal.object(&serde_json::json!({ "jobs": serde_json::to_value(&statuses).map_err(JournalError::from)? }));
    let words = terminal.words();
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(words.c_jobs);
    for (record, status) in records.iter().zip(&statuses) {
        let (planned, held) = (status.count(ActionState::Planned), status.count(ActionState::Held));
        table.add_row([
            status.job.to_string(),
            status.portal.clone(),
            record.created_at.clone(),
            words.job(status.state, None),
            status.rows["total"].to_string(),
            planned.to_string(),
            held.to_string(),
            (status.actions["total"] - planned - held - status.in_doubt).to_string(),
        ]);
    }
    terminal.say(&table.trim_fmt());
    Ok(Exit::Done)
}
