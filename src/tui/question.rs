//! A question with a few answers, each with a key of its own.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::actions::Action;
use super::format::wrap;
use super::popup::{Reaction, frame};
use super::theme::Theme;
use crate::train::Command;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    /// Whether to leave.
    Quit,
    /// What to do about a number that is not finite.
    Diverged,
    /// Nothing: the run failed, and a person should know.
    Failed,
}

/// An answer.
#[derive(Debug)]
struct Answer {
    key: char,
    text: &'static str,
    reaction: Reaction,
}

/// A question.
#[derive(Debug)]
pub(super) struct Question {
    pub topic: Topic,
    text: String,
    answers: Vec<Answer>,
    chosen: usize,
}

impl Question {
    /// Asks whether to leave a run that goes on.
    pub fn quit() -> Self {
        let text = "The run is not over. A stopped run is saved and can go on later; detached, it \
                    goes on without this terminal, and `laperm attach` shows it again.";
        let answers = vec![
            Answer { key: 's', text: "stop and save", reaction: Reaction::Stop },
            Answer { key: 'd', text: "detach", reaction: Reaction::Detach },
            Answer { key: 'c', text: "stay", reaction: Reaction::Close },
        ];
        Self { topic: Topic::Quit, text: text.into(), answers, chosen: 0 }
    }

    /// Says that `place` is not finite, and asks what now. A key that was meant for something else
    /// must do no harm, so the first answer does nothing.
    pub fn diverged(place: &str, good_step: u64, steerable: bool) -> Self {
        let text = format!(
            "{place} is not a finite number any more. The state of step {good_step} is kept; the \
             run holds there until it is told to go on. A lower learning rate often helps."
        );
        let mut answers =
            vec![Answer { key: 'c', text: "look around first", reaction: Reaction::Close }];
        if steerable {
            let resume = Reaction::Send(Command::Resume);
            let rate = Reaction::Run(Action::SetLearningRate);
            answers.push(Answer { key: 'g', text: "go on from there", reaction: resume });
            answers.push(Answer { key: 'l', text: "set the learning rate", reaction: rate });
            answers.push(Answer { key: 's', text: "stop and save", reaction: Reaction::Stop });
        }
        Self { topic: Topic::Diverged, text, answers, chosen: 0 }
    }

    /// Says why the run failed.
    pub fn failed(message: &str) -> Self {
        let text = format!("The run has failed: {message}");
        let answers = vec![Answer { key: 'c', text: "close", reaction: Reaction::Close }];
        Self { topic: Topic::Failed, text, answers, chosen: 0 }
    }

    pub fn key(&mut self, key: KeyEvent) -> Reaction {
        let count = self.answers.len();
        match key.code {
            KeyCode::Esc => return Reaction::Close,
            KeyCode::Enter => return self.answers[self.chosen].reaction.clone(),
            KeyCode::Down | KeyCode::Right | KeyCode::Tab => {
                self.chosen = (self.chosen + 1) % count
            }
            KeyCode::Up | KeyCode::Left | KeyCode::BackTab => {
                self.chosen = (self.chosen + count - 1) % count;
            }
            KeyCode::Char(c) => {
                if let Some(answer) = self.answers.iter().find(|answer| answer.key == c) {
                    return answer.reaction.clone();
                }
            }
            _ => {}
        }
        Reaction::Stay
    }

    pub fn render(&self, theme: &Theme, area: Rect, buffer: &mut Buffer) {
        let title = match self.topic {
            Topic::Quit => "leave?",
            Topic::Diverged => "not a finite number",
            Topic::Failed => "failed",
        };
        let width = 60.min(area.width.saturating_sub(6)).max(1);
        let text = wrap(&self.text, width.into());
        let answers = self.answers.len() as u16;
        let size = (width, text.len().min(100) as u16 + answers + 1);
        let inner = frame(title, "enter chooses, esc closes", size, theme, area, buffer);
        // When it is too small for all, the answers stay.
        let room = inner.height.saturating_sub(answers);
        for (line, row) in text.into_iter().zip(inner.rows().take(room.into())) {
            Line::styled(line, theme.text).render(row, buffer);
        }
        let rows = inner.rows().skip((inner.height - answers.min(inner.height)).into());
        for ((i, answer), row) in self.answers.iter().enumerate().zip(rows) {
            let style = if i == self.chosen { theme.selected } else { theme.text };
            let key = Span::styled(format!(" {} ", answer.key), theme.accent);
            let text = Span::styled(format!(" {} ", answer.text), style);
            Line::from(vec![key, text]).render(row, buffer);
        }
    }
}
