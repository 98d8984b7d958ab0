//! Whom statements are about, and who asks. Organisations are the accounts, and their keys are the users.

use super::json::{OneOrMany, RawPrincipal};
use super::{KeyPrincipal, Principal};
use crate::id::{KeyId, OrgId};

/// Whom a statement names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// Everybody, also without credentials.
    Everybody,
    /// All keys of an organisation.
    Org(OrgId),
    /// One key of an organisation.
    Key(OrgId, KeyId),
}

const ARN: &str = "arn:aws:iam::";

impl Named {
    /// Reads the callers of a statement. The error says what is wrong.
    pub(super) fn parse_all(raw: &RawPrincipal) -> Result<Vec<Self>, String> {
        let invalid = || "Invalid principal in policy".to_owned();
        let kinds = match raw {
            RawPrincipal::Text(text) if text == "*" => return Ok(vec![Self::Everybody]),
            RawPrincipal::Text(_) => return Err(invalid()),
            RawPrincipal::Kinds(kinds) => &kinds.0,
        };
        let mut all = Vec::new();
        for (kind, OneOrMany(names)) in kinds {
            for name in names {
                let named = match kind.as_str() {
                    "AWS" => Self::of(name),
                    "CanonicalUser" => OrgId::parse(name).map(Self::Org),
                    // No service of AWS and no provider of identities ever asks here.
                    _ => None,
                };
                all.push(named.ok_or_else(invalid)?);
            }
        }
        if all.is_empty() { Err(invalid()) } else { Ok(all) }
    }

    fn of(name: &str) -> Option<Self> {
        let Some(arn) = name.strip_prefix(ARN) else {
            return if name == "*" { Some(Self::Everybody) } else { OrgId::parse(name).map(Self::Org) };
        };
        let (org, user) = arn.split_once(':')?;
        let org = OrgId::parse(org)?;
        match user.strip_prefix("user/") {
            Some(key) => KeyId::parse(key).map(|key| Self::Key(org, key)),
            None => (user == "root").then_some(Self::Org(org)),
        }
    }

    /// Whether it names that caller.
    pub(super) fn is(self, caller: &Principal) -> bool {
        match (self, caller) {
            (Self::Everybody, _) => true,
            (_, Principal::Anonymous) => false,
            (Self::Org(org), Principal::Key(key)) => org == key.org,
            (Self::Key(org, id), Principal::Key(key)) => org == key.org && id == key.key,
        }
    }

    /// The organisation it names.
    pub(super) fn org(self) -> Option<OrgId> {
        match self {
            Self::Everybody => None,
            Self::Org(org) | Self::Key(org, _) => Some(org),
        }
    }
}

/// A key as an ARN.
pub(super) fn arn(key: &KeyPrincipal) -> String {
    format!("{ARN}{}:user/{}", key.org, key.key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Scopes;

    fn parse(json: &str) -> Result<Vec<Named>, String> {
        Named::parse_all(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn organisations_and_keys_are_named_by_id_or_arn() {
        let (org, key) = (OrgId([2; 16]), KeyId([1; 16]));
        assert_eq!(parse("\"*\""), Ok(vec![Named::Everybody]));
        assert_eq!(parse(r#"{"AWS": "*"}"#), Ok(vec![Named::Everybody]));
        let list =
            format!(r#"{{"AWS": ["{org}", "{ARN}{org}:root", "{ARN}{org}:user/{key}"], "CanonicalUser": "{org}"}}"#);
        assert_eq!(parse(&list), Ok(vec![Named::Org(org), Named::Org(org), Named::Key(org, key), Named::Org(org)]));
    }

    #[test]
    fn others_are_refused() {
        let org = OrgId([2; 16]);
        for bad in [
            "\"everybody\"".to_owned(),
            "{}".to_owned(),
            r#"{"AWS": []}"#.to_owned(),
            r#"{"AWS": "123456789012"}"#.to_owned(),
            r#"{"CanonicalUser": "*"}"#.to_owned(),
            r#"{"Service": "cloudtrail.amazonaws.com"}"#.to_owned(),
            format!(r#"{{"AWS": "{ARN}{org}:*"}}"#),
            format!(r#"{{"AWS": "{ARN}{org}:role/x"}}"#),
            format!(r#"{{"AWS": "{ARN}*:root"}}"#),
        ] {
            assert!(parse(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn nobody_is_named_but_with_everybody() {
        let (org, key) = (OrgId([2; 16]), KeyId([1; 16]));
        let caller =
            |org, key| Principal::Key(KeyPrincipal { key, org, scopes: Scopes::ALL, buckets: None, expires_ms: None });
        assert!(Named::Everybody.is(&Principal::Anonymous));
        assert!(!Named::Org(org).is(&Principal::Anonymous));
        assert!(Named::Org(org).is(&caller(org, key)) && !Named::Org(org).is(&caller(OrgId([3; 16]), key)));
        assert!(Named::Key(org, key).is(&caller(org, key)) && !Named::Key(org, key).is(&caller(org, KeyId([9; 16]))));
    }
}
