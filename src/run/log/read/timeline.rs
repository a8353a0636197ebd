//! The state of a run at any moment of it, without folding the whole log again.
//!
//! One pass folds the log, keeps a few hundred states on the way, and indexes the moments that one
//! may want to jump to. States share their unchanged parts, so that a kept one costs a few
//! kilobytes. For any moment, the nearest kept state before it is taken, and the lines from there
//! on, less than a megabyte of them, are read and applied.

use std::fs::File;
use std::io;

use super::ReadError;
use super::lines::{Line, LineReader, damage_message};
use crate::run::log::parse;
use crate::run::{RunFolder, RunState};
use crate::train::{Event, EventKind, FrameLocation};

/// Number of states kept. Beyond it, every other one is dropped and the spacing doubles.
const MOST_KEPT: usize = 256;

/// Bytes of the log between two kept states, at first.
const SPACING: u64 = 1 << 16;

/// Bytes of the log that are read at once on the way to a moment.
const STRIDE: usize = 1 << 18;

/// Longest time between two events when the log is played, in seconds. Pauses, evaluations and
/// anything else that took longer are shortened to it.
const LONGEST_GAP: f64 = 1.0;

/// A moment of a run: the end of a step, after all events of the step.
///
/// A run that diverges goes back to an earlier step and continues from there. Each time, a new
/// stretch begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Number of times the run had gone back.
    pub stretch: usize,
    /// Training steps finished.
    pub step: u64,
}

/// A position in the log, and the state of the run there.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// Moment of the latest event.
    pub moment: Moment,
    /// The state, except for the frame, which stays on disk.
    pub state: RunState,
    /// Seconds since the start when the log is played, with long gaps shortened.
    pub played: f64,
    /// Number of bytes of the log before this position.
    offset: u64,
}

/// How a log changed between two reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Growth {
    None,
    Grown,
    /// It was cut, as resuming a run does, and was read again. Earlier places in it are void.
    Restarted,
}

/// A log and its index, which can be brought up to date while the log grows.
#[derive(Debug)]
pub struct Timeline {
    folder: RunFolder,
    reader: LineReader,
    newest: Place,
    index: Index,
}

#[derive(Debug)]
struct Index {
    /// In ascending order, each at the end of its moment.
    kept: Vec<Place>,
    spacing: u64,
    stretches: Vec<Stretch>,
    syncs: Vec<Moment>,
    changes: Vec<Moment>,
    frames: Vec<FrameEntry>,
    damaged: u64,
}

/// The steps of a stretch.
#[derive(Debug, Clone, Copy, Default)]
struct Stretch {
    first: u64,
    last: u64,
}

/// A frame that an event of the log announces.
#[derive(Debug, Clone, Copy)]
struct FrameEntry {
    /// Offset in the log at which the event ends.
    end: u64,
    step: u64,
    at: FrameLocation,
}

impl Default for Index {
    fn default() -> Self {
        Index {
            kept: vec![Place::default()],
            spacing: SPACING,
            stretches: vec![Stretch::default()],
            syncs: Vec::new(),
            changes: Vec::new(),
            frames: Vec::new(),
            damaged: 0,
        }
    }
}

impl Place {
    /// Returns the moment of `event` if it comes next.
    fn moment_of(&self, event: &Event) -> Moment {
        let back = usize::from(event.step < self.moment.step);
        Moment { stretch: self.moment.stretch + back, step: event.step }
    }

    /// Returns the time at which `event` is played if it comes next.
    fn played_at(&self, event: &Event) -> f64 {
        self.played + (event.seconds - self.state.seconds).clamp(0.0, LONGEST_GAP)
    }

    fn apply(&mut self, event: &Event, end: u64) {
        self.moment = self.moment_of(event);
        self.played = self.played_at(event);
        self.offset = end;
        self.state.apply(event);
    }
}

impl Index {
    /// Indexes the event that comes after `place`.
    fn add(&mut self, place: &Place, Line { end, event }: &Line) {
        let moment = place.moment_of(event);
        let last = self.kept.last().map_or(0, |kept| kept.offset);
        if moment > place.moment && place.offset >= last + self.spacing {
            self.keep(place.clone());
        }
        match self.stretches.get_mut(moment.stretch) {
            Some(stretch) => stretch.last = moment.step,
            None => self.stretches.push(Stretch { first: moment.step, last: moment.step }),
        }
        match &event.kind {
            EventKind::Sync { .. } | EventKind::Lookahead { .. } => {
                push_once(&mut self.syncs, moment);
            }
            EventKind::Applied { command, .. } if command.steers() => {
                push_once(&mut self.changes, moment);
            }
            EventKind::Frame { at: Some(at), .. } => {
                self.frames.push(FrameEntry { end: *end, step: event.step, at: *at });
            }
            // Listed one by one: for a new kind, decide whether one may want to jump to it.
            EventKind::Started(_)
            | EventKind::Step { .. }
            | EventKind::Epoch { .. }
            | EventKind::Schedule(_)
            | EventKind::RankingDistance { .. }
            | EventKind::Distribution { .. }
            | EventKind::Evaluation { .. }
            | EventKind::Frame { at: None, .. }
            | EventKind::Applied { .. }
            | EventKind::Refused { .. }
            | EventKind::Phase { .. }
            | EventKind::Snapshot { .. }
            | EventKind::Diverged { .. }
            | EventKind::Resumed { .. }
            | EventKind::Notice { .. }
            | EventKind::Finished { .. }
            | EventKind::Unknown => {}
        }
    }

    fn keep(&mut self, place: Place) {
        self.kept.push(place);
        if self.kept.len() > MOST_KEPT {
            self.kept = self.kept.iter().step_by(2).cloned().collect();
            self.spacing *= 2;
        }
    }
}

fn push_once(moments: &mut Vec<Moment>, moment: Moment) {
    if moments.last() != Some(&moment) {
        moments.push(moment);
    }
}

/// Returns the first of `moments` after `now` if `forward`, otherwise the last one before it.
fn nearest(moments: &[Moment], now: Moment, forward: bool) -> Option<Moment> {
    let index = if forward {
        Some(moments.partition_point(|&moment| moment <= now))
    } else {
        moments.partition_point(|&moment| moment < now).checked_sub(1)
    };
    moments.get(index?).copied()
}

impl Timeline {
    /// Reads the log of the run in `folder` as far as it has been written.
    ///
    /// # Errors
    /// The file cannot be read, or is not a log.
    pub fn open(folder: RunFolder) -> Result<Self, ReadError> {
        let reader = LineReader::new(folder.events());
        let (newest, index) = (Place::default(), Index::default());
        let mut timeline = Timeline { folder, reader, newest, index };
        timeline.follow()?;
        Ok(timeline)
    }

    /// Reads the part of the log that was written since the last read.
    ///
    /// # Errors
    /// As [`Timeline::open`].
    pub fn follow(&mut self) -> Result<Growth, ReadError> {
        let mut growth = Growth::None;
        while let Some(batch) = self.reader.read(u64::MAX, |_| true)? {
            if batch.restarted {
                (self.newest, self.index) = (Place::default(), Index::default());
                growth = Growth::Restarted;
            }
            for line in &batch.lines {
                self.index.add(&self.newest, line);
                self.newest.apply(&line.event, line.end);
            }
            self.index.damaged += batch.damaged;
            if growth == Growth::None && !batch.lines.is_empty() {
                growth = Growth::Grown;
            }
        }
        Ok(growth)
    }

    /// Returns the folder of the run.
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// The end of the log.
    pub fn newest(&self) -> &Place {
        &self.newest
    }

    /// Says in a sentence how many lines were skipped because they are not events; `None` if none.
    pub fn damage(&self) -> Option<String> {
        damage_message(self.index.damaged)
    }

    /// Returns true if `place` is the end of the log.
    pub fn is_newest(&self, place: &Place) -> bool {
        place.offset == self.newest.offset
    }

    /// Returns the place at the end of `moment`, or of the last moment before it. Starts at `from`
    /// if that is nearer than a kept state.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn at(&self, moment: Moment, from: &Place) -> io::Result<Place> {
        let before = |place: &Place| place.moment <= moment;
        self.forward(from, before, |place, event| place.moment_of(event) > moment)
    }

    /// Returns the place reached after `seconds` of playing. Starts at `from` if that is nearer
    /// than a kept state.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn after(&self, seconds: f64, from: &Place) -> io::Result<Place> {
        let before = |place: &Place| place.played <= seconds;
        self.forward(from, before, |place, event| place.played_at(event) > seconds)
    }

    /// Returns the place at the end of the moment that follows `from`.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn next(&self, from: &Place) -> io::Result<Place> {
        let mut moment = None;
        let later = |place: &Place, event: &Event| {
            let here = place.moment_of(event);
            here > from.moment && here > *moment.get_or_insert(here)
        };
        self.forward(from, |_| false, later)
    }

    /// Advances from the nearest known place for which `before` is true up to the first event for
    /// which `beyond` is true.
    fn forward(
        &self,
        from: &Place,
        before: impl Fn(&Place) -> bool,
        mut beyond: impl FnMut(&Place, &Event) -> bool,
    ) -> io::Result<Place> {
        if before(&self.newest) {
            return Ok(self.newest.clone());
        }
        let kept = self.index.kept.partition_point(&before).checked_sub(1);
        let kept = kept.and_then(|kept| self.index.kept.get(kept));
        let nearer = kept.filter(|kept| kept.offset > from.offset || !before(from));
        let mut place = nearer.unwrap_or(from).clone();
        let path = self.folder.events();
        let file = File::open(&path)?;
        let mut reader = LineReader::at(path, place.offset);
        loop {
            let lines = reader.whole_lines(&file, STRIDE, self.newest.offset)?;
            if lines.text.is_empty() {
                return Ok(place);
            }
            let mut end = lines.start;
            for text in lines.text.split_inclusive(|&byte| byte == b'\n') {
                end += text.len() as u64;
                // Damaged lines were counted when the log was indexed.
                let Ok(event) = parse(text) else { continue };
                if beyond(&place, &event) {
                    return Ok(place);
                }
                place.apply(&event, end);
            }
        }
    }
}

/// Moments to jump to.
impl Timeline {
    /// Returns the moment of a step. Of a step that was repeated after the run had gone back,
    /// returns the last repetition.
    pub fn moment_of(&self, step: u64) -> Moment {
        let stretch = self.index.stretches.iter().rposition(|stretch| stretch.first <= step);
        Moment { stretch: stretch.unwrap_or_default(), step }
    }

    /// Returns the moment `by` steps later, or earlier if negative, in the order in which the steps
    /// were taken, repeated ones included.
    pub fn shifted(&self, moment: Moment, by: i64) -> Moment {
        let bounds = |stretch: usize| {
            let Stretch { first, last } = *self.index.stretches.get(stretch)?;
            Some((i128::from(first), i128::from(last)))
        };
        let mut stretch = moment.stretch;
        let mut step = i128::from(moment.step) + i128::from(by);
        while let Some((first, last)) = bounds(stretch) {
            let (before, after) = (stretch.checked_sub(1).and_then(bounds), bounds(stretch + 1));
            if let (true, Some((next, _))) = (step > last, after) {
                (stretch, step) = (stretch + 1, next + (step - last - 1));
            } else if let (true, Some((_, end))) = (step < first, before) {
                (stretch, step) = (stretch - 1, end - (first - step - 1));
            } else {
                step = step.clamp(first, last);
                break;
            }
        }
        Moment { stretch, step: u64::try_from(step).unwrap_or_default() }
    }

    /// Returns the first sync after `now` if `forward`, otherwise the last one before it.
    pub fn sync_near(&self, now: Moment, forward: bool) -> Option<Moment> {
        nearest(&self.index.syncs, now, forward)
    }

    /// Returns the first manual change after `now` if `forward`, otherwise the last one before it.
    pub fn change_near(&self, now: Moment, forward: bool) -> Option<Moment> {
        nearest(&self.index.changes, now, forward)
    }

    /// Returns the latest frame at `place`: its location in `frames.bin`, and its step.
    pub fn frame_at(&self, place: &Place) -> Option<(FrameLocation, u64)> {
        let index = self.index.frames.partition_point(|frame| frame.end <= place.offset);
        self.index.frames[..index].last().map(|frame| (frame.at, frame.step))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;
    use crate::train::{
        Command, LayerDistance, LayerDistribution, LayerInfo, LayerSync, Reason, Schedule, Score,
        Started, Weights,
    };

    /// A log in a temporary folder, with the state after each of its events.
    struct Log {
        _folder: tempfile::TempDir,
        run: RunFolder,
        /// In ascending order; the last entry of a moment is its end.
        known: Vec<(Moment, RunState)>,
    }

    impl Log {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let run = RunFolder::open(folder.path());
            std::fs::write(run.events(), "").expect("writes");
            Log { _folder: folder, run, known: vec![Default::default()] }
        }

        /// Appends events as a run does, and folds them.
        fn append(&mut self, events: &[(u64, f64, EventKind)]) {
            let mut text = String::new();
            for (step, seconds, kind) in events.iter().cloned() {
                let event = Event { step, seconds, kind };
                let line = serde_json::to_string(&event).expect("a line");
                let (moment, mut state) = self.known.last().cloned().unwrap_or_default();
                let stretch = moment.stretch + usize::from(step < moment.step);
                state.apply(&serde_json::from_str(&line).expect("an event"));
                self.known.push((Moment { stretch, step }, state));
                text += &(line + "\n");
            }
            self.append_text(&text);
        }

        fn append_text(&self, text: &str) {
            let mut file = OpenOptions::new().append(true).open(self.run.events()).expect("opens");
            file.write_all(text.as_bytes()).expect("writes");
        }

        /// Indexes the log with so small a spacing that even a short log exceeds `MOST_KEPT`.
        fn timeline(&self) -> Timeline {
            let mut timeline = Timeline {
                folder: self.run.clone(),
                reader: LineReader::new(self.run.events()),
                newest: Place::default(),
                index: Index { spacing: 500, ..Index::default() },
            };
            timeline.follow().expect("reads");
            timeline
        }

        /// State at the end of a moment, or of the last one before it.
        fn known_at(&self, moment: Moment) -> &(Moment, RunState) {
            let index = self.known.partition_point(|(known, _)| *known <= moment);
            &self.known[index - 1]
        }
    }

    fn step() -> EventKind {
        EventKind::Step { loss: 0.5, accuracy: 0.25 }
    }

    fn started() -> EventKind {
        EventKind::Started(Box::new(Started {
            wrapper: "laperm".into(),
            train_examples: 100,
            steps_per_epoch: 10,
            total_steps: 400,
            layers: vec![LayerInfo::default(), LayerInfo::default()],
            ..Started::default()
        }))
    }

    /// One of the events that may happen at a step.
    fn happening(what: u8, number: u64) -> EventKind {
        let value = number as f32 / 7.0;
        let score = Score { loss: value, accuracy: 1.0 / (1.0 + value), examples: 9 };
        match what {
            0 => EventKind::RankingDistance {
                layers: vec![LayerDistance { layer: 1, mean: value, sd: f32::NAN }],
            },
            1 => EventKind::Sync {
                sync: number,
                milliseconds: 0.5,
                layers: vec![LayerSync { layer: 0, moved: value, distance: 1.0, zeros: 3 }],
                layer_milliseconds: vec![0.25; (number % 2) as usize],
            },
            2 => EventKind::Evaluation {
                weights: Weights::Synced,
                test: score,
                train: Some(score),
                took: 0.25,
            },
            3 => EventKind::Evaluation {
                weights: Weights::Inner,
                test: score,
                train: None,
                took: 0.1,
            },
            4 => EventKind::Notice { message: format!("notice {number}") },
            5 => EventKind::Applied { command: Command::SetPeriod { k: number }, by: None },
            6 => EventKind::Schedule(Schedule { k: number, active: true, ..Schedule::default() }),
            7 => EventKind::Snapshot { file: format!("step-{number}"), synced: true },
            8 => EventKind::Phase { phase: crate::train::Phase::Paused },
            9 => EventKind::Distribution {
                layers: vec![LayerDistribution { p50: vec![value], ..Default::default() }],
            },
            _ => EventKind::Phase { phase: crate::train::Phase::Running },
        }
    }

    /// A run's events: steps, other events between them, and returns to an earlier step.
    fn run() -> impl Strategy<Value = Vec<(u64, f64, EventKind)>> {
        let act = (0u8..60, 0u64..40, 0.0..3.0f64);
        prop::collection::vec(act, 0..900).prop_map(|acts| {
            let (mut step, mut now) = (0u64, 0.0);
            let mut events = vec![(0, 0.0, started())];
            for (what, number, seconds) in acts {
                now += seconds;
                match what {
                    0..11 => events.push((step, now, happening(what, number))),
                    11 => step = step.saturating_sub(number),
                    _ => {
                        step += 1;
                        events.push((step, now, self::step()));
                    }
                }
            }
            events
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        /// The state at a moment does not depend on the way to it.
        #[test]
        fn any_moment_is_as_it_was(
            run in run(),
            grown in 0.0..1.0f64,
            jumps in prop::collection::vec((any::<prop::sample::Index>(), 0u8..3), 1..60),
        ) {
            let mut log = Log::new();
            let first = (run.len() as f64 * grown) as usize;
            log.append(&run[..first]);
            log.append_text(r#"{"step":99,"seco"#);
            let mut timeline = log.timeline();
            log.append_text("\n\n{\"damaged\"\n");
            log.append(&run[first..]);
            timeline.follow().expect("reads");
            prop_assert_eq!(timeline.damage(), damage_message(2));
            prop_assert_eq!(&timeline.newest().state, &log.known[log.known.len() - 1].1);

            let mut here = timeline.newest().clone();
            for (jump, how) in jumps {
                let index = jump.index(log.known.len());
                let wanted = log.known[index].0;
                match how {
                    0 => here = timeline.at(wanted, &here).expect("reads"),
                    1 => here = timeline.at(wanted, &Place::default()).expect("reads"),
                    _ => here = timeline.next(&here).expect("reads"),
                }
                let (moment, state) = log.known_at(here.moment);
                prop_assert!(how == 2 || here.moment == wanted);
                prop_assert_eq!(here.moment, *moment);
                prop_assert_eq!(&here.state, state);
            }
        }

        /// Playing only moves forward, shows known states only, and never waits longer than a gap.
        #[test]
        fn playing_comes_by_every_moment(run in run(), stride in 0.3..20.0f64) {
            let mut log = Log::new();
            log.append(&run);
            let timeline = log.timeline();
            let (mut here, mut seconds) = (Place::default(), 0.0);
            let mut seen = 0;
            while !timeline.is_newest(&here) {
                seconds += stride;
                here = timeline.after(seconds, &here).expect("reads");
                prop_assert!(here.played <= seconds);
                let known = log.known[seen..].iter().position(|(_, state)| *state == here.state);
                prop_assert!(known.is_some(), "an unknown state at {:?}", here.moment);
                seen += known.unwrap_or_default();
            }
            prop_assert!(seconds <= log.known.len() as f64 * LONGEST_GAP + stride);
        }

        #[test]
        fn strides_go_through_all_steps_and_back(run in run(), by in 1i64..50) {
            let mut log = Log::new();
            log.append(&run);
            let timeline = log.timeline();
            let end = timeline.newest().moment;
            let mut moment = Moment::default();
            let mut strides = 0;
            while moment != end && strides < 2000 {
                let next = timeline.shifted(moment, by);
                prop_assert!(next > moment && next <= end);
                if next != end {
                    prop_assert_eq!(timeline.shifted(next, -by), moment);
                }
                (moment, strides) = (next, strides + 1);
            }
            prop_assert_eq!(moment, end);
            prop_assert_eq!(timeline.shifted(Moment::default(), -by), Moment::default());
        }
    }

    proptest! {
        /// Of a damaged log, the readable part is shown, and nothing fails.
        #[test]
        fn a_mutilated_log_is_survived(
            run in run(),
            wounds in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..40),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
            steps in prop::collection::vec((any::<u64>(), any::<i64>()), 1..8),
        ) {
            let mut log = Log::new();
            log.append(&run);
            let mut text = std::fs::read(log.run.events()).expect("reads");
            for (at, byte) in wounds {
                let at = at.index(text.len());
                text[at] = byte;
            }
            for cut in cuts {
                let cut = cut.index(text.len());
                text.extend_from_within(cut..);
                text.truncate(text.len().min(1 << 18));
            }
            std::fs::write(log.run.events(), &text).expect("writes");
            let Ok(timeline) = Timeline::open(log.run.clone()) else { return Ok(()) };
            let mut here = timeline.newest().clone();
            for (step, by) in steps {
                let moment = timeline.shifted(timeline.moment_of(step), by);
                here = timeline.at(moment, &here).expect("reads");
                prop_assert!(here.moment <= moment.max(timeline.newest().moment));
                here = timeline.after((step % 999) as f64, &here).expect("reads");
                timeline.next(&here).expect("reads");
            }
        }
    }

    /// Ten steps, back to step 8, and three more.
    fn gone_back() -> Log {
        let mut log = Log::new();
        log.append(&[(0, 0.0, started())]);
        log.append(&(1..=10).map(|s| (s, s as f64 / 10.0, step())).collect::<Vec<_>>());
        log.append(&[(10, 1.0, happening(1, 1)), (10, 1.0, happening(5, 7))]);
        log.append(&(9..=11).map(|s| (s, s as f64 / 2.0, step())).collect::<Vec<_>>());
        log.append(&[(11, 5.5, happening(1, 2))]);
        log
    }

    #[test]
    fn a_step_that_was_repeated_is_found_where_it_counted() {
        let log = gone_back();
        let timeline = log.timeline();
        assert_eq!(timeline.moment_of(5), Moment { stretch: 0, step: 5 });
        assert_eq!(timeline.moment_of(10), Moment { stretch: 1, step: 10 });
        assert_eq!(
            timeline.shifted(Moment { stretch: 0, step: 10 }, 1),
            Moment { stretch: 1, step: 9 }
        );
        let end = timeline.at(timeline.moment_of(9999), &Place::default()).expect("reads");
        assert!(timeline.is_newest(&end));
        assert_eq!(end.moment.step, 11);
    }

    #[test]
    fn syncs_and_changes_are_jumped_to() {
        let log = gone_back();
        let timeline = log.timeline();
        let (first, second) = (Moment { stretch: 0, step: 10 }, Moment { stretch: 1, step: 11 });
        let start = Moment::default();
        assert_eq!(timeline.sync_near(start, true), Some(first));
        assert_eq!(timeline.sync_near(first, true), Some(second));
        assert_eq!(timeline.sync_near(second, true), None);
        assert_eq!(timeline.sync_near(second, false), Some(first));
        assert_eq!(timeline.sync_near(first, false), None);
        assert_eq!(timeline.change_near(start, true), Some(first));
        assert_eq!(timeline.change_near(first, true), None);
    }

    #[test]
    fn frames_are_those_of_the_moment() {
        let at = |offset| FrameLocation { offset, length: 1, crc: 0 };
        let frame = |offset| EventKind::Frame { at: Some(at(offset)), frame: None };
        let mut log = Log::new();
        log.append(&[(1, 0.1, step()), (1, 0.1, frame(0)), (2, 0.2, step()), (2, 0.2, frame(7))]);
        log.append(&[(3, 0.3, step())]);
        let timeline = log.timeline();
        let frame = |step| {
            let place = timeline.at(timeline.moment_of(step), &Place::default()).expect("reads");
            timeline.frame_at(&place)
        };
        assert_eq!(
            [0, 1, 2, 3].map(frame),
            [None, Some((at(0), 1)), Some((at(7), 2)), Some((at(7), 2))]
        );
    }

    #[test]
    fn a_cut_log_is_read_anew() {
        let mut log = gone_back();
        let mut timeline = log.timeline();
        assert_eq!(timeline.follow().expect("reads"), Growth::None);
        std::fs::write(log.run.events(), "").expect("writes");
        log.known.truncate(1);
        log.append(&[(0, 0.0, started()), (1, 0.1, step())]);
        assert_eq!(timeline.follow().expect("reads"), Growth::Restarted);
        assert_eq!(timeline.newest().state, log.known[2].1);
        assert_eq!(timeline.sync_near(Moment::default(), true), None);
        let reason = Reason::Finished;
        let finished = EventKind::Finished {
            reason,
            message: None,
            weights_checksum: None,
            data_wait_seconds: None,
        };
        log.append(&[(1, 0.2, finished)]);
        assert_eq!(timeline.follow().expect("reads"), Growth::Grown);
        assert_eq!(timeline.newest().state.reason, Some(reason));
    }
}
