//! The policy of a form: what whoever signed it lets the form say (S3: "POST policy").

use std::ops::RangeInclusive;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use s3s::{S3Error, S3Result};
use serde::Deserialize;
use serde_json::Value;
use windlass_config::time;
use windlass_store::clock::Millis;

use super::fields::Fields;
use crate::s3::error;

/// Fields that need no condition, beside those that begin with `IGNORED`.
const FREE: [&str; 4] = ["awsaccesskeyid", "policy", "signature", "x-amz-signature"];
const IGNORED: &str = "x-ignore-";
/// What a condition is about that is no field: where the form was sent to.
const BUCKET: &str = "bucket";

/// A policy.
#[derive(Debug)]
pub(super) struct Policy {
    expires_ms: Millis,
    conditions: Vec<Condition>,
}

/// What must hold of a form. Names of fields are in lower case.
#[derive(Debug, PartialEq, Eq)]
enum Condition {
    Equals(String, String),
    StartsWith(String, String),
    Length(RangeInclusive<u64>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    expiration: String,
    conditions: Vec<Value>,
}

impl Policy {
    /// Reads the field that holds a policy. `InvalidPolicyDocument` if it is none.
    pub(super) fn parse(field: &str) -> S3Result<Self> {
        let base64: String = field.split_ascii_whitespace().collect();
        let text = BASE64_STANDARD.decode(base64).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.ok_or_else(|| invalid("it is not the base64 of UTF-8 text"))?;
        let document: Document =
            serde_json::from_str(&plain_json(&text)).map_err(|fault| invalid(&format!("Invalid JSON: {fault}")))?;
        let expires_ms = time::parse_from_epoch(&document.expiration);
        let expires_ms = expires_ms.ok_or_else(|| invalid("Invalid 'expiration' value"))?;
        let conditions = document.conditions.iter().map(Condition::read).collect::<S3Result<_>>()?;
        Ok(Self { expires_ms, conditions })
    }

    /// Holds a form that was sent to that bucket against the policy. `AccessDenied` if it says more than it may.
    pub(super) fn check(&self, fields: &Fields, bucket: &str, now: Millis) -> S3Result<()> {
        if now > self.expires_ms {
            return Err(denied("Policy expired."));
        }
        for condition in &self.conditions {
            let value = |name: &str| if name == BUCKET { Some(bucket) } else { fields.get(name) };
            if !condition.holds(value) {
                return Err(denied(&format!("Policy Condition failed: {}", condition.print())));
            }
        }
        let covered = |name: &str| self.conditions.iter().any(|condition| condition.field() == Some(name));
        let free = |name: &str| FREE.contains(&name) || name.starts_with(IGNORED);
        let names = fields.iter().map(|(name, _)| name).filter(|name| !free(name)).chain([BUCKET]);
        match names.into_iter().find(|name| !covered(name)) {
            Some(name) => Err(denied(&format!("Extra input fields: {name}"))),
            None if fields.get(BUCKET).is_some_and(|named| named != bucket) => {
                Err(denied("The field bucket names another bucket than the one the form was sent to."))
            }
            None => Ok(()),
        }
    }

    /// How long the file may be.
    pub(super) fn lengths(&self) -> RangeInclusive<u64> {
        let ranges = self.conditions.iter().filter_map(|condition| match condition {
            Condition::Length(range) => Some(range),
            _ => None,
        });
        ranges.fold(0..=u64::MAX, |all, range| *all.start().max(range.start())..=*all.end().min(range.end()))
    }
}

impl Condition {
    fn read(value: &Value) -> S3Result<Self> {
        match value {
            Value::Object(pairs) if pairs.len() == 1 => {
                let pair = pairs.iter().next().and_then(|(name, value)| Some((name, value.as_str()?)));
                let (name, value) = pair.ok_or_else(|| invalid("Invalid Simple-Condition: value must be a string."))?;
                Ok(Self::Equals(name.to_ascii_lowercase(), value.to_owned()))
            }
            Value::Object(_) => {
                Err(invalid("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."))
            }
            Value::Array(items) => Self::read_list(items),
            _ => Err(invalid("Invalid 'conditions' value: a condition is a list or an object")),
        }
    }

    fn read_list(items: &[Value]) -> S3Result<Self> {
        let wrong = || {
            invalid(
                "Invalid condition: it must be [\"eq\" or \"starts-with\", \"$field\", \"value\"], \
                                or [\"content-length-range\", least, most]",
            )
        };
        let [kind, first, second] = items else { return Err(wrong()) };
        let kind = kind.as_str().ok_or_else(wrong)?.to_ascii_lowercase();
        if kind == "content-length-range" {
            let (least, most) = number(first).zip(number(second)).ok_or_else(wrong)?;
            return Ok(Self::Length(least..=most));
        }
        let field = first.as_str().and_then(|field| field.strip_prefix('$')).ok_or_else(wrong)?.to_ascii_lowercase();
        let value = second.as_str().ok_or_else(wrong)?.to_owned();
        match kind.as_str() {
            "eq" => Ok(Self::Equals(field, value)),
            "starts-with" => Ok(Self::StartsWith(field, value)),
            _ => Err(wrong()),
        }
    }

    /// Whether it holds of a form with these values. What a form does not say fails, whatever it may be.
    fn holds<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> bool {
        match self {
            Self::Equals(name, wanted) => value(name) == Some(wanted.as_str()),
            // A list of content types is one of types that all begin so (S3: "Condition matching").
            Self::StartsWith(name, start) if name == "content-type" => value(name)
                .is_some_and(|types| types.split(',').all(|one| one.trim_start().starts_with(start.as_str()))),
            Self::StartsWith(name, start) => value(name).is_some_and(|value| value.starts_with(start.as_str())),
            // Known only once the file was read.
            Self::Length(_) => true,
        }
    }

    fn field(&self) -> Option<&str> {
        match self {
            Self::Equals(name, _) | Self::StartsWith(name, _) => Some(name),
            Self::Length(_) => None,
        }
    }

    fn print(&self) -> String {
        match self {
            Self::Equals(name, value) => serde_json::json!(["eq", format!("${name}"), value]).to_string(),
            Self::StartsWith(name, start) => serde_json::json!(["starts-with", format!("${name}"), start]).to_string(),
            Self::Length(range) => format!("[\"content-length-range\", {}, {}]", range.start(), range.end()),
        }
    }
}

fn number(value: &Value) -> Option<u64> {
    let digits = |text: &&str| text.bytes().all(|b| b.is_ascii_digit());
    value.as_u64().or_else(|| value.as_str().filter(digits)?.parse().ok())
}

/// The text as JSON has it: of a policy, `\$` stands for a dollar sign and `\v` for a vertical tab (S3: "Character
/// escaping").
fn plain_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (c, if c == '\\' { rest.next() } else { None }) {
            ('\\', Some('$')) => out.push('$'),
            ('\\', Some('v')) => out.push_str("\\u000b"),
            (c, escaped) => out.extend([c].into_iter().chain(escaped)),
        }
    }
    out
}

fn invalid(what: &str) -> S3Error {
    error::refuse("InvalidPolicyDocument", format!("Invalid Policy: {what}"))
}

fn denied(what: &str) -> S3Error {
    error::refuse("AccessDenied", format!("Invalid according to Policy: {what}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Millis = 1_700_000_000_000;

    fn parse(json: &str) -> Result<Policy, String> {
        Policy::parse(&BASE64_STANDARD.encode(json)).map_err(|error| error.code().as_str().to_owned())
    }

    fn policy(conditions: &str) -> Result<Policy, String> {
        parse(&format!("{{\"expiration\": \"2030-01-01T00:00:00.000Z\", \"conditions\": [{conditions}]}}"))
    }

    /// Whether a form to the bucket `b` keeps a policy of these conditions and one on the bucket.
    fn keeps(conditions: &str, fields: &[(&str, &str)]) -> bool {
        let policy = policy(&format!("{{\"bucket\": \"b\"}}, {conditions}")).unwrap();
        policy.check(&Fields::of(fields), "b", NOW).is_ok()
    }

    #[test]
    fn conditions_hold_or_the_form_is_denied() {
        let key = "[\"eq\", \"$key\", \"k\"]";
        assert!(keeps(key, &[("key", "k")]));
        assert!(!keeps(key, &[("key", "K")]));
        assert!(!keeps(key, &[]));
        assert!(keeps("{\"KEY\": \"k\"}", &[("key", "k")]));
        assert!(keeps("[\"Starts-With\", \"$Key\", \"a/\"]", &[("key", "a/b")]));
        assert!(!keeps("[\"starts-with\", \"$key\", \"a/\"]", &[("key", "b/a/")]));
        assert!(keeps("[\"starts-with\", \"$key\", \"\"]", &[("key", "anything")]));
        assert!(!keeps("[\"starts-with\", \"$key\", \"\"]", &[]), "what is not there begins with nothing");
        assert!(!keeps("[\"eq\", \"$x-amz-meta-a\", \"\"]", &[("x-amz-meta-a", "x")]));
        let images = "[\"starts-with\", \"$Content-Type\", \"image/\"]";
        assert!(keeps(images, &[("content-type", "image/png, image/gif")]));
        assert!(!keeps(images, &[("content-type", "image/png,text/html")]));
    }

    #[test]
    fn every_field_needs_a_condition_and_the_bucket_too() {
        let key = "[\"starts-with\", \"$key\", \"\"]";
        for free in ["x-ignore-a", "policy", "x-amz-signature", "signature", "awsaccesskeyid"] {
            assert!(keeps(key, &[("key", "k"), (free, "x")]), "{free}");
        }
        for covered in ["acl", "submit", "x-amz-meta-a", "x-amz-date", "xx-ignore-a", "x-amz-server-side-encryption"] {
            assert!(!keeps(key, &[("key", "k"), (covered, "x")]), "{covered}");
            let both = format!("{key}, [\"eq\", \"${covered}\", \"x\"]");
            assert!(keeps(&both, &[("key", "k"), (covered, "x")]), "{covered}");
        }
        let fields = Fields::of(&[("key", "k")]);
        assert!(policy(key).unwrap().check(&fields, "b", NOW).is_err(), "no condition on the bucket");
        let other = policy(&format!("{{\"bucket\": \"other\"}}, {key}")).unwrap();
        assert!(other.check(&fields, "b", NOW).is_err());
        assert!(!keeps(key, &[("key", "k"), ("bucket", "other")]));
        assert!(keeps(key, &[("key", "k"), ("bucket", "b")]));
    }

    #[test]
    fn a_policy_ends() {
        let policy = |expiration: &str| {
            parse(&format!("{{\"expiration\": \"{expiration}\", \"conditions\": [{{\"bucket\": \"b\"}}]}}"))
        };
        let check = |expiration: &str| policy(expiration).unwrap().check(&Fields::default(), "b", NOW).is_ok();
        assert!(check("2023-11-14T22:13:20Z") && check("2023-11-15T00:13:20+02:00"));
        assert!(!check("2023-11-14T22:13:19.999Z") && !check("1969-01-01T00:00:00Z"));
        for bad in ["tomorrow", "", "2030-01-01", "1700000000"] {
            assert_eq!(policy(bad).unwrap_err(), "InvalidPolicyDocument", "{bad}");
        }
    }

    #[test]
    fn what_is_no_policy_is_told_so() {
        for bad in [
            "",
            "[]",
            "{",
            "nonsense",
            "{\"expiration\": \"2030-01-01T00:00:00Z\"}",
            "{\"conditions\": []}",
            "{\"expiration\": 5, \"conditions\": []}",
            "{\"expiration\": \"2030-01-01T00:00:00Z\", \"CONDITIONS\": []}",
            "{\"Expiration\": \"2030-01-01T00:00:00Z\", \"conditions\": []}",
            "{\"expiration\": \"2030-01-01T00:00:00Z\", \"conditions\": [], \"more\": 1}",
            "{\"expiration\": \"2030-01-01T00:00:00Z\", \"conditions\": {}}",
        ] {
            assert_eq!(parse(bad).unwrap_err(), "InvalidPolicyDocument", "{bad}");
        }
        for bad in [
            "{}",
            "1",
            "\"eq\"",
            "[]",
            "{\"a\": 1}",
            "{\"a\": \"1\", \"b\": \"2\"}",
            "[\"eq\", \"key\", \"x\"]",
            "[\"eq\", \"$key\"]",
            "[\"eq\", \"$key\", \"x\", \"y\"]",
            "[\"eq\", \"$key\", 1]",
            "[\"ends-with\", \"$key\", \"x\"]",
            "[\"content-length-range\", 0]",
            "[\"content-length-range\", -1, 0]",
            "[\"content-length-range\", 0, \"x\"]",
            "[\"content-length-range\", 0, 1.5]",
        ] {
            assert_eq!(policy(bad).unwrap_err(), "InvalidPolicyDocument", "{bad}");
        }
        assert!(Policy::parse("not base64!").is_err());
    }

    #[test]
    fn all_ranges_of_lengths_count() {
        let lengths = |conditions: &str| policy(conditions).unwrap().lengths();
        assert_eq!(lengths(""), 0..=u64::MAX);
        assert_eq!(lengths("[\"content-length-range\", 5, \"10\"]"), 5..=10);
        assert_eq!(lengths("[\"content-length-range\", 5, 10], [\"Content-Length-Range\", 0, 7]"), 5..=7);
    }

    proptest! {
        /// Whatever is signed as a policy is read or refused, and a form is held against it.
        #[test]
        fn no_text_is_too_strange(json in "[\\[\\]{}\":,\\\\$0-9a-z-]{0,200}", field in "\\PC{0,60}", conditions in "[\\[\\]{}\",\\\\$a-z0-9]{0,80}") {
            let fields = Fields::of(&[("key", &field)]);
            for parsed in [parse(&json).ok(), policy(&conditions).ok(), Policy::parse(&field).ok()].into_iter().flatten() {
                let _ = (parsed.check(&fields, &field, NOW), parsed.lengths());
            }
            let known = policy(&format!("{{\"bucket\": {0}}}, [\"eq\", \"$key\", {0}]", Value::from(field.clone()))).unwrap();
            prop_assert!(known.check(&fields, &field, NOW).is_ok());
        }
    }

    #[test]
    fn escapes_of_policies_are_read() {
        let policy = policy(r#"["eq", "\$key", "a\$b\v\\$\"\\"]"#).unwrap();
        assert_eq!(policy.conditions, [Condition::Equals("key".into(), "a$b\u{b}\\$\"\\".into())]);
    }
}
