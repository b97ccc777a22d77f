//! What is refused, and how: message, exit code, nothing lost.
//!
//! A refusal says what happened, what it means and what to type next, on the terminal and as an object; it leaves everything as it
//! was; and when its cause is gone, the job goes on.

mod address;
mod clock;
mod codes;
mod database;
mod disk;
mod net;
mod output;
mod permissions;
mod precedence;
mod roster;
mod tls;

use std::process::{Command, Stdio};

use crate::support::{Desk, Ended, HOW_TO};

/// What a refusal has to say.
struct Refusal {
    code: i32,
    kind: &'static str,
    /// Parts of what happened and what it means.
    says: &'static [&'static str],
    /// A part of what to type next.
    next: &'static str,
}

const fn refusal(code: i32, kind: &'static str, says: &'static [&'static str], next: &'static str) -> Refusal {
    Refusal { code, kind, says, next }
}

impl Refusal {
    /// Panics unless a command that was run with `--json` was refused like this.
    #[track_caller]
    fn check(&self, ended: &Ended) {
        let shown = format!("stdout:\n{}\nstderr:\n{}", ended.stdout, ended.stderr);
        assert_eq!(ended.code, self.code, "{shown}");
        let error = &ended.json()["error"];
        assert_eq!(
            (error["kind"].as_str(), error["exit"].as_i64()),
            (Some(self.kind), Some(self.code.into())),
            "{shown}"
        );
        let message = error["message"].as_str().unwrap();
        for part in self.says {
            assert!(message.contains(part), "{part:?} is not said:\n{shown}");
        }
        let next = error["next"].as_str().unwrap_or_default();
        assert!(
            next.contains(self.next),
            "{:?} is not the next step:\n{shown}",
            self.next
        );
        let first = message.lines().next().unwrap();
        assert!(
            ended.stderr.contains(first) && ended.stderr.contains("next: "),
            "the terminal is told less:\n{shown}"
        );
    }
}

/// Runs a command of this desk that was changed.
fn run(desk: &Desk, command: &mut Command) -> Ended {
    desk.wait(start(command))
}

/// Starts a command of a desk that was changed.
fn start(command: &mut Command) -> std::process::Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// `plan` for the nine workflows, with these arguments besides.
fn plan_command(desk: &Desk, arguments: &[&str]) -> Command {
    let roster = desk.roster(HOW_TO);
    desk.command(&[&["plan", &roster, "--action", "kill", "--json"], arguments].concat())
}
