//! `offboard24 audit log`: the events, a line each.

use chrono::{DateTime, Days, NaiveDate, SecondsFormat, Utc};
use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::Value;

use super::super::failure::Failure;
use super::super::settings::Common;
use super::super::terminal::Terminal;
use super::super::text::{line, printable};
use super::super::{Ending, find_job};
use super::person;
use crate::domain::{JobId, RunId, WorkflowId};
use crate::exit::Exit;
use crate::journal::{Envelope, Event, JournalFile, Logged, Recorded, Search, View};
use crate::personal::Personal;
use crate::report::words::{self, Shown};

/// Which events, and how.
#[derive(Args, Debug)]
pub(crate) struct LogArguments {
    /// Of this job
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    job: Option<u32>,
    /// Of this run
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    run: Option<u32>,
    /// That name this person, by user id, e-mail address or a row of a roster, or one of their rows; and what became of workflows that
    /// wait for them
    #[arg(long, value_name = "ID|EMAIL|JOB:ROW")]
    person: Option<String>,
    /// That name this workflow, or an action on it
    #[arg(long, value_name = "ID")]
    workflow: Option<WorkflowId>,
    /// Of these kinds
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = PossibleValuesParser::new(Event::KINDS), hide_possible_values = true)]
    kind: Vec<String>,
    /// Recorded at this time or later, such as 2026-11-22 or 2026-11-22T08:00:00+03:00; a date is UTC's
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<DateTime<Utc>>,
    /// Recorded before this time; of a date, the whole day counts
    #[arg(long, value_name = "TIME", value_parser = until)]
    until: Option<DateTime<Utc>>,
    /// One JSON object a line: number, leaf hash, the event as it was hashed, and its personal values
    #[arg(long)]
    json_lines: bool,
}

pub(crate) fn log(common: &Common, terminal: &Terminal, arguments: LogArguments) -> Ending {
    if common.json {
        return Err(
            Failure::usage("the log is a stream of events, not one object; nothing was read")
                .next("offboard24 audit log --json-lines")
                .into(),
        );
    }
    let place = common.place()?;
    let file = JournalFile::open(&place.database)?;
    let view = file.view();
    let json_lines = arguments.json_lines;
    let search = search(view, arguments)?;
    let mut lines = terminal.lines();
    let mut found = false;
    view.each_event(&search, |logged| {
        found = true;
        lines.write(&if json_lines {
            in_json(logged)
        } else {
            with_values(logged)
        })
    })?;
    lines.flush();
    if !found {
        terminal.note("no event fits");
    }
    Ok(Exit::Done)
}

fn search(view: View<'_>, arguments: LogArguments) -> Result<Search, Failure> {
    let job = arguments.job.map(JobId);
    if job.is_some() {
        find_job(view, job)?;
    }
    let stored = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
    Ok(Search {
        job,
        run: arguments.run.map(RunId),
        workflow: arguments.workflow,
        kinds: arguments.kind,
        since: arguments.since.map(stored),
        until: arguments.until.map(stored),
        person: arguments.person.map(|key| person::find(view, &key)).transpose()?,
    })
}

/// `   12  2026-11-22T10:00:00.000Z  job 1 run 2  …`.
pub(crate) fn in_words(seq: u64, envelope: &Envelope, show: words::Show<'_>) -> String {
    let job = envelope.job.map_or(String::new(), |job| format!("job {job}"));
    let run = envelope.run.map_or(String::new(), |run| format!("run {run}"));
    let sentence = words::sentence(&envelope.event, show);
    line(&format!("{seq:>6}  {}  {job:<5} {run:<5}  {sentence}", envelope.at))
}

/// With its values, as far as they are there.
fn with_values(logged: &Logged) -> String {
    let show = |recorded: &Recorded| {
        logged
            .value(recorded)
            .map_or(Shown::Absent("erased"), |value| Shown::Text(printable(value.expose())))
    };
    in_words(logged.seq, &logged.envelope, &show)
}

/// The body goes in as it was hashed, so that the line can be checked: the leaf is `SHA-256(0x00 ‖ event)`.
fn in_json(logged: &Logged) -> String {
    let value = |value: &Option<Personal>| value.as_ref().map_or(Value::Null, |value| value.expose().into());
    let values: Value = logged
        .values
        .iter()
        .map(|(commitment, shown)| (commitment.clone(), value(shown)))
        .collect();
    let (seq, leaf, body) = (logged.seq, crate::hex::hex(&logged.leaf), &logged.body);
    format!("{{\"seq\":{seq},\"leaf\":\"{leaf}\",\"event\":{body},\"values\":{values}}}")
}

fn since(text: &str) -> Result<DateTime<Utc>, String> {
    time(text, 0)
}

fn until(text: &str) -> Result<DateTime<Utc>, String> {
    time(text, 1)
}

/// A time, or a date: so many days after its beginning.
fn time(text: &str, days: u64) -> Result<DateTime<Utc>, String> {
    let date = || {
        let date: NaiveDate = text.parse().ok()?;
        Some(
            date.checked_add_days(Days::new(days))?
                .and_time(chrono::NaiveTime::MIN)
                .and_utc(),
        )
    };
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .ok()
        .or_else(date)
        .ok_or_else(|| "write a date, such as 2026-11-22, or a time, such as 2026-11-22T08:00:00+03:00".to_owned())
}
