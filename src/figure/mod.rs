//! The paper's figures, drawn from runs: SVG for print and the web, and PNG from that very SVG.
//!
//! ```text
//! run folders ─► Source ─► draw(Kind, …) ─► Figure ─► SVG ─► PNG
//! ```
//!
//! A [`Kind`] is a file in `kinds/`: it reads what it needs from the runs' states, turns it into curves (`curves`) and lays
//! out plots (`plot`) on a page (`canvas`). Runs that differ only in their seed become one curve with a band (`source`).
//! The same runs give the same bytes.

mod canvas;
mod curves;
mod kinds;
mod plot;
mod raster;
mod scale;
mod source;
mod style;

use crate::run::{ReadError, TimeUnit};

pub use canvas::escaped;
use canvas::{Canvas, POINTS_PER_MILLIMETRE};
pub use kinds::Kind;
pub use raster::{PngError, to_png};
pub(crate) use scale::round_up;
pub use scale::{Scale, Tick, short, significant};
pub use source::Source;

/// Title of a figure's time axis.
fn axis_title(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Steps => "training step",
        TimeUnit::Epochs => "epoch",
        TimeUnit::Seconds => "time (s)",
    }
}

/// How a figure is drawn, where its kind leaves a choice.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// What time axes count.
    pub unit: TimeUnit,
    /// The layer to draw: its name, or its number from 1; the kind's own choice where absent.
    pub layer: Option<String>,
    /// Written above the figure; nothing where absent.
    pub title: Option<String>,
    /// Millimetres; the kind's own width where absent.
    pub width: Option<f64>,
    /// Millimetres; the kind's own height where absent.
    pub height: Option<f64>,
    /// Half-life of the smoothing of curves, in values; 0 is none.
    pub smoothing: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            unit: TimeUnit::Epochs,
            layer: None,
            title: None,
            width: None,
            height: None,
            smoothing: 0.0,
        }
    }
}

/// A figure that cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub enum FigureError {
    /// A run cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A run lacks what the figure shows.
    #[error("run {run} has no {what}: {advice}")]
    Missing {
        /// The run.
        run: String,
        /// What it lacks.
        what: &'static str,
        /// How to get it.
        advice: &'static str,
    },
    /// No layer of a run is called so.
    #[error("run {run} has no layer {layer}; it has {known}")]
    Layer {
        /// The run.
        run: String,
        /// What was asked for.
        layer: String,
        /// The names of its layers.
        known: String,
    },
    /// The runs do not differ in what the figure is about.
    #[error(
        "a figure of {kind} needs runs with several values of {quantity}; all of these have {quantity} = {value}"
    )]
    Same {
        /// The figure.
        kind: &'static str,
        /// What they should differ in.
        quantity: &'static str,
        /// What they have in common.
        value: String,
    },
    /// It cannot be turned into pixels.
    #[error(transparent)]
    Png(#[from] PngError),
}

/// A figure, drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    svg: String,
}

impl Figure {
    /// As an SVG file.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// As a PNG file with so many dots per inch.
    ///
    /// # Errors
    /// Pixels that do not fit into memory.
    pub fn png(&self, dpi: f64) -> Result<Vec<u8>, PngError> {
        to_png(&self.svg, dpi / 96.0)
    }
}

/// Draws a figure of this kind.
///
/// # Errors
/// A run that lacks what the figure shows, or runs that do not differ in what it is about.
pub fn draw(kind: Kind, sources: &[Source], options: &Options) -> Result<Figure, FigureError> {
    let picture = kind.prepare(sources, options)?;
    let (width, height) = picture.size;
    let points = |millimetres: f64| millimetres * POINTS_PER_MILLIMETRE;
    let mut canvas = Canvas::new(
        points(options.width.unwrap_or(width)),
        points(options.height.unwrap_or(height)),
    );
    let mut area = canvas.area().inside([3.0, 3.0, 3.0, 3.0]);
    if let Some(title) = &options.title {
        let place = (area.centre().0, area.y + plot::LARGE + 1.0);
        canvas.text(place, canvas::Anchor::Middle, plot::LARGE + 1.0, canvas::Colour::INK, title);
        area = area.inside([0.0, plot::LARGE + 6.0, 0.0, 0.0]);
    }
    (picture.draw)(area, &mut canvas);
    let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    let alternative = format!("{} of {}", kind.name(), names.join(", "));
    Ok(Figure { svg: canvas.finish(options.title.as_deref().unwrap_or(&alternative)) })
}
