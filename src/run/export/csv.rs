//! Tables as comma-separated values.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;

use csv::Writer;

use super::Exported;
use super::file::NewFile;
use super::table_files::RowFile;
use super::tables::{Cell, Table};

/// An incomplete CSV file.
pub(super) struct CsvFile {
    writer: Writer<NewFile>,
    /// Buffer for the text of one cell.
    text: Vec<u8>,
    rows: u64,
}

impl RowFile for CsvFile {
    fn create(table: &Table, folder: &Path) -> io::Result<Self> {
        let file = NewFile::create(folder, &format!("{}.csv", table.name))?;
        let mut writer = Writer::from_writer(file);
        writer.write_record(table.columns().map(|(name, _)| name))?;
        Ok(CsvFile { writer, text: Vec::new(), rows: 0 })
    }

    fn write(&mut self, row: &[Cell]) -> io::Result<()> {
        for cell in row {
            match cell {
                Cell::Missing => self.field(&"")?,
                Cell::Integer(value) => self.field(value)?,
                Cell::Single(value) => self.field(value)?,
                Cell::Double(value) => self.field(value)?,
                Cell::Text(value) => self.field(value)?,
                Cell::Boolean(value) => self.field(value)?,
            }
        }
        self.rows += 1;
        Ok(self.writer.write_record(None::<&[u8]>)?)
    }

    fn finish(self) -> io::Result<Exported> {
        let file = self.writer.into_inner().map_err(|error| error.into_error())?;
        Ok(Exported { file: file.finish()?, rows: self.rows })
    }
}

impl CsvFile {
    fn field(&mut self, value: &impl Display) -> io::Result<()> {
        self.text.clear();
        write!(self.text, "{value}")?;
        Ok(self.writer.write_field(&self.text)?)
    }
}
