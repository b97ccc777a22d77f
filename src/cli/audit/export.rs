//! `offboard24 audit export`: the record in a folder that can be checked without this program.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::super::Ending;
use super::super::failure::Failure;
use super::super::settings::Common;
use super::super::terminal::Terminal;
use super::super::text::count;
use crate::exit::Exit;
use crate::journal::JournalError;
use crate::journal::export;

#[derive(Args, Debug)]
pub(crate) struct ExportArguments {
    /// The folder to make
    #[arg(short, long, value_name = "FOLDER")]
    output: PathBuf,
    /// Leave names, addresses and titles out; everything can be checked all the same
    #[arg(long)]
    redacted: bool,
}

pub(crate) fn export(common: &Common, terminal: &Terminal, arguments: &ExportArguments) -> Ending {
    let place = common.place()?;
    let folder = &arguments.output;
    let made = export::export(&place.database, &place.paths.heads(), folder, arguments.redacted);
    let made = made.map_err(|cause| match cause {
        JournalError::Export(ref why) if why.kind() == std::io::ErrorKind::AlreadyExists => Failure::usage(format!(
            "{} exists, and nothing is written over it. Nothing was written",
            folder.display()
        ))
        .next("name another folder with -o"),
        JournalError::Export(ref why) => Failure {
            message: format!("the export cannot be written to {}: {why}", folder.display()).into(),
            ..cause.into()
        },
        other => other.into(),
    })?;
    terminal.object(&json!({ "folder": folder.display().to_string(), "export": made }));
    terminal.say(&format!(
        "{} in {}: {}\nto check it: offboard24 audit verify {}, or without this program: python3 {}",
        count(made.about.events, "event"),
        folder.display(),
        made.files.join(", "),
        folder.display(),
        folder.join("verify.py").display()
    ));
    if !made.about.redacted {
        terminal.note("it holds personal values, which `audit redact` cannot reach there; --redacted leaves them out");
    }
    Ok(Exit::Done)
}
