//! Views of the journal for people and scripts. Reads the journal only; knows nothing of the portal or the terminal.
//!
//! [`job::Report`] puts a job together once; each format is a file that makes a text of it. Wording is in `language`, one file a language.

pub mod csv;
pub mod headline;
pub mod html;
pub mod job;
pub mod json;
pub mod language;
pub mod markdown;
pub mod review;
pub mod status;
pub mod text;
pub mod timeline;
pub mod words;
