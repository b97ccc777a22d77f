//! `offboard24 demo`: the whole job against an embedded stand-in portal.
//!
//! Ignores every `OFFBOARD24_*` variable and the configuration file, writes to a new folder under the temporary directory, speaks to loopback only, and ends with 0
//! only when the scripted result came out.

use std::path::{Path, PathBuf};

use super::consent::Consent;
use super::execution::{Mandate, carry_out, exit_of};
use super::failure::Failure;
use super::planning::{Begun, begin, read_order};
use super::settings::{Intake, Place, PortalAccess};
use super::surroundings::Surroundings;
use super::terminal::Terminal;
use super::time_limit::TimeLimit;
use super::work::Work;
use super::{Ending, show};
use crate::domain::{ActionKind, ActionState, Outcome};
use crate::exit::Exit;
use crate::files::make_private_folder;
use crate::paths::Paths;
use crate::plan::caps::Caps;
use crate::portal::{Rate, Settings, Webhook};
use crate::report::status::{JobState, JobStatus};
use crate::roster::Options as RosterOptions;
use crate::sandbox::{Options, Sandbox};

/// The roster of the demonstration, written against the stand-in's people.
const ROSTER: &[u8] = include_bytes!("../../samples/roster-english.csv");

/// One command's answer gets lost on the way, so that the outcome `presumed` can be seen.
const FAULT: &str = "missing-keys@command:8";

pub(crate) async fn demo(terminal: &Terminal, roster: Option<&Path>) -> Ending {
    let folder = new_folder()?;
    let path = match roster {
        Some(path) => path.to_owned(),
        None => write_roster(&folder)?,
    };
    let sandbox = start_portal().await?;
    let words = terminal.words();
    terminal.note(&(words.demo_listens)(&sandbox.address().to_string()));
    let intake = Intake {
        path,
        action: Some(ActionKind::Kill),
        policy: None,
        reason: None,
        ticket: None,
        caps: Caps::default(),
        consented: None,
        options: RosterOptions::default(),
    };
    let order = read_order(terminal, &intake)?;
    let webhook = Webhook::parse(&sandbox.webhook_url()).map_err(|cause| Failure::usage(cause.to_string()))?;
    let access = PortalAccess {
        webhook,
        ca_file: None,
        rate: Rate::Unlimited,
        burst: Settings::BURST,
        concurrency: Settings::CONCURRENCY,
        time_limit: TimeLimit::default(),
    };
    let paths = Paths::under(&folder);
    let place = Place {
        database: folder.join("audit.db"),
        key: paths.key(),
        paths,
        surroundings: Surroundings::default(),
    };
    let at = format!("--db {}", place.database.display());
    let mut work = Work::open_at(place, &terminal.without_json().on(Some(at)))?;
    terminal.say(&format!("\n{}\n", words.demo_plan));
    let Begun { link, job, run } = begin(&mut work, access, order, "demo", None).await?;
    let status = work.status(job)?;
    terminal.say(&show::plan_text(words, work.journal.view(), &status)?);
    let confirm = status.confirm.clone().unwrap_or_default();
    terminal.say(&format!("\n{}\n", (words.demo_confirmed)(&confirm)));
    let consent = Consent { confirm, by: "demo" };
    carry_out(&mut work, &link, run, job, Mandate::Execute(Some(consent))).await?;
    let status = work.status(job)?;
    let effects = sandbox.effects();
    let end = (words.demo_end)(effects.len(), sandbox.requests().len());
    terminal.say(&format!("\n{end}"));
    let exit = exit_of(&link, &status);
    work.close();
    sandbox.stop().await;
    let scripted = roster.is_none() && status.stop_reason.is_none();
    if scripted {
        check(&status, effects.len()).map_err(|failure| failure.with(&status))?;
    }
    terminal.object(&serde_json::to_value(&status).map_err(crate::journal::JournalError::from)?);
    Ok(if scripted { Exit::Done } else { exit })
}

/// The scripted result: all that the sample's roster has to bring about.
fn check(status: &JobStatus, effects: usize) -> Result<(), Failure> {
    let ended = |outcome| status.count(ActionState::Ended(outcome));
    let destroyed = ended(Outcome::Confirmed) + ended(Outcome::Presumed);
    let came_out = status.state == JobState::Complete
        && ended(Outcome::Presumed) == 1
        && status.count(ActionState::Held) == 1
        && status.orphans == 1
        && destroyed + status.count(ActionState::Held) == status.actions["total"]
        && effects == destroyed as usize;
    if came_out {
        Ok(())
    } else {
        Err(Failure::new(
            "demo",
            Exit::Bug,
            "the demonstration did not come out as scripted",
        ))
    }
}

fn new_folder() -> Result<PathBuf, Failure> {
    let mut random = [0; 4];
    getrandom::fill(&mut random).map_err(|cause| Failure::new("random", Exit::Bug, cause.to_string()))?;
    let folder = std::env::temp_dir().join(format!("offboard24-demo-{:08x}", u32::from_le_bytes(random)));
    make_private_folder(&folder)
        .map_err(|cause| Failure::usage(format!("cannot make {}: {cause}", folder.display())))?;
    Ok(folder)
}

fn write_roster(folder: &Path) -> Result<PathBuf, Failure> {
    let path = folder.join("roster.csv");
    std::fs::write(&path, ROSTER)
        .map_err(|cause| Failure::usage(format!("{} cannot be written: {cause}", path.display())))?;
    Ok(path)
}

async fn start_portal() -> Result<Sandbox, Failure> {
    let fault = FAULT
        .parse()
        .map_err(|cause| Failure::new("demo", Exit::Bug, format!("{cause}")))?;
    let options = Options {
        rate_per_second: f64::INFINITY,
        burst: f64::INFINITY,
        faults: vec![fault],
        ..Options::default()
    };
    Sandbox::start(options)
        .await
        .map_err(|cause| Failure::new("demo", Exit::Bug, format!("the stand-in portal cannot listen: {cause}")))
}
