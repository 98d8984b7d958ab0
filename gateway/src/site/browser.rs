//! The module that pages upload files with, for pages of every origin; and the page to try it with, where the settings have it.

use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Response, StatusCode};
use windlass_api::browser_file;

use crate::body::{Body, answer};

/// Only what comes from here runs. It asks wherever the links lead, which need not be here.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src http: https:; form-action 'none'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// The answer to a request for one of these files; `None` for any other path.
pub(super) fn page(path: &str, demo: bool) -> Option<Response<Body>> {
    let file = browser_file(path).filter(|file| demo || !file.demo)?;
    let mut page = answer(StatusCode::OK, file.content_type, file.text);
    let headers = page.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    if file.demo {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    } else {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    Some(page)
}
