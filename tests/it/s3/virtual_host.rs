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
async fn a_finished_upload_is_where_its_location_says() {
    let server = Server::start_with(Options::default().env("WINDLASS_S3_BASE_DOMAIN", BASE), DataDir::new());
    let bucket = server.client().make("photos").await;
    let upload = bucket.upload("dir/a b").await;
    let parts = [(1, bucket.part("dir/a b", &upload, 1, "v").await.is(200).etag())];
    let port = server.address().port();
    for (complete, wanted) in [
        (bucket.complete("dir/a b", &upload, &parts), format!("http://127.0.0.1:{port}/photos/dir/a%20b")),
        (
            bucket.complete("dir/a b", &upload, &parts).virtual_host(BASE),
            format!("http://photos.{BASE}:{port}/dir/a%20b"),
        ),
    ] {
        assert_eq!(complete.await.is(200).xml().text("Location"), wanted);
    }
}

#[tokio::test]
async fn without_a_base_domain_hosts_name_nothing() {
    let server = Server::start();
    server.client().make("photos").await;
    server.client().request("GET", "photos", "other-photos").virtual_host(BASE).await.is_error(404, "NoSuchBucket");
}

#[tokio::test]
async fn there_can_be_several_base_domains() {
    let options = Options::default().env("WINDLASS_S3_BASE_DOMAIN", "s3.test,eu.s3.test,other.example");
    let server = Server::start_with(options, DataDir::new());
    let bucket = server.client().make("photos").await;
    bucket.put("k", "v").await.is(200);
    for base in ["s3.test", "eu.s3.test", "other.example"] {
        for auth in [Auth::V4, Auth::PresignedV4(60), Auth::PresignedV2(60)] {
            bucket.get("k").virtual_host(base).auth(auth).await.is(200).has_body("v");
        }
        // The domain itself is no bucket, not even of another that it lies under: there the path names one.
        bucket.get("k").host(base).await.is(200).has_body("v");
        bucket.get("k").host(&base.to_ascii_uppercase()).await.is(200).has_body("v");
    }
    bucket.get("no-such-bucket").virtual_host("example").await.is_error(404, "NoSuchBucket");
}
