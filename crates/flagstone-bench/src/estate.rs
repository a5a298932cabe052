//! A large installation beside a small one: what lists, switches and the start cost, by the CPU of the server's process.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::{Context, anyhow, ensure};
use clap::Args;
use flagstone_model::api_tokens::{GivenToken, NewToken, TokenKind};
use flagstone_model::commands::{Operation, environments, features, installation, projects, run as run_command, users};
use flagstone_model::commands::{context_fields, segments};
use flagstone_model::commit::{Actor, Commit};
use flagstone_model::features::DisabledStrategies;
use flagstone_model::paths::{Place, ProjectPath};
use flagstone_model::permissions::role_ids;
use flagstone_model::projects::{Member, Project, ProjectMode};
use flagstone_model::users::{CreatePersonalToken, NewUser, RoleRef};
use flagstone_model::{Draft, Entropy, Limits, Principal, State, Surroundings, Timestamp, api_tokens};
use flagstone_store::{Appended, DatabaseUrl, Store};
use serde_json::{Value, from_value, json};
use tempfile::TempDir;

use crate::http::Connection;
use crate::machine::{conditions, cpu_time, cpu_time_of_threads, mib, pin_client, resident_bytes};
use crate::seed::{Random, flag, segment};
use crate::server::{ADMIN, Server};
use crate::single_thread;

#[derive(Args)]
pub struct Options {
    /// The Flagstone to measure
    #[arg(long, default_value = "target/release/flagstone")]
    flagstone: PathBuf,
    /// The core that the server has, but for the starts, which have all
    #[arg(long, default_value_t = 0)]
    server_core: usize,
    /// The core of its client
    #[arg(long, default_value_t = 1)]
    client_core: usize,
    /// Fail when a goal is not met
    #[arg(long)]
    strict: bool,
}

/// How much there is of everything.
struct Size {
    features: usize,
    projects: usize,
    environments: usize,
    segments: usize,
    fields: usize,
    users: usize,
    tokens: usize,
    /// In how many milliseconds a server with so much is to be ready.
    start_ms_max: f64,
}

const SMALL: Size = Size {
    features: 1_000,
    projects: 10,
    environments: 3,
    segments: 10,
    fields: 10,
    users: 20,
    tokens: 20,
    start_ms_max: 200.0,
};
/// The start of this one is measured, no more.
const MIDDLE: Size = Size {
    features: 5_000,
    projects: 50,
    environments: 10,
    segments: 100,
    fields: 50,
    users: 100,
    tokens: 200,
    ..SMALL
};
const LARGE: Size = Size {
    features: 50_000,
    projects: 500,
    environments: 50,
    segments: 300,
    fields: 100,
    users: 1_000,
    tokens: 1_000,
    start_ms_max: 2_000.0,
};

/// The most CPU that a list may take, in milliseconds: a page of it, or a thousand rows.
const LIST_MS_MAX: f64 = 10.0;
/// The most CPU that a switch may take apart from the store, in microseconds, and times that of the small installation.
const SWITCH_US_MAX: f64 = 200.0;
const SWITCH_TIMES_MAX: f64 = 2.0;

/// What a list is asked until: so much CPU, or so often.
const LIST_CPU: Duration = Duration::from_millis(200);
const LIST_REQUESTS: u32 = 200;
const SWITCHES: u32 = 1_000;
const STARTS: usize = 5;
/// The last commits of each installation are switches, as in one that has been in use.
const LAST_SWITCHES: usize = 500;
/// A commit group of the store.
const GROUP_BYTES: usize = 8 << 20;

/// Every list of the admin API, with the field of the answer that holds the rows; nothing where that is the answer.
/// `{strategy}` and `{feature}` are of `project-1`, which has a hundred features in three environments; `project-0`
/// has all environments.
const LISTS: &[(&str, &str)] = &[
    ("/projects", "projects"),
    ("/projects?archived=true", "projects"),
    ("/projects/project-1", "environments"),
    ("/projects/project-1/overview", "environments"),
    ("/projects/project-1/features", "features"),
    ("/projects/project-0/features", "features"),
    ("/projects/project-1/features/{feature}", "environments"),
    ("/projects/project-0/features/{wide}", "environments"),
    ("/projects/project-1/features/{feature}/parents", ""),
    ("/projects/project-1/features/{feature}/parent-variants", ""),
    ("/projects/project-1/features/{feature}/environments/development/strategies", ""),
    ("/projects/project-1/features/{feature}/environments/development/variants", "variants"),
    ("/projects/project-1/api-tokens", "tokens"),
    ("/projects/project-1/dependencies", ""),
    ("/environments", "environments"),
    ("/environments/project/project-1", "environments"),
    ("/environments/project/project-0", "environments"),
    ("/segments", "segments"),
    ("/segments/1/strategies", "strategies"),
    ("/segments/strategies/{strategy}", "segments"),
    ("/context", ""),
    ("/context/userId/strategies", "strategies"),
    ("/api-tokens", "tokens"),
    ("/api-tokens/token-1", "tokens"),
    ("/strategies", "strategies"),
    ("/feature-types", "types"),
    ("/user-admin", "users"),
    ("/user-admin/search?q=user", ""),
    ("/user-admin/admin-count", ""),
    ("/user", "permissions"),
    ("/user/profile", "projects"),
    ("/user/roles", "roles"),
    ("/user/tokens", "pats"),
    ("/event-creators", ""),
    ("/search/events", "events"),
    ("/search/events?limit=1000", "events"),
    ("/search/events?limit=100&offset=10000", "events"),
    ("/search/events?project=IS:project-1", "events"),
    ("/search/events?feature=IS:{feature}", "events"),
    ("/search/events?environment=IS:production", "events"),
    ("/search/events?type=IS:feature-created", "events"),
    ("/search/events?createdBy=IS:1", "events"),
    ("/search/events?query=bench-flag-17", "events"),
    ("/client-metrics/features/{feature}", "lastHourUsage"),
    ("/client-metrics/features/{feature}/raw", "data"),
    ("/ui-config", ""),
];

/// Measures and prints.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let conditions = conditions(&options.flagstone);
    let starts = single_thread()?.block_on(async { start_all(options).await })?;
    pin_client(options.client_core, options.server_core)?;
    let is_met = single_thread()?.block_on(measure(options, &conditions, &starts))?;
    ensure!(is_met || !options.strict, "a goal is not met");
    Ok(())
}

/// An installation on disk.
struct Estate {
    size: &'static Size,
    folder: TempDir,
    /// The secret of a viewer who is a member of one private project and sees nothing of another.
    viewer: String,
    /// A strategy of `project-1`.
    strategy: String,
}

impl Estate {
    fn database(&self) -> PathBuf {
        self.folder.path().join("flagstone.db")
    }
}

/// How the starts of an installation went.
struct Start {
    estate: Estate,
    ready_ms: f64,
    cpu_ms: f64,
    rss: u64,
    bytes: u64,
}

async fn start_all(options: &Options) -> anyhow::Result<Vec<Start>> {
    let mut starts = Vec::new();
    for size in [&SMALL, &MIDDLE, &LARGE] {
        let estate = make(size).await?;
        let mut runs = Vec::new();
        for _ in 0..STARTS {
            let server = Server::with_data(&options.flagstone, None, &estate.database(), &raised(size)).await?;
            let pid = server.pid.context("the server has no process here")?;
            let cpu = cpu_time(pid)?;
            runs.push((server.started_in.as_secs_f64() * 1e3, cpu.as_secs_f64() * 1e3, resident_bytes(pid)?));
        }
        runs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (ready_ms, cpu_ms, rss) = runs[STARTS / 2];
        let bytes = std::fs::metadata(estate.database())?.len();
        starts.push(Start { estate, ready_ms, cpu_ms, rss, bytes });
    }
    Ok(starts)
}

async fn measure(options: &Options, conditions: &str, starts: &[Start]) -> anyhow::Result<bool> {
    let mut is_met = true;
    let mut goal = |value: f64, most: f64| {
        is_met &= value <= most;
        if value <= most { "met" } else { "**missed**" }
    };
    println!("## A large installation\n\n{conditions}");
    println!(
        "| start | file | ready, median of {STARTS} | goal | | CPU until ready | RSS |\n| --- | --- | --- | --- | --- | --- | --- |"
    );
    for Start { estate, ready_ms, cpu_ms, rss, bytes } in starts {
        let (count, most) = (estate.size.features, estate.size.start_ms_max);
        println!(
            "| {count} features | {:.0} MiB | {ready_ms:.0} ms | ≤ {most:.0} ms | {} | {cpu_ms:.0} ms | {:.0} MiB |",
            mib(*bytes),
            goal(*ready_ms, most),
            mib(*rss),
        );
    }
    let mut switches = Vec::new();
    let mut lists = Vec::new();
    for start in starts.iter().filter(|start| start.estate.size.features != MIDDLE.features) {
        let estate = &start.estate;
        let core = Some(options.server_core);
        let server = Server::with_data(&options.flagstone, core, &estate.database(), &raised(estate.size)).await?;
        let mut of_size = Vec::new();
        for (path, rows) in LISTS {
            let path = format!("/api/admin{}", fill(path, estate));
            let admin = list(&server, ADMIN, &path, rows).await?;
            let viewer = list(&server, &estate.viewer, &path, rows).await?;
            of_size.push((admin, viewer));
        }
        lists.push(of_size);
        switches.push(switch(&server).await?);
    }
    println!(
        "\n| switch | CPU | in the store's thread | apart from it | goal | |\n| --- | --- | --- | --- | --- | --- |"
    );
    for (size, (all, store)) in [&SMALL, &LARGE].into_iter().zip(&switches) {
        let apart = all - store;
        println!(
            "| {} features | {all:.0} µs | {store:.0} µs | {apart:.0} µs | ≤ {SWITCH_US_MAX:.0} µs | {} |",
            size.features,
            goal(apart, SWITCH_US_MAX)
        );
    }
    let times = (switches[1].0 - switches[1].1) / (switches[0].0 - switches[0].1);
    println!("| large over small | | | {times:.2} times | ≤ {SWITCH_TIMES_MAX} | {} |", goal(times, SWITCH_TIMES_MAX));
    println!(
        "\nCPU of a list in ms, for an administrator and a viewer, with its rows; goal ≤ {LIST_MS_MAX} a page or a thousand rows.\n"
    );
    println!(
        "| GET /api/admin | small: admin | viewer | large: admin | viewer | |\n| --- | --- | --- | --- | --- | --- |"
    );
    for (at, (path, _)) in LISTS.iter().enumerate() {
        let (small, large) = (&lists[0][at], &lists[1][at]);
        let all = [&small.0, &small.1, &large.0, &large.1];
        let worst = all.iter().filter_map(|list| list.as_ref().map(List::ms_a_page)).fold(0.0, f64::max);
        let cells =
            all.map(|list| list.as_ref().map_or_else(|| "–".to_owned(), |l| format!("{:.2} ({})", l.ms, l.rows)));
        println!("| {} | {} | {} |", path.replace('|', "\\|"), cells.join(" | "), goal(worst, LIST_MS_MAX));
    }
    Ok(is_met)
}

/// What a list costs.
struct List {
    ms: f64,
    rows: u32,
}

impl List {
    fn ms_a_page(&self) -> f64 {
        self.ms / (f64::from(self.rows) / 1e3).max(1.0)
    }
}

/// Asks for a list again and again; nothing where the caller may not see it.
async fn list(server: &Server, token: &str, path: &str, rows: &str) -> anyhow::Result<Option<List>> {
    let pid = server.pid.context("the server has no process here")?;
    let mut connection = Connection::open(&server.address).await?;
    let request = server.address.request(("GET", path), token, &[], "");
    let (status, body) = connection.exchange_whole(&request).await?;
    if status == 403 || status == 404 {
        return Ok(None);
    }
    ensure!(status == 200, "GET {path} is answered {status}: {}", String::from_utf8_lossy(&body));
    let answer: Value = serde_json::from_slice(&body)?;
    let found = if rows.is_empty() { Some(&answer) } else { answer.get(rows) };
    let rows = found.and_then(Value::as_array).map_or(1, Vec::len);
    let began = cpu_time(pid)?;
    let mut requests = 0;
    while requests < LIST_REQUESTS && (requests < 3 || cpu_time(pid)? < began + LIST_CPU) {
        connection.exchange(&request, |_| ()).await?;
        requests += 1;
    }
    let ms = cpu_time(pid)?.saturating_sub(began).as_secs_f64() * 1e3 / f64::from(requests);
    Ok(Some(List { ms, rows: u32::try_from(rows)? }))
}

/// Switches features of `project-1` off and on: microseconds of CPU each, all and in the threads of the store.
async fn switch(server: &Server) -> anyhow::Result<(f64, f64)> {
    let pid = server.pid.context("the server has no process here")?;
    let mut connection = Connection::open(&server.address).await?;
    let store = || cpu_time_of_threads(pid, "sqlx-sqlite");
    let mut began = (Duration::ZERO, Duration::ZERO);
    let warm_up = SWITCHES / 5;
    for number in 0..SWITCHES + warm_up {
        if number == warm_up {
            began = (cpu_time(pid)?, store()?);
        }
        let to = if number % 100 < 50 { "off" } else { "on" };
        let name = feature_of(1, number as usize % 50);
        let path = format!("/api/admin/projects/project-1/features/{name}/environments/development/{to}");
        let request = server.address.request(("POST", &path), ADMIN, &[], "");
        let status = connection.exchange(&request, |_| ()).await?;
        ensure!(status == 200, "POST {path} is answered {status}");
    }
    let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(SWITCHES);
    Ok((each(cpu_time(pid)?.saturating_sub(began.0)), each(store()?.saturating_sub(began.1))))
}

/// The server's options with which there may be so much.
fn raised(size: &Size) -> Vec<String> {
    let limits = limits(size);
    let option = |name: &str, value: usize| [format!("--{name}-limit"), value.to_string()];
    [option("feature-flags", limits.features), option("projects", limits.projects)]
        .into_iter()
        .chain([option("environments", limits.environments), option("api-tokens", limits.api_tokens)])
        .flatten()
        .collect()
}

fn limits(size: &Size) -> Limits {
    Limits { features: 2 * size.features, projects: 600, environments: 60, ..Limits::default() }
}

fn fill(path: &str, estate: &Estate) -> String {
    path.replace("{feature}", &feature_of(1, 3))
        .replace("{wide}", &feature_of(0, 3))
        .replace("{strategy}", &estate.strategy)
}

/// A feature's name, by its project and its place there; a hundred features are in each.
fn feature_of(project: usize, place: usize) -> String {
    crate::seed::flag_name(project * FEATURES_OF_PROJECT + place)
}

const FEATURES_OF_PROJECT: usize = 100;

/// Bytes that never repeat: fit for ids, and for secrets of what is gone after the run.
struct Bytes(u64);

impl Entropy for Bytes {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            *byte = self.0.to_be_bytes()[0];
        }
    }
}

/// What writes an installation: rules as the server runs them, and commits straight into the store.
struct Maker {
    store: Store,
    state: State,
    limits: Limits,
    entropy: Bytes,
    now: Timestamp,
    group: Vec<Commit>,
}

impl Maker {
    /// One commit of all that `change` does.
    async fn commit<T>(
        &mut self,
        principal: &Principal,
        change: impl FnOnce(&mut Draft) -> Result<T, flagstone_model::Error>,
    ) -> anyhow::Result<T> {
        self.now = self.now.plus_millis(1);
        let around = Surroundings {
            principal,
            actor: Actor { id: 1, name: "admin".to_owned(), ip: None },
            now: self.now,
            limits: &self.limits,
            entropy: &mut self.entropy,
        };
        let mut draft = Draft::new(&self.state, around);
        let value = change(&mut draft).map_err(|error| anyhow!("{error}"))?;
        if let Some((commit, state)) = draft.finish() {
            ensure!(commit.bytes() <= self.limits.commit_bytes, "commit {} is too large", commit.seq);
            self.state = state;
            self.group.push(commit);
        }
        if self.group.iter().map(Commit::bytes).sum::<usize>() > GROUP_BYTES {
            self.flush().await?;
        }
        Ok(value)
    }

    async fn flush(&mut self) -> anyhow::Result<()> {
        let group = std::mem::take(&mut self.group);
        ensure!(self.store.append(&group).await? == Appended::Done, "the store is written by somebody else");
        Ok(())
    }
}

/// Does an operation in a draft.
fn act<O: Operation>(draft: &mut Draft, target: &O::Target, input: Value) -> Result<O::Output, flagstone_model::Error> {
    let input = from_value(input).map_err(|error| flagstone_model::Error::InvalidOperation(error.to_string()))?;
    run_command::<O>(draft, target, input)
}

async fn make(size: &'static Size) -> anyhow::Result<Estate> {
    let folder = tempfile::tempdir()?;
    let url = DatabaseUrl::Sqlite(folder.path().join("flagstone.db"));
    let store = Store::open(&url, &flagstone_store::Options::default()).await?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_millis();
    let mut maker = Maker {
        store,
        state: State::default(),
        limits: limits(size),
        entropy: Bytes(0x9e37_79b9_7f4a_7c15),
        now: Timestamp::from_millis(i64::try_from(now)? - 3_600_000),
        group: Vec::new(),
    };
    make_shared(&mut maker, size).await?;
    let (viewer, viewer_id) = make_people(&mut maker, size).await?;
    make_features(&mut maker, size, viewer_id).await?;
    for number in 0..size.tokens {
        let input = NewToken {
            name: format!("token-{number}"),
            kind: if number % 2 == 0 { TokenKind::Backend } else { TokenKind::Frontend },
            environment: Some("development".to_owned()),
            projects: vec![format!("project-{}", number % size.projects)],
            expires_at: None,
        };
        maker.commit(&Principal::System, |draft| api_tokens::create(draft, input)).await?;
    }
    for number in 0..LAST_SWITCHES {
        let (project, feature) = (2 + number % (size.projects - 2), number % FEATURES_OF_PROJECT);
        let place = Place {
            project: format!("project-{project}"),
            feature: feature_of(project, feature),
            environment: "production".to_owned(),
        };
        maker
            .commit(&Principal::System, |draft| {
                let is_on = draft.features.get(&place.feature).is_some_and(|f| f.environments["production"].enabled);
                if is_on {
                    run_command::<features::TurnOff>(draft, &place, ())
                } else {
                    let keep = features::SwitchOn { disabled_strategies: DisabledStrategies::Keep };
                    run_command::<features::TurnOn>(draft, &place, keep)
                }
            })
            .await?;
    }
    maker.flush().await?;
    maker.store.close().await;
    let of_project = maker.state.features.get(&feature_of(1, 3)).context("a feature is missing")?;
    let strategy = of_project.environments["development"].strategies.first().context("a strategy is missing")?;
    let strategy = strategy.id.clone();
    Ok(Estate { size, folder, viewer, strategy })
}

/// What belongs to no project.
async fn make_shared(maker: &mut Maker, size: &Size) -> anyhow::Result<()> {
    let first = installation::FirstStart { admin_username: "admin".to_owned(), admin_password_hash: "none".to_owned() };
    maker
        .commit(&Principal::System, |draft| {
            run_command::<installation::Start>(draft, &(), first)?;
            let given = GivenToken { secret: ADMIN.to_owned(), kind: TokenKind::Admin };
            run_command::<installation::EnsureGivenToken>(draft, &(), given)?;
            for number in 2..size.environments {
                let input = json!({ "name": environment(number), "type": "test" });
                act::<environments::Create>(draft, &(), input)?;
            }
            for number in 0..size.segments {
                act::<segments::Create>(draft, &(), segment(number))?;
            }
            for number in 0..size.fields {
                let input = json!({ "name": format!("field-{number}"), "stickiness": true });
                act::<context_fields::Create>(draft, &(), input)?;
            }
            Ok(())
        })
        .await
}

fn environment(number: usize) -> String {
    match number {
        0 => "development".to_owned(),
        1 => "production".to_owned(),
        _ => format!("environment-{number}"),
    }
}

/// Users, the last of whom is the viewer; their token and id.
async fn make_people(maker: &mut Maker, size: &Size) -> anyhow::Result<(String, i64)> {
    let id = maker
        .commit(&Principal::System, |draft| {
            let mut last = 0;
            for number in 0..size.users {
                let input = NewUser {
                    username: Some(format!("user-{number}")),
                    email: Some(format!("user-{number}@example.com")),
                    name: Some(format!("User number {number}")),
                    root_role: RoleRef::Id(if number % 2 == 0 { role_ids::EDITOR } else { role_ids::VIEWER }),
                    password_hash: Some("none".to_owned()),
                };
                last = run_command::<users::Create>(draft, &(), input)?.user.id;
            }
            Ok(last)
        })
        .await?;
    let principal = Principal::User { id, personal_token: None, generation: None };
    let expires_at = maker.now.plus_millis(30 * 24 * 3_600_000);
    let input = CreatePersonalToken { description: "bench".to_owned(), expires_at };
    let (_, secret) = maker.commit(&principal, |draft| run_command::<users::CreateToken>(draft, &(), input)).await?;
    Ok((secret, id))
}

/// Projects with members and features. The viewer is a member of `project-1`; that and `project-2` are private.
async fn make_features(maker: &mut Maker, size: &Size, viewer: i64) -> anyhow::Result<()> {
    let ids: Vec<i64> = maker.state.segments.values().map(|segment| segment.id).collect();
    let users: Vec<i64> = maker.state.users.values().map(|user| user.id).filter(|id| *id != viewer).collect();
    let mut random = Random(42);
    for number in 0..size.projects {
        let project = format!("project-{number}");
        let all: Vec<_> = (0..size.environments).map(environment).collect();
        let some = vec![environment(0), environment(1), environment(2 + number % (size.environments - 2))];
        let input = json!({ "id": project, "name": format!("Project number {number}"),
            "environments": if number == 0 { &all } else { &some } });
        let flags: Vec<_> = (0..FEATURES_OF_PROJECT)
            .map(|place| flag(number * FEATURES_OF_PROJECT + place, &ids[..10], &mut random))
            .collect();
        maker
            .commit(&Principal::System, |draft| {
                act::<projects::Create>(draft, &(), input)?;
                let mut document: Project = (**draft.projects.find(project.as_str())?).clone();
                let place = |at: usize| users[(number * 7 + at) % users.len()];
                let first = Member { user_id: if number == 1 { viewer } else { place(0) }, role_id: role_ids::MEMBER };
                document.members = vec![
                    first,
                    Member { user_id: place(1), role_id: role_ids::OWNER },
                    Member { user_id: place(2), role_id: role_ids::MEMBER },
                ];
                if number == 1 || number == 2 {
                    document.mode = ProjectMode::Private;
                }
                draft.put(document);
                let path = ProjectPath { project: project.clone() };
                for flag in flags {
                    let feature = act::<features::Create>(draft, &path, flag.body)?.name;
                    for name in [environment(0), environment(1)] {
                        let place = Place { project: project.clone(), feature: feature.clone(), environment: name };
                        for strategy in &flag.strategies {
                            act::<features::AddStrategy>(draft, &place, strategy.clone())?;
                        }
                        if flag.is_on {
                            let keep = features::SwitchOn { disabled_strategies: DisabledStrategies::Keep };
                            run_command::<features::TurnOn>(draft, &place, keep)?;
                        }
                    }
                }
                Ok(())
            })
            .await?;
    }
    Ok(())
}
