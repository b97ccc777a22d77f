//! `bizproc.workflow.instances`, `…kill` and `…terminate`.
//!
//! A kill of what is not running is an error with the empty code; a kill of what is running takes everybody's tasks with
//! it. Sections 5.1 to 5.3 of the protocol notes.

use super::behaviour::{Behaviour, EmptyNext, FailedKill, FilterArrays, KillErrorCode, Language, MissingWorkflow};
use super::call::{Answer, Change, Desk, PAGE, Refusal, Success};
use super::collation;
use super::dates;
use super::orm::{Held, Operator, Prefix, Texts};
use super::php::{Php, PhpArray};
use super::tasks::{chosen, orders, split_key};
use super::world::{Workflow, World};

const FIELDS: [&str; 9] = [
    "ID",
    "MODIFIED",
    "OWNED_UNTIL",
    "MODULE_ID",
    "ENTITY",
    "DOCUMENT_ID",
    "STARTED",
    "STARTED_BY",
    "TEMPLATE_ID",
];

const DEFAULT_SELECT: [&str; 3] = ["ID", "MODIFIED", "OWNED_UNTIL"];

struct Condition {
    field: &'static str,
    prefix: Prefix,
    wanted: Php,
}

/// `bizproc.workflow.instances`.
pub(crate) fn instances(desk: &Desk<'_>, params: &PhpArray, start: i64) -> Answer {
    desk.require_administrator()?;
    let params = params.upper_case_keys();
    let select = chosen(params.given("SELECT"), &FIELDS, &DEFAULT_SELECT)?;
    let conditions = if desk.drops_filters {
        Vec::new()
    } else {
        conditions(params.given("FILTER"), desk.behaviour.filter_arrays)
    };
    let order = orders(params.given("ORDER"), &FIELDS, ("MODIFIED", true));

    let mut found: Vec<&Workflow> = candidates(desk.world, &conditions);
    found.retain(|workflow| workflow.running && conditions.iter().all(|condition| condition.passes(workflow)));
    for (field, descending) in order.iter().rev() {
        found.sort_by(|left, right| {
            let ordering = sort_key(left, field).cmp(&sort_key(right, field));
            if *descending { ordering.reverse() } else { ordering }
        });
    }

    let offset = usize::try_from(start.max(0)).unwrap_or(usize::MAX);
    let rows = found
        .iter()
        .skip(offset)
        .take(PAGE)
        .map(|workflow| Php::Array(row(desk, workflow, &select)));
    let rows = PhpArray::list(rows);
    let signed = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let count = if start >= 0 { signed(found.len()) } else { 0 };
    // With `start=-1` and no rows this sum is -1, and so is `next`.
    let shown = start.saturating_add(signed(rows.len()));
    Ok(Success {
        result: Php::Array(rows),
        next: (shown < count)
            .then_some(shown)
            .filter(|next| *next >= 0 || desk.behaviour.empty_next == EmptyNext::MinusOne),
        total: Some(count),
    })
}

/// `bizproc.workflow.kill`.
pub(crate) fn kill(desk: &mut Desk<'_>, params: &PhpArray) -> Answer {
    desk.require_administrator()?;
    let id = workflow_id(&params.upper_case_keys())?;
    let behaviour = desk.behaviour;
    let failure = match desk.world.running(&id) {
        None if behaviour.missing_workflow == MissingWorkflow::True => return Ok(Success::plain(true)),
        None => Some(not_found(behaviour)),
        Some(workflow) if workflow.unkillable => Some(activity_failed(behaviour)),
        Some(_) => None,
    };
    if failure.is_none() || behaviour.failed_kill == FailedKill::DeletesAllTheSame {
        let removed = desk.world.kill(&id);
        desk.change = removed.map(|removed| Change {
            workflow: id,
            status_text: None,
            removed,
        });
    }
    failure.map_or_else(|| Ok(Success::plain(true)), Err)
}

/// `bizproc.workflow.terminate`.
pub(crate) fn terminate(desk: &mut Desk<'_>, params: &PhpArray) -> Answer {
    desk.require_administrator()?;
    let params = params.upper_case_keys();
    let id = workflow_id(&params)?;
    let behaviour = desk.behaviour;
    match desk.world.running(&id) {
        None if behaviour.missing_workflow == MissingWorkflow::True => return Ok(Success::plain(true)),
        None => return Err(not_found(behaviour)),
        Some(workflow) if workflow.unkillable => return Err(activity_failed(behaviour)),
        Some(_) => {}
    }
    let status = params.given("STATUS").map(Php::to_text).unwrap_or_default();
    let title = match (status.as_str(), behaviour.language) {
        ("", Language::English) => "Terminated".to_owned(),
        ("", Language::Russian) => "Прерван".to_owned(),
        (text, _) => text.to_owned(),
    };
    let removed = desk.world.terminate(&id, &title);
    desk.change = removed.map(|removed| Change {
        workflow: id,
        status_text: Some(title),
        removed,
    });
    Ok(Success::plain(true))
}

/// The error of a workflow that is missing or finished: its code is the empty text.
pub(crate) fn not_found(behaviour: Behaviour) -> Refusal {
    let text = match behaviour.language {
        Language::English => "The business process is not found.",
        Language::Russian => "Бизнес-процесс не найден.",
    };
    Refusal::new(400, error_code(behaviour), text)
}

/// The error of a workflow whose activity fails while it is ended: the same empty code.
pub(crate) fn activity_failed(behaviour: Behaviour) -> Refusal {
    let text = match behaviour.language {
        Language::English => "An activity of the business process failed.",
        Language::Russian => "Ошибка выполнения действия бизнес-процесса.",
    };
    Refusal::new(400, error_code(behaviour), text)
}

/// The word is one that was reported from the field; no source has it.
fn error_code(behaviour: Behaviour) -> &'static str {
    match behaviour.kill_error_code {
        KillErrorCode::Empty => "",
        KillErrorCode::Word => "ERROR_ACTIVITY_NOT_FOUND",
    }
}

fn workflow_id(params: &PhpArray) -> Result<String, Refusal> {
    let wrong = |text| Refusal::new(400, "ERROR_WRONG_WORKFLOW_ID", text);
    match params.given("ID").filter(|id| id.is_truthy()) {
        None => Err(wrong("Empty workflow instance ID")),
        Some(Php::Text(id)) => Ok(id.clone()),
        Some(_) => Err(wrong("Invalid workflow instance ID (string expected)")),
    }
}

fn conditions(filter: Option<&Php>, arrays: FilterArrays) -> Vec<Condition> {
    let mut conditions: Vec<Condition> = Vec::new();
    for (key, value) in filter.and_then(Php::as_array).into_iter().flat_map(PhpArray::iter) {
        let key = key.to_text();
        let Some((prefix, field)) = split_key(&key, &FIELDS) else {
            continue;
        };
        let Some(prefix) = Prefix::parse(prefix) else { continue };
        let wanted = match (value, field) {
            (Php::Array(_), _) if arrays == FilterArrays::Cast => Php::from(value.to_text()),
            (Php::Array(values), "MODIFIED" | "OWNED_UNTIL" | "STARTED") => {
                Php::Array(PhpArray::list(values.iter().map(|(_, value)| date(value))))
            }
            (value, "MODIFIED" | "OWNED_UNTIL" | "STARTED") => date(value),
            (value, _) => value.clone(),
        };
        conditions.push(Condition { field, prefix, wanted });
    }
    conditions
}

/// What is no date is `false`, which asks for fields without one.
fn date(value: &Php) -> Php {
    dates::parse(&value.to_text()).map_or(Php::Bool(false), Php::Int)
}

impl Condition {
    fn passes(&self, workflow: &Workflow) -> bool {
        let number = |number: Option<i64>| number.map_or(Held::Null, Held::Int);
        let held = match self.field {
            "ID" => Held::Text(&workflow.id),
            "MODULE_ID" => Held::Text(&workflow.module),
            "ENTITY" => Held::Text(&workflow.entity),
            "DOCUMENT_ID" => Held::Text(&workflow.document_id),
            "MODIFIED" => Held::Int(workflow.modified),
            "STARTED" => Held::Int(workflow.started),
            "OWNED_UNTIL" => number(workflow.owned_until),
            "STARTED_BY" => number(workflow.started_by.map(i64::from)),
            _ => Held::Int(i64::from(workflow.template_id)),
        };
        self.prefix.passes(held, &self.wanted, Texts::default())
    }

    /// The ids that this condition asks for, when it asks for ids and nothing else can pass.
    fn ids(&self) -> Option<Vec<String>> {
        let same = Prefix {
            negated: false,
            operator: Operator::Equal,
        };
        match &self.wanted {
            Php::Text(id) if self.field == "ID" && self.prefix == same => Some(vec![id.clone()]),
            Php::Array(ids) if self.field == "ID" && self.prefix == same => {
                Some(ids.iter().map(|(_, id)| id.to_text()).collect())
            }
            _ => None,
        }
    }
}

fn candidates<'a>(world: &'a World, conditions: &[Condition]) -> Vec<&'a Workflow> {
    let Some(ids) = conditions.iter().find_map(Condition::ids) else {
        return world.workflows().collect();
    };
    let mut found: Vec<&Workflow> = Vec::new();
    for id in ids {
        // The database ignores case; ids are written in lower case.
        let either = world.workflow(&id).or_else(|| world.workflow(&id.to_lowercase()));
        found.extend(either.filter(|workflow| !found.iter().any(|own| own.id == workflow.id)));
    }
    found.sort_by(|left, right| left.id.cmp(&right.id));
    found
}

fn sort_key(workflow: &Workflow, field: &str) -> (Option<i64>, String) {
    let number = |number: i64| (Some(number), String::new());
    match field {
        "MODIFIED" => number(workflow.modified),
        "STARTED" => number(workflow.started),
        "OWNED_UNTIL" => (workflow.owned_until, String::new()),
        "STARTED_BY" => (workflow.started_by.map(i64::from), String::new()),
        "TEMPLATE_ID" => number(i64::from(workflow.template_id)),
        "MODULE_ID" => (None, collation::folded(&workflow.module)),
        "ENTITY" => (None, collation::folded(&workflow.entity)),
        "DOCUMENT_ID" => (None, collation::folded(&workflow.document_id)),
        _ => (None, collation::folded(&workflow.id)),
    }
}

fn row(desk: &Desk<'_>, workflow: &Workflow, select: &[&str]) -> PhpArray {
    let mut row = PhpArray::default();
    let date = |date: Option<i64>| Php::from(date.map(dates::iso));
    for field in select {
        let value = match *field {
            "ID" => Php::from(workflow.id.as_str()),
            "MODULE_ID" => Php::from(workflow.module.as_str()),
            "ENTITY" => Php::from(workflow.entity.as_str()),
            "DOCUMENT_ID" => Php::from(workflow.document_id.as_str()),
            "MODIFIED" => date(Some(workflow.modified)),
            "STARTED" => date(Some(workflow.started)),
            "OWNED_UNTIL" => date(workflow.owned_until),
            "STARTED_BY" => workflow
                .started_by
                .map_or(Php::Null, |user| desk.number(i64::from(user))),
            "TEMPLATE_ID" if workflow.template_id == 0 => Php::Null,
            _ => desk.number(i64::from(workflow.template_id)),
        };
        row.put(field, value);
    }
    row
}
