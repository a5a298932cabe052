//! The text of a commit as the log keeps it: the public body, and beside it the sealed pieces.
//! `docs/log-format.md` describes it byte by byte.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use flagstone_model::commit::{Actor, Change, Commit, CommitBody, Event, Piece};
use flagstone_model::sealing::{self, REDACTED, Sealing};
use flagstone_model::tags::Tag;
use flagstone_model::time::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value as Json;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::log::CommitRow;
use crate::{Error, chain};

/// Random bytes before each piece, so that nobody can try out what was taken out.
const SALT_BYTES: usize = 16;

/// Where salts come from: one secret from the operating system, which is forgotten after use.
pub(crate) struct Salts {
    secret: [u8; 32],
    given: u64,
}

impl Salts {
    pub(crate) fn new() -> Result<Self, Error> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|e| Error::Unavailable(format!("the system has no randomness: {e}")))?;
        Ok(Self::of(secret))
    }

    pub(crate) const fn of(secret: [u8; 32]) -> Self {
        Self { secret, given: 0 }
    }

    fn next(&mut self) -> [u8; SALT_BYTES] {
        self.given += 1;
        let digest = Sha256::new().chain_update(self.secret).chain_update(self.given.to_be_bytes()).finalize();
        let mut salt = [0; SALT_BYTES];
        salt.copy_from_slice(&digest[..SALT_BYTES]);
        salt
    }
}

/// The column `body`. A sealed place holds what is read there once the piece is gone.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    actor: Json,
    changes: Json,
    events: Json,
    /// JSON pointers into the three above, and the pieces' hashes in hex.
    #[serde(default)]
    sealed: Vec<(String, String)>,
    /// Commits, and the hashes of pieces of theirs that are gone.
    #[serde(default)]
    redacts: Vec<(u64, String)>,
}

/// A piece that is there: its salt in hex, and its JSON text.
type Present = (String, Box<RawValue>);

/// A commit as it is read: what of it is there, and which pieces are not.
pub(crate) struct Parsed {
    pub(crate) commit: Commit,
    /// Every sealed piece, and whether it is gone.
    pub(crate) pieces: Vec<Sealed>,
}

/// A sealed piece of a commit.
pub(crate) struct Sealed {
    pub(crate) place: String,
    pub(crate) hash: [u8; 32],
    pub(crate) is_gone: bool,
}

impl Sealed {
    /// The change whose document it is a piece of, or all of.
    pub(crate) fn change(&self) -> Option<usize> {
        self.place.strip_prefix("/changes/")?.split('/').next()?.parse().ok()
    }

    /// The change that is left out when this piece is gone: it is the whole document.
    pub(crate) fn whole_change(&self) -> Option<usize> {
        self.change().filter(|_| self.place.ends_with("/body") && self.place.matches('/').count() == 3)
    }

    /// Whether an event's row shows it.
    pub(crate) fn is_shown_by_events(&self) -> bool {
        self.place.starts_with("/actor/") || self.place.starts_with("/events/")
    }
}

/// Why a commit cannot be read.
pub(crate) enum Unreadable {
    /// It is no text of this kind.
    Text(String),
    /// The piece at this place is not the one that was hashed, or cannot stand there.
    Piece(String),
}

impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Self {
        Self::Text(error.to_string())
    }
}

/// Writes `body` and `private`.
pub(crate) fn write(commit: &Commit, salts: &mut Salts) -> Result<(String, String), Error> {
    let mut private = String::from("[");
    let mut sealed = Vec::new();
    for place in sealing::places(commit) {
        let piece = piece_at(commit, &place)
            .ok_or_else(|| Error::Invalid(format!("there is nothing at {place} to seal")))?
            .to_string();
        let salt = salts.next();
        sealed.push((place, chain::hex(&chain::piece_hash(&salt, &piece))));
        let comma = if sealed.len() == 1 { "" } else { "," };
        // Writing to a String never fails.
        let _ = write!(private, "{comma}[\"{}\",{piece}]", chain::hex(&salt));
    }
    private.push(']');
    let body = Written {
        actor: WrittenActor {
            id: commit.actor.id,
            name: REDACTED,
            ip: commit.actor.ip.as_ref().map(|_| Masked { value: &Json::Null, sealing: Sealing::Whole }),
        },
        changes: commit.body.changes.iter().map(WrittenChange::of).collect(),
        events: commit.body.events.iter().map(|event| WrittenEvent::of(event, &commit.actor)).collect(),
        sealed,
        redacts: commit.redacts.iter().map(|piece| (piece.seq, chain::hex(&piece.hash))).collect(),
    };
    let body = serde_json::to_string(&body);
    Ok((body.map_err(|error| Error::Invalid(format!("a commit cannot be written: {error}")))?, private))
}

/// What stands at a place of a commit.
fn piece_at(commit: &Commit, place: &str) -> Option<Json> {
    let (part, rest) = place.strip_prefix('/')?.split_once('/')?;
    if part == "actor" {
        return match rest {
            "name" => Some(commit.actor.name.as_str().into()),
            _ => commit.actor.ip.as_deref().map(Json::from),
        };
    }
    let (at, field) = rest.split_once('/')?;
    let at: usize = at.parse().ok()?;
    if part == "changes" {
        return commit.body.changes.get(at)?.body.as_ref()?.pointer(field.strip_prefix("body")?).cloned();
    }
    let event = commit.body.events.get(at)?;
    match field {
        "createdBy" => Some(event.created_by.as_str().into()),
        "ip" => event.ip.as_deref().map(Json::from),
        _ => {
            let (data, pointer) = match field.strip_prefix("preData") {
                Some(pointer) => (&event.pre_data, pointer),
                None => (&event.data, field.strip_prefix("data")?),
            };
            data.as_ref()?.pointer(pointer).cloned()
        }
    }
}

/// [`Body`] as it is written, without a copy of the documents.
#[derive(Serialize)]
struct Written<'a> {
    actor: WrittenActor<'a>,
    changes: Vec<WrittenChange<'a>>,
    events: Vec<WrittenEvent<'a>>,
    sealed: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    redacts: Vec<(u64, String)>,
}

#[derive(Serialize)]
struct WrittenActor<'a> {
    id: i64,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<Masked<'a>>,
}

#[derive(Serialize)]
struct WrittenChange<'a> {
    kind: &'a str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Masked<'a>>,
}

impl<'a> WrittenChange<'a> {
    fn of(change: &'a Change) -> Self {
        let sealing = sealing::of_document(&change.kind);
        let body = change.body.as_ref().map(|value| Masked { value, sealing });
        Self { kind: &change.kind, id: &change.id, body }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenEvent<'a> {
    id: u64,
    #[serde(rename = "type")]
    kind: &'a str,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by_user_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<Masked<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    feature_name: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    tags: &'a BTreeSet<Tag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Masked<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pre_data: Option<Masked<'a>>,
}

impl<'a> WrittenEvent<'a> {
    fn of(event: &'a Event, actor: &Actor) -> Self {
        let is_by_other = !event.is_by(actor);
        let data = |data: &'a Option<Json>| {
            let value = data.as_ref().filter(|data| !data.is_null())?;
            Some(Masked { value, sealing: sealing::of_event(&event.kind) })
        };
        Self {
            id: event.id,
            kind: &event.kind,
            created_at: event.created_at,
            created_by: is_by_other.then_some(REDACTED),
            created_by_user_id: is_by_other.then_some(event.created_by_user_id),
            ip: (is_by_other && event.ip.is_some()).then_some(Masked { value: &Json::Null, sealing: Sealing::Whole }),
            project: event.project.as_deref(),
            environment: event.environment.as_deref(),
            feature_name: event.feature_name.as_deref(),
            tags: &event.tags,
            data: data(&event.data),
            pre_data: data(&event.pre_data),
        }
    }
}

/// A value with what is read in the place of its sealed pieces once they are gone: nothing for the whole, a text for a
/// text.
struct Masked<'a> {
    value: &'a Json,
    sealing: Sealing,
}

impl Serialize for Masked<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.sealing {
            Sealing::Whole => serializer.serialize_unit(),
            Sealing::Texts(texts) => Within { value: self.value, texts: texts.to_vec() }.serialize(serializer),
        }
    }
}
/// A value of which the texts at these pointers are masked.
struct Within<'a> {
    value: &'a Json,
    texts: Vec<&'a str>,
}

impl Serialize for Within<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.value {
            Json::String(_) if self.texts.contains(&"") => serializer.serialize_str(REDACTED),
            Json::Object(fields) if !self.texts.is_empty() => {
                serializer.collect_map(fields.iter().map(|(name, value)| {
                    let inside =
                        self.texts.iter().filter_map(|text| text.strip_prefix('/')?.strip_prefix(name.as_str()));
                    let texts = inside.filter(|rest| rest.is_empty() || rest.starts_with('/')).collect();
                    (name, Within { value, texts })
                }))
            }
            value => value.serialize(serializer),
        }
    }
}

/// Reads a commit, whatever is gone of it. The hashes of the pieces that are there are checked.
pub(crate) fn read(row: &CommitRow) -> Result<Parsed, Unreadable> {
    let mut body: Body = serde_json::from_str(&row.body)?;
    let private: Vec<Option<Present>> = serde_json::from_str(&row.private)?;
    if private.len() != body.sealed.len() {
        return Err(Unreadable::Text("its private part does not go with it".to_owned()));
    }
    let mut pieces = Vec::with_capacity(private.len());
    for ((place, hash), present) in std::mem::take(&mut body.sealed).into_iter().zip(private) {
        let Some(hash) = chain::from_hex::<32>(&hash) else { return Err(Unreadable::Piece(place)) };
        let is_gone = present.is_none();
        if let Some((salt, piece)) = present {
            let right =
                chain::from_hex::<SALT_BYTES>(&salt).filter(|salt| chain::piece_hash(salt, piece.get()) == hash);
            let (Some(_), Some(target)) = (right, body.at(&place)) else { return Err(Unreadable::Piece(place)) };
            *target = serde_json::from_str(piece.get())?;
        }
        pieces.push(Sealed { place, hash, is_gone });
    }
    body.leave_out(&pieces);
    let actor: Actor = serde_json::from_value(body.actor)?;
    let mut redacts = Vec::with_capacity(body.redacts.len());
    for (seq, hash) in body.redacts {
        let hash = chain::from_hex(&hash).ok_or_else(|| Unreadable::Text("a redaction names no hash".to_owned()))?;
        redacts.push(Piece { seq, hash });
    }
    let commit = Commit {
        seq: row.seq,
        id: row.id.clone(),
        at: Timestamp::from_millis(row.at),
        format: row.format,
        body: CommitBody { changes: serde_json::from_value(body.changes)?, events: events(body.events, &actor)? },
        actor,
        redacts,
    };
    Ok(Parsed { commit, pieces })
}

impl Body {
    fn at(&mut self, place: &str) -> Option<&mut Json> {
        let (part, rest) = place.strip_prefix('/')?.split_at(place[1..].find('/')?);
        let part = match part {
            "actor" => &mut self.actor,
            "changes" => &mut self.changes,
            "events" => &mut self.events,
            _ => return None,
        };
        part.pointer_mut(rest)
    }

    /// Leaves out the changes whose documents are gone: the redaction that took them says what became of them.
    fn leave_out(&mut self, pieces: &[Sealed]) {
        let gone: Vec<_> = pieces.iter().filter(|piece| piece.is_gone).filter_map(Sealed::whole_change).collect();
        if let Json::Array(changes) = &mut self.changes
            && !gone.is_empty()
        {
            let mut at = 0;
            changes.retain(|_| {
                at += 1;
                !gone.contains(&(at - 1))
            });
        }
    }
}

/// The events; where one does not say who did it, the actor did.
fn events(events: Json, actor: &Actor) -> Result<Vec<Event>, Unreadable> {
    let Json::Array(events) = events else { return Err(Unreadable::Text("the events are no list".to_owned())) };
    let with_creator = |mut event: Json| {
        if let Json::Object(fields) = &mut event
            && !fields.contains_key("createdBy")
        {
            fields.insert("createdBy".to_owned(), actor.name.clone().into());
            fields.insert("createdByUserId".to_owned(), actor.id.into());
            fields.insert("ip".to_owned(), actor.ip.clone().into());
        }
        Ok(serde_json::from_value(event)?)
    };
    events.into_iter().map(with_creator).collect()
}

/// The keys of all changes of a commit, of those too whose documents are gone.
pub(crate) fn keys(row: &CommitRow) -> Result<Vec<(String, String)>, Unreadable> {
    let body: Body = serde_json::from_str(&row.body)?;
    let changes: Vec<Change> = serde_json::from_value(body.changes)?;
    Ok(changes.into_iter().map(|change| (change.kind, change.id)).collect())
}

/// The column `private` without the pieces that have these hashes; nothing if one of them is not a piece of this
/// commit.
pub(crate) fn without(row: &CommitRow, hashes: &[[u8; 32]]) -> Result<Option<String>, Unreadable> {
    let body: Body = serde_json::from_str(&row.body)?;
    let mut private: Vec<Option<Present>> = serde_json::from_str(&row.private)?;
    for hash in hashes {
        let hash = chain::hex(hash);
        match body.sealed.iter().position(|(_, sealed)| *sealed == hash).and_then(|at| private.get_mut(at)) {
            Some(piece) => *piece = None,
            None => return Ok(None),
        }
    }
    Ok(Some(serde_json::to_string(&private)?))
}

/// The texts of the pieces that are there, in the order of [`Parsed::pieces`].
pub(crate) fn texts(row: &CommitRow) -> Result<Vec<Option<String>>, Error> {
    let private: Vec<Option<Present>> =
        serde_json::from_str(&row.private).map_err(|error| row.corrupt(error.into()))?;
    Ok(private.into_iter().map(|piece| piece.map(|(_, text)| text.get().to_owned())).collect())
}
