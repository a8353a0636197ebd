//! Downloading datasets: resumed, verified, and never half a file under the final name.
//!
//! A file arrives as `NAME.part`. When the connection breaks, the next attempt asks the server for
//! the rest only. Whole, its SHA-256 is compared with the published one; only then is it renamed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::read::GzDecoder;
use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

use super::published::{is_published, sha256_of_file};
use super::{DataError, DataFile, DatasetName, cifar};

/// How often a broken download is continued, as long as each attempt brought something.
const ATTEMPTS: usize = 5;

/// A file as its authors published it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteFile<'a> {
    /// Its name, on the server and on disk.
    pub name: &'a str,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256 as 64 hexadecimal digits.
    pub sha256: &'a str,
}

/// Where a dataset is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Addresses of folders that have all the files, to be tried in order.
    pub mirrors: &'static [&'static str],
    /// The files.
    pub files: Vec<RemoteFile<'static>>,
}

/// How far a download is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The file's name.
    pub file: &'a str,
    /// Bytes on disk.
    pub bytes: u64,
    /// Bytes in all.
    pub total: u64,
}

/// Where a dataset is published; `None` for a generated one.
#[rustfmt::skip]
pub fn source(dataset: DatasetName) -> Option<Source> {
    let (mirrors, files): (&[&str], &[(&str, u64, &str)]) = match dataset {
        DatasetName::Glyphs => return None,
        DatasetName::Mnist => (&[
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
        ], &[
            ("train-images-idx3-ubyte.gz", 9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
            ("train-labels-idx1-ubyte.gz", 28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
            ("t10k-images-idx3-ubyte.gz", 1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
            ("t10k-labels-idx1-ubyte.gz", 4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        ]),
        DatasetName::FashionMnist => (&[
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ], &[
            ("train-images-idx3-ubyte.gz", 26_421_880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
            ("train-labels-idx1-ubyte.gz", 29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
            ("t10k-images-idx3-ubyte.gz", 4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
            ("t10k-labels-idx1-ubyte.gz", 5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
        ]),
        DatasetName::Cifar10 => (&["https://www.cs.toronto.edu/~kriz/"], &[
            ("cifar-10-binary.tar.gz", 170_052_171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"),
        ]),
    };
    let files = files.iter().map(|&(name, bytes, sha256)| RemoteFile { name, bytes, sha256 });
    Some(Source { mirrors, files: files.collect() })
}

/// Downloads a dataset into `folder`, from its published addresses or from `mirror`, the address of
/// a folder with the same files. What is already there is not downloaded again. CIFAR-10 is
/// unpacked, and its archive removed.
///
/// # Errors
/// When no server gives a file, when a file is not the published one, or when the folder cannot be
/// written. What has arrived stays as `NAME.part`, to be continued by the next call.
pub fn fetch(
    dataset: DatasetName,
    folder: &Path,
    mirror: Option<&str>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), DataError> {
    let source = source(dataset).ok_or(DataError::NothingToFetch { dataset })?;
    let mirrors = mirror.map_or_else(|| source.mirrors.to_vec(), |mirror| vec![mirror]);
    if dataset == DatasetName::Cifar10 && is_unpacked(folder)? {
        return Ok(());
    }
    for file in &source.files {
        download_from_any(&mirrors, folder, file, progress)?;
    }
    if dataset == DatasetName::Cifar10 {
        let archive = folder.join(source.files[0].name);
        unpack(&archive, folder)?;
        fs::remove_file(&archive).map_err(DataError::io(&archive, "remove"))?;
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

/// Downloads one file into `folder`, which is created if need be; returns at once when it is there.
///
/// # Errors
/// As [`fetch`]; also when another file of that name is there, which is left alone.
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

/// Continues `part` until it has all bytes, or an attempt brings none.
fn complete(
    url: &str,
    part: &Path,
    file: &RemoteFile<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), DataError> {
    let length = || fs::metadata(part).map_or(0, |metadata| metadata.len());
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

/// One request for what is missing of `part`.
fn receive(
    url: &str,
    part: &Path,
    file: &RemoteFile<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), DataError> {
    let failed = |problem: String| DataError::Download { url: url.into(), problem };
    let kept = fs::metadata(part).map_or(0, |metadata| metadata.len());
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

/// Where the body begins in the file: a server may send the rest, or all of it again.
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

/// Whether all of CIFAR-10's files are there. Others of the same names are not to be overwritten.
fn is_unpacked(folder: &Path) -> Result<bool, DataError> {
    let there = cifar::FILES.map(|name| folder.join(name)).into_iter().filter(|path| path.exists());
    let there: Vec<PathBuf> = there.collect();
    for path in &there {
        let file = DataFile { path: path.clone(), sha256: sha256_of_file(path)? };
        if is_published(DatasetName::Cifar10, &file)? != Some(true) {
            return Err(in_the_way(path));
        }
    }
    Ok(there.len() == cifar::FILES.len())
}

fn in_the_way(path: &Path) -> DataError {
    let found = "another, which is left as it is: move it away to fetch";
    DataError::malformed(path, "the published file", found)
}

/// Takes CIFAR-10's files out of its archive, by their bare names: no path in an archive leads
/// anywhere else.
fn unpack(archive: &Path, folder: &Path) -> Result<(), DataError> {
    let reading = || DataError::io(archive, "unpack");
    let file = File::open(archive).map_err(reading())?;
    let mut missing = cifar::FILES.to_vec();
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

/// Writes a file beside its final name first.
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

    fn archive(path: &Path, names: &[&str]) {
        let encoder = GzEncoder::new(File::create(path).unwrap(), Compression::fast());
        let mut builder = tar::Builder::new(encoder);
        for name in names {
            let mut header = tar::Header::new_gnu();
            // Written as raw bytes: the builder itself refuses paths that lead out.
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
        let real = cifar::FILES.map(|name| format!("cifar-10-batches-bin/{name}"));
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
        assert_eq!(found, cifar::FILES);
        assert_eq!(fs::read(folder.join("data_batch_2.bin")).unwrap(), real[1].as_bytes());
        assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 2, "nothing outside the folder");
    }

    #[test]
    fn an_archive_without_all_files_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let packed = folder.path().join("a.tar.gz");
        archive(&packed, &cifar::FILES[..5]);
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
