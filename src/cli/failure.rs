//! How a command ends when it does not succeed: a message on standard error and an exit code.
//!
//! Every command returns [`Result`]. The `?` operator converts an error into a [`Failure`] only if
//! the type of the error declares its exit code by implementing [`CommandError`]: an error without
//! that decision does not compile. All decisions are in this file.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use color_eyre::eyre::Report;
use rustix::io::Errno;

use crate::data::DataError;
use crate::experiment::ExperimentError;
use crate::figure::{FigureError, PngError};
use crate::instructions::UnknownInstructionSet;
use crate::model::AdoptError;
use crate::run::export::ExportError;
use crate::run::{
    ClaimError, DataChanged, DeleteError, FindError, FolderError, ReadCheckpointError, ReadError,
    ResumptionError,
};
use crate::session::{AttachError, ConnectError};
use crate::train::{MeasureError, MissingBackend, ResumeError, SnapshotError, StartError};
use crate::tui::ThemeError;
use crate::weights::TensorFileError;

/// Exit code of a command that failed although its input was sound.
const FAILED: u8 = 1;

/// Exit code for bad input. clap uses the same code for bad usage.
const BAD_INPUT: u8 = 2;

/// Result of a command. Success is exit code 0.
pub(super) type Result<T = (), E = Failure> = std::result::Result<T, E>;

/// An error that can end a command.
pub(super) trait CommandError: std::error::Error + Send + Sync + 'static {
    /// Exit code of a command that ends with this error.
    fn exit_code(&self) -> u8;
}

/// Why a command ended early or without success.
#[derive(Debug)]
pub(super) struct Failure {
    code: u8,
    /// Absent if there is nothing to say, or if the command has said it already.
    message: Option<Report>,
}

impl<E: CommandError> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure { code: error.exit_code(), message: Some(Report::new(error)) }
    }
}

impl Failure {
    /// Failure of a command that has printed its result, such as that of a run that diverged.
    pub(super) fn already_reported() -> Self {
        Failure { code: FAILED, message: None }
    }

    /// End of a command whose standard output was closed by its reader, as `head` does. The reader
    /// has what it wanted, so this counts as success.
    pub(super) fn output_closed() -> Self {
        Failure { code: 0, message: None }
    }

    /// Failure of color-eyre itself, whose reports are not typed.
    pub(super) fn of_color_eyre(report: Report) -> Self {
        Failure { code: FAILED, message: Some(report) }
    }

    /// Prints the message and returns the exit code.
    pub(super) fn report(self) -> ExitCode {
        if let Some(message) = self.message {
            // Standard error is gone if the terminal is.
            let _ = writeln!(io::stderr(), "error: {message}");
        }
        ExitCode::from(self.code)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.message {
            Some(message) => message.fmt(formatter),
            None => Ok(()),
        }
    }
}

/// A mistake in the input that no type of the library describes.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct InputError(pub(super) String);

/// A failure of the program or the machine that no type of the library describes.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct FailedError(pub(super) String);

/// The process that was to host a run ended before the run began.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct HostError {
    /// Text that the process wrote to standard error.
    pub(super) message: String,
    /// Its exit code.
    pub(super) code: u8,
}

/// A run that was trained, but not all of which is on disk.
#[derive(Debug, thiserror::Error)]
#[error(
    "the run is not all on disk: the end of its log or its last weights are missing in {}",
    .0.display()
)]
pub(super) struct NotSavedError(pub(super) PathBuf);

/// A result that cannot be written to the file that the command line names.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub(super) struct WriteError {
    pub(super) path: PathBuf,
    pub(super) source: io::Error,
}

/// Implements [`CommandError`] for errors that always have the same exit code.
macro_rules! always {
    ($code:expr, $($error:ty),+ $(,)?) => {$(
        impl CommandError for $error {
            fn exit_code(&self) -> u8 {
                $code
            }
        }
    )+};
}

always!(
    BAD_INPUT,
    DataChanged,
    ExperimentError,
    FigureError,
    FindError,
    InputError,
    MissingBackend,
    PngError,
    ReadError,
    SnapshotError,
    ThemeError,
    UnknownInstructionSet,
);

always!(FAILED, Errno, FailedError, NotSavedError, io::Error, serde_json::Error, toml::ser::Error,);

impl CommandError for HostError {
    fn exit_code(&self) -> u8 {
        self.code
    }
}

impl CommandError for WriteError {
    fn exit_code(&self) -> u8 {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        // Any other kind means that the user named a path that cannot be written.
        match self.source.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => FAILED,
            _ => BAD_INPUT,
        }
    }
}

/// Exit code of an error whose type declares whether the input is at fault.
fn code_of_blame(is_input: bool) -> u8 {
    if is_input { BAD_INPUT } else { FAILED }
}

impl CommandError for DataError {
    fn exit_code(&self) -> u8 {
        code_of_blame(self.is_input())
    }
}

impl CommandError for ExportError {
    fn exit_code(&self) -> u8 {
        code_of_blame(self.is_input())
    }
}

impl CommandError for FolderError {
    fn exit_code(&self) -> u8 {
        code_of_blame(self.is_input())
    }
}

impl CommandError for TensorFileError {
    fn exit_code(&self) -> u8 {
        code_of_blame(self.is_input())
    }
}

impl CommandError for AdoptError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::File(error) => error.exit_code(),
            Self::Shape { .. } | Self::Missing { .. } | Self::Unused { .. } => BAD_INPUT,
        }
    }
}

impl CommandError for StartError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Data(error) => error.exit_code(),
            Self::Experiment(_) | Self::Backend(_) | Self::Weights(_) | Self::Wrapper(_) => {
                BAD_INPUT
            }
        }
    }
}

impl CommandError for MeasureError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Start(error) => error.exit_code(),
            Self::Data(error) => error.exit_code(),
            Self::NotFinite(_) => FAILED,
        }
    }
}

impl CommandError for DeleteError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::NotARun(_) | Self::Living(_) => BAD_INPUT,
            Self::Io { .. } => FAILED,
        }
    }
}

impl CommandError for ClaimError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Held { .. } => BAD_INPUT,
            Self::Io { .. } => FAILED,
        }
    }
}

impl CommandError for ReadCheckpointError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Missing { .. } | Self::Format { .. } => BAD_INPUT,
            Self::Io { .. } => FAILED,
        }
    }
}

impl CommandError for ResumeError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Start(error) => error.exit_code(),
            Self::Complete { .. }
            | Self::Changed(_)
            | Self::Initial
            | Self::Misfit(_)
            | Self::Log(_) => BAD_INPUT,
            Self::Broken(_) => FAILED,
        }
    }
}

impl CommandError for ResumptionError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Claim(error) => error.exit_code(),
            Self::Checkpoint(error) => error.exit_code(),
            Self::Log(error) => error.exit_code(),
            Self::Experiment(error) => error.exit_code(),
            Self::Start(error) => error.exit_code(),
            Self::Data(error) => error.exit_code(),
            Self::Resume(error) => error.exit_code(),
            Self::Problem(_) | Self::Backend(_) => BAD_INPUT,
            Self::Io(error) => error.exit_code(),
        }
    }
}

/// To name a run that no process on this machine hosts is a mistake. A connection that breaks is
/// not.
impl CommandError for ConnectError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::NotHosted(_) | Self::Elsewhere { .. } => BAD_INPUT,
            Self::Refused { .. } | Self::Broken(_) => FAILED,
        }
    }
}

impl CommandError for AttachError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Connect(error) => error.exit_code(),
            Self::Read(error) => error.exit_code(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind::{BrokenPipe, NotFound, PermissionDenied, StorageFull};

    use super::*;

    fn code(failure: impl Into<Failure>) -> u8 {
        failure.into().code
    }

    fn write(kind: io::ErrorKind) -> WriteError {
        WriteError { path: "a.svg".into(), source: kind.into() }
    }

    #[test]
    fn a_path_that_cannot_be_written_is_bad_input_and_a_full_disk_is_not() {
        assert_eq!(code(write(NotFound)), BAD_INPUT);
        assert_eq!(code(write(PermissionDenied)), BAD_INPUT);
        assert_eq!(code(write(StorageFull)), FAILED);
    }

    #[test]
    fn an_error_within_another_keeps_its_code() {
        let data = |kind: io::ErrorKind| DataError::Io {
            path: "a".into(),
            action: "read",
            source: kind.into(),
        };
        assert_eq!(code(StartError::Data(data(NotFound))), BAD_INPUT);
        assert_eq!(code(StartError::Data(data(StorageFull))), FAILED);
        let start = |kind| ResumptionError::Start(StartError::Data(data(kind)));
        assert_eq!(code(start(NotFound)), BAD_INPUT);
        assert_eq!(code(start(StorageFull)), FAILED);
        let connect = |error| AttachError::Connect(error);
        assert_eq!(code(connect(ConnectError::NotHosted("a".into()))), BAD_INPUT);
        assert_eq!(code(connect(ConnectError::Broken(BrokenPipe.into()))), FAILED);
    }

    #[test]
    fn a_host_that_ended_passes_on_its_code_and_message() {
        let failure = Failure::from(HostError { message: "no data".into(), code: 2 });
        assert_eq!((failure.code, failure.to_string().as_str()), (2, "no data"));
        let failure = Failure::already_reported();
        assert_eq!((failure.code, failure.to_string().as_str()), (FAILED, ""));
        assert_eq!(Failure::output_closed().code, 0);
    }
}
