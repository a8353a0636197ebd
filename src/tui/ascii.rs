//! The last step before output to a terminal limited to ASCII: every other symbol is replaced by a
//! similar one, so that no other code has to support such terminals.

use ratatui::buffer::Buffer;

/// Replaces all symbols outside ASCII.
pub(super) fn replace(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if let Some(c) = cell.symbol().chars().next().filter(|_| !cell.symbol().is_ascii()) {
            cell.set_char(likeness(c));
        }
    }
}

/// Returns the ASCII character most similar to `c`; `?` if there is none.
fn likeness(c: char) -> char {
    match c {
        '─' | '╌' | '┄' | '–' | '—' => '-',
        '━' | '═' => '=',
        '│' | '┃' | '║' | '╎' | '┆' => '|',
        '█' | '▓' | '▒' | '■' => '#',
        '░' | '·' => '.',
        '•' | '●' | '○' | '◆' | '▲' | '▼' => '*',
        '→' | '▸' | '▶' => '>',
        '←' | '◂' | '◀' => '<',
        '↑' => '^',
        '↓' => 'v',
        '…' => '~',
        '×' => 'x',
        '≈' | '±' => '~',
        'θ' => 't',
        'σ' => 's',
        'µ' | 'μ' => 'u',
        '₀'..='₉' => char::from(b'0' + (u32::from(c) - u32::from('₀')) as u8),
        '\u{2500}'..='\u{257f}' => '+',
        '\u{2580}'..='\u{259f}' => '#',
        '\u{2800}' => ' ',
        '\u{2801}'..='\u{28ff}' => '*',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likenesses() {
        let mut buffer = Buffer::with_lines(["┌─ k₂ ×10 …", "│⠀⣿█ 漢 é"]);
        replace(&mut buffer);
        assert_eq!(buffer, Buffer::with_lines(["+- k2 x10 ~", "| *# ?  ?"]));
    }
}
