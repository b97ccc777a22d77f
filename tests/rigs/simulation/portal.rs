//! The simulated portal: what is true there, and what it answers to one command. It knows nothing of the program.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::scenario::{COLLEAGUES, OWNER, Scenario, email};

/// Rows on a page.
pub(super) const PAGE: usize = 50;

/// What becomes of a condition whose value is an array.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Arrays {
    /// Each of its values fits.
    Honoured,
    /// The condition is dropped.
    Dropped,
    /// Only the first value counts.
    First,
    /// Only the last value counts.
    Last,
    /// Nothing fits.
    Nothing,
}

/// A task of a workflow, and one of its people.
#[derive(Clone, Debug)]
struct Row {
    task: u32,
    user: u32,
    status: u32,
    user_status: u32,
}

#[derive(Clone, Debug)]
struct Workflow {
    running: bool,
    refuses: bool,
    survives: bool,
    started_by: u32,
    rows: Vec<Row>,
}

/// One command: its key in the batch, its method, and its parameters with their paths, such as `FILTER[=ID]`.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) key: String,
    pub(super) method: String,
    pub(super) parameters: BTreeMap<String, String>,
}

impl Call {
    /// The workflow that it would end.
    pub(super) fn destroys(&self) -> Option<&str> {
        let ends = matches!(
            self.method.as_str(),
            "bizproc.workflow.kill" | "bizproc.workflow.terminate"
        );
        ends.then(|| self.parameter("ID")).flatten()
    }

    pub(super) fn parameter(&self, path: &str) -> Option<&str> {
        self.parameters.get(path).map(String::as_str)
    }

    /// The values of a condition: one, or those of an array.
    pub(super) fn values(&self, path: &str) -> Option<Vec<&str>> {
        if let Some(value) = self.parameter(path) {
            return Some(vec![value]);
        }
        let values: Vec<&str> = (0..)
            .map_while(|index| self.parameter(&format!("{path}[{index}]")))
            .collect();
        (!values.is_empty()).then_some(values)
    }
}

/// What is said of a command.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Result(Value),
    Error(String),
}

/// What is true.
pub(super) struct Truth {
    /// How this portal is made.
    pub(super) arrays: Arrays,
    users: BTreeMap<u32, bool>,
    workflows: BTreeMap<String, Workflow>,
    tasks: u32,
}

/// The id of a workflow.
pub(super) fn id_of(number: u32) -> String {
    format!("67a2ffdb2c{number:04x}.{:08}", 35_276_854 + number)
}

impl Truth {
    pub(super) fn of(scenario: &Scenario) -> Self {
        let mut users: BTreeMap<u32, bool> = COLLEAGUES.iter().map(|user| (*user, true)).collect();
        users.insert(OWNER, true);
        users.extend(scenario.people.iter().map(|person| (person.user, false)));
        let mut truth = Self {
            arrays: match scenario.chance % 10 {
                0 => Arrays::Dropped,
                1 => Arrays::First,
                2 => Arrays::Last,
                3 => Arrays::Nothing,
                _ => Arrays::Honoured,
            },
            users,
            workflows: BTreeMap::new(),
            tasks: 0,
        };
        for workflow in &scenario.workflows {
            let id = id_of(workflow.number);
            let made = Workflow {
                running: true,
                refuses: workflow.refuses,
                survives: workflow.survives,
                started_by: workflow.started_by,
                rows: Vec::new(),
            };
            truth.workflows.insert(id.clone(), made);
            for user in &workflow.waiting {
                truth.add_task(&id, *user);
            }
        }
        truth
    }

    fn add_task(&mut self, id: &str, user: u32) {
        self.tasks += 1;
        let task = self.tasks;
        if let Some(workflow) = self.workflows.get_mut(id) {
            workflow.rows.push(Row {
                task,
                user,
                status: 0,
                user_status: 0,
            });
        }
    }

    pub(super) fn is_running(&self, id: &str) -> bool {
        self.workflows.get(id).is_some_and(|workflow| workflow.running)
    }

    /// Another person's doing.
    pub(super) fn ends(&mut self, number: u32) {
        if let Some(workflow) = self.workflows.get_mut(&id_of(number)) {
            workflow.running = false;
            for row in &mut workflow.rows {
                (row.status, row.user_status) = (1, 1);
            }
        }
    }

    /// The first who waits answers; with the last answer the workflow goes on to somebody else.
    pub(super) fn answers(&mut self, number: u32) {
        if let Some(workflow) = self.workflows.get_mut(&id_of(number))
            && let Some(row) = workflow.rows.iter_mut().find(|row| row.user_status == 0)
        {
            (row.status, row.user_status) = (1, 1);
        }
    }

    pub(super) fn joins(&mut self, number: u32, user: u32) {
        let id = id_of(number);
        if self.is_running(&id) && self.users.contains_key(&user) {
            self.add_task(&id, user);
        }
    }

    pub(super) fn set_active(&mut self, user: u32, active: bool) {
        if let Some(found) = self.users.get_mut(&user) {
            *found = active;
        }
    }

    pub(super) fn toggles_refusing(&mut self, number: u32) {
        if let Some(workflow) = self.workflows.get_mut(&id_of(number)) {
            workflow.refuses = !workflow.refuses;
        }
    }

    /// A kill that gets no further than the instance: its rows stay.
    pub(super) fn half_kills(&mut self, id: &str) -> bool {
        self.workflows
            .get_mut(id)
            .is_some_and(|workflow| std::mem::replace(&mut workflow.running, false))
    }

    /// Executes a destroying command. Says whether that ended the workflow.
    pub(super) fn destroy(&mut self, call: &Call) -> (Answer, bool) {
        let Some(workflow) = call.destroys().and_then(|id| self.workflows.get_mut(id)) else {
            return (Answer::Error(String::new()), false);
        };
        if !workflow.running {
            return (Answer::Error(String::new()), false);
        }
        if workflow.refuses {
            return (Answer::Error("ERROR_CORE".to_owned()), false);
        }
        if workflow.survives {
            return (Answer::Result(json!(true)), false);
        }
        workflow.running = false;
        if call.method == "bizproc.workflow.kill" {
            workflow.rows.clear();
        } else {
            for row in workflow.rows.iter_mut().filter(|row| row.user_status == 0) {
                (row.status, row.user_status) = (5, 4);
            }
        }
        (Answer::Result(json!(true)), true)
    }

    /// Answers a question.
    pub(super) fn read(&self, call: &Call, clock: &str) -> Answer {
        let rows = match call.method.as_str() {
            "profile" => return Answer::Result(json!({"ID": OWNER.to_string(), "ADMIN": true, "NAME": "Alex"})),
            "scope" => return Answer::Result(json!(["bizproc", "user"])),
            "method.get" => return Answer::Result(json!({"isExisting": true, "isAvailable": true})),
            "server.time" => return Answer::Result(json!(clock)),
            "user.get" => self.list_users(call),
            "bizproc.task.list" => self.list_tasks(call),
            "bizproc.workflow.instances" => self.list_instances(call),
            _ => return Answer::Error("ERROR_METHOD_NOT_FOUND".to_owned()),
        };
        Answer::Result(Value::Array(rows.into_iter().take(PAGE).collect()))
    }

    /// The values that a condition has here; none when there is no such condition.
    fn wanted<'a>(&self, call: &'a Call, path: &str) -> Option<Vec<&'a str>> {
        let mut values = call.values(path)?;
        if values.len() > 1 || call.parameter(path).is_none() {
            match self.arrays {
                Arrays::Honoured => {}
                Arrays::Dropped => return None,
                Arrays::First => values.truncate(1),
                Arrays::Last => drop(values.drain(..values.len() - 1)),
                Arrays::Nothing => values.clear(),
            }
        }
        Some(values)
    }

    fn list_users(&self, call: &Call) -> Vec<Value> {
        let ids = self.wanted(call, "FILTER[ID]");
        let after = call.parameter("FILTER[>ID]").and_then(|id| id.parse::<u32>().ok());
        let emails = self.wanted(call, "FILTER[=EMAIL]");
        let fits = |user: u32| {
            ids.as_ref()
                .is_none_or(|ids| ids.iter().any(|id| *id == user.to_string()))
                && after.is_none_or(|after| user > after)
                && emails
                    .as_ref()
                    .is_none_or(|emails| emails.iter().any(|wanted| wanted.eq_ignore_ascii_case(&email(user))))
        };
        let found = self.users.iter().filter(|(user, _)| fits(**user));
        found.map(|(user, active)| user_row(*user, *active)).collect()
    }

    fn list_tasks(&self, call: &Call) -> Vec<Value> {
        let number = |path| call.parameter(path).and_then(|text| text.parse::<u32>().ok());
        let (user, after, task) = (number("FILTER[USER_ID]"), number("FILTER[>ID]"), number("FILTER[ID]"));
        let after_user = number("FILTER[>USER_ID]");
        let (status, user_status) = (number("FILTER[STATUS]"), number("FILTER[USER_STATUS]"));
        let wanted = self.wanted(call, "FILTER[WORKFLOW_ID]");
        let mut found: Vec<(u32, u32, Value)> = Vec::new();
        for (id, workflow) in &self.workflows {
            if wanted.as_ref().is_some_and(|wanted| !wanted.contains(&id.as_str())) {
                continue;
            }
            for row in &workflow.rows {
                let fits = user.is_none_or(|user| user == row.user)
                    && after.is_none_or(|after| row.task > after)
                    && task.is_none_or(|task| row.task == task)
                    && after_user.is_none_or(|user| row.user > user)
                    && status.is_none_or(|status| row.status == status)
                    && user_status.is_none_or(|status| row.user_status == status);
                if fits {
                    found.push((row.task, row.user, task_row(id, workflow, row)));
                }
            }
        }
        found.sort_by_key(|(task, user, _)| (*task, *user));
        found.into_iter().map(|(_, _, row)| row).collect()
    }

    fn list_instances(&self, call: &Call) -> Vec<Value> {
        let wanted = self.wanted(call, "FILTER[=ID]");
        let fits = |id: &str| wanted.as_ref().is_none_or(|wanted| wanted.contains(&id));
        let found = self
            .workflows
            .iter()
            .filter(|(id, workflow)| workflow.running && fits(id));
        found
            .map(|(id, workflow)| instance_row(id, workflow.started_by))
            .collect()
    }

    /// The rows of somebody else.
    pub(super) fn foreign(method: &str) -> Value {
        let row = Row {
            task: 999_999,
            user: 4_711,
            status: 0,
            user_status: 0,
        };
        let workflow = Workflow {
            running: true,
            refuses: false,
            survives: false,
            started_by: 4_711,
            rows: Vec::new(),
        };
        let row = match method {
            "user.get" => user_row(4_711, false),
            "bizproc.task.list" => task_row("foreign.1", &workflow, &row),
            _ => instance_row("foreign.1", 4_711),
        };
        json!([row])
    }
}

fn user_row(user: u32, active: bool) -> Value {
    json!({
        "ID": user.to_string(), "ACTIVE": active, "NAME": format!("Имя {user}"), "LAST_NAME": "Петрова",
        "EMAIL": email(user), "USER_TYPE": "employee", "UF_USR_1": [],
    })
}

fn instance_row(id: &str, started_by: u32) -> Value {
    json!({
        "ID": id, "MODULE_ID": "crm", "ENTITY": "CCrmDocumentLead", "DOCUMENT_ID": "LEAD_1", "TEMPLATE_ID": "7",
        "STARTED": "2026-11-01T10:00:00+03:00", "STARTED_BY": started_by.to_string(), "MODIFIED": null,
    })
}

fn task_row(id: &str, workflow: &Workflow, row: &Row) -> Value {
    json!({
        "ID": row.task.to_string(), "WORKFLOW_ID": id, "USER_ID": row.user.to_string(), "STATUS": row.status.to_string(),
        "USER_STATUS": row.user_status.to_string(), "NAME": "Approve", "DOCUMENT_NAME": "Lead", "MODULE_ID": "crm",
        "ENTITY": "CCrmDocumentLead", "DOCUMENT_ID": "LEAD_1", "WORKFLOW_TEMPLATE_ID": "7",
        "WORKFLOW_STARTED": "2026-11-01T10:00:00+03:00", "WORKFLOW_STARTED_BY": workflow.started_by.to_string(),
        "MODIFIED": "2026-11-01T10:00:00+03:00", "OVERDUE_DATE": null,
    })
}

/// The commands of a request, as PHP takes them apart.
pub(super) fn calls(method: &str, body: &Value) -> Vec<Call> {
    if method != "batch" {
        let mut parameters = BTreeMap::new();
        for (name, value) in body.as_object().into_iter().flatten() {
            flatten(name.clone(), value, &mut parameters);
        }
        return vec![Call {
            key: String::new(),
            method: method.to_owned(),
            parameters,
        }];
    }
    let commands = body["cmd"].as_object().into_iter().flatten();
    commands
        .filter_map(|(key, command)| {
            let (method, query) = command.as_str()?.split_once('?')?;
            let parameters = query.split('&').filter_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                Some((decoded(name), decoded(value)))
            });
            Some(Call {
                key: key.clone(),
                method: method.to_ascii_lowercase(),
                parameters: parameters.collect(),
            })
        })
        .collect()
}

fn flatten(path: String, value: &Value, into: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                flatten(format!("{path}[{name}]"), value, into);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                flatten(format!("{path}[{index}]"), value, into);
            }
        }
        Value::String(text) => drop(into.insert(path, text.clone())),
        other => drop(into.insert(path, other.to_string())),
    }
}

/// Percent-decoding, with `+` for a blank.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let hex: Vec<u8> = rest.by_ref().take(2).collect();
                let hex = std::str::from_utf8(&hex).unwrap_or_default();
                bytes.push(u8::from_str_radix(hex, 16).unwrap_or(b'?'));
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An error object.
pub(super) fn error(code: &str) -> Value {
    json!({"error": code, "error_description": "Процесс не найден, или у вас нет прав"})
}

/// A map as PHP writes it: `[]` when it is empty, and `{}` from a portal that writes it so.
pub(super) fn map(entries: Map<String, Value>, as_object: bool) -> Value {
    if entries.is_empty() && !as_object {
        json!([])
    } else {
        Value::Object(entries)
    }
}
