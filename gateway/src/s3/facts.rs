//! What a request says, as the policy of a bucket asks for it. Nothing is looked up before a policy asks.

use bytes::Bytes;
use http::HeaderMap;
use http::header::{AUTHORIZATION, REFERER, USER_AGENT};
use s3s::dto::{ObjectLockLegalHold, ObjectLockRetention, Tagging, TimestampFormat};
use s3s::xml::{Deserialize, Deserializer};
use windlass_store::clock::Millis;
use windlass_store::policy::{Fact, Facts};

use super::call::{Form, text};
use super::copy;
use super::date;
use super::query::Query;
use super::tagging;
use crate::net::Peer;

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

/// Where facts are found.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    /// The headers, as sent.
    pub(super) headers: &'a HeaderMap,
    /// The parameters, as sent.
    pub(super) query: &'a Query,
    /// The document that is the body.
    pub(super) document: Option<&'a Bytes>,
    /// The client.
    pub(super) peer: Option<Peer>,
    /// That it came as a form, if it did.
    pub(super) form: Option<Form>,
    /// The gateway's region.
    pub(super) region: &'a str,
    /// The time.
    pub(super) now: Millis,
}

impl<'a> Told<'a> {
    fn header(&self, name: &str) -> Option<&'a str> {
        text(self.headers.get(name)?)
    }

    fn document<T: for<'xml> Deserialize<'xml>>(&self) -> Option<T> {
        let mut reader = Deserializer::new(self.document?);
        T::deserialize(&mut reader).ok()
    }

    fn tags(&self) -> Vec<(String, String)> {
        if !self.query.has("tagging") {
            return tagging::from_headers(self.headers).unwrap_or_default();
        }
        let tags = self.document::<Tagging>().map(|document| document.tag_set).unwrap_or_default();
        tags.into_iter().filter_map(|tag| tag.key.zip(tag.value)).collect()
    }

    fn retention(&self) -> Option<ObjectLockRetention> {
        self.document().filter(|_| self.query.has("retention"))
    }

    fn retain_until(&self) -> Option<String> {
        if !self.query.has("retention") {
            return self.header("x-amz-object-lock-retain-until-date").map(str::to_owned);
        }
        let mut text = Vec::new();
        self.retention()?.retain_until_date?.format(TimestampFormat::DateTime, &mut text).ok()?;
        String::from_utf8(text).ok()
    }

    fn signed(&self) -> Option<Signed> {
        let header = self.header(AUTHORIZATION.as_str()).unwrap_or_default();
        if let Some(Form(signed)) = self.form {
            return signed;
        }
        if header.starts_with("AWS4-HMAC-SHA256") {
            let at = self.header("x-amz-date").and_then(date::parse_amz);
            return Some(Signed { by: "REST-HEADER", version: "AWS4-HMAC-SHA256", at });
        }
        let by = "REST-QUERY-STRING";
        if self.query.has("X-Amz-Signature") {
            let at = self.query.get("X-Amz-Date").and_then(date::parse_amz);
            return Some(Signed { by, version: "AWS4-HMAC-SHA256", at });
        }
        self.query.has("Signature").then_some(Signed { by, version: "AWS", at: None })
    }
}

/// How a request was signed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signed {
    /// Where the signature stands (`s3:authType`).
    pub(super) by: &'static str,
    /// Its version (`s3:signatureversion`).
    pub(super) version: &'static str,
    /// When it was made, where it says so.
    pub(super) at: Option<Millis>,
}

impl Facts for Told<'_> {
    fn tell(&self, fact: &Fact) -> Vec<String> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let one = match fact {
            Fact::SecureTransport => self.peer.map(|peer| peer.secure.to_string()),
            Fact::SourceIp => self.peer.map(|peer| peer.address.to_string()),
            Fact::UserAgent => owned(self.header(USER_AGENT.as_str())),
            Fact::Referer => owned(self.header(REFERER.as_str())),
            Fact::RequestedRegion => Some(self.region.to_owned()),
            Fact::AuthType => self.signed().map(|signed| signed.by.to_owned()),
            Fact::SignatureVersion => self.signed().map(|signed| signed.version.to_owned()),
            Fact::SignatureAge => {
                self.signed().and_then(|signed| signed.at).map(|at| self.now.saturating_sub(at).to_string())
            }
            Fact::Header("x-amz-copy-source") => {
                let source = self.headers.get("x-amz-copy-source").map(http::HeaderValue::as_bytes);
                source.and_then(|source| copy::parse(source).ok()).map(|(bucket, key, _)| format!("{bucket}/{key}"))
            }
            Fact::Header(name) => owned(self.header(name)),
            Fact::Parameter(name) => owned(self.query.get(name)),
            // Of a bucket that is not there yet, there is no policy that could ask.
            Fact::LocationConstraint => None,
            Fact::RequestObjectTag(name) => {
                self.tags().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
            }
            Fact::RequestObjectTagKeys => return self.tags().into_iter().map(|(key, _)| key).collect(),
            Fact::LockMode if self.query.has("retention") => {
                self.retention().and_then(|retention| retention.mode).map(|mode| mode.as_str().to_owned())
            }
            Fact::LockMode => owned(self.header("x-amz-object-lock-mode")),
            Fact::LegalHold if self.query.has("legal-hold") => {
                let hold = self.document::<ObjectLockLegalHold>().and_then(|hold| hold.status);
                hold.map(|status| status.as_str().to_owned())
            }
            Fact::LegalHold => owned(self.header("x-amz-object-lock-legal-hold")),
            Fact::RetainUntil => self.retain_until(),
            Fact::RetentionDays => {
                let until = self.retain_until().and_then(|text| windlass_config::time::parse(&text));
                until.map(|until| until.saturating_sub(self.now).div_ceil(DAY_MS).to_string())
            }
        };
        one.into_iter().collect()
    }
}

/// That a request came as a form, if it did.
pub(super) fn form(extensions: &http::Extensions) -> Option<Form> {
    extensions.get().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    /// What a request says of a fact.
    fn tell(fact: &Fact, uri: &str, headers: &[(&'static str, &'static str)], document: &'static str) -> Vec<String> {
        let headers = headers.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect();
        let (query, document) = (Query::of(&uri.parse().unwrap()), Bytes::from_static(document.as_bytes()));
        let address = "192.0.2.7".parse().unwrap();
        let told = Told {
            headers: &headers,
            query: &query,
            document: Some(&document),
            peer: Some(Peer { address, secure: false }),
            form: None,
            region: "us-east-1",
            now: 1_704_067_260_000,
        };
        told.tell(fact)
    }

    #[test]
    fn the_client_and_its_words_are_told() {
        let headers = [("user-agent", "curl/8"), ("referer", "https://example.com/"), ("x-amz-acl", "private")];
        let tell = |fact| tell(&fact, "/b?prefix=a%20b&max-keys=5", &headers, "");
        assert_eq!(tell(Fact::SourceIp), ["192.0.2.7"]);
        assert_eq!(tell(Fact::SecureTransport), ["false"]);
        assert_eq!(tell(Fact::UserAgent), ["curl/8"]);
        assert_eq!(tell(Fact::Referer), ["https://example.com/"]);
        assert_eq!(tell(Fact::Header("x-amz-acl")), ["private"]);
        assert_eq!(tell(Fact::Parameter("prefix")), ["a b"]);
        assert_eq!(tell(Fact::Parameter("max-keys")), ["5"]);
        assert!(tell(Fact::Parameter("delimiter")).is_empty() && tell(Fact::Header("if-match")).is_empty());
        assert!(tell(Fact::AuthType).is_empty(), "it was not signed");
    }

    #[test]
    fn signatures_tell_their_kind_and_age() {
        let header = [("authorization", "AWS4-HMAC-SHA256 Credential=x"), ("x-amz-date", "20240101T000000Z")];
        assert_eq!(tell(&Fact::AuthType, "/b", &header, ""), ["REST-HEADER"]);
        assert_eq!(tell(&Fact::SignatureAge, "/b", &header, ""), ["60000"]);
        let uri = "/b?X-Amz-Signature=s&X-Amz-Date=20240101T000100Z";
        assert_eq!(tell(&Fact::AuthType, uri, &[], ""), ["REST-QUERY-STRING"]);
        assert_eq!(tell(&Fact::SignatureAge, uri, &[], ""), ["0"]);
        assert_eq!(tell(&Fact::SignatureVersion, "/b?Signature=s", &[], ""), ["AWS"]);
    }

    #[test]
    fn what_an_object_is_given_is_told_from_headers_or_the_document() {
        let headers = [("x-amz-tagging", "team=a%20b&x=y"), ("x-amz-object-lock-mode", "GOVERNANCE")];
        assert_eq!(tell(&Fact::RequestObjectTag("team".into()), "/b/k", &headers, ""), ["a b"]);
        assert_eq!(tell(&Fact::RequestObjectTagKeys, "/b/k", &headers, ""), ["team", "x"]);
        assert_eq!(tell(&Fact::LockMode, "/b/k", &headers, ""), ["GOVERNANCE"]);
        let tags = "<Tagging><TagSet><Tag><Key>team</Key><Value>c</Value></Tag></TagSet></Tagging>";
        assert_eq!(tell(&Fact::RequestObjectTag("team".into()), "/b/k?tagging", &headers, tags), ["c"]);
        let retention =
            "<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>2024-01-11T00:00:30Z</RetainUntilDate></Retention>";
        assert_eq!(tell(&Fact::LockMode, "/b/k?retention", &headers, retention), ["COMPLIANCE"]);
        assert_eq!(tell(&Fact::RetentionDays, "/b/k?retention", &[], retention), ["10"]);
        let hold = "<LegalHold><Status>ON</Status></LegalHold>";
        assert_eq!(tell(&Fact::LegalHold, "/b/k?legal-hold", &[], hold), ["ON"]);
    }

    #[test]
    fn a_copy_s_source_has_one_form() {
        for source in ["/b/a%20b", "b/a b", "b/a%20b?versionId=null"] {
            assert_eq!(
                tell(&Fact::Header("x-amz-copy-source"), "/c/k", &[("x-amz-copy-source", source)], ""),
                ["b/a b"]
            );
        }
    }
}
