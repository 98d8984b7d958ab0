//! The domains under which buckets are hosts.

use std::sync::Arc;

/// The base domains. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Domains(Arc<[String]>);

impl Domains {
    /// Compared without case, and without a port.
    pub(crate) fn new(domains: &[String]) -> Self {
        Self(domains.iter().map(|domain| without_port(domain).to_ascii_lowercase()).collect())
    }

    /// The bucket that a host names. `None` for a base domain itself and every unknown host: there the path names it, since a
    /// gateway is reached by names and addresses that its configuration does not know. Where one base domain lies under
    /// another, the longer one counts.
    pub(crate) fn bucket(&self, host: &str) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let host = without_port(host).to_ascii_lowercase();
        if self.0.contains(&host) {
            return None;
        }
        let names = self.0.iter().filter_map(|domain| host.strip_suffix(domain.as_str())?.strip_suffix('.'));
        names.filter(|bucket| !bucket.is_empty()).min_by_key(|bucket| bucket.len()).map(str::to_owned)
    }
}

/// A host less its port.
pub(crate) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(domains: &[&str], host: &str) -> Option<String> {
        Domains::new(&domains.iter().map(ToString::to_string).collect::<Vec<_>>()).bucket(host)
    }

    #[test]
    fn a_host_names_a_bucket_under_a_base_domain_only() {
        let some = |name: &str| Some(name.to_owned());
        assert_eq!(bucket(&["s3.test"], "B.S3.test:9000"), some("b"));
        assert_eq!(bucket(&["s3.test:9000"], "a.b.s3.test"), some("a.b"));
        for none in ["s3.test", "xs3.test", ".s3.test", "[::1]:9000", "127.0.0.1", ""] {
            assert_eq!(bucket(&["s3.test"], none), None, "{none}");
        }
        assert_eq!(bucket(&[], "b.s3.test"), None);
    }

    #[test]
    fn of_several_base_domains_the_longest_counts() {
        for domains in [["s3.test", "eu.s3.test"], ["eu.s3.test", "s3.test"]] {
            assert_eq!(bucket(&domains, "b.eu.s3.test").as_deref(), Some("b"));
            assert_eq!(bucket(&domains, "b.s3.test").as_deref(), Some("b"));
            assert_eq!(bucket(&domains, "eu.s3.test:443"), None);
        }
        assert_eq!(bucket(&["s3.test", "other.test"], "b.other.test").as_deref(), Some("b"));
    }
}
