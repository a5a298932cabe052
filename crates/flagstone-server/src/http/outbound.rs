//! The client for what Flagstone itself asks of other servers; what users have it ask goes through `guarded`.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use anyhow::Context;
use rustls::{ClientConfig, RootCertStore};

/// How long another server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may be silent.
const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// The certificates that the system trusts, read once: there are hundreds of them.
static ROOTS: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Arc::new(roots)
});

/// A client that trusts the certificates that the system trusts. Where the system has none, as in a bare container,
/// it still speaks HTTP.
pub fn client() -> anyhow::Result<reqwest::Client> {
    builder()?.build().context("HTTP cannot be set up")
}

/// What clients have in common.
pub(super) fn builder() -> anyhow::Result<reqwest::ClientBuilder> {
    // The provider that connections to PostgreSQL use as well.
    let mut tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .context("TLS cannot be set up")?
        .with_root_certificates(Arc::clone(&ROOTS))
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("flagstone/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT))
}
