//! The type of a panel.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::scene::Scene;
use crate::figure::Kind;
use crate::run::RunState;

/// One panel of the run view.
#[derive(Debug, Clone, Copy)]
pub struct Panel {
    pub(super) title: &'static str,
    /// Returns the parts of the caption, the most important first; none while there is no data.
    pub(super) caption: fn(&Scene) -> Vec<String>,
    pub(super) render: fn(&Scene, Rect, &mut Buffer),
    /// Returns the number of rows that the panel fills, border included; `None` for a panel that
    /// makes use of any height.
    pub(super) rows: Option<fn(&RunState) -> u16>,
    /// The figure that shows the same.
    pub(super) figure: Option<Kind>,
    /// Whether the zoomed panel has a horizontal axis of ranks, along which a cursor moves.
    pub(super) has_rank_axis: bool,
}

impl Panel {
    pub fn title(&self) -> &'static str {
        self.title
    }

    /// Returns the caption for the border: what the panel shows, and its main values now or at the
    /// cursor. Empty while there is no data.
    pub fn caption(&self, scene: &Scene) -> Line<'static> {
        let separator = if scene.theme.unicode { " · " } else { " - " };
        Line::styled((self.caption)(scene).join(separator), scene.theme.text)
    }

    /// Returns the number of rows that the panel fills, border included; `None` if any height is of
    /// use.
    pub fn needs(&self, state: &RunState) -> Option<u16> {
        self.rows.map(|rows| rows(state))
    }

    /// Draws the panel into `area`, the inside of its border.
    pub fn render(&self, scene: &Scene, area: Rect, buffer: &mut Buffer) {
        let area = area.intersection(buffer.area);
        if !area.is_empty() {
            (self.render)(scene, area, buffer);
        }
    }

    /// Returns the kind of figure that shows the same, if there is one.
    pub fn figure(&self) -> Option<Kind> {
        self.figure
    }

    /// Returns true if the zoomed panel has a cursor along ranks.
    pub fn has_rank_axis(&self) -> bool {
        self.has_rank_axis
    }
}
