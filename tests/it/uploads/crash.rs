//! SIGKILL between every two steps from a confirmation to a receiver that has heard of it: nothing is lost, and what is told
//! twice is told under one identifier.

use serde_json::{Value, json};
use windlass_tests::json::text;
use windlass_tests::server::DataDir;
use windlass_tests::wire::Wire;

use super::home::{announced, document, put};
use super::receiver::{App, Receiver, Told, patient};
use crate::v1::house::until;

/// When the gateway is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Killed {
    /// The object is there, and nobody has asked for a confirmation.
    Stored,
    /// It was asked for: its commit may have happened or not.
    Asked,
    /// Its commit is seen by others. Nobody has read its answer.
    Committed,
    /// It was answered.
    Answered,
    /// The receiver was told, and has not answered.
    Told,
    /// The receiver has answered: that may have been heard or not.
    Heard,
    /// It was heard, and the receiver's answer is noted.
    Noted,
}

#[tokio::test]
async fn at_every_step_it_is_killed_a_file_is_confirmed_once_and_told_under_one_id() {
    let steps = [
        Killed::Stored,
        Killed::Asked,
        Killed::Committed,
        Killed::Answered,
        Killed::Told,
        Killed::Heard,
        Killed::Noted,
    ];
    for step in steps {
        killed(step).await;
    }
}

async fn killed(step: Killed) {
    let mut receiver = if step == Killed::Told { Receiver::new([0]).await } else { Receiver::new([]).await };
    let app = App::new(patient(), DataDir::new()).await;
    app.route("files", &receiver.url).await;
    let requested = document(&app.live.post("/api/v1/upload/request", &announced(5)).await, 200);
    put(&app.live, &text(&requested, "uploadUrl"), "text/plain", b"hello").await.is(200);
    let mut told = come_to(step, &app, &requested, &mut receiver).await;
    let app = app.killed_and_begun_anew(patient()).await;

    let complete = json!({ "fileId": requested["fileId"] });
    let file = document(&app.live.post("/api/v1/upload/complete", &complete).await, 200);
    assert_eq!((&file["status"], &file["id"]), (&json!("UPLOADED"), &requested["fileId"]), "{step:?}");
    let delivery = app.settled("DELIVERED").await;
    assert_eq!(app.deliveries(&app.live).await, std::slice::from_ref(&delivery), "{step:?}");
    let usage = document(&app.live.get("/api/v1/usage").await, 200);
    assert_eq!((&usage["uploads"], &usage["storageUsed"]), (&json!(1), &json!(5)), "{step:?}");

    // What is told of a later file comes behind all that is told of this one.
    let later = app.upload(&app.live, "files").await;
    loop {
        let next = receiver.next().await;
        if next.document()["file"]["id"] == later["id"] {
            break;
        }
        told.push(next);
    }
    for one in &told {
        assert_eq!(one.header("webhook-id"), text(&delivery, "id"), "{step:?}");
        assert_eq!(one.body, told[0].body, "{step:?}");
    }
    match step {
        Killed::Told => assert_eq!(told.len(), 2, "once before, and once more"),
        Killed::Noted => assert_eq!(told.len(), 1, "what was heard is not told again"),
        Killed::Answered | Killed::Heard => assert!((1..=2).contains(&told.len()), "{step:?}: {}", told.len()),
        Killed::Stored | Killed::Asked | Killed::Committed => assert!(!told.is_empty() && told.len() <= 2, "{step:?}"),
    }
}

/// Goes as far as a step, and returns what the receiver was seen to be told until then.
async fn come_to(step: Killed, app: &App, requested: &Value, receiver: &mut Receiver) -> Vec<Told> {
    let complete = app.live.post("/api/v1/upload/complete", &json!({ "fileId": requested["fileId"] }));
    if step == Killed::Stored {
        return Vec::new();
    }
    if matches!(step, Killed::Asked | Killed::Committed) {
        let mut wire = Wire::connect(app.live.client().address()).await;
        let prepared = complete.prepare();
        wire.send(prepared.head()).await;
        wire.send(&prepared.body).await;
        if step == Killed::Committed {
            let path = format!("/api/v1/files/{}", text(requested, "key"));
            until("it is confirmed", async || {
                (document(&app.live.get(&path).await, 200)["status"] == "UPLOADED").then_some(())
            })
            .await;
        }
        return Vec::new();
    }
    document(&complete.await, 200);
    match step {
        Killed::Told | Killed::Heard => vec![receiver.next().await],
        Killed::Noted => {
            app.settled("DELIVERED").await;
            vec![receiver.next().await]
        }
        _ => Vec::new(),
    }
}
