//! What a form is told when its file was stored, as it asked to be told (S3: "POST Object", form fields).

use form_urlencoded::Serializer;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, LOCATION};
use http::{HeaderValue, Response, StatusCode, Uri};
use s3s::Body;

use super::fields::Fields;
use crate::s3::encode;

/// What was stored, and where.
pub(super) struct Done<'a> {
    pub(super) bucket: &'a str,
    pub(super) key: &'a str,
    /// The object's own address.
    pub(super) address: String,
}

impl Done<'_> {
    /// Turns the answer to a PUT into the one that the form asks for.
    pub(super) fn answer(&self, fields: &Fields, mut put: Response<Body>) -> Response<Body> {
        let etag = put.headers().get(ETAG).and_then(|etag| etag.to_str().ok()).unwrap_or_default().to_owned();
        let mut location = self.address.clone();
        let mut body = None;
        *put.status_mut() = match (self.redirect(fields, &etag), fields.get("success_action_status")) {
            (Some(to), _) => {
                location = to;
                StatusCode::SEE_OTHER
            }
            (None, Some("200")) => StatusCode::OK,
            (None, Some("201")) => {
                body = Some(self.document(&etag));
                StatusCode::CREATED
            }
            (None, _) => StatusCode::NO_CONTENT,
        };
        let headers = put.headers_mut();
        for name in [CONTENT_TYPE, CONTENT_LENGTH] {
            headers.remove(name);
        }
        if let Ok(location) = HeaderValue::try_from(location) {
            headers.insert(LOCATION, location);
        }
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        }
        *put.body_mut() = body.map_or_else(Body::empty, Body::from);
        put
    }

    /// Where a browser is to be sent. What is no address of the web is as if it were not asked for.
    fn redirect(&self, fields: &Fields, etag: &str) -> Option<String> {
        let to = fields.get("success_action_redirect").or_else(|| fields.get("redirect"))?;
        let uri: Uri = to.parse().ok()?;
        let web = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty());
        let told = [("bucket", self.bucket), ("key", self.key), ("etag", etag)];
        let query = Serializer::new(String::new()).extend_pairs(told).finish();
        let joint = if uri.query().is_some() { '&' } else { '?' };
        web.then(|| format!("{uri}{joint}{query}"))
    }

    fn document(&self, etag: &str) -> String {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?><PostResponse>");
        for (name, value) in
            [("Location", self.address.as_str()), ("Bucket", self.bucket), ("Key", self.key), ("ETag", etag)]
        {
            out.push_str(&format!("<{name}>{}</{name}>", encode::xml(&encode::echo(value))));
        }
        out + "</PostResponse>"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(fields: &[(&str, &str)]) -> (u16, String, String) {
        let done = Done { bucket: "b", key: "a b/<é>", address: "http://h/b/a%20b/%3C%C3%A9%3E".to_owned() };
        let put = Response::builder().header(ETAG, "\"e\"").header(CONTENT_LENGTH, 0).body(Body::empty()).unwrap();
        let answer = done.answer(&Fields::of(fields), put);
        assert_eq!(answer.headers().get(ETAG).unwrap(), "\"e\"");
        let location = answer.headers().get(LOCATION).unwrap().to_str().unwrap().to_owned();
        let body = answer.body().bytes().unwrap_or_default();
        (answer.status().as_u16(), location, String::from_utf8(body.to_vec()).unwrap())
    }

    #[test]
    fn the_status_is_the_one_asked_for_if_there_is_such() {
        for (asked, status) in [("200", 200), ("201", 201), ("204", 204), ("404", 204), ("", 204), ("2O0", 204)] {
            let (given, location, body) = answer(&[("success_action_status", asked)]);
            assert_eq!((given, body.is_empty()), (status, status != 201), "{asked}");
            assert_eq!(location, "http://h/b/a%20b/%3C%C3%A9%3E");
        }
        assert_eq!(answer(&[]).0, 204);
        let (_, _, document) = answer(&[("success_action_status", "201")]);
        assert!(document.ends_with(
            "<PostResponse><Location>http://h/b/a%20b/%3C%C3%A9%3E</Location><Bucket>b</Bucket>\
             <Key>a b/&lt;é&gt;</Key><ETag>&quot;e&quot;</ETag></PostResponse>"
        ));
    }

    #[test]
    fn a_redirect_tells_what_was_stored() {
        let told = "bucket=b&key=a+b%2F%3C%C3%A9%3E&etag=%22e%22";
        for name in ["success_action_redirect", "redirect"] {
            let (status, location, body) = answer(&[(name, "https://c.test/done"), ("success_action_status", "201")]);
            assert_eq!((status, location, body), (303, format!("https://c.test/done?{told}"), String::new()));
        }
        assert_eq!(answer(&[("redirect", "http://c.test/?x=1")]).1, format!("http://c.test/?x=1&{told}"));
        for bad in ["", "/done", "javascript:alert(1)", "ftp://c.test/", "http://c.test/\r\nx: y", "c.test"] {
            assert_eq!(answer(&[("success_action_redirect", bad)]).0, 204, "{bad}");
        }
    }
}
