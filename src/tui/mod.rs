//! The screen: what a person sees of experiments and runs, and the keys to steer them.
//!
//! Everything is drawn from plain state by pure functions into a buffer: [`App`] folds a session's
//! events and a person's keys, [`render`] draws it. Only [`Screen`] knows the terminal. One table
//! of keys per screen feeds dispatch, footer, help and palette. Nothing is drawn when nothing has
//! changed.

mod act;
mod actions;
mod app;
mod ascii;
mod chart;
mod compare;
mod figure;
mod filter;
mod footer;
mod format;
mod grid;
mod header;
mod help;
mod keys;
mod line_edit;
mod matrix_table;
mod palette;
mod panels;
mod picture;
mod plain;
mod popup;
mod profile;
mod profile_chart;
mod prompt;
mod question;
mod row;
mod show;
mod start;
mod steer;
mod svg;
mod table;
mod terminal;
#[cfg(test)]
mod tests;
mod theme;
mod theme_file;
mod view;

pub use actions::{ACTIONS, Action};
pub use app::{App, Change, Request};
pub use compare::{Compare, MOST_RUNS, compare, render_compare};
pub use keys::{Binding, Key};
pub use matrix_table::SortBy;
pub use panels::{Panel, Scene};
pub use picture::render;
pub use plain::to_text;
pub use profile::{ProfileNews, Profiles, render_profiles, show_profiles};
pub use show::{Leave, Pace, show};
pub use start::{Choice, ExperimentItem, Start, start};
pub use svg::to_svg;
pub use terminal::Screen;
pub use theme::{Depth, Theme};
pub use theme_file::ThemeError;
pub use view::View;
