//! A look at many workflows in few questions: which are listed, who waits in them, and who of those people is dismissed.
//!
//! The same questions go by themselves ([`super::Reader::look`]) or along with a destroying batch ([`super::Destroyer::send`]).

use std::collections::{BTreeMap, BTreeSet};

use super::array::{Instances, Rounds, Sweep, Tasks, UsersById};
use super::connection::Connection;
use super::listing::TaskScope;
use super::method::ReadMethod;
use super::patient::Question;
use crate::domain::{UserId, WorkflowId};

/// What to look at.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Look {
    /// Workflows that are taken to be gone. Only asked about together with `next`, whose rows prove that the question was understood.
    pub gone: Vec<WorkflowId>,
    /// Workflows that are taken to run, each with the number of people who may wait in it.
    pub next: Vec<(WorkflowId, usize)>,
    /// People whose dismissal counts.
    pub people: BTreeSet<UserId>,
}

/// What was seen. What is not in it is not known.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Seen {
    /// Whether workflows are listed.
    pub listed: BTreeMap<WorkflowId, bool>,
    /// Who waits in the workflows of `next`.
    pub waiting: BTreeMap<WorkflowId, BTreeSet<UserId>>,
    /// Whether people are shown as active. Somebody whom the portal does not show is not.
    pub active: BTreeMap<UserId, Option<bool>>,
}

impl Look {
    /// How many commands it needs in a batch, if all goes well.
    pub fn commands(&self) -> usize {
        Looking::at(self, &|_| super::array::Arrays::Unknown).questions().len()
    }

    /// Whether there is nothing to look at.
    pub fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.next.is_empty()
    }
}

/// A look that is under way.
pub(super) struct Looking {
    pub(super) instances: Sweep<Instances>,
    pub(super) tasks: Sweep<Tasks>,
    pub(super) people: Sweep<UsersById>,
}

impl Looking {
    pub(super) fn new(look: &Look, connection: &Connection) -> Self {
        Self::at(look, &|method| connection.arrays(method))
    }

    fn at(look: &Look, arrays: &dyn Fn(ReadMethod) -> super::array::Arrays) -> Self {
        // What is taken to run is asked for at both ends of the array.
        let (first, last) = look.next.split_at(look.next.len() / 2);
        let listed = |(workflow, _): &(WorkflowId, usize)| (workflow.clone(), 1);
        let gone = look.gone.iter().map(|workflow| (workflow.clone(), 0));
        let instances = first.iter().map(listed).chain(gone).chain(last.iter().map(listed));
        Self {
            instances: Sweep::new(Instances, instances.collect(), arrays(ReadMethod::Instances)),
            tasks: Sweep::new(
                Tasks(TaskScope::Waiting),
                look.next.clone(),
                arrays(ReadMethod::TaskList),
            ),
            people: Sweep::new(
                UsersById,
                look.people.iter().map(|user| (*user, 1)).collect(),
                arrays(ReadMethod::UserGet),
            ),
        }
    }

    pub(super) fn questions(&self) -> Vec<Question> {
        let rounds: [&dyn Rounds; 3] = [&self.instances, &self.tasks, &self.people];
        rounds.into_iter().flat_map(Rounds::questions).collect()
    }

    /// The parts of the look.
    pub(super) fn rounds(&mut self) -> [&mut dyn Rounds; 3] {
        [&mut self.instances, &mut self.tasks, &mut self.people]
    }

    pub(super) fn seen(self) -> Seen {
        let known = |found: (WorkflowId, Option<Vec<super::InstanceRow>>)| Some((found.0, !found.1?.is_empty()));
        let waiting = |found: (WorkflowId, Option<Vec<super::TaskRow>>)| {
            Some((found.0, found.1?.into_iter().map(|row| row.user).collect()))
        };
        let active = |found: (UserId, Option<Vec<super::UserRow>>)| {
            Some((found.0, found.1?.into_iter().next().map(|user| user.active)))
        };
        Seen {
            listed: self.instances.into_found().into_iter().filter_map(known).collect(),
            waiting: self.tasks.into_found().into_iter().filter_map(waiting).collect(),
            active: self.people.into_found().into_iter().filter_map(active).collect(),
        }
    }
}
