//! A file that appears under its name only when it is complete.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempPath;

/// An incomplete file, under a temporary name in the same folder.
pub(super) struct NewFile {
    writer: BufWriter<File>,
    temporary: TempPath,
    path: PathBuf,
}

impl NewFile {
    /// Creates a file that will be called `name` in `folder`.
    pub(super) fn create(folder: &Path, name: &str) -> io::Result<Self> {
        let mut file = tempfile::Builder::new();
        // tempfile makes private files by default; for an export, the umask decides.
        file.permissions(PermissionsExt::from_mode(0o666));
        let (file, temporary) = file.tempfile_in(folder)?.into_parts();
        let writer = BufWriter::with_capacity(1 << 18, file);
        Ok(NewFile { writer, temporary, path: folder.join(name) })
    }

    /// Syncs the file to disk and renames it. Returns its path.
    pub(super) fn finish(self) -> io::Result<PathBuf> {
        self.writer.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        self.temporary.persist(&self.path).map_err(|error| error.error)?;
        Ok(self.path)
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
