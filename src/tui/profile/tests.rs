//! The view of a file's weight matrices, from news and keys to the picture.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::*;
use crate::tui::content::{actions, find, paste, press as press_key};
use crate::tui::layout;
use crate::tui::pace::Change;
use crate::tui::theme::Depth;
use crate::tui::window::{Leave, Request};
use crate::weights::{Layout, MatrixSummary};

/// A matrix of `vectors` times 4 weights, each vector an ascending line that begins at its index
/// times `spread`.
fn matrix(name: &str, vectors: usize, spread: f32) -> ProfileNews {
    let weight = |i: usize| (i / 4) as f32 * spread + (i % 4) as f32;
    let values: Vec<f32> = (0..vectors * 4).map(weight).collect();
    let summary = MatrixSummary::of(name.into(), vec![vectors, 4], &values, Layout::OutputFirst);
    ProfileNews::Matrix(Box::new(summary.expect("a matrix")))
}

/// Three matrices; all of the last one's vectors are the same.
fn filled() -> Profiles {
    let mut profiles = Profiles::new("net.safetensors");
    profiles.take(matrix("features.0", 2, 0.1));
    profiles.take(matrix("features.3", 5, 2.0));
    profiles.take(matrix("classifier", 3, 0.0));
    profiles.take(ProfileNews::Done);
    profiles
}

fn press(profiles: &mut Profiles, keys: &[KeyCode]) {
    keys.iter().for_each(|&key| press_key(profiles, key.into()));
}

fn type_text(profiles: &mut Profiles, text: &str) {
    text.chars().for_each(|c| press_key(profiles, KeyCode::Char(c).into()));
}

fn picture(profiles: &Profiles, unicode: bool, width: u16, height: u16) -> String {
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    layout::render(profiles, &Theme::new(Depth::None, unicode), area, &mut buffer);
    let rows = buffer.content.chunks(width.max(1).into());
    rows.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>() + "\n").collect()
}

#[track_caller]
fn assert_shows(profiles: &Profiles, parts: &[&str]) {
    for (width, height) in [(80, 24), (200, 60)] {
        let text = picture(profiles, true, width, height);
        for part in parts {
            assert!(text.contains(part), "`{part}` is not in\n{text}");
        }
    }
}

/// The names in the table, as it is sorted.
fn names(profiles: &Profiles) -> Vec<&str> {
    profiles.order().into_iter().map(|index| profiles.matrices[index].name.as_str()).collect()
}

#[test]
fn matrices_appear_as_they_are_read() {
    let mut profiles = Profiles::new("net.safetensors");
    assert_shows(
        &profiles,
        &["net.safetensors", "reading …", "the first weight matrix is being read"],
    );
    profiles.take(ProfileNews::Reading("1 of 2: features.0".into()));
    profiles.take(matrix("features.0", 2, 0.1));
    assert_shows(&profiles, &["reading 1 of 2: features.0 …", "1 matrix", "8 weights", "2x4"]);
    profiles.take(matrix("classifier", 3, 0.0));
    profiles.take(ProfileNews::Done);
    assert_shows(&profiles, &["2 matrices", "20 weights", "zeros 20 %", "1 of 2"]);
    assert!(!picture(&profiles, true, 80, 24).contains("reading"));
}

#[test]
fn what_cannot_be_read_is_told_and_what_was_read_stays() {
    let mut profiles = Profiles::new("net.h5");
    let why = "net.h5: dense_2/kernel is cut off";
    profiles.take(ProfileNews::Failed(why.into()));
    assert_shows(&profiles, &[why]);
    let mut profiles = Profiles::new("net.h5");
    profiles.take(matrix("dense_1/kernel", 2, 0.1));
    profiles.take(ProfileNews::Failed(why.into()));
    // The end of the thread that read it is not the end of the file.
    profiles.take(ProfileNews::Done);
    assert_shows(&profiles, &[why, "dense_1/kernel"]);
    let mut empty = Profiles::new("nothing.pt");
    empty.take(ProfileNews::Notice("2 vectors were left out".into()));
    empty.take(ProfileNews::Done);
    assert_shows(&empty, &["there is no weight matrix here", "2 vectors were left out"]);
}

#[test]
fn the_table_is_walked_and_sorted_and_the_profile_follows() {
    let mut profiles = filled();
    assert_shows(&profiles, &["features.0 · SoWP", "▸  features.0  2x4", "1 of 3"]);
    press(&mut profiles, &[KeyCode::Down]);
    assert_shows(&profiles, &["features.3 · SoWP", "▸  features.3", "2 of 3"]);
    press(&mut profiles, &[KeyCode::End]);
    assert_shows(&profiles, &["classifier · SoWP 0"]);
    type_text(&mut profiles, "k[");
    assert_shows(&profiles, &["features.0 · SoWP"]);
    type_text(&mut profiles, "S");
    assert_eq!(names(&profiles), ["features.3", "features.0", "classifier"]);
    assert_shows(
        &profiles,
        &["similarity ↓", "sorted by similarity, the least alike first", "2 of 3"],
    );
    type_text(&mut profiles, "SSSS");
    assert_eq!(names(&profiles), ["classifier", "features.0", "features.3"]);
    press(&mut profiles, &[KeyCode::Home]);
    assert_shows(&profiles, &["classifier · SoWP", "layer ↑"]);
}

#[test]
fn the_filter_looks_at_names_and_shapes() {
    let mut profiles = filled();
    type_text(&mut profiles, "/CLASS");
    assert_eq!(names(&profiles), ["classifier"]);
    assert_shows(&profiles, &["filter: CLASS", "classifier · SoWP", "1 of 1"]);
    press(&mut profiles, &[KeyCode::Esc]);
    assert_eq!(names(&profiles).len(), 3);
    type_text(&mut profiles, "/5x4 feat");
    press(&mut profiles, &[KeyCode::Enter]);
    assert_eq!(names(&profiles), ["features.3"]);
    // Typed no more: letters are keys again.
    type_text(&mut profiles, "S");
    assert_shows(&profiles, &["sorted by similarity"]);
    press(&mut profiles, &[KeyCode::Esc]);
    assert_eq!(names(&profiles).len(), 3);
    type_text(&mut profiles, "/nothing");
    assert_shows(&profiles, &["nothing matches the filter"]);
    paste(&mut profiles, " else\nq");
    assert_eq!(profiles.filter.text(), "nothing else");
}

#[test]
fn the_cursor_reads_ranks_and_quantiles() {
    let mut profiles = filled();
    press(&mut profiles, &[KeyCode::Down]);
    press(&mut profiles, &[KeyCode::Right]);
    // Five vectors that begin at 0, 2, 4, 6 and 8, at rank 1.5 of 0 to 3.
    assert_shows(&profiles, &["rank 2  min 1.50", "50 % 5.50", "max 9.50"]);
    press_key(&mut profiles, KeyEvent::new(KeyCode::Right, KeyModifiers::SHIFT));
    assert_eq!(profiles.rank, Some(0.6));
    type_text(&mut profiles, "hh0");
    assert_eq!(profiles.rank, None);
    assert_shows(&profiles, &["median"]);
}

#[test]
fn a_panel_fills_the_screen_and_gives_it_back() {
    let mut profiles = filled();
    type_text(&mut profiles, "2z");
    assert_shows(&profiles, &["Weight profile", "mean 1.55", "SD", "min 0", "max 3.10"]);
    assert!(!picture(&profiles, true, 200, 60).contains("Weight matrices"));
    press(&mut profiles, &[KeyCode::Tab]);
    assert_shows(&profiles, &["All profiles", "features.3", "classifier 0"]);
    press(&mut profiles, &[KeyCode::Esc]);
    assert_shows(&profiles, &["Weight matrices", "All profiles"]);
}

#[test]
fn on_a_small_screen_the_profile_or_all_of_them_stand_below_the_table() {
    let mut profiles = filled();
    let text = picture(&profiles, true, 80, 24);
    assert!(text.contains("2 Weight profile") && !text.contains("All profiles"), "{text}");
    type_text(&mut profiles, "3");
    let text = picture(&profiles, true, 80, 24);
    assert!(text.contains("3 All profiles") && !text.contains("2 Weight profile"), "{text}");
    let text = picture(&profiles, true, 200, 60);
    assert!(text.contains("2 Weight profile") && text.contains("3 All profiles"), "{text}");
}

#[test]
fn leaving() {
    for key in [
        KeyEvent::from(KeyCode::Char('q')),
        KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL),
    ] {
        let mut profiles = filled();
        press_key(&mut profiles, key);
        assert!(matches!(profiles.chrome.take_request(), Some(Request::Leave(Leave::Left))));
    }
    // Escape gives up the filter first.
    let mut profiles = filled();
    type_text(&mut profiles, "/conv");
    press(&mut profiles, &[KeyCode::Enter, KeyCode::Esc]);
    assert!(profiles.chrome.take_request().is_none());
    press(&mut profiles, &[KeyCode::Esc]);
    assert!(matches!(profiles.chrome.take_request(), Some(Request::Leave(Leave::Left))));
    let mut profiles = filled();
    type_text(&mut profiles, "?");
    assert_shows(&profiles, &["sort by the next column", "rank cursor left"]);
    type_text(&mut profiles, "q");
    assert!(profiles.chrome.take_request().is_none());
}

#[test]
fn what_is_not_available_says_why_and_is_listed_with_the_reason() {
    let mut profiles = Profiles::new("net.safetensors");
    press(&mut profiles, &[KeyCode::Right]);
    assert_eq!(profiles.rank, None);
    assert_shows(&profiles, &["rank cursor right: there is no matrix"]);
    type_text(&mut profiles, ":rank cursor right");
    assert_shows(&profiles, &["(there is no matrix)"]);
    press(&mut profiles, &[KeyCode::Enter]);
    assert_shows(&profiles, &["rank cursor right: there is no matrix"]);
    let mut profiles = filled();
    type_text(&mut profiles, ":next column");
    press(&mut profiles, &[KeyCode::Enter]);
    assert_shows(&profiles, &["sorted by similarity"]);
}

#[test]
fn nothing_is_drawn_when_nothing_has_changed() {
    let mut profiles = filled();
    profiles.chrome.drawn();
    profiles.take(ProfileNews::Done);
    assert_eq!(profiles.chrome.change(), Change::None);
    type_text(&mut profiles, "S");
    assert_eq!(profiles.chrome.change(), Change::Input);
}

#[test]
fn keys_and_panels_fit_their_table() {
    let mut profiles = filled();
    for row in actions::<Profiles>() {
        for &key in row.keys {
            let all = actions::<Profiles>().filter(|other| other.keys.contains(&key));
            assert_eq!(all.count(), 1, "{key}");
            let found = find(&profiles, key).map(|found| found.description);
            assert_eq!(found, Some(row.description), "{key}");
        }
    }
    for panel in 0..Profiles::PANELS {
        type_text(&mut profiles, &(panel + 1).to_string());
        assert_eq!(profiles.chrome.focus, panel);
    }
}

#[test]
fn any_size_can_be_drawn_in_ascii_too() {
    let mut zoomed = filled();
    type_text(&mut zoomed, "2zl");
    let mut one = Profiles::new("one weight");
    one.take(matrix("a", 1, f32::NAN));
    let mut many =
        Profiles::new("a name that is longer than there is room for on any narrow screen");
    (0..300).for_each(|i| many.take(matrix(&format!("stage.{i}.weight"), 2, 0.1)));
    type_text(&mut many, "3G");
    for profiles in [&filled(), &zoomed, &one, &many, &Profiles::new("")] {
        for width in 58..=64 {
            (0..=22).for_each(|height| drop(picture(profiles, true, width, height)));
        }
        for (width, height) in [(60, 18), (80, 24), (61, 200), (300, 18), (200, 60)] {
            assert!(picture(profiles, false, width, height).is_ascii());
        }
    }
    assert!(picture(&many, true, 80, 24).contains("▸…9.weight 0."));
}
