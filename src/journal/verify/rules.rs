//! What a job may do by its policy and its command, held against its plan and against what was confirmed.
//!
//! From the recorded text, and not by `plan::policy`: it has to be able to contradict it. What a rule asks about and the portal did not tell is
//! protected. Left out are protected e-mails: of an address there is only a commitment in the events, and its value may be erased.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::domain::{HoldReason, UserId, WorkflowId};
use crate::journal::event::{JobCreated, WorkflowRecorded};

/// The rules of a job. A key that is not known makes them unreadable: a rule that is silently ignored is worse than none.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Rules {
    shared: Shared,
    foreign: Foreign,
    /// What version 0.1 had instead of `foreign`.
    hold_foreign: Option<bool>,
    require_reason: bool,
    require_ticket: bool,
    approval: Approval,
    protect: Protect,
    caps: Caps,
}

#[derive(Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Shared {
    #[default]
    Hold,
    Include,
}

#[derive(Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Foreign {
    #[default]
    Include,
    Hold,
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
#[serde(deny_unknown_fields, default)]
struct Protect {
    users: BTreeSet<UserId>,
    /// By their commitments, in the order of the values beside the policy.
    emails: Vec<String>,
    departments: BTreeSet<u32>,
    workflows: BTreeSet<WorkflowId>,
    templates: BTreeSet<String>,
    /// `MODULE_ID`, in any case.
    modules: BTreeSet<String>,
    /// `MODULE_ID/ENTITY`, in any case.
    document_types: BTreeSet<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Caps {
    people: Option<u32>,
    actions: Option<u32>,
    actions_per_person: Option<u32>,
    percent_of_running: Option<u32>,
}

/// What was confirmed, in numbers.
pub(super) struct Confirmed<'a> {
    /// Matched people.
    pub(super) people: usize,
    /// Actions in state `planned`.
    pub(super) actions: u32,
    /// Those of each person.
    pub(super) of_people: &'a BTreeMap<UserId, u32>,
    /// Workflows that ran on the portal, where that is on record.
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

    /// The protected e-mails, by their commitments.
    pub(super) fn emails(&self) -> &[String] {
        &self.protect.emails
    }

    /// Whether actions go ahead although others wait in their workflow.
    pub(super) fn includes_shared(&self) -> bool {
        self.shared == Shared::Include
    }

    /// What had to be said when the job was made, and is not on record.
    pub(super) fn unsaid(&self, created: &JobCreated) -> Vec<&'static str> {
        let reason = (self.require_reason && created.reason.is_none()).then_some("a reason");
        let ticket = (self.require_ticket && created.ticket.is_none()).then_some("a ticket");
        reason.into_iter().chain(ticket).collect()
    }

    /// Whether a rule asks for departments.
    pub(super) fn reads_departments(&self) -> bool {
        !self.protect.departments.is_empty()
    }

    /// Whether a person, of these departments, is never touched.
    pub(super) fn protects(&self, user: UserId, departments: Option<&Vec<u32>>) -> bool {
        let protect = &self.protect;
        let is_listed = |of: &Vec<u32>| of.iter().any(|one| protect.departments.contains(one));
        protect.users.contains(&user) || (self.reads_departments() && departments.is_none_or(is_listed))
    }

    /// Why a workflow has to be held, whoever waits in it.
    pub(super) fn hold(&self, found: &WorkflowRecorded) -> Option<HoldReason> {
        let protect = &self.protect;
        let is_template = |template: &String| protect.templates.contains(template);
        let is_module = |module: &String| protect.modules.iter().any(|listed| listed.eq_ignore_ascii_case(module));
        let is_protected = protect.workflows.contains(&found.workflow)
            || (!protect.templates.is_empty() && found.template.as_ref().is_none_or(is_template))
            || (!protect.modules.is_empty() && found.module.as_ref().is_none_or(is_module))
            || protect.document_types.iter().any(|listed| may_be_of(found, listed));
        // Where the portal does not show the starter, it may have been a colleague.
        let holds_foreign = self.foreign == Foreign::Hold || self.hold_foreign == Some(true);
        let is_foreign = holds_foreign && found.started_by_active != Some(false);
        is_protected
            .then_some(HoldReason::Protected)
            .or(is_foreign.then_some(HoldReason::Foreign))
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
        let caps = &self.caps;
        let most = confirmed.of_people.values().copied().max();
        let part = |running: u32| {
            (u64::from(confirmed.actions) * 100)
                .div_ceil(u64::from(running.max(1)))
                .min(100)
        };
        let found = [
            ("people", caps.people, u64::try_from(confirmed.people).ok()),
            ("actions", caps.actions, Some(confirmed.actions.into())),
            (
                "actions_per_person",
                caps.actions_per_person,
                Some(most.unwrap_or_default().into()),
            ),
            (
                "percent_of_running",
                caps.percent_of_running,
                confirmed.running.map(part),
            ),
        ];
        let passed = found
            .into_iter()
            .filter_map(|(cap, allowed, found)| match (allowed, found) {
                (None, _) => None,
                (Some(allowed), None) => Some(format!("caps.{cap} allows {allowed}, and the number is not on record")),
                (Some(allowed), Some(found)) => {
                    (found > u64::from(allowed)).then(|| format!("caps.{cap} allows {allowed}, and it was {found}"))
                }
            });
        passed.collect()
    }
}

/// Whether a workflow's document is of this type, `MODULE_ID/ENTITY`, or may be for all that the portal tells.
fn may_be_of(found: &WorkflowRecorded, document_type: &str) -> bool {
    let (module, entity) = document_type.split_once('/').unwrap_or((document_type, ""));
    let may_be =
        |told: &Option<String>, listed: &str| told.as_ref().is_none_or(|told| told.eq_ignore_ascii_case(listed));
    may_be(&found.module, module) && (may_be(&found.entity, entity) || found.module.is_none())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn hold(rules: &Value, module: Option<&str>, entity: Option<&str>, template: Option<&str>) -> Option<HoldReason> {
        let rules: Rules = serde_json::from_value(rules.clone()).unwrap();
        let found = serde_json::from_value(json!({
            "workflow": "1.2", "running": true, "module": module, "entity": entity, "document": null, "document_name": null,
            "template": template, "started": null, "started_by": 5, "started_by_active": false,
        }));
        rules.hold(&found.unwrap())
    }

    #[test]
    fn what_the_portal_does_not_tell_is_protected_and_case_is_no_difference() {
        const PROTECTED: Option<HoldReason> = Some(HoldReason::Protected);
        let templates = json!({"protect": {"templates": ["7"]}});
        assert_eq!(hold(&templates, None, None, Some("7")), PROTECTED);
        assert_eq!(hold(&templates, None, None, None), PROTECTED);
        assert_eq!(hold(&templates, None, None, Some("8")), None);
        let modules = json!({"protect": {"modules": ["crm"]}});
        assert_eq!(hold(&modules, Some("CRM"), None, None), PROTECTED);
        assert_eq!(hold(&modules, None, None, None), PROTECTED);
        assert_eq!(hold(&modules, Some("lists"), None, None), None);
        let types = json!({"protect": {"document_types": ["crm/ccrmdocumentdeal"]}});
        assert_eq!(hold(&types, Some("crm"), Some("CCrmDocumentDeal"), None), PROTECTED);
        assert_eq!(hold(&types, Some("crm"), Some("CCrmDocumentLead"), None), None);
        assert_eq!(hold(&types, Some("crm"), None, None), PROTECTED);
        assert_eq!(hold(&types, Some("lists"), None, None), None);
        assert_eq!(hold(&types, None, Some("CCrmDocumentLead"), None), PROTECTED);
        assert_eq!(hold(&json!({}), None, None, None), None);
    }

    #[test]
    fn the_most_of_one_person_counts_and_not_all_together() {
        let rules: Rules = serde_json::from_value(json!({"caps": {"actions_per_person": 5}})).unwrap();
        let passed = |most: u32| {
            let of_people = [(UserId(1), 4), (UserId(2), most)].into();
            let confirmed = Confirmed {
                people: 2,
                actions: 4 + most,
                of_people: &of_people,
                running: None,
            };
            rules.passed(&confirmed)
        };
        assert_eq!(passed(5), Vec::<String>::new());
        assert_eq!(passed(6), ["caps.actions_per_person allows 5, and it was 6"]);
    }

    #[test]
    fn a_person_of_a_protected_department_or_of_one_that_is_not_told_is_protected() {
        let rules: Rules = serde_json::from_value(json!({"protect": {"departments": [7]}})).unwrap();
        assert!(rules.protects(UserId(1), Some(&vec![3, 7])));
        assert!(rules.protects(UserId(1), None));
        assert!(!rules.protects(UserId(1), Some(&vec![3])));
        assert!(!Rules::default().protects(UserId(1), None));
    }

    #[test]
    fn rules_that_are_not_known_cannot_be_read() {
        for unknown in [
            json!({"forein": "hold"}),
            json!({"foreign": "Hold"}),
            json!({"protect": {"user": [29]}}),
            json!({"caps": {"persons": 3}}),
        ] {
            assert!(serde_json::from_value::<Rules>(unknown.clone()).is_err(), "{unknown}");
        }
    }
}
