//! The engine's rules, tested on its pure functions: no network, no database, no clock but a number.
//!
//! - [`rules`]: one sentence for each rule of design section 5, driven by [`hand`].
//! - [`simulation`]: the promises of section 5, for thousands of seeds. A [`world`] (the portal, and everybody else who works
//!   on it) and a [`process`] (the loop of `run`, with a journal in memory, that dies anywhere) are watched by an
//!   [`auditor`], which shares no code with the engine. The same simulation has to catch mistakes that are planted on purpose.
//!
//! Not here: what an HTTP answer means (`portal`), what SQLite keeps (`journal`), and the order of calls in the real loop, which
//! the tests of crashes cover with the real binary.

mod auditor;
mod hand;
mod process;
mod random;
mod rules;
mod simulation;
mod world;
