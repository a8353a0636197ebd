//! Mean and standard deviation of the ranking distance of one training step, as a ratio of the
//! weight vector's length (the paper's section 3 and figure 3), for the selected layer or for all
//! layers on one axis. A sharp rise of the mean in a saturated phase is marked and, when zoomed,
//! explained with its values: it may be a sign of overfitting (appendix A.3).

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use super::panel::Panel;
use super::scene::{Scene, unlabelled, wrapped};
use crate::figure::kinds;
use crate::run::{Distance, Mark, Series, SharpRise};
use crate::tui::chart::{Chart, Curve, Look, significant};

pub(super) const PANEL: Panel = Panel {
    title: "Ranking distance",
    caption,
    render,
    rows: None,
    figure: Some(kinds::distance::KIND),
    has_rank_axis: false,
};

/// Columns of the list of layers beside the zoomed charts.
const LIST: u16 = 40;

fn caption(scene: &Scene) -> Vec<String> {
    let rise = latest_rise(scene)
        .map(|(_, rise, _)| format!("{} rise at {}", sign(scene), scene.time().readout(rise.step)));
    if scene.view.all_layers {
        let any = monitored(scene).next().map(|_| "all layers".to_owned());
        return any.into_iter().chain(rise).collect();
    }
    let (Some(layer), Some((distance, factor))) = (scene.layer(), chosen(scene)) else {
        return Vec::new();
    };
    let number = |series| significant(now(scene, series) * factor);
    let numbers = format!("mean {}  SD {}", number(&distance.mean), number(&distance.sd));
    let numbers = scene.zoomed.then_some(numbers);
    [layer.name.clone()].into_iter().chain(numbers).chain(rise).collect()
}

fn render(scene: &Scene, area: Rect, buffer: &mut Buffer) {
    let shown = if scene.view.all_layers {
        monitored(scene).next().is_some()
    } else {
        chosen(scene).is_some()
    };
    if !shown {
        return nothing(scene, area, buffer);
    }
    if !scene.zoomed || area.height < 16 {
        let title = if scene.view.all_layers { "mean" } else { "" };
        return chart(scene, title, &together(scene), &marks(scene)).render(area, buffer);
    }
    let hint = hint(scene, usize::from(area.width));
    let [area, below] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(hint.len() as u16)]).areas(area);
    scene.lines(hint, below, buffer);
    let list = if area.width >= 3 * LIST { LIST } else { 0 };
    let [charts, side] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Length(list)]).areas(area);
    let [above, below] = Layout::vertical([Constraint::Fill(1); 2]).areas(charts);
    let mean = apart(scene, |distance| &distance.mean);
    let marks = marks(scene);
    Chart { labels_below: false, ..chart(scene, "mean / length", &mean, &marks) }
        .render(above, buffer);
    let sd = apart(scene, |distance| &distance.sd);
    chart(scene, "SD / length", &sd, &unlabelled(marks)).render(below, buffer);
    layers(scene, side, buffer);
}

/// Returns the curves of a single chart: mean and SD of the selected layer, or the means of all.
fn together<'a>(scene: &Scene<'a>) -> Vec<Curve<'a>> {
    match chosen(scene).filter(|_| !scene.view.all_layers) {
        None => overlaid(scene, |distance| &distance.mean),
        Some((distance, factor)) => vec![
            curve(scene, &distance.sd, factor, 1, ["SD / length", "SD"]),
            curve(scene, &distance.mean, factor, 0, ["mean / length", "mean"]),
        ],
    }
}

/// Returns the curves of a chart of either mean or SD: that of the selected layer, or those of all.
fn apart<'a>(scene: &Scene<'a>, pick: fn(&Distance) -> &Series) -> Vec<Curve<'a>> {
    match (chosen(scene).filter(|_| !scene.view.all_layers), scene.layer()) {
        (Some((distance, factor)), Some(layer)) => {
            vec![curve(scene, pick(distance), factor, 0, [&layer.name; 2])]
        }
        _ => overlaid(scene, pick),
    }
}

fn nothing(scene: &Scene, area: Rect, buffer: &mut Buffer) {
    let monitored: Vec<&str> =
        monitored(scene).map(|(i, _, _)| scene.layers()[i].name.as_str()).collect();
    match scene.layer() {
        Some(layer) if !monitored.is_empty() => {
            let others = monitored.join(", ");
            let text = format!("Not measured for {}, but for {others}.", layer.name);
            scene.message(&text, area, buffer);
        }
        _ => scene.nothing_yet("No ranking distance has been measured yet.", area, buffer),
    }
}

/// Returns the layers with a measured distance: index, distances, and the factor from ranks to a
/// ratio of the length.
fn monitored<'a>(scene: &Scene<'a>) -> impl Iterator<Item = (usize, &'a Distance, f64)> {
    let pairs = scene.state.distance.iter().zip(scene.layers());
    let known = pairs.enumerate().filter(|(_, (distance, _))| !distance.mean.is_empty());
    known.map(|(i, (distance, layer))| (i, distance, 1.0 / layer.length.max(1) as f64))
}

fn chosen<'a>(scene: &Scene<'a>) -> Option<(&'a Distance, f64)> {
    let found = monitored(scene).find(|&(i, _, _)| i == scene.view.layer);
    found.map(|(_, distance, factor)| (distance, factor))
}

/// Returns the latest value, or the one at the cursor; NaN if there is none.
fn now(scene: &Scene, series: &Series) -> f64 {
    let point = match scene.view.cursor {
        Some(step) => series.at(step),
        None => series.last(),
    };
    point.map_or(f64::NAN, |(_, value)| f64::from(value))
}

fn curve<'a>(
    scene: &Scene<'a>,
    series: &'a Series,
    factor: f64,
    index: usize,
    names: [&'a str; 2],
) -> Curve<'a> {
    Curve {
        series,
        factor,
        style: scene.theme.series(index),
        look: Look::Line,
        symbol: [scene.glyph('●', '*'), scene.glyph('○', 'o')][index % 2],
        names,
        smoothing: scene.half_life(series),
    }
}

/// Returns one curve per monitored layer, the selected one on top. That many lines are readable
/// only as trends.
fn overlaid<'a>(scene: &Scene<'a>, pick: fn(&Distance) -> &Series) -> Vec<Curve<'a>> {
    /// Default half-life of the trends, in values.
    const CALM: f32 = 50.0;
    let of = monitored(scene).count() as u16;
    let mut curves: Vec<(usize, Curve)> = monitored(scene)
        .zip(0..)
        .map(|((i, distance, factor), turn)| {
            let curve = curve(scene, pick(distance), factor, i, [&scene.layers()[i].name, ""]);
            let smoothing = if curve.smoothing > 0.0 { curve.smoothing } else { CALM };
            (i, Curve { look: Look::Marked(turn, of), symbol: number(i), smoothing, ..curve })
        })
        .collect();
    curves.sort_by_key(|&(i, _)| (i == scene.view.layer, std::cmp::Reverse(i)));
    curves.into_iter().map(|(_, curve)| curve).collect()
}

/// Returns the symbol of a layer's curve: 1 to 9, then letters.
fn number(layer: usize) -> char {
    u32::try_from(layer + 1).ok().and_then(|n| char::from_digit(n, 36)).unwrap_or('#')
}

fn chart<'a>(
    scene: &Scene<'a>,
    title: &'a str,
    curves: &'a [Curve],
    marks: &'a [Mark],
) -> Chart<'a> {
    Chart {
        title,
        theme: scene.theme,
        time: scene.time(),
        scale: scene.falling(curves),
        curves,
        marks,
        highlight: None,
        number: significant,
        labels_below: true,
    }
}

/// The symbol of a sharp rise.
fn sign(scene: &Scene) -> char {
    scene.glyph('▲', '^')
}

/// Returns the sharp rises of the layers shown: the layer, the factor from ranks to a ratio of the
/// length, the rise.
fn rises<'a>(scene: &Scene<'a>) -> impl Iterator<Item = (usize, f64, &'a SharpRise)> {
    let (all, layer) = (scene.view.all_layers, scene.view.layer);
    let shown = monitored(scene).filter(move |&(i, _, _)| all || i == layer);
    shown.flat_map(|(i, distance, factor)| distance.rises.iter().map(move |rise| (i, factor, rise)))
}

/// Returns the manual changes and the sharp rises.
fn marks(scene: &Scene) -> Vec<Mark> {
    let mark = |(_, _, rise): (usize, f64, &SharpRise)| Mark {
        step: rise.step,
        label: format!("{} rise {}", sign(scene), times(scene, rise)),
    };
    scene.marks().into_iter().chain(rises(scene).map(mark)).collect()
}

/// Formats the rise as a multiple of the calm level.
fn times(scene: &Scene, rise: &SharpRise) -> String {
    match rise.ratio() {
        ratio if ratio.is_finite() => {
            format!("{}{}", scene.glyph('×', 'x'), significant(f64::from(ratio)))
        }
        _ => "from 0".into(),
    }
}

/// Returns the latest sharp rise up to the cursor, the factor from ranks to a ratio of the length,
/// and the number of rises before it.
fn latest_rise<'a>(scene: &Scene<'a>) -> Option<((usize, f64), &'a SharpRise, usize)> {
    let until = scene.view.cursor.unwrap_or(u64::MAX);
    let seen = || rises(scene).filter(move |(_, _, rise)| rise.step <= until);
    let (layer, factor, rise) = seen().max_by_key(|(_, _, rise)| rise.step)?;
    Some(((layer, factor), rise, seen().count() - 1))
}

/// Explains the latest sharp rise with its values, in lines of at most `width` cells.
fn hint(scene: &Scene, width: usize) -> Vec<Line<'static>> {
    let Some(((layer, factor), rise, before)) = latest_rise(scene) else { return Vec::new() };
    let ratio = |ranks: f32| significant(f64::from(ranks) * factor);
    let before = match before {
        0 => String::new(),
        1 => " There was an earlier rise.".into(),
        before => format!(" There were {before} earlier rises."),
    };
    let text = format!(
        "{} Sharp rise of {} at {} in a saturated phase: the mean rose from {} to {} of the length \
         ({}; highest before: {}). This may be a sign of overfitting (appendix A.3 of the \
         paper).{before}",
        sign(scene),
        scene.layers()[layer].name,
        scene.time().readout(rise.step),
        ratio(rise.calm),
        ratio(rise.level),
        times(scene, rise),
        ratio(rise.busiest),
    );
    wrapped(&text, width).into_iter().map(|line| Line::styled(line, scene.theme.mark)).collect()
}

/// Lists the values of every layer, now or at the cursor.
fn layers(scene: &Scene, area: Rect, buffer: &mut Buffer) {
    let head = format!("    {:<14} {:>9} {:>9}", "layer", "mean", "SD");
    let mut lines = vec![Line::styled(head, scene.theme.muted)];
    for (i, distance, factor) in monitored(scene) {
        let value = |series| significant(now(scene, series) * factor);
        let (mean, sd) = (value(&distance.mean), value(&distance.sd));
        let (pointer, style) = scene.pointer(i);
        let name: String = scene.layers()[i].name.chars().take(14).collect();
        let text = format!("{pointer} {} {name:<14} {mean:>9} {sd:>9}", number(i));
        lines.push(Line::styled(text, style));
    }
    scene.lines(lines, area, buffer);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::run::RunState;
    use crate::train::{Command, Event, EventKind, LayerDistance, LayerInfo, Phase, Started};
    use crate::tui::theme::{Depth, Theme};
    use crate::tui::view::View;

    /// Two layers of vectors of 1000 weights over 900 steps. The mean of the first is high for 200
    /// steps and rises sharply at step 701. The second, `calm`, never changes.
    fn state() -> RunState {
        let layer =
            |name: &str| LayerInfo { name: name.into(), length: 1000, ..LayerInfo::default() };
        let layers = ["deep", "calm"].map(layer).into();
        let started = Started { layers, total_steps: 900, ..Started::default() };
        let mut state = RunState::default();
        let mut apply = |step, kind| state.apply(&Event { step, seconds: 0.0, kind });
        apply(0, EventKind::Started(Box::new(started)));
        apply(0, EventKind::Phase { phase: Phase::Running });
        for step in 1..=900 {
            let mean = match step {
                ..=200 => 10.0,
                201..=700 => 1.0,
                _ => 4.0,
            };
            let layers = [(0, mean), (1, 2.0)];
            let layers = layers.map(|(layer, mean)| LayerDistance { layer, mean, sd: 2.0 * mean });
            apply(step, EventKind::RankingDistance { layers: layers.into() });
        }
        state
    }

    fn drawn(state: &RunState, view: &View, zoomed: bool, size: (u16, u16)) -> (String, String) {
        let theme = Theme::new(Depth::None, true);
        let scene = Scene { state, view, theme: &theme, zoomed };
        let area = Rect::new(0, 0, size.0, size.1);
        let mut buffer = Buffer::empty(area);
        render(&scene, area, &mut buffer);
        let rows = buffer.content.chunks(size.0.into());
        let row = |row: &[ratatui::buffer::Cell]| row.iter().map(|cell| cell.symbol()).collect();
        let rows: Vec<String> = rows.map(row).collect();
        (rows.join("\n"), caption(&scene).join(" | "))
    }

    #[test]
    fn a_sharp_rise_is_marked_and_where_there_is_room_told() {
        let state = state();
        let (text, caption) = drawn(&state, &View::default(), false, (40, 9));
        assert!(text.contains("▲ rise ×4.00"), "{text}");
        assert_eq!(caption, "deep | ▲ rise at 701");
        let (text, _) = drawn(&state, &View::default(), true, (78, 18));
        let sentence =
            "the mean rose from 0.00100 to 0.00400 of the length (×4.00; highest before: 0.0100)";
        let shown = text.replace('\n', " ").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(shown.contains(sentence) && shown.contains("deep at 701"), "{text}");
    }

    #[test]
    fn before_it_and_in_other_layers_there_is_nothing_to_tell() {
        let state = state();
        let before = View { cursor: Some(650), ..View::default() };
        assert!(!drawn(&state, &before, true, (78, 18)).0.contains("overfitting"));
        let other = View { layer: 1, ..View::default() };
        let (text, caption) = drawn(&state, &other, true, (78, 18));
        assert!(!text.contains("rise") && caption.starts_with("calm | mean 0.00200"), "{text}");
    }

    #[test]
    fn what_was_changed_by_hand_explains_the_rise() {
        let mut state = state();
        let clean = |state: &RunState| {
            let (text, _) = drawn(state, &View::default(), true, (78, 18));
            !text.contains("overfitting")
        };
        assert!(!clean(&state));
        // The run resumes from before the rise, where the learning rate is raised by hand.
        let command = Command::SetLearningRate { lr: 1.0 };
        let applied = EventKind::Applied { command, by: None };
        state.apply(&Event { step: 700, seconds: 0.0, kind: applied });
        for step in 700..=900 {
            let layers = vec![LayerDistance { layer: 0, mean: 4.0, sd: 4.0 }];
            let kind = EventKind::RankingDistance { layers };
            state.apply(&Event { step, seconds: 0.0, kind });
        }
        assert!(clean(&state));
    }

    #[test]
    fn all_layers_lie_on_one_axis_told_apart_by_their_numbers() {
        let view = View { all_layers: true, ..View::default() };
        for size in [(40, 9), (198, 53)] {
            let (text, caption) = drawn(&state(), &view, size.1 > 10, size);
            assert!(text.contains("rise") && text.contains("1 ") && text.contains("2 "), "{text}");
            assert_eq!(text.contains("2 calm"), size.1 > 10, "{text}");
            assert_eq!(caption, "all layers | ▲ rise at 701");
        }
        let one = drawn(&state(), &View::default(), false, (40, 9)).0;
        assert!(!one.contains("2 calm"), "{one}");
    }

    #[test]
    fn layers_have_numbers_and_then_letters() {
        assert_eq!([0, 8, 9, 34, 35].map(number), ['1', '9', 'a', 'z', '#']);
    }

    #[test]
    fn nothing_is_invented_where_nothing_was_measured() {
        let mut state = RunState::default();
        let layers = vec![LayerInfo { name: "deep".into(), ..LayerInfo::default() }];
        state.started = Some(Arc::new(Started { layers, ..Started::default() }));
        state.phase = Phase::Running;
        let view = View { all_layers: true, ..View::default() };
        let (text, caption) = drawn(&state, &view, false, (60, 9));
        assert!(text.contains("No ranking distance has been measured yet."), "{text}");
        assert_eq!(caption, "");
    }
}
