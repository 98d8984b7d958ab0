//! Buckets as hosts under a base domain.

use windlass_tests::request::Auth;
use windlass_tests::server::{DataDir, Options, Server};

const BASE: &str = "s3.test";

#[tokio::test]
async fn a_host_names_the_bucket_whatever_the_path() {
    let server = Server::start_with(Options::default().env("WINDLASS_S3_BASE_DOMAIN", BASE), DataDir::new());
    let bucket = server.client().make("photos").await;
    // Paths that are other doors on the base host.
    for key in ["a b", "-/health", "health", "v1/buckets", "kv/x", "photos/k"] {
        bucket.put(key, key.to_owned()).virtual_host(BASE).await.is(200);
        bucket.get(key).virtual_host(BASE).await.is(200).has_body(key);
        bucket.get(key).await.is(200).has_body(key);
        for auth in [Auth::PresignedV4(60), Auth::PresignedV2(60)] {
            bucket.get(key).virtual_host(BASE).auth(auth).await.is(200).has_body(key);
        }
    }
    assert_eq!(bucket.list().virtual_host(BASE).await.is(200).xml().all("Contents").len(), 6);
    bucket.get("missing").virtual_host(BASE).await.is_error(404, "NoSuchKey");
    server.client().request("GET", "unknown", "k").virtual_host(BASE).await.is_error(404, "NoSuchBucket");
}

#[tokio::test]
async fn without_a_base_domain_hosts_name_nothing() {
    let server = Server::start();
    server.client().make("photos").await;
    server.client().request("GET", "photos", "other-photos").virtual_host(BASE).await.is_error(404, "NoSuchBucket");
}
