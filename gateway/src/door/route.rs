//! Which door a request is for: the host first, and only on the base host the path.

use http::{Request, header};

use crate::net::{Domains, without_port};

/// A door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The S3 protocol.
    S3,
    /// Management and uploads.
    Json,
    /// Key-value.
    Kv,
    /// The gateway's own pages.
    Site,
    /// `/health`.
    Health,
}

impl Kind {
    /// All doors.
    pub(crate) const ALL: [Kind; 5] = [Kind::S3, Kind::Json, Kind::Kv, Kind::Site, Kind::Health];

    /// Its name in logs and metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::S3 => "s3",
            Kind::Json => "json",
            Kind::Kv => "kv",
            Kind::Site => "site",
            Kind::Health => "health",
        }
    }
}

/// Where the key-value door is on the base host. No bucket of S3 has so short a name.
const KV: &str = "/kv";

/// The hosts that are one door's, whatever the path.
#[derive(Debug, Clone)]
pub(crate) struct Hosts {
    /// The domains under which buckets are hosts.
    pub(crate) domains: Domains,
    /// Where key-value is all there is, in lower case and without ports.
    pub(crate) kv: Vec<String>,
}

impl Hosts {
    fn is_kv(&self, host: &str) -> bool {
        self.kv.iter().any(|known| known.eq_ignore_ascii_case(without_port(host)))
    }
}

fn host<B>(request: &Request<B>) -> &str {
    let host = request.uri().authority().map(http::uri::Authority::as_str);
    host.or_else(|| request.headers().get(header::HOST)?.to_str().ok()).unwrap_or_default()
}

/// The door a request is for.
pub(super) fn kind<B>(request: &Request<B>, hosts: &Hosts) -> Kind {
    let host = host(request);
    if hosts.is_kv(host) {
        return Kind::Kv;
    }
    if hosts.domains.bucket(host).is_some() {
        return Kind::S3;
    }
    match request.uri().path() {
        "/health" => Kind::Health,
        path if path.starts_with("/-/") => Kind::Site,
        path if windlass_api::under(path, KV) => Kind::Kv,
        path if windlass_api::serves(path) => Kind::Json,
        _ => Kind::S3,
    }
}

/// What the paths of the key-value door begin with where the request went.
pub(super) fn kv_base<B>(request: &Request<B>, hosts: &Hosts) -> &'static str {
    if hosts.is_kv(host(request)) { "" } else { KV }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(domains: &[&str]) -> Hosts {
        let domains: Vec<String> = domains.iter().map(ToString::to_string).collect();
        Hosts { domains: Domains::new(&domains), kv: vec!["kv.s3.test".to_owned()] }
    }

    fn kind_of(host: &str, path: &str) -> Kind {
        let request = Request::get(path).header(header::HOST, host).body(()).unwrap();
        kind(&request, &hosts(&["s3.test"]))
    }

    #[test]
    fn on_the_base_host_the_path_decides() {
        for host in ["s3.test", "s3.test:9000", "127.0.0.1:9000", "[::1]:9000", "xs3.test"] {
            assert_eq!(kind_of(host, "/-/health"), Kind::Site, "{host}");
            assert_eq!(kind_of(host, "/health"), Kind::Health);
            assert_eq!(kind_of(host, "/v1/buckets"), Kind::Json);
            assert_eq!(kind_of(host, "/api/v1/uploads"), Kind::Json);
            assert_eq!([kind_of(host, "/kv"), kind_of(host, "/kv/a/b")], [Kind::Kv; 2]);
            for s3 in ["/", "/kvs", "/health/", "/healthy", "/v1x", "/bucket/v1", "/-", "/api"] {
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
        assert_eq!(kind(&request, &hosts(&["s3.test"])), Kind::S3);
        assert_eq!(kind(&request, &hosts(&[])), Kind::Health);
    }

    #[test]
    fn a_key_value_host_is_key_value_whatever_the_path() {
        for host in ["kv.s3.test", "KV.s3.test:9000"] {
            for (path, base) in [("/", ""), ("/kv", ""), ("/health", ""), ("/v1/x", "")] {
                let request = Request::get(path).header(header::HOST, host).body(()).unwrap();
                let hosts = hosts(&["s3.test"]);
                assert_eq!((kind(&request, &hosts), kv_base(&request, &hosts)), (Kind::Kv, base), "{host}{path}");
            }
        }
        let request = Request::get("/kv/a").header(header::HOST, "s3.test").body(()).unwrap();
        assert_eq!(kv_base(&request, &hosts(&["s3.test"])), "/kv");
    }
}
