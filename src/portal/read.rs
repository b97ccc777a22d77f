//! Asking the portal.
//!
//! Each question is asked until it is answered ([`super::patient`]), lists are read to their ends and checked row by row
//! ([`super::listing`]). Not responsible for what the answers mean for the job.

use std::sync::Arc;

use chrono::{DateTime, FixedOffset};
use serde_json::{Value, json};

use super::connection::Connection;
use super::decode::{InstanceRow, MethodState, Problem, Profile, Row, TaskRow, UserRow};
use super::error::PortalError;
use super::listing::{Comparing, Instance, Listing, OpenTasks, TaskScope, UserQuery, Users, WorkflowTasks};
use super::method::{Method, ReadMethod};
use super::patient::{self, Question, Way};
use crate::domain::{UserId, WorkflowId};

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
        let profile = self.direct(ReadMethod::Profile, json!({})).await?;
        match &profile {
            Value::Array(values) if values.is_empty() => Err(PortalError::Auth {
                code: "the owner is dismissed".to_owned(),
            }),
            profile => read(ReadMethod::Profile, object(profile).and_then(Row::profile)),
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

    /// The users of each query, in the order of the queries, all pages. Both active and dismissed ones; not found may also
    /// mean not visible.
    ///
    /// # Errors
    ///
    /// [`PortalError::Widened`] when a row is not about what was asked, [`PortalError::Unsendable`] for a blank query, and
    /// the others.
    pub async fn users(&self, queries: &[UserQuery]) -> Result<Vec<Vec<UserRow>>, PortalError> {
        let settings = self.connection.settings();
        let comparing = Comparing {
            same: settings.same,
            loosely_same: settings.loosely_same,
        };
        let lists = queries
            .iter()
            .map(|query| Users::new(query, comparing))
            .collect::<Result<_, _>>()?;
        self.read_lists(lists, Way::Batch).await
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

    /// The tasks of each workflow with their people, in the order of the workflows, all pages.
    ///
    /// # Errors
    ///
    /// [`PortalError::Widened`] when a row is not about what was asked, [`PortalError::Temporary`] when a list kept changing
    /// while it was read, and the others.
    pub async fn workflow_tasks(
        &self,
        workflows: &[WorkflowId],
        scope: TaskScope,
    ) -> Result<Vec<Vec<TaskRow>>, PortalError> {
        let lists = workflows
            .iter()
            .map(|workflow| WorkflowTasks::new(workflow.clone(), scope))
            .collect();
        self.read_lists(lists, Way::Batch).await
    }

    /// Each workflow if it is running, in the order asked. `None` is said on the word of a well-formed empty list alone.
    ///
    /// # Errors
    ///
    /// [`PortalError::Widened`] when a row is not about what was asked, and the others.
    pub async fn instances(&self, workflows: &[WorkflowId]) -> Result<Vec<Option<InstanceRow>>, PortalError> {
        self.read_instances(workflows, Way::Batch).await
    }

    /// [`Self::instances`] without batches, for while `batch` itself is blocked ([`Connection::blocked_for`]).
    ///
    /// # Errors
    ///
    /// As [`Self::instances`].
    pub async fn instances_directly(&self, workflows: &[WorkflowId]) -> Result<Vec<Option<InstanceRow>>, PortalError> {
        self.read_instances(workflows, Way::Direct).await
    }

    async fn read_instances(
        &self,
        workflows: &[WorkflowId],
        way: Way,
    ) -> Result<Vec<Option<InstanceRow>>, PortalError> {
        let lists = self
            .read_lists(workflows.iter().cloned().map(Instance::new).collect(), way)
            .await?;
        Ok(lists.into_iter().map(|rows| rows.into_iter().next()).collect())
    }

    /// Asks for one thing.
    async fn direct(&self, method: ReadMethod, parameters: Value) -> Result<Value, PortalError> {
        let question = Question {
            parameters,
            asked: Method::from(method).to_string(),
        };
        let answers = patient::ask(&self.connection, method, &[question], Way::Direct).await?;
        Ok(answers
            .into_iter()
            .next()
            .map(|answered| answered.result)
            .unwrap_or_default())
    }

    /// Reads lists to their ends: in each round, the next page of every list that has one.
    async fn read_lists<L: Listing>(&self, mut lists: Vec<L>, way: Way) -> Result<Vec<Vec<L::Row>>, PortalError> {
        loop {
            let (open, questions): (Vec<&mut L>, Vec<Question>) = lists
                .iter_mut()
                .filter_map(|list| {
                    let question = Question {
                        parameters: list.question()?,
                        asked: list.asked(),
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
            let answers = patient::ask(&self.connection, L::METHOD, &questions, way).await?;
            for (list, answer) in open.into_iter().zip(&answers) {
                list.take(answer)?;
            }
        }
        Ok(lists.into_iter().map(L::into_rows).collect())
    }
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
