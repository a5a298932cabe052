//! Which things a commit has touched, and who may know: what people who look on are told, without what is in them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::api_tokens::{ALL, ApiToken, TokenKind};
use crate::commands::api_tokens::need_to_see_kind;
use crate::commit::{Actor, Commit};
use crate::context_fields::ContextField;
use crate::environments::Environment;
use crate::favorites::Favorites;
use crate::features::Feature;
use crate::integrations::Integration;
use crate::permissions::{Need, Permission, Principal, Role, allowed};
use crate::projects::{Project, ProjectMode};
use crate::segments::Segment;
use crate::settings::Setting;
use crate::signup_links::SignupLink;
use crate::state::{Document, State};
use crate::strategy_types::StrategyType;
use crate::tags::{Tag, TagType};
use crate::time::Timestamp;
use crate::ui_state::UiState;
use crate::users::{PersonalToken, User};

/// What is known of a commit that has touched more things than this is that it did.
pub const TOUCHES_MAX: usize = 1_000;

/// What those who look on are told of, by the kind of the document. What is derived, counts or holds nothing but secrets
/// is not in it.
const NOUNS: &[(&str, &str)] = &[
    (Feature::KIND, "feature"),
    (Project::KIND, "project"),
    (Environment::KIND, "environment"),
    (Segment::KIND, "segment"),
    (ContextField::KIND, "context-field"),
    (StrategyType::KIND, "strategy"),
    (TagType::KIND, "tag-type"),
    (Tag::KIND, "tag"),
    (ApiToken::KIND, "api-token"),
    (User::KIND, "user"),
    (Role::KIND, "role"),
    (SignupLink::KIND, "signup-link"),
    (Integration::KIND, "integration"),
    (Setting::KIND, "setting"),
    (Favorites::KIND, "favorites"),
    (UiState::KIND, "ui-state"),
    (PersonalToken::KIND, "personal-token"),
];

/// What a commit has touched.
#[derive(Debug)]
pub struct Touched {
    /// The commit's position in the log.
    pub seq: u64,
    /// The commit's id.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Who has done it.
    pub actor: Actor,
    /// The things; none where they are more than [`TOUCHES_MAX`].
    touches: Option<Vec<Touch>>,
    /// The projects that it has deleted: nobody can tell from a later state who saw them.
    gone: BTreeMap<String, Gone>,
    /// The projects that it has created.
    new: BTreeSet<String>,
}

/// Who saw a project that is deleted.
#[derive(Debug)]
enum Gone {
    Everybody,
    /// Administrators and these users.
    Members(BTreeSet<i64>),
}

#[derive(Debug)]
struct Touch {
    noun: &'static str,
    id: String,
    environment: Option<String>,
    before: Extent,
    after: Extent,
}

/// For whom something is.
#[derive(Clone, Debug, Default, PartialEq)]
enum Extent {
    /// It is not there.
    #[default]
    Nobody,
    Everybody,
    Administrators,
    /// This user, and administrators.
    Account(i64),
    /// This user alone.
    User(i64),
    /// Whoever sees one of these projects.
    Projects(BTreeSet<String>),
    /// Whoever may see tokens of this kind, or those of one of these projects.
    Token(TokenKind, BTreeSet<String>),
}

/// One thing that somebody may know has changed.
#[derive(Debug, PartialEq)]
pub struct Seen<'t> {
    /// What it is, for instance `feature`.
    pub noun: &'static str,
    /// Its name or number.
    pub id: &'t str,
    /// The one project that it is in, if it is in one.
    pub project: Option<&'t str>,
    /// The one environment that the change is about, if it is about one.
    pub environment: Option<&'t str>,
    /// Whether it is not there any more.
    pub is_deleted: bool,
}

impl Touched {
    /// What each of `commits` has touched, which led on from the state `before`.
    pub fn of(before: &State, commits: &[Commit]) -> Vec<Self> {
        // What was done to a thing in between: `before` does not know it.
        let mut between = BTreeMap::<(&str, &str), Extent>::new();
        let of_commit = |commit| Self::of_one(before, commit, &mut between);
        commits.iter().map(of_commit).collect()
    }

    fn of_one<'c>(state: &State, commit: &'c Commit, between: &mut BTreeMap<(&'c str, &'c str), Extent>) -> Self {
        let (mut touches, mut gone, mut new) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
        for change in &commit.body.changes {
            let (kind, id) = (change.kind.as_str(), change.id.as_str());
            let noun = NOUNS.iter().find(|(known, _)| *known == kind).map(|(_, noun)| *noun);
            let Some(noun) = noun.filter(|_| !id.starts_with("next-id:")) else { continue };
            let after = change.body.as_ref().map(|body| Extent::of(kind, id, body)).unwrap_or_default();
            let earlier = between.insert((kind, id), after.clone());
            if kind == Project::KIND && change.body.is_some() && !state.projects.contains(id) && earlier.is_none() {
                new.insert(id.to_owned());
            } else if kind == Project::KIND && change.body.is_none() {
                // What became of it in between, `state` does not know: that is for administrators.
                let project = state.projects.get(id).filter(|_| earlier.is_none());
                gone.insert(id.to_owned(), Gone::of(project.map(|project| &**project)));
            }
            let before = earlier.unwrap_or_else(|| Extent::in_state(state, kind, id));
            let environment = (kind == Feature::KIND).then(|| environment_of(commit, id)).flatten();
            touches.push(Touch { noun, id: id.to_owned(), environment, before, after });
        }
        let Commit { seq, id, at, actor, .. } = commit;
        let touches = (touches.len() <= TOUCHES_MAX).then_some(touches);
        Self { seq: *seq, id: id.clone(), at: *at, actor: actor.clone(), touches, gone, new }
    }

    /// Whether it has created this project.
    pub fn has_created(&self, project: &str) -> bool {
        self.new.contains(project)
    }

    /// Whether it may be what has hidden one of these projects.
    pub fn may_have_hidden(&self, hidden: &BTreeSet<String>) -> bool {
        let touches = self.touches.iter().flatten();
        let mut projects = touches.filter(|touch| touch.noun == "project");
        projects.any(|touch| hidden.contains(&touch.id) && !self.new.contains(&touch.id))
    }

    /// How many things are kept of it.
    pub fn len(&self) -> usize {
        self.touches.as_ref().map_or(0, Vec::len)
    }

    /// Whether nothing is kept of it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What somebody may know of it at `now`, from whom these projects are hidden; nothing if it is too much to say.
    pub fn seen_by(
        &self,
        state: &State,
        principal: &Principal,
        hidden: &BTreeSet<String>,
        now: Timestamp,
    ) -> Option<Vec<Seen<'_>>> {
        let may = |need: &Need| allowed(state, principal, need, now).is_ok();
        let sees = |project: &String| {
            if project == ALL || state.projects.contains(project) {
                return !hidden.contains(project);
            }
            let saw = match self.gone.get(project) {
                Some(Gone::Everybody) => true,
                Some(Gone::Members(members)) => principal.user_id().is_some_and(|id| members.contains(&id)),
                None => false,
            };
            saw || may(&Need::root(&[Permission::Admin]))
        };
        let seen = self.touches.as_ref()?.iter().filter_map(|touch| {
            let [was, is] = [&touch.before, &touch.after].map(|extent| extent.is_for(principal, &sees, &may));
            let shown = match (was, is) {
                (_, true) => &touch.after,
                (true, false) => &touch.before,
                (false, false) => return None,
            };
            let project = shown.project();
            let environment = touch.environment.as_deref();
            Some(Seen { noun: touch.noun, id: &touch.id, project, environment, is_deleted: !is })
        });
        Some(seen.collect())
    }
}

impl Gone {
    fn of(project: Option<&Project>) -> Self {
        match project {
            Some(project) if project.mode != ProjectMode::Private => Self::Everybody,
            Some(project) => Self::Members(project.members.iter().map(|member| member.user_id).collect()),
            None => Self::Members(BTreeSet::new()),
        }
    }
}

impl Extent {
    fn of(kind: &str, id: &str, body: &Value) -> Self {
        let project = || match body["project"].as_str() {
            Some(project) => Self::Projects([project.to_owned()].into()),
            None => Self::Everybody,
        };
        let projects = || -> BTreeSet<String> {
            let ids = body["projects"].as_array().into_iter().flatten();
            ids.filter_map(|id| id.as_str().map(str::to_owned)).collect()
        };
        match kind {
            Feature::KIND | Segment::KIND | ContextField::KIND => project(),
            Project::KIND => Self::Projects([id.to_owned()].into()),
            ApiToken::KIND => {
                let kind = serde_json::from_value(body["type"].clone()).unwrap_or(TokenKind::Admin);
                Self::Token(kind, projects())
            }
            Integration::KIND => match projects() {
                all if all.is_empty() => Self::Everybody,
                some => Self::Projects(some),
            },
            SignupLink::KIND => Self::Administrators,
            User::KIND => id.parse().map_or(Self::Administrators, Self::Account),
            Favorites::KIND | UiState::KIND => id.parse().map_or(Self::Nobody, Self::User),
            PersonalToken::KIND => body["userId"].as_i64().map_or(Self::Nobody, Self::User),
            _ => Self::Everybody,
        }
    }

    fn in_state(state: &State, kind: &str, id: &str) -> Self {
        let one = |project: Option<&String>| match project {
            Some(project) => Self::Projects([project.clone()].into()),
            None => Self::Everybody,
        };
        let number = id.parse::<i64>().unwrap_or_default();
        let found = match kind {
            Feature::KIND => state.features.get(id).map(|feature| one(Some(&feature.project))),
            Segment::KIND => state.segments.get(&number).map(|segment| one(segment.project.as_ref())),
            ContextField::KIND => state.context_fields.get(id).map(|field| one(field.project.as_ref())),
            ApiToken::KIND => {
                state.api_tokens.get(id).map(|t| Self::Token(t.kind, t.projects.iter().cloned().collect()))
            }
            Integration::KIND => state.integrations.get(&number).map(|integration| {
                let projects: BTreeSet<_> = integration.projects.iter().cloned().collect();
                if projects.is_empty() { Self::Everybody } else { Self::Projects(projects) }
            }),
            PersonalToken::KIND => state.personal_tokens.get(&number).map(|token| Self::User(token.user_id)),
            // The others say it by their kind and id alone. Whether they were there makes no difference: one that is
            // deleted was.
            _ => Some(Self::of(kind, id, &Value::Null)),
        };
        found.unwrap_or_default()
    }

    /// Whether somebody may know of it.
    fn is_for(&self, principal: &Principal, sees: &dyn Fn(&String) -> bool, may: &dyn Fn(&Need) -> bool) -> bool {
        match self {
            Self::Nobody => false,
            Self::Everybody => true,
            Self::Administrators => may(&Need::root(&[Permission::Admin])),
            Self::Account(id) => principal.user_id() == Some(*id) || may(&Need::root(&[Permission::Admin])),
            Self::User(id) => principal.user_id() == Some(*id),
            Self::Projects(projects) => projects.iter().any(sees),
            Self::Token(kind, projects) => {
                let of_project = |project: &String| {
                    sees(project) && may(&Need::project(project, &[Permission::ReadProjectApiToken]))
                };
                let is_seen = projects.is_empty() || projects.iter().any(sees);
                (is_seen && may(&need_to_see_kind(*kind))) || projects.iter().any(of_project)
            }
        }
    }

    fn project(&self) -> Option<&str> {
        match self {
            Self::Projects(projects) if projects.len() == 1 => projects.first().map(String::as_str),
            _ => None,
        }
    }
}

/// The environment that all events of a commit about this feature name, if they name one.
fn environment_of(commit: &Commit, feature: &str) -> Option<String> {
    let events = commit.body.events.iter().filter(|event| event.feature_name.as_deref() == Some(feature));
    let mut environments = events.map(|event| event.environment.as_ref());
    let first = environments.next()??;
    environments.all(|other| other == Some(first)).then(|| first.clone())
}
