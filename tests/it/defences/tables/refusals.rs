//! What is refused, and how.

use super::Defence;

/// Each of them, what it rests on, and the test that shows it.
pub(crate) const REFUSALS: &[Defence] = &[];
