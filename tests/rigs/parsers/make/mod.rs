//! Inputs out of a seed: well formed, odd, or damaged.

mod answers;
mod encodings;
mod mutation;
mod rosters;

use crate::random::Random;

/// The input of a seed: which of [`super::check::KINDS`] it is for, and its bytes.
pub(super) fn input(seed: u64) -> (usize, Vec<u8>) {
    let mut random = Random::new(seed);
    match random.below(100) {
        0..70 => (0, answers::input(&mut random)),
        70..90 => (1, rosters::input(&mut random)),
        _ => (2, encodings::input(&mut random)),
    }
}
