//! What is configured on a bucket beside its settings: one mechanism for every kind of document.
//!
//! A document is a row of its own. The bucket's row says which kinds it has, so that a bucket without one costs nothing, and
//! the revision at which one last changed, so that a document that was read and understood can be kept in memory for as
//! long as the row says the same.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use crate::Store;
use crate::bucket::{Bucket, BucketRow, update};
use crate::error::{Error, Result};
use crate::id::BucketId;
use crate::limit;
use crate::meta::codec;
use crate::meta::engine::{KeyRange, Read, Step};
use crate::meta::table::Table;
use crate::meta::{Record, Tx};
use crate::policy::{Action, Grant};

/// The kinds of documents. Their numbers are their form on disk: new ones come last, 16 at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum DocumentKind {
    /// The bucket's policy.
    Policy,
    /// What is kept from being public.
    PublicAccessBlock,
    /// Who owns what others write.
    Ownership,
    /// The bucket's access control list.
    Acl,
    /// Which pages may use the bucket.
    Cors,
    /// What is deleted by time.
    Lifecycle,
    /// The bucket's tags.
    Tags,
    /// How the bucket is served as a website.
    Website,
    /// Who is told of changes.
    Notification,
    /// Which bucket of another provider it is.
    Link,
    /// That it holds the files of a project.
    LiveFiles,
    /// That it holds the files that a project is tried with.
    TestFiles,
}

/// The kinds of documents that a bucket has.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentSet(u16);

impl DocumentSet {
    /// Whether it has one of that kind.
    pub const fn has(self, kind: DocumentKind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }

    #[must_use]
    const fn with(self, kind: DocumentKind) -> Self {
        Self(self.0 | (1 << kind as u8))
    }

    #[must_use]
    const fn without(self, kind: DocumentKind) -> Self {
        Self(self.0 & !(1 << kind as u8))
    }
}

/// A document of a bucket.
pub trait Document: Record + Clone + Send + Sync + 'static {
    /// Its kind.
    const KIND: DocumentKind;
    /// What a caller must be allowed who changes it.
    const CHANGE: Action;

    /// Fails if it cannot be a document of that bucket. Asked in the commit.
    fn check(&self, _bucket: &Bucket) -> Result<()> {
        Ok(())
    }
}

fn row_key(bucket: BucketId, kind: DocumentKind) -> Vec<u8> {
    [bucket.0.as_slice(), &[kind as u8]].concat()
}

/// A bucket's document, if it has one.
pub(crate) fn get<D: Document>(read: &dyn Read, bucket: &Bucket) -> Result<Option<D>> {
    if !bucket.row.documents.has(D::KIND) {
        return Ok(None);
    }
    let row = read.get(Table::BucketDocuments, &row_key(bucket.id, D::KIND))?;
    let row = row.ok_or_else(|| Error::corrupt(format!("{:?} of bucket {} is missing", D::KIND, bucket.id)))?;
    codec::decode(&row).map(Some)
}

/// Gives a bucket a document.
pub(crate) fn put<D: Document>(tx: &mut Tx<'_>, bucket: Bucket, document: &D) -> Result<()> {
    document.check(&bucket)?;
    tx.put(Table::BucketDocuments, row_key(bucket.id, D::KIND), codec::encode(document)?);
    let documents = bucket.row.documents.with(D::KIND);
    let revision = tx.next_sequence()?;
    update::save(tx, bucket.id, BucketRow { documents, revision, ..bucket.into_row() })
}

/// Takes a bucket's document away; says whether there was one.
pub(crate) fn delete<D: Document>(tx: &mut Tx<'_>, bucket: Bucket) -> Result<bool> {
    if !bucket.row.documents.has(D::KIND) {
        return Ok(false);
    }
    tx.delete(Table::BucketDocuments, row_key(bucket.id, D::KIND));
    let documents = bucket.row.documents.without(D::KIND);
    let revision = tx.next_sequence()?;
    update::save(tx, bucket.id, BucketRow { documents, revision, ..bucket.into_row() })?;
    Ok(true)
}

/// Removes all documents of a bucket that goes.
pub(crate) fn remove_all(tx: &mut Tx<'_>, bucket: BucketId) -> Result<()> {
    let mut keys = Vec::new();
    tx.scan(Table::BucketDocuments, &KeyRange::prefix(&bucket.0), &mut |key, _| {
        keys.push(key.to_vec());
        Ok(Step::Continue)
    })?;
    for key in keys {
        tx.delete(Table::BucketDocuments, key);
    }
    Ok(())
}

impl Store {
    /// Gives the grant's bucket a document in the place of the one it has. `NoSuchBucket`, and what the document says.
    pub async fn put_document<D: Document>(&self, grant: &Grant, document: D) -> Result<()> {
        grant.must_allow(D::CHANGE)?;
        let bucket = grant.bucket()?.id;
        self.meta
            .write(move |tx| {
                let bucket = Bucket::must_exist(tx, bucket)?;
                put(tx, bucket, &document)
            })
            .await
    }

    /// Takes a document away; says whether there was one. `NoSuchBucket`.
    pub async fn delete_document<D: Document>(&self, grant: &Grant) -> Result<bool> {
        grant.must_allow(D::CHANGE)?;
        let bucket = grant.bucket()?.id;
        self.meta
            .write(move |tx| {
                let bucket = Bucket::must_exist(tx, bucket)?;
                delete::<D>(tx, bucket)
            })
            .await
    }

    /// The document that a bucket has by its row. What is returned was read at the row's revision or later.
    pub fn document<D: Document>(&self, bucket: &Bucket) -> Result<Option<Arc<D>>> {
        if !bucket.row.documents.has(D::KIND) {
            return Ok(None);
        }
        if let Some(kept) = self.documents.get(bucket) {
            return Ok(Some(kept));
        }
        // The row at hand may be older than the snapshot: what is kept is kept under the revision it was read at.
        let (bucket, document) = self.meta.read(|read| {
            let Some(bucket) = Bucket::get(read, bucket.id)? else { return Ok((None, None)) };
            let document = get::<D>(read, &bucket)?;
            Ok((Some(bucket), document))
        })?;
        let Some((bucket, document)) = bucket.zip(document) else { return Ok(None) };
        let document = Arc::new(document);
        self.documents.keep(&bucket, Arc::clone(&document));
        Ok(Some(document))
    }
}

/// Documents that were read lately.
#[derive(Default)]
pub(crate) struct Documents(RwLock<HashMap<(BucketId, DocumentKind), Kept>>);

struct Kept {
    revision: u64,
    document: Arc<dyn Any + Send + Sync>,
}

impl Documents {
    fn get<D: Document>(&self, bucket: &Bucket) -> Option<Arc<D>> {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.get(&(bucket.id, D::KIND)).filter(|kept| kept.revision == bucket.row.revision)?;
        Arc::clone(&kept.document).downcast().ok()
    }

    fn keep<D: Document>(&self, bucket: &Bucket, document: Arc<D>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= limit::DOCUMENTS_KEPT_MAX {
            all.clear();
        }
        all.insert((bucket.id, D::KIND), Kept { revision: bucket.row.revision, document });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_each_kind_on_its_own() {
        let set = DocumentSet::default().with(DocumentKind::Policy).with(DocumentKind::Notification);
        assert!(set.has(DocumentKind::Policy) && set.has(DocumentKind::Notification) && !set.has(DocumentKind::Cors));
        assert!(!set.without(DocumentKind::Policy).has(DocumentKind::Policy));
        assert_eq!(set.without(DocumentKind::Cors), set);
    }
}
