//! The inner optimizers' rules, each as one pass over a parameter and all that is remembered of it.
//!
//! Per weight, Adam reads 16 bytes and writes 12; without fused multiply-adds, so the result is the same bits on every
//! instruction set.

use rayon::prelude::*;

use super::InstructionSet;
use super::instructions::vectorized;

/// Weights that are stepped and then, still in the cache, masked.
const SHARE: usize = 1 << 12;

/// Shares that a thread takes at once: with fewer, sharing costs more than it gains.
const SHARES: usize = 4;

/// What a step takes besides a rule.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// The learning rate.
    pub lr: f32,
    /// The gradient of the L2 penalty, per weight: 0 for none.
    pub penalty: f32,
    /// 0 for a weight that stays zero, 1 for all others.
    pub mask: Option<&'a [f32]>,
}

/// Adam (Kingma and Ba, 2014).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    /// How much of the first moment stays.
    pub beta1: f32,
    /// How much of the second moment stays.
    pub beta2: f32,
    /// What keeps the division finite.
    pub epsilon: f32,
}

/// Stochastic gradient descent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sgd {
    /// How much of the velocity stays.
    pub momentum: f32,
}

impl Adam {
    /// The step number `time`, counted from 1, of the parameters and both their moments, which start at 0.
    ///
    /// # Panics
    /// Lengths that differ.
    #[expect(clippy::too_many_arguments, reason = "they are what Adam is about")]
    pub fn step(
        &self,
        set: InstructionSet,
        step: Step,
        time: u32,
        parameters: &mut [f32],
        gradient: &[f32],
        first: &mut [f32],
        second: &mut [f32],
    ) {
        assert_eq!(parameters.len(), gradient.len());
        assert_eq!(parameters.len(), first.len());
        assert_eq!(parameters.len(), second.len());
        let time = time.min(i32::MAX as u32) as i32;
        let correction = (1.0 - self.beta2.powi(time)).sqrt();
        let rule = AdamRule {
            kept: [self.beta1, self.beta2],
            fresh: [1.0 - self.beta1, 1.0 - self.beta2],
            factor: correction / (1.0 - self.beta1.powi(time)),
            epsilon: self.epsilon * correction,
        };
        let shares = parameters
            .par_chunks_mut(SHARE)
            .zip(gradient.par_chunks(SHARE))
            .zip(first.par_chunks_mut(SHARE).zip(second.par_chunks_mut(SHARE)))
            .with_min_len(SHARES);
        shares.enumerate().for_each(|(share, ((parameters, gradient), (first, second)))| {
            adam(set, rule, step.lr, step.penalty, parameters, gradient, first, second);
            step.freeze(set, share, parameters);
        });
    }
}

impl Sgd {
    /// A step of the parameters along their velocity, which starts at 0 and becomes momentum * velocity + gradient.
    ///
    /// # Panics
    /// Lengths that differ.
    pub fn step(
        &self,
        set: InstructionSet,
        step: Step,
        parameters: &mut [f32],
        gradient: &[f32],
        velocity: &mut [f32],
    ) {
        assert_eq!(parameters.len(), gradient.len());
        assert_eq!(parameters.len(), velocity.len());
        let shares = parameters
            .par_chunks_mut(SHARE)
            .zip(gradient.par_chunks(SHARE))
            .zip(velocity.par_chunks_mut(SHARE))
            .with_min_len(SHARES);
        shares.enumerate().for_each(|(share, ((parameters, gradient), velocity))| {
            sgd(set, self.momentum, step.lr, step.penalty, parameters, gradient, velocity);
            step.freeze(set, share, parameters);
        });
    }
}

impl Step<'_> {
    /// Puts a share of the weights back to zero where the mask says so, while they are still in the cache.
    fn freeze(&self, set: InstructionSet, share: usize, parameters: &mut [f32]) {
        if let Some(mask) = self.mask {
            freeze(set, parameters, &mask[share * SHARE..][..parameters.len()]);
        }
    }
}

/// Adam at one step number.
#[derive(Clone, Copy)]
struct AdamRule {
    kept: [f32; 2],
    fresh: [f32; 2],
    factor: f32,
    epsilon: f32,
}

vectorized! {
    #[expect(clippy::too_many_arguments, reason = "they are what Adam is about")]
    fn adam<'a>(
        rule: AdamRule,
        lr: f32,
        penalty: f32,
        parameters: &'a mut [f32],
        gradient: &'a [f32],
        first: &'a mut [f32],
        second: &'a mut [f32],
    ) {
        let weights = parameters.iter_mut().zip(gradient).zip(first.iter_mut().zip(second));
        for ((parameter, gradient), (first, second)) in weights {
            let gradient = *parameter * penalty + gradient;
            *first = *first * rule.kept[0] + gradient * rule.fresh[0];
            *second = *second * rule.kept[1] + gradient * gradient * rule.fresh[1];
            *parameter -= *first * rule.factor / (second.sqrt() + rule.epsilon) * lr;
        }
    }
}

vectorized! {
    fn sgd<'a>(
        momentum: f32,
        lr: f32,
        penalty: f32,
        parameters: &'a mut [f32],
        gradient: &'a [f32],
        velocity: &'a mut [f32],
    ) {
        for ((parameter, gradient), velocity) in parameters.iter_mut().zip(gradient).zip(velocity) {
            let gradient = *parameter * penalty + gradient;
            *velocity = gradient + *velocity * momentum;
            *parameter -= *velocity * lr;
        }
    }
}

vectorized! {
    fn freeze<'a>(parameters: &'a mut [f32], mask: &'a [f32]) {
        for (parameter, factor) in parameters.iter_mut().zip(mask) {
            *parameter *= factor;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ADAM: Adam = Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-7 };

    fn gradient(time: u32, i: usize) -> f64 {
        ((time * 7) as f64 + (i * 3) as f64).sin() * 0.3
    }

    /// Both rules in double precision and as the textbooks have them.
    struct Twin {
        parameters: Vec<f64>,
        first: Vec<f64>,
        second: Vec<f64>,
        /// The least gradient so far, penalty included.
        least: Vec<f64>,
    }

    impl Twin {
        fn new(parameters: &[f32]) -> Twin {
            let zeros = vec![0.0; parameters.len()];
            let parameters = parameters.iter().map(|&x| f64::from(x)).collect();
            let least = vec![f64::INFINITY; zeros.len()];
            Twin { parameters, first: zeros.clone(), second: zeros, least }
        }

        fn adam(&mut self, lr: f64, penalty: f64, mask: &[f32], time: u32) {
            let (beta1, beta2) = (f64::from(0.9f32), f64::from(0.999f32));
            for (i, &kept) in mask.iter().enumerate() {
                let gradient = gradient(time, i) + penalty * self.parameters[i];
                self.least[i] = self.least[i].min(gradient.abs());
                self.first[i] = beta1 * self.first[i] + (1.0 - beta1) * gradient;
                self.second[i] = beta2 * self.second[i] + (1.0 - beta2) * gradient.powi(2);
                let first = self.first[i] / (1.0 - beta1.powi(time as i32));
                let second = self.second[i] / (1.0 - beta2.powi(time as i32));
                self.parameters[i] -= lr * first / (second.sqrt() + 1e-7);
                self.parameters[i] *= f64::from(kept);
            }
        }

        fn sgd(&mut self, lr: f64, penalty: f64, mask: &[f32], time: u32, momentum: f64) {
            for (i, &kept) in mask.iter().enumerate() {
                let gradient = gradient(time, i) + penalty * self.parameters[i];
                self.first[i] = momentum * self.first[i] + gradient;
                self.parameters[i] -= lr * self.first[i];
                self.parameters[i] *= f64::from(kept);
            }
        }
    }

    fn close(found: &[f32], expected: &[f64]) -> bool {
        found
            .iter()
            .zip(expected)
            .all(|(&a, &b)| (f64::from(a) - b).abs() < 1e-5 * b.abs().max(1.0))
    }

    proptest! {
        #[test]
        fn ten_steps_are_the_textbooks(
            start in prop::collection::vec(-3.0f32..3.0, 1..70), lr in 0.0..0.1, penalty in 0.0..0.1, frozen: bool,
        ) {
            let mask: Vec<f32> = (0..start.len()).map(|i| f32::from(u8::from(!frozen || i % 3 > 0))).collect();
            let (mut adam, mut sgd) = (Twin::new(&start), Twin::new(&start));
            let mut ours: Vec<_> = InstructionSet::available()
                .map(|set| (set, [start.clone(), start.clone()], vec![vec![0.0; start.len()]; 3]))
                .collect();
            let step = Step { lr: lr as f32, penalty: penalty as f32, mask: frozen.then_some(&mask) };
            for time in 1..=10 {
                adam.adam(lr, penalty, &mask, time);
                sgd.sgd(lr, penalty, &mask, time, 0.9);
                let gradient: Vec<f32> = (0..start.len()).map(|i| gradient(time, i) as f32).collect();
                for (set, [by_adam, by_sgd], moments) in &mut ours {
                    let [first, second, velocity] = &mut moments[..] else { unreachable!() };
                    ADAM.step(*set, step, time, by_adam, &gradient, first, second);
                    Sgd { momentum: 0.9 }.step(*set, step, by_sgd, &gradient, velocity);
                    // Where gradient and penalty cancel each other, Adam goes where rounding takes it.
                    let clear = |numbers: &[f32]| -> Vec<f32> {
                        let clear = numbers.iter().zip(&adam.least).zip(&adam.parameters);
                        clear.map(|((a, least), b)| if *least < 0.01 { *b as f32 } else { *a }).collect()
                    };
                    prop_assert!(close(&clear(by_adam), &adam.parameters), "{by_adam:?} {:?}", adam.parameters);
                    prop_assert!(close(by_sgd, &sgd.parameters), "{by_sgd:?} {:?}", sgd.parameters);
                }
            }
            // The same bits on every instruction set.
            prop_assert!(ours.iter().all(|(_, found, _)| *found == ours[0].1));
        }
    }

    #[test]
    fn large_parameters_are_shared_out_whole() {
        let start = vec![0.5; 9 * SHARE + 13];
        let gradient: Vec<f32> = (0..start.len()).map(|i| gradient(1, i) as f32).collect();
        let mask: Vec<f32> = (0..start.len()).map(|i| (i % 2) as f32).collect();
        let mut twin = Twin::new(&start);
        twin.adam(0.01, 0.0, &mask, 1);
        for set in InstructionSet::available() {
            let mut found = start.clone();
            let (mut first, mut second) = (vec![0.0; start.len()], vec![0.0; start.len()]);
            let step = Step { lr: 0.01, penalty: 0.0, mask: Some(&mask) };
            ADAM.step(set, step, 1, &mut found, &gradient, &mut first, &mut second);
            assert!(close(&found, &twin.parameters));
            assert!(close(&first, &twin.first) && close(&second, &twin.second));
        }
    }
}
