//! The lines of the classification of answers: `audit-and-durability`, section 2.

use super::Defence;

/// Each of them, what it rests on, and the test that shows it.
pub(crate) const ANSWERS: &[Defence] = &[];
