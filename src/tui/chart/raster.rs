//! Dots finer than terminal cells.
//!
//! A cell has 2x4 dots in braille, or 1x2 in ASCII (`'`, `.` and `:`). In both cases a dot is about
//! as wide as it is high, so that a circle is round. A cell has one style, that of its latest dot.
//! To draw one element cleanly over another, give each its own raster and paint them in order.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};

/// Writes a character. It replaces the style of the cell except for the background.
pub(crate) fn put(buffer: &mut Buffer, position: Position, character: char, style: Style) {
    if let Some(cell) = buffer.cell_mut(position) {
        cell.modifier = Modifier::empty();
        cell.set_char(character).set_fg(Color::Reset).set_style(style);
    }
}

/// A rectangle of dots; x grows to the right and y downwards, both from 0.
pub(crate) struct Raster {
    area: Rect,
    unicode: bool,
    bits: Vec<u8>,
    styles: Vec<Style>,
}

impl Raster {
    /// Creates an empty raster over the cells of `area`, in braille if `unicode`.
    pub(crate) fn new(area: Rect, unicode: bool) -> Self {
        let cells = usize::from(area.width) * usize::from(area.height);
        Raster { area, unicode, bits: vec![0; cells], styles: vec![Style::new(); cells] }
    }

    /// Returns the columns and rows of dots per cell.
    pub(crate) fn per_cell(&self) -> (i64, i64) {
        if self.unicode { (2, 4) } else { (1, 2) }
    }

    /// Returns the number of columns of dots.
    pub(crate) fn width(&self) -> i64 {
        i64::from(self.area.width) * self.per_cell().0
    }

    /// Returns the number of rows of dots.
    pub(crate) fn height(&self) -> i64 {
        i64::from(self.area.height) * self.per_cell().1
    }

    /// Returns the cell of a dot; `None` outside the raster.
    pub(crate) fn cell(&self, x: i64, y: i64) -> Option<Position> {
        let inside = (0..self.width()).contains(&x) && (0..self.height()).contains(&y);
        let (columns, rows) = self.per_cell();
        inside.then(|| {
            Position::new(self.area.x + (x / columns) as u16, self.area.y + (y / rows) as u16)
        })
    }

    /// Sets a dot; does nothing outside the raster.
    pub(crate) fn dot(&mut self, x: i64, y: i64, style: Style) {
        let Some(cell) = self.cell(x, y) else { return };
        let (columns, rows) = self.per_cell();
        let (row, column) = (usize::from(cell.y - self.area.y), usize::from(cell.x - self.area.x));
        let index = row * usize::from(self.area.width) + column;
        self.bits[index] |= 1 << (y % rows * columns + x % columns);
        self.styles[index] = style;
    }

    /// Sets the dots of column `x` between two heights, which are rounded and included.
    pub(crate) fn vertical(&mut self, x: i64, from: f64, to: f64, style: Style) {
        if let Some((top, bottom)) = self.rows(from, to) {
            (top..=bottom).for_each(|y| self.dot(x, y, style));
        }
    }

    /// Sets a quarter of the dots between two heights, and always both ends, for a light shade.
    pub(crate) fn shade(&mut self, x: i64, from: f64, to: f64, style: Style) {
        if let Some((top, bottom)) = self.rows(from, to) {
            for y in top..=bottom {
                if (x + 2 * y) % 4 == 0 || y == top || y == bottom {
                    self.dot(x, y, style);
                }
            }
        }
    }

    /// Returns the first and the last row between two heights; `None` if all are outside.
    fn rows(&self, from: f64, to: f64) -> Option<(i64, i64)> {
        let (top, bottom) = (from.min(to).round(), from.max(to).round());
        let last = (self.height() - 1) as f64;
        (top <= last && bottom >= 0.0).then(|| (top.max(0.0) as i64, bottom.min(last) as i64))
    }

    /// Draws a line without holes between two points, whose heights may be far outside.
    pub(crate) fn line(&mut self, from: (i64, f64), to: (i64, f64), style: Style) {
        let (from, to) = if from.0 <= to.0 { (from, to) } else { (to, from) };
        if from.0 == to.0 {
            return self.vertical(from.0, from.1, to.1, style);
        }
        let slope = (to.1 - from.1) / (to.0 - from.0) as f64;
        let height = |x: f64| from.1 + slope * (x - from.0 as f64);
        // Ends half a dot short of the next column's range; otherwise, both would set the dot
        // between.
        let inset = slope.abs().min(1.0) / 2.0 * slope.signum();
        for x in from.0.max(0)..=to.0.min(self.width() - 1) {
            let left = if x == from.0 { from.1 } else { height(x as f64 - 0.5) + inset };
            let right = if x == to.0 { to.1 } else { height(x as f64 + 0.5) - inset };
            self.vertical(x, left, right, style);
        }
    }

    /// Writes every cell with dots into `buffer`.
    pub(crate) fn paint(&self, buffer: &mut Buffer) {
        let positions = self.area.positions();
        for ((position, &bits), &style) in positions.zip(&self.bits).zip(&self.styles) {
            if bits == 0 {
                continue;
            }
            put(buffer, position, self.character(bits), style);
        }
    }

    fn character(&self, bits: u8) -> char {
        if !self.unicode {
            return [' ', '\'', '.', ':'][usize::from(bits & 3)];
        }
        // Bits here go row by row; Unicode numbers the first three rows column by column.
        const ORDER: [u32; 8] = [0, 3, 1, 4, 2, 5, 6, 7];
        let set = (0..8).filter(|bit| bits >> bit & 1 == 1);
        let pattern: u32 = set.map(|bit| 1 << ORDER[bit as usize]).sum();
        char::from_u32(0x2800 + pattern).unwrap_or(' ')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(raster: &Raster) -> Vec<String> {
        let mut buffer = Buffer::empty(raster.area);
        raster.paint(&mut buffer);
        let row = |y| (0..raster.area.width).map(|x| buffer[(x, y)].symbol()).collect();
        (0..raster.area.height).map(row).collect()
    }

    #[test]
    fn dots_become_braille() {
        let mut raster = Raster::new(Rect::new(0, 0, 2, 1), true);
        assert_eq!((raster.width(), raster.height()), (4, 4));
        for (x, y) in [(0, 0), (0, 3), (1, 1), (3, 2)] {
            raster.dot(x, y, Style::new());
        }
        // Dots 1, 7 and 5 of the first cell, dot 6 of the second.
        assert_eq!(painted(&raster), ["\u{2851}\u{2820}"]);
    }

    #[test]
    fn dots_become_punctuation_in_ascii() {
        let mut raster = Raster::new(Rect::new(0, 0, 4, 1), false);
        for (x, y) in [(0, 0), (1, 1), (2, 0), (2, 1)] {
            raster.dot(x, y, Style::new());
        }
        assert_eq!(painted(&raster), ["'.: "]);
    }

    #[test]
    fn a_line_has_no_holes_and_stops_at_the_edge() {
        let mut raster = Raster::new(Rect::new(0, 0, 2, 4), false);
        raster.line((0, 0.0), (1, 7.0), Style::new());
        assert_eq!(painted(&raster), [": ", ": ", " :", " :"]);
        let mut raster = Raster::new(Rect::new(0, 0, 3, 1), false);
        raster.line((-1_000_000, 0.0), (1_000_000, 0.0), Style::new());
        raster.line((1, -1e300), (1, 1e300), Style::new());
        assert_eq!(painted(&raster), ["':'"]);
    }

    #[test]
    fn what_is_painted_over_leaves_no_style_behind() {
        let area = Rect::new(0, 0, 1, 1);
        let mut buffer = Buffer::empty(area);
        for style in [Style::new().fg(Color::Red).add_modifier(Modifier::DIM), Style::new()] {
            let mut raster = Raster::new(area, true);
            raster.dot(0, 0, style);
            raster.paint(&mut buffer);
            assert_eq!(buffer[(0, 0)].modifier, style.add_modifier);
            assert_eq!(buffer[(0, 0)].fg, style.fg.unwrap_or(Color::Reset));
        }
    }

    #[test]
    fn shade_keeps_the_ends() {
        let mut raster = Raster::new(Rect::new(0, 0, 2, 4), false);
        raster.shade(0, 1.0, 7.0, Style::new());
        raster.shade(1, 3.0, 3.2, Style::new());
        assert_eq!(painted(&raster), [". ", "'.", "' ", ": "]);
    }
}
