//! The types of strategies that every installation knows.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::Faults;

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
    /// Adds a fault for each percentage that is none.
    pub fn check_parameters(&self, faults: &mut Faults, path: &str, parameters: &BTreeMap<String, Value>) {
        for parameter in self.parameters.iter().filter(|p| p.kind == "percentage") {
            let number = match parameters.get(parameter.name) {
                None | Some(Value::Null) => continue,
                Some(Value::String(text)) => text.trim().parse().ok(),
                Some(other) => other.as_f64(),
            };
            if !number.is_some_and(|n| (0.0..=100.0).contains(&n)) {
                faults.add(format!("{path}/{}", parameter.name), "The share must be a number from 0 to 100.");
            }
        }
    }
}
