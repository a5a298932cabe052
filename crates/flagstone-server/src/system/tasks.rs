//! Tasks that never end.

use std::future::Future;
use std::time::Duration;

/// Runs a task that never ends, and runs it again should it panic: without it, requests would wait for ever.
pub fn keep_running<F: Future<Output = ()> + Send + 'static>(
    name: &'static str,
    task: impl Fn() -> F + Send + Sync + 'static,
) {
    tokio::spawn(async move {
        while let Err(error) = tokio::spawn(task()).await
            && error.is_panic()
        {
            tracing::error!(task = name, "a task panicked; it runs again");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
}
