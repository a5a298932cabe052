//! What can be done to projects.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::operations;
use crate::features::StrategyInput;
use crate::paths::{EnvironmentPath, ProjectPath};
use crate::permissions::{Need, Permission as P};
use crate::projects::{self, CreateProject, FeatureNaming, ProjectMode, ProjectSummary, UpdateProject};

/// Settings of a project that are kept apart from its name and description.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectSettings {
    /// Who may see and propose.
    #[serde(default)]
    pub mode: Option<ProjectMode>,
    /// How its features must be named.
    #[serde(default)]
    pub feature_naming: Option<FeatureNaming>,
}

/// An environment for a project.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectEnvironmentInput {
    /// The environment's name.
    #[schema(example = "production")]
    pub environment: String,
    /// What features get that are switched on there without any strategy.
    #[serde(default)]
    pub default_strategy: Option<StrategyInput>,
}

operations! {
    /// Creates a project.
    Create = "createProject" ((): (), input: CreateProject) -> ProjectSummary {
        needs |_| Need::root(&[P::CreateProject]);
        does |draft| projects::create(draft, input);
    }
    /// Changes a project's own properties.
    Update = "updateProject" (path: ProjectPath, input: UpdateProject) -> ProjectSummary {
        needs |_| path.need(&[P::UpdateProject]);
        does |draft| projects::update(draft, &path.project, input);
    }
    /// Changes who may see a project and how its features are named.
    UpdateSettings = "updateProjectEnterpriseSettings" (path: ProjectPath, settings: ProjectSettings) -> ProjectSummary {
        needs |_| path.need(&[P::UpdateProject, P::ProjectSettingsWrite]);
        does |draft| {
            let ProjectSettings { mode, feature_naming } = settings;
            projects::update(draft, &path.project, UpdateProject { mode, feature_naming, ..UpdateProject::default() })
        };
    }
    /// Archives a project that holds no live features.
    Archive = "archiveProject" (path: ProjectPath, (): ()) -> () {
        needs |_| path.need(&[P::DeleteProject]);
        does |draft| projects::archive(draft, &path.project);
    }
    /// Brings a project back from the archive.
    Revive = "reviveProject" (path: ProjectPath, (): ()) -> () {
        needs |_| path.need(&[P::DeleteProject]);
        does |draft| projects::revive(draft, &path.project);
    }
    /// Deletes a project that holds no live features, with its archive and its tokens.
    Delete = "deleteProject" (path: ProjectPath, (): ()) -> () {
        needs |_| path.need(&[P::DeleteProject]);
        does |draft| projects::delete(draft, &path.project);
    }
    /// Gives a project's features an environment, switched off.
    AttachEnvironment = "addEnvironmentToProject" (path: ProjectPath, input: ProjectEnvironmentInput) -> () {
        needs |_| path.need(&[P::UpdateProject]);
        does |draft| {
            projects::attach_environment(draft, &path.project, &input.environment)?;
            match input.default_strategy {
                Some(strategy) => {
                    projects::set_default_strategy(draft, &path.project, &input.environment, strategy).map(drop)
                }
                None => Ok(()),
            }
        };
    }
    /// Takes an environment from a project's features.
    DetachEnvironment = "removeEnvironmentFromProject" (path: EnvironmentPath, (): ()) -> () {
        needs |_| Need::project(&path.project, &[P::UpdateProject]);
        does |draft| projects::detach_environment(draft, &path.project, &path.environment);
    }
    /// Says what features get that are switched on in an environment without any strategy.
    SetDefaultStrategy = "addDefaultStrategyToProjectEnvironment" (path: EnvironmentPath, input: StrategyInput) -> StrategyInput {
        needs |_| path.need(&[P::UpdateProject, P::ProjectDefaultStrategyWrite]);
        does |draft| projects::set_default_strategy(draft, &path.project, &path.environment, input);
    }
}
