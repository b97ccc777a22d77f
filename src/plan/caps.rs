//! Caps: how much a job may do. Over one of them nothing is done, not a portion.
//!
//! Pure. What is counted is what the plan would do: actions in state `planned`, and matched people.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::UserId;

/// The most that a job may do; what is not set is not capped.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Caps {
    /// Matched people.
    pub people: Option<u32>,
    /// Actions.
    pub actions: Option<u32>,
    /// Actions on workflows of one person.
    pub actions_per_person: Option<u32>,
    /// Actions, as a part of all workflows that run on the portal.
    pub percent_of_running: Option<u32>,
}

/// What a plan would do.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Load {
    /// Matched people.
    pub people: u32,
    /// Actions in state `planned`.
    pub actions: u32,
    /// Whoever has the most of them, and how many.
    pub most: Option<(UserId, u32)>,
    /// The workflows that ran on the portal; none when that was not asked.
    pub running: Option<u32>,
}

/// One of the caps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cap {
    /// `caps.people`
    People,
    /// `caps.actions`
    Actions,
    /// `caps.actions_per_person`, and who has the most.
    ActionsPerPerson(UserId),
    /// `caps.percent_of_running`
    PercentOfRunning,
}

/// A cap that a plan is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Over {
    /// Which.
    pub cap: Cap,
    /// What it would take: the number to pass.
    pub found: u32,
    /// What is allowed.
    pub allowed: u32,
}

impl Load {
    /// Of a plan as it stands: its matched people, its planned actions, and how many of them each person has.
    pub fn of(people: usize, actions: u32, of_people: &BTreeMap<UserId, u32>, running: Option<u32>) -> Self {
        Self {
            people: u32::try_from(people).unwrap_or(u32::MAX),
            actions,
            most: of_people
                .iter()
                .map(|(user, number)| (*user, *number))
                .max_by_key(|(_, number)| *number),
            running,
        }
    }

    /// The smallest whole percentage that these actions are not more than.
    fn percent(&self, running: u32) -> u32 {
        let percent = (u64::from(self.actions) * 100).div_ceil(u64::from(running.max(1)));
        // More actions than workflows: some ended while the plan was made.
        u32::try_from(percent).unwrap_or(u32::MAX).min(100)
    }
}

impl Caps {
    /// The caps that a plan is over, in their order.
    pub fn exceeded(&self, load: &Load) -> Vec<Over> {
        let over = |cap: Cap, allowed: Option<u32>, found: u32| {
            let allowed = allowed.filter(|allowed| found > *allowed)?;
            Some(Over { cap, found, allowed })
        };
        [
            over(Cap::People, self.people, load.people),
            over(Cap::Actions, self.actions, load.actions),
            load.most
                .and_then(|(user, number)| over(Cap::ActionsPerPerson(user), self.actions_per_person, number)),
            load.running
                .and_then(|running| over(Cap::PercentOfRunning, self.percent_of_running, load.percent(running))),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn load(people: u32, actions: u32, most: u32, running: u32) -> Load {
        Load {
            people,
            actions,
            most: Some((UserId(7), most)),
            running: Some(running),
        }
    }

    #[test]
    fn the_limit_passes_and_one_more_does_not() {
        let caps = Caps {
            people: Some(3),
            actions: Some(10),
            actions_per_person: Some(4),
            percent_of_running: Some(25),
        };
        assert_eq!(caps.exceeded(&load(3, 10, 4, 40)), []);
        let over = |load: Load| caps.exceeded(&load).iter().map(|over| over.found).collect::<Vec<_>>();
        assert_eq!(over(load(4, 10, 4, 40)), [4]);
        assert_eq!(over(load(3, 11, 4, 44)), [11]);
        assert_eq!(over(load(3, 10, 5, 40)), [5]);
        assert_eq!(over(load(3, 10, 4, 39)), [26]);
        assert_eq!(over(load(9, 90, 9, 90)), [9, 90, 9, 100]);
        assert_eq!(Caps::default().exceeded(&load(9, 90, 9, 90)), []);
    }

    proptest! {
        #[test]
        fn the_number_that_is_named_passes(people: u32, actions: u32, most: u32, running: u32) {
            let load = load(people, actions, most, running);
            let none = Caps { people: Some(0), actions: Some(0), actions_per_person: Some(0), percent_of_running: Some(0) };
            let mut caps = none;
            for over in none.exceeded(&load) {
                let place = match over.cap {
                    Cap::People => &mut caps.people,
                    Cap::Actions => &mut caps.actions,
                    Cap::ActionsPerPerson(_) => &mut caps.actions_per_person,
                    Cap::PercentOfRunning => &mut caps.percent_of_running,
                };
                *place = Some(over.found);
            }
            prop_assert_eq!(caps.exceeded(&load), []);
        }
    }
}
