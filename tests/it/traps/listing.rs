//! Traps 11 to 18: listing tasks.

use std::collections::{BTreeMap, BTreeSet};

use offboard24::sandbox::World;
use offboard24::sandbox::behaviour::{IdForm, StartName};
use offboard24::sandbox::world::User;
use serde_json::{Value, json};

use crate::support::{Desk, Portal, asked, behaving, number};

const TASKS: &str = "bizproc.task.list";

/// Two dismissed people, 5 and 6, and two colleagues, 2 and 3, who have nothing to do.
fn company() -> World {
    let mut world = World::empty();
    world.add_user(User::new(2, "Grace", "Chen", "grace@x.example"));
    world.add_user(User::new(3, "Oliver", "Brandt", "oliver@x.example"));
    world.add_user(User::new(5, "Dan", "Moss", "dan@x.example").dismissed());
    world.add_user(User::new(6, "Rita", "Hart", "rita@x.example").dismissed());
    world
}

/// Starts a workflow with one task on which these people wait.
fn waits(world: &mut World, people: &[u32]) -> String {
    let workflow = world.start_workflow(2, "Memo");
    world.ask(&workflow, "Read the memo", people);
    workflow
}

fn set<const N: usize>(workflows: [&String; N]) -> BTreeSet<String> {
    workflows.into_iter().cloned().collect()
}

/// The workflow of each action of the plan, with its people and how many actions it has.
fn planned(desk: &Desk) -> BTreeMap<String, Vec<Value>> {
    let mut planned: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for event in desk.story().iter().filter(|event| event["kind"] == "action_planned") {
        let workflow = event["data"]["workflow"].as_str().unwrap().to_owned();
        planned
            .entry(workflow)
            .or_default()
            .push(event["data"]["people"].clone());
    }
    planned
}

#[test]
fn trap_11_a_list_that_is_not_about_the_person_asked_for_stops_the_job() {
    let mut world = company();
    for colleague in [2, 3, 1] {
        waits(&mut world, &[colleague]);
    }
    let dan = waits(&mut world, &[5]);
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    portal.inject(&format!("dropped-filter@{TASKS}:1"));
    let roster = desk.roster("id\n5\n");
    let ended = desk
        .run(&["plan", &roster, "--action", "kill", "--json"])
        .expect(6)
        .json();
    assert_eq!(ended["error"]["kind"], "widened", "{ended}");
    assert!(
        ended["plan_hash"].is_null() && number(&ended, "/actions/total") == 0,
        "{ended}"
    );
    let recorded = desk.story().iter().any(|event| event["kind"] == "task_recorded");
    assert!(!recorded, "nothing of that answer is used");
    portal.assert_untouched();

    let plan = desk.run(&["resume", "--json"]).expect(0).json();
    desk.apply(&plan).expect(0);
    assert_eq!(portal.destroyed(), set([&dan]));
    // Whatever was asked was asked of one person or of one workflow, by names that the portal knows.
    let questions = asked(&portal, TASKS);
    assert!(questions.len() > 3, "{questions:?}");
    for params in questions {
        let filter = &params["FILTER"];
        let of_person = json!({"USER_ID": "5", "STATUS": "0", "USER_STATUS": "0", ">ID": "0"});
        let of_workflow = json!({"WORKFLOW_ID": dan});
        let waiting = json!({"WORKFLOW_ID": dan, "STATUS": "0", "USER_STATUS": "0"});
        assert!([of_person, of_workflow, waiting].contains(filter), "{filter}");
    }
}

#[test]
fn trap_11_nobody_to_look_for_is_no_question_for_everybody() {
    let mut world = company();
    waits(&mut world, &[2]);
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster("email\nnobody@x.example\n"), "kill");
    assert_eq!(number(&plan, "/rows/not_found"), 1);
    let plan = desk.plan(&desk.roster("id\n6\n"), "kill");
    assert_eq!(
        (number(&plan, "/rows/matched"), number(&plan, "/actions/total")),
        (1, 0)
    );
    let filters: Vec<Value> = asked(&portal, TASKS)
        .iter()
        .map(|params| params["FILTER"].clone())
        .collect();
    assert_eq!(
        filters,
        [json!({"USER_ID": "6", "STATUS": "0", "USER_STATUS": "0", ">ID": "0"})]
    );
    portal.assert_untouched();
}

/// A workflow that waits for user 5, with 120 tasks that a colleague has answered.
fn long_story() -> (World, String) {
    let mut world = company();
    let workflow = world.start_workflow(2, "Memo");
    for number in 1..=120 {
        let task = world.ask(&workflow, &format!("Chapter {number}"), &[2]);
        world.answer_task(task, 2, 3);
    }
    world.ask(&workflow, "The last chapter", &[5]);
    (world, workflow)
}

#[test]
fn trap_12_pages_are_followed_by_the_portals_word_and_a_first_page_that_comes_again_stops_the_job() {
    let (world, workflow) = long_story();
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster("id\n5\n"), "kill");
    let recorded: BTreeSet<u64> = desk
        .story()
        .iter()
        .filter(|event| event["kind"] == "task_recorded")
        .map(|event| event["data"]["task"].as_u64().unwrap())
        .collect();
    assert_eq!(recorded.len(), 121, "the kill erases them all");
    let pages: Vec<Value> = asked(&portal, TASKS)
        .into_iter()
        .filter(|params| params["FILTER"]["WORKFLOW_ID"] == workflow.as_str())
        .map(|params| params["start"].clone())
        .collect();
    assert_eq!(pages, ["0", "50", "100"]);
    desk.apply(&plan).expect(0);
    assert_eq!(portal.destroyed(), set([&workflow]));

    // A portal that reads the name of the documentation, and so gives its first page for ever.
    let (world, _) = long_story();
    let portal = behaving(world, |behaviour| behaviour.start_name = StartName::Upper);
    let desk = Desk::at(&portal);
    let roster = desk.roster("id\n5\n");
    let ended = desk.run(&["run", &roster, "--action", "kill", "--max-actions", "1", "--json"]);
    let ended = ended.expect(6).json();
    assert_eq!(ended["error"]["kind"], "unexpected", "{ended}");
    let message = ended["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("instead of a later page the first one came again"),
        "{message}"
    );
    let pages = asked(&portal, TASKS)
        .iter()
        .filter(|params| params["start"] != "-1")
        .count();
    assert_eq!(pages, 2, "it stops at the first page that comes again");
    portal.assert_untouched();
}

#[test]
fn trap_13_a_total_of_zero_that_was_not_counted_is_not_none() {
    let mut world = company();
    let workflows: BTreeSet<String> = (0..120).map(|_| waits(&mut world, &[5])).collect();
    for id in 100..160 {
        world.add_user(User::new(id, "John", "Smith", "").dismissed());
    }
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster("id,first name,last name\n5,,\n,John,Smith\n"), "kill");
    assert_eq!(number(&plan, "/actions/planned"), 120, "{plan}");
    assert_eq!(planned(&desk).into_keys().collect::<BTreeSet<_>>(), workflows);
    let namesakes = desk
        .story()
        .iter()
        .find(|event| event["data"]["state"] == "ambiguous")
        .map(|event| event["data"]["candidates"].as_array().unwrap().len());
    assert_eq!(namesakes, Some(60));
    // Each of these answers had a total of 0. In a batch every parameter is a text.
    let uncounted = |method: &str| {
        let asked = asked(&portal, method);
        asked.iter().filter(|params| params["start"] == "-1").count()
    };
    assert_eq!(
        uncounted("user.get"),
        4,
        "the one with the tasks, who started them, and two pages of namesakes"
    );
    assert_eq!(uncounted(TASKS), 3 + 3, "three pages of tasks, and 120 workflows");
    assert_eq!(
        uncounted("bizproc.workflow.instances"),
        3,
        "up to 49 workflows in a question"
    );
    portal.assert_untouched();
}

#[test]
fn trap_14_what_is_listed_is_frozen_and_no_page_is_read_while_workflows_go() {
    let mut world = company();
    let workflows: BTreeSet<String> = (0..120).map(|_| waits(&mut world, &[5])).collect();
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster("id\n5\n"), "kill");
    assert_eq!(number(&plan, "/actions/planned"), 120);
    let requests_of_plan = portal.requests().len();
    let later = portal.world(|world| waits(world, &[5]));
    let status = desk.apply(&plan).expect(0).json();
    assert_eq!(number(&status, "/actions/confirmed"), 120);
    assert_eq!(portal.destroyed(), workflows);
    assert!(
        portal.world(|world| world.running(&later).is_some()),
        "what came after the plan is not in it"
    );
    for request in &portal.requests()[requests_of_plan..] {
        for command in request.commands.iter().filter(|command| command.method == TASKS) {
            let asked = &command.params["FILTER"]["WORKFLOW_ID"];
            let asked = asked.as_array().cloned().unwrap_or_else(|| vec![asked.clone()]);
            let is_planned = |id: &serde_json::Value| workflows.contains(id.as_str().unwrap());
            assert!(!asked.is_empty() && asked.iter().all(is_planned), "{command:?}");
            // No second page.
            assert!(
                ["0", "-1"].contains(&command.params["start"].as_str().unwrap()),
                "{command:?}"
            );
        }
    }
}

#[test]
fn trap_15_a_task_that_still_runs_does_not_wait_for_somebody_who_has_answered_it() {
    let mut world = company();
    let answer = |world: &mut World, people: &[u32], who: u32| {
        let workflow = world.start_workflow(2, "Contract");
        let task = world.ask(&workflow, "Sign the contract", people);
        world.answer_task(task, who, 1);
        workflow
    };
    answer(&mut world, &[5, 3], 5);
    let theirs = answer(&mut world, &[5, 6], 5);
    let finished_by_colleague = answer(&mut world, &[5, 3], 3);
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster("id\n5\n6\n"), "kill");
    assert_eq!(
        planned(&desk),
        BTreeMap::from([
            (theirs.clone(), vec![json!([6])]),
            (finished_by_colleague.clone(), vec![json!([5])])
        ]),
        "where 5 has answered only those count who have not"
    );
    assert_eq!(number(&plan, "/actions/held"), 0, "who has answered does not wait");
    desk.apply(&plan).expect(0);
    assert_eq!(portal.destroyed(), set([&theirs, &finished_by_colleague]));
}

#[test]
fn trap_16_a_workflow_that_waits_for_two_of_the_roster_is_ended_once_and_credited_to_both() {
    let mut world = company();
    let one_task = waits(&mut world, &[5, 6]);
    let two_tasks = world.start_workflow(5, "Contract");
    world.ask(&two_tasks, "Check the contract: law", &[6]);
    world.ask(&two_tasks, "Check the contract: money", &[5]);
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster("id\n6\n5\n"), "kill");
    let both = vec![json!([5, 6])];
    assert_eq!(
        planned(&desk),
        BTreeMap::from([(one_task.clone(), both.clone()), (two_tasks.clone(), both)])
    );
    assert_eq!(number(&plan, "/actions/planned"), 2);
    desk.apply(&plan).expect(0);
    assert_eq!(portal.destroyed(), set([&one_task, &two_tasks]));
    let shown = desk.run(&["show", "--by", "person"]).expect(0).stdout;
    assert_eq!(shown.matches("2 kill: 2 confirmed").count(), 2, "{shown}");
    let commands = asked(&portal, "bizproc.workflow.kill");
    assert_eq!(commands.len(), 2, "a second kill would be an error: {commands:?}");
}

#[test]
fn trap_17_numbers_are_numbers_whether_they_come_as_texts_or_not() {
    for ids in [IdForm::Text, IdForm::Number] {
        let mut world = company();
        let alone = waits(&mut world, &[5]);
        let shared = waits(&mut world, &[6, 2]);
        let portal = behaving(world, |behaviour| behaviour.ids = ids);
        let desk = Desk::at(&portal);
        let plan = desk.plan(&desk.roster("id\n5\n6\n"), "kill");
        let counts = ["planned", "held"].map(|state| number(&plan, &format!("/actions/{state}")));
        assert_eq!(counts, [1, 1], "{ids:?}");
        let status = desk.apply(&plan).expect(4).json();
        assert_eq!(number(&status, "/actions/confirmed"), 1, "{ids:?}: {status}");
        assert_eq!(portal.destroyed(), set([&alone]), "{ids:?}");
        assert!(portal.world(|world| world.running(&shared).is_some()), "{ids:?}");
    }
}

#[test]
fn trap_18_what_was_delegated_or_finished_after_the_plan_is_not_ended() {
    let mut world = company();
    let [unchanged, delegated, answered, grown, finished] = [5, 5, 5, 6, 5].map(|user| waits(&mut world, &[user]));
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster("id\n5\n6\n"), "kill");
    assert_eq!(number(&plan, "/actions/planned"), 5);
    portal.world(|world| {
        let task_of = |world: &World, workflow: &str| world.tasks_of(workflow).next().unwrap().id;
        let task = task_of(world, &delegated);
        world.delegate(task, 5, 2);
        let task = task_of(world, &answered);
        world.answer_task(task, 5, 1);
        world.ask(&grown, "One more opinion", &[3]);
        world.finish_workflow(&finished);
    });
    let status = desk.apply(&plan).expect(4).json();
    let outcomes = ["confirmed", "drifted", "already_gone"].map(|state| number(&status, &format!("/actions/{state}")));
    assert_eq!(outcomes, [1, 3, 1], "{status}");
    assert_eq!(desk.workflows_in(&["drifted"]), set([&delegated, &answered, &grown]));
    assert_eq!(desk.workflows_in(&["already_gone"]), set([&finished]));
    assert_eq!(portal.destroyed(), set([&unchanged]));
    let commands = asked(&portal, "bizproc.workflow.kill");
    assert_eq!(commands.len(), 1, "{commands:?}");
    desk.assert_sound();
}
