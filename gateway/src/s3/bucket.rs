//! Buckets: list, create, head, locate, delete.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use s3s::dto::{
    self, BucketLocationConstraint, CreateBucketInput, CreateBucketOutput, DeleteBucketInput, DeleteBucketOutput,
    GetBucketLocationInput, GetBucketLocationOutput, HeadBucketInput, HeadBucketOutput, ListBucketsInput,
    ListBucketsOutput,
};
use s3s::{S3Request, S3Response, S3Result};
use windlass_store::ErrorKind;
use windlass_store::bucket::{Bucket, ListBuckets};
use windlass_store::name::BucketName;
use windlass_store::policy::NewAccess;

use super::call::Call;
use super::error::{self, invalid_argument};
use super::service::Operations;
use super::{acl, date, ownership};

/// The region whose buckets have no location constraint.
const CLASSIC_REGION: &str = "us-east-1";
/// Most buckets in one page, which is also what S3 answers without paging (S3 API: ListBuckets).
const PAGE_MAX: usize = 10_000;

/// Lists the caller's buckets, by name.
pub(super) async fn list_buckets(
    door: &Operations,
    request: S3Request<ListBucketsInput>,
) -> S3Result<S3Response<ListBucketsOutput>> {
    let (input, call) = Call::open(request)?;
    let max = match input.max_buckets {
        None => PAGE_MAX,
        Some(max) => usize::try_from(max)
            .ok()
            .filter(|max| (1..=PAGE_MAX).contains(max))
            .ok_or_else(|| invalid_argument("Argument max-buckets must be an integer between 1 and 10000"))?,
    };
    let after =
        input.continuation_token.filter(|token| !token.is_empty()).map(|token| read_token(&token)).transpose()?;
    let query = ListBuckets { prefix: input.prefix.clone().unwrap_or_default(), after, max };
    let page = door.store.list_buckets(&call.grant, &query).map_err(error::from_store)?;
    let here = |bucket: &dto::Bucket| {
        input.bucket_region.as_ref().is_none_or(|region| bucket.bucket_region.as_ref() == Some(region))
    };
    let output = ListBucketsOutput {
        buckets: Some(page.buckets.iter().map(entry).filter(here).collect()),
        continuation_token: page.next.map(|name| BASE64_URL_SAFE_NO_PAD.encode(name)),
        owner: Some(super::list::owner(call.grant.principal().org)),
        prefix: input.prefix,
    };
    Ok(S3Response::new(output))
}

/// Makes a bucket. Making one's own again changes nothing: 200 in us-east-1, elsewhere 409, as S3 does.
pub(super) async fn create_bucket(
    door: &Operations,
    request: S3Request<CreateBucketInput>,
) -> S3Result<S3Response<CreateBucketOutput>> {
    let (input, call) = Call::open(request)?;
    let access = NewAccess {
        ownership: ownership::from_headers(&call)?.or(Some(door.ownership)),
        acl: acl::from_headers(&call)?,
    };
    let lock = call.header("x-amz-bucket-object-lock-enabled").is_some_and(|on| on.eq_ignore_ascii_case("true"));
    let name = BucketName::parse(&input.bucket).map_err(error::from_store)?;
    let constraint = input.create_bucket_configuration.and_then(|configuration| configuration.location_constraint);
    check_constraint(constraint.as_ref().map_or("", |constraint| constraint.as_str()), &door.region)?;
    let location = if door.region == CLASSIC_REGION { String::new() } else { door.region.clone() };
    let path = format!("/{name}");
    match door.store.create_bucket_for(&call.grant, name, location, lock, access).await {
        Err(error) if error.kind() == ErrorKind::BucketAlreadyOwnedByYou && door.region == CLASSIC_REGION => {}
        outcome => outcome.map(drop).map_err(error::from_store)?,
    }
    Ok(S3Response::new(CreateBucketOutput { location: Some(path) }))
}

/// Tells that a bucket exists, and where.
pub(super) async fn head_bucket(
    _door: &Operations,
    request: S3Request<HeadBucketInput>,
) -> S3Result<S3Response<HeadBucketOutput>> {
    let (_, call) = Call::open(request)?;
    let bucket = call.grant.bucket().map_err(error::from_store)?;
    let output = HeadBucketOutput { bucket_region: Some(region(bucket)), ..HeadBucketOutput::default() };
    Ok(S3Response::new(output))
}

/// Tells where a bucket is: nothing for us-east-1.
pub(super) async fn get_bucket_location(
    _door: &Operations,
    request: S3Request<GetBucketLocationInput>,
) -> S3Result<S3Response<GetBucketLocationOutput>> {
    let (_, call) = Call::open(request)?;
    let location = call.grant.bucket().map_err(error::from_store)?.row.location.clone();
    let location_constraint = (!location.is_empty()).then(|| BucketLocationConstraint::from(location));
    Ok(S3Response::new(GetBucketLocationOutput { location_constraint }))
}

/// Deletes an empty bucket.
pub(super) async fn delete_bucket(
    door: &Operations,
    request: S3Request<DeleteBucketInput>,
) -> S3Result<S3Response<DeleteBucketOutput>> {
    let (_, call) = Call::open(request)?;
    door.store.delete_bucket(&call.grant).await.map_err(error::from_store)?;
    Ok(S3Response::new(DeleteBucketOutput::default()))
}

fn entry(bucket: &Bucket) -> dto::Bucket {
    dto::Bucket {
        bucket_region: Some(region(bucket)),
        creation_date: Some(date::timestamp(bucket.row.created_ms)),
        name: Some(bucket.row.name.to_string()),
    }
}

fn region(bucket: &Bucket) -> String {
    let location = &bucket.row.location;
    if location.is_empty() { CLASSIC_REGION.to_owned() } else { location.clone() }
}

/// Accepts no constraint, the gateway's own region, and us-east-1, which clients send by default.
fn check_constraint(constraint: &str, region: &str) -> S3Result<()> {
    if constraint.is_empty() || constraint == region || constraint == CLASSIC_REGION {
        return Ok(());
    }
    if constraint == "EU" || is_region(constraint) {
        let message = format!(
            "The {constraint} location constraint is incompatible for the region specific endpoint this request was sent to."
        );
        return Err(error::refuse("IllegalLocationConstraintException", message));
    }
    Err(error::refuse("InvalidLocationConstraint", "The specified location-constraint is not valid"))
}

/// Whether a name has the form of a region: `xx-word-1`, `xx-gov-word-1`.
fn is_region(name: &str) -> bool {
    let mut words = name.split('-');
    let (first, last) = (words.next().unwrap_or_default(), words.next_back().unwrap_or_default());
    let letters = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    let between = words.clone().count();
    first.len() == 2
        && letters(first)
        && (1..=2).contains(&between)
        && words.all(letters)
        && last.len() == 1
        && last.bytes().all(|b| b.is_ascii_digit())
}

fn read_token(token: &str) -> S3Result<String> {
    let name = BASE64_URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    name.ok_or_else(|| invalid_argument("The continuation token provided is incorrect"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constraint_names_this_region_or_none() {
        let check = |constraint, region| check_constraint(constraint, region).map_err(|e| e.code().as_str().to_owned());
        for good in ["", "us-east-1", "eu-west-1"] {
            assert_eq!(check(good, "eu-west-1"), Ok(()), "{good}");
        }
        for known in ["EU", "eu-central-1", "us-gov-west-1"] {
            assert_eq!(check(known, "us-east-1"), Err("IllegalLocationConstraintException".into()), "{known}");
        }
        for unknown in ["mars", "eu-west", "EU-WEST-1", "eu--1", "us-east-10x"] {
            assert_eq!(check(unknown, "us-east-1"), Err("InvalidLocationConstraint".into()), "{unknown}");
        }
    }

    #[test]
    fn tokens_are_names_in_disguise() {
        assert_eq!(read_token(&BASE64_URL_SAFE_NO_PAD.encode("bucket")).unwrap(), "bucket");
        assert!(read_token("!").is_err());
    }
}
