//! Reading the events as they were recorded, in order, some or all of them.
//!
//! A portion at a time, so that a million events need no more memory than a few, and no reader holds the write-ahead log while whoever
//! reads its output thinks.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use rusqlite::{OptionalExtension as _, named_params};

use super::event::Envelope;
use super::tree::Hash;
use super::{JournalError, Recorded, View};
use crate::domain::{ActionId, JobId, RowNumber, RunId, UserId, WorkflowId};
use crate::personal::Personal;

/// Events read at once.
const PORTION: u32 = 500;

/// Which events; those that fit everything that is set.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// Of this job.
    pub job: Option<JobId>,
    /// Of this run.
    pub run: Option<RunId>,
    /// That name this workflow, or an action on it.
    pub workflow: Option<WorkflowId>,
    /// Of one of these kinds; none: of every kind.
    pub kinds: Vec<String>,
    /// Recorded at this time or later, as an event's `at` is written.
    pub since: Option<String>,
    /// Recorded before this time.
    pub until: Option<String>,
    /// About this person.
    pub person: Option<Person>,
}

/// Where a person occurs.
#[derive(Clone, Debug, Default)]
pub struct Person {
    /// Accounts: one, or, where an address was given to several, each.
    pub users: BTreeSet<UserId>,
    /// Rows of rosters.
    pub rows: BTreeSet<(JobId, RowNumber)>,
    /// Actions on workflows that wait for them.
    pub actions: BTreeSet<(JobId, ActionId)>,
}

impl Person {
    fn is_in(&self, envelope: &Envelope) -> bool {
        let event = &envelope.event;
        let action = envelope.job.zip(event.action());
        event.users().iter().any(|user| self.users.contains(user))
            || event.rows(envelope.job).iter().any(|row| self.rows.contains(row))
            || action.is_some_and(|action| self.actions.contains(&action))
    }
}

/// An event as it was recorded, with its personal values.
#[derive(Clone, Debug)]
pub struct Logged {
    /// Its number.
    pub seq: u64,
    /// Its leaf hash, as stored.
    pub leaf: Hash,
    /// Canonical JSON, as hashed.
    pub body: String,
    /// What the body says.
    pub envelope: Envelope,
    /// Its personal values by commitment; none where one was erased.
    pub values: BTreeMap<String, Option<Personal>>,
}

impl Logged {
    /// A personal value of the event; none once it was erased.
    pub fn value(&self, recorded: &Recorded) -> Option<&Personal> {
        self.values.get(recorded.commitment()?)?.as_ref()
    }
}

impl View<'_> {
    /// Hands over the events that fit, in order, until it is told to stop.
    ///
    /// # Errors
    /// When the database cannot be read, or holds what is no event.
    pub fn each_event(
        &self,
        search: &Search,
        mut take: impl FnMut(&Logged) -> ControlFlow<()>,
    ) -> Result<(), JournalError> {
        let mut next = 0;
        loop {
            let portion = self.portion(search, next)?;
            for (seq, body, leaf) in &portion {
                next = seq + 1;
                let envelope = Envelope::read(body)?;
                if search.person.as_ref().is_some_and(|person| !person.is_in(&envelope)) {
                    continue;
                }
                let logged = Logged {
                    seq: seq.unsigned_abs(),
                    leaf: *leaf,
                    body: body.clone(),
                    values: self.values(&envelope)?,
                    envelope,
                };
                if take(&logged).is_break() {
                    return Ok(());
                }
            }
            if portion.len() < PORTION as usize {
                return Ok(());
            }
        }
    }

    fn portion(self, search: &Search, next: i64) -> Result<Vec<(i64, String, Hash)>, JournalError> {
        let kinds = (!search.kinds.is_empty()).then(|| format!(",{},", search.kinds.join(",")));
        self.list(
            "SELECT e.seq, e.body, e.leaf FROM event e
             WHERE e.seq >= :next
                 AND (:job IS NULL OR e.job = :job)
                 AND (:run IS NULL OR e.run = :run)
                 AND (:kinds IS NULL OR instr(:kinds, ',' || e.kind || ','))
                 AND (:since IS NULL OR e.at >= :since)
                 AND (:until IS NULL OR e.at < :until)
                 AND (:workflow IS NULL OR e.workflow = :workflow
                     OR (e.action IS NOT NULL AND EXISTS (
                         SELECT 1 FROM event p WHERE p.workflow = :workflow AND p.kind = 'action_planned'
                             AND p.job = e.job AND p.action = e.action))
                     OR (e.kind = 'job_closed' AND EXISTS (
                         SELECT 1 FROM json_each(e.body, '$.data.relisted') WHERE value = :workflow)))
             ORDER BY e.seq LIMIT :portion",
            named_params! {
                ":next": next,
                ":job": search.job.map(|job| job.0),
                ":run": search.run.map(|run| run.0),
                ":kinds": kinds,
                ":since": search.since,
                ":until": search.until,
                ":workflow": search.workflow.as_ref().map(WorkflowId::as_str),
                ":portion": PORTION,
            },
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
    }

    fn values(self, envelope: &Envelope) -> Result<BTreeMap<String, Option<Personal>>, JournalError> {
        let mut values = BTreeMap::new();
        for (recorded, _) in envelope.event.personal_values() {
            let Some(commitment) = recorded.commitment() else {
                continue;
            };
            let value: Option<Option<String>> = self
                .db
                .prepare_cached("SELECT value FROM personal WHERE commitment = ?1")?
                .query_row([commitment], |row| row.get(0))
                .optional()?;
            values.insert(commitment.to_owned(), value.flatten().map(Personal::new));
        }
        Ok(values)
    }

    /// Where a person occurs, by the number of their account, or by an e-mail address that fits.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn person(&self, user: Option<UserId>, is_address: impl Fn(&str) -> bool) -> Result<Person, JournalError> {
        let mut person = Person {
            users: user.into_iter().collect(),
            ..Person::default()
        };
        let fits = |address: Option<String>| address.is_some_and(|address| is_address(&address));
        let accounts = self.list(
            "SELECT DISTINCT u.user, p.value FROM user u JOIN personal p ON p.commitment = u.email_personal",
            [],
            |row| Ok((UserId(row.get(0)?), row.get(1)?)),
        )?;
        person.users.extend(
            accounts
                .into_iter()
                .filter_map(|(user, address)| fits(address).then_some(user)),
        );
        let rows = self.list(
            "SELECT r.job, r.row, r.id, r.user, p.value
             FROM roster_row r LEFT JOIN personal p ON p.commitment = r.email_personal ORDER BY r.job, r.row",
            [],
            |row| {
                let place = (JobId(row.get(0)?), RowNumber(row.get(1)?));
                let users: [Option<u32>; 2] = [row.get(2)?, row.get(3)?];
                Ok((place, users.map(|user| user.map(UserId)), row.get(4)?))
            },
        )?;
        let rows: Vec<_> = rows
            .into_iter()
            .map(|(place, users, address)| (place, users, fits(address)))
            .collect();
        // An account without an address may have been found for a row with one.
        let found = rows.iter().filter(|(.., has_address)| *has_address);
        person.users.extend(found.filter_map(|(_, [_, user], _)| *user));
        for (place, users, has_address) in rows {
            let is_theirs = users.iter().flatten().any(|user| person.users.contains(user));
            if has_address || is_theirs {
                person.rows.insert(place);
            }
        }
        for user in &person.users {
            person.actions.extend(self.list(
                "SELECT job, action FROM participant WHERE user = ?1",
                [user.0],
                |row| Ok((JobId(row.get(0)?), ActionId(row.get(1)?))),
            )?);
        }
        Ok(person)
    }
}
