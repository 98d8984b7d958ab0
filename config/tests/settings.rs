//! Claims about settings as a whole: the order of sources, and that every fault is told at once.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use tempfile::NamedTempFile;
use windlass_config::{Faults, Key, LogFormat, Organisation, Secret, Settings, Sources};

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn load(text: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Settings, Faults> {
    let file = file(text);
    Settings::load(&Sources {
        file: Some(file.path().to_owned()),
        environment: environment.iter().map(|(n, v)| (OsString::from(n), OsString::from(v))).collect(),
        flags: flags.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
    })
}

fn problems(result: Result<Settings, Faults>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn defaults_are_valid() {
    Settings::default().validate().unwrap();
    assert_eq!(Settings::load(&Sources::default()).unwrap(), Settings::default());
}

#[test]
fn the_printed_defaults_read_back_as_the_defaults() {
    let printed = Settings::default().to_documented_toml();
    assert_eq!(load(&printed, &[], &[]).unwrap(), Settings::default());
    assert!(printed.lines().all(|line| line.len() <= 130), "{printed}");
}

#[test]
fn a_flag_counts_before_a_variable_and_a_variable_before_the_file() {
    let text = "listen = \"127.0.0.1:1\"\ndata = \"/a\"\n[storage]\ncache_bytes = \"2MiB\"\n[log]\nformat = \"json\"";
    let environment = [("WINDLASS_LISTEN", "127.0.0.1:2"), ("WINDLASS_STORAGE_CACHE_BYTES", "3145728"), ("HOME", "/")];
    let settings = load(text, &environment, &[("listen", "127.0.0.1:3")]).unwrap();
    assert_eq!(settings.general.listen.port(), 3);
    assert_eq!(settings.storage.cache_bytes, 3 << 20);
    assert_eq!(settings.general.data, PathBuf::from("/a"));
    assert_eq!(settings.log.format, LogFormat::Json);
}

#[test]
fn empty_text_takes_an_optional_value_back() {
    let settings = load("[s3]\nbase_domain = \"s3.test\"", &[("WINDLASS_S3_BASE_DOMAIN", "")], &[]).unwrap();
    assert_eq!(settings.s3.base_domain, None);
}

#[test]
fn all_faults_are_told_at_once_with_name_value_range_and_place() {
    let text = "lissen = 1\n[storage]\ninline_bytes_max = 70000\ncreate = \"yes\"\ncache_byte = 1\n[limit]\n[s4.x]";
    let environment = [("WINDLASS_LOG_LEVEL", "loud"), ("WINDLASS_LOG_FORMATT", "json")];
    let told = problems(load(text, &environment, &[("limits.connections", "0"), ("auth.master_key", "hush")]));
    let expected = [
        "lissen: unknown setting; did you mean listen? (from /",
        "storage.inline_bytes_max: 70000 is not accepted; it takes a size from 0 to 64KiB (from /",
        "storage.create: \"yes\" is not accepted; it takes true or false (from /",
        "storage.cache_byte: unknown setting; did you mean storage.cache_bytes? (from /",
        "limit: unknown section; did you mean limits? (from /",
        "s4: unknown section; did you mean s3? (from /",
        "log.level: \"loud\" is not accepted; it takes \"error\" or \"warn\" or \"info\" or \"debug\" or \"trace\" \
         (from WINDLASS_LOG_LEVEL)",
        "WINDLASS_LOG_FORMATT: unknown variable; did you mean WINDLASS_LOG_FORMAT? (from the environment)",
        "limits.connections: 0 is not accepted; it takes 1 to 65536 connections (from a flag)",
        "auth.master_key: not taken from a flag",
    ];
    for line in expected {
        assert!(told.contains(line), "{line}\nnot in\n{told}");
    }
    assert_eq!(told.lines().count(), expected.len(), "{told}");
}

#[test]
fn a_file_that_is_named_must_be_there_and_be_toml() {
    let sources =
        |name: &str| Sources { environment: vec![("WINDLASS_CONFIG".into(), name.into())], ..Sources::default() };
    assert!(
        problems(Settings::load(&sources("/nowhere/windlass.toml")))
            .starts_with("/nowhere/windlass.toml: cannot be read")
    );
    let told = problems(load("listen = \"127.0.0.1:1\"\n[auth]\nmaster_key = \"hush", &[], &[]));
    assert!(told.contains("line 3"), "{told}");
    assert!(!told.contains("hush"), "{told}");
}

#[test]
fn organisations_come_from_the_file() {
    let text = r#"
        [[organisation]]
        name = "acme"
        buckets = ["photos"]
        [[organisation.key]]
        name = "reader"
        access_key_id = "READER"
        secret_access_key = "not-so-secret"
        scopes = ["files:read"]
        expires_at = 1970-01-01T00:00:01Z
    "#;
    let key = Key {
        name: "reader".to_owned(),
        access_key_id: "READER".to_owned(),
        secret_access_key: Secret::new("not-so-secret"),
        scopes: Some(vec!["files:read".to_owned()]),
        expires_at: Some(1000),
        ..Key::default()
    };
    let acme = Organisation { name: "acme".to_owned(), buckets: vec!["photos".to_owned()], keys: vec![key] };
    assert_eq!(load(text, &[], &[]).unwrap().organisations, [acme]);
}

#[test]
fn faults_of_organisations_name_their_place_in_the_list() {
    let text = "[[organisation]]\nname = \"a\"\n[[organisation]]\nname = \"a\"\nbucket = []\n[[organisation.key]]\n\
                name = \"k\"\naccess_key_id = \"id/\"\nsecret_access_key = \"hush\"\nexpires_at = \"soon\"";
    let told = problems(load(text, &[], &[]));
    for line in [
        "organisation[1].bucket: unknown setting; did you mean buckets?",
        "organisation[1].name: used by an earlier organisation",
        "organisation[1].key[0].access_key_id: \"id/\" is not accepted",
        "organisation[1].key[0].secret_access_key: [redacted] is not accepted",
        "organisation[1].key[0].expires_at: \"soon\" is not accepted",
    ] {
        assert!(told.contains(line), "{line}\nnot in\n{told}");
    }
    assert!(!told.contains("hush"));
}

#[test]
fn the_root_key_comes_from_the_environment_alone_and_in_pairs() {
    let pair = [("WINDLASS_ROOT_ACCESS_KEY", "ROOT"), ("WINDLASS_ROOT_SECRET_KEY", "not-so-secret")];
    let settings = load("", &pair, &[]).unwrap();
    assert_eq!(settings.root.access_key.as_deref(), Some("ROOT"));
    assert!(!format!("{settings:?}").contains("not-so-secret"));
    assert!(problems(load("", &pair[..1], &[])).contains("root.secret_key: not set"));
    assert!(problems(load("", &pair[1..], &[])).contains("root.access_key: not set"));
    let told = problems(load("[root]\nsecret_key = \"x\"", &[], &[]));
    assert!(told.contains("taken only from WINDLASS_ROOT_SECRET_KEY"), "{told}");
    let token = [("WINDLASS_ROOT_TOKEN", "bkt_0123456789012345678901234567890123456789012")];
    assert!(problems(load("", &token, &[])).contains("root.token: set alone"));
}
