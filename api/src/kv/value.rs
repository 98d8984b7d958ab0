//! Getting, setting, counting and deleting one value.

use axum::body::Body;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, X_CONTENT_TYPE_OPTIONS};
use http::header::{IF_MATCH, IF_NONE_MATCH};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use windlass_store::kv::{KvGrant, KvSet, Number};
use windlass_store::limit::KV_VALUE_BYTES_MAX;
use windlass_store::object::{ETag, ETagMatch, WriteCondition};

use super::body::collect;
use super::{Call, text};
use crate::answer::Answer;
use crate::error::{Error, Result};
use crate::limit;

/// What `curl -d` says of anything, and a browser's form: it tells nothing of what is stored.
const FORM: &str = "application/x-www-form-urlencoded";

impl Call<'_> {
    pub(super) fn get(&self, grant: &KvGrant, key: &[u8]) -> Result<Answer> {
        let found = self.store().kv_get(grant, key)?;
        let is_text = found.content_type.is_none() && std::str::from_utf8(&found.value).is_ok();
        let content_type = match found.content_type {
            Some(stored) => HeaderValue::from_str(&stored).ok(),
            None if is_text => Some(HeaderValue::from_static("text/plain; charset=utf-8")),
            None => None,
        };
        let mut answer = Response::new(Body::from(found.value));
        if self.tags(&IF_NONE_MATCH).is_some_and(|tags| tags.holds(found.etag)) {
            answer = Response::new(Body::empty());
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let unknown = HeaderValue::from_static("application/octet-stream");
        answer.headers_mut().insert(CONTENT_TYPE, content_type.unwrap_or(unknown));
        harmless(&mut answer);
        tagged(&mut answer, found.etag);
        Ok(answer)
    }

    pub(super) async fn set(&self, grant: &KvGrant, key: &[u8], body: Body) -> Result<Answer> {
        let ttl = self.query.ttl()?;
        let value = collect(body, KV_VALUE_BYTES_MAX, "A value is at most 16384 bytes").await?;
        let set = KvSet {
            key: key.to_vec(),
            value,
            content_type: self.content_type(),
            ttl,
            condition: WriteCondition { if_match: self.tags(&IF_MATCH), if_none_match: self.tags(&IF_NONE_MATCH) },
        };
        let etag = self.store().kv_set(grant, set).await?;
        let mut answer = Response::new(Body::empty());
        tagged(&mut answer, etag);
        Ok(answer)
    }

    pub(super) async fn increment(&self, grant: &KvGrant, key: &[u8], body: Body) -> Result<Answer> {
        let ttl = self.query.ttl()?;
        let no_number = "The body must be a number to add, such as +1, -5 or +1.5";
        let body = collect(body, limit::KV_NUMBER_BYTES_MAX, no_number).await?;
        let by = Number::parse(body.trim_ascii()).ok_or_else(|| Error::bad_request(no_number))?;
        let sum = self.store().kv_increment(grant, key.to_vec(), by, ttl).await?;
        Ok(text(sum.to_string()))
    }

    pub(super) async fn delete(&self, grant: &KvGrant, key: &[u8]) -> Result<Answer> {
        self.store().kv_delete(grant, key.to_vec()).await?;
        Ok(Response::new(Body::empty()))
    }

    fn content_type(&self) -> Option<String> {
        let said = self.head.headers.get(CONTENT_TYPE)?.to_str().ok()?.trim();
        let is_form = said.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case(FORM));
        (!is_form && !said.is_empty()).then(|| said.to_owned())
    }

    fn tags(&self, name: &HeaderName) -> Option<ETagMatch> {
        Some(ETagMatch::parse(self.head.headers.get(name)?.to_str().ok()?))
    }
}

/// Whoever may write here must not have a page of this origin.
pub(super) fn harmless(answer: &mut Answer) {
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

fn tagged(answer: &mut Answer, etag: ETag) {
    if let Ok(value) = HeaderValue::from_str(&format!("\"{etag}\"")) {
        answer.headers_mut().insert(ETAG, value);
    }
}
