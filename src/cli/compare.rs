//! `laperm compare RUN…`

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::Args;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde::Serialize;
use toml::Value;

use super::failure::{InputError, Result};
use super::{output, screenshot};
use crate::run::{RunFolder, Summary, TimeUnit, find_run, read_events};
use crate::tui::{self, Compare, Depth, MOST_RUNS, Screen, Theme, render_compare, to_svg};

/// Show several runs side by side: curves, results, and the keys in which they differ.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    laperm compare 2026-11-22_140512 2026-11-22_151044\n  \
    laperm compare 2026-11-22 2026-11-23 --by epochs --svg compared.svg")]
pub(super) struct CompareArguments {
    /// Runs to compare: their folders, their names, or the beginnings of their names.
    #[arg(required = true, num_args = 2..=MOST_RUNS, value_name = "RUN")]
    compared: Vec<String>,
    /// Unit of the time axis, by which the curves are aligned.
    #[arg(long, value_enum, default_value_t, value_name = "UNIT")]
    by: TimeUnit,
    /// Print one JSON object: the results of the runs, and the keys in which they differ.
    #[arg(long, conflicts_with = "svg")]
    json: bool,
    /// Write the screen to this SVG file instead.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Size of the SVG in character cells.
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

pub(super) fn run(arguments: &CompareArguments, runs: &Path) -> Result {
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

fn draw(compare: &Compare, (columns, rows): (u16, u16), path: &Path) -> Result {
    let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
    render_compare(compare, &Theme::new(Depth::True, true), buffer.area, &mut buffer);
    output::file(path, to_svg(&buffer, "laperm: several runs compared").as_bytes())
}

fn show(compare: Compare) -> Result {
    if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        let message = "the screen needs a terminal on standard input and output; to compare \
                       without one, use --json or --svg FILE";
        return Err(InputError(message.into()).into());
    }
    let theme = Theme::load()?;
    tui::show(&mut Screen::open()?, tui::compare_view(compare), &theme);
    Ok(())
}
