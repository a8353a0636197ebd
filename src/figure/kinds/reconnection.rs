//! A weight vector as an image before training (upper left) and after (lower right), with arrows
//! from the initial to the current positions of weights (figure 14).

use crate::experiment::WrapperName;
use crate::figure::canvas::{Anchor, Area, Canvas, Colour, Position, Stroke};
use crate::figure::error::FigureError;
use crate::figure::kind::{Kind, Picture};
use crate::figure::layout::{COLUMN, PAGE};
use crate::figure::options::Options;
use crate::figure::plot::{LARGE, SMALL};
use crate::figure::source::Source;
use crate::figure::style::mixed;
use crate::method::{is_ranking, order};

/// Largest number of arrows that the eye can follow.
const ARROWS: usize = 40;

const GREEN: Colour = Colour(0x00, 0x9e, 0x73);
const ORANGE: Colour = Colour(0xe6, 0x9f, 0x00);

pub(crate) const KIND: Kind = Kind {
    name: "reconnection",
    about: "a weight vector before and after, with what moved (figure 14)",
    is_of_one_layer: true,
    prepare,
};

fn prepare<'a>(sources: &'a [Source], options: &'a Options) -> Result<Picture<'a>, FigureError> {
    let vectors = sources.iter().map(|source| vector(source, options));
    let vectors = vectors.collect::<Result<Vec<Vector>, FigureError>>()?;
    let columns = vectors.len().min(2);
    let rows = vectors.len().div_ceil(columns.max(1));
    let width = if columns > 1 { PAGE } else { COLUMN };
    let size = (width, rows as f64 * (COLUMN + 6.0));
    let draw = move |area: Area, canvas: &mut Canvas| {
        for (index, vector) in vectors.iter().enumerate() {
            vector.draw(area.cell(index, (columns, rows), 8.0), canvas);
        }
    };
    Ok(Picture { size, draw: Box::new(draw) })
}

/// A weight vector, initially and now.
struct Vector {
    title: String,
    before: Vec<f32>,
    after: Vec<f32>,
    /// The initial and the current index of every weight, by descending absolute value. Zeros are
    /// omitted: they are indistinguishable.
    moves: Vec<(usize, usize)>,
    /// Pixels per row of the image.
    columns: usize,
}

fn vector(source: &Source, options: &Options) -> Result<Vector, FigureError> {
    let layer = options.layer.as_deref().map_or(Ok(0), |name| source.layer(name))?;
    let frame = source.frame(layer)?;
    let before = &frame.initial_values;
    if before.is_empty() || !is_ranking(&frame.after, before.len()) {
        let advice = "it was recorded by an older version; train it again";
        return Err(source.lacks("initial weights of a vector", advice));
    }
    // The initial index of the weight of each rank.
    let positions: Vec<usize> =
        order(before).into_iter().map(|position| position as usize).collect();
    let ranks = frame.after.iter().enumerate();
    let mut moves: Vec<(usize, usize)> =
        ranks.map(|(now, &rank)| (positions[rank as usize], now)).collect();
    moves.retain(|&(from, _)| before[from] != 0.0);
    moves.sort_by(|a, b| before[b.0].abs().total_cmp(&before[a.0].abs()));
    let permutes = source.state.started.as_ref().is_some_and(|s| s.wrapper == WrapperName::Laperm);
    let after = if permutes {
        // The vector after a sync: the initial values at other positions.
        frame.after.iter().map(|&rank| before[positions[rank as usize]]).collect()
    } else {
        frame.values.clone()
    };
    let info = &source.layers()[layer];
    Ok(Vector {
        title: format!("{}[{}]", info.name, frame.vector),
        before: before.clone(),
        after,
        moves,
        columns: columns(before.len()),
    })
}

/// Returns the width of the most nearly square image with this number of pixels.
fn columns(pixels: usize) -> usize {
    let root = (pixels as f64).sqrt().ceil() as usize;
    let whole = (root..=2 * root).find(|&columns| columns > 0 && pixels.is_multiple_of(columns));
    whole.unwrap_or(root.max(1))
}

impl Vector {
    fn draw(&self, area: Area, canvas: &mut Canvas) {
        let middle = (area.centre().0, area.y + LARGE);
        canvas.text(middle, Anchor::Middle, LARGE, Colour::INK, &self.title);
        let area = area.inside([2.0, LARGE + 6.0, 2.0, 2.0]);
        let rows = self.before.len().div_ceil(self.columns);
        let pixel = (area.width * 0.47 / self.columns as f64).min(area.height * 0.45 / rows as f64);
        let (width, height) = (pixel * self.columns as f64, pixel * rows as f64);
        let first = Area { x: area.x, y: area.y, width, height };
        let second = Area { x: area.right() - width, y: area.bottom() - height, width, height };
        for (name, image, values) in
            [("before", first, &self.before), ("after", second, &self.after)]
        {
            self.image(values, pixel, image, canvas);
            let (position, anchor) = match name {
                "before" => ((image.right() + 4.0, image.y + SMALL), Anchor::Start),
                _ => ((image.x - 4.0, image.bottom() - 2.0), Anchor::End),
            };
            canvas.text(position, anchor, SMALL, Colour::INK, name);
        }
        let moved = self.moves.iter().filter(|(from, to)| from != to).take(ARROWS);
        for (index, &(from, to)) in moved.enumerate() {
            let colour = if index % 2 == 0 { GREEN } else { ORANGE };
            arrow(self.centre(from, pixel, first), self.centre(to, pixel, second), colour, canvas);
        }
        if self.moves.len() > ARROWS {
            let position = (first.right() + 4.0, first.y + 2.5 * SMALL);
            let note = format!("arrows: {ARROWS} largest weights");
            canvas.text(position, Anchor::Start, SMALL, Colour::PALE, &note);
        }
    }

    fn centre(&self, index: usize, pixel: f64, image: Area) -> Position {
        let (column, row) = (index % self.columns, index / self.columns);
        (image.x + (column as f64 + 0.5) * pixel, image.y + (row as f64 + 0.5) * pixel)
    }

    /// Draws the values: negative ones blue, positive ones red.
    fn image(&self, values: &[f32], pixel: f64, image: Area, canvas: &mut Canvas) {
        let most = values.iter().fold(0f32, |most, value| most.max(value.abs()));
        for (index, value) in values.iter().enumerate().filter(|(_, value)| **value != 0.0) {
            let end =
                if *value < 0.0 { Colour(0x21, 0x66, 0xac) } else { Colour(0xb2, 0x18, 0x2b) };
            let colour = mixed(Colour::PAPER, end, f64::from(value.abs() / most).powf(0.7));
            let (x, y) = self.centre(index, pixel, image);
            let square =
                Area { x: x - pixel / 2.0, y: y - pixel / 2.0, width: pixel, height: pixel };
            canvas.fill(square, colour, 1.0);
        }
        canvas.frame(image, Stroke::solid(Colour::INK, 0.5));
    }
}

fn arrow(from: Position, to: Position, colour: Colour, canvas: &mut Canvas) {
    const HEAD: f64 = 3.5;
    canvas.lines(&[vec![from, to]], Stroke { opacity: 0.8, ..Stroke::solid(colour, 0.6) });
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx.hypot(dy).max(f64::MIN_POSITIVE);
    let (dx, dy) = (dx / length * HEAD, dy / length * HEAD);
    let base = (to.0 - dx, to.1 - dy);
    let sides = [(base.0 - dy * 0.3, base.1 + dx * 0.3), (base.0 + dy * 0.3, base.1 - dx * 0.3)];
    canvas.shape(&[to, sides[0], sides[1]], colour, 1.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_as_square_as_their_pixels_allow() {
        assert_eq!([784, 128, 288, 27, 7, 1].map(columns), [28, 16, 18, 9, 3, 1]);
    }
}
