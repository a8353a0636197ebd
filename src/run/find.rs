//! Finding runs: all in a folder, and the one that a user names.

use std::fs;
use std::path::{Path, PathBuf};

use super::RunFolder;

/// Error of finding the run that a user names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FindError {
    /// The path is a folder, but not that of a run.
    #[error("{} is not the folder of a run: there is no events.jsonl in it", .0.display())]
    NotARun(PathBuf),
    #[error(
        "no run in {} is called {text} or begins with that{}",
        runs.display(), suggestion(near)
    )]
    Nothing {
        text: String,
        runs: PathBuf,
        /// Names of similar runs, or of all if there is none; latest first.
        near: Vec<String>,
    },
    #[error("several runs in {} begin with {text}: {}", runs.display(), some(names))]
    Several {
        text: String,
        runs: PathBuf,
        /// Latest first.
        names: Vec<String>,
    },
}

/// Lists the folders of all runs in `runs`, latest first; none if there is no such folder.
pub fn list_runs(runs: &Path) -> Vec<RunFolder> {
    let entries = fs::read_dir(runs).into_iter().flatten().flatten();
    let folders =
        entries.map(|entry| entry.path()).filter(|path| path.join("events.jsonl").is_file());
    let mut folders: Vec<_> = folders.collect();
    folders.sort_by(|a, b| b.cmp(a));
    folders.iter().map(|path| RunFolder::open(path)).collect()
}

/// Finds the run that `text` names: the path of its folder, its name within `runs`, or the
/// beginning of exactly one name.
///
/// # Errors
/// There is no such run, or several; the error lists the candidates.
pub(crate) fn find_run(runs: &Path, text: &str) -> Result<RunFolder, FindError> {
    let path = Path::new(text);
    if path.join("events.jsonl").is_file() {
        return Ok(RunFolder::open(path));
    }
    let folders = list_runs(runs);
    if let Some(folder) = folders.iter().find(|folder| folder.name() == text) {
        return Ok(folder.clone());
    }
    let names = |wanted: &dyn Fn(&str) -> bool| -> Vec<String> {
        folders.iter().map(RunFolder::name).filter(|name| wanted(name)).collect()
    };
    let beginning = names(&|name| !text.is_empty() && name.starts_with(text));
    match beginning.as_slice() {
        [name] => Ok(RunFolder::open(&runs.join(name))),
        [] if path.is_dir() => Err(FindError::NotARun(path.into())),
        [] => {
            let mut near = names(&|name| name.contains(text));
            if near.is_empty() {
                near = names(&|_| true);
            }
            Err(FindError::Nothing { text: text.into(), runs: runs.into(), near })
        }
        _ => Err(FindError::Several { text: text.into(), runs: runs.into(), names: beginning }),
    }
}

/// Joins the first few names.
fn some(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let more = if names.len() > SHOWN { ", …" } else { "" };
    format!("{}{more}", names[..names.len().min(SHOWN)].join(", "))
}

fn suggestion(near: &[String]) -> String {
    if near.is_empty() {
        "; there are no runs".into()
    } else {
        format!("; there is {}", some(near))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_meant_by_its_path_its_name_or_a_beginning() {
        let runs = tempfile::tempdir().expect("a folder");
        for name in ["2026-01-01_a", "2026-01-02_b", "2026-01-02_bb"] {
            std::fs::create_dir(runs.path().join(name)).expect("creates");
            std::fs::write(runs.path().join(name).join("events.jsonl"), "").expect("writes");
        }
        std::fs::create_dir(runs.path().join("empty")).expect("creates");
        let find = |text: &str| find_run(runs.path(), text).map(|folder| folder.name());
        let path = runs.path().join("2026-01-01_a").display().to_string();
        for text in ["2026-01-01_a", "2026-01-01", path.as_str()] {
            assert_eq!(find(text).as_deref(), Ok("2026-01-01_a"), "{text}");
        }
        assert_eq!(find("2026-01-02_b").as_deref(), Ok("2026-01-02_b"), "a whole name wins");
        let error = find("2026-01-0").expect_err("three").to_string();
        assert!(error.ends_with(": 2026-01-02_bb, 2026-01-02_b, 2026-01-01_a"), "{error}");
        let error = find("_a").expect_err("no beginning").to_string();
        assert!(error.ends_with("; there is 2026-01-01_a"), "{error}");
        for text in ["", "zzz"] {
            assert!(matches!(find(text), Err(FindError::Nothing { near, .. }) if near.len() == 3));
        }
        let empty = runs.path().join("empty");
        assert_eq!(find(&empty.display().to_string()), Err(FindError::NotARun(empty)));
        let nowhere = find_run(&runs.path().join("none"), "a").expect_err("no folder").to_string();
        assert!(nowhere.ends_with("; there are no runs"), "{nowhere}");
    }
}
