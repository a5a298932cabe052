//! One table, many tests: what holds for every operation, without exception.

pub mod document;
pub mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use flagstone_model::State;
use flagstone_model::commit::Commit;
use flagstone_store::{DatabaseUrl, EventQuery, Options, Store};
use serde_json::json;
use tokio::sync::OnceCell;

use crate::fixture::{Answer, Fixture};
use crate::world::{fixture, fixture_on, session, with_cookie, world};
use document::{Document, compare_golden};
use table::{By, Effect, Row, rows};

/// What anybody may ask for without credentials, published or not.
pub const PUBLIC: &[&str] = &[
    "POST /auth/simple/login",
    "GET /auth/bootstrap",
    "GET /auth/reset/validate",
    "POST /auth/reset/password",
    "POST /auth/reset/password-email",
    "POST /auth/reset/validate-password",
    "GET /invite/{token}/validate",
    "POST /invite/{token}/signup",
    "POST /edge/validate",
    "GET /health",
    "GET /ready",
    "GET /internal-backstage/prometheus",
    "GET /docs/openapi",
    "GET /docs/openapi.css",
    "GET /docs/openapi.js",
    "GET /docs/openapi.json",
];

/// Who gets in, as the golden file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    Public,
    /// An SDK's token.
    Token,
    /// The signature of an edge.
    Signature,
    /// A session.
    Session,
    /// Any user.
    User,
    /// Any user or admin token.
    Any,
    /// Whoever has any one of these.
    Permissions(Vec<String>),
}

impl Policy {
    /// Finds the policy out by asking: as nobody, as a viewer, as an admin token, as the one it succeeds for.
    pub async fn observe(it: &Fixture, row: &Row) -> Self {
        let world = world().await;
        let nobody = row.send_as(it, world, "").await;
        if nobody.status != 401 {
            return Self::Public;
        }
        let viewer = row.send_as(it, world, world.get("viewer")).await;
        let permissions = viewer_lacks(&viewer);
        if !permissions.is_empty() {
            return Self::Permissions(permissions);
        }
        if matches!(row.by, By::Backend | By::Frontend | By::Sdk) {
            return Self::Token;
        }
        if row.by == By::Edge {
            return Self::Signature;
        }
        if is_refusal(&viewer) {
            return Self::Session;
        }
        let token = row.send_as(it, world, world.get("admin token")).await;
        if is_refusal(&token) { Self::User } else { Self::Any }
    }
}

impl std::fmt::Display for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Token => "token",
            Self::Signature => "signature",
            Self::Session => "session",
            Self::User => "user",
            Self::Any => "any",
            Self::Permissions(permissions) => return f.write_str(&permissions.join(",")),
        })
    }
}

fn viewer_lacks(answer: &Answer) -> Vec<String> {
    if answer.status != 403 {
        return Vec::new();
    }
    let permissions = answer.json()["permissions"].as_array().cloned().unwrap_or_default();
    permissions.iter().map(|p| p.as_str().unwrap().to_owned()).collect()
}

/// Whether somebody was turned away for who they are, whatever they asked.
pub fn is_refusal(answer: &Answer) -> bool {
    let refusals =
        ["AuthenticationRequired", "UnauthorizedError", "PermissionError", "NoAccessError", "ForbiddenError"];
    matches!(answer.status.as_u16(), 401 | 403) && refusals.contains(&answer.error_name().as_str())
}

fn label(row: &Row) -> String {
    format!("{} {}", row.method, row.template)
}

fn revision(answer: &Answer) -> u64 {
    answer.headers["x-flagstone-revision"].to_str().unwrap().parse().unwrap()
}

/// The state without its position: what restarts and folds must give again.
fn content(state: &State) -> State {
    State { seq: 0, last_event_id: 0, ..state.clone() }
}

#[tokio::test]
async fn every_documented_operation_has_a_row_and_every_row_is_documented() {
    let rows: BTreeSet<String> = rows(world().await).iter().map(label).collect();
    let documented: BTreeSet<String> =
        Document::new().operations().map(|(method, path, _)| format!("{method} {path}")).collect();
    assert_eq!(documented.difference(&rows).collect::<Vec<_>>(), [&""; 0], "operations without a row");
    assert_eq!(rows.difference(&documented).collect::<Vec<_>>(), [&""; 0], "rows without an operation");
}

#[tokio::test]
async fn t4_nobody_gets_401_unless_the_operation_is_public() {
    let (it, world) = (fixture().await, world().await);
    let before = it.app.public().state.clone();
    let (public, closed): (Vec<_>, Vec<_>) = rows(world).into_iter().partition(|row| row.by == By::Nobody);
    for row in closed.into_iter().chain(public) {
        if row.by == By::Nobody {
            assert_eq!(it.app.public().state, before, "before {}", label(&row));
        }
        let answer = row.send_as(&it, world, "").await;
        if PUBLIC.contains(&label(&row).as_str()) {
            assert_eq!(answer.status, row.status, "{}: {}", label(&row), answer.text);
        } else {
            assert_eq!(answer.status, 401, "{}: {}", label(&row), answer.text);
            assert_eq!(answer.error_name(), "AuthenticationRequired", "{}", label(&row));
        }
        if row.effect != Effect::Nothing && row.by == By::Nobody {
            break;
        }
    }
}

#[tokio::test]
async fn a_user_without_rights_changes_nothing_but_what_is_theirs() {
    let (it, world) = (fixture().await, world().await);
    let before = it.app.public().state.clone();
    for row in rows(world).into_iter().filter(|row| row.by == By::Admin) {
        let answer = row.send_as(&it, world, world.get("viewer")).await;
        if row.effect != Effect::Nothing {
            assert_eq!(answer.status, 403, "{}: {}", label(&row), answer.text);
            assert_eq!(answer.error_name(), "PermissionError", "{}", label(&row));
        }
        assert_eq!(it.app.public().state, before, "{}", label(&row));
    }
}

#[tokio::test]
async fn the_routes_with_their_permissions_are_the_golden_file() {
    let (world, document) = (world().await, Document::new());
    let (mut it, mut lines) = (fixture().await, BTreeMap::new());
    let before = it.app.public().state.clone();
    for row in rows(world) {
        let policy = Policy::observe(&it, &row).await;
        if it.app.public().state != before {
            it = fixture().await;
        }
        let id = document.operation_id(row.method, row.template);
        lines.insert((row.template, row.method), format!("{} {} {id} {policy}", row.method, row.template));
    }
    let text = lines.into_values().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "{line}");
        text
    });
    compare_golden("routes.txt", &text);
}

#[test]
fn the_published_document_is_the_golden_file() {
    compare_golden("openapi.json", &Document::new().pretty());
}

/// What became of an operation on a fresh installation, and of the same request again.
struct Ran {
    row: Row,
    before: Box<State>,
    answer: Answer,
    after: Box<State>,
    /// How many events the audit log finds then.
    events: u64,
    /// What the request committed.
    commits: Vec<Commit>,
    again: Answer,
    after_again: Box<State>,
}

/// Every operation, run once for all tests.
async fn ran() -> &'static [Ran] {
    static RAN: OnceCell<Vec<Ran>> = OnceCell::const_new();
    RAN.get_or_init(async || {
        let world = world().await;
        let mut all = Vec::new();
        for row in rows(world) {
            let it = fixture().await;
            let before = Box::new(it.app.public().state.clone());
            let answer = row.send(&it, world).await;
            let after = Box::new(it.app.public().state.clone());
            let commits = it.store.commits_after(before.seq, 100).await.unwrap();
            let query = EventQuery { limit: 1, ..EventQuery::default() };
            let events = it.store.events(&query).await.unwrap().total;
            let again = row.send(&it, world).await;
            let after_again = Box::new(it.app.public().state.clone());
            all.push(Ran { row, before, answer, after, events, commits, again, after_again });
        }
        all
    })
    .await
}

#[tokio::test]
async fn every_operation_succeeds_and_answers_as_documented() {
    let (document, mut faults) = (Document::new(), Vec::new());
    for Ran { row, answer, again, .. } in ran().await {
        if answer.status != row.status {
            faults.push(format!("{}: {} {}", label(row), answer.status, answer.text));
        }
        for answer in [answer, again] {
            let found = document.faults(row.method, row.template, answer);
            faults.extend(found.into_iter().map(|fault| format!("{}: {} {fault}", label(row), answer.status)));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[tokio::test]
async fn refusals_answer_as_documented() {
    let (it, world, document, mut faults) = (fixture().await, world().await, Document::new(), BTreeSet::new());
    for row in rows(world) {
        for secret in ["", world.get("garbage"), world.get("viewer"), world.get("backend")] {
            let answer = row.send_as(&it, world, secret).await;
            let found = document.faults(row.method, row.template, &answer);
            faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", label(&row))));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[tokio::test]
async fn i5_reads_leave_the_revision_and_changes_advance_it_by_one() {
    for Ran { row, before, answer, after, .. } in ran().await {
        let advance = u64::from(row.effect != Effect::Nothing);
        assert_eq!(after.seq - before.seq, advance, "{}: {} {}", label(row), answer.status, answer.text);
        assert_eq!(revision(answer), after.seq, "{}", label(row));
        let is_changed = matches!(row.effect, Effect::Changes(_));
        assert_eq!(content(after) != content(before), is_changed, "{}", label(row));
    }
}

#[tokio::test]
async fn i5_the_same_request_again_advances_the_revision_only_if_it_changes_something() {
    let mut idempotent = 0;
    for Ran { row, after, again, after_again, .. } in ran().await {
        let changed = content(after_again) != content(after) || matches!(row.effect, Effect::Told(_));
        assert_eq!(after_again.seq - after.seq, u64::from(changed), "{}: {}", label(row), again.text);
        assert_eq!(after_again.last_event_id > after.last_event_id, changed, "{}: {}", label(row), again.text);
        assert!(!changed || again.status.is_success(), "{}: {} {}", label(row), again.status, again.text);
        idempotent += u32::from(!changed && again.status.is_success() && row.effect != Effect::Nothing);
    }
    assert!(idempotent > 15, "only {idempotent}");
}

#[tokio::test]
async fn t45_i6_every_change_has_an_actor_and_events_that_name_actor_and_object() {
    let spare_user = world().await.get("spare user").parse().unwrap();
    for Ran { row, before, commits, events, .. } in ran().await {
        let (Effect::Changes(object) | Effect::Told(object)) = &row.effect else {
            assert!(commits.is_empty(), "{}: {commits:?}", label(row));
            continue;
        };
        let [commit] = commits.as_slice() else { panic!("{}: {commits:?}", label(row)) };
        let actor = match row.by {
            By::User | By::Session => (1, "admin"),
            // Whoever signs up is not there yet.
            By::Nobody if row.template.starts_with("/invite/") => (-1337, "system"),
            By::Nobody => (spare_user, "spare-user"),
            By::Edge => (-1337, "edge"),
            _ => (-42, "admin"),
        };
        assert_eq!((commit.actor.id, commit.actor.name.as_str()), actor, "{}", label(row));
        assert!(!commit.body.events.is_empty(), "{}: a change without an event", label(row));
        let is_told = matches!(row.effect, Effect::Told(_));
        assert_eq!(commit.body.changes.is_empty(), is_told, "{}: an event without a change", label(row));
        for (event, id) in commit.body.events.iter().zip(before.last_event_id + 1..) {
            assert_eq!((event.created_by_user_id, event.created_by.as_str()), actor, "{}", label(row));
            assert_eq!(event.id, id, "{}", label(row));
            assert_eq!(event.ip.as_deref(), Some("127.0.0.1"), "{}", label(row));
        }
        let text = serde_json::to_string(&commit.body.events).unwrap();
        assert!(text.contains(object.as_str()), "{}: no event names {object}: {text}", label(row));
        assert_eq!(*events, before.last_event_id + commit.body.events.len() as u64, "{}", label(row));
    }
}

#[tokio::test]
async fn t45_no_event_without_a_change_whoever_asks() {
    let (it, world) = (fixture().await, world().await);
    let last_event = it.app.public().state.last_event_id;
    for row in rows(world).iter().filter(|row| row.by == By::Admin && row.effect != Effect::Nothing) {
        for principal in ["nobody", "viewer", "owner of omega", "backend", "disabled"] {
            row.send_as(&it, world, &world.principal(principal).secret).await;
        }
    }
    assert_eq!(it.app.public().state.last_event_id, last_event);
}

#[tokio::test]
async fn i10_the_log_folds_to_the_state_after_every_change() {
    for Ran { row, before, after, commits, .. } in ran().await {
        let mut folded = before.clone();
        for commit in commits {
            folded.apply(commit).unwrap();
        }
        assert_eq!(folded, *after, "{}", label(row));
    }
}

#[tokio::test]
async fn i10_a_restart_from_disk_gives_an_equal_state() {
    let (world, folder) = (world().await, tempfile::tempdir().unwrap());
    let url = DatabaseUrl::Sqlite(folder.path().join("flagstone.db"));
    let it = fixture_on(&url, &[]).await;
    let mut changed = 0;
    for row in rows(world).into_iter().filter(|row| row.effect != Effect::Nothing && row.by == By::Admin) {
        changed += u32::from(row.send(&it, world).await.status.is_success());
    }
    assert!(changed > 30, "only {changed} operations changed something");
    let before = it.app.public().state.clone();
    it.app.stop().await;
    let again = Fixture::on(Store::open(&url, &Options::default()).await.unwrap(), &[]).await;
    assert_eq!(again.app.public().state, before);
    assert!(again.store.verify().await.unwrap().is_intact());
}

/// F2: what reads goes on when nothing can be written, also what a session in use would have written.
#[tokio::test]
async fn f2_reads_need_no_write() {
    let (world, folder) = (world().await, tempfile::tempdir().unwrap());
    let url = DatabaseUrl::Sqlite(folder.path().join("flagstone.db"));
    let it = fixture_on(&url, &[]).await;
    let cookie = session(&it).await;
    it.app.stop().await;
    let read_only = Store::open_read_only(&url, &Options::default()).await.unwrap();
    let it = Fixture::on(read_only, &[]).await;
    let refused = it.admin("POST", "/api/admin/segments", json!({"name": "x", "constraints": []})).await;
    assert_eq!(refused.status, 503, "something can be written: {}", refused.text);
    let mut reads: Vec<_> = rows(world).into_iter().filter(|row| row.method == "GET").collect();
    // A link lasts for a day.
    reads.sort_by_key(|row| row.by != By::Nobody);
    for row in &reads {
        // Each one finds the session due to be prolonged; all of them together, links still valid.
        it.advance(11 * 60_000);
        let answer = match row.by {
            By::Admin | By::User | By::Session => {
                it.send(with_cookie(&cookie, row.method, &row.path(world), &row.body)).await
            }
            _ => row.send(&it, world).await,
        };
        assert_eq!(answer.status, row.status, "{}: {}", label(row), answer.text);
    }
    it.app.flush_telemetry().await.unwrap_err();
    assert!(reads.len() > 40, "{}", reads.len());
}
