//! The one place that turns what went wrong into words, a kind for scripts, and an exit code. The words are in [`super::language`].

use serde::Serialize;

use super::language::{Said, said};
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
    pub(crate) message: Said,
    /// What to type next.
    pub(crate) next: Option<Said>,
    /// Why a run stops that fails like this.
    pub(crate) stop_reason: StopReason,
}

/// The `error` object of `--json`.
#[derive(Serialize)]
pub(crate) struct ErrorObject<'a> {
    kind: &'a str,
    exit: u8,
    message: &'a str,
    next: Option<&'a str>,
}

impl Failure {
    pub(crate) fn new(kind: &'static str, exit: Exit, message: impl Into<Said>) -> Self {
        Self {
            kind,
            exit,
            message: message.into(),
            next: None,
            stop_reason: StopReason::Crash,
        }
    }

    pub(crate) fn usage(message: impl Into<Said>) -> Self {
        Self::new("usage", Exit::Usage, message)
    }

    pub(crate) fn refused(message: impl Into<Said>) -> Self {
        Self::new("refused", Exit::Refused, message)
    }

    pub(crate) fn next(mut self, next: impl Into<Said>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// For programs: English whatever the language.
    pub(crate) fn object(&self) -> ErrorObject<'_> {
        ErrorObject {
            kind: self.kind,
            exit: self.exit.code(),
            message: self.message.english(),
            next: self.next.as_ref().map(Said::english),
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
        Self::new(kind, exit, said(|words| (words.portal_error)(&error)))
            .next(said(|words| (words.portal_next)(&error)))
            .stopping(stop_reason(&error))
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        let (kind, exit) = match error {
            JournalError::Key(error) => return error.into(),
            JournalError::Head(error) => return error.into(),
            JournalError::Missing(_) => ("no-database", Exit::Usage),
            JournalError::File { .. }
            | JournalError::Foreign(_)
            | JournalError::Place { .. }
            | JournalError::Newer { .. }
            | JournalError::NetworkFileSystem(_) => ("database", Exit::Usage),
            ref error if error.is_damage() => ("damaged", Exit::Refused),
            JournalError::DiskFull | JournalError::ReserveUsed => ("disk", Exit::Temporary),
            JournalError::Changed(_) => ("changed", Exit::Temporary),
            JournalError::Busy => ("locked", Exit::Locked),
            JournalError::Lingering { .. } => ("lingering", Exit::Temporary),
            JournalError::Export(_) => ("export", Exit::Usage),
            JournalError::HeadUnwritten(_) => ("head", Exit::Temporary),
            JournalError::Unsigned => ("usage", Exit::Usage),
            _ => ("journal", Exit::Bug),
        };
        let stops = match &error {
            JournalError::DiskFull | JournalError::ReserveUsed | JournalError::HeadUnwritten(_) => StopReason::Disk,
            _ => StopReason::Crash,
        };
        Self::new(kind, exit, said(|words| (words.journal_error)(&error)))
            .next(said(|words| (words.journal_next)(&error)))
            .stopping(stops)
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        let (kind, exit) = match &error {
            KeyError::Missing { .. } => ("key-missing", Exit::Refused),
            KeyError::Open(_) | KeyError::File { .. } | KeyError::Unreadable { .. } => ("usage", Exit::Usage),
            KeyError::Random(_) => ("random", Exit::Bug),
        };
        Self::new(kind, exit, said(|words| (words.key_error)(&error))).next(said(|words| (words.key_next)(&error)))
    }
}

impl From<HeadError> for Failure {
    fn from(error: HeadError) -> Self {
        let exit = match error {
            HeadError::Locked(error) => return error.into(),
            HeadError::File { ref cause, .. } if cause.kind() == std::io::ErrorKind::StorageFull => {
                return JournalError::DiskFull.into();
            }
            HeadError::File { .. } => Exit::Usage,
            HeadError::Unreadable(_) | HeadError::Foreign(_) | HeadError::Longer { .. } | HeadError::Differs { .. } => {
                Exit::Refused
            }
        };
        Self::new("head", exit, said(|words| (words.head_error)(&error))).next(said(|words| (words.head_next)(&error)))
    }
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        let (kind, exit) = match &error {
            LockError::Held { .. } => ("locked", Exit::Locked),
            LockError::File { .. } => ("lock", Exit::Usage),
        };
        Self::new(kind, exit, said(|words| (words.lock_error)(&error))).next(said(|words| (words.lock_next)(&error)))
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Portal(error) => error.into(),
            PlanError::Journal(error) => error.into(),
            PlanError::Encoding(error) => JournalError::from(error).into(),
            PlanError::Unevaluable(error) => {
                Self::new("policy", Exit::Refused, said(|words| (words.unevaluable)(&error)))
                    .next(said(|words| (words.unevaluable_next)(error.rule)))
            }
            PlanError::NoJob(job) => Self::usage(said(|words| (words.no_job)(Some(job)))),
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
        Self::new("roster", Exit::Usage, said(|words| (words.roster_unusable)(&errors.0)))
            .next(said(|words| words.roster_unusable_next))
    }
}
