#![no_main]

#[allow(dead_code, reason = "every target uses a part of it")]
#[path = "../targets.rs"]
mod targets;

thread_local!(static WEIGHTS: targets::Weights = targets::Weights::new());

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| WEIGHTS.with(|weights| weights.read(bytes)));
