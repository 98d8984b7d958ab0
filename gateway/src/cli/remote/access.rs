//! Which gateway is spoken to, and with which token.

use reqwest::Url;
use windlass_config::Secret;

use super::{Failure, Result, profile};

/// The profile that is looked into when none is named.
const DEFAULT_PROFILE: &str = "default";
/// The variables that name the gateway and the token.
pub(in crate::cli) const ENDPOINT: &str = "WINDLASS_ENDPOINT";
pub(in crate::cli) const TOKEN: &str = "WINDLASS_TOKEN";

/// Where the gateway and the token are named, and how answers are shown.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Gateway")]
pub(super) struct AccessArgs {
    #[command(flatten)]
    gateway: GatewayArgs,
    /// Print the gateway's answer as it is, one JSON document, in place of a table.
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// Where the gateway and the token are named. Each of the two is taken from its flag, else the profile that `--profile` names,
/// else the environment, else the profile `default`.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Gateway")]
pub(in crate::cli) struct GatewayArgs {
    /// The gateway, with scheme, host and port; else WINDLASS_ENDPOINT or a profile names it.
    #[arg(long, value_name = "URL", global = true)]
    endpoint: Option<String>,
    /// The API key, which others can see in the process list; better give it in WINDLASS_TOKEN or a profile.
    #[arg(long, value_name = "TOKEN", global = true, value_parser = |token: &str| hidden(token))]
    token: Option<Secret>,
    /// A section of ~/.config/windlass/profiles.toml (mode 0600) with `endpoint` and `token`; else that named `default`.
    #[arg(long, value_name = "NAME", global = true)]
    profile: Option<String>,
}

fn hidden(token: &str) -> std::result::Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(token))
}

/// A gateway and a token.
pub(super) struct Access {
    pub(super) endpoint: Url,
    pub(super) token: Secret,
}

impl AccessArgs {
    /// The gateway and the token, and what is to be said about how they were given.
    pub(super) fn find(&self) -> Result<(Access, Option<&'static str>)> {
        let (endpoint, token, note) = self.gateway.find()?;
        let token = token.ok_or_else(|| missing("token", "--token", TOKEN))?;
        Ok((Access { endpoint, token }, note))
    }
}

impl GatewayArgs {
    /// Whether a flag names a gateway.
    pub(in crate::cli) fn is_given(&self) -> bool {
        self.endpoint.is_some() || self.profile.is_some()
    }

    /// The gateway and the token, if there is one, and what is to be said about how they were given.
    pub(super) fn find(&self) -> Result<(Url, Option<Secret>, Option<&'static str>)> {
        let note = self.token.is_some().then_some(
            "note: a token given as a flag can be seen by others in the process list; \
             give it in WINDLASS_TOKEN or a profile",
        );
        let mut found = (self.endpoint.clone(), self.token.clone());
        if let Some(name) = &self.profile {
            let there = profile::path().map(|path| profile::read(&path, name)).transpose()?.flatten();
            fill(&mut found, there.ok_or_else(|| no_profile(name))?);
        }
        fill(&mut found, profile::Profile { endpoint: variable(ENDPOINT)?, token: variable(TOKEN)? });
        if let ((None, _) | (_, None), None, Some(path)) = (&found, &self.profile, profile::path()) {
            fill(&mut found, profile::read(&path, DEFAULT_PROFILE)?.unwrap_or_default());
        }
        let (endpoint, token) = found;
        let endpoint = parse(&endpoint.ok_or_else(|| missing("gateway", "--endpoint", ENDPOINT))?)?;
        Ok((endpoint, token, note))
    }
}

fn missing(what: &str, flag: &str, name: &str) -> Failure {
    let place = profile::path().map_or(String::new(), |path| format!(", or a profile in {}", path.display()));
    Failure::usage(format!("no {what} is known; name it with {flag}, {name}{place}"))
}

fn fill(found: &mut (Option<String>, Option<Secret>), more: profile::Profile) {
    found.0 = found.0.take().or(more.endpoint);
    found.1 = found.1.take().or(more.token.map(Secret::new));
}

fn variable(name: &str) -> Result<Option<String>> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Failure::usage(format!("{name} is not UTF-8"))),
    }
}

fn no_profile(name: &str) -> Failure {
    let place = profile::path().map_or("~/.config/windlass/profiles.toml".to_owned(), |p| p.display().to_string());
    let problem = format!("there is no profile {name:?} in {place}");
    Failure::usage(problem).advise("add a section of that name with `endpoint` and `token`, and run chmod 600 on it")
}

/// The address of a gateway. It is not shown when it is wrong, since it may hold a password.
fn parse(text: &str) -> Result<Url> {
    let wrong = |problem: &str| Failure::usage(format!("the endpoint {problem}, such as https://files.example.com"));
    let url = Url::parse(text.trim_end_matches('/'));
    let url = url.ok().filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
    let url = url.ok_or_else(|| wrong("must be an address that begins with http:// or https://"))?;
    let bare =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    if bare { Ok(url) } else { Err(wrong("must be an address without user, query and fragment")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_addresses_and_nothing_more() {
        for good in
            ["http://127.0.0.1:9000", "https://files.example.com/", "https://a.b/under/a/path", "http://[::1]:9"]
        {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in
            ["", "files.example.com", "localhost:9000", "ftp://a.b", "http://", "http://u:pass@a.b", "http://a/?q"]
        {
            let message = parse(bad).err().unwrap().message;
            assert!(!message.contains("pass@"), "{message}");
        }
    }
}
