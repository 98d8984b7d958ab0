//! What a policy is, and what it says.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::id::KeyId;
use crate::key::Scopes;
use crate::name::BucketName;
use crate::policy::KeyPrincipal;

pub(super) const MINE: OrgId = OrgId([2; 16]);
pub(super) const OTHER: OrgId = OrgId([3; 16]);

/// What a request says: parameters and headers by the name of their key.
pub(super) struct Given(pub(super) Vec<(&'static str, &'static str)>);

impl Context for Given {
    fn values(&self, key: &ConditionKey) -> Vec<String> {
        let named = |name: &str| ConditionKey::parse(name).as_ref() == Some(key);
        self.0.iter().filter(|(name, _)| named(name)).map(|(_, value)| (*value).to_owned()).collect()
    }
}

pub(super) fn key_of(org: OrgId) -> Principal {
    Principal::Key(KeyPrincipal { key: KeyId([1; 16]), org, scopes: Scopes::ALL, buckets: None, expires_ms: None })
}

fn policy(statements: Value) -> BucketPolicy {
    BucketPolicy::parse(&json!({ "Version": "2012-10-17", "Statement": statements }).to_string()).unwrap()
}

fn say(policy: &BucketPolicy, caller: &Principal, action: S3Action, resource: &str) -> Verdict {
    policy.evaluate(caller, action, resource, &Given(vec![]))
}

fn fault(text: &str) -> Option<String> {
    let parsed = BucketPolicy::parse(text).and_then(|policy| {
        let name = BucketName::parse("bucket")?;
        policy.statements.iter().try_for_each(|statement| statement.check(&name)).map_err(malformed)
    });
    parsed.err().map(|error| {
        assert_eq!(error.kind(), ErrorKind::MalformedPolicy, "{text}");
        error.message().to_owned()
    })
}

/// A good statement with some of its elements replaced, or taken away by null.
fn with(changes: Value) -> String {
    let mut statement = json!({
        "Sid": "one", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"
    });
    for (name, value) in changes.as_object().unwrap() {
        let elements = statement.as_object_mut().unwrap();
        if value.is_null() {
            elements.remove(name)
        } else {
            elements.insert(name.clone(), value.clone())
        };
    }
    json!({ "Version": "2012-10-17", "Id": "x", "Statement": [statement] }).to_string()
}

#[test]
fn policies_as_people_write_them_are_taken() {
    for changes in [
        json!({}),
        json!({ "Sid": null }),
        json!({ "Principal": { "AWS": [format!("arn:aws:iam::{OTHER}:root"), OTHER.to_string()] } }),
        json!({ "Action": ["s3:GetObject", "s3:getobjectversion", "S3:Get*"] }),
        json!({ "Action": "*", "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"] }),
        json!({ "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket", "Condition": {
            "StringLike": { "s3:prefix": ["home/*", "${aws:userid}/*"] }, "Bool": { "aws:SecureTransport": true },
            "NumericLessThanEquals": { "s3:max-keys": 10 } } }),
        json!({ "Resource": "*" }),
        json!({ "Resource": "arn:aws:s3:::buck*/public/?" }),
        json!({ "Effect": "Deny", "Principal": null, "NotPrincipal": { "CanonicalUser": MINE.to_string() } }),
        json!({ "Effect": "Deny", "Action": null, "NotAction": "s3:GetObject" }),
        json!({ "Resource": null, "NotResource": "arn:aws:s3:::bucket/secret/*" }),
        json!({ "Action": "s3:ReplicateObject", "Condition": { "Null": { "s3:prefix": true } } }),
    ] {
        assert_eq!(fault(&with(changes.clone())), None, "{changes}");
    }
    let one =
        r#"{"Statement": {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::bucket"}}"#;
    assert_eq!(fault(one), None, "a statement alone, and no version");
}

#[test]
fn what_is_not_a_policy_is_refused() {
    for text in ["", "x", "[]", "null", "{}", r#"{"Statement": []}"#, r#"{"Statement": "x"}"#, "{} {}"] {
        assert!(fault(text).is_some(), "{text}");
    }
    let version = with(json!({})).replace("2012-10-17", "2012-10-18");
    assert!(fault(&version).is_some());
    let twice = with(json!({})).replace("\"Effect\":\"Allow\"", "\"Effect\":\"Allow\",\"Effect\":\"Deny\"");
    assert!(fault(&twice).unwrap().contains("duplicate"), "{twice}");
    let twice = r#"{"Statement": {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "true"}, "Bool": {"aws:SecureTransport": "false"}}}}"#;
    assert!(fault(twice).unwrap().contains("twice"));
    let padded = format!("{}{}", with(json!({})), " ".repeat(limit::POLICY_BYTES_MAX));
    assert!(fault(&padded).unwrap().contains("20480"));
    let statement: Value = serde_json::from_str(&with(json!({}))).unwrap();
    let statement = &statement["Statement"][0];
    let same = json!({ "Statement": [statement, statement] }).to_string();
    assert!(fault(&same).unwrap().contains("unique"));
}

#[test]
fn what_nobody_here_understands_is_refused() {
    for changes in [
        json!({ "Effect": "Permit" }),
        json!({ "Effect": null }),
        json!({ "Principal": null }),
        json!({ "Principal": { "AWS": "123456789012" } }),
        json!({ "NotPrincipal": "*" }),
        json!({ "Principal": null, "NotPrincipal": { "AWS": OTHER.to_string() } }),
        json!({ "Action": null }),
        json!({ "Action": [] }),
        json!({ "Action": "s3:Frobnicate" }),
        json!({ "Action": "ec2:RunInstances" }),
        json!({ "NotAction": "s3:PutObject" }),
        json!({ "Action": "s3:ListBucket" }),
        json!({ "Action": ["s3:GetObject", "s3:ListBucket"] }),
        json!({ "Resource": null }),
        json!({ "Resource": "bucket/*" }),
        json!({ "Resource": "arn:aws:s3:::other/*" }),
        json!({ "Resource": ["arn:aws:s3:::bucket/*", "arn:aws:s3:::other/*"] }),
        json!({ "Resource": null, "NotResource": "arn:aws:s3:::other/*" }),
        json!({ "Resource": "arn:aws:s3:::bucket/${aws:nothing}" }),
        json!({ "Condition": { "StringIs": { "aws:UserAgent": "x" } } }),
        json!({ "Condition": { "StringEquals": { "aws:Nothing": "x" } } }),
        json!({ "Condition": { "StringEquals": { "s3:prefix": "x" } } }),
        json!({ "Condition": { "IpAddress": { "aws:SourceIp": "x" } } }),
        json!({ "Condition": [] }),
        json!({ "Comment": "x" }),
    ] {
        assert!(fault(&with(changes.clone())).is_some(), "{changes}");
    }
}

#[test]
fn a_policy_is_stored_as_the_text_it_was_given_as() {
    let text = format!("\n {} ", with(json!({ "Sid": "é" })));
    let policy = BucketPolicy::parse(&text).unwrap();
    let stored = crate::meta::codec::encode(&policy).unwrap();
    let read: BucketPolicy = crate::meta::codec::decode(&stored).unwrap();
    assert_eq!((read.text(), &read), (text.as_str(), &policy));
    assert!(stored.len() <= text.len() + 3, "nothing is stored beside it");
}

#[test]
fn a_policy_says_something_only_about_what_it_names() {
    let policy = policy(json!({
        "Effect": "Allow", "Principal": { "AWS": OTHER.to_string() }, "Action": "s3:Get*", "Resource": "arn:aws:s3:::bucket/a/*"
    }));
    let other = key_of(OTHER);
    assert_eq!(say(&policy, &other, S3Action::GetObject, "bucket/a/b/c"), Verdict::Allowed);
    assert_eq!(say(&policy, &other, S3Action::GetObject, "bucket/b"), Verdict::Silent);
    assert_eq!(say(&policy, &other, S3Action::PutObject, "bucket/a/b"), Verdict::Silent);
    assert_eq!(say(&policy, &key_of(MINE), S3Action::GetObject, "bucket/a/b"), Verdict::Silent);
    assert_eq!(say(&policy, &Principal::Anonymous, S3Action::GetObject, "bucket/a/b"), Verdict::Silent);
}

#[test]
fn the_not_forms_name_all_but_their_lists() {
    let denies = policy(json!([
        { "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*" },
        { "Effect": "Deny", "NotPrincipal": { "AWS": OTHER.to_string() }, "NotAction": "s3:GetObject",
          "NotResource": "arn:aws:s3:::bucket/open/*" }
    ]));
    let (other, nobody) = (key_of(OTHER), Principal::Anonymous);
    assert_eq!(say(&denies, &other, S3Action::PutObject, "bucket/k"), Verdict::Allowed);
    assert_eq!(say(&denies, &nobody, S3Action::PutObject, "bucket/k"), Verdict::Denied);
    assert_eq!(say(&denies, &nobody, S3Action::GetObject, "bucket/k"), Verdict::Allowed);
    assert_eq!(say(&denies, &nobody, S3Action::PutObject, "bucket/open/k"), Verdict::Allowed);
}

#[test]
fn conditions_and_variables_are_those_of_the_request() {
    let policy = policy(json!({
        "Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket",
        "Condition": { "StringLike": { "s3:prefix": "${aws:userid}/*" } }
    }));
    let ask = |given: &[(&'static str, &'static str)]| {
        policy.evaluate(&Principal::Anonymous, S3Action::ListBucket, "bucket", &Given(given.to_vec()))
    };
    assert_eq!(ask(&[("s3:prefix", "ann/x"), ("aws:userid", "ann")]), Verdict::Allowed);
    assert_eq!(ask(&[("s3:prefix", "bob/x"), ("aws:userid", "ann")]), Verdict::Silent);
    assert_eq!(ask(&[("s3:prefix", "/x")]), Verdict::Silent);
}

#[test]
fn it_is_known_whether_tags_are_asked_for() {
    let asks = |condition: Value| BucketPolicy::parse(&with(json!({ "Condition": condition }))).unwrap().asks_for_tags;
    assert!(asks(json!({ "StringEquals": { "s3:ExistingObjectTag/a": "b" } })));
    assert!(asks(json!({ "StringEquals": { "aws:Referer": "${s3:existingobjecttag/a}" } })));
    assert!(!asks(json!({ "StringEquals": { "aws:Referer": "x" } })));
    let hidden = with(json!({ "Resource": "arn:aws:s3:::bucket/${ s3:ExistingObjectTag/a }" })).replace('$', "\\u0024");
    assert!(BucketPolicy::parse(&hidden).unwrap().asks_for_tags, "however it is written: {hidden}");
}

const ACTIONS: [S3Action; 3] = [S3Action::GetObject, S3Action::PutObject, S3Action::DeleteObject];
const KEYS: [&str; 3] = ["bucket/a", "bucket/a/b", "bucket/c"];
const REFERERS: [Option<&str>; 3] = [None, Some("x"), Some("y")];

/// A statement over small alphabets, so that statements meet.
fn any_statement(deny: Option<bool>) -> impl Strategy<Value = Value> {
    let one_of = |texts: &[&str]| prop::sample::select(texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
    let (mine, other) = (MINE.to_string(), OTHER.to_string());
    let callers = one_of(&["*", &mine, &other]);
    let actions = prop::collection::vec(one_of(&["s3:GetObject", "s3:PutObject", "s3:Get*", "s3:*"]), 1..3);
    let resources = prop::collection::vec(one_of(&["bucket/a", "bucket/a*", "bucket/*", "*/c", "bucket/?"]), 1..3);
    let condition = one_of(&["", "StringEquals", "StringNotEquals", "StringEqualsIfExists", "Null"]);
    let effect = deny.map_or(any::<bool>().boxed(), |deny| Just(deny).boxed());
    (effect, callers, any::<bool>(), actions, any::<bool>(), resources, condition).prop_map(
        |(deny, caller, not_action, actions, not_resource, resources, condition)| {
            let resources: Vec<_> = resources.iter().map(|text| format!("arn:aws:s3:::{text}")).collect();
            let mut statement = json!({
                "Effect": if deny { "Deny" } else { "Allow" },
                "Principal": { "AWS": caller },
                (if not_action { "NotAction" } else { "Action" }): actions,
                (if not_resource { "NotResource" } else { "Resource" }): resources,
            });
            if !condition.is_empty() {
                let value = if condition == "Null" { "true" } else { "x" };
                statement["Condition"] = json!({ condition: { "aws:Referer": value } });
            }
            statement
        },
    )
}

/// What a statement means, said as plainly as it can be.
fn plainly(statement: &Value, org: Option<OrgId>, action: S3Action, resource: &str, referer: Option<&str>) -> bool {
    let texts = |name: &str| -> Option<Vec<String>> {
        let list = statement.get(name)?.as_array()?;
        Some(list.iter().map(|text| text.as_str().unwrap().to_owned()).collect())
    };
    let wild = |pattern: &str, text: &str| match (pattern.split_once('*'), pattern.split_once('?')) {
        (Some((start, end)), _) => {
            text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end)
        }
        (_, Some((start, end))) => text.len() == pattern.len() && text.starts_with(start) && text.ends_with(end),
        _ => pattern == text,
    };
    let any = |list: Vec<String>, text: &str| {
        list.iter().any(|pattern| wild(pattern.trim_start_matches("arn:aws:s3:::"), text))
    };
    let name = format!("s3:{}", action.name());
    let action = texts("Action").map_or_else(|| !any(texts("NotAction").unwrap(), &name), |list| any(list, &name));
    let resource =
        texts("Resource").map_or_else(|| !any(texts("NotResource").unwrap(), resource), |list| any(list, resource));
    let named = statement["Principal"]["AWS"].as_str().unwrap();
    let caller = named == "*" || org.is_some_and(|org| org.to_string() == named);
    let condition = match statement.get("Condition").and_then(|c| c.as_object()?.keys().next().cloned()).as_deref() {
        None => true,
        Some("StringEquals") => referer == Some("x"),
        Some("StringNotEquals") => referer != Some("x"),
        Some("StringEqualsIfExists") => referer.is_none_or(|referer| referer == "x"),
        Some(_) => referer.is_none(),
    };
    action && resource && caller && condition
}

fn any_request() -> impl Strategy<Value = (Option<OrgId>, S3Action, &'static str, Option<&'static str>)> {
    let orgs = prop::sample::select(vec![None, Some(MINE), Some(OTHER)]);
    let select = |texts: [&'static str; 3]| prop::sample::select(texts.to_vec());
    (orgs, prop::sample::select(ACTIONS.to_vec()), select(KEYS), prop::sample::select(REFERERS.to_vec()))
}

fn ask(policy: &BucketPolicy, request: (Option<OrgId>, S3Action, &str, Option<&'static str>)) -> Verdict {
    let (org, action, resource, referer) = request;
    let caller = org.map_or(Principal::Anonymous, key_of);
    policy.evaluate(&caller, action, resource, &Given(referer.map(|text| ("aws:Referer", text)).into_iter().collect()))
}

proptest! {
    #[test]
    fn a_policy_means_what_its_statements_plainly_mean(
        statements in prop::collection::vec(any_statement(None), 1..5),
        request in any_request(),
    ) {
        let (org, action, resource, referer) = request;
        let about: Vec<_> = statements.iter().filter(|it| plainly(it, org, action, resource, referer)).collect();
        let expected = if about.iter().any(|it| it["Effect"] == "Deny") {
            Verdict::Denied
        } else if about.is_empty() {
            Verdict::Silent
        } else {
            Verdict::Allowed
        };
        prop_assert_eq!(ask(&policy(json!(statements)), request), expected);
    }

    #[test]
    fn an_explicit_denial_always_wins(
        mut statements in prop::collection::vec(any_statement(None), 0..5),
        denial in any_statement(Some(true)),
        at in any::<prop::sample::Index>(),
        request in any_request(),
    ) {
        let alone = ask(&policy(json!([denial])), request);
        statements.insert(at.index(statements.len() + 1), denial);
        let verdict = ask(&policy(json!(statements)), request);
        prop_assert!(alone == Verdict::Silent || verdict == Verdict::Denied);
    }

    #[test]
    fn a_permission_more_never_takes_one_away(
        statements in prop::collection::vec(any_statement(None), 1..5),
        permission in any_statement(Some(false)),
        request in any_request(),
    ) {
        let before = ask(&policy(json!(statements)), request);
        let mut more = statements;
        more.push(permission);
        let after = ask(&policy(json!(more)), request);
        prop_assert!(after == before || (before, after) == (Verdict::Silent, Verdict::Allowed));
    }

    #[test]
    fn a_policy_is_read_back_as_it_was_printed(statements in prop::collection::vec(any_statement(None), 1..5)) {
        let given = policy(json!(statements));
        let spread = serde_json::to_string_pretty(&serde_json::from_str::<Value>(given.text()).unwrap()).unwrap();
        let again = BucketPolicy::parse(&String::from(given.clone())).unwrap();
        prop_assert_eq!(&again, &given);
        prop_assert_eq!(BucketPolicy::parse(&spread).unwrap().statements, given.statements);
    }

    #[test]
    fn no_text_brings_the_reader_down(text in ".{0,200}") {
        let _ = BucketPolicy::parse(&text);
        let _ = BucketPolicy::parse(&with(json!({ "Resource": text.clone(), "Condition": { text.clone(): { text.clone(): text } } })));
    }
}
