//! Claims about settings as a whole: the order of sources, and that every fault is told at once.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use tempfile::NamedTempFile;
use windlass_config::{Bucket, Faults, Key, Limit, LogFormat, Organisation, Plan, Secret, Settings, Sources};

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
    assert!(settings.s3.base_domain.is_empty());
}

#[test]
fn there_can_be_one_base_domain_or_several() {
    for (text, domains) in [
        ("base_domain = \"s3.test\"", &["s3.test"][..]),
        ("base_domain = [\"s3.test\", \"b.test\"]", &["s3.test", "b.test"]),
    ] {
        assert_eq!(load(&format!("[s3]\n{text}"), &[], &[]).unwrap().s3.base_domain, domains);
    }
    let told = problems(load("", &[("WINDLASS_S3_BASE_DOMAIN", "s3.test,S3.test")], &[]));
    assert!(told.starts_with("s3.base_domain: [\"s3.test\", \"S3.test\"] is not accepted"), "{told}");
}

#[test]
fn a_certificate_and_its_key_are_given_together() {
    let told = problems(load("[tls]\ncert_file = \"/a.pem\"", &[], &[]));
    assert_eq!(told, "tls.key_file: not set; tls.cert_file and tls.key_file must be given together");
    assert!(problems(load("[tls]\nkey_file = \"/a.pem\"", &[], &[])).starts_with("tls.cert_file: not set"));
    load("[tls]\ncert_file = \"/a.pem\"\nkey_file = \"/b.pem\"", &[], &[]).unwrap();
}

#[test]
fn blobs_upstream_need_a_bucket_and_whole_credentials() {
    let given = "[blobs]\nkind = \"s3\"\nbucket = \"blobs\"\nprefix = \"a/b\"\naccess_key = \"KEY\"\nsecret_key = \"not-so-secret\"";
    let settings = load(given, &[], &[]).unwrap();
    assert_eq!((settings.blobs.bucket.as_deref(), settings.blobs.prefix.as_str()), (Some("blobs"), "a/b"));
    assert!(!format!("{settings:?}").contains("not-so-secret"));
    let told = problems(load(given, &[("WINDLASS_BLOBS_SECRET_KEY", ""), ("WINDLASS_STORAGE_BLOBS", "/b")], &[]));
    assert!(told.contains("blobs.secret_key: not set; blobs.access_key and blobs.secret_key"), "{told}");
    assert!(told.contains("storage.blobs: set, and blobs.kind"), "{told}");
    let told = problems(load("[blobs]\nkind = \"s3\"\nprefix = \"a//b\"", &[], &[]));
    assert!(
        told.contains("blobs.bucket: not set") && told.contains("blobs.prefix: \"a//b\" is not accepted"),
        "{told}"
    );
}

#[test]
fn nobody_is_trusted_by_default_and_only_networks_can_be() {
    assert!(Settings::default().proxy.trusted.is_empty());
    let settings = load("[proxy]\ntrusted = [\"10.0.0.0/8\", \"::1\"]", &[], &[]).unwrap();
    assert_eq!(settings.proxy.trusted.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.0/8", "::1/128"]);
    assert!(problems(load("[proxy]\ntrusted = [\"10.0.0.1/8\"]", &[], &[])).starts_with("proxy.trusted: "));
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
    let acme = Organisation {
        name: "acme".to_owned(),
        buckets: vec!["photos".to_owned()],
        keys: vec![key],
        ..Organisation::default()
    };
    assert_eq!(acme.plan, "enterprise");
    assert_eq!(load(text, &[], &[]).unwrap().organisations, [acme]);
}

#[test]
fn plans_and_buckets_come_from_the_file() {
    let text = r#"
        [[plan]]
        name = "lab"
        paid = false
        max_storage_bytes = "10GiB"
        max_requests_per_minute = "unlimited"
        [[organisation]]
        name = "acme"
        plan = "lab"
        default_bucket = "photos"
        [[organisation.bucket]]
        name = "photos"
        cors_origins = ["https://acme.test"]
        lifecycle_ttl_days = 30
        max_file_size_bytes = "unlimited"
    "#;
    let lab = Plan {
        name: "lab".to_owned(),
        paid: Some(false),
        max_storage_bytes: Some(Limit::AtMost(10 << 30)),
        max_requests_per_minute: Some(Limit::Unlimited),
        ..Plan::default()
    };
    let photos = Bucket {
        name: "photos".to_owned(),
        cors_origins: Some(vec!["https://acme.test".to_owned()]),
        lifecycle_ttl_days: Some(Limit::AtMost(30)),
        max_file_size_bytes: Some(Limit::Unlimited),
        ..Bucket::default()
    };
    let acme = Organisation {
        name: "acme".to_owned(),
        plan: "lab".to_owned(),
        default_bucket: Some("photos".to_owned()),
        bucket_settings: vec![photos],
        ..Organisation::default()
    };
    let settings = load(text, &[], &[]).unwrap();
    assert_eq!((settings.plans, settings.organisations), (vec![lab], vec![acme]));
}

#[test]
fn organisations_and_plans_come_from_numbered_variables_behind_those_of_the_file() {
    let environment = [
        ("WINDLASS_ORGANISATION_10_NAME", "ten"),
        ("WINDLASS_ORGANISATION_2_NAME", "two"),
        ("WINDLASS_ORGANISATION_2_BUCKETS", "photos, logs"),
        ("WINDLASS_ORGANISATION_2_KEY_0_NAME", "reader"),
        ("WINDLASS_ORGANISATION_2_KEY_0_ACCESS_KEY_ID", "READER"),
        ("WINDLASS_ORGANISATION_2_KEY_0_SECRET_ACCESS_KEY", "not-so-secret"),
        ("WINDLASS_ORGANISATION_2_KEY_0_SCOPES", "files:read,files:write"),
        ("WINDLASS_ORGANISATION_2_KEY_0_EXPIRES_AT", "1970-01-01T00:00:01Z"),
        ("WINDLASS_ORGANISATION_2_BUCKET_0_NAME", "films"),
        ("WINDLASS_ORGANISATION_2_BUCKET_0_MAX_FILE_SIZE_BYTES", "1MiB"),
        ("WINDLASS_PLAN_0_NAME", "lab"),
        ("WINDLASS_PLAN_0_MAX_BUCKETS", "3"),
        ("WINDLASS_PLAN_0_OVERAGE", "true"),
    ];
    let settings = load("[[organisation]]\nname = \"file\"", &environment, &[]).unwrap();
    let names: Vec<&str> = settings.organisations.iter().map(|organisation| organisation.name.as_str()).collect();
    assert_eq!(names, ["file", "two", "ten"]);
    let two = &settings.organisations[1];
    assert_eq!(two.buckets, ["photos", "logs"]);
    let [key] = two.keys.as_slice() else { panic!("one key") };
    assert_eq!(key.scopes.as_deref(), Some(&["files:read".to_owned(), "files:write".to_owned()][..]));
    assert_eq!((key.expires_at, key.secret_access_key.expose()), (Some(1000), "not-so-secret"));
    assert_eq!(two.bucket_settings[0].max_file_size_bytes, Some(Limit::AtMost(1 << 20)));
    let lab = &settings.plans[0];
    assert_eq!((lab.max_buckets, lab.overage), (Some(Limit::AtMost(3)), Some(true)));
}

#[test]
fn faults_of_numbered_variables_name_the_variable() {
    let environment = [
        ("WINDLASS_ORGANISATION_0_PLANS", "pro"),
        ("WINDLASS_ORGANISATION_0_NAME", "acme"),
        ("WINDLASS_ORGANISATION_0_KEY_0_SECRET_ACCESS_KEY", "hush"),
        ("WINDLASS_ORGANISATION_X_NAME", "acme"),
        ("WINDLASS_PLAN_0_NAME", "lab"),
        ("WINDLASS_PLAN_0_MAX_BUCKETS", "many"),
    ];
    let told = problems(load("[[organisation]]\nname = \"acme\"", &environment, &[]));
    for line in [
        "organisation[1].plans: unknown setting; did you mean plan? (from WINDLASS_ORGANISATION_0_PLANS)",
        "organisation[1].name: used by an earlier organisation",
        "organisation[1].key[0].secret_access_key: [redacted] is not accepted",
        "WINDLASS_ORGANISATION_X_NAME: unknown variable",
        "plan[0].max_buckets: \"many\" is not accepted; it takes 0 to 10000 buckets or \"unlimited\" \
         (from WINDLASS_PLAN_0_MAX_BUCKETS)",
    ] {
        assert!(told.contains(line), "{line}\nnot in\n{told}");
    }
    assert!(!told.contains("hush"), "{told}");
}

#[test]
fn plans_have_names_of_their_own_and_lists_are_written_as_lists() {
    let told = problems(load("[[plan]]\nname = \"a\"\n[[plan]]\nname = \"a\"\n[organisation]", &[], &[]));
    assert!(told.contains("plan[1].name: used by an earlier plan"), "{told}");
    assert!(told.contains("organisation: not a list; write its heading as [[organisation]]"), "{told}");
    let told = problems(load("[[organisation]]\nname = \"a\"\nkey = 1\nbucket = [2]", &[], &[]));
    assert!(told.contains("organisation[0].key: not a list; write its heading as [[organisation.key]]"), "{told}");
    assert!(told.contains("organisation[0].bucket[0]: not a table"), "{told}");
}

#[test]
fn faults_of_organisations_name_their_place_in_the_list() {
    let text = "[[organisation]]\nname = \"a\"\n[[organisation]]\nname = \"a\"\nbuckits = []\n[[organisation.key]]\n\
                name = \"k\"\naccess_key_id = \"id/\"\nsecret_access_key = \"hush\"\nexpires_at = \"soon\"";
    let told = problems(load(text, &[], &[]));
    for line in [
        "organisation[1].buckits: unknown setting; did you mean buckets?",
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

#[test]
fn targets_of_notifications_come_from_the_file_and_from_variables_and_are_checked() {
    let text = "[[notification_target]]\nname = \"a\"\nurl = \"https://a.test/x\"\nsecret = \"secret-of-a\"\n";
    let environment = [
        ("WINDLASS_NOTIFICATION_TARGET_0_NAME", "b"),
        ("WINDLASS_NOTIFICATION_TARGET_0_URL", "http://127.0.0.1:9/"),
        ("WINDLASS_NOTIFICATION_TARGET_0_SECRET", "secret-of-b"),
    ];
    let targets = load(text, &environment, &[]).unwrap().notification_targets;
    let shown: Vec<_> = targets.iter().map(|one| (one.name.as_str(), one.url.as_str(), one.secret.expose())).collect();
    assert_eq!(shown, [("a", "https://a.test/x", "secret-of-a"), ("b", "http://127.0.0.1:9/", "secret-of-b")]);
    let told = problems(load(
        &format!("{text}{text}[[notification_target]]\nurl = \"ftp://a\"\nsecret = \"short\""),
        &[],
        &[],
    ));
    for line in [
        "notification_target[1].name: used by an earlier target",
        "notification_target[2].name: ",
        "notification_target[2].url: \"ftp://a\" is not accepted",
        "notification_target[2].secret: [redacted] is not accepted",
    ] {
        assert!(told.contains(line), "{line}\nnot in\n{told}");
    }
}

#[test]
fn a_host_is_not_a_bucket_s_twice() {
    let both = "[s3]\nbase_domain = \"s3.test\"\nwebsite_domain = ";
    load(&format!("{both}\"web.s3.test\""), &[], &[]).unwrap();
    let told = problems(load(&format!("{both}\"s3.test\""), &[], &[]));
    assert!(told.contains("s3.website_domain: used by s3.base_domain too"), "{told}");
}

#[test]
fn a_key_value_host_is_not_a_bucket_s_too() {
    let hosts = "[s3]\nbase_domain = \"s3.test\"\n[kv]\nhosts = ";
    let settings = load(&format!("{hosts}\"kv.s3.test\""), &[], &[]).unwrap();
    assert_eq!(settings.kv.hosts, ["kv.s3.test"]);
    let told = problems(load(&format!("{hosts}[\"kv.test\", \"s3.test\"]"), &[], &[]));
    assert!(told.contains("kv.hosts: one of them is used by s3.base_domain or s3.website_domain too"), "{told}");
}
