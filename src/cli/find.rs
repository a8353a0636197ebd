//! Which run is meant.

use std::path::Path;

use color_eyre::Result;

use super::InputError;
use crate::run::RunFolder;

/// The run that `text` names: a folder, or the name of one in the folder `runs`.
///
/// # Errors
/// No such run.
pub(super) fn run(text: &Path, runs: &Path) -> Result<RunFolder> {
    let candidates = [text.to_owned(), runs.join(text)].map(|path| RunFolder::open(&path));
    candidates.into_iter().find(|folder| folder.events().is_file()).ok_or_else(|| {
        let (text, runs) = (text.display(), runs.display());
        let message = format!(
            "no run {text}: neither a run's folder nor the name of one in {runs} (`laperm runs` lists them)"
        );
        InputError(message).into()
    })
}
