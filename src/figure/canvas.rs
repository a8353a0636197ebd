//! A page that is written as SVG, with the few shapes that figures need.
//!
//! Lengths are in points (1/72 inch), so that a font size of 8 is 8 points on paper. Numbers are
//! written with at most two decimals, which keeps the files small and stable.

use std::fmt::{self, Write};

/// A position on the page: points from the left and from the top.
pub(super) type Position = (f64, f64);

/// A rectangle on the page, in points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    /// Distance from the left edge of the page.
    pub x: f64,
    /// Distance from the top edge of the page.
    pub y: f64,
    /// At least 0.
    pub width: f64,
    /// At least 0.
    pub height: f64,
}

impl Area {
    pub(super) fn right(&self) -> f64 {
        self.x + self.width
    }

    pub(super) fn bottom(&self) -> f64 {
        self.y + self.height
    }

    pub(super) fn centre(&self) -> Position {
        (self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    /// Returns the area inside these margins.
    pub(super) fn inside(&self, [left, top, right, bottom]: [f64; 4]) -> Area {
        Area {
            x: self.x + left,
            y: self.y + top,
            width: (self.width - left - right).max(0.0),
            height: (self.height - top - bottom).max(0.0),
        }
    }

    /// Returns a cell of a grid with a gap between cells. Cells are numbered row by row.
    pub(super) fn cell(&self, index: usize, (columns, rows): (usize, usize), gap: f64) -> Area {
        let (columns, rows) = (columns.max(1), rows.max(1));
        let width = (self.width - gap * (columns - 1) as f64) / columns as f64;
        let height = (self.height - gap * (rows - 1) as f64) / rows as f64;
        let (column, row) = ((index % columns) as f64, (index / columns) as f64);
        Area {
            x: self.x + column * (width + gap),
            y: self.y + row * (height + gap),
            width: width.max(0.0),
            height: height.max(0.0),
        }
    }
}

/// Red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colour(pub u8, pub u8, pub u8);

impl Colour {
    /// Text, frames, and everything else that is not data.
    pub(super) const INK: Colour = Colour(0x22, 0x22, 0x22);
    /// Elements in the background.
    pub(super) const PALE: Colour = Colour(0x99, 0x99, 0x99);
    /// The page.
    pub(super) const PAPER: Colour = Colour(0xff, 0xff, 0xff);
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

/// The style of a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stroke {
    pub colour: Colour,
    /// Width in points.
    pub width: f64,
    /// Lengths of dashes and gaps in points, in SVG's syntax; empty for a solid line.
    pub dash: &'static str,
    /// From 0 (invisible) to 1.
    pub opacity: f64,
}

impl Stroke {
    pub(super) const fn solid(colour: Colour, width: f64) -> Self {
        Stroke { colour, width, dash: "", opacity: 1.0 }
    }
}

/// The point of a text that lies at its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    /// The left end.
    Start,
    Middle,
    /// The right end.
    End,
}

/// Symbols that distinguish curves without colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    Disc,
    Square,
    /// A triangle that points up.
    Triangle,
    Diamond,
    Ring,
    /// A triangle that points down.
    Wedge,
    Cross,
}

/// The page.
#[derive(Debug)]
pub(super) struct Canvas {
    width: f64,
    height: f64,
    body: String,
    clips: usize,
}

impl Canvas {
    /// Creates an empty white page, with its size in points.
    pub(super) fn new(width: f64, height: f64) -> Self {
        Canvas { width, height, body: String::new(), clips: 0 }
    }

    pub(super) fn area(&self) -> Area {
        Area { x: 0.0, y: 0.0, width: self.width, height: self.height }
    }

    /// Draws a straight line.
    pub(super) fn line(&mut self, from: Position, to: Position, stroke: Stroke) {
        self.lines(&[vec![from, to]], stroke);
    }

    /// Draws polylines as one shape.
    pub(super) fn lines(&mut self, lines: &[Vec<Position>], stroke: Stroke) {
        self.strokes(
            lines.iter().filter(|line| line.len() > 1).map(|line| path(line)).collect(),
            stroke,
        );
    }

    /// Draws quadratic Bézier curves as one shape; each is given by its start, control point and
    /// end.
    pub(super) fn curves(&mut self, curves: &[[Position; 3]], stroke: Stroke) {
        let curve = |[from, towards, to]: &[Position; 3]| {
            let [x, y, x1, y1] = [towards.0, towards.1, to.0, to.1].map(number);
            format!("{}Q{x} {y} {x1} {y1}", path(&[*from]))
        };
        self.strokes(curves.iter().map(curve).collect(), stroke);
    }

    fn strokes(&mut self, path: String, stroke: Stroke) {
        if path.is_empty() {
            return;
        }
        let Stroke { colour, width, dash, opacity } = stroke;
        let dash = attribute("stroke-dasharray", (!dash.is_empty()).then_some(dash));
        let opacity = attribute("stroke-opacity", (opacity < 1.0).then(|| number(opacity)));
        self.element(format_args!(
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{}\"{dash}{opacity} \
             stroke-linejoin=\"round\"/>",
            number(width)
        ));
    }

    /// Fills an outline.
    pub(super) fn shape(&mut self, outline: &[Position], fill: Colour, opacity: f64) {
        if outline.len() < 3 {
            return;
        }
        let opacity = attribute("fill-opacity", (opacity < 1.0).then(|| number(opacity)));
        let path = path(outline);
        self.element(format_args!("<path d=\"{path}Z\" fill=\"{fill}\"{opacity}/>"));
    }

    /// Fills a rectangle.
    pub(super) fn fill(&mut self, area: Area, fill: Colour, opacity: f64) {
        let [x, y, width, height] = [area.x, area.y, area.width, area.height].map(number);
        let opacity = attribute("fill-opacity", (opacity < 1.0).then(|| number(opacity)));
        self.element(format_args!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\"{opacity}/>"
        ));
    }

    /// Draws the outline of a rectangle.
    pub(super) fn frame(&mut self, area: Area, stroke: Stroke) {
        let corners = [
            (area.x, area.y),
            (area.right(), area.y),
            (area.right(), area.bottom()),
            (area.x, area.bottom()),
            (area.x, area.y),
        ];
        self.lines(&[corners.to_vec()], stroke);
    }

    /// Draws a filled circle.
    pub(super) fn disc(&mut self, (x, y): Position, radius: f64, fill: Colour) {
        let [x, y, radius] = [x, y, radius].map(number);
        self.element(format_args!(
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill=\"{fill}\"/>"
        ));
    }

    /// Draws a circle filled with the colour of the page.
    pub(super) fn circle(&mut self, (x, y): Position, radius: f64, stroke: Stroke) {
        let [x, y, radius, width] = [x, y, radius, stroke.width].map(number);
        self.element(format_args!(
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill=\"{}\" stroke=\"{}\" stroke-width=\"{width}\"/>",
            Colour::PAPER,
            stroke.colour
        ));
    }

    /// Draws a symbol about `size` points wide.
    pub(super) fn marker(&mut self, marker: Marker, (x, y): Position, size: f64, colour: Colour) {
        let half = size / 2.0;
        let corners = |positions: &[Position]| -> Vec<Position> {
            positions.iter().map(|&(dx, dy)| (x + dx * half, y + dy * half)).collect()
        };
        match marker {
            Marker::Disc => self.disc((x, y), half, colour),
            Marker::Ring => self.circle((x, y), half * 0.85, Stroke::solid(colour, size * 0.25)),
            Marker::Square => {
                let side = corners(&[(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)]);
                self.shape(&side, colour, 1.0);
            }
            Marker::Triangle => {
                self.shape(&corners(&[(0.0, -1.1), (1.1, 0.9), (-1.1, 0.9)]), colour, 1.0)
            }
            Marker::Wedge => {
                self.shape(&corners(&[(0.0, 1.1), (1.1, -0.9), (-1.1, -0.9)]), colour, 1.0)
            }
            Marker::Diamond => {
                let tips = corners(&[(0.0, -1.2), (1.2, 0.0), (0.0, 1.2), (-1.2, 0.0)]);
                self.shape(&tips, colour, 1.0);
            }
            Marker::Cross => {
                let strokes =
                    [corners(&[(-0.8, -0.8), (0.8, 0.8)]), corners(&[(-0.8, 0.8), (0.8, -0.8)])];
                self.lines(&strokes, Stroke::solid(colour, size * 0.3));
            }
        }
    }

    /// Writes a line of text; its position is on the baseline.
    pub(super) fn text(
        &mut self,
        (x, y): Position,
        anchor: Anchor,
        size: f64,
        colour: Colour,
        text: &str,
    ) {
        let [x, y] = [x, y].map(number);
        self.write_text(&format!("x=\"{x}\" y=\"{y}\""), anchor, size, colour, text);
    }

    /// Writes a line of text that reads upwards, centred at a position on its baseline.
    pub(super) fn upward_text(&mut self, (x, y): Position, size: f64, colour: Colour, text: &str) {
        let [x, y] = [x, y].map(number);
        let position = format!("transform=\"translate({x} {y}) rotate(-90)\"");
        self.write_text(&position, Anchor::Middle, size, colour, text);
    }

    fn write_text(
        &mut self,
        position: &str,
        anchor: Anchor,
        size: f64,
        colour: Colour,
        text: &str,
    ) {
        if text.is_empty() {
            return;
        }
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let (size, text) = (number(size), escaped(text));
        self.element(format_args!(
            "<text {position} font-size=\"{size}\"{anchor} fill=\"{colour}\">{text}</text>"
        ));
    }

    /// Calls `draw` and clips what it draws to `area`.
    pub(super) fn clipped(&mut self, area: Area, draw: impl FnOnce(&mut Canvas)) {
        self.clips += 1;
        let id = self.clips;
        let [x, y, width, height] = [area.x, area.y, area.width, area.height].map(number);
        self.element(format_args!(
            "<clipPath id=\"c{id}\"><rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/></clipPath>"
        ));
        self.element(format_args!("<g clip-path=\"url(#c{id})\">"));
        draw(self);
        self.element(format_args!("</g>"));
    }

    /// Returns the page as an SVG file; `title` describes it to screen readers.
    pub(super) fn finish(self, title: &str) -> String {
        let millimetres = |points: f64| number(points / POINTS_PER_MILLIMETRE);
        let [width, height] = [self.width, self.height].map(number);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}mm\" height=\"{}mm\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" \
             font-family=\"'DejaVu Sans', Verdana, Arial, sans-serif\">\n<title>{}</title>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"{}\"/>\n{}</svg>\n",
            millimetres(self.width),
            millimetres(self.height),
            escaped(title),
            Colour::PAPER,
            self.body
        )
    }

    fn element(&mut self, element: fmt::Arguments) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.body, "{element}");
    }
}

pub(super) const POINTS_PER_MILLIMETRE: f64 = 72.0 / 25.4;

/// Estimates the width of a text in points. It errs on the large side, because the reader's font
/// may differ from ours.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    let width = |c: char| match c {
        'i' | 'l' | 'j' | '.' | ',' | ':' | ';' | '\'' | '|' | 'I' => 0.32,
        ' ' | 't' | 'f' | 'r' | '(' | ')' | '-' => 0.42,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.97,
        'A'..='Z' => 0.70,
        _ => 0.63,
    };
    text.chars().map(width).sum::<f64>() * size
}

/// Escapes text for XML; control characters become blanks.
pub(crate) fn escaped(text: &str) -> String {
    let allowed = |c: char| if c.is_control() { ' ' } else { c };
    let text: String = text.chars().map(allowed).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn attribute(name: &str, value: Option<impl fmt::Display>) -> String {
    value.map(|value| format!(" {name}=\"{value}\"")).unwrap_or_default()
}

fn path(positions: &[Position]) -> String {
    let mut path = String::with_capacity(positions.len() * 14);
    for (index, (x, y)) in positions.iter().enumerate() {
        path.push(if index == 0 { 'M' } else { 'L' });
        push_number(&mut path, *x);
        path.push(' ');
        push_number(&mut path, *y);
    }
    path
}

fn number(value: f64) -> String {
    let mut text = String::new();
    push_number(&mut text, value);
    text
}

/// Writes at most two decimals, and 0 for non-finite values, which SVG does not allow.
fn push_number(text: &mut String, value: f64) {
    let value = if value.is_finite() { value.clamp(-1e5, 1e5) } else { 0.0 };
    let start = text.len();
    let _ = write!(text, "{value:.2}");
    while text.ends_with('0') {
        text.pop();
    }
    if text.ends_with('.') {
        text.pop();
    }
    if &text[start..] == "-0" {
        text.replace_range(start.., "0");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_always_numbers() {
        let cases = [(1.0, "1"), (0.5, "0.5"), (-0.001, "0"), (100.0, "100"), (f64::NAN, "0")];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
        assert_eq!(path(&[(0.0, 10.0), (2.25, -3.0)]), "M0 10L2.25 -3");
    }

    #[test]
    fn a_page_has_its_size_in_millimetres_and_its_shapes_in_points() {
        let mut canvas = Canvas::new(72.0, 144.0);
        canvas.text((1.0, 2.0), Anchor::End, 8.0, Colour::INK, "a < b");
        let svg = canvas.finish("k & p");
        assert!(svg.contains("width=\"25.4mm\" height=\"50.8mm\" viewBox=\"0 0 72 144\""), "{svg}");
        assert!(svg.contains("text-anchor=\"end\" fill=\"#222222\">a &lt; b</text>"), "{svg}");
        assert!(svg.contains("<title>k &amp; p</title>"), "{svg}");
    }

    #[test]
    fn a_grid_fills_its_area() {
        let area = Area { x: 10.0, y: 0.0, width: 110.0, height: 50.0 };
        let last = area.cell(3, (2, 2), 10.0);
        assert_eq!(last, Area { x: 70.0, y: 30.0, width: 50.0, height: 20.0 });
        assert_eq!((last.right(), last.bottom()), (area.right(), area.bottom()));
    }
}
