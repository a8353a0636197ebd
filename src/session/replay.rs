//! A run on disk, played like a film: any moment of it, at any speed. A log that still grows is
//! followed.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::run::{Growth, Moment, Place, ReadError, RunFolder, RunState, Timeline, read_frame};
use crate::train::{Frame, FrameLocation};

/// Speeds of playing, relative to the run itself.
const SPEEDS: [u32; 10] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

/// The speed at first is the slowest one at which the whole run takes at most this many seconds.
const FIRST_DURATION: f64 = 60.0;

/// Interval at which the log is checked for growth while its end is shown and a process writes it.
const CHECK_AT_END: Duration = Duration::from_millis(100);

/// Interval at which the log is checked for growth otherwise.
const CHECK: Duration = Duration::from_secs(1);

/// Longest time that playing advances between two frames, so that a stopped terminal does not skip.
const LONGEST_TICK: Duration = Duration::from_millis(250);

/// A user's action on a recorded run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Transport {
    /// Starts or stops playing. At the end, starts from the beginning.
    PlayOrStop,
    /// Plays at the next higher speed.
    Faster,
    /// Plays at the next lower speed.
    Slower,
    /// Moves by this many hundredths of the run, at least by a step; back if negative.
    Scrub(i32),
    /// Moves to the end of the next step, or of the previous one.
    Step {
        /// Direction in time.
        forward: bool,
    },
    /// Moves to the beginning.
    Start,
    /// Moves to the end, where a log that grows is followed.
    End,
    /// Moves to a moment.
    To(Target),
    /// Moves to the next sync, or to the previous one.
    Sync {
        /// Direction in time.
        forward: bool,
    },
    /// Moves to the next manual change, or to the previous one.
    Change {
        /// Direction in time.
        forward: bool,
    },
}

/// A moment as a user gives it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// The end of a step.
    Step(u64),
    /// After this many epochs.
    Epoch(f64),
    /// After this share of the steps in the log, 0 to 1.
    Share(f64),
}

/// State of playing, for the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Playback {
    /// The latest step of the log.
    pub last_step: u64,
    /// Relative to the run itself.
    pub speed: u32,
    pub playing: bool,
    /// Whether the end of the log is shown.
    pub at_end: bool,
    /// Whether a process hosts the run, as of the last check.
    pub living: bool,
}

/// A recorded run.
#[derive(Debug)]
pub struct Replay {
    timeline: Timeline,
    shown: Place,
    /// The frame that was read last; `None` inside if it is not readable.
    frame: Option<(FrameLocation, Option<Arc<Frame>>)>,
    /// Index into [`SPEEDS`].
    speed: usize,
    /// Position in the seconds of [`Place::played`], and the time at which it was reached.
    playing: Option<(f64, Instant)>,
    living: bool,
    checked: Option<Instant>,
    /// The picture changed since the last [`Replay::advance`].
    changed: bool,
    news: Option<String>,
}

impl Replay {
    /// Opens the log of a run at its end.
    ///
    /// # Errors
    /// The file cannot be read, or is not a log.
    pub fn open(folder: RunFolder) -> Result<Self, ReadError> {
        let timeline = Timeline::open(folder)?;
        let shown = timeline.newest().clone();
        let wanted = shown.played / FIRST_DURATION;
        let speed = SPEEDS.iter().position(|&speed| f64::from(speed) >= wanted);
        let news = timeline.damage();
        let mut replay = Replay {
            speed: speed.unwrap_or(SPEEDS.len() - 1),
            timeline,
            shown,
            frame: None,
            playing: None,
            living: false,
            checked: None,
            changed: true,
            news,
        };
        replay.living = replay.is_living();
        Ok(replay)
    }

    /// Folder of the run.
    pub fn folder(&self) -> &Path {
        self.timeline.folder().path()
    }

    /// Carries out an action of the user.
    ///
    /// # Errors
    /// The reason why it is not possible, as a sentence.
    pub fn obey(&mut self, transport: Transport, now: Instant) -> Result<(), String> {
        self.changed = true;
        let here = self.shown.moment;
        let moment = match transport {
            Transport::PlayOrStop => return self.play_or_stop(now),
            Transport::Faster => return self.set_speed(Some(self.speed + 1)),
            Transport::Slower => return self.set_speed(self.speed.checked_sub(1)),
            Transport::Start => Moment::default(),
            Transport::End => self.timeline.newest().moment,
            Transport::Step { forward: true } => return self.next(),
            Transport::Step { forward: false } => self.timeline.shifted(here, -1),
            Transport::Scrub(by) => self.scrubbed(by),
            Transport::To(target) => self.timeline.moment_of(self.step_of(target)?),
            Transport::Sync { forward } => {
                let sync = self.timeline.sync_near(here, forward);
                sync.ok_or(if forward { "no later sync" } else { "no earlier sync" })?
            }
            Transport::Change { forward } => {
                let change = self.timeline.change_near(here, forward);
                let none = if forward { "no later change" } else { "no earlier change" };
                change.ok_or(format!("{none} was made by hand"))?
            }
        };
        self.playing = None;
        let place = self.timeline.at(moment, &self.shown).map_err(|error| error.to_string())?;
        self.shown = place;
        // If no step was logged within a small stride, the position would not change.
        let forward = matches!(transport, Transport::Scrub(by) if by > 0);
        if forward && self.shown.moment == here { self.next() } else { Ok(()) }
    }

    /// Advances to the time `now`, and reads what was written to the log meanwhile. Returns the
    /// picture to show if it has changed.
    pub fn advance(&mut self, now: Instant) -> Option<(RunState, Playback)> {
        self.check_log(now);
        if let Some((played, since)) = self.playing {
            let elapsed = now.saturating_duration_since(since).min(LONGEST_TICK);
            let played = played + elapsed.as_secs_f64() * f64::from(self.speed());
            self.playing = Some((played, now));
            self.play_to(played);
        }
        std::mem::take(&mut self.changed).then(|| (self.state(), self.playback()))
    }

    /// Takes the latest message about the log itself.
    pub fn take_news(&mut self) -> Option<String> {
        self.news.take()
    }

    /// State of the run at the moment shown.
    pub fn state(&mut self) -> RunState {
        let mut state = self.shown.state.clone();
        state.frame = self.timeline.frame_at(&self.shown).and_then(|(at, step)| {
            if self.frame.as_ref().is_none_or(|(known, _)| *known != at) {
                let frame = read_frame(self.timeline.folder(), at).map(Arc::new);
                self.frame = Some((at, frame));
            }
            Some((step, self.frame.as_ref()?.1.clone()?))
        });
        state
    }

    /// Returns how the run is being played.
    pub fn playback(&self) -> Playback {
        Playback {
            last_step: self.timeline.newest().state.step,
            speed: self.speed(),
            playing: self.playing.is_some(),
            at_end: self.timeline.is_newest(&self.shown),
            living: self.living,
        }
    }

    fn speed(&self) -> u32 {
        SPEEDS[self.speed]
    }

    fn set_speed(&mut self, speed: Option<usize>) -> Result<(), String> {
        let possible = speed.filter(|&speed| speed < SPEEDS.len());
        self.speed = possible.ok_or("the speed goes from 1x to 1000x")?;
        Ok(())
    }

    fn play_or_stop(&mut self, now: Instant) -> Result<(), String> {
        if self.playing.take().is_some() {
            return Ok(());
        }
        if self.timeline.is_newest(&self.shown) {
            let start = self.timeline.at(Moment::default(), &self.shown);
            self.shown = start.map_err(|error| error.to_string())?;
        }
        self.playing = Some((self.shown.played, now));
        Ok(())
    }

    fn play_to(&mut self, played: f64) {
        match self.timeline.after(played, &self.shown) {
            Ok(place) => {
                self.changed |=
                    place.moment != self.shown.moment || place.played != self.shown.played;
                self.shown = place;
            }
            Err(error) => self.stop(error.to_string()),
        }
        if self.timeline.is_newest(&self.shown) {
            self.playing = None;
            self.changed = true;
        }
    }

    fn stop(&mut self, why: String) {
        (self.playing, self.news, self.changed) = (None, Some(why), true);
    }

    fn next(&mut self) -> Result<(), String> {
        self.playing = None;
        self.shown = self.timeline.next(&self.shown).map_err(|error| error.to_string())?;
        Ok(())
    }

    fn scrubbed(&self, by: i32) -> Moment {
        let stride = (self.timeline.newest().state.step / 100).max(1);
        let stride = i64::try_from(stride).unwrap_or(i64::MAX);
        self.timeline.shifted(self.shown.moment, stride.saturating_mul(by.into()))
    }

    fn step_of(&self, target: Target) -> Result<u64, String> {
        let newest = &self.timeline.newest().state;
        let started = newest.started.as_ref();
        let per_epoch = started.map_or(0, |started| started.steps_per_epoch);
        match target {
            Target::Step(step) => Ok(step),
            Target::Epoch(_) if per_epoch == 0 => {
                Err("the log does not say how long an epoch is".into())
            }
            Target::Epoch(epoch) => Ok((epoch * per_epoch as f64).round() as u64),
            Target::Share(share) => Ok((share * newest.step as f64).round() as u64),
        }
    }

    /// Checks whether the log has grown, at most once per interval.
    fn check_log(&mut self, now: Instant) {
        let at_end = self.playing.is_none() && self.timeline.is_newest(&self.shown);
        let interval = if at_end && self.living { CHECK_AT_END } else { CHECK };
        if self.checked.is_some_and(|checked| now.saturating_duration_since(checked) < interval) {
            return;
        }
        self.checked = Some(now);
        match self.timeline.follow() {
            Ok(Growth::None) => {}
            Ok(Growth::Grown) => {
                if at_end {
                    self.shown = self.timeline.newest().clone();
                }
                self.changed = true;
            }
            Ok(Growth::Restarted) => self.restarted(at_end),
            Err(error) => {
                if self.playing.is_some() || self.living {
                    self.stop(error.to_string());
                }
            }
        }
        let living = self.is_living();
        self.changed |= std::mem::replace(&mut self.living, living) != living;
    }

    /// Handles a log that was cut, as resuming a run does: every place in it is void.
    fn restarted(&mut self, at_end: bool) {
        let step = self.shown.moment.step;
        let moment = self.timeline.moment_of(if at_end { u64::MAX } else { step });
        let place = self.timeline.at(moment, &Place::default());
        self.shown = place.unwrap_or_else(|_| self.timeline.newest().clone());
        self.stop(format!(
            "the run was resumed from an earlier step: its log ends at step {} now",
            self.timeline.newest().state.step
        ));
    }

    fn is_living(&self) -> bool {
        let over = self.timeline.newest().state.reason.is_some();
        !over && self.timeline.folder().is_hosted()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::{Event, EventKind, Reason, Started};

    /// A log of `steps` steps, ten a second, with a pause of a minute after step 50.
    fn log(steps: u64) -> (tempfile::TempDir, RunFolder) {
        let folder = tempfile::tempdir().expect("a folder");
        let run = RunFolder::open(folder.path());
        let started = Started { steps_per_epoch: 10, total_steps: steps, ..Started::default() };
        let mut events = vec![(0, 0.0, EventKind::Started(Box::new(started)))];
        for step in 1..=steps {
            let seconds = step as f64 / 10.0 + if step > 50 { 60.0 } else { 0.0 };
            events.push((step, seconds, EventKind::Step { loss: 1.0, accuracy: 0.5 }));
        }
        write(&run, &events);
        (folder, run)
    }

    fn write(run: &RunFolder, events: &[(u64, f64, EventKind)]) {
        let line = |(step, seconds, kind): &(u64, f64, EventKind)| {
            let event = Event { step: *step, seconds: *seconds, kind: kind.clone() };
            serde_json::to_string(&event).expect("a line") + "\n"
        };
        let text: String = events.iter().map(line).collect();
        std::fs::write(run.events(), text).expect("writes");
    }

    fn step(replay: &mut Replay) -> u64 {
        replay.state().step
    }

    #[test]
    fn it_plays_at_the_pace_of_the_run_without_its_pauses() {
        let (_folder, run) = log(100);
        let mut replay = Replay::open(run).expect("opens");
        assert!(replay.playback().at_end);
        // Eleven seconds: the pause is shortened to one.
        assert_eq!(replay.playback().speed, 1);
        let begun = Instant::now();
        let after = |seconds: f64| begun + Duration::from_secs_f64(seconds);
        replay.obey(Transport::PlayOrStop, begun).expect("plays from the start");
        let mut seen = Vec::new();
        for tick in 1..=56 {
            if let Some((state, playback)) = replay.advance(after(f64::from(tick) / 5.0 + 0.01)) {
                seen.push(state.step);
                assert_eq!(playback.playing, state.step < 100, "at step {}", state.step);
            }
        }
        assert!(seen.is_sorted() && seen.contains(&50), "{seen:?}");
        assert_eq!((seen[0], seen[1], seen.last()), (2, 4, Some(&100)));
        assert!(replay.advance(after(99.0)).is_none(), "nothing happens at the end");
        replay.obey(Transport::PlayOrStop, after(100.0)).expect("plays again");
        assert_eq!(step(&mut replay), 0);
    }

    #[test]
    fn it_plays_faster_and_stops() {
        let (_folder, run) = log(100);
        let mut replay = Replay::open(run).expect("opens");
        let now = Instant::now();
        let later = |milliseconds| now + Duration::from_millis(milliseconds);
        for action in [Transport::PlayOrStop, Transport::Faster, Transport::Faster] {
            replay.obey(action, now).expect("obeys");
        }
        assert_eq!(replay.playback().speed, 5);
        replay.advance(later(210));
        assert_eq!(step(&mut replay), 10);
        replay.obey(Transport::PlayOrStop, later(220)).expect("stops");
        replay.advance(later(230));
        assert!(replay.advance(later(900)).is_none(), "a stopped replay draws nothing");
        for _ in 0..2 {
            replay.obey(Transport::Slower, now).expect("obeys");
        }
        assert!(replay.obey(Transport::Slower, now).is_err());
        assert_eq!(replay.playback().speed, 1);
    }

    #[test]
    fn it_goes_where_it_is_told() {
        let (_folder, run) = log(1000);
        let mut replay = Replay::open(run).expect("opens");
        let mut go = |transport| {
            let done = replay.obey(transport, Instant::now());
            done.map(|()| step(&mut replay))
        };
        let forward = true;
        assert_eq!(go(Transport::Start), Ok(0));
        assert_eq!(go(Transport::Step { forward }), Ok(1));
        assert_eq!(go(Transport::Scrub(1)), Ok(11));
        assert_eq!(go(Transport::Scrub(-10)), Ok(0));
        assert_eq!(go(Transport::Scrub(10)), Ok(100));
        assert_eq!(go(Transport::Step { forward: false }), Ok(99));
        assert_eq!(go(Transport::To(Target::Step(321))), Ok(321));
        assert_eq!(go(Transport::To(Target::Epoch(3.0))), Ok(30));
        assert_eq!(go(Transport::To(Target::Share(0.5))), Ok(500));
        assert_eq!(go(Transport::Sync { forward }), Err("no later sync".into()));
        let none = "no earlier change was made by hand".to_owned();
        assert_eq!(go(Transport::Change { forward: false }), Err(none));
        assert_eq!(go(Transport::To(Target::Step(5000))), Ok(1000));
        assert_eq!(go(Transport::Step { forward }), Ok(1000));
        assert_eq!(go(Transport::End), Ok(1000));
    }

    #[test]
    fn it_follows_a_growing_log_at_its_end_and_stays_elsewhere() {
        let (_folder, run) = log(20);
        let mut replay = Replay::open(run.clone()).expect("opens");
        let begun = Instant::now();
        let after = |seconds| begun + Duration::from_secs(seconds);
        replay.advance(begun);
        let events: Vec<_> = (1..=30)
            .map(|step| (step, 1.0, EventKind::Step { loss: 1.0, accuracy: 0.5 }))
            .collect();
        let mut text = std::fs::read_to_string(run.events()).expect("reads");
        write(&run, &events[20..]);
        text += &std::fs::read_to_string(run.events()).expect("reads");
        std::fs::write(run.events(), &text).expect("writes");
        replay.advance(after(2));
        assert_eq!(step(&mut replay), 30);
        replay.obey(Transport::Scrub(-3), after(2)).expect("scrubs");
        write(&run, &[(31, 9.0, EventKind::Step { loss: 1.0, accuracy: 0.5 })]);
        text += &std::fs::read_to_string(run.events()).expect("reads");
        std::fs::write(run.events(), &text).expect("writes");
        replay.advance(after(4));
        assert_eq!((step(&mut replay), replay.playback().last_step), (27, 31));
    }

    #[test]
    fn a_log_that_was_cut_is_said_and_shown_anew() {
        let (_folder, run) = log(60);
        let mut replay = Replay::open(run.clone()).expect("opens");
        replay.advance(Instant::now());
        let reason = Reason::Stopped;
        let finished = EventKind::Finished {
            reason,
            message: None,
            weights_checksum: None,
            data_wait_seconds: None,
        };
        write(&run, &[(0, 0.0, EventKind::Started(Box::default())), (9, 1.0, finished)]);
        let (state, _) = replay.advance(Instant::now() + CHECK).expect("something new");
        assert_eq!((state.step, state.reason), (9, Some(reason)));
        assert!(replay.take_news().is_some_and(|news| news.contains("ends at step 9")));
    }
}
