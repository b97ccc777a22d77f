//! Exports: whole, checked with and without this program, and the two verifiers agree.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use offboard24::journal::verify::{Against, verify_export};
use sha2::{Digest as _, Sha256};

use crate::support::scene::{copy_folder, hex};
use crate::support::{Desk, HOW_TO};

const ENGLISH: &[u8] = include_bytes!("../../samples/roster-english.csv");

/// Files whose every byte both verifiers judge by what it says, besides its sum.
const JUDGED: &[&str] = &[
    "events.jsonl",
    "personal.jsonl",
    "checkpoints.jsonl",
    "checkpoint.txt",
    "keys.txt",
    "export.json",
];

fn export(desk: &Desk, name: &str, more: &[&str]) -> PathBuf {
    let folder = desk.folder().join(name);
    desk.run(&[&["audit", "export", "-o", folder.to_str().unwrap()], more].concat())
        .expect(0);
    folder
}

/// What Python says: whether it is intact, and its words.
fn in_python(folder: &Path) -> (bool, String) {
    let output = Command::new("python3")
        .args(["-B", "-I"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/src/journal/export/verify.py"))
        .arg(folder)
        .output()
        .unwrap();
    let words = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    match output.status.code() {
        Some(0) => (true, words),
        Some(11) => (false, words),
        other => panic!("{other:?}: {words}"),
    }
}

/// One Python process that runs the verifier on many folders, one after another: starting it and working the same signatures out again is
/// what takes time. Whatever is asked about a signature for the second time is remembered; the rest is run as it stands.
const MANY: &str = r#"
import contextlib, functools, io, json, sys
source = open(sys.argv[1]).read()
last = "\ntry:\n    main()\n"
assert source.count(last) == 1
remembered = None
source = source.replace(last, "\nis_signed = remember(is_signed)\n" + last)
code = compile(source, sys.argv[1], "exec")
def remember(is_signed):
    global remembered
    remembered = remembered or functools.lru_cache(maxsize=None)(is_signed)
    return remembered
for folder in sys.stdin:
    sys.argv, words, status = ["verify.py", folder.rstrip("\n")], io.StringIO(), None
    with contextlib.redirect_stdout(words):
        try:
            exec(code, {"__name__": "__main__", "__file__": "verify.py", "remember": remember})
        except SystemExit as end:
            status = end.code
    print(json.dumps([status, words.getvalue()]), flush=True)
"#;

/// That process.
struct Python {
    process: Child,
    folders: ChildStdin,
    answers: std::io::Lines<BufReader<ChildStdout>>,
}

impl Python {
    fn start() -> Self {
        let mut process = Command::new("python3")
            .args(["-B", "-I", "-c", MANY])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/src/journal/export/verify.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            folders: process.stdin.take().unwrap(),
            answers: BufReader::new(process.stdout.take().unwrap()).lines(),
            process,
        }
    }

    /// Has it begin with a folder; it works while this process does.
    fn begin(&mut self, folder: &Path) {
        writeln!(self.folders, "{}", folder.display()).unwrap();
    }

    /// What it says of the folder: whether it is intact, and its words.
    fn answer(&mut self) -> (bool, String) {
        let answer = self.answers.next().unwrap().unwrap();
        let (status, words): (Option<u8>, String) = serde_json::from_str(&answer).unwrap();
        match status {
            Some(0) => (true, words),
            Some(11) => (false, words),
            other => panic!("{other:?}: {words}"),
        }
    }

    fn end(self) {
        let Self {
            mut process, folders, ..
        } = self;
        drop(folders);
        assert!(process.wait().unwrap().success());
    }
}

/// What this program says: whether it is intact, and the codes.
fn here(folder: &Path) -> (bool, String) {
    let (report, _) = verify_export(folder, Against::default()).unwrap();
    (report.is_intact(), format!("{:?}", report.counts))
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Writes the sums of all files anew, as somebody would who knows how.
fn sum_again(folder: &Path) {
    let text = fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
    let line = |line: &str| {
        let name = line.split_once("  ").unwrap().1;
        let sum = Sha256::digest(fs::read(folder.join(name)).unwrap());
        format!("{}  {name}\n", hex(&sum))
    };
    let lines: String = text.lines().map(line).collect();
    fs::write(folder.join("SHA256SUMS"), lines).unwrap();
}

/// A small source of chance that gives the same for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}

/// Damages an export in one way out of many, and says how. Nothing at all is one of them.
fn damage(folder: &Path, chance: &mut Chance) -> String {
    let kind = chance.below(10);
    if kind == 0 {
        return "nothing".to_owned();
    }
    // With the sums written anew, only what the files say can tell.
    let again = kind >= 4;
    let all = names(folder);
    let files: Vec<&str> = if again {
        JUDGED
            .iter()
            .copied()
            .filter(|name| folder.join(name).exists())
            .collect()
    } else {
        all.iter()
            .map(String::as_str)
            .filter(|name| *name != "receipts")
            .collect()
    };
    let name = files[chance.below(files.len())].to_owned();
    let path = folder.join(&name);
    let mut bytes = fs::read(&path).unwrap();
    let place = chance.below(bytes.len());
    let how = match chance.below(7) {
        0 if !again => {
            fs::remove_file(&path).unwrap();
            return format!("{name} removed");
        }
        1 if !again => {
            fs::write(folder.join("more.txt"), "x").unwrap();
            return "a file too much".to_owned();
        }
        2 => {
            bytes.truncate(place);
            format!("cut at {place}")
        }
        3 => {
            let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
            let line = chance.below(lines.len());
            bytes = lines
                .iter()
                .enumerate()
                .filter(|(at, _)| *at != line)
                .flat_map(|(_, line)| line.to_vec())
                .collect();
            format!("line {line} removed")
        }
        4 => {
            let mut lines: Vec<Vec<u8>> = bytes
                .split_inclusive(|byte| *byte == b'\n')
                .map(<[u8]>::to_vec)
                .collect();
            let (one, other) = (chance.below(lines.len()), chance.below(lines.len()));
            lines.swap(one, other);
            bytes = lines.concat();
            format!("lines {one} and {other} swapped")
        }
        _ => {
            let bit = chance.below(8);
            bytes[place] ^= 1 << bit;
            format!("bit {bit} of byte {place} flipped")
        }
    };
    fs::write(&path, bytes).unwrap();
    if again {
        sum_again(folder);
    }
    format!("{name}: {how}{}", if again { ", summed again" } else { "" })
}

#[test]
fn an_export_is_private_whole_and_intact_for_both_verifiers() {
    let (_portal, desk) = Desk::finished(ENGLISH, 4);
    let folder = export(&desk, "evidence", &[]);
    assert_eq!(
        names(&folder),
        [
            "README.txt",
            "SHA256SUMS",
            "audit.db",
            "checkpoint.txt",
            "checkpoints.jsonl",
            "events.jsonl",
            "export.json",
            "keys.txt",
            "personal.jsonl",
            "receipts",
            "verify.py"
        ]
    );
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    for name in names(&folder).iter().filter(|name| *name != "receipts") {
        assert_eq!(
            fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777,
            0o600,
            "{name}"
        );
    }
    let (intact, words) = in_python(&folder);
    assert!(intact, "{words}");
    assert!(words.contains("job 1: 17 actions, 16 confirmed, 1 held"), "{words}");
    let verified = desk.run(&["audit", "verify", folder.to_str().unwrap()]).expect(0);
    assert!(
        verified.stdout.contains("intact, signed up to event"),
        "{}",
        verified.stdout
    );
    let summed = Command::new("sha256sum")
        .args(["-c", "--quiet", "SHA256SUMS"])
        .current_dir(&folder)
        .status()
        .unwrap();
    assert!(summed.success());
}

#[test]
fn a_redacted_export_has_no_personal_value_in_any_file_and_proves_the_same() {
    let (_portal, desk) = Desk::finished(ENGLISH, 4);
    let folder = export(&desk, "redacted", &["--redacted"]);
    for name in names(&folder).iter().filter(|name| *name != "receipts") {
        let bytes = fs::read(folder.join(name)).unwrap();
        for value in [
            "Hargreaves",
            "marta.lindqvist@example.com",
            "Approve the purchase of monitors",
            "Zoe",
        ] {
            assert!(
                !bytes.windows(value.len()).any(|window| window == value.as_bytes()),
                "{value} in {name}"
            );
        }
    }
    let (intact, words) = in_python(&folder);
    assert!(intact && words.contains("left out"), "{words}");
    let verified = desk.run(&["audit", "verify", folder.to_str().unwrap()]).expect(0);
    assert!(
        verified.stdout.contains("left out of this export"),
        "{}",
        verified.stdout
    );
}

#[test]
fn an_export_after_an_erasure_and_a_rotation_is_intact_for_both_verifiers() {
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
    desk.run(&["audit", "key", "rotate"]).expect(0);
    desk.redact(&["--person", "29"]).expect(0);
    let folder = export(&desk, "evidence", &[]);
    let ((intact, words), (same, codes)) = (in_python(&folder), here(&folder));
    assert!(intact && same, "{words}\n{codes}");
}

#[test]
fn an_export_is_never_written_over_something_and_half_an_export_has_not_its_name() {
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
    let folder = export(&desk, "evidence", &[]);
    let refused = desk.run(&["audit", "export", "-o", folder.to_str().unwrap()]).expect(2);
    assert!(
        refused.stderr.contains("nothing is written over it"),
        "{}",
        refused.stderr
    );
    let somebodys = desk.folder().join("second.part");
    fs::create_dir(&somebodys).unwrap();
    fs::write(somebodys.join("letter"), "not of an export").unwrap();
    let second = export(&desk, "second", &[]);
    assert!(here(&second).0);
    assert_eq!(
        fs::read_to_string(somebodys.join("letter")).unwrap(),
        "not of an export"
    );
    let before = names(desk.folder());
    let id = desk.database_id();
    // A receipt that is a folder cannot be read.
    fs::create_dir(desk.head().with_file_name(format!("{id}-99.receipt"))).unwrap();
    desk.run(&["audit", "export", "-o", "third"]).expect(2);
    assert_eq!(names(desk.folder()), before);
}

#[test]
fn a_slash_at_the_end_changes_nothing_and_a_folder_that_cannot_be_made_is_named() {
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
    let folder = export(&desk, "evidence/", &[]);
    assert!(here(&folder).0);
    let again = desk.run(&["audit", "export", "-o", "evidence/"]).expect(2);
    assert!(again.stderr.contains("nothing is written over it"), "{}", again.stderr);
    let below_a_file = desk.database().join("x");
    let failed = desk
        .run(&["audit", "export", "-o", below_a_file.to_str().unwrap(), "--json"])
        .expect(2)
        .json();
    assert_eq!(failed["error"]["kind"], "export");
    let message = failed["error"]["message"].as_str().unwrap();
    let expected = format!("the export cannot be written to {}: ", below_a_file.display());
    assert!(message.starts_with(&expected), "{message}");
    let unfinished = names(desk.folder());
    assert!(unfinished.iter().all(|name| !name.contains(".part")), "{unfinished:?}");
}

#[test]
fn a_verifier_that_was_swapped_is_told_whatever_version_the_export_says_it_is_of() {
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
    let folder = export(&desk, "evidence", &[]);
    let verify = |code, more: &[&str]| {
        desk.run(&[&["audit", "verify", "evidence"], more].concat())
            .expect(code)
    };
    assert_eq!(verify(0, &["--json"]).json()["not_compared"], serde_json::json!([]));
    fs::write(folder.join("verify.py"), "print('intact')\n").unwrap();
    sum_again(&folder);
    let found = verify(11, &["--json"]).json();
    assert_eq!(found["counts"], serde_json::json!({ "export-differs": 1 }));
    assert_eq!(found["not_compared"], serde_json::json!([]));
    // Another version has another verifier, for all that is known here.
    let about = fs::read_to_string(folder.join("export.json")).unwrap();
    let version = concat!("\"version\":\"", env!("CARGO_PKG_VERSION"), "\"");
    assert!(about.contains(version), "{about}");
    fs::write(
        folder.join("export.json"),
        about.replace(version, "\"version\":\"0.0.7\""),
    )
    .unwrap();
    sum_again(&folder);
    let found = verify(0, &["--json"]).json();
    assert_eq!(found["not_compared"], serde_json::json!(["verify.py"]));
    let words = verify(0, &[]).stdout;
    assert!(
        words.contains("not compared: verify.py. By the export they are of version 0.0.7"),
        "{words}"
    );
}

#[test]
fn a_list_of_sums_without_its_end_is_found_by_both_verifiers() {
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
    let folder = export(&desk, "evidence", &[]);
    let sums = fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
    fs::write(folder.join("SHA256SUMS"), sums.trim_end()).unwrap();
    assert_eq!(here(&folder), (false, "{ExportFile: 1}".to_owned()));
    assert!(!in_python(&folder).0);
}

#[test]
fn verification_changes_nothing_in_a_folder_whose_database_keeps_a_write_ahead_log() {
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
    let folder = export(&desk, "evidence", &[]);
    // The two versions of the file format are those of the write-ahead log.
    let mut database = fs::read(folder.join("audit.db")).unwrap();
    database[18..20].copy_from_slice(&[2, 2]);
    fs::write(folder.join("audit.db"), database).unwrap();
    sum_again(&folder);
    let state = || (names(&folder), fs::metadata(&folder).unwrap().modified().unwrap());
    let before = state();
    let (intact, codes) = here(&folder);
    assert!(intact, "{codes}");
    assert_eq!(state(), before);
}

#[test]
fn both_verifiers_agree_on_two_hundred_exports_good_and_damaged() {
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
    let whole = [export(&desk, "full", &[]), export(&desk, "redacted", &["--redacted"])];
    let damaged = desk.folder().join("damaged");
    let (mut good, mut bad) = (0, 0);
    let mut verifier = Python::start();
    for seed in 1..=200_u64 {
        copy_folder(&whole[usize::try_from(seed % 2).unwrap()], &damaged);
        let how = damage(&damaged, &mut Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        verifier.begin(&damaged);
        let (rust, codes) = here(&damaged);
        let (python, words) = verifier.answer();
        assert_eq!(python, rust, "seed {seed}, {how}\n{words}\n{codes}");
        // A line swapped with itself, or another version in `export.json`, is no damage.
        let may_be_either = how.contains("swapped") || how.starts_with("export.json");
        assert!(
            may_be_either || python == how.starts_with("nothing"),
            "seed {seed}, {how}\n{words}\n{codes}"
        );
        if python {
            good += 1;
        } else {
            bad += 1;
        }
        fs::remove_dir_all(&damaged).unwrap();
    }
    verifier.end();
    assert!(good >= 10 && bad >= 150, "{good} good, {bad} damaged");
}

#[test]
fn what_an_export_that_died_left_behind_is_removed_by_the_next_one_and_what_another_is_making_is_not() {
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
    let begun = |name: &str| {
        let folder = desk.folder().join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("audit.db"), "somebody's values").unwrap();
        folder
    };
    let dead = begun(".evidence.part-0123456789abcdef");
    let alive = begun(".evidence.part-fedcba9876543210");
    let not_ours = begun(".evidence.part-of-somebody-else");
    let held = fs::File::open(&alive).unwrap();
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
    export(&desk, "evidence", &[]);
    assert_eq!(
        [dead, alive, not_ours].map(|folder| folder.exists()),
        [false, true, true]
    );
}
