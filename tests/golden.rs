//! Compares screens and figures with the golden files in tests/golden, character by character.
//!
//! `LAPERM_UPDATE=1 cargo test --release --test golden` writes the files after an intended change;
//! the diff is then part of the review. Everything is drawn from the run in assets/recorded-run, so
//! that the files do not depend on the machine.

mod support;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use support::pty::Pty;
use support::{PATIENCE, Workplace};

/// The smallest terminal that must work, and one that has room for everything.
const SIZES: [(u16, u16); 2] = [(80, 24), (200, 60)];

/// Number of panels of the run view.
const PANELS: usize = 7;

/// The folders of runs: the recorded run, and the same run cut off after a step. It trains with
/// k = 20 after step 150 and with p = 30 % after step 310. The dates are in the future, so that the
/// age of a run is `now`.
const RUNS: [(&str, u64); 3] = [
    ("2999-01-01_000000_recorded", u64::MAX),
    ("2999-01-02_000000_until-300", 300),
    ("2999-01-03_000000_until-440", 440),
];

/// A workplace whose folder of runs has all [`RUNS`].
fn workplace() -> Workplace {
    let (workplace, recorded) =
        (Workplace::new(), Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/recorded-run"));
    let log = fs::read_to_string(recorded.join("events.jsonl")).unwrap();
    for (name, last) in RUNS {
        let known = |line: &&str| {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            event["step"].as_u64().unwrap() <= last
        };
        let lines: String = log.split_inclusive('\n').filter(known).collect();
        workplace.write(&format!("runs/{name}/events.jsonl"), lines);
        for file in ["experiment.toml", "frames.bin"] {
            let content = fs::read(recorded.join(file)).unwrap();
            workplace.write(&format!("runs/{name}/{file}"), content);
        }
    }
    workplace
}

/// The differences from the golden files that were found.
#[derive(Default)]
struct Golden {
    differences: String,
}

impl Golden {
    fn path(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
    }

    fn updates() -> bool {
        std::env::var_os("LAPERM_UPDATE").is_some()
    }

    fn matches(name: &str, drawn: &str) -> bool {
        fs::read_to_string(Self::path(name)).is_ok_and(|golden| golden == drawn)
    }

    /// Compares `drawn` with the golden file `name`; with `LAPERM_UPDATE`, writes the file.
    fn check(&mut self, name: &str, drawn: &str) {
        if Self::matches(name, drawn) {
            return;
        }
        if Self::updates() {
            fs::create_dir_all(Self::path("")).unwrap();
            return fs::write(Self::path(name), drawn).unwrap();
        }
        self.differences += &difference(name, drawn);
    }

    /// Fails if anything differs.
    #[track_caller]
    fn finish(self) {
        assert!(
            self.differences.is_empty(),
            "\n{}\nIf that is meant: LAPERM_UPDATE=1 cargo test --release --test golden",
            self.differences
        );
    }
}

/// Returns a unified diff from the golden file to `drawn`.
fn difference(name: &str, drawn: &str) -> String {
    let path = Golden::path(name);
    if !path.exists() {
        return format!("there is no {}\n", path.display());
    }
    let mut diff = Command::new("diff");
    diff.arg("-u").args(["--label", "golden", "--label", name]).arg(&path).arg("-");
    let diffed = diff.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().and_then(|mut diff| {
        // The pipe is closed at the end of this statement.
        diff.stdin.take().map_or(Ok(()), |mut input| input.write_all(drawn.as_bytes()))?;
        diff.wait_with_output()
    });
    match diffed {
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
        Err(_) => format!("{name} differs; it was drawn as\n{drawn}"),
    }
}

/// Runs the program, which must write `file`; returns the content of the file.
#[track_caller]
fn drawn(workplace: &Workplace, arguments: &[&str], file: &str) -> String {
    let outcome = workplace.run(&[arguments, &["-o", file]].concat());
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), ""), "{}", outcome.stderr);
    fs::read_to_string(workplace.path().join(file)).unwrap()
}

#[test]
fn panels_at_both_sizes_together_and_zoomed() {
    let (workplace, mut golden) = (workplace(), Golden::default());
    for (columns, rows) in SIZES {
        let size = format!("{columns}x{rows}");
        let screenshot = ["screenshot", RUNS[0].0, "--size", &size];
        golden.check(&format!("run-{size}.txt"), &drawn(&workplace, &screenshot, "screen.txt"));
        for panel in (1..=PANELS).map(|panel| panel.to_string()) {
            let arguments = [&screenshot[..], &["--panel", &panel]].concat();
            let screen = drawn(&workplace, &arguments, "screen.txt");
            golden.check(&format!("run-{size}-panel-{panel}.txt"), &screen);
        }
    }
    golden.finish();
}

#[test]
fn a_screenshot_in_colours() {
    let (workplace, mut golden) = (workplace(), Golden::default());
    let screenshot = ["screenshot", RUNS[0].0, "--size", "80x24", "--step", "400"];
    golden.check("run-80x24-step-400.svg", &drawn(&workplace, &screenshot, "screen.svg"));
    golden.finish();
}

#[test]
fn figures_of_every_kind() {
    let (workplace, mut golden) = (workplace(), Golden::default());
    let [recorded, with_k, with_p] = RUNS.map(|(name, _)| name);
    let figures = [
        ("accuracy", vec![recorded]),
        ("ranking-distance", vec![recorded]),
        ("weight-distribution", vec![recorded]),
        ("profiles", vec![recorded]),
        ("cycles", vec![recorded]),
        ("reconnection", vec![recorded]),
        ("k-sweep", vec![recorded, with_k]),
        ("prune-sweep", vec![recorded, with_p]),
        ("agnostic", vec![recorded]),
    ];
    // An unknown kind is refused with a list of all kinds.
    let refused = workplace.run(&["figure", "unknown", recorded, "-o", "a.svg"]).stderr;
    let all =
        format!("[possible values: {}]", figures.each_ref().map(|(kind, _)| *kind).join(", "));
    assert!(refused.contains(&all), "not all kinds are here: {refused}");
    for (kind, runs) in figures {
        let arguments = [&["figure", kind], &runs[..], &["--layer", "conv2"]].concat();
        golden.check(&format!("figure-{kind}.svg"), &drawn(&workplace, &arguments, "figure.svg"));
    }
    golden.finish();
}

/// Waits for `text`, then compares the screen with the golden file `name` as soon as it is equal or
/// has not changed for a second.
#[track_caller]
fn check_screen(golden: &mut Golden, pty: &Pty, name: &str, text: &str) {
    pty.wait_for(text);
    let (begun, mut since) = (Instant::now(), Instant::now());
    let mut last = pty.text();
    while !Golden::matches(name, &lines(&last)) && since.elapsed() < Duration::from_secs(1) {
        assert!(begun.elapsed() < PATIENCE, "the screen does not come to rest:\n{last}");
        sleep(Duration::from_millis(20));
        let now = pty.text();
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    golden.check(name, &lines(&last));
}

/// Compares the first page of the help with the golden file `name`, and closes the help.
#[track_caller]
fn check_help(golden: &mut Golden, pty: &mut Pty, name: &str) {
    pty.keys("?");
    check_screen(golden, pty, name, " closes");
    pty.keys("\x1b");
    pty.wait_without(" closes");
}

/// Returns the screen as lines without trailing blanks, each ended by a line break.
fn lines(screen: &str) -> String {
    screen.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// Runs `show` in a terminal of each size, and leaves the program with `q`.
#[track_caller]
fn at_both_sizes(workplace: &Workplace, arguments: &[&str], show: impl Fn(&mut Pty, &str)) {
    for size in SIZES {
        let mut pty = Pty::start(workplace, arguments, size);
        show(&mut pty, &format!("{}x{}", size.0, size.1));
        pty.keys("q");
        assert_eq!(pty.wait_for_end(), 0);
        pty.assert_restored();
    }
}

#[test]
fn a_replay_its_second_page_and_its_help() {
    let workplace = workplace();
    at_both_sizes(&workplace, &["replay", RUNS[0].0, "--step", "450"], |pty, size| {
        let mut golden = Golden::default();
        check_screen(&mut golden, pty, &format!("replay-{size}.txt"), "450/600");
        pty.keys("6");
        check_screen(&mut golden, pty, &format!("replay-{size}-page-2.txt"), "▸6 Reconnection");
        check_help(&mut golden, pty, &format!("replay-{size}-help.txt"));
        golden.finish();
    });
}

#[test]
fn the_start_screen() {
    let workplace = workplace();
    workplace.write("experiments/small.toml", support::SMALL);
    at_both_sizes(&workplace, &[], |pty, size| {
        let mut golden = Golden::default();
        pty.wait_until("the runs are read", |screen| !screen.contains("reading"));
        check_screen(&mut golden, pty, &format!("start-{size}.txt"), "finished");
        check_help(&mut golden, pty, &format!("start-{size}-help.txt"));
        golden.finish();
    });
}

#[test]
fn a_comparison() {
    let workplace = workplace();
    let runs = RUNS.map(|(name, _)| name);
    at_both_sizes(&workplace, &[&["compare"], &runs[..]].concat(), |pty, size| {
        let mut golden = Golden::default();
        check_screen(&mut golden, pty, &format!("compare-{size}.txt"), "93.60   93.60");
        check_help(&mut golden, pty, &format!("compare-{size}-help.txt"));
        golden.finish();
    });
}

/// The name of a matrix, and the weight of every index.
type Matrix = (&'static str, fn(u16) -> f32);

/// Returns a .safetensors file of three matrices with 8 vectors of 50 weights each: with equal
/// profiles, with different profiles, and with zeros in every other position.
fn weights() -> Vec<u8> {
    let matrices: [Matrix; 3] = [
        ("alike.weight", |i| f32::from(i * 7 % 50) / 25.0 - 1.0),
        ("unlike.weight", |i| f32::from(i * 7 % 50) / 25.0 * f32::from(1 + i / 50) - 1.0),
        ("pruned.weight", |i| if i % 2 == 0 { 0.0 } else { f32::from(i % 11) / 11.0 }),
    ];
    let (vectors, length) = (8u16, 50u16);
    let (mut header, mut bytes) = (serde_json::Map::new(), Vec::new());
    for (name, weight) in matrices {
        let begin = bytes.len();
        (0..vectors * length).for_each(|i| bytes.extend(weight(i).to_le_bytes()));
        let tensor = serde_json::json!({
            "dtype": "F32", "shape": [vectors, length], "data_offsets": [begin, bytes.len()],
        });
        header.insert(name.to_owned(), tensor);
    }
    let header = serde_json::Value::Object(header).to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &bytes].concat()
}

#[test]
fn profiles_of_a_file() {
    let workplace = workplace();
    workplace.write("net.safetensors", weights());
    at_both_sizes(&workplace, &["profile", "net.safetensors"], |pty, size| {
        let mut golden = Golden::default();
        check_screen(&mut golden, pty, &format!("profile-{size}.txt"), "3 matrices");
        check_help(&mut golden, pty, &format!("profile-{size}-help.txt"));
        golden.finish();
    });
}
