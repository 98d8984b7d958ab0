//! The scrub reads everything once, finds what is wrong, and goes on where it stopped.

use windlass_store::check::{Finding, scrub};
use windlass_store::scrub::{ScrubCounters, ScrubCursor};

use crate::home::{Home, Open, noise};

const LARGE: usize = 9 << 20;

async fn furnished(home: &Home) -> Open {
    let open = home.open().await;
    for n in 0..5 {
        open.put(&format!("inline-{n}"), &noise(n, 100)).await;
        open.put(&format!("blob-{n}"), &noise(n, 100_000)).await;
    }
    open.put("large", &noise(9, LARGE)).await;
    open.put("gone", &noise(10, 70_000)).await;
    open.delete("gone").await;
    open
}

/// Scrubs from a cursor to the end; returns the steps it took.
async fn finish(open: &Open, mut cursor: ScrubCursor) -> usize {
    for steps in 1.. {
        match open.store.scrub_step(cursor).await.unwrap().next {
            Some(next) => cursor = next,
            None => return steps,
        }
    }
    unreachable!()
}

#[tokio::test]
async fn everything_sound_is_read_once_in_bounded_steps() {
    let home = Home::new();
    let open = furnished(&home).await;
    let steps = finish(&open, ScrubCursor::START).await;
    assert!(steps >= 3, "{steps} steps for {LARGE} bytes");
    let counted = open.store.counters().scrub;
    assert_eq!((counted.blobs, counted.damaged, counted.missing), (11, 0, 0));
    assert!(counted.bytes >= (LARGE + 5 * 100_000 + 5 * 100) as u64);
    open.close();
    let report = scrub(&home.options).unwrap();
    assert_eq!((report.findings, report.blobs), (vec![], 11));
}

#[tokio::test]
async fn a_flipped_bit_and_a_missing_file_are_found_while_serving_and_offline() {
    let home = Home::new();
    let open = furnished(&home).await;
    let files = home.blob_files();
    let of_size = |size: usize| files.iter().filter(move |f| f.metadata().unwrap().len() == size as u64);
    let damaged = of_size(LARGE).next().unwrap();
    let mut bytes = std::fs::read(damaged).unwrap();
    bytes[LARGE - 5] ^= 4;
    std::fs::write(damaged, bytes).unwrap();
    std::fs::remove_file(of_size(100_000).next().unwrap()).unwrap();
    finish(&open, ScrubCursor::START).await;
    let ScrubCounters { damaged, missing, .. } = open.store.counters().scrub;
    assert_eq!((damaged, missing), (1, 1));
    open.close();
    let report = scrub(&home.options).unwrap();
    let missing = report.findings.iter().filter(|f| matches!(f, Finding::MissingBlob(_))).count();
    let damaged = report.findings.iter().filter(|f| matches!(f, Finding::Damaged(..))).count();
    assert_eq!((report.findings.len(), missing, damaged), (2, 1, 1), "{:?}", report.findings);
}

#[tokio::test]
async fn a_scrub_goes_on_after_a_restart_and_is_due_again_after_its_interval() {
    let home = Home::new();
    let open = furnished(&home).await;
    let first = open.store.scrub_due(1_000_000).unwrap().expect("the first scrub is due");
    let step = open.store.scrub_step(first).await.unwrap();
    let next = open.store.scrub_step(step.next.unwrap()).await.unwrap().next;
    open.store.save_scrub(next).await.unwrap();
    open.close();

    let open = home.open().await;
    assert_eq!(open.store.scrub_due(1_000_000).unwrap(), next);
    finish(&open, next.unwrap()).await;
    assert!(open.store.counters().scrub.blobs < 11, "what was done is not done again");
    open.store.save_scrub(None).await.unwrap();
    assert_eq!(open.store.scrub_due(1_000_000).unwrap(), None);
    assert_eq!(open.store.scrub_due(0).unwrap(), Some(ScrubCursor::START));
}
