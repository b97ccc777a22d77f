//! What a person decides about a frozen plan: which holds are released, and which actions are dropped.
//!
//! Pure. Protection always wins, and a conflict is decided only by saying what is to be done. A selector that selects nothing is an
//! error: a person who mistyped one has to hear of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use crate::domain::{ActionId, ActionKind, Decision, HoldReason, UserId, WorkflowId};
use crate::journal::{ActionRecord, JournalError, WorkflowDecided, WorkflowView};

/// Which actions of a plan a decision is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Selector {
    /// Those of a person, by the user's id.
    Person(UserId),
    /// That of a workflow.
    Workflow(WorkflowId),
    /// Those whose workflows have this template, by its id.
    Template(String),
    /// Those that are held for this reason.
    Hold(HoldReason),
}

/// A text that is no selector.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{0:?} selects nothing: write person:ID, workflow:ID, template:ID or hold:REASON (shared, conflict, other-job, dropped, foreign)"
)]
pub struct UnknownSelector(String);

impl FromStr for Selector {
    type Err = UnknownSelector;

    fn from_str(text: &str) -> Result<Self, UnknownSelector> {
        let unknown = || UnknownSelector(text.to_owned());
        let (what, which) = text.split_once(':').ok_or_else(unknown)?;
        match what {
            "person" => which.parse().map(|id| Self::Person(UserId(id))).map_err(|_| unknown()),
            "workflow" => which.parse().map(Self::Workflow).map_err(|_| unknown()),
            "template" if !which.is_empty() => Ok(Self::Template(which.to_owned())),
            "hold" => which.parse().map(Self::Hold).map_err(|_| unknown()),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(user) => write!(formatter, "person:{user}"),
            Self::Workflow(workflow) => write!(formatter, "workflow:{workflow}"),
            Self::Template(template) => write!(formatter, "template:{template}"),
            Self::Hold(reason) => write!(formatter, "hold:{reason}"),
        }
    }
}

impl Selector {
    fn selects(&self, action: &ActionRecord, workflow: Option<&WorkflowView>) -> bool {
        match self {
            Self::Person(user) => action.people.contains(user),
            Self::Workflow(id) => action.workflow == *id,
            Self::Template(template) => workflow.is_some_and(|view| view.template.as_ref() == Some(template)),
            // What was dropped is released only by who names it, or says `hold:dropped`.
            Self::Hold(reason) => {
                action.holds.contains(reason) && (*reason == HoldReason::Dropped || !is_dropped(action))
            }
        }
    }

    /// Whether it would select an action that was dropped.
    fn passes_over(&self, action: &ActionRecord) -> bool {
        matches!(self, Self::Hold(reason) if *reason != HoldReason::Dropped && action.holds.contains(reason) && is_dropped(action))
    }
}

fn is_dropped(action: &ActionRecord) -> bool {
    action.holds.contains(&HoldReason::Dropped)
}

/// What was decided about each workflow so far, the last word on each counting.
#[derive(Clone, Debug, Default)]
pub struct Decisions(BTreeMap<WorkflowId, Standing>);

#[derive(Clone, Debug, Default)]
struct Standing {
    released: BTreeSet<HoldReason>,
    kind: Option<ActionKind>,
    is_dropped: bool,
}

impl<'a> FromIterator<&'a WorkflowDecided> for Decisions {
    fn from_iter<T: IntoIterator<Item = &'a WorkflowDecided>>(decided: T) -> Self {
        let mut decisions = Self::default();
        for event in decided {
            let standing = decisions.0.entry(event.workflow.clone()).or_default();
            standing.released.extend(&event.released);
            standing.kind = event.kind.or(standing.kind);
            standing.is_dropped = event.decision == Decision::Drop;
        }
        decisions
    }
}

impl Decisions {
    /// Whether a hold of this workflow was released. Protection never is.
    pub fn releases(&self, workflow: &WorkflowId, reason: HoldReason) -> bool {
        let can_be = !matches!(
            reason,
            HoldReason::Protected | HoldReason::Conflict | HoldReason::Dropped
        );
        can_be
            && self
                .0
                .get(workflow)
                .is_some_and(|standing| standing.released.contains(&reason))
    }

    /// What is to be done where the rows ask for different actions.
    pub fn kind(&self, workflow: &WorkflowId) -> Option<ActionKind> {
        self.0.get(workflow)?.kind
    }

    /// Whether it was dropped, and not included since.
    pub fn is_dropped(&self, workflow: &WorkflowId) -> bool {
        self.0.get(workflow).is_some_and(|standing| standing.is_dropped)
    }
}

/// What a person asks for.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// Actions whose holds are released.
    pub include: Vec<Selector>,
    /// Actions that are dropped.
    pub drop: Vec<Selector>,
    /// What is to be done with included workflows whose rows ask for different actions.
    pub kind: Option<ActionKind>,
}

/// What a wish comes to.
#[derive(Clone, Debug, Default)]
pub struct Decided {
    /// To be recorded, by workflow.
    pub events: Vec<WorkflowDecided>,
    /// Selected for release, and still held, for these reasons.
    pub stays: Vec<(ActionId, Vec<HoldReason>)>,
}

/// A wish that cannot be followed. Nothing is decided.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WishError {
    /// It selects nothing.
    #[error("{0} selects no action of this plan")]
    Nothing(Selector),
    /// It says two things about one workflow.
    #[error("workflow {0} would be both included and dropped")]
    Both(WorkflowId),
}

/// Why nothing was decided.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// The wish cannot be followed.
    #[error(transparent)]
    Wish(#[from] WishError),
    /// The plan could not be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl Wish {
    /// Whether a selector goes by the templates of workflows.
    pub fn goes_by_templates(&self) -> bool {
        let mut selectors = self.include.iter().chain(&self.drop);
        selectors.any(|selector| matches!(selector, Selector::Template(_)))
    }
}

/// Goes through the actions of a plan, one after another, and decides, or says why nothing was decided. Each comes with its workflow, which
/// may be left out where the wish does not go by templates.
///
/// # Errors
/// When a selector selects nothing, or one workflow is to be both included and dropped; and those of the actions.
pub fn decide(
    wish: &Wish,
    actions: impl Iterator<Item = Result<(ActionRecord, Option<WorkflowView>), JournalError>>,
) -> Result<Decided, DecideError> {
    let mut included = Selection::of(&wish.include);
    let mut dropped = Selection::of(&wish.drop);
    let mut decided = Decided::default();
    let mut both = None;
    for found in actions {
        let (action, workflow) = found?;
        let is_included = included.take(&action, workflow.as_ref());
        let is_dropped = dropped.take(&action, workflow.as_ref());
        if is_included && is_dropped {
            both.get_or_insert(action.workflow);
        } else if is_dropped && !action.holds.contains(&HoldReason::Dropped) {
            decided.events.push(WorkflowDecided {
                workflow: action.workflow,
                decision: Decision::Drop,
                released: Vec::new(),
                kind: None,
            });
        } else if is_included && !action.holds.is_empty() {
            match release(&action, wish.kind) {
                Ok(event) => decided.events.push(event),
                Err(stays) => decided.stays.push((action.action, stays)),
            }
        } else if wish.include.iter().any(|selector| selector.passes_over(&action)) {
            decided.stays.push((action.action, vec![HoldReason::Dropped]));
        }
    }
    // A selector that was mistyped is the first to be told.
    if let Some(selector) = included.without_an_action().or_else(|| dropped.without_an_action()) {
        return Err(WishError::Nothing(selector.clone()).into());
    }
    match both {
        Some(workflow) => Err(WishError::Both(workflow).into()),
        None => Ok(decided),
    }
}

/// Selectors, and which of them have selected something so far.
struct Selection<'a>(Vec<(&'a Selector, bool)>);

impl<'a> Selection<'a> {
    fn of(selectors: &'a [Selector]) -> Self {
        Self(selectors.iter().map(|selector| (selector, false)).collect())
    }

    /// Whether any of them selects an action.
    fn take(&mut self, action: &ActionRecord, workflow: Option<&WorkflowView>) -> bool {
        let mut is_selected = false;
        for (selector, has_selected) in &mut self.0 {
            let selects = selector.selects(action, workflow);
            *has_selected |= selects;
            is_selected |= selects;
        }
        is_selected
    }

    fn without_an_action(&self) -> Option<&'a Selector> {
        self.0
            .iter()
            .find(|(_, has_selected)| !has_selected)
            .map(|(selector, _)| *selector)
    }
}

/// The release of all holds of an action, or those that cannot be released.
fn release(action: &ActionRecord, kind: Option<ActionKind>) -> Result<WorkflowDecided, Vec<HoldReason>> {
    let stays = |reason: &HoldReason| match reason {
        HoldReason::Protected => true,
        HoldReason::Conflict => kind.is_none(),
        HoldReason::Shared | HoldReason::OtherJob | HoldReason::Dropped | HoldReason::Foreign => false,
    };
    let staying: Vec<HoldReason> = action.holds.iter().copied().filter(stays).collect();
    if !staying.is_empty() {
        return Err(staying);
    }
    let is_conflict = action.holds.contains(&HoldReason::Conflict);
    Ok(WorkflowDecided {
        workflow: action.workflow.clone(),
        decision: Decision::Include,
        released: action.holds.clone(),
        kind: kind.filter(|_| is_conflict),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ActionState;

    fn action(number: u32, holds: &[HoldReason]) -> ActionRecord {
        ActionRecord {
            action: ActionId(number),
            workflow: workflow(number),
            kind: (!holds.contains(&HoldReason::Conflict)).then_some(ActionKind::Kill),
            state: if holds.is_empty() {
                ActionState::Planned
            } else {
                ActionState::Held
            },
            holds: holds.to_vec(),
            attempts: 0,
            people: BTreeSet::from([UserId(number)]),
            others: BTreeSet::new(),
            detail: None,
            text: None,
        }
    }

    fn workflow(number: u32) -> WorkflowId {
        format!("67a2ffdb2c57a3.{number:08}").parse().unwrap()
    }

    fn include(selectors: &[&str], kind: Option<ActionKind>) -> Wish {
        Wish {
            include: selectors.iter().map(|text| text.parse().unwrap()).collect(),
            drop: Vec::new(),
            kind,
        }
    }

    fn decided(wish: &Wish, actions: &[ActionRecord]) -> Result<Decided, WishError> {
        let actions = actions.iter().map(|action| Ok((action.clone(), None)));
        decide(wish, actions).map_err(|error| match error {
            DecideError::Wish(cause) => cause,
            DecideError::Journal(cause) => panic!("{cause}"),
        })
    }

    #[test]
    fn a_selector_is_read_back_from_its_text() {
        for text in [
            "person:17",
            "workflow:67a2ffdb2c57a3.35276854",
            "template:45",
            "hold:other-job",
        ] {
            assert_eq!(text.parse::<Selector>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "person:",
            "person:anna",
            "person",
            "hold:often",
            "template:",
            "all",
            "workflow:",
        ] {
            assert!(text.parse::<Selector>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_protected_is_never_released_and_a_conflict_only_with_a_word_on_what_to_do() {
        let actions = [
            action(1, &[HoldReason::Protected, HoldReason::Shared]),
            action(2, &[HoldReason::Conflict]),
            action(3, &[HoldReason::Shared, HoldReason::Foreign]),
        ];
        let people = ["person:1", "person:2", "person:3"];
        let without = decided(&include(&people, None), &actions).unwrap();
        assert_eq!(without.events.len(), 1);
        assert_eq!(without.events[0].workflow, workflow(3));
        let stays = [
            (ActionId(1), vec![HoldReason::Protected]),
            (ActionId(2), vec![HoldReason::Conflict]),
        ];
        assert_eq!(without.stays, stays);
        let with = decided(&include(&people, Some(ActionKind::Terminate)), &actions).unwrap();
        let kinds: Vec<_> = with.events.iter().map(|event| event.kind).collect();
        assert_eq!(kinds, [Some(ActionKind::Terminate), None]);
        assert_eq!(with.stays, stays[..1]);
    }

    #[test]
    fn what_was_dropped_stays_dropped_until_it_is_named() {
        use HoldReason::{Dropped, Shared};
        let actions = [action(1, &[Shared]), action(2, &[Shared, Dropped])];
        let released = |selector: &str| {
            let decided = decided(&include(&[selector], None), &actions).unwrap();
            let events: Vec<WorkflowId> = decided.events.into_iter().map(|event| event.workflow).collect();
            (events, decided.stays)
        };
        assert_eq!(
            released("hold:shared"),
            (vec![workflow(1)], vec![(ActionId(2), vec![Dropped])])
        );
        for named in ["hold:dropped", &format!("workflow:{}", workflow(2))] {
            assert_eq!(released(named), (vec![workflow(2)], vec![]));
        }
    }

    #[test]
    fn a_selector_that_selects_nothing_is_an_error() {
        let actions = [action(1, &[HoldReason::Shared])];
        let wish = include(&["person:1", "person:2"], None);
        assert_eq!(
            decided(&wish, &actions).unwrap_err(),
            WishError::Nothing(Selector::Person(UserId(2)))
        );
    }

    #[test]
    fn one_workflow_cannot_be_both_included_and_dropped() {
        let actions = [action(1, &[HoldReason::Shared])];
        let mut wish = include(&["hold:shared"], None);
        wish.drop.push(Selector::Person(UserId(1)));
        assert_eq!(decided(&wish, &actions).unwrap_err(), WishError::Both(workflow(1)));
    }

    #[test]
    fn the_last_word_on_a_workflow_counts() {
        let event = |decision, released: &[HoldReason]| WorkflowDecided {
            workflow: workflow(1),
            decision,
            released: released.to_vec(),
            kind: None,
        };
        let mut events = vec![
            event(Decision::Include, &[HoldReason::Shared]),
            event(Decision::Drop, &[]),
        ];
        let decisions: Decisions = events.iter().collect();
        assert!(decisions.is_dropped(&workflow(1)) && decisions.releases(&workflow(1), HoldReason::Shared));
        events.push(event(Decision::Include, &[HoldReason::Dropped]));
        let decisions: Decisions = events.iter().collect();
        assert!(!decisions.is_dropped(&workflow(1)));
        assert!(!decisions.releases(&workflow(2), HoldReason::Shared));
    }
}
