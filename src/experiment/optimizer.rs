//! `[optimizer]` of an experiment: the keys that every optimizer has, and those of the one chosen.

use std::fmt;
use std::sync::{Arc, LazyLock};

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use strum::VariantArray;

use super::Plan;
use crate::kernels::Rule;
use crate::optimizer::{OptimizerName, Settings};

/// `[optimizer]`: the inner optimizer.
#[derive(Debug, Clone, PartialEq)]
pub struct OptimizerSection {
    /// The optimizer.
    pub name: OptimizerName,
    /// Learning rate.
    pub lr: Plan,
    /// Rate of the L2 penalty `l2 * sum(w^2)` on the weights of all layers but the last. Biases and
    /// batch norm have no penalty.
    pub l2: f64,
    /// The values of the optimizer's own keys.
    pub settings: Settings,
}

impl Default for OptimizerSection {
    fn default() -> Self {
        OptimizerSection::new(OptimizerName::Adam)
    }
}

impl OptimizerSection {
    /// An optimizer with the defaults of all its keys.
    pub fn new(name: OptimizerName) -> Self {
        OptimizerSection {
            name,
            lr: Plan::Constant(1e-3),
            l2: 0.0,
            settings: Settings::default().with_defaults(name.definition().keys),
        }
    }

    /// Returns the update rule with these settings.
    pub fn rule(&self) -> Arc<dyn Rule> {
        (self.name.definition().rule)(&self.settings)
    }

    /// Returns the first of the optimizer's own keys that another optimizer has, or whose value is
    /// out of range, and what is wrong with it.
    pub(super) fn problem(&self) -> Option<(&str, String)> {
        let keys = self.name.definition().keys;
        self.settings.iter().find_map(|(name, value)| {
            let message = match keys.iter().find(|key| key.name == name) {
                Some(key) => format!("{}, not {value}", key.range.problem(value)?),
                None => format!("`{name}` is not a key of {}, but of {}", self.name, owners(name)),
            };
            Some((name, message))
        })
    }

    /// Drops the foreign keys of a section in the form that version 0.1 wrote: it stored the keys
    /// of Adam and SGD with either.
    fn without_keys_of_old_versions(mut self) -> Self {
        const WRITTEN: [&str; 4] = ["momentum", "beta1", "beta2", "epsilon"];
        let old = matches!(self.name, OptimizerName::Adam | OptimizerName::Sgd);
        if old && WRITTEN.iter().all(|key| self.settings.value(key).is_some()) {
            let keys = self.name.definition().keys;
            let foreign = |name: &&str| !keys.iter().any(|key| key.name == *name);
            WRITTEN.iter().filter(|name| foreign(name)).for_each(|name| self.settings.remove(name));
        }
        self
    }
}

/// The optimizers that have a key of this name, separated by commas.
fn owners(key: &str) -> String {
    OptimizerName::having(key).map(|name| name.to_string()).collect::<Vec<_>>().join(", ")
}

/// Prepares the table of an experiment for another optimizer: the keys of the one that it names now
/// are removed, because they have another meaning or none in the other.
pub(super) fn rename(experiment: &mut toml::Table, name: &toml::Value) {
    let Some(section) = experiment.get_mut("optimizer").and_then(toml::Value::as_table_mut) else {
        return;
    };
    let default = toml::Value::String(OptimizerName::Adam.to_string());
    if section.get("name").unwrap_or(&default) != name {
        section.retain(|key, _| OptimizerName::having(key).next().is_none());
    }
}

impl Serialize for OptimizerSection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("lr", &self.lr)?;
        map.serialize_entry("l2", &self.l2)?;
        for (name, value) in self.settings.iter() {
            map.serialize_entry(name, &value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for OptimizerSection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SectionVisitor)
    }
}

struct SectionVisitor;

impl<'de> Visitor<'de> for SectionVisitor {
    type Value = OptimizerSection;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("the keys of an optimizer")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<OptimizerSection, A::Error> {
        let mut section = OptimizerSection { settings: Settings::default(), ..Default::default() };
        while let Some(field) = map.next_key()? {
            match field {
                Field::Name => section.name = map.next_value()?,
                Field::Lr => section.lr = map.next_value()?,
                Field::L2 => section.l2 = map.next_value()?,
                Field::Setting(key) => section.settings.set(&key, map.next_value()?),
            }
        }
        let mut section = section.without_keys_of_old_versions();
        section.settings = section.settings.with_defaults(section.name.definition().keys);
        Ok(section)
    }
}

/// A key in `[optimizer]`, of any optimizer: which one it is may be said further down.
enum Field {
    Name,
    Lr,
    L2,
    Setting(String),
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        static KNOWN: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
            let definitions = OptimizerName::VARIANTS.iter().map(|name| name.definition());
            let mut keys: Vec<_> = definitions.flat_map(|d| d.keys).map(|key| key.name).collect();
            keys.sort_unstable();
            keys.dedup();
            [vec!["name", "lr", "l2"], keys].concat()
        });
        let key = String::deserialize(deserializer)?;
        match key.as_str() {
            "name" => Ok(Field::Name),
            "lr" => Ok(Field::Lr),
            "l2" => Ok(Field::L2),
            _ if KNOWN.contains(&key.as_str()) => Ok(Field::Setting(key)),
            _ => Err(de::Error::unknown_field(&key, &KNOWN)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Experiment;

    const MINIMAL: &str = "[data]\ndataset = \"glyphs\"\n[network]\nname = \"f1\"\n[optimizer]\n";

    fn parse(keys: &str, overrides: &[&str]) -> Result<OptimizerSection, String> {
        let overrides: Vec<String> = overrides.iter().map(|s| (*s).to_owned()).collect();
        let experiment = Experiment::parse(&format!("{MINIMAL}{keys}"), "test.toml", &overrides);
        experiment.map(|experiment| experiment.optimizer).map_err(|error| error.to_string())
    }

    #[test]
    fn every_optimizer_has_its_own_keys_and_comes_back() {
        for &name in OptimizerName::VARIANTS {
            let section = parse(&format!("name = \"{name}\"\n"), &[]).expect("valid");
            assert_eq!(section, OptimizerSection::new(name));
            let text = toml::to_string(&section).expect("serializes");
            assert_eq!(parse(&text, &[]), Ok(section), "{text}");
        }
        assert_eq!(parse("", &[]), Ok(OptimizerSection::new(OptimizerName::Adam)));
    }

    #[test]
    fn keys_of_another_optimizer_are_pointed_at() {
        let error = parse("beta1 = 0.8\nname = \"sgd\"\n", &[]).expect_err("Adam's");
        assert!(error.contains("`beta1` is not a key of sgd, but of adam, adamw, lion"), "{error}");
        assert!(error.contains("test.toml:6:9") && error.contains("^^^"), "{error}");
        let error = parse("momentum = 0.8\n", &[]).expect_err("of gradient descent");
        assert!(error.contains("`momentum` is not a key of adam, but of sgd, rmsprop"), "{error}");
        let error = parse("beta3 = 0.8\n", &[]).expect_err("nobody's");
        assert!(error.contains("unknown field `beta3`") && error.contains("test.toml:6:1"));
        let error = parse("", &["optimizer.rho=0.5"]).expect_err("of RMSprop");
        assert!(error.contains("--set optimizer.rho=0.5: "), "{error}");
    }

    #[test]
    fn values_out_of_range_are_pointed_at() {
        for (keys, part) in [
            ("beta1 = 1.0\n", "must be at least 0 and below 1, not 1"),
            ("epsilon = 1e-50\n", "must be a positive number"),
            ("l2 = -1.0\n", "must be a number of at least 0"),
            ("name = \"lion\"\nweight_decay = -0.1\n", "must be at least 0, not -0.1"),
        ] {
            let error = parse(keys, &[]).expect_err(keys);
            assert!(error.contains(part) && error.contains("test.toml:"), "{error}");
        }
    }

    #[test]
    fn sections_of_version_0_1_are_read() {
        let all = "lr = 0.1\nl2 = 0.0\nmomentum = 0.5\nbeta1 = 0.8\nbeta2 = 0.9\nepsilon = 1e-7\n";
        let adam = parse(&format!("name = \"adam\"\n{all}"), &[]).expect("as it was written");
        let values: Vec<_> = adam.settings.iter().collect();
        assert_eq!(values, [("beta1", 0.8), ("beta2", 0.9), ("epsilon", 1e-7)]);
        let sgd = parse(&format!("name = \"sgd\"\n{all}"), &[]).expect("as it was written");
        assert_eq!(sgd.settings.iter().collect::<Vec<_>>(), [("momentum", 0.5)]);
    }

    #[test]
    fn another_optimizer_on_the_command_line_brings_its_own_keys() {
        let adam = "lr = 0.5\nbeta1 = 0.8\n";
        let sgd = ["optimizer.momentum=0.9", "optimizer.name=sgd"];
        let section = parse(adam, &sgd).expect("in any order");
        assert_eq!(section.settings.iter().collect::<Vec<_>>(), [("momentum", 0.9)]);
        assert_eq!(section.lr, Plan::Constant(0.5));
        let same = parse(adam, &["optimizer.name=adam"]).expect("the same");
        assert_eq!(same.settings.value("beta1"), Some(0.8));
        let lion = parse(adam, &["optimizer.name=lion"]).expect("another");
        assert_eq!(
            lion,
            OptimizerSection {
                lr: Plan::Constant(0.5),
                ..OptimizerSection::new(OptimizerName::Lion)
            }
        );
    }
}
