//! A refusal arrives: what a client still sends when its answer is there is read and dropped, within bounds. A connection
//! that is closed under a client that is writing shows it a broken pipe instead of the answer.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};

/// The most bytes that are read for nothing.
const BYTES_MAX: u64 = 64 << 20;
/// How long they may take.
const TIME_MAX: Duration = Duration::from_secs(10);

/// The body of a request, which is read to its end when nobody wants it any more.
pub fn drained(body: Body) -> Body {
    if body.is_end_stream() { body } else { Body::new(Drained(body)) }
}

struct Drained(Body);

impl HttpBody for Drained {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.0).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        // One that says that it is longer would not end within the bounds.
        if self.0.is_end_stream() || self.0.size_hint().lower() > BYTES_MAX {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let body = std::mem::take(&mut self.0);
            runtime.spawn(tokio::time::timeout(TIME_MAX, drain(body)));
        }
    }
}

async fn drain(mut body: Body) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, |data| data.len() as u64);
        if read > BYTES_MAX {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::extract::Request;
    use axum::http::StatusCode;
    use axum::routing::post;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn a_refusal_arrives_at_a_client_that_writes_all_before_it_reads() {
        let refuse = |request: Request| async {
            drop(drained(request.into_body()));
            StatusCode::PAYLOAD_TOO_LARGE
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(refuse))).await });
        for bytes in [0, 1, 20 << 20] {
            let mut client = TcpStream::connect(address).await.unwrap();
            let head = format!("POST / HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: {bytes}\r\n\r\n");
            client.write_all(head.as_bytes()).await.unwrap();
            client.write_all(&vec![b'x'; bytes]).await.unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 413"), "{bytes} bytes: {answer}");
        }
        serving.abort();
    }
}
