//! A client for HTTP/1.1 that never repeats a request: an answer that is lost stays lost.

use std::io::{Error, ErrorKind, Result};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The longest wait for an answer.
const LIMIT: Duration = Duration::from_secs(20);

/// One connection, made anew when it is gone.
pub struct Client {
    port: u16,
    authorization: String,
    connection: Option<BufReader<TcpStream>>,
    /// Sent with the next requests, as `name: value`.
    pub headers: Vec<String>,
}

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("not JSON ({e}): {}", self.text))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The answer, if it is a success.
    pub fn expect(self) -> Self {
        assert!(self.is_success(), "{} {}", self.status, self.text);
        self
    }
}

impl Client {
    /// A client of a server on this machine; `authorization` may be empty.
    pub fn new(port: u16, authorization: &str) -> Self {
        Self { port, authorization: authorization.to_owned(), connection: None, headers: Vec::new() }
    }

    pub async fn get(&mut self, path: &str) -> Result<Answer> {
        self.send("GET", path, None).await
    }

    pub async fn post(&mut self, path: &str, body: &Value) -> Result<Answer> {
        self.send("POST", path, Some(body)).await
    }

    /// Sends a request and reads the answer. After an error it is not known whether the server has done it.
    pub async fn send(&mut self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let stream = timeout(LIMIT, TcpStream::connect(("127.0.0.1", self.port))).await??;
                stream.set_nodelay(true)?;
                BufReader::new(stream)
            }
        };
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
        if !self.authorization.is_empty() {
            head += &format!("authorization: {}\r\n", self.authorization);
        }
        for header in &self.headers {
            head += &format!("{header}\r\n");
        }
        let body = body.filter(|body| !body.is_null()).map(Value::to_string);
        match &body {
            Some(body) => head += &format!("content-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len()),
            None if method == "GET" => head += "\r\n",
            None => head += "content-length: 0\r\n\r\n",
        }
        head += body.as_deref().unwrap_or_default();
        let exchange = async {
            connection.get_mut().write_all(head.as_bytes()).await?;
            read_answer(&mut connection).await
        };
        let (answer, keep) = timeout(LIMIT, exchange).await??;
        if keep {
            self.connection = Some(connection);
        }
        Ok(answer)
    }
}

async fn read_answer(connection: &mut BufReader<TcpStream>) -> Result<(Answer, bool)> {
    let status_line = line(connection).await?;
    let status = status_line.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or(ErrorKind::InvalidData)?;
    let mut headers = Vec::new();
    loop {
        let line = line(connection).await?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut answer = Answer { status, headers, text: String::new() };
    let has_body = status != 204 && status != 304;
    let mut body = Vec::new();
    match answer.header("content-length").and_then(|n| n.parse::<usize>().ok()).filter(|_| has_body) {
        Some(length) => {
            body.resize(length, 0);
            connection.read_exact(&mut body).await?;
        }
        None if has_body => return Err(Error::new(ErrorKind::Unsupported, "an answer without its length")),
        None => {}
    }
    answer.text = String::from_utf8(body).map_err(|e| Error::new(ErrorKind::InvalidData, e))?;
    let keep = answer.header("connection") != Some("close");
    Ok((answer, keep))
}

async fn line(connection: &mut BufReader<TcpStream>) -> Result<String> {
    let mut line = String::new();
    if connection.read_line(&mut line).await? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}
