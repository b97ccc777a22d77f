//! The traps of section 12 of the protocol notes, by their numbers there. Number 33 is about a parameter that is never sent.

use super::{Defence, Removal};

/// Each trap, what keeps us out of it, and the test that shows it.
pub(crate) const TRAPS: &[Defence] = &[Defence {
    against: "trap 21",
    by: "an error is told by the presence of the key `error`, whatever its value",
    without: &[Removal {
        file: "src/portal/code.rs",
        code: r#"let error = object.get("error")?;"#,
        becomes: r#"let error = object.get("error").filter(|error| **error != "")?;"#,
    }],
    test: "traps::killing::trap_21_an_error_with_an_empty_code_is_an_error",
}];
