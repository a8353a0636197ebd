//! A page to draw on, written as SVG: the few shapes that figures are made of.
//!
//! Lengths are points, 1/72 of an inch, so that a font size of 8 is 8 points on paper. Numbers are written with two
//! decimals at most: the same figure is the same bytes.

use std::fmt::{self, Write};

/// A place on the page: points from the left and from the top.
pub type Place = (f64, f64);

/// A rectangle on the page, in points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
    /// Never negative.
    pub width: f64,
    /// Never negative.
    pub height: f64,
}

impl Area {
    /// The right end.
    pub fn right(&self) -> f64 {
        self.x + self.width
    }

    /// The lower end.
    pub fn bottom(&self) -> f64 {
        self.y + self.height
    }

    /// The middle.
    pub fn centre(&self) -> Place {
        (self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    /// What is left when so much is taken off on the left, at the top, on the right, at the bottom.
    pub fn inside(&self, [left, top, right, bottom]: [f64; 4]) -> Area {
        Area {
            x: self.x + left,
            y: self.y + top,
            width: (self.width - left - right).max(0.0),
            height: (self.height - top - bottom).max(0.0),
        }
    }

    /// The cell of a grid of `columns` times `rows`, with `gap` between them; counted row by row.
    pub fn cell(&self, index: usize, (columns, rows): (usize, usize), gap: f64) -> Area {
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

/// Red, green, blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour(pub u8, pub u8, pub u8);

impl Colour {
    /// Of text, frames and whatever is not data.
    pub const INK: Colour = Colour(0x22, 0x22, 0x22);
    /// Of what stays in the background.
    pub const PALE: Colour = Colour(0x99, 0x99, 0x99);
    /// Of the page.
    pub const PAPER: Colour = Colour(0xff, 0xff, 0xff);
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    /// Its colour.
    pub colour: Colour,
    /// Its width in points.
    pub width: f64,
    /// Lengths of dashes and gaps in points, as SVG takes them; empty for a solid line.
    pub dash: &'static str,
    /// From 0, invisible, to 1.
    pub opacity: f64,
}

impl Stroke {
    /// A solid line.
    pub const fn solid(colour: Colour, width: f64) -> Self {
        Stroke { colour, width, dash: "", opacity: 1.0 }
    }
}

/// Where a text's place is within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// At its left end.
    Start,
    /// In its middle.
    Middle,
    /// At its right end.
    End,
}

/// Symbols that tell curves from each other without colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// A filled circle.
    Disc,
    /// A filled square.
    Square,
    /// A triangle that points up.
    Triangle,
    /// A square on its corner.
    Diamond,
    /// A circle.
    Ring,
    /// A triangle that points down.
    Wedge,
    /// Two strokes that cross.
    Cross,
}

/// The page.
#[derive(Debug)]
pub struct Canvas {
    width: f64,
    height: f64,
    body: String,
    clips: usize,
}

impl Canvas {
    /// A white page, in points.
    pub fn new(width: f64, height: f64) -> Self {
        Canvas { width, height, body: String::new(), clips: 0 }
    }

    /// All of it.
    pub fn area(&self) -> Area {
        Area { x: 0.0, y: 0.0, width: self.width, height: self.height }
    }

    /// A straight line.
    pub fn line(&mut self, from: Place, to: Place, stroke: Stroke) {
        self.lines(&[vec![from, to]], stroke);
    }

    /// Lines through places, drawn as one shape.
    pub fn lines(&mut self, lines: &[Vec<Place>], stroke: Stroke) {
        self.strokes(
            lines.iter().filter(|line| line.len() > 1).map(|line| path(line)).collect(),
            stroke,
        );
    }

    /// Curves that begin at the first place towards the second and come from there to the third, drawn as one shape.
    pub fn curves(&mut self, curves: &[[Place; 3]], stroke: Stroke) {
        let curve = |[from, towards, to]: &[Place; 3]| {
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

    /// The inside of an outline.
    pub fn shape(&mut self, outline: &[Place], fill: Colour, opacity: f64) {
        if outline.len() < 3 {
            return;
        }
        let opacity = attribute("fill-opacity", (opacity < 1.0).then(|| number(opacity)));
        let path = path(outline);
        self.element(format_args!("<path d=\"{path}Z\" fill=\"{fill}\"{opacity}/>"));
    }

    /// A filled rectangle.
    pub fn fill(&mut self, area: Area, fill: Colour, opacity: f64) {
        let [x, y, width, height] = [area.x, area.y, area.width, area.height].map(number);
        let opacity = attribute("fill-opacity", (opacity < 1.0).then(|| number(opacity)));
        self.element(format_args!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\"{opacity}/>"
        ));
    }

    /// The outline of a rectangle.
    pub fn frame(&mut self, area: Area, stroke: Stroke) {
        let corners = [
            (area.x, area.y),
            (area.right(), area.y),
            (area.right(), area.bottom()),
            (area.x, area.bottom()),
            (area.x, area.y),
        ];
        self.lines(&[corners.to_vec()], stroke);
    }

    /// A filled circle.
    pub fn disc(&mut self, (x, y): Place, radius: f64, fill: Colour) {
        let [x, y, radius] = [x, y, radius].map(number);
        self.element(format_args!(
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill=\"{fill}\"/>"
        ));
    }

    /// A circle.
    pub fn circle(&mut self, (x, y): Place, radius: f64, stroke: Stroke) {
        let [x, y, radius, width] = [x, y, radius, stroke.width].map(number);
        self.element(format_args!(
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill=\"{}\" stroke=\"{}\" stroke-width=\"{width}\"/>",
            Colour::PAPER,
            stroke.colour
        ));
    }

    /// A symbol that is about `size` wide.
    pub fn marker(&mut self, marker: Marker, (x, y): Place, size: f64, colour: Colour) {
        let half = size / 2.0;
        let corners = |places: &[Place]| -> Vec<Place> {
            places.iter().map(|&(dx, dy)| (x + dx * half, y + dy * half)).collect()
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

    /// A line of text; its place is on the baseline.
    pub fn text(&mut self, (x, y): Place, anchor: Anchor, size: f64, colour: Colour, text: &str) {
        let [x, y] = [x, y].map(number);
        self.write_text(&format!("x=\"{x}\" y=\"{y}\""), anchor, size, colour, text);
    }

    /// A line of text that is read from below to above, centred at a place on its baseline.
    pub fn upward_text(&mut self, (x, y): Place, size: f64, colour: Colour, text: &str) {
        let [x, y] = [x, y].map(number);
        let place = format!("transform=\"translate({x} {y}) rotate(-90)\"");
        self.write_text(&place, Anchor::Middle, size, colour, text);
    }

    fn write_text(&mut self, place: &str, anchor: Anchor, size: f64, colour: Colour, text: &str) {
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
            "<text {place} font-size=\"{size}\"{anchor} fill=\"{colour}\">{text}</text>"
        ));
    }

    /// What `draw` draws, as far as it lies in `area`.
    pub fn clipped(&mut self, area: Area, draw: impl FnOnce(&mut Canvas)) {
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

    /// The page as an SVG file; `title` is for those who cannot see it.
    pub fn finish(self, title: &str) -> String {
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

/// Points in a millimetre.
pub const POINTS_PER_MILLIMETRE: f64 = 72.0 / 25.4;

/// How wide a text of this font size is, in points; a little more rather than less, since a reader's font may differ
/// from ours.
pub fn text_width(text: &str, size: f64) -> f64 {
    let width = |c: char| match c {
        'i' | 'l' | 'j' | '.' | ',' | ':' | ';' | '\'' | '|' | 'I' => 0.32,
        ' ' | 't' | 'f' | 'r' | '(' | ')' | '-' => 0.42,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.97,
        'A'..='Z' => 0.70,
        _ => 0.63,
    };
    text.chars().map(width).sum::<f64>() * size
}

/// Text as XML takes it.
pub fn escaped(text: &str) -> String {
    let allowed = |c: char| if c.is_control() { ' ' } else { c };
    let text: String = text.chars().map(allowed).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn attribute(name: &str, value: Option<impl fmt::Display>) -> String {
    value.map(|value| format!(" {name}=\"{value}\"")).unwrap_or_default()
}

fn path(places: &[Place]) -> String {
    let mut path = String::with_capacity(places.len() * 14);
    for (index, (x, y)) in places.iter().enumerate() {
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

/// Two decimals at most, and nothing that SVG would not take.
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
