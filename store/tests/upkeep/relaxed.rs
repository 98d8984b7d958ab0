//! Relaxed durability: a crash takes the latest writes, and never a part of one.

use std::time::Duration;

use windlass_store::ErrorKind;
use windlass_store::backup::BackupOptions;
use windlass_store::check::check;

use crate::home::{Home, Open, noise};

const NEVER: Duration = Duration::from_secs(3_600);

fn relaxed(within: Duration) -> Home {
    let mut home = Home::new();
    home.options.relaxed_sync = Some(within);
    home
}

fn length(n: u8) -> usize {
    if n.is_multiple_of(2) { 100 } else { 20_000 }
}

async fn put_some(open: &Open) {
    for n in 0..20 {
        open.put(&format!("k{n:02}"), &noise(n, length(n))).await;
    }
}

fn clean(home: &Home) {
    let report = check(&home.options, false).unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
}

#[tokio::test]
async fn an_orderly_end_loses_nothing() {
    let home = relaxed(NEVER);
    let open = home.open().await;
    put_some(&open).await;
    open.close();
    clean(&home);
    let open = home.open().await;
    for n in 0..20 {
        assert_eq!(open.get(&format!("k{n:02}")).await.unwrap(), noise(n, length(n)));
    }
}

#[tokio::test]
async fn a_crash_before_the_sync_takes_every_write_wholly() {
    let home = relaxed(NEVER);
    let open = home.open().await;
    put_some(&open).await;
    assert_eq!(open.get("k01").await.unwrap(), noise(1, length(1)), "what is acknowledged is seen");
    let crashed = home.crashed();
    clean(&crashed);
    let after = crashed.open().await;
    for n in 0..20 {
        assert_eq!(after.get(&format!("k{n:02}")).await.unwrap_err().kind(), ErrorKind::NoSuchKey);
    }
    // The files that no row came to name are swept by this start, since it is another.
    after.sweep().await;
    assert_eq!(crashed.blob_files().len(), 0);
}

#[tokio::test]
async fn a_crash_after_the_sweep_does_not_bring_back_what_it_took() {
    let home = relaxed(NEVER);
    let open = home.open().await;
    put_some(&open).await;
    open.close();
    let open = home.open().await;
    open.delete("k01").await;
    open.put("k03", &noise(3, 30_000)).await;
    open.sweep().await;
    let crashed = home.crashed();
    clean(&crashed);
    let after = crashed.open().await;
    assert_eq!(after.get("k01").await.unwrap_err().kind(), ErrorKind::NoSuchKey);
    assert_eq!(after.get("k03").await.unwrap(), noise(3, 30_000));
}

#[tokio::test]
async fn a_backup_holds_nothing_that_a_crash_could_take_back() {
    let home = relaxed(NEVER);
    let open = home.open().await;
    put_some(&open).await;
    let to = home.beside("backup");
    open.store.backup(BackupOptions { to, force: false, hold_ms: 1_000_000 }).await.unwrap();
    let crashed = home.crashed();
    clean(&crashed);
    let after = crashed.open().await;
    for n in 0..20 {
        assert_eq!(after.get(&format!("k{n:02}")).await.unwrap(), noise(n, length(n)));
    }
    assert_eq!(after.store.backup_holds().unwrap().len(), 1);
}

#[tokio::test]
async fn what_has_waited_its_time_is_kept() {
    let home = relaxed(Duration::from_millis(20));
    let open = home.open().await;
    put_some(&open).await;
    loop {
        let crashed = home.crashed();
        clean(&crashed);
        let after = crashed.open().await;
        if after.get("k19").await.is_ok_and(|bytes| bytes == noise(19, length(19))) {
            break;
        }
    }
}

#[tokio::test]
async fn a_crash_leaves_the_writes_up_to_some_moment() {
    for round in 0..10_u64 {
        let home = relaxed(Duration::from_millis(round));
        let open = home.open().await;
        put_some(&open).await;
        let crashed = home.crashed();
        clean(&crashed);
        let after = crashed.open().await;
        let mut kept = Vec::new();
        for n in 0..20 {
            kept.push(after.get(&format!("k{n:02}")).await.is_ok());
        }
        assert!(kept.is_sorted_by(|earlier, later| earlier >= later), "round {round}: {kept:?}");
    }
}
