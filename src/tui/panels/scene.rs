//! The data that panels draw from, and the parts that they share.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::experiment::WrapperName;
use crate::run::{Mark, RunState, Series};
use crate::train::{Frame, LayerFrame, LayerInfo, Phase};
use crate::tui::chart::{Curve, Scale, TimeAxis, extent};
use crate::tui::theme::Theme;
use crate::tui::view::View;

/// Everything that a panel is a function of.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    pub state: &'a RunState,
    /// Selection, zoom and cursor, shared by all panels.
    pub view: &'a View,
    pub theme: &'a Theme,
    /// Whether the panel fills the screen and shows its details.
    pub zoomed: bool,
}

impl<'a> Scene<'a> {
    pub(super) fn time(&self) -> TimeAxis<'a> {
        TimeAxis::new(self.state, self.view)
    }

    /// Returns the manual changes that a chart can tell apart. Of consecutive changes of one
    /// quantity less than a column apart, only the last is kept.
    pub(super) fn marks(&self) -> Vec<Mark> {
        const COLUMNS: f64 = 1000.0;
        let time = self.time();
        let column = |mark: &Mark| (time.position(mark.step) * COLUMNS).floor();
        let quantity = |mark: &Mark| mark.label.find('=').map(|end| mark.label[..end].to_owned());
        let mut marks: Vec<Mark> = Vec::new();
        for mark in self.state.marks.iter() {
            let replaced =
                |last: &mut Mark| column(last) == column(mark) && quantity(last) == quantity(mark);
            marks.pop_if(replaced);
            marks.push(mark.clone());
        }
        marks
    }

    /// Converts the view's half-life from steps to values of `series`. Returns 0, which disables
    /// smoothing, if it is less than half a value.
    pub(super) fn half_life(&self, series: &Series) -> f32 {
        let ends = series.get(0).zip(series.last()).filter(|((first, _), (last, _))| first < last);
        let Some(((first, _), (last, _))) = ends else { return 0.0 };
        let values = self.view.smoothing * (series.len() - 1) as f32 / (last - first) as f32;
        if values >= 0.5 { values } else { 0.0 }
    }

    /// Returns a range for a quantity that starts high and falls. For the whole run it fits the
    /// values after the first tenth of the axis and cuts off the high start. A logarithmic axis and
    /// a window into the run show everything.
    pub(super) fn falling(&self, curves: &[Curve]) -> Scale {
        let time = self.time();
        let whole = extent(curves, time.from, &time).unwrap_or((0.0, 1.0));
        if self.view.log {
            return Scale::logarithmic(whole.0, whole.1);
        }
        let later = time.from + (time.to - time.from) / 10;
        let settled = extent(curves, later, &time).filter(|_| self.view.window.is_none());
        Scale::around(0f64.min(whole.0), settled.unwrap_or(whole).1)
    }

    pub(super) fn layers(&self) -> &'a [LayerInfo] {
        self.state.started.as_ref().map_or(&[], |started| &started.layers)
    }

    /// Returns the selected layer.
    pub(super) fn layer(&self) -> Option<&'a LayerInfo> {
        self.layers().get(self.view.layer)
    }

    /// Returns the latest frame.
    pub(super) fn frame(&self) -> Option<&'a Arc<Frame>> {
        self.state.frame.as_ref().map(|(_, frame)| frame)
    }

    /// Returns the latest frame of the selected layer.
    pub(super) fn layer_frame(&self) -> Option<&'a LayerFrame> {
        self.frame()?.layers.get(self.view.layer)
    }

    /// Returns true if the run trains by permuting weights.
    pub(super) fn permutes(&self) -> bool {
        self.state.started.as_ref().is_some_and(|started| started.wrapper == WrapperName::Laperm)
    }

    /// Returns the marker and the style of a layer in a list, which show the selected one.
    pub(super) fn pointer(&self, layer: usize) -> (char, Style) {
        if layer == self.view.layer {
            (self.glyph('▸', '>'), self.theme.accent)
        } else {
            (' ', self.theme.text)
        }
    }

    /// Returns the first character, or the second on a terminal that is limited to ASCII.
    pub(super) fn glyph(&self, unicode: char, ascii: char) -> char {
        if self.theme.unicode { unicode } else { ascii }
    }

    /// Explains why the panel is empty: `waiting` while the run may still deliver data.
    pub(super) fn nothing_yet(&self, waiting: &str, area: Rect, buffer: &mut Buffer) {
        let text = match self.state.phase {
            Phase::Starting => "Warming up: the first step is in progress.",
            Phase::Finished => "The run ended before there was anything to show here.",
            Phase::Diverged => "The run diverged before there was anything to show here.",
            Phase::Running | Phase::Paused => waiting,
        };
        self.message(text, area, buffer);
    }

    /// Writes a sentence in the middle of an otherwise empty panel.
    pub(super) fn message(&self, text: &str, area: Rect, buffer: &mut Buffer) {
        let lines = wrapped(text, usize::from(area.width));
        let above = usize::from(area.height).saturating_sub(lines.len()) as u16 / 2;
        for (y, line) in (area.y + above..area.bottom()).zip(lines) {
            let line = Line::styled(line, self.theme.muted);
            let left = usize::from(area.width).saturating_sub(line.width()) as u16 / 2;
            buffer.set_line(area.x + left, y, &line, area.width - left);
        }
    }

    /// Writes lines from the top, as many as fit.
    pub(super) fn lines(&self, lines: Vec<Line>, area: Rect, buffer: &mut Buffer) {
        for (y, line) in (area.y..area.bottom()).zip(lines) {
            buffer.set_line(area.x, y, &line, area.width);
        }
    }

    /// Returns a line of a name and its value in two columns.
    pub(super) fn fact(&self, name: &str, value: String) -> Line<'static> {
        Line::from(vec![
            Span::styled(format!("{name:<9}"), self.theme.muted),
            Span::styled(value, self.theme.text),
        ])
    }
}

/// Removes the labels of marks that the chart above already names.
pub(super) fn unlabelled(marks: Vec<Mark>) -> Vec<Mark> {
    marks.into_iter().map(|mark| Mark { label: String::new(), ..mark }).collect()
}

/// Breaks `text` between words into lines of at most `width` cells. A longer word gets its own
/// line.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last().map_or(0, |line| Span::raw(line).width());
        if line > 0 && line + 1 + Span::raw(word).width() > width {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            line.extend((!line.is_empty()).then_some(' '));
            line.push_str(word);
        }
    }
    lines
}

/// Formats a share from 0 to 1 as a whole percentage; `-` for a non-finite value.
pub(super) fn percent(share: f64) -> String {
    match share * 100.0 {
        p if !p.is_finite() => "-".into(),
        p => format!("{p:.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::chart::Look;
    use crate::tui::theme::Depth;

    #[test]
    fn a_message_breaks_between_words() {
        assert_eq!(wrapped("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrapped("immeasurable", 5), ["immeasurable"]);
        assert_eq!(wrapped("a b", 0), ["a", "b"]);
    }

    #[test]
    fn smoothing_over_steps_is_smoothing_over_the_values_taken_in_them() {
        let (state, theme) = (RunState::default(), Theme::new(Depth::None, true));
        let view = View { smoothing: 100.0, ..View::default() };
        let scene = Scene { state: &state, view: &view, theme: &theme, zoomed: false };
        let every = |stride: u64| {
            let mut series = Series::default();
            (0..11).for_each(|i| series.push(i * stride, 1.0));
            scene.half_life(&series)
        };
        assert_eq!([1, 20, 200, 1000].map(every), [100.0, 5.0, 0.5, 0.0]);
        assert_eq!(scene.half_life(&Series::default()), 0.0);
    }

    #[test]
    fn the_beginning_of_a_falling_quantity_is_cut_off_once_it_is_over() {
        let theme = Theme::new(Depth::None, true);
        let mut state = RunState::default();
        (0..100u64).for_each(|step| state.loss.push(step, if step < 5 { 90.0 } else { 0.7 }));
        let mut scale = |view: &View, step| {
            state.step = step;
            let scene = Scene { state: &state, view, theme: &theme, zoomed: false };
            let curve = Curve {
                series: &scene.state.loss,
                factor: 1.0,
                style: theme.text,
                look: Look::Line,
                symbol: '*',
                names: ["loss", "loss"],
                smoothing: 0.0,
            };
            scene.falling(&[curve])
        };
        assert_eq!(scale(&View::default(), 99), Scale::around(0.0, 0.7));
        let zoomed = View { window: Some((0, 100)), ..View::default() };
        assert_eq!(scale(&zoomed, 99), Scale::around(0.0, 90.0));
        let log = View { log: true, ..View::default() };
        assert_eq!(scale(&log, 99), Scale::logarithmic(0.7f32.into(), 90.0));
    }
}
