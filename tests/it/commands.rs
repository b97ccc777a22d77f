//! The surface: consent, refusals, locks, files, and what scripts rely on.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;

use offboard24::sandbox::World;
use serde_json::{Value, json};

use crate::support::{Desk, HOW_TO, Keeper, Portal, TOKEN, Typed, asked, await_on, number};

const ENGLISH: &[u8] = include_bytes!("../../samples/roster-english.csv");

fn planned() -> (Portal, Desk, serde_json::Value) {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    (portal, desk, plan)
}

#[test]
fn without_the_plans_own_confirmation_nothing_is_sent() {
    let (portal, desk, plan) = planned();
    let confirm = plan["confirm"].as_str().unwrap().to_owned();
    let wrong = [
        confirm.replace(&portal.host(), "acme.bitrix24.com"),
        confirm.replace(":9:", ":8:"),
        format!("{}0", &confirm[..confirm.len() - 1]),
        String::new(),
    ];
    for wrong in wrong.iter().filter(|wrong| **wrong != confirm) {
        let ended = desk.run(&["apply", "--confirm", wrong, "--json"]).expect(6);
        assert_eq!(ended.json()["error"]["kind"], "refused");
        assert_eq!(ended.json()["error"]["exit"], 6);
    }
    let ended = desk.run(&["apply"]).expect(6);
    assert!(
        ended.stderr.contains(&format!("--confirm {confirm}")),
        "{}",
        ended.stderr
    );
    assert!(portal.effects().is_empty());
    desk.apply(&plan).expect(0);
}

#[test]
fn a_plan_is_used_once() {
    let (portal, desk, plan) = planned();
    desk.apply(&plan).expect(0);
    let again = desk.apply(&plan).expect(6);
    assert!(again.stderr.contains("offboard24 show 1"), "{}", again.stderr);
    assert_eq!(portal.effects().len(), 9);
    let resumed = desk.run(&["resume", "--json"]).expect(0).json();
    assert_eq!(number(&resumed, "/actions/confirmed"), 9);
    assert_eq!(portal.effects().len(), 9);
}

#[test]
fn resume_of_a_plan_that_was_never_confirmed_is_refused() {
    let (portal, desk, _) = planned();
    let ended = desk.run(&["resume"]).expect(6);
    assert!(ended.stderr.contains("offboard24 apply 1"), "{}", ended.stderr);
    assert!(portal.effects().is_empty());
}

#[test]
fn run_does_everything_under_its_cap_and_nothing_over_it() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let roster = desk.roster(HOW_TO);
    let over = desk
        .run(&["run", &roster, "--action", "kill", "--max-actions", "8", "--json"])
        .expect(6);
    assert_eq!(over.json()["state"], "planned");
    assert!(portal.effects().is_empty());
    desk.run(&["resume"]).expect(6);
    assert!(portal.effects().is_empty());
    let under = desk
        .run(&["run", &roster, "--action", "kill", "--max-actions", "9", "--json"])
        .expect(0);
    assert_eq!(number(&under.json(), "/actions/confirmed"), 9);
    desk.assert_sound();
}

#[test]
fn a_job_belongs_to_its_portal() {
    let (_portal, desk, plan) = planned();
    let other = Portal::of(World::sample());
    let confirm = plan["confirm"].as_str().unwrap();
    for arguments in [vec!["apply", "--confirm", confirm], vec!["resume"]] {
        let mut command = desk.command(&arguments);
        let output = command.env("OFFBOARD24_WEBHOOK", other.url()).output().unwrap();
        assert_eq!(output.status.code(), Some(6));
    }
    assert!(other.requests().is_empty(), "refused before any request");
}

#[test]
fn a_second_run_is_refused_while_the_first_one_works_and_status_works_all_the_while() {
    let (portal, keeper) = Keeper::before(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    portal.inject("delay:1s@destroy:2");
    let mut child = desk.start(&["apply", "--confirm", plan["confirm"].as_str().unwrap()]);
    Keeper::await_destroying(&portal, &mut child, 2);
    let second = desk.run(&["resume", "--json"]);
    let status = desk.run(&["status", "--json"]);
    let other_database = desk.run(&[
        "plan",
        desk.folder().join("roster.csv").to_str().unwrap(),
        "--action",
        "kill",
        "--db",
        "other.db",
    ]);
    keeper.open();
    let first = desk.wait(child).expect(0);
    assert_eq!(
        (second.code, other_database.code),
        (8, 8),
        "{}\n{}",
        second.stderr,
        first.stderr
    );
    assert_eq!(second.json()["error"]["kind"], "locked");
    assert_eq!(status.expect(0).json()["state"], "running");
    assert_eq!(desk.status()["state"], "complete");
}

#[test]
fn whoever_watches_a_job_hears_of_every_change_until_nobody_works_on_it() {
    let (portal, keeper) = Keeper::before(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    portal.inject("delay:1s@destroy:2");
    let mut child = desk.start(&["apply", "--confirm", plan["confirm"].as_str().unwrap()]);
    Keeper::await_destroying(&portal, &mut child, 2);
    let mut watching = desk.start(&["status", "--watch", "--json-lines", "--exit-code"]);
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(
        (&first["state"], number(&first, "/actions/confirmed")),
        (&json!("running"), 1)
    );
    keeper.open();
    desk.wait(child).expect(0);
    let last: Value = serde_json::from_str(&lines.last().unwrap().unwrap()).unwrap();
    assert_eq!(
        (&last["state"], number(&last, "/actions/confirmed")),
        (&json!("complete"), 9)
    );
    assert!(watching.wait().unwrap().success());
    let once = desk.run(&["status", "--watch"]).expect(0).stdout;
    assert_eq!(once.lines().count(), 1, "{once}");
    desk.run(&["status", "--watch", "--json"]).expect(2);
}

#[test]
fn a_command_stops_when_the_time_is_over_that_it_was_given() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let roster = desk.roster(HOW_TO);
    let plan = |more: &[&str]| desk.run(&[&["plan", &roster, "--action", "kill"], more].concat());
    plan(&["--max-duration", "soon"]).expect(2);
    plan(&["--until", "25:00"]).expect(2);
    plan(&["--until", "18:00", "--max-duration", "1h"]).expect(2);
    plan(&["--rate", "0.2", "--burst", "1", "--max-duration", "1s"]).expect(5);
    plan(&["--max-duration", "1h"]).expect(0);
}

#[test]
fn stop_ends_a_run_after_the_batch_in_flight() {
    let (portal, keeper) = Keeper::before(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    portal.inject("delay:1s@destroy:2");
    let mut child = desk.start(&["apply", "--confirm", plan["confirm"].as_str().unwrap(), "--json"]);
    let in_flight = Keeper::await_destroying(&portal, &mut child, 2);
    desk.run(&["stop"]).expect(0);
    keeper.open();
    let status = desk.wait(child).expect(5).json();
    assert_eq!(
        (status["state"].as_str(), status["stop_reason"].as_str()),
        (Some("stopped"), Some("requested"))
    );
    assert_eq!(number(&status, "/in_doubt"), 0);
    let ended = in_flight.commands.iter().filter(|command| command.destroys());
    assert_eq!(portal.destroyed().len(), 1 + ended.count());
    desk.run(&["resume"]).expect(0);
    assert_eq!(portal.destroyed().len(), 9);
    desk.assert_sound();
}

#[test]
fn what_the_webhook_may_not_do_is_found_before_anything_is_recorded() {
    type Change = fn(&mut World);
    let cases: [(&str, u64, Change); 5] = [
        ("auth", 7, |world| world.webhook.valid = false),
        ("permission", 7, |world| world.webhook.administrator = false),
        ("scope", 7, |world| world.webhook.scopes = vec!["user".to_owned()]),
        ("scope", 7, |world| {
            world.webhook.scopes = vec!["bizproc".to_owned(), "user_brief".to_owned()];
        }),
        ("tariff", 7, |world| world.modules.business_processes = false),
    ];
    for (kind, exit, change) in cases {
        let mut world = World::sample();
        change(&mut world);
        let portal = Portal::of(world);
        let desk = Desk::at(&portal);
        let ended = desk.run(&["plan", &desk.roster(ENGLISH), "--action", "kill", "--json"]);
        let error = &ended.json()["error"];
        assert_eq!(
            (error["kind"].as_str(), error["exit"].as_u64()),
            (Some(kind), Some(exit)),
            "{error}"
        );
        assert_eq!(ended.code, i32::try_from(exit).unwrap());
        assert!(desk.journal().view().jobs().unwrap().is_empty());
    }
}

#[test]
fn usage_and_configuration_errors_are_code_2_and_name_what_to_do() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let roster = desk.roster(HOW_TO);
    let policy = desk.folder().join("policy.toml");
    std::fs::write(&policy, "hold_foriegn = true").unwrap();
    for arguments in [
        vec!["plan", "absent.csv", "--action", "kill"],
        vec!["plan", &roster],
        vec!["plan", &roster, "--action", "delete"],
        vec![
            "plan",
            &roster,
            "--action",
            "kill",
            "--policy",
            policy.to_str().unwrap(),
        ],
        vec!["plan", &roster, "--action", "kill", "--rate", "0"],
        vec!["show"],
        vec!["status", "7"],
        vec!["apply"],
        vec!["resume", "--retry", "confirmed"],
        vec!["frobnicate"],
    ] {
        let ended = desk.run(&arguments);
        assert_eq!(ended.code, 2, "{arguments:?}: {}", ended.stderr);
        let with_json: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let json = desk.run(&with_json).json();
        assert_eq!(json["error"]["exit"], 2, "{arguments:?}");
    }
    assert!(portal.requests().is_empty());
}

#[test]
fn a_webhook_is_taken_from_a_file_too_and_never_over_plain_http_from_elsewhere() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let roster = desk.roster(HOW_TO);
    let file = desk.folder().join("webhook");
    std::fs::write(&file, format!("{}\n", portal.url())).unwrap();
    let with = |name: &str, value: &str, arguments: &[&str]| {
        let mut command = desk.command(&[&["plan", &roster, "--action", "kill"], arguments].concat());
        command
            .env_remove("OFFBOARD24_WEBHOOK")
            .env(name, value)
            .output()
            .unwrap()
    };
    let file = file.to_str().unwrap();
    assert_eq!(with("OFFBOARD24_WEBHOOK_FILE", file, &[]).status.code(), Some(0));
    assert_eq!(with("UNUSED", "", &["--webhook-file", file]).status.code(), Some(0));
    std::fs::remove_file(file).unwrap();
    assert_eq!(with("UNUSED", "", &[]).status.code(), Some(2));
    let plain = with(
        "OFFBOARD24_WEBHOOK",
        &format!("http://acme.bitrix24.com/rest/1/{TOKEN}/"),
        &[],
    );
    assert_eq!(plain.status.code(), Some(2));
    let printed = String::from_utf8(plain.stderr).unwrap();
    assert!(printed.contains("https") && !printed.contains(TOKEN), "{printed}");
}

#[test]
fn what_is_most_verbose_still_holds_no_token() {
    let (_portal, desk, plan) = planned();
    let confirm = plan["confirm"].as_str().unwrap();
    let ended = desk.run(&["apply", "--confirm", confirm, "-vvv"]).expect(0);
    assert!(ended.stderr.contains("exchange"), "it does say something");
    for arguments in [
        vec!["show"],
        vec!["show", "--json"],
        vec!["status", "-vv"],
        vec!["jobs"],
        vec!["resume", "-vv"],
    ] {
        desk.run(&arguments).expect(0);
    }
    desk.assert_sound();
}

#[test]
fn files_and_folders_are_their_owners_alone() {
    let (_portal, desk, _) = planned();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let state = desk.database().parent().unwrap().to_owned();
    assert_eq!((mode(&state), mode(&state.join("locks"))), (0o700, 0o700));
    for entry in std::fs::read_dir(&state)
        .unwrap()
        .chain(std::fs::read_dir(state.join("locks")).unwrap())
    {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            assert_eq!(mode(&entry.path()), 0o600, "{}", entry.path().display());
        }
    }
}

#[test]
fn rows_of_one_person_are_credited_together_or_all_refused() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let roster = desk.roster("id,email,action\n29,,kill\n,peter.hargreaves@example.com,\n31,,terminate\n31,,kill\n");
    let plan = desk.plan(&roster, "kill");
    let rows = ["matched", "duplicate", "invalid"].map(|state| number(&plan, &format!("/rows/{state}")));
    assert_eq!(rows, [1, 1, 2], "{plan}");
    assert_eq!(
        number(&plan, "/actions/total"),
        9,
        "nothing is planned for the person whose rows disagree"
    );
}

#[test]
fn both_actions_in_one_roster_are_each_done_and_a_shared_workflow_is_held_as_a_conflict() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let roster = desk.roster("id,action\n29,kill\n32,kill\n33,terminate\n");
    let ended = desk.run(&["plan", &roster, "--json"]).expect(4);
    let plan = ended.json();
    assert_eq!(plan["action"], "mixed");
    assert_eq!(number(&plan, "/actions/held"), 1);
    let holds = desk.run(&["show", "--by", "hold"]).expect(0);
    assert!(holds.stdout.contains("conflict"), "{}", holds.stdout);
    desk.apply(&plan).expect(4);
    let methods: BTreeSet<String> = portal.effects().into_iter().map(|effect| effect.method).collect();
    assert_eq!(methods.len(), 2, "{methods:?}");
    desk.assert_sound();
}

#[test]
fn what_a_policy_protects_is_held_and_its_people_are_protected() {
    let portal = Portal::of(World::sample());
    let workflow = portal.world(|world| world.waiting_for(29).next().unwrap().workflow.clone());
    let desk = Desk::at(&portal);
    let policy = desk.folder().join("policy.toml");
    std::fs::write(
        &policy,
        format!("foreign = \"hold\"\n[protect]\nusers = [41]\nworkflows = [\"{workflow}\"]\n"),
    )
    .unwrap();
    let roster = desk.roster("id\n29\n33\n41\n");
    let arguments = [
        "plan",
        &roster,
        "--action",
        "kill",
        "--policy",
        policy.to_str().unwrap(),
        "--json",
    ];
    let plan = desk.run(&arguments).expect(4).json();
    assert_eq!(number(&plan, "/rows/protected"), 1);
    let holds = desk.run(&["show", "--by", "hold"]).expect(0).stdout;
    assert!(holds.contains("protected") && holds.contains("foreign"), "{holds}");
    desk.apply(&plan).expect(4);
    assert!(!portal.destroyed().contains(&workflow));
}

#[test]
fn a_later_job_leaves_what_a_confirmed_one_still_has_to_do() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let roster = desk.roster(HOW_TO);
    let first = desk.plan(&roster, "kill");
    let second = desk.plan(&roster, "kill");
    assert_eq!(
        number(&second, "/actions/planned"),
        9,
        "a plan that nobody confirmed claims nothing"
    );
    portal.inject("overload-limit@destroy:2");
    desk.apply(&first).expect(7);
    let refused = desk.apply(&second).expect(6);
    assert!(refused.stderr.contains("offboard24 resume 1"), "{}", refused.stderr);
    let third = desk.plan(&roster, "kill");
    assert_eq!(
        (number(&third, "/actions/planned"), number(&third, "/actions/held")),
        (0, 8)
    );
    assert!(
        desk.run(&["show", "--by", "hold"])
            .expect(0)
            .stdout
            .contains("other-job")
    );
    desk.run(&["resume", "1"]).expect(0);
    assert_eq!(portal.destroyed().len(), 9);
    desk.assert_sound();
}

#[test]
fn a_closed_standard_output_does_not_stop_a_run() {
    let (portal, desk, plan) = planned();
    let mut child = desk.start(&["apply", "--confirm", plan["confirm"].as_str().unwrap()]);
    drop(child.stdout.take());
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(portal.effects().len(), 9);
}

#[test]
fn the_demonstration_comes_out_and_ignores_the_environment() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let mut command = desk.command(&["demo"]);
    let output = command.env("OFFBOARD24_DB", "/nowhere/at/all.db").output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{printed}");
    assert!(portal.requests().is_empty(), "it speaks to its own portal only");
    for word in ["shared", "confirmed", "presumed", "database:"] {
        assert!(printed.contains(word), "{word} is missing:\n{printed}");
    }
    let json = desk.run(&["demo", "--json"]).expect(0).json();
    assert_eq!(json["state"], "complete");
}

#[test]
fn on_a_terminal_the_operator_types_portal_and_number() {
    let (portal, desk, _) = planned();
    let host = portal.host();
    for wrong in [
        format!("{host}\n8\n"),
        "acme.bitrix24.com\n9\n".to_owned(),
        "y\ny\n".to_owned(),
        "\n\n".to_owned(),
    ] {
        let (code, screen, _) = Typed::start(&desk, &["apply"], &wrong).end();
        assert_eq!(code, 6, "{screen}");
    }
    assert!(portal.effects().is_empty());
    let (code, screen, _) = Typed::start(&desk, &["apply"], &format!("{host}\n9\n")).end();
    assert_eq!(code, 0, "{screen}");
    assert!(
        screen.contains("There is no undo") && screen.contains("29 Peter Hargreaves"),
        "{screen}"
    );
    assert_eq!(portal.effects().len(), 9);
}

/// Sets a column of the projection, standing for time that passed.
fn age(desk: &Desk, frozen_at: &str) {
    let db = rusqlite::Connection::open(desk.database()).unwrap();
    db.execute("UPDATE job SET frozen_at = ?1 WHERE job = 1", [frozen_at])
        .unwrap();
}

#[test]
fn a_plan_older_than_seven_days_or_from_the_future_is_refused_and_claims_nothing() {
    for frozen_at in ["2020-01-01T00:00:00.000Z", "2999-01-01T00:00:00.000Z"] {
        let (portal, desk, plan) = planned();
        age(&desk, frozen_at);
        let refused = desk.apply(&plan).expect(6);
        assert!(refused.stderr.contains("older than seven days"), "{}", refused.stderr);
        assert!(portal.effects().is_empty());
    }
    let (portal, desk, plan) = planned();
    portal.inject("overload-limit@destroy:2");
    desk.apply(&plan).expect(7);
    age(&desk, "2020-01-01T00:00:00.000Z");
    let refused = desk.run(&["resume", "--json"]).expect(6);
    assert_eq!(refused.json()["error"]["kind"], "refused");
    let again = desk.plan(desk.folder().join("roster.csv").to_str().unwrap(), "kill");
    assert_eq!(
        (number(&again, "/actions/planned"), number(&again, "/actions/held")),
        (8, 0)
    );
    desk.apply(&again).expect(0);
    assert_eq!(portal.destroyed().len(), 9);
}

#[test]
fn resuming_a_plan_in_which_nothing_is_planned_records_no_consent() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let policy = desk.folder().join("policy.toml");
    std::fs::write(&policy, "[protect]\nmodules = [\"lists\"]\n").unwrap();
    let roster = desk.roster(HOW_TO);
    let plan = desk.run(&[
        "plan",
        &roster,
        "--action",
        "kill",
        "--policy",
        policy.to_str().unwrap(),
        "--json",
    ]);
    assert_eq!(number(&plan.expect(4).json(), "/actions/held"), 9);
    desk.run(&["resume", "--json"]).expect(4).json();
    assert!(!desk.story().iter().any(|event| event["kind"] == "plan_confirmed"));
}

#[test]
fn stop_is_heard_by_a_process_that_has_only_just_begun() {
    let (portal, _keeper) = Keeper::before(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    portal.inject("delay:1s@profile:1");
    let before = asked(&portal, "profile").len();
    let mut child = desk.start(&["apply", "--confirm", plan["confirm"].as_str().unwrap(), "--json"]);
    await_on(&mut child, "it asks who it is", || {
        asked(&portal, "profile").len() > before
    });
    assert!(desk.run(&["stop"]).expect(0).stdout.contains("asked"));
    desk.wait(child).expect(5);
    portal.assert_destroyed_nothing();
    desk.apply(&plan).expect(0);
    desk.assert_sound();
}

#[test]
fn stop_finds_the_job_at_work_though_it_is_not_the_latest() {
    let (portal, _keeper) = Keeper::before(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    desk.plan(&desk.roster("id\n36\n"), "kill");
    // The first is asked by a process that has no run yet, the second by one that has.
    portal.inject("delay:1s@bizproc.workflow.instances:2");
    let before = asked(&portal, "bizproc.workflow.instances").len();
    let confirm = plan["confirm"].as_str().unwrap();
    let mut child = desk.start(&["apply", "1", "--confirm", confirm, "--json"]);
    await_on(&mut child, "it looks at what it is going to kill", || {
        asked(&portal, "bizproc.workflow.instances").len() > before + 1
    });
    let refused = desk.run(&["stop", "2"]).expect(2);
    assert!(refused.stderr.contains("offboard24 stop 1"), "{}", refused.stderr);
    let told = desk.run(&["stop"]).expect(0);
    assert!(told.stdout.starts_with("job 1: asked"), "{}", told.stdout);
    desk.wait(child).expect(5);
    desk.assert_sound();
}

#[test]
fn stop_ends_a_plan_too_and_resume_finishes_it() {
    // Kept to the end: who waits for an answer hears of it too.
    let (portal, _keeper) = Keeper::before(World::sample());
    let desk = Desk::at(&portal);
    portal.inject("delay:1s@bizproc.task.list:1");
    let mut child = desk.start(&["plan", &desk.roster(HOW_TO), "--action", "kill", "--json"]);
    await_on(&mut child, "the lists are read", || {
        !asked(&portal, "bizproc.task.list").is_empty()
    });
    assert!(desk.run(&["stop"]).expect(0).stdout.contains("asked"));
    let status = desk.wait(child).expect(5).json();
    assert_eq!(
        (status["state"].as_str(), status["stop_reason"].as_str()),
        (Some("planning"), Some("requested"))
    );
    desk.run(&["resume"]).expect(0);
    desk.assert_sound();
}

#[test]
fn a_webhook_in_the_wrong_place_is_not_echoed() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let url = portal.url();
    for arguments in [
        vec!["plan", &url, "--action", "kill"],
        vec!["status", &url],
        vec!["status", "--db", &url],
    ] {
        desk.run(&arguments).expect(2);
        let json: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        desk.run(&json).expect(2).json();
    }
    desk.assert_no_secret();
}

#[test]
fn one_database_has_one_lock_whatever_it_is_called() {
    let (portal, keeper) = Keeper::before(World::sample());
    let other = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    let link = desk.folder().join("link.db");
    std::os::unix::fs::symlink(desk.database(), &link).unwrap();
    portal.inject("delay:1s@destroy:2");
    let mut child = desk.start(&["apply", "--confirm", plan["confirm"].as_str().unwrap()]);
    Keeper::await_destroying(&portal, &mut child, 2);
    let roster = desk.folder().join("roster.csv");
    let arguments = [
        "plan",
        roster.to_str().unwrap(),
        "--action",
        "kill",
        "--db",
        link.to_str().unwrap(),
    ];
    let second = desk
        .command(&arguments)
        .env("OFFBOARD24_WEBHOOK", other.url())
        .output()
        .unwrap();
    keeper.open();
    desk.wait(child).expect(0);
    assert_eq!(second.status.code(), Some(8));
}

#[test]
fn a_workflow_whose_template_was_deleted_is_found_and_ended() {
    let mut world = World::sample();
    let workflow = world.waiting_for(29).next().unwrap().workflow.clone();
    world.edit_workflow(&workflow, |workflow| workflow.template_name = None);
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    assert_eq!(number(&plan, "/actions/planned"), 9);
    desk.apply(&plan).expect(0);
    assert!(portal.destroyed().contains(&workflow));
}
