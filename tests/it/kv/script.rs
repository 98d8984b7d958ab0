//! Scripts: how they are stored, what they are told, what they answer, and what they do in their bucket.

use windlass_tests::answer::Answer;

use super::home::{Home, Says};

/// Stores a script, and runs it as whoever presents nothing.
async fn ran(home: &Home, source: &str) -> Answer {
    home.by("sec", "PUT", "scripts/s").body(source.to_owned()).await.is(200).has_body("");
    home.call("GET", "scripts/s").await
}

async fn home() -> Home {
    Home::new("secret_key=sec&default_ttl=0").await
}

#[tokio::test]
async fn a_script_prints_its_answer() {
    let home = home().await;
    let answer = ran(&home, "kvdb.print('a') kvdb.say(1, true) kvdb.print(nil)").await;
    answer.is(200).has_body("a1true\nnil").has("content-type", "text/plain; charset=utf-8");
    ran(&home, "").await.is(200).has_body("");
}

#[tokio::test]
async fn it_is_stored_shown_and_deleted_with_the_secret_key_alone() {
    let home = home().await;
    let source = "kvdb.print('é')\n";
    home.call("PUT", "scripts/a.b-c_1").body(source).await.says(403, "The bucket's policy does not allow it");
    home.by("sec", "PUT", "scripts/a.b-c_1").body(source).await.is(200);
    home.call("GET", "scripts/a.b-c_1").await.is(200).has_body("é");
    home.call("POST", "scripts/a.b-c_1").await.is(200).has_body("é");
    let shown = home.by("sec", "GET", "scripts/a.b-c_1").query("source", "1").await;
    shown.is(200).has_body(source).has("content-type", "text/plain; charset=utf-8");
    home.call("GET", "scripts/a.b-c_1").query("source", "1").await.is(403);
    home.call("DELETE", "scripts/a.b-c_1").await.is(403);
    home.by("sec", "DELETE", "scripts/a.b-c_1").await.is(200).has_body("");
    for method in ["GET", "POST"] {
        home.call(method, "scripts/a.b-c_1").await.says(404, "There is no such script");
    }
    home.by("sec", "DELETE", "scripts/a.b-c_1").await.says(404, "There is no such script");
    home.by("sec", "PATCH", "scripts/a.b-c_1").await.is(405).has("allow", "DELETE,GET,POST,PUT");
}
