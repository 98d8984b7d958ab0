//! What objects and files owe each other, in one commit: a link writes only what was announced, and a file goes with its
//! object, whoever removes that.

use crate::bucket::Bucket;
use crate::error::{Error, ErrorKind, Result};
use crate::id::KeyId;
use crate::intent::event;
use crate::intent::row::{File, FileStatus};
use crate::key::KeyOrigin;
use crate::meta::Tx;
use crate::meta::table::{KEYS, OBJECTS};

/// `AccessDenied` unless an object that comes by a link is what was announced, and was not confirmed yet. Other keys than
/// those that sign links may write what their scopes let them.
pub(crate) fn check_put(
    tx: &Tx<'_>,
    bucket: &Bucket,
    by: KeyId,
    key: &str,
    size: u64,
    content_type: Option<&str>,
) -> Result<()> {
    if !bucket.row.is_of_project() {
        return Ok(());
    }
    match KEYS.get(tx, &by)? {
        Some(row) if row.origin != KeyOrigin::Project => return Ok(()),
        // Nobody in particular, whom a policy lets in.
        None if by == KeyId([0; 16]) => return Ok(()),
        // With the key that signed it a link ends, even within a request.
        _ => {}
    }
    let file = File::find(tx, bucket.id, key)?.filter(|file| file.row.status == FileStatus::Uploading);
    let announced = file.is_some_and(|file| {
        file.row.parts.is_none() && file.row.size == size && Some(file.row.content_type.as_str()) == content_type
    });
    if announced && KEYS.contains(tx, &by)? {
        return Ok(());
    }
    Err(Error::new(ErrorKind::AccessDenied, "The link is for another upload, or its upload is over."))
}

/// Has the file of a key follow what became of its object: it is deleted with it, and as long as what was put in its place.
/// Costs nothing in other buckets than projects'.
pub(crate) fn follow(tx: &mut Tx<'_>, bucket: &Bucket, key: &str) -> Result<()> {
    // Of a bucket that goes all rows go, step by step.
    if !bucket.row.is_of_project() || bucket.row.is_deleting() {
        return Ok(());
    }
    let Some(mut file) = File::find(tx, bucket.id, key)?.filter(|file| file.row.status == FileStatus::Uploaded) else {
        return Ok(());
    };
    let Some(object) = OBJECTS.get(tx, &(bucket.id, key.to_owned()))? else {
        file.turn(tx, FileStatus::Deleted)?;
        return event::note(tx, &file);
    };
    let content_type = object.metadata.system.content_type.unwrap_or_default();
    if file.row.size == object.head.size && file.row.content_type == content_type {
        return Ok(());
    }
    file.row.size = object.head.size;
    file.row.content_type = content_type;
    file.save(tx)
}
