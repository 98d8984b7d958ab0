//! A second gateway as the upstream of the first one: the place of its blobs.

use std::net::SocketAddr;

use crate::client::Bucket;
use crate::server::{ACCESS, DataDir, Options, SECRET, Server};

/// The bucket for blobs.
const BUCKET: &str = "blobs";
/// What the names of all blobs there begin with.
const PREFIX: &str = "of/gateway";

/// An upstream.
#[derive(Debug)]
pub struct Upstream {
    /// The gateway that it is.
    pub server: Server,
    /// The bucket for blobs.
    pub bucket: Bucket,
}

impl Upstream {
    /// Starts one of that binary.
    pub async fn of(options: Options) -> Upstream {
        let server = Server::start_with(options, DataDir::new());
        let bucket = server.client().make(BUCKET).await;
        Upstream { server, bucket }
    }

    /// Starts one.
    pub async fn start() -> Upstream {
        Upstream::of(Options::default()).await
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Starts it anew on its data, at another address.
    pub fn restarted(self) -> Upstream {
        let server = self.server.restart();
        let bucket = Bucket { client: server.client(), name: self.bucket.name };
        Upstream { server, bucket }
    }

    /// The names of all blobs, without what they begin with.
    pub async fn blobs(&self) -> Vec<String> {
        let keys = self.bucket.keys().await;
        let name = |key: String| key.strip_prefix(&format!("{PREFIX}/")).map(str::to_owned).unwrap_or(key);
        keys.into_iter().map(name).filter(|name| name != "windlass-store").collect()
    }

    /// How many uploads are open.
    pub async fn open_uploads(&self) -> usize {
        self.bucket.on("GET").flag("uploads").await.is(200).xml().all("Upload").len()
    }
}

/// The environment of a gateway that keeps its blobs at an upstream, which it reaches at `address`.
pub fn blobs_at(address: SocketAddr) -> Vec<(String, String)> {
    let endpoint = format!("http://{address}");
    let settings = [
        ("KIND", "s3"),
        ("ENDPOINT", &endpoint),
        ("BUCKET", BUCKET),
        ("PREFIX", PREFIX),
        ("ACCESS_KEY", ACCESS),
        ("SECRET_KEY", SECRET),
    ];
    settings.map(|(name, value)| (format!("WINDLASS_BLOBS_{name}"), value.to_owned())).to_vec()
}
