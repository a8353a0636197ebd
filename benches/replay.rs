//! Time to open the log of a million steps, to seek in it, and to draw it.

#[path = "../tests/support/long_log.rs"]
mod long_log;

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use crossterm::event::KeyCode;
use laperm::random::{Purpose, stream};
use laperm::run::{RunFolder, Timeline};
use laperm::session::{Replay, Target, Transport};
use laperm::tui::{App, Depth, Theme, render};
use rand::RngExt;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

const STEPS: u64 = 1_000_000;

fn replay(criterion: &mut Criterion) {
    let Ok(folder) = tempfile::tempdir() else { return };
    let run = RunFolder::open(folder.path());
    let bytes = long_log::write(&run, STEPS);
    let Ok(mut replay) = Replay::open(run.clone()) else { return };
    println!("a log of {STEPS} steps, {} MB", bytes >> 20);

    let mut group = criterion.benchmark_group("replay");
    group.sample_size(10).bench_function("open", |bencher| {
        bencher.iter(|| Timeline::open(run.clone()));
    });
    let mut random = stream(1, Purpose::Shuffle, 0, 1);
    let mut jump = |replay: &mut Replay| {
        let step = Transport::To(Target::Step(random.random_range(0..STEPS)));
        black_box(replay.obey(step, Instant::now()).is_ok())
    };
    group.sample_size(100).bench_function("seek to a random step", |bencher| {
        bencher.iter(|| jump(&mut replay));
    });
    let back = Transport::Step { forward: false };
    group.bench_function("step back", |bencher| {
        bencher.iter(|| replay.obey(back, Instant::now()).is_ok());
    });
    let frame = |replay: &mut Replay, smooth: bool| {
        let mut app = App::new(false);
        app.set_state(replay.state());
        if smooth {
            (0..3).for_each(|_| app.key(KeyCode::Char('m').into()));
        }
        let mut buffer = Buffer::empty(Rect::new(0, 0, 200, 60));
        render(&app, &Theme::new(Depth::True, true), buffer.area, &mut buffer);
        black_box(buffer)
    };
    let end = replay.obey(Transport::End, Instant::now());
    black_box(end.is_ok());
    group
        .bench_function("draw the whole run", |bencher| bencher.iter(|| frame(&mut replay, false)));
    group.bench_function("draw the whole run, smoothed", |bencher| {
        bencher.iter(|| frame(&mut replay, true))
    });
    group.bench_function("seek to a random step and draw", |bencher| {
        bencher.iter(|| {
            jump(&mut replay);
            frame(&mut replay, false)
        });
    });
    group.finish();
    if let Some(peak) = long_log::peak_memory() {
        println!("peak memory with two logs open: {} MB", peak >> 20);
    }
}

criterion_group!(benches, replay);
criterion_main!(benches);
