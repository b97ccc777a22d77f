//! The surface: consent, refusals, locks, and what scripts rely on.
