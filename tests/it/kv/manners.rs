//! What every request meets: methods, pages of other origins, hosts, and coffee.

use super::home::{HOST, Home, Says};

#[tokio::test]
async fn it_brews_no_coffee() {
    let home = Home::new("").await;
    for method in ["GET", "POST", "BREW"] {
        home.anybody.call(method, "/kv/coffee").await.says(418, "I'm a teapot");
    }
}

#[tokio::test]
async fn methods_that_are_not_taken_are_told() {
    let home = Home::new("").await;
    let told = "Method not allowed";
    home.anybody.call("GET", "/kv").await.says(405, told).has("allow", "POST");
    home.call("PUT", "").await.says(405, told).has("allow", "DELETE,GET,HEAD,PATCH,POST");
    home.call("PROPFIND", "k").await.says(405, told).has("allow", "DELETE,GET,HEAD,PATCH,POST,PUT");
    home.call("GET", "tokens/").await.says(405, told).has("allow", "POST");
}

#[tokio::test]
async fn pages_of_any_origin_are_let_in() {
    let home = Home::new("").await;
    let asks = home.call("OPTIONS", "k").header("origin", "https://page.test");
    let asks = asks.header("access-control-request-method", "PATCH");
    let answer = asks.header("access-control-request-headers", "authorization,content-type").await.is(204);
    answer
        .has("access-control-allow-origin", "*")
        .has("access-control-allow-methods", "DELETE,GET,HEAD,PATCH,POST,PUT")
        .has("access-control-allow-headers", "authorization,content-type")
        .has_body("");
    let answer = home.call("GET", "missing").header("origin", "https://page.test").await.is(404);
    answer.has("access-control-allow-origin", "*").need("access-control-expose-headers");
}

#[tokio::test]
async fn a_host_of_its_own_has_no_base_path() {
    let home = Home::new("").await;
    home.set("k", "v").await;
    let at_host = |method: &str, path: &str| {
        let mut prepared = home.anybody.call(method, path).prepare();
        prepared.headers[0].1 = HOST.into();
        prepared
    };
    let client = home.anybody.client();
    client.send(at_host("GET", &format!("/{}/k", home.id))).await.is(200).has_body("v");
    client.send(at_host("GET", &format!("/kv/{}/k", home.id))).await.is(404);
    client.send(at_host("GET", "/coffee")).await.is(418);
    let made = client.send(at_host("POST", "/")).await.is(200);
    assert_eq!(made.text().len(), 22);
}
