//! TLS of one's own: a certificate and its key, read again when they change.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::system::reload::Reload;
use crate::system::tasks::keep_running;

/// How often to look whether the files have changed.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// HTTP/2 as ALPN names it (RFC 7301).
const H2: &[u8] = b"h2";

/// What connections are encrypted with.
pub struct Tls {
    files: Files,
    config: ArcSwap<ServerConfig>,
}

/// PEM files.
struct Files {
    /// The certificate and those that lead from it to a trusted one.
    certificate: PathBuf,
    key: PathBuf,
}

impl Tls {
    /// Reads the files, and reads them again when they change or at SIGHUP; what cannot be used then is said, and what was
    /// read before is used on.
    pub fn start(certificate: PathBuf, key: PathBuf) -> anyhow::Result<Arc<Self>> {
        Self::looking_every(LOOK_EVERY, certificate, key)
    }

    /// The same at another pace.
    pub(super) fn looking_every(every: Duration, certificate: PathBuf, key: PathBuf) -> anyhow::Result<Arc<Self>> {
        // Before they are read: what is written meanwhile is a change.
        let reload = Reload::new(vec![certificate.clone(), key.clone()], Some(every))?;
        let files = Files { certificate, key };
        let config = ArcSwap::new(files.read()?);
        let tls = Arc::new(Self { files, config });
        let (of, reload) = (Arc::clone(&tls), Arc::new(tokio::sync::Mutex::new(reload)));
        keep_running("read certificates again", move || Arc::clone(&of).reload_for_ever(Arc::clone(&reload)));
        Ok(tls)
    }

    async fn reload_for_ever(self: Arc<Self>, reload: Arc<tokio::sync::Mutex<Reload>>) {
        let mut reload = reload.lock().await;
        loop {
            reload.wanted().await;
            match self.files.read() {
                Ok(config) => {
                    self.config.store(config);
                    tracing::info!("the certificate was read again");
                }
                // One of the two may have been written and the other not yet.
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::error!(error, "the certificate cannot be used; the one before is used on");
                }
            }
        }
    }

    /// Agrees with a peer on how to encrypt, and whether HTTP/2 is spoken.
    pub async fn accept(&self, stream: TcpStream) -> std::io::Result<(TlsStream<TcpStream>, bool)> {
        let stream = TlsAcceptor::from(self.config.load_full()).accept(stream).await?;
        let speaks_http2 = stream.get_ref().1.alpn_protocol() == Some(H2);
        Ok((stream, speaks_http2))
    }
}

impl Files {
    fn read(&self) -> anyhow::Result<Arc<ServerConfig>> {
        let (certificate, key) = (self.certificate.display(), self.key.display());
        let chain = CertificateDer::pem_file_iter(&self.certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let chain = chain.with_context(|| format!("{certificate} holds no certificate in PEM"))?;
        ensure!(!chain.is_empty(), "{certificate} holds no certificate in PEM");
        // What the reader says of a key may hold some of it.
        let private = PrivateKeyDer::from_pem_file(&self.key).ok();
        let private = private.with_context(|| format!("{key} holds no private key in PEM"))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .context("TLS cannot be set up")?
            .with_no_client_auth()
            .with_single_cert(chain, private)
            .with_context(|| format!("{key} is not the key of {certificate}"))?;
        config.alpn_protocols = vec![H2.to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

#[cfg(test)]
mod tests;
