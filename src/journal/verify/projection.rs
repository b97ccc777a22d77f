//! The tables that are made from the events, made once more and compared, row by row in the order of their keys.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Row};

use super::Missing;
use super::finding::{Code, Findings, Place};
use crate::domain::RunId;
use crate::journal::event::{Envelope, Event};
use crate::journal::{JournalError, fold, open};

/// Pages of the tables made anew that are kept in memory, in KiB.
const CACHE_KIB: i64 = 64 * 1024;

/// The fold, as it goes on.
pub(crate) struct Anew {
    db: Connection,
    /// The largest number of requests that an event of each run says: folded once, and not with each event.
    requests: BTreeMap<RunId, u64>,
    findings: Findings,
}

impl Anew {
    /// Empty tables in a file that `SQLite` makes in the folder for temporary files, and that nobody else sees. Commitments are in
    /// them, and no values.
    pub(crate) fn begin() -> Result<Self, JournalError> {
        let db = Connection::open("")?;
        db.set_prepared_statement_cache_capacity(64);
        db.execute_batch(&format!(
            "PRAGMA cache_size = -{CACHE_KIB}; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE;"
        ))?;
        open::make_schema(&db, open::version_known())?;
        db.execute_batch("BEGIN")?;
        Ok(Self {
            db,
            requests: BTreeMap::new(),
            findings: Findings::default(),
        })
    }

    /// Takes the next event. One that contradicts those before it is a finding.
    pub(crate) fn take(&mut self, seq: i64, envelope: &Envelope) -> Result<(), JournalError> {
        self.take_requests(envelope);
        match fold::fold_event(&self.db, envelope) {
            Err(rusqlite::Error::SqliteFailure(cause, _)) if cause.code == rusqlite::ErrorCode::ConstraintViolation => {
                let message = "it says again, in another way, what an event before it said";
                self.findings.add(Code::Projection, Place::Event(seq), message);
                Ok(())
            }
            other => Ok(other?),
        }
    }

    /// What an event before its run's first, or that one, says of requests finds no row of the run: as in the fold.
    fn take_requests(&mut self, envelope: &Envelope) {
        let Some(run) = envelope.run else { return };
        if let Event::RunStarted(_) = envelope.event {
            self.requests.insert(run, 0);
        } else if let Some(largest) = self.requests.get_mut(&run) {
            *largest = envelope.requests.max(*largest);
        }
    }

    /// Compares with the tables of a database, as far as that has them.
    pub(crate) fn compare(mut self, evidence: &Connection, missing: &Missing) -> Result<Findings, JournalError> {
        for (run, requests) in &self.requests {
            fold::fold_requests(&self.db, *run, *requests)?;
        }
        for table in fold::PROJECTIONS.iter().filter(|table| !missing.contains(**table)) {
            match compare(&self.db, evidence, table) {
                Ok(None) => {}
                Ok(Some(message)) => self
                    .findings
                    .add(Code::Projection, Place::Table((*table).to_owned()), message),
                Err(Failed::Anew(cause)) => return Err(cause.into()),
                Err(Failed::Evidence(cause)) => {
                    let message = format!("it cannot be read: {cause}");
                    self.findings
                        .add(Code::SqliteIntegrity, Place::Table((*table).to_owned()), message);
                }
            }
        }
        Ok(self.findings)
    }
}

/// Which of the two databases failed.
enum Failed {
    Anew(rusqlite::Error),
    Evidence(rusqlite::Error),
}

/// How the rows of a table differ, in words.
fn compare(anew: &Connection, evidence: &Connection, table: &str) -> Result<Option<String>, Failed> {
    let (columns, keys) = columns_and_keys(anew, table).map_err(Failed::Anew)?;
    let sql = format!(
        "SELECT {} FROM {table} ORDER BY {}",
        columns.join(", "),
        (1..=keys).map(|key| key.to_string()).collect::<Vec<_>>().join(", ")
    );
    let mut expected = anew.prepare(&sql).map_err(Failed::Anew)?;
    let mut expected = expected.query([]).map_err(Failed::Anew)?;
    let mut found = evidence.prepare(&sql).map_err(Failed::Evidence)?;
    let mut found = found.query([]).map_err(Failed::Evidence)?;
    let (mut differing, mut first) = (0_u64, None);
    let mut left = expected.next().map_err(Failed::Anew)?;
    let mut right = found.next().map_err(Failed::Evidence)?;
    loop {
        let order = match (&left, &right) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(left), Some(right)) => order(left, right, 0..keys).map_err(Failed::Evidence)?,
        };
        let what = match (order, &left, &right) {
            (Ordering::Less, Some(left), _) => Some(("is missing", key(left, &columns[..keys]))),
            (Ordering::Greater, _, Some(right)) => Some(("is in no event", key(right, &columns[..keys]))),
            (_, Some(left), Some(right)) => {
                let same = order == Ordering::Equal
                    && self::order(left, right, keys..columns.len()).map_err(Failed::Evidence)? == Ordering::Equal;
                (!same).then(|| ("says something else than the events", key(right, &columns[..keys])))
            }
            _ => None,
        };
        if let Some((what, key)) = what {
            differing += 1;
            first.get_or_insert_with(|| format!("the row of {key} {what}"));
        }
        if order != Ordering::Greater {
            left = expected.next().map_err(Failed::Anew)?;
        }
        if order != Ordering::Less {
            right = found.next().map_err(Failed::Evidence)?;
        }
    }
    Ok(first.map(|first| match differing {
        1 => first,
        more => format!("{more} rows differ; {first}"),
    }))
}

/// The columns of a table, those of its key first, and how many these are.
fn columns_and_keys(db: &Connection, table: &str) -> rusqlite::Result<(Vec<String>, usize)> {
    let mut statement = db.prepare(&format!(
        "SELECT name, pk FROM pragma_table_info('{table}') ORDER BY pk = 0, pk, cid"
    ))?;
    let columns = statement
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let keys = columns.iter().filter(|(_, key)| *key > 0).count();
    Ok((columns.into_iter().map(|(name, _)| name).collect(), keys))
}

/// How two rows stand to each other in these columns. Types differ before values do, as in `SQLite`.
fn order(left: &Row<'_>, right: &Row<'_>, columns: std::ops::Range<usize>) -> rusqlite::Result<Ordering> {
    for column in columns {
        let order = compare_values(left.get_ref(column)?, right.get_ref(column)?);
        if order != Ordering::Equal {
            return Ok(order);
        }
    }
    Ok(Ordering::Equal)
}

fn compare_values(left: ValueRef<'_>, right: ValueRef<'_>) -> Ordering {
    let rank = |value: ValueRef<'_>| match value {
        ValueRef::Null => 0,
        ValueRef::Integer(_) => 1,
        ValueRef::Real(_) => 2,
        ValueRef::Text(_) => 3,
        ValueRef::Blob(_) => 4,
    };
    match (left, right) {
        (ValueRef::Integer(left), ValueRef::Integer(right)) => left.cmp(&right),
        (ValueRef::Real(left), ValueRef::Real(right)) => left.total_cmp(&right),
        (ValueRef::Text(left), ValueRef::Text(right)) | (ValueRef::Blob(left), ValueRef::Blob(right)) => {
            left.cmp(right)
        }
        _ => rank(left).cmp(&rank(right)),
    }
}

/// `job 1, action 3`.
fn key(row: &Row<'_>, columns: &[String]) -> String {
    let part = |(index, name): (usize, &String)| {
        let value = match row.get::<_, Value>(index) {
            Ok(Value::Integer(number)) => number.to_string(),
            Ok(Value::Text(text)) => text,
            _ => "?".to_owned(),
        };
        format!("{name} {value}")
    };
    columns.iter().enumerate().map(part).collect::<Vec<_>>().join(", ")
}
