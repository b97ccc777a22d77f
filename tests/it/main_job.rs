//! The main job: what it does, and what it leaves alone.

use std::collections::BTreeSet;

use offboard24::sandbox::World;

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
