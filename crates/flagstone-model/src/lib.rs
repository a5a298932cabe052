//! What exists in Flagstone and what may happen to it. No I/O, no clock, no randomness.
//!
//! [`State`] is everything that exists at one position of the log. A rule is a function from a [`Draft`], a private
//! fork of the state, and an input to an answer or an [`Error`]. What the draft became is a [`commit::Commit`].

mod draft;
mod error;
pub mod small_map;
mod state;
mod visibility;

pub mod api_tokens;
pub mod bootstrap;
pub mod commands;
pub mod commit;
pub mod constraints;
pub mod context_fields;
pub mod environments;
pub mod favorites;
pub mod feature_types;
pub mod features;
pub mod index;
pub mod integrations;
pub mod limits;
pub mod names;
pub mod password_resets;
pub mod patches;
pub mod paths;
pub mod permissions;
pub mod projects;
pub mod sealing;
pub mod segments;
pub mod settings;
pub mod signup_links;
pub mod strategy_definitions;
pub mod strategy_types;
pub mod tags;
pub mod time;
pub mod touched;
pub mod transfer;
pub mod ui_state;
pub mod users;
pub mod versions;

pub use draft::{Draft, Entropy, NewEvent, Surroundings};
pub use error::{Error, Fault, Faults};
pub use limits::Limits;
pub use permissions::{Need, Permission, Principal};
pub use state::{Document, LoadError, State, Table};
pub use time::Timestamp;
