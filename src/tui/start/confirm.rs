//! The question before runs are deleted.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Widget;

use crate::run::{RunFolder, size_on_disk};
use crate::tui::format;
use crate::tui::popup::frame;
use crate::tui::theme::Theme;

/// What is asked about.
#[derive(Debug)]
pub(super) struct Confirm {
    pub folders: Vec<RunFolder>,
    /// Bytes on disk.
    size: u64,
}

/// What a key makes of the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
    /// The key meant nothing.
    None,
}

impl Confirm {
    pub fn new(folders: Vec<RunFolder>) -> Self {
        let size = folders.iter().map(size_on_disk).sum();
        Confirm { folders, size }
    }

    /// Only `y` deletes: enter is pressed too easily.
    pub fn key(&self, key: KeyEvent) -> Answer {
        match key.code {
            KeyCode::Char('y') => Answer::Yes,
            KeyCode::Char('n' | 'q' | 'c') | KeyCode::Esc => Answer::No,
            _ => Answer::None,
        }
    }

    /// The runs in a few words: the name of one, the number of several; and their size.
    pub fn what(&self) -> String {
        let size = format::bytes(self.size);
        match self.folders.as_slice() {
            [folder] => format!("{}, {size}", folder.name()),
            folders => format!("{} runs, {size}", folders.len()),
        }
    }

    pub fn render(&self, theme: &Theme, area: Rect, buffer: &mut Buffer) {
        let width = 64.min(area.width.saturating_sub(6)).max(1);
        let question = format!("Delete {}? They are gone for good.", self.what());
        let question = match self.folders.len() {
            1 => question.replace("They are", "It is"),
            _ => question,
        };
        let mut lines: Vec<Line> = format::wrap(&question, width.into())
            .into_iter()
            .map(|l| Line::styled(l, theme.text))
            .collect();
        if self.folders.len() > 1 {
            lines.push(Line::default());
            lines.extend(self.folders.iter().map(|f| Line::styled(f.name(), theme.muted)));
        }
        let size = (width, lines.len().min(100) as u16);
        let inner = frame("delete?", "y deletes, esc keeps", size, theme, area, buffer);
        for (line, row) in lines.into_iter().zip(inner.rows()) {
            line.render(row, buffer);
        }
    }
}
