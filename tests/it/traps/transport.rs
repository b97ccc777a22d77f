//! Traps 38 to 45: transport and state.
