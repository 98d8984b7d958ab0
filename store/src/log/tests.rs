//! Claims about the log as a whole.

use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::clock::Millis;
use crate::error::ErrorKind;
use crate::id::{BucketId, KeyId, LogId, OrgId};
use crate::limit;

const ORG: OrgId = OrgId([1; 16]);
const OTHER: OrgId = OrgId([2; 16]);

/// A request that a test hands over.
#[derive(Debug, Clone)]
struct Asked {
    org: OrgId,
    ended_ms: Millis,
    method: &'static str,
    status: u16,
    path: String,
    key: Option<KeyId>,
    bucket: Option<BucketId>,
}

impl Default for Asked {
    fn default() -> Self {
        let path = "/b/k".to_owned();
        Self { org: ORG, ended_ms: 1_000, method: "GET", status: 200, path, key: None, bucket: None }
    }
}

impl Asked {
    fn entry(&self) -> LogEntry<'_> {
        assert_ne!(self.path, "/panics", "a door's bug");
        LogEntry {
            status: self.status,
            duration_ms: 1,
            key: self.key,
            bucket: self.bucket,
            method: self.method,
            path: &self.path,
            error_message: None,
            request_id: "R",
            ip: None,
            query: vec![],
            request_headers: vec![],
            response_headers: vec![],
            request_body: None,
            response_body: None,
        }
    }
}

fn open(folder: &Path) -> Logs {
    Logs::open(&LogOptions { folder: folder.to_owned(), enabled: true, max_bytes: 1 << 30 })
}

fn path(text: impl Into<String>) -> Asked {
    Asked { path: text.into(), ..Asked::default() }
}

fn record(logs: &Logs, asked: Asked) {
    logs.record(asked.org, asked.ended_ms, || asked.entry());
}

fn query(limit: usize) -> LogQuery {
    LogQuery { limit, ..LogQuery::default() }
}

/// The paths of all pages, and how many pages there were.
async fn all(logs: &Logs, org: OrgId, buckets: Option<&[BucketId]>, mut query: LogQuery) -> (Vec<String>, usize) {
    let (mut paths, mut pages) = (vec![], 0);
    loop {
        let page = logs.list(org, buckets, &query).await.unwrap();
        assert!(page.records.len() <= query.limit, "{} of {}", page.records.len(), query.limit);
        paths.extend(page.records.into_iter().map(|record| record.path));
        pages += 1;
        match page.next {
            Some(next) => query.after = Some(next),
            None => return (paths, pages),
        }
    }
}

#[tokio::test]
async fn what_was_handed_over_is_listed_at_once_newest_first_and_kept() {
    let folder = TempDir::new().unwrap();
    let logs = open(folder.path());
    for n in 0..5 {
        record(&logs, path(format!("/{n}")));
    }
    let expected = ["/4", "/3", "/2", "/1", "/0"];
    assert_eq!(all(&logs, ORG, None, query(2)).await, (expected.map(str::to_owned).to_vec(), 3));
    assert_eq!(all(&logs, OTHER, None, query(2)).await, (vec![], 1));
    drop(logs);
    let logs = open(folder.path());
    record(&logs, path("/5"));
    let page = logs.list(ORG, None, &query(100)).await.unwrap();
    assert_eq!(page.records.len(), 6);
    assert!(page.records.windows(2).all(|pair| pair[0].id > pair[1].id), "{page:?}");
    assert_eq!(page.records[0].path, "/5");
    assert_eq!(page.records[0].created_ms, 1_000);
}

#[tokio::test]
async fn one_is_found_by_its_identifier_where_it_may_be_seen() {
    let folder = TempDir::new().unwrap();
    let logs = open(folder.path());
    let (mine, other) = (BucketId([7; 16]), BucketId([8; 16]));
    record(&logs, Asked { bucket: Some(mine), ..path("/mine") });
    record(&logs, path("/none"));
    let page = logs.list(ORG, None, &query(2)).await.unwrap();
    let [none, first] = &page.records[..] else { panic!("{page:?}") };
    assert_eq!(logs.get(ORG, None, first.id, 0).await.unwrap().as_ref(), Some(first));
    assert_eq!(logs.get(ORG, Some(&[other, mine]), first.id, 1_000).await.unwrap().as_ref(), Some(first));
    assert_eq!(logs.get(ORG, Some(&[other]), first.id, 0).await.unwrap(), None);
    assert_eq!(logs.get(ORG, Some(&[mine]), none.id, 0).await.unwrap(), None, "what is about no bucket");
    assert_eq!(logs.get(OTHER, None, first.id, 0).await.unwrap(), None);
    assert_eq!(logs.get(ORG, None, first.id, 1_001).await.unwrap(), None, "too old");
    assert_eq!(logs.get(ORG, None, LogId([9; 16]), 0).await.unwrap(), None);
    assert_eq!(all(&logs, ORG, Some(&[mine]), query(9)).await.0, ["/mine"]);
    assert_eq!(all(&logs, ORG, Some(&[]), query(9)).await.0, Vec::<String>::new());
}

#[tokio::test]
async fn a_page_that_finds_too_little_comes_short_and_says_where_to_go_on() {
    let folder = TempDir::new().unwrap();
    let logs = open(folder.path());
    record(&logs, Asked { status: 500, ..path("/needle") });
    let others = 2 * limit::LOG_SCAN_MAX + 1;
    for n in 0..others {
        record(&logs, path(format!("/{n}")));
        if n % 4_000 == 0 {
            // The queue is bounded.
            logs.list(ORG, None, &query(1)).await.unwrap();
        }
    }
    let needles = LogQuery { status: Some(StatusFilter::Class(5)), ..query(10) };
    let first = logs.list(ORG, None, &needles).await.unwrap();
    assert_eq!((first.records.len(), first.next.is_some()), (0, true));
    let (found, pages) = all(&logs, ORG, None, needles).await;
    assert_eq!(found, ["/needle"]);
    assert!((2..=4).contains(&pages), "{pages} pages");
    assert_eq!(logs.counters().recorded, others as u64 + 1);
    assert_eq!(logs.counters().dropped, 0);
}

#[tokio::test]
async fn a_page_unpacks_a_bounded_number_of_bytes() {
    let folder = TempDir::new().unwrap();
    let logs = open(folder.path());
    let (bytes, pages) = (limit::LOG_ENTRY_BYTES_MAX - 200, 3);
    let others = pages * limit::LOG_SCAN_BYTES_MAX / bytes;
    record(&logs, Asked { status: 500, ..path("/needle") });
    for n in 0..others {
        // Stored they are far less than one page may look at.
        record(&logs, path("x".repeat(bytes)));
        if n % 100 == 0 {
            // The queue is bounded.
            logs.list(ORG, None, &query(1)).await.unwrap();
        }
    }
    let needles = LogQuery { status: Some(StatusFilter::Class(5)), ..query(10) };
    let (found, seen) = all(&logs, ORG, None, needles).await;
    assert_eq!(found, ["/needle"]);
    assert!((pages..=pages + 1).contains(&seen), "{seen} pages");
    assert_eq!((logs.counters().recorded, logs.counters().dropped), (others as u64 + 1, 0));
    assert!(logs.counters().bytes < limit::LOG_SCAN_BYTES_MAX as u64 / 4, "{}", logs.counters().bytes);
}

#[tokio::test]
async fn what_there_is_no_room_for_is_dropped_and_counted() {
    let folder = TempDir::new().unwrap();
    let logs = open(folder.path());
    record(&logs, path("x".repeat(limit::LOG_ENTRY_BYTES_MAX)));
    record(&logs, path("/fits"));
    assert_eq!(all(&logs, ORG, None, query(9)).await.0, ["/fits"]);
    let counters = logs.counters();
    assert_eq!((counters.recorded, counters.dropped, counters.queued), (1, 1, 0));
}

#[tokio::test]
async fn a_request_that_its_door_panics_over_costs_the_others_nothing() {
    let folder = TempDir::new().unwrap();
    let logs = open(folder.path());
    for name in ["/a", "/panics", "/b"] {
        record(&logs, path(name));
    }
    assert_eq!(all(&logs, ORG, None, query(9)).await.0, ["/b", "/a"]);
    let counters = logs.counters();
    assert_eq!((counters.recorded, counters.dropped, counters.failures), (2, 1, 0));
    assert!(!folder.path().join("logs.redb.damaged").exists());
}

#[tokio::test]
async fn what_a_plan_keeps_no_longer_is_removed_for_that_organisation_alone() {
    let folder = TempDir::new().unwrap();
    let logs = open(folder.path());
    for (ended_ms, name) in [(1_000, "/old"), (2_000, "/new")] {
        for org in [ORG, OTHER] {
            record(&logs, Asked { org, ended_ms, ..path(name) });
        }
        // What gathers at once is one block.
        logs.list(ORG, None, &query(1)).await.unwrap();
    }
    let before = logs.counters().bytes;
    let keep = |org| (org == ORG).then_some(1_500);
    let mut blocks = 0;
    loop {
        let swept = logs.sweep_step(keep).unwrap();
        blocks += swept.blocks;
        if !swept.more {
            break;
        }
    }
    assert_eq!(blocks, 1);
    assert!(logs.counters().bytes < before);
    assert_eq!(all(&logs, ORG, None, query(9)).await.0, ["/new"]);
    assert_eq!(all(&logs, OTHER, None, query(9)).await.0, ["/new", "/old"]);
    logs.sweep_step(|_| Some(3_000)).unwrap();
    assert_eq!(logs.counters().bytes, 0);
}

#[tokio::test]
async fn beyond_its_size_the_log_loses_its_oldest_requests() {
    let folder = TempDir::new().unwrap();
    let max_bytes = 144 << 10;
    let logs = Logs::open(&LogOptions { folder: folder.path().to_owned(), enabled: true, max_bytes });
    for n in 0..100 {
        // Nothing that repeats: what counts is what is stored.
        let text: String = std::iter::repeat_with(fastrand::alphanumeric).take(8_000).collect();
        record(&logs, Asked { org: if n % 2 == 0 { ORG } else { OTHER }, ..path(format!("/{n}/{text}")) });
        if n % 10 == 0 {
            logs.list(ORG, None, &query(1)).await.unwrap();
        }
    }
    let (mine, _) = all(&logs, ORG, None, query(100)).await;
    let (others, _) = all(&logs, OTHER, None, query(100)).await;
    // Trimming comes before the next batch, not within it.
    assert!((10..40).contains(&(mine.len() + others.len())), "{} and {}", mine.len(), others.len());
    assert!(mine[0].starts_with("/98/") && others[0].starts_with("/99/"));
    assert!(logs.counters().bytes <= max_bytes + 100_000, "{}", logs.counters().bytes);
}

#[tokio::test]
async fn a_damaged_file_is_set_aside_and_begun_anew() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("logs.redb");
    std::fs::write(&file, "no file of ours, but long enough to look like one ".repeat(1_000)).unwrap();
    let logs = open(folder.path());
    record(&logs, path("/k"));
    assert_eq!(all(&logs, ORG, None, query(9)).await.0, ["/k"]);
    drop(logs);
    assert!(std::fs::read(folder.path().join("logs.redb.damaged")).unwrap().starts_with(b"no file of ours"));
    assert_eq!(all(&open(folder.path()), ORG, None, query(9)).await.0, ["/k"]);
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_costs_the_log_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("logs.redb");
    std::fs::create_dir(&file).unwrap();
    let logs = open(folder.path());
    record(&logs, path("/k"));
    assert_eq!(logs.list(ORG, None, &query(9)).await.unwrap_err().kind(), ErrorKind::Unavailable);
    let counters = logs.counters();
    assert_eq!((counters.recorded, counters.dropped, counters.failures), (0, 1, 1));
    assert_eq!(logs.sweep_step(|_| Some(0)).unwrap(), LogsSwept::default());
}

#[test]
fn a_file_that_failed_is_opened_again_and_one_that_is_condemned_begun_anew() {
    use crate::error::{Error, Result};
    let folder = TempDir::new().unwrap();
    let file = file::LogFile::new(folder.path().join("logs.redb"));
    file.open().unwrap();
    file.change(|_, totals, changes| {
        totals.bytes = 7;
        changes.insert((crate::meta::Table::Logs, b"k".to_vec()), Some("v".into()));
        Ok(())
    })
    .unwrap();
    file.sync().unwrap();
    let fail = |kind| file.read(move |_| -> Result<()> { Err(Error::new(kind, "a fault injected by the test")) });
    fail(ErrorKind::Unavailable).unwrap_err();
    assert!(!file.is_open());
    file.open().unwrap();
    assert_eq!(file.totals().bytes, 7);
    fail(ErrorKind::Corrupt).unwrap_err();
    assert!(!file.is_open());
    file.open().unwrap();
    assert_eq!(file.totals().bytes, 0);
    let panicked: Result<()> = file.read(|_| panic!("an engine's bug"));
    assert_eq!(panicked.unwrap_err().kind(), ErrorKind::Corrupt);
    assert!(!file.is_open());
}

#[tokio::test]
async fn a_log_that_is_switched_off_keeps_nothing_and_makes_no_file() {
    let folder = TempDir::new().unwrap();
    let logs = Logs::open(&LogOptions { folder: folder.path().to_owned(), enabled: false, max_bytes: 1 << 30 });
    record(&logs, path("/k"));
    assert_eq!(logs.list(ORG, None, &query(9)).await.unwrap(), LogPage::default());
    assert_eq!(logs.get(ORG, None, LogId([1; 16]), 0).await.unwrap(), None);
    assert_eq!(logs.counters(), LogCounters::default());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

fn asked() -> impl Strategy<Value = Asked> {
    let method = prop_oneof![Just("GET"), Just("PUT")];
    let status = prop_oneof![Just(200_u16), Just(204), Just(404), Just(500)];
    let bucket = prop::option::of((1..3_u8).prop_map(|n| BucketId([n; 16])));
    let key = prop::option::of((1..3_u8).prop_map(|n| KeyId([n; 16])));
    let org = prop_oneof![3 => Just(ORG), 1 => Just(OTHER)];
    (org, 1_000..1_020_u64, method, status, "/[ab]{0,2}", bucket, key).prop_map(
        |(org, ended_ms, method, status, path, bucket, key)| Asked { org, ended_ms, method, status, path, key, bucket },
    )
}

fn any_query() -> impl Strategy<Value = LogQuery> {
    let status =
        prop_oneof![Just(StatusFilter::Class(2)), Just(StatusFilter::Class(4)), Just(StatusFilter::Exact(204))];
    (
        prop::option::of(1_000..1_020_u64),
        prop::option::of(1_000..1_020_u64),
        prop::option::of(prop_oneof![Just("GET".to_owned()), Just("PUT".to_owned())]),
        prop::option::of(status),
        prop::option::of("/[ab]?"),
        prop::option::of((1..3_u8).prop_map(|n| KeyId([n; 16]))),
        prop::option::of((1..3_u8).prop_map(|n| BucketId([n; 16]))),
        1..5_usize,
    )
        .prop_map(|(from_ms, to_ms, method, status, path_prefix, key, bucket, limit)| LogQuery {
            from_ms,
            to_ms,
            method,
            status,
            path_prefix,
            key,
            bucket,
            after: None,
            limit,
        })
}

/// What a query must show, newest first; times are as the log assigns them: they never go back.
fn expected(asked: &[Asked], org: OrgId, buckets: Option<&[BucketId]>, query: &LogQuery) -> Vec<String> {
    let mut last = 0;
    let mut shown = vec![];
    for (n, one) in asked.iter().enumerate() {
        last = last.max(one.ended_ms);
        let status_matches = match query.status {
            None => true,
            Some(StatusFilter::Exact(status)) => one.status == status,
            Some(StatusFilter::Class(class)) => (one.status / 100) as u8 == class,
        };
        let matches = one.org == org
            && query.from_ms.is_none_or(|from| last >= from)
            && query.to_ms.is_none_or(|to| last <= to)
            && query.method.as_ref().is_none_or(|method| method == one.method)
            && status_matches
            && query.path_prefix.as_ref().is_none_or(|prefix| one.path.starts_with(prefix))
            && query.key.is_none_or(|key| one.key == Some(key))
            && query.bucket.is_none_or(|bucket| one.bucket == Some(bucket))
            && buckets.is_none_or(|list| one.bucket.is_some_and(|bucket| list.contains(&bucket)));
        if matches {
            shown.push(format!("{}#{n}", one.path));
        }
    }
    shown.reverse();
    shown
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_query_page_by_page_shows_what_a_plain_search_finds(
        batches in prop::collection::vec(prop::collection::vec(asked(), 0..8), 0..6),
        queries in prop::collection::vec((any_query(), prop::option::of((1..4_u8).prop_map(|n| [BucketId([n; 16])]))), 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = TempDir::new().unwrap();
            let logs = open(folder.path());
            let (mut model, mut n) = (vec![], 0);
            for batch in batches {
                for asked in batch {
                    let path = format!("{}#{n}", asked.path);
                    record(&logs, Asked { path, ..asked.clone() });
                    model.push(asked);
                    n += 1;
                }
                logs.list(ORG, None, &query(1)).await.unwrap();
            }
            for (query, buckets) in queries {
                let buckets = buckets.as_ref().map(|list| &list[..]);
                let (shown, _) = all(&logs, ORG, buckets, query.clone()).await;
                assert_eq!(shown, expected(&model, ORG, buckets, &query), "{query:?}");
            }
        });
    }
}
