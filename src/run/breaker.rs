//! When a run stops by itself: the circuit breaker over definite answers, and the canaries that go before everything else.
//!
//! Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{ActionKind, Outcome};

/// Errors in a row that open the breaker.
const ROW_MAX: usize = 5;

/// A canary that ended as `presumed` twice says that answers get lost: too blind to go on.
const PRESUMED_MAX: u32 = 2;

/// Counts the definite answers of a run in command order. A canary is not counted: it has a rule of its own.
#[derive(Clone, Debug, Default)]
pub struct Breaker {
    errors_in_a_row: usize,
}

impl Breaker {
    /// Takes the definite answers of one batch in command order, `true` for an error; says whether to stop: the last five are
    /// errors, or more than half of the batch's.
    pub fn is_opened_by(&mut self, errors: &[bool]) -> bool {
        for error in errors {
            self.errors_in_a_row = if *error { self.errors_in_a_row + 1 } else { 0 };
        }
        let failed = errors.iter().filter(|error| **error).count();
        self.errors_in_a_row >= ROW_MAX || failed * 2 > errors.len()
    }
}

/// What a canary's end means for the run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Canary {
    /// Batches of its kind may go.
    Opens,
    /// The next action of its kind travels alone.
    Again,
    /// The run stops.
    Stops,
}

/// The canaries of a run: the first `kill` and the first `terminate` travel alone.
#[derive(Clone, Debug, Default)]
pub struct Canaries {
    open: BTreeSet<ActionKind>,
    presumed: BTreeMap<ActionKind, u32>,
}

impl Canaries {
    /// Whether batches of a kind may go.
    pub fn is_open(&self, kind: ActionKind) -> bool {
        self.open.contains(&kind)
    }

    /// Takes the outcome of an action that travelled as a canary.
    pub fn ended(&mut self, kind: ActionKind, outcome: Outcome) -> Canary {
        match outcome {
            Outcome::Confirmed => {
                self.open.insert(kind);
                Canary::Opens
            }
            Outcome::Presumed => {
                let times = self.presumed.entry(kind).or_default();
                *times += 1;
                if *times >= PRESUMED_MAX {
                    Canary::Stops
                } else {
                    Canary::Again
                }
            }
            Outcome::AlreadyGone | Outcome::Unattributed | Outcome::Drifted => Canary::Again,
            Outcome::Failed | Outcome::Survived => Canary::Stops,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_breaker_opens_at_five_errors_in_a_row_or_more_than_half() {
        let opened = |batches: &[&[bool]]| {
            let mut breaker = Breaker::default();
            batches
                .iter()
                .map(|batch| breaker.is_opened_by(batch))
                .collect::<Vec<_>>()
        };
        let (no, yes) = (false, true);
        assert_eq!(opened(&[&[no, no, yes]]), [false]);
        assert_eq!(opened(&[&[no, yes]]), [false]);
        assert_eq!(opened(&[&[no, yes, yes]]), [true]);
        assert_eq!(opened(&[&[]]), [false]);
        assert_eq!(
            opened(&[&[no, no, no, yes, yes, yes], &[yes, yes, no, no, no]]),
            [false, false]
        );
        assert_eq!(
            opened(&[&[no, no, no, yes, yes, yes], &[yes, no], &[no, yes]]),
            [false, false, false]
        );
        let six = [no, no, no, no, no, no, yes, yes, yes, yes, yes];
        assert_eq!(opened(&[&six]), [true]);
    }

    #[test]
    fn only_confirmed_opens_the_gate() {
        let kind = ActionKind::Kill;
        for (outcome, expected) in [
            (Outcome::Confirmed, Canary::Opens),
            (Outcome::Presumed, Canary::Again),
            (Outcome::AlreadyGone, Canary::Again),
            (Outcome::Unattributed, Canary::Again),
            (Outcome::Drifted, Canary::Again),
            (Outcome::Failed, Canary::Stops),
            (Outcome::Survived, Canary::Stops),
        ] {
            let mut canaries = Canaries::default();
            assert_eq!(canaries.ended(kind, outcome), expected, "{outcome}");
            assert_eq!(canaries.is_open(kind), outcome == Outcome::Confirmed);
            assert!(!canaries.is_open(ActionKind::Terminate));
        }
    }

    #[test]
    fn a_second_presumed_canary_stops() {
        let mut canaries = Canaries::default();
        assert_eq!(canaries.ended(ActionKind::Kill, Outcome::Presumed), Canary::Again);
        assert_eq!(canaries.ended(ActionKind::Kill, Outcome::Presumed), Canary::Stops);
    }
}
