//! A gateway as its clients reach it, through whatever stands before it: one step after the other, up to the first that makes
//! the next ones pointless.

use std::net::SocketAddr;
use std::time::Duration;

use http::StatusCode;
use http::header::{AUTHORIZATION, DATE};
use reqwest::{Method, Url};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use windlass_api::presign::{self, Credential};
use windlass_config::Secret;
use windlass_store::clock::{Clock as _, SystemClock};

use super::access::GatewayArgs;
use super::client::{Client, bearer, is_loopback};
use super::print::{note, printable};
use super::{Failure, Result};
use crate::cli::doctor::Findings;
use crate::s3::parse_http_date;
use crate::site::Seen;

/// How long a name or a connection is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How far clocks may be apart until signatures fail, and until it is worth a word; in seconds.
const SKEW_MAX: u64 = 15 * 60;
const SKEW_LARGE: u64 = 60;
/// A gateway takes signatures for any region.
const REGION: &str = "us-east-1";
/// What a proxy must do, for all to be well.
const PASS_HOST: &str = "have the proxy pass the Host header on as it came (nginx: proxy_set_header Host $http_host), or have it \
                         tell the host in X-Forwarded-Host and list the proxy's address in proxy.trusted of the gateway";

/// An access key id and its secret.
pub(in crate::cli) type KeyPair = (String, Secret);

/// Looks at the gateway that is named.
pub(in crate::cli) fn look(gateway: &GatewayArgs, pair: Option<KeyPair>, findings: &mut Findings) {
    let looked = || -> Result<()> {
        let (endpoint, token, said) = gateway.find()?;
        if let Some(said) = said {
            note(said);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::local("the command cannot be started", &error))?;
        let looker = Looker { client: Client::of_nobody(&endpoint)?, host: host_of(&endpoint), endpoint, token };
        runtime.block_on(looker.look(pair, findings))
    };
    if let Err(failure) = looked() {
        findings.fail("endpoint", failure.message);
    }
}

/// The host that a client names.
fn host_of(endpoint: &Url) -> String {
    let host = endpoint.host_str().unwrap_or_default();
    endpoint.port().map_or(host.to_owned(), |port| format!("{host}:{port}"))
}

struct Looker {
    client: Client,
    endpoint: Url,
    /// The host that is asked, as it is signed.
    host: String,
    token: Option<Secret>,
}

impl Looker {
    async fn look(&self, pair: Option<KeyPair>, findings: &mut Findings) -> Result<()> {
        if !self.reach(findings).await || !self.health(findings).await {
            return Ok(());
        }
        let seen = self.seen(findings).await?;
        self.signature(pair, seen.as_ref(), findings).await
    }

    /// Whether the host has an address that takes a connection.
    async fn reach(&self, findings: &mut Findings) -> bool {
        let host = self.endpoint.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let port = self.endpoint.port_or_known_default().unwrap_or(0);
        let found = match timeout(PATIENCE, lookup_host((host, port))).await {
            Ok(Ok(found)) => found.collect::<Vec<SocketAddr>>(),
            Ok(Err(error)) => {
                let advice = "see that the endpoint is spelled right and that DNS knows it";
                findings.fail("name", format!("{host} has no address: {error}; {advice}"));
                return false;
            }
            Err(_) => {
                findings.fail("name", format!("{host}: DNS does not answer; see to this machine's resolver"));
                return false;
            }
        };
        let shown: Vec<String> = found.iter().map(|address| address.ip().to_string()).collect();
        findings.ok("name", format!("{host} is {}", shown.join(", ")));
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for address in found {
            match timeout(PATIENCE, TcpStream::connect(address)).await {
                Ok(Ok(_)) => good.push(address.to_string()),
                Ok(Err(error)) => bad.push(format!("{address}: {error}")),
                Err(_) => bad.push(format!("{address}: no answer, as behind a firewall")),
            }
        }
        let advice = "see that the gateway, or the proxy before it, runs and listens there, and that the port is right";
        match (good.is_empty(), bad.is_empty()) {
            (true, _) => findings.fail("connection", format!("{}; {advice}", bad.join(", "))),
            (false, false) => {
                let advice = "clients that try it first wait; see to it or take it out of DNS";
                findings.warn("connection", format!("{} is open, but {}; {advice}", good.join(", "), bad.join(", ")));
            }
            (false, true) => findings.ok("connection", format!("{} is open", good.join(", "))),
        }
        !good.is_empty()
    }

    /// Whether a gateway answers, with a sound certificate where it speaks TLS.
    async fn health(&self, findings: &mut Findings) -> bool {
        let request = match self.client.request(Method::GET, "/-/ready", &[]) {
            Ok(request) => request,
            Err(failure) => {
                findings.fail("gateway", failure.message);
                return false;
            }
        };
        let answer = match self.client.answer(request).await {
            Ok(answer) => answer,
            Err(failure) => {
                let what = if self.endpoint.scheme() == "https" { "tls" } else { "gateway" };
                findings.fail(what, format!("{}{}", failure.message, self.advise_on_scheme()));
                return false;
            }
        };
        if self.endpoint.scheme() == "https" {
            findings.ok("tls", "the certificate is sound and for this host");
        }
        let body = String::from_utf8_lossy(answer.body()).into_owned();
        match (answer.status(), body.as_str()) {
            (StatusCode::OK, "ready\n") => findings.ok("gateway", "it answers, and takes writes"),
            (StatusCode::SERVICE_UNAVAILABLE, text) if text.starts_with("not ready: ") => {
                findings.fail("gateway", format!("{}; its log says more", printable(text.trim_end())));
            }
            (status, _) => {
                let advice = "see that the endpoint is right, and that the proxy passes /-/ on";
                let status = status.as_u16();
                findings.fail("gateway", format!("what answers is no gateway (status {status} to /-/ready); {advice}"));
                return false;
            }
        }
        let date = answer.headers().get(DATE).and_then(|date| parse_http_date(date.to_str().ok()?));
        clocks(date, SystemClock.now(), findings);
        true
    }

    fn advise_on_scheme(&self) -> &'static str {
        match self.endpoint.scheme() {
            "https" => "; if the port speaks no TLS, the endpoint begins with http://",
            _ => "; if the port speaks TLS, the endpoint begins with https://",
        }
    }

    /// What the gateway sees of a request, if there is a token to ask with.
    async fn seen(&self, findings: &mut Findings) -> Result<Option<Seen>> {
        let Some(token) = &self.token else {
            findings
                .warn("token", "none is given, so the gateway was not asked what it sees; give one in WINDLASS_TOKEN");
            return Ok(None);
        };
        let request = self.client.request(Method::GET, "/-/seen", &[])?.header(AUTHORIZATION, bearer(token)?);
        let answer = self.client.answer(request).await?;
        let seen: Seen = match (answer.status(), serde_json::from_slice(answer.body())) {
            (StatusCode::OK, Ok(seen)) => seen,
            (StatusCode::UNAUTHORIZED, _) => {
                let advice =
                    "make one with `windlass key create`; if it is right, the proxy may take Authorization away";
                findings.fail("token", format!("the gateway does not know it; {advice}"));
                return Ok(None);
            }
            (status, _) => {
                let status = status.as_u16();
                findings.warn("token", format!("the gateway does not tell what it sees (status {status} to /-/seen)"));
                return Ok(None);
            }
        };
        findings.ok("token", "the gateway knows it");
        self.compare(&seen, findings);
        Ok(Some(seen))
    }

    /// Holds what the gateway sees against what was asked.
    fn compare(&self, seen: &Seen, findings: &mut Findings) {
        let (saw, host) = (printable(&seen.host), &self.host);
        if same_host(&seen.host, host) {
            findings.ok("host", format!("the gateway sees {host}, as it was asked"));
        } else {
            let why = format!("the gateway sees {saw} where the client asked {host}: every signature fails");
            findings.fail("host", format!("{why}; {PASS_HOST}"));
        }
        let asked_secure = self.endpoint.scheme() == "https";
        if asked_secure && !seen.secure {
            let advice = "have the proxy set X-Forwarded-Proto, and list its address in proxy.trusted";
            findings.warn("scheme", format!("the gateway does not know that the client speaks TLS; {advice}"));
        }
        if seen.address.is_loopback() && !is_loopback(&self.endpoint) {
            let why = "the gateway takes every client for one on its own machine, which may do more than others";
            let advice = "have the proxy set X-Forwarded-For, and list its address in proxy.trusted";
            findings.warn("address", format!("{why}; {advice}"));
        } else {
            findings.ok("address", format!("the gateway sees this client at {}", seen.address));
        }
        let scheme = if seen.secure { "https" } else { "http" };
        let base = seen.public_url.clone().unwrap_or_else(|| format!("{scheme}://{}", seen.host));
        let asked = self.endpoint.as_str().trim_end_matches('/');
        if base.trim_end_matches('/') == asked {
            findings.ok("links", format!("they begin with {asked}"));
        } else {
            let why = format!("they begin with {}, and the gateway was asked at {asked}", printable(&base));
            findings.warn("links", format!("{why}; if that does not lead to it, set public_url of the gateway"));
        }
    }

    /// Signs a request for the buckets, and says what became of the signature.
    async fn signature(&self, pair: Option<KeyPair>, seen: Option<&Seen>, findings: &mut Findings) -> Result<()> {
        if self.endpoint.path() != "/" {
            let why = "S3 has no room for a path before the bucket";
            findings.warn("signature", format!("{why}: give the gateway a host of its own for clients of S3"));
            return Ok(());
        }
        let unheard = seen.is_some_and(|seen| seen.secure || seen.address.is_loopback());
        // A token signs as both halves of a pair, where nobody listens.
        let token = self.token.clone().filter(|_| unheard).map(|token| (token.expose().to_owned(), token));
        let Some((id, secret)) = pair.or(token) else {
            let advice = "give --access-key and its secret in AWS_SECRET_ACCESS_KEY";
            findings.warn("signature", format!("nothing was signed, since no key that may sign is given; {advice}"));
            return Ok(());
        };
        let credential = Credential { access_key_id: &id, secret_access_key: secret.expose(), region: REGION };
        let mut request = self.client.request(Method::GET, "/", &[])?;
        for (name, value) in presign::list_buckets(&self.host, credential, SystemClock.now()) {
            let unusable = |_| Failure::usage("the access key id holds characters that none has");
            let mut value = http::HeaderValue::try_from(value).map_err(unusable)?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        let answer = self.client.answer(request).await?;
        let body = String::from_utf8_lossy(answer.body()).into_owned();
        if answer.status().is_success() {
            findings.ok("signature", format!("it holds for {}: ListBuckets is answered", self.host));
        } else {
            explain(&self.host, answer.status(), &body, findings);
        }
        Ok(())
    }
}

/// Whether both are the same host, which has no case.
fn same_host(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// Holds the gateway's clock against this one.
fn clocks(theirs: Option<u64>, ours: u64, findings: &mut Findings) {
    let Some(theirs) = theirs else {
        findings.warn("clock", "the answer has no Date, so the clocks cannot be compared");
        return;
    };
    let (apart, ahead) = (theirs.abs_diff(ours) / 1000, if theirs > ours { "ahead of" } else { "behind" });
    let told = format!("the clock there is {apart} s {ahead} this one");
    match apart {
        SKEW_MAX.. => {
            findings.fail("clock", format!("{told}; signatures fail from {SKEW_MAX} s on: set the wrong one by NTP"))
        }
        SKEW_LARGE.. => {
            findings.warn("clock", format!("{told}; signatures fail from {SKEW_MAX} s on: keep both by NTP"))
        }
        _ => findings.ok("clock", "both agree to within a minute"),
    }
}

/// Says in words why a signed request was refused.
fn explain(signed: &str, status: StatusCode, body: &str, findings: &mut Findings) {
    let code = element(body, "Code").unwrap_or_default();
    let message = printable(element(body, "Message").unwrap_or_default());
    let why = match (code, element(body, "Host")) {
        ("SignatureDoesNotMatch", Some(saw)) if !same_host(saw, signed) => {
            let saw = printable(saw);
            format!(
                "it fails because the host differs: the client signed {signed}, and the proxy passes on {saw}; {PASS_HOST}"
            )
        }
        ("SignatureDoesNotMatch", Some(_)) => format!(
            "it fails although the gateway sees {signed}, as it was signed; the secret is another one, or something on the way \
             changes the path or a signed header"
        ),
        ("SignatureDoesNotMatch", None) => {
            format!("it fails, and the gateway does not tell the host that it saw; {PASS_HOST}")
        }
        ("InvalidAccessKeyId", _) => "the gateway does not know the access key id; see `windlass key list`".to_owned(),
        ("RequestTimeTooSkewed", _) => {
            "it fails because the clocks are too far apart; set the wrong one by NTP".to_owned()
        }
        ("AccessDenied", _) => {
            findings.warn(
                "signature",
                format!("the signer may not list buckets, so it is not known whether it holds: {message}"),
            );
            return;
        }
        ("", _) => format!("what answers is no gateway (status {}); see that the proxy passes / on", status.as_u16()),
        (code, _) => format!("it is refused: {}: {message}", printable(code)),
    };
    findings.fail("signature", why);
}

/// The text of the first element of that name.
fn element<'a>(document: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = document.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(body: &str) -> String {
        let mut findings = Findings::default();
        explain("s3.test", StatusCode::FORBIDDEN, body, &mut findings);
        findings.to_string()
    }

    #[test]
    fn a_host_that_differs_is_told_from_a_secret_that_does() {
        let refused = |host: &str| format!("<Error><Code>SignatureDoesNotMatch</Code><Host>{host}</Host></Error>");
        let other = explained(&refused("inner:9000"));
        assert!(other.contains("the client signed s3.test, and the proxy passes on inner:9000"), "{other}");
        assert!(explained(&refused("S3.test")).contains("the secret is another one"));
        assert!(explained("<html>").contains("is no gateway (status 403)"));
        assert!(explained("<Error><Code>AccessDenied</Code></Error>").starts_with("warn"));
    }

    #[test]
    fn clocks_may_be_a_little_apart() {
        let said = |theirs: u64, ours: u64| {
            let mut findings = Findings::default();
            clocks(Some(theirs * 1000), ours * 1000, &mut findings);
            findings.to_string()
        };
        assert!(said(1000, 1059).starts_with("ok"));
        assert!(said(1000, 1060).starts_with("warn") && said(1000, 1060).contains("60 s behind"));
        assert!(said(5000, 4100).starts_with("FAIL") && said(5000, 4100).contains("900 s ahead"));
    }

    #[test]
    fn the_host_is_what_a_client_would_name() {
        for (endpoint, host) in [
            ("https://s3.test", "s3.test"),
            ("https://s3.test:443", "s3.test"),
            ("http://s3.test:9000", "s3.test:9000"),
            ("http://[::1]:9000", "[::1]:9000"),
        ] {
            assert_eq!(host_of(&Url::parse(endpoint).unwrap()), host);
        }
    }
}
