//! A short run of the crash loop; the long one is the binary `crash` of this package.

use windlass_tests::crash::{Plan, run};
use windlass_tests::server::binary;

use crate::home::{number, seed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kill_9() {
    survives(|plan| plan).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_version_that_was_acknowledged_survives_kill_9() {
    survives(|plan| Plan { versioned: true, ..plan }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_blobs_upstream_nothing_is_lost_and_nothing_left() {
    survives(|plan| Plan { upstream: true, ..plan }).await;
}

async fn survives(with: impl FnOnce(Plan) -> Plan) {
    let rounds = u32::try_from(number("WINDLASS_CRASH_ROUNDS", 8)).unwrap();
    let plan = with(Plan::new(binary(), rounds, seed()));
    let totals = run(&plan).await.unwrap_or_else(|violation| panic!("{violation}"));
    assert!(totals.checked >= 20 * rounds as usize, "{totals}");
    assert!(totals.managed >= rounds as usize, "{totals}");
}
