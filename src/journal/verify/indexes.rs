//! Whether the indexes of the record hold what its tables do, and hold it in order.
//!
//! `SQLite`'s own check looks each row up in each index, at random places of a large file, and works out the generated columns of every
//! event on the way: it takes most of the time of a verification. Here each index is read once, from its beginning to its end, and
//! compared by a sum with what the pass over the tables met. Where something is wrong, [`super::file`] lets `SQLite` say what.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::journal::event::{Body, Event};

/// The indexes, with the statement that reads each in its own order: its columns, then the number of the row.
///
/// A partial index holds no NULL, and where it did, `quick_check` would find more entries than rows.
const INDEXES: &[(Index, &str)] = &[
    (
        Index::EventByJob,
        "SELECT job, kind, seq FROM event INDEXED BY event_by_job",
    ),
    (
        Index::EventByWorkflow,
        "SELECT workflow, seq FROM event INDEXED BY event_by_workflow WHERE workflow IS NOT NULL",
    ),
    (
        Index::EventByUser,
        "SELECT user, seq FROM event INDEXED BY event_by_user WHERE user IS NOT NULL",
    ),
    (
        Index::PersonalByCommitment,
        "SELECT commitment, rowid FROM personal INDEXED BY sqlite_autoindex_personal_1",
    ),
    (
        Index::PersonalByUser,
        "SELECT user, rowid FROM personal INDEXED BY personal_by_user WHERE user IS NOT NULL",
    ),
];

/// An index of the record.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub(crate) enum Index {
    EventByJob,
    EventByWorkflow,
    EventByUser,
    PersonalByCommitment,
    PersonalByUser,
}

/// A sum over entries that does not depend on their order. Its terms are keyed hashes, and the key is made anew in each process: nobody
/// can make two collections that have the same.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Sum {
    entries: u64,
    hashes: u64,
}

/// The entries that each index has to have, or has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entries {
    key: RandomState,
    sums: BTreeMap<Index, Sum>,
    /// Where an entry is put together.
    entry: Vec<u8>,
    /// Whether there was an event that cannot be told the entries of. It is a finding of its own.
    are_unknown: bool,
}

impl Entries {
    /// No entries yet. Only what has the same key can be compared.
    pub(crate) fn keyed(key: &RandomState) -> Self {
        Self {
            key: key.clone(),
            ..Self::default()
        }
    }

    /// What the indexes of a database hold; none when one of them is not in order.
    pub(crate) fn of(db: &Connection, key: &RandomState) -> rusqlite::Result<Option<Self>> {
        let mut found = Self::keyed(key);
        for (index, sql) in INDEXES {
            if !found.add_all(db, *index, sql)? {
                return Ok(None);
            }
        }
        Ok(Some(found))
    }

    /// With those of another table.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.are_unknown |= other.are_unknown;
        self.sums.extend(other.sums);
        self
    }

    /// Whether an index has these entries and no others.
    pub(crate) fn are(&self, found: &Self) -> bool {
        !self.are_unknown && self.sums == found.sums
    }

    fn add(&mut self, index: Index, entry: &[u8]) {
        let sum = self.sums.entry(index).or_default();
        sum.entries += 1;
        sum.hashes = sum.hashes.wrapping_add(self.key.hash_one(entry));
    }

    /// The entries of an event.
    pub(crate) fn add_event(&mut self, seq: i64, body: Option<&Body<'_>>, event: Option<&Event>) {
        let (Some(body), Some(event)) = (body, event) else {
            self.are_unknown = true;
            return;
        };
        let mut entry = std::mem::take(&mut self.entry);
        let mut add = |index, values: &[ValueRef<'_>]| {
            encode(values.iter().copied(), &mut entry);
            self.add(index, &entry);
        };
        let seq = ValueRef::Integer(seq);
        let job = body.job.map(|job| ValueRef::Integer(i64::from(job.0)));
        let kind = ValueRef::Text(body.kind.as_bytes());
        add(Index::EventByJob, &[job.unwrap_or(ValueRef::Null), kind, seq]);
        if let Some(workflow) = event.workflow() {
            add(
                Index::EventByWorkflow,
                &[ValueRef::Text(workflow.as_str().as_bytes()), seq],
            );
        }
        if let Some(user) = event.user() {
            add(Index::EventByUser, &[ValueRef::Integer(i64::from(user.0)), seq]);
        }
        self.entry = entry;
    }

    /// The entries of a row of `personal`.
    pub(crate) fn add_personal(&mut self, rowid: i64, commitment: ValueRef<'_>, user: ValueRef<'_>) {
        let mut entry = std::mem::take(&mut self.entry);
        let rowid = ValueRef::Integer(rowid);
        encode([commitment, rowid].into_iter(), &mut entry);
        self.add(Index::PersonalByCommitment, &entry);
        if user != ValueRef::Null {
            encode([user, rowid].into_iter(), &mut entry);
            self.add(Index::PersonalByUser, &entry);
        }
        self.entry = entry;
    }

    /// Adds what an index holds. Gives whether it is in order.
    fn add_all(&mut self, db: &Connection, index: Index, sql: &str) -> rusqlite::Result<bool> {
        let mut statement = db.prepare(sql)?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        let (mut before, mut here) = (Vec::new(), Vec::new());
        while let Some(row) = rows.next()? {
            encode(
                (0..columns).map(|column| row.get_ref(column).unwrap_or(ValueRef::Null)),
                &mut here,
            );
            if before >= here {
                return Ok(false);
            }
            self.add(index, &here);
            std::mem::swap(&mut before, &mut here);
        }
        Ok(true)
    }
}

/// The values of an entry as bytes that are in the order in which `SQLite` keeps them: NULL before numbers before text before blobs
/// (<https://www.sqlite.org/datatype3.html>, section 4.1).
fn encode<'v>(values: impl Iterator<Item = ValueRef<'v>>, entry: &mut Vec<u8>) {
    /// What ends a text, and is not in one.
    const END: [u8; 2] = [0, 0];
    const ZERO: [u8; 2] = [0, 1];
    entry.clear();
    for value in values {
        let (rank, bytes) = match value {
            ValueRef::Null => (0, &[][..]),
            ValueRef::Integer(number) => {
                entry.push(1);
                // With the sign turned over, greater numbers are greater bytes.
                entry.extend((number ^ i64::MIN).to_be_bytes());
                continue;
            }
            // There is none in an index of ours.
            ValueRef::Real(number) => {
                entry.push(2);
                entry.extend(number.to_be_bytes());
                continue;
            }
            ValueRef::Text(bytes) => (3, bytes),
            ValueRef::Blob(bytes) => (4, bytes),
        };
        entry.push(rank);
        for byte in bytes {
            match byte {
                0 => entry.extend(ZERO),
                other => entry.push(*other),
            }
        }
        entry.extend(END);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rusqlite::types::Value;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::Integer),
            "[\\x00-\\x02a-c]{0,4}".prop_map(Value::Text),
        ]
    }

    #[test]
    fn an_index_is_in_order_only_when_each_entry_is_greater_than_the_one_before() {
        let db = Connection::open_in_memory().unwrap();
        for (sql, is_in_order) in [
            ("VALUES (1, 7), (2, 3), (2, 4)", true),
            ("VALUES (2, 3), (1, 7)", false),
            ("VALUES (1, 7), (1, 7)", false),
        ] {
            let mut entries = Entries::keyed(&RandomState::new());
            assert_eq!(
                entries.add_all(&db, Index::EventByUser, sql).unwrap(),
                is_in_order,
                "{sql}"
            );
        }
    }

    proptest! {
        #[test]
        fn encoded_entries_are_in_the_order_of_sqlite(left in (value(), value()), right in (value(), value())) {
            let db = Connection::open_in_memory().unwrap();
            let order: Vec<i64> = db
                .prepare("SELECT n FROM (SELECT 1 AS n, ?1 AS a, ?2 AS b UNION ALL SELECT 2, ?3, ?4) ORDER BY a, b, n")
                .unwrap()
                .query_map([&left.0, &left.1, &right.0, &right.1], |row| row.get(0))
                .unwrap()
                .collect::<rusqlite::Result<_>>()
                .unwrap();
            let bytes = |(a, b): &(Value, Value)| {
                let mut entry = Vec::new();
                encode([ValueRef::from(a), ValueRef::from(b)].into_iter(), &mut entry);
                entry
            };
            let ours = if bytes(&right) < bytes(&left) { vec![2, 1] } else { vec![1, 2] };
            prop_assert_eq!(order, ours);
        }
    }
}
