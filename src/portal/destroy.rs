//! The only thing here that can change a portal: one batch of `kill` and `terminate`, sent once.
//!
//! Not responsible for deciding what to send, for recording the intent first, or for what to do about a doubt.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::answer::{self, Answer, NotExecuted, Sought};
use super::connection::Connection;
use super::encode;
use super::error::PortalError;
use super::method::Method;
use crate::domain::{ActionKind, WorkflowId};

/// One destroying command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Destroy {
    /// Its key in the batch: a letter, then letters, digits, `_` or `-`. Distinct within a batch.
    pub key: String,
    /// What to do.
    pub kind: ActionKind,
    /// To which workflow.
    pub workflow: WorkflowId,
    /// The text that `terminate` leaves on the workflow's state. `kill` leaves nothing, and ignores it.
    pub status: Option<String>,
}

/// What a batch brought.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sent {
    /// One for each command, in their order.
    pub answers: Vec<Answer>,
    /// From the first byte to the last, without the waiting for the pace before.
    pub took: Duration,
    /// The longest single command, by the portal's word. The batch size follows it.
    pub command_took: Option<Duration>,
    /// Why nothing more may be sent: authentication, permission, the manual block, a redirect, or a mistake of ours.
    pub stop: Option<PortalError>,
}

/// Sends destroying batches. Whoever holds one can destroy.
pub struct Destroyer {
    connection: Arc<Connection>,
}

impl Destroyer {
    /// A destroyer on a connection.
    pub fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    /// Waits until the pace allows one more request. What has to be fresh when the first byte leaves is looked at after this, and
    /// before [`Destroyer::send`].
    pub async fn await_turn(&self) {
        self.connection.await_turn().await;
    }

    /// Sends the commands as one batch in exactly one HTTP request, once, when the pace allows it and no other destroying
    /// batch is in flight. Never fails: each command has its answer. Without commands nothing is sent.
    ///
    /// A batch that must not be sent (too long, a key twice, a text that the portal would rewrite) is not: each command is
    /// [`NotExecuted::Batch`], and `stop` says why.
    pub async fn send(&self, commands: &[Destroy]) -> Sent {
        if commands.is_empty() {
            return Sent {
                answers: Vec::new(),
                took: Duration::ZERO,
                command_took: None,
                stop: None,
            };
        }
        let body = match batch(commands) {
            Ok(body) => body,
            Err(problem) => return not_sendable(commands, problem),
        };
        let sought: Vec<Sought<'_>> = commands
            .iter()
            .map(|command| Sought {
                key: &command.key,
                method: Method::from(command.kind),
            })
            .collect();
        let _alone = self.connection.destroying().lock().await;
        let (exchange, took) = self.connection.exchange(Method::Batch, &body).await;
        let now = self.connection.now();
        let judgement = answer::judge(&exchange, &sought, &mut self.connection.limits(), now);
        if judgement.overflowed {
            self.connection.overflowed();
        }
        Sent {
            answers: judgement.answers,
            took,
            command_took: judgement.command_took,
            stop: judgement.stop,
        }
    }
}

/// The answer to a batch that was not sent.
fn not_sendable(commands: &[Destroy], problem: &'static str) -> Sent {
    let why = NotExecuted::Batch {
        code: "not-sendable".to_owned(),
    };
    Sent {
        answers: vec![Answer::NotExecuted { why }; commands.len()],
        took: Duration::ZERO,
        command_took: None,
        stop: Some(PortalError::Unsendable {
            asked: "a destroying batch".to_owned(),
            problem,
        }),
    }
}

/// The body of the request. `halt` is off: a refused command must not hide what became of the others.
fn batch(commands: &[Destroy]) -> Result<Value, &'static str> {
    if commands.len() > encode::BATCH_COMMANDS_MAX {
        return Err("it has more than 50 commands");
    }
    let mut keys = HashSet::new();
    let mut cmd = Map::new();
    for command in commands {
        if !encode::is_key(&command.key) {
            return Err("a key is not a letter followed by letters, digits, `_` or `-`");
        }
        if !keys.insert(&command.key) {
            return Err("two commands have one key");
        }
        let mut parameters = json!({"ID": command.workflow.as_str()});
        if let (ActionKind::Terminate, Some(status)) = (command.kind, &command.status) {
            parameters["STATUS"] = Value::from(status.as_str());
        }
        let text = encode::command(Method::from(command.kind), &parameters).map_err(encode::Refusal::as_str)?;
        cmd.insert(command.key.clone(), Value::from(text));
    }
    Ok(json!({"halt": 0, "cmd": cmd}))
}
