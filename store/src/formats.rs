//! Every stored record as its present version writes it, and as earlier ones did. If a test here fails the format changed:
//! raise the record's `VERSION`, add a branch to its `migrate`, and keep the old bytes here as what that branch must read.

mod kv;
mod uploads;

use bytes::Bytes;

use crate::account::{Access, AccountRow, AccountStatus, SealedKeys};
use crate::acl::{Acl, AclGrant, BucketAcl, Grantee, Permission};
use crate::adopt::{AdoptionRow, Failure, Phase, TombstoneRow};
use crate::bandwidth::BandwidthRow;
use crate::blob::row::{BlobRow, InlineRow, SumsRow};
use crate::blob::{Body, ChecksumAlgorithm, ChecksumKind};
use crate::bucket::{
    BucketRow, BucketSettings, BucketState, CachePreset, DeletionRow, DocumentSet, OptimizationMode, Versioning,
    Visibility,
};
use crate::cors::{Cors, CorsRule};
use crate::id::{AccountId, BlobId, BucketId, KeyId, OrgId, ShareId, UploadId};
use crate::key::{KeyOrigin, KeyRow, KeyUsedRow, Scope, Scopes};
use crate::lifecycle::{Expiration, Filter, FilterForm, Lifecycle, LifecycleRule, NoncurrentExpiration};
use crate::link::{Adoption, Link, ManagedSettings};
use crate::meta::codec::{self, Record, Tagged};
use crate::meta::table::IdRow;
use crate::name::BucketName;
use crate::notification::{EventKind, EventRow, Notification, Subscription, SubscriptionForm};
use crate::object::{
    DefaultRetention, ETag, Extras, LockMode, MarkerRow, Metadata, NullRow, ObjectHead, ObjectLock, ObjectRow, Period,
    Retention, StorageClass, SystemHeaders, VersionRow, hex,
};
use crate::org::OrgRow;
use crate::policy::{BucketPolicy, Ownership, PublicAccessBlock};
use crate::share::{PasswordHash, ShareRef, ShareRow};
use crate::sweep::GarbageRow;
use crate::tag::BucketTags;
use crate::upload::row::{ManifestRow, PartRow, Run, UploadRow};
use crate::usage::{OrgUsageRow, UsageRow};
use crate::website::{Protocol, Route, RouteKey, RouteTo, RouteWhen, Website};

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
        extras: Extras::default(),
    };
    was(
        row.clone(),
        "010700000102030405060708090a0b0c0d0e0f8a959282e733000100000211111111111111111111111111111111090004deadbeef010a746578742f706c61696e0000000000000101650176",
    );
    same(
        row.clone(),
        "020700000102030405060708090a0b0c0d0e0f8a959282e733000100000211111111111111111111111111111111090004deadbeef010a746578742f706c61696e000000000000010165017600000000",
    );
    let extras = extras();
    let old = VersionRow::Object(Tagged(ObjectRow { version: Some([7; 16]), extras, ..row }));
    same(
        old,
        "01008d01020700000102030405060708090a0b0c0d0e0f8a959282e73300010000021111111111111111111111111111111109010707070707070707070707070707070704deadbeef010a746578742f706c61696e000000000000010165017601017401750101ac0201010108080808080808080808080808080808020008080808080808080808080808080808000101",
    );
    same(VersionRow::Marker(MarkerRow { sequence: 300, version: None, modified_ms: 5 }), "0101ac020005");
    same(NullRow { sequence: 300 }, "01ac02");
}

fn extras() -> Extras {
    let grants = vec![
        AclGrant { grantee: Grantee::Org(OrgId([8; 16])), permission: Permission::FullControl },
        AclGrant { grantee: Grantee::AllUsers, permission: Permission::Read },
    ];
    Extras {
        tags: vec![("t".into(), "u".into())],
        retention: Some(Retention { mode: LockMode::Compliance, until_ms: 300 }),
        legal_hold: Some(true),
        acl: Some(Acl { owner: OrgId([8; 16]), grants }),
    }
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
fn adoptions() {
    let row = AdoptionRow {
        account: AccountId([4; 16]),
        name: "b".into(),
        begun_ms: 5,
        ended_ms: None,
        phase: Phase::Bringing,
        passes: 2,
        after: Some("k".into()),
        objects_total: 300,
        bytes_total: 7,
        objects: 3,
        bytes: 4,
        failed: 1,
        failure: Some(Failure { key: Some("k".into()), message: "m".into() }),
        brought: 6,
        brought_bytes: 8,
        unverified: 9,
        retry_ms: 10,
    };
    same(row, "010404040404040404040404040404040401620500010201016bac02070304010101016b016d0608090a");
    same(TombstoneRow, "01");
}

#[test]
fn uploads() {
    let row = UploadRow {
        initiated_ms: 1_780_000_000_650,
        initiator: KeyId([2; 16]),
        class: StorageClass::IntelligentTiering,
        metadata: metadata(),
        checksum: Some((ChecksumAlgorithm::Sha256, ChecksumKind::Composite)),
        extras: Extras::default(),
    };
    was(
        row.clone(),
        "018a959282e7330202020202020202020202020202020204010a746578742f706c61696e0000000000000101650176010401",
    );
    same(
        row,
        "028a959282e7330202020202020202020202020202020204010a746578742f706c61696e000000000000010165017601040100000000",
    );
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
        versioning: Versioning::Off,
        object_lock: None,
        documents: DocumentSet::default(),
        revision: 0,
    };
    was(
        row.clone(),
        "020670686f746f7301010101010101010101010101010101060965752d776573742d31094d792050686f746f73040401086e6f2d73746f7265010e68747470733a2f2f612e74657374011e01ac02010107696d6167652f2a030109",
    );
    let default = DefaultRetention { mode: LockMode::Governance, period: Period::Years(2) };
    let row = BucketRow {
        versioning: Versioning::Enabled,
        object_lock: Some(ObjectLock { default: Some(default) }),
        revision: 300,
        ..row
    };
    same(
        row,
        "030670686f746f7301010101010101010101010101010101060965752d776573742d31094d792050686f746f73040401086e6f2d73746f7265010e68747470733a2f2f612e74657374011e01ac02010107696d6167652f2a03010901010100010200ac02",
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
fn rules_of_buckets() {
    for (ownership, fixture) in [
        (Ownership::Enforced, "0100"),
        (Ownership::Preferred, "0101"),
        (Ownership::Writer, "0102"),
        (Ownership::Removed, "0103"),
    ] {
        same(ownership, fixture);
    }
    let block = PublicAccessBlock { block_acls: true, block_policy: true, ..PublicAccessBlock::default() };
    same(block, "0101000100");
    let groups = [Grantee::Org(OrgId([8; 16])), Grantee::AllUsers, Grantee::AuthenticatedUsers, Grantee::LogDelivery];
    let rights =
        [Permission::FullControl, Permission::Read, Permission::Write, Permission::ReadAcp, Permission::WriteAcp];
    let lines = rights.into_iter().zip(groups.into_iter().cycle());
    let grants = lines.map(|(permission, grantee)| AclGrant { grantee, permission }).collect();
    same(
        BucketAcl(Acl { owner: OrgId([7; 16]), grants }),
        "010707070707070707070707070707070705000808080808080808080808080808080800010102020303000808080808080808080808080808080804",
    );
    let text = r#"{"Statement":{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}}"#;
    same(
        BucketPolicy::parse(text).unwrap(),
        "014b7b2253746174656d656e74223a7b22456666656374223a2244656e79222c225072696e636970616c223a222a222c22416374696f6e223a222a222c225265736f75726365223a222a227d7d",
    );
}

#[test]
fn documents_of_buckets() {
    same(BucketTags(vec![("a".into(), "1".into())]), "010101610131");
    let cors = CorsRule {
        id: Some("r".into()),
        origins: vec!["*".into()],
        methods: vec!["GET".into()],
        headers: vec!["h".into()],
        exposed: vec!["e".into()],
        max_age_seconds: Some(300),
    };
    same(Cors { rules: vec![cors] }, "010101017201012a010347455401016801016501ac02");
}

#[test]
fn life_cycles() {
    let and = Filter {
        form: FilterForm::And,
        prefix: Some("p".into()),
        tags: vec![("a".into(), "1".into())],
        larger_than: Some(1),
        smaller_than: Some(300),
    };
    let noncurrent = Some(NoncurrentExpiration { days: 2, newer_kept: Some(3) });
    let rule = |filter: Filter, expiration| LifecycleRule {
        id: "r".into(),
        enabled: true,
        filter,
        expiration: Some(expiration),
        noncurrent,
        abort_days: Some(7),
    };
    let old = Filter { form: FilterForm::Old, prefix: Some("p".into()), ..Filter::default() };
    let rules = vec![
        rule(and, Expiration::Days(300)),
        rule(old, Expiration::Date(86_400_000)),
        rule(Filter::default(), Expiration::DeleteMarker(true)),
    ];
    same(
        Lifecycle { rules },
        "0103017201020101700101610131010101ac020100ac0201020103010701720100010170000000010180b899290102010301070172010100000000010201010201030107",
    );
}

#[test]
fn websites() {
    same(Website::Elsewhere { host: "h".into(), protocol: Some(Protocol::Https) }, "010001680101");
    let when = Some(RouteWhen { prefix: Some("p".into()), status: Some(404) });
    let route = |key| Route {
        when: when.clone(),
        to: RouteTo { host: Some("h".into()), protocol: Some(Protocol::Http), status: Some(302), key },
    };
    let keys = [RouteKey::Same, RouteKey::Prefix("x".into()), RouteKey::Whole("y".into())];
    let routes = keys.into_iter().map(route).collect();
    same(
        Website::Documents { index: "i".into(), error: Some("e".into()), routes },
        "010101690101650301010170019403010168010001ae020001010170019403010168010001ae0201017801010170019403010168010001ae02020179",
    );
}

#[test]
fn notifications() {
    let subscribe = |form| Subscription {
        id: "s".into(),
        form,
        arn: "a".into(),
        target: "t".into(),
        events: vec!["s3:ObjectCreated:*".into()],
        prefix: Some("p".into()),
        suffix: None,
    };
    let forms = [SubscriptionForm::Queue, SubscriptionForm::Topic, SubscriptionForm::Function];
    same(
        Notification { subscriptions: forms.map(subscribe).into() },
        "010301730001610174011273333a4f626a656374437265617465643a2a0101700001730101610174011273333a4f626a656374437265617465643a2a0101700001730201610174011273333a4f626a656374437265617465643a2a01017000",
    );
    let event = |kind| EventRow {
        target: "t".into(),
        subscription: "s".into(),
        kind,
        at_ms: 5,
        bucket: BucketName::parse("bucket").unwrap(),
        owner: OrgId([7; 16]),
        key: "k".into(),
        size: Some(300),
        etag: Some(ETag::Multipart([1; 16], 2)),
        version: Some("null".into()),
        sequence: 9,
        attempts: 1,
    };
    same(
        event(EventKind::CreatedPut),
        "01017401730005066275636b657407070707070707070707070707070707016b01ac020101010101010101010101010101010101010201046e756c6c0901",
    );
    assert_eq!(EventKind::ALL.len(), 11, "a kind that is new comes last");
    same(
        event(EventKind::ExpirationMarker),
        "01017401730905066275636b657407070707070707070707070707070707016b01ac020101010101010101010101010101010101010201046e756c6c0901",
    );
    same(
        event(EventKind::CreatedPost),
        "01017401730a05066275636b657407070707070707070707070707070707016b01ac020101010101010101010101010101010101010201046e756c6c0901",
    );
}

#[test]
fn counters() {
    let row = UsageRow { objects: 1, object_bytes: 2, uploads: 3, parts: 4, part_bytes: 5, ..UsageRow::default() };
    was(row, "010102030405");
    same(UsageRow { versions: 6, version_bytes: 7, markers: 8, ..row }, "020102030405060708");
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

#[test]
fn accounts() {
    let keys = SealedKeys { access_key_id: "AK".into(), sealed_secret: vec![9; 4] };
    let access = Access {
        endpoint: Some("http://h:9".into()),
        region: Some("r".into()),
        path_style: Some(true),
        role_arn: Some("arn".into()),
        keys: Some(keys),
    };
    let row = AccountRow {
        org: OrgId([1; 16]),
        label: Some("l".into()),
        status: AccountStatus::Failed,
        external_id: [2; 16],
        stack_id: Some("s".into()),
        access,
        number: Some("123456789012".into()),
        validated_ms: Some(300),
        created_ms: 5,
        updated_ms: 6,
        revision: 301,
    };
    same(
        row,
        "010101010101010101010101010101010101016c0302020202020202020202020202020202010173010a687474703a2f2f683a390101720101010361726e0102414b0409090909010c31323334353637383930313201ac020506ad02",
    );
}

#[test]
fn links() {
    let managed = ManagedSettings { cors: true, ..ManagedSettings::default() };
    let link = Link { account: AccountId([3; 16]), name: "n".into(), imported: true, managed, adoption: None };
    same(link.clone(), "0103030303030303030303030303030303016e01000001000000");
    same(
        Link { adoption: Some(Adoption { begun_ms: 300 }), ..link },
        "0103030303030303030303030303030303016e01000001000001ac02",
    );
}
