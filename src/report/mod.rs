//! Views of the journal for people and scripts. Reads the journal only; knows nothing of the portal or the terminal.

pub mod status;
pub mod words;
