//! Redis and S3 as places for what an edge has: one compressed, checksummed object with everything, written at most once
//! in a while. There are two of them, written in turn, so that one that is broken does not cost the one before; the
//! newest that is whole is read at start.

use std::io;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use redis::IntoConnectionInfo;
use reqwest::{Client, StatusCode, Url};
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};

use super::records::{self, Frames};
use super::{News, Saved, saved};
use crate::http::{outbound, path_segment};
use crate::options::remote::RemoteOptions;

/// How long Redis may take to accept a connection, and to answer.
const REDIS_TIMEOUT: Duration = Duration::from_secs(5);
/// How long S3 may take.
const S3_TIMEOUT: Duration = Duration::from_secs(30);
/// The names of the objects.
const NAMES: [&str; 2] = ["flagstone-edge-a", "flagstone-edge-b"];
/// The most bytes of an object, before and after it is compressed.
const BYTES_MAX: usize = 1 << 30;
/// Fast, and a tenth of the size.
const ZSTD_LEVEL: i32 = 1;

/// A place in a network.
pub struct Remote {
    place: At,
    /// Which of the two objects is written next.
    next: usize,
}

enum At {
    Redis(redis::Client),
    S3 { client: Client, bucket: Box<Bucket>, credentials: Option<Credentials> },
}

impl Remote {
    /// The place that the options name, if they do. An error never holds a password or a key.
    pub fn of(options: &RemoteOptions) -> anyhow::Result<Option<Self>> {
        let has_redis = options.redis_url.is_some() || options.redis_host.is_some();
        ensure!(
            !(has_redis && options.s3_bucket_name.is_some()),
            "REDIS_URL and S3_BUCKET_NAME are both given: what an edge has is kept in one of them"
        );
        let place = match &options.s3_bucket_name {
            Some(name) => Some(bucket(name, options)?),
            None if has_redis => Some(At::Redis(redis_client(options)?)),
            None => None,
        };
        Ok(place.map(|place| Self { place, next: 0 }))
    }

    /// The newest that is whole; nothing if there is none.
    pub async fn load(&mut self) -> anyhow::Result<Option<Saved>> {
        let mut found: Vec<(u64, usize, Vec<u8>)> = Vec::new();
        for (at, name) in NAMES.into_iter().enumerate() {
            let Some(object) = self.place.get(name).await? else { continue };
            let unpacked = tokio::task::spawn_blocking(move || unpacked(&object)).await?;
            match unpacked {
                Ok((made, bytes)) => found.push((made, at, bytes)),
                Err(broken) => tracing::error!(broken, name, "a backup cannot be used"),
            }
        }
        let Some((_, at, bytes)) = found.into_iter().max_by_key(|(made, ..)| *made) else { return Ok(None) };
        self.next = 1 - at;
        let saved =
            tokio::task::spawn_blocking(move || records::read(&bytes).map(|reading| saved(reading, NAMES[at]).1));
        Ok(saved.await?.ok())
    }

    /// Puts everything in the place of the older object.
    pub async fn store(&mut self, object: Vec<u8>) -> anyhow::Result<()> {
        self.place.put(NAMES[self.next], object).await?;
        self.next = 1 - self.next;
        Ok(())
    }
}

/// Everything as one object. Takes its time: nobody waits for it on a thread of the runtime.
pub fn packed(all: impl Iterator<Item = News>) -> io::Result<Vec<u8>> {
    let mut frames = Frames::begin(zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL)?)?;
    for news in all {
        frames.write(&news)?;
    }
    frames.whole()?;
    frames.out.finish()
}

/// The records of an object that is whole, and when it was made.
fn unpacked(object: &[u8]) -> Result<(u64, Vec<u8>), &'static str> {
    let mut bytes = Vec::new();
    let decoder = zstd::stream::read::Decoder::new(object).map_err(|_| "it is not compressed as ours are")?;
    let read = io::Read::read_to_end(&mut io::Read::take(decoder, BYTES_MAX as u64), &mut bytes);
    read.map_err(|_| "it is not compressed as ours are")?;
    let reading = records::read(&bytes)?;
    match reading.broken {
        Some(broken) => Err(broken),
        None => Ok((reading.made, bytes)),
    }
}

fn redis_client(options: &RemoteOptions) -> anyhow::Result<redis::Client> {
    let url = match (&options.redis_url, &options.redis_host) {
        (Some(url), _) => url.clone(),
        (None, host) => {
            let scheme = if options.redis_secure { "rediss" } else { "redis" };
            format!("{scheme}://{}:{}", path_segment(host.as_deref().unwrap_or_default()), options.redis_port)
        }
    };
    // What the parser says of a URL may hold some of it.
    let info = url.into_connection_info().ok().context("REDIS_URL must be like redis://host:6379/0")?;
    let mut settings = info.redis_settings().clone();
    if let Some(username) = options.redis_username.as_ref().filter(|_| settings.username().is_none()) {
        settings = settings.set_username(username);
    }
    if let Some(password) = options.redis_password.as_ref().filter(|_| settings.password().is_none()) {
        settings = settings.set_password(password);
    }
    redis::Client::open(info.set_redis_settings(settings)).ok().context("the Redis server's address cannot be used")
}

fn bucket(name: &str, options: &RemoteOptions) -> anyhow::Result<At> {
    let region = options.aws_region.clone();
    let (endpoint, style) = match &options.aws_endpoint_url {
        // What stands in for Amazon often has no name for each bucket.
        Some(url) => (url.clone(), UrlStyle::Path),
        None => (format!("https://s3.{region}.amazonaws.com"), UrlStyle::VirtualHost),
    };
    let endpoint: Url = endpoint.parse().ok().context("AWS_ENDPOINT_URL must be like https://minio.example.com")?;
    let bucket = Bucket::new(endpoint, style, name.to_owned(), region).context("S3_BUCKET_NAME cannot be used")?;
    let credentials = match (&options.aws_access_key_id, &options.aws_secret_access_key, &options.aws_session_token) {
        (Some(id), Some(key), None) => Some(Credentials::new(id, key)),
        (Some(id), Some(key), Some(token)) => Some(Credentials::new_with_token(id, key, token)),
        (None, None, _) => None,
        _ => bail!("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together"),
    };
    Ok(At::S3 { client: outbound::client()?, bucket: Box::new(bucket), credentials })
}

impl At {
    async fn get(&self, name: &'static str) -> anyhow::Result<Option<Vec<u8>>> {
        match self {
            Self::Redis(client) => ask_redis(client, redis::cmd("GET").arg(name).take()).await,
            Self::S3 { client, bucket, credentials } => {
                let url = bucket.get_object(credentials.as_ref(), name).sign(S3_TIMEOUT);
                let answer = client.get(url).timeout(S3_TIMEOUT).send().await.map_err(reqwest::Error::without_url)?;
                match answer.status() {
                    StatusCode::OK => read(answer).await.map(Some),
                    StatusCode::NOT_FOUND => Ok(None),
                    status => bail!("S3 answers {status}"),
                }
            }
        }
    }

    async fn put(&self, name: &'static str, object: Vec<u8>) -> anyhow::Result<()> {
        match self {
            Self::Redis(client) => ask_redis(client, redis::cmd("SET").arg(name).arg(object).take()).await,
            Self::S3 { client, bucket, credentials } => {
                let url = bucket.put_object(credentials.as_ref(), name).sign(S3_TIMEOUT);
                let request = client.put(url).timeout(S3_TIMEOUT).body(object);
                let answer = request.send().await.map_err(reqwest::Error::without_url)?;
                ensure!(answer.status().is_success(), "S3 answers {}", answer.status());
                Ok(())
            }
        }
    }
}

async fn read(mut answer: reqwest::Response) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
        ensure!(bytes.len() + chunk.len() <= BYTES_MAX, "the object is longer than {BYTES_MAX} bytes");
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Sends a command on a connection of its own: there is one in a while.
async fn ask_redis<T: redis::FromRedisValue + Send + 'static>(
    client: &redis::Client,
    command: redis::Cmd,
) -> anyhow::Result<T> {
    let client = client.clone();
    let answer = tokio::task::spawn_blocking(move || {
        let mut connection = client.get_connection_with_timeout(REDIS_TIMEOUT)?;
        connection.set_read_timeout(Some(REDIS_TIMEOUT))?;
        connection.set_write_timeout(Some(REDIS_TIMEOUT))?;
        command.query::<T>(&mut connection)
    });
    answer.await?.context("Redis")
}

#[cfg(test)]
mod tests;
