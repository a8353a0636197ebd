//! Validation of every value of an experiment, before anything starts.

use std::fmt;

use super::{Experiment, Plan, WrapperName};
use crate::data::DatasetName;
use crate::model::{Network, Role};

/// An invalid value, and the keys that lead to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    keys: Vec<String>,
    message: String,
}

impl Problem {
    fn new(keys: &str, message: impl Into<String>) -> Self {
        Problem { keys: keys.split('.').map(str::to_owned).collect(), message: message.into() }
    }

    /// Returns the keys that lead to the value. An element of an array has its index as key.
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Returns the keys joined by dots.
    pub fn path(&self) -> String {
        self.keys.join(".")
    }

    /// Returns the description of the problem.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: {}", self.path(), self.message)
    }
}

/// Maximum number of epochs: every value of a schedule is checked, epoch by epoch.
const MOST_EPOCHS: u64 = 100_000;

impl Experiment {
    /// Builds the network for the experiment's data.
    ///
    /// # Errors
    /// When the experiment names no network, or names both a network and layers, or when a layer
    /// does not fit.
    pub fn network(&self) -> Result<Network, Problem> {
        if self.network.name.is_some() != self.network.layers.is_empty() {
            return Err(Problem::new(
                "network",
                "give either the `name` of a network or its `layers`",
            ));
        }
        let (shape, classes) = (self.data.dataset.shape(), self.data.dataset.classes());
        let layers = self.network.layers(classes);
        Network::new(&layers, [shape.channels, shape.height, shape.width], classes).map_err(
            |error| {
                let dataset = self.data.dataset;
                match self.network.name {
                    Some(name) => {
                        let message =
                            format!("{} does not fit {dataset} ({shape}): {error}", name.name());
                        Problem::new("network.name", message)
                    }
                    None => Problem::new(
                        &format!("network.layers.{}", error.position),
                        error.to_string(),
                    ),
                }
            },
        )
    }

    /// Checks every value.
    ///
    /// # Errors
    /// The first invalid value.
    pub fn check(&self) -> Result<(), Problem> {
        let network = self.network()?;
        let epochs = self.train.epochs;
        require((1..=MOST_EPOCHS).contains(&epochs), "train.epochs", || {
            format!("epochs must be 1 to {MOST_EPOCHS}, not {epochs}")
        })?;
        require(self.train.steps != Some(0), "train.steps", || "steps must be at least 1".into())?;
        require(self.train.batch >= 1, "train.batch", || "the batch must be at least 1".into())?;
        self.check_examples()?;
        self.check_initial()?;
        self.check_optimizer()?;
        self.check_wrapper()?;
        self.check_prune(&network)?;
        let monitor = &self.monitor;
        require(monitor.frame_seconds >= 0.0, "monitor.frame_seconds", || {
            format!("must be a number of seconds, not {}", monitor.frame_seconds)
        })?;
        let minutes = self.checkpoint.every_minutes;
        require(minutes >= 0.0, "checkpoint.every_minutes", || {
            format!("must be a number of minutes, not {minutes}")
        })?;
        for (key, layers) in [
            ("distance_layers", &monitor.distance_layers),
            ("distribution_layers", &monitor.distribution_layers),
        ] {
            for (i, layer) in layers.iter().enumerate() {
                known_layer(&network, layer, &format!("monitor.{key}.{i}"))?;
            }
        }
        require(self.evaluate.batch >= 1, "evaluate.batch", || {
            "the batch must be at least 1".into()
        })
    }

    fn check_examples(&self) -> Result<(), Problem> {
        let data = &self.data;
        for (key, examples) in
            [("train_examples", data.train_examples), ("test_examples", data.test_examples)]
        {
            require(examples != Some(0), &format!("data.{key}"), || "must be at least 1".into())?;
        }
        let generated = (data.dataset == DatasetName::Glyphs).then_some(data.glyphs.train_examples);
        let batch = self.train.batch;
        // The number of examples in files is checked once they have been read.
        if let Some(examples) = data.train_examples.into_iter().chain(generated).min() {
            require(batch <= examples, "train.batch", || {
                format!("a batch of {batch} is more than the {examples} training examples")
            })?;
        }
        let augmentation = data.augmentation;
        for (key, value, limit) in [
            ("rotation", augmentation.rotation, 180.0),
            ("zoom", augmentation.zoom, 0.99),
            ("shift", augmentation.shift, 1.0),
        ] {
            require((0.0..=limit).contains(&value), &format!("data.augmentation.{key}"), || {
                format!("must be 0 to {limit}, not {value}")
            })?;
        }
        Ok(())
    }

    fn check_initial(&self) -> Result<(), Problem> {
        match self.initial.weights.problem() {
            Some((key, problem)) => Err(Problem::new(&format!("initial.weights.{key}"), problem)),
            None => Ok(()),
        }
    }

    fn check_optimizer(&self) -> Result<(), Problem> {
        let optimizer = &self.optimizer;
        self.each_epoch(&optimizer.lr, "optimizer.lr", |lr| {
            (lr > 0.0 && lr.is_finite())
                .then_some(())
                .ok_or("the learning rate must be a positive number")
        })?;
        let usable = optimizer.l2 >= 0.0 && optimizer.l2.is_finite();
        require(usable, "optimizer.l2", || "must be a number of at least 0".into())?;
        match optimizer.problem() {
            Some((key, message)) => Err(Problem::new(&format!("optimizer.{key}"), message)),
            None => Ok(()),
        }
    }

    fn check_wrapper(&self) -> Result<(), Problem> {
        let wrapper = &self.wrapper;
        self.each_epoch(&wrapper.k, "wrapper.k", |k| {
            (1.0..1e15).contains(&k).then_some(()).ok_or("k must be at least 1")
        })?;
        // Training uses alpha as a 32-bit float, in which 1e-50 is 0.
        let usable = wrapper.alpha <= 1.0 && wrapper.alpha as f32 > 0.0;
        require(usable, "wrapper.alpha", || {
            format!("must be above 0 and at most 1 as a 32-bit float, not {}", wrapper.alpha)
        })?;
        require(wrapper.stop.is_none_or(|stop| stop > wrapper.start), "wrapper.stop", || {
            "must be after `start`".into()
        })
    }

    fn check_prune(&self, network: &Network) -> Result<(), Problem> {
        let prune = &self.prune;
        self.each_epoch(&prune.ratio, "prune.ratio", |p| {
            (0.0..1.0).contains(&p).then_some(()).ok_or("p must be at least 0 and below 1")
        })?;
        require((0.0..=1.0).contains(&prune.input_cap), "prune.input_cap", || {
            format!("must be 0 to 1, not {}", prune.input_cap)
        })?;
        for (layer, p) in &prune.layers {
            let key = format!("prune.layers.{layer}");
            known_layer(network, layer, &key)?;
            require((0.0..1.0).contains(p), &key, || {
                format!("p must be at least 0 and below 1, not {p}")
            })?;
        }
        let varies = self.wrapper.name != WrapperName::Laperm
            && (0..self.train.epochs).any(|epoch| prune.ratio.at(epoch) != prune.ratio.at(0));
        require(!varies, "prune.ratio", || {
            "can only change while training under the laperm wrapper, which keeps the pruned values"
                .into()
        })
    }

    /// Checks the value of a schedule in each epoch.
    fn each_epoch(
        &self,
        plan: &Plan,
        key: &str,
        check: impl Fn(f64) -> Result<(), &'static str>,
    ) -> Result<(), Problem> {
        if let Some(problem) = plan.problem() {
            return Err(Problem::new(key, problem));
        }
        for epoch in 0..self.train.epochs {
            let value = plan.at(epoch);
            check(value).map_err(|rule| {
                let when = match plan {
                    Plan::Constant(_) => String::new(),
                    _ => format!(" in epoch {epoch}"),
                };
                Problem::new(key, format!("{rule}, not {value}{when}"))
            })?;
        }
        Ok(())
    }
}

fn require(condition: bool, key: &str, message: impl FnOnce() -> String) -> Result<(), Problem> {
    if condition { Ok(()) } else { Err(Problem::new(key, message())) }
}

fn known_layer(network: &Network, layer: &str, key: &str) -> Result<(), Problem> {
    let weights = network.parameters().iter().filter(|p| p.role == Role::Weight);
    let names: Vec<&str> = weights.map(|p| p.layer.as_str()).collect();
    require(names.contains(&layer), key, || {
        format!("there is no layer `{layer}`; there are {}", names.join(", "))
    })
}
