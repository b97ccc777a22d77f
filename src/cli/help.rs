//! Texts of `--help` that come from elsewhere in the program.

use crate::exit::Exit;

/// The first thing to try.
pub(crate) const EXAMPLE: &str = "Example: offboard24 demo";

/// The first thing to try, and the table of exit codes.
pub(crate) fn after_long_help() -> String {
    format!("{EXAMPLE}\n\nExit codes:\n{}", exit_codes())
}

/// The table of exit codes, from the one definition.
pub(crate) fn exit_codes() -> String {
    let mut codes = Exit::PRECEDENCE;
    codes.sort_by_key(|exit| exit.code());
    let lines: Vec<String> = codes
        .iter()
        .map(|exit| format!("  {:>3}  {}", exit.code(), exit.meaning()))
        .collect();
    lines.join("\n")
}
