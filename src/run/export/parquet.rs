//! Tables as Parquet files.

use std::io;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type as Schema;

use super::Exported;
use super::file::NewFile;
use super::table_files::RowFile;
use super::tables::{Cell, Table, Type};

/// Rows of a row group, which are kept in memory until they are written.
const GROUP: usize = 1 << 17;

/// An incomplete Parquet file.
pub(super) struct ParquetFile {
    writer: SerializedFileWriter<NewFile>,
    columns: Vec<Column>,
    /// Rows of the incomplete group.
    waiting: usize,
    rows: u64,
}

/// The incomplete group of a column.
struct Column {
    /// The values of the rows that have one.
    values: Values,
    /// For each row 1 if it has a value, otherwise 0: definition levels, as Parquet calls them.
    present: Vec<i16>,
}

enum Values {
    Integer(Vec<i64>),
    Single(Vec<f32>),
    Double(Vec<f64>),
    Text(Vec<ByteArray>),
    Boolean(Vec<bool>),
}

impl RowFile for ParquetFile {
    fn create(table: &Table, folder: &Path) -> io::Result<Self> {
        let file = NewFile::create(folder, &format!("{}.parquet", table.name))?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let writer = schema(table)
            .and_then(|schema| {
                SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))
            })
            .map_err(to_io_error)?;
        let columns = table.columns().map(|(_, column)| Column::new(column)).collect();
        Ok(ParquetFile { writer, columns, waiting: 0, rows: 0 })
    }

    fn write(&mut self, row: &[Cell]) -> io::Result<()> {
        self.columns.iter_mut().zip(row).for_each(|(column, cell)| column.push(cell));
        self.rows += 1;
        self.waiting += 1;
        if self.waiting == GROUP {
            self.write_group().map_err(to_io_error)?;
        }
        Ok(())
    }

    fn finish(mut self) -> io::Result<Exported> {
        if self.waiting > 0 {
            self.write_group().map_err(to_io_error)?;
        }
        let file = self.writer.into_inner().map_err(to_io_error)?;
        Ok(Exported { file: file.finish()?, rows: self.rows })
    }
}

impl ParquetFile {
    fn write_group(&mut self) -> Result<()> {
        let mut group = self.writer.next_row_group()?;
        for column in &mut self.columns {
            if let Some(mut writer) = group.next_column()? {
                column.write(writer.untyped())?;
                writer.close()?;
            }
        }
        group.close()?;
        self.waiting = 0;
        Ok(())
    }
}

impl Column {
    fn new(column: Type) -> Self {
        let values = match column {
            Type::Integer => Values::Integer(Vec::new()),
            Type::Single => Values::Single(Vec::new()),
            Type::Double => Values::Double(Vec::new()),
            Type::Text => Values::Text(Vec::new()),
            Type::Boolean => Values::Boolean(Vec::new()),
        };
        Column { values, present: Vec::new() }
    }

    /// Adds a cell. A cell of another type than the column counts as missing.
    fn push(&mut self, cell: &Cell) {
        let present = match (&mut self.values, cell) {
            (Values::Integer(values), Cell::Integer(value)) => push(values, *value),
            (Values::Single(values), Cell::Single(value)) => push(values, *value),
            (Values::Double(values), Cell::Double(value)) => push(values, *value),
            (Values::Text(values), Cell::Text(value)) => push(values, ByteArray::from(*value)),
            (Values::Boolean(values), Cell::Boolean(value)) => push(values, *value),
            _ => false,
        };
        self.present.push(present.into());
    }

    /// Writes and clears the values.
    fn write(&mut self, writer: &mut ColumnWriter) -> Result<()> {
        let present = Some(self.present.as_slice());
        match (&mut self.values, writer) {
            (Values::Integer(values), ColumnWriter::Int64ColumnWriter(writer)) => {
                writer.write_batch(values, present, None)?;
                values.clear();
            }
            (Values::Single(values), ColumnWriter::FloatColumnWriter(writer)) => {
                writer.write_batch(values, present, None)?;
                values.clear();
            }
            (Values::Double(values), ColumnWriter::DoubleColumnWriter(writer)) => {
                writer.write_batch(values, present, None)?;
                values.clear();
            }
            (Values::Text(values), ColumnWriter::ByteArrayColumnWriter(writer)) => {
                writer.write_batch(values, present, None)?;
                values.clear();
            }
            (Values::Boolean(values), ColumnWriter::BoolColumnWriter(writer)) => {
                writer.write_batch(values, present, None)?;
                values.clear();
            }
            _ => return Err(ParquetError::General("a column of another type".into())),
        }
        self.present.clear();
        Ok(())
    }
}

fn push<T>(values: &mut Vec<T>, value: T) -> bool {
    values.push(value);
    true
}

fn schema(table: &Table) -> Result<Schema> {
    let column = |(name, column): (&str, Type)| {
        let physical = match column {
            Type::Integer => Physical::INT64,
            Type::Single => Physical::FLOAT,
            Type::Double => Physical::DOUBLE,
            Type::Text => Physical::BYTE_ARRAY,
            Type::Boolean => Physical::BOOLEAN,
        };
        let logical = (column == Type::Text).then_some(LogicalType::String);
        Schema::primitive_type_builder(name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .build()
            .map(Arc::new)
    };
    let columns = table.columns().map(column).collect::<Result<Vec<_>>>()?;
    Schema::group_type_builder(table.name).with_fields(columns).build()
}

/// Returns the error of the file system if that is the cause.
fn to_io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(source) => *source,
            Err(source) => io::Error::other(source),
        },
        error => io::Error::other(error),
    }
}
