//! What scripts try to get out of their limits. Each ends as it should, and the gateway answers.

use std::sync::Arc;

use windlass_tests::server::{DataDir, Options, Server};

use super::home::{Home, Says};

const CPU: &str = "The script took more than 1 s of CPU time";
const MEMORY: &str = "The script took more than 16 MiB of memory";

/// A server whose requests have the time that a machine at work needs.
async fn home() -> Home {
    let config = "[kv]\nrate_limit = \"unlimited\"\nscripts_at_once = 4\n[limits]\njson_timeout_ms = 600000\n";
    let server = Server::start_with(Options::default().config(config), DataDir::new());
    let home = Home::on(Arc::new(server), "secret_key=sec&default_ttl=0").await;
    home.set("k", "v").await;
    home
}

/// Runs all of them at once, and claims that each is answered with a status and this line.
async fn all_end(attacks: &[(&str, &str)], status: u16, told: impl Fn(&str) -> String) {
    let home = home().await;
    let attack = async |(name, source): &(&str, &str)| {
        let path = format!("scripts/{name}");
        home.by("sec", "PUT", &path).body((*source).to_owned()).await.is(200);
        let answer = home.call("GET", &path).await;
        assert_eq!((answer.status, answer.text()), (status, &*told(name)), "{name}");
        home.holds("k", "v").await;
    };
    for some in attacks.chunks(4) {
        futures::future::join_all(some.iter().map(&attack)).await;
    }
    // The workers are as good as new ones.
    home.by("sec", "PUT", "scripts/after").body("kvdb.print(kvdb.get('k'))").await.is(200);
    for _ in 0..8 {
        home.call("GET", "scripts/after").await.is(200).has_body("v");
    }
}

#[tokio::test]
async fn whatever_goes_on_for_ever_is_stopped() {
    let attacks = [
        ("loop", "while true do end"),
        ("goto", "::a:: goto a"),
        ("tail-calls", "local function f() return f() end f()"),
        ("pcall", "while true do pcall(function() while true do end end) end"),
        ("xpcall", "while true do xpcall(error, function() while true do end end) end"),
        ("coroutine", "while true do coroutine.wrap(function() while true do end end)() end"),
        ("close", "local x <close> = setmetatable({}, {__close = function() while true do end end})"),
        (
            "close-coroutine",
            "local c = coroutine.create(function() local x <close> = setmetatable({}, {__close =
            function() while true do end end}) coroutine.yield() end) coroutine.resume(c) coroutine.close(c)",
        ),
        ("finalizer", "setmetatable({}, {__gc = function() while true do end end})"),
        (
            "finalizers",
            "local function again() setmetatable({}, {__gc = again}) end again()
            while true do local t = {} end",
        ),
        ("tostring", "kvdb.print(setmetatable({}, {__tostring = function() while true do end end}))"),
        ("error-object", "error(setmetatable({}, {__tostring = function() while true do end end}))"),
        (
            "index",
            "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end})
            while true do pcall(function() return t[1] end) end",
        ),
        ("caught-memory", "while true do pcall(string.rep, 'x', 1 << 30) end"),
        (
            "operators",
            "local t = setmetatable({}, {}) getmetatable(t).__add = function() while true do end end
            return t + 1",
        ),
    ];
    all_end(&attacks, 503, |_| format!("{CPU}\n")).await;
}

/// Lua counts instructions; these take minutes or more in a single one, or never come to count.
#[tokio::test]
async fn what_lua_does_not_count_is_stopped() {
    let attacks = [
        ("pattern", "('a'):rep(100):find(('.-'):rep(30) .. 'b')"),
        ("pattern-gsub", "('a'):rep(100):gsub(('.-'):rep(30) .. 'b', '')"),
        ("pattern-gmatch", "for _ in ('a'):rep(100):gmatch(('a*'):rep(30) .. 'b') do end"),
        (
            "plain-find",
            "('a'):rep(4000000):find(('a'):rep(1000000) .. 'b', 1, true)
            ('a'):rep(4000000):find(('a'):rep(2000000) .. 'b', 1, true)",
        ),
        ("rep-of-nothing", "string.rep('', 1 << 60)"),
        ("move", "table.move({}, 1, 1 << 60, 2)"),
        ("insert", "table.insert(setmetatable({}, {__len = function() return 1 << 60 end}), 1, 1)"),
        ("remove", "table.remove(setmetatable({}, {__len = function() return 1 << 60 end}), 1)"),
        ("concat", "table.concat(setmetatable({}, {__index = function() return '' end}), '', 1, 1 << 60)"),
        // All keys of the larger table that the last one needs are in one chain.
        ("rehash", "local t, n = {}, (1 << 18) - 1 for i = 1, (1 << 17) + 1 do t[i * n] = true end"),
        // Each coroutine is over before its instructions are counted.
        (
            "short-coroutines",
            "local function f(n) for i = 1, 20 do
            if n > 0 then coroutine.wrap(f)(n - 1) end end end f(150)",
        ),
    ];
    all_end(&attacks, 503, |_| format!("{CPU}\n")).await;
}

#[tokio::test]
async fn more_memory_than_there_is_is_not_given() {
    let attacks = [
        ("rep", "local x = ('x'):rep(1 << 30)"),
        ("concatenation", "local s = 'x' while true do s = s .. s end"),
        ("table", "local t = {} while true do t[#t + 1] = {} end"),
        ("keys", "local t = {} for i = 1, 1 << 30 do t[('x'):rep(1 << 10) .. i] = i end"),
        ("coroutines", "local t = {} while true do t[#t + 1] = coroutine.create(print or pcall) end"),
        ("recursion", "local function f() return 1 + f() end f()"),
        ("closures", "local t = {} while true do t[#t + 1] = function() return t end end"),
        ("gsub", "('x'):rep(1 << 20):gsub('x', ('y'):rep(1 << 20))"),
        (
            "concat",
            "local t = {} for i = 1, 64 do t[i] = ('x'):rep(1 << 10) end
            local s = table.concat(t) s = s:rep(200) local u = s .. s .. s",
        ),
        (
            "sort",
            "table.sort(setmetatable({}, {__len = function() return 1 << 30 end,
            __index = function() return 1 end}))",
        ),
        ("json", "local t = {} for i = 1, 1 << 22 do t[i] = json.decode('[[],[],[],[]]') end"),
    ];
    all_end(&attacks, 503, |_| format!("{MEMORY}\n")).await;
}

#[tokio::test]
async fn what_is_counted_ends_with_its_count_whoever_catches_it() {
    let print = [
        ("print", "while true do pcall(kvdb.print, ('x'):rep(1000)) end"),
        ("say", "local s = ('x'):rep(1 << 20) pcall(kvdb.say, s)"),
    ];
    all_end(&print, 503, |_| "The script printed more than 1 MiB\n".to_owned()).await;
    let ask = [
        ("get", "while true do pcall(kvdb.get, 'k') end"),
        ("in-coroutines", "while true do coroutine.wrap(function() kvdb.get('k') end)() end"),
        ("refused", "while true do pcall(kvdb.set, '', 'x') end"),
    ];
    all_end(&ask, 503, |_| "The script asked for more than 1000 operations\n".to_owned()).await;
}

#[tokio::test]
async fn errors_of_its_own_are_bounded() {
    let attacks = [
        ("source", "x = 1"),
        ("handlers", "xpcall(error, function(e) error(e) end) error('end')"),
        ("message", "error(('x'):rep(1 << 20))"),
        ("format", "string.format('%99999d', 1)"),
        ("deep-json", "local t = {} t.t = t error(select(2, json.encode(t)))"),
        ("wide-json", "local t = {} for i = 1, 60 do t = {t, t} end error(select(2, json.encode(t)))"),
        ("nested-json", "error(select(2, json.decode(('['):rep(1 << 19))))"),
        ("long-json", "error(select(2, json.decode(('x'):rep((1 << 20) + 1))))"),
        ("unpack", "table.unpack({}, 1, 1 << 24)"),
        ("too-long-txn", "local t = {} for i = 1, 1001 do t[i] = {delete = 'k'} end kvdb.txn(t)"),
    ];
    let home = home().await;
    let deep = format!("x = {}1{}", "(".repeat(30_000), ")".repeat(30_000));
    let tables = "{".repeat(60_000);
    let binary = "\u{1b}Lua\0";
    let long = [("deep", &*deep), ("tables", &*tables), ("binary", binary)];
    for (name, source) in attacks.into_iter().chain(long).skip(1) {
        let path = format!("scripts/{name}");
        home.by("sec", "PUT", &path).body(source.to_owned()).await.is(200);
        let answer = home.call("GET", &path).await;
        assert_eq!(answer.status, 500, "{name}: {}", answer.describe());
        let lines = answer.text().lines().count();
        assert!(lines == 1 && answer.text().len() < 1_024, "{name}: {}", answer.describe());
    }
    home.holds("k", "v").await;
}

#[tokio::test]
async fn there_is_nothing_in_it_that_reaches_out() {
    let home = home().await;
    let source = "
        local names = {}
        for name in pairs(_G) do names[#names + 1] = name end
        table.sort(names)
        kvdb.say(table.concat(names, ' '))
        local err = select(2, pcall(kvdb.get))
        kvdb.say(type(err), ' ', getmetatable(err), ' ', string.dump)";
    home.by("sec", "PUT", "scripts/s").body(source).await.is(200);
    // Of Lua's own: no collectgarbage, debug, dofile, io, load, loadfile, os, package, print, require, warn.
    let expected = "_G _VERSION assert coroutine error getmetatable ipairs json kvdb math next pairs pcall rawequal rawget \
                    rawlen rawset select setmetatable string table tonumber tostring type utf8 xpcall\n\
                    userdata false nil\n";
    home.call("GET", "scripts/s").await.is(200).has_body(expected);
}

#[tokio::test]
async fn others_are_answered_while_scripts_run_without_end() {
    let home = home().await;
    home.by("sec", "PUT", "scripts/s").body("while true do end").await.is(200);
    let runaways = (0..12).map(|_| async {
        home.call("GET", "scripts/s").await.says(503, CPU);
    });
    let others = async {
        for n in 0..100 {
            home.set(&format!("n{n}"), "v").await;
            home.holds(&format!("n{n}"), "v").await;
        }
    };
    tokio::join!(futures::future::join_all(runaways), others);
}

#[tokio::test]
async fn a_line_that_is_full_is_told_at_once() {
    let config = "[kv]\nrate_limit = \"unlimited\"\nscripts_at_once = 1\n[limits]\njson_timeout_ms = 600000\n";
    let server = Server::start_with(Options::default().config(config), DataDir::new());
    let home = Home::on(Arc::new(server), "secret_key=sec").await;
    home.by("sec", "PUT", "scripts/s").body("while true do end").await.is(200);
    // One runs and 16 wait.
    let answers = futures::future::join_all((0..20).map(|_| async { home.call("GET", "scripts/s").await })).await;
    let busy: Vec<_> = answers.iter().filter(|answer| answer.text() != format!("{CPU}\n")).collect();
    assert_eq!(busy.len(), 3);
    for answer in busy {
        assert_eq!((answer.status, answer.text()), (503, "Too many scripts at once. Please try again.\n"));
        assert_eq!(answer.need("retry-after"), "1");
    }
}

#[tokio::test]
async fn a_script_ends_with_the_request_that_runs_it() {
    let config = "[kv]\nrate_limit = \"unlimited\"\nscripts_at_once = 1\n[limits]\njson_timeout_ms = 100\n";
    let server = Server::start_with(Options::default().config(config), DataDir::new());
    let home = Home::on(Arc::new(server), "secret_key=sec").await;
    home.by("sec", "PUT", "scripts/s").body("while true do end").await.is(200);
    home.by("sec", "PUT", "scripts/t").body("kvdb.print(1)").await.is(200);
    home.call("GET", "scripts/s").await.says(408, "Request timeout");
    // The one turn that there is is free again.
    loop {
        let answer = home.call("GET", "scripts/t").await;
        if answer.status == 200 {
            break;
        }
        // The machine may be too busy to start a worker in so short a time.
        answer.says(408, "Request timeout");
    }
}
