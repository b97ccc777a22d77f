//! Questions about the events themselves: what happened to a job in order, where each event stands in the record, what was erased and
//! when, and the checkpoint that covers a job. Tables answer how things stand; these answer how they came about.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension as _, params};

use super::event::{Envelope, Event};
use super::personal::Recorded;
use super::view::View;
use super::{JournalError, fold};
use crate::domain::{JobId, RowNumber, RunId, TaskId, UserId, WorkflowId};
use crate::hex::hex;
use crate::personal::Personal;

/// An event, and where it stands in the record.
#[derive(Clone, Debug)]
pub struct Told {
    /// Its sequence number.
    pub seq: u64,
    /// Its leaf hash, 64 hexadecimal digits.
    pub leaf: String,
    /// When: UTC, RFC 3339.
    pub at: String,
    /// The run that recorded it.
    pub run: Option<RunId>,
    /// The event.
    pub event: Event,
}

/// A personal value behind a commitment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Value {
    /// It is there.
    There(Personal),
    /// It was erased; when, where an event says so.
    Erased(Option<String>),
}

/// What was erased, and when.
#[derive(Clone, Debug, Default)]
pub struct Erasures {
    users: BTreeMap<UserId, String>,
    rows: BTreeMap<(JobId, RowNumber), String>,
    values: BTreeMap<String, String>,
}

impl Erasures {
    /// When the values about a user were erased.
    pub fn of_user(&self, user: UserId) -> Option<&str> {
        self.users.get(&user).map(String::as_str)
    }

    /// When the values of a row were erased.
    pub fn of_row(&self, job: JobId, row: RowNumber) -> Option<&str> {
        self.rows.get(&(job, row)).map(String::as_str)
    }

    /// Whether nothing ever was.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.rows.is_empty() && self.values.is_empty()
    }

    /// A row of a job whose values were erased.
    pub fn row_of(&self, job: JobId) -> Option<RowNumber> {
        let mut rows = self.rows.keys().filter(|(of, _)| *of == job);
        rows.next().map(|(_, row)| *row)
    }

    /// When this one value was erased, by name or with all that is about its user.
    fn of_value(&self, commitment: &str, about: Option<UserId>) -> Option<String> {
        let by_name = self.values.get(commitment);
        by_name
            .or_else(|| about.and_then(|user| self.users.get(&user)))
            .cloned()
    }
}

/// The titles of a job that were erased, and when where an event says so.
#[derive(Clone, Debug, Default)]
pub struct ErasedTitles {
    /// Of tasks, as each of their users had them.
    pub tasks: BTreeMap<(TaskId, UserId), Option<String>>,
    /// Of documents.
    pub documents: BTreeMap<WorkflowId, Option<String>>,
}

/// A checkpoint as recorded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CheckpointRecord {
    /// Number of events that it covers.
    pub size: u64,
    /// The signed note.
    pub note: String,
}

fn unsigned(number: i64) -> u64 {
    number.unsigned_abs()
}

impl View<'_> {
    /// From here on, until the file is closed, every question is answered as of one moment, whatever a run records meanwhile.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn hold(&self) -> Result<(), JournalError> {
        Ok(self.db.execute_batch("BEGIN")?)
    }

    /// The events of a job that are of these kinds, in order.
    ///
    /// # Errors
    /// When the database cannot be read or an event cannot be decoded.
    pub fn told(&self, job: JobId, kinds: &[&str]) -> Result<Vec<Told>, JournalError> {
        let kinds = serde_json::to_string(kinds)?;
        let mut statement = self.db.prepare_cached(
            "SELECT seq, leaf, body FROM event
             WHERE job = ?1 AND kind IN (SELECT value FROM json_each(?2)) ORDER BY seq",
        )?;
        let mut rows = statement.query(params![job.0, kinds])?;
        let mut told = Vec::new();
        while let Some(row) = rows.next()? {
            let leaf: [u8; 32] = row.get(1)?;
            let envelope = Envelope::read(row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?)?;
            told.push(Told {
                seq: unsigned(row.get(0)?),
                leaf: hex(&leaf),
                at: envelope.at,
                run: envelope.run,
                event: envelope.event,
            });
        }
        Ok(told)
    }

    /// The last event of a job: its sequence number and its leaf hash.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn last_event(&self, job: JobId) -> Result<Option<(u64, String)>, JournalError> {
        Ok(self
            .db
            .query_row(
                "SELECT seq, leaf FROM event WHERE job = ?1 ORDER BY seq DESC LIMIT 1",
                [job.0],
                |row| Ok((unsigned(row.get(0)?), hex(&row.get::<_, [u8; 32]>(1)?))),
            )
            .optional()?)
    }

    /// The value of a field of an event.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn value(&self, recorded: Option<&Recorded>, erasures: &Erasures) -> Result<Option<Value>, JournalError> {
        let Some(commitment) = fold::sealed(recorded) else {
            return Ok(None);
        };
        let row: Option<(Option<String>, Option<u32>)> = self
            .db
            .prepare_cached("SELECT value, user FROM personal WHERE commitment = ?1")?
            .query_row([commitment], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let (value, about) = row.unwrap_or_default();
        Ok(Some(match value {
            Some(value) => Value::There(Personal::new(value)),
            None => Value::Erased(erasures.of_value(commitment, about.map(UserId))),
        }))
    }

    /// What was erased from this database, and when.
    ///
    /// # Errors
    /// When the database cannot be read or an event cannot be decoded.
    pub fn erasures(&self) -> Result<Erasures, JournalError> {
        let mut erasures = Erasures::default();
        for (_, envelope) in self.own_events(&["personal_redacted"])? {
            let Event::PersonalRedacted(event) = envelope.event else {
                continue;
            };
            // The first erasure is the one that took the value away.
            let at = envelope.at;
            if let Some(user) = event.user {
                erasures.users.entry(user).or_insert_with(|| at.clone());
            }
            for row in event.rows {
                erasures.rows.entry(row).or_insert_with(|| at.clone());
            }
            for value in event.also {
                erasures.values.entry(value).or_insert_with(|| at.clone());
            }
        }
        Ok(erasures)
    }

    /// The titles of a job that were erased.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn erased_titles(&self, job: JobId, erasures: &Erasures) -> Result<ErasedTitles, JournalError> {
        let tasks = self.list(
            "SELECT t.task, t.user, n.commitment, n.user AS about
             FROM task t JOIN personal n ON n.commitment = t.name_personal
             WHERE t.job = ?1 AND n.value IS NULL",
            [job.0],
            |row| {
                let about = row.get::<_, Option<u32>>("about")?.map(UserId);
                let commitment: String = row.get("commitment")?;
                let place = (TaskId(row.get("task")?), UserId(row.get("user")?));
                Ok((place, erasures.of_value(&commitment, about)))
            },
        )?;
        let documents = self.list(
            "SELECT w.workflow, d.commitment, d.user AS about
             FROM workflow w JOIN personal d ON d.commitment = w.document_personal
             WHERE w.job = ?1 AND d.value IS NULL",
            [job.0],
            |row| {
                let about = row.get::<_, Option<u32>>("about")?.map(UserId);
                let commitment: String = row.get("commitment")?;
                Ok((row.get::<_, String>("workflow")?, erasures.of_value(&commitment, about)))
            },
        )?;
        let mut titles = ErasedTitles {
            tasks: tasks.into_iter().collect(),
            documents: BTreeMap::new(),
        };
        for (workflow, at) in documents {
            if let Ok(workflow) = workflow.parse() {
                titles.documents.insert(workflow, at);
            }
        }
        Ok(titles)
    }

    /// The oldest checkpoint that covers an event; where there is none yet, the newest.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn checkpoint_over(&self, seq: u64) -> Result<Option<CheckpointRecord>, JournalError> {
        // A file that an earlier version wrote has none.
        if !self.has_checkpoints()? {
            return Ok(None);
        }
        let checkpoint = self.list(
            "SELECT size, note FROM checkpoint
             ORDER BY size <= ?1, CASE WHEN size > ?1 THEN size ELSE -size END LIMIT 1",
            [i64::try_from(seq).unwrap_or(i64::MAX)],
            |row| {
                Ok(CheckpointRecord {
                    size: unsigned(row.get("size")?),
                    note: row.get("note")?,
                })
            },
        )?;
        Ok(checkpoint.into_iter().next())
    }
}
