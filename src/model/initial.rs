//! Initializers of weights and biases (the paper's sections 5.1 and 5.5), as Keras defines them.

use std::path::PathBuf;

use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal, Uniform};
use serde::{Deserialize, Serialize};

use super::{Parameter, Role};
use crate::random::{ChaCha8Rng, Purpose, stream};

/// Initializer of weights. With `fan_in` inputs to each output and `fan_out` outputs of each input:
///
/// | | variance | in the paper |
/// |---|---|---|
/// | He | 2 / fan_in | U_H, N_H |
/// | Glorot | 2 / (fan_in + fan_out) | U_G, N_G |
/// | LeCun | 1 / fan_in | |
///
/// Uniform initializers draw from ±sqrt(3 variance). Normal ones are truncated at two standard
/// deviations of the untruncated distribution, which is widened so that the truncated one has the
/// variance of the table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Initializer {
    /// He's uniform distribution (U_H), the paper's default.
    #[default]
    HeUniform,
    /// He's normal distribution (N_H).
    HeNormal,
    /// Glorot's uniform distribution (U_G).
    GlorotUniform,
    /// Glorot's normal distribution (N_G).
    GlorotNormal,
    /// LeCun's uniform distribution.
    LecunUniform,
    /// LeCun's normal distribution.
    LecunNormal,
    /// He's standard deviation, sqrt(2 / fan_in), with a random sign.
    SignedConstant,
    /// The same value for all weights (weight agnostic networks, section 5.5).
    Shared(f32),
    /// The weights of a snapshot, shuffled within each weight vector (N_S, section 5.1).
    Shuffled(PathBuf),
}

impl Initializer {
    /// Returns what is wrong with the initializer's own value, if anything: its key and the
    /// problem.
    pub(crate) fn problem(&self) -> Option<(&'static str, String)> {
        match self {
            Initializer::Shared(value) => (!value.is_finite())
                .then(|| ("shared", format!("must be a finite number, not {value}"))),
            Initializer::Shuffled(path) => (!path.is_file())
                .then(|| ("shuffled", format!("there is no file {}", path.display()))),
            Initializer::HeUniform
            | Initializer::HeNormal
            | Initializer::GlorotUniform
            | Initializer::GlorotNormal
            | Initializer::LecunUniform
            | Initializer::LecunNormal
            | Initializer::SignedConstant => None,
        }
    }
}

/// Initializer of biases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BiasInitializer {
    /// The initializer of the weights, with fan_in = fan_out = the number of units.
    #[default]
    LikeWeights,
    /// All zeros.
    Zeros,
}

/// A parameter whose initial values cannot be drawn.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InitialError {
    /// Its fans give no positive, finite variance.
    #[error("cannot draw the initial values of `{parameter}` with a variance of {variance}")]
    Variance { parameter: String, variance: f64 },
    /// The initializer shuffles a snapshot, and none was given.
    #[error("there are no values to shuffle for `{parameter}`")]
    NoSnapshot { parameter: String },
}

/// Standard deviation of the standard normal distribution truncated at ±2.
const CUT_NORMAL_DEVIATION: f64 = 0.879_625_66;

/// Returns the initial values of the parameter at `index` in its network, before pruning.
///
/// `snapshot` has the values of this parameter that [`Initializer::Shuffled`] shuffles. The other
/// initializers ignore it.
///
/// # Errors
/// When the parameter's fans give no positive, finite variance, or when there is no snapshot to
/// shuffle.
pub fn initial_values(
    rule: &Initializer,
    biases: BiasInitializer,
    parameter: &Parameter,
    index: usize,
    seed: u64,
    snapshot: Option<&[f32]>,
) -> Result<Vec<f32>, InitialError> {
    let elements = parameter.elements();
    match (parameter.role, biases) {
        (Role::Scale, _) => return Ok(vec![1.0; elements]),
        (Role::Shift, _) | (Role::Bias, BiasInitializer::Zeros) => return Ok(vec![0.0; elements]),
        (Role::Weight, _) | (Role::Bias, BiasInitializer::LikeWeights) => {}
    }
    let mut random = stream(seed, Purpose::InitialWeights, 0, index as u64);
    let (fan_in, fan_out) = (parameter.fan_in as f64, parameter.fan_out as f64);
    let random = &mut random;
    let (distribution, variance): (Draw, f64) = match rule {
        Initializer::HeUniform => (uniform, 2.0 / fan_in),
        Initializer::HeNormal => (normal, 2.0 / fan_in),
        Initializer::GlorotUniform => (uniform, 2.0 / (fan_in + fan_out)),
        Initializer::GlorotNormal => (normal, 2.0 / (fan_in + fan_out)),
        Initializer::LecunUniform => (uniform, 1.0 / fan_in),
        Initializer::LecunNormal => (normal, 1.0 / fan_in),
        Initializer::SignedConstant => (signed_constant, 2.0 / fan_in),
        Initializer::Shared(value) => return Ok(vec![*value; elements]),
        Initializer::Shuffled(_) => {
            let parameter_name = || InitialError::NoSnapshot { parameter: parameter.name.clone() };
            let mut values = snapshot.ok_or_else(parameter_name)?.to_vec();
            shuffle_vectors(&mut values, parameter.vector_length(), seed, index);
            return Ok(values);
        }
    };
    distribution(random, variance, elements)
        .ok_or_else(|| InitialError::Variance { parameter: parameter.name.clone(), variance })
}

/// Returns the pruning priorities of the parameter at `index`: one uniform number in [0, 1) per
/// weight. The weight with the smallest number is pruned first.
pub(crate) fn pruning_priority(parameter: &Parameter, index: usize, seed: u64) -> Vec<f32> {
    let mut random = stream(seed, Purpose::Pruning, 0, index as u64);
    (0..parameter.elements()).map(|_| random.random()).collect()
}

/// Draws the given number of values of a variance, or `None` if there is no such distribution.
type Draw = fn(&mut ChaCha8Rng, f64, usize) -> Option<Vec<f32>>;

fn uniform(random: &mut ChaCha8Rng, variance: f64, elements: usize) -> Option<Vec<f32>> {
    let limit = (3.0 * variance).sqrt() as f32;
    let distribution = Uniform::new_inclusive(-limit, limit).ok()?;
    Some(distribution.sample_iter(random).take(elements).collect())
}

fn normal(random: &mut ChaCha8Rng, variance: f64, elements: usize) -> Option<Vec<f32>> {
    let deviation = variance.sqrt() / CUT_NORMAL_DEVIATION;
    let inside = StandardNormal.sample_iter(random).filter(|z: &f64| z.abs() <= 2.0);
    let values = inside.map(|z| (z * deviation) as f32).take(elements).collect();
    deviation.is_finite().then_some(values)
}

fn signed_constant(random: &mut ChaCha8Rng, variance: f64, elements: usize) -> Option<Vec<f32>> {
    let value = variance.sqrt() as f32;
    let values = (0..elements).map(|_| if random.random() { value } else { -value }).collect();
    value.is_finite().then_some(values)
}

fn shuffle_vectors(values: &mut [f32], length: usize, seed: u64, index: usize) {
    use rand::seq::SliceRandom;
    let mut random = stream(seed, Purpose::Shuffle, 0, index as u64);
    let random: &mut dyn Rng = &mut random;
    values.chunks_mut(length.max(1)).for_each(|vector| vector.shuffle(random));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(role: Role, shape: &[usize], fan_in: usize, fan_out: usize) -> Parameter {
        Parameter {
            name: "conv1.weight".into(),
            layer: "conv1".into(),
            role,
            shape: shape.to_vec(),
            fan_in,
            fan_out,
            uses: 1,
            first: true,
            last: false,
            flattened: None,
        }
    }

    fn draw(rule: Initializer) -> Vec<f32> {
        let parameter = parameter(Role::Weight, &[200, 200], 200, 100);
        initial_values(&rule, BiasInitializer::LikeWeights, &parameter, 0, 1, None).unwrap()
    }

    #[test]
    fn an_impossible_variance_is_an_error() {
        let parameter = parameter(Role::Weight, &[2, 2], 0, 0);
        for rule in [
            Initializer::HeUniform,
            Initializer::HeNormal,
            Initializer::GlorotUniform,
            Initializer::GlorotNormal,
            Initializer::LecunUniform,
            Initializer::LecunNormal,
            Initializer::SignedConstant,
        ] {
            let drawn = initial_values(&rule, BiasInitializer::LikeWeights, &parameter, 0, 1, None);
            let error = drawn.expect_err("no inputs").to_string();
            assert!(error.contains("`conv1.weight`") && error.contains("inf"), "{error}");
        }
        let rule = Initializer::Shuffled("adam.safetensors".into());
        let drawn = initial_values(&rule, BiasInitializer::LikeWeights, &parameter, 0, 1, None);
        let error = drawn.expect_err("no snapshot").to_string();
        assert!(error.contains("no values to shuffle for `conv1.weight`"), "{error}");
    }

    #[test]
    fn every_rule_has_its_variance_and_range() {
        let cases: [(Initializer, f64, f64); 7] = [
            (Initializer::HeUniform, 2.0 / 200.0, (6.0f64 / 200.0).sqrt()),
            (Initializer::GlorotUniform, 2.0 / 300.0, (6.0f64 / 300.0).sqrt()),
            (Initializer::LecunUniform, 1.0 / 200.0, (3.0f64 / 200.0).sqrt()),
            (
                Initializer::HeNormal,
                2.0 / 200.0,
                2.0 * (2.0f64 / 200.0).sqrt() / CUT_NORMAL_DEVIATION,
            ),
            (
                Initializer::GlorotNormal,
                2.0 / 300.0,
                2.0 * (2.0f64 / 300.0).sqrt() / CUT_NORMAL_DEVIATION,
            ),
            (
                Initializer::LecunNormal,
                1.0 / 200.0,
                2.0 * (1.0f64 / 200.0).sqrt() / CUT_NORMAL_DEVIATION,
            ),
            (Initializer::SignedConstant, 2.0 / 200.0, (2.0f64 / 200.0).sqrt()),
        ];
        for (rule, variance, limit) in cases {
            let values = draw(rule.clone());
            let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / 40_000.0;
            let found = values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / 40_000.0;
            assert!(mean.abs() < 4.0 * (variance / 40_000.0).sqrt(), "{rule:?}: mean {mean}");
            assert!(
                (found / variance - 1.0).abs() < 0.03,
                "{rule:?}: variance {found}, not {variance}"
            );
            let greatest = values.iter().fold(0.0f32, |a, &v| a.max(v.abs()));
            let reach = f64::from(greatest) / limit;
            assert!((0.999..=1.000_001).contains(&reach), "{rule:?}: reaches {reach} of its limit");
        }
    }

    #[test]
    fn each_parameter_draws_its_own() {
        let weights = parameter(Role::Weight, &[4, 4], 4, 4);
        let draw = |index, seed| {
            initial_values(
                &Initializer::HeUniform,
                BiasInitializer::LikeWeights,
                &weights,
                index,
                seed,
                None,
            )
            .unwrap()
        };
        assert_eq!(draw(0, 1), draw(0, 1));
        assert_ne!(draw(0, 1), draw(1, 1));
        assert_ne!(draw(0, 1), draw(0, 2));
    }

    #[test]
    fn biases_follow_the_weights_or_start_at_zero() {
        let bias = parameter(Role::Bias, &[600], 600, 600);
        let of = |rule| initial_values(&Initializer::HeUniform, rule, &bias, 1, 1, None).unwrap();
        assert_eq!(of(BiasInitializer::Zeros), [0.0; 600]);
        let like = of(BiasInitializer::LikeWeights);
        assert!(like.iter().all(|v| v.abs() <= 0.1) && like.iter().any(|v| v.abs() > 0.09));
    }

    #[test]
    fn shuffling_keeps_each_vector() {
        let weights = parameter(Role::Weight, &[2, 50], 50, 2);
        let snapshot: Vec<f32> = (0..100).map(|i| i as f32).collect();
        let rule = Initializer::Shuffled("adam.safetensors".into());
        let mut values =
            initial_values(&rule, BiasInitializer::LikeWeights, &weights, 0, 1, Some(&snapshot))
                .unwrap();
        assert_ne!(values, snapshot);
        values.chunks_mut(50).for_each(|vector| vector.sort_by(f32::total_cmp));
        assert_eq!(values, snapshot);
    }
}
