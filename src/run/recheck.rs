//! The re-check: whether what was planned may still be done, judged by what the portal shows now.
//!
//! Pure. An action goes ahead when its instance is listed, at least one of its people still waits, all who wait are among the plan's
//! participants, and those of its people who wait are still dismissed. Fewer waiting is not drift.

use std::collections::BTreeSet;

use super::action::Action;
use crate::domain::UserId;
use crate::portal::Seen;

/// What the portal shows of a workflow now.
#[derive(Clone, Debug, Default)]
pub struct Sighting {
    /// Whether the instance is listed.
    pub listed: bool,
    /// Who waits in it.
    pub waiting: BTreeSet<UserId>,
    /// Who of them is shown as dismissed. Somebody whom the portal does not show is not in here.
    pub dismissed: BTreeSet<UserId>,
}

impl Sighting {
    /// What was seen of an action's workflow; none when that is not known well enough.
    pub fn of(action: &Action, seen: &Seen) -> Option<Self> {
        if !*seen.listed.get(&action.workflow)? {
            return Some(Self::default());
        }
        let waiting = seen.waiting.get(&action.workflow)?.clone();
        let mut dismissed = BTreeSet::new();
        for user in waiting.intersection(&action.people) {
            if *seen.active.get(user)? == Some(false) {
                dismissed.insert(*user);
            }
        }
        Some(Self {
            listed: true,
            waiting,
            dismissed,
        })
    }
}

/// What follows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Nothing to do any more.
    Gone,
    /// As planned.
    GoAhead,
    /// Not as planned, in a fixed phrase.
    Changed(&'static str),
}

/// Judges one action.
pub fn judge(action: &Action, seen: &Sighting) -> Verdict {
    let ours: Vec<&UserId> = seen.waiting.intersection(&action.people).collect();
    if !seen.listed {
        Verdict::Gone
    } else if ours.is_empty() {
        Verdict::Changed("none of its people waits in it any more")
    } else if !seen.waiting.is_subset(&action.participants) {
        Verdict::Changed("somebody new waits in it")
    } else if !ours.into_iter().all(|user| seen.dismissed.contains(user)) {
        Verdict::Changed("one of its people is no longer dismissed")
    } else {
        Verdict::GoAhead
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ActionId, ActionKind};
    use crate::journal::ActionPlanned;

    #[test]
    fn every_change_but_fewer_waiting_is_drift() {
        let users = |ids: &[u32]| ids.iter().copied().map(UserId).collect::<BTreeSet<_>>();
        let action = Action::new(&ActionPlanned {
            action: ActionId(1),
            workflow: "67a2ffdb2c57a3.35276854".parse().unwrap(),
            kind: Some(ActionKind::Kill),
            people: vec![UserId(5), UserId(6)],
            participants: vec![UserId(5), UserId(6), UserId(9)],
            holds: Vec::new(),
        });
        let seen = |listed, waiting: &[u32], dismissed: &[u32]| Sighting {
            listed,
            waiting: users(waiting),
            dismissed: users(dismissed),
        };
        for (seen, expected) in [
            (seen(false, &[], &[]), Verdict::Gone),
            (seen(false, &[5], &[5]), Verdict::Gone),
            (seen(true, &[5, 6, 9], &[5, 6]), Verdict::GoAhead),
            (seen(true, &[5], &[5]), Verdict::GoAhead),
            (
                seen(true, &[], &[]),
                Verdict::Changed("none of its people waits in it any more"),
            ),
            (
                seen(true, &[9], &[]),
                Verdict::Changed("none of its people waits in it any more"),
            ),
            (seen(true, &[5, 8], &[5]), Verdict::Changed("somebody new waits in it")),
            (
                seen(true, &[5, 6], &[5]),
                Verdict::Changed("one of its people is no longer dismissed"),
            ),
            (
                seen(true, &[5], &[]),
                Verdict::Changed("one of its people is no longer dismissed"),
            ),
        ] {
            assert_eq!(judge(&action, &seen), expected, "{seen:?}");
        }
    }
}
