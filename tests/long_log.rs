//! Memory of a replay of a million steps. The only test of its program, so that nothing else is
//! measured.

#[path = "support/long_log.rs"]
mod long_log;

use std::time::Instant;

use laperm::run::{RunFolder, RunState, read_outline};
use laperm::session::{Replay, Target, Transport};
use laperm::tui::{App, Depth, Theme, render};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

const STEPS: u64 = 1_000_000;
const MOST_MEMORY: u64 = 300 << 20;

#[test]
fn a_million_steps_are_replayed_in_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::open(folder.path());
    long_log::write(&run, STEPS);
    let mut replay = Replay::open(run.clone()).unwrap();
    let mut app = App::new(false);
    let mut buffer = Buffer::empty(Rect::new(0, 0, 200, 60));
    let theme = Theme::new(Depth::True, true);
    for step in [STEPS, 0, 123_456, 999_999, 123_455, 700_000] {
        replay.obey(Transport::To(Target::Step(step)), Instant::now()).unwrap();
        let state = replay.state();
        assert_eq!((state.step, state.loss.len() as u64, state.syncs), (step, step, step / 20));
        assert_eq!(state.marks.len() as u64, step / 50_000);
        app.set_state(state);
        render(&app, &theme, buffer.area, &mut buffer);
    }
    replay.obey(Transport::Start, Instant::now()).unwrap();
    let begun = Instant::now();
    replay.obey(Transport::PlayOrStop, begun).unwrap();
    for tick in 1..200 {
        let later = begun + std::time::Duration::from_millis(50 * tick);
        if let Some((state, _)) = replay.advance(later) {
            app.set_state(state);
        }
    }
    assert!(app.shown().step > STEPS / 10, "played up to {}", app.shown().step);
    // What `laperm runs` reads.
    let mut outline = RunState::default();
    read_outline(&run).unwrap().iter().for_each(|event| outline.apply(event));
    assert_eq!(outline.syncs, STEPS / 20);
    // Only Linux reports the peak.
    if cfg!(target_os = "linux") {
        let peak = long_log::peak_memory().expect("VmHWM in /proc/self/status");
        assert!(peak < MOST_MEMORY, "{} MB of memory", peak >> 20);
    }
}
