//! Clocks that jump: what expires goes by the wall clock, what is ordered does not.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use crate::fixture::{Answer, Fixture};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;
const FEATURES: &str = "/api/admin/projects/default/features";

async fn me(it: &Fixture, cookie: &str) -> Answer {
    let request = Request::get("/api/admin/user").header(header::COOKIE, cookie).body(Body::empty()).unwrap();
    it.send(request).await
}

async fn session(it: &Fixture) -> String {
    let answer = it.log_in("admin", "First-password-1").await.expect(200);
    answer.headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn f16_sessions_and_tokens_expire_by_the_wall_clock() {
    let it = Fixture::new().await;
    let start = it.app.now().millis();
    let expiry = flagstone_model::Timestamp::from_millis(start + 12 * 60 * MINUTE).to_string();
    let body = json!({"type": "backend", "tokenName": "t", "environment": "development", "expiresAt": expiry});
    let token = it.admin("POST", "/api/admin/projects/default/api-tokens", body).await.expect(201).json();
    let token = token["secret"].as_str().unwrap().to_owned();
    let cookie = session(&it).await;
    // From the start: the jump, whether the token works, whether the session does.
    for (jump, token_works, session_works) in [
        (0, true, true),
        (10 * MINUTE, true, true),
        (-10 * MINUTE, true, true),
        (12 * 60 * MINUTE - 1, true, true),
        (12 * 60 * MINUTE, false, true),
        (DAY, false, true),
        (20 * DAY, false, false),
        (3_653 * DAY, false, false),
        (-start, true, true),
    ] {
        it.millis.store(start + jump, std::sync::atomic::Ordering::SeqCst);
        let polled = it.call(&token, "GET", "/api/client/features", Value::Null).await.status;
        assert_eq!(polled, if token_works { 200 } else { 401 }, "token, {jump}");
        let seen = me(&it, &cookie).await.status;
        assert_eq!(seen, if session_works { 200 } else { 401 }, "session, {jump}");
    }
}

#[tokio::test]
async fn f16_a_jump_back_revives_nothing_revoked() {
    let it = Fixture::new().await;
    let token = it.token("default", "backend", "development").await;
    let cookie = session(&it).await;
    let logout = Request::post("/logout").header(header::COOKIE, &cookie).body(Body::empty()).unwrap();
    it.send(logout).await.expect(302);
    it.admin("DELETE", &format!("/api/admin/api-tokens/{token}"), Value::Null).await.expect(200);
    for jump in [0, -10 * MINUTE, -DAY, -it.app.now().millis()] {
        it.advance(jump);
        it.call(&token, "GET", "/api/client/features", Value::Null).await.expect(401);
        assert_eq!(me(&it, &cookie).await.status, 401, "{jump}");
    }
}

#[tokio::test]
async fn f16_revisions_and_events_keep_their_order_and_nothing_breaks() {
    let it = Fixture::with(&["--login-limit-per-minute", "2"]).await;
    let start = it.app.now().millis();
    let backend = it.token("default", "backend", "development").await;
    let frontend = it.token("default", "frontend", "development").await;
    let mut revision = it.app.public().state.seq;
    let times = [
        start,
        start + 10 * MINUTE,
        start - 10 * MINUTE,
        start + DAY,
        start + 3_653 * DAY,
        start - 3 * DAY,
        0,
        -DAY,
        951_782_399_999,   // 2000-02-29T23:59:59.999Z
        1_483_228_799_999, // Before and after a leap second.
        1_483_228_800_000,
        start,
    ];
    for (n, millis) in times.into_iter().enumerate() {
        it.millis.store(millis, std::sync::atomic::Ordering::SeqCst);
        let name = format!("flag-{n}");
        it.admin("POST", FEATURES, json!({ "name": name })).await.expect(201);
        it.admin("POST", &format!("{FEATURES}/{name}/environments/development/on"), Value::Null).await.expect(200);
        assert_eq!(it.app.public().state.seq, revision + 2, "at {millis}");
        revision += 2;
        let polled = it.call(&backend, "GET", "/api/client/features", Value::Null).await.expect(200).json();
        assert_eq!(polled["features"].as_array().unwrap().len(), n + 1, "at {millis}");
        it.call(&frontend, "GET", "/api/frontend?userId=1", Value::Null).await.expect(200);
        let metrics = json!({"appName": "a", "instanceId": "i", "bucket": {"start": "2027-01-15T08:00:00Z", "stop": 0, "toggles": {name.as_str(): {"yes": 1}}}});
        it.call(&backend, "POST", "/api/client/metrics", metrics).await.expect(202);
        let metrics = json!({"appName": "a", "bucket": {"start": i64::MIN, "stop": i64::MAX, "toggles": {name.as_str(): {"yes": 1}}}});
        it.call(&backend, "POST", "/api/client/metrics", metrics).await.expect(202);
        let register = json!({"appName": "a", "instanceId": "i", "strategies": [], "started": i64::MIN, "interval": 1});
        it.call(&backend, "POST", "/api/client/register", register).await.expect(202);
        it.app.flush_telemetry().await.unwrap();
        for path in [
            format!("/api/admin/client-metrics/features/{name}"),
            format!("/api/admin/client-metrics/features/{name}/raw?hoursBack=48"),
            "/api/admin/search/events".to_owned(),
            "/api/admin/projects".to_owned(),
            "/api/admin/api-tokens".to_owned(),
            "/internal-backstage/prometheus".to_owned(),
        ] {
            it.admin("GET", &path, Value::Null).await.expect(200);
        }
        // A limit that was reached before a jump does not hold after it, unless it is the same minute still.
        let same_minute = n > 0 && (0..MINUTE).contains(&(millis - times[n - 1]));
        for expect in if same_minute { &[429][..] } else { &[200, 200, 429] } {
            it.log_in("admin", "First-password-1").await.expect(*expect);
        }
    }
    let events = it.admin("GET", "/api/admin/search/events?limit=1000", Value::Null).await.expect(200).json();
    let ids: Vec<_> = events["events"].as_array().unwrap().iter().map(|e| e["id"].as_u64().unwrap()).collect();
    assert!(ids.windows(2).all(|w| w[0] == w[1] + 1), "newest first, without gaps, whatever the clock said: {ids:?}");
}
