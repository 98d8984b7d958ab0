//! The Security Token Service: roles that are assumed, and whose key pair one is (AWS STS API, version 2011-06-15).

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use windlass_config::{Secret, time};

use super::sign;
use super::xml::Element;
use super::{Client, Credentials, Payload, Provider, Request, Service};
use crate::error::{Error, ErrorKind, Result};
use crate::limit;

/// A role to assume.
#[derive(Debug, Clone, Copy)]
pub struct AssumeRole<'a> {
    /// Which.
    pub role_arn: &'a str,
    /// What the provider's logs call whoever assumes it: 2 to 64 of `A-Z a-z 0-9 = , . @ -`.
    pub session_name: &'a str,
    /// What the role's owner was told to let in.
    pub external_id: &'a str,
}

impl Client {
    /// Assumes a role: credentials that last for `limit::ASSUMED_ROLE_SECONDS`, or as long as the service says.
    /// `UpstreamDenied` and `AccessDenied` if that is not allowed.
    pub async fn assume_role(&self, provider: &Provider, asked: &AssumeRole<'_>) -> Result<Credentials> {
        let seconds = limit::ASSUMED_ROLE_SECONDS.to_string();
        let fields = [
            ("Action", "AssumeRole"),
            ("DurationSeconds", &seconds),
            ("ExternalId", asked.external_id),
            ("RoleArn", asked.role_arn),
            ("RoleSessionName", asked.session_name),
        ];
        let answer = self.ask_sts(provider, &fields).await?;
        credentials(&answer)
    }

    /// The number of the account that a key pair is of.
    pub async fn account_number(&self, provider: &Provider) -> Result<String> {
        let answer = self.ask_sts(provider, &[("Action", "GetCallerIdentity")]).await?;
        let result = answer.child("GetCallerIdentityResult").ok_or_else(odd)?;
        let number = result.must_have("Account")?;
        match number.len() == 12 && number.bytes().all(|b| b.is_ascii_digit()) {
            true => Ok(number.to_owned()),
            false => Err(odd()),
        }
    }

    async fn ask_sts(&self, provider: &Provider, fields: &[(&str, &str)]) -> Result<Element> {
        let pairs = fields.iter().chain(&[("Version", "2011-06-15")]);
        let form: Vec<String> = pairs.map(|(name, value)| format!("{name}={}", sign::encode(value, false))).collect();
        let mut request = Request::new(Method::POST).body(Payload::Bytes(Bytes::from(form.join("&"))));
        request.service = Service::Sts;
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8");
        request.headers.insert(CONTENT_TYPE, kind);
        let (_, document) = self.ask(provider, request).await?;
        Element::parse(&document)
    }
}

fn credentials(answer: &Element) -> Result<Credentials> {
    let result = answer.child("AssumeRoleResult").and_then(|result| result.child("Credentials")).ok_or_else(odd)?;
    let expires_ms = time::parse_from_epoch(result.must_have("Expiration")?).ok_or_else(odd)?;
    Ok(Credentials {
        access_key_id: result.must_have("AccessKeyId")?.to_owned(),
        secret: Secret::new(result.must_have("SecretAccessKey")?),
        session_token: result.text_of("SessionToken").filter(|token| !token.is_empty()).map(Secret::new),
        expires_ms: Some(expires_ms),
    })
}

fn odd() -> Error {
    Error::new(ErrorKind::UpstreamInvalid, "The answer of the Security Token Service could not be read.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_with_their_end() {
        let document = br#"<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
            <AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/r/windlass</Arn></AssumedRoleUser>
            <Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s/e+c</SecretAccessKey>
            <SessionToken>t==</SessionToken><Expiration>2030-01-31T12:00:00Z</Expiration></Credentials>
            </AssumeRoleResult></AssumeRoleResponse>"#;
        let read = credentials(&Element::parse(document).unwrap()).unwrap();
        assert_eq!((read.access_key_id.as_str(), read.secret.expose()), ("ASIA1", "s/e+c"));
        assert_eq!(read.session_token.as_ref().map(Secret::expose), Some("t=="));
        assert_eq!(read.expires_ms, Some(1_896_091_200_000));
        let error = credentials(&Element::parse(b"<AssumeRoleResponse/>").unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UpstreamInvalid);
    }
}
