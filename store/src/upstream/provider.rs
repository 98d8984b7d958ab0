//! A provider: where an S3 API of somebody else is, and with whose credentials it is asked.

use std::fmt;

use http::Uri;
use http::uri::{Authority, Scheme};
use windlass_config::Secret;

use super::address::is_public;
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};

/// An S3 API of somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// `http://` or `https://`, a host, and its port unless it is the scheme's own.
    pub endpoint: String,
    /// The region that requests are signed for.
    pub region: String,
    /// Whether a bucket is named in the path; else it is a label before the host.
    pub path_style: bool,
    /// Who asks.
    pub credentials: Credentials,
}

/// Who asks a provider.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key.
    pub secret: Secret,
    /// What goes along with credentials that do not last.
    pub session_token: Option<Secret>,
    /// When they end, if they do.
    pub expires_ms: Option<Millis>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("expires_ms", &self.expires_ms).finish_non_exhaustive()
    }
}

/// An endpoint that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub(super) scheme: Scheme,
    pub(super) authority: Authority,
}

impl Endpoint {
    /// Reads the address of an endpoint. `InvalidArgument` unless it is a scheme, a host and perhaps a port.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || {
            let message = "The endpoint must be http:// or https:// and a host, with neither path nor credentials.";
            Error::new(ErrorKind::InvalidArgument, message)
        };
        let parts = text.parse::<Uri>().map_err(|_| wrong())?.into_parts();
        let path = parts.path_and_query.as_ref().map_or("/", |path| path.as_str());
        let (Some(scheme), Some(authority), "/") = (parts.scheme, parts.authority, path) else { return Err(wrong()) };
        let default_port = match scheme.as_str() {
            "http" => 80,
            "https" => 443,
            _ => return Err(wrong()),
        };
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(wrong());
        }
        let authority = match authority.port_u16() {
            Some(port) if port == default_port => authority.host().parse().map_err(|_| wrong())?,
            _ => authority,
        };
        Ok(Self { scheme, authority })
    }

    /// The host, with its port if it is not the scheme's own.
    pub fn host(&self) -> &str {
        self.authority.as_str()
    }

    /// Whether nobody can listen on the way.
    pub fn is_secure(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Whether its host is an address that is not one of the public internet. A name is asked when it is resolved.
    pub fn is_private(&self) -> bool {
        let host = self.authority.host().trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address| !is_public(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_a_scheme_and_a_host() {
        let host = |text: &str| Endpoint::parse(text).map(|endpoint| endpoint.host().to_owned()).ok();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(host("https://s3.eu-west-1.amazonaws.com"), some("s3.eu-west-1.amazonaws.com"));
        assert_eq!(host("https://s3.example.com:443/"), some("s3.example.com"));
        assert_eq!(host("http://127.0.0.1:9000"), some("127.0.0.1:9000"));
        assert_eq!(host("http://[::1]:80"), some("[::1]"));
        for bad in ["", "s3.example.com", "ftp://h", "https://h/path", "https://h?x", "https://a:b@h", "https://"] {
            assert_eq!(host(bad), None, "{bad}");
        }
    }

    #[test]
    fn addresses_of_this_network_are_told() {
        let private = |text: &str| Endpoint::parse(text).unwrap().is_private();
        for yes in ["http://127.0.0.1:9", "http://10.1.2.3", "http://[::1]", "http://[::ffff:192.168.0.1]:9"] {
            assert!(private(yes), "{yes}");
        }
        for yes in ["http://localhost:9", "http://169.254.169.254", "http://100.64.0.1", "http://[fd00::1]"] {
            assert!(private(yes), "{yes}");
        }
        for no in ["https://s3.example.com", "http://8.8.8.8", "http://[2606:4700::1111]"] {
            assert!(!private(no), "{no}");
        }
    }

    #[test]
    fn credentials_do_not_print_themselves() {
        let credentials = Credentials {
            access_key_id: "id-to-hide".into(),
            secret: Secret::new("secret-to-hide"),
            session_token: Some(Secret::new("token-to-hide")),
            expires_ms: Some(5),
        };
        let printed = format!("{credentials:?}");
        assert!(printed.contains("expires_ms: Some(5)") && !printed.contains("hide"), "{printed}");
    }
}
