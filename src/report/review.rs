//! What people decided about a job's plan before it was confirmed, and who approved it.

use std::collections::{BTreeMap, BTreeSet};

use super::job::Evidence;
use super::language::Words;
use crate::domain::{ActionId, ActionKind, Decision, HoldReason, RowNumber, UserId, WorkflowId};
use crate::journal::{Event, Operator, PlanApproved, PlanDecided, Told, WorkflowDecided};
use crate::plan::approval;
use crate::plan::policy::Policy;

/// All of it, in the order of the record.
#[derive(Default)]
pub struct Review {
    /// Each decision gave a new plan.
    pub decisions: Vec<Decided>,
    /// Approvals, of this plan and of earlier ones.
    pub approvals: Vec<Approval>,
    /// Whether the policy asks for an approval of this plan.
    pub is_needed: bool,
}

/// What one person decided at one time.
pub struct Decided {
    /// When.
    pub at: String,
    /// Who.
    pub operator: Operator,
    /// The plan that it was about, which was void from then on.
    pub plan_hash: String,
    /// Who a row is about.
    pub row: Option<(RowNumber, UserId)>,
    /// What becomes of workflows.
    pub workflows: Vec<WorkflowDecided>,
    /// The event.
    pub evidence: Evidence,
}

/// A second person's word.
pub struct Approval {
    /// When.
    pub at: String,
    /// Who.
    pub operator: Operator,
    /// The plan that was approved.
    pub plan_hash: String,
    /// How: `terminal` or `--confirm`.
    pub by: String,
    /// What it is worth.
    pub standing: Standing,
    /// The event.
    pub evidence: Evidence,
}

/// What an approval is worth for the plan as it stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// It is of this plan, and of somebody else.
    Holds,
    /// It is of an earlier plan: a decision voided it.
    OtherPlan,
    /// Whoever gave it had a hand in the plan.
    OfMaker,
}

/// Workflows about which the same was decided.
#[derive(Debug, Eq, PartialEq)]
pub struct Group<'a> {
    decision: Decision,
    released: &'a [HoldReason],
    kind: Option<ActionKind>,
    /// Their actions; a workflow that has none any more by its id.
    actions: Vec<String>,
}

impl Review {
    /// What is on record; `policy` is the job's as recorded, `planned` how many actions are to be done.
    pub(super) fn of(told: &[Told], plan_hash: Option<&str>, policy: Option<&str>, planned: u32) -> Self {
        let holding = approval::holding(told, plan_hash);
        let makers = approval::makers(told);
        let mut review = Self {
            is_needed: policy.is_some_and(|policy| is_needed(policy, planned)),
            ..Self::default()
        };
        for told in told {
            match &told.event {
                Event::PlanDecided(event) => review.decisions.push(decided(told, event)),
                Event::WorkflowDecided(event) => {
                    if let Some(last) = review.decisions.last_mut() {
                        last.workflows.push(event.clone());
                    }
                }
                Event::PlanApproved(event) => {
                    let holds = holding.contains(&told.seq);
                    review.approvals.push(approved(told, event, holds, &makers));
                }
                _ => {}
            }
        }
        review
    }

    /// The approval that holds, the last where there are several.
    pub fn approved(&self) -> Option<&Approval> {
        let holds = |approval: &&Approval| approval.standing == Standing::Holds;
        self.approvals.iter().rev().find(holds)
    }

    /// Whether the policy asks for an approval, and there is none.
    pub fn is_missing(&self) -> bool {
        self.is_needed && self.approved().is_none()
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.decisions.is_empty() && self.approvals.is_empty() && !self.is_needed
    }

    /// The last that was decided about a workflow, and by whom.
    pub fn about_workflow(&self, workflow: &WorkflowId) -> Option<(&Decided, &WorkflowDecided)> {
        self.decisions.iter().rev().find_map(|decided| {
            let about = decided.workflows.iter().rev().find(|about| about.workflow == *workflow);
            Some((decided, about?))
        })
    }

    /// The last that was decided about a row.
    pub fn about_row(&self, row: RowNumber) -> Option<&Decided> {
        let about = |decided: &&Decided| decided.row.is_some_and(|(about, _)| about == row);
        self.decisions.iter().rev().find(about)
    }
}

/// A policy that this version cannot read asks for nothing that it knows of.
fn is_needed(policy: &str, planned: u32) -> bool {
    Policy::from_record(policy, BTreeSet::new()).is_ok_and(|policy| policy.approval.is_needed(planned))
}

fn decided(told: &Told, event: &PlanDecided) -> Decided {
    Decided {
        at: told.at.clone(),
        operator: event.operator.clone(),
        plan_hash: event.plan_hash.clone(),
        row: event.row.zip(event.user),
        workflows: Vec::new(),
        evidence: evidence(told),
    }
}

fn approved(told: &Told, event: &PlanApproved, holds: bool, makers: &[Operator]) -> Approval {
    let standing = if holds {
        Standing::Holds
    } else if makers.iter().any(|maker| maker.may_be(&event.operator)) {
        Standing::OfMaker
    } else {
        Standing::OtherPlan
    };
    Approval {
        at: told.at.clone(),
        operator: event.operator.clone(),
        plan_hash: event.plan_hash.clone(),
        by: event.by.clone(),
        standing,
        evidence: evidence(told),
    }
}

fn evidence(told: &Told) -> Evidence {
    Evidence {
        seq: told.seq,
        leaf: told.leaf.clone(),
    }
}

impl Decided {
    /// What was decided about workflows, those together about which the same was.
    pub fn groups(&self, actions: &BTreeMap<&WorkflowId, ActionId>) -> Vec<Group<'_>> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for about in &self.workflows {
            let number = actions.get(&about.workflow);
            let number = number.map_or_else(|| about.workflow.to_string(), ToString::to_string);
            let is_same = |group: &&mut Group<'_>| {
                group.decision == about.decision && group.released == about.released && group.kind == about.kind
            };
            match groups.iter_mut().find(is_same) {
                Some(group) => group.actions.push(number),
                None => groups.push(Group {
                    decision: about.decision,
                    released: &about.released,
                    kind: about.kind,
                    actions: vec![number],
                }),
            }
        }
        groups
    }
}

impl Group<'_> {
    /// `included: actions 3, 5; released: shared; to be done: kill`.
    pub fn text(&self, words: &Words) -> String {
        let about = format!(
            "{}: {}",
            (words.decided)(self.decision),
            (words.decided_actions)(&self.actions.join(", "))
        );
        let released: Vec<&str> = self.released.iter().map(|reason| reason.as_str()).collect();
        let released = (!released.is_empty()).then(|| format!("{} {}", words.decided_released, released.join(", ")));
        let kind = self.kind.map(|kind| format!("{} {kind}", words.decided_do));
        let parts: Vec<String> = [Some(about), released, kind].into_iter().flatten().collect();
        parts.join("; ")
    }
}

/// `root (ann)@office-7`: the account, the one that logged in where it is another, and the host.
pub fn signature(operator: &Operator) -> String {
    let login = operator.login_user.as_ref();
    let login = login.map_or(String::new(), |login| format!(" ({login})"));
    format!("{}{login}@{}", operator.os_user, operator.host)
}
