//! Settings of the installation, one document each.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::draft::{Draft, NewEvent};
use crate::error::{Error, Faults};
use crate::names::{NAME_BYTES_MAX, is_authority};
use crate::state::State;

/// A named value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// For instance `next-id:segment`.
    pub name: String,
    /// Any JSON.
    pub value: Value,
}

/// Whether nothing can be changed for now: `{"enabled": true}`.
const MAINTENANCE: &str = "maintenance.mode";
/// From where browsers may call the frontend API: `{"frontendApiOrigins": ["*"]}`.
const FRONTEND: &str = "unleash.frontend";
/// The most origins that browsers may call from.
const ORIGINS_MAX: usize = 1_000;

/// Switches maintenance mode.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = SetMaintenance)]
pub struct Maintenance {
    /// Whether nothing can be changed for now. Flags are delivered all the same.
    pub enabled: bool,
}

/// From where browsers may call the frontend API.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SetCors)]
pub struct FrontendOrigins {
    /// Origins, each a scheme, a host and perhaps a port; `*` for all.
    #[schema(example = json!(["https://shop.example"]))]
    pub frontend_api_origins: Vec<String>,
}

/// Whether nothing can be changed for now.
pub fn is_in_maintenance(state: &State) -> bool {
    state.settings.get(MAINTENANCE).is_some_and(|setting| setting.value["enabled"] == true)
}

/// The origins that browsers may call the frontend API from, if anybody has set them.
pub fn frontend_origins(state: &State) -> Option<impl Iterator<Item = &str>> {
    let origins = state.settings.get(FRONTEND)?.value["frontendApiOrigins"].as_array()?;
    Some(origins.iter().filter_map(Value::as_str))
}

/// Switches maintenance mode.
pub fn set_maintenance(draft: &mut Draft, input: &Maintenance) {
    set(draft, MAINTENANCE, json!({ "enabled": input.enabled }));
}

/// Says from where browsers may call the frontend API.
pub fn set_frontend_origins(draft: &mut Draft, input: FrontendOrigins) -> Result<(), Error> {
    let mut faults = Faults::default();
    if input.frontend_api_origins.len() > ORIGINS_MAX {
        faults.add("/body/frontendApiOrigins", format!("At most {ORIGINS_MAX} origins are allowed."));
    }
    for (at, origin) in input.frontend_api_origins.iter().enumerate() {
        if !is_origin(origin) {
            let message = "An origin is \"*\", or a scheme, a host and perhaps a port: https://shop.example:8443.";
            faults.add(format!("/body/frontendApiOrigins/{at}"), message);
        }
    }
    faults.check()?;
    set(draft, FRONTEND, json!({ "frontendApiOrigins": input.frontend_api_origins }));
    Ok(())
}

/// Whether this is what browsers send as `Origin`, or `*`.
pub fn is_origin(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return text == "*" };
    text.len() <= NAME_BYTES_MAX && ["http", "https"].contains(&scheme) && is_authority(rest)
}

fn set(draft: &mut Draft, name: &str, value: Value) {
    let before = draft.settings.get(name).map(|setting| setting.value.clone());
    if before.as_ref() == Some(&value) {
        return;
    }
    let mut data = value.clone();
    data["id"] = json!(name);
    let kind = if before.is_some() { "setting-updated" } else { "setting-created" };
    let event = NewEvent::new(kind).data(data);
    draft.record(match before {
        Some(before) => event.pre_data(before),
        None => event,
    });
    draft.put(Setting { name: name.to_owned(), value });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_what_browsers_send() {
        for good in ["*", "https://a.example", "http://localhost:3000", "https://[::1]:8443", "https://[::1]"] {
            assert!(is_origin(good), "{good}");
        }
        for bad in
            ["", "a.example", "https://", "https://a/b", "https://*.a", "ftp://a", "https://a:x", "https://a b", "null"]
        {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
