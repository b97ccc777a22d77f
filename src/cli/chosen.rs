//! A setting, and where it comes from: the first of flag, environment, configuration file and default that has it.
//!
//! What a command uses and what `config explain` prints are the same values.

use std::fmt;
use std::path::PathBuf;

/// Where a value comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Origin {
    /// A flag of the command line.
    Flag(&'static str),
    /// An environment variable.
    Environment(&'static str),
    /// A line of the configuration file.
    File { path: PathBuf, line: usize },
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Environment(name) => formatter.write_str(name),
            Self::File { path, line } => write!(formatter, "{}:{line}", path.display()),
            Self::Default => formatter.write_str("default"),
        }
    }
}

/// A value with its origin.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Chosen<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

impl<T> Chosen<T> {
    /// What a flag says, if it was given.
    pub(crate) fn by_flag(name: &'static str, value: Option<T>) -> Option<Self> {
        let origin = Origin::Flag(name);
        value.map(|value| Self { value, origin })
    }

    /// What holds where nobody said anything.
    pub(crate) fn by_default(value: T) -> Self {
        let origin = Origin::Default;
        Self { value, origin }
    }

    /// Another value of the same origin.
    pub(crate) fn map<U>(self, make: impl FnOnce(T) -> U) -> Chosen<U> {
        Chosen {
            value: make(self.value),
            origin: self.origin,
        }
    }
}

impl Chosen<PathBuf> {
    /// What an environment variable says; an empty one says nothing.
    pub(crate) fn by_environment(name: &'static str) -> Option<Self> {
        let value = std::env::var_os(name).filter(|value| !value.is_empty())?;
        let origin = Origin::Environment(name);
        Some(Self {
            value: value.into(),
            origin,
        })
    }
}
