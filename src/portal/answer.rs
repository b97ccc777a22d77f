//! What an answer says about the commands that were sent: done, refused, not executed, or in doubt.
//!
//! One pure function for destroying batches ([`judge`]), and the reading of the envelope that questions share. The
//! rules are the table of section 2 of the design's notes on durability: only the literal `true` under a command's own
//! key is a yes, and whatever could have happened is in doubt. Not responsible for what follows from a doubt.

use std::time::Duration;

use serde_json::{Map, Value};

use super::body;
use super::code::{self, Class, ErrorBody};
use super::error::PortalError;
use super::limit::Limits;
use super::listing::Answered;
use super::method::Method;
#[cfg(feature = "rigs")]
use crate::mistake::{Mistake, is_planted};
use crate::personal::Personal;

/// What is known of one destroying command after its batch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// The portal answered literal `true`.
    Yes,
    /// The portal answered with an error from inside the method. The workflow may be gone, or not: ask.
    Refused {
        /// The portal's code, often empty.
        code: String,
        /// The portal's text, in its language.
        text: Personal,
    },
    /// Provably nothing was done: the attempt does not count.
    NotExecuted {
        /// How that is known.
        why: NotExecuted,
    },
    /// It may have been done: ask.
    Doubt {
        /// What is missing.
        why: Doubt,
    },
}

/// How it is known that a command was not executed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NotExecuted {
    /// There was no connection to send it on.
    NotConnected,
    /// `QUERY_LIMIT_EXCEEDED`: too many requests.
    QueryLimit,
    /// `OPERATION_TIME_LIMIT`: the portal has blocked a method for a while.
    OperationLimit {
        /// The command's own method, or [`Method::Batch`].
        blocked: Method,
        /// For how long to leave that method alone.
        wait: Duration,
    },
    /// `OVERLOAD_LIMIT`: the manual block.
    Overload,
    /// The webhook is not accepted.
    Auth {
        /// The portal's code.
        code: String,
    },
    /// The webhook's owner, its scopes or the plan do not allow it.
    Permission {
        /// The portal's code.
        code: String,
    },
    /// The command as such was refused, by the portal before executing it or by this client before sending it.
    Batch {
        /// The portal's code, or `not-sendable`.
        code: String,
    },
}

/// Why a command is in doubt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Doubt {
    /// The connection ended, or the deadline passed, before an answer began.
    NoAnswer,
    /// The answer broke off, or is longer than any real one.
    Truncated,
    /// The answer is no JSON object, or one that says two things of one name.
    NotJson,
    /// An HTTP status other than success, without an error object.
    Status(u16),
    /// An error of the whole batch that does not say whether anything was executed.
    Error {
        /// The HTTP status.
        status: u16,
        /// The portal's code.
        code: String,
    },
    /// A redirect. It was not followed.
    Redirected,
    /// The command's result is something else than `true`.
    NotLiteralTrue,
    /// The command is neither among the results nor among the errors.
    MissingKey,
    /// The command is among the results and among the errors.
    InBothMaps,
}

/// An HTTP answer, whole.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Where a redirect points, without path.
    pub redirect_host: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// An exchange without a whole answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Failure {
    /// No connection: not a byte of the request was sent.
    NotConnected,
    /// No trusted connection: not a byte of the request was sent.
    Tls,
    /// The request may have arrived, and no answer began.
    NoAnswer,
    /// An answer began and did not end, or is beyond the cap.
    Truncated,
}

/// A JSON answer, opened.
#[derive(Debug)]
pub(super) enum Envelope {
    /// An object without the key `error`, with a status of success.
    Success(Map<String, Value>),
    /// An object with the key `error`, whatever the status.
    Error(ErrorBody),
}

/// Opens an answer. What cannot be opened leaves everything that was sent in doubt.
pub(super) fn open(reply: &Reply) -> Result<Envelope, Doubt> {
    let success = (200..300).contains(&reply.status);
    if (300..400).contains(&reply.status) {
        return Err(Doubt::Redirected);
    }
    match body::read(&reply.body) {
        Ok(Value::Object(object)) => match ErrorBody::of(&object) {
            Some(error) => Ok(Envelope::Error(error)),
            None if success => Ok(Envelope::Success(object)),
            None => Err(Doubt::Status(reply.status)),
        },
        _ if success => Err(Doubt::NotJson),
        _ => Err(Doubt::Status(reply.status)),
    }
}

/// A command that was sent, as far as the answer is concerned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sought<'a> {
    /// Its key in the batch: text, never a number.
    pub(super) key: &'a str,
    /// Its method.
    pub(super) method: Method,
}

/// What a destroying batch brought.
#[derive(Debug)]
pub(super) struct Judgement {
    /// One for each command, in their order.
    pub(super) answers: Vec<Answer>,
    /// Why nothing more may be sent.
    pub(super) stop: Option<PortalError>,
    /// The longest single command, by the portal's word.
    pub(super) command_took: Option<Duration>,
    /// The portal's bucket of requests is full.
    pub(super) overflowed: bool,
    /// The answers to questions that travelled along; none where none came.
    pub(super) along: Vec<Option<Answered>>,
}

/// Judges an exchange that carried a destroying batch, with questions `along`. `limits` learns from it; `now` is a monotonic reading.
pub(super) fn judge(
    exchange: &Result<Reply, Failure>,
    commands: &[Sought<'_>],
    along: &[Sought<'_>],
    limits: &mut Limits,
    now: Duration,
) -> Judgement {
    let all = |answer: Answer, stop| Judgement {
        overflowed: answer
            == Answer::NotExecuted {
                why: NotExecuted::QueryLimit,
            },
        answers: vec![answer; commands.len()],
        stop,
        command_took: None,
        along: vec![None; along.len()],
    };
    let reply = match exchange {
        Ok(reply) => reply,
        Err(Failure::NotConnected) => return all(not_executed(NotExecuted::NotConnected), None),
        Err(Failure::Tls) => return all(not_executed(NotExecuted::NotConnected), Some(PortalError::Tls)),
        Err(Failure::NoAnswer) => return all(doubt(Doubt::NoAnswer), None),
        #[cfg(feature = "rigs")]
        Err(Failure::Truncated) if is_planted(Mistake::TruncatedIsSuccess) => return all(Answer::Yes, None),
        Err(Failure::Truncated) => return all(doubt(Doubt::Truncated), None),
    };
    match open(reply) {
        Err(Doubt::Redirected) => all(
            doubt(Doubt::Redirected),
            Some(PortalError::Redirected {
                host: reply.redirect_host.clone(),
            }),
        ),
        Err(why) => all(doubt(why), None),
        Ok(Envelope::Error(error)) => {
            let class = code::class_at_top(&error.code, reply.status);
            let answer = match refused_before(class, &error.code, Method::Batch, limits, now) {
                Some(why) => not_executed(why),
                None => doubt(Doubt::Error {
                    status: reply.status,
                    code: error.code.clone(),
                }),
            };
            all(answer, code::stop(class, &error.code, Method::Batch))
        }
        Ok(Envelope::Success(envelope)) => judge_commands(&envelope, commands, along, limits, now),
    }
}

/// Judges the commands of a batch that the portal worked through.
fn judge_commands(
    envelope: &Map<String, Value>,
    commands: &[Sought<'_>],
    along: &[Sought<'_>],
    limits: &mut Limits,
    now: Duration,
) -> Judgement {
    let batch = BatchBody::of(envelope);
    limits.answered(Method::Batch, envelope.get("time"), now);
    let mut judgement = Judgement {
        answers: Vec::with_capacity(commands.len()),
        stop: None,
        command_took: commands
            .iter()
            .filter_map(|command| took(batch.time(command.key)?))
            .max(),
        overflowed: false,
        along: Vec::new(),
    };
    for command in commands {
        let answer = match (batch.result(command.key), batch.error(command.key)) {
            (Some(Value::Bool(true)), None) => {
                limits.answered(command.method, batch.time(command.key), now);
                Answer::Yes
            }
            #[cfg(feature = "rigs")]
            (None, None) if is_planted(Mistake::MissingKeyIsSuccess) => Answer::Yes,
            #[cfg(feature = "rigs")]
            (None, Some(error)) if error.code.is_empty() && is_planted(Mistake::EmptyErrorIsSuccess) => Answer::Yes,
            (Some(_), None) => doubt(Doubt::NotLiteralTrue),
            (Some(_), Some(_)) => doubt(Doubt::InBothMaps),
            (None, None) => doubt(Doubt::MissingKey),
            (None, Some(error)) => {
                let class = code::class(&error.code);
                judgement.overflowed |= class == Class::QueryLimit;
                judgement.stop = judgement
                    .stop
                    .or_else(|| code::stop(class, &error.code, command.method));
                match refused_before(class, &error.code, command.method, limits, now) {
                    Some(why) => not_executed(why),
                    None => Answer::Refused {
                        code: error.code,
                        text: error.text,
                    },
                }
            }
        };
        judgement.answers.push(answer);
    }
    judgement.along = along
        .iter()
        .map(|question| answered_along(&batch, *question, limits, now))
        .collect();
    judgement
}

/// The answer to a question that travelled along. Whatever stands in its way is left for when it is asked by itself.
fn answered_along(batch: &BatchBody<'_>, question: Sought<'_>, limits: &mut Limits, now: Duration) -> Option<Answered> {
    match (batch.result(question.key), batch.error(question.key)) {
        (Some(result), None) => {
            limits.answered(question.method, batch.time(question.key), now);
            Some(Answered::of(
                result,
                batch.total(question.key),
                batch.next(question.key),
            ))
        }
        (None, Some(error)) => {
            if code::class(&error.code) == Class::OperationLimit {
                limits.refused(question.method, now);
            }
            None
        }
        (Some(_), Some(_)) | (None, None) => None,
    }
}

/// How an error says that nothing was executed, if it does.
fn refused_before(
    class: Class,
    code: &str,
    blocked: Method,
    limits: &mut Limits,
    now: Duration,
) -> Option<NotExecuted> {
    let code = code.to_owned();
    match class {
        Class::QueryLimit => Some(NotExecuted::QueryLimit),
        Class::OperationLimit => Some(NotExecuted::OperationLimit {
            blocked,
            wait: limits.refused(blocked, now),
        }),
        Class::Overload => Some(NotExecuted::Overload),
        Class::Auth => Some(NotExecuted::Auth { code }),
        Class::Permission | Class::Scope | Class::Tariff => Some(NotExecuted::Permission { code }),
        Class::Command => Some(NotExecuted::Batch { code }),
        Class::Server | Class::Other => None,
    }
}

const fn not_executed(why: NotExecuted) -> Answer {
    Answer::NotExecuted { why }
}

const fn doubt(why: Doubt) -> Answer {
    Answer::Doubt { why }
}

/// The duration of a command by its `time` object. Commands are cut at 60 s, so what is no number of seconds is ignored.
fn took(time: &Value) -> Option<Duration> {
    Duration::try_from_secs_f64(time.get("duration")?.as_f64()?).ok()
}

/// The five maps of a batch answer. PHP writes an empty one as `[]`, and one whose keys happen to be 0, 1, 2 … as an array,
/// each for itself (protocol section 7): with textual keys, an array never holds what is sought.
pub(super) struct BatchBody<'a>(Option<&'a Map<String, Value>>);

impl<'a> BatchBody<'a> {
    /// The maps in an opened answer. Where they are not of the known shape nothing is found in them.
    pub(super) fn of(envelope: &'a Map<String, Value>) -> Self {
        let maps = envelope.get("result").and_then(Value::as_object);
        let is_map = |name| match maps.and_then(|maps| maps.get(name)) {
            None | Some(Value::Null | Value::Array(_) | Value::Object(_)) => true,
            Some(_) => false,
        };
        Self(maps.filter(|_| is_map("result") && is_map("result_error")))
    }

    fn find(&self, map: &str, key: &str) -> Option<&'a Value> {
        self.0?.get(map)?.as_object()?.get(key)
    }

    /// A command's result.
    pub(super) fn result(&self, key: &str) -> Option<&'a Value> {
        self.find("result", key)
    }

    /// A command's error. Anything under its key in the map of errors is one.
    pub(super) fn error(&self, key: &str) -> Option<ErrorBody> {
        let error = self.find("result_error", key)?;
        let known = error.as_object().and_then(ErrorBody::of);
        Some(known.unwrap_or_else(|| ErrorBody {
            code: String::new(),
            text: Personal::default(),
        }))
    }

    /// A list's number of rows.
    pub(super) fn total(&self, key: &str) -> Option<&'a Value> {
        self.find("result_total", key)
    }

    /// Where a list goes on.
    pub(super) fn next(&self, key: &str) -> Option<&'a Value> {
        self.find("result_next", key)
    }

    /// A command's `time` object.
    pub(super) fn time(&self, key: &str) -> Option<&'a Value> {
        self.find("result_time", key)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    type Exchange = Result<Reply, Failure>;

    const COMMANDS: [Sought<'_>; 2] = [
        Sought {
            key: "k0",
            method: Method::Kill,
        },
        Sought {
            key: "k1",
            method: Method::Terminate,
        },
    ];

    fn judged(exchange: &Exchange) -> Judgement {
        judge(exchange, &COMMANDS, &[], &mut Limits::default(), Duration::ZERO)
    }

    #[expect(clippy::unnecessary_wraps, reason = "it stands for an exchange")]
    fn reply(status: u16, body: impl Into<Vec<u8>>) -> Exchange {
        Exchange::Ok(Reply {
            status,
            redirect_host: None,
            body: body.into(),
        })
    }

    fn batch(result: &Value, errors: &Value) -> Exchange {
        reply(
            200,
            json!({"result": {"result": result, "result_error": errors}, "time": {}}).to_string(),
        )
    }

    fn refused(code: &str) -> Answer {
        Answer::Refused {
            code: code.to_owned(),
            text: Personal::new("text"),
        }
    }

    #[test]
    fn without_a_connection_nothing_was_executed_and_without_an_answer_all_is_in_doubt() {
        for (failure, expected) in [
            (Failure::NotConnected, not_executed(NotExecuted::NotConnected)),
            (Failure::Tls, not_executed(NotExecuted::NotConnected)),
            (Failure::NoAnswer, doubt(Doubt::NoAnswer)),
            (Failure::Truncated, doubt(Doubt::Truncated)),
        ] {
            assert_eq!(judged(&Err(failure)).answers, vec![expected; 2]);
        }
        assert_eq!(judged(&Err(Failure::Tls)).stop, Some(PortalError::Tls));
    }

    #[test]
    fn an_answer_that_is_none_leaves_all_in_doubt() {
        let whole = json!({"result": {"result": {"k0": true, "k1": true}, "result_error": []}}).to_string();
        for (status, body, expected) in [
            (200, "", Doubt::NotJson),
            (200, "<html>", Doubt::NotJson),
            (200, "true", Doubt::NotJson),
            (200, "[]", Doubt::NotJson),
            (200, &whole[..whole.len() - 1], Doubt::NotJson),
            (502, "<html>", Doubt::Status(502)),
            (503, "", Doubt::Status(503)),
            (403, "<html>", Doubt::Status(403)),
            (500, &whole, Doubt::Status(500)),
            (404, &whole, Doubt::Status(404)),
            (302, &whole, Doubt::Redirected),
            (302, r#"{"error": "QUERY_LIMIT_EXCEEDED"}"#, Doubt::Redirected),
            (
                200,
                r#"{"result": {"result": {"k0": true, "k1": true, "k1": true}}}"#,
                Doubt::NotJson,
            ),
            (
                200,
                r#"{"result": [], "result": {"result": {"k0": true, "k1": true}}}"#,
                Doubt::NotJson,
            ),
            (
                200,
                r#"{"error": "QUERY_LIMIT_EXCEEDED", "error": "ERROR_CORE"}"#,
                Doubt::NotJson,
            ),
            (200, r#"{"result": []}"#, Doubt::MissingKey),
            (200, r#"{"result": true}"#, Doubt::MissingKey),
            (
                200,
                r#"{"result": {"result": [true, true], "result_error": []}}"#,
                Doubt::MissingKey,
            ),
            (
                200,
                r#"{"result": {"result": {"k0": true, "k1": true}, "result_error": "x"}}"#,
                Doubt::MissingKey,
            ),
            (200, r#"{"k0": true, "k1": true}"#, Doubt::MissingKey),
        ] {
            assert_eq!(
                judged(&reply(status, body)).answers,
                vec![doubt(expected); 2],
                "{status} {body}"
            );
        }
    }

    #[test]
    fn an_error_of_the_whole_batch_says_not_executed_only_where_that_is_known() {
        let auth = |code: &str| not_executed(NotExecuted::Auth { code: code.to_owned() });
        let permission = |code: &str| not_executed(NotExecuted::Permission { code: code.to_owned() });
        let unknown = |status, code: &str| {
            doubt(Doubt::Error {
                status,
                code: code.to_owned(),
            })
        };
        let blocked = NotExecuted::OperationLimit {
            blocked: Method::Batch,
            wait: Duration::from_mins(1),
        };
        for (status, code, expected, stops) in [
            (
                503,
                "QUERY_LIMIT_EXCEEDED",
                not_executed(NotExecuted::QueryLimit),
                false,
            ),
            (429, "OPERATION_TIME_LIMIT", not_executed(blocked), false),
            (503, "OVERLOAD_LIMIT", not_executed(NotExecuted::Overload), true),
            (401, "expired_token", auth("expired_token"), true),
            (401, "A_NEW_CODE", auth("A_NEW_CODE"), true),
            (403, "INVALID_CREDENTIALS", auth("INVALID_CREDENTIALS"), true),
            (403, "ACCESS_DENIED", permission("ACCESS_DENIED"), true),
            (403, "", permission(""), true),
            (
                404,
                "ERROR_METHOD_NOT_FOUND",
                permission("ERROR_METHOD_NOT_FOUND"),
                true,
            ),
            (
                500,
                "INTERNAL_SERVER_ERROR",
                unknown(500, "INTERNAL_SERVER_ERROR"),
                false,
            ),
            (400, "", unknown(400, ""), false),
            (400, "ERROR_CORE", unknown(400, "ERROR_CORE"), false),
            (200, "WRONG_ENCODING", unknown(200, "WRONG_ENCODING"), false),
        ] {
            // Results beside the error do not count.
            let body = json!({"error": code, "result": {"result": {"k0": true, "k1": true}}}).to_string();
            let judgement = judged(&reply(status, body));
            assert_eq!(judgement.answers, vec![expected; 2], "{status} {code}");
            assert_eq!(judgement.stop.is_some(), stops, "{status} {code}");
        }
    }

    #[test]
    fn each_command_is_judged_by_its_own_key() {
        let error = |code: &str| json!({"error": code, "error_description": "text"});
        let none = json!([]);
        let command = |code: &str| not_executed(NotExecuted::Batch { code: code.to_owned() });
        let permission = |code: &str| not_executed(NotExecuted::Permission { code: code.to_owned() });
        let blocked = NotExecuted::OperationLimit {
            blocked: Method::Kill,
            wait: Duration::from_mins(1),
        };
        for (result, errors, expected) in [
            (json!({"k0": true}), none.clone(), Answer::Yes),
            (json!({"k0": false}), none.clone(), doubt(Doubt::NotLiteralTrue)),
            (json!({"k0": "true"}), none.clone(), doubt(Doubt::NotLiteralTrue)),
            (json!({"k0": 1}), none.clone(), doubt(Doubt::NotLiteralTrue)),
            (json!({"k0": null}), none.clone(), doubt(Doubt::NotLiteralTrue)),
            (json!({"k0": [true]}), none.clone(), doubt(Doubt::NotLiteralTrue)),
            (
                json!({"k0": {"$serde_json::private::RawValue": "true"}}),
                none.clone(),
                doubt(Doubt::NotLiteralTrue),
            ),
            (json!({"k0": true}), json!({"k0": error("")}), doubt(Doubt::InBothMaps)),
            (json!({"k0": true}), json!({"k0": null}), doubt(Doubt::InBothMaps)),
            (none.clone(), none.clone(), doubt(Doubt::MissingKey)),
            (none.clone(), json!([error("")]), doubt(Doubt::MissingKey)),
            (none.clone(), json!({"k0": error("")}), refused("")),
            (none.clone(), json!({"k0": error("ERROR_CORE")}), refused("ERROR_CORE")),
            (
                none.clone(),
                json!({"k0": error("INTERNAL_SERVER_ERROR")}),
                refused("INTERNAL_SERVER_ERROR"),
            ),
            (
                none.clone(),
                json!({"k0": error("QUERY_LIMIT_EXCEEDED")}),
                not_executed(NotExecuted::QueryLimit),
            ),
            (
                none.clone(),
                json!({"k0": error("OPERATION_TIME_LIMIT")}),
                not_executed(blocked),
            ),
            (
                none.clone(),
                json!({"k0": error("ACCESS_DENIED")}),
                permission("ACCESS_DENIED"),
            ),
            (
                none.clone(),
                json!({"k0": error("insufficient_scope")}),
                permission("insufficient_scope"),
            ),
            (
                none.clone(),
                json!({"k0": error("ERROR_BATCH_LENGTH_EXCEEDED")}),
                command("ERROR_BATCH_LENGTH_EXCEEDED"),
            ),
            (
                none.clone(),
                json!({"k0": error("ERROR_WRONG_WORKFLOW_ID")}),
                command("ERROR_WRONG_WORKFLOW_ID"),
            ),
        ] {
            let judgement = judged(&batch(&result, &errors));
            assert_eq!(
                judgement.answers,
                [expected, doubt(Doubt::MissingKey)],
                "{result} {errors}"
            );
        }
    }

    #[test]
    fn an_inner_error_that_concerns_all_stops_and_the_others_keep_their_answers() {
        let judgement = judged(&batch(
            &json!({"k1": true}),
            &json!({"k0": {"error": "insufficient_scope"}}),
        ));
        assert_eq!(judgement.answers[1], Answer::Yes);
        assert_eq!(
            judgement.stop,
            Some(PortalError::Scope {
                missing: "bizproc".to_owned()
            })
        );
    }

    #[test]
    fn the_longest_command_is_told_and_a_reset_time_is_learned() {
        let body = json!({"result": {
            "result": {"k0": true},
            "result_error": {"k1": {"error": "OPERATION_TIME_LIMIT"}},
            "result_time": {"k0": {"duration": 1.5, "finish": 1000, "operating_reset_at": 1200}, "k1": {"duration": -3}},
        }});
        let commands = [
            COMMANDS[0],
            Sought {
                key: "k1",
                method: Method::Kill,
            },
        ];
        let exchange = reply(200, body.to_string());
        let judgement = judge(&exchange, &commands, &[], &mut Limits::default(), Duration::ZERO);
        assert_eq!(judgement.command_took, Some(Duration::from_millis(1500)));
        let wait = Duration::from_secs(200);
        assert_eq!(
            judgement.answers[1],
            not_executed(NotExecuted::OperationLimit {
                blocked: Method::Kill,
                wait
            })
        );
    }

    /// JSON made of the words that matter here.
    fn json_like() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "true|\\PC{0,8}".prop_map(Value::from),
        ];
        let key = "result|result_error|result_time|time|error|k0|k1|0|duration|operating_reset_at|finish";
        leaf.prop_recursive(5, 48, 4, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                proptest::collection::vec((key, inner), 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    fn is_a_yes(status: u16, body: &[u8], key: &str) -> bool {
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return false;
        };
        let maps = &body["result"];
        (200..300).contains(&status)
            && body.get("error").is_none()
            && maps["result"].is_object()
            && maps["result"][key] == Value::Bool(true)
            // An answer whose errors cannot be read says nothing.
            && matches!(maps["result_error"], Value::Null | Value::Array(_) | Value::Object(_))
            && maps["result_error"].get(key).is_none()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn nothing_but_the_literal_true_under_its_own_key_is_a_yes(
            status in prop_oneof![Just(200_u16), 100_u16..600],
            result in json_like(),
            errors in prop_oneof![Just(json!([])), json_like()],
            whole in prop_oneof![3 => Just(None), 1 => json_like().prop_map(Some)],
            cut in prop_oneof![3 => Just(None), 1 => any::<prop::sample::Index>().prop_map(Some)],
        ) {
            let body = whole.unwrap_or_else(|| json!({"result": {"result": result, "result_error": errors}}));
            let mut body = body.to_string().into_bytes();
            if let Some(cut) = cut {
                body.truncate(cut.index(body.len() + 1));
            }
            let judgement = judged(&reply(status, body.clone()));
            prop_assert_eq!(judgement.answers.len(), 2);
            for (answer, command) in judgement.answers.iter().zip(COMMANDS) {
                prop_assert_eq!(*answer == Answer::Yes, is_a_yes(status, &body, command.key));
            }
        }

        #[test]
        fn any_bytes_are_judged_without_a_yes(status in any::<u16>(), body in any::<Vec<u8>>()) {
            prop_assert!(judged(&reply(status, body)).answers.iter().all(|answer| *answer != Answer::Yes));
        }
    }
}
