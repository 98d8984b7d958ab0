//! Listings of a bucket whose objects lie here and upstream: both are read from the same position and merged in the order of
//! bytes, up to where the shorter of them ends.
//!
//! The upstream is read first. What is taken from it is then decided on in one snapshot: what lies here takes the place of what
//! lies there, what was buried is left out. So a page is what was true when the snapshot was taken.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};

use crate::Store;
use crate::blob::Body;
use crate::bucket::Bucket;
use crate::error::{Error, ErrorKind, Result};
use crate::limit;
use crate::meta::table::{OBJECTS, TOMBSTONES};
use crate::meta::{KeyRange, Read, Step};
use crate::object::{
    ETag, Entry, Extras, ListObjects, ListVersions, Metadata, ObjectHead, ObjectPage, ObjectRow, Position,
    VersionEntry, VersionPage, VersionPosition, list_here,
};
use crate::upstream::{ListUpstream, UpstreamObject, UpstreamPage};

use super::settled::is_linked_now;

/// Sorts behind every key that begins with what it is put behind.
const LAST: char = char::MAX;

impl Store {
    /// A page of both. It comes short if much of what was read is not to be shown, but never empty with more to come.
    pub(crate) async fn list_behind(&self, bucket: &Bucket, query: &ListObjects) -> Result<ObjectPage> {
        let max = query.max.min(limit::PAGE_MAX);
        let mut page = ObjectPage { entries: Vec::new(), truncated: max > 0, last: query.after.clone() };
        let mut rounds = 0;
        while page.truncated && page.entries.len() < max && (page.entries.is_empty() || rounds < ROUNDS_MAX) {
            rounds += 1;
            let left = ListObjects { after: page.last, max: max - page.entries.len(), ..query.clone() };
            let there = self.page_there(bucket, &left).await?;
            let merged = self.meta.read(|read| {
                let here = list_here(read, bucket.id, &left)?;
                let there = if is_linked_now(read, bucket)? { there } else { UpstreamPage::default() };
                merge(&left, here, there, |key| buried(read, bucket, key), |group| any_buried(read, bucket, group))
            })?;
            (page.last, page.truncated) = (merged.last, merged.truncated);
            let lives = merged.entries.iter().map(|(entry, doubtful)| async move {
                match entry {
                    Entry::Group(group) if *doubtful => self.lives_there(bucket, group).await,
                    _ => Ok(true),
                }
            });
            let lives = stream::iter(lives.collect::<Vec<_>>()).buffered(limit::ADOPTION_HEADS_AT_ONCE);
            let lives: Vec<bool> = lives.try_collect().await?;
            let entries = merged.entries.into_iter().zip(lives);
            page.entries.extend(entries.filter_map(|((entry, _), lives)| lives.then_some(entry)));
        }
        Ok(page)
    }

    /// The same as a page of versions: while a bucket is adopted it keeps none but what is current.
    pub(crate) async fn list_versions_behind(&self, bucket: &Bucket, query: &ListVersions) -> Result<VersionPage> {
        let after = match query.after.clone() {
            VersionPosition::Start => Position::Start,
            VersionPosition::AfterKey(key) | VersionPosition::AfterVersion(key, _) => Position::AfterKey(key),
            VersionPosition::AfterGroup(group) => Position::AfterGroup(group),
        };
        let ListVersions { prefix, delimiter, max, .. } = query.clone();
        let page = self.list_behind(bucket, &ListObjects { prefix, delimiter, after, max }).await?;
        let next = match page.last {
            Position::AfterKey(key) if page.truncated => Some(VersionPosition::AfterKey(key)),
            Position::AfterGroup(group) if page.truncated => Some(VersionPosition::AfterGroup(group)),
            _ => None,
        };
        let entries = page.entries.into_iter().map(|entry| match entry {
            Entry::Object { key, head } => VersionEntry::Object { key, row: Box::new(row_of(head)), latest: true },
            Entry::Group(group) => VersionEntry::Group(group),
        });
        Ok(VersionPage { entries: entries.collect(), next })
    }

    /// The content types of a page's entries, wherever they lie.
    pub(crate) async fn types_behind(&self, bucket: &Bucket, entries: &[Entry]) -> Result<Vec<Option<String>>> {
        let types = entries.iter().map(|entry| async move {
            let Entry::Object { key, .. } = entry else { return Ok(None) };
            if let Some(row) = self.meta.read(|read| OBJECTS.get(read, &(bucket.id, key.clone())))? {
                return Ok(row.metadata.system.content_type);
            }
            Ok(self.find_there(bucket, key).await?.and_then(|found| found.metadata.system.content_type))
        });
        stream::iter(types.collect::<Vec<_>>()).buffered(limit::ADOPTION_HEADS_AT_ONCE).try_collect().await
    }

    /// What the upstream lists from that position on; something, unless it has nothing.
    async fn page_there(&self, bucket: &Bucket, query: &ListObjects) -> Result<UpstreamPage> {
        let Some((provider, link)) = self.behind(bucket).await? else { return Ok(UpstreamPage::default()) };
        let after = match &query.after {
            Position::Start => None,
            Position::AfterKey(key) => Some(key.clone()),
            Position::AfterGroup(group) if group.len() + LAST.len_utf8() > limit::KEY_BYTES_MAX => Some(group.clone()),
            Position::AfterGroup(group) => Some(format!("{group}{LAST}")),
        };
        let mut token: Option<String> = None;
        for _ in 0..EMPTY_PAGES_MAX {
            let list = ListUpstream {
                prefix: &query.prefix,
                delimiter: query.delimiter.as_deref(),
                after: after.as_deref(),
                token: token.as_deref(),
                // One more: the group that was last can be shown again.
                max: query.max + 1,
            };
            let page = self.upstream().list_objects(&provider, &link.name, &list).await?;
            if !page.objects.is_empty() || !page.groups.is_empty() || page.next.is_none() {
                return Ok(page);
            }
            token = page.next;
        }
        Err(Error::new(ErrorKind::UpstreamInvalid, "The upstream lists empty pages without end."))
    }

    /// Whether a group of the upstream's has a key that was not buried.
    async fn lives_there(&self, bucket: &Bucket, group: &str) -> Result<bool> {
        let Some((provider, link)) = self.behind(bucket).await? else {
            return self.meta.read(|read| any_here(read, bucket, group));
        };
        let mut token: Option<String> = None;
        loop {
            let list = ListUpstream {
                prefix: group,
                token: token.as_deref(),
                max: limit::STEP_ROWS,
                ..ListUpstream::default()
            };
            let page = self.upstream().list_objects(&provider, &link.name, &list).await?;
            let lives = self.meta.read(|read| {
                if !is_linked_now(read, bucket)? {
                    return any_here(read, bucket, group);
                }
                for object in &page.objects {
                    if !buried(read, bucket, &object.key)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            })?;
            if lives || page.next.is_none() {
                return Ok(lives);
            }
            token = page.next;
        }
    }
}

/// An object that is listed, as a row that says no more of it.
fn row_of(head: ObjectHead) -> ObjectRow {
    ObjectRow {
        head,
        body: Body::Empty,
        sequence: 0,
        version: None,
        checksum: Vec::new(),
        metadata: Metadata::default(),
        extras: Extras::default(),
    }
}

/// Pages that are read of the upstream for one page that is not full.
const ROUNDS_MAX: usize = 4;
/// Pages without anything that an upstream may give in a row.
const EMPTY_PAGES_MAX: usize = 100;

fn buried(read: &dyn Read, bucket: &Bucket, key: &str) -> Result<bool> {
    TOMBSTONES.contains(read, &(bucket.id, key.to_owned()))
}

fn any_here(read: &dyn Read, bucket: &Bucket, group: &str) -> Result<bool> {
    let query = ListObjects { prefix: group.to_owned(), delimiter: None, after: Position::Start, max: 1 };
    Ok(!list_here(read, bucket.id, &query)?.entries.is_empty())
}

fn any_buried(read: &dyn Read, bucket: &Bucket, group: &str) -> Result<bool> {
    let mut any = false;
    TOMBSTONES.scan(read, &KeyRange::prefix(&[&bucket.id.0, group.as_bytes()].concat()), |_, _| {
        any = true;
        Ok(Step::Stop)
    })?;
    Ok(any)
}

/// Both sides in one order, each entry with whether it is doubtful: a group of the upstream's in which something was buried.
#[derive(Debug)]
struct Merged {
    entries: Vec<(Entry, bool)>,
    truncated: bool,
    last: Position,
}

fn merge(
    query: &ListObjects,
    here: ObjectPage,
    there: UpstreamPage,
    buried: impl Fn(&str) -> Result<bool>,
    any_buried: impl Fn(&str) -> Result<bool>,
) -> Result<Merged> {
    // Behind the end of either side the other alone says nothing.
    let objects = there.objects.last().map(|object| Position::AfterKey(object.key.clone()));
    let groups = there.groups.last().map(|group| Position::AfterGroup(group.clone()));
    let end_there =
        objects.into_iter().chain(groups).max_by(|a, b| name(a).cmp(name(b))).filter(|_| there.next.is_some());
    let end_here = Some(here.last).filter(|_| here.truncated);
    let end = end_there.into_iter().chain(end_here).min_by(|a, b| name(a).cmp(name(b)));

    let mut entries = BTreeMap::new();
    for group in there.groups.into_iter().filter(|group| is_behind(&query.after, group, true)) {
        let doubtful = any_buried(&group)?;
        entries.insert(group.clone(), (Entry::Group(group), doubtful));
    }
    for object in there.objects {
        if is_behind(&query.after, &object.key, false) && !buried(&object.key)? {
            let UpstreamObject { key, size, etag, modified_ms, class } = object;
            let head = ObjectHead { size, etag: ETag::standing_for(&etag), modified_ms, class, checksum: None };
            entries.insert(key.clone(), (Entry::Object { key, head }, false));
        }
    }
    for entry in here.entries {
        let name = match &entry {
            Entry::Object { key, .. } => key.clone(),
            Entry::Group(group) => group.clone(),
        };
        entries.insert(name, (entry, false));
    }
    if let Some(end) = &end {
        entries.retain(|entry, _| entry.as_str() <= name(end));
    }
    let cut = entries.len() > query.max;
    let entries: Vec<_> = entries.into_values().take(query.max).collect();
    let last = match (entries.last(), end) {
        (_, Some(end)) if !cut => return Ok(Merged { entries, truncated: true, last: end }),
        (Some((Entry::Object { key, .. }, _)), _) => Position::AfterKey(key.clone()),
        (Some((Entry::Group(group), _)), _) => Position::AfterGroup(group.clone()),
        (None, _) => query.after.clone(),
    };
    Ok(Merged { entries, truncated: cut, last })
}

fn name(position: &Position) -> &str {
    match position {
        Position::Start => "",
        Position::AfterKey(name) | Position::AfterGroup(name) => name,
    }
}

/// Whether an entry comes behind a position. Of a group that begins before a key the rest comes behind it.
fn is_behind(position: &Position, entry: &str, is_group: bool) -> bool {
    match position {
        Position::Start => true,
        Position::AfterKey(key) => entry > key.as_str() || (is_group && key.starts_with(entry)),
        Position::AfterGroup(group) => entry > group.as_str() && !entry.starts_with(group.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::object::{StorageClass, group_of};

    fn head(size: u64) -> ObjectHead {
        ObjectHead { size, etag: ETag::Md5([0; 16]), modified_ms: 0, class: StorageClass::Standard, checksum: None }
    }

    /// The entries of a plain listing, in order.
    fn listed(keys: &BTreeSet<String>, prefix: &str, delimiter: Option<&str>) -> Vec<(String, bool)> {
        let mut entries: Vec<(String, bool)> = Vec::new();
        for key in keys.iter().filter(|key| key.starts_with(prefix)) {
            let entry = match group_of(key, prefix, delimiter) {
                Some(group) => (group.to_owned(), true),
                None => (key.clone(), false),
            };
            if entries.last() != Some(&entry) {
                entries.push(entry);
            }
        }
        entries
    }

    fn here(keys: &BTreeSet<String>, query: &ListObjects) -> ObjectPage {
        let all = listed(keys, &query.prefix, query.delimiter.as_deref());
        let mut left = all.into_iter().filter(|(name, group)| is_behind(&query.after, name, *group)).peekable();
        let mut page = ObjectPage { entries: Vec::new(), truncated: false, last: query.after.clone() };
        for (name, group) in left.by_ref().take(query.max) {
            page.last = if group { Position::AfterGroup(name.clone()) } else { Position::AfterKey(name.clone()) };
            page.entries.push(if group { Entry::Group(name) } else { Entry::Object { key: name, head: head(1) } });
        }
        page.truncated = left.peek().is_some();
        page
    }

    /// As S3 lists: what begins behind `start-after`, groups of which something does.
    fn there(keys: &BTreeSet<String>, query: &ListObjects, at_once: usize) -> UpstreamPage {
        let after = match &query.after {
            Position::Start => String::new(),
            Position::AfterKey(key) => key.clone(),
            Position::AfterGroup(group) => format!("{group}{LAST}"),
        };
        let keys = keys.iter().filter(|key| **key > after).cloned().collect();
        let all = listed(&keys, &query.prefix, query.delimiter.as_deref());
        let mut page = UpstreamPage::default();
        for (name, group) in all.iter().take(at_once).cloned() {
            match group {
                true => page.groups.push(name),
                false => page.objects.push(UpstreamObject {
                    key: name,
                    size: 2,
                    etag: "0".repeat(32),
                    modified_ms: 0,
                    class: StorageClass::Standard,
                }),
            }
        }
        page.next = (all.len() > at_once).then(|| "more".to_owned());
        page
    }

    proptest::proptest! {
        /// Whatever lies where, the pages together are the plain listing of what is there, and each key is read from its side.
        #[test]
        fn pages_of_both_sides_equal_the_model(
            ours in proptest::collection::btree_set("[ab/é]{1,4}", 0..20),
            theirs in proptest::collection::btree_set("[ab/é]{1,4}", 0..20),
            buried in proptest::collection::btree_set("[ab/é]{1,4}", 0..20),
            prefix in "[ab/]{0,1}",
            delimiter in proptest::option::of("[ab/]{1,2}"),
            max in 1usize..5,
            at_once in 1usize..5,
        ) {
            let buried: BTreeSet<String> = buried.difference(&ours).cloned().collect();
            let lives = |key: &&String| !buried.contains(*key);
            let model: BTreeSet<String> = ours.iter().chain(theirs.iter().filter(lives)).cloned().collect();
            let mut query = ListObjects { prefix, delimiter, after: Position::Start, max };
            let mut found = Vec::new();
            for round in 0.. {
                proptest::prop_assert!(round < 200, "no end");
                let merged = merge(
                    &query,
                    here(&ours, &query),
                    there(&theirs, &query, at_once),
                    |key| Ok(buried.contains(key)),
                    |group| Ok(buried.iter().any(|key| key.starts_with(group))),
                )
                .unwrap();
                proptest::prop_assert!(merged.entries.len() <= max);
                for (entry, doubtful) in merged.entries {
                    match entry {
                        Entry::Object { key, head } => {
                            proptest::prop_assert_eq!(head.size, if ours.contains(&key) { 1 } else { 2 });
                            found.push((key, false));
                        }
                        Entry::Group(group) => {
                            let lives = theirs.iter().filter(lives).any(|key| key.starts_with(&group));
                            if !doubtful || lives {
                                found.push((group, true));
                            }
                        }
                    }
                }
                if !merged.truncated {
                    break;
                }
                query.after = merged.last;
            }
            proptest::prop_assert_eq!(found, listed(&model, &query.prefix, query.delimiter.as_deref()));
        }
    }
}
