//! The policy, by hand and by rule: what it protects is never sent, what it cannot judge stops the plan, and what is over a cap is refused
//! before anything is changed.

use std::collections::BTreeSet;

use offboard24::sandbox::world::User;
use offboard24::sandbox::{Options, RequestRecord, World, WorldOptions};
use serde_json::Value;

use crate::support::{Desk, Ended, HOW_TO, Portal, asked, chosen, number, unlimited};

/// `plan` under a policy, of these people.
fn plan(desk: &Desk, policy: &str, roster: &str, more: &[&str]) -> Ended {
    command(desk, "plan", policy, roster, more)
}

fn command(desk: &Desk, name: &str, policy: &str, roster: &str, more: &[&str]) -> Ended {
    let file = desk.folder().join("policy.toml");
    std::fs::write(&file, policy).unwrap();
    let (file, roster) = (file.to_str().unwrap().to_owned(), desk.roster(roster));
    let arguments = [name, &roster, "--action", "terminate", "--policy", &file, "--json"];
    desk.run(&[&arguments[..], more].concat())
}

/// The workflows in which this person waits.
fn workflows_of(portal: &Portal, user: u32) -> BTreeSet<String> {
    portal.world(|world| {
        let open = world.waiting_for(user).map(|task| task.workflow.clone());
        let open: Vec<String> = open.collect();
        open.into_iter().filter(|id| world.running(id).is_some()).collect()
    })
}

fn message(ended: &Ended) -> String {
    let error = &ended.json()["error"];
    let text = |field: &str| error[field].as_str().unwrap_or_default().to_owned();
    format!("{} / {}", text("message"), text("next"))
}

/// The sample's people, of whom 33 is in another department than all the others.
fn company() -> Portal {
    let portal = Portal::of(World::sample());
    portal.world(|world| {
        let mut hannah = world.user(33).unwrap().clone();
        hannah.departments = vec![4, 9];
        world.add_user(hannah);
    });
    portal
}

#[test]
fn a_person_who_is_protected_in_any_way_is_never_touched() {
    for (rule, reason) in [
        ("users = [33]", "the policy protects this person"),
        (
            "emails = [\" Hannah.Weiss@EXAMPLE.com\"]",
            "the policy protects this person's e-mail",
        ),
        ("departments = [9]", "the policy protects this person's department"),
    ] {
        let portal = company();
        let desk = Desk::at(&portal);
        let hers = workflows_of(&portal, 33);
        assert_eq!(hers.len(), 2);
        let planned = plan(&desk, &format!("[protect]\n{rule}\n"), "id\n33\n32\n29\n", &[]).expect(4);
        let planned = planned.json();
        assert_eq!(number(&planned, "/rows/protected"), 1, "{rule}");
        assert_eq!(number(&planned, "/actions/planned"), 9, "{rule}");
        let shown = desk.run(&["show", "--json"]).expect(0).json();
        assert_eq!(shown["list"]["rows"][0]["reason"], reason);
        desk.apply(&planned).expect(4);
        assert!(portal.destroyed().is_disjoint(&hers), "{rule}");
        desk.assert_sound();
    }
}

#[test]
fn a_workflow_that_is_protected_in_any_way_is_never_sent() {
    for rule in [
        "templates = [12]",
        "document_types = ['crm/Bitrix\\Crm\\Deal']",
        "modules = [\"crm\"]",
        "workflows",
    ] {
        let portal = Portal::of(World::sample());
        let protected = workflows_of(&portal, 29).into_iter().next().unwrap();
        portal.world(|world| {
            let mut workflow = world.workflow(&protected).unwrap().clone();
            workflow.module = "crm".to_owned();
            workflow.entity = "Bitrix\\Crm\\Deal".to_owned();
            workflow.template_id = 12;
            world.add_workflow(workflow);
        });
        let rule = match rule {
            "workflows" => format!("workflows = [\"{protected}\"]"),
            rule => rule.to_owned(),
        };
        let desk = Desk::at(&portal);
        let planned = plan(&desk, &format!("[protect]\n{rule}\n"), "id\n29\n", &[])
            .expect(4)
            .json();
        assert_eq!(
            (number(&planned, "/actions/planned"), number(&planned, "/actions/held")),
            (8, 1),
            "{rule}"
        );
        let shown = desk.run(&["show", "--json"]).expect(0).json();
        let held = shown["list"]["actions"]
            .as_array()
            .unwrap()
            .iter()
            .find(|action| action["state"] == "held");
        assert_eq!(held.unwrap()["holds"], serde_json::json!(["protected"]), "{rule}");
        desk.apply(&planned).expect(4);
        assert_eq!(portal.destroyed().len(), 8);
        assert!(!portal.destroyed().contains(&protected), "{rule}");
    }
}

#[test]
fn what_others_wait_in_goes_ahead_only_where_the_policy_includes_it_and_never_when_they_are_protected() {
    let policy = "shared = \"include\"\n";
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let planned = plan(&desk, policy, "id\n31\n", &[]).expect(0).json();
    assert_eq!(number(&planned, "/actions/planned"), 2);
    let shown = desk.run(&["apply"]).expect(6).stderr;
    assert!(shown.contains("not confirmed"), "{shown}");
    desk.apply(&planned).expect(0);
    assert_eq!(portal.destroyed().len(), 2);
    desk.assert_sound();

    for rule in [
        "users = [2]",
        "emails = [\"grace.chen@example.com\"]",
        "departments = [1]",
    ] {
        let portal = Portal::of(World::sample());
        portal.world(|world| {
            let mut marta = world.user(31).unwrap().clone();
            marta.departments = vec![5];
            world.add_user(marta);
        });
        let desk = Desk::at(&portal);
        let planned = plan(&desk, &format!("{policy}[protect]\n{rule}\n"), "id\n31\n", &[])
            .expect(4)
            .json();
        assert_eq!(number(&planned, "/actions/held"), 1, "{rule}");
        desk.apply(&planned).expect(4);
        assert!(portal.destroyed().is_disjoint(&workflows_of(&portal, 2)));
        assert_eq!(portal.destroyed().len(), 1, "{rule}");
    }
}

#[test]
fn what_is_included_although_others_wait_is_told_first() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    std::fs::write(desk.folder().join("policy.toml"), "shared = \"include\"\n").unwrap();
    let roster = desk.roster("id\n31\n");
    let shown = desk
        .run(&["plan", &roster, "--action", "terminate", "--policy", "policy.toml"])
        .expect(0)
        .stdout;
    let told = shown.lines().nth(2).unwrap_or_default();
    assert_eq!(
        told, "1 of 2 is also waited for by somebody who is no matched person of this job:",
        "{shown}"
    );
}

#[test]
fn a_rule_that_the_portal_leaves_open_stops_the_plan_and_is_named() {
    type Change = fn(&mut World, &str);
    let cases: [(&str, &str, Change); 4] = [
        ("protect.templates", "templates = [12]", |world, workflow| {
            world.edit_workflow(workflow, |workflow| workflow.template_id = 0);
        }),
        ("protect.emails", "emails = [\"boss@example.com\"]", |world, _| {
            let mut user = world.user(29).unwrap().clone();
            user.email = None;
            world.add_user(user);
        }),
        ("protect.modules", "modules = [\"crm\"]", |world, workflow| {
            let mut workflow = world.workflow(workflow).unwrap().clone();
            workflow.module.clear();
            world.add_workflow(workflow);
        }),
        (
            "protect.document_types",
            "document_types = [\"lists/Other\"]",
            |world, workflow| {
                let mut workflow = world.workflow(workflow).unwrap().clone();
                workflow.entity.clear();
                world.add_workflow(workflow);
            },
        ),
    ];
    for (name, rule, change) in cases {
        let portal = Portal::of(World::sample());
        let workflow = workflows_of(&portal, 29).into_iter().next().unwrap();
        portal.world(|world| change(world, &workflow));
        let desk = Desk::at(&portal);
        let refused = plan(&desk, &format!("[protect]\n{rule}\n"), "id\n29\n", &[]).expect(6);
        let said = message(&refused);
        assert!(said.contains(name) && said.contains("does not tell"), "{said}");
        assert_eq!(refused.json()["plan_hash"], Value::Null);
        desk.run(&["apply", "--json"]).expect(6);
        portal.assert_untouched();
        desk.assert_sound();
    }
}

#[test]
fn departments_and_a_number_that_the_portal_never_tells_stop_the_plan_too() {
    for (name, policy, variant) in [
        (
            "protect.departments",
            "[protect]\ndepartments = [9]\n",
            "departments=left-out",
        ),
        (
            "caps.percent_of_running",
            "[caps]\npercent_of_running = 90\n",
            "totals=missing",
        ),
    ] {
        let portal = Portal::with(Options {
            world: WorldOptions::Given(Box::new(World::sample())),
            behaviour: chosen(&[variant]),
            ..unlimited()
        });
        let desk = Desk::at(&portal);
        let refused = plan(&desk, policy, "id\n29\n", &[]).expect(6);
        let said = message(&refused);
        assert!(said.contains(name) && said.contains("does not tell"), "{said}");
        assert_eq!(refused.json()["plan_hash"], Value::Null);
        desk.run(&["apply", "--json"]).expect(6);
        desk.run(&["resume", "--json"]).expect(6);
        assert!(!portal.requests().iter().any(RequestRecord::destroys));
        desk.assert_sound();
    }
}

/// Ann and Ben are dismissed; one workflow waits for both, and one for Ben alone. Whatever can be protected of the first is of a kind of
/// its own.
fn protected_by_hand() -> (Portal, String, String) {
    let mut world = World::empty();
    let mut ann = User::new(2, "Ann", "Lee", "ann@example.com").dismissed();
    ann.departments = vec![9];
    world.add_user(ann);
    world.add_user(User::new(3, "Ben", "Ray", "ben@example.com").dismissed());
    world.add_user(User::new(4, "Ann", "Lee", "other@example.com").dismissed());
    let mut waits = |people: &[u32]| {
        let workflow = world.start_workflow(1, "Contract");
        world.ask(&workflow, "Approve", people);
        workflow
    };
    let (theirs, bens) = (waits(&[2, 3]), waits(&[3]));
    world.edit_workflow(&theirs, |workflow| {
        "crm".clone_into(&mut workflow.module);
        "Deal".clone_into(&mut workflow.entity);
        workflow.template_id = 77;
    });
    (Portal::of(world), theirs, bens)
}

#[test]
fn what_any_rule_protects_is_never_sent_although_somebody_includes_it_by_hand() {
    for rule in [
        "users = [2]",
        "emails = [\"ann@example.com\"]",
        "departments = [9]",
        "templates = [77]",
        "document_types = [\"crm/Deal\"]",
        "modules = [\"crm\"]",
        "workflows",
    ] {
        let (portal, theirs, bens) = protected_by_hand();
        let desk = Desk::at(&portal);
        let of_person = ["users", "emails", "departments"]
            .iter()
            .any(|name| rule.starts_with(name));
        let rule = rule.replace("workflows", &format!("workflows = [\"{theirs}\"]"));
        let planned = plan(&desk, &format!("[protect]\n{rule}\n"), "id\n2\n3\n", &[])
            .expect(4)
            .json();
        let by_id = format!("workflow:{theirs}");
        for selector in [&*by_id, "person:3", "template:77", "hold:protected"] {
            let refused = desk.run(&["decide", "--include", selector, "--json"]);
            let refused = refused.json();
            let said = refused["error"]["message"].as_str().unwrap_or_default().to_owned();
            assert!(said.contains("stays held: protected"), "{rule}, {selector}: {said}");
        }
        assert_eq!(desk.status()["plan_hash"], planned["plan_hash"], "{rule}");
        desk.apply(&planned).expect(4);
        assert_eq!(portal.destroyed(), [bens].into(), "{rule}");
        let sent = asked(&portal, "bizproc.workflow.terminate");
        assert!(sent.iter().all(|command| command["ID"] != *theirs), "{rule}: {sent:?}");
        desk.assert_sound();
        if of_person {
            protected_person_is_given_no_row(&rule);
        }
    }
}

/// A row about either of two Anns, of whom one is protected, is never given to that one.
fn protected_person_is_given_no_row(rule: &str) {
    let (portal, theirs, bens) = protected_by_hand();
    let desk = Desk::at(&portal);
    let roster = "first_name,last_name\nAnn,Lee\nBen,Ray\n";
    let planned = plan(&desk, &format!("[protect]\n{rule}\n"), roster, &[])
        .expect(4)
        .json();
    let refused = desk.run(&["decide", "--row", "1", "--user", "2", "--json"]).expect(6);
    assert!(message(&refused).contains("protect"), "{rule}: {}", message(&refused));
    desk.apply(&planned).expect(4);
    assert_eq!(portal.destroyed(), [bens].into(), "{rule}: {theirs}");
}

#[test]
fn a_webhook_that_may_not_read_emails_cannot_judge_a_rule_about_them() {
    let mut world = World::sample();
    world.webhook.scopes = vec!["user_brief".to_owned(), "bizproc".to_owned()];
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    plan(&desk, "[protect]\nmodules = [\"crm\"]\n", "id\n29\n", &[]).expect(0);
    let refused = plan(&desk, "[protect]\nemails = [\"boss@example.com\"]\n", "id\n29\n", &[]).expect(7);
    assert_eq!(refused.json()["error"]["kind"], "scope");
}

#[test]
fn a_policy_that_cannot_be_used_is_refused_before_any_request() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    for (policy, said) in [
        ("[protect]\nuser = [1]", "user"),
        ("[caps]\nacctions = 5", "acctions"),
        ("approval = \"sometimes\"", "sometimes"),
        ("require_reason = true", "--reason TEXT"),
        (
            "require_reason = true\nrequire_ticket = true",
            "--reason TEXT and --ticket TEXT",
        ),
        ("[protect]\nemails = [\"boss\"]", "entry 1 of protect.emails"),
    ] {
        let refused = plan(&desk, policy, "id\n29\n", &[]).expect(2);
        assert!(message(&refused).contains(said), "{policy}: {}", message(&refused));
    }
    assert!(portal.requests().is_empty());
    assert!(!desk.database().exists());
}

#[test]
fn at_each_cap_the_limit_passes_and_one_more_is_refused_with_the_number_to_pass() {
    // 29 has nine workflows, 35 has one; of the sample's 27 running ones these ten are 38 %.
    let percent = {
        let portal = Portal::of(World::sample());
        let running = portal.world(|world| world.workflows().filter(|workflow| workflow.running).count());
        u32::try_from((10 * 100_usize).div_ceil(running)).unwrap()
    };
    for (key, flag, limit) in [
        ("people", "--max-people", 2),
        ("actions", "--max-actions", 10),
        ("actions_per_person", "--max-actions-per-person", 9),
        ("percent_of_running", "--max-percent", percent),
    ] {
        let portal = Portal::of(World::sample());
        let desk = Desk::at(&portal);
        let caps = |limit: u32| format!("[caps]\n{key} = {limit}\n");
        let refused = plan(&desk, &caps(limit - 1), "id\n29\n35\n", &[]).expect(6);
        let (json, said) = (refused.json(), message(&refused));
        assert_eq!(json["error"]["kind"], "over-cap", "{key}");
        assert!(said.ends_with(&format!("plan again with {flag} {limit}")), "{said}");
        assert_eq!(json["state"], "planned", "it can be looked at");
        // Neither a confirmation nor another way in lets it pass.
        let applied = desk.apply(&json).expect(6);
        assert_eq!(applied.json()["error"]["kind"], "over-cap");
        desk.run(&["resume", "--json"]).expect(6);
        portal.assert_untouched();

        let passes = plan(&desk, &caps(limit - 1), "id\n29\n35\n", &[flag, &limit.to_string()]);
        passes.expect(0);
        let planned = plan(&desk, &caps(limit), "id\n29\n35\n", &[]).expect(0).json();
        desk.apply(&planned).expect(0);
        assert_eq!(portal.destroyed().len(), 10, "{key}");
        desk.assert_sound();
    }
}

#[test]
fn what_is_included_by_hand_counts_against_the_caps_too() {
    let (portal, theirs, bens) = protected_by_hand();
    let desk = Desk::at(&portal);
    // Of Ben alone, the workflow of both is shared with an outsider.
    let planned = plan(&desk, "[caps]\nactions = 1\n", "id\n3\n", &[]).expect(4).json();
    assert_eq!(number(&planned, "/actions/planned"), 1);
    let by_id = format!("workflow:{theirs}");
    let decided = desk.run(&["decide", "--include", &by_id, "--json"]).expect(6).json();
    assert_eq!(decided["error"]["kind"], "over-cap");
    assert_eq!(number(&decided, "/actions/planned"), 2);
    assert_eq!(desk.apply(&decided).expect(6).json()["error"]["kind"], "over-cap");
    portal.assert_untouched();
    let back = desk.run(&["decide", "--drop", &by_id, "--json"]).expect(4).json();
    desk.apply(&back).expect(4);
    assert_eq!(portal.destroyed(), [bens].into());
}

#[test]
fn run_over_a_cap_of_the_policy_does_nothing() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let run = |policy: &str, actions: &str| command(&desk, "run", policy, "id\n29\n", &["--max-actions", actions]);
    let refused = run("[caps]\nactions_per_person = 8\n", "9").expect(6);
    assert_eq!(refused.json()["error"]["kind"], "over-cap");
    let refused = desk.run(&["resume", "--json"]).expect(6);
    assert_eq!(refused.json()["error"]["kind"], "over-cap");
    run("[caps]\nactions = 100\n", "8").expect(6);
    portal.assert_untouched();
    // A higher number on the command line outweighs the policy's.
    run("[caps]\nactions = 8\n", "9").expect(0);
    assert_eq!(portal.destroyed().len(), 9);
}

#[test]
fn the_policy_is_in_the_plan_and_in_the_journal_and_an_email_of_it_only_as_a_commitment() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let of = |policy: &str| plan(&desk, policy, "id\n29\n", &[]).expect(0).json()["plan_hash"].to_string();
    let plans: BTreeSet<String> = [
        of(""),
        of("foreign = \"include\"\n"),
        of("[caps]\nactions = 100\n"),
        of("[protect]\nemails = [\"boss@example.com\"]\n"),
        of("[protect]\nemails = [\"boss@example.org\"]\n"),
    ]
    .into();
    assert_eq!(plans.len(), 4, "the second says what is the default");
    let story = desk.story();
    let made: Vec<&Value> = story.iter().filter(|event| event["kind"] == "job_created").collect();
    for event in &story {
        assert!(!event.to_string().contains("boss@"), "{event}");
    }
    let named = made[3]["data"]["policy_emails"][0].as_str().unwrap();
    assert!(
        made[3]["data"]["policy"]
            .as_str()
            .unwrap()
            .contains(named.strip_prefix("sha256:").unwrap())
    );
    let log = desk.run(&["audit", "log", "--kind", "job_created"]).expect(0).stdout;
    assert!(log.contains("which protects boss@example.com"), "{log}");
    desk.assert_sound();
}

#[test]
fn an_interrupted_plan_goes_on_under_the_policy_that_it_began_with() {
    let portal = company();
    let desk = Desk::at(&portal);
    portal.inject("auth-error-401@bizproc.task.list:1");
    let policy = "[protect]\nemails = [\"hannah.weiss@example.com\"]\ndepartments = [9]\n[caps]\nactions = 3\n";
    plan(&desk, policy, "id\n33\n29\n32\n", &[]).expect(7);
    std::fs::remove_file(desk.folder().join("policy.toml")).unwrap();
    let resumed = desk.run(&["resume", "--json"]).expect(6).json();
    assert_eq!(resumed["error"]["kind"], "over-cap");
    assert_eq!(number(&resumed, "/rows/protected"), 1);
    let shown = desk.run(&["show", "--json"]).expect(0).json();
    let together = shown["list"]["actions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|action| action["state"] == "held");
    assert_eq!(together.unwrap()["holds"], serde_json::json!(["protected", "shared"]));
    portal.assert_untouched();
}

#[test]
fn only_a_rule_about_departments_has_them_recorded() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    plan(&desk, "", "id\n29\n", &[]).expect(0);
    let told = |desk: &Desk| {
        desk.story()
            .iter()
            .filter(|event| event["data"]["departments"].is_array())
            .count()
    };
    assert_eq!(told(&desk), 0);
    plan(&desk, "[protect]\ndepartments = [3]\n", "id\n29\n", &[]).expect(0);
    assert_eq!(told(&desk), 1);
}

#[test]
fn the_reason_and_the_ticket_are_recorded_and_left_on_terminated_workflows() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let said = ["--reason", " Closing of the Lyon office ", "--ticket", "HR-1234"];
    let planned = plan(
        &desk,
        "require_reason = true\nrequire_ticket = true\n",
        "id\n29\n",
        &said,
    );
    let planned = planned.expect(0).json();
    for event in desk.story() {
        let event = event.to_string();
        assert!(!event.contains("Lyon") && !event.contains("HR-1234"), "{event}");
    }
    desk.apply(&planned).expect(0);
    let left = asked(&portal, "bizproc.workflow.terminate");
    assert_eq!(left.len(), 9);
    for call in left {
        let status = call["STATUS"].as_str().unwrap();
        assert!(
            status.starts_with("Ended by offboard24, job 1, plan ")
                && status.ends_with(", ticket HR-1234: Closing of the Lyon office"),
            "{status}"
        );
    }
    desk.assert_sound();
}

#[test]
fn a_reason_that_the_portal_would_rewrite_or_nobody_could_read_is_refused() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let roster = desk.roster(HOW_TO);
    let long = "a".repeat(501);
    for wrong in ["by $result[x]", "", "  ", "two\nlines", "\u{1b}[2J", &long] {
        for flag in ["--reason", "--ticket"] {
            desk.run(&["plan", &roster, "--action", "kill", flag, wrong]).expect(2);
        }
    }
    assert!(portal.requests().is_empty());
}
