//! What people read, word for word.

use offboard24::sandbox::World;

use crate::support::{Desk, Portal};

const ENGLISH: &[u8] = include_bytes!("../../samples/roster-english.csv");

/// The text without what differs from run to run: the portal's port, the plan's hash, the folder, the key, a receipt's own, and blanks at line
/// ends.
pub(crate) fn steady(text: &str, portal: &Portal, desk: &Desk) -> String {
    let plan = desk.status();
    let hash = plan["plan_hash"].as_str().unwrap();
    let text = text
        .replace(&portal.host(), "PORTAL")
        .replace(hash, "HASH64")
        .replace(&hash[..8], "HASH8")
        .replace(&desk.database_id(), "DATABASE")
        .replace(desk.folder().to_str().unwrap(), "FOLDER");
    text.lines()
        .map(|line| signed(line.trim_end()))
        .collect::<Vec<_>>()
        .join("\n")
}

/// A line without the bytes of a key, a root or a signature, and without a time.
fn signed(line: &str) -> String {
    let is_bytes = |word: &str| {
        word.len() >= 40
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
    };
    let is_key = |word: &str| word.contains("/DATABASE+");
    let is_time = |word: &str| word.len() == 24 && word.ends_with('Z') && word.starts_with("20");
    let steady = |word: &str| match word {
        word if is_key(word) => "PORTAL/DATABASE+ID+KEY".to_owned(),
        word if is_bytes(word) => "BASE64".to_owned(),
        word if is_time(word) => "TIME".to_owned(),
        word => word.to_owned(),
    };
    line.split(' ').map(steady).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_english_sample_from_plan_to_result() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let roster = desk.roster(ENGLISH);
    let plan = desk.run(&["plan", &roster, "--action", "kill"]).expect(4);
    insta::assert_snapshot!("plan_notes", steady(&plan.stderr, &portal, &desk));
    insta::assert_snapshot!("plan", steady(&plan.stdout, &portal, &desk));
    let confirm = desk.status()["confirm"].as_str().unwrap().to_owned();
    insta::assert_snapshot!(
        "status_planned",
        steady(&desk.run(&["status"]).expect(0).stdout, &portal, &desk)
    );
    let refused = desk.run(&["apply"]).expect(6);
    insta::assert_snapshot!("apply_refused", steady(&refused.stderr, &portal, &desk));
    let applied = desk.run(&["apply", "--confirm", &confirm]).expect(4);
    insta::assert_snapshot!("apply", steady(&applied.stdout, &portal, &desk));
    for by in ["person", "workflow", "hold"] {
        let shown = desk.run(&["show", "--by", by]).expect(0);
        insta::assert_snapshot!(format!("show_by_{by}"), steady(&shown.stdout, &portal, &desk));
    }
}

#[test]
fn the_sample_of_mistakes_line_by_line() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let roster = desk.roster(include_bytes!("../../samples/roster-mistakes.csv"));
    let refused = desk.run(&["plan", &roster, "--action", "kill"]).expect(2);
    insta::assert_snapshot!("mistakes", refused.stderr);
}

#[test]
fn the_help() {
    let portal = Portal::of(World::empty());
    let desk = Desk::at(&portal);
    for arguments in [
        ["--help", "--quiet"],
        ["plan", "-h"],
        ["apply", "-h"],
        ["resume", "-h"],
        ["sandbox", "-h"],
    ] {
        let help = desk.run(&arguments).expect(0).stdout;
        insta::assert_snapshot!(format!("help_{}", arguments[0].trim_start_matches('-')), help);
    }
}
