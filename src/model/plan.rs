//! Turns layers into operations whose sizes are all known.

use super::{Activation, Layer, Padding, Parameter, Role};
use crate::kernels::Convolution;

/// A sequence of operations.
pub(super) type Plan = Vec<Operation>;

/// A layer whose parameters and sizes are known. A parameter is given as its index in
/// [`Network::parameters`](super::Network::parameters).
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operation {
    Dense {
        weight: usize,
        shape: [usize; 2],
        bias: Option<usize>,
        relu: bool,
    },
    /// The shape is that for a single image.
    Conv {
        weight: usize,
        shape: Convolution,
        bias: Option<usize>,
        relu: bool,
    },
    BatchNorm {
        scale: usize,
        shift: usize,
        norm: usize,
        relu_before: bool,
        relu_after: bool,
        dropout: Option<Dropout>,
    },
    Relu,
    Dropout(Dropout),
    MaxPool {
        size: usize,
    },
    AveragePool {
        size: usize,
    },
    Flatten,
    Residual {
        body: Plan,
        shortcut: Plan,
        relu: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Dropout {
    pub(super) rate: f64,
    /// Number of the layer among the network's dropout layers, counted from 1. It selects the
    /// layer's random numbers.
    pub(super) site: u64,
}

/// A layer that does not fit the output of the layer before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("layer {}, {name}: {problem}", position + 1)]
pub struct ShapeError {
    /// Index in the sequence of layers.
    pub position: usize,
    /// Name of the layer, such as `conv2`, or its type if it has no name.
    pub name: String,
    /// Description of the problem.
    pub problem: String,
}

/// Shape of the values between two layers, for one example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Image([usize; 3]),
    Flat(usize),
}

impl Shape {
    fn elements(self) -> usize {
        match self {
            Shape::Image(shape) => shape.iter().product(),
            Shape::Flat(length) => length,
        }
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Shape::Image([channels, height, width]) => write!(f, "{channels}x{height}x{width}"),
            Shape::Flat(length) => write!(f, "{length}"),
        }
    }
}

/// Names the layers of a network, checks their shapes and collects their parameters, layer by
/// layer.
pub(super) struct Planner {
    pub(super) parameters: Vec<Parameter>,
    /// Layer name and number of channels of each batch norm.
    pub(super) norms: Vec<(String, usize)>,
    /// Shape of the output of the previous layer.
    shape: Shape,
    /// Maximum number of values between two layers, for one example.
    pub(super) widest: usize,
    /// Shape of the current values before the flatten layer.
    flattened: Option<[usize; 3]>,
    classes: usize,
    /// Number of dropout layers so far.
    dropouts: u64,
    /// Number of residual blocks so far.
    blocks: usize,
}

/// A sequence of layers that are numbered together, and the number of layers of each kind so far.
#[derive(Default)]
struct Scope {
    prefix: String,
    dense: usize,
    conv: usize,
    norm: usize,
}

impl Planner {
    pub(super) fn new(input: [usize; 3], classes: usize) -> Self {
        Planner {
            parameters: Vec::new(),
            norms: Vec::new(),
            shape: Shape::Image(input),
            widest: input.iter().product(),
            flattened: None,
            classes,
            dropouts: 0,
            blocks: 0,
        }
    }

    /// Plans a whole network, whose last layer must have one output per class.
    pub(super) fn network(&mut self, layers: &[Layer]) -> Result<Plan, ShapeError> {
        let fail =
            |position, name: &str, problem| ShapeError { position, name: name.into(), problem };
        let Some((last, before)) = layers.split_last() else {
            return Err(fail(0, "network", "there are no layers".into()));
        };
        let mut scope = Scope::default();
        let mut plan = self.sequence(before, &mut scope)?;
        let (end, classes) = (before.len(), self.classes);
        let Layer::Dense { units, bias, .. } = *last else {
            let problem =
                format!("the last layer must be dense, with one unit per class ({classes})");
            return Err(fail(end, last.kind(), problem));
        };
        let logits = Layer::Dense { units, bias, activation: Activation::None };
        plan.push(self.layer(&logits, end, &mut scope)?);
        if units != classes {
            let problem =
                format!("the last layer needs one unit per class, {classes}, not {units}");
            return Err(fail(end, &format!("dense{}", scope.dense), problem));
        }
        let layer = self.parameters.last().map(|p| p.layer.clone());
        for parameter in &mut self.parameters {
            parameter.last = Some(&parameter.layer) == layer.as_ref();
        }
        Ok(plan)
    }

    fn sequence(&mut self, layers: &[Layer], scope: &mut Scope) -> Result<Plan, ShapeError> {
        layers.iter().enumerate().map(|(i, layer)| self.layer(layer, i, scope)).collect()
    }

    fn layer(
        &mut self,
        layer: &Layer,
        position: usize,
        scope: &mut Scope,
    ) -> Result<Operation, ShapeError> {
        let name = match layer {
            Layer::Dense { .. } => scope.name("dense", |s| &mut s.dense),
            Layer::Conv { .. } => scope.name("conv", |s| &mut s.conv),
            Layer::BatchNorm => scope.name("bn", |s| &mut s.norm),
            Layer::Residual { .. } => {
                self.blocks += 1;
                format!("{}block{}", scope.prefix, self.blocks)
            }
            _ => format!("{}{}", scope.prefix, layer.kind()),
        };
        let planned = match layer {
            Layer::Residual { body, shortcut } => {
                return self.residual(body, shortcut, &name).map_err(|error| match error {
                    // A layer inside the block keeps its name and gets the block's position.
                    Inner::Layer(inner) => ShapeError { position, ..inner },
                    Inner::Sum(problem) => ShapeError { position, name, problem },
                });
            }
            Layer::Dense { units, bias, activation } => {
                self.dense(&name, *units, *bias, *activation == Activation::Relu)
            }
            Layer::Conv { .. } => self.conv(&name, layer),
            Layer::BatchNorm => Ok(self.batch_norm(&name)),
            Layer::Relu => Ok(Operation::Relu),
            Layer::Dropout { rate } => self.dropout(*rate),
            Layer::MaxPool { size } => {
                self.pool(*size).map(|()| Operation::MaxPool { size: *size })
            }
            Layer::AveragePool { size } => {
                self.pool(*size).map(|()| Operation::AveragePool { size: *size })
            }
            Layer::Flatten => {
                if let Shape::Image(shape) = self.shape {
                    self.shape = Shape::Flat(shape.iter().product());
                    self.flattened = Some(shape);
                }
                Ok(Operation::Flatten)
            }
        };
        self.widest = self.widest.max(self.shape.elements());
        planned.map_err(|problem| ShapeError { position, name, problem })
    }

    fn dense(
        &mut self,
        name: &str,
        units: usize,
        bias: bool,
        relu: bool,
    ) -> Result<Operation, String> {
        let Shape::Flat(inputs) = self.shape else {
            let shape = self.shape;
            return Err(format!("takes one axis, but gets {shape}: put a flatten layer before it"));
        };
        at_least_one("units", units)?;
        let weight = self.parameter(name, Role::Weight, &[units, inputs], inputs, units);
        self.flattened = None;
        let bias = bias.then(|| self.parameter(name, Role::Bias, &[units], units, units));
        self.shape = Shape::Flat(units);
        Ok(Operation::Dense { weight, shape: [units, inputs], bias, relu })
    }

    fn conv(&mut self, name: &str, layer: &Layer) -> Result<Operation, String> {
        let &Layer::Conv { filters, kernel, stride, padding, bias, activation } = layer else {
            return Err("is not a convolution".into());
        };
        let [channels, height, width] = self.image()?;
        at_least_one("filters", filters)?;
        at_least_one("kernel", kernel)?;
        at_least_one("stride", stride)?;
        if padding == Padding::Valid && kernel > height.min(width) {
            return Err(format!(
                "a kernel of {kernel}x{kernel} does not fit in {height}x{width} pixels"
            ));
        }
        let padding = [height, width].map(|length| padding.around(length, kernel, stride));
        let shape = Convolution {
            batch: 1,
            input: [height, width, channels],
            filters,
            kernel: [kernel; 2],
            stride,
            padding,
        };
        let [rows, columns, _] = shape.output();
        self.shape = Shape::Image([filters, rows, columns]);
        let axes = [filters, channels, kernel, kernel];
        let area = kernel * kernel;
        let weight = self.parameter(name, Role::Weight, &axes, area * channels, area * filters);
        let bias = bias.then(|| self.parameter(name, Role::Bias, &[filters], filters, filters));
        let relu = activation == Activation::Relu;
        Ok(Operation::Conv { weight, shape, bias, relu })
    }

    fn batch_norm(&mut self, name: &str) -> Operation {
        let channels = match self.shape {
            Shape::Image([channels, ..]) => channels,
            Shape::Flat(length) => length,
        };
        let scale = self.parameter(name, Role::Scale, &[channels], channels, channels);
        let shift = self.parameter(name, Role::Shift, &[channels], channels, channels);
        self.norms.push((name.to_owned(), channels));
        Operation::BatchNorm {
            scale,
            shift,
            norm: self.norms.len() - 1,
            relu_before: false,
            relu_after: false,
            dropout: None,
        }
    }

    fn dropout(&mut self, rate: f64) -> Result<Operation, String> {
        if !(0.0..1.0).contains(&rate) {
            return Err(format!("the rate must be at least 0 and below 1, not {rate}"));
        }
        self.dropouts += 1;
        Ok(Operation::Dropout(Dropout { rate, site: self.dropouts }))
    }

    fn pool(&mut self, size: usize) -> Result<(), String> {
        let [channels, height, width] = self.image()?;
        at_least_one("size", size)?;
        if height % size != 0 || width % size != 0 {
            return Err(format!(
                "{height}x{width} pixels cannot be divided into squares of {size}x{size}"
            ));
        }
        self.shape = Shape::Image([channels, height / size, width / size]);
        Ok(())
    }

    fn residual(
        &mut self,
        body: &[Layer],
        shortcut: &[Layer],
        name: &str,
    ) -> Result<Operation, Inner> {
        let before = self.shape;
        let scope = |prefix: String| Scope { prefix, ..Scope::default() };
        let body = self.sequence(body, &mut scope(format!("{name}."))).map_err(Inner::Layer)?;
        let after = std::mem::replace(&mut self.shape, before);
        let shortcut = self
            .sequence(shortcut, &mut scope(format!("{name}.shortcut.")))
            .map_err(Inner::Layer)?;
        if self.shape != after {
            return Err(Inner::Sum(format!(
                "the body gives {after}, but the shortcut {}",
                self.shape
            )));
        }
        Ok(Operation::Residual { body, shortcut, relu: false })
    }

    fn image(&self) -> Result<[usize; 3], String> {
        match self.shape {
            Shape::Image(shape) => Ok(shape),
            Shape::Flat(length) => Err(format!(
                "takes channels, height and width, but gets {length} values on one axis"
            )),
        }
    }

    /// Adds a parameter of a layer whose output has the shape `self.shape` and returns its index.
    fn parameter(
        &mut self,
        layer: &str,
        role: Role,
        shape: &[usize],
        fan_in: usize,
        fan_out: usize,
    ) -> usize {
        let suffix = match role {
            Role::Weight | Role::Scale => "weight",
            Role::Bias | Role::Shift => "bias",
        };
        let first = self.parameters.iter().all(|p| p.role != Role::Weight || p.layer == layer);
        self.parameters.push(Parameter {
            name: format!("{layer}.{suffix}"),
            layer: layer.to_owned(),
            role,
            shape: shape.to_vec(),
            fan_in,
            fan_out,
            uses: match self.shape {
                Shape::Image([_, height, width]) => height * width,
                Shape::Flat(_) => 1,
            },
            first,
            last: false,
            flattened: self.flattened,
        });
        self.parameters.len() - 1
    }
}

impl Scope {
    fn name(&mut self, kind: &str, count: impl Fn(&mut Self) -> &mut usize) -> String {
        *count(self) += 1;
        let count = *count(self);
        format!("{}{kind}{count}", self.prefix)
    }
}

/// An error in a residual block.
enum Inner {
    /// In one of its layers.
    Layer(ShapeError),
    /// The branches have different shapes.
    Sum(String),
}

fn at_least_one(what: &str, value: usize) -> Result<(), String> {
    if value == 0 { Err(format!("{what} must be at least 1")) } else { Ok(()) }
}
