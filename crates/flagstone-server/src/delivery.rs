//! What the SDKs of one environment get: features as JSON, whole answers by scope, and the compiled engine.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::body::Bytes;
use flagstone_eval::{ClientFeatures, Engine};
use flagstone_model::State;
use flagstone_model::api_tokens::ApiToken;
use flagstone_model::constraints::Constraint;
use flagstone_model::features::{Dependency, Feature, Strategy, Variant};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::entropy;

/// The most different answers that are kept for one revision.
const SCOPES_MAX: usize = 1_000;

/// What one environment's SDKs get at one revision.
pub struct Delivery {
    environment: String,
    revision: u64,
    state: State,
    features: [OnceLock<Vec<Fragment>>; 2],
    segments: OnceLock<Vec<SegmentView>>,
    engine: OnceLock<Arc<Engine>>,
    answers: Mutex<HashMap<Scope, Arc<Answer>>>,
}

/// Whether strategies carry their segments' constraints, or name the segments, which stand beside the features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Segments {
    /// In the strategies, for SDKs that do not know segments.
    Inlined,
    /// By id, from client specification 4.2.0 on.
    Named,
}

/// Which part of an environment an answer holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Only these projects; all if none is named.
    pub projects: Option<BTreeSet<String>>,
    /// Only features whose names begin with this.
    pub name_prefix: Option<String>,
    /// How segments are delivered.
    pub segments: Segments,
}

/// A whole answer of the client API.
pub struct Answer {
    /// JSON.
    pub body: Bytes,
    /// In quotes: `"<scope's hash>:<revision>:v1"`.
    pub etag: String,
}

struct Fragment {
    project: String,
    name: String,
    json: Box<str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FeatureView<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    enabled: bool,
    project: &'a str,
    stale: bool,
    strategies: Vec<StrategyView<'a>>,
    variants: &'a [Variant],
    description: Option<&'a str>,
    impression_data: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dependencies: Vec<DependencyView<'a>>,
}

#[derive(Serialize)]
struct DependencyView<'a> {
    feature: &'a str,
    enabled: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    variants: &'a [String],
}

impl<'a> DependencyView<'a> {
    fn of(dependency: &'a Dependency) -> Self {
        let Dependency { feature, enabled, variants } = dependency;
        Self { feature, enabled: *enabled, variants }
    }
}

#[derive(Serialize)]
struct StrategyView<'a> {
    name: &'a str,
    constraints: Vec<&'a Constraint>,
    parameters: &'a std::collections::BTreeMap<String, String>,
    variants: &'a [Variant],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    segments: &'a [i64],
}

#[derive(Clone, Serialize)]
struct SegmentView {
    id: i64,
    name: String,
    constraints: Vec<Constraint>,
}

impl Delivery {
    /// What `environment`'s SDKs get from `state`; nothing is computed before it is asked for.
    pub fn new(state: &State, environment: &str) -> Self {
        Self {
            environment: environment.to_owned(),
            revision: state.revision(environment),
            state: state.clone(),
            features: [OnceLock::new(), OnceLock::new()],
            segments: OnceLock::new(),
            engine: OnceLock::new(),
            answers: Mutex::default(),
        }
    }

    /// The last commit that changed what these SDKs see.
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// The answer for a scope, assembled once.
    pub fn answer(&self, scope: &Scope) -> Arc<Answer> {
        if let Some(answer) = self.answers().get(scope) {
            return Arc::clone(answer);
        }
        let answer = Arc::new(self.assemble(scope));
        let mut answers = self.answers();
        if answers.len() < SCOPES_MAX {
            answers.insert(scope.clone(), Arc::clone(&answer));
        }
        answer
    }

    fn answers(&self) -> std::sync::MutexGuard<'_, HashMap<Scope, Arc<Answer>>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One feature's JSON, if it exists in the scope.
    pub fn feature(&self, scope: &Scope, name: &str) -> Option<&str> {
        let fragments = self.fragments(scope.segments);
        let at = fragments.binary_search_by(|f| f.name.as_str().cmp(name)).ok()?;
        fragments.get(at).filter(|f| scope.holds(f)).map(|f| &*f.json)
    }

    /// The engine over all features of the environment; requests say which projects they may see.
    pub fn engine(&self) -> &Arc<Engine> {
        self.engine.get_or_init(|| {
            let all = Scope { projects: None, name_prefix: None, segments: Segments::Named };
            let (features, broken) = match serde_json::from_slice::<ClientFeatures>(&self.assemble(&all).body) {
                Ok(features) => (features, None),
                Err(error) => (ClientFeatures::default(), Some(error)),
            };
            if let Some(error) = broken {
                tracing::error!(%error, environment = self.environment, "the environment's features cannot be compiled");
            }
            let (engine, warnings) = Engine::compile(&features);
            for warning in warnings {
                tracing::warn!(?warning, environment = self.environment, "a part of a feature can never match");
            }
            Arc::new(engine)
        })
    }

    fn fragments(&self, segments: Segments) -> &[Fragment] {
        self.features[segments as usize].get_or_init(|| {
            let delivered = self.state.features.values().filter(|f| f.delivered(&self.environment).is_some());
            delivered.map(|feature| self.fragment(feature, segments)).collect()
        })
    }

    fn fragment(&self, feature: &Feature, segments: Segments) -> Fragment {
        let in_environment = &feature.environments[&self.environment];
        let active = in_environment.strategies.iter().filter(|s| !s.disabled);
        let view = FeatureView {
            name: &feature.name,
            kind: &feature.kind,
            // A feature whose strategies are all disabled is off; one without any is on for everybody.
            enabled: in_environment.enabled
                && (in_environment.strategies.is_empty() || active.clone().next().is_some()),
            project: &feature.project,
            stale: feature.stale,
            strategies: active.map(|strategy| self.strategy(strategy, segments)).collect(),
            variants: &in_environment.variants,
            description: feature.description.as_deref(),
            impression_data: feature.impression_data,
            dependencies: feature.dependencies.iter().map(DependencyView::of).collect(),
        };
        Fragment {
            project: feature.project.clone(),
            name: feature.name.clone(),
            json: serde_json::to_string(&view).unwrap_or_default().into(),
        }
    }

    fn strategy<'a>(&'a self, strategy: &'a Strategy, segments: Segments) -> StrategyView<'a> {
        let mut constraints: Vec<&Constraint> = strategy.constraints.iter().collect();
        if segments == Segments::Inlined {
            let of_segments = strategy.segments.iter().filter_map(|id| self.state.segments.get(id));
            constraints.extend(of_segments.flat_map(|segment| &segment.constraints));
        }
        StrategyView {
            name: &strategy.name,
            constraints,
            parameters: &strategy.parameters,
            variants: &strategy.variants,
            segments: if segments == Segments::Named { &strategy.segments } else { &[] },
        }
    }

    /// The segments that strategies of this environment use.
    fn segments(&self) -> &[SegmentView] {
        self.segments.get_or_init(|| {
            let delivered = self.state.features.values().filter(|f| f.delivered(&self.environment).is_some());
            let strategies = delivered.flat_map(|f| &f.environments[&self.environment].strategies);
            let used: BTreeSet<i64> = strategies.flat_map(|s| s.segments.iter().copied()).collect();
            let known = used.iter().filter_map(|id| self.state.segments.get(id));
            known.map(|s| SegmentView { id: s.id, name: s.name.clone(), constraints: s.constraints.clone() }).collect()
        })
    }

    fn assemble(&self, scope: &Scope) -> Answer {
        let mut body = String::from(r#"{"version":2,"features":["#);
        let mut first = true;
        for fragment in self.fragments(scope.segments).iter().filter(|f| scope.holds(f)) {
            if !std::mem::take(&mut first) {
                body.push(',');
            }
            body.push_str(&fragment.json);
        }
        body.push(']');
        if scope.segments == Segments::Named {
            body.push_str(r#","segments":"#);
            body.push_str(&serde_json::to_string(self.segments()).unwrap_or_else(|_| "[]".to_owned()));
        }
        let query = scope.query(&self.environment);
        let query_hash = entropy::as_hex(&Sha256::digest(query.to_string().as_bytes())[..4]);
        let etag = format!("\"{query_hash}:{}:v1\"", self.revision);
        let meta = serde_json::json!({ "revisionId": self.revision, "etag": etag, "queryHash": query_hash });
        for part in [",\"query\":", &query.to_string(), ",\"meta\":", &meta.to_string(), "}"] {
            body.push_str(part);
        }
        Answer { body: Bytes::from(body), etag }
    }
}

impl Scope {
    /// What a token may see, cut to the projects that the request asks for.
    pub fn of(token: &ApiToken, asked: &[String], name_prefix: Option<String>, segments: Segments) -> Self {
        let asked: BTreeSet<String> = asked.iter().filter(|p| *p != "*").cloned().collect();
        let projects = match (token.is_for_all_projects(), asked.is_empty()) {
            (true, true) => None,
            (true, false) => Some(asked),
            (false, true) => Some(token.projects.iter().cloned().collect()),
            (false, false) => Some(asked.into_iter().filter(|p| token.covers(p)).collect()),
        };
        Self { projects, name_prefix, segments }
    }

    fn holds(&self, fragment: &Fragment) -> bool {
        self.projects.as_ref().is_none_or(|projects| projects.contains(&fragment.project))
            && self.name_prefix.as_ref().is_none_or(|prefix| fragment.name.starts_with(prefix))
    }

    fn query(&self, environment: &str) -> serde_json::Value {
        let mut query = serde_json::Map::new();
        if let Some(projects) = &self.projects {
            query.insert("project".to_owned(), projects.iter().cloned().collect());
        }
        if let Some(prefix) = &self.name_prefix {
            query.insert("namePrefix".to_owned(), prefix.as_str().into());
        }
        query.insert("environment".to_owned(), environment.into());
        query.insert("inlineSegmentConstraints".to_owned(), (self.segments == Segments::Inlined).into());
        query.into()
    }
}
