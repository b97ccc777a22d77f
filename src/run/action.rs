//! One action through its life: the fold of its events.
//!
//! Pure. The same function takes an event when it happens and when a resumed run reads it back, so recovery is replay. What is
//! not in an event (when, on the monotonic clock) is an argument; after a crash it is the moment of the replay, which makes every
//! time that has to pass longer, never shorter.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::domain::{ActionKind, ActionState, Outcome, UserId, WorkflowId};
use crate::journal::{ActionPlanned, ActionRecord, AnswerKind, Event, Returned};

/// Attempts that count, after the plan and after each `reopened`.
pub const ATTEMPTS_MAX: u32 = 3;

/// How long the effect of an attempt may still be under way: the portal cuts a request at 60 s (protocol section 8), plus the
/// time to get there and to become visible.
pub const QUIET: Duration = Duration::from_secs(90);

/// What is known of the attempt that an action in state `sent` waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Pending {
    /// No answer is on record.
    InDoubt,
    /// Literal `true`; the read-back has to agree.
    Yes,
    /// A definite error; asking tells `failed` from gone.
    Refused,
}

/// An action, its plan and where it stands.
#[derive(Clone, Debug)]
pub struct Action {
    /// The workflow.
    pub workflow: WorkflowId,
    /// What to do; none in a conflict, which is always held.
    pub kind: Option<ActionKind>,
    /// The matched people who waited in it.
    pub people: BTreeSet<UserId>,
    /// Everybody who waited in it.
    pub participants: BTreeSet<UserId>,
    /// Its state.
    pub state: ActionState,
    /// The number of the last attempt; numbers are never reused.
    pub attempt: u32,
    /// Attempts that count.
    pub counted: u32,
    /// What the last attempt brought, while the state is `sent`.
    pub pending: Pending,
    /// When the last attempt was sent.
    pub sent_at: Duration,
    /// When the last attempt was sent that never got a definite answer.
    pub unanswered_at: Option<Duration>,
    /// Whether any attempt was answered with literal `true`.
    pub said_yes: bool,
    /// Whether any attempt was answered with a definite error.
    pub refused: bool,
}

impl Action {
    /// As planned.
    pub fn new(planned: &ActionPlanned) -> Self {
        Self {
            workflow: planned.workflow.clone(),
            kind: planned.kind,
            people: planned.people.iter().copied().collect(),
            participants: planned.participants.iter().copied().collect(),
            state: if planned.holds.is_empty() {
                ActionState::Planned
            } else {
                ActionState::Held
            },
            attempt: 0,
            counted: 0,
            pending: Pending::InDoubt,
            sent_at: Duration::ZERO,
            unanswered_at: None,
            said_yes: false,
            refused: false,
        }
    }

    /// As the journal has it of an action that is planned and was never sent.
    pub fn untouched(record: &ActionRecord) -> Self {
        Self::new(&ActionPlanned {
            action: record.action,
            workflow: record.workflow.clone(),
            kind: record.kind,
            holds: Vec::new(),
            people: record.people.iter().copied().collect(),
            participants: record.people.union(&record.others).copied().collect(),
        })
    }

    /// Takes an event about this action.
    pub fn apply(&mut self, event: &Event, now: Duration) {
        match event {
            Event::AttemptIntended(event) => {
                self.state = ActionState::Sent;
                self.attempt = event.attempt;
                self.counted += 1;
                self.pending = Pending::InDoubt;
                self.sent_at = now;
            }
            Event::AttemptAnswered(event) => match event.answer {
                AnswerKind::Yes => {
                    self.pending = Pending::Yes;
                    self.said_yes = true;
                }
                AnswerKind::Refused => {
                    self.pending = Pending::Refused;
                    self.refused = true;
                }
                AnswerKind::NotExecuted => self.counted = self.counted.saturating_sub(1),
                AnswerKind::InDoubt => self.unanswered_at = Some(self.sent_at),
            },
            Event::ActionReturned(event) => {
                self.state = ActionState::Planned;
                // Without an answer on record it is the in-doubt kind: the process died before it could be written.
                if event.why == Returned::StillListed {
                    self.unanswered_at = Some(self.sent_at);
                }
            }
            Event::ActionEnded(event) => self.state = ActionState::Ended(event.outcome),
            Event::ActionReopened(_) => {
                self.state = ActionState::Planned;
                self.counted = 0;
            }
            _ => {}
        }
    }

    /// After all events are replayed: an attempt without an answer on record went unanswered.
    pub fn recovered(&mut self) {
        if self.state == ActionState::Sent && self.pending == Pending::InDoubt {
            self.unanswered_at = Some(self.sent_at);
        }
    }

    /// What it means that the workflow is gone: the one outcome whose claim (design section 1) is true of all attempts, those before a
    /// `reopened` among them.
    pub fn gone(&self) -> Outcome {
        if self.pending == Pending::Yes {
            Outcome::Confirmed
        } else if self.unanswered_at.is_some() {
            Outcome::Presumed
        } else if self.said_yes {
            Outcome::Confirmed
        } else if self.refused {
            Outcome::Unattributed
        } else {
            Outcome::AlreadyGone
        }
    }

    /// From when on no unanswered attempt can still take effect.
    pub fn quiet_from(&self) -> Duration {
        self.unanswered_at.map_or(Duration::ZERO, |sent_at| sent_at + QUIET)
    }
}
