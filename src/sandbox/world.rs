//! The portal's data: users, workflows, tasks, and what the webhook may do.
//!
//! Tests and generators build and change a world here, as the portal's people would: they answer, delegate, finish,
//! dismiss. The methods that the REST interface offers for it (what is listed, what a kill answers) are elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::collation;

/// A world that the sandbox serves and a test may read and edit meanwhile. Do not hold the lock across an `await`.
pub type Shared = Arc<Mutex<World>>;

/// A task's status while it is open, and a participant's who has not answered yet.
pub const WAITING: i64 = 0;

/// When everything in a new world was last changed: 5 October 2026, 09:00 at the portal.
pub const BEGINNING: i64 = 1_791_180_000;

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: u32,
    /// `false`: dismissed.
    pub active: bool,
    /// First name; `None` is a NULL column, which rows leave out.
    pub name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Second name or patronymic.
    pub second_name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Job title.
    pub position: Option<String>,
    /// Departments; without any the account is hidden from most questions.
    pub departments: Vec<u32>,
    /// `employee`, `extranet`; technical accounts such as `bot` or `email` are never listed.
    pub user_type: String,
}

impl User {
    /// An active employee of department 1.
    pub fn new(id: u32, name: &str, last_name: &str, email: &str) -> Self {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Self {
            id,
            active: true,
            name: text(name),
            last_name: text(last_name),
            second_name: None,
            email: text(email),
            position: None,
            departments: vec![1],
            user_type: "employee".to_owned(),
        }
    }

    /// The same person, dismissed.
    #[must_use]
    pub fn dismissed(mut self) -> Self {
        self.active = false;
        self
    }

    /// The same person, out of the organisation chart.
    #[must_use]
    pub fn without_department(mut self) -> Self {
        self.departments.clear();
        self
    }

    /// The same person with a second name.
    #[must_use]
    pub fn with_second_name(mut self, second_name: &str) -> Self {
        self.second_name = Some(second_name.to_owned());
        self
    }
}

/// A workflow: its instance while it runs, and its state row, which outlives the instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workflow {
    /// Its id, a text such as `67a2ffdb2c57a3.35276854`.
    pub id: String,
    /// `crm`, `lists`, `rpa`, `disk` …
    pub module: String,
    /// The PHP class of the document.
    pub entity: String,
    /// The document's id, a text such as `LEAD_1`.
    pub document_id: String,
    /// The template's id; 0 where rows do not tell it.
    pub template_id: u32,
    /// The template's name; `None`: the template was deleted, and task rows that ask for its name vanish.
    pub template_name: Option<String>,
    /// When it was started, Unix seconds.
    pub started: i64,
    /// Who started it; `None`: nobody, an automatic start.
    pub started_by: Option<u32>,
    /// When it was last changed, Unix seconds.
    pub modified: i64,
    /// Until when somebody works on it, Unix seconds.
    pub owned_until: Option<i64>,
    /// Whether the instance is there, that is, whether it is running.
    pub running: bool,
    /// The title in the state row; `None`: there is no state row, and its tasks cannot be listed.
    pub state: Option<String>,
    /// Kill and terminate fail, and it stays.
    pub unkillable: bool,
}

/// One person on a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Participant {
    /// Who.
    pub user: u32,
    /// [`WAITING`], 1 yes, 2 no, 3 ok, 4 cancelled.
    pub status: i64,
}

/// A workflow task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its id.
    pub id: u64,
    /// The workflow that waits for it.
    pub workflow: String,
    /// The kind of activity, such as `ApproveActivity`.
    pub activity: String,
    /// The name of the activity in the template.
    pub activity_name: String,
    /// Its title.
    pub name: String,
    /// Its text.
    pub description: Option<String>,
    /// The document's title.
    pub document_name: Option<String>,
    /// When it was last changed, Unix seconds.
    pub modified: i64,
    /// Until when it should be done, Unix seconds.
    pub overdue: Option<i64>,
    /// [`WAITING`] while open, 1 yes, 2 no, 3 ok, 4 timeout, 5 cancelled.
    pub status: i64,
    /// Who takes part.
    pub participants: Vec<Participant>,
}

/// Whose webhook it is, and what it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// The user as whom it acts.
    pub owner: u32,
    /// `false`: revoked, every call is refused.
    pub valid: bool,
    /// Whether the owner is an administrator.
    pub administrator: bool,
    /// The scopes granted: `user`, `user_basic` or `user_brief`; `bizproc`.
    pub scopes: Vec<String>,
    /// Whose tasks an owner who is no administrator may list.
    pub subordinates: BTreeSet<u32>,
}

/// Which parts the portal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modules {
    /// `false`: the tariff has no business processes, and their methods do not exist.
    pub business_processes: bool,
    /// Whether the extranet is there, which hides users without a department.
    pub extranet: bool,
}

/// What a kill or a terminate removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removed {
    /// How many tasks.
    pub tasks: usize,
}

/// Everything that the portal knows.
#[derive(Clone, Debug)]
pub struct World {
    /// The webhook.
    pub webhook: Webhook,
    /// The portal's parts.
    pub modules: Modules,
    users: BTreeMap<u32, User>,
    /// Who has, or had, an e-mail, folded: the first look of a search.
    users_of_email: BTreeMap<String, BTreeSet<u32>>,
    workflows: BTreeMap<String, Workflow>,
    tasks: BTreeMap<u64, Task>,
    tasks_of_user: BTreeMap<u32, BTreeSet<u64>>,
    tasks_of_workflow: BTreeMap<String, BTreeSet<u64>>,
    next_workflow: u64,
}

impl World {
    /// A world with nobody in it but the webhook's owner: user 1, an administrator.
    pub fn empty() -> Self {
        let mut world = Self {
            webhook: Webhook {
                owner: 1,
                valid: true,
                administrator: true,
                scopes: vec!["user".to_owned(), "bizproc".to_owned()],
                subordinates: BTreeSet::new(),
            },
            modules: Modules {
                business_processes: true,
                extranet: true,
            },
            users: BTreeMap::new(),
            users_of_email: BTreeMap::new(),
            workflows: BTreeMap::new(),
            tasks: BTreeMap::new(),
            tasks_of_user: BTreeMap::new(),
            tasks_of_workflow: BTreeMap::new(),
            next_workflow: 1,
        };
        world.add_user(User::new(1, "Alex", "Morgan", "alex.morgan@example.com"));
        world
    }

    /// Adds an account, or replaces the one with that id.
    pub fn add_user(&mut self, user: User) -> u32 {
        let id = user.id;
        self.users.insert(id, user);
        self.index_email(id);
        id
    }

    fn index_email(&mut self, user: u32) {
        if let Some(email) = self.users.get(&user).and_then(|user| user.email.as_deref()) {
            let of_email = self.users_of_email.entry(collation::folded(email)).or_default();
            of_email.insert(user);
        }
    }

    /// Adds a workflow as it stands, or replaces the one with that id.
    pub fn add_workflow(&mut self, workflow: Workflow) -> String {
        let id = workflow.id.clone();
        self.workflows.insert(id.clone(), workflow);
        id
    }

    /// Adds a task as it stands, or replaces the one with that id.
    pub fn add_task(&mut self, task: Task) -> u64 {
        let id = task.id;
        self.remove_task(id);
        for participant in &task.participants {
            self.tasks_of_user.entry(participant.user).or_default().insert(id);
        }
        self.tasks_of_workflow
            .entry(task.workflow.clone())
            .or_default()
            .insert(id);
        self.tasks.insert(id, task);
        id
    }

    /// Starts a workflow with an id of its own: a list element that a template called `template` handles.
    pub fn start_workflow(&mut self, started_by: u32, template: &str) -> String {
        let number = self.next_workflow;
        self.next_workflow += 1;
        self.add_workflow(Workflow {
            id: workflow_id(number),
            module: "lists".to_owned(),
            entity: "BizprocDocument".to_owned(),
            document_id: (2000 + number).to_string(),
            template_id: 7,
            template_name: Some(template.to_owned()),
            started: BEGINNING + seconds(number) * 60,
            started_by: Some(started_by),
            modified: BEGINNING + seconds(number) * 60,
            owned_until: None,
            running: true,
            state: Some("In progress".to_owned()),
            unkillable: false,
        })
    }

    /// Asks people in a workflow: one new task on which all of them wait.
    pub fn ask(&mut self, workflow: &str, name: &str, users: &[u32]) -> u64 {
        let id = self.tasks.last_key_value().map_or(1001, |(id, _)| id + 1);
        let document = self
            .workflows
            .get(workflow)
            .map(|workflow| format!("{name} No. {}", workflow.document_id));
        self.add_task(Task {
            id,
            workflow: workflow.to_owned(),
            activity: "ApproveActivity".to_owned(),
            activity_name: format!("A{id}_1_2_3"),
            name: name.to_owned(),
            description: None,
            document_name: document,
            modified: BEGINNING + seconds(id),
            overdue: None,
            status: WAITING,
            participants: users
                .iter()
                .map(|&user| Participant { user, status: WAITING })
                .collect(),
        })
    }

    /// Dismisses a user.
    pub fn dismiss(&mut self, user: u32) {
        self.set_active(user, false);
    }

    /// Takes a dismissed user on again.
    pub fn reinstate(&mut self, user: u32) {
        self.set_active(user, true);
    }

    fn set_active(&mut self, user: u32, active: bool) {
        if let Some(user) = self.users.get_mut(&user) {
            user.active = active;
        }
    }

    /// A user answers a task (1 yes, 2 no, 3 ok). When nobody waits any more the task is done with that answer.
    pub fn answer_task(&mut self, task: u64, user: u32, answer: i64) {
        let Some(task) = self.tasks.get_mut(&task) else { return };
        for participant in task
            .participants
            .iter_mut()
            .filter(|participant| participant.user == user)
        {
            participant.status = answer;
        }
        if task
            .participants
            .iter()
            .all(|participant| participant.status != WAITING)
        {
            task.status = answer;
        }
    }

    /// Hands a task on: another user waits in the first one's place. Nothing happens when the other takes part already.
    pub fn delegate(&mut self, task: u64, from: u32, to: u32) {
        let Some(mut changed) = self.tasks.get(&task).cloned() else {
            return;
        };
        if changed.participants.iter().any(|participant| participant.user == to) {
            return;
        }
        let waiting = changed
            .participants
            .iter_mut()
            .find(|own| own.user == from && own.status == WAITING);
        if let Some(participant) = waiting {
            participant.user = to;
            self.add_task(changed);
        }
    }

    /// A workflow comes to its end: the instance goes, open tasks go, the state row and answered tasks stay.
    pub fn finish_workflow(&mut self, workflow: &str) {
        self.end(workflow, "Completed");
    }

    /// The instance is lost, and its open tasks stay: orphans, which no kill can remove.
    pub fn orphan_workflow(&mut self, workflow: &str) {
        if let Some(workflow) = self.workflows.get_mut(workflow) {
            workflow.running = false;
        }
    }

    /// Changes a workflow in place.
    pub fn edit_workflow(&mut self, workflow: &str, edit: impl FnOnce(&mut Workflow)) {
        if let Some(workflow) = self.workflows.get_mut(workflow) {
            edit(workflow);
        }
    }

    /// Changes a user in place.
    pub fn edit_user(&mut self, user: u32, edit: impl FnOnce(&mut User)) {
        if let Some(found) = self.users.get_mut(&user) {
            edit(found);
            self.index_email(user);
        }
    }

    /// Removes instance, state row and everybody's tasks, answered ones too. `None`: nothing of it was there.
    pub fn kill(&mut self, workflow: &str) -> Option<Removed> {
        let was_there = self.workflows.remove(workflow).is_some();
        let tasks = self.tasks_of_workflow.remove(workflow).unwrap_or_default();
        for task in &tasks {
            self.remove_task(*task);
        }
        (was_there || !tasks.is_empty()).then_some(Removed { tasks: tasks.len() })
    }

    /// Removes the instance and the open tasks; the state row stays with that title. `None`: it was not running.
    pub fn terminate(&mut self, workflow: &str, title: &str) -> Option<Removed> {
        self.running(workflow)?;
        Some(self.end(workflow, title))
    }

    fn end(&mut self, workflow: &str, title: &str) -> Removed {
        if let Some(workflow) = self.workflows.get_mut(workflow) {
            workflow.running = false;
            if workflow.state.is_some() {
                workflow.state = Some(title.to_owned());
            }
        }
        let open = self
            .tasks_of(workflow)
            .filter(|task| task.status == WAITING)
            .map(|task| task.id);
        let open: Vec<u64> = open.collect();
        for task in &open {
            self.remove_task(*task);
        }
        Removed { tasks: open.len() }
    }

    fn remove_task(&mut self, id: u64) {
        let Some(task) = self.tasks.remove(&id) else { return };
        for participant in task.participants {
            if let Some(tasks) = self.tasks_of_user.get_mut(&participant.user) {
                tasks.remove(&id);
            }
        }
        if let Some(tasks) = self.tasks_of_workflow.get_mut(&task.workflow) {
            tasks.remove(&id);
        }
    }

    /// An account.
    pub fn user(&self, id: u32) -> Option<&User> {
        self.users.get(&id)
    }

    /// All users whose e-mail can be equal to a text, whatever the database takes for equal; and perhaps others.
    pub(crate) fn users_about(&self, email: &str) -> impl Iterator<Item = u32> {
        let found = self.users_of_email.get(&collation::folded(email));
        found.into_iter().flatten().copied()
    }

    /// All accounts by id.
    pub fn users(&self) -> impl DoubleEndedIterator<Item = &User> {
        self.users.values()
    }

    /// A workflow, running or not.
    pub fn workflow(&self, id: &str) -> Option<&Workflow> {
        self.workflows.get(id)
    }

    /// All workflows by id, running or not.
    pub fn workflows(&self) -> impl DoubleEndedIterator<Item = &Workflow> {
        self.workflows.values()
    }

    /// A workflow, if it is running.
    pub fn running(&self, id: &str) -> Option<&Workflow> {
        self.workflow(id).filter(|workflow| workflow.running)
    }

    /// A task.
    pub fn task(&self, id: u64) -> Option<&Task> {
        self.tasks.get(&id)
    }

    /// All tasks by id.
    pub fn tasks(&self) -> impl DoubleEndedIterator<Item = &Task> {
        self.tasks.values()
    }

    /// The tasks of a workflow by id.
    pub fn tasks_of<'a>(&'a self, workflow: &str) -> impl DoubleEndedIterator<Item = &'a Task> + use<'a> {
        self.listed(self.tasks_of_workflow.get(workflow))
    }

    /// The tasks in which a user takes part, answered or not, by id.
    pub fn tasks_with(&self, user: u32) -> impl DoubleEndedIterator<Item = &Task> {
        self.listed(self.tasks_of_user.get(&user))
    }

    /// The open tasks on which a user has not answered, by id.
    pub fn waiting_for(&self, user: u32) -> impl DoubleEndedIterator<Item = &Task> {
        let waits = move |task: &&Task| {
            let waiting = Participant { user, status: WAITING };
            task.status == WAITING && task.participants.contains(&waiting)
        };
        self.tasks_with(user).filter(waits)
    }

    fn listed<'a>(&'a self, ids: Option<&'a BTreeSet<u64>>) -> impl DoubleEndedIterator<Item = &'a Task> + use<'a> {
        ids.into_iter().flatten().filter_map(|id| self.tasks.get(id))
    }

    /// The world for people who look at the sandbox from outside.
    pub fn to_json(&self) -> Value {
        let users = self.users().map(|user| {
            json!({"id": user.id, "active": user.active, "name": user.name, "last_name": user.last_name,
                "second_name": user.second_name, "email": user.email, "departments": user.departments,
                "user_type": user.user_type})
        });
        let workflows = self.workflows().map(|workflow| {
            json!({"id": workflow.id, "module": workflow.module, "document_id": workflow.document_id,
                "template_name": workflow.template_name, "started_by": workflow.started_by,
                "running": workflow.running, "state": workflow.state, "unkillable": workflow.unkillable})
        });
        let tasks = self.tasks().map(|task| {
            let participants = task
                .participants
                .iter()
                .map(|one| json!({"user": one.user, "status": one.status}));
            json!({"id": task.id, "workflow": task.workflow, "name": task.name, "status": task.status,
                "participants": participants.collect::<Vec<_>>()})
        });
        json!({
            "users": users.collect::<Vec<_>>(),
            "workflows": workflows.collect::<Vec<_>>(),
            "tasks": tasks.collect::<Vec<_>>(),
        })
    }
}

/// An id as PHP's `uniqid('', true)` makes it: fourteen hexadecimal digits, a dot, eight digits. The same number makes the
/// same id.
pub(crate) fn workflow_id(number: u64) -> String {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^= mixed >> 29;
    let started = 0x68e2_0000 + number;
    format!(
        "{started:08x}{:05x}{}.{:08}",
        mixed & 0xf_ffff,
        (mixed >> 20) % 10,
        (mixed >> 24) % 100_000_000
    )
}

fn seconds(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world_with_two() -> (World, String, u64) {
        let mut world = World::empty();
        world.add_user(User::new(2, "Ann", "Lee", "ann@example.com"));
        world.add_user(User::new(3, "Bob", "Lee", "bob@example.com"));
        let workflow = world.start_workflow(1, "Invoice");
        let task = world.ask(&workflow, "Approve", &[2, 3]);
        (world, workflow, task)
    }

    fn waiting(world: &World, user: u32) -> Vec<u64> {
        world.waiting_for(user).map(|task| task.id).collect()
    }

    #[test]
    fn a_kill_leaves_nothing_of_a_workflow_not_even_answered_tasks() {
        let (mut world, workflow, task) = world_with_two();
        let second = world.ask(&workflow, "Sign", &[3]);
        world.answer_task(second, 3, 1);
        assert_eq!(world.kill(&workflow), Some(Removed { tasks: 2 }));
        assert_eq!(world.kill(&workflow), None);
        assert!(world.task(task).is_none() && world.task(second).is_none());
        assert!(world.workflow(&workflow).is_none() && waiting(&world, 3).is_empty());
    }

    #[test]
    fn a_terminate_leaves_the_state_row_and_answered_tasks() {
        let (mut world, workflow, task) = world_with_two();
        let second = world.ask(&workflow, "Sign", &[3]);
        world.answer_task(second, 3, 1);
        assert_eq!(world.terminate(&workflow, "ended"), Some(Removed { tasks: 1 }));
        assert_eq!(world.terminate(&workflow, "again"), None);
        assert!(world.task(task).is_none() && world.task(second).is_some());
        assert_eq!(
            world.workflow(&workflow).and_then(|own| own.state.as_deref()),
            Some("ended")
        );
    }

    #[test]
    fn answering_and_delegating_change_who_waits() {
        let (mut world, _, task) = world_with_two();
        world.add_user(User::new(4, "Cid", "Lee", "cid@example.com"));
        world.answer_task(task, 2, 1);
        assert_eq!((waiting(&world, 2), waiting(&world, 3)), (vec![], vec![task]));
        world.delegate(task, 3, 2);
        assert_eq!(waiting(&world, 3), [task], "the other takes part already");
        world.delegate(task, 3, 4);
        assert_eq!((waiting(&world, 3), waiting(&world, 4)), (vec![], vec![task]));
        world.answer_task(task, 4, 2);
        assert_eq!(world.task(task).map(|task| task.status), Some(2));
    }

    #[test]
    fn workflow_ids_look_like_the_portals_and_never_repeat() {
        let ids: BTreeSet<String> = (0..5000).map(workflow_id).collect();
        assert_eq!(ids.len(), 5000);
        for id in ids {
            let (hex, digits) = id.split_once('.').unwrap();
            assert!(
                hex.len() == 14 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{id}"
            );
            assert!(
                digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit()),
                "{id}"
            );
        }
    }
}
