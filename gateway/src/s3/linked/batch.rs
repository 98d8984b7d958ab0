//! DeleteObjects on a linked bucket: of many keys those go upstream that the rules of the bucket let go, and the answer tells
//! of all of them.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use s3s::S3Result;
use s3s::crypto::{Checksum as _, Md5};
use windlass_store::limit;
use windlass_store::name::ObjectKey;
use windlass_store::object::VersionId;
use windlass_store::upstream::Payload;
use windlass_store::upstream::xml::Element;

use super::super::call::{self, Call};
use super::super::{encode, error, permissions};
use super::{Passed, Upstream, headers};

/// What a batch says of an object (S3 API: ObjectIdentifier).
const OBJECT: [&str; 5] = ["Key", "VersionId", "ETag", "LastModifiedTime", "Size"];
const END: &[u8] = b"</DeleteResult>";

/// Deletes what may be deleted.
pub(super) async fn delete(upstream: &Upstream<'_>, call: &Call) -> S3Result<Passed> {
    let document = call.document().cloned().unwrap_or_default();
    let batch = Element::parse(&document).map_err(|_| error::malformed_xml())?;
    let objects: Vec<&Element> = batch.children("Object").collect();
    if objects.is_empty() || objects.len() > limit::DELETE_KEYS_MAX {
        return Err(error::malformed_xml());
    }
    let may = decide(upstream, call, &objects)?;
    let denied: Vec<u8> = objects.iter().zip(&may).filter(|(_, may)| !**may).flat_map(|(it, _)| refused(it)).collect();
    if !may.contains(&true) {
        let mut told = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><DeleteResult>".to_vec();
        told.extend(denied);
        told.extend_from_slice(END);
        let headers = HeaderMap::from_iter([(http::header::CONTENT_TYPE, HeaderValue::from_static("application/xml"))]);
        return Ok(Passed::document(&headers, told));
    }
    let document = if denied.is_empty() { document } else { allowed(&batch, &objects, &may) };
    let mut request = upstream.request(Method::POST, None).query("delete", "");
    request.headers = headers::asked(&call.headers, upstream.link.managed)?;
    let names: Vec<_> = request.headers.keys().filter(|name| name.as_str().contains("checksum")).cloned().collect();
    for name in names {
        request.headers.remove(name);
    }
    let md5 = HeaderValue::try_from(BASE64_STANDARD.encode(Md5::checksum(&document)));
    request.headers.insert("content-md5", md5.map_err(|_| super::internal("base64 is no header's value"))?);
    request.body = Payload::Bytes(document);
    let answer = upstream.send(call, request).await?;
    let (headers, told) = answer.into_document(&upstream.provider).await.map_err(|error| call.refused(error))?;
    Ok(Passed::document(&headers, with(&told, &denied)))
}

/// Which of the objects the rules of the bucket let go.
fn decide(upstream: &Upstream<'_>, call: &Call, objects: &[&Element]) -> S3Result<Vec<bool>> {
    let named = objects.iter().map(|object| {
        let key = call::key(object.text_of("Key").unwrap_or_default())?;
        // Which version it is says an upstream's name; that it is one is what counts here.
        let version = object.text_of("VersionId").filter(|version| !version.is_empty()).map(|_| VersionId::Null);
        Ok((key, version))
    });
    let named: Vec<(ObjectKey, Option<VersionId>)> = named.collect::<S3Result<_>>()?;
    let actions = |version: Option<VersionId>| permissions::of("DeleteObject", version.is_some(), &call.headers);
    let store = &upstream.door.store;
    let decided = store.authorize_each(call.grant.clone(), &named, actions, &call.told(upstream.door));
    decided.map(|(_, may)| may).map_err(error::from_store)
}

/// The batch with those objects alone that may go.
fn allowed(batch: &Element, objects: &[&Element], may: &[bool]) -> Bytes {
    let mut document = "<Delete>".to_owned();
    if let Some(quiet) = batch.text_of("Quiet") {
        document.push_str(&format!("<Quiet>{}</Quiet>", encode::xml(quiet)));
    }
    for (object, _) in objects.iter().zip(may).filter(|(_, may)| **may) {
        document.push_str("<Object>");
        document.push_str(&said(object, &OBJECT));
        document.push_str("</Object>");
    }
    document.push_str("</Delete>");
    let document = document.into_bytes();
    Bytes::from(encode::control_references(&document).unwrap_or(document))
}

fn said(object: &Element, names: &[&str]) -> String {
    let line = |name: &&str| object.text_of(name).map(|text| format!("<{name}>{}</{name}>", encode::xml(text)));
    names.iter().filter_map(line).collect()
}

/// What is told of an object that may not go.
fn refused(object: &Element) -> Vec<u8> {
    let message = error::default_message("AccessDenied");
    let about = said(object, &["Key", "VersionId"]);
    let told = format!("<Error>{about}<Code>AccessDenied</Code><Message>{message}</Message></Error>").into_bytes();
    encode::control_references(&told).unwrap_or(told)
}

/// An upstream's answer with what is told beside it.
fn with(told: &[u8], denied: &[u8]) -> Vec<u8> {
    match told.windows(END.len()).rposition(|window| window == END) {
        Some(at) => {
            let (before, end) = told.split_at(at);
            [before, denied, end].concat()
        }
        // Nothing was deleted that it tells of.
        None => [b"<DeleteResult>".as_slice(), denied, END].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BATCH: &[u8] = b"<Delete><Quiet>true</Quiet><Object><Key>a&amp;b</Key></Object>\
        <Object><Key>c</Key><VersionId>v.1</VersionId><Other/></Object></Delete>";

    #[test]
    fn what_may_go_goes_on_as_it_was_said() {
        let batch = Element::parse(BATCH).unwrap();
        let objects: Vec<_> = batch.children("Object").collect();
        let first = allowed(&batch, &objects, &[true, false]);
        assert_eq!(first, "<Delete><Quiet>true</Quiet><Object><Key>a&amp;b</Key></Object></Delete>");
        let second = allowed(&batch, &objects, &[false, true]);
        let expected = "<Delete><Quiet>true</Quiet><Object><Key>c</Key><VersionId>v.1</VersionId></Object></Delete>";
        assert_eq!(second, expected);
    }

    #[test]
    fn the_answer_tells_of_all() {
        let batch = Element::parse(BATCH).unwrap();
        let denied = refused(batch.children("Object").next().unwrap());
        let told = with(b"<DeleteResult><Deleted><Key>c</Key></Deleted></DeleteResult>", &denied);
        let told = Element::parse(&told).unwrap();
        assert_eq!(told.child("Deleted").and_then(|it| it.text_of("Key")), Some("c"));
        assert_eq!(told.child("Error").and_then(|it| it.text_of("Key")), Some("a&b"));
        assert_eq!(told.child("Error").and_then(|it| it.text_of("Code")), Some("AccessDenied"));
        assert_eq!(Element::parse(&with(b"<DeleteResult/>", &denied)).unwrap().children("Error").count(), 1);
    }
}
