//! Questions that are repeated until they are answered.
//!
//! Of a batch only what is still missing is asked again. What passes by itself is waited for, with growing pauses and up to a
//! bound; what does not is an error at once. Only reading methods come here: repeating one of them changes nothing. Not
//! responsible for what an answer says.

use std::time::Duration;

use chrono::DateTime;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::{Map, Value, json};

use super::answer::{BatchBody, Doubt, Envelope, Failure, Reply, open};
use super::code::{self, Class, ErrorBody};
use super::connection::{Connection, WaitReason};
use super::encode::{self, BATCH_COMMANDS_MAX, Refusal};
use super::error::PortalError;
use super::flow::Seat;
use super::listing::Answered;
use super::method::{Method, ReadMethod};
use super::retry::Delays;

/// Failures in a row, without one answer between them, after which the portal is taken to be away. With the pauses between them
/// about two minutes, and half an hour where operating time is used up.
const FAILURES_MAX: u32 = 8;

/// How often one question may be refused or left out before that is its answer: such errors seldom pass.
const REFUSALS_MAX: u32 = 3;

/// Failures to connect after which a portal that never answered is given up: before anything is under way, a wrong address or a
/// missing network should be told in seconds.
const FIRST_FAILURES_MAX: u32 = 3;

/// How a batch grows again, in commands, after an answer that came. It halves when none came: fifty slow commands may take longer
/// than the 60 s after which the portal cuts a request.
const GROWTH: usize = 5;

/// How questions travel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    /// Up to fifty in a batch, and by themselves those that a batch cannot say.
    Batch,
    /// Each by itself.
    Direct,
    /// By itself, as the first question to an address: perhaps no portal is there.
    First,
    /// As in [`Way::Batch`], but each by itself while `batch` is blocked: for what cannot wait.
    Pressing,
}

/// One question.
#[derive(Clone, Debug)]
pub(super) struct Question {
    /// The method.
    pub(super) method: ReadMethod,
    /// Its parameters.
    pub(super) parameters: Value,
    /// What is asked, for messages: without personal values.
    pub(super) asked: String,
    /// Whether there is another way to learn it: a refusal is an answer then, with the result `null`.
    pub(super) is_attempt: bool,
}

/// A request with questions, on its way or back.
struct Flight {
    /// Which questions.
    asked: Vec<usize>,
    carrier: Method,
    outcomes: Vec<Result<Answered, Problem>>,
}

/// Why a question has no answer yet.
#[derive(Debug)]
enum Problem {
    /// It will have none.
    Stop(PortalError),
    /// It was refused for a reason of its own.
    Refused { code: String },
    /// The answer to the batch leaves it out.
    Incomplete,
    /// What came is not what a portal answers to its first question.
    NoPortal { status: u16 },
    /// Something that passes.
    Passing(WaitReason),
}

/// Asks all questions. The answers are in the order of the questions. Several requests are under way at a time, as many as
/// [`super::flow`] finds useful.
///
/// # Errors
///
/// [`PortalError`]; then all answers are lost, which is cheap: nothing was changed.
pub(super) async fn ask(
    connection: &Connection,
    questions: &[Question],
    way: Way,
) -> Result<Vec<Answered>, PortalError> {
    let commands: Vec<Option<String>> = questions
        .iter()
        .map(|question| command(question, way))
        .collect::<Result<_, _>>()?;
    let mut conversation = Conversation {
        questions,
        standing: vec![Standing::Open; questions.len()],
        refusals: vec![0; questions.len()],
        delays: Delays::transient(connection.jitter()),
        failures: 0,
        batch_size: BATCH_COMMANDS_MAX,
        way,
        is_portal: false,
    };
    let mut flights = FuturesUnordered::new();
    let mut pause: Option<(WaitReason, Method)> = None;
    loop {
        let load = match pause {
            None => conversation.next_load(connection, &commands),
            Some(_) => None,
        };
        match (load, pause) {
            (Some(load), _) => {
                tokio::select! {
                    biased;
                    Some(flight) = flights.next(), if !flights.is_empty() => {
                        pause = conversation.landed(connection, flight, pause)?;
                    }
                    seat = connection.flow().seat() => {
                        for index in &load {
                            conversation.standing[*index] = Standing::Asked;
                        }
                        flights.push(fly(connection, questions, &commands, load, way, seat));
                    }
                }
            }
            (None, _) if !flights.is_empty() => {
                if let Some(flight) = flights.next().await {
                    pause = conversation.landed(connection, flight, pause)?;
                }
            }
            (None, Some((reason, carrier))) => {
                let (wait, failures) = (conversation.delays.next(), conversation.failures);
                connection.pause(reason, carrier, wait, failures).await;
                pause = None;
            }
            (None, None) => match conversation.blocked(connection, &commands) {
                Some((method, wait)) => {
                    let failures = conversation.failures;
                    connection
                        .pause(WaitReason::OperationLimit, method, wait, failures)
                        .await;
                }
                None => break,
            },
        }
    }
    let answers = conversation.standing.into_iter().map(|standing| match standing {
        Standing::Answered(answer) => Some(answer),
        Standing::Open | Standing::Asked => None,
    });
    Ok(answers.flatten().collect())
}

/// How a question stands.
#[derive(Clone, Debug)]
enum Standing {
    /// To be asked.
    Open,
    /// Under way.
    Asked,
    Answered(Answered),
}

/// The questions of one [`ask`], and what became of them so far.
struct Conversation<'a> {
    questions: &'a [Question],
    standing: Vec<Standing>,
    refusals: Vec<u32>,
    delays: Delays,
    failures: u32,
    batch_size: usize,
    way: Way,
    /// Whether something came that only a portal says: what is odd after that passes.
    is_portal: bool,
}

impl Conversation<'_> {
    fn is_open(&self, index: usize) -> bool {
        matches!(self.standing[index], Standing::Open)
    }

    /// Whether a question has to go by itself now.
    fn goes_alone(&self, connection: &Connection, command: Option<&String>) -> bool {
        command.is_none() || (self.way == Way::Pressing && connection.blocked_for(Method::Batch).is_some())
    }

    /// The method that keeps a question back, and for how long.
    fn kept_back(&self, connection: &Connection, index: usize, command: Option<&String>) -> Option<(Method, Duration)> {
        let carrier = (!self.goes_alone(connection, command)).then_some(Method::Batch);
        let methods = [Some(Method::from(self.questions[index].method)), carrier];
        methods
            .into_iter()
            .flatten()
            .find_map(|method| connection.blocked_for(method).map(|wait| (method, wait)))
    }

    /// The questions of the next request; none when nothing can be asked now.
    fn next_load(&self, connection: &Connection, commands: &[Option<String>]) -> Option<Vec<usize>> {
        let can_go = |index: &usize| {
            self.is_open(*index) && self.kept_back(connection, *index, commands[*index].as_ref()).is_none()
        };
        let first = (0..commands.len()).find(can_go)?;
        if self.goes_alone(connection, commands[first].as_ref()) {
            return Some(vec![first]);
        }
        let in_batch = |index: &usize| can_go(index) && commands[*index].is_some();
        Some((first..commands.len()).filter(in_batch).take(self.batch_size).collect())
    }

    /// What keeps the first open question back, if there is one.
    fn blocked(&self, connection: &Connection, commands: &[Option<String>]) -> Option<(Method, Duration)> {
        (0..commands.len())
            .filter(|index| self.is_open(*index))
            .find_map(|index| self.kept_back(connection, index, commands[index].as_ref()))
    }

    /// Takes what a request brought. Says what to pause for; what other requests ran into before it has its pause already, and counts once.
    fn landed(
        &mut self,
        connection: &Connection,
        flight: Flight,
        pause: Option<(WaitReason, Method)>,
    ) -> Result<Option<(WaitReason, Method)>, PortalError> {
        let mut problem = None;
        let mut progress = false;
        for (index, outcome) in flight.asked.into_iter().zip(flight.outcomes) {
            let standing = match outcome {
                Ok(answer) => Standing::Answered(answer),
                Err(Problem::Refused { .. }) if self.questions[index].is_attempt => {
                    Standing::Answered(Answered::default())
                }
                Err(found) => {
                    let reason = self.failed(index, found)?;
                    problem.get_or_insert((index, reason));
                    Standing::Open
                }
            };
            progress |= matches!(standing, Standing::Answered(_));
            self.standing[index] = standing;
        }
        if progress {
            self.failures = 0;
            self.delays.reset();
            self.batch_size = BATCH_COMMANDS_MAX.min(self.batch_size + GROWTH);
        }
        let Some((index, reason)) = problem else {
            return Ok(pause);
        };
        if pause.is_some() {
            return Ok(pause);
        }
        self.failures += 1;
        let failures_max = match (self.way, reason) {
            (Way::First, WaitReason::NotConnected) => FIRST_FAILURES_MAX,
            _ => FAILURES_MAX,
        };
        if self.failures >= failures_max {
            return Err(given_up(self.questions[index].asked.clone(), reason, self.failures));
        }
        match reason {
            // Waited for before the next request.
            WaitReason::OperationLimit => return Ok(None),
            WaitReason::QueryLimit => connection.overflowed(),
            WaitReason::NoAnswer | WaitReason::BadAnswer => self.batch_size = (self.batch_size / 2).max(1),
            WaitReason::NotConnected | WaitReason::Refused | WaitReason::Incomplete | WaitReason::Changed => {}
        }
        Ok(Some((reason, flight.carrier)))
    }

    /// Counts a question that got no answer. Says why it is asked again.
    fn failed(&mut self, index: usize, problem: Problem) -> Result<WaitReason, PortalError> {
        let is_last = self.refusals[index] + 1 >= REFUSALS_MAX;
        let asked = &self.questions[index].asked;
        let unexpected = |problem: String| PortalError::Unexpected {
            asked: asked.clone(),
            problem,
        };
        let reason = reason(&problem);
        self.is_portal |= matches!(problem, Problem::Incomplete);
        match problem {
            Problem::Stop(error) => return Err(error),
            Problem::NoPortal { .. } if self.is_portal => {}
            Problem::NoPortal { status } if is_last => return Err(PortalError::NoPortal { status }),
            Problem::Refused { code } if is_last => {
                return Err(unexpected(format!("it is an error, with the code `{code}`")));
            }
            Problem::Incomplete if is_last => {
                return Err(unexpected("it was left out of the batch's answer".to_owned()));
            }
            Problem::Passing(_) => {}
            Problem::NoPortal { .. } | Problem::Refused { .. } | Problem::Incomplete => self.refusals[index] += 1,
        }
        Ok(reason)
    }
}

/// One request with these questions. The seat is kept until it is answered.
async fn fly(
    connection: &Connection,
    questions: &[Question],
    commands: &[Option<String>],
    asked: Vec<usize>,
    way: Way,
    _seat: Seat<'_>,
) -> Flight {
    let texts: Vec<(Method, &str)> = asked
        .iter()
        .filter_map(|index| Some((Method::from(questions[*index].method), commands[*index].as_deref()?)))
        .collect();
    let must_go_alone = way == Way::Pressing && connection.blocked_for(Method::Batch).is_some();
    let (carrier, outcomes) = match asked.as_slice() {
        [only] if texts.is_empty() || must_go_alone => {
            let question = &questions[*only];
            let method = Method::from(question.method);
            (
                method,
                vec![ask_directly(connection, method, &question.parameters, way).await],
            )
        }
        _ => (Method::Batch, ask_batch(connection, &texts).await),
    };
    Flight {
        asked,
        carrier,
        outcomes,
    }
}

/// The question as a command; `None` when it has to go by itself.
fn command(question: &Question, way: Way) -> Result<Option<String>, PortalError> {
    if matches!(way, Way::Direct | Way::First) {
        return Ok(None);
    }
    match encode::command(Method::from(question.method), &question.parameters) {
        Ok(command) => Ok(Some(command)),
        // A direct call is not searched for references.
        Err(Refusal::Rewritten) => Ok(None),
        Err(refusal) => Err(PortalError::Unsendable {
            asked: question.asked.clone(),
            problem: refusal.as_str(),
        }),
    }
}

/// Why a problem is waited for.
const fn reason(problem: &Problem) -> WaitReason {
    match problem {
        Problem::Passing(reason) => *reason,
        Problem::Incomplete => WaitReason::Incomplete,
        Problem::NoPortal { .. } => WaitReason::BadAnswer,
        Problem::Refused { .. } | Problem::Stop(_) => WaitReason::Refused,
    }
}

/// The error after too many failures in a row.
fn given_up(asked: String, reason: WaitReason, attempts: u32) -> PortalError {
    match reason {
        WaitReason::NotConnected => PortalError::Unreachable { attempts },
        reason => PortalError::Temporary {
            asked,
            reason,
            attempts,
        },
    }
}

/// Asks one question by itself, once.
async fn ask_directly(
    connection: &Connection,
    method: Method,
    parameters: &Value,
    way: Way,
) -> Result<Answered, Problem> {
    let (exchange, _) = connection.exchange(method, parameters).await;
    if way == Way::First
        && let Some(status) = exchange.as_ref().ok().and_then(strange_status)
    {
        return Err(Problem::NoPortal { status });
    }
    let envelope = opened(connection, method, exchange)?;
    connection
        .limits()
        .answered(method, envelope.get("time"), connection.now());
    let answered = answered(envelope.get("result"), envelope.get("total"), envelope.get("next"))?;
    let finished = envelope.get("time").and_then(|time| time.get("date_finish")?.as_str());
    Ok(Answered {
        finished: finished.and_then(|finished| DateTime::parse_from_rfc3339(finished).ok()),
        ..answered
    })
}

/// The status of an answer that is none of Bitrix24's REST API: a page, or JSON of something else.
fn strange_status(reply: &Reply) -> Option<u16> {
    let strange = match open(reply) {
        Ok(Envelope::Success(envelope)) => !envelope.contains_key("result") && !envelope.contains_key("time"),
        Ok(Envelope::Error(error)) => reply.status == 404 && code::class(&error.code) == Class::Other,
        // Too slow or too many, 408 and 429, can be any front end's, and pass.
        Err(doubt) => matches!(doubt, Doubt::NotJson | Doubt::Status(400..=405)),
    };
    strange.then_some(reply.status)
}

/// Asks the questions of one batch, once.
async fn ask_batch(connection: &Connection, commands: &[(Method, &str)]) -> Vec<Result<Answered, Problem>> {
    let keys: Vec<String> = (0..commands.len()).map(|index| format!("q{index}")).collect();
    let cmd: Map<String, Value> = keys
        .iter()
        .zip(commands)
        .map(|(key, (_, command))| (key.clone(), Value::from(*command)))
        .collect();
    let (exchange, took) = connection
        .exchange(Method::Batch, &json!({"halt": 0, "cmd": cmd}))
        .await;
    connection.flow().measured(took);
    let envelope = match opened(connection, Method::Batch, exchange) {
        Ok(envelope) => envelope,
        Err(problem) => return commands.iter().map(|_| Err(problem.again())).collect(),
    };
    let now = connection.now();
    connection.limits().answered(Method::Batch, envelope.get("time"), now);
    let batch = BatchBody::of(&envelope);
    keys.iter()
        .zip(commands)
        .map(|(key, (method, _))| outcome(connection, &batch, key, *method, now))
        .collect()
}

/// What a batch says of one question in it.
fn outcome(
    connection: &Connection,
    batch: &BatchBody<'_>,
    key: &str,
    method: Method,
    now: Duration,
) -> Result<Answered, Problem> {
    match (batch.result(key), batch.error(key)) {
        (result @ Some(_), None) => {
            connection.limits().answered(method, batch.time(key), now);
            answered(result, batch.total(key), batch.next(key))
        }
        (None, Some(error)) => Err(problem(connection, method, code::class(&error.code), error)),
        (Some(_), Some(_)) | (None, None) => Err(Problem::Incomplete),
    }
}

impl Problem {
    /// The same problem, for one more question of the batch that it befell.
    fn again(&self) -> Self {
        match self {
            Self::Stop(error) => Self::Stop(error.clone()),
            Self::Refused { code } => Self::Refused { code: code.clone() },
            Self::Incomplete => Self::Incomplete,
            Self::NoPortal { status } => Self::NoPortal { status: *status },
            Self::Passing(reason) => Self::Passing(*reason),
        }
    }
}

fn answered(result: Option<&Value>, total: Option<&Value>, next: Option<&Value>) -> Result<Answered, Problem> {
    Ok(Answered::of(result.ok_or(Problem::Incomplete)?, total, next))
}

/// The opened answer to a request that only read.
fn opened(
    connection: &Connection,
    method: Method,
    exchange: Result<Reply, Failure>,
) -> Result<Map<String, Value>, Problem> {
    let reply = exchange.map_err(|failure| match failure {
        Failure::NotConnected => Problem::Passing(WaitReason::NotConnected),
        Failure::Tls => Problem::Stop(PortalError::Tls),
        Failure::NoAnswer => Problem::Passing(WaitReason::NoAnswer),
        Failure::Truncated => Problem::Passing(WaitReason::BadAnswer),
    })?;
    match open(&reply) {
        Ok(Envelope::Success(envelope)) => Ok(envelope),
        Ok(Envelope::Error(error)) => Err(problem(
            connection,
            method,
            code::class_at_top(&error.code, reply.status),
            error,
        )),
        Err(Doubt::Redirected) => Err(Problem::Stop(PortalError::Redirected {
            host: reply.redirect_host,
        })),
        // Nobody's error object: the address is wrong, or something in between refuses.
        Err(Doubt::Status(status @ 400..=499)) => Err(Problem::Refused {
            code: format!("HTTP {status}"),
        }),
        Err(_) => Err(Problem::Passing(WaitReason::BadAnswer)),
    }
}

/// What an error object means for the question.
fn problem(connection: &Connection, method: Method, class: Class, error: ErrorBody) -> Problem {
    if let Some(stop) = code::stop(class, &error.code, method) {
        return Problem::Stop(stop);
    }
    match class {
        Class::QueryLimit => Problem::Passing(WaitReason::QueryLimit),
        Class::OperationLimit => {
            connection.limits().refused(method, connection.now());
            Problem::Passing(WaitReason::OperationLimit)
        }
        Class::Server => Problem::Passing(WaitReason::BadAnswer),
        _ => Problem::Refused { code: error.code },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::connection::WaitReason::{BadAnswer, NoAnswer, QueryLimit};
    use super::super::connection::{Notice, Settings};
    use super::super::pace::Rate;
    use super::super::testing::{Arrived, PATIENT, Pauses, Said, Server, Step, connection_to, ok, ok_batch, settings};
    use super::super::webhook::Webhook;
    use super::*;
    use crate::clock::Clock;

    fn questions(names: &[&str]) -> Vec<Question> {
        let question = |name: &&str| Question {
            method: ReadMethod::UserGet,
            is_attempt: false,
            parameters: json!({"NAME": name}),
            asked: format!("question {name}"),
        };
        names.iter().map(question).collect()
    }

    /// What to do with a request.
    type Script = fn(&Arrived) -> Step;
    /// What to answer to a command.
    type Answer = fn(&str) -> Said;

    async fn ask_all(server: &Server, names: &[&str], way: Way) -> (Result<Vec<Value>, PortalError>, Arc<Pauses>) {
        let (connection, pauses) = server.connection();
        let answers = ask(&connection, &questions(names), way).await;
        (
            answers.map(|answers| answers.into_iter().map(|answered| answered.result).collect()),
            pauses,
        )
    }

    /// Answers each command with its own query.
    fn echo(command: &str) -> Said {
        Said::Result(Value::from(command.replace("user.get?NAME=", "")))
    }

    fn failed(status: u16, code: &str) -> Step {
        Step::Reply(status, json!({"error": code, "error_description": "text"}).to_string())
    }

    fn reasons(pauses: &Pauses) -> Vec<WaitReason> {
        pauses
            .notices()
            .iter()
            .map(|Notice::Waiting { reason, .. }| *reason)
            .collect()
    }

    fn queries(arrived: &Arrived) -> Vec<String> {
        arrived
            .commands()
            .values()
            .map(|command| command.as_str().unwrap().replace("user.get?NAME=", ""))
            .collect()
    }

    #[tokio::test]
    async fn only_what_is_missing_is_asked_again() {
        let server = Server::start(|number, arrived| {
            ok_batch(arrived, |command| {
                match (number, command.ends_with('b'), command.ends_with('c')) {
                    (0, true, _) => Said::Nothing,
                    (0 | 1, _, true) => Said::Error("ERROR_CORE"),
                    _ => echo(command),
                }
            })
        });
        let (answers, pauses) = ask_all(&server, &["a", "b", "c", "d"], Way::Batch).await;
        assert_eq!(answers.unwrap(), ["a", "b", "c", "d"]);
        let asked: Vec<Vec<String>> = server.arrived().iter().map(queries).collect();
        assert_eq!(asked, [vec!["a", "b", "c", "d"], vec!["b", "c"], vec!["c"]]);
        assert_eq!(reasons(&pauses), [WaitReason::Incomplete, WaitReason::Refused]);
    }

    #[tokio::test]
    async fn what_passes_is_waited_for_with_growing_pauses() {
        let server = Server::start(|number, arrived| match number {
            0 => failed(503, "QUERY_LIMIT_EXCEEDED"),
            1 => Step::Reply(502, "<html>".to_owned()),
            2 => failed(500, "INTERNAL_SERVER_ERROR"),
            3 => Step::Close,
            4 => Step::Truncated("{}".to_owned()),
            5 => Step::Reply(200, "<html>".to_owned()),
            _ => ok_batch(arrived, echo),
        });
        let (answers, pauses) = ask_all(&server, &["a"], Way::Batch).await;
        assert_eq!(answers.unwrap(), ["a"]);
        assert_eq!(
            reasons(&pauses),
            [QueryLimit, BadAnswer, BadAnswer, NoAnswer, BadAnswer, BadAnswer]
        );
        for (
            number,
            Notice::Waiting {
                wait, attempt, method, ..
            },
        ) in pauses.notices().iter().enumerate()
        {
            let base = f64::from(1 << number);
            assert!(
                (base * 0.75..base * 1.25).contains(&wait.as_secs_f64()),
                "{number}: {wait:?}"
            );
            assert_eq!(
                (usize::try_from(*attempt).unwrap(), *method),
                (number + 1, Some(Method::Batch))
            );
        }
    }

    #[tokio::test]
    async fn a_portal_that_stays_away_is_given_up() {
        let server = Server::start(|_, _| Step::Reply(502, "<html>".to_owned()));
        let (answers, pauses) = ask_all(&server, &["a"], Way::Batch).await;
        let (asked, reason) = ("question a".to_owned(), WaitReason::BadAnswer);
        assert_eq!(
            answers,
            Err(PortalError::Temporary {
                asked,
                reason,
                attempts: 8
            })
        );
        assert_eq!((server.arrived().len(), pauses.notices().len()), (8, 7));

        let (connection, _) = connection_to("http://127.0.0.1:1/rest/1/x/", PATIENT);
        let answers = ask(&connection, &questions(&["a"]), Way::Direct).await;
        assert_eq!(answers, Err(PortalError::Unreachable { attempts: 8 }));
        assert_eq!(connection.requests(), 0);
    }

    #[tokio::test]
    async fn after_what_only_a_portal_says_an_odd_answer_to_the_first_question_passes() {
        let server = Server::start(|number, _| match number {
            0 | 1 => ok(&json!({"time": {"operating": 0}})),
            2..=5 => Step::Reply(200, "{\"result\"".to_owned()),
            _ => ok(&json!({"result": 7})),
        });
        let (answers, _) = ask_all(&server, &["a"], Way::First).await;
        assert_eq!((answers, server.arrived().len()), (Ok(vec![json!(7)]), 7));
    }

    /// What a server always says, what becomes of the question, and after how many requests.
    type FirstCase = (Script, Result<Vec<Value>, PortalError>, usize);

    #[tokio::test]
    async fn the_first_question_is_soon_given_up_and_tells_a_page_from_a_portal() {
        let page = |status| Err(PortalError::NoPortal { status });
        let away = Err(PortalError::Temporary {
            asked: "question a".to_owned(),
            reason: BadAnswer,
            attempts: 8,
        });
        let cases: [FirstCase; 5] = [
            (|_| Step::Reply(200, "<html>".to_owned()), page(200), 3),
            (|_| Step::Reply(404, "<html>".to_owned()), page(404), 3),
            (|_| Step::Reply(200, "{}".to_owned()), page(200), 3),
            (|_| Step::Reply(502, "<html>".to_owned()), away, 8),
            (|_| ok(&json!({"result": 7})), Ok(vec![json!(7)]), 1),
        ];
        for (script, expected, requests) in cases {
            let server = Server::start(move |_, arrived| script(arrived));
            let (answers, _) = ask_all(&server, &["a"], Way::First).await;
            assert_eq!((answers, server.arrived().len()), (expected, requests));
        }
        let address = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let (connection, pauses) = connection_to(&format!("http://{address}/rest/1/x/"), PATIENT);
        let answers = ask(&connection, &questions(&["a"]), Way::First).await;
        assert_eq!(answers.err(), Some(PortalError::Unreachable { attempts: 3 }));
        assert_eq!(reasons(&pauses), [WaitReason::NotConnected; 2]);
    }

    #[tokio::test]
    async fn what_does_not_pass_is_an_error_at_once() {
        let (code, method) = (|code: &str| code.to_owned(), Method::UserGet);
        let cases: [(Script, PortalError); 8] = [
            (
                |_| failed(401, "expired_token"),
                PortalError::Auth {
                    code: code("expired_token"),
                },
            ),
            (
                |_| failed(403, "ACCESS_DENIED"),
                PortalError::Permission {
                    method: Method::Batch,
                    code: code("ACCESS_DENIED"),
                },
            ),
            (|_| failed(503, "OVERLOAD_LIMIT"), PortalError::Overload),
            (
                |_| Step::Redirect("https://new.example/x"),
                PortalError::Redirected {
                    host: Some("new.example".to_owned()),
                },
            ),
            (
                |arrived| ok_batch(arrived, |_| Said::Error("ACCESS_DENIED")),
                PortalError::Permission {
                    method,
                    code: code("ACCESS_DENIED"),
                },
            ),
            (
                |arrived| ok_batch(arrived, |_| Said::Error("insufficient_scope")),
                PortalError::Scope {
                    missing: "user".to_owned(),
                },
            ),
            (
                |arrived| ok_batch(arrived, |_| Said::Error("ERROR_METHOD_NOT_FOUND")),
                PortalError::Tariff {
                    method,
                    code: code("ERROR_METHOD_NOT_FOUND"),
                },
            ),
            (
                |arrived| ok_batch(arrived, |_| Said::Error("OVERLOAD_LIMIT")),
                PortalError::Overload,
            ),
        ];
        for (step, expected) in cases {
            let server = Server::start(move |_, arrived| step(arrived));
            let (answers, pauses) = ask_all(&server, &["a"], Way::Batch).await;
            assert_eq!(answers, Err(expected));
            assert_eq!((server.arrived().len(), pauses.notices().len()), (1, 0));
        }
    }

    #[tokio::test]
    async fn a_question_that_is_refused_or_left_out_again_and_again_is_never_answered_by_guess() {
        let cases: [Answer; 3] = [
            |_| Said::Error(""),
            |_| Said::Nothing,
            |command| {
                if command.ends_with('b') {
                    Said::Nothing
                } else {
                    echo(command)
                }
            },
        ];
        for answer in cases {
            let server = Server::start(move |_, arrived| ok_batch(arrived, answer));
            let (answers, _) = ask_all(&server, &["a", "b"], Way::Batch).await;
            assert!(matches!(answers, Err(PortalError::Unexpected { .. })), "{answers:?}");
            assert_eq!(server.arrived().len(), 3);
        }
        let server = Server::start(|_, _| Step::Reply(404, "<html>".to_owned()));
        let (answers, _) = ask_all(&server, &["a"], Way::Direct).await;
        let PortalError::Unexpected { problem, .. } = answers.unwrap_err() else {
            panic!("another error")
        };
        assert!(problem.contains("HTTP 404"));
    }

    #[tokio::test]
    async fn a_key_in_both_maps_is_no_answer() {
        let server = Server::start(|_, arrived| {
            let keys = arrived.commands();
            let map: Map<String, Value> = keys.keys().map(|key| (key.clone(), json!([]))).collect();
            ok(&json!({"result": {"result": map, "result_error": map}}))
        });
        assert!(ask_all(&server, &["a"], Way::Batch).await.0.is_err());
    }

    #[tokio::test]
    async fn a_blocked_method_is_left_alone_until_the_portal_forgets() {
        let server = Server::start(|number, arrived| match number {
            0 => {
                let time = json!({"finish": 5000.5, "operating_reset_at": 5100});
                ok(&json!({"result": {
                    "result": {"q0": "a"}, "result_error": {"q1": {"error": "OPERATION_TIME_LIMIT"}},
                    "result_time": {"q0": time},
                }}))
            }
            1 => ok_batch(arrived, |_| Said::Error("OPERATION_TIME_LIMIT")),
            2 => failed(429, "OPERATION_TIME_LIMIT"),
            _ => ok_batch(arrived, echo),
        });
        let (answers, pauses) = ask_all(&server, &["a", "b"], Way::Batch).await;
        assert_eq!(answers.unwrap(), ["a", "b"]);
        let waits: Vec<(Option<Method>, Duration)> = pauses
            .notices()
            .iter()
            .map(|Notice::Waiting { method, wait, .. }| (*method, *wait))
            .collect();
        assert_eq!(
            waits,
            [
                (Some(Method::UserGet), Duration::from_millis(99_500)),
                (Some(Method::UserGet), Duration::from_mins(1)),
                (Some(Method::Batch), Duration::from_mins(1)),
            ]
        );
        assert_eq!(reasons(&pauses), [WaitReason::OperationLimit; 3]);
    }

    #[tokio::test]
    async fn a_text_that_a_batch_would_rewrite_goes_by_itself() {
        let server = Server::start(|_, arrived| match arrived.method() {
            "batch" => ok_batch(arrived, echo),
            _ => ok(&json!({"result": arrived.body["NAME"]})),
        });
        let (answers, _) = ask_all(&server, &["a", "$result[x][0]", "b"], Way::Batch).await;
        assert_eq!(answers.unwrap(), ["a", "$result[x][0]", "b"]);
        let methods: Vec<String> = server
            .arrived()
            .iter()
            .map(|arrived| arrived.method().to_owned())
            .collect();
        assert_eq!(methods, ["batch", "user.get"]);
        assert_eq!(queries(&server.arrived()[0]), ["a", "b"]);
    }

    #[tokio::test]
    async fn a_batch_has_at_most_fifty_commands_and_halves_while_none_comes_back() {
        let server = Server::start(|_, arrived| {
            if arrived.commands().len() > 20 {
                Step::Close
            } else {
                ok_batch(arrived, echo)
            }
        });
        let names: Vec<String> = (0..120).map(|number| format!("n{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let (answers, _) = ask_all(&server, &names, Way::Batch).await;
        assert_eq!(answers.unwrap(), names);
        let sizes: Vec<usize> = server
            .arrived()
            .iter()
            .map(|arrived| arrived.commands().len())
            .collect();
        assert_eq!(sizes[..4], [50, 25, 12, 17]);
        assert!(sizes.len() < 20, "{sizes:?}");
    }

    #[tokio::test]
    async fn too_many_requests_slow_down_all_that_follow() {
        let server = Server::start(|number, arrived| match number {
            0 => failed(503, "QUERY_LIMIT_EXCEEDED"),
            _ => ok_batch(arrived, echo),
        });
        let pauses = Arc::new(Pauses::default());
        let settings = Settings {
            rate: Rate::PerSecond(0.1),
            burst: 5,
            ..settings(&pauses)
        };
        let webhook = Webhook::parse(&format!("http://{}/rest/1/x/", server.address)).unwrap();
        let connection = Connection::open(webhook, settings).unwrap();
        ask(&connection, &questions(&["a"]), Way::Batch).await.unwrap();
        // A full bucket drains one request in ten seconds, at three quarters of the pace.
        assert!(
            (13.2..13.4).contains(&pauses.monotonic().as_secs_f64()),
            "{:?}",
            pauses.monotonic()
        );
    }

    #[tokio::test]
    async fn what_a_batch_cannot_say_is_not_sent() {
        let server = Server::start(|_, arrived| ok_batch(arrived, echo));
        let (connection, _) = server.connection();
        let empty = Question {
            method: ReadMethod::TaskList,
            parameters: json!({"FILTER": {"USER_ID": []}}),
            asked: "nothing".to_owned(),
            is_attempt: false,
        };
        let answers = ask(&connection, &[empty], Way::Batch).await;
        assert!(matches!(answers, Err(PortalError::Unsendable { .. })));
        assert_eq!(server.arrived().len(), 0);
    }
}
