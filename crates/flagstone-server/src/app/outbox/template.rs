//! Mustache templates (<https://mustache.github.io/mustache.5.html>): variables, sections, inverted sections, comments,
//! other delimiters. A partial is nothing, since there is one template. The crates that do this panic on values of some
//! types or on texts beyond ASCII, or know no dotted names; and none bounds what a template may cost.

use serde_json::Value;

/// How deep sections may stand in each other.
const DEPTH_MAX: usize = 50;
/// The most bytes that come out.
const BYTES_MAX: usize = 1024 * 1024;
/// The most tags that are filled, those of repeated sections again and again.
const STEPS_MAX: usize = 100_000;

/// A template that can be filled.
#[derive(Debug)]
pub struct Template(Vec<Node>);

#[derive(Debug)]
enum Node {
    Text(String),
    Escaped(Path),
    Raw(Path),
    Section(Path, Vec<Self>),
    Inverted(Path, Vec<Self>),
}

/// A name, dotted or `.`.
type Path = String;

/// A section that is not closed yet, with what stood before it.
struct Open {
    path: Path,
    is_inverted: bool,
    before: Vec<Node>,
}

impl Template {
    /// Reads a template; an error says what is wrong, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (mut left, mut right) = ("{{".to_owned(), "}}".to_owned());
        let (mut rest, mut nodes, mut open) = (text, Vec::new(), Vec::<Open>::new());
        while let Some(start) = rest.find(&left) {
            let (before, tag) = (&rest[..start], &rest[start + left.len()..]);
            let closing = match tag.chars().next() {
                Some('{') if left == "{{" => "}}}".to_owned(),
                Some('=') => format!("={right}"),
                _ => right.clone(),
            };
            let Some(end) = tag.find(&closing) else { return Err("A tag is not closed.".to_owned()) };
            let (inside, after) = (&tag[..end], &tag[end + closing.len()..]);
            let sigil = inside.chars().next().filter(|c| "{&#^/!=>".contains(*c));
            let name = inside[sigil.map_or(0, char::len_utf8)..].trim().to_owned();
            if name.is_empty() && sigil != Some('!') {
                return Err("A tag is empty.".to_owned());
            }
            // A line that holds such a tag alone leaves no line behind.
            let stands_alone = sigil.is_some_and(|c| !"{&".contains(c));
            let alone =
                if stands_alone { alone(&text[..text.len() - rest.len() + start], before, after) } else { None };
            let (before, after) = alone.unwrap_or((before, after));
            if !before.is_empty() {
                nodes.push(Node::Text(before.to_owned()));
            }
            match sigil {
                Some('{' | '&') => nodes.push(Node::Raw(name)),
                Some('#' | '^') => {
                    let is_inverted = sigil == Some('^');
                    open.push(Open { path: name, is_inverted, before: std::mem::take(&mut nodes) });
                    if open.len() > DEPTH_MAX {
                        return Err(format!("Sections stand in each other at most {DEPTH_MAX} deep."));
                    }
                }
                Some('/') => {
                    let section = open.pop().filter(|section| section.path == name);
                    let Some(section) = section else { return Err(format!("The section \"{name}\" is not open.")) };
                    let inner = std::mem::replace(&mut nodes, section.before);
                    let of = if section.is_inverted { Node::Inverted } else { Node::Section };
                    nodes.push(of(name, inner));
                }
                Some('=') => {
                    let mut both = name.split_whitespace();
                    let (Some(l), Some(r), None) = (both.next(), both.next(), both.next()) else {
                        return Err("Other delimiters are two words.".to_owned());
                    };
                    (left, right) = (l.to_owned(), r.to_owned());
                }
                Some(_) => {}
                None => nodes.push(Node::Escaped(name)),
            }
            rest = after;
        }
        if let Some(section) = open.last() {
            return Err(format!("The section \"{}\" is not closed.", section.path));
        }
        nodes.push(Node::Text(rest.to_owned()));
        Ok(Self(nodes))
    }

    /// Fills the template; an error where that costs too much.
    pub fn fill(&self, data: &Value) -> Result<String, String> {
        let mut filling = Filling { out: String::new(), steps: 0 };
        filling.nodes(&self.0, &mut vec![data])?;
        Ok(filling.out)
    }
}

/// What is left of the texts before and behind a tag that stands alone on its line; nothing if it does not.
fn alone<'t>(text_before: &str, before: &'t str, after: &'t str) -> Option<(&'t str, &'t str)> {
    let line = text_before.rsplit('\n').next().unwrap_or_default();
    let (end, rest) = after.split_once('\n').unwrap_or((after, ""));
    let is_alone = line.trim().is_empty() && end.trim().is_empty() && before.len() >= line.len();
    is_alone.then(|| (&before[..before.len() - line.len()], rest))
}

struct Filling {
    out: String,
    steps: usize,
}

impl Filling {
    fn nodes(&mut self, nodes: &[Node], stack: &mut Vec<&Value>) -> Result<(), String> {
        for node in nodes {
            self.steps += 1;
            if self.steps > STEPS_MAX || self.out.len() > BYTES_MAX {
                return Err("What the template makes of this is too much.".to_owned());
            }
            match node {
                Node::Text(text) => self.out.push_str(text),
                Node::Raw(path) => self.out.push_str(&text(find(path, stack))),
                Node::Escaped(path) => {
                    let text = text(find(path, stack));
                    self.out.extend(text.chars().map(Escaped::of));
                }
                Node::Inverted(path, inner) if !is_true(find(path, stack)) => self.nodes(inner, stack)?,
                Node::Section(path, inner) => match find(path, stack) {
                    Some(Value::Array(items)) => {
                        for item in items {
                            stack.push(item);
                            self.nodes(inner, stack)?;
                            stack.pop();
                        }
                    }
                    Some(value) if is_true(Some(value)) => {
                        stack.push(value);
                        self.nodes(inner, stack)?;
                        stack.pop();
                    }
                    _ => {}
                },
                Node::Inverted(..) => {}
            }
        }
        Ok(())
    }
}

/// A character as it stands in HTML.
enum Escaped {
    As(&'static str),
    Itself(char),
}

impl Escaped {
    const fn of(c: char) -> Self {
        match c {
            '&' => Self::As("&amp;"),
            '<' => Self::As("&lt;"),
            '>' => Self::As("&gt;"),
            '"' => Self::As("&quot;"),
            '\'' => Self::As("&#39;"),
            c => Self::Itself(c),
        }
    }
}

impl Extend<Escaped> for String {
    fn extend<I: IntoIterator<Item = Escaped>>(&mut self, pieces: I) {
        for piece in pieces {
            match piece {
                Escaped::As(text) => self.push_str(text),
                Escaped::Itself(c) => self.push(c),
            }
        }
    }
}

/// The first part of a name is sought from the innermost section outward, the rest of it there.
fn find<'d>(path: &str, stack: &[&'d Value]) -> Option<&'d Value> {
    if path == "." {
        return stack.last().copied();
    }
    let mut parts = path.split('.');
    let first = parts.next()?;
    let found = stack.iter().rev().find_map(|value| value.as_object()?.get(first))?;
    parts.try_fold(found, |value, part| value.as_object()?.get(part))
}

fn is_true(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        Some(_) => true,
    }
}

fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn templates_are_filled() {
        let data = json!({
            "event": {"id": 5, "type": "a<b>\"&'", "on": true, "off": false, "none": null, "list": [{"a": 1}, {"a": "é"}]},
            "name": "outer", "eventJson": "{\"a\":1}", "empty": [],
        });
        let check = |template: &str, expect: &str| {
            assert_eq!(Template::parse(template).unwrap().fill(&data).unwrap(), expect, "{template}");
        };
        check(
            "{{event.id}} {{ event.type }} {{{event.type}}} {{&event.type}}",
            "5 a&lt;b&gt;&quot;&amp;&#39; a<b>\"&' a<b>\"&'",
        );
        check("{\"json\": {{{eventJson}}}}", "{\"json\": {\"a\":1}}");
        check("{{#event.list}}[{{a}} {{name}}]{{/event.list}}", "[1 outer][é outer]");
        check("{{^nothing}}no{{/nothing}}{{^empty}}no{{/empty}}{{^event.off}}no{{/event.off}}", "nonono");
        check("{{#event.on}}yes{{/event.on}}{{#event.none}}never{{/event.none}}{{#event}}{{id}}{{/event}}", "yes5");
        check("{{event.none}}|{{event.off}}|{{nothing.at.all}}|{{{event.list}}}", "|false||[{\"a\":1},{\"a\":\"é\"}]");
        check("{{=<% %>=}}<% event.id %> {{x}} <%={{ }}=%>{{event.id}}", "5 {{x}} 5");
        check("a{{! never }}b{{> partial}}c", "abc");
        check("{{#event.list}}{{.}}{{/event.list}}", "{&quot;a&quot;:1}{&quot;a&quot;:&quot;é&quot;}");
        check("a\n  {{#event.on}}\n b\n{{/event.on}}\nc\n", "a\n b\nc\n");
        check("é{{é}}é", "éé");
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for text in ["{{#a}}", "{{/a}}", "{{", "{{}}", "{{#a}}{{/b}}", "{{=", "{{=a=}}", "{{{a}}", "{{#}}{{/}}"] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
        assert!(Template::parse(&"{{#a}}".repeat(51)).is_err());
    }

    #[test]
    fn what_a_template_costs_is_bounded() {
        let data = json!({ "a": vec![1; 100] });
        let text = format!("{}{}", "{{#a}}".repeat(40), "{{/a}}".repeat(40));
        assert!(Template::parse(&text).unwrap().fill(&data).is_err());
        let long = json!({ "a": "x".repeat(10_000) });
        assert!(Template::parse(&"{{a}}".repeat(200)).unwrap().fill(&long).is_err());
    }

    #[test]
    fn no_text_is_too_odd() {
        const PIECES: [&str; 20] = [
            "{{", "}}", "{{{", "}}}", "#", "^", "/", "a", ".", " ", "\n", "=", "<%", "%>", "!", ">", "&", "é",
            "{{#a}}", "{{/a}}",
        ];
        let mut random = 1_u64;
        let mut filled = 0;
        for _ in 0..50_000 {
            let mut text = String::new();
            for _ in 0..random % 13 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(PIECES[usize::try_from((random >> 33) % 20).unwrap()]);
            }
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            filled +=
                usize::from(Template::parse(&text).is_ok_and(|t| t.fill(&json!({ "a": [1, {"a": "é"}] })).is_ok()));
        }
        assert!(filled > 1_000, "{filled}");
    }
}
