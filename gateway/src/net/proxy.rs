//! What proxies tell of those they speak for: their addresses, whether they speak TLS, and the host that they asked. Told by
//! anyone else it is not read, and of the two families of headers only the one that the proxies are known to write: the other
//! would be passed on as some client made it up.

use std::net::{IpAddr, SocketAddr};

use http::header::{FORWARDED, HOST};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Request, Uri};
use windlass_config::{Network, ProxyHeaders};

use super::Peer;

/// The proxies that are trusted.
#[derive(Debug, Clone)]
pub(crate) struct Proxies {
    trusted: Vec<Network>,
    headers: ProxyHeaders,
}

/// What is told of a request.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    client: Option<IpAddr>,
    secure: Option<bool>,
    host: Option<String>,
}

impl Proxies {
    /// Proxies in these networks, which write headers of that family.
    pub(crate) fn new(trusted: Vec<Network>, headers: ProxyHeaders) -> Self {
        Self { trusted, headers }
    }

    /// The client of a request that came from `peer`. Through a trusted proxy that is the one it speaks for, and the request
    /// is changed to name the host that the client asked: addresses, links and signatures are all about that one.
    pub(crate) fn client<B>(&self, request: &mut Request<B>, peer: Peer) -> Peer {
        // Several hosts are refused behind this; making one of them would hide it.
        if !self.trusts(peer.address) || request.headers().get_all(HOST).iter().nth(1).is_some() {
            return peer;
        }
        let told = match self.headers {
            ProxyHeaders::XForwarded => self.x_forwarded(request),
            ProxyHeaders::Forwarded => self.forwarded(request.headers()),
        };
        if let Some(host) = told.host {
            set_host(request, &host);
        }
        let secure = told.secure.unwrap_or(peer.secure);
        Peer::new(told.client.unwrap_or(peer.address), secure)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }

    fn x_forwarded<B>(&self, request: &Request<B>) -> Told {
        let headers = request.headers();
        let hops = list(headers, "x-forwarded-for").map(|item| address(item.trim()));
        let client = self.farthest(hops.map(|address| (address, ()))).map(|(address, ())| address);
        // Where a list grew, the last item is the nearest proxy's own.
        let last = |name| list(headers, name).next().map(str::trim).filter(|value| !value.is_empty());
        let secure = last("x-forwarded-proto").and_then(is_https);
        let host = last("x-forwarded-host").or_else(|| host_of(request.uri(), headers)).map(str::to_owned);
        let port = last("x-forwarded-port").and_then(|port| port.parse::<u16>().ok());
        let host = host.map(|host| with_port(host, port, secure.unwrap_or(false)));
        Told { client, secure, host }
    }

    fn forwarded(&self, headers: &HeaderMap) -> Told {
        let elements = headers.get_all(FORWARDED).iter().filter_map(|value| value.to_str().ok());
        let elements: Vec<Vec<(String, String)>> = elements.flat_map(|value| split(value, ',')).map(pairs).collect();
        let get = |element: &[(String, String)], name: &str| {
            element.iter().find(|(given, _)| given == name).map(|(_, value)| value.clone())
        };
        let hops = elements.iter().rev();
        let hops = hops.map(|element| (get(element, "for").and_then(|node| address(&node)), element));
        let Some((client, element)) = self.farthest(hops) else { return Told::default() };
        Told {
            client: Some(client),
            secure: get(element, "proto").as_deref().and_then(is_https),
            host: get(element, "host"),
        }
    }

    /// The first address that is not one of a trusted proxy, from the nearest on; if all are, the farthest. What is behind an
    /// item that is no address was told by who knows whom.
    fn farthest<T>(&self, hops: impl Iterator<Item = (Option<IpAddr>, T)>) -> Option<(IpAddr, T)> {
        let mut found = None;
        for (address, told) in hops {
            let Some(address) = address else { break };
            found = Some((address, told));
            if !self.trusts(address) {
                break;
            }
        }
        found
    }
}

/// The items of a list in headers of that name, from the last one on.
fn list<'a>(headers: &'a HeaderMap, name: &'static str) -> impl Iterator<Item = &'a str> + use<'a> {
    let values: Vec<&HeaderValue> = headers.get_all(name).iter().collect();
    values.into_iter().rev().flat_map(|value| value.to_str().unwrap_or_default().rsplit(','))
}

/// An address, in the brackets of RFC 3986 or without, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

fn is_https(scheme: &str) -> Option<bool> {
    [("https", true), ("http", false)].into_iter().find(|(name, _)| name.eq_ignore_ascii_case(scheme)).map(|(_, is)| is)
}

/// The host that a request names.
pub(crate) fn host_of<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    uri.authority().map(Authority::as_str).or_else(|| headers.get(HOST)?.to_str().ok())
}

/// The host with the port on which the client asked, unless it names one, or its scheme implies it.
fn with_port(host: String, port: Option<u16>, secure: bool) -> String {
    let implied = if secure { 443 } else { 80 };
    let named = host.parse::<Authority>().is_ok_and(|authority| authority.port().is_some());
    match port {
        Some(port) if port != implied && !named => format!("{host}:{port}"),
        _ => host,
    }
}

/// Has the request name another host; what is none is not taken.
fn set_host<B>(request: &mut Request<B>, host: &str) {
    let authority = host.parse::<Authority>().ok().filter(|authority| !authority.as_str().contains('@'));
    let Some((authority, value)) = authority.zip(HeaderValue::from_str(host).ok()) else { return };
    if request.uri().authority().is_some() {
        let mut parts = request.uri().clone().into_parts();
        parts.authority = Some(authority);
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request.headers_mut().insert(HOST, value);
}

/// The parts of a text between separators, quoted strings left whole (RFC 9110 section 5.6.4).
fn split(text: &str, separator: char) -> Vec<String> {
    let (mut parts, mut quoted, mut escaped) = (vec![String::new()], false, false);
    for c in text.chars() {
        if c == separator && !quoted {
            parts.push(String::new());
            continue;
        }
        quoted ^= c == '"' && !escaped;
        escaped = quoted && c == '\\' && !escaped;
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts
}

/// The `name=value` pairs of an element, names in lower case, values without their quotes.
fn pairs(element: String) -> Vec<(String, String)> {
    let pair = |pair: String| {
        let (name, value) = pair.split_once('=')?;
        let value = value.trim();
        let value = match value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
            Some(quoted) => quoted.replace('\\', ""),
            None => value.to_owned(),
        };
        Some((name.trim().to_ascii_lowercase(), value))
    };
    split(&element, ';').into_iter().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PROXY: &str = "10.0.0.1";

    fn request(headers: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::get("/b/k").header(HOST, "inner:9000");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    /// Address, whether over TLS, and the host, of a request that came from `peer`.
    fn told(family: ProxyHeaders, peer: &str, headers: &[(&str, &str)]) -> (String, bool, String) {
        let trusted = ["10.0.0.0/8", "fd00::/8"].iter().map(|text| Network::parse(text).unwrap()).collect();
        let mut request = request(headers);
        let client = Proxies::new(trusted, family).client(&mut request, Peer::new(peer.parse().unwrap(), false));
        let host = request.headers().get(HOST).unwrap().to_str().unwrap().to_owned();
        (client.address.to_string(), client.secure, host)
    }

    fn x(headers: &[(&str, &str)]) -> (String, bool, String) {
        told(ProxyHeaders::XForwarded, PROXY, headers)
    }

    fn rfc(value: &str) -> (String, bool, String) {
        told(ProxyHeaders::Forwarded, PROXY, &[("forwarded", value)])
    }

    fn is(address: &str, secure: bool, host: &str) -> (String, bool, String) {
        (address.to_owned(), secure, host.to_owned())
    }

    const ALL: [(&str, &str); 5] = [
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "files.test"),
        ("x-forwarded-port", "8443"),
        ("forwarded", "for=192.0.2.8;proto=https;host=other.test"),
    ];

    #[test]
    fn only_trusted_proxies_are_believed_and_only_in_their_own_headers() {
        assert_eq!(x(&ALL), is("192.0.2.7", true, "files.test:8443"));
        assert_eq!(told(ProxyHeaders::Forwarded, PROXY, &ALL), is("192.0.2.8", true, "other.test"));
        assert_eq!(told(ProxyHeaders::Forwarded, "fd00::1", &ALL).0, "192.0.2.8");
        for stranger in ["11.0.0.1", "192.0.2.7", "::1", "fe80::1"] {
            assert_eq!(told(ProxyHeaders::XForwarded, stranger, &ALL), is(stranger, false, "inner:9000"));
        }
        assert_eq!(told(ProxyHeaders::XForwarded, "::ffff:10.0.0.1", &ALL).0, "192.0.2.7");
    }

    #[test]
    fn the_client_is_the_nearest_that_is_no_trusted_proxy() {
        let client = |list: &str| x(&[("x-forwarded-for", list)]).0;
        assert_eq!(client("203.0.113.1, 192.0.2.7"), "192.0.2.7", "what stands before it anybody can have made up");
        assert_eq!(client("192.0.2.7, 10.9.9.9,10.0.0.2"), "192.0.2.7");
        assert_eq!(client("10.0.0.3, 10.0.0.2"), "10.0.0.3", "one of the proxies asks itself");
        assert_eq!(client("192.0.2.7:5000"), "192.0.2.7");
        assert_eq!(client("[2001:db8::1]:5000"), "2001:db8::1");
        assert_eq!(client("2001:db8::1"), "2001:db8::1");
        for none in ["", "unknown", "a, b"] {
            assert_eq!(client(none), PROXY, "{none}");
        }
        assert_eq!(client("192.0.2.7, unknown, 10.0.0.2"), "10.0.0.2");
        let two = x(&[("x-forwarded-for", "203.0.113.1"), ("x-forwarded-for", "192.0.2.7, 10.0.0.2")]);
        assert_eq!(two.0, "192.0.2.7");
    }

    #[test]
    fn the_port_that_a_proxy_drops_is_put_back() {
        let host = |proto, host, port| {
            let host = [("x-forwarded-proto", proto), ("x-forwarded-host", host), ("x-forwarded-port", port)];
            x(&host).2
        };
        assert_eq!(host("https", "files.test", "443"), "files.test");
        assert_eq!(host("http", "files.test", "80"), "files.test");
        assert_eq!(host("https", "files.test", "80"), "files.test:80");
        assert_eq!(host("https", "files.test:8443", "443"), "files.test:8443");
        assert_eq!(host("https", "[2001:db8::1]", "8443"), "[2001:db8::1]:8443");
        assert_eq!(host("https", "files.test", "many"), "files.test");
        assert_eq!(x(&[("x-forwarded-port", "8443")]).2, "inner:9000", "the proxy kept a port");
        assert_eq!(host("https", "a.test, files.test", ""), "files.test");
        for bad in ["a b", "u@files.test", "", "a/b"] {
            assert_eq!(host("https", bad, ""), "inner:9000", "{bad}");
        }
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_writes_it() {
        assert_eq!(rfc("for=192.0.2.7;proto=http;host=a.test"), is("192.0.2.7", false, "a.test"));
        assert_eq!(rfc("For=\"[2001:db8::1]:4711\"; Proto=HTTPS"), is("2001:db8::1", true, "inner:9000"));
        assert_eq!(rfc("for=203.0.113.1;host=evil.test, for=192.0.2.7;host=a.test"), is("192.0.2.7", false, "a.test"));
        let chain = "for=192.0.2.7;proto=https;host=\"a.test:8443\", for=10.0.0.2;proto=http;host=inner";
        assert_eq!(rfc(chain), is("192.0.2.7", true, "a.test:8443"));
        assert_eq!(rfc("for=\"x\\\",for=192.0.2.9\";host=evil.test, for=192.0.2.7").0, "192.0.2.7");
        for none in ["", "for=_hidden", "for=unknown;host=a.test", ";;,,==", "for"] {
            assert_eq!(rfc(none), is(PROXY, false, "inner:9000"), "{none}");
        }
    }

    proptest! {
        /// Whatever a trusted proxy passes on is read or left, and the request still names one host.
        #[test]
        fn no_header_is_too_strange(text in "[ -~]{0,80}", list in "[a-f0-9:.,; =\"\\\\\\[\\]for]{0,80}") {
            for (family, name) in [(ProxyHeaders::XForwarded, "x-forwarded-for"), (ProxyHeaders::Forwarded, "forwarded")] {
                let (_, _, host) = told(family, PROXY, &[(name, &list), ("x-forwarded-host", &text), ("x-forwarded-port", &list)]);
                prop_assert!(host.parse::<Authority>().is_ok(), "{host}");
            }
        }
    }

    #[test]
    fn the_target_s_own_host_changes_too() {
        let mut request = Request::get("http://inner/b/k?q").header("x-forwarded-host", "files.test").body(()).unwrap();
        let proxies = Proxies::new(vec![Network::parse(PROXY).unwrap()], ProxyHeaders::XForwarded);
        proxies.client(&mut request, Peer::new(PROXY.parse().unwrap(), false));
        assert_eq!(request.uri().to_string(), "http://files.test/b/k?q");
        assert_eq!(request.headers().get(HOST).unwrap(), "files.test");
        let mut two = Request::get("/").header(HOST, "a").header(HOST, "b").header("x-forwarded-host", "c");
        two = two.header("x-forwarded-for", "192.0.2.7");
        let mut two = two.body(()).unwrap();
        proxies.client(&mut two, Peer::new(PROXY.parse().unwrap(), false));
        assert_eq!(two.headers().get_all(HOST).iter().count(), 2);
    }
}
