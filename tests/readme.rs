//! The documents keep their word: every command in them is one that the program understands, those
//! in the shell blocks of the README and of the experiments' page run, and every link leads
//! somewhere.

use std::fs;
use std::path::{Path, PathBuf};

use support::Workplace;

mod support;

const DOCUMENTS: [&str; 6] = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "benches/README.md",
    "experiments/README.md",
    "tests/README.md",
];

/// Their shell blocks are run; the commands of the others train for hours, or measure.
const RUN: [&str; 2] = ["README.md", "experiments/README.md"];

/// Trained in a moment, with something in every table and figure.
const TINY: &str = r#"
[data]
dataset = "glyphs"
glyphs = { train_examples = 40, test_examples = 20 }
[network]
name = "f1"
[train]
batch = 10
epochs = 2
"#;

/// Options that make any experiment of an MNIST network as short as that.
const SHORT: [&str; 5] = [
    "data.dataset=glyphs",
    "data.glyphs={ train_examples = 40, test_examples = 20 }",
    "train.batch=10",
    "train.steps=2",
    "evaluate.train_examples=20",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(document: &str) -> String {
    fs::read_to_string(root().join(document)).unwrap_or_else(|error| panic!("{document}: {error}"))
}

/// The lines of the shell blocks that call the program, without comments and variables before it.
fn shell_lines(document: &str) -> Vec<String> {
    let text = read(document);
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split_once("```"));
    let lines = blocks.flat_map(|(block, _)| block.lines());
    lines.filter_map(|line| command(line.split(" #").next().unwrap_or_default())).collect()
}

/// The code in the running text that calls the program.
fn mentions(document: &str) -> Vec<String> {
    let text = read(document);
    let prose = text.split("```").step_by(2).collect::<String>().replace('\n', " ");
    prose.split('`').skip(1).step_by(2).filter_map(command).collect()
}

/// A call of the program as its arguments, or nothing if it is another one's.
fn command(text: &str) -> Option<String> {
    let is_variable = |word: &&str| word.contains('=') && !word.starts_with('-');
    let mut words = text.split_whitespace().skip_while(is_variable);
    (words.next()? == "laperm").then(|| words.collect::<Vec<_>>().join(" "))
}

/// Puts something real in the place of what the reader is to fill in.
fn filled_in(command: &str, run: [&str; 2], file: &str) -> Vec<String> {
    let mut runs = run.iter().cycle();
    let words = command.split(' ').filter(|word| !word.is_empty());
    let fill = |word: &str| match word.trim_end_matches("...") {
        "RUN" => runs.next().map(|run| (*run).to_owned()).unwrap_or_default(),
        "FILE" | "SNAPSHOT" => file.to_owned(),
        "KIND" => "accuracy".into(),
        "DIR" => ".".into(),
        "SHELL" => "bash".into(),
        "N" | "S" | "$seed" => "1".into(),
        word => {
            let word = word.replace("experiments/FILE.toml", "experiments/quick.toml");
            word.replace("=$k", "=20").replace("=K", "=20").replace("=P", "=0.5")
        }
    };
    words.map(fill).collect()
}

/// Whether a command ends soon, without a terminal, a network or a living run.
fn can_be_run(arguments: &[String]) -> bool {
    let is = |name: &str| arguments.iter().any(|argument| argument == name);
    match arguments.first().map_or("", String::as_str) {
        "run" | "resume" => is("--headless"),
        "compare" => is("--json"),
        "profile" => is("--json"),
        "data" => is("list") || is("preview"),
        "runs" | "rerun" | "figure" | "export" | "screenshot" | "snapshot" | "eval"
        | "completions" => true,
        _ => false,
    }
}

/// The program reads its arguments from left to right, and complains of the first that it does not
/// know: of the one that is appended here, if it knows all the others.
#[track_caller]
fn assert_understood(workplace: &Workplace, document: &str, command: &str) {
    const UNKNOWN: &str = "--no-such-option";
    let mut arguments = filled_in(command, ["one", "two"], "file.svg");
    // A value is read when the next known option follows.
    arguments.extend(["--runs", "runs", UNKNOWN].map(String::from));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = workplace.run(&arguments);
    let complaint = format!("unexpected argument '{UNKNOWN}'");
    assert!(outcome.stderr.contains(&complaint), "{document}: laperm {command}\n{outcome:?}");
}

#[test]
fn every_command_is_understood() {
    let workplace = Workplace::new();
    let mut count = 0;
    for document in DOCUMENTS {
        for command in shell_lines(document).iter().chain(&mentions(document)) {
            // The program's name alone is the start screen.
            if !command.is_empty() {
                assert_understood(&workplace, document, command);
                count += 1;
            }
        }
    }
    assert!(count > 50, "only {count} commands are found");
}

#[test]
fn a_command_that_does_not_exist_would_be_found() {
    let workplace = Workplace::new();
    for wrong in ["rerun RUN --untill 3", "figures accuracy", "run FILE --seed many", "bnch"] {
        let understood = || assert_understood(&workplace, "a test", wrong);
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(understood)).is_err());
    }
}

#[test]
fn every_command_in_a_shell_block_runs() {
    let workplace = Workplace::new();
    for entry in fs::read_dir(root().join("experiments")).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        workplace.write(&format!("experiments/{name}"), fs::read(&path).expect("a file"));
    }
    let tiny = workplace.write("tiny.toml", TINY).display().to_string();
    for k in ["wrapper.k=2", "wrapper.k=4"] {
        let outcome = workplace.run(&["run", &tiny, "--headless", "--set", k]);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
    }
    let folders: Vec<PathBuf> = workplace.runs().iter().map(|run| run.path().to_owned()).collect();
    let folders: Vec<String> = folders.iter().map(|path| path.display().to_string()).collect();
    let [one, two] = folders.as_slice() else { panic!("two runs: {folders:?}") };
    let snapshots = fs::read_dir(Path::new(one).join("snapshots")).expect("snapshots");
    let snapshot = snapshots.map(|entry| entry.expect("an entry").path()).max();
    let snapshot = snapshot.expect("a snapshot").display().to_string();
    let mut count = 0;
    for document in RUN {
        for command in shell_lines(document) {
            let mut arguments = filled_in(&command, [one, two], &snapshot);
            if !can_be_run(&arguments) {
                continue;
            }
            if arguments[0] == "run" {
                arguments.extend(SHORT.iter().flat_map(|set| ["--set".into(), (*set).into()]));
            }
            let all = arguments.iter().flat_map(|argument| match argument.as_str() {
                "runs/*" => folders.clone(),
                other => vec![other.to_owned()],
            });
            let all: Vec<String> = all.collect();
            let all: Vec<&str> = all.iter().map(String::as_str).collect();
            let outcome = workplace.run(&all);
            assert_eq!(outcome.code, Some(0), "{document}: laperm {command}\n{outcome:?}");
            count += 1;
        }
    }
    assert!(count > 12, "only {count} commands are run");
}

#[test]
fn every_link_leads_somewhere() {
    let mut count = 0;
    for document in DOCUMENTS {
        let text = read(document);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.starts_with("https://") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let folder = root().join(document);
            let folder = folder.parent().expect("a folder");
            let file = if path.is_empty() { root().join(document) } else { folder.join(path) };
            assert!(file.exists(), "{document} links to {target}");
            if !anchor.is_empty() {
                let page = fs::read_to_string(&file).expect("a page");
                let mut anchors = page.lines().filter(|line| line.starts_with('#')).map(anchor_of);
                assert!(anchors.any(|known| known == anchor), "{document} links to {target}");
            }
            count += 1;
        }
    }
    assert!(count > 20, "only {count} links are found");
}

#[test]
fn the_citation_names_this_version() {
    let line = format!("version: {}", env!("CARGO_PKG_VERSION"));
    assert!(read("CITATION.cff").lines().any(|found| found == line), "{line}");
}

/// The name by which GitHub links to a heading.
fn anchor_of(heading: &str) -> String {
    let title = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    title.chars().filter(|&c| c.is_alphanumeric() || c == '-' || c == '_').collect()
}
