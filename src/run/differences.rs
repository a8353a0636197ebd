//! Differences between runs: their experiments, the program, backend and data, and manual changes.

use std::collections::BTreeSet;
use std::fs;

use toml::{Table, Value};

use super::{ReadError, RunFolder, RunState};

/// The setup of a run: its `experiment.toml`, and the version of the program, the backend and the
/// checksums of the data from the comments in that file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Setup(Table);

impl Setup {
    /// Reads the `experiment.toml` of a run.
    ///
    /// # Errors
    /// The file cannot be read or is not TOML.
    pub fn read(folder: &RunFolder) -> Result<Self, ReadError> {
        let path = folder.path().join("experiment.toml");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(source) => return Err(ReadError::Io { path, source }),
        };
        Self::parse(&text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            ReadError::Line { path, line, problem: error.message().to_owned() }
        })
    }

    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        let mut setup: Table = text.parse()?;
        // These two do not affect training.
        setup.remove("name");
        setup.remove("description");
        let mut checksums = Table::new();
        for comment in text.lines().map_while(|line| line.strip_prefix("# ")) {
            if let Some(program) = comment.strip_prefix("laperm ") {
                let (version, backend) = program.split_once(", backend ").unwrap_or((program, ""));
                setup.insert("laperm version".into(), version.into());
                setup.insert("backend".into(), backend.into());
            } else if let Some((checksum, path)) =
                comment.strip_prefix("sha256 ").and_then(|data| data.split_once(' '))
            {
                let file = path.rsplit('/').next().unwrap_or(path);
                checksums.insert(file.to_owned(), checksum.into());
            }
        }
        setup.insert("sha256".into(), checksums.into());
        Ok(Setup(setup))
    }
}

/// A key whose value is not the same in all runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// A key of the experiment, dotted, such as `wrapper.k` or `network.layers[2].units` (layers
    /// are counted from 1); or `laperm version`, `backend`, `sha256.FILE` or `by hand`.
    pub key: String,
    /// The value in each run; `None` if the run has none.
    pub values: Vec<Option<Value>>,
}

/// Returns the differences between runs by key, and the manual changes with their steps last.
pub fn differences(runs: &[(&Setup, &RunState)]) -> Vec<Difference> {
    let setups: Vec<Value> = runs.iter().map(|(setup, _)| Value::Table(setup.0.clone())).collect();
    let mut found = Vec::new();
    compare("", setups.iter().map(Some).collect(), &mut found);
    let by_hand = runs.iter().map(|(_, state)| {
        let marks = state.marks.iter().map(|mark| format!("{} at step {}", mark.label, mark.step));
        let marks: Vec<String> = marks.collect();
        (!marks.is_empty()).then(|| Value::from(marks))
    });
    let by_hand: Vec<Option<Value>> = by_hand.collect();
    if by_hand.windows(2).any(|pair| pair[0] != pair[1]) {
        found.push(Difference { key: "by hand".into(), values: by_hand });
    }
    found
}

/// Adds the differences below `key`. Tables are compared by key, and lists of tables by index if
/// they are of the same length in all runs; anything else is one value.
fn compare(key: &str, values: Vec<Option<&Value>>, found: &mut Vec<Difference>) {
    if values.windows(2).all(|pair| pair[0] == pair[1]) {
        return;
    }
    let given = || values.iter().flatten();
    if given().all(|value| value.is_table()) {
        let names: BTreeSet<&String> =
            given().filter_map(|value| value.as_table()).flat_map(Table::keys).collect();
        for name in names {
            let inner = values.iter().map(|value| value.and_then(|value| value.get(name)));
            let dot = if key.is_empty() { "" } else { "." };
            compare(&format!("{key}{dot}{name}"), inner.collect(), found);
        }
        return;
    }
    let lengths: BTreeSet<Option<usize>> =
        values.iter().map(|value| value.and_then(tables)).collect();
    if let (1, Some(&Some(length))) = (lengths.len(), lengths.first()) {
        for index in 0..length {
            let inner = values.iter().map(|value| value.and_then(|value| value.get(index)));
            compare(&format!("{key}[{}]", index + 1), inner.collect(), found);
        }
        return;
    }
    let values = values.into_iter().map(Option::<&Value>::cloned).collect();
    found.push(Difference { key: key.to_owned(), values });
}

/// Length of a list of tables; `None` for any other value.
fn tables(value: &Value) -> Option<usize> {
    let list = value.as_array().filter(|list| list.iter().all(Value::is_table))?;
    Some(list.len())
}

impl Difference {
    /// Returns the value of run `index` as lines of text: one, or one for each manual change. Empty
    /// if the run has no value.
    pub fn lines(&self, index: usize) -> Vec<String> {
        match self.values.get(index).and_then(Option::as_ref) {
            None => Vec::new(),
            Some(Value::String(text)) => vec![text.clone()],
            Some(Value::Array(list)) if self.key == "by hand" => {
                list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            // A whole number is shown without `.0`: k = 20.
            Some(Value::Float(whole)) if whole.fract() == 0.0 => vec![whole.to_string()],
            Some(value) => vec![value.to_string()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Mark;

    const FIRST: &str = "# laperm 0.1.0, backend flex\n# sha256 aa /data/mnist/images\nname = 'one'\nseed = 1\n\
        [optimizer]\nlr = 0.001\n[wrapper]\nname = 'laperm'\nk = 20.0\n\
        [[network.layers]]\nunits = 64\n[[network.layers]]\nunits = 10\n";

    fn differ(texts: &[&str]) -> Vec<(String, Vec<String>)> {
        let setups: Vec<Setup> =
            texts.iter().map(|text| Setup::parse(text).expect("is TOML")).collect();
        let state = RunState::default();
        let runs: Vec<_> = setups.iter().map(|setup| (setup, &state)).collect();
        let shown = |found: Difference| {
            let values = (0..texts.len()).map(|run| found.lines(run).join("; ")).collect();
            (found.key, values)
        };
        differences(&runs).into_iter().map(shown).collect()
    }

    #[test]
    fn equal_runs_differ_in_nothing_whatever_they_are_called() {
        assert_eq!(differ(&[FIRST, &FIRST.replace("'one'", "'two'")]), []);
    }

    #[test]
    fn only_what_differs_is_listed_by_hand() {
        let second = FIRST
            .replace("k = 20.0", "")
            .replace("units = 10", "units = 20")
            .replace("lr = 0.001", "lr = { rule = 'cosine', from = 0.1 }")
            .replace("backend flex", "backend tch")
            .replace("sha256 aa", "sha256 bb");
        let expected = [
            ("backend", ["flex", "tch", "flex"]),
            ("network.layers[2].units", ["10", "20", "10"]),
            ("optimizer.lr", ["0.001", "{ from = 0.1, rule = \"cosine\" }", "0.001"]),
            ("sha256.images", ["aa", "bb", "aa"]),
            ("wrapper.k", ["20", "", "20"]),
        ];
        let expected =
            expected.map(|(key, values)| (key.to_owned(), values.map(str::to_owned).to_vec()));
        assert_eq!(differ(&[FIRST, &second, FIRST]), expected);
    }

    #[test]
    fn lists_of_other_lengths_and_missing_sections_are_told() {
        let found = differ(&["a = [1, 2]\n[b]\nc = 1\nd = 2\n", "a = [1]\n"]);
        let expected = [("a", ["[1, 2]", "[1]"]), ("b.c", ["1", ""]), ("b.d", ["2", ""])];
        let expected =
            expected.map(|(key, values)| (key.to_owned(), values.map(str::to_owned).to_vec()));
        assert_eq!(found, expected);
    }

    #[test]
    fn what_was_done_by_hand_comes_with_its_step() {
        let setup = Setup::parse(FIRST).expect("is TOML");
        let (idle, mut steered) = (RunState::default(), RunState::default());
        steered.marks.push(Mark { step: 300, label: "k = 100".into() });
        let found = differences(&[(&setup, &idle), (&setup, &steered)]);
        let [by_hand] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((by_hand.key.as_str(), by_hand.lines(0).len()), ("by hand", 0));
        assert_eq!(by_hand.lines(1), ["k = 100 at step 300"]);
        assert_eq!(differences(&[(&setup, &steered), (&setup, &steered)]), []);
    }
}
