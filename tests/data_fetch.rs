//! Downloads from a small HTTP server on the loopback interface.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use laperm::data::fetch::{Progress, RemoteFile, download, fetch};
use laperm::data::{DataError, DatasetName};
use sha2::{Digest, Sha256};

/// The server's answer to one request, given the first byte requested.
type Answer = fn(&mut TcpStream, usize);

const NAME: &str = "data.bin";

/// More bytes than fit into any buffer on the way.
fn content() -> Vec<u8> {
    (0..300_000_u32).map(|i| (i % 251) as u8).collect()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Starts a server that answers one connection per answer and then stops listening. Returns the
/// address of its folder.
fn serve(answers: Vec<Answer>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/folder", listener.local_addr().unwrap());
    thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let from = first_byte_asked_for(&stream);
            answer(&mut stream, from);
        }
    });
    url
}

fn first_byte_asked_for(stream: &TcpStream) -> usize {
    let lines = BufReader::new(stream).lines().map(Result::unwrap);
    let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let range = headers.iter().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("range: bytes=").map(str::to_string)
    });
    range.map_or(0, |range| range.trim_end_matches('-').parse().unwrap())
}

/// Sends the header of a response with all bytes from `from` on, and then `bytes` of them.
fn send(stream: &mut TcpStream, from: usize, bytes: usize) {
    let content = content();
    let (status, range) = match from {
        0 => ("200 OK", String::new()),
        _ => {
            let (last, total) = (content.len() - 1, content.len());
            ("206 Partial Content", format!("Content-Range: bytes {from}-{last}/{total}\r\n"))
        }
    };
    let length = content.len() - from;
    write!(stream, "HTTP/1.1 {status}\r\n{range}Content-Length: {length}\r\n").unwrap();
    stream.write_all(b"Connection: close\r\n\r\n").unwrap();
    stream.write_all(&content[from..from + bytes]).unwrap();
}

fn whole(stream: &mut TcpStream, from: usize) {
    send(stream, from, content().len() - from);
}

fn cut_after_100_000_bytes(stream: &mut TcpStream, from: usize) {
    send(stream, from, 100_000);
}

fn cut_at_once(stream: &mut TcpStream, from: usize) {
    send(stream, from, 0);
}

fn all_of_it_whatever_was_asked(stream: &mut TcpStream, _: usize) {
    send(stream, 0, content().len());
}

fn not_found(stream: &mut TcpStream, _: usize) {
    stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n").unwrap();
}

/// Downloads into `folder`. Also returns the reported progress in bytes.
fn run(url: &str, folder: &Path, sha256: &str) -> (Result<(), DataError>, Vec<u64>) {
    let bytes = content().len() as u64;
    let file = RemoteFile { name: NAME, bytes, sha256 };
    let mut reported = vec![];
    let mut progress = |progress: Progress<'_>| {
        assert_eq!((progress.file, progress.total), (NAME, bytes));
        reported.push(progress.bytes);
    };
    let result = download(&format!("{url}/{NAME}"), folder, &file, &mut progress);
    (result, reported)
}

/// The names of the files in a folder.
fn listing(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_whole_file_arrives_and_is_not_fetched_twice() {
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("not/yet/there");
    let url = serve(vec![whole]);
    let (result, reported) = run(&url, &into, &sha256(&content()));
    result.unwrap();
    assert_eq!(fs::read(into.join(NAME)).unwrap(), content());
    assert_eq!(listing(&into), [NAME]);
    assert!(reported.is_sorted() && reported.last() == Some(&300_000));
    let (again, reported) = run(&url, &into, &sha256(&content()));
    again.unwrap();
    assert!(reported.is_empty(), "the server would not have answered a second time");
}

#[test]
fn a_cut_connection_is_resumed_where_it_broke() {
    let folder = tempfile::tempdir().unwrap();
    let url = serve(vec![cut_after_100_000_bytes, cut_after_100_000_bytes, whole]);
    let (result, reported) = run(&url, folder.path(), &sha256(&content()));
    result.unwrap();
    assert_eq!(fs::read(folder.path().join(NAME)).unwrap(), content());
    assert!(reported.is_sorted(), "nothing was fetched again");
    assert_eq!(listing(folder.path()), [NAME]);
}

#[test]
fn what_has_arrived_is_kept_for_the_next_call() {
    let folder = tempfile::tempdir().unwrap();
    let url = serve(vec![cut_after_100_000_bytes, cut_at_once]);
    let (result, _) = run(&url, folder.path(), &sha256(&content()));
    let error = result.unwrap_err();
    assert!(!error.is_input(), "{error}");
    assert!(error.to_string().contains("after 100000 of 300000 bytes"), "{error}");
    assert_eq!(listing(folder.path()), ["data.bin.part"]);

    let (result, reported) = run(&serve(vec![whole]), folder.path(), &sha256(&content()));
    result.unwrap();
    assert_eq!(reported.first(), Some(&100_000));
    assert_eq!(fs::read(folder.path().join(NAME)).unwrap(), content());
}

#[test]
fn a_server_that_cannot_resume_sends_all_again() {
    let folder = tempfile::tempdir().unwrap();
    let url = serve(vec![cut_after_100_000_bytes, all_of_it_whatever_was_asked]);
    run(&url, folder.path(), &sha256(&content())).0.unwrap();
    assert_eq!(fs::read(folder.path().join(NAME)).unwrap(), content());
}

#[test]
fn a_wrong_checksum_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (result, _) = run(&serve(vec![whole]), folder.path(), &sha256(b"something else"));
    let error = result.unwrap_err();
    assert!(matches!(error, DataError::Checksum { .. }), "{error}");
    assert!(error.to_string().contains(&sha256(&content())), "{error}");
    assert!(listing(folder.path()).is_empty());
}

#[test]
fn a_missing_file_is_an_error_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let url = serve(vec![not_found]);
    let mut no_progress = |_: Progress<'_>| ();
    let mirror = Some(url.as_str());
    let error = fetch(DatasetName::Mnist, folder.path(), mirror, &mut no_progress).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("/folder/train-images-idx3-ubyte.gz: "), "{message}");
    assert!(message.contains("404 Not Found"), "{message}");
    assert!(listing(folder.path()).is_empty());
}

#[test]
fn a_file_longer_than_published_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("{}/{NAME}", serve(vec![whole]));
    let file = RemoteFile { name: NAME, bytes: 1_000, sha256: &sha256(&content()[..1_000]) };
    let error = download(&url, folder.path(), &file, &mut |_| ()).unwrap_err();
    assert!(error.to_string().contains("longer than the published 1000 bytes"), "{error}");
    assert!(!folder.path().join(NAME).exists());
}

#[test]
fn a_file_of_that_name_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(NAME), "mine").unwrap();
    let (result, _) = run(&serve(vec![whole]), folder.path(), &sha256(&content()));
    assert!(result.unwrap_err().is_input());
    assert_eq!(fs::read(folder.path().join(NAME)).unwrap(), b"mine");
}

#[test]
fn no_server_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (result, _) = run(&serve(vec![]), folder.path(), &sha256(&content()));
    assert!(!result.unwrap_err().is_input());
    assert!(listing(folder.path()).is_empty());
}
