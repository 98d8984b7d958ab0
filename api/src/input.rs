//! What handlers are given beside the call: each kind of input knows how it is read and how the document tells it.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures::{StreamExt as _, TryStreamExt as _};
use http_body::Body as _;
use serde_json::{Map, Value, json};
use sync_wrapper::SyncStream;
use windlass_store::blob::ByteStream;
use windlass_store::{Error as StoreError, ErrorKind as Stored};

use crate::call::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::field::{FieldDoc, Fields, Source, with};
use crate::limit;

/// Where a parameter of a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Query,
    Header,
}

/// How the document tells an input.
#[derive(Debug, Default)]
pub(crate) struct InputDoc {
    /// Parameters beside those of the path.
    pub(crate) parameters: Vec<(Place, FieldDoc)>,
    /// Media type and schema of the body, and whether there must be one.
    pub(crate) body: Option<(&'static str, Value, bool)>,
}

/// What a handler is given.
pub(crate) trait Input: Sized + Send + 'static {
    /// Whether the body can be of any length: then it is bounded by the time without a byte, not by its time in all.
    const STREAMS: bool = false;

    /// Reads it.
    fn take(call: &Call, body: Body) -> impl Future<Output = Result<Self>> + Send;

    /// How the document tells it.
    fn describe() -> InputDoc;
}

impl Input for () {
    async fn take(_: &Call, _: Body) -> Result<Self> {
        Ok(())
    }

    fn describe() -> InputDoc {
        InputDoc::default()
    }
}

/// The parameters of the query.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: Fields> Input for Query<T> {
    async fn take(call: &Call, _: Body) -> Result<Self> {
        T::read(&Source::query(call.head.uri.query())).map(Self).map_err(Error::bad_request)
    }

    fn describe() -> InputDoc {
        InputDoc { parameters: T::fields().into_iter().map(|field| (Place::Query, field)).collect(), body: None }
    }
}

/// A JSON document.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: Fields> Input for Json<T> {
    async fn take(_: &Call, body: Body) -> Result<Self> {
        let object = object(&collect(body).await?)?;
        T::read(&Source::Json(object)).map(Self).map_err(Error::bad_request)
    }

    fn describe() -> InputDoc {
        let fields = T::fields();
        let required: Vec<_> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
        let needed = !required.is_empty();
        let properties: Map<String, Value> = fields.into_iter().map(described).collect();
        let schema = json!({ "type": "object", "properties": properties });
        let schema = if needed { with(schema, "required", required) } else { schema };
        InputDoc { parameters: Vec::new(), body: Some(("application/json", schema, needed)) }
    }
}

fn described(field: FieldDoc) -> (String, Value) {
    (field.name.to_owned(), with(field.schema, "description", field.about))
}

/// The object that a document is; nothing at all is an empty one.
pub(crate) fn object(document: &[u8]) -> Result<Map<String, Value>> {
    if document.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(document) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Error::bad_request("Request body must be a JSON object")),
        Err(_) => Err(Error::bad_request("Request body is not valid JSON")),
    }
}

pub(crate) async fn collect(body: Body) -> Result<Bytes> {
    let too_large = || Error::new(ErrorKind::TooLarge, "Request body is too large");
    if body.size_hint().lower() > limit::JSON_BYTES_MAX as u64 {
        return Err(too_large());
    }
    let mut stream = pieces(body);
    let mut document = BytesMut::new();
    while let Some(piece) = stream.next().await.transpose()? {
        if document.len() + piece.len() > limit::JSON_BYTES_MAX {
            return Err(too_large());
        }
        document.extend_from_slice(&piece);
    }
    Ok(document.freeze())
}

/// A body as the store takes it.
pub(crate) fn pieces(body: Body) -> ByteStream {
    Box::pin(SyncStream::new(body.into_data_stream().map_err(from_body)))
}

/// Why a body ended before its end. Whoever made the body may have said so, within wrappings; else the client broke off.
fn from_body(error: axum::Error) -> StoreError {
    let mut cause = error.into_inner();
    loop {
        cause = match cause.downcast::<StoreError>() {
            Ok(error) => return *error,
            Err(other) => match other.downcast::<axum::Error>() {
                Ok(wrapping) => wrapping.into_inner(),
                Err(other) => {
                    return StoreError::new(Stored::IncompleteBody, "The body ended before its end").because(other);
                }
            },
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Form;

    fn told(document: &str) -> String {
        object(document.as_bytes()).unwrap_err().message(Form::Envelope).into_owned()
    }

    #[test]
    fn a_document_is_an_object_or_nothing() {
        assert_eq!(object(b"").unwrap(), Map::new());
        assert_eq!(object(b" {\"a\": 1, \"a\": 2} ").unwrap()["a"], 2);
        for other in ["[]", "1", "null", "\"x\""] {
            assert_eq!(told(other), "Request body must be a JSON object", "{other}");
        }
        for broken in ["{", "name=x", "{}x", " ", &"[".repeat(1_000)] {
            assert_eq!(told(broken), "Request body is not valid JSON", "{broken}");
        }
    }

    #[tokio::test]
    async fn a_document_is_bounded() {
        let most = vec![b' '; limit::JSON_BYTES_MAX];
        assert_eq!(collect(Body::from(most)).await.unwrap().len(), limit::JSON_BYTES_MAX);
        let more = vec![b' '; limit::JSON_BYTES_MAX + 1];
        assert_eq!(collect(Body::from(more.clone())).await.unwrap_err().kind(), ErrorKind::TooLarge);
        let unknown = Body::from_stream(futures::stream::iter(
            more.chunks(4096).map(|c| Ok::<_, StoreError>(Bytes::copy_from_slice(c))).collect::<Vec<_>>(),
        ));
        assert_eq!(collect(unknown).await.unwrap_err().kind(), ErrorKind::TooLarge);
    }

    #[tokio::test]
    async fn an_error_of_the_body_keeps_its_meaning() {
        let idle = StoreError::new(Stored::Timeout, "idle");
        let body = Body::from_stream(futures::stream::iter([Err::<Bytes, _>(idle)]));
        assert_eq!(collect(body).await.unwrap_err().kind(), ErrorKind::Timeout);
        let broken = Body::from_stream(futures::stream::iter([Err::<Bytes, _>(std::io::Error::other("reset"))]));
        assert_eq!(collect(broken).await.unwrap_err().kind(), ErrorKind::BadRequest);
    }
}
