//! Faults on demand: what goes wrong, and at which request.
//!
//! Every fault of consequence exists twice: nothing was done, and everything was done although the answer looks the same.
//! Here a fault is named, parsed and matched with a request; carrying it out is `portal`'s.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::records::RequestRecord;

/// A fault that waits for its request, and happens once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// At which request.
    pub when: When,
    /// What goes wrong.
    pub kind: FaultKind,
}

/// The request at which a fault happens; all counts are from 1 and from the moment at which the fault was injected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// The n-th request.
    Request(u32),
    /// The n-th request that carries a kill or a terminate, alone or in a batch.
    Destroy(u32),
    /// The n-th kill or terminate itself: for faults in the middle of a batch.
    Command(u32),
    /// The n-th request of that method, or with that method in its batch.
    Method(String, u32),
}

/// What goes wrong.
///
/// Kinds that end a request, when they hit a single command ([`When::Command`]), happen just before it ("nothing is done")
/// or just after it ("everything is done"): the commands before it are done, those after it are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The connection is closed before anything is done.
    LostRequest,
    /// Everything is done, then the connection is closed without an answer.
    LostAnswer,
    /// That many commands of the batch are done, then the connection is closed.
    LostAnswerAfter(usize),
    /// Everything is done, and the connection is closed in the middle of the answer.
    TruncatedBody,
    /// Everything is done, and the answer is a 200 that is no JSON.
    NotJson,
    /// Nothing is done: a 500 with a Bitrix error object.
    Status500Json,
    /// Everything is done, and yet a 500 with a Bitrix error object.
    Status500JsonAfter,
    /// Nothing is done: a 500 with an HTML page.
    Status500Html,
    /// Everything is done, and yet a 500 with an HTML page.
    Status500HtmlAfter,
    /// Nothing is done: a 502 with an HTML page.
    HtmlStatus502,
    /// Everything is done, and yet a 502 with an HTML page.
    HtmlStatus502After,
    /// Nothing is done: 503 `QUERY_LIMIT_EXCEEDED`.
    Status503,
    /// Nothing is done: 503 `OVERLOAD_LIMIT`, the manual block by the vendor.
    OverloadLimit,
    /// Everything is done, and yet the answer is a 200 with the error `WRONG_ENCODING`: the portal could not write it.
    WrongEncoding,
    /// The request, or that command, takes so much longer.
    Delay(Duration),
    /// The answer is lost now, and everything is done so much later.
    LateEffect(Duration),
    /// Nothing is done: a 302 to another host.
    Redirect302,
    /// Everything is done, and yet a 302 to another host.
    Redirect302After,
    /// Nothing is done: 429 `OPERATION_TIME_LIMIT`; for a single command the same inside the 200.
    OperatingLimit,
    /// Nothing is done: 401 `expired_token`.
    AuthError401,
    /// Done, but the key is in neither map of the batch's answer.
    MissingKeys,
    /// Not done, and the answer is `false`, not `true`.
    FalseResult,
    /// Not done, and the answer is the error with the empty code: the workflow is still there.
    KillErrorPresent,
    /// Not done, and the answer is the error with this code, one of [`FaultKind::CODES`].
    ErrorCode(&'static str),
    /// Not done, and the answer is `true` all the same.
    EmptyPromise,
    /// The answer is `true` now, and it is done so much later.
    LatePromise(Duration),
    /// Done, and its key is in both maps of the batch's answer.
    BothMaps,
    /// Reading methods ignore their filter.
    DroppedFilter,
    /// Nothing is done: `ACCESS_DENIED`.
    AccessDenied,
    /// Nothing is done: `PORTAL_DELETED`.
    PortalDeleted,
    /// Not done: `ERROR_BATCH_LENGTH_EXCEEDED`, inside the 200 or as the answer to the whole batch.
    BatchLength,
}

/// What happens to a whole request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) done: Done,
    pub(crate) answer: Broken,
}

/// How much of a request is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    Nothing,
    Commands(usize),
    All,
    Later(Duration),
}

/// What the client gets instead of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    Nothing,
    HalfOfIt,
    NotJson,
    Html(u16),
    Redirect,
    Error(u16, &'static str, &'static str),
    /// `ACCESS_DENIED`, with the variant's status.
    AccessDenied,
    /// `PORTAL_DELETED`, with the variant's status.
    Deleted,
}

/// What happens to one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommandFault {
    MissingKey,
    FalseResult,
    ErrorAndPresent,
    OperatingLimit,
    ErrorCode(&'static str),
    EmptyPromise,
    LatePromise(Duration),
    BothMaps,
    Delay(Duration),
    DroppedFilter,
    BatchLength,
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Ending(Ending),
    Command(CommandFault),
}

impl FaultKind {
    /// All kinds, with example values for those that take one.
    pub const ALL: [Self; 31] = [
        Self::LostRequest,
        Self::LostAnswer,
        Self::LostAnswerAfter(3),
        Self::TruncatedBody,
        Self::NotJson,
        Self::Status500Json,
        Self::Status500JsonAfter,
        Self::Status500Html,
        Self::Status500HtmlAfter,
        Self::HtmlStatus502,
        Self::HtmlStatus502After,
        Self::Status503,
        Self::OverloadLimit,
        Self::WrongEncoding,
        Self::Delay(Duration::from_secs(5)),
        Self::LateEffect(Duration::from_secs(30)),
        Self::Redirect302,
        Self::Redirect302After,
        Self::OperatingLimit,
        Self::AuthError401,
        Self::MissingKeys,
        Self::FalseResult,
        Self::KillErrorPresent,
        Self::ErrorCode("ACCESS_DENIED"),
        Self::EmptyPromise,
        Self::LatePromise(Duration::from_secs(30)),
        Self::BothMaps,
        Self::DroppedFilter,
        Self::AccessDenied,
        Self::PortalDeleted,
        Self::BatchLength,
    ];

    /// The codes that [`FaultKind::ErrorCode`] can have: of section 11 of the protocol notes, those that a method inside a batch answers.
    pub const CODES: [&str; 11] = [
        "ACCESS_DENIED",
        "ERROR_ARGUMENT",
        "ERROR_BATCH_LENGTH_EXCEEDED",
        "ERROR_BATCH_METHOD_NOT_ALLOWED",
        "ERROR_CORE",
        "ERROR_METHOD_NOT_FOUND",
        "ERROR_WRONG_WORKFLOW_ID",
        "INTERNAL_SERVER_ERROR",
        "insufficient_scope",
        "QUERY_LIMIT_EXCEEDED",
        "WRONG_LICENSE",
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::LostRequest => "lost-request",
            Self::LostAnswer => "lost-answer",
            Self::LostAnswerAfter(_) => "lost-answer-after",
            Self::TruncatedBody => "truncated-body",
            Self::NotJson => "not-json",
            Self::Status500Json => "status-500-json",
            Self::Status500JsonAfter => "status-500-json-after",
            Self::Status500Html => "status-500-html",
            Self::Status500HtmlAfter => "status-500-html-after",
            Self::HtmlStatus502 => "status-502-html",
            Self::HtmlStatus502After => "status-502-html-after",
            Self::Status503 => "status-503",
            Self::OverloadLimit => "overload-limit",
            Self::WrongEncoding => "wrong-encoding",
            Self::Delay(_) => "delay",
            Self::LateEffect(_) => "late-effect",
            Self::Redirect302 => "redirect-302",
            Self::Redirect302After => "redirect-302-after",
            Self::OperatingLimit => "operating-limit",
            Self::AuthError401 => "auth-error-401",
            Self::MissingKeys => "missing-keys",
            Self::FalseResult => "false-result",
            Self::KillErrorPresent => "kill-error-present",
            Self::ErrorCode(_) => "error-code",
            Self::EmptyPromise => "empty-promise",
            Self::LatePromise(_) => "late-promise",
            Self::BothMaps => "both-maps",
            Self::DroppedFilter => "dropped-filter",
            Self::AccessDenied => "access-denied",
            Self::PortalDeleted => "portal-deleted",
            Self::BatchLength => "batch-length",
        }
    }

    /// What it does, for help.
    pub fn about(self) -> &'static str {
        match self {
            Self::LostRequest => "closes the connection before anything is done",
            Self::LostAnswer => "does everything, then closes the connection without an answer",
            Self::LostAnswerAfter(_) => "does so many commands, then closes the connection",
            Self::TruncatedBody => "does everything, and closes the connection in the middle of the answer",
            Self::NotJson => "does everything, and answers 200 with something that is no JSON",
            Self::Status500Json => "does nothing: 500 INTERNAL_SERVER_ERROR",
            Self::Status500JsonAfter => "does everything, and yet answers 500 INTERNAL_SERVER_ERROR",
            Self::Status500Html => "does nothing: 500 with an HTML page",
            Self::Status500HtmlAfter => "does everything, and yet answers 500 with an HTML page",
            Self::HtmlStatus502 => "does nothing: 502 with an HTML page",
            Self::HtmlStatus502After => "does everything, and yet answers 502 with an HTML page",
            Self::Status503 => "does nothing: 503 QUERY_LIMIT_EXCEEDED",
            Self::OverloadLimit => "does nothing: 503 OVERLOAD_LIMIT",
            Self::WrongEncoding => "does everything, and yet answers 200 with the error WRONG_ENCODING",
            Self::Delay(_) => "takes so much longer",
            Self::LateEffect(_) => "closes the connection now, and does everything so much later",
            Self::Redirect302 => "does nothing: 302 to another host",
            Self::Redirect302After => "does everything, and yet answers 302 to another host",
            Self::OperatingLimit => "does nothing: 429 OPERATION_TIME_LIMIT; for a command the same inside the 200",
            Self::AuthError401 => "does nothing: 401 expired_token",
            Self::MissingKeys => "does the command, and leaves its key out of the batch's answer",
            Self::FalseResult => "does not do the command, and answers false",
            Self::KillErrorPresent => "does not do the command, and answers the error with the empty code",
            Self::ErrorCode(_) => "does not do the command, and answers the error with that code",
            Self::EmptyPromise => "does not do the command, and answers true all the same",
            Self::LatePromise(_) => "answers true, and does the command so much later",
            Self::BothMaps => "does the command, and puts its key among results and errors",
            Self::DroppedFilter => "reading methods ignore their filter",
            Self::AccessDenied => "does nothing: ACCESS_DENIED",
            Self::PortalDeleted => "does nothing: PORTAL_DELETED",
            Self::BatchLength => "does not do the command: ERROR_BATCH_LENGTH_EXCEEDED",
        }
    }

    fn shape(self) -> Shape {
        let ending = |done, answer| Shape::Ending(Ending { done, answer });
        let internal = Broken::Error(500, "INTERNAL_SERVER_ERROR", "Internal server error");
        match self {
            Self::LostRequest => ending(Done::Nothing, Broken::Nothing),
            Self::LostAnswer => ending(Done::All, Broken::Nothing),
            Self::LostAnswerAfter(count) => ending(Done::Commands(count), Broken::Nothing),
            Self::TruncatedBody => ending(Done::All, Broken::HalfOfIt),
            Self::NotJson => ending(Done::All, Broken::NotJson),
            Self::Status500Json => ending(Done::Nothing, internal),
            Self::Status500JsonAfter => ending(Done::All, internal),
            Self::Status500Html => ending(Done::Nothing, Broken::Html(500)),
            Self::Status500HtmlAfter => ending(Done::All, Broken::Html(500)),
            Self::HtmlStatus502 => ending(Done::Nothing, Broken::Html(502)),
            Self::HtmlStatus502After => ending(Done::All, Broken::Html(502)),
            Self::Status503 => ending(Done::Nothing, QUERY_LIMIT),
            Self::OverloadLimit => {
                let text = "REST API is blocked due to overload.";
                ending(Done::Nothing, Broken::Error(503, "OVERLOAD_LIMIT", text))
            }
            Self::WrongEncoding => ending(
                Done::All,
                Broken::Error(200, "WRONG_ENCODING", "Wrong request encoding"),
            ),
            Self::LateEffect(after) => ending(Done::Later(after), Broken::Nothing),
            Self::Redirect302 => ending(Done::Nothing, Broken::Redirect),
            Self::Redirect302After => ending(Done::All, Broken::Redirect),
            Self::AuthError401 => {
                let text = "The access token provided has expired.";
                ending(Done::Nothing, Broken::Error(401, "expired_token", text))
            }
            Self::OperatingLimit => Shape::Command(CommandFault::OperatingLimit),
            Self::Delay(longer) => Shape::Command(CommandFault::Delay(longer)),
            Self::MissingKeys => Shape::Command(CommandFault::MissingKey),
            Self::FalseResult => Shape::Command(CommandFault::FalseResult),
            Self::KillErrorPresent => Shape::Command(CommandFault::ErrorAndPresent),
            Self::ErrorCode(code) => Shape::Command(CommandFault::ErrorCode(code)),
            Self::EmptyPromise => Shape::Command(CommandFault::EmptyPromise),
            Self::LatePromise(after) => Shape::Command(CommandFault::LatePromise(after)),
            Self::BothMaps => Shape::Command(CommandFault::BothMaps),
            Self::DroppedFilter => Shape::Command(CommandFault::DroppedFilter),
            Self::AccessDenied => ending(Done::Nothing, Broken::AccessDenied),
            Self::PortalDeleted => ending(Done::Nothing, Broken::Deleted),
            Self::BatchLength => Shape::Command(CommandFault::BatchLength),
        }
    }
}

/// The answer to a request that the bucket does not admit.
pub(crate) const QUERY_LIMIT: Broken = Broken::Error(503, "QUERY_LIMIT_EXCEEDED", "Too many requests");
/// The answer to a method that is over its operating limit.
pub(crate) const OPERATING_LIMIT: Broken = Broken::Error(
    429,
    "OPERATION_TIME_LIMIT",
    "Method is blocked due to operation time limit.",
);

/// All that goes wrong with one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trouble {
    pub(crate) ending: Option<Ending>,
    pub(crate) delay: Duration,
    commands: Vec<(Option<usize>, CommandFault)>,
}

impl Trouble {
    /// What goes wrong with the command at that place of the request.
    pub(crate) fn with_command(&self, place: usize) -> impl Iterator<Item = CommandFault> {
        self.commands
            .iter()
            .filter(move |(own, _)| own.is_none_or(|own| own == place))
            .map(|(_, fault)| *fault)
    }

    fn add(&mut self, kind: FaultKind, place: Option<usize>) {
        match (kind.shape(), place) {
            (Shape::Ending(ending), None) => self.ending = Some(ending),
            (Shape::Ending(ending), Some(place)) => {
                let done = match ending.done {
                    Done::Nothing => Done::Commands(place),
                    Done::All => Done::Commands(place + 1),
                    Done::Commands(more) => Done::Commands(place + more),
                    Done::Later(after) => Done::Later(after),
                };
                self.ending = Some(Ending { done, ..ending });
            }
            (Shape::Command(CommandFault::Delay(longer)), None) => self.delay += longer,
            (Shape::Command(CommandFault::OperatingLimit), None) => {
                self.ending = Some(Ending {
                    done: Done::Nothing,
                    answer: OPERATING_LIMIT,
                });
            }
            (Shape::Command(fault), place) => self.commands.push((place, fault)),
        }
    }
}

/// The faults that still wait.
#[derive(Debug, Default)]
pub(crate) struct Queue(Vec<Fault>);

impl Queue {
    pub(crate) fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// What goes wrong with a request that just arrived; the faults that happen leave the queue.
    pub(crate) fn meet(&mut self, request: &RequestRecord) -> Trouble {
        let mut trouble = Trouble::default();
        self.0.retain_mut(|fault| match fault.when.meet(request) {
            Meeting::NotYet => true,
            Meeting::Request => {
                trouble.add(fault.kind, None);
                false
            }
            Meeting::Command(place) => {
                trouble.add(fault.kind, Some(place));
                false
            }
        });
        trouble
    }
}

/// Whether a fault has met its request.
enum Meeting {
    NotYet,
    Request,
    /// The command at that place of the request.
    Command(usize),
}

impl When {
    /// Counts a request.
    fn meet(&mut self, request: &RequestRecord) -> Meeting {
        let due = |left: &mut u32, matches: bool| {
            *left = left.saturating_sub(u32::from(matches));
            if matches && *left == 0 {
                Meeting::Request
            } else {
                Meeting::NotYet
            }
        };
        match self {
            Self::Request(left) => due(left, true),
            Self::Destroy(left) => due(left, request.destroys()),
            Self::Method(name, left) => {
                let named = request.method == *name || request.commands.iter().any(|command| command.method == *name);
                due(left, named)
            }
            Self::Command(left) => {
                for (place, _) in request
                    .commands
                    .iter()
                    .enumerate()
                    .filter(|(_, command)| command.destroys())
                {
                    *left = left.saturating_sub(1);
                    if *left == 0 {
                        return Meeting::Command(place);
                    }
                }
                Meeting::NotYet
            }
        }
    }
}

/// A text that names no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no fault: write KIND@WHEN:N, such as lost-answer@destroy:2, lost-answer-after:3@destroy:1, \
     status-503@request:5, delay:2s@bizproc.task.list:1 or missing-keys@command:4"
)]
pub struct FaultError(String);

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let parsed = || {
            let (kind, when) = text.trim().split_once('@')?;
            let (place, count) = when.rsplit_once(':').unwrap_or((when, "1"));
            let count = count.parse::<u32>().ok().filter(|&count| count > 0)?;
            let when = match place {
                "request" => When::Request(count),
                "destroy" => When::Destroy(count),
                "command" => When::Command(count),
                method if !method.is_empty() => When::Method(method.to_lowercase(), count),
                _ => return None,
            };
            Some(Self {
                when,
                kind: parse_kind(kind)?,
            })
        };
        parsed().ok_or_else(|| FaultError(text.to_owned()))
    }
}

fn parse_kind(text: &str) -> Option<FaultKind> {
    let (name, value) = text
        .split_once(':')
        .map_or((text, None), |(name, value)| (name, Some(value)));
    let kind = FaultKind::ALL.into_iter().find(|kind| kind.name() == name)?;
    match (kind, value) {
        (FaultKind::LostAnswerAfter(_), Some(count)) => Some(FaultKind::LostAnswerAfter(count.parse().ok()?)),
        (FaultKind::Delay(_), Some(value)) => Some(FaultKind::Delay(parse_duration(value)?)),
        (FaultKind::LateEffect(_), Some(value)) => Some(FaultKind::LateEffect(parse_duration(value)?)),
        (FaultKind::LatePromise(_), Some(value)) => Some(FaultKind::LatePromise(parse_duration(value)?)),
        (FaultKind::ErrorCode(_), Some(value)) => {
            let code = FaultKind::CODES.into_iter().find(|code| *code == value)?;
            Some(FaultKind::ErrorCode(code))
        }
        (
            FaultKind::LostAnswerAfter(_)
            | FaultKind::Delay(_)
            | FaultKind::LateEffect(_)
            | FaultKind::LatePromise(_)
            | FaultKind::ErrorCode(_),
            None,
        )
        | (_, Some(_)) => None,
        (kind, None) => Some(kind),
    }
}

/// `250ms`, `30s`, `2m`; a bare number is seconds.
fn parse_duration(text: &str) -> Option<Duration> {
    let (number, seconds) = if let Some(number) = text.strip_suffix("ms") {
        (number, 0.001)
    } else if let Some(number) = text.strip_suffix('m') {
        (number, 60.0)
    } else {
        (text.strip_suffix('s').unwrap_or(text), 1.0)
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()
}

impl fmt::Display for FaultKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LostAnswerAfter(count) => write!(formatter, "{}:{count}", self.name()),
            Self::ErrorCode(code) => write!(formatter, "{}:{code}", self.name()),
            Self::Delay(duration) | Self::LateEffect(duration) | Self::LatePromise(duration) => {
                write!(formatter, "{}:{}ms", self.name(), duration.as_millis())
            }
            _ => formatter.write_str(self.name()),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (place, count) = match &self.when {
            When::Request(count) => ("request", count),
            When::Destroy(count) => ("destroy", count),
            When::Command(count) => ("command", count),
            When::Method(method, count) => (method.as_str(), count),
        };
        write!(formatter, "{}@{place}:{count}", self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::super::records::CommandRecord;
    use super::*;

    fn request(methods: &[&str]) -> RequestRecord {
        let commands = methods.iter().map(|method| CommandRecord {
            key: None,
            method: (*method).to_owned(),
            params: serde_json::Value::Null,
        });
        RequestRecord {
            number: 1,
            at: Duration::ZERO,
            http_method: "POST".to_owned(),
            method: "batch".to_owned(),
            commands: commands.collect(),
            status: None,
        }
    }

    const KILL: &str = "bizproc.workflow.kill";
    const READ: &str = "bizproc.task.list";

    #[test]
    fn every_fault_is_read_back_from_its_own_text() {
        for kind in FaultKind::ALL {
            for when in [
                When::Request(5),
                When::Destroy(2),
                When::Command(7),
                When::Method("bizproc.task.list".to_owned(), 1),
            ] {
                let fault = Fault { when, kind };
                assert_eq!(fault.to_string().parse(), Ok(fault.clone()), "{fault}");
            }
        }
    }

    #[test]
    fn texts_that_name_no_fault_are_refused() {
        for text in [
            "",
            "lost-answer",
            "lost@destroy:1",
            "lost-answer@destroy:0",
            "lost-answer@:1",
            "delay@request:1",
            "not-json:3@request:1",
            "error-code@command:1",
            "error-code:NO_SUCH_CODE@command:1",
        ] {
            assert!(text.parse::<Fault>().is_err(), "{text}");
        }
        assert_eq!(
            "delay:2m@request".parse::<Fault>().unwrap().kind,
            FaultKind::Delay(Duration::from_mins(2))
        );
    }

    #[test]
    fn a_fault_waits_for_its_request_and_happens_once() {
        let mut queue = Queue::default();
        queue.push("lost-answer@destroy:2".parse().unwrap());
        let happens = |queue: &mut Queue, methods: &[&str]| queue.meet(&request(methods)).ending.is_some();
        assert!(!happens(&mut queue, &[READ]));
        assert!(!happens(&mut queue, &[READ, KILL]));
        assert!(!happens(&mut queue, &[READ]));
        assert!(happens(&mut queue, &[KILL]));
        assert!(!happens(&mut queue, &[KILL]) && !happens(&mut queue, &[KILL]));
    }

    #[test]
    fn a_fault_at_a_command_knows_its_place_in_the_batch() {
        let mut queue = Queue::default();
        queue.push("lost-answer@command:4".parse().unwrap());
        queue.push("missing-keys@command:3".parse().unwrap());
        assert!(queue.meet(&request(&[KILL, KILL])).ending.is_none());
        let trouble = queue.meet(&request(&[READ, KILL, READ, KILL, KILL]));
        assert_eq!(trouble.ending.map(|ending| ending.done), Some(Done::Commands(4)));
        assert_eq!(trouble.with_command(1).collect::<Vec<_>>(), [CommandFault::MissingKey]);
        assert_eq!(trouble.with_command(3).count(), 0);
    }
}
