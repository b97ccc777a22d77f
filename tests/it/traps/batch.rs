//! Traps 27 to 37: batches.
