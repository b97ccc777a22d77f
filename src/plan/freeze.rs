//! From what was found to the plan: which workflow gets which action, what is held and why, and the plan's hash.
//!
//! Pure. The plan is made from the recorded snapshot alone, so the same snapshot gives the same plan and the same hash.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::decide::Decisions;
use super::policy::{Foreign, Person, Policy, Protection, Rule, Shared, Subject, Unevaluable};
use crate::domain::{ActionId, ActionKind, HoldReason, JobId, Portal, RowState, UserId, WorkflowId};
use crate::journal::{ActionPlanned, PlanFrozen, RowRecord, TaskView, UserRecord, WorkflowView};

/// What the plan is made from.
pub struct Snapshot<'a> {
    /// The portal.
    pub portal: &'a Portal,
    /// The rows, resolved.
    pub rows: &'a [RowRecord],
    /// Every task row read.
    pub tasks: &'a [TaskView],
    /// Every workflow read.
    pub workflows: &'a BTreeMap<WorkflowId, WorkflowView>,
    /// Everybody whom the job has met.
    pub users: &'a BTreeMap<UserId, UserRecord>,
    /// Their departments, where a rule asks for them and the portal tells.
    pub departments: &'a BTreeMap<UserId, Vec<u32>>,
    /// Workflows that another unfinished job has.
    pub claimed: &'a BTreeMap<WorkflowId, JobId>,
    /// The rules.
    pub policy: &'a Policy,
    /// Their hash.
    pub policy_hash: &'a str,
    /// What people decided about an earlier freezing of this plan.
    pub decisions: &'a Decisions,
    /// The numbers that actions had in it: an action keeps its number.
    pub numbers: &'a BTreeMap<WorkflowId, ActionId>,
    /// The workflows that run on the portal, where a rule asks for them and the portal tells.
    pub running: Option<u32>,
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
}

/// The plan.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The actions, numbered in the order of their workflow ids; behind those that had a number those that are new.
    pub actions: Vec<ActionPlanned>,
    /// Totals and hash.
    pub frozen: PlanFrozen,
}

/// What is hashed: ids, actions, states, participants and the policy's hash, never a personal value.
#[derive(Serialize)]
struct Hashed<'a> {
    portal: &'a Portal,
    policy: &'a str,
    rows: Vec<(u32, Option<RowState>, Option<UserId>)>,
    actions: &'a [ActionPlanned],
}

/// Makes the plan.
///
/// # Errors
/// When a rule of the policy cannot be evaluated, or the plan cannot be encoded for hashing.
pub fn freeze(snapshot: &Snapshot<'_>) -> Result<Plan, FreezeError> {
    if snapshot.policy.caps.percent_of_running.is_some() && snapshot.running.is_none() {
        let rule = Rule::PercentOfRunning;
        let about = Subject::Portal;
        return Err(Unevaluable { rule, about }.into());
    }
    let asked = actions_asked(snapshot.rows);
    let waiting = waiting(snapshot.tasks);
    let mut actions = Vec::new();
    for (workflow, participants) in &waiting {
        let people: BTreeSet<UserId> = participants
            .iter()
            .copied()
            .filter(|user| asked.contains_key(user))
            .collect();
        let Some(view) = snapshot
            .workflows
            .get(workflow)
            .filter(|view| view.running && !people.is_empty())
        else {
            continue;
        };
        let wanted: BTreeSet<ActionKind> = people.iter().map(|user| asked[user]).collect();
        let kind = if wanted.len() == 1 {
            wanted.first().copied()
        } else {
            snapshot.decisions.kind(workflow)
        };
        let others: Vec<UserId> = participants.difference(&people).copied().collect();
        actions.push(ActionPlanned {
            action: ActionId(0),
            workflow: workflow.clone(),
            kind,
            holds: holds(snapshot, view, kind, &others)?,
            people: people.into_iter().collect(),
            participants: participants.iter().copied().collect(),
        });
    }
    actions.sort_by_key(|action| {
        snapshot
            .numbers
            .get(&action.workflow)
            .copied()
            .unwrap_or(ActionId(u32::MAX))
    });
    for (number, action) in (1..).zip(&mut actions) {
        action.action = ActionId(number);
    }
    let is_planned = |action: &&ActionPlanned| action.holds.is_empty();
    let by_colleague = |action: &&ActionPlanned| snapshot.workflows[&action.workflow].started_by_active == Some(true);
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let hashed = Hashed {
        portal: snapshot.portal,
        policy: snapshot.policy_hash,
        rows: snapshot
            .rows
            .iter()
            .map(|row| (row.row.0, row.state, row.user))
            .collect(),
        actions: &actions,
    };
    let frozen = PlanFrozen {
        plan_hash: crate::hex::hex(&Sha256::digest(serde_json_canonicalizer::to_string(&hashed)?)),
        planned: count(actions.iter().filter(is_planned).count()),
        held: count(actions.iter().filter(|action| !action.holds.is_empty()).count()),
        orphans: count(orphans(snapshot.rows, snapshot.tasks, snapshot.workflows).count()),
        started_by_colleagues: count(actions.iter().filter(is_planned).filter(by_colleague).count()),
        running_workflows: snapshot.running,
    };
    Ok(Plan { actions, frozen })
}

/// What the roster asks for each matched person. A duplicate asks for the same as the row that it repeats.
pub(crate) fn actions_asked(rows: &[RowRecord]) -> BTreeMap<UserId, ActionKind> {
    let matched = rows.iter().filter(|row| row.state == Some(RowState::Matched));
    matched.filter_map(|row| Some((row.user?, row.action))).collect()
}

/// Everybody who waits in each workflow.
fn waiting(tasks: &[TaskView]) -> BTreeMap<WorkflowId, BTreeSet<UserId>> {
    let mut waiting: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for task in tasks.iter().filter(|task| task.waits()) {
        waiting.entry(task.workflow.clone()).or_default().insert(task.user);
    }
    waiting
}

/// Open tasks of matched people whose workflow does not run.
pub fn orphans<'a>(
    rows: &[RowRecord],
    tasks: &'a [TaskView],
    workflows: &'a BTreeMap<WorkflowId, WorkflowView>,
) -> impl Iterator<Item = &'a TaskView> + use<'a> {
    let asked = actions_asked(rows);
    let orphaned = |workflow: &WorkflowId| workflows.get(workflow).is_some_and(|view| !view.running);
    tasks
        .iter()
        .filter(move |task| task.waits() && asked.contains_key(&task.user) && orphaned(&task.workflow))
}

fn holds(
    snapshot: &Snapshot<'_>,
    view: &WorkflowView,
    kind: Option<ActionKind>,
    others: &[UserId],
) -> Result<Vec<HoldReason>, Unevaluable> {
    let policy = snapshot.policy;
    // Where the portal does not show the starter, nobody can say that it was not a colleague.
    let foreign = policy.foreign == Foreign::Hold && view.started_by_active != Some(false);
    let protected = is_protected(policy, view)? || others.iter().any(|user| may_be_protected(snapshot, *user));
    let shared = policy.shared == Shared::Hold && !others.is_empty();
    Ok([
        (HoldReason::Protected, protected),
        (HoldReason::Conflict, kind.is_none()),
        (HoldReason::OtherJob, snapshot.claimed.contains_key(&view.workflow)),
        (HoldReason::Shared, shared),
        (HoldReason::Dropped, snapshot.decisions.is_dropped(&view.workflow)),
        (HoldReason::Foreign, foreign),
    ]
    .into_iter()
    .filter(|(reason, applies)| *applies && !snapshot.decisions.releases(&view.workflow, *reason))
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
fn may_be_protected(snapshot: &Snapshot<'_>, user: UserId) -> bool {
    let person = Person {
        user,
        email: snapshot.users.get(&user).and_then(|user| user.email.as_ref()),
        departments: snapshot.departments.get(&user).map(Vec::as_slice),
    };
    snapshot.policy.person(person) != Protection::None
}
