//! A client of streams, and what an SDK makes of their events.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// One stream, over a connection of its own.
pub struct Stream {
    connection: TcpStream,
    /// As it came, from the next chunk on.
    raw: Vec<u8>,
    /// Without the framing of chunks, from the next event on.
    text: Vec<u8>,
    ended: bool,
}

/// An event that carries data.
#[derive(Clone, Debug)]
pub struct Event {
    pub kind: String,
    /// The number of the revision.
    pub id: u64,
    /// The whole id, by which a client goes on.
    pub last: String,
    pub data: String,
}

impl Stream {
    /// Begins to listen, from `last` on if there is one; an error of the kind `Other` for an answer that is not 200.
    pub async fn open(port: u16, token: &str, last: Option<&str>) -> Result<Self> {
        Self::with_query(port, token, "", last).await
    }

    /// The same with a query, for instance `?namePrefix=a`.
    pub async fn with_query(port: u16, token: &str, query: &str, last: Option<&str>) -> Result<Self> {
        let mut head = format!(
            "GET /api/client/streaming{query} HTTP/1.1\r\nhost: localhost\r\nauthorization: {token}\r\n\
             accept: text/event-stream\r\n"
        );
        if let Some(last) = last {
            head += &format!("last-event-id: {last}\r\n");
        }
        head += "\r\n";
        let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
        connection.write_all(head.as_bytes()).await?;
        let mut raw = Vec::new();
        let body = loop {
            if let Some(end) = raw.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if connection.read_buf(&mut raw).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        };
        let head: Vec<u8> = raw.drain(..body).collect();
        let head = String::from_utf8_lossy(&head).to_lowercase();
        match head.split(' ').nth(1) {
            Some("200") => {
                assert!(head.contains("transfer-encoding: chunked"), "{head}");
                Ok(Self { connection, raw, text: Vec::new(), ended: false })
            }
            status => Err(Error::other(status.unwrap_or_default().to_owned())),
        }
    }

    /// The next event with data. Nothing is lost when it does not come in time.
    pub async fn next(&mut self, limit: Duration) -> Result<Event> {
        let event = async {
            loop {
                self.decode()?;
                while let Some(block) = self.block() {
                    if let Some(event) = event(&block) {
                        return Ok(event);
                    }
                }
                if self.ended || self.connection.read_buf(&mut self.raw).await? == 0 {
                    return Err(ErrorKind::UnexpectedEof.into());
                }
            }
        };
        timeout(limit, event).await.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
    }

    /// The lines up to an empty one.
    fn block(&mut self) -> Option<String> {
        let end = self.text.windows(2).position(|two| two == b"\n\n")?;
        let block = self.text.drain(..end + 2).collect();
        Some(String::from_utf8(block).unwrap())
    }

    /// Moves the chunks that are complete from `raw` to `text`.
    fn decode(&mut self) -> Result<()> {
        while let Some(line) = self.raw.windows(2).position(|two| two == b"\r\n") {
            let size = std::str::from_utf8(&self.raw[..line]).ok().and_then(|hex| usize::from_str_radix(hex, 16).ok());
            let size = size.ok_or(ErrorKind::InvalidData)?;
            if self.raw.len() < line + 2 + size + 2 {
                break;
            }
            self.text.extend_from_slice(&self.raw[line + 2..line + 2 + size]);
            self.raw.drain(..line + 2 + size + 2);
            self.ended |= size == 0;
        }
        Ok(())
    }
}

/// The event of a block; comments are none.
fn event(block: &str) -> Option<Event> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    let last = field("id: ")?;
    let id = last.split('-').next()?.parse().ok()?;
    Some(Event { data: field("data: ")?, kind: field("event: ")?, id, last })
}

/// What an SDK knows: features by name, and the segments that they name by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Features {
    pub flags: BTreeMap<String, Value>,
    segments: BTreeMap<i64, Value>,
}

impl Features {
    /// What `/api/client/features` answers an SDK that knows segments.
    pub fn polled(answer: &Value) -> Self {
        let mut features = Self::default();
        features.replace(answer);
        features
    }

    fn replace(&mut self, all: &Value) {
        // An answer to an SDK that knows no segments has no list of them.
        let items = |list: &str| all[list].as_array().cloned().unwrap_or_default().into_iter();
        assert!(all["features"].is_array(), "{all}");
        self.flags = items("features").map(|item| (item["name"].as_str().unwrap().to_owned(), item)).collect();
        self.segments = items("segments").map(|item| (item["id"].as_i64().unwrap(), item)).collect();
    }

    /// Takes over what `{"events":[…]}` says.
    pub fn apply(&mut self, data: &str) {
        let data: Value = serde_json::from_str(data).unwrap();
        for event in data["events"].as_array().unwrap() {
            match event["type"].as_str().unwrap() {
                "hydration" => self.replace(event),
                "feature-updated" => {
                    let feature = &event["feature"];
                    self.flags.insert(feature["name"].as_str().unwrap().to_owned(), feature.clone());
                }
                "feature-removed" => {
                    self.flags.remove(event["featureName"].as_str().unwrap());
                }
                "segment-updated" => {
                    let segment = &event["segment"];
                    self.segments.insert(segment["id"].as_i64().unwrap(), segment.clone());
                }
                "segment-removed" => {
                    self.segments.remove(&event["segmentId"].as_i64().unwrap());
                }
                other => panic!("an event of an unknown type: {other}"),
            }
        }
    }

    /// The segments that a flag's strategies name. Each must be known.
    pub fn segments_of(&self, name: &str) -> Vec<&Value> {
        let strategies = self.flags[name]["strategies"].as_array().into_iter().flatten();
        let ids = strategies.flat_map(|strategy| strategy["segments"].as_array().into_iter().flatten());
        let known = ids.map(|id| {
            self.segments.get(&id.as_i64().unwrap()).unwrap_or_else(|| panic!("{name} names the unknown segment {id}"))
        });
        known.collect()
    }

    /// Whether a flag is there and on.
    pub fn is_on(&self, name: &str) -> bool {
        self.flags.get(name).is_some_and(|feature| feature["enabled"] == true)
    }
}
