//! The stack of views, and the one loop that draws them and takes the input.
//!
//! Only the top view is polled, drawn and given keys. A view opens another on top of itself, and
//! becomes the top view again when that one is left. The loop ends when the bottom view is left,
//! when a signal asks the program to stop, or when the terminal is gone; the last two close every
//! view.

use std::io;

use super::pace::Budget;
use super::terminal::{Input, Screen};
use super::theme::Theme;
use super::window::{ClosedRun, Leave, Request, Window};

/// Outcome of showing views.
pub struct Shown {
    /// How the bottom view was left.
    pub leave: Leave,
    /// The runs that views were attached to, in the order in which the views were closed.
    pub runs: Vec<ClosedRun>,
}

/// Shows `bottom`, and the views opened from it, until it is left. A view of a run that has ended
/// stays open, for the user to inspect.
pub fn show(screen: &mut Screen, bottom: Box<dyn Window>, theme: &Theme) -> Shown {
    let mut stack = Stack { views: vec![bottom], runs: Vec::new() };
    // An error here means that the terminal is gone: drawing fails before the signal arrives.
    let leave = stack.explore(screen, theme).unwrap_or(Leave::HungUp);
    while !stack.views.is_empty() {
        stack.close(leave);
    }
    Shown { leave, runs: stack.runs }
}

struct Stack {
    /// The last one is the top view. Not empty while the loop runs.
    views: Vec<Box<dyn Window>>,
    runs: Vec<ClosedRun>,
}

impl Stack {
    fn explore(&mut self, screen: &mut Screen, theme: &Theme) -> io::Result<Leave> {
        let mut budget = Budget::default();
        loop {
            let Some(top) = self.views.last_mut() else { return Ok(Leave::Left) };
            top.poll();
            if let Some(leave) = self.obey(screen)? {
                return Ok(leave);
            }
            let Some(top) = self.views.last_mut() else { return Ok(Leave::Left) };
            let pace = top.pace();
            if budget.delay(top.change(), pace).is_some_and(|delay| delay.is_zero()) {
                let bytes = screen.draw(|area, buffer| top.render(theme, area, buffer))?;
                budget.spend(bytes, pace);
                top.drawn();
            }
            for input in screen.wait(budget.patience(top.change(), pace)) {
                match input {
                    Input::Stop => return Ok(Leave::Stop),
                    Input::HungUp => return Ok(Leave::HungUp),
                    other => self.pass(other),
                }
                // At once: the next key may be meant for another view.
                if let Some(leave) = self.obey(screen)? {
                    return Ok(leave);
                }
            }
        }
    }

    /// Passes input to the top view.
    fn pass(&mut self, input: Input) {
        let Some(top) = self.views.last_mut() else { return };
        match input {
            Input::Key(key) => top.key(key),
            Input::Paste(text) => top.paste(&text),
            _ => top.touch(),
        }
    }

    /// Does what the top view asks for. Returns how the bottom view is left if it asks for that.
    fn obey(&mut self, screen: &mut Screen) -> io::Result<Option<Leave>> {
        let request = self.views.last_mut().and_then(|top| top.take_request());
        match request {
            None => {}
            Some(Request::Open(view)) => self.views.push(view),
            Some(Request::Leave(leave)) if self.views.len() == 1 => return Ok(Some(leave)),
            Some(Request::Leave(leave)) => self.close(leave),
            Some(Request::Suspend) => screen.suspend()?,
            Some(Request::Redraw) => screen.forget()?,
        }
        Ok(None)
    }

    /// Closes the top view. The view below it says what becomes of the run.
    fn close(&mut self, leave: Leave) {
        let run = self.views.pop().and_then(|view| view.close(leave));
        if let Some(below) = self.views.last_mut() {
            below.touch();
            let name = run.as_ref().map(|run| run.folder.name());
            match (leave, name) {
                (Leave::Stop, Some(name)) => below.say(format!("{name} stops and is saved")),
                (Leave::Detached, Some(name)) => below.say(format!("{name} continues")),
                _ => {}
            }
        }
        self.runs.extend(run);
    }
}
