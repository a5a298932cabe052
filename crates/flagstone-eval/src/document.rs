//! The client-features document as it comes over the wire, read leniently: unknown fields are ignored, `null` means
//! absent, scalars are taken where strings are due, and an item that cannot be read does not harm its neighbours.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::limits;

/// A parsed body: either the whole configuration or changes to it.
#[derive(Debug, Clone, PartialEq)]
pub enum Document {
    /// `{"version": 2, "features": […], "segments": […]}`
    Features(ClientFeatures),
    /// `{"events": […]}`
    Delta(Delta),
}

impl Document {
    /// Reads a client-features document or a delta, with a warning for each item that could not be read.
    ///
    /// # Errors
    /// The body is longer than [`limits::DOCUMENT_BYTES_MAX`], is not JSON, or is neither form of document.
    pub fn parse(body: &[u8]) -> Result<(Self, Vec<Warning>), DocumentError> {
        Self::parse_within(body, limits::DOCUMENT_BYTES_MAX)
    }

    /// Like [`Document::parse`], with a limit of the caller's own, in bytes.
    pub fn parse_within(body: &[u8], bytes_max: usize) -> Result<(Self, Vec<Warning>), DocumentError> {
        if body.len() > bytes_max {
            let bytes = body.len();
            return Err(DocumentError::TooLong { bytes, bytes_max });
        }
        let raw: RawDocument<'_> = serde_json::from_slice(body).map_err(DocumentError::Json)?;
        let mut warnings = Vec::new();
        let document = match (raw.events, raw.features) {
            (Some(events), _) => Self::Delta(Delta { events: read_items(&events, &mut warnings, read_event) }),
            (None, Some(features)) => Self::Features(ClientFeatures {
                version: raw.version.unwrap_or(2),
                features: read_items(&features, &mut warnings, read_feature),
                segments: read_items(&raw.segments.unwrap_or_default(), &mut warnings, read_segment),
            }),
            (None, None) => return Err(DocumentError::Neither),
        };
        Ok((document, warnings))
    }
}

/// Why a body is not a document at all.
#[derive(Debug)]
pub enum DocumentError {
    /// The body is longer than the limit.
    TooLong {
        /// How long it is, in bytes.
        bytes: usize,
        /// The limit, in bytes.
        bytes_max: usize,
    },
    /// The body is not JSON, or its lists are not lists.
    Json(serde_json::Error),
    /// The body has neither `features` nor `events`.
    Neither,
}

impl fmt::Display for DocumentError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes, bytes_max } => {
                write!(formatter, "the document is {bytes} bytes long, the limit is {bytes_max}")
            }
            Self::Json(error) => write!(formatter, "the document cannot be read: {error}"),
            Self::Neither => formatter.write_str("the document has neither features nor events"),
        }
    }
}

impl std::error::Error for DocumentError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Json(error) => Some(error),
            Self::TooLong { .. } | Self::Neither => None,
        }
    }
}

/// Something in a document that does not work as written. Evaluation goes on without it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Warning {
    /// What it is about, such as `flag "dark-mode"` or `segment 7`.
    pub subject: String,
    /// What is wrong and what it means for the answers.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.subject, self.message)
    }
}

/// The whole configuration of one environment.
///
/// Deserialized on its own, one item that cannot be read fails the whole; [`Document::parse`] leaves it out instead.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct ClientFeatures {
    /// The version of the format: 1 and 2 are read alike.
    #[serde(default)]
    pub version: u32,
    /// The flags. Answers list them by name. Of several with one name, the last counts.
    #[serde(default, deserialize_with = "or_default")]
    pub features: Vec<Feature>,
    /// The segments that strategies refer to by id.
    #[serde(default, deserialize_with = "or_default")]
    pub segments: Vec<Segment>,
}

/// Changes to a configuration, to be applied in order.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Delta {
    /// The changes.
    pub events: Vec<Event>,
}

/// One change to a configuration.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Event {
    /// Everything, in place of what was there before.
    Hydration {
        /// All flags.
        #[serde(default, deserialize_with = "or_default")]
        features: Vec<Feature>,
        /// All segments.
        #[serde(default, deserialize_with = "or_default")]
        segments: Vec<Segment>,
    },
    /// A flag is new or has changed.
    FeatureUpdated {
        /// The flag as it is now.
        feature: Feature,
    },
    /// A flag is gone.
    FeatureRemoved {
        /// Its name.
        feature_name: String,
    },
    /// A segment is new or has changed.
    SegmentUpdated {
        /// The segment as it is now.
        segment: Segment,
    },
    /// A segment is gone.
    SegmentRemoved {
        /// Its id.
        segment_id: i64,
    },
}

/// A feature flag.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Feature {
    /// Its name.
    pub name: String,
    /// Whether it is on at all in this environment.
    #[serde(default, deserialize_with = "or_default")]
    pub enabled: bool,
    /// The project it belongs to; `default` if absent.
    #[serde(default)]
    pub project: Option<String>,
    /// Whether SDKs are to emit an event for each evaluation.
    #[serde(default, deserialize_with = "or_default")]
    pub impression_data: bool,
    /// The flag is on where one of these is; without any it is on for all.
    #[serde(default, deserialize_with = "or_default")]
    pub strategies: Vec<Strategy>,
    /// The variants for contexts whose strategy has none of its own.
    #[serde(default, deserialize_with = "or_default")]
    pub variants: Vec<Variant>,
    /// The parents that all must be in the state asked for.
    #[serde(default, deserialize_with = "or_default")]
    pub dependencies: Vec<Dependency>,
    /// Why the flag could not be read, in which case it is off.
    #[serde(skip)]
    pub broken: Option<String>,
}

/// One way for a flag to be on.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Strategy {
    /// Its kind, such as `flexibleRollout`. A strategy of an unknown kind is never on.
    pub name: String,
    /// What its kind needs to know, such as `rollout`, `stickiness` and `groupId`.
    #[serde(default, deserialize_with = "parameters")]
    pub parameters: BTreeMap<String, String>,
    /// All must hold.
    #[serde(default, deserialize_with = "or_default")]
    pub constraints: Vec<Constraint>,
    /// The ids of segments that all must hold.
    #[serde(default, deserialize_with = "or_default")]
    pub segments: Vec<i64>,
    /// The variants for contexts that this strategy lets in. They are as sticky as the strategy.
    #[serde(default, deserialize_with = "or_default")]
    pub variants: Vec<Variant>,
    /// Whether to skip it. A flag whose strategies are all disabled is off.
    #[serde(default, deserialize_with = "or_default")]
    pub disabled: bool,
}

/// A condition on one context field.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Constraint {
    /// The field, such as `userId` or the name of a property.
    pub context_name: String,
    /// How to compare, such as `IN`.
    pub operator: String,
    /// What `IN`, `NOT_IN`, `IN_CIDR` and the `STR_*` operators compare with.
    #[serde(default, deserialize_with = "texts")]
    pub values: Vec<String>,
    /// What the other operators compare with.
    #[serde(default, deserialize_with = "optional_text")]
    pub value: Option<String>,
    /// Whether the result is turned around.
    #[serde(default, deserialize_with = "or_default")]
    pub inverted: bool,
    /// Whether `STR_*` and `REGEX` take upper and lower case as equal.
    #[serde(default, deserialize_with = "or_default")]
    pub case_insensitive: bool,
}

/// A named list of constraints that strategies share.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Segment {
    /// What strategies refer to it by.
    pub id: i64,
    /// All must hold.
    #[serde(default, deserialize_with = "or_default")]
    pub constraints: Vec<Constraint>,
}

/// One of several answers that a flag which is on can give.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// Its share of the sum of all weights.
    #[serde(default, deserialize_with = "weight")]
    pub weight: u32,
    /// The context field that decides; that of the first variant counts for all.
    #[serde(default)]
    pub stickiness: Option<String>,
    /// What comes with it.
    #[serde(default)]
    pub payload: Option<Payload>,
    /// Contexts that get this variant whatever the weights.
    #[serde(default, deserialize_with = "or_default")]
    pub overrides: Vec<Override>,
}

/// Data that comes with a variant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
pub struct Payload {
    /// What the value holds: `string`, `json`, `csv` or `number`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The value, as text.
    #[serde(deserialize_with = "text")]
    pub value: String,
}

/// The contexts that get a variant whatever the weights.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Override {
    /// The context field.
    pub context_name: String,
    /// The values of it.
    #[serde(default, deserialize_with = "texts")]
    pub values: Vec<String>,
}

/// A parent flag and the state it must be in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Dependency {
    /// The name of the parent.
    pub feature: String,
    /// Whether it must be on (which is the default) or off.
    #[serde(default)]
    pub enabled: Option<bool>,
    /// If the parent must be on and this is not empty: the variants it may answer with.
    #[serde(default, deserialize_with = "texts")]
    pub variants: Vec<String>,
}

/// A document with its items still unread.
#[derive(Deserialize)]
struct RawDocument<'a> {
    #[serde(default)]
    version: Option<u32>,
    #[serde(borrow, default)]
    features: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    segments: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    events: Option<Vec<&'a RawValue>>,
}

/// An event with its items still unread.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawEvent<'a> {
    r#type: String,
    #[serde(borrow, default)]
    features: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    segments: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    feature: Option<&'a RawValue>,
    #[serde(borrow, default)]
    segment: Option<&'a RawValue>,
    #[serde(default)]
    feature_name: Option<String>,
    #[serde(default)]
    segment_id: Option<i64>,
}

fn read_items<T>(
    items: &[&RawValue],
    warnings: &mut Vec<Warning>,
    read: fn(&RawValue, &mut Vec<Warning>) -> Option<T>,
) -> Vec<T> {
    items.iter().filter_map(|item| read(item, warnings)).collect()
}

/// Reads a flag. One that cannot be read is off if at least its name can.
fn read_feature(raw: &RawValue, warnings: &mut Vec<Warning>) -> Option<Feature> {
    let error = match serde_json::from_str::<Feature>(raw.get()) {
        Ok(feature) => return Some(feature),
        Err(error) => error,
    };
    let value: Value = serde_json::from_str(raw.get()).unwrap_or_default();
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(String::from);
    let Some(name) = text("name") else {
        warnings.push(unread("a flag", &error));
        return None;
    };
    // The engine warns about broken flags, wherever they come from.
    Some(Feature { name, project: text("project"), broken: Some(error.to_string()), ..Feature::default() })
}

/// Reads a segment. One that cannot be read is missing, and so are the strategies that need it.
fn read_segment(raw: &RawValue, warnings: &mut Vec<Warning>) -> Option<Segment> {
    serde_json::from_str(raw.get()).map_err(|error| warnings.push(unread("a segment", &error))).ok()
}

fn read_event(raw: &RawValue, warnings: &mut Vec<Warning>) -> Option<Event> {
    let event: RawEvent<'_> =
        serde_json::from_str(raw.get()).map_err(|error| warnings.push(unread("an event", &error))).ok()?;
    let read = match event.r#type.as_str() {
        "hydration" => Some(Event::Hydration {
            features: read_items(&event.features.unwrap_or_default(), warnings, read_feature),
            segments: read_items(&event.segments.unwrap_or_default(), warnings, read_segment),
        }),
        "feature-updated" => {
            event.feature.and_then(|raw| read_feature(raw, warnings)).map(|feature| Event::FeatureUpdated { feature })
        }
        "feature-removed" => event.feature_name.map(|feature_name| Event::FeatureRemoved { feature_name }),
        "segment-updated" => {
            event.segment.and_then(|raw| read_segment(raw, warnings)).map(|segment| Event::SegmentUpdated { segment })
        }
        "segment-removed" => event.segment_id.map(|segment_id| Event::SegmentRemoved { segment_id }),
        _ => None,
    };
    if read.is_none() {
        warnings.push(Warning {
            subject: format!("event {:?}", event.r#type),
            message: "is of an unknown type or lacks its content, and is left out".to_owned(),
        });
    }
    read
}

fn unread(subject: &str, error: &serde_json::Error) -> Warning {
    Warning { subject: subject.to_owned(), message: format!("cannot be read and is left out: {error}") }
}

/// Takes `null` as the default.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A string, number or boolean, as text.
pub(crate) fn scalar(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    scalar(Value::deserialize(deserializer)?)
        .ok_or_else(|| serde::de::Error::custom("expected a string, a number or a boolean"))
}

fn optional_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        value => {
            scalar(value).map(Some).ok_or_else(|| serde::de::Error::custom("expected a string, a number or a boolean"))
        }
    }
}

fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let values: Option<Vec<Value>> = Option::deserialize(deserializer)?;
    Ok(values.unwrap_or_default().into_iter().filter_map(scalar).collect())
}

fn parameters<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let values: Option<BTreeMap<String, Value>> = Option::deserialize(deserializer)?;
    let entries = values.unwrap_or_default().into_iter();
    Ok(entries.filter_map(|(key, value)| Some((key, scalar(value)?))).collect())
}

/// A weight; a negative one or one that is no number counts as 0.
fn weight<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let weight = Value::deserialize(deserializer)?.as_f64().unwrap_or(0.0);
    // A cast from a float saturates.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Ok(weight as u32)
}
