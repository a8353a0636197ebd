//! The picture of several runs: their names and letters, and the panels.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::member::Member;
use super::state::{Compare, ComparePanel};
use super::{charts, tables};
use crate::tui::border::bordered;
use crate::tui::content::Pages;
use crate::tui::grid;
use crate::tui::table::fitted;
use crate::tui::theme::Theme;

pub(super) fn render(compare: &Compare, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Pages {
    let [top, middle] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    legend(compare, theme, top.width).render(top, buffer);
    panels(compare, theme, middle, buffer)
}

/// Letter and name of every run, hidden ones in brackets. Names are shortened until all letters
/// fit.
fn legend(compare: &Compare, theme: &Theme, width: u16) -> Line<'static> {
    let count = compare.members.len().max(1);
    let name = |member: &Member| {
        if member.hidden {
            format!("({})", told_apart(compare, member))
        } else {
            told_apart(compare, member)
        }
    };
    let names: Vec<String> = compare.members.iter().map(name).collect();
    let mut room = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let taken = |room: usize| -> usize {
        names.iter().map(|name| name.chars().count().min(room) + 4).sum::<usize>()
    };
    while room > 0 && taken(room) > usize::from(width) + 2 {
        room -= 1;
    }
    let mut line = Line::default();
    for (member, name) in compare.members.iter().zip(&names).take(count) {
        let (letter, text) = if member.hidden {
            (theme.muted, theme.muted)
        } else {
            (member.style(theme), theme.text)
        };
        line.extend((!line.spans.is_empty()).then(|| Span::raw("  ")));
        line.push_span(Span::styled(format!("{} ", member.letter()), letter));
        let length = name.chars().count().min(room);
        line.push_span(Span::styled(fitted(name, length, false), text));
    }
    line
}

/// Name of a run, with the end of its folder's name if other runs have the same name.
fn told_apart(compare: &Compare, member: &Member) -> String {
    let name = member.name();
    let same = compare.members.iter().filter(|other| other.name() == name).count();
    let folder = member.folder.name();
    match folder.rsplit_once('_') {
        Some((_, end)) if same > 1 && folder != name => format!("{name} {end}"),
        _ => name,
    }
}

/// Draws the panels: on a large screen all of them, else those of the page that contains the
/// focused one.
fn panels(compare: &Compare, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Pages {
    if compare.chrome.zoomed {
        panel(compare, compare.chrome.focus, theme, area, buffer);
        return Pages::ONE;
    }
    let count = ComparePanel::ALL.len();
    let whole = (area.width >= LARGE.0 && area.height >= LARGE.1).then(|| large(compare, area));
    let per_page = whole.map_or(grid::per_page(MOST_ON_A_PAGE, area), |places| places.len());
    let page = compare.chrome.focus / per_page;
    let first = page * per_page;
    let places = match whole {
        Some(places) => places.to_vec(),
        None => grid::places(&vec![None; per_page.min(count - first)], area),
    };
    for (index, place) in (first..).zip(places) {
        panel(compare, index, theme, place, buffer);
    }
    Pages { page, count: count.div_ceil(per_page) }
}

/// Number of panels on a page of a smaller screen.
const MOST_ON_A_PAGE: usize = 4;

/// Columns and rows of the smallest screen that shows all panels on one page.
const LARGE: (u16, u16) = (100, 28);

/// Areas of all panels: the charts, of which accuracy is the largest, above the tables, which get
/// no more room than they need.
fn large(compare: &Compare, area: Rect) -> [Rect; 5] {
    let lines = compare.difference_lines().len().max(compare.members.len()) as u16;
    let below = Constraint::Length((lines + 3).clamp(area.height / 5, area.height * 2 / 5));
    let [charts, tables] = Layout::vertical([Constraint::Fill(1), below]).areas(area);
    let [accuracy, others] = Layout::horizontal([Constraint::Fill(1); 2]).areas(charts);
    let [loss, distance] = Layout::vertical([Constraint::Fill(1); 2]).areas(others);
    let [results, differences] = Layout::horizontal([Constraint::Fill(1); 2]).areas(tables);
    [accuracy, loss, distance, results, differences]
}

/// Draws one panel in its border.
fn panel(compare: &Compare, index: usize, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let Some(&panel) = ComparePanel::ALL.get(index) else { return };
    let title = format!("{} {}", index + 1, panel.title());
    let caption = Line::styled(caption(compare, panel), theme.text);
    let inner = bordered(&title, caption, index == compare.chrome.focus, theme, area, buffer);
    if inner.is_empty() {
        return;
    }
    match panel {
        ComparePanel::Chart(quantity) => charts::render(compare, quantity, theme, inner, buffer),
        ComparePanel::Results => tables::results(compare, theme, inner, buffer),
        ComparePanel::Differences => tables::differences(compare, theme, inner, buffer),
    }
}

fn caption(compare: &Compare, panel: ComparePanel) -> String {
    match panel {
        ComparePanel::Chart(quantity) => charts::caption(compare, quantity),
        ComparePanel::Results => match compare.view.cursor {
            Some(place) => format!("at {}", charts::time(compare).readout(place)),
            None => String::new(),
        },
        ComparePanel::Differences => match compare.differences.len() {
            0 => String::new(),
            1 => "1 key".into(),
            keys => format!("{keys} keys"),
        },
    }
}

/// The last action, or else a log that cannot be read, or else how many are still being read.
pub(super) fn status(compare: &Compare, theme: &Theme) -> Line<'static> {
    if let Some(status) = compare.chrome.status_line(theme) {
        return status;
    }
    let failed = compare.members.iter().find_map(|member| {
        member.failure.as_ref().map(|failure| format!("{}: {failure}", member.letter()))
    });
    let reading = compare.members.iter().filter(|member| !member.caught_up).count();
    match failed {
        Some(failed) => Line::styled(failed, theme.warning),
        None if reading > 0 => {
            let text = format!("reading {reading} of {} runs …", compare.members.len());
            Line::styled(text, theme.muted)
        }
        None => Line::default(),
    }
}
