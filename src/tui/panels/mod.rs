//! The panels of the run view.
//!
//! A panel is a pure function of a [`Scene`] and keeps nothing between frames. On a page with
//! others it shows one thing; zoomed, it shows the details too. Each panel is a file that declares
//! a constant `PANEL`: its title, its caption, how it is drawn, and the figure that shows the same.
//! A new panel is its file, its `mod` line and its row in [`Panel::ALL`].

mod accuracy;
mod cycles;
mod distance;
mod distribution;
mod layers;
mod panel;
mod profiles;
mod reconnection;
mod scene;

pub(crate) use panel::Panel;
pub(crate) use scene::Scene;

impl Panel {
    /// Every panel, in the order of the screen.
    pub const ALL: &'static [Panel] = &[
        accuracy::PANEL,
        distance::PANEL,
        distribution::PANEL,
        profiles::PANEL,
        cycles::PANEL,
        reconnection::PANEL,
        layers::PANEL,
    ];
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;

    use super::*;
    use crate::run::TimeUnit;
    use crate::run::{Distance, Mark, RunState, Scores, Series};
    use crate::train::{
        Frame, LayerDistribution, LayerFrame, LayerInfo, LayerSync, Phase, Started,
    };
    use crate::tui::theme::{Depth, Theme};
    use crate::tui::view::View;

    fn text(panel: &Panel, state: &RunState, unicode: bool) -> String {
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
            assert!(text.contains("Warming up"), "{}: {text}", panel.title());
        }
    }

    #[test]
    fn the_first_step_shows_in_the_accuracy() {
        let mut state = RunState::default();
        state.batch_accuracy.push(1, 0.12);
        assert!(text(&accuracy::PANEL, &state, true).contains("batch 12.0"));
    }

    #[test]
    fn a_layer_without_distances_names_those_with() {
        let layer = |name: &str| LayerInfo { name: name.into(), length: 4, ..LayerInfo::default() };
        let started = Started { layers: vec![layer("a"), layer("b")], ..Started::default() };
        let mut state = RunState::default();
        state.started = Some(Arc::new(started));
        state.distance = vec![Distance::default(); 2];
        state.distance[1].mean.push(1, 2.0);
        assert!(text(&distance::PANEL, &state, true).contains("Not measured for a, but for b."));
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
