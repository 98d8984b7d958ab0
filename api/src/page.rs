//! Pages: how many entries, and where to go on.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use serde_json::json;
use windlass_store::object::Position;

use crate::field::{Or, Parsed, Whole};
use crate::limit;

/// The `limit` of a list of buckets, keys or logs.
pub(crate) const LIMIT: Or<Whole> = Or(Whole(limit::PAGE), limit::PAGE_DEFAULT);
/// The `limit` of a list of files or folders.
pub(crate) const FILES_LIMIT: Or<Whole> = Or(Whole(limit::FILES_PAGE), limit::FILES_PAGE_DEFAULT);
/// What is told of a cursor that is none of ours.
pub(crate) const BAD_CURSOR: &str = "Invalid cursor";

/// The `cursor` of a list of files or folders.
pub(crate) const FILES_CURSOR: Parsed<Position> = Parsed {
    parse: read_position,
    message: BAD_CURSOR,
    schema: || json!({ "pattern": "^[kg]([A-Za-z0-9_-]{4})*([A-Za-z0-9_-]{2,3})?$", "maxLength": CURSOR_BYTES_MAX }),
};

/// Bytes of the longest cursor: more than that of the longest key.
const CURSOR_BYTES_MAX: usize = 1_400;

/// Takes every text of the right letters and length: where a cursor that somebody made up leads does not matter.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Where the next page of a list of files begins, as a cursor.
pub(crate) fn position(position: &Position) -> Option<String> {
    let (kind, text) = match position {
        Position::Start => return None,
        Position::AfterKey(key) => ('k', key),
        Position::AfterGroup(group) => ('g', group),
    };
    Some(format!("{kind}{}", URL_SAFE_NO_PAD.encode(text)))
}

fn read_position(cursor: &str) -> Option<Position> {
    if cursor.len() > CURSOR_BYTES_MAX {
        return None;
    }
    let text = String::from_utf8_lossy(&LENIENT.decode(cursor.get(1..)?).ok()?).into_owned();
    match cursor.get(..1)? {
        "k" => Some(Position::AfterKey(text)),
        "g" => Some(Position::AfterGroup(text)),
        _ => None,
    }
}

/// Entries asked for as a number in memory: it is within the bounds of a page.
pub(crate) fn count(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_come_back_from_their_cursors() {
        for at in [Position::AfterKey("a//b é".to_owned()), Position::AfterGroup("x/".to_owned())] {
            let cursor = position(&at).unwrap();
            assert!(cursor.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'), "{cursor}");
            assert_eq!(read_position(&cursor), Some(at));
        }
        assert_eq!(position(&Position::Start), None);
        for bad in ["", "k!", "xYQ", "YQ", "é", "k0", "kYQ==", &"k".repeat(1_401)] {
            assert_eq!(read_position(bad), None, "{bad}");
        }
        for made_up in ["k", "g00", "k_w", "kYR"] {
            assert!(read_position(made_up).is_some(), "{made_up}");
        }
    }
}
