//! What makes the program easy to reach: completions and manual pages, from the one definition of the command line.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::Desk;

/// Whether a program is on this machine. Where it is not, that is said.
fn has(program: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .stdout(Stdio::null())
        .status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        eprintln!("NOT tested with {program}: it is not on this machine");
    }
    found
}

/// What bash offers for this line, whose last word is being typed.
fn offered(script: &Path, words: &[&str]) -> Vec<String> {
    let last = words.len() - 1;
    let line = "source \"$1\"; shift; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
                _offboard24 offboard24 \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD-1]}\"; printf '%s\\n' \"${COMPREPLY[@]}\"";
    assert!(last > 0, "the program's name and a word");
    let output = Command::new("bash")
        .args(["--noprofile", "--norc", "-c", line, "bash"])
        .arg(script)
        .args(words)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout)
        .unwrap()
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

#[test]
fn bash_offers_commands_flags_and_values() {
    let desk = Desk::with_webhook("");
    let script = desk.folder().join("completion.bash");
    std::fs::write(&script, desk.run(&["completions", "bash"]).expect(0).stdout).unwrap();
    if !has("bash") {
        return;
    }
    let commands = offered(&script, &["offboard24", ""]);
    for command in [
        "demo",
        "plan",
        "apply",
        "resume",
        "report",
        "audit",
        "config",
        "completions",
        "man",
    ] {
        assert!(commands.iter().any(|offer| offer == command), "{command}: {commands:?}");
    }
    assert_eq!(offered(&script, &["offboard24", "sta"]), ["status"]);
    assert_eq!(offered(&script, &["offboard24", "audit", "key", "ro"]), ["rotate"]);
    assert_eq!(offered(&script, &["offboard24", "plan", "--act"]), ["--action"]);
    assert_eq!(
        offered(&script, &["offboard24", "plan", "--action", ""]),
        ["kill", "terminate"]
    );
}

#[test]
fn the_other_shells_take_their_completions() {
    let desk = Desk::with_webhook("");
    for (shell, program, check) in [
        ("zsh", "zsh", &["-n"][..]),
        ("fish", "fish", &["--no-execute"]),
        ("powershell", "pwsh", &["-NoProfile", "-File"]),
    ] {
        let script = desk.run(&["completions", shell]).expect(0).stdout;
        for command in ["plan", "apply", "resume", "audit"] {
            assert!(script.contains(command), "{shell}: {command}");
        }
        // PowerShell takes a script by its ending only.
        let file = desk.folder().join(format!(
            "completion.{}",
            if shell == "powershell" { "ps1" } else { shell }
        ));
        std::fs::write(&file, script).unwrap();
        if has(program) {
            let output = Command::new(program).args(check).arg(&file).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
    assert_eq!(desk.run(&["completions", "tcsh"]).code, 2);
}

/// A page as a reader on a terminal has it, and what the formatter complained about.
fn rendered(page: &Path) -> (String, String) {
    let output = Command::new("groff")
        .args(["-k", "-man", "-ww", "-rLL=100n", "-Tutf8"])
        .env("GROFF_NO_SGR", "1")
        .arg(page)
        .output()
        .unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    // Bold and underlined letters are printed over each other.
    let text = String::from_utf8(output.stdout).unwrap();
    let mut plain = String::new();
    for character in text.chars() {
        if character == '\u{8}' {
            plain.pop();
        } else {
            plain.push(character);
        }
    }
    (plain, complaints)
}

#[test]
fn every_command_has_a_manual_page_that_renders_without_a_warning() {
    let desk = Desk::with_webhook("");
    desk.run(&["man", "-o", "pages"]).expect(0);
    // Once more: pages of an older version are replaced.
    desk.run(&["man", "-o", "pages"]).expect(0);
    let folder = desk.folder().join("pages");
    let pages: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(pages.len() > 20, "{pages:?}");
    assert_eq!(
        desk.run(&["man"]).expect(0).stdout,
        std::fs::read_to_string(folder.join("offboard24.1")).unwrap()
    );
    if !has("groff") {
        return;
    }
    for page in &pages {
        let (text, complaints) = rendered(page);
        assert_eq!(complaints, "", "{}", page.display());
        assert!(text.contains("SYNOPSIS"), "{text}");
    }
    let (main, _) = rendered(&folder.join("offboard24.1"));
    for line in [
        "EXIT STATUS",
        "11  audit verify found damage; nothing was changed",
        "offboard24-plan(1)",
    ] {
        assert!(main.contains(line), "{line}\n{main}");
    }
    let (report, _) = rendered(&folder.join("offboard24-report.1"));
    assert!(
        report.contains("    offboard24 report --format html -o report.html"),
        "{report}"
    );
}
