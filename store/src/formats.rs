//! Every stored record as version 1 wrote it. If a test here fails the format changed: raise the record's `VERSION`, add a
//! branch to its `migrate`, and keep the old bytes here as what that branch must read.

use bytes::Bytes;

use crate::blob::row::{BlobRow, InlineRow, SumsRow};
use crate::blob::{Body, ChecksumAlgorithm, ChecksumKind};
use crate::bucket::BucketRow;
use crate::id::{BlobId, BucketId, KeyId, OrgId, UploadId};
use crate::key::{KeyOrigin, KeyRow, Scope, Scopes};
use crate::meta::codec::{self, Record};
use crate::meta::table::IdRow;
use crate::name::BucketName;
use crate::object::{ETag, Metadata, ObjectHead, ObjectRow, StorageClass, SystemHeaders, hex};
use crate::org::OrgRow;
use crate::sweep::GarbageRow;
use crate::upload::row::{ManifestRow, PartRow, Run, UploadRow};
use crate::usage::UsageRow;

fn same<R: Record + PartialEq + std::fmt::Debug>(record: R, fixture: &str) {
    let bytes: Vec<u8> =
        (0..fixture.len()).step_by(2).map(|at| u8::from_str_radix(&fixture[at..at + 2], 16).unwrap()).collect();
    assert_eq!(hex(&codec::encode(&record).unwrap()), fixture, "{record:?}");
    assert_eq!(codec::decode::<R>(&bytes).unwrap(), record);
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

#[test]
fn owners() {
    same(OrgRow { name: "root".into(), created_ms: 5 }, "0104726f6f7405");
    let row = BucketRow {
        name: BucketName::parse("photos").unwrap(),
        org: OrgId([1; 16]),
        created_ms: 6,
        location: "eu-west-1".into(),
    };
    same(row, "010670686f746f7301010101010101010101010101010101060965752d776573742d31");
    let row = KeyRow {
        org: OrgId([1; 16]),
        name: "backup".into(),
        access_key_id: "AKBACKUP".into(),
        sealed_secret: vec![9; 4],
        token_hash: Some([7; 32]),
        scopes: Scopes::of(&[Scope::FilesRead, Scope::LogsRead]),
        buckets: Some(vec![BucketId([5; 16])]),
        expires_ms: Some(8),
        created_ms: 7,
        origin: KeyOrigin::Config,
    };
    same(
        row,
        "0101010101010101010101010101010101066261636b757008414b4241434b55500409090909010707070707070707070707070707070707070707070707070707070707070707881001010505050505050505050505050505050501080701",
    );
    same(IdRow([1; 16]), "0101010101010101010101010101010101");
    same(UsageRow { objects: 1, object_bytes: 2, uploads: 3, parts: 4, part_bytes: 5 }, "010102030405");
}
