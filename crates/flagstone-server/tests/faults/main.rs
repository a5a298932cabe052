//! What becomes of acknowledged writes, and of SDKs, when processes, disks and databases fail.
//!
//! Each test runs the binary, keeps a log of what was acknowledged that the server has no part in, and compares.
//! Names carry the number of the fault. Randomness comes from one seed, which is printed; `FLAGSTONE_SEED` sets it.
//!
//! | variable | what | default |
//! | --- | --- | --- |
//! | `FLAGSTONE_SEED` | the seed | from the clock |
//! | `FLAGSTONE_BINARY` | another binary to test, as a release build | this build's |
//! | `FLAGSTONE_F1_ROUNDS` | kills on SQLite | 50 |
//! | `FLAGSTONE_F1_PG_ROUNDS` | kills on PostgreSQL | 10 |
//! | `FLAGSTONE_F1B` | `all`: every system call instead of a sample | |
//! | `FLAGSTONE_F1C` | `1`: 420 moments of a long session instead of 25 of a short one | |
//! | `FLAGSTONE_F3_SECONDS` | how long two nodes have no database; from 60 on, times are asserted | 3 |
//! | `FLAGSTONE_F6_ROUNDS` | kills of an edge that writes its file; from 100 on, times are asserted | 8 |
//! | `FLAGSTONE_F8_SWITCHES` | switches that must reach the other node; from 200 on, within 100 ms | 20 |
//! | `FLAGSTONE_F8_EVENTS` | streamed events under partitions | 2000 |
//! | `FLAGSTONE_F9_SECONDS` | how long two nodes are written to | 5 |
//! | `FLAGSTONE_F10_SUBSCRIBERS` | how many listen; from 10000 on, as the long form wants it | 500 |
//! | `FLAGSTONE_F10_CHANGES` | how many changes they hear of | 5 |
//! | `FLAGSTONE_F12_SECONDS` | how long each load lasts; from 10 on, rates are asserted | 3 |
//! | `FLAGSTONE_F17_ROUNDS`, `FLAGSTONE_F17_PG_ROUNDS` | kills of a node that tells integrations of events | 8, 3 |
//! | `FLAGSTONE_F22_SEEDS` | how many seeds are simulated, from the first one on | 500 |
//! | `FLAGSTONE_USAGE_APPLICATIONS`, `FLAGSTONE_USAGE_FLAGS`, `FLAGSTONE_USAGE_ROUNDS` | who reports how often | 40, 200, 5 |
//! | `FLAGSTONE_T5_TOKENS` | unknown tokens at an edge; from 3000 on, times are asserted | 900 |
//! | `FLAGSTONE_TEST_POSTGRES` | the PostgreSQL server's URL; `make test` sets it | |

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::format_push_string,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::single_match_else,
    clippy::items_after_statements,
    missing_docs,
    reason = "tests"
)]

mod crowd;
mod disk;
mod edge;
mod http;
mod kill;
mod many_nodes;
mod node;
mod nodes;
mod outage;
mod outbox;
mod overload;
mod postgres;
mod power;
mod proxy;
mod queries;
mod random;
mod simulation;
mod sse;
mod stop;
mod trace;
mod usage;
mod watch;
mod workload;

/// Processes and disks are shared: two of these tests at once would measure each other.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
