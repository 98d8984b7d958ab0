//! Statements: whom, what, on what, and under which conditions.

use super::Principal;
use super::caller::Named;
use super::condition::{Condition, Context};
use super::json::{OneOrMany, RawStatement};
use super::key::ConditionKey;
use super::operator::Operand;
use super::pattern::{Pattern, Syntax};
use super::s3_action::{OTHERS, On, S3Action};
use crate::name::BucketName;

/// Whether a statement allows or denies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Allow,
    Deny,
}

/// A list that a statement names, or all but a list.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Listed<T> {
    pub(super) all_but: bool,
    pub(super) list: Vec<T>,
}

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statement {
    pub(super) sid: Option<String>,
    pub(super) effect: Effect,
    pub(super) callers: Listed<Named>,
    /// Names of actions, in lower case, behind `s3:`.
    pub(super) actions: Listed<Pattern>,
    /// Buckets and objects, behind what all ARNs of S3 begin with.
    pub(super) resources: Listed<Pattern>,
    pub(super) conditions: Vec<Condition>,
}

/// What all ARNs of buckets and objects begin with.
const ARN: &str = "arn:aws:s3:::";

impl Statement {
    /// Reads a statement. The error says what is wrong.
    pub(super) fn parse(raw: &RawStatement, variables: bool) -> Result<Self, String> {
        let effect = match raw.effect.as_str() {
            "Allow" => Effect::Allow,
            "Deny" => Effect::Deny,
            other => return Err(format!("Invalid effect: {other}")),
        };
        let callers = match (&raw.principal, &raw.not_principal) {
            (Some(named), None) => Listed { all_but: false, list: Named::parse_all(named)? },
            (None, Some(_)) if effect == Effect::Allow => {
                return Err("Allow with NotPrincipal is not allowed.".to_owned());
            }
            (None, Some(named)) => Listed { all_but: true, list: Named::parse_all(named)? },
            _ => return Err("A statement needs Principal or NotPrincipal, and not both".to_owned()),
        };
        let actions = listed("Action", raw.action.as_ref(), raw.not_action.as_ref(), action)?;
        let resource = |text: &str| resource(text, variables);
        let resources = listed("Resource", raw.resource.as_ref(), raw.not_resource.as_ref(), resource)?;
        let conditions = Condition::parse_all(&raw.condition, variables)?;
        let sid = raw.sid.clone().filter(|sid| !sid.is_empty());
        Ok(Self { sid, effect, callers, actions, resources, conditions })
    }

    /// Fails unless every resource can be this bucket's, every action can be done to one of the resources, and every
    /// condition can be asked for one of the actions. The error says what is wrong.
    pub(super) fn check(&self, bucket: &BucketName) -> Result<(), String> {
        let bucket = bucket.as_str();
        for pattern in &self.resources.list {
            if !pattern.could_match(bucket) && !could_be_under(pattern, bucket) {
                return Err("Policy has invalid resource".to_owned());
            }
        }
        if self.actions.all_but {
            return Ok(());
        }
        let reaches = |on: On| match (self.resources.all_but, on) {
            (true, _) => true,
            (false, On::Bucket) => self.resources.list.iter().any(|pattern| pattern.could_match(bucket)),
            (false, On::Object) => self.resources.list.iter().any(|pattern| could_be_under(pattern, bucket)),
        };
        for pattern in &self.actions.list {
            let ours = S3Action::ALL.iter().map(|action| (action.name(), action.on()));
            let named = ours.chain(OTHERS).filter(|(name, _)| pattern.could_match(&name.to_ascii_lowercase()));
            if !named.into_iter().any(|(_, on)| reaches(on)) {
                return Err("Action does not apply to any resource(s) in statement".to_owned());
            }
        }
        let named = |action: &S3Action| self.names(*action) && reaches(action.on());
        let asked: Vec<S3Action> = S3Action::ALL.iter().copied().filter(named).collect();
        for condition in &self.conditions {
            if !asked.is_empty() && !asked.iter().any(|action| condition.key.is_of(*action)) {
                let message = "Conditions do not apply to combination of actions and resources in statement";
                return Err(message.to_owned());
            }
        }
        Ok(())
    }

    /// The keys that it asks for, by conditions and variables.
    pub(super) fn keys(&self) -> impl Iterator<Item = &ConditionKey> {
        let conditions = self.conditions.iter().map(|condition| &condition.key);
        let operands = self.conditions.iter().flat_map(|condition| &condition.operands);
        let texts = operands.filter_map(|operand| match operand {
            Operand::Text(pattern) => Some(pattern),
            _ => None,
        });
        conditions.chain(texts.chain(&self.resources.list).flat_map(Pattern::keys))
    }

    /// Whether it is about an action.
    fn names(&self, action: S3Action) -> bool {
        let name = action.name().to_ascii_lowercase();
        self.actions.list.iter().any(|pattern| pattern.could_match(&name)) != self.actions.all_but
    }

    /// Whether it is about a request: `resource` is a bucket's name, or a bucket's name and a key with a slash between them.
    pub(super) fn is_about(&self, caller: &Principal, action: S3Action, resource: &str, context: &dyn Context) -> bool {
        // What a variable without a value could mean is taken for a denial, and never for more than is allowed.
        let unknown = self.effect == Effect::Deny;
        self.names(action)
            && self.callers.list.iter().any(|named| named.is(caller)) != self.callers.all_but
            && self.covers(resource, context, unknown)
            && self.conditions.iter().all(|condition| condition.holds(context, unknown))
    }

    fn covers(&self, resource: &str, context: &dyn Context, unknown: bool) -> bool {
        let mut open = false;
        for pattern in &self.resources.list {
            match pattern.matches(resource, &|key| context.variable(key)) {
                Ok(true) => return !self.resources.all_but,
                Ok(false) => {}
                Err(()) => open = true,
            }
        }
        self.resources.all_but && (!open || unknown)
    }
}

/// Whether a pattern can stand for an object of a bucket.
fn could_be_under(pattern: &Pattern, bucket: &str) -> bool {
    pattern.could_begin_with(&format!("{bucket}/"))
}

fn listed<T>(
    what: &str,
    these: Option<&OneOrMany<String>>,
    all_but: Option<&OneOrMany<String>>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Listed<T>, String> {
    let (texts, all_but) = match (these, all_but) {
        (Some(these), None) => (these, false),
        (None, Some(these)) => (these, true),
        _ => return Err(format!("A statement needs {what} or Not{what}, and not both")),
    };
    if texts.0.is_empty() {
        return Err(format!("Missing required field {what} cannot be empty!"));
    }
    Ok(Listed { all_but, list: texts.0.iter().map(|text| parse(text)).collect::<Result<_, _>>()? })
}

/// An action of S3; their case does not count.
fn action(text: &str) -> Result<Pattern, String> {
    let invalid = || "Policy has invalid action".to_owned();
    let lower = text.to_ascii_lowercase();
    let name = if lower == "*" { "*" } else { lower.strip_prefix("s3:").ok_or_else(invalid)? };
    let pattern = Pattern::parse(name, Syntax { wildcards: true, variables: false })?;
    let ours = S3Action::ALL.iter().map(|action| action.name());
    let known = ours.chain(OTHERS.map(|(name, _)| name)).any(|name| pattern.could_match(&name.to_ascii_lowercase()));
    if known { Ok(pattern) } else { Err(invalid()) }
}

fn resource(text: &str, variables: bool) -> Result<Pattern, String> {
    let invalid = || "Policy has invalid resource".to_owned();
    let name = if text == "*" { text } else { text.strip_prefix(ARN).ok_or_else(invalid)? };
    Pattern::parse(name, Syntax { wildcards: true, variables })
}
