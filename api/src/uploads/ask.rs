//! A request on its way to its handler: who asks, how often, and what is read of it.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use http::header::AUTHORIZATION;
use http::request::Parts as Head;
use http::{HeaderMap, Request};
use windlass_store::Store;
use windlass_store::clock::Millis;
use windlass_store::project::ProjectAccess;

use super::Parts;
use super::error::{Code, Refusal, Result};
use super::table::{Needs, Route};
use crate::answer::Answer;
use crate::auth;
use crate::call::{Asked, Settings, State, authorize, base, caller, sent};
use crate::field::{Fields, Source};
use crate::id::Id;
use crate::input::{collect, object};
use crate::path;
use crate::peer::Peer;
use crate::rate::Taken;
use crate::within::within;

/// The header that holds a key.
const API_KEY: &str = "x-api-key";

/// What a handler is given.
pub(super) struct Ask {
    pub(super) state: Arc<State>,
    /// What the key allows.
    pub(super) access: ProjectAccess,
    head: Head,
    body: Body,
    template: &'static str,
}

impl Ask {
    pub(super) fn store(&self) -> &Arc<Store> {
        &self.state.store
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.state.settings
    }

    pub(super) fn now(&self) -> Millis {
        self.state.store.now()
    }

    /// What links begin with.
    pub(super) fn base(&self) -> String {
        base(&self.state.settings, &self.head)
    }

    /// The parameters of the query.
    pub(super) fn query<T: Fields>(&self) -> Result<T> {
        T::read(&Source::query(self.head.uri.query())).map_err(Refusal::invalid)
    }

    /// The JSON document that is the body.
    pub(super) async fn json<T: Fields>(&mut self) -> Result<T> {
        let body = collect(std::mem::take(&mut self.body)).await?;
        T::read(&Source::Json(object(&body)?)).map_err(Refusal::invalid)
    }

    /// The identifier that the path has for a parameter.
    pub(super) fn id<T: Id>(&self, name: &str, what: &str) -> Result<T> {
        let text = path::decode(sent(self.template, &self.head, name)).unwrap_or_default();
        T::read(&text).ok_or_else(|| Refusal::missing(what))
    }

    /// The key of a file: all the rest of the path, with separators as they are or encoded.
    pub(super) fn key(&self) -> Result<String> {
        let key = path::decode(sent(self.template, &self.head, "key"));
        key.map(Cow::into_owned).ok_or_else(|| Refusal::missing("File"))
    }
}

/// Answers a request.
pub(super) async fn answer(route: &Route, parts: &Parts, request: Request<Body>) -> Answer {
    let (head, body) = request.into_parts();
    let state = &parts.state;
    if !Peer::of(&head).is_unheard() && !state.settings.uploads.allow_http {
        return Refusal::new(Code::InsecureUrl, "This API is spoken over HTTPS only").into_answer();
    }
    let (access, rate) = match admit(route, parts, &head) {
        Ok(admitted) => admitted,
        Err(refusal) => return told(state, refusal).into_answer(),
    };
    let answered = match (access, rate.and_then(|rate| rate.retry_after_s)) {
        (Err(refusal), _) => Err(refusal),
        (Ok(_), Some(seconds)) => {
            let message = format!("Rate limit exceeded. Retry after {seconds} seconds");
            Err(Refusal::new(Code::RateLimited, message))
        }
        (Ok(access), None) => {
            let ask = Ask { state: Arc::clone(state), access, head, body, template: route.path };
            let late = || Err(Refusal::new(Code::Timeout, "Request timeout"));
            let answering = (route.handler)(ask);
            match route.waits {
                true => answering.await,
                false => within(state.settings.timeout, answering).await.unwrap_or_else(late),
            }
        }
    };
    let mut answer = answered.unwrap_or_else(|refusal| told(state, refusal).into_answer());
    if let Some(rate) = rate {
        rate.stamp(answer.headers_mut());
    }
    answer
}

/// A refusal with what the settings suggest.
pub(super) fn told(state: &State, refusal: Refusal) -> Refusal {
    let uploads = &state.settings.uploads;
    match refusal.code() {
        Code::FileTooLarge => refusal.suggest(&uploads.size_suggestion),
        Code::TierLimitExceeded => refusal.suggest(&uploads.tier_suggestion),
        Code::FileTooSmallForMultipart => refusal.suggest("Use /upload/request"),
        _ => refusal,
    }
}

/// Who asks and what they may, and whether they may ask once more.
fn admit(route: &Route, parts: &Parts, head: &Head) -> Result<(Result<ProjectAccess>, Option<Taken>)> {
    let (store, now) = (&parts.state.store, parts.state.store.now());
    let presented = presented(&head.headers)?;
    let belongs_to = |org| caller(head).inspect(|caller| caller.belongs_to(org, None));
    if let Some(access) = store.project_key(presented)? {
        belongs_to(access.org());
        let limit = store.plan_of(access.org())?.uploads.requests_per_minute;
        let rate = access.key().and_then(|key| parts.rates.take(key, limit, now));
        return Ok((Ok(access), rate));
    }
    let Needs::Either(action) = route.needs else { return Err(unauthorized()) };
    let principal = auth::known(store, presented)?.ok_or_else(unauthorized)?;
    let rate = parts.state.rates.take(principal.org, store.plan_of(principal.org)?.max_requests_per_minute, now);
    belongs_to(principal.org);
    let grant = authorize(store, &principal, action, &Asked::Service);
    Ok((grant.map(ProjectAccess::of).map_err(Refusal::from), rate))
}

/// The one key that a request presents.
fn presented(headers: &HeaderMap) -> Result<&str> {
    let mut given = headers.get_all(API_KEY).iter().map(|value| (value, false));
    let mut more = headers.get_all(AUTHORIZATION).iter().map(|value| (value, true));
    let (first, second) = match given.next() {
        Some(first) => (Some(first), given.next().or(more.next())),
        None => (more.next(), more.next()),
    };
    let (None, Some((value, bearer))) = (second, first) else { return Err(unauthorized()) };
    let text = value.to_str().map_err(|_| unauthorized())?.trim();
    match text.strip_prefix("Bearer ") {
        Some(key) => Ok(key.trim_start()),
        None if bearer => Err(unauthorized()),
        None => Ok(text),
    }
}

fn unauthorized() -> Refusal {
    Refusal::new(Code::Unauthorized, "Invalid or missing API key")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn one_key_is_presented_in_one_of_three_forms() {
        let told = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, HeaderValue::from_static(value));
            }
            presented(&headers).map(str::to_owned).map_err(|refusal| refusal.code())
        };
        for good in [("x-api-key", "k"), ("x-api-key", "Bearer k"), ("authorization", "Bearer k")] {
            assert_eq!(told(&[good]), Ok("k".to_owned()), "{good:?}");
        }
        for bad in [
            &[][..],
            &[("authorization", "k")],
            &[("authorization", "Basic k")],
            &[("x-api-key", "k"), ("x-api-key", "k")],
            &[("x-api-key", "k"), ("authorization", "Bearer k")],
        ] {
            assert_eq!(told(bad), Err(Code::Unauthorized), "{bad:?}");
        }
    }
}
