use std::io::{BufRead, BufReader, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::DemoError;

/// Time for the connection, and again for the answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks once. Blocking and without a runtime: it runs every few seconds in each container, and must cost next
/// to nothing there.
pub(super) fn check(url: &str) -> Result<(), DemoError> {
    ask(url).map_err(|reason| DemoError::Unhealthy { url: url.to_owned(), reason })
}

fn ask(url: &str) -> Result<(), String> {
    if let Some(rest) = url.strip_prefix("http://") {
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = if path.is_empty() { "/" } else { path };
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let first = first_line(host, &request)?;
        let status = first.split_whitespace().nth(1).unwrap_or_default();
        if status.len() == 3 && status.starts_with('2') { Ok(()) } else { Err(first) }
    } else if let Some(host) = url.strip_prefix("store://") {
        match first_line(host, "PING\n")?.as_str() {
            "PONG" => Ok(()),
            other => Err(other.to_owned()),
        }
    } else {
        Err("it starts neither with http:// nor with store://".to_owned())
    }
}

fn first_line(host: &str, request: &str) -> Result<String, String> {
    let addr = host
        .to_socket_addrs()
        .map_err(|e| e.to_string())?
        .next()
        .ok_or_else(|| "the name has no address".to_owned())?;
    let talk = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.write_all(request.as_bytes())?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    };
    talk().map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::TcpListener;

    fn answering(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 512];
            let read = stream.read(&mut request).unwrap();
            assert!(read > 0);
            stream.write_all(answer.as_bytes()).unwrap();
        });
        addr.to_string()
    }

    #[test]
    fn only_a_good_answer_is_healthy() {
        assert!(check(&format!("http://{}/health", answering("HTTP/1.1 204 No\r\n\r\n"))).is_ok());
        assert!(check(&format!("http://{}", answering("HTTP/1.1 200 OK\r\n\r\n"))).is_ok());
        assert!(check(&format!("store://{}", answering("PONG\n"))).is_ok());
        for (url, answer) in [
            (format!("http://{}/", answering("HTTP/1.1 503 No\r\n\r\n")), "503"),
            (format!("store://{}", answering("ERR full\n")), "ERR full"),
            ("ftp://127.0.0.1:1".to_owned(), "neither"),
            ("http://127.0.0.1:1/".to_owned(), "refused"),
        ] {
            let text = check(&url).unwrap_err().to_string();
            assert!(text.contains(answer), "{text}");
        }
    }
}
