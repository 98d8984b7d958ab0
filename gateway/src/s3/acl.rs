//! Access control lists of buckets and objects: by their names, by headers, and as XML.

use http::HeaderMap;
use s3s::dto::{
    self, AccessControlPolicy, GetBucketAclInput, GetBucketAclOutput, GetObjectAclInput, GetObjectAclOutput,
    PutBucketAclInput, PutBucketAclOutput, PutObjectAclInput, PutObjectAclOutput, Type,
};
use s3s::{S3Error, S3Request, S3Response, S3Result};
use windlass_store::acl::{Acl, AclGrant, Canned, Grantee, Permission, SaidAcl};
use windlass_store::id::OrgId;

use super::call::{self, Call, text};
use super::error::{self, invalid_argument, invalid_request};
use super::service::Operations;
use super::{extras, list};

/// The groups that a list can name.
const GROUPS: [(Grantee, &str); 3] = [
    (Grantee::AllUsers, "http://acs.amazonaws.com/groups/global/AllUsers"),
    (Grantee::AuthenticatedUsers, "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"),
    (Grantee::LogDelivery, "http://acs.amazonaws.com/groups/s3/LogDelivery"),
];

/// What can be granted, with its name and its header.
const PERMISSIONS: [(Permission, &str, &str); 5] = [
    (Permission::Read, "READ", "x-amz-grant-read"),
    (Permission::Write, "WRITE", "x-amz-grant-write"),
    (Permission::ReadAcp, "READ_ACP", "x-amz-grant-read-acp"),
    (Permission::WriteAcp, "WRITE_ACP", "x-amz-grant-write-acp"),
    (Permission::FullControl, "FULL_CONTROL", "x-amz-grant-full-control"),
];

/// Answers a bucket's list.
pub(super) async fn get_bucket_acl(
    door: &Operations,
    request: S3Request<GetBucketAclInput>,
) -> S3Result<S3Response<GetBucketAclOutput>> {
    let (_, call) = Call::open(request)?;
    let acl = door.store.bucket_acl(call.grant.bucket().map_err(error::from_store)?).map_err(error::from_store)?;
    let (owner, grants) = to_dto(&acl);
    Ok(S3Response::new(GetBucketAclOutput { grants: Some(grants), owner: Some(owner) }))
}

/// Gives a bucket a list.
pub(super) async fn put_bucket_acl(
    door: &Operations,
    request: S3Request<PutBucketAclInput>,
) -> S3Result<S3Response<PutBucketAclOutput>> {
    let (input, call) = Call::open(request)?;
    let said = said(&call, input.access_control_policy)?;
    door.store.put_bucket_acl(&call.grant, said).await.map_err(error::from_store)?;
    Ok(S3Response::new(PutBucketAclOutput::default()))
}

/// Answers an object's list.
pub(super) async fn get_object_acl(
    door: &Operations,
    request: S3Request<GetObjectAclInput>,
) -> S3Result<S3Response<GetObjectAclOutput>> {
    let (input, call) = Call::open(request)?;
    let acl = door.store.object_acl(&call.grant, &call::key(&input.key)?, call.version()?).await;
    let (owner, grants) = to_dto(&acl.map_err(|error| call.refused(error))?);
    let output = GetObjectAclOutput { grants: Some(grants), owner: Some(owner), ..GetObjectAclOutput::default() };
    Ok(S3Response::new(output))
}

/// Gives an object a list.
pub(super) async fn put_object_acl(
    door: &Operations,
    request: S3Request<PutObjectAclInput>,
) -> S3Result<S3Response<PutObjectAclOutput>> {
    let (input, call) = Call::open(request)?;
    let said = said(&call, input.access_control_policy)?;
    let put = door.store.put_object_acl(&call.grant, call::key(&input.key)?, call.version()?, said).await;
    let version = put.map_err(|error| call.refused(error))?;
    let mut answer = S3Response::new(PutObjectAclOutput::default());
    extras::show_version(version, &mut answer.headers);
    Ok(answer)
}

/// The list of an object that is written.
pub(super) fn of_new(door: &Operations, call: &Call) -> S3Result<Option<Acl>> {
    door.store.acl_of_new(&call.grant, from_headers(call)?.as_ref()).map_err(error::from_store)
}

/// What the request says, in the document or in headers, and not in both.
fn said(call: &Call, document: Option<AccessControlPolicy>) -> S3Result<SaidAcl> {
    match (from_headers(call)?, document) {
        (Some(said), None) => Ok(said),
        (None, Some(document)) => from_document(document),
        (Some(_), Some(_)) => Err(error::refuse("UnexpectedContent", "This request does not support content")),
        (None, None) => {
            Err(error::refuse("MissingSecurityHeader", "Your request was missing a required header: x-amz-acl"))
        }
    }
}

/// The list that the headers of a request name or spell out, if they do.
pub(super) fn from_headers(call: &Call) -> S3Result<Option<SaidAcl>> {
    let grants = grants(&call.headers)?;
    match call.header("x-amz-acl") {
        Some(_) if !grants.is_empty() => {
            Err(invalid_request("Specifying both Canned ACLs and Header Grants is not allowed"))
        }
        Some(name) => {
            Canned::parse(name).map(|canned| Some(SaidAcl::Canned(canned))).ok_or_else(|| invalid_argument(""))
        }
        None if grants.is_empty() => Ok(None),
        None => Ok(Some(SaidAcl::Listed { owner: None, grants })),
    }
}

/// Reads the headers that grant: `id="..."`, `uri="..."`, separated by commas.
fn grants(headers: &HeaderMap) -> S3Result<Vec<AclGrant>> {
    let mut grants = Vec::new();
    for (permission, _, header) in PERMISSIONS {
        for list in headers.get_all(header).iter().filter_map(text) {
            for grantee in list.split(',').map(str::trim).filter(|grantee| !grantee.is_empty()) {
                let (kind, value) =
                    grantee.split_once('=').ok_or_else(|| invalid_argument("Argument format not recognized"))?;
                let value = value.trim().trim_matches('"');
                let grantee = match kind.trim() {
                    "id" => Grantee::Org(org(value)?),
                    "uri" => group(value)?,
                    "emailAddress" => return Err(no_email()),
                    _ => return Err(invalid_argument("Argument format not recognized")),
                };
                grants.push(AclGrant { grantee, permission });
            }
        }
    }
    Ok(grants)
}

fn from_document(document: AccessControlPolicy) -> S3Result<SaidAcl> {
    let malformed = || {
        let message = "The XML you provided was not well-formed or did not validate against our published schema";
        error::refuse("MalformedACLError", message)
    };
    let owner = document.owner.and_then(|owner| owner.id).ok_or_else(malformed)?;
    let mut grants = Vec::new();
    for grant in document.grants.unwrap_or_default() {
        let (grantee, permission) = grant.grantee.zip(grant.permission).ok_or_else(malformed)?;
        let permission = PERMISSIONS.iter().find(|(_, name, _)| *name == permission.as_str()).ok_or_else(malformed)?.0;
        let grantee = match grantee.type_.as_str() {
            Type::CANONICAL_USER => Grantee::Org(org(&grantee.id.ok_or_else(malformed)?)?),
            Type::GROUP => group(&grantee.uri.ok_or_else(malformed)?)?,
            Type::AMAZON_CUSTOMER_BY_EMAIL => return Err(no_email()),
            _ => return Err(malformed()),
        };
        grants.push(AclGrant { grantee, permission });
    }
    Ok(SaidAcl::Listed { owner: Some(org(&owner)?), grants })
}

fn org(id: &str) -> S3Result<OrgId> {
    OrgId::parse(id).ok_or_else(|| invalid_argument("Invalid id"))
}

fn group(uri: &str) -> S3Result<Grantee> {
    let known = GROUPS.iter().find(|(_, known)| *known == uri);
    known.map(|(group, _)| *group).ok_or_else(|| invalid_argument("Invalid group uri"))
}

/// Organisations have no addresses.
fn no_email() -> S3Error {
    let message = "The e-mail address you provided does not match any account on record.";
    error::refuse("UnresolvableGrantByEmailAddress", message)
}

fn to_dto(acl: &Acl) -> (dto::Owner, dto::Grants) {
    let line = |grant: &AclGrant| {
        let named = |type_: &'static str| dto::Grantee {
            display_name: None,
            email_address: None,
            id: None,
            type_: Type::from_static(type_),
            uri: None,
        };
        let grantee = match grant.grantee {
            Grantee::Org(org) => dto::Grantee {
                display_name: Some(org.to_string()),
                id: Some(org.to_string()),
                ..named(Type::CANONICAL_USER)
            },
            group => {
                let uri = GROUPS.iter().find(|(known, _)| *known == group).map(|(_, uri)| (*uri).to_owned());
                dto::Grantee { uri, ..named(Type::GROUP) }
            }
        };
        let permission = PERMISSIONS.iter().find(|(known, _, _)| *known == grant.permission);
        let permission = permission.map(|(_, name, _)| dto::Permission::from_static(name));
        dto::Grant { grantee: Some(grantee), permission }
    };
    (list::owner(acl.owner), acl.grants.iter().map(line).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn read(name: &'static str, value: &str) -> Result<Vec<AclGrant>, String> {
        let headers = HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())]);
        grants(&headers).map_err(|error| error.code().as_str().to_owned())
    }

    #[test]
    fn headers_grant_to_identifiers_and_groups() {
        let org = OrgId([2; 16]);
        let everybody = GROUPS[0].1;
        let value = format!("id=\"{org}\", uri=\"{everybody}\"");
        let read_acp = |grantee| AclGrant { grantee, permission: Permission::ReadAcp };
        let expected = vec![read_acp(Grantee::Org(org)), read_acp(Grantee::AllUsers)];
        assert_eq!(read("x-amz-grant-read-acp", &value), Ok(expected));
        assert_eq!(read("x-amz-grant-read", &format!("id={org}")).unwrap().len(), 1, "quotes are optional");
        assert_eq!(read("x-amz-grant-read", "emailAddress=\"a@b\""), Err("UnresolvableGrantByEmailAddress".into()));
        for bad in ["id=\"nobody\"", "uri=\"http://acs.amazonaws.com/groups/x\"", "everybody", "name=\"x\""] {
            assert_eq!(read("x-amz-grant-read", bad), Err("InvalidArgument".into()), "{bad}");
        }
    }

    #[test]
    fn a_list_is_told_as_it_is_read() {
        let acl = Acl {
            owner: OrgId([2; 16]),
            grants: vec![
                AclGrant { grantee: Grantee::Org(OrgId([2; 16])), permission: Permission::FullControl },
                AclGrant { grantee: Grantee::AllUsers, permission: Permission::Read },
                AclGrant { grantee: Grantee::LogDelivery, permission: Permission::WriteAcp },
            ],
        };
        let (owner, grants) = to_dto(&acl);
        let said = from_document(AccessControlPolicy { grants: Some(grants), owner: Some(owner) }).unwrap();
        assert_eq!(said, SaidAcl::Listed { owner: Some(acl.owner), grants: acl.grants });
    }
}
