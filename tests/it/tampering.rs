//! Every attack against every level: exactly what is found, and where nothing can be found, that nothing is. And bytes changed at
//! random: each change is found, or the byte lies where `SQLite` keeps nothing.

use std::collections::BTreeSet;

use offboard24::journal::note::SigningKey;
use offboard24::journal::verify::{Against, verify};
use rusqlite::params;
use serde_json::json;

use crate::support::pages::Pages;
use crate::support::{Dice, Scene, leaf};

/// What is done, and what is found: by the chain alone, by checkpoints, with the head, with the receipt. What a stronger level finds
/// comes on top of what the weaker ones find.
struct Attack {
    name: &'static str,
    carry_out: fn(&Scene),
    chain: &'static [&'static str],
    checkpoints: &'static [&'static str],
    head: &'static [&'static str],
    receipt: &'static [&'static str],
}

/// The same, where only one of the levels adds something.
const NOTHING: &[&str] = &[];

const ATTACKS: &[Attack] = &[
    Attack {
        name: "edit a row",
        carry_out: |scene| edit_operator(scene, false),
        chain: &["leaf"],
        checkpoints: &["checkpoint-root"],
        head: &["head-root"],
        receipt: &["receipt-root"],
    },
    Attack {
        name: "edit a row and its hash",
        carry_out: |scene| edit_operator(scene, true),
        chain: &["chain"],
        checkpoints: &["checkpoint-root"],
        head: &["head-root"],
        receipt: &["receipt-root"],
    },
    Attack {
        name: "rewrite a suffix and recompute every hash",
        carry_out: rewrite_operator,
        chain: NOTHING,
        checkpoints: &["checkpoint-root"],
        head: &["head-root"],
        receipt: &["receipt-root"],
    },
    Attack {
        name: "insert a row at the end",
        carry_out: |scene| {
            scene.rewrite(|bodies| {
                let mut another = bodies[0].clone();
                another["at"] = bodies[bodies.len() - 1]["at"].clone();
                another["kind"] = json!("paused");
                another["data"] = json!({"reason": "forged", "method": null, "wait_ms": 1});
                bodies.push(another);
            });
        },
        chain: &["out-of-place"],
        checkpoints: &["checkpoint-missing"],
        head: NOTHING,
        receipt: NOTHING,
    },
    Attack {
        name: "insert a row in the middle",
        carry_out: |scene| {
            let at = scene.first("plan_confirmed");
            scene.rewrite(|bodies| {
                let mut another = bodies[at].clone();
                another["kind"] = json!("paused");
                another["data"] = json!({"reason": "forged", "method": null, "wait_ms": 1});
                bodies.insert(at, another);
            });
        },
        // No value is committed to behind the confirmation, and nothing else depends on a pause.
        chain: NOTHING,
        checkpoints: &["checkpoint-missing", "checkpoint-root"],
        head: &["head-root"],
        receipt: &["receipt-root", "receipt-statement"],
    },
    Attack {
        name: "delete a row",
        carry_out: |scene| {
            let at = scene.first("attempt_answered");
            scene.force_sql(&format!("DELETE FROM event WHERE seq = {at}"));
        },
        chain: &["sequence", "chain", "outcome-unfounded"],
        checkpoints: &["checkpoint-missing", "checkpoint-root", "checkpoint-beyond"],
        head: &["head-beyond"],
        receipt: &["receipt-beyond"],
    },
    Attack {
        name: "reorder two rows",
        carry_out: |scene| {
            // Of one transaction, so that no time runs backwards.
            let at = scene.first("task_recorded");
            scene.force_sql(&format!(
                "PRAGMA foreign_keys = OFF; UPDATE event SET seq = -1 WHERE seq = {at}; UPDATE event SET seq = {at} WHERE seq = {at} + 1;
                 UPDATE event SET seq = {at} + 1 WHERE seq = -1"
            ));
        },
        chain: &["chain", "value-misfiled"],
        checkpoints: &["checkpoint-root"],
        head: &["head-root"],
        receipt: &["receipt-root"],
    },
    Attack {
        name: "renumber the last row",
        carry_out: |scene| scene.force_sql("UPDATE event SET seq = seq + 1 WHERE seq = (SELECT max(seq) FROM event)"),
        chain: &["sequence"],
        checkpoints: NOTHING,
        head: NOTHING,
        receipt: &["receipt-statement"],
    },
    Attack {
        name: "replace a row by INSERT OR REPLACE",
        carry_out: |scene| {
            let at = scene.first("run_started");
            scene.force_sql(&format!(
                "INSERT OR REPLACE INTO event (seq, body, leaf) SELECT seq, replace(body, '\"process\":', '\"process\":1'), leaf
                     FROM event WHERE seq = {at}"
            ));
        },
        chain: &["leaf"],
        checkpoints: &["checkpoint-root"],
        head: &["head-root"],
        receipt: &["receipt-root"],
    },
    Attack {
        name: "drop a trigger",
        carry_out: |scene| {
            let db = scene.stock();
            db.execute_batch("DROP TRIGGER event_is_not_deleted; PRAGMA wal_checkpoint(TRUNCATE)")
                .unwrap();
        },
        chain: &["schema"],
        checkpoints: NOTHING,
        head: NOTHING,
        receipt: NOTHING,
    },
    Attack {
        name: "swap two values",
        carry_out: |scene| {
            scene.force_sql(
                "CREATE TEMP TABLE two AS SELECT rowid AS r, salt, value FROM personal WHERE rowid IN (5, 9);
                 UPDATE personal SET salt = (SELECT salt FROM two WHERE r = 14 - personal.rowid),
                     value = (SELECT value FROM two WHERE r = 14 - personal.rowid) WHERE rowid IN (5, 9)",
            );
        },
        chain: &["value-changed"],
        checkpoints: NOTHING,
        head: NOTHING,
        receipt: NOTHING,
    },
    Attack {
        name: "remove a value",
        carry_out: |scene| scene.force_sql("DELETE FROM personal WHERE rowid = 5"),
        chain: &["value-missing"],
        checkpoints: NOTHING,
        head: NOTHING,
        receipt: NOTHING,
    },
    Attack {
        name: "erase a value without an event",
        carry_out: |scene| scene.force_sql("UPDATE personal SET salt = NULL, value = NULL WHERE rowid = 5"),
        chain: &["value-erased-without-event"],
        checkpoints: NOTHING,
        head: NOTHING,
        receipt: NOTHING,
    },
    Attack {
        name: "change a value",
        carry_out: |scene| scene.force_sql("UPDATE personal SET value = 'another' WHERE rowid = 5"),
        chain: &["value-changed"],
        checkpoints: NOTHING,
        head: NOTHING,
        receipt: NOTHING,
    },
    Attack {
        name: "edit a projection",
        carry_out: |scene| scene.force_sql("UPDATE action SET state = 'held' WHERE action = 1"),
        chain: &["projection"],
        checkpoints: NOTHING,
        head: NOTHING,
        receipt: NOTHING,
    },
    Attack {
        name: "strip all checkpoints",
        carry_out: |scene| scene.force_sql("DELETE FROM checkpoint"),
        chain: NOTHING,
        checkpoints: &["checkpoint-missing"],
        head: NOTHING,
        receipt: NOTHING,
    },
    Attack {
        name: "sign a range again with a newer key",
        carry_out: |scene| {
            if scene.is_signed() {
                scene.sign_again_with(&SigningKey::from_seed(&[7; 32]));
            }
        },
        chain: NOTHING,
        checkpoints: &["checkpoint-key"],
        head: NOTHING,
        receipt: NOTHING,
    },
    Attack {
        name: "rewrite and sign again with the stolen key",
        carry_out: |scene| {
            rewrite_operator(scene);
            if scene.is_signed() {
                scene.sign_again();
            }
        },
        chain: NOTHING,
        checkpoints: NOTHING,
        head: &["head-root"],
        receipt: &["receipt-root"],
    },
    Attack {
        name: "restore an older copy",
        carry_out: |scene| {
            let was_signed = scene.is_signed();
            std::fs::copy(scene.older(), scene.database()).unwrap();
            if !was_signed {
                scene.unsign();
            }
        },
        chain: NOTHING,
        checkpoints: NOTHING,
        head: &["head-beyond"],
        receipt: &["receipt-beyond", "receipt-statement"],
    },
];

/// Another account at the first run's start.
fn edit_operator(scene: &Scene, with_hash: bool) {
    let seq = i64::try_from(scene.first("run_started")).unwrap();
    scene.force(|db| {
        let sql = "SELECT body FROM event WHERE seq = ?1";
        let text: String = db.query_row(sql, [seq], |row| row.get(0)).unwrap();
        let changed = text.replace("\"os_user\":\"", "\"os_user\":\"x");
        let sql = "UPDATE event SET body = ?2, leaf = coalesce(?3, leaf) WHERE seq = ?1";
        let hash = with_hash.then(|| leaf(&changed));
        db.execute(sql, params![seq, changed, hash]).unwrap();
    });
}

fn rewrite_operator(scene: &Scene) {
    let seq = scene.first("run_started");
    scene.rewrite(|bodies| bodies[seq]["data"]["os_user"] = json!("somebody-else"));
}

#[test]
fn each_attack_is_found_exactly_where_it_can_be() {
    let mut surprises = Vec::new();
    for attack in ATTACKS {
        let mut compare = |level: &str, found: BTreeSet<&'static str>, expected: &[&[&'static str]]| {
            let expected: BTreeSet<_> = expected.iter().copied().flatten().copied().collect();
            if found != expected {
                surprises.push(format!("{}, {level}: {found:?} and not {expected:?}", attack.name));
            }
        };
        let unsigned = Scene::finished();
        unsigned.unsign();
        compare("before", unsigned.codes(), &[]);
        (attack.carry_out)(&unsigned);
        compare("by the chain alone", unsigned.codes(), &[attack.chain]);

        let scene = Scene::finished();
        let (head, receipt) = (scene.head(), scene.receipt());
        (attack.carry_out)(&scene);
        let inside = [attack.chain, attack.checkpoints];
        compare("by checkpoints", scene.codes(), &inside);
        let with_head = Against {
            head: Some(head),
            ..Against::default()
        };
        let with_receipt = Against {
            receipts: vec![receipt],
            ..Against::default()
        };
        compare(
            "with the head",
            scene.codes_against(&with_head),
            &[inside[0], inside[1], attack.head],
        );
        compare(
            "with the receipt",
            scene.codes_against(&with_receipt),
            &[inside[0], inside[1], attack.receipt],
        );
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}

/// How many bytes are changed; another number comes from `OFFBOARD24_FLIPS`.
const FLIPS: u64 = 400;

#[test]
fn a_byte_that_was_changed_is_found_or_lies_where_nothing_is_kept() {
    flip(FLIPS);
}

#[test]
#[ignore = "takes as long as it is told to: OFFBOARD24_FLIPS=10000"]
fn many_bytes_that_were_changed_are_found_or_lie_where_nothing_is_kept() {
    flip(std::env::var("OFFBOARD24_FLIPS").unwrap().parse().unwrap());
}

fn flip(times: u64) {
    let scene = Scene::finished();
    let good = std::fs::read(scene.database()).unwrap();
    let pages = Pages::of(&good, &scene.roots());
    let seed = 24;
    let mut dice = Dice(seed);
    let mut unused = 0;
    for _ in 0..times {
        let at = usize::try_from(dice.below(good.len() as u64)).unwrap();
        let bit = 1_u8 << dice.below(8);
        let mut bytes = good.clone();
        bytes[at] ^= bit;
        std::fs::write(scene.database(), &bytes).unwrap();
        let found = verify(&scene.database(), &Against::default()).unwrap();
        if found.is_intact() {
            assert!(
                pages.is_unused(at, bytes[at]),
                "seed {seed}: bit {bit:#x} of byte {at} was changed, and nothing found"
            );
            unused += 1;
        }
    }
    assert!(unused < times, "nothing was ever found");
}
