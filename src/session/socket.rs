//! The location of a run's socket, and who may use it: only the user who hosts the run.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::run::RunFolder;

/// The socket's name in the run folder.
const NAME: &str = "control.sock";

/// Longest path of a socket address that every system accepts.
const LONGEST_PATH: usize = 100;

/// A listening socket. Dropping it removes its file.
pub(super) struct Bound {
    pub(super) listener: UnixListener,
    path: PathBuf,
}

impl Bound {
    /// Listens for clients of the run in `folder`, which this process has claimed: the socket of an
    /// earlier host is removed.
    ///
    /// If the file system of the run folder has no sockets (some network drives), the socket is in
    /// the user's runtime folder instead.
    pub(super) fn new(folder: &RunFolder) -> io::Result<Self> {
        let beside = folder.path().join(NAME);
        bind(&beside).or_else(|_| {
            let fallback = fallback_path(folder)?;
            private_folder(fallback.parent().unwrap_or(Path::new("/")))?;
            bind(&fallback)
        })
    }

    /// Ends the wait of the thread that accepts clients.
    pub(super) fn wake(&self) {
        // On systems where a shutdown does not wake it, a connection does, unless the folder is
        // gone.
        let _ = rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Both);
        let _ = connect_to(&self.path);
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn bind(path: &Path) -> io::Result<Bound> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = with_short_path(path, |address| UnixListener::bind(address))?;
    // Other users may have connected before this line, so every client's user is checked as well.
    let guarded = fs::set_permissions(path, Permissions::from_mode(0o600));
    let bound = Bound { listener, path: path.to_owned() };
    guarded.map(|()| bound)
}

/// Connects to the host of the run in `folder`.
pub(super) fn connect(folder: &RunFolder) -> io::Result<UnixStream> {
    connect_to(&folder.path().join(NAME)).or_else(|error| {
        let fallback = fallback_path(folder)?;
        // Another user may have created a folder of this name.
        let owned = |path: &Path| {
            fs::metadata(path).is_ok_and(|m| m.uid() == rustix::process::geteuid().as_raw())
        };
        if fallback.parent().is_some_and(owned) {
            connect_to(&fallback).map_err(|_| error)
        } else {
            Err(error)
        }
    })
}

fn connect_to(path: &Path) -> io::Result<UnixStream> {
    with_short_path(path, |address| UnixStream::connect(address))
}

/// Calls `act` with a path to the same file that is short enough for a socket address.
fn with_short_path<T>(path: &Path, act: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    if path.as_os_str().len() <= LONGEST_PATH {
        return act(path);
    }
    // On Linux, an open folder is a path of its own.
    let folder = File::open(folder)?;
    act(&PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name))
}

/// Path of a run's socket if it cannot be in the run folder.
fn fallback_path(folder: &RunFolder) -> io::Result<PathBuf> {
    let path = fs::canonicalize(folder.path())?;
    let digest = Sha256::digest(path.as_os_str().as_bytes());
    let name: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    let user = rustix::process::geteuid().as_raw();
    let base = std::env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty()).map_or_else(
        || std::env::temp_dir().join(format!("laperm-{user}")),
        |folder| PathBuf::from(folder).join("laperm"),
    );
    Ok(base.join(format!("{name}.sock")))
}

/// Creates a folder that only this user can access, or checks that an existing one is.
fn private_folder(path: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let metadata = fs::symlink_metadata(path)?;
    let own = metadata.uid() == rustix::process::geteuid().as_raw();
    if metadata.is_dir() && own && metadata.mode() & 0o077 == 0 {
        return Ok(());
    }
    let message = format!("{} can be accessed by other users", path.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
}

/// Returns the id of the process at the other end. On systems other than Linux, the mode of the
/// socket is the only check, and the id is unknown.
///
/// # Errors
/// The process belongs to another user.
pub(super) fn peer(stream: &UnixStream) -> io::Result<Option<u32>> {
    #[cfg(target_os = "linux")]
    {
        let peer = rustix::net::sockopt::socket_peercred(stream)?;
        if peer.uid != rustix::process::geteuid() {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(u32::try_from(peer.pid.as_raw_nonzero().get()).ok())
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = stream;
        Ok(None)
    }
}
