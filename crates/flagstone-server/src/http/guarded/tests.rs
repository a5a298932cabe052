//! A table of addresses and names: none that is not public is reached, however it is spelt or found.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::addresses::is_public;
use super::*;

/// Hosts as they stand in a URL.
const LITERALS: [&str; 62] = [
    "127.0.0.1",
    "127.1",
    "127.0.0.1.",
    "127.255.255.254",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "017700000001",
    "0177.0.0.1",
    "0x7f.0x0.0x0.0x1",
    "127.0.1",
    "%31%32%37.0.0.1",
    "①②⑦.0.0.1",
    "0.0.0.0",
    "0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "012.0.0.1",
    "167772161",
    "100.64.0.1",
    "100.127.255.254",
    "100.100.100.200",
    "168.63.129.16",
    "169.254.169.254",
    "0xa9fea9fe",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:8.8.8.8]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::a00:1]",
    "[100::1]",
    "[2001::1]",
    "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
    "[2001:db8::1]",
    "[2002:7f00:1::1]",
    "[3fff::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[5f00::1]",
    "[2001:20::1]",
];

/// Names and what they stand for.
const NAMES: [(&str, &[&str]); 14] = [
    ("localhost", &["127.0.0.1"]),
    ("LOCALHOST.", &["127.0.0.1"]),
    ("any.localhost", &["127.0.0.1"]),
    ("localtest.example", &["127.0.0.1"]),
    ("six.example", &["::1"]),
    ("mapped.example", &["::ffff:127.0.0.1"]),
    ("compatible.example", &["::127.0.0.1"]),
    ("nat64.example", &["64:ff9b::7f00:1"]),
    ("sixtofour.example", &["2002:7f00:1::"]),
    ("private.example", &["10.0.0.1", "192.168.0.1"]),
    ("metadata.example", &["169.254.169.254"]),
    ("unspecified.example", &["0.0.0.0", "::"]),
    ("unique.example", &["fd00::1"]),
    ("xn--bcher-kva.example", &["127.0.0.1"]),
];

/// A server on all loopback addresses that counts who connects, and its port.
async fn listener() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("[::]:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut request = [0; 1_024];
            let _ = stream.read(&mut request).await;
            let answer = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\nretry-after: 7\r\nconnection: close\r\n\
                          content-length: 100000\r\n\r\n";
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.write_all(&vec![b'x'; 100_000]).await;
        }
    });
    (port, count)
}

/// Looks names up in a table; a name's answers are given one after the other, the last of them for ever.
fn table(entries: &[(&str, &[&[&str]])]) -> Arc<LookUp> {
    let parse = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
    let entries = entries.iter().map(|(name, answers)| ((*name).to_owned(), answers.iter().map(parse).collect()));
    let entries: HashMap<String, Vec<Vec<IpAddr>>> = entries.collect();
    let asked = AtomicUsize::new(0);
    Arc::new(move |name| {
        let answers = entries.get(name.trim_end_matches('.').to_lowercase().as_str()).cloned().unwrap_or_default();
        let nth = asked.fetch_add(1, Ordering::SeqCst).min(answers.len().saturating_sub(1));
        Box::pin(std::future::ready(answers.get(nth).cloned().ok_or_else(|| std::io::Error::other("no such name"))))
    })
}

async fn post(guarded: &Guarded, url: String) -> Result<Incoming, Unanswered> {
    let (method, headers) = (Method::POST, HeaderMap::new());
    guarded.send(Outgoing { method, url, headers, body: "secret".to_owned() }).await
}

fn allowing(entries: &[&str]) -> AllowList {
    entries.iter().map(|entry| entry.parse::<addresses::Allowed>().unwrap()).collect()
}

#[tokio::test]
async fn nothing_that_is_not_public_is_reached() {
    let (port, count) = listener().await;
    let guarded = Guarded::new(AllowList::default()).unwrap();
    for host in LITERALS {
        for scheme in ["http", "https"] {
            let answer = post(&guarded, format!("{scheme}://{host}:{port}/hook")).await;
            assert!(matches!(answer, Err(Unanswered::Refused(_))), "{host}: {answer:?}");
        }
    }
    for (name, found) in NAMES {
        let known = name.trim_end_matches('.').to_lowercase();
        let guarded = Guarded::looking_up(AllowList::default(), table(&[(known.as_str(), &[found])])).unwrap();
        let answer = post(&guarded, format!("http://{name}:{port}/hook")).await;
        assert!(matches!(answer, Err(Unanswered::Refused(_))), "{name}: {answer:?}");
    }
    for url in
        ["file:///etc/passwd", "ftp://example.com/", "gopher://127.0.0.1/", "//example.com", "", "http://", "data:,x"]
    {
        assert!(matches!(post(&guarded, url.to_owned()).await, Err(Unanswered::Refused(_))), "{url}");
    }
    assert_eq!(count.load(Ordering::SeqCst), 0, "something was reached");
}

/// The name means a harmless address first and another one the next time it is asked.
#[tokio::test]
async fn a_name_that_changes_its_mind_reaches_nothing() {
    let (port, count) = listener().await;
    for second in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
        let answers: &[&[&str]] = &[&["127.0.0.2"], &[second]];
        let look_up = table(&[("rebinding.example", answers)]);
        let guarded = Guarded::looking_up(allowing(&["127.0.0.2"]), look_up).unwrap();
        let url = format!("http://rebinding.example:{port}/");
        assert_eq!(post(&guarded, url.clone()).await.unwrap().status, 302, "a harmless address is reached");
        assert_eq!(count.swap(0, Ordering::SeqCst), 1, "and once: a redirection is not followed");
        assert!(matches!(post(&guarded, url).await, Err(Unanswered::Refused(_))), "{second}");
        assert_eq!(count.load(Ordering::SeqCst), 0, "{second} was reached");
    }
    // Of several addresses those that are not allowed are left out.
    let look_up = table(&[("two.example", &[&["127.0.0.1", "127.0.0.2"]])]);
    let guarded = Guarded::looking_up(allowing(&["127.0.0.2"]), look_up).unwrap();
    assert_eq!(post(&guarded, format!("http://two.example:{port}/")).await.unwrap().status, 302);
}

#[tokio::test]
async fn an_operator_can_allow_more() {
    let (port, _) = listener().await;
    let check = async |list: AllowList, host: &str, expect: bool| {
        let look_up = table(&[("hooks.internal", &[&["127.0.0.1"]]), ("localhost", &[&["127.0.0.1"]])]);
        let guarded = Guarded::looking_up(list, look_up).unwrap();
        let answer = post(&guarded, format!("http://{host}:{port}/")).await;
        assert_eq!(answer.is_ok(), expect, "{host}: {answer:?}");
    };
    check(allowing(&["hooks.internal"]), "hooks.internal", true).await;
    check(allowing(&["Hooks.Internal."]), "HOOKS.internal.", true).await;
    check(allowing(&["hooks.internal"]), "127.0.0.1", false).await;
    check(allowing(&["127.0.0.0/8"]), "hooks.internal", true).await;
    check(allowing(&["127.0.0.0/8"]), "0x7f.1", true).await;
    check(allowing(&["127.0.0.1"]), "[::ffff:127.0.0.1]", true).await;
    check(allowing(&["10.0.0.0/8"]), "127.0.0.1", false).await;
    check(allowing(&[""]), "127.0.0.1", false).await;
    check(allowing(&["localhost"]), "localhost", true).await;
    check(AllowList { everything: true, ..AllowList::default() }, "127.0.0.1", true).await;
    for wrong in ["a b", "http://x", "10.0.0.0/40"] {
        assert!(wrong.parse::<addresses::Allowed>().is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn of_an_answer_only_the_beginning_is_read_and_no_error_names_the_url() {
    let (port, _) = listener().await;
    let guarded = Guarded::new(allowing(&["127.0.0.1"])).unwrap();
    let answer = post(&guarded, format!("http://127.0.0.1:{port}/")).await.unwrap();
    assert_eq!((answer.body.len(), answer.retry_after_s), (ANSWER_BYTES_MAX, Some(7)));
    let unbound = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let Err(Unanswered::Failed(why)) = post(&guarded, format!("http://u:p@127.0.0.1:{unbound}/T0KEN")).await else {
        panic!("nobody is there");
    };
    assert!(!why.contains("T0KEN") && !why.contains("u:p") && !why.is_empty(), "{why}");
}

#[test]
fn public_addresses_are_public() {
    for address in [
        "1.1.1.1",
        "8.8.8.8",
        "93.184.216.34",
        "172.15.0.1",
        "172.32.0.1",
        "100.128.0.1",
        "192.0.1.1",
        "198.20.0.1",
        "223.255.255.255",
        "2606:4700:4700::1111",
        "2a00:1450::1",
        "2001:4860:4860::8888",
    ] {
        assert!(is_public(address.parse().unwrap()), "{address}");
    }
}
