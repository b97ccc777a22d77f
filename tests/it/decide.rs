//! What a person decides about a frozen plan: releases, drops, the person of a row; and a second person's approval.

use std::process::Stdio;

use offboard24::journal::receipt::Receipt;
use offboard24::sandbox::world::User;
use offboard24::sandbox::{RequestRecord, World};
use serde_json::{Value, json};

use crate::support::{Desk, Ended, Portal, number};

/// Ann and Ben are dismissed, Carl works here; each workflow has its own reason to be held, or none.
struct Office {
    portal: Portal,
    desk: Desk,
    alone: String,
    with_carl: String,
    with_ben: String,
    namesake: String,
}

const ANN: u32 = 2;
const BEN: u32 = 3;
const CARL: u32 = 4;
const OTHER_BEN: u32 = 5;

impl Office {
    fn new() -> Self {
        let mut world = World::empty();
        world.add_user(User::new(ANN, "Ann", "Lee", "ann@example.com").dismissed());
        world.add_user(User::new(BEN, "Ben", "Ray", "ben@example.com").dismissed());
        world.add_user(User::new(CARL, "Carl", "Orr", "carl@example.com"));
        world.add_user(User::new(OTHER_BEN, "Ben", "Ray", "other@example.com").dismissed());
        let mut waits = |title: &str, people: &[u32]| {
            let workflow = world.start_workflow(1, title);
            world.ask(&workflow, "Approve", people);
            workflow
        };
        let alone = waits("Invoice", &[ANN]);
        let with_carl = waits("Contract", &[ANN, CARL]);
        let with_ben = waits("Holiday", &[ANN, BEN]);
        let namesake = waits("Desk", &[OTHER_BEN]);
        let portal = Portal::of(world);
        let desk = Desk::at(&portal).typed_by("planner");
        Self {
            portal,
            desk,
            alone,
            with_carl,
            with_ben,
            namesake,
        }
    }

    fn plan(&self, roster: &str) -> Value {
        let roster = self.desk.roster(roster);
        self.desk.run(&["plan", &roster, "--action", "kill", "--json"]).json()
    }

    /// A plan under a policy, which leaves something to be decided.
    fn plan_under(&self, policy: &str, roster: &str) -> Value {
        let (file, roster) = (self.desk.folder().join("policy.toml"), self.desk.roster(roster));
        std::fs::write(&file, policy).unwrap();
        let policy = file.to_str().unwrap();
        let plan = ["plan", &roster, "--action", "kill", "--policy", policy, "--json"];
        self.desk.run(&plan).expect(4).json()
    }

    fn decide(&self, arguments: &[&str]) -> Value {
        let ended = self.desk.run(&[&["decide", "--json"], arguments].concat());
        assert!(matches!(ended.code, 0 | 4), "{}", ended.stderr);
        ended.json()
    }

    fn refused(&self, arguments: &[&str], code: i32) -> String {
        let ended = self.desk.run(&[&["decide"], arguments].concat()).expect(code);
        self.desk.assert_sound();
        ended.stderr
    }

    /// By whoever logged in before the account was changed; else by the account that planned.
    fn approve(&self, as_whom: Option<&str>, confirm: &str) -> Ended {
        let mut command = self.desk.command(&["approve", "--confirm", confirm]);
        if let Some(login) = as_whom {
            command.env("SUDO_USER", login);
        }
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        self.desk.wait(child.unwrap())
    }

    fn holds(&self, workflow: &str) -> Value {
        let shown = self.desk.run(&["show", "--json"]).json();
        let actions = shown["list"]["actions"].as_array().unwrap().clone();
        let found = actions.into_iter().find(|action| action["workflow"] == workflow);
        found.unwrap()["holds"].clone()
    }
}

const BOTH: &str = "id\n2\n3\n";

#[test]
fn a_shared_workflow_is_carried_out_only_after_it_was_included() {
    let office = Office::new();
    let plan = office.plan(BOTH);
    assert_eq!(office.holds(&office.with_carl), json!(["shared"]));
    let decided = office.decide(&["--include", &format!("workflow:{}", office.with_carl)]);
    assert_ne!(decided["plan_hash"], plan["plan_hash"]);
    assert_eq!(
        number(&decided, "/actions/planned"),
        number(&plan, "/actions/planned") + 1
    );
    assert_eq!(office.desk.apply(&plan).code, 6, "the old confirmation is void");
    office.portal.assert_destroyed_nothing();
    assert_eq!(office.desk.apply(&decided).code, 0);
    assert!(office.portal.destroyed().contains(&office.with_carl));
    office.desk.assert_sound();
}

#[test]
fn a_dropped_action_is_not_carried_out_unless_it_is_included_again() {
    let office = Office::new();
    office.plan(BOTH);
    let dropped = office.decide(&["--drop", &format!("workflow:{}", office.alone)]);
    assert_eq!(office.holds(&office.alone), json!(["dropped"]));
    office.refused(&["--drop", &format!("workflow:{}", office.alone)], 6);
    let again = office.decide(&["--include", "hold:dropped"]);
    assert_eq!(office.holds(&office.alone), json!([]));
    assert_ne!(dropped["plan_hash"], again["plan_hash"]);
    let decided = office.decide(&["--drop", "person:2"]);
    assert_eq!(number(&decided, "/actions/planned"), 0);
    let numbers: Vec<_> = office.desk.run(&["show", "--json"]).json()["list"]["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|action| action["action"].clone())
        .collect();
    assert_eq!(numbers, [1, 2, 3]);
    office.portal.assert_destroyed_nothing();
    office.desk.assert_sound();
}

#[test]
fn a_conflict_is_released_only_with_a_word_on_what_to_do() {
    let office = Office::new();
    office.plan("id,action\n2,kill\n3,terminate\n");
    assert_eq!(office.holds(&office.with_ben), json!(["conflict"]));
    let said = office.refused(&["--include", "hold:conflict"], 6);
    assert!(said.contains("stays held: conflict"), "{said}");
    let decided = office.decide(&["--include", "hold:conflict", "--action", "terminate"]);
    let ended = office.desk.apply(&decided);
    assert_eq!(ended.code, 4, "the shared one is still held: {}", ended.stderr);
    let done = office.portal.effects();
    let of_both = done.iter().find(|effect| effect.workflow == office.with_ben).unwrap();
    assert_eq!(of_both.method, "bizproc.workflow.terminate");
    office.desk.assert_sound();
}

#[test]
fn a_kill_that_comes_out_of_a_conflict_later_has_all_its_rows_on_record() {
    let office = Office::new();
    office.portal.world(|world| {
        let answered = world.ask(&office.with_ben, "Check", &[CARL]);
        world.answer_task(answered, CARL, 1);
    });
    office.plan("id,first_name,last_name,action\n2,,,terminate\n,Ben,Ray,kill\n");
    office.decide(&["--row", "2", "--user", "3"]);
    assert_eq!(office.holds(&office.with_ben), json!(["conflict"]));
    office.decide(&["--include", "hold:conflict", "--action", "kill"]);
    let story = office.desk.story();
    let rows = story.iter().filter(|event| event["kind"] == "task_recorded");
    let mut about = rows.map(|event| (&event["data"]["workflow"], &event["data"]["user"]));
    assert!(
        about.any(|row| row == (&json!(office.with_ben), &json!(CARL))),
        "{story:?}"
    );
    office.desk.assert_sound();
}

#[test]
fn what_is_protected_stays_held_whatever_is_included() {
    let office = Office::new();
    let policy = office
        .desk
        .roster(format!("[protect]\nworkflows = [\"{}\"]\n", office.with_carl));
    let roster = office.desk.folder().join("people.csv");
    std::fs::write(&roster, BOTH).unwrap();
    let roster = roster.to_str().unwrap();
    office
        .desk
        .run(&["plan", roster, "--action", "kill", "--policy", &policy])
        .expect(4);
    for selector in ["hold:shared", "hold:protected"] {
        office.refused(&["--include", selector], 6);
    }
    let decided = office.decide(&["--drop", &format!("workflow:{}", office.alone)]);
    assert_eq!(number(&decided, "/actions/held"), 2);
    office.desk.apply(&decided).expect(4);
    assert!(!office.portal.destroyed().contains(&office.with_carl));
    office.desk.assert_sound();
}

/// As a process leaves it that dies between the freezing of its plan and its own end.
fn last_run_never_ended(desk: &Desk) {
    let db = rusqlite::Connection::open(desk.database()).unwrap();
    let changed = db.execute("UPDATE run SET finished_at = NULL, stop_reason = NULL", []);
    assert_eq!(changed.unwrap(), 1);
}

#[test]
fn a_frozen_plan_waits_for_its_confirmation_even_if_the_process_that_froze_it_died() {
    let office = Office::new();
    let plan = office.plan("id\n2\n");
    last_run_never_ended(&office.desk);
    let status = office.desk.run(&["status", "--exit-code", "--json"]).expect(4).json();
    assert_eq!(
        (&status["state"], &status["stop_reason"]),
        (&json!("planned"), &Value::Null)
    );
    assert_eq!(status["confirm"], plan["confirm"]);
    office.desk.apply(&plan).expect(4);
    assert_eq!(
        office.portal.destroyed().len() as u64,
        number(&plan, "/actions/planned")
    );
}

#[test]
fn what_run_began_goes_on_by_itself_until_a_person_decides_about_it() {
    let office = Office::new();
    let roster = office.desk.roster(BOTH);
    let run = ["run", &roster, "--action", "kill", "--max-actions", "1"];
    office.desk.run(&run).expect(6);
    last_run_never_ended(&office.desk);
    let status = office.desk.run(&["status", "--exit-code", "--json"]).expect(9).json();
    assert_eq!(
        (&status["state"], &status["stop_reason"]),
        (&json!("stopped"), &json!("crash"))
    );
    let decided = office.decide(&["--drop", &format!("workflow:{}", office.with_ben)]);
    assert_eq!(
        (&decided["state"], &decided["stop_reason"]),
        (&json!("planned"), &Value::Null)
    );
    let ended = office.desk.run(&["resume"]).expect(6);
    assert!(ended.stderr.contains("offboard24 apply 1"), "{}", ended.stderr);
    office.portal.assert_destroyed_nothing();
    office.desk.apply(&decided).expect(4);
    assert_eq!(office.portal.destroyed(), [office.alone.clone()].into());
}

#[test]
fn what_was_dropped_stays_dropped_whatever_is_decided_after_it() {
    let office = Office::new();
    office.plan(BOTH);
    office.decide(&["--drop", &format!("workflow:{}", office.alone)]);
    let decided = office.decide(&["--include", &format!("workflow:{}", office.with_carl)]);
    office.desk.apply(&decided);
    let destroyed = office.portal.destroyed();
    assert!(destroyed.contains(&office.with_carl) && !destroyed.contains(&office.alone));
    office.desk.assert_sound();
}

#[test]
fn a_proof_about_a_workflow_has_the_decisions_about_its_plan_but_not_about_other_peoples_rows() {
    let office = Office::new();
    office.plan("first_name,last_name\nAnn,Lee\nBen,Ray\n");
    office.decide(&["--row", "2", "--user", "5"]);
    let decided = office.decide(&["--include", "hold:shared"]);
    office.desk.apply(&decided);
    let decisions = |workflow: &str| {
        let text = office.desk.run(&["audit", "prove", workflow]).expect(0).stdout;
        let bundle: Value = serde_json::from_str(&text).unwrap();
        let bodies = bundle["records"].as_array().unwrap().iter();
        let events = bodies.map(|record| serde_json::from_str::<Value>(record["body"].as_str().unwrap()).unwrap());
        let decided = events.filter(|event| event["kind"] == "plan_decided");
        decided.map(|event| event["data"]["user"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(decisions(&office.alone), [Value::Null]);
    assert_eq!(decisions(&office.namesake), [json!(OTHER_BEN), Value::Null]);
}

#[test]
fn a_selector_that_selects_nothing_decides_nothing() {
    let office = Office::new();
    let plan = office.plan(BOTH);
    for selector in [
        "person:4",
        "template:999",
        "hold:other-job",
        "workflow:67a2ffdb2c57a3.99999999",
    ] {
        office.refused(&["--include", selector], 2);
        office.refused(&["--drop", selector, "--include", "hold:shared"], 2);
    }
    office.refused(&["--drop", "person:2", "--include", "hold:shared"], 2);
    assert_eq!(office.desk.status()["plan_hash"], plan["plan_hash"]);
}

#[test]
fn an_ambiguous_row_gets_the_person_that_was_named_and_only_their_workflows_are_read() {
    let office = Office::new();
    let plan = office.plan("first_name,last_name\nAnn,Lee\nBen,Ray\n");
    assert_eq!(number(&plan, "/rows/ambiguous"), 1);
    let before = office.portal.requests().len();
    let decided = office.decide(&["--row", "2", "--user", "5"]);
    let about_ann = |requests: &[RequestRecord]| {
        let commands = requests.iter().flat_map(|request| &request.commands);
        let mut tasks = commands.filter(|command| command.method == "bizproc.task.list");
        tasks.any(|command| format!("{:?}", command.params).contains("\"2\""))
    };
    let requests = office.portal.requests();
    assert!(about_ann(&requests[..before]) && !about_ann(&requests[before..]));
    assert_eq!(number(&decided, "/rows/matched"), 2);
    assert_eq!(office.holds(&office.namesake), json!([]));
    assert_eq!(office.desk.apply(&decided).code, 4, "two are shared");
    assert!(office.portal.destroyed().contains(&office.namesake));
    office.desk.assert_sound();
}

#[test]
fn what_a_colleague_started_and_the_policy_holds_goes_ahead_once_it_was_included() {
    let office = Office::new();
    office.plan_under("foreign = \"hold\"\n", "id\n2\n");
    assert_eq!(office.holds(&office.alone), json!(["foreign"]));
    let decided = office.decide(&["--include", &format!("workflow:{}", office.alone)]);
    assert_eq!(office.holds(&office.alone), json!([]));
    office.desk.apply(&decided).expect(4);
    assert_eq!(office.portal.destroyed(), [office.alone.clone()].into());
    office.desk.assert_sound();
}

#[test]
fn a_part_of_all_that_run_is_a_part_of_what_ran_when_the_plan_was_last_made() {
    let office = Office::new();
    let roster = "first_name,last_name\nAnn,Lee\nBen,Ray\n";
    let plan = office.plan_under("[caps]\npercent_of_running = 50\n", roster);
    assert_eq!(number(&plan, "/actions/planned"), 1, "of four");
    office.portal.world(|world| {
        world.finish_workflow(&office.with_carl);
        world.finish_workflow(&office.namesake);
    });
    let said = office.refused(&["--row", "2", "--user", "3"], 6);
    assert!(said.contains("--max-percent 100"), "two of two: {said}");
    office.desk.apply(&office.desk.status()).expect(6);
    office.portal.assert_destroyed_nothing();
    office.desk.assert_sound();
}

#[test]
fn a_person_who_becomes_part_of_the_job_is_an_outsider_no_longer() {
    let office = Office::new();
    office.plan("first_name,last_name\nAnn,Lee\nBen,Ray\n");
    assert_eq!(office.holds(&office.with_ben), json!(["shared"]));
    office.decide(&["--row", "2", "--user", "3"]);
    assert_eq!(office.holds(&office.with_ben), json!([]));
    office.desk.assert_sound();
}

#[test]
fn nobody_becomes_a_target_who_works_here_is_unknown_or_owns_the_webhook() {
    let office = Office::new();
    let plan = office.plan("first_name,last_name\nAnn,Lee\nBen,Ray\n");
    for (user, why) in [
        ("4", "still works here"),
        ("99", "not shown"),
        ("1", "still works here"),
    ] {
        let said = office.refused(&["--row", "2", "--user", user], 6);
        assert!(said.contains(why), "{said}");
    }
    office.refused(&["--row", "1", "--user", "3"], 6);
    office.refused(&["--row", "7", "--user", "3"], 2);
    assert_eq!(office.desk.status()["plan_hash"], plan["plan_hash"]);
    let twice = office.decide(&["--row", "2", "--user", "2"]);
    assert_eq!(number(&twice, "/rows/duplicate"), 1);
    office.desk.assert_sound();
}

#[test]
fn a_plan_that_was_confirmed_is_never_decided_about_again() {
    let office = Office::new();
    let plan = office.plan(BOTH);
    office.desk.apply(&plan).expect(4);
    let said = office.refused(&["--include", "hold:shared"], 6);
    assert!(said.contains("never changes"), "{said}");
    office.refused(&["--row", "1", "--user", "3"], 6);
}

#[test]
fn what_was_held_in_a_finished_job_is_taken_up_by_the_next_plan() {
    let office = Office::new();
    let plan = office.plan(BOTH);
    office.desk.apply(&plan).expect(4);
    let next = office.plan(BOTH);
    assert_eq!(next["job"], 2);
    assert_eq!(office.holds(&office.with_carl), json!(["shared"]));
    let decided = office.decide(&["--include", "hold:shared"]);
    office.desk.apply(&decided).expect(0);
    assert!(office.portal.destroyed().contains(&office.with_carl));
}

#[test]
fn a_job_that_a_person_decided_about_no_longer_goes_on_under_the_cap_of_run() {
    let office = Office::new();
    let roster = office.desk.roster(BOTH);
    office
        .desk
        .run(&["run", &roster, "--action", "kill", "--max-actions", "1"])
        .expect(6);
    office.decide(&["--drop", &format!("workflow:{}", office.with_ben)]);
    office.desk.run(&["resume"]).expect(6);
    office.portal.assert_destroyed_nothing();
}

#[test]
fn decisions_and_approvals_are_told_by_the_log_and_hold_in_an_export() {
    let office = Office::new();
    office.plan(BOTH);
    office.decide(&["--include", "hold:shared"]);
    let log = office.desk.run(&["audit", "log"]).expect(0).stdout;
    for words in [
        "decided about plan",
        "included, released: shared",
        "which is void from here on",
    ] {
        assert!(log.contains(words), "{log}");
    }
    let folder = office.desk.folder().join("export");
    office
        .desk
        .run(&["audit", "export", "-o", folder.to_str().unwrap()])
        .expect(0);
    let checked = std::process::Command::new("python3")
        .arg(folder.join("verify.py"))
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

#[test]
fn where_the_policy_asks_for_it_nothing_is_done_without_a_second_persons_approval() {
    let office = Office::new();
    let roster = office.desk.roster(BOTH);
    let policy = office.desk.folder().join("policy.toml");
    let plan = |approval: &str| office.plan_under(&format!("approval = {approval}\n"), BOTH);
    let apply = |plan: &Value| office.desk.apply(plan);
    // Two are planned.
    let refused = apply(&plan("{ above = 1 }")).expect(6);
    assert!(
        refused.stderr.contains("approval of a second person"),
        "{}",
        refused.stderr
    );
    office
        .desk
        .run(&[
            "run",
            &roster,
            "--action",
            "kill",
            "--max-actions",
            "9",
            "--policy",
            policy.to_str().unwrap(),
        ])
        .expect(6);
    let always = plan("\"always\"");
    apply(&always).expect(6);
    office.portal.assert_destroyed_nothing();
    office
        .approve(Some("auditor"), always["confirm"].as_str().unwrap())
        .expect(0);
    apply(&always).expect(4);
    assert_eq!(office.portal.destroyed().len(), 2);
    apply(&plan("{ above = 2 }")).expect(4);
    office.desk.assert_sound();
}

#[test]
fn whoever_made_a_plan_cannot_approve_it_and_a_decision_voids_an_approval() {
    let office = Office::new();
    let plan = office.plan(BOTH);
    let confirm = plan["confirm"].as_str().unwrap();
    let approve = |as_whom: Option<&str>, confirm: &str| office.approve(as_whom, confirm);
    assert_eq!(approve(None, confirm).code, 6);
    assert_eq!(
        approve(Some("auditor"), "acme:1:00000000").code,
        6,
        "it has to be this plan"
    );
    assert_eq!(approve(Some("auditor"), confirm).code, 0);
    let decided = office.decide(&["--include", "hold:shared"]);
    assert_eq!(approve(Some("auditor"), confirm).code, 6, "the old hash");
    assert_eq!(approve(Some("auditor"), decided["confirm"].as_str().unwrap()).code, 0);
    let log = office.desk.run(&["audit", "log"]).expect(0).stdout;
    assert_eq!(log.matches("approved by").count(), 2, "{log}");
    office.desk.assert_sound();
}

/// Ann and Ben by name: which Ben is decided, then what is shared is included; both plans were approved.
fn decided_and_approved(office: &Office) -> [Value; 2] {
    let first = office.plan("first_name,last_name\nAnn,Lee\nBen,Ray\n");
    let approve = |plan: &Value| {
        office
            .approve(Some("auditor"), plan["confirm"].as_str().unwrap())
            .expect(0)
    };
    approve(&first);
    office.decide(&["--row", "2", "--user", "3"]);
    let last = office.decide(&["--include", "hold:shared"]);
    approve(&last);
    [first, last]
}

#[test]
fn reports_tell_who_decided_what_who_approved_and_for_which_plan() {
    let office = Office::new();
    let [first, last] = decided_and_approved(&office);
    let report = |arguments: &[&str]| office.desk.run(&[&["report"], arguments].concat()).expect(0).stdout;
    let read = || serde_json::from_str::<Value>(&report(&["--format", "json"])).unwrap();
    let planned = read();
    office.desk.apply(&last).expect(0);
    let json = read();
    assert_eq!(json["decisions"], planned["decisions"]);
    let decisions = json["decisions"].as_array().unwrap();
    let about = |place: usize, field: &str| decisions[place][field].clone();
    assert_eq!(decisions.len(), 2);
    assert_eq!(about(0, "plan_hash"), first["plan_hash"]);
    assert_eq!((about(0, "row"), about(0, "user")), (json!(2), json!(3)));
    assert_eq!(
        about(1, "workflows"),
        json!([{ "workflow": office.with_carl, "decision": "include", "released": ["shared"], "do": null }])
    );
    let approvals = json["approvals"].as_array().unwrap();
    let of = |field: &str| approvals.iter().map(|one| one[field].clone()).collect::<Vec<_>>();
    assert_eq!(of("plan_hash"), [first["plan_hash"].clone(), last["plan_hash"].clone()]);
    assert_eq!(of("holds"), [false, true]);
    assert_eq!(of("login_user"), ["auditor", "auditor"]);
    assert_eq!(json["approval_needed"], false);

    let markdown = report(&["--format", "md"]);
    for words in [
        "row 2 is about 3 Ben Ray",
        "included: action ",
        "an earlier plan: void",
        "the plan that was confirmed, and carried out",
        "where several people share an account",
    ] {
        assert!(markdown.contains(words), "{words} is missing:\n{markdown}");
    }
    let page = report(&["--format", "html", "--lang", "ru"]);
    assert!(
        page.contains("id=\"review\"") && page.contains("прежний план"),
        "{page}"
    );
    let text = report(&["--format", "csv"]);
    let mut lines = csv::Reader::from_reader(text.as_bytes());
    let header = lines.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|column| column == name).unwrap();
    let lines: Vec<csv::StringRecord> = lines.records().map(Result::unwrap).collect();
    assert!(
        lines
            .iter()
            .all(|line| line[column("approved")].contains(" (auditor)@"))
    );
    let decided = |record: &str, place: &str, is: &str| {
        let mut found = lines
            .iter()
            .filter(|line| &line[column("record")] == record && &line[column(place)] == is);
        found.next().unwrap()[column("decided")].to_owned()
    };
    let included = decided("action", "workflow", &office.with_carl);
    assert!(included.starts_with("include; released: shared; 20"), "{included}");
    assert_eq!(decided("action", "workflow", &office.alone), "");
    assert!(decided("row", "rows", "2").starts_with("user 3; 20"));

    office.desk.redact(&["--person", "3"]).expect(0);
    let erased = report(&["--format", "md"]);
    assert!(erased.contains("row 2 is about 3 *erased on "), "{erased}");
}

#[test]
fn a_report_says_when_the_policy_asks_for_an_approval_that_nobody_gave() {
    let office = Office::new();
    let plan = office.plan_under("approval = \"always\"\n", BOTH);
    let missing = |language: &str, words: &str| {
        let report = office.desk.run(&["report", "--format", "md", "--lang", language]);
        report.expect(0).stdout.matches(words).count()
    };
    assert_eq!(missing("en", "The policy asks for the approval of a second person"), 2);
    assert_eq!(missing("ru", "Политика требует одобрения второго человека"), 2);
    office
        .approve(Some("auditor"), plan["confirm"].as_str().unwrap())
        .expect(0);
    assert_eq!(missing("en", "The policy asks for the approval of a second person"), 0);
    let json = office.desk.run(&["report", "--format", "json"]).expect(0).json();
    assert_eq!(
        (&json["approval_needed"], &json["approvals"][0]["holds"]),
        (&json!(true), &json!(true))
    );
}

#[test]
fn a_receipt_tells_who_decided_and_approved_and_verify_holds_it_to_that() {
    let office = Office::new();
    let [_, last] = decided_and_approved(&office);
    let ended = office.desk.apply(&last).expect(0).json();
    let text = ended["receipt"]["text"].as_str().unwrap();
    let review = Receipt::parse(text).unwrap().review.unwrap();
    let story = office.desk.story();
    let last_of = |kind: &str| story.iter().rposition(|event| event["kind"] == kind).unwrap();
    for (line, times, kind) in [
        (&review.decided, "2 times, last ", "plan_decided"),
        // The approval of the earlier plan does not count.
        (&review.approved, "1 time, last ", "plan_approved"),
    ] {
        let event = last_of(kind);
        let at = story[event]["at"].as_str().unwrap();
        assert!(line.starts_with(&format!("{times}{at}, event {event}, by ")), "{line}");
    }
    assert!(
        review.approved.contains(" (logged in as auditor) on "),
        "{}",
        review.approved
    );

    let file = office.desk.folder().join("receipt.txt");
    let verify = |text: &str, code: i32| {
        std::fs::write(&file, text).unwrap();
        let arguments = ["audit", "verify", "--receipt", file.to_str().unwrap()];
        office.desk.run(&arguments).expect(code).stdout
    };
    verify(text, 0);
    for changed in [
        text.replace("logged in as auditor", "logged in as director"),
        text.replace("decided: 2 times", "decided: 1 time"),
        text.replace(&format!("approved: {}", review.approved), "approved: none"),
    ] {
        assert_ne!(changed, text);
        let said = verify(&changed, 11);
        assert!(said.contains("and on record is "), "{said}");
    }
    // An earlier version's says nothing about it.
    let of_before = text
        .lines()
        .filter(|line| !line.starts_with("decided: ") && !line.starts_with("approved: "));
    verify(&of_before.collect::<Vec<_>>().join("\n"), 0);
}
