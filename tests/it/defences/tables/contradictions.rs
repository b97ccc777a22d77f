//! Where sources contradict each other, or say nothing: sections 14 and 15 of the protocol notes.

use super::Defence;

/// Each of them, what it rests on, and the test that shows it.
pub(crate) const CONTRADICTIONS: &[Defence] = &[];
