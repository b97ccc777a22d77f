//! `user.get`, `user.current`, `user.fields`, `user.admin`.
//!
//! What it does wrong, on purpose: conditions on fields that the scope does not allow vanish without a word, texts without
//! prefix are patterns, the three-character prefixes do not parse, people without a department are hidden, and an empty
//! answer has no `total`. Sections 2.1 and 2.3 of the protocol notes.

use std::collections::BTreeSet;

use super::behaviour::{ActiveForm, AdminMode, Departments, UserOrder};
use super::call::{Answer, Desk, PAGE, Refusal, Success};
use super::collation;
use super::dates;
use super::orm::{Held, Operator, Prefix, Texts};
use super::php::{Key, Php, PhpArray};
use super::world::{BEGINNING, User, World};

/// The fields of the sandbox's users, and which scopes show them: `user`, `user_basic`, `user_brief`.
const FIELDS: [(&str, [bool; 3]); 18] = [
    ("ID", [true, true, true]),
    ("XML_ID", [true, true, true]),
    ("ACTIVE", [true, true, true]),
    ("NAME", [true, true, true]),
    ("LAST_NAME", [true, true, true]),
    ("SECOND_NAME", [true, true, true]),
    ("TITLE", [true, true, true]),
    ("EMAIL", [true, true, false]),
    ("LAST_LOGIN", [true, false, false]),
    ("DATE_REGISTER", [true, true, true]),
    ("IS_ONLINE", [true, true, true]),
    ("TIMESTAMP_X", [true, true, true]),
    ("LAST_ACTIVITY_DATE", [true, true, true]),
    ("PERSONAL_PHONE", [true, true, false]),
    ("WORK_PHONE", [true, true, false]),
    ("WORK_POSITION", [true, true, true]),
    ("UF_DEPARTMENT", [true, true, true]),
    ("USER_TYPE", [true, true, true]),
];

/// What can be asked for in any scope although no row shows it.
const FILTER_ONLY: [&str; 4] = ["IS_ONLINE", "HAS_DEPARTAMENT", "NAME_SEARCH", "EXTERNAL_AUTH_ID"];

/// Technical accounts: never listed, not even by id.
const TECHNICAL: [&str; 8] = [
    "bot",
    "email",
    "imconnector",
    "shop",
    "call",
    "document_editor",
    "controller",
    "replica",
];

struct Condition {
    field: String,
    prefix: Prefix,
    wanted: Php,
}

/// `user.get`.
pub(crate) fn get(desk: &Desk<'_>, params: &PhpArray, start: i64) -> Answer {
    let query = params.upper_case_keys();
    let allowed = allowed_fields(desk.world);
    let order = Order::parse(query.given("SORT"), query.given("ORDER"), &allowed)?;
    let fields = selected(query.given("SELECT"), &allowed);
    let administrates = desk.world.webhook.administrator;
    let admin_mode = administrates
        && desk.behaviour.admin_mode == AdminMode::Honoured
        && query.given("ADMIN_MODE").is_some_and(Php::is_truthy);
    let filter = match query.given("FILTER").and_then(Php::as_array) {
        Some(filter) => filter.upper_case_keys(),
        None => query,
    };
    let conditions = if desk.drops_filters {
        Vec::new()
    } else {
        conditions(&filter, &allowed)?
    };
    let texts = Texts::of(desk.behaviour);
    // Only the literal key `ID` lifts the veil: `=ID` and `@ID` do not.
    let asks_by_id = administrates && conditions.iter().any(|one| one.field == "ID" && one.is_bare());
    let hides = desk.world.modules.extranet && !admin_mode && !asks_by_id;

    let mut users: Vec<&User> = candidates(desk.world, &conditions)
        .into_iter()
        .filter(|user| !TECHNICAL.contains(&user.user_type.as_str()))
        .filter(|user| !hides || !user.departments.is_empty())
        .filter(|user| conditions.iter().all(|condition| condition.passes(user, texts)))
        .collect();
    match order {
        Some(order) => order.sort(&mut users),
        None if desk.behaviour.user_order == UserOrder::None => shuffle(&mut users, start),
        None => {}
    }

    let offset = usize::try_from(start.max(0)).unwrap_or(usize::MAX);
    let rows = users
        .iter()
        .skip(offset)
        .take(PAGE)
        .map(|user| Php::Array(row(desk, user, &fields)));
    let rows = PhpArray::list(rows);
    if rows.is_empty() {
        return Ok(Success::plain(rows));
    }
    let count = if start == -1 { 0 } else { users.len() };
    let shown = offset.saturating_add(rows.len());
    let next = (shown < count).then(|| signed(shown));
    Ok(Success {
        result: Php::Array(rows),
        next,
        total: Some(signed(count)),
    })
}

/// `user.current`.
pub(crate) fn current(desk: &Desk<'_>) -> Answer {
    let owner = desk
        .world
        .user(desk.world.webhook.owner)
        .ok_or_else(Refusal::access_denied)?;
    Ok(Success::plain(row(desk, owner, &allowed_fields(desk.world))))
}

/// `user.fields`: names and titles.
pub(crate) fn fields(desk: &Desk<'_>) -> Success {
    let titles = allowed_fields(desk.world).into_iter().map(|field| {
        let title = field.replace('_', " ").to_lowercase();
        (Key::new(field), Php::Text(title))
    });
    Success::plain(titles.collect::<PhpArray>())
}

fn allowed_fields(world: &World) -> Vec<&'static str> {
    let granted = |scope: &str| world.webhook.scopes.iter().any(|own| own == scope);
    let Some(column) = ["user", "user_basic", "user_brief"].into_iter().position(granted) else {
        return Vec::new();
    };
    FIELDS
        .into_iter()
        .filter(|(_, shown)| shown[column])
        .map(|(field, _)| field)
        .collect()
}

/// Select is case-sensitive, and names that do not exist are skipped: nothing known leaves rows without any field.
fn selected(select: Option<&Php>, allowed: &[&'static str]) -> Vec<&'static str> {
    let Some(select) = select.and_then(Php::as_array).filter(|select| !select.is_empty()) else {
        return allowed.to_vec();
    };
    let asks = |name: &str| {
        select
            .iter()
            .any(|(_, value)| matches!(value, Php::Text(text) if text == name))
    };
    if asks("*") {
        return allowed.to_vec();
    }
    let custom = asks("UF_*");
    allowed
        .iter()
        .copied()
        .filter(|field| asks(field) || (custom && field.starts_with("UF_")))
        .collect()
}

/// Splits "one or two symbols, then the rest"; keys whose rest is not allowed are dropped without a word.
fn conditions(filter: &PhpArray, allowed: &[&str]) -> Result<Vec<Condition>, Refusal> {
    let mut conditions: Vec<Condition> = Vec::new();
    for (key, value) in filter.iter() {
        let key = key.to_text();
        let symbols: usize = key
            .chars()
            .take(2)
            .take_while(|letter| !is_word(*letter))
            .map(char::len_utf8)
            .sum();
        let symbols = if symbols < key.len() { symbols } else { 0 };
        let (prefix, field) = key.split_at(symbols);
        if !allowed.contains(&field) && !FILTER_ONLY.contains(&field) {
            continue;
        }
        let prefix = match field {
            "HAS_DEPARTAMENT" | "NAME_SEARCH" => "",
            "ACTIVE" | "USER_TYPE" if prefix.is_empty() => "=",
            _ => prefix,
        };
        let prefix = Prefix::parse(prefix)
            .ok_or_else(|| Refusal::new(400, "ERROR_CORE", format!("Unknown filter operation {prefix}")))?;
        let condition = Condition {
            field: field.to_owned(),
            prefix,
            wanted: prepared(field, value),
        };
        conditions.retain(|own| own.field != condition.field || own.prefix != condition.prefix);
        conditions.push(condition);
    }
    Ok(conditions)
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// The casts of special fields.
fn prepared(field: &str, value: &Php) -> Php {
    match (field, value) {
        ("ID", Php::Array(values)) if !values.is_empty() => {
            Php::Array(PhpArray::list(values.iter().map(|(_, value)| Php::Int(value.to_int()))))
        }
        ("ID", value) => Php::Int(value.to_int()),
        ("ACTIVE" | "IS_ONLINE", value) => {
            let yes = value.is_truthy() && !matches!(value, Php::Text(text) if text == "N");
            Php::from(if yes { "Y" } else { "N" })
        }
        (_, value) => value.clone(),
    }
}

impl Condition {
    /// Users besides whom nobody can pass, where the condition names them.
    fn named(&self, world: &World) -> Option<BTreeSet<u32>> {
        let wanted: Vec<&Php> = match self.wanted.as_array() {
            Some(values) => values.iter().map(|(_, value)| value).collect(),
            None => vec![&self.wanted],
        };
        match (self.field.as_str(), self.prefix.operator) {
            _ if self.prefix.negated || wanted.is_empty() => None,
            ("ID", Operator::Bare | Operator::Equal | Operator::In) => {
                let id = |value: &Php| u32::try_from(value.to_int()).ok();
                Some(wanted.into_iter().filter_map(id).collect())
            }
            ("EMAIL", Operator::Equal | Operator::In) => {
                let emails: Vec<String> = wanted.into_iter().map(Php::to_text).collect();
                // A blank asks for those who have none.
                let names_some = emails.iter().all(|email| !email.is_empty());
                names_some.then(|| emails.iter().flat_map(|email| world.users_about(email)).collect())
            }
            _ => None,
        }
    }

    fn is_bare(&self) -> bool {
        self.prefix.operator == Operator::Bare && !self.prefix.negated
    }

    fn passes(&self, user: &User, texts: Texts) -> bool {
        let passes = |held: Held<'_>| self.prefix.passes(held, &self.wanted, texts);
        let text = |held: Option<&str>| passes(held.map_or(Held::Null, Held::Text));
        match self.field.as_str() {
            "ID" => passes(Held::Int(i64::from(user.id))),
            "ACTIVE" => text(Some(if user.active { "Y" } else { "N" })),
            "IS_ONLINE" => text(Some("N")),
            "NAME" => text(user.name.as_deref()),
            "LAST_NAME" => text(user.last_name.as_deref()),
            "SECOND_NAME" => text(user.second_name.as_deref()),
            "EMAIL" => text(user.email.as_deref()),
            "WORK_POSITION" => text(user.position.as_deref()),
            "USER_TYPE" => text(Some(&user.user_type)),
            "UF_DEPARTMENT" => {
                let held = |department: &u32| passes(Held::Int(i64::from(*department)));
                if user.departments.is_empty() {
                    passes(Held::Null)
                } else {
                    user.departments.iter().any(held)
                }
            }
            "HAS_DEPARTAMENT" => self.wanted != Php::from("Y") || !user.departments.is_empty(),
            "NAME_SEARCH" => {
                let wanted = self.wanted.to_text();
                let begins = |name: &Option<String>| {
                    name.as_deref()
                        .is_some_and(|name| collation::folded(name).starts_with(&collation::folded(&wanted)))
                };
                begins(&user.name) || begins(&user.last_name)
            }
            _ => passes(Held::Null),
        }
    }
}

/// Everybody, or, when users are named by id or e-mail, no more than a few others besides them: the same rows, found faster.
fn candidates<'a>(world: &'a World, conditions: &[Condition]) -> Vec<&'a User> {
    match conditions.iter().find_map(|condition| condition.named(world)) {
        Some(ids) => ids.into_iter().filter_map(|id| world.user(id)).collect(),
        None => world.users().collect(),
    }
}

struct Order {
    field: String,
    descending: bool,
}

impl Order {
    /// `None`: nobody asks for an order. Both parameters are needed.
    fn parse(sort: Option<&Php>, order: Option<&Php>, allowed: &[&str]) -> Result<Option<Self>, Refusal> {
        let (Some(sort), Some(order)) = (sort.filter(|one| one.is_truthy()), order.filter(|one| one.is_truthy()))
        else {
            return Ok(None);
        };
        let field = sort.to_text().to_uppercase();
        if !allowed.contains(&field.as_str()) {
            return Err(Refusal::new(
                400,
                "ERROR_CORE",
                format!("Unknown field definition `{field}`"),
            ));
        }
        Ok(Some(Self {
            field,
            descending: order.to_text().eq_ignore_ascii_case("desc"),
        }))
    }

    fn sort(&self, users: &mut [&User]) {
        let text = |text: &Option<String>| text.as_deref().map(collation::folded).unwrap_or_default();
        match self.field.as_str() {
            "NAME" => users.sort_by_cached_key(|user| text(&user.name)),
            "LAST_NAME" => users.sort_by_cached_key(|user| text(&user.last_name)),
            "SECOND_NAME" => users.sort_by_cached_key(|user| text(&user.second_name)),
            "EMAIL" => users.sort_by_cached_key(|user| text(&user.email)),
            "ACTIVE" => users.sort_by_key(|user| user.active),
            _ => users.sort_by_key(|user| user.id),
        }
        if self.descending {
            users.reverse();
        }
    }
}

/// An order that follows from nothing, and that another offset changes: pages overlap, and leave somebody out.
fn shuffle(users: &mut [&User], start: i64) {
    let offset = u32::try_from(start.max(0)).unwrap_or(u32::MAX);
    users.sort_by_key(|user| (user.id ^ offset).wrapping_mul(2_654_435_761));
}

/// A row: NULL columns are left out.
fn row(desk: &Desk<'_>, user: &User, fields: &[&str]) -> PhpArray {
    let mut row = PhpArray::default();
    let text = |text: &Option<String>| Php::from(text.clone());
    for field in fields {
        let value = match *field {
            "ID" => desk.number(i64::from(user.id)),
            "ACTIVE" => match desk.behaviour.active {
                ActiveForm::Bool => Php::Bool(user.active),
                ActiveForm::YesNo => Php::from(if user.active { "Y" } else { "N" }),
            },
            "NAME" => text(&user.name),
            "LAST_NAME" => text(&user.last_name),
            "SECOND_NAME" => text(&user.second_name),
            "EMAIL" => text(&user.email),
            "WORK_POSITION" => text(&user.position),
            "USER_TYPE" => Php::from(user.user_type.as_str()),
            "IS_ONLINE" => Php::from("N"),
            "LAST_LOGIN" => Php::from(""),
            "DATE_REGISTER" => Php::from(dates::iso(BEGINNING - 365 * 86_400)),
            "TIMESTAMP_X" => Php::Object,
            "LAST_ACTIVITY_DATE" if user.active => Php::from(dates::sql(BEGINNING)),
            "UF_DEPARTMENT" if desk.behaviour.departments == Departments::LeftOut => Php::Null,
            "UF_DEPARTMENT" => Php::Array(PhpArray::list(
                user.departments.iter().map(|one| Php::Int(i64::from(*one))),
            )),
            _ => Php::Null,
        };
        if value != Php::Null {
            row.put(field, value);
        }
    }
    row
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
