//! The program behind the `offboard24` command.
//!
//! Data flows one way, and the arrows of `use` follow it:
//!
//! ```text
//! roster ─┐
//!         ├─▶ plan ─▶ run ─▶ report
//! portal ─┘      │      │
//!                └─ journal
//! cli      arguments in, terminal out; knows all the others, and none of them knows it
//! sandbox  a stand-in portal on loopback; uses nothing of the others
//! ```
//!
//! [`domain`], [`personal`] and [`clock`] are the words that all of them share.
//! `tests/it/tidy.rs` holds these arrows.

pub mod clock;
pub mod domain;
pub mod personal;
pub mod sandbox;
