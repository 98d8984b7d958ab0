//! Where the gateway will listen, and how the settings say that it is reached.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use windlass_config::{Network, Settings};

use super::Findings;
use crate::net::Pair;

/// Looks at the listener and what stands before it. `serving`: a gateway serves the same data now.
pub(super) fn look(settings: &Settings, serving: bool, findings: &mut Findings) {
    port(settings.general.listen, serving, findings);
    tls(settings, findings);
    public_url(settings, findings);
    proxies(settings, findings);
}

fn port(listen: SocketAddr, serving: bool, findings: &mut Findings) {
    match TcpListener::bind(listen).map_err(|error| (error.kind(), error)) {
        Ok(_) => findings.ok("port", format!("{listen} is free")),
        Err((ErrorKind::AddrInUse, _)) if serving => {
            findings.ok("port", format!("{listen} is taken, as it should be while a gateway serves the data"));
        }
        Err((ErrorKind::AddrInUse, _)) => {
            let find = format!("see which with `ss -ltnp 'sport = :{}'`", listen.port());
            findings.fail("port", format!("another process listens on {listen}; {find}, or set another `listen`"));
        }
        Err((ErrorKind::PermissionDenied, _)) => {
            let advice = "take one from 1024 on, or let the process have CAP_NET_BIND_SERVICE";
            findings.fail("port", format!("this user may not listen on {listen}; {advice}"));
        }
        Err((ErrorKind::AddrNotAvailable, _)) => {
            let advice = "see `ip address`, or listen on 0.0.0.0 or [::]";
            findings.fail("port", format!("this machine has no address {}; {advice}", listen.ip()));
        }
        Err((_, error)) => findings.fail("port", format!("nothing can listen on {listen}: {error}")),
    }
}

fn tls(settings: &Settings, findings: &mut Findings) {
    let (Some(cert), Some(key)) = (&settings.tls.cert_file, &settings.tls.key_file) else {
        return match settings.general.listen.ip().is_loopback() || !settings.proxy.trusted.is_empty() {
            true => findings.ok("tls", "not spoken here; for clients elsewhere a proxy must"),
            false => findings.warn(
                "tls",
                "not spoken here, and the listener is open to other machines: what tokens and files hold can be read \
                 on the way; set tls.cert_file and tls.key_file, or put a proxy before it and list it in proxy.trusted",
            ),
        };
    };
    match Pair::new(cert, key).check() {
        Ok(()) => findings.ok("tls", format!("{} and its key belong together", cert.display())),
        Err(fault) => findings.fail("tls", format!("{fault}; the gateway does not start with it")),
    }
}

fn public_url(settings: &Settings, findings: &mut Findings) {
    let own_tls = settings.tls.cert_file.is_some();
    let behind = !settings.proxy.trusted.is_empty();
    match settings.general.public_url.as_deref() {
        None if behind => findings.ok("public_url", "not set: links begin as the proxies tell that their clients asked"),
        None if settings.general.listen.ip().is_loopback() => findings.warn(
            "public_url",
            "not set: links begin with the scheme and the host of the request for them; if a proxy stands before the \
             gateway, set it to the address that clients use, such as \"https://files.example.com\"",
        ),
        None => findings.ok("public_url", "not set: links begin with the scheme and the host of the request for them"),
        Some(url) if url.starts_with("http://") && own_tls => {
            let advice = format!("set it to https://{}", url.trim_start_matches("http://"));
            findings.fail("public_url", format!("{url}, but the listener speaks TLS alone, so links lead nowhere; {advice}"));
        }
        Some(url) if url.starts_with("https://") && !own_tls && !behind => findings.warn(
            "public_url",
            format!(
                "{url}, so a proxy speaks TLS for the gateway; list it in proxy.trusted, or the gateway takes every client \
                 for one without TLS, and for one at the proxy's address"
            ),
        ),
        Some(url) => findings.ok("public_url", format!("links begin with {url}")),
    }
}

fn proxies(settings: &Settings, findings: &mut Findings) {
    let trusted: &[Network] = &settings.proxy.trusted;
    let anybody = ["203.0.113.1", "2001:db8::1"].map(|text| text.parse().ok());
    if anybody.into_iter().flatten().any(|address| trusted.iter().any(|network| network.contains(address))) {
        let advice = "list the proxies' own addresses alone";
        findings.fail(
            "proxies",
            format!("proxy.trusted takes in all of the internet: whoever asks can say who it is and which host it asked; {advice}"),
        );
    } else if trusted.is_empty() {
        findings.ok(
            "proxies",
            "none is trusted: what X-Forwarded-… and Forwarded tell is not read, and Host must come through as it was",
        );
    } else {
        findings
            .ok("proxies", format!("{} networks are believed when they tell who asked, and which host", trusted.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(change: impl FnOnce(&mut Settings), look: impl FnOnce(&Settings, &mut Findings)) -> String {
        let (mut settings, mut findings) = (Settings::default(), Findings::default());
        change(&mut settings);
        look(&settings, &mut findings);
        findings.to_string()
    }

    fn networks(list: &[&str]) -> Vec<Network> {
        list.iter().map(|text| Network::parse(text).unwrap()).collect()
    }

    #[test]
    fn a_port_is_free_or_taken_by_whom() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let said = |address, serving| {
            let mut findings = Findings::default();
            port(address, serving, &mut findings);
            findings.to_string()
        };
        assert!(said(address, false).starts_with("FAIL  port         — another process listens on "));
        assert!(said(address, true).starts_with("ok "));
        assert!(said("127.0.0.1:0".parse().unwrap(), false).starts_with("ok "));
        assert!(said("192.0.2.1:9".parse().unwrap(), false).starts_with("FAIL"), "a documentation address is nobody's");
    }

    #[test]
    fn a_public_address_fits_what_speaks_tls() {
        let url = |url: &'static str| move |settings: &mut Settings| settings.general.public_url = Some(url.to_owned());
        assert!(said(url("https://files.test"), public_url).starts_with("warn"));
        assert!(said(url("http://files.test"), public_url).starts_with("ok"));
        let trusting = |settings: &mut Settings| {
            url("https://files.test")(settings);
            settings.proxy.trusted = networks(&["10.0.0.0/8"]);
        };
        assert!(said(trusting, public_url).starts_with("ok"));
        let own = |settings: &mut Settings| {
            url("http://files.test")(settings);
            settings.tls.cert_file = Some("cert.pem".into());
        };
        assert!(said(own, public_url).contains("set it to https://files.test"));
    }

    #[test]
    fn to_trust_everybody_is_a_fault() {
        let trust = |list: &'static [&str]| move |settings: &mut Settings| settings.proxy.trusted = networks(list);
        assert!(said(trust(&["0.0.0.0/0"]), proxies).starts_with("FAIL"));
        assert!(said(trust(&["10.0.0.0/8", "::/0"]), proxies).starts_with("FAIL"));
        assert!(said(trust(&["10.0.0.0/8", "fd00::/8"]), proxies).starts_with("ok"));
        assert!(said(trust(&[]), proxies).starts_with("ok"));
    }
}
