//! `audit log`: what people read of the journal, which events a search finds, and what scripts get.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::ops::ControlFlow;
use std::process::Stdio;
use std::sync::Arc;

use offboard24::clock::SystemClock;
use offboard24::journal::{Entry, Envelope, Event, HeadMissing, Journal, Logged, Recorded, Search, Stamp};
use offboard24::report::words::{self, Shown};
use offboard24::sandbox::World;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Desk, Ended, Portal, Scene, behaving};

/// Marta waits in a workflow alone, and in one with a colleague; Daniel and Hannah wait in one, whose answer is lost, and Hannah in another; of
/// John Smiths there are two; and Zoe is unknown.
const ROSTER: &str = "email,first_name,last_name,note\n\
    marta.lindqvist@example.com,Marta,Lindqvist,\n\
    daniel.okafor@example.com,Daniel,Okafor,\"back in May, perhaps\"\n\
    hannah.weiss@example.com,Hannah,Weiss,\n\
    ,John,Smith,\n\
    zoe.unknown@example.com,Zoe,Unknown,\n";

fn finished() -> (Portal, Desk) {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(ROSTER), "kill");
    portal.inject("lost-answer@destroy:2");
    desk.apply(&plan).expect(4);
    (portal, desk)
}

/// The log in words, searched like this.
fn log(desk: &Desk, search: &[&str]) -> String {
    desk.run(&[&["audit", "log"], search].concat()).expect(0).stdout
}

/// The log as JSON, searched like this.
fn lines(desk: &Desk, search: &[&str]) -> Vec<Value> {
    let lines = desk
        .run(&[&["audit", "log", "--json-lines"], search].concat())
        .expect(0);
    lines
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// How often each kind occurs.
fn kinds(lines: &[Value]) -> BTreeSet<&str> {
    lines
        .iter()
        .map(|line| line["event"]["kind"].as_str().unwrap())
        .collect()
}

/// Without what differs from one time and machine to another.
fn steady(log: &str, desk: &Desk, portal: &Portal) -> String {
    let story = desk.story();
    let started = story.iter().find(|event| event["kind"] == "run_started").unwrap();
    let of = |field: &str| started["data"][field].as_str().unwrap();
    let log = log
        .replace(&portal.host(), "PORTAL")
        .replace("ms behind", "ms ahead")
        .replace(&format!("{} on {}", of("os_user"), of("host")), "WHO on HOST");
    let is_hex = |word: &str| word.len() >= 8 && word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let line = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let steady = words.iter().enumerate().map(|(place, word)| {
            let (bare, mark) = word.split_at(word.trim_end_matches([')', ',', ';']).len());
            let next = words.get(place + 1).copied().unwrap_or_default();
            let bare = match bare.rsplit_once([':', '/']) {
                _ if bare.len() == 24 && bare.ends_with('Z') => "TIME",
                _ if is_hex(bare) => "HEX",
                _ if bare.matches('+').count() > 1 => "KEY",
                Some((_, hash)) if is_hex(hash) => "PORTAL AND HEX",
                _ if next == "ms" || place > 0 && words[place - 1] == "process" => "N",
                _ => bare,
            };
            format!("{bare}{mark}")
        });
        steady.collect::<Vec<_>>().join(" ")
    };
    log.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_whole_job_in_words() {
    let (portal, desk) = finished();
    let log = log(&desk, &[]);
    assert_eq!(log.lines().count(), desk.story().len());
    insta::assert_snapshot!("log", steady(&log, &desk, &portal));
}

/// A commitment, shown as its first digit.
fn sealed(digit: char) -> Value {
    json!(format!("sha256:{}", digit.to_string().repeat(64)))
}

#[test]
fn what_a_usual_job_does_not_see_in_words() {
    let operator = json!({"os_user": "ann", "login_user": "bob", "host": "pc7"});
    let events = [
        json!({"kind": "run_abandoned", "data": {"abandoned": 3, "in_doubt": 1}}),
        json!({"kind": "run_finished", "data": {"stop_reason": "signal", "actions": [["planned", 4], ["sent", 0]]}}),
        json!({"kind": "run_finished", "data": {"stop_reason": null, "actions": []}}),
        json!({"kind": "row_resolved", "data": {"row": 4, "state": "duplicate", "reason": null, "user": 7, "same_as": 2, "candidates": [7]}}),
        json!({"kind": "discovery_restarted", "data": {}}),
        json!({"kind": "action_planned", "data": {"action": 1, "workflow": "w1", "do": null, "people": [7], "participants": [7, 9],
            "holds": ["conflict", "shared"]}}),
        json!({"kind": "attempt_intended", "data": {"action": 1, "attempt": 2, "do": "terminate", "workflow": "w1", "key": "a1",
            "waiting": [], "rechecked_ms_ago": 12}}),
        json!({"kind": "attempt_answered", "data": {"action": 1, "attempt": 2, "answer": "refused", "code": "ERROR_CORE", "text": sealed('1')}}),
        json!({"kind": "attempt_answered", "data": {"action": 1, "attempt": 2, "answer": "not_executed", "code": null, "text": null}}),
        json!({"kind": "action_returned", "data": {"action": 1, "attempt": 2, "why": "not_executed"}}),
        json!({"kind": "action_returned", "data": {"action": 1, "attempt": 2, "why": "still_listed"}}),
        json!({"kind": "action_ended", "data": {"action": 1, "outcome": "drifted", "attempt": null, "listed": true,
            "detail": "somebody new waits in it", "waiting": [7, 9]}}),
        json!({"kind": "action_reopened", "data": {"action": 1, "outcome": "failed", "reason": sealed('2')}}),
        json!({"kind": "paused", "data": {"reason": "operating time", "method": "batch", "wait_ms": 60000}}),
        json!({"kind": "residue_recorded", "data": {"workflow": "w1", "tasks": 2}}),
        json!({"kind": "job_closed", "data": {"actions": [["confirmed", 2]], "relisted": ["w1", "w2"]}}),
        json!({"kind": "signing_key_recorded", "data": {"origin": "acme.bitrix24.com/0f", "key": "acme.bitrix24.com/0f+00+AA"}}),
        json!({"kind": "signing_key_rotated", "data": {"key": "n+01+AB", "replaces": "n+00+AA", "operator": operator}}),
        json!({"kind": "head_missing", "data": {"checkpoint": 120}}),
        json!({"kind": "clock_set_back", "data": {"by_ms": 4000}}),
        json!({"kind": "personal_redacted", "data": {"user": 7, "rows": [[1, 2]], "also": ["a"], "values": 6,
            "operator": {"os_user": "ann", "login_user": null, "host": "pc7"}, "reason": sealed('3')}}),
        json!({"kind": "redaction_finished", "data": {"redaction": 130}}),
    ];
    let show = |recorded: &Recorded| Shown::Text(format!("value {}", &recorded.commitment().unwrap()[..1]));
    let sentences = events.into_iter().map(|event| {
        let mut body = json!({"prev": null, "at": "", "monotonic_ms": 0, "run": null, "job": null, "requests": 0});
        body.as_object_mut()
            .unwrap()
            .append(&mut event.as_object().unwrap().clone());
        let envelope = Envelope::read(&body.to_string()).unwrap();
        words::sentence(&envelope.event, &show)
    });
    insta::assert_snapshot!("log_unusual", sentences.collect::<Vec<_>>().join("\n"));
}

#[test]
fn each_line_for_scripts_holds_the_event_as_it_was_hashed_and_its_values() {
    let (_portal, desk) = finished();
    let lines_read = desk.run(&["audit", "log", "--json-lines"]).expect(0).stdout;
    let bodies = desk.journal().view().bodies().unwrap();
    assert_eq!(lines_read.lines().count(), bodies.len());
    let mut prev = Value::Null;
    for ((number, line), body) in lines_read.lines().enumerate().zip(&bodies) {
        assert!(line.contains(body.as_str()), "{line}");
        let line: Value = serde_json::from_str(line).unwrap();
        let digest = Sha256::digest([b"\0", body.as_bytes()].concat());
        let leaf = digest
            .iter()
            .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        assert_eq!((&line["seq"], &line["leaf"]), (&json!(number), &json!(leaf)));
        assert_eq!(line["event"]["prev"], prev);
        prev = line["leaf"].clone();
        for commitment in line["values"].as_object().unwrap().keys() {
            assert!(body.contains(&format!("\"sha256:{commitment}\"")));
        }
        assert_eq!(
            line["values"].as_object().unwrap().len(),
            body.matches("\"sha256:").count()
        );
    }
    let marta = lines(&desk, &["--kind", "row_read"]);
    let email = marta[0]["event"]["data"]["email"].as_str().unwrap();
    assert_eq!(
        marta[0]["values"][&email["sha256:".len()..]],
        "marta.lindqvist@example.com"
    );
}

#[test]
fn a_search_finds_by_kind_workflow_run_and_job_what_fits_all_of_them() {
    let (_portal, desk) = finished();
    let planned = lines(&desk, &["--kind", "action_planned,plan_frozen", "--kind", "job_closed"]);
    assert_eq!(
        kinds(&planned),
        BTreeSet::from(["action_planned", "plan_frozen", "job_closed"])
    );
    let of_action = planned
        .iter()
        .find(|line| line["event"]["data"]["action"] == 3)
        .unwrap();
    let workflow = of_action["event"]["data"]["workflow"].as_str().unwrap();

    let story = lines(&desk, &["--workflow", workflow]);
    // Its answer was lost, and nothing that happened to its action names the workflow.
    let happened = [
        "action_planned",
        "attempt_intended",
        "attempt_answered",
        "action_ended",
        "task_recorded",
        "workflow_recorded",
    ];
    assert!(kinds(&story).is_superset(&BTreeSet::from(happened)), "{story:?}");
    assert!(story.iter().all(|line| {
        let data = &line["event"]["data"];
        data["workflow"] == workflow || data["action"] == 3
    }));
    let ended = lines(&desk, &["--workflow", workflow, "--kind", "action_ended"]);
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0]["event"]["data"]["outcome"], "presumed");

    let runs = [
        lines(&desk, &["--run", "1"]),
        lines(&desk, &["--run", "2", "--job", "1"]),
    ];
    assert!(kinds(&runs[0]).contains("plan_frozen") && !kinds(&runs[0]).contains("attempt_intended"));
    assert!(kinds(&runs[1]).contains("attempt_intended") && !kinds(&runs[1]).contains("plan_frozen"));
    let all = lines(&desk, &[]);
    let outside = all.iter().filter(|line| line["event"]["run"].is_null()).count();
    assert_eq!(runs[0].len() + runs[1].len() + outside, all.len());
}

#[test]
fn a_long_record_is_told_from_its_first_event_to_its_last_each_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(&folder.path().join("audit.db"), Arc::new(SystemClock)).unwrap();
    // With the first, which the database makes of itself: twice as many as are read at a time, and one more.
    let events = (1..=1000).map(|checkpoint| Entry::own(Event::HeadMissing(HeadMissing { checkpoint })));
    journal.append(Stamp::default(), events).unwrap();
    let mut told = Vec::new();
    let take = |logged: &Logged| {
        told.push(logged.seq);
        if told.len() > 1001 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    journal.view().each_event(&Search::default(), take).unwrap();
    assert!(told.into_iter().eq(0..=1000));
}

#[test]
fn a_search_for_a_person_finds_their_rows_their_account_and_what_became_of_what_waited_for_them() {
    let (_portal, desk) = finished();
    let by_id = lines(&desk, &["--person", "31"]);
    assert_eq!(by_id, lines(&desk, &["--person", "  Marta.Lindqvist@EXAMPLE.com"]));
    let expected = [
        "row_read",
        "user_recorded",
        "row_resolved",
        "task_recorded",
        "user_discovered",
        "action_planned",
        "attempt_intended",
        "attempt_answered",
        "action_ended",
    ];
    assert!(
        kinds(&by_id).is_superset(&BTreeSet::from(expected)),
        "{:?}",
        kinds(&by_id)
    );
    let text = log(&desk, &["--person", "31"]);
    assert!(
        text.contains("Marta") && !text.contains("Okafor") && !text.contains("Smith"),
        "{text}"
    );
    // Considered for a row that was not resolved, waiting in a workflow that is held, on the roster and nowhere else.
    assert!(log(&desk, &["--person", "36"]).contains("considered: 36, 37"));
    assert!(log(&desk, &["--person", "2"]).contains("held (shared)"));
    let zoe = lines(&desk, &["--person", "zoe.unknown@example.com"]);
    assert_eq!(kinds(&zoe), BTreeSet::from(["row_read", "row_resolved"]));
    // The webhook's owner, and who started a workflow.
    assert!(kinds(&lines(&desk, &["--person", "1"])).contains("run_started"));
    assert!(
        lines(&desk, &["--person", "2"])
            .iter()
            .any(|line| line["event"]["data"]["started_by"] == 2)
    );
}

#[test]
fn a_search_by_time_takes_the_first_moment_and_not_the_last_and_all_of_a_day() {
    let (_portal, desk) = finished();
    let all = lines(&desk, &[]);
    let at = |line: &Value| line["event"]["at"].as_str().unwrap().to_owned();
    let middle = at(&all[all.len() / 2]);
    let (before, after) = (lines(&desk, &["--until", &middle]), lines(&desk, &["--since", &middle]));
    assert_eq!([before.as_slice(), &after].concat(), all);
    assert_eq!(at(&after[0]), middle);
    assert!(before.iter().all(|line| at(line) < middle));
    // The same moment on another clock.
    let elsewhere = chrono::DateTime::parse_from_rfc3339(&middle).unwrap();
    let elsewhere = elsewhere
        .with_timezone(&chrono::FixedOffset::east_opt(3 * 3600).unwrap())
        .to_rfc3339();
    assert_eq!(lines(&desk, &["--since", &elsewhere]), after);
    let (first_day, last_day) = (at(&all[0])[..10].to_owned(), at(all.last().unwrap())[..10].to_owned());
    assert_eq!(lines(&desk, &["--since", &first_day, "--until", &last_day]), all);
    let none = desk.run(&["audit", "log", "--until", "2020-01-01"]).expect(0);
    assert_eq!((none.stdout.as_str(), none.stderr.as_str()), ("", "no event fits\n"));
}

#[test]
fn what_cannot_be_searched_for_is_refused_with_what_can() {
    let (_portal, desk) = finished();
    let refused = |arguments: &[&str]| -> Ended { desk.run(&[&["audit", "log"], arguments].concat()).expect(2) };
    let unknown = refused(&["--kind", "row_read,nonsense"]);
    assert!(
        unknown.stderr.contains("nonsense") && unknown.stderr.contains("attempt_intended"),
        "{}",
        unknown.stderr
    );
    assert!(refused(&["--since", "yesterday"]).stderr.contains("2026-11-22"));
    assert!(
        refused(&["--workflow", "no such id"])
            .stderr
            .contains("cannot be a workflow id")
    );
    assert!(refused(&["--job", "2"]).stderr.contains("there is no job 2"));
    assert!(
        refused(&["--person", "nobody@example.com"])
            .stderr
            .contains("nobody on record")
    );
    let object = refused(&["--json"]);
    assert_eq!(object.json()["error"]["next"], "offboard24 audit log --json-lines");
    refused(&["--json", "--json-lines"]);
}

#[test]
fn an_erased_value_reads_erased_and_is_null_for_scripts() {
    let (_portal, desk) = finished();
    let db = rusqlite::Connection::open(desk.database()).unwrap();
    db.execute(
        "UPDATE personal SET salt = NULL, value = NULL WHERE value = 'Lindqvist'",
        [],
    )
    .unwrap();
    drop(db);
    let words = log(&desk, &["--kind", "user_recorded", "--person", "31"]);
    assert!(
        words.contains("user 31 (Marta erased marta.lindqvist@example.com)"),
        "{words}"
    );
    let lines = lines(&desk, &["--kind", "user_recorded", "--person", "31"]);
    let values: Vec<&Value> = lines[0]["values"].as_object().unwrap().values().collect();
    assert_eq!(values.len(), 3);
    assert_eq!(values.iter().filter(|value| value.is_null()).count(), 1);
}

#[test]
fn a_title_cannot_drive_the_terminal_that_the_log_is_read_on() {
    let mut world = World::sample();
    let workflow = world.start_workflow(31, "1");
    world.ask(&workflow, "\u{1b}[2J\u{9b}31m\u{202e}gpj\r\nforged line", &[31]);
    let portal = behaving(world, |_| {});
    let desk = Desk::at(&portal);
    desk.plan(&desk.roster(ROSTER), "kill");
    let log = log(&desk, &[]);
    assert_eq!(log.lines().count(), desk.story().len());
    assert!(
        log.contains("forged line")
            && !log.contains(|c: char| c.is_control() && c != '\n')
            && !log.contains('\u{202e}')
    );
}

#[test]
fn whoever_reads_the_log_may_stop_at_any_line() {
    let (_portal, desk) = finished();
    let mut child = desk
        .command(&["audit", "log"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    assert!(first.contains("made by offboard24"), "{first}");
    let ended = desk.wait(child).expect(0);
    assert_eq!(ended.stderr, "");
}

#[test]
fn an_event_that_says_less_than_it_has_to_is_damage_and_no_fault_of_the_program() {
    let scene = Scene::finished();
    let seq = scene.first("action_ended");
    scene.force_sql(&format!(
        "UPDATE event SET body = json_remove(body, '$.requests') WHERE seq = {seq}"
    ));
    let database = scene.database();
    let ended = Desk::with_webhook("")
        .run(&["audit", "log", "--db", database.to_str().unwrap()])
        .expect(6);
    assert!(ended.stderr.contains("Nothing is done with it"), "{}", ended.stderr);
    assert!(ended.stderr.contains("keep the file as evidence"), "{}", ended.stderr);
}
