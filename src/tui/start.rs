//! The start screen: experiments to launch and runs to open.

use std::path::PathBuf;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Paragraph, Widget, Wrap};

use super::help::Help;
use super::keys::{Binding, Key, find};
use super::line_edit::LineEdit;
use super::popup::Reaction;
use super::terminal::{Input, Screen};
use super::theme::Theme;
use super::{ascii, footer, format, picture};

/// What there is to choose from.
#[derive(Debug, Clone, Default)]
pub struct StartItems {
    /// Experiments to launch; the first is the one for a first try.
    pub experiments: Vec<ExperimentItem>,
    /// Runs to open, newest first.
    pub runs: Vec<RunItem>,
}

/// An experiment to launch.
#[derive(Debug, Clone, Default)]
pub struct ExperimentItem {
    /// Its file.
    pub path: PathBuf,
    /// Its name.
    pub name: String,
    /// What it shows, in a sentence or two.
    pub description: String,
    /// The dataset it trains on.
    pub dataset: String,
    /// Why it cannot start and what to do about it; `None` when it can.
    pub missing_data: Option<String>,
}

/// A run to open.
#[derive(Debug, Clone, Default)]
pub struct RunItem {
    /// Its folder.
    pub folder: PathBuf,
    /// Its name.
    pub name: String,
    /// Its state in a word.
    pub state: String,
    /// The best test accuracy after a sync, 0 to 1.
    pub accuracy: Option<f32>,
    /// How long ago it began, as people say it.
    pub age: String,
}

/// What a person chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// To launch the experiment of this file.
    Launch(PathBuf),
    /// To open the run in this folder.
    Open(PathBuf),
    /// To leave.
    Quit,
}

/// Lets a person choose. The screen stays taken over, so that what comes next takes its place at
/// once. A terminal that is gone chooses to leave.
pub fn start(screen: &mut Screen, items: &StartItems, theme: &Theme) -> Choice {
    let mut start = Start::new(items);
    choose(&mut start, screen, theme).unwrap_or(Choice::Quit)
}

fn choose(start: &mut Start, screen: &mut Screen, theme: &Theme) -> std::io::Result<Choice> {
    // Nothing happens by itself here; signals and keys wake it.
    const PATIENCE: Duration = Duration::from_secs(60);
    let mut changed = true;
    loop {
        if changed {
            screen.draw(|area, buffer| start.render(theme, area, buffer))?;
        }
        let inputs = screen.wait(PATIENCE);
        changed = !inputs.is_empty();
        for input in inputs {
            match input {
                Input::Key(key) => start.key(key),
                Input::Paste(text) => start.paste(&text),
                Input::Redraw | Input::Continued => {}
                Input::Stop | Input::HungUp => return Ok(Choice::Quit),
            }
            match start.request.take() {
                Some(Request::Choose(choice)) => return Ok(choice),
                Some(Request::Suspend) => screen.suspend()?,
                Some(Request::Redraw) => screen.forget()?,
                None => {}
            }
        }
    }
}

/// What a person can do here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Choose,
    Up,
    Down,
    First,
    Last,
    OtherList,
    Filter,
    Help,
    Redraw,
    Suspend,
    Quit,
    Leave,
}

/// What the start screen wants of its loop.
#[derive(Debug, PartialEq)]
enum Request {
    Choose(Choice),
    Suspend,
    Redraw,
}

const PROGRAM: &str = "program";

const fn row(
    group: &'static str,
    action: Action,
    keys: &'static [Key],
    description: &'static str,
    hint: Option<&'static str>,
) -> Binding<Action, List> {
    Binding { action, keys, description, group, hint, obstacle: List::obstacle }
}

static ACTIONS: &[Binding<Action, List>] = &[
    row("lists", Action::Choose, &[Key::plain(KeyCode::Enter)], "launch or open", Some("start")),
    row("lists", Action::Up, &[Key::plain(KeyCode::Up), Key::char('k')], "up", Some("choose")),
    row(
        "lists",
        Action::Down,
        &[Key::plain(KeyCode::Down), Key::char('j')],
        "down",
        Some("choose"),
    ),
    row("lists", Action::First, &[Key::plain(KeyCode::Home), Key::char('g')], "to the top", None),
    row("lists", Action::Last, &[Key::plain(KeyCode::End), Key::char('G')], "to the bottom", None),
    row(
        "lists",
        Action::OtherList,
        &[Key::plain(KeyCode::Tab), Key::plain(KeyCode::BackTab)],
        "the other list",
        Some("other list"),
    ),
    row("lists", Action::Filter, &[Key::char('/')], "type to filter", Some("filter")),
    row(PROGRAM, Action::Help, &[Key::char('?')], "this help", Some("help")),
    row(PROGRAM, Action::Redraw, &[Key::ctrl(KeyCode::Char('l'))], "draw again", None),
    row(PROGRAM, Action::Suspend, &[Key::ctrl(KeyCode::Char('z'))], "back to the shell", None),
    row(PROGRAM, Action::Leave, &[Key::plain(KeyCode::Esc)], "drop the filter, or quit", None),
    row(
        PROGRAM,
        Action::Quit,
        &[Key::char('q'), Key::ctrl(KeyCode::Char('c'))],
        "quit",
        Some("quit"),
    ),
];

/// One of the two lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    Experiments,
    Runs,
}

impl List {
    /// Everything can always be done here.
    fn obstacle(&self) -> Option<&'static str> {
        None
    }

    fn other(self) -> Self {
        match self {
            List::Experiments => List::Runs,
            List::Runs => List::Experiments,
        }
    }
}

/// The start screen as plain state.
struct Start<'a> {
    items: &'a StartItems,
    list: List,
    /// The chosen line of each list, among those that the filter lets through.
    chosen: [usize; 2],
    filter: LineEdit,
    filtering: bool,
    help: Option<Help>,
    warning: Option<String>,
    request: Option<Request>,
}

impl<'a> Start<'a> {
    fn new(items: &'a StartItems) -> Self {
        Self {
            items,
            list: List::Experiments,
            chosen: [0; 2],
            filter: LineEdit::default(),
            filtering: false,
            help: None,
            warning: None,
            request: None,
        }
    }

    /// Whether every word of the filter is in one of `texts`.
    fn lets_through(&self, texts: &[&str]) -> bool {
        let text = texts.join(" ").to_lowercase();
        self.filter.text().to_lowercase().split_whitespace().all(|word| text.contains(word))
    }

    fn experiments(&self) -> Vec<&'a ExperimentItem> {
        let all = self.items.experiments.iter();
        all.filter(|it| self.lets_through(&[&it.name, &it.description, &it.dataset])).collect()
    }

    fn runs(&self) -> Vec<&'a RunItem> {
        self.items.runs.iter().filter(|it| self.lets_through(&[&it.name, &it.state])).collect()
    }

    fn key(&mut self, event: KeyEvent) {
        if let Some(help) = &mut self.help {
            if help.key(event) == Reaction::Close {
                self.help = None;
            }
            return;
        }
        if self.filtering && self.filter_key(event) {
            return;
        }
        if let Some(binding) = find(ACTIONS, Key::from(event)) {
            self.act(binding.action);
        }
    }

    /// While the filter is typed, letters belong to it. Whether the key did.
    fn filter_key(&mut self, event: KeyEvent) -> bool {
        match event.code {
            KeyCode::Esc => {
                self.filter.clear();
                self.filtering = false;
            }
            KeyCode::Backspace if self.filter.is_empty() => self.filtering = false,
            KeyCode::Home | KeyCode::End => return false,
            _ if !self.filter.key(event) => return false,
            _ => {}
        }
        self.filtered();
        true
    }

    fn paste(&mut self, text: &str) {
        if self.filtering {
            self.filter.paste(text);
            self.filtered();
        }
    }

    /// The filter has changed: go where it found something.
    fn filtered(&mut self) {
        self.chosen = [0; 2];
        if self.length() == 0 {
            self.list = self.list.other();
        }
        if self.length() == 0 {
            self.list = self.list.other();
        }
    }

    fn length(&self) -> usize {
        match self.list {
            List::Experiments => self.experiments().len(),
            List::Runs => self.runs().len(),
        }
    }

    fn act(&mut self, action: Action) {
        self.warning = None;
        let last = self.length().saturating_sub(1);
        let chosen = &mut self.chosen[self.list as usize];
        match action {
            Action::Choose => self.choose(),
            Action::Up => *chosen = chosen.saturating_sub(1),
            Action::Down => *chosen = (*chosen + 1).min(last),
            Action::First => *chosen = 0,
            Action::Last => *chosen = last,
            Action::OtherList => self.list = self.list.other(),
            Action::Filter => self.filtering = true,
            Action::Help => self.help = Some(Help::new(ACTIONS)),
            Action::Redraw => self.request = Some(Request::Redraw),
            Action::Suspend => self.request = Some(Request::Suspend),
            Action::Leave if !self.filter.is_empty() => {
                self.filter.clear();
                self.filtered();
            }
            Action::Quit | Action::Leave => self.request = Some(Request::Choose(Choice::Quit)),
        }
    }

    fn choose(&mut self) {
        let chosen = self.chosen[self.list as usize];
        let choice = match self.list {
            List::Experiments => match self.experiments().get(chosen) {
                Some(ExperimentItem { missing_data: Some(why), .. }) => {
                    self.warning = Some(why.clone());
                    return;
                }
                Some(experiment) => Choice::Launch(experiment.path.clone()),
                None => return,
            },
            List::Runs => match self.runs().get(chosen) {
                Some(run) => Choice::Open(run.folder.clone()),
                None => return,
            },
        };
        self.request = Some(Request::Choose(choice));
    }

    fn render(&self, theme: &Theme, area: Rect, buffer: &mut Buffer) {
        if area.width < picture::SMALLEST.0 || area.height < picture::SMALLEST.1 {
            picture::too_small("q leaves.", theme, area, buffer);
        } else {
            self.lists(theme, area, buffer);
        }
        if let Some(help) = &self.help {
            help.render(theme, area, buffer);
        }
        if !theme.unicode {
            ascii::replace(buffer);
        }
    }

    fn lists(&self, theme: &Theme, area: Rect, buffer: &mut Buffer) {
        let [title, experiments, about, runs, status, keys] = Layout::vertical([
            Constraint::Length(2),
            Constraint::Fill(3),
            Constraint::Length(2),
            Constraint::Fill(2),
            Constraint::Length(1),
            Constraint::Length(1),
        ])
        .areas(area);
        let name = Span::styled("laperm", theme.accent);
        let what = "   train networks by permuting their weights, and watch it live";
        Line::from(vec![name, Span::styled(what, theme.muted)]).render(title, buffer);
        let shown = self.experiments();
        let widest = |text: fn(&ExperimentItem) -> &str| {
            shown.iter().map(|item| text(item).chars().count()).max().unwrap_or(0)
        };
        let widths = (widest(|item| &item.name), widest(|item| &item.dataset));
        let lines = shown.iter().map(|it| experiment_line(it, widths, theme)).collect();
        self.list(List::Experiments, "experiments", lines, theme, experiments, buffer);
        self.about(theme, about, buffer);
        let lines = self.runs().iter().map(|it| run_line(it, theme)).collect();
        self.list(List::Runs, "runs", lines, theme, runs, buffer);
        self.status(theme, status.width).render(status, buffer);
        footer::keys(ACTIONS, &self.list, PROGRAM, theme, keys, buffer);
    }

    fn list(
        &self,
        list: List,
        title: &str,
        lines: Vec<Line>,
        theme: &Theme,
        area: Rect,
        buffer: &mut Buffer,
    ) {
        let focused = self.list == list;
        let (border, style, title_style, mark) = match focused {
            true => (BorderType::Thick, theme.focus, theme.accent, "▸"),
            false => (BorderType::Plain, theme.border, theme.text, ""),
        };
        let count = lines.len();
        let chosen = self.chosen[list as usize];
        let title = Line::styled(format!(" {mark}{title} "), title_style);
        let block = Block::bordered().border_type(border).border_style(style).title(title);
        let inner = block.inner(area);
        let place = format!(" {} of {count} ", (chosen + 1).min(count));
        let place = Line::styled(place, theme.muted).alignment(Alignment::Right);
        block.title(place).render(area, buffer);
        if lines.is_empty() {
            let text = match (list, self.filter.is_empty()) {
                (_, false) => "nothing matches the filter",
                (List::Experiments, true) => "no experiments were found",
                (List::Runs, true) => "no runs yet: enter starts the first one",
            };
            return Line::styled(text, theme.muted).render(inner, buffer);
        }
        let first = (chosen + 1).saturating_sub(inner.height.into());
        for ((i, line), row) in lines.into_iter().enumerate().skip(first).zip(inner.rows()) {
            line.render(row, buffer);
            if focused && i == chosen {
                buffer.set_style(row, theme.selected);
            }
        }
    }

    /// The chosen experiment in full.
    fn about(&self, theme: &Theme, area: Rect, buffer: &mut Buffer) {
        let experiments = self.experiments();
        let Some(experiment) = experiments.get(self.chosen[List::Experiments as usize]) else {
            return;
        };
        let text = Paragraph::new(experiment.description.clone());
        let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
        text.style(theme.text).wrap(Wrap { trim: true }).render(inner, buffer);
    }

    fn status(&self, theme: &Theme, width: u16) -> Line<'static> {
        if let Some(warning) = &self.warning {
            return Line::styled(warning.clone(), theme.warning);
        }
        if !self.filtering && self.filter.is_empty() {
            return Line::default();
        }
        let mut line = Line::from(Span::styled("filter: ", theme.muted));
        match self.filtering {
            true => line.extend(self.filter.line(width.saturating_sub(8), theme.text).spans),
            false => line.push_span(Span::styled(self.filter.text(), theme.text)),
        }
        line
    }
}

fn experiment_line<'a>(
    item: &'a ExperimentItem,
    (name, dataset): (usize, usize),
    theme: &Theme,
) -> Line<'a> {
    let mut spans = vec![
        Span::styled(format!(" {:<name$}  ", item.name), theme.text),
        Span::styled(format!("{:<dataset$}  ", item.dataset), theme.muted),
    ];
    spans.push(match &item.missing_data {
        Some(why) => Span::styled(why, theme.warning),
        None => Span::styled("ready", theme.muted),
    });
    Line::from(spans)
}

fn run_line<'a>(item: &'a RunItem, theme: &Theme) -> Line<'a> {
    let accuracy = item.accuracy.map_or("-".into(), |share| format::percent(share.into(), 2));
    Line::from(vec![
        Span::styled(format!(" {:<39} ", item.name), theme.text),
        Span::styled(format!("{:<10} ", item.state), theme.muted),
        Span::styled(format!("{accuracy:>8}  "), theme.text),
        Span::styled(&item.age, theme.muted),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::Depth;

    fn items() -> StartItems {
        let experiment = |name: &str, missing: Option<&str>| ExperimentItem {
            path: format!("{name}.toml").into(),
            name: name.into(),
            description: format!("What {name} shows."),
            dataset: "glyphs".into(),
            missing_data: missing.map(Into::into),
        };
        let run = |name: &str| RunItem {
            folder: format!("runs/{name}").into(),
            name: name.into(),
            state: "finished".into(),
            accuracy: Some(0.9861),
            age: "2 hours ago".into(),
        };
        let missing = "needs mnist: laperm data fetch mnist";
        StartItems {
            experiments: vec![experiment("quick", None), experiment("fig09-f1", Some(missing))],
            runs: vec![run("conv7-k20"), run("quick")],
        }
    }

    fn press(start: &mut Start, keys: &[KeyCode]) -> Option<Request> {
        keys.iter().for_each(|&key| start.key(key.into()));
        start.request.take()
    }

    fn text(start: &Start, width: u16, height: u16) -> String {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        start.render(&Theme::new(Depth::None, true), area, &mut buffer);
        let rows = buffer.content.chunks(width.max(1).into());
        rows.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>() + "\n").collect()
    }

    #[test]
    fn enter_launches_the_first_experiment_and_what_is_missing_is_said() {
        let items = items();
        let mut start = Start::new(&items);
        let launch = Request::Choose(Choice::Launch("quick.toml".into()));
        assert_eq!(press(&mut start, &[KeyCode::Enter]), Some(launch));
        assert_eq!(press(&mut start, &[KeyCode::Char('j'), KeyCode::Enter]), None);
        assert_eq!(start.warning.as_deref(), Some("needs mnist: laperm data fetch mnist"));
        let open = Request::Choose(Choice::Open("runs/conv7-k20".into()));
        assert_eq!(press(&mut start, &[KeyCode::Tab, KeyCode::Enter]), Some(open));
    }

    #[test]
    fn the_filter_goes_where_something_is_found() {
        let items = items();
        let mut start = Start::new(&items);
        let typed = "/conv7".chars().map(KeyCode::Char);
        assert_eq!(press(&mut start, &typed.collect::<Vec<_>>()), None);
        assert_eq!((start.experiments().len(), start.runs().len()), (0, 1));
        assert!(text(&start, 80, 24).contains("nothing matches the filter"));
        let open = Request::Choose(Choice::Open("runs/conv7-k20".into()));
        assert_eq!(press(&mut start, &[KeyCode::Enter]), Some(open));
        // The first escape drops the filter, the second leaves.
        assert_eq!(press(&mut start, &[KeyCode::Esc]), None);
        assert_eq!(start.experiments().len(), 2);
        assert_eq!(press(&mut start, &[KeyCode::Esc]), Some(Request::Choose(Choice::Quit)));
    }

    #[test]
    fn letters_are_no_keys_while_the_filter_is_typed() {
        let items = items();
        let mut start = Start::new(&items);
        assert_eq!(press(&mut start, &[KeyCode::Char('/'), KeyCode::Char('q')]), None);
        assert_eq!(start.filter.text(), "q");
        start.key(KeyEvent::new(KeyCode::Char('c'), crossterm::event::KeyModifiers::CONTROL));
        assert_eq!(start.request, Some(Request::Choose(Choice::Quit)));
    }

    #[test]
    fn no_key_is_taken_twice() {
        for row in ACTIONS {
            for &key in row.keys {
                assert_eq!(find(ACTIONS, key).map(|found| found.action), Some(row.action), "{key}");
            }
        }
    }

    #[test]
    fn it_shows_what_there_is_at_any_size() {
        let items = items();
        let mut start = Start::new(&items);
        let screen = text(&start, 80, 24);
        for part in
            ["quick", "fig09-f1", "needs mnist", "What quick shows.", "98.61 %", "2 hours ago"]
        {
            assert!(screen.contains(part), "{part}\n{screen}");
        }
        assert!(text(&start, 59, 24).contains("laperm needs 60 columns"));
        for width in 0..=30 {
            (0..=30).for_each(|height| drop(text(&start, width, height)));
        }
        press(&mut start, &[KeyCode::Char('?')]);
        assert!(text(&start, 80, 24).contains("launch or open"));
        (1..=30).for_each(|size| drop(text(&start, size, size)));
        text(&Start::new(&StartItems::default()), 80, 24);
    }
}
