//! Installations on disk, made by the model's rules.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, anyhow, ensure};
use flagstone_model::api_tokens::{GivenToken, NewToken, TokenKind};
use flagstone_model::commands::{
    Operation, context_fields, environments, features, installation, projects, run as run_command, segments, users,
};
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

use crate::seed::{Random, flag, flag_name, segment};
use crate::server::ADMIN;

/// How much there is of everything.
pub struct Size {
    pub features: usize,
    pub projects: usize,
    pub environments: usize,
    pub segments: usize,
    pub fields: usize,
    pub users: usize,
    pub tokens: usize,
    /// In how many milliseconds a server with so much is to be ready.
    pub start_ms_max: f64,
}

pub const SMALL: Size = Size {
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
pub const MIDDLE: Size = Size {
    features: 5_000,
    projects: 50,
    environments: 10,
    segments: 100,
    fields: 50,
    users: 100,
    tokens: 200,
    ..SMALL
};
pub const LARGE: Size = Size {
    features: 50_000,
    projects: 500,
    environments: 50,
    segments: 300,
    fields: 100,
    users: 1_000,
    tokens: 1_000,
    start_ms_max: 2_000.0,
};

/// The last commits of each installation are switches, as in one that has been in use.
const LAST_SWITCHES: usize = 500;
const FILE: &str = "flagstone.db";
/// A commit group of the store.
const GROUP_BYTES: usize = 8 << 20;

/// An installation on disk.
pub struct Estate {
    pub size: &'static Size,
    folder: TempDir,
    /// The secret of a viewer who is a member of one private project and sees nothing of another.
    pub viewer: String,
    /// A strategy of `project-1`.
    pub strategy: String,
}

impl Estate {
    /// Its file.
    pub fn database(&self) -> PathBuf {
        self.folder.path().join(FILE)
    }
}

/// How much there may be.
pub fn limits(size: &Size) -> Limits {
    Limits { features: 2 * size.features, projects: 600, environments: 60, ..Limits::default() }
}

/// A feature's name, by its project and its place there; a hundred features are in each.
pub fn feature_of(project: usize, place: usize) -> String {
    flag_name(project * FEATURES_OF_PROJECT + place)
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
    /// Opens a store; what is in it, it does not know.
    async fn on(database: &Path, size: &Size) -> anyhow::Result<Self> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_millis();
        let url = DatabaseUrl::Sqlite(database.to_owned());
        let now = i64::try_from(now)?;
        Ok(Self {
            store: Store::open(&url, &flagstone_store::Options::default()).await?,
            state: State::default(),
            limits: limits(size),
            entropy: Bytes(0x9e37_79b9_7f4a_7c15 ^ now.unsigned_abs()),
            now: Timestamp::from_millis(now - 3_600_000),
            group: Vec::new(),
        })
    }

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

pub async fn make(size: &'static Size) -> anyhow::Result<Estate> {
    let folder = tempfile::tempdir()?;
    let mut maker = Maker::on(&folder.path().join(FILE), size).await?;
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
    make_switches(&mut maker, size, LAST_SWITCHES).await?;
    maker.flush().await?;
    maker.store.close().await;
    let of_project = maker.state.features.get(&feature_of(1, 3)).context("a feature is missing")?;
    let strategy = of_project.environments["development"].strategies.first().context("a strategy is missing")?;
    let strategy = strategy.id.clone();
    Ok(Estate { size, folder, viewer, strategy })
}

/// Switches features of all projects but the first two.
async fn make_switches(maker: &mut Maker, size: &Size, count: usize) -> anyhow::Result<()> {
    for number in 0..count {
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
    Ok(())
}

/// What belongs to no project.
async fn make_shared(maker: &mut Maker, size: &Size) -> anyhow::Result<()> {
    let first = installation::FirstStart {
        admin_username: "admin".to_owned(),
        admin_password_hash: "none".to_owned(),
        has_generated_password: false,
    };
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
