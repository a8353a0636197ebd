//! SVG to PNG with embedded fonts, so that the picture is the same on every machine.

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{self, fontdb};

/// Why an SVG picture cannot be turned into pixels.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PngError {
    #[error("the picture cannot be drawn: {0}")]
    Svg(String),
    /// The picture has no pixels, or more than [`MOST_PIXELS`]; width and height in pixels.
    #[error("a picture of {0} x {1} pixels cannot be drawn; choose a smaller size")]
    Size(u32, u32),
    #[error("the picture cannot be written as PNG: {0}")]
    Png(String),
}

/// Largest number of pixels of a picture; they take 400 MB of memory.
const MOST_PIXELS: u64 = 100_000_000;

static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    for font in [
        include_bytes!("../../assets/fonts/DejaVuSans.ttf").as_slice(),
        include_bytes!("../../assets/fonts/DejaVuSansMono.ttf").as_slice(),
        include_bytes!("../../assets/fonts/DejaVuSansMono-Bold.ttf").as_slice(),
    ] {
        fonts.load_font_data(font.to_vec());
    }
    fonts.set_sans_serif_family("DejaVu Sans");
    fonts.set_monospace_family("DejaVu Sans Mono");
    Arc::new(fonts)
});

/// Renders an SVG picture as a PNG file with `scale` pixels per CSS pixel, which is 1/96 inch.
///
/// # Errors
/// If the text is not SVG, or if the picture has no pixels or too many.
pub(crate) fn to_png(svg: &str, scale: f64) -> Result<Vec<u8>, PngError> {
    let options = usvg::Options {
        fontdb: FONTS.clone(),
        font_family: "DejaVu Sans".into(),
        ..usvg::Options::default()
    };
    let tree =
        usvg::Tree::from_str(svg, &options).map_err(|error| PngError::Svg(error.to_string()))?;
    let (width, height) = (f64::from(tree.size().width()), f64::from(tree.size().height()));
    let (columns, rows) = ((width * scale).round() as u32, (height * scale).round() as u32);
    if u64::from(columns) * u64::from(rows) > MOST_PIXELS {
        return Err(PngError::Size(columns, rows));
    }
    let mut pixels = Pixmap::new(columns, rows).ok_or(PngError::Size(columns, rows))?;
    resvg::render(&tree, Transform::from_scale(scale as f32, scale as f32), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| PngError::Png(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn svg(content: &str) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1in\" height=\"0.5in\" \
             viewBox=\"0 0 40 20\" font-family=\"'DejaVu Sans'\">{content}</svg>"
        )
    }

    fn pixels(content: &str) -> Pixmap {
        let png = to_png(&svg(content), 1.0).expect("draws");
        Pixmap::decode_png(&png).expect("a PNG")
    }

    fn ink(pixels: &Pixmap) -> usize {
        pixels.pixels().iter().filter(|pixel| pixel.alpha() > 0).count()
    }

    #[test]
    fn an_inch_has_96_pixels_at_scale_1() {
        let pixels = pixels("<rect width=\"20\" height=\"20\"/>");
        assert_eq!((pixels.width(), pixels.height(), ink(&pixels)), (96, 48, 48 * 48));
    }

    #[test]
    fn text_needs_no_font_of_the_system() {
        for (family, text) in
            [("DejaVu Sans", "kσ≤−²"), ("DejaVu Sans Mono", "│▸●★θ"), ("Unheard Of", "k")]
        {
            for character in text.chars() {
                let text = format!(
                    "<text x=\"5\" y=\"15\" font-size=\"12\" font-family=\"'{family}', sans-serif\">{character}</text>"
                );
                assert!(ink(&pixels(&text)) > 5, "{character} in {family}");
            }
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_an_error() {
        assert!(matches!(to_png("no picture", 1.0), Err(PngError::Svg(_))));
        assert!(matches!(to_png(&svg(""), 1e5), Err(PngError::Size(..))));
        assert!(matches!(to_png(&svg(""), 0.0), Err(PngError::Size(0, 0))));
    }
}
