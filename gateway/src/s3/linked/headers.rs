//! Which headers and parameters go on to an upstream, and which come back. What is not listed does not: it could mean
//! something there that nobody here has decided on.

use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH,
    CONTENT_RANGE, CONTENT_TYPE, ETAG, EXPIRES, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, LAST_MODIFIED, RANGE,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use s3s::S3Result;
use windlass_store::link::ManagedSettings;

use super::super::call::text;
use super::super::query::{self, Query};
use super::super::{error, metadata, ops};
use super::not_managed;

/// Headers of a request, of HTTP.
const ASKED: [HeaderName; 12] = [
    CACHE_CONTROL,
    CONTENT_DISPOSITION,
    CONTENT_LANGUAGE,
    CONTENT_TYPE,
    EXPIRES,
    IF_MATCH,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    IF_RANGE,
    IF_UNMODIFIED_SINCE,
    RANGE,
    HeaderName::from_static("content-md5"),
];

/// Headers of a request, of S3.
const ASKED_OF_S3: [&str; 17] = [
    "x-amz-acl",
    "x-amz-bypass-governance-retention",
    "x-amz-copy-source-range",
    "x-amz-if-match-initiated-time",
    "x-amz-if-match-last-modified-time",
    "x-amz-if-match-size",
    "x-amz-max-parts",
    "x-amz-metadata-directive",
    "x-amz-mp-object-size",
    "x-amz-object-attributes",
    "x-amz-optional-object-attributes",
    "x-amz-part-number-marker",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-storage-class",
    "x-amz-tagging",
    "x-amz-tagging-directive",
    "x-amz-website-redirect-location",
];

/// How headers of S3 begin of which there are several.
const ASKED_PREFIXES: [&str; 6] = [
    "x-amz-checksum-",
    "x-amz-copy-source-if-",
    "x-amz-grant-",
    "x-amz-meta-",
    "x-amz-object-lock-",
    "x-amz-server-side-encryption",
];

/// Headers of an answer.
const ANSWERED: [HeaderName; 11] = [
    ACCEPT_RANGES,
    CACHE_CONTROL,
    CONTENT_DISPOSITION,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_LENGTH,
    CONTENT_RANGE,
    CONTENT_TYPE,
    ETAG,
    EXPIRES,
    LAST_MODIFIED,
];

/// The same of S3.
const ANSWERED_BY_S3: [&str; 14] = [
    "x-amz-abort-date",
    "x-amz-abort-rule-id",
    "x-amz-copy-source-version-id",
    "x-amz-delete-marker",
    "x-amz-expiration",
    "x-amz-missing-meta",
    "x-amz-mp-parts-count",
    "x-amz-object-size",
    "x-amz-replication-status",
    "x-amz-restore",
    "x-amz-storage-class",
    "x-amz-tagging-count",
    "x-amz-version-id",
    "x-amz-website-redirect-location",
];

/// How headers of an answer begin of which there are several.
const ANSWERED_PREFIXES: [&str; 4] =
    ["x-amz-checksum-", "x-amz-meta-", "x-amz-object-lock-", "x-amz-server-side-encryption"];

/// Parameters that choose no operation.
const PARAMETERS: [&str; 17] = [
    "continuation-token",
    "delimiter",
    "encoding-type",
    "fetch-owner",
    "id",
    "key-marker",
    "list-type",
    "marker",
    "max-keys",
    "max-parts",
    "max-uploads",
    "part-number-marker",
    "prefix",
    "start-after",
    "upload-id-marker",
    "version-id-marker",
    "x-id",
];

/// The headers of a request that go on. `SettingNotManaged` where they would make an object public in a bucket whose visibility
/// is not managed from here; `NotImplemented` for keys of encryption, which are nobody's on the way.
pub(super) fn asked(headers: &HeaderMap, managed: ManagedSettings) -> S3Result<HeaderMap> {
    let mut kept = HeaderMap::new();
    for (name, value) in headers {
        let own = name.as_str();
        let listed = ASKED.contains(name)
            || ASKED_OF_S3.contains(&own)
            || ASKED_PREFIXES.iter().any(|prefix| own.starts_with(prefix));
        // An empty header says nothing, but for metadata, whose value it is.
        if listed && (!value.is_empty() || own.starts_with("x-amz-meta-")) {
            kept.append(name, value.clone());
        }
    }
    if headers.keys().any(|name| name.as_str().contains("server-side-encryption-customer-")) {
        return Err(error::not_implemented("Encryption with keys of the client's own"));
    }
    // The transport's encoding stays here.
    if let Some(encoding) = metadata::from_headers(headers).system.content_encoding
        && let Ok(value) = HeaderValue::try_from(encoding)
    {
        kept.insert(CONTENT_ENCODING, value);
    }
    if gives_access(&kept) && !managed.visibility {
        return Err(not_managed("visibility"));
    }
    Ok(kept)
}

/// Whether others than the bucket's owner are given something.
fn gives_access(headers: &HeaderMap) -> bool {
    let canned = headers.get("x-amz-acl").and_then(text);
    canned.is_some_and(|acl| !["private", "bucket-owner-full-control"].contains(&acl))
        || headers.keys().any(|name| name.as_str().starts_with("x-amz-grant-"))
}

/// The parameters of a request that go on.
pub(super) fn parameters(query: &Query) -> Vec<(String, String)> {
    let listed = |name: &str| {
        (ops::is_subresource(name) || PARAMETERS.contains(&name) || name.starts_with("response-"))
            && !query::is_credential(name)
    };
    query.iter().filter(|(name, _)| listed(name)).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The headers of an answer that come back.
pub(super) fn answered(headers: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for (name, value) in headers {
        let own = name.as_str();
        let listed = ANSWERED.contains(name)
            || ANSWERED_BY_S3.contains(&own)
            || ANSWERED_PREFIXES.iter().any(|prefix| own.starts_with(prefix));
        if listed {
            kept.append(name, value.clone());
        }
    }
    kept
}

/// The headers of an answer that says no: what is about the body of another answer is not.
pub(super) fn of_refusal(headers: &HeaderMap) -> HeaderMap {
    let mut kept = answered(headers);
    for name in [CONTENT_LENGTH, CONTENT_TYPE, CONTENT_ENCODING, CONTENT_RANGE] {
        kept.remove(name);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
    }

    fn names(headers: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn only_what_is_known_goes_on() {
        let sent = map(&[
            ("authorization", "secret"),
            ("host", "h"),
            ("x-amz-date", "d"),
            ("x-amz-content-sha256", "s"),
            ("x-amz-decoded-content-length", "5"),
            ("x-amz-trailer", "x-amz-checksum-crc32"),
            ("x-amz-expected-bucket-owner", "o"),
            ("x-amz-copy-source", "b/k"),
            ("x-amz-write-offset-bytes", "5"),
            ("cookie", "c"),
            ("transfer-encoding", "chunked"),
            ("content-encoding", "aws-chunked,gzip"),
            ("content-type", "text/plain"),
            ("range", "bytes=0-1"),
            ("x-amz-meta-a", ""),
            ("x-amz-tagging", ""),
            ("x-amz-checksum-crc32", "AAAAAA=="),
            ("x-amz-acl", "private"),
        ]);
        let kept = asked(&sent, ManagedSettings::default()).unwrap();
        let expected =
            ["content-encoding", "content-type", "range", "x-amz-acl", "x-amz-checksum-crc32", "x-amz-meta-a"];
        assert_eq!(names(&kept), expected);
        assert_eq!(kept.get("content-encoding").unwrap(), "gzip");
    }

    #[test]
    fn nobody_is_let_in_upstream_where_that_is_not_managed() {
        let code =
            |pairs: &[_], managed| asked(&map(pairs), managed).map(drop).map_err(|e| e.code().as_str().to_owned());
        for open in [("x-amz-acl", "public-read"), ("x-amz-grant-read", "uri=x")] {
            assert_eq!(code(&[open], ManagedSettings::default()), Err("AccessDenied".into()), "{open:?}");
            assert_eq!(code(&[open], ManagedSettings::ALL), Ok(()), "{open:?}");
        }
        let key = ("x-amz-server-side-encryption-customer-key", "k");
        assert_eq!(code(&[key], ManagedSettings::ALL), Err("NotImplemented".into()));
    }

    #[test]
    fn only_parameters_of_s3_go_on() {
        let uri =
            "/b?prefix=a%2Bb&list-type=2&X-Amz-Signature=s&x-amz-meta-a=1&metadata&response-expires=x&versionId=v";
        let kept = parameters(&Query::of(&uri.parse().unwrap()));
        let names: Vec<_> = kept.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(names, [("prefix", "a+b"), ("list-type", "2"), ("response-expires", "x"), ("versionId", "v")]);
    }

    #[test]
    fn only_what_is_about_the_object_comes_back() {
        let told = map(&[
            ("etag", "\"e\""),
            ("content-length", "5"),
            ("x-amz-request-id", "theirs"),
            ("x-amz-id-2", "theirs"),
            ("x-amz-bucket-region", "eu-west-1"),
            ("server", "s"),
            ("set-cookie", "c"),
            ("access-control-allow-origin", "*"),
            ("x-amz-version-id", "v"),
            ("x-amz-meta-a", "1"),
        ]);
        assert_eq!(names(&answered(&told)), ["content-length", "etag", "x-amz-meta-a", "x-amz-version-id"]);
        assert_eq!(names(&of_refusal(&told)), ["etag", "x-amz-meta-a", "x-amz-version-id"]);
    }
}
