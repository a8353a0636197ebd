//! `laperm figure KIND RUN…`

use std::path::Path;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use color_eyre::Result;

use super::output::{self, Picture};
use crate::figure::{Kind, Options, Source, draw};
use crate::run::TimeUnit;
use crate::run::find_run;

#[derive(Debug, Args)]
pub(super) struct FigureArguments {
    /// What to show.
    #[arg(value_enum)]
    kind: Kind,
    /// The runs: their folders, or their names in the folder of the runs. Those that differ only in their seed become
    /// one curve with a band of minimum and maximum.
    #[arg(required = true, value_name = "RUN")]
    shown: Vec<String>,
    /// The file to write: .svg or .png.
    #[arg(short, long, value_name = "FILE", value_parser = output::picture)]
    output: Picture,
    /// What time axes count.
    #[arg(long, value_enum, default_value_t = TimeUnit::Epochs)]
    x: TimeUnit,
    /// The layer to show: its name, or its number from 1.
    #[arg(long, value_name = "LAYER")]
    layer: Option<String>,
    /// Show what was known after this step; the end of the log where absent.
    #[arg(long)]
    step: Option<u64>,
    /// Smooth curves: the half-life, in values.
    #[arg(long, default_value_t = 0.0, value_name = "VALUES", value_parser = smoothing)]
    smooth: f64,
    /// Written above the figure.
    #[arg(long)]
    title: Option<String>,
    /// Width in millimetres.
    #[arg(long, value_name = "MM", value_parser = millimetres)]
    width: Option<f64>,
    /// Height in millimetres.
    #[arg(long, value_name = "MM", value_parser = millimetres)]
    height: Option<f64>,
    /// Dots per inch of a PNG.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u16).range(10..=2400))]
    dpi: u16,
}

impl ValueEnum for Kind {
    fn value_variants<'a>() -> &'a [Self] {
        &Kind::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()).help(self.about()))
    }
}

pub(super) fn run(arguments: &FigureArguments, runs: &Path) -> Result<()> {
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
