//! A store that is gone with the process: the same semantics, for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use flagstone_model::commit::{Commit, Event};
use flagstone_model::time::Timestamp;

use crate::base::{Base, Part};
use crate::chain::{End, Rows};
use crate::deliveries::Delivery;
use crate::grams::Needle;
use crate::leases::{Fence, Held, Hold};
use crate::log::{CommitRow, EventRow, PAGE_BYTES, without_nul};
use crate::merge::{clamped, merge, merge_application, merge_instance, merge_unknown, merge_usage};
use crate::past::Checkpoint;
use crate::redact;
use crate::sql::signed;
use crate::telemetry::{instance_key, unknown_key};
use crate::text::Salts;
use crate::verify::Verifier;
use crate::{
    ActivityOf, Appended, Application, Connections, EVENTS_COUNTED_MAX, EVENTS_WITH_TEXT_COUNTED_MAX, Error,
    EventCreator, EventPage, EventQuery, Gone, Head, Instance, Loaded, LoginRecord, Order, Page, Session, SessionHash,
    StoredDocument, TelemetryBatch, Trim, UsageRow, Verification,
};

/// A store in memory.
#[derive(Debug, Default)]
pub struct Store(Mutex<Tables>);

#[derive(Clone, Debug, Default)]
pub(crate) struct Tables {
    pub(crate) commits: Vec<CommitRow>,
    pub(crate) base: Option<(Base, Vec<Part>)>,
    pub(crate) last_event_gone: u64,
    pub(crate) documents: BTreeMap<(String, String), StoredDocument>,
    pub(crate) events: Vec<EventRow>,
    pub(crate) changes: BTreeSet<(String, String, u64)>,
    pub(crate) checkpoints: BTreeMap<u64, std::sync::Arc<Checkpoint>>,
    pub(crate) leases: BTreeMap<String, Held>,
    deliveries: Vec<Delivery>,
    last_delivery: u64,
    pub(crate) sessions: BTreeMap<SessionHash, Session>,
    /// All that was ever flushed, merged.
    pub(crate) telemetry: TelemetryBatch,
}

impl Store {
    /// The tables; nothing panics while they are held, so a poisoned lock is as good as any.
    pub(crate) fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    pub(crate) fn load(&self) -> Loaded {
        let head = self.commits.last().map_or_else(Head::default, |last| Head {
            seq: last.seq,
            chain_hash: last.chain_hash,
            format: last.format,
            last_event_id: self.events.last().map_or(self.last_event_gone, |row| row.event.id),
        });
        Loaded { head, documents: self.documents.values().cloned().collect() }
    }

    pub(crate) fn append(&mut self, commits: &[Commit], holds: &[Hold]) -> Result<Appended, Error> {
        let head = self.load().head;
        if commits.first().is_some_and(|first| first.seq != head.seq + 1) {
            return Ok(Appended::Conflict);
        }
        if holds.iter().any(|hold| self.leases.get(&hold.name).is_none_or(|held| held.fence != hold.fence.0)) {
            return Ok(Appended::Superseded);
        }
        let end = self.commits.last().map_or_else(End::default, End::of);
        let rows = Rows::of(commits, end, &mut Salts::new()?)?;
        let mut last_event_id = head.last_event_id;
        for row in &rows.events {
            if row.event.id <= last_event_id {
                return Err(Error::Invalid(format!("event {} is not new", row.event.id)));
            }
            last_event_id = row.event.id;
        }
        let redactions: Vec<_> = commits.iter().filter(|commit| !commit.redacts.is_empty()).collect();
        // Only a redaction can fail from here on.
        let before = (!redactions.is_empty()).then(|| self.clone());
        self.commits.extend(rows.commits);
        self.events.extend(rows.events);
        self.changes.extend(rows.changes);
        for document in rows.puts {
            self.documents.insert((document.kind.clone(), document.id.clone()), document);
        }
        for key in rows.deletes {
            self.documents.remove(&key);
        }
        for redaction in redactions {
            if let (Err(error), Some(before)) = (self.redact(redaction), &before) {
                *self = before.clone();
                return Err(error);
            }
        }
        for hold in holds {
            if let Some(held) = self.leases.get_mut(&hold.name) {
                held.position = held.position.max(hold.position);
            }
        }
        Ok(Appended::Done)
    }

    fn redact(&mut self, redaction: &Commit) -> Result<(), Error> {
        for (seq, hashes) in redact::by_commit(redaction)? {
            if seq <= self.begin() {
                self.redact_base(seq, hashes)?;
                continue;
            }
            let row = self.commits.iter_mut().find(|row| row.seq == seq);
            let row = row.ok_or_else(|| Error::Corrupt(format!("commit {seq} is missing")))?;
            let taken = redact::take(row, &hashes)?;
            if !taken.documents.is_empty() {
                self.checkpoints.split_off(&seq);
            }
            for key in taken.documents {
                if self.documents.get(&key).is_some_and(|document| document.seq == seq) {
                    return Err(redact::left_standing(&key.0, &key.1));
                }
            }
            for (kind, id) in taken.gone {
                self.changes.remove(&(kind, id, seq));
            }
            for rewritten in taken.events {
                if let Some(row) = self.events.iter_mut().find(|row| row.event.id == rewritten.event.id) {
                    *row = rewritten;
                }
            }
        }
        Ok(())
    }

    pub(crate) fn commit_rows(&self, seq: u64, limit: u32) -> Vec<CommitRow> {
        page(self.commits.iter().filter(|row| row.seq > seq).take(limit as usize))
    }

    pub(crate) fn last_commits(&self, limit: u32) -> Result<Vec<Commit>, Error> {
        let rows = page(self.commits.iter().rev().take(limit as usize));
        rows.into_iter().rev().map(CommitRow::commit).collect()
    }

    pub(crate) fn page_after(&self, seq: u64, limit: u32) -> Result<Page, Error> {
        let rows = self.commit_rows(seq, limit);
        if seq < self.begin() {
            return Err(Error::Compacted(self.begin()));
        }
        let is_end = rows.last().is_none_or(|last| last.seq == self.last_seq());
        Ok(Page { commits: rows.into_iter().map(CommitRow::commit).collect::<Result<_, _>>()?, is_end })
    }

    pub(crate) fn seq_at(&self, millis: i64) -> Result<u64, Error> {
        match &self.base {
            Some((base, _)) if millis < base.end.reached => Err(Error::Compacted(base.end.seq)),
            _ => Ok(self.commits.iter().rev().find(|row| row.reached <= millis).map_or(self.begin(), |row| row.seq)),
        }
    }

    pub(crate) fn last_seq(&self) -> u64 {
        self.commits.last().map_or(0, |row| row.seq)
    }

    pub(crate) fn sizes_after(&self, seq: u64, limit: u64) -> Vec<(u64, u64)> {
        let rows = self.commits.iter().filter(|row| row.seq > seq);
        rows.take(usize::try_from(limit).unwrap_or(usize::MAX)).map(|row| (row.seq, row.bytes)).collect()
    }

    pub(crate) fn rows_of(&self, kind: &str, id: &str, before: u64, limit: u32) -> Vec<CommitRow> {
        let key = |seq| (kind.to_owned(), id.to_owned(), seq);
        let seqs = self.changes.range(key(0)..key(before)).rev().take(limit as usize).map(|(_, _, seq)| *seq);
        page(seqs.filter_map(|seq| self.commits.iter().find(|row| row.seq == seq)))
    }

    pub(crate) fn checkpoint_before(&self, seq: u64) -> Option<Checkpoint> {
        self.checkpoints.range(..=seq).next_back().map(|(_, checkpoint)| (**checkpoint).clone())
    }

    /// The newest checkpoint's commit and size.
    pub(crate) fn last_checkpoint(&self) -> (u64, u64) {
        self.checkpoints.last_key_value().map_or((0, 0), |(seq, checkpoint)| (*seq, checkpoint.bytes))
    }

    /// Unless a commit after `head` redacts: it may hold what that has taken.
    pub(crate) fn keep_checkpoint(&mut self, checkpoint: Checkpoint, head: u64) -> bool {
        let keep = self.commits.iter().all(|row| row.seq <= head || row.redacts == 0);
        if keep {
            self.checkpoints.insert(checkpoint.seq, checkpoint.into());
        }
        keep
    }

    pub(crate) fn acquire_lease(&mut self, name: &str, holder: &str, ttl: i64, now: i64) -> Option<Fence> {
        let held =
            self.leases.entry(name.to_owned()).or_insert_with(|| Held { expires_at: i64::MIN, ..Held::default() });
        if held.expires_at > now {
            return None;
        }
        (held.fence, held.expires_at) = (held.fence + 1, now.saturating_add(ttl));
        holder.clone_into(&mut held.holder);
        Some(Fence(held.fence))
    }

    pub(crate) fn verify(&self) -> Verification {
        let mut verifier = Verifier::default();
        if let Some((base, parts)) = &self.base
            && !verifier.begin(base, parts)
        {
            return verifier.broken();
        }
        verifier.begin_events(self.last_event_gone);
        verifier.events(self.events.clone());
        if !self.commits.iter().all(|commit| verifier.commit(commit)) {
            return verifier.broken();
        }
        for document in self.documents.values() {
            verifier.document(document.clone());
        }
        for change in &self.changes {
            verifier.change(change);
        }
        verifier.finish()
    }

    pub(crate) fn events(&self, query: &EventQuery) -> EventPage {
        let needle = Needle::of(query.text.as_deref());
        let mut events: Vec<&Event> = self.events.iter().map(|row| &row.event).collect();
        events.retain(|event| matches(query, event) && needle.as_ref().is_none_or(|needle| needle.is_in(event)));
        if query.order == Order::Descending {
            events.reverse();
        }
        let most = if needle.is_some() { EVENTS_WITH_TEXT_COUNTED_MAX } else { EVENTS_COUNTED_MAX };
        let total = if query.without_total { 0 } else { most.min(events.len() as u64) };
        if let Some(after) = query.after {
            events.retain(|event| if query.order == Order::Descending { event.id < after } else { event.id > after });
        }
        let skip = usize::try_from(query.offset).unwrap_or(usize::MAX);
        let take = usize::try_from(query.limit).unwrap_or(usize::MAX);
        EventPage { events: events.into_iter().skip(skip).take(take).cloned().collect(), total }
    }

    pub(crate) fn events_after(&self, id: u64, limit: u32) -> Vec<Event> {
        let first = self.events.partition_point(|row| row.event.id <= id);
        self.events[first..].iter().take(limit as usize).map(|row| row.event.clone()).collect()
    }

    pub(crate) fn delivery_settle(&mut self, hold: &Hold, delivery: Delivery, keep: u64) -> bool {
        let held = self.leases.get_mut(&hold.name).filter(|held| held.fence == hold.fence.0);
        let Some(held) = held else { return false };
        held.position = held.position.max(hold.position);
        self.delivery_note(delivery, keep);
        true
    }

    pub(crate) fn delivery_note(&mut self, delivery: Delivery, keep: u64) -> u64 {
        self.last_delivery += 1;
        let integration = delivery.integration;
        self.deliveries.push(Delivery { id: self.last_delivery, ..delivery });
        let count = self.deliveries.iter().filter(|row| row.integration == integration).count();
        let mut surplus = count.saturating_sub(usize::try_from(keep).unwrap_or(usize::MAX));
        self.deliveries.retain(|row| {
            let goes = row.integration == integration && surplus > 0;
            surplus -= usize::from(goes);
            !goes
        });
        self.last_delivery
    }

    pub(crate) fn deliveries(&self, integration: i64, limit: u64, offset: u64) -> Vec<Delivery> {
        let of = self.deliveries.iter().rev().filter(|row| row.integration == integration);
        let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        of.skip(size(offset)).take(size(limit)).cloned().collect()
    }

    pub(crate) fn deliveries_keep(&mut self, integrations: &[i64]) -> u64 {
        retain(&mut self.deliveries, |row| integrations.contains(&row.integration))
    }

    pub(crate) fn activity(&self, of: ActivityOf<'_>, since: Timestamp, last: u64) -> BTreeMap<i64, u64> {
        let is_meant = |event: &&Event| {
            let is_there = match of {
                ActivityOf::Project(name) => event.project.as_deref() == Some(name),
                ActivityOf::Environment(name) => event.environment.as_deref() == Some(name),
            };
            is_there && event.created_at >= since && event.id <= last
        };
        let mut days = BTreeMap::new();
        for event in self.events.iter().map(|row| &row.event).filter(is_meant) {
            *days.entry(event.created_at.millis() / crate::DAY_MS).or_default() += 1;
        }
        days
    }

    pub(crate) fn usage_rows(&self, hours: &std::ops::Range<Timestamp>) -> (u64, u64) {
        let rows = self.telemetry.usage.iter().filter(|row| hours.contains(&row.hour));
        rows.fold((0, 0), |(rows, variants), row| (rows + 1, variants + row.variants.len() as u64))
    }

    pub(crate) fn event_creators(&self) -> Vec<EventCreator> {
        let newest: BTreeMap<i64, &String> =
            self.events.iter().map(|row| (row.event.created_by_user_id, &row.event.created_by)).collect();
        newest.into_iter().map(|(id, name)| EventCreator { id, name: name.clone() }).collect()
    }

    pub(crate) fn sessions_of(&self, user_id: i64) -> Vec<Session> {
        let mut sessions: Vec<_> =
            self.sessions.values().filter(|session| session.user_id == user_id).cloned().collect();
        sessions.sort_by_key(|session| (std::cmp::Reverse(session.created_at), session.hash));
        sessions
    }

    /// Deletes the sessions for which `is_void` holds.
    pub(crate) fn delete_sessions(&mut self, is_void: impl Fn(&Session) -> bool) -> u64 {
        let before = self.sessions.len();
        self.sessions.retain(|_, session| !is_void(session));
        (before - self.sessions.len()) as u64
    }

    pub(crate) fn keep_newest_sessions(&mut self, user_id: i64, count: u64) -> u64 {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let void: Vec<_> = self.sessions_of(user_id).into_iter().skip(count).map(|session| session.hash).collect();
        self.delete_sessions(|session| void.contains(&session.hash))
    }

    pub(crate) fn flush(&mut self, batch: TelemetryBatch) {
        let old = std::mem::take(&mut self.telemetry);
        self.telemetry = TelemetryBatch {
            usage: merge(
                old.usage.into_iter().chain(batch.usage),
                |row| (row.hour, row.app_name.clone(), row.environment.clone(), row.feature.clone()),
                merge_usage,
            ),
            last_seen: merge(
                old.last_seen.into_iter().chain(batch.last_seen),
                |row| (row.feature.clone(), row.environment.clone()),
                |old, new| old.at = old.at.max(new.at),
            ),
            tokens_seen: merge(
                old.tokens_seen.into_iter().chain(batch.tokens_seen),
                |row| row.token_id.clone(),
                |old, new| old.at = old.at.max(new.at),
            ),
            users_seen: merge(
                old.users_seen.into_iter().chain(batch.users_seen),
                |row| row.user_id,
                |old, new| old.at = old.at.max(new.at),
            ),
            pats_seen: merge(
                old.pats_seen.into_iter().chain(batch.pats_seen),
                |row| row.pat_id,
                |old, new| old.at = old.at.max(new.at),
            ),
            applications: merge(
                old.applications.into_iter().chain(batch.applications),
                |row| row.app_name.clone(),
                merge_application,
            ),
            app_usage: merge(old.app_usage.into_iter().chain(batch.app_usage), Clone::clone, |_, _| {}),
            instances: merge(
                old.instances.into_iter().chain(batch.instances),
                |row| (row.app_name.clone(), row.environment.clone(), row.instance_id.clone()),
                merge_instance,
            ),
            unknown_flags: merge(
                old.unknown_flags.into_iter().chain(batch.unknown_flags),
                |row| (row.name.clone(), row.app_name.clone(), row.environment.clone()),
                |old, new| merge_unknown(old, &new),
            ),
            logins: old.logins.into_iter().chain(batch.logins).collect(),
        };
    }

    pub(crate) fn usage(&self, feature: &str, from: Timestamp) -> Vec<UsageRow> {
        let rows = self.telemetry.usage.iter();
        rows.filter(|row| row.feature == feature && row.hour >= from).cloned().collect()
    }

    pub(crate) fn application(&self, name: &str) -> Option<Application> {
        self.telemetry.applications.iter().find(|row| row.app_name == name).cloned()
    }

    pub(crate) fn features_of_application(&self, name: &str) -> Vec<String> {
        let rows = self.telemetry.usage.iter().filter(|row| row.app_name == name);
        let names: BTreeSet<_> = rows.map(|row| row.feature.clone()).collect();
        names.into_iter().collect()
    }

    pub(crate) fn application_delete(&mut self, name: &str) -> bool {
        let found = self.application(name).is_some();
        self.telemetry.applications.retain(|row| row.app_name != name);
        self.telemetry.app_usage.retain(|row| row.app_name != name);
        self.telemetry.instances.retain(|row| row.app_name != name);
        found
    }

    pub(crate) fn instances(&self, app_name: Option<&str>, environment: Option<&str>) -> Vec<Instance> {
        let mut rows: Vec<_> = self
            .telemetry
            .instances
            .iter()
            .filter(|row| app_name.is_none_or(|name| row.app_name == name))
            .filter(|row| environment.is_none_or(|environment| row.environment == environment))
            .cloned()
            .collect();
        rows.sort_by(|a, b| instance_key(a).cmp(&instance_key(b)));
        rows
    }

    pub(crate) fn connections(&self, since: Timestamp) -> Vec<Connections> {
        let mut found = BTreeMap::<(&str, &str), (u64, Timestamp)>::new();
        for row in self.telemetry.instances.iter().filter(|row| row.seen_at >= since) {
            let (instances, seen_at) = found.entry((&row.environment, &row.app_name)).or_default();
            *instances += 1;
            *seen_at = row.seen_at.max(*seen_at);
        }
        let rows = found.into_iter().map(|((environment, app_name), (instances, seen_at))| Connections {
            environment: environment.to_owned(),
            app_name: app_name.to_owned(),
            instances,
            seen_at,
        });
        rows.collect()
    }

    pub(crate) fn logins(&self, limit: u32, is_meant: impl Fn(&LoginRecord) -> bool) -> Vec<LoginRecord> {
        let mut rows: Vec<_> = self.telemetry.logins.iter().rev().filter(|row| is_meant(row)).cloned().collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.at));
        rows.truncate(limit as usize);
        rows
    }

    pub(crate) fn trim(&mut self, trim: &Trim) -> u64 {
        let telemetry = &mut self.telemetry;
        let mut deleted = 0;
        if let Some(before) = trim.usage_before {
            let variants = |row: &UsageRow| row.variants.len() as u64;
            deleted += telemetry.usage.iter().filter(|row| row.hour < before).map(variants).sum::<u64>();
            deleted += retain(&mut telemetry.usage, |row| row.hour >= before);
        }
        if let Some(before) = trim.instances_before {
            deleted += retain(&mut telemetry.instances, |row| row.seen_at >= before);
        }
        if let Some(before) = trim.unknown_flags_before {
            deleted += retain(&mut telemetry.unknown_flags, |row| row.seen_at >= before);
        }
        if let Some(before) = trim.logins_before {
            deleted += retain(&mut telemetry.logins, |row| row.at >= before);
        }
        if let Some(before) = trim.applications_before {
            deleted += retain(&mut telemetry.applications, |row| row.seen_at >= before);
        }
        if let Some(most) = trim.applications_max {
            deleted += keep_last(&mut telemetry.applications, most, |row| row.seen_at);
        }
        if let Some(most) = trim.instances_max {
            deleted += keep_last(&mut telemetry.instances, most, |row| row.seen_at);
        }
        if trim.applications_before.is_some() || trim.applications_max.is_some() {
            let there = |name: &str| telemetry.applications.iter().any(|row| row.app_name == name);
            deleted += retain(&mut telemetry.app_usage, |row| there(&row.app_name));
        }
        deleted
    }

    pub(crate) fn forget(&mut self, gone: &Gone) -> u64 {
        let names = |list: &[String]| list.iter().map(clamped).collect::<Vec<_>>();
        let (features, environments) = (names(&gone.features), names(&gone.environments));
        let is_gone =
            |feature: &String, environment: &String| features.contains(feature) || environments.contains(environment);
        let telemetry = &mut self.telemetry;
        let usage = telemetry.usage.iter().filter(|row| is_gone(&row.feature, &row.environment));
        let variants: usize = usage.map(|row| row.variants.len()).sum();
        variants as u64
            + retain(&mut telemetry.usage, |row| !is_gone(&row.feature, &row.environment))
            + retain(&mut telemetry.last_seen, |row| !is_gone(&row.feature, &row.environment))
            + retain(&mut telemetry.app_usage, |row| !environments.contains(&row.environment))
            + retain(&mut telemetry.instances, |row| !environments.contains(&row.environment))
            + retain(&mut telemetry.tokens_seen, |row| !gone.tokens.contains(&row.token_id))
            + retain(&mut telemetry.users_seen, |row| !gone.users.contains(&row.user_id))
            + retain(&mut telemetry.pats_seen, |row| !gone.pats.contains(&row.pat_id))
    }

    pub(crate) fn unknown_flags(&self) -> Vec<crate::UnknownFlag> {
        let mut rows = self.telemetry.unknown_flags.clone();
        rows.sort_by(|a, b| unknown_key(a).cmp(&unknown_key(b)));
        rows
    }
}

/// The first rows whose bytes fit, one at least.
fn page<'a>(rows: impl Iterator<Item = &'a CommitRow>) -> Vec<CommitRow> {
    let (mut total, mut count) = (0, 0);
    let fits = |row: &&CommitRow| {
        (total, count) = (total + signed(row.bytes), count + 1);
        total <= PAGE_BYTES || count == 1
    };
    rows.take_while(fits).cloned().collect()
}

/// Keeps the rows for which `keep` holds and says how many went.
fn retain<T>(rows: &mut Vec<T>, keep: impl FnMut(&T) -> bool) -> u64 {
    let before = rows.len();
    rows.retain(keep);
    (before - rows.len()) as u64
}

/// Keeps so many rows that are the last, in the order in which they stand, and says how many went.
fn keep_last<T>(rows: &mut Vec<T>, most: u64, at: impl Fn(&T) -> Timestamp) -> u64 {
    let mut last: Vec<usize> = (0..rows.len()).collect();
    last.sort_by_key(|index| std::cmp::Reverse(at(&rows[*index])));
    last.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    let last: BTreeSet<usize> = last.into_iter().collect();
    let mut indices = 0..;
    retain(rows, |_| indices.next().is_some_and(|index| last.contains(&index)))
}

fn matches(query: &EventQuery, event: &Event) -> bool {
    let any = |list: &[String], text: Option<&String>| {
        list.is_empty() || text.is_some_and(|text| list.iter().any(|item| without_nul(item) == *text))
    };
    let creator = (query.created_by_ids.is_empty() && query.created_by.is_empty())
        || query.created_by_ids.contains(&event.created_by_user_id)
        || query.created_by.iter().any(|name| without_nul(name) == event.created_by);
    let visible = match (&query.visible_projects, &event.project) {
        (Some(visible), Some(project)) => visible.contains(project),
        _ => true,
    };
    (query.ids.is_empty() || query.ids.contains(&event.id))
        && any(&query.features, event.feature_name.as_ref())
        && any(&query.projects, event.project.as_ref())
        && any(&query.environments, event.environment.as_ref())
        && any(&query.types, Some(&event.kind))
        && creator
        && visible
        && query.from.is_none_or(|from| event.created_at >= from)
        && query.to.is_none_or(|to| event.created_at <= to)
}
