//! What an attacker tries: guessed passwords, other people's sessions, other sites, secrets that leak.

mod headers;
mod log_in;
mod process;
mod queries;
mod secrets;
mod sessions;
