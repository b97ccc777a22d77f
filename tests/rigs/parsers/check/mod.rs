//! One input, through the real parser, against a reading of its own: what the rig and the fuzz targets share.
//!
//! An input is bytes: a few that say what is asked, and the rest. Nothing in here uses a parser of the program to judge that program.

pub(crate) mod answers;
pub(crate) mod encodings;
mod json;
mod php;
mod portal;
pub(crate) mod rosters;

/// What came of an input, in words that can be counted; or what is wrong.
pub(crate) type Checked = Result<Vec<&'static str>, String>;

/// Stands in free texts, and never in what is written in clear.
pub(crate) const SECRET: &str = "Zebulon Quux";

/// A kind of input: its name, and what checks one.
pub(crate) type Kind = (&'static str, fn(&[u8]) -> Checked);

/// The kinds of inputs.
pub(crate) const KINDS: [Kind; 3] = [
    ("answers", answers::check),
    ("roster", rosters::check),
    ("encoding", encodings::check),
];

/// An error, unless it holds.
fn ensure(holds: bool, finding: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(finding()) }
}
