//! `laperm compare RUN…`

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::Args;
use color_eyre::Result;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde::Serialize;
use toml::Value;

use super::{InputError, output, screenshot};
use crate::run::TimeUnit;
use crate::run::{RunFolder, Summary, find_run, read_events};
use crate::tui::{self, Compare, Depth, MOST_RUNS, Screen, Theme, render_compare, to_svg};

#[derive(Debug, Args)]
pub(super) struct CompareArguments {
    /// The runs: their folders, or their names in the folder of the runs.
    #[arg(required = true, num_args = 2..=MOST_RUNS, value_name = "RUN")]
    compared: Vec<String>,
    /// Align the curves by this.
    #[arg(long, value_enum, default_value_t)]
    by: TimeUnit,
    /// Print one JSON object: what the runs have come to, and in what they differ.
    #[arg(long, conflicts_with = "svg")]
    json: bool,
    /// Draw the screen into this SVG file.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Columns and rows of the picture.
    #[arg(
        long,
        requires = "svg",
        default_value = "120x36",
        value_name = "COLUMNSxROWS",
        value_parser = screenshot::size
    )]
    size: (u16, u16),
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    runs: Vec<&'a Summary>,
    differences: BTreeMap<&'a str, &'a [Option<Value>]>,
}

pub(super) fn run(arguments: &CompareArguments, runs: &Path) -> Result<()> {
    let found = arguments.compared.iter().map(|run| find_run(runs, run));
    let folders = found.collect::<Result<Vec<RunFolder>, _>>()?;
    let mut compare = Compare::new(&folders)?;
    compare.align_by(arguments.by);
    if arguments.json || arguments.svg.is_some() {
        for (index, folder) in folders.iter().enumerate() {
            compare.take_all(index, &read_events(folder)?);
        }
    }
    match &arguments.svg {
        _ if arguments.json => output::json(&report(&compare)),
        Some(path) => draw(&compare, arguments.size, path),
        None => show(compare),
    }
}

fn report(compare: &Compare) -> Report<'_> {
    let differences = compare.differences().iter();
    Report {
        runs: compare.summaries().collect(),
        differences: differences.map(|d| (d.key.as_str(), d.values.as_slice())).collect(),
    }
}

fn draw(compare: &Compare, (columns, rows): (u16, u16), path: &Path) -> Result<()> {
    let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
    render_compare(compare, &Theme::new(Depth::True, true), buffer.area, &mut buffer);
    output::file(path, to_svg(&buffer, "laperm: several runs compared").as_bytes())
}

fn show(compare: Compare) -> Result<()> {
    if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        let message = "the screen needs a terminal on standard input and output; compare without one by \
                       --json or --svg FILE";
        return Err(InputError(message.into()).into());
    }
    let theme = Theme::load()?;
    tui::show(&mut Screen::open()?, tui::compare_view(compare), &theme);
    Ok(())
}
