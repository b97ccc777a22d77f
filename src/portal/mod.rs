//! The client of Bitrix24's REST API, version 2, through an incoming webhook.
//!
//! Two types speak to a portal. [`Reader`] asks; it is patient, repeats what went missing, and has no method that could
//! change anything. [`Destroyer`] sends one batch of `bizproc.workflow.kill` and `terminate` commands, once, and says of
//! each command what is known: done, refused, not executed, or in doubt. Both share a [`Connection`]: the webhook, the
//! pace of requests, and what is known of the portal's limits.
//!
//! What comes back is verified to be about what was asked before anybody sees it, since the portal drops a condition that
//! it does not understand and then answers with everything ([`PortalError::Widened`]).
//!
//! Not responsible for: when to send what, whether an unanswered command took effect, attempts and their number, the
//! journal. Nothing here prints, and nothing here follows a redirect or repeats a request that could destroy.
//!
//! ```text
//! read ──▶ listing* ──▶ decode*
//!   └────▶ patient ─┬─▶ encode*, answer* ──▶ body*, code*
//!          destroy ─┤
//!                   └─▶ connection ──▶ exchange (http ──▶ certificate*), pace*, limit*      * pure: no I/O, clock or randomness
//! ```

mod answer;
mod array;
mod body;
mod certificate;
mod code;
mod connection;
mod decode;
mod destroy;
mod encode;
mod error;
mod exchange;
mod flow;
mod http;
mod limit;
mod listing;
mod look;
mod method;
mod pace;
mod patient;
mod read;
mod retry;
#[cfg(test)]
mod testing;
mod webhook;

pub use answer::{Answer, Doubt, Failure, NotExecuted, Reply};
pub use connection::{Connection, LevelStore, Notice, Settings, WaitReason};
pub use decode::{InstanceRow, MethodState, Profile, TaskRow, UserRow};
pub use destroy::{Destroy, Destroyer, Sent};
#[cfg(feature = "rigs")]
pub use encode::encoded;
pub use encode::{BATCH_COMMANDS_MAX, is_rewritten};
pub use error::PortalError;
pub use exchange::{Answering, Exchange};
pub use limit::Budget;
pub use listing::{TaskScope, UserQuery};
pub use look::{Look, Seen};
pub use method::Method;
pub use pace::Rate;
pub use read::Reader;
pub use retry::Delays;
pub use webhook::{Webhook, WebhookError};
