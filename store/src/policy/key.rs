//! The keys that conditions and policy variables ask for: those of all services of AWS that can have a meaning here, and
//! those of S3 (Service Authorization Reference, "Condition keys for Amazon S3"). A policy that names another is refused.

use super::s3_action::S3Action;

/// What a condition asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ConditionKey {
    /// The time, as seconds since the epoch with a fraction.
    CurrentTime,
    /// The time, as whole seconds since the epoch.
    EpochTime,
    /// The caller's organisation.
    PrincipalAccount,
    /// The caller's ARN.
    PrincipalArn,
    /// What kind of caller it is.
    PrincipalType,
    /// The caller's key. Keys are the users of an organisation, and have no other name.
    UserId,
    /// The organisation that owns the bucket.
    ResourceAccount,
    /// The version that the request names.
    VersionId,
    /// A tag that the object has.
    ExistingObjectTag(String),
    /// What the request says.
    Told(Fact),
    /// No, for every request: none comes from a service of AWS.
    No,
    /// Never there: a key of things that this gateway does not have.
    Never,
}

/// What only the door knows of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// `true` or `false`: whether it came over TLS.
    SecureTransport,
    /// The client's address.
    SourceIp,
    /// The User-Agent header.
    UserAgent,
    /// The Referer header.
    Referer,
    /// The region that was asked.
    RequestedRegion,
    /// How it was signed: `REST-HEADER`, `REST-QUERY-STRING` or `POST`.
    AuthType,
    /// Milliseconds since it was signed.
    SignatureAge,
    /// `AWS4-HMAC-SHA256` or `AWS`.
    SignatureVersion,
    /// A header, by its name in lower case.
    Header(&'static str),
    /// A parameter, by its name.
    Parameter(&'static str),
    /// The location constraint of a bucket to make.
    LocationConstraint,
    /// The value of a tag that the object is given.
    RequestObjectTag(String),
    /// The keys of the tags that the object is given.
    RequestObjectTagKeys,
    /// The mode of the lock that the object is given.
    LockMode,
    /// The legal hold that the object is given: `ON` or `OFF`.
    LegalHold,
    /// Until when the object is to be locked.
    RetainUntil,
    /// For how many days from now the object is to be locked.
    RetentionDays,
}

/// What the door tells of a request, when a policy asks for it.
pub trait Facts: Sync {
    /// The values of a fact; of most there is one or none.
    fn tell(&self, fact: &Fact) -> Vec<String>;
}

/// Keys that S3 knows and that no request to this gateway ever has.
const NEVER: [&str; 32] = [
    "aws:calledvia",
    "aws:calledviafirst",
    "aws:calledvialast",
    "aws:ec2instancesourceprivateipv4",
    "aws:ec2instancesourcevpc",
    "aws:federatedprovider",
    "aws:multifactorauthage",
    "aws:multifactorauthpresent",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalservicename",
    "aws:principalservicenameslist",
    "aws:resourceorgid",
    "aws:resourceorgpaths",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceidentity",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpcarn",
    "aws:sourcevpce",
    "aws:tokenissuetime",
    "aws:vpceaccount",
    "aws:vpceorgid",
    "aws:vpceorgpaths",
    "aws:vpcsourceip",
    "s3:accessgrantsinstancearn",
    "s3:accesspointnetworkorigin",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
];

impl ConditionKey {
    /// The key of that name; their case does not count. `None` if there is no such key.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let lower = name.to_ascii_lowercase();
        // A tag's own key keeps its case.
        let tag = |prefix: &str| {
            let tag = name.get(prefix.len()..).filter(|tag| lower.starts_with(prefix) && !tag.is_empty());
            tag.map(str::to_owned)
        };
        if let Some(tag) = tag("s3:existingobjecttag/") {
            return Some(Self::ExistingObjectTag(tag));
        }
        if let Some(tag) = tag("s3:requestobjecttag/") {
            return Some(Self::Told(Fact::RequestObjectTag(tag)));
        }
        if NEVER.contains(&lower.as_str()) {
            return Some(Self::Never);
        }
        if let Some(header) = header(&lower) {
            return Some(Self::Told(Fact::Header(header)));
        }
        let fact = match lower.as_str() {
            "aws:currenttime" => return Some(Self::CurrentTime),
            "aws:epochtime" => return Some(Self::EpochTime),
            "aws:principalaccount" => return Some(Self::PrincipalAccount),
            "aws:principalarn" => return Some(Self::PrincipalArn),
            "aws:principaltype" => return Some(Self::PrincipalType),
            "aws:userid" | "aws:username" => return Some(Self::UserId),
            "aws:principalisawsservice" | "aws:viaawsservice" => return Some(Self::No),
            "aws:resourceaccount" | "s3:resourceaccount" => return Some(Self::ResourceAccount),
            "s3:versionid" => return Some(Self::VersionId),
            "aws:securetransport" => Fact::SecureTransport,
            "aws:sourceip" => Fact::SourceIp,
            "aws:useragent" => Fact::UserAgent,
            "aws:referer" => Fact::Referer,
            "aws:requestedregion" => Fact::RequestedRegion,
            "s3:authtype" => Fact::AuthType,
            "s3:signatureage" => Fact::SignatureAge,
            "s3:signatureversion" => Fact::SignatureVersion,
            "s3:prefix" => Fact::Parameter("prefix"),
            "s3:delimiter" => Fact::Parameter("delimiter"),
            "s3:max-keys" => Fact::Parameter("max-keys"),
            "s3:locationconstraint" => Fact::LocationConstraint,
            "s3:requestobjecttagkeys" => Fact::RequestObjectTagKeys,
            "s3:object-lock-mode" => Fact::LockMode,
            "s3:object-lock-legal-hold" => Fact::LegalHold,
            "s3:object-lock-retain-until-date" => Fact::RetainUntil,
            "s3:object-lock-remaining-retention-days" => Fact::RetentionDays,
            _ => return None,
        };
        Some(Self::Told(fact))
    }

    /// Whether a request can have several values for it.
    pub(super) fn is_list(&self) -> bool {
        matches!(self, Self::Told(Fact::RequestObjectTagKeys))
    }

    /// Whether a request for that action can have a value for it. What a client adds to a request that does not use it is
    /// not looked at, or a listing's prefix on a read would say what it likes.
    pub(super) fn is_of(&self, action: S3Action) -> bool {
        use S3Action as A;
        let write = matches!(action, A::PutObject);
        let acl = matches!(action, A::PutObjectAcl | A::PutObjectVersionAcl | A::PutBucketAcl | A::CreateBucket);
        match self {
            Self::ExistingObjectTag(_) => action.reads_tags(),
            Self::VersionId => action.is_on_object(),
            Self::Told(fact) => match fact {
                Fact::Header("x-amz-content-sha256") => true,
                Fact::Header("if-match") => write || matches!(action, A::DeleteObject),
                Fact::Header("x-amz-object-ownership") => {
                    matches!(action, A::CreateBucket | A::PutBucketOwnershipControls)
                }
                Fact::Header(name) if *name == "x-amz-acl" || name.starts_with("x-amz-grant-") => write || acl,
                Fact::Header(_) => write,
                Fact::Parameter(_) => matches!(action, A::ListBucket | A::ListBucketVersions),
                Fact::LocationConstraint => matches!(action, A::CreateBucket),
                Fact::RequestObjectTag(_) | Fact::RequestObjectTagKeys => {
                    write || matches!(action, A::PutObjectTagging | A::PutObjectVersionTagging)
                }
                Fact::LegalHold => write || matches!(action, A::PutObjectLegalHold),
                Fact::LockMode | Fact::RetainUntil | Fact::RetentionDays => {
                    write || matches!(action, A::PutObjectRetention | A::BypassGovernanceRetention)
                }
                _ => true,
            },
            _ => true,
        }
    }
}

/// The header that a key of S3 stands for.
fn header(key: &str) -> Option<&'static str> {
    const HEADERS: [&str; 17] = [
        "if-match",
        "if-none-match",
        "x-amz-acl",
        "x-amz-content-sha256",
        "x-amz-copy-source",
        "x-amz-grant-full-control",
        "x-amz-grant-read",
        "x-amz-grant-read-acp",
        "x-amz-grant-write",
        "x-amz-grant-write-acp",
        "x-amz-metadata-directive",
        "x-amz-object-ownership",
        "x-amz-server-side-encryption",
        "x-amz-server-side-encryption-aws-kms-key-id",
        "x-amz-server-side-encryption-customer-algorithm",
        "x-amz-storage-class",
        "x-amz-website-redirect-location",
    ];
    let name = key.strip_prefix("s3:")?;
    HEADERS.into_iter().find(|header| *header == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_whatever_their_case_but_tags_keep_theirs() {
        let key = |name| ConditionKey::parse(name);
        assert_eq!(key("aws:SourceIp"), Some(ConditionKey::Told(Fact::SourceIp)));
        assert_eq!(key("AWS:sourceip"), key("aws:SourceIp"));
        assert_eq!(key("s3:x-amz-acl"), Some(ConditionKey::Told(Fact::Header("x-amz-acl"))));
        assert_eq!(key("s3:ExistingObjectTag/Team"), Some(ConditionKey::ExistingObjectTag("Team".to_owned())));
        assert_eq!(key("aws:SourceVpc"), Some(ConditionKey::Never));
        for unknown in ["", "aws:", "s3:x-amz-meta-a", "s3:ExistingObjectTag/", "s3:nothing", "ec2:Region", "prefix"] {
            assert_eq!(key(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn a_request_says_only_what_its_action_uses() {
        let of = |name, action| ConditionKey::parse(name).unwrap().is_of(action);
        assert!(of("s3:prefix", S3Action::ListBucket) && !of("s3:prefix", S3Action::GetObject));
        assert!(of("s3:x-amz-acl", S3Action::PutObject) && !of("s3:x-amz-acl", S3Action::GetObject));
        assert!(of("s3:x-amz-copy-source", S3Action::PutObject) && !of("s3:x-amz-copy-source", S3Action::DeleteObject));
        assert!(of("s3:ExistingObjectTag/a", S3Action::GetObject));
        assert!(!of("s3:ExistingObjectTag/a", S3Action::ListBucket));
        assert!(of("aws:SourceIp", S3Action::GetObject) && of("s3:authType", S3Action::ListBucket));
    }
}
