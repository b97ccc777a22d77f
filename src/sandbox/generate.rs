//! Worlds of any size.
