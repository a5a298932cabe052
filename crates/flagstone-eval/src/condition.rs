//! Constraints, compiled and interned: each distinct one exists once, however many flags and segments use it.

use std::cmp::Ordering;
use std::hash::{BuildHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use hashbrown::{DefaultHashBuilder, HashTable};
use ipnet::IpNet;
use regex::Regex;
use semver::Version;

use crate::document::Constraint;
use crate::field::{FieldId, Fields};
use crate::limits;
use crate::texts::{TextSet, Texts};
use crate::validate::{self, Case};

/// A compiled constraint.
#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) field: FieldId,
    pub(crate) operator: Box<str>,
    pub(crate) values: Texts,
    pub(crate) value: Option<Box<str>>,
    pub(crate) inverted: bool,
    pub(crate) case: Case,
    test: Test,
    /// What the condition counts for in [`limits::REGEXES_COMPILED_BYTES_MAX`].
    regex_bytes: usize,
    /// Whether it is broken only because others take all of that.
    has_no_room: bool,
}

/// What a constraint does with the value of its field.
#[derive(Debug)]
enum Test {
    /// Says no to every context, inverted or not: the constraint is broken, for this reason.
    Broken(Box<str>),
    In(TextSet),
    NotIn(TextSet),
    /// Compares with the strings given or, where case does not count, with these in lower case.
    Text(Part, Option<Texts>),
    Number(Comparison, f64),
    Date(Comparison, DateTime<Utc>),
    Semver(Comparison, Box<Version>),
    Regex(Box<Regex>),
    Cidr(Box<[IpNet]>),
}

/// Where in a value a string must be.
#[derive(Debug, Clone, Copy)]
enum Part {
    Start,
    End,
    Anywhere,
}

/// How the value of a context must compare with that of the constraint.
#[derive(Debug, Clone, Copy)]
enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Comparison {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
        }
    }
}

impl Condition {
    fn compile(constraint: &Constraint, field: FieldId, regex_bytes_left: usize, hasher: &DefaultHashBuilder) -> Self {
        let values = Texts::new(&constraint.values);
        let case = if constraint.case_insensitive { Case::Insensitive } else { Case::Sensitive };
        let (test, regex_bytes) = match constraint.operator.as_str() {
            "REGEX" => Test::regex(constraint, case, regex_bytes_left),
            _ => (Test::compile(constraint, &values, case, hasher), 0),
        };
        let test = test.unwrap_or_else(|reason| Test::Broken(reason.into()));
        Self {
            field,
            operator: constraint.operator.as_str().into(),
            values,
            value: constraint.value.as_deref().map(Box::from),
            inverted: constraint.inverted,
            case,
            test,
            regex_bytes,
            has_no_room: constraint.operator == "REGEX" && regex_bytes_left < limits::REGEX_COMPILED_BYTES_MAX,
        }
    }

    /// The same, compiled anew.
    fn again(&self, regex_bytes_left: usize, hasher: &DefaultHashBuilder) -> Self {
        let constraint = Constraint {
            context_name: String::new(),
            operator: self.operator.to_string(),
            values: self.values.iter().map(str::to_owned).collect(),
            value: self.value.as_deref().map(str::to_owned),
            inverted: self.inverted,
            case_insensitive: self.case == Case::Insensitive,
        };
        Self::compile(&constraint, self.field, regex_bytes_left, hasher)
    }

    /// Whether this is what `constraint` compiles to.
    fn is(&self, constraint: &Constraint, field: FieldId) -> bool {
        self.field == field
            && *self.operator == *constraint.operator
            && self.inverted == constraint.inverted
            && (self.case == Case::Insensitive) == constraint.case_insensitive
            && self.value.as_deref() == constraint.value.as_deref()
            && self.values.len() == constraint.values.len()
            && self.values.iter().eq(&constraint.values)
    }

    /// Why the condition holds for nobody, if it is broken.
    pub(crate) fn broken(&self) -> Option<&str> {
        match &self.test {
            Test::Broken(reason) => Some(reason),
            _ => None,
        }
    }

    /// Whether the condition holds where its field has this value. A missing value is in no list, so that it passes
    /// `NOT_IN`, and fails every other operator; `inverted` then turns that around as well.
    pub(crate) fn holds(&self, value: Option<&str>, hasher: &DefaultHashBuilder) -> bool {
        let result = match (&self.test, value) {
            (Test::Broken(_), _) => return false,
            (Test::NotIn(_), None) => true,
            (_, None) => false,
            (Test::In(set), Some(value)) => set.contains(&self.values, hasher, value),
            (Test::NotIn(set), Some(value)) => !set.contains(&self.values, hasher, value),
            (Test::Text(part, lowered), Some(value)) => self.text_matches(*part, lowered.as_ref(), value),
            (Test::Number(comparison, number), Some(value)) => {
                value.parse().is_ok_and(|value| number_holds(*comparison, value, *number))
            }
            (Test::Date(comparison, date), Some(value)) => {
                value.parse::<DateTime<Utc>>().is_ok_and(|value| comparison.holds(value.cmp(date)))
            }
            (Test::Semver(comparison, version), Some(value)) => {
                Version::parse(value).is_ok_and(|value| comparison.holds(value.cmp_precedence(version)))
            }
            (Test::Regex(regex), Some(value)) => regex.is_match(value),
            (Test::Cidr(ranges), Some(value)) => {
                value.parse::<IpAddr>().is_ok_and(|address| ranges.iter().any(|range| range.contains(&address)))
            }
        };
        result != self.inverted
    }

    /// Whether a date condition holds at this moment; `None` for other conditions.
    pub(crate) fn holds_at(&self, now: DateTime<Utc>) -> Option<bool> {
        match &self.test {
            Test::Date(comparison, date) => Some(comparison.holds(now.cmp(date)) != self.inverted),
            _ => None,
        }
    }

    fn text_matches(&self, part: Part, lowered: Option<&Texts>, value: &str) -> bool {
        let any = |texts: &Texts, value: &str| {
            texts.iter().any(|text| match part {
                Part::Start => value.starts_with(text),
                Part::End => value.ends_with(text),
                Part::Anywhere => value.contains(text),
            })
        };
        match lowered {
            None => any(&self.values, value),
            Some(lowered) => any(lowered, &value.to_lowercase()),
        }
    }
}

/// Numbers count as equal when they differ by less than the machine epsilon, as in the official engine.
fn number_holds(comparison: Comparison, value: f64, number: f64) -> bool {
    match comparison {
        Comparison::Equal => (value - number).abs() < f64::EPSILON,
        other => value.partial_cmp(&number).is_some_and(|ordering| other.holds(ordering)),
    }
}

impl Test {
    fn compile(
        constraint: &Constraint,
        values: &Texts,
        case: Case,
        hasher: &DefaultHashBuilder,
    ) -> Result<Self, String> {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
        let value = || needed_value(constraint);
        let number = |comparison| Ok(Self::Number(comparison, validate::number(value()?)?));
        let date = |comparison| Ok(Self::Date(comparison, validate::date(value()?)?));
        let semver = |comparison| Ok(Self::Semver(comparison, validate::semver(value()?)?.into()));
        let text = |part| {
            let lowered = || Texts::new(values.iter().map(str::to_lowercase));
            Ok(Self::Text(part, (case == Case::Insensitive).then(lowered)))
        };
        match constraint.operator.as_str() {
            "IN" => Ok(Self::In(TextSet::new(values, hasher))),
            "NOT_IN" => Ok(Self::NotIn(TextSet::new(values, hasher))),
            "STR_STARTS_WITH" => text(Part::Start),
            "STR_ENDS_WITH" => text(Part::End),
            "STR_CONTAINS" => text(Part::Anywhere),
            "NUM_EQ" => number(Equal),
            "NUM_GT" => number(Greater),
            "NUM_GTE" => number(GreaterOrEqual),
            "NUM_LT" => number(Less),
            "NUM_LTE" => number(LessOrEqual),
            "DATE_AFTER" => date(Greater),
            "DATE_BEFORE" => date(Less),
            "SEMVER_EQ" => semver(Equal),
            "SEMVER_GT" => semver(Greater),
            "SEMVER_GTE" => semver(GreaterOrEqual),
            "SEMVER_LT" => semver(Less),
            "SEMVER_LTE" => semver(LessOrEqual),
            // The specification has unreadable entries ignored.
            "IN_CIDR" => Ok(Self::Cidr(values.iter().filter_map(|value| validate::cidr(value).ok()).collect())),
            unknown => Err(format!("the operator {unknown:?} is unknown")),
        }
    }

    /// A test by regular expression, and what it counts for.
    fn regex(constraint: &Constraint, case: Case, bytes_left: usize) -> (Result<Self, String>, usize) {
        if bytes_left < limits::REGEX_COMPILED_BYTES_MAX {
            let limit = limits::REGEXES_COMPILED_BYTES_MAX;
            return (Err(format!("all regular expressions together exceed the limit of {limit} bytes")), 0);
        }
        match needed_value(constraint).map(|value| validate::regex(value, case)) {
            Err(missing) => (Err(missing), 0),
            Ok((regex, bytes)) => (regex.map(|regex| Self::Regex(regex.into())), bytes),
        }
    }
}

/// What a constraint compares with, for operators that take one value.
fn needed_value(constraint: &Constraint) -> Result<&str, String> {
    let missing = || format!("the operator {} needs a value", constraint.operator);
    constraint.value.as_deref().ok_or_else(missing)
}

/// A condition, as its position in [`Conditions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConditionId(u32);

impl ConditionId {
    pub(crate) fn position(self) -> usize {
        self.0 as usize
    }
}

/// All conditions of an engine. Cloning it shares them.
#[derive(Debug, Clone)]
pub(crate) struct Conditions {
    entries: Vec<Entry>,
    by_content: HashTable<u32>,
    free: Vec<u32>,
    /// What all conditions together count for in [`limits::REGEXES_COMPILED_BYTES_MAX`].
    regex_bytes: usize,
    /// How many have no room in that.
    without_room: usize,
    pub(crate) hasher: DefaultHashBuilder,
}

#[derive(Debug, Clone)]
struct Entry {
    /// `None` where the position is free.
    condition: Option<Arc<Condition>>,
    hash: u64,
    uses: u32,
}

impl Conditions {
    pub(crate) fn new(hasher: DefaultHashBuilder) -> Self {
        let (entries, by_content, free) = (Vec::new(), HashTable::new(), Vec::new());
        Self { entries, by_content, free, regex_bytes: 0, without_room: 0, hasher }
    }

    /// The number of positions, free ones included.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn get(&self, id: ConditionId) -> Option<&Condition> {
        self.entries.get(id.position())?.condition.as_deref()
    }

    /// The condition for a constraint, compiled if no other use of it exists.
    pub(crate) fn acquire(&mut self, constraint: &Constraint, fields: &mut Arc<Fields>) -> ConditionId {
        let field = match fields.find(&constraint.context_name) {
            Some(field) => field,
            None => Arc::make_mut(fields).intern(&constraint.context_name),
        };
        let hash = self.hash(constraint, field);
        let known = self.by_content.find(hash, |position| {
            let entry = self.entries.get(*position as usize);
            entry.and_then(|entry| entry.condition.as_ref()).is_some_and(|condition| condition.is(constraint, field))
        });
        if let Some(position) = known.copied() {
            if let Some(entry) = self.entries.get_mut(position as usize) {
                entry.uses += 1;
            }
            return ConditionId(position);
        }
        let condition = Condition::compile(constraint, field, self.regex_bytes_left(), &self.hasher);
        self.regex_bytes += condition.regex_bytes;
        self.without_room += usize::from(condition.has_no_room);
        self.insert(Entry { condition: Some(Arc::new(condition)), hash, uses: 1 })
    }

    fn insert(&mut self, entry: Entry) -> ConditionId {
        let hash = entry.hash;
        let position = match self.free.pop() {
            Some(position) => position,
            None => u32::try_from(self.entries.len()).unwrap_or(u32::MAX),
        };
        match self.entries.get_mut(position as usize) {
            Some(slot) => *slot = entry,
            None => self.entries.push(entry),
        }
        let entries = &self.entries;
        self.by_content
            .insert_unique(hash, position, |position| entries.get(*position as usize).map_or(0, |entry| entry.hash));
        ConditionId(position)
    }

    /// Gives up one use of a condition; with the last one it is dropped and its position is free.
    pub(crate) fn release(&mut self, id: ConditionId) {
        let Some(entry) = self.entries.get_mut(id.position()) else {
            return;
        };
        entry.uses = entry.uses.saturating_sub(1);
        if entry.uses == 0
            && let Some(condition) = entry.condition.take()
        {
            self.regex_bytes -= condition.regex_bytes;
            self.without_room -= usize::from(condition.has_no_room);
            if let Ok(found) = self.by_content.find_entry(entry.hash, |position| *position == id.0) {
                found.remove();
            }
            self.free.push(id.0);
        }
    }

    fn regex_bytes_left(&self) -> usize {
        limits::REGEXES_COMPILED_BYTES_MAX.saturating_sub(self.regex_bytes)
    }

    /// Compiles what had no room, as far as others have given theirs up since.
    pub(crate) fn try_again(&mut self) {
        for position in 0..self.entries.len() {
            let left = self.regex_bytes_left();
            if self.without_room == 0 || left < limits::REGEX_COMPILED_BYTES_MAX {
                return;
            }
            let condition = self.entries.get_mut(position).and_then(|entry| entry.condition.as_mut());
            if let Some(condition) = condition.filter(|condition| condition.has_no_room) {
                *condition = Arc::new(condition.again(left, &self.hasher));
                self.regex_bytes += condition.regex_bytes;
                self.without_room -= 1;
            }
        }
    }

    fn hash(&self, constraint: &Constraint, field: FieldId) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        field.hash(&mut hasher);
        constraint.hash(&mut hasher);
        hasher.finish()
    }
}
