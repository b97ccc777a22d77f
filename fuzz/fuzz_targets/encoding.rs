//! See `check/` of the rig `parsers`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| offboard24_fuzz::look_at("encoding", input));
