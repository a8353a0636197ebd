//! `laperm data preview`: images in the terminal.

use std::env;
use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::Args;

use super::failure::Result;
use super::output;
use crate::data::{
    DataError, DatasetName, GlyphsConfig, ImageShape, Images, Normalization, Normalizer, load,
};
use crate::experiment::Published;
use crate::random::{Purpose, stream};

/// Show images of a dataset in the terminal.
#[derive(Debug, Args)]
#[command(after_help = "Example: laperm data preview mnist --index 100 --count 8 --augment")]
pub(super) struct PreviewArguments {
    /// Dataset to show.
    #[arg(default_value = "glyphs")]
    name: DatasetName,
    /// First example to show, counted from 0.
    #[arg(long, default_value_t = 0, value_name = "N")]
    index: usize,
    /// Number of examples to show.
    #[arg(long, default_value_t = 4, value_name = "N")]
    count: usize,
    /// Show the images augmented as in the paper.
    #[arg(long)]
    augment: bool,
    /// Show test examples instead of training examples.
    #[arg(long)]
    test: bool,
    /// Folder that contains the dataset [default: the first of $LAPERM_DATA, ./data and the cache
    /// folder that has it].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub(super) fn run(arguments: &PreviewArguments) -> Result {
    let images = images(arguments)?;
    let examples = images.len();
    if arguments.index >= examples {
        let (dataset, example) = (arguments.name, arguments.index);
        return Err(DataError::NoExample { dataset, example, examples }.into());
    }
    let end = examples.min(arguments.index.saturating_add(arguments.count));
    let shown = arguments.index..end;
    let pictures: Vec<Picture> = shown.map(|i| picture(arguments, &images, i)).collect();
    let width = crossterm::terminal::size().map_or(80, |(columns, _)| usize::from(columns));
    let ink = if has_colours() { Ink::HalfBlocks } else { Ink::Ascii };
    output::text(&draw(&pictures, width, ink))
}

/// Loads the training or the test images. Generates no more glyphs than will be shown: an example
/// does not depend on their number.
fn images(arguments: &PreviewArguments) -> Result<Images, DataError> {
    let (train, test) = arguments.name.examples();
    let needed = arguments.index.saturating_add(arguments.count).max(1);
    let glyphs = GlyphsConfig {
        train_examples: train.min(needed),
        test_examples: test.min(needed),
        ..GlyphsConfig::default()
    };
    let dataset = load(arguments.name, arguments.data.as_deref(), &glyphs)?;
    Ok(if arguments.test { dataset.test } else { dataset.train })
}

/// Returns true if standard output is a terminal with colours, and NO_COLOR does not disable them.
fn has_colours() -> bool {
    let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = env::var_os("TERM").is_none_or(|term| term == "dumb");
    io::stdout().is_terminal() && !no_color && !dumb
}

/// An image as grey levels, row by row, with a caption.
struct Picture {
    caption: String,
    width: usize,
    grey: Vec<u8>,
}

/// How a picture is drawn on a terminal. Either way, a line shows two rows of pixels.
#[derive(Clone, Copy)]
enum Ink {
    /// Half blocks in the grey levels of the 256-colour palette: the upper pixel is the foreground,
    /// the lower one the background.
    HalfBlocks,
    /// A character, from light to dark, for the mean of both pixels.
    Ascii,
}

fn picture(arguments: &PreviewArguments, images: &Images, example: usize) -> Picture {
    let pixels = if arguments.augment {
        augmented(arguments.name, images, example)
    } else {
        images.pixels_of(example).to_vec()
    };
    let class = arguments.name.class_name(images.labels[example]);
    Picture {
        caption: format!("#{example} {class}"),
        width: images.shape.width,
        grey: grey(&pixels, images.shape),
    }
}

/// The pixels of an example, augmented as in the paper: as for Conv4 on CIFAR-10, and as for Conv7
/// otherwise.
fn augmented(name: DatasetName, images: &Images, example: usize) -> Vec<u8> {
    let network = match name {
        DatasetName::Cifar10 => Published::Conv4,
        DatasetName::Glyphs | DatasetName::Mnist | DatasetName::FashionMnist => Published::Conv7,
    };
    let augmentation = network.recipe().augmentation;
    let mut values = vec![0.0; images.shape.elements()];
    let mut changed = values.clone();
    Normalizer::fit(Normalization::Unit, images).apply(images.pixels_of(example), &mut values);
    let mut random = stream(1, Purpose::Augmentation, 1, example as u64);
    augmentation.apply(&mut random, &values, images.shape, &mut changed);
    changed.iter().map(|value| (value * 255.0).round() as u8).collect()
}

/// Grey level of each pixel; that of a colour is its luma as in Rec. 601.
fn grey(pixels: &[u8], shape: ImageShape) -> Vec<u8> {
    let plane = shape.height * shape.width;
    if shape.channels != 3 {
        return pixels[..plane].to_vec();
    }
    let weighted = |pixel: usize| {
        let [red, green, blue] = [0, 1, 2].map(|c| u32::from(pixels[c * plane + pixel]));
        ((299 * red + 587 * green + 114 * blue) / 1000) as u8
    };
    (0..plane).map(weighted).collect()
}

/// Draws pictures side by side, as many per line as fit into `columns`, with their captions above.
fn draw(pictures: &[Picture], columns: usize, ink: Ink) -> String {
    let widest = pictures.iter().map(|picture| picture.width).max().unwrap_or(1);
    let per_line = ((columns + 2) / (widest + 2)).max(1);
    let mut text = String::new();
    for row in pictures.chunks(per_line) {
        let captions =
            row.iter().map(|picture| format!("{:<1$.1$}", picture.caption, picture.width));
        text += captions.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
        let lines = row.iter().map(|picture| picture.grey.len().div_ceil(2 * picture.width)).max();
        for line in 0..lines.unwrap_or(0) {
            let parts = row.iter().map(|picture| picture.line(line, ink));
            text += &parts.collect::<Vec<_>>().join("  ");
            text.push('\n');
        }
    }
    text
}

impl Picture {
    /// Draws pixel rows `2 * line` and `2 * line + 1`. A last row that is missing is black.
    fn line(&self, line: usize, ink: Ink) -> String {
        let pixel = |row: usize, column: usize| {
            u32::from(self.grey.get(row * self.width + column).copied().unwrap_or(0))
        };
        let pairs = (0..self.width).map(|column| {
            let (upper, lower) = (pixel(2 * line, column), pixel(2 * line + 1, column));
            match ink {
                Ink::HalfBlocks => {
                    let [front, back] = [upper, lower].map(|level| 232 + level * 23 / 255);
                    format!("\x1b[38;5;{front};48;5;{back}m▀")
                }
                Ink::Ascii => {
                    const DARKENING: &[u8; 10] = b" .:-=+*#%@";
                    char::from(DARKENING[((upper + lower) * 9 / 510) as usize]).to_string()
                }
            }
        });
        let end = if matches!(ink, Ink::HalfBlocks) { "\x1b[0m" } else { "" };
        pairs.collect::<String>() + end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_by_two(caption: &str) -> Picture {
        Picture { caption: caption.into(), width: 2, grey: vec![0, 255, 255, 255] }
    }

    #[test]
    fn ascii_pictures_side_by_side_as_far_as_they_fit() {
        let pictures = ["a", "b", "c"].map(two_by_two);
        assert_eq!(draw(&pictures, 6, Ink::Ascii), "a   b\n=@  =@\nc\n=@\n");
    }

    #[test]
    fn half_blocks_put_the_upper_pixel_in_front() {
        let text = draw(&[two_by_two("a long caption")], 80, Ink::HalfBlocks);
        assert_eq!(text, "a\n\x1b[38;5;232;48;5;255m▀\x1b[38;5;255;48;5;255m▀\x1b[0m\n");
    }

    #[test]
    fn colours_become_grey_by_luma() {
        let shape = ImageShape { channels: 3, height: 1, width: 2 };
        assert_eq!(grey(&[255, 0, 255, 100, 255, 0], shape), [255, 58]);
    }
}
