//! Access control lists: who may do what with one bucket or one object, beside what policies say.

use serde::{Deserialize, Serialize};

use crate::bucket::{Document, DocumentKind};
use crate::error::{Error, ErrorKind, Result};
use crate::id::OrgId;
use crate::limit;
use crate::meta::Record;
use crate::policy::{Action, Principal};

/// An access control list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acl {
    /// Who owns the bucket or the object.
    pub owner: OrgId,
    /// What is granted, in the order in which it is shown.
    pub grants: Vec<AclGrant>,
}

/// One line of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AclGrant {
    /// To whom.
    pub grantee: Grantee,
    /// What.
    pub permission: Permission,
}

/// Whom a line of a list is about. New ones come last: their order is their form on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Grantee {
    /// An organisation.
    Org(OrgId),
    /// Everybody, also without credentials.
    AllUsers,
    /// Everybody with credentials.
    AuthenticatedUsers,
    /// Those who deliver logs: nobody here.
    LogDelivery,
}

/// What a line of a list grants. New ones come last: their order is their form on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Permission {
    /// All of the others.
    FullControl,
    /// Reading the object, or listing the bucket.
    Read,
    /// Writing objects into the bucket.
    Write,
    /// Reading the list.
    ReadAcp,
    /// Writing the list.
    WriteAcp,
}

impl Acl {
    /// The list that grants everything to the owner and nothing to anybody else.
    pub fn private(owner: OrgId) -> Self {
        Self { owner, grants: vec![AclGrant { grantee: Grantee::Org(owner), permission: Permission::FullControl }] }
    }

    /// Whether it grants something to people that the owner does not know.
    pub fn is_public(&self) -> bool {
        self.grants.iter().any(|grant| grant.grantee.is_public())
    }

    /// Whether it allows a caller something. Public lines do not count where they are ignored. Its owner may always read it
    /// and write it.
    pub(crate) fn allows(&self, caller: &Principal, wanted: Permission, ignore_public: bool) -> bool {
        let org = match caller {
            Principal::Key(key) => Some(key.org),
            Principal::Anonymous => None,
        };
        let is = |grantee: Grantee| match grantee {
            Grantee::Org(granted) => org == Some(granted),
            Grantee::AllUsers => !ignore_public,
            Grantee::AuthenticatedUsers => !ignore_public && org.is_some(),
            Grantee::LogDelivery => false,
        };
        let mut grants = self.grants.iter().filter(|grant| is(grant.grantee)).map(|grant| grant.permission);
        grants.any(|granted| granted == wanted || granted == Permission::FullControl)
            || (matches!(wanted, Permission::ReadAcp | Permission::WriteAcp) && org == Some(self.owner))
    }

    /// `InvalidArgument` for a list that is too long.
    pub(crate) fn check(&self) -> Result<()> {
        if self.grants.len() <= limit::ACL_GRANTS_MAX {
            return Ok(());
        }
        Err(Error::new(ErrorKind::InvalidArgument, "An access control list has at most 100 grants."))
    }

    /// The organisations on it.
    pub(crate) fn orgs(&self) -> impl Iterator<Item = OrgId> {
        let granted = self.grants.iter().filter_map(|grant| match grant.grantee {
            Grantee::Org(org) => Some(org),
            Grantee::AllUsers | Grantee::AuthenticatedUsers | Grantee::LogDelivery => None,
        });
        granted.chain([self.owner])
    }

    /// As it is kept with an object: not at all if it says no more than its absence.
    pub(crate) fn of_object(self, bucket_owner: OrgId) -> Option<Self> {
        Some(self).filter(|acl| *acl != Self::private(bucket_owner))
    }
}

impl Grantee {
    /// Whether it stands for people that nobody knows.
    fn is_public(self) -> bool {
        matches!(self, Self::AllUsers | Self::AuthenticatedUsers)
    }
}

/// A bucket's access control list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketAcl(pub Acl);

impl Record for BucketAcl {
    const VERSION: u8 = 1;
}

impl Document for BucketAcl {
    const KIND: DocumentKind = DocumentKind::Acl;
    const CHANGE: Action = Action::PutBucketAcl;
}

/// A list with a name of its own (S3: "Canned ACL").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Canned {
    /// Nothing for others.
    Private,
    /// Everybody reads.
    PublicRead,
    /// Everybody reads and writes.
    PublicReadWrite,
    /// Everybody with credentials reads.
    AuthenticatedRead,
    /// The bucket's owner reads.
    BucketOwnerRead,
    /// The bucket's owner does everything.
    BucketOwnerFullControl,
    /// A service of AWS reads: as `Private`, since it never asks here.
    AwsExecRead,
    /// Those who deliver logs write.
    LogDeliveryWrite,
}

impl Canned {
    const NAMES: [(Self, &'static str); 8] = [
        (Self::Private, "private"),
        (Self::PublicRead, "public-read"),
        (Self::PublicReadWrite, "public-read-write"),
        (Self::AuthenticatedRead, "authenticated-read"),
        (Self::BucketOwnerRead, "bucket-owner-read"),
        (Self::BucketOwnerFullControl, "bucket-owner-full-control"),
        (Self::AwsExecRead, "aws-exec-read"),
        (Self::LogDeliveryWrite, "log-delivery-write"),
    ];

    /// The list of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(canned, _)| *canned)
    }

    fn of(self, owner: OrgId, bucket_owner: OrgId) -> Acl {
        let others: &[(Grantee, Permission)] = match self {
            Self::Private | Self::AwsExecRead => &[],
            Self::PublicRead => &[(Grantee::AllUsers, Permission::Read)],
            Self::PublicReadWrite => &[(Grantee::AllUsers, Permission::Read), (Grantee::AllUsers, Permission::Write)],
            Self::AuthenticatedRead => &[(Grantee::AuthenticatedUsers, Permission::Read)],
            Self::BucketOwnerRead => &[(Grantee::Org(bucket_owner), Permission::Read)],
            Self::BucketOwnerFullControl => &[(Grantee::Org(bucket_owner), Permission::FullControl)],
            Self::LogDeliveryWrite => {
                &[(Grantee::LogDelivery, Permission::Write), (Grantee::LogDelivery, Permission::ReadAcp)]
            }
        };
        let mut acl = Acl::private(owner);
        let others = others.iter().filter(|(grantee, _)| *grantee != Grantee::Org(owner));
        acl.grants.extend(others.map(|(grantee, permission)| AclGrant { grantee: *grantee, permission: *permission }));
        acl
    }
}

/// A list as a request says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaidAcl {
    /// By its name.
    Canned(Canned),
    /// Line by line; the owner may be named beside.
    Listed {
        /// Who is said to own it.
        owner: Option<OrgId>,
        /// The lines.
        grants: Vec<AclGrant>,
    },
}

impl SaidAcl {
    /// The list of what has that owner. `AccessDenied` if another one is named: a list does not change it.
    pub(crate) fn of(&self, owner: OrgId, bucket_owner: OrgId) -> Result<Acl> {
        match self {
            Self::Canned(canned) => Ok(canned.of(owner, bucket_owner)),
            Self::Listed { owner: Some(said), .. } if *said != owner => {
                Err(Error::new(ErrorKind::AccessDenied, "Access Denied"))
            }
            Self::Listed { grants, .. } => Ok(Acl { owner, grants: grants.clone() }),
        }
    }

    /// Whether it says no more than what holds where lists do not count.
    pub(crate) fn is_harmless(&self) -> bool {
        matches!(self, Self::Canned(Canned::Private | Canned::BucketOwnerFullControl))
    }

    /// Whether it is that list, line by line.
    pub(crate) fn spells_out(&self, acl: &Acl) -> bool {
        match self {
            Self::Canned(_) => false,
            Self::Listed { owner, grants } => owner.is_none_or(|owner| owner == acl.owner) && *grants == acl.grants,
        }
    }

    /// Whether it hands an object over to the bucket's owner, where that is preferred.
    pub(crate) fn hands_over(&self) -> bool {
        matches!(self, Self::Canned(Canned::BucketOwnerFullControl))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::KeyId;
    use crate::key::Scopes;
    use crate::policy::KeyPrincipal;

    const MINE: OrgId = OrgId([2; 16]);
    const OTHER: OrgId = OrgId([3; 16]);

    fn key_of(org: OrgId) -> Principal {
        Principal::Key(KeyPrincipal { key: KeyId([1; 16]), org, scopes: Scopes::ALL, buckets: None, expires_ms: None })
    }

    fn canned(name: &str) -> Acl {
        Canned::parse(name).unwrap().of(OTHER, MINE)
    }

    #[test]
    fn canned_lists_name_the_owner_first_and_exactly_their_others() {
        use Grantee::{AllUsers, AuthenticatedUsers, LogDelivery, Org};
        use Permission::{FullControl, Read, ReadAcp, Write};
        for (name, others) in [
            ("private", vec![]),
            ("public-read", vec![(AllUsers, Read)]),
            ("public-read-write", vec![(AllUsers, Read), (AllUsers, Write)]),
            ("authenticated-read", vec![(AuthenticatedUsers, Read)]),
            ("bucket-owner-read", vec![(Org(MINE), Read)]),
            ("bucket-owner-full-control", vec![(Org(MINE), FullControl)]),
            ("aws-exec-read", vec![]),
            ("log-delivery-write", vec![(LogDelivery, Write), (LogDelivery, ReadAcp)]),
        ] {
            let grants: Vec<_> = canned(name).grants.iter().map(|grant| (grant.grantee, grant.permission)).collect();
            assert_eq!(grants, [vec![(Org(OTHER), FullControl)], others].concat(), "{name}");
        }
        assert_eq!(Canned::parse("public"), None);
        let own = Canned::BucketOwnerFullControl.of(MINE, MINE);
        assert_eq!(own, Acl::private(MINE), "nobody is named twice");
    }

    #[test]
    fn a_list_allows_whom_it_names_what_it_grants() {
        let nobody = Principal::Anonymous;
        let read = |name: &str, caller: &Principal, ignore| canned(name).allows(caller, Permission::Read, ignore);
        assert!(read("public-read", &nobody, false) && read("public-read", &key_of(MINE), false));
        assert!(!read("public-read", &nobody, true) && !read("authenticated-read", &key_of(MINE), true));
        assert!(!read("authenticated-read", &nobody, false) && read("authenticated-read", &key_of(MINE), false));
        assert!(read("bucket-owner-read", &key_of(MINE), true) && !read("bucket-owner-read", &nobody, false));
        assert!(read("private", &key_of(OTHER), true) && !read("private", &key_of(MINE), false));
        assert!(!canned("public-read").allows(&nobody, Permission::Write, false));
        assert!(!canned("log-delivery-write").allows(&nobody, Permission::Write, false));
    }

    #[test]
    fn an_owner_who_granted_himself_nothing_can_still_mend_the_list() {
        let acl = Acl { owner: OTHER, grants: vec![] };
        let may = |org, permission| acl.allows(&key_of(org), permission, false);
        assert!(may(OTHER, Permission::ReadAcp) && may(OTHER, Permission::WriteAcp) && !may(OTHER, Permission::Read));
        assert!(!may(MINE, Permission::ReadAcp));
    }

    #[test]
    fn public_is_what_grants_anything_to_people_that_nobody_knows() {
        for (name, public) in [("public-read", true), ("authenticated-read", true), ("log-delivery-write", false)] {
            assert_eq!(canned(name).is_public(), public, "{name}");
        }
        assert!(!Acl::private(MINE).is_public());
    }

    #[test]
    fn a_list_does_not_change_the_owner_and_is_not_too_long() {
        let grants = Acl::private(OTHER).grants;
        let said = |owner| SaidAcl::Listed { owner, grants: grants.clone() };
        assert_eq!(said(None).of(MINE, MINE).unwrap().owner, MINE);
        assert_eq!(said(Some(MINE)).of(MINE, MINE).unwrap().grants, grants);
        assert_eq!(said(Some(OTHER)).of(MINE, MINE).unwrap_err().kind(), ErrorKind::AccessDenied);
        let long = |lines| Acl { owner: MINE, grants: vec![grants[0]; lines] }.check().is_ok();
        assert!(long(limit::ACL_GRANTS_MAX) && !long(limit::ACL_GRANTS_MAX + 1));
    }

    #[test]
    fn a_private_list_of_the_bucket_s_owner_is_not_kept() {
        assert_eq!(Acl::private(MINE).of_object(MINE), None);
        assert!(Acl::private(OTHER).of_object(MINE).is_some());
    }
}
