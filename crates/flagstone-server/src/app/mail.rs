//! Mail: letters to people, handed to the operator's SMTP server. Nobody waits for it, and what a letter says is never
//! logged: links in it open accounts.

mod letters;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use tokio::sync::Semaphore;

use super::App;
use super::rate_limit::RateLimit;
use crate::options::MailOptions;
use crate::system::entropy;
pub use letters::{Letter, Template};

/// How many letters may wait; more are not taken.
const WAITING_MAX: usize = 200;
/// How many are under way at once: a server that is slow with one does not hold up the next.
const AT_ONCE: usize = 4;
/// How long the server may take to answer a command.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a letter may take altogether.
const LETTER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait before a letter is tried again that the server could not take just then.
const AGAIN_AFTER: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(20)];

/// Hands letters to the SMTP server.
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    sender: Mailbox,
    headers: Vec<HeaderValue>,
    waiting: Arc<Semaphore>,
    at_once: Arc<Semaphore>,
}

impl Mailer {
    /// A mailer as the operator chose; none where no server is named. `public_url` is where people find this server.
    pub fn of(options: &MailOptions, public_url: &str) -> anyhow::Result<Option<Self>> {
        let Some(host) = options.email_host.as_deref().map(str::trim).filter(|host| !host.is_empty()) else {
            return Ok(None);
        };
        let sender =
            options.email_sender.clone().unwrap_or_else(|| format!("Flagstone <noreply@{}>", named(public_url)));
        let sender = sender.parse().with_context(|| format!("EMAIL_SENDER \"{sender}\" is no e-mail address"))?;
        let headers = options.headers()?.into_iter().map(|(name, value)| {
            anyhow::ensure!(
                !value.chars().any(char::is_control),
                "EMAIL_OPTIONAL_HEADERS: {name} holds a control character"
            );
            let name = HeaderName::new_from_ascii(name.clone())
                .map_err(|_| anyhow::anyhow!("EMAIL_OPTIONAL_HEADERS: \"{name}\" is no name of a header"))?;
            Ok(HeaderValue::new(name, value))
        });
        let headers = headers.collect::<anyhow::Result<_>>()?;
        let user = options.email_user.clone().filter(|user| !user.is_empty());
        let tls =
            TlsParameters::new(host.to_owned()).with_context(|| format!("TLS to EMAIL_HOST {host} is not possible"))?;
        let is_near = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        let tls = match (options.email_secure, &user) {
            (true, _) => Tls::Wrapper(tls),
            // A password is not sent in the clear because somebody in between has left STARTTLS out.
            (false, Some(_)) if !is_near => Tls::Required(tls),
            (false, _) => Tls::Opportunistic(tls),
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(options.email_port)
            .tls(tls)
            .timeout(Some(COMMAND_TIMEOUT));
        if let Some(user) = user {
            transport =
                transport.credentials(Credentials::new(user, options.email_password.clone().unwrap_or_default()));
        }
        let (waiting, at_once) = (Arc::new(Semaphore::new(WAITING_MAX)), Arc::new(Semaphore::new(AT_ONCE)));
        Ok(Some(Self { transport: transport.build(), sender, headers, waiting, at_once }))
    }

    /// Sends a letter on its way and returns at once. False if it cannot be sent: too many wait already, or the address
    /// is not one that mail can go to. `user` is whom the log names.
    pub fn post(&self, user: i64, address: &str, letter: &Letter) -> bool {
        let Ok(place) = Arc::clone(&self.waiting).try_acquire_owned() else {
            tracing::warn!(user, letter = letter.name, "a letter is not sent: too many wait for the mail server");
            return false;
        };
        let Some(message) = self.message(address, letter) else {
            tracing::warn!(user, letter = letter.name, "a letter is not sent: mail cannot go to the user's address");
            return false;
        };
        let (transport, at_once, name) = (self.transport.clone(), Arc::clone(&self.at_once), letter.name);
        tokio::spawn(async move {
            match send(&transport, &at_once, &message).await {
                Ok(()) => tracing::info!(user, letter = name, "a letter is sent"),
                Err(reason) => tracing::warn!(user, letter = name, reason, "a letter could not be sent"),
            }
            drop(place);
        });
        true
    }

    fn message(&self, address: &str, letter: &Letter) -> Option<Message> {
        let domain = self.sender.email.domain();
        let mut message = Message::builder()
            .from(self.sender.clone())
            .to(Mailbox::new(None, address.parse().ok()?))
            .message_id(Some(format!("<{}@{domain}>", entropy::uuid())))
            .subject(letter.subject);
        for header in &self.headers {
            message = message.raw_header(header.clone());
        }
        message.multipart(MultiPart::alternative_plain_html(letter.text.clone(), letter.html.clone())).ok()
    }
}

impl App {
    /// How often somebody may ask for a mail that resets a password.
    pub fn reset_mails(&self) -> &RateLimit {
        &self.0.reset_mails
    }

    /// How often somebody may try to sign up.
    pub fn sign_ups(&self) -> &RateLimit {
        &self.0.sign_ups
    }

    /// Writes to people; none while mail is off.
    pub fn mailer(&self) -> Option<&Mailer> {
        self.0.mailer.as_ref()
    }

    /// The address of a page that people open.
    pub fn page(&self, page: &str) -> String {
        let options = self.options();
        format!("{}{}/{page}", options.public_url.trim_end_matches('/'), options.base_path())
    }
}

/// The host of a URL, without its port.
fn named(url: &str) -> &str {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default();
    authority.split(':').next().filter(|host| !host.is_empty()).unwrap_or("localhost")
}

/// Sends a message, again if the server could not take it just then. Why not, without what the server said of it.
async fn send(
    transport: &AsyncSmtpTransport<Tokio1Executor>,
    at_once: &Semaphore,
    message: &Message,
) -> Result<(), String> {
    let mut waits = AGAIN_AFTER.into_iter();
    loop {
        let turn = at_once.acquire().await.map_err(|_| "the server is stopping".to_owned())?;
        let sent = tokio::time::timeout(LETTER_TIMEOUT, transport.send(message.clone())).await;
        drop(turn);
        let (reason, is_final) = match sent {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => (reason(&error), error.is_permanent() || error.is_client()),
            Err(_) => ("the mail server took too long".to_owned(), false),
        };
        match waits.next().filter(|_| !is_final) {
            Some(wait) => tokio::time::sleep(wait).await,
            None => return Err(reason),
        }
    }
}

/// What a mail server says may repeat the address or the letter: of an answer, the code alone.
fn reason(error: &Error) -> String {
    match error.status() {
        Some(code) => format!("the mail server answered {code}"),
        None if error.is_timeout() => "the mail server did not answer in time".to_owned(),
        None if error.is_tls() => "there is no TLS with the mail server".to_owned(),
        None if error.is_client() => "the mail server does not offer what is needed, perhaps STARTTLS".to_owned(),
        None => "the mail server cannot be reached".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sender_is_named_after_the_server() {
        for (url, host) in [
            ("http://localhost:4242", "localhost"),
            ("https://flags.example.com/base", "flags.example.com"),
            ("flags.example.com", "flags.example.com"),
            ("http://", "localhost"),
        ] {
            assert_eq!(named(url), host, "{url}");
        }
    }

    #[test]
    fn mistakes_in_the_options_are_found_at_the_start() {
        let options = |sender: Option<&str>, headers: &str| MailOptions {
            email_host: Some("mail.example.com".to_owned()),
            email_port: 587,
            email_secure: false,
            email_user: None,
            email_password: None,
            email_sender: sender.map(str::to_owned),
            email_optional_headers: headers.to_owned(),
        };
        let check = |options: MailOptions, expect: &str| {
            let made = Mailer::of(&options, "https://flags.example.com");
            let said = made.map_or_else(
                |error| error.to_string(),
                |mailer| if mailer.is_some() { "on".into() } else { "off".into() },
            );
            assert!(said.contains(expect), "{said}");
        };
        check(options(None, "{}"), "on");
        check(options(Some("Flags <flags@example.com>"), r#"{"X-Team": "flags"}"#), "on");
        check(MailOptions { email_host: None, ..options(None, "{}") }, "off");
        check(MailOptions { email_host: Some(" ".to_owned()), ..options(None, "{}") }, "off");
        check(options(Some("nobody"), "{}"), "EMAIL_SENDER");
        check(options(None, "[]"), "EMAIL_OPTIONAL_HEADERS");
        check(options(None, r#"{"a b": "c"}"#), "EMAIL_OPTIONAL_HEADERS");
        check(options(None, r#"{"X-A": "b\r\nBcc: eve@example.com"}"#), "EMAIL_OPTIONAL_HEADERS");
    }
}
