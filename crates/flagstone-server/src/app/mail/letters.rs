//! What letters say, as text and as HTML.

/// A letter that is ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Its template's name.
    pub name: &'static str,
    /// What stands above it.
    pub subject: &'static str,
    /// For those who read text.
    pub text: String,
    /// For those who read HTML.
    pub html: String,
}

/// What a letter is about, under the name that clients know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// Somebody has an account now.
    GettingStarted,
    /// Somebody has forgotten a password.
    ResetPassword,
}

/// The words of a template.
struct Words {
    name: &'static str,
    subject: &'static str,
    /// Why somebody gets the letter.
    why: &'static str,
    /// What the link does.
    button: &'static str,
    /// What else there is to know.
    note: &'static str,
}

impl Template {
    /// Every template.
    pub const ALL: [Self; 2] = [Self::GettingStarted, Self::ResetPassword];

    /// The template with this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|template| template.words().name == name)
    }

    const fn words(self) -> Words {
        match self {
            Self::GettingStarted => Words {
                name: "getting-started",
                subject: "Your Flagstone account is ready",
                why: "An administrator has made an account for you on your team's feature-flag server.",
                button: "Choose a password",
                note: "The link works once, for a day. After that, ask for a new one on the log-in page.",
            },
            Self::ResetPassword => Words {
                name: "reset-password",
                subject: "Set a new Flagstone password",
                why: "Somebody, probably you, has asked for a new password for your account.",
                button: "Set a new password",
                note: "The link works once, for a day. If it was not you, do nothing: your password stays as it is.",
            },
        }
    }

    /// The letter to somebody with a link; `name` may be empty.
    pub fn letter(self, name: &str, link: &str) -> Letter {
        let Words { name: template, subject, why, button, note } = self.words();
        let greeting = if name.is_empty() { "Hello,".to_owned() } else { format!("Hello {name},") };
        let text = format!("{greeting}\n\n{why}\n\n{button}:\n{link}\n\n{note}\n");
        let (greeting, link) = (escaped(&greeting), escaped(link));
        let html = format!(
            r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{subject}</title></head>
<body style="margin:0;padding:24px;background:#f4f4f1;color:#1c1c1a;font:16px/1.5 sans-serif">
<div style="max-width:32em;margin:0 auto;padding:24px;background:#fff;border:1px solid #ddd;border-radius:6px">
<p>{greeting}</p>
<p>{why}</p>
<p><a href="{link}" style="display:inline-block;padding:10px 18px;background:#2f4a3c;color:#fff;border-radius:4px;text-decoration:none">{button}</a></p>
<p style="font-size:13px;word-break:break-all">{link}</p>
<p style="font-size:13px">{note}</p>
</div>
</body>
</html>
"#
        );
        Letter { name: template, subject, text, html }
    }
}

/// As text within HTML, in attributes as well.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_say_who_and_where() {
        for template in Template::ALL {
            let letter = template.letter("Ada", "https://flags.example/reset-password?token=7.ab&x=1");
            assert!(letter.text.starts_with("Hello Ada,\n"), "{}", letter.text);
            assert!(letter.text.contains("\nhttps://flags.example/reset-password?token=7.ab&x=1\n"), "{}", letter.text);
            assert!(letter.html.contains("href=\"https://flags.example/reset-password?token=7.ab&amp;x=1\""));
            assert_eq!(Template::by_name(letter.name), Some(template));
        }
        assert_eq!(Template::by_name("nothing"), None);
    }

    #[test]
    fn a_name_is_no_markup() {
        let letter = Template::ResetPassword.letter("<b onclick='x'>\"&", "https://a/\"><script>");
        assert!(letter.html.contains("Hello &lt;b onclick=&#39;x&#39;&gt;&quot;&amp;,"), "{}", letter.html);
        assert!(!letter.html.contains("<script>"), "{}", letter.html);
    }
}
