//! Every stored record as its present version writes it, and as earlier ones did. If a test here fails the format changed:
//! raise the record's `VERSION`, add a branch to its `migrate`, and keep the old bytes here as what that branch must read.

use bytes::Bytes;

use crate::bandwidth::BandwidthRow;
use crate::blob::row::{BlobRow, InlineRow, SumsRow};
use crate::blob::{Body, ChecksumAlgorithm, ChecksumKind};
use crate::bucket::{BucketRow, BucketSettings, BucketState, CachePreset, DeletionRow, OptimizationMode, Visibility};
use crate::id::{BlobId, BucketId, KeyId, OrgId, ShareId, UploadId};
use crate::key::{KeyOrigin, KeyRow, KeyUsedRow, Scope, Scopes};
use crate::meta::codec::{self, Record};
use crate::meta::table::IdRow;
use crate::name::BucketName;
use crate::object::{ETag, Metadata, ObjectHead, ObjectRow, StorageClass, SystemHeaders, hex};
use crate::org::OrgRow;
use crate::share::{PasswordHash, ShareRef, ShareRow};
use crate::sweep::GarbageRow;
use crate::upload::row::{ManifestRow, PartRow, Run, UploadRow};
use crate::usage::{OrgUsageRow, UsageRow};

fn same<R: Record + PartialEq + std::fmt::Debug>(record: R, fixture: &str) {
    assert_eq!(hex(&codec::encode(&record).unwrap()), fixture, "{record:?}");
    assert_eq!(codec::decode::<R>(&unhex(fixture)).unwrap(), record);
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn metadata() -> Metadata {
    let system = SystemHeaders { content_type: Some("text/plain".into()), ..SystemHeaders::default() };
    Metadata { system, user: vec![("e".into(), "v".into())] }
}

#[test]
fn objects() {
    let head = ObjectHead {
        size: 7,
        etag: ETag::Md5([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
        modified_ms: 1_780_000_000_650,
        class: StorageClass::Standard,
        checksum: Some((ChecksumAlgorithm::Crc32, ChecksumKind::FullObject)),
    };
    let row = ObjectRow {
        head,
        body: Body::Blob(BlobId([0x11; 16])),
        sequence: 9,
        version: None,
        checksum: vec![0xDE, 0xAD, 0xBE, 0xEF],
        metadata: metadata(),
    };
    same(
        row,
        "010700000102030405060708090a0b0c0d0e0f8a959282e733000100000211111111111111111111111111111111090004deadbeef010a746578742f706c61696e0000000000000101650176",
    );
}

#[test]
fn bytes() {
    same(
        InlineRow { refs: 2, crc32c: 0xE306_9283, bytes: Bytes::from_static(b"123456789") },
        "010283a59a980e09313233343536373839",
    );
    same(BlobRow { refs: 1, size: 70_000, epoch: 3 }, "0101f0a20403");
    same(SumsRow(vec![1, 2, 3, 4]), "010401020304");
    same(GarbageRow { sequence: 300 }, "02ac02");
    assert_eq!(codec::decode::<GarbageRow>(&[1]).unwrap(), GarbageRow { sequence: 0 }, "as version 1 wrote it");
}

#[test]
fn uploads() {
    let row = UploadRow {
        initiated_ms: 1_780_000_000_650,
        initiator: KeyId([2; 16]),
        class: StorageClass::IntelligentTiering,
        metadata: metadata(),
        checksum: Some((ChecksumAlgorithm::Sha256, ChecksumKind::Composite)),
    };
    same(row, "018a959282e7330202020202020202020202020202020204010a746578742f706c61696e0000000000000101650176010401");
    let row = PartRow {
        body: Body::Inline(BlobId([3; 16])),
        size: 9,
        md5: [4; 16],
        modified_ms: 1_780_000_000_650,
        checksum: Some((ChecksumAlgorithm::Crc64Nvme, vec![8; 8])),
    };
    same(
        row,
        "01010303030303030303030303030303030309040404040404040404040404040404048a959282e7330102080808080808080808",
    );
    let row = ManifestRow {
        refs: 1,
        size: 11 << 20,
        runs: vec![Run { first: 1, count: 2, size: 5 << 20 }, Run { first: 7, count: 1, size: 1 << 20 }],
        bucket: BucketId([5; 16]),
        key: "a/b".into(),
        etag: ETag::Multipart([6; 16], 3),
    };
    same(
        row,
        "01018080c0050201028080c00207018080400505050505050505050505050505050503612f62010606060606060606060606060606060603",
    );
    assert_eq!(UploadId::parse("01ARZ3NDEKTSV4RRFFQ69G5FAV").unwrap().to_string(), "01ARZ3NDEKTSV4RRFFQ69G5FAV");
}

/// What an earlier version wrote is read as `record`.
fn was<R: Record + PartialEq + std::fmt::Debug>(record: R, fixture: &str) {
    assert_eq!(codec::decode::<R>(&unhex(fixture)).unwrap(), record);
}

#[test]
fn owners() {
    let org =
        OrgRow { name: "root".into(), created_ms: 5, plan: "pro".into(), default_bucket: Some(BucketId([5; 16])) };
    same(org.clone(), "0204726f6f74050370726f0105050505050505050505050505050505");
    let org = OrgRow { plan: "enterprise".into(), default_bucket: None, ..org };
    was(org, "0104726f6f7405");
    let row = KeyRow {
        org: OrgId([1; 16]),
        name: "backup".into(),
        access_key_id: "AKBACKUP-1".into(),
        sealed_secret: vec![9; 4],
        token_hash: Some([7; 32]),
        scopes: Scopes::of(&[Scope::FilesRead, Scope::LogsRead]),
        buckets: Some(vec![BucketId([5; 16])]),
        expires_ms: Some(8),
        created_ms: 7,
        origin: KeyOrigin::Config,
        prefix: "bkt_abcd".into(),
    };
    same(
        row.clone(),
        "0201010101010101010101010101010101066261636b75700a414b4241434b55502d31040909090901070707070707070707070707070707070707070707070707070707070707070788100101050505050505050505050505050505050108070108626b745f61626364",
    );
    let row = KeyRow { access_key_id: "AKBACKUP".into(), prefix: "AKBACKUP".into(), ..row };
    was(
        row,
        "0101010101010101010101010101010101066261636b757008414b4241434b55500409090909010707070707070707070707070707070707070707070707070707070707070707881001010505050505050505050505050505050501080701",
    );
    same(KeyUsedRow { last_used_ms: 300 }, "01ac02");
    same(IdRow([1; 16]), "0101010101010101010101010101010101");
}

#[test]
fn buckets() {
    let row = BucketRow {
        name: BucketName::parse("photos").unwrap(),
        org: OrgId([1; 16]),
        created_ms: 6,
        location: "eu-west-1".into(),
        display_name: "My Photos".into(),
        state: BucketState::Deleting,
        settings: BucketSettings {
            cache_preset: CachePreset::Immutable,
            cache_control_override: Some("no-store".into()),
            cors_origins: vec!["https://a.test".into()],
            lifecycle_ttl_days: Some(30),
            max_file_size_bytes: Some(300),
            allowed_mime_types: Some(vec!["image/*".into()]),
            optimization_mode: OptimizationMode::Maximum,
            visibility: Visibility::Public,
        },
        updated_ms: 9,
    };
    same(
        row,
        "020670686f746f7301010101010101010101010101010101060965752d776573742d31094d792050686f746f73040401086e6f2d73746f7265010e68747470733a2f2f612e74657374011e01ac02010107696d6167652f2a030109",
    );
    let name = BucketName::parse("photos").unwrap();
    was(
        BucketRow::new(name, OrgId([1; 16]), 6, "eu-west-1"),
        "010670686f746f7301010101010101010101010101010101060965752d776573742d31",
    );
    same(
        DeletionRow { begun_ms: 1, objects: 300, bytes: 2, keys_after: Some(KeyId([4; 16])) },
        "0101ac02020104040404040404040404040404040404",
    );
}

#[test]
fn counters() {
    same(UsageRow { objects: 1, object_bytes: 2, uploads: 3, parts: 4, part_bytes: 5 }, "010102030405");
    same(OrgUsageRow { buckets: 1, storage_bytes: 300 }, "0101ac02");
    same(BandwidthRow { bytes: 300 }, "01ac02");
}

#[test]
fn shares() {
    let row = ShareRow {
        code_hash: [7; 32],
        key: "a/b".into(),
        made_by: KeyId([4; 16]),
        created_ms: 5,
        expires_ms: 6,
        password: Some(PasswordHash::fixed()),
    };
    same(
        row,
        "01070707070707070707070707070707070707070707070707070707070707070703612f620404040404040404040404040404040405060102010101010101010101010101010101010202020202020202020202020202020202020202020202020202020202020202",
    );
    same(
        ShareRef { bucket: BucketId([5; 16]), id: ShareId([6; 16]) },
        "010505050505050505050505050505050506060606060606060606060606060606",
    );
}
