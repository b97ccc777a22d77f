//! Lists that are read page by page, each as a small machine: the next question, and what to make of its answer.
//!
//! Here every row is checked to be about what was asked, since a portal that drops a condition answers with everything
//! (protocol section 12). Paging follows each method's own rules (section 6). Not responsible for sending, nor for
//! repeating what failed.

use std::collections::HashSet;

use chrono::{DateTime, FixedOffset};
use serde_json::{Value, json};

use super::connection::WaitReason;
use super::decode::{InstanceRow, TaskRow, UserRow, number, rows};
use super::error::PortalError;
use super::method::ReadMethod;
use crate::domain::{TaskId, UserId, WorkflowId};
use crate::personal::Personal;

/// Rows on a page of every list method.
const PAGE_ROWS: usize = 50;

/// The same, as an offset.
const PAGE_OFFSET: i64 = 50;

/// How often a list that changes while it is read is begun again.
const RESTARTS_MAX: u32 = 3;

/// Whom to look for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum UserQuery {
    /// By number.
    Id(UserId),
    /// By e-mail address. Not blank.
    Email(Personal),
    /// By both names. Neither blank.
    Name {
        /// `NAME`
        first: Personal,
        /// `LAST_NAME`
        last: Personal,
    },
}

/// Which rows of a workflow's tasks to list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TaskScope {
    /// All, answered ones and finished tasks too.
    All,
    /// Those of running tasks whose people have not answered.
    Waiting,
}

impl TaskScope {
    /// The condition for the tasks of one workflow, or of an array of them.
    pub(super) fn filter(self, workflows: &Value) -> Value {
        match self {
            Self::All => json!({"WORKFLOW_ID": workflows}),
            Self::Waiting => json!({"WORKFLOW_ID": workflows, "STATUS": 0, "USER_STATUS": 0}),
        }
    }
}

/// The answer to one question.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Answered {
    /// The result.
    pub(super) result: Value,
    /// A list's number of rows.
    pub(super) total: Option<i64>,
    /// Where a list goes on.
    pub(super) next: Option<i64>,
    /// When the portal was done, by its own clock, where it was asked this alone.
    pub(super) finished: Option<DateTime<FixedOffset>>,
}

impl Answered {
    /// From an answer's members.
    pub(super) fn of(result: &Value, total: Option<&Value>, next: Option<&Value>) -> Self {
        Self {
            result: result.clone(),
            total: total.and_then(number),
            next: next.and_then(number),
            finished: None,
        }
    }
}

/// A list that is being read.
pub(super) trait Listing {
    /// What it lists.
    type Row;

    /// The method.
    const METHOD: ReadMethod;

    /// What is asked, without personal values.
    fn asked(&self) -> String;

    /// The parameters of the next question; `None` when the list is complete.
    fn question(&self) -> Option<Value>;

    /// Takes the answer to that question.
    fn take(&mut self, answered: &Answered) -> Result<(), PortalError>;

    /// All rows.
    fn into_rows(self) -> Vec<Self::Row>;
}

/// How texts are compared.
#[derive(Clone, Copy)]
pub(super) struct Comparing {
    /// Equal to a person.
    pub(super) same: fn(&str, &str) -> bool,
    /// Possibly equal to the portal's database.
    pub(super) loosely_same: fn(&str, &str) -> bool,
}

fn widened(asked: String, came: &'static str) -> PortalError {
    PortalError::Widened { asked, came }
}

fn unexpected(asked: String, problem: impl Into<String>) -> PortalError {
    PortalError::Unexpected {
        asked,
        problem: problem.into(),
    }
}

/// Users by one query, keyset paging.
pub(super) struct Users {
    query: UserQuery,
    comparing: Comparing,
    after: UserId,
    complete: bool,
    found: Vec<UserRow>,
}

/// How a row stands to the query.
enum Fit {
    /// It is what was asked for.
    Asked,
    /// It is equal to the database's collation alone, and not what was asked for.
    Collated,
    /// It is neither.
    Foreign(&'static str),
}

impl Users {
    /// # Errors
    ///
    /// [`PortalError::Unsendable`] for a blank e-mail or name, which would select everybody whose field is blank.
    pub(super) fn new(query: UserQuery, comparing: Comparing) -> Result<Self, PortalError> {
        let blank = |text: &Personal| text.expose().trim().is_empty();
        let is_blank = match &query {
            UserQuery::Id(UserId(id)) => *id == 0,
            UserQuery::Email(email) => blank(email),
            UserQuery::Name { first, last } => blank(first) || blank(last),
        };
        let users = Self {
            query,
            comparing,
            after: UserId(0),
            complete: false,
            found: Vec::new(),
        };
        if is_blank {
            return Err(PortalError::Unsendable {
                asked: users.asked(),
                problem: "what to look for is blank",
            });
        }
        Ok(users)
    }

    fn fit(&self, row: &UserRow) -> Fit {
        let compare = |asked: &Personal, came: Option<&Personal>| {
            let (asked, came) = (asked.expose(), came.map_or("", Personal::expose));
            match (
                (self.comparing.same)(asked, came),
                (self.comparing.loosely_same)(asked, came),
            ) {
                (true, _) => Fit::Asked,
                (false, true) => Fit::Collated,
                (false, false) => Fit::Foreign("a user with another name or e-mail"),
            }
        };
        match &self.query {
            UserQuery::Id(id) if row.id == *id => Fit::Asked,
            UserQuery::Id(_) => Fit::Foreign("another user"),
            UserQuery::Email(email) => compare(email, row.email.as_ref()),
            UserQuery::Name { first, last } => {
                match (
                    compare(first, row.first_name.as_ref()),
                    compare(last, row.last_name.as_ref()),
                ) {
                    (Fit::Foreign(came), _) | (_, Fit::Foreign(came)) => Fit::Foreign(came),
                    (Fit::Asked, Fit::Asked) => Fit::Asked,
                    _ => Fit::Collated,
                }
            }
        }
    }
}

impl Listing for Users {
    type Row = UserRow;

    const METHOD: ReadMethod = ReadMethod::UserGet;

    fn asked(&self) -> String {
        match &self.query {
            UserQuery::Id(id) => format!("the question for user {id}"),
            UserQuery::Email(_) => "the question for a user by e-mail".to_owned(),
            UserQuery::Name { .. } => "the question for a user by name".to_owned(),
        }
    }

    fn question(&self) -> Option<Value> {
        if self.complete {
            return None;
        }
        // The literal `ID` finds people whom `=ID` does not (protocol section 2.1).
        let filter = match &self.query {
            UserQuery::Id(id) => json!({"ID": id}),
            UserQuery::Email(email) => json!({"=EMAIL": email.expose(), ">ID": self.after}),
            UserQuery::Name { first, last } => {
                json!({"=NAME": first.expose(), "=LAST_NAME": last.expose(), ">ID": self.after})
            }
        };
        Some(users_question(&filter))
    }

    fn take(&mut self, answered: &Answered) -> Result<(), PortalError> {
        let rows = rows(&answered.result).map_err(|problem| unexpected(self.asked(), problem))?;
        for row in &rows {
            let user = row.user().map_err(|problem| unexpected(self.asked(), problem))?;
            if user.id <= self.after {
                return Err(widened(self.asked(), "a user who was listed before"));
            }
            self.after = user.id;
            match self.fit(&user) {
                Fit::Asked => self.found.push(user),
                Fit::Collated => {}
                Fit::Foreign(came) => return Err(widened(self.asked(), came)),
            }
        }
        self.complete = rows.len() < PAGE_ROWS || matches!(self.query, UserQuery::Id(_));
        Ok(())
    }

    fn into_rows(self) -> Vec<UserRow> {
        self.found
    }
}

/// The fields of a user that are asked for.
pub(super) const USER_FIELDS: [&str; 8] = [
    "ID",
    "ACTIVE",
    "NAME",
    "LAST_NAME",
    "SECOND_NAME",
    "EMAIL",
    "USER_TYPE",
    "UF_DEPARTMENT",
];

/// The fields of a workflow that are asked for.
pub(super) const INSTANCE_FIELDS: [&str; 8] = [
    "ID",
    "MODULE_ID",
    "ENTITY",
    "DOCUMENT_ID",
    "TEMPLATE_ID",
    "STARTED",
    "STARTED_BY",
    "MODIFIED",
];

/// The question for users.
pub(super) fn users_question(filter: &Value) -> Value {
    json!({
        "FILTER": filter,
        "SORT": "ID",
        "ORDER": "ASC",
        "SELECT": USER_FIELDS,
        "ADMIN_MODE": true,
        "start": -1,
    })
}

/// The question for the tasks of workflows.
pub(super) fn workflow_tasks_question(filter: &Value, start: i64) -> Value {
    json!({
        "SELECT": TASK_FIELDS,
        "FILTER": filter,
        "ORDER": {"ID": "ASC", "USER_ID": "ASC"},
        "start": start,
    })
}

/// The question for one workflow, or for an array of them.
pub(super) fn instances_question(workflows: &Value) -> Value {
    json!({
        "SELECT": INSTANCE_FIELDS,
        "FILTER": {"=ID": workflows},
        "start": -1,
    })
}

/// Whether a task's row says that its person is waited for.
pub(super) const fn is_waiting(row: &TaskRow) -> bool {
    row.status == 0 && row.user_status == 0
}

/// The fields of a task that are asked for.
/// Not the template's name: asking for it makes the portal leave out the tasks of every workflow whose template was deleted.
pub(super) const TASK_FIELDS: [&str; 15] = [
    "ID",
    "WORKFLOW_ID",
    "USER_ID",
    "STATUS",
    "USER_STATUS",
    "NAME",
    "DOCUMENT_NAME",
    "MODULE_ID",
    "ENTITY",
    "DOCUMENT_ID",
    "WORKFLOW_TEMPLATE_ID",
    "WORKFLOW_STARTED",
    "WORKFLOW_STARTED_BY",
    "MODIFIED",
    "OVERDUE_DATE",
];

/// The tasks that wait for one user, keyset paging: a task has one row, since there is one user.
pub(super) struct OpenTasks {
    user: UserId,
    after: TaskId,
    complete: bool,
    found: Vec<TaskRow>,
}

impl OpenTasks {
    pub(super) const fn new(user: UserId) -> Self {
        Self {
            user,
            after: TaskId(0),
            complete: false,
            found: Vec::new(),
        }
    }
}

impl Listing for OpenTasks {
    type Row = TaskRow;

    const METHOD: ReadMethod = ReadMethod::TaskList;

    fn asked(&self) -> String {
        format!("the question for the open tasks of user {}", self.user)
    }

    fn question(&self) -> Option<Value> {
        (!self.complete).then(|| {
            json!({
                "SELECT": TASK_FIELDS,
                "FILTER": {"USER_ID": self.user, "STATUS": 0, "USER_STATUS": 0, ">ID": self.after},
                "ORDER": {"ID": "ASC"},
                "start": -1,
            })
        })
    }

    fn take(&mut self, answered: &Answered) -> Result<(), PortalError> {
        let rows = rows(&answered.result).map_err(|problem| unexpected(self.asked(), problem))?;
        for row in &rows {
            let task = row.task().map_err(|problem| unexpected(self.asked(), problem))?;
            if task.user != self.user {
                return Err(widened(self.asked(), "a task of another user"));
            }
            if !is_waiting(&task) {
                return Err(widened(self.asked(), "a task that does not wait for this user"));
            }
            if task.id <= self.after {
                return Err(widened(self.asked(), "a task that was listed before"));
            }
            self.after = task.id;
            self.found.push(task);
        }
        self.complete = rows.len() < PAGE_ROWS;
        Ok(())
    }

    fn into_rows(self) -> Vec<TaskRow> {
        self.found
    }
}

/// The tasks of one workflow with their people. A task has a row for each of its people, so that ids repeat: offset paging,
/// checked against the total. Where the portal does not count, a full page is followed by a look past its end; and when the first
/// page comes again then, by questions for what is behind the last row, since a paging that stands still looks the same.
pub(super) struct WorkflowTasks {
    workflow: WorkflowId,
    scope: TaskScope,
    start: i64,
    seen: HashSet<(TaskId, UserId)>,
    found: Vec<TaskRow>,
    complete: bool,
    /// The page that is asked for may be past the end.
    looks_past_end: bool,
    /// What is asked for is behind the last row: there must be nothing.
    behind_end: Option<Behind>,
    restarts: u32,
}

/// What can be behind the last row.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Behind {
    /// More people of the same task.
    SameTask,
    /// Later tasks.
    LaterTasks,
}

impl WorkflowTasks {
    pub(super) fn new(workflow: WorkflowId, scope: TaskScope) -> Self {
        let (seen, found) = Default::default();
        Self {
            workflow,
            scope,
            start: 0,
            seen,
            found,
            complete: false,
            looks_past_end: false,
            behind_end: None,
            restarts: 0,
        }
    }

    /// Whether the first page came again although there is a later one. Past its end, when rows went while they were read, the
    /// portal begins with the first page too.
    fn stands_still(&self, again: &TaskRow, answered: &Answered) -> bool {
        let is_first = self
            .found
            .first()
            .is_some_and(|first| (first.id, first.user) == (again.id, again.user));
        let goes_on = match (answered.total, answered.next) {
            (Some(total), _) if total > 0 => total > self.start,
            (_, next) => next.is_some_and(|next| (0..=self.start).contains(&next)),
        };
        self.start > 0 && is_first && goes_on
    }

    /// Begins again: a row moved from page to page while they were read.
    fn restart(&mut self) -> Result<(), PortalError> {
        self.restarts += 1;
        if self.restarts > RESTARTS_MAX {
            let reason = WaitReason::Changed;
            return Err(PortalError::Temporary {
                asked: self.asked(),
                reason,
                attempts: self.restarts,
            });
        }
        self.start = 0;
        self.looks_past_end = false;
        self.behind_end = None;
        self.seen.clear();
        self.found.clear();
        Ok(())
    }
}

impl Listing for WorkflowTasks {
    type Row = TaskRow;

    const METHOD: ReadMethod = ReadMethod::TaskList;

    fn asked(&self) -> String {
        format!("the question for the tasks of workflow {}", self.workflow)
    }

    fn question(&self) -> Option<Value> {
        (!self.complete).then(|| {
            let mut filter = self.scope.filter(&json!(self.workflow));
            match (self.behind_end, self.found.last()) {
                (Some(Behind::SameTask), Some(last)) => {
                    filter["ID"] = json!(last.id);
                    filter[">USER_ID"] = json!(last.user);
                }
                (Some(Behind::LaterTasks), Some(last)) => filter[">ID"] = json!(last.id),
                _ => {}
            }
            workflow_tasks_question(&filter, self.start)
        })
    }

    fn take(&mut self, answered: &Answered) -> Result<(), PortalError> {
        let rows = rows(&answered.result).map_err(|problem| unexpected(self.asked(), problem))?;
        for row in &rows {
            let task = row.task().map_err(|problem| unexpected(self.asked(), problem))?;
            if task.workflow != self.workflow {
                return Err(widened(self.asked(), "a task of another workflow"));
            }
            if self.behind_end.is_some() {
                return Err(unexpected(
                    self.asked(),
                    "instead of a later page the first one came again",
                ));
            }
            if self.scope == TaskScope::Waiting && !is_waiting(&task) {
                return Err(widened(self.asked(), "a task that waits for nobody"));
            }
            if !self.seen.insert((task.id, task.user)) {
                // The end, or a paging that stands still.
                if self.looks_past_end && self.found.first() == Some(&task) {
                    self.behind_end = Some(Behind::SameTask);
                    self.start = 0;
                    return Ok(());
                }
                if self.stands_still(&task, answered) {
                    return Err(unexpected(
                        self.asked(),
                        "instead of a later page the first one came again",
                    ));
                }
                return self.restart();
            }
            self.found.push(task);
        }
        if let Some(behind) = self.behind_end {
            self.complete = behind == Behind::LaterTasks;
            self.behind_end = Some(Behind::LaterTasks);
            return Ok(());
        }
        // 0 beside rows says that nothing was counted.
        let total = answered.total.filter(|total| *total > 0 || self.found.is_empty());
        match answered.next.filter(|next| *next >= 0) {
            Some(next) if next <= self.start => Err(unexpected(self.asked(), "its next page is not after this one")),
            Some(next) => {
                self.start = next;
                Ok(())
            }
            None if total.is_some_and(|total| usize::try_from(total) != Ok(self.found.len())) => self.restart(),
            None if total.is_none() && rows.len() >= PAGE_ROWS => {
                self.looks_past_end = true;
                self.start += PAGE_OFFSET;
                Ok(())
            }
            None => {
                self.complete = true;
                Ok(())
            }
        }
    }

    fn into_rows(self) -> Vec<TaskRow> {
        self.found
    }
}

/// One workflow, running or not: one row, or none.
pub(super) struct Instance {
    workflow: WorkflowId,
    complete: bool,
    found: Option<InstanceRow>,
}

impl Instance {
    pub(super) const fn new(workflow: WorkflowId) -> Self {
        Self {
            workflow,
            complete: false,
            found: None,
        }
    }
}

impl Listing for Instance {
    type Row = InstanceRow;

    const METHOD: ReadMethod = ReadMethod::Instances;

    fn asked(&self) -> String {
        format!("the question for workflow {}", self.workflow)
    }

    fn question(&self) -> Option<Value> {
        (!self.complete).then(|| instances_question(&json!(self.workflow)))
    }

    fn take(&mut self, answered: &Answered) -> Result<(), PortalError> {
        let rows = rows(&answered.result).map_err(|problem| unexpected(self.asked(), problem))?;
        if rows.len() > 1 {
            return Err(widened(self.asked(), "more than one workflow"));
        }
        if let Some(row) = rows.first() {
            let instance = row.instance().map_err(|problem| unexpected(self.asked(), problem))?;
            if instance.id != self.workflow {
                return Err(widened(self.asked(), "another workflow"));
            }
            self.found = Some(instance);
        }
        self.complete = true;
        Ok(())
    }

    fn into_rows(self) -> Vec<InstanceRow> {
        self.found.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPARING: Comparing = Comparing {
        same: |a, b| a.to_lowercase() == b.to_lowercase(),
        loosely_same: |a, b| a.to_lowercase().replace('é', "e") == b.to_lowercase().replace('é', "e"),
    };

    fn page(rows: Vec<Value>) -> Answered {
        Answered {
            result: Value::from(rows),
            ..Answered::default()
        }
    }

    fn user(id: u32, email: &str) -> Value {
        json!({"ID": id.to_string(), "ACTIVE": false, "NAME": "Zoé", "LAST_NAME": "Dupont", "EMAIL": email})
    }

    fn task(id: u32, workflow: &str, user: u32) -> Value {
        json!({
            "ID": id.to_string(), "WORKFLOW_ID": workflow, "USER_ID": user.to_string(), "STATUS": "0", "USER_STATUS": "0",
        })
    }

    fn is_widened(result: &Result<(), PortalError>) -> bool {
        matches!(result, Err(PortalError::Widened { .. }))
    }

    #[test]
    fn users_are_asked_for_by_equality_and_dismissed_ones_are_not_left_out() {
        let question = |query: &UserQuery| Users::new(query.clone(), COMPARING).unwrap().question().unwrap();
        let email = question(&UserQuery::Email(Personal::new("j_doe@b.example")));
        assert_eq!(email["FILTER"], json!({"=EMAIL": "j_doe@b.example", ">ID": 0}));
        assert_eq!(
            (&email["SORT"], &email["ORDER"], &email["ADMIN_MODE"]),
            (&json!("ID"), &json!("ASC"), &json!(true))
        );
        let name = question(&UserQuery::Name {
            first: Personal::new("Zoé"),
            last: Personal::new("Dupont"),
        });
        assert_eq!(
            name["FILTER"],
            json!({"=NAME": "Zoé", "=LAST_NAME": "Dupont", ">ID": 0})
        );
        assert_eq!(question(&UserQuery::Id(UserId(29)))["FILTER"], json!({"ID": 29}));
    }

    #[test]
    fn a_blank_never_reaches_a_filter() {
        let (blank, text) = (Personal::new(" \u{a0}\t"), Personal::new("x"));
        for query in [
            UserQuery::Id(UserId(0)),
            UserQuery::Email(Personal::default()),
            UserQuery::Email(blank.clone()),
            UserQuery::Name {
                first: blank.clone(),
                last: text.clone(),
            },
            UserQuery::Name {
                first: text,
                last: blank,
            },
        ] {
            assert!(matches!(
                Users::new(query.clone(), COMPARING).err(),
                Some(PortalError::Unsendable { .. })
            ));
        }
    }

    #[test]
    fn users_are_kept_left_out_or_taken_for_a_dropped_condition() {
        let by_email = UserQuery::Email(Personal::new("zoe@b.example"));
        let by_name = UserQuery::Name {
            first: Personal::new("Zoe"),
            last: Personal::new("DUPONT"),
        };
        let by_accent = UserQuery::Name {
            first: Personal::new("ZOÉ"),
            last: Personal::new("dupont"),
        };
        let unmailed = json!({"ID": "7", "ACTIVE": true, "NAME": "Zoe", "LAST_NAME": "Dupont"});
        let unnamed = json!({"ID": "7", "ACTIVE": true, "EMAIL": "zoe@b.example"});
        for (query, row, kept) in [
            (&by_email, user(7, "Zoe@B.example"), Some(1)),
            (&by_email, user(7, "zoé@b.example"), Some(0)),
            (&by_email, user(7, "somebody@b.example"), None),
            (&by_email, unmailed.clone(), None),
            (&by_name, user(7, ""), Some(0)),
            (&by_name, unmailed, Some(1)),
            (&by_name, unnamed, None),
            (&by_accent, user(7, ""), Some(1)),
            (&UserQuery::Id(UserId(7)), user(7, ""), Some(1)),
            (&UserQuery::Id(UserId(8)), user(7, ""), None),
        ] {
            let mut users = Users::new(query.clone(), COMPARING).unwrap();
            let taken = users.take(&page(vec![row]));
            assert_eq!(taken.is_err(), kept.is_none());
            assert!(taken.is_ok() || is_widened(&taken));
            assert!(kept.is_none() || users.question().is_none(), "a short page is the last");
            assert_eq!(users.into_rows().len(), kept.unwrap_or(0));
        }
    }

    #[test]
    fn keyset_paging_goes_on_behind_the_last_id_until_a_short_page() {
        let query = UserQuery::Email(Personal::new("a@b.example"));
        let mut users = Users::new(query.clone(), COMPARING).unwrap();
        users
            .take(&page((1..=50).map(|id| user(id * 2, "a@b.example")).collect()))
            .unwrap();
        assert_eq!(users.question().unwrap()["FILTER"][">ID"], json!(100));
        users.take(&page(vec![user(101, "a@b.example")])).unwrap();
        assert_eq!(users.question(), None);
        assert!(
            is_widened(&users.take(&page(vec![user(101, "a@b.example")]))),
            "the same page again"
        );
        assert_eq!(users.into_rows().len(), 51);

        let mut tasks = OpenTasks::new(UserId(29));
        assert_eq!(
            tasks.question().unwrap()["FILTER"],
            json!({"USER_ID": 29, "STATUS": 0, "USER_STATUS": 0, ">ID": 0})
        );
        tasks
            .take(&page((1..=50).map(|id| task(id, "a.1", 29)).collect()))
            .unwrap();
        assert_eq!(tasks.question().unwrap()["FILTER"][">ID"], json!(50));
        tasks.take(&page(vec![])).unwrap();
        assert_eq!(tasks.question(), None);
        assert_eq!(tasks.into_rows().len(), 50);
    }

    #[test]
    fn open_tasks_that_were_not_asked_for_stop_the_job() {
        let mut answered = task(1, "a.1", 29);
        answered["USER_STATUS"] = json!("1");
        let mut finished = task(1, "a.1", 29);
        finished["STATUS"] = json!("2");
        for rows in [
            vec![task(1, "a.1", 30)],
            vec![task(1, "a.1", 29), task(2, "a.1", 1)],
            vec![answered],
            vec![finished],
            vec![task(2, "a.1", 29), task(1, "a.2", 29)],
            vec![task(1, "a.1", 29), task(1, "a.1", 29)],
        ] {
            assert!(is_widened(&OpenTasks::new(UserId(29)).take(&page(rows))));
        }
        let mut first_page_again = OpenTasks::new(UserId(29));
        let rows: Vec<Value> = (1..=50).map(|id| task(id, "a.1", 29)).collect();
        first_page_again.take(&page(rows.clone())).unwrap();
        assert!(is_widened(&first_page_again.take(&page(rows))));
    }

    #[test]
    fn a_row_that_cannot_be_read_is_never_skipped() {
        let unreadable = json!({"ID": "1", "WORKFLOW_ID": "0", "USER_ID": "29", "STATUS": "0", "USER_STATUS": "0"});
        let taken = OpenTasks::new(UserId(29)).take(&page(vec![task(1, "a.1", 29), unreadable]));
        assert!(matches!(taken, Err(PortalError::Unexpected { .. })));
        for result in [json!(null), json!({}), json!("x"), json!({"tasks": []})] {
            let taken = OpenTasks::new(UserId(29)).take(&Answered {
                result,
                ..Answered::default()
            });
            assert!(matches!(taken, Err(PortalError::Unexpected { .. })));
        }
    }

    fn workflow() -> WorkflowId {
        "a.1".parse().unwrap()
    }

    #[test]
    fn tasks_of_a_workflow_follow_next_and_agree_with_the_total() {
        let mut tasks = WorkflowTasks::new(workflow(), TaskScope::Waiting);
        let question = tasks.question().unwrap();
        assert_eq!(
            question["FILTER"],
            json!({"WORKFLOW_ID": "a.1", "STATUS": 0, "USER_STATUS": 0})
        );
        assert_eq!(question["start"], json!(0));
        let first = (1..=50).map(|user| task(1, "a.1", user)).collect();
        tasks
            .take(&Answered {
                next: Some(50),
                total: Some(51),
                ..page(first)
            })
            .unwrap();
        assert_eq!(tasks.question().unwrap()["start"], json!(50));
        tasks
            .take(&Answered {
                total: Some(51),
                ..page(vec![task(1, "a.1", 51)])
            })
            .unwrap();
        assert_eq!(tasks.question(), None);
        assert_eq!(tasks.into_rows().len(), 51);
        assert_eq!(
            WorkflowTasks::new(workflow(), TaskScope::All).question().unwrap()["FILTER"],
            json!({"WORKFLOW_ID": "a.1"})
        );
    }

    #[test]
    fn where_the_portal_does_not_count_a_full_page_is_not_taken_for_the_whole_list() {
        let rows = |users: std::ops::RangeInclusive<u32>| users.map(|user| task(1, "a.1", user)).collect::<Vec<_>>();
        for total in [None, Some(0)] {
            let uncounted = |rows| Answered { total, ..page(rows) };
            // Past the end comes the first page again, or nothing.
            for past_end in [rows(1..=50), Vec::new()] {
                let mut tasks = WorkflowTasks::new(workflow(), TaskScope::All);
                tasks.take(&uncounted(rows(1..=50))).unwrap();
                assert_eq!(tasks.question().unwrap()["start"], json!(50));
                tasks.take(&uncounted(rows(51..=100))).unwrap();
                assert_eq!(tasks.question().unwrap()["start"], json!(100));
                let wraps = !past_end.is_empty();
                tasks.take(&uncounted(past_end)).unwrap();
                if wraps {
                    // A paging that stands still looks the same: nothing may be behind the last row.
                    let behind = |tasks: &WorkflowTasks| tasks.question().unwrap()["FILTER"].clone();
                    assert_eq!(behind(&tasks), json!({"WORKFLOW_ID": "a.1", "ID": 1, ">USER_ID": 100}));
                    let mut stands_still = WorkflowTasks::new(workflow(), TaskScope::All);
                    for _ in 0..2 {
                        stands_still.take(&uncounted(rows(1..=50))).unwrap();
                    }
                    let more = stands_still.take(&uncounted(rows(51..=60)));
                    assert!(matches!(more, Err(PortalError::Unexpected { .. })));
                    tasks.take(&uncounted(Vec::new())).unwrap();
                    assert_eq!(behind(&tasks), json!({"WORKFLOW_ID": "a.1", ">ID": 1}));
                    tasks.take(&uncounted(Vec::new())).unwrap();
                }
                assert_eq!(tasks.question(), None);
                assert_eq!(tasks.into_rows().len(), 100);
            }
            let mut tasks = WorkflowTasks::new(workflow(), TaskScope::All);
            tasks.take(&uncounted(rows(1..=50))).unwrap();
            tasks.take(&uncounted(rows(2..=51))).unwrap();
            assert_eq!(tasks.question().unwrap()["start"], json!(0), "the list has moved");
        }
    }

    #[test]
    fn a_list_that_changes_while_it_is_read_is_begun_again_a_few_times() {
        let first: Vec<Value> = (1..=50).map(|user| task(1, "a.1", user)).collect();
        let wrapped = || page(first.clone());
        let miscounted = || Answered {
            total: Some(3),
            ..page(vec![task(1, "a.1", 29)])
        };
        let mut tasks = WorkflowTasks::new(workflow(), TaskScope::All);
        tasks
            .take(&Answered {
                next: Some(50),
                ..page(first.clone())
            })
            .unwrap();
        tasks.take(&wrapped()).unwrap();
        assert_eq!(tasks.question().unwrap()["start"], json!(0), "the first page again");
        tasks.take(&miscounted()).unwrap();
        assert_eq!(tasks.question().unwrap()["start"], json!(0), "not as many as the total");
        tasks.take(&miscounted()).unwrap();
        let error = tasks.take(&miscounted()).unwrap_err();
        assert!(matches!(
            error,
            PortalError::Temporary {
                reason: WaitReason::Changed,
                ..
            }
        ));
    }

    #[test]
    fn tasks_of_another_workflow_or_a_paging_that_stands_still_stop_the_job() {
        let first_of_three = || Answered {
            next: Some(50),
            total: Some(120),
            ..page((1..=50).map(|user| task(1, "a.1", user)).collect())
        };
        let mut tasks = WorkflowTasks::new(workflow(), TaskScope::All);
        tasks.take(&first_of_three()).unwrap();
        assert!(matches!(
            tasks.take(&first_of_three()),
            Err(PortalError::Unexpected { .. })
        ));
        let mut tasks = WorkflowTasks::new(workflow(), TaskScope::All);
        tasks.take(&first_of_three()).unwrap();
        let behind_its_end = Answered {
            next: None,
            total: Some(50),
            ..first_of_three()
        };
        tasks.take(&behind_its_end).unwrap();
        assert_eq!(
            tasks.question().unwrap()["start"],
            json!(0),
            "rows went: from the beginning"
        );

        let mut tasks = WorkflowTasks::new(workflow(), TaskScope::All);
        assert!(is_widened(&tasks.take(&page(vec![task(1, "a.2", 29)]))));
        let mut done = task(1, "a.1", 29);
        done["USER_STATUS"] = json!("3");
        assert!(is_widened(
            &WorkflowTasks::new(workflow(), TaskScope::Waiting).take(&page(vec![done.clone()]))
        ));
        assert!(
            WorkflowTasks::new(workflow(), TaskScope::All)
                .take(&page(vec![done]))
                .is_ok()
        );
        let still = Answered {
            next: Some(0),
            ..page(vec![])
        };
        assert!(matches!(tasks.take(&still), Err(PortalError::Unexpected { .. })));
    }

    #[test]
    fn a_workflow_is_absent_on_the_word_of_an_empty_list_alone() {
        let mut absent = Instance::new(workflow());
        assert_eq!(absent.question().unwrap()["FILTER"], json!({"=ID": "a.1"}));
        absent
            .take(&Answered {
                total: Some(0),
                next: Some(-1),
                ..page(vec![])
            })
            .unwrap();
        assert_eq!(absent.question(), None);
        assert!(absent.into_rows().is_empty());

        let mut running = Instance::new(workflow());
        running
            .take(&page(vec![json!({"ID": "a.1", "STARTED_BY": "7"})]))
            .unwrap();
        assert_eq!(running.into_rows()[0].started_by, Some(UserId(7)));

        for rows in [
            vec![json!({"ID": "a.2"})],
            vec![json!({"ID": "a.1"}), json!({"ID": "a.1"})],
        ] {
            assert!(is_widened(&Instance::new(workflow()).take(&page(rows))));
        }
        for result in [json!({}), json!(null), json!(false), json!([[]]), json!([{}])] {
            let taken = Instance::new(workflow()).take(&Answered {
                result,
                ..Answered::default()
            });
            assert!(matches!(taken, Err(PortalError::Unexpected { .. })));
        }
    }
}
