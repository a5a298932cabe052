//! Tags and their types: what people mark features with, to find them again.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::draft::{Draft, NewEvent};
use crate::error::{Error, Faults};
use crate::features::{self, Feature};
use crate::limits::Limits;
use crate::names::{check_free_name, check_text, is_url_friendly};
use crate::permissions::{Need, Permission};
use crate::state::State;

/// The type of tags that every installation begins with.
pub const SIMPLE: &str = "simple";
/// The fewest and the most characters of a tag's value and of the name of a type.
pub const TAG_CHARS: std::ops::RangeInclusive<usize> = 2..=50;
/// The most types of tags.
pub const TAG_TYPES_MAX: usize = 500;
/// The most tags.
pub const TAGS_MAX: usize = 10_000;
/// The most tags of one feature.
pub const TAGS_OF_FEATURE_MAX: usize = 100;

/// A type of tags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TagType {
    /// Unique, URL friendly, never changes.
    #[schema(example = "team")]
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: Option<String>,
    /// A sign or its name, for user interfaces.
    #[serde(default)]
    pub icon: Option<String>,
    /// How its tags are shown, `#rrggbb`.
    #[serde(default)]
    pub color: Option<String>,
}

/// A new type of tags.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTagType {
    /// Unique and URL friendly, 2 to 50 characters.
    #[schema(example = "team")]
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A sign or its name, for user interfaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// How its tags are shown, `#rrggbb`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "#ff8000")]
    pub color: Option<String>,
}

/// What a type of tags becomes; what is omitted stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct UpdateTagType {
    /// For people.
    #[serde(default)]
    pub description: Option<String>,
    /// A sign or its name, for user interfaces.
    #[serde(default)]
    pub icon: Option<String>,
    /// How its tags are shown, `#rrggbb`.
    #[serde(default)]
    #[schema(example = "#ff8000")]
    pub color: Option<String>,
}

/// A tag: a value of a type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub struct Tag {
    /// The name of its type.
    #[serde(rename = "type")]
    #[schema(example = "team")]
    pub kind: String,
    /// What it says.
    #[schema(example = "checkout")]
    pub value: String,
}

/// A tag as requests name it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TagInput {
    /// The name of its type.
    #[serde(rename = "type")]
    #[schema(example = "team")]
    pub kind: String,
    /// What it says, 2 to 50 characters; spaces around it do not count.
    #[schema(example = "checkout")]
    pub value: String,
    /// Taken and not used: a tag has the color of its type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
}

/// The tags that a feature gets and loses.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TagChanges {
    /// Those that it gets.
    pub added_tags: Vec<TagInput>,
    /// Those that it loses.
    pub removed_tags: Vec<TagInput>,
}

/// The tags that several features of one project get and lose.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkTagChanges {
    /// The features' names.
    #[schema(example = json!(["new-checkout"]))]
    pub features: Vec<String>,
    /// What they get and lose.
    pub tags: TagChanges,
}

impl Tag {
    /// The key of its document: no type has a colon in its name.
    pub(crate) fn id(&self) -> String {
        format!("{}:{}", self.kind, self.value)
    }
}

/// The tag of this type and value.
pub fn find<'s>(state: &'s State, kind: &str, value: &str) -> Result<&'s Arc<Tag>, Error> {
    state.tags.find(format!("{kind}:{value}").as_str())
}

/// Fails if no type of tags can be like this, or one has the name.
pub fn validate_type(state: &State, input: &CreateTagType) -> Result<(), Error> {
    let mut faults = Faults::default();
    let characters = input.name.chars().count();
    if !TAG_CHARS.contains(&characters) {
        faults.add("/body/name", format!("The name has {characters} characters; 2 to 50 are needed."));
    } else if !is_url_friendly(&input.name) {
        faults.add("/body/name", "The name must be URL friendly: letters A-Z and a-z, digits, and - . _ ~ alone.");
    }
    check_look(&mut faults, input.description.as_deref(), input.icon.as_deref(), input.color.as_deref());
    faults.check()?;
    if state.tag_types.contains(input.name.as_str()) {
        return Err(Error::name_exists(TAG_TYPE, &input.name));
    }
    Ok(())
}

const TAG_TYPE: &str = "tag type";

fn check_look(faults: &mut Faults, description: Option<&str>, icon: Option<&str>, color: Option<&str>) {
    check_text(faults, "/body/description", description);
    if icon.is_some_and(|icon| !icon.is_empty()) {
        check_free_name(faults, "/body/icon", icon.unwrap_or_default());
    }
    let is_color = |color: &str| {
        color.strip_prefix('#').is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    if color.is_some_and(|color| !is_color(color)) {
        faults.add("/body/color", "A color is a # with six hexadecimal digits.");
    }
}

/// Creates a type of tags.
pub fn create_type(draft: &mut Draft, input: CreateTagType) -> Result<Arc<TagType>, Error> {
    validate_type(draft, &input)?;
    Limits::room("tag types", draft.tag_types.len(), TAG_TYPES_MAX)?;
    let CreateTagType { name, description, icon, color } = input;
    let kind = TagType { name, description, icon, color };
    draft.record(NewEvent::new("tag-type-created").data(&kind));
    Ok(draft.put(kind))
}

/// Changes how a type of tags is described and shown.
pub fn update_type(draft: &mut Draft, name: &str, input: UpdateTagType) -> Result<(), Error> {
    let before = Arc::clone(draft.tag_types.find(name)?);
    let mut faults = Faults::default();
    check_look(&mut faults, input.description.as_deref(), input.icon.as_deref(), input.color.as_deref());
    faults.check()?;
    let after = TagType {
        name: before.name.clone(),
        description: input.description.or_else(|| before.description.clone()),
        icon: input.icon.or_else(|| before.icon.clone()),
        color: input.color.or_else(|| before.color.clone()),
    };
    if after != *before {
        draft.record(NewEvent::new("tag-type-updated").data(&after).pre_data(&*before));
        draft.put(after);
    }
    Ok(())
}

/// Deletes a type of tags with its tags: features have them no more.
pub fn delete_type(draft: &mut Draft, name: &str) -> Result<(), Error> {
    let kind = Arc::clone(draft.tag_types.find(name)?);
    draft.record(NewEvent::new("tag-type-deleted").pre_data(&*kind));
    let tags: Vec<_> = draft.tags.index().of_type(name).cloned().collect();
    for tag in tags {
        remove(draft, &tag);
    }
    draft.delete::<TagType>(&kind.name);
    Ok(())
}

/// Creates a tag that no feature has yet.
pub fn create(draft: &mut Draft, input: &TagInput) -> Result<Tag, Error> {
    let mut faults = Faults::default();
    let tag = checked(&mut faults, draft, "/body", input);
    faults.check()?;
    if draft.tags.contains(tag.id().as_str()) {
        return Err(Error::name_exists("tag", tag.id()));
    }
    make(draft, &tag)?;
    Ok(tag)
}

/// Deletes a tag, and takes it from all features that have it: those of all their projects must be the caller's to
/// change.
pub fn delete(draft: &mut Draft, kind: &str, value: &str) -> Result<(), Error> {
    let tag = Arc::clone(find(draft, kind, value)?);
    let projects: Vec<String> =
        draft.features.index().of_tag(&tag).into_iter().flat_map(|users| users.projects.keys().cloned()).collect();
    for project in projects {
        draft.require(&Need::project(&project, &[Permission::UpdateFeature]))?;
    }
    draft.record(NewEvent::new("tag-deleted").pre_data(&*tag));
    remove(draft, &tag);
    Ok(())
}

/// The tag's document goes, and the tag from every feature. No event each: the one that deletes it says so.
fn remove(draft: &mut Draft, tag: &Tag) {
    let users = draft.features.index().of_tag(tag).map(|users| users.features.clone()).unwrap_or_default();
    for name in users {
        if let Some(feature) = draft.features.get(&name) {
            let mut feature = (**feature).clone();
            feature.tags.remove(tag);
            draft.put(feature);
        }
    }
    draft.delete::<Tag>(&tag.id());
}

fn make(draft: &mut Draft, tag: &Tag) -> Result<(), Error> {
    if !draft.tags.contains(tag.id().as_str()) {
        Limits::room("tags", draft.tags.len(), TAGS_MAX)?;
        draft.record(NewEvent::new("tag-created").data(tag));
        draft.put(tag.clone());
    }
    Ok(())
}

/// The tag that an input names; a fault for each thing that is wrong with it.
fn checked(faults: &mut Faults, state: &State, path: &str, input: &TagInput) -> Tag {
    let value = input.value.trim();
    let characters = value.chars().count();
    if !TAG_CHARS.contains(&characters) {
        faults.add(format!("{path}/value"), format!("The value has {characters} characters; 2 to 50 are needed."));
    } else if value.chars().any(char::is_control) {
        faults.add(format!("{path}/value"), "The value must not hold control characters.");
    }
    if !state.tag_types.contains(input.kind.as_str()) {
        faults.add(format!("{path}/type"), format!("There is no tag type \"{}\".", input.kind));
    }
    Tag { kind: input.kind.clone(), value: value.to_owned() }
}

/// The tags that a list of inputs names; a fault for each thing that is wrong with one.
pub(crate) fn checked_all(faults: &mut Faults, state: &State, path: &str, inputs: &[TagInput]) -> BTreeSet<Tag> {
    if inputs.len() > TAGS_OF_FEATURE_MAX {
        faults.add(path, format!("There are {} tags; at most {TAGS_OF_FEATURE_MAX} are allowed.", inputs.len()));
        return BTreeSet::new();
    }
    inputs.iter().enumerate().map(|(at, input)| checked(faults, state, &format!("{path}/{at}"), input)).collect()
}

/// Makes those of the tags that are not there yet.
pub(crate) fn make_all(draft: &mut Draft, tags: &BTreeSet<Tag>) -> Result<(), Error> {
    tags.iter().try_for_each(|tag| make(draft, tag))
}

/// Gives a feature a tag, which is made if it is not there; the feature may be archived.
pub fn add(draft: &mut Draft, feature: &str, input: &TagInput) -> Result<Tag, Error> {
    let feature = Arc::clone(draft.features.find(feature)?);
    let mut faults = Faults::default();
    let tag = checked(&mut faults, draft, "/body", input);
    faults.check()?;
    retag(draft, &feature, &BTreeSet::from([tag.clone()]), &BTreeSet::new())?;
    Ok(tag)
}

/// Takes a tag from a feature, if it has it.
pub fn take(draft: &mut Draft, feature: &str, kind: &str, value: &str) -> Result<(), Error> {
    let feature = Arc::clone(draft.features.find(feature)?);
    let tag = Tag { kind: kind.to_owned(), value: value.to_owned() };
    retag(draft, &feature, &BTreeSet::new(), &BTreeSet::from([tag])).map(drop)
}

/// Gives a feature tags, and takes some from it; what is in both lists goes.
pub fn update(draft: &mut Draft, feature: &str, changes: &TagChanges) -> Result<Arc<Feature>, Error> {
    let feature = Arc::clone(draft.features.find(feature)?);
    let (added, removed) = checked_changes(draft, "/body", changes)?;
    retag(draft, &feature, &added, &removed)
}

/// The same for several features of one project.
pub fn update_many(draft: &mut Draft, project: &str, input: &BulkTagChanges) -> Result<(), Error> {
    let names = features::distinct(&input.features, draft.limits())?;
    let (added, removed) = checked_changes(draft, "/body/tags", &input.tags)?;
    for (at, name) in names.iter().enumerate() {
        let Ok(feature) = features::find(draft, project, name).cloned() else {
            return Err(Error::bad_data(
                format!("/body/features/{at}"),
                format!("The project has no feature \"{name}\"."),
            ));
        };
        retag(draft, &feature, &added, &removed)?;
    }
    Ok(())
}

fn checked_changes(state: &State, path: &str, changes: &TagChanges) -> Result<(BTreeSet<Tag>, BTreeSet<Tag>), Error> {
    let mut faults = Faults::default();
    let added = checked_all(&mut faults, state, &format!("{path}/addedTags"), &changes.added_tags);
    faults.check()?;
    // What is taken away need not be there.
    let removed = changes.removed_tags.iter().take(10 * TAGS_OF_FEATURE_MAX);
    let removed = removed.map(|tag| Tag { kind: tag.kind.clone(), value: tag.value.trim().to_owned() }).collect();
    Ok((added, removed))
}

fn retag(
    draft: &mut Draft,
    before: &Arc<Feature>,
    added: &BTreeSet<Tag>,
    removed: &BTreeSet<Tag>,
) -> Result<Arc<Feature>, Error> {
    let mut feature = (**before).clone();
    change(draft, &mut feature, added, removed)?;
    Ok(draft.put(feature))
}

/// Gives a feature in the hand tags, which are made if they are not there, and takes some from it.
pub(crate) fn change(
    draft: &mut Draft,
    feature: &mut Feature,
    added: &BTreeSet<Tag>,
    removed: &BTreeSet<Tag>,
) -> Result<(), Error> {
    make_all(draft, added)?;
    for tag in added {
        if feature.tags.insert(tag.clone()) {
            draft.record(NewEvent::new("feature-tagged").feature(feature).data(tag));
        }
    }
    for tag in removed {
        if feature.tags.remove(tag) {
            draft.record(NewEvent::new("feature-untagged").feature(feature).pre_data(tag));
        }
    }
    if feature.tags.len() > TAGS_OF_FEATURE_MAX {
        return Err(Error::LimitExceeded { resource: "tags of one feature", limit: TAGS_OF_FEATURE_MAX as u64 });
    }
    Ok(())
}
