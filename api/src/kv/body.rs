//! Bodies of requests, which are all held whole and so all bounded.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use http_body::Body as _;

use super::query::Query;
use crate::error::{Error, Result};
use crate::input::pieces;
use crate::limit;

/// A body of at most `max` bytes; a longer one is refused with that message.
pub(super) async fn collect(body: Body, max: usize, too_long: &'static str) -> Result<Bytes> {
    let refuse = || Err(Error::bad_request(too_long));
    if body.size_hint().lower() > max as u64 {
        return refuse();
    }
    let mut pieces = pieces(body);
    let Some(first) = pieces.next().await.transpose()? else { return Ok(Bytes::new()) };
    if first.len() > max {
        return refuse();
    }
    // Mostly there is no second one, and nothing to copy.
    let Some(mut piece) = pieces.next().await.transpose()? else { return Ok(first) };
    let mut whole = BytesMut::from(first);
    loop {
        if whole.len() + piece.len() > max {
            return refuse();
        }
        whole.extend_from_slice(&piece);
        match pieces.next().await.transpose()? {
            Some(next) => piece = next,
            None => return Ok(whole.freeze()),
        }
    }
}

/// The fields of a form.
pub(super) async fn form(body: Body) -> Result<Query> {
    Ok(Query::parse(&collect(body, limit::KV_FORM_BYTES_MAX, "The form is too large").await?))
}
