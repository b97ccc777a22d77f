//! `report`: what is written, where, and that it depends on the journal alone.
