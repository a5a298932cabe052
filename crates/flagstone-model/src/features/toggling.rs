//! Switching features on and off.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Feature, StrategyInput, distinct, find_live, find_named_environment, strategy_from, with_environment};
use crate::draft::{Draft, NewEvent};
use crate::error::Error;
use crate::limits::Limits;
use crate::segments::check_references;

/// What happens to disabled strategies when a feature is switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DisabledStrategies {
    /// They stay disabled.
    Keep,
    /// They are all enabled.
    Activate,
}

/// Switches a feature on in one environment. One without any active strategy gets the project's default strategy,
/// or a gradual rollout to everybody, because otherwise "on" would mean "off".
pub fn switch_on(
    draft: &mut Draft,
    (project, name, environment): (&str, &str, &str),
    disabled: DisabledStrategies,
) -> Result<(), Error> {
    find_named_environment(find_live(draft, project, name)?, environment)?;
    with_environment(draft, (project, name, environment), |draft, feature, state| {
        if state.enabled {
            return Ok(());
        }
        if disabled == DisabledStrategies::Activate {
            for strategy in state.strategies.iter_mut().filter(|s| s.disabled) {
                let before = strategy.clone();
                strategy.disabled = false;
                let event = NewEvent::new("feature-strategy-update").feature(feature).environment(environment);
                draft.record(event.data(&*strategy).pre_data(before));
            }
        }
        if state.strategies.iter().all(|s| s.disabled) {
            Limits::room(
                "strategies of a feature in one environment",
                state.strategies.len(),
                draft.limits().feature_environment_strategies,
            )?;
            let input = default_strategy(draft, feature, environment);
            check_references(draft, project, &input.segments)?;
            let sort_order = state.strategies.iter().map(|s| s.sort_order).max().map_or(0, |n| n.saturating_add(1));
            let strategy = strategy_from(draft, feature, input, sort_order);
            let event = NewEvent::new("feature-strategy-add").feature(feature).environment(environment);
            draft.record(event.data(&strategy));
            state.strategies.push(strategy);
        }
        state.enabled = true;
        state.switched_on_at.get_or_insert(draft.now());
        draft.record(toggled("feature-environment-enabled", feature, environment));
        Ok(())
    })
}

/// Switches a feature off in one environment.
pub fn switch_off(draft: &mut Draft, (project, name, environment): (&str, &str, &str)) -> Result<(), Error> {
    find_named_environment(find_live(draft, project, name)?, environment)?;
    with_environment(draft, (project, name, environment), |draft, feature, state| {
        if state.enabled {
            state.enabled = false;
            draft.record(toggled("feature-environment-disabled", feature, environment));
        }
        Ok(())
    })
}

/// Switches several features of one project on or off in one environment.
pub fn bulk_toggle(
    draft: &mut Draft,
    project: &str,
    environment: &str,
    names: &[String],
    toggle: impl Fn(&mut Draft, (&str, &str, &str)) -> Result<(), Error>,
) -> Result<(), Error> {
    crate::projects::find_live(draft, project)?;
    distinct(names, draft.limits())?.iter().try_for_each(|name| toggle(draft, (project, name, environment)))
}

/// The strategy that a feature gets which is switched on without an active one.
pub(crate) fn default_strategy(draft: &Draft, feature: &Feature, environment: &str) -> StrategyInput {
    let of_project = draft
        .projects
        .get(&feature.project)
        .and_then(|project| project.environments.get(environment)?.default_strategy.clone());
    of_project.unwrap_or_else(|| {
        let stickiness = draft.projects.get(&feature.project).map_or("default", |p| p.default_stickiness.as_str());
        StrategyInput {
            name: "flexibleRollout".to_owned(),
            parameters: [("rollout", "100"), ("stickiness", stickiness), ("groupId", &feature.name)]
                .map(|(key, value)| (key.to_owned(), Value::from(value)))
                .into(),
            ..StrategyInput::default()
        }
    })
}

fn toggled(kind: &'static str, feature: &Feature, environment: &str) -> NewEvent {
    NewEvent::new(kind).feature(feature).environment(environment)
}
