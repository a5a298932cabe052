//! The types of strategies that every installation knows.

use std::borrow::Cow;
use std::collections::BTreeMap;

use flagstone_eval::spelling;
use flagstone_eval::validate::validate_percentage;
use serde_json::Value;

use crate::error::Faults;
use crate::features::{Strategy, Variant};
use crate::small_map::SmallMap;

/// A type of strategy.
#[derive(Debug)]
pub struct Definition {
    /// What strategies name.
    pub name: &'static str,
    /// For people.
    pub display_name: &'static str,
    /// For people.
    pub description: &'static str,
    /// Kept for old flags only.
    pub deprecated: bool,
    /// What it takes.
    pub parameters: &'static [Parameter],
}

/// A parameter of a type of strategy.
#[derive(Debug)]
pub struct Parameter {
    /// The key among a strategy's parameters.
    pub name: &'static str,
    /// `percentage`, `list` or `string`.
    pub kind: &'static str,
    /// For people.
    pub description: &'static str,
    /// Whether a strategy needs it to work.
    pub required: bool,
}

const fn parameter(name: &'static str, kind: &'static str, description: &'static str, required: bool) -> Parameter {
    Parameter { name, kind, description, required }
}

/// The built-in types, in the order in which people see them.
pub const DEFINITIONS: &[Definition] = &[
    Definition {
        name: "flexibleRollout",
        display_name: "Gradual rollout",
        description: "On for a share of the users; each user keeps the same answer.",
        deprecated: false,
        parameters: &[
            parameter("rollout", "percentage", "The share of users, 0 to 100.", false),
            parameter(
                "stickiness",
                "string",
                "The context field that decides: default, userId, sessionId, random or a custom one.",
                true,
            ),
            parameter("groupId", "string", "Features with the same group draw the same lots.", true),
        ],
    },
    Definition {
        name: "default",
        display_name: "Standard",
        description: "On for everybody, where the constraints hold.",
        deprecated: false,
        parameters: &[],
    },
    Definition {
        name: "remoteAddress",
        display_name: "IPs",
        description: "On for some network addresses.",
        deprecated: false,
        parameters: &[parameter("IPs", "list", "Addresses and ranges in CIDR notation.", true)],
    },
    Definition {
        name: "applicationHostname",
        display_name: "Hosts",
        description: "On for applications on some hosts.",
        deprecated: false,
        parameters: &[parameter("hostNames", "list", "The hosts' names.", false)],
    },
    Definition {
        name: "userWithId",
        display_name: "UserIDs",
        description: "On for some users. A constraint on userId does the same.",
        deprecated: true,
        parameters: &[parameter("userIds", "list", "The users' ids.", false)],
    },
    Definition {
        name: "gradualRolloutRandom",
        display_name: "Randomized",
        description: "On for a share of the requests.",
        deprecated: true,
        parameters: &[parameter("percentage", "percentage", "The share, 0 to 100.", false)],
    },
    Definition {
        name: "gradualRolloutSessionId",
        display_name: "Sessions",
        description: "On for a share of the sessions.",
        deprecated: true,
        parameters: &[
            parameter("percentage", "percentage", "The share, 0 to 100.", false),
            parameter("groupId", "string", "Features with the same group draw the same lots.", true),
        ],
    },
    Definition {
        name: "gradualRolloutUserId",
        display_name: "Users",
        description: "On for a share of the users.",
        deprecated: true,
        parameters: &[
            parameter("percentage", "percentage", "The share, 0 to 100.", false),
            parameter("groupId", "string", "Features with the same group draw the same lots.", true),
        ],
    },
];

/// The type called `name`.
pub fn find(name: &str) -> Option<&'static Definition> {
    DEFINITIONS.iter().find(|definition| definition.name == name)
}

impl Definition {
    /// Adds a fault for each percentage that is none. An empty one is as good as missing: see [`complete`].
    pub fn check_parameters(&self, faults: &mut Faults, path: &str, parameters: &BTreeMap<String, Value>) {
        for parameter in self.parameters.iter().filter(|p| p.kind == "percentage") {
            let text = parameters.get(parameter.name).and_then(text_of).filter(|text| !text.is_empty());
            if let Some(Err(reason)) = text.map(|text| validate_percentage(&text)) {
                let message = format!("The share must be a number from 0 to 100: {reason}.");
                faults.add(format!("{path}/{}", parameter.name), message);
            }
        }
    }
}

/// A parameter as SDKs get it: as text.
pub fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// The parameters of a strategy called `name`, those that its type needs and that are missing or empty among them:
/// SDKs differ in what they make of a strategy that lacks one.
pub fn complete(name: &str, parameters: BTreeMap<String, Value>, feature: &str, stickiness: &str) -> SmallMap<String> {
    let mut parameters: SmallMap<String> =
        parameters.into_iter().filter_map(|(key, value)| Some((key, text_of(&value)?))).collect();
    let needed: &[(&str, &str)] = match name {
        "flexibleRollout" => &[("rollout", "100"), ("stickiness", stickiness), ("groupId", feature)],
        "gradualRolloutUserId" | "gradualRolloutSessionId" => &[("percentage", "0"), ("groupId", feature)],
        "gradualRolloutRandom" => &[("percentage", "0")],
        "remoteAddress" => &[("IPs", "")],
        "userWithId" => &[("userIds", "")],
        _ => &[],
    };
    for (key, value) in needed {
        let slot = parameters.get_or_insert_with(key, String::new);
        if slot.is_empty() {
            slot.push_str(value);
        }
    }
    parameters
}

/// The parameters of a feature's strategy as they are delivered: with shares and lists spelt as all SDKs read
/// them, and the group that decides about its variants, for which SDKs have different defaults.
pub fn delivered_parameters<'s>(strategy: &'s Strategy, feature: &str) -> Cow<'s, SmallMap<String>> {
    let parameters = &strategy.parameters;
    let mut delivered = Cow::Borrowed(parameters);
    for Parameter { name, kind, .. } in find(&strategy.name).into_iter().flat_map(|definition| definition.parameters) {
        let spell = match *kind {
            "percentage" => spelling::percentage,
            "list" => spelling::list,
            _ => continue,
        };
        if let Some(Cow::Owned(plain)) = parameters.get(*name).map(|text| spell(text)) {
            delivered.to_mut().insert((*name).to_owned(), plain);
        }
    }
    if !strategy.variants.is_empty() && !parameters.contains_key("groupId") {
        delivered.to_mut().insert("groupId".to_owned(), feature.to_owned());
    }
    delivered
}

/// A strategy's variants as they are delivered: as sticky as the strategy. Some SDKs go by the one, some by the other.
pub fn delivered_variants(strategy: &Strategy) -> Cow<'_, [Variant]> {
    let stickiness = strategy.parameters.get("stickiness").map_or("default", String::as_str);
    if strategy.variants.iter().all(|variant| variant.stickiness == stickiness) {
        return Cow::Borrowed(&strategy.variants);
    }
    let variants = strategy.variants.iter().cloned();
    Cow::Owned(variants.map(|variant| Variant { stickiness: stickiness.to_owned(), ..variant }).collect())
}
