//! The one table: every operation there is, with a request that succeeds on the [`crate::world`].

use serde_json::{Value, json};

use crate::fixture::{Answer, EDGE, Fixture};
use crate::world::{PASSWORD, World, session, with_cookie};

/// Who sends the request that succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Admin,
    /// The first administrator, by a personal access token.
    User,
    /// The first administrator, by a session.
    Session,
    Backend,
    Frontend,
    /// A backend or a frontend token: both work.
    Sdk,
    /// An edge that signs its requests.
    Edge,
    Nobody,
}

/// What the request does to the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    Nothing,
    /// It is changed, and the audit events name this.
    Changes(String),
    /// It stays as it is, and an audit event names this: who has taken what along.
    Told(String),
}

/// An operation.
#[derive(Clone, Debug)]
pub struct Row {
    pub method: &'static str,
    /// The path as it is published.
    pub template: &'static str,
    /// What stands behind the path's question mark.
    query: String,
    /// The values of its parameters that are not the usual ones.
    at: Vec<(&'static str, String)>,
    pub body: Value,
    pub status: u16,
    pub by: By,
    pub effect: Effect,
}

impl Row {
    fn new(method: &'static str, template: &'static str) -> Self {
        let status = 200;
        let query = String::new();
        Self {
            method,
            template,
            query,
            at: Vec::new(),
            body: Value::Null,
            status,
            by: By::Admin,
            effect: Effect::Nothing,
        }
    }

    fn at(mut self, parameter: &'static str, value: &str) -> Self {
        self.at.push((parameter, value.to_owned()));
        self
    }

    fn query(mut self, query: &str) -> Self {
        query.clone_into(&mut self.query);
        self
    }

    fn body(mut self, body: Value) -> Self {
        self.body = body;
        self
    }

    fn by(mut self, by: By) -> Self {
        self.by = by;
        self
    }

    fn answers(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    fn changes(mut self, object: &str) -> Self {
        self.effect = Effect::Changes(object.to_owned());
        self
    }

    fn tells_of(mut self, object: &str) -> Self {
        self.effect = Effect::Told(object.to_owned());
        self
    }

    /// The value of a parameter of the path.
    pub fn parameter(&self, world: &World, name: &str) -> String {
        if let Some((_, value)) = self.at.iter().find(|(at, _)| *at == name) {
            return value.clone();
        }
        match name {
            "projectId" => "alpha",
            "featureName" | "key" => "flag",
            "environment" => "development",
            "strategyId" => world.get("strategy"),
            "contextField" => "plan",
            "linkId" => world.get("link"),
            "type" => "team",
            "value" => "blue",
            other => panic!("{} {} needs a value for {other}", self.method, self.template),
        }
        .to_owned()
    }

    /// The path with real ids.
    pub fn path(&self, world: &World) -> String {
        match self.query.as_str() {
            "" => self.path_with(world, &[]),
            query => format!("{}?{query}", self.path_with(world, &[])),
        }
    }

    /// The path with real ids, and others in place of some.
    pub fn path_with(&self, world: &World, others: &[(&str, &str)]) -> String {
        let part = |part: &str| match part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
            Some(name) => match others.iter().find(|(other, _)| *other == name) {
                Some((_, value)) => (*value).to_owned(),
                None => self.parameter(world, name),
            },
            None => part.to_owned(),
        };
        self.template.split('/').map(part).collect::<Vec<_>>().join("/")
    }

    /// Whether the path has this parameter.
    pub fn has(&self, parameter: &str) -> bool {
        self.template.contains(&format!("{{{parameter}}}"))
    }

    /// Sends the request as the one whom it succeeds for.
    pub async fn send(&self, it: &Fixture, world: &World) -> Answer {
        let secret = match self.by {
            By::Nobody => "",
            By::Admin => world.get("admin token"),
            By::User => world.get("admin"),
            By::Backend => world.get("backend"),
            By::Edge => EDGE,
            By::Frontend | By::Sdk => world.get("frontend"),
            By::Session => {
                let cookie = session(it).await;
                return it.send(with_cookie(&cookie, self.method, &self.path(world), &self.body)).await;
            }
        };
        self.send_as(it, world, secret).await
    }

    /// Sends the request with these credentials.
    pub async fn send_as(&self, it: &Fixture, world: &World, secret: &str) -> Answer {
        it.call(secret, self.method, &self.path(world), self.body.clone()).await
    }
}

macro_rules! rows {
    ($($method:ident $template:literal $($call:ident($($argument:expr),*)),*;)+) => {
        vec![$(Row::new(stringify!($method), $template)$(.$call($($argument),*))*),+]
    };
}

/// Every operation.
pub fn rows(world: &World) -> Vec<Row> {
    [
        tokens(world),
        projects(),
        environments(),
        favorites(),
        features(),
        feature_environments(world),
        lives(),
        links(),
        shared(world),
        tags(),
        transfers(),
        integrations(world),
        people(world),
        sdks(),
    ]
    .concat()
}

fn tokens(world: &World) -> Vec<Row> {
    let of_all = world.get("token of all");
    let selector = world.get("backend's selector");
    rows! {
        GET "/api/admin/api-tokens";
        POST "/api/admin/api-tokens" body(json!({"type": "backend", "tokenName": "new", "projects": ["alpha", "empty"]})), answers(201), changes("new");
        GET "/api/admin/api-tokens/{token}" at("token", of_all);
        PUT "/api/admin/api-tokens/{token}" at("token", of_all), body(json!({"expiresAt": "2029-01-01T00:00:00Z"})), changes("for all");
        DELETE "/api/admin/api-tokens/{token}" at("token", of_all), changes("for all");
        GET "/api/admin/projects/{projectId}/api-tokens";
        POST "/api/admin/projects/{projectId}/api-tokens" body(json!({"type": "backend", "tokenName": "new"})), answers(201), changes("new");
        GET "/api/admin/projects/{projectId}/api-tokens/{token}" at("token", selector);
        DELETE "/api/admin/projects/{projectId}/api-tokens/{token}" at("token", selector), changes("backend");
    }
}

fn projects() -> Vec<Row> {
    rows! {
        GET "/api/admin/projects";
        POST "/api/admin/projects" body(json!({"id": "new", "name": "New"})), answers(201), changes("new");
        POST "/api/admin/projects/validate" body(json!({"id": "new"}));
        GET "/api/admin/projects/{projectId}";
        PUT "/api/admin/projects/{projectId}" body(json!({"name": "Renamed"})), changes("alpha");
        DELETE "/api/admin/projects/{projectId}" at("projectId", "empty"), changes("empty");
        GET "/api/admin/projects/{projectId}/overview";
        PUT "/api/admin/projects/{projectId}/settings" body(json!({"mode": "protected"})), changes("alpha");
        POST "/api/admin/projects/archive/{projectId}" at("projectId", "empty"), changes("empty");
        POST "/api/admin/projects/revive/{projectId}" at("projectId", "gone"), changes("gone");
        POST "/api/admin/projects/{projectId}/environments" body(json!({"environment": "staging"})), changes("alpha");
        DELETE "/api/admin/projects/{projectId}/environments/{environment}" at("environment", "production"), changes("alpha");
        POST "/api/admin/projects/{projectId}/environments/{environment}/default-strategy" body(json!({"name": "default", "parameters": {}})), changes("alpha");
    }
}

fn environments() -> Vec<Row> {
    rows! {
        GET "/api/admin/environments";
        POST "/api/admin/environments" body(json!({"name": "new", "type": "test"})), answers(201), changes("new");
        POST "/api/admin/environments/validate" body(json!({"name": "new"}));
        PUT "/api/admin/environments/sort-order" body(json!({"production": 1, "development": 2})), changes("production");
        PUT "/api/admin/environments/update/{name}" at("name", "staging"), body(json!({"type": "other"})), changes("staging");
        GET "/api/admin/environments/project/{projectId}";
        GET "/api/admin/environments/{name}" at("name", "staging");
        DELETE "/api/admin/environments/{name}" at("name", "staging"), changes("staging");
        POST "/api/admin/environments/{name}/clone" at("name", "development"), body(json!({"name": "copy"})), answers(201), changes("copy");
        POST "/api/admin/environments/{name}/on" at("name", "closed"), answers(204), changes("closed");
        POST "/api/admin/environments/{name}/off" at("name", "staging"), answers(204), changes("staging");
    }
}

fn features() -> Vec<Row> {
    rows! {
        POST "/api/admin/features/validate" body(json!({"name": "new", "projectId": "alpha"}));
        GET "/api/admin/projects/{projectId}/features";
        POST "/api/admin/projects/{projectId}/features" body(json!({"name": "new"})), answers(201), changes("new");
        GET "/api/admin/projects/{projectId}/features/{featureName}";
        GET "/api/admin/projects/{projectId}/features/{featureName}/overview";
        GET "/api/admin/projects/{projectId}/features/{featureName}/exposure";
        PUT "/api/admin/projects/{projectId}/features/{featureName}" body(json!({"description": "New text"})), changes("flag");
        PATCH "/api/admin/projects/{projectId}/features/{featureName}" body(json!([{"op": "replace", "path": "/description", "value": "New text"}])), changes("flag");
        DELETE "/api/admin/projects/{projectId}/features/{featureName}" answers(202), changes("flag");
        POST "/api/admin/projects/{projectId}/features/{featureName}/clone" body(json!({"name": "copy"})), answers(201), changes("copy");
        POST "/api/admin/archive/revive/{featureName}" at("featureName", "old"), changes("old");
        DELETE "/api/admin/archive/{featureName}" at("featureName", "old"), changes("old");
        POST "/api/admin/projects/{projectId}/archive" body(json!({"features": ["flag", "other"]})), answers(202), changes("other");
        POST "/api/admin/projects/{projectId}/archive/validate" body(json!({"features": ["parent"]}));
        POST "/api/admin/projects/{projectId}/revive" body(json!({"features": ["old"]})), changes("old");
        POST "/api/admin/projects/{projectId}/delete" body(json!({"features": ["old"]})), changes("old");
        POST "/api/admin/projects/{projectId}/stale" body(json!({"features": ["flag", "other"], "stale": true})), answers(202), changes("other");
        GET "/api/admin/projects/{projectId}/dependencies";
        POST "/api/admin/projects/{projectId}/features/{featureName}/dependencies" body(json!({"feature": "other"})), changes("flag");
        DELETE "/api/admin/projects/{projectId}/features/{featureName}/dependencies" at("featureName", "child"), changes("child");
        DELETE "/api/admin/projects/{projectId}/features/{featureName}/dependencies/{parent}" at("featureName", "child"), at("parent", "parent"), changes("child");
        GET "/api/admin/projects/{projectId}/features/{featureName}/parents";
        GET "/api/admin/projects/{projectId}/features/{featureName}/parent-variants";
    }
}

fn feature_environments(world: &World) -> Vec<Row> {
    let own = world.get("own segment").parse::<i64>().unwrap();
    let (first, second) = (world.get("strategy"), world.get("second strategy"));
    let green = json!([{"name": "green", "weight": 1000, "stickiness": "default"}]);
    rows! {
        GET "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}";
        POST "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/on" changes("flag");
        POST "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/off" at("featureName", "lit"), changes("lit");
        POST "/api/admin/projects/{projectId}/bulk_features/environments/{environment}/on" body(json!({"features": ["flag", "other"]})), changes("other");
        POST "/api/admin/projects/{projectId}/bulk_features/environments/{environment}/off" body(json!({"features": ["lit", "flag"]})), changes("lit");
        GET "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/strategies";
        POST "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/strategies" body(json!({"name": "default"})), changes("flag");
        POST "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/strategies/set-sort-order" body(json!([{"id": first, "sortOrder": 9}, {"id": second, "sortOrder": 1}])), changes(first);
        GET "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/strategies/{strategyId}";
        PUT "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/strategies/{strategyId}" body(json!({"name": "flexibleRollout", "parameters": {"rollout": "70"}})), changes(first);
        PATCH "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/strategies/{strategyId}" body(json!([{"op": "replace", "path": "/title", "value": "New"}])), changes(first);
        DELETE "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/strategies/{strategyId}" changes(first);
        GET "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/variants";
        PUT "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/variants" body(green.clone()), changes("green");
        PATCH "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/variants" body(json!([{"op": "replace", "path": "/0/name", "value": "green"}])), changes("green");
        PUT "/api/admin/projects/{projectId}/features/{featureName}/variants-batch" body(json!({"environments": ["development", "production"], "variants": green})), changes("green");
        POST "/api/admin/segments/strategies" body(json!({"projectId": "alpha", "strategyId": first, "environmentId": "development", "segmentIds": [own]})), answers(201), changes(first);
    }
}

fn shared(world: &World) -> Vec<Row> {
    let gold = json!([{"contextName": "plan", "operator": "IN", "values": ["gold", "free"]}]);
    let (shared, spare) = (world.get("shared segment"), world.get("spare segment"));
    rows! {
        GET "/api/admin/segments";
        POST "/api/admin/segments" body(json!({"name": "new", "project": "alpha", "constraints": gold})), answers(201), changes("new");
        POST "/api/admin/segments/validate" body(json!({"name": "new"})), answers(204);
        GET "/api/admin/segments/{id}" at("id", shared);
        PUT "/api/admin/segments/{id}" at("id", spare), body(json!({"name": "renamed", "project": "alpha", "constraints": gold})), answers(204), changes("renamed");
        DELETE "/api/admin/segments/{id}" at("id", spare), answers(204), changes("spare");
        GET "/api/admin/segments/{id}/strategies" at("id", shared);
        GET "/api/admin/segments/strategies/{strategyId}";
        GET "/api/admin/context";
        POST "/api/admin/context" body(json!({"name": "new", "legalValues": [{"value": "a"}]})), answers(201), changes("new");
        POST "/api/admin/context/validate" body(json!({"name": "new"}));
        GET "/api/admin/context/{contextField}";
        PUT "/api/admin/context/{contextField}" body(json!({"description": "New text"})), changes("plan");
        DELETE "/api/admin/context/{contextField}" at("contextField", "spare"), changes("spare");
        GET "/api/admin/context/{contextField}/strategies";
        POST "/api/admin/context/{contextField}/legal-values" body(json!({"value": "silver"})), changes("silver");
        DELETE "/api/admin/context/{contextField}/legal-values/{legalValue}" at("legalValue", "free"), changes("free");
        GET "/api/admin/projects/{projectId}/context";
        POST "/api/admin/projects/{projectId}/context" body(json!({"name": "new", "legalValues": [{"value": "a"}]})), answers(201), changes("new");
        POST "/api/admin/projects/{projectId}/context/validate" body(json!({"name": "new"}));
        GET "/api/admin/projects/{projectId}/context/{contextField}" at("contextField", "own");
        PUT "/api/admin/projects/{projectId}/context/{contextField}" at("contextField", "own"), body(json!({"description": "New text"})), changes("own");
        DELETE "/api/admin/projects/{projectId}/context/{contextField}" at("contextField", "own"), changes("own");
        GET "/api/admin/projects/{projectId}/context/{contextField}/strategies" at("contextField", "own");
        POST "/api/admin/projects/{projectId}/context/{contextField}/legal-values" at("contextField", "own"), body(json!({"value": "silver"})), changes("silver");
        DELETE "/api/admin/projects/{projectId}/context/{contextField}/legal-values/{legalValue}" at("contextField", "own"), at("legalValue", "free"), changes("free");
        POST "/api/admin/constraints/validate" body(json!({"contextName": "plan", "operator": "IN", "values": ["gold"]})), answers(204);
        GET "/api/admin/strategies";
        GET "/api/admin/strategies/{name}" at("name", "flexibleRollout");
        GET "/api/admin/strategies/{name}/features" at("name", "flexibleRollout");
        POST "/api/admin/strategies" body(json!({"name": "new", "parameters": [{"name": "region", "type": "list"}]})), answers(201), changes("new");
        PUT "/api/admin/strategies/{name}" at("name", "spare"), body(json!({"parameters": [{"name": "region", "type": "list"}]})), changes("spare");
        DELETE "/api/admin/strategies/{name}" at("name", "spare"), changes("spare");
        POST "/api/admin/strategies/{strategyName}/deprecate" at("strategyName", "spare"), changes("spare");
        POST "/api/admin/strategies/{strategyName}/reactivate" at("strategyName", "userWithId"), changes("userWithId");
        GET "/api/admin/feature-types";
        PUT "/api/admin/feature-types/{id}/lifetime" at("id", "release"), body(json!({"lifetimeDays": 7})), changes("release");
        GET "/api/admin/client-metrics/features/{name}" at("name", "flag");
        GET "/api/admin/client-metrics/features/{name}/raw" at("name", "flag");
        GET "/api/admin/instance-admin/statistics";
        GET "/api/admin/instance-admin/statistics/csv";
        GET "/api/admin/lifecycle/count";
        GET "/api/admin/home";
        GET "/api/admin/personal-dashboard" by(By::User);
        GET "/api/admin/personal-dashboard/{projectId}" by(By::User);
        GET "/api/admin/projects/{projectId}/dora";
        GET "/api/admin/projects/{projectId}/health-report";
        GET "/api/admin/projects/{projectId}/insights";
        GET "/api/admin/projects/{projectId}/status";
        POST "/api/admin/playground" body(json!({"environment": "development", "context": {"appName": "shop", "userId": "7"}}));
        POST "/api/admin/projects/{projectId}/features/{featureName}/explain" body(json!({"context": {"appName": "shop", "userId": "7", "plan": "gold"}}));
        POST "/api/admin/playground/advanced" body(json!({"environments": ["development", "production"], "projects": "*", "context": {"appName": "shop,till", "weight": 7}}));
        GET "/api/admin/metrics/applications";
        GET "/api/admin/metrics/applications/{appName}" at("appName", "shop");
        POST "/api/admin/metrics/applications/{appName}" at("appName", "shop"), body(json!({"icon": "cart", "url": "https://example.com"})), answers(202);
        DELETE "/api/admin/metrics/applications/{appName}" at("appName", "shop");
        GET "/api/admin/metrics/applications/{appName}/overview" at("appName", "shop");
        GET "/api/admin/metrics/instances/{appName}/environment/{environment}" at("appName", "shop");
        GET "/api/admin/metrics/sdks/outdated";
        GET "/api/admin/metrics/unknown-flags";
        GET "/api/admin/metrics/seen-apps" answers(410);
        GET "/api/admin/metrics/seen-toggles" answers(410);
        GET "/api/admin/metrics/feature-toggles" answers(410);
        GET "/api/admin/metrics/feature-toggles/{name}" at("name", "flag"), answers(410);
        GET "/api/admin/projects/{projectId}/applications";
        GET "/api/admin/projects/{projectId}/sdks/outdated";
        GET "/api/admin/search/events";
        GET "/api/admin/search/features";
        GET "/api/admin/events";
        GET "/api/admin/events/{featureName}";
        GET "/api/admin/event-creators";
        GET "/api/admin/email/preview/html/{template}" at("template", "reset-password");
        GET "/api/admin/email/preview/text/{template}" at("template", "getting-started");
        GET "/api/admin/maintenance";
        POST "/api/admin/maintenance" body(json!({"enabled": true})), answers(204), changes("maintenance.mode");
        GET "/api/admin/telemetry/settings";
        POST "/api/admin/ui-config/cors" body(json!({"frontendApiOrigins": ["https://shop.example"]})), answers(204), changes("https://shop.example");
        GET "/api/admin/ui-config";
        GET "/api/admin/flag-creators";
        GET "/api/admin/projects/{projectId}/flag-creators";
        POST "/api/admin/splash/{id}" by(By::User), at("id", "welcome"), changes("welcome");
        POST "/api/admin/feedback" by(By::User), body(json!({"feedbackId": "question"})), changes("question");
        PUT "/api/admin/feedback/{id}" by(By::User), at("id", "question"), body(json!({"neverShow": true})), changes("question");
        POST "/api/admin/record-ui-error" body(json!({"errorMessage": "It broke."})), answers(204);
    }
}

fn favorites() -> Vec<Row> {
    rows! {
        POST "/api/admin/projects/{projectId}/features/{featureName}/favorites" by(By::User), changes("flag");
        DELETE "/api/admin/projects/{projectId}/features/{featureName}/favorites" by(By::User), at("featureName", "lit"), changes("lit");
        POST "/api/admin/projects/{projectId}/favorites" by(By::User), changes("alpha");
        DELETE "/api/admin/projects/{projectId}/favorites" by(By::User), at("projectId", "omega"), changes("omega");
    }
}

fn lives() -> Vec<Row> {
    rows! {
        GET "/api/admin/projects/{projectId}/features/{featureName}/lifecycle";
        POST "/api/admin/projects/{projectId}/features/{featureName}/lifecycle/complete" body(json!({"status": "kept", "statusValue": "blue"})), changes("feature-completed");
        POST "/api/admin/projects/{projectId}/features/{featureName}/lifecycle/uncomplete" at("featureName", "other"), changes("feature-uncompleted");
    }
}

fn links() -> Vec<Row> {
    let link = json!({"url": "https://tickets.example.com/8", "title": "Ticket"});
    rows! {
        POST "/api/admin/projects/{projectId}/features/{featureName}/link" body(link.clone()), answers(204), changes("tickets.example.com/8");
        PUT "/api/admin/projects/{projectId}/features/{featureName}/link/{linkId}" body(link), answers(204), changes("tickets.example.com/8");
        DELETE "/api/admin/projects/{projectId}/features/{featureName}/link/{linkId}" answers(204), changes("tickets.example.com/7");
    }
}

fn tags() -> Vec<Row> {
    let (blue, red) = (json!({"type": "team", "value": "blue"}), json!({"type": "team", "value": "red"}));
    rows! {
        GET "/api/admin/tag-types";
        POST "/api/admin/tag-types" body(json!({"name": "new", "color": "#ff8000"})), answers(201), changes("new");
        POST "/api/admin/tag-types/validate" body(json!({"name": "new"}));
        GET "/api/admin/tag-types/{name}" at("name", "team");
        PUT "/api/admin/tag-types/{name}" at("name", "team"), body(json!({"description": "Who"})), changes("team");
        DELETE "/api/admin/tag-types/{name}" at("name", "team"), changes("team");
        GET "/api/admin/tags";
        POST "/api/admin/tags" by(By::User), body(red.clone()), answers(201), changes("red");
        GET "/api/admin/tags/{type}";
        GET "/api/admin/tags/{type}/{value}";
        DELETE "/api/admin/tags/{type}/{value}" changes("blue");
        GET "/api/admin/features/{featureName}/tags";
        POST "/api/admin/features/{featureName}/tags" body(red.clone()), answers(201), changes("red");
        PUT "/api/admin/features/{featureName}/tags" body(json!({"addedTags": [red], "removedTags": [blue]})), changes("red");
        DELETE "/api/admin/features/{featureName}/tags/{type}/{value}" changes("blue");
        PUT "/api/admin/projects/{projectId}/tags" body(json!({"features": ["flag", "other"], "tags": {"addedTags": [red], "removedTags": []}})), changes("other");
    }
}

fn transfers() -> Vec<Row> {
    let data = json!({"features": [{"name": "imported"}], "featureStrategies": [], "tagTypes": []});
    let import = json!({"project": "alpha", "environment": "development", "data": data});
    rows! {
        POST "/api/admin/features-batch/export" by(By::User), body(json!({"environment": "development", "features": ["flag"]})), tells_of("flag");
        POST "/api/admin/features-batch/validate" body(import.clone());
        POST "/api/admin/features-batch/preview" body(import.clone());
        POST "/api/admin/features-batch/import" body(import), changes("imported");
    }
}

fn integrations(world: &World) -> Vec<Row> {
    let (first, spare) = (world.get("integration"), world.get("spare integration"));
    let hook = json!({
        "provider": "webhook", "enabled": false, "description": "told", "events": ["feature-archived"],
        "parameters": {"url": "https://hooks.example.com/other"},
    });
    rows! {
        GET "/api/admin/addons";
        POST "/api/admin/addons" body(hook.clone()), answers(201), changes("told");
        GET "/api/admin/addons/{id}" at("id", first);
        PUT "/api/admin/addons/{id}" at("id", first), body(hook), changes("told");
        DELETE "/api/admin/addons/{id}" at("id", spare), changes("spare integration");
        GET "/api/admin/addons/{id}/events" at("id", first);
        POST "/api/admin/addons/{id}/test" at("id", world.get("chat integration"));
    }
}

fn people(world: &World) -> Vec<Row> {
    let (spare, reset, link) = (world.get("spare user"), world.get("reset link"), world.get("sign-up link"));
    let password = "Another-password-2";
    rows! {
        GET "/api/admin/live";
        GET "/api/admin/roles";
        GET "/api/admin/user";
        GET "/api/admin/user/profile" by(By::User);
        GET "/api/admin/user/roles" by(By::User);
        POST "/api/admin/user/change-password" by(By::User), body(json!({"password": password, "confirmPassword": password, "oldPassword": PASSWORD})), changes("1");
        GET "/api/admin/user/tokens" by(By::User);
        POST "/api/admin/user/tokens" by(By::Session), body(json!({"description": "new", "expiresAt": "2029-01-01T00:00:00Z"})), answers(201), changes("new");
        DELETE "/api/admin/user/tokens/{id}" by(By::User), at("id", "900"), changes("900");
        GET "/api/admin/invite-link/tokens";
        POST "/api/admin/invite-link/tokens" body(json!({"name": "new", "expiresAt": "2027-02-01T00:00:00Z"})), answers(201), changes("new");
        GET "/api/admin/invite-link/tokens/{token}" at("token", link);
        PUT "/api/admin/invite-link/tokens/{token}" at("token", link), body(json!({"enabled": false})), changes(&link[..16]);
        GET "/invite/{token}/validate" by(By::Nobody), at("token", link);
        POST "/invite/{token}/signup" by(By::Nobody), at("token", link), body(json!({"email": "new@example.com", "name": "New", "password": password})), answers(201), changes("new@example.com");
        GET "/api/admin/user-admin";
        GET "/api/admin/user-admin/access";
        GET "/api/admin/user-admin/inactive";
        POST "/api/admin/user-admin/inactive/delete" body(json!({"ids": [spare.parse::<i64>().unwrap()]})), changes("spare-user");
        DELETE "/api/admin/user-admin/scim-users";
        GET "/api/admin/user-admin/{id}/permissions" at("id", spare), query("project=alpha&environment=development");
        POST "/api/admin/user-admin" body(json!({"username": "new", "rootRole": 2})), answers(201), changes("new");
        GET "/api/admin/user-admin/admin-count";
        POST "/api/admin/user-admin/validate-password" body(json!({"password": password}));
        GET "/api/admin/user-admin/{id}" at("id", spare);
        PUT "/api/admin/user-admin/{id}" at("id", spare), body(json!({"name": "Renamed"})), changes("Renamed");
        DELETE "/api/admin/user-admin/{id}" at("id", spare), changes("spare-user");
        POST "/api/admin/user-admin/{id}/change-password" at("id", spare), body(json!({"password": password})), changes(spare);
        POST "/api/admin/user-admin/reset-password" body(json!({"id": spare.parse::<i64>().unwrap()})), changes(spare);
        GET "/api/admin/user-admin/search" query("q=spare");
        GET "/auth/bootstrap" by(By::Nobody);
        GET "/auth/reset/validate" by(By::Nobody), query(&format!("token={reset}"));
        POST "/auth/reset/password" by(By::Nobody), body(json!({"token": reset, "password": password})), changes(spare);
        POST "/auth/reset/password-email" by(By::Nobody), body(json!({"email": "nobody@example.com"}));
        POST "/auth/reset/validate-password" by(By::Nobody), body(json!({"password": password}));
        POST "/auth/simple/login" by(By::Nobody), body(json!({"username": "admin", "password": PASSWORD}));
        POST "/logout" by(By::Session), answers(302);
    }
}

fn sdks() -> Vec<Row> {
    let register =
        json!({"appName": "it", "strategies": ["default"], "started": "2027-01-01T00:00:00Z", "interval": 1000});
    let toggles = json!({"flag": {"yes": 1, "no": 2}});
    let metrics = json!({"appName": "it", "bucket": {"start": "2027-01-15T08:00:00Z", "stop": "2027-01-15T08:01:00Z", "toggles": toggles}});
    let bulk = json!({"applications": [{"appName": "it"}], "metrics": [{"featureName": "flag", "appName": "it", "yes": 1, "no": 2}]});
    rows! {
        GET "/api/client/features" by(By::Backend);
        GET "/api/client/features/{featureName}" by(By::Backend);
        GET "/api/client/delta" by(By::Backend);
        GET "/api/client/streaming" by(By::Backend);
        POST "/api/client/register" by(By::Backend), body(register.clone()), answers(202);
        POST "/api/client/metrics" by(By::Backend), body(metrics.clone()), answers(202);
        POST "/api/client/metrics/bulk" by(By::Backend), body(bulk), answers(202);
        GET "/api/frontend" by(By::Frontend);
        POST "/api/frontend" by(By::Frontend), body(json!({"context": {"userId": "7"}}));
        GET "/api/frontend/all" by(By::Frontend);
        POST "/api/frontend/all" by(By::Frontend), body(json!({"context": {"userId": "7"}}));
        POST "/api/frontend/client/metrics" by(By::Frontend), body(metrics);
        POST "/api/frontend/client/register" by(By::Frontend), body(register);
        POST "/ofrep/v1/evaluate/flags/{key}" by(By::Sdk), body(json!({"context": {"targetingKey": "7"}}));
        POST "/ofrep/v1/evaluate/flags" by(By::Sdk), body(json!({"context": {"targetingKey": "7"}}));
        POST "/edge/issue-token" by(By::Edge), body(json!({"tokens": [{"environment": "development", "projects": ["alpha", "omega"]}]})), changes("edge");
        POST "/edge/validate" by(By::Nobody), body(json!({"tokens": ["*:*.unknown"]}));
        GET "/health" by(By::Nobody);
        GET "/ready" by(By::Nobody);
        GET "/internal-backstage/prometheus" by(By::Nobody);
    }
}
