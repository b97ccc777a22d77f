//! Where sources contradict each other, or say nothing (protocol sections 14 and 15), both sides are played.
