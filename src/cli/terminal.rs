//! The only place that prints.
//!
//! Data goes to standard output, everything else to standard error. A closed pipe is no reason to stop: by the time something is
//! printed it is on record, so writing ignores errors.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Map, Value};

use super::failure::Failure;
use super::language::{Language, Said, Words, words};
use crate::clock::Clock;
use crate::crash::{self, Point};
use crate::portal::Webhook;

/// How this process talks.
#[derive(Clone, Debug)]
pub(crate) struct Terminal {
    json: bool,
    quiet: bool,
    language: Language,
    /// Whether this one prints the object.
    object: bool,
    /// The flags that say where things are: the next command has to have them too.
    place: Option<String>,
    /// The bar that is on the screen now.
    shown: Arc<Mutex<Option<Bar>>>,
}

impl Terminal {
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        Self {
            json,
            quiet,
            language: Language::English,
            object: true,
            place: None,
            shown: Arc::default(),
        }
    }

    /// The same in a language.
    pub(crate) fn speaking(self, language: Language) -> Self {
        Self { language, ..self }
    }

    /// The words for people.
    pub(crate) fn words(&self) -> &'static Words {
        words(self.language)
    }

    /// The language for people.
    pub(crate) fn language(&self) -> Language {
        self.language
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
        let words = self.words();
        // Inside each command, so that it can be pasted.
        let next = match &self.place {
            Some(place) => next.replace("offboard24 ", &format!("offboard24 {place} ")),
            None => next.to_owned(),
        };
        (words.next)(&next)
    }

    /// What went wrong and what to type next, where that is no reason to stop.
    pub(crate) fn obstacle(&self, failure: &Failure) -> String {
        let next = failure.next.as_ref().map(|next| self.next(next.of(self.language)));
        let message = failure.message.of(self.language);
        next.map_or_else(|| message.to_owned(), |next| format!("{message}\n{next}"))
    }

    /// A text that was made in every language.
    pub(crate) fn said<'a>(&self, said: &'a Said) -> &'a str {
        said.of(self.language)
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
        // A bar on the screen makes room for it.
        match &*self.bar() {
            Some(shown) => shown.drawn.suspend(|| Self::tell(text)),
            None => Self::tell(text),
        }
    }

    /// A pause: told in a line, and on the bar until it is over.
    pub(crate) fn pause(&self, reason: &str, wait: Duration, clock: &Arc<dyn Clock>) {
        let until = clock.utc().with_timezone(&chrono::Local) + wait;
        let text = (self.words().waiting)(wait, &until.format("%H:%M:%S").to_string(), reason);
        self.note(&text);
        if let Some(shown) = &mut *self.bar() {
            shown.pause(text);
            let (slot, clock) = (Arc::clone(&self.shown), Arc::clone(clock));
            let number = shown.pauses;
            drop(tokio::spawn(async move {
                clock.sleep(wait).await;
                let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(shown) = slot.as_mut().filter(|shown| shown.pauses == number) {
                    shown.go_on();
                }
            }));
        }
    }

    fn bar(&self) -> std::sync::MutexGuard<'_, Option<Bar>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
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
            error["message"] = Value::String(without_token(failure.message.english()));
            object.insert("error".to_owned(), error);
            self.object(&Value::Object(object));
        }
        Self::tell(&format!("offboard24: {}", self.obstacle(failure)));
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
    pub(crate) fn progress(&self, clock: &Arc<dyn Clock>) -> Progress {
        let on_terminal = io::stderr().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb");
        if on_terminal && !self.quiet {
            *self.bar() = Some(Bar::new());
        }
        Progress {
            terminal: self.clone(),
            clock: Arc::clone(clock),
            is_written: !self.quiet && !on_terminal,
            told: Mutex::default(),
        }
    }
}

/// A bar on the screen.
#[derive(Debug)]
struct Bar {
    drawn: ProgressBar,
    /// What it says while nothing waits.
    message: String,
    /// The pauses so far.
    pauses: u32,
    is_paused: bool,
}

impl Bar {
    fn new() -> Self {
        let drawn = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        // Not wider than the screen: what does not fit is cut off, so that it stays one line.
        if let Ok(style) = ProgressStyle::with_template("{bar:10} {pos}/{len} {wide_msg}") {
            drawn.set_style(style);
        }
        Self {
            drawn,
            message: String::new(),
            pauses: 0,
            is_paused: false,
        }
    }

    fn show(&mut self, done: u32, total: u32, message: String) {
        self.drawn.set_length(u64::from(total));
        self.drawn.set_position(u64::from(done));
        self.message = message;
        if !self.is_paused {
            self.drawn.set_message(self.message.clone());
        }
        self.drawn.force_draw();
    }

    fn pause(&mut self, why: String) {
        self.pauses += 1;
        self.is_paused = true;
        self.drawn.set_message(why);
        self.drawn.force_draw();
    }

    fn go_on(&mut self) {
        self.is_paused = false;
        self.drawn.set_message(self.message.clone());
        self.drawn.force_draw();
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
    terminal: Terminal,
    clock: Arc<dyn Clock>,
    /// Whether lines are written, since there is no bar.
    is_written: bool,
    told: Mutex<Told>,
}

/// What was told of a progress.
#[derive(Debug, Default)]
struct Told {
    /// When the first was, and how much was done then.
    first: Option<(Duration, u32)>,
    /// When the last line was.
    last: Option<Duration>,
}

/// Without a terminal, one line in this time.
const LINE_EVERY: Duration = Duration::from_secs(30);

impl Progress {
    /// Whether a state would be shown now: one need not be counted for nobody.
    pub(crate) fn is_due(&self) -> bool {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        self.terminal.bar().is_some() || self.is_line_due(&told)
    }

    fn is_line_due(&self, told: &Told) -> bool {
        let now = self.clock.monotonic();
        self.is_written && told.last.is_none_or(|last| now.saturating_sub(last) >= LINE_EVERY)
    }

    /// Shows a state.
    pub(crate) fn show(&self, done: u32, total: u32, message: &str) {
        let now = self.clock.monotonic();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let (began, before) = *told.first.get_or_insert((now, done));
        let pace = pace(
            done.saturating_sub(before),
            total.saturating_sub(done),
            now.saturating_sub(began),
        );
        let pace = pace.map(|(rate, left)| (self.terminal.words().pace)(rate, left));
        let message = message.to_owned() + &pace.unwrap_or_default();
        if let Some(shown) = &mut *self.terminal.bar() {
            shown.show(done, total, message);
        } else if self.is_line_due(&told) {
            told.last = Some(now);
            write_all(io::stderr().lock(), &format!("{done}/{total} {message}"));
        }
    }
}

/// Takes the bar away, whatever happened.
impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(shown) = self.terminal.bar().take() {
            shown.drawn.finish_and_clear();
        }
    }
}

/// How many a second, and how many seconds it takes at that pace. Nothing where that cannot be told yet.
fn pace(done: u32, left: u32, took: Duration) -> Option<(f64, f64)> {
    if done == 0 || took.is_zero() {
        return None;
    }
    let rate = f64::from(done) / took.as_secs_f64();
    Some((rate, f64::from(left) / rate))
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
        assert_eq!(pace(0, 100, seconds(30)), None);
        assert_eq!(pace(10, 100, seconds(0)), None);
        let told = |language, done, left| {
            let (rate, seconds) = pace(done, left, seconds(30)).unwrap();
            (words(language).pace)(rate, seconds)
        };
        assert_eq!(told(Language::English, 60, 30), ", 2.0 a second, 15 s left");
        assert_eq!(told(Language::English, 48, 180), ", 1.6 a second, 2 min left");
        assert_eq!(told(Language::Russian, 48, 180), ", 1,6/с, осталось 2 мин");
    }

    /// A clock whose pauses end when somebody says so.
    struct Held(tokio::sync::Notify);

    impl Clock for Held {
        fn utc(&self) -> chrono::DateTime<chrono::Utc> {
            chrono::DateTime::UNIX_EPOCH
        }

        fn monotonic(&self) -> Duration {
            Duration::ZERO
        }

        fn sleep(&self, _: Duration) -> crate::clock::Sleep<'_> {
            Box::pin(self.0.notified())
        }
    }

    #[tokio::test]
    async fn the_bar_says_that_it_waits_until_the_last_pause_is_over() {
        let held = Arc::new(Held(tokio::sync::Notify::new()));
        let clock: Arc<dyn Clock> = Arc::<Held>::clone(&held);
        let terminal = Terminal::new(false, true);
        let mut bar = Bar::new();
        bar.drawn.set_draw_target(ProgressDrawTarget::hidden());
        bar.show(1, 9, "actions settled".to_owned());
        *terminal.bar() = Some(bar);
        let pause = |seconds| terminal.pause("no connection", Duration::from_secs(seconds), &clock);
        let shown = || terminal.bar().as_ref().map(|bar| bar.drawn.message()).unwrap();
        pause(30);
        pause(60);
        // What was done in the meantime does not hide it.
        if let Some(bar) = &mut *terminal.bar() {
            bar.show(2, 9, "more settled".to_owned());
        }
        assert!(shown().starts_with("waiting 60 s, until "), "{}", shown());
        tokio::task::yield_now().await;
        held.0.notify_one();
        tokio::task::yield_now().await;
        assert!(
            shown().starts_with("waiting 60 s, until "),
            "the first pause is over, and not the last"
        );
        held.0.notify_one();
        tokio::task::yield_now().await;
        assert_eq!(shown(), "more settled");
    }

    #[test]
    fn a_file_name_cannot_drive_the_terminal() {
        assert_eq!(safe("a\u{1b}[2Jb\nc"), "a·[2Jb\nc");
    }
}
