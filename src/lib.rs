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
//! [`domain`], [`personal`], [`clock`], [`crash`], [`exit`], [`files`], [`lock`] and [`paths`] are what the others share.
//! `tests/it/tidy.rs` holds these arrows.

pub mod cli;
pub mod clock;
pub mod crash;
pub mod domain;
pub mod exit;
pub mod files;
mod hex;
pub mod journal;
pub mod lock;
#[cfg(feature = "rigs")]
pub mod mistake;
pub mod paths;
pub mod personal;
pub mod plan;
pub mod portal;
pub mod report;
pub mod roster;
pub mod run;
pub mod sandbox;
