//! The text that `terminate` leaves on a workflow's state, for whoever finds it in the portal.
//!
//! Pure.

use crate::domain::JobId;
use crate::personal::Personal;

/// The portal keeps this many characters of a state's title.
const CHARACTERS_MAX: usize = 255;

/// Names the job and its plan, and says what the operator said: first the ticket, which is short, then the reason as far as there is room.
pub(crate) fn text(job: JobId, plan: &str, ticket: Option<&Personal>, reason: Option<&Personal>) -> String {
    let said = |before: &str, text: Option<&Personal>| {
        text.map(|text| format!("{before}{}", text.expose()))
            .unwrap_or_default()
    };
    let whole = format!(
        "Ended by offboard24, job {job}, plan {plan}{}{}",
        said(", ticket ", ticket),
        said(": ", reason)
    );
    fitted(&whole)
}

/// As much as the portal keeps. Characters of more than three bytes are left out: where its database has no room for them, it would refuse
/// the whole command.
fn fitted(text: &str) -> String {
    let kept: String = text.chars().filter(|character| character.len_utf8() < 4).collect();
    if kept.chars().count() <= CHARACTERS_MAX {
        return kept;
    }
    let mut short: String = kept.chars().take(CHARACTERS_MAX - 1).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(ticket: Option<&str>, reason: Option<&str>) -> String {
        let [ticket, reason] = [ticket, reason].map(|text| text.map(Personal::new));
        text(JobId(3), "7f3a91c2", ticket.as_ref(), reason.as_ref())
    }

    #[test]
    fn what_was_said_is_behind_the_job_and_only_then() {
        assert_eq!(said(None, None), "Ended by offboard24, job 3, plan 7f3a91c2");
        assert_eq!(
            said(Some("HR-12"), Some("layoff in May")),
            "Ended by offboard24, job 3, plan 7f3a91c2, ticket HR-12: layoff in May"
        );
        assert_eq!(
            said(None, Some("уход")),
            "Ended by offboard24, job 3, plan 7f3a91c2: уход"
        );
    }

    #[test]
    fn the_portal_gets_no_more_than_it_keeps() {
        let long = said(Some("HR-12"), Some(&"ё".repeat(500)));
        assert_eq!(long.chars().count(), 255);
        assert!(long.contains("HR-12") && long.ends_with("ё…"), "{long}");
        assert!(said(None, Some("bye \u{1f44b}!")).ends_with(": bye !"));
    }
}
