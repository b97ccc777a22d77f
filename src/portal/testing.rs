//! A scripted server on loopback, and a clock whose pauses pass at once: what the tests of this module share.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::connection::{Connection, LevelStore, Notice, Settings};
use super::http::Deadlines;
use super::pace::Rate;
use super::webhook::Webhook;
use crate::clock::{Clock, Sleep};

pub(super) const TOKEN: &str = "s3cr3tt0ken";

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Arrived {
    /// The request line and the headers.
    pub(super) head: String,
    /// The body.
    pub(super) body: Value,
}

impl Arrived {
    /// The name of the method in the URL.
    pub(super) fn method(&self) -> &str {
        let path = self.head.split(' ').nth(1).unwrap_or_default();
        path.rsplit('/').next().unwrap_or_default()
    }

    /// The commands of a batch.
    pub(super) fn commands(&self) -> Map<String, Value> {
        self.body["cmd"].as_object().cloned().unwrap_or_default()
    }
}

/// What the server does with a request.
pub(super) enum Step {
    /// Answers.
    Reply(u16, String),
    /// Answers with a redirect.
    Redirect(&'static str),
    /// Answers with less than it announced.
    Truncated(String),
    /// Announces more than is ever read.
    Huge,
    /// Closes the connection without an answer.
    Close,
    /// Never answers.
    Silence,
    /// Answers with a head and never with the body.
    SilentBody,
}

/// Answers with status 200.
pub(super) fn ok(body: &Value) -> Step {
    Step::Reply(200, body.to_string())
}

/// What the server says of one command.
pub(super) enum Said {
    /// A result.
    Result(Value),
    /// An error with this code.
    Error(&'static str),
    /// Nothing at all.
    Nothing,
}

/// Answers a batch, command by command.
pub(super) fn ok_batch(arrived: &Arrived, mut answer: impl FnMut(&str) -> Said) -> Step {
    let (mut results, mut errors) = (Map::new(), Map::new());
    for (key, command) in arrived.commands() {
        match answer(command.as_str().unwrap_or_default()) {
            Said::Result(result) => drop(results.insert(key, result)),
            Said::Error(code) => drop(errors.insert(key, json!({"error": code, "error_description": "text"}))),
            Said::Nothing => {}
        }
    }
    let map = |map: Map<String, Value>| if map.is_empty() { json!([]) } else { Value::from(map) };
    ok(&json!({"result": {"result": map(results), "result_error": map(errors)}, "time": {"finish": 1000}}))
}

/// A portal that follows a script.
pub(super) struct Server {
    pub(super) address: String,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

impl Server {
    /// Starts a server that decides what to do by the request and its number, from 0.
    pub(super) fn start(mut script: impl FnMut(usize, &Arrived) -> Step + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let arrived: Arc<Mutex<Vec<Arrived>>> = Arc::default();
        let log = Arc::clone(&arrived);
        std::thread::spawn(move || {
            let mut unanswered = Vec::new();
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let Some(request) = read_request(&stream) else { continue };
                let number = log.lock().unwrap().len();
                log.lock().unwrap().push(request.clone());
                if perform(script(number, &request), &mut stream) {
                    unanswered.push(stream);
                }
            }
        });
        Self { address, arrived }
    }

    /// What arrived so far.
    pub(super) fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }

    /// A connection to the server on a clock of its own.
    pub(super) fn connection(&self) -> (Arc<Connection>, Arc<Pauses>) {
        self.connection_within(PATIENT)
    }

    /// The same, with other deadlines.
    pub(super) fn connection_within(&self, deadlines: Deadlines) -> (Arc<Connection>, Arc<Pauses>) {
        connection_to(&format!("http://{}/rest/1/{TOKEN}/", self.address), deadlines)
    }
}

/// Performs a step. Returns whether the connection has to stay open.
fn perform(step: Step, stream: &mut TcpStream) -> bool {
    let head = |status: u16, length: usize, more: &str| {
        format!("HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{more}\r\n")
    };
    let (text, stay) = match step {
        // The connection stays open and is never listened to again: who sends a second request on it waits in vain.
        Step::Reply(status, body) => (head(status, body.len(), "") + &body, true),
        Step::Redirect(location) => (head(302, 0, &format!("Location: {location}\r\n")), false),
        Step::Truncated(body) => (head(200, body.len() + 1, "") + &body, false),
        Step::Huge => (head(200, 9 * 1024 * 1024, "") + &" ".repeat(9 * 1024 * 1024), false),
        Step::Close => (String::new(), false),
        Step::Silence => (String::new(), true),
        Step::SilentBody => (head(200, 10, ""), true),
    };
    // The client may be gone already: it reads no more than its cap.
    stream.write_all(text.as_bytes()).unwrap_or_default();
    stay
}

fn read_request(stream: &TcpStream) -> Option<Arrived> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Arrived {
        head,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    })
}

/// A clock whose pauses pass at once, and what was paused for.
#[derive(Default)]
pub(super) struct Pauses {
    now: Mutex<Duration>,
    notices: Mutex<Vec<Notice>>,
}

impl Pauses {
    /// The notices so far.
    pub(super) fn notices(&self) -> Vec<Notice> {
        self.notices.lock().unwrap().clone()
    }
}

impl Clock for Pauses {
    fn utc(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        *self.now.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        *self.now.lock().unwrap() += duration;
        Box::pin(std::future::ready(()))
    }
}

/// A level that is never kept.
pub(super) struct Forgetful;

impl LevelStore for Forgetful {
    fn load(&self) -> Option<(f64, DateTime<Utc>)> {
        None
    }

    fn store(&self, _: f64, _: DateTime<Utc>) {}
}

/// Settings for tests, on a clock.
pub(super) fn settings(pauses: &Arc<Pauses>) -> Settings {
    let told = Arc::clone(pauses);
    Settings {
        rate: Rate::default(),
        burst: Settings::BURST,
        concurrency: Settings::CONCURRENCY,
        ca_file: None,
        clock: Arc::clone(pauses) as Arc<dyn Clock>,
        jitter_seed: 1,
        notices: Arc::new(move |notice| told.notices.lock().unwrap().push(notice.clone())),
        level: Box::new(Forgetful),
        same: |a, b| a == b,
        loosely_same: str::eq_ignore_ascii_case,
    }
}

/// Deadlines that a busy machine keeps.
pub(super) const PATIENT: Deadlines = Deadlines {
    connect: Duration::from_secs(20),
    first_byte: Duration::from_secs(20),
    total: Duration::from_secs(20),
};

/// How long the tests wait for what never comes.
const IN_VAIN: Duration = Duration::from_millis(200);

/// For a server that never answers.
pub(super) const HASTY_FOR_ANSWER: Deadlines = Deadlines {
    first_byte: IN_VAIN,
    ..PATIENT
};

/// For a server that begins to answer and never ends.
pub(super) const HASTY_FOR_BODY: Deadlines = Deadlines {
    total: IN_VAIN,
    ..PATIENT
};

/// A connection with settings for tests.
pub(super) fn connection_to(url: &str, deadlines: Deadlines) -> (Arc<Connection>, Arc<Pauses>) {
    let pauses = Arc::new(Pauses::default());
    let connection = Connection::open_with(Webhook::parse(url).unwrap(), settings(&pauses), deadlines).unwrap();
    (connection, pauses)
}
