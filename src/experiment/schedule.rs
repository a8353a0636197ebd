//! Schedules of the learning rate, the sync period and the pruning ratio.

use std::fmt;

use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Serialize, Serializer};

/// A schedule: a value for each epoch, counted from 0.
///
/// In an experiment it is a number, a list of `[epoch, value]` pairs, or a table with a rule:
///
/// ```
/// use laperm::experiment::Plan;
/// #[derive(serde::Deserialize)]
/// struct Example { lr: Plan }
/// let lr = |text: &str| toml::from_str::<Example>(text).map(|example| example.lr);
/// assert_eq!(lr("lr = 0.1")?.at(7), 0.1);
/// assert_eq!(lr("lr = [[0, 0.1], [10, 0.05]]")?.at(9), 0.1);
/// assert_eq!(lr("lr = [[0, 0.1], [10, 0.05]]")?.at(10), 0.05);
/// let exponential = lr(r#"lr = { rule = "exponential", from = 1.0, factor = 0.5 }"#)?;
/// assert_eq!(exponential.at(3), 0.125);
/// let steps = lr(r#"lr = { rule = "steps", from = 1.0, factor = 0.5, every = 10 }"#)?;
/// assert_eq!(steps.at(25), 0.25);
/// let cosine = lr(r#"lr = { rule = "cosine", from = 1.0, to = 0.0, epochs = 10 }"#)?;
/// assert_eq!(cosine.at(5), 0.5);
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// The same value in every epoch.
    Constant(f64),
    /// Pairs of an epoch and the value from that epoch on. The epochs ascend from 0.
    List(Vec<(u64, f64)>),
    /// A value computed from the epoch.
    Rule(Rule),
}

/// A formula for the value in each epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Rule {
    /// `from * factor ^ epoch`.
    Exponential {
        /// Value in epoch 0.
        from: f64,
        /// Factor applied at the end of each epoch.
        factor: f64,
    },
    /// `from * factor ^ floor(epoch / every)`.
    Steps {
        /// Value in epoch 0.
        from: f64,
        /// Factor applied every `every` epochs.
        factor: f64,
        /// Number of epochs between two changes, at least 1.
        every: u64,
    },
    /// Half a cosine wave from one value to another.
    Cosine {
        /// Value in epoch 0.
        from: f64,
        /// Value in epoch `epochs` and later.
        to: f64,
        /// Number of epochs from the first value to the last, at least 1.
        epochs: u64,
    },
}

impl Plan {
    /// Returns the value in `epoch`, counted from 0; NaN for an empty list, which
    /// [`problem`](Self::problem) reports.
    pub fn at(&self, epoch: u64) -> f64 {
        match self {
            Plan::Constant(value) => *value,
            Plan::List(list) => {
                let passed = list.partition_point(|&(from, _)| from <= epoch);
                list.get(passed.saturating_sub(1)).map_or(f64::NAN, |&(_, value)| value)
            }
            Plan::Rule(Rule::Exponential { from, factor }) => from * factor.powf(epoch as f64),
            Plan::Rule(Rule::Steps { from, factor, every }) => {
                from * factor.powf((epoch / every.max(&1)) as f64)
            }
            Plan::Rule(Rule::Cosine { from, to, epochs }) => {
                let progress = (epoch as f64 / (*epochs).max(1) as f64).min(1.0);
                to + (from - to) * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos())
            }
        }
    }

    /// Returns what is wrong with the schedule itself, whatever its values are for.
    pub fn problem(&self) -> Option<&'static str> {
        match self {
            Plan::List(list) if list.first().is_none_or(|&(epoch, _)| epoch != 0) => {
                Some("the list must begin with epoch 0")
            }
            Plan::List(list) if list.windows(2).any(|pair| pair[0].0 >= pair[1].0) => {
                Some("the epochs must ascend")
            }
            Plan::Rule(Rule::Steps { every: 0, .. }) => Some("`every` must be at least 1"),
            Plan::Rule(Rule::Cosine { epochs: 0, .. }) => Some("`epochs` must be at least 1"),
            _ => None,
        }
    }
}

impl Serialize for Plan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Plan::Constant(value) => value.serialize(serializer),
            Plan::List(list) => list.serialize(serializer),
            Plan::Rule(rule) => rule.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Plan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlanVisitor)
    }
}

struct PlanVisitor;

impl<'de> Visitor<'de> for PlanVisitor {
    type Value = Plan;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "a number, a list of [epoch, value] pairs, or a table with a `rule`")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Plan, E> {
        Ok(Plan::Constant(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Plan, E> {
        Ok(Plan::Constant(value as f64))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Plan, E> {
        Ok(Plan::Constant(value as f64))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Plan, A::Error> {
        let mut list = Vec::new();
        while let Some(pair) = sequence.next_element()? {
            list.push(pair);
        }
        Ok(Plan::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Plan, A::Error> {
        Rule::deserialize(MapAccessDeserializer::new(map)).map(Plan::Rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_learning_rates() {
        // Conv4: 1e-3 * 0.6 at every 10th epoch; Conv7: * 0.95 at the end of each.
        let conv4 = Plan::Rule(Rule::Steps { from: 1e-3, factor: 0.6, every: 10 });
        assert_eq!(conv4.at(9), 1e-3);
        assert!((conv4.at(10) - 6e-4).abs() < 1e-12 && (conv4.at(29) - 3.6e-4).abs() < 1e-12);
        let conv7 = Plan::Rule(Rule::Exponential { from: 1e-3, factor: 0.95 });
        assert!((conv7.at(2) - 9.025e-4).abs() < 1e-12);
    }

    #[test]
    fn a_cosine_ends_where_it_should_and_stays() {
        let plan = Plan::Rule(Rule::Cosine { from: 1.0, to: 0.2, epochs: 8 });
        assert_eq!(plan.at(0), 1.0);
        assert!((plan.at(8) - 0.2).abs() < 1e-12 && (plan.at(80) - 0.2).abs() < 1e-12);
    }

    #[test]
    fn what_cannot_be_is_said() {
        assert!(Plan::List(vec![]).problem().is_some());
        assert!(Plan::List(vec![(1, 0.1)]).problem().is_some());
        assert!(Plan::List(vec![(0, 0.1), (5, 0.2), (5, 0.3)]).problem().is_some());
        assert!(Plan::List(vec![(0, 0.1), (5, 0.2)]).problem().is_none());
        assert!(Plan::Rule(Rule::Steps { from: 1.0, factor: 0.5, every: 0 }).problem().is_some());
    }

    #[test]
    fn it_is_written_as_it_is_read() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Holder {
            lr: Plan,
        }
        for plan in [
            Plan::Constant(0.5),
            Plan::List(vec![(0, 1.0), (3, 2.0)]),
            Plan::Rule(Rule::Cosine { from: 1.0, to: 0.0, epochs: 3 }),
        ] {
            let holder = Holder { lr: plan };
            let text = toml::to_string(&holder).expect("serializes");
            assert_eq!(toml::from_str::<Holder>(&text).expect("reads"), holder, "{text}");
        }
    }
}
