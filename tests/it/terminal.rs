//! What a person sees and types: commands on a terminal of their own, 80 columns wide.

use offboard24::sandbox::World;

use crate::support::{Desk, Ended, HOW_TO, Keeper, Portal, Screen, Shown, first_line};
use crate::{check, screens};

const ENGLISH: &[u8] = include_bytes!("../../samples/roster-english.csv");

/// Whoever logged in before the account was changed: another person.
const SOMEBODY_ELSE: &[(&str, &str)] = &[("SUDO_USER", "vera")];

fn planned(roster: &[u8]) -> (Portal, Desk) {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal).typed_by("paula");
    desk.plan(&desk.roster(roster), "kill");
    (portal, desk)
}

/// The screen under its exit code, without what differs from run to run: accounts and host too.
fn steady(shown: &Shown, portal: &Portal, desk: &Desk) -> String {
    let text = screens::steady(&shown.unwrapped, portal, desk);
    let mut story = desk.story();
    let by = story
        .iter_mut()
        .find_map(|event| event["data"].get("os_user").is_some().then(|| event["data"].take()));
    let by = by.unwrap();
    let (user, host) = (by["os_user"].as_str().unwrap(), by["host"].as_str().unwrap());
    let text = text
        .replace(&format!("by {user} "), "by USER ")
        .replace(&format!("on {host}"), "on HOST");
    let lines = text.lines().map(without_pace).collect::<Vec<_>>();
    format!("exit {}\n{}", shown.code.unwrap_or(-1), lines.join("\n"))
}

/// A bar without what it says of time, and without its length, which is what that leaves.
fn without_pace(line: &str) -> String {
    let told = line.trim_start_matches(['█', '░']);
    match told.split_once(" held") {
        Some((before, _)) if told.len() < line.len() => format!("BAR{before} held, PACE"),
        _ => line.to_owned(),
    }
}

/// Types the answers to the two questions.
fn answer(screen: &mut Screen, portal: &str, number: &str) {
    screen.await_text("Type the portal to confirm:");
    screen.enter(&format!("{portal}\n"));
    if !number.is_empty() {
        screen.await_text("Type the number of actions to confirm:");
        screen.enter(&format!("{number}\n"));
    }
}

#[test]
fn a_plan_is_decided_about_and_approved_on_a_terminal() {
    let (portal, desk) = planned(ENGLISH);
    let decided = Screen::of(&desk, &["decide", "--include", "hold:shared"], &[]).end();
    insta::assert_snapshot!("decide", steady(&decided, &portal, &desk));
    let number = desk.status()["actions"]["planned"].to_string();
    let mine = Screen::of(&desk, &["approve"], &[]).end();
    assert!(
        mine.unwrapped.contains("somebody else has to approve it"),
        "{}",
        mine.text
    );
    assert_eq!(mine.code, Some(6));
    let mut approving = Screen::of(&desk, &["approve"], SOMEBODY_ELSE);
    answer(&mut approving, "acme.bitrix24.com", "");
    assert_eq!(approving.end().code, Some(6));
    assert!(!desk.story().iter().any(|event| event["kind"] == "plan_approved"));
    let mut approving = Screen::of(&desk, &["approve"], SOMEBODY_ELSE);
    answer(&mut approving, &portal.host(), &number);
    let approved = approving.end();
    assert_eq!(approved.code, Some(0), "{}", approved.text);
    insta::assert_snapshot!("approve", steady(&approved, &portal, &desk));
    portal.assert_untouched();
}

#[test]
fn a_wrong_answer_changes_nothing_and_the_right_one_carries_the_plan_out() {
    let (portal, desk) = planned(HOW_TO);
    let mut wrong = Screen::of(&desk, &["apply"], &[]);
    answer(&mut wrong, &portal.host(), "8");
    insta::assert_snapshot!("apply_wrong", steady(&wrong.end(), &portal, &desk));
    portal.assert_untouched();
    let mut right = Screen::of(&desk, &["apply"], &[]);
    answer(&mut right, &portal.host(), "9");
    let right = right.end();
    assert_eq!(right.code, Some(0), "{}", right.text);
    insta::assert_snapshot!("apply_right", steady(&right, &portal, &desk));
    assert_eq!(portal.destroyed().len(), 9);
}

#[test]
fn what_check_says_on_a_terminal() {
    let (portal, desk) = planned(HOW_TO);
    let shown = Screen::of(&desk, &["check", "--rate", "unlimited"], &[]).end();
    let ended = Ended {
        code: shown.code.unwrap(),
        stdout: shown.unwrapped,
        stderr: String::new(),
    };
    insta::assert_snapshot!("check", check::steady(&ended, &desk, &portal.host()));
}

/// A job whose second batch is at the portal, on a terminal that shows the bar.
fn under_way() -> (Portal, Keeper, Desk, Screen) {
    let (portal, keeper) = Keeper::before(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    portal.inject("delay:1s@destroy:2");
    let confirm = plan["confirm"].as_str().unwrap().to_owned();
    let mut screen = Screen::of(&desk, &["apply", "--confirm", &confirm], &[]);
    Keeper::await_destroying(&portal, screen.child(), 2);
    screen.await_text("1/9 ");
    (portal, keeper, desk, screen)
}

#[test]
fn ctrl_c_once_finishes_the_batch_in_flight() {
    let (portal, keeper, desk, mut screen) = under_way();
    screen.interrupt();
    screen.await_text("press again to stop at once");
    keeper.open();
    let shown = screen.end();
    assert_eq!(shown.code, Some(130), "{}", shown.text);
    insta::assert_snapshot!("interrupted_once", steady(&shown, &portal, &desk));
    let status = desk.status();
    assert_eq!(
        (&status["stop_reason"], &status["in_doubt"]),
        (&"signal".into(), &0.into())
    );
    desk.run(&["resume"]).expect(0);
    assert_eq!(portal.destroyed().len(), 9);
    desk.assert_sound();
}

#[test]
fn ctrl_c_twice_stops_at_once_and_the_next_run_asks_what_came_of_it() {
    let (portal, keeper, desk, mut screen) = under_way();
    screen.interrupt();
    screen.await_text("press again to stop at once");
    screen.interrupt();
    let shown = screen.end();
    assert_eq!(shown.code, Some(130), "{}", shown.text);
    insta::assert_snapshot!("interrupted_twice", steady(&shown, &portal, &desk));
    assert_ne!(desk.status()["in_doubt"], 0);
    keeper.open();
    desk.run(&["resume"]).expect(0);
    assert_eq!(portal.destroyed().len(), 9);
    desk.assert_sound();
}

#[test]
fn a_terminal_that_is_made_narrow_loses_nothing_of_what_it_is_told() {
    let (portal, keeper, desk, mut screen) = under_way();
    screen.resize(40);
    keeper.open();
    let shown = screen.end();
    assert_eq!(shown.code, Some(0), "{}", shown.text);
    assert!(
        !shown.text.contains(" held, "),
        "the bar is gone from there:\n{}",
        shown.text
    );
    assert!(shown.text.contains("offboard24 receipt"), "{}", shown.text);
    assert_eq!(portal.destroyed().len(), 9);
    desk.assert_sound();
}

#[test]
fn somebody_else_watches_from_another_terminal() {
    let (portal, keeper, desk, screen) = under_way();
    let mut watching = Screen::of(&desk, &["status", "--watch"], &[]);
    watching.await_text("running");
    keeper.open();
    assert_eq!(screen.end().code, Some(0));
    let shown = watching.end();
    let text = steady(&shown, &portal, &desk);
    let without_time = |line: &str| line.split_once(' ').unwrap().1.to_owned();
    let lines: Vec<String> = text.lines().skip(1).map(without_time).collect();
    // How often it looked in between is a matter of time.
    let told = [lines.first().unwrap().as_str(), lines.last().unwrap()];
    insta::assert_snapshot!("watch", told.join("\n"));
}

#[test]
fn the_bar_is_one_line_of_eighty_columns_and_without_colours() {
    let (_portal, keeper, _desk, screen) = under_way();
    keeper.open();
    let shown = screen.end();
    let drawn = shown
        .bytes
        .split(['\r', '\n'])
        .map(|line| line.trim_start_matches("\u{1b}[2K"));
    let bars: Vec<&str> = drawn.filter(|line| line.starts_with(['█', '░'])).collect();
    assert!(bars.len() > 1, "{}", shown.bytes);
    for bar in bars {
        let bar = bar.split('\u{1b}').next().unwrap().trim_end();
        assert!(bar.chars().count() <= 80, "{bar:?}");
    }
    assert!(shown.bytes.contains(" a second, "), "{}", shown.bytes);
    assert!(!shown.bytes.contains("\u{1b}[3"), "{}", shown.bytes);
}

#[test]
fn colours_are_there_only_where_they_are_wanted() {
    let (_portal, desk) = planned(HOW_TO);
    let wrong = |more: &[(&str, &str)]| Screen::of(&desk, &["show", "--by", "colour"], more).end();
    let (coloured, plain) = (wrong(&[]), wrong(&[("NO_COLOR", "1")]));
    assert!(coloured.bytes.contains("\u{1b}["), "{}", coloured.bytes);
    assert!(!plain.bytes.contains('\u{1b}'), "{}", plain.bytes);
    assert_eq!((plain.code, &plain.text), (Some(2), &coloured.text));
    let shown = Screen::of(&desk, &["show"], &[("NO_COLOR", "1")]).end();
    assert!(!shown.bytes.contains('\u{1b}'), "{}", shown.bytes);
}

#[test]
fn help_is_as_wide_as_the_terminal() {
    let (_portal, desk) = planned(HOW_TO);
    for command in [
        "plan", "show", "decide", "approve", "apply", "resume", "status", "check", "report",
    ] {
        let shown = Screen::of(&desk, &[command, "-h"], &[]).end();
        let too_wide = shown.unwrapped.lines().find(|line| line.chars().count() > 80);
        // An example to be copied stays on one line.
        let is_example = |line: &str| line.contains("offboard24 ");
        assert!(too_wide.is_none_or(is_example), "{command}: {too_wide:?}");
    }
}

#[test]
fn who_takes_one_line_of_a_table_or_a_report_gets_it_without_complaint() {
    let (_portal, desk) = planned(ENGLISH);
    for (arguments, begins) in [
        (&["show"][..], "job 1 on "),
        (&["show", "--by", "workflow"], "job 1 on "),
        (&["report", "--format", "md"], "# offboard24"),
        (&["audit", "log"], "     0  "),
        (&["help"], ""),
    ] {
        let (code, line, complaint) = first_line(&desk, arguments);
        assert_eq!((code, complaint.as_str()), (Some(0), ""), "{arguments:?}");
        assert!(line.starts_with(begins), "{arguments:?}: {line}");
    }
}
