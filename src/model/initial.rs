//! The rules that initial weights are drawn by (the paper's sections 5.1 and 5.5), after Keras.

use std::path::PathBuf;

use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal, Uniform};
use serde::{Deserialize, Serialize};

use super::{Parameter, Role};
use crate::random::{ChaCha8Rng, Purpose, stream};

/// How a weight gets its initial value. With `fan_in` the inputs of its output and `fan_out` the outputs of its
/// input:
///
/// | | variance | |
/// |---|---|---|
/// | He | 2 / fan_in | U_H, N_H |
/// | Glorot | 2 / (fan_in + fan_out) | U_G, N_G |
/// | LeCun | 1 / fan_in | |
///
/// Uniform rules draw from plus or minus sqrt(3 variance); normal ones are cut at two standard deviations, and
/// widened so that the variance is right after the cut.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Initializer {
    /// U_H, the paper's default.
    #[default]
    HeUniform,
    /// N_H.
    HeNormal,
    /// U_G.
    GlorotUniform,
    /// N_G.
    GlorotNormal,
    /// LeCun's, uniform.
    LecunUniform,
    /// LeCun's, normal.
    LecunNormal,
    /// Plus or minus He's standard deviation, sqrt(2 / fan_in), with random sign.
    SignedConstant,
    /// The same value everywhere (weight agnostic, section 5.5).
    Shared(f32),
    /// The weights of a snapshot, each weight vector shuffled (N_S, section 5.1).
    Shuffled(PathBuf),
}

/// How biases get their initial values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BiasInitializer {
    /// By the rule of the weights, with fan_in = fan_out = the number of units.
    #[default]
    LikeWeights,
    /// All zero.
    Zeros,
}

/// The standard deviation of a unit normal cut at plus and minus 2.
const CUT_NORMAL_DEVIATION: f64 = 0.879_625_66;

/// The initial values of the parameter at `index` in its network, before pruning.
///
/// `snapshot` holds the values of this parameter that [`Initializer::Shuffled`] starts from; other rules do not
/// look at it.
pub fn initial_values(
    rule: &Initializer,
    biases: BiasInitializer,
    parameter: &Parameter,
    index: usize,
    seed: u64,
    snapshot: Option<&[f32]>,
) -> Vec<f32> {
    let elements = parameter.elements();
    match (parameter.role, biases) {
        (Role::Scale, _) => return vec![1.0; elements],
        (Role::Shift, _) | (Role::Bias, BiasInitializer::Zeros) => return vec![0.0; elements],
        _ => {}
    }
    let mut random = stream(seed, Purpose::InitialWeights, 0, index as u64);
    let (fan_in, fan_out) = (parameter.fan_in as f64, parameter.fan_out as f64);
    let random = &mut random;
    match rule {
        Initializer::HeUniform => uniform(random, 2.0 / fan_in, elements),
        Initializer::HeNormal => normal(random, 2.0 / fan_in, elements),
        Initializer::GlorotUniform => uniform(random, 2.0 / (fan_in + fan_out), elements),
        Initializer::GlorotNormal => normal(random, 2.0 / (fan_in + fan_out), elements),
        Initializer::LecunUniform => uniform(random, 1.0 / fan_in, elements),
        Initializer::LecunNormal => normal(random, 1.0 / fan_in, elements),
        Initializer::SignedConstant => {
            let value = (2.0 / fan_in).sqrt() as f32;
            (0..elements).map(|_| if random.random() { value } else { -value }).collect()
        }
        Initializer::Shared(value) => vec![*value; elements],
        Initializer::Shuffled(_) => {
            let mut values = snapshot.unwrap_or_default().to_vec();
            shuffle_vectors(&mut values, parameter.vector_length(), seed, index);
            values
        }
    }
}

/// The order in which the weights of the parameter at `index` are pruned: a uniform number in [0, 1) for each,
/// the smallest first.
pub fn pruning_priority(parameter: &Parameter, index: usize, seed: u64) -> Vec<f32> {
    let mut random = stream(seed, Purpose::Pruning, 0, index as u64);
    (0..parameter.elements()).map(|_| random.random()).collect()
}

fn uniform(random: &mut ChaCha8Rng, variance: f64, elements: usize) -> Vec<f32> {
    let limit = (3.0 * variance).sqrt() as f32;
    match Uniform::new_inclusive(-limit, limit) {
        Ok(distribution) => distribution.sample_iter(random).take(elements).collect(),
        Err(_) => vec![0.0; elements],
    }
}

fn normal(random: &mut ChaCha8Rng, variance: f64, elements: usize) -> Vec<f32> {
    let deviation = variance.sqrt() / CUT_NORMAL_DEVIATION;
    let inside = StandardNormal.sample_iter(random).filter(|z: &f64| z.abs() <= 2.0);
    inside.map(|z| (z * deviation) as f32).take(elements).collect()
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
            places: 1,
            first: true,
            last: false,
            flattened: None,
        }
    }

    fn draw(rule: Initializer) -> Vec<f32> {
        let parameter = parameter(Role::Weight, &[200, 200], 200, 100);
        initial_values(&rule, BiasInitializer::LikeWeights, &parameter, 0, 1, None)
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
        };
        assert_eq!(draw(0, 1), draw(0, 1));
        assert_ne!(draw(0, 1), draw(1, 1));
        assert_ne!(draw(0, 1), draw(0, 2));
    }

    #[test]
    fn biases_follow_the_weights_or_start_at_zero() {
        let bias = parameter(Role::Bias, &[600], 600, 600);
        let of = |rule| initial_values(&Initializer::HeUniform, rule, &bias, 1, 1, None);
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
            initial_values(&rule, BiasInitializer::LikeWeights, &weights, 0, 1, Some(&snapshot));
        assert_ne!(values, snapshot);
        values.chunks_mut(50).for_each(|vector| vector.sort_by(f32::total_cmp));
        assert_eq!(values, snapshot);
    }
}
