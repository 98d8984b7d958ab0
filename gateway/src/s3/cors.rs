//! Cross-origin resource sharing: the documents of it, the preflights of browsers, and what answers to pages carry.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use s3s::dto::{
    self, DeleteBucketCorsInput, DeleteBucketCorsOutput, GetBucketCorsInput, GetBucketCorsOutput, PutBucketCorsInput,
    PutBucketCorsOutput,
};
use s3s::{Body, S3Error, S3Request, S3Response, S3Result};
use windlass_store::Store;
use windlass_store::cors::{Cors, CorsAnswer, CorsAsk, CorsRule, CorsVerdict};
use windlass_store::limit;
use windlass_store::name::BucketName;

use super::call::{Call, text};
use super::error;
use super::refusal;
use super::service::Operations;

/// What an answer to a page depends on.
const VARIES: HeaderValue =
    HeaderValue::from_static("Origin, Access-Control-Request-Headers, Access-Control-Request-Method");

/// A bucket's rules.
pub(super) async fn get_bucket_cors(
    door: &Operations,
    request: S3Request<GetBucketCorsInput>,
) -> S3Result<S3Response<GetBucketCorsOutput>> {
    let (_, call) = Call::open(request)?;
    let cors = door.store.document::<Cors>(call.grant.bucket().map_err(error::from_store)?);
    let none = || error::refuse("NoSuchCORSConfiguration", "The CORS configuration does not exist");
    let cors = cors.map_err(error::from_store)?.ok_or_else(none)?;
    let cors_rules = Some(cors.rules.iter().cloned().map(to_dto).collect());
    Ok(S3Response::new(GetBucketCorsOutput { cors_rules }))
}

/// Gives a bucket other rules.
pub(super) async fn put_bucket_cors(
    door: &Operations,
    request: S3Request<PutBucketCorsInput>,
) -> S3Result<S3Response<PutBucketCorsOutput>> {
    let (input, call) = Call::open(request)?;
    let rules = input.cors_configuration.cors_rules.into_iter().map(from_dto).collect::<S3Result<_>>()?;
    door.store.put_document(&call.grant, Cors { rules }).await.map_err(error::from_store)?;
    Ok(S3Response::new(PutBucketCorsOutput {}))
}

/// Takes a bucket's rules away.
pub(super) async fn delete_bucket_cors(
    door: &Operations,
    request: S3Request<DeleteBucketCorsInput>,
) -> S3Result<S3Response<DeleteBucketCorsOutput>> {
    let (_, call) = Call::open(request)?;
    door.store.delete_document::<Cors>(&call.grant).await.map_err(error::from_store)?;
    Ok(S3Response::new(DeleteBucketCorsOutput {}))
}

fn from_dto(rule: dto::CORSRule) -> S3Result<CorsRule> {
    let malformed = error::malformed_xml;
    Ok(CorsRule {
        id: rule.id,
        origins: rule.allowed_origins,
        methods: rule.allowed_methods,
        headers: rule.allowed_headers.unwrap_or_default(),
        exposed: rule.expose_headers.unwrap_or_default(),
        max_age_seconds: rule.max_age_seconds.map(u32::try_from).transpose().map_err(|_| malformed())?,
    })
}

fn to_dto(rule: CorsRule) -> dto::CORSRule {
    let some = |list: Vec<String>| (!list.is_empty()).then_some(list);
    dto::CORSRule {
        id: rule.id,
        allowed_origins: rule.origins,
        allowed_methods: rule.methods,
        allowed_headers: some(rule.headers),
        expose_headers: some(rule.exposed),
        max_age_seconds: rule.max_age_seconds.map(|seconds| i32::try_from(seconds).unwrap_or(i32::MAX)),
    }
}

/// The page that a browser asks for; only requests with an Origin have one.
pub(super) struct Page {
    bucket: Option<BucketName>,
    origin: String,
    method: String,
}

impl Page {
    /// The page behind a request. A browser that names another method is told of that one.
    pub(super) fn of(parts: &Parts, bucket: Option<&str>) -> Option<Self> {
        let origin = parts.headers.get(ORIGIN).and_then(text)?;
        let asked = parts.headers.get(ACCESS_CONTROL_REQUEST_METHOD).and_then(text);
        Some(Self {
            bucket: bucket.and_then(|name| BucketName::parse(name).ok()),
            origin: origin.to_owned(),
            method: asked.unwrap_or(parts.method.as_str()).to_owned(),
        })
    }

    fn ask(&self, store: &Store, headers: &[&str]) -> windlass_store::Result<CorsVerdict> {
        let Some(bucket) = &self.bucket else { return Ok(CorsVerdict::Off) };
        store.cors(bucket, &CorsAsk { origin: &self.origin, method: &self.method, headers })
    }

    /// Adds what the page's browser needs to an answer, be it an error.
    fn tell(&self, store: &Store, answer: &mut Response<Body>) {
        // An answer that stands is given without it rather than not at all: browsers then keep it from the page.
        match self.ask(store, &[]) {
            Ok(CorsVerdict::Off) | Err(_) => {}
            Ok(CorsVerdict::NoMatch) => vary(answer.headers_mut()),
            Ok(CorsVerdict::Match(told)) => write(&told, answer.headers_mut()),
        }
    }
}

/// An answer with what the page's browser needs, if a page asks.
pub(super) fn tell(page: Option<Page>, store: &Store, mut answer: Response<Body>) -> Response<Body> {
    if let Some(page) = page {
        page.tell(store, &mut answer);
    }
    answer
}

/// Answers the question of a browser whether a page may do something. It comes without credentials, to any path.
pub(super) fn preflight(store: &Store, parts: &Parts, page: Option<&Page>) -> Response<Body> {
    answer_preflight(store, parts, page).unwrap_or_else(|error| {
        let mut answer = refusal(error);
        if page.is_some() {
            vary(answer.headers_mut());
        }
        answer
    })
}

fn answer_preflight(store: &Store, parts: &Parts, page: Option<&Page>) -> S3Result<Response<Body>> {
    let insufficient = |message: &'static str| Err(error::refuse("BadRequest", message));
    let Some(page) = page else {
        return insufficient("Insufficient information. Origin request header needed.");
    };
    if !parts.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
        return insufficient("Invalid Access-Control-Request-Method: null");
    }
    let asked = parts.headers.get_all(ACCESS_CONTROL_REQUEST_HEADERS).iter().filter_map(text);
    let headers: Vec<&str> = asked.flat_map(|list| list.split(',')).map(str::trim).filter(|h| !h.is_empty()).collect();
    if headers.len() > limit::CORS_REQUEST_HEADERS_MAX {
        return Err(forbidden("CORSResponse: This CORS request names too many headers."));
    }
    match page.ask(store, &headers).map_err(error::from_store)? {
        CorsVerdict::Off => Err(forbidden("CORSResponse: CORS is not enabled for this bucket.")),
        CorsVerdict::NoMatch => Err(forbidden(
            "CORSResponse: This CORS request is not allowed: no rule of the bucket lets this origin send this method with \
             these headers.",
        )),
        CorsVerdict::Match(told) => {
            let mut answer = Response::new(Body::empty());
            write(&told, answer.headers_mut());
            Ok(answer)
        }
    }
}

fn forbidden(message: &'static str) -> S3Error {
    let mut error = error::refuse("AccessForbidden", message);
    error.set_status_code(StatusCode::FORBIDDEN);
    error
}

/// Writes what a browser is told. Credentials go only with an origin that is named.
fn write(told: &CorsAnswer, headers: &mut HeaderMap) {
    vary(headers);
    if told.origin.is_some() {
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    let lists = [
        (ACCESS_CONTROL_ALLOW_METHODS, &told.methods),
        (ACCESS_CONTROL_ALLOW_HEADERS, &told.headers),
        (ACCESS_CONTROL_EXPOSE_HEADERS, &told.exposed),
    ];
    insert(headers, ACCESS_CONTROL_ALLOW_ORIGIN, told.origin.clone().unwrap_or_else(|| "*".to_owned()));
    for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        insert(headers, name, list.join(", "));
    }
    if let Some(seconds) = told.max_age_seconds {
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(seconds));
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

fn vary(headers: &mut HeaderMap) {
    headers.append(VARY, VARIES);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(origin: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let told = CorsAnswer {
            origin: origin.map(str::to_owned),
            methods: vec!["GET".into(), "PUT".into()],
            headers: vec![],
            exposed: vec!["ETag".into(), "bad\nname".into()],
            max_age_seconds: Some(9),
        };
        write(&told, &mut headers);
        headers
    }

    #[test]
    fn credentials_go_only_with_an_origin_that_is_named() {
        let headers = told(Some("https://a.test"));
        assert_eq!(headers.get(ACCESS_CONTROL_ALLOW_ORIGIN).unwrap(), "https://a.test");
        assert_eq!(headers.get(ACCESS_CONTROL_ALLOW_CREDENTIALS).unwrap(), "true");
        let headers = told(None);
        assert_eq!(headers.get(ACCESS_CONTROL_ALLOW_ORIGIN).unwrap(), "*");
        assert!(!headers.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS));
    }

    #[test]
    fn what_is_no_header_is_left_out() {
        let headers = told(None);
        assert_eq!(headers.get(ACCESS_CONTROL_ALLOW_METHODS).unwrap(), "GET, PUT");
        assert_eq!(headers.get(ACCESS_CONTROL_MAX_AGE).unwrap(), "9");
        assert!(
            !headers.contains_key(ACCESS_CONTROL_EXPOSE_HEADERS) && !headers.contains_key(ACCESS_CONTROL_ALLOW_HEADERS)
        );
        assert!(headers.get(VARY).unwrap().to_str().unwrap().starts_with("Origin"));
    }

    #[test]
    fn a_rule_comes_back_as_it_went() {
        let rule = dto::CORSRule {
            id: Some("r".into()),
            allowed_origins: vec!["https://*.test".into()],
            allowed_methods: vec!["GET".into()],
            allowed_headers: Some(vec!["x-*".into()]),
            expose_headers: None,
            max_age_seconds: Some(0),
        };
        let back = to_dto(from_dto(rule.clone()).unwrap());
        assert_eq!(format!("{back:?}"), format!("{rule:?}"));
        assert!(from_dto(dto::CORSRule { max_age_seconds: Some(-1), ..rule }).is_err());
    }
}
