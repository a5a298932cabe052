//! Features that come with the installation.

use std::path::PathBuf;

use clap::Args;

/// Options of what is imported at start.
#[derive(Args, Clone, Debug)]
pub struct ImportOptions {
    /// A file to import at every start: what an export has answered
    #[arg(long, env = "IMPORT_FILE")]
    pub import_file: Option<PathBuf>,
    /// The project that its features come into
    #[arg(long, env = "IMPORT_PROJECT", default_value = "default")]
    pub import_project: String,
    /// The environment in which they become what the file says
    #[arg(long, env = "IMPORT_ENVIRONMENT", default_value = "development")]
    pub import_environment: String,
}
