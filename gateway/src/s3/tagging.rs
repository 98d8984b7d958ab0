//! Tags of objects and buckets.

use http::{HeaderMap, HeaderValue};
use s3s::dto::{
    self, DeleteBucketTaggingInput, DeleteBucketTaggingOutput, DeleteObjectTaggingInput, DeleteObjectTaggingOutput,
    GetBucketTaggingInput, GetBucketTaggingOutput, GetObjectTaggingInput, GetObjectTaggingOutput,
    PutBucketTaggingInput, PutBucketTaggingOutput, PutObjectTaggingInput, PutObjectTaggingOutput, Tagging,
};
use s3s::{S3Error, S3Request, S3Response, S3Result};
use windlass_store::tag::{BucketTags, Tags, check_object_tags};

use super::call::{self, Call, text};
use super::error::{self, invalid_argument};
use super::query::percent_decode;
use super::service::Operations;

/// The tags of an object about to be written.
const TAGGING: &str = "x-amz-tagging";
/// How many tags an object has.
const COUNT: &str = "x-amz-tagging-count";
/// Whose tags a copy has.
const DIRECTIVE: &str = "x-amz-tagging-directive";

/// The tags of an object or of one version of it.
pub(super) async fn get_object_tagging(
    door: &Operations,
    request: S3Request<GetObjectTaggingInput>,
) -> S3Result<S3Response<GetObjectTaggingOutput>> {
    let (input, call) = Call::open(request)?;
    let found = door.store.object_tags(&call.grant, &call::key(&input.key)?, call.version()?).await;
    let (tags, version) = found.map_err(|error| call.refused(error))?;
    let version_id = version.map(|version| version.to_string());
    Ok(S3Response::new(GetObjectTaggingOutput { tag_set: to_dto(tags), version_id }))
}

/// Gives an object other tags.
pub(super) async fn put_object_tagging(
    door: &Operations,
    request: S3Request<PutObjectTaggingInput>,
) -> S3Result<S3Response<PutObjectTaggingOutput>> {
    let (input, call) = Call::open(request)?;
    let (key, tags) = (call::key(&input.key)?, from_dto(input.tagging)?);
    let put = door.store.put_object_tags(&call.grant, key, call.version()?, tags).await;
    let version_id = put.map_err(|error| call.refused(error))?.map(|version| version.to_string());
    Ok(S3Response::new(PutObjectTaggingOutput { version_id }))
}

/// Takes an object's tags away.
pub(super) async fn delete_object_tagging(
    door: &Operations,
    request: S3Request<DeleteObjectTaggingInput>,
) -> S3Result<S3Response<DeleteObjectTaggingOutput>> {
    let (input, call) = Call::open(request)?;
    let deleted = door.store.delete_object_tags(&call.grant, call::key(&input.key)?, call.version()?).await;
    let version_id = deleted.map_err(|error| call.refused(error))?.map(|version| version.to_string());
    Ok(S3Response::new(DeleteObjectTaggingOutput { version_id }))
}

/// The tags of a bucket.
pub(super) async fn get_bucket_tagging(
    door: &Operations,
    request: S3Request<GetBucketTaggingInput>,
) -> S3Result<S3Response<GetBucketTaggingOutput>> {
    let (_, call) = Call::open(request)?;
    let tags = door.store.document::<BucketTags>(call.grant.bucket().map_err(error::from_store)?);
    let none = || error::refuse("NoSuchTagSet", "The TagSet does not exist");
    let tags = tags.map_err(error::from_store)?.filter(|tags| !tags.0.is_empty()).ok_or_else(none)?;
    Ok(S3Response::new(GetBucketTaggingOutput { tag_set: to_dto(tags.0.clone()) }))
}

/// Gives a bucket other tags.
pub(super) async fn put_bucket_tagging(
    door: &Operations,
    request: S3Request<PutBucketTaggingInput>,
) -> S3Result<S3Response<PutBucketTaggingOutput>> {
    let (input, call) = Call::open(request)?;
    let tags = BucketTags(from_dto(input.tagging)?);
    door.store.put_document(&call.grant, tags).await.map_err(error::from_store)?;
    let mut answer = S3Response::new(PutBucketTaggingOutput {});
    // S3 answers this one without content.
    answer.extensions.insert(super::answer::Status(http::StatusCode::NO_CONTENT));
    Ok(answer)
}

/// Takes a bucket's tags away.
pub(super) async fn delete_bucket_tagging(
    door: &Operations,
    request: S3Request<DeleteBucketTaggingInput>,
) -> S3Result<S3Response<DeleteBucketTaggingOutput>> {
    let (_, call) = Call::open(request)?;
    door.store.delete_document::<BucketTags>(&call.grant).await.map_err(error::from_store)?;
    Ok(S3Response::new(DeleteBucketTaggingOutput {}))
}

/// The tags that the headers of a write give: a query string, since their names and values can hold anything.
pub(super) fn from_headers(headers: &HeaderMap) -> S3Result<Tags> {
    let Some(value) = headers.get(TAGGING).and_then(text) else { return Ok(Tags::new()) };
    let decode = |text: &str| String::from_utf8(percent_decode(text.replace('+', " ").as_bytes())).map_err(|_| wrong());
    let pairs = value.split('&').filter(|pair| !pair.is_empty());
    let tag = |pair: &str| -> S3Result<(String, String)> {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Ok((decode(name)?, decode(value)?))
    };
    let tags: Tags = pairs.map(tag).collect::<S3Result<_>>()?;
    let repeats = |(at, (name, _)): (usize, &(String, String))| tags.iter().take(at).any(|(other, _)| other == name);
    if tags.iter().enumerate().any(repeats) {
        return Err(wrong());
    }
    // The commit asks again; here it spares the transfer of a body that would be refused.
    check_object_tags(&tags).map_err(error::from_store)?;
    Ok(tags)
}

/// Tells how many tags an object has, if it has any.
pub(super) fn to_headers(tags: &[(String, String)], headers: &mut HeaderMap) {
    if !tags.is_empty() {
        headers.insert(COUNT, HeaderValue::from(tags.len()));
    }
}

fn wrong() -> S3Error {
    invalid_argument(
        "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name \
         duplicates.",
    )
}

/// The tags that a copy has in the place of its source's; `None` if it keeps those.
pub(super) fn of_copy(call: &Call) -> S3Result<Option<Tags>> {
    match call.header(DIRECTIVE) {
        None | Some("COPY") => Ok(None),
        Some("REPLACE") => from_headers(&call.headers).map(Some),
        Some(_) => Err(invalid_argument("Unknown tagging directive.")),
    }
}

fn from_dto(tagging: Tagging) -> S3Result<Tags> {
    let malformed = error::malformed_xml;
    tagging.tag_set.into_iter().map(|tag| tag.key.zip(tag.value).ok_or_else(malformed)).collect()
}

fn to_dto(tags: Tags) -> dto::TagSet {
    tags.into_iter().map(|(name, value)| dto::Tag { key: Some(name), value: Some(value) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &'static str) -> Result<Tags, String> {
        let headers =
            HeaderMap::from_iter([(http::HeaderName::from_static(TAGGING), http::HeaderValue::from_static(header))]);
        from_headers(&headers).map_err(|error| error.code().as_str().to_owned())
    }

    #[test]
    fn the_header_is_a_query_string() {
        let tag = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(read("a=b"), Ok(vec![tag("a", "b")]));
        assert_eq!(read("a=b&c"), Ok(vec![tag("a", "b"), tag("c", "")]));
        assert_eq!(read("a%2F=b+c%2Bd&%C3%A9=%3D=&"), Ok(vec![tag("a/", "b c+d"), tag("é", "==")]));
        assert_eq!(read(""), Ok(vec![]));
        for wrong in ["a=1&a=2", "a=%FF", "%C3=1"] {
            assert_eq!(read(wrong), Err("InvalidArgument".into()), "{wrong}");
        }
    }
}
