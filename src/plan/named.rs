//! What a policy names besides people and workflows: templates, types of document, modules.
//!
//! Nothing but ids gets through: a policy is recorded in the clear.

use serde::{Deserialize, Serialize};

/// The number of a workflow template, as the portal writes it. A file may write it as a number or as a text.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "NumberOrText", into = "String")]
pub struct TemplateId(String);

/// `MODULE_ID/ENTITY`, such as `crm/CCrmDocumentDeal`. PHP does not tell upper from lower case in either, so neither does this.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DocumentType(String);

/// `MODULE_ID`, such as `crm`, in lower case.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Module(String);

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(u32),
    Text(String),
}

impl TryFrom<NumberOrText> for TemplateId {
    type Error = String;

    fn try_from(written: NumberOrText) -> Result<Self, String> {
        match written {
            NumberOrText::Number(number @ 1..) => Ok(Self(number.to_string())),
            // As the portal writes it: another spelling would protect nothing.
            NumberOrText::Text(text)
                if text.bytes().all(|byte| byte.is_ascii_digit()) && matches!(text.as_bytes(), [b'1'..=b'9', ..]) =>
            {
                Ok(Self(text))
            }
            NumberOrText::Number(number) => Err(format!("{number} is no number of a template")),
            NumberOrText::Text(text) => Err(format!("{text:?} is no number of a template: write 7, not 07")),
        }
    }
}

impl From<TemplateId> for String {
    fn from(template: TemplateId) -> Self {
        template.0
    }
}

/// A name of PHP, with its namespaces.
fn is_name(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'\\' | b'.' | b'-');
    !text.is_empty() && text.bytes().all(known)
}

impl TryFrom<String> for DocumentType {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once('/') {
            Some((module, entity)) if is_name(module) && is_name(entity) => Ok(Self(text.to_ascii_lowercase())),
            _ => Err(format!(
                "{text:?} is no type of document: write MODULE_ID/ENTITY, such as crm/CCrmDocumentDeal"
            )),
        }
    }
}

impl From<DocumentType> for String {
    fn from(document: DocumentType) -> Self {
        document.0
    }
}

impl TryFrom<String> for Module {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if is_name(&text) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(format!("{text:?} is no module: write its id, such as crm"))
        }
    }
}

impl From<Module> for String {
    fn from(module: Module) -> Self {
        module.0
    }
}

impl TemplateId {
    /// That of a workflow as the portal shows it.
    pub fn of_portal(template: &str) -> Self {
        Self(template.to_owned())
    }
}

impl Module {
    /// That of a workflow as the portal shows it.
    pub fn of_portal(module: &str) -> Self {
        Self(module.to_ascii_lowercase())
    }
}

impl DocumentType {
    /// That of a document as the portal shows it.
    pub fn of_portal(module: &Module, entity: &str) -> Self {
        Self(format!("{}/{}", module.0, entity.to_ascii_lowercase()))
    }

    /// Whether it is of this module.
    pub fn is_of(&self, module: &Module) -> bool {
        self.0.split_once('/').is_some_and(|(name, _)| name == module.0)
    }
}
