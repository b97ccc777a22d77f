//! The policy: what is never touched, or only after a person has decided.
//!
//! A TOML file, frozen into the job with its hash. A key that is not known is an error: a rule that is silently ignored is worse
//! than none.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::{UserId, WorkflowId};
use crate::journal::WorkflowView;

/// The rules of a job.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Hold workflows that a colleague started who still works here.
    pub hold_foreign: bool,
    /// What is protected.
    pub protect: Protect,
}

/// What is protected: a row about such a person is `protected`, an action on such a workflow is held.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Protect {
    /// Users, by id.
    pub users: BTreeSet<UserId>,
    /// Workflows, by id.
    pub workflows: BTreeSet<WorkflowId>,
    /// Templates, by id.
    pub templates: BTreeSet<String>,
    /// Modules, such as `crm`.
    pub modules: BTreeSet<String>,
}

/// A policy file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the policy cannot be used: {0}")]
pub struct PolicyError(String);

impl Policy {
    /// Reads a policy file's text.
    ///
    /// # Errors
    /// When it is not TOML, a key is not known, or a value has the wrong type.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        toml::from_str(text).map_err(|cause| PolicyError(cause.to_string().trim_end().to_owned()))
    }

    /// Canonical JSON (RFC 8785), as it is recorded.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn canonical(&self) -> Result<String, serde_json::Error> {
        serde_json_canonicalizer::to_string(self)
    }

    /// SHA-256 of a recorded policy.
    pub fn hash(canonical: &str) -> String {
        crate::hex::hex(&Sha256::digest(canonical))
    }

    /// Whether an action on this workflow is held as `protected`. What the portal does not show counts as protected where a rule
    /// asks for it: a rule that cannot be evaluated holds the action.
    pub fn protects(&self, workflow: &WorkflowView) -> bool {
        let listed = |rule: &BTreeSet<String>, value: Option<&String>| {
            !rule.is_empty() && value.is_none_or(|value| rule.contains(value))
        };
        self.protect.workflows.contains(&workflow.workflow)
            || listed(&self.protect.templates, workflow.template.as_ref())
            || listed(&self.protect.modules, workflow.module.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_an_error() {
        assert!(Policy::parse("hold_foriegn = true").is_err());
        assert!(Policy::parse("[protect]\nuser = [1]").is_err());
    }

    #[test]
    fn an_empty_policy_protects_nothing() {
        assert_eq!(Policy::parse("").unwrap(), Policy::default());
    }

    #[test]
    fn a_rule_that_cannot_be_evaluated_protects() {
        let policy = Policy::parse("[protect]\nmodules = [\"crm\"]\nusers = [7]").unwrap();
        let workflow = |module: Option<&str>| WorkflowView {
            workflow: "67a2ffdb2c57a3.35276854".parse().unwrap(),
            running: true,
            module: module.map(str::to_owned),
            document: None,
            document_name: None,
            template: None,
            started_by: None,
            started_by_active: None,
        };
        assert!(policy.protects(&workflow(Some("crm"))));
        assert!(policy.protects(&workflow(None)));
        assert!(!policy.protects(&workflow(Some("lists"))));
    }
}
