//! Rosters, policies and webhook files that cannot be read: code 2, nothing asked, no job.

use offboard24::sandbox::World;

use super::database::{Nobody, set_mode};
use super::{HOW_TO, refusal, run};
use crate::support::{Desk, Portal};

#[test]
fn a_roster_that_cannot_be_read_is_named_and_nothing_is_asked() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    std::fs::create_dir(desk.folder().join("folder.csv")).unwrap();
    let unreadable = "name a CSV file that this user can read";
    for (roster, part) in [("absent.csv", "No such file"), ("folder.csv", "Is a directory")] {
        let ended = desk.run(&["plan", roster, "--action", "kill", "--json"]);
        refusal(
            2,
            "usage",
            &["the roster", "cannot be read", "Nothing was asked"],
            unreadable,
        )
        .check(&ended);
        assert!(
            ended.stderr.contains(part) && ended.stderr.contains(roster),
            "{}",
            ended.stderr
        );
    }
    for (text, part) in [
        ("", "empty"),
        ("\n\n \n", "empty"),
        ("\u{feff}", "empty"),
        ("id\n", "no row"),
    ] {
        let ended = desk.run(&["plan", &desk.roster(text), "--action", "kill", "--json"]);
        refusal(
            2,
            "roster",
            &["the roster cannot be used; nothing was asked"],
            "correct the file",
        )
        .check(&ended);
        assert!(ended.stderr.contains(part), "{text:?}: {}", ended.stderr);
    }
    assert!(portal.requests().is_empty());
    assert!(!desk.database().exists(), "not even a database was made");
    desk.run(&["plan", &desk.roster(HOW_TO), "--action", "kill"]).expect(0);
}

#[test]
fn a_roster_a_policy_and_a_webhook_file_of_somebody_else_are_refused_until_they_may_be_read() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let nobody = Nobody::at(&desk);
    let roster = desk.roster(HOW_TO);
    let policy = desk.folder().join("policy.toml");
    let webhook = desk.folder().join("webhook");
    std::fs::write(&policy, "").unwrap();
    std::fs::write(&webhook, "").unwrap();
    let (policy, webhook) = (policy.to_str().unwrap(), webhook.to_str().unwrap());
    let plan = ["plan", &roster, "--action", "kill", "--json"];
    for (file, arguments, said, next) in [
        (
            roster.as_str(),
            &[][..],
            "the roster",
            "name a CSV file that this user can read",
        ),
        (
            policy,
            &["--policy", policy][..],
            "the policy",
            "name a policy file that this user can read",
        ),
        (
            webhook,
            &["--webhook-file", webhook][..],
            "the webhook file",
            "put the webhook's URL, and nothing else",
        ),
    ] {
        nobody.owns(&desk);
        set_mode(file, 0o000);
        let ended = run(&desk, &mut nobody.command(&desk, &[&plan[..], arguments].concat()));
        refusal(
            2,
            "usage",
            &["cannot be read: Permission denied", "Nothing was asked"],
            next,
        )
        .check(&ended);
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
        set_mode(file, 0o600);
    }
    assert!(portal.requests().is_empty());
    run(&desk, &mut nobody.command(&desk, &plan)).expect(0);
}

#[test]
fn a_webhook_can_come_from_standard_input_and_an_empty_one_is_refused() {
    use std::io::Write as _;
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let roster = desk.roster(HOW_TO);
    let with = |text: &str| {
        let mut command = desk.command(&["plan", &roster, "--action", "kill", "--json", "--webhook-file", "-"]);
        command
            .env_remove("OFFBOARD24_WEBHOOK")
            .stdin(std::process::Stdio::piped());
        let mut child = super::start(&mut command);
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        desk.wait(child)
    };
    let ended = with("");
    refusal(
        2,
        "usage",
        &["the webhook is not a URL of the form"],
        "copy the URL from the webhook's page",
    )
    .check(&ended);
    assert!(portal.requests().is_empty());
    with(&format!("{}\n", portal.url())).expect(0);
}
