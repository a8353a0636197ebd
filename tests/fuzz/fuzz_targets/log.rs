#![no_main]

#[allow(dead_code, reason = "every target uses a part of it")]
#[path = "../targets.rs"]
mod targets;

use std::sync::LazyLock;

static LOG: LazyLock<targets::Log> = LazyLock::new(targets::Log::new);

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| LOG.read(bytes));
