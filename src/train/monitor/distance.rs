//! The ranking distance of the paper's section 3: |R_t - R_{t-1}|, with t counted in training
//! steps.

use std::time::Instant;

use super::WeightMatrix;
use crate::experiment::MonitorSection;
use crate::method::{OrderedMatrix, RankChange, invert, reorder};
use crate::train::LayerDistance;
use crate::train::arrays::{Arrays, Misfit};
use crate::train::learner::Learner;
use crate::train::wrapper::Wrapper;

/// Share of the time that the ranking distance may cost when the experiment leaves its interval to
/// the program.
const CHEAP: f64 = 0.005;

/// Measures the ranking distance over single steps.
pub(in crate::train) struct DistanceMonitor {
    matrices: Vec<WeightMatrix>,
    /// Interval in steps; 0 is as often as [`CHEAP`] permits.
    every: u64,
    /// For each matrix its orders, the inverses of its rankings, at the latest measurement. Empty
    /// before the first.
    orders: Vec<Vec<u32>>,
    /// Whether `orders` are those of R_{t-1}, so that the current step is measured.
    before: bool,
    begun: Instant,
    /// Seconds spent on measuring.
    spent: f64,
}

impl DistanceMonitor {
    pub(in crate::train) fn new(section: &MonitorSection, matrices: &[WeightMatrix]) -> Self {
        DistanceMonitor {
            matrices: WeightMatrix::named(matrices, &section.distance_layers),
            every: section.distance_every,
            orders: Vec::new(),
            before: false,
            begun: Instant::now(),
            spent: 0.0,
        }
    }

    /// Records R_{t-1} if `step`, which follows, is to be measured.
    pub(in crate::train) fn before_step(
        &mut self,
        step: u64,
        learner: &mut Learner,
        wrapper: &dyn Wrapper,
    ) {
        let due = match self.every {
            0 => step == 1 || self.spent <= CHEAP * self.begun.elapsed().as_secs_f64(),
            every => step.is_multiple_of(every),
        };
        if due && !self.before {
            self.reorder(learner, wrapper);
        }
        self.before = due;
    }

    /// Returns the distances of the step just taken, before any sync, if it was to be measured.
    pub(in crate::train) fn after_step(
        &mut self,
        learner: &mut Learner,
        wrapper: &dyn Wrapper,
    ) -> Option<Vec<LayerDistance>> {
        if !self.before {
            return None;
        }
        let changes = self.reorder(learner, wrapper);
        // A sync keeps the order of the weights. So if every step is measured, the order after this
        // step is the order before the next.
        self.before = self.every == 1;
        let distances = self.matrices.iter().zip(changes).map(|(matrix, change)| {
            let distance = change.distance();
            LayerDistance {
                layer: matrix.layer,
                mean: distance.mean as f32,
                sd: distance.sd as f32,
            }
        });
        Some(distances.collect())
    }

    /// Adds R_{t-1} to `arrays`, if it is kept from one step to the next.
    pub(in crate::train) fn save(&self, arrays: &mut Arrays) {
        if !self.before {
            return;
        }
        for (matrix, orders) in self.matrices.iter().zip(&self.orders) {
            arrays.put_integers(array_name(matrix), invert(orders, matrix.info.length));
        }
    }

    /// Restores the orders that [`DistanceMonitor::save`] added, unless other layers are monitored
    /// now.
    ///
    /// # Errors
    /// Returns the first array that does not hold the rankings of its matrix.
    pub(in crate::train) fn restore(&mut self, arrays: &mut Arrays) -> Result<(), Misfit> {
        if !self.matrices.iter().all(|matrix| arrays.contains(&array_name(matrix))) {
            return Ok(());
        }
        let orders = self.matrices.iter().map(|matrix| {
            let (vectors, length) = (matrix.info.vectors, matrix.info.length);
            Ok(invert(&arrays.rankings(&array_name(matrix), vectors, length)?, length))
        });
        self.orders = orders.collect::<Result<_, _>>()?;
        self.before = true;
        Ok(())
    }

    /// Updates the orders to the current weights. Returns how the ranks of each matrix changed
    /// since the previous call.
    fn reorder(&mut self, learner: &mut Learner, wrapper: &dyn Wrapper) -> Vec<RankChange> {
        let begun = Instant::now();
        if self.orders.is_empty() {
            let any = |matrix: &WeightMatrix| {
                let (vectors, length) = (matrix.info.vectors, matrix.info.length);
                (0..length as u32).cycle().take(vectors * length).collect()
            };
            self.orders = self.matrices.iter().map(any).collect();
        }
        let changes = learner.show(&WeightMatrix::parameters(&self.matrices), |values| {
            let matrices = self.matrices.iter().zip(values).zip(&mut self.orders);
            let ordered =
                matrices.map(|((matrix, values), orders)| match wrapper.layer(matrix.layer) {
                    Some((reservoir, _)) => reservoir.ordered(values, orders),
                    None => OrderedMatrix::new(values, matrix.info.length, orders),
                });
            reorder(ordered.collect())
        });
        self.spent += begun.elapsed().as_secs_f64();
        changes
    }
}

/// The name of R_{t-1} in a checkpoint.
fn array_name(matrix: &WeightMatrix) -> String {
    format!("before/{}", matrix.layer)
}
