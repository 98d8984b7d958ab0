//! SIGSTOP and SIGCONT.

use std::time::Duration;

use windlass_tests::fault::pause::pause;
use windlass_tests::server::{DataDir, binary};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_stopped_under_load_loses_nothing() {
    // The time is the fault itself; nothing waits for it to have been enough.
    pause(&binary(), DataDir::new(), Duration::from_millis(500)).await.unwrap();
}
