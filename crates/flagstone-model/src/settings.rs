//! Settings of the installation, one document each.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A named value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// For instance `next-id:segment`.
    pub name: String,
    /// Any JSON.
    pub value: Value,
}
