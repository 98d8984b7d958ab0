//! What failed uploads leave upstream, and how it goes: parts without an object, and objects that no row will name.
//!
//! A process knows what its own uploads left, and removes it as soon as the upstream answers. What a process that died left
//! is found by listing: every upload that is open and is not one of those that run here. That is done at the start, and
//! again whenever `limit::SETTLED_MS` have passed: a request whose answer was lost, or that was under way when the process
//! before died, may be carried out after all.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};

use object_store::path::Path;

use super::RemoteBlobs;
use crate::error::Result;
use crate::id::BlobId;
use crate::limit::{LITTER_MAX, LITTER_STEP, SETTLED_MS, SWEEP_PAGES_MAX};
use crate::upstream::OpenUpload;

impl RemoteBlobs {
    /// Leaves a blob to the sweep.
    pub(in crate::blob) fn leave(&self, epoch: u32, blob: BlobId) {
        self.leave_path(self.path(epoch, blob));
    }

    /// Leaves whatever there is under a name to the sweep.
    pub(super) fn leave_path(&self, path: Path) {
        let mut litter = self.litter();
        if litter.len() < LITTER_MAX {
            litter.push(path);
        } else {
            tracing::warn!(%path, "too much was left upstream to remember; the sweep after the next start removes it");
        }
    }

    fn litter(&self) -> MutexGuard<'_, Vec<Path>> {
        self.0.litter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes whatever there is under a name: open uploads first, since one that is completed becomes an object.
    pub(super) async fn clean(&self, path: &Path) -> Result<()> {
        let provider = self.provider().await?;
        let RemoteBlobs(inner) = self;
        let mut after = None;
        for _ in 0..SWEEP_PAGES_MAX {
            let page =
                inner.client.list_uploads(&provider, &inner.options.bucket, path.as_ref(), after.as_ref()).await?;
            for upload in page.uploads.iter().filter(|upload| upload.key == path.as_ref()) {
                inner.client.abort_upload(&provider, &inner.options.bucket, upload).await?;
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        self.delete_paths(vec![path.clone()]).await
    }

    /// One bounded step: removes what uploads of this process left, then aborts those that nobody runs, if it is time.
    /// `age_ms` is how long this process has run, `epoch` its own. Returns how much was removed.
    pub(crate) async fn sweep_litter(&self, epoch: u32, age_ms: u64) -> Result<u64> {
        let mut removed = 0;
        for _ in 0..LITTER_STEP {
            let Some(path) = self.litter().pop() else { break };
            if let Err(error) = self.clean(&path).await {
                self.leave_path(path);
                return Err(error);
            }
            removed += 1;
        }
        if age_ms >= self.0.look_at_age_ms.load(Ordering::Relaxed) {
            removed += self.abort_dead(epoch).await?;
            self.0.look_at_age_ms.store(age_ms.saturating_add(SETTLED_MS), Ordering::Relaxed);
        }
        Ok(removed)
    }

    /// Takes note that an upload runs.
    pub(super) fn begins(&self, path: &Path) {
        self.running().insert(path.to_string());
    }

    /// Takes note that it does not any more.
    pub(super) fn ends(&self, path: &Path) {
        self.running().remove(path.as_ref());
    }

    fn running(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Aborts all uploads that nobody runs: those of epochs before this one, and those of this one that have ended.
    async fn abort_dead(&self, epoch: u32) -> Result<u64> {
        self.must_be_marked().await?;
        let provider = self.provider().await?;
        let RemoteBlobs(inner) = self;
        let root = match inner.options.prefix.as_str() {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        let is_dead = |upload: &&OpenUpload| {
            let of = upload.key.strip_prefix(&root).and_then(|rest| rest.split('/').next());
            match of.and_then(|of| u32::from_str_radix(of, 16).ok()) {
                Some(of) if of == epoch => !self.running().contains(&upload.key),
                Some(of) => of < epoch,
                None => false,
            }
        };
        let (mut after, mut aborted) = (None, 0);
        for _ in 0..SWEEP_PAGES_MAX {
            let page = inner.client.list_uploads(&provider, &inner.options.bucket, &root, after.as_ref()).await?;
            for upload in page.uploads.iter().filter(is_dead) {
                inner.client.abort_upload(&provider, &inner.options.bucket, upload).await?;
                aborted += 1;
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        if aborted > 0 {
            tracing::info!(aborted, "aborted uploads upstream that nobody runs any more");
        }
        Ok(aborted)
    }
}
