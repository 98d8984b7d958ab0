//! The body of an answer on its way in: it ends with an error when the upstream pauses for too long or is gone.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http_body::Body as _;
use hyper::body::Incoming;

use super::outgoing::Cut;
use super::refusal;
use crate::blob::ByteStream;
use crate::error::Result;

/// An answer's body that is being read.
struct Arriving {
    incoming: Incoming,
    host: String,
    idle: Duration,
    /// Cuts what has not gone out of the request once nobody reads its answer.
    _request: Cut,
}

/// The bytes of an answer.
pub(super) fn bytes(incoming: Incoming, host: &str, idle: Duration, request: Cut) -> ByteStream {
    let arriving = Arriving { incoming, host: host.to_owned(), idle, _request: request };
    let bytes = stream::unfold(Some(arriving), |arriving| async {
        let mut arriving = arriving?;
        match arriving.next().await {
            Some(Ok(bytes)) => Some((Ok(bytes), Some(arriving))),
            Some(Err(error)) => Some((Err(error), None)),
            None => None,
        }
    });
    // Who takes a body in asks once more after its end.
    Box::pin(bytes.fuse())
}

impl Arriving {
    async fn next(&mut self) -> Option<Result<Bytes>> {
        loop {
            let frame = poll_fn(|cx| Pin::new(&mut self.incoming).poll_frame(cx));
            match tokio::time::timeout(self.idle, frame).await {
                // Trailers tell nothing that is wanted.
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(bytes) if !bytes.is_empty() => return Some(Ok(bytes)),
                    _ => {}
                },
                Ok(Some(Err(cause))) => return Some(Err(refusal::lost(&self.host, cause))),
                Ok(None) => return None,
                Err(_) => return Some(Err(refusal::silent(&self.host))),
            }
        }
    }
}
