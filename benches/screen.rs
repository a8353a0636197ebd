//! Traffic and response time of the screen, measured on the real program in a pseudo-terminal of
//! 100x30 while it trains on all cores: time to start, bytes per second when training, with
//! `--slow-link` and paused, and the time from a key to the picture that answers it.
//!
//! `cargo bench --bench screen`

#[path = "../tests/support/mod.rs"]
mod support;

use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use support::pty::Pty;
use support::{SMALL, Workplace};

const SIZE: (u16, u16) = (100, 30);

/// Duration for which bytes are counted, and number of keys pressed.
const WHILE: Duration = Duration::from_secs(20);
const KEYS: usize = 200;

/// Number of times that the program is started.
const STARTS: usize = 15;

fn main() {
    // `cargo test --benches` only checks that this builds and starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let [start, step] = beginnings();
    println!("start screen after {start:.0} ms; first step on the screen {step:.0} ms after enter");
    for (name, options) in [("training", &[][..]), ("training, --slow-link", &["--slow-link"])] {
        let workplace = Workplace::new();
        let pty = screen(&workplace, options);
        println!("{name}: {:.0} bytes per second", bytes_per_second(&pty));
    }
    let workplace = Workplace::new();
    let mut pty = screen(&workplace, &[]);
    // Occupies the other cores, so that the keys compete with training on all of them.
    let busy = std::thread::available_parallelism().map_or(1, |n| n.get()).saturating_sub(1);
    for _ in 0..busy {
        spawn(|| {
            loop {
                std::hint::spin_loop();
            }
        });
    }
    let mut answers: Vec<f64> = (0..KEYS).map(|key| answer(&mut pty, key)).collect();
    answers.sort_by(f64::total_cmp);
    let quantile = |q: f64| answers[(q * (KEYS - 1) as f64).round() as usize];
    println!(
        "response to a key with all cores busy: median {:.0} ms, 99th percentile {:.0} ms",
        quantile(0.5),
        quantile(0.99)
    );
    pty.keys(" ");
    pty.wait_for("paused");
    sleep(Duration::from_secs(1));
    println!("paused: {:.0} bytes per second", bytes_per_second(&pty));
}

fn screen(workplace: &Workplace, options: &[&str]) -> Pty {
    workplace.write("long.toml", SMALL);
    let arguments = [&["run", "long.toml", "--epochs", "100000"], options].concat();
    let pty = Pty::start(workplace, &arguments, SIZE);
    pty.wait_for("best");
    sleep(Duration::from_secs(2));
    pty
}

/// Median milliseconds from the start of the program to the start screen, and from choosing the
/// first experiment to its first step on the screen.
fn beginnings() -> [f64; 2] {
    let beginnings: Vec<[f64; 2]> = (0..STARTS).map(|_| beginning()).collect();
    [0, 1].map(|what| {
        let mut times: Vec<f64> = beginnings.iter().map(|times| times[what]).collect();
        times.sort_by(f64::total_cmp);
        times[STARTS / 2]
    })
}

fn beginning() -> [f64; 2] {
    let workplace = Workplace::new();
    let begun = Instant::now();
    let mut pty = Pty::start(&workplace, &[], SIZE);
    let start = until(&pty, begun, |text| text.contains("enter start"));
    let entered = Instant::now();
    pty.keys("\r");
    let stepped = |text: &str| text.contains("  step ") && !text.contains("  step 0/");
    [start, until(&pty, entered, stepped)]
}

/// Milliseconds from `begun` until the screen's text satisfies `wanted`.
fn until(pty: &Pty, begun: Instant, wanted: impl Fn(&str) -> bool) -> f64 {
    while !wanted(&pty.text()) {
        sleep(Duration::from_micros(500));
    }
    begun.elapsed().as_secs_f64() * 1e3
}

fn bytes_per_second(pty: &Pty) -> f64 {
    let (before, begun) = (pty.bytes(), Instant::now());
    sleep(WHILE);
    (pty.bytes() - before) as f64 / begun.elapsed().as_secs_f64()
}

/// Milliseconds from a key to the first picture that shows its effect.
fn answer(pty: &mut Pty, key: usize) -> f64 {
    // Keys open and close the help, whose text occurs nowhere else on the screen.
    let open = key.is_multiple_of(2);
    // At varying times after the previous picture.
    sleep(Duration::from_millis(150 + (key as u64 * 37) % 100));
    let begun = Instant::now();
    pty.keys(if open { "?" } else { "\x1b" });
    while pty.text().contains("pause or resume") != open {
        sleep(Duration::from_micros(500));
    }
    begun.elapsed().as_secs_f64() * 1e3
}
