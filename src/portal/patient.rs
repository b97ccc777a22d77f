//! Questions that are repeated until they are answered.
//!
//! Of a batch only what is still missing is asked again. What passes by itself is waited for, with growing pauses and up to a
//! bound; what does not is an error at once. Only reading methods come here: repeating one of them changes nothing. Not
//! responsible for what an answer says.

use serde_json::{Map, Value, json};

use super::answer::{BatchBody, Doubt, Envelope, Failure, Reply, open};
use super::code::{self, Class, ErrorBody};
use super::connection::{Connection, WaitReason};
use super::decode::number;
use super::encode::{self, BATCH_COMMANDS_MAX, Refusal};
use super::error::PortalError;
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
#[derive(Debug)]
pub(super) struct Question {
    /// The parameters of the method.
    pub(super) parameters: Value,
    /// What is asked, for messages: without personal values.
    pub(super) asked: String,
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

/// Asks all questions of one method. The answers are in the order of the questions.
///
/// # Errors
///
/// [`PortalError`]; then all answers are lost, which is cheap: nothing was changed.
pub(super) async fn ask(
    connection: &Connection,
    method: ReadMethod,
    questions: &[Question],
    way: Way,
) -> Result<Vec<Answered>, PortalError> {
    let method_name = Method::from(method);
    let commands: Vec<Option<String>> = questions
        .iter()
        .map(|question| command(method_name, question, way))
        .collect::<Result<_, _>>()?;
    let mut answers: Vec<Option<Answered>> = vec![None; questions.len()];
    let mut refusals = vec![0; questions.len()];
    let mut delays = Delays::transient(connection.jitter());
    let mut failures = 0;
    let mut batch_size = BATCH_COMMANDS_MAX;
    while let Some(first) = answers.iter().position(Option::is_none) {
        let must_go_alone = way == Way::Pressing && connection.blocked_for(Method::Batch).is_some();
        let in_batch = commands[first].is_some() && !must_go_alone;
        let carrier = if in_batch { Method::Batch } else { method_name };
        await_limits(connection, method_name, carrier, failures).await;

        let (asked, outcomes): (Vec<usize>, _) = if in_batch {
            let is_missing = |index: &usize| answers[*index].is_none() && commands[*index].is_some();
            let chunk: Vec<usize> = (first..questions.len()).filter(is_missing).take(batch_size).collect();
            let texts: Vec<&str> = chunk.iter().filter_map(|index| commands[*index].as_deref()).collect();
            let outcomes = ask_batch(connection, method_name, &texts).await;
            (chunk, outcomes)
        } else {
            (
                vec![first],
                vec![ask_directly(connection, method_name, &questions[first].parameters, way).await],
            )
        };

        let mut problem = None;
        let mut progress = false;
        for (index, outcome) in asked.into_iter().zip(outcomes) {
            match outcome {
                Ok(answer) => {
                    answers[index] = Some(answer);
                    progress = true;
                }
                Err(Problem::Stop(error)) => return Err(error),
                Err(Problem::NoPortal { status }) if refusals[index] + 1 >= REFUSALS_MAX => {
                    return Err(PortalError::NoPortal { status });
                }
                Err(Problem::Refused { .. } | Problem::Incomplete) if refusals[index] + 1 >= REFUSALS_MAX => {
                    let asked = questions[index].asked.clone();
                    let problem = match outcome {
                        Err(Problem::Refused { code }) => format!("it is an error, with the code `{code}`"),
                        _ => "it was left out of the batch's answer".to_owned(),
                    };
                    return Err(PortalError::Unexpected { asked, problem });
                }
                Err(passing) => {
                    refusals[index] += u32::from(!matches!(passing, Problem::Passing(_)));
                    problem.get_or_insert((index, reason(&passing)));
                }
            }
        }
        if progress {
            failures = 0;
            delays.reset();
            batch_size = BATCH_COMMANDS_MAX.min(batch_size + GROWTH);
        }
        let Some((index, reason)) = problem else { continue };
        failures += 1;
        let failures_max = match (way, reason) {
            (Way::First, WaitReason::NotConnected) => FIRST_FAILURES_MAX,
            _ => FAILURES_MAX,
        };
        if failures >= failures_max {
            return Err(given_up(questions[index].asked.clone(), reason, failures));
        }
        match reason {
            // Waited for before the next request.
            WaitReason::OperationLimit => continue,
            WaitReason::QueryLimit => connection.overflowed(),
            WaitReason::NoAnswer | WaitReason::BadAnswer => batch_size = (batch_size / 2).max(1),
            WaitReason::NotConnected | WaitReason::Refused | WaitReason::Incomplete | WaitReason::Changed => {}
        }
        connection.pause(reason, carrier, delays.next(), failures).await;
    }
    Ok(answers.into_iter().flatten().collect())
}

/// The question as a command; `None` when it has to go by itself.
fn command(method: Method, question: &Question, way: Way) -> Result<Option<String>, PortalError> {
    if matches!(way, Way::Direct | Way::First) {
        return Ok(None);
    }
    match encode::command(method, &question.parameters) {
        Ok(command) => Ok(Some(command)),
        // A direct call is not searched for references.
        Err(Refusal::Rewritten) => Ok(None),
        Err(refusal) => Err(PortalError::Unsendable {
            asked: question.asked.clone(),
            problem: refusal.as_str(),
        }),
    }
}

/// Waits while the portal is known to refuse one of the methods.
async fn await_limits(connection: &Connection, method: Method, carrier: Method, failures: u32) {
    for method in [method, carrier] {
        while let Some(wait) = connection.blocked_for(method) {
            connection
                .pause(WaitReason::OperationLimit, method, wait, failures)
                .await;
        }
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
    answered(envelope.get("result"), envelope.get("total"), envelope.get("next"))
}

/// The status of an answer that is none of Bitrix24's REST API: a page, or JSON of something else.
fn strange_status(reply: &Reply) -> Option<u16> {
    let strange = match open(reply) {
        Ok(Envelope::Success(envelope)) => !envelope.contains_key("result"),
        Ok(Envelope::Error(error)) => reply.status == 404 && code::class(&error.code) == Class::Other,
        // Too slow or too many, 408 and 429, can be any front end's, and pass.
        Err(doubt) => matches!(doubt, Doubt::NotJson | Doubt::Status(400..=405)),
    };
    strange.then_some(reply.status)
}

/// Asks the questions of one batch, once.
async fn ask_batch(connection: &Connection, method: Method, commands: &[&str]) -> Vec<Result<Answered, Problem>> {
    let keys: Vec<String> = (0..commands.len()).map(|index| format!("q{index}")).collect();
    let cmd: Map<String, Value> = keys
        .iter()
        .zip(commands)
        .map(|(key, command)| (key.clone(), Value::from(*command)))
        .collect();
    let (exchange, _) = connection
        .exchange(Method::Batch, &json!({"halt": 0, "cmd": cmd}))
        .await;
    let envelope = match opened(connection, Method::Batch, exchange) {
        Ok(envelope) => envelope,
        Err(problem) => return commands.iter().map(|_| Err(problem.again())).collect(),
    };
    let now = connection.now();
    connection.limits().answered(Method::Batch, envelope.get("time"), now);
    let batch = BatchBody::of(&envelope);
    let outcome = |key: &String| match (batch.result(key), batch.error(key)) {
        (result @ Some(_), None) => {
            connection.limits().answered(method, batch.time(key), now);
            answered(result, batch.total(key), batch.next(key))
        }
        (None, Some(error)) => Err(problem(connection, method, code::class(&error.code), error)),
        (Some(_), Some(_)) | (None, None) => Err(Problem::Incomplete),
    };
    keys.iter().map(outcome).collect()
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
    let result = result.ok_or(Problem::Incomplete)?.clone();
    Ok(Answered {
        result,
        total: total.and_then(number),
        next: next.and_then(number),
    })
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
        let answers = ask(&connection, ReadMethod::UserGet, &questions(names), way).await;
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
        let answers = ask(&connection, ReadMethod::UserGet, &questions(&["a"]), Way::Direct).await;
        assert_eq!(answers, Err(PortalError::Unreachable { attempts: 8 }));
        assert_eq!(connection.requests(), 0);
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
        let answers = ask(&connection, ReadMethod::Profile, &questions(&["a"]), Way::First).await;
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
        ask(&connection, ReadMethod::UserGet, &questions(&["a"]), Way::Batch)
            .await
            .unwrap();
        // A full bucket drains one request in ten seconds.
        assert!(
            (9.9..10.1).contains(&pauses.monotonic().as_secs_f64()),
            "{:?}",
            pauses.monotonic()
        );
    }

    #[tokio::test]
    async fn what_a_batch_cannot_say_is_not_sent() {
        let server = Server::start(|_, arrived| ok_batch(arrived, echo));
        let (connection, _) = server.connection();
        let empty = Question {
            parameters: json!({"FILTER": {"USER_ID": []}}),
            asked: "nothing".to_owned(),
        };
        let answers = ask(&connection, ReadMethod::TaskList, &[empty], Way::Batch).await;
        assert!(matches!(answers, Err(PortalError::Unsendable { .. })));
        assert_eq!(server.arrived().len(), 0);
    }
}
