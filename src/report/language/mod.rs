//! The wording of reports, one file a language.
//!
//! [`Words`] is a struct, so a text that a language lacks does not compile. The words of the design (states, outcomes, reasons) stay as they
//! are in every language; what is here explains them.

mod en;
pub(crate) mod ru;

use std::str::FromStr;

use super::review::Standing;
use crate::domain::{ActionKind, ActionState, Decision, HoldReason, RowState, StopReason};
use crate::journal::{AnswerKind, Returned};

/// A language of what people read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Russian.
    Russian,
}

impl Language {
    /// Every language.
    pub const ALL: &'static [Self] = &[Self::English, Self::Russian];

    /// Its texts.
    pub const fn words(self) -> &'static Words {
        match self {
            Self::English => &en::WORDS,
            Self::Russian => &ru::WORDS,
        }
    }
}

/// A text that names no language.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("write en or ru")]
pub struct UnknownLanguage;

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(text: &str) -> Result<Self, UnknownLanguage> {
        let named = Self::ALL.iter().find(|language| language.words().tag == text);
        named.copied().ok_or(UnknownLanguage)
    }
}

/// All texts of a language.
pub struct Words {
    /// BCP 47, and how `--lang` names it.
    pub tag: &'static str,
    /// Between groups of three digits.
    pub thousands: char,

    // What the page is.
    /// Above the headline of a plan that nobody has confirmed.
    pub kind_plan: &'static str,
    /// Above the headline of anything else.
    pub kind_report: &'static str,
    /// `job 3`.
    pub job: fn(u32) -> String,

    // The headline: what is not done first.
    /// Discovery has not ended.
    pub headline_planning: &'static str,
    /// A plan without actions.
    pub headline_empty: &'static str,
    /// A frozen plan that nobody has confirmed: planned, of all.
    pub headline_planned: fn(u32, u32) -> String,
    /// In doubt, of all.
    pub clause_in_doubt: fn(u32, u32) -> String,
    /// Not ended, of all; the last is whether something was said before it.
    pub clause_not_ended: fn(u32, u32, bool) -> String,
    /// Gone, of all; the last is whether something was said before it.
    pub clause_gone: fn(u32, u32, bool) -> String,

    // What to know first.
    /// The heading of that list.
    pub first: &'static str,
    /// For the readers of a plan; the operator's name follows.
    pub plan_invitation: &'static str,
    /// A run without an end on record.
    pub note_open_run: fn(u32) -> String,
    /// The last run stopped early, and why.
    pub note_stopped: fn(StopReason) -> String,
    /// `sent`.
    pub note_in_doubt: fn(u32) -> String,
    /// `failed` and `survived`.
    pub note_not_ended: fn(u32) -> String,
    /// `drifted`.
    pub note_drifted: fn(u32) -> String,
    /// `planned`, in a confirmed job.
    pub note_not_begun: fn(u32) -> String,
    /// The policy asks for an approval, and nobody gave one.
    pub note_unapproved: &'static str,
    /// `held`.
    pub note_held: fn(u32) -> String,
    /// Rows without a user, of all.
    pub note_unmatched: fn(u32, u32) -> String,
    /// Listed again.
    pub note_relisted: fn(u32) -> String,
    /// Started by colleagues, of all that go ahead; whether they are still planned.
    pub note_colleagues: fn(u32, u32) -> String,
    /// Of the CRM or RPA.
    pub note_robots: fn(u32) -> String,
    /// Orphans.
    pub note_orphans: fn(u32) -> String,
    /// Task rows left.
    pub note_residue: fn(u32) -> String,
    /// Personal values were erased.
    pub note_erased: &'static str,
    /// Nothing waits for a person.
    pub note_nothing: &'static str,

    // States and what they claim.
    /// In the reader's language, beside the word; empty where the word is of that language.
    pub state: fn(ActionState) -> &'static str,
    /// What a state claims.
    pub state_claim: fn(ActionState) -> &'static str,
    /// What to do about a state; none where there is nothing.
    pub state_todo: fn(ActionState) -> Option<&'static str>,
    /// In the reader's language, beside the word.
    pub row_state: fn(RowState) -> &'static str,
    /// What to do about a row.
    pub row_todo: fn(RowState) -> &'static str,
    /// Why an action is held.
    pub hold: fn(HoldReason) -> &'static str,
    /// What to do about it.
    pub hold_todo: fn(HoldReason) -> &'static str,
    /// What an action does, beside the word.
    pub kind: fn(ActionKind) -> &'static str,
    /// No action: its rows contradict each other.
    pub kind_undecided: &'static str,
    /// What an answer amounts to.
    pub answer: fn(AnswerKind) -> &'static str,
    /// Nothing came back, or it was not recorded.
    pub answer_none: &'static str,
    /// Why an action was planned again.
    pub returned: fn(Returned) -> &'static str,
    /// Why a run stopped.
    pub stop_reason: fn(StopReason) -> &'static str,
    /// How the consent was given; none for a way that is not known.
    pub consent_by: fn(&str) -> Option<&'static str>,
    /// A fixed phrase of the journal; none for one that is not known.
    pub phrase: fn(&str) -> Option<&'static str>,
    /// A field of the roster.
    pub field: fn(&str) -> &'static str,

    // Headings of sections, and what is said below them.
    /// Section.
    pub outcomes: &'static str,
    /// Section.
    pub timeline: &'static str,
    /// Below it.
    pub timeline_about: &'static str,
    /// Section.
    pub not_done: &'static str,
    /// Section.
    pub held: &'static str,
    /// Section.
    pub unmatched: &'static str,
    /// Section.
    pub colleagues: &'static str,
    /// Below it.
    pub colleagues_about: &'static str,
    /// Section.
    pub robots: &'static str,
    /// Below it.
    pub robots_about: &'static str,
    /// Section.
    pub people: &'static str,
    /// Below it.
    pub people_about: &'static str,
    /// Section.
    pub orphans: &'static str,
    /// Below it.
    pub orphans_about: &'static str,
    /// Section.
    pub residue: &'static str,
    /// Below it.
    pub residue_about: &'static str,
    /// Section.
    pub relisted: &'static str,
    /// Below it.
    pub relisted_about: &'static str,
    /// Section.
    pub unrecorded: &'static str,
    /// Its items; the first is only about kills.
    pub unrecorded_items: [&'static str; 4],
    /// Section.
    pub review: &'static str,
    /// Below it: what an approval is worth.
    pub approval_worth: &'static str,
    /// Section.
    pub who: &'static str,
    /// Section.
    pub verify: &'static str,
    /// Below it.
    pub verify_about: &'static str,
    /// Names the sections, for those who do not see them.
    pub contents: &'static str,

    // Columns and labels.
    /// Column.
    pub c_state: &'static str,
    /// Column.
    pub c_count: &'static str,
    /// Column.
    pub c_claim: &'static str,
    /// Column.
    pub c_row: &'static str,
    /// Column.
    pub c_person: &'static str,
    /// Column.
    pub c_written: &'static str,
    /// Column.
    pub c_workflows: &'static str,
    /// Column.
    pub c_became: &'static str,
    /// Column of a plan.
    pub c_becomes: &'static str,
    /// Column.
    pub c_workflow: &'static str,
    /// Column.
    pub c_others: &'static str,
    /// Column.
    pub c_attempts: &'static str,
    /// Column.
    pub c_record: &'static str,
    /// Column.
    pub c_why: &'static str,
    /// Column.
    pub c_todo: &'static str,
    /// Column.
    pub c_candidates: &'static str,
    /// Column.
    pub c_waits_for: &'static str,
    /// Column.
    pub c_started_by: &'static str,
    /// Column.
    pub c_task: &'static str,
    /// Column.
    pub c_task_rows: &'static str,
    /// Column.
    pub c_run: &'static str,
    /// Column.
    pub c_command: &'static str,
    /// Column.
    pub c_operator: &'static str,
    /// Column.
    pub c_webhook: &'static str,
    /// Column.
    pub c_version: &'static str,
    /// Column.
    pub c_started: &'static str,
    /// Column.
    pub c_ended: &'static str,
    /// Column.
    pub c_end: &'static str,
    /// Column.
    pub c_requests: &'static str,
    /// Column.
    pub c_method: &'static str,
    /// Column.
    pub c_times: &'static str,
    /// Column.
    pub c_waited: &'static str,
    /// Column.
    pub c_first: &'static str,
    /// Column.
    pub c_last: &'static str,
    /// Column.
    pub c_action: &'static str,
    /// Column.
    pub c_when: &'static str,
    /// Column.
    pub c_by_whom: &'static str,
    /// Column.
    pub c_how: &'static str,
    /// Column.
    pub c_decided: &'static str,
    /// Column: the plan that a decision was about.
    pub c_void_plan: &'static str,
    /// Column: the plan that was approved.
    pub c_plan: &'static str,
    /// Column: for which plan an approval is.
    pub c_standing: &'static str,
    /// Section of the list of all actions.
    pub plan_list: &'static str,
    /// Label.
    pub l_planned: &'static str,
    /// Label.
    pub l_confirmed: &'static str,
    /// Label.
    pub l_approved: &'static str,
    /// Label.
    pub l_closed: &'static str,
    /// Label.
    pub l_plan_hash: &'static str,
    /// Label.
    pub l_policy_hash: &'static str,
    /// Label.
    pub l_policy: &'static str,
    /// Label.
    pub l_reason: &'static str,
    /// Label.
    pub l_ticket: &'static str,
    /// Label.
    pub l_database: &'static str,
    /// Label.
    pub l_roster: &'static str,
    /// Label.
    pub l_roster_hash: &'static str,
    /// Label.
    pub l_consent: &'static str,
    /// Label.
    pub l_last_event: &'static str,
    /// Label.
    pub l_checkpoint: &'static str,
    /// Label.
    pub l_commands: &'static str,
    /// Label.
    pub l_note: &'static str,
    /// Label before who else waits.
    pub l_also_waits: &'static str,
    /// Label before who started it.
    pub l_started_by: &'static str,
    /// Label before a document.
    pub l_document: &'static str,
    /// Label before the portal's words.
    pub l_portal_said: &'static str,
    /// The portal's clock against this machine's, in milliseconds. Whole seconds count.
    pub clock_ahead: fn(i64) -> String,
    /// Caption of the table of pauses.
    pub pauses: &'static str,
    /// No pause in any run.
    pub no_pauses: &'static str,
    /// Caption of the table of decisions.
    pub decisions: &'static str,
    /// Caption of the table of approvals.
    pub approvals: &'static str,
    /// Caption of the table of runs.
    pub runs: &'static str,

    // Small sentences.
    /// `no workflow waits`.
    pub no_workflow: &'static str,
    /// Whether somebody still works here.
    pub works_here: &'static str,
    /// A starter whom the portal does not show.
    pub starter_unknown: &'static str,
    /// `rows 3 and 12`.
    pub as_rows: fn(&str) -> String,
    /// `line 4`.
    pub line: fn(u64) -> String,
    /// `user 29`, where the name is not known.
    pub user: fn(u32) -> String,
    /// `task 1016`.
    pub task: fn(u32) -> String,
    /// `event 120`.
    pub event: fn(u64) -> String,
    /// `attempt 2`.
    pub attempt: fn(u32) -> String,
    /// Nothing was sent.
    pub never_sent: &'static str,
    /// `sent TIME`.
    pub sent_at: fn(&str) -> String,
    /// `ended TIME`.
    pub ended_at: fn(&str) -> String,
    /// An end was taken back: when, and which outcome it was.
    pub reopened: fn(&str, &str) -> String,
    /// `erased on DATE`.
    pub erased_on: fn(&str) -> String,
    /// Erased, with no date.
    pub erased: &'static str,
    /// `3 workflows`.
    pub workflows: fn(u32) -> String,
    /// `3 requests`.
    pub requests: fn(u64) -> String,
    /// What a run sent: commands, requests.
    pub sent_in: fn(u32, u32) -> String,
    /// How long a run took.
    pub took: fn(&str) -> String,
    /// How long it waited, and how often.
    pub paused_for: fn(&str, u32) -> String,
    /// Nothing was sent in this run.
    pub only_read: &'static str,
    /// A run came to its end.
    pub end_in_order: &'static str,
    /// A run has no end on record.
    pub end_open: &'static str,
    /// Nobody confirmed it.
    pub unconfirmed: &'static str,
    /// Nobody approved it, and the policy asks for it.
    pub unapproved: &'static str,
    /// What was decided about workflows.
    pub decided: fn(Decision) -> &'static str,
    /// About which actions.
    pub decided_actions: fn(&str) -> String,
    /// Before the holds that were released.
    pub decided_released: &'static str,
    /// Before what is to be done.
    pub decided_do: &'static str,
    /// Before the person whom a row is about.
    pub decided_row: fn(u32) -> String,
    /// For which plan an approval is; whether the plan was confirmed.
    pub approval_standing: fn(Standing, bool) -> &'static str,
    /// What the picture of a run shows.
    pub strip_about: fn(u32, &str) -> String,
    /// Legend of that picture.
    pub strip_ended: &'static str,
    /// Legend of that picture.
    pub strip_pause: &'static str,
    /// The roster: rows, encoding.
    pub roster_read: fn(u32, &str) -> String,
    /// How a duration is told, in milliseconds.
    pub duration: fn(u64) -> String,
    /// Checkpoint: how many events it covers.
    pub checkpoint_covers: fn(u64) -> String,
    /// It covers not all of the job.
    pub checkpoint_lags: &'static str,
    /// There is none.
    pub checkpoint_none: &'static str,
    /// What to do, and what to type for it.
    pub verify_steps: [(&'static str, &'static str); 3],
    /// All times are UTC.
    pub utc: &'static str,
    /// The last line.
    pub made_by: &'static str,

    // Controls; they are only there where scripts run.
    /// The filter's label.
    pub filter: &'static str,
    /// The filter of states.
    pub filter_state: &'static str,
    /// No filter of states.
    pub filter_any: &'static str,
    /// Takes the filter away.
    pub filter_clear: &'static str,
    /// How many are shown; `{n}` and `{of}` stand for the numbers.
    pub filter_shown: &'static str,
    /// Nothing fits.
    pub filter_none: &'static str,
    /// Opens all.
    pub open_all: &'static str,
    /// Closes all.
    pub close_all: &'static str,
    /// Behind a folded text: how many characters more.
    pub fold_more: fn(usize) -> String,
    /// Goes to the people without passing the rest.
    pub skip: &'static str,
    /// How a header says that it sorts.
    pub sort_hint: &'static str,
}

impl Words {
    /// A number with its groups of three digits apart.
    pub fn number(&self, number: impl Into<u64>) -> String {
        grouped(number.into(), self.thousands)
    }

    /// A fixed phrase of the journal, in this language where it is known.
    pub fn phrase_of<'a>(&self, phrase: &'a str) -> &'a str {
        // Journals of later versions may hold phrases that are not known here.
        (self.phrase)(phrase).unwrap_or(phrase)
    }
}

/// `12345` as `12 345`.
fn grouped(number: u64, separator: char) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(separator);
        }
        grouped.push(digit);
    }
    grouped
}

/// A duration in its two largest units.
fn duration(ms: u64, [hour, minute, second]: [&str; 3]) -> String {
    let seconds = ms / 1000;
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) if seconds < 10 => {
            let point = if second == "s" { "." } else { "," };
            format!("{seconds}{point}{} {second}", ms % 1000 / 100)
        }
        (0, 0) => format!("{rest} {second}"),
        (0, _) => format!("{minutes} {minute} {rest} {second}"),
        _ => format!("{hours} {hour} {minutes} {minute}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fall_into_groups_of_three() {
        assert_eq!(grouped(7, ','), "7");
        assert_eq!(grouped(1234, ','), "1,234");
        assert_eq!(grouped(50_000_000, ' '), "50 000 000");
    }

    #[test]
    fn a_duration_has_its_two_largest_units() {
        let units = ["h", "min", "s"];
        assert_eq!(duration(2_345, units), "2.3 s");
        assert_eq!(duration(62_000, units), "1 min 2 s");
        assert_eq!(duration(3_725_000, units), "1 h 2 min");
    }

    /// Where the journal's fixed phrases are written, so that one which changes there is noticed here.
    const SOURCES: &[&str] = &[
        include_str!("../../plan/resolve.rs"),
        include_str!("../../run/recheck.rs"),
        include_str!("../../portal/connection.rs"),
    ];

    /// What stands in quotes where phrases are made.
    fn phrases() -> Vec<&'static str> {
        let makes = |line: &str| {
            ["answer(", "Some(\"", "disagrees with", "Verdict::Changed(\"", "=> \""]
                .iter()
                .any(|mark| line.contains(mark))
        };
        let code = SOURCES.iter().flat_map(|source| {
            let code = source.split("#[cfg(test)]").next().unwrap_or_default();
            code.lines().filter(|line| makes(line))
        });
        let quoted = code.filter_map(|line| line.split('"').nth(1));
        quoted
            .filter(|text| text.contains(' ') && !text.contains('{'))
            .collect()
    }

    #[test]
    fn every_fixed_phrase_of_the_journal_has_its_russian() {
        let phrases = phrases();
        assert!(phrases.len() >= 20, "{phrases:?}");
        for phrase in phrases {
            assert!((ru::WORDS.phrase)(phrase).is_some(), "{phrase}");
        }
    }
}
