//! `offboard24 audit verify`: checks a journal for every kind of damage, and changes no byte of it.

use std::path::PathBuf;

use clap::Args;

use super::super::settings::Common;
use super::super::terminal::Terminal;
use super::super::text::{count, line};
use super::super::{Ending, status};
use super::proof;
use crate::exit::Exit;
use crate::journal::JournalError;
use crate::journal::export::NotCompared;
use crate::journal::key::Keys;
use crate::journal::note::{NoteError, VerifyingKey};
use crate::journal::verify::{self, Against, Agreement, Code, Report, Witness};

#[derive(Args, Debug)]
pub(crate) struct VerifyArguments {
    /// The database file, a copy of it, the folder of an export, or a proof that `audit prove` wrote [default: the database]
    file: Option<PathBuf>,
    /// A receipt to check it against; can be given several times
    #[arg(long, value_name = "FILE")]
    receipt: Vec<PathBuf>,
    /// The head file to check it against [default: this machine's of that database, if there is one]
    #[arg(long, value_name = "FILE")]
    head: Option<PathBuf>,
    /// The public key that the journal has to be signed with, as it was printed: NAME+ID+KEY
    #[arg(long, value_name = "KEY", value_parser = parse_key)]
    key: Option<VerifyingKey>,
}

fn parse_key(text: &str) -> Result<VerifyingKey, String> {
    text.parse().map_err(|cause: NoteError| cause.to_string())
}

pub(crate) fn verify(common: &Common, terminal: &Terminal, arguments: VerifyArguments) -> Ending {
    let place = common.place()?;
    let file = arguments.file.unwrap_or(place.database);
    if let Some(text) = proof::text_of(&file) {
        let head = arguments.head.as_deref();
        return proof::verify(terminal, &file, &text, arguments.key.as_ref(), &arguments.receipt, head);
    }
    let against = Against {
        are_values_withheld: false,
        is_live: status::is_live(&file),
        heads: Some(place.paths.heads()),
        head: arguments.head,
        receipts: arguments.receipt,
        key: arguments.key,
        // Keys that cannot be read are none: nothing is signed here.
        keys: Keys::read(&place.key).ok(),
    };
    let (report, not_compared) = if file.is_dir() {
        verify::verify_export(&file, against)?
    } else {
        (verify::verify(&file, &against)?, NotCompared::default())
    };
    let mut object = serde_json::to_value(&report).map_err(JournalError::from)?;
    object["not_compared"] = not_compared.files.as_slice().into();
    terminal.object(&object);
    terminal.say(&words(&report));
    if !not_compared.files.is_empty() {
        terminal.say(&not_compared_words(&not_compared));
    }
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
    lines.push(if report.is_redacted {
        "personal values: left out of this export".to_owned()
    } else {
        format!(
            "personal values: {} there, {} erased",
            report.values, report.values_erased
        )
    });
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

fn not_compared_words(not_compared: &NotCompared) -> String {
    format!(
        "not compared: {}. By the export they are of version {} of offboard24, and this is version {}. They are no part of the record, and \
         anything can stand in them: do not run what is in this folder before somebody with that version has compared it",
        not_compared.files.join(", "),
        line(&not_compared.version),
        env!("CARGO_PKG_VERSION")
    )
}

fn verdict(report: &Report) -> String {
    let unusable = |code: &Code| matches!(code, Code::HeadFormat | Code::ReceiptFormat);
    if !report.counts.keys().all(unusable) {
        let all: u64 = report.counts.values().sum();
        return format!(
            "DAMAGED: {}. Keep the file as it is: it is evidence",
            count(all, "finding")
        );
    }
    let intact = intact(report);
    if report.is_intact() {
        return intact;
    }
    let whole = if report.counts.contains_key(&Code::ReceiptFormat) {
        "Take each receipt as the run printed it: every line, from its first to the signature"
    } else {
        "Take the head file as it lay on the machine"
    };
    format!(
        "the database is {intact}\n\
         NOT CHECKED against all that was given: what is named above is at fault, and not the database. {whole}"
    )
}

fn intact(report: &Report) -> String {
    let key = if report.key_known {
        "a key that is known here"
    } else {
        "the key that the file itself names"
    };
    let inside = match report.last_checkpoint {
        None => "intact, by its hash chain alone".to_owned(),
        Some(size) => format!("intact, signed up to event {} with {key}", size.saturating_sub(1)),
    };
    let outside: Vec<String> = report.checked_against.iter().map(agreement).collect();
    if outside.is_empty() {
        format!("{inside}, not checked against anything outside the file")
    } else {
        format!("{inside}\n{}", outside.join("\n"))
    }
}

/// What agrees, and how far it reaches.
fn agreement(agreement: &Agreement) -> String {
    let what = match agreement.witness {
        Witness::Head => "the head file",
        Witness::Receipt => "the receipt",
    };
    let last = agreement.size.saturating_sub(1);
    let reach = match agreement.behind {
        0 => format!("up to event {last}, the last"),
        behind => format!("up to event {last}; {} recorded later", count(behind, "event")),
    };
    format!("{what} {} agrees {reach}", line(&agreement.file.to_string_lossy()))
}
