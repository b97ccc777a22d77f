//! What service managers and clusters run: that it can be begun again and again, and that they know every exit code.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use offboard24::exit::Exit;
use offboard24::sandbox::World;

use crate::support::{Desk, Ended, HOW_TO, Portal, number};

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// `packaging/begin-or-resume` for the nine workflows, at this webhook and under this cap.
fn begin_or_resume(desk: &Desk, webhook: &str, max_actions: &str) -> Ended {
    let program = Path::new(env!("CARGO_BIN_EXE_offboard24"));
    let roster = desk.roster(HOW_TO);
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    // Of the desk's command only the environment is taken.
    let environment = desk.command(&["status"]);
    let mut command =
        std::process::Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/begin-or-resume"));
    command
        .env_clear()
        .envs(environment.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("PATH", path)
        .env("OFFBOARD24_DB", desk.database())
        .env("OFFBOARD24_WEBHOOK", webhook)
        .args([&roster, "--action", "kill", "--max-actions", max_actions])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    desk.wait(command.spawn().unwrap())
}

#[test]
fn what_is_begun_again_begins_once_and_is_resumed_then() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    portal.inject("auth-error-401@request:1");
    // Nothing was recorded: it is begun.
    begin_or_resume(&desk, &portal.url(), "9").expect(7);
    assert!(desk.run(&["status"]).code == 2, "no job yet");
    portal.inject("kill-error-present@command:3");
    portal.inject("auth-error-401@destroy:3");
    begin_or_resume(&desk, &portal.url(), "9").expect(7);
    assert!(number(&desk.status(), "/actions/planned") > 0);
    // Under way: it is resumed, in the same job, whatever the arguments say.
    begin_or_resume(&desk, &portal.url(), "1").expect(3);
    assert_eq!(
        (
            number(&desk.status(), "/job"),
            number(&desk.status(), "/actions/confirmed")
        ),
        (1, 8)
    );
    // Complete: it stays as it is.
    let destroyed = portal.destroyed().len();
    begin_or_resume(&desk, &portal.url(), "9").expect(3);
    assert_eq!(
        (number(&desk.status(), "/job"), portal.destroyed().len()),
        (1, destroyed)
    );
    desk.assert_sound();
}

#[test]
fn what_is_over_its_cap_does_nothing_however_often_it_is_begun() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    for _ in 0..2 {
        begin_or_resume(&desk, &portal.url(), "8").expect(6);
    }
    portal.assert_untouched();
}

/// The numbers of a list such as `[1, 2]` or `1 2`.
fn numbers(list: &str) -> BTreeSet<u8> {
    list.split(|character: char| !character.is_ascii_digit())
        .filter_map(|number| number.parse().ok())
        .collect()
}

#[test]
fn a_cluster_and_a_service_know_every_exit_code() {
    let all: BTreeSet<u8> = Exit::PRECEDENCE
        .iter()
        .map(|exit| exit.code())
        .filter(|code| *code != 0)
        .collect();
    let job = read("packaging/kubernetes/job.yaml");
    let lists: Vec<BTreeSet<u8>> = job
        .lines()
        .filter_map(|line| line.trim().strip_prefix("values: "))
        .map(numbers)
        .collect();
    let [fail, again] = lists.as_slice() else {
        panic!("{lists:?}")
    };
    let rules: Vec<&str> = job
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- action: "))
        .collect();
    assert_eq!(rules, ["Ignore", "FailJob", "Count"]);
    assert!(fail.is_disjoint(again));
    assert_eq!(again, &BTreeSet::from([8, 9, 137, 143]));
    let killed = BTreeSet::from([137]);
    assert_eq!(
        fail.union(again).copied().collect::<BTreeSet<_>>(),
        all.union(&killed).copied().collect()
    );

    let service = read("packaging/systemd/offboard24@.service");
    let prevented = service
        .lines()
        .find_map(|line| line.strip_prefix("RestartPreventExitStatus="));
    let again = BTreeSet::from([8, 9]);
    assert_eq!(numbers(prevented.unwrap()), all.difference(&again).copied().collect());
}
