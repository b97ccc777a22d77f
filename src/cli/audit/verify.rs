//! `offboard24 audit verify`: checks a journal for every kind of damage, and changes no byte of it.

use std::path::PathBuf;

use clap::Args;

use super::super::settings::Common;
use super::super::terminal::Terminal;
use super::super::text::{count, line};
use super::super::{Ending, status};
use crate::exit::Exit;
use crate::journal::JournalError;
use crate::journal::verify::{self, Level, Report};

#[derive(Args, Debug)]
pub(crate) struct VerifyArguments {
    /// The database file, or a copy of it [default: the database]
    file: Option<PathBuf>,
}

pub(crate) fn verify(common: &Common, terminal: &Terminal, arguments: VerifyArguments) -> Ending {
    let file = match arguments.file {
        Some(file) => file,
        None => common.place()?.database,
    };
    let report = verify::verify(&file, status::is_live(&file))?;
    terminal.object(&serde_json::to_value(&report).map_err(JournalError::from)?);
    terminal.say(&words(&report));
    Ok(if report.is_intact() { Exit::Done } else { Exit::Damage })
}

/// The report for people: what it is about, what was found, how far it was checked.
fn words(report: &Report) -> String {
    let mut lines = vec![line(&report.file.to_string_lossy())];
    let database = report.database.as_deref().unwrap_or("unknown");
    lines.push(format!(
        "database {}: {}, {}, {}",
        line(database),
        count(report.events, "event"),
        count(report.jobs as u64, "job"),
        count(report.runs as u64, "run"),
    ));
    if let (Some(from), Some(to)) = (&report.from, &report.to) {
        lines.push(format!("recorded from {} to {}", line(from), line(to)));
    }
    lines.push(format!(
        "personal values: {} there, {} erased",
        report.values, report.values_erased
    ));
    if !report.open_intents.is_empty() {
        lines.push(format!(
            "{} without an outcome yet, which is no damage: a run is at work, or `offboard24 resume` settles it",
            count(report.open_intents.len() as u64, "attempt")
        ));
    }
    lines.push(String::new());
    for finding in &report.findings {
        lines.push(format!(
            "{:<28}{}: {}",
            finding.code,
            line(&finding.at.to_string()),
            line(&finding.message)
        ));
    }
    for (code, all) in &report.counts {
        let listed = report.findings.iter().filter(|finding| finding.code == *code).count() as u64;
        if *all > listed {
            lines.push(format!("{code:<28}and {} more", all - listed));
        }
    }
    lines.push(verdict(report));
    lines.join("\n")
}

fn verdict(report: &Report) -> String {
    if !report.is_intact() {
        let all: u64 = report.counts.values().sum();
        return format!(
            "DAMAGED: {}. Keep the file as it is: it is evidence",
            count(all, "finding")
        );
    }
    match report.level {
        Level::Chain => "intact, not checked against anything outside the file".to_owned(),
    }
}
