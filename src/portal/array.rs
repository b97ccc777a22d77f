//! One question about many things: a condition that takes an array.
//!
//! That arrays are honoured is documented for users, and read from the source for tasks and workflows (protocol sections 2, 3 and 5.3). A
//! portal that does not honour them must cost requests and nothing else, so each answer proves itself: rows are taken for what
//! they are about, rows about something else void the whole answer, a full page is asked for again in halves, and that
//! something is *not* there is believed only where the first and the last thing of the same array were listed. What stays
//! unknown is asked for by itself.
//!
//! Pure, but for what [`Connection`] keeps of what was learned.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::connection::Connection;
use super::decode::{InstanceRow, Row, TaskRow, UserRow, rows};
use super::listing::{
    Answered, Comparing, TaskScope, instances_question, is_waiting, users_question, workflow_tasks_question,
};
use super::method::ReadMethod;
use super::patient::Question;
use crate::domain::{UserId, WorkflowId};
use crate::personal::Personal;

/// The most rows that an array's answer may be expected to have: a full page of 50 may not be all.
pub(super) const ROWS_MAX: usize = 49;

/// Rows of a page.
const PAGE_ROWS: usize = 50;

/// The most things in one array: PHP reads 1,000 parameters of a command (protocol section 7).
const ITEMS_MAX: usize = 200;

/// What is known of a method's arrays on this portal.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Arrays {
    /// None was answered yet.
    #[default]
    Unknown,
    /// The first and the last thing of one were listed.
    Honoured,
    /// One was answered with other rows, or without rows that are there.
    Ignored,
}

/// Things of one kind, and the question about many of them.
pub(super) trait Many: Send {
    /// What is asked about.
    type Item: Clone + Send;
    /// What comes.
    type Row: Clone + Send;

    /// The method.
    const METHOD: ReadMethod;

    /// What is asked, without personal values.
    fn asked(&self) -> &'static str;

    /// The parameters of the question about these.
    fn parameters(&self, items: &[&Self::Item]) -> Value;

    /// A row; none when it cannot be read, or is not what the question's other conditions say.
    fn read(&self, row: Row<'_>) -> Option<Self::Row>;

    /// Whether a row is about a thing.
    fn is_about(&self, row: &Self::Row, item: &Self::Item) -> bool;

    /// Whether a row that is about none of the things can be there all the same.
    fn is_collated(&self, _row: &Self::Row, _items: &[&Self::Item]) -> bool {
        false
    }
}

/// What asks in rounds: questions, and their answers in the same order, none where none came.
pub(super) trait Rounds: Send {
    /// The next questions; none when all is asked.
    fn questions(&self) -> Vec<Question>;

    /// Takes the answers to these questions.
    fn take(&mut self, connection: &Connection, answers: &[Option<Answered>]);
}

/// Takes the answers to the questions of all of these, in their order.
pub(super) fn take_all(rounds: &mut [&mut dyn Rounds], connection: &Connection, mut answers: &[Option<Answered>]) {
    for asking in rounds {
        let (own, rest) = answers.split_at(asking.questions().len().min(answers.len()));
        asking.take(connection, own);
        answers = rest;
    }
}

/// Things, each with its rows where they are known.
pub(super) type Found<M> = Vec<(<M as Many>::Item, Option<Vec<<M as Many>::Row>>)>;

/// Many things that are being asked about.
pub(super) struct Sweep<M: Many> {
    many: M,
    items: Vec<M::Item>,
    /// What is known of each; none as long as nothing is.
    found: Vec<Option<Vec<M::Row>>>,
    /// What is asked for together next.
    chunks: Vec<Vec<usize>>,
    /// What an array's answer left out. Arrays are not honoured if it comes up when it is asked for by itself.
    left_out: BTreeSet<usize>,
}

impl<M: Many> Sweep<M> {
    /// Things with the number of rows that each of them is expected to have.
    pub(super) fn new(many: M, items: Vec<(M::Item, usize)>, arrays: Arrays) -> Self {
        let mut chunks: Vec<Vec<usize>> = Vec::new();
        let mut room = 0;
        for (index, (_, rows)) in items.iter().enumerate() {
            match chunks.last_mut() {
                Some(chunk) if *rows <= room && chunk.len() < ITEMS_MAX => {
                    room -= rows;
                    chunk.push(index);
                }
                _ => {
                    room = ROWS_MAX.saturating_sub(*rows);
                    chunks.push(vec![index]);
                }
            }
        }
        if arrays == Arrays::Ignored {
            chunks.clear();
        }
        Self {
            many,
            found: vec![None; items.len()],
            items: items.into_iter().map(|(item, _)| item).collect(),
            chunks,
            left_out: BTreeSet::new(),
        }
    }

    fn chosen(&self, chunk: &[usize]) -> Vec<&M::Item> {
        chunk.iter().map(|index| &self.items[*index]).collect()
    }

    fn read(&self, chunk: &[usize], answered: &Answered) -> Read<M::Row> {
        let Ok(rows) = rows(&answered.result) else {
            return Read::Ignored;
        };
        let items = self.chosen(chunk);
        let mut found = vec![Vec::new(); items.len()];
        for row in &rows {
            let Some(row) = self.many.read(*row) else {
                return Read::Ignored;
            };
            let about = items
                .iter()
                .zip(&mut found)
                .filter(|(item, _)| self.many.is_about(&row, item));
            let mut is_asked = false;
            for (_, rows) in about {
                is_asked = true;
                rows.push(row.clone());
            }
            if !is_asked && !self.many.is_collated(&row, &items) {
                return Read::Ignored;
            }
        }
        if rows.len() >= PAGE_ROWS {
            return Read::Full;
        }
        Read::Rows(found)
    }

    /// Believes that what was left out is not there, where another array of this process proved that arrays are honoured. For what was
    /// established before, and is only looked at once more.
    pub(super) fn believe(&mut self, connection: &Connection) {
        if connection.arrays(M::METHOD) == Arrays::Honoured {
            for index in std::mem::take(&mut self.left_out) {
                self.found[index] = Some(Vec::new());
            }
        }
    }

    /// What has to be asked for by itself.
    pub(super) fn unknown(&self) -> Vec<usize> {
        (0..self.items.len())
            .filter(|index| self.found[*index].is_none())
            .collect()
    }

    /// A thing.
    pub(super) fn item(&self, index: usize) -> &M::Item {
        &self.items[index]
    }

    /// Takes what came of one that was asked for by itself.
    pub(super) fn alone(&mut self, connection: &Connection, index: usize, rows: Vec<M::Row>) {
        if self.left_out.contains(&index) && !rows.is_empty() {
            connection.learned(M::METHOD, Arrays::Ignored);
        }
        self.found[index] = Some(rows);
    }

    /// Each thing with what is known of it.
    pub(super) fn into_found(self) -> Found<M> {
        self.items.into_iter().zip(self.found).collect()
    }
}

impl<M: Many> Rounds for Sweep<M> {
    fn questions(&self) -> Vec<Question> {
        self.chunks
            .iter()
            .map(|chunk| Question {
                method: M::METHOD,
                parameters: self.many.parameters(&self.chosen(chunk)),
                asked: self.many.asked().to_owned(),
                is_attempt: true,
            })
            .collect()
    }

    fn take(&mut self, connection: &Connection, answers: &[Option<Answered>]) {
        for (chunk, answered) in std::mem::take(&mut self.chunks).into_iter().zip(answers) {
            let Some(answered) = answered else { continue };
            match self.read(&chunk, answered) {
                Read::Ignored => connection.learned(M::METHOD, Arrays::Ignored),
                // One thing with many rows has a list of its own.
                Read::Full if chunk.len() == 1 => {}
                Read::Full => {
                    let (one, other) = chunk.split_at(chunk.len() / 2);
                    self.chunks.extend([one.to_vec(), other.to_vec()]);
                }
                Read::Rows(mut found) => {
                    let ends = [found.first(), found.last()];
                    let proven = chunk.len() == 1 || ends.into_iter().flatten().all(|rows| !rows.is_empty());
                    if proven && chunk.len() > 1 && connection.arrays(M::METHOD) == Arrays::Unknown {
                        connection.learned(M::METHOD, Arrays::Honoured);
                    }
                    for (index, rows) in chunk.iter().zip(&mut found) {
                        if proven || !rows.is_empty() {
                            self.found[*index] = Some(std::mem::take(rows));
                        } else {
                            self.left_out.insert(*index);
                        }
                    }
                }
            }
        }
        if connection.arrays(M::METHOD) == Arrays::Ignored {
            self.chunks.clear();
        }
    }
}

/// What an array's answer is.
enum Read<R> {
    /// There may be more.
    Full,
    /// It is not about what was asked.
    Ignored,
    /// The rows of each thing.
    Rows(Vec<Vec<R>>),
}

/// Workflows, running or not.
pub(super) struct Instances;

impl Many for Instances {
    type Item = WorkflowId;
    type Row = InstanceRow;

    const METHOD: ReadMethod = ReadMethod::Instances;

    fn asked(&self) -> &'static str {
        "the question for many workflows"
    }

    fn parameters(&self, items: &[&WorkflowId]) -> Value {
        instances_question(&one_or_all(items))
    }

    fn read(&self, row: Row<'_>) -> Option<InstanceRow> {
        row.instance().ok()
    }

    fn is_about(&self, row: &InstanceRow, item: &WorkflowId) -> bool {
        row.id == *item
    }
}

/// The tasks of workflows.
pub(super) struct Tasks(pub(super) TaskScope);

impl Many for Tasks {
    type Item = WorkflowId;
    type Row = TaskRow;

    const METHOD: ReadMethod = ReadMethod::TaskList;

    fn asked(&self) -> &'static str {
        "the question for the tasks of many workflows"
    }

    fn parameters(&self, items: &[&WorkflowId]) -> Value {
        workflow_tasks_question(&self.0.filter(&one_or_all(items)), -1)
    }

    fn read(&self, row: Row<'_>) -> Option<TaskRow> {
        row.task()
            .ok()
            .filter(|row| self.0 == TaskScope::All || is_waiting(row))
    }

    fn is_about(&self, row: &TaskRow, item: &WorkflowId) -> bool {
        row.workflow == *item
    }
}

/// Users by number.
pub(super) struct UsersById;

impl Many for UsersById {
    type Item = UserId;
    type Row = UserRow;

    const METHOD: ReadMethod = ReadMethod::UserGet;

    fn asked(&self) -> &'static str {
        "the question for many users"
    }

    fn parameters(&self, items: &[&UserId]) -> Value {
        // The literal `ID` finds people whom `=ID` does not (protocol section 2.1).
        users_question(&json!({"ID": one_or_all(items)}))
    }

    fn read(&self, row: Row<'_>) -> Option<UserRow> {
        row.user().ok()
    }

    fn is_about(&self, row: &UserRow, item: &UserId) -> bool {
        row.id == *item
    }
}

/// Users by e-mail address.
pub(super) struct UsersByEmail(pub(super) Comparing);

impl Many for UsersByEmail {
    type Item = Personal;
    type Row = UserRow;

    const METHOD: ReadMethod = ReadMethod::UserGet;

    fn asked(&self) -> &'static str {
        "the question for many users by e-mail"
    }

    fn parameters(&self, items: &[&Personal]) -> Value {
        let emails: Vec<&str> = items.iter().map(|email| email.expose()).collect();
        users_question(&json!({"=EMAIL": one_or_all(&emails)}))
    }

    fn read(&self, row: Row<'_>) -> Option<UserRow> {
        row.user().ok()
    }

    fn is_about(&self, row: &UserRow, item: &Personal) -> bool {
        let email = row.email.as_ref().map_or("", Personal::expose);
        (self.0.same)(item.expose(), email)
    }

    fn is_collated(&self, row: &UserRow, items: &[&Personal]) -> bool {
        let email = row.email.as_ref().map_or("", Personal::expose);
        items.iter().any(|item| (self.0.loosely_same)(item.expose(), email))
    }
}

/// One thing is no array, and needs no proof that arrays are honoured.
fn one_or_all<T: serde::Serialize>(items: &[T]) -> Value {
    match items {
        [one] => json!(one),
        many => json!(many),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Said, Server, ok_batch};
    use super::*;

    /// What a portal makes of an array of ids.
    type Portal = fn(&[&str]) -> Vec<String>;

    fn row(id: &str) -> Value {
        json!({"ID": id, "STARTED_BY": "7"})
    }

    /// What becomes of the ids 1 to 4, of which 1, 2 and 4 are listed.
    fn swept(portal: Portal) -> (Vec<Option<bool>>, Arrays) {
        let server = Server::start(|_, arrived| ok_batch(arrived, |_| Said::Nothing));
        let (connection, _) = server.connection();
        let ids: Vec<(WorkflowId, usize)> = (1..=4).map(|id| (format!("w.{id}").parse().unwrap(), 1)).collect();
        let mut sweep = Sweep::new(Instances, ids, Arrays::Unknown);
        while !sweep.questions().is_empty() {
            let answers: Vec<Option<Answered>> = sweep
                .questions()
                .iter()
                .map(|question| {
                    let asked = &question.parameters["FILTER"]["=ID"];
                    let asked: Vec<&str> = match asked.as_array() {
                        Some(asked) => asked.iter().filter_map(Value::as_str).collect(),
                        None => vec![asked.as_str().unwrap()],
                    };
                    let rows: Vec<Value> = portal(&asked).iter().map(|id| row(id)).collect();
                    Some(Answered {
                        result: Value::from(rows),
                        ..Answered::default()
                    })
                })
                .collect();
            sweep.take(&connection, &answers);
        }
        let found = sweep.into_found().into_iter();
        let listed = found.map(|(_, rows)| rows.map(|rows| !rows.is_empty())).collect();
        (listed, connection.arrays(ReadMethod::Instances))
    }

    fn running(ids: &[&str]) -> Vec<String> {
        let listed = ids.iter().filter(|id| **id != "w.3");
        listed.map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn what_is_left_out_between_the_first_and_the_last_is_not_there() {
        let (found, arrays) = swept(running);
        assert_eq!(found, [Some(true), Some(true), Some(false), Some(true)]);
        assert_eq!(arrays, Arrays::Honoured);
    }

    #[test]
    fn a_portal_that_takes_part_of_an_array_says_nothing_about_the_rest() {
        let cases: [(Portal, [Option<bool>; 4], Arrays); 4] = [
            (
                |ids| running(&ids[..1]),
                [Some(true), None, None, None],
                Arrays::Unknown,
            ),
            (
                |ids| running(&ids[3..]),
                [None, None, None, Some(true)],
                Arrays::Unknown,
            ),
            (|_| Vec::new(), [None; 4], Arrays::Unknown),
            (|_| vec!["w.1".to_owned(), "w.9".to_owned()], [None; 4], Arrays::Ignored),
        ];
        for (portal, found, arrays) in cases {
            assert_eq!(swept(portal), (found.to_vec(), arrays));
        }
    }

    #[test]
    fn a_full_page_is_asked_for_again_in_halves_down_to_one() {
        let (found, _) = swept(|ids| match ids {
            ["w.1"] => vec!["w.1".to_owned(); 50],
            ids if ids.contains(&"w.1") => vec!["w.1".to_owned(); 50],
            ids => running(ids),
        });
        // Of the second half the first is not listed: that is no word about it.
        assert_eq!(found, [None, Some(true), None, Some(true)]);
    }

    #[test]
    fn what_is_expected_to_fill_a_page_is_asked_for_apart() {
        let ids = (1..=100).map(|id| (UserId(id), 1)).collect();
        assert_eq!(Sweep::new(UsersById, ids, Arrays::Unknown).questions().len(), 3);
        let heavy = vec![(UserId(1), 60), (UserId(2), 25), (UserId(3), 24), (UserId(4), 1)];
        assert_eq!(Sweep::new(UsersById, heavy, Arrays::Unknown).questions().len(), 3);
        let none = vec![(UserId(1), 1), (UserId(2), 1)];
        assert_eq!(Sweep::new(UsersById, none, Arrays::Ignored).questions().len(), 0);
    }
}
