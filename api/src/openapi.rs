//! The OpenAPI 3.1 document, made of the routes: what it tells of an operation is what the operation is made of.

use std::collections::BTreeSet;

use http::StatusCode;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use windlass_store::id::{AccountId, BucketId, KeyId, LogId};
use windlass_store::kv::KvId;
use windlass_store::limit::{KEY_BYTES_MAX, KV_SCRIPT_NAME_BYTES_MAX};

use crate::error::{ErrorKind, Form};
use crate::field::{FieldDoc, with};
use crate::id;
use crate::input::Place;
use crate::route::{Link, Route};

/// Where the document is served.
pub(crate) const PATH: &str = "/v1/openapi.json";

/// Headers of every answer to a known key whose plan limits its requests.
const RATE_HEADERS: [(&str, &str); 3] = [
    ("X-RateLimit-Limit", "Requests that may be made in any 60 seconds."),
    ("X-RateLimit-Remaining", "How many more may be made now."),
    ("X-RateLimit-Reset", "When 60 seconds will have passed, in seconds since the Unix epoch."),
];

/// The document.
pub(crate) fn document(routes: &[Route]) -> Value {
    let settings = SchemaSettings::draft2020_12()
        .for_serialize()
        .with(|settings| settings.definitions_path = "/components/schemas".into());
    let mut schemas = settings.into_generator();
    let mut paths = Map::new();
    for route in routes {
        let path = route.path.replace("{*", "{");
        let method = route.method.as_str().to_lowercase();
        let item = paths.remove(&path).unwrap_or_else(|| json!({}));
        paths.insert(path, with(item, &method, operation(route, &mut schemas)));
    }
    let mut components = schemas.take_definitions(true);
    components.insert("Error".to_owned(), envelope_error());
    components.insert("BareError".to_owned(), bare_error());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Windlass",
            "version": "1",
            "description": "The management API of a Windlass gateway, on the same keys and buckets as S3.",
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": all_failures(),
            "headers": headers(),
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer", "description": "An API key: `bkt_…`." } },
        },
        "security": [{ "key": [] }],
    })
}

fn operation(route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let docs = &route.docs;
    let scopes: Vec<_> = route.action().scopes().iter().map(|scope| format!("`{}`", scope.name())).collect();
    let needs = if scopes.is_empty() { "any key".to_owned() } else { scopes.join(" and ") };
    let input = (docs.input)();
    let mut parameters = path_parameters(route.path);
    if docs.in_bucket {
        parameters.push(bucket_parameter());
    }
    parameters.extend(input.parameters.into_iter().map(|(place, field)| parameter(place, field)));
    let operation = json!({
        "operationId": docs.id,
        "summary": docs.about,
        "description": format!("Needs {needs}."),
        "tags": [tag(route.path)],
        "parameters": parameters,
        "responses": responses(route, schemas),
    });
    let Some((media, schema, required)) = input.body else { return operation };
    let body = json!({ "required": required, "content": { media: { "schema": schema } } });
    with(operation, "requestBody", body)
}

/// What the document sorts an operation under.
fn tag(path: &str) -> &str {
    match path.split('/').nth(2) {
        Some("buckets") if path.contains("/files") => "bucket files",
        other => other.unwrap_or_default(),
    }
}

fn parameter(place: Place, field: FieldDoc) -> Value {
    let place = match place {
        Place::Query => "query",
        Place::Header => "header",
    };
    json!({
        "name": field.name,
        "in": place,
        "required": field.required,
        "description": field.about,
        "schema": field.schema,
    })
}

fn path_parameters(path: &str) -> Vec<Value> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameter = |name: &str| {
        let (about, schema) = match name.trim_start_matches('*') {
            "bucketId" => ("The bucket.", id::schema::<BucketId>()),
            "accountId" => ("The account.", id::schema::<AccountId>()),
            "keyId" => ("The key.", id::schema::<KeyId>()),
            "kvId" => ("The key-value bucket.", id::schema::<KvId>()),
            "name" => (
                "The script.",
                json!({
                    "type": "string",
                    "minLength": 1,
                    "maxLength": KV_SCRIPT_NAME_BYTES_MAX,
                    "pattern": "^[A-Za-z0-9_.-]+$",
                }),
            ),
            "logId" => ("The logged request.", id::schema::<LogId>()),
            "shareId" => ("The link.", json!({ "type": "string", "pattern": id::SHARE_PATTERN })),
            "fileId" => ("The file.", json!({ "type": "string", "pattern": id::FILE_PATTERN })),
            _ => (
                "The key of the file: all the rest of the path, percent-decoded once. At most 1024 bytes.",
                json!({ "type": "string", "minLength": 1, "maxLength": KEY_BYTES_MAX, "pattern": "^[^\\u0000]+$" }),
            ),
        };
        let name = name.trim_start_matches('*');
        json!({ "name": name, "in": "path", "required": true, "description": about, "schema": schema })
    };
    names.map(parameter).collect()
}

fn bucket_parameter() -> Value {
    json!({
        "name": "bucket",
        "in": "query",
        "required": false,
        "description": "The bucket, by its name on S3 or its id; the organisation's default bucket without it.",
        "schema": { "type": "string", "pattern": BUCKET_PATTERN, "minLength": 3, "maxLength": 63 },
    })
}

/// What a name on S3 looks like; an identifier of a bucket does as well.
pub(crate) const BUCKET_PATTERN: &str = "^([a-z0-9](\\.?[a-z0-9-])*\\.?[a-z0-9]|bkt_[0-7][0-9A-HJKMNP-TV-Z]{25})$";

fn responses(route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let docs = &route.docs;
    let mut done =
        json!({ "description": docs.status.canonical_reason().unwrap_or_default(), "headers": rate_headers() });
    if let Some((media, schema)) = (docs.output)(schemas) {
        done = with(done, "content", json!({ media: { "schema": schema } }));
    }
    if !docs.links.is_empty() {
        done = with(done, "links", docs.links.iter().map(|link| link_of(*link)).collect::<Map<_, _>>());
    }
    let mut responses = Map::from_iter([(docs.status.as_u16().to_string(), done)]);
    for status in failures(route) {
        let told = match status {
            StatusCode::PARTIAL_CONTENT => responses.get("200").cloned().unwrap_or_default(),
            StatusCode::NOT_MODIFIED => json!({ "description": "Not Modified", "headers": rate_headers() }),
            _ => failure(route.path, status),
        };
        responses.entry(status.as_u16().to_string()).or_insert(told);
    }
    responses.into()
}

fn link_of((operation, link): (&str, Link)) -> (String, Value) {
    let parameters: Map<_, _> = link.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    (operation.to_owned(), json!({ "operationId": operation, "parameters": parameters }))
}

/// The statuses of everything that can go wrong.
fn failures(route: &Route) -> BTreeSet<StatusCode> {
    let mut kinds = vec![
        ErrorKind::BadRequest,
        ErrorKind::Unauthorized,
        ErrorKind::Timeout,
        ErrorKind::RateLimited,
        ErrorKind::ServerError,
        ErrorKind::Unavailable,
    ];
    if route.action().scopes().iter().next().is_some() {
        kinds.push(ErrorKind::Forbidden);
    }
    if route.path.contains('{') || route.docs.in_bucket {
        kinds.push(ErrorKind::NotFound);
    }
    kinds.into_iter().map(ErrorKind::status).chain(route.docs.fails.iter().copied()).collect()
}

/// Where the failures of a form are told, and by which schema.
fn failure_of(form: Form) -> (&'static str, &'static str) {
    match form {
        Form::Envelope => ("Error", "#/components/schemas/Error"),
        // What answers in text is not in the document.
        Form::Bare | Form::Text => ("BareError", "#/components/schemas/BareError"),
    }
}

fn failure(path: &str, status: StatusCode) -> Value {
    let (name, _) = failure_of(Form::of(path));
    json!({ "$ref": format!("#/components/responses/{name}{}", status.as_u16()) })
}

/// Whether only doors that answer in text know it.
fn is_of_text(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotAcceptable | ErrorKind::Gone | ErrorKind::Teapot)
}

/// What every kind of error looks like, in both forms.
fn all_failures() -> Value {
    let mut failures = Map::new();
    for (name, schema) in [Form::Envelope, Form::Bare].map(failure_of) {
        for status in ErrorKind::ALL.iter().filter(|kind| !is_of_text(**kind)).map(|kind| kind.status()) {
            let failure = json!({
                "description": status.canonical_reason().unwrap_or_default(),
                "content": { "application/json": { "schema": { "$ref": schema } } },
            });
            let known = status != StatusCode::UNAUTHORIZED;
            let failure = if known { with(failure, "headers", rate_headers()) } else { failure };
            failures.insert(format!("{name}{}", status.as_u16()), failure);
        }
    }
    failures.into()
}

fn rate_headers() -> Value {
    let reference =
        |(name, _): &(&str, &str)| ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }));
    RATE_HEADERS.iter().map(reference).collect::<Map<_, _>>().into()
}

fn headers() -> Value {
    let header = |(name, about): &(&str, &str)| {
        let schema = json!({ "type": "integer", "minimum": 0 });
        ((*name).to_owned(), json!({ "description": about, "schema": schema }))
    };
    RATE_HEADERS.iter().map(header).collect::<Map<_, _>>().into()
}

fn envelope_error() -> Value {
    json!({
        "type": "object",
        "properties": {
            "data": { "type": "null" },
            "error": {
                "type": "object",
                "properties": { "message": { "type": "string" } },
                "required": ["message"],
                "additionalProperties": false,
            },
            "meta": { "type": "null" },
        },
        "required": ["data", "error", "meta"],
        "additionalProperties": false,
    })
}

fn bare_error() -> Value {
    let codes: Vec<_> = ErrorKind::ALL.iter().map(|kind| kind.code()).collect();
    json!({
        "type": "object",
        "properties": {
            "error": { "type": "string", "enum": codes },
            "message": { "type": "string" },
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
        },
        "required": ["error", "message", "status"],
        "additionalProperties": false,
    })
}
