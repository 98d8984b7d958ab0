//! Whether indexes agree with what they lead to, in both directions, and whether rows about things that are gone are gone.

use super::count::walk;
use super::{Finding, Report};
use crate::error::Result;
use crate::id::{BucketId, KeyId};
use crate::meta::table::{
    ACCOUNT_BY_ORG, ACCOUNTS, ADOPTIONS, BUCKET_BANDWIDTH, BUCKET_BY_NAME, BUCKET_BY_ORG, BUCKET_ID_BY_ORG, BUCKETS,
    DELETIONS, IdRow, KEY_BY_ACCESS_ID, KEY_BY_ORG, KEY_BY_TOKEN_HASH, KEY_USED, KEYS, NULL_VERSIONS, OBJECTS,
    SHARE_BY_CODE, SHARE_BY_EXPIRY, SHARES, TOMBSTONES, VERSIONS,
};
use crate::meta::{Key, Newest, Read, Record, Typed};
use crate::object::{NullRow, VersionRow};
use crate::share::ShareRef;

/// Whether an index row is there and is the one that was looked for.
pub(super) fn leads<K: Key, V: Record + PartialEq>(read: &dyn Read, index: &Typed<K, V>, key: &K, to: &V) -> bool {
    // A row that cannot be read is told by the walk over its table.
    index.get(read, key).ok().flatten().is_some_and(|found| found == *to)
}

pub(super) fn exists<K: Key, V: Record>(read: &dyn Read, table: &Typed<K, V>, key: &K) -> bool {
    table.contains(read, key).unwrap_or(false)
}

/// The indexes of names and of access key ids.
pub(super) fn check_names(read: &dyn Read, report: &mut Report) -> Result<()> {
    let mut broken = Vec::new();
    walk(read, &BUCKETS, report, |_, id, row| {
        let (name, to) = (row.name.as_str().to_owned(), IdRow(id.0));
        if !leads(read, &BUCKET_BY_NAME, &name, &to) || !leads(read, &BUCKET_BY_ORG, &(row.org, name), &to) {
            broken.push(format!("bucket {id} ({})", row.name));
        }
    })?;
    walk(read, &BUCKET_BY_NAME, report, |_, name, found| {
        if !exists(read, &BUCKETS, &BucketId(found.0)) {
            broken.push(format!("bucket name {name} leads nowhere"));
        }
    })?;
    walk(read, &KEYS, report, |_, id, row| {
        let to = IdRow(id.0);
        let by_token = row.token_hash.is_none_or(|hash| leads(read, &KEY_BY_TOKEN_HASH, &hash, &to));
        if !by_token || !leads(read, &KEY_BY_ACCESS_ID, &row.access_key_id, &to) {
            broken.push(format!("key {id}"));
        }
    })?;
    report.findings.extend(broken.into_iter().map(Finding::Index));
    Ok(())
}

/// The indexes by organisation, and what is kept beside buckets and keys.
pub(super) fn check_by_org(read: &dyn Read, report: &mut Report) -> Result<()> {
    let (mut broken, mut stray) = (Vec::new(), Vec::new());
    walk(read, &BUCKETS, report, |_, id, row| {
        if !leads(read, &BUCKET_ID_BY_ORG, &(row.org, id), &IdRow(id.0)) {
            broken.push(format!("bucket {id} by its organisation"));
        }
        if row.is_deleting() != exists(read, &DELETIONS, &id) {
            broken.push(format!("bucket {id} and the list of buckets that are being deleted"));
        }
    })?;
    walk(read, &BUCKET_ID_BY_ORG, report, |_, (org, id), _| {
        if !exists(read, &BUCKETS, &id) {
            broken.push(format!("bucket {id} of organisation {org} leads nowhere"));
        }
    })?;
    walk(read, &KEYS, report, |_, id, row| {
        if !leads(read, &KEY_BY_ORG, &(row.org, id), &IdRow(id.0)) {
            broken.push(format!("key {id} by its organisation"));
        }
    })?;
    walk(read, &KEY_BY_ORG, report, |_, (org, id): (_, KeyId), _| {
        if !exists(read, &KEYS, &id) {
            broken.push(format!("key {id} of organisation {org} leads nowhere"));
        }
    })?;
    walk(read, &ACCOUNTS, report, |_, id, row| {
        if !leads(read, &ACCOUNT_BY_ORG, &(row.org, id), &IdRow(id.0)) {
            broken.push(format!("account {id} by its organisation"));
        }
    })?;
    walk(read, &ACCOUNT_BY_ORG, report, |_, (org, id), _| {
        if !exists(read, &ACCOUNTS, &id) {
            broken.push(format!("account {id} of organisation {org} leads nowhere"));
        }
    })?;
    walk(read, &KEY_USED, report, |_, id, _| {
        if !exists(read, &KEYS, &id) {
            stray.push(format!("last use of key {id}"));
        }
    })?;
    walk(read, &BUCKET_BANDWIDTH, report, |_, (id, _), _| {
        if !exists(read, &BUCKETS, &id) {
            stray.push(format!("bandwidth of bucket {id}"));
        }
    })?;
    report.findings.extend(broken.into_iter().map(Finding::Index));
    report.findings.extend(stray.into_iter().map(Finding::Unreachable));
    Ok(())
}

/// Share links and their indexes.
pub(super) fn check_shares(read: &dyn Read, report: &mut Report) -> Result<()> {
    let mut broken = Vec::new();
    walk(read, &SHARES, report, |_, (bucket, id), row| {
        let to = ShareRef { bucket, id };
        let by_expiry = leads(read, &SHARE_BY_EXPIRY, &(row.expires_ms, id), &to);
        if !by_expiry || !leads(read, &SHARE_BY_CODE, &row.code_hash, &to) || !exists(read, &BUCKETS, &bucket) {
            broken.push(format!("share link {id} into bucket {bucket}"));
        }
    })?;
    let mut see = |found: ShareRef| {
        if !exists(read, &SHARES, &(found.bucket, found.id)) {
            broken.push(format!("an index row of share link {} leads nowhere", found.id));
        }
    };
    walk(read, &SHARE_BY_CODE, report, |_, _, found| see(found))?;
    walk(read, &SHARE_BY_EXPIRY, report, |_, _, found| see(found))?;
    report.findings.extend(broken.into_iter().map(Finding::Index));
    Ok(())
}

/// Adoptions, and what they leave of keys that are not there.
pub(super) fn check_adoptions(read: &dyn Read, report: &mut Report) -> Result<()> {
    let mut stray = Vec::new();
    walk(read, &ADOPTIONS, report, |_, id, _| {
        if !exists(read, &BUCKETS, &id) {
            stray.push(format!("adoption of bucket {id}"));
        }
    })?;
    walk(read, &TOMBSTONES, report, |_, (id, key), _| {
        if !exists(read, &ADOPTIONS, &id) {
            stray.push(format!("tombstone of {key:?} in bucket {id}"));
        }
    })?;
    report.findings.extend(stray.into_iter().map(Finding::Unreachable));
    Ok(())
}

/// The order of versions, where null versions lie, and whose documents there are.
pub(super) fn check_versions(read: &dyn Read, report: &mut Report) -> Result<()> {
    let mut broken = Vec::new();
    let mut last = None;
    walk(read, &VERSIONS, report, |_, (bucket, key, Newest(sequence)), row| {
        let at = (bucket, key);
        if row.version().is_none() && !leads(read, &NULL_VERSIONS, &at, &NullRow { sequence }) {
            broken.push(format!("null version {sequence} of {:?} in bucket {bucket}", at.1));
        }
        let newest = last.as_ref() != Some(&at);
        let current = OBJECTS.get(read, &at).ok().flatten();
        match (&row, current) {
            (_, Some(current)) if current.sequence <= sequence => {
                broken
                    .push(format!("version {sequence} of {:?} in bucket {bucket} is newer than the current one", at.1));
            }
            (VersionRow::Object(_), None) if newest => {
                broken.push(format!("version {sequence} of {:?} in bucket {bucket} should be current", at.1));
            }
            _ => {}
        }
        last = Some(at);
    })?;
    walk(read, &NULL_VERSIONS, report, |_, (bucket, key), NullRow { sequence }| {
        if !exists(read, &VERSIONS, &(bucket, key.clone(), Newest(sequence))) {
            broken.push(format!("the null version of {key:?} in bucket {bucket} leads nowhere"));
        }
    })?;
    report.findings.extend(broken.into_iter().map(Finding::Index));
    Ok(())
}
