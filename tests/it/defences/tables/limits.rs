//! The portal's limits: rate, operating time, and the sixty seconds of a request.

use super::Defence;

/// Each of them, what it rests on, and the test that shows it.
pub(crate) const LIMITS: &[Defence] = &[];
