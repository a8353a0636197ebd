//! The terminal user interface: what a user sees of experiments and runs, and the keys to steer
//! them.
//!
//! [`show`] runs the only loop. It owns the terminal ([`Screen`]) and a stack of views: the top one
//! is drawn and takes the keys. There are four, each in its folder: `start`, `run`,
//! `compare` and `profile`. A view consists of
//!
//! - its content: plain state that neither knows a terminal nor a clock (`Content`),
//! - one table of actions, which feeds dispatch, footer, help and palette (`Action`),
//! - a picture: a pure function of the state, drawn into a buffer,
//! - a driver, which connects the content with a source of news (`Driver`).
//!
//! Status line, popups, focus and zoom are the same for all views (`Chrome`, `Shared`, `layout`).
//! Adding a view takes its folder and the place that opens it. Nothing is drawn if nothing has
//! changed.

mod ascii;
mod border;
mod chart;
mod chrome;
mod compare;
mod content;
mod driven;
mod filter;
mod format;
mod grid;
mod help;
mod keys;
mod layout;
mod line_edit;
mod matrix_table;
mod pace;
mod palette;
mod panels;
mod plain;
mod popup;
mod profile;
mod profile_chart;
mod prompt;
mod question;
mod row;
mod run;
mod shared;
mod stack;
mod start;
mod svg;
mod table;
mod terminal;
mod theme;
mod theme_file;
mod view;
mod window;

pub(crate) use compare::{Compare, MOST_RUNS, compare_view, render_compare};
pub(crate) use pace::Pace;
pub(crate) use plain::to_text;
pub use profile::Profiles;
pub(crate) use profile::{ProfileNews, profile_view};
pub(crate) use run::run_view;
pub use run::{App, render};
pub use stack::show;
pub use start::Start;
pub(crate) use start::{Choice, ExperimentItem, start_view};
pub(crate) use svg::to_svg;
pub use terminal::Screen;
pub use theme::{Depth, Theme};
pub(crate) use theme_file::ThemeError;
pub(crate) use window::{ClosedRun, Leave, Window};
