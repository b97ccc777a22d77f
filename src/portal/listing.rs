//! Lists that are read page by page, each as a small machine: the next question, and what to make of its answer.
//!
//! Here every row is checked to be about what was asked, since a portal that drops a condition answers with everything
//! (protocol section 12). Paging follows each method's own rules (section 6). Not responsible for sending, nor for
//! repeating what failed.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::connection::WaitReason;
use super::decode::{InstanceRow, TaskRow, UserRow, rows};
use super::error::PortalError;
use super::method::ReadMethod;
use crate::domain::{TaskId, UserId, WorkflowId};
use crate::personal::Personal;

/// Rows on a page of every list method.
const PAGE_ROWS: usize = 50;

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

/// The answer to one question.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answered {
    /// The result.
    pub(super) result: Value,
    /// A list's number of rows.
    pub(super) total: Option<i64>,
    /// Where a list goes on.
    pub(super) next: Option<i64>,
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
pub(super) struct Users<'a> {
    query: &'a UserQuery,
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

impl<'a> Users<'a> {
    /// # Errors
    ///
    /// [`PortalError::Unsendable`] for a blank e-mail or name, which would select everybody whose field is blank.
    pub(super) fn new(query: &'a UserQuery, comparing: Comparing) -> Result<Self, PortalError> {
        let blank = |text: &Personal| text.expose().trim().is_empty();
        let is_blank = match query {
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
        match self.query {
            UserQuery::Id(id) if row.id == *id => Fit::Asked,
            UserQuery::Id(_) => Fit::Foreign("another user"),
            UserQuery::Email(_) if row.email.is_none() => Fit::Foreign("a user without e-mail"),
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

impl Listing for Users<'_> {
    type Row = UserRow;

    const METHOD: ReadMethod = ReadMethod::UserGet;

    fn asked(&self) -> String {
        match self.query {
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
        let filter = match self.query {
            UserQuery::Id(id) => json!({"ID": id}),
            UserQuery::Email(email) => json!({"=EMAIL": email.expose(), ">ID": self.after}),
            UserQuery::Name { first, last } => {
                json!({"=NAME": first.expose(), "=LAST_NAME": last.expose(), ">ID": self.after})
            }
        };
        Some(json!({
            "FILTER": filter,
            "SORT": "ID",
            "ORDER": "ASC",
            "SELECT": ["ID", "ACTIVE", "NAME", "LAST_NAME", "SECOND_NAME", "EMAIL", "USER_TYPE"],
            "ADMIN_MODE": true,
            "start": -1,
        }))
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

/// The fields of a task that are asked for.
const TASK_FIELDS: [&str; 16] = [
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
    "WORKFLOW_TEMPLATE_NAME",
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
            if (task.status, task.user_status) != (0, 0) {
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
/// checked against the total.
pub(super) struct WorkflowTasks {
    workflow: WorkflowId,
    scope: TaskScope,
    start: i64,
    seen: HashSet<(TaskId, UserId)>,
    found: Vec<TaskRow>,
    complete: bool,
    restarts: u32,
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
            restarts: 0,
        }
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
            let filter = match self.scope {
                TaskScope::All => json!({"WORKFLOW_ID": self.workflow}),
                TaskScope::Waiting => json!({"WORKFLOW_ID": self.workflow, "STATUS": 0, "USER_STATUS": 0}),
            };
            json!({
                "SELECT": TASK_FIELDS,
                "FILTER": filter,
                "ORDER": {"ID": "ASC", "USER_ID": "ASC"},
                "start": self.start,
            })
        })
    }

    fn take(&mut self, answered: &Answered) -> Result<(), PortalError> {
        let rows = rows(&answered.result).map_err(|problem| unexpected(self.asked(), problem))?;
        for row in &rows {
            let task = row.task().map_err(|problem| unexpected(self.asked(), problem))?;
            if task.workflow != self.workflow {
                return Err(widened(self.asked(), "a task of another workflow"));
            }
            if self.scope == TaskScope::Waiting && (task.status, task.user_status) != (0, 0) {
                return Err(widened(self.asked(), "a task that waits for nobody"));
            }
            // Past its end the portal begins again with the first page.
            if !self.seen.insert((task.id, task.user)) {
                return self.restart();
            }
            self.found.push(task);
        }
        match answered.next.filter(|next| *next >= 0) {
            Some(next) if next <= self.start => Err(unexpected(self.asked(), "its next page is not after this one")),
            Some(next) => {
                self.start = next;
                Ok(())
            }
            None if answered
                .total
                .is_some_and(|total| usize::try_from(total) != Ok(self.found.len())) =>
            {
                self.restart()
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
        (!self.complete).then(|| {
            json!({
                "SELECT": [
                    "ID", "MODULE_ID", "ENTITY", "DOCUMENT_ID", "TEMPLATE_ID", "STARTED", "STARTED_BY", "MODIFIED",
                    "OWNED_UNTIL",
                ],
                "FILTER": {"=ID": self.workflow},
                "start": -1,
            })
        })
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
