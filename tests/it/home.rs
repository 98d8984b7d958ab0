//! Where a test lives: the shared server and a bucket of the test's own.

use std::future::IntoFuture;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use futures::StreamExt;
use windlass_tests::client::{Bucket, Client};
pub(crate) use windlass_tests::noise::noise;
use windlass_tests::server::Server;

static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
static NAMES: AtomicU64 = AtomicU64::new(0);

/// The server for tests that need no settings of their own. It lives as long as a test holds it: the last one to let go
/// kills it, and the next one starts another.
pub(crate) fn shared() -> Arc<Server> {
    // A start that failed panicked; the next test may try again.
    let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let server = Arc::new(Server::start());
        *shared = Arc::downgrade(&server);
        server
    })
}

/// A bucket name that no other test has.
pub(crate) fn unique(stem: &str) -> String {
    format!("{stem}-{}-{}", std::process::id(), NAMES.fetch_add(1, Ordering::Relaxed))
}

/// A bucket of one's own on the shared server.
pub(crate) struct Home {
    pub(crate) server: Arc<Server>,
    bucket: Bucket,
}

impl Home {
    pub(crate) async fn new() -> Home {
        let server = shared();
        let bucket = server.client().make(&unique("home")).await;
        Home { server, bucket }
    }

    /// Another bucket on the same server.
    pub(crate) async fn another(&self) -> Bucket {
        self.client.make(&unique("other")).await
    }

    /// Puts every key with its own name as the body.
    pub(crate) async fn fill(&self, keys: &[&str]) {
        for key in keys {
            self.put(key, key.to_string()).await.is(200);
        }
    }

    /// Puts every key with no body, many at a time.
    pub(crate) async fn fill_many(&self, keys: &[String]) {
        let puts = futures::stream::iter(keys).map(|key| self.put(key, "").into_future());
        puts.buffer_unordered(32).for_each(|answer| async { drop(answer.is(200)) }).await;
    }
}

impl Deref for Home {
    type Target = Bucket;

    fn deref(&self) -> &Bucket {
        &self.bucket
    }
}

/// A client of the shared server, with the server that must be kept.
pub(crate) fn client() -> (Arc<Server>, Client) {
    let server = shared();
    let client = server.client();
    (server, client)
}

/// The smallest part but the last.
pub(crate) const PART: usize = 5 << 20;

/// The seed of a random test: `WINDLASS_SEED`, or a new one. It is printed, so that a failure shows it.
pub(crate) fn seed() -> u64 {
    let seed = match std::env::var("WINDLASS_SEED") {
        Ok(text) => text.parse().expect("WINDLASS_SEED is a number"),
        Err(_) => fastrand::u64(..),
    };
    eprintln!("seed: WINDLASS_SEED={seed}");
    seed
}

/// A number from the environment, or the default.
pub(crate) fn number(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|e| panic!("{name}: {e}")))
}
