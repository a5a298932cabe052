//! Logging in: guessing is limited, and tells nothing.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, header};
use flagstone_store::{DatabaseUrl, Options, Store};
use serde_json::{Value, json};

use super::process::Process;
use crate::fixture::{Answer, Fixture};

async fn try_from(it: &Fixture, peer: [u8; 4], forwarded: &str, password: &str) -> Answer {
    try_as(it, "admin", peer, forwarded, password).await
}

async fn try_as(it: &Fixture, username: &str, peer: [u8; 4], forwarded: &str, password: &str) -> Answer {
    let body = json!({"username": username, "password": password}).to_string();
    let request = Request::post("/auth/simple/login")
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-forwarded-for", forwarded)
        .extension(ConnectInfo(SocketAddr::new(IpAddr::from(peer), 999)))
        .body(Body::from(body))
        .unwrap();
    it.send(request).await
}

#[tokio::test]
async fn t7_the_eleventh_wrong_password_within_a_minute_is_not_looked_at() {
    let it = Fixture::new().await;
    for n in 1..=25_u8 {
        let answer = try_from(&it, [203, 0, 113, 7], &format!("198.51.100.{n}"), "wrong").await;
        if n <= 10 {
            assert_eq!(answer.status, 401, "try {n}: {}", answer.text);
        } else {
            assert_eq!(answer.status, 429, "try {n}: {}", answer.text);
            let after: u64 = answer.headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
            assert!((1..=60).contains(&after), "{after}");
        }
    }
    let right = try_from(&it, [203, 0, 113, 7], "198.51.100.99", "First-password-1").await;
    assert_eq!(right.status, 429, "the right password does not help either");
    try_from(&it, [203, 0, 113, 8], "203.0.113.7", "First-password-1").await.expect(200);
    it.advance(60_000);
    try_from(&it, [203, 0, 113, 7], "", "First-password-1").await.expect(200);
}

#[tokio::test]
async fn t7_only_trusted_proxies_are_believed() {
    let it = Fixture::with(&["--trusted-proxies", "10.0.0.0/8,192.0.2.1"]).await;
    // Behind a trusted proxy, each address counts for itself: the rightmost one that no trusted proxy has.
    for n in 1..=25_u8 {
        let forwarded = format!("198.51.100.{n}");
        let answer = try_as(&it, &forwarded, [10, 0, 0, 1], &forwarded, "wrong").await;
        assert_eq!(answer.status, 401, "try {n}: {}", answer.text);
    }
    // What stands to the left of it is what the client says, and so is everything if the hop cannot be read.
    for forwarded in ["9.9.9.#, 203.0.113.9", "9.9.9.#, 203.0.113.9, 192.0.2.1", "9.9.9.#, 203.0.113.9:4711"] {
        it.advance(60_000);
        for n in 1..=12_u8 {
            let forwarded = forwarded.replace('#', &n.to_string());
            let answer = try_as(&it, &forwarded, [10, 0, 0, 1], &forwarded, "wrong").await;
            assert_eq!(answer.status, if n <= 10 { 401 } else { 429 }, "{forwarded}, try {n}");
        }
    }
    it.advance(60_000);
    for n in 1..=12_u8 {
        let forwarded = format!("9.9.9.{n}, unknown");
        let answer = try_as(&it, &forwarded, [10, 0, 0, 1], &forwarded, "wrong").await;
        assert_eq!(answer.status, if n <= 10 { 401 } else { 429 }, "unknown, try {n}");
    }
}

/// One try from each of many addresses, as a distributed attack makes them: how many passwords were looked at, before
/// all others were refused.
async fn attack(it: &Fixture, username: &str) -> usize {
    let mut statuses = Vec::new();
    for n in 0..40_u8 {
        let answer = try_as(it, username, [11, 0, n, 1], "", "wrong").await;
        assert!(answer.status == 401 || answer.headers.contains_key(header::RETRY_AFTER), "{}", answer.text);
        statuses.push(answer.status.as_u16());
    }
    let looked_at = statuses.iter().take_while(|status| **status == 401).count();
    assert!(statuses[looked_at..].iter().all(|status| *status == 429), "{statuses:?}");
    looked_at
}

#[tokio::test]
async fn t9_an_account_under_attack_stays_open_to_the_addresses_that_it_knows() {
    const HOME: [u8; 4] = [203, 0, 113, 1];
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::Sqlite(folder.path().join("flagstone.db"));
    let it = Fixture::on(Store::open(&url, &Options::default()).await.unwrap(), &[]).await;
    try_from(&it, HOME, "", "First-password-1").await.expect(200);
    // Whether there is such an account does not show.
    assert_eq!((attack(&it, "admin").await, attack(&it, "nobody").await), (11, 11));
    try_from(&it, [198, 51, 100, 1], "", "First-password-1").await.expect(429);
    try_from(&it, HOME, "", "wrong").await.expect(401);
    try_from(&it, HOME, "", "First-password-1").await.expect(200);
    // A name in another case is no account of its own.
    try_as(&it, "NOBODY", [198, 51, 100, 2], "", "wrong").await.expect(429);
    // Others get in when it opens, and are known then.
    it.advance(1_000);
    try_from(&it, [198, 51, 100, 1], "", "First-password-1").await.expect(200);
    attack(&it, "admin").await;
    try_from(&it, [198, 51, 100, 1], "", "First-password-1").await.expect(200);
    it.app.stop().await;
    let again = Fixture::on(Store::open(&url, &Options::default()).await.unwrap(), &[]).await;
    again.app.learn_logins().await.unwrap();
    assert_eq!(attack(&again, "admin").await, 11);
    try_from(&again, [198, 51, 100, 3], "", "First-password-1").await.expect(429);
    try_from(&again, HOME, "", "First-password-1").await.expect(200);
}

#[tokio::test]
async fn t9_a_stolen_session_guesses_no_password_faster() {
    let it = Fixture::with(&["--login-limit-per-minute", "3"]).await;
    let (_, token) = it.user("ada", 2).await;
    let mut statuses = Vec::new();
    for n in 0..6_u8 {
        let body = json!({"oldPassword": "wrong", "password": "Another-horse-8"}).to_string();
        let request = Request::post("/api/admin/user/change-password")
            .header(header::AUTHORIZATION, &token)
            .header(header::CONTENT_TYPE, "application/json")
            .extension(ConnectInfo(SocketAddr::new(IpAddr::from([12, 0, n, 1]), 999)));
        statuses.push(it.send(request.body(Body::from(body)).unwrap()).await.status.as_u16());
    }
    assert_eq!(statuses, [401, 401, 401, 401, 429, 429]);
}

#[tokio::test]
async fn t8_an_unknown_user_costs_as_much_time_as_a_known_one() {
    let it = Fixture::with(&["--login-limit-per-minute", "1000"]).await;
    it.admin("POST", "/api/admin/user-admin", json!({"username": "no-password", "rootRole": 3})).await.expect(201);
    // In turn, so that whatever else the machine does meets all alike.
    let names = ["admin", "nobody-has-this-name", "no-password"];
    let mut times = [const { Vec::new() }; 3];
    let mut bodies = Vec::new();
    for _ in 0..20 {
        for (name, times) in names.iter().zip(&mut times) {
            let began = Instant::now();
            let answer = it.log_in(name, "wrong").await.expect(401);
            times.push(began.elapsed());
            let mut body = answer.json();
            body["id"] = Value::Null;
            bodies.push(body);
        }
    }
    assert!(bodies.iter().all(|b| *b == bodies[0]), "the answers differ: {bodies:?}");
    // The shortest of each: what else the machine does only adds to a time.
    let shortest = times.map(|times| times.into_iter().min().unwrap());
    let (least, most) = (shortest.iter().min().unwrap(), shortest.iter().max().unwrap());
    // Without the work for unknown names it is a factor of a hundred.
    assert!(most.as_secs_f64() / least.as_secs_f64() < 1.5, "{shortest:?}");
}

#[tokio::test]
async fn t10_an_enormous_password_is_refused_without_being_hashed() {
    let it = Fixture::with(&["--login-limit-per-minute", "1000"]).await;
    let cost = {
        let began = Instant::now();
        it.log_in("admin", "wrong").await.expect(401);
        began.elapsed()
    };
    for (bytes, status) in [(1_024, 401), (1_025, 400), (1_000_000, 400), (1 << 20, 413)] {
        let began = Instant::now();
        let answer = it.log_in("admin", &"x".repeat(bytes)).await;
        assert_eq!(answer.status.as_u16(), status, "{bytes} bytes: {}", answer.text);
        assert!(answer.text.len() < 1_000, "the password comes back");
        if status != 401 {
            // Hashing is the dear part; reading a megabyte without optimization may take a while too.
            assert!(began.elapsed() < cost.max(Duration::from_millis(250)), "{bytes} bytes: {:?}", began.elapsed());
        }
    }
    let new_user = json!({"username": "ada", "rootRole": 3, "password": "Aa1!".repeat(100_000)});
    it.admin("POST", "/api/admin/user-admin", new_user).await.expect(400);
}

#[test]
fn t10_parallel_log_ins_share_the_cores_and_their_memory() {
    let server = Process::start(&[("SIMPLE_LOGIN_LIMIT_PER_MINUTE", "1000")]);
    let body = json!({"username": "admin", "password": "wrong"}).to_string();
    let (cores, before) = (std::thread::available_parallelism().map_or(1, usize::from), server.memory_peak());
    let at_once = 20 * cores.max(3);
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                let answer = server.send("POST", "/auth/simple/login", &[("content-type", "application/json")], &body);
                assert_eq!(answer.status, 401, "{}", answer.text);
            });
        }
    });
    // A hash takes 19 MiB. As many as there are cores at once, and some for the connections.
    let (grown, bound) = (server.memory_peak().saturating_sub(before), (64 + 20 * cores) << 20);
    assert!(grown < bound, "{at_once} log-ins at once took {} MiB", grown >> 20);
}

#[tokio::test]
async fn t16_logging_out_leads_nowhere_else() {
    for (arguments, location) in [
        (vec![], "/"),
        (vec!["--base-path", "/flags"], "/flags/"),
        (vec!["--base-path", "//evil.example"], "/evil.example/"),
    ] {
        let it = Fixture::with(&arguments).await;
        let base = location.trim_end_matches('/');
        for target in
            ["//evil.example", "/\\evil.example", "https:evil.example", "javascript:alert(1)", "https://evil.example/"]
        {
            let body = json!({"username": "admin", "password": "First-password-1"});
            let login = format!("{base}/auth/simple/login?redirect={target}&returnTo={target}&next={target}");
            let login = it.call("", "POST", &login.replace('\\', "%5C"), body).await.expect(200);
            assert!(!login.headers.contains_key(header::LOCATION));
            let cookie = login.headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
            let path = format!("{base}/logout?redirect={target}&returnTo={target}&post_logout_redirect_uri={target}");
            let request = Request::post(path.replace('\\', "%5C"))
                .header(header::COOKIE, cookie)
                .header(header::HOST, "evil.example")
                .header("x-forwarded-host", "evil.example")
                .header("referer", "https://evil.example/");
            let answer = it.send(request.body(Body::empty()).unwrap()).await.expect(302);
            assert_eq!(answer.headers[header::LOCATION], location, "{target}");
        }
    }
}
