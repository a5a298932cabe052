//! Links from features to other places: a ticket, a dashboard, a design.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Feature, find_live};
use crate::draft::{Draft, NewEvent};
use crate::error::{Error, Faults};
use crate::limits::Limits;
use crate::names::{NAME_BYTES_MAX, is_authority};

/// The most links of one feature, as in Unleash.
pub const LINKS_MAX: usize = 10;
/// The longest URL of a link, in bytes.
pub const LINK_BYTES_MAX: usize = 2_000;

/// A link of a feature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Never given out twice.
    pub id: String,
    /// `http` or `https`.
    pub url: String,
    /// For people.
    #[serde(default)]
    pub title: Option<String>,
}

/// A new link, or what one becomes.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = FeatureLinkInput)]
pub struct LinkInput {
    /// Where it leads: `http` or `https`, and `https` if it says neither.
    #[schema(example = "https://tickets.example.com/FLAG-7")]
    pub url: String,
    /// For people; what is omitted stays.
    #[serde(default)]
    pub title: Option<String>,
}

/// A link as audit events show it.
#[derive(Serialize)]
struct Described<'a> {
    url: &'a str,
    title: Option<&'a str>,
}

impl<'a> Described<'a> {
    fn of(link: &'a Link) -> Self {
        Self { url: &link.url, title: link.title.as_deref() }
    }
}

/// Adds a link to a feature.
pub fn add_link(draft: &mut Draft, project: &str, name: &str, input: LinkInput) -> Result<(), Error> {
    let mut feature = (**find_live(draft, project, name)?).clone();
    let (url, title) = checked_link(input)?;
    Limits::room("links of one feature", feature.links.len(), LINKS_MAX)?;
    let link = Link { id: draft.ulid(), url, title };
    draft.record(NewEvent::new("feature-link-added").feature(&feature).data(Described::of(&link)));
    feature.links.push(link);
    draft.put(feature);
    Ok(())
}

/// Changes a link of a feature.
pub fn update_link(draft: &mut Draft, project: &str, name: &str, id: &str, input: LinkInput) -> Result<(), Error> {
    let mut feature = (**find_live(draft, project, name)?).clone();
    let position = position_of(&feature, id)?;
    let (url, title) = checked_link(input)?;
    let before = feature.links[position].clone();
    let after = Link { id: before.id.clone(), url, title: title.or_else(|| before.title.clone()) };
    if after != before {
        let event = NewEvent::new("feature-link-updated").feature(&feature);
        draft.record(event.data(Described::of(&after)).pre_data(Described::of(&before)));
        feature.links[position] = after;
        draft.put(feature);
    }
    Ok(())
}

/// Removes a link of a feature.
pub fn remove_link(draft: &mut Draft, project: &str, name: &str, id: &str) -> Result<(), Error> {
    let mut feature = (**find_live(draft, project, name)?).clone();
    let link = feature.links.remove(position_of(&feature, id)?);
    draft.record(NewEvent::new("feature-link-removed").feature(&feature).pre_data(Described::of(&link)));
    draft.put(feature);
    Ok(())
}

fn position_of(feature: &Feature, id: &str) -> Result<usize, Error> {
    feature.links.iter().position(|link| link.id == id).ok_or_else(|| Error::not_found("link", id))
}

/// Makes these URLs with their titles the links of a feature in the hand. Those that are there already stay with their ids.
pub(crate) fn replace_links(
    draft: &mut Draft,
    feature: &mut Feature,
    new: Vec<(String, Option<String>)>,
) -> Result<(), Error> {
    if new.len() > LINKS_MAX {
        return Err(Error::LimitExceeded { resource: "links of one feature", limit: LINKS_MAX as u64 });
    }
    let mut before = std::mem::take(&mut feature.links);
    for (url, title) in new {
        if let Some(position) = before.iter().position(|link| link.url == url && link.title == title) {
            feature.links.push(before.remove(position));
            continue;
        }
        let link = Link { id: draft.ulid(), url, title };
        draft.record(NewEvent::new("feature-link-added").feature(feature).data(Described::of(&link)));
        feature.links.push(link);
    }
    for link in &before {
        draft.record(NewEvent::new("feature-link-removed").feature(feature).pre_data(Described::of(link)));
    }
    Ok(())
}

/// A link's URL, complete, and its title.
pub(crate) fn checked_link(input: LinkInput) -> Result<(String, Option<String>), Error> {
    let mut faults = Faults::default();
    let url = web_address(&input.url).unwrap_or_else(|| {
        let message = format!("A link is an http or https URL of at most {LINK_BYTES_MAX} bytes.");
        faults.add("/body/url", message);
        String::new()
    });
    if input.title.as_ref().is_some_and(|title| title.len() > NAME_BYTES_MAX || title.chars().any(char::is_control)) {
        let message = format!("A title has at most {NAME_BYTES_MAX} bytes and no control characters.");
        faults.add("/body/title", message);
    }
    faults.check()?;
    Ok((url, input.title))
}

/// The URL with its scheme, and with what may not stand in one percent-encoded (RFC 3986 §2.1). Nothing if it is none, or
/// of another scheme: people click on it, and a `javascript:` would run as the page that shows it.
fn web_address(text: &str) -> Option<String> {
    let text = text.trim();
    let rest = match text.split_once("://") {
        Some((scheme, rest)) if ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) => rest,
        Some((before, _)) if !before.contains(['/', '?', '#']) => return None,
        _ => text,
    };
    let scheme = if rest.len() == text.len() { "https://" } else { &text[..text.len() - rest.len()] };
    if !is_authority(rest.split(['/', '?', '#']).next().unwrap_or_default()) {
        return None;
    }
    let encoded = rest.bytes().fold(scheme.to_ascii_lowercase(), |mut url, byte| {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push('%');
            url.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])));
        }
        url
    });
    (encoded.len() <= LINK_BYTES_MAX).then_some(encoded)
}

#[cfg(test)]
mod tests {
    use super::web_address;

    #[test]
    fn links_lead_to_web_pages_alone() {
        for (text, expect) in [
            ("https://example.com/a?b=c#d", Some("https://example.com/a?b=c#d")),
            ("HTTP://example.com", Some("http://example.com")),
            (" example.com/x ", Some("https://example.com/x")),
            ("localhost:4242/x", Some("https://localhost:4242/x")),
            ("https://[::1]:80/", Some("https://[::1]:80/")),
            ("https://e.com/{{feature}} ü", Some("https://e.com/%7B%7Bfeature%7D%7D%20%C3%BC")),
            ("e.com/?to=ftp://x.y", Some("https://e.com/?to=ftp://x.y")),
            ("", None),
            ("https://", None),
            ("https:///path", None),
            ("ftp://e.com", None),
            ("javascript:alert(1)", None),
            ("javascript://e.com/%0Aalert(1)", None),
            ("mailto:a@b.c", None),
            ("data:text/html,x", None),
            ("https://user:secret@e.com", None),
            ("https://e x.com", None),
            ("https://e.com:99999", None),
            ("https://[x]/", None),
            ("//e.com", None),
        ] {
            assert_eq!(web_address(text).as_deref(), expect, "{text}");
        }
        assert_eq!(web_address(&format!("https://e.com/{}", "x".repeat(2_000))), None);
    }
}
