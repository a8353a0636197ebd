//! `laperm screenshot RUN`

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::failure::{InputError, Result};
use super::output::{self, Picture};
use crate::run::find_run;
use crate::session::{Replay, Target, Transport};
use crate::tui::{App, Depth, Theme, render, to_svg, to_text};

/// Draw the screen of a run as SVG, PNG or text.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    laperm screenshot 2026-11-22 -o screen.png\n  \
    laperm screenshot 2026-11-22 --step 500 --panel 2 --size 200x60 > distance.svg")]
pub(super) struct ScreenshotArguments {
    /// Run to show: its folder, its name, or the beginning of its name.
    run: String,
    /// Size of the screen in character cells, at most 1000x500.
    #[arg(long, default_value = "120x36", value_name = "COLUMNSxROWS", value_parser = size)]
    size: (u16, u16),
    /// Draw the state after this training step [default: the end of the log].
    #[arg(long, value_name = "STEP")]
    step: Option<u64>,
    /// Zoom into this panel, counted from 1.
    #[arg(long, value_name = "N")]
    panel: Option<usize>,
    /// Select this layer, counted from 1.
    #[arg(long, value_name = "N")]
    layer: Option<usize>,
    /// File to write: .svg, .png, or .txt for the characters alone [default: SVG on standard
    /// output].
    #[arg(short, long, value_name = "FILE", value_parser = file)]
    output: Option<Output>,
}

/// The file of a screenshot.
#[derive(Debug, Clone)]
enum Output {
    Picture(Picture),
    Text(PathBuf),
}

/// Pixels of a PNG per unit of the SVG, in which a character cell is 9 units wide and 18 high.
const SCALE: f64 = 2.0;

pub(super) fn run(arguments: &ScreenshotArguments, runs: &Path) -> Result {
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
    let svg = || to_svg(&buffer, &format!("laperm: {}", folder.name()));
    match &arguments.output {
        None => output::text(&svg()),
        Some(Output::Picture(picture)) => picture.write(&svg(), SCALE),
        Some(Output::Text(path)) => output::file(path, to_text(&buffer).as_bytes()),
    }
}

/// Parses the name of the output file.
fn file(text: &str) -> Result<Output, String> {
    let path = Path::new(text);
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("txt")) {
        return Ok(Output::Text(path.into()));
    }
    let picture = output::picture(text).map(Output::Picture);
    picture.map_err(|_| "the file must end in .svg, .png or .txt".into())
}

/// Parses a size in character cells, such as `120x36`.
pub(super) fn size(text: &str) -> Result<(u16, u16), String> {
    let parsed = text
        .split_once('x')
        .and_then(|(columns, rows)| Some((columns.parse().ok()?, rows.parse().ok()?)));
    let size = parsed
        .ok_or_else(|| format!("`{text}` is not of the form COLUMNSxROWS, such as 120x36"))?;
    match size {
        (1..=1000, 1..=500) => Ok(size),
        _ => Err("must be 1x1 to 1000x500".into()),
    }
}
