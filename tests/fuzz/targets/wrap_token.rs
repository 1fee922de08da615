#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| makeeper_fuzz::wrap_token(data));
