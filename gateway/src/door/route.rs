//! Which door a request is for: the host first, and only on the base host the path.

use http::{Request, header};

use crate::net::Domains;

/// A door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The S3 protocol.
    S3,
    /// Management, uploads and key-value.
    Json,
    /// The gateway's own pages.
    Site,
    /// `/health`.
    Health,
}

impl Kind {
    /// All doors.
    pub(crate) const ALL: [Kind; 4] = [Kind::S3, Kind::Json, Kind::Site, Kind::Health];

    /// Its name in logs and metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::S3 => "s3",
            Kind::Json => "json",
            Kind::Site => "site",
            Kind::Health => "health",
        }
    }
}

/// The door a request is for.
pub(super) fn kind<B>(request: &Request<B>, domains: &Domains) -> Kind {
    let host = request.uri().authority().map(http::uri::Authority::as_str);
    let host = host.or_else(|| request.headers().get(header::HOST)?.to_str().ok()).unwrap_or_default();
    if domains.bucket(host).is_some() {
        return Kind::S3;
    }
    match request.uri().path() {
        "/health" => Kind::Health,
        path if path.starts_with("/-/") => Kind::Site,
        path if windlass_api::serves(path) => Kind::Json,
        _ => Kind::S3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domains() -> Domains {
        Domains::new(&["s3.test".to_owned()])
    }

    fn kind_of(host: &str, path: &str) -> Kind {
        let request = Request::get(path).header(header::HOST, host).body(()).unwrap();
        kind(&request, &domains())
    }

    #[test]
    fn on_the_base_host_the_path_decides() {
        for host in ["s3.test", "s3.test:9000", "127.0.0.1:9000", "[::1]:9000", "xs3.test"] {
            assert_eq!(kind_of(host, "/-/health"), Kind::Site, "{host}");
            assert_eq!(kind_of(host, "/health"), Kind::Health);
            assert_eq!(kind_of(host, "/v1/buckets"), Kind::Json);
            assert_eq!(kind_of(host, "/api/v1/uploads"), Kind::Json);
            assert_eq!(kind_of(host, "/kv"), Kind::Json);
            for s3 in ["/", "/health/", "/healthy", "/v1x", "/bucket/v1", "/-", "/api"] {
                assert_eq!(kind_of(host, s3), Kind::S3, "{s3}");
            }
        }
    }

    #[test]
    fn a_bucket_s_own_host_is_s3_whatever_the_path() {
        for host in ["photos.s3.test", "photos.s3.test:9000", "PHOTOS.S3.test", "a.b.s3.test"] {
            for path in ["/-/health", "/health", "/v1/x", "/kv", "/"] {
                assert_eq!(kind_of(host, path), Kind::S3, "{host}{path}");
            }
        }
    }

    #[test]
    fn the_target_s_own_host_counts_before_the_header() {
        let request = Request::get("http://photos.s3.test/health").header(header::HOST, "s3.test").body(()).unwrap();
        assert_eq!(kind(&request, &domains()), Kind::S3);
        assert_eq!(kind(&request, &Domains::new(&[])), Kind::Health);
    }
}
