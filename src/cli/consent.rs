//! Consent: a person confirms portal, count and hash, or a cap that was given beforehand.

use chrono::{DateTime, TimeDelta, Utc};

use super::approve;
use super::failure::Failure;
use super::language::{Part, said};
use super::show;
use super::terminal::Terminal;
use crate::domain::{ActionState, HoldReason, JobId, Portal};
use crate::exit::Exit;
use crate::journal::{JobRecord, JournalError, View};
use crate::plan::PLAN_AGE_MAX;
use crate::plan::caps::{Cap, Load};
use crate::plan::decide::Decisions;
use crate::plan::policy::Policy;
use crate::report::status::JobStatus;

/// How far a clock may be set back without a plan looking as if it came from the future.
const CLOCK_OFF_MAX: TimeDelta = TimeDelta::hours(1);

/// A consent, as it is recorded.
pub(crate) struct Consent {
    /// `PORTAL:COUNT:HASH8`.
    pub(crate) confirm: String,
    /// How it was given.
    pub(crate) by: &'static str,
}

/// Refuses a plan that must not be carried out, before any request.
pub(crate) fn check_usable(
    view: View<'_>,
    record: &JobRecord,
    portal: &Portal,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    check_portal(record, portal)?;
    let job = record.job;
    if record.frozen_at.is_none() {
        return Err(
            Failure::refused(said(|words| (words.plan_unfinished)(job))).next(format!("offboard24 resume {job}"))
        );
    }
    if record.confirmed_at.is_some() {
        let next = if record.closed_at.is_some() { "show" } else { "resume" };
        return Err(Failure::refused(said(|words| (words.plan_used)(job))).next(format!("offboard24 {next} {job}")));
    }
    if is_too_old(record, now) {
        return Err(too_old(job));
    }
    let decisions: Decisions = view.decisions(job)?.iter().collect();
    let taken = view.taken(portal, job, now - PLAN_AGE_MAX)?;
    let mut kept = taken
        .iter()
        .filter(|(workflow, _)| !decisions.releases(workflow, HoldReason::OtherJob));
    if let Some((_, other)) = kept.next() {
        let other = *other;
        return Err(Failure::refused(said(|words| (words.taken)(other))).next(said(|words| (words.taken_next)(other))));
    }
    check_caps(view, record)
}

/// The policy of a job, as recorded.
pub(crate) fn policy(view: View<'_>, job: JobId) -> Result<Policy, Failure> {
    let text = view.policy(job)?.unwrap_or_else(|| "{}".to_owned());
    Ok(
        Policy::from_record(&text, view.policy_emails(job)?.into_iter().flatten().collect())
            .map_err(JournalError::from)?,
    )
}

/// Refuses a plan that would do more than the policy allows: all of it, not a portion.
pub(crate) fn check_caps(view: View<'_>, record: &JobRecord) -> Result<(), Failure> {
    let job = record.job;
    let planned = view.action_counts(job)?.get(&ActionState::Planned).copied();
    let load = Load::of(
        view.actions_asked(job)?.len(),
        planned.unwrap_or_default(),
        &view.planned_of_people(job)?,
        view.running_workflows(job)?,
    );
    let over = policy(view, job)?.caps.exceeded(&load);
    if over.is_empty() {
        return Ok(());
    }
    let flags: Vec<String> = over
        .iter()
        .map(|over| format!("{} {}", flag(over.cap), over.found))
        .collect();
    let flags = flags.join(" ");
    Err(
        Failure::new("over-cap", Exit::Refused, said(|words| (words.over_cap)(job, &over)))
            .next(said(|words| (words.over_cap_next)(job, &flags))),
    )
}

/// Refuses a plan that a second person has to approve, and nobody has.
pub(crate) fn check_approved(view: View<'_>, record: &JobRecord) -> Result<(), Failure> {
    let job = record.job;
    let planned = view
        .action_counts(job)?
        .get(&ActionState::Planned)
        .copied()
        .unwrap_or_default();
    if !policy(view, job)?.approval.is_needed(planned) || approve::by_somebody_else(view, record)? {
        return Ok(());
    }
    Err(
        Failure::new("not-approved", Exit::Refused, said(|words| (words.not_approved)(job)))
            .next(said(|words| (words.not_approved_next)(job))),
    )
}

fn flag(cap: Cap) -> &'static str {
    match cap {
        Cap::People => "--max-people",
        Cap::Actions => "--max-actions",
        Cap::ActionsPerPerson(_) => "--max-actions-per-person",
        Cap::PercentOfRunning => "--max-percent",
    }
}

/// A job belongs to its portal.
pub(crate) fn check_portal(record: &JobRecord, portal: &Portal) -> Result<(), Failure> {
    if record.portal == *portal {
        return Ok(());
    }
    Err(
        Failure::refused(said(|words| (words.other_portal)(record.job, &record.portal, portal)))
            .next(said(|words| words.other_portal_next)),
    )
}

/// Whether a plan is older than seven days, or from a clock that has since been set back by more than it may be off. A plan that was
/// frozen anew after a decision is as old as what was read for it.
pub(crate) fn is_too_old(record: &JobRecord, now: DateTime<Utc>) -> bool {
    let times = [record.snapshot_at.as_deref(), record.frozen_at.as_deref()];
    times
        .into_iter()
        .flatten()
        .filter_map(|at| DateTime::parse_from_rfc3339(at).ok())
        .any(|at| {
            let age = now - at.to_utc();
            age > PLAN_AGE_MAX || age < -CLOCK_OFF_MAX
        })
}

/// The refusal of such a plan.
pub(crate) fn too_old(job: JobId) -> Failure {
    Failure::refused(said(|words| (words.plan_too_old)(job))).next(said(|words| words.plan_again))
}

/// Takes the consent of a person: `--confirm`, or an answer on the terminal.
pub(crate) fn of_person(
    terminal: &Terminal,
    status: &JobStatus,
    plan: impl FnOnce() -> Result<String, Failure>,
    given: Option<&str>,
    command: &str,
) -> Result<Consent, Failure> {
    let expected = status.confirm.clone().unwrap_or_default();
    if let Some(given) = given {
        return match mismatch(&expected, given) {
            None => Ok(Consent {
                confirm: expected,
                by: "--confirm",
            }),
            Some(part) => Err(Failure::refused(said(|words| (words.mismatch)(part)))
                .next(said(|words| (words.mismatch_next)(status.job, &expected)))),
        };
    }
    if !terminal.can_ask() {
        return Err(Failure::refused(said(|words| words.no_terminal))
            .next(format!("offboard24 {command} {} --confirm {expected}", status.job)));
    }
    Terminal::tell(&plan()?);
    let words = terminal.words();
    Terminal::tell(&show::warning(words, status));
    let planned = status.count(ActionState::Planned).to_string();
    let portal = Terminal::ask(words.ask_portal);
    let counted = (portal.as_deref() == Some(status.portal.as_str()))
        .then(|| Terminal::ask(words.ask_count))
        .flatten();
    if counted.as_deref() == Some(planned.as_str()) {
        return Ok(Consent {
            confirm: expected,
            by: "terminal",
        });
    }
    Err(Failure::refused(said(|words| words.wrong_answer)).next(format!("offboard24 {command} {}", status.job)))
}

/// Consent given beforehand as a cap. Over the cap nothing is done, not a portion.
pub(crate) fn of_cap(status: &JobStatus, actions_max: u32) -> Result<Consent, Failure> {
    let planned = status.count(ActionState::Planned);
    if planned > actions_max {
        return Err(Failure::refused(said(|words| (words.over_max)(planned, actions_max)))
            .next(said(|words| (words.over_max_next)(status.job))));
    }
    Ok(Consent {
        confirm: status.confirm.clone().unwrap_or_default(),
        by: "--max-actions",
    })
}

/// The part that differs, read from the right, since the portal's part may hold colons.
fn mismatch(expected: &str, given: &str) -> Option<Part> {
    let parts = |text: &str| {
        let mut parts = text.trim().rsplitn(3, ':').map(str::to_owned);
        (parts.next(), parts.next(), parts.next())
    };
    let (expected, given) = (parts(expected), parts(given));
    if expected.2 != given.2 {
        Some(Part::Portal)
    } else if expected.1 != given.1 {
        Some(Part::Count)
    } else if expected.0 != given.0 {
        Some(Part::Hash)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confirmation_is_read_from_the_right() {
        let expected = "[::1]:8443:214:7f3a91c2";
        assert_eq!(mismatch(expected, " [::1]:8443:214:7f3a91c2 "), None);
        assert_eq!(mismatch(expected, "[::1]:8444:214:7f3a91c2"), Some(Part::Portal));
        assert_eq!(mismatch(expected, "[::1]:8443:213:7f3a91c2"), Some(Part::Count));
        assert_eq!(mismatch(expected, "[::1]:8443:214:7f3a91c3"), Some(Part::Hash));
        assert_eq!(mismatch(expected, "214:7f3a91c2"), Some(Part::Portal));
        assert_eq!(mismatch(expected, ""), Some(Part::Portal));
    }
}
