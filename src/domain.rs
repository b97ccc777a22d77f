//! The words of the design as types: ids, states, outcomes.
//!
//! No module defines a second word for one of these. Spellings in JSON, SQL and messages come from here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Declares an enum whose variants have one spelling, used in JSON, SQL and messages alike.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_meta])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every value, in the order of the design.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The one spelling.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|value| value.as_str() == text)
                    .ok_or_else(|| UnknownWord { kind: stringify!($name), text: text.to_owned() })
            }
        }
    };
}

/// A text that is none of the words expected in its place.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{text:?} is not a known {kind}")]
pub struct UnknownWord {
    kind: &'static str,
    text: String,
}

/// Declares a number that names one kind of thing.
macro_rules! number_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }
    };
}

number_id! {
    /// A user of the portal. Bitrix24 numbers users from 1.
    UserId
}
number_id! {
    /// An open workflow task of the portal.
    TaskId
}
number_id! {
    /// A job of this database, from 1.
    JobId
}
number_id! {
    /// A run of this database, from 1.
    RunId
}
number_id! {
    /// An action of one job, from 1.
    ActionId
}
number_id! {
    /// A row of the roster, from 1: the first line below the header that is not empty is row 1.
    RowNumber
}

/// The id of a running workflow, such as `67a2ffdb2c57a3.35276854`.
///
/// Text everywhere: an id of digits only, or one that looks like `1e5`, would be destroyed by any number type
/// (protocol section 3, trap 24). What is accepted can be put into a batch command as it stands.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WorkflowId(String);

/// A text that cannot be the id of a workflow.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} cannot be a workflow id")]
pub struct InvalidWorkflowId(String);

impl WorkflowId {
    /// Bitrix24 stores workflow ids in 32 characters; twice that is accepted, more is not an id.
    pub const LENGTH_MAX: usize = 64;

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for WorkflowId {
    type Error = InvalidWorkflowId;

    fn try_from(text: String) -> Result<Self, InvalidWorkflowId> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        // PHP takes "0" for empty, so the portal refuses it as an id.
        if text.is_empty() || text == "0" || text.len() > Self::LENGTH_MAX || !text.bytes().all(known) {
            return Err(InvalidWorkflowId(text));
        }
        Ok(Self(text))
    }
}

impl FromStr for WorkflowId {
    type Err = InvalidWorkflowId;

    fn from_str(text: &str) -> Result<Self, InvalidWorkflowId> {
        Self::try_from(text.to_owned())
    }
}

impl From<WorkflowId> for String {
    fn from(id: WorkflowId) -> Self {
        id.0
    }
}

impl fmt::Display for WorkflowId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

/// `host[:port]` in lower case: what a job belongs to.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Portal(pub String);

impl fmt::Display for Portal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

words! {
    /// What is done to a workflow.
    ActionKind {
        /// `bizproc.workflow.kill`: erases the workflow with everything about it.
        Kill = "kill",
        /// `bizproc.workflow.terminate`: ends it and leaves its state and log.
        Terminate = "terminate",
    }
}

words! {
    /// What became of a row of the roster. The states partition the rows.
    RowState {
        /// Exactly one user, dismissed.
        Matched = "matched",
        /// A later row of a person already matched: the actions are credited to both.
        Duplicate = "duplicate",
        /// No such user, or none that the webhook's owner may see.
        NotFound = "not_found",
        /// More than one candidate, or keys that disagree.
        Ambiguous = "ambiguous",
        /// The person still works here.
        StillActive = "still_active",
        /// The policy, or the rule about the webhook's owner, forbids it.
        Protected = "protected",
        /// The rows of one person contradict each other.
        Invalid = "invalid",
    }
}

words! {
    /// What a person decided about a workflow of a frozen plan.
    Decision {
        /// Its holds are released.
        Include = "include",
        /// It is held as `dropped`.
        Drop = "drop",
    }
}

words! {
    /// Why an action is in the plan but will not be done unless the operator decides so. In the order in which they are shown.
    HoldReason {
        /// The policy protects the workflow.
        Protected = "protected",
        /// Its people's rows ask for different actions.
        Conflict = "conflict",
        /// An unfinished job of the database already has the workflow.
        OtherJob = "other-job",
        /// Somebody who is not a matched person of this job still waits in it.
        Shared = "shared",
        /// A colleague who still works here started it, and the policy holds such workflows.
        Foreign = "foreign",
        /// The operator dropped it.
        Dropped = "dropped",
    }
}

words! {
    /// An action's final word. Each makes exactly the claim of design section 1.
    Outcome {
        /// Answered literal `true`, and a read-back no longer lists the workflow.
        Confirmed = "confirmed",
        /// An attempt went unanswered, and afterwards the workflow was gone.
        Presumed = "presumed",
        /// Gone before anything was sent.
        AlreadyGone = "already_gone",
        /// Every attempt was answered, with a refusal, and the workflow is gone.
        Unattributed = "unattributed",
        /// Changed since the plan; not done.
        Drifted = "drifted",
        /// A definite error, and the workflow is still listed.
        Failed = "failed",
        /// Answered `true`, or three attempts unanswered, and still listed.
        Survived = "survived",
    }
}

words! {
    /// Why a run stopped before the job was complete.
    StopReason {
        /// SIGINT or SIGTERM.
        Signal = "signal",
        /// `offboard24 stop`.
        Requested = "requested",
        /// The portal could not be reached, or its limits did not end in time.
        Limit = "limit",
        /// Authentication, permission, scope, tariff or the portal's manual block.
        Auth = "auth",
        /// The canary or the circuit breaker.
        Breaker = "breaker",
        /// No room for the journal.
        Disk = "disk",
        /// The process died.
        Crash = "crash",
    }
}

/// The state of an action. `planned`, `held`, `sent` and the outcomes partition the plan.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub enum ActionState {
    /// To be done.
    Planned,
    /// Not to be done unless the operator decides so.
    Held,
    /// An attempt is on record and not settled.
    Sent,
    /// Over.
    Ended(Outcome),
}

impl ActionState {
    /// The one spelling, the outcome's own where there is one.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Held => "held",
            Self::Sent => "sent",
            Self::Ended(outcome) => outcome.as_str(),
        }
    }
}

impl FromStr for ActionState {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "planned" => Ok(Self::Planned),
            "held" => Ok(Self::Held),
            "sent" => Ok(Self::Sent),
            other => other.parse().map(Self::Ended),
        }
    }
}

impl fmt::Display for ActionState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}
