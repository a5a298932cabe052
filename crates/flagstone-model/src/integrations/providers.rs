//! The kinds of services that can be told of events.

use serde::Serialize;
use utoipa::ToSchema;

/// A kind of service.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = IntegrationProvider)]
pub struct Provider {
    /// What integrations name it by.
    pub name: &'static str,
    /// Its name for people.
    pub display_name: &'static str,
    /// What it does.
    pub description: &'static str,
    /// Where to read more.
    pub documentation_url: &'static str,
    /// How it is set up.
    pub how_to: &'static str,
    /// Why not to choose it any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<&'static str>,
    /// What it needs.
    pub parameters: &'static [ProviderParameter],
    /// The types of events that it can be told of.
    pub events: &'static [&'static str],
    /// The types of tags that it goes by.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub tag_types: &'static [ProviderTagType],
}

/// What a provider needs.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderParameter {
    /// Its key among the parameters.
    pub name: &'static str,
    /// Its name for people.
    pub display_name: &'static str,
    /// What it means.
    pub description: &'static str,
    /// An example.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<&'static str>,
    /// How to enter it: `text`, `url`, or `textfield` for several lines.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Whether it must be there.
    pub required: bool,
    /// Whether it is a secret: then nobody is shown it again.
    pub sensitive: bool,
}

/// A type of tags that a provider goes by.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProviderTagType {
    /// The type's name.
    pub name: &'static str,
    /// What its tags mean.
    pub description: &'static str,
    /// A letter.
    pub icon: &'static str,
}

impl Provider {
    /// Whether a parameter is a secret. One that this provider does not know may be one of another.
    pub fn is_secret(&self, name: &str) -> bool {
        match self.parameters.iter().find(|parameter| parameter.name == name) {
            Some(parameter) => parameter.sensitive,
            None => PROVIDERS.iter().flat_map(|provider| provider.parameters).any(|p| p.name == name && p.sensitive),
        }
    }
}

/// The provider of this name.
pub fn provider(name: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.name == name)
}

const fn parameter(name: &'static str, display_name: &'static str, description: &'static str) -> ProviderParameter {
    ProviderParameter {
        name,
        display_name,
        description,
        placeholder: None,
        kind: "text",
        required: false,
        sensitive: false,
    }
}

const fn secret(parameter: ProviderParameter) -> ProviderParameter {
    ProviderParameter { sensitive: true, ..parameter }
}

const fn required(parameter: ProviderParameter) -> ProviderParameter {
    ProviderParameter { required: true, ..parameter }
}

const fn url(parameter: ProviderParameter) -> ProviderParameter {
    ProviderParameter { kind: "url", ..parameter }
}

const HEADERS: ProviderParameter = ProviderParameter {
    kind: "textfield",
    placeholder: Some(r#"{"X-Team": "checkout"}"#),
    ..secret(parameter(
        "customHeaders",
        "More HTTP headers",
        "Headers that every request carries besides: a JSON object of names and texts.",
    ))
};

const TEMPLATE: ProviderParameter = ProviderParameter {
    kind: "textfield",
    placeholder: Some(r#"{"what": "{{event.type}}", "who": "{{event.createdBy}}", "event": {{{eventJson}}}}"#),
    ..parameter(
        "bodyTemplate",
        "Template of the body",
        "What is sent instead of the usual text: a Mustache template that knows `event` with its fields, `eventJson` (all \
         of it, best in three braces) and `eventMarkdown` (a sentence).",
    )
};

/// The types of events that this server records.
const EVENTS: &[&str] = &[
    "addon-config-created",
    "addon-config-deleted",
    "addon-config-updated",
    "api-token-created",
    "api-token-deleted",
    "api-token-updated",
    "application-created",
    "context-field-created",
    "context-field-deleted",
    "context-field-updated",
    "default-strategy-updated",
    "environment-created",
    "environment-deleted",
    "environment-updated",
    "feature-archived",
    "feature-completed",
    "feature-created",
    "feature-deleted",
    "feature-dependencies-removed",
    "feature-dependency-added",
    "feature-dependency-removed",
    "feature-environment-disabled",
    "feature-environment-enabled",
    "feature-environment-variants-updated",
    "feature-favorited",
    "feature-link-added",
    "feature-link-removed",
    "feature-link-updated",
    "feature-metadata-updated",
    "feature-potentially-stale-on",
    "feature-project-change",
    "feature-revived",
    "feature-stale-off",
    "feature-stale-on",
    "feature-strategy-add",
    "feature-strategy-remove",
    "feature-strategy-update",
    "feature-tagged",
    "feature-type-updated",
    "feature-uncompleted",
    "feature-unfavorited",
    "feature-untagged",
    "feature-updated",
    "feature-variants-updated",
    "features-exported",
    "features-imported",
    "password-reset-issued",
    "pat-created",
    "pat-deleted",
    "project-archived",
    "project-created",
    "project-deleted",
    "project-environment-added",
    "project-environment-removed",
    "project-favorited",
    "project-revived",
    "project-unfavorited",
    "project-updated",
    "public-signup-token-created",
    "public-signup-token-updated",
    "public-signup-token-user-added",
    "segment-created",
    "segment-deleted",
    "segment-updated",
    "setting-created",
    "setting-updated",
    "strategy-created",
    "strategy-deleted",
    "strategy-deprecated",
    "strategy-order-changed",
    "strategy-reactivated",
    "strategy-updated",
    "tag-created",
    "tag-deleted",
    "tag-type-created",
    "tag-type-deleted",
    "tag-type-updated",
    "user-created",
    "user-deleted",
    "user-feedback-given",
    "user-password-changed",
    "user-splash-seen",
    "user-updated",
];

const SLACK_TAGS: &[ProviderTagType] = &[ProviderTagType {
    name: "slack",
    description: "The Slack channel that is told of what happens to a feature.",
    icon: "S",
}];

const DATADOG_TAGS: &[ProviderTagType] =
    &[ProviderTagType { name: "datadog", description: "What Datadog's events carry as tags.", icon: "D" }];
const NEW_RELIC_TAGS: &[ProviderTagType] =
    &[ProviderTagType { name: "new-relic", description: "What New Relic's events carry as tags.", icon: "N" }];

/// Every provider there is.
pub const PROVIDERS: &[Provider] = &[
    Provider {
        name: "webhook",
        display_name: "Webhook",
        description: "Posts events to an HTTP address of your own.",
        documentation_url: "https://mustache.github.io/mustache.5.html",
        how_to: "Every event is posted as JSON, or as your template has it, in the order in which it happened. An answer of \
                 2xx means that it has arrived; after 408, 429, 5xx or no answer it comes again for some minutes. An event \
                 can arrive twice: its `id` tells.",
        deprecated: None,
        parameters: &[
            secret(required(url(parameter("url", "Address", "Where events are posted to.")))),
            ProviderParameter {
                placeholder: Some("application/json"),
                ..parameter("contentType", "Content type", "What the body is; application/json if omitted.")
            },
            secret(parameter("authorization", "Authorization", "The Authorization header; none if omitted.")),
            HEADERS,
            TEMPLATE,
        ],
        events: EVENTS,
        tag_types: &[],
    },
    Provider {
        name: "slack-app",
        display_name: "Slack app",
        description: "Posts messages to channels of your Slack workspace, as an app of that workspace.",
        documentation_url: "https://docs.slack.dev/reference/methods/chat.postMessage",
        how_to: "Create an app in your workspace with the scopes chat:write and chat:write.public, install it, and enter its \
                 bot token. To post to a private channel, invite the app there.",
        deprecated: None,
        parameters: &[
            secret(required(parameter("accessToken", "Bot token", "The token of the app; it begins with xoxb-."))),
            parameter("defaultChannels", "Channels", "The channels that are told of every event, separated by commas."),
        ],
        events: EVENTS,
        tag_types: SLACK_TAGS,
    },
    Provider {
        name: "slack",
        display_name: "Slack",
        description: "Posts messages to Slack through an incoming webhook.",
        documentation_url: "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks",
        how_to: "Create an incoming webhook in Slack and enter its address.",
        deprecated: Some("Slack ties new webhooks to one channel: the Slack app does more."),
        parameters: &[
            secret(required(url(parameter("url", "Address", "The address of the incoming webhook.")))),
            ProviderParameter {
                placeholder: Some("Flagstone"),
                ..parameter("username", "User name", "Who the messages seem to be from; Flagstone if omitted.")
            },
            ProviderParameter {
                placeholder: Some(":triangular_flag_on_post:"),
                ..parameter("emojiIcon", "Emoji", "The picture beside the messages.")
            },
            required(parameter("defaultChannel", "Channel", "The channel that is told of events.")),
            HEADERS,
        ],
        events: EVENTS,
        tag_types: SLACK_TAGS,
    },
    Provider {
        name: "teams",
        display_name: "Microsoft Teams",
        description: "Posts messages to Microsoft Teams through an incoming webhook.",
        documentation_url: "https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook",
        how_to: "Add an incoming webhook to a channel and enter its address.",
        deprecated: Some("Microsoft ends these webhooks: choose the one by workflow."),
        parameters: &[
            secret(required(url(parameter("url", "Address", "The address of the incoming webhook.")))),
            HEADERS,
        ],
        events: EVENTS,
        tag_types: &[],
    },
    Provider {
        name: "teamsworkflow",
        display_name: "Microsoft Teams by workflow",
        description: "Posts cards to Microsoft Teams through a workflow.",
        documentation_url: "https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook",
        how_to: "Create a workflow that posts to a channel when a webhook request is received, and enter its address.",
        deprecated: None,
        parameters: &[secret(required(url(parameter("url", "Address", "The address of the workflow.")))), HEADERS],
        events: EVENTS,
        tag_types: &[],
    },
    Provider {
        name: "datadog",
        display_name: "Datadog",
        description: "Posts events to Datadog's event stream.",
        documentation_url: "https://docs.datadoghq.com/api/latest/events/",
        how_to: "Create an API key in Datadog and enter it; outside of the site US1 the address as well.",
        deprecated: None,
        parameters: &[
            url(parameter(
                "url",
                "Address",
                "Where events are posted to; https://api.datadoghq.com/api/v1/events if omitted.",
            )),
            secret(required(parameter("apiKey", "API key", "A key of your Datadog organization."))),
            parameter("sourceTypeName", "Source type", "What Datadog takes the events' source for."),
            HEADERS,
            TEMPLATE,
        ],
        events: EVENTS,
        tag_types: DATADOG_TAGS,
    },
    Provider {
        name: "new-relic",
        display_name: "New Relic",
        description: "Posts events to New Relic's Event API.",
        documentation_url: "https://docs.newrelic.com/docs/data-apis/ingest-apis/event-api/introduction-event-api/",
        how_to: "Create a licence key in New Relic; the address names your account and region.",
        deprecated: None,
        parameters: &[
            required(url(parameter(
                "url",
                "Address",
                "For instance https://insights-collector.newrelic.com/v1/accounts/YOUR_ACCOUNT_ID/events.",
            ))),
            secret(required(parameter("licenseKey", "Licence key", "A key for ingest."))),
            HEADERS,
            TEMPLATE,
        ],
        events: EVENTS,
        tag_types: NEW_RELIC_TAGS,
    },
];
