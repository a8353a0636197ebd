//! Where a run's socket is, and who may use it: the user who hosts the run, nobody else.

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

/// The longest path that an address of a socket holds everywhere.
const LONGEST_PATH: usize = 100;

/// A socket that is listened to; the file is removed when it is dropped.
pub(super) struct Bound {
    pub(super) listener: UnixListener,
    path: PathBuf,
}

impl Bound {
    /// Listens for the run in `folder`, which this process has claimed: what an earlier host left is removed.
    ///
    /// Where the run folder's file system has no sockets (some network drives), the socket lies in a folder of the
    /// user's own instead.
    pub(super) fn new(folder: &RunFolder) -> io::Result<Self> {
        let beside = folder.path().join(NAME);
        bind(&beside).or_else(|_| {
            let elsewhere = elsewhere(folder)?;
            private_folder(elsewhere.parent().unwrap_or(Path::new("/")))?;
            bind(&elsewhere)
        })
    }

    /// Wakes the thread that waits for clients, for good.
    pub(super) fn wake(&self) {
        // Where closing does not wake it, another client does, unless the folder is gone.
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
    let listener = at(path, |address| UnixListener::bind(address))?;
    // Until here others might have connected: every client is asked who it is as well.
    let guarded = fs::set_permissions(path, Permissions::from_mode(0o600));
    let bound = Bound { listener, path: path.to_owned() };
    guarded.map(|()| bound)
}

/// Connects to the host of the run in `folder`.
pub(super) fn connect(folder: &RunFolder) -> io::Result<UnixStream> {
    connect_to(&folder.path().join(NAME)).or_else(|error| {
        let elsewhere = elsewhere(folder)?;
        // Of a folder that somebody else could have made, nothing is believed.
        let owned = |path: &Path| {
            fs::metadata(path).is_ok_and(|m| m.uid() == rustix::process::geteuid().as_raw())
        };
        match elsewhere.parent().is_some_and(owned) {
            true => connect_to(&elsewhere).map_err(|_| error),
            false => Err(error),
        }
    })
}

fn connect_to(path: &Path) -> io::Result<UnixStream> {
    at(path, |address| UnixStream::connect(address))
}

/// Calls `act` with an address for `path` that is short enough.
fn at<T>(path: &Path, act: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    if path.as_os_str().len() <= LONGEST_PATH {
        return act(path);
    }
    // Linux leads through an open folder to what lies in it.
    let folder = File::open(folder)?;
    act(&PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name))
}

/// Where the socket of a run lies if it cannot lie in the run folder.
fn elsewhere(folder: &RunFolder) -> io::Result<PathBuf> {
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

/// Makes a folder that is the user's alone, or checks that it is.
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
    let message = format!("{} is not a folder of this user alone", path.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
}

/// The process at the other end, if it is this user's. Where the system does not tell, the socket's mode decides and
/// there is no process id.
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
