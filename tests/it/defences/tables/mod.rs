//! Every defence by name: what it is against, where it stands, and the test that fails without it.
//!
//! `cargo test --test defences` takes each of them out of a copy of the project and sees its test fail.

mod answers;
mod contradictions;
mod defence;
mod erasures;
mod limits;
mod policies;
mod proofs;
mod reach;
mod refusals;
mod reports;
mod rosters;
mod rules;
mod seals;
mod traps;
mod verification;

pub(crate) use defence::{Defence, Removal};
pub(crate) use traps::TRAPS;

/// All tables.
const TABLES: &[&[Defence]] = &[
    TRAPS,
    contradictions::CONTRADICTIONS,
    answers::ANSWERS,
    rules::RULES,
    limits::LIMITS,
    proofs::PROOFS,
    seals::SEALS,
    erasures::ERASURES,
    verification::VERIFICATION,
    rosters::ROSTERS,
    refusals::REFUSALS,
    policies::POLICIES,
    reports::REPORTS,
    reach::REACH,
];

/// Every defence.
pub(crate) fn all() -> impl Iterator<Item = &'static Defence> {
    TABLES.iter().copied().flatten()
}
