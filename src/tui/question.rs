//! A question with a few answers, each with its key.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::format::wrap;
use super::popup::{Popup, Reaction, frame};
use super::theme::Theme;

/// A question to the user of a view whose state is `C`.
pub(super) struct Question<C> {
    title: &'static str,
    text: String,
    /// Lines below the text, such as the names of what it is about.
    details: Vec<String>,
    answers: Vec<Answer<C>>,
    chosen: usize,
}

struct Answer<C> {
    key: char,
    text: &'static str,
    effect: Box<dyn FnOnce(&mut C)>,
}

impl<C> Question<C> {
    /// A question without answers yet. Enter gives the first answer, so that one should do no harm
    /// if the key was meant for something else.
    pub(super) fn new(title: &'static str, text: impl Into<String>) -> Self {
        Question { title, text: text.into(), details: Vec::new(), answers: Vec::new(), chosen: 0 }
    }

    pub(super) fn details(self, details: Vec<String>) -> Self {
        Question { details, ..self }
    }

    /// Adds an answer.
    pub(super) fn answer(
        mut self,
        key: char,
        text: &'static str,
        effect: impl FnOnce(&mut C) + 'static,
    ) -> Self {
        self.answers.push(Answer { key, text, effect: Box::new(effect) });
        self
    }

    /// Adds an answer that only closes the question.
    pub(super) fn dismissal(self, key: char, text: &'static str) -> Self {
        self.answer(key, text, |_| {})
    }

    fn give(&mut self, answer: usize) -> Reaction<C> {
        if answer >= self.answers.len() {
            return Reaction::Close;
        }
        Reaction::Act(self.answers.swap_remove(answer).effect)
    }
}

impl<C> Popup<C> for Question<C> {
    fn title(&self) -> &'static str {
        self.title
    }

    fn key(&mut self, key: KeyEvent) -> Reaction<C> {
        let count = self.answers.len().max(1);
        match key.code {
            KeyCode::Esc => return Reaction::Close,
            KeyCode::Enter => return self.give(self.chosen),
            KeyCode::Down | KeyCode::Right | KeyCode::Tab => {
                self.chosen = (self.chosen + 1) % count
            }
            KeyCode::Up | KeyCode::Left | KeyCode::BackTab => {
                self.chosen = (self.chosen + count - 1) % count;
            }
            KeyCode::Char(c) => {
                if let Some(answer) = self.answers.iter().position(|answer| answer.key == c) {
                    return self.give(answer);
                }
            }
            _ => {}
        }
        Reaction::Stay
    }

    fn render(&self, _: &C, theme: &Theme, area: Rect, buffer: &mut Buffer) {
        let width = 60.min(area.width.saturating_sub(6)).max(1);
        let text = wrap(&self.text, width.into()).into_iter();
        let mut lines: Vec<Line> = text.map(|line| Line::styled(line, theme.text)).collect();
        lines.extend(self.details.iter().map(|line| Line::styled(line.as_str(), theme.muted)));
        let answers = self.answers.len() as u16;
        let size = (width, lines.len().min(100) as u16 + answers + 1);
        let inner = frame(self.title, "enter chooses, esc closes", size, theme, area, buffer);
        // If there is no room for everything, the answers stay.
        let room = inner.height.saturating_sub(answers);
        for (line, row) in lines.into_iter().zip(inner.rows().take(room.into())) {
            line.render(row, buffer);
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
