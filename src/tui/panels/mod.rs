//! The panels: each draws one view of a run into whatever area it gets.
//!
//! A panel is a pure function of a [`Scene`]; it keeps nothing between frames. Small, it shows one thing;
//! zoomed, the details too.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::chart::{Curve, Scale, TimeAxis, extent};
use super::theme::Theme;
use super::view::View;
use crate::experiment::WrapperName;
use crate::method::is_ranking;
use crate::run::{Mark, RunState, Series};
use crate::train::{Frame, LayerFrame, LayerInfo, Phase};

mod accuracy;
mod cycles;
mod distance;
mod distribution;
mod layers;
mod profiles;
mod reconnection;

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
    /// Percentiles of the weight vectors over time.
    Distribution,
    /// Sorted weight vectors.
    Profiles,
    /// The permutation of one weight vector.
    Cycles,
    /// One weight vector as an image at the start and now, or the connections of a weight-agnostic network.
    Reconnection,
    /// All layers in a table.
    Layers,
}

impl Panel {
    /// Every panel, in the order of the screen.
    pub const ALL: [Panel; 7] = [
        Panel::Accuracy,
        Panel::Distance,
        Panel::Distribution,
        Panel::Profiles,
        Panel::Cycles,
        Panel::Reconnection,
        Panel::Layers,
    ];

    /// The panel's name.
    pub fn title(self) -> &'static str {
        match self {
            Panel::Accuracy => "Accuracy",
            Panel::Distance => "Ranking distance",
            Panel::Distribution => "Weight distribution",
            Panel::Profiles => "Weight profiles",
            Panel::Cycles => "Permutation cycles",
            Panel::Reconnection => "Reconnection",
            Panel::Layers => "Layers",
        }
    }

    /// What it shows, and its most important numbers now (or at the cursor), for the border; the most
    /// important part first. Empty while there is nothing to tell.
    pub fn caption(self, scene: &Scene) -> Line<'static> {
        let parts = match self {
            Panel::Accuracy => accuracy::caption(scene),
            Panel::Distance => distance::caption(scene),
            Panel::Distribution => distribution::caption(scene),
            Panel::Profiles => profiles::caption(scene),
            Panel::Cycles => cycles::caption(scene),
            Panel::Reconnection => reconnection::caption(scene),
            Panel::Layers => layers::caption(scene),
        };
        let separator = if scene.theme.unicode { " · " } else { " - " };
        Line::styled(parts.join(separator), scene.theme.text)
    }

    /// The rows that it fills, border included, if it is not the more the better.
    pub fn needs(self, state: &RunState) -> Option<u16> {
        match self {
            Panel::Layers => Some(layers::rows(state)),
            _ => None,
        }
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
            Panel::Distribution => distribution::render(scene, area, buffer),
            Panel::Profiles => profiles::render(scene, area, buffer),
            Panel::Cycles => cycles::render(scene, area, buffer),
            Panel::Reconnection => reconnection::render(scene, area, buffer),
            Panel::Layers => layers::render(scene, area, buffer),
        }
    }
}

impl<'a> Scene<'a> {
    fn time(&self) -> TimeAxis<'a> {
        TimeAxis::new(self.state, self.view)
    }

    /// The changes made by hand that a chart can tell apart: of many of one kind in a row, within less than a column,
    /// only the last.
    fn marks(&self) -> Vec<Mark> {
        const COLUMNS: f64 = 1000.0;
        let time = self.time();
        let column = |mark: &Mark| (time.position(mark.step) * COLUMNS).floor();
        let kind = |mark: &Mark| mark.label.find('=').map(|end| mark.label[..end].to_owned());
        let mut marks: Vec<Mark> = Vec::new();
        for mark in self.state.marks.iter() {
            let again = |last: &mut Mark| column(last) == column(mark) && kind(last) == kind(mark);
            marks.pop_if(again);
            marks.push(mark.clone());
        }
        marks
    }

    /// The half-life of `series` in values that makes the view's in steps; 0, which is none, where a value is worth more
    /// steps than that.
    fn half_life(&self, series: &Series) -> f32 {
        let ends = series.get(0).zip(series.last()).filter(|((first, _), (last, _))| first < last);
        let Some(((first, _), (last, _))) = ends else { return 0.0 };
        let values = self.view.smoothing * (series.len() - 1) as f32 / (last - first) as f32;
        if values >= 0.5 { values } else { 0.0 }
    }

    /// A range for a quantity that falls from a high beginning: of the whole run, it shows what comes after the first
    /// tenth of the axis, with the beginning cut off at the top. A logarithmic axis and a part of the run show all.
    fn falling(&self, curves: &[Curve]) -> Scale {
        let time = self.time();
        let whole = extent(curves, time.from, &time).unwrap_or((0.0, 1.0));
        if self.view.log {
            return Scale::logarithmic(whole.0, whole.1);
        }
        let later = time.from + (time.to - time.from) / 10;
        let settled = extent(curves, later, &time).filter(|_| self.view.window.is_none());
        Scale::around(0f64.min(whole.0), settled.unwrap_or(whole).1)
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

    /// Whether the run trains by permuting.
    fn permutes(&self) -> bool {
        self.state.started.as_ref().is_some_and(|started| started.wrapper == WrapperName::Laperm)
    }

    /// How a list of layers points at the chosen one: a character and a style, for each.
    fn pointer(&self, layer: usize) -> (char, Style) {
        match layer == self.view.layer {
            true => (self.glyph('▸', '>'), self.theme.accent),
            false => (' ', self.theme.text),
        }
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
        let lines = wrapped(text, usize::from(area.width));
        let above = usize::from(area.height).saturating_sub(lines.len()) as u16 / 2;
        for (y, line) in (area.y + above..area.bottom()).zip(lines) {
            let line = Line::styled(line, self.theme.muted);
            let left = usize::from(area.width).saturating_sub(line.width()) as u16 / 2;
            buffer.set_line(area.x + left, y, &line, area.width - left);
        }
    }

    /// Lines of text, as many as fit.
    fn lines(&self, lines: Vec<Line>, area: Rect, buffer: &mut Buffer) {
        for (y, line) in (area.y..area.bottom()).zip(lines) {
            buffer.set_line(area.x, y, &line, area.width);
        }
    }

    /// A name and its value, in two columns.
    fn fact(&self, name: &str, value: String) -> Line<'static> {
        Line::from(vec![
            Span::styled(format!("{name:<9}"), self.theme.muted),
            Span::styled(value, self.theme.text),
        ])
    }
}

/// The marks without what they say, which stands in the chart above.
fn unlabelled(marks: Vec<Mark>) -> Vec<Mark> {
    marks.into_iter().map(|mark| Mark { label: String::new(), ..mark }).collect()
}

/// `text` in lines of at most `width` cells, broken between words.
fn wrapped(text: &str, width: usize) -> Vec<String> {
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

/// A share between 0 and 1 as a percentage; what is not a number is a dash.
fn percent(share: f64) -> String {
    match share * 100.0 {
        p if !p.is_finite() => "-".into(),
        p => format!("{p:.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::run::TimeUnit;
    use crate::run::{Distance, Scores};
    use crate::train::{LayerDistribution, LayerSync, Started};
    use crate::tui::theme::Depth;

    fn text(panel: Panel, state: &RunState, unicode: bool) -> String {
        let (view, theme) = (View::default(), Theme::new(Depth::None, unicode));
        let scene = Scene { state, view: &view, theme: &theme, zoomed: false };
        let area = Rect::new(0, 0, 38, 7);
        let mut buffer = Buffer::empty(area);
        panel.render(&scene, area, &mut buffer);
        buffer.content.iter().map(|cell| cell.symbol()).collect()
    }

    #[test]
    fn an_empty_run_says_so_kindly() {
        for panel in Panel::ALL {
            let text = text(panel, &RunState::default(), true);
            assert!(text.contains("Warming up"), "{panel:?}: {text}");
        }
    }

    #[test]
    fn a_message_breaks_between_words() {
        assert_eq!(wrapped("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrapped("immeasurable", 5), ["immeasurable"]);
        assert_eq!(wrapped("a b", 0), ["a", "b"]);
    }

    #[test]
    fn the_first_step_shows_in_the_accuracy() {
        let mut state = RunState::default();
        state.batch_accuracy.push(1, 0.12);
        assert!(text(Panel::Accuracy, &state, true).contains("batch 12.0"));
    }

    #[test]
    fn a_layer_without_distances_names_those_with() {
        let layer = |name: &str| LayerInfo { name: name.into(), length: 4, ..LayerInfo::default() };
        let started = Started { layers: vec![layer("a"), layer("b")], ..Started::default() };
        let mut state = RunState::default();
        state.started = Some(Arc::new(started));
        state.distance = vec![Distance::default(); 2];
        state.distance[1].mean.push(1, 2.0);
        assert!(text(Panel::Distance, &state, true).contains("Not measured for a, but for b."));
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
        let scale = |view: &View, step| {
            state.step = step;
            let scene = Scene { state: &state, view, theme: &theme, zoomed: false };
            let curve = Curve {
                series: &scene.state.loss,
                factor: 1.0,
                style: theme.text,
                look: super::super::chart::Look::Line,
                symbol: '*',
                names: ["loss", "loss"],
                smoothing: 0.0,
            };
            scene.falling(&[curve])
        };
        let mut scale = scale;
        assert_eq!(scale(&View::default(), 99), Scale::around(0.0, 0.7));
        let zoomed = View { window: Some((0, 100)), ..View::default() };
        assert_eq!(scale(&zoomed, 99), Scale::around(0.0, 90.0));
        let log = View { log: true, ..View::default() };
        assert_eq!(scale(&log, 99), Scale::logarithmic(0.7f32.into(), 90.0));
    }

    fn number() -> impl Strategy<Value = f32> {
        prop_oneof![
            6 => 0f32..1.0,
            1 => proptest::num::f32::ANY,
            1 => prop::sample::select(vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0]),
        ]
    }

    fn series() -> impl Strategy<Value = Series> {
        let step = prop_oneof![9 => 0u64..300, 1 => any::<u64>()];
        vec((step, number()), 0..40).prop_map(|points| {
            let mut series = Series::default();
            points.into_iter().for_each(|(step, value)| series.push(step, value));
            series
        })
    }

    fn ranks() -> impl Strategy<Value = Vec<u32>> {
        prop_oneof![
            3 => (0u32..40).prop_flat_map(|n| Just((0..n).collect::<Vec<_>>()).prop_shuffle()),
            1 => vec(any::<u32>(), 0..5),
        ]
    }

    fn layer_frame() -> impl Strategy<Value = LayerFrame> {
        let numbers = || vec(number(), 0..30);
        let bands = vec(numbers(), 0..6);
        let profile = (ranks(), numbers(), bands, number());
        let watched = (any::<usize>(), numbers(), numbers(), ranks(), ranks());
        (profile, watched, vec(any::<u8>(), 0..60)).prop_map(|(profile, watched, connections)| {
            let (mut positions, initial, bands, similarity) = profile;
            let (vector, initial_values, values, before, after) = watched;
            positions.sort_unstable();
            LayerFrame {
                positions,
                initial,
                bands,
                similarity,
                vector,
                initial_values,
                values,
                before,
                after,
                connections,
            }
        })
    }

    fn layer_distribution() -> impl Strategy<Value = LayerDistribution> {
        let numbers = || vec(number(), 0..12);
        (0usize..5, number(), number(), numbers(), numbers(), numbers()).prop_map(
            |(layer, min, max, p15, p50, p85)| LayerDistribution { layer, min, max, p15, p50, p85 },
        )
    }

    fn started() -> impl Strategy<Value = Started> {
        let layer = (vec(any::<usize>(), 0..4), any::<usize>(), any::<usize>(), "\\PC{0,20}");
        let layers = vec(layer, 0..5).prop_map(|layers| {
            let info = |(shape, vectors, length, name)| LayerInfo { name, shape, vectors, length };
            layers.into_iter().map(info).collect()
        });
        let limit = || prop_oneof![0u64..1000, any::<u64>()];
        (layers, limit(), limit()).prop_map(|(layers, steps_per_epoch, total_steps)| Started {
            layers,
            steps_per_epoch,
            total_steps,
            wrapper: "laperm".into(),
            ..Started::default()
        })
    }

    fn state() -> impl Strategy<Value = RunState> {
        let frame = (any::<u64>(), vec(layer_frame(), 0..4));
        let sync = (0usize..6, number(), number(), any::<usize>());
        let phase = prop::sample::select(vec![Phase::Starting, Phase::Running, Phase::Finished]);
        let head = (prop::option::of(started()), any::<u64>(), phase, any::<f64>());
        let mark = (any::<u64>(), "\\PC{0,12}");
        let looks = vec((0u64..300, vec(layer_distribution(), 0..4)), 0..9);
        let marks = (vec(mark, 0..4), looks);
        (head, vec(series(), 16), prop::option::of(frame), vec(sync, 0..6), marks).prop_map(
            |((started, step, phase, seconds), series, frame, syncs, (marks, looks))| {
                let mut series = series.into_iter();
                let mut next = || series.next().unwrap_or_default();
                let [test, before_sync, train] =
                    [(); 3].map(|()| Scores { accuracy: next(), loss: next() });
                let distance = (0..3)
                    .map(|_| Distance { mean: next(), sd: next(), ..Distance::default() })
                    .collect();
                let layer_sync =
                    |(layer, moved, distance, zeros)| LayerSync { layer, moved, distance, zeros };
                let frame = frame.map(|(since, layers)| (step, Arc::new(Frame { since, layers })));
                let mut state = RunState::default();
                state.started = started.map(Arc::new);
                state.step = if step.is_multiple_of(2) { step } else { step % 300 };
                (state.phase, state.seconds) = (phase, seconds);
                (state.test, state.before_sync, state.train) = (test, before_sync, train);
                (state.distance, state.frame) = (distance, frame);
                (state.loss, state.batch_accuracy, state.clock) = (next(), next(), next());
                state.layer_syncs = syncs.into_iter().map(layer_sync).collect();
                state.marks = marks.into_iter().map(|(step, label)| Mark { step, label }).collect();
                looks.iter().for_each(|(step, layers)| state.distribution.push(*step, layers));
                state
            },
        )
    }

    fn view() -> impl Strategy<Value = View> {
        let unit = prop::sample::select(vec![TimeUnit::Steps, TimeUnit::Epochs, TimeUnit::Seconds]);
        let step = || prop_oneof![0u64..300, any::<u64>()];
        let window = prop::option::of((step(), step()));
        let flags = (any::<bool>(), any::<bool>());
        (0usize..6, any::<usize>(), unit, window, prop::option::of(step()), number(), flags)
            .prop_map(|(layer, vector, unit, window, cursor, smoothing, (log, since_start))| View {
                layer,
                vector,
                unit,
                window,
                cursor,
                smoothing: smoothing * 20.0,
                log,
                since_start,
                ..View::default()
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn nothing_that_a_run_may_hold_breaks_a_panel(
            state in state(),
            view in view(),
            unicode in any::<bool>(),
            zoomed in any::<bool>(),
            (x, y, width, height) in (0u16..3, 0u16..3, 0u16..130, 0u16..50),
        ) {
            let theme = Theme::new(Depth::True, unicode);
            let scene = Scene { state: &state, view: &view, theme: &theme, zoomed };
            let area = Rect::new(x, y, width, height);
            let mut buffer = Buffer::empty(Rect::new(0, 0, width + 5, height + 5));
            for panel in Panel::ALL {
                panel.render(&scene, area, &mut buffer);
                prop_assert!(panel.caption(&scene).width() < 500);
            }
            for position in buffer.area.positions().filter(|p| !area.contains(*p)) {
                prop_assert_eq!(buffer[position].symbol(), " ");
            }
        }

        #[test]
        fn tiny_areas_are_left_alone(
            state in state(),
            view in view(),
            zoomed in any::<bool>(),
            size in prop::sample::select(vec![(0, 0), (1, 1), (5, 2), (0, 9), (9, 0), (1, 40), (90, 1)]),
        ) {
            let theme = Theme::new(Depth::None, true);
            let scene = Scene { state: &state, view: &view, theme: &theme, zoomed };
            let area = Rect::new(0, 0, size.0, size.1);
            let mut buffer = Buffer::empty(area);
            Panel::ALL.iter().for_each(|panel| panel.render(&scene, area, &mut buffer));
            prop_assert_eq!(buffer.area, area);
        }
    }
}
