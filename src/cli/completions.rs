//! `offboard24 completions`: what a shell needs to complete commands and flags, from the one definition of the command line.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::settings::Arguments;
use super::terminal::Terminal;
use crate::exit::Exit;

pub(crate) fn completions(terminal: &Terminal, shell: Shell) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "offboard24", &mut script);
    let script = String::from_utf8_lossy(&script);
    terminal.object(&serde_json::json!({ "shell": shell.to_string(), "script": script }));
    terminal.say(script.trim_end());
    Exit::Done
}
