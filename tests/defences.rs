//! Takes the defences out, one after another, in a copy of the project, and sees the test of each of them fail.
//!
//! `cargo test --test defences` takes them all, which is about a quarter of a minute each;
//! `cargo test --test defences -- 'trap 2' breaker` only those that are against something that contains one of these texts.
//! It ends with an error when a test passes without its defence, when it fails with it, or when a removal does not compile.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a rig for developers ends at the first surprise, and prints what it finds"
)]

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

#[path = "it/defences/tables/mod.rs"]
mod tables;

use tables::{Defence, all};

/// What the copy is made of.
const COPIED: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "rustfmt.toml",
    "README.md",
    "ARCHITECTURE.md",
    "benches",
    "docs",
    "packaging",
    "schemas",
    "src",
    "tests",
    "migrations",
    "samples",
    "templates",
];

/// Longer than a build and any test here take.
const PATIENCE: Duration = Duration::from_mins(10);

/// How it ended without the defence.
enum Verdict {
    Caught,
    NotCaught,
    FailsAnyway,
    DoesNotEnd,
    DoesNotCompile(String),
}

/// How a test ended.
enum Ended {
    Passed,
    Failed,
    NotInTime,
}

struct Copy {
    folder: PathBuf,
    target: PathBuf,
}

impl Copy {
    fn make() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let rig = root.join("target/defences");
        let folder = rig.join("project");
        drop(std::fs::remove_dir_all(&folder));
        std::fs::create_dir_all(&folder).unwrap();
        for name in COPIED {
            let copied = Command::new("cp")
                .arg("-R")
                .arg(root.join(name))
                .arg(&folder)
                .status()
                .unwrap();
            assert!(copied.success(), "{name} could not be copied");
        }
        Self {
            folder,
            target: rig.join("build"),
        }
    }

    /// What cargo came to, unless it takes longer than any test here; and what it printed.
    fn cargo(&self, arguments: &[&str]) -> (Option<bool>, String) {
        let log = self.target.with_extension("log");
        let printed = std::fs::File::create(&log).unwrap();
        let mut child = Command::new(env!("CARGO"))
            .args(["test", "--locked", "--quiet"])
            .args(arguments)
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", &self.target)
            .env("RUST_BACKTRACE", "0")
            .stdout(printed.try_clone().unwrap())
            .stderr(printed)
            .process_group(0)
            .spawn()
            .unwrap();
        let began = Instant::now();
        let success = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break Some(status.success());
            }
            if began.elapsed() > PATIENCE {
                let group = Pid::from_child(&child);
                rustix::process::kill_process_group(group, Signal::KILL).unwrap();
                child.wait().unwrap();
                break None;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let printed = std::fs::read(&log).unwrap();
        (success, String::from_utf8_lossy(&printed).into_owned())
    }

    /// How the test ends; an error when nothing compiles.
    fn play(&self, test: &str) -> Result<Ended, String> {
        let (target, name) = match test.strip_prefix("lib ") {
            Some(name) => (&["--lib"][..], name),
            None => (&["--test", "it"][..], test),
        };
        let (compiles, printed) = self.cargo(&[target, &["--no-run"]].concat());
        if compiles != Some(true) {
            return Err(printed);
        }
        let (passes, printed) = self.cargo(&[target, &["--", "--exact", name]].concat());
        assert!(
            printed.contains("running 1 test"),
            "there is no test {test}:\n{printed}"
        );
        Ok(match passes {
            Some(true) => Ended::Passed,
            Some(false) => Ended::Failed,
            None => Ended::NotInTime,
        })
    }

    fn without(&self, defence: &Defence) -> Verdict {
        let mut originals = Vec::new();
        for removal in defence.without {
            let path = self.folder.join(removal.file);
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!(
                text.matches(removal.code).count(),
                1,
                "{}: {}",
                defence.against,
                removal.file
            );
            std::fs::write(&path, text.replace(removal.code, removal.becomes)).unwrap();
            originals.push((path, text));
        }
        let verdict = match self.play(defence.test) {
            Ok(Ended::Passed) => Verdict::NotCaught,
            Ok(Ended::Failed) => Verdict::Caught,
            Ok(Ended::NotInTime) => Verdict::DoesNotEnd,
            Err(printed) => Verdict::DoesNotCompile(printed),
        };
        for (path, text) in originals.into_iter().rev() {
            std::fs::write(path, text).unwrap();
        }
        verdict
    }
}

fn main() -> ExitCode {
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let chosen: Vec<&Defence> = all()
        .filter(|defence| asked.is_empty() || asked.iter().any(|text| defence.against.contains(text)))
        .collect();
    let copy = Copy::make();
    let mut fails_anyway = Vec::new();
    for defence in &chosen {
        match copy.play(defence.test) {
            Ok(Ended::Passed) => {}
            Ok(_) => fails_anyway.push(defence.test),
            Err(printed) => panic!("the project does not compile:\n{printed}"),
        }
    }
    let mut bad = 0;
    for defence in &chosen {
        let verdict = if fails_anyway.contains(&defence.test) {
            Verdict::FailsAnyway
        } else {
            copy.without(defence)
        };
        let word = match &verdict {
            Verdict::Caught => "caught",
            Verdict::NotCaught => "NOT CAUGHT",
            Verdict::FailsAnyway => "FAILS WITH THE DEFENCE TOO",
            Verdict::DoesNotEnd => "DOES NOT END",
            Verdict::DoesNotCompile(_) => "DOES NOT COMPILE",
        };
        println!(
            "{word}: {} - without \"{}\", {}",
            defence.against, defence.by, defence.test
        );
        if let Verdict::DoesNotCompile(printed) = &verdict {
            println!("{printed}");
        }
        bad += usize::from(!matches!(verdict, Verdict::Caught));
    }
    println!("{} defences taken out, {bad} of them not as it should be", chosen.len());
    if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
