//! Accuracy right after and just before a sync (the sawtooth of the paper's figure 5 e), on train examples
//! and on the batches; below it, where there is room, the loss.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::Scene;
use crate::run::{Scores, Series};
use crate::tui::chart::{Chart, Curve, Highlight, Look, Scale, TimeAxis, extent, significant};

/// Rows from which on the loss gets a share of them.
const ROOM_FOR_LOSS: u16 = 16;

pub fn caption(scene: &Scene) -> Vec<String> {
    let accuracy = &scene.state.test.accuracy;
    let best = scene.state.best().map(|(step, best)| match scene.zoomed {
        true => format!("best {:.2} % at {}", best * 100.0, scene.time().readout(step)),
        false => format!("best {:.2} %", best * 100.0),
    });
    let now = match scene.view.cursor {
        Some(step) => accuracy.at(step),
        None => accuracy.last(),
    };
    let now = now.filter(|(_, value)| value.is_finite());
    now.map(|(_, value)| format!("{:.2} %", value * 100.0)).into_iter().chain(best).collect()
}

pub fn render(scene: &Scene, area: Rect, buffer: &mut Buffer) {
    let curves = accuracies(scene);
    if curves.is_empty() {
        return scene.nothing_yet("The first step is on its way.", area, buffer);
    }
    let (above, below) = match area.height >= ROOM_FOR_LOSS {
        true => {
            let [above, below] =
                Layout::vertical([Constraint::Fill(5), Constraint::Fill(3)]).areas(area);
            (above, Some(below))
        }
        false => (area, None),
    };
    let best = scene.state.best().map(|(step, best)| Highlight {
        step,
        value: f64::from(best) * 100.0,
        symbol: scene.glyph('★', '^'),
    });
    let chart = Chart {
        title: "",
        theme: scene.theme,
        time: scene.time(),
        scale: percentages(&curves, &scene.time()),
        curves: &curves,
        marks: &scene.marks(),
        highlight: best,
        number: |percentage| match percentage.is_finite() {
            true => format!("{percentage:.1}"),
            false => "-".into(),
        },
        labels_below: below.is_none(),
    };
    chart.render(above, buffer);
    if let Some(below) = below {
        loss(scene, below, buffer);
    }
}

fn loss(scene: &Scene, area: Rect, buffer: &mut Buffer) {
    let curves = curves(scene, |scores| &scores.loss, &scene.state.loss, 1.0);
    let time = scene.time();
    let (low, high) = extent(&curves, time.from, &time).unwrap_or((0.0, 1.0));
    let scale = match scene.view.log {
        true => Scale::logarithmic(low, high),
        false => Scale::around(0f64.min(low), high),
    };
    let chart = Chart {
        title: "loss",
        theme: scene.theme,
        time,
        scale,
        curves: &curves,
        marks: &[],
        highlight: None,
        number: significant,
        labels_below: true,
    };
    chart.render(area, buffer);
}

/// The accuracies in percent. A batch's accuracy has few values and wide jumps: beside evaluations it is a trend.
fn accuracies<'a>(scene: &Scene<'a>) -> Vec<Curve<'a>> {
    /// Half-life of the trend, in steps, where the person chose none.
    const CALM: f32 = 50.0;
    let mut curves = curves(scene, |scores| &scores.accuracy, &scene.state.batch_accuracy, 100.0);
    for curve in curves.iter_mut().filter(|curve| curve.look == Look::Shade) {
        curve.look = Look::Trend;
        curve.smoothing = if curve.smoothing > 0.0 { curve.smoothing } else { CALM };
        curve.names = ["batch, smoothed", "batch"];
    }
    curves
}

/// The curves that have values, the most important last.
fn curves<'a>(
    scene: &Scene<'a>,
    pick: fn(&Scores) -> &Series,
    batch: &'a Series,
    factor: f64,
) -> Vec<Curve<'a>> {
    let state = scene.state;
    let synchronizes = state.started.as_ref().is_none_or(|started| started.wrapper == "laperm");
    let test = if synchronizes { ["after sync", "sync"] } else { ["test", "test"] };
    let line = |scores, names, index, symbol| Curve {
        series: pick(scores),
        factor,
        style: scene.theme.series(index),
        look: Look::Line,
        symbol,
        names,
        smoothing: 0.0,
    };
    let lines = [
        line(&state.train, ["train sample", "train"], 2, scene.glyph('◆', '+')),
        line(&state.before_sync, ["before sync", "before"], 1, scene.glyph('○', 'o')),
        line(&state.test, test, 0, scene.glyph('●', '*')),
    ];
    let alone = lines.iter().all(|curve| curve.series.is_empty());
    let batch = Curve {
        series: batch,
        factor,
        style: if alone { scene.theme.text } else { scene.theme.border },
        look: if alone { Look::Line } else { Look::Shade },
        symbol: scene.glyph('▪', '.'),
        names: ["batch", "batch"],
        smoothing: scene.view.smoothing,
    };
    [batch].into_iter().chain(lines).filter(|curve| !curve.series.is_empty()).collect()
}

/// A range for percentages that makes the top readable: the last half of the axis decides how far down it
/// reaches, so that the climb at the beginning is cut off once it is over. As that half only moves when
/// the axis jumps, so does the range.
fn percentages(curves: &[Curve], time: &TimeAxis) -> Scale {
    let high = extent(curves, time.from, time).map_or(100.0, |(_, high)| high);
    let scores: Vec<Curve> = curves.iter().filter(|c| c.look == Look::Line).cloned().collect();
    let half = time.from + (time.to - time.from) / 2;
    let newest =
        scores.iter().filter_map(|curve| Some(f64::from(curve.series.last()?.1) * curve.factor));
    let low = match extent(&scores, half, time) {
        Some((low, _)) => low,
        None => newest.fold(100.0, f64::min),
    };
    Scale::percentages(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::RunState;
    use crate::tui::theme::{Depth, Theme};
    use crate::tui::view::View;

    fn range(accuracy: &[(u64, f32)]) -> Scale {
        let mut state = RunState::default();
        for &(step, value) in accuracy {
            state.step = step;
            state.test.accuracy.push(step, value);
        }
        let (view, theme) = (View::default(), Theme::new(Depth::None, true));
        let scene = Scene { state: &state, view: &view, theme: &theme, zoomed: false };
        let curves = accuracies(&scene);
        percentages(&curves, &scene.time())
    }

    #[test]
    fn the_range_follows_the_newer_half_in_jumps() {
        // The axis ends at 100.
        assert_eq!(
            range(&[(10, 0.1), (40, 0.8), (60, 0.91), (80, 0.97)]),
            Scale::linear(90.0, 100.0)
        );
        assert_eq!(
            range(&[(10, 0.1), (40, 0.8), (60, 0.93), (90, 0.99)]),
            Scale::linear(90.0, 100.0)
        );
        // Nothing yet in the newer half: what is newest counts.
        assert_eq!(range(&[(10, 0.1), (40, 0.8)]), Scale::linear(80.0, 100.0));
        assert_eq!(range(&[(10, 0.1), (90, 0.53)]), Scale::linear(0.0, 60.0));
    }
}
