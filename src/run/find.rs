//! Which run somebody means.

use std::path::{Path, PathBuf};

use super::{RunFolder, list_runs};

/// A run that cannot be found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// There is a folder, but it is no run's.
    #[error("{} is not the folder of a run: there is no events.jsonl in it", .0.display())]
    NotARun(PathBuf),
    /// No run is called so.
    #[error("no run in {} is called {text} or begins so{}", runs.display(), suggestion(near))]
    Nothing {
        /// What was asked for.
        text: String,
        /// Where it was looked for.
        runs: PathBuf,
        /// Runs that may have been meant, newest first.
        near: Vec<String>,
    },
    /// Several begin so.
    #[error("several runs in {} begin with {text}: {}", runs.display(), some(names))]
    Several {
        /// What was asked for.
        text: String,
        /// Where it was looked for.
        runs: PathBuf,
        /// Their names, newest first.
        names: Vec<String>,
    },
}

/// The run that `text` means: the path of its folder, or its name within `runs`, or the beginning of one name alone.
///
/// # Errors
/// No such run, or several; with the names that may have been meant.
pub fn find_run(runs: &Path, text: &str) -> Result<RunFolder, FindError> {
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

/// The first few names.
fn some(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let more = if names.len() > SHOWN { ", …" } else { "" };
    format!("{}{more}", names[..names.len().min(SHOWN)].join(", "))
}

fn suggestion(near: &[String]) -> String {
    match near.is_empty() {
        true => "; there are no runs".into(),
        false => format!("; there is {}", some(near)),
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
