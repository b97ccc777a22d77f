//! What a job may do by its policy and its command, held against its plan and against what was confirmed.
//!
//! From the recorded text, and not by `plan::policy`: it has to be able to contradict it. Held against the plan is what ids tell. Whether
//! a person's e-mail or department is protected only the portal could say, and its answers about that are not on record.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::domain::{UserId, WorkflowId};
use crate::journal::event::{JobCreated, Operator, WorkflowRecorded};

/// The rules of a job.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Rules {
    shared: String,
    foreign: String,
    /// What version 0.1 had instead of `foreign`.
    hold_foreign: Option<bool>,
    require_reason: bool,
    require_ticket: bool,
    approval: Approval,
    protect: Protect,
    caps: Caps,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Protect {
    users: BTreeSet<UserId>,
    workflows: BTreeSet<WorkflowId>,
    templates: BTreeSet<String>,
    /// In lower case, as are `document_types`: `MODULE_ID`, and `MODULE_ID/ENTITY`.
    modules: BTreeSet<String>,
    document_types: BTreeSet<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Approval {
    #[default]
    Never,
    Always,
    Above(u32),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Caps {
    people: Option<u32>,
    actions: Option<u32>,
    actions_per_person: Option<u32>,
    percent_of_running: Option<u32>,
}

/// Why a workflow has to be held.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Bound {
    /// A rule protects it, which nobody can release.
    Protected,
    /// A colleague started it, or somebody of whom the portal does not tell whether they still work here.
    Foreign,
}

/// What was confirmed, in numbers.
pub(super) struct Confirmed<'a> {
    /// Matched people.
    pub(super) people: usize,
    /// Actions in state `planned`.
    pub(super) actions: u32,
    /// Those of each person.
    pub(super) of_people: &'a BTreeMap<UserId, u32>,
    /// Workflows that ran on the portal; none where no rule asked.
    pub(super) running: Option<u32>,
}

impl Rules {
    /// Those that a job was made with.
    ///
    /// # Errors
    /// When the recorded policy cannot be read.
    pub(super) fn of(created: &JobCreated) -> Result<Self, serde_json::Error> {
        serde_json::from_str(&created.policy)
    }

    /// Whether actions go ahead although others wait in their workflow.
    pub(super) fn includes_shared(&self) -> bool {
        self.shared == "include"
    }

    /// What had to be said when the job was made, and is not on record.
    pub(super) fn unsaid(&self, created: &JobCreated) -> Vec<&'static str> {
        let reason = (self.require_reason && created.reason.is_none()).then_some("a reason");
        let ticket = (self.require_ticket && created.ticket.is_none()).then_some("a ticket");
        reason.into_iter().chain(ticket).collect()
    }

    /// Whether a person is never touched.
    pub(super) fn protects(&self, user: UserId) -> bool {
        self.protect.users.contains(&user)
    }

    /// Whether and why a workflow has to be held, whoever waits in it.
    pub(super) fn bound(&self, found: &WorkflowRecorded) -> Option<Bound> {
        let protect = &self.protect;
        let module = found.module.as_deref().map(str::to_ascii_lowercase);
        let document = module.as_ref().zip(found.entity.as_deref());
        let document = document.map(|(module, entity)| format!("{module}/{}", entity.to_ascii_lowercase()));
        let listed = |rule: &BTreeSet<String>, value: Option<&String>| value.is_some_and(|value| rule.contains(value));
        let is_protected = protect.workflows.contains(&found.workflow)
            || listed(&protect.templates, found.template.as_ref())
            || listed(&protect.modules, module.as_ref())
            || listed(&protect.document_types, document.as_ref());
        let holds_foreign = self.foreign == "hold" || self.hold_foreign == Some(true);
        if is_protected {
            Some(Bound::Protected)
        } else if holds_foreign && found.started_by_active != Some(false) {
            Some(Bound::Foreign)
        } else {
            None
        }
    }

    /// Whether a second person has to approve a plan with so many actions to be done.
    pub(super) fn needs_approval(&self, actions: u32) -> bool {
        match self.approval {
            Approval::Never => false,
            Approval::Always => actions > 0,
            Approval::Above(most) => actions > most,
        }
    }

    /// The caps that were passed, in words.
    pub(super) fn passed(&self, confirmed: &Confirmed<'_>) -> Vec<String> {
        let Confirmed {
            people,
            actions,
            of_people,
            running,
        } = *confirmed;
        let people = u64::try_from(people).unwrap_or(u64::MAX);
        let most = of_people.values().copied().max().unwrap_or_default();
        let percent = running.map(|running| (u64::from(actions) * 100).div_ceil(u64::from(running.max(1))).min(100));
        let caps = &self.caps;
        [
            ("people", caps.people, Some(people)),
            ("actions", caps.actions, Some(u64::from(actions))),
            ("actions_per_person", caps.actions_per_person, Some(u64::from(most))),
            ("percent_of_running", caps.percent_of_running, percent),
        ]
        .into_iter()
        .filter_map(|(cap, allowed, found)| {
            let (allowed, found) = (allowed?, found?);
            (found > u64::from(allowed)).then(|| format!("{found} where caps.{cap} allows {allowed}"))
        })
        .collect()
    }
}

/// Whether somebody who had no hand in the plan is among those who approved it.
pub(super) fn is_approved<'a>(makers: &[Operator], mut approvers: impl Iterator<Item = &'a Operator>) -> bool {
    approvers.any(|approver| !makers.iter().any(|maker| maker.may_be(approver)))
}
