//! An export of all tables, one file per table, in a format of rows.

use std::io;
use std::path::Path;

use super::tables::{Cell, TABLES, Table};
use super::{Export, Exported};
use crate::run::RunState;
use crate::train::Event;

/// A file of rows.
pub(super) trait RowFile: Sized {
    fn create(table: &Table, folder: &Path) -> io::Result<Self>;
    fn write(&mut self, row: &[Cell]) -> io::Result<()>;
    fn finish(self) -> io::Result<Exported>;
}

/// One file per table.
pub(super) struct TableFiles<F>(Vec<(&'static Table, F)>);

impl<F: RowFile> TableFiles<F> {
    pub(super) fn create(folder: &Path) -> io::Result<Self> {
        let files = TABLES.iter().map(|table| Ok((table, F::create(table, folder)?)));
        files.collect::<io::Result<_>>().map(TableFiles)
    }
}

impl<F: RowFile> Export for TableFiles<F> {
    fn write(&mut self, event: &Event, state: &RunState) -> io::Result<()> {
        let mut files = self.0.iter_mut();
        files.try_for_each(|(table, file)| table.rows(event, state, |row| file.write(row)))
    }

    fn finish(self: Box<Self>) -> io::Result<Vec<Exported>> {
        self.0.into_iter().map(|(_, file)| file.finish()).collect()
    }
}
