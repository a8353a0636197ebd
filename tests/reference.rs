//! The reference in `experiments/README.md` says what the program accepts: every key and no other,
//! the choices, the defaults, and both ends of every range. The program is asked by experiments
//! that set one key each, so nothing is listed here a second time.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use laperm::experiment::Experiment;

/// Nothing but the required keys.
const MINIMAL: &str = "
    [data]
    dataset = \"glyphs\"
    [network]
    name = \"f1\"
";

/// A name that no key and no choice has.
const UNKNOWN: &str = "zzz";

/// A documented key.
struct Row {
    /// With its section, or within its type of layer.
    key: String,
    /// The type of layer.
    layer: Option<String>,
    /// The override that makes the key valid, for a key of one optimizer.
    context: Option<String>,
    values: String,
    default: String,
    range: String,
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/experiments"))
}

fn reference() -> String {
    let page = fs::read_to_string(folder().join("README.md")).expect("the reference");
    let (_, reference) = page.split_once("\n## Reference\n").expect("a section of that name");
    reference.to_owned()
}

fn rows() -> Vec<Row> {
    let mut context = None;
    let mut rows = Vec::new();
    for line in reference().lines() {
        if line.starts_with('#') {
            context = None;
        } else if let Some(name) = line.strip_prefix("With `name = ") {
            let (name, _) = name.split_once('`').expect("a name");
            context = Some(format!("optimizer.name={name}"));
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let context = context.clone();
        match cells.as_slice() {
            ["", key, values, default, range, _, ""] if key.starts_with('`') => rows.push(Row {
                key: unquoted(key).to_owned(),
                layer: None,
                context,
                values: (*values).to_owned(),
                default: (*default).to_owned(),
                range: (*range).to_owned(),
            }),
            ["", layer, key, values, default, range, _, ""] if layer.starts_with('`') => {
                rows.push(Row {
                    key: unquoted(key).to_owned(),
                    layer: Some(unquoted(layer).to_owned()),
                    context,
                    values: (*values).to_owned(),
                    default: (*default).to_owned(),
                    range: (*range).to_owned(),
                });
            }
            _ => {}
        }
    }
    assert!(rows.len() > 50, "the tables are not found: {} rows", rows.len());
    rows
}

fn unquoted(code: &str) -> &str {
    code.trim_matches('`')
}

impl Row {
    /// The key as it is set, for keys with a name of the user's choice.
    fn path(&self) -> String {
        self.key.replace("NAME", "dense1")
    }

    /// The experiment with this key at `value`; without it if there is no value.
    fn with(&self, value: Option<&str>) -> Result<Experiment, String> {
        match &self.layer {
            None => {
                let assignment = value.map(|value| format!("{}={value}", self.path()));
                let overrides: Vec<String> =
                    self.context.iter().cloned().chain(assignment).collect();
                parse(MINIMAL, &overrides)
            }
            Some(layer) => {
                let required = required(layer).filter(|(key, _)| *key != self.key);
                let given = value.map(|value| (self.key.as_str(), value));
                layers(layer, required.into_iter().chain(given))
            }
        }
    }

    /// The choices in its column of values.
    fn choices(&self) -> BTreeSet<String> {
        let quoted = self.values.split('"').skip(1).step_by(2);
        quoted.map(str::to_owned).collect()
    }
}

fn parse(text: &str, overrides: &[String]) -> Result<Experiment, String> {
    Experiment::parse(text, "test", overrides).map_err(|error| error.to_string())
}

fn required(layer: &str) -> Option<(&'static str, &'static str)> {
    match layer {
        "dense" => Some(("units", "3")),
        "conv" => Some(("filters", "1")),
        "dropout" => Some(("rate", "0.5")),
        "residual" => Some(("body", "[{ type = \"relu\" }]")),
        _ => None,
    }
}

/// A network with one layer of this type, and what it needs around it.
fn layers<'a>(
    layer: &str,
    keys: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Experiment, String> {
    let keys: String = keys.into_iter().map(|(key, value)| format!(", {key} = {value}")).collect();
    let (layer, flatten) =
        (format!("{{ type = \"{layer}\"{keys} }}"), "{ type = \"flatten\" }".to_owned());
    let before_dense =
        if layer.contains("\"dense\"") { [flatten, layer] } else { [layer, flatten] };
    let [first, second] = before_dense;
    let between = if first == second { first } else { format!("{first}, {second}") };
    let text = format!(
        "[data]\ndataset = \"glyphs\"\n[network]\nlayers = [{between}, {{ type = \"dense\", units = 10 }}]\n"
    );
    parse(&text, &[])
}

/// The names that an error lists as expected.
fn expected(error: &str) -> BTreeSet<String> {
    let (_, names) = error.split_once("expected ").unwrap_or_default();
    names.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn refusal(overrides: &[&str]) -> String {
    let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
    parse(MINIMAL, &overrides).expect_err("an unknown name")
}

fn choices_of(key: &str) -> BTreeSet<String> {
    let error = refusal(&[&format!("{key}={UNKNOWN}")]);
    assert!(error.contains("unknown variant"), "{key}: {error}");
    expected(&error)
}

/// Every key that the program accepts under `prefix`, which ends with a dot or is empty.
fn accepted(prefix: &str, context: Option<&str>) -> BTreeSet<String> {
    let assignment = format!("{prefix}{UNKNOWN}=1");
    let overrides: Vec<&str> = context.into_iter().chain([assignment.as_str()]).collect();
    let error = refusal(&overrides);
    if !error.contains(&format!("unknown field `{UNKNOWN}`")) {
        return BTreeSet::from([prefix.trim_end_matches('.').to_owned()]);
    }
    let inner = expected(&error).into_iter().map(|key| format!("{prefix}{key}."));
    inner.flat_map(|prefix| accepted(&prefix, context)).collect()
}

#[test]
fn every_key_is_documented_and_no_other() {
    let optimizers = choices_of("optimizer.name");
    let program: BTreeSet<String> = optimizers
        .iter()
        .flat_map(|name| accepted("", Some(&format!("optimizer.name={name}"))))
        .collect();
    let rows = rows();
    let documented = rows.iter().filter(|row| row.layer.is_none());
    let documented: BTreeSet<String> = documented
        .map(|row| row.key.trim_end_matches(".NAME").to_owned())
        // Forms of the value of `initial.weights`.
        .filter(|key| !key.starts_with("initial.weights."))
        .collect();
    assert_eq!(documented, program);
}

#[test]
fn every_optimizer_accepts_its_own_keys_and_no_other() {
    let rows = rows();
    let rows: Vec<&Row> = rows.iter().filter(|row| row.context.is_some()).collect();
    for name in choices_of("optimizer.name") {
        let context = format!("optimizer.name=\"{name}\"");
        for row in &rows {
            let has = |other: &&&Row| {
                other.key == row.key && other.context.as_deref() == Some(context.as_str())
            };
            let documented = rows.iter().find(has);
            let value = unquoted(&documented.unwrap_or(row).default);
            let assignment = format!("{}={value}", row.key);
            let accepted = parse(MINIMAL, &[context.clone(), assignment]).is_ok();
            assert_eq!(accepted, documented.is_some(), "{name}: {}", row.key);
        }
    }
}

#[test]
fn every_choice_is_documented_and_no_other() {
    let rows = rows();
    for row in rows.iter().filter(|row| row.layer.is_none() && !row.choices().is_empty()) {
        let mut program = choices_of(&row.key);
        program.retain(|choice| {
            !rows.iter().any(|other| other.key == format!("{}.{choice}", row.key))
        });
        assert_eq!(row.choices(), program, "{}", row.key);
    }
    for row in rows.iter().filter(|row| row.layer.is_some() && !row.choices().is_empty()) {
        let error = row.with(Some(&format!("\"{UNKNOWN}\""))).expect_err("an unknown choice");
        assert_eq!(row.choices(), expected(&error), "{:?} {}", row.layer, row.key);
    }
}

#[test]
fn every_default_is_the_program_s() {
    for row in rows() {
        let of = |error| panic!("{:?} {}: {error}", row.layer, row.key);
        if row.default.starts_with('`') {
            let default = row.with(Some(unquoted(&row.default))).unwrap_or_else(of);
            assert_eq!(default, row.with(None).unwrap_or_else(of), "{:?} {}", row.layer, row.key);
        } else if row.default == "required" {
            let key = row.key.rsplit('.').next().unwrap_or_default();
            let without = match &row.layer {
                Some(layer) => layers(layer, []),
                None => {
                    let lines = MINIMAL.lines().filter(|line| !line.contains(&format!("{key} =")));
                    parse(&lines.collect::<Vec<_>>().join("\n"), &[])
                }
            };
            let error = without.expect_err("a key is missing");
            assert!(error.contains(&format!("missing field `{key}`")), "{key}: {error}");
        }
    }
}

#[test]
fn every_range_ends_where_it_is_said_to_end() {
    let mut tested = 0;
    for mut row in rows().into_iter().filter(|row| row.range.starts_with(['[', '('])) {
        // A batch that fits into any train set.
        row.context.get_or_insert_with(|| "train.batch=1".into());
        let whole = row.values == "integer";
        let inner = &row.range[1..row.range.len() - 1];
        let (lower, upper) = inner.split_once(", ").expect("two ends");
        let closed = [row.range.starts_with('['), row.range.ends_with(']')];
        for (end, closed, outward) in [(lower, closed[0], -1.0), (upper, closed[1], 1.0)] {
            if end == "∞" {
                continue;
            }
            let end: f64 = end.parse().expect("a number");
            let step = if whole { 1.0 } else { 1e-3 * end.abs().max(1.0) };
            // At the end, and a step inside or outside it.
            for (value, inside) in
                [(end, closed), (end + outward * step, false), (end - outward * step, true)]
            {
                let text = if whole { format!("{value:.0}") } else { format!("{value:?}") };
                let result = row.with(Some(&text));
                assert_eq!(result.is_ok(), inside, "{} = {text}: {result:?}", row.key);
                tested += 1;
            }
        }
    }
    assert!(tested > 100, "only {tested} values");
}

#[test]
fn every_layer_is_documented_with_its_keys() {
    let rows = rows();
    let types = expected(&refusal(&[&format!("network.layers=[{{type=\"{UNKNOWN}\"}}]")]));
    let documented: BTreeSet<String> = rows.iter().filter_map(|row| row.layer.clone()).collect();
    assert_eq!(documented, types);
    for layer in types {
        let documented = rows.iter().filter(|row| row.layer.as_ref() == Some(&layer));
        let documented: BTreeSet<String> =
            documented.map(|row| row.key.clone()).filter(|key| !key.is_empty()).collect();
        match layers(&layer, [(UNKNOWN, "1")]) {
            Err(error) => assert_eq!(documented, expected(&error), "{layer}"),
            // A layer without keys.
            Ok(_) => assert_eq!(documented, BTreeSet::new(), "{layer}"),
        }
    }
}

#[test]
fn every_form_of_a_schedule_is_documented() {
    let reference = reference();
    let (_, section) = reference.split_once("\n### Schedules\n").expect("a section of that name");
    let (section, _) = section.split_once("\n### ").expect("a section after it");
    let forms = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let mut rules = BTreeSet::new();
    for (form, _) in forms {
        let assignment = format!("optimizer.lr={form}");
        assert_eq!(parse(MINIMAL, &[assignment]).err(), None, "{form}");
        if let Some(rest) = form.strip_prefix("{ rule = \"") {
            let (rule, keys) = rest.split_once('"').expect("a name");
            let keys = keys.split([',', '}']).filter_map(|key| Some(key.split_once('=')?.0.trim()));
            let unknown = format!("optimizer.lr={}", form.replace(" }", ", zzz = 1 }"));
            let known = expected(&refusal(&[&unknown]));
            assert_eq!(keys.map(str::to_owned).collect::<BTreeSet<_>>(), known, "{rule}");
            rules.insert(rule.to_owned());
        }
    }
    assert_eq!(rules, expected(&refusal(&["optimizer.lr={ rule = \"zzz\" }"])));
}

#[test]
fn every_experiment_is_in_the_table_of_figures() {
    let page = fs::read_to_string(folder().join("README.md")).expect("the page");
    let (_, table) = page.split_once("\n## The figures of the paper\n").expect("the section");
    let (table, _) = table.split_once("\n## ").expect("a section after it");
    let names = table.lines().filter_map(|line| line.split('|').nth(2));
    let names = names.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let listed: BTreeSet<String> = names.map(str::to_owned).collect();
    let files =
        fs::read_dir(folder()).expect("a folder").map(|entry| entry.expect("an entry").path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    let stem = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let files: BTreeSet<String> = files.filter_map(|path| stem(&path)).collect();
    assert_eq!(listed, files.into_iter().filter(|name| name != "quick").collect());
}
