//! The source of a copy that has to go through us: its bytes as they come, and what is said of it.

use http::header::{CONTENT_LENGTH, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use s3s::S3Result;
use windlass_store::blob::ByteStream;
use windlass_store::object::{GetObject, Metadata, RangeRequest};
use windlass_store::tag::Tags;
use windlass_store::upstream::xml::Element;
use windlass_store::{Error, ErrorKind, limit};

use super::super::call::Call;
use super::super::copy::{SOURCE_CONDITIONS, Source};
use super::super::service::Operations;
use super::super::{conditions, error, metadata};
use super::Upstream;

/// What is read of a source.
pub(super) struct Reading {
    /// What is said of it.
    pub(super) metadata: Metadata,
    /// Its tags.
    pub(super) tags: Tags,
    /// How many bytes there are of it, or of the range.
    pub(super) length: u64,
    /// The version that it is, if its bucket has versions.
    pub(super) version: Option<HeaderValue>,
    /// They.
    pub(super) bytes: ByteStream,
}

/// Begins to read the source of a copy, or a range of it: first and last byte. `PreconditionFailed`, `InvalidRange`, and
/// `InvalidRequest` for more than one write may hold.
pub(super) async fn read(
    door: &Operations,
    call: &Call,
    source: &Source,
    range: Option<(u64, u64)>,
) -> S3Result<Reading> {
    let read = match source.is_linked(door)? {
        true => read_upstream(door, call, source, range).await,
        false => read_here(door, call, source, range).await,
    };
    let reading = read.map_err(|error| error::from_store(source.grant.conceal(error)))?;
    if reading.length > limit::PUT_BYTES_MAX {
        let message =
            "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120";
        return Err(error::invalid_request(message));
    }
    if range.is_some_and(|(first, last)| reading.length != last - first + 1) {
        let message = "The specified range of the copy source is not within it.";
        return Err(error::invalid_argument(message));
    }
    Ok(reading)
}

async fn read_here(
    door: &Operations,
    call: &Call,
    source: &Source,
    range: Option<(u64, u64)>,
) -> windlass_store::Result<Reading> {
    let get = GetObject {
        version: source.version,
        range: range.map(|(first, last)| RangeRequest::FromTo(first, last)),
        conditions: conditions::read(&call.headers, SOURCE_CONDITIONS),
        ..GetObject::whole(source.key.clone())
    };
    let (found, bytes) = door.store.get_object(&source.grant, &get).await?;
    if found.not_modified {
        return Err(condition_failed());
    }
    let version = found.version.and_then(|version| HeaderValue::try_from(version.to_string()).ok());
    let (metadata, tags, length) = (found.metadata, found.extras.tags, found.length);
    Ok(Reading { metadata, tags, length, version, bytes })
}

async fn read_upstream(
    door: &Operations,
    call: &Call,
    source: &Source,
    range: Option<(u64, u64)>,
) -> windlass_store::Result<Reading> {
    let upstream = Upstream::of(door, &source.grant).await?;
    let about = |method| {
        let request = upstream.request(method, Some(&source.key));
        match &source.version_text {
            Some(version) => request.query("versionId", version),
            None => request,
        }
    };
    let mut request = about(Method::GET);
    request.headers = source_headers(&call.headers, range)?;
    let client = door.store.upstream();
    let answer = client.send(&upstream.provider, request).await?;
    if !answer.status.is_success() {
        let error = answer.into_error(&upstream.provider).await;
        return Err(if error.kind() == ErrorKind::NotModified { condition_failed() } else { error });
    }
    let length = answer.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let length = length.ok_or_else(|| odd("an object without a length"))?;
    let tagged = answer.headers.get("x-amz-tagging-count").is_some_and(|count| count.as_bytes() != b"0");
    let tags = match tagged {
        true => tags(&client.ask(&upstream.provider, about(Method::GET).query("tagging", "")).await?.1)?,
        false => Tags::new(),
    };
    let version = answer.headers.get("x-amz-version-id").cloned();
    Ok(Reading { metadata: metadata::from_headers(&answer.headers), tags, length, version, bytes: answer.body })
}

/// The conditions on a source are those of the read of it.
fn source_headers(headers: &HeaderMap, range: Option<(u64, u64)>) -> windlass_store::Result<HeaderMap> {
    let mut kept = HeaderMap::new();
    for (name, value) in headers {
        let condition = name.as_str().strip_prefix(SOURCE_CONDITIONS).filter(|end| end.starts_with("if-"));
        if let Some(name) = condition.and_then(|name| HeaderName::try_from(name).ok()) {
            kept.append(name, value.clone());
        }
    }
    if let Some((first, last)) = range {
        let range = HeaderValue::try_from(format!("bytes={first}-{last}"));
        kept.insert(RANGE, range.map_err(|_| odd("a range that is no header"))?);
    }
    Ok(kept)
}

fn tags(document: &[u8]) -> windlass_store::Result<Tags> {
    let document = Element::parse(document)?;
    let tags = document.children("TagSet").flat_map(|set| set.children("Tag"));
    tags.map(|tag| Ok((tag.must_have("Key")?.to_owned(), tag.must_have("Value")?.to_owned()))).collect()
}

fn condition_failed() -> Error {
    Error::new(ErrorKind::PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
}

fn odd(what: &'static str) -> Error {
    Error::new(ErrorKind::UpstreamInvalid, "The upstream's answer could not be read.").because(what)
}
