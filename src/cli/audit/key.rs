//! `offboard24 audit key`: the public key that checkpoints are checked with, and a new one.

use clap::Subcommand;
use serde_json::json;

use super::super::Ending;
use super::super::settings::Common;
use super::super::terminal::Terminal;
use super::super::work::Work;
use crate::exit::Exit;
use crate::journal::{JournalError, JournalFile};

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Print the public key, and those that it replaced
    #[command(after_help = "Example: offboard24 audit key show")]
    Show,
    /// Make a new key. The checkpoint after it has the signatures of both
    #[command(after_help = "Example: offboard24 audit key rotate")]
    Rotate,
}

pub(crate) fn key(common: &Common, terminal: &Terminal, command: KeyCommand) -> Ending {
    match command {
        KeyCommand::Show => show(common, terminal),
        KeyCommand::Rotate => rotate(common, terminal),
    }
}

fn show(common: &Common, terminal: &Terminal) -> Ending {
    let file = JournalFile::open(&common.place()?.database)?;
    let mut keys: Vec<String> = file.view().signing_keys()?.iter().map(ToString::to_string).collect();
    let key = keys.pop().ok_or(JournalError::Unsigned)?;
    terminal.object(&json!({ "key": key, "replaced": keys }));
    terminal.say(&key);
    if !keys.is_empty() {
        terminal.note(&format!("in force before:\n  {}", keys.join("\n  ")));
    }
    Ok(Exit::Done)
}

fn rotate(common: &Common, terminal: &Terminal) -> Ending {
    drop(JournalFile::open(&common.place()?.database)?);
    let mut work = Work::open(common, terminal)?;
    let operator = work.operator();
    let key = work.journal.rotate_key(&operator)?;
    terminal.object(&json!({ "key": key.to_string() }));
    terminal.say(&key.to_string());
    terminal.note(&format!(
        "the new key is the first in {}. The old one stays there until every database that it signs was used once more",
        work.place.key.display()
    ));
    work.close();
    Ok(Exit::Done)
}
