//! From what was found to the plan: which workflow gets which action, what is held and why, and the plan's hash.
//!
//! Pure. The plan is made from the recorded snapshot alone, so the same snapshot gives the same plan and the same hash.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::decide::Decisions;
use super::policy::{Foreign, Person, Policy, Protection, Rule, Shared, Subject, Unevaluable};
use crate::domain::{ActionId, ActionKind, HoldReason, Portal, RowState, UserId};
use crate::journal::{ActionPlanned, JournalError, PlanFrozen, RowRecord, WorkflowView};
use crate::personal::Personal;

/// What a plan is made by.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// The portal.
    pub portal: &'a Portal,
    /// What the roster asks for each matched person.
    pub asked: &'a BTreeMap<UserId, ActionKind>,
    /// The departments of people, where a rule asks for them and the portal tells.
    pub departments: &'a BTreeMap<UserId, Vec<u32>>,
    /// The rules.
    pub policy: &'a Policy,
    /// Their hash.
    pub policy_hash: &'a str,
    /// What people decided about an earlier freezing of this plan.
    pub decisions: &'a Decisions,
    /// The workflows that run on the portal, where a rule asks for them and the portal tells.
    pub running: Option<u32>,
}

/// A workflow that was found.
pub struct Found {
    /// As read.
    pub view: WorkflowView,
    /// Who waits in it, once for each of their open tasks.
    pub waiting: Vec<UserId>,
    /// The e-mails of those who wait, where a rule asks for them and the portal tells.
    pub emails: BTreeMap<UserId, Personal>,
    /// Whether another unfinished job has it.
    pub is_claimed: bool,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum FreezeError {
    /// A rule cannot be evaluated.
    #[error(transparent)]
    Unevaluable(#[from] Unevaluable),
    /// The plan could not be encoded for hashing.
    #[error("the plan could not be encoded: {0}")]
    Encoding(#[from] serde_json::Error),
    /// What was recorded could not be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// A plan in the making. What is hashed are ids, actions, states, participants and the policy's hash, never a personal value: canonical JSON
/// (RFC 8785) with the members `actions`, `policy`, `portal` and `rows`, made a piece at a time.
pub struct Freezing<'a> {
    terms: Terms<'a>,
    hash: Sha256,
    actions: u32,
    held: u32,
    orphans: u32,
    by_colleagues: u32,
}

impl<'a> Freezing<'a> {
    /// Begins.
    ///
    /// # Errors
    /// When a rule of the policy cannot be evaluated.
    pub fn new(terms: Terms<'a>) -> Result<Self, Unevaluable> {
        if terms.policy.caps.percent_of_running.is_some() && terms.running.is_none() {
            let rule = Rule::PercentOfRunning;
            let about = Subject::Portal;
            return Err(Unevaluable { rule, about });
        }
        Ok(Self {
            terms,
            hash: Sha256::new_with_prefix(r#"{"actions":["#),
            actions: 0,
            held: 0,
            orphans: 0,
            by_colleagues: 0,
        })
    }

    /// The action of the next workflow, numbered; none where none of the people waits, or where it does not run.
    ///
    /// # Errors
    /// When a rule of the policy cannot be evaluated, or the action cannot be encoded for hashing.
    pub fn take(&mut self, found: &Found) -> Result<Option<ActionPlanned>, FreezeError> {
        let participants: BTreeSet<UserId> = found.waiting.iter().copied().collect();
        let (people, others): (Vec<UserId>, Vec<UserId>) = participants
            .iter()
            .partition(|user| self.terms.asked.contains_key(user));
        if !found.view.running {
            let orphans = found.waiting.iter().filter(|user| self.terms.asked.contains_key(user));
            self.orphans = self
                .orphans
                .saturating_add(u32::try_from(orphans.count()).unwrap_or(u32::MAX));
            return Ok(None);
        }
        if people.is_empty() {
            return Ok(None);
        }
        let wanted: BTreeSet<ActionKind> = people.iter().map(|user| self.terms.asked[user]).collect();
        let kind = if wanted.len() == 1 {
            wanted.first().copied()
        } else {
            self.terms.decisions.kind(&found.view.workflow)
        };
        let action = ActionPlanned {
            action: ActionId(self.actions.saturating_add(1)),
            workflow: found.view.workflow.clone(),
            kind,
            holds: holds(&self.terms, found, kind, &others)?,
            people,
            participants: participants.into_iter().collect(),
        };
        if self.actions > 0 {
            self.hash.update(",");
        }
        self.hash.update(canonical(&action)?);
        self.actions = self.actions.saturating_add(1);
        if !action.holds.is_empty() {
            self.held += 1;
        } else if found.view.started_by_active == Some(true) {
            self.by_colleagues += 1;
        }
        Ok(Some(action))
    }

    /// Totals and hash, with the resolved rows.
    ///
    /// # Errors
    /// When a row cannot be read, or the plan cannot be encoded for hashing.
    pub fn finish(
        mut self,
        rows: impl Iterator<Item = Result<RowRecord, JournalError>>,
    ) -> Result<PlanFrozen, FreezeError> {
        self.hash.update(r#"],"policy":"#);
        self.hash.update(canonical(&self.terms.policy_hash)?);
        self.hash.update(r#","portal":"#);
        self.hash.update(canonical(self.terms.portal)?);
        self.hash.update(r#","rows":["#);
        for (index, row) in rows.enumerate() {
            let row = row?;
            if index > 0 {
                self.hash.update(",");
            }
            let row: (u32, Option<RowState>, Option<UserId>) = (row.row.0, row.state, row.user);
            self.hash.update(canonical(&row)?);
        }
        self.hash.update("]}");
        Ok(PlanFrozen {
            plan_hash: crate::hex::hex(&self.hash.finalize()),
            planned: self.actions - self.held,
            held: self.held,
            orphans: self.orphans,
            started_by_colleagues: self.by_colleagues,
            running_workflows: self.terms.running,
        })
    }
}

fn canonical(value: &impl Serialize) -> Result<String, FreezeError> {
    Ok(serde_json_canonicalizer::to_string(value)?)
}

fn holds(
    terms: &Terms<'_>,
    found: &Found,
    kind: Option<ActionKind>,
    others: &[UserId],
) -> Result<Vec<HoldReason>, Unevaluable> {
    let (policy, view) = (terms.policy, &found.view);
    // Where the portal does not show the starter, nobody can say that it was not a colleague.
    let foreign = policy.foreign == Foreign::Hold && view.started_by_active != Some(false);
    let protected = is_protected(policy, view)? || others.iter().any(|user| may_be_protected(terms, found, *user));
    let shared = policy.shared == Shared::Hold && !others.is_empty();
    Ok([
        (HoldReason::Protected, protected),
        (HoldReason::Conflict, kind.is_none()),
        (HoldReason::OtherJob, found.is_claimed),
        (HoldReason::Shared, shared),
        (HoldReason::Dropped, terms.decisions.is_dropped(&view.workflow)),
        (HoldReason::Foreign, foreign),
    ]
    .into_iter()
    .filter(|(reason, applies)| *applies && !terms.decisions.releases(&view.workflow, *reason))
    .map(|(reason, _)| reason)
    .collect())
}

/// Whether a rule protects the workflow by itself.
fn is_protected(policy: &Policy, view: &WorkflowView) -> Result<bool, Unevaluable> {
    match policy.workflow(view) {
        Protection::None => Ok(false),
        Protection::By(_) => Ok(true),
        Protection::Unknown(rule) => Err(Unevaluable {
            rule,
            about: Subject::Workflow(view.workflow.clone()),
        }),
    }
}

/// Whether somebody else who waits in a workflow is a protected person, or may be one for all that the portal tells: a bot, which it never
/// shows, must not keep the whole roster from being planned.
fn may_be_protected(terms: &Terms<'_>, found: &Found, user: UserId) -> bool {
    let person = Person {
        user,
        email: found.emails.get(&user),
        departments: terms.departments.get(&user).map(Vec::as_slice),
    };
    terms.policy.person(person) != Protection::None
}
