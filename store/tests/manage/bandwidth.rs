//! Bandwidth: counted as bytes leave, shown at once, on disk soon, by the month.

use windlass_store::ErrorKind;
use windlass_store::plan::Plan;

use crate::home::{DAY, Home, NOW, key_of, plan};

#[tokio::test]
async fn what_is_counted_shows_at_once_and_is_there_after_a_restart() {
    let mut home = Home::new(plan()).await;
    let (one, two) = (home.bucket("one").await.id, home.bucket("two").await.id);
    let org = key_of(&home.acme).org;
    let totals = |home: &Home| {
        let bucket = |id| home.store.bucket_bandwidth(id).unwrap();
        (bucket(one), bucket(two), home.store.org_usage(org).unwrap().bandwidth_bytes)
    };
    home.store.count_bandwidth(one, org, 5);
    home.store.count_bandwidth(two, org, 70);
    home.store.count_bandwidth(one, org, 1);
    assert_eq!(totals(&home), (6, 70, 76));
    home.store.flush_counters().await.unwrap();
    assert_eq!(totals(&home), (6, 70, 76));
    home.store.count_bandwidth(one, org, 100);
    assert_eq!(totals(&home), (106, 70, 176), "what is counted after a flush comes on top");
    home.store.flush_counters().await.unwrap();
    let commits = home.store.counters().meta.commits;
    home.store.flush_counters().await.unwrap();
    assert_eq!(home.store.counters().meta.commits, commits, "there is nothing to write");
    home.reopen();
    assert_eq!(totals(&home), (106, 70, 176));
    home.store.count_bandwidth(one, org, 1);
    assert_eq!(totals(&home), (107, 70, 177), "what is counted after a restart comes on top");
}

#[tokio::test]
async fn a_month_begins_at_nothing() {
    let mut home = Home::new(plan()).await;
    let bucket = home.bucket("bucket").await.id;
    let org = key_of(&home.acme).org;
    home.store.count_bandwidth(bucket, org, 50);
    let before = home.store.org_usage(org).unwrap();
    // 2026-09-01 and 2026-10-01.
    assert_eq!((before.period_start_ms, before.period_end_ms), (1_788_220_800_000, 1_790_812_800_000));
    assert!((before.period_start_ms..before.period_end_ms).contains(&NOW));
    home.clock.set(before.period_end_ms);
    let after = home.store.org_usage(org).unwrap();
    assert_eq!((after.bandwidth_bytes, after.period_start_ms), (0, before.period_end_ms));
    home.store.count_bandwidth(bucket, org, 3);
    home.store.flush_counters().await.unwrap();
    home.reopen();
    assert_eq!(home.store.org_bandwidth(org).unwrap(), 3);
    home.clock.set(before.period_end_ms - DAY);
    assert_eq!(home.store.bucket_bandwidth(bucket).unwrap(), 50, "the month that is over is kept");
}

#[tokio::test]
async fn a_plan_that_says_so_ends_sending_when_the_month_is_used_up() {
    let limited = Plan { max_bandwidth_bytes_per_month: Some(100), enforce_bandwidth: true, ..plan() };
    for (plan, refuses) in [(limited.clone(), true), (Plan { enforce_bandwidth: false, ..limited }, false)] {
        let home = Home::new(plan).await;
        let bucket = home.bucket("bucket").await.id;
        let org = key_of(&home.acme).org;
        home.store.count_bandwidth(bucket, org, 99);
        home.store.check_bandwidth(org).unwrap();
        home.store.count_bandwidth(bucket, org, 1);
        let answer = home.store.check_bandwidth(org);
        assert_eq!(answer.err().map(|error| error.kind()), refuses.then_some(ErrorKind::QuotaExceeded));
        home.clock.set(NOW + 31 * DAY);
        home.store.check_bandwidth(org).unwrap();
    }
}

#[tokio::test]
async fn a_bucket_that_is_gone_leaves_no_row_behind() {
    let home = Home::new(plan()).await;
    let bucket = home.bucket("bucket").await.id;
    let org = key_of(&home.acme).org;
    home.store.count_bandwidth(bucket, org, 5);
    home.store.delete_bucket(&home.on(windlass_store::policy::Action::DeleteBucket, bucket)).await.unwrap();
    home.store.flush_counters().await.unwrap();
    home.store.count_bandwidth(bucket, org, 5);
    home.store.flush_counters().await.unwrap();
    assert_eq!(home.store.org_bandwidth(org).unwrap(), 10);
    assert_eq!(home.check(), []);
}
