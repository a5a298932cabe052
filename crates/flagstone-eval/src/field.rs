//! Context fields by number instead of by name.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::context::Context;

/// A context field, as its position in [`Fields`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FieldId(u32);

impl FieldId {
    pub(crate) const USER_ID: Self = Self(0);
    pub(crate) const SESSION_ID: Self = Self(1);
    pub(crate) const ENVIRONMENT: Self = Self(2);
    pub(crate) const APP_NAME: Self = Self(3);
    pub(crate) const CURRENT_TIME: Self = Self(4);
    pub(crate) const REMOTE_ADDRESS: Self = Self(5);

    pub(crate) fn position(self) -> usize {
        self.0 as usize
    }
}

/// The standard fields, in the order of their numbers.
const STANDARD: [&str; 6] = ["userId", "sessionId", "environment", "appName", "currentTime", "remoteAddress"];

/// The names of all fields that the flags of an engine look at.
#[derive(Debug, Clone)]
pub(crate) struct Fields {
    names: Vec<Box<str>>,
    by_name: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Fields {
    /// The standard fields.
    pub(crate) fn new(hasher: DefaultHashBuilder) -> Self {
        let mut fields = Self { names: Vec::new(), by_name: HashTable::new(), hasher };
        for name in STANDARD {
            fields.intern(name);
        }
        fields
    }

    pub(crate) fn find(&self, name: &str) -> Option<FieldId> {
        let same = |position: &u32| self.names.get(*position as usize).is_some_and(|known| **known == *name);
        self.by_name.find(self.hasher.hash_one(name), same).map(|position| FieldId(*position))
    }

    /// The number of a field, a new one if it is new.
    pub(crate) fn intern(&mut self, name: &str) -> FieldId {
        if let Some(known) = self.find(name) {
            return known;
        }
        let position = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let Self { names, by_name, hasher } = self;
        names.push(name.into());
        let hash_at = |position: &u32| hasher.hash_one(names.get(*position as usize).map_or("", |name| name));
        by_name.insert_unique(hasher.hash_one(name), position, hash_at);
        FieldId(position)
    }

    pub(crate) fn name(&self, field: FieldId) -> &str {
        self.names.get(field.position()).map_or("", |name| name)
    }

    /// The value of a field in a context, `currentTime` only where the context has it.
    pub(crate) fn value<'c>(&self, field: FieldId, context: &'c Context) -> Option<&'c str> {
        match field {
            FieldId::USER_ID => context.user_id.as_deref(),
            FieldId::SESSION_ID => context.session_id.as_deref(),
            FieldId::ENVIRONMENT => context.environment.as_deref(),
            FieldId::APP_NAME => context.app_name.as_deref(),
            FieldId::CURRENT_TIME => context.current_time.as_deref(),
            FieldId::REMOTE_ADDRESS => context.remote_address.as_deref(),
            _ => context.properties.get(self.name(field)).map(String::as_str),
        }
    }

    /// The values of all fields in a context, each at the position of its field.
    pub(crate) fn values<'c>(&self, context: &'c Context) -> Vec<Option<&'c str>> {
        (0..).zip(&self.names).map(|(position, _)| self.value(FieldId(position), context)).collect()
    }
}
