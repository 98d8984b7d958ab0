//! What a client still sends when its request is refused early. A connection that is closed with unread bytes is reset,
//! and a reset can overtake the answer; so a moderate rest is read and dropped before the answer goes out. Large rests
//! are not waited for, and neither is a body that the client holds back until it is told to continue.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

/// Most bytes that are read for the sake of the answer: a part of the size that SDKs choose.
const REST_BYTES_MAX: u64 = 16 << 20;
/// Longest time that the answer waits for them.
const REST_TIME_MAX: Duration = Duration::from_secs(5);

/// Where a body is put back when nobody reads on.
#[derive(Debug, Default, Clone)]
pub(super) struct Rest(Arc<Mutex<Option<Incoming>>>);

impl Rest {
    /// Puts a body back.
    pub(super) fn put(&self, incoming: Incoming) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(incoming);
    }

    /// Reads and drops what was put back, within the limits.
    pub(super) async fn drain(&self) {
        let incoming = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut incoming) = incoming
            && incoming.size_hint().lower() <= REST_BYTES_MAX
        {
            // If time runs out the connection is closed, as for a large rest.
            let _ = tokio::time::timeout(REST_TIME_MAX, drop_frames(&mut incoming)).await;
        }
    }
}

async fn drop_frames(incoming: &mut Incoming) {
    let mut left = REST_BYTES_MAX;
    while let Some(Ok(frame)) = incoming.frame().await {
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        match left.checked_sub(length) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}
