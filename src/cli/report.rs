//! `offboard24 report`: the plan or the result of a job, to hand over. From the journal alone; takes no lock.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::json;

use super::failure::Failure;
use super::language::{Language, said};
use super::settings::{Common, JobArgument};
use super::terminal::Terminal;
use super::{Ending, find_job, new_files};
use crate::exit::Exit;
use crate::files::make_private_folder;
use crate::journal::JournalFile;
use crate::report::csv::{self, Dialect};
use crate::report::job::Report;
use crate::report::{html, json as json_report, markdown};

/// What the help ends with.
pub(crate) const EXAMPLES: &str = "Examples:\n  \
    offboard24 report --format html -o report.html          to look at, to print, to send round\n  \
    offboard24 report --format csv -o parts/ --csv-dialect excel    succeeded, failed, unprocessed, rows";

/// The arguments of `report`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ReportArguments {
    #[command(flatten)]
    job: JobArgument,
    /// For whom it is
    #[arg(long, value_enum)]
    format: Format,
    /// Where to write it: a new file, or a folder (one that is there, or a name that ends in /); - or nothing is standard output
    #[arg(long, short, value_name = "FILE|DIR")]
    output: Option<PathBuf>,
    /// How the CSV is written
    #[arg(long, value_enum, default_value_t = DialectArgument::Rfc4180)]
    csv_dialect: DialectArgument,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    /// One page for people; needs no network, prints well
    Html,
    /// For spreadsheets; into a folder: succeeded, failed, unprocessed, and the rows of the roster
    Csv,
    /// For programs
    Json,
    /// For tickets and wikis
    Md,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DialectArgument {
    /// Commas, UTF-8
    Rfc4180,
    /// For Excel
    Excel,
    /// For Excel where the decimal sign is a comma
    ExcelRu,
}

impl From<DialectArgument> for Dialect {
    fn from(raw: DialectArgument) -> Self {
        match raw {
            DialectArgument::Rfc4180 => Self::Rfc4180,
            DialectArgument::Excel => Self::Excel,
            DialectArgument::ExcelRu => Self::ExcelRussian,
        }
    }
}

/// Where a report goes.
enum Place<'a> {
    Output,
    File(&'a Path),
    Folder(&'a Path),
}

impl<'a> Place<'a> {
    fn of(output: Option<&'a Path>) -> Self {
        match output {
            None => Self::Output,
            Some(path) if path.as_os_str() == "-" => Self::Output,
            Some(path) if path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/") => Self::Folder(path),
            Some(path) => Self::File(path),
        }
    }
}

pub(crate) fn report(common: &Common, terminal: &Terminal, arguments: &ReportArguments) -> Ending {
    let to = Place::of(arguments.output.as_deref());
    if common.json && matches!(to, Place::Output) && arguments.format != Format::Json {
        return Err(
            Failure::usage("with --json, standard output holds one JSON object and no report")
                .next("name a file with -o FILE, or leave --json out")
                .into(),
        );
    }
    let place = common.place()?;
    let file = JournalFile::open(&place.database)?;
    let view = file.view();
    view.hold()?;
    let record = find_job(view, arguments.job.id())?;
    let job = record.job;
    let report = Report::read(view, record)?;
    drop(file);
    let files = match (&to, arguments.format) {
        (Place::Folder(folder), Format::Csv) => csv::split(&report, arguments.csv_dialect.into())
            .map_err(|cause| bug(&cause))?
            .into_iter()
            .map(|named| (folder.join(named.name), named.text))
            .collect(),
        (Place::Folder(folder), format) => {
            let name = format!("offboard24-job-{job}.{}", ending(format));
            vec![(folder.join(name), text(&report, arguments, terminal.language())?)]
        }
        (Place::File(file), _) => vec![((*file).to_owned(), text(&report, arguments, terminal.language())?)],
        (Place::Output, _) => {
            Terminal::document(&text(&report, arguments, terminal.language())?);
            return Ok(Exit::Done);
        }
    };
    if let Place::Folder(folder) = to {
        make_private_folder(folder).map_err(|cause| Failure::usage(said(|words| (words.unmade)(folder, &cause))))?;
    }
    let contents: Vec<(PathBuf, &str)> = files.iter().map(|(path, text)| (path.clone(), text.as_str())).collect();
    new_files::write(&contents)?;
    let names: Vec<String> = files.iter().map(|(path, _)| path.display().to_string()).collect();
    terminal.object(&json!({
        "job": job, "portal": report.record.portal, "state": report.status.state, "format": ending(arguments.format),
        "files": names,
    }));
    terminal.say(&(terminal.words().written)(&names.join("\n  ")));
    Ok(Exit::Done)
}

fn ending(format: Format) -> &'static str {
    match format {
        Format::Html => "html",
        Format::Csv => "csv",
        Format::Json => "json",
        Format::Md => "md",
    }
}

fn text(report: &Report, arguments: &ReportArguments, language: Language) -> Result<String, Failure> {
    let words = language.words();
    match arguments.format {
        Format::Html => html::html(report, words).map_err(|cause| bug(&cause)),
        Format::Csv => csv::whole(report, arguments.csv_dialect.into()).map_err(|cause| bug(&cause)),
        Format::Json => json_report::json(report).map_err(|cause| bug(&cause)),
        Format::Md => Ok(markdown::markdown(report, words)),
    }
}

fn bug(cause: &dyn std::fmt::Display) -> Failure {
    Failure::new(
        "bug",
        Exit::Bug,
        format!("the report could not be put together: {cause}. Nothing was written"),
    )
    .next("report it; what was recorded is safe: offboard24 show")
}
