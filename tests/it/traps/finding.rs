//! Traps 1 to 10: finding the person.
