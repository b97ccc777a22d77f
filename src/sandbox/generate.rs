//! Worlds of any size, and the roster that fits.
//!
//! The same seed makes the same world. It has what real portals have: workflows of one person and of several, tasks that
//! were answered, orphans, workflows that have ended, workflows that colleagues or nobody started, and parallel tasks.

use std::fmt::Write;

use super::random::Random;
use super::world::{User, World};

const FIRST_NAMES: [&str; 16] = [
    "Anna",
    "Boris",
    "Carla",
    "David",
    "Elena",
    "Felix",
    "Greta",
    "Hugo",
    "Анна",
    "Борис",
    "Вера",
    "Глеб",
    "Дарья",
    "Егор",
    "Инна",
    "Пётр",
];
const LAST_NAMES: [&str; 20] = [
    "Adams",
    "Bauer",
    "Costa",
    "Dupont",
    "Eriksen",
    "Fischer",
    "Garcia",
    "Hansen",
    "Ito",
    "Jansen",
    "Klein",
    "Lopez",
    "Moreau",
    "Novak",
    "Rossi",
    "Silva",
    "Weber",
    "Петренко",
    "Шмидт",
    "Ковалёва",
];
const TEMPLATES: [(&str, &str); 6] = [
    ("Vacation", "Approve the vacation"),
    ("Purchase", "Approve the purchase"),
    ("Contract", "Check the contract"),
    ("Business trip", "Approve the trip"),
    ("Outgoing invoices", "Approve the invoice"),
    ("Memo", "Read the memo"),
];

/// The first id after the webhook's owner.
const FIRST_ID: u32 = 2;

impl World {
    /// A world of `people`, each with about `tasks_per_person` tasks, of whom `dismissed_percent` in a hundred are
    /// dismissed.
    pub fn generated(people: u32, tasks_per_person: u32, dismissed_percent: u32, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut world = Self::empty();
        let ids = FIRST_ID..FIRST_ID.saturating_add(people);
        for id in ids.clone() {
            let name = random.one_of(&FIRST_NAMES);
            let last_name = random.one_of(&LAST_NAMES);
            let mut user = User::new(id, name, last_name, &format!("user{id}@example.com"));
            if random.percent(dismissed_percent) {
                user = user.dismissed();
                if random.percent(5) {
                    user = user.without_department();
                }
            }
            world.add_user(user);
        }
        for id in ids {
            for _ in 0..tasks_per_person {
                add_work(&mut world, &mut random, id, people);
            }
        }
        world
    }

    /// A roster of the first `how_many` dismissed people: `id,email,first_name,last_name`.
    pub fn roster_csv(&self, how_many: usize) -> String {
        let mut csv = String::from("id,email,first_name,last_name\n");
        for user in self.users().filter(|user| !user.active).take(how_many) {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let (email, name, last_name) = (text(&user.email), text(&user.name), text(&user.last_name));
            // Writing to a String cannot fail.
            let _ = writeln!(csv, "{},{email},{name},{last_name}", user.id);
        }
        csv
    }
}

fn add_work(world: &mut World, random: &mut Random, person: u32, people: u32) {
    let colleague = FIRST_ID + random.below(people);
    let index = usize::try_from(random.below(6)).unwrap_or_default();
    let (template, task) = TEMPLATES[index];
    let starter = if random.percent(60) { person } else { colleague };
    let workflow = world.start_workflow(starter, template);
    match random.below(100) {
        // Alone.
        0..60 => {
            world.ask(&workflow, task, &[person]);
        }
        // One task for two.
        60..72 => {
            world.ask(&workflow, task, &both(person, colleague));
        }
        // Two tasks at once.
        72..80 => {
            world.ask(&workflow, task, &[person]);
            world.ask(&workflow, task, &[colleague]);
        }
        // Answered, while somebody else still waits.
        80..88 => {
            let task = world.ask(&workflow, task, &both(person, colleague));
            world.answer_task(task, person, 1);
        }
        // The instance is lost.
        88..93 => {
            world.ask(&workflow, task, &[person]);
            world.orphan_workflow(&workflow);
        }
        // Over.
        93..97 => {
            let task = world.ask(&workflow, task, &[person]);
            world.answer_task(task, person, 2);
            world.finish_workflow(&workflow);
        }
        // Started by nobody.
        _ => {
            world.ask(&workflow, task, &[person]);
            world.edit_workflow(&workflow, |workflow| workflow.started_by = None);
        }
    }
}

fn both(person: u32, colleague: u32) -> Vec<u32> {
    if person == colleague {
        vec![person]
    } else {
        vec![person, colleague]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_world_and_another_seed_another() {
        let world = |seed| World::generated(40, 5, 30, seed).to_json();
        assert_eq!(world(1), world(1));
        assert_ne!(world(1), world(2));
    }

    #[test]
    fn a_generated_world_has_some_of_everything() {
        let world = World::generated(200, 10, 30, 1);
        let dismissed = world.users().filter(|user| !user.active).count();
        assert!((40..80).contains(&dismissed), "{dismissed}");
        let count = |holds: &dyn Fn(&str) -> bool| world.workflows().filter(|workflow| holds(&workflow.id)).count();
        let waiting = |id: &str| {
            let open = world.tasks_of(id).filter(|task| task.status == 0);
            open.flat_map(|task| &task.participants)
                .filter(|one| one.status == 0)
                .count()
        };
        let running = |id: &str| world.running(id).is_some();
        assert!(count(&|id| waiting(id) > 1) > 100, "shared");
        assert!(count(&|id| waiting(id) > 0 && !running(id)) > 50, "orphans");
        assert!(count(&|id| waiting(id) == 0 && !running(id)) > 40, "over");
        assert!(count(&|id| world.tasks_of(id).count() > 1) > 80, "parallel");
        assert_eq!(world.roster_csv(7).lines().count(), 8);
    }
}
