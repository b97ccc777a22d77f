//! What the program makes of answers: never more than they say.
//!
//! An input is two bytes, which say what was asked and how the answer travelled, and the bodies of the answers, with the byte `0x1e`
//! between them; the last one is given for ever. The program is asked through its own front: [`Destroyer`] and [`Reader`].

use std::fmt::Debug;
use std::sync::Arc;

use offboard24::domain::{ActionKind, UserId, WorkflowId};
use offboard24::personal::Personal;
use offboard24::portal::{
    Answer, Destroy, Destroyer, Doubt, Failure, Look, Method, PortalError, Reader, Reply, TaskScope, UserQuery,
};
use serde_json::Value;

use super::json::Json;
use super::portal::{Asked, Stand, run};
use super::{Checked, SECRET, ensure};

/// The keys of the destroying batch.
pub(crate) const KEYS: [&str; 3] = ["k0", "k1", "w2-a"];

/// The workflows that are asked about.
pub(crate) const WORKFLOWS: [&str; 3] = ["67a2ffdb2c57a3.35276854", "a.1", "12345678901234"];

/// The user who is asked about.
pub(crate) const USER: u32 = 29;

/// The user's address.
pub(crate) const EMAIL: &str = "a@b.example";

/// What is asked. The first byte of an input counts them round.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Purpose {
    Destroy,
    Instances,
    OpenTasks,
    AllTasks,
    WaitingTasks,
    ByEmail,
    ById,
    Direct,
    Pressing,
}

impl Purpose {
    pub(crate) const ALL: [Self; 9] = [
        Self::Destroy,
        Self::Instances,
        Self::OpenTasks,
        Self::AllTasks,
        Self::WaitingTasks,
        Self::ByEmail,
        Self::ById,
        Self::Direct,
        Self::Pressing,
    ];
}

/// How an answer travelled. The second byte of an input counts them round.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    Whole(u16),
    Failed(Failure),
}

impl Way {
    pub(crate) const ALL: [Self; 20] = [
        Self::Whole(200),
        Self::Whole(200),
        Self::Whole(200),
        Self::Whole(201),
        Self::Whole(204),
        Self::Whole(100),
        Self::Whole(302),
        Self::Whole(307),
        Self::Whole(400),
        Self::Whole(401),
        Self::Whole(403),
        Self::Whole(404),
        Self::Whole(429),
        Self::Whole(500),
        Self::Whole(502),
        Self::Whole(503),
        Self::Failed(Failure::NotConnected),
        Self::Failed(Failure::Tls),
        Self::Failed(Failure::NoAnswer),
        Self::Failed(Failure::Truncated),
    ];
}

/// Between two bodies: no JSON holds it.
pub(crate) const NEXT_BODY: u8 = 0x1e;

/// Codes that say that nothing was done (protocol section 11).
const NOT_EXECUTED: [&str; 24] = [
    "QUERY_LIMIT_EXCEEDED",
    "OPERATION_TIME_LIMIT",
    "OVERLOAD_LIMIT",
    "expired_token",
    "invalid_token",
    "NO_AUTH_FOUND",
    "INVALID_CREDENTIALS",
    "authorization_error",
    "APPLICATION_NOT_FOUND",
    "invalid_grant",
    "invalid_client",
    "PAYMENT_REQUIRED",
    "insufficient_scope",
    "invalid_scope",
    "user_access_error",
    "ACCESS_DENIED",
    "WRONG_LICENSE",
    "METHOD_CONFIRM_WAITING",
    "METHOD_CONFIRM_DENIED",
    "PORTAL_DELETED",
    "ERROR_METHOD_NOT_FOUND",
    "ERROR_WRONG_WORKFLOW_ID",
    "ERROR_BATCH_LENGTH_EXCEEDED",
    "ERROR_BATCH_METHOD_NOT_ALLOWED",
];

/// Checks one input.
pub(crate) fn check(input: &[u8]) -> Checked {
    let [purpose, way, bodies @ ..] = input else {
        return Ok(vec!["too short"]);
    };
    let purpose = Purpose::ALL[usize::from(*purpose) % Purpose::ALL.len()];
    let way = Way::ALL[usize::from(*way) % Way::ALL.len()];
    let bodies: Arc<[Vec<u8>]> = bodies.split(|byte| *byte == NEXT_BODY).map(<[u8]>::to_vec).collect();
    let answered = bodies.clone();
    let stand = Stand::new(Box::new(move |number, _| match way {
        Way::Failed(failure) => Err(failure),
        Way::Whole(status) => Ok(Reply {
            status,
            redirect_host: None,
            body: body_of(&answered, number).to_vec(),
        }),
    }));
    match purpose {
        Purpose::Destroy => destroy(&stand, way, &bodies[0]),
        other => read(&stand, way, &bodies, other),
    }
}

fn body_of(bodies: &[Vec<u8>], number: usize) -> &[u8] {
    bodies.get(number).or(bodies.last()).map_or(&[], Vec::as_slice)
}

fn destroy(stand: &Arc<Stand>, way: Way, body: &[u8]) -> Checked {
    let commands = KEYS
        .iter()
        .zip(WORKFLOWS)
        .enumerate()
        .map(|(index, (key, workflow))| Destroy {
            key: (*key).to_owned(),
            kind: if index == 1 {
                ActionKind::Terminate
            } else {
                ActionKind::Kill
            },
            workflow: workflow.parse().unwrap(),
            status: Some("by order".to_owned()),
        });
    let commands: Vec<Destroy> = commands.collect();
    let destroyer = Destroyer::new(stand.connection());
    let sent = run(destroyer.send(&commands, &Look::default()))?;
    ensure(stand.asked().len() == 1, || format!("{} requests", stand.asked().len()))?;
    ensure(sent.answers.len() == commands.len(), || {
        format!("{} answers", sent.answers.len())
    })?;
    keeps_to_itself(&sent.answers)?;
    keeps_to_itself(&sent.stop)?;
    let body = Json::of(body);
    let mut labels = Vec::new();
    for (answer, key) in sent.answers.iter().zip(KEYS) {
        let said = Said::of(way, body.as_ref(), key);
        let agrees = match answer {
            Answer::Yes => said == Said::True,
            Answer::Refused { .. } => said == Said::Refused,
            Answer::NotExecuted { .. } => said == Said::NotExecuted,
            Answer::Doubt { .. } => true,
        };
        ensure(agrees, || format!("{key} is {answer:?}, and the answer says {said:?}"))?;
        let is_plain = said == Said::True && body.as_ref().is_some_and(Json::is_tame);
        ensure(!is_plain || *answer == Answer::Yes, || {
            format!("{key} is {answer:?}, and the answer says plainly true")
        })?;
        labels.push(label(answer));
    }
    Ok(labels)
}

/// What an answer says about one command, at most.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Said {
    True,
    Refused,
    NotExecuted,
    /// Nothing that could be relied on.
    Nothing,
}

impl Said {
    fn of(way: Way, body: Option<&Json>, key: &str) -> Self {
        let status = match way {
            Way::Failed(Failure::NotConnected | Failure::Tls) => return Self::NotExecuted,
            Way::Failed(Failure::NoAnswer | Failure::Truncated) | Way::Whole(300..400) => return Self::Nothing,
            Way::Whole(status) => status,
        };
        let Some(body) = body else {
            return Self::Nothing;
        };
        match body.all("error")[..] {
            [] if (200..300).contains(&status) => body
                .once("result")
                .map_or(Self::Nothing, |maps| Self::inside(maps, key)),
            [error] if is_not_executed(error) || matches!(status, 401 | 403) => Self::NotExecuted,
            _ => Self::Nothing,
        }
    }

    fn inside(maps: &Json, key: &str) -> Self {
        let (results, errors) = (maps.all("result"), maps.all("result_error"));
        if results.len() > 1 || errors.len() > 1 {
            return Self::Nothing;
        }
        let are_errors_readable = matches!(errors[..], [] | [Json::Null | Json::List(_) | Json::Map(_)]);
        let (result, error) = (
            results.first().map_or(Vec::new(), |map| map.all(key)),
            errors.first().map_or(Vec::new(), |map| map.all(key)),
        );
        match (&result[..], &error[..]) {
            ([Json::Bool(true)], []) if are_errors_readable => Self::True,
            ([], [error]) if error.once("error").is_some_and(is_not_executed) => Self::NotExecuted,
            ([], [_]) => Self::Refused,
            _ => Self::Nothing,
        }
    }
}

/// Whether the value of a field `error` is a code that says that nothing was done. The newer API has it one level deeper.
fn is_not_executed(error: &Json) -> bool {
    match error {
        Json::Text(code) => NOT_EXECUTED.contains(&code.as_str()),
        Json::Map(_) => error.once("code").is_some_and(is_not_executed),
        _ => false,
    }
}

fn label(answer: &Answer) -> &'static str {
    match answer {
        Answer::Yes => "yes",
        Answer::Refused { .. } => "refused",
        Answer::NotExecuted { .. } => "not executed",
        Answer::Doubt { why } => match why {
            Doubt::NoAnswer => "no answer",
            Doubt::Truncated => "truncated",
            Doubt::NotJson => "not JSON",
            Doubt::Status(_) => "status",
            Doubt::Error { .. } => "error of all",
            Doubt::Redirected => "redirected",
            Doubt::NotLiteralTrue => "not literally true",
            Doubt::MissingKey => "missing key",
            Doubt::InBothMaps => "in both maps",
        },
    }
}

/// Free texts are personal: they are in nothing that could be written down in clear.
fn keeps_to_itself(something: &impl Debug) -> Result<(), String> {
    let told = format!("{something:?}");
    ensure(!told.contains(SECRET), || format!("it tells a free text: {told}"))
}

fn read(stand: &Arc<Stand>, way: Way, bodies: &[Vec<u8>], purpose: Purpose) -> Checked {
    let reader = Reader::new(stand.connection());
    let workflows: Vec<WorkflowId> = WORKFLOWS.iter().map(|id| id.parse().unwrap()).collect();
    match purpose {
        Purpose::Instances | Purpose::Pressing => {
            let read = if purpose == Purpose::Instances {
                run(reader.instances(&workflows))?
            } else {
                run(reader.instances_of_sent(&workflows))?
            };
            let Some(instances) = told(read)? else {
                return Ok(vec!["instances: error"]);
            };
            ensure(instances.len() == workflows.len(), || {
                "not every workflow is answered".to_owned()
            })?;
            let mut labels = Vec::new();
            for (instance, workflow) in instances.iter().zip(WORKFLOWS) {
                if let Some(row) = instance {
                    ensure(row.id.as_str() == workflow, || format!("{row:?} stands for {workflow}"))?;
                    labels.push("instances: running");
                } else {
                    let asked = stand.asked();
                    let says_so = asked
                        .iter()
                        .enumerate()
                        .any(|(number, asked)| is_absent(way, asked, body_of(bodies, number), workflow));
                    ensure(says_so, || format!("no answer says that {workflow} is gone"))?;
                    labels.push("instances: gone");
                }
            }
            Ok(labels)
        }
        Purpose::OpenTasks => {
            let Some(tasks) = told(run(reader.open_tasks(&[UserId(USER)]))?)? else {
                return Ok(vec!["open tasks: error"]);
            };
            let waits =
                |row: &offboard24::portal::TaskRow| row.user == UserId(USER) && (row.status, row.user_status) == (0, 0);
            ensure(tasks[0].iter().all(waits), || format!("a task of another: {tasks:?}"))?;
            let is_ordered = tasks[0].is_sorted_by(|earlier, later| earlier.id < later.id);
            ensure(is_ordered, || "a task comes twice".to_owned())?;
            Ok(vec![if tasks[0].is_empty() {
                "open tasks: none"
            } else {
                "open tasks: some"
            }])
        }
        Purpose::AllTasks | Purpose::WaitingTasks => {
            let scope = if purpose == Purpose::AllTasks {
                TaskScope::All
            } else {
                TaskScope::Waiting
            };
            let Some(tasks) = told(run(reader.workflow_tasks(&workflows[..1], scope))?)? else {
                return Ok(vec!["tasks: error"]);
            };
            let is_asked = |row: &offboard24::portal::TaskRow| {
                row.workflow == workflows[0] && (scope == TaskScope::All || (row.status, row.user_status) == (0, 0))
            };
            ensure(tasks[0].iter().all(is_asked), || {
                format!("a task of another: {tasks:?}")
            })?;
            let mut people: Vec<_> = tasks[0].iter().map(|row| (row.id, row.user)).collect();
            people.sort();
            let are_distinct = people.is_sorted_by(|earlier, later| earlier < later);
            ensure(are_distinct, || "a person of a task comes twice".to_owned())?;
            Ok(vec![if tasks[0].is_empty() {
                "tasks: none"
            } else {
                "tasks: some"
            }])
        }
        Purpose::ByEmail | Purpose::ById => {
            let query = if purpose == Purpose::ById {
                UserQuery::Id(UserId(USER))
            } else {
                UserQuery::Email(Personal::new(EMAIL))
            };
            let Some(users) = told(run(reader.users(&[query]))?)? else {
                return Ok(vec!["users: error"]);
            };
            let plain = |text: &str| text.trim().trim_matches('\u{feff}').to_lowercase();
            let is_asked = |user: &offboard24::portal::UserRow| match purpose {
                Purpose::ById => user.id == UserId(USER),
                _ => user.email.as_ref().is_some_and(|email| plain(email.expose()) == EMAIL),
            };
            ensure(users[0].iter().all(is_asked), || format!("somebody else: {users:?}"))?;
            Ok(vec![if users[0].is_empty() {
                "users: none"
            } else {
                "users: some"
            }])
        }
        Purpose::Direct | Purpose::Destroy => direct(&reader),
    }
}

/// What is asked by itself. Each is asked of the same answers, so most of them fail.
fn direct(reader: &Reader) -> Checked {
    let answers = [
        told(run(reader.profile())?)?.map(|_| "profile"),
        told(run(reader.scope())?)?.map(|_| "scope"),
        told(run(reader.method_available("bizproc.workflow.kill"))?)?.map(|_| "method"),
        told(run(reader.server_time())?)?.map(|_| "time"),
        told(run(reader.can_administer_workflows())?)?.map(|_| "right"),
    ];
    let read: Vec<&'static str> = answers.into_iter().flatten().collect();
    Ok(if read.is_empty() { vec!["direct: error"] } else { read })
}

/// The answer, if it is one. An error keeps personal values to itself.
fn told<T>(read: Result<T, PortalError>) -> Result<Option<T>, String> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) => {
            keeps_to_itself(&error)?;
            keeps_to_itself(&error.to_string())?;
            Ok(None)
        }
    }
}

/// Whether an answer to a request says that a workflow is not running: by an empty list, under the key of its own question.
fn is_absent(way: Way, (method, request): &Asked, body: &[u8], workflow: &str) -> bool {
    let (Way::Whole(200..300), Some(body)) = (way, Json::of(body)) else {
        return false;
    };
    let Some(result) = body.once("result").filter(|_| body.all("error").is_empty()) else {
        return false;
    };
    let is_empty = |list: Option<&Json>| matches!(list, Some(Json::List(rows)) if rows.is_empty());
    if *method != Method::Batch {
        return request["FILTER"]["=ID"] == workflow && is_empty(Some(result));
    }
    let asks = |command: &Value| {
        command
            .as_str()
            .is_some_and(|text| text.contains(&format!("%5B%3DID%5D={workflow}&")))
    };
    let (results, errors) = (result.once("result"), result.all("result_error"));
    request["cmd"].as_object().into_iter().flatten().any(|(key, command)| {
        asks(command)
            && is_empty(results.and_then(|results| results.once(key)))
            && errors.iter().all(|errors| errors.all(key).is_empty())
    })
}
