//! One suite of checks over all stores, and what only one of them can do.
//!
//! PostgreSQL is reached by `FLAGSTONE_TEST_POSTGRES`; `make test` starts a scratch server and sets it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod compaction;
mod corpus;
mod deliveries;
mod erasing;
mod events;
mod fixture;
mod leases;
mod log;
mod past;
mod postgres;
mod redaction;
mod sessions;
mod sqlite;
mod tampering;
mod telemetry;

/// Makes each check a test on each store.
macro_rules! suite {
    ($($module:ident: $($check:ident)*;)*) => {
        mod on_memory { $($(#[tokio::test] async fn $check() {
            super::$module::$check(super::fixture::Fixture::memory().await).await;
        })*)* }
        mod on_sqlite { $($(#[tokio::test] async fn $check() {
            super::$module::$check(super::fixture::Fixture::sqlite().await).await;
        })*)* }
        mod on_postgres { $($(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $check() {
            super::$module::$check(super::fixture::Fixture::postgres().await).await;
        })*)* }
    };
}

suite! {
    log: an_empty_store_has_an_empty_head
        what_is_appended_is_loaded
        a_commit_that_does_not_follow_is_a_conflict
        t46_a_group_is_appended_whole_or_not_at_all
        commits_that_do_not_fit_are_refused
        the_log_is_read_on_page_by_page
        a_large_commit_and_a_large_group_fit
        pages_are_bounded_in_bytes
        a_newer_release_is_followed_and_not_written_over;
    redaction: what_is_redacted_is_gone_and_the_log_is_whole
        a_lagging_node_follows_past_a_redaction
        a_redaction_that_does_not_fit_is_refused;
    events: events_are_found_by_every_filter
        t40_text_is_found_literally
        events_come_in_pages
        far_back_everything_is_found_as_well
        only_visible_projects_are_searched
        creators_have_their_newest_name;
    compaction: a_compacted_log_is_whole_from_where_it_begins
        events_are_forgotten_and_their_numbers_never_come_back
        what_is_redacted_is_gone_from_the_base;
    erasing: a_person_is_erased;
    past: any_past_state_is_the_fold_of_the_log
        a_history_comes_in_pages
        a_time_is_a_place_in_the_log_also_when_clocks_go_back
        checkpoints_are_made_when_they_are_due;
    leases: a_lease_has_one_holder
        a_lease_that_expired_passes_on_or_is_held_on
        a_holder_that_was_frozen_moves_nothing
        a_commit_is_stored_while_its_lease_is_held;
    deliveries: events_come_after_each_other
        the_newest_deliveries_of_each_integration_are_kept;
    sessions: sessions_begin_move_and_end
        the_newest_sessions_are_kept;
    telemetry: batches_add_up
        hostile_text_does_not_break_a_batch
        old_telemetry_is_trimmed
        of_too_many_the_last_stay
        what_is_gone_is_forgotten
        a_large_batch_fits;
}
