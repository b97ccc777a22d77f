//! Each row of the roster to exactly one user of the portal, or to the reason why not.
//!
//! Pure. A row is asked for by its strongest key only (`id`, then `email`, then the name); every other key in the row must then
//! agree. There is no fall-back to a weaker key: a wrong match would end other people's work.

use std::collections::{BTreeMap, BTreeSet};

use super::policy::{Person, Policy, Protection, Rule, Subject, Unevaluable};
use crate::domain::{ActionKind, RowNumber, RowState, UserId};
use crate::journal::{RowRecord, RowResolved};
use crate::personal::Personal;
use crate::portal::{UserQuery, UserRow};
use crate::roster::compare;

/// The questions that a row's strongest key asks. More than one for a full name, which does not say which word is the surname.
pub fn queries(row: &RowRecord) -> Vec<UserQuery> {
    if let Some(id) = row.id {
        return vec![UserQuery::Id(id)];
    }
    if let Some(email) = &row.email {
        return vec![UserQuery::Email(tidy(email))];
    }
    if let (Some(first), Some(last)) = (&row.first_name, &row.last_name) {
        return vec![UserQuery::Name {
            first: tidy(first),
            last: tidy(last),
        }];
    }
    row.full_name.as_ref().map(full_name_queries).unwrap_or_default()
}

/// As written, less what people cannot see.
fn tidy(cell: &Personal) -> Personal {
    Personal::new(compare::tidy(cell.expose()))
}

/// `Ivan Petrov` and `Petrov Ivan`; of three words, `Petrov Ivan Sergeevich` and `Ivan Sergeevich Petrov`.
fn full_name_queries(full_name: &Personal) -> Vec<UserQuery> {
    let name = |first: &str, last: &str| UserQuery::Name {
        first: Personal::new(first),
        last: Personal::new(last),
    };
    let written = compare::name_words(full_name.expose());
    match written.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [one, two] => vec![name(one, two), name(two, one)],
        [one, two, three] => vec![name(two, one), name(one, three)],
        _ => Vec::new(),
    }
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

/// Who must never be a target.
pub struct Untouchable<'a> {
    /// The webhook's owner.
    pub owner: UserId,
    /// The rules about people.
    pub policy: &'a Policy,
}

/// What became of one row, before the rows are compared with each other.
///
/// # Errors
/// When a rule asks for something about a dismissed person that the portal does not tell.
pub fn resolve(row: &RowRecord, found: &[UserRow], untouchable: &Untouchable<'_>) -> Result<RowResolved, Unevaluable> {
    let candidates: BTreeMap<UserId, &UserRow> = found.iter().map(|user| (user.id, user)).collect();
    let answer = |state, reason: Option<&str>, user| RowResolved {
        row: row.row,
        state,
        reason: reason.map(str::to_owned),
        user,
        same_as: None,
        candidates: candidates.keys().copied().collect(),
    };
    let dismissed: Vec<&UserRow> = candidates.values().copied().filter(|user| !user.active).collect();
    let active = candidates.len() - dismissed.len();
    let only = if candidates.len() == 1 {
        candidates.values().next().copied()
    } else {
        None
    };
    if let Some(key) = only.and_then(|user| disagreement(row, user)) {
        return Ok(answer(RowState::Ambiguous, Some(key), None));
    }
    if let Some(user) = only {
        if user.id == untouchable.owner {
            return Ok(answer(
                RowState::Protected,
                Some("the webhook acts in this person's name"),
                Some(user.id),
            ));
        }
        match untouchable.policy.person(user.into()) {
            Protection::By(rule) => {
                return Ok(answer(RowState::Protected, Some(protected_by(rule)), Some(user.id)));
            }
            // Nothing is done about somebody who still works here, whatever the rules say.
            Protection::Unknown(rule) if !user.active => {
                return Err(Unevaluable {
                    rule,
                    about: Subject::User(user.id, row.row),
                });
            }
            Protection::Unknown(_) | Protection::None => {}
        }
    }
    Ok(match (dismissed.as_slice(), active) {
        ([], 0) => answer(
            RowState::NotFound,
            Some("no such user, or none that the webhook's owner may see"),
            None,
        ),
        ([user], 0) => answer(RowState::Matched, None, Some(user.id)),
        ([], _) => answer(
            RowState::StillActive,
            Some("not dismissed in the portal"),
            only.map(|user| user.id),
        ),
        ([_], _) => answer(RowState::Ambiguous, Some("a dismissed and an active account fit"), None),
        _ => answer(RowState::Ambiguous, Some("several dismissed accounts fit"), None),
    })
}

impl<'a> From<&'a UserRow> for Person<'a> {
    fn from(user: &'a UserRow) -> Self {
        Self {
            user: user.id,
            email: user.email.as_ref(),
            departments: user.departments.as_deref(),
        }
    }
}

/// Why a row is protected, in a fixed phrase.
fn protected_by(rule: Rule) -> &'static str {
    match rule {
        Rule::Emails => "the policy protects this person's e-mail",
        Rule::Departments => "the policy protects this person's department",
        _ => "the policy protects this person",
    }
}

/// The first key of the row that says something else than the user's record. A field that the portal leaves empty does not disagree.
fn disagreement(row: &RowRecord, user: &UserRow) -> Option<&'static str> {
    let differs = |ours: Option<&Personal>, theirs: Option<&Personal>| match (ours, theirs) {
        (Some(ours), Some(theirs)) => {
            !compare::key(theirs.expose()).is_empty() && !compare::same(ours.expose(), theirs.expose())
        }
        _ => false,
    };
    let full_name_differs = row
        .full_name
        .as_ref()
        .is_some_and(|full_name| !fits_full_name(full_name, user));
    [
        (
            "the e-mail disagrees with the portal's",
            differs(row.email.as_ref(), user.email.as_ref()),
        ),
        (
            "the first name disagrees with the portal's",
            differs(row.first_name.as_ref(), user.first_name.as_ref()),
        ),
        (
            "the last name disagrees with the portal's",
            differs(row.last_name.as_ref(), user.last_name.as_ref()),
        ),
        (
            "the second name disagrees with the portal's",
            differs(row.second_name.as_ref(), user.second_name.as_ref()),
        ),
        ("the full name disagrees with the portal's", full_name_differs),
    ]
    .into_iter()
    .find_map(|(reason, differs)| differs.then_some(reason))
}

/// Whether a full name is the user's names in one of the two orders: surname first, or surname last. A second name may be missing on
/// either side, names of several words stay together, and a name that the portal leaves empty cannot disagree.
fn fits_full_name(full_name: &Personal, user: &UserRow) -> bool {
    let key = |name: Option<&Personal>| name.map(|name| compare::key(name.expose())).unwrap_or_default();
    let (first, last, second) = (
        key(user.first_name.as_ref()),
        key(user.last_name.as_ref()),
        key(user.second_name.as_ref()),
    );
    let written = compare::key(&compare::name_words(full_name.expose()).join(" "));
    if first.is_empty() || last.is_empty() {
        let written = words(&written);
        return [&first, &last]
            .into_iter()
            .flat_map(|name| words(name))
            .all(|word| written.contains(&word));
    }
    let is = |parts: &[&str]| parts.iter().flat_map(|part| words(part)).eq(words(&written));
    let known =
        is(&[&last, &first, &second]) || is(&[&first, &second, &last]) || is(&[&last, &first]) || is(&[&first, &last]);
    let surname_first = written.starts_with(&format!("{last} {first} "));
    let surname_last = written.starts_with(&format!("{first} ")) && written.ends_with(&format!(" {last}"));
    known || (second.is_empty() && (surname_first || surname_last))
}

/// Compares the rows with each other: later rows of a person are duplicates; rows of one person that ask for different actions, or of
/// which one fits the person and another disagrees with the portal about them, are all invalid, since the tool never chooses.
pub fn compare_rows(resolved: &mut [RowResolved], actions: &BTreeMap<RowNumber, ActionKind>) {
    let mut of_person: BTreeMap<UserId, Vec<usize>> = BTreeMap::new();
    for (place, row) in resolved.iter().enumerate() {
        if let (RowState::Matched, Some(user)) = (row.state, row.user) {
            of_person.entry(user).or_default().push(place);
        }
    }
    let disputed: BTreeSet<UserId> = resolved
        .iter()
        .filter(|row| row.state == RowState::Ambiguous && row.candidates.len() == 1)
        .flat_map(|row| row.candidates.iter().copied())
        .collect();
    for (user, places) in of_person {
        let wanted: BTreeSet<_> = places.iter().map(|place| actions.get(&resolved[*place].row)).collect();
        let contradiction = match (wanted.len() > 1, disputed.contains(&user)) {
            (true, _) => Some("rows of this person ask for different actions"),
            (false, true) => Some("another row of this person disagrees with the portal"),
            (false, false) => None,
        };
        let first = resolved[places[0]].row;
        for (repeat, place) in places.into_iter().enumerate() {
            let row = &mut resolved[place];
            if let Some(contradiction) = contradiction {
                row.state = RowState::Invalid;
                row.reason = Some(contradiction.to_owned());
            } else if repeat > 0 {
                row.state = RowState::Duplicate;
                row.reason = Some(format!("the same person as row {first}"));
                row.same_as = Some(first);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "every field that takes it is optional")]
    fn text(value: &str) -> Option<Personal> {
        Some(Personal::new(value))
    }

    fn row(number: u32) -> RowRecord {
        RowRecord {
            row: RowNumber(number),
            line: u64::from(number) + 1,
            id: None,
            email: None,
            first_name: None,
            last_name: None,
            second_name: None,
            full_name: None,
            action: ActionKind::Kill,
            state: None,
            reason: None,
            user: None,
            same_as: None,
        }
    }

    fn user(id: u32, active: bool, first: &str, last: &str, email: &str) -> UserRow {
        UserRow {
            id: UserId(id),
            active,
            first_name: text(first),
            last_name: text(last),
            second_name: None,
            email: text(email),
            user_type: None,
            departments: None,
        }
    }

    fn state(row: &RowRecord, found: &[UserRow]) -> RowState {
        let policy = Policy::parse("[protect]\nusers = [77]").unwrap();
        resolve(
            row,
            found,
            &Untouchable {
                owner: UserId(1),
                policy: &policy,
            },
        )
        .unwrap()
        .state
    }

    #[test]
    fn exactly_one_dismissed_and_nobody_active_is_a_match_and_nothing_else_is() {
        let row = RowRecord {
            email: text("a@x.example"),
            ..row(1)
        };
        let gone = |id| user(id, false, "Ann", "Lee", "a@x.example");
        let here = |id| user(id, true, "Ann", "Lee", "a@x.example");
        for (found, expected) in [
            (vec![], RowState::NotFound),
            (vec![gone(5)], RowState::Matched),
            (vec![here(5)], RowState::StillActive),
            (vec![here(5), here(6)], RowState::StillActive),
            (vec![gone(5), here(6)], RowState::Ambiguous),
            (vec![gone(5), gone(6)], RowState::Ambiguous),
            (vec![gone(5), gone(5)], RowState::Matched),
            (vec![gone(1)], RowState::Protected),
            (vec![here(1)], RowState::Protected),
            (vec![gone(77)], RowState::Protected),
        ] {
            assert_eq!(state(&row, &found), expected, "{found:?}");
        }
    }

    #[test]
    fn a_rule_that_the_portal_leaves_open_stops_a_dismissed_person_and_nobody_else() {
        let policy = Policy::parse("[protect]\ndepartments = [3]").unwrap();
        let resolved = |active, departments: Option<Vec<u32>>| {
            let found = UserRow {
                departments,
                ..user(5, active, "Ann", "Lee", "a@x.example")
            };
            let row = RowRecord {
                id: Some(UserId(5)),
                ..row(1)
            };
            let owner = UserId(1);
            resolve(&row, &[found], &Untouchable { owner, policy: &policy }).map(|row| row.state)
        };
        assert_eq!(resolved(false, Some(vec![3])), Ok(RowState::Protected));
        assert_eq!(resolved(false, Some(vec![4])), Ok(RowState::Matched));
        assert_eq!(resolved(false, Some(vec![])), Ok(RowState::Matched));
        assert_eq!(resolved(true, None), Ok(RowState::StillActive));
        let open = resolved(false, None).unwrap_err();
        assert_eq!(
            open.to_string(),
            "the policy's rule protect.departments cannot be evaluated: the portal does not tell the departments of user 5 in row 1"
        );
    }

    #[test]
    fn a_key_that_disagrees_makes_the_row_ambiguous() {
        let found = [user(5, false, "Ann", "Lee", "a@x.example")];
        let by_id = RowRecord {
            id: Some(UserId(5)),
            ..row(1)
        };
        for (row, expected) in [
            (
                RowRecord {
                    email: text(" A@X.example "),
                    ..by_id.clone()
                },
                RowState::Matched,
            ),
            (
                RowRecord {
                    email: text("b@x.example"),
                    ..by_id.clone()
                },
                RowState::Ambiguous,
            ),
            (
                RowRecord {
                    first_name: text("Bob"),
                    ..by_id.clone()
                },
                RowState::Ambiguous,
            ),
            (
                RowRecord {
                    second_name: text("Maria"),
                    ..by_id.clone()
                },
                RowState::Matched,
            ),
            (
                RowRecord {
                    full_name: text("Lee Ann"),
                    ..by_id.clone()
                },
                RowState::Matched,
            ),
            (
                RowRecord {
                    full_name: text("Lee Bob"),
                    ..by_id.clone()
                },
                RowState::Ambiguous,
            ),
        ] {
            assert_eq!(state(&row, &found), expected, "{row:?}");
        }
    }

    #[test]
    fn only_the_strongest_key_is_asked_for() {
        let all = RowRecord {
            id: Some(UserId(5)),
            email: text("a@x.example"),
            first_name: text("Ann"),
            last_name: text("Lee"),
            full_name: text("Ann Lee"),
            ..row(1)
        };
        assert!(matches!(queries(&all).as_slice(), [UserQuery::Id(UserId(5))]));
        let without_id = RowRecord {
            id: None,
            ..all.clone()
        };
        assert!(matches!(queries(&without_id).as_slice(), [UserQuery::Email(_)]));
        let names = RowRecord {
            email: None,
            ..without_id
        };
        assert!(matches!(queries(&names).as_slice(), [UserQuery::Name { .. }]));
        let full_name = RowRecord {
            first_name: None,
            ..names
        };
        assert_eq!(queries(&full_name).len(), 2);
    }

    #[test]
    fn rows_of_one_person_are_one_match_or_all_invalid() {
        let resolved = |number, id| RowResolved {
            row: RowNumber(number),
            state: RowState::Matched,
            reason: None,
            user: Some(UserId(id)),
            same_as: None,
            candidates: vec![UserId(id)],
        };
        let mut rows = vec![resolved(1, 5), resolved(2, 6), resolved(3, 5), resolved(4, 6)];
        let kill = ActionKind::Kill;
        let actions =
            [(1, kill), (2, kill), (3, kill), (4, ActionKind::Terminate)].map(|(row, kind)| (RowNumber(row), kind));
        compare_rows(&mut rows, &BTreeMap::from(actions));
        let states: Vec<_> = rows.iter().map(|row| row.state).collect();
        assert_eq!(
            states,
            [
                RowState::Matched,
                RowState::Invalid,
                RowState::Duplicate,
                RowState::Invalid
            ]
        );
        assert_eq!(rows[2].same_as, Some(RowNumber(1)));
        let disputed = RowResolved {
            state: RowState::Ambiguous,
            user: None,
            ..resolved(3, 5)
        };
        let mut rows = vec![resolved(1, 5), resolved(2, 6), disputed];
        compare_rows(&mut rows, &(1..=3).map(|row| (RowNumber(row), kill)).collect());
        let states: Vec<_> = rows.iter().map(|row| row.state).collect();
        assert_eq!(states, [RowState::Invalid, RowState::Matched, RowState::Ambiguous]);
    }
}
