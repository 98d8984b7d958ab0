//! Emptying a bucket that is on its way out, in bounded commits: its objects, their versions, its open uploads, the share links into it,
//! its place in keys' lists, then the bucket itself. Each commit does the first of these that is left to do, so a step can
//! be cut anywhere, and two that run at once do no harm.

use serde::{Deserialize, Serialize};

use crate::Store;
use crate::adopt::clear_tombstones;
use crate::bucket::{Bucket, document};
use crate::clock::Millis;
use crate::error::Result;
use crate::id::{BucketId, KeyId};
use crate::intent;
use crate::key;
use crate::limit;
use crate::meta::table::{
    ADOPTIONS, BUCKET_BANDWIDTH, BUCKET_BY_NAME, BUCKET_BY_ORG, BUCKET_ID_BY_ORG, BUCKETS, DELETIONS, OBJECTS, UPLOADS,
    USAGE, VERSIONS,
};
use crate::meta::{KeyRange, Record, Step, Tx};
use crate::object::{VersionId, remove_version};
use crate::share;
use crate::upload::abort;

/// How far the emptying of a bucket has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletionRow {
    /// When it began.
    pub begun_ms: Millis,
    /// Objects that are gone.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The key up to which lists have been looked through.
    pub keys_after: Option<KeyId>,
}

impl Record for DeletionRow {
    const VERSION: u8 = 1;
}

/// A bucket that is being emptied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// The bucket.
    pub bucket: Bucket,
    /// How far it has come.
    pub progress: DeletionRow,
    /// Objects that are left.
    pub objects_left: u64,
}

/// What one step did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Emptied {
    /// Objects that are gone.
    pub objects: u64,
    /// Whether the bucket itself is gone.
    pub gone: bool,
}

impl Store {
    /// One bounded step at the first bucket that is to be emptied; `None` if there is none.
    pub async fn deletion_step(&self) -> Result<Option<Emptied>> {
        let mut first = None;
        self.meta.read(|read| {
            DELETIONS.scan(read, &KeyRange::all(), |bucket, _| {
                first = Some(bucket);
                Ok(Step::Stop)
            })
        })?;
        match first {
            Some(bucket) => self.empty_bucket(bucket).await.map(Some),
            None => Ok(None),
        }
    }

    /// One bounded step at that bucket.
    pub(super) async fn empty_bucket(&self, bucket: BucketId) -> Result<Emptied> {
        self.meta.write(move |tx| step(tx, bucket)).await
    }

    /// The buckets that are being emptied, at most `limit::DELETIONS_LISTED_MAX`, and how far each has come.
    pub fn deletions(&self) -> Result<Vec<Deletion>> {
        self.meta.read(|read| {
            let mut deletions = Vec::new();
            DELETIONS.scan(read, &KeyRange::all(), |id, progress| {
                if let Some(bucket) = Bucket::get(read, id)? {
                    let objects_left = USAGE.get(read, &id)?.unwrap_or_default().objects;
                    deletions.push(Deletion { bucket, progress, objects_left });
                }
                Ok(if deletions.len() < limit::DELETIONS_LISTED_MAX { Step::Continue } else { Step::Stop })
            })?;
            Ok(deletions)
        })
    }
}

fn step(tx: &mut Tx<'_>, id: BucketId) -> Result<Emptied> {
    let Some(mut progress) = DELETIONS.get(tx, &id)? else { return Ok(Emptied { objects: 0, gone: true }) };
    let Some(bucket) = Bucket::get(tx, id)?.filter(|bucket| bucket.row.is_deleting()) else {
        DELETIONS.delete(tx, &id);
        return Ok(Emptied { objects: 0, gone: true });
    };
    let (objects, bytes) = remove_objects(tx, &bucket)?;
    if objects > 0 {
        progress.objects += objects;
        progress.bytes += bytes;
        DELETIONS.put(tx, &id, &progress)?;
        return Ok(Emptied { objects, gone: false });
    }
    if remove_versions(tx, &bucket)?
        || clear_tombstones(tx, id)?
        || abort_uploads(tx, &bucket)?
        || share::remove_of_bucket(tx, id)?
        || intent::remove_of_bucket(tx, id)?
    {
        return Ok(Emptied::default());
    }
    if let Some(last) = key::forget_bucket(tx, bucket.row.org, id, progress.keys_after)? {
        progress.keys_after = Some(last);
        DELETIONS.put(tx, &id, &progress)?;
        return Ok(Emptied::default());
    }
    remove_rows(tx, &bucket)?;
    Ok(Emptied { objects: 0, gone: true })
}

/// Removes a bounded number of objects; says how many, and how many bytes they had.
fn remove_objects(tx: &mut Tx<'_>, bucket: &Bucket) -> Result<(u64, u64)> {
    let (mut keys, mut bytes) = (Vec::new(), 0);
    OBJECTS.scan(tx, &KeyRange::prefix(&bucket.id.0), |(_, key), row| {
        bytes += row.head.size;
        keys.push((key, VersionId::of(row.version)));
        Ok(if keys.len() < limit::STEP_ROWS { Step::Continue } else { Step::Stop })
    })?;
    for (key, version) in &keys {
        remove_version(tx, bucket, key, *version, false)?;
    }
    Ok((keys.len() as u64, bytes))
}

/// Removes a bounded number of versions and delete markers; says whether there was one.
fn remove_versions(tx: &mut Tx<'_>, bucket: &Bucket) -> Result<bool> {
    let mut versions = Vec::new();
    VERSIONS.scan(tx, &KeyRange::prefix(&bucket.id.0), |(_, key, _), row| {
        versions.push((key, VersionId::of(row.version())));
        Ok(if versions.len() < limit::STEP_ROWS { Step::Continue } else { Step::Stop })
    })?;
    for (key, version) in &versions {
        remove_version(tx, bucket, key, *version, false)?;
    }
    Ok(!versions.is_empty())
}

/// Aborts open uploads until about a step's worth of parts has been looked at; says whether there was one.
fn abort_uploads(tx: &mut Tx<'_>, bucket: &Bucket) -> Result<bool> {
    let mut open = Vec::new();
    UPLOADS.scan(tx, &KeyRange::prefix(&bucket.id.0), |key, _| {
        open.push(key);
        Ok(if open.len() < limit::STEP_ROWS { Step::Continue } else { Step::Stop })
    })?;
    let mut rows = 0;
    for (_, key, upload) in &open {
        rows += 1 + abort(tx, bucket, key, *upload)?;
        if rows >= limit::STEP_ROWS as u64 {
            break;
        }
    }
    Ok(!open.is_empty())
}

fn remove_rows(tx: &mut Tx<'_>, bucket: &Bucket) -> Result<()> {
    let (id, row) = (bucket.id, &bucket.row);
    let mut months = Vec::new();
    BUCKET_BANDWIDTH.scan(tx, &KeyRange::prefix(&id.0), |key, _| {
        months.push(key);
        Ok(Step::Continue)
    })?;
    for month in &months {
        BUCKET_BANDWIDTH.delete(tx, month);
    }
    document::remove_all(tx, id)?;
    BUCKETS.delete(tx, &id);
    BUCKET_BY_NAME.delete(tx, &row.name.as_str().to_owned());
    BUCKET_BY_ORG.delete(tx, &(row.org, row.name.as_str().to_owned()));
    BUCKET_ID_BY_ORG.delete(tx, &(row.org, id));
    USAGE.delete(tx, &id);
    ADOPTIONS.delete(tx, &id);
    DELETIONS.delete(tx, &id);
    Ok(())
}
