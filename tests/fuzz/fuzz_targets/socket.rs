#![no_main]

#[allow(dead_code, reason = "every target uses a part of it")]
#[path = "../targets.rs"]
mod targets;

use std::sync::{LazyLock, Mutex};

static HOST: LazyLock<Mutex<targets::Host>> = LazyLock::new(|| Mutex::new(targets::Host::new()));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(host) = HOST.lock() {
        host.send(bytes);
    }
});
