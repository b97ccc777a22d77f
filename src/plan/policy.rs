//! The policy: what is never touched, what a person has to decide, how much a job may do, and what has to be said about it.
//!
//! A TOML file, frozen into the job with its hash. A key that is not known is an error: a rule that is silently ignored is worse
//! than none. So is a rule that cannot be evaluated: it stops the plan ([`Unevaluable`]).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::caps::Caps;
use super::named::{DocumentType, Module, TemplateId};
use crate::domain::{RowNumber, UserId, WorkflowId};
use crate::journal::{Commitment, WorkflowView};
use crate::personal::Personal;
use crate::roster::compare;

/// The rules of a job.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Policy {
    /// What is protected.
    pub protect: Protect,
    /// How much a job may do.
    pub caps: Caps,
    /// What becomes of workflows in which somebody else waits too.
    pub shared: Shared,
    /// What becomes of workflows that colleagues started who still work here.
    pub foreign: Foreign,
    /// Whether a job has to say why.
    pub require_reason: bool,
    /// Whether a job has to name a ticket.
    pub require_ticket: bool,
    /// Whether a second person has to approve.
    pub approval: Approval,
}

/// What is protected: a row about such a person is `protected`, an action on such a workflow is held. A workflow in which such a person
/// waits is one.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Protect {
    /// Users, by id.
    pub users: BTreeSet<UserId>,
    /// Users, by e-mail.
    pub emails: BTreeSet<Personal>,
    /// Users, by a department that they are in. The departments below it are not meant.
    pub departments: BTreeSet<u32>,
    /// Workflows of a template.
    pub templates: BTreeSet<TemplateId>,
    /// Workflows of a type of document.
    pub document_types: BTreeSet<DocumentType>,
    /// Workflows of a module, such as `crm`.
    pub modules: BTreeSet<Module>,
    /// Workflows, by id.
    pub workflows: BTreeSet<WorkflowId>,
}

/// What becomes of workflows in which somebody waits who is no matched person of the job.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shared {
    /// They are held.
    #[default]
    Hold,
    /// They go ahead, unless a protected person waits in them.
    Include,
}

/// What becomes of workflows that colleagues started who still work here.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Foreign {
    /// They go ahead when only matched people are waited for.
    #[default]
    Include,
    /// They are held.
    Hold,
}

/// When a second person has to approve a plan.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Approval {
    /// Nobody has to.
    #[default]
    Never,
    /// Every plan.
    Always,
    /// A plan with more than so many actions.
    Above(u32),
}

impl Approval {
    /// Whether a plan with so many actions to be done has to be approved.
    pub fn is_needed(self, planned: u32) -> bool {
        match self {
            Self::Never => false,
            Self::Always => planned > 0,
            Self::Above(actions) => planned > actions,
        }
    }
}

/// A policy as it is written, in a file and in the journal. Every key is optional, and no other is known.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    shared: Shared,
    foreign: Foreign,
    require_reason: bool,
    require_ticket: bool,
    approval: Approval,
    protect: WrittenProtect,
    caps: Caps,
    /// What version 0.1 had instead of `foreign`. Only jobs that it began still have it.
    #[serde(skip_serializing)]
    hold_foreign: Option<bool>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenProtect {
    users: BTreeSet<UserId>,
    /// In the file the addresses; in the journal what the event commits to, since an address is a personal value.
    emails: Vec<String>,
    departments: BTreeSet<u32>,
    templates: BTreeSet<TemplateId>,
    document_types: BTreeSet<DocumentType>,
    modules: BTreeSet<Module>,
    workflows: BTreeSet<WorkflowId>,
}

/// A policy file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the policy cannot be used: {0}")]
pub struct PolicyError(pub String);

/// A rule about people or workflows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rule {
    /// `protect.users`
    Users,
    /// `protect.emails`
    Emails,
    /// `protect.departments`
    Departments,
    /// `protect.templates`
    Templates,
    /// `protect.document_types`
    DocumentTypes,
    /// `protect.modules`
    Modules,
    /// `protect.workflows`
    Workflows,
    /// `caps.percent_of_running`
    PercentOfRunning,
}

impl Rule {
    /// Its key in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Users => "protect.users",
            Self::Emails => "protect.emails",
            Self::Departments => "protect.departments",
            Self::Templates => "protect.templates",
            Self::DocumentTypes => "protect.document_types",
            Self::Modules => "protect.modules",
            Self::Workflows => "protect.workflows",
            Self::PercentOfRunning => "caps.percent_of_running",
        }
    }

    /// What it has to know.
    pub const fn asks_for(self) -> &'static str {
        match self {
            Self::Users | Self::Workflows => "the id",
            Self::Emails => "the e-mail",
            Self::Departments => "the departments",
            Self::Templates => "the template",
            Self::DocumentTypes => "the type of the document",
            Self::Modules => "the module",
            Self::PercentOfRunning => "how many workflows run",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// A rule that asks for what the portal does not tell.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the policy's rule {rule} cannot be evaluated: the portal does not tell {}{about}", rule.asks_for())]
pub struct Unevaluable {
    /// The rule.
    pub rule: Rule,
    /// Of whom or what it asks for something that is missing.
    pub about: Subject,
}

/// What a rule is asked about: ids only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Subject {
    /// The portal as a whole.
    Portal,
    /// A user, found for a row.
    User(UserId, RowNumber),
    /// A workflow.
    Workflow(WorkflowId),
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Portal => Ok(()),
            Self::User(user, row) => write!(formatter, " of user {user} in row {row}"),
            Self::Workflow(workflow) => write!(formatter, " of workflow {workflow}"),
        }
    }
}

/// What the rules say of a person or a workflow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Protection {
    /// No rule protects it.
    None,
    /// This one does.
    By(Rule),
    /// This one cannot be evaluated.
    Unknown(Rule),
}

/// A person, as far as the portal tells.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    /// Who.
    pub user: UserId,
    /// The e-mail; none when the portal does not tell it.
    pub email: Option<&'a Personal>,
    /// The departments; none when the portal does not tell them.
    pub departments: Option<&'a [u32]>,
}

impl Policy {
    /// Reads a policy file's text.
    ///
    /// # Errors
    /// When it is not TOML, a key is not known, or a value has the wrong type.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let written: Written =
            toml::from_str(text).map_err(|cause| PolicyError(cause.to_string().trim_end().to_owned()))?;
        if written.hold_foreign.is_some() {
            return Err(PolicyError(
                "hold_foreign is not known any more: write foreign = \"hold\"".to_owned(),
            ));
        }
        // Only what a portal can have as an address: anything else would protect nobody.
        let is_address = |text: &String| {
            let text = text.trim();
            let odd =
                |character: char| character.is_control() || character.is_whitespace() || "<>,;\"()".contains(character);
            matches!(text.split('@').collect::<Vec<_>>().as_slice(), [name, host] if !name.is_empty() && !host.is_empty())
                && !text.chars().any(odd)
        };
        if let Some(place) = written.protect.emails.iter().position(|text| !is_address(text)) {
            return Err(PolicyError(format!(
                "entry {} of protect.emails is no e-mail address",
                place + 1
            )));
        }
        if written.protect.users.contains(&UserId(0)) || written.protect.departments.contains(&0) {
            return Err(PolicyError(
                "0 is the number of no user and of no department".to_owned(),
            ));
        }
        if written.caps.percent_of_running.is_some_and(|percent| percent > 100) {
            return Err(PolicyError("caps.percent_of_running is at most 100".to_owned()));
        }
        let emails = written.protect.emails.iter().map(Personal::new).collect();
        Ok(Self::of(written, emails))
    }

    /// Reads a policy as it was recorded, with the e-mails that are kept apart from it.
    ///
    /// # Errors
    /// When it is not what this program records.
    pub fn from_record(text: &str, emails: BTreeSet<Personal>) -> Result<Self, serde_json::Error> {
        Ok(Self::of(serde_json::from_str(text)?, emails))
    }

    fn of(written: Written, emails: BTreeSet<Personal>) -> Self {
        let protect = written.protect;
        Self {
            protect: Protect {
                users: protect.users,
                emails,
                departments: protect.departments,
                templates: protect.templates,
                document_types: protect.document_types,
                modules: protect.modules,
                workflows: protect.workflows,
            },
            caps: written.caps,
            shared: written.shared,
            foreign: match written.hold_foreign {
                Some(true) => Foreign::Hold,
                Some(false) | None => written.foreign,
            },
            require_reason: written.require_reason,
            require_ticket: written.require_ticket,
            approval: written.approval,
        }
    }

    /// Canonical JSON (RFC 8785), as it is recorded: instead of each e-mail what the event commits to, in the same order.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn canonical(&self, emails: &[Commitment]) -> Result<String, serde_json::Error> {
        let protect = self.protect.clone();
        serde_json_canonicalizer::to_string(&Written {
            shared: self.shared,
            foreign: self.foreign,
            require_reason: self.require_reason,
            require_ticket: self.require_ticket,
            approval: self.approval,
            protect: WrittenProtect {
                users: protect.users,
                emails: emails.iter().map(|email| email.as_str().to_owned()).collect(),
                departments: protect.departments,
                templates: protect.templates,
                document_types: protect.document_types,
                modules: protect.modules,
                workflows: protect.workflows,
            },
            caps: self.caps,
            hold_foreign: None,
        })
    }

    /// SHA-256 of a recorded policy.
    pub fn hash(canonical: &str) -> String {
        crate::hex::hex(&Sha256::digest(canonical))
    }

    /// Whether a rule asks for departments.
    pub fn reads_departments(&self) -> bool {
        !self.protect.departments.is_empty()
    }

    /// Whether a rule asks for e-mails.
    pub fn reads_emails(&self) -> bool {
        !self.protect.emails.is_empty()
    }

    /// What the rules say of a person. A rule that protects outweighs one that cannot be evaluated.
    pub fn person(&self, person: Person<'_>) -> Protection {
        let protect = &self.protect;
        if protect.users.contains(&person.user) {
            return Protection::By(Rule::Users);
        }
        let same = |email: &Personal| {
            let ours = compare::key(email.expose());
            protect
                .emails
                .iter()
                .any(|listed| compare::key(listed.expose()) == ours)
        };
        let listed = |departments: &[u32]| departments.iter().any(|one| protect.departments.contains(one));
        strongest([
            evaluated(Rule::Emails, self.reads_emails(), person.email.map(same)),
            evaluated(
                Rule::Departments,
                self.reads_departments(),
                person.departments.map(listed),
            ),
        ])
    }

    /// What the rules say of a workflow by itself, whoever waits in it.
    pub fn workflow(&self, workflow: &WorkflowView) -> Protection {
        let protect = &self.protect;
        if protect.workflows.contains(&workflow.workflow) {
            return Protection::By(Rule::Workflows);
        }
        let template = workflow.template.as_ref();
        let module = workflow.module.as_deref().map(Module::of_portal);
        strongest([
            evaluated(
                Rule::Templates,
                !protect.templates.is_empty(),
                template.map(|template| protect.templates.contains(&TemplateId::of_portal(template))),
            ),
            evaluated(
                Rule::Modules,
                !protect.modules.is_empty(),
                module.as_ref().map(|module| protect.modules.contains(module)),
            ),
            evaluated(
                Rule::DocumentTypes,
                !protect.document_types.is_empty(),
                self.is_of_listed_type(module.as_ref(), workflow.entity.as_deref()),
            ),
        ])
    }

    /// Whether a document is of a protected type; none when that cannot be told from what is known of it.
    fn is_of_listed_type(&self, module: Option<&Module>, entity: Option<&str>) -> Option<bool> {
        let listed = &self.protect.document_types;
        match (module, entity) {
            (Some(module), Some(entity)) => Some(listed.contains(&DocumentType::of_portal(module, entity))),
            // Without its class, a document of a module that no rule names is still of none of the types.
            (Some(module), None) => {
                let is_possible = listed.iter().any(|document| document.is_of(module));
                (!is_possible).then_some(false)
            }
            (None, _) => None,
        }
    }
}

/// A rule, whether the policy has it, and whether it applies; none when that cannot be told.
fn evaluated(rule: Rule, is_there: bool, applies: Option<bool>) -> Protection {
    match applies {
        _ if !is_there => Protection::None,
        Some(true) => Protection::By(rule),
        Some(false) => Protection::None,
        None => Protection::Unknown(rule),
    }
}

/// The first rule that protects; else the first that cannot be evaluated.
fn strongest<const RULES: usize>(rules: [Protection; RULES]) -> Protection {
    let first = |wanted: fn(&Protection) -> bool| rules.into_iter().find(wanted);
    first(|rule| matches!(rule, Protection::By(_)))
        .or_else(|| first(|rule| matches!(rule, Protection::Unknown(_))))
        .unwrap_or(Protection::None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workflow(module: Option<&str>, entity: Option<&str>, template: Option<&str>) -> WorkflowView {
        WorkflowView {
            workflow: "67a2ffdb2c57a3.35276854".parse().unwrap(),
            running: true,
            module: module.map(str::to_owned),
            entity: entity.map(str::to_owned),
            document: None,
            document_name: None,
            template: template.map(str::to_owned),
            started_by: None,
            started_by_active: None,
        }
    }

    #[test]
    fn an_unknown_key_or_value_is_an_error() {
        for wrong in [
            "hold_foriegn = true",
            "hold_foreign = true",
            "[protect]\nuser = [1]",
            "[caps]\nperson = 1",
            "shared = \"maybe\"",
            "approval = \"sometimes\"",
            "approval = { below = 3 }",
            "[protect]\nemails = [\"\"]",
            "[protect]\ntemplates = [\"twelve\"]",
            "[protect]\ndocument_types = [\"crm\"]",
            "[protect]\nmodules = [\"\"]",
            "[protect]\nworkflows = [\"0\"]",
            "[caps]\npercent_of_running = 101",
            "[caps]\nactions = -1",
        ] {
            assert!(Policy::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_empty_policy_protects_nothing_and_holds_what_is_shared() {
        let policy = Policy::parse("").unwrap();
        assert_eq!(policy, Policy::default());
        assert_eq!(policy.workflow(&workflow(None, None, None)), Protection::None);
        let nobody = Person {
            user: UserId(7),
            email: None,
            departments: None,
        };
        assert_eq!(policy.person(nobody), Protection::None);
        assert_eq!((policy.shared, policy.foreign), (Shared::Hold, Foreign::Include));
    }

    #[test]
    fn what_is_recorded_is_read_back_and_an_email_is_not_in_it() {
        let text = "approval = { above = 20 }\nforeign = \"hold\"\n[protect]\nemails = [\"boss@example.com\"]\ntemplates = [12, \"13\"]\n\
                    [caps]\nactions = 5";
        let policy = Policy::parse(text).unwrap();
        assert_eq!(policy.approval, Approval::Above(20));
        let recorded = policy.canonical(&[]).unwrap();
        assert!(!recorded.contains("boss"), "{recorded}");
        assert_eq!(
            Policy::from_record(&recorded, policy.protect.emails.clone()).unwrap(),
            policy
        );
        let of_before =
            r#"{"hold_foreign":true,"protect":{"modules":["crm"],"templates":[],"users":[],"workflows":[]}}"#;
        let policy = Policy::from_record(of_before, BTreeSet::new()).unwrap();
        assert_eq!(policy.foreign, Foreign::Hold);
    }

    #[test]
    fn a_person_is_protected_by_id_email_or_department_and_a_silent_portal_leaves_it_open() {
        let policy =
            Policy::parse("[protect]\nusers = [7]\nemails = [\"Boss@Example.com\"]\ndepartments = [3]").unwrap();
        let email = Personal::new(" boss@example.com");
        let other = Personal::new("ann@example.com");
        let of = |user, email, departments| {
            policy.person(Person {
                user: UserId(user),
                email,
                departments,
            })
        };
        assert_eq!(of(7, None, None), Protection::By(Rule::Users));
        assert_eq!(of(8, Some(&email), None), Protection::By(Rule::Emails));
        assert_eq!(of(8, None, Some(&[1, 3][..])), Protection::By(Rule::Departments));
        assert_eq!(of(8, Some(&other), Some(&[1][..])), Protection::None);
        assert_eq!(of(8, None, Some(&[1][..])), Protection::Unknown(Rule::Emails));
        assert_eq!(of(8, Some(&other), None), Protection::Unknown(Rule::Departments));
    }

    #[test]
    fn a_workflow_is_protected_by_template_type_module_or_id_and_a_silent_portal_leaves_it_open() {
        let policy = |rules: &str| Policy::parse(&format!("[protect]\n{rules}")).unwrap();
        let deal = workflow(Some("crm"), Some("CCrmDocumentDeal"), Some("12"));
        let by = |rule| Protection::By(rule);
        assert_eq!(policy("templates = [12]").workflow(&deal), by(Rule::Templates));
        assert_eq!(policy("modules = [\"CRM\"]").workflow(&deal), by(Rule::Modules));
        let types = policy("document_types = [\"crm/ccrmdocumentdeal\"]");
        assert_eq!(types.workflow(&deal), by(Rule::DocumentTypes));
        let id = policy("workflows = [\"67a2ffdb2c57a3.35276854\"]");
        assert_eq!(id.workflow(&workflow(None, None, None)), by(Rule::Workflows));
        let unknown = |rule| Protection::Unknown(rule);
        let silent = workflow(Some("crm"), None, None);
        assert_eq!(policy("templates = [12]").workflow(&silent), unknown(Rule::Templates));
        assert_eq!(types.workflow(&silent), unknown(Rule::DocumentTypes));
        assert_eq!(
            types.workflow(&workflow(None, Some("CCrmDocumentDeal"), None)),
            unknown(Rule::DocumentTypes)
        );
        assert_eq!(
            types.workflow(&workflow(Some("lists"), None, None)),
            Protection::None,
            "of another module"
        );
        assert_eq!(
            policy("modules = [\"crm\"]").workflow(&workflow(None, None, None)),
            unknown(Rule::Modules)
        );
    }
}
