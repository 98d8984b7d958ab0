//! Buckets: create, list, get, update, delete, retry.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use windlass_store::bucket::{
    Bucket, BucketPatch, BucketSettings, BucketState, CachePreset, NewBucket, OptimizationMode, Visibility,
};
use windlass_store::id::{AccountId, BucketId};
use windlass_store::limit::{
    CACHE_CONTROL_BYTES_MAX, CORS_ORIGINS_MAX, LIFECYCLE_DAYS_MAX, MIME_TYPE_BYTES_MAX, MIME_TYPES_MAX, NAME_CHARS_MAX,
    ORIGIN_BYTES_MAX,
};
use windlass_store::link::{Link, ManagedPatch};
use windlass_store::name::BucketName;
use windlass_store::usage::UsageRow;

use super::Written;
use super::accounts::check_paid;
use super::managed::{Managed, ManagedObject};
use crate::answer::{Created, Page, Shown};
use crate::call::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::field::{Absent, Flag, List, Never, Nullable, OneOf, Optional, Or, Parsed, Required, Text, Whole, inputs};
use crate::id::{self, Id as _};
use crate::input::{Json, Query};
use crate::time::Time;
use crate::{limit, page};

/// The regions that a bucket can be said to be in, beside the gateway's own.
const REGIONS: [&str; 18] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-central-1",
    "eu-north-1",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "sa-east-1",
    "me-south-1",
    "af-south-1",
];

const REGION: Parsed<String> =
    Parsed { parse: |text| Some(text.to_owned()), message: "Invalid region", schema: || json!({ "enum": REGIONS }) };
const NAME: Text = Text(1, NAME_CHARS_MAX);
const S3_NAME: Parsed<BucketName> = Parsed {
    parse: |text| BucketName::parse(text).ok(),
    message: "Invalid bucket name",
    schema: || json!({ "pattern": "^[a-z0-9](\\.?[a-z0-9-])*\\.?[a-z0-9]$", "minLength": 3, "maxLength": 63 }),
};
const PRESET: OneOf<CachePreset> = OneOf { all: CachePreset::ALL, name: CachePreset::name };
const STATE: OneOf<BucketState> = OneOf { all: BucketState::ALL, name: BucketState::name };
const VISIBILITY: OneOf<Visibility> = OneOf { all: Visibility::ALL, name: Visibility::name };
/// What the content of these must be is the store's rule; here only what the document tells of it.
const ORIGIN: Parsed<String> = Parsed {
    parse: |text| Some(text.to_owned()),
    message: "Invalid origin URL",
    schema: || json!({ "pattern": "^https?://[A-Za-z0-9._-]+(:[0-9]{1,4})?(/[!-~]*)?$", "maxLength": ORIGIN_BYTES_MAX }),
};
const MIME_TYPE: Parsed<String> = Parsed {
    parse: |text| Some(text.to_owned()),
    message: "Invalid MIME type",
    schema: || {
        let token = "[A-Za-z0-9!#$%&'+.^_`|~-]+";
        json!({ "pattern": format!("^({token}/({token}|\\*)|\\*/\\*)$"), "maxLength": MIME_TYPE_BYTES_MAX })
    },
};
const CACHE_CONTROL: Parsed<String> = Parsed {
    parse: |text| Some(text.to_owned()),
    message: "cacheControlOverride must be a header value",
    schema: || json!({ "pattern": "^[ -~]+$", "maxLength": CACHE_CONTROL_BYTES_MAX }),
};
const ORIGINS: List<Parsed<String>> = List(ORIGIN, 0..=CORS_ORIGINS_MAX, "Maximum 10 CORS origins");
const MIME_TYPES: List<Parsed<String>> = List(MIME_TYPE, 0..=MIME_TYPES_MAX, "Maximum 50 MIME types");
const TTL_DAYS: Whole = Whole(1..=LIFECYCLE_DAYS_MAX as u64);
const FILE_SIZE: Whole = Whole(1..=limit::INTEGER_MAX);
/// All modes are read; all but one are refused, by the handler in its own words.
/// One that is no identifier stands for no account, as the handler says.
const ACCOUNT: Parsed<String> =
    Parsed { parse: |text| Some(text.to_owned()), message: "Invalid account id", schema: id::schema::<AccountId> };
const OPTIMIZATION: Parsed<OptimizationMode> = Parsed {
    parse: OptimizationMode::parse,
    message: "optimizationMode must be one of: none, light, balanced, maximum",
    schema: || json!({ "enum": ["none"] }),
};

inputs! {
    /// What a bucket is made with.
    NewBucketBody {
        /// Its name for people.
        name: String = "name", Required(NAME);
        /// Its name on S3; derived from its name if none is given.
        s3_name: Option<BucketName> = "s3Name", Optional(S3_NAME);
        /// Whether the gateway gives it a host of its own. Not available yet.
        is_managed_domain: bool = "isManagedDomain", Or(Never, false);
        /// A host of its own. Not available yet.
        custom_domain: Option<String> = "customDomain", Absent(Text(0, 253));
        /// Where it is said to be; the gateway's own region if nothing is given.
        region: Option<String> = "region", Optional(REGION);
        /// For how long what is delivered may be cached.
        cache_preset: Option<CachePreset> = "cachePreset", Optional(PRESET);
        /// Origins whose pages may use the bucket.
        cors_origins: Option<Vec<String>> = "corsOrigins", Optional(ORIGINS);
        /// Days after which files expire.
        lifecycle_ttl_days: Option<u64> = "lifecycleTtlDays", Nullable(TTL_DAYS);
        /// Bytes of one file; what the plan says without it.
        max_file_size_bytes: Option<u64> = "maxFileSizeBytes", Nullable(FILE_SIZE);
        /// Content types that files may have, exact or `type/*`; all without it.
        allowed_mime_types: Option<Vec<String>> = "allowedMimeTypes", Nullable(MIME_TYPES);
        /// How images are made smaller. Only `none` is available yet.
        optimization_mode: Option<OptimizationMode> = "optimizationMode", Optional(OPTIMIZATION);
        /// Who may read what is delivered.
        visibility: Option<Visibility> = "visibility", Optional(VISIBILITY);
        /// Who keeps the DNS of the host. Without a host it has no meaning.
        _provider: Option<String> = "domainConnectProvider", Nullable(Text(0, 100));
        /// The connected account that it is made in; without it, and with `null`, it is the gateway's own.
        aws_account_id: Option<String> = "awsAccountId", Nullable(ACCOUNT);
    }
    /// What is changed on a bucket; what is not given stays.
    BucketChange {
        /// Its name for people.
        name: Option<String> = "name", Optional(NAME);
        /// For how long what is delivered may be cached.
        cache_preset: Option<CachePreset> = "cachePreset", Optional(PRESET);
        /// A Cache-Control in place of the preset's.
        cache_control_override: Option<Option<String>> = "cacheControlOverride", Optional(Nullable(CACHE_CONTROL));
        /// Origins whose pages may use the bucket.
        cors_origins: Option<Vec<String>> = "corsOrigins", Optional(ORIGINS);
        /// Days after which files expire.
        lifecycle_ttl_days: Option<Option<u64>> = "lifecycleTtlDays", Optional(Nullable(TTL_DAYS));
        /// Bytes of one file.
        max_file_size_bytes: Option<Option<u64>> = "maxFileSizeBytes", Optional(Nullable(FILE_SIZE));
        /// Content types that files may have, exact or `type/*`.
        allowed_mime_types: Option<Option<Vec<String>>> = "allowedMimeTypes", Optional(Nullable(MIME_TYPES));
        /// How images are made smaller. Only `none` is available yet.
        optimization_mode: Option<OptimizationMode> = "optimizationMode", Optional(OPTIMIZATION);
        /// Who may read what is delivered.
        visibility: Option<Visibility> = "visibility", Optional(VISIBILITY);
        /// What is managed from here of a bucket in a connected account: any of these.
        managed: Option<ManagedPatch> = "managedSettings", Optional(Managed);
    }
    /// Which buckets a page shows.
    BucketQuery {
        /// The last bucket of the page before.
        cursor: Option<BucketId> = "cursor", Optional(id::field::<BucketId>(page::BAD_CURSOR));
        /// How many.
        limit: u64 = "limit", page::LIMIT;
        /// Only those in that state.
        status: Option<BucketState> = "status", Optional(STATE);
    }
    /// How a bucket is deleted.
    DeleteQuery {
        /// Whether to delete it only if it holds no file.
        if_empty: bool = "ifEmpty", Or(Flag, false);
    }
}

/// A bucket as it is shown.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Bucket")]
pub(crate) struct BucketObject {
    #[schemars(extend("const" = "bucket"))]
    object: &'static str,
    id: id::Shown<BucketId>,
    name: String,
    s3_name: String,
    custom_domain: Option<String>,
    region: String,
    #[schemars(extend("enum" = ["pending", "provisioning", "active", "failed", "deleting"]))]
    status: &'static str,
    #[schemars(extend("enum" = ["no-cache", "short", "standard", "aggressive", "immutable"]))]
    cache_preset: &'static str,
    cache_control_override: Option<String>,
    cors_origins: Vec<String>,
    lifecycle_ttl_days: Option<u16>,
    max_file_size_bytes: Option<u64>,
    allowed_mime_types: Option<Vec<String>>,
    #[schemars(extend("enum" = ["none", "light", "balanced", "maximum"]))]
    optimization_mode: &'static str,
    domain_connect_provider: Option<String>,
    aws_account_id: Option<id::Shown<AccountId>>,
    is_imported: bool,
    is_managed_domain: bool,
    managed_settings: ManagedObject,
    #[schemars(extend("enum" = ["public", "private"]))]
    visibility: &'static str,
    storage_used_bytes: u64,
    bandwidth_used_bytes: u64,
    object_count: u64,
    dns_records: Option<Vec<DnsRecord>>,
    created_at: Time,
    updated_at: Time,
}

/// A DNS record that a bucket's host needs.
#[derive(Debug, Serialize, JsonSchema)]
struct DnsRecord {
    name: String,
    r#type: String,
    value: String,
}

impl BucketObject {
    fn new(Bucket { id, row }: Bucket, usage: &UsageRow, bandwidth_used_bytes: u64, link: Option<&Link>) -> Self {
        let region = row.region().to_owned();
        let settings = &row.settings;
        Self {
            object: "bucket",
            id: id::Shown(id),
            name: row.display_name.clone(),
            s3_name: row.name.to_string(),
            custom_domain: None,
            region,
            status: row.state.name(),
            cache_preset: settings.cache_preset.name(),
            cache_control_override: settings.cache_control_override.clone(),
            cors_origins: settings.cors_origins.clone(),
            lifecycle_ttl_days: settings.lifecycle_ttl_days,
            max_file_size_bytes: settings.max_file_size_bytes,
            allowed_mime_types: settings.allowed_mime_types.clone(),
            optimization_mode: settings.optimization_mode.name(),
            domain_connect_provider: None,
            aws_account_id: link.map(|link| id::Shown(link.account)),
            is_imported: link.is_some_and(|link| link.imported),
            is_managed_domain: false,
            managed_settings: link.map(|link| link.managed.into()).unwrap_or_default(),
            visibility: settings.visibility.name(),
            storage_used_bytes: usage.stored_bytes(),
            bandwidth_used_bytes,
            object_count: usage.objects,
            dns_records: None,
            created_at: Time(row.created_ms),
            updated_at: Time(row.updated_ms),
        }
    }
}

/// What a route answers about one bucket that it changed.
type BucketWritten = Written<BucketId>;

/// `POST /v1/buckets`
pub(crate) async fn create(call: Call, Json(body): Json<NewBucketBody>) -> Result<Created<BucketWritten>> {
    check_body(&call, &body)?;
    let account = check_account(&call, body.aws_account_id.as_deref())?;
    let mode = body.optimization_mode.unwrap_or_default();
    if body.is_managed_domain || body.custom_domain.is_some() || mode != OptimizationMode::None {
        // The commit, which decides about the room for a bucket, is not reached; but want of it is to be told first.
        check_room(&call)?;
        check_domain(&body)?;
        check_optimization(&call, mode)?;
    }
    let settings = BucketSettings {
        cache_preset: body.cache_preset.unwrap_or_default(),
        cache_control_override: None,
        cors_origins: body.cors_origins.unwrap_or_default(),
        lifecycle_ttl_days: days(body.lifecycle_ttl_days),
        max_file_size_bytes: body.max_file_size_bytes,
        allowed_mime_types: body.allowed_mime_types,
        optimization_mode: OptimizationMode::None,
        visibility: body.visibility.unwrap_or_default(),
    };
    let asked = body.region.as_deref();
    let region = asked.unwrap_or(&call.state.settings.region).to_owned();
    let new = NewBucket { display_name: body.name, name: body.s3_name, region, settings };
    let bucket = match account {
        Some(account) => call.store().create_bucket_in_account(&call.grant, account, new, asked).await?,
        None => call.store().create_bucket_v1(&call.grant, new).await?,
    };
    Ok(Created(Written::new("bucket", bucket.id)))
}

/// `GET /v1/buckets`
pub(crate) async fn list(call: Call, Query(query): Query<BucketQuery>) -> Result<Page<BucketObject>> {
    let BucketQuery { cursor, limit, status } = query;
    let (buckets, next) = call.store().list_buckets_by_id(&call.grant, cursor, status, page::count(limit))?;
    let shown = |(bucket, usage): (Bucket, UsageRow)| {
        let bandwidth = call.store().bucket_bandwidth(bucket.id)?;
        let link = call.store().document::<Link>(&bucket)?;
        Ok(BucketObject::new(bucket, &usage, bandwidth, link.as_deref()))
    };
    let entries = buckets.into_iter().map(shown).collect::<Result<_>>()?;
    Ok(Page { entries, next: next.map(|id| id::Shown(id).to_string()), limit })
}

/// `GET /v1/buckets/{bucketId}`
pub(crate) async fn get(call: Call, (): ()) -> Result<Shown<BucketObject>> {
    let (bucket, usage, bandwidth) = call.store().get_bucket(&call.grant)?;
    let link = call.store().document::<Link>(&bucket)?;
    Ok(Shown(BucketObject::new(bucket, &usage, bandwidth, link.as_deref())))
}

/// `PATCH /v1/buckets/{bucketId}`
pub(crate) async fn update(call: Call, Json(body): Json<BucketChange>) -> Result<Shown<BucketWritten>> {
    if let Some(mode) = body.optimization_mode {
        check_optimization(&call, mode)?;
    }
    let change = BucketPatch {
        display_name: body.name,
        cache_preset: body.cache_preset,
        cache_control_override: body.cache_control_override,
        cors_origins: body.cors_origins,
        lifecycle_ttl_days: body.lifecycle_ttl_days.map(days),
        max_file_size_bytes: body.max_file_size_bytes,
        allowed_mime_types: body.allowed_mime_types,
        optimization_mode: body.optimization_mode,
        visibility: body.visibility,
        managed: body.managed.unwrap_or_default(),
    };
    call.store().update_bucket(&call.grant, change).await?;
    Ok(Shown(Written::new("bucket", call.bucket()?.id)))
}

/// `DELETE /v1/buckets/{bucketId}`
pub(crate) async fn delete(call: Call, Query(query): Query<DeleteQuery>) -> Result<Shown<BucketWritten>> {
    call.store().begin_bucket_deletion(&call.grant, query.if_empty).await?;
    Ok(Shown(Written::new("bucket", call.bucket()?.id)))
}

/// `POST /v1/buckets/{bucketId}/retry`
pub(crate) async fn retry(call: Call, (): ()) -> Result<Shown<BucketWritten>> {
    call.store().retry_bucket(&call.grant).await?;
    Ok(Shown(Written::new("bucket", call.bucket()?.id)))
}

/// Refuses what contradicts itself, and places that there are none of.
fn check_body(call: &Call, body: &NewBucketBody) -> Result<()> {
    let known = |region: &String| REGIONS.contains(&region.as_str()) || *region == call.state.settings.region;
    let refusal = if body.is_managed_domain && body.custom_domain.is_some() {
        "customDomain is assigned by the server for managed domains"
    } else if body.custom_domain.as_deref().is_some_and(|domain| !is_domain(domain)) {
        "Invalid domain format"
    } else if body.region.as_ref().is_some_and(|region| !known(region)) {
        "Invalid region"
    } else if body.aws_account_id.is_some() && body.is_managed_domain {
        "BYOA requires a custom domain"
    } else {
        return Ok(());
    };
    Err(Error::bad_request(refusal))
}

/// The connected account that a bucket is to be made in, which must be paid for, be there and have been validated.
fn check_account(call: &Call, asked: Option<&str>) -> Result<Option<AccountId>> {
    let Some(asked) = asked else { return Ok(None) };
    check_paid(call)?;
    let missing = || windlass_store::Error::new(windlass_store::ErrorKind::NoSuchAccount, "AWS account not found");
    let account = AccountId::read(asked).ok_or_else(missing)?;
    call.store().check_account(&call.grant, account)?;
    Ok(Some(account))
}

/// Refuses a host of a bucket's own, of which this gateway has none.
fn check_domain(body: &NewBucketBody) -> Result<()> {
    if body.is_managed_domain {
        return Err(Error::bad_request("Managed domains are not configured on this gateway"));
    }
    match body.custom_domain {
        Some(_) => Err(Error::bad_request("Custom domains are not available on this gateway")),
        None => Ok(()),
    }
}

/// Lower-case labels of letters, digits and inner hyphens, at least two, the last of letters.
fn is_domain(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    let top = text.rsplit('.').next().unwrap_or_default();
    text.len() <= 253
        && text.contains('.')
        && text.split('.').all(label)
        && top.len() >= 2
        && top.bytes().all(|b| b.is_ascii_lowercase())
}

/// Refuses a bucket that the plan has no room for.
fn check_room(call: &Call) -> Result<()> {
    let used = call.store().org_usage(call.grant.principal().org)?.buckets;
    match call.plan()?.max_buckets {
        Some(max) if used >= max => {
            Err(Error::new(ErrorKind::PaymentRequired, format!("Plan limit reached: maximum {max} bucket(s)")))
        }
        _ => Ok(()),
    }
}

/// Refuses every mode but `none`: of those who do not pay for it, and of all while this gateway has none.
pub(crate) fn check_optimization(call: &Call, mode: OptimizationMode) -> Result<()> {
    if mode == OptimizationMode::None {
        return Ok(());
    }
    if !call.plan()?.paid {
        let message = "Optimization requires a paid plan. Upgrade to enable.";
        return Err(Error::new(ErrorKind::PaymentRequired, message));
    }
    Err(Error::bad_request("Image optimization is not available on this gateway"))
}

fn days(days: Option<u64>) -> Option<u16> {
    // Within the range of `TTL_DAYS`.
    days.and_then(|days| u16::try_from(days).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::field::{Fields as _, Source};

    fn told(body: Value) -> String {
        let Value::Object(object) = body else { panic!("not an object") };
        NewBucketBody::read(&Source::Json(object)).unwrap_err()
    }

    #[test]
    fn bodies_are_refused_in_the_words_of_the_contract() {
        assert_eq!(told(json!({})), "name is required");
        assert_eq!(told(json!({ "name": "" })), "name must be 1 to 100 characters");
        assert_eq!(told(json!({ "name": "a", "corsOrigins": vec!["https://a.b"; 11] })), "Maximum 10 CORS origins");
        assert_eq!(told(json!({ "name": "a", "s3Name": "A" })), "Invalid bucket name");
        assert_eq!(
            told(json!({ "name": "a", "lifecycleTtlDays": 3651 })),
            "lifecycleTtlDays must be between 1 and 3650"
        );
        assert_eq!(
            told(json!({ "name": "a", "cachePreset": "long" })),
            "cachePreset must be one of: no-cache, short, standard, aggressive, immutable"
        );
    }

    #[test]
    fn domains_have_labels_and_an_end_of_letters() {
        for good in ["a.bc", "files.example.com", "x-1.y2.org"] {
            assert!(is_domain(good), "{good}");
        }
        for bad in
            ["", "a", "a.b", "A.com", "-a.com", "a-.com", "a..com", "a.c0m", "a.com.", "a_b.com", "https://a.com"]
        {
            assert!(!is_domain(bad), "{bad}");
        }
    }
}
