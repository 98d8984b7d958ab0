//! The rules of a bucket's life cycle as they are kept, and what a document of them must keep itself (S3: "Lifecycle
//! configuration elements").

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::bucket::{Bucket, Document, DocumentKind};
use crate::clock::{self, Millis};
use crate::error::{Error, ErrorKind, Result};
use crate::limit;
use crate::meta::Record;
use crate::object::hex;
use crate::policy::Action;
use crate::tag::{Tags, check_object_tags};

/// Milliseconds of a day of the calendar.
const DAY_MS: u64 = 86_400_000;

/// A bucket's rules.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifecycle {
    /// In the order they were given.
    pub rules: Vec<LifecycleRule>,
}

/// A rule: what becomes of which objects, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecycleRule {
    /// Unique in its document; empty for one that is yet to be given.
    pub id: String,
    /// Whether it is followed.
    pub enabled: bool,
    /// What it is about.
    pub filter: Filter,
    /// When a current version expires.
    pub expiration: Option<Expiration>,
    /// When a version that is not current is removed.
    pub noncurrent: Option<NoncurrentExpiration>,
    /// Days after which an upload that was not completed is aborted.
    pub abort_days: Option<u32>,
}

/// Which objects a rule is about: those of which all that is named here is true.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// How the client wrote it.
    pub form: FilterForm,
    /// What keys begin with.
    pub prefix: Option<String>,
    /// Tags that an object has.
    pub tags: Tags,
    /// Bytes that it has more of.
    pub larger_than: Option<u64>,
    /// Bytes that it has fewer of.
    pub smaller_than: Option<u64>,
}

/// The forms that a filter can be written in, so that it is answered as it came.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FilterForm {
    /// A prefix alone, outside of a filter.
    Old,
    /// A filter with one test, or none.
    #[default]
    Single,
    /// A filter of several tests.
    And,
}

/// When a current version expires. In a bucket that keeps versions a delete marker takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expiration {
    /// So many days after it was written.
    Days(u32),
    /// From that midnight on.
    Date(Millis),
    /// Not: but a delete marker that no version is left behind is removed, if true.
    DeleteMarker(bool),
}

/// When a version that is not current is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoncurrentExpiration {
    /// So many days after another one took its place.
    pub days: u32,
    /// But not the newest so many of a key.
    pub newer_kept: Option<u32>,
}

impl Record for Lifecycle {
    const VERSION: u8 = 1;
}

impl Document for Lifecycle {
    const KIND: DocumentKind = DocumentKind::Lifecycle;
    const CHANGE: Action = Action::PutLifecycle;

    /// `MalformedDocument`, `InvalidArgument`, `InvalidRequest`, `InvalidTag`, each as AWS has it.
    fn check(&self, _bucket: &Bucket) -> Result<()> {
        if !(1..=limit::LIFECYCLE_RULES_MAX).contains(&self.rules.len()) {
            return Err(malformed());
        }
        let ids: BTreeSet<&str> = self.rules.iter().map(|rule| rule.id.as_str()).collect();
        if ids.len() < self.rules.len() {
            return Err(argument("Rule ID must be unique. Found same ID for more than one rule"));
        }
        self.rules.iter().try_for_each(LifecycleRule::check)
    }
}

impl Lifecycle {
    /// Gives an id to each rule that has none.
    pub fn name_rules(&mut self) -> Result<()> {
        for rule in self.rules.iter_mut().filter(|rule| rule.id.is_empty()) {
            rule.id = hex(&clock::random::<16>()?);
        }
        Ok(())
    }
}

impl LifecycleRule {
    fn check(&self) -> Result<()> {
        if self.id.is_empty() {
            return Err(malformed());
        }
        if self.id.chars().count() > limit::RULE_ID_CHARS_MAX {
            return Err(argument("ID length should not exceed allowed limit of 255"));
        }
        self.filter.check()?;
        if self.expiration.is_none() && self.noncurrent.is_none() && self.abort_days.is_none() {
            return Err(request("At least one action needs to be specified in a rule"));
        }
        match self.expiration {
            Some(Expiration::Days(0)) => {
                return Err(argument("'Days' for Expiration action must be a positive integer"));
            }
            Some(Expiration::Date(at)) if at % DAY_MS != 0 => {
                return Err(argument("'Date' must be at midnight GMT"));
            }
            Some(Expiration::DeleteMarker(_)) if !self.filter.tags.is_empty() => {
                return Err(request("ExpiredObjectDeleteMarker cannot be specified with Tags."));
            }
            _ => {}
        }
        if let Some(NoncurrentExpiration { days, newer_kept }) = self.noncurrent {
            if days == 0 {
                let message = "'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer";
                return Err(argument(message));
            }
            if newer_kept.is_some_and(|kept| !(1..=limit::NEWER_VERSIONS_KEPT_MAX).contains(&kept)) {
                return Err(argument("'NewerNoncurrentVersions' must be between 1 and 100"));
            }
        }
        self.check_abort()
    }

    fn check_abort(&self) -> Result<()> {
        let filter = &self.filter;
        match self.abort_days {
            Some(0) => Err(argument(
                "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer",
            )),
            // An upload has neither tags nor a size yet.
            Some(_) if !filter.tags.is_empty() => {
                Err(request("AbortIncompleteMultipartUpload cannot be specified with Tags."))
            }
            Some(_) if filter.larger_than.is_some() || filter.smaller_than.is_some() => {
                Err(request("AbortIncompleteMultipartUpload cannot be specified with object size."))
            }
            _ => Ok(()),
        }
    }
}

impl Filter {
    fn check(&self) -> Result<()> {
        let sizes = [self.larger_than, self.smaller_than].into_iter().flatten().count();
        let tests = usize::from(self.prefix.is_some()) + self.tags.len() + sizes;
        let fits = match self.form {
            FilterForm::Old => tests == 1 && self.prefix.is_some(),
            FilterForm::Single => tests <= 1,
            FilterForm::And => tests >= 2,
        };
        if !fits {
            return Err(malformed());
        }
        if self.prefix.as_ref().is_some_and(|prefix| prefix.len() > limit::KEY_BYTES_MAX) {
            return Err(request("The maximum size of a prefix is 1024."));
        }
        if let (Some(larger), Some(smaller)) = (self.larger_than, self.smaller_than)
            && larger >= smaller
        {
            return Err(request("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'."));
        }
        let names: BTreeSet<&str> = self.tags.iter().map(|(name, _)| name.as_str()).collect();
        if names.len() < self.tags.len() {
            return Err(request("Duplicate Tag Keys are not allowed."));
        }
        check_object_tags(&self.tags)
    }
}

fn malformed() -> Error {
    let message = "The XML you provided was not well-formed or did not validate against our published schema";
    Error::new(ErrorKind::MalformedDocument, message)
}

fn argument(message: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

fn request(message: &str) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> LifecycleRule {
        LifecycleRule {
            id: "a".into(),
            enabled: true,
            filter: Filter::default(),
            expiration: Some(Expiration::Days(1)),
            noncurrent: None,
            abort_days: None,
        }
    }

    fn kind(rule: LifecycleRule) -> Option<ErrorKind> {
        rule.check().err().map(|error| error.kind())
    }

    fn filter(filter: Filter) -> Option<ErrorKind> {
        kind(LifecycleRule { filter, ..rule() })
    }

    fn tags(names: &[&str]) -> Tags {
        names.iter().map(|name| ((*name).to_owned(), "v".to_owned())).collect()
    }

    const ARGUMENT: Option<ErrorKind> = Some(ErrorKind::InvalidArgument);
    const REQUEST: Option<ErrorKind> = Some(ErrorKind::InvalidRequest);
    const MALFORMED: Option<ErrorKind> = Some(ErrorKind::MalformedDocument);

    #[test]
    fn days_are_positive_and_dates_at_midnight() {
        let expires = |expiration| kind(LifecycleRule { expiration: Some(expiration), ..rule() });
        assert_eq!(expires(Expiration::Days(1)), None);
        assert_eq!(expires(Expiration::Days(0)), ARGUMENT);
        assert_eq!(expires(Expiration::Date(20_000 * DAY_MS)), None);
        assert_eq!(expires(Expiration::Date(20_000 * DAY_MS + 1_000)), ARGUMENT);
        let noncurrent = |days, newer_kept| {
            kind(LifecycleRule { noncurrent: Some(NoncurrentExpiration { days, newer_kept }), ..rule() })
        };
        assert_eq!(noncurrent(1, None), None);
        assert_eq!(noncurrent(0, None), ARGUMENT);
        assert_eq!((noncurrent(1, Some(1)), noncurrent(1, Some(100))), (None, None));
        assert_eq!((noncurrent(1, Some(0)), noncurrent(1, Some(101))), (ARGUMENT, ARGUMENT));
        let abort = |days| kind(LifecycleRule { abort_days: Some(days), ..rule() });
        assert_eq!((abort(1), abort(0)), (None, ARGUMENT));
    }

    #[test]
    fn a_rule_does_something() {
        assert_eq!(kind(LifecycleRule { expiration: None, ..rule() }), REQUEST);
    }

    #[test]
    fn ids_are_bounded_and_unique() {
        let id = |id: String| LifecycleRule { id, ..rule() };
        assert_eq!(kind(id("é".repeat(255))), None);
        assert_eq!(kind(id("a".repeat(256))), ARGUMENT);
        let mut lifecycle = Lifecycle { rules: vec![id(String::new()), id("b".into()), id(String::new())] };
        lifecycle.name_rules().unwrap();
        assert_eq!(lifecycle.rules[1].id, "b");
        assert!(lifecycle.rules.iter().all(|rule| !rule.id.is_empty()));
        assert_ne!(lifecycle.rules[0].id, lifecycle.rules[2].id);
    }

    #[test]
    fn each_form_of_a_filter_has_its_tests() {
        let prefix = || Some("a/".to_owned());
        assert_eq!(filter(Filter::default()), None);
        let old = Filter { form: FilterForm::Old, prefix: prefix(), ..Filter::default() };
        assert_eq!(filter(old.clone()), None);
        assert_eq!(filter(Filter { prefix: None, ..old.clone() }), MALFORMED);
        assert_eq!(filter(Filter { larger_than: Some(1), ..old }), MALFORMED);
        let two = Filter { prefix: prefix(), larger_than: Some(0), ..Filter::default() };
        assert_eq!(filter(two.clone()), MALFORMED);
        let and = Filter { form: FilterForm::And, ..two };
        assert_eq!(filter(and.clone()), None);
        assert_eq!(filter(Filter { larger_than: None, ..and.clone() }), MALFORMED);
        assert_eq!(filter(Filter { larger_than: Some(5), smaller_than: Some(5), ..and.clone() }), REQUEST);
        assert_eq!(filter(Filter { larger_than: Some(5), smaller_than: Some(6), ..and.clone() }), None);
        assert_eq!(filter(Filter { tags: tags(&["a", "b"]), ..and.clone() }), None);
        assert_eq!(filter(Filter { tags: tags(&["a", "a"]), ..and.clone() }), REQUEST);
        assert_eq!(filter(Filter { tags: tags(&["a?"]), ..and }), Some(ErrorKind::InvalidTag));
    }

    #[test]
    fn what_has_no_tags_or_size_yet_is_not_chosen_by_them() {
        let by_tag = || Filter { tags: tags(&["a"]), ..Filter::default() };
        let by_size = || Filter { larger_than: Some(1), ..Filter::default() };
        let abort = |filter| kind(LifecycleRule { filter, abort_days: Some(1), ..rule() });
        assert_eq!((abort(by_tag()), abort(by_size())), (REQUEST, REQUEST));
        let marker =
            |filter| kind(LifecycleRule { filter, expiration: Some(Expiration::DeleteMarker(true)), ..rule() });
        assert_eq!((marker(by_tag()), marker(by_size())), (REQUEST, None));
    }
}
