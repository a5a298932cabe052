//! What is counted and not state, as far as a view shows it, and the changes to it that people make.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use flagstone_model::{Error, Timestamp};
use flagstone_store::{
    ActivityOf, AppUsage, Application, Connections, Instance, TelemetryBatch, UnknownFlag, UsageRow,
};

use super::{App, View};
use crate::http::error::Failure;

/// How long a read waits for the newest counts.
const FRESHEN_MAX: Duration = Duration::from_secs(1);

/// An application, and where it is used as far as a view shows.
pub struct SeenApplication {
    /// The application.
    pub application: Application,
    /// By project, or `*`: the environments, or `*`.
    pub used_in: BTreeMap<String, BTreeSet<String>>,
}

/// Where applications are used, as far as a view shows, and which of them it hides.
struct Places {
    seen: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
    hidden: BTreeSet<String>,
}

impl Places {
    fn of(view: &View, used: Vec<AppUsage>) -> Self {
        let mut places = Self { seen: BTreeMap::new(), hidden: BTreeSet::new() };
        for AppUsage { app_name, project, environment } in used {
            if project == "*" || view.projects.contains(&project) {
                places.seen.entry(app_name).or_default().entry(project).or_default().insert(environment);
            } else if view.hides(&project) {
                places.hidden.insert(app_name);
            }
        }
        // One that is used in what everybody sees as well is no secret.
        places.hidden.retain(|name| !places.seen.contains_key(name));
        places
    }

    fn show(&mut self, application: Application) -> Option<SeenApplication> {
        let used_in = self.seen.remove(&application.app_name).unwrap_or_default();
        (!self.hidden.contains(&application.app_name)).then_some(SeenApplication { application, used_in })
    }
}

impl App {
    /// Lets a read have the newest counts, if they can be written soon. A read fails with no write; nor does it take
    /// the write with it when its client hangs up.
    pub async fn freshen_telemetry(&self) {
        let app = self.clone();
        let flush = tokio::spawn(async move { app.flush_telemetry().await });
        if !matches!(tokio::time::timeout(FRESHEN_MAX, flush).await, Ok(Ok(Ok(())))) {
            tracing::debug!("the newest counts are not in this answer");
        }
    }

    /// Forgets what is known of things that were deleted, so that new ones of the same name begin afresh. What fails is
    /// tried again by the clock. In a task of its own: a client that hangs up cannot tear it.
    pub async fn forget_gone(&self) {
        let app = self.clone();
        let forget = tokio::spawn(async move {
            let gone = app.telemetry().gone(&app.0.writer.head().state);
            app.telemetry().forget(&gone, &app.0.store).await
        });
        if let Ok(Err(error)) = forget.await {
            tracing::warn!(%error, "what is known of deleted things is forgotten later");
        }
    }

    /// How a feature that `view` shows was used since `from`, hour by hour; nothing where there is no such feature. What
    /// was counted before it was created was another one of its name.
    pub async fn usage(&self, view: &View, feature: &str, from: Timestamp) -> Result<Vec<UsageRow>, Failure> {
        let Some(feature) = view.features.get(feature) else { return Ok(Vec::new()) };
        self.freshen_telemetry().await;
        Ok(self.0.store.usage(&feature.name, from.max(feature.created_at.hour())).await?)
    }

    /// The applications that `view` shows, by name: not those that are used in hidden projects alone.
    pub async fn applications(&self, view: &View) -> Result<Vec<SeenApplication>, Failure> {
        self.freshen_telemetry().await;
        let mut places = self.places(view).await?;
        let all = self.store().applications().await?;
        Ok(all.into_iter().filter_map(|application| places.show(application)).collect())
    }

    /// One of them.
    pub async fn application(&self, view: &View, name: &str) -> Result<Option<SeenApplication>, Failure> {
        self.freshen_telemetry().await;
        let Some(application) = self.store().application(name).await? else { return Ok(None) };
        Ok(self.places(view).await?.show(application))
    }

    /// The instances of an application that `view` shows.
    pub async fn instances(&self, _: &View, of: &SeenApplication) -> Result<Vec<Instance>, Failure> {
        Ok(self.store().instances(Some(&of.application.app_name), None).await?)
    }

    /// The instances of all applications that `view` shows, each with its application's places.
    pub async fn all_instances(&self, view: &View) -> Result<Vec<(SeenApplication, Vec<Instance>)>, Failure> {
        let applications = self.applications(view).await?;
        let mut by_application = BTreeMap::<String, Vec<Instance>>::new();
        for instance in self.store().instances(None, None).await? {
            by_application.entry(instance.app_name.clone()).or_default().push(instance);
        }
        let with_instances = applications.into_iter().map(|seen| {
            let instances = by_application.remove(&seen.application.app_name).unwrap_or_default();
            (seen, instances)
        });
        Ok(with_instances.collect())
    }

    /// The names of the features of `view` that an application has evaluated.
    pub async fn features_of_application(&self, view: &View, of: &SeenApplication) -> Result<Vec<String>, Failure> {
        let mut names = self.store().features_of_application(&of.application.app_name).await?;
        names.retain(|name| view.features.contains(name));
        Ok(names)
    }

    /// What applications that `view` shows have asked for though there is no such feature, hidden ones included.
    pub async fn unknown_flags(&self, view: &View) -> Result<Vec<UnknownFlag>, Failure> {
        self.freshen_telemetry().await;
        self.unknown_flags_so_far(view).await
    }

    /// The same without what the last seconds have brought, which takes a write to know.
    pub async fn unknown_flags_so_far(&self, view: &View) -> Result<Vec<UnknownFlag>, Failure> {
        let hidden = self.hidden_applications(view).await?;
        let mut flags = self.store().unknown_flags().await?;
        flags.retain(|flag| !hidden.contains(&flag.app_name) && !view.whole().features.contains(&flag.name));
        Ok(flags)
    }

    /// Of each application that `view` shows, what was seen since then, environment by environment; not of the last
    /// seconds, which takes a write to know.
    pub async fn connections(&self, view: &View, since: Timestamp) -> Result<Vec<Connections>, Failure> {
        let hidden = self.hidden_applications(view).await?;
        let mut connections = self.store().connections(since).await?;
        connections.retain(|one| !hidden.contains(&one.app_name));
        Ok(connections)
    }

    /// Stores what somebody says of an application; what they leave out stays. An application of this name that `view`
    /// hides is left alone.
    pub async fn save_application(&self, view: &View, application: Application) -> Result<(), Failure> {
        self.freshen_telemetry().await;
        let name = application.app_name.clone();
        if self.places(view).await?.hidden.contains(&name) {
            return Err(
                Error::Conflict("An application of this name is used where you may not look.".to_owned()).into()
            );
        }
        // So that it is listed, it is somewhere: everywhere.
        let everywhere = AppUsage { app_name: name, project: "*".to_owned(), environment: "*".to_owned() };
        let batch = TelemetryBatch {
            applications: vec![application],
            app_usage: vec![everywhere],
            ..TelemetryBatch::default()
        };
        Ok(self.store().flush(&batch).await?)
    }

    /// Forgets an application until its SDKs introduce themselves again. Does nothing if there is none, or `view` hides
    /// it.
    pub async fn delete_application(&self, view: &View, name: &str) -> Result<(), Failure> {
        // What waits to be written would bring it back.
        self.freshen_telemetry().await;
        if !self.places(view).await?.hidden.contains(name) {
            self.store().application_delete(name).await?;
        }
        Ok(())
    }

    /// How many events of a project that `view` shows there were on each day since then: days of UTC, counted from 1970.
    pub async fn activity(&self, view: &View, project: &str, since: Timestamp) -> Result<BTreeMap<i64, u64>, Failure> {
        if !view.projects.contains(&project.to_owned()) {
            return Ok(BTreeMap::new());
        }
        let head = self.0.writer.head().state.last_event_id;
        Ok(self.0.activity.of(self.store(), head, project, since).await?)
    }

    /// The same of an environment; nothing if `view` hides any project, because such a count would tell of it.
    pub async fn activity_of_environment(
        &self,
        view: &View,
        environment: &str,
        since: Timestamp,
    ) -> Result<Option<BTreeMap<i64, u64>>, Failure> {
        if view.hides_something() {
            return Ok(None);
        }
        Ok(Some(self.store().activity(ActivityOf::Environment(environment), since, view.last_event_id).await?))
    }

    /// How many rows of usage there are of those hours, and how many of variants; nothing if `view` hides any project.
    pub async fn usage_rows(&self, view: &View, hours: Range<Timestamp>) -> Result<Option<(u64, u64)>, Failure> {
        if view.hides_something() {
            return Ok(None);
        }
        self.freshen_telemetry().await;
        Ok(Some(self.store().usage_rows(hours).await?))
    }

    /// The applications that are used in what `view` hides, and nowhere else.
    async fn hidden_applications(&self, view: &View) -> Result<BTreeSet<String>, Failure> {
        if view.hides_something() { Ok(self.places(view).await?.hidden) } else { Ok(BTreeSet::new()) }
    }

    async fn places(&self, view: &View) -> Result<Places, Failure> {
        Ok(Places::of(view, self.store().app_usage().await?))
    }
}
