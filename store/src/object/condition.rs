//! Conditions of RFC 9110 section 13, as S3 applies them to reads, writes and copy sources. Pure rules.

use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::object::{ETag, ObjectHead};

/// The value of If-Match or If-None-Match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ETagMatch {
    /// `*`
    Any,
    /// One of these entity tags, without quotes.
    Tags(Vec<String>),
}

impl ETagMatch {
    /// Reads a header: a list of entity tags, with or without quotes; a weak tag compares as its opaque part.
    pub fn parse(header: &str) -> Self {
        if header.trim() == "*" {
            return Self::Any;
        }
        let tag = |item: &str| {
            let item = item.trim();
            let item = item.strip_prefix("W/").unwrap_or(item);
            item.strip_prefix('"').and_then(|i| i.strip_suffix('"')).unwrap_or(item).to_owned()
        };
        Self::Tags(header.split(',').map(tag).collect())
    }

    /// Whether that tag is one of them.
    pub fn holds(&self, etag: ETag) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => {
                let etag = etag.to_string();
                tags.contains(&etag)
            }
        }
    }
}

/// Conditions of a read.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ReadConditions {
    /// If-Match
    pub if_match: Option<ETagMatch>,
    /// If-None-Match
    pub if_none_match: Option<ETagMatch>,
    /// If-Modified-Since, in milliseconds since the epoch.
    pub if_modified_since_ms: Option<Millis>,
    /// If-Unmodified-Since, in milliseconds since the epoch.
    pub if_unmodified_since_ms: Option<Millis>,
}

/// What a read's conditions come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Proceed,
    NotModified,
}

impl ReadConditions {
    /// Evaluates in the order of RFC 9110 section 13.2.2. Times compare at second resolution, as HTTP dates have it.
    /// `PreconditionFailed` for what must not go on.
    pub(crate) fn evaluate(&self, head: &ObjectHead) -> Result<Verdict> {
        let seconds = |ms: Millis| ms / 1000;
        let modified = seconds(head.modified_ms);
        match (&self.if_match, self.if_unmodified_since_ms) {
            (Some(tags), _) if !tags.holds(head.etag) => return Err(failed()),
            (None, Some(since)) if modified > seconds(since) => return Err(failed()),
            _ => {}
        }
        match (&self.if_none_match, self.if_modified_since_ms) {
            (Some(tags), _) if tags.holds(head.etag) => Ok(Verdict::NotModified),
            (None, Some(since)) if modified <= seconds(since) => Ok(Verdict::NotModified),
            _ => Ok(Verdict::Proceed),
        }
    }

    /// The same for a copy's source, where nothing can be "not modified": that too is `PreconditionFailed`.
    pub(crate) fn must_hold(&self, head: &ObjectHead) -> Result<()> {
        match self.evaluate(head)? {
            Verdict::Proceed => Ok(()),
            Verdict::NotModified => Err(failed()),
        }
    }
}

/// Conditions of a write, decided inside the commit (S3: "Conditional writes").
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct WriteCondition {
    /// If-Match: the current object must have this tag.
    pub if_match: Option<ETagMatch>,
    /// If-None-Match: the current object must not have this tag; with `*` there must be none.
    pub if_none_match: Option<ETagMatch>,
}

impl WriteCondition {
    /// Whether there is any condition.
    pub(crate) fn is_some(&self) -> bool {
        self.if_match.is_some() || self.if_none_match.is_some()
    }

    /// Holds the condition against the current object: `NoSuchKey` if If-Match finds none, else `PreconditionFailed`.
    pub(crate) fn check(&self, current: Option<&ObjectHead>) -> Result<()> {
        if self.if_match.is_some() && current.is_none() {
            return Err(Error::new(ErrorKind::NoSuchKey, "The specified key does not exist."));
        }
        self.check_tag(current.map(|head| head.etag))
    }

    /// Holds the condition against the tag of what is there: `PreconditionFailed`.
    pub(crate) fn check_tag(&self, current: Option<ETag>) -> Result<()> {
        let unmatched = |tags: &ETagMatch| !current.is_some_and(|etag| tags.holds(etag));
        let matched = |tags: &ETagMatch| current.is_some_and(|etag| tags.holds(etag));
        if self.if_match.as_ref().is_some_and(unmatched) || self.if_none_match.as_ref().is_some_and(matched) {
            return Err(failed());
        }
        Ok(())
    }
}

fn failed() -> Error {
    Error::new(ErrorKind::PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::StorageClass;

    const HEAD: ObjectHead = ObjectHead {
        size: 1,
        etag: ETag::Md5([0xAA; 16]),
        modified_ms: 10_500,
        class: StorageClass::Standard,
        checksum: None,
    };

    fn tag(text: &str) -> Option<ETagMatch> {
        Some(ETagMatch::parse(text))
    }

    #[test]
    fn tags_compare_with_and_without_quotes_in_lists_and_weakly() {
        let hex = "aa".repeat(16);
        for good in [hex.clone(), format!("\"{hex}\""), format!("W/\"{hex}\""), format!("\"x\", \"{hex}\""), "*".into()]
        {
            assert!(ETagMatch::parse(&good).holds(HEAD.etag), "{good}");
        }
        for bad in ["", "\"\"", "\"aa\"", "x,y"] {
            assert!(!ETagMatch::parse(bad).holds(HEAD.etag), "{bad}");
        }
    }

    #[test]
    fn read_conditions_follow_the_precedence_of_rfc_9110() {
        let read = |m: Option<ETagMatch>, n: Option<ETagMatch>, since: Option<u64>, unmodified: Option<u64>| {
            let conditions = ReadConditions {
                if_match: m,
                if_none_match: n,
                if_modified_since_ms: since,
                if_unmodified_since_ms: unmodified,
            };
            conditions.evaluate(&HEAD).map_err(|e| e.kind())
        };
        let (go, same, fail) = (Ok(Verdict::Proceed), Ok(Verdict::NotModified), Err(ErrorKind::PreconditionFailed));
        assert_eq!(read(None, None, None, None), go);
        assert_eq!(read(tag("no"), None, None, None), fail);
        assert_eq!(read(tag("*"), None, None, Some(1_000)), go, "If-Match overrides If-Unmodified-Since");
        assert_eq!(read(None, None, None, Some(9_999)), fail);
        assert_eq!(read(None, None, None, Some(10_000)), go, "the same second is not modified since");
        assert_eq!(read(None, tag("*"), None, None), same);
        assert_eq!(read(None, tag("no"), Some(99_000), None), go, "If-None-Match overrides If-Modified-Since");
        assert_eq!(read(None, None, Some(10_000), None), same);
        assert_eq!(read(None, None, Some(9_000), None), go);
    }

    #[test]
    fn write_conditions_decide_on_the_current_object() {
        let check = |m, n, head| WriteCondition { if_match: m, if_none_match: n }.check(head).map_err(|e| e.kind());
        assert_eq!(check(None, tag("*"), None), Ok(()));
        assert_eq!(check(None, tag("*"), Some(&HEAD)), Err(ErrorKind::PreconditionFailed));
        assert_eq!(check(None, tag("other"), Some(&HEAD)), Ok(()));
        assert_eq!(check(tag("*"), None, None), Err(ErrorKind::NoSuchKey));
        assert_eq!(check(tag("*"), None, Some(&HEAD)), Ok(()));
        assert_eq!(check(tag("other"), None, Some(&HEAD)), Err(ErrorKind::PreconditionFailed));
    }
}
