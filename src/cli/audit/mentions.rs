//! Values that are not about a person and have their name in them: finding them, saying what they are, and naming them with `--also`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::failure::Failure;
use super::super::text::printable;
use crate::domain::JobId;
use crate::journal::{Event, Recorded, RowRecord, ValueRecord, View};
use crate::personal::Personal;

/// Hexadecimal digits of a commitment that are shown, and that suffice to name it.
const DIGITS: usize = 12;

/// Characters of a name below which it is in too many words to be looked for.
const NAME_LENGTH_MIN: usize = 3;

/// What `--also` takes for everything that was listed.
const ALL: &str = "all";

/// How events write a commitment.
const PREFIX: &str = "sha256:";

/// What to look for, in lower case.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    pub(super) fn add(&mut self, name: Option<&Personal>) {
        let name = name.map(|name| name.expose().trim().to_lowercase());
        self.0
            .extend(name.filter(|name| name.chars().count() >= NAME_LENGTH_MIN));
    }

    /// Whether one of them is in what a row of a roster is found by.
    pub(super) fn are_in_row(&self, row: &RowRecord) -> bool {
        let keys = [&row.email, &row.last_name, &row.full_name];
        keys.into_iter().flatten().any(|key| self.are_in(key.expose()))
    }

    /// Whether one of them is in a text.
    pub(super) fn are_in(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.0.iter().any(|name| text.contains(name))
    }
}

/// A value, and what it is.
#[derive(Clone, Debug)]
pub(super) struct Mention {
    pub(super) value: ValueRecord,
    /// Such as `title of a task of user 31`.
    what: String,
    /// Whether it is the name or the address of somebody: of a user, or of a row of the roster.
    pub(super) is_key: bool,
    pub(super) job: Option<JobId>,
}

impl Mention {
    fn read(view: View<'_>, value: ValueRecord) -> Result<Self, Failure> {
        let envelope = view.event(value.event)?;
        let job = envelope.as_ref().and_then(|envelope| envelope.job);
        let (what, is_key) = match &envelope {
            Some(envelope) => describe(&envelope.event, job, &value.commitment),
            None => (String::new(), false),
        };
        Ok(Self {
            value,
            what,
            is_key,
            job,
        })
    }

    /// The digits that name it.
    pub(super) fn digits(&self) -> &str {
        &self.value.commitment[..DIGITS]
    }

    /// For the list.
    pub(super) fn line(&self) -> String {
        let shown = printable(self.value.value.expose());
        format!(
            "  {}  event {}, {}: {shown}",
            self.digits(),
            self.value.event,
            self.what
        )
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "commitment": self.value.commitment,
            "event": self.value.event,
            "what": self.what,
            "value": self.value.value.expose(),
        })
    }
}

/// What a value of an event is, and whether it is somebody's name or address.
fn describe(event: &Event, job: Option<JobId>, commitment: &str) -> (String, bool) {
    let is = |recorded: Option<&Recorded>| recorded.and_then(Recorded::commitment) == Some(commitment);
    let job = job.map(|job| job.to_string()).unwrap_or_default();
    let name_or = |email: Option<&Recorded>| if is(email) { "e-mail" } else { "name" };
    match event {
        Event::UserRecorded(event) => (
            format!("{} of user {}", name_or(event.email.as_ref()), event.user),
            true,
        ),
        Event::RowRead(event) => {
            let (what, is_key) = if is(event.note.as_ref()) {
                ("note", false)
            } else if event.other.iter().any(|cell| is(Some(&cell.column))) {
                ("header of a column", false)
            } else if event.other.iter().any(|cell| is(Some(&cell.value))) {
                ("further column", false)
            } else {
                (name_or(event.email.as_ref()), true)
            };
            (format!("{what} of row {} of job {job}", event.row), is_key)
        }
        Event::TaskRecorded(event) if is(event.name.as_ref()) => {
            (format!("title of a task of user {}", event.user), false)
        }
        Event::TaskRecorded(event) => (format!("title of the document of a task of user {}", event.user), false),
        Event::WorkflowRecorded(event) => {
            let of = event
                .document_name_about
                .map(|user| format!(" of a task of user {user}"));
            (format!("title of the document{}", of.unwrap_or_default()), false)
        }
        Event::AttemptAnswered(event) => (format!("error text of action {} of job {job}", event.action), false),
        Event::ActionReopened(event) => (format!("reason for action {} of job {job}", event.action), false),
        Event::PersonalRedacted(_) => ("reason of an erasure".to_owned(), false),
        Event::JobCreated(_) => (format!("header of a column of job {job}"), false),
        other => (other.kind().to_owned(), false),
    }
}

/// Values that contain one of the names, without those that are erased anyway. A namesake's own name is none: it is about the namesake.
pub(super) fn find(view: View<'_>, names: &Names, own: &[ValueRecord]) -> Result<Vec<Mention>, Failure> {
    let own: BTreeSet<&str> = own.iter().map(|value| value.commitment.as_str()).collect();
    let mut found = Vec::new();
    for value in view.values_where(|value| names.are_in(value))? {
        if !own.contains(value.commitment.as_str()) {
            let mention = Mention::read(view, value)?;
            found.extend(Some(mention).filter(|mention| !mention.is_key));
        }
    }
    Ok(found)
}

/// What was typed behind `--also`: `all`, or digits.
pub(super) fn read_also(typed: &[String]) -> Result<Vec<String>, Failure> {
    typed
        .iter()
        .map(|text| {
            let name = text.trim().to_ascii_lowercase();
            let name = name.strip_prefix(PREFIX).unwrap_or(&name);
            let is_commitment =
                (DIGITS..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_hexdigit());
            let problem = match name {
                "" => "--also has nothing before or behind a comma".to_owned(),
                ALL => return Ok(name.to_owned()),
                _ if is_commitment => return Ok(name.to_owned()),
                _ => format!(
                    "{} names no value: twelve or more hexadecimal digits do",
                    printable(text)
                ),
            };
            Err(unlisted(&problem))
        })
        .collect()
}

fn unlisted(problem: &str) -> Failure {
    Failure::usage(format!("{problem}. Nothing was erased"))
        .next("copy the digits from the list that offboard24 audit redact --person ID shows, separated by commas, or write --also all")
}

/// What `--also` names, each once, and the mentions that stay. By its digits any value can be named that is there: once the name is
/// erased, nothing can be found by it any more.
pub(super) fn chosen(
    view: View<'_>,
    mentions: Vec<Mention>,
    own: &[ValueRecord],
    named: &[String],
) -> Result<(Vec<Mention>, Vec<Mention>), Failure> {
    let is_all = named.iter().any(|name| name == ALL);
    let mut further = Vec::new();
    for digits in named.iter().filter(|name| *name != ALL) {
        let mut fitting = view.values_named(digits)?;
        match (fitting.pop(), fitting.pop()) {
            (Some(only), None) => further.push(only),
            _ => return Err(unlisted(&format!("{digits} names no value that is there"))),
        }
    }
    let is_named = |value: &ValueRecord| further.iter().any(|other| other.commitment == value.commitment);
    let (mut also, left): (Vec<_>, Vec<_>) = mentions
        .into_iter()
        .partition(|mention| is_all || is_named(&mention.value));
    let mut taken: BTreeSet<String> = own.iter().map(|value| value.commitment.clone()).collect();
    taken.extend(also.iter().map(|mention| mention.value.commitment.clone()));
    for value in further {
        if taken.insert(value.commitment.clone()) {
            also.push(Mention::read(view, value)?);
        }
    }
    Ok((also, left))
}
