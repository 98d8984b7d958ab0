//! Proxies in front of the gateway: what they tell is believed if they are trusted, and from nobody else. Behaviours 62 and 63
//! behind another public host.

use windlass_tests::client::Bucket;
use windlass_tests::json::Json;
use windlass_tests::request::{Auth, Prepared};
use windlass_tests::server::{DataDir, Options, Server, TOKEN};

use crate::v1::face::file_id;

const PUBLIC: &str = "files.test:8443";
const INNER: &str = "inner";

/// A gateway that trusts whoever comes from this machine, or a network that is elsewhere.
async fn gateway(trusted: &str, headers: &str) -> (Server, Bucket) {
    let options = Options::default()
        .env("WINDLASS_PROXY_TRUSTED", trusted)
        .env("WINDLASS_PROXY_HEADERS", headers)
        .env("WINDLASS_S3_BASE_DOMAIN", "files.test,s3.test");
    let server = Server::start_with(options, DataDir::new());
    let bucket = server.client().make("bucket").await;
    bucket.put("k", "v").await.is(200);
    (server, bucket)
}

const HERE: &str = "127.0.0.0/8,::1";
const ELSEWHERE: &str = "10.0.0.0/8";

/// A request that was signed for a public host, as a proxy passes it on: to an inner host, with headers of its own.
fn passed_on(mut signed: Prepared, told: &[(&str, &str)]) -> Prepared {
    signed = signed.with("host", INNER);
    told.iter().fold(signed, |request, (name, value)| request.with(name, value))
}

/// The same request signed for another host than the client's own.
fn signed_for(bucket: &Bucket, host: &str, auth: Auth) -> Prepared {
    bucket.get("k").host(host).auth(auth).prepare()
}

#[tokio::test]
async fn signatures_are_for_the_public_host_of_a_trusted_proxy() {
    let (_server, bucket) = gateway(HERE, "x-forwarded").await;
    for auth in [Auth::V4, Auth::PresignedV4(60)] {
        for told in [
            &[("x-forwarded-host", PUBLIC)][..],
            &[("x-forwarded-host", "files.test"), ("x-forwarded-port", "8443")],
            &[("x-forwarded-host", "files.test"), ("x-forwarded-port", "8443"), ("x-forwarded-proto", "https")],
        ] {
            let get = passed_on(signed_for(&bucket, PUBLIC, auth), told);
            bucket.client.send(get).await.is(200).has_body("v");
        }
        // The port that the scheme implies is in no signature.
        let told = [("x-forwarded-host", "files.test"), ("x-forwarded-port", "443"), ("x-forwarded-proto", "https")];
        let get = passed_on(signed_for(&bucket, "files.test", auth), &told);
        bucket.client.send(get).await.is(200).has_body("v");
        // A proxy that keeps the host needs to tell nothing; one that only drops the port tells that.
        let get = signed_for(&bucket, PUBLIC, auth);
        bucket.client.send(get.clone()).await.is(200);
        bucket.client.send(get.with("host", "files.test").with("x-forwarded-port", "8443")).await.is(200);
        let get = passed_on(signed_for(&bucket, PUBLIC, auth), &[("x-forwarded-host", "other.test")]);
        bucket.client.send(get).await.is_error(403, "SignatureDoesNotMatch");
    }
}

#[tokio::test]
async fn buckets_are_hosts_behind_a_proxy_too() {
    let (_server, bucket) = gateway(HERE, "x-forwarded").await;
    for auth in [Auth::V4, Auth::PresignedV4(60), Auth::PresignedV2(60)] {
        let get = bucket.get("k").virtual_host("files.test").auth(auth).prepare();
        let public = get.header("host");
        bucket.client.send(passed_on(get.clone(), &[("x-forwarded-host", &public)])).await.is(200).has_body("v");
        let (host, port) = public.split_once(':').unwrap();
        let told = [("x-forwarded-host", host), ("x-forwarded-port", port)];
        bucket.client.send(passed_on(get, &told)).await.is(200).has_body("v");
    }
    let form = bucket.form().field("key", "f").virtual_host("files.test").prepare();
    let public = form.header("host");
    let told = [("x-forwarded-host", public.as_str()), ("x-forwarded-proto", "https")];
    let answer = bucket.client.send(passed_on(form, &told)).await.is(204);
    answer.has("location", &format!("https://{public}/f"));
}

#[tokio::test]
async fn nobody_else_is_believed() {
    for (trusted, headers) in [("", "x-forwarded"), (ELSEWHERE, "x-forwarded"), (HERE, "forwarded")] {
        let (_server, bucket) = gateway(trusted, headers).await;
        let get = passed_on(signed_for(&bucket, PUBLIC, Auth::V4), &[("x-forwarded-host", PUBLIC)]);
        bucket.client.send(get).await.is_error(403, "SignatureDoesNotMatch");
    }
    let (_server, bucket) = gateway(HERE, "x-forwarded").await;
    let get = passed_on(signed_for(&bucket, PUBLIC, Auth::V4), &[("forwarded", "host=\"files.test:8443\"")]);
    bucket.client.send(get).await.is_error(403, "SignatureDoesNotMatch");
}

#[tokio::test]
async fn the_standard_header_tells_the_same() {
    let (_server, bucket) = gateway(HERE, "forwarded").await;
    for auth in [Auth::V4, Auth::PresignedV4(60)] {
        let told = [("forwarded", "for=192.0.2.7;proto=https;host=\"files.test:8443\"")];
        let get = passed_on(signed_for(&bucket, PUBLIC, auth), &told);
        bucket.client.send(get).await.is(200).has_body("v");
    }
}

/// The address of the last request in the gateway's own log.
fn logged_peer(server: &Server) -> Option<String> {
    let log = server.log();
    let line = log.lines().rfind(|line| line.contains("answered"))?;
    Some(line.split_once("peer=").or_else(|| line.split_once("\"peer\":\""))?.1.split([' ', '"']).next()?.to_owned())
}

#[tokio::test]
async fn the_client_s_own_address_is_logged() {
    for (trusted, told, logged) in [
        (HERE, "203.0.113.5, 192.0.2.7", "192.0.2.7"),
        (HERE, "192.0.2.7, 127.0.0.9", "192.0.2.7"),
        (HERE, "nonsense", "127.0.0.1"),
        (ELSEWHERE, "192.0.2.7", "127.0.0.1"),
        ("", "192.0.2.7", "127.0.0.1"),
    ] {
        let (mut server, bucket) = gateway(trusted, "x-forwarded").await;
        bucket.client.send(bucket.get("k").prepare().with("x-forwarded-for", told)).await.is(200);
        assert!(server.stop().success());
        assert_eq!(logged_peer(&server).as_deref(), Some(logged), "{trusted:?} {told}: {}", server.log_tail());
    }
}

#[tokio::test]
async fn an_api_key_as_access_key_id_counts_on_what_the_proxy_tells() {
    let (_server, bucket) = gateway(HERE, "x-forwarded").await;
    let get = |told: &[(&str, &str)]| {
        let get = bucket.get("k").keys(TOKEN, TOKEN).prepare();
        told.iter().fold(get, |request, (name, value)| request.with(name, value))
    };
    let far = ("x-forwarded-for", "192.0.2.7");
    bucket.client.send(get(&[])).await.is(200);
    bucket.client.send(get(&[far, ("x-forwarded-proto", "https")])).await.is(200);
    bucket.client.send(get(&[far, ("x-forwarded-proto", "http")])).await.is_error(403, "AccessDenied");
    bucket.client.send(get(&[far])).await.is_error(403, "AccessDenied");
}

#[tokio::test]
async fn links_to_share_begin_as_the_client_asked() {
    let (server, bucket) = gateway(HERE, "x-forwarded").await;
    let json = Json::new(&server.client(), TOKEN);
    let made =
        json.post("/v1/share", &serde_json::json!({ "resource_id": file_id(&bucket.name, "k"), "expires_in": 60 }));
    let made = made.header("x-forwarded-host", PUBLIC).header("x-forwarded-proto", "https");
    let answer = made.await;
    assert!(answer.text().contains(&format!("\"https://{PUBLIC}/-/s/")), "{}", answer.describe());
}
