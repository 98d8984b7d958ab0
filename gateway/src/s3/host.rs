//! Which bucket and key a request names: by host (`<bucket>.<base domain>`) or by path.

use http::header::HOST;
use http::request::Parts;
use s3s::S3Result;
use s3s::host::{S3Host, VirtualHost};
use s3s::validation::NameValidation;

use super::query::percent_decode;
use crate::net::Domains;

/// The hosts under which buckets are addressed. Under all others a request is path-style.
#[derive(Debug, Clone)]
pub(super) struct Host(pub(super) Domains);

impl Host {
    /// What a request names, for error documents and for choosing limits. It decides nothing.
    pub(super) fn target(&self, parts: &Parts) -> Target {
        let header = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
        let host = header.or_else(|| parts.uri.authority().map(|authority| authority.as_str()));
        let path = String::from_utf8_lossy(&percent_decode(parts.uri.path().as_bytes())).into_owned();
        let path = path.strip_prefix('/').unwrap_or(&path);
        let (bucket, key) = match host.and_then(|host| self.0.bucket(host)) {
            Some(bucket) => (bucket, path),
            None => path.split_once('/').map_or((path.to_owned(), ""), |(bucket, key)| (bucket.to_owned(), key)),
        };
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Target { bucket: some(&bucket), key: some(key) }
    }
}

/// The bucket and key of a request, as the client wrote them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// The bucket's name.
    pub(super) bucket: Option<String>,
    /// The object's key.
    pub(super) key: Option<String>,
}

impl S3Host for Host {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let found = VirtualHost::new(host);
        Ok(match self.0.bucket(host) {
            Some(bucket) => found.with_bucket(bucket),
            None => found,
        })
    }
}

/// Lets every name through: the store's parser decides, in one place for all doors.
pub(super) struct AnyName;

impl NameValidation for AnyName {
    fn validate_bucket_name(&self, _name: &str) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(base: Option<&str>, host: &str, uri: &str) -> (Option<String>, Option<String>) {
        let (parts, ()) = http::Request::builder().uri(uri).header(HOST, host).body(()).unwrap().into_parts();
        let domains: Vec<String> = base.iter().map(ToString::to_string).collect();
        let Target { bucket, key } = Host(Domains::new(&domains)).target(&parts);
        (bucket, key)
    }

    #[test]
    fn the_host_names_the_bucket_under_the_base_domain_only() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(target(Some("s3.test"), "B.S3.test:9000", "/a/b%20c"), (some("b"), some("a/b c")));
        assert_eq!(target(Some("s3.test"), "s3.test", "/b/k"), (some("b"), some("k")));
        assert_eq!(target(Some("s3.test"), "xs3.test", "/b//k"), (some("b"), some("/k")));
        assert_eq!(target(None, "b.s3.test", "/b/"), (some("b"), None));
        assert_eq!(target(None, "[::1]:9000", "/"), (None, None));
    }
}
