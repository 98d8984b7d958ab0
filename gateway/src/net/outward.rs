//! Requests that the gateway makes to addresses that others chose. Whoever chooses one must not reach through the gateway what
//! is only within the gateway's reach: so names are resolved here, every address that a name has is checked, and only what
//! was checked is connected to; redirects are not followed and no proxy is asked.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Url};
use windlass_api::uploads::{Carrier, Message};
use windlass_store::upstream::is_public;

/// Finds the addresses of a name.
type Lookup = dyn Fn(String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> + Send + Sync;

const REFUSED: &str = "its address is not allowed";
const UNSAFE: &str = "it is not told over HTTPS";

/// A client that goes out.
pub(crate) struct Outward {
    allow_private: bool,
    timeout: Duration,
    lookup: Arc<Lookup>,
    /// Made when it is first needed: until then the platform's certificates need not be there.
    client: OnceLock<Result<Client, ()>>,
}

impl Carrier for Outward {
    fn carry(&self, message: Message) -> Pin<Box<dyn Future<Output = Result<u16, &'static str>> + Send + '_>> {
        Box::pin(self.post(message))
    }
}

impl Outward {
    /// With `allow_private` every address is allowed, and plain HTTP is spoken.
    pub(crate) fn new(allow_private: bool, timeout: Duration) -> Self {
        let lookup = |name: String| -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
            Box::pin(async move {
                let found = tokio::net::lookup_host((name, 0)).await?;
                Ok(found.map(|address| address.ip()).collect())
            })
        };
        Self::with_lookup(allow_private, timeout, Arc::new(lookup))
    }

    fn with_lookup(allow_private: bool, timeout: Duration, lookup: Arc<Lookup>) -> Self {
        Self { allow_private, timeout, lookup, client: OnceLock::new() }
    }

    /// Sends a message and returns the status of the answer, whose body nobody reads. The reason of a failure names neither
    /// the address, which may hold a secret, nor the body.
    pub(crate) async fn post(&self, message: Message) -> Result<u16, &'static str> {
        let url = Url::parse(&message.url).map_err(|_| "its address is not one")?;
        if url.scheme() != "https" && !(self.allow_private && url.scheme() == "http") {
            return Err(UNSAFE);
        }
        // A host that is an address, however it is written, is not looked up by anybody.
        let literal = url.host_str().map(|host| host.trim_matches(['[', ']'])).and_then(|host| host.parse().ok());
        if literal.is_some_and(|address| !self.allow_private && !is_public(address)) {
            return Err(REFUSED);
        }
        let client =
            self.client.get_or_init(|| self.build()).as_ref().map_err(|()| "there is no client to tell it with")?;
        let mut request = client.post(url).header(CONTENT_TYPE, "application/json").body(message.body);
        for (name, value) in message.headers {
            request = request.header(name, value);
        }
        match request.send().await {
            Ok(answer) => Ok(answer.status().as_u16()),
            Err(error) if error.is_timeout() => Err("it did not answer in time"),
            Err(error) if is_refused(&error) => Err(REFUSED),
            Err(error) if error.is_connect() => Err("it could not be reached"),
            Err(_) => Err("the connection broke"),
        }
    }

    fn build(&self) -> Result<Client, ()> {
        // Fails only if it has been done before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let resolver = Checked { allow_private: self.allow_private, lookup: Arc::clone(&self.lookup) };
        Client::builder()
            .user_agent(concat!("windlass/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(self.timeout)
            .dns_resolver(Arc::new(resolver))
            .build()
            .map_err(|error| tracing::error!(%error, "receivers of webhooks cannot be told"))
    }
}

/// Resolves names to addresses that were checked.
struct Checked {
    allow_private: bool,
    lookup: Arc<Lookup>,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (allow_private, found) = (self.allow_private, (self.lookup)(name.as_str().to_owned()));
        Box::pin(async move {
            let found = found.await?;
            // One that is not allowed among others is no accident.
            if !allow_private && !found.iter().copied().all(is_public) {
                return Err(Box::new(Refused) as _);
            }
            let addresses: Addrs = Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

/// A name has an address that is not allowed.
#[derive(Debug)]
struct Refused;

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(REFUSED)
    }
}

impl std::error::Error for Refused {}

fn is_refused(error: &reqwest::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if error.is::<Refused>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn message(url: &str) -> Message {
        Message { url: url.to_owned(), headers: Vec::new(), body: "{}".to_owned() }
    }

    #[tokio::test]
    async fn a_host_that_is_an_address_is_checked_however_it_is_written() {
        let never: Arc<Lookup> = Arc::new(|name| panic!("{name} was looked up"));
        let outward = Outward::with_lookup(false, Duration::from_secs(5), never);
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "169.254.169.254",
            "10.1.2.3",
            "0",
            "[fd00:ec2::254]",
        ] {
            assert_eq!(outward.post(message(&format!("https://{host}/x"))).await, Err(REFUSED), "{host}");
        }
        for url in ["http://8.8.8.8/", "http://a.test/", "file:///etc/passwd", "gopher://a.test/"] {
            assert_eq!(outward.post(message(url)).await, Err(UNSAFE), "{url}");
        }
    }

    #[tokio::test]
    async fn a_name_is_refused_for_any_of_its_addresses() {
        let answers: [&[&str]; 3] = [&["127.0.0.1"], &["8.8.8.8", "10.0.0.1"], &["::1"]];
        for answer in answers {
            let lookup: Arc<Lookup> = Arc::new(move |_| {
                let found = answer.iter().map(|address| address.parse().unwrap()).collect();
                Box::pin(std::future::ready(Ok(found)))
            });
            let outward = Outward::with_lookup(false, Duration::from_secs(5), lookup);
            assert_eq!(outward.post(message("https://rebound.test/")).await, Err(REFUSED), "{answer:?}");
        }
    }

    #[tokio::test]
    async fn a_name_that_nobody_knows_cannot_be_reached() {
        let lookup: Arc<Lookup> = Arc::new(|_| Box::pin(std::future::ready(Err(std::io::Error::other("no answer")))));
        let outward = Outward::with_lookup(false, Duration::from_secs(60), lookup);
        assert_eq!(outward.post(message("https://nowhere.test/")).await, Err("it could not be reached"));
    }

    /// What was checked is what is connected to: the resolver is asked once for each connection, and there is no other lookup.
    #[tokio::test]
    async fn a_name_that_changes_its_answer_between_check_and_connection_is_not_followed() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        // A public address for whoever checks, and another one for whoever connects.
        let lookup: Arc<Lookup> = Arc::new(move |_| {
            let first = count.fetch_add(1, Ordering::SeqCst) == 0;
            let address = if first { Ipv4Addr::new(8, 8, 8, 8) } else { Ipv4Addr::LOCALHOST };
            Box::pin(std::future::ready(Ok(vec![address.into()])))
        });
        let resolver = Checked { allow_private: false, lookup: Arc::clone(&lookup) };
        let name = || "rebound.test".parse::<Name>().unwrap();
        let addresses: Vec<_> = resolver.resolve(name()).await.ok().unwrap().collect();
        assert_eq!(addresses, ["8.8.8.8:0".parse().unwrap()], "connected to is what was checked");
        assert!(resolver.resolve(name()).await.err().unwrap().is::<Refused>());
        let outward = Outward::with_lookup(false, Duration::from_secs(60), lookup);
        assert_eq!(outward.post(message("https://rebound.test/")).await, Err(REFUSED));
        assert_eq!(asked.load(Ordering::SeqCst), 3, "one lookup for each connection");
    }
}
