//! Connects the view of a file's weight matrices with the thread that reads the file.

use std::sync::mpsc::{Receiver, TryRecvError};

use super::state::{ProfileNews, Profiles};
use crate::tui::driven::Driver;

pub(super) struct ProfileDriver {
    pub news: Receiver<ProfileNews>,
}

impl Driver for ProfileDriver {
    type Content = Profiles;

    fn poll(&mut self, profiles: &mut Profiles) {
        loop {
            match self.news.try_recv() {
                Ok(news) => profiles.take(news),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    let why = "reading ended before all was read; this is a bug in laperm";
                    // Ignored if the thread has reported the end of the file, or a failure.
                    return profiles.take(ProfileNews::Failed(why.into()));
                }
            }
        }
    }
}
