//! Answers written straight into a buffer, as the frontend API's JSON.

use crate::engine::Engine;
use crate::evaluate::{Decision, Evaluation, Request, Toggles};
use crate::flag::Flag;
use crate::random::RandomSource;

impl Engine {
    /// Evaluates all flags that `request` asks for and appends the answer to `json`:
    ///
    /// `{"toggles":[{"name":…,"enabled":…,"variant":{"name":…,"payload":…,"enabled":…,"feature_enabled":…},"impressionData":…}]}`
    ///
    /// Toggles come by project and name. A variant without payload has no such field.
    pub fn write_frontend(&self, json: &mut Vec<u8>, request: &Request<'_>, random: &mut dyn RandomSource) {
        let mut evaluation = Evaluation::of_all(self, request.context, request.now, random);
        json.extend_from_slice(br#"{"toggles":["#);
        let start = json.len();
        for flag in self.flags_of(request.projects) {
            let decision = evaluation.decide(flag);
            if decision.reason.is_on() || request.toggles == Toggles::All {
                if json.len() > start {
                    json.push(b',');
                }
                write_toggle(json, flag, decision);
            }
        }
        json.extend_from_slice(b"]}");
    }
}

fn write_toggle(json: &mut Vec<u8>, flag: &Flag, decision: Decision<'_>) {
    json.extend_from_slice(flag.json_head.as_bytes());
    let rest: &[u8] = match (decision.reason.is_on(), decision.variant) {
        (true, Some(variant)) => {
            json.extend_from_slice(br#"true,"variant":"#);
            variant.json.as_bytes()
        }
        (true, None) => br#"true,"variant":{"name":"disabled","enabled":false,"feature_enabled":true}"#,
        (false, _) => br#"false,"variant":{"name":"disabled","enabled":false,"feature_enabled":false}"#,
    };
    json.extend_from_slice(rest);
    let tail: &[u8] = if flag.impression_data { br#","impressionData":true}"# } else { br#","impressionData":false}"# };
    json.extend_from_slice(tail);
}
