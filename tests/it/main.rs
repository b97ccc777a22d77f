//! The tests of the whole.

mod engine;
