//! The application, and the doors to its state: `view`, `commit` and, for what anybody may see, `public`.

use std::sync::Arc;
use std::time::Duration;

use flagstone_model::bootstrap::first_start;
use flagstone_model::permissions::allowed;
use flagstone_model::{Draft, Error, Limits, Need, State, Surroundings, Timestamp};
use flagstone_store::Store;
use serde::de::DeserializeOwned;
use tokio::sync::{oneshot, watch};
use utoipa::ToSchema;

use crate::caller::Caller;
use crate::clock::Clock;
use crate::config::ServeOptions;
use crate::delivery::streams::Streams;
use crate::entropy::OsEntropy;
use crate::error::{Failure, OUTDATED};
use crate::http::Body;
use crate::jobs;
use crate::metrics::Metrics;
use crate::passwords::Passwords;
use crate::rate_limit::RateLimit;
use crate::schemas::Schemas;
use crate::snapshot::Snapshot;
use crate::source::{DeliverySettings, FlagSource};
use crate::telemetry::Telemetry;
use crate::writer::{Outcome, Writer};

/// How often a rule runs again because other nodes were faster, before the caller is told. Nodes take turns, so more
/// than a few are a sign of trouble.
const ATTEMPTS_MAX: usize = 50;
/// How long a request waits for this node to have what another node has written.
const REACH_MAX: Duration = Duration::from_secs(2);
/// How many of the last commits are looked at when a node starts, for clients that were connected before.
const PAST: u32 = 500;

/// Everything that serves requests; clones share it.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    options: ServeOptions,
    limits: Limits,
    clock: Clock,
    store: Arc<Store>,
    writer: Arc<Writer>,
    schemas: Schemas,
    telemetry: Telemetry,
    passwords: Passwords,
    logins: RateLimit,
    metrics: Metrics,
    delivery: DeliverySettings,
    streams: Arc<Streams>,
}

/// What a commit answers: the rule's value and the snapshot that holds what it did.
pub struct Committed<T> {
    /// What the rule returned.
    pub value: T,
    /// A state that holds the commit.
    pub snapshot: Arc<Snapshot>,
}

impl App {
    /// Loads the state from `store` and gets it going: the first start, the tokens from the environment, the jobs.
    pub async fn start(options: ServeOptions, store: Store, clock: Clock, schemas: Schemas) -> anyhow::Result<Self> {
        let given_tokens = options.given_tokens()?;
        let delivery = options.delivery();
        let loaded = store.load().await?;
        let head = loaded.head;
        let mut state =
            State { seq: head.seq, last_event_id: head.last_event_id, format: head.format, ..State::default() };
        for document in loaded.documents {
            state.load(&document.kind, &document.id, Some(serde_json::from_str(&document.body)?))?;
        }
        let store = Arc::new(store);
        let past = store.last_commits(PAST).await;
        let past = past.unwrap_or_else(|error| {
            tracing::warn!(%error, "the last commits cannot be read; clients that were connected get everything anew");
            Vec::new()
        });
        let writer = Arc::new(Writer::new(Arc::clone(&store), state, &past));
        let (storing, following) = (Arc::clone(&writer), Arc::clone(&writer));
        jobs::keep_running("store commits", move || Arc::clone(&storing).store_commits());
        jobs::keep_running("follow the log", move || Arc::clone(&following).follow());
        let telemetry = Telemetry::load(&store).await?;
        let app = Self(Arc::new(Inner {
            limits: options.limits(),
            logins: RateLimit::per_minute(options.login_limit_per_minute),
            options,
            clock,
            store,
            writer,
            schemas,
            telemetry,
            passwords: Passwords::new(),
            metrics: Metrics::new(),
            streams: Streams::new(&delivery.streams),
            delivery,
        }));
        let source = FlagSource::Primary(app.clone());
        jobs::keep_running("stream changes", move || Streams::run(source.clone()));
        app.ensure_first_start().await?;
        if !app.public().state.may_be_written() {
            tracing::warn!("{OUTDATED}");
            return Ok(app);
        }
        for token in given_tokens {
            app.commit_as_system(|draft| flagstone_model::api_tokens::ensure_given(draft, &token)).await?;
        }
        Ok(app)
    }

    async fn ensure_first_start(&self) -> anyhow::Result<()> {
        if self.public().state.seq > 0 {
            return Ok(());
        }
        let (password, generated) = match &self.0.options.admin_password {
            Some(password) => (password.clone(), false),
            None => (crate::entropy::hex::<12>(), true),
        };
        let hash = self.0.passwords.hash(password.clone()).await?;
        let username = self.0.options.admin_username.clone();
        let made = self
            .commit_as_system(|draft| {
                // Another node may have been first.
                if draft.users.is_empty() {
                    first_start(draft, &username, hash.clone())?;
                    return Ok(true);
                }
                Ok(false)
            })
            .await?;
        if made && generated {
            // Printed, not logged: a password does not belong in a log.
            println!(
                "\nFirst start: log in as {username} with the password {password}\nIt is shown this once; change it after you have logged in.\n"
            );
        }
        Ok(())
    }

    /// Reads: the head, if `caller` has what it `need`s there.
    ///
    /// There is no other way to the state for a caller's sake:
    /// ```compile_fail
    /// # fn t3_no_state_without_a_caller(app: flagstone_server::App) {
    /// let snapshot = app.view(flagstone_model::Need::login());
    /// # }
    /// ```
    pub fn view(&self, caller: &Caller, need: &Need) -> Result<Arc<Snapshot>, Failure> {
        let snapshot = self.0.writer.head();
        self.admit(&snapshot.state, caller, need)?;
        Ok(snapshot)
    }

    /// Reads without asking who: only what anybody may see, and what decides who somebody is. grep finds every use.
    pub fn public(&self) -> Arc<Snapshot> {
        self.0.writer.head()
    }

    /// Writes: runs `rule` with the parsed body on the newest state, if `caller` has what it `need`s there, and
    /// answers when everything that the rule has seen and done is on disk.
    pub async fn commit<I, T>(
        &self,
        caller: &Caller,
        need: &Need,
        body: Body<I>,
        rule: impl Fn(&mut Draft<'_>, I) -> Result<T, Error> + Send,
    ) -> Result<Committed<T>, Failure>
    where
        I: DeserializeOwned + ToSchema + Clone + Send,
        T: Send,
    {
        // Admitted on the head, parsed outside the writer's lock, and admitted again on the state that the rule changes.
        self.view(caller, need)?;
        let input = body.parse(&self.0.schemas)?;
        for _ in 0..ATTEMPTS_MAX {
            if !self.0.writer.has_room() {
                return Err(Failure::Unavailable("Too many changes wait to be stored; try again later."));
            }
            let (answer, receiver) = self.attempt(caller, &mut |draft| {
                self.admit(draft, caller, need)?;
                if !draft.may_be_written() {
                    return Err(Failure::Unavailable(OUTDATED));
                }
                rule(draft, input.clone()).map_err(Failure::Refused)
            });
            let outcome = match receiver {
                None => Outcome::Stored(self.0.writer.head()),
                Some(receiver) => {
                    receiver.await.map_err(|_| Failure::Unavailable("The server is stopping; try again."))?
                }
            };
            match outcome {
                Outcome::Stored(snapshot) => return answer.map(|value| Committed { value, snapshot }),
                Outcome::Again => {}
                Outcome::Failed(error) => return Err(error.into()),
            }
        }
        Err(Failure::Unavailable("Too many others are writing at the same time; try again."))
    }

    /// One run of a rule on the tip. What it answers counts once the receiver, if there is one, says that it is on disk.
    fn attempt<T>(
        &self,
        caller: &Caller,
        rule: &mut dyn FnMut(&mut Draft<'_>) -> Result<T, Failure>,
    ) -> (Result<T, Failure>, Option<oneshot::Receiver<Outcome>>) {
        self.0.writer.run(|tip| {
            let around = Surroundings {
                principal: &caller.principal,
                actor: caller.actor.clone(),
                now: self.now(),
                limits: &self.0.limits,
                entropy: &mut OsEntropy,
            };
            let mut draft = Draft::new(tip, around);
            let answer = rule(&mut draft);
            let made = if answer.is_ok() { draft.finish() } else { None };
            match made {
                Some((commit, _)) if commit.bytes() > self.0.limits.commit_bytes => {
                    (Err(Failure::ChangeTooLarge(self.0.limits.commit_bytes)), None)
                }
                made => (answer, made),
            }
        })
    }

    /// A commit of the server itself: first start, tokens from the environment.
    async fn commit_as_system<T: Send>(
        &self,
        rule: impl Fn(&mut Draft<'_>) -> Result<T, Error> + Send + Sync,
    ) -> anyhow::Result<T> {
        let committed = self.commit(&Caller::system(), &Need::login(), Body::none(), |draft, ()| rule(draft)).await;
        committed.map(|c| c.value).map_err(|failure| match failure {
            Failure::Refused(error) => anyhow::anyhow!("{error}"),
            other => anyhow::anyhow!("{other:?}"),
        })
    }

    fn admit(&self, state: &State, caller: &Caller, need: &Need) -> Result<(), Failure> {
        allowed(state, &caller.principal, need, self.now()).map_err(|error| match error {
            Error::Unauthenticated if caller.sent_credentials => Failure::BadCredentials,
            // A client or frontend token is of the wrong type for every admin operation.
            error => Failure::Refused(error),
        })
    }

    /// Where a request that was told of revision `seq` can be served from; false if this node does not get there in time.
    pub async fn reach(&self, seq: u64) -> bool {
        let mut revisions = self.0.writer.revisions();
        let reached = revisions.wait_for(|head| *head >= seq);
        tokio::time::timeout(REACH_MAX, reached).await.is_ok_and(|r| r.is_ok())
    }

    /// Reads what other nodes have written, if `seq` is newer than the head. An error if that cannot be read now; the
    /// head may still be older, if nobody has written `seq`.
    pub async fn catch_up_with(&self, seq: u64) -> Result<(), Failure> {
        if self.0.writer.head().state.seq >= seq {
            return Ok(());
        }
        match tokio::time::timeout(REACH_MAX, self.0.writer.catch_up()).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Failure::Unavailable("This node does not have the revision that you know yet; try again.")),
        }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// What the operator chose.
    pub fn options(&self) -> &ServeOptions {
        &self.0.options
    }

    /// What the operator chose for delivery.
    pub fn delivery_settings(&self) -> &DeliverySettings {
        &self.0.delivery
    }

    /// Open streams.
    pub fn streams(&self) -> &Arc<Streams> {
        &self.0.streams
    }

    /// How much of everything there may be.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// The durable things besides the state: events, sessions, usage.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The published schemas.
    pub fn schemas(&self) -> &Schemas {
        &self.0.schemas
    }

    /// What is counted and not state.
    pub fn telemetry(&self) -> &Telemetry {
        &self.0.telemetry
    }

    /// Makes and checks password hashes.
    pub fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }

    /// How often an address may try to log in.
    pub fn logins(&self) -> &RateLimit {
        &self.0.logins
    }

    /// What operators watch.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Told of every new revision.
    pub fn revisions(&self) -> watch::Receiver<u64> {
        self.0.writer.revisions()
    }

    /// Writes what is counted in memory to the store.
    pub async fn flush_telemetry(&self) -> Result<(), Failure> {
        self.0.telemetry.flush(&self.0.store).await.map_err(Failure::from)
    }

    /// Ends this instance: flushes what is counted and closes the store.
    pub async fn stop(&self) {
        if self.flush_telemetry().await.is_err() {
            tracing::error!("usage metrics of the last seconds could not be written");
        }
        self.0.store.close().await;
    }
}
