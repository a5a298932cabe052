//! Letters to people, through a mail server of a few lines.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::fixture::Fixture;
use crate::world::{fixture, outcome};

const USERS: &str = "/api/admin/user-admin";
const FORGOTTEN: &str = "/auth/reset/password-email";
const STRONG: &str = "Another-password-2";

/// What a mail server does with letters.
#[derive(Clone, Copy)]
enum Temper {
    Takes,
    /// Knows no recipient.
    Refuses,
    /// Takes connections, and never says a word.
    IsSilent,
}

/// A mail server and what it was told: the letters it took, or the recipients it refused.
struct MailServer {
    port: u16,
    heard: mpsc::UnboundedReceiver<String>,
}

impl MailServer {
    async fn start(temper: Temper) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, heard) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, temper, tell.clone()));
            }
        });
        Self { port, heard }
    }

    async fn fixture(&self, more: &[&str]) -> Fixture {
        let port = self.port.to_string();
        let arguments =
            ["--email-host", "127.0.0.1", "--email-port", &port, "--email-sender", "Flags <flags@example.com>"];
        Fixture::with(&[&arguments, more].concat()).await
    }

    /// The next thing that it hears.
    async fn next(&mut self) -> String {
        tokio::time::timeout(Duration::from_secs(20), self.heard.recv()).await.expect("no letter").unwrap()
    }
}

async fn converse(stream: TcpStream, temper: Temper, tell: mpsc::UnboundedSender<String>) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    if matches!(temper, Temper::IsSilent) {
        let _ = tell.send("connected".to_owned());
        while let Ok(Some(_)) = lines.next_line().await {}
        return;
    }
    write.write_all(b"220 here\r\n").await.unwrap();
    let mut letter: Option<String> = None;
    while let Ok(Some(line)) = lines.next_line().await {
        let answer = match (&mut letter, line.as_str()) {
            (Some(_), ".") => {
                let _ = tell.send(letter.take().unwrap());
                "250 taken"
            }
            (Some(text), _) => {
                text.push_str(&line);
                text.push('\n');
                continue;
            }
            (None, "DATA") => {
                letter = Some(String::new());
                "354 go on"
            }
            (None, "QUIT") => "221 bye",
            (None, line) if line.starts_with("RCPT") && matches!(temper, Temper::Refuses) => {
                let _ = tell.send(line.to_owned());
                "550 nobody of this name"
            }
            (None, _) => "250 well",
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
    }
}

/// The letter without the line breaks and escapes of its transport.
fn plain(letter: &str) -> String {
    letter.replace("=\n", "").replace("=3D", "=")
}

/// The secret in a letter's link.
fn secret(letter: &str) -> String {
    let letter = plain(letter);
    let rest = letter.split_once("?token=").unwrap_or_else(|| panic!("no link: {letter}")).1;
    rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '.').collect()
}

async fn forgotten(it: &Fixture, email: &str) -> String {
    outcome(&it.call("", "POST", FORGOTTEN, json!({ "email": email })).await)
}

#[tokio::test]
async fn a_forgotten_password_is_set_by_a_link_that_is_mailed() {
    let mut server = MailServer::start(Temper::Takes).await;
    let it = server.fixture(&["--email-optional-headers", r#"{"X-Team":"flags"}"#]).await;
    let user =
        json!({"name": "Ada", "email": "Ada@example.com", "rootRole": 2, "password": STRONG, "sendEmail": false});
    assert_eq!(it.admin("POST", USERS, user).await.expect(201).json()["emailSent"], false);
    assert_eq!(forgotten(&it, "ADA@example.com").await, "200");
    let letter = server.next().await;
    for line in [
        "From: Flags <flags@example.com>",
        "To: ada@example.com",
        "X-Team: flags",
        "Subject: Set a new Flagstone password",
    ] {
        assert!(letter.lines().any(|l| l == line || l.replace('"', "") == line), "{line} in {letter}");
    }
    assert!(plain(&letter).contains("Hello Ada,"), "{letter}");
    assert!(plain(&letter).contains("http://localhost:4242/reset-password?token="), "{letter}");
    let body = json!({"token": secret(&letter), "password": "By-myself-4-ever"});
    it.call("", "POST", "/auth/reset/password", body.clone()).await.expect(200);
    it.log_in("ada@example.com", "By-myself-4-ever").await.expect(200);
    it.call("", "POST", "/auth/reset/password", body).await.expect(403);
    let events = it.admin("GET", "/api/admin/search/events?type=IS:password-reset-issued&limit=1", Value::Null).await;
    let event = &events.json()["events"][0];
    assert_eq!(event["createdBy"], "nobody", "nobody knows who asked: {event}");
}

#[tokio::test]
async fn the_answer_does_not_tell_who_is_there() {
    let mut server = MailServer::start(Temper::Takes).await;
    let it = server.fixture(&["--password-reset-limit-per-minute", "3"]).await;
    for (name, email) in [("ada", "ada@example.com"), ("eve", "eve@example.com")] {
        let user = json!({"username": name, "email": email, "rootRole": 3, "sendEmail": false});
        it.admin("POST", USERS, user).await.expect(201);
    }
    it.call("", "POST", FORGOTTEN, json!({})).await.expect(400);
    it.advance(60_000);
    // A user name is no address.
    let known = it.call("", "POST", FORGOTTEN, json!({"email": "ada@example.com"})).await;
    let unknown = it.call("", "POST", FORGOTTEN, json!({"email": "bob@example.com"})).await;
    let named = it.call("", "POST", FORGOTTEN, json!({"email": "ada"})).await;
    for answer in [&unknown, &named] {
        assert_eq!((answer.status, &answer.text), (known.status, &known.text));
        let names = |a: &crate::fixture::Answer| a.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(answer), names(&known));
    }
    assert_eq!(known.status, 200);
    assert!(server.next().await.contains("To: ada@example.com"));
    // By address: whoever it is for.
    assert_eq!(forgotten(&it, "eve@example.com").await, "429 RateLimitError");
    // By account, known or not: the answers stay alike.
    for email in ["eve@example.com", "bob@example.com"] {
        let mut said = Vec::new();
        for _ in 0..35 {
            it.advance(60_000);
            said.push(forgotten(&it, email).await);
        }
        assert!(said.iter().filter(|s| *s == "200").count() < 35, "{said:?}");
        assert_eq!(said.last().unwrap(), "429 RateLimitError");
    }
}

#[tokio::test]
async fn new_users_are_invited() {
    let mut server = MailServer::start(Temper::Takes).await;
    let it = server.fixture(&[]).await;
    let config = it.admin("GET", "/api/admin/ui-config", Value::Null).await.json();
    assert_eq!(config["emailEnabled"], true);
    let made = it.admin("POST", USERS, json!({"email": "ada@example.com", "rootRole": 2})).await.expect(201).json();
    assert_eq!(made["emailSent"], true);
    let letter = server.next().await;
    assert!(letter.contains("To: ada@example.com"), "{letter}");
    assert_eq!(made["inviteLink"], format!("http://localhost:4242/new-user?token={}", secret(&letter)));
    let body = json!({"token": secret(&letter), "password": STRONG});
    it.call("", "POST", "/auth/reset/password", body).await.expect(200);
    it.log_in("ada@example.com", STRONG).await.expect(200);
    // There is no address, or it is one that mail cannot go to.
    for body in [json!({"username": "bob", "rootRole": 2}), json!({"email": "a..b@exa_mple.com", "rootRole": 2})] {
        let made = it.admin("POST", USERS, body.clone()).await.expect(201).json();
        assert_eq!(made["emailSent"], false, "{body}");
        assert!(made["inviteLink"].as_str().unwrap().contains("/new-user?token="), "{made}");
    }
}

#[tokio::test]
async fn a_mail_server_that_refuses_or_is_silent_holds_nothing_up() {
    for temper in [Temper::Refuses, Temper::IsSilent] {
        let mut server = MailServer::start(temper).await;
        let it = server.fixture(&[]).await;
        let began = Instant::now();
        let made = it.admin("POST", USERS, json!({"email": "ada@example.com", "rootRole": 2})).await.expect(201).json();
        assert_eq!(made["emailSent"], true, "it is on its way, as far as anybody knows");
        assert_eq!(forgotten(&it, "ada@example.com").await, "200");
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        server.next().await;
        server.next().await;
        it.admin("GET", USERS, Value::Null).await.expect(200);
    }
}

#[tokio::test]
async fn without_a_mail_server_nothing_is_given_out() {
    let it = Fixture::new().await;
    let config = it.admin("GET", "/api/admin/ui-config", Value::Null).await.json();
    assert_eq!(config["emailEnabled"], false);
    let user = json!({"email": "ada@example.com", "rootRole": 2, "sendEmail": true});
    let made = it.admin("POST", USERS, user).await.expect(201).json();
    assert_eq!(made["emailSent"], false);
    let link = made["inviteLink"].as_str().unwrap().split_once("token=").unwrap().1.to_owned();
    let before = it.app.public().state.clone();
    assert_eq!(forgotten(&it, "ada@example.com").await, "200");
    assert_eq!(it.app.public().state, before, "the link that an administrator has given out still works");
    it.call("", "GET", &format!("/auth/reset/validate?token={link}"), Value::Null).await.expect(200);
}

#[tokio::test]
async fn letters_can_be_looked_at() {
    let it = fixture().await;
    for template in ["getting-started", "reset-password"] {
        let html = format!("GET /api/admin/email/preview/html/{template}");
        let text = format!("GET /api/admin/email/preview/text/{template}");
        let answer = it.check("admin", &html, Value::Null, "200").await;
        assert!(answer.headers["content-type"].to_str().unwrap().starts_with("text/html"));
        assert!(
            answer.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'; style-src")
        );
        assert!(answer.text.contains("href=\"http://localhost:4242/reset-password?token=example\""));
        let answer = it.check("admin", &text, Value::Null, "200").await;
        assert!(answer.headers["content-type"].to_str().unwrap().starts_with("text/plain"));
        assert!(answer.text.starts_with("Hello,\n"));
        it.check("nobody", &html, Value::Null, "401 AuthenticationRequired").await;
        it.check("editor", &html, Value::Null, "403 PermissionError").await;
        it.check("editor", &text, Value::Null, "403 PermissionError").await;
    }
    it.check("admin", "GET /api/admin/email/preview/html/none", Value::Null, "404 NotFoundError").await;
    it.check("admin", "GET /api/admin/email/preview/text/none", Value::Null, "404 NotFoundError").await;
}
