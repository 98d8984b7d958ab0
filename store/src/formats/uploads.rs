//! Records of projects, their files and webhooks.

use super::same;
use crate::id::{BucketId, FileId, KeyId, OrgId, ProjectId, RouteId, UploadId};
use crate::intent::{FileEventKind, FileEventRow, FileRow, FileStatus, UploadCountRow};
use crate::meta::codec::Tagged;
use crate::project::{LiveFiles, ProjectKeyRow, ProjectRow, RouteRow, SealedSecrets, TestFiles};
use crate::webhook::{DeliveryRow, DeliveryStatus};

#[test]
fn projects() {
    let row = ProjectRow {
        org: OrgId([1; 16]),
        name: "App".into(),
        slug: "app-abc234".into(),
        created_ms: 5,
        updated_ms: 6,
        live: BucketId([2; 16]),
        test: BucketId([3; 16]),
        signer: Some(KeyId([4; 16])),
        secrets: SealedSecrets { current: vec![7; 2], next: vec![8; 2] },
    };
    same(
        row,
        "0101010101010101010101010101010101034170700a6170702d616263323334050602020202020202020202020202020202030303030303030303030303030303030104040404040404040404040404040404020707020808",
    );
    let row = RouteRow {
        project: ProjectId([1; 16]),
        slug: "images".into(),
        max_file_size: 300,
        max_file_count: 2,
        allowed_types: vec!["image/*".into()],
        webhook_url: Some("https://a.test".into()),
        created_ms: 5,
        updated_ms: 6,
    };
    same(
        row,
        "010101010101010101010101010101010106696d61676573ac02020107696d6167652f2a010e68747470733a2f2f612e746573740506",
    );
    let row = ProjectKeyRow {
        project: ProjectId([1; 16]),
        name: "k".into(),
        is_test: true,
        hash: [7; 32],
        prefix: "uk_test_abcd".into(),
        created_ms: 5,
    };
    same(
        row,
        "0101010101010101010101010101010101016b0107070707070707070707070707070707070707070707070707070707070707070c756b5f746573745f6162636405",
    );
    same(LiveFiles(ProjectId([1; 16])), "0101010101010101010101010101010101");
    same(TestFiles(ProjectId([1; 16])), "0101010101010101010101010101010101");
}

fn file() -> FileRow {
    FileRow {
        org: OrgId([1; 16]),
        project: ProjectId([2; 16]),
        bucket: BucketId([3; 16]),
        key: "k".into(),
        route: RouteId([4; 16]),
        route_slug: "images".into(),
        name: "n".into(),
        size: 300,
        content_type: "image/png".into(),
        status: FileStatus::Failed,
        said: [("a".into(), "1".into())].into(),
        base: "https://a.test".into(),
        parts: Some((UploadId([5; 16]), 5 << 20)),
        is_test: true,
        created_ms: 5,
        updated_ms: 6,
        sequence: 300,
        due_ms: Some(7),
    }
}

#[test]
fn files() {
    same(
        file(),
        "01010101010101010101010101010101010202020202020202020202020202020203030303030303030303030303030303016b0404040404040404040404040404040406696d61676573016eac0209696d6167652f706e670201016101310e68747470733a2f2f612e7465737401050505050505050505050505050505058080c002010506ac020107",
    );
    assert_eq!(FileStatus::ALL.len(), 4, "a status that is new comes last");
    let whole = FileRow { status: FileStatus::Deleted, parts: None, due_ms: None, ..file() };
    same(
        whole,
        "01010101010101010101010101010101010202020202020202020202020202020203030303030303030303030303030303016b0404040404040404040404040404040406696d61676573016eac0209696d6167652f706e670301016101310e68747470733a2f2f612e7465737400010506ac0200",
    );
    let event = |kind| FileEventRow { at_ms: 5, kind, file: FileId([6; 16]), key: "k".into(), size: 300 };
    for (kind, fixture) in [
        (FileEventKind::Uploaded, "01050006060606060606060606060606060606016bac02"),
        (FileEventKind::Failed, "01050106060606060606060606060606060606016bac02"),
        (FileEventKind::Deleted, "01050206060606060606060606060606060606016bac02"),
    ] {
        same(event(kind), fixture);
    }
    same(UploadCountRow { uploads: 1, storage_bytes: 300 }, "0101ac02");
}

#[test]
fn deliveries() {
    let row = DeliveryRow {
        org: OrgId([1; 16]),
        project: ProjectId([2; 16]),
        bucket: BucketId([3; 16]),
        route: RouteId([4; 16]),
        url: "https://a.test".into(),
        file: FileId([6; 16]),
        told: Tagged(file()),
        status: DeliveryStatus::Dead,
        attempts: 4,
        answered: Some(500),
        why: Some("it answered 500".into()),
        created_ms: 5,
        updated_ms: 6,
        sequence: 300,
        due_ms: 7,
    };
    same(
        row,
        "01010101010101010101010101010101010202020202020202020202020202020203030303030303030303030303030303040404040404040404040404040404040e68747470733a2f2f612e7465737406060606060606060606060606060606890101010101010101010101010101010101010202020202020202020202020202020203030303030303030303030303030303016b0404040404040404040404040404040406696d61676573016eac0209696d6167652f706e670201016101310e68747470733a2f2f612e7465737401050505050505050505050505050505058080c002010506ac020107020401f403010f697420616e737765726564203530300506ac0207",
    );
    assert_eq!(DeliveryStatus::ALL.len(), 3, "a status that is new comes last");
}
