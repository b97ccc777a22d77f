//! The checks of the rig `parsers`, for a fuzzer: whatever they find is a panic.

#[path = "../../tests/rigs/parsers/check/mod.rs"]
mod check;

/// Looks at one input of a kind.
///
/// # Panics
///
/// When something is found.
pub fn look_at(kind: &str, input: &[u8]) {
    for (name, check) in check::KINDS {
        if name == kind
            && let Err(found) = check(input)
        {
            panic!("{found}");
        }
    }
}
