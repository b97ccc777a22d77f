//! The rigs: `cargo test --profile rigs --features rigs --test rigs -- RIG NUMBER`. `TESTING.md` says what each shows.

#![expect(clippy::print_stdout, reason = "a rig for developers prints what it finds")]

/// Says what was promised and not kept.
macro_rules! hold {
    ($condition:expr, $($words:tt)+) => {
        if !$condition {
            return Err(format!($($words)+));
        }
    };
}

mod crashes;
mod model;
mod parsers;
#[expect(clippy::unwrap_used, reason = "numbers that fit, in a file of the tests")]
#[path = "../it/engine/random.rs"]
mod random;
mod simulation;
mod storage;

use std::process::ExitCode;

/// A rig: its name, what its number counts, and what runs it.
type Rig = (&'static str, &'static str, fn(&[String]) -> Result<(), String>);

const RIGS: &[Rig] = &[
    ("crashes", "RANDOM", crashes::run),
    ("model", "EXECUTIONS", model::run),
    (
        "parsers",
        "INPUTS|SECONDSs [--from N] [--mistake NAME] | --seed N | --largest | --corpus FOLDER INPUTS",
        parsers::run,
    ),
    (
        "simulate",
        "SEEDS [--from N] [--actions N] [--mistake NAME] | --seed N | --scenario FILE",
        simulation::run,
    ),
    (
        "file-faults",
        "[night | plan | apply | resume | redact | export] [--kind KIND] [--at CALL:KIND]",
        storage::file_faults,
    ),
    (
        "power-loss",
        "STATES [--people N] [--seed N] [--mistake NAME] [--at CALL:SEED]",
        storage::power_loss,
    ),
    ("disk-full", "SIZES [--seed N] [--at SCENE:BYTES]", storage::disk_full),
    ("places", "[BITS-A-PAGE] [--mistake no-lock]", storage::places),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = arguments.split_first() else {
        return usage();
    };
    let Some((_, _, run)) = RIGS.iter().find(|(rig, ..)| rig == name) else {
        return usage();
    };
    match run(rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(finding) => {
            println!("{name}: {finding}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    println!("give a rig and its number:");
    for (name, number, _) in RIGS {
        println!("  {name} {number}");
    }
    ExitCode::FAILURE
}
