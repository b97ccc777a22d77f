//! Traps 1 to 10: finding the person.

use std::collections::BTreeSet;

use offboard24::sandbox::World;
use offboard24::sandbox::behaviour::{ActiveForm, AdminMode, UserOrder};
use offboard24::sandbox::world::User;
use serde_json::Value;

use crate::support::{Desk, Portal, asked, behaving, number};

/// Adds somebody and a workflow that waits for them alone; gives the workflow.
fn add(world: &mut World, user: User) -> String {
    let id = world.add_user(user);
    let workflow = world.start_workflow(id, "Memo");
    world.ask(&workflow, "Read the memo", &[id]);
    workflow
}

/// Plans and carries out whatever the roster allows; gives the exit code and what was printed.
fn carry_out(desk: &Desk, roster: impl AsRef<[u8]>) -> (i32, Value) {
    let roster = desk.roster(roster);
    let ended = desk.run(&["run", &roster, "--action", "kill", "--max-actions", "1000", "--json"]);
    (ended.code, ended.json())
}

/// What became of each row, and who was considered for it.
fn rows(desk: &Desk) -> Vec<(String, Vec<u64>)> {
    let rows = desk.story().into_iter().filter(|event| event["kind"] == "row_resolved");
    rows.map(|event| {
        let candidates = event["data"]["candidates"].as_array().unwrap();
        (
            event["data"]["state"].as_str().unwrap().to_owned(),
            candidates.iter().map(|user| user.as_u64().unwrap()).collect(),
        )
    })
    .collect()
}

fn row(state: &str, candidates: impl IntoIterator<Item = u64>) -> (String, Vec<u64>) {
    (state.to_owned(), candidates.into_iter().collect())
}

/// Every condition under which users were asked for: its name, and its value as the portal read it.
fn conditions(portal: &Portal) -> Vec<(String, String)> {
    let asked = asked(portal, "user.get");
    let filters = asked.iter().map(|params| params["FILTER"].as_object().unwrap());
    filters
        .flatten()
        .map(|(name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (name.clone(), value)
        })
        .collect()
}

#[test]
fn trap_01_namesakes_are_all_reported_and_none_of_them_is_acted_on() {
    let mut world = World::empty();
    add(&mut world, User::new(5, "Ray", "Stone", "ray@x.example").dismissed());
    add(
        &mut world,
        User::new(6, "Ray", "Stone", "r.stone@x.example").dismissed(),
    );
    // Of a full name nobody knows which word is the surname.
    add(&mut world, User::new(7, "Martin", "Thomas", "m@x.example").dismissed());
    add(&mut world, User::new(8, "Thomas", "Martin", "t@x.example").dismissed());
    let lee = add(&mut world, User::new(9, "Ann", "Lee", "ann@x.example").dismissed());
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    let (code, status) = carry_out(
        &desk,
        "first name,last name,full name\nRay,Stone,\n,,Martin Thomas\nAnn,Lee,\n",
    );
    assert_eq!(code, 4, "{status}");
    assert_eq!(
        rows(&desk),
        [row("ambiguous", [5, 6]), row("ambiguous", [7, 8]), row("matched", [9])]
    );
    let shown = desk.run(&["show"]).expect(0).stdout;
    for candidates in ["5 Ray Stone, 6 Ray Stone", "7 Martin Thomas, 8 Thomas Martin"] {
        assert!(shown.contains(&format!("one of: {candidates}")), "{shown}");
    }
    assert_eq!(portal.destroyed(), BTreeSet::from([lee]));
}

#[test]
fn trap_02_a_name_is_never_a_pattern() {
    let mut world = World::empty();
    add(&mut world, User::new(5, "Jack", "Doe", "jadoe@x.example").dismissed());
    let june = add(&mut world, User::new(6, "June", "Doe", "j_doe@x.example").dismissed());
    add(
        &mut world,
        User::new(7, "Max", "Muller", "mxller@x.example").dismissed(),
    );
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    let (code, status) = carry_out(
        &desk,
        "email,first name,last name\nj_doe@x.example,,\nm_ller@x.example,,\n,%,%\n,M_x,Muller\n",
    );
    assert_eq!(code, 4, "{status}");
    let nobody = || row("not_found", []);
    assert_eq!(rows(&desk), [row("matched", [6]), nobody(), nobody(), nobody()]);
    assert_eq!(portal.destroyed(), BTreeSet::from([june]));
    let names: BTreeSet<String> = conditions(&portal).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names.iter().map(String::as_str).collect::<Vec<_>>(),
        ["=EMAIL", "=LAST_NAME", "=NAME", ">ID", "ID"],
        "the last one from before each batch"
    );
}

#[test]
fn trap_03_nobody_is_identified_by_an_e_mail_that_the_portal_does_not_look_at_or_show() {
    // The webhook may not see e-mails: found before anything is asked or recorded, also where an e-mail only has to agree.
    for roster in ["email\nrita@x.example\n", "id,email\n5,rita@x.example\n"] {
        let mut world = World::empty();
        add(&mut world, User::new(5, "Dan", "Moss", "dan@x.example").dismissed());
        world.webhook.scopes = vec!["user_brief".to_owned(), "bizproc".to_owned()];
        let portal = Portal::of(world);
        let desk = Desk::at(&portal);
        let (code, status) = carry_out(&desk, roster);
        assert_eq!((code, status["error"]["kind"].as_str()), (7, Some("scope")), "{status}");
        assert_eq!(asked(&portal, "user.get"), Vec::<Value>::new());
        assert!(desk.journal().view().jobs().unwrap().is_empty());
        portal.assert_untouched();
    }
    // The portal has one person to show, ignores the condition, and shows them: with another e-mail, or with none.
    for email in ["dan@x.example", ""] {
        let mut world = World::empty();
        world.edit_user(1, |owner| owner.user_type = "bot".to_owned());
        add(&mut world, User::new(5, "Dan", "Moss", email).dismissed());
        let portal = Portal::of(world);
        let desk = Desk::at(&portal);
        portal.inject("dropped-filter@user.get:1");
        let (code, status) = carry_out(&desk, "email\nrita@x.example\n");
        assert_eq!(
            (code, status["error"]["kind"].as_str()),
            (6, Some("widened")),
            "{status}"
        );
        assert_eq!(number(&status, "/actions/total"), 0);
        portal.assert_untouched();
    }
    // What needs no e-mail works with that webhook.
    let mut world = World::empty();
    let dan = add(&mut world, User::new(5, "Dan", "Moss", "dan@x.example").dismissed());
    world.webhook.scopes = vec!["user_brief".to_owned(), "bizproc".to_owned()];
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    assert_eq!(carry_out(&desk, "id,last name\n5,Moss\n").0, 0);
    assert_eq!(portal.destroyed(), BTreeSet::from([dan]));
}

#[test]
fn trap_04_an_empty_cell_never_reaches_a_filter() {
    let mut world = World::empty();
    add(&mut world, User::new(5, "", "", "").dismissed());
    add(&mut world, User::new(6, "Ann", "", "").dismissed());
    let lee = add(&mut world, User::new(7, "Ann", "Lee", "").dismissed());
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    let roster = desk.roster("first name,last name\nAnn,\u{a0}\u{200b}\n");
    let ended = desk.run(&["plan", &roster, "--action", "kill", "--json"]).expect(2);
    assert_eq!(ended.json()["error"]["kind"], "roster");
    assert!(
        portal.requests().is_empty(),
        "no request goes out before the roster is valid"
    );

    let (code, status) = carry_out(
        &desk,
        "id;email;first name;last name;second name\n;\u{a0};Ann;Lee;\n \t ; \u{feff};Ann;Lee; \n",
    );
    assert_eq!(code, 0, "{status}");
    assert_eq!(rows(&desk), [row("matched", [7]), row("duplicate", [7])]);
    assert_eq!(portal.destroyed(), BTreeSet::from([lee]));
    for (name, value) in conditions(&portal) {
        assert!(!value.trim().is_empty(), "{name} was asked for as {value:?}");
    }
}

#[test]
fn trap_05_whoever_the_portal_shows_as_active_is_left_alone_and_the_filter_does_not_decide_that() {
    for active in [ActiveForm::Bool, ActiveForm::YesNo] {
        let mut world = World::empty();
        let gone = add(&mut world, User::new(5, "Dan", "Moss", "dan@x.example").dismissed());
        add(&mut world, User::new(6, "Rita", "Hart", "rita@x.example"));
        add(&mut world, User::new(7, "Carl", "Webb", "carl@x.example"));
        let portal = behaving(world, |behaviour| behaviour.active = active);
        let desk = Desk::at(&portal);
        let (code, status) = carry_out(&desk, "id,email\n5,\n6,\n,carl@x.example\n");
        assert_eq!(code, 4, "{active:?}: {status}");
        assert_eq!(
            rows(&desk),
            [row("matched", [5]), row("still_active", [6]), row("still_active", [7])],
            "{active:?}"
        );
        assert_eq!(portal.destroyed(), BTreeSet::from([gone]), "{active:?}");
        assert!(
            conditions(&portal).iter().all(|(name, _)| !name.contains("ACTIVE")),
            "{active:?}"
        );
    }
}

#[test]
fn trap_06_of_somebody_with_a_dismissed_and_an_active_account_only_an_id_says_which_one_is_meant() {
    let mut world = World::empty();
    let old = add(&mut world, User::new(5, "Rita", "Moss", "rita@x.example").dismissed());
    add(&mut world, User::new(6, "Rita", "Moss", "rita@x.example"));
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    let (code, status) = carry_out(
        &desk,
        "id,email,first name,last name\n,rita@x.example,,\n,,Rita,Moss\n6,,Rita,Moss\n",
    );
    assert_eq!(code, 4, "{status}");
    assert_eq!(
        rows(&desk),
        [
            row("ambiguous", [5, 6]),
            row("ambiguous", [5, 6]),
            row("still_active", [6])
        ]
    );
    portal.assert_untouched();

    let (code, status) = carry_out(&desk, "id,email\n5,rita@x.example\n");
    assert_eq!(code, 0, "{status}");
    assert_eq!(
        portal.destroyed(),
        BTreeSet::from([old]),
        "the active account keeps its own"
    );
}

#[test]
fn trap_07_people_in_no_department_are_found_where_the_portal_lets_them_be_found() {
    let hidden = || {
        let mut world = World::empty();
        let mut of = |id, name, email| {
            add(
                &mut world,
                User::new(id, name, "Reyes", email).dismissed().without_department(),
            )
        };
        let workflows = [of(5, "Tom", "tom@x.example"), of(6, "Uma", ""), of(7, "Vic", "")];
        (world, workflows)
    };
    let roster = "id,email,first name,last name\n,tom@x.example,,\n,,Uma,Reyes\n7,,,\n";

    let (world, workflows) = hidden();
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    assert_eq!(carry_out(&desk, roster).0, 0);
    assert_eq!(
        rows(&desk),
        [row("matched", [5]), row("matched", [6]), row("matched", [7])]
    );
    assert_eq!(portal.destroyed(), BTreeSet::from(workflows));

    // An administrator of the portal who is none of its social network: only the id itself shows them.
    let (world, workflows) = hidden();
    let portal = behaving(world, |behaviour| behaviour.admin_mode = AdminMode::Ignored);
    let desk = Desk::at(&portal);
    assert_eq!(carry_out(&desk, roster).0, 4);
    assert_eq!(
        rows(&desk),
        [row("not_found", []), row("not_found", []), row("matched", [7])]
    );
    let reasons: Vec<Value> = desk
        .story()
        .into_iter()
        .filter(|event| event["data"]["state"] == "not_found")
        .map(|event| event["data"]["reason"].clone())
        .collect();
    assert_eq!(reasons.len(), 2);
    for reason in reasons {
        assert_eq!(reason, "no such user, or none that the webhook's owner may see");
    }
    assert_eq!(portal.destroyed(), BTreeSet::from([workflows[2].clone()]));
}

#[test]
fn trap_08_an_id_is_digits_or_an_error_and_never_what_a_cast_makes_of_it() {
    let mut world = World::empty();
    let twelve = add(&mut world, User::new(12, "Dan", "Moss", "dan@x.example").dismissed());
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    for id in [
        "12abc", "12.0", "12e0", "12 13", "+12", "-12", "0x0C", "12%", "１２", "012", "0",
    ] {
        let roster = desk.roster(format!("id,last name\n12,Moss\n{id},\n"));
        let ended = desk.run(&["plan", &roster, "--action", "kill", "--json"]).expect(2);
        let message = ended.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains("line 3, column 1"), "{id}: {message}");
        assert!(!message.contains("line 2"), "{id}: {message}");
    }
    assert!(
        portal.requests().is_empty(),
        "no request goes out before the roster is valid"
    );
    portal.assert_untouched();
    assert_eq!(carry_out(&desk, "id,last name\n\u{a0}12 ,Moss\n").0, 0);
    assert_eq!(portal.destroyed(), BTreeSet::from([twelve]));
}

#[test]
fn trap_09_users_are_asked_for_in_an_order_where_the_portal_has_none_of_its_own() {
    for order in [UserOrder::ById, UserOrder::None] {
        let mut world = World::empty();
        for id in 5..125 {
            let user = User::new(id, "John", "Smith", "");
            world.add_user(if id == 124 { user } else { user.dismissed() });
        }
        let portal = behaving(world, |behaviour| behaviour.user_order = order);
        let desk = Desk::at(&portal);
        let (code, status) = carry_out(&desk, "first name,last name\nJohn,Smith\n");
        assert_eq!(code, 4, "{order:?}: {status}");
        assert_eq!(rows(&desk), [row("ambiguous", 5..125)], "{order:?}: nobody is left out");
        for params in asked(&portal, "user.get") {
            assert_eq!(
                (&params["SORT"], &params["ORDER"]),
                (&"ID".into(), &"ASC".into()),
                "{params}"
            );
        }
        portal.assert_untouched();
    }
}

#[test]
fn trap_10_the_webhooks_owner_is_never_a_target() {
    let mut world = World::empty();
    let own = world.start_workflow(1, "Memo");
    world.ask(&own, "Read the memo", &[1]);
    // Somebody dismissed waits there too, in another workflow.
    let both = world.start_workflow(1, "Memo");
    world.ask(&both, "Read the memo", &[1, 5]);
    let dan = add(&mut world, User::new(5, "Dan", "Moss", "dan@x.example").dismissed());
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    let (code, status) = carry_out(
        &desk,
        "id,email,first name,last name,full name\n1,,,,\n,Alex.Morgan@example.com,,,\n,,Alex,Morgan,\n,,,,Morgan Alex\n5,,,,\n",
    );
    assert_eq!(code, 4, "{status}");
    let protected = || row("protected", [1]);
    assert_eq!(
        rows(&desk),
        [protected(), protected(), protected(), protected(), row("matched", [5])]
    );
    assert_eq!(
        number(&status, "/actions/held"),
        1,
        "the owner is an outsider in what they share"
    );
    assert_eq!(portal.destroyed(), BTreeSet::from([dan]));
}
