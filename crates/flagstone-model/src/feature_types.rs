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
    let days = all(state).find(|kind| kind.id == feature.kind)?.lifetime_days?;
    Some(end_after(feature, days))
}

const fn end_after(feature: &Feature, days: u32) -> Timestamp {
    const DAY: i64 = 24 * 3_600_000;
    feature.created_at.plus_millis(days as i64 * DAY)
}

/// Whether a feature that nobody has marked as stale is older than one of its type should be.
pub fn is_outlived(state: &State, feature: &Feature, now: Timestamp) -> bool {
    !feature.stale && end_of_life(state, feature).is_some_and(|end| end <= now)
}

/// The names of the live features whose mark as potentially stale is not what it should be at `now`.
pub fn wrongly_marked(state: &State, now: Timestamp) -> Vec<String> {
    let lifetimes: Vec<FeatureType> = all(state).collect();
    let is_wrong = |feature: &Feature| {
        let days = lifetimes.iter().find(|kind| kind.id == feature.kind).and_then(|kind| kind.lifetime_days);
        let is_outlived = !feature.stale && days.is_some_and(|days| end_after(feature, days) <= now);
        !feature.is_archived() && feature.potentially_stale != is_outlived
    };
    state.features.values().filter(|feature| is_wrong(feature)).map(|feature| feature.name.clone()).collect()
}

/// Marks those of these features as potentially stale that are, and takes the mark off the others.
pub fn mark_potentially_stale(draft: &mut Draft, names: &[String]) {
    for name in names {
        let Some(feature) = draft.features.get(name).filter(|feature| !feature.is_archived()) else { continue };
        let is_outlived = is_outlived(draft, feature, draft.now());
        if feature.potentially_stale != is_outlived {
            let mut feature = (**feature).clone();
            feature.potentially_stale = is_outlived;
            if is_outlived {
                draft.record(NewEvent::new("feature-potentially-stale-on").feature(&feature).data(json!({})));
            }
            draft.put(feature);
        }
    }
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
