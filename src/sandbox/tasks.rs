//! `bizproc.task.list`.
//!
//! What it does wrong, on purpose: conditions with other prefixes or fields vanish without a word, an empty array is no
//! condition but still joins the participants, junk becomes 0, a page after the last one is the first one, and a select of
//! the template's name hides tasks whose template was deleted. Section 3 of the protocol notes.

use std::cmp::Ordering;

use super::behaviour::FilterArrays;
use super::call::{Answer, Desk, PAGE, Refusal, Success};
use super::collation;
use super::dates;
use super::php::{Key, Php, PhpArray};
use super::world::{Participant, Task, Workflow, World};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Int,
    Text,
    Date,
}

const FIELDS: [(&str, Kind); 21] = [
    ("ID", Kind::Int),
    ("ACTIVITY", Kind::Text),
    ("ACTIVITY_NAME", Kind::Text),
    ("WORKFLOW_ID", Kind::Text),
    ("DOCUMENT_NAME", Kind::Text),
    ("DESCRIPTION", Kind::Text),
    ("NAME", Kind::Text),
    ("MODIFIED", Kind::Date),
    ("WORKFLOW_STARTED", Kind::Date),
    ("WORKFLOW_STARTED_BY", Kind::Int),
    ("OVERDUE_DATE", Kind::Date),
    ("WORKFLOW_TEMPLATE_ID", Kind::Int),
    ("WORKFLOW_TEMPLATE_NAME", Kind::Text),
    ("WORKFLOW_STATE", Kind::Text),
    ("STATUS", Kind::Int),
    ("USER_ID", Kind::Int),
    ("USER_STATUS", Kind::Int),
    ("MODULE_ID", Kind::Text),
    ("ENTITY", Kind::Text),
    ("DOCUMENT_ID", Kind::Text),
    ("PARAMETERS", Kind::Text),
];

const DEFAULT_SELECT: [&str; 4] = ["ID", "WORKFLOW_ID", "DOCUMENT_NAME", "NAME"];

/// The fields whose use joins the participants, so that rows become pairs of task and user.
const PAIRING: [&str; 2] = ["USER_ID", "USER_STATUS"];

struct Row<'a> {
    task: &'a Task,
    workflow: &'a Workflow,
    participant: Option<Participant>,
}

#[derive(Clone, Debug, PartialEq)]
enum Cell {
    Null,
    Int(i64),
    Text(String),
    Date(i64),
}

struct Condition {
    field: &'static str,
    kind: Kind,
    negated: bool,
    /// `=`, `<`, `<=`, `>` or `>=`.
    operator: &'static str,
    wanted: Vec<Php>,
}

/// `bizproc.task.list`.
pub(crate) fn list(desk: &Desk<'_>, params: &PhpArray, start: i64) -> Answer {
    let params = params.upper_case_keys();
    let select = select(params.given("SELECT"))?;
    let mut conditions = conditions(params.given("FILTER"), desk.behaviour.filter_arrays);
    check_rights(desk, params.given("FILTER"), &mut conditions)?;
    if desk.drops_filters {
        conditions.clear();
    }
    let order = order(params.given("ORDER"));

    let used = |field: &str| {
        select.contains(&field)
            || order.iter().any(|(own, _)| *own == field)
            || conditions.iter().any(|condition| condition.field == field)
    };
    let pairs = PAIRING.into_iter().any(used);
    let needs_template = used("WORKFLOW_TEMPLATE_NAME");
    let mut rows = Vec::new();
    for task in candidates(desk.world, &conditions) {
        let Some(workflow) = desk
            .world
            .workflow(&task.workflow)
            .filter(|workflow| workflow.state.is_some())
        else {
            continue;
        };
        if needs_template && workflow.template_name.is_none() {
            continue;
        }
        let mut add = |participant| {
            let row = Row {
                task,
                workflow,
                participant,
            };
            if conditions.iter().all(|condition| condition.passes(&row)) {
                rows.push(row);
            }
        };
        if pairs {
            task.participants.iter().for_each(|participant| add(Some(*participant)));
        } else {
            add(None);
        }
    }
    sort(&mut rows, &order);

    let page = Page::new(start, rows.len());
    let shown = rows
        .iter()
        .skip(page.offset)
        .take(PAGE)
        .map(|row| Php::Array(shown(desk, row, &select, &order)));
    let result = Php::Array(PhpArray::list(shown));
    Ok(Success {
        result,
        next: page.next,
        total: Some(page.total),
    })
}

/// Who is no administrator sees own tasks, and those of subordinates.
fn check_rights(desk: &Desk<'_>, filter: Option<&Php>, conditions: &mut Vec<Condition>) -> Result<(), Refusal> {
    let webhook = &desk.world.webhook;
    if webhook.administrator {
        return Ok(());
    }
    // Only the bare key counts as "a user is given"; the right is tested against the cast of the raw value.
    let bare = filter.and_then(Php::as_array).and_then(|filter| {
        let given = |(key, value): (&Key, &Php)| {
            (key.to_text().eq_ignore_ascii_case("USER_ID") && !matches!(value, Php::Null)).then(|| value.to_int())
        };
        filter.iter().filter_map(given).last()
    });
    match bare {
        None => conditions.push(Condition {
            field: "USER_ID",
            kind: Kind::Int,
            negated: false,
            operator: "=",
            wanted: vec![Php::Int(i64::from(webhook.owner))],
        }),
        Some(target) => {
            let allowed = |user: u32| user == webhook.owner || webhook.subordinates.contains(&user);
            if !u32::try_from(target).is_ok_and(allowed) {
                return Err(Refusal::access_denied());
            }
        }
    }
    Ok(())
}

/// The fields to show, after `ENTITY` and `DOCUMENT_ID`, which are always there.
fn select(select: Option<&Php>) -> Result<Vec<&'static str>, Refusal> {
    let names = FIELDS.map(|(field, _)| field);
    let chosen = chosen(select, &names, &DEFAULT_SELECT)?;
    let mut all = vec!["ENTITY", "DOCUMENT_ID"];
    all.extend(
        chosen
            .into_iter()
            .filter(|field| !matches!(*field, "ENTITY" | "DOCUMENT_ID")),
    );
    Ok(all)
}

/// What `SELECT` chooses of `known`: any case, unknown names ignored, nothing known gives the default.
pub(crate) fn chosen(
    select: Option<&Php>,
    known: &[&'static str],
    default: &[&'static str],
) -> Result<Vec<&'static str>, Refusal> {
    let mut chosen = Vec::new();
    for (_, value) in select.and_then(Php::as_array).into_iter().flat_map(PhpArray::iter) {
        if matches!(value, Php::Array(_) | Php::Null) {
            return Err(Refusal::new(
                400,
                "ERROR_SELECT_VALIDATION_FAILURE",
                "Invalid data in SELECT parameter",
            ));
        }
        let name = value.to_text().to_uppercase();
        if let Some(field) = known
            .iter()
            .find(|field| **field == name)
            .filter(|field| !chosen.contains(*field))
        {
            chosen.push(*field);
        }
    }
    Ok(if chosen.is_empty() { default.to_vec() } else { chosen })
}

/// Splits a filter's key into prefix and field, as all of `bizproc.*` does; `None`: the condition is dropped.
pub(crate) fn split_key<'a>(key: &'a str, known: &[&'static str]) -> Option<(&'a str, &'static str)> {
    let (prefix, field) = key.split_at(
        key.find(|letter: char| letter.is_ascii_alphabetic())
            .unwrap_or(key.len()),
    );
    let field = field.to_uppercase();
    let field = known.iter().find(|own| **own == field)?;
    ["", "!", "=", "!=", "<", "<=", ">", ">="]
        .contains(&prefix)
        .then_some((prefix, *field))
}

fn conditions(filter: Option<&Php>, arrays: FilterArrays) -> Vec<Condition> {
    let mut conditions: Vec<Condition> = Vec::new();
    let names = FIELDS.map(|(field, _)| field);
    for (key, value) in filter.and_then(Php::as_array).into_iter().flat_map(PhpArray::iter) {
        let key = key.to_text();
        let Some((prefix, field)) = split_key(&key, &names) else {
            continue;
        };
        let kind = FIELDS
            .into_iter()
            .find(|(own, _)| *own == field)
            .map_or(Kind::Text, |(_, kind)| kind);
        let (negated, rest) = prefix.strip_prefix('!').map_or((false, prefix), |rest| (true, rest));
        let operator = match rest {
            "<" => "<",
            "<=" => "<=",
            ">" => ">",
            ">=" => ">=",
            _ => "=",
        };
        let condition = Condition {
            field,
            kind,
            negated,
            operator,
            wanted: wanted(value, kind, arrays),
        };
        conditions.push(condition);
    }
    conditions
}

/// The alternatives that a value stands for: an array's values at 0, 1, 2 …, null where one of these is missing.
fn wanted(value: &Php, kind: Kind, arrays: FilterArrays) -> Vec<Php> {
    match value {
        Php::Array(_) if arrays == FilterArrays::Cast => {
            vec![if kind == Kind::Int {
                Php::Int(value.to_int())
            } else {
                Php::from(value.to_text())
            }]
        }
        Php::Array(values) => {
            let at = |index| values.get(&Key::Int(index)).cloned().unwrap_or(Php::Null);
            (0..).take(values.len()).map(at).collect()
        }
        value => vec![value.clone()],
    }
}

impl Condition {
    fn passes(&self, row: &Row<'_>) -> bool {
        let cell = cell(row, self.field);
        let mut alternatives = self.wanted.iter().map(|wanted| self.passes_one(&cell, wanted));
        if self.wanted.is_empty() {
            true
        } else if self.negated {
            alternatives.all(|passes| passes)
        } else {
            alternatives.any(|passes| passes)
        }
    }

    fn passes_one(&self, cell: &Cell, wanted: &Php) -> bool {
        let compared = |order: Ordering| match self.operator {
            "<" => order.is_lt(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            ">=" => order.is_ge(),
            _ => order.is_eq(),
        };
        let (blank, order) = match (self.kind, cell) {
            (Kind::Int, cell) => {
                let wanted = wanted.to_int();
                let order = match cell {
                    Cell::Int(number) => Some(number.cmp(&wanted)),
                    _ => None,
                };
                (wanted == 0 && self.operator.contains('='), order)
            }
            (Kind::Text, cell) => {
                let wanted = wanted.to_text();
                let order = match cell {
                    Cell::Text(text) => Some(collation::folded(text).cmp(&collation::folded(&wanted))),
                    _ => None,
                };
                (wanted.is_empty() && self.operator.contains('='), order)
            }
            (Kind::Date, cell) => {
                let Some(wanted) = dates::parse(&wanted.to_text()) else {
                    // What is no date asks for fields without one.
                    return (*cell == Cell::Null) != self.negated;
                };
                let order = match cell {
                    Cell::Date(date) => Some(date.cmp(&wanted)),
                    _ => None,
                };
                (false, order)
            }
        };
        // A blank wish also finds NULL; a negated wish finds NULL unless it is blank.
        match order {
            None => blank != self.negated,
            Some(order) => compared(order) != self.negated,
        }
    }

    /// The rows that can pass, by index: only where that gives the very same rows.
    fn narrows<'a>(&self, world: &'a World) -> Option<Vec<&'a Task>> {
        if self.negated || self.operator != "=" || self.wanted.is_empty() {
            return None;
        }
        let mut tasks: Vec<&Task> = Vec::new();
        for wanted in &self.wanted {
            match self.field {
                "USER_ID" => tasks.extend(
                    u32::try_from(wanted.to_int())
                        .ok()
                        .into_iter()
                        .flat_map(|id| world.tasks_with(id)),
                ),
                "ID" => tasks.extend(u64::try_from(wanted.to_int()).ok().and_then(|id| world.task(id))),
                "WORKFLOW_ID" => {
                    let id = wanted.to_text();
                    tasks.extend(world.tasks_of(&id));
                    // The database ignores case; ids are written in lower case.
                    let lower = id.to_lowercase();
                    if lower != id {
                        tasks.extend(world.tasks_of(&lower));
                    }
                }
                _ => return None,
            }
        }
        tasks.sort_by_key(|task| task.id);
        tasks.dedup_by_key(|task| task.id);
        Some(tasks)
    }
}

fn candidates<'a>(world: &'a World, conditions: &[Condition]) -> Vec<&'a Task> {
    conditions
        .iter()
        .find_map(|condition| condition.narrows(world))
        .unwrap_or_else(|| world.tasks().collect())
}

fn cell(row: &Row<'_>, field: &str) -> Cell {
    let text = |text: &str| Cell::Text(text.to_owned());
    let perhaps = |value: Option<&String>| value.map_or(Cell::Null, |value| text(value));
    let Row {
        task,
        workflow,
        participant,
    } = row;
    match field {
        "ID" => Cell::Int(i64::try_from(task.id).unwrap_or(i64::MAX)),
        "ACTIVITY" => text(&task.activity),
        "ACTIVITY_NAME" => text(&task.activity_name),
        "WORKFLOW_ID" => text(&task.workflow),
        "DOCUMENT_NAME" => perhaps(task.document_name.as_ref()),
        "DESCRIPTION" => perhaps(task.description.as_ref()),
        "NAME" => text(&task.name),
        "MODIFIED" => Cell::Date(task.modified),
        "WORKFLOW_STARTED" => Cell::Date(workflow.started),
        "WORKFLOW_STARTED_BY" => workflow
            .started_by
            .map_or(Cell::Null, |user| Cell::Int(i64::from(user))),
        "OVERDUE_DATE" => task.overdue.map_or(Cell::Null, Cell::Date),
        "WORKFLOW_TEMPLATE_ID" if workflow.template_id == 0 => Cell::Null,
        "WORKFLOW_TEMPLATE_ID" => Cell::Int(i64::from(workflow.template_id)),
        "WORKFLOW_TEMPLATE_NAME" => perhaps(workflow.template_name.as_ref()),
        "WORKFLOW_STATE" => perhaps(workflow.state.as_ref()),
        "STATUS" => Cell::Int(task.status),
        "USER_ID" => participant.map_or(Cell::Null, |one| Cell::Int(i64::from(one.user))),
        "USER_STATUS" => participant.map_or(Cell::Null, |one| Cell::Int(one.status)),
        "MODULE_ID" => text(&workflow.module),
        "ENTITY" => text(&workflow.entity),
        "DOCUMENT_ID" => text(&workflow.document_id),
        _ => Cell::Null,
    }
}

/// What `ORDER` asks for: the field, and whether descending.
fn order(order: Option<&Php>) -> Vec<(&'static str, bool)> {
    let names = FIELDS.map(|(field, _)| field);
    orders(order, &names, ("ID", true))
}

/// What `ORDER` asks for of `known`, as all of `bizproc.*` reads it.
pub(crate) fn orders(
    order: Option<&Php>,
    known: &[&'static str],
    default: (&'static str, bool),
) -> Vec<(&'static str, bool)> {
    let mut orders: Vec<(&'static str, bool)> = Vec::new();
    for (key, value) in order.and_then(Php::as_array).into_iter().flat_map(PhpArray::iter) {
        let name = key.to_text().to_uppercase();
        let descending = value.to_text().eq_ignore_ascii_case("desc");
        if let Some(field) = known.iter().find(|field| **field == name) {
            orders.retain(|(own, _)| own != field);
            orders.push((field, descending));
        }
    }
    if orders.is_empty() { vec![default] } else { orders }
}

fn sort(rows: &mut [Row<'_>], order: &[(&'static str, bool)]) {
    rows.sort_by(|left, right| {
        let each = order.iter().map(|(field, descending)| {
            let ordering = match *field {
                "ID" => left.task.id.cmp(&right.task.id),
                field => compare(&cell(left, field), &cell(right, field)),
            };
            if *descending { ordering.reverse() } else { ordering }
        });
        each.fold(Ordering::Equal, Ordering::then)
    });
}

fn compare(left: &Cell, right: &Cell) -> Ordering {
    match (left, right) {
        (Cell::Int(left), Cell::Int(right)) | (Cell::Date(left), Cell::Date(right)) => left.cmp(right),
        (Cell::Text(left), Cell::Text(right)) => collation::folded(left).cmp(&collation::folded(right)),
        (left, right) => (*left != Cell::Null).cmp(&(*right != Cell::Null)),
    }
}

/// A page, counted from the offset by the old navigation: floored to a page, and the first page after the last.
struct Page {
    offset: usize,
    total: i64,
    next: Option<i64>,
}

impl Page {
    fn new(start: i64, rows: usize) -> Self {
        let Ok(start) = usize::try_from(start) else {
            return Self {
                offset: 0,
                total: 0,
                next: None,
            };
        };
        let pages = rows.div_ceil(PAGE);
        let page = start / PAGE;
        let page = if page < pages { page } else { 0 };
        let signed = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let next = (page + 1 < pages).then(|| signed((page + 1) * PAGE));
        Self {
            offset: page * PAGE,
            total: signed(rows),
            next,
        }
    }
}

fn shown(desk: &Desk<'_>, row: &Row<'_>, select: &[&str], order: &[(&'static str, bool)]) -> PhpArray {
    let mut shown = PhpArray::default();
    let is_date = |field: &str| FIELDS.contains(&(field, Kind::Date));
    let ordered_dates = order.iter().map(|(field, _)| *field).filter(|field| is_date(field));
    let extra = ordered_dates.filter(|field| !select.contains(field));
    for field in select.iter().copied().chain(extra) {
        let cell = cell(row, field);
        if let (true, Cell::Date(date)) = (order.iter().any(|(own, _)| *own == field), &cell) {
            shown.put(&format!("{field}_X1"), dates::sql(*date));
        }
        let value = match (field, cell) {
            ("PARAMETERS", _) => {
                let texts = [
                    ("CommentLabel", "Comment"),
                    ("CommentRequired", "N"),
                    ("ShowComment", "Y"),
                ];
                Php::Array(
                    texts
                        .into_iter()
                        .map(|(key, text)| (Key::new(key), Php::from(text)))
                        .collect(),
                )
            }
            (_, Cell::Null) => Php::Null,
            (_, Cell::Int(number)) => desk.number(number),
            (_, Cell::Text(text)) => Php::Text(text),
            (_, Cell::Date(date)) => Php::from(dates::iso(date)),
        };
        shown.put(field, value);
    }
    let url = if select.contains(&"MODULE_ID") {
        format!("/bizproc/processes/1/element/0/{}/", row.workflow.document_id)
    } else {
        String::new()
    };
    shown.put("DOCUMENT_URL", url);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_after_the_last_is_the_first_page_again() {
        let of = |start, rows| {
            let page = Page::new(start, rows);
            (page.offset, page.total, page.next)
        };
        assert_eq!(of(0, 120), (0, 120, Some(50)));
        assert_eq!(of(10, 120), (0, 120, Some(50)), "an offset is floored to its page");
        assert_eq!(of(50, 120), (50, 120, Some(100)));
        assert_eq!(of(100, 120), (100, 120, None));
        assert_eq!(
            of(150, 120),
            (0, 120, Some(50)),
            "after the last page the first one comes again"
        );
        assert_eq!(of(100, 100), (0, 100, Some(50)));
        assert_eq!(of(-1, 120), (0, 0, None));
        assert_eq!(of(0, 0), (0, 0, None));
    }

    #[test]
    fn only_eight_prefixes_are_known_and_others_drop_the_condition() {
        let names = FIELDS.map(|(field, _)| field);
        assert_eq!(split_key(">=id", &names), Some((">=", "ID")));
        assert_eq!(split_key("USER_ID", &names), Some(("", "USER_ID")));
        for dropped in ["@USER_ID", "%NAME", "!@ID", "><ID", "USERID", "", "!"] {
            assert_eq!(split_key(dropped, &names), None, "{dropped}");
        }
    }
}
