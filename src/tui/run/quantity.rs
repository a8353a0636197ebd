//! Values that are typed: k, p, the learning rate, or a moment of a recorded run.

use super::state::App;
use crate::session::{Target, Transport};
use crate::train::Command;
use crate::tui::format;
use crate::tui::prompt::{Entry, Prompt, Quantity};

/// A value of a run that can be typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RunQuantity {
    Period,
    Pruning,
    LearningRate,
    Moment,
}

/// The effect of a typed value.
#[derive(Debug, Clone, PartialEq)]
enum Wish {
    Send(Command),
    GoTo(Target),
}

/// Opens the prompt for `quantity`.
pub(super) fn prompt(app: &mut App, quantity: RunQuantity) {
    let (run, schedule) = (&app.run, &app.run.schedule);
    let now = match quantity {
        RunQuantity::Period => schedule.k.to_string(),
        RunQuantity::Pruning => format::ratio(schedule.p),
        RunQuantity::LearningRate => schedule.lr.to_string(),
        RunQuantity::Moment => format!("step {}, epoch {:.1}", run.step, run.epoch()),
    };
    app.chrome.open(Prompt::new(quantity, now));
}

impl Quantity<App> for RunQuantity {
    fn title(&self) -> &'static str {
        match self {
            RunQuantity::Period => "k: steps between syncs",
            RunQuantity::Pruning => "p: share of weights pruned",
            RunQuantity::LearningRate => "lr: learning rate",
            RunQuantity::Moment => "go to",
        }
    }

    fn rule(&self) -> &'static str {
        match self {
            RunQuantity::Period => "a whole number, at least 1",
            RunQuantity::Pruning => "50, 50% and 0.5 are the same; half a percent is 0.5%",
            RunQuantity::LearningRate => "a positive number: 0.001 or 1e-3",
            RunQuantity::Moment => "a step (1200), an epoch (e3) or a share (50%)",
        }
    }

    fn parse(&self, text: &str) -> Result<Entry<App>, String> {
        let wish = self.wish(text)?;
        let preview = wish.preview();
        let effect = move |app: &mut App| match wish {
            Wish::Send(command) => app.send(command),
            Wish::GoTo(target) => app.play(Transport::To(target)),
        };
        Ok(Entry { preview, effect: Box::new(effect) })
    }
}

impl RunQuantity {
    /// Parses a value.
    ///
    /// A pruning ratio may be given in percent or as a share. With a `%` it is percent; without,
    /// a number below 1 is a share and any other is percent. So `50`, `50%` and `0.5` are the same,
    /// and half a percent is `0.5%`.
    fn wish(self, text: &str) -> Result<Wish, String> {
        let text = text.trim();
        let number = |text: &str| {
            let value = text.trim().parse::<f64>();
            value.map_err(|_| format!("`{text}` is not a number"))
        };
        let command = match self {
            RunQuantity::Period => Command::SetPeriod {
                k: text.parse().map_err(|_| format!("`{text}` is not a whole number of steps"))?,
            },
            RunQuantity::Pruning => {
                let p = match text.strip_suffix('%') {
                    Some(percent) => of_percent(number(percent)?),
                    None => match number(text)? {
                        share if share < 1.0 => share,
                        percent => of_percent(percent),
                    },
                };
                if !(0.0..1.0).contains(&p) {
                    return Err("p must be at least 0 % and below 100 %".into());
                }
                Command::SetPruning { p }
            }
            RunQuantity::LearningRate => Command::SetLearningRate { lr: number(text)? },
            RunQuantity::Moment => return Ok(Wish::GoTo(target(text)?)),
        };
        match command.problem() {
            Some(problem) => Err(problem),
            None => Ok(Wish::Send(command)),
        }
    }
}

impl Wish {
    /// Describes the effect, in words.
    fn preview(&self) -> String {
        match self {
            Wish::Send(Command::SetPruning { p }) => format!("p = {}", format::ratio(*p)),
            Wish::Send(command) => command.to_string(),
            Wish::GoTo(Target::Step(step)) => {
                format!("to the end of step {}", format::grouped(*step))
            }
            Wish::GoTo(Target::Epoch(epoch)) => format!("to the end of epoch {epoch}"),
            Wish::GoTo(Target::Share(share)) => {
                format!("to {} of the log", format::percent(*share, 1))
            }
        }
    }
}

/// Share of 1 that `percent` stands for, rounded so that 99.9 % is exactly 0.999.
fn of_percent(percent: f64) -> f64 {
    (percent * 1e10).round() / 1e12
}

/// Parses a moment of a recorded run: `1200`, `e3` or `50%`.
fn target(text: &str) -> Result<Target, String> {
    let epoch = text.strip_prefix(['e', 'E']).map(|epoch| epoch.trim().parse().map(Target::Epoch));
    let share = text
        .strip_suffix('%')
        .map(|percent| percent.trim().parse().map(|percent: f64| Target::Share(percent / 100.0)));
    let step = || text.parse().ok().map(Target::Step);
    match epoch.or(share).map_or_else(step, Result::ok) {
        Some(Target::Share(share)) if !(0.0..=1.0).contains(&share) => {
            Err("a share goes from 0 % to 100 %".into())
        }
        Some(Target::Epoch(epoch)) if !(epoch >= 0.0 && epoch.is_finite()) => {
            Err("an epoch is 0 or more".into())
        }
        Some(target) => Ok(target),
        None => Err(format!("`{text}` is no step (1200), epoch (e3) or share (50%)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pruning_ratio_in_percent_or_as_a_share() {
        for (text, p) in [
            ("50", 0.5),
            ("50%", 0.5),
            (" 50 % ", 0.5),
            ("0.5", 0.5),
            ("0.5%", 0.005),
            ("0", 0.0),
            ("1", 0.01),
            ("99.9", 0.999),
        ] {
            let sent = Wish::Send(Command::SetPruning { p });
            assert_eq!(RunQuantity::Pruning.wish(text), Ok(sent), "{text}");
        }
        for text in ["100", "-1", "nan", "inf", "120%"] {
            let problem = RunQuantity::Pruning.wish(text);
            assert_eq!(problem, Err("p must be at least 0 % and below 100 %".into()), "{text}");
        }
        assert_eq!(RunQuantity::Pruning.wish("half"), Err("`half` is not a number".into()));
    }

    #[test]
    fn a_period_and_a_learning_rate() {
        let sent = Wish::Send(Command::SetPeriod { k: 20 });
        assert_eq!(RunQuantity::Period.wish(" 20 "), Ok(sent));
        assert_eq!(RunQuantity::Period.wish("0"), Err("k must be at least 1".into()));
        let fraction = RunQuantity::Period.wish("2.5");
        assert_eq!(fraction, Err("`2.5` is not a whole number of steps".into()));
        let rate = RunQuantity::LearningRate.wish("1e-3");
        assert_eq!(rate, Ok(Wish::Send(Command::SetLearningRate { lr: 0.001 })));
        assert!(RunQuantity::LearningRate.wish("0").is_err());
        assert!(RunQuantity::LearningRate.wish("inf").is_err());
    }

    #[test]
    fn a_moment_is_a_step_an_epoch_or_a_share() {
        let parse = |text| match RunQuantity::Moment.wish(text) {
            Ok(Wish::GoTo(target)) => Ok(target),
            Ok(_) => panic!("not a moment"),
            Err(problem) => Err(problem),
        };
        assert_eq!(parse(" 1200 "), Ok(Target::Step(1200)));
        assert_eq!(parse("e3"), Ok(Target::Epoch(3.0)));
        assert_eq!(parse("e 2.5"), Ok(Target::Epoch(2.5)));
        assert_eq!(parse("50 %"), Ok(Target::Share(0.5)));
        for text in ["", "x", "e", "%", "-1", "1.5", "e-1", "enan", "120%"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
