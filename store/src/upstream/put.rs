//! Storing an object upstream whose bytes come by and by, also where nobody knows how many there will be.

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::uploads::OpenUpload;
use super::xml::Element;
use super::{Client, Payload, Provider, Request, metadata, sign};
use crate::blob::ByteStream;
use crate::error::{Error, ErrorKind, Result};
use crate::limit;
use crate::object::{ETagMatch, Metadata, StorageClass, WriteCondition};

/// An object to store.
#[derive(Debug)]
pub struct PutUpstream<'a> {
    /// The bucket, by its name there.
    pub bucket: &'a str,
    /// The key.
    pub key: &'a str,
    /// Headers and user metadata.
    pub metadata: &'a Metadata,
    /// Storage class.
    pub class: StorageClass,
    /// Tags.
    pub tags: &'a [(String, String)],
    /// What must hold of the object that is there.
    pub condition: &'a WriteCondition,
    /// How many bytes there are, if that is known.
    pub length: Option<u64>,
}

impl Client {
    /// Stores an object; returns how many bytes it has, and its entity tag without quotes. `PreconditionFailed`, the errors of
    /// `send`, and the error of the body itself, of which nothing is left then.
    pub async fn put_stream(
        &self,
        provider: &Provider,
        put: &PutUpstream<'_>,
        mut body: ByteStream,
    ) -> Result<(u64, String)> {
        let headers = headers(put)?;
        if let Some(length) = put.length {
            let payload = Payload::Stream { length, bytes: body };
            return Ok((length, self.put_whole(provider, put, headers, payload).await?));
        }
        let first = piece(&mut body).await?;
        if first.len() < limit::PART_BYTES {
            let length = first.len() as u64;
            return Ok((length, self.put_whole(provider, put, headers, Payload::Bytes(first)).await?));
        }
        self.put_parts(provider, put, headers, first, body).await
    }

    async fn put_whole(
        &self,
        provider: &Provider,
        put: &PutUpstream<'_>,
        mut headers: HeaderMap,
        body: Payload,
    ) -> Result<String> {
        condition(put.condition, &mut headers)?;
        let request = Request { headers, ..Request::new(Method::PUT).bucket(put.bucket).key(put.key).body(body) };
        let (headers, _) = self.say(provider, request).await?;
        Ok(etag_of(&headers))
    }

    async fn put_parts(
        &self,
        provider: &Provider,
        put: &PutUpstream<'_>,
        headers: HeaderMap,
        first: Bytes,
        mut body: ByteStream,
    ) -> Result<(u64, String)> {
        let begin = Request::new(Method::POST).bucket(put.bucket).key(put.key).query("uploads", "");
        let (_, document) = self.say(provider, Request { headers, ..begin }).await?;
        let id = Element::parse(&document)?.must_have("UploadId")?.to_owned();
        let upload = OpenUpload { key: put.key.to_owned(), id };
        let stored = self.send_parts(provider, put, &upload, first, &mut body).await;
        if stored.is_err()
            && let Err(error) = self.abort_upload(provider, put.bucket, &upload).await
        {
            tracing::warn!(%error, "an upload upstream could not be aborted");
        }
        stored
    }

    async fn send_parts(
        &self,
        provider: &Provider,
        put: &PutUpstream<'_>,
        upload: &OpenUpload,
        first: Bytes,
        body: &mut ByteStream,
    ) -> Result<(u64, String)> {
        let (mut next, mut length, mut parts) = (first, 0, String::new());
        for number in 1..=limit::PARTS_MAX {
            length += next.len() as u64;
            let part = Request::new(Method::PUT).bucket(put.bucket).key(put.key);
            let part = part.query("partNumber", number.to_string()).query("uploadId", &upload.id);
            let is_last = next.len() < limit::PART_BYTES;
            let (headers, _) = self.say(provider, part.body(Payload::Bytes(next))).await?;
            let etag = etag_of(&headers);
            parts.push_str(&format!("<Part><PartNumber>{number}</PartNumber><ETag>\"{etag}\"</ETag></Part>"));
            next = if is_last { Bytes::new() } else { piece(body).await? };
            if next.is_empty() {
                return Ok((length, self.complete(provider, put, upload, &parts).await?));
            }
        }
        Err(Error::new(ErrorKind::EntityTooLarge, "Your proposed upload exceeds the maximum allowed object size."))
    }

    async fn complete(
        &self,
        provider: &Provider,
        put: &PutUpstream<'_>,
        upload: &OpenUpload,
        parts: &str,
    ) -> Result<String> {
        let document = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        let request = Request::new(Method::POST).bucket(put.bucket).key(put.key).query("uploadId", &upload.id);
        let mut request = request.body(Payload::Bytes(document.into()));
        condition(put.condition, &mut request.headers)?;
        let (_, document) = self.say(provider, request).await?;
        Ok(Element::parse(&document)?.must_have("ETag")?.trim_matches('"').to_owned())
    }

    /// Sends a request that takes as long as its body does, and reads its small answer.
    async fn say(&self, provider: &Provider, request: Request) -> Result<(HeaderMap, Bytes)> {
        self.send(provider, request).await?.into_document(provider).await
    }
}

/// The next part of a body: as long as a part is, or what is left.
async fn piece(body: &mut ByteStream) -> Result<Bytes> {
    let mut gathered = BytesMut::new();
    while gathered.len() < limit::PART_BYTES {
        match body.next().await.transpose()? {
            Some(bytes) => gathered.extend_from_slice(&bytes),
            None => break,
        }
    }
    Ok(gathered.freeze())
}

fn headers(put: &PutUpstream<'_>) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    metadata::to_headers(put.metadata, &mut headers);
    if put.class != StorageClass::Standard {
        headers.insert("x-amz-storage-class", HeaderValue::from_static(put.class.name()));
    }
    if !put.tags.is_empty() {
        let pair =
            |(name, value): &(String, String)| format!("{}={}", sign::encode(name, false), sign::encode(value, false));
        let tags = put.tags.iter().map(pair).collect::<Vec<_>>().join("&");
        headers.insert("x-amz-tagging", value(&tags)?);
    }
    Ok(headers)
}

fn condition(condition: &WriteCondition, headers: &mut HeaderMap) -> Result<()> {
    let mut add = |name: HeaderName, wanted: &Option<ETagMatch>| {
        let text = match wanted {
            None => return Ok(()),
            Some(ETagMatch::Any) => "*".to_owned(),
            Some(ETagMatch::Tags(tags)) => tags.iter().map(|tag| format!("\"{tag}\"")).collect::<Vec<_>>().join(", "),
        };
        headers.insert(name, value(&text)?);
        Ok(())
    };
    add(IF_MATCH, &condition.if_match)?;
    add(IF_NONE_MATCH, &condition.if_none_match)
}

fn value(text: &str) -> Result<HeaderValue> {
    HeaderValue::try_from(text)
        .map_err(|cause| Error::new(ErrorKind::InvalidArgument, "A value cannot be sent as a header.").because(cause))
}

fn etag_of(headers: &HeaderMap) -> String {
    let etag = headers.get(ETAG).and_then(|etag| etag.to_str().ok()).unwrap_or_default();
    etag.trim().trim_matches('"').to_owned()
}
