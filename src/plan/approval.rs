//! Who had a hand in a plan, and whether somebody else approved it.
//!
//! Pure: from the record alone. An account is all that is known of a person, so two people behind one account are one here.

use std::collections::BTreeSet;

use crate::journal::{Event, Operator, PlanApproved, Told};

/// The kinds of event that say who had a hand in a plan, and who approved it.
pub const TOLD: &[&str] = &[
    "run_started",
    "plan_frozen",
    "plan_decided",
    "plan_approved",
    "plan_confirmed",
];

/// Everybody who had a hand in a plan before it was confirmed. Whoever only carries out what was frozen has none in it.
pub fn makers(told: &[Told]) -> Vec<Operator> {
    let before = told
        .iter()
        .take_while(|told| !matches!(told.event, Event::PlanConfirmed(_)));
    let mut is_frozen = false;
    let makers = before.filter_map(|told| match &told.event {
        Event::RunStarted(run) if !is_frozen => Some(run.operator()),
        Event::PlanFrozen(_) => {
            is_frozen = true;
            None
        }
        Event::PlanDecided(decided) => Some(decided.operator.clone()),
        _ => None,
    });
    makers.collect()
}

/// The approvals that hold, by the sequence numbers of their events: of this plan, after the last decision about it, and of somebody who
/// had no hand in it.
pub fn holding(told: &[Told], plan_hash: Option<&str>) -> BTreeSet<u64> {
    let makers = makers(told);
    let decided = told.iter().filter(|told| matches!(told.event, Event::PlanDecided(_)));
    let last_decided = decided.map(|told| told.seq).max();
    let approvals = told.iter().filter_map(|told| match &told.event {
        Event::PlanApproved(approved) => Some((told.seq, approved)),
        _ => None,
    });
    approvals
        .filter(|(seq, approved)| Some(*seq) > last_decided && is_valid(approved, plan_hash, &makers))
        .map(|(seq, _)| seq)
        .collect()
}

fn is_valid(approved: &PlanApproved, plan_hash: Option<&str>, makers: &[Operator]) -> bool {
    Some(approved.plan_hash.as_str()) == plan_hash && !makers.iter().any(|maker| maker.may_be(&approved.operator))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operator(os_user: &str, login_user: Option<&str>) -> Operator {
        Operator {
            os_user: os_user.to_owned(),
            login_user: login_user.map(str::to_owned),
            host: "desk".to_owned(),
        }
    }

    #[test]
    fn who_took_on_another_account_is_still_the_one_who_logged_in() {
        let may_be = |one: (&str, Option<&str>), other: (&str, Option<&str>)| {
            operator(one.0, one.1).may_be(&operator(other.0, other.1))
        };
        assert!(may_be(("anna", None), ("root", Some("anna"))));
        assert!(!may_be(("root", Some("boris")), ("root", Some("anna"))));
        assert!(!may_be(("anna", None), ("boris", None)));
        assert!(may_be(("root", None), ("root", Some("anna"))));
    }

    #[test]
    fn an_approval_holds_for_its_plan_and_from_somebody_else() {
        let approved = PlanApproved {
            plan_hash: "7f".to_owned(),
            operator: operator("boris", None),
            by: "terminal".to_owned(),
        };
        let makers = [operator("anna", None)];
        assert!(is_valid(&approved, Some("7f"), &makers));
        assert!(!is_valid(&approved, Some("80"), &makers));
        assert!(!is_valid(&approved, None, &makers));
        assert!(!is_valid(&approved, Some("7f"), &[operator("root", Some("boris"))]));
    }
}
