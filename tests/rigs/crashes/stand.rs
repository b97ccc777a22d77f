//! A stand-in portal, a desk with the real binary, and a clock that both share: a pause of the program passes at once, and for the portal
//! too. The program dies where it is told to, and goes on as an operator would have it.

use std::cell::Cell;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use offboard24::clock::RigClock;
use offboard24::crash::Point;
use offboard24::journal::JournalFile;
use offboard24::sandbox::{Options, Time, World, WorldOptions};
use serde_json::Value;
use tempfile::TempDir;

use super::support::{Desk, Ended, Portal, TOKEN};

/// More faults than a scene has.
const FAULTS_MAX: usize = 10;

/// What a kill or a terminate takes: longer than a request is on its way, so that C8 is passed.
const COMMAND: Duration = Duration::from_millis(6);

/// Longer than any process here takes, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_mins(2);

/// How often an operator goes on, at most.
const GOES_ON_MAX: usize = 25;

/// How a process dies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Death {
    /// At the n-th passage of a point.
    At(Point, u64),
    /// So many requests after its start, and microseconds after that; unless it has ended by then.
    After { requests: usize, micros: u64 },
}

impl Death {
    /// As it is typed to replay it.
    pub(super) fn words(self) -> String {
        match self {
            Self::At(point, nth) => format!("{}:{nth}", point.name()),
            Self::After { requests, micros } => format!("after:{requests}:{micros}"),
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix("after:") {
            let (requests, micros) = rest.split_once(':')?;
            return Some(Self::After {
                requests: requests.parse().ok()?,
                micros: micros.parse().ok()?,
            });
        }
        let (name, nth) = text.split_once(':')?;
        let point = Point::ALL.into_iter().find(|point| point.name() == name)?;
        Some(Self::At(point, nth.parse().ok()?))
    }
}

/// How often each point was passed.
pub(super) type Passages = [u64; Point::ALL.len()];

/// See the module.
pub(super) struct Stand {
    pub(super) portal: Portal,
    pub(super) desk: Desk,
    pub(super) kind: &'static str,
    roster: String,
    mistake: Option<&'static str>,
    /// The portal does what nobody planned: a command may be refused before its run begins.
    pub(super) is_troubled: bool,
    /// How many events were on record before the last command began.
    events_before: Cell<usize>,
    /// Clock and passages: in no folder that is searched for what must not be there.
    rig: TempDir,
}

impl Stand {
    /// The sample's how-to: nine workflows in which one dismissed person waits.
    pub(super) fn new(kind: &'static str, mistake: Option<&'static str>) -> Self {
        let rig = TempDir::new().unwrap();
        let (began, clock) = (Instant::now(), RigClock(rig.path().join("clock")));
        let portal = Portal::with(Options {
            world: WorldOptions::Given(Box::new(World::sample())),
            time: Time(std::sync::Arc::new(move || began.elapsed() + clock.passed())),
            command_duration: COMMAND,
            rate_per_second: f64::INFINITY,
            burst: f64::INFINITY,
            operating_limit_seconds: f64::INFINITY,
            ..Options::default()
        });
        let desk = Desk::at(&portal);
        let roster = desk.roster(super::support::HOW_TO);
        Self {
            portal,
            desk,
            kind,
            roster,
            mistake,
            is_troubled: false,
            events_before: Cell::default(),
            rig,
        }
    }

    /// A desk with a database that is there already.
    pub(super) fn with_database(database: &[u8], mistake: Option<&'static str>) -> Self {
        let mut stand = Self::new("kill", mistake);
        // Of another portal, which nobody asks.
        stand.desk = Desk::with_webhook("");
        fs::create_dir_all(stand.desk.database().parent().unwrap()).unwrap();
        fs::write(stand.desk.database(), database).unwrap();
        stand
    }

    /// From here on everything is typed by this person, who took the account on with `sudo`.
    pub(super) fn typed_by(&mut self, login: &'static str) {
        self.desk.typed_by = Some(login);
    }

    fn clock(&self) -> RigClock {
        RigClock(self.rig.path().join("clock"))
    }

    fn passages_file(&self) -> PathBuf {
        self.rig.path().join("passages")
    }

    /// How often the points were passed by the last process that was to die, or might have.
    pub(super) fn passages(&self) -> Passages {
        let lines = fs::read_to_string(self.passages_file()).unwrap_or_default();
        let mut passages = Passages::default();
        for line in lines.lines() {
            let point = Point::ALL.into_iter().find(|point| point.name() == line).unwrap();
            passages[point.index()] += 1;
        }
        passages
    }

    /// The command in the environment of the rig.
    pub(super) fn command(&self, words: &[&str]) -> Command {
        let before = JournalFile::open(&self.desk.database()).and_then(|file| file.view().size());
        self.events_before
            .set(before.map_or(0, |events| usize::try_from(events).unwrap()));
        let mut command = self.desk.command(words);
        command.env("OFFBOARD24_RIG_CLOCK", self.rig.path().join("clock"));
        command.envs(self.mistake.map(|mistake| ("OFFBOARD24_MISTAKE", mistake)));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// The same, for a process of which the passages count, and that may die at one.
    pub(super) fn doomed(&self, words: &[&str], death: Option<Death>) -> Command {
        drop(fs::remove_file(self.passages_file()));
        let mut command = self.command(words);
        command.env("OFFBOARD24_PASSAGES", self.passages_file());
        if let Some(death @ Death::At(..)) = death {
            command.env("OFFBOARD24_CRASH", death.words());
        }
        command
    }

    /// Runs a command to its end.
    pub(super) fn run(&self, words: &[&str]) -> Ended {
        let child = self.command(words).spawn().unwrap();
        self.wait(child)
    }

    /// Runs a command until it dies.
    pub(super) fn run_doomed(&self, words: &[&str], death: Option<Death>) -> Ended {
        let mut child = self.doomed(words, death).spawn().unwrap();
        if let Some(Death::After { requests, micros }) = death {
            self.kill_after(&mut child, requests, micros);
        }
        self.wait(child)
    }

    fn kill_after(&self, child: &mut Child, requests: usize, micros: u64) {
        let reached = self.portal.requests().len() + requests;
        while self.portal.requests().len() < reached && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_micros(micros));
        drop(child.kill());
    }

    /// Waits for a process, but not for ever.
    pub(super) fn wait(&self, mut child: Child) -> Ended {
        let began = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if began.elapsed() > PATIENCE {
                drop(child.kill());
                panic!("a process does not end: {:?}", self.desk.wait(child).stderr);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        self.desk.wait(child)
    }

    /// What an operator would type next; none when the job is over.
    pub(super) fn next_command(&self) -> Option<Vec<String>> {
        let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
        let status = self.desk.run(&["status", "--json"]);
        if status.code != 0 {
            return words(&["plan", &self.roster, "--action", self.kind]);
        }
        let status = status.json();
        let story = self.desk.story();
        let told = |kind: &str| is_told(&story, kind);
        if status["plan_hash"].is_null() {
            return words(&["resume"]);
        }
        if !told("plan_confirmed") {
            return words(&["apply", "--confirm", status["confirm"].as_str().unwrap()]);
        }
        if status["actions"]["survived"] != 0 || status["actions"]["failed"] != 0 {
            return words(&["resume", "--retry", "survived,failed", "--reason", "it is still listed"]);
        }
        let over = status["state"] == "complete" && told("job_closed") && status["stop_reason"].is_null();
        if over { None } else { words(&["resume"]) }
    }

    /// The same, as it may die.
    pub(super) fn go_on_doomed(&self, death: Option<Death>) -> Result<Ended, String> {
        let words = self.next_command().ok_or("the job is over already")?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        Ok(self.run_doomed(&words, death))
    }

    /// Goes on until the job is over. Every code on the way has to be the one that the job deserves.
    pub(super) fn go_on_to_the_end(&self) -> Result<(), String> {
        for _ in 0..GOES_ON_MAX {
            let Some(words) = self.next_command() else {
                return Ok(());
            };
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            self.run_honestly(&words)?;
        }
        Err(format!("the job does not end: {}", self.desk.status()))
    }

    /// Runs a command to its end, and holds its code against what the job deserves.
    pub(super) fn run_honestly(&self, words: &[&str]) -> Result<(), String> {
        let ended = self.run(words);
        self.is_honest(words, &ended)
    }

    /// Whether a process that was not killed told the truth with its code.
    pub(super) fn is_honest(&self, words: &[&str], ended: &Ended) -> Result<(), String> {
        let deserved = self.desk.run(&["status", "--exit-code"]).code;
        // A portal that refuses the first question is no run of the job's, and no state of it.
        // Nor is an answer about something else, as long as nothing was sent on it.
        let refused = match ended.code {
            3 | 7 | 9 => self.is_troubled,
            6 => self.is_troubled && !self.has_sent(),
            _ => false,
        };
        if ended.code == deserved || refused {
            return Ok(());
        }
        Err(format!(
            "{words:?} ended with {} and the job deserves {deserved}\n{}\n{}",
            ended.code, ended.stdout, ended.stderr
        ))
    }

    /// Whether the last command recorded an intent. One that was refused before it began a run did not.
    fn has_sent(&self) -> bool {
        let story = self.desk.story();
        let news = story.get(self.events_before.get()..);
        news.is_some_and(|news| is_told(news, "attempt_intended"))
    }

    /// Lets everything that is late at the portal come: it looks at its clock when it is asked something.
    pub(super) fn let_late_effects_come(&self) {
        self.clock().advance(Duration::from_mins(5));
        // Each fault that is still to come spoils one answer at most.
        let is_there = (0..=FAULTS_MAX).any(|_| self.answers());
        assert!(is_there, "the portal is not there any more");
    }

    /// Asks the portal something, and says whether it answered.
    fn answers(&self) -> bool {
        let Ok(mut connection) = TcpStream::connect(self.portal.host()) else {
            return false;
        };
        let host = self.portal.host();
        let question = format!("GET /rest/1/{TOKEN}/profile HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let mut answer = Vec::new();
        connection.write_all(question.as_bytes()).is_ok()
            && connection.read_to_end(&mut answer).is_ok()
            && answer.starts_with(b"HTTP/1.1 200")
    }

    /// The roster's path.
    pub(super) fn roster(&self) -> &str {
        &self.roster
    }

    pub(super) fn status(&self) -> Value {
        self.desk.status()
    }
}

/// Whether an event of a kind is among these.
pub(super) fn is_told(story: &[Value], kind: &str) -> bool {
    story.iter().any(|event| event["kind"] == kind)
}

/// Whether SIGKILL ended it.
pub(super) fn was_killed(ended: &Ended) -> bool {
    ended.code == 137
}
