//! Pages of the gateway that are not S3's, asked of one that may not answer.

use std::time::Duration;

use bytes::Bytes;

use crate::request::Prepared;
use crate::server::Server;

const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at a page that is to change.
const LOOK: Duration = Duration::from_millis(20);

/// A page, if it is there and well.
pub async fn page(server: &Server, target: &str) -> Option<String> {
    let host = ("host".to_owned(), b"localhost".to_vec());
    let page = Prepared { method: "GET".into(), target: target.into(), headers: vec![host], body: Bytes::new() };
    let answer = tokio::time::timeout(PATIENCE, server.client().attempt(page)).await;
    answer.ok()?.ok().filter(|answer| answer.status == 200).map(|answer| answer.text().to_owned())
}

/// Whether the gateway says that it takes writes.
pub async fn is_ready(server: &Server) -> bool {
    page(server, "/-/ready").await.is_some()
}

/// Waits until the gateway says so; how long it took, if it did in that time.
pub async fn until_ready(server: &Server, within: Duration) -> Option<Duration> {
    let began = tokio::time::Instant::now();
    while !is_ready(server).await {
        if began.elapsed() > within {
            return None;
        }
        tokio::time::sleep(LOOK).await;
    }
    Some(began.elapsed())
}

/// Waits until the sweep has run to its end once since the start.
pub async fn until_swept(server: &Server, within: Duration) {
    let began = tokio::time::Instant::now();
    while sample(server, "windlass_job_runs_total{job=\"sweep\"}").await == 0 && began.elapsed() < within {
        tokio::time::sleep(LOOK).await;
    }
}

/// How often the metadata was opened anew.
pub async fn recoveries(server: &Server) -> u64 {
    sample(server, "windlass_meta_recoveries_total").await
}

/// A number of the metrics page; 0 where there is none.
async fn sample(server: &Server, name: &str) -> u64 {
    let metrics = page(server, "/-/metrics").await.unwrap_or_default();
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.and_then(|value| value.parse().ok()).unwrap_or_default()
}
