//! How long features of a type should live. The types are code; what an installation says otherwise is a setting each.

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::draft::{Draft, NewEvent};
use crate::error::Error;
use crate::features::{FEATURE_TYPES, Feature};
use crate::settings::Setting;
use crate::state::State;
use crate::time::Timestamp;

/// The longest lifetime, in days: what clients hold in 32 bits.
pub const LIFETIME_DAYS_MAX: i64 = 2_147_483_647;

/// A feature type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeatureType {
    /// What features name.
    #[schema(example = "release")]
    pub id: &'static str,
    /// For people.
    pub name: &'static str,
    /// For people.
    pub description: &'static str,
    /// After how many days such a feature should be gone; never if null.
    pub lifetime_days: Option<u32>,
}

/// How long features of a type should live.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeatureTypeLifetime {
    /// In days; null and 0: for ever.
    #[schema(required = true, minimum = 0, example = 40)]
    pub lifetime_days: Option<i64>,
}

/// All types with their lifetimes, as this installation has them.
pub fn all(state: &State) -> impl Iterator<Item = FeatureType> {
    FEATURE_TYPES.iter().map(|&(id, name, description, lifetime)| {
        let setting = state.settings.get(setting_of(id).as_str());
        let own = setting.map(|setting| setting.value.as_u64().and_then(|days| u32::try_from(days).ok()));
        FeatureType { id, name, description, lifetime_days: own.unwrap_or(lifetime) }
    })
}

/// When a live feature is older than one of its type should be; nothing for those that may stay.
pub fn end_of_life(state: &State, feature: &Feature) -> Option<Timestamp> {
    const DAY: i64 = 24 * 3_600_000;
    let days = all(state).find(|kind| kind.id == feature.kind)?.lifetime_days?;
    Some(feature.created_at.plus_millis(i64::from(days) * DAY))
}

/// Says how long features of a type should live.
pub fn set_lifetime(draft: &mut Draft, id: &str, input: &FeatureTypeLifetime) -> Result<FeatureType, Error> {
    let before = all(draft).find(|kind| kind.id == id).ok_or_else(|| Error::not_found("feature type", id))?;
    let days = input.lifetime_days.filter(|days| *days != 0);
    if days.is_some_and(|days| !(0..=LIFETIME_DAYS_MAX).contains(&days)) {
        let message = format!("A lifetime is 0 to {LIFETIME_DAYS_MAX} days.");
        return Err(Error::bad_data("/body/lifetimeDays", message));
    }
    let after = FeatureType { lifetime_days: days.and_then(|days| u32::try_from(days).ok()), ..before.clone() };
    if after != before {
        draft.record(NewEvent::new("feature-type-updated").data(&after).pre_data(&before));
        draft.put(Setting { name: setting_of(id), value: json!(after.lifetime_days) });
    }
    Ok(after)
}

fn setting_of(id: &str) -> String {
    format!("lifetime:{id}")
}
