//! Which operation a request is for: by its path, and then by its method. And what all answers have, whichever it is.

use std::collections::BTreeMap;

use axum::body::{Body, HttpBody as _};
use http::{HeaderValue, Method, StatusCode, header};

use crate::answer::Answer;

/// The operations of a door by their paths.
pub(crate) struct Paths<R>(matchit::Router<Methods<R>>);

/// The operations of a path by their methods.
struct Methods<R> {
    operations: Vec<(Method, R)>,
    /// The value of Allow.
    allowed: String,
}

/// What there is for a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a, R> {
    /// Its operation.
    Operation(&'a R),
    /// Operations with other methods: these.
    Others(&'a str),
    /// Nothing.
    Nothing,
}

impl<R> Paths<R> {
    /// Operations with their methods and the templates of their paths. Where no request could tell two templates apart, the
    /// later one is left out: a test of each table looks for all of its operations.
    pub(crate) fn of(operations: impl IntoIterator<Item = (Method, &'static str, R)>) -> Self {
        let mut paths: BTreeMap<&'static str, Vec<(Method, R)>> = BTreeMap::new();
        for (method, path, operation) in operations {
            paths.entry(path).or_default().push((method, operation));
        }
        let mut router = matchit::Router::new();
        for (path, operations) in paths {
            let allowed = allow(operations.iter().map(|(method, _)| method));
            if let Err(error) = router.insert(path, Methods { operations, allowed }) {
                tracing::error!(path, %error, "an operation was left out");
            }
        }
        Self(router)
    }

    /// What there is for a request with that method to that path. HEAD is GET without the body.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Found<'_, R> {
        let Ok(found) = self.0.at(path) else { return Found::Nothing };
        let method = if method == Method::HEAD { &Method::GET } else { method };
        match found.value.operations.iter().find(|(of, _)| of == method) {
            Some((_, operation)) => Found::Operation(operation),
            None => Found::Others(&found.value.allowed),
        }
    }
}

/// The value of Allow.
fn allow<'a>(methods: impl Iterator<Item = &'a Method>) -> String {
    let mut names: Vec<&str> = methods.map(Method::as_str).collect();
    if names.contains(&"GET") {
        names.push("HEAD");
    }
    names.sort_unstable();
    names.join(",")
}

/// The answer with its length, if that is known, and to HEAD without its body. An answer that never has a body has no length:
/// 304 would tell that of another answer (RFC 9110, 8.6).
pub(crate) fn measured(mut answer: Answer, is_head: bool) -> Answer {
    let bodiless = matches!(answer.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if let Some(length) = answer.body().size_hint().exact().filter(|_| !bodiless) {
        answer.headers_mut().entry(header::CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
    }
    if is_head {
        *answer.body_mut() = Body::empty();
    }
    answer
}

#[cfg(test)]
mod tests {
    use http::Response;

    use super::*;

    #[test]
    fn an_operation_is_found_by_path_and_method() {
        let (get, put) = (Method::GET, Method::PUT);
        let all = [(get.clone(), "/a/{id}", 1), (put.clone(), "/a/{id}", 2), (put.clone(), "/b/{*rest}", 3)];
        let paths = Paths::of(all);
        for (method, path, found) in [
            (&get, "/a/x", Found::Operation(&1)),
            (&Method::HEAD, "/a/x", Found::Operation(&1)),
            (&put, "/a/x", Found::Operation(&2)),
            (&put, "/b/x/y/", Found::Operation(&3)),
            (&Method::DELETE, "/a/x", Found::Others("GET,HEAD,PUT")),
            (&Method::HEAD, "/b/x", Found::Others("PUT")),
            (&get, "/a", Found::Nothing),
            (&get, "/a/", Found::Nothing),
            (&get, "/a/x/", Found::Nothing),
            (&put, "/b/", Found::Nothing),
            (&get, "", Found::Nothing),
        ] {
            assert_eq!(paths.find(method, path), found, "{method} {path}");
        }
    }

    #[test]
    fn answers_say_their_length_and_head_gets_no_body() {
        let answer = || Response::new(Body::from("four"));
        let length = |answer: &Answer| answer.headers().get(header::CONTENT_LENGTH).cloned();
        let (got, head) = (measured(answer(), false), measured(answer(), true));
        assert_eq!((length(&got), length(&head)), (Some(HeaderValue::from(4)), Some(HeaderValue::from(4))));
        assert_eq!((got.body().size_hint().exact(), head.body().size_hint().exact()), (Some(4), Some(0)));
        for status in [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED] {
            let mut bodiless = Response::new(Body::empty());
            *bodiless.status_mut() = status;
            assert_eq!(length(&measured(bodiless, false)), None, "{status}");
        }
    }
}
