//! `check`: what it says of good and bad portals and machines, and that it changes nothing anywhere.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use offboard24::lock::Lock;
use offboard24::sandbox::World;
use serde_json::Value;

use crate::support::{Desk, Ended, HOW_TO, Portal};

/// `check`, without a limit on requests, so that what is left of them is the same every time.
fn check(desk: &Desk, more: &[&str]) -> Ended {
    desk.run(&[&["check", "--rate", "unlimited"], more].concat())
}

/// What was printed, with everything that differs from run to run under a name of its own.
pub(crate) fn steady(ended: &Ended, desk: &Desk, portal: &str) -> String {
    let text = format!("{}\n{}", ended.stdout.trim_end(), ended.stderr.trim_end());
    let text = text
        .replace(portal, "PORTAL")
        .replace(desk.folder().to_str().unwrap(), "FOLDER")
        .replace(&std::process::id().to_string(), "PROCESS");
    let words = text.split(' ').collect::<Vec<_>>();
    let is_free = |place: usize| words.get(place + 1) == Some(&"MB") && words.get(place + 2) == Some(&"free");
    let steady = words.iter().enumerate();
    let steady: Vec<&str> = steady
        .map(|(place, word)| if is_free(place) { "NUMBER" } else { word })
        .collect();
    format!("exit {}\n{}", ended.code, steady.join(" ").trim_end())
}

/// How each thing is, by its name.
fn states(ended: &Ended) -> Vec<(String, String)> {
    let json = ended.json();
    let text = |check: &Value, field: &str| check[field].as_str().unwrap().to_owned();
    json["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| (text(check, "check"), text(check, "state")))
        .collect()
}

/// The names of the things that are not ok.
fn amiss(ended: &Ended) -> Vec<String> {
    let amiss = states(ended).into_iter().filter(|(_, state)| state != "ok");
    amiss.map(|(name, state)| format!("{name} {state}")).collect()
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_machine_that_never_ran_it_and_a_good_portal() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let ended = check(&desk, &[]).expect(0);
    insta::assert_snapshot!("check_good", steady(&ended, &desk, &portal.host()));
    assert!(!desk.database().parent().unwrap().exists(), "nothing is made");
    portal.assert_untouched();
    let asked: Vec<String> = portal
        .requests()
        .iter()
        .flat_map(|request| &request.commands)
        .map(|command| command.method.clone())
        .collect();
    assert_eq!(
        asked,
        [
            "profile",
            "scope",
            "method.get",
            "method.get",
            "bizproc.workflow.instances",
            "server.time"
        ]
    );
}

#[test]
fn after_a_plan_it_says_what_is_there() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    desk.plan(&desk.roster(HOW_TO), "terminate");
    let policy = desk.folder().join("policy.toml");
    std::fs::write(&policy, "[caps]\nactions = 9\n").unwrap();
    let before = std::fs::read(desk.database()).unwrap();
    let ended = check(&desk, &["--policy", policy.to_str().unwrap()]).expect(0);
    insta::assert_snapshot!("check_planned", steady(&ended, &desk, &portal.host()));
    assert_eq!(std::fs::read(desk.database()).unwrap(), before);
}

#[test]
fn what_a_webhook_lacks_is_named_and_ends_with_the_code_that_plan_ends_with() {
    type Change = fn(&mut World);
    let cases: [(&str, i32, &[&str], Change); 6] = [
        ("revoked", 7, &["owner failure"], |world| world.webhook.valid = false),
        ("dismissed", 7, &["owner failure"], |world| {
            let owner = world.user(1).unwrap().clone().dismissed();
            world.add_user(owner);
        }),
        ("no_administrator", 7, &["administrator failure"], |world| {
            world.webhook.administrator = false;
        }),
        ("scopes", 7, &["scopes failure"], |world| {
            world.webhook.scopes = vec!["user".to_owned()];
        }),
        ("brief", 0, &["scopes warning"], |world| {
            world.webhook.scopes = vec!["bizproc".to_owned(), "user_brief".to_owned()];
        }),
        ("tariff", 7, &["tariff failure"], |world| {
            world.modules.business_processes = false;
        }),
    ];
    for (name, code, expected, change) in cases {
        let mut world = World::sample();
        change(&mut world);
        let portal = Portal::of(world);
        let desk = Desk::at(&portal);
        let ended = check(&desk, &["--json"]).expect(code);
        assert_eq!(amiss(&ended), expected, "{name}");
        let planned = desk.run(&["plan", &desk.roster("id\n29\n"), "--action", "kill", "--json"]);
        assert_eq!(planned.code, code, "{name}");
        assert_eq!(planned.json()["error"]["kind"], ended.json()["error"]["kind"], "{name}");
        let told = check(&desk, &[]).expect(code);
        insta::assert_snapshot!(format!("check_{name}"), steady(&told, &desk, &portal.host()));
        portal.assert_untouched();
    }
}

#[test]
fn without_a_portal_or_a_webhook_the_machine_is_looked_at_all_the_same() {
    let gone = {
        let portal = Portal::of(World::empty());
        portal.url()
    };
    let desk = Desk::with_webhook(&gone);
    let ended = check(&desk, &["--json"]).expect(9);
    assert_eq!(amiss(&ended), ["portal failure"]);
    assert!(states(&ended).contains(&("disk".to_owned(), "ok".to_owned())));

    let desk = Desk::with_webhook("https://acme.bitrix24.com/");
    let ended = check(&desk, &["--json"]).expect(2);
    assert_eq!(amiss(&ended), ["webhook failure"]);
    assert_eq!(ended.json()["portal"], Value::Null);
}

#[test]
fn what_is_wrong_with_the_machine_is_named_and_plan_stops_at_it_too() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let roster = desk.roster(HOW_TO);
    desk.plan(&roster, "terminate");
    let plan = ["plan", &roster, "--action", "terminate", "--json"];

    let state = desk.database().parent().unwrap().to_owned();
    chmod(&state, 0o750);
    assert_eq!(amiss(&check(&desk, &["--json"]).expect(0)), ["state-folder warning"]);
    chmod(&state, 0o770);
    let ended = check(&desk, &["--json"]).expect(2);
    assert_eq!(amiss(&ended), ["state-folder failure"]);
    assert!(
        ended.json()["error"]["next"]
            .as_str()
            .unwrap()
            .starts_with("chmod 700 ")
    );
    let asked = portal.requests().len();
    desk.run(&plan).expect(2);
    assert_eq!(portal.requests().len(), asked, "nothing is asked");
    chmod(&state, 0o700);

    std::fs::rename(desk.key(), desk.key().with_extension("away")).unwrap();
    let ended = check(&desk, &["--json"]).expect(6);
    assert_eq!(amiss(&ended), ["signing-key failure"]);
    assert_eq!(ended.json()["error"]["kind"], "key-missing");
    desk.run(&plan).expect(6);
    std::fs::rename(desk.key().with_extension("away"), desk.key()).unwrap();
    chmod(&desk.key(), 0o644);
    assert_eq!(amiss(&check(&desk, &["--json"]).expect(2)), ["signing-key failure"]);
    chmod(&desk.key(), 0o600);

    let policy = desk.folder().join("policy.toml");
    std::fs::write(&policy, "[protect]\nuser = [1]\n").unwrap();
    let ended = check(&desk, &["--policy", policy.to_str().unwrap(), "--json"]).expect(2);
    assert_eq!(amiss(&ended), ["policy failure"]);
    let mut command = desk.command(&["check", "--json"]);
    let of_environment = command.env("OFFBOARD24_POLICY", &policy).output().unwrap();
    assert_eq!(of_environment.status.code(), Some(2));
    std::fs::remove_file(&policy).unwrap();

    std::fs::write(desk.database(), "no database").unwrap();
    let ended = check(&desk, &["--json"]).expect(2);
    assert_eq!(amiss(&ended), ["database failure"]);
    std::fs::remove_dir_all(&state).unwrap();
    check(&desk, &[]).expect(0);
}

#[test]
fn a_journal_is_held_against_the_head_of_this_machine_and_nothing_is_changed() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let roster = desk.roster(HOW_TO);
    desk.plan(&roster, "terminate");
    assert!(states(&check(&desk, &["--json"])).contains(&("head".to_owned(), "ok".to_owned())));
    let earlier = desk.folder().join("earlier.db");
    rusqlite::Connection::open(desk.database())
        .unwrap()
        .execute("VACUUM INTO ?1", [earlier.to_str().unwrap()])
        .unwrap();
    let head = std::fs::read(desk.head()).unwrap();
    desk.plan(&roster, "terminate");
    // The head lags by what one crash leaves: legitimate.
    let newest = std::fs::read(desk.head()).unwrap();
    std::fs::write(desk.head(), head).unwrap();
    assert_eq!(amiss(&check(&desk, &["--json"]).expect(0)), [""; 0]);
    std::fs::remove_file(desk.head()).unwrap();
    assert_eq!(amiss(&check(&desk, &["--json"]).expect(0)), ["head warning"]);
    assert!(!desk.head().exists(), "nothing is made");

    let path = desk.head();
    std::fs::write(&path, &newest).unwrap();
    for left in ["-wal", "-shm"] {
        drop(std::fs::remove_file(format!("{}{left}", desk.database().display())));
    }
    std::fs::copy(&earlier, desk.database()).unwrap();
    let ended = check(&desk, &["--json"]).expect(6);
    assert_eq!(amiss(&ended), ["head failure"]);
    let json = ended.json();
    assert!(
        json["error"]["message"]
            .as_str()
            .unwrap()
            .contains("its end is missing"),
        "{json}"
    );
    desk.run(&["plan", &roster, "--action", "terminate"]).expect(6);
    assert_eq!(std::fs::read(&path).unwrap(), newest);
}

#[test]
fn a_policy_about_emails_needs_a_webhook_that_may_read_them() {
    let mut world = World::sample();
    world.webhook.scopes = vec!["bizproc".to_owned(), "user_brief".to_owned()];
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    std::fs::write(
        desk.folder().join("policy.toml"),
        "[protect]\nemails = [\"boss@example.com\"]\n",
    )
    .unwrap();
    let ended = check(&desk, &["--policy", "policy.toml", "--json"]).expect(7);
    assert_eq!(amiss(&ended), ["scopes failure"]);
}

#[test]
fn several_failures_are_all_told_and_the_code_is_the_one_that_counts() {
    let mut world = World::sample();
    world.webhook.administrator = false;
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    let policy = desk.folder().join("policy.toml");
    std::fs::write(&policy, "shared = \"maybe\"\n").unwrap();
    let ended = check(&desk, &["--policy", "policy.toml"]).expect(2);
    insta::assert_snapshot!("check_several", steady(&ended, &desk, &portal.host()));
}

#[test]
fn a_run_that_has_the_portal_is_a_warning_and_keeps_its_level() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    desk.plan(&desk.roster(HOW_TO), "terminate");
    let path = desk
        .database()
        .with_file_name("locks")
        .join(format!("{}.lock", portal.host()));
    let lock = Lock::take(&path).unwrap();
    lock.write(&format!("40.000 {}\n", chrono::Utc::now().to_rfc3339()));
    let before = lock.read();
    let ended = desk
        .run(&["check", "--json", "--rate", "0.2", "--burst", "45"])
        .expect(0);
    assert_eq!(amiss(&ended), ["requests warning", "other-run warning"]);
    assert_eq!(lock.read(), before);
}

#[test]
fn the_requests_that_are_left_are_those_that_a_plan_before_it_left() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let roster = desk.roster(HOW_TO);
    desk.run(&["plan", &roster, "--action", "terminate", "--rate", "0.2"])
        .expect(0);
    let ended = desk.run(&["check", "--json", "--rate", "0.2"]).expect(0);
    let requests = ended.json()["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["check"] == "requests")
        .unwrap()["message"]
        .as_str()
        .unwrap()
        .to_owned();
    let left: usize = requests.split(' ').next().unwrap().parse().unwrap();
    let sent = portal.requests().len();
    // What drains in the few seconds of a test is one request at most.
    assert!((45 - sent..=46 - sent).contains(&left), "{requests}, {sent} sent");
}
