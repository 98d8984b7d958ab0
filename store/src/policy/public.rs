//! Which policies S3 takes for public ("Blocking public access", "The meaning of public").

use super::caller::Named;
use super::condition::Condition;
use super::key::{ConditionKey, Fact};
use super::operator::{Operand, Set, Test};
use super::statement::{Effect, Statement};

/// Keys of which a fixed value says who may come in.
const NARROWING: [&str; 17] = [
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "aws:username",
    "aws:vpceaccount",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
];

/// Whether a statement lets in people that the owner does not know: it allows something to everybody, and no condition of
/// it holds them to values without wildcards or variables.
pub(super) fn is_public(statement: &Statement) -> bool {
    statement.effect == Effect::Allow
        && statement.callers.list.contains(&Named::Everybody)
        && !statement.conditions.iter().any(narrows)
}

fn narrows(condition: &Condition) -> bool {
    let operator = condition.operator;
    // Each of these holds for requests that do not have the value.
    if operator.negated || operator.if_exists || operator.set == Some(Set::All) {
        return false;
    }
    let all = |fixed: fn(&Operand) -> bool| condition.operands.iter().all(fixed);
    match (&condition.key, operator.test) {
        (ConditionKey::Told(Fact::SourceIp), Test::Ip) => {
            all(|operand| matches!(operand, Operand::Network(network) if !network.is_wide()))
        }
        (_, Test::Text | Test::TextIgnoringCase | Test::Like | Test::Arn) => {
            NARROWING.contains(&condition.name.as_str())
                && all(|operand| matches!(operand, Operand::Text(pattern) if pattern.is_fixed()))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::document::BucketPolicy;

    /// A statement that allows reading, to whom and under which condition.
    fn policy(principal: &str, condition: &str) -> bool {
        let text = format!(
            r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Principal": {principal}, "Action": "s3:GetObject",
                "Resource": "arn:aws:s3:::b/*", "Condition": {condition}}}}}"#
        );
        BucketPolicy::parse(&text).unwrap().is_public()
    }

    #[test]
    fn everybody_is_the_public() {
        assert!(policy("\"*\"", "{}"));
        assert!(policy(r#"{"AWS": "*"}"#, "{}"));
        let org = crate::id::OrgId([2; 16]);
        assert!(!policy(&format!(r#"{{"AWS": "{org}"}}"#), "{}"));
        assert!(policy(&format!(r#"{{"AWS": ["{org}", "*"]}}"#), "{}"), "the others are named for nothing");
    }

    #[test]
    fn fixed_values_of_some_keys_narrow_the_public_down() {
        let with = |condition: &str| policy("\"*\"", condition);
        assert!(!with(r#"{"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}"#));
        assert!(!with(r#"{"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "2001:db8::/32"]}}"#));
        assert!(!with(r#"{"StringEquals": {"aws:SourceVpc": "vpc-91237329"}}"#));
        assert!(!with(r#"{"StringLike": {"aws:PrincipalOrgID": "o-abc"}}"#));
        assert!(!with(r#"{"StringEquals": {"aws:PrincipalAccount": "x"}, "StringLike": {"aws:UserAgent": "*"}}"#));
    }

    #[test]
    fn wildcards_variables_and_negations_do_not() {
        let with = |condition: &str| policy("\"*\"", condition);
        assert!(with(r#"{"IpAddress": {"aws:SourceIp": "0.0.0.0/1"}}"#));
        assert!(with(r#"{"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "0.0.0.0/0"]}}"#));
        assert!(with(r#"{"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}"#));
        assert!(with(r#"{"StringLike": {"aws:SourceVpc": "vpc-*"}}"#));
        assert!(with(r#"{"StringEquals": {"aws:PrincipalAccount": "${aws:PrincipalAccount}"}}"#));
        assert!(with(r#"{"StringEqualsIfExists": {"aws:SourceVpc": "vpc-91237329"}}"#));
        assert!(with(r#"{"ForAllValues:StringEquals": {"aws:SourceVpc": "vpc-91237329"}}"#));
        assert!(with(r#"{"StringEquals": {"aws:Referer": "https://example.com/"}}"#));
        assert!(with(r#"{"Bool": {"aws:SecureTransport": "true"}}"#));
    }

    #[test]
    fn one_public_statement_makes_a_policy_public_and_a_denial_does_not() {
        let statement = |effect: &str, principal: &str| {
            format!(r#"{{"Effect": "{effect}", "Principal": {principal}, "Action": "s3:*", "Resource": "*"}}"#)
        };
        let org = format!(r#"{{"AWS": "{}"}}"#, crate::id::OrgId([2; 16]));
        let public = |statements: &[String]| {
            let text = format!(r#"{{"Statement": [{}]}}"#, statements.join(","));
            BucketPolicy::parse(&text).unwrap().is_public()
        };
        assert!(public(&[statement("Allow", &org), statement("Allow", "\"*\"")]));
        assert!(!public(&[statement("Allow", &org), statement("Deny", "\"*\"")]));
    }
}
