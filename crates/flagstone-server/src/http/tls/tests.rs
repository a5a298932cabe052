//! Connections that are encrypted, and certificates that change.

use std::fs;
use std::path::Path;

use axum::Router;
use axum::http::{StatusCode, Version};
use axum::routing::get;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::super::serve::{Listeners, serve};
use super::*;

/// Writes a new certificate and its key.
fn write(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    for (name, text) in [("key.pem", made.signing_key.serialize_pem()), ("cert.pem", made.cert.pem())] {
        fs::write(folder.join("new"), text).unwrap();
        fs::rename(folder.join("new"), folder.join(name)).unwrap();
    }
    made.cert.der().clone()
}

/// Serves with what is in the folder until the test ends; the port for TLS, and the plain one.
async fn serving(folder: &Path) -> (u16, u16) {
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let tls = Tls::looking_every(Duration::from_millis(5), certificate, key).unwrap();
    let bind = || TcpListener::bind(("127.0.0.1", 0));
    let listeners = Listeners::new(bind().await.unwrap(), Some((bind().await.unwrap(), tls)));
    let ports = (listeners.encrypted_address().unwrap().port(), listeners.address().unwrap().port());
    let router = Router::new().route("/health", get(|| async { "well" }));
    tokio::spawn(serve(listeners, router, std::future::pending(), Duration::ZERO));
    ports
}

/// A client that trusts just this certificate.
fn trusting(certificate: &CertificateDer<'static>) -> reqwest::ClientBuilder {
    speaking(&["h2", "http/1.1"], certificate)
}

/// The same with these protocols alone.
fn speaking(protocols: &[&str], certificate: &CertificateDer<'static>) -> reqwest::ClientBuilder {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    reqwest::Client::builder().tls_backend_preconfigured(config).pool_max_idle_per_host(0)
}

async fn version(client: reqwest::ClientBuilder, url: &str) -> Option<Version> {
    let answer = client.build().unwrap().get(url).send().await.ok()?;
    let (status, version) = (answer.status(), answer.version());
    assert_eq!((status, answer.text().await.unwrap().as_str()), (StatusCode::OK, "well"));
    Some(version)
}

#[tokio::test]
async fn both_protocols_are_spoken_and_only_to_those_who_trust_the_certificate() {
    let [folder, elsewhere] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (certificate, other) = (write(folder.path()), write(elsewhere.path()));
    let (port, plain) = serving(folder.path()).await;
    let url = format!("https://localhost:{port}/health");
    assert_eq!(version(trusting(&certificate), &url).await, Some(Version::HTTP_2));
    // Also where nothing is agreed on.
    for protocols in [&["http/1.1"][..], &[]] {
        let client = speaking(protocols, &certificate).http1_only();
        assert_eq!(version(client, &url).await, Some(Version::HTTP_11), "{protocols:?}");
    }
    assert_eq!(version(trusting(&other), &url).await, None);
    assert_eq!(
        version(trusting(&certificate), &format!("http://localhost:{port}/health")).await,
        None,
        "not encrypted"
    );
    let of_plain = version(trusting(&certificate), &format!("http://127.0.0.1:{plain}/health")).await;
    assert_eq!(of_plain, Some(Version::HTTP_11), "the plain port stays what it was");
}

#[tokio::test]
async fn a_new_certificate_is_used_without_a_restart_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let first = write(folder.path());
    let (port, _) = serving(folder.path()).await;
    let url = format!("https://localhost:{port}/health");
    assert!(version(trusting(&first), &url).await.is_some());
    let second = write(folder.path());
    let becomes = async |certificate: &CertificateDer<'static>| {
        let comes = async { while version(trusting(certificate), &url).await.is_none() {} };
        tokio::time::timeout(Duration::from_secs(30), comes).await.unwrap();
    };
    becomes(&second).await;
    assert_eq!(version(trusting(&first), &url).await, None, "the first one is gone");
    // One that is not the key's.
    let tls_files = Files { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
    fs::write(&tls_files.certificate, rcgen::generate_simple_self_signed(["x".to_owned()]).unwrap().cert.pem())
        .unwrap();
    assert!(tls_files.read().is_err());
    for _ in 0..20 {
        assert!(version(trusting(&second), &url).await.is_some(), "what cannot be used takes nothing away");
    }
    let third = write(folder.path());
    becomes(&third).await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_begin_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let (port, _) = serving(folder.path()).await;
    for says in [&b""[..], b"\x16\x03\x01"] {
        let began = tokio::time::Instant::now();
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(says).await.unwrap();
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap_or(0), 0);
        let waited = began.elapsed();
        assert!(waited >= Duration::from_secs(4) && waited < Duration::from_secs(7), "{waited:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_used_is_said_at_start_and_not_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let [certificate, key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
    let check = |certificate: &Path, key: &Path, expect: &str| {
        let error = format!("{:#}", Tls::start(certificate.to_owned(), key.to_owned()).err().unwrap());
        assert!(error.contains(expect) && !error.contains("BEGIN"), "{error}");
    };
    check(&key, &key, "holds no certificate");
    check(&certificate, &certificate, "holds no private key");
    check(&certificate, &folder.path().join("nothing"), "holds no private key");
    let other = rcgen::generate_simple_self_signed(["x".to_owned()]).unwrap().signing_key.serialize_pem();
    fs::write(folder.path().join("other.pem"), other).unwrap();
    check(&certificate, &folder.path().join("other.pem"), "is not the key of");
}
