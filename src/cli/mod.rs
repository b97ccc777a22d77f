//! Arguments in, terminal out: one file a command, and what they share.
//!
//! Knows all other modules; none of them knows this one. A command gives the [`Exit`] that the process ends with; what went wrong is a
//! [`Failure`], worded in one place.

mod apply;
mod approve;
mod audit;
mod check;
mod chosen;
mod completions;
mod config;
mod consent;
mod decide;
mod demo;
mod execution;
mod failure;
mod help;
mod jobs;
mod language;
mod man;
mod new_files;
mod plan;
mod planning;
mod preflight;
mod profile;
mod receipt;
mod report;
mod resume;
mod run;
mod sandbox;
mod settings;
mod show;
mod signals;
mod status;
mod stop;
mod surroundings;
mod terminal;
mod text;
mod time_limit;
mod work;

use std::ffi::OsString;

use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use self::failure::Failure;
use self::language::{Language, said};
use self::settings::{Command, Intake};
use self::terminal::Terminal;
use crate::domain::JobId;
use crate::exit::Exit;
use crate::journal::{JobRecord, View};
use crate::report::status::JobStatus;

#[cfg(feature = "rigs")]
pub use self::surroundings::{Played, Simulated, play};

/// How a command ended.
type Ending = Result<Exit, Failed>;

/// A failure, and the status of its job where there is one.
struct Failed {
    failure: Box<Failure>,
    job: Option<Value>,
}

impl<E: Into<Failure>> From<E> for Failed {
    fn from(failure: E) -> Self {
        Self {
            failure: Box::new(failure.into()),
            job: None,
        }
    }
}

impl Failure {
    /// With the status of its job beside it.
    fn with(self, status: &JobStatus) -> Failed {
        self.with_receipt(status, None)
    }

    /// With the status of its job, and the receipt of the run, beside it.
    fn with_receipt(self, status: &JobStatus, receipt: Option<&receipt::Issued>) -> Failed {
        Failed {
            failure: Box::new(self),
            job: Some(execution::object(status, receipt)),
        }
    }
}

/// Runs the program: parses, dispatches, prints what went wrong. Gives the exit code, also when the program is wrong.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    // A panic's own words could hold anything; where it happened is enough for a report.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let failure = Failure::new("bug", Exit::Bug, format!("a bug in offboard24 {VERSION}, at {place}"))
            .next("report it; what was recorded is safe: offboard24 resume");
        Terminal::new(false, false).failure(&failure, None);
    }));
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    std::panic::catch_unwind(|| parse_and_run(arguments)).unwrap_or(Exit::Bug.code())
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn parse_and_run(arguments: Vec<OsString>) -> u8 {
    let (json, parsed) = settings::parse(arguments);
    let mut arguments = match parsed {
        Ok(arguments) => arguments,
        Err(error) => {
            Terminal::new(json, false).usage(&error);
            return if error.use_stderr() {
                Exit::Usage.code()
            } else {
                Exit::Done.code()
            };
        }
    };
    trace(arguments.common.verbose);
    let configured = configure(&mut arguments);
    // When the configuration cannot be read, what was said without it still counts.
    let language = language_of(&arguments);
    let terminal = Terminal::new(arguments.common.json, arguments.common.quiet)
        .on(arguments.common.flags_of_place())
        .speaking(language.as_ref().copied().unwrap_or_default());
    let ending = configured
        .and(language)
        .and_then(|_| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(|cause| {
                Failure::new("runtime", Exit::Bug, format!("nothing was begun: {cause}"))
                    .next("look for what this machine is short of (`ulimit -a`), and type the same command again")
            })
        })
        .map_err(Failed::from)
        .and_then(|runtime| runtime.block_on(dispatch(arguments, &terminal)));
    match ending {
        Ok(exit) => exit.code(),
        Err(failed) => {
            let code = failed.failure.exit.code();
            terminal.failure(&failed.failure, failed.job);
            code
        }
    }
}

/// Reads the configuration file for what it is about.
fn configure(arguments: &mut settings::Arguments) -> Result<(), Failure> {
    if arguments.command.is_configured() {
        arguments.common.configure()?;
    }
    Ok(())
}

/// The language of what people read. What ignores the configuration file ignores the environment too.
fn language_of(arguments: &settings::Arguments) -> Result<Language, Failure> {
    if arguments.command.is_configured() {
        Ok(arguments.common.language()?.value)
    } else {
        Ok(arguments.common.language_of_flag())
    }
}

/// `-v` shows what this program does. Its libraries stay silent: some of them would print the webhook.
fn trace(verbose: u8) {
    let level = match verbose {
        0 => return,
        1 => tracing::Level::DEBUG,
        _ => tracing::Level::TRACE,
    };
    let ours = tracing_subscriber::filter::Targets::new().with_target("offboard24", level);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false);
    if tracing_subscriber::registry()
        .with(lines)
        .with(ours)
        .try_init()
        .is_err()
    {
        tracing::debug!("a subscriber is already there");
    }
}

async fn dispatch(arguments: settings::Arguments, terminal: &Terminal) -> Ending {
    let common = &arguments.common;
    match arguments.command {
        Command::Demo { roster } => demo::demo(terminal, roster.as_deref()).await,
        Command::Check { policy, portal } => check::check(common, terminal, policy, portal).await,
        Command::Plan {
            roster,
            max_actions,
            portal,
        } => {
            let intake = Intake::from(roster).configured(common);
            plan::plan(common, terminal, intake, max_actions, portal).await
        }
        Command::Show { job, by } => show::show(common, terminal, job.id(), by),
        Command::Decide(decide) => decide::decide(common, terminal, *decide).await,
        Command::Approve { job, confirm } => approve::approve(common, terminal, job.id(), confirm.as_deref()),
        Command::Apply { job, confirm, portal } => apply::apply(common, terminal, job.id(), confirm, portal).await,
        Command::Run {
            roster,
            max_actions,
            portal,
        } => {
            let intake = Intake::from(roster).configured(common);
            run::run(common, terminal, intake, max_actions, portal).await
        }
        Command::Resume {
            job,
            retry,
            reason,
            portal,
        } => resume::resume(common, terminal, job.id(), &retry, reason, portal).await,
        Command::Status {
            job,
            exit_code,
            watch: true,
            json_lines,
        } => status::watch(common, terminal, job.id(), exit_code, json_lines).await,
        Command::Status { job, exit_code, .. } => status::status(common, terminal, job.id(), exit_code),
        Command::Stop { job } => stop::stop(common, terminal, job.id()),
        Command::Report(report) => report::report(common, terminal, &report),
        Command::Jobs => jobs::jobs(common, terminal),
        Command::Audit(command) => audit::audit(common, terminal, command),
        Command::Sandbox(sandbox) => sandbox::sandbox(terminal, sandbox).await,
        Command::Config(command) => config::config(common, terminal, &command),
        Command::Completions { shell } => Ok(completions::completions(terminal, shell)),
        Command::Man(arguments) => man::man(terminal, &arguments),
    }
}

/// The job that was named, or the latest.
fn find_job(view: View<'_>, named: Option<JobId>) -> Result<JobRecord, Failure> {
    let found = match named {
        Some(job) => view.job(job)?,
        None => view.jobs()?.pop(),
    };
    found.ok_or_else(|| {
        Failure::new("no-job", Exit::Usage, said(|words| (words.no_job)(named))).next(said(|words| words.no_job_next))
    })
}
