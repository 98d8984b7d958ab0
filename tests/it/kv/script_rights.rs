//! A script may touch what whoever runs it may touch, and nothing else.

use windlass_tests::json::text;

use super::home::Home;

/// Tries everything and tells what went; `y` is done, `n` is not.
const ALL: &str = "
    local function tell(done) kvdb.print(done ~= nil and 'y' or 'n') end
    tell(kvdb.get('a:k')) tell(kvdb.set('a:k', 1)) tell(kvdb.incr('a:k', 1)) tell(kvdb.delete('a:x')) tell(kvdb.list{prefix = 'a:'})
    tell(kvdb.txn{{set = 'a:k', value = 1}}) tell(kvdb.txn{{delete = 'a:x'}}) tell(kvdb.txn{{check = 'a:k', value = 1}})
    tell(kvdb.get('b:k')) tell(kvdb.set('b:k', 1)) tell(kvdb.delete('b:x')) tell(kvdb.list{prefix = 'b:'}) tell(kvdb.list())
    tell(kvdb.access_token{permissions = {'read'}})";

async fn home(form: &str) -> Home {
    let home = Home::new(form).await;
    home.by("sec", "PUT", "scripts/s").body(ALL).await.is(200);
    for key in ["a:k", "b:k"] {
        home.by("sec", "PUT", key).body("1").await.is(200);
    }
    home
}

#[tokio::test]
async fn keys_give_a_script_what_they_give_a_request() {
    // get set incr delete list, transactions of set delete check, the same elsewhere, a token
    let open = home("secret_key=sec").await;
    open.call("GET", "scripts/s").await.is(200).has_body("yyyynyyyyyynnn");
    open.by("sec", "GET", "scripts/s").await.is(200).has_body("yyyyyyyyyyyyyn");
    let shut = home("secret_key=sec&read_key=rea&write_key=wri&signing_key=sig").await;
    shut.call("GET", "scripts/s").await.is(200).has_body("nnnnnnnnnnnnnn");
    shut.by("rea", "GET", "scripts/s").await.is(200).has_body("ynnnnnnyynnnnn");
    shut.by("wri", "GET", "scripts/s").await.is(200).has_body("nyyynyynnyynnn");
    shut.by("sec", "GET", "scripts/s").await.is(200).has_body("yyyyyyyyyyyyyy");
    shut.by("wrong", "GET", "scripts/s").await.is(401);
}

#[tokio::test]
async fn a_token_gives_a_script_what_it_says_under_its_prefix() {
    let home = home("secret_key=sec&read_key=rea&write_key=wri&signing_key=sig").await;
    for (permissions, may) in [
        ("read", "ynnnnnnynnnnnn"),
        ("write", "nyynnynnnnnnnn"),
        ("delete", "nnnynnynnnnnnn"),
        ("enumerate", "nnnnynnnnnnnyn"),
        ("read,write,delete,enumerate", "yyyyyyyynnnnyn"),
    ] {
        let form = format!("prefix=a:&permissions={permissions}");
        let token = text(&home.by("sec", "POST", "tokens/").body(form).await.is(200).json(), "access_token");
        home.by(&token, "GET", "scripts/s").await.is(200).has_body(may);
        home.call("GET", "scripts/s").query("access_token", &token).await.is(200).has_body(may);
        home.by(&token, "PUT", "scripts/s").body("").await.is(403);
        home.by(&token, "GET", "scripts/s").query("source", "1").await.is(403);
    }
}

#[tokio::test]
async fn a_script_of_the_secret_key_makes_tokens() {
    let home = home("secret_key=sec&read_key=rea&signing_key=sig").await;
    let source = "kvdb.print(kvdb.access_token{prefix = 'a:', permissions = {'read'}, ttl = tonumber(kvdb.var.ttl)})";
    home.by("sec", "PUT", "scripts/t").body(source).await.is(200);
    let token = home.by("sec", "GET", "scripts/t").query("ttl", 60).await.is(200).text().to_owned();
    home.by(&token, "GET", "a:k").await.is(200);
    home.by(&token, "GET", "b:k").await.is(403);
    home.by("sec", "GET", "scripts/t").query("ttl", 0).await.has_body("nilttl must be from 1 second to 10 years");
    home.call("GET", "scripts/t").await.has_body("nilThe bucket's policy does not allow it");
}
