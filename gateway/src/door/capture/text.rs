//! The texts of a request that are kept for the log, packed into one buffer: path, query, headers.

use http::{HeaderMap, HeaderName, HeaderValue, header};

const REQUEST_COUNT: usize = 7;
const RESPONSE_COUNT: usize = 12;
/// Of these, those that answers of the S3 door can have.
const RESPONSE_S3_COUNT: usize = 8;

/// Request headers that are kept.
static REQUEST_HEADERS: [HeaderName; REQUEST_COUNT] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::ACCEPT,
    header::USER_AGENT,
    header::REFERER,
    header::ORIGIN,
    HeaderName::from_static("x-request-id"),
];
/// Headers of answers that are kept.
static RESPONSE_HEADERS: [HeaderName; RESPONSE_COUNT] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CACHE_CONTROL,
    header::ETAG,
    header::LAST_MODIFIED,
    header::ALLOW,
    header::RETRY_AFTER,
    HeaderName::from_static("x-ratelimit-limit"),
    HeaderName::from_static("x-ratelimit-remaining"),
    HeaderName::from_static("x-ratelimit-reset"),
    HeaderName::from_static("x-request-id"),
];

/// Longest path that is kept: an object key of 1,024 bytes, all escaped, and a bucket.
const PATH_BYTES_MAX: usize = 4 << 10;
/// Longest query.
const QUERY_BYTES_MAX: usize = 4 << 10;
/// Longest value of a header.
const VALUE_BYTES_MAX: usize = 1 << 10;
/// What most requests take.
const ROOM_BYTES: usize = 512;

/// Pieces: path, query, request headers, request id, headers of the answer.
const PIECES: usize = ID + 1 + RESPONSE_COUNT;
const ID: usize = 2 + REQUEST_COUNT;

/// Texts in one buffer, in their order; a piece that is not there is empty.
#[derive(Debug, Default)]
pub(super) struct Texts {
    text: String,
    /// Where each piece ends. All of them together are far below the limit of the type.
    ends: [u16; PIECES],
    count: usize,
}

impl Texts {
    /// The texts of a request.
    pub(super) fn of(path: &str, query: &str, headers: &HeaderMap) -> Self {
        let mut texts = Self { text: String::with_capacity(ROOM_BYTES), ..Self::default() };
        texts.push(path, PATH_BYTES_MAX);
        texts.push(query, QUERY_BYTES_MAX);
        texts.push_headers(&REQUEST_HEADERS, headers);
        texts
    }

    /// Adds those of its answer, which is the S3 door's or not. A request that never got an answer has none.
    pub(super) fn add_answer(&mut self, request_id: &str, headers: &HeaderMap, s3: bool) {
        self.push(request_id, VALUE_BYTES_MAX);
        let count = if s3 { RESPONSE_S3_COUNT } else { RESPONSE_COUNT };
        self.push_headers(RESPONSE_HEADERS.get(..count).unwrap_or_default(), headers);
    }

    /// The path.
    pub(super) fn path(&self) -> &str {
        self.piece(0)
    }

    /// The query, as it was sent.
    pub(super) fn query(&self) -> &str {
        self.piece(1)
    }

    /// The identifier of the request.
    pub(super) fn request_id(&self) -> &str {
        self.piece(ID)
    }

    /// The request's headers.
    pub(super) fn request_headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers(&REQUEST_HEADERS, 2)
    }

    /// The headers of the answer.
    pub(super) fn response_headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers(&RESPONSE_HEADERS, ID + 1)
    }

    fn headers(&self, names: &'static [HeaderName], first: usize) -> impl Iterator<Item = (&str, &str)> {
        let all = names.iter().enumerate().map(move |(at, name)| (name.as_str(), self.piece(first + at)));
        all.filter(|(_, value)| !value.is_empty())
    }

    fn piece(&self, at: usize) -> &str {
        let end = |at: usize| self.ends.get(at).copied().filter(|_| at < self.count).map(usize::from);
        let begin = at.checked_sub(1).map_or(Some(0), end);
        begin.zip(end(at)).and_then(|(begin, end)| self.text.get(begin..end)).unwrap_or_default()
    }

    fn push_headers(&mut self, names: &[HeaderName], headers: &HeaderMap) {
        for name in names {
            match headers.get(name).map(HeaderValue::to_str) {
                None => self.push("", 0),
                Some(Ok(value)) => self.push(value, VALUE_BYTES_MAX),
                Some(Err(_)) => {
                    let bytes = headers.get(name).map(HeaderValue::as_bytes).unwrap_or_default();
                    self.push(&String::from_utf8_lossy(bytes), VALUE_BYTES_MAX);
                }
            }
        }
    }

    fn push(&mut self, piece: &str, bytes_max: usize) {
        self.text.push_str(piece.get(..piece.floor_char_boundary(bytes_max)).unwrap_or_default());
        if let Some(end) = self.ends.get_mut(self.count) {
            *end = u16::try_from(self.text.len()).unwrap_or(u16::MAX);
            self.count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &[u8])]) -> HeaderMap {
        let value = |value: &[u8]| HeaderValue::from_bytes(value).unwrap();
        pairs.iter().map(|(name, bytes)| (HeaderName::from_static(name), value(bytes))).collect()
    }

    #[test]
    fn only_listed_headers_are_kept_each_under_its_name() {
        let request =
            map(&[("authorization", b"Bearer x"), ("accept", b"*/*"), ("user-agent", b"t/1"), ("x-other", b"1")]);
        let mut texts = Texts::of("/b/k", "a=b", &request);
        let answer =
            [("set-cookie", &b"s"[..]), ("etag", b"\"e\""), ("content-length", b"5"), ("x-ratelimit-limit", b"9")];
        texts.add_answer("R1", &map(&answer), false);
        assert_eq!((texts.path(), texts.query(), texts.request_id()), ("/b/k", "a=b", "R1"));
        assert_eq!(texts.request_headers().collect::<Vec<_>>(), [("accept", "*/*"), ("user-agent", "t/1")]);
        let kept = [("content-length", "5"), ("etag", "\"e\""), ("x-ratelimit-limit", "9")];
        assert_eq!(texts.response_headers().collect::<Vec<_>>(), kept);
        let mut texts = Texts::of("/b/k", "", &HeaderMap::new());
        texts.add_answer("R1", &map(&answer), true);
        assert_eq!(texts.response_headers().collect::<Vec<_>>(), kept[..2]);
    }

    #[test]
    fn a_request_without_an_answer_has_none_of_its_texts() {
        let texts = Texts::of("/", "", &HeaderMap::new());
        assert_eq!((texts.request_id(), texts.response_headers().count()), ("", 0));
    }

    #[test]
    fn long_and_garbled_texts_are_cut_to_what_fits() {
        let long = "é".repeat(60_000);
        let garbled = [&b"\xff"[..], &b"x".repeat(5_000)].concat();
        let all: Vec<(&'static str, &[u8])> =
            REQUEST_HEADERS.iter().map(|name| (name.as_str().to_owned().leak() as &str, &garbled[..])).collect();
        let mut texts = Texts::of(&long, &long, &map(&all));
        let answer: Vec<(&'static str, &[u8])> =
            RESPONSE_HEADERS.iter().map(|name| (name.as_str().to_owned().leak() as &str, &garbled[..])).collect();
        texts.add_answer(&long, &map(&answer), false);
        assert_eq!(texts.path().len(), PATH_BYTES_MAX);
        assert_eq!(texts.request_headers().count(), REQUEST_HEADERS.len());
        assert_eq!(texts.response_headers().count(), RESPONSE_HEADERS.len());
        assert!(texts.response_headers().all(|(_, value)| value.starts_with("\u{fffd}x")));
        assert!(texts.text.len() < usize::from(u16::MAX));
    }
}
