//! Traps 11 to 18: listing tasks.
