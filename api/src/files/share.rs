//! Share links: make, list, revoke. Following them is `link.rs`.

use schemars::JsonSchema;
use serde::Serialize;
use windlass_store::ErrorKind as Stored;
use windlass_store::id::ShareId;
use windlass_store::limit::{PASSWORD_BYTES_MAX, SHARE_MS_MAX};
use windlass_store::name::ObjectKey;
use windlass_store::policy::Action;
use windlass_store::share::{NewShare, Share};

use super::link;
use crate::answer::{Gone, Plain, PlainCreated};
use crate::call::{Call, base};
use crate::error::Result;
use crate::field::{Nullable, Optional, Required, Text, Whole, inputs};
use crate::id::{self, Place};
use crate::input::{Json, Query};
use crate::time::Time;
use crate::v1::files::missing;
use crate::{page, path};

inputs! {
    /// What a link is made with.
    ShareBody {
        /// The file that it leads to.
        resource: Option<Place> = "resource_id", Required(id::FILE);
        /// For how many seconds it lasts.
        expires_in: u64 = "expires_in", Required(Whole(1..=SHARE_MS_MAX / 1_000));
        /// A password that it asks for.
        password: Option<String> = "password", Nullable(Text(1, PASSWORD_BYTES_MAX));
    }
    /// Which links a page shows.
    SharesQuery {
        /// The last link of the page before.
        cursor: Option<ShareId> = "cursor", Optional(id::field::<ShareId>(page::BAD_CURSOR));
        /// How many.
        limit: u64 = "limit", page::LIMIT;
    }
}

/// A link that was just made. Its address is told here and nowhere else.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MadeShare")]
pub(crate) struct MadeShare {
    #[schemars(regex(pattern = id::SHARE_PATTERN))]
    id: String,
    url: String,
    expires_at: Time,
}

/// A link.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Share")]
pub(crate) struct ShareObject {
    #[schemars(regex(pattern = id::SHARE_PATTERN))]
    id: String,
    #[schemars(regex(pattern = id::FILE_PATTERN))]
    resource_id: String,
    created_at: Time,
    expires_at: Time,
    has_password: bool,
}

/// A page of links.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SharePage")]
pub(crate) struct SharePage {
    shares: Vec<ShareObject>,
    cursor: Option<String>,
    has_more: bool,
}

/// `POST /v1/share`. The file's identifier names the bucket, so the decision about the bucket is made here.
pub(crate) async fn create(call: Call, Json(body): Json<ShareBody>) -> Result<PlainCreated<MadeShare>> {
    let Place { bucket, key } = body.resource.ok_or_else(missing)?;
    let key = ObjectKey::parse(&key).map_err(|_| missing())?;
    let grant = call.on(Action::CreateShare, &bucket)?;
    let new = NewShare { key, lasts_ms: body.expires_in.saturating_mul(1_000), password: body.password };
    let (share, code) = call.store().create_share(&grant, new).await?;
    let url = format!("{}{}{code}", base(&call.state.settings, &call.head), link::PREFIX);
    Ok(PlainCreated(MadeShare { id: id::share(&bucket, share.id), url, expires_at: Time(share.expires_ms) }))
}

/// `GET /v1/share`
pub(crate) async fn list(call: Call, Query(query): Query<SharesQuery>) -> Result<Plain<SharePage>> {
    let bucket = &call.bucket()?.row.name;
    let (found, next) = call.store().list_shares(&call.grant, query.cursor, page::count(query.limit))?;
    let shown = |share: Share| ShareObject {
        id: id::share(bucket, share.id),
        resource_id: id::file(bucket, &share.key),
        created_at: Time(share.created_ms),
        expires_at: Time(share.expires_ms),
        has_password: share.has_password,
    };
    let shares = found.into_iter().map(shown).collect();
    Ok(Plain(SharePage { shares, cursor: next.map(|id| id::Shown(id).to_string()), has_more: next.is_some() }))
}

/// `DELETE /v1/share/{shareId}`
pub(crate) async fn delete(call: Call, (): ()) -> Result<Gone> {
    let missing = || windlass_store::Error::new(Stored::NoSuchShare, "Share link not found");
    let id = path::decode(call.sent("shareId")).and_then(|id| id::read_share(&id)).ok_or_else(missing)?;
    call.store().revoke_share(&call.grant, id.1).await?;
    Ok(Gone)
}
