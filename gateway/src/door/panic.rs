//! The panic guard: a panic in a handler is that request's 500, and nothing else's.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use http::Response;
use windlass_api::Form;

use super::refusal::Refusal;
use super::request_id::RequestId;
use super::route::Kind;
use crate::body::Body;

/// The handler's answer, or the 500 of its door if it panics.
pub(super) async fn guard(
    kind: Kind,
    form: Form,
    id: &RequestId,
    handler: impl Future<Output = Response<Body>>,
) -> Response<Body> {
    // What a handler shares it shares behind locks that do not care or rows that are rolled back.
    AssertUnwindSafe(handler).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!(request_id = %id, door = kind.name(), "a handler panicked");
        Refusal::Fault.answer(kind, form, id)
    })
}

/// From now on panics of every thread go to the log.
pub(crate) fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let said = panic.payload_as_str().unwrap_or("no message");
        tracing::error!("panicked at {place}: {said}");
    }));
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use http_body_util::BodyExt;

    use super::*;
    use crate::body::answer;

    #[tokio::test]
    async fn a_panic_is_answered_in_the_door_s_own_form() {
        for (kind, form) in [(Kind::S3, "<Code>InternalError</Code>"), (Kind::Json, "\"error\":{\"message\":")] {
            let answer = guard(kind, Form::Envelope, &RequestId::generate(), async { panic!("a handler's bug") }).await;
            assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            assert!(String::from_utf8_lossy(&body).contains(form));
        }
    }

    #[tokio::test]
    async fn an_answer_passes_as_it_is() {
        let handler = async { answer(StatusCode::NO_CONTENT, "text/plain", "") };
        assert_eq!(
            guard(Kind::Site, Form::Envelope, &RequestId::generate(), handler).await.status(),
            StatusCode::NO_CONTENT
        );
    }
}
