//! Lists: `{"items", "nextCursor", "hasMore"}`. A cursor is base64url of where the page before ended.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde::Serialize;
use serde_json::json;

use crate::answer::{Answer, json};
use crate::field::{Optional, Parsed, inputs};
use crate::page::{self, BAD_CURSOR};

/// A place in the order of all commits, in a cursor.
pub(super) const PLACE: Parsed<u64> =
    Parsed { parse: |text| bytes(text).map(u64::from_be_bytes), message: BAD_CURSOR, schema: || json!({}) };
/// An identifier, in a cursor.
pub(super) const ID: Parsed<[u8; 16]> = Parsed { parse: bytes::<16>, message: BAD_CURSOR, schema: || json!({}) };

inputs! {
    /// Which page of a list that goes by identifiers.
    PageQuery {
        /// Where the page before ended.
        cursor: Option<[u8; 16]> = "cursor", Optional(ID);
        /// How many.
        limit: u64 = "limit", page::LIMIT;
    }
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// A page of a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct List<T> {
    items: Vec<T>,
    next_cursor: Option<String>,
    has_more: bool,
}

impl<T: Serialize> List<T> {
    pub(super) fn new(items: Vec<T>, next: Option<&[u8]>) -> Self {
        Self { items, next_cursor: next.map(|next| URL_SAFE_NO_PAD.encode(next)), has_more: next.is_some() }
    }

    /// A page whose next one is found by a text of ours.
    pub(super) fn named(items: Vec<T>, next: Option<String>) -> Self {
        Self { items, has_more: next.is_some(), next_cursor: next }
    }

    /// The page that a query asks of a list that is there as a whole, in the order of its identifiers.
    pub(super) fn of(mut all: Vec<([u8; 16], T)>, query: &PageQuery) -> Self {
        all.sort_by_key(|(id, _)| *id);
        all.retain(|(id, _)| query.cursor.is_none_or(|cursor| *id > cursor));
        let max = page::count(query.limit);
        let next = (all.len() > max).then(|| all.get(max.saturating_sub(1)).map(|(id, _)| *id)).flatten();
        all.truncate(max);
        Self::new(all.into_iter().map(|(_, item)| item).collect(), next.as_ref().map(<[u8; 16]>::as_slice))
    }

    pub(super) fn into_answer(self) -> Answer {
        json(StatusCode::OK, &self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{Given, Kind};

    #[test]
    fn pages_follow_each_other_by_their_cursors() {
        let all = || (0..5_u8).rev().map(|n| ([n; 16], n)).collect::<Vec<_>>();
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let page = List::of(all(), &PageQuery { cursor, limit: 2 });
            seen.extend(page.items);
            assert_eq!(page.has_more, page.next_cursor.is_some());
            let Some(next) = page.next_cursor else { break };
            cursor = Some(ID.read("cursor", Given::Text(&next)).unwrap());
        }
        assert_eq!(seen, [0, 1, 2, 3, 4]);
        for bad in ["", "x", "AAAAAAAAAAA="] {
            assert!(PLACE.read("cursor", Given::Text(bad)).is_err(), "{bad}");
        }
    }
}
