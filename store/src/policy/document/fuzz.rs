//! Policies that nobody would write. None makes the parser or the evaluator fail, and what is known of all policies holds.

use super::tests::{Given, MINE, OTHER, key_of};
use super::*;
use crate::fuzz::{Target, fuzz};
use crate::name::BucketName;

const WORDS: &[&str] = &[
    "\"Version\": \"2012-10-17\"",
    "\"Version\": \"2008-10-17\"",
    "\"Id\"",
    "\"Sid\": \"x\"",
    "\"Statement\":",
    "\"Effect\":",
    "\"Allow\"",
    "\"Deny\"",
    "\"Principal\":",
    "\"NotPrincipal\":",
    "\"Action\":",
    "\"NotAction\":",
    "\"Resource\":",
    "\"NotResource\":",
    "\"Condition\":",
    "\"AWS\":",
    "\"CanonicalUser\":",
    "\"*\"",
    "\"s3:*\"",
    "\"s3:GetObject\"",
    "\"s3:ListBucket\"",
    "\"s3:PutObject\"",
    "\"arn:aws:s3:::bucket\"",
    "\"arn:aws:s3:::bucket/*\"",
    "arn:aws:iam::",
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateGreaterThan",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnLike",
    "ArnNotLike",
    "Null",
    "IfExists",
    "ForAllValues:",
    "ForAnyValue:",
    "aws:SourceIp",
    "aws:CurrentTime",
    "aws:EpochTime",
    "aws:SecureTransport",
    "aws:PrincipalArn",
    "aws:PrincipalAccount",
    "aws:userid",
    "aws:username",
    "aws:UserAgent",
    "aws:Referer",
    "aws:SourceVpc",
    "aws:PrincipalOrgID",
    "s3:prefix",
    "s3:delimiter",
    "s3:max-keys",
    "s3:x-amz-acl",
    "s3:VersionId",
    "s3:ExistingObjectTag/a",
    "s3:RequestObjectTag/a",
    "s3:RequestObjectTagKeys",
    "s3:object-lock-remaining-retention-days",
    "s3:signatureAge",
    "s3:authType",
    "${aws:userid}",
    "${aws:userid, 'x'}",
    "${*}",
    "${?}",
    "${$}",
    "${",
    "}",
    "2026-01-01T00:00:00Z",
    "192.0.2.0/24",
    "2001:db8::/32",
    "0.0.0.0/0",
    "::/0",
    "/33",
    "true",
    "false",
    "null",
    "{}",
    "[]",
    "*",
    "?",
    "\\u0000",
    "\\ud800",
    "1e400",
    "-0",
];

/// What requests say in a context of their own, beside saying nothing.
fn given() -> Given {
    Given(vec![
        ("aws:SourceIp", "192.0.2.1"),
        ("aws:SecureTransport", "true"),
        ("aws:userid", "ann*"),
        ("aws:CurrentTime", "1780000000.650"),
        ("aws:UserAgent", "é\u{0}"),
        ("s3:prefix", "home/ann*/x"),
        ("s3:max-keys", "1000"),
        ("s3:RequestObjectTagKeys", "a"),
        ("s3:RequestObjectTagKeys", "b"),
        ("aws:PrincipalArn", "arn:aws:iam::A:root"),
        ("s3:VersionId", ""),
    ])
}

/// What a policy says of some requests: of two callers and of nobody, with a context and without one.
fn verdicts(policy: &BucketPolicy) -> Vec<Verdict> {
    let asked = [
        (S3Action::GetObject, "bucket/home/ann*/x"),
        (S3Action::PutObject, "bucket/é"),
        (S3Action::ListBucket, "bucket"),
        (S3Action::DeleteObjectVersion, "bucket/\u{0}/*?"),
    ];
    let (given, nothing) = (given(), Given(vec![]));
    let mut verdicts = Vec::new();
    for caller in [key_of(MINE), key_of(OTHER), Principal::Anonymous] {
        for context in [&given, &nothing] {
            verdicts.extend(asked.map(|(action, resource)| policy.evaluate(&caller, action, resource, context)));
        }
    }
    verdicts
}

fn check(policy: &BucketPolicy) -> Vec<Verdict> {
    let verdicts = verdicts(policy);
    let has = |effect| policy.statements.iter().any(|statement| statement.effect == effect);
    assert!(has(Effect::Allow) || !verdicts.contains(&Verdict::Allowed), "nothing is allowed that no statement allows");
    assert!(has(Effect::Deny) || !verdicts.contains(&Verdict::Denied), "nothing is denied that no statement denies");
    // The last four are by nobody, who says nothing.
    let open = verdicts[verdicts.len() - 4..].contains(&Verdict::Allowed);
    assert!(!open || policy.is_public(), "what lets in everybody is public");
    verdicts
}

#[test]
fn fuzz_policy() {
    let target = Target { package: env!("CARGO_MANIFEST_DIR"), name: "policy", words: WORDS };
    let bucket = BucketName::parse("bucket").unwrap();
    fuzz(&target, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let policy = match BucketPolicy::parse(&text) {
            Ok(policy) => policy,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::MalformedPolicy);
                return Err(error.message().chars().take(30).collect::<String>());
            }
        };
        let said = check(&policy);
        assert_eq!(BucketPolicy::parse(policy.text()).unwrap(), policy, "what is stored is read again as it was");
        // In another order and without blanks it is the same policy, if it is still short enough.
        let printed = serde_json::from_str::<serde_json::Value>(&text).unwrap().to_string();
        if printed.len() <= limit::POLICY_BYTES_MAX {
            let printed = BucketPolicy::parse(&printed).unwrap();
            assert_eq!((check(&printed), printed.is_public()), (said.clone(), policy.is_public()));
        }
        let faults = policy.statements.iter().filter_map(|statement| statement.check(&bucket).err()).next();
        let operators: Vec<String> =
            policy.statements.iter().flat_map(|s| &s.conditions).map(|c| format!("{:?}", c.operator)).collect();
        let said = said.iter().map(|verdict| *verdict as u8).collect::<Vec<_>>();
        Ok((said, policy.is_public(), policy.orgs().count(), faults, operators.first().cloned()))
    });
}
