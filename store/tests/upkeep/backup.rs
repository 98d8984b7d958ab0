//! A backup that is put back is the store as it was, with all its bytes.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use windlass_store::backup::{BackupOptions, backup_offline, restore};
use windlass_store::check::check;
use windlass_store::clock::ManualClock;
use windlass_store::meta::table::Table;
use windlass_store::meta::{Engine, KeyRange, RedbEngine, Step};
use windlass_store::{ErrorKind, StoreOptions};

use crate::home::{Home, Open, noise};

const HOUR_MS: u64 = 3_600_000;

fn to(path: &Path) -> BackupOptions {
    BackupOptions { to: path.to_owned(), force: false, hold_ms: HOUR_MS }
}

type Rows = BTreeMap<(&'static str, Vec<u8>), Vec<u8>>;

/// All rows of a metadata file that no process uses.
fn rows(path: &Path) -> Rows {
    let engine = RedbEngine::open(path, 1 << 20).unwrap();
    let snapshot = engine.snapshot().unwrap();
    let mut rows = Rows::new();
    for table in Table::ALL {
        let visit = &mut |key: &[u8], value: &[u8]| {
            rows.insert((table.name(), key.to_vec()), value.to_vec());
            Ok(Step::Continue)
        };
        snapshot.scan(*table, &KeyRange::all(), visit).unwrap();
    }
    rows
}

async fn furnished(home: &Home) -> Open {
    let open = home.open().await;
    for n in 0..20 {
        open.put(&format!("inline-{n}"), &noise(n, 100)).await;
        open.put(&format!("blob-{n}"), &noise(n, 20_000)).await;
    }
    open.delete("inline-3").await;
    open.delete("blob-3").await;
    open
}

fn clean(options: &StoreOptions) {
    let report = check(options, false).unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
}

#[tokio::test]
async fn every_row_is_as_it_was_but_for_the_epoch() {
    let home = Home::new();
    furnished(&home).await.close();
    let file = home.beside("backup");
    let taken = backup_offline(&home.options, &to(&file)).unwrap();
    assert_eq!(taken.bytes, file.metadata().unwrap().len());
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let meta = home.data().join("meta.redb");
    let before = rows(&meta);
    assert_eq!(taken.rows, before.len() as u64);

    let restored = restore(&home.options, &file, true).unwrap();
    assert_eq!(restored.rows, taken.rows);
    let kept = restored.kept.unwrap();
    assert_eq!(kept.file_name().unwrap(), "meta.redb.before-restore");
    assert_eq!(rows(&kept), before);
    let without_epochs = |mut rows: Rows| {
        rows.retain(|(table, key), _| *table != "state" || !key.ends_with(b"epoch"));
        rows
    };
    assert_eq!(without_epochs(rows(&meta)), without_epochs(before));
    clean(&home.options);
}

#[tokio::test]
async fn what_a_backup_needs_is_kept_until_its_hold_expires() {
    let mut home = Home::new();
    let clock = Arc::new(ManualClock::at(1_000_000));
    home.options.clock = Arc::clone(&clock) as _;
    let open = furnished(&home).await;
    open.sweep().await;
    let files = home.blob_files().len();
    assert_eq!(files, 19);
    open.store.backup(to(&home.beside("backup"))).await.unwrap();
    // A clock that is set back makes no difference.
    clock.set(500);
    open.delete("blob-0").await;
    open.put("blob-1", &noise(1, 30_000)).await;
    open.put("new", &noise(2, 30_000)).await;
    open.sweep().await;
    assert_eq!(home.blob_files().len(), files + 2);
    open.close();

    restore(&home.options, &home.beside("backup"), true).unwrap();
    clean(&home.options);
    let open = home.open().await;
    open.sweep().await;
    for n in [0, 1, 2, 19] {
        assert_eq!(open.get(&format!("blob-{n}")).await.unwrap(), noise(n, 20_000));
        assert_eq!(open.get(&format!("inline-{n}")).await.unwrap(), noise(n, 100));
    }
    assert_eq!(open.get("new").await.unwrap_err().kind(), ErrorKind::NoSuchKey);
    assert_eq!(open.store.backup_holds().unwrap().len(), 1, "the backup can be put back again");

    open.delete("blob-0").await;
    open.sweep().await;
    assert_eq!(home.blob_files().len(), files + 2);
    clock.set(1_000_000 + 2 * HOUR_MS);
    open.sweep().await;
    assert_eq!(home.blob_files().len(), files + 1);
    assert_eq!(open.store.backup_holds().unwrap(), []);
}

#[tokio::test]
async fn what_was_written_after_the_backup_goes_only_with_a_repair() {
    let home = Home::new();
    let open = furnished(&home).await;
    open.sweep().await;
    open.store.backup(to(&home.beside("backup"))).await.unwrap();
    open.close();
    // Another start, so another epoch than the one that the backup knows.
    let open = home.open().await;
    open.put("new", &noise(2, 30_000)).await;
    open.close();
    restore(&home.options, &home.beside("backup"), true).unwrap();
    for _ in 0..3 {
        let open = home.open().await;
        open.put("newer", &noise(3, 10_000)).await;
        open.sweep().await;
        open.close();
    }
    let files = home.blob_files().len();
    assert!(home.blob_files().iter().any(|file| file.metadata().unwrap().len() == 30_000));
    clean(&home.options);
    check(&home.options, true).unwrap();
    assert!(home.blob_files().len() < files);
    assert!(!home.blob_files().iter().any(|file| file.metadata().unwrap().len() == 30_000));
    let open = home.open().await;
    assert_eq!(open.get("blob-0").await.unwrap(), noise(0, 20_000));
    assert_eq!(open.get("newer").await.unwrap(), noise(3, 10_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_taken_while_writes_go_on_is_one_moment() {
    let home = Home::new();
    let open = Arc::new(furnished(&home).await);
    let writer = tokio::spawn({
        let open = Arc::clone(&open);
        async move {
            for n in 0..60 {
                open.put(&format!("k{n:03}"), &noise(n, if n % 2 == 0 { 50 } else { 9_000 })).await;
                open.delete(&format!("blob-{}", n % 20)).await;
                open.sweep().await;
            }
        }
    });
    for n in 0..3 {
        open.store.backup(to(&home.beside(&format!("backup-{n}")))).await.unwrap();
    }
    writer.await.unwrap();
    Arc::into_inner(open).unwrap().close();
    for n in 0..3 {
        restore(&home.options, &home.beside(&format!("backup-{n}")), true).unwrap();
        std::fs::remove_file(home.data().join("meta.redb.before-restore")).unwrap();
        clean(&home.options);
    }
}

#[tokio::test]
async fn a_lost_disk_comes_back_from_the_backup_the_blobs_and_the_master_key() {
    let home = Home::new();
    let open = furnished(&home).await;
    open.store.backup(to(&home.beside("backup"))).await.unwrap();
    open.close();
    let other = Home::new();
    let refused = restore(&other.options, &home.beside("backup"), false).unwrap_err();
    assert!(refused.message().contains("marker"), "{refused}");
    std::fs::rename(home.data().join("blobs"), other.data().join("blobs")).unwrap();
    std::fs::rename(home.data().join("master.key"), other.data().join("master.key")).unwrap();
    let restored = restore(&other.options, &home.beside("backup"), false).unwrap();
    assert_eq!(restored.kept, None);
    clean(&other.options);
    let open = other.open().await;
    assert_eq!(open.get("blob-7").await.unwrap(), noise(7, 20_000));
}

#[tokio::test]
async fn a_backup_goes_to_no_place_that_would_harm() {
    let home = Home::new();
    let open = furnished(&home).await;
    let refused = async |options: BackupOptions| {
        let error = open.store.backup(options.clone()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{options:?}");
    };
    refused(to(Path::new("relative"))).await;
    refused(to(&home.data().join("backup"))).await;
    refused(BackupOptions { force: true, ..to(&home.data().join("meta.redb")) }).await;
    refused(to(&home.data().join("blobs/backup"))).await;
    refused(to(&home.beside("nowhere/backup"))).await;
    let there = home.beside("there");
    std::fs::write(&there, "mine").unwrap();
    refused(to(&there)).await;
    assert_eq!(std::fs::read(&there).unwrap(), b"mine");
    assert_eq!(open.store.backup_holds().unwrap(), []);
    open.store.backup(BackupOptions { force: true, ..to(&there) }).await.unwrap();
    assert!(there.metadata().unwrap().len() > 1_000);
    let names = std::fs::read_dir(home.beside("")).unwrap().count();
    assert_eq!(names, 2, "nothing but the data and the backup");
}

#[tokio::test]
async fn a_restore_that_is_refused_changes_nothing() {
    let home = Home::new();
    let open = furnished(&home).await;
    let file = home.beside("backup");
    open.store.backup(to(&file)).await.unwrap();
    open.close();
    let meta = home.data().join("meta.redb");
    let before = rows(&meta);
    let refused = |file: &Path, replace, kind| {
        assert_eq!(restore(&home.options, file, replace).unwrap_err().kind(), kind);
        assert_eq!(rows(&meta), before);
        assert!(!home.data().join("meta.redb.before-restore").exists());
    };
    refused(&file, false, ErrorKind::InvalidRequest);
    refused(&home.beside("missing"), true, ErrorKind::InvalidRequest);
    let mut bytes = std::fs::read(&file).unwrap();
    let damaged = home.beside("damaged");
    std::fs::write(&damaged, &bytes[..bytes.len() - 1]).unwrap();
    refused(&damaged, true, ErrorKind::Corrupt);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&damaged, &bytes).unwrap();
    refused(&damaged, true, ErrorKind::Corrupt);
    std::fs::write(&damaged, "something else altogether").unwrap();
    refused(&damaged, true, ErrorKind::InvalidRequest);

    let other = Home::new();
    other.open().await.close();
    let error = restore(&other.options, &file, true).unwrap_err();
    assert!(error.message().contains("another"), "{error}");
    let open = home.open().await;
    let error = restore(&home.options, &file, true).unwrap_err();
    assert!(error.message().contains("in use"), "{error}");
    open.close();
}
