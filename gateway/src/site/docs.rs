//! The page that shows the OpenAPI document to people. What renders it is part of the binary; nothing is loaded from
//! elsewhere, and the policy of the page sees to that.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response, StatusCode};
use utoipa_swagger_ui::Config;

use super::TEXT;
use crate::body::{Body, answer};

const PATH: &str = "/-/docs";

/// Only what comes from here runs, and only here it asks.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
                      connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

const PAGE: &str = "<!doctype html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<title>Windlass API</title>
<link rel=\"icon\" type=\"image/png\" href=\"/-/docs/favicon-32x32.png\">
<link rel=\"stylesheet\" href=\"/-/docs/swagger-ui.css\">
</head>
<body>
<noscript>This page needs JavaScript. The document itself is at <a href=\"/v1/openapi.json\">/v1/openapi.json</a>.</noscript>
<div id=\"docs\"></div>
<script src=\"/-/docs/swagger-ui-bundle.js\"></script>
<script src=\"/-/docs/start.js\"></script>
</body>
</html>
";

const START: &str = "SwaggerUIBundle({
  url: \"/v1/openapi.json\",
  dom_id: \"#docs\",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: \"list\",
  persistAuthorization: false,
  validatorUrl: null,
});
";

/// The files of the renderer that the page uses.
const FILES: [&str; 3] = ["favicon-32x32.png", "swagger-ui-bundle.js", "swagger-ui.css"];

/// Whether a path is that of the page or of one of its files.
pub(super) fn serves(path: &str) -> bool {
    path.strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Answers a request to such a path.
pub(super) fn page(path: &str) -> Response<Body> {
    let mut page = match path.strip_prefix(PATH).unwrap_or_default().trim_start_matches('/') {
        "" => answer(StatusCode::OK, "text/html; charset=utf-8", PAGE),
        "start.js" => answer(StatusCode::OK, "text/javascript; charset=utf-8", START),
        file => packaged(file).unwrap_or_else(|| answer(StatusCode::NOT_FOUND, TEXT, "No such page.\n")),
    };
    let headers = page.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    page
}

fn packaged(file: &str) -> Option<Response<Body>> {
    let known = FILES.contains(&file);
    let found = known.then(|| utoipa_swagger_ui::serve(file, Arc::new(Config::default())))?.ok().flatten()?;
    let bytes = match found.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    };
    let content_type = match file.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        _ => "image/png",
    };
    Some(answer(StatusCode::OK, content_type, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_whole_and_names_nothing_from_elsewhere() {
        for file in PAGE.split(['"', '<']).filter(|part| part.starts_with(PATH)) {
            assert!(serves(file), "{file}");
            assert_eq!(page(file).status(), StatusCode::OK, "{file}");
        }
        assert_eq!(PAGE.matches(PATH).count(), 4);
        assert!(!PAGE.contains("//") && !START.contains("//"));
        assert!(START.contains("\"/v1/openapi.json\""));
    }

    #[test]
    fn every_answer_keeps_to_the_policy() {
        for path in ["/-/docs", "/-/docs/", "/-/docs/swagger-ui.css", "/-/docs/index.html", "/-/docs/../x"] {
            let answer = page(path);
            assert_eq!(answer.headers()[CONTENT_SECURITY_POLICY], POLICY, "{path}");
            assert_eq!(answer.status() == StatusCode::OK, !path.contains(".html") && !path.contains(".."), "{path}");
        }
        assert!(!serves("/-/docsx"));
    }
}
