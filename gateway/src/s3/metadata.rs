//! What a client says about an object beside its bytes: headers to stored metadata and back, byte for byte.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use windlass_store::object::Metadata;
use windlass_store::upstream::metadata;
pub(super) use windlass_store::upstream::metadata::from_headers;

/// What S3 says of an object that was stored without a type.
const DEFAULT_TYPE: HeaderValue = HeaderValue::from_static("binary/octet-stream");

/// Adds the stored headers to those of an answer.
pub(super) fn to_headers(metadata: &Metadata, headers: &mut HeaderMap) {
    headers.insert(CONTENT_TYPE, DEFAULT_TYPE);
    metadata::to_headers(metadata, headers);
}

/// Header values that are not UTF-8, as they were sent. A client that sends Latin-1 signs the characters, not the bytes
/// (which is what servers in Java read them as): while the signature is verified the characters stand in their place.
#[derive(Debug, Clone)]
pub(super) struct Latin1(HeaderMap);

impl Latin1 {
    /// Puts characters in the place of bytes; `None` if all values are UTF-8, as nearly always.
    pub(super) fn spell_out(headers: &mut HeaderMap) -> Option<Self> {
        if headers.values().all(is_utf8) {
            return None;
        }
        let sent = headers.clone();
        for value in headers.values_mut().filter(|value| !is_utf8(value)) {
            let text: String = value.as_bytes().iter().map(|byte| char::from(*byte)).collect();
            // Characters beyond ASCII are two bytes each, none of which a header may not hold.
            if let Ok(spelled) = HeaderValue::from_bytes(text.as_bytes()) {
                *value = spelled;
            }
        }
        Some(Self(sent))
    }

    /// Puts the bytes back. Other headers are not touched.
    pub(super) fn put_back(self, headers: &mut HeaderMap) {
        for name in self.0.keys() {
            let sent = self.0.get_all(name);
            if sent.iter().all(is_utf8) {
                continue;
            }
            headers.remove(name);
            for value in sent {
                headers.append(name, value.clone());
            }
        }
    }
}

fn is_utf8(value: &HeaderValue) -> bool {
    std::str::from_utf8(value.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_without_a_type_is_said_to_have_one() {
        for (stored, shown) in [(None, "binary/octet-stream"), (Some("text/plain"), "text/plain")] {
            let mut headers = HeaderMap::new();
            headers.extend(stored.map(|stored| (CONTENT_TYPE, HeaderValue::from_static(stored))));
            let mut out = HeaderMap::new();
            to_headers(&from_headers(&headers), &mut out);
            assert_eq!(out.get(CONTENT_TYPE).unwrap(), shown);
        }
    }

    #[test]
    fn latin_1_is_spelled_out_and_put_back() {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-meta-a", HeaderValue::from_static("plain"));
        headers.insert("x-amz-meta-u", HeaderValue::from_bytes("é".as_bytes()).unwrap());
        assert!(Latin1::spell_out(&mut headers).is_none());
        headers.append("x-amz-meta-l", HeaderValue::from_bytes(b"t\xE9").unwrap());
        headers.append("x-amz-meta-l", HeaderValue::from_static("more"));
        let sent = headers.clone();
        let latin = Latin1::spell_out(&mut headers).unwrap();
        assert_eq!(headers.get("x-amz-meta-l").unwrap().as_bytes(), "té".as_bytes());
        assert_eq!(headers.get("x-amz-meta-u"), sent.get("x-amz-meta-u"));
        latin.put_back(&mut headers);
        assert_eq!(headers, sent);
    }
}
