//! Every rule against burn's, against its textbook form in double precision, and against itself on
//! every backend and instruction set.

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use burn_optim::decay::WeightDecayConfig;
use burn_optim::momentum::MomentumConfig;
use burn_optim::{AdamConfig, AdamWConfig, LionConfig, Optimizer, RmsPropConfig, SgdConfig};
use proptest::prelude::*;
use strum::VariantArray;

use super::*;
use crate::instructions::InstructionSet;
use crate::kernels::{Update, operations, step};

/// Names and values of settings.
type Keys = &'static [(&'static str, f64)];

const BETAS: [f64; 2] = [0.9, 0.99];
const EPSILON: f64 = 1e-7;
const DECAY: f64 = 0.1;
const MOMENTUM: f64 = 0.9;
const RHO: f64 = 0.95;

/// A gradient that changes its sign and size.
fn gradient(time: u32, i: usize) -> f32 {
    ((time as usize * 7 + i * 3) as f32).sin() * 0.3
}

fn gradients(time: u32, length: usize) -> Vec<f32> {
    (0..length).map(|i| gradient(time, i)).collect()
}

fn settings(values: &[(&str, f64)]) -> Settings {
    let mut settings = Settings::default();
    values.iter().for_each(|&(name, value)| settings.set(name, value));
    settings
}

fn rule(name: OptimizerName, values: &[(&str, f64)]) -> Arc<dyn Rule> {
    (name.definition().rule)(&settings(values))
}

fn tensor(values: &[f32], device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}

fn values(tensor: Tensor<1>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("floats")
}

/// Parameters that a rule of this program has stepped.
struct Stepped {
    rule: Arc<dyn Rule>,
    parameter: Tensor<1>,
    moments: Vec<Tensor<1>>,
}

impl Stepped {
    fn new(rule: &Arc<dyn Rule>, start: &[f32], device: &Device) -> Self {
        let zeros = || Tensor::zeros([start.len()], device);
        let moments = rule.moments().iter().map(|_| zeros()).collect();
        Stepped { rule: rule.clone(), parameter: tensor(start, device), moments }
    }

    fn step(&mut self, update: Update, gradient: Tensor<1>, mask: Option<Tensor<1>>) {
        let (parameter, moments) = (self.parameter.clone(), std::mem::take(&mut self.moments));
        let tensors = [parameter, gradient];
        (self.parameter, self.moments) =
            operations::optimize(&self.rule, update, tensors, moments, mask);
    }
}

/// Weights that never come near zero in the steps below, so that differences stay relative.
const START: [f32; 6] = [0.5, -0.25, 0.125, 3.0, -7.5, 0.75];

/// Steps by this program's rule and by burn's; `compare` gets the values after each step.
fn beside_burn<O: Optimizer>(
    rule: &Arc<dyn Rule>,
    penalty: f32,
    burns: &O,
    mut compare: impl FnMut(u32, Vec<f32>, Vec<f32>),
) {
    let device = Device::flex();
    let mut ours = Stepped::new(rule, &START, &device);
    let (mut parameter, mut state) = (tensor(&START, &device), None);
    for time in 1..=50 {
        let gradient = tensor(&gradients(time, START.len()), &device);
        let lr = 0.002 / (1.0 + f64::from(time));
        let update = Update { time, lr: lr as f32, penalty, decays: true };
        ours.step(update, gradient.clone(), None);
        (parameter, state) = burns.step(lr, parameter, gradient, state.take());
        compare(time, values(ours.parameter.clone()), values(parameter.clone()));
    }
}

fn assert_same_bits<O: Optimizer>(rule: &Arc<dyn Rule>, penalty: f32, burns: &O) {
    beside_burn(rule, penalty, burns, |time, ours, burns| {
        assert_eq!(ours, burns, "{rule:?} after step {time}");
    });
}

fn assert_close<O: Optimizer>(rule: &Arc<dyn Rule>, penalty: f32, burns: &O) {
    beside_burn(rule, penalty, burns, |time, ours, burns| {
        for (ours, burns) in ours.iter().zip(&burns) {
            let near = (ours - burns).abs() <= 1e-6 * burns.abs();
            assert!(near, "{rule:?} after step {time}: {ours} is not {burns}");
        }
    });
}

#[test]
fn sgd_is_burns_to_the_bit() {
    for (penalty, momentum) in [(0.0, 0.0), (0.02, 0.0), (0.0, MOMENTUM), (0.02, MOMENTUM)] {
        let moving = MomentumConfig::new().with_momentum(momentum).with_dampening(0.0);
        let burns = SgdConfig::new()
            .with_weight_decay((penalty > 0.0).then(|| WeightDecayConfig::new(penalty)))
            .with_momentum((momentum > 0.0).then_some(moving));
        let ours = rule(OptimizerName::Sgd, &[("momentum", momentum)]);
        assert_same_bits(&ours, penalty, &burns.build());
    }
}

#[test]
fn adam_is_burns_to_the_bit() {
    for penalty in [0.0, 0.02] {
        let burns = AdamConfig::new()
            .with_beta_1(BETAS[0] as f32)
            .with_beta_2(BETAS[1] as f32)
            .with_epsilon(EPSILON as f32)
            .with_weight_decay((penalty > 0.0).then(|| WeightDecayConfig::new(penalty)));
        let ours = rule(OptimizerName::Adam, &[("beta1", BETAS[0]), ("beta2", BETAS[1])]);
        assert_same_bits(&ours, penalty, &burns.build());
    }
}

#[test]
fn adamw_is_burns() {
    for decay in [0.0, DECAY] {
        let burns = AdamWConfig::new()
            .with_beta_1(BETAS[0] as f32)
            .with_beta_2(BETAS[1] as f32)
            .with_epsilon(EPSILON as f32)
            .with_weight_decay(decay as f32);
        let keys = [("beta1", BETAS[0]), ("beta2", BETAS[1]), ("weight_decay", decay)];
        assert_close(&rule(OptimizerName::AdamW, &keys), 0.0, &burns.build());
    }
}

#[test]
fn rmsprop_is_burns() {
    for (penalty, momentum) in [(0.0, 0.0), (0.0, MOMENTUM), (0.02, MOMENTUM)] {
        let burns = RmsPropConfig::new()
            .with_alpha(RHO as f32)
            .with_momentum(momentum as f32)
            .with_epsilon(EPSILON as f32)
            .with_weight_decay((penalty > 0.0).then(|| WeightDecayConfig::new(penalty)));
        let ours = rule(OptimizerName::RmsProp, &[("rho", RHO), ("momentum", momentum)]);
        assert_close(&ours, penalty, &burns.build());
    }
}

#[test]
fn lion_is_burns() {
    for decay in [0.0, DECAY] {
        let burns = LionConfig::new()
            .with_beta_1(BETAS[0] as f32)
            .with_beta_2(BETAS[1] as f32)
            .with_weight_decay(decay as f32);
        let keys = [("beta1", BETAS[0]), ("beta2", BETAS[1]), ("weight_decay", decay)];
        assert_close(&rule(OptimizerName::Lion, &keys), 0.0, &burns.build());
    }
}

/// Algorithm 2 of Chen et al. (2023) with β₁ = 0.9, β₂ = 0.5, λ = 0.5 and lr = 0.1, by hand.
#[test]
fn lion_by_hand() {
    let lion = rule(OptimizerName::Lion, &[("beta1", 0.9), ("beta2", 0.5), ("weight_decay", 0.5)]);
    let (mut weights, mut moments) = (vec![2.0, 1.0], vec![vec![0.0; 2]]);
    let mut go = |time, gradient: [f32; 2], decays, weights: &mut Vec<f32>| {
        let update = Update { time, lr: 0.1, penalty: 0.0, decays };
        let set = InstructionSet::current();
        step(&*lion, set, update, weights, &gradient, &mut moments, None);
        moments[0].clone()
    };
    let close = |found: &[f32], expected: [f32; 2]| {
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
    };
    // c = 0.1 g has the sign of g: 0.95 * 2 - 0.1 and 0.95 * 1 + 0.1. m = 0.5 g.
    close(&go(1, [4.0, -2.0], true, &mut weights), [2.0, -1.0]);
    close(&weights, [1.8, 1.05]);
    // c = 0.9 * 2 - 0.1 * 1 > 0 and 0.9 * -1 + 0.1 * 8 < 0.
    close(&go(2, [-1.0, 8.0], true, &mut weights), [0.5, 3.5]);
    close(&weights, [0.95 * 1.8 - 0.1, 0.95 * 1.05 + 0.1]);
    // c = 0.9 * 0.5 - 0.1 * 5 < 0 and c = 0.9 * 3.5 > 0; this parameter does not decay.
    close(&go(3, [-5.0, 0.0], false, &mut weights), [-2.25, 1.75]);
    close(&weights, [1.61 + 0.1, 1.0975 - 0.1]);
}

#[test]
fn lion_keeps_what_has_no_direction_and_hides_no_nan() {
    let lion = rule(OptimizerName::Lion, &[]);
    for set in InstructionSet::available() {
        let (mut weights, mut moments) = (vec![1.0, 1.0], vec![vec![0.0; 2]]);
        let update = Update { time: 1, lr: 0.1, penalty: 0.0, decays: true };
        step(&*lion, set, update, &mut weights, &[0.0, f32::NAN], &mut moments, None);
        assert!(weights[0] == 1.0 && weights[1].is_nan(), "{weights:?}");
    }
}

#[test]
fn every_default_is_in_its_range_and_titles_differ() {
    let mut titles = Vec::new();
    for name in OptimizerName::VARIANTS {
        let definition = name.definition();
        titles.push(definition.title);
        for key in definition.keys {
            assert_eq!(key.range.problem(key.default), None, "{name} {}", key.name);
        }
    }
    titles.dedup();
    assert_eq!(titles.len(), OptimizerName::VARIANTS.len());
}

/// One weight and its moments in double precision, by the textbook's rule. Returns the step's
/// direction where its sign matters, so that weights that hang on rounding can be left out.
type Twin = fn(weight: &mut f64, moments: &mut [f64; 2], gradient: f64, lr: f64, time: i32) -> f64;

const TWINS: [(OptimizerName, Keys, Twin); 7] = [
    (OptimizerName::Sgd, &[], |weight, _, g, lr, _| {
        *weight -= lr * g;
        f64::INFINITY
    }),
    (OptimizerName::Sgd, &[("momentum", MOMENTUM)], |weight, [velocity, _], g, lr, _| {
        *velocity = MOMENTUM * *velocity + g;
        *weight -= lr * *velocity;
        f64::INFINITY
    }),
    (OptimizerName::Adam, &[("beta2", BETAS[1])], adam_twin),
    (
        OptimizerName::AdamW,
        &[("beta2", BETAS[1]), ("weight_decay", DECAY)],
        |weight, moments, g, lr, time| {
            *weight -= lr * DECAY * *weight;
            adam_twin(weight, moments, g, lr, time)
        },
    ),
    (OptimizerName::RmsProp, &[("rho", RHO)], |weight, [square, _], g, lr, _| {
        *square = RHO * *square + (1.0 - RHO) * g * g;
        *weight -= lr * g / (square.sqrt() + EPSILON);
        g
    }),
    (
        OptimizerName::RmsProp,
        &[("rho", RHO), ("momentum", MOMENTUM)],
        |weight, [square, velocity], g, lr, _| {
            *square = RHO * *square + (1.0 - RHO) * g * g;
            *velocity = MOMENTUM * *velocity + g / (square.sqrt() + EPSILON);
            *weight -= lr * *velocity;
            g
        },
    ),
    (
        OptimizerName::Lion,
        &[("beta2", BETAS[1]), ("weight_decay", DECAY)],
        |weight, [momentum, _], g, lr, _| {
            let direction = BETAS[0] * *momentum + (1.0 - BETAS[0]) * g;
            *momentum = BETAS[1] * *momentum + (1.0 - BETAS[1]) * g;
            *weight -= lr * (direction.signum() + DECAY * *weight);
            direction * 10.0
        },
    ),
];

fn adam_twin(weight: &mut f64, [m, v]: &mut [f64; 2], g: f64, lr: f64, time: i32) -> f64 {
    *m = BETAS[0] * *m + (1.0 - BETAS[0]) * g;
    *v = BETAS[1] * *v + (1.0 - BETAS[1]) * g * g;
    let (m, v) = (*m / (1.0 - BETAS[0].powi(time)), *v / (1.0 - BETAS[1].powi(time)));
    *weight -= lr * m / (v.sqrt() + EPSILON);
    g
}

/// Backends that have their own operations.
#[expect(deprecated, reason = "ndarray and tch are kept for as long as burn has them")]
fn devices() -> Vec<Device> {
    vec![
        Device::flex(),
        Device::ndarray(),
        #[cfg(feature = "tch")]
        Device::libtorch(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn ten_steps_are_the_textbooks(
        start in prop::collection::vec(-3.0f32..3.0, 1..70),
        (lr, penalty) in (0.0..0.1, 0.0..0.1),
        frozen: bool,
    ) {
        let length = start.len();
        let mask: Vec<f32> =
            (0..length).map(|i| if frozen && i % 3 == 0 { 0.0 } else { 1.0 }).collect();
        for (name, values, twin) in TWINS {
            let rule = rule(name, values);
            let mut expected: Vec<f64> = start.iter().map(|&x| f64::from(x)).collect();
            let (mut states, mut clear) = (vec![[0.0; 2]; length], vec![true; length]);
            let mut found: Vec<_> = InstructionSet::available()
                .map(|set| (set, start.clone(), vec![vec![0.0; length]; rule.moments().len()]))
                .collect();
            for time in 1..=10 {
                let gradients = gradients(time, length);
                for (i, weight) in expected.iter_mut().enumerate() {
                    let gradient = f64::from(gradients[i]) + penalty * *weight;
                    let direction = twin(weight, &mut states[i], gradient, lr, time as i32);
                    clear[i] &= direction.abs() >= 0.01;
                    *weight *= f64::from(mask[i]);
                }
                let (lr, penalty) = (lr as f32, penalty as f32);
                let update = Update { time, lr, penalty, decays: true };
                let mask = frozen.then_some(&mask[..]);
                for (set, weights, moments) in &mut found {
                    step(&*rule, *set, update, weights, &gradients, moments, mask);
                }
            }
            for (i, (&found, &expected)) in found[0].1.iter().zip(&expected).enumerate() {
                let near = (f64::from(found) - expected).abs() < 1e-5 * expected.abs().max(1.0);
                prop_assert!(near || !clear[i], "{rule:?}: {found} is not {expected}");
            }
            // The same bits on every instruction set.
            let same = found.iter().all(|(_, weights, moments)| {
                (weights, moments) == (&found[0].1, &found[0].2)
            });
            prop_assert!(same, "{rule:?}: {found:?}");
        }
    }

    #[test]
    fn composed_of_tensor_operations_a_rule_is_the_same(
        (length, masked) in (1usize..300, any::<bool>()),
        penalty in prop_oneof![Just(0.0f32), Just(0.01)],
    ) {
        let start: Vec<f32> = (0..length).map(|i| gradient(9, i) * 5.0).collect();
        let mask: Vec<f32> = (0..length).map(|i| if i % 4 == 0 { 0.0 } else { 1.0 }).collect();
        for (name, values, _) in TWINS {
            let rule = rule(name, values);
            let flex = Device::flex();
            let mut composed = Stepped::new(&rule, &start, &flex);
            let mut stepped: Vec<_> =
                devices().iter().map(|device| Stepped::new(&rule, &start, device)).collect();
            for time in 1..=4 {
                let (gradient, decays) = (gradients(time, length), time % 2 == 0);
                let update = Update { time, lr: 0.01, penalty, decays };
                let parameter = rule.compose(
                    update,
                    composed.parameter,
                    tensor(&gradient, &flex),
                    &mut composed.moments,
                );
                composed.parameter =
                    if masked { parameter * tensor(&mask, &flex) } else { parameter };
                for stepped in &mut stepped {
                    let device = stepped.parameter.device();
                    let mask = masked.then(|| tensor(&mask, &device));
                    stepped.step(update, tensor(&gradient, &device), mask);
                }
            }
            let all = |stepped: &Stepped| -> Vec<f32> {
                let tensors = [vec![stepped.parameter.clone()], stepped.moments.clone()].concat();
                tensors.into_iter().flat_map(self::values).collect()
            };
            let expected = all(&composed);
            for stepped in &stepped {
                let found = all(stepped);
                prop_assert_eq!(found.len(), expected.len());
                let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-5 * b.abs().max(1.0);
                prop_assert!(found.iter().zip(&expected).all(near), "{rule:?}");
            }
        }
    }
}
