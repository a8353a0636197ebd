//! A name in a log that may come from a later version of the program.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, IntoDeserializer, value};
use serde::{Deserialize, Serialize};

/// A value that this version knows, or the name that another version gave to one that it does not
/// know. Both are written as the name alone.
///
/// ```
/// use laperm::experiment::WrapperName;
/// use laperm::train::Named;
///
/// let known: Named<WrapperName> = "laperm".into();
/// assert!(known == WrapperName::Laperm);
/// let later: Named<WrapperName> = "laperm-2".into();
/// assert!(later != WrapperName::Laperm);
/// assert_eq!(later.to_string(), "laperm-2");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Named<T> {
    /// A value of this version.
    Known(T),
    /// The name of a value that this version does not know; empty if the log names none.
    Other(String),
}

impl<T> Named<T> {
    /// Returns the value if this version knows it.
    pub fn known(&self) -> Option<&T> {
        match self {
            Named::Known(value) => Some(value),
            Named::Other(_) => None,
        }
    }
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Named::Other(String::new())
    }
}

impl<T: PartialEq> PartialEq<T> for Named<T> {
    fn eq(&self, other: &T) -> bool {
        self.known() == Some(other)
    }
}

impl<T: fmt::Display> fmt::Display for Named<T> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Named::Known(value) => value.fmt(f),
            Named::Other(name) => f.pad(name),
        }
    }
}

impl<T: DeserializeOwned> From<&str> for Named<T> {
    fn from(name: &str) -> Self {
        let deserializer: StrDeserializer<value::Error> = name.into_deserializer();
        T::deserialize(deserializer).map_or_else(|_| Named::Other(name.into()), Named::Known)
    }
}
