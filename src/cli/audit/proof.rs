//! The other end of `audit prove`: what `audit verify` does with such a file. It needs nothing but the file, and better the key and a receipt.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::Ending;
use super::super::failure::Failure;
use super::super::terminal::Terminal;
use super::super::text::{count, line, printable};
use super::log::in_words;
use super::prove::read_receipt;
use crate::exit::Exit;
use crate::journal::Recorded;
use crate::journal::bundle::{BYTES_MAX, Bundle, Flaw, Verdict};
use crate::journal::note::VerifyingKey;
use crate::report::words::Shown;

/// The text of a file, where it is a proof and no database. Whatever cannot be read is left to whoever reads databases.
pub(crate) fn text_of(file: &Path) -> Option<String> {
    if !file.is_file() {
        return None;
    }
    let mut file = File::open(file).ok()?;
    let mut start = [0; 64];
    let read = file.read(&mut start).ok()?;
    let start = start.get(..read)?;
    if !Bundle::is_one(std::str::from_utf8(start).ok()?) {
        return None;
    }
    let mut bytes = start.to_vec();
    file.take(BYTES_MAX as u64).read_to_end(&mut bytes).ok()?;
    String::from_utf8(bytes).ok()
}

/// Checks a proof, and tells what it proves.
pub(crate) fn verify(
    terminal: &Terminal,
    file: &Path,
    text: &str,
    key: Option<&VerifyingKey>,
    receipts: &[PathBuf],
) -> Ending {
    let bundle = Bundle::parse(text).map_err(|cause| {
        Failure::new(
            "damaged",
            Exit::Damage,
            format!("{} is a proof that was damaged: {cause}", file.display()),
        )
        .next("ask whoever made it for the file as it was written")
    })?;
    let receipts = receipts
        .iter()
        .map(|path| read_receipt(path))
        .collect::<Result<Vec<_>, _>>()?;
    let verdict = match receipts.as_slice() {
        [] => bundle.check(key, None),
        [receipt] => bundle.check(key, Some(receipt)),
        _ => {
            return Err(
                Failure::usage("a proof reaches from one receipt, and several were given")
                    .next("offboard24 audit verify with one --receipt at a time")
                    .into(),
            );
        }
    };
    terminal.object(&object(file, &bundle, &verdict));
    terminal.say(&told(file, &bundle, &verdict));
    Ok(if verdict.flaws.is_empty() {
        Exit::Done
    } else {
        Exit::Damage
    })
}

fn object(file: &Path, bundle: &Bundle, verdict: &Verdict) -> Value {
    let finding = |flaw: &Flaw| {
        let at = flaw.seq.map_or(json!("file"), |seq| json!({ "event": seq }));
        json!({ "code": flaw.kind.as_str(), "at": at, "message": flaw.message })
    };
    json!({
        "file": file.display().to_string(),
        "workflow": bundle.workflow,
        "origin": verdict.checkpoint.as_ref().map(|checkpoint| checkpoint.origin.to_string()),
        "last_checkpoint": verdict.checkpoint.as_ref().map(|checkpoint| checkpoint.size),
        "key": bundle.key,
        "key_known": verdict.key_known,
        "receipt": verdict.receipt,
        "records": verdict.records.len(),
        "findings": verdict.flaws.iter().map(finding).collect::<Vec<_>>(),
    })
}

/// The story that it proves; or what is wrong, and then no story: nothing in it can be relied on.
fn told(file: &Path, bundle: &Bundle, verdict: &Verdict) -> String {
    let mut lines = vec![line(&file.to_string_lossy())];
    if !verdict.flaws.is_empty() {
        for flaw in &verdict.flaws {
            let at = flaw
                .seq
                .map_or_else(|| "the file".to_owned(), |seq| format!("event {seq}"));
            lines.push(format!("{:<28}{at}: {}", flaw.kind.as_str(), line(&flaw.message)));
        }
        lines.push(format!(
            "DAMAGED: {}. It proves nothing",
            count(verdict.flaws.len(), "finding")
        ));
        return lines.join("\n");
    }
    lines.push(format!("what is recorded about workflow {}:", bundle.workflow));
    for ((seq, envelope), record) in verdict.records.iter().zip(&bundle.records) {
        let show = |recorded: &Recorded| {
            let revealed = recorded
                .commitment()
                .and_then(|commitment| record.values.get(commitment));
            revealed.map_or(Shown::Absent("not shown"), |revealed| {
                Shown::Text(printable(&revealed.value))
            })
        };
        lines.push(in_words(*seq, envelope, &show));
    }
    lines.push(conclusion(bundle, verdict));
    lines.join("\n")
}

fn conclusion(bundle: &Bundle, verdict: &Verdict) -> String {
    let Some(checkpoint) = &verdict.checkpoint else {
        return String::new();
    };
    let key = if verdict.key_known {
        "the key that was given"
    } else {
        "the key that the file itself names (compare it, or give it with --key)"
    };
    let receipt = match verdict.receipt {
        Some(size) => format!("\nthe receipt of {} is of the same history", count(size, "event")),
        None => String::new(),
    };
    format!(
        "proven: {} of {} on {}, signed with {key}{receipt}\n\
         what a proof cannot show: that nothing was left out of it",
        count(bundle.records.len(), "record"),
        checkpoint.size,
        checkpoint.origin
    )
}
