//! A terminal of its own for a command: what is typed goes in, and what a person would see comes out.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::termios::{Winsize, tcsetwinsize};

use super::terminal::Terminal;
use super::{Desk, await_on};

/// A command at work on a terminal of its own, which is also the one that its keyboard's Ctrl-C belongs to.
pub(crate) struct Screen {
    ours: File,
    /// Everything that was written to it.
    written: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
    child: Child,
    /// How wide it was, from which byte on.
    widths: Vec<(usize, u16)>,
}

/// How a command on a terminal ended.
pub(crate) struct Shown {
    pub(crate) code: Option<i32>,
    /// What a person sees, all that scrolled away included.
    pub(crate) text: String,
    /// The same, had the terminal been wide enough for every line.
    pub(crate) unwrapped: String,
    /// The bytes that made it.
    pub(crate) bytes: String,
}

impl Screen {
    /// Starts a command of the desk on a terminal of 80 columns, all of its streams there. `more` is added to its environment.
    pub(crate) fn of(desk: &Desk, arguments: &[&str], more: &[(&str, &str)]) -> Self {
        let columns = 80;
        let terminal = Terminal::new();
        resize(&terminal.ours, columns);
        let plain = desk.command(arguments);
        // The terminal is handed over by a program of the system, since that takes what safe Rust does not have.
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(plain.get_program()).args(plain.get_args());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        for (name, value) in plain.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command.env("TERM", "xterm").envs(more.iter().copied());
        command.current_dir(plain.get_current_dir().unwrap());
        command
            .stdin(terminal.theirs())
            .stdout(terminal.theirs())
            .stderr(terminal.theirs());
        let child = command.spawn().unwrap();
        drop(command);
        let ours = terminal.ours;
        let written = Arc::new(Mutex::new(Vec::new()));
        let (mut from, to) = (ours.try_clone().unwrap(), Arc::clone(&written));
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Once the command has closed its side, reading ends with an error.
            while let Ok(count) = from.read(&mut bytes) {
                to.lock().unwrap().extend_from_slice(&bytes[..count]);
            }
        });
        Self {
            ours,
            written,
            reader,
            child,
            widths: vec![(0, columns)],
        }
    }

    /// Waits until this can be read on it, wherever a line ends.
    #[track_caller]
    pub(crate) fn await_text(&mut self, text: &str) {
        let written = Arc::clone(&self.written);
        let shows = || seen(&written.lock().unwrap(), &[(0, u16::MAX)]).contains(text);
        await_on(&mut self.child, &format!("{text:?} on the screen"), shows);
    }

    /// Types.
    pub(crate) fn enter(&mut self, text: &str) {
        self.ours.write_all(text.as_bytes()).unwrap();
    }

    /// Presses Ctrl and C.
    pub(crate) fn interrupt(&mut self) {
        self.enter("\u{3}");
    }

    /// Makes it that wide.
    pub(crate) fn resize(&mut self, columns: u16) {
        resize(&self.ours, columns);
        self.widths.push((self.written.lock().unwrap().len(), columns));
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Shown {
        let status = self.child.wait().unwrap();
        self.reader.join().unwrap();
        let written = self.written.lock().unwrap();
        Shown {
            code: status.code(),
            text: seen(&written, &self.widths),
            unwrapped: seen(&written, &[(0, u16::MAX)]),
            bytes: String::from_utf8_lossy(&written).into_owned(),
        }
    }
}

fn resize(terminal: impl std::os::fd::AsFd, columns: u16) {
    let size = Winsize {
        ws_row: 24,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(terminal, size).unwrap();
}

/// What these bytes look like on a terminal that is so wide. It knows what the program uses: line ends, moving the cursor, erasing, colours.
fn seen(bytes: &[u8], widths: &[(usize, u16)]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut lines: Vec<Vec<char>> = vec![Vec::new()];
    let (mut row, mut column) = (0_usize, 0_usize);
    let mut characters = text.char_indices();
    while let Some((place, character)) = characters.next() {
        let width = widths.iter().rev().find(|(from, _)| *from <= place);
        let columns = width.map_or(usize::MAX, |(_, columns)| usize::from(*columns));
        match character {
            '\r' => column = 0,
            '\n' => row += 1,
            '\u{8}' => column = column.saturating_sub(1),
            '\u{1b}' => {
                let mut characters = characters.by_ref().map(|(_, character)| character);
                assert_eq!(
                    characters.next(),
                    Some('['),
                    "an escape sequence that is not known here"
                );
                let mut number = String::new();
                let end = loop {
                    match characters.next() {
                        Some(part @ ('0'..='9' | ';' | '?')) => number.push(part),
                        end => break end,
                    }
                };
                let count = number.parse().unwrap_or(1_usize);
                match (end, &*number) {
                    (Some('A'), _) => row = row.saturating_sub(count),
                    (Some('B'), _) => row += count,
                    (Some('C'), _) => column += count,
                    (Some('D'), _) => column = column.saturating_sub(count),
                    (Some('G'), _) => column = count - 1,
                    (Some('K'), "" | "0") => lines[row].truncate(column),
                    (Some('K'), "2") => lines[row].clear(),
                    (Some('J'), "" | "0") => {
                        lines.truncate(row + 1);
                        lines[row].truncate(column);
                    }
                    (Some('m' | 'h' | 'l'), _) => {}
                    other => panic!("an escape sequence that is not known here: {other:?}"),
                }
            }
            character => {
                if column == columns {
                    (row, column) = (row + 1, 0);
                }
                while lines.len() <= row {
                    lines.push(Vec::new());
                }
                let line = &mut lines[row];
                line.resize(line.len().max(column + 1), ' ');
                line[column] = character;
                column += 1;
            }
        }
        while lines.len() <= row {
            lines.push(Vec::new());
        }
    }
    let lines = lines.into_iter().map(|line| line.into_iter().collect::<String>());
    let lines: Vec<String> = lines.map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n").trim_end().to_owned()
}

/// A command of which somebody reads the first line, and then nobody reads any more.
pub(crate) fn first_line(desk: &Desk, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut child = desk
        .command(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut output = std::io::BufReader::with_capacity(1, child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut output, &mut line).unwrap();
    drop(output);
    let ended = child.wait_with_output().unwrap();
    (ended.status.code(), line, String::from_utf8(ended.stderr).unwrap())
}
