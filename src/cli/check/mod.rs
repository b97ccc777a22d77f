//! `offboard24 check`: whether a job could be planned and carried out from here, thing by thing. Changes nothing anywhere.
//!
//! - [`local`]: the policy, folders, database, key and disk of this machine;
//! - [`portal`]: the webhook and its portal, by the questions that `plan` asks first.

pub(crate) mod local;
mod portal;

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::json;

use super::Ending;
use super::Failed;
use super::failure::Failure;
use super::language::{Said, Words, beside, said};
use super::planning::read_policy;
use super::settings::{Common, PortalArguments};
use super::terminal::Terminal;
use super::text::line;
use crate::exit::Exit;
use crate::plan::policy::Policy;

/// Characters of the longest name of a check.
const NAME_WIDTH: usize = 15;

/// How one thing is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    /// A job would run, and somebody should know.
    Warning,
    /// `plan` would stop.
    Failure,
}

impl State {
    const ALL: [Self; 3] = [Self::Ok, Self::Warning, Self::Failure];

    fn shown(self, words: &Words) -> String {
        beside(self.as_str(), (words.check_state)(self.as_str()))
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    /// A stable word for scripts.
    name: &'static str,
    state: State,
    message: Said,
    next: Option<Said>,
    /// What `plan` would end with.
    failure: Option<Failure>,
}

impl Check {
    fn ok(name: &'static str, message: impl Into<Said>) -> Self {
        Self {
            name,
            state: State::Ok,
            message: message.into(),
            next: None,
            failure: None,
        }
    }

    fn warning(name: &'static str, message: impl Into<Said>, next: impl Into<Said>) -> Self {
        Self {
            state: State::Warning,
            next: Some(next.into()),
            ..Self::ok(name, message)
        }
    }

    fn failure(name: &'static str, failure: impl Into<Failure>) -> Self {
        let failure = failure.into();
        Self {
            state: State::Failure,
            next: failure.next.clone(),
            failure: Some(failure.clone()),
            ..Self::ok(name, failure.message)
        }
    }

    /// `ok       scopes        bizproc, user`, and what to do on a line of its own.
    fn text(&self, terminal: &Terminal) -> String {
        let words = terminal.words();
        let width = State::ALL.iter().map(|state| state.shown(words).chars().count()).max();
        let (state, width) = (self.state.shown(words), width.unwrap_or_default() + 1);
        let message = line(terminal.said(&self.message));
        let mut text = format!("{state:<width$} {:<NAME_WIDTH$} {message}", self.name);
        if let Some(next) = &self.next {
            let (next, indent) = (line(terminal.said(next)), width + NAME_WIDTH + 2);
            // Writing into a String cannot fail.
            _ = write!(text, "\n{:>indent$}{}: {next}", "", words.check_to_do);
        }
        text
    }
}

pub(crate) async fn check(
    common: &Common,
    terminal: &Terminal,
    policy: Option<std::path::PathBuf>,
    arguments: PortalArguments,
) -> Ending {
    let place = common.place()?;
    let path = common.policy(policy).map(|policy| policy.value);
    let policy = read_policy(path.as_deref());
    let reads_emails = policy.as_ref().is_ok_and(Policy::reads_emails);
    let mut checks = vec![local::look_at_policy(path.as_deref(), policy)];
    checks.extend(local::look(&place));
    let portal = match arguments.access(common) {
        Ok(access) => {
            let portal = access.webhook.portal();
            checks.extend(portal::look(&place, access, reads_emails, terminal).await);
            Some(portal)
        }
        Err(failure) => {
            checks.push(Check::failure("webhook", failure));
            None
        }
    };
    let object = json!({
        "portal": portal,
        "checks": checks.iter().map(|check| json!({
            "check": check.name, "state": check.state, "message": check.message.english(),
            "next": check.next.as_ref().map(Said::english),
        })).collect::<Vec<_>>(),
    });
    let lines: Vec<String> = checks.iter().map(|check| check.text(terminal)).collect();
    terminal.say(&lines.join("\n"));
    match summary(&checks) {
        None => {
            terminal.object(&object);
            Ok(Exit::Done)
        }
        Some(failure) => Err(Failed {
            failure: Box::new(failure),
            job: Some(object),
        }),
    }
}

/// All failures as one: the code that counts, and with it what to do first.
fn summary(checks: &[Check]) -> Option<Failure> {
    let failures: Vec<(&str, &Failure)> = checks
        .iter()
        .filter_map(|check| Some((check.name, check.failure.as_ref()?)))
        .collect();
    let exit = Exit::first(failures.iter().map(|(_, failure)| failure.exit));
    let (_, worst) = failures.iter().find(|(_, failure)| failure.exit == exit)?;
    if let [(_, only)] = failures.as_slice() {
        return Some((*only).clone());
    }
    let names: Vec<&str> = failures.iter().map(|(name, _)| *name).collect();
    let message = said(|words| (words.check_failures)(failures.len(), &names.join(", ")));
    let failure = Failure::new(worst.kind, exit, message);
    Some(match &worst.next {
        Some(next) => failure.next(next.clone()),
        None => failure,
    })
}
