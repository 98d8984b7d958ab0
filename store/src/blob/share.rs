//! What running uploads may hold in memory together. Each gathers a chunk while it writes another; the more of them run,
//! the smaller the chunks, so that hundreds of slow uploads do not take hundreds of times what one takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::limit;

/// Counts the uploads that run.
#[derive(Debug, Default, Clone)]
pub(crate) struct Shares(Arc<AtomicUsize>);

/// One upload's share, for as long as it runs.
#[derive(Debug)]
pub(crate) struct Share(Shares);

impl Shares {
    /// Begins an upload.
    pub(crate) fn take(&self) -> Share {
        self.0.fetch_add(1, Ordering::Relaxed);
        Share(self.clone())
    }
}

impl Share {
    /// Bytes to gather before the next write: above every inline limit, so that a shorter chunk is a whole body.
    pub(crate) fn chunk_bytes(&self) -> usize {
        let running = self.0.0.load(Ordering::Relaxed).max(1);
        (limit::INGEST_BYTES / (2 * running)).clamp(limit::WRITE_CHUNK_BYTES_MIN, limit::WRITE_CHUNK_BYTES)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_uploads_gather_smaller_chunks_and_few_go_back_to_large_ones() {
        let shares = Shares::default();
        let one = shares.take();
        assert_eq!(one.chunk_bytes(), limit::WRITE_CHUNK_BYTES);
        let many: Vec<Share> = (0..199).map(|_| shares.take()).collect();
        assert!(one.chunk_bytes() * 2 * 200 <= limit::INGEST_BYTES);
        drop(many);
        assert_eq!(one.chunk_bytes(), limit::WRITE_CHUNK_BYTES);
    }
}
