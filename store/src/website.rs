//! A bucket as a website: which document a path means, and where a browser is sent instead (S3: "Configuring a static
//! website"). Rules, and where they lead; reading the documents is the door's.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Store;
use crate::bucket::{Bucket, Document, DocumentKind, no_such_bucket};
use crate::error::{Error, ErrorKind, Result};
use crate::limit;
use crate::meta::Record;
use crate::name::BucketName;
use crate::policy::Action;

/// How a bucket is served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Website {
    /// Everything is sent to another host.
    Elsewhere {
        /// The host.
        host: String,
        /// The scheme there; `None` is that of the request.
        protocol: Option<Protocol>,
    },
    /// From what it holds.
    Documents {
        /// What stands for a folder, behind its slash.
        index: String,
        /// The key of the document that goes with errors.
        error: Option<String>,
        /// Where browsers are sent instead; the first that fits counts.
        routes: Vec<Route>,
    },
}

/// A scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protocol {
    /// `http`
    Http,
    /// `https`
    Https,
}

impl Protocol {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The scheme of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Http, Self::Https].into_iter().find(|protocol| protocol.name() == name)
    }
}

/// A rule that sends browsers elsewhere.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// When it holds; `None` is always.
    pub when: Option<RouteWhen>,
    /// Where to.
    pub to: RouteTo,
}

/// When a route holds: if all that is said is true.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteWhen {
    /// What the key begins with.
    pub prefix: Option<String>,
    /// The status that the answer would have.
    pub status: Option<u16>,
}

/// Where a route leads; what is not said stays as it is.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTo {
    /// The host.
    pub host: Option<String>,
    /// The scheme.
    pub protocol: Option<Protocol>,
    /// The status to send with it.
    pub status: Option<u16>,
    /// The key.
    pub key: RouteKey,
}

/// What becomes of the key.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RouteKey {
    /// It stays.
    #[default]
    Same,
    /// The prefix that the route asks for is replaced.
    Prefix(String),
    /// All of it is replaced.
    Whole(String),
}

/// A redirection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirection {
    /// 3xx.
    pub status: u16,
    /// The host; `None` is that of the request.
    pub host: Option<String>,
    /// The scheme; `None` is that of the request.
    pub protocol: Option<Protocol>,
    /// The key.
    pub key: String,
}

impl Record for Website {
    const VERSION: u8 = 1;
}

impl Document for Website {
    const KIND: DocumentKind = DocumentKind::Website;
    const CHANGE: Action = Action::PutBucketWebsite;

    /// `InvalidArgument`, `InvalidRequest`, `MalformedDocument`, each as AWS has it.
    fn check(&self, _bucket: &Bucket) -> Result<()> {
        match self {
            Self::Elsewhere { host, .. } => check_host(host),
            Self::Documents { index, error, routes } => {
                if index.is_empty() || index.contains('/') || index.len() > limit::KEY_BYTES_MAX {
                    return Err(argument("The IndexDocument Suffix is not well formed"));
                }
                if error.as_ref().is_some_and(|key| key.is_empty() || key.len() > limit::KEY_BYTES_MAX) {
                    return Err(argument("The ErrorDocument Key is not well formed"));
                }
                if routes.len() > limit::WEBSITE_ROUTES_MAX {
                    return Err(request(format!(
                        "{} routing rules provided, the number of routing rules in a website configuration is limited \
                         to {}.",
                        routes.len(),
                        limit::WEBSITE_ROUTES_MAX
                    )));
                }
                routes.iter().try_for_each(Route::check)
            }
        }
    }
}

impl Route {
    fn check(&self) -> Result<()> {
        if let Some(when) = &self.when {
            if when.prefix.is_none() && when.status.is_none() {
                return Err(request(
                    "Condition cannot be empty. To redirect all requests without a condition, the \
                                    condition element shouldn't be present.",
                ));
            }
            if let Some(status) = when.status.filter(|status| !(400..600).contains(status)) {
                let message =
                    format!("The provided HTTP error code ({status}) is not valid. Valid codes are 4XX or 5XX.");
                return Err(request(message));
            }
            if when.prefix.as_ref().is_some_and(|prefix| prefix.len() > limit::KEY_BYTES_MAX) {
                return Err(request("The key prefix of a condition is too long."));
            }
        }
        let to = &self.to;
        if *to == RouteTo::default() {
            return Err(malformed());
        }
        if let Some(status) = to.status.filter(|status| !(301..400).contains(status)) {
            let message =
                format!("The provided HTTP redirect code ({status}) is not valid. Valid codes are 3XX except 300.");
            return Err(request(message));
        }
        match &to.key {
            RouteKey::Prefix(key) | RouteKey::Whole(key) if key.len() > limit::KEY_BYTES_MAX => {
                Err(request("The replacement of a key is too long."))
            }
            _ => to.host.as_deref().map_or(Ok(()), check_host),
        }
    }

    fn matches(&self, key: &str, status: Option<u16>) -> bool {
        let Some(when) = &self.when else { return status.is_none() };
        when.status == status && when.prefix.as_ref().is_none_or(|prefix| key.starts_with(prefix.as_str()))
    }

    fn redirection(&self, key: &str) -> Redirection {
        let prefix = self.when.as_ref().and_then(|when| when.prefix.as_deref()).unwrap_or_default();
        Redirection {
            status: self.to.status.unwrap_or(301),
            host: self.to.host.clone(),
            protocol: self.to.protocol,
            key: match &self.to.key {
                RouteKey::Same => key.to_owned(),
                RouteKey::Prefix(with) => format!("{with}{}", key.strip_prefix(prefix).unwrap_or(key)),
                RouteKey::Whole(with) => with.clone(),
            },
        }
    }
}

impl Website {
    /// Where a browser is sent that asks for a key, before it is looked for.
    pub fn redirect(&self, key: &str) -> Option<Redirection> {
        match self {
            Self::Elsewhere { host, protocol } => {
                Some(Redirection { status: 301, host: Some(host.clone()), protocol: *protocol, key: key.to_owned() })
            }
            Self::Documents { .. } => self.route(key, None),
        }
    }

    /// Where it is sent when the answer would be an error.
    pub fn redirect_error(&self, key: &str, status: u16) -> Option<Redirection> {
        self.route(key, Some(status))
    }

    fn route(&self, key: &str, status: Option<u16>) -> Option<Redirection> {
        let Self::Documents { routes, .. } = self else { return None };
        routes.iter().find(|route| route.matches(key, status)).map(|route| route.redirection(key))
    }

    /// The key of the document for a path: a folder's is its index.
    pub fn document(&self, key: &str) -> String {
        match self {
            Self::Documents { index, .. } if key.is_empty() || key.ends_with('/') => format!("{key}{index}"),
            _ => key.to_owned(),
        }
    }

    /// The key of the index that a path would have if it were a folder; `None` if it names one already.
    pub fn index_within(&self, key: &str) -> Option<String> {
        match self {
            Self::Documents { index, .. } if !key.is_empty() && !key.ends_with('/') => Some(format!("{key}/{index}")),
            _ => None,
        }
    }
}

impl Store {
    /// How the bucket of that name is served, if it is. Anybody may ask, since that is what it is for; what is served from
    /// the bucket is decided on its own. `NoSuchBucket`.
    pub fn website(&self, name: &BucketName) -> Result<Option<Arc<Website>>> {
        let bucket = self.meta.read(|read| Bucket::find(read, name))?;
        self.document(&bucket.filter(|bucket| !bucket.row.is_deleting()).ok_or_else(no_such_bucket)?)
    }
}

/// A host, with a port or without.
fn check_host(host: &str) -> Result<()> {
    let fits = (1..=limit::HOST_BYTES_MAX).contains(&host.len())
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b));
    if fits { Ok(()) } else { Err(request("The host name of a redirect is not valid.")) }
}

fn malformed() -> Error {
    let message = "The XML you provided was not well-formed or did not validate against our published schema";
    Error::new(ErrorKind::MalformedDocument, message)
}

fn argument(message: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

fn request(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn site(routes: Vec<Route>) -> Website {
        Website::Documents { index: "index.html".into(), error: None, routes }
    }

    fn route(prefix: Option<&str>, status: Option<u16>, key: RouteKey) -> Route {
        let when = RouteWhen { prefix: prefix.map(str::to_owned), status };
        Route { when: (when != RouteWhen::default()).then_some(when), to: RouteTo { key, ..RouteTo::default() } }
    }

    fn kind(route: Route) -> Option<ErrorKind> {
        route.check().err().map(|error| error.kind())
    }

    #[test]
    fn folders_have_an_index() {
        let site = site(vec![]);
        assert_eq!(site.document(""), "index.html");
        assert_eq!(site.document("a/"), "a/index.html");
        assert_eq!(site.document("a"), "a");
        assert_eq!(site.index_within("a").as_deref(), Some("a/index.html"));
        assert_eq!((site.index_within("a/"), site.index_within("")), (None, None));
    }

    #[test]
    fn routes_hold_by_prefix_before_and_by_status_after_the_look() {
        let site = site(vec![
            route(Some("docs/"), None, RouteKey::Prefix("documents/".into())),
            route(Some("gone/"), Some(404), RouteKey::Whole("sorry.html".into())),
            route(None, Some(403), RouteKey::Whole("login.html".into())),
        ]);
        let key = |redirection: Option<Redirection>| redirection.map(|to| to.key);
        assert_eq!(key(site.redirect("docs/a/b")).as_deref(), Some("documents/a/b"));
        assert_eq!(key(site.redirect("gone/a")), None);
        assert_eq!(key(site.redirect_error("gone/a", 404)).as_deref(), Some("sorry.html"));
        assert_eq!(key(site.redirect_error("other", 404)), None);
        assert_eq!(key(site.redirect_error("other", 403)).as_deref(), Some("login.html"));
        assert_eq!(site.redirect("docs/").unwrap().status, 301);
    }

    #[test]
    fn a_site_elsewhere_sends_everything_there() {
        let site = Website::Elsewhere { host: "example.test".into(), protocol: Some(Protocol::Https) };
        let to = site.redirect("a/b").unwrap();
        assert_eq!((to.status, to.host.as_deref(), to.protocol), (301, Some("example.test"), Some(Protocol::Https)));
        assert_eq!(to.key, "a/b");
        assert_eq!(site.redirect_error("a", 404), None);
    }

    #[test]
    fn routes_keep_what_aws_asks_of_them() {
        let whole = || RouteKey::Whole("x".into());
        assert_eq!(kind(route(None, None, whole())), None);
        assert_eq!(kind(route(None, None, RouteKey::Same)), Some(ErrorKind::MalformedDocument));
        let when = |when| kind(Route { when: Some(when), ..route(None, None, whole()) });
        assert_eq!(when(RouteWhen::default()), Some(ErrorKind::InvalidRequest));
        for (status, good) in [(399, false), (400, true), (599, true), (600, false)] {
            let found = when(RouteWhen { status: Some(status), prefix: None });
            assert_eq!(found, (!good).then_some(ErrorKind::InvalidRequest), "{status}");
        }
        let to = |to| kind(Route { when: None, to });
        for (status, good) in [(300, false), (301, true), (308, true), (400, false)] {
            let found = to(RouteTo { status: Some(status), ..RouteTo::default() });
            assert_eq!(found, (!good).then_some(ErrorKind::InvalidRequest), "{status}");
        }
        for (host, good) in [("a.test", true), ("a.test:8080", true), ("", false), ("a b", false), ("a/b", false)] {
            let found = to(RouteTo { host: Some(host.into()), ..RouteTo::default() });
            assert_eq!(found, (!good).then_some(ErrorKind::InvalidRequest), "{host}");
        }
    }

    proptest! {
        #[test]
        fn a_replaced_prefix_leaves_the_rest(prefix in "[a-c/]{1,4}", rest in "[a-c/]{0,6}", with in "[a-c/]{0,4}") {
            let site = site(vec![route(Some(&prefix), None, RouteKey::Prefix(with.clone()))]);
            let to = site.redirect(&format!("{prefix}{rest}")).unwrap();
            prop_assert_eq!(to.key, format!("{with}{rest}"));
        }
    }
}
