//! ListObjects in both versions.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use s3s::dto::{
    self, CommonPrefix, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output,
    ObjectStorageClass, Owner,
};
use s3s::{S3Request, S3Response, S3Result};
use windlass_store::id::OrgId;
use windlass_store::limit;
use windlass_store::object::{Entry, ListObjects, ObjectHead, ObjectPage, Position};

use super::call::{self, Call};
use super::encode::Encoding;
use super::error::{self, invalid_argument};
use super::service::Operations;
use super::{checksum, date};

/// Lists objects, the first version: pages go on behind a key or a common prefix.
pub(super) async fn list_objects(
    door: &Operations,
    request: S3Request<ListObjectsInput>,
) -> S3Result<S3Response<ListObjectsOutput>> {
    let (input, call) = Call::open(request)?;
    let encoding = Encoding::parse(input.encoding_type.as_ref())?;
    let marker = input.marker.unwrap_or_default();
    let mut query = query(input.prefix, input.delimiter, input.max_keys)?;
    query.after = position(&marker, &query.prefix, query.delimiter.as_deref());
    let page = page(door, &call, &query).await?;
    let next = Some(&page.last).filter(|_| page.truncated && query.delimiter.is_some()).and_then(name_of);
    let owners = Some(owners_of(door, &call, &page)?);
    let (contents, common_prefixes) = entries(page.entries, encoding, owners);
    let output = ListObjectsOutput {
        name: Some(input.bucket),
        prefix: Some(encoding.write(&query.prefix)),
        marker: Some(encoding.write(&marker)),
        max_keys: Some(call::number(query.max)),
        is_truncated: Some(page.truncated),
        contents: Some(contents),
        common_prefixes: Some(common_prefixes),
        delimiter: query.delimiter.map(|delimiter| encoding.write(&delimiter)),
        next_marker: next.map(|name| encoding.write(name)),
        encoding_type: encoding.echo(),
        request_charged: None,
    };
    Ok(S3Response::new(output))
}

/// Lists objects, the second version: pages go on with a token.
pub(super) async fn list_objects_v2(
    door: &Operations,
    request: S3Request<ListObjectsV2Input>,
) -> S3Result<S3Response<ListObjectsV2Output>> {
    let (input, call) = Call::open(request)?;
    let encoding = Encoding::parse(input.encoding_type.as_ref())?;
    let mut query = query(input.prefix, input.delimiter, input.max_keys)?;
    query.after = match (input.continuation_token.as_deref(), input.start_after.as_deref()) {
        (Some(token), _) if !token.is_empty() => read_token(token)?,
        (_, start) => position(start.unwrap_or_default(), &query.prefix, query.delimiter.as_deref()),
    };
    let page = page(door, &call, &query).await?;
    let owners = if input.fetch_owner.unwrap_or(false) { Some(owners_of(door, &call, &page)?) } else { None };
    let next = Some(&page.last).filter(|_| page.truncated).and_then(token);
    let (contents, common_prefixes) = entries(page.entries, encoding, owners);
    let output = ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(encoding.write(&query.prefix)),
        max_keys: Some(call::number(query.max)),
        key_count: Some(call::number(contents.len() + common_prefixes.len())),
        continuation_token: input.continuation_token,
        is_truncated: Some(page.truncated),
        next_continuation_token: next,
        contents: Some(contents),
        common_prefixes: Some(common_prefixes),
        delimiter: query.delimiter.map(|delimiter| encoding.write(&delimiter)),
        encoding_type: encoding.echo(),
        start_after: input.start_after.map(|start| encoding.write(&start)),
        request_charged: None,
    };
    Ok(S3Response::new(output))
}

/// An organisation as the owner of buckets and objects: its identifier is all that is told of it.
pub(super) fn owner(org: OrgId) -> Owner {
    Owner { display_name: Some(org.to_string()), id: Some(org.to_string()) }
}

/// The owner of the bucket at hand.
pub(super) fn owner_of(call: &Call) -> S3Result<Owner> {
    call.grant.bucket().map(|bucket| owner(bucket.row.org)).map_err(error::from_store)
}

/// Whether a marker is a common prefix, all of whose keys are then behind it.
pub(super) fn is_group(marker: &str, prefix: &str, delimiter: Option<&str>) -> bool {
    let Some((rest, delimiter)) = marker.strip_prefix(prefix).zip(delimiter) else { return false };
    rest.find(delimiter).is_some_and(|at| at + delimiter.len() == rest.len())
}

fn query(prefix: Option<String>, delimiter: Option<String>, max_keys: Option<i32>) -> S3Result<ListObjects> {
    Ok(ListObjects {
        prefix: prefix.unwrap_or_default(),
        delimiter: delimiter.filter(|delimiter| !delimiter.is_empty()),
        after: Position::Start,
        max: call::page_size(max_keys, limit::PAGE_MAX, "max-keys")?,
    })
}

/// Nothing is truncated when nothing was asked for.
async fn page(door: &Operations, call: &Call, query: &ListObjects) -> S3Result<ObjectPage> {
    if query.max == 0 {
        return Ok(ObjectPage { entries: vec![], truncated: false, last: Position::Start });
    }
    door.store.list_objects(&call.grant, query).await.map_err(error::from_store)
}

fn position(marker: &str, prefix: &str, delimiter: Option<&str>) -> Position {
    match marker {
        "" => Position::Start,
        marker if is_group(marker, prefix, delimiter) => Position::AfterGroup(marker.to_owned()),
        marker => Position::AfterKey(marker.to_owned()),
    }
}

fn name_of(position: &Position) -> Option<&str> {
    match position {
        Position::Start => None,
        Position::AfterKey(name) | Position::AfterGroup(name) => Some(name),
    }
}

/// Who owns the objects of a page: mostly one for all of them.
struct Owners {
    bucket: Owner,
    each: Vec<OrgId>,
}

impl Owners {
    fn at(&self, place: usize) -> Owner {
        self.each.get(place).map_or_else(|| self.bucket.clone(), |org| owner(*org))
    }
}

fn owners_of(door: &Operations, call: &Call, page: &ObjectPage) -> S3Result<Owners> {
    let each = door.store.owners_of(&call.grant, &page.entries).map_err(error::from_store)?;
    Ok(Owners { bucket: owner_of(call)?, each })
}

fn entries(entries: Vec<Entry>, encoding: Encoding, owners: Option<Owners>) -> (Vec<dto::Object>, Vec<CommonPrefix>) {
    let (mut contents, mut groups) = (Vec::new(), Vec::new());
    for (place, entry) in entries.into_iter().enumerate() {
        match entry {
            Entry::Object { key, head } => {
                let owner = owners.as_ref().map(|owners| owners.at(place));
                contents.push(object(encoding.write(&key), &head, owner));
            }
            Entry::Group(prefix) => groups.push(CommonPrefix { prefix: Some(encoding.write(&prefix)) }),
        }
    }
    (contents, groups)
}

fn object(key: String, head: &ObjectHead, owner: Option<Owner>) -> dto::Object {
    dto::Object {
        checksum_algorithm: head.checksum.map(|(algorithm, _)| vec![checksum::algorithm_dto(algorithm)]),
        checksum_type: head.checksum.map(|(_, kind)| checksum::kind_dto(kind)),
        e_tag: Some(dto::ETag::Strong(head.etag.to_string())),
        key: Some(key),
        last_modified: Some(date::timestamp(head.modified_ms)),
        owner,
        restore_status: None,
        size: Some(call::number(head.size)),
        storage_class: Some(ObjectStorageClass::from_static(head.class.name())),
    }
}

/// A token is opaque to clients and stable: it names the last entry, and whether that was a key or a common prefix.
fn token(position: &Position) -> Option<String> {
    let (tag, name) = match position {
        Position::Start => return None,
        Position::AfterKey(key) => ("k", key),
        Position::AfterGroup(prefix) => ("g", prefix),
    };
    Some(BASE64_URL_SAFE_NO_PAD.encode(format!("{tag}{name}")))
}

fn read_token(token: &str) -> S3Result<Position> {
    let text = BASE64_URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.unwrap_or_default();
    match (text.strip_prefix('k'), text.strip_prefix('g')) {
        (Some(key), _) if !key.is_empty() => Ok(Position::AfterKey(key.to_owned())),
        (_, Some(prefix)) if !prefix.is_empty() => Ok(Position::AfterGroup(prefix.to_owned())),
        _ => Err(invalid_argument("The continuation token provided is incorrect")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_round_trip_and_others_are_refused() {
        for position in [Position::AfterKey("a/b\n".into()), Position::AfterGroup("é/".into())] {
            assert_eq!(read_token(&token(&position).unwrap()).unwrap(), position);
        }
        for bad in
            ["x", "!!", "aw", &BASE64_URL_SAFE_NO_PAD.encode("zkey"), &BASE64_URL_SAFE_NO_PAD.encode([b'k', 0xFF])]
        {
            assert!(read_token(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_marker_that_is_a_common_prefix_skips_its_group() {
        let group = |text: &str| Position::AfterGroup(text.to_owned());
        let key = |text: &str| Position::AfterKey(text.to_owned());
        assert_eq!(position("", "", Some("/")), Position::Start);
        assert_eq!(position("a/", "", Some("/")), group("a/"));
        assert_eq!(position("a/b", "", Some("/")), key("a/b"));
        assert_eq!(position("a/b/", "", Some("/")), key("a/b/"), "not a group of this listing");
        assert_eq!(position("a/b/", "a/", Some("/")), group("a/b/"));
        assert_eq!(position("a/", "", None), key("a/"));
        assert_eq!(position("b/", "a/", Some("/")), key("b/"));
        assert_eq!(position("a::", "", Some("::")), group("a::"));
    }
}
