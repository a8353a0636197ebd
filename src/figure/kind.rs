//! The type of a kind of figure.

use super::canvas::{Area, Canvas};
use super::error::FigureError;
use super::options::Options;
use super::source::Source;

/// A kind of figure.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) is_of_one_layer: bool,
    pub(super) prepare: for<'a> fn(&'a [Source], &'a Options) -> Result<Picture<'a>, FigureError>,
}

/// A figure for which all data is there, ready to be drawn.
pub(super) struct Picture<'a> {
    /// Default width and height, in millimetres.
    pub size: (f64, f64),
    /// Draws the figure into an area of the page.
    pub draw: Box<Drawing<'a>>,
}

type Drawing<'a> = dyn Fn(Area, &mut Canvas) + 'a;

impl Kind {
    /// Returns the name on the command line.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Describes the kind in a line.
    pub fn about(&self) -> &'static str {
        self.about
    }

    /// Returns true if the figure shows a single layer, and false if it shows all of them or none.
    pub fn is_of_one_layer(&self) -> bool {
        self.is_of_one_layer
    }
}
