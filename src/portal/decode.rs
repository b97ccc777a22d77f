//! Rows of the portal as types.
//!
//! PHP is loose: a number comes as a number or as a text, a missing value as nothing, null, `""`, `false`, `[]` or `{}`, a list
//! with a gap as an object. This file is loose in the same places and nowhere else: a row without its id is an error and
//! is never skipped. The problems that it reports name fields and never quote values.

use chrono::{DateTime, FixedOffset};
use serde_json::{Map, Value};

use crate::domain::{TaskId, UserId, WorkflowId};
use crate::personal::Personal;

/// The webhook's owner, by the portal's word. Whether workflows may be ended is a question of its own: see
/// [`super::Reader::can_administer_workflows`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Profile {
    /// Who.
    pub id: UserId,
    /// The portal's clock at this answer, where the answer shows it (protocol section 1, `time`).
    pub clock: Option<DateTime<FixedOffset>>,
}

/// What a portal says of one of its methods.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MethodState {
    /// The portal's plan has it.
    pub exists: bool,
    /// This webhook may call it.
    pub available: bool,
}

/// A user, as `user.get` lists it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UserRow {
    /// The user.
    pub id: UserId,
    /// False for a dismissed one.
    pub active: bool,
    /// `NAME`
    pub first_name: Option<Personal>,
    /// `LAST_NAME`
    pub last_name: Option<Personal>,
    /// `SECOND_NAME`
    pub second_name: Option<Personal>,
    /// `EMAIL`
    pub email: Option<Personal>,
    /// `USER_TYPE`: `employee`, `extranet`, `email`.
    pub user_type: Option<String>,
    /// `UF_DEPARTMENT`; none when the portal does not tell it, and empty for somebody in no department.
    pub departments: Option<Vec<u32>>,
}

/// A task and one of its people, as `bizproc.task.list` lists them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TaskRow {
    /// The task. With several people it has a row for each.
    pub id: TaskId,
    /// The workflow that waits for it.
    pub workflow: WorkflowId,
    /// Who is to answer, or has answered.
    pub user: UserId,
    /// The task: 0 running, 1 yes, 2 no, 3 done, 4 timeout, 5 cancelled.
    pub status: i64,
    /// This user's answer: 0 waiting, 1 yes, 2 no, 3 done, 4 cancelled.
    pub user_status: i64,
    /// The task's title.
    pub name: Option<Personal>,
    /// The document's title.
    pub document_name: Option<Personal>,
    /// `crm`, `lists`, `rpa`, `disk`, `tasks` …
    pub module: Option<String>,
    /// The class of the document.
    pub entity: Option<String>,
    /// Such as `LEAD_1`.
    pub document_id: Option<String>,
    /// The workflow's template.
    pub template_id: Option<String>,
    /// When the workflow started, as the portal writes it.
    pub started: Option<String>,
    /// Who started the workflow.
    pub started_by: Option<UserId>,
    /// When the task last changed, as the portal writes it.
    pub modified: Option<String>,
    /// When the task was due, as the portal writes it.
    pub overdue: Option<String>,
}

/// A running workflow, as `bizproc.workflow.instances` lists it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InstanceRow {
    /// The workflow.
    pub id: WorkflowId,
    /// `crm`, `lists`, `rpa`, `disk`, `tasks` …
    pub module: Option<String>,
    /// The class of the document.
    pub entity: Option<String>,
    /// Such as `LEAD_1`.
    pub document_id: Option<String>,
    /// The template.
    pub template_id: Option<String>,
    /// When it started, as the portal writes it.
    pub started: Option<String>,
    /// Who started it.
    pub started_by: Option<UserId>,
    /// When it last changed, as the portal writes it.
    pub modified: Option<String>,
}

/// Names a field that cannot be read. Never quotes its value.
pub(super) type Problem = String;

/// The rows of a list.
pub(super) fn rows(list: &Value) -> Result<Vec<Row<'_>>, Problem> {
    let values: Vec<&Value> = match list {
        Value::Array(values) => values.iter().collect(),
        // A list with a gap. An empty one is always written `[]`.
        Value::Object(values) if !values.is_empty() && values.keys().all(|key| is_digits(key)) => {
            values.values().collect()
        }
        _ => return Err("it is no list".to_owned()),
    };
    values
        .into_iter()
        .map(|value| {
            value
                .as_object()
                .map(Row)
                .ok_or_else(|| "a row in it is no row".to_owned())
        })
        .collect()
}

/// A whole number, written as a number or as a text.
pub(super) fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(digits) if is_digits(digits.strip_prefix('-').unwrap_or(digits)) => digits.parse().ok(),
        _ => None,
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether PHP left a value out: each of these stands for nothing in some answer.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

/// One row.
#[derive(Clone, Copy)]
pub(super) struct Row<'a>(pub(super) &'a Map<String, Value>);

impl<'a> Row<'a> {
    fn value(self, field: &str) -> Option<&'a Value> {
        self.0.get(field).filter(|value| !is_nothing(value))
    }

    fn required<T>(self, field: &str, read: impl Fn(&Value) -> Option<T>) -> Result<T, Problem> {
        let value = self.0.get(field).ok_or_else(|| format!("a row has no {field}"))?;
        read(value).ok_or_else(|| format!("a row has something else in {field}"))
    }

    /// The number of a user or a task: from 1.
    fn id(self, field: &str) -> Result<u32, Problem> {
        self.required(field, |value| u32::try_from(number(value)?).ok().filter(|id| *id > 0))
    }

    fn workflow(self, field: &str) -> Result<WorkflowId, Problem> {
        self.required(field, |value| value.as_str()?.parse().ok())
    }

    /// A user who may be absent. Nobody is written as 0, too.
    fn somebody(self, field: &str) -> Result<Option<UserId>, Problem> {
        match self.value(field) {
            None => Ok(None),
            Some(value) if number(value) == Some(0) => Ok(None),
            Some(_) => self.id(field).map(UserId).map(Some),
        }
    }

    fn flag(self, field: &str) -> Result<bool, Problem> {
        self.required(field, |value| match value {
            Value::Bool(flag) => Some(*flag),
            Value::String(word) => match word.as_str() {
                "Y" | "1" => Some(true),
                "N" | "0" => Some(false),
                _ => None,
            },
            Value::Number(_) => match number(value) {
                Some(1) => Some(true),
                Some(0) => Some(false),
                _ => None,
            },
            _ => None,
        })
    }

    fn text(self, field: &str) -> Result<Option<String>, Problem> {
        match self.value(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(format!("a row has no text in {field}")),
        }
    }

    fn departments(self) -> Result<Option<Vec<u32>>, Problem> {
        const FIELD: &str = "UF_DEPARTMENT";
        let id = |value: &Value| number(value).and_then(|id| u32::try_from(id).ok());
        let ids: Option<Vec<u32>> = match self.0.get(FIELD) {
            None | Some(Value::Null) => return Ok(None),
            Some(nothing) if is_nothing(nothing) => Some(Vec::new()),
            Some(Value::Array(values)) => values.iter().map(id).collect(),
            Some(Value::Object(values)) => values.values().map(id).collect(),
            Some(one) => id(one).map(|id| vec![id]),
        };
        ids.map(Some)
            .ok_or_else(|| format!("a row has no departments in {FIELD}"))
    }

    fn personal(self, field: &str) -> Result<Option<Personal>, Problem> {
        Ok(self.text(field)?.map(Personal::new))
    }

    /// The row as the webhook's owner.
    pub(super) fn profile(self, clock: Option<DateTime<FixedOffset>>) -> Result<Profile, Problem> {
        Ok(Profile {
            id: UserId(self.id("ID")?),
            clock,
        })
    }

    /// The row as the state of a method.
    pub(super) fn method_state(self) -> Result<MethodState, Problem> {
        Ok(MethodState {
            exists: self.flag("isExisting")?,
            available: self.flag("isAvailable")?,
        })
    }

    /// The row as a user.
    pub(super) fn user(self) -> Result<UserRow, Problem> {
        Ok(UserRow {
            id: UserId(self.id("ID")?),
            active: self.flag("ACTIVE")?,
            first_name: self.personal("NAME")?,
            last_name: self.personal("LAST_NAME")?,
            second_name: self.personal("SECOND_NAME")?,
            email: self.personal("EMAIL")?,
            user_type: self.text("USER_TYPE")?,
            departments: self.departments()?,
        })
    }

    /// The row as a task and one of its people.
    pub(super) fn task(self) -> Result<TaskRow, Problem> {
        Ok(TaskRow {
            id: TaskId(self.id("ID")?),
            workflow: self.workflow("WORKFLOW_ID")?,
            user: UserId(self.id("USER_ID")?),
            status: self.required("STATUS", number)?,
            user_status: self.required("USER_STATUS", number)?,
            name: self.personal("NAME")?,
            document_name: self.personal("DOCUMENT_NAME")?,
            module: self.text("MODULE_ID")?,
            entity: self.text("ENTITY")?,
            document_id: self.text("DOCUMENT_ID")?,
            template_id: self.text("WORKFLOW_TEMPLATE_ID")?,
            started: self.text("WORKFLOW_STARTED")?,
            started_by: self.somebody("WORKFLOW_STARTED_BY")?,
            modified: self.text("MODIFIED")?,
            overdue: self.text("OVERDUE_DATE")?,
        })
    }

    /// The row as a running workflow.
    pub(super) fn instance(self) -> Result<InstanceRow, Problem> {
        Ok(InstanceRow {
            id: self.workflow("ID")?,
            module: self.text("MODULE_ID")?,
            entity: self.text("ENTITY")?,
            document_id: self.text("DOCUMENT_ID")?,
            template_id: self.text("TEMPLATE_ID")?,
            started: self.text("STARTED")?,
            started_by: self.somebody("STARTED_BY")?,
            modified: self.text("MODIFIED")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row<'a, T>(value: &'a Value, read: impl Fn(Row<'a>) -> Result<T, Problem>) -> Result<T, Problem> {
        read(Row(value.as_object().unwrap()))
    }

    #[test]
    fn numbers_come_as_numbers_or_as_texts() {
        for (value, expected) in [
            (json!(29), Some(29)),
            (json!("29"), Some(29)),
            (json!("-1"), Some(-1)),
            (json!("029"), Some(29)),
            (json!(29.5), None),
            (json!("29abc"), None),
            (json!("+29"), None),
            (json!(""), None),
            (json!("-"), None),
            (json!("99999999999999999999"), None),
            (json!(null), None),
            (json!([29]), None),
        ] {
            assert_eq!(number(&value), expected, "{value}");
        }
    }

    #[test]
    fn a_list_is_an_array_or_an_array_with_gaps_and_nothing_else() {
        for (list, expected) in [
            (json!([]), Some(0)),
            (json!([{}, {"ID": 1}]), Some(2)),
            (json!({"0": {}, "2": {}}), Some(2)),
            (json!({}), None),
            (json!({"items": {}}), None),
            (json!([[]]), None),
            (json!([null]), None),
            (json!(null), None),
            (json!(true), None),
        ] {
            assert_eq!(rows(&list).ok().map(|rows| rows.len()), expected, "{list}");
        }
    }

    #[test]
    fn a_user_is_read_from_what_portals_send() {
        let full = json!({
            "ID": "29", "ACTIVE": false, "NAME": "Анна", "LAST_NAME": "Petrova", "SECOND_NAME": "", "EMAIL": "a@b.example",
            "USER_TYPE": "employee", "UF_DEPARTMENT": false, "TIMESTAMP_X": {},
        });
        let user = row(&full, Row::user).unwrap();
        assert_eq!((user.id, user.active), (UserId(29), false));
        assert_eq!(user.first_name, Some(Personal::new("Анна")));
        assert_eq!(user.second_name, None);

        for (active, expected) in [
            (json!(true), true),
            (json!("Y"), true),
            (json!("N"), false),
            (json!(0), false),
            (json!("1"), true),
        ] {
            assert_eq!(
                row(&json!({"ID": 29, "ACTIVE": active}), Row::user).map(|user| user.active),
                Ok(expected)
            );
        }
    }

    #[test]
    fn a_row_without_what_it_is_about_is_an_error_and_quotes_nothing() {
        let task = json!({"ID": "1", "WORKFLOW_ID": "67a2ffdb2c57a3.35276854", "USER_ID": "29", "STATUS": "0", "USER_STATUS": "0"});
        assert!(row(&task, Row::task).is_ok());
        for field in ["ID", "WORKFLOW_ID", "USER_ID", "STATUS", "USER_STATUS"] {
            for wrong in [json!("secret text"), json!(null), json!([]), json!(1.5), json!({})] {
                let mut task = task.clone();
                task[field] = wrong;
                let problem = row(&task, Row::task).expect_err(field);
                assert!(problem.contains(field) && !problem.contains("secret"), "{problem}");
            }
            let mut task = task.clone();
            task.as_object_mut().unwrap().remove(field);
            assert!(row(&task, Row::task).is_err());
        }
        for (user, error) in [
            (json!({"ACTIVE": true}), "a row has no ID"),
            (json!({"ID": "0", "ACTIVE": true}), "a row has something else in ID"),
            (json!({"ID": "29"}), "a row has no ACTIVE"),
            (
                json!({"ID": "29", "ACTIVE": "false"}),
                "a row has something else in ACTIVE",
            ),
        ] {
            assert_eq!(row(&user, Row::user), Err(error.to_owned()));
        }
    }

    #[test]
    fn a_workflow_id_is_never_taken_from_a_number() {
        assert!(row(&json!({"ID": "67308412345678.35276800"}), Row::instance).is_ok());
        assert!(row(&json!({"ID": "67308412345678"}), Row::instance).is_ok());
        assert!(row(&json!({"ID": 67_308_412_345_678_i64}), Row::instance).is_err());
    }

    #[test]
    fn what_php_writes_for_nothing_is_nothing() {
        for nothing in [json!(null), json!(""), json!(false), json!([]), json!({})] {
            let instance = row(
                &json!({"ID": "a.1", "STARTED_BY": nothing, "STARTED": nothing}),
                Row::instance,
            )
            .unwrap();
            assert_eq!((instance.started_by, instance.started), (None, None));
        }
        let instance = row(
            &json!({"ID": "a.1", "STARTED_BY": "0", "DOCUMENT_ID": 2249}),
            Row::instance,
        )
        .unwrap();
        assert_eq!(
            (instance.started_by, instance.document_id.as_deref()),
            (None, Some("2249"))
        );
        assert!(row(&json!({"ID": "a.1", "STARTED_BY": "somebody"}), Row::instance).is_err());
    }
}
