//! Verification of an export: that its files are those that were written, and that they say what the database in it says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::file::{Access, Evidence};
use super::finding::{Code, Findings, Place};
use super::{Against, Report, verify};
use crate::journal::JournalError;
use crate::journal::export::{
    ABOUT, About, FIXED, FORMAT, NotCompared, RECEIPTS, SUMS, Summed, TEXTS, VALUES, database_in, sum_of_file,
};

/// Folders in folders that are looked into: an export has one.
const DEPTH_MAX: u32 = 4;

/// Verifies an export: the database in it as [`verify`] does, with the receipts beside it, and every other file.
///
/// # Errors
/// As [`verify`].
pub fn verify_export(folder: &Path, against: Against) -> Result<(Report, NotCompared), JournalError> {
    let failed = |cause| JournalError::File {
        path: folder.to_owned(),
        cause,
    };
    let mut present = BTreeMap::new();
    list(folder, Path::new(""), DEPTH_MAX, &mut present).map_err(failed)?;
    let mut findings = Findings::default();
    let about = about(folder, &mut findings);
    let receipts = present.keys().filter(|name| name.starts_with(RECEIPTS));
    let receipts: Vec<PathBuf> = receipts.map(|name| folder.join(name)).collect();
    let against = Against {
        are_values_withheld: about.as_ref().is_some_and(|about| about.redacted),
        receipts: against.receipts.into_iter().chain(receipts).collect(),
        ..against
    };
    let mut report = verify(&database_in(folder), &against)?;
    check_sums(folder, &present, &mut findings)?;
    check_texts(folder, about.as_ref(), &report, &present, &mut findings);
    let not_compared = check_fixed(folder, about.as_ref(), &mut findings);
    report.is_redacted = against.are_values_withheld;
    let (found, counts) = findings.into_parts();
    report.findings.extend(found);
    for (code, count) in counts {
        *report.counts.entry(code).or_default() += count;
    }
    Ok((report, not_compared))
}

fn about(folder: &Path, findings: &mut Findings) -> Option<About> {
    let text = fs::read_to_string(folder.join(ABOUT)).ok();
    let about = text
        .and_then(|text| serde_json::from_str(&text).ok())
        .filter(|about: &About| about.format == FORMAT);
    if about.is_none() {
        findings.add(Code::ExportFile, Place::File, format!("{ABOUT} cannot be read"));
    }
    about
}

/// Every file below the folder, by its name relative to it, and whether it is a file at all.
fn list(folder: &Path, below: &Path, depth: u32, found: &mut BTreeMap<String, bool>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder.join(below))? {
        let entry = entry?;
        let name = below.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() && depth > 0 {
            list(folder, &name, depth - 1, found)?;
        } else {
            found.insert(name.to_string_lossy().into_owned(), kind.is_file());
        }
    }
    Ok(())
}

fn check_sums(folder: &Path, present: &BTreeMap<String, bool>, findings: &mut Findings) -> Result<(), JournalError> {
    let text = fs::read_to_string(folder.join(SUMS)).unwrap_or_default();
    let listed: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(sum, name)| (name, sum))
        .collect();
    let names: BTreeSet<&str> = present.keys().map(String::as_str).collect();
    let wanted: BTreeSet<&str> = listed.keys().copied().chain([SUMS]).collect();
    for name in names.symmetric_difference(&wanted) {
        findings.add(Code::ExportFile, Place::File, format!("{name} is missing or too much"));
    }
    if !text.is_empty() && !text.ends_with('\n') {
        findings.add(
            Code::ExportFile,
            Place::File,
            format!("{SUMS} ends in the middle of a line"),
        );
    }
    for (name, sum) in listed {
        match present.get(name) {
            Some(true) if sum_of_file(&folder.join(name))? != sum => {
                findings.add(Code::ExportSum, Place::File, format!("{name} is not as its sum says"));
            }
            Some(false) => {
                findings.add(Code::ExportFile, Place::File, format!("{name} is no plain file"));
            }
            Some(true) | None => {}
        }
    }
    Ok(())
}

/// The texts, written once more from the database.
fn check_texts(
    folder: &Path,
    about: Option<&About>,
    report: &Report,
    present: &BTreeMap<String, bool>,
    findings: &mut Findings,
) {
    let mut differs = |name: &str| {
        let message = format!("{name} does not say what the database says");
        findings.add(Code::ExportDiffers, Place::File, message);
    };
    if about.is_some_and(|about| about.events != report.events || report.database.as_ref() != Some(&about.database)) {
        differs(ABOUT);
    }
    let is_redacted = about.is_some_and(|about| about.redacted);
    // Where the database cannot be opened, its own findings say so.
    let Ok(Ok(db)) = Evidence::look(&database_in(folder)).map(|evidence| evidence.open(Access::Alone)) else {
        return;
    };
    for (name, write) in TEXTS {
        let is_left_out = is_redacted && *name == VALUES;
        let is_there = present.get(*name) == Some(&true);
        let mut again = Summed::new(std::io::sink());
        let same = || -> Result<bool, JournalError> {
            write(&db, &mut again)?;
            Ok(sum_of_file(&folder.join(name))? == again.finish().0)
        };
        if is_left_out == is_there || (is_there && !same().unwrap_or_default()) {
            differs(name);
        }
    }
}

/// What is the same in every export, whatever is recorded.
fn check_fixed(folder: &Path, about: Option<&About>, findings: &mut Findings) -> NotCompared {
    // One that is missing is found by its sum.
    let differing = FIXED
        .iter()
        .filter(|(name, text)| fs::read(folder.join(name)).is_ok_and(|found| found != text.as_bytes()))
        .map(|(name, _)| *name);
    if let Some(about) = about.filter(|about| about.version != env!("CARGO_PKG_VERSION")) {
        return NotCompared {
            version: about.version.clone(),
            files: differing.collect(),
        };
    }
    for name in differing {
        let message = format!("{name} is not as this version of offboard24 writes it");
        findings.add(Code::ExportDiffers, Place::File, message);
    }
    NotCompared::default()
}
