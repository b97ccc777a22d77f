//! The language of the screen: what people read is in theirs, and what programs read is the same in all.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;

use offboard24::sandbox::World;
use offboard24::sandbox::world::User;
use serde_json::Value;

use crate::screens::steady;
use crate::support::{Desk, Ended, HOW_TO, Portal, Typed};

const ENGLISH: &[u8] = include_bytes!("../../samples/roster-english.csv");
const MISTAKES: &[u8] = include_bytes!("../../samples/roster-mistakes.csv");

/// Runs a command in Russian.
fn in_russian(desk: &Desk, arguments: &[&str]) -> Ended {
    desk.run(&[arguments, &["--lang", "ru"]].concat())
}

/// Writes a policy and gives its path.
fn policy(desk: &Desk, text: &str) -> String {
    let path = desk.folder().join("policy.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn the_screens_in_russian_from_plan_to_result() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let roster = desk.roster(ENGLISH);
    let plan = in_russian(&desk, &["plan", &roster, "--action", "kill"]).expect(4);
    insta::assert_snapshot!("plan_notes", steady(&plan.stderr, &portal, &desk));
    insta::assert_snapshot!("plan", steady(&plan.stdout, &portal, &desk));
    let confirm = desk.status()["confirm"].as_str().unwrap().to_owned();
    for command in ["status", "jobs"] {
        let told = in_russian(&desk, &[command]).expect(0).stdout;
        insta::assert_snapshot!(
            format!("{command}_planned"),
            without_times(&steady(&told, &portal, &desk))
        );
    }
    let refused = in_russian(&desk, &["apply"]).expect(6);
    insta::assert_snapshot!("apply_refused", steady(&refused.stderr, &portal, &desk));
    let applied = in_russian(&desk, &["apply", "--confirm", &confirm]).expect(4);
    insta::assert_snapshot!("apply", steady(&applied.stdout, &portal, &desk));
    for by in ["person", "workflow", "hold"] {
        let shown = in_russian(&desk, &["show", "--by", by]).expect(0);
        insta::assert_snapshot!(format!("show_by_{by}"), steady(&shown.stdout, &portal, &desk));
    }
}

/// When a job was made, and how wide the column for it is.
fn without_times(text: &str) -> String {
    let shown = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    text.lines().map(shown).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_roster_of_mistakes_in_russian() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let roster = desk.roster(MISTAKES);
    let refused = in_russian(&desk, &["plan", &roster, "--action", "kill"]).expect(2);
    insta::assert_snapshot!("mistakes", refused.stderr);
}

#[test]
fn what_a_plan_lacks_is_said_instead_of_how_to_carry_it_out() {
    let portal = Portal::of(World::sample());
    for (name, rule, planned) in [
        ("over_cap", "[caps]\nactions = 5\n", 6),
        ("not_approved", "approval = \"always\"\n", 4),
    ] {
        let desk = Desk::at(&portal);
        let (roster, policy) = (desk.roster(HOW_TO), policy(&desk, rule));
        for lang in ["en", "ru"] {
            let arguments = ["plan", &roster, "--action", "kill", "--policy", &policy, "--lang", lang];
            let plan = desk.run(&arguments).expect(planned);
            let mut told = vec![plan.stdout, plan.stderr];
            for command in ["show", "status"] {
                told.push(desk.run(&[command, "--lang", lang]).expect(0).stdout);
            }
            for screen in &told {
                assert!(!screen.contains("--confirm"), "{screen}");
            }
            let [.., shown, status] = told.as_slice() else {
                unreachable!()
            };
            let end = |screen: &str| screen.lines().rev().take(2).map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(end(shown), end(status));
            insta::assert_snapshot!(format!("{name}_{lang}"), steady(status, &portal, &desk));
        }
        let status = desk.status();
        assert_eq!(status["state"], "planned");
    }
    assert!(portal.effects().is_empty());
}

#[test]
fn on_a_terminal_the_prompt_is_in_russian_and_the_answers_are_in_no_language() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    desk.plan(&desk.roster(HOW_TO), "kill");
    let host = portal.host();
    let (code, screen, _) = Typed::start(&desk, &["apply", "--lang", "ru"], &format!("{host}\n8\n")).end();
    assert_eq!(code, 6, "{screen}");
    // What was typed is shown first, or where the terminal was then.
    let screen = screen.replace('\r', "").replacen(&format!("{host}\n8\n"), "", 1);
    insta::assert_snapshot!("prompt_refused", steady(&screen, &portal, &desk));
    let (code, screen, data) = Typed::start(&desk, &["apply", "--lang", "ru"], &format!("{host}\n9\n")).end();
    assert_eq!(code, 0, "{screen}");
    assert!(data.contains("портал ответил «да»"), "{data}");
    assert_eq!(portal.effects().len(), 9);
}

#[test]
fn during_a_pause_the_bar_says_why_it_waits_and_until_when_on_one_line_of_eighty_columns() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    portal.inject("operating-limit@destroy:2");
    let confirm = plan["confirm"].as_str().unwrap();
    let mut screen = Typed::start(&desk, &["apply", "--lang", "ru", "--confirm", confirm], "");
    screen.await_text("1/9 пауза ");
    rustix::process::kill_process(screen.process(), rustix::process::Signal::INT).unwrap();
    let (code, screen, _) = screen.end();
    assert_eq!(code, 130, "{screen}");
    let bars = screen.split(['\r', '\n']).filter(|line| line.contains("/9 "));
    for bar in bars {
        // What moves the cursor takes no room.
        let shown: String = bar
            .split("\u{1b}[")
            .map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit()))
            .collect();
        assert!(shown.chars().count() <= 81, "{shown:?}");
    }
}

/// What programs read of a command: its object, and its code. Without what differs from desk to desk: the portal, folders, hashes, the
/// receipt, and how much room there is.
fn for_programs(portal: &Portal, desk: &Desk, ended: &Ended) -> (i32, Value) {
    let text = ended.stdout.replace(&portal.host(), "PORTAL");
    let text = text.replace(desk.folder().to_str().unwrap(), "FOLDER");
    let mut steady = String::new();
    for word in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let is_hash = word.len() > 8 && word.bytes().take(8).all(|byte| byte.is_ascii_hexdigit());
        let behind = word.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
        steady.push_str(if is_hash { behind } else { word });
    }
    let mut object: Value = serde_json::from_str(&steady).unwrap();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("receipt");
    }
    for check in object["checks"].as_array_mut().into_iter().flatten() {
        let message = check["message"].as_str().unwrap();
        check["message"] = message.trim_start_matches(|c: char| c.is_ascii_digit()).into();
    }
    (ended.code, object)
}

#[test]
fn what_programs_read_is_the_same_in_both_languages() {
    let told = ["en", "ru"].map(|lang| {
        let portal = Portal::of(World::sample());
        let desk = Desk::at(&portal);
        let (roster, mistakes) = (desk.roster(ENGLISH), desk.folder().join("mistakes.csv"));
        std::fs::write(&mistakes, MISTAKES).unwrap();
        let capped = policy(&desk, "[caps]\nactions = 5\n");
        let mistakes = mistakes.to_str().unwrap();
        let mut told = Vec::new();
        let mut run = |arguments: &[&str]| {
            let ended = desk.run(&[arguments, &["--json", "--lang", lang]].concat());
            told.push(for_programs(&portal, &desk, &ended));
        };
        run(&["plan", &roster, "--action", "kill", "--policy", &capped]);
        run(&["plan", mistakes, "--action", "kill"]);
        run(&["plan", "absent.csv", "--action", "kill"]);
        run(&["plan", &roster, "--action", "kill", "--ca-file", "absent.pem"]);
        run(&["plan", &roster, "--action", "kill"]);
        let confirm = || desk.status()["confirm"].as_str().unwrap().to_owned();
        let first = confirm();
        run(&["check"]);
        run(&["decide", "--include", "hold:shared"]);
        run(&["decide", "--include", "person:7777"]);
        run(&["approve", "--confirm", &first]);
        run(&["apply", "--confirm", &first]);
        run(&["apply"]);
        run(&["apply", "9"]);
        run(&["resume", "--retry", "failed"]);
        run(&["apply", "--confirm", &confirm()]);
        run(&["apply", "--confirm", &confirm()]);
        for arguments in [
            &["status", "--json"][..],
            &["status", "--watch", "--json-lines"],
            &["show", "--json"],
            &["jobs", "--json"],
            &["report", "--format", "csv"],
            &["report", "--format", "json"],
            &["audit", "log", "--json-lines"],
        ] {
            let [english, russian] = ["en", "ru"].map(|lang| desk.run(&[arguments, &["--lang", lang]].concat()));
            assert_eq!((english.code, english.stdout), (russian.code, russian.stdout));
        }
        let recorded: Vec<Value> = desk.story().iter().map(words_of).collect();
        (told, recorded)
    });
    let [(english, english_events), (russian, russian_events)] = told;
    for (english, russian) in english.iter().zip(&russian) {
        assert_eq!(english, russian);
    }
    assert_eq!(english_events, russian_events);
}

/// The words of an event, without what differs from run to run.
fn words_of(event: &Value) -> Value {
    let words = [
        "reason",
        "detail",
        "state",
        "outcome",
        "stop_reason",
        "by",
        "command",
        "holds",
        "answer",
    ];
    let data = &event["data"];
    let there = words
        .into_iter()
        .filter(|word| data[*word].is_string() || data[*word].is_array());
    let words: Vec<Value> = there.map(|word| data[word].clone()).collect();
    serde_json::json!({ "kind": event["kind"], "words": words })
}

/// People and workflows whose every text is Russian.
fn russian_company() -> Portal {
    let mut world = World::empty();
    world.edit_user(1, |user| {
        user.name = Some("Ольга".to_owned());
        user.last_name = Some("Власова".to_owned());
    });
    for (id, name, last_name) in [
        (2, "Анна", "Лебедева"),
        (3, "Борис", "Смирнов"),
        (6, "Глеб", "Ким"),
        (7, "Глеб", "Ким"),
    ] {
        world.add_user(User::new(id, name, last_name, "").dismissed());
    }
    for (id, name, last_name) in [(4, "Вера", "Орлова"), (5, "Дина", "Седова")] {
        world.add_user(User::new(id, name, last_name, ""));
    }
    let mut waits = |starter: u32, title: &str, people: &[u32]| {
        let workflow = world.start_workflow(starter, title);
        world.ask(&workflow, "Согласовать", people);
        workflow
    };
    waits(2, "Счёт", &[2]);
    waits(4, "Отпуск", &[2]);
    waits(2, "Договор", &[2, 4]);
    waits(3, "Командировка", &[3]);
    let orphan = waits(3, "Заявка", &[3]);
    world.orphan_workflow(&orphan);
    Portal::of(world)
}

const RUSSIAN: &str =
    "ID;Имя;Фамилия\n2;Анна;Лебедева\n3;Борис;Смирнов\n5;Дина;Седова\n;Глеб;Ким\n1;Ольга;Власова\n999;;\n";

/// Words in Latin letters that a Russian screen may hold: states, reasons, commands, formats and names.
const TERMS: &[&str] = &[
    // States and reasons.
    "planning planned running stopped complete held sent confirmed presumed already gone unattributed drifted failed survived",
    "matched duplicate not found ambiguous still active protected invalid shared conflict other job foreign dropped signal",
    "requested limit auth breaker disk crash warning failure ok kill terminate action",
    // Commands and what is behind them.
    "offboard audit db plan show apply resume status stop check decide approve report run demo jobs verify explain config",
    "by workflow person hold retry confirm chmod mv",
    // Names and formats.
    "REST API CRM RPA URL CSV UTF utf LF MB HTTP HTTPS http https NTP VPN ID id email full name first last semicolon comma tab",
    "SQLite head user bizproc brief webhook FILE ROSTER TEXT WEBHOOK OFFBOARD XDG STATE HOME DATA KEY",
    // The names of checks.
    "policy state folder disk database signing key portal certificate owner scopes tariff administrator clock requests run",
    // The stand-in's own.
    "lists No bad old md CREDENTIALS INVALID",
];

/// The words in Latin letters, but not in paths, hashes, addresses, flags and what is quoted, nor in the receipt, which is the same in all languages.
fn latin_words(screen: &str) -> BTreeSet<String> {
    let text = match screen.split_once("offboard24 receipt\n") {
        Some((before, after)) => {
            let after = after.split_once("\n— ").map_or("", |(_, after)| after);
            format!("{before}{}", after.split_once('\n').map_or("", |(_, after)| after))
        }
        None => screen.to_owned(),
    };
    let is_prose = |token: &&str| {
        let has_own_marks = token.chars().any(|c| matches!(c, '/' | '=' | '+' | '@'));
        let is_number_and_more = token.chars().any(|c| c.is_ascii_digit()) && !token.starts_with("offboard24");
        !has_own_marks && !is_number_and_more && !token.starts_with("--") && !token.starts_with('"')
    };
    text.split_whitespace()
        .filter(is_prose)
        .flat_map(|token| token.split(|c: char| !c.is_ascii_alphabetic()))
        .filter(|word| word.len() > 1)
        .map(str::to_owned)
        .collect()
}

/// What is no term on these screens, with the screen.
fn strangers(desk: &Desk, screens: &[(String, String)]) -> Vec<String> {
    let story = desk.story();
    let operator = story
        .iter()
        .find_map(|event| event["data"]["os_user"].as_str())
        .unwrap();
    let mut terms: BTreeSet<&str> = TERMS.iter().flat_map(|line| line.split(' ')).collect();
    terms.insert(operator);
    let mut strangers = Vec::new();
    for (arguments, screen) in screens {
        let found: Vec<String> = latin_words(screen)
            .into_iter()
            .filter(|word| !terms.contains(word.as_str()))
            .collect();
        if !found.is_empty() {
            strangers.push(format!("{found:?} of {arguments}\n{screen}"));
        }
    }
    strangers
}

#[test]
fn no_screen_in_russian_has_an_english_sentence() {
    let portal = russian_company();
    let desk = Desk::at(&portal);
    let roster = desk.roster(RUSSIAN);
    let mistakes = desk.folder().join("mistakes.csv");
    std::fs::write(&mistakes, MISTAKES).unwrap();
    let mistakes = mistakes.to_str().unwrap();
    let screens = std::cell::RefCell::new(Vec::new());
    let run = |arguments: &[&str]| {
        let ended = in_russian(&desk, arguments);
        let screen = format!("{}\n{}", ended.stdout, ended.stderr);
        screens.borrow_mut().push((format!("{arguments:?}"), screen));
        ended
    };
    run(&["check"]).expect(0);
    run(&["status"]).expect(2);
    run(&["plan", mistakes, "--action", "kill"]).expect(2);
    let capped = policy(
        &desk,
        "approval = \"always\"\n[caps]\npeople = 1\nactions = 1\nactions_per_person = 1\n",
    );
    run(&["plan", &roster, "--action", "kill", "--policy", &capped]).expect(6);
    run(&[
        "run",
        &roster,
        "--action",
        "kill",
        "--max-actions",
        "9",
        "--policy",
        &capped,
    ])
    .expect(6);
    let approved = policy(
        &desk,
        "approval = \"always\"\nrequire_reason = true\nrequire_ticket = true\n",
    );
    run(&["plan", &roster, "--action", "kill", "--policy", &approved]).expect(2);
    run(&[
        "plan", &roster, "--action", "kill", "--policy", &approved, "--reason", "х", "--ticket", "х",
    ])
    .expect(4);
    for by in ["person", "workflow", "hold"] {
        run(&["show", "--by", by]).expect(0);
    }
    run(&["apply"]).expect(6);
    run(&["approve"]).expect(6);
    run(&["run", &roster, "--action", "kill", "--max-actions", "1"]).expect(6);
    run(&["plan", &roster, "--action", "kill"]).expect(4);
    run(&["status"]).expect(0);
    run(&["status", "--watch"]).expect(0);
    run(&["jobs"]).expect(0);
    run(&["stop"]).expect(0);
    run(&["decide", "--drop", "person:3"]).expect(4);
    run(&["decide", "--include", "hold:shared", "--include", "hold:dropped"]).expect(4);
    run(&["decide", "--drop", "person:77"]).expect(2);
    run(&["decide", "--include", "person:2", "--drop", "person:2"]).expect(2);
    run(&["decide", "--row", "4", "--user", "6"]).expect(4);
    for (row, user) in [("9", "6"), ("1", "6"), ("6", "4"), ("6", "77")] {
        run(&["decide", "--row", row, "--user", user]);
    }
    run(&["resume"]).expect(6);
    run(&["resume", "--retry", "failed"]).expect(2);
    run(&["apply", "--confirm", "acme:1:00000000"]).expect(6);
    run(&["apply", "77"]).expect(2);
    let confirm = desk.status()["confirm"].as_str().unwrap().to_owned();
    portal.inject("lost-answer@destroy:2");
    run(&["apply", "--confirm", &confirm]);
    run(&["apply", "--confirm", &confirm]).expect(6);
    run(&["resume"]);
    run(&["show", "--by", "workflow"]).expect(0);
    run(&["report", "--format", "md", "-o", "bad.md"]).expect(0);
    run(&["report", "--format", "md", "-o", "bad.md"]).expect(2);
    std::fs::set_permissions(desk.key(), std::fs::Permissions::from_mode(0o644)).unwrap();
    run(&["plan", &roster, "--action", "kill"]).expect(2);
    std::fs::set_permissions(desk.key(), std::fs::Permissions::from_mode(0o600)).unwrap();
    for change in [
        |world: &mut World| world.webhook.scopes = vec!["bizproc".to_owned(), "user_brief".to_owned()],
        |world: &mut World| world.webhook.scopes = vec!["user".to_owned()],
        |world: &mut World| world.modules.business_processes = false,
        |world: &mut World| world.webhook.administrator = false,
        |world: &mut World| world.webhook.valid = false,
    ] {
        portal.world(change);
        run(&["check"]);
        run(&["plan", &roster, "--action", "kill"]);
    }
    let strangers = strangers(&desk, &screens.into_inner());
    assert!(strangers.is_empty(), "{}", strangers.join("\n\n"));
}

#[test]
fn the_language_is_chosen_by_flag_environment_file_and_default_in_that_order() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    desk.plan(&desk.roster(HOW_TO), "kill");
    let file = desk.folder().join(".config/offboard24/config.toml");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let database = desk.database();
    std::fs::write(
        &file,
        format!("[portal.acme]\ndb = \"{}\"\nlang = \"ru\"\n", database.display()),
    )
    .unwrap();
    let told = |arguments: &[&str], variable: Option<&str>| {
        let mut command = desk.command(arguments);
        command.envs(variable.map(|value| ("OFFBOARD24_LANG", value)));
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let is_russian = |arguments: &[&str], variable| told(arguments, variable).1.starts_with("работа");
    assert!(!is_russian(&["status"], None));
    assert!(!is_russian(&["status"], Some("")));
    assert!(is_russian(&["status"], Some("ru")));
    assert!(!is_russian(&["status", "--lang", "en"], Some("ru")));
    assert!(is_russian(&["status", "--portal", "acme"], None));
    assert!(!is_russian(&["status", "--portal", "acme"], Some("en")));
    // Reports have the same option, before or behind it.
    let report = ["report", "--format", "md"];
    assert!(told(&report, Some("ru")).1.contains("Отчёт") || told(&report, Some("ru")).1.contains("План"));
    assert_eq!(
        told(&[&report[..], &["--lang", "ru"]].concat(), None),
        told(&report, Some("ru"))
    );
    assert_eq!(
        told(&["--lang", "ru", "report", "--format", "md"], None),
        told(&report, Some("ru"))
    );
    // A language that is not known is no reason to guess one.
    let (code, _, said) = told(&["status"], Some("de"));
    assert!(code == Some(2) && said.contains("OFFBOARD24_LANG"), "{said}");
    assert_eq!(told(&["status", "--lang", "de"], None).0, Some(2));
    let explained = told(&["config", "explain", "--portal", "acme", "--json"], None).1;
    let explained: Value = serde_json::from_str(&explained).unwrap();
    let lang = explained["settings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|setting| setting["name"] == "lang");
    let lang = lang.unwrap();
    assert_eq!((&lang["value"], &lang["origin"]["line"]), (&"ru".into(), &3.into()));
}

#[test]
fn the_demonstration_speaks_russian_when_it_is_told_to_and_not_when_the_environment_is() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let told = in_russian(&desk, &["demo"]).expect(0).stdout;
    assert!(
        told.contains("учебного портала") && told.contains("presumed (вероятно, завершено)"),
        "{told}"
    );
    let output = desk.command(&["demo"]).env("OFFBOARD24_LANG", "de").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
}
