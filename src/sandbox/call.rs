//! One call of a method: what it is given and what comes back.

use super::behaviour::{Behaviour, IdForm};
use super::php::{Php, PhpArray};
use super::world::{Removed, World};

/// How many rows a list method returns at once.
pub(crate) const PAGE: usize = 50;

/// What a method returns: its result, or a refusal.
pub(crate) type Answer = Result<Success, Refusal>;

/// A result, with the counters of list methods.
#[derive(Clone, Debug)]
pub(crate) struct Success {
    pub(crate) result: Php,
    pub(crate) next: Option<i64>,
    pub(crate) total: Option<i64>,
}

impl Success {
    /// A result without counters.
    pub(crate) fn plain(result: impl Into<Php>) -> Self {
        Self {
            result: result.into(),
            next: None,
            total: None,
        }
    }
}

/// An error: the HTTP status of a direct call, the code, which may be empty, and the text.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) text: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: &'static str, text: impl Into<String>) -> Self {
        Self {
            status,
            code,
            text: text.into(),
        }
    }

    /// The right is missing.
    pub(crate) fn access_denied() -> Self {
        Self::new(403, "ACCESS_DENIED", "Access denied!")
    }

    /// The error object.
    pub(crate) fn to_php(&self) -> PhpArray {
        let mut error = PhpArray::default();
        error.put("error", self.code);
        error.put("error_description", self.text.as_str());
        error
    }
}

/// What a handler works with.
pub(crate) struct Desk<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) behaviour: Behaviour,
    /// The portal's Unix time, in seconds.
    pub(crate) now: f64,
    /// A fault: reading methods ignore their filter.
    pub(crate) drops_filters: bool,
    /// The change that the call made, if it made one.
    pub(crate) change: Option<Change>,
}

/// A change that a call made.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) workflow: String,
    pub(crate) status_text: Option<String>,
    pub(crate) removed: Removed,
}

impl Desk<'_> {
    /// Refuses everybody but administrators.
    pub(crate) fn require_administrator(&self) -> Result<(), Refusal> {
        if self.world.webhook.administrator {
            Ok(())
        } else {
            Err(Refusal::access_denied())
        }
    }

    /// An id or a status in a row.
    pub(crate) fn number(&self, number: i64) -> Php {
        match self.behaviour.ids {
            IdForm::Text => Php::Text(number.to_string()),
            IdForm::Number => Php::Int(number),
        }
    }
}
