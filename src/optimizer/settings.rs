//! The numeric settings of optimizers: keys of `[optimizer]`, each with its default and range.

use std::collections::BTreeMap;

/// A numeric key of an optimizer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Key {
    /// The key in `[optimizer]`.
    pub name: &'static str,
    /// The value if the key is omitted.
    pub default: f64,
    /// The values that it may have.
    pub range: Range,
    /// The quantity that it sets, as a noun phrase.
    pub help: &'static str,
}

/// The values that a key may have. They are compared as 32-bit floats, which the rules compute
/// with: 1e-50 is not positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// At least 0 and below 1: the decay rate of a moving average.
    Rate,
    /// Above 0.
    Positive,
    /// At least 0.
    NotNegative,
}

impl Range {
    /// Returns what `value` must be instead, as half a sentence, if it is outside the range.
    pub fn problem(self, value: f64) -> Option<&'static str> {
        let value = value as f32;
        let (holds, rule) = match self {
            Range::Rate => ((0.0..1.0).contains(&value), "must be at least 0 and below 1"),
            Range::Positive => (value > 0.0 && value.is_finite(), "must be a positive number"),
            Range::NotNegative => (value >= 0.0 && value.is_finite(), "must be at least 0"),
        };
        (!holds).then_some(rule)
    }
}

/// The values of an optimizer's keys, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings(BTreeMap<String, f64>);

impl Settings {
    /// Returns these settings with the defaults of the `keys` that have no value.
    pub fn with_defaults(mut self, keys: &[Key]) -> Self {
        for key in keys {
            self.0.entry(key.name.into()).or_insert(key.default);
        }
        self
    }

    /// Returns the value of a key, or its default.
    pub fn get(&self, key: Key) -> f32 {
        self.0.get(key.name).copied().unwrap_or(key.default) as f32
    }

    /// Returns the value under a name.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// Sets the value under a name.
    pub fn set(&mut self, name: &str, value: f64) {
        self.0.insert(name.into(), value);
    }

    /// Removes a value.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Iterates over names and values, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, &value)| (name.as_str(), value))
    }
}
