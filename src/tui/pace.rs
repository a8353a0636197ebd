//! How often a view is drawn.
//!
//! A picture costs bytes, which a slow connection must carry, and a processor that training could
//! use. Input from the user is answered at once whatever it costs; pictures of a live run
//! are limited in rate and in bytes. If nothing has changed, nothing is drawn.

use std::time::{Duration, Instant};

/// How a view has changed since it was last drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    None,
    /// News arrived.
    News,
    /// The user did something and waits to see its effect.
    #[default]
    Input,
}

/// Limits on what the terminal is sent while there is no input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    bytes_per_second: f64,
    /// The shortest time between two pictures.
    interval: Duration,
}

impl Pace {
    /// For live runs over an ordinary connection. Seven pictures a second suffice to see curves
    /// grow, and each costs a processor about a millisecond.
    pub const LIVE: Pace =
        Pace { bytes_per_second: 16_000.0, interval: Duration::from_millis(150) };

    /// For several live runs at once: there is more to draw, and less of it changes.
    pub(super) const CALM: Pace = Pace { interval: Duration::from_millis(250), ..Pace::LIVE };

    /// For a recorded run that is played: 30 pictures a second.
    pub const FILM: Pace =
        Pace { bytes_per_second: 160_000.0, interval: Duration::from_millis(33) };

    /// For a slow connection: less than 2 kB a second.
    pub const SLOW: Pace = Pace { bytes_per_second: 1_600.0, ..Pace::LIVE };
}

/// Interval at which views are asked for news.
const TICK: Duration = Duration::from_millis(50);

/// The shortest time between two pictures while there is input.
const PROMPT: Duration = Duration::from_millis(25);

/// Decides when the next picture may be drawn.
#[derive(Debug, Default)]
pub(super) struct Budget {
    /// Bytes sent, less those that the pace has allowed since.
    debt: f64,
    drawn: Option<Instant>,
}

impl Budget {
    /// Time until a view with this `change` may be drawn; `None` if it has not changed.
    pub(super) fn delay(&self, change: Change, pace: Pace) -> Option<Duration> {
        let least = match change {
            Change::None => return None,
            Change::Input => PROMPT,
            Change::News => {
                let paid = Duration::from_secs_f64(self.debt / pace.bytes_per_second);
                pace.interval.max(paid)
            }
        };
        Some(self.drawn.map_or(Duration::ZERO, |drawn| least.saturating_sub(drawn.elapsed())))
    }

    /// The longest time to wait for input before the view is asked for news again.
    pub(super) fn patience(&self, change: Change, pace: Pace) -> Duration {
        let tick = TICK.min(pace.interval);
        match change {
            Change::Input => self.delay(change, pace).unwrap_or(tick).min(tick),
            Change::None | Change::News => tick,
        }
    }

    /// Records a picture of this many bytes.
    pub(super) fn spend(&mut self, bytes: u64, pace: Pace) {
        let elapsed = self.drawn.map_or(0.0, |drawn| drawn.elapsed().as_secs_f64());
        self.debt = (self.debt - elapsed * pace.bytes_per_second).max(0.0) + bytes as f64;
        self.drawn = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unchanged_view_is_never_drawn_and_the_first_picture_never_waits() {
        let budget = Budget::default();
        assert_eq!(budget.delay(Change::None, Pace::LIVE), None);
        assert_eq!(budget.delay(Change::News, Pace::SLOW), Some(Duration::ZERO));
    }

    #[test]
    fn a_large_picture_delays_news_but_not_input() {
        let mut budget = Budget::default();
        budget.spend(16_000, Pace::LIVE);
        let delay = |change| budget.delay(change, Pace::LIVE).expect("a change");
        assert!(delay(Change::News) > Duration::from_millis(500), "a second of bytes was sent");
        assert!(delay(Change::Input) <= PROMPT);
    }
}
