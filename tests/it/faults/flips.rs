//! A few flips of each kind; `faults flips --count N` makes many.

use windlass_tests::fault::flips::Flips;
use windlass_tests::server::{DataDir, binary};

use crate::home::seed;

#[tokio::test]
async fn a_flipped_bit_of_a_blob_is_never_served() {
    let mut flips = Flips::new(&binary(), DataDir::new(), seed()).await.unwrap();
    let outcomes = flips.blobs(24).await.unwrap();
    assert!(outcomes.wrong.is_empty(), "{:#?}", outcomes.wrong);
}

#[tokio::test]
async fn a_missing_blob_is_refused_and_found_and_the_others_are_served() {
    let mut flips = Flips::new(&binary(), DataDir::new(), seed()).await.unwrap();
    flips.missing().await.unwrap();
}

#[tokio::test]
async fn a_flipped_bit_of_the_metadata_never_makes_wrong_bytes() {
    let mut flips = Flips::new(&binary(), DataDir::new(), seed()).await.unwrap();
    let outcomes = flips.metadata(24).await.unwrap();
    assert!(outcomes.wrong.is_empty(), "{:#?}", outcomes.wrong);
}

#[tokio::test]
async fn a_key_that_a_flipped_bit_hides_is_found_by_check() {
    let mut flips = Flips::new(&binary(), DataDir::new(), seed()).await.unwrap();
    let outcomes = flips.names(60).await.unwrap();
    let missed: Vec<_> =
        outcomes.untrue.iter().chain(&outcomes.wrong).filter(|o| !o.ends_with("check finds it")).collect();
    assert!(missed.is_empty(), "{missed:#?}\n{:?}, {} untrue", outcomes.counts, outcomes.untrue.len());
}
