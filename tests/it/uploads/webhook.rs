//! Webhooks: signatures, retries, dead letters, and receivers that delay nobody.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use windlass_tests::digest::{hmac_sha256, sha256_hex};
use windlass_tests::json::text;
use windlass_tests::server::DataDir;

use super::home::{document, refused};
use super::receiver::{App, Receiver, hasty, patient};
use crate::v1::house::until;

#[tokio::test]
async fn a_receiver_is_told_of_a_file_and_can_be_sure_by_whom() {
    let mut receiver = Receiver::new([]).await;
    let app = App::new(patient(), DataDir::new()).await;
    app.route("files", &receiver.url).await;
    let file = app.upload(&app.live, "files").await;
    let told = receiver.next().await;
    let mut expected = file.clone();
    for left_out in ["updatedAt", "metadata"] {
        expected.as_object_mut().unwrap().remove(left_out);
    }
    assert_eq!(told.document(), json!({ "event": "onUploadComplete", "file": expected, "metadata": { "user": 7 } }));
    assert_eq!(told.header("content-type"), "application/json");

    let secrets = document(&app.live.get(&format!("/api/v1/projects/{}/signing-keys", app.id)).await, 200);
    let (current, next) = (text(&secrets, "currentSigningKey"), text(&secrets, "nextSigningKey"));
    let (id, seconds) = (told.header("webhook-id"), told.header("webhook-timestamp"));
    let signed = format!("{id}.{seconds}.{}", told.body);
    let signature = |secret: &str| {
        format!("v1,{}", STANDARD.encode(hmac_sha256(&STANDARD.decode(secret).unwrap(), signed.as_bytes())))
    };
    assert_eq!(told.header("webhook-signature"), format!("{} {}", signature(&current), signature(&next)));

    let token = told.header("upstash-signature");
    let (signed, made) = token.rsplit_once('.').unwrap();
    assert_eq!(made, URL_SAFE_NO_PAD.encode(hmac_sha256(current.as_bytes(), signed.as_bytes())));
    let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!("Upstash"), &json!(receiver.url)));
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 300);
    let digest = URL_SAFE_NO_PAD.decode(claims["body"].as_str().unwrap()).unwrap();
    assert_eq!(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), sha256_hex(told.body.as_bytes()));

    let delivery = app.settled("DELIVERED").await;
    assert_eq!((&delivery["id"], &delivery["attempts"], &delivery["lastStatus"]), (&json!(id), &json!(1), &json!(200)));
    assert_eq!((&delivery["fileId"], &delivery["nextAttemptAt"]), (&file["id"], &json!(null)));
}

#[tokio::test]
async fn a_test_key_s_file_is_told_as_such() {
    let mut receiver = Receiver::new([]).await;
    let app = App::new(patient(), DataDir::new()).await;
    app.route("files", &receiver.url).await;
    app.upload(&app.test, "files").await;
    assert_eq!(receiver.next().await.document()["test"], true);
    assert!(app.deliveries(&app.live).await.is_empty());
    assert_eq!(app.deliveries(&app.test).await.len(), 1);
}

#[tokio::test]
async fn what_fails_is_told_again_three_times_with_one_id_and_then_is_dead() {
    for (status, why) in
        [(500, "it answered 500"), (301, "it answered 301"), (404, "it answered 404"), (0, "it did not answer in time")]
    {
        let mut receiver = Receiver::new([status; 4]).await;
        // Who never answers is waited for as long as this, and who answers may be slow.
        let app = App::new(hasty(if status == 0 { 2_000 } else { 600_000 }), DataDir::new()).await;
        app.route("files", &receiver.url).await;
        app.upload(&app.live, "files").await;
        let first = receiver.next().await;
        for _ in 0..3 {
            let again = receiver.next().await;
            assert_eq!((again.header("webhook-id"), &again.body), (first.header("webhook-id"), &first.body));
        }
        let dead = app.settled("DEAD").await;
        assert_eq!((&dead["attempts"], &dead["lastError"]), (&json!(4), &json!(why)));
        let path = format!("/api/v1/webhooks/deliveries/{}", text(&dead, "id"));
        let again = document(&app.live.post(&format!("{path}/redeliver"), &json!({})).await, 200);
        assert_eq!((&again["status"], &again["attempts"]), (&json!("PENDING"), &json!(0)));
        assert_eq!(receiver.next().await.header("webhook-id"), first.header("webhook-id"));
        app.settled("DELIVERED").await;
        let listed = app.live.get("/api/v1/webhooks/deliveries").query("status", "DEAD").await;
        assert_eq!(document(&listed, 200)["items"], json!([]));
        assert_eq!(document(&app.live.delete(&path).await, 200), json!({ "deleted": true }));
        for call in
            [app.live.get(&path), app.live.delete(&path), app.live.post(&format!("{path}/redeliver"), &json!({}))]
        {
            refused(&call.await, 404, "NOT_FOUND");
        }
    }
}

#[tokio::test]
async fn of_many_files_each_is_told_once() {
    let mut receiver = Receiver::new([]).await;
    let app = App::new(patient(), DataDir::new()).await;
    app.route("files", &receiver.url).await;
    let (mut uploaded, mut told) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..100 {
        uploaded.insert(text(&app.upload(&app.live, "files").await, "id"));
    }
    for _ in 0..100 {
        told.insert(text(&receiver.next().await.document()["file"], "id"));
    }
    assert_eq!(told, uploaded);
    until("all are noted", async || {
        let left = app.live.get("/api/v1/webhooks/deliveries").query("status", "PENDING").await;
        document(&left, 200)["items"].as_array().unwrap().is_empty().then_some(())
    })
    .await;
    assert!(receiver.told.try_recv().is_err(), "one was told twice");
}
