//! Lookahead (Zhang et al., 2019): slow weights that follow those of the inner optimizer.

use super::{NotFinite, Wrapper};
use crate::method::{Lookahead, LookaheadError};
use crate::model::Network;
use crate::train::EventKind;
use crate::train::arrays::{Arrays, Misfit};
use crate::train::learner::Learner;

/// The slow weights of all parameters, biases and batch norm included.
pub(super) struct SlowWeights(Vec<Lookahead>);

impl SlowWeights {
    /// Starts from the weights that training starts from.
    ///
    /// # Errors
    /// Returns an error if alpha is not in (0, 1].
    pub(super) fn new(start: &[Vec<f32>], alpha: f32) -> Result<Self, LookaheadError> {
        let slow = start.iter().map(|values| Lookahead::new(values, alpha));
        Ok(SlowWeights(slow.collect::<Result<_, _>>()?))
    }
}

impl Wrapper for SlowWeights {
    fn sync(&mut self, number: u64, learner: &mut Learner) -> Result<Option<EventKind>, NotFinite> {
        if let Some(index) = (0..self.0.len()).find(|&index| !learner.is_finite(index)) {
            return Err(NotFinite::new(learner, index));
        }
        for (index, slow) in self.0.iter_mut().enumerate() {
            learner.change(index, |values| slow.sync(values));
        }
        Ok(Some(EventKind::Lookahead { sync: number }))
    }

    fn save(&self, network: &Network, arrays: &mut Arrays) {
        for (parameter, slow) in network.parameters().iter().zip(&self.0) {
            arrays.put_floats(array_name(&parameter.name), slow.slow().to_vec());
        }
    }

    fn restore(&mut self, network: &Network, arrays: &mut Arrays) -> Result<(), Misfit> {
        for (parameter, slow) in network.parameters().iter().zip(&mut self.0) {
            let name = array_name(&parameter.name);
            let values = arrays.floats(&name, parameter.elements())?;
            *slow = Lookahead::new(&values, slow.alpha())
                .map_err(|error| Misfit::new(&name, error.to_string()))?;
        }
        Ok(())
    }
}

fn array_name(parameter: &str) -> String {
    format!("slow/{parameter}")
}
