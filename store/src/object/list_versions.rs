//! Listing versions: a page of versions and delete markers, keys in byte order, of each the newest first.
//!
//! Two tables are walked side by side: `objects` has what is current, `versions` all that is not. Of one key what is current
//! comes first, being newest.

use std::collections::VecDeque;

use crate::Store;
use crate::adopt;
use crate::bucket::Bucket;
use crate::error::Result;
use crate::limit;
use crate::meta::codec;
use crate::meta::engine::after_prefix;
use crate::meta::table::{OBJECTS, VERSIONS};
use crate::meta::{Key, KeyRange, Newest, Read, Step, Tagged};
use crate::object::version::find;
use crate::object::{MarkerRow, ObjectRow, VersionId, VersionRow, group_of};
use crate::policy::{Action, Grant};

/// Rows read at once of each table.
const READ_AHEAD: usize = 128;

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionPosition {
    /// At the first key.
    Start,
    /// Behind all versions of this key, which need not exist.
    AfterKey(String),
    /// Behind this version of that key. One that does not exist any more is as if the key had ended there.
    AfterVersion(String, VersionId),
    /// Behind all keys that begin with this group.
    AfterGroup(String),
}

/// What to list.
#[derive(Debug, Clone)]
pub struct ListVersions {
    /// Only keys that begin with it.
    pub prefix: String,
    /// Keys that hold it behind the prefix are shown as one group up to and with it. Never empty.
    pub delimiter: Option<String>,
    /// Where to begin.
    pub after: VersionPosition,
    /// Most entries, at most `limit::PAGE_MAX`.
    pub max: usize,
}

/// One line of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionEntry {
    /// A version.
    Object {
        /// Its key.
        key: String,
        /// What it is.
        row: Box<ObjectRow>,
        /// Whether it is the newest of its key.
        latest: bool,
    },
    /// A delete marker.
    Marker {
        /// Its key.
        key: String,
        /// What it is.
        row: MarkerRow,
        /// Whether it is the newest of its key.
        latest: bool,
    },
    /// A common prefix.
    Group(String),
}

/// A page.
#[derive(Debug, Clone)]
pub struct VersionPage {
    /// Versions, markers and groups together, in order.
    pub entries: Vec<VersionEntry>,
    /// Where the next page begins; `None` if nothing comes behind this one.
    pub next: Option<VersionPosition>,
}

impl Store {
    /// Lists versions and delete markers. Errors of the upstream, where some of them are there.
    pub async fn list_versions(&self, grant: &Grant, query: &ListVersions) -> Result<VersionPage> {
        grant.must_allow(Action::ListVersions)?;
        let bucket = grant.bucket()?;
        if adopt::is_linked(bucket) {
            return Box::pin(self.list_versions_behind(bucket, query)).await;
        }
        self.meta.read(|read| page(read, bucket, query))
    }
}

/// A walk through both tables at once. Rows are read some at a time.
struct Walk<'a> {
    read: &'a dyn Read,
    bucket: &'a Bucket,
    prefix: &'a str,
    objects: VecDeque<(String, ObjectRow)>,
    versions: VecDeque<(String, u64, VersionRow)>,
    /// The first row key that has not been read; `None` at the end.
    objects_from: Option<Vec<u8>>,
    versions_from: Option<Vec<u8>>,
}

fn page(read: &dyn Read, bucket: &Bucket, query: &ListVersions) -> Result<VersionPage> {
    let mut page = VersionPage { entries: Vec::new(), next: None };
    let max = query.max.min(limit::PAGE_MAX);
    if max == 0 {
        return Ok(page);
    }
    let mut walk = Walk::begin(read, bucket, query)?;
    let mut last = query.after.clone();
    while let Some((key, row, current)) = walk.next()? {
        if page.entries.len() == max {
            page.next = Some(last);
            return Ok(page);
        }
        if let Some(group) = group_of(&key, &query.prefix, query.delimiter.as_deref()) {
            page.entries.push(VersionEntry::Group(group.to_owned()));
            walk.skip_group(group);
            last = VersionPosition::AfterGroup(group.to_owned());
            continue;
        }
        last = VersionPosition::AfterVersion(key.clone(), VersionId::of(row.version()));
        page.entries.push(match row {
            VersionRow::Object(Tagged(row)) => VersionEntry::Object { key, row: Box::new(row), latest: current },
            // A marker is the newest of its key if nothing is current and nothing was seen of that key before it.
            VersionRow::Marker(row) => {
                let latest = walk.is_newest(&key, row.sequence)?;
                VersionEntry::Marker { key, row, latest }
            }
        });
    }
    Ok(page)
}

impl<'a> Walk<'a> {
    fn begin(read: &'a dyn Read, bucket: &'a Bucket, query: &'a ListVersions) -> Result<Self> {
        let id = bucket.id.0;
        let (objects_from, versions_from) = match &query.after {
            VersionPosition::Start => (Some(id.to_vec()), Some(id.to_vec())),
            VersionPosition::AfterGroup(group) => behind_group(&id, group),
            VersionPosition::AfterKey(key) => (Some(behind_current(bucket, key)), behind(&codec::key_prefix(&id, key))),
            VersionPosition::AfterVersion(key, version) => {
                let from = match find(read, bucket, key, Some(*version))? {
                    Some(seen) if seen.current => Some(codec::key_prefix(&id, key)),
                    Some(seen) => Some(behind_version(bucket, key, seen.row.sequence())),
                    None => behind(&codec::key_prefix(&id, key)),
                };
                (Some(behind_current(bucket, key)), from)
            }
        };
        let (objects, versions) = (VecDeque::new(), VecDeque::new());
        Ok(Self { read, bucket, prefix: &query.prefix, objects, versions, objects_from, versions_from })
    }

    fn skip_group(&mut self, group: &str) {
        self.objects.clear();
        self.versions.clear();
        (self.objects_from, self.versions_from) = behind_group(&self.bucket.id.0, group);
    }

    /// The next row of both tables together, and whether it is current.
    fn next(&mut self) -> Result<Option<(String, VersionRow, bool)>> {
        self.fill_objects()?;
        self.fill_versions()?;
        let current_first = match (self.objects.front(), self.versions.front()) {
            (Some((key, _)), Some((other, _, _))) => key <= other,
            (object, _) => object.is_some(),
        };
        Ok(if current_first {
            self.objects.pop_front().map(|(key, row)| (key, VersionRow::Object(Tagged(row)), true))
        } else {
            self.versions.pop_front().map(|(key, _, row)| (key, row, false))
        })
    }

    fn fill_objects(&mut self) -> Result<()> {
        let Some(from) = self.objects_from.take_if(|_| self.objects.is_empty()) else { return Ok(()) };
        let prefix = [self.bucket.id.0.as_slice(), self.prefix.as_bytes()].concat();
        OBJECTS.scan(self.read, &KeyRange::prefix_from(&prefix, from), |(_, key), row| {
            self.objects.push_back((key, row));
            Ok(if self.objects.len() < READ_AHEAD { Step::Continue } else { Step::Stop })
        })?;
        if self.objects.len() == READ_AHEAD {
            self.objects_from = self.objects.back().map(|(key, _)| behind_current(self.bucket, key));
        }
        Ok(())
    }

    fn fill_versions(&mut self) -> Result<()> {
        let Some(from) = self.versions_from.take_if(|_| self.versions.is_empty()) else { return Ok(()) };
        let prefix = escaped_prefix(&self.bucket.id.0, self.prefix);
        VERSIONS.scan(self.read, &KeyRange::prefix_from(&prefix, from), |(_, key, Newest(sequence)), row| {
            self.versions.push_back((key, sequence, row));
            Ok(if self.versions.len() < READ_AHEAD { Step::Continue } else { Step::Stop })
        })?;
        if self.versions.len() == READ_AHEAD {
            let last = self.versions.back();
            self.versions_from = last.map(|(key, sequence, _)| behind_version(self.bucket, key, *sequence));
        }
        Ok(())
    }

    fn is_newest(&self, key: &str, sequence: u64) -> Result<bool> {
        let newest = find(self.read, self.bucket, key, None)?;
        Ok(newest.is_some_and(|seen| seen.row.sequence() == sequence))
    }
}

/// Behind the current object of a key, in `objects`.
fn behind_current(bucket: &Bucket, key: &str) -> Vec<u8> {
    let mut at = (bucket.id, key.to_owned()).to_key();
    at.push(0);
    at
}

/// Behind a version of a key, in `versions`.
fn behind_version(bucket: &Bucket, key: &str, sequence: u64) -> Vec<u8> {
    let mut at = (bucket.id, key.to_owned(), Newest(sequence)).to_key();
    at.push(0);
    at
}

/// Behind all keys of a group, in `objects` and in `versions`.
fn behind_group(bucket: &[u8; 16], group: &str) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    (behind(&[bucket.as_slice(), group.as_bytes()].concat()), behind(&escaped_prefix(bucket, group)))
}

/// What the keys of versions begin with whose object keys begin with `prefix`.
fn escaped_prefix(bucket: &[u8; 16], prefix: &str) -> Vec<u8> {
    let mut out = codec::key_prefix(bucket, prefix);
    // Without the end of the component: longer keys are meant too.
    out.truncate(out.len().saturating_sub(2));
    out
}

fn behind(prefix: &[u8]) -> Option<Vec<u8>> {
    match after_prefix(prefix) {
        std::ops::Bound::Excluded(end) | std::ops::Bound::Included(end) => Some(end),
        std::ops::Bound::Unbounded => None,
    }
}
