//! Key-value buckets.

use bytes::Bytes;

use super::same;
use crate::id::OrgId;
use crate::kv::{KvBucketRow, KvDeletionRow, KvEntryRow, KvExpiryRow, KvScriptRow, KvToken, KvUsageRow};

#[test]
fn key_values() {
    let row = KvBucketRow {
        org: OrgId([2; 16]),
        name: "n".into(),
        created_ms: 5,
        updated_ms: 300,
        secret_key: Some([3; 32]),
        read_key: None,
        write_key: Some([4; 32]),
        signing_key: Some(vec![6, 7]),
        signing_epoch: 8,
        default_ttl_s: 604_800,
        deleted_ms: Some(9),
    };
    same(
        row,
        "0102020202020202020202020202020202016e05ac0201030303030303030303030303030303030303030303030303030303030303030300010404040404040404040404040404040404040404040404040404040404040404010206070880f5240109",
    );
    let value = Bytes::from_static(b"v");
    same(KvEntryRow { expires_ms: Some(300), content_type: Some("t".into()), value }, "0101ac020101740176");
    same(KvExpiryRow, "01");
    same(KvUsageRow { keys: 1, bytes: 300 }, "0101ac02");
    same(KvDeletionRow { holds: true }, "0101");
    same(KvScriptRow { changed_ms: 300, bytes: 1, source: "s".into() }, "01ac02010173");
    // Not stored here, but kept by those who were given one.
    same(KvToken::fixed(), "0101010101010101010101010101010101017001000100ac0205");
}
