//! The panels: each draws one view of a run into whatever area it gets.
//!
//! A panel is a pure function of a [`Scene`]; it keeps nothing between frames. Small, it shows one thing;
//! zoomed, the details too.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Widget, Wrap};

use super::chart::TimeAxis;
use super::theme::Theme;
use super::view::View;
use crate::run::RunState;
use crate::train::{Frame, LayerFrame, LayerInfo, Phase};

mod accuracy;
mod cycles;
mod distance;
mod profiles;

/// All that a panel draws from.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// What is known of the run.
    pub state: &'a RunState,
    /// What a person is looking at.
    pub view: &'a View,
    /// Colours and symbols.
    pub theme: &'a Theme,
    /// Whether the panel has the screen to itself, and shows its details.
    pub zoomed: bool,
}

/// A view of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Panel {
    /// Accuracy before and after synchronization, and the loss.
    Accuracy,
    /// Mean and SD of the ranking distance.
    Distance,
    /// Sorted weight vectors.
    Profiles,
    /// The permutation of one weight vector.
    Cycles,
}

impl Panel {
    /// Every panel, in the order of the screen.
    pub const ALL: [Panel; 4] =
        [Panel::Accuracy, Panel::Distance, Panel::Profiles, Panel::Cycles];

    /// The panel's name.
    pub fn title(self) -> &'static str {
        match self {
            Panel::Accuracy => "Accuracy",
            Panel::Distance => "Ranking distance",
            Panel::Profiles => "Weight profiles",
            Panel::Cycles => "Permutation cycles",
        }
    }

    /// What it shows, and its most important numbers now (or at the cursor), for the border; the most
    /// important part first. Empty while there is nothing to tell.
    pub fn caption(self, scene: &Scene) -> Line<'static> {
        let parts = match self {
            Panel::Accuracy => accuracy::caption(scene),
            Panel::Distance => distance::caption(scene),
            Panel::Profiles => profiles::caption(scene),
            Panel::Cycles => cycles::caption(scene),
        };
        let separator = if scene.theme.unicode { " · " } else { " - " };
        Line::styled(parts.join(separator), scene.theme.text)
    }

    /// Draws the panel into `area`, which lies inside the border.
    pub fn render(self, scene: &Scene, area: Rect, buffer: &mut Buffer) {
        let area = area.intersection(buffer.area);
        if area.is_empty() {
            return;
        }
        match self {
            Panel::Accuracy => accuracy::render(scene, area, buffer),
            Panel::Distance => distance::render(scene, area, buffer),
            Panel::Profiles => profiles::render(scene, area, buffer),
            Panel::Cycles => cycles::render(scene, area, buffer),
        }
    }
}

impl<'a> Scene<'a> {
    fn time(&self) -> TimeAxis<'a> {
        TimeAxis::new(self.state, self.view)
    }

    fn layers(&self) -> &'a [LayerInfo] {
        self.state.started.as_ref().map_or(&[], |started| &started.layers)
    }

    /// The chosen layer.
    fn layer(&self) -> Option<&'a LayerInfo> {
        self.layers().get(self.view.layer)
    }

    /// The newest look at the weights.
    fn frame(&self) -> Option<&'a Arc<Frame>> {
        self.state.frame.as_ref().map(|(_, frame)| frame)
    }

    /// The newest look at the chosen layer.
    fn layer_frame(&self) -> Option<&'a LayerFrame> {
        self.frame()?.layers.get(self.view.layer)
    }

    /// A character, or its stand-in where only ASCII may be drawn.
    fn glyph(&self, unicode: char, ascii: char) -> char {
        if self.theme.unicode { unicode } else { ascii }
    }

    /// Says why there is nothing to draw yet: `waiting` while there may be something soon.
    fn nothing_yet(&self, waiting: &str, area: Rect, buffer: &mut Buffer) {
        let text = match self.state.phase {
            Phase::Starting => "Warming up: the first step is on its way.",
            Phase::Finished => "The run ended before there was anything to show here.",
            Phase::Diverged => "The run diverged before there was anything to show here.",
            Phase::Running | Phase::Paused => waiting,
        };
        self.message(text, area, buffer);
    }

    /// A sentence in the middle of an otherwise empty panel.
    fn message(&self, text: &str, area: Rect, buffer: &mut Buffer) {
        let paragraph =
            Paragraph::new(text).style(self.theme.muted).alignment(Alignment::Center).wrap(Wrap { trim: true });
        let lines = text.len() as u16 / area.width.max(1) + 1;
        let [middle] = Layout::vertical([Constraint::Length(lines)])
            .flex(ratatui::layout::Flex::Center)
            .areas(area);
        paragraph.render(middle, buffer);
    }

    /// Lines of text, as many as fit.
    fn lines(&self, lines: Vec<Line>, area: Rect, buffer: &mut Buffer) {
        Paragraph::new(lines).render(area, buffer);
    }

    /// A name and its value, in two columns.
    fn fact(&self, name: &str, value: String) -> Line<'static> {
        Line::from(vec![
            Span::styled(format!("{name:<9}"), self.theme.muted),
            Span::styled(value, self.theme.text),
        ])
    }
}

/// A share between 0 and 1 as a percentage; what is not a number is a dash.
fn percent(share: f64) -> String {
    match share * 100.0 {
        p if !p.is_finite() => "-".into(),
        p => format!("{p:.0} %"),
    }
}
