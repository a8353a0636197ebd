//! Typing a value for k, p or the learning rate.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::format;
use super::line_edit::LineEdit;
use super::popup::{Reaction, frame};
use super::theme::Theme;
use crate::train::{Command, Schedule};

/// What a value is typed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantity {
    /// k.
    Period,
    /// p.
    Pruning,
    /// lr.
    LearningRate,
}

impl Quantity {
    /// The command that `text` asks for, or what is wrong with it.
    ///
    /// A pruning ratio may be given in percent or as a share: with a `%` it is percent; without, a
    /// number below 1 is a share and any other is percent. So `50`, `50%` and `0.5` are the same,
    /// and half a percent is `0.5%`.
    pub fn parse(self, text: &str) -> Result<Command, String> {
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
        };
        match command.problem() {
            Some(problem) => Err(problem),
            None => Ok(command),
        }
    }

    fn title(self) -> &'static str {
        match self {
            Quantity::Period => "k: steps between syncs",
            Quantity::Pruning => "p: share of weights pruned",
            Quantity::LearningRate => "lr: learning rate",
        }
    }

    /// What may be typed.
    fn rule(self) -> &'static str {
        match self {
            Quantity::Period => "a whole number, at least 1",
            Quantity::Pruning => "50, 50% and 0.5 are the same; half a percent is 0.5%",
            Quantity::LearningRate => "a positive number: 0.001 or 1e-3",
        }
    }
}

/// A share of 1, as exact as it was typed: 99.9 % is 0.999.
fn of_percent(percent: f64) -> f64 {
    (percent * 1e10).round() / 1e12
}

/// The box to type in.
#[derive(Debug)]
pub(super) struct Prompt {
    quantity: Quantity,
    now: String,
    edit: LineEdit,
}

impl Prompt {
    /// Asks for `quantity`; `schedule` tells what it is now.
    pub fn new(quantity: Quantity, schedule: &Schedule) -> Self {
        let now = match quantity {
            Quantity::Period => schedule.k.to_string(),
            Quantity::Pruning => format::ratio(schedule.p),
            Quantity::LearningRate => schedule.lr.to_string(),
        };
        Self { quantity, now, edit: LineEdit::default() }
    }

    pub fn key(&mut self, key: KeyEvent) -> Reaction {
        match key.code {
            KeyCode::Esc => Reaction::Close,
            KeyCode::Enter if self.edit.is_empty() => Reaction::Close,
            KeyCode::Enter => match self.quantity.parse(&self.edit.text()) {
                Ok(command) => Reaction::Send(command),
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
                Ok(Command::SetPruning { p }) => {
                    Line::styled(format!("p = {}", format::ratio(p)), theme.accent)
                }
                Ok(command) => Line::styled(command.to_string(), theme.accent),
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
            assert_eq!(Quantity::Pruning.parse(text), Ok(Command::SetPruning { p }), "{text}");
        }
        for text in ["100", "-1", "nan", "inf", "120%"] {
            let problem = Quantity::Pruning.parse(text);
            assert_eq!(problem, Err("p must be at least 0 % and below 100 %".into()), "{text}");
        }
        assert_eq!(Quantity::Pruning.parse("half"), Err("`half` is not a number".into()));
    }

    #[test]
    fn a_period_and_a_learning_rate() {
        assert_eq!(Quantity::Period.parse(" 20 "), Ok(Command::SetPeriod { k: 20 }));
        assert_eq!(Quantity::Period.parse("0"), Err("k must be at least 1".into()));
        let fraction = Quantity::Period.parse("2.5");
        assert_eq!(fraction, Err("`2.5` is not a whole number of steps".into()));
        let rate = Quantity::LearningRate.parse("1e-3");
        assert_eq!(rate, Ok(Command::SetLearningRate { lr: 0.001 }));
        assert!(Quantity::LearningRate.parse("0").is_err());
        assert!(Quantity::LearningRate.parse("inf").is_err());
    }
}
