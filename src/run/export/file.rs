//! A file that is written bit by bit and takes its place when it is whole.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempPath;

/// A file under way, beside its place.
pub struct NewFile {
    writer: BufWriter<File>,
    temporary: TempPath,
    place: PathBuf,
}

impl NewFile {
    /// Begins a file that is to be called `name` in `folder`.
    pub fn create(folder: &Path, name: &str) -> io::Result<Self> {
        let mut file = tempfile::Builder::new();
        // Private at first by tempfile's caution; an export is for whoever the umask says.
        file.permissions(PermissionsExt::from_mode(0o666));
        let (file, temporary) = file.tempfile_in(folder)?.into_parts();
        let writer = BufWriter::with_capacity(1 << 18, file);
        Ok(NewFile { writer, temporary, place: folder.join(name) })
    }

    /// Puts it into its place, and says where that is.
    pub fn finish(self) -> io::Result<PathBuf> {
        self.writer.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        self.temporary.persist(&self.place).map_err(|error| error.error)?;
        Ok(self.place)
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
