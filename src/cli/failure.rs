//! The one place that turns what went wrong into words, a kind for scripts, and an exit code.

use serde::Serialize;

use crate::domain::StopReason;
use crate::exit::Exit;
use crate::journal::JournalError;
use crate::journal::head::HeadError;
use crate::journal::key::KeyError;
use crate::lock::LockError;
use crate::plan::PlanError;
use crate::portal::PortalError;
use crate::roster::RosterErrors;
use crate::run::{RunError, stop_reason};

/// Why a command did not do what it was asked to.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// A stable word for scripts.
    pub(crate) kind: &'static str,
    /// The exit code.
    pub(crate) exit: Exit,
    /// What happened, and what it means for the job.
    pub(crate) message: String,
    /// What to type next.
    pub(crate) next: Option<String>,
    /// Why a run stops that fails like this.
    pub(crate) stop_reason: StopReason,
}

/// What to do where this user may not write.
pub(crate) const WHERE_TO_WRITE: &str =
    "name a database in a folder of your own with --db FILE, and one for the locks with XDG_STATE_HOME";

/// The `error` object of `--json`.
#[derive(Serialize)]
pub(crate) struct ErrorObject<'a> {
    kind: &'a str,
    exit: u8,
    message: &'a str,
    next: Option<&'a str>,
}

impl Failure {
    pub(crate) fn new(kind: &'static str, exit: Exit, message: impl Into<String>) -> Self {
        Self {
            kind,
            exit,
            message: message.into(),
            next: None,
            stop_reason: StopReason::Crash,
        }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new("usage", Exit::Usage, message)
    }

    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new("refused", Exit::Refused, message)
    }

    fn damaged(message: &str) -> Self {
        Self::new("damaged", Exit::Refused, format!("{message}. Nothing is done with it"))
            .next("keep the file as evidence, and plan anew in another one with --db FILE")
    }

    pub(crate) fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    pub(crate) fn object(&self) -> ErrorObject<'_> {
        ErrorObject {
            kind: self.kind,
            exit: self.exit.code(),
            message: &self.message,
            next: self.next.as_deref(),
        }
    }

    /// With the reason that a run has when it stops like this.
    pub(crate) fn stopping(mut self, reason: StopReason) -> Self {
        self.stop_reason = reason;
        self
    }
}

impl From<PortalError> for Failure {
    fn from(error: PortalError) -> Self {
        let (kind, exit) = match &error {
            PortalError::Auth { .. } => ("auth", Exit::NotAllowed),
            PortalError::Permission { .. } => ("permission", Exit::NotAllowed),
            PortalError::Scope { .. } => ("scope", Exit::NotAllowed),
            PortalError::Tariff { .. } => ("tariff", Exit::NotAllowed),
            PortalError::Overload => ("overload", Exit::NotAllowed),
            PortalError::Redirected { .. } => ("redirected", Exit::NotAllowed),
            PortalError::NoPortal { .. } => ("no-portal", Exit::Usage),
            PortalError::Tls => ("tls", Exit::Usage),
            PortalError::Settings { .. } => ("settings", Exit::Usage),
            PortalError::Unreachable { .. } => ("unreachable", Exit::Temporary),
            PortalError::Temporary { .. } => ("temporary", Exit::Temporary),
            PortalError::Widened { .. } => ("widened", Exit::Refused),
            PortalError::Unexpected { .. } => ("unexpected", Exit::Refused),
            PortalError::Unsendable { .. } => ("bug", Exit::Bug),
        };
        Self::new(kind, exit, error.to_string())
            .next(error.next())
            .stopping(stop_reason(&error))
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        let message = error.to_string();
        match error {
            JournalError::Missing(_) => Self::new("no-database", Exit::Usage, message)
                .next("name the database with --db FILE, or make one: offboard24 plan ROSTER --action terminate"),
            JournalError::File { .. } | JournalError::Foreign(_) => {
                Self::new("database", Exit::Usage, message).next("name another file with --db FILE")
            }
            JournalError::Place { .. } => Self::new("database", Exit::Usage, message).next(
                "run it as the user whose database it is, or let this user write in its folder. A copy without the \
                     file that ends in -wal is not the whole journal",
            ),
            JournalError::Newer { .. } => {
                Self::new("database", Exit::Usage, message).next("use the version of offboard24 that wrote it")
            }
            JournalError::NetworkFileSystem(_) => {
                Self::new("database", Exit::Usage, message).next("put the database on a local disk with --db FILE")
            }
            // Only what is read has lines: an event that is no JSON any more.
            JournalError::Encoding(ref cause) if cause.line() > 0 => Self::damaged(&message),
            JournalError::Damaged { .. } | JournalError::Corrupt(_) | JournalError::NoKey(_) | JournalError::NotSealed => {
                Self::damaged(&message)
            }
            JournalError::DiskFull | JournalError::ReserveUsed => Self::new("disk", Exit::Temporary, message)
                .next("make room, then: offboard24 resume")
                .stopping(StopReason::Disk),
            JournalError::Commit(_) | JournalError::Broken => Self::new("journal", Exit::Bug, message)
                .next("check the disk, then: offboard24 resume; it reads what was recorded and asks the portal"),
            JournalError::Changed(_) => Self::new("changed", Exit::Temporary, message)
                .next("verify it again when nothing writes to it, or verify a copy made by: offboard24 audit export"),
            JournalError::Busy => Self::new("locked", Exit::Locked, message).next(
                "another program has the database open for writing: close it there and type the same command again",
            ),
            JournalError::Lingering {
                path, cause, is_copy, ..
            } => {
                let place = path.display();
                let first = match *cause {
                    JournalError::Busy => "wait until nothing reads it".to_owned(),
                    JournalError::DiskFull => "make room on the disk".to_owned(),
                    _ if is_copy => {
                        format!("let this user write {place}, or delete it: it is a copy from before an update")
                    }
                    _ => format!("let this user write {place} and its folder"),
                };
                Self::new("lingering", Exit::Temporary, message).next(format!(
                    "{first}; every later command that writes tries it again, and so does the same offboard24 audit redact --person ID"
                ))
            }
            JournalError::Export(_) => Self::new("export", Exit::Usage, message)
                .next("name a new folder with -o, in a folder of your own, on a disk with room"),
            JournalError::Key(error) => error.into(),
            JournalError::Head(error) => error.into(),
            JournalError::HeadUnwritten(_) => Self::new("head", Exit::Temporary, message)
                .next("let this user write there, then: offboard24 audit checkpoint; a run goes on with: offboard24 resume")
                .stopping(StopReason::Disk),
            JournalError::Unsigned => {
                Self::usage(message).next("offboard24 plan ROSTER records the key with its first run")
            }
            JournalError::Pragma(_) | JournalError::Sqlite(_) | JournalError::Encoding(_) | JournalError::Random(_) => {
                Self::new("journal", Exit::Bug, message)
                    .next("check disk and memory, then: offboard24 resume; what was recorded is safe")
            }
        }
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        let message = error.to_string();
        match error {
            KeyError::Missing { .. } => Self::new("key-missing", Exit::Refused, format!("{message}. Nothing was recorded"))
                .next("bring the key file from the machine that signed it, and name it with --key-file FILE; reading commands need no key"),
            KeyError::Open(path) => Self::usage(message).next(format!("chmod 600 {}", path.display())),
            KeyError::File { .. } | KeyError::Unreadable { .. } => {
                Self::usage(message).next("name another key file with --key-file FILE, or a folder for it with XDG_DATA_HOME")
            }
            KeyError::Random(_) => Self::new("random", Exit::Bug, message),
        }
    }
}

impl From<HeadError> for Failure {
    fn from(error: HeadError) -> Self {
        let message = error.to_string();
        match error {
            HeadError::Locked(error) => error.into(),
            HeadError::File { cause, .. } if cause.kind() == std::io::ErrorKind::StorageFull => {
                JournalError::DiskFull.into()
            }
            HeadError::File { .. } => Self::new("head", Exit::Usage, message).next(WHERE_TO_WRITE),
            HeadError::Unreadable(path) | HeadError::Foreign(path) => {
                Self::new("head", Exit::Refused, format!("{message}. Nothing was recorded")).next(format!(
                    "find out who changed it; without it what was cut off the journal's end goes unnoticed: mv {0} {0}.bad",
                    path.display()
                ))
            }
            HeadError::Longer { .. } | HeadError::Differs { .. } => {
                Self::new("head", Exit::Refused, format!("{message}. Nothing is done with it")).next(
                    "put the whole database back where it was, with the file that ends in -wal; or keep both as evidence, see what `offboard24 audit verify` \
                     says, and plan anew in another database with --db FILE",
                )
            }
        }
    }
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        let message = error.to_string();
        match error {
            LockError::Held { .. } => Self::new("locked", Exit::Locked, format!("another run is at work: {message}"))
                .next("offboard24 status shows how far it is; wait for it, or: offboard24 stop"),
            LockError::File { .. } => Self::new("lock", Exit::Usage, message).next(WHERE_TO_WRITE),
        }
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Portal(error) => error.into(),
            PlanError::Journal(error) => error.into(),
            PlanError::Encoding(error) => JournalError::from(error).into(),
            PlanError::Unevaluable(error) => {
                let next = format!(
                    "find out why the portal does not tell that, or take {} out of the policy, and plan again",
                    error.rule
                );
                Self::new(
                    "policy",
                    Exit::Refused,
                    format!("{error}. The plan is not made, and nothing was sent"),
                )
                .next(next)
            }
            PlanError::NoJob(_) => Self::usage(error.to_string()),
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Portal(error) => error.into(),
            RunError::Journal(error) => error.into(),
        }
    }
}

impl From<RosterErrors> for Failure {
    fn from(errors: RosterErrors) -> Self {
        let lines: Vec<String> = errors.0.iter().map(ToString::to_string).collect();
        Self::new(
            "roster",
            Exit::Usage,
            format!(
                "the roster cannot be used; nothing was asked:\n  {}",
                lines.join("\n  ")
            ),
        )
        .next("correct the file and run the same command again")
    }
}
