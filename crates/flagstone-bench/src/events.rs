//! Counts server-sent events in the raw bytes of an answer and keeps next to nothing of them: ten thousand readers fit
//! into one process.

use std::io::{self, ErrorKind};

/// The longest beginning of a line that is looked at.
const LINE_BYTES: usize = 48;
const HEAD_BYTES_MAX: usize = 16 << 10;

/// What of the events matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Events that carried the whole state.
    pub connected: u32,
    /// Events that carried a change.
    pub updated: u32,
}

/// Reads an answer from its first byte on.
#[derive(Default)]
pub struct EventReader {
    place: Place,
    /// The beginning of a line, or the head.
    line: Vec<u8>,
    event: Event,
    seen: Seen,
}

/// Where in the answer the next byte stands.
#[derive(Clone, Copy, Default)]
enum Place {
    #[default]
    Head,
    /// In the length of a chunk, of which this much is read.
    Length(usize),
    /// In a chunk of which so many bytes are left.
    Chunk(usize),
    /// In the line end after a chunk.
    ChunkEnd,
    /// In a body that ends with the connection.
    Rest,
}

#[derive(Clone, Copy, Default)]
enum Event {
    #[default]
    Other,
    Connected,
    Updated,
}

impl EventReader {
    /// Reads on; gives what has been seen since the beginning.
    pub fn read(&mut self, mut bytes: &[u8]) -> io::Result<Seen> {
        while let Some((first, rest)) = bytes.split_first() {
            match self.place {
                Place::Head => {
                    self.line.push(*first);
                    bytes = rest;
                    if self.line.ends_with(b"\r\n\r\n") {
                        self.place = place_after(&self.line)?;
                        self.line = Vec::with_capacity(LINE_BYTES);
                    } else if self.line.len() > HEAD_BYTES_MAX {
                        return Err(invalid("a head without an end"));
                    }
                }
                Place::Length(length) => {
                    bytes = rest;
                    self.place = match (*first, char::from(*first).to_digit(16)) {
                        (b'\n', _) if length == 0 => return Err(ErrorKind::UnexpectedEof.into()),
                        (b'\n', _) => Place::Chunk(length),
                        (b'\r', _) => self.place,
                        (_, Some(digit)) => Place::Length((length << 4) + digit as usize),
                        _ => return Err(invalid("a chunk without a length")),
                    };
                }
                Place::Chunk(left) => {
                    let taken = left.min(bytes.len());
                    self.read_lines(&bytes[..taken]);
                    bytes = &bytes[taken..];
                    self.place = if taken == left { Place::ChunkEnd } else { Place::Chunk(left - taken) };
                }
                Place::ChunkEnd => {
                    bytes = rest;
                    if *first == b'\n' {
                        self.place = Place::Length(0);
                    }
                }
                Place::Rest => {
                    self.read_lines(bytes);
                    bytes = &[];
                }
            }
        }
        Ok(self.seen)
    }

    fn read_lines(&mut self, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.keep(&bytes[..end]);
            self.end_line();
            bytes = &bytes[end + 1..];
        }
        self.keep(bytes);
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LINE_BYTES - self.line.len();
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn end_line(&mut self) {
        let line = self.line.trim_ascii_end();
        if line.is_empty() {
            match std::mem::take(&mut self.event) {
                Event::Connected => self.seen.connected += 1,
                Event::Updated => self.seen.updated += 1,
                Event::Other => {}
            }
        } else if let Some(name) = line.strip_prefix(b"event:") {
            self.event = match name.trim_ascii_start() {
                b"unleash-connected" => Event::Connected,
                b"unleash-updated" => Event::Updated,
                _ => Event::Other,
            };
        }
        self.line.clear();
    }
}

/// Where the body of an answer with this head begins.
fn place_after(head: &[u8]) -> io::Result<Place> {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    match head.split(' ').nth(1) {
        Some("200") if head.contains("transfer-encoding: chunked") => Ok(Place::Length(0)),
        Some("200") => Ok(Place::Rest),
        status => Err(invalid(&format!("answers {}", status.unwrap_or_default()))),
    }
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

    /// The same answer, its body in chunks of so many bytes.
    fn chunked(answer: &str, size: usize) -> String {
        let body = answer.strip_prefix(PLAIN).unwrap().as_bytes();
        let chunks = body.chunks(size).map(|c| format!("{:x}\r\n{}\r\n", c.len(), std::str::from_utf8(c).unwrap()));
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        head.chars().chain(chunks.collect::<String>().chars()).collect()
    }

    #[test]
    fn events_are_counted_however_the_bytes_arrive() {
        let check = |body: &str, expect: (u32, u32)| {
            let plain = format!("{PLAIN}{body}");
            for answer in [plain.clone(), chunked(&plain, 1), chunked(&plain, 7), chunked(&plain, 1_000)] {
                for size in [1, 3, 16, 10_000] {
                    let (mut reader, mut seen) = (EventReader::default(), Seen::default());
                    for piece in answer.as_bytes().chunks(size) {
                        seen = reader.read(piece).unwrap();
                    }
                    assert_eq!((seen.connected, seen.updated), expect, "{answer}");
                }
            }
        };
        let long = "x".repeat(500);
        check("event: unleash-connected\nid: 7\ndata: {}\n\n", (1, 0));
        check("event:unleash-connected\ndata:{}\n\nevent:unleash-updated\ndata:{}\n\n", (1, 1));
        check(":\n\n: alive\n\nevent: unleash-updated\r\ndata: {}\r\n\r\n", (0, 1));
        check(&format!("event: unleash-updated\ndata: {long}\n\ndata: {long}\n\n"), (0, 1));
        check("event: unleash-updated\ndata: {}\n", (0, 0));
        check("event: unleash-updated-not\n\ndata: event: unleash-updated\n\n", (0, 0));
    }

    #[test]
    fn an_answer_without_events_is_an_error() {
        let check = |answer: &str, expect: &str| {
            let error = EventReader::default().read(answer.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), expect);
        };
        check("HTTP/1.1 404 Not Found\r\n\r\n", "answers 404");
        check("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "unexpected end of file");
        check("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n", "a chunk without a length");
    }
}
