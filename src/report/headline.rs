//! How a job stands, in one sentence and a few more. What is not done is said first, whatever else there is to say.

use super::job::Report;
use super::language::Words;
use super::status::JobState;
use crate::domain::{ActionState, Outcome};

/// Something to know before all else, and the section that tells more.
pub struct Note {
    /// The sentence.
    pub text: String,
    /// The section's name, where there is one.
    pub section: Option<&'static str>,
}

/// Workflows that are gone, whoever ended them.
const GONE: [Outcome; 4] = [
    Outcome::Confirmed,
    Outcome::Presumed,
    Outcome::AlreadyGone,
    Outcome::Unattributed,
];

/// Actions whose workflow is gone.
pub fn gone(report: &Report) -> u32 {
    GONE.iter()
        .map(|outcome| report.status.count(ActionState::Ended(*outcome)))
        .sum()
}

/// The headline.
pub fn headline(report: &Report, words: &Words) -> String {
    let status = &report.status;
    let total = status.actions["total"];
    if report.record.frozen_at.is_none() {
        return words.headline_planning.to_owned();
    }
    if total == 0 {
        return words.headline_empty.to_owned();
    }
    if report.is_planned() {
        return (words.headline_planned)(status.count(ActionState::Planned), total);
    }
    let (in_doubt, gone) = (status.in_doubt, gone(report));
    let not_ended = total - in_doubt - gone;
    let mut clauses = Vec::new();
    if in_doubt > 0 {
        clauses.push((words.clause_in_doubt)(in_doubt, total));
    }
    if not_ended > 0 {
        clauses.push((words.clause_not_ended)(not_ended, total, !clauses.is_empty()));
    }
    if gone > 0 {
        clauses.push((words.clause_gone)(gone, total, !clauses.is_empty()));
    }
    format!("{}.", clauses.join("; "))
}

/// What to know first, the most urgent at the top.
pub fn notes(report: &Report, words: &Words) -> Vec<Note> {
    let status = &report.status;
    let ended = |outcome| status.count(ActionState::Ended(outcome));
    let mut notes = Vec::new();
    let mut note = |number: u32, section: Option<&'static str>, text: &dyn Fn(u32) -> String| {
        if number > 0 {
            notes.push(Note {
                text: text(number),
                section,
            });
        }
    };
    let ready = status.is_confirmed() && status.state != JobState::Complete;
    let going_ahead = status.actions["total"] - status.count(ActionState::Held);
    let counted = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let robots = report.actions.iter().filter(|action| action.may_run_robots()).count();
    for run in &report.open_runs {
        note(run.0, Some("timeline"), &words.note_open_run);
    }
    if let Some(reason) = status.stop_reason {
        note(1, Some("timeline"), &|_| (words.note_stopped)(reason));
    }
    note(status.in_doubt, Some("not-done"), &words.note_in_doubt);
    note(status.relisted, Some("relisted"), &words.note_relisted);
    note(
        ended(Outcome::Failed) + ended(Outcome::Survived),
        Some("not-done"),
        &words.note_not_ended,
    );
    note(ended(Outcome::Drifted), Some("not-done"), &words.note_drifted);
    if ready {
        note(
            status.count(ActionState::Planned),
            Some("not-done"),
            &words.note_not_begun,
        );
    }
    note(u32::from(report.review.is_missing()), Some("review"), &|_| {
        words.note_unapproved.to_owned()
    });
    note(status.count(ActionState::Held), Some("held"), &words.note_held);
    note(status.rows_open(), Some("unmatched"), &|rows| {
        (words.note_unmatched)(rows, status.rows["total"])
    });
    note(status.started_by_colleagues, Some("colleagues"), &|number| {
        (words.note_colleagues)(number, going_ahead)
    });
    note(counted(robots), Some("robots"), &words.note_robots);
    note(counted(report.orphans.len()), Some("orphans"), &words.note_orphans);
    note(status.residue, Some("residue"), &words.note_residue);
    note(u32::from(report.is_partly_erased()), None, &|_| {
        words.note_erased.to_owned()
    });
    if notes.is_empty() {
        notes.push(Note {
            text: words.note_nothing.to_owned(),
            section: None,
        });
    }
    notes
}
