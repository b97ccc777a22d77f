//! Asking the portal.
//!
//! Each question is asked until it is answered ([`super::patient`]), lists are read to their ends and checked row by row
//! ([`super::listing`]). Not responsible for what the answers mean for the job.

use std::sync::Arc;

use chrono::{DateTime, FixedOffset};
use serde_json::{Value, json};

use super::array::{Arrays, Instances, Many, Rounds, Sweep, Tasks, UsersByEmail, UsersById, take_all};
use super::connection::Connection;
use super::decode::{InstanceRow, MethodState, Problem, Profile, Row, TaskRow, UserRow};
use super::encode::BATCH_COMMANDS_MAX;
use super::error::PortalError;
use super::listing::{Answered, Comparing, Instance, Listing, OpenTasks, TaskScope, UserQuery, Users, WorkflowTasks};
use super::look::{Look, Looking, Seen};
use super::method::{Method, ReadMethod};
use super::patient::{self, Question, Way};
use crate::domain::{UserId, WorkflowId};
use crate::personal::Personal;

/// Asks, and cannot change anything.
#[derive(Clone)]
pub struct Reader {
    connection: Arc<Connection>,
}

impl Reader {
    /// A reader on a connection.
    pub fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    /// The webhook's owner.
    ///
    /// # Errors
    ///
    /// [`PortalError`], as everywhere here. [`PortalError::Auth`] also when the owner is dismissed.
    pub async fn profile(&self) -> Result<Profile, PortalError> {
        // What a portal is asked before anything else.
        let answered = self.ask_one(ReadMethod::Profile, json!({}), Way::First).await?;
        match &answered.result {
            Value::Array(values) if values.is_empty() => Err(PortalError::Auth {
                code: "the owner is dismissed".to_owned(),
            }),
            profile => read(
                ReadMethod::Profile,
                object(profile).and_then(|row| row.profile(answered.finished)),
            ),
        }
    }

    /// The scopes that the webhook has.
    ///
    /// # Errors
    ///
    /// [`PortalError`].
    pub async fn scope(&self) -> Result<Vec<String>, PortalError> {
        let scopes = self.direct(ReadMethod::Scope, json!({})).await?;
        let words: Option<Vec<String>> = match &scopes {
            Value::Array(words) => words.iter().map(|word| word.as_str().map(str::to_owned)).collect(),
            Value::Object(words) => words.values().map(|word| word.as_str().map(str::to_owned)).collect(),
            _ => None,
        };
        read(
            ReadMethod::Scope,
            words.ok_or_else(|| "it is no list of words".to_owned()),
        )
    }

    /// Whether the portal has a method and allows it to this webhook. A portal whose plan has no workflows does not have
    /// theirs.
    ///
    /// # Errors
    ///
    /// [`PortalError`].
    pub async fn method_available(&self, name: &str) -> Result<MethodState, PortalError> {
        let state = self
            .direct(ReadMethod::MethodGet, json!({"name": name.to_ascii_lowercase()}))
            .await?;
        read(ReadMethod::MethodGet, object(&state).and_then(Row::method_state))
    }

    /// The portal's clock.
    ///
    /// # Errors
    ///
    /// [`PortalError`].
    pub async fn server_time(&self) -> Result<DateTime<FixedOffset>, PortalError> {
        let time = self.direct(ReadMethod::ServerTime, json!({})).await?;
        let time = time.as_str().and_then(|time| DateTime::parse_from_rfc3339(time).ok());
        read(ReadMethod::ServerTime, time.ok_or_else(|| "it is no time".to_owned()))
    }

    /// Whether the webhook's owner may end workflows: `instances` is guarded by the same right (protocol section 2.3).
    ///
    /// # Errors
    ///
    /// [`PortalError`], but not [`PortalError::Permission`]: that is `false`. A portal without a paid plan answers the same;
    /// there, [`Self::profile`] fails too.
    pub async fn can_administer_workflows(&self) -> Result<bool, PortalError> {
        match self
            .direct(ReadMethod::Instances, json!({"SELECT": ["ID"], "start": -1}))
            .await
        {
            Ok(_) => Ok(true),
            Err(PortalError::Permission { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// How many workflows run on the portal; none when the portal does not count them.
    ///
    /// # Errors
    ///
    /// [`PortalError`].
    pub async fn running_workflows(&self) -> Result<Option<u32>, PortalError> {
        let question = Question {
            method: ReadMethod::Instances,
            parameters: json!({"SELECT": ["ID"], "start": 0}),
            asked: "the question how many workflows run".to_owned(),
            is_attempt: false,
        };
        let answers = patient::ask(&self.connection, &[question], Way::Direct).await?;
        let total = answers.first().and_then(|answered| answered.total);
        Ok(total.and_then(|total| u32::try_from(total).ok()))
    }

    /// The users of each query, in the order of the queries, all pages. Both active and dismissed ones; not found may also
    /// mean not visible.
    ///
    /// # Errors
    ///
    /// [`PortalError::Widened`] when a row is not about what was asked, [`PortalError::Unsendable`] for a blank query, and
    /// the others.
    pub async fn users(&self, queries: &[UserQuery]) -> Result<Vec<Vec<UserRow>>, PortalError> {
        let comparing = self.comparing();
        if queries.len() <= BATCH_COMMANDS_MAX {
            let lists = queries.iter().map(|query| Users::new(query.clone(), comparing));
            return self.read_lists(lists.collect::<Result<_, _>>()?, Way::Batch).await;
        }
        let mut found: Vec<Vec<UserRow>> = vec![Vec::new(); queries.len()];
        let (mut ids, mut emails, mut alone) = (Vec::new(), Vec::new(), Vec::new());
        let mut lists = Vec::new();
        for (place, query) in queries.iter().enumerate() {
            // Refuses what is blank.
            let list = Users::new(query.clone(), comparing)?;
            match query {
                UserQuery::Id(id) => ids.push((place, *id, 1)),
                UserQuery::Email(email) => emails.push((place, email.clone(), 1)),
                UserQuery::Name { .. } => {
                    alone.push(place);
                    lists.push(list);
                }
            }
        }
        let by_email = |email: &Personal| Users::new(UserQuery::Email(email.clone()), comparing);
        let by_id = |id: &UserId| Users::new(UserQuery::Id(*id), comparing);
        let ids = self.read_many(UsersById, ids, by_id).await?;
        let emails = self.read_many(UsersByEmail(comparing), emails, by_email).await?;
        let names = self.read_lists(lists, Way::Batch).await?;
        for (place, rows) in ids.into_iter().chain(emails).chain(alone.into_iter().zip(names)) {
            found[place] = rows;
        }
        Ok(found)
    }

    /// The tasks that wait for each user, in the order of the users, all pages.
    ///
    /// # Errors
    ///
    /// [`PortalError::Widened`] when a row is not about what was asked, and the others.
    pub async fn open_tasks(&self, users: &[UserId]) -> Result<Vec<Vec<TaskRow>>, PortalError> {
        self.read_lists(users.iter().copied().map(OpenTasks::new).collect(), Way::Batch)
            .await
    }

    /// Workflows, each with its instance if it is running, and its tasks with their people, all pages. Beside each workflow how many rows it
    /// is known to have.
    ///
    /// # Errors
    ///
    /// [`PortalError::Widened`] when a row is not about what was asked, [`PortalError::Temporary`] when a list kept changing
    /// while it was read, and the others.
    pub async fn workflows(
        &self,
        asked: &[(WorkflowId, usize)],
        scope: TaskScope,
    ) -> Result<Vec<(Option<InstanceRow>, Vec<TaskRow>)>, PortalError> {
        let mut instances = self.sweep(Instances, asked.iter().map(|(id, _)| (id.clone(), 1)).collect());
        let mut rows = self.sweep(Tasks(scope), asked.to_vec());
        self.ask_rounds(&mut [&mut instances, &mut rows]).await?;
        self.complete(&mut instances, &instance()).await?;
        self.complete(&mut rows, &tasks(scope)).await?;
        Ok(known(instances)
            .map(|rows| rows.into_iter().next())
            .zip(known(rows))
            .collect())
    }

    /// The tasks of workflows with their people, all pages, each asked about by itself: for a rig, which checks how they are read.
    ///
    /// # Errors
    ///
    /// As [`Self::workflows`].
    #[cfg(feature = "rigs")]
    pub async fn workflow_tasks(
        &self,
        workflows: &[WorkflowId],
        scope: TaskScope,
    ) -> Result<Vec<Vec<TaskRow>>, PortalError> {
        let lists: Vec<_> = workflows.iter().map(tasks(scope)).collect::<Result<_, _>>()?;
        self.read_lists(lists, Way::Batch).await
    }

    /// [`Self::instances_of_sent`] as questions go that nothing presses: for what checks how they are read.
    ///
    /// # Errors
    ///
    /// As [`Self::workflows`].
    #[cfg(any(test, feature = "rigs"))]
    pub async fn instances(&self, workflows: &[WorkflowId]) -> Result<Vec<Option<InstanceRow>>, PortalError> {
        self.read_instances(workflows, Way::Batch).await
    }

    /// Which of these workflows are listed, and how many task rows each still has, once more after all are known to be gone: many in a
    /// question where the portal has shown in this process that it understands that.
    ///
    /// # Errors
    ///
    /// As [`Self::workflows`].
    pub async fn left_of(&self, workflows: &[WorkflowId]) -> Result<Vec<(bool, usize)>, PortalError> {
        let items = || workflows.iter().map(|id| (id.clone(), 0)).collect();
        let mut instances = self.sweep(Instances, items());
        let mut rows = self.sweep(Tasks(TaskScope::All), items());
        self.ask_rounds(&mut [&mut instances, &mut rows]).await?;
        instances.believe(&self.connection);
        rows.believe(&self.connection);
        self.complete(&mut instances, &instance()).await?;
        self.complete(&mut rows, &tasks(TaskScope::All)).await?;
        let left = known(instances).zip(known(rows));
        Ok(left.map(|(listed, tasks)| (!listed.is_empty(), tasks.len())).collect())
    }

    /// Looks at workflows and people. Everything that was asked about is in what comes back, but the workflows that are taken to be
    /// gone: nothing says so of them but a look along with others.
    ///
    /// # Errors
    ///
    /// As [`Self::workflows`] and [`Self::users`].
    pub async fn look(&self, look: &Look) -> Result<Seen, PortalError> {
        let mut looking = Looking::new(look, &self.connection);
        self.ask_rounds(&mut looking.rounds()).await?;
        let comparing = self.comparing();
        let user = |id: &UserId| Users::new(UserQuery::Id(*id), comparing);
        self.complete(&mut looking.instances, &instance()).await?;
        self.complete(&mut looking.tasks, &tasks(TaskScope::Waiting)).await?;
        self.complete(&mut looking.people, &user).await?;
        Ok(looking.seen())
    }

    /// Each workflow if it is running, in the order asked, for workflows about which something was sent: goes on while `batch` itself is
    /// blocked, without it. `None` is said on the word of a well-formed empty list alone.
    ///
    /// # Errors
    ///
    /// As [`Self::workflows`].
    pub async fn instances_of_sent(&self, workflows: &[WorkflowId]) -> Result<Vec<Option<InstanceRow>>, PortalError> {
        self.read_instances(workflows, Way::Pressing).await
    }

    async fn read_instances(
        &self,
        workflows: &[WorkflowId],
        way: Way,
    ) -> Result<Vec<Option<InstanceRow>>, PortalError> {
        let lists = workflows.iter().cloned().map(Instance::new).collect();
        let found = self.read_lists(lists, way).await?;
        Ok(found.into_iter().map(|rows| rows.into_iter().next()).collect())
    }

    fn comparing(&self) -> Comparing {
        let settings = self.connection.settings();
        Comparing {
            same: settings.same,
            loosely_same: settings.loosely_same,
        }
    }

    /// What fits into one batch is asked for one by one: that is one request in any case.
    fn sweep<M: Many>(&self, many: M, items: Vec<(M::Item, usize)>) -> Sweep<M> {
        let arrays = if items.len() > BATCH_COMMANDS_MAX {
            self.connection.arrays(M::METHOD)
        } else {
            Arrays::Ignored
        };
        Sweep::new(many, items, arrays)
    }

    /// The rows of many things, each with its place, asked for together where that works.
    async fn read_many<M: Many, L: Listing<Row = M::Row>>(
        &self,
        many: M,
        items: Vec<(usize, M::Item, usize)>,
        list: impl Fn(&M::Item) -> Result<L, PortalError>,
    ) -> Result<Vec<(usize, Vec<M::Row>)>, PortalError> {
        let (places, items): (Vec<usize>, Vec<_>) = items
            .into_iter()
            .map(|(place, item, rows)| (place, (item, rows)))
            .unzip();
        let mut sweep = self.sweep(many, items);
        self.ask_rounds(&mut [&mut sweep]).await?;
        self.complete(&mut sweep, &list).await?;
        Ok(places.into_iter().zip(known(sweep)).collect())
    }

    /// Asks until nothing is left to ask together. The questions of all of them share their batches.
    async fn ask_rounds(&self, rounds: &mut [&mut dyn Rounds]) -> Result<(), PortalError> {
        loop {
            let questions: Vec<Question> = rounds.iter().flat_map(|asking| asking.questions()).collect();
            if questions.is_empty() {
                return Ok(());
            }
            let answers = patient::ask(&self.connection, &questions, Way::Batch).await?;
            take_all(
                rounds,
                &self.connection,
                &answers.into_iter().map(Some).collect::<Vec<_>>(),
            );
        }
    }

    /// Asks for what is not known yet, one by one.
    async fn complete<M: Many, L: Listing<Row = M::Row>>(
        &self,
        sweep: &mut Sweep<M>,
        list: &impl Fn(&M::Item) -> Result<L, PortalError>,
    ) -> Result<(), PortalError> {
        let unknown = sweep.unknown();
        let lists: Vec<L> = unknown
            .iter()
            .map(|index| list(sweep.item(*index)))
            .collect::<Result<_, _>>()?;
        let found = self.read_lists(lists, Way::Batch).await?;
        for (index, rows) in unknown.into_iter().zip(found) {
            sweep.alone(&self.connection, index, rows);
        }
        Ok(())
    }

    /// Asks for one thing.
    async fn direct(&self, method: ReadMethod, parameters: Value) -> Result<Value, PortalError> {
        Ok(self.ask_one(method, parameters, Way::Direct).await?.result)
    }

    async fn ask_one(&self, method: ReadMethod, parameters: Value, way: Way) -> Result<Answered, PortalError> {
        let question = Question {
            method,
            parameters,
            asked: Method::from(method).to_string(),
            is_attempt: false,
        };
        let answers = patient::ask(&self.connection, &[question], way).await?;
        Ok(answers.into_iter().next().unwrap_or_default())
    }

    /// Reads lists to their ends: in each round, the next page of every list that has one.
    async fn read_lists<L: Listing>(&self, mut lists: Vec<L>, way: Way) -> Result<Vec<Vec<L::Row>>, PortalError> {
        loop {
            let (open, questions): (Vec<&mut L>, Vec<Question>) = lists
                .iter_mut()
                .filter_map(|list| {
                    let question = Question {
                        method: L::METHOD,
                        parameters: list.question()?,
                        asked: list.asked(),
                        is_attempt: false,
                    };
                    Some((list, question))
                })
                .unzip();
            if questions.is_empty() {
                break;
            }
            tracing::debug!(
                method = Method::from(L::METHOD).as_str(),
                questions = questions.len(),
                "round"
            );
            let answers = patient::ask(&self.connection, &questions, way).await?;
            for (list, answer) in open.into_iter().zip(&answers) {
                list.take(answer)?;
            }
        }
        Ok(lists.into_iter().map(L::into_rows).collect())
    }
}

fn instance() -> impl Fn(&WorkflowId) -> Result<Instance, PortalError> {
    |id| Ok(Instance::new(id.clone()))
}

fn tasks(scope: TaskScope) -> impl Fn(&WorkflowId) -> Result<WorkflowTasks, PortalError> {
    move |id| Ok(WorkflowTasks::new(id.clone(), scope))
}

/// The rows of all things of a completed sweep, in their order.
fn known<M: Many>(sweep: Sweep<M>) -> impl Iterator<Item = Vec<M::Row>> {
    sweep.into_found().into_iter().filter_map(|(_, rows)| rows)
}

fn object(value: &Value) -> Result<Row<'_>, Problem> {
    value.as_object().map(Row).ok_or_else(|| "it is no object".to_owned())
}

/// Names the question in a problem with its answer.
fn read<T>(method: ReadMethod, read: Result<T, Problem>) -> Result<T, PortalError> {
    let asked = || Method::from(method).to_string();
    read.map_err(|problem| PortalError::Unexpected {
        asked: asked(),
        problem,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Said, Server, Step, TOKEN, ok, ok_batch};
    use super::*;
    use crate::personal::Personal;

    fn reader(server: &Server) -> Reader {
        Reader::new(server.connection().0)
    }

    /// A portal that answers direct calls with one result.
    fn says(result: Value) -> Server {
        Server::start(move |_, _| ok(&json!({"result": result, "time": {"finish": 1.5}})))
    }

    #[tokio::test]
    async fn the_portal_says_who_asks_and_what_is_allowed() {
        let server = says(json!({"ID": "7", "ADMIN": true, "NAME": "Анна"}));
        let without_clock = Profile {
            id: UserId(7),
            clock: None,
        };
        assert_eq!(reader(&server).profile().await, Ok(without_clock));
        let at = "2026-11-22T03:04:05+03:00";
        let server = Server::start(move |_, _| ok(&json!({"result": {"ID": "7"}, "time": {"date_finish": at}})));
        let profile = reader(&server).profile().await.unwrap();
        assert_eq!(profile.clock.unwrap().to_rfc3339(), at);
        let dismissed = reader(&says(json!([]))).profile().await;
        assert!(matches!(dismissed, Err(PortalError::Auth { .. })));

        let scope = reader(&says(json!(["bizproc", "user"]))).scope().await;
        assert_eq!(scope, Ok(vec!["bizproc".to_owned(), "user".to_owned()]));
        let server = says(json!({"isExisting": true, "isAvailable": false}));
        let state = reader(&server).method_available("Bizproc.Workflow.Kill").await;
        assert_eq!(
            state,
            Ok(MethodState {
                exists: true,
                available: false
            })
        );
        assert_eq!(server.arrived()[0].body, json!({"name": "bizproc.workflow.kill"}));

        let time = reader(&says(json!("2026-11-22T03:04:05+03:00")))
            .server_time()
            .await
            .unwrap();
        assert_eq!(time.to_rfc3339(), "2026-11-22T03:04:05+03:00");
        for wrong in [json!("yesterday"), json!([]), json!(null)] {
            assert!(matches!(
                reader(&says(wrong)).server_time().await,
                Err(PortalError::Unexpected { .. })
            ));
        }
    }

    #[tokio::test]
    async fn a_missing_right_is_told_apart_from_a_missing_answer() {
        assert_eq!(reader(&says(json!([]))).can_administer_workflows().await, Ok(true));
        let denied = r#"{"error": "ACCESS_DENIED", "error_description": "Access denied!"}"#;
        let server = Server::start(|_, _| Step::Reply(403, denied.to_owned()));
        assert_eq!(reader(&server).can_administer_workflows().await, Ok(false));
        let denied = r#"{"error": "expired_token"}"#;
        let server = Server::start(|_, _| Step::Reply(401, denied.to_owned()));
        assert!(reader(&server).can_administer_workflows().await.is_err());
    }

    #[tokio::test]
    async fn lists_are_read_to_their_ends_in_rounds() {
        // User 1 has 60 tasks, user 2 has two.
        let server = Server::start(|_, arrived| {
            ok_batch(arrived, |command| {
                let user: u32 = if command.contains("%5BUSER_ID%5D=1&") { 1 } else { 2 };
                let after = command
                    .split("%5B%3EID%5D=")
                    .nth(1)
                    .and_then(|rest| rest.split('&').next())
                    .unwrap();
                let after: u32 = after.parse().unwrap();
                let last = if user == 1 { 60 } else { 2 };
                let row = |id: u32| {
                    json!({
                        "ID": id.to_string(), "WORKFLOW_ID": format!("a.{id}"), "USER_ID": user, "STATUS": "0", "USER_STATUS": 0,
                    })
                };
                Said::Result((after + 1..=last).take(50).map(row).collect())
            })
        });
        let tasks = reader(&server).open_tasks(&[UserId(1), UserId(2)]).await.unwrap();
        assert_eq!(tasks.iter().map(Vec::len).collect::<Vec<_>>(), [60, 2]);
        let sizes: Vec<usize> = server
            .arrived()
            .iter()
            .map(|arrived| arrived.commands().len())
            .collect();
        assert_eq!(sizes, [2, 1]);
        assert_eq!(reader(&server).open_tasks(&[]).await, Ok(vec![]));
        assert_eq!(server.arrived().len(), 2, "no question, no request");
    }

    #[tokio::test]
    async fn a_portal_that_answers_with_everybody_is_not_believed() {
        let everybody = json!([{"ID": "1", "ACTIVE": true, "EMAIL": "boss@b.example"}]);
        let server = Server::start(move |_, arrived| ok_batch(arrived, |_| Said::Result(everybody.clone())));
        let query = UserQuery::Email(Personal::new("a@b.example"));
        let error = reader(&server).users(&[query]).await.unwrap_err();
        assert!(matches!(error, PortalError::Widened { .. }));
        let message = error.to_string();
        assert!(!message.contains("b.example") && !message.contains(TOKEN), "{message}");
    }

    #[tokio::test]
    async fn what_was_sent_is_asked_about_without_batches_while_these_are_blocked() {
        let rows = |asks_running: bool| {
            if asks_running {
                json!([{"ID": "a.1", "STARTED_BY": "7"}])
            } else {
                json!([])
            }
        };
        let server = Server::start(move |number, arrived| match arrived.method() {
            "batch" if number == 1 => Step::Reply(429, json!({"error": "OPERATION_TIME_LIMIT"}).to_string()),
            "batch" => ok_batch(arrived, |command| {
                Said::Result(rows(command.contains("%5B%3DID%5D=a.1&")))
            }),
            _ => ok(&json!({"result": rows(arrived.body["FILTER"]["=ID"] == "a.1"), "total": 0, "next": -1})),
        });
        let workflows: Vec<WorkflowId> = ["a.1", "a.2"].iter().map(|id| id.parse().unwrap()).collect();
        let reader = reader(&server);
        let in_batches = reader.instances(&workflows).await.unwrap();
        assert_eq!(
            in_batches.iter().map(Option::is_some).collect::<Vec<_>>(),
            [true, false]
        );
        assert_eq!(reader.instances_of_sent(&workflows).await.unwrap(), in_batches);
        let methods: Vec<String> = server
            .arrived()
            .iter()
            .map(|arrived| arrived.method().to_owned())
            .collect();
        assert_eq!(
            methods,
            [
                "batch",
                "batch",
                "bizproc.workflow.instances",
                "bizproc.workflow.instances"
            ]
        );
    }

    #[test]
    fn questions_can_be_asked_from_any_thread() {
        fn is_send<T: Send>(_: T) {}
        let server = says(json!([]));
        let reader = reader(&server);
        is_send(reader.users(&[]));
        is_send(reader.instances(&[]));
        is_send(super::super::Destroyer::new(server.connection().0).send(&[], &Look::default()));
    }
}
