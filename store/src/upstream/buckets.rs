//! Buckets upstream: which there are, making one, and how one is set up as far as it is managed from here.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use md5::{Digest as _, Md5};
use windlass_config::time;

use super::xml::Element;
use super::{Client, Payload, Provider, Request};
use crate::bucket::BucketSettings;
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::limit;

/// What a whole-bucket rule is called that was made from here.
const RULE_ID: &str = "windlass";

/// The buckets of whoever asks.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct UpstreamBuckets {
    /// Who owns them, as the provider says it.
    pub owner: Option<String>,
    /// They, in the provider's order.
    pub buckets: Vec<UpstreamBucket>,
}

/// A bucket upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamBucket {
    /// Its name.
    pub name: String,
    /// When it was made, if that is told.
    pub created_ms: Option<Millis>,
}

impl Client {
    /// All buckets of whoever asks, at most `limit::UPSTREAM_BUCKETS_MAX`.
    pub async fn list_buckets(&self, provider: &Provider) -> Result<UpstreamBuckets> {
        let mut all = UpstreamBuckets::default();
        let mut token: Option<String> = None;
        loop {
            let mut request = Request::new(Method::GET).query("max-buckets", limit::PAGE_MAX.to_string());
            if let Some(token) = token.take() {
                request = request.query("continuation-token", token);
            }
            let (_, document) = self.ask(provider, request).await?;
            let document = Element::parse(&document)?;
            let before = all.buckets.len();
            add_page(&mut all, &document)?;
            if all.buckets.len() > limit::UPSTREAM_BUCKETS_MAX {
                return Err(Error::new(ErrorKind::UpstreamInvalid, "The account has more buckets than can be listed."));
            }
            token = document.text_of("ContinuationToken").filter(|token| !token.is_empty()).map(str::to_owned);
            // One that does not know pages gives all at once; one that gives nothing will not end.
            if token.is_none() || all.buckets.len() == before {
                return Ok(all);
            }
        }
    }

    /// Whether there is a bucket of that name, whoever has it.
    pub async fn bucket_exists(&self, provider: &Provider, name: &str) -> Result<bool> {
        match self.ask(provider, Request::new(Method::HEAD).bucket(name)).await {
            Ok(_) => Ok(true),
            Err(error) => match error.upstream().map(|refusal| refusal.status) {
                Some(404) => Ok(false),
                Some(403) => Ok(true),
                _ => Err(error),
            },
        }
    }

    /// Makes a bucket, in `location` if one is named. `BucketAlreadyExists` if there is one, also of one's own.
    pub async fn create_bucket(&self, provider: &Provider, name: &str, location: Option<&str>) -> Result<()> {
        // AWS says yes in us-east-1 to whoever has the bucket already.
        if self.bucket_exists(provider, name).await? {
            return Err(Error::new(ErrorKind::BucketAlreadyExists, "Bucket name already in use"));
        }
        let request = Request::new(Method::PUT).bucket(name);
        let request = match location {
            Some(location) => {
                let constraint = element("LocationConstraint", &escaped(location));
                request.body(Payload::Bytes(document(&element("CreateBucketConfiguration", &constraint))))
            }
            None => request,
        };
        self.ask(provider, request).await.map(drop)
    }

    /// The region of a bucket.
    pub async fn bucket_region(&self, provider: &Provider, name: &str) -> Result<String> {
        let (_, document) = self.ask(provider, configuration(Method::GET, name, "location")).await?;
        Ok(region(&Element::parse(&document)?))
    }

    /// The origins that a bucket lets in, those that can be kept here: the first of them, and no patterns.
    pub async fn cors_origins(&self, provider: &Provider, name: &str) -> Result<Vec<String>> {
        match self.ask(provider, configuration(Method::GET, name, "cors")).await {
            Ok((_, document)) => Ok(origins(&Element::parse(&document)?)),
            Err(error) if is_unconfigured(&error) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Has a bucket let those origins in and no others; without any its CORS configuration is taken away.
    pub async fn put_cors_origins(&self, provider: &Provider, name: &str, origins: &[String]) -> Result<()> {
        if origins.is_empty() {
            return self.unconfigure(provider, name, "cors").await;
        }
        let list =
            |name: &str, values: &[&str]| values.iter().map(|value| element(name, &escaped(value))).collect::<String>();
        let origins: Vec<&str> = origins.iter().map(String::as_str).collect();
        let rule = [
            list("AllowedHeader", &["*"]),
            list("AllowedMethod", &["GET", "HEAD", "PUT", "POST"]),
            list("AllowedOrigin", &origins),
            list("ExposeHeader", &["ETag"]),
            element("MaxAgeSeconds", "3600"),
        ];
        self.configure(provider, name, "cors", &element("CORSConfiguration", &element("CORSRule", &rule.concat())))
            .await
    }

    /// After how many days all objects of a bucket expire, if it has such a rule.
    pub async fn expiration_days(&self, provider: &Provider, name: &str) -> Result<Option<u16>> {
        match self.ask(provider, configuration(Method::GET, name, "lifecycle")).await {
            Ok((_, document)) => Ok(days(&Element::parse(&document)?)),
            Err(error) if is_unconfigured(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Has all objects of a bucket expire after so many days; without a number its lifecycle is taken away.
    pub async fn put_expiration_days(&self, provider: &Provider, name: &str, days: Option<u16>) -> Result<()> {
        let Some(days) = days else { return self.unconfigure(provider, name, "lifecycle").await };
        let rule = [
            element("ID", RULE_ID),
            element("Filter", &element("Prefix", "")),
            element("Status", "Enabled"),
            element("Expiration", &element("Days", &days.to_string())),
        ];
        let rules = element("LifecycleConfiguration", &element("Rule", &rule.concat()));
        self.configure(provider, name, "lifecycle", &rules).await
    }

    async fn configure(&self, provider: &Provider, name: &str, what: &str, text: &str) -> Result<()> {
        let document = document(text);
        // S3 wants a digest of these documents beside the signature's.
        let digest = BASE64_STANDARD.encode(Md5::digest(&document));
        let mut request = configuration(Method::PUT, name, what).body(Payload::Bytes(document));
        let digest = HeaderValue::try_from(digest)
            .map_err(|cause| Error::new(ErrorKind::Internal, "A digest could not be sent.").because(cause))?;
        request.headers.insert(HeaderName::from_static("content-md5"), digest);
        self.ask(provider, request).await.map(drop)
    }

    async fn unconfigure(&self, provider: &Provider, name: &str, what: &str) -> Result<()> {
        match self.ask(provider, configuration(Method::DELETE, name, what)).await {
            Err(error) if !is_unconfigured(&error) => Err(error),
            _ => Ok(()),
        }
    }
}

fn configuration(method: Method, name: &str, what: &str) -> Request {
    Request::new(method).bucket(name).query(what, "")
}

/// Whether a refusal says that there is no such configuration.
fn is_unconfigured(error: &Error) -> bool {
    error.upstream().is_some_and(|refusal| {
        matches!(refusal.code.as_str(), "NoSuchCORSConfiguration" | "NoSuchLifecycleConfiguration")
    })
}

fn add_page(all: &mut UpstreamBuckets, document: &Element) -> Result<()> {
    let owner = document.child("Owner").and_then(|owner| owner.text_of("ID")).filter(|id| !id.is_empty());
    all.owner = owner.map(str::to_owned).or_else(|| all.owner.take());
    for bucket in document.children("Buckets").flat_map(|buckets| buckets.children("Bucket")) {
        let created_ms = bucket.text_of("CreationDate").and_then(time::parse_from_epoch);
        all.buckets.push(UpstreamBucket { name: bucket.must_have("Name")?.to_owned(), created_ms });
    }
    Ok(())
}

/// The region that a location says (S3 API: GetBucketLocation).
fn region(location: &Element) -> String {
    match location.text().trim() {
        "" => "us-east-1".to_owned(),
        "EU" => "eu-west-1".to_owned(),
        other => other.to_owned(),
    }
}

fn origins(document: &Element) -> Vec<String> {
    let mut origins: Vec<String> = Vec::new();
    for origin in document.children("CORSRule").flat_map(|rule| rule.children("AllowedOrigin")) {
        let origin = origin.text().trim().to_owned();
        let alone = BucketSettings { cors_origins: vec![origin.clone()], ..BucketSettings::default() };
        if !origins.contains(&origin) && !origin.contains('*') && alone.check().is_ok() {
            origins.push(origin);
        }
    }
    origins.truncate(limit::CORS_ORIGINS_MAX);
    origins
}

/// The days of the first rule in force that is about every object of the bucket.
fn days(document: &Element) -> Option<u16> {
    let is_whole = |rule: &Element| {
        let is_empty = |element: Option<&Element>| element.is_none_or(|element| element.text().is_empty());
        let plain = |filter: &Element| {
            is_empty(filter.child("Prefix"))
                && ["And", "Tag", "ObjectSizeGreaterThan", "ObjectSizeLessThan"]
                    .iter()
                    .all(|name| filter.child(name).is_none())
        };
        rule.text_of("Status").map(str::trim) == Some("Enabled")
            && is_empty(rule.child("Prefix"))
            && rule.child("Filter").is_none_or(plain)
    };
    let days = |rule: &Element| rule.child("Expiration")?.text_of("Days")?.trim().parse::<u16>().ok();
    let mut rules = document.children("Rule").filter(|rule| is_whole(rule));
    rules.find_map(days).filter(|days| (1..=limit::LIFECYCLE_DAYS_MAX).contains(days))
}

fn document(text: &str) -> Bytes {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{text}").into()
}

fn element(name: &str, inner: &str) -> String {
    format!("<{name}>{inner}</{name}>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(document: &str) -> Element {
        Element::parse(document.as_bytes()).unwrap()
    }

    #[test]
    fn buckets_are_read_with_their_owner_and_their_time() {
        let mut all = UpstreamBuckets::default();
        let page = "<ListAllMyBucketsResult><Owner><ID>123456789012</ID></Owner><Buckets>\
             <Bucket><Name>a</Name><CreationDate>2009-10-12T17:50:30.000Z</CreationDate></Bucket>\
             <Bucket><Name>b.c</Name></Bucket></Buckets></ListAllMyBucketsResult>";
        add_page(&mut all, &read(page)).unwrap();
        assert_eq!(all.owner.as_deref(), Some("123456789012"));
        let bucket = |name: &str, created_ms| UpstreamBucket { name: name.into(), created_ms };
        assert_eq!(all.buckets, [bucket("a", Some(1_255_369_830_000)), bucket("b.c", None)]);
    }

    #[test]
    fn locations_have_their_old_names() {
        assert_eq!(region(&read("<LocationConstraint xmlns=\"x\"/>")), "us-east-1");
        assert_eq!(region(&read("<LocationConstraint>EU</LocationConstraint>")), "eu-west-1");
        assert_eq!(region(&read("<LocationConstraint>sa-east-1</LocationConstraint>")), "sa-east-1");
    }

    #[test]
    fn only_origins_that_can_be_kept_are_read() {
        let rule = |origin: &str| format!("<CORSRule><AllowedOrigin>{origin}</AllowedOrigin></CORSRule>");
        let rules =
            ["https://a.test", "*", "https://*.b.test", "https://a.test", "http://c.test:8080"].map(rule).concat();
        assert_eq!(origins(&read(&format!("<C>{rules}</C>"))), ["https://a.test", "http://c.test:8080"]);
        let many: String = (0..20).map(|n| rule(&format!("https://{n}.test"))).collect();
        assert_eq!(origins(&read(&format!("<C>{many}</C>"))).len(), limit::CORS_ORIGINS_MAX);
    }

    #[test]
    fn only_a_rule_about_the_whole_bucket_tells_its_days() {
        let rule = |inner: &str| format!("<L><Rule>{inner}<Expiration><Days>30</Days></Expiration></Rule></L>");
        for whole in ["<Filter><Prefix/></Filter><Status>Enabled</Status>", "<Prefix></Prefix><Status>Enabled</Status>"]
        {
            assert_eq!(days(&read(&rule(whole))), Some(30), "{whole}");
        }
        for part in [
            "<Filter><Prefix>logs/</Prefix></Filter><Status>Enabled</Status>",
            "<Filter><Tag><Key>a</Key><Value>b</Value></Tag></Filter><Status>Enabled</Status>",
            "<Prefix>logs/</Prefix><Status>Enabled</Status>",
            "<Filter/><Status>Disabled</Status>",
        ] {
            assert_eq!(days(&read(&rule(part))), None, "{part}");
        }
    }
}
