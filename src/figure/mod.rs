//! The paper's figures, drawn from runs: as SVG for print and the web, and as PNG made from that
//! SVG.
//!
//! ```text
//! run folders ─► Source ─► draw(Kind, …) ─► Figure ─► SVG ─► PNG
//! ```
//!
//! A [`Kind`] is a file in `kinds/`. It reads the states of the runs, turns them into curves
//! (`curves`) and lays out plots (`layout`, `plot`) on a page (`canvas`). Runs that differ only in
//! their seed become one curve with a band (`source`). The same runs always give the same bytes.

mod accuracy;
mod canvas;
mod curves;
mod draw;
mod error;
mod kind;
pub(crate) mod kinds;
mod layout;
mod options;
mod plot;
mod raster;
mod scale;
mod source;
mod style;
mod sweep;

pub(crate) use canvas::escaped;
pub(crate) use draw::draw;
pub(crate) use error::FigureError;
pub(crate) use kind::Kind;
pub(crate) use options::Options;
pub(crate) use raster::{PngError, to_png};
pub(crate) use scale::round_up;
pub(crate) use scale::short;
pub(crate) use scale::{Scale, Tick, significant};
pub(crate) use source::Source;
