//! Blobs at an upstream: what is stored comes back, costs upstream what it must and no more, and is gone when it is deleted.

use windlass_tests::proxy::{Fault, Proxy, Seen};
use windlass_tests::server::{ACCESS, DataDir, Options, SECRET, Server};
use windlass_tests::upstream::{Upstream, blobs_at};
use windlass_tests::wire::Wire;

use super::gateway::{Gateway, is_get, is_part, is_put, options, pause, run};
use crate::home::{PART, noise};
use crate::ops::health::counter;

/// More than two parts as blobs go upstream, and not a whole number of them.
const LARGE: usize = (17 << 20) + 12_345;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_of_every_size_come_back_and_small_ones_never_go_upstream() {
    let gateway = Gateway::start().await;
    let bucket = &gateway.bucket;
    gateway.proxy.take_seen();
    for (key, size) in [("empty", 0), ("inline", 4_000)] {
        bucket.put(key, noise(1, size)).await.is(200);
        bucket.get(key).await.is(200).has_body(noise(1, size));
    }
    assert!(gateway.proxy.take_seen().iter().all(|seen| !is_put(seen) && !is_get(seen)));
    for (key, size) in [("block", 70_000), ("part", 8 << 20), ("large", LARGE)] {
        bucket.put(key, noise(2, size)).await.is(200);
        bucket.get(key).await.is(200).has_body(noise(2, size));
    }
    bucket.multipart("parts", &[noise(3, PART), noise(4, PART), noise(5, 10)]).await;
    bucket.get("parts").await.is(200).has_body([noise(3, PART), noise(4, PART), noise(5, 10)].concat());
    bucket.copy("large", "copy").await.is(200);
    gateway.settles_at(5).await;
    let seen = gateway.proxy.take_seen();
    assert_eq!(seen.iter().filter(|seen| is_put(seen)).count(), 4, "what fits a part is one request");
    assert_eq!(seen.iter().filter(|seen| is_part(seen)).count(), 3);
    let gateway = gateway.restart();
    gateway.bucket.get("copy").await.is(200).has_body(noise(2, LARGE));
    for key in ["block", "part", "large", "copy", "parts"] {
        gateway.bucket.delete(key).await.is(204);
    }
    gateway.settles_at(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_asks_upstream_for_its_blocks_alone() {
    let gateway = Gateway::start().await;
    let body = noise(1, LARGE);
    gateway.bucket.put("large", body.clone()).await.is(200);
    for (range, first, last) in [
        ("bytes=100000-100010", 65_536, 131_071),
        ("bytes=0-0", 0, 65_535),
        ("bytes=131071-131072", 65_536, 196_607),
        ("bytes=-10", LARGE / 65_536 * 65_536, LARGE - 1),
        ("bytes=1000000-3000000", 15 * 65_536, 46 * 65_536 - 1),
    ] {
        gateway.proxy.take_seen();
        let answer = gateway.bucket.get("large").header("range", range).await.is(206);
        let told = answer.need("content-range").to_owned();
        let (from, to) = told["bytes ".len()..].split_once('/').unwrap().0.split_once('-').unwrap();
        answer.has_body(&body[from.parse().unwrap()..=to.parse().unwrap()]);
        let asked: Vec<_> = gateway.proxy.take_seen().into_iter().filter(is_get).collect();
        let ranges: Vec<_> = asked.iter().map(|seen| seen.header("range")).collect();
        assert_eq!(ranges, [Some(format!("bytes={first}-{last}").as_str())], "{range}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_not_what_was_declared_leaves_nothing_upstream() {
    let gateway = Gateway::start().await;
    for (n, size) in [100_000, LARGE].into_iter().enumerate() {
        let put = gateway.bucket.put("wrong", noise(1, size)).header("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==");
        put.await.is_error(400, "BadDigest");
        let put = gateway.bucket.put("wrong", noise(1, size)).header("x-amz-checksum-crc32", "AAAAAA==");
        put.await.is_error(400, "BadDigest");
        gateway.bucket.get("wrong").await.is(404);
        assert_eq!(gateway.upstream.blobs().await.len(), 0, "{n}");
    }
    gateway.settles_at(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_in_the_middle_leaves_nothing_upstream() {
    let gateway = Gateway::start().await;
    let prepared = gateway.bucket.put("cut", noise(1, LARGE)).prepare();
    let mut wire = Wire::connect(gateway.server.address()).await;
    wire.send(prepared.head()).await;
    wire.send(&prepared.body[..LARGE - 1]).await;
    // Parts are on their way by now, or were already.
    while gateway.upstream.open_uploads().await == 0 {
        pause().await;
    }
    drop(wire);
    gateway.settles_at(0).await;
    gateway.bucket.get("cut").await.is(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_gateway_left_is_swept_by_the_next() {
    let mut gateway = Gateway::start().await;
    gateway.bucket.put("kept", noise(1, 100_000)).await.is(200);
    let prepared = gateway.bucket.put("cut", noise(2, LARGE)).prepare();
    let mut wire = Wire::connect(gateway.server.address()).await;
    wire.send(prepared.head()).await;
    wire.send(&prepared.body[..LARGE - 1]).await;
    while gateway.upstream.open_uploads().await == 0 {
        pause().await;
    }
    // A blob whose commit never came.
    let kept = gateway.upstream.blobs().await;
    let orphan = format!("of/gateway/{}/00/01ARZ3NDEKTSV4RRFFQ69G5FAV", kept[0].split('/').next().unwrap());
    gateway.upstream.bucket.put(&orphan, "of nobody").await.is(200);
    gateway.server.kill();
    let gateway = gateway.restart();
    gateway.settles_at(1).await;
    assert_eq!(gateway.upstream.blobs().await, kept);
    gateway.bucket.get("kept").await.is(200).has_body(noise(1, 100_000));
    gateway.bucket.get("cut").await.is(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offline_commands_read_blobs_upstream() {
    let mut gateway = Gateway::start().await;
    gateway.bucket.put("inline", "v").await.is(200);
    gateway.bucket.put("large", noise(1, LARGE)).await.is(200);
    let blob = gateway.upstream.blobs().await.remove(0);
    assert!(gateway.server.stop().success());
    let (code, said) = gateway.run("check", &[]);
    assert_eq!(code, Some(0), "{said}");

    let orphan = blob.replace(blob.rsplit('/').next().unwrap(), "01ARZ3NDEKTSV4RRFFQ69G5FAV");
    gateway.upstream.bucket.put(&format!("of/gateway/{orphan}"), "of nobody").await.is(200);
    let (code, said) = gateway.run("check", &["--repair"]);
    assert!(code == Some(0) && said.contains(&orphan) && said.contains("1 repaired"), "{said}");
    assert_eq!(gateway.upstream.blobs().await, std::slice::from_ref(&blob));

    let mut damaged = noise(1, LARGE).to_vec();
    damaged[9 << 20] ^= 1;
    gateway.upstream.bucket.put(&format!("of/gateway/{blob}"), damaged).await.is(200);
    for command in ["check", "scrub"] {
        let (code, said) = gateway.run(command, &[]);
        assert!(code == Some(1) && said.contains("damaged bytes"), "{command}: {said}");
    }
    gateway.upstream.bucket.delete(&format!("of/gateway/{blob}")).await.is(204);
    let (code, said) = gateway.run("scrub", &[]);
    assert!(code == Some(1) && said.contains("missing blob"), "{said}");
    gateway.proxy.cut();
    let (code, said) = gateway.run("scrub", &[]);
    assert!(code == Some(2) && said.contains(&gateway.proxy.address().to_string()), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_scrub_finds_damage_upstream() {
    let upstream = Upstream::start().await;
    let proxy = Proxy::before(upstream.address()).await;
    let off = options(&proxy).env("WINDLASS_SCRUB_INTERVAL_HOURS", "0");
    let server = Server::start_with(off, DataDir::new());
    server.client().make("bucket").await.put("blob", noise(1, 300_000)).await.is(200);
    let blob = upstream.blobs().await.remove(0);
    upstream.bucket.put(&format!("of/gateway/{blob}"), noise(2, 300_000)).await.is(200);
    let data = server.data().clone();
    drop(server);
    let server = Server::start_with(options(&proxy).env("WINDLASS_SCRUB_BYTES_PER_SECOND", "1GiB"), data);
    let client = server.client();
    while counter(&client, "windlass_scrub_damaged_total").await < 1.0 {
        pause().await;
    }
    client.request("GET", "bucket", "blob").await.is_error(500, "InternalError");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_comes_back_with_its_blobs() {
    let mut gateway = Gateway::start().await;
    gateway.bucket.put("large", noise(1, LARGE)).await.is(200);
    let data = gateway.server.data().clone();
    let file = data.path().with_file_name("backup");
    let (code, said) = gateway.run("backup", &["--to", file.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
    gateway.bucket.delete("large").await.is(204);
    gateway.bucket.put("later", noise(2, 100_000)).await.is(200);
    assert!(gateway.server.stop().success());
    let (code, said) = gateway.run("restore", &["--from", file.to_str().unwrap(), "--replace"]);
    assert_eq!(code, Some(0), "{said}");
    let gateway = gateway.restart();
    gateway.bucket.get("large").await.is(200).has_body(noise(1, LARGE));
    gateway.bucket.get("later").await.is(404);

    let elsewhere = DataDir::new();
    let output = windlass_tests::server::run(
        &windlass_tests::server::binary(),
        "restore",
        &elsewhere.path(),
        &["--from", file.to_str().unwrap()],
    );
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("blobs.kind = \"s3\", not \"local\""), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_stays_with_the_kind_of_blobs_that_it_began_with() {
    let upstream = Upstream::start().await;
    let proxy = Proxy::before(upstream.address()).await;
    let began = |options: Options| {
        let mut server = Server::start_with(options, DataDir::new());
        assert!(server.stop().success());
        server.data().clone()
    };
    let (local, remote) = (began(Options::default()), began(options(&proxy)));
    for (data, options, kinds) in [
        (&local, options(&proxy), "blobs.kind = \"local\", not \"s3\""),
        (&remote, Options::default(), "blobs.kind = \"s3\", not \"local\""),
    ] {
        let refused = Server::try_start(options, data.clone()).expect_err("the blobs are elsewhere");
        assert!(refused.stderr.contains(kinds), "{}", refused.stderr);
    }
    let (code, said) = run(&proxy, &local, "check", &[]);
    assert!(code == Some(2) && said.contains("blobs.kind = \"local\", not \"s3\""), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn either_checksum_keeps_bytes_that_were_damaged_on_the_way_up_from_being_stored() {
    for (checksum, header) in [("sha256", "x-amz-content-sha256"), ("crc64nvme", "x-amz-checksum-crc64nvme")] {
        let upstream = Upstream::start().await;
        let proxy = Proxy::before(upstream.address()).await;
        let server = Server::start_with(options(&proxy).env("WINDLASS_BLOBS_CHECKSUM", checksum), DataDir::new());
        let bucket = server.client().make("bucket").await;
        for (key, size) in [("small", 100_000), ("large", LARGE)] {
            bucket.put(key, noise(1, size)).await.is(200);
            bucket.get(key).await.is(200).has_body(noise(1, size));
        }
        let seen = proxy.take_seen();
        let bytes = |seen: &Seen| is_put(seen) || is_part(seen);
        assert!(
            seen.iter()
                .filter(|seen| bytes(seen))
                .all(|seen| seen.header(header).is_some_and(|v| v != "UNSIGNED-PAYLOAD"))
        );
        proxy.always(bytes, Fault::Damaged(70_000));
        for (key, size) in [("small", 100_000), ("large", LARGE)] {
            bucket.put(key, noise(2, size)).await.is_error(503, "ServiceUnavailable");
        }
        proxy.heal();
        for (key, size) in [("small", 100_000), ("large", LARGE)] {
            bucket.get(key).await.is(200).has_body(noise(1, size));
        }
        while upstream.blobs().await.len() != 2 || upstream.open_uploads().await > 0 {
            pause().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_is_not_the_stores_is_refused() {
    let upstream = Upstream::start().await;
    let proxy = Proxy::before(upstream.address()).await;
    let refused = |data: &DataDir, options: Options| {
        Server::try_start(options, data.clone()).expect_err("the bucket is not the store's").stderr
    };
    let missing = options(&proxy).env("WINDLASS_BLOBS_BUCKET", "nowhere");
    let said = refused(&DataDir::new(), missing);
    assert!(said.contains(&proxy.address().to_string()) && said.contains("bucket"), "{said}");
    let denied = options(&proxy).env("WINDLASS_BLOBS_SECRET_KEY", "not-the-secret");
    let said = refused(&DataDir::new(), denied);
    assert!(said.contains("credentials") && !said.contains("not-the-secret"), "{said}");

    let mut server = Server::start_with(options(&proxy), DataDir::new());
    assert!(server.stop().success());
    let said = refused(&DataDir::new(), options(&proxy));
    assert!(said.contains("belongs to another Windlass store"), "{said}");
    let said = refused(server.data(), options(&proxy).env("WINDLASS_BLOBS_PREFIX", "other"));
    assert!(said.contains("lacks the marker object"), "{said}");
    upstream.bucket.put("taken/thesis.tex", "do not touch").await.is(200);
    let said = refused(&DataDir::new(), options(&proxy).env("WINDLASS_BLOBS_PREFIX", "taken"));
    assert!(said.contains("holds objects that are not this store's"), "{said}");
    assert_eq!(upstream.bucket.keys().await, ["of/gateway/windlass-store", "taken/thesis.tex"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_come_from_a_file_or_from_variables() {
    let upstream = Upstream::start().await;
    let bare: Vec<_> = blobs_at(upstream.address()).into_iter().filter(|(name, _)| !name.ends_with("_KEY")).collect();
    let from = |more: &[(&str, &str)]| {
        let options = Options { env: bare.clone(), ..Options::default() };
        more.iter().fold(options, |options, (name, value)| options.env(name, value))
    };
    let data = DataDir::new();
    let file = data.path().with_file_name("credentials");
    let text = format!(
        "[default]\naws_access_key_id = x\naws_secret_access_key = y\n[gateway]\n\
                        aws_access_key_id = {ACCESS}\naws_secret_access_key = {SECRET}\n"
    );
    std::fs::write(&file, text).unwrap();
    let by_file = from(&[
        ("WINDLASS_BLOBS_CREDENTIALS_FILE", file.to_str().unwrap()),
        ("WINDLASS_BLOBS_CREDENTIALS_PROFILE", "gateway"),
    ]);
    let server = Server::start_with(by_file, data.clone());
    server.client().make("bucket").await.put("blob", noise(1, 100_000)).await.is(200);
    drop(server);
    let by_variables = from(&[("AWS_ACCESS_KEY_ID", ACCESS), ("AWS_SECRET_ACCESS_KEY", SECRET)]);
    let server = Server::start_with(by_variables, data);
    server.client().request("GET", "bucket", "blob").await.is(200).has_body(noise(1, 100_000));
    assert_eq!(upstream.blobs().await.len(), 1);
}
