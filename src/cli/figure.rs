//! `laperm figure KIND RUN…`

use std::path::Path;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use super::failure::Result;
use super::output::{self, Picture};
use crate::figure::{Kind, Options, Source, draw};
use crate::run::{TimeUnit, find_run};

/// Draw one of the paper's figures from runs, as SVG or PNG.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    laperm figure accuracy 2026-11-22_140512 2026-11-22_151044 -o accuracy.svg\n  \
    laperm figure ranking-distance 2026-11-22 --x steps -o distance.png --dpi 600")]
pub(super) struct FigureArguments {
    /// Figure to draw.
    #[arg(value_enum)]
    kind: Kind,
    /// Runs to draw: their folders, their names, or the beginnings of their names. Runs that differ
    /// only in their seed become one curve with a band from minimum to maximum.
    #[arg(required = true, value_name = "RUN")]
    shown: Vec<String>,
    /// File to write; its extension, .svg or .png, selects the format.
    #[arg(short, long, value_name = "FILE", value_parser = output::picture)]
    output: Picture,
    /// Unit of time axes.
    #[arg(long, value_enum, default_value_t = TimeUnit::Epochs, value_name = "UNIT")]
    x: TimeUnit,
    /// Layer to show: its name, or its number counted from 1.
    #[arg(long, value_name = "LAYER")]
    layer: Option<String>,
    /// Draw the state after this training step [default: the end of the log].
    #[arg(long, value_name = "STEP")]
    step: Option<u64>,
    /// Smooth curves exponentially with this half-life, as a number of values; 0 is off.
    #[arg(long, default_value_t = 0.0, value_name = "VALUES", value_parser = smoothing)]
    smooth: f64,
    /// Title above the figure.
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Width in millimetres, 20 to 2000 [default: depends on the figure].
    #[arg(long, value_name = "MM", value_parser = millimetres)]
    width: Option<f64>,
    /// Height in millimetres, 20 to 2000 [default: depends on the figure].
    #[arg(long, value_name = "MM", value_parser = millimetres)]
    height: Option<f64>,
    /// Resolution of a PNG in dots per inch, 10 to 2400.
    #[arg(
        long,
        default_value_t = 300,
        value_name = "N",
        value_parser = clap::value_parser!(u16).range(10..=2400)
    )]
    dpi: u16,
}

impl ValueEnum for Kind {
    fn value_variants<'a>() -> &'a [Self] {
        Kind::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()).help(self.about()))
    }
}

pub(super) fn run(arguments: &FigureArguments, runs: &Path) -> Result {
    let mut sources = Vec::new();
    for run in &arguments.shown {
        sources.push(Source::read(&find_run(runs, run)?, arguments.step)?);
    }
    let options = Options {
        unit: arguments.x,
        layer: arguments.layer.clone(),
        title: arguments.title.clone(),
        width: arguments.width,
        height: arguments.height,
        smoothing: arguments.smooth,
    };
    let figure = draw(arguments.kind, &sources, &options)?;
    arguments.output.write(figure.svg(), f64::from(arguments.dpi) / 96.0)
}

fn millimetres(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(size) if (20.0..=2000.0).contains(&size) => Ok(size),
        _ => Err("must be 20 to 2000 millimetres".into()),
    }
}

fn smoothing(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(values) if (0.0..=1e6).contains(&values) => Ok(values),
        _ => Err("must be 0 to 1000000 values".into()),
    }
}
