//! Networks whose weights share one value (figure 9): accuracy on the left, and on the right the
//! remaining network with a line per connection. The right side is omitted if no run has recorded
//! its connections.

use crate::figure::accuracy::{require, side_by_side};
use crate::figure::canvas::{Anchor, Area, Canvas, Colour, Position, Stroke};
use crate::figure::curves::Reading;
use crate::figure::error::FigureError;
use crate::figure::kind::{Kind, Picture};
use crate::figure::layout::{COLUMN, PAGE, over_time, percentages};
use crate::figure::options::Options;
use crate::figure::plot::{Axis, LARGE, SMALL, around};
use crate::figure::source::{Source, families, network};
use crate::figure::style::look;
use crate::train::{LayerFrame, LayerInfo};

pub(super) const KIND: Kind = Kind {
    name: "agnostic",
    about: "one shared weight value: accuracy, and the network (figure 9)",
    is_of_one_layer: false,
    prepare,
};

fn prepare<'a>(sources: &'a [Source], options: &'a Options) -> Result<Picture<'a>, FigureError> {
    require(sources)?;
    let reading = Reading::new(sources, options.unit, options.smoothing);
    let families = families(sources, &[]);
    let mut curves = side_by_side(sources, &families, reading);
    if let [only] = curves.as_mut_slice() {
        only.label = network(&sources[0]);
    }
    let range = around(&curves, 0.0, reading.end);
    let axis = Axis::of_values("test accuracy (%)", percentages(range), 6);
    let plot = over_time(reading, axis, curves);
    let best = families.iter().filter_map(|family| {
        let members = family.members.iter().map(|&member| &sources[member]);
        let last = |source: &&Source| source.state.test.accuracy.last().map_or(0.0, |(_, a)| a);
        members.max_by(|a, b| last(a).total_cmp(&last(b)))
    });
    let networks: Vec<Network> = best.filter_map(Network::new).collect();
    let rows = networks.len();
    if rows == 0 {
        let draw = Box::new(move |area, canvas: &mut Canvas| {
            plot.draw(area, canvas);
        });
        return Ok(Picture { size: (COLUMN, 62.0), draw });
    }
    let draw = move |area: Area, canvas: &mut Canvas| {
        let (left, right) = (area.cell(0, (2, 1), 14.0), area.cell(1, (2, 1), 14.0));
        plot.draw(left, canvas);
        for (index, network) in networks.iter().enumerate() {
            network.draw(index, right.cell(index, (1, rows), 8.0), canvas);
        }
    };
    Ok(Picture { size: (PAGE, 70.0f64.max(48.0 * rows as f64)), draw: Box::new(draw) })
}

/// A network of dense layers and its connections.
struct Network<'a> {
    title: String,
    layers: Vec<(&'a LayerInfo, &'a LayerFrame)>,
}

impl<'a> Network<'a> {
    /// `None` if the connections were not recorded (the network is large or not pruned) or if a
    /// layer is not dense.
    fn new(source: &'a Source) -> Option<Self> {
        let infos = source.layers();
        let frames = (0..infos.len()).map(|layer| source.frame(layer).ok());
        let frames = frames.collect::<Option<Vec<&LayerFrame>>>()?;
        let dense = infos.iter().all(|info| info.shape.len() == 2);
        let recorded = frames.iter().any(|frame| !frame.connections.is_empty());
        let (_, accuracy) = source.state.test.accuracy.last()?;
        let title = format!("{}, {:.1} %", network(source), accuracy * 100.0);
        (dense && recorded).then(|| Network { title, layers: infos.iter().zip(frames).collect() })
    }

    /// Returns the number of inputs, then the number of units of every layer.
    fn sizes(&self) -> Vec<usize> {
        let inputs = self.layers.first().map_or(0, |(info, _)| info.length);
        std::iter::once(inputs).chain(self.layers.iter().map(|(info, _)| info.vectors)).collect()
    }

    fn draw(&self, index: usize, area: Area, canvas: &mut Canvas) {
        let title = (area.x, area.y + LARGE - 1.0);
        canvas.text(title, Anchor::Start, LARGE, Colour::INK, &self.title);
        let inner = area.inside([8.0, LARGE + 4.0, 8.0, SMALL + 5.0]);
        let sizes = self.sizes();
        let position = |level: usize, unit: usize| -> Position {
            let x = inner.x + inner.width * level as f64 / (sizes.len() - 1).max(1) as f64;
            (x, inner.y + inner.height * (unit as f64 + 0.5) / sizes[level] as f64)
        };
        for (level, (info, frame)) in self.layers.iter().enumerate() {
            let connections: Vec<Vec<Position>> = connections(info, frame)
                .map(|(output, input)| vec![position(level, input), position(level + 1, output)])
                .collect();
            // The more lines, the thinner, so that they do not merge into a blot.
            let width = (120.0 / connections.len().max(1) as f64).clamp(0.03, 0.4);
            let stroke = Stroke { opacity: 0.8, ..Stroke::solid(look(index).colour, width) };
            canvas.lines(&connections, stroke);
        }
        for (level, &size) in sizes.iter().enumerate() {
            let radius = (inner.height / size as f64 / 3.0).clamp(0.1, 1.8);
            for unit in 0..size {
                canvas.disc(position(level, unit), radius, Colour::INK);
            }
            let below = (position(level, 0).0, area.bottom() - 1.0);
            canvas.text(below, Anchor::Middle, SMALL, Colour::INK, &size.to_string());
        }
    }
}

/// Returns the output and the input of every non-zero weight of a layer.
fn connections(info: &LayerInfo, frame: &LayerFrame) -> impl Iterator<Item = (usize, usize)> {
    let length = info.length.max(1);
    let kept = |&weight: &usize| frame.connected(weight).unwrap_or(frame.connections.is_empty());
    let weights = info.vectors.saturating_mul(info.length);
    (0..weights).filter(kept).map(move |weight| (weight / length, weight % length))
}
