//! Adoption of a linked bucket: nobody who uses it meanwhile notices, and afterwards everything is here as it was there.

use std::collections::BTreeMap;
use std::time::Duration;

use windlass_tests::client::Bucket;
use windlass_tests::proxy::Fault;
use windlass_tests::server::{Options, TOKEN, binary};

use super::adopting::{Adopting, HARD_KEYS, fill, listed, numbered};
use crate::home::{PART, noise};

/// One object of every kind.
async fn furnish(bucket: &Bucket) {
    for key in HARD_KEYS {
        bucket.put(key, key).await.is(200);
    }
    bucket.put(&"k".repeat(1024), "longest").await.is(200);
    bucket.put("empty", "").await.is(200);
    bucket.put("large", noise(1, 3_000_000)).header("content-type", "image/png").await.is(200);
    bucket
        .put("about", "about")
        .header("x-amz-meta-mtime", "1700000000.123")
        .header("x-amz-meta-name", "é")
        .header("cache-control", "no-cache")
        .header("content-disposition", "attachment")
        .header("expires", "in a while")
        .header("x-amz-tagging", "a=b&c=d")
        .header("x-amz-storage-class", "STANDARD_IA")
        .header("x-amz-checksum-algorithm", "SHA256")
        .await
        .is(200);
    bucket.multipart("parts", &[noise(2, PART), noise(3, PART), noise(4, 77)]).await;
}

/// Headers that an object keeps.
const KEPT: [&str; 12] = [
    "content-length",
    "content-type",
    "etag",
    "last-modified",
    "x-amz-meta-mtime",
    "x-amz-meta-name",
    "cache-control",
    "content-disposition",
    "expires",
    "x-amz-tagging-count",
    "x-amz-storage-class",
    "x-amz-checksum-sha256",
];

async fn about(bucket: &Bucket, key: &str) -> BTreeMap<&'static str, Vec<u8>> {
    let answer = bucket.head(key).header("x-amz-checksum-mode", "ENABLED").await.is(200);
    let value = |name: &'static str| answer.headers.get(name).map(|value| (name, value.as_bytes().to_vec()));
    KEPT.into_iter().filter_map(value).collect()
}

async fn tags(bucket: &Bucket, key: &str) -> Vec<String> {
    bucket.at("GET", key).flag("tagging").await.is(200).xml().texts("TagSet/Tag/Key")
}

#[tokio::test]
async fn everything_is_here_as_it_was_there() {
    let adopting = Adopting::linked(Options::default(), furnish).await;
    let before = listed(&adopting.there).await;
    assert!(before.len() > HARD_KEYS.len());
    adopting.begin().await;
    let told = adopting.until_done().await;
    assert_eq!((&told["objectsCopied"], &told["objectsTotal"]), (&before.len().into(), &before.len().into()), "{told}");
    assert_eq!((&told["objectsUnverified"], &told["objectsFailed"]), (&0.into(), &0.into()), "{told}");
    let here = adopting.here();
    assert_eq!(listed(&here).await, before, "a tool that compares them would copy something");
    let keys = adopting.there.keys().await;
    for key in &keys {
        assert_eq!(about(&here, key).await, about(&adopting.there, key).await, "{key}");
        assert_eq!(here.get(key).await.is(200).body, adopting.there.get(key).await.is(200).body, "{key}");
        assert_eq!(tags(&here, key).await, tags(&adopting.there, key).await, "{key}");
    }
    // Nothing needs the upstream any more.
    adopting.proxy.cut();
    assert_eq!(here.keys().await, keys);
    here.get("large").await.is(200).has_body(noise(1, 3_000_000));
    adopting.ends_sound();
}

#[tokio::test]
async fn what_is_only_upstream_is_read_as_if_it_were_here() {
    let adopting = Adopting::held(Options::default(), furnish).await;
    let (here, there) = (adopting.here(), &adopting.there);
    assert_eq!(listed(&here).await, listed(there).await);
    for key in there.keys().await {
        assert_eq!(about(&here, &key).await, about(there, &key).await, "{key}");
        assert_eq!(here.get(&key).await.is(200).body, there.get(&key).await.is(200).body, "{key}");
    }
    let large = noise(1, 3_000_000);
    let part = here.get("large").header("range", "bytes=1000000-1000099").await.is(206);
    part.has("content-range", "bytes 1000000-1000099/3000000").has_body(&large[1_000_000..1_000_100]);
    here.get("large").header("range", "bytes=-5").await.is(206).has_body(&large[2_999_995..]);
    here.get("large").header("range", "bytes=3000000-").await.is_error(416, "InvalidRange");
    let etag = there.head("large").await.etag();
    here.get("large").header("if-none-match", &etag).await.is(304);
    here.get("large").header("if-match", "\"0\"").await.is_error(412, "PreconditionFailed");
    here.get("missing").await.is_error(404, "NoSuchKey");
    assert_eq!(adopting.progress().await["objectsCopied"], 0, "reading has copied something");
    adopting.let_go();
    adopting.until_done().await;
    adopting.ends_sound();
}

#[tokio::test]
async fn writes_are_decided_by_what_is_upstream_and_kept_here() {
    let adopting = Adopting::held(Options::default(), async |bucket: &Bucket| {
        fill(bucket, &numbered("k", 12)).await;
        bucket.put("tagged", "t").header("x-amz-tagging", "a=b").await.is(200);
    })
    .await;
    let (here, there) = (adopting.here(), &adopting.there);
    // Conditions see what is there.
    here.put("k0000", "new").header("if-none-match", "*").await.is_error(412, "PreconditionFailed");
    here.put("new", "new").header("if-none-match", "*").await.is(200);
    here.put("new", "again").header("if-none-match", "*").await.is_error(412, "PreconditionFailed");
    let etag = there.head("k0001").await.etag();
    here.put("k0001", "changed").header("if-match", &etag).await.is(200);
    here.put("k0002", "changed").header("if-match", &etag).await.is_error(412, "PreconditionFailed");
    here.put("k0003", "replaced").await.is(200);
    // Copies, tags and deletions too.
    here.copy("k0004", "copied").await.is(200);
    assert_eq!(tags(&here, "tagged").await, ["a"]);
    here.at("PUT", "k0005")
        .flag("tagging")
        .body("<Tagging><TagSet><Tag><Key>n</Key><Value>v</Value></Tag></TagSet></Tagging>")
        .await
        .is(200);
    here.delete("k0006").await.is(204);
    here.get("k0006").await.is_error(404, "NoSuchKey");
    here.put("k0006", "back").header("if-none-match", "*").await.is(200);
    here.delete("k0007").header("if-match", "\"0\"").await.is_error(412, "PreconditionFailed");
    here.delete_many(&["k0007", "k0008", "never"], false).await.is(200);
    here.put("k0009", "once").await.is(200);
    here.delete("k0009").await.is(204);
    let file = format!("/v1/buckets/{}/files", adopting.id);
    adopting.json().delete(&format!("{file}/k0010")).await.data(200);
    adopting.json().delete(&format!("{file}/k0010")).await.refused(404, "File not found");
    // Nothing of it went upstream.
    assert_eq!(there.keys().await.len(), 13);
    there.get("k0003").await.is(200).has_body("k0003");

    let expected = [
        ("copied", "k0004"),
        ("k0000", "k0000"),
        ("k0001", "changed"),
        ("k0002", "k0002"),
        ("k0003", "replaced"),
        ("k0004", "k0004"),
        ("k0005", "k0005"),
        ("k0006", "back"),
        ("k0011", "k0011"),
        ("new", "new"),
        ("tagged", "t"),
    ];
    for moment in ["before", "after"] {
        assert_eq!(here.keys().await, expected.map(|(key, _)| key), "{moment}");
        for (key, body) in expected {
            here.get(key).await.is(200).has_body(body);
        }
        for gone in ["k0007", "k0008", "k0009", "k0010"] {
            here.get(gone).await.is_error(404, "NoSuchKey");
        }
        assert_eq!(tags(&here, "k0005").await, ["n"], "{moment}");
        adopting.let_go();
        adopting.until_done().await;
    }
    adopting.ends_sound();
}

#[tokio::test]
async fn listings_are_those_of_one_bucket() {
    let adopting = Adopting::held(Options::default(), async |bucket: &Bucket| {
        fill(bucket, &["a/1", "a/2", "b/1", "b/2", "c", "d//x", "e/1", "g"].map(str::to_owned)).await;
    })
    .await;
    let here = adopting.here();
    here.delete_many(&["b/1", "b/2", "c"], true).await.is(200);
    here.delete("a/1").await.is(204);
    fill(&here, &["a/3", "aa", "f/1", "h"].map(str::to_owned)).await;
    let keys = ["a/2", "a/3", "aa", "d//x", "e/1", "f/1", "g", "h"];
    let groups = ["a/", "d/", "e/", "f/"];
    for moment in ["before", "after"] {
        assert_eq!(here.keys().await, keys, "{moment}");
        for max in [1, 2, 3, 1000] {
            assert_eq!(
                paged(&here, "", max).await,
                (groups.map(str::to_owned).into(), ["aa", "g", "h"].map(str::to_owned).into()),
                "{moment} {max}"
            );
            assert_eq!(paged(&here, "d/", max).await.0, ["d//"], "{moment} {max}");
        }
        let xml = here.list().query("prefix", "b/").await.is(200).xml();
        assert_eq!(xml.text("KeyCount"), "0", "{moment}");
        let (versions, markers) = here.all_versions().await;
        assert_eq!(
            (versions.iter().map(|version| version[0].as_str()).collect::<Vec<_>>(), markers),
            (keys.to_vec(), 0)
        );
        adopting.let_go();
        adopting.until_done().await;
    }
    adopting.ends_sound();
}

/// The common prefixes and the keys of all pages.
async fn paged(bucket: &Bucket, prefix: &str, max: usize) -> (Vec<String>, Vec<String>) {
    let (mut groups, mut keys) = (Vec::new(), Vec::new());
    let mut token: Option<String> = None;
    loop {
        let mut list = bucket.list().query("delimiter", "/").query("max-keys", max).query("prefix", prefix);
        if let Some(token) = &token {
            list = list.query("continuation-token", token);
        }
        let xml = list.await.is(200).xml();
        groups.extend(xml.texts("CommonPrefixes/Prefix"));
        keys.extend(xml.texts("Contents/Key"));
        match xml.get("NextContinuationToken") {
            Some(next) => token = Some(next.to_owned()),
            None => return (groups, keys),
        }
    }
}

#[tokio::test]
async fn a_write_that_was_under_way_upstream_is_not_lost() {
    let adopting = Adopting::linked(Options::default(), async |bucket: &Bucket| {
        fill(bucket, &numbered("k", 3)).await;
    })
    .await;
    let here = adopting.here();
    adopting.proxy.take_seen();
    adopting.proxy.once(|seen| seen.line.starts_with("PUT "), Fault::Late(Duration::from_secs(3)));
    let late = tokio::spawn({
        let late = here.put("k0000", "late");
        async move { late.await }
    });
    while !adopting.proxy.take_seen().iter().any(|seen| seen.line.starts_with("PUT ")) {
        tokio::task::yield_now().await;
    }
    adopting.begin().await;
    here.get("k0000").await.is(200).has_body("k0000");
    here.put("k0001", "new").header("if-none-match", "*").await.is_error(503, "SlowDown");
    here.put("k0002", "ours").await.is(200);
    late.await.unwrap().is(200);
    adopting.until_done().await;
    for (key, body) in [("k0000", "late"), ("k0001", "k0001"), ("k0002", "ours")] {
        here.get(key).await.is(200).has_body(body);
    }
    adopting.ends_sound();
}

#[tokio::test]
async fn a_listing_that_the_end_overtakes_shows_what_is_here() {
    let adopting = Adopting::held(Options::default(), async |bucket: &Bucket| {
        fill(bucket, &numbered("k/", 4)).await;
    })
    .await;
    let here = adopting.here();
    here.delete("k/0001").await.is(204);
    adopting.proxy.take_seen();
    let mut listings = Vec::new();
    for (max, asked) in [(77, "max-keys=78"), (55, "max-keys=56")] {
        adopting.proxy.once(move |seen| seen.line.contains(asked), Fault::Late(Duration::from_secs(6)));
        let list = here.list().query("max-keys", max);
        let list = if max == 55 { list.query("delimiter", "/") } else { list };
        listings.push(tokio::spawn(async move { list.await }));
        while !adopting.proxy.take_seen().iter().any(|seen| seen.line.contains(asked)) {
            tokio::task::yield_now().await;
        }
    }
    adopting.let_go();
    adopting.until_done().await;
    assert!(listings.iter().all(|listing| !listing.is_finished()), "the end came too late");
    let (groups, keys) = (listings.pop().unwrap().await.unwrap(), listings.pop().unwrap().await.unwrap());
    assert_eq!(keys.is(200).xml().texts("Contents/Key"), ["k/0000", "k/0002", "k/0003"]);
    assert_eq!(groups.is(200).xml().texts("CommonPrefixes/Prefix"), ["k/"]);
    adopting.ends_sound();
}

#[tokio::test]
async fn what_cannot_be_copied_is_tried_again_and_never_taken_for_good() {
    let large = noise(9, 200_000);
    let adopting = Adopting::linked(Options::default(), async |bucket: &Bucket| {
        fill(bucket, &numbered("k", 5)).await;
        bucket.put("large", large.clone()).await.is(200);
    })
    .await;
    adopting.proxy.once(|seen| seen.line == "GET /adopted/large", Fault::Flipped(100_000));
    adopting.proxy.once(|seen| seen.line == "GET /adopted/k0003", Fault::CutAnswer(2));
    adopting.begin().await;
    let told = adopting.until_done().await;
    assert_eq!((&told["objectsCopied"], &told["objectsFailed"]), (&6.into(), &0.into()), "{told}");
    assert!(told["passes"].as_u64() >= Some(1), "nothing failed: {told}");
    let here = adopting.here();
    here.get("large").await.is(200).has_body(&large);
    here.get("k0003").await.is(200).has_body("k0003");
    adopting.ends_sound();
}

#[tokio::test]
async fn an_upstream_that_is_away_holds_up_only_what_it_alone_has() {
    let adopting = Adopting::held(Options::default(), async |bucket: &Bucket| {
        fill(bucket, &numbered("k", 4)).await;
    })
    .await;
    let here = adopting.here();
    here.put("k0000", "ours").await.is(200);
    adopting.proxy.cut();
    here.get("k0000").await.is(200).has_body("ours");
    here.put("new", "new").await.is(200);
    here.get("new").await.is(200).has_body("new");
    let refused = here.get("k0001").await.is_error(503, "ServiceUnavailable");
    let host = adopting.proxy.address().to_string();
    assert!(refused.text().contains(&host), "{}", refused.describe());
    here.list().await.is_error(503, "ServiceUnavailable");
    adopting.let_go();
    adopting.until_done().await;
    assert_eq!(here.keys().await, ["k0000", "k0001", "k0002", "k0003", "new"]);
    here.get("k0000").await.is(200).has_body("ours");
    adopting.ends_sound();
}

#[tokio::test]
async fn a_bucket_that_is_adopted_is_not_taken_apart() {
    let adopting = Adopting::held(Options::default(), async |bucket: &Bucket| {
        fill(bucket, &numbered("k", 2)).await;
    })
    .await;
    let (here, json) = (adopting.here(), adopting.json());
    here.on("DELETE").await.is_error(409, "BucketNotEmpty");
    let versions = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    here.on("PUT").flag("versioning").body(versions).await.is_error(409, "InvalidBucketState");
    assert_eq!(json.delete(&format!("/v1/aws-accounts/{}", adopting.account)).await.status, 409);
    assert_eq!(adopting.begin().await["begunAt"], adopting.progress().await["begunAt"]);
    adopting.let_go();
    adopting.until_done().await;
    assert_eq!(adopting.begin().await["status"], "done");
    json.delete(&format!("/v1/aws-accounts/{}", adopting.account)).await.data(200);
    assert_eq!(here.keys().await, ["k0000", "k0001"]);
    here.keep_versions().await;
    adopting.ends_sound();
}

#[tokio::test]
async fn the_command_line_follows_an_adoption_to_its_end() {
    let adopting = Adopting::linked(Options::default(), async |bucket: &Bucket| {
        fill(bucket, &numbered("k", 10)).await;
    })
    .await;
    let adopt = async |from: &str| {
        let mut command = std::process::Command::new(binary());
        let endpoint = format!("http://{}", adopting.server().address());
        command.env_clear().env("WINDLASS_ENDPOINT", endpoint).env("WINDLASS_TOKEN", TOKEN);
        command.args(["adopt", "--from", from]);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    };
    let unknown = adopt("theirs/nothing").await;
    assert_eq!(unknown.status.code(), Some(4), "{unknown:?}");
    let unknown = adopt("nobody/adopted").await;
    assert_eq!(unknown.status.code(), Some(4), "{unknown:?}");
    for from in ["theirs/adopted".to_owned(), format!("{}/adopted", adopting.account)] {
        let done = adopt(&from).await;
        assert!(done.status.success(), "{done:?}");
        let told = String::from_utf8(done.stdout).unwrap();
        assert!(told.contains("files copied") && told.contains("10"), "{told}");
    }
    assert_eq!(adopting.here().keys().await.len(), 10);
    adopting.until_done().await;
    adopting.ends_sound();
}
