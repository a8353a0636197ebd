//! A weight vector as an image in terminal cells, two pixels to a cell.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use crate::data::ImageShape;
use crate::tui::chart::put;
use crate::tui::theme::Theme;

/// The positions of a weight vector's entries in an image: tiles of equal size in rows, a pixel
/// apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    length: usize,
    tiles: usize,
    height: usize,
    width: usize,
    /// Tiles in a row.
    across: usize,
}

impl Grid {
    /// Returns the grid for a vector of `length` entries of a layer of `shape`: a tile per channel
    /// of the input `image`, a tile per kernel of a convolution, or otherwise nearly a square.
    pub(super) fn of(shape: &[usize], length: usize, image: Option<ImageShape>) -> Self {
        let whole = |tiles: usize, height: usize, width: usize| {
            let pixels = tiles.checked_mul(height)?.checked_mul(width)?;
            (length > 0 && pixels == length && height * width > 1).then_some((tiles, height, width))
        };
        let tiles = match (shape, image) {
            (&[_, channels, height, width], _) => whole(channels, height, width),
            (_, Some(image)) => whole(image.channels, image.height, image.width),
            _ => None,
        };
        let (tiles, height, width) = tiles.unwrap_or_else(|| {
            let width = (length as f64).sqrt().ceil().max(1.0) as usize;
            (1, length.div_ceil(width), width)
        });
        let across = (tiles as f64 * (height + 1) as f64 / (width + 1) as f64).sqrt().ceil();
        Grid { length, tiles, height, width, across: (across as usize).clamp(1, tiles.max(1)) }
    }

    /// Returns the columns and rows of pixels.
    pub(super) fn size(&self) -> (usize, usize) {
        let down = self.tiles.div_ceil(self.across).max(1);
        (self.across * (self.width + 1) - 1, (down * (self.height + 1)).saturating_sub(1))
    }

    /// Returns the column and the row of an entry.
    pub(super) fn position(&self, index: usize) -> (usize, usize) {
        let (tile, row, column) = self.inside(index);
        let (left, top) = (tile % self.across, tile / self.across);
        (left * (self.width + 1) + column, top * (self.height + 1) + row)
    }

    /// Returns the entry at a column and a row; `None` between tiles and after the last entry.
    pub(super) fn index(&self, column: usize, row: usize) -> Option<usize> {
        let (across, x) = (column / (self.width + 1), column % (self.width + 1));
        let (down, y) = (row / (self.height + 1), row % (self.height + 1));
        let tile = down * self.across + across;
        let index = (tile * self.height + y) * self.width + x;
        (x < self.width && y < self.height && across < self.across && index < self.length)
            .then_some(index)
    }

    /// Formats the position of an entry: `row,column`, or `tile:row,column` if there are several
    /// tiles.
    pub(super) fn name(&self, index: usize) -> String {
        match (self.tiles, self.inside(index)) {
            (1, (_, row, column)) => format!("{row},{column}"),
            (_, (tile, row, column)) => format!("{tile}:{row},{column}"),
        }
    }

    /// Returns the tile of an entry, and its row and column in the tile.
    fn inside(&self, index: usize) -> (usize, usize, usize) {
        let pixels = (self.height * self.width).max(1);
        (index / pixels, index % pixels / self.width, index % self.width)
    }
}

/// A grid fitted into an area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Picture {
    grid: Grid,
    area: Rect,
    scale: Scale,
}

/// Size of a pixel in columns and half rows; a half row is as high as a column is wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    /// Each pixel takes this number of columns and half rows.
    Up(usize),
    /// A square of pixels with this side shares one column and half row; the strongest is drawn.
    Down(usize),
}

impl Picture {
    /// Scales the grid to fit into `room`.
    pub(super) fn fit(grid: Grid, room: Rect) -> Self {
        let (width, height) = grid.size();
        let (columns, halves) =
            (usize::from(room.width).max(1), usize::from(room.height).max(1) * 2);
        let scale = match (columns / width.max(1)).min(halves / height.max(1)) {
            0 => Scale::Down(width.div_ceil(columns).max(height.div_ceil(halves))),
            scale => Scale::Up(scale),
        };
        let sized = |pixels: usize| match scale {
            Scale::Up(scale) => pixels * scale,
            Scale::Down(scale) => pixels.div_ceil(scale),
        };
        let size = (sized(width) as u16, sized(height).div_ceil(2) as u16);
        let area = Rect { width: size.0.min(room.width), height: size.1.min(room.height), ..room };
        Picture { grid, area, scale }
    }

    /// Returns true if several entries share a pixel.
    pub(super) fn is_shrunk(&self) -> bool {
        matches!(self.scale, Scale::Down(_))
    }

    /// Returns the picture moved to `area`.
    pub(super) fn at(self, area: Rect) -> Self {
        Picture { area, ..self }
    }

    pub(super) fn grid(&self) -> &Grid {
        &self.grid
    }

    pub(super) fn area(&self) -> Rect {
        self.area
    }

    /// Returns the width and height in cells.
    pub(super) fn size(&self) -> (u16, u16) {
        (self.area.width, self.area.height)
    }

    /// Returns the cell at the middle of an entry.
    pub(super) fn cell(&self, index: usize) -> Position {
        let (column, row) = self.grid.position(index);
        let middle = |pixel: usize| match self.scale {
            Scale::Up(scale) => pixel * scale + scale / 2,
            Scale::Down(scale) => pixel / scale,
        };
        let x = middle(column).min(usize::from(self.area.width.saturating_sub(1)));
        let y = (middle(row) / 2).min(usize::from(self.area.height.saturating_sub(1)));
        Position::new(self.area.x + x as u16, self.area.y + y as u16)
    }

    /// Writes the first of `names` that fits into the row above the picture.
    pub(super) fn title(&self, names: [&str; 2], style: Style, buffer: &mut Buffer) {
        let fits = |name: &&str| name.len() <= usize::from(self.area.width);
        if let (Some(name), Some(y)) = (names.into_iter().find(fits), self.area.y.checked_sub(1)) {
            buffer.set_stringn(self.area.x, y, name, self.area.width.into(), style);
        }
    }

    /// Draws `values`; `strongest` is the absolute value with full strength.
    pub(super) fn render(
        &self,
        values: &[f32],
        strongest: f32,
        theme: &Theme,
        buffer: &mut Buffer,
    ) {
        let scaled = |value: f32| f64::from(value) / f64::from(strongest.max(f32::MIN_POSITIVE));
        for (y, row) in self.area.rows().enumerate() {
            for (x, cell) in row.columns().enumerate() {
                let halves = [2 * y, 2 * y + 1].map(|half| self.value(values, x, half));
                let halves = halves.map(|value| value.map_or(0.0, scaled));
                pixels(halves, cell.as_position(), theme, buffer);
            }
        }
    }

    /// Returns the strongest entry at a column and a half row; `None` if there is none.
    fn value(&self, values: &[f32], column: usize, half: usize) -> Option<f32> {
        let at =
            |column, row| self.grid.index(column, row).and_then(|index| values.get(index)).copied();
        match self.scale {
            Scale::Up(scale) => at(column / scale, half / scale),
            Scale::Down(scale) => {
                let rows = half * scale..(half + 1) * scale;
                let pixels =
                    rows.flat_map(|row| (0..scale).map(move |x| (column * scale + x, row)));
                let filled = pixels.filter_map(|(column, row)| at(column, row));
                filled.max_by(|a, b| a.abs().total_cmp(&b.abs()))
            }
        }
    }
}

/// Draws two pixels from -1 to 1 into the upper and the lower half of a cell; a zero stays blank.
/// Without colours or half blocks, a character shows the sign and the strength of the stronger one.
fn pixels(halves: [f64; 2], position: Position, theme: &Theme, buffer: &mut Buffer) {
    let colours =
        halves.map(|value| theme.signed(value)).map(|colour| colour.filter(|_| theme.unicode));
    let style = Style::new();
    let (symbol, style) = match colours {
        [Some(upper), Some(lower)] => ('▀', style.fg(upper).bg(lower)),
        [Some(upper), None] => ('▀', style.fg(upper)),
        [None, Some(lower)] => ('▄', style.fg(lower)),
        [None, None] => {
            let value = if halves[1].abs() > halves[0].abs() { halves[1] } else { halves[0] };
            (sign(value), Style { fg: theme.signed(value), ..style })
        }
    };
    put(buffer, position, symbol, style);
}

/// Returns the character for a value from -1 to 1.
fn sign(value: f64) -> char {
    match value {
        0.0 => ' ',
        v if v > 0.5 => '#',
        v if v > 0.1 => '+',
        v if v < -0.5 => '=',
        v if v < -0.1 => '-',
        _ => '.',
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use ratatui::style::Color;

    use super::*;
    use crate::tui::theme::Depth;

    const MNIST: ImageShape = ImageShape { channels: 1, height: 28, width: 28 };

    #[test]
    fn inputs_lie_as_in_their_image_and_kernels_as_tiles() {
        let image = Grid::of(&[100, 784], 784, Some(MNIST));
        assert_eq!(
            (image.size(), image.position(29), image.name(29)),
            ((28, 28), (1, 1), "1,1".into())
        );
        // Not of the image's size: nearly a square, with an incomplete last row.
        let square = Grid::of(&[10, 128], 128, Some(MNIST));
        assert_eq!(
            (square.size(), square.position(127), square.index(8, 10)),
            ((12, 11), (7, 10), None)
        );
        // Five kernels of 3x3, three in a row and a pixel between them.
        let tiles = Grid::of(&[7, 5, 3, 3], 45, Some(MNIST));
        assert_eq!(tiles.size(), (11, 7));
        assert_eq!((tiles.position(9), tiles.position(3 * 9 + 4)), ((4, 0), (1, 5)));
        assert_eq!(
            (tiles.index(3, 0), tiles.index(8, 4), tiles.name(31)),
            (None, None, "3:1,1".into())
        );
    }

    fn drawn(grid: Grid, values: &[f32], theme: &Theme, (width, height): (u16, u16)) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        Picture::fit(grid, buffer.area).render(values, 1.0, theme, &mut buffer);
        buffer
    }

    #[test]
    fn two_pixels_share_a_cell_and_zero_is_nothing() {
        let theme = Theme::new(Depth::True, true);
        let grid = Grid::of(&[1, 4], 4, None);
        let buffer = drawn(grid, &[1.0, 0.0, -1.0, 0.5], &theme, (2, 1));
        let (left, right) = (&buffer[(0, 0)], &buffer[(1, 0)]);
        assert_eq!(
            (left.symbol(), Some(left.fg), Some(left.bg)),
            ("▀", theme.signed(1.0), theme.signed(-1.0))
        );
        assert_eq!(
            (right.symbol(), Some(right.fg), right.bg),
            ("▄", theme.signed(0.5), Color::Reset)
        );
    }

    #[test]
    fn without_colours_signs_tell_the_strength_of_the_stronger() {
        let theme = Theme::new(Depth::None, true);
        let grid = Grid::of(&[1, 9], 9, None);
        let values = [1.0, -0.2, 0.0, 0.05, -0.6, 0.0, 0.2, 0.0, -0.01];
        // The third row of pixels has nothing below it in its cells.
        let buffer = drawn(grid, &values, &theme, (3, 2));
        let text: String = buffer.content.iter().map(|cell| cell.symbol()).collect();
        assert_eq!(text, "#= + .");
    }

    #[test]
    fn what_does_not_fit_is_shrunk_to_its_strongest() {
        let theme = Theme::new(Depth::None, true);
        let grid = Grid::of(&[1, 784], 784, Some(MNIST));
        let mut values = vec![0.01; 784];
        values[27 * 28 + 26] = -1.0;
        let buffer = drawn(grid, &values, &theme, (14, 7));
        let text: String = buffer.content.iter().map(|cell| cell.symbol()).collect();
        assert_eq!(text.find('='), Some(14 * 7 - 1), "{text}");
        let shrunk = Picture::fit(grid, buffer.area);
        assert_eq!((shrunk.is_shrunk(), shrunk.cell(27 * 28 + 26)), (true, Position::new(13, 6)));
        // With twice the room, every pixel takes twice as much.
        let picture = Picture::fit(grid, Rect::new(5, 2, 60, 28));
        assert_eq!((picture.size(), picture.cell(0)), ((56, 28), Position::new(6, 2)));
        assert_eq!(picture.cell(783), Position::new(60, 29));
    }

    proptest! {
        #[test]
        fn every_entry_has_a_place_of_its_own(
            shape in prop_oneof![
                (1usize..9, 1usize..6, 1usize..6).prop_map(|(c, h, w)| vec![2, c, h, w]),
                (1usize..300).prop_map(|n| vec![2, n]),
            ],
        ) {
            let length: usize = shape[1..].iter().product();
            let grid = Grid::of(&shape, length, None);
            let (width, height) = grid.size();
            for index in 0..length {
                let (column, row) = grid.position(index);
                prop_assert!(column < width && row < height);
                prop_assert_eq!(grid.index(column, row), Some(index));
            }
            let positions = (0..height).flat_map(|row| (0..width).map(move |column| (column, row)));
            let filled = positions.filter(|&(column, row)| grid.index(column, row).is_some());
            prop_assert_eq!(filled.count(), length);
        }
    }
}
