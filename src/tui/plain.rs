//! The screen as plain text: for a test, an issue, a search.

use ratatui::buffer::Buffer;
use ratatui::text::Span;

/// Returns the characters of `buffer`, one line per row, without colours and trailing blanks.
pub(crate) fn to_text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in buffer.area.rows().map(|row| row.y) {
        let mut line = String::new();
        let mut x = buffer.area.left();
        while x < buffer.area.right() {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            // A wide character also covers the cells to its right.
            x += (Span::raw(symbol).width() as u16).max(1);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_lines_and_wide_characters_stay_one() {
        let buffer = Buffer::with_lines(["a 漢字 ┃  ", "       ", "  b    "]);
        assert_eq!(to_text(&buffer), "a 漢字 ┃\n\n  b\n");
    }
}
