//! The wrapper for personal values.
//!
//! A field is either wrapped in [`Personal`] or it is not personal: names, e-mail addresses, titles, error texts, notes,
//! unknown roster columns and reasons are. The wrapper cannot be printed by accident; who wants the value calls
//! [`Personal::expose`] and can be found by that name.

use std::fmt;

/// A free text from the roster, the portal or the operator.
#[derive(Clone, Eq, PartialEq, Ord, PartialOrd, Hash, Default)]
pub struct Personal(Box<str>);

impl Personal {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into().into_boxed_str())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Personal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Personal(…)")
    }
}
