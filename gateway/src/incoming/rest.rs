//! What a client still sends when its request is refused early. A connection that is closed with unread bytes is reset,
//! and a reset can overtake the answer; so a moderate rest is read and dropped before the answer goes out. Large rests
//! are not waited for, and neither is a body that the client holds back until it is told to continue.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
pub(crate) struct Rest(Arc<Mutex<Unread>>);

#[derive(Debug, Default)]
struct Unread {
    incoming: Option<Incoming>,
    /// Some of it will never be read: what comes next on the connection may be the rest of it or another request.
    abandoned: bool,
}

impl Rest {
    /// Puts a body back.
    pub(super) fn put(&self, incoming: Incoming) {
        self.lock().incoming = Some(incoming);
    }

    /// Notes that a body will not be read, because the client was not told to send it.
    pub(super) fn abandon(&self) {
        self.lock().abandoned = true;
    }

    /// Leaves what was put back unread: the client had its time.
    pub(crate) fn give_up(&self) {
        let mut unread = self.lock();
        unread.abandoned |= unread.incoming.take().is_some();
    }

    /// Reads and drops what was put back, within the limits. True if the connection can take another request; after
    /// false its answer must say that it will be closed.
    pub(crate) async fn drain(&self) -> bool {
        let incoming = self.lock().incoming.take();
        if let Some(mut incoming) = incoming {
            let short = incoming.size_hint().lower() <= REST_BYTES_MAX;
            if !short || tokio::time::timeout(REST_TIME_MAX, drop_frames(&mut incoming)).await.is_err() {
                self.abandon();
            }
        }
        !self.lock().abandoned
    }

    fn lock(&self) -> MutexGuard<'_, Unread> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
