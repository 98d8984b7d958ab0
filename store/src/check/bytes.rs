//! Reads every stored byte and holds it against its checksums; looks for files that no row names.

use super::{Finding, Report};
use crate::StoreOptions;
use crate::blob::row::BlobRow;
use crate::blob::{Fault, LocalBlobs, blocks_in, sums_of, verify_file, verify_inline};
use crate::error::Result;
use crate::id::BlobId;
use crate::meta::table::{BLOBS, INLINE};
use crate::meta::{KeyRange, Read, Step};
use crate::state;
use crate::store::blobs_dir;
use crate::sweep::orphans_in;

/// The blobs of a store that no process uses.
pub(super) fn open_blobs(read: &dyn Read, options: &StoreOptions) -> Result<LocalBlobs> {
    LocalBlobs::open(&blobs_dir(options), state::epoch(read)?, None)
}

/// Reads all bytes, but for blobs that wait for the sweep: those may be unlinked already.
pub(super) fn verify_all(
    read: &dyn Read,
    blobs: &LocalBlobs,
    is_garbage: impl Fn(BlobId, &BlobRow) -> bool,
    report: &mut Report,
) -> Result<()> {
    INLINE.scan(read, &KeyRange::all(), |id, row| {
        report.saw(id, row.bytes.len() as u64, verify_inline(&row));
        Ok(Step::Continue)
    })?;
    BLOBS.scan(read, &KeyRange::all(), |id, row| {
        if !is_garbage(id, &row) {
            let file = blobs.open_file(row.epoch, id);
            let fault = verify_file(id, file, row.size, 0..blocks_in(row.size), |group| sums_of(read, id, group));
            report.saw(id, row.size, fault);
        }
        Ok(Step::Continue)
    })
}

/// Looks for files that no row names.
pub(super) fn find_orphans(read: &dyn Read, blobs: &LocalBlobs, report: &mut Report) -> Result<()> {
    for epoch in blobs.epochs()? {
        for folder in blobs.fans(epoch)? {
            report.findings.extend(orphans_in(read, &folder)?.into_iter().map(Finding::Orphan));
        }
    }
    Ok(())
}

impl Report {
    fn saw(&mut self, id: BlobId, size: u64, fault: Option<Fault>) {
        self.blobs += 1;
        self.bytes += size;
        self.findings.extend(fault.map(|fault| match fault {
            Fault::Missing => Finding::MissingBlob(id),
            Fault::Damaged(how) => Finding::Damaged(id, how),
        }));
    }
}
