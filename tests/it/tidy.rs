//! The habits of STYLE that a machine can check, checked over the source tree.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use windlass_tests::source::{blank, functions, lines_naming, lines_naming_crate, rust_files, without_tests};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
const CRATES: [&str; 6] = ["config", "store", "api", "gateway", "benches", "tests"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A source file: its path from the root, and its text with comments and literals blanked.
struct Source {
    path: String,
    lines: usize,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = root();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let path = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        Source { path, lines: text.lines().count(), text: blank(&text) }
    };
    let files: Vec<Source> = CRATES.iter().flat_map(|name| rust_files(&root.join(name))).map(read).collect();
    assert!(files.len() > 20, "the source tree is not at {}", root.display());
    files
}

/// Product code: no tests, no benches; the text without test items, the files without test modules.
fn product() -> Vec<Source> {
    let mut test_files = BTreeSet::new();
    let mut product = Vec::new();
    for mut source in sources() {
        let mut parts = source.path.split('/');
        let (name, second) = (parts.next().unwrap_or_default().to_owned(), parts.next().unwrap_or_default());
        if ["tests", "benches"].contains(&name.as_str()) || ["tests", "benches", "examples"].contains(&second) {
            continue;
        }
        let (text, modules) = without_tests(&source.text);
        source.text = text;
        // `mod x;` in `a/mod.rs` or `a/lib.rs` is `a/x.rs`; in `a/b.rs` it is `a/b/x.rs`.
        let path = Path::new(&source.path);
        let stem = path.file_stem().unwrap().to_string_lossy();
        let dir = match &*stem {
            "mod" | "lib" | "main" => path.parent().unwrap().to_owned(),
            _ => path.with_extension(""),
        };
        test_files.extend(modules.iter().map(|module| dir.join(module).to_string_lossy().into_owned()));
        product.push(source);
    }
    product.retain(|source| {
        let stem = source.path.trim_end_matches(".rs");
        !test_files.iter().any(|test| stem == test || stem.starts_with(&format!("{test}/")))
    });
    product
}

/// Every place where a word of `words` stands in a file that `banned` says may not have it.
fn uses(sources: &[Source], words: &[&str], banned: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources.iter().filter(|s| banned(&s.path)) {
        for word in words {
            found.extend(lines_naming(&source.text, word).map(|line| format!("{}:{line}: {word}", source.path)));
        }
    }
    found
}

#[track_caller]
fn none(found: Vec<String>, rule: &str) {
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

#[test]
fn no_file_is_longer_than_500_lines() {
    let long = sources().into_iter().filter(|s| s.lines > FILE_LINES_MAX);
    none(long.map(|s| format!("{}: {} lines", s.path, s.lines)).collect(), "a longer file holds two ideas");
}

#[test]
fn no_function_is_longer_than_70_lines() {
    let sources = sources();
    let mut seen = 0;
    let mut long = Vec::new();
    for source in &sources {
        for function in functions(&source.text) {
            seen += 1;
            if function.lines > FUNCTION_LINES_MAX {
                long.push(format!("{}:{}: {} has {} lines", source.path, function.line, function.name, function.lines));
            }
        }
    }
    assert!(seen > 200, "only {seen} functions were found");
    none(long, "a longer function holds two ideas");
}

/// The names of the workspace's packages that a manifest depends on.
fn workspace_dependencies(manifest: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(manifest).unwrap_or_else(|e| panic!("{}: {e}", manifest.display()));
    let manifest: toml::Table = text.parse().unwrap();
    let mut found = BTreeSet::new();
    let targets = manifest.get("target").and_then(|t| t.as_table()).into_iter().flat_map(|t| t.values());
    let tables = targets.filter_map(|t| t.as_table()).chain([&manifest]);
    for table in tables {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let names = table.get(kind).and_then(|d| d.as_table()).into_iter().flat_map(|d| d.keys());
            found.extend(names.filter(|n| *n == "windlass" || n.starts_with("windlass-")).cloned());
        }
    }
    found
}

#[test]
fn crates_depend_only_on_those_before_them() {
    let before: [(&str, &[&str]); 6] = [
        ("config", &[]),
        ("store", &["windlass-config"]),
        ("api", &["windlass-config", "windlass-store"]),
        ("gateway", &["windlass-config", "windlass-store", "windlass-api"]),
        ("benches", &["windlass-config", "windlass-store", "windlass-api", "windlass"]),
        // The tests know only what goes over the wire.
        ("tests", &[]),
    ];
    for (name, allowed) in before {
        let found = workspace_dependencies(&root().join(name).join("Cargo.toml"));
        let wrong: Vec<&String> = found.iter().filter(|d| !allowed.contains(&d.as_str())).collect();
        assert!(
            wrong.is_empty(),
            "{name} depends on {wrong:?}; the order is config, store, api, gateway, then benches and tests"
        );
    }
}

#[test]
fn the_top_level_has_these_six_crates() {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap();
    let members: BTreeSet<&str> = members.iter().filter_map(|m| m.as_str()).collect();
    assert_eq!(members, CRATES.into());
}

#[test]
fn each_library_is_named_in_its_one_home() {
    let sources = product();
    let naming = |library: &str, at_home: &dyn Fn(&str) -> bool| -> Vec<String> {
        let files = sources.iter().filter(|s| at_home(&s.path));
        let place = |s: &Source, line: usize| format!("{}:{line}: {library}", s.path);
        files
            .flat_map(|s| lines_naming_crate(&s.text, library).map(|line| place(s, line)).collect::<Vec<_>>())
            .collect()
    };
    let upstream = "store/src/upstream/";
    for (library, home, crates) in [
        ("redb", "store/src/meta/redb", ""),
        ("lz4_flex", "store/src/log/block", ""),
        ("object_store", "store/src/blob/", ""),
        ("s3s", "gateway/src/s3/", ""),
        ("mlua", "api/src/kv/script/worker/", ""),
        ("http", upstream, "store/"),
        ("hyper", upstream, "store/"),
        ("quick_xml", upstream, ""),
    ] {
        let elsewhere = |path: &str| path.starts_with(crates) && !path.starts_with(home);
        none(naming(library, &elsewhere), &format!("only {home} names {library}"));
        // A rule about a home that has moved holds for nothing.
        assert!(!naming(library, &|path| path.starts_with(home)).is_empty(), "{home} does not name {library}");
    }
}

#[test]
fn time_and_randomness_come_from_the_clock() {
    let sources = product();
    let outside = |path: &str| path != "store/src/clock.rs";
    let wall = ["SystemTime::now", "Utc::now", "OffsetDateTime::now_utc", "UNIX_EPOCH.elapsed"];
    none(uses(&sources, &wall, outside), "only store/src/clock.rs reads the wall clock");
    let random = ["getrandom", "thread_rng", "OsRng", "fastrand", "rand::", "RandomState"];
    none(uses(&sources, &random, outside), "only store/src/clock.rs reads randomness");
    let duration = |path: &str| !path.starts_with("gateway/") && outside(path);
    none(uses(&sources, &["Instant::now"], duration), "only the gateway measures durations");
}

#[test]
fn product_code_does_not_panic_on_purpose() {
    let words = ["unwrap()", "unwrap_err()", "expect(", "expect_err(", "todo!", "unimplemented!", "dbg!", "panic!"];
    none(uses(&product(), &words, |_| true), "an error is returned, with its context");
}

#[test]
fn no_test_is_set_aside() {
    let found = uses(&sources(), &["#[ignore"], |_| true);
    none(found, "a test that does not run says nothing");
}
