//! The picture of the start view: lists side by side if there is room, else one above the other.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::item::{ExperimentItem, RunItem};
use super::state::{List, Start};
use crate::run::Summary;
use crate::tui::border::bordered;
use crate::tui::format;
use crate::tui::row::{Part, row};
use crate::tui::table::{Column, NARROWEST, Table};
use crate::tui::theme::Theme;

/// The smallest width for lists side by side.
const WIDE: u16 = 150;

/// Lines about the selection.
const ABOUT: u16 = 2;

pub(super) fn render(start: &Start, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let heights = [Constraint::Length(2), Constraint::Fill(1), Constraint::Length(ABOUT)];
    let [title, lists, about] = Layout::vertical(heights).areas(area);
    let name = Span::styled("laperm", theme.accent);
    let what = "   train networks by permuting their weights, and watch it live";
    Line::from(vec![name, Span::styled(what, theme.muted)]).render(title, buffer);
    if start.chrome.zoomed {
        start.draw_list(start.list(), theme, lists, buffer);
    } else {
        let [experiments, runs] = start.areas(lists);
        start.draw_list(List::Experiments, theme, experiments, buffer);
        start.draw_list(List::Runs, theme, runs, buffer);
    }
    start.about(theme, about, buffer);
}

impl Start {
    /// Areas of the two lists. If one is above the other, the focused one gets more of the room.
    fn areas(&self, area: Rect) -> [Rect; 2] {
        if area.width >= WIDE {
            return Layout::horizontal([Constraint::Fill(2), Constraint::Fill(3)]).areas(area);
        }
        let shares = if self.list() == List::Experiments { [3, 2] } else { [2, 3] };
        Layout::vertical(shares.map(Constraint::Fill)).areas(area)
    }

    fn draw_list(&self, list: List, theme: &Theme, area: Rect, buffer: &mut Buffer) {
        let (table, title) = match list {
            List::Experiments => (self.experiment_table(theme), "experiments".into()),
            List::Runs => (self.run_table(theme), self.run_title()),
        };
        let focused = self.list() == list;
        let (count, chosen) = (self.count(list), self.chosen[list as usize]);
        let place = format!("{} of {count}", (chosen + 1).min(count));
        let place = Line::styled(place, theme.muted);
        let inner = bordered(&title, place, focused, theme, area, buffer);
        let widths = table.widths(inner.width.saturating_sub(2));
        let lines = table.lines(&widths);
        if lines.is_empty() {
            return Line::styled(self.nothing(list), theme.muted).render(inner, buffer);
        }
        let indented = |row: Rect| Rect { x: row.x + 1, width: row.width.saturating_sub(2), ..row };
        let mut rows: Vec<Rect> = inner.rows().collect();
        // Column titles need room.
        if list == List::Runs && rows.len() > 3 {
            table.head(&widths).render(indented(rows.remove(0)), buffer);
        }
        let first = (chosen + 1).saturating_sub(rows.len());
        for ((index, line), row) in lines.into_iter().enumerate().skip(first).zip(rows) {
            line.render(indented(row), buffer);
            if focused && index == chosen {
                buffer.set_style(row, theme.selected);
            }
        }
    }

    fn run_title(&self) -> String {
        match self.marked().count() {
            0 => "runs".into(),
            marked => format!("runs, {marked} marked"),
        }
    }

    /// Why a list is empty.
    fn nothing(&self, list: List) -> &'static str {
        match (list, self.filter.is_empty()) {
            (_, false) => "nothing matches the filter",
            (List::Experiments, true) => "no experiments were found",
            (List::Runs, true) => "no runs yet: enter starts the first one",
        }
    }

    fn experiment_table(&self, theme: &Theme) -> Table {
        let column = |title, rank| Column {
            title,
            style: theme.muted,
            right: false,
            rank,
            least: NARROWEST,
        };
        let columns = vec![column("experiment", 0), column("data", 1), column("", 2)];
        let row = |item: &ExperimentItem| {
            let ready = match &item.missing_data {
                Some(why) => (why.clone(), theme.warning),
                None => ("ready".into(), theme.muted),
            };
            vec![(item.name.clone(), theme.text), (item.dataset.clone(), theme.muted), ready]
        };
        Table::new(columns, self.experiments().map(row).collect())
    }

    fn run_table(&self, theme: &Theme) -> Table {
        let column = |title, right, rank| Column {
            title,
            style: theme.muted,
            right,
            rank,
            least: NARROWEST,
        };
        let columns = vec![
            column("", false, 0),
            column("run", false, 0),
            column("state", false, 0),
            column("steps", true, 1),
            column("best", true, 0),
            column("age", true, 0),
            column("network", false, 2),
            column("data", false, 3),
            column("k", true, 4),
            column("p", true, 5),
            column("time", true, 6),
        ];
        Table::new(columns, self.runs().map(|run| self.run_row(run, theme)).collect())
    }

    fn run_row(&self, run: &RunItem, theme: &Theme) -> Vec<(String, Style)> {
        let mark = if run.marked { "●" } else { " " };
        let of = |tell: &dyn Fn(&Summary) -> String| match run.known() {
            Some(summary) => (tell(summary), theme.muted),
            None => (String::new(), theme.muted),
        };
        let best = |summary: &Summary| match summary.best_test_accuracy {
            Some(best) => format::percent(best.into(), 2),
            None => "-".into(),
        };
        vec![
            (mark.into(), theme.mark),
            (run.name(), theme.text),
            (run.state().into(), state_style(run, theme)),
            of(&steps),
            (of(&best).0, theme.text),
            of(&|summary| summary.age(self.now)),
            of(&|summary| summary.network.clone()),
            of(&|summary| summary.dataset.clone()),
            of(&|summary| summary.k.to_string()),
            of(&|summary| format::ratio(summary.p)),
            of(&|summary| format::duration(summary.seconds)),
        ]
    }

    /// Describes the selection.
    fn about(&self, theme: &Theme, area: Rect, buffer: &mut Buffer) {
        let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
        let wrapped = |text: &str, style| {
            let lines = format::wrap(text, inner.width.into()).into_iter();
            lines.map(|line| Line::styled(line, style)).collect::<Vec<_>>()
        };
        let lines = match (self.list(), self.chosen_experiment(), self.chosen_run()) {
            (List::Experiments, Some(experiment), _) => {
                wrapped(&experiment.description, theme.text)
            }
            (List::Runs, _, Some(run)) => match (run.problem(), run.known()) {
                (Some(problem), _) => wrapped(problem, theme.warning),
                (None, known) => {
                    let folder = run.folder.path().display().to_string();
                    let known = known.map(|known| row(details(known, theme), inner.width));
                    [Line::styled(folder, theme.muted)].into_iter().chain(known).collect()
                }
            },
            _ => Vec::new(),
        };
        for (line, row) in lines.into_iter().zip(inner.rows()) {
            line.render(row, buffer);
        }
    }
}

/// Style of a run's state: a live run and a failed one stand out.
fn state_style(run: &RunItem, theme: &Theme) -> Style {
    use crate::run::Standing::*;
    match run.known().map(|summary| summary.state) {
        Some(Running) => theme.accent,
        Some(Paused) => theme.mark,
        Some(Finished | Stopped) => theme.text,
        Some(Diverged | Failed | Crashed) => theme.warning,
        None if run.problem().is_some() => theme.warning,
        None => theme.muted,
    }
}

/// Steps taken, and the planned number if there are more.
fn steps(summary: &Summary) -> String {
    let steps = format::grouped(summary.steps);
    match summary.total_steps {
        total if total > summary.steps => format!("{steps}/{}", format::grouped(total)),
        _ => steps,
    }
}

/// Summary of a run, in a line.
fn details(summary: &Summary, theme: &Theme) -> Vec<Part> {
    let fact = |rank, name: &str, value: String| {
        Part::new(rank, format!("{name} "), theme.muted).and(value, theme.text)
    };
    let what = format!("{} on {}", summary.network, summary.dataset);
    let mut parts = vec![Part::new(0, what, theme.text)];
    parts.push(fact(3, "k", summary.k.to_string()));
    parts.push(fact(4, "p", format::ratio(summary.p)));
    parts.push(fact(5, "syncs", format::grouped(summary.syncs)));
    if let Some(test) = summary.test_accuracy {
        parts.push(fact(1, "latest test accuracy", format::percent(test.into(), 2)));
    }
    if let Some(loss) = summary.test_loss {
        parts.push(fact(2, "loss", format::short(loss.into())));
    }
    parts.push(fact(6, "trained for", format::duration(summary.seconds)));
    parts
}
