//! What the screen says, one file a language.
//!
//! [`Words`] is a struct, so a text that a language lacks does not compile. States, outcomes and reasons keep their words in every
//! language, as in the reports, whose explanations of them are shared; so do commands, flags and names of files. What programs read is
//! English whatever the language: a [`Said`] has the text in all of them.

mod en;
mod ru;

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::domain::{ActionId, ActionState, HoldReason, JobId, Portal, RowNumber, RowState, StopReason, UserId};
use crate::journal::JournalError;
use crate::journal::head::HeadError;
use crate::journal::key::KeyError;
use crate::lock::LockError;
use crate::plan::caps::Over;
use crate::plan::decide::WishError;
use crate::plan::intake::ActionMissing;
use crate::plan::policy::{PolicyError, Rule, Unevaluable};
use crate::portal::{Method, PortalError, WaitReason, WebhookError};
pub(crate) use crate::report::language::Language;
use crate::report::language::Words as ReportWords;
use crate::report::status::JobState;
use crate::roster::{Detected, RosterError, Warning};
use crate::run::Lull;

/// The words of the screen in a language.
pub(crate) const fn words(language: Language) -> &'static Words {
    match language {
        Language::English => &en::WORDS,
        Language::Russian => &ru::WORDS,
    }
}

/// A text for people in every language. Programs get the English one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Said {
    english: String,
    russian: String,
}

/// Says something in every language.
pub(crate) fn said<T: Into<String>>(word: impl Fn(&'static Words) -> T) -> Said {
    Said {
        english: word(&en::WORDS).into(),
        russian: word(&ru::WORDS).into(),
    }
}

impl Said {
    /// For people.
    pub(crate) fn of(&self, language: Language) -> &str {
        match language {
            Language::English => &self.english,
            Language::Russian => &self.russian,
        }
    }

    /// For programs.
    pub(crate) fn english(&self) -> &str {
        &self.english
    }

    /// With something before it that is the same in every language.
    pub(crate) fn behind(&self, before: &str) -> Self {
        Self {
            english: format!("{before}{}", self.english),
            russian: format!("{before}{}", self.russian),
        }
    }
}

/// The same in every language: a command, or what stays English.
impl From<String> for Said {
    fn from(text: String) -> Self {
        Self {
            english: text.clone(),
            russian: text,
        }
    }
}

impl From<&str> for Said {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// What the first line about a job tells.
pub(crate) struct Headline<'a> {
    pub(crate) job: JobId,
    pub(crate) portal: &'a str,
    /// The state with its explanation, and why the last run stopped.
    pub(crate) state: &'a str,
    /// The beginning of the plan's hash.
    pub(crate) plan: &'a str,
    pub(crate) rows: u32,
    pub(crate) actions: u32,
    /// The actions by state.
    pub(crate) states: &'a str,
}

/// The part of a confirmation that is another plan's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    Portal,
    Count,
    Hash,
}

/// Why a user cannot be given to a row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unfit {
    NotShown,
    WorksHere,
    Owner,
    Protected(Rule),
    Unknown(Rule),
}

/// Actions that were selected for release and stay held, and why.
pub(crate) type Stays = [(ActionId, Vec<HoldReason>)];

/// All texts of a language.
pub(crate) struct Words {
    /// Those of the reports, which the screen shares.
    pub(crate) report: &'static ReportWords,

    // Everywhere.
    /// What to type next.
    pub(crate) next: fn(&str) -> String,
    /// Between the last two of several.
    pub(crate) and: &'static str,
    /// Beside the state of a job; empty where the word is of this language.
    pub(crate) job_state: fn(JobState) -> &'static str,
    /// Why a run stopped, beside that.
    pub(crate) stopped_by: fn(StopReason) -> String,
    pub(crate) database: fn(&Path) -> String,
    /// A failure that stops nothing: what happened, what to do.
    pub(crate) to_do: fn(&str, &str) -> String,
    /// No job of this number, or none at all.
    pub(crate) no_job: fn(Option<JobId>) -> String,
    pub(crate) no_job_next: &'static str,
    pub(crate) no_language: fn(&str) -> String,
    pub(crate) no_language_next: &'static str,

    // A job and its plan.
    pub(crate) headline: fn(&Headline<'_>) -> String,
    pub(crate) status_rows: fn(&str) -> String,
    /// Orphans and requests.
    pub(crate) status_counts: fn(u32, u64) -> String,
    /// Planned actions, of all, on which portal.
    pub(crate) warning: fn(u32, u32, &str) -> String,
    pub(crate) carry_out: fn(JobId, &str) -> String,
    pub(crate) nothing_planned: &'static str,
    pub(crate) held_first: &'static str,
    pub(crate) kill_erases: &'static str,
    pub(crate) orphans_about: &'static str,
    /// How many lines a list leaves out.
    pub(crate) more_lines: fn(usize, JobId) -> String,
    /// Planned actions that deserve a look, of all that are planned.
    pub(crate) first_shared: fn(u32, u32) -> String,
    pub(crate) first_colleagues: fn(u32, u32) -> String,
    pub(crate) first_robots: fn(u32, u32) -> String,
    pub(crate) c_orphans: [&'static str; 4],
    pub(crate) c_people: [&'static str; 5],
    pub(crate) c_workflows: [&'static str; 8],
    pub(crate) c_holds: [&'static str; 5],
    pub(crate) c_jobs: [&'static str; 8],
    pub(crate) one_of: fn(&str) -> String,
    /// Who also waits.
    pub(crate) why_shared: fn(&str) -> String,
    /// Whose rows.
    pub(crate) why_conflict: fn(&str) -> String,
    pub(crate) why_other_job: &'static str,
    pub(crate) why_protected: &'static str,
    pub(crate) why_dropped: &'static str,
    /// Who started it.
    pub(crate) why_foreign: fn(&str) -> String,
    pub(crate) starter_unknown: &'static str,

    // A run.
    /// What a state means, shortly.
    pub(crate) meaning: fn(ActionState) -> &'static str,
    pub(crate) action_said: fn(ActionId, &str) -> String,
    pub(crate) residue: fn(u32) -> String,
    pub(crate) relisted: fn(u32) -> String,
    pub(crate) next_breaker: fn(JobId) -> String,
    /// A finished job with held actions.
    pub(crate) next_held: fn(JobId) -> String,
    /// A watch with nothing to watch.
    pub(crate) watched_nobody: fn(JobId) -> String,
    /// Who a row is about, since somebody said so.
    pub(crate) row_is_now: fn(RowNumber, &str, UserId) -> String,
    /// What can be decided about a plan.
    pub(crate) how_to_decide: fn(JobId) -> String,
    pub(crate) next_read_back: fn(JobId) -> String,
    /// The states that can be tried once more.
    pub(crate) next_retry: fn(JobId, &str) -> String,
    pub(crate) people_read: &'static str,
    /// Failed and held.
    pub(crate) actions_settled: fn(u32, u32) -> String,
    /// How many a second, and how many seconds are left.
    pub(crate) pace: fn(f64, f64) -> String,
    /// How long, until when, and why.
    pub(crate) waiting: fn(Duration, &str, &str) -> String,
    pub(crate) wait_reason: fn(WaitReason, Option<Method>) -> String,
    pub(crate) lull: fn(Lull) -> String,
    pub(crate) stopping: &'static str,
    pub(crate) stopped_before: &'static str,
    pub(crate) stopped_planning: &'static str,
    pub(crate) receipt: fn(Option<&Path>) -> String,
    pub(crate) receipt_unwritten: fn(&Path, &io::Error) -> String,
    /// The key file, and the public key.
    pub(crate) signed_from_here: fn(&Path, &str) -> String,
    pub(crate) head_missing: &'static str,
    pub(crate) log_stays: fn(&JournalError) -> String,
    pub(crate) stop_asked: fn(JobId) -> String,
    pub(crate) stop_nothing: fn(JobId) -> String,
    pub(crate) stop_other: fn(JobId, JobId) -> String,
    pub(crate) stop_unmade: fn(&io::Error) -> String,
    pub(crate) stop_stuck: fn(&io::Error) -> String,
    pub(crate) stop_stuck_next: fn(&Path) -> String,
    pub(crate) signals_unheard: fn(&io::Error) -> String,
    /// A folder that cannot be made.
    pub(crate) unmade: fn(&Path, &io::Error) -> String,
    pub(crate) locks_unmade: fn(&io::Error) -> String,
    pub(crate) where_to_write: &'static str,
    /// By how many seconds the portal's clock is ahead.
    pub(crate) clocks_differ: fn(u64, bool) -> String,

    // The roster and the policy.
    pub(crate) detected: fn(&Detected) -> String,
    pub(crate) roster_warning: fn(&Warning) -> String,
    pub(crate) roster_unreadable: fn(&Path, &io::Error) -> String,
    pub(crate) roster_unreadable_next: &'static str,
    pub(crate) roster_unusable: fn(&[RosterError]) -> String,
    pub(crate) roster_unusable_next: &'static str,
    pub(crate) action_missing: fn(&ActionMissing) -> String,
    pub(crate) action_missing_next: &'static str,
    pub(crate) policy_unreadable: fn(&Path, &io::Error) -> String,
    pub(crate) policy_unreadable_next: &'static str,
    pub(crate) policy_unusable: fn(&Path, &PolicyError) -> String,
    pub(crate) policy_unusable_next: &'static str,
    pub(crate) unevaluable: fn(&Unevaluable) -> String,
    pub(crate) unevaluable_next: fn(Rule) -> String,
    /// Flags that the policy requires.
    pub(crate) required: fn(&str) -> String,
    pub(crate) required_next: fn(&str) -> String,

    // Consent.
    pub(crate) plan_unfinished: fn(JobId) -> String,
    pub(crate) plan_used: fn(JobId) -> String,
    pub(crate) plan_too_old: fn(JobId) -> String,
    pub(crate) plan_again: &'static str,
    pub(crate) taken: fn(JobId) -> String,
    pub(crate) taken_next: fn(JobId) -> String,
    pub(crate) over_cap: fn(JobId, &[Over]) -> String,
    /// The flags to pass.
    pub(crate) over_cap_next: fn(JobId, &str) -> String,
    pub(crate) not_approved: fn(JobId) -> String,
    pub(crate) not_approved_next: fn(JobId) -> String,
    pub(crate) other_portal: fn(JobId, &Portal, &Portal) -> String,
    pub(crate) other_portal_next: &'static str,
    pub(crate) mismatch: fn(Part) -> String,
    pub(crate) mismatch_next: fn(JobId, &str) -> String,
    pub(crate) no_terminal: &'static str,
    pub(crate) ask_portal: &'static str,
    pub(crate) ask_count: &'static str,
    pub(crate) wrong_answer: &'static str,
    /// Planned, and allowed by `--max-actions`.
    pub(crate) over_max: fn(u32, u32) -> String,
    pub(crate) over_max_next: fn(JobId) -> String,

    // Resuming, deciding, approving.
    /// The states that were named.
    pub(crate) nothing_to_retry: fn(JobId, &[&str]) -> String,
    pub(crate) row_erased: fn(JobId, RowNumber) -> String,
    pub(crate) row_erased_next: &'static str,
    pub(crate) never_confirmed: fn(JobId) -> String,
    pub(crate) email_erased: fn(JobId) -> String,
    pub(crate) email_erased_next: &'static str,
    pub(crate) undecidable_yet: fn(JobId) -> String,
    pub(crate) undecidable_any_more: fn(JobId) -> String,
    pub(crate) undecidable_next: &'static str,
    pub(crate) wish: fn(&WishError) -> String,
    pub(crate) decided: fn(usize) -> String,
    pub(crate) nothing_decided: &'static str,
    /// What stays held, why, when nothing was decided.
    pub(crate) nothing_released: fn(&Stays) -> String,
    pub(crate) stays_held: fn(&Stays) -> String,
    pub(crate) no_row: fn(JobId, RowNumber) -> String,
    pub(crate) row_not_open: fn(RowNumber, Option<RowState>) -> String,
    pub(crate) unfit: fn(UserId, Unfit) -> String,
    pub(crate) unfit_next: fn(Unfit) -> &'static str,
    /// The row that is about the same user.
    pub(crate) other_row: fn(RowNumber, UserId) -> String,
    pub(crate) other_row_next: &'static str,
    pub(crate) nothing_to_approve: fn(JobId) -> String,
    pub(crate) own_plan: fn(&str) -> String,
    pub(crate) own_plan_next: fn(JobId) -> String,
    /// By whom, and what to confirm.
    pub(crate) approved: fn(&str, JobId, &str) -> String,

    // Settings.
    pub(crate) no_home: &'static str,
    pub(crate) no_home_next: &'static str,
    pub(crate) database_is_address: &'static str,
    pub(crate) database_is_address_next: &'static str,
    pub(crate) no_webhook: &'static str,
    pub(crate) no_webhook_next: &'static str,
    pub(crate) webhook_unreadable: fn(&io::Error) -> String,
    pub(crate) webhook_unreadable_next: &'static str,
    pub(crate) webhook_wrong: fn(WebhookError) -> String,
    pub(crate) webhook_wrong_next: &'static str,
    pub(crate) webhook_public: fn(&Path) -> String,
    /// The webhook's origin, where it leads; the portal's name, its origin, where it is.
    pub(crate) webhook_elsewhere: fn([&str; 5]) -> String,
    pub(crate) webhook_elsewhere_next: &'static str,
    /// A time of day that the clocks pass over.
    pub(crate) time_skipped: fn(&str) -> String,
    pub(crate) time_skipped_next: &'static str,

    // Errors of what the commands use.
    pub(crate) portal_error: fn(&PortalError) -> String,
    pub(crate) portal_next: fn(&PortalError) -> &'static str,
    pub(crate) journal_error: fn(&JournalError) -> String,
    pub(crate) journal_next: fn(&JournalError) -> String,
    pub(crate) key_error: fn(&KeyError) -> String,
    pub(crate) key_next: fn(&KeyError) -> String,
    pub(crate) head_error: fn(&HeadError) -> String,
    pub(crate) head_next: fn(&HeadError) -> String,
    pub(crate) lock_error: fn(&LockError) -> String,
    pub(crate) lock_next: fn(&LockError) -> &'static str,

    // What is looked at before a job.
    /// Beside `ok`, `warning` and `failure`.
    pub(crate) check_state: fn(&str) -> &'static str,
    pub(crate) check_to_do: &'static str,
    /// How many, and which.
    pub(crate) check_failures: fn(usize, &str) -> String,
    pub(crate) no_policy: &'static str,
    pub(crate) policy_usable: fn(&Path) -> String,
    pub(crate) folder_unwritable: fn(&Path) -> String,
    pub(crate) folder_to_be_made: fn(&Path) -> String,
    pub(crate) folder_open: fn(&Path) -> String,
    pub(crate) folder_shown: fn(&Path) -> String,
    pub(crate) folder_private: fn(&Path) -> String,
    /// Free megabytes.
    pub(crate) room: fn(u64, &Path) -> String,
    pub(crate) room_next: &'static str,
    pub(crate) database_to_be_made: fn(&Path) -> String,
    pub(crate) database_with: fn(&Path, usize) -> String,
    pub(crate) key_there: fn(&Path) -> String,
    pub(crate) key_to_be_made: fn(&Path) -> String,
    pub(crate) encrypted: &'static str,
    pub(crate) not_encrypted: &'static str,
    /// When the certificate ends, and in how many days.
    pub(crate) certificate_ends: fn(&str, u64) -> String,
    pub(crate) certificate_next: &'static str,
    pub(crate) head_agrees: &'static str,
    pub(crate) head_unsigned: &'static str,
    pub(crate) head_not_here: &'static str,
    pub(crate) head_not_here_next: &'static str,
    pub(crate) portal_answers: fn(&Portal) -> String,
    pub(crate) owner: fn(UserId) -> String,
    pub(crate) no_other_run: &'static str,
    pub(crate) other_run: fn(&str, &Portal) -> String,
    pub(crate) other_run_next: &'static str,
    pub(crate) has_workflows: &'static str,
    pub(crate) administrator: fn(UserId) -> String,
    pub(crate) no_emails: fn(&str) -> String,
    pub(crate) no_emails_next: &'static str,
    pub(crate) clocks_agree: &'static str,
    pub(crate) clocks_next: &'static str,
    pub(crate) requests_unlimited: &'static str,
    pub(crate) requests_none: &'static str,
    pub(crate) requests_none_next: &'static str,
    pub(crate) requests: fn(u32) -> String,

    // Handing over, and the demonstration.
    pub(crate) written: fn(&str) -> String,
    pub(crate) file_exists: fn(&Path) -> String,
    pub(crate) file_exists_next: fn(&Path) -> String,
    pub(crate) file_unwritable: fn(&Path, &io::Error) -> String,
    pub(crate) file_unwritable_next: &'static str,
    pub(crate) demo_listens: fn(&str) -> String,
    pub(crate) demo_plan: &'static str,
    pub(crate) demo_confirmed: fn(&str) -> String,
    /// Workflows destroyed, and requests.
    pub(crate) demo_end: fn(usize, usize) -> String,
}

impl Words {
    /// The state of an action.
    pub(crate) fn action(&self, state: ActionState) -> String {
        beside(state.as_str(), (self.report.state)(state))
    }

    /// The state of a row.
    pub(crate) fn row(&self, state: RowState) -> String {
        beside(state.as_str(), (self.report.row_state)(state))
    }

    /// The state of a job, and why its last run stopped.
    pub(crate) fn job(&self, state: JobState, stopped: Option<StopReason>) -> String {
        let state = beside(state.as_str(), (self.job_state)(state));
        let stopped = stopped.map(|reason| format!(" ({})", (self.stopped_by)(reason)));
        state + &stopped.unwrap_or_default()
    }
}

/// `planned`, or where the reader's language is another one, `planned (…)`.
pub(crate) fn beside(word: &str, own: &str) -> String {
    if own.is_empty() {
        word.to_owned()
    } else {
        format!("{word} ({own})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn russian_words_take_the_form_that_their_number_asks_for() {
        let told = |rows, actions| {
            (words(Language::Russian).headline)(&Headline {
                job: JobId(1),
                portal: "acme.bitrix24.ru",
                state: "planned",
                plan: "7f3a91c2",
                rows,
                actions,
                states: "–",
            })
        };
        for (rows, actions, counted) in [
            (1, 2, "1 строка, 2 действия"),
            (4, 5, "4 строки, 5 действий"),
            (11, 14, "11 строк, 14 действий"),
            (21, 111, "21 строка, 111 действий"),
            (22, 101, "22 строки, 101 действие"),
            (0, 1012, "0 строк, 1\u{a0}012 действий"),
        ] {
            assert!(
                told(rows, actions).contains(counted),
                "{counted}: {}",
                told(rows, actions)
            );
        }
        let warned = |planned| (words(Language::Russian).warning)(planned, 214, "acme.bitrix24.ru");
        for (planned, counted) in [
            (1, "будет выполнено 1 действие"),
            (3, "будут выполнены 3 действия"),
            (12, "будет выполнено 12 действий"),
        ] {
            assert!(warned(planned).contains(counted), "{}", warned(planned));
        }
    }

    #[test]
    fn every_error_of_the_portal_says_in_both_languages_what_to_do_and_shares_its_codes() {
        let asked = "the question for user 29".to_owned();
        for error in [
            PortalError::Auth {
                code: "NO_AUTH_FOUND".to_owned(),
            },
            PortalError::Scope {
                missing: "bizproc".to_owned(),
            },
            PortalError::Temporary {
                asked,
                reason: WaitReason::NoAnswer,
                attempts: 8,
            },
            PortalError::Overload,
        ] {
            let told = said(|words| (words.portal_error)(&error));
            assert_eq!(told.english(), error.to_string());
            assert!(
                told.of(Language::Russian)
                    .chars()
                    .any(|letter| ('а'..='я').contains(&letter))
            );
            for code in ["NO_AUTH_FOUND", "bizproc", "OVERLOAD_LIMIT", "user 29"] {
                let [english, russian] =
                    [Language::English, Language::Russian].map(|language| told.of(language).contains(code));
                assert_eq!(english, russian, "{code}");
            }
        }
    }
}
