//! A gateway whose blobs are at an upstream, with a proxy between the two.

use std::time::Duration;

use windlass_tests::client::Bucket;
use windlass_tests::proxy::{Proxy, Seen};
use windlass_tests::server::{DataDir, Options, Server, binary, run_with};
use windlass_tests::upstream::{Upstream, blobs_at};

use crate::ops::health::counter;

/// How long the gateway waits for an upstream that says nothing.
const READ_TIMEOUT_MS: &str = "1500";

/// The three, and a bucket on the gateway.
pub(super) struct Gateway {
    pub(super) upstream: Upstream,
    pub(super) proxy: Proxy,
    pub(super) server: Server,
    pub(super) bucket: Bucket,
}

impl Gateway {
    pub(super) async fn start() -> Gateway {
        let upstream = Upstream::start().await;
        let proxy = Proxy::before(upstream.address()).await;
        let server = Server::start_with(options(&proxy), DataDir::new());
        let bucket = server.client().make("bucket").await;
        Gateway { upstream, proxy, server, bucket }
    }

    /// The same with a new process on the same data.
    pub(super) fn restart(self) -> Gateway {
        let server = self.server.restart();
        let bucket = Bucket { client: server.client(), name: self.bucket.name };
        Gateway { server, bucket, ..self }
    }

    /// The sum of one of the gateway's counters.
    pub(super) async fn counter(&self, name: &str) -> f64 {
        counter(&self.bucket.client, name).await
    }

    /// Whether the breaker is in a state.
    pub(super) async fn is(&self, state: &str) -> bool {
        let page = self.bucket.client.plain("/-/metrics").await.is(200);
        let wanted = format!("state=\"{state}\"}} 1");
        page.text().lines().any(|line| line.starts_with("windlass_upstream_state{") && line.ends_with(&wanted))
    }

    /// Waits until upstream there are so many blobs, and no upload is open.
    pub(super) async fn settles_at(&self, blobs: usize) {
        while self.upstream.blobs().await.len() != blobs || self.upstream.open_uploads().await > 0 {
            pause().await;
        }
    }

    /// Runs an offline command on the gateway's data; its exit code, and what it said.
    pub(super) fn run(&self, command: &str, args: &[&str]) -> (Option<i32>, String) {
        run(&self.proxy, self.server.data(), command, args)
    }
}

/// Runs an offline command on data whose blobs are behind a proxy.
pub(super) fn run(proxy: &Proxy, data: &DataDir, command: &str, args: &[&str]) -> (Option<i32>, String) {
    // The proxy is served by this runtime's other thread.
    let output =
        tokio::task::block_in_place(|| run_with(&binary(), &blobs_at(proxy.address()), command, &data.path(), args));
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// How the gateway is started.
pub(super) fn options(proxy: &Proxy) -> Options {
    Options { env: blobs_at(proxy.address()), ..Options::default() }
        .env("WINDLASS_SWEEP_INTERVAL_MS", "100")
        .env("WINDLASS_UPSTREAM_READ_TIMEOUT_MS", READ_TIMEOUT_MS)
}

/// Between two looks at something that is waited for.
pub(super) async fn pause() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

/// Whether a request is about a part of a multipart upload.
pub(super) fn is_part(seen: &Seen) -> bool {
    seen.line.starts_with("PUT ") && seen.line.contains("partNumber=")
}

/// Whether it stores a blob in one go.
pub(super) fn is_put(seen: &Seen) -> bool {
    seen.line.starts_with("PUT ") && !seen.line.contains('?')
}

/// Whether it begins an upload.
pub(super) fn is_create(seen: &Seen) -> bool {
    seen.line.starts_with("POST ") && seen.line.contains("?uploads")
}

/// Whether it completes one.
pub(super) fn is_complete(seen: &Seen) -> bool {
    seen.line.starts_with("POST ") && seen.line.contains("uploadId=")
}

/// Whether it reads.
pub(super) fn is_get(seen: &Seen) -> bool {
    seen.line.starts_with("GET ") && !seen.line.contains('?')
}
