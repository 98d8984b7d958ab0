//! A bucket's policy: read from its JSON, stored as the text it was given as, and evaluated.
//!
//! A policy *is* JSON: it is the language of the thing, not a form that some door gives it. So it is read here.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::condition::Context;
use super::json::RawPolicy;
use super::key::ConditionKey;
use super::s3_action::S3Action;
use super::statement::{Effect, Statement};
use super::{Action, Principal, public};
use crate::bucket::{Bucket, Document, DocumentKind};
use crate::error::{Error, ErrorKind, Result};
use crate::id::OrgId;
use crate::limit;
use crate::meta::Record;

/// The version of the language that has variables.
const WITH_VARIABLES: &str = "2012-10-17";
/// The version before it, which is that of a policy that names none.
const WITHOUT_VARIABLES: &str = "2008-10-17";

/// A bucket's policy. Only its text is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BucketPolicy {
    text: String,
    pub(super) statements: Vec<Statement>,
    /// Whether it asks for tags that objects have.
    pub(super) asks_for_tags: bool,
}

/// What a policy says of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A statement denies it.
    Denied,
    /// A statement allows it, and none denies it.
    Allowed,
    /// No statement is about it.
    Silent,
}

impl BucketPolicy {
    /// Reads a policy. `MalformedPolicy` for what is not one, and for what nobody here understands: an action, a condition's
    /// operator or key, or a caller.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > limit::POLICY_BYTES_MAX {
            let message = "Normalized policy document exceeds the maximum allowed size of 20480 bytes.";
            return Err(malformed(message));
        }
        let raw: RawPolicy =
            serde_json::from_str(text).map_err(|error| malformed(format!("Invalid policy: {error}")))?;
        let variables = match raw.version.as_deref() {
            Some(WITH_VARIABLES) => true,
            Some(WITHOUT_VARIABLES) | None => false,
            Some(_) => return Err(malformed("The policy must contain a valid version string")),
        };
        let read = |raw| Statement::parse(raw, variables);
        let statements = raw.statement.0.iter().map(read).collect::<Result<Vec<_>, _>>().map_err(malformed)?;
        if statements.is_empty() {
            return Err(malformed("Could not parse the policy: Statement is empty!"));
        }
        let mut known = HashSet::new();
        if !statements.iter().filter_map(|statement| statement.sid.as_deref()).all(|sid| known.insert(sid)) {
            return Err(malformed("Statement IDs (SID) in a single policy must be unique."));
        }
        let is_tag = |key: &ConditionKey| matches!(key, ConditionKey::ExistingObjectTag(_));
        let asks_for_tags = statements.iter().any(|statement| statement.keys().any(is_tag));
        Ok(Self { text: text.to_owned(), statements, asks_for_tags })
    }

    /// The text, as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it lets in people that its owner does not know, by S3's own definition of that.
    pub fn is_public(&self) -> bool {
        self.statements.iter().any(public::is_public)
    }

    /// The organisations that it names.
    pub(crate) fn orgs(&self) -> impl Iterator<Item = OrgId> {
        self.statements.iter().flat_map(|statement| &statement.callers.list).filter_map(|named| named.org())
    }

    /// What it says of a request: a denial counts for more than any permission. `resource` is a bucket's name, or a bucket's
    /// name and a key with a slash between them.
    pub(super) fn evaluate(
        &self,
        caller: &Principal,
        action: S3Action,
        resource: &str,
        context: &dyn Context,
    ) -> Verdict {
        let mut verdict = Verdict::Silent;
        for statement in &self.statements {
            if verdict == Verdict::Allowed && statement.effect == Effect::Allow {
                continue;
            }
            if statement.is_about(caller, action, resource, context) {
                match statement.effect {
                    Effect::Deny => return Verdict::Denied,
                    Effect::Allow => verdict = Verdict::Allowed,
                }
            }
        }
        verdict
    }
}

impl TryFrom<String> for BucketPolicy {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<BucketPolicy> for String {
    fn from(policy: BucketPolicy) -> Self {
        policy.text
    }
}

impl Record for BucketPolicy {
    const VERSION: u8 = 1;
}

impl Document for BucketPolicy {
    const KIND: DocumentKind = DocumentKind::Policy;
    const CHANGE: Action = Action::PutBucketPolicy;

    fn check(&self, bucket: &Bucket) -> Result<()> {
        let mut keys = self.statements.iter().flat_map(Statement::keys);
        let upstream = |key: &ConditionKey| matches!(key, ConditionKey::ExistingObjectTag(_) | ConditionKey::VersionId);
        if bucket.row.documents.has(DocumentKind::Link) && keys.any(upstream) {
            return Err(malformed("The tags and versions of a linked bucket's objects are not known here."));
        }
        self.statements.iter().try_for_each(|statement| statement.check(&bucket.row.name)).map_err(malformed)
    }
}

pub(super) fn malformed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::MalformedPolicy, message)
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
