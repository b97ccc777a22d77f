//! How a personal value gets into the journal without getting into an event.
//!
//! An event's body holds a commitment, `SHA-256(0x02 ‖ salt ‖ value)`, and the `personal` table the salt and the value
//! (design section 4). Erasing salt and value later leaves the proof whole. Without the salt a commitment cannot be
//! guessed back: names and e-mail addresses are guessable, 256 random bits are not.

use serde::de::Error as _;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::event::Event;
use crate::domain::{RowNumber, UserId};
use crate::personal::Personal;

/// Bytes of salt for each value.
pub(crate) const SALT_BYTES: usize = 32;

/// Marks a value in a draft that is still to be sealed. No event field can have this name.
const OPEN_KEY: &str = "\u{0}open";
const PREFIX: &str = "sha256:";

/// `SHA-256(0x02 ‖ salt ‖ value)` in hexadecimal.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Commitment(String);

impl Commitment {
    pub(super) fn of(salt: &[u8; SALT_BYTES], value: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update([0x02]);
        hash.update(salt);
        hash.update(value.as_bytes());
        Self(crate::hex::hex(&hash.finalize()))
    }

    /// The 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whom a personal value is about: what an erasure goes by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum About {
    /// A user of the portal.
    User(UserId),
    /// A row of the roster, whose user may not be known.
    Row(RowNumber),
    /// Nobody in particular, such as the text of an error.
    Nobody,
}

/// A personal value in an event: open in a draft, sealed in everything that was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// On its way into the journal.
    Open(Personal, About),
    /// The same, with the salt of a commitment that something else in the event names too.
    Salted(Personal, About, [u8; SALT_BYTES]),
    /// What the event holds.
    Sealed(Commitment),
}

impl Recorded {
    /// The commitment, once there is one.
    pub fn commitment(&self) -> Option<&str> {
        match self {
            Self::Open(..) | Self::Salted(..) => None,
            Self::Sealed(commitment) => Some(commitment.as_str()),
        }
    }
}

impl Personal {
    /// The value as a field of an event.
    pub fn about(&self, whom: About) -> Recorded {
        Recorded::Open(self.clone(), whom)
    }

    /// The value as a field of an event, and what the event will commit to.
    ///
    /// # Errors
    /// When the operating system gives no random numbers.
    pub fn committed(&self, whom: About) -> Result<(Recorded, Commitment), getrandom::Error> {
        let salt = new_salt()?;
        let commitment = Commitment::of(&salt, self.expose());
        Ok((Recorded::Salted(self.clone(), whom, salt), commitment))
    }
}

impl Serialize for Recorded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Sealed(commitment) => serializer.collect_str(&format_args!("{PREFIX}{}", commitment.as_str())),
            Self::Open(value, about) => open(serializer, value, *about, None),
            Self::Salted(value, about, salt) => open(serializer, value, *about, Some(salt)),
        }
    }
}

/// What [`seal`] makes a commitment of.
fn open<S: Serializer>(
    serializer: S,
    value: &Personal,
    about: About,
    salt: Option<&[u8; SALT_BYTES]>,
) -> Result<S::Ok, S::Error> {
    let (user, row) = match about {
        About::User(user) => (Some(user), None),
        About::Row(row) => (None, Some(row)),
        About::Nobody => (None, None),
    };
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(
        OPEN_KEY,
        &(value.expose(), user, row, salt.map(|salt| crate::hex::hex(salt))),
    )?;
    map.end()
}

impl<'de> Deserialize<'de> for Recorded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.strip_prefix(PREFIX) {
            Some(hex) if hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                Ok(Self::Sealed(Commitment(hex.to_owned())))
            }
            _ => Err(D::Error::custom("a personal value in an event is a commitment")),
        }
    }
}

/// Whom a value in an event has to be about, as far as the event says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Whom {
    /// Exactly this.
    Known(About),
    /// Events of version 0.1 did not say whose task showed a document's title.
    Unsaid,
}

impl Event {
    /// Every personal value of the event, and whom it is about. An erasure goes by the side table; that the side table says the same is
    /// checked against this.
    pub fn personal_values(&self) -> Vec<(&Recorded, Whom)> {
        let nobody = Whom::Known(About::Nobody);
        let user = |user| Whom::Known(About::User(user));
        match self {
            Self::JobCreated(event) => {
                let columns = event.roster.columns.iter().map(|column| &column.name);
                let said = event.reason.iter().chain(&event.ticket);
                let values = columns.chain(&event.policy_emails).chain(said);
                values.map(|value| (value, nobody)).collect()
            }
            Self::RowRead(event) => {
                let whom = Whom::Known(event.id.map_or(About::Row(event.row), About::User));
                let keys = [
                    &event.email,
                    &event.first_name,
                    &event.last_name,
                    &event.second_name,
                    &event.full_name,
                ];
                let cells = keys.into_iter().chain([&event.note]).flatten().map(|cell| (cell, whom));
                let other = event
                    .other
                    .iter()
                    .flat_map(|cell| [(&cell.column, nobody), (&cell.value, whom)]);
                cells.chain(other).collect()
            }
            Self::UserRecorded(event) => {
                let names = [&event.first_name, &event.last_name, &event.second_name, &event.email];
                names
                    .into_iter()
                    .flatten()
                    .map(|name| (name, user(event.user)))
                    .collect()
            }
            Self::TaskRecorded(event) => {
                let titles = [&event.name, &event.document_name];
                titles
                    .into_iter()
                    .flatten()
                    .map(|title| (title, user(event.user)))
                    .collect()
            }
            Self::WorkflowRecorded(event) => {
                let whom = event.document_name_about.map_or(Whom::Unsaid, user);
                event.document_name.iter().map(|title| (title, whom)).collect()
            }
            Self::AttemptAnswered(event) => event.text.iter().map(|text| (text, nobody)).collect(),
            Self::ActionReopened(event) => event.reason.iter().map(|reason| (reason, nobody)).collect(),
            Self::PersonalRedacted(event) => event.reason.iter().map(|reason| (reason, nobody)).collect(),
            Self::DatabaseCreated(_)
            | Self::RunStarted(_)
            | Self::RunAbandoned(_)
            | Self::RunFinished(_)
            | Self::RowResolved(_)
            | Self::RowsResolved(_)
            | Self::UserDiscovered(_)
            | Self::DiscoveryRestarted(_)
            | Self::ActionPlanned(_)
            | Self::PlanFrozen(_)
            | Self::PlanDecided(_)
            | Self::WorkflowDecided(_)
            | Self::PlanApproved(_)
            | Self::PlanConfirmed(_)
            | Self::AttemptIntended(_)
            | Self::ActionReturned(_)
            | Self::ActionEnded(_)
            | Self::Paused(_)
            | Self::ResidueRecorded(_)
            | Self::JobClosed(_)
            | Self::SigningKeyRecorded(_)
            | Self::SigningKeyRotated(_)
            | Self::HeadMissing(_)
            | Self::ClockSetBack(_)
            | Self::RedactionFinished(_) => Vec::new(),
        }
    }
}

/// A row of the `personal` table.
pub(crate) struct Reveal {
    pub(crate) commitment: Commitment,
    pub(crate) salt: [u8; SALT_BYTES],
    pub(crate) value: String,
    pub(crate) user: Option<u32>,
    pub(crate) row: Option<u32>,
}

/// Replaces every open value in a draft by its commitment and returns what the side table has to hold.
///
/// # Errors
/// When the operating system gives no random numbers.
pub(crate) fn seal(draft: &mut Value) -> Result<Vec<Reveal>, getrandom::Error> {
    let mut reveals = Vec::new();
    seal_within(draft, &mut reveals)?;
    Ok(reveals)
}

fn new_salt() -> Result<[u8; SALT_BYTES], getrandom::Error> {
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt)?;
    Ok(salt)
}

fn seal_within(value: &mut Value, reveals: &mut Vec<Reveal>) -> Result<(), getrandom::Error> {
    match value {
        Value::Object(map) if map.contains_key(OPEN_KEY) => {
            let number = |index: usize| {
                map[OPEN_KEY][index]
                    .as_u64()
                    .and_then(|number| u32::try_from(number).ok())
            };
            let text = map[OPEN_KEY][0].as_str().unwrap_or_default().to_owned();
            let (user, row) = (number(1), number(2));
            let given = map[OPEN_KEY][3].as_str();
            let given = given.and_then(|digits| crate::hex::unhex(digits.as_bytes()));
            let salt = given.map_or_else(new_salt, Ok)?;
            let commitment = Commitment::of(&salt, &text);
            *value = Value::String(format!("{PREFIX}{}", commitment.as_str()));
            reveals.push(Reveal {
                commitment,
                salt,
                value: text,
                user,
                row,
            });
        }
        Value::Object(map) => {
            for inner in map.values_mut() {
                seal_within(inner, reveals)?;
            }
        }
        Value::Array(items) => {
            for inner in items {
                seal_within(inner, reveals)?;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    Ok(())
}
