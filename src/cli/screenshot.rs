//! `laperm screenshot RUN`

use std::path::Path;
use std::time::Instant;

use clap::Args;
use color_eyre::Result;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::InputError;
use super::output::{self, Picture};
use crate::run::find_run;
use crate::session::{Replay, Target, Transport};
use crate::tui::{App, Depth, Theme, render, to_svg};

#[derive(Debug, Args)]
pub(super) struct ScreenshotArguments {
    /// The run: its folder, or its name in the folder of the runs.
    run: String,
    /// Columns and rows.
    #[arg(long, default_value = "120x36", value_name = "COLUMNSxROWS", value_parser = size)]
    size: (u16, u16),
    /// Show what was known after this step; the end of the log where absent.
    #[arg(long)]
    step: Option<u64>,
    /// Zoom this panel, counted from 1.
    #[arg(long)]
    panel: Option<usize>,
    /// Choose this layer, counted from 1.
    #[arg(long)]
    layer: Option<usize>,
    /// The file to write, .svg or .png; SVG to standard output where absent.
    #[arg(short, long, value_name = "FILE", value_parser = output::picture)]
    output: Option<Picture>,
}

/// Pixels of a PNG for each of the SVG's, in which a character is 9 wide and 18 high.
const SCALE: f64 = 2.0;

pub(super) fn run(arguments: &ScreenshotArguments, runs: &Path) -> Result<()> {
    let folder = find_run(runs, &arguments.run)?;
    let mut replay = Replay::open(folder.clone())?;
    if let Some(step) = arguments.step {
        replay.obey(Transport::To(Target::Step(step)), Instant::now()).map_err(InputError)?;
    }
    if let Some(news) = replay.take_news() {
        eprintln!("warning: {news}");
    }
    let mut app = App::new(false);
    app.set_state(replay.state());
    if let Some(layer) = arguments.layer {
        app.choose_layer(layer.saturating_sub(1));
    }
    if let Some(panel) = arguments.panel {
        app.zoom_panel(panel.saturating_sub(1));
    }
    let (columns, rows) = arguments.size;
    let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
    let area = buffer.area;
    render(&app, &Theme::new(Depth::True, true), area, &mut buffer);
    let svg = to_svg(&buffer, &format!("laperm: {}", folder.name()));
    match &arguments.output {
        None => output::text(&svg),
        Some(picture) => picture.write(&svg, SCALE),
    }
}

pub(super) fn size(text: &str) -> Result<(u16, u16), String> {
    let parsed = text
        .split_once('x')
        .and_then(|(columns, rows)| Some((columns.parse().ok()?, rows.parse().ok()?)));
    let size = parsed.ok_or_else(|| format!("`{text}` is not columns x rows, such as 120x36"))?;
    match size {
        (1..=1000, 1..=500) => Ok(size),
        _ => Err("must be 1x1 to 1000x500".into()),
    }
}
