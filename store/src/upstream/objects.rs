//! Objects upstream, one at a time: for whoever has no client's request to send on.
//!
//! Answers are read as S3 documents them, and leniently where providers differ: what an answer does not say is as by default.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderName, HeaderValue, IF_MATCH, LAST_MODIFIED, RANGE};
use http::{HeaderMap, Method};

use super::xml::Element;
use super::{Client, Payload, Provider, Request, metadata};
use crate::blob::{ByteStream, Checksum, ChecksumAlgorithm, ChecksumKind};
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::limit;
use crate::object::{Metadata, StorageClass};
use crate::tag::Tags;

const CHECKSUM: &str = "x-amz-checksum-";
const ALGORITHMS: [ChecksumAlgorithm; 5] = [
    ChecksumAlgorithm::Crc64Nvme,
    ChecksumAlgorithm::Crc32c,
    ChecksumAlgorithm::Crc32,
    ChecksumAlgorithm::Sha256,
    ChecksumAlgorithm::Sha1,
];

/// What to list.
#[derive(Debug, Default, Clone)]
pub struct ListUpstream<'a> {
    /// Only keys that begin with it.
    pub prefix: &'a str,
    /// Keys that hold it behind the prefix are shown as one group up to and with it.
    pub delimiter: Option<&'a str>,
    /// Begin behind this key, which need not exist. Of a group that it falls in the rest is shown again.
    pub after: Option<&'a str>,
    /// Go on with the page of this token; `after` says nothing then.
    pub token: Option<&'a str>,
    /// Most objects and groups; the upstream may give fewer.
    pub max: usize,
}

/// A page of a listing.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct UpstreamPage {
    /// Objects, in the upstream's order, which is that of bytes with S3.
    pub objects: Vec<UpstreamObject>,
    /// Common prefixes, likewise.
    pub groups: Vec<String>,
    /// The token of the next page; `None` at the end.
    pub next: Option<String>,
}

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamObject {
    /// Its key.
    pub key: String,
    /// Length in bytes.
    pub size: u64,
    /// Entity tag without quotes.
    pub etag: String,
    /// When it was modified.
    pub modified_ms: Millis,
    /// Storage class; STANDARD for those that we do not have.
    pub class: StorageClass,
}

/// What to read.
#[derive(Debug, Default, Clone)]
pub struct GetUpstream<'a> {
    /// The key.
    pub key: &'a str,
    /// First byte and length of a stretch of it; `None` is all of it. The length is not 0.
    pub range: Option<(u64, u64)>,
    /// The entity tag it must have, without quotes (`PreconditionFailed`): what was seen before.
    pub etag: Option<&'a str>,
}

/// What an answer's headers say of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamFound {
    /// Length of the whole object in bytes.
    pub size: u64,
    /// Entity tag without quotes.
    pub etag: String,
    /// Whether the entity tag can be the MD5 of the bytes: not where the provider's encryption makes it something else.
    pub etag_is_digest: bool,
    /// When it was modified.
    pub modified_ms: Millis,
    /// Storage class; STANDARD for those that we do not have.
    pub class: StorageClass,
    /// Headers and user metadata.
    pub metadata: Metadata,
    /// A checksum of all its bytes, if it is known.
    pub checksum: Option<Checksum>,
    /// How many tags it has.
    pub tags: usize,
}

impl Client {
    /// A page of a bucket's objects.
    pub async fn list_objects(
        &self,
        provider: &Provider,
        bucket: &str,
        list: &ListUpstream<'_>,
    ) -> Result<UpstreamPage> {
        let max = list.max.min(limit::PAGE_MAX).to_string();
        // The encoding carries characters that XML cannot.
        let mut query = vec![("list-type", "2"), ("encoding-type", "url"), ("max-keys", &max)];
        query.extend(Some(list.prefix).filter(|prefix| !prefix.is_empty()).map(|prefix| ("prefix", prefix)));
        query.extend(list.delimiter.map(|delimiter| ("delimiter", delimiter)));
        match list.token {
            Some(token) => query.push(("continuation-token", token)),
            None => query.extend(list.after.map(|after| ("start-after", after))),
        }
        let request = Request::new(Method::GET).bucket(bucket);
        let request = query.into_iter().fold(request, |request, (name, value)| request.query(name, value));
        let (_, body) = self.ask(provider, request).await?;
        page(&Element::parse(&body)?)
    }

    /// What is known of an object but its bytes. `NoSuchKey`.
    pub async fn head_object(&self, provider: &Provider, bucket: &str, key: &str) -> Result<UpstreamFound> {
        let mut request = Request::new(Method::HEAD).bucket(bucket).key(key);
        request.headers = with_checksum_mode();
        let (headers, _) = self.ask(provider, request).await?;
        found(&headers)
    }

    /// The length of the first part of an object that was uploaded in parts; `None` if the upstream does not tell. `NoSuchKey`.
    pub async fn first_part_length(&self, provider: &Provider, bucket: &str, key: &str) -> Result<Option<u64>> {
        let request = Request::new(Method::HEAD).bucket(bucket).key(key).query("partNumber", "1");
        match self.ask(provider, request).await {
            Ok((headers, _)) => Ok(text(&headers, CONTENT_LENGTH.as_str()).and_then(|length| length.parse().ok())),
            Err(error) if matches!(error.kind(), ErrorKind::UpstreamRefused | ErrorKind::InvalidRange) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// An object, or a stretch of it, with its bytes. `NoSuchKey`, `InvalidRange`, `PreconditionFailed`.
    pub async fn get_object(
        &self,
        provider: &Provider,
        bucket: &str,
        get: &GetUpstream<'_>,
    ) -> Result<(UpstreamFound, ByteStream)> {
        let mut request = Request::new(Method::GET).bucket(bucket).key(get.key);
        request.headers = with_checksum_mode();
        if let Some((start, length)) = get.range {
            let last = start.saturating_add(length).saturating_sub(1);
            request.headers.insert(RANGE, value(&format!("bytes={start}-{last}"))?);
        }
        if let Some(etag) = get.etag {
            request.headers.insert(IF_MATCH, value(&format!("\"{etag}\""))?);
        }
        let answer = self.send(provider, request).await?;
        match answer.status.is_success() {
            true => Ok((found(&answer.headers)?, answer.body)),
            false => Err(answer.into_error(provider).await),
        }
    }

    /// Stores an object; returns its entity tag without quotes.
    pub async fn put_object(
        &self,
        provider: &Provider,
        bucket: &str,
        key: &str,
        about: &Metadata,
        body: Payload,
    ) -> Result<String> {
        let mut request = Request::new(Method::PUT).bucket(bucket).key(key).body(body);
        metadata::to_headers(about, &mut request.headers);
        let (headers, _) = self.ask(provider, request).await?;
        Ok(unquoted(text(&headers, ETAG.as_str()).unwrap_or_default()))
    }

    /// Deletes an object; that there is none is no error.
    pub async fn delete_object(&self, provider: &Provider, bucket: &str, key: &str) -> Result<()> {
        self.ask(provider, Request::new(Method::DELETE).bucket(bucket).key(key)).await.map(drop)
    }

    /// An object's tags. `NoSuchKey`.
    pub async fn object_tags(&self, provider: &Provider, bucket: &str, key: &str) -> Result<Tags> {
        let request = Request::new(Method::GET).bucket(bucket).key(key).query("tagging", "");
        let (_, body) = self.ask(provider, request).await?;
        let document = Element::parse(&body)?;
        let sets = document.children("TagSet");
        let tags = sets.flat_map(|set| set.children("Tag"));
        tags.map(|tag| Ok((tag.must_have("Key")?.to_owned(), tag.must_have("Value")?.to_owned()))).collect()
    }
}

fn with_checksum_mode() -> HeaderMap {
    let mode = (HeaderName::from_static("x-amz-checksum-mode"), HeaderValue::from_static("ENABLED"));
    HeaderMap::from_iter([mode])
}

fn page(document: &Element) -> Result<UpstreamPage> {
    let encoded = document.text_of("EncodingType").is_some_and(|encoding| encoding.eq_ignore_ascii_case("url"));
    let read = |text: &str| if encoded { decoded(text) } else { Ok(text.to_owned()) };
    let object = |contents: &Element| {
        Ok(UpstreamObject {
            key: read(contents.must_have("Key")?)?,
            size: contents.must_have("Size")?.parse().map_err(|_| odd("a size that is no number"))?,
            etag: unquoted(contents.text_of("ETag").unwrap_or_default()),
            modified_ms: windlass_config::time::parse_from_epoch(contents.must_have("LastModified")?)
                .ok_or_else(|| odd("a time that is none"))?,
            class: class(contents.text_of("StorageClass")),
        })
    };
    let groups = document.children("CommonPrefixes").map(|group| read(group.must_have("Prefix")?));
    let truncated = document.text_of("IsTruncated") == Some("true");
    let next = document.text_of("NextContinuationToken").map(str::to_owned).filter(|_| truncated);
    if truncated && next.is_none() {
        return Err(odd("a page without the token of the next"));
    }
    Ok(UpstreamPage {
        objects: document.children("Contents").map(object).collect::<Result<_>>()?,
        groups: groups.collect::<Result<_>>()?,
        next,
    })
}

fn found(headers: &HeaderMap) -> Result<UpstreamFound> {
    let number = |name: &HeaderName| text(headers, name.as_str()).and_then(|number| number.trim().parse::<u64>().ok());
    // `bytes 0-9/100`
    let whole = text(headers, CONTENT_RANGE.as_str()).and_then(|range| range.rsplit_once('/')?.1.trim().parse().ok());
    let size = whole.or_else(|| number(&CONTENT_LENGTH)).ok_or_else(|| odd("an object without a length"))?;
    let modified = text(headers, LAST_MODIFIED.as_str()).and_then(http_date);
    let encryption = text(headers, "x-amz-server-side-encryption").unwrap_or_default();
    let customer = headers.contains_key("x-amz-server-side-encryption-customer-algorithm");
    Ok(UpstreamFound {
        size,
        etag: unquoted(text(headers, ETAG.as_str()).unwrap_or_default()),
        etag_is_digest: !encryption.starts_with("aws:kms") && !customer,
        modified_ms: modified.ok_or_else(|| odd("an object without a time"))?,
        class: class(text(headers, "x-amz-storage-class")),
        metadata: metadata::from_headers(headers),
        checksum: checksum(headers),
        tags: text(headers, "x-amz-tagging-count").and_then(|count| count.parse().ok()).unwrap_or_default(),
    })
}

/// The checksum of all the bytes. One over the checksums of parts cannot be held against bytes, and says so by its type or
/// its form, `value-parts`.
fn checksum(headers: &HeaderMap) -> Option<Checksum> {
    let whole = text(headers, "x-amz-checksum-type").is_none_or(|kind| kind == "FULL_OBJECT");
    ALGORITHMS.into_iter().filter(|_| whole).find_map(|algorithm| {
        let value = text(headers, &format!("{CHECKSUM}{}", algorithm.name().to_lowercase()))?;
        let value = BASE64_STANDARD.decode(value).ok().filter(|value| value.len() == algorithm.value_len())?;
        Some(Checksum { algorithm, kind: ChecksumKind::FullObject, value, parts: 0 })
    })
}

fn class(name: Option<&str>) -> StorageClass {
    name.and_then(StorageClass::parse).unwrap_or_default()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn value(text: &str) -> Result<HeaderValue> {
    HeaderValue::try_from(text).map_err(|_| odd("an entity tag that is none"))
}

fn unquoted(etag: &str) -> String {
    etag.trim().trim_matches('"').to_owned()
}

/// The fixed form of RFC 9110 section 5.6.7, which is the one that servers send: `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(text: &str) -> Option<Millis> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let words: Vec<&str> = text.split_whitespace().take(6).collect();
    let [_, day, month, year, time, "GMT" | "UTC"] = *words.as_slice() else { return None };
    let month = 1 + MONTHS.iter().position(|name| *name == month)?;
    windlass_config::time::parse_from_epoch(&format!("{year}-{month:02}-{day:0>2}T{time}Z"))
}

/// Reads a percent-encoded text, in which a plus sign is a space.
fn decoded(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        bytes.push(match (byte, tail) {
            (b'+', _) => b' ',
            (b'%', [high, low, tail @ ..]) => {
                rest = tail;
                let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                let (high, low) = digit(high).zip(digit(low)).ok_or_else(|| odd("a key that is not well encoded"))?;
                high << 4 | low
            }
            (byte, _) => *byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| odd("a key that is not UTF-8"))
}

fn odd(what: &str) -> Error {
    Error::new(ErrorKind::UpstreamInvalid, "The upstream's answer could not be read.").because(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, text)| (HeaderName::from_static(name), HeaderValue::from_static(text))).collect()
    }

    #[test]
    fn a_page_is_read_with_its_keys_as_they_are() {
        let document = r#"<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>
            <NextContinuationToken>t/1=</NextContinuationToken>
            <Contents><Key>a%2F%2Fb%2B+c%0A%C3%A9</Key><LastModified>2009-10-12T17:50:30.250Z</LastModified>
            <ETag>&quot;fba9dede5f27731c9771645a39863328&quot;</ETag><Size>434234</Size>
            <StorageClass>STANDARD_IA</StorageClass></Contents>
            <CommonPrefixes><Prefix>p%25/</Prefix></CommonPrefixes></ListBucketResult>"#;
        let page = page(&Element::parse(document.as_bytes()).unwrap()).unwrap();
        assert_eq!(page.groups, ["p%/"]);
        assert_eq!(page.next.as_deref(), Some("t/1="));
        let object = UpstreamObject {
            key: "a//b+ c\né".to_owned(),
            size: 434_234,
            etag: "fba9dede5f27731c9771645a39863328".to_owned(),
            modified_ms: 1_255_369_830_250,
            class: StorageClass::StandardIa,
        };
        assert_eq!(page.objects, [object]);
    }

    #[test]
    fn keys_that_were_not_encoded_stay_as_they_are() {
        let document = "<ListBucketResult><Contents><Key>a%2F+</Key><Size>1</Size>\
             <LastModified>2009-10-12T17:50:30Z</LastModified></Contents></ListBucketResult>";
        let page = page(&Element::parse(document.as_bytes()).unwrap()).unwrap();
        assert_eq!(page.objects[0].key, "a%2F+");
        assert_eq!(page.next, None);
    }

    #[test]
    fn a_page_that_lacks_something_is_refused() {
        let contents = |inner: &str| format!("<L><Contents>{inner}</Contents></L>");
        let time = "<LastModified>2009-10-12T17:50:30Z</LastModified>";
        for bad in [
            "<L><IsTruncated>true</IsTruncated></L>".to_owned(),
            contents(&format!("<Size>1</Size>{time}")),
            contents(&format!("<Key>a</Key><Size>one</Size>{time}")),
            contents("<Key>a</Key><Size>1</Size>"),
            format!("<L><EncodingType>url</EncodingType><Contents><Key>%zz</Key><Size>1</Size>{time}</Contents></L>"),
            format!("<L><EncodingType>url</EncodingType><Contents><Key>%FF</Key><Size>1</Size>{time}</Contents></L>"),
        ] {
            let error = page(&Element::parse(bad.as_bytes()).unwrap()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UpstreamInvalid, "{bad}");
        }
    }

    #[test]
    fn headers_tell_the_whole_object_whatever_stretch_was_asked_for() {
        let found = found(&headers(&[
            ("content-length", "10"),
            ("content-range", "bytes 0-9/1000"),
            ("etag", "\"abc-2\""),
            ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("x-amz-server-side-encryption", "aws:kms"),
            ("x-amz-tagging-count", "2"),
            ("x-amz-meta-a", "b"),
        ]))
        .unwrap();
        assert_eq!((found.size, found.etag.as_str(), found.etag_is_digest, found.tags), (1000, "abc-2", false, 2));
        assert_eq!(found.modified_ms, 784_111_777_000);
        assert_eq!(found.metadata.user, [("a".to_owned(), "b".to_owned())]);
    }

    #[test]
    fn only_a_checksum_of_all_bytes_counts() {
        let crc = ("x-amz-checksum-crc32", "AAAAAQ==");
        let read = |pairs: &[(&'static str, &'static str)]| checksum(&headers(pairs)).map(|checksum| checksum.value);
        assert_eq!(read(&[crc]), Some(vec![0, 0, 0, 1]));
        assert_eq!(read(&[crc, ("x-amz-checksum-type", "FULL_OBJECT")]), Some(vec![0, 0, 0, 1]));
        assert_eq!(read(&[crc, ("x-amz-checksum-type", "COMPOSITE")]), None);
        assert_eq!(read(&[("x-amz-checksum-crc32", "AAAAAQ==-3")]), None);
        assert_eq!(read(&[]), None);
    }
}
