//! Mistakes that can be planted, to see that a rig finds them. Only with the feature `rigs`.
//!
//! Code that a mistake is planted in asks [`is_planted`] behind the feature. `OFFBOARD24_MISTAKE=intent-after-call` plants it in a process,
//! [`plant`] in this thread.

use std::cell::Cell;
use std::sync::OnceLock;

/// What somebody might get wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub enum Mistake {
    /// The intents are recorded after the request.
    IntentAfterCall,
    /// What may still take effect is not waited for.
    NoQuietTime,
    /// An answer that is cut off is read as success.
    TruncatedIsSuccess,
    /// An error whose code is empty is read as success.
    EmptyErrorIsSuccess,
    /// A key that is missing in a batch's answer is read as success.
    MissingKeyIsSuccess,
    /// An action is sent again while an attempt of it is not settled.
    SentWhileUnsettled,
    /// The outcome is recorded before it was read back.
    OutcomeBeforeReadBack,
    /// `synchronous=NORMAL`.
    SynchronousNormal,
    /// `journal_mode=DELETE` with `synchronous=FULL`, which is what `SQLite` does unless told otherwise.
    JournalDelete,
    /// The lock is not held.
    NoLock,
}

impl Mistake {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::IntentAfterCall,
        Self::NoQuietTime,
        Self::TruncatedIsSuccess,
        Self::EmptyErrorIsSuccess,
        Self::MissingKeyIsSuccess,
        Self::SentWhileUnsettled,
        Self::OutcomeBeforeReadBack,
        Self::SynchronousNormal,
        Self::JournalDelete,
        Self::NoLock,
    ];

    /// `intent-after-call`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IntentAfterCall => "intent-after-call",
            Self::NoQuietTime => "no-quiet-time",
            Self::TruncatedIsSuccess => "truncated-is-success",
            Self::EmptyErrorIsSuccess => "empty-error-is-success",
            Self::MissingKeyIsSuccess => "missing-key-is-success",
            Self::SentWhileUnsettled => "sent-while-unsettled",
            Self::OutcomeBeforeReadBack => "outcome-before-read-back",
            Self::SynchronousNormal => "synchronous-normal",
            Self::JournalDelete => "journal-delete",
            Self::NoLock => "no-lock",
        }
    }
}

thread_local! {
    static PLANTED: Cell<Option<Mistake>> = const { Cell::new(None) };
}

/// Plants a mistake in this thread, or takes it out.
pub fn plant(mistake: Option<Mistake>) {
    PLANTED.with(|planted| planted.set(mistake));
}

/// Whether a mistake is planted.
pub fn is_planted(mistake: Mistake) -> bool {
    static OF_PROCESS: OnceLock<Option<Mistake>> = OnceLock::new();
    let of_process = OF_PROCESS.get_or_init(|| {
        let name = std::env::var("OFFBOARD24_MISTAKE").ok()?;
        Mistake::ALL.into_iter().find(|mistake| mistake.name() == name)
    });
    PLANTED.with(Cell::get).or(*of_process) == Some(mistake)
}
