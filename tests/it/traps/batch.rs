//! Traps 27 to 37: batches. Number 33 is about a form, which is never sent.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use offboard24::sandbox::world::User;
use offboard24::sandbox::{CommandRecord, Options, RequestRecord, World};
use serde_json::{Value, json};

use crate::support::bench::Bench;
use crate::support::{Desk, HOW_TO, Keeper, Portal, number, unlimited};

const ENGLISH: &[u8] = include_bytes!("../../../samples/roster-english.csv");

/// The commands of all batches so far.
fn batched(portal: &Portal) -> Vec<CommandRecord> {
    let commands = portal.requests().into_iter().flat_map(|request| request.commands);
    commands.filter(|command| command.key.is_some()).collect()
}

/// Every text in a value: names and values alike.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| std::iter::once(name.clone()).chain(texts(value)))
            .collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

/// A dismissed user with one workflow that waits for nobody else.
fn leaver(world: &mut World, id: u32, name: &str, last_name: &str, email: &str) -> String {
    world.add_user(User::new(id, name, last_name, email).dismissed());
    let workflow = world.start_workflow(id, "Memo");
    world.ask(&workflow, "Confirm the memo", &[id]);
    workflow
}

#[test]
fn trap_27_no_key_of_a_batch_is_a_number() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(ENGLISH), "kill");
    desk.apply(&plan).expect(4);
    assert_eq!(portal.destroyed(), desk.workflows_in(&["confirmed"]));
    for request in portal.requests() {
        let keys: Vec<String> = request.commands.into_iter().filter_map(|command| command.key).collect();
        for key in &keys {
            assert!(key.starts_with(|first: char| first.is_ascii_alphabetic()), "{key}");
        }
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "{keys:?}");
    }
    assert!(batched(&portal).iter().any(CommandRecord::destroys));
}

#[test]
fn trap_28_a_condition_with_an_operator_arrives_as_it_was_meant() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let roster = "email,first_name,last_name\npeter.hargreaves@example.com,,\n,Marta,Lindqvist\n";
    let plan = desk.plan(&desk.roster(roster), "terminate");
    assert_eq!(number(&plan, "/rows/matched"), 2);
    let asked: Vec<Value> = batched(&portal)
        .into_iter()
        .filter(|command| command.method == "user.get")
        .map(|command| command.params["FILTER"].clone())
        .collect();
    assert!(
        asked.contains(&json!({"=EMAIL": "peter.hargreaves@example.com", ">ID": "0"})),
        "{asked:?}"
    );
    assert!(
        asked.contains(&json!({"=NAME": "Marta", "=LAST_NAME": "Lindqvist", ">ID": "0"})),
        "{asked:?}"
    );
    desk.apply(&plan).expect(4);
    assert_eq!(
        portal.destroyed().len(),
        10,
        "nine of the one, and of the other the one that is not shared"
    );
}

#[test]
fn trap_29_a_plus_in_an_e_mail_is_not_a_blank() {
    let mut world = World::empty();
    let theirs = leaver(&mut world, 5, "Anna", "Berg", "anna+hr@example.com");
    leaver(&mut world, 6, "Anna", "Berg", "anna hr@example.com");
    let odd = leaver(&mut world, 7, "Axel", "Berg", "r&d#1=50%+x@example.com");
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    let plan = desk.plan(
        &desk.roster("email\nanna+hr@example.com\nr&d#1=50%+x@example.com\n"),
        "kill",
    );
    assert_eq!((number(&plan, "/rows/matched"), number(&plan, "/rows/total")), (2, 2));
    desk.apply(&plan).expect(0);
    assert_eq!(portal.destroyed(), [theirs, odd].into());
}

#[test]
fn trap_30_a_name_that_reads_like_a_reference_is_looked_for_as_it_is() {
    let mut world = World::empty();
    let known = leaver(&mut world, 29, "Peter", "Hargreaves", "peter@example.com");
    let theirs = leaver(&mut world, 5, "$result[q0][0][ID]", "Smith", "");
    // Whom the portal would make of it: the result of the question before is user 29.
    leaver(&mut world, 6, "29", "Smith", "");
    let upper = leaver(&mut world, 7, "Ann $NEXT[q0]", "Smith", "");
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    let roster = "id,first_name,last_name\n29,,\n,$result[q0][0][ID],Smith\n,Ann $NEXT[q0],Smith\n";
    let plan = desk.plan(&desk.roster(roster), "terminate");
    assert_eq!(number(&plan, "/rows/matched"), 3, "{plan}");
    desk.apply(&plan).expect(0);
    assert_eq!(portal.destroyed(), [known, theirs, upper].into());
    let rewritable: Vec<String> = batched(&portal)
        .iter()
        .flat_map(|command| texts(&command.params))
        .collect();
    assert!(rewritable.iter().all(|text| !text.contains('$')), "no batch carries it");
}

#[test]
fn trap_31_no_command_refers_to_the_result_of_another() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    // One of them does not exist, and one question about nobody must not become a question about everybody.
    let plan = desk.plan(
        &desk.roster("email\nzoe.unknown@example.com\npeter.hargreaves@example.com\n"),
        "kill",
    );
    assert_eq!(
        (number(&plan, "/rows/not_found"), number(&plan, "/rows/matched")),
        (1, 1)
    );
    desk.apply(&plan).expect(4);
    let theirs: BTreeSet<String> = desk.workflows_in(&["confirmed"]);
    assert_eq!((portal.destroyed(), theirs.len()), (theirs.clone(), 9));
    for command in batched(&portal) {
        assert!(
            texts(&command.params).iter().all(|text| !text.contains('$')),
            "{command:?}"
        );
        if command.method == "bizproc.task.list" {
            let filter = &command.params["FILTER"];
            let literal =
                filter["USER_ID"] == "29" || texts(&filter["WORKFLOW_ID"]).iter().all(|id| theirs.contains(id));
            assert!(literal, "{command:?}");
        }
    }
}

#[test]
fn trap_32_a_command_that_a_200_does_not_mention_is_in_doubt() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    portal.inject("missing-keys@command:4");
    let status = desk.apply(&plan).expect(0).json();
    assert_eq!(
        (
            number(&status, "/actions/presumed"),
            number(&status, "/actions/confirmed")
        ),
        (1, 8)
    );
    assert_eq!(portal.destroyed().len(), 9);
    let sent: Vec<RequestRecord> = portal.requests().into_iter().filter(RequestRecord::destroys).collect();
    assert!(sent.iter().all(|request| request.status == Some(200)), "{sent:?}");
    // The canary carried the first command, so that it was the third of the second batch.
    let unmentioned = sent[1].commands[2].params["ID"].as_str().unwrap().to_owned();
    assert_eq!(desk.workflows_in(&["presumed"]), [unmentioned].into());
}

#[test]
fn trap_34_what_is_sent_is_in_the_journal_before_the_portal_has_it_and_a_lost_batch_is_asked_about() {
    let (portal, keeper) = Keeper::before(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    for nth in 1..=2 {
        portal.inject(&format!("delay:1s@destroy:{nth}"));
    }
    portal.inject("lost-answer-after:3@destroy:2");
    let mut child = desk.start(&["apply", "--confirm", plan["confirm"].as_str().unwrap(), "--json"]);
    for nth in 1..=2 {
        let kept = Keeper::await_destroying(&portal, &mut child, nth);
        let story = desk.story();
        let intended: BTreeSet<String> = story
            .iter()
            .filter(|event| event["kind"] == "attempt_intended")
            .map(|event| event["data"]["workflow"].as_str().unwrap().to_owned())
            .collect();
        let under_way: Vec<&str> = kept
            .commands
            .iter()
            .filter(|command| command.destroys())
            .map(|command| command.params["ID"].as_str().unwrap())
            .collect();
        assert!(under_way.iter().all(|id| intended.contains(*id)), "{under_way:?}");
        assert_eq!(desk.workflows_in(&["sent"]).len(), under_way.len());
        assert!(under_way.iter().all(|id| portal.seen().runs(id)), "nothing is done yet");
        keeper.open();
    }
    let status = desk.wait(child).expect(0).json();
    assert_eq!(
        (
            number(&status, "/actions/presumed"),
            number(&status, "/actions/confirmed")
        ),
        (3, 6),
        "{status}"
    );
    assert_eq!(portal.destroyed().len(), 9);
}

#[test]
fn trap_35_every_command_is_a_text_that_the_portal_executes() {
    let bench = Bench::how_to();
    assert_eq!(bench.execute(|_| {}), None);
    for command in batched(&bench.portal) {
        assert!(!command.method.is_empty(), "{command:?}");
    }
    let carried = batched(&bench.portal)
        .iter()
        .filter(|command| command.destroys())
        .count();
    assert_eq!((bench.portal.destroyed().len(), carried), (9, 9));
    assert_eq!(number(&bench.desk.status(), "/actions/confirmed"), 9);
}

#[test]
fn trap_36_what_was_blocked_in_mid_batch_is_repeated_alone_and_not_before_the_pause() {
    // A kill takes four seconds and a method has ten: the portal blocks it in the middle of the second batch.
    let options = Options {
        operating_limit_seconds: 10.0,
        command_duration: Duration::from_secs(4),
        ..unlimited()
    };
    let bench = Bench::planned(World::sample(), options, b"id,action\n29,kill\n51,terminate\n", "kill");
    assert_eq!(bench.execute(|_| {}), None);
    assert_eq!(number(&bench.desk.status(), "/actions/confirmed"), 11);
    assert_eq!(bench.portal.destroyed().len(), 11);

    let effects = bench.portal.effects();
    let done_by = |request: &RequestRecord| -> BTreeSet<String> {
        let effects = effects.iter().filter(|effect| effect.request == request.number);
        effects.map(|effect| effect.workflow.clone()).collect()
    };
    let requests = bench.portal.requests();
    let of = |method: &str| -> Vec<&RequestRecord> {
        let carries = |request: &&RequestRecord| request.commands.iter().any(|command| command.method == method);
        requests.iter().filter(carries).collect()
    };
    let (kills, terminations) = (of("bizproc.workflow.kill"), of("bizproc.workflow.terminate"));
    let mut done: BTreeMap<String, u64> = BTreeMap::new();
    let mut blocked = 0;
    for (place, kill) in kills.iter().enumerate() {
        let commands: Vec<_> = kill.commands.iter().filter(|command| command.destroys()).collect();
        for command in &commands {
            let workflow = command.params["ID"].as_str().unwrap();
            assert!(!done.contains_key(workflow), "{workflow} was killed, and sent again");
        }
        let killed = done_by(kill);
        if killed.len() < commands.len() {
            blocked += 1;
            assert!(!killed.is_empty(), "blocked in the middle");
            let next = kills[place + 1];
            let pause = next.at.saturating_sub(kill.at);
            assert!(pause >= Duration::from_mins(1), "again after {pause:?}");
        }
        done.extend(killed.into_iter().map(|workflow| (workflow, kill.number)));
    }
    assert!(blocked > 0, "the limit was met");
    // Other methods go on meanwhile.
    let last = terminations.last().unwrap();
    assert!(last.at < kills.last().unwrap().at, "{last:?}");
}

#[test]
fn trap_37_a_batch_never_has_more_than_fifty_commands() {
    let mut world = World::empty();
    world.add_user(User::new(5, "Peter", "Hargreaves", "peter@example.com").dismissed());
    let workflows: BTreeSet<String> = (0..120)
        .map(|_| {
            let workflow = world.start_workflow(5, "Memo");
            world.ask(&workflow, "Confirm the memo", &[5]);
            workflow
        })
        .collect();
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster("id\n5\n"), "kill");
    desk.apply(&plan).expect(0);
    assert_eq!(portal.destroyed(), workflows);
    let largest = portal.requests().iter().map(|request| request.commands.len()).max();
    assert_eq!(largest, Some(50), "as many as may be, and no more");
}
