//! Cross-origin resource sharing: which pages a browser lets at a bucket, and what it is told. The rules are pure; they
//! protect nobody who asks without a browser, so they need no grant and decide about no access.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Store;
use crate::bucket::{Bucket, Document, DocumentKind};
use crate::error::{Error, ErrorKind, Result};
use crate::limit;
use crate::meta::Record;
use crate::name::BucketName;
use crate::policy::Action;

/// The methods that a rule can name (S3 API: CORSRule).
const METHODS: [&str; 5] = ["GET", "PUT", "HEAD", "POST", "DELETE"];

/// A rule: which pages may do what.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorsRule {
    /// What the client calls it.
    pub id: Option<String>,
    /// Origins, each with one `*` at most, for any run of characters.
    pub origins: Vec<String>,
    /// Methods, in capitals.
    pub methods: Vec<String>,
    /// Headers that a page may send, each with one `*` at most; compared without case.
    pub headers: Vec<String>,
    /// Headers that a page may read.
    pub exposed: Vec<String>,
    /// For how many seconds a browser may keep the answer to a preflight.
    pub max_age_seconds: Option<u32>,
}

/// A bucket's rules. The first that matches counts.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cors {
    /// In the order they were given.
    pub rules: Vec<CorsRule>,
}

impl Record for Cors {
    const VERSION: u8 = 1;
}

impl Document for Cors {
    const KIND: DocumentKind = DocumentKind::Cors;
    const CHANGE: Action = Action::PutBucketCors;

    /// `MalformedDocument` for what the schema does not have, `InvalidRequest` for what breaks a rule of it.
    fn check(&self, _bucket: &Bucket) -> Result<()> {
        let bytes: usize = self.rules.iter().flat_map(CorsRule::texts).map(String::len).sum();
        if !(1..=limit::CORS_RULES_MAX).contains(&self.rules.len()) || bytes > limit::CORS_BYTES_MAX {
            return Err(malformed());
        }
        self.rules.iter().try_for_each(CorsRule::check)
    }
}

impl CorsRule {
    fn texts(&self) -> impl Iterator<Item = &String> {
        let lists = [&self.origins, &self.methods, &self.headers, &self.exposed];
        lists.into_iter().flatten().chain(&self.id)
    }

    fn check(&self) -> Result<()> {
        let fail = |message: String| Err(Error::new(ErrorKind::InvalidRequest, message));
        if self.origins.is_empty() || self.methods.is_empty() {
            return Err(malformed());
        }
        if self.id.as_ref().is_some_and(|id| id.chars().count() > limit::RULE_ID_CHARS_MAX) {
            return fail(format!("The ID of a rule has at most {} characters.", limit::RULE_ID_CHARS_MAX));
        }
        if let Some(method) = self.methods.iter().find(|method| !METHODS.contains(&method.as_str())) {
            return fail(format!("Found unsupported HTTP method in CORS config. Unsupported method is {method}"));
        }
        for (name, list) in [("AllowedOrigin", &self.origins), ("AllowedHeader", &self.headers)] {
            if let Some(pattern) = list.iter().find(|pattern| pattern.matches('*').count() > 1) {
                return fail(format!("{name} \"{pattern}\" can not have more than one wildcard."));
            }
        }
        match self.exposed.iter().find(|header| header.contains('*')) {
            Some(header) => fail(format!(
                "ExposeHeader \"{header}\" contains wildcard. We currently do not support wildcard for ExposeHeader."
            )),
            None => Ok(()),
        }
    }

    /// What a page is told by this rule; `None` if the rule is not about it.
    fn answer(&self, ask: &CorsAsk<'_>) -> Option<CorsAnswer> {
        let origin = self.origins.iter().find(|pattern| matches(pattern, ask.origin))?;
        if !self.methods.iter().any(|method| method == ask.method) {
            return None;
        }
        let allowed: Option<Vec<String>> = ask.headers.iter().map(|header| self.allowed(header)).collect();
        Some(CorsAnswer {
            origin: if origin == "*" { None } else { Some(ask.origin.to_owned()) },
            methods: self.methods.clone(),
            headers: allowed?,
            exposed: self.exposed.clone(),
            max_age_seconds: self.max_age_seconds,
        })
    }

    /// A header that may be sent, in lower case.
    fn allowed(&self, header: &str) -> Option<String> {
        let header = header.to_ascii_lowercase();
        self.headers.iter().any(|pattern| matches(&pattern.to_ascii_lowercase(), &header)).then_some(header)
    }
}

/// Whether a text is what a pattern with one `*` at most means.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        Some((begin, end)) => text.strip_prefix(begin).is_some_and(|rest| rest.ends_with(end)),
        None => pattern == text,
    }
}

fn malformed() -> Error {
    let message = "The XML you provided was not well-formed or did not validate against our published schema";
    Error::new(ErrorKind::MalformedDocument, message)
}

/// What a browser asks for a page.
#[derive(Debug, Clone)]
pub struct CorsAsk<'a> {
    /// Where the page is from.
    pub origin: &'a str,
    /// What it does, or is to do.
    pub method: &'a str,
    /// Headers that it is to send; none unless it is a preflight.
    pub headers: &'a [&'a str],
}

/// What a browser is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorsAnswer {
    /// The origin it is for; `None` is any.
    pub origin: Option<String>,
    /// Methods of the rule.
    pub methods: Vec<String>,
    /// The headers that were asked for, in lower case.
    pub headers: Vec<String>,
    /// Headers that a page may read.
    pub exposed: Vec<String>,
    /// For how many seconds it holds.
    pub max_age_seconds: Option<u32>,
}

/// What a bucket makes of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CorsVerdict {
    /// There are no rules, or there is no bucket.
    Off,
    /// There are rules, and none is about it.
    NoMatch,
    /// There is one.
    Match(CorsAnswer),
}

impl Store {
    /// What a browser is told about a bucket. Anybody may ask, and learns no more of a bucket that is missing than of one
    /// without rules.
    pub fn cors(&self, name: &BucketName, ask: &CorsAsk<'_>) -> Result<CorsVerdict> {
        let bucket = self.meta.read(|read| Bucket::find(read, name))?;
        let Some(bucket) = bucket.filter(|bucket| !bucket.row.is_deleting()) else { return Ok(CorsVerdict::Off) };
        let document: Option<Arc<Cors>> = self.document(&bucket)?;
        Ok(verdict(document.as_deref(), &bucket.row.settings.cors_origins, ask))
    }
}

/// The rules of the document first, then that of the origins that are set on the bucket.
fn verdict(document: Option<&Cors>, origins: &[String], ask: &CorsAsk<'_>) -> CorsVerdict {
    let of_document = document.and_then(|cors| cors.rules.iter().find_map(|rule| rule.answer(ask)));
    let answer = of_document.or_else(|| rule_of_origins(origins)?.answer(ask));
    match answer {
        Some(answer) => CorsVerdict::Match(answer),
        None if document.is_none() && origins.is_empty() => CorsVerdict::Off,
        None => CorsVerdict::NoMatch,
    }
}

/// The rule that the origins of a bucket's settings come to: their pages may read and write.
fn rule_of_origins(urls: &[String]) -> Option<CorsRule> {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    (!urls.is_empty()).then(|| CorsRule {
        origins: urls.iter().map(|url| origin_of(url)).collect(),
        methods: texts(&["GET", "HEAD", "PUT", "POST", "DELETE"]),
        headers: texts(&["*"]),
        exposed: texts(&["ETag"]),
        ..CorsRule::default()
    })
}

/// The origin of a URL as browsers write it: scheme, host in lower case, and the port where it is not the scheme's own.
fn origin_of(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let own_port = if scheme == "http" { ":80" } else { ":443" };
    format!("{scheme}://{}", authority.strip_suffix(own_port).unwrap_or(authority)).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    fn rule(origins: &[&str], methods: &[&str]) -> CorsRule {
        CorsRule { origins: texts(origins), methods: texts(methods), ..CorsRule::default() }
    }

    fn ask<'a>(origin: &'a str, method: &'a str, headers: &'a [&'a str]) -> CorsAsk<'a> {
        CorsAsk { origin, method, headers }
    }

    fn checked(rule: CorsRule) -> Option<ErrorKind> {
        rule.check().err().map(|error| error.kind())
    }

    #[test]
    fn a_wildcard_stands_for_any_run_of_characters_anywhere() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "https://a", true),
            ("https://*.test", "https://a.b.test", true),
            ("https://*.test", "https://test", false),
            ("http*", "https://a", true),
            ("*suffix", "suffix", true),
            ("start*end", "startend", true),
            ("start*end", "start1end2", false),
            ("ab*bc", "abc", false),
            ("https://a", "https://A", false),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn rules_keep_what_aws_asks_of_them() {
        let fine = rule(&["https://*.test"], &["GET", "HEAD"]);
        assert_eq!(checked(fine.clone()), None);
        assert_eq!(checked(rule(&[], &["GET"])), Some(ErrorKind::MalformedDocument));
        assert_eq!(checked(rule(&["*"], &[])), Some(ErrorKind::MalformedDocument));
        for method in ["OPTIONS", "PATCH", "get", ""] {
            assert_eq!(checked(rule(&["*"], &["GET", method])), Some(ErrorKind::InvalidRequest), "{method}");
        }
        assert_eq!(checked(rule(&["*.*"], &["GET"])), Some(ErrorKind::InvalidRequest));
        let headers = |headers: &[&str]| CorsRule { headers: texts(headers), ..fine.clone() };
        assert_eq!(checked(headers(&["*"])), None);
        assert_eq!(checked(headers(&["x-*-*"])), Some(ErrorKind::InvalidRequest));
        let exposed = |exposed: &[&str]| CorsRule { exposed: texts(exposed), ..fine.clone() };
        assert_eq!(checked(exposed(&["ETag", "x-amz-meta-a"])), None);
        assert_eq!(checked(exposed(&["x-*"])), Some(ErrorKind::InvalidRequest));
        let id = |length| CorsRule { id: Some("é".repeat(length)), ..fine.clone() };
        assert_eq!(checked(id(255)), None);
        assert_eq!(checked(id(256)), Some(ErrorKind::InvalidRequest));
    }

    #[test]
    fn the_first_rule_that_fits_whole_is_the_answer() {
        let first = CorsRule { headers: texts(&["x-amz-*"]), ..rule(&["https://a"], &["PUT"]) };
        let second = CorsRule { headers: texts(&["*"]), max_age_seconds: Some(5), ..rule(&["*"], &["PUT", "GET"]) };
        let cors = Cors { rules: vec![first, second] };
        let told = |ask: &CorsAsk<'_>| match verdict(Some(&cors), &[], ask) {
            CorsVerdict::Match(answer) => Some((answer.origin, answer.headers, answer.max_age_seconds)),
            _ => None,
        };
        let here = Some("https://a".to_owned());
        assert_eq!(
            told(&ask("https://a", "PUT", &["X-Amz-Meta-A"])),
            Some((here.clone(), texts(&["x-amz-meta-a"]), None))
        );
        assert_eq!(told(&ask("https://a", "PUT", &["other"])), Some((None, texts(&["other"]), Some(5))));
        assert_eq!(told(&ask("https://a", "GET", &[])), Some((None, vec![], Some(5))));
        assert_eq!(told(&ask("https://a", "DELETE", &[])), None);
    }

    #[test]
    fn origins_that_are_set_on_a_bucket_are_a_rule_behind_the_document() {
        let origins = texts(&["https://Example.test:443/page", "http://localhost:3000"]);
        let all = ["x-anything"];
        for origin in ["https://example.test", "http://localhost:3000"] {
            for method in ["GET", "HEAD", "PUT", "POST", "DELETE"] {
                let CorsVerdict::Match(answer) = verdict(None, &origins, &ask(origin, method, &all)) else {
                    panic!("{origin} {method}")
                };
                assert_eq!(answer.origin.as_deref(), Some(origin));
                assert_eq!(answer.exposed, ["ETag"]);
            }
        }
        assert_eq!(verdict(None, &origins, &ask("https://other.test", "GET", &[])), CorsVerdict::NoMatch);
        assert_eq!(verdict(None, &[], &ask("https://example.test", "GET", &[])), CorsVerdict::Off);
        let cors =
            Cors { rules: vec![CorsRule { max_age_seconds: Some(9), ..rule(&["https://example.test"], &["GET"]) }] };
        let CorsVerdict::Match(answer) = verdict(Some(&cors), &origins, &ask("https://example.test", "GET", &[]))
        else {
            panic!("no match")
        };
        assert_eq!(answer.max_age_seconds, Some(9), "the document comes first");
    }

    proptest! {
        #[test]
        fn a_pattern_is_its_two_ends_around_anything(begin in "[ab]{0,3}", middle in "[ab]{0,4}", end in "[ab]{0,3}") {
            let (pattern, text) = (format!("{begin}*{end}"), format!("{begin}{middle}{end}"));
            prop_assert!(matches(&pattern, &text));
            let shorter = begin.len() + end.len();
            prop_assert!(shorter == 0 || !matches(&pattern, &"a".repeat(shorter - 1)));
        }
    }
}
