#![no_main]

#[allow(dead_code, reason = "every target uses a part of it")]
#[path = "../targets.rs"]
mod targets;

use std::sync::{LazyLock, Mutex};

static DOOR: LazyLock<Mutex<targets::Door>> = LazyLock::new(|| Mutex::new(targets::Door::new()));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(door) = DOOR.lock() {
        door.say(bytes);
    }
});
