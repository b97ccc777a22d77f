//! The world of `samples/`: a small company from which people were dismissed. The rosters there are written against it.
//!
//! Nobody in it exists. Ids never change; dismissed people are marked with †.
//!
//! | id | who | what is there for the tool |
//! |---|---|---|
//! | 1 | Alex Morgan | the webhook's owner and administrator: protected |
//! | 2, 3, 4 | Grace Chen, Oliver Brandt, Priya Nair | active colleagues |
//! | 29 | Peter Hargreaves † | the vendor's how-to: nine tasks in nine workflows, nothing else |
//! | 31 | Marta Lindqvist † | one workflow alone, one in which Grace Chen waits too: on hold |
//! | 32, 33 | Daniel Okafor †, Hannah Weiss † | one workflow with a task for each: ended once, credited to both |
//! | 33 | Hannah Weiss † | one workflow that Grace Chen started: it goes ahead |
//! | 34 | Luis Ferreira † | one workflow, and an orphan: a task whose workflow is no longer running |
//! | 35 | Claire Dubois † | one workflow, and one that she has answered and Oliver Brandt has not: not hers any more |
//! | 36, 37 | John Smith †, John Smith | namesakes: ambiguous by name; 36 has one workflow |
//! | 38 | Emma Novak | still active |
//! | 41, 42 | Anna Berg †, Axel Berg | `a_berg@…` as a pattern matches `axberg@…`; one workflow each |
//! | 43 | Tom Reyes † | in no department, so hidden from most questions; one workflow |
//! | 51 | Артём Семёнов † | two workflows; the roster writes him without `ё` |
//! | 52, 53 | Ольга Кузнецова †, Фёдор Королёв † | one workflow together, and one of his own |
//! | 54 | Анна Волкова | still active |
//! | 55 | Мария Соловьёва † | one workflow alone, one in which Анна Волкова waits too: on hold |
//! | 56, 57 | Сергей Иванов †, Сергей Иванов † | namesakes, both dismissed: ambiguous; one workflow each |

use super::world::{User, World};

/// The vendor's how-to has one dismissed person with so many tasks.
const HOW_TO_TASKS: usize = 9;

impl World {
    /// The world of `samples/`: see [`crate::sandbox::sample`].
    pub fn sample() -> Self {
        let mut world = Self::empty();
        add_people(&mut world);
        add_english_workflows(&mut world);
        add_russian_workflows(&mut world);
        world
    }
}

fn add_people(world: &mut World) {
    let person = |id, name, last_name, mailbox: &str| User::new(id, name, last_name, &format!("{mailbox}@example.com"));
    let active = [
        person(2, "Grace", "Chen", "grace.chen"),
        person(3, "Oliver", "Brandt", "oliver.brandt"),
        person(4, "Priya", "Nair", "priya.nair"),
        person(37, "John", "Smith", "j.smith"),
        person(38, "Emma", "Novak", "emma.novak"),
        person(42, "Axel", "Berg", "axberg"),
        person(54, "Анна", "Волкова", "a.volkova").with_second_name("Сергеевна"),
    ];
    let dismissed = [
        person(29, "Peter", "Hargreaves", "peter.hargreaves"),
        person(31, "Marta", "Lindqvist", "marta.lindqvist"),
        person(32, "Daniel", "Okafor", "daniel.okafor"),
        person(33, "Hannah", "Weiss", "hannah.weiss"),
        person(34, "Luis", "Ferreira", "luis.ferreira"),
        person(35, "Claire", "Dubois", "claire.dubois"),
        person(36, "John", "Smith", "john.smith"),
        person(41, "Anna", "Berg", "a_berg"),
        person(43, "Tom", "Reyes", "tom.reyes").without_department(),
        person(51, "Артём", "Семёнов", "a.semenov").with_second_name("Петрович"),
        person(52, "Ольга", "Кузнецова", "o.kuznetsova").with_second_name("Ивановна"),
        person(53, "Фёдор", "Королёв", "f.korolev"),
        person(55, "Мария", "Соловьёва", "m.solovyova").with_second_name("Андреевна"),
        person(56, "Сергей", "Иванов", "s.ivanov"),
        person(57, "Сергей", "Иванов", "sergey.ivanov"),
    ];
    for user in active.into_iter().chain(dismissed.map(User::dismissed)) {
        world.add_user(user);
    }
}

/// A workflow with one task on which all of these people wait.
fn waits(world: &mut World, started_by: u32, template: &str, task: &str, people: &[u32]) -> String {
    let workflow = world.start_workflow(started_by, template);
    world.ask(&workflow, task, people);
    workflow
}

fn add_english_workflows(world: &mut World) {
    for number in 1..=HOW_TO_TASKS {
        waits(
            world,
            29,
            "Outgoing invoices",
            &format!("Approve outgoing invoice {number}"),
            &[29],
        );
    }
    waits(world, 31, "Business trip", "Approve the trip to Lyon", &[31]);
    waits(world, 31, "Purchase", "Approve the purchase of monitors", &[31, 2]);

    let together = world.start_workflow(32, "Contract");
    world.ask(&together, "Check the contract: law", &[32]);
    world.ask(&together, "Check the contract: money", &[33]);
    waits(world, 2, "Vacation", "Approve Grace Chen's vacation", &[33]);

    waits(world, 34, "Vacation", "Approve Luis Ferreira's handover", &[34]);
    let orphan = waits(world, 34, "Memo", "Read the memo", &[34]);
    world.orphan_workflow(&orphan);

    waits(world, 35, "Purchase", "Approve the purchase of chairs", &[35]);
    let answered = world.start_workflow(3, "Contract");
    let task = world.ask(&answered, "Sign the contract", &[35, 3]);
    world.answer_task(task, 35, 1);

    waits(world, 36, "Memo", "Confirm the memo", &[36]);
    waits(world, 38, "Business trip", "Approve the trip to Porto", &[38]);
    waits(world, 41, "Purchase", "Approve the purchase of a printer", &[41]);
    waits(world, 42, "Purchase", "Approve the purchase of paper", &[42]);
    waits(world, 43, "Vacation", "Approve Tom Reyes's handover", &[43]);
    waits(world, 4, "Vacation", "Approve Priya Nair's vacation", &[1]);
}

fn add_russian_workflows(world: &mut World) {
    waits(world, 51, "Командировка", "Согласовать командировку в Казань", &[51]);
    waits(world, 51, "Служебная записка", "Ознакомиться с запиской", &[51]);
    waits(world, 52, "Договор", "Согласовать договор аренды", &[52, 53]);
    waits(world, 53, "Отпуск", "Передать дела", &[53]);
    waits(world, 55, "Закупка", "Согласовать закупку мебели", &[55]);
    waits(world, 55, "Договор", "Подписать договор подряда", &[55, 54]);
    waits(world, 56, "Отпуск", "Согласовать отпуск", &[56]);
    waits(world, 57, "Отпуск", "Согласовать перенос отпуска", &[57]);
    waits(world, 54, "Закупка", "Согласовать закупку бумаги", &[54]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_how_to_person_waits_in_nine_workflows_and_nobody_else_does() {
        let world = World::sample();
        let workflows: Vec<&str> = world.waiting_for(29).map(|task| task.workflow.as_str()).collect();
        assert_eq!(workflows.len(), HOW_TO_TASKS);
        for workflow in workflows {
            assert!(world.running(workflow).is_some());
            let people = world.tasks_of(workflow).flat_map(|task| &task.participants);
            assert_eq!(people.map(|one| one.user).collect::<Vec<_>>(), [29]);
        }
        assert_eq!(world.tasks_with(29).count(), HOW_TO_TASKS);
    }

    #[test]
    fn the_table_above_tells_the_truth_about_who_waits_where() {
        let world = World::sample();
        let open = |user| {
            world
                .waiting_for(user)
                .filter(|task| world.running(&task.workflow).is_some())
                .count()
        };
        let expected = [
            (29, 9),
            (31, 2),
            (32, 1),
            (33, 2),
            (34, 1),
            (35, 1),
            (36, 1),
            (41, 1),
            (43, 1),
            (51, 2),
            (52, 1),
            (53, 2),
            (55, 2),
            (56, 1),
            (57, 1),
        ];
        for (user, count) in expected {
            assert_eq!(open(user), count, "user {user}");
            assert!(world.user(user).is_some_and(|user| !user.active), "user {user}");
        }
        assert_eq!(world.waiting_for(34).count(), 2, "the orphan is still on his list");
        assert_eq!(world.tasks_with(35).count(), 2, "she has answered one");
    }

    #[test]
    fn the_samples_are_about_these_people() {
        let world = World::sample();
        let english = include_str!("../../samples/roster-english.csv");
        let named = |line: &str| {
            let fields: Vec<&str> = line.split(',').collect();
            let email = fields.get(1).copied().unwrap_or_default();
            let id = fields.first().and_then(|id| id.parse().ok());
            let by_id = id.and_then(|id| world.user(id));
            by_id
                .or_else(|| {
                    world
                        .users()
                        .find(|user| !email.is_empty() && user.email.as_deref() == Some(email))
                })
                .is_some()
        };
        let unknown: Vec<&str> = english.lines().skip(1).filter(|line| !named(line)).collect();
        assert_eq!(
            unknown,
            [
                ",,John,Smith,",
                ",zoe.unknown@example.com,Zoe,Unknown,never worked here"
            ]
        );
        let how_to = include_str!("../../samples/roster-how-to.csv");
        assert_eq!(
            how_to.lines().skip(1).collect::<Vec<_>>(),
            ["29,peter.hargreaves@example.com,Peter,Hargreaves"]
        );
    }
}
