//! What people said about a plan before it was confirmed, as a receipt tells it: how often, and the last time.

use super::error::JournalError;
use super::event::{Event, Operator};
use super::view::View;
use crate::domain::JobId;

/// What stands in a receipt where nobody said anything.
const NONE: &str = "none";

/// A decision about a plan, or an approval of it.
#[derive(Clone, Debug)]
pub struct Word {
    /// The event's sequence number.
    pub event: u64,
    /// When: UTC, RFC 3339.
    pub at: String,
    /// Whose it is.
    pub operator: Operator,
}

/// The two lines of a receipt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Review {
    /// Decisions about the job's plans, from the first to the last.
    pub decided: String,
    /// Approvals of the plan that the receipt names, and of no other.
    pub approved: String,
}

impl Review {
    /// The lines, of words in the order of the record.
    pub fn of<'a>(decided: impl IntoIterator<Item = &'a Word>, approved: impl IntoIterator<Item = &'a Word>) -> Self {
        Self {
            decided: line(decided),
            approved: line(approved),
        }
    }

    /// What is on record about a job, whose plan has this hash.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn read(view: View<'_>, job: JobId, plan_hash: Option<&str>) -> Result<Self, JournalError> {
        let (mut decided, mut approved) = (Vec::new(), Vec::new());
        for told in view.told(job, &["plan_decided", "plan_approved"])? {
            let word = |operator| Word {
                event: told.seq,
                at: told.at,
                operator,
            };
            match told.event {
                Event::PlanDecided(event) => decided.push(word(event.operator)),
                Event::PlanApproved(event) if plan_hash == Some(&event.plan_hash) => {
                    approved.push(word(event.operator));
                }
                _ => {}
            }
        }
        Ok(Self::of(&decided, &approved))
    }
}

/// `2 times, last 2026-11-22T09:00:00.000Z, event 118, by root (logged in as ann) on office-7`.
fn line<'a>(words: impl IntoIterator<Item = &'a Word>) -> String {
    let words: Vec<&Word> = words.into_iter().collect();
    let Some(last) = words.last() else {
        return NONE.to_owned();
    };
    let times = if words.len() == 1 { "time" } else { "times" };
    let operator = &last.operator;
    let login = operator.login_user.as_ref();
    let login = login.map_or(String::new(), |login| format!(" (logged in as {login})"));
    let line = format!(
        "{} {times}, last {}, event {}, by {}{login} on {}",
        words.len(),
        last.at,
        last.event,
        operator.os_user,
        operator.host
    );
    on_one_line(&line)
}

/// The text as it is read back from a receipt: whatever an account or a host is called, it stays one line.
fn on_one_line(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(event: u64, os_user: &str, login_user: Option<&str>) -> Word {
        Word {
            event,
            at: "2026-11-22T09:00:00.000Z".to_owned(),
            operator: Operator {
                os_user: os_user.to_owned(),
                login_user: login_user.map(str::to_owned),
                host: "office-7".to_owned(),
            },
        }
    }

    #[test]
    fn the_last_word_is_told_and_how_many_there_were() {
        let review = Review::of(&[word(9, "ann", None), word(12, "root", Some("ben"))], &[]);
        assert_eq!(
            review.decided,
            "2 times, last 2026-11-22T09:00:00.000Z, event 12, by root (logged in as ben) on office-7"
        );
        assert_eq!(review.approved, "none");
    }

    #[test]
    fn an_account_with_line_ends_in_its_name_stays_one_line() {
        let review = Review::of(&[], &[word(9, "ann\nat: never\r", Some("\u{85}"))]);
        assert_eq!(
            review.approved,
            "1 time, last 2026-11-22T09:00:00.000Z, event 9, by ann\u{fffd}at: never\u{fffd} (logged in as \u{fffd}) on office-7"
        );
    }
}
