//! Tags: names with values that a client hangs on objects and buckets. The rules of them, and the tags of buckets.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::bucket::{Bucket, Document, DocumentKind};
use crate::error::{Error, ErrorKind, Result};
use crate::limit;
use crate::meta::Record;
use crate::policy::Action;

/// Names with their values, in the order they were given.
pub type Tags = Vec<(String, String)>;

/// Tags that begin like this are the provider's own (S3: "Using cost allocation tags").
const RESERVED: &str = "aws:";

/// Checks the tags of an object: `TooManyTags`, `InvalidTag` (S3: "Categorizing your objects using tags").
pub fn check_object_tags(tags: &[(String, String)]) -> Result<()> {
    if tags.len() > limit::OBJECT_TAGS_MAX {
        return Err(too_many(format!("Object tags cannot be greater than {}", limit::OBJECT_TAGS_MAX)));
    }
    check(tags)
}

/// What both kinds of tags keep.
fn check(tags: &[(String, String)]) -> Result<()> {
    for (name, value) in tags {
        // S3 counts as it keeps them, which is in UTF-16.
        let name_length = name.encode_utf16().count();
        if !(1..=limit::TAG_NAME_UNITS_MAX).contains(&name_length) || !name.chars().all(is_allowed) {
            return Err(invalid("The TagKey you have provided is invalid"));
        }
        if name.starts_with(RESERVED) {
            return Err(invalid("System tags cannot be added/updated by requester"));
        }
        if value.encode_utf16().count() > limit::TAG_VALUE_UNITS_MAX || !value.chars().all(is_allowed) {
            return Err(invalid("The TagValue you have provided is invalid"));
        }
    }
    let names: BTreeSet<&str> = tags.iter().map(|(name, _)| name.as_str()).collect();
    if names.len() < tags.len() {
        return Err(invalid("Cannot provide multiple Tags with the same key"));
    }
    Ok(())
}

/// Letters, digits and spaces of any script, and a few signs.
fn is_allowed(c: char) -> bool {
    c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c)
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidTag, message)
}

fn too_many(message: String) -> Error {
    Error::new(ErrorKind::TooManyTags, message)
}

/// The tags of a bucket.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketTags(pub Tags);

impl Record for BucketTags {
    const VERSION: u8 = 1;
}

impl Document for BucketTags {
    const KIND: DocumentKind = DocumentKind::Tags;
    const CHANGE: Action = Action::PutBucketTagging;

    fn check(&self, _bucket: &Bucket) -> Result<()> {
        if self.0.len() > limit::BUCKET_TAGS_MAX {
            return Err(too_many(format!("Bucket tag count cannot be greater than {}", limit::BUCKET_TAGS_MAX)));
        }
        check(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kind(tags: &[(String, String)]) -> Option<ErrorKind> {
        check_object_tags(tags).err().map(|error| error.kind())
    }

    fn one(name: &str, value: &str) -> Tags {
        vec![(name.to_owned(), value.to_owned())]
    }

    fn many(count: usize) -> Tags {
        (0..count).map(|n| (n.to_string(), String::new())).collect()
    }

    #[test]
    fn names_and_values_have_bounds_in_utf_16() {
        assert_eq!(kind(&one(&"k".repeat(128), &"v".repeat(256))), None);
        assert_eq!(kind(&one(&"é".repeat(128), "")), None);
        // A letter outside of the basic plane takes two units.
        assert_eq!(kind(&one(&"𠀀".repeat(64), &"𠀀".repeat(128))), None);
        let outside = [
            one("", "v"),
            one(&"k".repeat(129), "v"),
            one("k", &"v".repeat(257)),
            one(&"𠀀".repeat(65), ""),
            one("k", &"𠀀".repeat(129)),
        ];
        for tags in outside {
            assert_eq!(kind(&tags), Some(ErrorKind::InvalidTag), "{tags:?}");
        }
    }

    #[test]
    fn only_letters_digits_spaces_and_a_few_signs_are_taken() {
        assert_eq!(kind(&one("a B-1_2.3:4/5=6+7@8", "ünï 日本 ٣")), None);
        for bad in ["a?b", "a,b", "a\nb", "a&b", "a*", "<a>", "a\u{0}"] {
            assert_eq!(kind(&one(bad, "")), Some(ErrorKind::InvalidTag), "{bad:?}");
            assert_eq!(kind(&one("k", bad)), Some(ErrorKind::InvalidTag), "{bad:?}");
        }
        assert_eq!(kind(&one("aws:x", "")), Some(ErrorKind::InvalidTag));
        assert_eq!(kind(&one("awsx", "aws:x")), None);
    }

    #[test]
    fn an_object_has_at_most_ten_and_none_twice() {
        assert_eq!(kind(&many(10)), None);
        assert_eq!(kind(&many(11)), Some(ErrorKind::TooManyTags));
        let twice = [one("a", "1"), one("A", "1"), one("a", "2")].concat();
        assert_eq!(kind(&twice), Some(ErrorKind::InvalidTag));
        assert_eq!(kind(&twice[..2]), None, "case tells names apart");
    }

    proptest! {
        #[test]
        fn what_is_taken_keeps_every_rule(tags in prop::collection::vec(("[a-c?é]{0,3}", ".{0,3}"), 0..13)) {
            let names: BTreeSet<_> = tags.iter().map(|(name, _)| name).collect();
            let fits = tags.len() <= 10
                && names.len() == tags.len()
                && tags.iter().all(|(name, value)| {
                    !name.is_empty() && !name.contains('?') && value.chars().all(is_allowed)
                });
            prop_assert_eq!(check_object_tags(&tags).is_ok(), fits);
        }
    }
}
