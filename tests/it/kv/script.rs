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

#[tokio::test]
async fn what_cannot_be_stored_is_refused() {
    let home = home().await;
    let put = |name: &str, source: Vec<u8>| home.by("sec", "PUT", &format!("scripts/{name}")).body(source);
    let name = "The name of a script is 1 to 64 letters, digits, dots, hyphens and underscores";
    for bad in ["", "a%20b", "a/b", "%C3%A9", &"n".repeat(65)] {
        put(bad, Vec::new()).await.says(400, name);
    }
    put(&"n".repeat(64), vec![b' '; 65_536]).await.is(200);
    put("s", vec![b' '; 65_537]).await.says(400, "A script is at most 65536 bytes");
    put("s", vec![0xFF]).await.says(400, "A script is text in UTF-8");
    for n in 1..100 {
        put(&format!("n{n}"), Vec::new()).await.is(200);
    }
    put("n100", Vec::new()).await.says(400, "A bucket has at most 100 scripts");
    put("n1", b"kvdb.print(1)".to_vec()).await.is(200);
    home.call("GET", "scripts/n1").await.is(200).has_body("1");
}

#[tokio::test]
async fn it_is_told_the_parameters_of_the_query_and_of_the_form_and_who_asks() {
    let home = home().await;
    let source = "for _, name in ipairs{'a', 'b', 'c', 'remote_addr', 'key', 'access_token'} do
        kvdb.say(name, '=', kvdb.var[name])
    end";
    home.by("sec", "PUT", "scripts/s").body(source).await.is(200);
    let query = home.call("GET", "scripts/s").query("a", "1 é").query("remote_addr", "192.0.2.1").query("a", "2");
    query.await.is(200).has_body("a=1 é\nb=nil\nc=nil\nremote_addr=127.0.0.1\nkey=nil\naccess_token=nil\n");
    let form = home.call("POST", "scripts/s").query("a", "query").query("key", "sec").body("a=form&b=x%3Dy&c=");
    form.await.is(200).has_body("a=query\nb=x=y\nc=\nremote_addr=127.0.0.1\nkey=nil\naccess_token=nil\n");
    let json = home.call("POST", "scripts/s").header("content-type", "application/json").body("{}");
    json.await.says(400, "What is sent to a script is a form");
}

#[tokio::test]
async fn it_says_its_status_its_content_type_and_its_end() {
    let home = home().await;
    let source = "kvdb.status = 404 kvdb.header['content-type'] = 'text/html' kvdb.print('<p>')
        kvdb.status = 500 kvdb.header['content-type'] = 'x/y'";
    let page = ran(&home, source).await.is(404).has_body("<p>").has("content-type", "text/html");
    page.has("content-security-policy", "sandbox").has("x-content-type-options", "nosniff");
    ran(&home, "kvdb.status = 204 kvdb.print('x')").await.is(204).has_body("");
    ran(&home, "kvdb.say('a') kvdb.exit() kvdb.say('b')").await.is(200).has_body("a\n");
    ran(&home, "kvdb.exit(403)").await.is(403).has_body("");
    ran(&home, "kvdb.print('a') kvdb.exit(403)").await.is(200).has_body("a");
    ran(&home, "pcall(kvdb.exit, 410) kvdb.print('behind')").await.is(410).has_body("");
    ran(&home, "coroutine.wrap(function() kvdb.exit(410) end)() kvdb.print('behind')").await.is(410).has_body("");
    ran(&home, "kvdb.redirect('https://example.com/?a')").await.is(302).has("location", "https://example.com/?a");
    ran(&home, "kvdb.redirect('/x', 301)").await.is(301).has("location", "/x");
    for wrong in ["kvdb.redirect('/x', 200)", "kvdb.redirect('a\\nb')", "kvdb.status = 100", "kvdb.status = 'ok'"] {
        ran(&home, wrong).await.is(500);
    }
    ran(&home, "kvdb.header['content-type'] = 'a\\nb'").await.is(500);
    ran(&home, "kvdb.header['content-type'] = ('a'):rep(3000000)")
        .await
        .says(500, "a content type is at most 256 bytes");
}

#[tokio::test]
async fn its_own_error_is_told_with_its_line() {
    let home = home().await;
    for (source, told) in [
        ("\n\nerror('no luck')", "s:3: no luck"),
        ("local x\nkvdb.print(x.y)", "s:2: attempt to index a nil value (local 'x')"),
        ("x =", "s:1: unexpected symbol near <eof>"),
        ("\nkvdb.get({})", "s:2: key must be a string or a number"),
        ("kvdb.print('a')\nkvdb.set('k', 1, {ttl = -1})", "s:2: ttl must be a whole number"),
        ("kvdb.set('k', 1, {ttl = 1.5})", "s:1: ttl must be a whole number"),
        ("kvdb.list{limit = 2^63}", "s:1: limit must be a whole number"),
        ("kvdb.incr('n', '1')", "s:1: what is added must be a number"),
        ("kvdb.txn{{set = 'a'}}", "s:1: entry 1 must set a value, delete or check one"),
        ("error({})", "<error object>"),
    ] {
        let answer = ran(&home, source).await;
        if told.starts_with('<') { drop(answer.is(500)) } else { drop(answer.says(500, told)) }
    }
    home.lacks("k").await;
}

#[tokio::test]
async fn it_gets_sets_counts_and_deletes() {
    let home = home().await;
    home.set("k", "v").await;
    let source = "
        kvdb.say(kvdb.get('k'), ' ', kvdb.get('none'))
        kvdb.say(kvdb.set('new', 'a\\0b'), kvdb.set('number', 12), kvdb.set(7, 1.5))
        kvdb.say(kvdb.incr('n', 5), ' ', kvdb.incr('n', -1.5), ' ', kvdb.incr('n2'), ' ', math.type(kvdb.get('n2')))
        kvdb.say(kvdb.incr('k', 1))
        kvdb.say(kvdb.incr('n2', 1/0))
        kvdb.say(kvdb.incr('n2', math.maxinteger))
        kvdb.say(kvdb.delete('k'), ' ', kvdb.get('k'))
        kvdb.say(kvdb.set('', 'x'))
        kvdb.say(kvdb.set('scripts/x', 'x'))
        kvdb.say(kvdb.set('long', ('x'):rep(16385)))
        kvdb.say(kvdb.set('longer', ('x'):rep(3000000)))
        kvdb.say(kvdb.get(('x'):rep(3000000)))
        kvdb.say(kvdb.set('k', 'v', {ttl = 1e15}))";
    let expected = "v nilThere is no such key
truetruetrue
5 3.5 1 nil
nilThe value is not a number
nilWhat is added must be a finite number
nilThe number is out of range
true nilThere is no such key
nilA key is 1 to 128 bytes
nilKeys that begin with tokens/ or scripts/ are reserved
nilA value is at most 16384 bytes
nilThat is more than 2 MiB at once
nilThat is more than 2 MiB at once
nilttl is too long: at most 100 years
";
    ran(&home, source).await.is(200).has_body(expected);
    for (key, value) in [("new", "a\0b"), ("number", "12"), ("7", "1.5"), ("n", "3.5"), ("n2", "1")] {
        home.holds(key, value).await;
    }
}

#[tokio::test]
async fn it_lists_and_changes_several_at_once() {
    let home = home().await;
    for key in ["a", "b:1", "b:2", "c"] {
        home.set(key, format!("of {key}")).await;
    }
    let source = "
        local function show(listing, err) kvdb.say(listing and json.encode(listing) or err) end
        show(kvdb.list()) show(kvdb.list{prefix = 'b:', values = true})
        show(kvdb.list{reverse = true, limit = 2, skip = 1}) show(kvdb.list{after = 'b:1'}) show(kvdb.list{limit = 0})
        kvdb.say(kvdb.txn{{check = 'a', value = 'of a'}, {set = 'd', value = 4}, {delete = 'a'}, {check = 'none'}})
        kvdb.say(kvdb.txn{{set = 'e', value = 1}, {check = 'a', value = 'of a'}})
        show(kvdb.list())";
    let expected = r#"["a","b:1","b:2","c"]
[["b:1","of b:1"],["b:2","of b:2"]]
["b:2","b:1"]
["b:2","c"]
{}
true
nilEntry 1 of the transaction: the value is another one
["b:1","b:2","c","d"]
"#;
    home.by("sec", "PUT", "scripts/s").body(source).await.is(200);
    home.by("sec", "GET", "scripts/s").await.is(200).has_body(expected);
}

#[tokio::test]
async fn json_is_read_and_printed() {
    let home = home().await;
    let source = r#"
        kvdb.say(json.encode{1, 'é"', {true, json.null, 1.5}, {}})
        kvdb.say(json.encode{a = 1}, json.encode{[5] = 'x'}, json.encode('a'), json.encode(nil))
        local t = json.decode('{"a":[1,2.5,"x",null,{"b":false}],"big":12345678901234567890}')
        kvdb.say(math.type(t.a[1]), t.a[2], t.a[3], t.a[4] == json.null, t.a[5].b, t.big)
        kvdb.say(json.decode('{"a":'))
        kvdb.say(json.encode(print), json.encode{1, x = 2})
        kvdb.say(json.encode(1/0)) kvdb.say(json.encode{[1.5] = 1}) kvdb.say(json.encode('\xFF'))"#;
    let expected = r#"[1,"é\"",[true,null,1.5],{}]
{"a":1}{"5":"x"}"a"null
integer2.5xtruefalse1.2345678901235e+19
nilnot JSON: line 1, column 5
null{"1":1,"x":2}
nilonly text, finite numbers, booleans and tables of them are JSON
nilthe keys of an object are text
nilthe text is not UTF-8
"#;
    ran(&home, source).await.is(200).has_body(expected);
}

#[tokio::test]
async fn counters_that_scripts_add_to_lose_nothing() {
    let home = home().await;
    home.by("sec", "PUT", "scripts/s").body("for _ = 1, 10 do kvdb.incr('n', 1) end").await.is(200);
    let runs = (0..20).map(|_| async { home.call("GET", "scripts/s").await.is(200) });
    futures::future::join_all(runs).await;
    home.holds("n", "200").await;
}

#[tokio::test]
async fn nothing_of_one_run_is_there_in_the_next() {
    let home = home().await;
    let first = "x = 1 string.format = nil getmetatable('').__index = nil kvdb.get = nil json = nil kvdb.print(x)";
    ran(&home, first).await.is(200).has_body("1");
    let second = "kvdb.print(x, ('%d'):format(2), kvdb.get ~= nil, json ~= nil)";
    ran(&home, second).await.is(200).has_body("nil2truetrue");
}

#[tokio::test]
async fn scripts_can_be_turned_off() {
    let options = windlass_tests::server::Options::default().config("[kv]\nscripts_at_once = 0\n");
    let server = windlass_tests::server::Server::start_with(options, windlass_tests::server::DataDir::new());
    let home = Home::on(std::sync::Arc::new(server), "secret_key=sec").await;
    ran(&home, "kvdb.print(1)").await.says(403, "Scripts are turned off on this gateway");
}
