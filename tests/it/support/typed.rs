//! A terminal of its own for a command: what is typed into it, and what it shows.

use std::io::{Read as _, Write as _};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::terminal::Terminal;
use super::{Desk, await_on};

/// A command that has a terminal for its input and its notes. Its data goes into a pipe.
pub(crate) struct Typed {
    child: Child,
    /// What was shown so far.
    shown: Arc<Mutex<Vec<u8>>>,
    /// Reads on: a terminal that nobody reads keeps the command waiting.
    reader: JoinHandle<()>,
}

impl Typed {
    /// Starts a command, and types these lines.
    pub(crate) fn start(desk: &Desk, arguments: &[&str], typed: &str) -> Self {
        let terminal = Terminal::new();
        let mut command = desk.command(arguments);
        command.env("TERM", "xterm");
        command
            .stdin(terminal.theirs())
            .stderr(terminal.theirs())
            .stdout(Stdio::piped());
        let child = command.spawn().unwrap();
        drop(command);
        let mut ours = terminal.ours;
        ours.write_all(typed.as_bytes()).unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&shown);
        let reader = std::thread::spawn(move || {
            let mut portion = [0; 4096];
            // When the other side is closed, reading ends with an error, after everything that was written.
            while let Ok(length @ 1..) = ours.read(&mut portion) {
                kept.lock().unwrap().extend_from_slice(&portion[..length]);
            }
        });
        Self { child, shown, reader }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }

    /// Waits until this is shown.
    #[track_caller]
    pub(crate) fn await_text(&mut self, text: &str) {
        let shown = Arc::clone(&self.shown);
        let there = || String::from_utf8_lossy(&shown.lock().unwrap()).contains(text);
        await_on(&mut self.child, text, there);
    }

    /// The process.
    pub(crate) fn process(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    /// Waits for the end: the exit code, what the terminal showed, and what went into the pipe.
    pub(crate) fn end(mut self) -> (i32, String, String) {
        let mut data = String::new();
        let mut output = self.child.stdout.take().unwrap();
        output.read_to_string(&mut data).unwrap();
        let code = self.child.wait().unwrap().code().unwrap();
        while !self.reader.is_finished() {
            std::thread::yield_now();
        }
        (code, self.text(), data)
    }
}
