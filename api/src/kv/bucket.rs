//! Making a bucket, its policy, its deletion, and access tokens to it.

use axum::body::Body;
use http::{Response, StatusCode};
use serde::Serialize;
use windlass_store::kv::{KvGrant, KvPermissions, KvPolicy};
use windlass_store::policy::Grant;

use super::body::form;
use super::query::Query;
use super::{Call, text};
use crate::answer::{Answer, json};
use crate::error::{Error, Result};

/// Seconds that a token lasts where the form does not say it.
pub(super) const TOKEN_TTL_S: u64 = 3_600;

#[derive(Serialize)]
struct Made {
    access_token: String,
}

impl Call<'_> {
    pub(super) async fn create(&self, grant: Option<&Grant>, body: Body) -> Result<Answer> {
        let policy = policy(&form(body).await?)?;
        let id = self.store().kv_create(grant, &policy).await?;
        Ok(text(id.to_string()))
    }

    pub(super) async fn update(&self, grant: &KvGrant, body: Body) -> Result<Answer> {
        let policy = policy(&form(body).await?)?;
        self.store().kv_update(grant, &policy).await?;
        Ok(Response::new(Body::empty()))
    }

    pub(super) async fn drop_bucket(&self, grant: &KvGrant) -> Result<Answer> {
        self.store().kv_drop(grant).await?;
        Ok(Response::new(Body::empty()))
    }

    pub(super) async fn make_token(&self, grant: &KvGrant, body: Body) -> Result<Answer> {
        let form = form(body).await?;
        let permissions = permissions(form.text("permissions")?.unwrap_or_default())?;
        let prefix = form.get("prefix").unwrap_or_default().to_vec();
        let ttl_s = form.number("ttl")?.unwrap_or(TOKEN_TTL_S);
        let access_token = self.store().kv_token(grant, prefix, permissions, ttl_s)?;
        Ok(json(StatusCode::OK, &Made { access_token }))
    }
}

/// What a form says of a bucket. The address that published clients send with it is nobody's business.
fn policy(form: &Query) -> Result<KvPolicy> {
    let key = |name| Ok::<_, Error>(form.text(name)?.map(str::to_owned));
    Ok(KvPolicy {
        name: None,
        secret_key: key("secret_key")?,
        read_key: key("read_key")?,
        write_key: key("write_key")?,
        signing_key: key("signing_key")?,
        default_ttl_s: form.number("default_ttl")?,
    })
}

pub(super) fn permissions(list: &str) -> Result<KvPermissions> {
    let mut permissions = KvPermissions::default();
    for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        match name {
            "read" => permissions.read = true,
            "write" => permissions.write = true,
            "enumerate" => permissions.enumerate = true,
            "delete" => permissions.delete = true,
            _ => return Err(Error::bad_request("permissions must be of read, write, enumerate, delete")),
        }
    }
    Ok(permissions)
}
