//! Sends metrics to a Prometheus that cannot come and ask: remote write 1.0
//! (<https://prometheus.io/docs/specs/prw/remote_write_spec/>).

use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE};
use reqwest::{Client, Url};
use tokio::time::{MissedTickBehavior, interval};

use super::Edge;
use crate::http::outbound;
use crate::options::push::PushOptions;
use crate::system::entropy;
use crate::system::seldom::Seldom;
use crate::system::tasks::keep_running;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where metrics go, and whose they are.
#[derive(Clone)]
pub struct Push {
    client: Client,
    url: Url,
    user: Option<(String, Option<String>)>,
    every: Duration,
    /// What tells this edge's series from those of others.
    labels: [(String, String); 2],
}

impl Push {
    /// What the options say, if they do.
    pub fn of(options: &PushOptions) -> anyhow::Result<Option<Self>> {
        let Some(url) = &options.prometheus_remote_write_url else { return Ok(None) };
        ensure!(
            matches!(url.scheme(), "http" | "https"),
            "PROMETHEUS_REMOTE_WRITE_URL must be like https://prometheus.example.com/api/v1/write"
        );
        let instance = options.instance_id.clone();
        let instance = instance.unwrap_or_else(|| format!("{}@{}", options.app_name, entropy::hex::<8>()));
        Ok(Some(Self {
            client: outbound::client()?,
            url: url.clone(),
            user: options.prometheus_username.clone().map(|user| (user, options.prometheus_password.clone())),
            every: Duration::from_secs(options.prometheus_push_interval),
            labels: [("job".to_owned(), options.app_name.clone()), ("instance".to_owned(), instance)],
        }))
    }

    /// Begins to send an edge's metrics.
    pub(super) fn start(self, edge: &Edge) {
        let edge = edge.clone();
        keep_running("send metrics", move || self.clone().push_for_ever(edge.clone()));
    }

    async fn push_for_ever(self, edge: Edge) {
        static SELDOM: Seldom = Seldom::new();
        let mut due = interval(self.every);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            due.tick().await;
            // What could not be sent is in the next sums.
            if let Err(error) = self.push(&edge).await
                && let Some(held_back) = SELDOM.pass()
            {
                tracing::warn!(
                    error = format!("{error:#}"),
                    held_back,
                    "metrics cannot be sent to Prometheus; trying on"
                );
            }
        }
    }

    async fn push(&self, edge: &Edge) -> anyhow::Result<()> {
        let message = write_request(&edge.metrics_text(), &self.labels, edge.now().millis());
        let packed = snap::raw::Encoder::new().compress_vec(&message).context("metrics cannot be compressed")?;
        let request = self.client.post(self.url.clone()).timeout(TIMEOUT);
        let request = match &self.user {
            Some((user, password)) => request.basic_auth(user, password.as_ref()),
            None => request,
        };
        let request = request
            .header(CONTENT_TYPE, "application/x-protobuf")
            .header(CONTENT_ENCODING, "snappy")
            .header("x-prometheus-remote-write-version", "0.1.0");
        let answer = request.body(packed).send().await.map_err(reqwest::Error::without_url)?;
        ensure!(answer.status().is_success(), "it answers {}", answer.status());
        Ok(())
    }
}

/// `prometheus.WriteRequest` of metrics in Prometheus' text format, each with these labels and this time in milliseconds.
fn write_request(text: &str, labels: &[(String, String)], at: i64) -> Vec<u8> {
    let mut request = Vec::new();
    for (mut of_series, value) in text.lines().filter_map(series) {
        of_series.extend(labels.iter().cloned());
        // As the specification wants them.
        of_series.sort_unstable();
        let mut message = Vec::new();
        for (name, value) in &of_series {
            let mut label = Vec::new();
            put_bytes(&mut label, 1, name.as_bytes());
            put_bytes(&mut label, 2, value.as_bytes());
            put_bytes(&mut message, 1, &label);
        }
        let mut sample = Vec::new();
        put_varint(&mut sample, 1 << 3 | FIXED_64);
        sample.extend_from_slice(&value.to_le_bytes());
        put_varint(&mut sample, 2 << 3 | VARINT);
        put_varint(&mut sample, at.cast_unsigned());
        put_bytes(&mut message, 2, &sample);
        put_bytes(&mut request, 1, &message);
    }
    request
}

/// Kinds of fields (<https://protobuf.dev/programming-guides/encoding/>).
const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const BYTES: u64 = 2;

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

fn put_bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_varint(out, field << 3 | BYTES);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// The labels, the name among them, and the value of a line such as `name{label="value"} 1`; nothing if it is a comment.
fn series(line: &str) -> Option<(Vec<(String, String)>, f64)> {
    if line.starts_with('#') {
        return None;
    }
    let end = line.find(['{', ' '])?;
    let mut labels = vec![("__name__".to_owned(), line[..end].to_owned())];
    let mut rest = &line[end..];
    if let Some(of_labels) = rest.strip_prefix('{') {
        rest = of_labels;
        while !rest.starts_with('}') {
            let (name, behind) = rest.split_once("=\"")?;
            let (value, behind) = quoted(behind)?;
            labels.push((name.to_owned(), value));
            rest = behind.strip_prefix(',').unwrap_or(behind);
        }
        rest = &rest[1..];
    }
    Some((labels, rest.split_whitespace().next()?.parse().ok()?))
}

/// What stands before the closing quotation mark, and what behind it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {

    use axum::Router;
    use axum::body::Bytes;
    use axum::http::{HeaderMap, StatusCode};
    use axum::routing::post;
    use clap::Parser;
    use tokio::sync::mpsc;

    use super::super::tests::{NOWHERE, edge, serve};
    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        options: PushOptions,
    }

    fn push(words: &[&str]) -> anyhow::Result<Option<Push>> {
        Push::of(&Cli::parse_from(["test"].iter().chain(words)).options)
    }

    /// The fields of a message: numbers, and bytes that may be messages.
    fn fields(mut bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
        fn varint(bytes: &mut &[u8]) -> u64 {
            let end = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap();
            let value = bytes[..=end].iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f));
            *bytes = &bytes[end + 1..];
            value
        }
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes);
            let length = match key & 7 {
                VARINT => {
                    fields.push((key >> 3, varint(&mut bytes).to_le_bytes().to_vec()));
                    continue;
                }
                FIXED_64 => 8,
                BYTES => usize::try_from(varint(&mut bytes)).unwrap(),
                kind => panic!("{kind}"),
            };
            fields.push((key >> 3, bytes[..length].to_vec()));
            bytes = &bytes[length..];
        }
        fields
    }

    /// What a message says, a line for each series.
    fn told(message: &[u8]) -> Vec<String> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let number = |bytes: &[u8]| <[u8; 8]>::try_from(bytes).unwrap();
        let series = fields(message).into_iter().map(|(field, series)| {
            assert_eq!(field, 1);
            let parts = fields(&series).into_iter().map(|(field, part)| {
                let of = fields(&part);
                match field {
                    1 => format!("{}={:?}", text(&of[0].1), text(&of[1].1)),
                    _ => {
                        format!("{} at {}", f64::from_le_bytes(number(&of[0].1)), i64::from_le_bytes(number(&of[1].1)))
                    }
                }
            });
            parts.collect::<Vec<_>>().join(" ")
        });
        series.collect()
    }

    #[test]
    fn metrics_are_told_as_prometheus_reads_them() {
        let text = "# HELP a b\n# TYPE a counter\na_total 7\nb{z=\"1\",route=\"/api/{x}, \\\"y\\\\\\n\"} 0.25\nc{le=\"+Inf\"} NaN\nodd{\n# EOF\n";
        let labels = [("job".to_owned(), "edge".to_owned())];
        let expect = [
            "__name__=\"a_total\" job=\"edge\" 7 at 1700000000000",
            "__name__=\"b\" job=\"edge\" route=\"/api/{x}, \\\"y\\\\\\n\" z=\"1\" 0.25 at 1700000000000",
            "__name__=\"c\" job=\"edge\" le=\"+Inf\" NaN at 1700000000000",
        ];
        assert_eq!(told(&write_request(text, &labels, 1_700_000_000_000)), expect);
        assert!(write_request("# EOF\n", &labels, 1).is_empty());
        // One that is known from elsewhere: `{1: {1: {1: "a", 2: "b"}, 2: {1: 1.0, 2: 300}}}`.
        let known = b"\x0a\x1c\x0a\x0d\x0a\x08__name__\x12\x01a\x12\x0b\x09\0\0\0\0\0\0\xf0\x3f\x10\x7f";
        assert_eq!(write_request("a 1", &[], 127), known);
    }

    #[tokio::test]
    async fn metrics_are_sent_with_whose_they_are_and_a_refusal_is_told() {
        let (came, mut comes) = mpsc::unbounded_channel();
        let router = Router::new().route(
            "/write",
            post(async move |headers: HeaderMap, body: Bytes| {
                let text = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
                let is_known = text("authorization") == "Basic dXNlcjpub3Qtc2hvd24=";
                let said = ["content-type", "content-encoding", "x-prometheus-remote-write-version"].map(text);
                came.send((said, snap::raw::Decoder::new().decompress_vec(&body).unwrap())).unwrap();
                if is_known { StatusCode::NO_CONTENT } else { StatusCode::UNAUTHORIZED }
            }),
        );
        let url = format!("{}/write", serve(router).await);
        let edge = edge(NOWHERE, &[], None);
        edge.metrics().request(&axum::http::Method::GET, "/api/client/features", 200, Duration::from_millis(1));
        let known = ["--prometheus-remote-write-url", &url, "--prometheus-username", "user", "--instance-id", "one"];
        let with_password = [&known[..], &["--prometheus-password", "not-shown"]].concat();
        push(&with_password).unwrap().unwrap().push(&edge).await.unwrap();
        let (said, message) = comes.recv().await.unwrap();
        assert_eq!(said, ["application/x-protobuf", "snappy", "0.1.0"]);
        let lines = told(&message);
        let counted = "__name__=\"flagstone_http_requests_total\" instance=\"one\" job=\"flagstone-edge\" method=\"GET\" route=\"/api/client/features\" status=\"200\" 1 at ";
        assert!(lines.iter().any(|line| line.starts_with(counted)), "{lines:#?}");
        let refused = push(&known).unwrap().unwrap().push(&edge).await.unwrap_err();
        assert_eq!(format!("{refused:#}"), "it answers 401 Unauthorized");

        // And by itself, again and again.
        comes.recv().await.unwrap();
        Push { every: Duration::from_millis(1), ..push(&with_password).unwrap().unwrap() }.start(&edge);
        for _ in 0..3 {
            comes.recv().await.unwrap();
        }
        assert!(push(&[]).unwrap().is_none());
        assert!(push(&["--prometheus-remote-write-url", "ftp://x/"]).is_err());
    }
}
