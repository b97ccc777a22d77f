//! One scene for each exit code of design section 6. That README, `--help` and code agree on them is `readme`'s.

use offboard24::exit::Exit;
use offboard24::lock::Lock;
use offboard24::paths::database_lock;
use offboard24::sandbox::World;
use rustix::process::{Pid, Signal, kill_process};

use super::net::nobody;
use super::{HOW_TO, plan_command, run};
use crate::support::{Desk, Ended, Keeper, Portal, TOKEN, number};

/// How a command comes to end with a code.
struct Scene {
    exit: Exit,
    /// What happens in it.
    story: &'static str,
    play: fn() -> Ended,
}

const SCENES: &[Scene] = &[
    Scene {
        exit: Exit::Done,
        story: "a confirmed plan is carried out",
        play: || {
            let (portal, desk, plan) = planned();
            let ended = desk.apply(&plan);
            assert_eq!(portal.destroyed().len(), 9);
            ended
        },
    },
    Scene {
        exit: Exit::Bug,
        story: "the operating system refuses to write the journal for a reason that is not a full disk",
        play: refused_writes,
    },
    Scene {
        exit: Exit::Usage,
        story: "there is no roster of that name",
        play: || {
            let portal = Portal::of(World::sample());
            let ended = Desk::at(&portal).run(&["plan", "absent.csv", "--action", "kill", "--json"]);
            assert!(portal.requests().is_empty());
            ended
        },
    },
    Scene {
        exit: Exit::NotAllDone,
        story: "the portal refuses one of nine, and the rest is done",
        play: || {
            let (portal, desk, plan) = planned();
            portal.inject("kill-error-present@command:4");
            let ended = desk.apply(&plan);
            assert_eq!(portal.destroyed().len(), 8);
            ended
        },
    },
    Scene {
        exit: Exit::NeedsDecision,
        story: "a row of the roster is nobody's, and the rest is done",
        play: || {
            let portal = Portal::of(World::sample());
            let desk = Desk::at(&portal);
            let plan = desk.plan(&desk.roster("id\n29\n987654\n"), "kill");
            let ended = desk.apply(&plan);
            assert_eq!(portal.destroyed().len(), 9);
            ended
        },
    },
    Scene {
        exit: Exit::Stopped,
        story: "somebody types `offboard24 stop`",
        play: || interrupted(|desk, _| drop(desk.run(&["stop"]).expect(0))),
    },
    Scene {
        exit: Exit::Refused,
        story: "a plan is applied without a confirmation, and nobody can be asked",
        play: || {
            let (portal, desk, _) = planned();
            let ended = desk.run(&["apply", "--json"]);
            portal.assert_untouched();
            ended
        },
    },
    Scene {
        exit: Exit::NotAllowed,
        story: "the webhook was deleted after the plan",
        play: || {
            let (portal, desk, plan) = planned();
            portal.world(|world| world.webhook.valid = false);
            let ended = desk.apply(&plan);
            portal.assert_untouched();
            ended
        },
    },
    Scene {
        exit: Exit::Locked,
        story: "another process has the database",
        play: || {
            let (portal, desk, plan) = planned();
            let _lock = Lock::take(&database_lock(&desk.database())).unwrap();
            let ended = desk.apply(&plan);
            portal.assert_untouched();
            ended
        },
    },
    Scene {
        exit: Exit::Temporary,
        story: "nobody listens at the portal's address",
        play: || {
            let desk = Desk::with_webhook(&format!("http://{}/rest/1/{TOKEN}/", nobody()));
            let ended = run(&desk, &mut plan_command(&desk, &[]));
            assert!(desk.journal().view().jobs().unwrap().is_empty());
            ended
        },
    },
    Scene {
        exit: Exit::Interrupted,
        story: "Ctrl-C in mid-run",
        play: || interrupted(|_, process| kill_process(process, Signal::INT).unwrap()),
    },
    Scene {
        exit: Exit::Terminated,
        story: "SIGTERM in mid-run",
        play: || interrupted(|_, process| kill_process(process, Signal::TERM).unwrap()),
    },
];

fn planned() -> (Portal, Desk, serde_json::Value) {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    (portal, desk, plan)
}

/// A run that somebody ends while its second batch is under way, and that is finished by `resume`.
fn interrupted(end: fn(&Desk, Pid)) -> Ended {
    let (portal, keeper) = Keeper::before(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    portal.inject("delay:1s@destroy:2");
    let mut child = desk.start(&["apply", "--confirm", plan["confirm"].as_str().unwrap(), "--json"]);
    let in_flight = Keeper::await_destroying(&portal, &mut child, 2);
    end(&desk, Pid::from_child(&child));
    keeper.open();
    let ended = desk.wait(child);
    assert_eq!(number(&ended.json(), "/in_doubt"), 0);
    let done = 1 + in_flight.commands.iter().filter(|command| command.destroys()).count();
    assert_eq!(portal.destroyed().len(), done, "what was under way, and no more");
    assert!(done < 9);
    desk.run(&["resume"]).expect(0);
    assert_eq!(portal.destroyed().len(), 9);
    desk.assert_sound();
    ended
}

/// A limit on the size of files, met in the middle of a plan: no event that could not be recorded is followed by a request.
fn refused_writes() -> Ended {
    let (portal, desk, plan) = planned();
    let confirm = plan["confirm"].as_str().unwrap();
    let theirs = desk.command(&["apply", "--confirm", confirm, "--json"]);
    let mut shell = std::process::Command::new("/bin/sh");
    // In blocks of 512 bytes: the reserve is there already, and the write-ahead log gets no further than 96 KiB.
    shell
        .args(["-c", "trap '' XFSZ; ulimit -f 192; exec \"$0\" \"$@\""])
        .arg(theirs.get_program())
        .args(theirs.get_args())
        .env_clear()
        .envs(theirs.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(desk.folder());
    let ended = run(&desk, &mut shell);
    let error = &ended.json()["error"];
    assert_eq!(error["kind"], "journal", "{}", ended.stderr);
    assert!(error["next"].as_str().unwrap().contains("offboard24 resume"), "{error}");
    let destroyed = portal.destroyed().len();
    assert!(destroyed < 9, "it was stopped in time");
    // Confirmed or not, whichever the limit left on disk.
    if desk.status()["state"] == "planned" {
        desk.apply(&plan).expect(0);
    } else {
        desk.run(&["resume"]).expect(0);
    }
    assert_eq!(portal.destroyed().len(), 9);
    desk.assert_sound();
    ended
}

/// Plays the scene of a code.
#[track_caller]
fn ends_with(code: u8) {
    let scene = SCENES.iter().find(|scene| scene.exit.code() == code).unwrap();
    let ended = (scene.play)();
    let shown = format!("{}\n{}\n{}", scene.story, ended.stdout, ended.stderr);
    assert_eq!(ended.code, i32::from(code), "{shown}");
    let object = ended.json();
    // A job that ended as it should, with or without open questions, is no error; a job that stopped tells its state.
    let error = &object["error"];
    if error.is_null() {
        assert!(object["state"].is_string(), "{shown}");
    } else {
        assert_eq!(error["exit"], code, "{shown}");
        assert!(
            error["message"].as_str().is_some_and(|message| message.len() > 10),
            "{shown}"
        );
        assert!(error["next"].is_string(), "{shown}");
    }
}

#[test]
fn every_code_has_one_scene() {
    let mut codes: Vec<u8> = SCENES.iter().map(|scene| scene.exit.code()).collect();
    // `audit verify` is not there yet.
    codes.push(Exit::Damage.code());
    codes.sort_unstable();
    let mut expected: Vec<u8> = Exit::PRECEDENCE.iter().map(|exit| exit.code()).collect();
    expected.sort_unstable();
    assert_eq!(codes, expected);
}

#[test]
fn code_0_done() {
    ends_with(0);
}

#[test]
fn code_1_a_journal_that_cannot_be_written() {
    ends_with(1);
}

#[test]
fn code_2_usage() {
    ends_with(2);
}

#[test]
fn code_3_not_all_done() {
    ends_with(3);
}

#[test]
fn code_4_a_person_has_to_decide() {
    ends_with(4);
}

#[test]
fn code_5_stopped() {
    ends_with(5);
}

#[test]
fn code_6_refused() {
    ends_with(6);
}

#[test]
fn code_7_not_allowed() {
    ends_with(7);
}

#[test]
fn code_8_locked() {
    ends_with(8);
}

#[test]
fn code_9_temporary() {
    ends_with(9);
}

#[test]
fn code_130_interrupted() {
    ends_with(130);
}

#[test]
fn code_143_terminated() {
    ends_with(143);
}
