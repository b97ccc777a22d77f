//! `offboard24 audit redact`: erases the personal values about a person, on record, and leaves everything else provable.

use std::collections::BTreeSet;

use clap::Args;
use serde_json::{Value, json};

use super::super::failure::Failure;
use super::super::settings::Common;
use super::super::terminal::Terminal;
use super::super::text::count;
use super::super::work::Work;
use super::super::{Ending, Failed, consent};
use super::mentions::{self, Mention, Names};
use super::person;
use crate::domain::{ActionState, JobId, RowNumber, UserId};
use crate::exit::Exit;
use crate::journal::{Erasure, JournalError, JournalFile, View};
use crate::personal::Personal;

#[derive(Args, Debug)]
pub(crate) struct RedactArguments {
    /// The user's id, an e-mail as it is recorded, or JOB:ROW for a row that no user was found for
    #[arg(long, value_name = "WHO")]
    person: String,
    /// Further values to erase, each by twelve or more digits as they are listed, or `all` of the list
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
    let typed = mentions::read_also(&arguments.also)?;
    let mut work = Work::open_uncleaned(common.place()?, terminal)?;
    let cleaned = match work.journal.finish_redactions() {
        Err(cause) if !matches!(cause, JournalError::Lingering { .. }) => return Err(cause.into()),
        cleaned => cleaned,
    };
    let view = work.journal.view();
    let person = find(view, &arguments.person)?;
    refuse_while_at_work(&work, person.jobs(view)?, &person.name())?;
    let names = names(view, &person)?;
    refuse_name_in_reason(&names, arguments.reason.as_deref())?;
    let own = view.values_of(&person.erasure())?;
    let alike = rows_alike(view, &person, &names)?;
    let (also, left) = mentions::chosen(view, mentions::find(view, &names, &own)?, &own, &typed)?;
    let jobs_of_keys = also.iter().filter(|mention| mention.is_key);
    refuse_while_at_work(
        &work,
        jobs_of_keys.filter_map(|mention| mention.job).collect(),
        "a value that --also names",
    )?;
    let erasure = Erasure {
        also: also.iter().map(|mention| mention.value.commitment.clone()).collect(),
        ..person.erasure()
    };
    let values = view.values_of(&erasure)?.len();
    let object = |values: usize| object(&erasure, values, &left, &alike);
    if values == 0 {
        let finished = cleaned?;
        if finished.is_empty() {
            return Err(nothing_left(view, &person)?.into());
        }
        terminal.object(&object(0));
        terminal.say(&format!(
            "nothing about {} is left. No byte of what was erased before is left either in {}",
            person.name(),
            work.place.database.display()
        ));
        work.close();
        return Ok(Exit::Done);
    }
    if let Err(cause) = cleaned {
        work.tell_lingering(cause)?;
    }
    terminal.note(&what_will_happen(&person, values, &also, &left, &alike));
    if !is_confirmed(terminal, values, arguments.confirm) {
        return Err(Failed {
            failure: Box::new(not_confirmed(&person, values, &typed, arguments.reason.is_some())),
            job: Some(object(values)),
        });
    }
    work.begin_signing()?;
    let reason = arguments.reason.map(Personal::new);
    let operator = work.operator();
    let erased = work.journal.redact(erasure.clone(), operator, reason);
    if matches!(&erased, Ok(_) | Err(JournalError::Lingering { .. })) {
        // The last chance to tell them: what to look for is gone now.
        if !left.is_empty() {
            terminal.say(&what_stayed(&person, &left));
        }
        for row in &alike {
            terminal.say(&alike_line(*row));
        }
    }
    if let Err(cause) = erased {
        let is_recorded = matches!(cause, JournalError::Lingering { .. });
        return Err(Failed {
            failure: Box::new(cause.into()),
            job: is_recorded.then(|| object(values)),
        });
    }
    terminal.object(&object(values));
    terminal.say(&format!(
        "{} about {} erased; no byte of them is left in {}",
        count(values as u64, "value"),
        person.name(),
        work.place.database.display()
    ));
    work.close();
    Ok(Exit::Done)
}

fn object(erasure: &Erasure, values: usize, left: &[Mention], alike: &[(JobId, RowNumber)]) -> Value {
    json!({
        "user": erasure.user,
        "rows": erasure.rows,
        "values": values,
        "also": erasure.also,
        "mentions": left.iter().map(Mention::json).collect::<Vec<_>>(),
        "rows_alike": alike,
    })
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

    /// What `--person` takes for them, also when no address is left.
    fn key(&self) -> String {
        match (self.user, self.rows.first()) {
            (None, Some((job, row))) => format!("{job}:{row}"),
            (user, _) => user.map(|user| user.to_string()).unwrap_or_default(),
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

/// One user with their rows, or rows alone.
fn find(view: View<'_>, who: &str) -> Result<Person, Failure> {
    let found = person::find(view, who)?;
    let users = if found.users.is_empty() {
        ids_of(view, &found.rows)?
    } else {
        found.users
    };
    let users: Vec<UserId> = users.into_iter().collect();
    match users.as_slice() {
        [] => Ok(Person {
            user: None,
            rows: found.rows.into_iter().collect(),
        }),
        [user] => {
            let rows = view.rows_with(*user)?;
            if rows.is_empty() && view.jobs_with(*user)?.is_empty() {
                return Err(person::nobody(view, who)?);
            }
            let user = Some(*user);
            Ok(Person { user, rows })
        }
        several => {
            let ids: Vec<String> = several.iter().map(ToString::to_string).collect();
            Err(
                Failure::usage(format!("{} users have that e-mail: {}", several.len(), ids.join(", ")))
                    .next("offboard24 audit redact --person ID"),
            )
        }
    }
}

/// The users that rows name by number, whether they were found or not.
fn ids_of(view: View<'_>, rows: &BTreeSet<(JobId, RowNumber)>) -> Result<BTreeSet<UserId>, Failure> {
    let mut ids = BTreeSet::new();
    for (job, row) in rows {
        let of_job = view.rows(*job)?;
        ids.extend(
            of_job
                .iter()
                .find(|record| record.row == *row)
                .and_then(|record| record.id),
        );
    }
    Ok(ids)
}

/// Rows that no user was found for and that have the name in them. Whether they are the person's, only a person can tell.
fn rows_alike(view: View<'_>, person: &Person, names: &Names) -> Result<Vec<(JobId, RowNumber)>, Failure> {
    let mut alike = Vec::new();
    for job in view.jobs()? {
        let rows = view.rows(job.job)?;
        let nobodys = rows
            .iter()
            .filter(|row| row.user.or(row.id).is_none() && names.are_in_row(row));
        alike.extend(
            nobodys
                .map(|row| (job.job, row.row))
                .filter(|place| !person.rows.contains(place)),
        );
    }
    Ok(alike)
}

/// A job that is not finished still has to name its people to whoever confirms, watches and decides.
fn refuse_while_at_work(work: &Work, jobs: BTreeSet<JobId>, with: &str) -> Result<(), Failure> {
    let view = work.journal.view();
    for job in jobs {
        let Some(record) = view.job(job)? else { continue };
        let counts = view.action_counts(job)?;
        let is_expired = consent::is_too_old(&record, work.now());
        if counts.contains_key(&ActionState::Sent) || (counts.contains_key(&ActionState::Planned) && !is_expired) {
            return Err(Failure::refused(format!(
                "job {job} with {with} is not finished. Nothing was erased"
            ))
            .next(format!(
                "offboard24 resume {job}, or offboard24 apply {job}; a plan that nobody confirms expires after seven days"
            )));
        }
    }
    Ok(())
}

/// What to look for: surnames, whole names and addresses. First names alone are in too much.
fn names(view: View<'_>, person: &Person) -> Result<Names, Failure> {
    let mut names = Names::default();
    for job in person.jobs(view)? {
        let users = view.users(job)?;
        if let Some(record) = person.user.and_then(|user| users.get(&user)) {
            names.add(record.last_name.as_ref());
            names.add(record.email.as_ref());
        }
        for row in view
            .rows(job)?
            .iter()
            .filter(|row| person.rows.contains(&(job, row.row)))
        {
            names.add(row.last_name.as_ref());
            names.add(row.email.as_ref());
            names.add(row.full_name.as_ref());
        }
    }
    Ok(names)
}

/// The reason outlives the erasure: it must not bring back what is erased.
fn refuse_name_in_reason(names: &Names, reason: Option<&str>) -> Result<(), Failure> {
    if reason.is_some_and(|reason| names.are_in(reason)) {
        return Err(Failure::usage(
            "the reason contains the person's name or address, and a reason stays on record. Nothing was erased",
        )
        .next("give a reason without it, such as the number of the request"));
    }
    Ok(())
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
    ))
    .next("values of others with the name in them: --also and twelve digits of each; offboard24 audit log --json-lines shows them"))
}

fn what_will_happen(
    person: &Person,
    values: usize,
    also: &[Mention],
    left: &[Mention],
    alike: &[(JobId, RowNumber)],
) -> String {
    let mut lines = vec![format!(
        "{} about {} will be erased: names, addresses, titles. What happened stays, and can still be proved",
        count(values as u64, "value"),
        person.name()
    )];
    if !also.is_empty() {
        lines.push("among them, as --also says:".to_owned());
        lines.extend(also.iter().map(Mention::line));
    }
    if !left.is_empty() {
        lines.push(format!(
            "{} the name and would stay. To erase them too: --also VALUE,… or --also all",
            others(left.len())
        ));
        lines.extend(left.iter().map(Mention::line));
    }
    lines.extend(alike.iter().copied().map(alike_line));
    lines.push(
        "out of reach: reports and exports that were made before, and copies of the database. Erase them where they are".to_owned(),
    );
    lines.join("\n")
}

fn what_stayed(person: &Person, left: &[Mention]) -> String {
    let mut lines = vec![format!(
        "{} the name and stayed. Keep these lines to erase them later, since the name is not on record any more:",
        others(left.len())
    )];
    lines.extend(left.iter().map(Mention::line));
    let digits: Vec<&str> = left.iter().map(Mention::digits).collect();
    lines.push(format!(
        "offboard24 audit redact --person {} --also {}",
        person.key(),
        digits.join(",")
    ));
    lines.join("\n")
}

fn alike_line((job, row): (JobId, RowNumber)) -> String {
    format!(
        "row {row} of job {job} has the name in it, and no user was found for it. If it is the same person: \
         offboard24 audit redact --person {job}:{row}"
    )
}

fn others(number: usize) -> String {
    match number {
        1 => "1 other value contains".to_owned(),
        several => format!("{several} other values contain"),
    }
}

/// There is no undo here either.
fn is_confirmed(terminal: &Terminal, values: usize, given: Option<usize>) -> bool {
    match given {
        Some(given) => given == values,
        None if terminal.can_ask() => {
            let answer = Terminal::ask("Type the number of values to erase them: ");
            answer.as_deref() == Some(values.to_string().as_str())
        }
        None => false,
    }
}

fn not_confirmed(person: &Person, values: usize, also: &[String], has_reason: bool) -> Failure {
    let also = match also {
        [] => String::new(),
        named => format!(" --also {}", named.join(",")),
    };
    let reason = if has_reason { ", with the same --reason" } else { "" };
    Failure::refused("not confirmed. Nothing was erased").next(format!(
        "offboard24 audit redact --person {}{also} --confirm {values}{reason}",
        person.key()
    ))
}
