//! Against a server of our own on this machine.

use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use super::*;

/// How the server answers one connection.
#[derive(Clone, Copy)]
enum Mood {
    /// With everything that was asked for.
    Whole,
    /// With this many bytes of it, then it hangs up.
    Cuts(usize),
    /// With the whole file from its beginning, whatever was asked.
    IgnoresRanges,
    /// With this status and nothing else.
    Status(&'static str),
}

struct Server {
    url: String,
    requests: JoinHandle<Vec<String>>,
}

impl Server {
    /// Serves `content` of `version` to as many connections as there are moods.
    fn start(content: Vec<u8>, version: &'static str, moods: Vec<Mood>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/m/model.gguf", listener.local_addr().unwrap());
        let requests = std::thread::spawn(move || {
            let answer = |mood| answer(&mut listener.accept().unwrap().0, &content, version, mood);
            moods.into_iter().map(answer).collect()
        });
        Self { url, requests }
    }

    fn requests(self) -> Vec<String> {
        self.requests.join().unwrap()
    }
}

fn answer(stream: &mut TcpStream, content: &[u8], version: &str, mood: Mood) -> String {
    let mut request = String::new();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while !request.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut request).unwrap() > 0);
    }
    let lower = request.to_lowercase();
    let asked = lower
        .split("range: bytes=")
        .nth(1)
        .and_then(|r| r.split('-').next());
    let same = lower.contains(&format!("if-range: \"{version}\""));
    let from: usize = match mood {
        Mood::IgnoresRanges => 0,
        _ => asked
            .filter(|_| same)
            .map_or(0, |from| from.parse().unwrap()),
    };
    let rest = &content[from..];
    let head = match (mood, from) {
        (Mood::Status(status), _) => format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"),
        (_, 0) => format!(
            "HTTP/1.1 200 OK\r\nETag: \"{version}\"\r\nContent-Length: {}\r\n\r\n",
            rest.len()
        ),
        _ => format!(
            "HTTP/1.1 206 Partial Content\r\nETag: \"{version}\"\r\nContent-Length: {}\r\nContent-Range: bytes {from}-{}/{}\r\n\r\n",
            rest.len(),
            content.len() - 1,
            content.len()
        ),
    };
    stream.write_all(head.as_bytes()).unwrap();
    let sent = match mood {
        Mood::Status(_) => 0,
        Mood::Cuts(most) => most.min(rest.len()),
        Mood::Whole | Mood::IgnoresRanges => rest.len(),
    };
    // A client that has seen enough may hang up first.
    let _ = stream.write_all(&rest[..sent]);
    request
}

fn content(seed: u8) -> Vec<u8> {
    (0..600_000_u32).map(|i| (i % 251) as u8 ^ seed).collect()
}

fn sha(bytes: &[u8]) -> String {
    digest(&mut &bytes[..]).unwrap()
}

fn get(url: &str, to: &Path, digest: Option<&str>) -> Result<Fetched, FetchError> {
    let source: Source = url.parse().unwrap();
    let what = Fetch {
        source: &source,
        destination: to,
        digest,
        roots: None,
    };
    fetch(&what, &mut |_| ControlFlow::Continue(()))
}

fn leftovers(folder: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_whole_file_arrives_in_one_go() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("m.gguf");
    let server = Server::start(content(1), "a", vec![Mood::Whole]);
    let fetched = get(&server.url, &to, Some(&sha(&content(1)).to_uppercase())).unwrap();
    assert_eq!(fetched.digest, sha(&content(1)));
    assert_eq!((fetched.bytes, fetched.resumed_from), (600_000, 0));
    assert_eq!(fs_err::read(&to).unwrap(), content(1));
    assert_eq!(leftovers(folder.path()), ["m.gguf"]);
}

#[test]
fn a_connection_that_is_cut_goes_on_where_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("m.gguf");
    let moods = vec![Mood::Cuts(200_000), Mood::Cuts(300_000), Mood::Whole];
    let server = Server::start(content(2), "a", moods);
    get(&server.url, &to, None).unwrap();
    assert_eq!(fs_err::read(&to).unwrap(), content(2));
    let requests = server.requests();
    assert!(!requests[0].to_lowercase().contains("range:"));
    assert!(
        requests[2].to_lowercase().contains("range: bytes=500000-"),
        "{}",
        requests[2]
    );
}

#[test]
fn a_later_fetch_goes_on_where_an_earlier_one_ended() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("m.gguf");
    let server = Server::start(content(3), "a", vec![Mood::Whole, Mood::Whole]);
    let source: Source = server.url.parse().unwrap();
    let what = Fetch {
        source: &source,
        destination: &to,
        digest: None,
        roots: None,
    };
    let stopped = fetch(&what, &mut |progress| {
        assert_eq!(progress.total, Some(600_000));
        if progress.done > 0 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    let Err(FetchError::Cancelled { done }) = stopped else {
        panic!("{stopped:?}");
    };
    assert!(!to.exists());
    let fetched = get(&server.url, &to, None).unwrap();
    assert_eq!(fetched.resumed_from, done);
    assert_eq!(fs_err::read(&to).unwrap(), content(3));
}

#[test]
fn parts_of_two_versions_are_never_mixed() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("m.gguf");
    let server = Server::start(content(5), "new", vec![Mood::Whole]);
    fs_err::write(to.with_extension("gguf.part"), &content(4)[..1000]).unwrap();
    let note = format!("url = {:?}\nversion = '\"old\"'\n", server.url);
    fs_err::write(to.with_extension("gguf.part.toml"), note).unwrap();
    get(&server.url, &to, None).unwrap();
    assert_eq!(fs_err::read(&to).unwrap(), content(5));
}

#[test]
fn a_server_without_ranges_is_asked_for_everything() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("m.gguf");
    let moods = vec![Mood::Cuts(100_000), Mood::IgnoresRanges];
    let server = Server::start(content(6), "a", moods);
    get(&server.url, &to, None).unwrap();
    assert_eq!(fs_err::read(&to).unwrap(), content(6));
}

#[test]
fn a_wrong_digest_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("m.gguf");
    let server = Server::start(content(7), "a", vec![Mood::Whole]);
    let refused = get(&server.url, &to, Some(&sha(&content(8))));
    let Err(FetchError::Digest { expected, found }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!((expected, found), (sha(&content(8)), sha(&content(7))));
    assert_eq!(leftovers(folder.path()), [""; 0]);
}

#[test]
fn a_file_that_is_not_there_is_told_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("m.gguf");
    let server = Server::start(Vec::new(), "a", vec![Mood::Status("404 Not Found")]);
    let refused = get(&server.url, &to, None).unwrap_err();
    assert!(
        refused
            .to_string()
            .ends_with("the server answers 404 Not Found"),
        "{refused}"
    );
    assert!(!to.exists());
}

#[test]
fn a_redirect_away_from_this_machine_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("m.gguf");
    let moods = vec![Mood::Status("302 Found\r\nLocation: http://192.0.2.1/x")];
    let server = Server::start(Vec::new(), "a", moods);
    assert!(get(&server.url, &to, None).is_err());
    assert!(!to.exists());
}

#[test]
fn nobody_listening_is_an_error_with_its_cause() {
    let folder = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = format!("http://127.0.0.1:{port}/m.gguf");
    let refused = get(&url, &folder.path().join("m.gguf"), None);
    assert!(
        matches!(refused, Err(FetchError::Connect { .. })),
        "{refused:?}"
    );
}

#[test]
fn ranges_are_read_as_the_standard_writes_them() {
    assert_eq!(content_range("bytes 100-199/200"), Some((100, Some(200))));
    assert_eq!(content_range("bytes 0-1/*"), Some((0, None)));
    for bad in ["", "bytes */200", "bytes 1/2", "bytes -1/2", "items 1-2/3"] {
        assert_eq!(content_range(bad), None, "{bad}");
    }
}
