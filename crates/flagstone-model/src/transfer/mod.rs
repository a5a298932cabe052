//! Features on their way from one installation, project or environment to another.

mod arrival;
mod export;
mod import;
mod preview;
mod review;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::constraints::Constraint;
use crate::context_fields::LegalValue;
use crate::features::{DependencyInput, LinkInput, Variant};
use crate::tags::CreateTagType;

pub use export::{ExportQuery, Exported, export, record_export};
pub use import::{import, validate};
pub use preview::{FeatureChange, Preview, preview};
pub use review::{Finding, Validation};

/// Features as one environment has them, with all that they refer to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ExportResult)]
pub struct Transfer {
    /// The features themselves.
    pub features: Vec<TransferFeature>,
    /// Their strategies in the environment, those of one feature in their order.
    pub feature_strategies: Vec<TransferStrategy>,
    /// How they are in the environment.
    #[serde(default)]
    pub feature_environments: Vec<TransferEnvironment>,
    /// The context fields that the strategies ask for.
    #[serde(default)]
    pub context_fields: Vec<TransferField>,
    /// Their tags.
    #[serde(default)]
    pub feature_tags: Vec<TransferTag>,
    /// The segments that the strategies name: in another installation they are found by their names.
    #[serde(default)]
    pub segments: Vec<TransferSegment>,
    /// The types of the tags.
    pub tag_types: Vec<TransferTagType>,
    /// What they depend on.
    #[serde(default)]
    pub dependencies: Vec<TransferDependencies>,
    /// Where people read more about them.
    #[serde(default)]
    pub links: Vec<TransferLinks>,
}

/// A feature. What else stands here is taken and not used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ExportedFeature)]
pub struct TransferFeature {
    /// Its name.
    #[schema(example = "new-checkout")]
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: Option<String>,
    /// What it is for; `release` if omitted.
    #[serde(default, rename = "type")]
    #[schema(example = "release")]
    pub kind: Option<String>,
    /// The project that it comes from; an import says by itself where it goes.
    #[serde(default)]
    pub project: Option<String>,
    /// Whether it is ready for removal.
    #[serde(default)]
    pub stale: Option<bool>,
    /// Whether SDKs report each evaluation.
    #[serde(default)]
    pub impression_data: Option<bool>,
    /// Whether it is archived; an import leaves such features out.
    #[serde(default)]
    pub archived: Option<bool>,
}

/// A strategy of a feature.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ExportedStrategy)]
pub struct TransferStrategy {
    /// Its type.
    #[schema(example = "flexibleRollout")]
    pub name: String,
    /// Where it comes from; an import gives it a new one.
    #[serde(default)]
    pub id: Option<String>,
    /// The feature.
    #[schema(example = "new-checkout")]
    pub feature_name: String,
    /// For people.
    #[serde(default)]
    pub title: Option<String>,
    /// What the type asks for; text, numbers or booleans.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Value>)]
    pub parameters: BTreeMap<String, Value>,
    /// All must hold.
    #[serde(default)]
    pub constraints: Vec<Constraint>,
    /// What those get whom it matches.
    #[serde(default)]
    pub variants: Vec<Variant>,
    /// Whether it is kept without being delivered.
    #[serde(default)]
    pub disabled: Option<bool>,
    /// Ids among the segments of this document; all must hold.
    #[serde(default)]
    pub segments: Vec<i64>,
    /// The order in which people see it; the place in the list if omitted.
    #[serde(default)]
    pub sort_order: Option<i64>,
}

/// How a feature is in the environment. What else stands here is taken and not used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ExportedEnvironment)]
pub struct TransferEnvironment {
    /// Whether it is switched on.
    pub enabled: bool,
    /// The feature.
    #[serde(default)]
    pub feature_name: Option<String>,
    /// The environment that it comes from; an import says by itself where it goes.
    #[serde(default)]
    pub environment: Option<String>,
    /// Its own variants there.
    #[serde(default)]
    pub variants: Vec<Variant>,
    /// The feature, where `featureName` is omitted.
    pub name: String,
}

impl TransferEnvironment {
    fn feature(&self) -> &str {
        self.feature_name.as_deref().unwrap_or(&self.name)
    }
}

/// A context field. What else stands here is taken and not used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ExportedContextField)]
pub struct TransferField {
    /// Its name.
    #[schema(example = "subscriptionTier")]
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: Option<String>,
    /// Whether rollouts can stick to it.
    #[serde(default)]
    pub stickiness: Option<bool>,
    /// Smaller comes first.
    #[serde(default)]
    pub sort_order: Option<i64>,
    /// What constraints on it can be chosen from.
    #[serde(default)]
    pub legal_values: Vec<LegalValue>,
}

/// A tag of a feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ExportedTag)]
pub struct TransferTag {
    /// The feature.
    #[schema(example = "new-checkout")]
    pub feature_name: String,
    /// The tag's type; `simple` if omitted.
    #[serde(default)]
    #[schema(example = "team")]
    pub tag_type: Option<String>,
    /// What it says.
    #[schema(example = "checkout")]
    pub tag_value: String,
    /// Taken and not used.
    #[serde(default, skip_serializing)]
    pub created_by_user_id: Option<i64>,
}

/// A segment that strategies name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ExportedSegment)]
pub struct TransferSegment {
    /// What the strategies of this document call it.
    pub id: i64,
    /// What it is found by.
    #[schema(example = "beta testers")]
    pub name: String,
}

/// A type of tags.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ExportedTagType)]
pub struct TransferTagType {
    /// Its name.
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

impl TransferTagType {
    fn as_new(&self) -> CreateTagType {
        let Self { name, description, icon, color } = self.clone();
        CreateTagType { name, description, icon, color }
    }
}

/// What a feature depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ExportedDependencies)]
pub struct TransferDependencies {
    /// The feature.
    pub feature: String,
    /// The features that it depends on: one at most.
    pub dependencies: Vec<DependencyInput>,
}

/// The links of a feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ExportedLinks)]
pub struct TransferLinks {
    /// The feature.
    pub feature: String,
    /// All of them.
    pub links: Vec<TransferLink>,
}

/// A link of a feature. What else stands here is taken and not used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ExportedLink)]
pub struct TransferLink {
    /// Where it comes from; an import gives it a new one.
    #[serde(default)]
    pub id: Option<String>,
    /// Where it leads.
    #[schema(example = "https://tickets.example.com/FLAG-7")]
    pub url: String,
    /// For people.
    #[serde(default)]
    pub title: Option<String>,
}

impl TransferLink {
    fn as_new(&self) -> LinkInput {
        LinkInput { url: self.url.clone(), title: self.title.clone() }
    }
}

/// What is to be imported, and where to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ImportFeatures)]
pub struct ImportInput {
    /// The project that the features come into.
    #[schema(example = "default")]
    pub project: String,
    /// The environment in which they become what the data says.
    #[schema(example = "development")]
    pub environment: String,
    /// What an export has answered.
    pub data: Transfer,
}
