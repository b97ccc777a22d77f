//! `offboard24 audit redact`: erases the personal values about a person, on record, and leaves everything else provable.

use std::collections::BTreeSet;

use clap::Args;
use serde_json::{Value, json};

use super::super::failure::Failure;
use super::super::settings::Common;
use super::super::terminal::Terminal;
use super::super::text::{count, printable};
use super::super::work::{Work, operator};
use super::super::{Ending, consent};
use crate::domain::{ActionState, JobId, RowNumber, UserId};
use crate::exit::Exit;
use crate::journal::{Erasure, Event, JournalFile, ValueRecord, View};
use crate::personal::Personal;
use crate::roster::compare;

/// Hexadecimal digits of a commitment that are shown, and that suffice to name it.
const COMMITMENT_SHOWN: usize = 12;

/// Characters of a name below which it is in too many words to be looked for.
const NAME_LENGTH_MIN: usize = 3;

/// What `--also` takes for everything that was listed.
const ALL: &str = "all";

#[derive(Args, Debug)]
pub(crate) struct RedactArguments {
    /// The user's id, an e-mail as it is recorded, or JOB:ROW for a row that no user was found for
    #[arg(long, value_name = "WHO")]
    person: String,
    /// Further values to erase, from the list that is printed, or `all` of the list
    #[arg(long, value_name = "VALUE", value_delimiter = ',')]
    also: Vec<String>,
    /// The number of values that will be erased, as it is printed; without it, a terminal asks
    #[arg(long, value_name = "COUNT")]
    confirm: Option<usize>,
    /// Why; recorded
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

pub(crate) fn redact(common: &Common, terminal: &Terminal, arguments: RedactArguments) -> Ending {
    drop(JournalFile::open(&common.place()?.database)?);
    let mut work = Work::open(common, terminal)?;
    let view = work.journal.view();
    let person = find(view, &arguments.person)?;
    refuse_while_at_work(&work, &person)?;
    let own = view.values_of(&person.erasure())?;
    let mentions = mentions(view, &person, &own)?;
    let also = chosen(&mentions, &arguments.also)?;
    let erasure = Erasure {
        also: also.iter().map(|value| value.commitment.clone()).collect(),
        ..person.erasure()
    };
    let values = view.values_of(&erasure)?.len();
    if values == 0 {
        return Err(nothing_left(view, &person)?.into());
    }
    let left: Vec<&ValueRecord> = mentions
        .iter()
        .filter(|value| !erasure.also.contains(&value.commitment))
        .collect();
    terminal.note(&what_will_happen(&person, values, &left));
    ask(terminal, values, arguments.confirm, &arguments.person)?;
    work.begin_signing()?;
    let reason = arguments.reason.map(Personal::new);
    let erased = work.journal.redact(erasure.clone(), operator(), reason)?;
    terminal.object(&json!({
        "user": erasure.user,
        "rows": erasure.rows,
        "values": erased,
        "also": erasure.also,
        "mentions": left.iter().map(|value| mention_json(value)).collect::<Vec<_>>(),
    }));
    terminal.say(&format!(
        "{} about {} erased; no byte of them is left in {}",
        count(erased, "value"),
        person.name(),
        work.place.database.display()
    ));
    work.close();
    Ok(Exit::Done)
}

/// Whose values are erased.
struct Person {
    user: Option<UserId>,
    rows: Vec<(JobId, RowNumber)>,
}

impl Person {
    fn erasure(&self) -> Erasure {
        Erasure {
            user: self.user,
            rows: self.rows.clone(),
            also: Vec::new(),
        }
    }

    fn name(&self) -> String {
        let rows = self.rows.iter().map(|(job, row)| format!("row {row} of job {job}"));
        let user = self.user.map(|user| format!("user {user}"));
        user.into_iter().chain(rows).collect::<Vec<_>>().join(", ")
    }

    /// The jobs that know the person.
    fn jobs(&self, view: View<'_>) -> Result<BTreeSet<JobId>, Failure> {
        let mut jobs: BTreeSet<JobId> = self.rows.iter().map(|(job, _)| *job).collect();
        if let Some(user) = self.user {
            jobs.extend(view.jobs_with(user)?);
        }
        Ok(jobs)
    }
}

fn find(view: View<'_>, who: &str) -> Result<Person, Failure> {
    if let Some((job, row)) = who.split_once(':')
        && let (Ok(job), Ok(row)) = (job.parse(), row.parse())
    {
        return find_row(view, JobId(job), RowNumber(row));
    }
    let user = match who.parse() {
        Ok(id) => UserId(id),
        Err(_) => match users_with(view, who)?.as_slice() {
            [only] => *only,
            [] => return Err(unknown(who)),
            several => {
                let ids: Vec<String> = several.iter().map(ToString::to_string).collect();
                return Err(
                    Failure::usage(format!("{} users have that e-mail: {}", several.len(), ids.join(", ")))
                        .next("offboard24 audit redact --person ID"),
                );
            }
        },
    };
    let rows = view.rows_with(user)?;
    let jobs = view.jobs_with(user)?;
    if rows.is_empty() && jobs.is_empty() {
        return Err(unknown(who));
    }
    Ok(Person { user: Some(user), rows })
}

fn find_row(view: View<'_>, job: JobId, row: RowNumber) -> Result<Person, Failure> {
    let rows = view.rows(job)?;
    let found = rows.iter().find(|record| record.row == row);
    let record = found.ok_or_else(|| unknown(&format!("{job}:{row}")))?;
    Ok(match record.user.or(record.id) {
        Some(user) => Person {
            user: Some(user),
            rows: view.rows_with(user)?,
        },
        None => Person {
            user: None,
            rows: vec![(job, row)],
        },
    })
}

fn unknown(who: &str) -> Failure {
    Failure::usage(format!("nobody is recorded as {}", printable(who)))
        .next("offboard24 show lists people with their ids; a row that no user was found for is named JOB:ROW")
}

/// The users one of whose recorded values, or whose row's, is this text.
fn users_with(view: View<'_>, text: &str) -> Result<Vec<UserId>, Failure> {
    let mut users = BTreeSet::new();
    for value in view.values_where(|value| compare::same(value, text))? {
        match view.event(value.event)?.map(|envelope| (envelope.job, envelope.event)) {
            Some((_, Event::UserRecorded(event))) => {
                users.insert(event.user);
            }
            Some((Some(job), Event::RowRead(event))) => {
                let rows = view.rows(job)?;
                users.extend(rows.iter().find(|row| row.row == event.row).and_then(|row| row.user));
            }
            _ => {}
        }
    }
    Ok(users.into_iter().collect())
}

/// A job that is not finished still has to name its people to whoever confirms, watches and decides.
fn refuse_while_at_work(work: &Work, person: &Person) -> Result<(), Failure> {
    let view = work.journal.view();
    for job in person.jobs(view)? {
        let Some(record) = view.job(job)? else { continue };
        let counts = view.action_counts(job)?;
        let is_expired = consent::is_too_old(&record, work.now());
        if counts.contains_key(&ActionState::Sent) || (counts.contains_key(&ActionState::Planned) && !is_expired) {
            return Err(Failure::refused(format!(
                "job {job} with {} is not finished. Nothing was erased",
                person.name()
            ))
            .next(format!(
                "offboard24 resume {job}, or offboard24 apply {job}; a plan that nobody confirms expires after seven days"
            )));
        }
    }
    Ok(())
}

/// Values about others, or about nobody in particular, with the person's name or address in them.
fn mentions(view: View<'_>, person: &Person, own: &[ValueRecord]) -> Result<Vec<ValueRecord>, Failure> {
    let names = names(view, person)?;
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let own: BTreeSet<&str> = own.iter().map(|value| value.commitment.as_str()).collect();
    let found = view.values_where(|value| {
        let value = value.to_lowercase();
        names.iter().any(|name| value.contains(name))
    })?;
    Ok(found
        .into_iter()
        .filter(|value| !own.contains(value.commitment.as_str()))
        .collect())
}

/// What to look for, in lower case: surnames, whole names and addresses. First names alone are in too much.
fn names(view: View<'_>, person: &Person) -> Result<BTreeSet<String>, Failure> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    let mut add = |value: Option<&Personal>| {
        names.extend(value.map(|value| value.expose().trim().to_lowercase()));
    };
    for job in person.jobs(view)? {
        let users = view.users(job)?;
        if let Some(record) = person.user.and_then(|user| users.get(&user)) {
            add(record.last_name.as_ref());
            add(record.email.as_ref());
        }
        for row in view
            .rows(job)?
            .iter()
            .filter(|row| person.rows.contains(&(job, row.row)))
        {
            add(row.last_name.as_ref());
            add(row.email.as_ref());
            add(row.full_name.as_ref());
        }
    }
    names.retain(|name| name.chars().count() >= NAME_LENGTH_MIN);
    Ok(names)
}

/// The mentions that `--also` names.
fn chosen<'a>(mentions: &'a [ValueRecord], named: &[String]) -> Result<Vec<&'a ValueRecord>, Failure> {
    if named.iter().any(|name| name == ALL) {
        return Ok(mentions.iter().collect());
    }
    named
        .iter()
        .map(|name| {
            let mut fitting = mentions
                .iter()
                .filter(|value| value.commitment.starts_with(name.as_str()));
            match (fitting.next(), fitting.next()) {
                (Some(only), None) if name.len() >= COMMITMENT_SHOWN => Ok(only),
                _ => Err(
                    Failure::usage(format!("{} names none of the values that are listed", printable(name)))
                        .next("copy its twelve digits from the list, or write --also all"),
                ),
            }
        })
        .collect()
}

fn nothing_left(view: View<'_>, person: &Person) -> Result<Failure, Failure> {
    let erasures = view.erasures()?;
    let of_user = person.user.and_then(|user| erasures.of_user(user));
    let of_row = || person.rows.iter().find_map(|(job, row)| erasures.of_row(*job, *row));
    let at = of_user.or_else(of_row).map(|at| format!(": it was erased on {at}"));
    Ok(Failure::usage(format!(
        "no personal value about {} is left{}",
        person.name(),
        at.unwrap_or_default()
    )))
}

fn what_will_happen(person: &Person, values: usize, left: &[&ValueRecord]) -> String {
    let mut lines = vec![format!(
        "{} about {} will be erased: names, addresses, titles. What happened stays, and can still be proved",
        count(values as u64, "value"),
        person.name()
    )];
    if !left.is_empty() {
        lines.push(format!(
            "{} the name and would stay. To erase them too: --also VALUE,… or --also all",
            match left.len() {
                1 => "1 other value contains".to_owned(),
                several => format!("{several} other values contain"),
            }
        ));
        lines.extend(left.iter().map(|value| {
            let shown = &value.commitment[..COMMITMENT_SHOWN];
            format!("  {shown}  event {}  {}", value.event, printable(value.value.expose()))
        }));
    }
    lines.push(
        "out of reach: reports and exports that were made before, and copies of the database. Erase them where they are".to_owned(),
    );
    lines.join("\n")
}

fn mention_json(value: &ValueRecord) -> Value {
    json!({ "commitment": value.commitment, "event": value.event, "value": value.value.expose() })
}

/// There is no undo here either.
fn ask(terminal: &Terminal, values: usize, given: Option<usize>, who: &str) -> Result<(), Failure> {
    let again = || {
        Failure::refused("not confirmed. Nothing was erased").next(format!(
            "offboard24 audit redact --person {} --confirm {values}, with the same --also",
            printable(who)
        ))
    };
    let confirmed = match given {
        Some(given) => given == values,
        None if terminal.can_ask() => {
            let answer = Terminal::ask("Type the number of values to erase them: ");
            answer.as_deref() == Some(values.to_string().as_str())
        }
        None => false,
    };
    if confirmed { Ok(()) } else { Err(again()) }
}
