//! `flagstone evaluate`: flags from a file or a server, answers on standard output.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use chrono::{DateTime, Utc};
use clap::Args;
use flagstone_eval::{Context, Document, Engine, Explanation, Request, Resolved, SplitMix64, Toggles};
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde::Serialize;

use crate::http::outbound;
use crate::system::clock::Clock;
use crate::system::entropy;

/// The longest document, in bytes, from a file or a server.
const DOCUMENT_BYTES_MAX: usize = 100_000_000;
/// The version of the client specification that the answers follow, which a server may adapt its document to.
const CLIENT_SPECIFICATION: &str = "5.2.0";

/// Options of `flagstone evaluate`.
#[derive(Args, Clone, Debug)]
pub struct EvaluateOptions {
    /// A file with a client-features document or a delta, `-` for standard input; goes before --url
    #[arg(long, value_name = "FILE", required_unless_present = "url")]
    pub features: Option<PathBuf>,
    /// A Flagstone or Unleash server to read the flags from
    #[arg(long, env = "UNLEASH_URL")]
    pub url: Option<String>,
    /// A backend token of that server; better in the variable, which is not in the list of processes
    #[arg(long, env = "UNLEASH_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Who asks, as JSON: {"userId": "7", "properties": {"plan": "gold"}}; nobody if omitted
    #[arg(long, value_name = "JSON", conflicts_with = "contexts")]
    pub context: Option<String>,
    /// A file with such a context on every line, `-` for standard input; each gets a line of its own
    #[arg(long, value_name = "FILE")]
    pub contexts: Option<PathBuf>,
    /// Answer for this flag alone, on or off; may be given several times; fails if there is no such flag
    #[arg(long, value_name = "NAME")]
    pub flag: Vec<String>,
    /// Answer also for flags that are off
    #[arg(long)]
    pub all: bool,
    /// Say why, down to single constraints
    #[arg(long)]
    pub explain: bool,
}

/// A line of output.
#[derive(Serialize)]
struct Answer<'e> {
    toggles: Vec<Resolved<'e>>,
    /// One for each toggle, in the same order.
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Vec<Explanation<'e>>>,
}

/// Writes one JSON answer a line to `output`, and to standard error what in the document does not work as written.
///
/// # Errors
/// The document, a context or a flag that is asked for cannot be read or does not exist. A reader of `output` that has
/// seen enough and hangs up is no error.
pub async fn run(options: &EvaluateOptions, output: &mut impl Write) -> anyhow::Result<()> {
    let engine = engine(options).await?;
    let missing = options.flag.iter().find(|name| engine.names().all(|known| known != name.as_str()));
    if let Some(name) = missing {
        bail!("there is no flag {name:?} among the {} that were read", engine.len());
    }
    let mut random = SplitMix64::seeded(entropy::seed());
    for context in contexts(options)? {
        let answer = answer(&engine, options, &context?, now(), &mut random);
        let mut line = serde_json::to_vec(&answer)?;
        line.push(b'\n');
        match output.write_all(&line) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            written => written.context("the answer cannot be written")?,
        }
    }
    Ok(())
}

fn answer<'e>(
    engine: &'e Engine,
    options: &EvaluateOptions,
    context: &Context,
    now: DateTime<Utc>,
    random: &mut SplitMix64,
) -> Answer<'e> {
    let named = !options.flag.is_empty();
    if options.explain {
        // Toggles are taken from their explanations: with chance in it, a second evaluation could say something else.
        let names: Vec<&str> =
            if named { options.flag.iter().map(String::as_str).collect() } else { engine.names().collect() };
        let explained = names.into_iter().filter_map(|name| engine.explain(name, context, now, random));
        let explanation: Vec<_> = explained.filter(|e| named || options.all || e.resolved.enabled).collect();
        return Answer { toggles: explanation.iter().map(|e| e.resolved).collect(), explanation: Some(explanation) };
    }
    let toggles = if named {
        options.flag.iter().filter_map(|name| engine.resolve(name, context, now, random)).collect()
    } else {
        let toggles = if options.all { Toggles::All } else { Toggles::On };
        engine.resolve_all(&Request { toggles, ..Request::new(context, now) }, random)
    };
    Answer { toggles, explanation: None }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(Clock::System.now().millis()).unwrap_or_default()
}

/// The compiled flags. Warnings go to standard error.
async fn engine(options: &EvaluateOptions) -> anyhow::Result<Engine> {
    let (body, source) = match (&options.features, &options.url) {
        (Some(file), _) => {
            let both_from_input = is_input(file) && options.contexts.as_deref().is_some_and(is_input);
            ensure!(!both_from_input, "only one of --features and --contexts can be standard input");
            (read(file)?, name(file))
        }
        (None, Some(url)) => {
            let url = features_url(url)?;
            let token = options.token.as_deref().context("--url needs a --token, or UNLEASH_TOKEN")?;
            let source = url_without_secrets(&url);
            let body = fetch(url, token).await.with_context(|| format!("{source} cannot be read"))?;
            (body, source)
        }
        (None, None) => bail!("--features or --url is needed"),
    };
    let (document, mut warnings) =
        Document::parse_within(&body, DOCUMENT_BYTES_MAX).map_err(|error| anyhow::anyhow!("{source}: {error}"))?;
    let (engine, compile_warnings) = Engine::from_document(&document);
    warnings.extend(compile_warnings);
    for warning in warnings {
        eprintln!("flagstone: warning: {warning}");
    }
    Ok(engine)
}

/// The contexts, read one by one; an error names the line.
fn contexts(options: &EvaluateOptions) -> anyhow::Result<Box<dyn Iterator<Item = anyhow::Result<Context>>>> {
    let Some(file) = &options.contexts else {
        let context = options.context.as_deref().map_or_else(|| Ok(Context::default()), serde_json::from_str);
        return Ok(Box::new(std::iter::once(context.context("--context cannot be read"))));
    };
    let source = name(file);
    let lines = BufReader::new(open(file)?).lines().enumerate();
    let filled = lines.filter(|(_, line)| !line.as_ref().is_ok_and(|text| text.trim().is_empty()));
    Ok(Box::new(filled.map(move |(index, line)| {
        let context = line.map_err(anyhow::Error::from).and_then(|text| Ok(serde_json::from_str(&text)?));
        context.with_context(|| format!("line {} of {source} cannot be read", index + 1))
    })))
}

fn is_input(file: &Path) -> bool {
    file.as_os_str() == "-"
}

fn name(file: &Path) -> String {
    if is_input(file) { "standard input".to_owned() } else { file.display().to_string() }
}

fn open(file: &Path) -> anyhow::Result<Box<dyn Read>> {
    if is_input(file) {
        return Ok(Box::new(std::io::stdin()));
    }
    let opened = File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(Box::new(opened))
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    let mut within_limit = open(file)?.take(DOCUMENT_BYTES_MAX as u64 + 1);
    within_limit.read_to_end(&mut body).with_context(|| format!("{} cannot be read", name(file)))?;
    Ok(body)
}

/// Where a server has its client-features document. SDKs are given its URL with `/api`, so that is taken as well.
fn features_url(server: &str) -> anyhow::Result<Url> {
    let base = server.trim_end_matches('/').trim_end_matches("/api");
    let url = Url::parse(&format!("{base}/api/client/features")).context("--url is not a URL")?;
    ensure!(matches!(url.scheme(), "http" | "https"), "--url is neither http nor https");
    Ok(url)
}

fn url_without_secrets(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

async fn fetch(url: Url, token: &str) -> anyhow::Result<Vec<u8>> {
    let mut authorization = HeaderValue::from_str(token).ok().context("the token has characters that no token has")?;
    authorization.set_sensitive(true);
    let request = outbound::client()?
        .get(url)
        .header(AUTHORIZATION, authorization)
        .header("Unleash-Client-Spec", CLIENT_SPECIFICATION);
    let mut response = request.send().await.map_err(reqwest::Error::without_url)?;
    ensure!(response.status().is_success(), "the server answers {}", response.status());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
        ensure!(body.len() + chunk.len() <= DOCUMENT_BYTES_MAX, "it is longer than {DOCUMENT_BYTES_MAX} bytes");
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
