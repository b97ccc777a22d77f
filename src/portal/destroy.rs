//! The only thing here that can change a portal: one batch of `kill` and `terminate`, sent once.
//!
//! Not responsible for deciding what to send, for recording the intent first, or for what to do about a doubt.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::answer::{self, Answer, Doubt, NotExecuted, Sought};
use super::array::take_all;
use super::connection::Connection;
use super::encode;
use super::error::PortalError;
use super::limit::Budget;
use super::look::{Look, Looking, Seen};
use super::method::Method;
use crate::crash::{self, Point};
use crate::domain::{ActionKind, WorkflowId};

/// One destroying command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Destroy {
    /// Its key in the batch: a letter, then letters, digits, `_` or `-`. Distinct within a batch.
    pub key: String,
    /// What to do.
    pub kind: ActionKind,
    /// To which workflow.
    pub workflow: WorkflowId,
    /// The text that `terminate` leaves on the workflow's state. `kill` leaves nothing, and ignores it.
    pub status: Option<String>,
}

/// What a batch brought.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sent {
    /// One for each command, in their order.
    pub answers: Vec<Answer>,
    /// From the first byte to the last, without the waiting for the pace before.
    pub took: Duration,
    /// The longest single command, by the portal's word. The batch size follows it.
    pub command_took: Option<Duration>,
    /// What was seen along.
    pub seen: Seen,
    /// What is left of the operating time of methods, where that is known.
    pub budgets: Vec<Budget>,
    /// Why nothing more may be sent: authentication, permission, the manual block, a redirect, or a mistake of ours.
    pub stop: Option<PortalError>,
}

/// Sends destroying batches. Whoever holds one can destroy.
pub struct Destroyer {
    connection: Arc<Connection>,
}

impl Destroyer {
    /// A destroyer on a connection.
    pub fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    /// Waits until the pace allows one more request. What has to be fresh when the first byte leaves is looked at after this, and
    /// before [`Destroyer::send`].
    pub async fn await_turn(&self) {
        self.connection.await_turn().await;
    }

    /// Sends the commands as one batch in exactly one HTTP request, once, when the pace allows it and no other destroying
    /// batch is in flight. Never fails: each command has its answer. Without commands nothing is sent.
    ///
    /// A batch that must not be sent (too long, a key twice, a text that the portal would rewrite) is not: each command is
    /// [`NotExecuted::Batch`], and `stop` says why.
    ///
    /// The look travels along, after the commands, so that it shows what they did; nothing of it is asked again here.
    pub async fn send(&self, commands: &[Destroy], look: &Look) -> Sent {
        if commands.is_empty() {
            return Sent {
                answers: Vec::new(),
                took: Duration::ZERO,
                command_took: None,
                seen: Seen::default(),
                budgets: Vec::new(),
                stop: None,
            };
        }
        let mut looking = Looking::new(look, &self.connection);
        let along = along(&looking, &self.connection);
        let body = match batch(commands, &along) {
            Ok(body) => body,
            Err(problem) => return not_sendable(commands, problem),
        };
        let sought: Vec<Sought<'_>> = commands
            .iter()
            .map(|command| Sought {
                key: &command.key,
                method: Method::from(command.kind),
            })
            .collect();
        let questions: Vec<Sought<'_>> = along
            .iter()
            .map(|(key, method, _)| Sought { key, method: *method })
            .collect();
        let _alone = self.connection.destroying().lock().await;
        let (exchange, took) = crash::around(self.connection.exchange(Method::Batch, &body)).await;
        let now = self.connection.now();
        let judgement = answer::judge(&exchange, &sought, &questions, &mut self.connection.limits(), now);
        crash::point_of(|| judgement.answers.iter().all(is_unreadable).then_some(Point::C9));
        if judgement.overflowed {
            self.connection.overflowed();
        }
        take_all(&mut looking.rounds(), &self.connection, &judgement.along);
        Sent {
            answers: judgement.answers,
            took,
            command_took: judgement.command_took,
            seen: looking.seen(),
            budgets: self.connection.limits().budgets(now),
            stop: judgement.stop,
        }
    }
}

/// Whether something came of which nothing can be learned.
fn is_unreadable(answer: &Answer) -> bool {
    let why = |why: &Doubt| matches!(why, Doubt::Truncated | Doubt::NotJson);
    matches!(answer, Answer::Doubt { why: doubt } if why(doubt))
}

/// The answer to a batch that was not sent.
fn not_sendable(commands: &[Destroy], problem: &'static str) -> Sent {
    let why = NotExecuted::Batch {
        code: "not-sendable".to_owned(),
    };
    Sent {
        answers: vec![Answer::NotExecuted { why }; commands.len()],
        took: Duration::ZERO,
        command_took: None,
        seen: Seen::default(),
        budgets: Vec::new(),
        stop: Some(PortalError::Unsendable {
            asked: "a destroying batch".to_owned(),
            problem,
        }),
    }
}

/// The questions of a look as commands: key, method, text. None of them when one cannot be sent in a batch, or now.
fn along(looking: &Looking, connection: &Connection) -> Vec<(String, Method, String)> {
    let questions = looking.questions().into_iter().enumerate().map(|(number, question)| {
        let method = Method::from(question.method);
        let text = encode::command(method, &question.parameters).ok()?;
        if connection.blocked_for(method).is_some() {
            return None;
        }
        Some((format!("look{number}"), method, text))
    });
    questions.collect::<Option<_>>().unwrap_or_default()
}

/// The body of the request. `halt` is off: a refused command must not hide what became of the others.
fn batch(commands: &[Destroy], along: &[(String, Method, String)]) -> Result<Value, &'static str> {
    if commands.len() + along.len() > encode::BATCH_COMMANDS_MAX {
        return Err("it has more than 50 commands");
    }
    let mut keys = HashSet::new();
    let mut cmd = Map::new();
    for command in commands {
        if !encode::is_key(&command.key) {
            return Err("a key is not a letter followed by letters, digits, `_` or `-`");
        }
        if !keys.insert(&command.key) {
            return Err("two commands have one key");
        }
        let mut parameters = json!({"ID": command.workflow.as_str()});
        if let (ActionKind::Terminate, Some(status)) = (command.kind, &command.status) {
            parameters["STATUS"] = Value::from(status.as_str());
        }
        let text = encode::command(Method::from(command.kind), &parameters).map_err(encode::Refusal::as_str)?;
        cmd.insert(command.key.clone(), Value::from(text));
    }
    for (key, _, text) in along {
        if !keys.insert(key) {
            return Err("two commands have one key");
        }
        cmd.insert(key.clone(), Value::from(text.as_str()));
    }
    Ok(json!({"halt": 0, "cmd": cmd}))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::super::testing::{HASTY_FOR_ANSWER, PATIENT, Said, Server, Step, ok_batch};
    use super::*;
    use crate::clock::Clock;

    fn kill(key: &str, workflow: &str) -> Destroy {
        let workflow = workflow.parse().unwrap();
        Destroy {
            key: key.to_owned(),
            kind: ActionKind::Kill,
            workflow,
            status: None,
        }
    }

    /// What to do with a request, given an answer in which everything is `true`.
    type Script = fn(&str) -> Step;

    async fn send(server: &Server, commands: &[Destroy]) -> Sent {
        Destroyer::new(server.connection().0)
            .send(commands, &Look::default())
            .await
    }

    #[tokio::test]
    async fn a_batch_is_one_request_and_each_command_has_its_answer() {
        let server = Server::start(|_, arrived| {
            ok_batch(arrived, |command| match command {
                "bizproc.workflow.kill?ID=a.2" => Said::Error(""),
                "bizproc.workflow.kill?ID=a.1" | "bizproc.workflow.terminate?ID=a.3&STATUS=job%201%3A%20%5Bx%5D" => {
                    Said::Result(Value::from(true))
                }
                _ => Said::Nothing,
            })
        });
        let terminate = Destroy {
            kind: ActionKind::Terminate,
            status: Some("job 1: [x]".to_owned()),
            ..kill("c3", "a.3")
        };
        let commands = [kill("c1", "a.1"), kill("c2", "a.2"), terminate, kill("c4", "a.4")];
        let sent = send(&server, &commands).await;
        let text = crate::personal::Personal::new("text");
        assert_eq!(
            sent.answers,
            [
                Answer::Yes,
                Answer::Refused {
                    code: String::new(),
                    text
                },
                Answer::Yes,
                Answer::Doubt { why: Doubt::MissingKey }
            ]
        );
        assert_eq!((sent.stop, server.arrived().len()), (None, 1));
        assert_eq!(
            (server.arrived()[0].method(), &server.arrived()[0].body["halt"]),
            ("batch", &json!(0))
        );
    }

    #[tokio::test]
    async fn whatever_happens_a_batch_is_sent_once() {
        let whole = json!({"result": {"result": {"c1": true}, "result_error": []}}).to_string();
        let steps: [(Script, Doubt); 6] = [
            (|_| Step::Close, Doubt::NoAnswer),
            (|_| Step::Silence, Doubt::NoAnswer),
            (|whole| Step::Truncated(whole.to_owned()), Doubt::Truncated),
            (|_| Step::Reply(502, "<html>".to_owned()), Doubt::Status(502)),
            (|_| Step::Reply(200, "<html>".to_owned()), Doubt::NotJson),
            (|_| Step::Redirect("https://new.example/"), Doubt::Redirected),
        ];
        for (step, why) in steps {
            let whole = whole.clone();
            let server = Server::start(move |_, _| step(&whole));
            let deadlines = if why == Doubt::NoAnswer {
                HASTY_FOR_ANSWER
            } else {
                PATIENT
            };
            let destroyer = Destroyer::new(server.connection_within(deadlines).0);
            let sent = destroyer.send(&[kill("c1", "a.1")], &Look::default()).await;
            assert_eq!(sent.answers, [Answer::Doubt { why: why.clone() }]);
            assert_eq!(sent.stop.is_some(), why == Doubt::Redirected);
            assert_eq!(server.arrived().len(), 1, "{why:?}");
        }
    }

    #[tokio::test]
    async fn destroying_batches_go_one_at_a_time() {
        let first_is_over = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&first_is_over);
        let server = Server::start(move |number, arrived| match number {
            0 => Step::Silence,
            _ => ok_batch(arrived, |_| Said::Result(Value::from(flag.load(Ordering::SeqCst)))),
        });
        let (connection, _) = server.connection_within(HASTY_FOR_ANSWER);
        let destroyers = (Destroyer::new(Arc::clone(&connection)), Destroyer::new(connection));
        let (first, second) = ([kill("c1", "a.1")], [kill("c1", "a.2")]);
        let nothing = Look::default();
        let first = async {
            let sent = destroyers.0.send(&first, &nothing).await;
            first_is_over.store(true, Ordering::SeqCst);
            sent
        };
        let (first, second) = tokio::join!(first, destroyers.1.send(&second, &nothing));
        assert_eq!(first.answers, [Answer::Doubt { why: Doubt::NoAnswer }]);
        assert_eq!(second.answers, [Answer::Yes]);
    }

    #[tokio::test]
    async fn too_many_requests_slow_down_the_next_batch() {
        let server = Server::start(|_, _| Step::Reply(503, json!({"error": "QUERY_LIMIT_EXCEEDED"}).to_string()));
        let (connection, pauses) = server.connection();
        let destroyer = Destroyer::new(connection);
        for _ in 0..2 {
            let sent = destroyer.send(&[kill("c1", "a.1")], &Look::default()).await;
            assert_eq!(
                sent.answers,
                [Answer::NotExecuted {
                    why: NotExecuted::QueryLimit
                }]
            );
        }
        assert_eq!(pauses.monotonic().as_millis(), 666, "at three quarters of the pace");
    }

    #[tokio::test]
    async fn what_must_not_be_sent_is_not() {
        let server = Server::start(|_, arrived| ok_batch(arrived, |_| Said::Result(Value::from(true))));
        let terminate = |status: &str| Destroy {
            kind: ActionKind::Terminate,
            status: Some(status.to_owned()),
            ..kill("c1", "a.1")
        };
        for commands in [
            vec![terminate("by $result[x]")],
            vec![kill("c1", "a.1"), kill("c1", "a.2")],
            vec![kill("1", "a.1")],
            vec![kill("", "a.1")],
            (0..51).map(|number| kill(&format!("c{number}"), "a.1")).collect(),
        ] {
            let sent = send(&server, &commands).await;
            assert_eq!(sent.answers.len(), commands.len());
            let why = NotExecuted::Batch {
                code: "not-sendable".to_owned(),
            };
            assert!(
                sent.answers
                    .iter()
                    .all(|answer| *answer == Answer::NotExecuted { why: why.clone() })
            );
            assert!(matches!(sent.stop, Some(PortalError::Unsendable { .. })));
        }
        assert_eq!(send(&server, &[]).await.answers, []);
        assert_eq!(server.arrived().len(), 0);
    }
}
