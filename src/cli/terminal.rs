//! The only place that prints.
//!
//! Data goes to standard output, everything else to standard error. A closed pipe is no reason to stop: by the time something is
//! printed it is on record, so writing ignores errors.

use std::fmt;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use serde_json::{Map, Value};

use super::failure::Failure;
use crate::crash::{self, Point};
use crate::portal::Webhook;

/// How this process talks.
#[derive(Clone, Debug)]
pub(crate) struct Terminal {
    json: bool,
    quiet: bool,
    /// Whether this one prints the object.
    object: bool,
    /// The flags that say where things are: the next command has to have them too.
    place: Option<String>,
    /// The bar that is shown: what is noted meanwhile stands above it.
    bar: Arc<Mutex<Option<ProgressBar>>>,
}

impl Terminal {
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        Self {
            json,
            quiet,
            object: true,
            place: None,
            bar: Arc::default(),
        }
    }

    /// The same for people only: of several objects, the last command prints the one.
    pub(crate) fn without_json(&self) -> Self {
        Self {
            object: false,
            ..self.clone()
        }
    }

    /// For commands whose flags say where things are.
    pub(crate) fn on(&self, place: Option<String>) -> Self {
        Self { place, ..self.clone() }
    }

    /// A line that says what to type next.
    pub(crate) fn next(&self, next: &str) -> String {
        let flags = self.place.as_ref().filter(|_| next.contains("offboard24 "));
        let flags = flags.map(|place| format!(" (with {place})")).unwrap_or_default();
        format!("next: {next}{flags}")
    }

    /// Text for people, on standard output; not with `--json`.
    pub(crate) fn say(&self, text: &str) {
        if !self.json {
            write_all(io::stdout().lock(), text);
        }
    }

    /// Many lines of data, on standard output.
    pub(crate) fn lines(&self) -> Lines {
        Lines {
            to: (!self.json).then(|| io::BufWriter::new(io::stdout().lock())),
        }
    }

    /// A document on standard output, as it is; with `--json` too, since it was asked for.
    pub(crate) fn document(text: &str) {
        let mut to = io::stdout().lock();
        if to.write_all(text.as_bytes()).and_then(|()| to.flush()).is_err() {
            tracing::debug!("the output is closed");
        }
    }

    /// A note beside the data, on standard error; not with `--quiet`.
    pub(crate) fn note(&self, text: &str) {
        if self.quiet {
            return;
        }
        match &*self.bar.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(bar) => bar.suspend(|| Self::tell(text)),
            None => Self::tell(text),
        }
    }

    /// What has to be seen whatever was asked for, on standard error.
    pub(crate) fn tell(text: &str) {
        write_all(io::stderr().lock(), &safe(text));
    }

    /// The one object of `--json`.
    pub(crate) fn object(&self, object: &Value) {
        if self.json && self.object {
            write_all(io::stdout().lock(), &object.to_string());
        }
    }

    /// What went wrong; with `--json` as an object beside the job's fields.
    pub(crate) fn failure(&self, failure: &Failure, job: Option<Value>) {
        if self.json {
            let mut object = match job {
                Some(Value::Object(fields)) => fields,
                _ => Map::new(),
            };
            let mut error = serde_json::to_value(failure.object()).unwrap_or_default();
            error["message"] = Value::String(without_token(&failure.message));
            object.insert("error".to_owned(), error);
            self.object(&Value::Object(object));
        }
        let next = failure.next.as_ref().map(|next| format!("\n{}", self.next(next)));
        let next = next.unwrap_or_default();
        Self::tell(&format!("offboard24: {}{next}", failure.message));
    }

    /// Help and usage errors, as the parser words them.
    pub(crate) fn usage(&self, error: &clap::Error) {
        if error.use_stderr() {
            if self.json {
                let failure = Failure::usage(without_token(error.to_string().trim_end())).next("offboard24 --help");
                let object = serde_json::json!({ "error": failure.object() });
                self.object(&object);
            }
            write_all(
                io::stderr().lock(),
                &without_token(error.render().ansi_or_plain().trim_end()),
            );
        } else {
            write_all(io::stdout().lock(), error.render().to_string().trim_end());
        }
    }

    /// Whether a person can be asked.
    pub(crate) fn can_ask(&self) -> bool {
        !self.json && io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Asks; the answer without its line end. None when the input ended.
    pub(crate) fn ask(question: &str) -> Option<String> {
        let mut error = io::stderr().lock();
        if error
            .write_all(question.as_bytes())
            .and_then(|()| error.flush())
            .is_err()
        {
            return None;
        }
        let mut line = String::new();
        match io::stdin().lock().read_line(&mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(line.trim().to_owned()),
        }
    }

    /// A bar on a terminal, and lines elsewhere.
    pub(crate) fn progress(&self) -> Progress {
        let on_terminal = io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let target = if self.quiet || !on_terminal {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        // The bar takes what the words leave of the line, so that it stays one.
        let template = "{wide_bar} {pos}/{len} {msg}, {rate}/s, {elapsed} so far, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(
                style.with_key("rate", |state: &ProgressState, to: &mut dyn fmt::Write| {
                    // Writing into the bar's text cannot fail.
                    _ = write!(to, "{:.1}", state.per_sec());
                }),
            );
        }
        *self.bar.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
        Progress {
            bar,
            shown: Arc::clone(&self.bar),
            lines: (!self.quiet && !on_terminal).then(Mutex::default),
        }
    }
}

/// Lines of a stream, such as `audit log`'s. Whoever reads them may stop at any line: that is no error, and the end.
pub(crate) struct Lines {
    /// None once nobody reads any more.
    to: Option<io::BufWriter<io::StdoutLock<'static>>>,
}

impl Lines {
    /// Writes a line; says whether another one is wanted.
    pub(crate) fn write(&mut self, line: &str) -> ControlFlow<()> {
        if self.to.as_mut().is_some_and(|to| writeln!(to, "{line}").is_err()) {
            self.to = None;
        }
        if self.to.is_some() {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }

    /// Writes what is left; before anything else is printed.
    pub(crate) fn flush(&mut self) {
        if self.to.as_mut().is_some_and(|to| to.flush().is_err()) {
            self.to = None;
        }
    }
}

trait Rendered {
    fn ansi_or_plain(&self) -> String;
}

impl Rendered for clap::builder::StyledStr {
    fn ansi_or_plain(&self) -> String {
        let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        if colour {
            self.ansi().to_string()
        } else {
            self.to_string()
        }
    }
}

/// How far a command is.
pub(crate) struct Progress {
    bar: ProgressBar,
    /// Where the terminal knows it from.
    shown: Arc<Mutex<Option<ProgressBar>>>,
    /// Without a terminal: what was written so far.
    lines: Option<Mutex<Written>>,
}

/// The lines of a progress.
#[derive(Debug, Default)]
struct Written {
    /// When the first was, and how much was done then.
    first: Option<(Duration, u32)>,
    /// When the last was.
    last: Option<Duration>,
}

/// Without a terminal, one line in this time.
const LINE_EVERY: Duration = Duration::from_secs(30);

impl Progress {
    /// Shows a state.
    pub(crate) fn show(&self, done: u32, total: u32, message: &str, now: Duration) {
        self.bar.set_length(u64::from(total));
        self.bar.set_position(u64::from(done));
        self.bar.set_message(message.to_owned());
        let Some(written) = &self.lines else { return };
        let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.last.is_some_and(|last| now.saturating_sub(last) < LINE_EVERY) {
            return;
        }
        written.last = Some(now);
        let (began, before) = *written.first.get_or_insert((now, done));
        let pace = pace(
            done.saturating_sub(before),
            total.saturating_sub(done),
            now.saturating_sub(began),
        );
        write_all(io::stderr().lock(), &format!("{done}/{total} {message}{pace}"));
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// How fast it goes, and how long it takes at that pace: `, 1.6 a second, 2 min left`. Nothing where that cannot be told yet.
fn pace(done: u32, left: u32, took: Duration) -> String {
    if done == 0 || took.is_zero() {
        return String::new();
    }
    let rate = f64::from(done) / took.as_secs_f64();
    let seconds = f64::from(left) / rate;
    let left = if seconds < 90.0 {
        format!("{seconds:.0} s")
    } else {
        format!("{:.0} min", seconds / 60.0)
    };
    format!(", {rate:.1} a second, {left} left")
}

/// One write, one line end, no panic on a closed pipe.
fn write_all(mut to: impl io::Write, text: &str) {
    let mut line = String::with_capacity(text.len() + 1);
    line.push_str(text);
    line.push('\n');
    if to.write_all(line.as_bytes()).and_then(|()| to.flush()).is_err() {
        crash::point(Point::C21);
        tracing::debug!("the output is closed");
    }
}

/// A text with the texts of others in it, made safe: no control characters that drive the terminal, and no webhook.
fn safe(text: &str) -> String {
    let shown = |character: char| {
        if character.is_control() && character != '\n' {
            '·'
        } else {
            character
        }
    };
    without_token(text).chars().map(shown).collect()
}

/// Hides what stands behind `/rest/NUMBER/`, or `/rest/api/NUMBER/` as REST v3 has it: a webhook that was typed where a file name belongs
/// must not be echoed.
pub(crate) fn without_token(text: &str) -> String {
    const START: &str = "/rest/";
    const V3: &str = "api/";
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find(START) {
        let (before, after) = rest.split_at(place + START.len());
        let (api, after) = after.split_at(if after.starts_with(V3) { V3.len() } else { 0 });
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        shown.push_str(before);
        shown.push_str(api);
        shown.push_str(&after[..digits]);
        rest = &after[digits..];
        if digits > 0 && rest.starts_with('/') {
            let token = rest[1..]
                .bytes()
                .take_while(|byte| Webhook::is_token_byte(*byte))
                .count();
            shown.push_str("/…");
            rest = &rest[1 + token..];
        }
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_in_the_wrong_place_is_not_echoed() {
        for (text, shown) in [
            (
                "the roster https://x.example/rest/1/abc123/ is",
                "the roster https://x.example/rest/1/…/ is",
            ),
            (
                "/rest/12/ab-c_d and /rest/3/def/profile",
                "/rest/12/… and /rest/3/…/profile",
            ),
            (
                "https://x.example/rest/api/1/abc123/",
                "https://x.example/rest/api/1/…/",
            ),
            ("/rest/ and /rest/1 and nothing", "/rest/ and /rest/1 and nothing"),
            ("/rest/api/ and /rest/api/1", "/rest/api/ and /rest/api/1"),
        ] {
            assert_eq!(without_token(text), shown);
        }
    }

    #[test]
    fn the_time_left_is_told_as_soon_as_it_can_be() {
        let seconds = Duration::from_secs;
        assert_eq!(pace(0, 100, seconds(30)), "");
        assert_eq!(pace(10, 100, seconds(0)), "");
        assert_eq!(pace(60, 30, seconds(30)), ", 2.0 a second, 15 s left");
        assert_eq!(pace(48, 180, seconds(30)), ", 1.6 a second, 2 min left");
    }

    #[test]
    fn a_file_name_cannot_drive_the_terminal() {
        assert_eq!(safe("a\u{1b}[2Jb\nc"), "a·[2Jb\nc");
    }
}
