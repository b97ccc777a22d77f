//! The rules of the engine: design section 5.

use super::Defence;

/// Each of them, what it rests on, and the test that shows it.
pub(crate) const RULES: &[Defence] = &[];
