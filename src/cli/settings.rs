//! The command line: raw flags, then a validated form with real types. The program sees only the second.
//!
//! Precedence: flag, environment, configuration file, default. The webhook is never an argument: arguments show in process lists.

use std::ffi::OsString;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::chosen::{Chosen, Origin};
use super::failure::Failure;
use super::language::{Language, said};
use super::profile::{Configuration, Profile};
use super::surroundings::Surroundings;
use super::time_limit::TimeLimit;
use crate::domain::{ActionKind, JobId, Outcome};
use crate::paths::Paths;
use crate::plan::caps::Caps;
use crate::portal::{Rate, Settings as PortalSettings, Webhook, is_rewritten};
use crate::roster::{Delimiter, Encoding, Field, Options as RosterOptions};

/// Bytes of a webhook URL that are read from a file.
const WEBHOOK_BYTES_MAX: u64 = 4096;

/// Characters of a reason or a ticket.
const SAID_CHARACTERS_MAX: usize = 500;

/// The slowest pace: at fewer requests a second a re-check would be too old before its batch can leave.
const RATE_MIN: f64 = 0.2;

/// Ends the Bitrix24 workflows that wait on dismissed employees, on the record.
#[derive(Debug, Parser)]
#[command(name = "offboard24", version, max_term_width = 110, after_help = super::help::EXAMPLE, after_long_help = super::help::after_long_help())]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Common {
    /// The portal of this name in the configuration file `$XDG_CONFIG_HOME/offboard24/config.toml` [env: `OFFBOARD24_PORTAL`]
    #[arg(long, value_name = "NAME", global = true)]
    portal: Option<String>,
    /// The database [default: `$XDG_STATE_HOME/offboard24/audit.db`] [env: `OFFBOARD24_DB`]
    #[arg(long, value_name = "FILE", global = true)]
    db: Option<PathBuf>,
    /// The file of signing keys [default: `$XDG_DATA_HOME/offboard24/key`] [env: `OFFBOARD24_KEY_FILE`]
    #[arg(long, value_name = "FILE", global = true)]
    key_file: Option<PathBuf>,
    /// The language of what people read; what programs read is the same in all [default: en] [env: `OFFBOARD24_LANG`]
    #[arg(long, global = true, value_parser = PossibleValuesParser::new(["en", "ru"]).try_map(|tag| tag.parse::<Language>()))]
    lang: Option<Language>,
    /// Print one JSON object on standard output and nothing else there
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// No progress and no notes on standard error
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Say what is sent and what comes back; never the webhook, never personal values
    #[arg(long, short, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
    #[arg(skip)]
    pub(crate) surroundings: Surroundings,
    /// What the configuration file says about the portal that was named.
    #[arg(skip)]
    profile: Profile,
}

/// How to reach the portal.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Portal")]
pub(crate) struct PortalArguments {
    /// Read the webhook URL from a file; - is standard input. Otherwise it is taken from `OFFBOARD24_WEBHOOK` [env:
    /// `OFFBOARD24_WEBHOOK_FILE`]
    #[arg(long, value_name = "FILE")]
    webhook_file: Option<PathBuf>,
    /// Certificates (PEM) of a self-hosted portal's authority
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    #[arg(long, value_name = "RATE", help = format!("Requests a second, or `unlimited` [default: {}]", Rate::default()), value_parser = parse_rate)]
    rate: Option<Rate>,
    #[arg(long, value_name = "N", help = format!("Requests that may go at once after a quiet time [default: {}]", PortalSettings::BURST), value_parser = clap::value_parser!(u32).range(1..))]
    burst: Option<u32>,
    #[arg(long, value_name = "N", help = format!("Questions that may be under way at once [default: as many as the pace needs, at most {}]", PortalSettings::CONCURRENCY), value_parser = clap::value_parser!(u32).range(1..))]
    concurrency: Option<u32>,
    #[command(flatten)]
    time_limit: TimeLimit,
}

/// How to read the roster.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Roster")]
pub(crate) struct RosterArguments {
    /// The CSV of dismissed employees; one row each
    #[arg(help_heading = "Arguments")]
    pub(crate) roster: PathBuf,
    /// The action of rows that carry none
    #[arg(long, value_enum)]
    action: Option<ActionArgument>,
    /// Rules about what is protected or held, and how much a job may do (TOML) [env: `OFFBOARD24_POLICY`]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Why it is done; recorded, reported, and left on the state of terminated workflows, where colleagues can read it
    #[arg(long, value_name = "TEXT", value_parser = parse_said)]
    reason: Option<String>,
    /// The ticket that it is done for; recorded, reported and left like the reason
    #[arg(long, value_name = "TEXT", value_parser = parse_said)]
    ticket: Option<String>,
    /// The most people that may be matched; outweighs the policy's caps.people
    #[arg(long, value_name = "N", help_heading = "Caps")]
    max_people: Option<u32>,
    /// The most actions on workflows of one person; outweighs the policy's `caps.actions_per_person`
    #[arg(long, value_name = "N", help_heading = "Caps")]
    max_actions_per_person: Option<u32>,
    /// The most actions, as a percentage of all workflows that run on the portal; outweighs the policy's `caps.percent_of_running`
    #[arg(long, value_name = "N", help_heading = "Caps", value_parser = clap::value_parser!(u32).range(..=100))]
    max_percent: Option<u32>,
    /// The encoding, where it is not detected
    #[arg(long, value_parser = parse_word::<Encoding>)]
    encoding: Option<Encoding>,
    /// The delimiter, where it is not detected
    #[arg(long, value_parser = parse_word::<Delimiter>)]
    delimiter: Option<Delimiter>,
    /// Take a column for a field, such as email=Почта
    #[arg(long, value_name = "FIELD=COLUMN", value_parser = parse_map)]
    map: Vec<(Field, String)>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ActionArgument {
    /// Erase the workflow with everything about it
    Kill,
    /// End it and leave its state and log
    Terminate,
}

impl From<ActionArgument> for ActionKind {
    fn from(argument: ActionArgument) -> Self {
        match argument {
            ActionArgument::Kill => Self::Kill,
            ActionArgument::Terminate => Self::Terminate,
        }
    }
}

/// Which job.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct JobArgument {
    /// The job's number [default: the latest]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    job: Option<u32>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The whole job against an embedded stand-in portal: nothing to set up
    #[command(after_help = "Example: offboard24 demo")]
    Demo {
        /// A roster of your own; its people have to be the stand-in's
        roster: Option<PathBuf>,
    },
    /// Look whether everything is there for a job: portal, rights, limits, clock, folders, key, policy; changes nothing
    #[command(after_help = "Example: offboard24 check")]
    Check {
        /// A policy that has to be usable (TOML) [env: `OFFBOARD24_POLICY`]
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
        #[command(flatten)]
        portal: PortalArguments,
    },
    /// Read a roster, find what waits on its people, freeze the plan; changes nothing on the portal
    #[command(after_help = "Example: offboard24 plan dismissed.csv --action terminate")]
    Plan {
        #[command(flatten)]
        roster: RosterArguments,
        /// The most actions that the plan may have; outweighs the policy's caps.actions
        #[arg(long, value_name = "N", help_heading = "Caps")]
        max_actions: Option<u32>,
        #[command(flatten)]
        portal: PortalArguments,
    },
    /// Show the plan or the result of a job
    #[command(after_help = "Example: offboard24 show --by hold")]
    Show {
        #[command(flatten)]
        job: JobArgument,
        /// How to arrange it
        #[arg(long, value_enum, default_value_t = ShowBy::Person)]
        by: ShowBy,
    },
    /// Release or drop actions of a plan, or say who a row is about; gives a new plan
    #[command(after_help = super::decide::EXAMPLES)]
    Decide(Box<super::decide::DecideArguments>),
    /// Approve a plan that somebody else made
    #[command(after_help = "Example: offboard24 approve --confirm acme.bitrix24.com:214:7f3a91c2")]
    Approve {
        #[command(flatten)]
        job: JobArgument,
        /// PORTAL:COUNT:HASH8 as `plan` printed it; without it, a terminal asks
        #[arg(long, value_name = "PORTAL:COUNT:HASH8")]
        confirm: Option<String>,
    },
    /// Confirm a plan and carry it out
    #[command(after_help = "Example: offboard24 apply --confirm acme.bitrix24.com:214:7f3a91c2")]
    Apply {
        #[command(flatten)]
        job: JobArgument,
        /// PORTAL:COUNT:HASH8 as `plan` printed it; without it, a terminal asks
        #[arg(long, value_name = "PORTAL:COUNT:HASH8")]
        confirm: Option<String>,
        #[command(flatten)]
        portal: PortalArguments,
    },
    /// Plan, and carry it out if it has at most so many actions
    #[command(after_help = "Example: offboard24 run dismissed.csv --action terminate --max-actions 50")]
    Run {
        #[command(flatten)]
        roster: RosterArguments,
        /// The most actions that may be carried out without asking; with more, nothing is. A higher number than the policy's caps.actions
        /// outweighs it
        #[arg(long, value_name = "N")]
        max_actions: u32,
        #[command(flatten)]
        portal: PortalArguments,
    },
    /// Go on with a job that stopped
    #[command(after_help = "Example: offboard24 resume")]
    Resume {
        #[command(flatten)]
        job: JobArgument,
        /// Try these once more: failed, drifted, survived
        #[arg(long, value_name = "STATES", value_delimiter = ',', value_parser = parse_retry)]
        retry: Vec<Outcome>,
        /// Why they are tried once more; recorded
        #[arg(long, value_name = "TEXT", requires = "retry")]
        reason: Option<String>,
        #[command(flatten)]
        portal: PortalArguments,
    },
    /// Where a job stands; works while another process runs it
    #[command(after_help = "Example: offboard24 status --json")]
    Status {
        #[command(flatten)]
        job: JobArgument,
        /// Exit with the job's code instead of 0
        #[arg(long)]
        exit_code: bool,
        /// Go on telling, whenever something changes, until no process works on the job
        #[arg(long, conflicts_with = "json")]
        watch: bool,
        /// With --watch: one JSON object a line
        #[arg(long, requires = "watch")]
        json_lines: bool,
    },
    /// Ask the process that runs a job to stop after the batch in flight
    #[command(after_help = "Example: offboard24 stop")]
    Stop {
        #[command(flatten)]
        job: JobArgument,
    },
    /// Hand over the plan or the result of a job: for people, spreadsheets, programs or tickets
    #[command(after_help = super::report::EXAMPLES)]
    Report(super::report::ReportArguments),
    /// List the jobs of the database
    #[command(after_help = "Example: offboard24 jobs")]
    Jobs,
    /// What the journal shows, and that it was not tampered with
    #[command(subcommand)]
    Audit(super::audit::AuditCommand),
    /// A stand-in portal on loopback, for rehearsals
    #[command(after_help = "Example: offboard24 sandbox --people 200 --roster-out roster.csv")]
    Sandbox(super::sandbox::SandboxArguments),
    /// What holds, and who said so
    #[command(subcommand)]
    Config(super::config::ConfigCommand),
    /// Print what a shell needs to complete commands and flags
    #[command(
        after_help = "Example: offboard24 completions bash > ~/.local/share/bash-completion/completions/offboard24"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one for each command
    #[command(after_help = "Example: offboard24 man -o ~/.local/share/man/man1")]
    Man(super::man::ManArguments),
}

impl Command {
    /// Whether the configuration file is about it. What asks no portal and opens no database ignores that file, and `config` reads it itself.
    pub(crate) fn is_configured(&self) -> bool {
        !matches!(
            self,
            Self::Demo { .. } | Self::Sandbox(_) | Self::Config(_) | Self::Completions { .. } | Self::Man(_)
        )
    }
}

/// How `show` arranges a job.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum ShowBy {
    /// Each row of the roster and what became of it
    Person,
    /// Each workflow and what becomes of it
    Workflow,
    /// What is held, and why
    Hold,
}

/// Validated settings of a command that reads a roster.
pub(crate) struct Intake {
    pub(crate) path: PathBuf,
    pub(crate) action: Option<ActionKind>,
    pub(crate) policy: Option<PathBuf>,
    pub(crate) reason: Option<String>,
    pub(crate) ticket: Option<String>,
    /// What was passed instead of the policy's caps.
    pub(crate) caps: Caps,
    /// Actions that `run` may carry out without asking: a higher cap than the policy's, and never a lower one.
    pub(crate) consented: Option<u32>,
    pub(crate) options: RosterOptions,
}

impl From<RosterArguments> for Intake {
    fn from(raw: RosterArguments) -> Self {
        Self {
            path: raw.roster,
            action: raw.action.map(ActionKind::from),
            policy: raw.policy,
            reason: raw.reason,
            ticket: raw.ticket,
            caps: Caps {
                people: raw.max_people,
                actions: None,
                actions_per_person: raw.max_actions_per_person,
                percent_of_running: raw.max_percent,
            },
            consented: None,
            options: RosterOptions {
                encoding: raw.encoding,
                delimiter: raw.delimiter,
                map: raw.map,
            },
        }
    }
}

impl Intake {
    /// With what the configuration file says, where no flag does.
    pub(crate) fn configured(mut self, common: &Common) -> Self {
        self.policy = common.policy(self.policy).map(|policy| policy.value);
        self
    }
}

/// Validated settings of a command that talks to the portal.
pub(crate) struct PortalAccess {
    pub(crate) webhook: Webhook,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) rate: Rate,
    pub(crate) burst: u32,
    pub(crate) concurrency: u32,
    pub(crate) time_limit: TimeLimit,
}

/// Where this process keeps things, and what it finds around it.
pub(crate) struct Place {
    pub(crate) database: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) paths: Paths,
    pub(crate) surroundings: Surroundings,
}

impl Common {
    /// The flags that say where things are, if there are any.
    pub(crate) fn flags_of_place(&self) -> Option<String> {
        let portal = self.portal.as_ref().map(|name| format!("--portal {name}"));
        let database = self.db.as_ref().map(|path| format!("--db {}", path.display()));
        let flags: Vec<String> = portal.into_iter().chain(database).collect();
        (!flags.is_empty()).then(|| flags.join(" "))
    }

    pub(crate) fn paths(&self) -> Result<Paths, Failure> {
        self.surroundings
            .paths()
            .ok_or_else(|| Failure::usage(said(|words| words.no_home)).next(said(|words| words.no_home_next)))
    }

    /// The portal that was named.
    pub(crate) fn portal(&self) -> Option<Chosen<String>> {
        let of_environment = || Chosen::by_environment("OFFBOARD24_PORTAL");
        let named = of_environment().map(|name| name.map(|name| name.to_string_lossy().into_owned()));
        Chosen::by_flag("--portal", self.portal.clone()).or(named)
    }

    /// Reads what the configuration file says about the portal that was named. Without a name it is not looked at.
    pub(crate) fn configure(&mut self) -> Result<(), Failure> {
        let Some(name) = self.portal() else { return Ok(()) };
        let path = self.paths()?.configuration();
        let configuration = Configuration::read(&path, crate::paths::home().as_deref())?.unwrap_or_default();
        self.profile = configuration.profile(&name, &path)?;
        Ok(())
    }

    /// The language of what people read.
    pub(crate) fn language(&self) -> Result<Chosen<Language>, Failure> {
        if let Some(chosen) = Chosen::by_flag("--lang", self.lang) {
            return Ok(chosen);
        }
        if let Some(named) = Chosen::by_environment("OFFBOARD24_LANG") {
            let tag = named.value.to_string_lossy().into_owned();
            let language = tag.parse().map_err(|_| {
                Failure::usage(said(|words| (words.no_language)(&tag))).next(said(|words| words.no_language_next))
            })?;
            return Ok(named.map(|_| language));
        }
        let default = || Chosen::by_default(Language::default());
        Ok(self.profile.lang.clone().unwrap_or_else(default))
    }

    /// The language that a flag says, for what asks nothing else.
    pub(crate) fn language_of_flag(&self) -> Language {
        self.lang.unwrap_or_default()
    }

    /// Where the portal that was named is, so that a webhook of another one is noticed.
    pub(crate) fn host(&self) -> Option<Chosen<String>> {
        self.profile.host.clone()
    }

    pub(crate) fn policy(&self, flag: Option<PathBuf>) -> Option<Chosen<PathBuf>> {
        Chosen::by_flag("--policy", flag)
            .or_else(|| Chosen::by_environment("OFFBOARD24_POLICY"))
            .or_else(|| self.profile.policy.clone())
    }

    pub(crate) fn database(&self, paths: &Paths) -> Chosen<PathBuf> {
        Chosen::by_flag("--db", self.db.clone())
            .or_else(|| Chosen::by_environment("OFFBOARD24_DB"))
            .or_else(|| self.profile.db.clone())
            .unwrap_or_else(|| Chosen::by_default(paths.database()))
    }

    pub(crate) fn key(&self, paths: &Paths) -> Chosen<PathBuf> {
        Chosen::by_flag("--key-file", self.key_file.clone())
            .or_else(|| Chosen::by_environment("OFFBOARD24_KEY_FILE"))
            .or_else(|| self.profile.key_file.clone())
            .unwrap_or_else(|| Chosen::by_default(paths.key()))
    }

    /// The database and the folders.
    pub(crate) fn place(&self) -> Result<Place, Failure> {
        let paths = self.paths()?;
        let database = self.database(&paths).value;
        // Made into folders and files, an address would leave the webhook's token in their names.
        if database.to_string_lossy().contains("://") {
            return Err(Failure::usage(said(|words| words.database_is_address))
                .next(said(|words| words.database_is_address_next)));
        }
        Ok(Place {
            database: one_name(&database),
            key: self.key(&paths).value,
            paths,
            surroundings: self.surroundings.clone(),
        })
    }
}

impl JobArgument {
    pub(crate) fn id(self) -> Option<JobId> {
        self.job.map(JobId)
    }
}

/// Where the webhook's URL is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum WebhookPlace {
    /// In a file; `-` is standard input.
    File(PathBuf),
    /// In an environment variable.
    Variable,
}

impl std::fmt::Display for WebhookPlace {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(formatter),
            Self::Variable => formatter.write_str("a URL, not shown"),
        }
    }
}

impl PortalArguments {
    /// Where the webhook's URL is.
    pub(crate) fn webhook(&self, common: &Common) -> Option<Chosen<WebhookPlace>> {
        let file = Chosen::by_flag("--webhook-file", self.webhook_file.clone())
            .or_else(|| Chosen::by_environment("OFFBOARD24_WEBHOOK_FILE"))
            .map(|file| file.map(WebhookPlace::File));
        let variable = || Chosen::by_environment("OFFBOARD24_WEBHOOK").map(|url| url.map(|_| WebhookPlace::Variable));
        let of_profile = || Some(common.profile.webhook_file.clone()?.map(WebhookPlace::File));
        // One that is set and empty is no choice; but where nothing else is said, it is what is wrong.
        let empty = || {
            std::env::var_os("OFFBOARD24_WEBHOOK").map(|_| Chosen {
                value: WebhookPlace::Variable,
                origin: Origin::Environment("OFFBOARD24_WEBHOOK"),
            })
        };
        file.or_else(variable).or_else(of_profile).or_else(empty)
    }

    pub(crate) fn ca_file(&self, common: &Common) -> Option<Chosen<PathBuf>> {
        Chosen::by_flag("--ca-file", self.ca_file.clone()).or_else(|| common.profile.ca_file.clone())
    }

    pub(crate) fn rate(&self, common: &Common) -> Chosen<Rate> {
        Chosen::by_flag("--rate", self.rate)
            .or_else(|| common.profile.rate.clone())
            .unwrap_or_else(|| Chosen::by_default(Rate::default()))
    }

    pub(crate) fn burst(&self, common: &Common) -> Chosen<u32> {
        Chosen::by_flag("--burst", self.burst)
            .or_else(|| common.profile.burst.clone())
            .unwrap_or_else(|| Chosen::by_default(PortalSettings::BURST))
    }

    /// Reads the webhook from where it was put.
    pub(crate) fn access(self, common: &Common) -> Result<PortalAccess, Failure> {
        let place = self
            .webhook(common)
            .ok_or_else(|| Failure::usage(said(|words| words.no_webhook)).next(said(|words| words.no_webhook_next)))?;
        let webhook = read_webhook(&place)?;
        check_portal(common, &webhook, &place.origin)?;
        Ok(PortalAccess {
            webhook,
            ca_file: self.ca_file(common).map(|file| file.value),
            rate: self.rate(common).value,
            burst: self.burst(common).value,
            concurrency: self.concurrency.unwrap_or(PortalSettings::CONCURRENCY),
            time_limit: self.time_limit,
        })
    }
}

fn read_webhook(place: &Chosen<WebhookPlace>) -> Result<Webhook, Failure> {
    let unreadable = |cause: std::io::Error| {
        Failure::usage(said(|words| (words.webhook_unreadable)(&cause)))
            .next(said(|words| words.webhook_unreadable_next))
    };
    let text = match &place.value {
        WebhookPlace::File(path) if path.as_os_str() == "-" => read_limited(std::io::stdin()).map_err(unreadable)?,
        WebhookPlace::File(path) => {
            let file = std::fs::File::open(path).map_err(unreadable)?;
            let mode = file.metadata().map_err(unreadable)?.permissions().mode();
            check_private(path, mode, &place.origin)?;
            read_limited(file).map_err(unreadable)?
        }
        WebhookPlace::Variable => {
            let url = std::env::var_os("OFFBOARD24_WEBHOOK").unwrap_or_default();
            url.to_string_lossy().into_owned()
        }
    };
    Webhook::parse(text.trim()).map_err(|cause| {
        Failure::usage(said(|words| (words.webhook_wrong)(cause))).next(said(|words| words.webhook_wrong_next))
    })
}

/// A webhook that stays on this machine, as the configuration file has it, is nobody else's to read.
fn check_private(path: &Path, mode: u32, origin: &Origin) -> Result<(), Failure> {
    const OF_OTHERS: u32 = 0o007;
    let is_configured = matches!(origin, Origin::File { .. });
    if is_configured && mode & OF_OTHERS != 0 {
        return Err(
            Failure::usage(said(|words| (words.webhook_public)(path))).next(format!("chmod 600 {}", path.display()))
        );
    }
    Ok(())
}

/// A webhook that leads elsewhere than to the portal that was named is refused: the environment may still hold that of another one.
fn check_portal(common: &Common, webhook: &Webhook, origin: &Origin) -> Result<(), Failure> {
    let of_profile = || {
        let file = common.profile.webhook_file.clone()?.map(WebhookPlace::File);
        Some(file.origin != *origin).filter(|differs| *differs)?;
        Some(read_webhook(&file).ok()?.portal().0)
    };
    let expected = common.host().map(|host| host.value).or_else(of_profile);
    match (expected, common.portal()) {
        (Some(expected), Some(name)) if expected != webhook.portal().0 => {
            let (origin, leads_to) = (origin.to_string(), webhook.portal().0);
            let named_by = name.origin.to_string();
            let told = [&origin, &leads_to, &name.value, &named_by, &expected].map(String::as_str);
            Err(Failure::refused(said(|words| (words.webhook_elsewhere)(told)))
                .next(said(|words| words.webhook_elsewhere_next)))
        }
        _ => Ok(()),
    }
}

/// One name for one database, whatever links lead there: its lock and its other neighbours are named after it.
fn one_name(database: &Path) -> PathBuf {
    let of_folder = || Some(database.parent()?.canonicalize().ok()?.join(database.file_name()?));
    database
        .canonicalize()
        .ok()
        .or_else(of_folder)
        .unwrap_or_else(|| database.to_owned())
}

fn read_limited(source: impl std::io::Read) -> std::io::Result<String> {
    let mut text = String::new();
    source.take(WEBHOOK_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

fn parse_word<T: std::str::FromStr>(text: &str) -> Result<T, String>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|cause: T::Err| cause.to_string())
}

fn parse_map(text: &str) -> Result<(Field, String), String> {
    let (field, column) = text.split_once('=').ok_or("write FIELD=COLUMN, such as email=Почта")?;
    Ok((parse_word(field)?, column.to_owned()))
}

pub(crate) fn parse_rate(text: &str) -> Result<Rate, String> {
    if text == "unlimited" {
        return Ok(Rate::Unlimited);
    }
    let rate: f64 = text
        .parse()
        .map_err(|_| "write a number of requests a second, or `unlimited`".to_owned())?;
    if rate.is_finite() && rate >= RATE_MIN {
        Ok(Rate::PerSecond(rate))
    } else {
        Err(format!(
            "at least {RATE_MIN}: below that, what was looked at is too old before it can be acted on"
        ))
    }
}

/// A reason or a ticket: short enough for every report, and nothing in it that the portal would take for a reference and rewrite.
fn parse_said(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("say something, or leave it out".to_owned());
    }
    if text.chars().count() > SAID_CHARACTERS_MAX {
        return Err(format!("at most {SAID_CHARACTERS_MAX} characters"));
    }
    if text.chars().any(char::is_control) {
        return Err("one line, without control characters".to_owned());
    }
    if is_rewritten(text) {
        return Err("the portal would rewrite a $ followed by result[, next[, total[, time[ or error[".to_owned());
    }
    Ok(text.to_owned())
}

fn parse_retry(text: &str) -> Result<Outcome, String> {
    match parse_word(text)? {
        outcome @ (Outcome::Failed | Outcome::Drifted | Outcome::Survived) => Ok(outcome),
        other => Err(format!(
            "{other} is final: only failed, drifted and survived can be tried once more"
        )),
    }
}

/// Parses the command line; `--json` is looked for even where parsing fails.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> (bool, Result<Arguments, clap::Error>) {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let json = arguments.iter().any(|argument| argument == "--json");
    (json, Arguments::try_parse_from(arguments))
}
