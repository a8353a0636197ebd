//! The paper's figures from real runs, as files: what is drawn, that it is the same every time, and
//! what is refused.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use resvg::tiny_skia::Pixmap;
use resvg::usvg::roxmltree::{Document, Node};
use support::pty::Pty;
use support::{SMALL, Workplace};

const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Runs of two sync periods with two seeds each, one without syncs, and two of other pruning
/// ratios.
struct Trained {
    workplace: Workplace,
    sweep: Vec<String>,
    plain: String,
    pruned: Vec<String>,
}

/// Trained once for all tests, none of which changes the runs.
static TRAINED: LazyLock<Trained> = LazyLock::new(|| {
    let workplace = Workplace::new();
    let looks =
        "\n[monitor]\nframe_seconds = 0.01\n\n[evaluate]\nsyncs = 1\ntrain_examples = 100\n";
    workplace.write("small.toml", SMALL.to_owned() + looks);
    let train = |more: &[&str]| {
        let outcome = workplace.run(&[&["run", "small.toml", "--json"], more].concat());
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        let summary: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
        summary["run"].as_str().unwrap().to_owned()
    };
    let sweep = [("10", "1"), ("10", "2"), ("30", "1"), ("30", "2")];
    let sweep = sweep.map(|(k, seed)| train(&["--seed", seed, "--set", &format!("wrapper.k={k}")]));
    let plain = train(&["--set", "wrapper.name=\"none\""]);
    let pruned = ["0.3", "0.6"].map(|p| train(&["--set", &format!("prune.ratio={p}")]));
    Trained { sweep: sweep.into(), plain, pruned: pruned.into(), workplace }
});

impl Trained {
    /// The arguments that draw a figure of every kind.
    fn figures(&self) -> Vec<(&'static str, Vec<&str>)> {
        let one = vec![self.sweep[0].as_str()];
        let mut all: Vec<&str> = self.sweep.iter().map(String::as_str).collect();
        all.push(&self.plain);
        let pruned: Vec<&str> = self.pruned.iter().chain(&self.sweep).map(String::as_str).collect();
        vec![
            ("accuracy", one.clone()),
            ("accuracy", all.clone()),
            ("ranking-distance", one.clone()),
            ("ranking-distance", all.clone()),
            ("weight-distribution", all.clone()),
            ("profiles", one.clone()),
            ("profiles", all.clone()),
            ("cycles", one.clone()),
            ("reconnection", one),
            ("k-sweep", all),
            ("prune-sweep", pruned.clone()),
            ("agnostic", pruned[..2].to_vec()),
        ]
    }

    /// Draws into a file in a temporary folder, and returns its content.
    #[track_caller]
    fn draw(&self, kind: &str, runs: &[&str], file: &str, more: &[&str]) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(file);
        let output = path.to_str().unwrap();
        let arguments = [&["figure", kind, "-o", output], runs, more].concat();
        let outcome = self.workplace.run(&arguments);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), ""), "{}", outcome.stderr);
        let files: Vec<PathBuf> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(files, [path.as_path()], "nothing is left beside the file");
        fs::read(&path).unwrap()
    }
}

fn texts(svg: &str) -> Vec<String> {
    let document = Document::parse(svg).unwrap();
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    texts.filter_map(|node| node.text().map(str::to_owned)).collect()
}

#[track_caller]
fn assert_shows(svg: &str, wanted: &[&str]) {
    let texts = texts(svg);
    for wanted in wanted {
        assert!(texts.iter().any(|text| text.contains(wanted)), "`{wanted}` is not in {texts:?}");
    }
}

#[test]
fn every_kind_is_drawn_as_svg_and_the_same_bytes_again() {
    for (kind, runs) in TRAINED.figures() {
        let first = TRAINED.draw(kind, &runs, "figure.svg", &[]);
        let svg = String::from_utf8(first.clone()).unwrap();
        let document = Document::parse(&svg).unwrap();
        let count = |name: &str| document.descendants().filter(|n| n.has_tag_name(name)).count();
        assert!(count("path") + count("rect") > 8 && count("text") > 0, "{kind}: {svg}");
        // All texts are on the page.
        let page: Vec<f64> = numbers(document.root_element().attribute("viewBox").unwrap());
        for text in document.descendants().filter(|node| node.has_tag_name("text")) {
            let (x, y) = place(text);
            assert!(
                (0.0..=page[2]).contains(&x) && (0.0..=page[3]).contains(&y),
                "{kind}: {text:?}"
            );
        }
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{kind}");
        assert!(
            TRAINED.draw(kind, &runs, "again.svg", &[]) == first,
            "{kind} differs the second time"
        );
    }
}

fn numbers(text: &str) -> Vec<f64> {
    text.split([' ', '(', ')']).filter_map(|number| number.parse().ok()).collect()
}

fn place(text: Node) -> (f64, f64) {
    let attribute = |name| text.attribute(name).map(|value| value.parse::<f64>().unwrap());
    match (attribute("x"), attribute("y")) {
        (Some(x), Some(y)) => (x, y),
        _ => {
            let moved = numbers(text.attribute("transform").unwrap());
            (moved[0], moved[1])
        }
    }
}

#[test]
fn every_kind_is_drawn_as_png_of_its_size() {
    for (kind, runs) in TRAINED.figures() {
        let more = ["--dpi", "100", "--width", "127", "--height", "101.6"];
        let png = TRAINED.draw(kind, &runs, "figure.PNG", &more);
        assert!(png.starts_with(PNG_SIGNATURE));
        let pixels = Pixmap::decode_png(&png).unwrap();
        assert_eq!((pixels.width(), pixels.height()), (500, 400), "{kind}");
        let inked = pixels.pixels().iter().filter(|pixel| pixel.green() < 200).count();
        assert!(inked > 500, "{kind}: {inked} pixels");
        assert_eq!(
            TRAINED.draw(kind, &runs, "again.png", &more),
            png,
            "{kind} differs the second time"
        );
    }
}

#[test]
fn curves_are_named_by_what_differs_and_seeds_become_a_band() {
    let all: Vec<&str> = TRAINED.sweep.iter().chain([&TRAINED.plain]).map(String::as_str).collect();
    let svg = |runs: &[&str], more: &[&str]| {
        String::from_utf8(TRAINED.draw("accuracy", runs, "a.svg", more)).unwrap()
    };
    let picture = svg(&all, &["--title", "k < 31", "--x", "step"]);
    assert_shows(
        &picture,
        &["LaPerm, k = 10", "LaPerm, k = 30", "Adam", "training step", "k < 31"],
    );
    assert!(!texts(&picture).iter().any(|text| text.contains("seed")));
    // A band for each pair of seeds, and none for the run that is alone.
    assert_eq!(picture.matches("fill-opacity=\"0.2\"").count(), 2);
    let alone = svg(&all[..1], &["--x", "seconds"]);
    assert_shows(&alone, &["test", "train", "time (s)"]);
    assert_eq!(alone.matches("fill-opacity=\"0.2\"").count(), 0);
    let ks = TRAINED.draw("k-sweep", &all, "k.svg", &[]);
    assert_shows(&String::from_utf8(ks).unwrap(), &["sync period k", "10", "30", "(c) zoom"]);
    let layer = TRAINED.draw("ranking-distance", &all, "d.svg", &["--layer", "dense2"]);
    assert_shows(&String::from_utf8(layer).unwrap(), &["ranking distance, dense2", "SD / length"]);
}

#[test]
fn the_step_decides_what_is_known() {
    let cycles = |step: &str| {
        let svg = TRAINED.draw("cycles", &[&TRAINED.sweep[0]], "c.svg", &["--step", step]);
        texts(&String::from_utf8(svg).unwrap()).concat()
    };
    let (early, late) = (cycles("30"), cycles("100000"));
    assert!(early.contains("weights") && late.contains("weights"));
    assert_ne!(early, late);
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let run = TRAINED.sweep[0].as_str();
    let refused = |arguments: &[&str], parts: &[&str]| {
        let outcome = TRAINED.workplace.run(&[&["figure"], arguments].concat());
        outcome.assert_refused(2, parts);
    };
    let outcome = |arguments: &[&str]| {
        let outcome = TRAINED.workplace.run(&[&["figure"], arguments].concat());
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""));
        outcome.stderr
    };
    assert!(outcome(&["accuracy", run, "-o", "a.pdf"]).contains(".svg or .png"));
    assert!(outcome(&["accuracy", run, "-o", "a"]).contains(".svg or .png"));
    assert!(
        outcome(&["unheard-of", run, "-o", "a.svg"]).contains("k-sweep"),
        "the kinds are listed"
    );
    assert!(outcome(&["accuracy", "-o", "a.svg"]).contains("<RUN>"));
    assert!(outcome(&["accuracy", run, "-o", "a.svg", "--width", "0"]).contains("millimetres"));
    refused(&["accuracy", "nobody", "-o", "a.svg"], &["no run in runs is called nobody"]);
    refused(&["accuracy", run, "-o", "nowhere/a.svg"], &["nowhere/a.svg"]);
    refused(&["k-sweep", run, "-o", "a.svg"], &["k-sweep", "all of these have k = 10"]);
    refused(&["prune-sweep", run, "-o", "a.svg"], &["all of these have p = 0 %"]);
    refused(&["k-sweep", &TRAINED.plain, "-o", "a.svg"], &["no sync period", "LaPerm"]);
    let unknown = ["cycles", run, "-o", "a.svg", "--layer", "conv9"];
    refused(&unknown, &["no layer conv9", "dense1, dense2, dense3"]);
    let early = ["accuracy", run, "-o", "a.svg", "--step", "1"];
    refused(&early, &["no test accuracy", "never evaluated"]);
    assert!(!TRAINED.workplace.path().join("a.svg").exists());
}

#[test]
fn a_run_without_the_data_of_a_figure_says_how_to_get_it() {
    let workplace = Workplace::new();
    workplace.write("small.toml", SMALL);
    let nothing = "monitor.distribution=false";
    let outcome = workplace.run(&["run", "small.toml", "--json", "--steps", "5", "--set", nothing]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let run = workplace.only_run();
    fs::remove_file(run.frames()).unwrap();
    // As if the ranking distance had not been measured, which takes a network too large for a test.
    let log = fs::read_to_string(run.events()).unwrap();
    let lines = log.lines().filter(|line| !line.contains("ranking_distance"));
    fs::write(run.events(), lines.map(|line| line.to_owned() + "\n").collect::<String>()).unwrap();
    for (kind, advice) in [
        ("ranking-distance", "monitor.distance_layers"),
        ("weight-distribution", "monitor.distribution"),
        ("profiles", "frames.bin"),
        ("cycles", "frames.bin"),
        ("reconnection", "frames.bin"),
    ] {
        let outcome = workplace.run(&["figure", kind, &run.name(), "-o", "a.svg"]);
        outcome.assert_refused(2, &[&run.name(), "has no", advice]);
    }
}

#[test]
fn screenshots_are_png_too() {
    let workplace = &TRAINED.workplace;
    let run = Path::new(&TRAINED.sweep[0]).file_name().unwrap().to_str().unwrap();
    for (size, width, height) in [("80x24", 80, 24), ("200x60", 200, 60)] {
        let arguments = ["screenshot", run, "-o", "screen.png", "--size", size, "--panel", "1"];
        let outcome = workplace.run(&arguments);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        let png = fs::read(workplace.path().join("screen.png")).unwrap();
        let pixels = Pixmap::decode_png(&png).unwrap();
        assert_eq!((pixels.width(), pixels.height()), (width * 18, height * 36));
        let paper = pixels.pixel(9, height * 18).unwrap();
        assert!(pixels.pixels().iter().filter(|pixel| **pixel != paper).count() > 5000);
    }
    let outcome = workplace.run(&["screenshot", run, "-o", "screen.gif"]);
    assert!(outcome.code == Some(2) && outcome.stderr.contains(".svg, .png or .txt"));
}

#[test]
fn a_key_saves_the_figure_of_the_panel_that_is_looked_at() {
    let workplace = Workplace::new();
    workplace.write("small.toml", SMALL);
    let mut pty = Pty::start(&workplace, &["run", "small.toml"], (100, 30));
    pty.wait_for("all steps taken");
    let figures = workplace.only_run().path().join("figures");
    for (panel, kind) in [("1", "accuracy"), ("2", "ranking-distance")] {
        pty.keys(panel);
        pty.keys("w");
        pty.wait_for(&format!("saved figures/{kind}"));
        let svg = fs::read_to_string(figures.join(format!("{kind}-step-0000060.svg"))).unwrap();
        assert_shows(&svg, &["training step"]);
    }
    pty.keys("q");
    assert_eq!(pty.wait_for_end(), 0);
    pty.assert_restored();
}
