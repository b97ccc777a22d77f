//! What these rigs share with the tests of the whole: the stand-in portal, and the desk with the real binary.

#[expect(dead_code, reason = "the tests of the whole use more of it")]
#[path = "../../it/support/desk.rs"]
mod desk;
#[expect(dead_code, reason = "the tests of the whole use more of it")]
#[path = "../../it/support/portal.rs"]
mod portal;
#[path = "../../it/support/schemas.rs"]
mod schemas;

pub(crate) use self::desk::{Desk, Ended};
pub(crate) use self::portal::{Portal, Seen};

/// The token of every stand-in here: what must be found nowhere.
pub(crate) const TOKEN: &str = "marker-token_0123456789-secret";

/// One dismissed person, who alone is waited for in nine workflows.
pub(crate) const HOW_TO: &[u8] = include_bytes!("../../../samples/roster-how-to.csv");
