//! Listing objects: a page of keys and groups in byte order. A group is jumped over by a seek, so a page costs what it
//! shows, wherever it lies and however many keys its groups hold.

use std::ops::Bound;

use crate::Store;
use crate::adopt;
use crate::error::{Error, Result};
use crate::id::BucketId;
use crate::limit;
use crate::meta::engine::after_prefix;
use crate::meta::table::OBJECTS;
use crate::meta::{KeyRange, Read, Step, Table};
use crate::object::ObjectHead;
use crate::policy::{Action, Grant};

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// At the first key.
    Start,
    /// Behind this key, which need not exist.
    AfterKey(String),
    /// Behind all keys that begin with this group.
    AfterGroup(String),
}

impl Position {
    /// The first bytes, below a fixed first component, that may be on the page; `None` if nothing can be.
    pub(crate) fn seek(&self, first_component: &[u8]) -> Option<Vec<u8>> {
        let with = |text: &str| [first_component, text.as_bytes()].concat();
        match self {
            Self::Start => Some(first_component.to_vec()),
            Self::AfterKey(key) => {
                let mut from = with(key);
                from.push(0);
                Some(from)
            }
            Self::AfterGroup(group) => match after_prefix(&with(group)) {
                Bound::Excluded(end) | Bound::Included(end) => Some(end),
                Bound::Unbounded => None,
            },
        }
    }
}

/// What to list.
#[derive(Debug, Clone)]
pub struct ListObjects {
    /// Only keys that begin with it.
    pub prefix: String,
    /// Keys that hold it behind the prefix are shown as one group up to and with it. Never empty.
    pub delimiter: Option<String>,
    /// Where to begin.
    pub after: Position,
    /// Most entries, at most `limit::PAGE_MAX`.
    pub max: usize,
}

/// One line of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// An object.
    Object {
        /// Its key.
        key: String,
        /// What a listing shows of it.
        head: ObjectHead,
    },
    /// A common prefix.
    Group(String),
}

/// A page.
#[derive(Debug, Clone)]
pub struct ObjectPage {
    /// Keys and groups together, in byte order.
    pub entries: Vec<Entry>,
    /// Whether anything comes behind it.
    pub truncated: bool,
    /// Where the next page begins.
    pub last: Position,
}

impl Store {
    /// Lists objects. Errors of the upstream, where some of them are there.
    pub async fn list_objects(&self, grant: &Grant, query: &ListObjects) -> Result<ObjectPage> {
        grant.must_allow(Action::ListObjects)?;
        let bucket = grant.bucket()?;
        if adopt::is_linked(bucket) {
            return Box::pin(self.list_behind(bucket, query)).await;
        }
        self.meta.read(|read| list_here(read, bucket.id, query))
    }

    /// The same page with the content type of each entry, for whoever shows it: a row more for each object. Groups have none.
    pub async fn list_objects_with_types(
        &self,
        grant: &Grant,
        query: &ListObjects,
    ) -> Result<(ObjectPage, Vec<Option<String>>)> {
        grant.must_allow(Action::ListObjects)?;
        let bucket = grant.bucket()?;
        if adopt::is_linked(bucket) {
            let page = Box::pin(self.list_behind(bucket, query)).await?;
            let types = Box::pin(self.types_behind(bucket, &page.entries)).await?;
            return Ok((page, types));
        }
        self.meta.read(|read| {
            let page = list_here(read, bucket.id, query)?;
            let type_of = |entry: &Entry| match entry {
                Entry::Object { key, .. } => {
                    let row = OBJECTS.get(read, &(bucket.id, key.clone()))?;
                    Ok(row.and_then(|row| row.metadata.system.content_type))
                }
                Entry::Group(_) => Ok(None),
            };
            let types = page.entries.iter().map(type_of).collect::<Result<_>>()?;
            Ok((page, types))
        })
    }
}

/// The group that a key falls in.
pub(crate) fn group_of<'a>(key: &'a str, prefix: &str, delimiter: Option<&str>) -> Option<&'a str> {
    let delimiter = delimiter?;
    let at = key.get(prefix.len()..)?.find(delimiter)?;
    key.get(..prefix.len() + at + delimiter.len())
}

/// A page of what lies here.
pub(crate) fn list_here(read: &dyn Read, bucket: BucketId, query: &ListObjects) -> Result<ObjectPage> {
    let mut page = ObjectPage { entries: Vec::new(), truncated: false, last: query.after.clone() };
    let max = query.max.min(limit::PAGE_MAX);
    if max == 0 {
        return Ok(page);
    }
    let prefix = [&bucket.0, query.prefix.as_bytes()].concat();
    let mut next = query.after.seek(&bucket.0);
    while let Some(from) = next.take() {
        read.scan(Table::Objects, &KeyRange::prefix_from(&prefix, from), &mut |row_key, value| {
            if page.entries.len() == max {
                page.truncated = true;
                return Ok(Step::Stop);
            }
            let key = row_key.get(bucket.0.len()..).and_then(|key| std::str::from_utf8(key).ok());
            let key = key.ok_or_else(|| Error::corrupt("an object key that is not UTF-8"))?;
            if let Some(group) = group_of(key, &query.prefix, query.delimiter.as_deref()) {
                page.entries.push(Entry::Group(group.to_owned()));
                page.last = Position::AfterGroup(group.to_owned());
                next = page.last.seek(&bucket.0);
                return Ok(Step::Stop);
            }
            page.entries.push(Entry::Object { key: key.to_owned(), head: ObjectHead::peek(value)? });
            page.last = Position::AfterKey(key.to_owned());
            Ok(Step::Continue)
        })?;
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Body;
    use crate::meta::memory::MemoryEngine;
    use crate::meta::{Changes, Engine, codec};
    use crate::object::{ETag, Extras, Metadata, ObjectRow, StorageClass};
    use std::collections::BTreeSet;

    const BUCKET: BucketId = BucketId([7; 16]);

    fn engine(keys: &[&str]) -> MemoryEngine {
        let engine = MemoryEngine::default();
        let head = ObjectHead {
            size: 1,
            etag: ETag::Md5([0; 16]),
            modified_ms: 0,
            class: StorageClass::Standard,
            checksum: None,
        };
        let row = ObjectRow {
            head,
            body: Body::Empty,
            sequence: 1,
            version: None,
            checksum: vec![],
            metadata: Metadata::default(),
            extras: Extras::default(),
        };
        let mut changes = Changes::new();
        for key in keys {
            let key = [&BUCKET.0, key.as_bytes()].concat();
            changes.insert((Table::Objects, key), Some(codec::encode(&row).unwrap()));
        }
        engine.commit(&changes).unwrap();
        engine
    }

    /// All pages of a listing, as plain text; groups carry a `*`.
    fn pages(keys: &[&str], prefix: &str, delimiter: Option<&str>, max: usize) -> Vec<Vec<String>> {
        let snapshot = engine(keys).snapshot().unwrap();
        let mut after = Position::Start;
        let mut pages = Vec::new();
        loop {
            let query = ListObjects { prefix: prefix.into(), delimiter: delimiter.map(Into::into), after, max };
            let page = list_here(&*snapshot, BUCKET, &query).unwrap();
            let text = |entry: &Entry| match entry {
                Entry::Object { key, .. } => key.clone(),
                Entry::Group(group) => format!("{group}*"),
            };
            pages.push(page.entries.iter().map(text).collect());
            if !page.truncated {
                return pages;
            }
            after = page.last;
        }
    }

    #[test]
    fn groups_stand_once_at_their_place_and_neighbours_are_not_skipped() {
        let keys = ["0/a", "0/b", "1999", "1999#", "1999+", "1999/x", "2000"];
        let all = pages(&keys, "", Some("/"), 1000);
        assert_eq!(all, [["0/*", "1999", "1999#", "1999+", "1999/*", "2000"]]);
        let single: Vec<String> = pages(&keys, "", Some("/"), 1).concat();
        assert_eq!(single, all.concat());
    }

    #[test]
    fn a_page_that_ends_on_the_last_group_is_not_truncated() {
        assert_eq!(pages(&["a/1", "a/2", "a/3"], "", Some("/"), 1), [["a/*"]]);
        assert_eq!(pages(&["a/1", "a/2"], "a/", Some("/"), 2), [["a/1", "a/2"]]);
    }

    #[test]
    fn any_string_is_a_delimiter() {
        assert_eq!(pages(&["foo bar", "foo", "fooXYbar"], "", Some("XY"), 9), [["foo", "foo bar", "fooXY*"]]);
        assert_eq!(pages(&["a\nb", "ab"], "a", Some("\n"), 9), [["a\n*", "ab"]]);
    }

    proptest::proptest! {
        /// Whatever the keys, prefix, delimiter and page size, the pages together are the plain listing.
        #[test]
        fn pages_equal_the_model(
            keys in proptest::collection::btree_set("[ab/é]{1,5}", 0..40),
            prefix in "[ab/]{0,2}",
            delimiter in proptest::option::of("[ab/]{1,2}"),
            max in 1usize..5,
        ) {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let mut model = BTreeSet::new();
            for key in keys.iter().filter(|key| key.starts_with(&prefix)) {
                match key[prefix.len()..].find(delimiter.as_deref().unwrap_or("\0")) {
                    Some(at) => {
                        let end = prefix.len() + at + delimiter.as_ref().unwrap().len();
                        model.insert((key[..end].to_owned(), "*"))
                    }
                    None => model.insert(((*key).to_owned(), "")),
                };
            }
            let model: Vec<String> = model.into_iter().map(|(key, star)| key + star).collect();
            let pages = pages(&keys, &prefix, delimiter.as_deref(), max);
            proptest::prop_assert!(pages.iter().rev().skip(1).all(|page| page.len() == max));
            proptest::prop_assert_eq!(pages.concat(), model);
        }
    }
}
