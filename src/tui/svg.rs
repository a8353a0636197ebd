//! A picture of the screen as SVG: for a README, a paper, an issue.
//!
//! Braille is drawn as dots and half blocks as rectangles, because few fonts have them at the width
//! of their other characters. Everything else is text with a position for each character.

use std::collections::BTreeMap;
use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use crate::figure::escaped;

/// Width and height of a cell, in pixels.
const WIDTH: u16 = 9;
const HEIGHT: u16 = 18;
/// Default background and foreground colours.
const PAPER: &str = "#16181d";
const INK: &str = "#d4d7dd";

/// Returns a picture of `buffer`; `title` describes it to screen readers.
pub(crate) fn to_svg(buffer: &Buffer, title: &str) -> String {
    let area = buffer.area;
    let (width, height) = (u32::from(area.width * WIDTH), u32::from(area.height * HEIGHT));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         font-family=\"'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"15\">\n\
         <title>{}</title>\n<rect width=\"{width}\" height=\"{height}\" rx=\"6\" fill=\"{PAPER}\"/>\n",
        escaped(title)
    );
    let mut dots: BTreeMap<String, String> = BTreeMap::new();
    for y in 0..area.height {
        row(&mut svg, &mut dots, buffer, y);
    }
    for (ink, path) in dots {
        let _ = writeln!(svg, "<path fill=\"{ink}\" d=\"{path}\"/>");
    }
    svg.push_str("</svg>\n");
    svg
}

/// Draws a row: one text element per run of cells with the same style. The paths of `dots` are by
/// colour.
fn row(svg: &mut String, dots: &mut BTreeMap<String, String>, buffer: &Buffer, y: u16) {
    let cells: Vec<&Cell> = (0..buffer.area.width)
        .filter_map(|x| buffer.cell((buffer.area.x + x, buffer.area.y + y)))
        .collect();
    let mut start = 0;
    while start < cells.len() {
        let look = |cell: &Cell| (inks(cell), cell.modifier.contains(Modifier::BOLD));
        let same =
            cells[start..].iter().take_while(|cell| look(cell) == look(cells[start])).count();
        let ((ink, paper), bold) = look(cells[start]);
        if let Some(paper) = paper {
            let (x, top) = (start as u16 * WIDTH, y * HEIGHT);
            let width = same as u16 * WIDTH;
            let _ = writeln!(
                svg,
                "<rect x=\"{x}\" y=\"{top}\" width=\"{width}\" height=\"{HEIGHT}\" fill=\"{paper}\"/>"
            );
        }
        let (mut xs, mut text) = (String::new(), String::new());
        for (column, cell) in cells[start..start + same].iter().enumerate() {
            let (x, top) = ((start + column) as u16 * WIDTH, y * HEIGHT);
            if let Some(pattern) = braille(cell.symbol()) {
                add_dots(dots.entry(ink.clone()).or_default(), pattern, x, top);
            } else if let Some(offset) = half_block(cell.symbol()) {
                let half = format!("M{x} {}h{WIDTH}v{}h-{WIDTH}z", top + offset, HEIGHT / 2);
                dots.entry(ink.clone()).or_default().push_str(&half);
            } else if !cell.symbol().trim().is_empty() {
                let _ = write!(xs, "{x} ");
                text.push_str(&escaped(cell.symbol()));
            }
        }
        if !text.is_empty() {
            let (baseline, weight) =
                (y * HEIGHT + 14, if bold { " font-weight=\"bold\"" } else { "" });
            let xs = xs.trim_end();
            let _ = writeln!(
                svg,
                "<text x=\"{xs}\" y=\"{baseline}\" fill=\"{ink}\"{weight}>{text}</text>"
            );
        }
        start += same;
    }
}

/// Returns the foreground colour of a cell, and its background colour unless it is the default.
fn inks(cell: &Cell) -> (String, Option<String>) {
    let dim = cell.modifier.contains(Modifier::DIM);
    let ink = colour(cell.fg).unwrap_or_else(|| if dim { "#8a8f99".into() } else { INK.into() });
    let paper = colour(cell.bg);
    if cell.modifier.contains(Modifier::REVERSED) {
        (paper.unwrap_or_else(|| PAPER.into()), Some(ink))
    } else {
        (ink, paper)
    }
}

/// Returns a colour in SVG's syntax; `None` for the terminal's default.
fn colour(colour: Color) -> Option<String> {
    let named = match colour {
        Color::Rgb(r, g, b) => return Some(format!("#{r:02x}{g:02x}{b:02x}")),
        Color::Reset | Color::Indexed(_) => return None,
        Color::Black => "#000000",
        Color::Red => "#cd3131",
        Color::Green => "#0dbc79",
        Color::Yellow => "#e5e510",
        Color::Blue => "#2472c8",
        Color::Magenta => "#bc3fbc",
        Color::Cyan => "#11a8cd",
        Color::Gray => "#c0c0c0",
        Color::DarkGray => "#808080",
        Color::LightRed => "#f14c4c",
        Color::LightGreen => "#23d18b",
        Color::LightYellow => "#f5f543",
        Color::LightBlue => "#3b8eea",
        Color::LightMagenta => "#d670d6",
        Color::LightCyan => "#29b8db",
        Color::White => "#ffffff",
    };
    Some(named.into())
}

/// Returns the dots of a braille character as bits, from dot 1.
fn braille(symbol: &str) -> Option<u32> {
    let code = u32::from(symbol.chars().next()?);
    (0x2800..=0x28ff).contains(&code).then(|| code - 0x2800)
}

/// Returns the distance of a half block from the top of its cell.
fn half_block(symbol: &str) -> Option<u16> {
    match symbol {
        "▀" => Some(0),
        "▄" => Some(HEIGHT / 2),
        _ => None,
    }
}

/// Adds the dots of a braille pattern in the cell at `left`, `top` to a path.
fn add_dots(path: &mut String, pattern: u32, left: u16, top: u16) {
    // Unicode counts dots down the left column, then the right, and the bottom row last.
    const PLACES: [(u16, u16); 8] =
        [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)];
    for (bit, (column, row)) in PLACES.into_iter().enumerate() {
        if pattern >> bit & 1 == 1 {
            let x = f32::from(left) + f32::from(column) * f32::from(WIDTH) / 2.0 + 1.0;
            let y = f32::from(top) + f32::from(row) * f32::from(HEIGHT) / 4.0 + 1.0;
            let _ = write!(path, "M{x} {y}h2.6v2.6h-2.6z");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    #[test]
    fn text_keeps_its_place_and_its_colour() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 1));
        buffer.set_string(1, 0, "a<", Style::new().fg(Color::Rgb(1, 2, 3)));
        let svg = to_svg(&buffer, "k & p");
        assert!(svg.contains("<text x=\"9 18\" y=\"14\" fill=\"#010203\">a&lt;</text>"), "{svg}");
        assert!(svg.contains("<title>k &amp; p</title>"));
        assert!(svg.contains("viewBox=\"0 0 36 18\""));
    }

    #[test]
    fn braille_becomes_dots() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 2, 1));
        // Dot 1 is at the top left; dot 8 at the bottom right.
        buffer.set_string(1, 0, "\u{2881}", Style::new());
        let svg = to_svg(&buffer, "");
        assert!(svg.contains("M10 1h2.6v2.6h-2.6zM14.5 14.5h2.6v2.6h-2.6z"), "{svg}");
        assert!(!svg.contains("<text"), "{svg}");
    }

    #[test]
    fn half_blocks_become_halves_of_their_cells() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 2, 1));
        buffer.set_string(0, 0, "▀▄", Style::new().fg(Color::Rgb(1, 2, 3)));
        let svg = to_svg(&buffer, "");
        assert!(svg.contains("M0 0h9v9h-9zM9 9h9v9h-9z"), "{svg}");
        assert!(!svg.contains("<text"), "{svg}");
    }
}
