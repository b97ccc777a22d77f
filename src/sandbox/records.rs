//! What the sandbox remembers: every request that arrived, and every change that was really made.
//!
//! Tests assert pacing, privacy and "nothing twice" on these; nothing here decides anything.

use std::time::Duration;

use serde_json::{Value, json};

/// One change of the world that a request made. A refused kill is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// Counts the effects from 1.
    pub sequence: u64,
    /// The number of the request that asked for it.
    pub request: u64,
    /// When it happened, by [`super::Time`].
    pub at: Duration,
    /// The method.
    pub method: String,
    /// The workflow that was killed or terminated.
    pub workflow: String,
    /// The text that a terminate left in the state row.
    pub status_text: Option<String>,
    /// How many tasks went with it.
    pub tasks_removed: usize,
}

impl Effect {
    pub(crate) fn to_json(&self) -> Value {
        json!({"sequence": self.sequence, "request": self.request, "at_seconds": self.at.as_secs_f64(),
            "method": self.method, "workflow": self.workflow, "status_text": self.status_text,
            "tasks_removed": self.tasks_removed})
    }
}

/// One HTTP request that arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestRecord {
    /// Counts the requests from 1.
    pub number: u64,
    /// When it arrived, by [`super::Time`].
    pub at: Duration,
    /// `GET` or `POST`.
    pub http_method: String,
    /// The REST method, in lower case.
    pub method: String,
    /// The calls in it: those of a batch, or the one call itself.
    pub commands: Vec<CommandRecord>,
    /// The status that was sent; `None`: the connection was closed without an answer, or the answer is not sent yet.
    pub status: Option<u16>,
}

/// One call in a request.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandRecord {
    /// Its key in a batch; `None` for a direct call.
    pub key: Option<String>,
    /// The REST method, in lower case.
    pub method: String,
    /// The decoded parameters, before any `$result[…]` was replaced.
    pub params: Value,
}

impl RequestRecord {
    /// Whether a call in it kills or terminates.
    pub fn destroys(&self) -> bool {
        self.commands.iter().any(CommandRecord::destroys)
    }

    pub(crate) fn to_json(&self) -> Value {
        let commands = self
            .commands
            .iter()
            .map(|command| json!({"key": command.key, "method": command.method, "params": command.params}));
        json!({"number": self.number, "at_seconds": self.at.as_secs_f64(), "http_method": self.http_method,
            "method": self.method, "commands": commands.collect::<Vec<_>>(), "status": self.status})
    }
}

impl CommandRecord {
    /// Whether it kills or terminates.
    pub fn destroys(&self) -> bool {
        matches!(
            self.method.as_str(),
            "bizproc.workflow.kill" | "bizproc.workflow.terminate"
        )
    }
}
