//! How fast bytes are brought in the background.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;

use crate::blob::ByteStream;
use crate::clock::Clock;

/// A rate that all streams of a job share.
#[derive(Debug)]
pub struct Pace {
    bytes_per_second: u64,
    /// When the next byte may come, in microseconds since the epoch.
    next_us: Mutex<u64>,
}

impl Pace {
    /// So many bytes a second; 0 is as fast as it goes.
    pub fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second, next_us: Mutex::new(0) }
    }

    /// The same stream, no faster than that together with the others.
    pub(super) fn slow(self: &Arc<Self>, body: ByteStream, clock: &Arc<dyn Clock>) -> ByteStream {
        if self.bytes_per_second == 0 {
            return body;
        }
        let (pace, clock) = (Arc::clone(self), Arc::clone(clock));
        Box::pin(body.then(move |piece| {
            let length = piece.as_ref().map_or(0, |piece| piece.len() as u64);
            let wait = pace.reserve(length, clock.now());
            async move {
                tokio::time::sleep(wait).await;
                piece
            }
        }))
    }

    /// Takes so many bytes' time; returns how long to wait until it begins.
    fn reserve(&self, length: u64, now_ms: u64) -> Duration {
        let takes_us = length.saturating_mul(1_000_000) / self.bytes_per_second.max(1);
        let now_us = now_ms.saturating_mul(1_000);
        let mut next_us = self.next_us.lock().unwrap_or_else(PoisonError::into_inner);
        let begins_us = (*next_us).max(now_us);
        *next_us = begins_us.saturating_add(takes_us);
        Duration::from_micros(begins_us - now_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_wait_for_those_before_them_and_idleness_is_not_saved_up() {
        let pace = Pace::new(1_000);
        assert_eq!(pace.reserve(500, 10), Duration::ZERO);
        assert_eq!(pace.reserve(500, 10), Duration::from_millis(500));
        assert_eq!(pace.reserve(1, 510), Duration::from_millis(500));
        assert_eq!(pace.reserve(1_000, 60_000), Duration::ZERO);
        assert_eq!(pace.reserve(1, 60_000), Duration::from_secs(1));
    }
}
