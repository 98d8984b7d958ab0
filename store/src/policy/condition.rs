//! Conditions: an operator, a key and the values it is held against.

use super::json::{OneOrMany, Pairs, Scalar};
use super::key::ConditionKey;
use super::operator::{Operand, Operator, Set, Test};

/// A condition of a statement.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Condition {
    pub(super) operator: Operator,
    pub(super) key: ConditionKey,
    pub(super) operands: Vec<Operand>,
    /// The name of its key, in lower case.
    pub(super) name: String,
}

/// What conditions and variables are held against.
pub(super) trait Context {
    /// The values that a request has for a key.
    fn values(&self, key: &ConditionKey) -> Vec<String>;

    /// Its value for a variable.
    fn variable(&self, key: &ConditionKey) -> Option<String> {
        self.values(key).into_iter().next()
    }
}

impl Condition {
    /// Reads all conditions of a statement. The error says what is wrong.
    pub(super) fn parse_all(raw: &Pairs<Pairs<OneOrMany<Scalar>>>, variables: bool) -> Result<Vec<Self>, String> {
        let mut conditions = Vec::new();
        for (operator_name, keys) in &raw.0 {
            let operator =
                Operator::parse(operator_name).ok_or_else(|| format!("Invalid Condition type : {operator_name}"))?;
            for (name, values) in &keys.0 {
                let key =
                    ConditionKey::parse(name).ok_or_else(|| format!("Policy has an invalid condition key: {name}"))?;
                if !operator.suits(&key) {
                    return Err(format!("{name} cannot be compared by {operator_name}"));
                }
                if values.0.is_empty() {
                    return Err(format!("The condition on {name} has no value"));
                }
                let operand = |value: &Scalar| Operand::parse(operator.test, &value.0, variables);
                let operands = values.0.iter().map(operand).collect::<Result<_, _>>()?;
                conditions.push(Self { operator, key, operands, name: name.to_ascii_lowercase() });
            }
        }
        Ok(conditions)
    }

    /// Whether it holds. A negation whose variable has no value holds if `unknown` says so.
    pub(super) fn holds(&self, context: &dyn Context, unknown: bool) -> bool {
        let Operator { test, negated, if_exists, set } = self.operator;
        let values = context.values(&self.key);
        if test == Test::Null {
            return self.operands.contains(&Operand::Bool(values.is_empty()));
        }
        let passes = |value: &String| {
            let mut open = false;
            for operand in &self.operands {
                match operand.takes(test, value, &|key| context.variable(key)) {
                    Ok(true) => return !negated,
                    Ok(false) => {}
                    Err(()) => open = true,
                }
            }
            negated && (!open || unknown)
        };
        match set {
            None if values.is_empty() => negated || if_exists,
            // Without a word on several values, one that compares is enough, and one too many for a negation.
            None if negated => values.iter().all(passes),
            None => values.iter().any(passes),
            Some(Set::All) => values.iter().all(passes),
            Some(Set::Any) if values.is_empty() => if_exists,
            Some(Set::Any) => values.iter().any(passes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    struct Given(HashMap<&'static str, Vec<&'static str>>);

    impl Context for Given {
        fn values(&self, key: &ConditionKey) -> Vec<String> {
            let found = self.0.iter().find(|(name, _)| ConditionKey::parse(name).as_ref() == Some(key));
            found.map(|(_, values)| values.iter().map(|value| (*value).to_owned()).collect()).unwrap_or_default()
        }
    }

    fn holds(json: &str, given: &[(&'static str, &[&'static str])]) -> bool {
        let raw = serde_json::from_str(json).unwrap();
        let context = Given(given.iter().map(|(name, values)| (*name, values.to_vec())).collect());
        Condition::parse_all(&raw, true).unwrap().iter().all(|condition| condition.holds(&context, false))
    }

    const PREFIX: &str = "s3:prefix";
    const TAGS: &str = "s3:RequestObjectTagKeys";

    #[test]
    fn a_missing_key_fails_what_compares_and_passes_what_does_not() {
        let with = |operator: &str| holds(&format!(r#"{{"{operator}": {{"s3:prefix": "a"}}}}"#), &[]);
        assert!(!with("StringEquals") && with("StringNotEquals") && with("StringEqualsIfExists"));
        assert!(with("StringNotEqualsIfExists") && !with("ForAnyValue:StringEquals"));
        assert!(with("ForAllValues:StringEquals") && with("ForAllValues:StringNotEquals"));
        assert!(!with("ForAnyValue:StringNotEquals") && with("ForAnyValue:StringEqualsIfExists"));
        let null = |value: &str| holds(&format!(r#"{{"Null": {{"s3:prefix": {value}}}}}"#), &[]);
        assert!(null("true") && null("\"true\"") && !null("false"));
        assert!(holds(r#"{"Null": {"s3:prefix": "false"}}"#, &[(PREFIX, &["x"])]));
    }

    #[test]
    fn one_value_of_the_policy_is_enough_and_none_may_match_a_negation() {
        let with = |operator: &str, value: &'static str| {
            holds(&format!(r#"{{"{operator}": {{"s3:prefix": ["a", "b"]}}}}"#), &[(PREFIX, &[value])])
        };
        assert!(with("StringEquals", "b") && !with("StringEquals", "c"));
        assert!(!with("StringNotEquals", "b") && with("StringNotEquals", "c"));
    }

    #[test]
    fn several_values_of_a_request_are_asked_all_or_any() {
        let with = |operator: &str, values: &[&'static str]| {
            holds(&format!(r#"{{"{operator}": {{"s3:RequestObjectTagKeys": ["a", "b"]}}}}"#), &[(TAGS, values)])
        };
        assert!(with("ForAllValues:StringEquals", &["a", "b"]) && !with("ForAllValues:StringEquals", &["a", "c"]));
        assert!(with("ForAnyValue:StringEquals", &["c", "b"]) && !with("ForAnyValue:StringEquals", &["c"]));
        assert!(with("ForAllValues:StringNotEquals", &["c"]) && !with("ForAllValues:StringNotEquals", &["a", "c"]));
        assert!(with("ForAnyValue:StringNotEquals", &["a", "c"]) && !with("ForAnyValue:StringNotEquals", &["a", "b"]));
    }

    #[test]
    fn all_conditions_must_hold() {
        let json = r#"{"StringLike": {"s3:prefix": "a*"}, "NumericLessThan": {"s3:max-keys": "10"}}"#;
        assert!(holds(json, &[(PREFIX, &["ab"]), ("s3:max-keys", &["9"])]));
        assert!(!holds(json, &[(PREFIX, &["ab"]), ("s3:max-keys", &["10"])]));
        assert!(!holds(json, &[(PREFIX, &["b"]), ("s3:max-keys", &["9"])]));
    }

    #[test]
    fn a_variable_without_a_value_never_widens_what_is_allowed() {
        let raw = serde_json::from_str(r#"{"StringNotEquals": {"s3:prefix": "${aws:userid}"}}"#).unwrap();
        let conditions = Condition::parse_all(&raw, true).unwrap();
        let context = Given(HashMap::from([(PREFIX, vec!["x"])]));
        assert!(!conditions[0].holds(&context, false), "for an Allow");
        assert!(conditions[0].holds(&context, true), "for a Deny");
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for json in [
            r#"{"StringIs": {"s3:prefix": "a"}}"#,
            r#"{"StringEquals": {"s3:unknown": "a"}}"#,
            r#"{"StringEquals": {"s3:prefix": []}}"#,
            r#"{"StringEquals": {"aws:CurrentTime": "2026-01-01"}}"#,
            r#"{"IpAddress": {"aws:SourceIp": "here"}}"#,
        ] {
            assert!(Condition::parse_all(&serde_json::from_str(json).unwrap(), true).is_err(), "{json}");
        }
    }
}
