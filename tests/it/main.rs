//! The tests of the whole: the real binary against the stand-in portal, over real HTTP; and `engine`, the rules
//! of a run on its pure functions.
//!
//! `support` is the small vocabulary that they share; each other file is a subject.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test ends at the first surprise, and prints the seed that led there"
)]

mod support;

mod answers;
mod browser;
mod check;
mod commands;
mod contradictions;
mod crashes;
mod decide;
mod defences;
mod engine;
mod export;
mod faults;
mod journal;
mod language;
mod limits;
mod log;
mod main_job;
mod migration;
mod packaging;
mod policy;
mod profiles;
mod prove;
mod reach;
mod readme;
mod redact;
mod refusals;
mod reports;
mod rosters;
mod rules;
mod schemas;
mod screens;
mod sealing;
mod spreadsheets;
mod tampering;
mod terminal;
mod tidy;
mod traps;
mod vectors;
mod verify;
mod waiting;
