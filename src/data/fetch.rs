//! Downloads datasets. Downloads are resumed and verified, and a partial file never has its final
//! name.
//!
//! A file is written to `NAME.part`. If the connection breaks, the next attempt requests only the
//! rest. The complete file is renamed once its SHA-256 equals the published one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::read::GzDecoder;
use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

pub use super::catalog::RemoteFile;
use super::checksums::{is_published, sha256_of_file};
use super::{DataError, DataFile, DatasetName};

/// Maximum number of attempts for one file. An attempt that receives nothing is the last.
const ATTEMPTS: usize = 5;

/// Progress of a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// File name.
    pub file: &'a str,
    /// Number of bytes received and written, including those of earlier attempts.
    pub bytes: u64,
    /// Length of the file in bytes.
    pub total: u64,
}

/// Downloads a dataset into `folder`, from its published addresses or from `mirror`, the address of
/// a folder with the same files. Files that are already there are not downloaded again. An archive
/// is unpacked and removed.
///
/// # Errors
/// When no server provides a file, when a file is not the published one, or when the folder cannot
/// be written. A partial download is kept as `NAME.part`; the next call continues it.
pub fn fetch(
    dataset: DatasetName,
    folder: &Path,
    mirror: Option<&str>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), DataError> {
    let source = dataset.entry().source.as_ref().ok_or(DataError::NothingToFetch { dataset })?;
    let mirrors = mirror.map_or_else(|| source.mirrors.to_vec(), |mirror| vec![mirror]);
    if source.packed && is_unpacked(dataset, folder)? {
        return Ok(());
    }
    for file in source.files {
        download_from_any(&mirrors, folder, file, progress)?;
        if source.packed {
            let archive = folder.join(file.name);
            unpack(dataset, &archive, folder)?;
            fs::remove_file(&archive).map_err(DataError::io(&archive, "remove"))?;
        }
    }
    Ok(())
}

fn download_from_any(
    mirrors: &[&str],
    folder: &Path,
    file: &RemoteFile<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), DataError> {
    let mut result = Ok(());
    for mirror in mirrors {
        let url = format!("{}/{}", mirror.trim_end_matches('/'), file.name);
        result = download(&url, folder, file, progress);
        if !matches!(result, Err(DataError::Download { .. } | DataError::Checksum { .. })) {
            break;
        }
    }
    result
}

/// Downloads one file into `folder`, which is created if necessary. Does nothing if the file is
/// already there.
///
/// # Errors
/// The errors of [`fetch`]. A different file with the same name is also an error, and is left
/// unchanged.
pub fn download(
    url: &str,
    folder: &Path,
    file: &RemoteFile<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), DataError> {
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(DataError::BadMirror { mirror: url.into() });
    }
    let destination = folder.join(file.name);
    if destination.exists() {
        let is_same = sha256_of_file(&destination)? == file.sha256;
        return if is_same { Ok(()) } else { Err(in_the_way(&destination)) };
    }
    fs::create_dir_all(folder).map_err(DataError::io(folder, "create"))?;
    let part = folder.join(format!("{}.part", file.name));
    complete(url, &part, file, progress)?;
    let found = sha256_of_file(&part)?;
    if found != file.sha256 {
        fs::remove_file(&part).map_err(DataError::io(&part, "remove"))?;
        let expected = file.sha256.into();
        return Err(DataError::Checksum { url: url.into(), expected, found });
    }
    fs::rename(&part, &destination).map_err(DataError::io(&destination, "create"))
}

/// Continues `part` until it is complete or an attempt receives nothing.
fn complete(
    url: &str,
    part: &Path,
    file: &RemoteFile<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), DataError> {
    let length = || length_so_far(part);
    for attempt in 1.. {
        let before = length();
        if before == file.bytes {
            break;
        }
        let result = receive(url, part, file, progress);
        let failed_for_good = attempt == ATTEMPTS || length() <= before;
        if result.is_err() && failed_for_good {
            return result;
        }
    }
    Ok(())
}

/// Length of a partial download in bytes; 0 if there is none yet. If its length cannot be read for
/// another reason, opening it reports that.
fn length_so_far(part: &Path) -> u64 {
    fs::metadata(part).map_or(0, |metadata| metadata.len())
}

/// Requests the rest of the file once and appends it to `part`.
fn receive(
    url: &str,
    part: &Path,
    file: &RemoteFile<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), DataError> {
    let failed = |problem: String| DataError::Download { url: url.into(), problem };
    let kept = length_so_far(part);
    let from = if kept < file.bytes { kept } else { 0 };
    let response = request(url, from).map_err(|error| failed(error.to_string()))?;
    let mut bytes = first_byte(&response, from).map_err(failed)?;
    let mut output = OpenOptions::new()
        .create(true)
        .append(true)
        .open(part)
        .map_err(DataError::io(part, "create"))?;
    output.set_len(bytes).map_err(DataError::io(part, "write"))?;

    let mut body = response.into_body().into_reader();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        progress(Progress { file: file.name, bytes, total: file.bytes });
        let received = match body.read(&mut buffer) {
            Ok(0) if bytes < file.bytes => Err("the server sent no more".into()),
            Ok(received) => Ok(received),
            Err(error) => Err(error.to_string()),
        };
        let received = received.map_err(|problem| {
            let so_far = format!("after {bytes} of {} bytes", file.bytes);
            failed(format!("{problem} {so_far}; fetch again to continue"))
        })?;
        if received == 0 {
            return output.sync_all().map_err(DataError::io(part, "write"));
        }
        bytes += received as u64;
        if bytes > file.bytes {
            output.set_len(0).map_err(DataError::io(part, "write"))?;
            return Err(failed(format!("longer than the published {} bytes", file.bytes)));
        }
        output.write_all(&buffer[..received]).map_err(DataError::io(part, "write"))?;
    }
}

fn request(url: &str, from: u64) -> Result<Response<Body>, ureq::Error> {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .user_agent(concat!("laperm/", env!("CARGO_PKG_VERSION")))
        .build();
    let mut request = Agent::new_with_config(config).get(url);
    if from > 0 {
        request = request.header(header::RANGE, format!("bytes={from}-"));
    }
    request.call()
}

/// Returns the position in the file at which the response's body begins: a server may send the
/// requested rest or the whole file.
fn first_byte(response: &Response<Body>, asked_from: u64) -> Result<u64, String> {
    let range = response.headers().get(header::CONTENT_RANGE).and_then(|range| range.to_str().ok());
    match response.status() {
        StatusCode::OK => Ok(0),
        StatusCode::PARTIAL_CONTENT
            if range.is_some_and(|range| range.starts_with(&format!("bytes {asked_from}-"))) =>
        {
            Ok(asked_from)
        }
        StatusCode::PARTIAL_CONTENT => {
            Err(format!("asked for bytes from {asked_from}, the server sent {range:?}"))
        }
        status => Err(format!("the server answered {status}")),
    }
}

/// Returns whether all files of a packed dataset are in `folder`. A different file with the name of
/// one of them is an error, so that it is not overwritten.
fn is_unpacked(dataset: DatasetName, folder: &Path) -> Result<bool, DataError> {
    let files = dataset.files();
    let paths = files.iter().map(|file| folder.join(file.name));
    let present: Vec<PathBuf> = paths.filter(|path| path.exists()).collect();
    for path in &present {
        let file = DataFile { path: path.clone(), sha256: sha256_of_file(path)? };
        if is_published(dataset, &file)? != Some(true) {
            return Err(in_the_way(path));
        }
    }
    Ok(present.len() == files.len())
}

fn in_the_way(path: &Path) -> DataError {
    let found = "a different file, which was left unchanged: move it away to fetch";
    DataError::malformed(path, "the published file", found)
}

/// Extracts the files of a dataset from its archive by their bare names, so that no path in an
/// archive can lead out of `folder`.
fn unpack(dataset: DatasetName, archive: &Path, folder: &Path) -> Result<(), DataError> {
    let reading = || DataError::io(archive, "unpack");
    let file = File::open(archive).map_err(reading())?;
    let mut missing: Vec<&str> = dataset.files().iter().map(|file| file.name).collect();
    for entry in tar::Archive::new(GzDecoder::new(file)).entries().map_err(reading())? {
        let mut entry = entry.map_err(reading())?;
        let path = entry.path().map_err(reading())?.into_owned();
        let wanted = missing.iter().position(|name| path.ends_with(name));
        if let Some(wanted) = wanted.filter(|_| entry.header().entry_type().is_file()) {
            write_whole(&mut entry, &folder.join(missing.swap_remove(wanted)))?;
        }
    }
    match &missing[..] {
        [] => Ok(()),
        missing => Err(DataError::malformed(archive, missing.join(", "), "none of that name")),
    }
}

/// Writes a temporary file and renames it to `path` once it is complete.
fn write_whole(content: &mut impl Read, path: &Path) -> Result<(), DataError> {
    let part: PathBuf = path.with_extension("bin.part");
    File::create(&part)
        .and_then(|mut file| io::copy(content, &mut file).and_then(|_| file.sync_all()))
        .and_then(|()| fs::rename(&part, path))
        .map_err(DataError::io(path, "write"))
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const FILES: [&str; 6] = [
        "data_batch_1.bin",
        "data_batch_2.bin",
        "data_batch_3.bin",
        "data_batch_4.bin",
        "data_batch_5.bin",
        "test_batch.bin",
    ];

    fn unpack(archive: &Path, folder: &Path) -> Result<(), DataError> {
        super::unpack(DatasetName::Cifar10, archive, folder)
    }

    fn archive(path: &Path, names: &[&str]) {
        let encoder = GzEncoder::new(File::create(path).unwrap(), Compression::fast());
        let mut builder = tar::Builder::new(encoder);
        for name in names {
            let mut header = tar::Header::new_gnu();
            // Written as raw bytes because the builder refuses paths that lead out of the folder.
            header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(name.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            builder.append(&header, name.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap();
    }

    #[test]
    fn an_archive_gives_its_six_files_and_writes_nothing_else() {
        let outer = tempfile::tempdir().unwrap();
        let (packed, folder) = (outer.path().join("a.tar.gz"), outer.path().join("inner"));
        fs::create_dir(&folder).unwrap();
        let real = FILES.map(|name| format!("cifar-10-batches-bin/{name}"));
        let mut names: Vec<&str> = real.iter().map(String::as_str).collect();
        names.extend(["../evil.bin", "/tmp/evil.bin", "cifar-10-batches-bin/readme.html"]);
        names[5] = "../test_batch.bin";
        archive(&packed, &names);
        unpack(&packed, &folder).unwrap();
        let mut found: Vec<String> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        found.sort_unstable();
        assert_eq!(found, FILES);
        assert_eq!(fs::read(folder.join("data_batch_2.bin")).unwrap(), real[1].as_bytes());
        assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 2, "nothing outside the folder");
    }

    #[test]
    fn an_archive_without_all_files_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let packed = folder.path().join("a.tar.gz");
        archive(&packed, &FILES[..5]);
        let error = unpack(&packed, folder.path()).unwrap_err().to_string();
        assert!(error.contains("expected test_batch.bin"), "{error}");
    }

    #[test]
    fn other_files_in_cifar10_s_place_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("data_batch_4.bin"), "mine").unwrap();
        let mirror = Some("http://127.0.0.1:1/never-asked");
        let error = fetch(DatasetName::Cifar10, folder.path(), mirror, &mut |_| ()).unwrap_err();
        assert!(error.is_input() && error.to_string().contains("data_batch_4.bin"), "{error}");
        assert_eq!(fs::read(folder.path().join("data_batch_4.bin")).unwrap(), b"mine");
    }

    #[test]
    fn glyphs_cannot_be_fetched_and_a_mirror_must_be_an_address() {
        let folder = tempfile::tempdir().unwrap();
        let fetch = |name, mirror| fetch(name, folder.path(), mirror, &mut |_| ()).unwrap_err();
        assert!(fetch(DatasetName::Glyphs, None).is_input());
        let error = fetch(DatasetName::Mnist, Some("ftp://localhost/mnist"));
        assert!(error.is_input() && error.to_string().contains("ftp://"), "{error}");
    }
}
