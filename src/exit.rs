//! The exit codes: a contract with scripts (design section 6).

/// What the process says when it ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
pub enum Exit {
    /// Done, nothing left to decide; for `plan`: frozen, nothing but the confirmation left.
    Done,
    /// A bug.
    Bug,
    /// A usage, configuration or roster error. Nothing was changed.
    Usage,
    /// Ended with `failed` or `survived` actions, or the breaker stopped it.
    NotAllDone,
    /// Rows or actions wait for a person; the rest is done.
    NeedsDecision,
    /// Stopped on request: `resume`.
    Stopped,
    /// Refused for safety. Nothing was changed.
    Refused,
    /// Authentication, permission, scope, tariff, or the portal's manual block.
    NotAllowed,
    /// Another run holds the portal or the database.
    Locked,
    /// Temporary: `resume` later.
    Temporary,
    /// `audit verify` found damage.
    Damage,
    /// Stopped by SIGINT, state saved: `resume`.
    Interrupted,
    /// Stopped by SIGTERM, state saved: `resume`.
    Terminated,
}

impl Exit {
    /// In order of precedence: where several apply, the first counts.
    pub const PRECEDENCE: [Self; 13] = [
        Self::Bug,
        Self::Damage,
        Self::Usage,
        Self::Locked,
        Self::Interrupted,
        Self::Terminated,
        Self::NotAllowed,
        Self::Refused,
        Self::Temporary,
        Self::NotAllDone,
        Self::Stopped,
        Self::NeedsDecision,
        Self::Done,
    ];

    /// The code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Bug => 1,
            Self::Usage => 2,
            Self::NotAllDone => 3,
            Self::NeedsDecision => 4,
            Self::Stopped => 5,
            Self::Refused => 6,
            Self::NotAllowed => 7,
            Self::Locked => 8,
            Self::Temporary => 9,
            Self::Damage => 11,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// What it means, in the words of the table in `--help` and README.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done, nothing left to decide; for plan: frozen, nothing but the confirmation left",
            Self::Bug => "a bug; see the journal",
            Self::Usage => "usage, configuration or roster error; nothing was changed",
            Self::NotAllDone => "ended with failed or survived actions, or the breaker stopped it",
            Self::NeedsDecision => "rows or actions wait for a person; the rest is done",
            Self::Stopped => "stopped on request: resume",
            Self::Refused => "refused for safety; nothing was changed",
            Self::NotAllowed => "authentication, permission, scope, tariff, or the portal's manual block",
            Self::Locked => "another run holds the portal or the database; nothing was changed",
            Self::Temporary => "temporary (unreachable, limits): resume later",
            Self::Damage => "audit verify found damage; nothing was changed",
            Self::Interrupted => "stopped by SIGINT, state saved: resume",
            Self::Terminated => "stopped by SIGTERM, state saved: resume",
        }
    }

    /// The one that counts.
    pub fn first(codes: impl IntoIterator<Item = Self>) -> Self {
        let place = |exit: &Self| Self::PRECEDENCE.iter().position(|other| other == exit);
        codes.into_iter().min_by_key(place).unwrap_or(Self::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_several_apply_the_first_counts() {
        assert_eq!(Exit::first([]), Exit::Done);
        assert_eq!(Exit::first([Exit::NeedsDecision, Exit::NotAllDone]), Exit::NotAllDone);
        assert_eq!(
            Exit::first([Exit::Temporary, Exit::Interrupted, Exit::NotAllowed]),
            Exit::Interrupted
        );
    }
}
