//! The user's colours: `laperm/theme.toml` in the configuration folder.
//!
//! Every key is optional. A colour is a name (`red`, `light blue`), the number of one of xterm's
//! 256 colours (`"74"`), or `#rrggbb`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use ratatui::style::Color;
use serde::Deserialize;

/// Why a theme file cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ThemeError {
    #[error("cannot read the theme file {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{} is not a theme:\n{source}", path.display())]
    Parse { path: PathBuf, source: Box<toml::de::Error> },
}

/// The colours of a theme file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ThemeFile {
    #[serde(deserialize_with = "color")]
    pub text: Option<Color>,
    #[serde(deserialize_with = "color")]
    pub muted: Option<Color>,
    #[serde(deserialize_with = "color")]
    pub accent: Option<Color>,
    #[serde(deserialize_with = "color")]
    pub warning: Option<Color>,
    #[serde(deserialize_with = "color")]
    pub border: Option<Color>,
    #[serde(deserialize_with = "color")]
    pub focus: Option<Color>,
    #[serde(deserialize_with = "color")]
    pub mark: Option<Color>,
    #[serde(deserialize_with = "color")]
    pub cursor: Option<Color>,
    #[serde(deserialize_with = "colors")]
    pub series: Option<Vec<Color>>,
}

impl ThemeFile {
    /// Reads the theme file in `$XDG_CONFIG_HOME` or `~/.config`, if there is one.
    pub(super) fn find() -> Result<Option<Self>, ThemeError> {
        match etcetera::choose_base_strategy() {
            Ok(folders) => Self::read(&folders.config_dir().join("laperm").join("theme.toml")),
            // Without a home folder there is no file.
            Err(_) => Ok(None),
        }
    }

    fn read(path: &Path) -> Result<Option<Self>, ThemeError> {
        let path = path.to_path_buf();
        match std::fs::read_to_string(&path) {
            Ok(text) => match Self::parse(&text) {
                Ok(file) => Ok(Some(file)),
                Err(source) => Err(ThemeError::Parse { path, source: Box::new(source) }),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ThemeError::Read { path, source }),
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }
}

/// A colour in a theme file.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Name(Color);

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let color = name.parse().map(Name);
        color.map_err(|_| {
            format!("`{name}` is not a colour: use a name, \"0\" to \"255\" or \"#rrggbb\"")
        })
    }
}

fn color<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Color>, D::Error> {
    Ok(Some(Name::deserialize(deserializer)?.0))
}

fn colors<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<Color>>, D::Error> {
    let names = Vec::<Name>::deserialize(deserializer)?;
    Ok(Some(names.into_iter().map(|name| name.0).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_by_name_number_and_value() {
        let file = ThemeFile::parse("text = 'light blue'\nmuted = '244'\nmark = '#ff8000'")
            .expect("a theme");
        assert_eq!(file.text, Some(Color::LightBlue));
        assert_eq!(file.muted, Some(Color::Indexed(244)));
        assert_eq!(file.mark, Some(Color::Rgb(255, 128, 0)));
        assert_eq!(file.border, None);
    }

    #[test]
    fn errors_say_where_and_what() {
        let unknown = ThemeFile::parse("txet = 'red'").expect_err("a typo").to_string();
        assert!(unknown.contains("line 1") && unknown.contains("`text`"), "{unknown}");
        let color = ThemeFile::parse("\ntext = 'reddish'").expect_err("no colour").to_string();
        assert!(color.contains("line 2") && color.contains("`reddish` is not a colour"), "{color}");
    }

    #[test]
    fn no_file_is_no_error_and_a_folder_is_one() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(matches!(ThemeFile::read(&folder.path().join("theme.toml")), Ok(None)));
        assert!(matches!(ThemeFile::read(folder.path()), Err(ThemeError::Read { .. })));
    }
}
