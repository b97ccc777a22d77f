//! Traps 19 to 26: killing.

use std::collections::BTreeSet;

use offboard24::sandbox::world::{User, Workflow};
use offboard24::sandbox::{CommandRecord, World};
use serde_json::{Value, json};

use crate::support::{Desk, HOW_TO, Portal, number};

/// The workflows in which a user waits, running or not.
fn waits_in(portal: &Portal, user: u32) -> BTreeSet<String> {
    portal.world(|world| world.waiting_for(user).map(|task| task.workflow.clone()).collect())
}

/// Where in the story events of a kind stand.
fn places(story: &[Value], kind: &str) -> Vec<usize> {
    let of_kind = story.iter().enumerate().filter(|(_, event)| event["kind"] == kind);
    of_kind.map(|(place, _)| place).collect()
}

#[test]
fn trap_19_a_workflow_in_which_a_colleague_waits_too_is_held_and_named_and_stays() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let shared: BTreeSet<String> = waits_in(&portal, 31)
        .intersection(&waits_in(&portal, 2))
        .cloned()
        .collect();
    let alone: BTreeSet<String> = waits_in(&portal, 31).difference(&shared).cloned().collect();
    assert_eq!((shared.len(), alone.len()), (1, 1));
    let plan = desk.plan(&desk.roster("id\n31\n"), "kill");
    assert_eq!(
        (number(&plan, "/actions/planned"), number(&plan, "/actions/held")),
        (1, 1)
    );
    let held = desk.run(&["show", "--by", "hold"]).expect(0).stdout;
    assert!(held.contains("2 Grace Chen also waits in it"), "{held}");
    desk.apply(&plan).expect(4);
    assert_eq!(portal.destroyed(), alone);
    assert_eq!(desk.workflows_in(&["held"]), shared);
    assert_eq!(waits_in(&portal, 2), shared, "her task is still there");
}

#[test]
fn trap_20_all_that_a_kill_erases_is_on_record_before_it_is_sent() {
    let mut world = World::empty();
    world.add_user(User::new(3, "Grace", "Chen", "grace@example.com"));
    world.add_user(User::new(5, "Peter", "Hargreaves", "peter@example.com").dismissed());
    let workflow = world.start_workflow(3, "Contract");
    let law = world.ask(&workflow, "Check the contract: law", &[3]);
    world.answer_task(law, 3, 1);
    let both = world.ask(&workflow, "Check the contract: money", &[3, 5]);
    world.answer_task(both, 3, 2);
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster("id\n5\n"), "kill");
    desk.apply(&plan).expect(0);
    assert_eq!(portal.world(|world| world.tasks_of(&workflow).count()), 0, "erased");
    assert_eq!(portal.effects().len(), 1);

    let story = desk.story();
    let [intended] = places(&story, "attempt_intended")[..] else {
        panic!("one intent")
    };
    let recorded: BTreeSet<[u64; 4]> = places(&story[..intended], "task_recorded")
        .into_iter()
        .map(|place| {
            ["task", "user", "status", "user_status"].map(|field| number(&story[place], &format!("/data/{field}")))
        })
        .collect();
    let expected = [[law, 3, 1, 1], [both, 3, 0, 2], [both, 5, 0, 0]];
    assert_eq!(recorded, expected.into());
    let [instance] = places(&story[..intended], "workflow_recorded")[..] else {
        panic!("one workflow")
    };
    let instance = &story[instance]["data"];
    assert_eq!(
        [
            &instance["workflow"],
            &instance["running"],
            &instance["module"],
            &instance["started_by"]
        ],
        [&json!(workflow), &json!(true), &json!("lists"), &json!(3)]
    );
}

#[test]
fn trap_21_an_error_with_an_empty_code_is_an_error() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    portal.inject("kill-error-present@command:4");
    let status = desk.apply(&plan).expect(3).json();
    assert_eq!(
        (
            number(&status, "/actions/failed"),
            number(&status, "/actions/confirmed")
        ),
        (1, 8)
    );
    assert_eq!(portal.destroyed().len(), 8);
    let answers: Vec<_> = desk
        .story()
        .into_iter()
        .filter(|event| event["kind"] == "attempt_answered" && event["data"]["answer"] == "refused")
        .collect();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers[0]["data"]["code"], "", "{}", answers[0]);
}

#[test]
fn trap_22_what_is_gone_after_a_lost_answer_is_presumed_and_neither_failed_nor_confirmed() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    // The canary, and after the next one a batch.
    portal.inject("lost-answer@destroy:1");
    portal.inject("lost-answer@destroy:3");
    let status = desk.apply(&plan).expect(0).json();
    let counts =
        ["presumed", "confirmed", "failed", "survived"].map(|state| number(&status, &format!("/actions/{state}")));
    assert_eq!(counts, [3, 6, 0, 0]);
    let requests = portal.requests();
    let unanswered = |number: u64| requests.iter().any(|one| one.number == number && one.status.is_none());
    let lost: BTreeSet<String> = portal
        .effects()
        .into_iter()
        .filter(|effect| unanswered(effect.request))
        .map(|effect| effect.workflow)
        .collect();
    assert_eq!(desk.workflows_in(&["presumed"]), lost);
    assert_eq!(portal.destroyed().len(), 9, "and nothing was sent a second time");
    let commands = requests.iter().flat_map(|request| &request.commands);
    assert_eq!(commands.filter(|command| command.destroys()).count(), 9);
}

#[test]
fn trap_23_a_kill_of_what_was_terminated_meanwhile_is_not_sent_and_claims_nothing() {
    let portal = Portal::of(World::sample());
    // Each in a database of its own, as on two machines: neither journal knows all that reaches the portal.
    let killer = Desk::with_webhook(&portal.url());
    let kill = killer.plan(&killer.roster(HOW_TO), "kill");
    let terminator = Desk::with_webhook(&portal.url());
    let terminate = terminator.plan(&terminator.roster(HOW_TO), "terminate");
    terminator.apply(&terminate).expect(0);
    let terminated = terminator.workflows_in(&["confirmed"]);
    assert_eq!(terminated.len(), 9);

    let status = killer.apply(&kill).expect(0).json();
    assert_eq!(number(&status, "/actions/already_gone"), 9, "{status}");
    let commands: Vec<_> = portal
        .requests()
        .into_iter()
        .flat_map(|request| request.commands)
        .collect();
    assert!(commands.iter().all(|command| command.method != "bizproc.workflow.kill"));
    portal.world(|world| {
        for workflow in &terminated {
            let state = world.workflow(workflow).and_then(|workflow| workflow.state.clone());
            assert!(
                state.is_some_and(|text| text.starts_with("Ended by offboard24")),
                "{workflow}"
            );
        }
    });
    // A kill job that begins after it finds nothing to do, and does not promise to clean up.
    let late = Desk::with_webhook(&portal.url());
    let plan = late.plan(&late.roster(HOW_TO), "kill");
    assert_eq!(
        (plan["state"].as_str(), number(&plan, "/actions/total")),
        (Some("complete"), 0)
    );
}

#[test]
fn trap_24_ids_that_look_like_numbers_stay_text_from_the_portal_to_the_portal() {
    let ids = ["67308412345678.35276800", "12345678901234567890123", "1e5", "0012"];
    let mut world = World::empty();
    world.add_user(User::new(5, "Peter", "Hargreaves", "peter@example.com").dismissed());
    let model = world.start_workflow(5, "Memo");
    let model = world.workflow(&model).unwrap().clone();
    for id in ids {
        world.add_workflow(Workflow {
            id: id.to_owned(),
            ..model.clone()
        });
        world.ask(id, "Confirm the memo", &[5]);
    }
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    let expected: BTreeSet<String> = ids.map(str::to_owned).into();
    let plan = desk.plan(&desk.roster("id\n5\n"), "kill");
    let shown = || -> BTreeSet<String> {
        let shown = desk.run(&["show", "--json"]).expect(0).json();
        let actions = shown.pointer("/list/actions").unwrap().as_array().unwrap();
        actions
            .iter()
            .map(|action| action["workflow"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(shown(), expected);
    desk.apply(&plan).expect(0);
    assert_eq!(portal.destroyed(), expected);
    assert_eq!(shown(), expected);
    assert_eq!(desk.workflows_in(&["confirmed"]), expected);

    let commands = portal.requests().into_iter().flat_map(|request| request.commands);
    let sent: BTreeSet<String> = commands
        .filter(CommandRecord::destroys)
        .map(|command| command.params["ID"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(sent, expected);
    let db = rusqlite::Connection::open(desk.database()).unwrap();
    for table in ["action", "task", "workflow", "event"] {
        let mut query = db
            .prepare(&format!(
                "SELECT DISTINCT typeof(workflow), workflow FROM {table} WHERE workflow IS NOT NULL"
            ))
            .unwrap();
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let rows: BTreeSet<(String, String)> = rows.map(Result::unwrap).collect();
        assert_eq!(
            rows,
            expected.iter().map(|id| ("text".to_owned(), id.clone())).collect(),
            "{table}"
        );
    }
}

#[test]
fn trap_25_orphans_are_reported_and_left_and_the_job_ends() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let orphans = |portal: &Portal| -> Vec<u64> {
        portal.world(|world| {
            let waiting = world.waiting_for(34);
            let orphans = waiting.filter(|task| world.running(&task.workflow).is_none());
            orphans.map(|task| task.id).collect()
        })
    };
    let before = orphans(&portal);
    assert_eq!(before.len(), 1);
    let roster = desk.roster("id\n34\n");
    let printed = desk.run(&["plan", &roster, "--action", "kill"]).expect(0).stdout;
    assert!(
        printed.contains("orphans, tasks of a workflow that no longer runs"),
        "{printed}"
    );
    assert!(printed.contains(&before[0].to_string()), "{printed}");
    let plan = desk.status();
    assert_eq!((number(&plan, "/orphans"), number(&plan, "/actions/total")), (1, 1));
    let status = desk.apply(&plan).expect(0).json();
    assert_eq!(
        (
            status["state"].as_str(),
            number(&status, "/actions/confirmed"),
            number(&status, "/orphans")
        ),
        (Some("complete"), 1, 1)
    );
    assert_eq!(orphans(&portal), before, "no call can remove it");
    assert_eq!(portal.destroyed().len(), 1);

    // Where nothing but an orphan is left, there is nothing to do and nothing to confirm.
    let destroyed = portal.requests().iter().filter(|request| request.destroys()).count();
    let again = desk.plan(&roster, "kill");
    assert_eq!(
        (
            again["state"].as_str(),
            number(&again, "/orphans"),
            number(&again, "/actions/total")
        ),
        (Some("complete"), 1, 0)
    );
    desk.run(&["resume"]).expect(0);
    assert_eq!(
        portal.requests().iter().filter(|request| request.destroys()).count(),
        destroyed
    );
}

#[test]
fn trap_26_what_runs_the_robots_of_a_deal_is_shown_with_its_document_before_anybody_confirms() {
    let mut world = World::sample();
    let theirs: Vec<String> = world.waiting_for(29).map(|task| task.workflow.clone()).collect();
    world.edit_workflow(&theirs[2], |workflow| {
        workflow.module = "crm".to_owned();
        workflow.document_id = "DEAL_4711".to_owned();
    });
    world.edit_workflow(&theirs[5], |workflow| {
        workflow.module = "rpa".to_owned();
        workflow.document_id = "1:15".to_owned();
    });
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    let roster = desk.roster(HOW_TO);
    let printed = desk.run(&["plan", &roster, "--action", "kill"]).expect(0).stdout;
    let (_, robots) = printed
        .split_once("2 of 9 belong to the CRM or to RPA, and may run the robots of deals or items, which would stop for everybody:\n")
        .unwrap_or_else(|| panic!("{printed}"));
    let (robots, _) = robots.split_once("\n\n").unwrap();
    for (workflow, document) in [(&theirs[2], "crm DEAL_4711"), (&theirs[5], "rpa 1:15")] {
        let line = robots.lines().find(|line| line.contains(workflow.as_str())).unwrap();
        assert!(line.contains(document), "{line}");
    }
    assert_eq!(robots.lines().count(), 3, "{robots}");
    let refused = desk.run(&["apply"]).expect(6);
    assert!(refused.stderr.contains("--confirm"), "{}", refused.stderr);
    let shown = desk.run(&["show", "--json"]).expect(0).json();
    let documents: BTreeSet<[String; 3]> = shown
        .pointer("/list/actions")
        .and_then(Value::as_array)
        .unwrap()
        .iter()
        .map(|action| ["workflow", "module", "document"].map(|field| action[field].as_str().unwrap().to_owned()))
        .collect();
    assert!(documents.contains(&[theirs[2].clone(), "crm".to_owned(), "DEAL_4711".to_owned()]));
    assert!(documents.contains(&[theirs[5].clone(), "rpa".to_owned(), "1:15".to_owned()]));
    portal.assert_untouched();
}
