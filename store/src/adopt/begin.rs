//! Beginning an adoption, and telling how far it has come.

use crate::Store;
use crate::bucket::{Bucket, document};
use crate::error::{Error, ErrorKind, Result};
use crate::link::{Adoption, Link};
use crate::meta::Tx;
use crate::meta::table::ADOPTIONS;
use crate::policy::{Action, Grant};

use super::{AdoptionRow, Phase};

impl Store {
    /// Begins to adopt the grant's bucket: from this commit on it is served from here. Begun already it goes on.
    /// `InvalidBucketState` unless the bucket is linked, `BucketNotActive`.
    pub async fn begin_adoption(&self, grant: &Grant) -> Result<AdoptionRow> {
        grant.must_allow(Action::UpdateBucket)?;
        let bucket = grant.bucket()?.id;
        self.meta
            .write(move |tx| {
                let bucket = Bucket::must_be_active(tx, bucket)?;
                begin(tx, bucket)
            })
            .await
    }

    /// How far the adoption of the grant's bucket has come, or that it is done. `None` if it never began.
    pub fn adoption(&self, grant: &Grant) -> Result<Option<AdoptionRow>> {
        grant.must_allow(Action::GetBucket)?;
        let bucket = grant.bucket()?.id;
        self.meta.read(|read| ADOPTIONS.get(read, &bucket))
    }
}

fn begin(tx: &mut Tx<'_>, bucket: Bucket) -> Result<AdoptionRow> {
    let known = ADOPTIONS.get(tx, &bucket.id)?;
    let Some(link) = document::get::<Link>(tx, &bucket)? else {
        return known
            .ok_or_else(|| Error::new(ErrorKind::InvalidBucketState, "The bucket is not linked with an account"));
    };
    if let Some(known) = known.filter(|_| link.adoption.is_some()) {
        return Ok(known);
    }
    let row = AdoptionRow {
        account: link.account,
        name: link.name.clone(),
        begun_ms: tx.now(),
        ended_ms: None,
        phase: Phase::Counting,
        passes: 0,
        after: None,
        objects_total: 0,
        bytes_total: 0,
        objects: 0,
        bytes: 0,
        failed: 0,
        failure: None,
        brought: 0,
        brought_bytes: 0,
        unverified: 0,
        retry_ms: 0,
    };
    ADOPTIONS.put(tx, &bucket.id, &row)?;
    let adoption = Some(Adoption { begun_ms: tx.now() });
    document::put(tx, bucket, &Link { adoption, ..link })?;
    Ok(row)
}
