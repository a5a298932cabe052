//! Every operation that takes a body, with a valid one, and an installation in which all of them can succeed.

use axum::body::Body;
use axum::http::{Request, header};
use flagstone_server::routes;
use serde_json::{Value, json};

use crate::fixture::{ADMIN, Answer, EDGE, Fixture};

/// Who sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Nobody,
    Admin,
    /// A user, by a personal access token.
    User,
    /// A user, by a session.
    Session,
    Backend,
    Frontend,
    /// An edge that signs its requests.
    Edge,
}

/// An operation with a valid body.
pub struct Operation {
    pub method: &'static str,
    /// The path as it is published.
    pub template: &'static str,
    pub who: Who,
    pub body: Value,
    /// What makes it possible again after it succeeded: method, path, body.
    pub again: Vec<(&'static str, &'static str, Value)>,
}

impl Operation {
    /// Whether its body may have ten times the bytes of others.
    pub fn takes_much(&self) -> bool {
        ["/bulk", "/features-batch/validate", "/features-batch/preview", "/features-batch/import"]
            .iter()
            .any(|end| self.template.ends_with(end))
    }
}

/// An installation with one of everything.
pub struct Rig {
    pub it: Fixture,
    strategy: String,
    segment: i64,
    integration: i64,
    user: i64,
    personal: String,
    link: String,
    link_of_flag: String,
    session: String,
    backend: String,
    frontend: String,
    signup: String,
    token: String,
}

const STRATEGIES: &str = "/api/admin/projects/default/features/flag/environments/development/strategies";

impl Rig {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    pub async fn with(more: &[&str]) -> Self {
        let limits =
            ["--login-limit-per-minute", "--create-user-rate-limit-per-minute", "--password-reset-limit-per-minute"];
        let mut arguments: Vec<_> = limits.into_iter().flat_map(|limit| [limit, "1000000"]).collect();
        arguments.extend(more);
        let it = Fixture::with(&arguments).await;
        for name in ["flag", "parent", "spare"] {
            it.admin("POST", "/api/admin/projects/default/features", json!({"name": name})).await.expect(201);
        }
        it.admin("POST", "/api/admin/projects", json!({"id": "other", "name": "Other"})).await.expect(201);
        it.admin("POST", "/api/admin/context", json!({"name": "tier"})).await.expect(201);
        it.admin("POST", "/api/admin/projects/default/context", json!({"name": "region"})).await.expect(201);
        it.admin("POST", "/api/admin/tag-types", json!({"name": "development"})).await.expect(201);
        let strategy = json!({"name": "development", "parameters": []});
        it.admin("POST", "/api/admin/strategies", strategy).await.expect(201);
        let flag = "/api/admin/projects/default/features/flag";
        it.admin("POST", &format!("{flag}/link"), json!({"url": "example.com"})).await.expect(204);
        let link_of_flag =
            it.admin("GET", flag, Value::Null).await.json()["links"][0]["id"].as_str().unwrap().to_owned();
        let segment = json!({"name": "testers", "constraints": []});
        let segment = it.admin("POST", "/api/admin/segments", segment).await.expect(201).json()["id"].as_i64().unwrap();
        let hook = it.admin("POST", "/api/admin/addons", hook()).await.expect(201).json();
        let strategy = it.admin("POST", STRATEGIES, json!({"name": "default"})).await.expect(200).json();
        let (user, personal) = it.user("ada", 1).await;
        let linked = json!({"username": "linked", "rootRole": 3});
        let linked = it.admin("POST", "/api/admin/user-admin", linked).await.expect(201).json();
        let link = linked["inviteLink"].as_str().unwrap().rsplit_once("token=").unwrap().1.to_owned();
        let session = it.log_in("ada", "Correct-horse-7").await.expect(200);
        let session = session.headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
        let backend = it.token("default", "backend", "development").await;
        let frontend = it.token("default", "frontend", "development").await;
        let spare = it.token("default", "backend", "production").await;
        let signup = json!({"name": "team", "expiresAt": "2027-02-01T00:00:00Z"});
        let signup = it.admin("POST", "/api/admin/invite-link/tokens", signup).await.expect(201).json();
        Self {
            strategy: strategy["id"].as_str().unwrap().to_owned(),
            token: spare.rsplit('.').next().unwrap()[3..25].to_owned(),
            it,
            segment,
            integration: hook["id"].as_i64().unwrap(),
            user,
            personal,
            link,
            link_of_flag,
            session,
            backend,
            frontend,
            signup: signup["secret"].as_str().unwrap().to_owned(),
        }
    }

    /// The path with this installation's ids.
    pub fn path(&self, template: &str) -> String {
        let field = if template.contains("/projects/") { "region" } else { "tier" };
        let id = match template.split('/').nth(3) {
            Some("segments") => self.segment.to_string(),
            Some("addons") => self.integration.to_string(),
            Some("feature-types") => "release".to_owned(),
            _ => self.user.to_string(),
        };
        template
            .replace("{projectId}", "default")
            .replace("{featureName}", "flag")
            .replace("{key}", "flag")
            .replace("{environment}", "development")
            .replace("{name}", "development")
            .replace("{contextField}", field)
            .replace("{appName}", "app")
            .replace("{strategyId}", &self.strategy)
            .replace("{token}", if template.contains("/invite") { &self.signup } else { &self.token })
            .replace("{id}", &id)
            .replace("{linkId}", &self.link_of_flag)
    }

    pub fn secret(&self, who: Who) -> &str {
        match who {
            Who::Nobody | Who::Session => "",
            Who::Edge => EDGE,
            Who::Admin => ADMIN,
            Who::User => &self.personal,
            Who::Backend => &self.backend,
            Who::Frontend => &self.frontend,
        }
    }

    /// A request for the operation; content type and body are the caller's.
    pub fn request(&self, operation: &Operation, headers: &[(&str, &str)], body: Body) -> Request<Body> {
        let mut request = Request::builder().method(operation.method).uri(self.path(operation.template));
        let secret = self.secret(operation.who);
        if !secret.is_empty() {
            request = request.header(header::AUTHORIZATION, secret);
        }
        if operation.who == Who::Session {
            request = request.header(header::COOKIE, &self.session);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(body).unwrap()
    }

    /// Sends the operation with these bytes as its JSON body.
    pub async fn send(&self, operation: &Operation, body: impl Into<Body>) -> Answer {
        self.it.send(self.request(operation, &[("content-type", "application/json")], body.into())).await
    }

    /// The last commit.
    pub fn revision(&self) -> u64 {
        self.it.app.public().state.seq
    }

    /// Asserts that a request was refused in the published shape, by the client's fault, and that nothing was stored.
    pub fn assert_refused(&self, answer: &Answer, revision_before: u64, context: &str) {
        let status = answer.status.as_u16();
        assert!((400..500).contains(&status), "{context}: {status} {}", answer.text);
        let json: Value = serde_json::from_str(&answer.text).unwrap_or_else(|e| panic!("{context}: {e}"));
        let shape = self.it.app.schemas().check("ErrorBody", &json);
        assert!(shape.is_ok(), "{context}: {shape:?} in {json}");
        assert_ne!(json["details"], json!([]), "{context}: no fault is named");
        assert_eq!(answer.headers[routes::REVISION_HEADER], revision_before.to_string(), "{context}: stored");
        assert_eq!(self.revision(), revision_before, "{context}: stored");
    }
}

fn hook() -> Value {
    json!({
        "provider": "webhook", "enabled": false, "description": "d", "events": ["feature-created"],
        "parameters": {"url": "https://hooks.example.com/"}, "projects": ["default"], "environments": ["development"],
    })
}

/// Every operation with a body. Ids that only the installation knows are filled in.
pub fn operations(rig: &Rig) -> Vec<Operation> {
    use Who::{Admin, Backend, Edge, Frontend, Nobody, Session, User};
    let features = || json!({"features": ["spare"]});
    let archive = ("POST", "/api/admin/projects/default/archive", features());
    let revive = ("POST", "/api/admin/projects/default/revive", features());
    let create_spare = ("POST", "/api/admin/projects/default/features", json!({"name": "spare"}));
    let constraint = json!({"contextName": "userId", "operator": "IN", "values": ["1"], "inverted": false, "caseInsensitive": false});
    let variant = json!({"name": "blue", "weight": 1000, "weightType": "variable", "stickiness": "default", "payload": {"type": "json", "value": "{}"}});
    let strategy = json!({
        "name": "flexibleRollout", "title": "t", "disabled": false, "sortOrder": 1, "constraints": [constraint],
        "parameters": {"rollout": "50", "stickiness": "default", "groupId": "flag"}, "variants": [variant], "segments": [rig.segment],
    });
    let token =
        json!({"type": "backend", "tokenName": "t", "environment": "development", "expiresAt": "2030-01-01T00:00:00Z"});
    let tag = json!({"type": "simple", "value": "blue"});
    let link = json!({"url": "https://tickets.example.com/7", "title": "Ticket"});
    let parameters = json!([{"name": "region", "type": "list", "description": "d", "required": true}]);
    let metrics = json!({"appName": "app", "instanceId": "i", "bucket": {"start": "2027-01-15T08:00:00Z", "stop": "2027-01-15T08:01:00Z", "toggles": {"flag": {"yes": 1, "no": 2, "variants": {"blue": 1}}}}});
    let register = json!({"appName": "app", "instanceId": "i", "sdkVersion": "s:1", "strategies": ["default"], "started": 1_800_000_000_000_i64, "interval": 10});
    let mut all_projects = token.clone();
    all_projects["projects"] = json!(["default", "other"]);
    let row = |method, template, who, body| Operation { method, template, who, body, again: Vec::new() };
    let with = |again: &[&(&'static str, &'static str, Value)], operation: Operation| Operation {
        again: again.iter().map(|call| (*call).clone()).collect(),
        ..operation
    };
    let data = json!({"features": [{"name": "brought"}], "featureStrategies": [], "tagTypes": []});
    let import = json!({"project": "default", "environment": "development", "data": data});
    vec![
        row(
            "POST",
            "/api/admin/environments",
            Admin,
            json!({"name": "staging", "type": "test", "enabled": true, "sortOrder": 5, "requiredApprovals": 1}),
        ),
        row("POST", "/api/admin/environments/validate", Admin, json!({"name": "fresh"})),
        row(
            "PUT",
            "/api/admin/environments/update/{name}",
            Admin,
            json!({"type": "test", "sortOrder": 7, "requiredApprovals": 2}),
        ),
        row(
            "POST",
            "/api/admin/environments/{name}/clone",
            Admin,
            json!({"name": "copy", "type": "test", "projects": ["default"]}),
        ),
        row("PUT", "/api/admin/environments/sort-order", Admin, json!({"development": 1, "production": 2})),
        row("POST", "/api/admin/constraints/validate", Admin, constraint.clone()),
        row(
            "POST",
            "/api/admin/projects/{projectId}/features/{featureName}/explain",
            Admin,
            json!({"environments": ["development"], "context": {"appName": "a", "currentTime": "2027-01-01T00:00:00Z", "environment": "e", "userId": "u", "sessionId": "s", "remoteAddress": "127.0.0.1", "properties": {"plan": "gold"}}}),
        ),
        row(
            "POST",
            "/api/admin/playground",
            Admin,
            json!({"environment": "development", "projects": ["default"], "context": {"appName": "a", "currentTime": "2027-01-01T00:00:00Z", "environment": "e", "userId": "u", "sessionId": "s", "remoteAddress": "127.0.0.1", "properties": {"plan": "gold"}}}),
        ),
        row(
            "POST",
            "/api/admin/playground/advanced",
            Admin,
            json!({"environments": ["development"], "projects": ["default"], "context": {"appName": "a,b", "userId": "1,2", "properties": {"plan": "gold"}}}),
        ),
        row(
            "POST",
            "/api/admin/metrics/applications/{appName}",
            Admin,
            json!({"description": "d", "strategies": ["default"], "url": "https://example.com", "color": "#fff", "icon": "i"}),
        ),
        row(
            "POST",
            "/api/admin/projects/{projectId}/context",
            Admin,
            json!({"name": "zone", "description": "d", "legalValues": [{"value": "1", "description": "one"}], "sortOrder": 1, "stickiness": true}),
        ),
        row("POST", "/api/admin/projects/{projectId}/context/validate", Admin, json!({"name": "fresh"})),
        row(
            "PUT",
            "/api/admin/projects/{projectId}/context/{contextField}",
            Admin,
            json!({"description": "d", "legalValues": [{"value": "1", "description": "one"}], "sortOrder": 1, "stickiness": true}),
        ),
        row(
            "POST",
            "/api/admin/projects/{projectId}/context/{contextField}/legal-values",
            Admin,
            json!({"value": "gold", "description": "d"}),
        ),
        row(
            "POST",
            "/api/admin/tag-types",
            Admin,
            json!({"name": "team", "description": "d", "icon": "x", "color": "#ff8000"}),
        ),
        row("POST", "/api/admin/tag-types/validate", Admin, json!({"name": "fresh", "color": "#ff8000"})),
        row("PUT", "/api/admin/tag-types/{name}", Admin, json!({"description": "d", "icon": "x", "color": "#ff8000"})),
        row("POST", "/api/admin/feedback", User, json!({"feedbackId": "question", "neverShow": true})),
        row("PUT", "/api/admin/feedback/{id}", User, json!({"neverShow": true, "given": "2027-01-15T08:00:00Z"})),
        row("POST", "/api/admin/record-ui-error", Admin, json!({"errorMessage": "It broke.", "errorStack": "at one"})),
        row("POST", "/api/admin/tags", Admin, tag.clone()),
        row("POST", "/api/admin/projects/{projectId}/features/{featureName}/link", Admin, link.clone()),
        row("PUT", "/api/admin/projects/{projectId}/features/{featureName}/link/{linkId}", Admin, link),
        row(
            "POST",
            "/api/admin/strategies",
            Admin,
            json!({"name": "new", "title": "t", "description": "d", "parameters": parameters}),
        ),
        row(
            "PUT",
            "/api/admin/strategies/{name}",
            Admin,
            json!({"title": "t", "description": "d", "parameters": parameters}),
        ),
        row("PUT", "/api/admin/feature-types/{id}/lifetime", Admin, json!({"lifetimeDays": 7})),
        row("POST", "/api/admin/features/{featureName}/tags", Admin, tag.clone()),
        row("PUT", "/api/admin/features/{featureName}/tags", Admin, json!({"addedTags": [tag], "removedTags": [tag]})),
        row(
            "PUT",
            "/api/admin/projects/{projectId}/tags",
            Admin,
            json!({"features": ["flag"], "tags": {"addedTags": [tag], "removedTags": []}}),
        ),
        row(
            "POST",
            "/api/admin/features-batch/export",
            Admin,
            json!({"environment": "development", "features": ["flag"], "downloadFile": true}),
        ),
        row("POST", "/api/admin/features-batch/validate", Admin, import.clone()),
        row("POST", "/api/admin/features-batch/preview", Admin, import.clone()),
        row("POST", "/api/admin/features-batch/import", Admin, import),
        row("POST", "/api/admin/features/validate", Admin, json!({"name": "fresh", "projectId": "default"})),
        row(
            "POST",
            "/api/admin/projects/{projectId}/features",
            Admin,
            json!({"name": "fresh", "type": "release", "description": "d", "impressionData": false, "tags": [tag]}),
        ),
        row(
            "PUT",
            "/api/admin/projects/{projectId}/features/{featureName}",
            Admin,
            json!({"description": "d", "type": "release", "stale": false, "impressionData": true}),
        ),
        row(
            "PATCH",
            "/api/admin/projects/{projectId}/features/{featureName}",
            Admin,
            json!([{"op": "replace", "path": "/description", "value": "x"}]),
        ),
        row(
            "POST",
            "/api/admin/projects/{projectId}/features/{featureName}/clone",
            Admin,
            json!({"name": "flag-copy", "replaceGroupId": true}),
        ),
        row("POST", "/api/admin/projects/{projectId}/bulk_features/environments/{environment}/on", Admin, features()),
        row("POST", "/api/admin/projects/{projectId}/bulk_features/environments/{environment}/off", Admin, features()),
        with(&[&revive], row("POST", "/api/admin/projects/{projectId}/archive", Admin, features())),
        row("POST", "/api/admin/projects/{projectId}/archive/validate", Admin, features()),
        with(&[&archive], row("POST", "/api/admin/projects/{projectId}/revive", Admin, features())),
        with(&[&create_spare, &archive], row("POST", "/api/admin/projects/{projectId}/delete", Admin, features())),
        row("POST", "/api/admin/projects/{projectId}/stale", Admin, json!({"features": ["flag"], "stale": true})),
        row(
            "POST",
            "/api/admin/user-admin",
            Admin,
            json!({"username": "bob", "email": "bob@example.com", "name": "Bob", "rootRole": 3, "sendEmail": false}),
        ),
        row(
            "PUT",
            "/api/admin/user-admin/{id}",
            Admin,
            json!({"email": "ada@example.com", "name": "Ada", "rootRole": 1}),
        ),
        row("POST", "/api/admin/user-admin/{id}/change-password", Admin, json!({"password": "Another-horse-8"})),
        row("POST", "/api/admin/user-admin/validate-password", Admin, json!({"password": "Another-horse-8"})),
        row(
            "POST",
            "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/strategies",
            Admin,
            strategy.clone(),
        ),
        row(
            "PUT",
            "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/strategies/{strategyId}",
            Admin,
            strategy.clone(),
        ),
        row(
            "PATCH",
            "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/strategies/{strategyId}",
            Admin,
            json!([{"op": "replace", "path": "/title", "value": "x"}]),
        ),
        row(
            "POST",
            "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/strategies/set-sort-order",
            Admin,
            json!([{"id": rig.strategy, "sortOrder": 3}]),
        ),
        row("POST", "/api/admin/api-tokens", Admin, all_projects),
        row("PUT", "/api/admin/api-tokens/{token}", Admin, json!({"expiresAt": "2031-01-01T00:00:00Z"})),
        row("POST", "/api/admin/projects/{projectId}/api-tokens", Admin, token),
        row(
            "POST",
            "/api/admin/projects/{projectId}/features/{featureName}/dependencies",
            Admin,
            json!({"feature": "parent", "enabled": true, "variants": []}),
        ),
        row("POST", "/api/admin/addons", Admin, hook()),
        row("PUT", "/api/admin/addons/{id}", Admin, hook()),
        row(
            "POST",
            "/api/admin/segments",
            Admin,
            json!({"name": "new", "description": "d", "project": "default", "constraints": [constraint]}),
        ),
        row(
            "PUT",
            "/api/admin/segments/{id}",
            Admin,
            json!({"name": "testers", "description": "d", "constraints": [constraint]}),
        ),
        row("POST", "/api/admin/segments/validate", Admin, json!({"name": "fresh"})),
        row(
            "POST",
            "/api/admin/segments/strategies",
            Admin,
            json!({"projectId": "default", "strategyId": rig.strategy, "environmentId": "development", "segmentIds": [rig.segment]}),
        ),
        row(
            "POST",
            "/api/admin/user/change-password",
            User,
            json!({"password": "Another-horse-8", "confirmPassword": "Another-horse-8", "oldPassword": "Correct-horse-7"}),
        ),
        row(
            "POST",
            "/api/admin/user/tokens",
            Session,
            json!({"description": "d", "expiresAt": "2030-01-01T00:00:00Z"}),
        ),
        row(
            "POST",
            "/api/admin/projects",
            Admin,
            json!({"id": "fresh", "name": "Fresh", "description": "d", "mode": "open", "defaultStickiness": "default", "environments": ["development"]}),
        ),
        row("POST", "/api/admin/projects/validate", Admin, json!({"id": "unused"})),
        row(
            "PUT",
            "/api/admin/projects/{projectId}",
            Admin,
            json!({"name": "Default", "description": "d", "mode": "open", "defaultStickiness": "default", "featureLimit": 1000}),
        ),
        row(
            "PUT",
            "/api/admin/projects/{projectId}/settings",
            Admin,
            json!({"mode": "open", "defaultStickiness": "default"}),
        ),
        row("POST", "/api/admin/projects/{projectId}/environments", Admin, json!({"environment": "staging"})),
        row("POST", "/api/admin/projects/{projectId}/environments/{environment}/default-strategy", Admin, strategy),
        row(
            "POST",
            "/api/admin/context",
            Admin,
            json!({"name": "plan", "description": "d", "stickiness": true, "sortOrder": 3, "legalValues": [{"value": "gold", "description": "d"}]}),
        ),
        row(
            "PUT",
            "/api/admin/context/{contextField}",
            Admin,
            json!({"description": "d", "stickiness": true, "sortOrder": 3, "legalValues": [{"value": "gold"}]}),
        ),
        row("POST", "/api/admin/context/validate", Admin, json!({"name": "unused"})),
        row(
            "POST",
            "/api/admin/context/{contextField}/legal-values",
            Admin,
            json!({"value": "silver", "description": "d"}),
        ),
        row(
            "PUT",
            "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/variants",
            Admin,
            json!([variant]),
        ),
        row(
            "PUT",
            "/api/admin/projects/{projectId}/features/{featureName}/variants-batch",
            Admin,
            json!({"variants": [variant], "environments": ["development", "production"]}),
        ),
        row(
            "PATCH",
            "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/variants",
            Admin,
            json!([{"op": "add", "path": "/0", "value": variant}]),
        ),
        row("POST", "/api/admin/user-admin/reset-password", Admin, json!({"id": rig.user})),
        row("POST", "/auth/reset/password", Nobody, json!({"token": rig.link, "password": "Another-horse-8"})),
        row("POST", "/auth/reset/validate-password", Nobody, json!({"password": "Another-horse-8"})),
        row("POST", "/edge/issue-token", Edge, json!({"tokens": [{"environment": "development", "projects": ["*"]}]})),
        with(
            &[&("POST", "/api/admin/maintenance", json!({"enabled": false}))],
            row("POST", "/api/admin/maintenance", Admin, json!({"enabled": true})),
        ),
        row("POST", "/api/admin/ui-config/cors", Admin, json!({"frontendApiOrigins": ["https://shop.example"]})),
        row("POST", "/api/frontend/all", Frontend, json!({"context": {"userId": "7", "properties": {"plan": "gold"}}})),
        row(
            "POST",
            "/api/admin/invite-link/tokens",
            Admin,
            json!({"name": "others", "expiresAt": "2027-02-01T00:00:00Z"}),
        ),
        row(
            "PUT",
            "/api/admin/invite-link/tokens/{token}",
            Admin,
            json!({"enabled": true, "expiresAt": "2027-02-01T00:00:00Z"}),
        ),
        row(
            "POST",
            "/invite/{token}/signup",
            Nobody,
            json!({"email": "new@example.com", "username": "new", "name": "New", "password": "Correct-horse-7"}),
        ),
        row(
            "POST",
            "/api/admin/projects/{projectId}/features/{featureName}/lifecycle/complete",
            Admin,
            json!({"status": "kept", "statusValue": "blue"}),
        ),
        row("POST", "/api/admin/user-admin/inactive/delete", Admin, json!({"ids": [rig.user]})),
        row("POST", "/auth/reset/password-email", Nobody, json!({"email": "nobody@example.com"})),
        row("POST", "/edge/validate", Nobody, json!({"tokens": [rig.backend]})),
        row("POST", "/auth/simple/login", Nobody, json!({"username": "ada", "password": "Correct-horse-7"})),
        row("POST", "/api/client/register", Backend, register.clone()),
        row("POST", "/api/client/metrics", Backend, metrics.clone()),
        row(
            "POST",
            "/api/client/metrics/bulk",
            Backend,
            json!({
                "applications": [{"appName": "app", "instanceId": "i", "sdkVersion": "s:1", "strategies": ["default"]}],
                "metrics": [{"featureName": "flag", "appName": "app", "timestamp": "2027-01-15T08:00:00Z", "yes": 1, "no": 2, "variants": {"blue": 1}}],
            }),
        ),
        row("POST", "/api/frontend", Frontend, json!({"context": {"userId": "7", "properties": {"plan": "gold"}}})),
        row("POST", "/api/frontend/client/metrics", Frontend, metrics),
        row("POST", "/api/frontend/client/register", Frontend, register),
        row(
            "POST",
            "/ofrep/v1/evaluate/flags/{key}",
            Backend,
            json!({"context": {"targetingKey": "7", "plan": "gold"}}),
        ),
        row("POST", "/ofrep/v1/evaluate/flags", Frontend, json!({"context": {"targetingKey": "7", "plan": "gold"}})),
    ]
}

#[tokio::test]
async fn t38_every_operation_with_a_body_has_a_row() {
    let rig = Rig::new().await;
    let mut published: Vec<(String, String)> = Vec::new();
    let document = serde_json::to_value(routes::openapi()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation.get("requestBody").is_some() {
                published.push((method.to_uppercase(), path.clone()));
            }
        }
    }
    let rows: Vec<_> = operations(&rig).into_iter().map(|o| (o.method.to_owned(), o.template.to_owned())).collect();
    let without_row: Vec<_> = published.iter().filter(|o| !rows.contains(o)).collect();
    let unpublished: Vec<_> = rows.iter().filter(|o| !published.contains(o)).collect();
    assert!(without_row.is_empty() && unpublished.is_empty(), "{without_row:?} {unpublished:?}");
    assert_eq!(rows.len(), published.len(), "a row stands twice");
}
