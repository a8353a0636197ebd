//! Accuracy right after and just before a sync (the sawtooth of the paper's figure 5 e), on train examples
//! and on the batches; below it, where there is room, the loss.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::{Scene, unlabelled};
use crate::experiment::WrapperName;
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
        // Nothing yet in the newer half: what is newest counts.
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

    /// A finished run of 100 steps, evaluated every ten, of which the last was the best; k was changed at 30.
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
            // Said once, drawn in both charts.
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
