//! Integrations: where other services are told of what happens here. What they hold opens doors of others, so that nobody
//! is shown it again, and nobody can send it elsewhere.

pub mod providers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::commit::Event;
use crate::draft::{Draft, NewEvent};
use crate::error::{Error, Faults};
use crate::limits::Limits;
use crate::names::{NAME_BYTES_MAX, check_text};
use crate::permissions::{Need, Permission};
use crate::state::{Document, State};
use crate::tags::{self, CreateTagType};
use crate::time::Timestamp;
use providers::{Provider, provider};

/// What is shown in the place of a secret. Where it comes back, the secret stays as it is.
pub const MASK: &str = "*****";
/// In a filter: everything.
const ALL: &str = "*";
/// The most parameters, and the longest value of one, in bytes.
const PARAMETERS_MAX: usize = 50;
const PARAMETER_BYTES_MAX: usize = 10_000;
/// The most entries of a filter.
const FILTER_MAX: usize = 500;

/// A service that is told of events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Integration {
    /// Never given out twice.
    pub id: i64,
    /// What kind of service: the name of a [`Provider`].
    pub provider: String,
    /// For people.
    #[serde(default)]
    pub description: Option<String>,
    /// Whether it is told of anything.
    pub enabled: bool,
    /// What the provider needs, secrets included: texts, numbers and booleans by name.
    pub parameters: BTreeMap<String, Value>,
    /// The types of events that it is told of.
    pub events: Vec<String>,
    /// The projects whose events it is told of; all if there is none. Names, not references: there may be no such
    /// project, or one of the name may come later.
    pub projects: Vec<String>,
    /// The environments whose events it is told of; all if there is none.
    pub environments: Vec<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// It is told of nothing up to this event: that was before it was created, or enabled again.
    pub since: u64,
    /// Whether who set it up sees private projects. One that was set up by others is not told of these: it would tell them.
    pub sees_private: bool,
}

/// A new integration, or what one becomes.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct IntegrationInput {
    /// The kind of service, as the list of providers names it.
    #[schema(example = "webhook")]
    pub provider: String,
    /// For people; an update without it keeps the one there is.
    #[serde(default)]
    pub description: Option<String>,
    /// Whether it is told of anything.
    pub enabled: bool,
    /// What the provider needs: texts, numbers and booleans. `*****` for a secret keeps the one there is.
    #[schema(example = json!({"url": "https://hooks.example.com/flags"}))]
    pub parameters: BTreeMap<String, Value>,
    /// The types of events that it is told of; `*` for all.
    #[schema(example = json!(["feature-created", "feature-environment-enabled"]))]
    pub events: Vec<String>,
    /// The projects whose events it is told of; all if there is none.
    #[serde(default)]
    pub projects: Vec<String>,
    /// The environments whose events it is told of; all if there is none.
    #[serde(default)]
    pub environments: Vec<String>,
}

/// An integration as it is shown: without secrets.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Integration)]
pub struct IntegrationView {
    /// Never given out twice.
    pub id: i64,
    /// The kind of service.
    pub provider: String,
    /// For people.
    pub description: Option<String>,
    /// Whether it is told of anything.
    pub enabled: bool,
    /// What the provider needs; `*****` in the place of a secret.
    pub parameters: BTreeMap<String, Value>,
    /// The types of events that it is told of.
    pub events: Vec<String>,
    /// The projects whose events it is told of; all if there is none.
    pub projects: Vec<String>,
    /// The environments whose events it is told of; all if there is none.
    pub environments: Vec<String>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// What the audit log keeps of an integration: no parameters at all, and no projects, which may be private where everybody
/// reads the log.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Recorded<'a> {
    id: i64,
    provider: &'a str,
    enabled: bool,
    description: &'a Option<String>,
    events: &'a [String],
    environments: &'a [String],
    created_at: Timestamp,
}

impl Integration {
    /// A parameter as text; nothing if it is absent or empty.
    pub fn parameter(&self, name: &str) -> Option<String> {
        text(self.parameters.get(name)?).filter(|text| !text.is_empty())
    }

    /// The integration as it is shown.
    pub fn view(&self) -> IntegrationView {
        let is_secret = |name: &String| provider(&self.provider).is_none_or(|provider| provider.is_secret(name));
        let shown = |(name, value): (&String, &Value)| {
            (name.clone(), if is_secret(name) { MASK.into() } else { value.clone() })
        };
        IntegrationView {
            id: self.id,
            provider: self.provider.clone(),
            description: self.description.clone(),
            enabled: self.enabled,
            parameters: self.parameters.iter().map(shown).collect(),
            events: self.events.clone(),
            projects: self.projects.clone(),
            environments: self.environments.clone(),
            created_at: self.created_at,
        }
    }

    /// Whether the service is told of an event, as `state` and its filters are now.
    pub fn wants(&self, state: &State, event: &Event) -> bool {
        let is_named = |list: &[String], name: &str| list.iter().any(|entry| entry == ALL || entry == name);
        // What belongs to no project or environment is for all.
        let passes = |list: &[String], name: &Option<String>| {
            list.is_empty() || name.as_ref().is_none_or(|name| is_named(list, name))
        };
        self.enabled
            && event.id > self.since
            && is_named(&self.events, &event.kind)
            && passes(&self.projects, &event.project)
            && passes(&self.environments, &event.environment)
            && (self.sees_private || event.project.as_ref().is_none_or(|project| is_open(state, project)))
    }

    /// The integration for those from whom these projects are hidden; nothing if it is for these alone.
    pub(crate) fn without(&self, hidden: &BTreeSet<String>) -> Option<Self> {
        let projects: Vec<_> = self.projects.iter().filter(|id| !hidden.contains(*id)).cloned().collect();
        let is_seen = self.projects.is_empty() || !projects.is_empty();
        is_seen.then(|| Self { projects, ..self.clone() })
    }

    fn recorded(&self) -> Recorded<'_> {
        Recorded {
            id: self.id,
            provider: &self.provider,
            enabled: self.enabled,
            description: &self.description,
            events: &self.events,
            environments: &self.environments,
            created_at: self.created_at,
        }
    }
}

/// Whether everybody sees a project. Of one that is gone nobody knows any more, once there are others to hide.
fn is_open(state: &State, project: &str) -> bool {
    let mut private = state.projects.index().private().peekable();
    private.peek().is_none() || (state.projects.contains(project) && !private.any(|id| id == project))
}

/// A value as text; nothing for what is no text, number or boolean.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

/// Creates an integration. Where it sends to, and whether its templates can be filled, is for the caller to check.
pub fn create(draft: &mut Draft, input: IntegrationInput) -> Result<Arc<Integration>, Error> {
    let mut faults = Faults::default();
    check(&mut faults, &input, &input.parameters);
    for name in input.parameters.iter().filter(|(_, value)| *value == MASK).map(|(name, _)| name) {
        faults.add(format!("/body/parameters/{name}"), "There is no value yet that could be kept.");
    }
    faults.check()?;
    Limits::room("integrations", draft.integrations.len(), draft.limits().integrations)?;
    let integration = Integration {
        id: draft.next_id::<Integration>(1),
        provider: input.provider,
        description: input.description,
        enabled: input.enabled,
        parameters: input.parameters,
        events: input.events,
        projects: input.projects,
        environments: input.environments,
        created_at: draft.now(),
        since: draft.last_event_id,
        sees_private: sees_private(draft),
    };
    draft.record(NewEvent::new("addon-config-created").data(integration.recorded()));
    make_tag_types(draft, &integration.provider)?;
    Ok(draft.put(integration))
}

/// Makes the types of tags that a provider goes by, unless they are there.
fn make_tag_types(draft: &mut Draft, name: &str) -> Result<(), Error> {
    let types = provider(name).map(|provider| provider.tag_types).unwrap_or_default();
    for kind in types.iter().filter(|kind| !draft.tag_types.contains(kind.name)).collect::<Vec<_>>() {
        let (description, icon) = (Some(kind.description.to_owned()), Some(kind.icon.to_owned()));
        tags::create_type(draft, CreateTagType { name: kind.name.to_owned(), description, icon, color: None })?;
    }
    Ok(())
}

/// Replaces an integration. A description that is omitted stays, and so do secrets that come back masked.
pub fn update(draft: &mut Draft, id: i64, input: IntegrationInput) -> Result<Arc<Integration>, Error> {
    let before = find_seen(draft, id)?;
    let parameters = merged(&before, &input)?;
    let mut faults = Faults::default();
    check(&mut faults, &input, &parameters);
    faults.check()?;
    make_tag_types(draft, &input.provider)?;
    // While it was disabled nothing waited for it.
    let since = if before.enabled { before.since } else { draft.last_event_id };
    let after = Integration {
        provider: input.provider,
        description: input.description.or_else(|| before.description.clone()),
        enabled: input.enabled,
        parameters,
        events: input.events,
        projects: input.projects,
        environments: input.environments,
        since: if input.enabled { since } else { before.since },
        sees_private: sees_private(draft),
        ..(*before).clone()
    };
    if after != *before {
        draft.record(NewEvent::new("addon-config-updated").data(after.recorded()).pre_data(before.recorded()));
    }
    Ok(draft.put(after))
}

/// Deletes an integration. What waits for it is not told any more.
pub fn delete(draft: &mut Draft, id: i64) -> Result<(), Error> {
    let integration = find_seen(draft, id)?;
    draft.record(NewEvent::new("addon-config-deleted").pre_data(integration.recorded()));
    draft.delete::<Integration>(&id);
    Ok(())
}

/// One that is for private projects alone is not there for those who do not see them.
fn find_seen(draft: &Draft, id: i64) -> Result<Arc<Integration>, Error> {
    let found = draft.integrations.find(&id)?;
    match found.without(&draft.hidden_from(draft.principal(), draft.now())) {
        Some(_) => Ok(Arc::clone(found)),
        None => Err(Error::not_found(Integration::KIND, id)),
    }
}

fn sees_private(draft: &Draft) -> bool {
    draft.require(&Need::root(&[Permission::Admin])).is_ok()
}

/// The parameters that an update leads to. A secret goes nowhere but where whoever entered it wanted it to go: once the
/// provider or the address is another one, it must be entered again.
pub fn merged(before: &Integration, input: &IntegrationInput) -> Result<BTreeMap<String, Value>, Error> {
    let is_kept = |name: &str| input.parameters.get(name).is_some_and(|value| value == MASK);
    let same_place = input.provider == before.provider
        && (is_kept("url") || input.parameters.get("url") == before.parameters.get("url"));
    let mut faults = Faults::default();
    let mut parameters = input.parameters.clone();
    for (name, value) in &mut parameters {
        if !is_kept(name) {
            continue;
        }
        match before.parameters.get(name) {
            Some(_) if !same_place => faults.add(
                format!("/body/parameters/{name}"),
                "The integration sends to another place than before: enter this value again.",
            ),
            Some(kept) => value.clone_from(kept),
            None => faults.add(format!("/body/parameters/{name}"), "There is no value yet that could be kept."),
        }
    }
    faults.check().map(|()| parameters)
}

fn check(faults: &mut Faults, input: &IntegrationInput, parameters: &BTreeMap<String, Value>) {
    check_text(faults, "/body/description", input.description.as_deref());
    match provider(&input.provider) {
        Some(provider) => check_parameters(faults, provider, parameters),
        None => faults.add("/body/provider", format!("There is no provider called \"{}\".", clipped(&input.provider))),
    }
    for (name, list) in
        [("events", &input.events), ("projects", &input.projects), ("environments", &input.environments)]
    {
        if list.len() > FILTER_MAX {
            faults.add(format!("/body/{name}"), format!("At most {FILTER_MAX} are allowed."));
        }
        let is_name = |entry: &String| !entry.is_empty() && entry.len() <= NAME_BYTES_MAX && !entry.contains('\0');
        if let Some(at) = list.iter().position(|entry| !is_name(entry)) {
            faults.add(
                format!("/body/{name}/{at}"),
                format!("A name has 1 to {NAME_BYTES_MAX} bytes, without NUL characters."),
            );
        }
    }
}

fn check_parameters(faults: &mut Faults, provider: &Provider, parameters: &BTreeMap<String, Value>) {
    if parameters.len() > PARAMETERS_MAX {
        faults.add("/body/parameters", format!("At most {PARAMETERS_MAX} parameters are allowed."));
    }
    for (name, value) in parameters {
        let path = || format!("/body/parameters/{}", clipped(name));
        match text(value) {
            None => faults.add(path(), "A parameter is a text, a number or a boolean."),
            Some(text) if name.len() > NAME_BYTES_MAX || text.len() > PARAMETER_BYTES_MAX => {
                faults.add(
                    path(),
                    format!("A value has at most {PARAMETER_BYTES_MAX} bytes, its name {NAME_BYTES_MAX}."),
                );
            }
            Some(text) if text.contains('\0') || name.contains('\0') => {
                faults.add(path(), "A parameter must not hold NUL characters.");
            }
            Some(_) => {}
        }
    }
    for needed in provider.parameters.iter().filter(|parameter| parameter.required) {
        let is_there = parameters.get(needed.name).is_some_and(|value| text(value).is_none_or(|text| !text.is_empty()));
        if !is_there {
            faults.add(
                format!("/body/parameters/{}", needed.name),
                format!("The parameter \"{}\" is required and must not be empty.", needed.name),
            );
        }
    }
}

fn clipped(name: &str) -> String {
    name.chars().take(100).collect()
}
