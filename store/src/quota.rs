//! What an organisation may still store. The commit decides: it counts what a write adds, and refuses it when the plan has
//! no room. Before that, the bytes that uploads are going to bring are reserved in memory, so that many uploads at once do
//! not fill the disk only to be refused one by one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::{StreamExt, stream};

use crate::Store;
use crate::admission;
use crate::blob::ByteStream;
use crate::bucket::Bucket;
use crate::error::{Error, ErrorKind, Result};
use crate::id::OrgId;
use crate::limit;
use crate::meta::table::ORG_USAGE;
use crate::meta::{Read, Tx};
use crate::plan::Plan;
use crate::usage::{self, Change};

/// Counts a change, and refuses one that adds more bytes than it takes away when the plan has no room for the rest.
pub(crate) fn charge(tx: &mut Tx<'_>, bucket: &Bucket, plan: &Plan, change: &Change) -> Result<()> {
    let after = usage::apply(tx, bucket, change)?;
    let (more, less) = change.bytes();
    match limit_of(plan) {
        Some(max) if more > less && !bucket.row.is_sandbox() && after.storage_bytes > max => Err(exceeded()),
        _ => Ok(()),
    }
}

/// The same for an organisation where what changes is in no bucket: bytes that come and bytes that go. Without a plan
/// nothing is refused.
pub(crate) fn charge_org(tx: &mut Tx<'_>, org: OrgId, plan: Option<&Plan>, (more, less): (u64, u64)) -> Result<()> {
    let after = usage::apply_to_org(tx, org, (0, 0), (more, less))?;
    match plan.and_then(limit_of) {
        Some(max) if more > less && after.storage_bytes > max => Err(exceeded()),
        _ => Ok(()),
    }
}

/// The bytes that a plan allows, if it refuses what is beyond.
fn limit_of(plan: &Plan) -> Option<u64> {
    plan.max_storage_bytes.filter(|_| !plan.overage)
}

fn exceeded() -> Error {
    Error::new(ErrorKind::QuotaExceeded, "Storage limit exceeded. Upgrade your plan.")
}

/// Bytes that running uploads are going to add, by organisation; of those alone whose plan has a limit.
#[derive(Debug, Default, Clone)]
pub(crate) struct Reservations(Arc<Mutex<HashMap<OrgId, u64>>>);

/// The bytes that one upload is going to add. Dropped, it gives them back.
#[derive(Debug)]
pub(crate) struct Reservation {
    all: Reservations,
    org: OrgId,
    bytes: u64,
    /// What all uploads of the organisation together may add.
    room: u64,
    /// Bytes that the upload replaces, and so may bring without adding any.
    replaces: u64,
}

impl Reservations {
    fn begin(&self, org: OrgId, room: u64, replaces: u64) -> Reservation {
        Reservation { all: self.clone(), org, bytes: 0, room, replaces }
    }
}

impl Reservation {
    /// Reserves more. `QuotaExceeded` if there is no room for it beside what others have reserved.
    fn grow(&mut self, bytes: u64) -> Result<()> {
        let free = bytes.min(self.replaces);
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        let reserved = all.get(&self.org).copied().unwrap_or_default();
        let after = reserved.saturating_add(bytes - free);
        if after > self.room && bytes > free {
            return Err(exceeded());
        }
        all.insert(self.org, after);
        self.replaces -= free;
        self.bytes += bytes - free;
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = all.get(&self.org).copied().unwrap_or_default().saturating_sub(self.bytes);
        if left == 0 {
            all.remove(&self.org);
        } else {
            all.insert(self.org, left);
        }
    }
}

/// An upload that has been let in.
pub(crate) struct LetIn {
    /// The body; it ends with an error when it turns out to be more than is allowed.
    pub(crate) body: ByteStream,
    /// What is reserved for it, of a declared length: to be given back when the commit decides.
    pub(crate) reserved: Option<Reservation>,
    /// The plan that the commit is to hold it against.
    pub(crate) plan: Arc<Plan>,
}

impl Store {
    /// Lets a body in if its bucket and its plan have room for it, as far as that is known before its first byte.
    /// `declared` is its length; `replaced` looks up the bytes that it takes the place of.
    ///
    /// `BucketNotActive`, `FileTooLarge`, `QuotaExceeded`; the last two also in the middle of a body of unknown length.
    pub(crate) fn let_in(
        &self,
        bucket: &Bucket,
        declared: Option<u64>,
        replaced: impl FnOnce(&dyn Read) -> Result<u64>,
        body: ByteStream,
    ) -> Result<LetIn> {
        bucket.check_active()?;
        let plan = Arc::clone(self.plans.of(bucket.row.org)?);
        let size_limit = admission::size_limit(&bucket.row, &plan);
        if let Some(size) = declared {
            admission::check_size(&bucket.row, &plan, size)?;
        }
        let reservation = match limit_of(&plan).filter(|_| !bucket.row.is_sandbox()) {
            None => None,
            Some(max) => Some(self.reserve(bucket.row.org, max, replaced)?),
        };
        let (body, reserved) = match (declared, reservation) {
            (Some(size), Some(mut reservation)) => {
                reservation.grow(size)?;
                (body, Some(reservation))
            }
            (Some(_), None) => (body, None),
            (None, None) if size_limit.is_none() => (body, None),
            (None, reservation) => (measured(body, size_limit, reservation), None),
        };
        Ok(LetIn { body, reserved, plan })
    }

    fn reserve(&self, org: OrgId, max: u64, replaced: impl FnOnce(&dyn Read) -> Result<u64>) -> Result<Reservation> {
        self.meta.read(|read| {
            let stored = ORG_USAGE.get(read, &org)?.unwrap_or_default().storage_bytes;
            Ok(self.reservations.begin(org, max.saturating_sub(stored), replaced(read)?))
        })
    }
}

/// A body of unknown length that is measured as it comes in. What is reserved for it is given back at its end: from there
/// to its commit it is on its own, and the commit decides.
pub(crate) fn measured(body: ByteStream, size_limit: Option<u64>, reservation: Option<Reservation>) -> ByteStream {
    let state = (body, reservation, 0_u64);
    Box::pin(stream::try_unfold(state, move |(mut body, mut reservation, taken)| async move {
        let Some(piece) = body.next().await.transpose()? else { return Ok(None) };
        let taken = taken.saturating_add(piece.len() as u64);
        if let Some(limit) = size_limit.filter(|limit| taken > *limit) {
            return Err(admission::too_large(limit));
        }
        if let Some(reservation) = &mut reservation {
            reservation.grow(piece.len() as u64)?;
        }
        Ok(Some((piece, (body, reservation, taken))))
    }))
}

/// `QuotaBuckets` unless the plan has room for one more bucket beside `buckets`.
pub(crate) fn check_bucket_count(plan: &Plan, buckets: u64) -> Result<()> {
    let max = plan.max_buckets.unwrap_or(limit::BUCKETS_PER_ORG_MAX).min(limit::BUCKETS_PER_ORG_MAX);
    if buckets < max {
        return Ok(());
    }
    Err(Error::new(ErrorKind::QuotaBuckets, format!("Plan limit reached: maximum {max} bucket(s)")))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const ORG: OrgId = OrgId([1; 16]);

    #[test]
    fn reservations_share_the_room_and_give_it_back() {
        let all = Reservations::default();
        let (mut a, mut b) = (all.begin(ORG, 10, 0), all.begin(ORG, 10, 0));
        a.grow(6).unwrap();
        assert_eq!(b.grow(5).unwrap_err().kind(), ErrorKind::QuotaExceeded);
        b.grow(4).unwrap();
        drop(a);
        b.grow(6).unwrap();
        assert_eq!(b.grow(1).unwrap_err().kind(), ErrorKind::QuotaExceeded);
        drop(b);
        assert!(all.0.lock().unwrap().is_empty());
    }

    #[test]
    fn what_an_upload_replaces_needs_no_room() {
        let all = Reservations::default();
        let mut full = all.begin(ORG, 0, 5);
        full.grow(3).unwrap();
        full.grow(2).unwrap();
        assert_eq!(full.grow(1).unwrap_err().kind(), ErrorKind::QuotaExceeded);
        let mut other = all.begin(OrgId([2; 16]), 5, 0);
        other.grow(5).unwrap();
    }

    async fn read(body: ByteStream) -> Vec<Result<usize, ErrorKind>> {
        body.map(|piece| piece.map(|bytes| bytes.len()).map_err(|error| error.kind())).collect().await
    }

    fn body() -> ByteStream {
        Box::pin(stream::iter([4, 4, 4].map(|length| Ok(Bytes::from(vec![0; length])))))
    }

    #[tokio::test]
    async fn a_body_of_unknown_length_ends_where_a_limit_is_passed() {
        assert_eq!(read(measured(body(), Some(12), None)).await, [Ok(4), Ok(4), Ok(4)]);
        assert_eq!(read(measured(body(), Some(11), None)).await, [Ok(4), Ok(4), Err(ErrorKind::FileTooLarge)]);
        let all = Reservations::default();
        let reserved = all.begin(ORG, 7, 0);
        assert_eq!(read(measured(body(), None, Some(reserved))).await, [Ok(4), Err(ErrorKind::QuotaExceeded)]);
        assert!(all.0.lock().unwrap().is_empty());
    }

    #[test]
    fn a_plan_without_a_bucket_limit_still_ends_somewhere() {
        let plan = |max| Plan { max_buckets: max, ..Plan::unlimited("p") };
        assert!(check_bucket_count(&plan(Some(1)), 0).is_ok());
        let error = check_bucket_count(&plan(Some(1)), 1).unwrap_err();
        assert_eq!(error.message(), "Plan limit reached: maximum 1 bucket(s)");
        assert!(check_bucket_count(&plan(None), limit::BUCKETS_PER_ORG_MAX - 1).is_ok());
        assert!(check_bucket_count(&plan(None), limit::BUCKETS_PER_ORG_MAX).is_err());
    }
}
