//! Requests that the gateway makes to addresses that others chose. Whoever chooses one must not reach through the gateway what
//! is only within the gateway's reach: so names are resolved here, every address that a name has is checked, and only what
//! was checked is connected to; redirects are not followed and no proxy is asked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Url};
use windlass_api::uploads::{Carrier, Message};

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

/// Whether an address is one of the public internet (IANA: special-purpose address registries).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        // This network, private, loopback, multicast, reserved and broadcast.
        (0 | 10 | 127 | 224..=255, _, _) => true,
        // Shared between carriers.
        (100, 64..=127, _) => true,
        // Link-local, where clouds tell their machines who they are.
        (169, 254, _) => true,
        (172, 16..=31, _) => true,
        // Protocol assignments, documentation, the former relays of 6to4.
        (192, 0, 0 | 2) | (192, 88, 99) | (192, 168, _) => true,
        // Benchmarks and documentation.
        (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => true,
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let inner = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match [a, b, c, d, e, f] {
        // IPv4 in other clothes: mapped, and translated (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => inner(g, h),
        // 6to4.
        [0x2002, high, low, ..] => inner(high, low),
        // Protocol assignments with Teredo, and documentation.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // All other global unicast, and nothing else.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn message(url: &str) -> Message {
        Message { url: url.to_owned(), headers: Vec::new(), body: "{}".to_owned() }
    }

    #[test]
    fn only_addresses_of_the_public_internet_are_public() {
        for public in [
            "8.8.8.8",
            "1.1.1.1",
            "100.63.255.255",
            "172.32.0.1",
            "192.1.2.3",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "2002:808:808::1",
            "64:ff9b::808:808",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for private in [
            "127.0.0.1",
            "127.1.2.3",
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2002:7f00:1::1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
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
    async fn a_name_is_refused_for_any_of_its_addresses_and_is_asked_once_for_check_and_connection() {
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

    /// There is no lookup but that of the connection, so no answer could come between it and its check.
    #[tokio::test]
    async fn a_name_that_changes_its_answer_is_checked_each_time() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let lookup: Arc<Lookup> = Arc::new(move |_| {
            let first = count.fetch_add(1, Ordering::SeqCst) == 0;
            let found =
                if first { Err(std::io::Error::other("no answer")) } else { Ok(vec![Ipv4Addr::LOCALHOST.into()]) };
            Box::pin(std::future::ready(found))
        });
        let outward = Outward::with_lookup(false, Duration::from_secs(5), lookup);
        assert_eq!(outward.post(message("https://rebound.test/")).await, Err("it could not be reached"));
        assert_eq!(outward.post(message("https://rebound.test/")).await, Err(REFUSED));
        assert_eq!(asked.load(Ordering::SeqCst), 2, "one lookup for each attempt");
    }
}
