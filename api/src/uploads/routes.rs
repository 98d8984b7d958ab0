//! `/routers`: what may be uploaded to a project.

use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use windlass_store::id::{ProjectId, RouteId};
use windlass_store::limit::{MIME_TYPE_BYTES_MAX, MIME_TYPES_MAX, SLUG_CHARS_MAX, WEBHOOK_URL_BYTES_MAX};
use windlass_store::project::{NewRoute, Route, RoutePatch};

use super::ask::Ask;
use super::error::Result;
use super::list::{List, PageQuery};
use super::{projects, webhook};
use crate::answer::{self, Answer};
use crate::field::{self, Nullable, Optional, Or, Required, Text, Whole, inputs};
use crate::id::Shown;
use crate::limit::INTEGER_MAX;
use crate::time::Time;

/// Bytes of a file unless a route says something else.
const FILE_SIZE_DEFAULT: u64 = 4 << 20;
const SIZE: Whole = Whole(1..=INTEGER_MAX);
const COUNT: Whole = Whole(1..=1_000_000);
const TYPES: field::List<Text> =
    field::List(Text(1, MIME_TYPE_BYTES_MAX), 0..=MIME_TYPES_MAX, "allowedTypes: at most 50");
const URL: Text = Text(1, WEBHOOK_URL_BYTES_MAX);

inputs! {
    /// A route to make.
    CreateBody {
        /// Its name in requests.
        slug: String = "slug", Required(Text(1, SLUG_CHARS_MAX));
        /// Bytes of one file.
        max_file_size: u64 = "maxFileSize", Or(SIZE, FILE_SIZE_DEFAULT);
        /// Files that a client is to let people pick at once.
        max_file_count: u64 = "maxFileCount", Or(COUNT, 1);
        /// Content types, exact or as in image/*.
        allowed_types: Option<Vec<String>> = "allowedTypes", Nullable(TYPES);
        /// Who is told of a file that was uploaded.
        webhook_url: Option<String> = "webhookUrl", Nullable(URL);
    }
    /// A change of a route.
    UpdateBody {
        /// Bytes of one file.
        max_file_size: Option<u64> = "maxFileSize", Optional(SIZE);
        /// Files that a client is to let people pick at once.
        max_file_count: Option<u64> = "maxFileCount", Optional(COUNT);
        /// Content types, exact or as in image/*.
        allowed_types: Option<Vec<String>> = "allowedTypes", Optional(TYPES);
        /// Who is told of a file that was uploaded; `null` is nobody.
        webhook_url: Option<Option<String>> = "webhookUrl", Optional(Nullable(URL));
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RouteObject<'a> {
    id: Shown<RouteId>,
    project_id: Shown<ProjectId>,
    slug: &'a str,
    max_file_size: u64,
    max_file_count: u32,
    allowed_types: &'a [String],
    webhook_url: Option<&'a str>,
    created_at: Time,
    updated_at: Time,
}

impl<'a> RouteObject<'a> {
    fn new(route: &'a Route) -> Self {
        let row = &route.row;
        Self {
            id: Shown(route.id),
            project_id: Shown(row.project),
            slug: &row.slug,
            max_file_size: row.max_file_size,
            max_file_count: row.max_file_count,
            allowed_types: &row.allowed_types,
            webhook_url: row.webhook_url.as_deref(),
            created_at: Time(row.created_ms),
            updated_at: Time(row.updated_ms),
        }
    }
}

fn count(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// `GET /projects/{id}/routers`
pub(super) async fn list(ask: Ask) -> Result<Answer> {
    let query: PageQuery = ask.query()?;
    let routes = ask.store().list_routes(&ask.access, projects::asked(&ask)?)?;
    let items = routes.iter().map(|route| (route.id.0, RouteObject::new(route))).collect();
    Ok(List::of(items, &query).into_answer())
}

/// `POST /projects/{id}/routers`
pub(super) async fn create(mut ask: Ask) -> Result<Answer> {
    let body: CreateBody = ask.json().await?;
    let settings = RoutePatch {
        max_file_size: Some(body.max_file_size),
        max_file_count: Some(count(body.max_file_count)),
        allowed_types: Some(body.allowed_types.unwrap_or_default()),
        webhook_url: Some(body.webhook_url),
    };
    let new = NewRoute { slug: body.slug, settings };
    let route = ask.store().create_route(&ask.access, projects::asked(&ask)?, new).await?;
    Ok(answer::json(StatusCode::CREATED, &RouteObject::new(&route)))
}

/// `PATCH /routers/{id}`
pub(super) async fn update(mut ask: Ask) -> Result<Answer> {
    let body: UpdateBody = ask.json().await?;
    let patch = RoutePatch {
        max_file_size: body.max_file_size,
        max_file_count: body.max_file_count.map(count),
        allowed_types: body.allowed_types,
        webhook_url: body.webhook_url,
    };
    let route = ask.store().update_route(&ask.access, asked(&ask)?, patch).await?;
    Ok(answer::json(StatusCode::OK, &RouteObject::new(&route)))
}

/// `DELETE /routers/{id}`
pub(super) async fn delete(ask: Ask) -> Result<Answer> {
    ask.store().delete_route(&ask.access, asked(&ask)?).await?;
    Ok(answer::json(StatusCode::OK, &json!({ "deleted": true })))
}

/// `POST /routers/{id}/webhook/test`
pub(super) async fn try_webhook(ask: Ask) -> Result<Answer> {
    let sample = ask.store().webhook_sample(&ask.access, asked(&ask)?, ask.base())?;
    let file = (sample.file.id, &sample.file.row);
    let message = webhook::message(&sample.url, file, sample.id, &ask.base(), &sample.secrets, ask.now());
    let answered = ask.state.carrier.carry(message).await;
    let told = json!({
        "delivered": answered.is_ok_and(|status| (200..300).contains(&status)),
        "status": answered.ok(),
        "error": answered.err(),
    });
    Ok(answer::json(StatusCode::OK, &told))
}

fn asked(ask: &Ask) -> Result<RouteId> {
    ask.id("id", "Route")
}
