//! Colours and symbols for the terminal in use.
//!
//! The palette is that of Okabe and Ito, which is safe for colour-blind readers. Series differ by
//! marker too, so that no information depends on colour alone. Text and background keep the
//! terminal's own colours, which suits dark and light terminals. Colours are reduced to those that
//! the terminal has.

use ratatui::style::{Color, Modifier, Style};

use super::theme_file::{ThemeError, ThemeFile};

/// The number of colours of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// No colours: `NO_COLOR` is set, or the terminal is monochrome.
    None,
    /// The 16 ANSI colours.
    Ansi,
    /// The 256 colours of xterm.
    Indexed,
    /// 24-bit colours.
    True,
}

/// Styles and symbols that panels draw with.
#[derive(Debug, Clone)]
pub struct Theme {
    /// Number of colours that the terminal shows.
    pub depth: Depth,
    /// Whether characters outside ASCII may be drawn.
    pub unicode: bool,
    /// Ordinary text.
    pub text: Style,
    /// Labels, axes, and other elements in the background.
    pub muted: Style,
    /// Highlighted elements: the title of the focused panel, the selected item.
    pub accent: Style,
    /// Warnings.
    pub warning: Style,
    /// Borders of panels that do not have the focus.
    pub border: Style,
    /// The border of the focused panel.
    pub focus: Style,
    /// Manual changes on time axes.
    pub mark: Style,
    /// The cursor on a time axis, and its readout.
    pub cursor: Style,
    /// The selected line of a list.
    pub selected: Style,
    series: Vec<Style>,
}

/// A colour, and its substitute on terminals with 16 colours. The substitutes differ in every
/// palette.
struct Hue(Color, Color);

const SKY_BLUE: Hue = Hue(Color::Rgb(86, 180, 233), Color::Cyan);
const ORANGE: Hue = Hue(Color::Rgb(230, 159, 0), Color::Yellow);
const GREEN: Hue = Hue(Color::Rgb(0, 158, 115), Color::Green);
const PURPLE: Hue = Hue(Color::Rgb(204, 121, 167), Color::Magenta);
const VERMILLION: Hue = Hue(Color::Rgb(213, 94, 0), Color::Red);
const YELLOW: Hue = Hue(Color::Rgb(240, 228, 66), Color::LightYellow);
const BLUE: Hue = Hue(Color::Rgb(0, 114, 178), Color::Blue);
const GRAY: Color = Color::Rgb(128, 128, 128);

const SERIES: [Hue; 7] = [SKY_BLUE, ORANGE, GREEN, PURPLE, VERMILLION, YELLOW, BLUE];

/// The colours of quantile bands, the faintest first.
const BANDS: [Hue; 3] = [
    Hue(Color::Rgb(88, 112, 126), Color::Blue),
    Hue(Color::Rgb(87, 146, 179), Color::Cyan),
    Hue(Color::Rgb(86, 180, 233), Color::LightCyan),
];

impl Theme {
    /// Returns the theme for this terminal, with the colours of the user's theme file.
    ///
    /// # Errors
    /// If there is a theme file that cannot be read or parsed.
    pub fn load() -> Result<Self, ThemeError> {
        let mut theme = Self::detect(|name| std::env::var(name).ok());
        if let Some(file) = ThemeFile::find()? {
            theme.set(&file);
        }
        Ok(theme)
    }

    /// Returns the theme that the environment variables `NO_COLOR`, `COLORTERM`, `TERM`, `LC_ALL`,
    /// `LC_CTYPE` and `LANG` call for; `variable` looks one up.
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name: &str| variable(name).unwrap_or_default();
        let terminal = variable("TERM");
        let depth = match variable("COLORTERM").as_str() {
            _ if !variable("NO_COLOR").is_empty() => Depth::None,
            _ if ["", "dumb", "vt100", "vt220"].contains(&terminal.as_str()) => Depth::None,
            "truecolor" | "24bit" => Depth::True,
            _ if terminal.ends_with("-direct") => Depth::True,
            _ if terminal.contains("256color") => Depth::Indexed,
            _ => Depth::Ansi,
        };
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(variable);
        let locale = locale.iter().find(|value| !value.is_empty());
        let locale = locale.map(|value| value.to_lowercase()).unwrap_or_default();
        let utf8 = locale.contains("utf-8") || locale.contains("utf8");
        // The font of the Linux console has 512 characters, without braille.
        Self::new(depth, utf8 && !["linux", "dumb"].contains(&terminal.as_str()))
    }

    /// Returns the default theme for a terminal of this depth, with or without Unicode.
    pub fn new(depth: Depth, unicode: bool) -> Self {
        let hue = |hue: &Hue| match depth {
            Depth::Ansi => Style::new().fg(hue.1),
            _ => foreground(hue.0, depth),
        };
        let plain = Style::new();
        let (bold, dim) = (plain.add_modifier(Modifier::BOLD), plain.add_modifier(Modifier::DIM));
        let muted = match depth {
            // Bright black equals the background in some palettes of 16 colours.
            Depth::None | Depth::Ansi => dim,
            Depth::Indexed | Depth::True => foreground(GRAY, depth),
        };
        Self {
            depth,
            unicode,
            text: plain,
            muted,
            accent: hue(&SKY_BLUE).patch(bold),
            warning: hue(&VERMILLION).patch(bold),
            border: muted,
            focus: hue(&SKY_BLUE),
            mark: hue(&ORANGE).patch(bold),
            cursor: hue(&YELLOW),
            selected: plain.add_modifier(Modifier::REVERSED),
            series: SERIES.iter().map(hue).collect(),
        }
    }

    /// Returns the style of line `i` of a chart; styles repeat after the last.
    pub fn series(&self, i: usize) -> Style {
        self.series[i % self.series.len()]
    }

    /// Returns the style of cycle `i` of a permutation, in descending order of length.
    pub fn cycle(&self, i: usize) -> Style {
        self.series(i)
    }

    /// Returns the style of a quantile band, from 0 (the widest and faintest) to 2 (the innermost).
    pub fn band(&self, level: usize) -> Style {
        let level = level.min(BANDS.len() - 1);
        match self.depth {
            Depth::None if level == 0 => Style::new().add_modifier(Modifier::DIM),
            Depth::None if level == 1 => Style::new(),
            Depth::None => Style::new().add_modifier(Modifier::BOLD),
            Depth::Ansi => Style::new().fg(BANDS[level].1),
            depth => foreground(BANDS[level].0, depth),
        }
    }

    /// Returns the colour of a value from -1 to 1 in an image: sky blue for negative and orange for
    /// positive values, brighter for larger ones. `None` for zero, and on terminals without
    /// colours.
    pub fn signed(&self, value: f64) -> Option<Color> {
        // With few levels, neighbours often have the same colour, which saves bytes on slow
        // connections.
        const LEVELS: f64 = 8.0;
        const WEAKEST: f64 = 40.0;
        if value == 0.0 || !value.is_finite() {
            return None;
        }
        let level = (value.abs().min(1.0) * LEVELS).ceil() / LEVELS;
        let (strongest, ansi) = if value < 0.0 {
            ([86.0, 180.0, 233.0], [Color::Blue, Color::Cyan])
        } else {
            ([230.0, 159.0, 0.0], [Color::Yellow, Color::LightYellow])
        };
        let rgb = strongest.map(|strongest| (WEAKEST + (strongest - WEAKEST) * level) as u8);
        match self.depth {
            Depth::None => None,
            Depth::Ansi => Some(ansi[usize::from(level > 0.5)]),
            Depth::Indexed => Some(nearest_indexed(rgb)),
            Depth::True => Some(Color::Rgb(rgb[0], rgb[1], rgb[2])),
        }
    }

    /// Applies the colours of `file`.
    fn set(&mut self, file: &ThemeFile) {
        let depth = self.depth;
        let styles = [
            (&mut self.text, file.text),
            (&mut self.muted, file.muted),
            (&mut self.accent, file.accent),
            (&mut self.warning, file.warning),
            (&mut self.border, file.border),
            (&mut self.focus, file.focus),
            (&mut self.mark, file.mark),
            (&mut self.cursor, file.cursor),
        ];
        for (style, color) in styles {
            if let Some(color) = color {
                *style = style.patch(foreground(color, depth));
            }
        }
        for (style, &color) in self.series.iter_mut().zip(file.series.iter().flatten()) {
            *style = foreground(color, depth);
        }
    }
}

/// Returns a style with the nearest foreground colour that the terminal has.
fn foreground(color: Color, depth: Depth) -> Style {
    match (color, depth) {
        (_, Depth::None) => Style::new(),
        (Color::Rgb(r, g, b), Depth::Ansi) => Style::new().fg(nearest_ansi([r, g, b])),
        (Color::Indexed(16..), Depth::Ansi) => Style::new(),
        (Color::Rgb(r, g, b), Depth::Indexed) => Style::new().fg(nearest_indexed([r, g, b])),
        (color, _) => Style::new().fg(color),
    }
}

/// Returns the nearest colour of xterm's 6 x 6 x 6 cube and 24 grays.
fn nearest_indexed(rgb: [u8; 3]) -> Color {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let cube = (0..216u8)
        .map(|i| (16 + i, [i / 36, i / 6 % 6, i % 6].map(|level| LEVELS[usize::from(level)])));
    let grays = (0..24u8).map(|i| (232 + i, [8 + 10 * i; 3]));
    let nearest = cube.chain(grays).min_by_key(|&(_, candidate)| difference(rgb, candidate));
    nearest.map_or(Color::Reset, |(index, _)| Color::Indexed(index))
}

/// Returns the nearest of the 16 ANSI colours, with the values of xterm.
fn nearest_ansi(rgb: [u8; 3]) -> Color {
    let nearest = [
        (Color::Black, [0, 0, 0]),
        (Color::Red, [205, 0, 0]),
        (Color::Green, [0, 205, 0]),
        (Color::Yellow, [205, 205, 0]),
        (Color::Blue, [0, 0, 238]),
        (Color::Magenta, [205, 0, 205]),
        (Color::Cyan, [0, 205, 205]),
        (Color::Gray, [229, 229, 229]),
        (Color::DarkGray, [127, 127, 127]),
        (Color::LightRed, [255, 0, 0]),
        (Color::LightGreen, [0, 255, 0]),
        (Color::LightYellow, [255, 255, 0]),
        (Color::LightBlue, [92, 92, 255]),
        (Color::LightMagenta, [255, 0, 255]),
        (Color::LightCyan, [0, 255, 255]),
        (Color::White, [255, 255, 255]),
    ];
    let nearest = nearest.into_iter().min_by_key(|&(_, candidate)| difference(rgb, candidate));
    nearest.map_or(Color::Reset, |(color, _)| color)
}

/// Returns the squared distance of two colours.
fn difference(a: [u8; 3], b: [u8; 3]) -> u32 {
    a.iter().zip(b).map(|(&a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(variables: &[(&str, &str)]) -> (Depth, bool) {
        let find = |name: &str| variables.iter().find(|(n, _)| *n == name);
        let theme = Theme::detect(|name| find(name).map(|(_, value)| (*value).into()));
        (theme.depth, theme.unicode)
    }

    #[test]
    fn the_environment_decides() {
        let modern = ("TERM", "xterm-256color");
        assert_eq!(detect(&[modern, ("LANG", "en_US.UTF-8")]), (Depth::Indexed, true));
        assert_eq!(detect(&[modern, ("COLORTERM", "truecolor")]), (Depth::True, false));
        assert_eq!(detect(&[modern, ("COLORTERM", "24bit"), ("NO_COLOR", "1")]).0, Depth::None);
        assert_eq!(detect(&[modern, ("NO_COLOR", "")]).0, Depth::Indexed);
        assert_eq!(detect(&[("TERM", "xterm")]).0, Depth::Ansi);
        assert_eq!(detect(&[]), (Depth::None, false));
        // The first locale variable that is set decides about Unicode.
        assert!(!detect(&[modern, ("LC_ALL", "C"), ("LANG", "de_DE.utf8")]).1);
        assert!(detect(&[modern, ("LC_ALL", ""), ("LC_CTYPE", "C.UTF-8"), ("LANG", "C")]).1);
        assert!(!detect(&[("TERM", "linux"), ("LANG", "C.UTF-8")]).1);
    }

    #[test]
    fn colours_are_reduced_to_the_nearest() {
        assert_eq!(nearest_indexed([86, 180, 233]), Color::Indexed(74));
        assert_eq!(nearest_indexed([128, 128, 128]), Color::Indexed(244));
        assert_eq!(nearest_ansi([200, 10, 20]), Color::Red);
    }

    #[test]
    fn signed_numbers_are_told_by_hue_and_strength() {
        let theme = Theme::new(Depth::True, true);
        assert_eq!(theme.signed(1.0), Some(Color::Rgb(230, 159, 0)));
        assert_eq!(theme.signed(-7.0), Some(Color::Rgb(86, 180, 233)));
        assert_eq!(theme.signed(0.51), theme.signed(0.6));
        assert_eq!([0.0, f64::NAN].map(|value| theme.signed(value)), [None, None]);
        for depth in [Depth::Ansi, Depth::Indexed, Depth::True] {
            let theme = Theme::new(depth, true);
            let colours = [-1.0, -0.2, 0.2, 1.0].map(|value| theme.signed(value));
            assert!((0..4).all(|i| (0..i).all(|j| colours[i] != colours[j])), "{colours:?}");
        }
        assert_eq!(Theme::new(Depth::None, true).signed(1.0), None);
    }

    #[test]
    fn without_colours_there_are_none_and_series_differ_otherwise() {
        let theme = Theme::new(Depth::None, true);
        let styles = [theme.text, theme.accent, theme.warning, theme.focus, theme.series(3)];
        assert!(styles.iter().all(|style| style.fg.is_none() && style.bg.is_none()));
        for depth in [Depth::Ansi, Depth::Indexed, Depth::True] {
            let theme = Theme::new(depth, true);
            for i in 0..SERIES.len() {
                assert!((0..i).all(|j| theme.series(i) != theme.series(j)), "{depth:?} {i}");
            }
            assert_eq!(theme.series(SERIES.len()), theme.series(0));
        }
    }

    #[test]
    fn a_file_overrides_by_name_and_keeps_the_rest() {
        let file = ThemeFile::parse("accent = '#102030'\nseries = ['red']").expect("a theme");
        let mut theme = Theme::new(Depth::True, true);
        let before = theme.clone();
        theme.set(&file);
        assert_eq!(theme.accent.fg, Some(Color::Rgb(16, 32, 48)));
        assert_eq!(theme.series(0).fg, Some(Color::Red));
        assert_eq!((theme.muted, theme.series(1)), (before.muted, before.series(1)));
        let mut plain = Theme::new(Depth::None, true);
        plain.set(&file);
        assert_eq!(plain.accent.fg, None);
    }
}
