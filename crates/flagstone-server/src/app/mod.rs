//! The application, and the doors to its state: `view`, `commit` and, for what anybody may see, `public`.

mod activity;
pub mod caller;
pub mod jobs;
mod lives;
mod loading;
pub mod mail;
mod news;
mod nonces;
pub mod outbox;
pub(crate) mod passwords;
mod past;
pub mod preconditions;
mod rate_limit;
mod recent;
pub mod sessions;
mod snapshot;
mod transfer;
mod usage;
mod view;
mod writer;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use flagstone_model::commands::installation::{EnsureGivenToken, FirstStart, SetMaintenance, Start};
use flagstone_model::commands::{Operation, run};
use flagstone_model::commit::{Actor, Commit};
use flagstone_model::environments::Environment;
use flagstone_model::features::Feature;
use flagstone_model::permissions::allowed;
use flagstone_model::settings::is_in_maintenance;
use flagstone_model::users::by_login;
use flagstone_model::{Document, Draft, Error, Limits, Need, State, Surroundings, Timestamp};
use flagstone_store::{EventCreator, EventPage, EventQuery, Hold, SessionHash, Store};
use tokio::sync::{broadcast, oneshot, watch};
use utoipa::ToSchema;

use crate::delivery::{DeliverySettings, Places};
use crate::http::Body;
use crate::http::error::{Failure, OUTDATED};
use crate::http::guarded::Guarded;
use crate::http::metrics::Metrics;
use crate::http::schemas::Schemas;
use crate::options::ServeOptions;
use crate::system::clock::Clock;
use crate::system::entropy::OsEntropy;
use crate::system::tasks::keep_running;
use crate::telemetry::Telemetry;
use activity::Activity;
use caller::Caller;
use mail::Mailer;
pub use news::{Change, News};
use nonces::Nonces;
use outbox::Telling;
use passwords::Passwords;
use past::Past;
use rate_limit::RateLimit;
use sessions::Prolonged;
pub use snapshot::Snapshot;
pub use usage::SeenApplication;
pub use view::View;
use writer::{Outcome, Writer};

/// How often a rule runs again because other nodes were faster, before the caller is told. Nodes take turns, so more
/// than a few are a sign of trouble.
const ATTEMPTS_MAX: usize = 50;
/// How long a request waits for this node to have what another node has written.
const REACH_MAX: Duration = Duration::from_secs(2);
/// How many log-ins, the newest, tell from where people log in.
const LOGINS_LEARNT_MAX: u32 = 1_000;
/// What whoever changes something is told in maintenance mode.
const MAINTENANCE: &str =
    "The installation is in maintenance mode: nothing can be changed for now. Flags are delivered all the same.";
/// How many ends of sessions somebody may not have heard of yet, before they have to ask.
const ENDED_BEHIND_MAX: usize = 64;
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
    reset_mails: RateLimit,
    sign_ups: RateLimit,
    trials: RateLimit,
    mailer: Option<Mailer>,
    prolonged: Prolonged,
    nonces: Nonces,
    activity: Activity,
    metrics: Metrics,
    delivery: DeliverySettings,
    places: Arc<Places>,
    ended: broadcast::Sender<SessionHash>,
    outgoing: Guarded,
    telling: Telling,
    past: Past,
}

/// What a commit answers: the rule's value and the snapshot that holds what it did.
pub struct Committed<T> {
    /// What the rule returned.
    pub value: T,
    /// A state that holds the commit.
    pub snapshot: Arc<Snapshot>,
}

/// One run of a rule.
struct Attempt<T> {
    /// What the rule says. It counts once `stored` says that all is on disk.
    answer: Result<T, Failure>,
    /// The last commit that the rule has seen.
    seen: u64,
    /// Whether something is deleted whose name another may take.
    frees_names: bool,
    /// Tells what became of everything that the rule has seen or made. None where all of it is on disk.
    stored: Option<oneshot::Receiver<Outcome>>,
}

/// What is known of features and environments goes by their names; ids of other things are never given out twice.
fn deletes_by_name(commit: &Commit) -> bool {
    let mut deleted = commit.body.changes.iter().filter(|change| change.body.is_none());
    deleted.any(|change| matches!(change.kind.as_str(), Feature::KIND | Environment::KIND))
}

/// What a caller is told whom a door or a rule refuses.
fn refusal(caller: &Caller, error: Error) -> Failure {
    match error {
        Error::Unauthenticated if caller.sent_credentials => Failure::BadCredentials,
        // A client or frontend token is of the wrong type for every admin operation.
        error => Failure::Refused(error),
    }
}

impl App {
    /// Loads the state from `store` and gets it going: the first start, the tokens from the environment, the jobs. The
    /// schemas may still be in the making.
    pub async fn start(
        options: ServeOptions,
        store: Arc<Store>,
        clock: Clock,
        schemas: impl Future<Output = anyhow::Result<Schemas>>,
    ) -> anyhow::Result<Self> {
        // In a box: it is large, and whoever starts a node has it in a future.
        Box::pin(Self::begin(options, store, clock, schemas)).await
    }

    async fn begin(
        options: ServeOptions,
        store: Arc<Store>,
        clock: Clock,
        schemas: impl Future<Output = anyhow::Result<Schemas>>,
    ) -> anyhow::Result<Self> {
        let given_tokens = options.given_tokens()?;
        let (delivery, outgoing) = (options.delivery(), Guarded::new(options.integrations.outgoing())?);
        let mailer = Mailer::of(&options.people.mail, &options.public_url)?;
        let (state, past, telemetry) =
            tokio::join!(loading::state(&store), store.last_commits(PAST), Telemetry::load(&store),);
        let (state, telemetry) = (state?, telemetry?);
        let past = past.unwrap_or_else(|error| {
            tracing::warn!(%error, "the last commits cannot be read; clients that were connected get everything anew");
            Vec::new()
        });
        let writer = Arc::new(Writer::new(Arc::clone(&store), state, &past));
        let (storing, following) = (Arc::clone(&writer), Arc::clone(&writer));
        keep_running("store commits", move || Arc::clone(&storing).store_commits());
        keep_running("follow the log", move || Arc::clone(&following).follow());
        let schemas = schemas.await?;
        let app = Self(Arc::new(Inner {
            limits: options.limits(),
            logins: RateLimit::per_minute(options.login_limit_per_minute),
            reset_mails: RateLimit::per_minute(options.people.password_reset_limit_per_minute),
            sign_ups: RateLimit::per_minute(options.people.create_user_rate_limit_per_minute),
            trials: RateLimit::per_minute(outbox::TRIALS_PER_MINUTE),
            mailer,
            options,
            clock,
            store,
            writer,
            schemas,
            telemetry,
            passwords: Passwords::new(),
            prolonged: Prolonged::default(),
            nonces: Nonces::default(),
            activity: Activity::default(),
            metrics: Metrics::new(),
            places: Places::new(&delivery.streams),
            ended: broadcast::channel(ENDED_BEHIND_MAX).0,
            delivery,
            outgoing,
            telling: Telling::default(),
            past: Past::default(),
        }));
        // Nobody has been told of anything that was read so far.
        app.0.store.sound().await?;
        app.ensure_first_start().await?;
        if !app.public().state.may_be_written() {
            tracing::warn!("{OUTDATED}");
            return Ok(app);
        }
        for token in given_tokens {
            app.commit_as_system::<EnsureGivenToken>(token).await?;
        }
        app.import_file().await?;
        Ok(app)
    }

    async fn ensure_first_start(&self) -> anyhow::Result<()> {
        if self.public().state.seq > 0 {
            return Ok(());
        }
        let (password, generated) = match &self.0.options.admin_password {
            Some(password) => (password.clone(), false),
            None => (crate::system::entropy::hex::<12>(), true),
        };
        let hash = self.0.passwords.hash(password.clone()).await?;
        let username = self.0.options.admin_username.clone();
        let input = FirstStart {
            admin_username: username.clone(),
            admin_password_hash: hash,
            has_generated_password: generated,
        };
        let made = self.commit_as_system::<Start>(input).await?;
        if made && generated {
            // Printed, not logged: a password does not belong in a log.
            println!(
                "\nFirst start: log in as {username} with the password {password}\nIt is shown this once; change it after you have logged in.\n"
            );
        }
        Ok(())
    }

    /// Reads: what `caller` may see of the head, if they have what it `need`s there.
    ///
    /// There is no other way to the state for a caller's sake:
    /// ```compile_fail
    /// # fn t3_no_state_without_a_caller(app: flagstone_server::App) {
    /// let snapshot = app.view(flagstone_model::Need::login());
    /// # }
    /// ```
    pub fn view(&self, caller: &Caller, need: &Need) -> Result<View, Failure> {
        let snapshot = self.0.writer.head();
        self.admit(&snapshot.state, caller, need)?;
        let hidden = snapshot.state.hidden_from(&caller.principal, self.now());
        Ok(View::of(snapshot, hidden))
    }

    /// The audit events that `view` shows.
    pub async fn events(&self, view: &View, query: EventQuery) -> Result<EventPage, Failure> {
        Ok(self.0.store.events(&view.narrow(query)).await?)
    }

    /// Everybody who has ever done something.
    pub async fn event_creators(&self, _: &View) -> Result<Vec<EventCreator>, Failure> {
        Ok(self.0.store.event_creators().await?)
    }

    /// Reads without asking who: only what anybody may see, and what decides who somebody is. grep finds every use.
    pub fn public(&self) -> Arc<Snapshot> {
        self.0.writer.head()
    }

    /// Writes what a body asks for: does operation `O` to `target` on the newest state, if `caller` may there, and
    /// answers when everything that the operation has seen and done is on disk.
    pub async fn commit<O: Operation>(
        &self,
        caller: &Caller,
        target: O::Target,
        body: Body<O::Input>,
    ) -> Result<Committed<O::Output>, Failure>
    where
        O::Input: ToSchema,
    {
        // Admitted on the head, parsed outside the writer's lock, and admitted again on the state that is changed.
        let head = self.0.writer.head();
        self.admit(&head.state, caller, &O::need(&target, &head.state))?;
        let input = body.parse(&self.0.schemas)?;
        self.commit_input::<O>(caller, target, input).await
    }

    /// The same with an input that is no body as it came.
    pub async fn commit_input<O: Operation>(
        &self,
        caller: &Caller,
        target: O::Target,
        input: O::Input,
    ) -> Result<Committed<O::Output>, Failure> {
        self.commit_under::<O>(None, caller, target, input).await
    }

    /// The same under a lease: nothing is stored once it has passed on.
    async fn commit_under<O: Operation>(
        &self,
        hold: Option<&Hold>,
        caller: &Caller,
        target: O::Target,
        input: O::Input,
    ) -> Result<Committed<O::Output>, Failure> {
        for _ in 0..ATTEMPTS_MAX {
            if !self.0.writer.has_room() {
                return Err(Failure::Unavailable("Too many changes wait to be stored; try again later."));
            }
            if let Some(hold) = hold
                && !self.0.store.is_held(&hold.name, hold.fence).await?
            {
                return Err(Failure::Unavailable("Another node has taken this job over."));
            }
            let attempt = self.attempt(hold, caller, &mut |draft| {
                if !draft.may_be_written() {
                    return Err(Failure::Unavailable(OUTDATED));
                }
                let is_closed =
                    is_in_maintenance(draft) && O::NAME != SetMaintenance::NAME && caller.actor != Actor::system();
                preconditions::check::<O>(draft, caller, &target)?;
                let answer = run::<O>(draft, &target, input.clone()).map_err(|error| refusal(caller, error))?;
                if is_closed && draft.has_changes() { Err(Failure::Unavailable(MAINTENANCE)) } else { Ok(answer) }
            });
            let outcome = match attempt.stored {
                // Another node may have written since what was seen, so that "nothing to do" is not true any more.
                None => match self.0.writer.is_the_end(attempt.seen).await {
                    Ok(false) => match self.catch_up_with(attempt.seen + 1).await {
                        Ok(()) => Outcome::Again,
                        Err(failure) => return Err(failure),
                    },
                    // A refusal stands while the database is away; that nothing was to be done cannot be said.
                    Err(error) if attempt.answer.is_ok() => Outcome::Failed(error),
                    Ok(true) | Err(_) => Outcome::Stored(self.0.writer.head()),
                },
                Some(stored) => stored.await.map_err(|_| Failure::Unavailable("The server is stopping; try again."))?,
            };
            match outcome {
                Outcome::Stored(snapshot) => {
                    if attempt.frees_names {
                        self.forget_gone().await;
                    }
                    return attempt.answer.map(|value| Committed { value, snapshot });
                }
                Outcome::Again => {}
                Outcome::Failed(error) => return Err(error.into()),
            }
        }
        Err(Failure::Unavailable("Too many others are writing at the same time; try again."))
    }

    /// A draft of `state`, by the caller, now.
    fn draft<'a>(&'a self, state: &State, caller: &'a Caller, entropy: &'a mut OsEntropy) -> Draft<'a> {
        let actor = caller.actor.clone();
        let (principal, now, limits) = (&caller.principal, self.now(), &self.0.limits);
        Draft::new(state, Surroundings { principal, actor, now, limits, entropy })
    }

    /// One run of a rule on the tip.
    fn attempt<T>(
        &self,
        hold: Option<&Hold>,
        caller: &Caller,
        rule: &mut dyn FnMut(&mut Draft<'_>) -> Result<T, Failure>,
    ) -> Attempt<T> {
        let (mut seen, mut frees_names) = (0, false);
        let (answer, stored) = self.0.writer.run(hold, |tip| {
            seen = tip.seq;
            let entropy = &mut OsEntropy;
            let mut draft = self.draft(tip, caller, entropy);
            let answer = rule(&mut draft);
            let made = if answer.is_ok() { draft.finish() } else { None };
            match made {
                Some((commit, _)) if commit.bytes() > self.0.limits.commit_bytes => {
                    (Err(Failure::ChangeTooLarge(self.0.limits.commit_bytes)), None)
                }
                made => {
                    frees_names = made.as_ref().is_some_and(|(commit, _)| deletes_by_name(commit));
                    (answer, made)
                }
            }
        });
        Attempt { answer, seen, frees_names, stored }
    }

    /// A commit of the server itself: first start, tokens from the environment.
    async fn commit_as_system<O: Operation<Target = ()>>(&self, input: O::Input) -> anyhow::Result<O::Output> {
        let committed = self.commit_input::<O>(&Caller::system(), (), input).await;
        committed.map(|c| c.value).map_err(Failure::in_words)
    }

    fn admit(&self, state: &State, caller: &Caller, need: &Need) -> Result<(), Failure> {
        allowed(state, &caller.principal, need, self.now()).map_err(|error| refusal(caller, error))
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
        if self.0.writer.head().state.seq >= seq || !self.0.store.is_shared() {
            return Ok(());
        }
        // In a box, so that the others, nearly all, need no room for it.
        match Box::pin(tokio::time::timeout(REACH_MAX, self.0.writer.catch_up())).await {
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

    /// How much of everything there may be.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Failure> {
        Ok(self.0.store.ping().await?)
    }

    /// The durable things besides the state: events, sessions, usage. For this room alone: what callers may see of them
    /// goes through a view.
    fn store(&self) -> &Store {
        &self.0.store
    }

    /// The published schemas.
    pub fn schemas(&self) -> &Schemas {
        &self.0.schemas
    }

    /// Sends what users have the server send.
    pub fn outgoing(&self) -> &Guarded {
        &self.0.outgoing
    }

    /// The places for streams.
    pub fn stream_places(&self) -> &Arc<Places> {
        &self.0.places
    }

    /// What is counted and not state.
    pub fn telemetry(&self) -> &Telemetry {
        &self.0.telemetry
    }

    /// Makes and checks password hashes.
    pub fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }

    /// How often somebody may try to log in.
    pub fn logins(&self) -> &RateLimit {
        &self.0.logins
    }

    /// What signed requests have used up.
    pub fn nonces(&self) -> &Nonces {
        &self.0.nonces
    }

    /// Sessions in use.
    pub fn prolonged(&self) -> &Prolonged {
        &self.0.prolonged
    }

    /// What operators watch.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Told of every new revision.
    pub fn revisions(&self) -> watch::Receiver<u64> {
        self.0.writer.revisions()
    }

    /// Writes what is counted in memory, and how long sessions last, to the store.
    pub async fn flush_telemetry(&self) -> Result<(), Failure> {
        self.0.telemetry.flush(&self.0.store).await?;
        self.0.prolonged.write(&self.0.store).await?;
        Ok(())
    }

    /// Learns from where people have logged in before, here or on other nodes.
    pub async fn learn_logins(&self) -> Result<(), Failure> {
        let logins = self.0.store.logins_successful(LOGINS_LEARNT_MAX).await?;
        let head = self.0.writer.head();
        let mut met = HashSet::new();
        for login in logins.into_iter().filter(|login| met.insert((login.username.clone(), login.ip.clone()))) {
            let address = login.ip.and_then(|ip| ip.parse().ok());
            if let (Some(user), Some(address)) = (by_login(&head.state, &login.username), address) {
                self.0.logins.learn(user.id, address);
            }
        }
        Ok(())
    }

    /// Ends this instance: flushes what is counted and closes the store.
    pub async fn stop(&self) {
        if self.flush_telemetry().await.is_err() {
            tracing::error!("usage metrics of the last seconds could not be written");
        }
        self.0.telling.stop().await;
        self.0.store.close().await;
    }
}
