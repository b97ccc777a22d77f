//! `offboard24 audit checkpoint`: prints the newest checkpoint, and keeps it as the head of this machine.

use serde_json::json;

use super::super::Ending;
use super::super::settings::Common;
use super::super::terminal::Terminal;
use super::super::work::Work;
use crate::exit::Exit;
use crate::journal::JournalFile;

pub(crate) fn checkpoint(common: &Common, terminal: &Terminal) -> Ending {
    // Before a database that is not there would be made.
    drop(JournalFile::open(&common.place()?.database)?);
    let mut work = Work::open(common, terminal)?;
    work.begin_signing()?;
    let note = work.journal.checkpoint()?;
    let events = work.journal.view().last_checkpoint()?.map_or(0, |(size, _)| size);
    terminal.object(&json!({ "database": work.journal.view().database()?, "events": events, "checkpoint": note }));
    terminal.say(note.trim_end());
    work.close();
    Ok(Exit::Done)
}
