//! What can be done to tags, their types, and the tags of features.

use std::sync::Arc;

use super::features::in_own_project;
use super::operations;
use crate::features::Feature;
use crate::paths::{FeatureTagPath, ProjectPath, TagPath};
use crate::permissions::{Need, Permission as P};
use crate::tags::{self, BulkTagChanges, CreateTagType, Tag, TagChanges, TagInput, TagType, UpdateTagType};

operations! {
    /// Creates a type of tags.
    CreateType = "createTagType" ((): (), input: CreateTagType) -> Arc<TagType> {
        needs |_| Need::root(&[P::CreateTagType]);
        does |draft| tags::create_type(draft, input);
    }
    /// Changes how a type of tags is described and shown.
    UpdateType = "updateTagType" (name: String, input: UpdateTagType) -> () {
        needs |_| Need::root(&[P::UpdateTagType]);
        does |draft| tags::update_type(draft, name, input);
    }
    /// Deletes a type of tags with its tags.
    DeleteType = "deleteTagType" (name: String, (): ()) -> () {
        needs |_| Need::root(&[P::DeleteTagType]);
        does |draft| tags::delete_type(draft, name);
    }
    /// Creates a tag, which anybody may: it is a word that nothing is marked with yet.
    Create = "createTag" ((): (), input: TagInput) -> Tag {
        needs |_| Need::login();
        does |draft| tags::create(draft, &input);
    }
    /// Deletes a tag; the rule asks again in each project with a feature that has it.
    Delete = "deleteTag" (path: TagPath, (): ()) -> () {
        needs |_| Need::anywhere(&[P::UpdateFeature]);
        does |draft| tags::delete(draft, &path.kind, &path.value);
    }
    /// Gives a feature a tag.
    Add = "addTag" (feature: String, input: TagInput) -> Tag {
        needs |state| in_own_project(state, feature, P::UpdateFeature);
        does |draft| tags::add(draft, feature, &input);
    }
    /// Gives a feature tags, and takes some from it.
    Update = "updateTags" (feature: String, changes: TagChanges) -> Arc<Feature> {
        needs |state| in_own_project(state, feature, P::UpdateFeature);
        does |draft| tags::update(draft, feature, &changes);
    }
    /// Takes a tag from a feature.
    Remove = "removeTag" (path: FeatureTagPath, (): ()) -> () {
        needs |state| in_own_project(state, &path.feature, P::UpdateFeature);
        does |draft| tags::take(draft, &path.feature, &path.kind, &path.value);
    }
    /// Gives several features of one project tags, and takes some from them.
    UpdateMany = "addTagToFeatures" (path: ProjectPath, input: BulkTagChanges) -> () {
        needs |_| path.need(&[P::UpdateFeature]);
        does |draft| tags::update_many(draft, &path.project, &input);
    }
}
