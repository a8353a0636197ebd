//! The permutation of one weight vector between two frames (figure 13). Ranks are placed
//! counter-clockwise on a circle in ascending order. A chord in the colour of the disjoint cycle
//! leads from each rank to the one it moved to.

use std::f64::consts::TAU;

use crate::figure::canvas::{Anchor, Area, Canvas, Colour, Position, Stroke};
use crate::figure::error::FigureError;
use crate::figure::kind::{Kind, Picture};
use crate::figure::layout::{COLUMN, PAGE};
use crate::figure::options::Options;
use crate::figure::plot::{LARGE, SMALL};
use crate::figure::source::Source;
use crate::figure::style::cycle;
use crate::method::{CycleSummary, cycles, is_ranking, permutation, ranking};
use crate::train::LayerInfo;

pub(crate) const KIND: Kind = Kind {
    name: "cycles",
    about: "the disjoint cycles of a permutation (figure 13)",
    is_of_one_layer: true,
    prepare,
};

fn prepare<'a>(sources: &'a [Source], options: &'a Options) -> Result<Picture<'a>, FigureError> {
    let circles = sources.iter().map(|source| circle(source, options));
    let circles = circles.collect::<Result<Vec<Circle>, FigureError>>()?;
    let columns = circles.len().min(3);
    let rows = circles.len().div_ceil(columns.max(1));
    let width = if columns > 1 { PAGE } else { COLUMN };
    let size = (width, rows as f64 * (width / columns as f64 + 12.0));
    let draw = move |area: Area, canvas: &mut Canvas| {
        for (index, circle) in circles.iter().enumerate() {
            circle.draw(area.cell(index, (columns, rows), 8.0), canvas);
        }
    };
    Ok(Picture { size, draw: Box::new(draw) })
}

/// A permutation with its title and the line below it.
struct Circle {
    title: String,
    facts: String,
    sigma: Vec<u32>,
}

fn circle(source: &Source, options: &Options) -> Result<Circle, FigureError> {
    let layers = source.layers();
    let index = match &options.layer {
        Some(name) => source.layer(name)?,
        None => largest(layers),
    };
    let frame = source.frame(index)?;
    let (step, since) =
        source.state.frame.as_ref().map_or((0, 0), |(step, frame)| (*step, frame.since));
    let latest = sigma(&frame.before, &frame.after)
        .filter(|sigma| CycleSummary::of(sigma).moved > 0.0)
        .map(|sigma| (since, sigma));
    // In a frame recorded right after a sync nothing has moved since: show all moves since the
    // start.
    let all = || sigma(&ranking(&frame.initial_values), &frame.after).map(|sigma| (0, sigma));
    let (since, sigma) = latest.or_else(all).ok_or_else(|| {
        source.lacks("permutation", "the run ended before its weights were recorded twice")
    })?;
    let CycleSummary { cycles, fixed_points, longest, moved } = CycleSummary::of(&sigma);
    let cycles = if cycles == 1 { "1 cycle".into() } else { format!("{cycles} cycles") };
    Ok(Circle {
        title: format!("{}[{}], steps {since} to {step}", layers[index].name, frame.vector),
        facts: format!(
            "{} weights, {:.0} % moved: {cycles}, the longest {longest}; {fixed_points} fixed",
            sigma.len(),
            moved * 100.0
        ),
        sigma,
    })
}

/// Returns the layer with the most weights; the first of equals.
fn largest(layers: &[LayerInfo]) -> usize {
    let weights = |&layer: &usize| layers[layer].vectors * layers[layer].length;
    (0..layers.len()).rev().max_by_key(weights).unwrap_or_default()
}

/// Returns the permutation from one ranking to the other; `None` if they do not belong to one
/// vector.
fn sigma(before: &[u32], after: &[u32]) -> Option<Vec<u32>> {
    let length = before.len();
    let whole = length > 0 && is_ranking(before, length) && is_ranking(after, length);
    whole.then(|| permutation(before, after))
}

impl Circle {
    fn draw(&self, area: Area, canvas: &mut Canvas) {
        let (x, _) = area.centre();
        let title = (x, area.y + LARGE);
        canvas.text(title, Anchor::Middle, LARGE, Colour::INK, &self.title);
        canvas.text((x, area.bottom() - 2.0), Anchor::Middle, SMALL, Colour::INK, &self.facts);
        let inner = area.inside([4.0, LARGE + 8.0, 4.0, SMALL + 8.0]);
        let radius = inner.width.min(inner.height) / 2.0;
        let count = self.sigma.len();
        let position = |rank: u32| -> Position {
            let angle = TAU * f64::from(rank) / count as f64;
            (inner.centre().0 + radius * angle.cos(), inner.centre().1 - radius * angle.sin())
        };
        // The longer the vector, the thinner the chords, so that they do not merge into a blot.
        let width = (60.0 / count as f64).clamp(0.12, 0.8);
        for (index, members) in cycles(&self.sigma).iter().enumerate() {
            let chords = members.iter().map(|&rank| {
                bent(position(rank), position(self.sigma[rank as usize]), inner.centre(), radius)
            });
            let chords: Vec<[Position; 3]> = chords.collect();
            canvas.curves(&chords, Stroke::solid(cycle(index), width));
        }
        let dot = (radius * 1.3 / count as f64).clamp(0.1, 1.2);
        for rank in 0..count as u32 {
            canvas.disc(position(rank), dot, Colour::INK);
        }
    }
}

/// Returns a chord as a curve. A short one is bent inwards, away from the rim that would hide it.
fn bent(from: Position, to: Position, centre: Position, radius: f64) -> [Position; 3] {
    const DEEPEST: f64 = 0.78;
    let middle = ((from.0 + to.0) / 2.0 - centre.0, (from.1 + to.1) / 2.0 - centre.1);
    let inwards = (DEEPEST * radius / middle.0.hypot(middle.1).max(f64::MIN_POSITIVE)).min(1.0);
    [from, (centre.0 + middle.0 * inwards, centre.1 + middle.1 * inwards), to]
}
