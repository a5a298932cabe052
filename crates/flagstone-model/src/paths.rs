//! What changes are done to, in the words of the API's paths.

use serde::{Deserialize, Serialize};

use crate::permissions::{Need, Permission};

/// A project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectPath {
    /// The project's id.
    #[serde(rename = "projectId")]
    pub project: String,
}

/// A feature of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeaturePath {
    /// The project's id.
    #[serde(rename = "projectId")]
    pub project: String,
    /// The feature's name.
    #[serde(rename = "featureName")]
    pub feature: String,
}

/// The dependency of a feature on another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DependencyPath {
    /// The child's project.
    #[serde(rename = "projectId")]
    pub project: String,
    /// The child's name.
    #[serde(rename = "featureName")]
    pub feature: String,
    /// The parent's name.
    pub parent: String,
}

/// An environment of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentPath {
    /// The project's id.
    #[serde(rename = "projectId")]
    pub project: String,
    /// The environment's name.
    pub environment: String,
}

/// A feature in an environment of its project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The project's id.
    #[serde(rename = "projectId")]
    pub project: String,
    /// The feature's name.
    #[serde(rename = "featureName")]
    pub feature: String,
    /// The environment's name.
    pub environment: String,
}

/// A strategy of a feature in an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategyPath {
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
    /// Its id.
    #[serde(rename = "strategyId")]
    pub id: String,
}

/// An API token of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenPath {
    /// The project's id.
    #[serde(rename = "projectId")]
    pub project: String,
    /// The token's selector, or the whole token.
    pub token: String,
}

/// A link of a feature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkPath {
    /// The project's id.
    #[serde(rename = "projectId")]
    pub project: String,
    /// The feature's name.
    #[serde(rename = "featureName")]
    pub feature: String,
    /// The link's id.
    #[serde(rename = "linkId")]
    pub link: String,
}

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagPath {
    /// The name of its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it says.
    pub value: String,
}

/// A tag of a feature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureTagPath {
    /// The feature's name.
    #[serde(rename = "featureName")]
    pub feature: String,
    /// The name of the tag's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the tag says.
    pub value: String,
}

/// A legal value of a context field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegalValuePath {
    /// The field's name.
    #[serde(rename = "contextField")]
    pub field: String,
    /// The value.
    #[serde(rename = "legalValue")]
    pub value: String,
}

/// A context field of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectFieldPath {
    /// The project's id.
    #[serde(rename = "projectId")]
    pub project: String,
    /// The field's name.
    #[serde(rename = "contextField")]
    pub field: String,
}

/// A legal value of a context field of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectLegalValuePath {
    /// The project's id.
    #[serde(rename = "projectId")]
    pub project: String,
    /// The field's name.
    #[serde(rename = "contextField")]
    pub field: String,
    /// The value.
    #[serde(rename = "legalValue")]
    pub value: String,
}

impl ProjectPath {
    /// One of these in the project.
    pub fn need(&self, any_of: &[Permission]) -> Need {
        Need::project(&self.project, any_of)
    }
}

impl FeaturePath {
    /// One of these in the project.
    pub fn need(&self, any_of: &[Permission]) -> Need {
        Need::project(&self.project, any_of)
    }
}

impl EnvironmentPath {
    /// One of these in the environment of the project.
    pub fn need(&self, any_of: &[Permission]) -> Need {
        Need::environment(&self.project, &self.environment, any_of)
    }
}

impl Place {
    /// One of these in the environment of the project.
    pub fn need(&self, any_of: &[Permission]) -> Need {
        Need::environment(&self.project, &self.environment, any_of)
    }

    /// Project, feature and environment.
    pub fn as_tuple(&self) -> (&str, &str, &str) {
        (&self.project, &self.feature, &self.environment)
    }
}
