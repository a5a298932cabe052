//! The state as a value: everything that exists, cheap to clone, and the fold of the log.

use std::borrow::Borrow;
use std::fmt::{Debug, Display};
use std::str::FromStr;
use std::sync::Arc;

use imbl::OrdMap;
use serde::de::DeserializeOwned;
use serde::{Deserializer, Serialize};

use crate::api_tokens::ApiToken;
use crate::commit::{Change, Commit, FORMAT};
use crate::context_fields::ContextField;
use crate::environments::{Environment, EnvironmentRevision};
use crate::favorites::Favorites;
use crate::features::Feature;
use crate::index::{FavoriteIndex, FeatureIndex, Index, ProjectIndex, RevisionIndex, TagIndex};
use crate::integrations::Integration;
use crate::password_resets::PasswordReset;
use crate::permissions::{Role, built_in_roles};
use crate::projects::Project;
use crate::segments::Segment;
use crate::settings::Setting;
use crate::signup_links::SignupLink;
use crate::strategy_types::StrategyType;
use crate::tags::{Tag, TagType};
use crate::ui_state::UiState;
use crate::users::{PersonalToken, User};

/// A thing that is stored whole, under a key, in a table of the state.
pub trait Document: Serialize + DeserializeOwned + PartialEq + Debug + Send + Sync + 'static {
    /// What is derived from all of these and kept along with them.
    type Index: Index<Self>;
    /// The key's type; its `Display` form is the document's id in the store.
    type Key: Ord + Clone + Display + FromStr + Debug + Send + Sync;
    /// The noun, as it stands in the store and in error messages.
    const KIND: &'static str;
    /// The key of this document.
    fn key(&self) -> Self::Key;
    /// Where the state keeps these.
    fn table(state: &State) -> &Table<Self>;
    /// Where the state keeps these.
    fn table_mut(state: &mut State) -> &mut Table<Self>;
}

/// All documents of one kind, in key order, with what is derived from them. Clones share everything.
#[derive(Debug)]
pub struct Table<D: Document> {
    rows: OrdMap<D::Key, Arc<D>>,
    index: D::Index,
}

impl<D: Document> Clone for Table<D> {
    fn clone(&self) -> Self {
        Self { rows: self.rows.clone(), index: self.index.clone() }
    }
}

impl<D: Document> Default for Table<D> {
    fn default() -> Self {
        Self { rows: OrdMap::new(), index: D::Index::default() }
    }
}

impl<D: Document> PartialEq for Table<D> {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows && self.index == other.index
    }
}

impl<D: Document> Table<D> {
    /// The document under this key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&Arc<D>>
    where
        D::Key: Borrow<Q>,
    {
        self.rows.get(key)
    }

    /// The document under this key, or the error that says there is none.
    pub fn find<Q: Ord + ?Sized + ToString>(&self, key: &Q) -> Result<&Arc<D>, crate::Error>
    where
        D::Key: Borrow<Q>,
    {
        self.get(key).ok_or_else(|| crate::Error::not_found(D::KIND, key.to_string()))
    }

    /// Whether there is a document under this key.
    pub fn contains<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        D::Key: Borrow<Q>,
    {
        self.rows.contains_key(key)
    }

    /// All documents in key order.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Arc<D>> {
        self.rows.values()
    }

    /// What is derived from all of them.
    pub fn index(&self) -> &D::Index {
        &self.index
    }

    /// Whether nothing has been put or deleted between the two, for all that is known; never true where something has.
    pub fn is(&self, other: &Self) -> bool {
        self.rows.ptr_eq(&other.rows)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn absorb(&mut self, other: Self) {
        if self.rows.is_empty() {
            *self = other;
        } else {
            for (key, row) in other.rows {
                self.set(key, Some(row));
            }
        }
    }

    fn set(&mut self, key: D::Key, row: Option<Arc<D>>) {
        let new = row.clone();
        let old = match row {
            Some(row) => self.rows.insert(key, row),
            None => self.rows.remove(&key),
        };
        self.index.replace(old.as_deref(), new.as_deref());
    }
}

/// Why a stored document cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A newer release wrote a kind that this one does not know.
    #[error("unknown kind of document \"{0}\": was it written by a newer release?")]
    UnknownKind(String),
    /// The key or the body does not parse.
    #[error("the {kind} \"{id}\" does not load: {reason}")]
    Malformed {
        /// The noun.
        kind: String,
        /// The document's id.
        id: String,
        /// What the parser said.
        reason: String,
    },
}

// One list of nouns gives the state's fields, the fold and the store's kinds: a noun left out of the fold cannot exist.
macro_rules! documents {
    ($($(#[$doc:meta])+ $field:ident: $document:ty, $kind:literal, $index:ty, $key_type:ty, |$row:ident| $key:expr;)+) => {
        /// Everything that exists, at one position of the log.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct State {
            /// The last commit that is folded in; 0 before the first.
            pub seq: u64,
            /// The last audit event's id; 0 before the first.
            pub last_event_id: u64,
            /// The highest format of the commits that are folded in; 0 before the first. See [`State::may_be_written`].
            pub format: u32,
            $($(#[$doc])+ pub $field: Table<$document>,)+
        }

        $(impl Document for $document {
            type Index = $index;
            type Key = $key_type;
            const KIND: &'static str = $kind;
            fn key(&self) -> Self::Key {
                let $row = self;
                $key
            }
            fn table(state: &State) -> &Table<Self> {
                &state.$field
            }
            fn table_mut(state: &mut State) -> &mut Table<Self> {
                &mut state.$field
            }
        })+

        impl State {
            /// Puts or deletes one stored document. What a newer release wrote and this one does not understand is left
            /// out: it stays in the store as it is. So `format` is set first.
            pub fn load<'de, B>(&mut self, kind: &str, id: &str, body: Option<B>) -> Result<(), LoadError>
            where
                B: Deserializer<'de>,
            {
                let loaded = match kind {
                    $($kind => self.load_as::<$document>(id, body),)+
                    _ => Err(LoadError::UnknownKind(kind.to_owned())),
                };
                if self.may_be_written() { loaded } else { Ok(()) }
            }

            /// Takes over all documents of another state; where both have one, the other's counts.
            pub fn absorb(&mut self, other: Self) {
                $(self.$field.absorb(other.$field);)+
            }
        }
    };
}

documents! {
    /// Feature flags, archived ones included, by name.
    features: Feature, "feature", FeatureIndex, String, |row| row.name.clone();
    /// Projects, archived ones included, by id.
    projects: Project, "project", ProjectIndex, String, |row| row.id.clone();
    /// Environments by name.
    environments: Environment, "environment", (), String, |row| row.name.clone();
    /// For each environment and project the last commit that changed what SDKs see there.
    revisions: EnvironmentRevision, "environment-revision", RevisionIndex, String, |row| row.key();
    /// Segments by id.
    segments: Segment, "segment", (), i64, |row| row.id;
    /// Integrations by id.
    integrations: Integration, "integration", (), i64, |row| row.id;
    /// Types of strategies that users made, by name; the built-in ones are code.
    strategy_types: StrategyType, "strategy", (), String, |row| row.name.clone();
    /// Types of tags by name.
    tag_types: TagType, "tag type", (), String, |row| row.name.clone();
    /// Tags by type and value.
    tags: Tag, "tag", TagIndex, String, |row| row.id();
    /// Context fields by name.
    context_fields: ContextField, "context field", (), String, |row| row.name.clone();
    /// API tokens by selector.
    api_tokens: ApiToken, "API token", (), String, |row| row.selector.clone();
    /// Users by id.
    users: User, "user", (), i64, |row| row.id;
    /// Favorites by user.
    favorites: Favorites, "favorites", FavoriteIndex, i64, |row| row.user_id;
    /// What user interfaces remember, by user.
    ui_states: UiState, "ui state", (), i64, |row| row.user_id;
    /// Personal access tokens by id.
    personal_tokens: PersonalToken, "personal access token", (), i64, |row| row.id;
    /// Links that set a password, by user.
    password_resets: PasswordReset, "password reset", (), i64, |row| row.user_id;
    /// Links by which people sign up, by the public part of their secret.
    signup_links: SignupLink, "sign-up link", (), String, |row| row.selector.clone();
    /// Custom roles by id; the built-in ones are code.
    roles: Role, "role", (), i64, |row| row.id;
    /// Settings of the installation by name, id counters among them.
    settings: Setting, "setting", (), String, |row| row.name.clone();
}

impl State {
    /// The state after `commit`, which must be the one that follows.
    pub fn apply(&mut self, commit: &Commit) -> Result<(), LoadError> {
        self.format = self.format.max(commit.format);
        for Change { kind, id, body } in &commit.body.changes {
            self.load(kind, id, body.clone())?;
        }
        self.seq = commit.seq;
        self.last_event_id = commit.body.events.last().map_or(self.last_event_id, |event| event.id);
        Ok(())
    }

    /// Whether this release knows all that may be in the state. If a newer one has written, a document that this one
    /// writes back would lose what it does not know; so it serves what it understands, and writes nothing.
    pub fn may_be_written(&self) -> bool {
        self.format <= FORMAT
    }

    /// A role by id, built in or custom.
    pub fn role(&self, id: i64) -> Option<&Role> {
        built_in_roles().iter().find(|role| role.id == id).or_else(|| self.roles.get(&id).map(|role| &**role))
    }

    /// The revision of what an environment's SDKs see: the last commit that changed it; 0 if none did.
    pub fn revision(&self, environment: &str) -> u64 {
        self.revisions.index().newest(environment).map_or(0, |row| row.seq)
    }

    pub(crate) fn set<D: Document>(&mut self, key: D::Key, row: Option<Arc<D>>) {
        D::table_mut(self).set(key, row);
    }

    fn load_as<'de, D: Document>(&mut self, id: &str, body: Option<impl Deserializer<'de>>) -> Result<(), LoadError> {
        let malformed = |reason: String| LoadError::Malformed { kind: D::KIND.to_owned(), id: id.to_owned(), reason };
        let key = id.parse::<D::Key>().map_err(|_| malformed("its id does not parse".to_owned()))?;
        let row = match body {
            Some(body) => Some(Arc::new(D::deserialize(body).map_err(|e| malformed(e.to_string()))?)),
            None => None,
        };
        self.set(key, row);
        Ok(())
    }
}
