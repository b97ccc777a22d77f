//! Traps 38 to 45: transport and state.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use offboard24::domain::{ActionKind, UserId, WorkflowId};
use offboard24::plan::record::Notices;
use offboard24::portal::{Destroy, Destroyer, Look, Rate, Reader, Settings, UserQuery};
use offboard24::sandbox::behaviour::{AuthStatus, FailedKill, Language};
use offboard24::sandbox::{Behaviour, Options, RequestRecord, VirtualTime, World, WorldOptions};
use serde_json::Value;

use crate::support::bench::{Bench, clock, connect};
use crate::support::{Desk, Ended, HOW_TO, Keeper, Portal, TOKEN, number, unlimited};

#[test]
fn trap_38_a_redirect_is_not_followed_and_the_new_host_is_named() {
    for (fault, planned) in [
        ("redirect-302@user.get:1", false),
        ("redirect-302@destroy:1", true),
        ("redirect-302-after@destroy:2", true),
    ] {
        let renamed = Portal::of(World::sample());
        let portal = Portal::with(Options {
            renamed_to: format!("http://{}", renamed.host()),
            ..unlimited()
        });
        let desk = Desk::at(&portal);
        let roster = desk.roster(HOW_TO);
        let ended = if planned {
            let plan = desk.plan(&roster, "kill");
            portal.inject(fault);
            desk.apply(&plan)
        } else {
            portal.inject(fault);
            desk.run(&["plan", &roster, "--action", "kill", "--json"])
        };
        assert_eq!(ended.code, 7, "{fault}: {}", ended.stderr);
        let error = &ended.json()["error"];
        assert_eq!(error["kind"], "redirected", "{fault}");
        assert!(error["message"].as_str().unwrap().contains(&renamed.host()), "{error}");
        assert!(renamed.requests().is_empty(), "{fault}: followed");
        renamed.assert_untouched();
        let all_as_meant = portal.requests().iter().all(|request| request.http_method == "POST");
        assert!(all_as_meant, "{fault}");
        // What is called done was answered, and not by a redirect.
        let confirmed = desk.workflows_in(&["confirmed"]);
        assert!(confirmed.is_subset(&portal.destroyed()), "{fault}");
        assert!(confirmed.len() <= 1, "{fault}: only a canary before the redirect");
    }
}

#[test]
fn trap_39_what_is_asked_arrives_in_full_however_the_roster_is_written() {
    let text = "Имя;Фамилия\r\nМария;Соловьёва\r\nФёдор;Королёв\r\n";
    let (cp1251, ..) = encoding_rs::WINDOWS_1251.encode(text);
    let utf16: Vec<u8> = format!("\u{feff}{text}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let rosters = [format!("\u{feff}{text}").into_bytes(), cp1251.into_owned(), utf16];
    for roster in rosters {
        let portal = Portal::of(World::sample());
        let desk = Desk::at(&portal);
        let plan = desk.plan(&desk.roster(&roster), "terminate");
        assert_eq!((number(&plan, "/rows/matched"), number(&plan, "/rows/total")), (2, 2));
        let asked: BTreeSet<String> = portal
            .requests()
            .into_iter()
            .flat_map(|request| request.commands)
            .filter_map(|command| Some(command.params["FILTER"]["=LAST_NAME"].as_str()?.to_owned()))
            .collect();
        assert_eq!(asked, ["Соловьёва", "Королёв"].map(str::to_owned).into());
        desk.apply(&plan).expect(4);
        assert_eq!(portal.destroyed(), desk.workflows_in(&["confirmed"]));
        assert_eq!(portal.destroyed().len(), 2);
    }
}

#[test]
fn trap_40_all_that_is_asked_and_sent_at_once_goes_through_one_bucket() {
    let time = VirtualTime::default();
    let portal = Portal::with(Options {
        time: time.time(),
        pause: time.pause(),
        ..Options::default()
    });
    let connection = connect(
        &portal.url(),
        &clock(&time),
        &Notices::default(),
        (Rate::default(), Settings::BURST),
    );
    let readers = [(); 3].map(|()| Reader::new(Arc::clone(&connection)));
    let destroyer = Destroyer::new(connection);
    let theirs: Vec<WorkflowId> = portal.world(|world| {
        let waiting = world.waiting_for(29);
        waiting.map(|task| task.workflow.parse().unwrap()).collect()
    });
    let read = async |reader: &Reader| {
        for _ in 0..40 {
            reader.users(&[UserQuery::Id(UserId(29))]).await.unwrap();
        }
    };
    let destroy = async || {
        for (number, workflow) in theirs.iter().enumerate() {
            let command = Destroy {
                key: format!("a{number}"),
                kind: ActionKind::Kill,
                workflow: workflow.clone(),
                status: None,
            };
            destroyer.send(&[command], &Look::default()).await;
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        tokio::join!(read(&readers[0]), read(&readers[1]), read(&readers[2]), destroy());
    });
    let requests = portal.requests();
    assert_eq!(requests.len(), 3 * 40 + 9, "nothing was repeated");
    assert!(
        requests.iter().all(|request| request.status == Some(200)),
        "no bucket overflowed"
    );
    assert_eq!(portal.destroyed().len(), 9);
    // 45 at once, and then two a second.
    assert!(time.now() >= Duration::from_secs((129 - 45) / 2), "{:?}", time.now());
}

#[test]
fn trap_41_a_manual_block_and_an_error_of_authentication_end_the_run_with_that_request() {
    let forbidden = Behaviour {
        auth_status: AuthStatus::Forbidden403,
        ..Behaviour::default()
    };
    for (fault, kind, status) in [
        ("overload-limit@user.get:1", "overload", 503),
        ("auth-error-401@bizproc.task.list:1", "auth", 401),
    ] {
        let portal = Portal::of(World::sample());
        let desk = Desk::at(&portal);
        portal.inject(fault);
        let ended = desk.run(&["plan", &desk.roster(HOW_TO), "--action", "kill", "--json"]);
        assert_stopped(&portal, &ended, fault, kind, status);
    }
    for (fault, kind, status, done) in [
        ("overload-limit@destroy:1", "overload", 503, 0),
        ("auth-error-401@destroy:2", "auth", 401, 1),
    ] {
        let portal = Portal::of(World::sample());
        let desk = Desk::at(&portal);
        let plan = desk.plan(&desk.roster(HOW_TO), "kill");
        portal.inject(fault);
        assert_stopped(&portal, &desk.apply(&plan), fault, kind, status);
        assert_eq!(portal.destroyed().len(), done, "{fault}");
        let told = desk.status();
        assert_eq!(
            (number(&told, "/actions/planned"), number(&told, "/in_doubt")),
            (9 - done as u64, 0),
            "{fault}: what was not executed is planned"
        );
        desk.run(&["resume"]).expect(0);
        assert_eq!(portal.destroyed().len(), 9);
    }
    // A webhook that is taken away between plan and apply, on a portal that says 403.
    let portal = Portal::with(Options {
        behaviour: forbidden,
        ..unlimited()
    });
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    portal.world(|world| world.webhook.valid = false);
    assert_stopped(&portal, &desk.apply(&plan), "revoked", "auth", 403);
    portal.assert_untouched();
}

/// Exit 7, and the request that was refused was the last one.
#[track_caller]
fn assert_stopped(portal: &Portal, ended: &Ended, fault: &str, kind: &str, status: u16) {
    assert_eq!(ended.code, 7, "{fault}: {}", ended.stderr);
    assert_eq!(ended.json()["error"]["kind"], kind, "{fault}");
    let refused: Vec<RequestRecord> = portal
        .requests()
        .into_iter()
        .skip_while(|request| request.status == Some(200))
        .collect();
    assert_eq!(refused.len(), 1, "{fault}: {refused:?}");
    assert_eq!(refused[0].status, Some(status), "{fault}");
}

#[test]
fn trap_42_the_language_of_the_portal_decides_nothing() {
    let play = |language| {
        let mut world = World::sample();
        let theirs: Vec<String> = world.waiting_for(29).map(|task| task.workflow.clone()).collect();
        // Refused, and gone all the same; below, refused and still there.
        world.edit_workflow(&theirs[7], |workflow| workflow.unkillable = true);
        let portal = Portal::with(Options {
            world: WorldOptions::Given(Box::new(world)),
            behaviour: Behaviour {
                language,
                failed_kill: FailedKill::DeletesAllTheSame,
                ..Behaviour::default()
            },
            ..unlimited()
        });
        let desk = Desk::at(&portal);
        let plan = desk.plan(&desk.roster(HOW_TO), "kill");
        portal.inject("kill-error-present@command:4");
        let status = desk.apply(&plan).expect(3).json();
        let shown = desk.run(&["show", "--json"]).expect(0).json();
        let actions = shown
            .pointer("/list/actions")
            .and_then(Value::as_array)
            .unwrap()
            .clone();
        let texts: BTreeSet<String> = actions
            .iter()
            .filter_map(|action| Some(action["text"].as_str()?.to_owned()))
            .collect();
        let ends: Vec<Value> = actions.iter().map(|action| action["state"].clone()).collect();
        assert_eq!(portal.destroyed().len(), 8);
        (status["actions"].clone(), ends, texts)
    };
    let (english, russian) = (play(Language::English), play(Language::Russian));
    assert_eq!(
        (number(&english.0, "/failed"), number(&english.0, "/unattributed")),
        (1, 1)
    );
    assert_eq!((&english.0, &english.1), (&russian.0, &russian.1));
    assert_ne!(english.2, russian.2, "the texts are kept as they came");
    assert!(
        russian.2.iter().any(|text| text.contains("бизнес-процесс")),
        "{:?}",
        russian.2
    );
}

#[test]
fn trap_43_the_token_is_in_nothing_that_anybody_can_read() {
    let (portal, keeper) = Keeper::before(World::sample());
    let desk = Desk::at(&portal);
    let roster = desk.roster(HOW_TO);
    let told = |arguments: &[&str], code| {
        let ended = desk.run(&[arguments, &["-vv"]].concat()).expect(code);
        assert!(!ended.stderr.is_empty(), "{arguments:?}");
        ended
    };
    told(&["plan", &roster, "--action", "kill"], 0);
    // While it works: the list of processes.
    let plan = desk.status();
    let confirm = plan["confirm"].as_str().unwrap();
    portal.inject("delay:1s@destroy:1");
    let mut child = desk.start(&["apply", "--confirm", confirm, "-vv"]);
    Keeper::await_destroying(&portal, &mut child, 1);
    if cfg!(target_os = "linux") {
        let line = std::fs::read(format!("/proc/{}/cmdline", child.id())).unwrap();
        let line = String::from_utf8(line).unwrap();
        assert!(line.contains("apply") && !line.contains(TOKEN), "{line}");
    }
    desk.assert_no_secret();
    keeper.open();
    desk.wait(child).expect(0);
    // Every way to fail that knows the address.
    for (fault, code) in [
        ("redirect-302@user.get:1", 7),
        ("auth-error-401@user.get:1", 7),
        ("overload-limit@user.get:1", 7),
        ("dropped-filter@user.get:1", 6),
        ("truncated-body@user.get:1", 0),
    ] {
        portal.inject(fault);
        told(&["plan", &roster, "--action", "kill"], code);
    }
    // A webhook where a file name belongs, webhooks that are none, and one whose portal does not speak TLS.
    let url = portal.url();
    told(&["plan", &url, "--action", "kill"], 2);
    told(&["plan", &url, "--action", "kill", "--json"], 2);
    told(&["status", &url], 2);
    told(&["status", &url, "--json"], 2);
    for option in ["--policy", "--ca-file", "--webhook-file", "--db"] {
        told(&["plan", &roster, "--action", "kill", option, &url], 2);
    }
    told(&["plan", &url.replace("/rest/", "/rest/api/"), "--action", "kill"], 2);
    assert!(!desk.folder().join("http:").exists(), "no folder is named after it");
    for (webhook, code) in [
        (format!("{}profile", portal.url()), 2),
        (format!("http://acme.bitrix24.com/rest/1/{TOKEN}/"), 2),
        (format!("https://{}/rest/1/{TOKEN}/", portal.host()), 2),
        (format!("{}?auth={TOKEN}", portal.url()), 2),
    ] {
        let mut command = desk.command(&["plan", &roster, "--action", "kill", "-vv"]);
        let output = command.env("OFFBOARD24_WEBHOOK", &webhook).output().unwrap();
        let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{printed}");
        assert!(!printed.contains(TOKEN), "{printed}");
    }
    assert_eq!(portal.destroyed().len(), 9);
    desk.assert_no_secret();
}

#[test]
fn trap_44_dates_are_kept_as_they_come_and_the_portals_clock_is_compared_with_itself_alone() {
    // What is on record does not depend on where the operator sits.
    let portal = Portal::with(Options {
        clock_ahead_seconds: 3600,
        ..unlimited()
    });
    let desk = Desk::at(&portal);
    let roster = desk.roster(HOW_TO);
    let mut command = desk.command(&["plan", &roster, "--action", "kill"]);
    let planned = command.env("TZ", "America/New_York").output().unwrap();
    assert!(planned.status.success());
    for event in desk.story() {
        let data = &event["data"];
        let (kept, meant) = match event["kind"].as_str().unwrap() {
            "task_recorded" => {
                let task = number(data, "/task");
                (
                    &data["modified"],
                    portal.world(|world| world.task(task).unwrap().modified),
                )
            }
            "workflow_recorded" => {
                let workflow = data["workflow"].as_str().unwrap();
                (
                    &data["started"],
                    portal.world(|world| world.workflow(workflow).unwrap().started),
                )
            }
            "run_started" => {
                let ahead = data["clock_offset_ms"].as_i64().unwrap();
                assert!((3_540_000..3_660_000).contains(&ahead), "{ahead}");
                continue;
            }
            _ => continue,
        };
        let kept = kept.as_str().unwrap();
        assert!(kept.ends_with("+03:00"), "{kept}");
        assert_eq!(DateTime::parse_from_rfc3339(kept).unwrap().timestamp(), meant);
    }
    portal.assert_untouched();

    // A blocked method is waited for as long as the portal means, whatever its clock says.
    for ahead in [-3600, 3600] {
        let options = Options {
            operating_limit_seconds: 10.0,
            command_duration: Duration::from_secs(4),
            clock_ahead_seconds: ahead,
            ..unlimited()
        };
        let bench = Bench::planned(World::sample(), options, HOW_TO, "kill");
        assert_eq!(bench.execute(|_| {}), None);
        assert_eq!(bench.portal.destroyed().len(), 9);
        let sent: Vec<RequestRecord> = bench
            .portal
            .requests()
            .into_iter()
            .filter(RequestRecord::destroys)
            .collect();
        let pauses = sent.windows(2).map(|pair| pair[1].at.saturating_sub(pair[0].at));
        let longest = pauses.max().unwrap();
        let window = Duration::from_secs(500)..=Duration::from_secs(620);
        assert!(window.contains(&longest), "{ahead}: {longest:?}");
        assert_eq!(number(&bench.desk.status(), "/actions/confirmed"), 9);
    }
}

#[test]
fn trap_45_of_two_runs_on_a_portal_or_on_a_database_the_second_is_refused_and_asks_nothing() {
    let (portal, keeper) = Keeper::before(World::sample());
    let other = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let roster = desk.roster(HOW_TO);
    let plan = desk.plan(&roster, "kill");
    portal.inject("delay:1s@destroy:1");
    let mut child = desk.start(&["apply", "--confirm", plan["confirm"].as_str().unwrap(), "--json"]);
    Keeper::await_destroying(&portal, &mut child, 1);
    let asked = portal.requests().len();

    // Two databases, one portal.
    let second = desk.run(&["plan", &roster, "--action", "kill", "--db", "other.db", "--json"]);
    // One database, two portals.
    let mut command = desk.command(&["plan", &roster, "--action", "kill", "--json"]);
    let third = command.env("OFFBOARD24_WEBHOOK", other.url()).output().unwrap();
    let third: Value = serde_json::from_slice(&third.stdout).unwrap();
    for (ended, which) in [(second.json(), "the portal"), (third, "the database")] {
        assert_eq!(
            (ended["error"]["kind"].as_str(), ended["error"]["exit"].as_u64()),
            (Some("locked"), Some(8)),
            "{which}: {ended}"
        );
        assert!(
            ended["error"]["next"].as_str().unwrap().contains("offboard24 status"),
            "{ended}"
        );
    }
    assert_eq!(portal.requests().len(), asked);
    assert!(other.requests().is_empty());
    assert!(portal.effects().is_empty());

    keeper.open();
    let status = desk.wait(child).expect(0).json();
    assert_eq!(number(&status, "/actions/confirmed"), 9);
    other.assert_untouched();
    // The locks die with their process.
    desk.run(&["plan", &roster, "--action", "kill", "--db", "other.db"])
        .expect(0);
}
