//! Serving websites, on hosts that name their buckets: to anybody whom the bucket lets read, in the manner of a web server.

use std::sync::Arc;

use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HOST, LOCATION};
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri};
use s3s::dto::GetObjectInput;
use s3s::{Body, S3Error, S3Request, S3Result};
use windlass_store::name::{BucketName, ObjectKey};
use windlass_store::policy::{Action, Grant, Principal, S3Action, S3Asked};
use windlass_store::website::{Redirection, Website};

use super::super::answer::Status;
use super::super::call;
use super::super::facts::Told;
use super::super::gate::Admitted;
use super::super::limits::Limits;
use super::super::query::{Query, percent_decode};
use super::super::service::Operations;
use super::super::{encode, error, get, ops};
use crate::net::{Domains, Peer};

/// An object that sends browsers elsewhere.
const REDIRECT: HeaderName = HeaderName::from_static("x-amz-website-redirect-location");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// The hosts of websites. Cheap to clone.
#[derive(Clone)]
pub(in super::super) struct Sites {
    operations: Arc<Operations>,
    limits: Limits,
    domains: Domains,
}

/// What a browser asks of a website.
pub(in super::super) struct Ask {
    bucket: String,
    key: String,
    method: Method,
    host: String,
    headers: HeaderMap,
    extensions: Extensions,
}

impl Sites {
    /// Websites are the hosts under these domains.
    pub(in super::super) fn new(operations: Operations, limits: Limits, domains: Domains) -> Self {
        Self { operations: Arc::new(operations), limits, domains }
    }

    /// What is asked, if it is asked of a website.
    pub(in super::super) fn ask(&self, parts: &Parts) -> Option<Ask> {
        let header = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
        let host = header.or_else(|| parts.uri.authority().map(http::uri::Authority::as_str))?;
        let bucket = self.domains.bucket(host)?;
        let path = String::from_utf8_lossy(&percent_decode(parts.uri.path().as_bytes())).into_owned();
        Some(Ask {
            bucket,
            key: path.strip_prefix('/').unwrap_or(&path).to_owned(),
            method: parts.method.clone(),
            host: host.to_owned(),
            headers: parts.headers.clone(),
            extensions: parts.extensions.clone(),
        })
    }

    /// Answers a browser.
    pub(in super::super) async fn answer(&self, ask: &Ask) -> Response<Body> {
        let mut answer = if matches!(ask.method, Method::GET | Method::HEAD) {
            self.find(ask).await
        } else {
            let refused = error::refuse("MethodNotAllowed", error::default_message("MethodNotAllowed"));
            let mut answer = ask.error(&refused);
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            answer
        };
        if ask.method == Method::HEAD {
            // The length stays that of what a GET would bring.
            *answer.body_mut() = Body::empty();
        }
        answer
    }

    async fn find(&self, ask: &Ask) -> Response<Body> {
        let website = match self.website(ask) {
            Ok(website) => website,
            Err(error) => return ask.error(&error),
        };
        if let Some(to) = website.redirect(&ask.key) {
            return ask.redirect(&to);
        }
        match self.read(ask, &website.document(&ask.key), ask.headers.clone()).await {
            Ok(answer) => answer,
            Err(error) => self.without(ask, &website, &error).await,
        }
    }

    fn website(&self, ask: &Ask) -> S3Result<Arc<Website>> {
        let name = BucketName::parse(&ask.bucket).map_err(error::from_store)?;
        let none = || {
            let message = "The specified bucket does not have a website configuration";
            error::refuse("NoSuchWebsiteConfiguration", message)
        };
        self.operations.store.website(&name).map_err(error::from_store)?.ok_or_else(none)
    }

    /// What is answered where there is no document to show.
    async fn without(&self, ask: &Ask, website: &Website, error: &S3Error) -> Response<Body> {
        let status = status_of(error);
        let absent = matches!(status, StatusCode::NOT_FOUND | StatusCode::FORBIDDEN);
        if let Some(index) = website.index_within(&ask.key).filter(|_| absent)
            && self.read(ask, &index, HeaderMap::new()).await.is_ok()
        {
            let folder = Redirection { status: 302, host: None, protocol: None, key: format!("{}/", ask.key) };
            return ask.redirect(&folder);
        }
        if let Some(to) = website.redirect_error(&ask.key, status.as_u16()) {
            return ask.redirect(&to);
        }
        if let Website::Documents { error: Some(document), .. } = website
            && status.is_client_error()
            && let Ok(mut answer) = self.read(ask, document, HeaderMap::new()).await
            && answer.status() == StatusCode::OK
        {
            *answer.status_mut() = status;
            return answer;
        }
        ask.error(error)
    }

    /// Reads an object as anybody. The headers are those that a read depends on.
    async fn read(&self, ask: &Ask, key: &str, headers: HeaderMap) -> S3Result<Response<Body>> {
        let (query, peer) = (Query::default(), ask.extensions.get::<Peer>().copied());
        let operation = ops::find("GetObject", &query)?;
        let grant = self.allow(ask, &call::key(key)?, &query, peer)?;
        self.limits.begin(&operation, &grant, &ask.extensions)?;
        let mut extensions = Extensions::new();
        extensions.insert(grant);
        let principal = Principal::Anonymous;
        extensions.insert(Admitted { principal, headers, query, trailers: None, document: None, peer });
        let input = GetObjectInput { bucket: ask.bucket.clone(), key: key.to_owned(), ..GetObjectInput::default() };
        let read = get::get_object(&self.operations, request(input, extensions)).await?;
        let mut answer = Response::new(read.output.body.map_or_else(Body::empty, Body::from));
        *answer.headers_mut() = read.headers;
        if let Some(Status(status)) = read.extensions.get() {
            *answer.status_mut() = *status;
        }
        Ok(elsewhere(answer))
    }

    fn allow(&self, ask: &Ask, key: &ObjectKey, query: &Query, peer: Option<Peer>) -> S3Result<Grant> {
        let store = &self.operations.store;
        let told = Told {
            headers: &ask.headers,
            query,
            document: None,
            peer,
            form: None,
            region: &self.operations.region,
            now: store.now(),
        };
        let asked = S3Asked {
            action: Action::GetObject,
            actions: &|| vec![S3Action::GetObject],
            bucket: &BucketName::parse(&ask.bucket).map_err(error::from_store)?,
            key: Some(key),
            version: None,
            upload: None,
            owner: None,
            facts: &told,
        };
        store.authorize_s3(&Principal::Anonymous, &asked).map_err(error::from_store)
    }
}

fn request(input: GetObjectInput, extensions: Extensions) -> S3Request<GetObjectInput> {
    S3Request {
        input,
        method: Method::GET,
        uri: Uri::default(),
        headers: HeaderMap::new(),
        extensions,
        credentials: None,
        region: None,
        service: None,
        trailing_headers: None,
    }
}

/// An object that says so sends browsers elsewhere.
fn elsewhere(mut answer: Response<Body>) -> Response<Body> {
    let Some(location) = answer.headers_mut().remove(REDIRECT) else { return answer };
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::MOVED_PERMANENTLY;
    answer.headers_mut().insert(LOCATION, location);
    answer
}

fn status_of(error: &S3Error) -> StatusCode {
    error.status_code().unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

impl Ask {
    /// The bucket whose website it is.
    pub(in super::super) fn bucket(&self) -> &str {
        &self.bucket
    }

    fn redirect(&self, to: &Redirection) -> Response<Body> {
        let path = format!("/{}", encode::url(&to.key));
        let location = match (&to.host, to.protocol) {
            // Two slashes at the beginning would be another host.
            (None, None) if !path.starts_with("//") => path,
            (host, protocol) => {
                let secure = self.extensions.get::<Peer>().is_some_and(|peer| peer.secure);
                let own = if secure { "https" } else { "http" };
                let scheme = protocol.map_or(own, |protocol| protocol.name());
                format!("{scheme}://{}{path}", host.as_ref().unwrap_or(&self.host))
            }
        };
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = StatusCode::from_u16(to.status).unwrap_or(StatusCode::MOVED_PERMANENTLY);
        if let Ok(location) = HeaderValue::try_from(location) {
            answer.headers_mut().insert(LOCATION, location);
        }
        answer
    }

    /// A page for people about an error.
    fn error(&self, error: &S3Error) -> Response<Body> {
        let status = status_of(error);
        let code = error.code().as_str();
        let message = error.message().unwrap_or_else(|| error::default_message(code));
        let title = encode::xml(&format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or_default()));
        let page = format!(
            "<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1><ul><li>Code: {}</li>\
             <li>Message: {}</li></ul></body></html>\n",
            encode::xml(code),
            encode::xml(message)
        );
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = status;
        answer.headers_mut().insert(CONTENT_TYPE, HTML);
        answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(page.len()));
        *answer.body_mut() = Body::from(page);
        answer
    }
}

#[cfg(test)]
mod tests {
    use windlass_store::website::Protocol;

    use super::*;

    fn ask(key: &str) -> Ask {
        Ask {
            bucket: "b".into(),
            key: key.into(),
            method: Method::GET,
            host: "b.web.test:9000".into(),
            headers: HeaderMap::new(),
            extensions: Extensions::new(),
        }
    }

    fn location(to: &Redirection) -> String {
        ask("k").redirect(to).headers()[LOCATION].to_str().unwrap().to_owned()
    }

    #[test]
    fn what_is_not_said_of_a_redirection_stays_as_it_is() {
        let to = Redirection { status: 302, host: None, protocol: None, key: "a b/é".into() };
        assert_eq!(location(&to), "/a%20b/%C3%A9");
        let host = Redirection { host: Some("x.test".into()), ..to.clone() };
        assert_eq!(location(&host), "http://x.test/a%20b/%C3%A9");
        let protocol = Redirection { protocol: Some(Protocol::Https), key: "k".into(), ..to };
        assert_eq!(location(&protocol), "https://b.web.test:9000/k");
    }

    #[test]
    fn nobody_is_sent_to_a_host_that_only_a_path_names() {
        let to = Redirection { status: 302, host: None, protocol: None, key: "/evil.test/".into() };
        assert_eq!(location(&to), "http://b.web.test:9000//evil.test/");
    }

    #[test]
    fn an_error_page_shows_nothing_as_markup() {
        let answer = ask("k").error(&error::refuse("AccessDenied", "<script>"));
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        let page = String::from_utf8(answer.body().bytes().unwrap().to_vec()).unwrap();
        assert!(page.contains("<title>403 Forbidden</title>") && page.contains("&lt;script&gt;"), "{page}");
    }
}
