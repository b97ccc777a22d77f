//! The formats that others read, against what their authors published, and against other people's code.
//!
//! `trees`: RFC 6962. `notes`: C2SP's signed notes, checkpoints and proofs. `canonical`: RFC 8785.

mod canonical;
mod notes;
mod trees;
