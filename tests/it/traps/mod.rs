//! One test for each trap of section 12 of the protocol notes, named after it.
//!
//! Each is played over HTTP with the real binary, or on the parser that the trap is laid for. What keeps us out of it, and that the test
//! fails without it, is in `defences::traps`.

mod batch;
mod finding;
mod killing;
mod listing;
mod transport;
