//! The methods of the REST API that this program calls, and no others.

use std::fmt;

use crate::domain::ActionKind;

/// A REST method.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub enum Method {
    /// `profile`: who the webhook acts for.
    Profile,
    /// `scope`: what the webhook may use.
    Scope,
    /// `method.get`: whether a method exists on this portal's plan.
    MethodGet,
    /// `server.time`.
    ServerTime,
    /// `user.get`.
    UserGet,
    /// `bizproc.task.list`.
    TaskList,
    /// `bizproc.workflow.instances`.
    Instances,
    /// `bizproc.workflow.kill`: destroys.
    Kill,
    /// `bizproc.workflow.terminate`: destroys.
    Terminate,
    /// `batch`: up to 50 of the others in one request.
    Batch,
}

impl Method {
    /// The name in the URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Scope => "scope",
            Self::MethodGet => "method.get",
            Self::ServerTime => "server.time",
            Self::UserGet => "user.get",
            Self::TaskList => "bizproc.task.list",
            Self::Instances => "bizproc.workflow.instances",
            Self::Kill => "bizproc.workflow.kill",
            Self::Terminate => "bizproc.workflow.terminate",
            Self::Batch => "batch",
        }
    }

    /// The scope that the webhook needs for it; `None` where any webhook may call it.
    pub const fn scope(self) -> Option<&'static str> {
        match self {
            Self::UserGet => Some("user"),
            Self::TaskList | Self::Instances | Self::Kill | Self::Terminate => Some("bizproc"),
            Self::Profile | Self::Scope | Self::MethodGet | Self::ServerTime | Self::Batch => None,
        }
    }
}

impl From<ActionKind> for Method {
    fn from(kind: ActionKind) -> Self {
        match kind {
            ActionKind::Kill => Self::Kill,
            ActionKind::Terminate => Self::Terminate,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// The methods that only read. What asks on behalf of [`super::Reader`] takes this type, so that no mistake there can
/// destroy.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum ReadMethod {
    /// `profile`
    Profile,
    /// `scope`
    Scope,
    /// `method.get`
    MethodGet,
    /// `server.time`
    ServerTime,
    /// `user.get`
    UserGet,
    /// `bizproc.task.list`
    TaskList,
    /// `bizproc.workflow.instances`
    Instances,
}

impl From<ReadMethod> for Method {
    fn from(method: ReadMethod) -> Self {
        match method {
            ReadMethod::Profile => Self::Profile,
            ReadMethod::Scope => Self::Scope,
            ReadMethod::MethodGet => Self::MethodGet,
            ReadMethod::ServerTime => Self::ServerTime,
            ReadMethod::UserGet => Self::UserGet,
            ReadMethod::TaskList => Self::TaskList,
            ReadMethod::Instances => Self::Instances,
        }
    }
}
