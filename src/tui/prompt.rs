//! Typing a value for k, p or the learning rate, or a moment of a recorded run.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::actions::Action;
use super::format;
use super::line_edit::LineEdit;
use super::popup::{Reaction, frame};
use super::theme::Theme;
use crate::run::RunState;
use crate::session::{Target, Transport};
use crate::train::Command;

/// What a value is typed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantity {
    /// k.
    Period,
    /// p.
    Pruning,
    /// lr.
    LearningRate,
    /// A moment of a recorded run.
    Moment,
}

impl Quantity {
    /// What `text` asks for, or what is wrong with it.
    ///
    /// A pruning ratio may be given in percent or as a share: with a `%` it is percent; without, a
    /// number below 1 is a share and any other is percent. So `50`, `50%` and `0.5` are the same,
    /// and half a percent is `0.5%`.
    pub fn parse(self, text: &str) -> Result<Reaction, String> {
        let text = text.trim();
        let number = |text: &str| {
            let value = text.trim().parse::<f64>();
            value.map_err(|_| format!("`{text}` is not a number"))
        };
        let command = match self {
            Quantity::Period => Command::SetPeriod {
                k: text.parse().map_err(|_| format!("`{text}` is not a whole number of steps"))?,
            },
            Quantity::Pruning => {
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
            Quantity::LearningRate => Command::SetLearningRate { lr: number(text)? },
            Quantity::Moment => {
                let transport = Transport::To(target(text)?);
                return Ok(Reaction::Run(Action::Replay(transport)));
            }
        };
        match command.problem() {
            Some(problem) => Err(problem),
            None => Ok(Reaction::Send(command)),
        }
    }

    fn title(self) -> &'static str {
        match self {
            Quantity::Period => "k: steps between syncs",
            Quantity::Pruning => "p: share of weights pruned",
            Quantity::LearningRate => "lr: learning rate",
            Quantity::Moment => "go to",
        }
    }

    /// What may be typed.
    fn rule(self) -> &'static str {
        match self {
            Quantity::Period => "a whole number, at least 1",
            Quantity::Pruning => "50, 50% and 0.5 are the same; half a percent is 0.5%",
            Quantity::LearningRate => "a positive number: 0.001 or 1e-3",
            Quantity::Moment => "a step (1200), an epoch (e3) or a share (50%)",
        }
    }
}

/// A share of 1, as exact as it was typed: 99.9 % is 0.999.
fn of_percent(percent: f64) -> f64 {
    (percent * 1e10).round() / 1e12
}

/// The moment that `text` names.
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

/// The box to type in.
#[derive(Debug)]
pub(super) struct Prompt {
    quantity: Quantity,
    now: String,
    edit: LineEdit,
}

impl Prompt {
    /// Asks for `quantity`; `run` tells what it is now.
    pub fn new(quantity: Quantity, run: &RunState) -> Self {
        let schedule = &run.schedule;
        let now = match quantity {
            Quantity::Period => schedule.k.to_string(),
            Quantity::Pruning => format::ratio(schedule.p),
            Quantity::LearningRate => schedule.lr.to_string(),
            Quantity::Moment => format!("step {}, epoch {:.1}", run.step, run.epoch()),
        };
        Self { quantity, now, edit: LineEdit::default() }
    }

    pub fn key(&mut self, key: KeyEvent) -> Reaction {
        match key.code {
            KeyCode::Esc => Reaction::Close,
            KeyCode::Enter if self.edit.is_empty() => Reaction::Close,
            KeyCode::Enter => match self.quantity.parse(&self.edit.text()) {
                Ok(reaction) => reaction,
                Err(_) => Reaction::Stay,
            },
            _ => {
                self.edit.key(key);
                Reaction::Stay
            }
        }
    }

    pub fn paste(&mut self, text: &str) {
        self.edit.paste(text);
    }

    pub fn render(&self, theme: &Theme, area: Rect, buffer: &mut Buffer) {
        let title = self.quantity.title();
        let inner = frame(title, "enter sets, esc closes", (54, 3), theme, area, buffer);
        let answer = match self.edit.is_empty() {
            true => Line::styled(self.quantity.rule(), theme.muted),
            false => match self.quantity.parse(&self.edit.text()) {
                Ok(reaction) => Line::styled(in_words(&reaction), theme.accent),
                Err(problem) => Line::styled(problem, theme.warning),
            },
        };
        let mut input = Line::from(Span::styled("> ", theme.muted));
        input.extend(self.edit.line(inner.width.saturating_sub(2), theme.text).spans);
        let lines = [Line::styled(format!("now {}", self.now), theme.muted), input, answer];
        for (line, row) in lines.into_iter().zip(inner.rows()) {
            line.render(row, buffer);
        }
    }
}

/// What will be done.
fn in_words(reaction: &Reaction) -> String {
    match reaction {
        Reaction::Send(Command::SetPruning { p }) => format!("p = {}", format::ratio(*p)),
        Reaction::Send(command) => command.to_string(),
        Reaction::Run(Action::Replay(Transport::To(target))) => match target {
            Target::Step(step) => format!("to the end of step {}", format::grouped(*step)),
            Target::Epoch(epoch) => format!("to the end of epoch {epoch}"),
            Target::Share(share) => format!("to {} of the log", format::percent(*share, 1)),
        },
        _ => String::new(),
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
            let sent = Reaction::Send(Command::SetPruning { p });
            assert_eq!(Quantity::Pruning.parse(text), Ok(sent), "{text}");
        }
        for text in ["100", "-1", "nan", "inf", "120%"] {
            let problem = Quantity::Pruning.parse(text);
            assert_eq!(problem, Err("p must be at least 0 % and below 100 %".into()), "{text}");
        }
        assert_eq!(Quantity::Pruning.parse("half"), Err("`half` is not a number".into()));
    }

    #[test]
    fn a_period_and_a_learning_rate() {
        let sent = Reaction::Send(Command::SetPeriod { k: 20 });
        assert_eq!(Quantity::Period.parse(" 20 "), Ok(sent));
        assert_eq!(Quantity::Period.parse("0"), Err("k must be at least 1".into()));
        let fraction = Quantity::Period.parse("2.5");
        assert_eq!(fraction, Err("`2.5` is not a whole number of steps".into()));
        let rate = Quantity::LearningRate.parse("1e-3");
        assert_eq!(rate, Ok(Reaction::Send(Command::SetLearningRate { lr: 0.001 })));
        assert!(Quantity::LearningRate.parse("0").is_err());
        assert!(Quantity::LearningRate.parse("inf").is_err());
    }

    #[test]
    fn a_moment_is_a_step_an_epoch_or_a_share() {
        let parse = |text| match Quantity::Moment.parse(text) {
            Ok(Reaction::Run(Action::Replay(Transport::To(target)))) => Ok(target),
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
