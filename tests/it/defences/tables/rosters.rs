//! What people's files are like.

use super::Defence;

/// Each of them, what it rests on, and the test that shows it.
pub(crate) const ROSTERS: &[Defence] = &[];
