//! `audit prove`: one workflow's records with proof, nobody else's data, and nothing in it that could be changed unnoticed.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use offboard24::journal::bundle::{Bundle, Extension, FORMAT, Flaw, FlawKind, Kept, Record};
use offboard24::journal::note::{Checkpoint, Note, Proof, SigningKey, VerifyingKey};
use offboard24::journal::receipt::Receipt;
use offboard24::journal::tree::{Hash, Proofs, Tree};
use offboard24::sandbox::World;
use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Desk, Portal};

/// Marta waits in two workflows, in one of them beside a colleague; Daniel and Hannah in one, Hannah in another.
const ROSTER: &str = "email\nmarta.lindqvist@example.com\ndaniel.okafor@example.com\nhannah.weiss@example.com\n";

fn finished() -> (Portal, Desk) {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(ROSTER), "kill");
    desk.apply(&plan).expect(4);
    (portal, desk)
}

/// The workflow of the action with this number.
fn workflow(desk: &Desk, action: u64) -> String {
    let story = desk.story();
    let planned = story
        .iter()
        .find(|event| event["kind"] == "action_planned" && event["data"]["action"] == action);
    planned.unwrap()["data"]["workflow"].as_str().unwrap().to_owned()
}

/// The proof about the workflow of an action, as text and read.
fn proven(desk: &Desk, action: u64, more: &[&str]) -> (String, Bundle) {
    let workflow = workflow(desk, action);
    let arguments = [&["audit", "prove", workflow.as_str()], more].concat();
    let text = desk.run(&arguments).expect(0).stdout;
    let bundle = Bundle::parse(&text).unwrap();
    (text, bundle)
}

fn flaws(bundle: &Bundle) -> Vec<Flaw> {
    bundle.check(None, &[]).flaws
}

fn leaf(body: &str) -> Hash {
    Sha256::digest([b"\0", body.as_bytes()].concat()).into()
}

fn key_of(desk: &Desk) -> VerifyingKey {
    let story = desk.story();
    let recorded = story
        .iter()
        .find(|event| event["kind"] == "signing_key_recorded")
        .unwrap();
    recorded["data"]["key"].as_str().unwrap().parse().unwrap()
}

/// The receipt of a run: its file, and its checkpoint.
fn receipt(desk: &Desk, run: u32) -> (String, Note) {
    let database = desk.journal().view().database().unwrap();
    let path = desk
        .folder()
        .join(format!("state/offboard24/heads/{database}-run-{run}.receipt"));
    let note = Receipt::parse(&std::fs::read_to_string(&path).unwrap()).unwrap().note;
    (path.to_str().unwrap().to_owned(), note)
}

#[test]
fn a_proof_tells_the_whole_story_of_one_workflow_to_whoever_has_the_key() {
    let (_portal, desk) = finished();
    let (text, bundle) = proven(&desk, 3, &[]);
    assert!(Bundle::is_one(&text) && !Bundle::is_one("SQLite format 3"));
    let verdict = bundle.check(Some(&key_of(&desk)), &[]);
    assert_eq!(verdict.flaws, []);
    assert!(verdict.key_known && !bundle.check(None, &[]).key_known);
    assert_eq!(verdict.records.len(), bundle.records.len());
    let story: Vec<Value> = bundle
        .records
        .iter()
        .map(|record| serde_json::from_str(&record.body).unwrap())
        .collect();
    let kinds: BTreeSet<&str> = story.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    let expected = [
        "database_created",
        "signing_key_recorded",
        "run_started",
        "job_created",
        "user_recorded",
        "task_recorded",
        "workflow_recorded",
        "action_planned",
        "plan_frozen",
        "plan_confirmed",
        "attempt_intended",
        "attempt_answered",
        "action_ended",
        "job_closed",
        "run_finished",
    ];
    assert_eq!(kinds, BTreeSet::from(expected));
    // Its own and nobody else's, and all of its own.
    let all = desk.story();
    let of_others = |event: &Value| {
        let data = &event["data"];
        let action = data["action"].as_u64().is_some_and(|action| action != 3);
        action || data["workflow"].as_str().is_some_and(|id| id != workflow(&desk, 3))
    };
    assert!(!story.iter().any(of_others));
    let own = |events: &[Value]| events.iter().filter(|event| event["data"]["action"] == 3).count();
    assert_eq!(own(&story), own(&all));
    // Each proof stands alone, for any tool that knows the format.
    for record in &bundle.records {
        let proof = Proof::parse(&record.proof).unwrap();
        let checkpoint = proof.check(&leaf(&record.body), &key_of(&desk)).unwrap();
        assert_eq!(checkpoint.size, all.len() as u64);
    }
}

#[test]
fn the_values_of_the_workflows_own_people_are_shown_and_other_peoples_are_nowhere() {
    let (_portal, desk) = finished();
    let db = Connection::open(desk.database()).unwrap();
    let mut all = db
        .prepare("SELECT value, user FROM personal WHERE value IS NOT NULL")
        .unwrap();
    let all: Vec<(String, Option<u32>)> = all
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    // Marta alone; Marta, where a colleague waits too; Daniel and Hannah.
    for (action, people) in [(1, vec![31]), (2, vec![31]), (3, vec![32, 33])] {
        let (text, bundle) = proven(&desk, action, &[]);
        let shown: BTreeSet<&str> = bundle
            .records
            .iter()
            .flat_map(|record| record.values.values())
            .map(|revealed| revealed.value.as_str())
            .collect();
        for (value, user) in &all {
            let is_theirs = user.is_some_and(|user| people.contains(&user));
            let is_name = value.contains('@')
                || matches!(
                    value.as_str(),
                    "Marta" | "Lindqvist" | "Daniel" | "Okafor" | "Hannah" | "Weiss"
                );
            if is_theirs && is_name {
                assert!(shown.contains(value.as_str()), "{value} is missing in {action}");
            } else if !shown.contains(value.as_str()) {
                // The roster's columns are in the clear nowhere; a word such as `email` is a name of ours too.
                assert!(
                    value == "email" || !text.contains(value.as_str()),
                    "{value} is in {action}"
                );
            }
            if !is_theirs && user.is_some() {
                assert!(!is_name || !text.contains(value.as_str()), "{value} is in {action}");
            }
        }
        for record in &bundle.records {
            let event: Value = serde_json::from_str(&record.body).unwrap();
            let is_theirs = event["data"]["user"]
                .as_u64()
                .is_none_or(|user| people.iter().any(|person| u64::from(*person) == user));
            assert!(is_theirs || record.values.is_empty(), "{event}");
        }
        assert!(
            shown
                .iter()
                .any(|value| value.starts_with("Approve") || value.starts_with("Check")),
            "{shown:?}"
        );
    }
}

#[test]
fn an_erased_value_is_not_shown_and_the_proof_holds_without_it() {
    let (_portal, desk) = finished();
    assert!(proven(&desk, 1, &[]).0.contains("Lindqvist"));
    let db = Connection::open(desk.database()).unwrap();
    db.execute("UPDATE personal SET salt = NULL, value = NULL WHERE user = 31", [])
        .unwrap();
    drop(db);
    let (text, bundle) = proven(&desk, 1, &[]);
    assert_eq!(flaws(&bundle), []);
    assert!(!text.contains("Lindqvist") && !text.contains("trip to Lyon"));
}

#[test]
fn with_a_receipt_it_is_shown_that_the_receipts_history_is_the_beginning_of_this_one() {
    let (_portal, desk) = finished();
    let (file, kept) = receipt(&desk, 2);
    desk.plan(&desk.roster(ROSTER), "kill");
    let (_, bundle) = proven(&desk, 1, &["--receipt", &file]);
    let verdict = bundle.check(None, std::slice::from_ref(&kept));
    assert_eq!(verdict.flaws, []);
    let size = Checkpoint::parse(&kept.text).unwrap().size;
    assert_eq!(verdict.receipt, Some(size));
    // A kept checkpoint may also be the newest itself.
    let newest = Note::parse(&bundle.checkpoint).unwrap();
    assert_eq!(
        bundle.check(None, &[newest, kept.clone()]).kept,
        [Kept::Agrees(desk.story().len() as u64), Kept::Agrees(size)]
    );
    let (_, without) = proven(&desk, 1, &[]);
    let verdict = without.check(None, std::slice::from_ref(&kept));
    assert_eq!((verdict.flaws, verdict.kept), (vec![], vec![Kept::NotCompared(size)]));
    // Nor is the proof of another history accepted, or of another size.
    let mut changed = bundle.clone();
    changed.receipt.as_mut().unwrap().hashes.pop();
    assert_eq!(flaws(&changed)[0].kind, FlawKind::Receipt);

    // The copy of an older state does not know what the receipt knows; another database knows nothing of it.
    let (_portal, other) = finished();
    let workflow = workflow(&other, 1);
    let refused = other.run(&["audit", "prove", &workflow, "--receipt", &file]).expect(6);
    assert!(refused.stderr.contains("another database"), "{}", refused.stderr);
    let refused = desk
        .run(&["audit", "prove", &workflow, "--receipt", "roster.csv"])
        .expect(2);
    assert!(
        refused.stderr.contains("cannot be used as a receipt"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_receipt_that_knows_more_than_the_journal_is_refused() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(ROSTER), "kill");
    let older = desk.folder().join("older.db");
    std::fs::copy(desk.database(), &older).unwrap();
    desk.apply(&plan).expect(4);
    let (file, _) = receipt(&desk, 2);
    let id = workflow(&desk, 1);
    let refused = desk.run(&[
        "audit",
        "prove",
        &id,
        "--receipt",
        &file,
        "--db",
        older.to_str().unwrap(),
    ]);
    let refused = refused.expect(6);
    assert!(refused.stderr.contains("it knows events that"), "{}", refused.stderr);
}

#[test]
fn a_file_is_written_once_for_its_owner_alone_and_never_over_another() {
    let (_portal, desk) = finished();
    let id = workflow(&desk, 1);
    let written = desk
        .run(&["audit", "prove", &id, "-o", "proof.json", "--json"])
        .expect(0)
        .json();
    let file = desk.folder().join("proof.json");
    let bundle = Bundle::parse(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(flaws(&bundle), []);
    assert_eq!(written["records"], bundle.records.len());
    assert_eq!((&written["uncovered"], &written["workflow"]), (&json!(0), &json!(id)));
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    desk.run(&["audit", "prove", &id, "-o", "proof.json"]).expect(2);
    // A link that leads nowhere is something, too, and so is the unfinished file of somebody else.
    std::os::unix::fs::symlink("nowhere.json", desk.folder().join("link.json")).unwrap();
    let refused = desk.run(&["audit", "prove", &id, "-o", "link.json"]).expect(2).stderr;
    assert!(refused.contains("nothing is written over it"), "{refused}");
    std::fs::remove_file(desk.folder().join("link.json")).unwrap();
    std::fs::write(desk.folder().join("again.json.new"), "somebody's").unwrap();
    desk.run(&["audit", "prove", &id, "-o", "again.json"]).expect(0);
    let kept = std::fs::read_to_string(desk.folder().join("again.json.new")).unwrap();
    assert_eq!(kept, "somebody's");
    desk.run(&["audit", "prove", &id, "-o", desk.database().to_str().unwrap()])
        .expect(2);
    let nowhere = desk
        .run(&["audit", "prove", &id, "-o", "no/such/folder/proof.json"])
        .expect(2);
    assert!(nowhere.stderr.contains("cannot be written"), "{}", nowhere.stderr);
    let object = desk.run(&["audit", "prove", &id, "--json"]).expect(0).json();
    assert_eq!(Bundle::parse(&object.to_string()).unwrap(), bundle);
    let unknown = desk
        .run(&["audit", "prove", "67a2ffdb2c57a3.35276854", "--json"])
        .expect(2)
        .json();
    assert_eq!(unknown["error"]["kind"], "no-workflow");
}

#[test]
fn nothing_is_proven_from_a_journal_that_does_not_fit_its_checkpoint_or_has_none() {
    let (_portal, desk) = finished();
    let id = workflow(&desk, 1);
    let damaged = |sql: &str| {
        let copy = desk.folder().join("copy.db");
        std::fs::copy(desk.database(), &copy).unwrap();
        let db = Connection::open(&copy).unwrap();
        let triggers = "DROP TRIGGER event_is_not_updated; DROP TRIGGER event_is_not_deleted; DROP TRIGGER checkpoint_is_not_deleted;
            DROP TRIGGER checkpoint_is_not_updated; DROP TRIGGER personal_is_only_erased;";
        db.execute_batch(&format!("{triggers} {sql}")).unwrap();
        drop(db);
        desk.run(&["audit", "prove", &id, "--json", "--db", copy.to_str().unwrap()])
            .expect(6)
            .json()["error"]["kind"]
            .clone()
    };
    for sql in [
        "UPDATE event SET body = replace(body, '\"do\":\"kill\"', '\"do\":\"terminate\"') WHERE kind = 'action_planned'",
        "UPDATE event SET leaf = zeroblob(32) WHERE seq = 3",
        "DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)",
        "UPDATE checkpoint SET note = replace(note, '=', 'A') WHERE size = (SELECT max(size) FROM checkpoint)",
        "UPDATE personal SET value = value || 'x' WHERE user = 31",
    ] {
        assert_eq!(damaged(sql), "damaged", "{sql}");
    }
    assert_eq!(damaged("DELETE FROM checkpoint"), "no-checkpoint");
}

#[test]
fn whoever_gets_the_file_checks_it_without_the_journal() {
    let (portal, desk) = finished();
    let (file, _) = receipt(&desk, 2);
    let id = workflow(&desk, 3);
    desk.run(&["audit", "prove", &id, "-o", "proof.json", "--receipt", &file])
        .expect(0);
    let auditor = Desk::with_webhook(&portal.url());
    let there = |name: &str| desk.folder().join(name).to_str().unwrap().to_owned();
    let key = key_of(&desk).to_string();
    let told = auditor
        .run(&[
            "audit",
            "verify",
            &there("proof.json"),
            "--key",
            &key,
            "--receipt",
            &file,
        ])
        .expect(0)
        .stdout;
    let about = [
        "action 3 ended: confirmed",
        "(Hannah Weiss hannah.weiss@example.com)",
        "signed with the key that was given",
        "is of the same history",
    ];
    for part in about {
        assert!(told.contains(part), "{part} is missing in {told}");
    }
    let object = auditor
        .run(&["audit", "verify", &there("proof.json"), "--json"])
        .expect(0)
        .json();
    assert_eq!((&object["key_known"], &object["findings"]), (&json!(false), &json!([])));
    let strangers = SigningKey::from_seed(&[9; 32])
        .verifying(key_of(&desk).name())
        .to_string();
    let refused = auditor
        .run(&["audit", "verify", &there("proof.json"), "--key", &strangers, "--json"])
        .expect(11)
        .json();
    assert_eq!(refused["findings"][0]["code"], "proof-key");

    let text = std::fs::read_to_string(there("proof.json")).unwrap();
    std::fs::write(there("changed.json"), text.replace("Hannah", "Joanna")).unwrap();
    let refused = auditor
        .run(&["audit", "verify", &there("changed.json")])
        .expect(11)
        .stdout;
    assert!(
        refused.contains("proof-value") && refused.contains("It proves nothing"),
        "{refused}"
    );
    assert!(!refused.contains("action 3 ended"), "{refused}");
    std::fs::write(there("cut.json"), &text[..text.len() / 2]).unwrap();
    let cut = auditor
        .run(&["audit", "verify", &there("cut.json"), "--json"])
        .expect(11)
        .json();
    assert_eq!(cut["error"]["kind"], "damaged");
}

#[test]
fn a_proof_made_after_two_rotations_holds_for_whoever_knows_only_the_first_key() {
    let (_portal, desk) = finished();
    let first = key_of(&desk);
    let rotate = || -> VerifyingKey {
        let made = desk.run(&["audit", "key", "rotate", "--json"]).expect(0).json();
        made["key"].as_str().unwrap().parse().unwrap()
    };
    let (second, third) = (rotate(), rotate());
    // The receipt of the last run ends with the event before the first rotation.
    let (file, _) = receipt(&desk, 2);
    desk.run(&["audit", "verify", "--receipt", &file]).expect(0);
    let (text, bundle) = proven(&desk, 1, &[]);
    for (key, is_successor) in [(&first, true), (&second, true), (&third, false)] {
        let verdict = bundle.check(Some(key), &[]);
        assert_eq!(verdict.flaws, [], "{key}");
        assert_eq!((verdict.key_known, verdict.key_is_successor), (true, is_successor));
    }
    std::fs::write(desk.folder().join("proof.json"), &text).unwrap();
    let told = desk.run(&["audit", "verify", "proof.json", "--key", &first.to_string()]);
    let expected = "signed with a key that took the place of the one that was given, with its signature";
    assert!(told.expect(0).stdout.contains(expected));

    let with = |edit: &dyn Fn(&mut Bundle), key: Option<&VerifyingKey>| {
        let mut changed = bundle.clone();
        edit(&mut changed);
        let verdict = changed.check(key, &[]);
        assert!(!verdict.key_is_successor);
        let messages = verdict
            .flaws
            .into_iter()
            .inspect(|flaw| assert_eq!(flaw.kind, FlawKind::Key));
        messages.map(|flaw| flaw.message).collect::<Vec<_>>().join("; ")
    };
    let stranger = SigningKey::from_seed(&[9; 32]).verifying(first.name());
    assert_eq!(
        with(&|_| {}, Some(&stranger)),
        "it is signed with another key than the one that was given"
    );
    // As it was made before such checkpoints went with it; and with a gap.
    let older = with(&|bundle| bundle.rotations.clear(), Some(&first));
    assert!(
        older.contains("was replaced") && older.contains("have it made once more"),
        "{older}"
    );
    for gap in [0, 1] {
        let gap = with(&|bundle| drop(bundle.rotations.remove(gap)), Some(&first));
        assert!(gap.contains("another key"), "{gap}");
    }
    // Whoever has only the new key cannot say that it took the old one's place.
    let unsigned = |bundle: &mut Bundle| {
        for rotation in &mut bundle.rotations {
            let mut note = Note::parse(&rotation.checkpoint).unwrap();
            note.signatures.remove(0);
            rotation.checkpoint = note.to_string();
        }
    };
    let unsigned = with(&unsigned, Some(&first));
    assert!(
        unsigned.contains("the key that was replaced did not sign it"),
        "{unsigned}"
    );
    let newest = bundle.rotations[1].clone();
    let beside = |bundle: &mut Bundle| {
        bundle.rotations[1].hashes = Vec::new();
        bundle.rotations[0].hashes = newest.hashes.clone();
    };
    assert_ne!(with(&beside, None), "");
    // A checkpoint that is no rotation's vouches for nothing.
    let (file, _) = receipt(&desk, 2);
    let (_, with_receipt) = proven(&desk, 1, &["--receipt", &file]);
    let usual = |bundle: &mut Bundle| bundle.rotations[0] = with_receipt.receipt.clone().unwrap();
    let usual = with(&usual, Some(&first));
    assert!(usual.contains("the event before it replaces no key"), "{usual}");
}

#[test]
fn heads_and_receipts_are_compared_with_a_proof_and_where_they_cannot_be_that_is_told() {
    let (_portal, desk) = finished();
    let (file, _) = receipt(&desk, 2);
    let head = desk.head();
    let id = workflow(&desk, 1);
    desk.run(&["audit", "prove", &id, "-o", "proof.json"]).expect(0);
    let verify = |more: &[&str], code| {
        desk.run(&[&["audit", "verify", "proof.json"], more].concat())
            .expect(code)
    };
    let agrees = verify(&["--head", head.to_str().unwrap(), "--receipt", &file], 0).stdout;
    let size = desk.story().len();
    for what in ["the head file ", "the receipt "] {
        let line = agrees.lines().find(|line| line.starts_with(what)).unwrap();
        assert!(
            line.ends_with(&format!(", over {size} events, is of the same history")),
            "{line}"
        );
    }
    // Another root at the same size, and another journal.
    let text = std::fs::read_to_string(&head).unwrap();
    let root = text.lines().nth(2).unwrap();
    std::fs::write(desk.folder().join("other"), text.replace(root, &BASE64.encode([7; 32]))).unwrap();
    let (_portal, elsewhere) = finished();
    for (other, told) in [
        (
            desk.folder().join("other"),
            "events are not those that what was given covers",
        ),
        (elsewhere.head(), "what was given is of "),
    ] {
        let differs = verify(&["--head", other.to_str().unwrap()], 11).stdout;
        assert!(differs.contains("proof-receipt") && differs.contains(told), "{differs}");
    }
    // The head went on.
    desk.plan(&desk.roster(ROSTER), "kill");
    let told = verify(&["--head", head.to_str().unwrap()], 2);
    assert!(
        told.stdout.contains("proven: ") && !told.stdout.contains("DAMAGED"),
        "{}",
        told.stdout
    );
    let expected = format!(
        "(over {} events): its own checkpoint is over {size} events",
        desk.story().len()
    );
    assert!(told.stderr.contains(&expected), "{}", told.stderr);
    let object = verify(&["--head", head.to_str().unwrap(), "--json"], 2).json();
    assert_eq!(object["error"]["kind"], "not-compared");
    assert_eq!(object["findings"], json!([]));
    verify(&["--head", "nowhere"], 2);
}

/// One proof for all that is changed below: making it is what takes time.
fn one() -> &'static (String, Bundle) {
    static ONE: std::sync::OnceLock<(String, Bundle)> = std::sync::OnceLock::new();
    ONE.get_or_init(|| {
        let (_portal, desk) = finished();
        let (file, _) = receipt(&desk, 2);
        desk.plan(&desk.roster(ROSTER), "kill");
        let (text, bundle) = proven(&desk, 1, &["--receipt", &file]);
        assert_eq!(flaws(&bundle), []);
        (text, bundle)
    })
}

proptest! {
    #[test]
    fn a_changed_byte_anywhere_is_refused(place in any::<prop::sample::Index>(), change in 1_u8..128) {
        let (text, bundle) = one();
        let mut bytes = text.clone().into_bytes();
        let at = place.index(bytes.len());
        bytes[at] ^= change;
        let Ok(changed) = String::from_utf8(bytes) else { return Ok(()) };
        // Blanks between the fields mean nothing.
        let Some(changed) = Bundle::parse(&changed).ok().filter(|changed| changed != bundle) else { return Ok(()) };
        prop_assert!(!flaws(&changed).is_empty(), "byte {at}");
    }

    #[test]
    fn a_changed_character_of_a_body_a_proof_a_value_or_a_note_is_found_where_it_is(
        record in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), field in 0..4, change in 1_u8..32,
    ) {
        let mut bundle = one().1.clone();
        let record = record.index(bundle.records.len());
        let alter = |text: &mut String| {
            let at = place.index(text.len());
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= change;
            String::from_utf8(bytes).is_ok_and(|changed| { *text = changed; true })
        };
        let own = &mut bundle.records[record];
        let seq = Some(own.seq);
        let (altered, expected) = match field {
            0 => (alter(&mut own.body), (FlawKind::Record, seq)),
            1 => (alter(&mut own.proof), (FlawKind::Record, seq)),
            2 => match own.values.values_mut().next() {
                Some(revealed) if change % 2 == 0 => (alter(&mut revealed.salt), (FlawKind::Value, seq)),
                Some(revealed) => (alter(&mut revealed.value), (FlawKind::Value, seq)),
                None => return Ok(()),
            },
            _ => (alter(&mut bundle.checkpoint), (FlawKind::Checkpoint, None)),
        };
        if altered {
            let found: Vec<_> = flaws(&bundle).iter().map(|flaw| (flaw.kind, flaw.seq)).collect();
            prop_assert!(found.contains(&expected), "{found:?} instead of {expected:?}");
        }
    }
}

#[test]
fn records_and_values_cannot_change_places() {
    let change = |edit: fn(&mut Vec<Record>)| {
        let mut bundle = one().1.clone();
        edit(&mut bundle.records);
        let kinds: BTreeSet<FlawKind> = flaws(&bundle).iter().map(|flaw| flaw.kind).collect();
        kinds
    };
    assert!(change(|records| records.swap(0, 1)).contains(&FlawKind::Record));
    assert!(change(|records| records.push(records[0].clone())).contains(&FlawKind::Record));
    assert!(change(|records| records.truncate(1)).contains(&FlawKind::Key));
    assert!(
        change(|records| {
            let body = records[2].body.clone();
            records[3].body = body;
        })
        .contains(&FlawKind::Record)
    );
    assert!(
        change(|records| {
            let from = records.iter().position(|record| !record.values.is_empty()).unwrap();
            let values = std::mem::take(&mut records[from].values);
            records[0].values = values;
        })
        .contains(&FlawKind::Value)
    );
    let mut another = one().1.clone();
    another.workflow = "67a2ffdb2c57a3.35276854".parse().unwrap();
    assert_eq!(flaws(&another)[0].kind, FlawKind::Record);
    let stranger = SigningKey::from_seed(&[9; 32]).verifying(one().1.key.parse::<VerifyingKey>().unwrap().name());
    let verdict = one().1.check(Some(&stranger), &[]);
    assert_eq!(verdict.flaws[0].kind, FlawKind::Key);
    assert!(!verdict.key_known);
}

/// A made-up history: keys at these places, and a task of the workflow at all others.
fn history(keys: &[(usize, &SigningKey)], size: usize) -> Vec<String> {
    let origin = "acme.bitrix24.com/00".parse().unwrap();
    let body = |seq: usize| {
        let key = keys
            .iter()
            .find(|(place, _)| *place == seq)
            .map(|(_, key)| key.verifying(&origin).to_string());
        let (kind, data) = match (key, seq) {
            (Some(key), 0) => ("signing_key_recorded", json!({"origin": origin.as_str(), "key": key})),
            (Some(key), _) => (
                "signing_key_rotated",
                json!({"key": key, "replaces": "", "operator": {"os_user": "ann", "login_user": null, "host": "pc7"}}),
            ),
            _ => ("residue_recorded", json!({"workflow": "w1", "tasks": seq})),
        };
        json!({"prev": null, "at": "", "monotonic_ms": 0, "run": null, "job": null, "requests": 0, "kind": kind, "data": data}).to_string()
    };
    (0..size).map(body).collect()
}

fn signed(bodies: &[String], size: usize, keys: &[&SigningKey]) -> Note {
    let mut tree = Tree::new();
    tree.extend(bodies[..size].iter().map(|body| leaf(body)));
    let checkpoint = Checkpoint {
        origin: "acme.bitrix24.com/00".parse().unwrap(),
        size: size as u64,
        root: tree.root(),
    };
    checkpoint.sign(keys)
}

#[test]
fn an_earlier_checkpoint_counts_with_the_key_that_was_in_force_and_with_no_newer_one() {
    let (old, new) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
    let bodies = history(&[(0, &old), (4, &new)], 6);
    let proofs = Proofs::new(bodies.iter().map(|body| leaf(body)).collect());
    let newest = signed(&bodies, 6, &[&new]);
    let bundle = |earlier: &Note, size: u64| Bundle {
        format: FORMAT.to_owned(),
        workflow: "w1".parse().unwrap(),
        key: new.verifying(&"acme.bitrix24.com/00".parse().unwrap()).to_string(),
        checkpoint: newest.to_string(),
        receipt: Some(Extension {
            checkpoint: earlier.to_string(),
            hashes: proofs
                .consistency(size)
                .unwrap()
                .iter()
                .map(|hash| BASE64.encode(hash))
                .collect(),
        }),
        rotations: Vec::new(),
        records: (0..6)
            .map(|seq| Record {
                seq,
                body: bodies[usize::try_from(seq).unwrap()].clone(),
                proof: Proof {
                    extra: None,
                    index: seq,
                    hashes: proofs.inclusion(seq).unwrap(),
                    checkpoint: newest.clone(),
                }
                .to_string(),
                values: std::collections::BTreeMap::new(),
            })
            .collect(),
    };
    let receipt = |size: usize, keys: &[&SigningKey]| {
        let verdict = bundle(&signed(&bodies, size, keys), size as u64).check(None, &[]);
        (verdict.flaws.is_empty(), verdict.receipt)
    };
    assert_eq!(receipt(3, &[&old]), (true, Some(3)));
    assert_eq!(receipt(4, &[&old]), (true, Some(4)));
    // Right after the rotation both sign.
    assert_eq!(receipt(5, &[&old, &new]), (true, Some(5)));
    assert_eq!(receipt(6, &[&new]), (true, Some(6)));
    // An old range signed with the newer key, a new one with the older, any with a stranger's.
    assert_eq!(receipt(3, &[&new]), (false, None));
    assert_eq!(receipt(6, &[&old]), (false, None));
    assert_eq!(receipt(3, &[&SigningKey::from_seed(&[3; 32])]), (false, None));
    // The right key on another history.
    let mut other = bodies.clone();
    other[1] = bodies[2].clone();
    let forked = bundle(&signed(&other, 3, &[&old]), 3).check(None, &[]);
    assert_eq!(forked.flaws[0].kind, FlawKind::Receipt);
}
