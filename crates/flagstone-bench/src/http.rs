//! HTTP/1.1 with as little work as possible: the load generator must not be what is measured.

use std::fmt::Write;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};

use anyhow::Context;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// How many bytes of an answer are read at once.
const BUFFER_BYTES: usize = 256 << 10;

/// Where a server is.
#[derive(Clone, Debug)]
pub struct Address {
    /// Its address and port.
    pub socket: SocketAddr,
    /// Stands before every path; empty, or with a leading slash.
    pub base_path: String,
}

impl Address {
    /// A server on this machine.
    pub fn local(port: u16) -> Self {
        Self { socket: SocketAddr::from(([127, 0, 0, 1], port)), base_path: String::new() }
    }

    /// Reads `http://host:port/path`.
    pub fn parse(url: &str) -> anyhow::Result<Self> {
        let rest = url.strip_prefix("http://").with_context(|| format!("{url} is not an http:// URL"))?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        let socket = host.to_socket_addrs().with_context(|| format!("cannot resolve {host}"))?.next();
        let base_path = match path.trim_end_matches('/') {
            "" => String::new(),
            path => format!("/{path}"),
        };
        Ok(Self { socket: socket.with_context(|| format!("{host} has no address"))?, base_path })
    }

    /// The bytes of a request with a token, if it is not empty.
    pub fn request(&self, line: (&str, &str), token: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
        let (method, path) = line;
        let mut text = format!("{method} {}{path} HTTP/1.1\r\nhost: {}\r\n", self.base_path, self.socket);
        if !token.is_empty() {
            let _ = write!(text, "authorization: {token}\r\n");
        }
        for (name, value) in headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        if !body.is_empty() {
            text += "content-type: application/json\r\n";
        }
        if method != "GET" {
            let _ = write!(text, "content-length: {}\r\n", body.len());
        }
        text += "\r\n";
        text += body;
        text.into_bytes()
    }
}

/// A connection that is kept alive.
pub struct Connection {
    stream: BufReader<TcpStream>,
    /// The head of the last answer.
    head: Vec<u8>,
}

/// What follows a head.
enum Length {
    Bytes(usize),
    Chunks,
}

impl Connection {
    /// Connects.
    pub async fn open(address: &Address) -> io::Result<Self> {
        let stream = TcpStream::connect(address.socket).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::with_capacity(BUFFER_BYTES, stream), head: Vec::with_capacity(2_048) })
    }

    /// Sends a request and hands the answer's body to `sink`, piece by piece; gives the status.
    pub async fn exchange(&mut self, request: &[u8], mut sink: impl FnMut(&[u8])) -> io::Result<u16> {
        self.stream.get_mut().write_all(request).await?;
        self.read_head().await?;
        let status = self.head.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        let status = status.ok_or(ErrorKind::InvalidData)?;
        match self.length(status)? {
            Length::Bytes(length) => self.pass(length, &mut sink).await?,
            Length::Chunks => loop {
                let length = self.chunk_length().await?;
                self.pass(length, &mut sink).await?;
                self.pass(2, &mut |_| ()).await?;
                if length == 0 {
                    break;
                }
            },
        }
        Ok(status)
    }

    /// The same, for a body that is looked at.
    pub async fn exchange_whole(&mut self, request: &[u8]) -> io::Result<(u16, Vec<u8>)> {
        let mut body = Vec::new();
        let status = self.exchange(request, |piece| body.extend_from_slice(piece)).await?;
        Ok((status, body))
    }

    /// The headers of the last answer.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.head.split(|byte| *byte == b'\n').skip(1);
        lines.filter_map(|line| {
            let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
            Some((name.trim(), value.trim()))
        })
    }

    /// A header of the last answer.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    async fn read_head(&mut self) -> io::Result<()> {
        self.head.clear();
        loop {
            let before = self.head.len();
            if self.stream.read_until(b'\n', &mut self.head).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            if self.head.len() - before <= 2 {
                return Ok(());
            }
        }
    }

    fn length(&self, status: u16) -> io::Result<Length> {
        if matches!(status, 204 | 304) {
            return Ok(Length::Bytes(0));
        }
        if let Some(length) = self.header("content-length") {
            return length.parse().map(Length::Bytes).map_err(|_| ErrorKind::InvalidData.into());
        }
        match self.header("transfer-encoding") {
            Some("chunked") => Ok(Length::Chunks),
            _ => Err(io::Error::new(ErrorKind::Unsupported, "an answer without its length")),
        }
    }

    async fn chunk_length(&mut self) -> io::Result<usize> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).await?;
        let digits = std::str::from_utf8(&line).ok().and_then(|line| line.split(';').next());
        let length = digits.and_then(|digits| usize::from_str_radix(digits.trim(), 16).ok());
        length.ok_or(ErrorKind::InvalidData.into())
    }

    /// Hands so many bytes on.
    async fn pass(&mut self, mut length: usize, sink: &mut impl FnMut(&[u8])) -> io::Result<()> {
        while length > 0 {
            let bytes = self.stream.fill_buf().await?;
            if bytes.is_empty() {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let taken = bytes.len().min(length);
            sink(&bytes[..taken]);
            self.stream.consume(taken);
            length -= taken;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn answers_are_read_to_their_end_and_no_further() {
        let check = async |answer: &'static str, expect: Option<(u16, &str)>| {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            let address = Address::local(listener.local_addr().unwrap().port());
            let serving = tokio::spawn(async move {
                let mut stream = listener.accept().await?.0;
                let answers = format!("{answer}HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n");
                stream.write_all(answers.as_bytes()).await?;
                stream.shutdown().await?;
                stream.read_to_end(&mut Vec::new()).await
            });
            let mut connection = Connection::open(&address).await.unwrap();
            let first = connection.exchange_whole(b"x").await.ok();
            let first = first.map(|(status, body)| (status, String::from_utf8(body).unwrap()));
            assert_eq!(first.as_ref().map(|(status, body)| (*status, body.as_str())), expect, "{answer}");
            if expect.is_some() {
                assert_eq!(connection.exchange_whole(b"x").await.unwrap(), (202, vec![]), "{answer}");
            }
            drop(connection);
            drop(serving.await.unwrap()); // A client that leaves in the middle resets the connection.
        };
        check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Some((200, "hello"))).await;
        check("HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\n\r\n", Some((304, ""))).await;
        check(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;a=b\r\nlo\r\n0\r\n\r\n",
            Some((200, "hello")),
        )
        .await;
        check("HTTP/1.1 200 OK\r\n\r\nhello", None).await;
        check("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\nhello", None).await;
    }

    #[test]
    fn urls_name_a_server() {
        let check = |url: &str, expect: Option<(&str, &str)>| {
            let address = Address::parse(url).ok();
            let parts = address.as_ref().map(|a| (a.socket.to_string(), a.base_path.as_str()));
            assert_eq!(parts, expect.map(|(socket, path)| (socket.to_owned(), path)), "{url}");
        };
        check("http://127.0.0.1:4242", Some(("127.0.0.1:4242", "")));
        check("http://127.0.0.1:4242/flags/", Some(("127.0.0.1:4242", "/flags")));
        check("http://127.0.0.1", Some(("127.0.0.1:80", "")));
        check("https://127.0.0.1", None);
    }
}
