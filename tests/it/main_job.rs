//! The main job: what it does, and what it leaves alone.

use std::collections::BTreeSet;

use offboard24::sandbox::world::User;
use offboard24::sandbox::{RequestRecord, World};
use serde_json::json;

use crate::support::{Desk, HOW_TO, Portal, ids_of, number, oracle};

const RUSSIAN: &[u8] = include_bytes!("../../samples/roster-russian.csv");
const ENGLISH: &[u8] = include_bytes!("../../samples/roster-english.csv");

/// Person 29 of the sample's world: the vendor's how-to.
const HOW_TO_USER: u32 = 29;

fn how_to_workflows(world: &World) -> BTreeSet<String> {
    world
        .waiting_for(HOW_TO_USER)
        .map(|task| task.workflow.clone())
        .collect()
}

#[test]
fn the_how_to_comes_out_as_nine_kills() {
    let portal = Portal::of(World::sample());
    let theirs = portal.world(|world| how_to_workflows(world));
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    assert_eq!(number(&plan, "/actions/planned"), 9);
    assert!(portal.effects().is_empty(), "planning changed something");

    let result = desk.apply(&plan).expect(0).json();

    assert_eq!(number(&result, "/actions/confirmed"), 9);
    assert_eq!(result["state"], "complete");
    assert_eq!(portal.destroyed(), theirs);
    assert!(
        portal
            .effects()
            .iter()
            .all(|effect| effect.method == "bizproc.workflow.kill")
    );
    assert!(portal.world(|world| theirs.iter().all(|workflow| world.workflow(workflow).is_none())));
    desk.assert_sound();
}

#[test]
fn the_how_to_comes_out_as_nine_terminations_that_leave_their_state() {
    let portal = Portal::of(World::sample());
    let theirs = portal.world(|world| how_to_workflows(world));
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "terminate");

    let result = desk.apply(&plan).expect(0).json();

    assert_eq!(number(&result, "/actions/confirmed"), 9);
    assert_eq!(portal.destroyed(), theirs);
    let hash = &plan["plan_hash"].as_str().unwrap()[..8];
    let text = format!("Ended by offboard24, job 1, plan {hash}");
    for workflow in &theirs {
        let state = portal.world(|world| world.workflow(workflow).and_then(|workflow| workflow.state.clone()));
        assert_eq!(state.as_deref(), Some(text.as_str()));
    }
    desk.assert_sound();
}

#[test]
fn the_journal_tells_the_story_in_order() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    desk.apply(&plan).expect(0);

    let kinds: Vec<String> = desk
        .story()
        .iter()
        .map(|event| event["kind"].as_str().unwrap().to_owned())
        .collect();
    let mut chapters = kinds.clone();
    chapters.dedup();
    assert_eq!(
        chapters[..10],
        [
            "database_created",
            "run_started",
            "signing_key_recorded",
            "job_created",
            "row_read",
            "user_recorded",
            "row_resolved",
            "rows_resolved",
            "task_recorded",
            "workflow_recorded"
        ]
    );
    let first = |kind: &str| kinds.iter().position(|other| other == kind).unwrap();
    let last = |kind: &str| kinds.iter().rposition(|other| other == kind).unwrap();
    let order = [
        "workflow_recorded",
        "user_discovered",
        "action_planned",
        "plan_frozen",
        "run_finished",
    ];
    assert!(order.windows(2).all(|pair| first(pair[0]) < first(pair[1])));
    assert!(first("plan_frozen") < first("plan_confirmed"));
    assert!(first("plan_confirmed") < first("attempt_intended"));
    assert!(last("action_ended") < last("job_closed"));
    assert_eq!(kinds.last().unwrap(), "run_finished");
    for action in 1..=9 {
        let of_action: Vec<&str> = told(&kinds, &desk, action);
        assert_eq!(
            of_action,
            ["action_planned", "attempt_intended", "attempt_answered", "action_ended"]
        );
    }
}

fn told<'a>(kinds: &'a [String], desk: &Desk, action: u64) -> Vec<&'a str> {
    let story = desk.story();
    let about = story
        .iter()
        .enumerate()
        .filter(|(_, event)| event["data"]["action"] == action);
    about.map(|(place, _)| kinds[place].as_str()).collect()
}

#[test]
fn the_english_sample_is_held_credited_and_reported_as_its_world_says() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(ENGLISH), "kill");
    let rows = |state: &str| number(&plan, &format!("/rows/{state}"));
    assert_eq!(
        [
            "total",
            "matched",
            "ambiguous",
            "still_active",
            "not_found",
            "protected"
        ]
        .map(rows),
        [12, 8, 1, 1, 1, 1]
    );
    assert_eq!((number(&plan, "/actions/held"), number(&plan, "/orphans")), (1, 1));
    assert_eq!(number(&plan, "/started_by_colleagues"), 1);
    let result = desk.apply(&plan).expect(4).json();
    assert_eq!(number(&result, "/actions/confirmed"), number(&plan, "/actions/planned"));
    assert_eq!(portal.destroyed(), desk.workflows_in(&["confirmed"]));
    desk.assert_sound();
}

#[test]
fn the_russian_sample_is_read_as_excel_writes_it() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let ended = desk
        .run(&["plan", &desk.roster(RUSSIAN), "--action", "terminate", "--json"])
        .expect(4);
    assert!(ended.stderr.contains("windows-1251"), "{}", ended.stderr);
    assert!(ended.stderr.contains("semicolon"), "{}", ended.stderr);
    let plan = ended.json();
    // Артём without ё, Ольга and Фёдор by one workflow, Мария with one on hold.
    assert!(number(&plan, "/rows/matched") >= 4, "{plan}");
    desk.apply(&plan).expect(4);
    assert_eq!(portal.destroyed(), desk.workflows_in(&["confirmed"]));
    desk.assert_sound();
}

#[test]
fn the_sample_of_mistakes_is_refused_with_every_line_before_any_request() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let roster = desk.roster(include_bytes!("../../samples/roster-mistakes.csv"));
    let ended = desk.run(&["plan", &roster, "--action", "kill"]).expect(2);
    assert!(ended.stderr.matches("line ").count() >= 4, "{}", ended.stderr);
    assert!(portal.requests().is_empty());
    assert!(
        !desk.database().exists(),
        "nothing is made for a roster that cannot be used"
    );
}

#[test]
fn of_a_thousand_people_only_the_workflows_of_two_hundred_are_destroyed() {
    let world = World::generated(1_000, 3, 30, 11);
    let csv = world.roster_csv(200);
    let roster = ids_of(&csv);
    assert_eq!(roster.len(), 200);
    let expected = oracle(&world, &roster);
    let running_before: BTreeSet<String> = running(&world);
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);

    let plan = desk.plan(&desk.roster(csv), "kill");
    assert_eq!(number(&plan, "/rows/matched"), 200);
    assert!(number(&plan, "/actions/held") > 20, "the world has shared workflows");
    assert!(number(&plan, "/orphans") > 5, "the world has orphans");
    let result = desk.apply(&plan).expect(4).json();

    assert_eq!(portal.destroyed(), expected);
    assert_eq!(number(&result, "/actions/confirmed"), expected.len() as u64);
    let running_after = portal.world(|world| running(world));
    assert_eq!(
        running_before
            .difference(&running_after)
            .cloned()
            .collect::<BTreeSet<_>>(),
        expected
    );
    desk.assert_sound();
}

fn running(world: &World) -> BTreeSet<String> {
    world
        .workflows()
        .filter(|workflow| workflow.running)
        .map(|workflow| workflow.id.clone())
        .collect()
}

#[test]
fn what_is_there_again_at_the_end_of_a_job_and_what_a_kill_left_behind_is_told() {
    let planned = || {
        let mut world = World::empty();
        world.add_user(User::new(3, "Grace", "Chen", "grace@example.com"));
        world.add_user(User::new(5, "Peter", "Hargreaves", "peter@example.com").dismissed());
        let workflow = world.start_workflow(3, "Contract");
        world.ask(&workflow, "Check the contract", &[5]);
        let as_it_was = world.workflow(&workflow).unwrap().clone();
        let portal = Portal::of(world);
        let desk = Desk::at(&portal);
        let plan = desk.plan(&desk.roster("id\n5\n"), "kill");
        (portal, desk, plan, as_it_was)
    };
    // The last time that it is asked what runs is the end of the job.
    let (portal, desk, plan, _) = planned();
    let before = portal.requests().len();
    desk.apply(&plan).expect(0);
    let asks = |request: &RequestRecord| {
        let mut commands = request.commands.iter();
        commands.any(|command| command.method == "bizproc.workflow.instances")
    };
    let end = portal.requests()[before..].iter().rposition(asks).unwrap() + 1;

    let (portal, desk, plan, as_it_was) = planned();
    let workflow = as_it_was.id.clone();
    portal.inject(&format!("auth-error-401@request:{end}"));
    assert_ne!(desk.apply(&plan).code, 0);
    assert_eq!(desk.workflows_in(&["confirmed"]), BTreeSet::from([workflow.clone()]));
    assert!(desk.story().iter().all(|event| event["kind"] != "job_closed"));
    portal.world(|world| {
        world.add_workflow(as_it_was);
        world.ask(&workflow, "Check it once more", &[3]);
    });
    let status = desk.run(&["resume", "--json"]).expect(3).json();
    assert_eq!((number(&status, "/relisted"), number(&status, "/residue")), (1, 1));
    let story = desk.story();
    let told = |kind: &str| story.iter().find(|event| event["kind"] == kind).unwrap()["data"].clone();
    assert_eq!(told("job_closed")["relisted"], json!([workflow]));
    assert_eq!(told("residue_recorded"), json!({"workflow": workflow, "tasks": 1}));
    // For the look at the world that ends each test: killed workflows do not run.
    portal.world(|world| world.finish_workflow(&workflow));
}

#[test]
fn a_later_job_settles_what_an_earlier_one_left_in_doubt() {
    let planned = || {
        let mut world = World::empty();
        world.add_user(User::new(5, "Peter", "Hargreaves", "peter@example.com").dismissed());
        world.add_user(User::new(6, "Ann", "Lee", "ann@example.com").dismissed());
        let workflows = [5, 6].map(|user| {
            let workflow = world.start_workflow(1, "Contract");
            world.ask(&workflow, "Check the contract", &[user]);
            BTreeSet::from([workflow])
        });
        let portal = Portal::of(world);
        let desk = Desk::at(&portal);
        let plan = desk.plan(&desk.roster("id\n5\n"), "kill");
        (portal, desk, plan, workflows)
    };
    let (portal, desk, plan, _) = planned();
    let before = portal.requests().len();
    desk.apply(&plan).expect(0);
    let requests = portal.requests();
    let sent = requests[before..].iter().position(RequestRecord::destroys).unwrap() + 1;

    let (portal, desk, plan, [earlier, later]) = planned();
    portal.inject("lost-answer@destroy:1");
    portal.inject(&format!("auth-error-401@request:{}", sent + 1));
    assert_ne!(desk.apply(&plan).code, 0);
    assert_eq!(desk.workflows_in(&["sent"]), earlier, "done, and nobody was told");
    let plan = desk.plan(&desk.roster("id\n6\n"), "kill");
    desk.apply(&plan);
    assert_eq!(desk.workflows_in(&["sent"]), BTreeSet::new());
    assert_eq!(desk.workflows_in(&["presumed"]), earlier);
    assert_eq!(desk.workflows_in(&["confirmed"]), later);
    desk.assert_sound();
}

#[test]
fn what_a_termination_leaves_on_purpose_is_no_residue() {
    let mut world = World::empty();
    world.add_user(User::new(3, "Grace", "Chen", "grace@example.com"));
    world.add_user(User::new(5, "Peter", "Hargreaves", "peter@example.com").dismissed());
    let workflow = world.start_workflow(3, "Contract");
    let answered = world.ask(&workflow, "Check the contract: law", &[3]);
    world.answer_task(answered, 3, 1);
    world.ask(&workflow, "Check the contract: money", &[5]);
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster("id\n5\n"), "terminate");
    let status = desk.apply(&plan).expect(0).json();
    assert_eq!(
        portal.world(|world| world.tasks_of(&workflow).count()),
        1,
        "the answered one"
    );
    assert_eq!(number(&status, "/residue"), 0);
}
