//! Listing keys: printed and sent step by step, so that memory does not grow with the listing.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use http::{HeaderValue, Response, header};
use windlass_store::Store;
use windlass_store::kv::{KvGrant, KvListing, KvWalk};

use super::Call;
use super::format::{Format, Printer};
use crate::answer::Answer;
use crate::error::{Error, Result};

/// Keys that are listed where the request does not say how many.
const LIMIT: u64 = 10_000;

/// A listing on its way to a client.
struct Sending {
    store: Arc<Store>,
    walk: KvWalk,
    printer: Printer,
    more: bool,
}

impl Call<'_> {
    pub(super) fn list(&self, grant: &KvGrant) -> Result<Answer> {
        let query = self.query;
        let format = Format::of(query.get("format"), &self.head.headers)?;
        let base64 = match query.get("binary") {
            None => false,
            Some(b"base64") => true,
            Some(_) => return Err(Error::bad_request("binary must be base64")),
        };
        let listing = KvListing {
            prefix: query.get("prefix").map(<[u8]>::to_vec),
            after: query.get("after").map(<[u8]>::to_vec),
            reverse: query.flag("reverse")?,
            values: query.flag("values")?,
            skip: query.number("skip")?.unwrap_or_default(),
            limit: query.number("limit")?.unwrap_or(LIMIT),
        };
        let walk = self.store().kv_list(grant, listing)?;
        let printer = Printer::new(format, base64);
        let mut sending = Sending { store: Arc::clone(self.store()), walk, printer, more: true };
        let mut begin = Vec::new();
        sending.printer.begin(&mut begin);
        // What fails at once is told with its status.
        sending.step(&mut begin)?;
        let body = if sending.more { sending.into_body(begin) } else { Body::from(begin) };
        let mut answer = Response::new(body);
        answer.headers_mut().insert(header::CONTENT_TYPE, format.content_type());
        answer.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
        Ok(answer)
    }
}

impl Sending {
    /// Prints what comes next, behind the last key the end too.
    fn step(&mut self, out: &mut Vec<u8>) -> Result<(), windlass_store::Error> {
        let (page, more) = self.store.kv_step(&mut self.walk)?;
        page.iter().for_each(|listed| self.printer.print(listed, out));
        if !more {
            self.printer.end(out);
        }
        self.more = more;
        Ok(())
    }

    fn into_body(self, begin: Vec<u8>) -> Body {
        let pieces = stream::try_unfold((self, begin), |(mut sending, mut ready)| async move {
            while ready.is_empty() && sending.more {
                // Keys that are passed over make no answer, and others wait for this thread.
                tokio::task::yield_now().await;
                sending.step(&mut ready)?;
            }
            let piece = (!ready.is_empty()).then(|| (Bytes::from(ready), (sending, Vec::new())));
            Ok::<_, windlass_store::Error>(piece)
        });
        Body::from_stream(pieces)
    }
}
