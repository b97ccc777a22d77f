//! The other end of `audit prove`: what `audit verify` does with such a file. It needs nothing but the file, and better the key and a receipt.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::failure::Failure;
use super::super::terminal::Terminal;
use super::super::text::{count, line, printable};
use super::super::{Ending, Failed};
use super::log::in_words;
use super::prove::read_receipt;
use crate::exit::Exit;
use crate::journal::Recorded;
use crate::journal::bundle::{BYTES_MAX, Bundle, Flaw, Kept, Verdict};
use crate::journal::head::{self, HeadError};
use crate::journal::note::{Note, VerifyingKey};
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

/// A receipt or a head that was given.
struct Given {
    /// What it is, and which file.
    name: String,
    note: Note,
}

/// Checks a proof, against the receipts and the head that are given too, and tells what it proves.
pub(crate) fn verify(
    terminal: &Terminal,
    file: &Path,
    text: &str,
    key: Option<&VerifyingKey>,
    receipts: &[PathBuf],
    head: Option<&Path>,
) -> Ending {
    let bundle = Bundle::parse(text).map_err(|cause| {
        Failure::new(
            "damaged",
            Exit::Damage,
            format!("{} is a proof that was damaged: {cause}", file.display()),
        )
        .next("ask whoever made it for the file as it was written")
    })?;
    let given = given(receipts, head)?;
    let notes: Vec<Note> = given.iter().map(|given| given.note.clone()).collect();
    let verdict = bundle.check(key, &notes);
    let object = object(file, &bundle, &verdict);
    terminal.say(&told(file, &bundle, &verdict, &given));
    if verdict.flaws.is_empty()
        && let Some(failure) = not_compared(&bundle, &verdict, &given)
    {
        return Err(Failed {
            failure: Box::new(failure),
            job: Some(object),
        });
    }
    terminal.object(&object);
    Ok(if verdict.flaws.is_empty() {
        Exit::Done
    } else {
        Exit::Damage
    })
}

fn given(receipts: &[PathBuf], head: Option<&Path>) -> Result<Vec<Given>, Failure> {
    let mut given = Vec::new();
    for path in receipts {
        let name = format!("the receipt {}", line(&path.to_string_lossy()));
        let note = read_receipt(path)?;
        given.push(Given { name, note });
    }
    if let Some(path) = head {
        let (note, _) = head::read(path)?.ok_or_else(|| HeadError::File {
            path: path.to_owned(),
            cause: std::io::ErrorKind::NotFound.into(),
        })?;
        let name = format!("the head file {}", line(&path.to_string_lossy()));
        given.push(Given { name, note });
    }
    Ok(given)
}

/// The proof holds, and something was given that says nothing about it: whoever gave it must not believe that it agrees.
fn not_compared(bundle: &Bundle, verdict: &Verdict, given: &[Given]) -> Option<Failure> {
    let names: Vec<String> = given
        .iter()
        .zip(&verdict.kept)
        .filter_map(|(given, kept)| match kept {
            Kept::NotCompared(size) => Some(format!("{} (over {})", given.name, count(*size, "event"))),
            Kept::Agrees(_) | Kept::Differs => None,
        })
        .collect();
    let size = verdict.checkpoint.as_ref()?.size;
    (!names.is_empty()).then(|| {
        Failure::new(
            "not-compared",
            Exit::Usage,
            format!(
                "the proof holds, and could not be compared with {}: its own checkpoint is over {}",
                names.join(" and "),
                count(size, "event")
            ),
        )
        .next(format!(
            "have it made where the database is, with offboard24 audit prove {} --receipt FILE and a receipt that you have",
            bundle.workflow
        ))
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
        "key_is_successor": verdict.key_is_successor,
        "receipt": verdict.receipt,
        "records": verdict.records.len(),
        "findings": verdict.flaws.iter().map(finding).collect::<Vec<_>>(),
    })
}

/// The story that it proves; or what is wrong, and then no story: nothing in it can be relied on.
fn told(file: &Path, bundle: &Bundle, verdict: &Verdict, given: &[Given]) -> String {
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
    lines.push(conclusion(bundle, verdict, given));
    lines.join("\n")
}

fn conclusion(bundle: &Bundle, verdict: &Verdict, given: &[Given]) -> String {
    let Some(checkpoint) = &verdict.checkpoint else {
        return String::new();
    };
    let key = if verdict.key_is_successor {
        "a key that took the place of the one that was given, with its signature"
    } else if verdict.key_known {
        "the key that was given"
    } else {
        "the key that the file itself names (compare it, or give it with --key)"
    };
    let agreeing = given.iter().zip(&verdict.kept).filter_map(|(given, kept)| match kept {
        Kept::Agrees(size) => Some((given.name.as_str(), *size)),
        Kept::Differs | Kept::NotCompared(_) => None,
    });
    let mut agreeing: Vec<(&str, u64)> = agreeing.collect();
    if agreeing.is_empty() {
        agreeing.extend(verdict.receipt.map(|size| ("the receipt that it was made with", size)));
    }
    let agreeing = agreeing
        .iter()
        .map(|(name, size)| format!("\n{name}, over {}, is of the same history", count(*size, "event")));
    let receipt: String = agreeing.collect();
    format!(
        "proven: {} of {} on {}, signed with {key}{receipt}\n\
         what a proof cannot show: that nothing was left out of it",
        count(bundle.records.len(), "record"),
        checkpoint.size,
        checkpoint.origin
    )
}
