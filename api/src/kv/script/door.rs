//! `/{bucket}/scripts/{name}`: storing, showing, deleting and running a script.

use axum::body::Body;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Method, Response, StatusCode};
use windlass_store::kv::KvGrant;
use windlass_store::limit::{KV_CONTENT_TYPE_BYTES_MAX, KV_SCRIPT_BYTES_MAX};

use super::frame::{Ending, Output, Task};
use super::run::run;
use crate::answer::Answer;
use crate::error::{Error, ErrorKind, Result};
use crate::kv::body::{collect, form};
use crate::kv::query::Query;
use crate::kv::value::harmless;
use crate::kv::{Call, text};
use crate::peer::Peer;

/// What a request presents is not for scripts to see, nor what it asks of the door.
const WITHHELD: [&[u8]; 3] = [b"key", b"access_token", b"remote_addr"];

impl Call<'_> {
    pub(in crate::kv) async fn script(&self, grant: &KvGrant, name: &str, body: Body) -> Result<Answer> {
        match self.head.method {
            Method::GET if self.query.flag("source")? => Ok(text(self.store().kv_get_script(grant, name)?.source)),
            Method::GET => self.run_script(grant, name, None).await,
            Method::POST => {
                let form = if http_body::Body::is_end_stream(&body) { None } else { Some(self.posted(body).await?) };
                self.run_script(grant, name, form).await
            }
            Method::PUT => {
                let source = collect(body, KV_SCRIPT_BYTES_MAX, "A script is at most 65536 bytes").await?;
                let source = String::from_utf8(source.into());
                let source = source.map_err(|_| Error::bad_request("A script is text in UTF-8"))?;
                self.store().kv_put_script(grant, name.to_owned(), source).await?;
                Ok(Response::new(Body::empty()))
            }
            Method::DELETE => {
                self.store().kv_delete_script(grant, name.to_owned()).await?;
                Ok(Response::new(Body::empty()))
            }
            _ => Err(Error::method_not_allowed("DELETE,GET,POST,PUT")),
        }
    }

    async fn posted(&self, body: Body) -> Result<Query> {
        let said = self.head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = said.and_then(|said| said.split(';').next()).unwrap_or_default().trim();
        if !essence.is_empty() && !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Error::bad_request("What is sent to a script is a form"));
        }
        form(body).await
    }

    async fn run_script(&self, grant: &KvGrant, name: &str, form: Option<Query>) -> Result<Answer> {
        let source = self.store().kv_script_to_run(grant, name)?.source;
        let mut vars: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        for (name, value) in self.query.pairs().chain(form.iter().flat_map(Query::pairs)) {
            if !WITHHELD.contains(&name) && vars.iter().all(|(known, _)| known != name) {
                vars.push((name.to_vec(), value.to_vec()));
            }
        }
        vars.push((b"remote_addr".to_vec(), Peer::of(self.head).address.to_string().into_bytes()));
        let task = Task { name: name.to_owned(), source, vars };
        match run(&self.kv.workers, self.store(), grant, task).await? {
            Ending::Finished(output) => answer(output),
            Ending::Failed(message) => Err(Error::new(ErrorKind::ServerError, message)),
            Ending::Stopped(reason) => Err(Error::new(ErrorKind::Unavailable, reason)),
        }
    }
}

/// The answer that a script has given, if it can be one.
fn answer(output: Output) -> Result<Answer> {
    let wrong = |what: &'static str| Error::new(ErrorKind::ServerError, what);
    let status = StatusCode::from_u16(output.status).ok().filter(|status| (200..600).contains(&status.as_u16()));
    let status = status.ok_or_else(|| wrong("kvdb.status must be a whole number from 200 to 599"))?;
    let bodiless = [StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT, StatusCode::NOT_MODIFIED].contains(&status);
    let mut answer = Response::new(if bodiless { Body::empty() } else { Body::from(output.body) });
    *answer.status_mut() = status;
    let content_type = match output.content_type {
        Some(said) if said.len() > KV_CONTENT_TYPE_BYTES_MAX => None,
        Some(said) => HeaderValue::from_bytes(&said).ok(),
        None => Some(HeaderValue::from_static("text/plain; charset=utf-8")),
    };
    let content_type = content_type.ok_or_else(|| wrong("kvdb.header: the content type cannot be sent"))?;
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    if let Some(location) = output.location {
        let location = HeaderValue::from_bytes(&location);
        let location = location.map_err(|_| wrong("kvdb.redirect: the address cannot be sent"))?;
        answer.headers_mut().insert(LOCATION, location);
    }
    harmless(&mut answer);
    Ok(answer)
}
