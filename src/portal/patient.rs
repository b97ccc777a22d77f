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
        let in_batch = commands[first].is_some();
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
                vec![ask_directly(connection, method_name, &questions[first].parameters).await],
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
        if failures >= FAILURES_MAX {
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
    if way == Way::Direct {
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
async fn ask_directly(connection: &Connection, method: Method, parameters: &Value) -> Result<Answered, Problem> {
    let (exchange, _) = connection.exchange(method, parameters).await;
    let envelope = opened(connection, method, exchange)?;
    connection
        .limits()
        .answered(method, envelope.get("time"), connection.now());
    answered(envelope.get("result"), envelope.get("total"), envelope.get("next"))
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
