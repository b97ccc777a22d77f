//! Whom `--person` means: one user, several who were given the same address, or rows of rosters that no user was found for.

use std::collections::BTreeSet;

use super::super::failure::Failure;
use super::super::text::printable;
use crate::domain::{JobId, RowNumber, UserId};
use crate::exit::Exit;
use crate::journal::{Person, View};
use crate::roster::compare;

/// Where somebody occurs, by user id, by an e-mail address, which is compared as the roster's are, or by `JOB:ROW`. An id is taken as it
/// is: who is in no roster may still have a part in an event.
pub(super) fn find(view: View<'_>, who: &str) -> Result<Person, Failure> {
    let who = who.trim();
    if let Ok(user) = who.parse() {
        return Ok(view.person(Some(UserId(user)), |_| false)?);
    }
    let found = match row(who) {
        Some((job, row)) => of_row(view, job, row)?,
        None => view.person(None, |address| compare::same(address, who))?,
    };
    if found.users.is_empty() && found.rows.is_empty() {
        return Err(nobody(view, who)?);
    }
    Ok(found)
}

/// `JOB:ROW`.
fn row(who: &str) -> Option<(JobId, RowNumber)> {
    let (job, row) = who.split_once(':')?;
    Some((JobId(job.parse().ok()?), RowNumber(row.parse().ok()?)))
}

/// The user whom a row is about, or the row alone.
fn of_row(view: View<'_>, job: JobId, row: RowNumber) -> Result<Person, Failure> {
    let rows = view.rows(job)?;
    let Some(record) = rows.iter().find(|record| record.row == row) else {
        return Ok(Person::default());
    };
    Ok(match record.user.or(record.id) {
        Some(user) => view.person(Some(user), |_| false)?,
        None => Person {
            rows: BTreeSet::from([(job, row)]),
            ..Person::default()
        },
    })
}

/// Nobody is recorded like that; not any more, perhaps.
pub(super) fn nobody(view: View<'_>, who: &str) -> Result<Failure, Failure> {
    let failure = |message: String| Failure::new("no-person", Exit::Usage, message);
    let shown = printable(who);
    if who.contains('@') && !view.erasures()?.is_empty() {
        let message = format!(
            "nobody on record has the e-mail address {shown}. Whoever had it may have been erased: then the address is gone too"
        );
        return Ok(failure(message).next(
            "offboard24 audit log --kind personal_redacted lists who was erased, by user id or by row; give that to --person, as ID or JOB:ROW",
        ));
    }
    let message = format!("nobody on record has the user id or the e-mail address {shown}, or is that row of a roster");
    Ok(failure(message).next(
        "offboard24 audit log --kind user_recorded,row_read lists everybody; a row that no user was found for is named JOB:ROW",
    ))
}
