//! The files of `tests/rosters`: what people's spreadsheets make, each with the rows or the message that it leads to.
