//! From runs to a finished figure.

use super::canvas::{Anchor, Canvas, Colour, POINTS_PER_MILLIMETRE};
use super::error::FigureError;
use super::kind::Kind;
use super::options::Options;
use super::plot::LARGE;
use super::source::Source;

/// A drawn figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Figure {
    svg: String,
}

impl Figure {
    /// Returns the figure as an SVG file.
    pub(crate) fn svg(&self) -> &str {
        &self.svg
    }
}

/// Draws a figure of one kind from at least one run.
///
/// # Errors
/// If a run lacks the data that the figure shows, or if the runs do not differ in the quantity that
/// the figure varies.
pub(crate) fn draw(
    kind: Kind,
    sources: &[Source],
    options: &Options,
) -> Result<Figure, FigureError> {
    let picture = (kind.prepare)(sources, options)?;
    let (width, height) = picture.size;
    let points = |millimetres: f64| millimetres * POINTS_PER_MILLIMETRE;
    let mut canvas = Canvas::new(
        points(options.width.unwrap_or(width)),
        points(options.height.unwrap_or(height)),
    );
    let mut area = canvas.area().inside([3.0, 3.0, 3.0, 3.0]);
    if let Some(title) = &options.title {
        let baseline = (area.centre().0, area.y + LARGE + 1.0);
        canvas.text(baseline, Anchor::Middle, LARGE + 1.0, Colour::INK, title);
        area = area.inside([0.0, LARGE + 6.0, 0.0, 0.0]);
    }
    (picture.draw)(area, &mut canvas);
    let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    let alternative = format!("{} of {}", kind.name(), names.join(", "));
    Ok(Figure { svg: canvas.finish(options.title.as_deref().unwrap_or(&alternative)) })
}
