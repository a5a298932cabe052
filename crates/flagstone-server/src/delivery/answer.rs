//! A whole answer: pieces of text, most of them shared with other answers, and the forms that they make together.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};
use tokio::sync::OnceCell;

use super::coding::{Coding, etag_header, not_modified};
use super::text::{Place, Text, joined};
use crate::system::work;

/// Bodies below this are sent as they are.
const COMPRESSED_FROM_BYTES: usize = 1_024;
/// Answers up to this are one piece: they are compressed better, and sent with fewer writes, than they are shared.
const WHOLE_BYTES_MAX: usize = 64 << 10;
/// Forms up to this are put into one piece, which is sent with fewer writes.
const JOINED_BYTES_MAX: usize = 2 << 20;

/// An answer that is asked for more often is worth being compressed once more, as a whole, which makes it smaller.
const SELDOM: u32 = 500;

/// The codings of answers in pieces, best first. Not zstd: its frames would be read up to the end of the first by some
/// clients, Python's requests among them.
const JOINED: [Coding; 2] = [Coding::Brotli, Coding::Gzip];

/// A whole answer: JSON with an ETag.
pub struct Answer {
    texts: Vec<(Arc<Text>, Place)>,
    /// As it is.
    plain: Arc<[Bytes]>,
    bytes: usize,
    etag: HeaderValue,
    forms: [Forms; 4],
}

/// The form of an answer in a coding.
#[derive(Default)]
struct Forms {
    /// Of what its texts are in it.
    joined: OnceCell<Option<Form>>,
    /// How often that was asked for, where the other would be smaller.
    asked: AtomicU32,
    /// The same, compressed as a whole.
    whole: OnceLock<Form>,
}

/// A form of an answer, as it is sent.
#[derive(Clone)]
struct Form {
    pieces: Arc<[Bytes]>,
    bytes: usize,
}

/// Puts an answer together.
#[derive(Default)]
pub struct Writer {
    texts: Vec<(Arc<Text>, Place)>,
    /// What belongs to this answer alone, behind the last of them.
    own: Vec<u8>,
}

impl Writer {
    /// Text of this answer alone.
    pub fn push(&mut self, text: impl AsRef<[u8]>) {
        self.own.extend_from_slice(text.as_ref());
    }

    /// An element of a list.
    pub fn push_element(&mut self, json: &[u8]) {
        self.own.extend_from_slice(json);
        self.own.push(b',');
    }

    /// Elements of a list that others have as well.
    pub fn share(&mut self, elements: &Arc<Text>) {
        self.seal();
        self.texts.push((Arc::clone(elements), Place::Inside));
    }

    /// The list ends here: behind its last element is no comma.
    pub fn end_list(&mut self) {
        if let Some(b',') = self.own.last() {
            self.own.pop();
        } else if self.own.is_empty()
            && let Some((_, place)) = self.texts.last_mut()
        {
            *place = Place::Last;
        }
        self.push(b"]");
    }

    fn seal(&mut self) {
        if !self.own.is_empty() {
            // A copy: what a buffer has too much is not always given back.
            self.texts.push((Arc::new(Text::of(Bytes::copy_from_slice(&self.own))), Place::Inside));
            self.own.clear();
        }
    }

    /// The answer, with its ETag, quotes included.
    pub fn finish(mut self, etag: &str) -> Answer {
        self.seal();
        let mut texts = self.texts;
        // Text as it is cannot fail.
        let mut plain = pieces_of(&texts, Coding::Identity).unwrap_or_default();
        let bytes = plain.iter().map(Bytes::len).sum();
        if bytes <= WHOLE_BYTES_MAX {
            let whole = Bytes::from(plain.concat());
            texts = vec![(Arc::new(Text::of(whole.clone())), Place::Inside)];
            plain = vec![whole];
        }
        Answer { texts, plain: plain.into(), bytes, etag: etag_header(etag), forms: Default::default() }
    }
}

fn pieces_of(texts: &[(Arc<Text>, Place)], coding: Coding) -> io::Result<Vec<Bytes>> {
    joined(texts.iter().map(|(text, place)| (&**text, *place)), coding)
}

impl Answer {
    /// An answer of its own.
    pub fn new(body: impl AsRef<[u8]>, etag: &str) -> Self {
        let mut writer = Writer::default();
        writer.push(body);
        writer.finish(etag)
    }

    /// What stands in it, in pieces: JSON.
    pub fn pieces(&self) -> Arc<[Bytes]> {
        Arc::clone(&self.plain)
    }

    /// The same as one piece.
    pub fn body(&self) -> Bytes {
        match &*self.plain {
            [all] => all.clone(),
            pieces => pieces.concat().into(),
        }
    }

    /// How much of it was made so far: more, whenever it takes more.
    pub fn made(&self) -> usize {
        let forms = self.forms.iter();
        1 + forms
            .map(|form| usize::from(form.joined.initialized()) + usize::from(form.whole.get().is_some()))
            .sum::<usize>()
    }

    /// What it takes that no other answer shares, in all forms that were made so far, in bytes.
    pub fn bytes(&self) -> usize {
        let own = self.texts.iter().filter(|(text, _)| Arc::strong_count(text) == 1).map(|(text, _)| text.bytes());
        let forms = self.forms.iter().flat_map(|form| [form.joined.get().and_then(Option::as_ref), form.whole.get()]);
        let forms = forms.flatten();
        let pieces = |form: &Form| match form.pieces.len() {
            1 if self.texts.len() > 1 => form.bytes,
            pieces => pieces * size_of::<Bytes>(),
        };
        let texts = self.texts.len() * size_of::<(Arc<Text>, Place)>() + self.plain.len() * size_of::<Bytes>();
        texts + own.sum::<usize>() + forms.map(pieces).sum::<usize>()
    }

    /// The answer to a request with these headers: 304 if it names the ETag, else the body in the form it likes best.
    pub async fn respond(self: &Arc<Self>, request: &HeaderMap) -> Response {
        if let Some(response) = not_modified(request, &self.etag) {
            return response;
        }
        let wanted = match self.texts.len() {
            _ if self.bytes < COMPRESSED_FROM_BYTES => Coding::Identity,
            0 | 1 => Coding::wanted(request),
            _ => Coding::wanted_of(&JOINED, request),
        };
        let (coding, form) = match self.form(wanted).await {
            Some(form) => (wanted, form),
            None => (Coding::Identity, self.form(Coding::Identity).await.unwrap_or_else(|| Form::of(Vec::new()))),
        };
        let mut response = Body::new(form.body()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        headers.insert(ETAG, self.etag.clone());
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        if let Some(name) = coding.name() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        response
    }

    /// A form, made once, beside the tasks that serve; nothing if the compressor fails.
    async fn form(self: &Arc<Self>, coding: Coding) -> Option<Form> {
        let forms = &self.forms[coding as usize];
        if let Some(whole) = forms.whole.get() {
            return Some(whole.clone());
        }
        let make = || async {
            let answer = Arc::clone(self);
            work::aside(move || pieces_of(&answer.texts, coding).ok().map(Form::of)).await.flatten()
        };
        let joined = forms.joined.get_or_init(make).await.clone();
        let can_be_smaller = coding != Coding::Identity && self.texts.len() > 1 && self.bytes <= JOINED_BYTES_MAX;
        if can_be_smaller && forms.asked.fetch_add(1, Ordering::Relaxed) == SELDOM {
            let answer = Arc::clone(self);
            tokio::spawn(work::aside(move || answer.make_whole(coding)));
        }
        joined
    }

    fn make_whole(&self, coding: Coding) {
        let text = Text::of(self.body());
        // Whoever asks goes on getting the other if this fails, which the text has logged.
        if let Ok(pieces) = joined([(&text, Place::Inside)].into_iter(), coding) {
            self.forms[coding as usize].whole.get_or_init(|| Form::of(pieces));
        }
    }
}

impl Form {
    fn of(mut pieces: Vec<Bytes>) -> Self {
        let bytes = pieces.iter().map(Bytes::len).sum();
        if pieces.len() > 1 && bytes <= JOINED_BYTES_MAX {
            pieces = vec![pieces.concat().into()];
        }
        Self { pieces: pieces.into(), bytes }
    }

    fn body(self) -> Pieces {
        Pieces { at: 0, left: self.bytes, form: self }
    }
}

/// A body of pieces that others send as well.
struct Pieces {
    form: Form,
    at: usize,
    left: usize,
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(piece) = self.form.pieces.get(self.at).cloned() else { return Poll::Ready(None) };
        self.at += 1;
        self.left -= piece.len();
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.at == self.form.pieces.len()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn lists_end_without_a_comma() {
        let shared = Arc::new(Text::of_list("1,2,"));
        let check = |write: &dyn Fn(&mut Writer), expect: &str| {
            let mut writer = Writer::default();
            writer.push("[");
            write(&mut writer);
            writer.end_list();
            assert_eq!(writer.finish("\"1\"").body(), expect);
        };
        check(&|_| {}, "[]");
        check(&|writer| writer.push_element(b"3"), "[3]");
        check(&|writer| writer.share(&shared), "[1,2]");
        check(
            &|writer| {
                writer.share(&shared);
                writer.push_element(b"3");
                writer.share(&shared);
            },
            "[1,2,3,1,2]",
        );
        check(
            &|writer| {
                writer.share(&shared);
                writer.push_element(b"3");
            },
            "[1,2,3]",
        );
    }

    #[tokio::test]
    async fn what_is_large_is_shared_and_knows_its_length() {
        let shared = Arc::new(Text::of_list("123456,".repeat(600_000)));
        let mut writer = Writer::default();
        writer.push("[");
        writer.share(&shared);
        writer.end_list();
        let answer = Arc::new(writer.finish("\"1\""));
        let pieces = answer.pieces();
        assert_eq!(pieces.iter().map(Bytes::len).collect::<Vec<_>>(), [1, 4_199_999, 1]);
        assert!(pieces[1].as_ptr() == shared.plain().as_ptr() && answer.bytes() < 1_000, "{}", answer.bytes());
        let headers = HeaderMap::from_iter([("accept-encoding".parse().unwrap(), HeaderValue::from_static("gzip"))]);
        let response = answer.respond(&headers).await;
        let length = usize::try_from(response.body().size_hint().exact().unwrap()).unwrap();
        let body = axum::body::to_bytes(response.into_body(), 8 << 20).await.unwrap();
        assert_eq!((body.len(), &body[..2]), (length, &[0x1f, 0x8b][..]));
    }

    #[tokio::test]
    async fn what_is_asked_for_often_is_compressed_as_a_whole() {
        let mut writer = Writer::default();
        writer.push("[");
        for chunk in 0..20 {
            let elements =
                (0..500).map(|number| format!("{{\"name\":\"feature-{chunk}-{number}\",\"enabled\":true}},"));
            writer.share(&Arc::new(Text::of_list(elements.collect::<String>())));
        }
        writer.end_list();
        let answer = Arc::new(writer.finish("\"1\""));
        let headers = HeaderMap::from_iter([("accept-encoding".parse().unwrap(), HeaderValue::from_static("gzip"))]);
        let body = async || axum::body::to_bytes(answer.respond(&headers).await.into_body(), 1 << 20).await.unwrap();
        let first = body().await;
        let made = answer.made();
        for _ in 0..SELDOM {
            assert_eq!(body().await, first);
        }
        let whole = async {
            while answer.made() == made {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            body().await
        };
        let whole = tokio::time::timeout(std::time::Duration::from_secs(20), whole).await.unwrap();
        assert!(whole.len() < first.len(), "{} is not less than {}", whole.len(), first.len());
        for form in [first, whole] {
            let mut plain = Vec::new();
            flate2::bufread::GzDecoder::new(&*form).read_to_end(&mut plain).unwrap();
            assert_eq!(plain, answer.body());
        }
    }
}
