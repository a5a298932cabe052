//! Options of TLS of one's own, under Unleash Edge's names.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;

use super::flag;
use crate::http::tls::Tls;

/// Whether and how to speak TLS, beside the plain port.
#[derive(Args, Clone, Debug)]
pub struct TlsOptions {
    /// Speaks TLS as well, on a port of its own
    #[arg(long, env = "TLS_ENABLE", value_parser = flag, default_value = "false", num_args = 0..=1, default_missing_value = "true")]
    pub tls_enable: bool,
    /// The file with the private key, in PEM; read again when it changes or at SIGHUP
    #[arg(long, env = "TLS_SERVER_KEY")]
    pub tls_server_key: Option<PathBuf>,
    /// The file with the certificate and those that lead to a trusted one, in PEM; read again as the key is
    #[arg(long, env = "TLS_SERVER_CERT")]
    pub tls_server_cert: Option<PathBuf>,
    /// The port to speak TLS on; 3043 for an edge and 4243 for a server if omitted
    #[arg(long, env = "TLS_SERVER_PORT")]
    pub tls_server_port: Option<u16>,
}

impl TlsOptions {
    /// What to encrypt with, if that is wanted.
    pub fn start(&self) -> anyhow::Result<Option<Arc<Tls>>> {
        if !self.tls_enable {
            return Ok(None);
        }
        let certificate = self.tls_server_cert.clone().context("TLS_ENABLE asks for TLS_SERVER_CERT")?;
        let key = self.tls_server_key.clone().context("TLS_ENABLE asks for TLS_SERVER_KEY")?;
        Tls::start(certificate, key).map(Some)
    }
}
