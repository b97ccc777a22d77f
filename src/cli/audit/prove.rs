//! `offboard24 audit prove`: one workflow's records, with proof of them, without the other people's data.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::super::failure::Failure;
use super::super::settings::Common;
use super::super::terminal::Terminal;
use super::super::text::count;
use super::super::{Ending, new_files};
use crate::domain::WorkflowId;
use crate::exit::Exit;
use crate::journal::note::Note;
use crate::journal::prove::{ProveError, Proven};
use crate::journal::receipt::{self, Receipt};
use crate::journal::{JournalError, JournalFile};

#[derive(Args, Debug)]
pub(crate) struct ProveArguments {
    /// The workflow's id
    workflow: WorkflowId,
    /// Write it to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Also prove that this receipt is of the same history
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
}

pub(crate) fn prove(common: &Common, terminal: &Terminal, arguments: &ProveArguments) -> Ending {
    let place = common.place()?;
    let receipt = arguments.receipt.as_deref().map(read_receipt).transpose()?;
    let file = JournalFile::open(&place.database)?;
    let proven = file.view().prove(&arguments.workflow, receipt.as_ref())?;
    match &arguments.output {
        None => {
            terminal.say(&proven.bundle.to_string());
            terminal.object(&serde_json::to_value(&proven.bundle).map_err(JournalError::from)?);
            terminal.note(&summary(&proven, None));
        }
        Some(output) => {
            new_files::write(&[(output.clone(), &format!("{}\n", proven.bundle))])?;
            terminal.say(&summary(&proven, Some(output)));
            terminal.object(&json!({
                "file": output.display().to_string(),
                "workflow": arguments.workflow,
                "records": proven.bundle.records.len(),
                "uncovered": proven.uncovered,
                "checkpoint": proven.size,
            }));
        }
    }
    if proven.uncovered > 0 {
        terminal.note(&format!(
            "{} came after the newest checkpoint and cannot be proven yet\n{}",
            count(proven.uncovered, "further record"),
            terminal.next("offboard24 audit checkpoint, then prove it again")
        ));
    }
    Ok(Exit::Done)
}

fn summary(proven: &Proven, file: Option<&Path>) -> String {
    let place = file.map_or(String::new(), |file| format!(" in {}", file.display()));
    format!(
        "{} about workflow {}, under the checkpoint of {}{place}\n\
         whoever gets it checks it with: offboard24 audit verify FILE --key {}",
        count(proven.bundle.records.len(), "record"),
        proven.bundle.workflow,
        count(proven.size, "event"),
        proven.bundle.key
    )
}

/// The checkpoint in a receipt, or one that stands alone.
pub(crate) fn read_receipt(path: &Path) -> Result<Note, Failure> {
    let unreadable = |why: String| {
        Failure::usage(format!(
            "{} cannot be used as a receipt: {why}. Nothing was proven",
            path.display()
        ))
        .next("name the file with the receipt that a run printed")
    };
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(receipt::BYTES_MAX as u64 + 1).read_to_string(&mut text))
        .map_err(|cause| unreadable(cause.to_string()))?;
    match Receipt::parse(&text) {
        Ok(receipt) => Ok(receipt.note),
        Err(why) => Note::parse(&text).map_err(|_| unreadable(why.to_string())),
    }
}

impl From<ProveError> for Failure {
    fn from(error: ProveError) -> Self {
        let message = error.to_string();
        match error {
            ProveError::Journal(error) => error.into(),
            ProveError::NoRecord(_) => Self::new("no-workflow", Exit::Usage, message)
                .next("offboard24 show --by workflow lists the workflows of a job"),
            ProveError::NoCheckpoint => {
                Self::new("no-checkpoint", Exit::Refused, message).next("offboard24 audit checkpoint")
            }
            ProveError::Receipt(_) => Self::new("receipt", Exit::Refused, message)
                .next("offboard24 audit verify --receipt FILE says what is wrong"),
            ProveError::Damaged(_) => Self::new("damaged", Exit::Refused, format!("{message}. Nothing was proven"))
                .next("offboard24 audit verify"),
        }
    }
}
