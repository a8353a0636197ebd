//! Test accuracy just before and right after a sync (the sawtooth of the paper's figure 5 e),
//! accuracy on training examples and on batches, and the loss below if there is room.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::panel::Panel;
use super::scene::{Scene, unlabelled};
use crate::experiment::WrapperName;
use crate::figure::kinds;
use crate::run::{Scores, Series};
use crate::tui::chart::{Chart, Curve, Highlight, Look, Scale, TimeAxis, extent, significant};

pub(super) const PANEL: Panel = Panel {
    title: "Accuracy",
    caption,
    render,
    rows: None,
    figure: Some(kinds::accuracy::KIND),
    has_rank_axis: false,
};

/// Least number of rows that fits the loss below the accuracy.
const ROOM_FOR_LOSS: u16 = 16;

fn caption(scene: &Scene) -> Vec<String> {
    let accuracy = &scene.state.test.accuracy;
    let best = scene.state.best().map(|(step, best)| {
        let best = format!("best {:.2} %", best * 100.0);
        if scene.zoomed { format!("{best} at {}", scene.time().readout(step)) } else { best }
    });
    let now = match scene.view.cursor {
        Some(step) => accuracy.at(step),
        None => accuracy.last(),
    };
    let now = now.filter(|(_, value)| value.is_finite());
    now.map(|(_, value)| format!("{:.2} %", value * 100.0)).into_iter().chain(best).collect()
}

fn render(scene: &Scene, area: Rect, buffer: &mut Buffer) {
    let curves = accuracies(scene);
    if curves.is_empty() {
        return scene.nothing_yet("The first step is in progress.", area, buffer);
    }
    let (above, below) = if area.height >= ROOM_FOR_LOSS {
        let [above, below] =
            Layout::vertical([Constraint::Fill(5), Constraint::Fill(3)]).areas(area);
        (above, Some(below))
    } else {
        (area, None)
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
        number: |percentage| {
            if percentage.is_finite() { format!("{percentage:.1}") } else { "-".into() }
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
    let chart = Chart {
        title: "loss",
        theme: scene.theme,
        time: scene.time(),
        scale: scene.falling(&curves),
        curves: &curves,
        marks: &unlabelled(scene.marks()),
        highlight: None,
        number: significant,
        labels_below: true,
    };
    chart.render(area, buffer);
}

/// Returns the accuracies in percent. The accuracy of a batch takes few values and jumps widely, so
/// beside evaluations it is drawn as a trend.
fn accuracies<'a>(scene: &Scene<'a>) -> Vec<Curve<'a>> {
    /// Default half-life of the trend, in steps.
    const CALM: f32 = 50.0;
    let mut curves = curves(scene, |scores| &scores.accuracy, &scene.state.batch_accuracy, 100.0);
    for curve in curves.iter_mut().filter(|curve| curve.look == Look::Shade) {
        curve.look = Look::Trend;
        curve.smoothing = if curve.smoothing > 0.0 { curve.smoothing } else { CALM };
        curve.names = ["batch, smoothed", "batch"];
    }
    curves
}

/// Returns the curves that have values, the most important last.
fn curves<'a>(
    scene: &Scene<'a>,
    pick: fn(&Scores) -> &Series,
    batch: &'a Series,
    factor: f64,
) -> Vec<Curve<'a>> {
    let state = scene.state;
    let synchronizes =
        state.started.as_ref().is_none_or(|started| started.wrapper == WrapperName::Laperm);
    let test = if synchronizes { ["after sync", "sync"] } else { ["test", "test"] };
    let line = |scores, names, index, symbol| Curve {
        series: pick(scores),
        factor,
        style: scene.theme.series(index),
        look: Look::Line,
        symbol,
        names,
        smoothing: scene.half_life(pick(scores)),
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
        smoothing: scene.half_life(batch),
    };
    [batch].into_iter().chain(lines).filter(|curve| !curve.series.is_empty()).collect()
}

/// Returns a range of percentages that keeps the top readable. It reaches down to the lowest value
/// in the right half of the axis and cuts off the initial climb once that is over. That half moves
/// only when the axis jumps, and so does the range.
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
    use crate::run::{Mark, RunState};
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
        // No value in the right half yet: the latest one counts.
        assert_eq!(range(&[(10, 0.1), (40, 0.8)]), Scale::linear(80.0, 100.0));
        assert_eq!(range(&[(10, 0.1), (90, 0.53)]), Scale::linear(0.0, 60.0));
    }

    fn drawn(state: &RunState, view: &View, zoomed: bool, (width, height): (u16, u16)) -> String {
        let theme = Theme::new(Depth::None, true);
        let scene = Scene { state, view, theme: &theme, zoomed };
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        render(&scene, area, &mut buffer);
        let rows = buffer.content.chunks(width.into());
        rows.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>() + "\n").collect()
    }

    /// A finished run of 100 steps with an evaluation every ten steps, the last of them the best,
    /// and a change of k at step 30.
    fn finished() -> RunState {
        let mut state = RunState::default();
        for step in 1..=100u16 {
            let share = f32::from(step) / 100.0;
            state.step = step.into();
            state.batch_accuracy.push(step.into(), share);
            state.loss.push(step.into(), 2.0 - share);
            if step % 10 == 0 {
                let (before, after) = (share * 0.8, share * 0.9);
                state.before_sync.accuracy.push(step.into(), before);
                state.test.accuracy.push(step.into(), after);
                state.test.loss.push(step.into(), 1.0 - after);
                state.train.accuracy.push(step.into(), share);
            }
        }
        state.marks.push(Mark { step: 30, label: "k = 100".into() });
        state.phase = crate::train::Phase::Finished;
        state
    }

    #[test]
    fn zoomed_every_series_is_read_at_the_cursor_and_the_loss_stands_below() {
        let view = View { cursor: Some(55), ..View::default() };
        for size in [(78, 18), (198, 53)] {
            let text = drawn(&finished(), &view, true, size);
            for part in ["sync 45.0", "before", "40.0", "50.0", "batch", "loss", "0.550"] {
                assert!(text.contains(part), "`{part}` is not in\n{text}");
            }
            // Labelled once, drawn in both charts.
            assert_eq!(text.matches("k = 100").count(), 1, "{text}");
            let marked = text.lines().filter(|line| line.contains('┊')).count();
            assert!(marked >= usize::from(size.1) / 2, "{text}");
        }
    }

    #[test]
    fn the_best_value_is_marked_even_if_it_is_the_last() {
        let text = drawn(&finished(), &View::default(), false, (60, 12));
        assert!(text.contains('★'), "{text}");
    }

    #[test]
    fn evaluations_are_smoothed_over_as_many_steps_as_batches() {
        let (state, theme) = (finished(), Theme::new(Depth::None, true));
        let view = View { smoothing: 20.0, ..View::default() };
        let scene = Scene { state: &state, view: &view, theme: &theme, zoomed: false };
        let smoothing: Vec<f32> = accuracies(&scene).iter().map(|c| c.smoothing).collect();
        assert_eq!(smoothing, [20.0, 2.0, 2.0, 2.0]);
    }
}
