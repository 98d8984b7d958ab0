//! Connected accounts: connect, list, get, change, validate, disconnect; what buckets one has, and importing them.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use windlass_config::Secret;
use windlass_store::ErrorKind as Stored;
use windlass_store::account::{Account, AccountPatch, AccountStatus, KeyPair};
use windlass_store::id::{AccountId, BucketId};
use windlass_store::limit::{IMPORT_BUCKETS_MAX, NAME_CHARS_MAX, REGION_BYTES_MAX, STACK_ID_BYTES_MAX};
use windlass_store::upstream::UpstreamBucket;

use super::Written;
use crate::answer::{Counted, Created, Page, Shown};
use crate::call::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::field::{Flag, List, Nullable, Optional, Parsed, Required, Text, inputs};
use crate::id;
use crate::input::{Json, Query};
use crate::page;
use crate::time::Time;

const LABEL: Text = Text(0, NAME_CHARS_MAX);
const STACK_ID: Text = Text(0, STACK_ID_BYTES_MAX);
/// What the content of these must be is the store's rule; here only what the document tells of it.
const ROLE_ARN: Parsed<String> = Parsed {
    parse: as_it_is,
    message: "Must be a valid IAM role ARN (arn:aws:iam::<account-id>:role/<role-name>)",
    schema: || json!({ "pattern": "^arn:aws:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_-]{1,64}$" }),
};
const ENDPOINT: Parsed<String> = Parsed {
    parse: as_it_is,
    message: "Invalid endpoint",
    schema: || json!({ "pattern": "^https?://[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?){0,3}(:[1-9][0-9]{0,3})?$" }),
};
const REGION: Parsed<String> = Parsed {
    parse: as_it_is,
    message: "Invalid region",
    schema: || json!({ "pattern": "^[a-z0-9-]+$", "minLength": 1, "maxLength": REGION_BYTES_MAX }),
};
const ACCESS_KEY_ID: Parsed<String> = Parsed {
    parse: as_it_is,
    message: "Invalid accessKeyId",
    schema: || json!({ "pattern": "^[A-Za-z0-9._-]+$", "minLength": 3, "maxLength": 128 }),
};
const SECRET: Parsed<Secret> = Parsed {
    parse: |text| Some(Secret::new(text)),
    message: "Invalid secretAccessKey",
    schema: || json!({ "pattern": "^[!-~]+$", "minLength": 8, "maxLength": 256, "writeOnly": true }),
};
const BUCKET_NAMES: List<Text> = List(Text(1, 255), 1..=IMPORT_BUCKETS_MAX, "bucketNames must hold 1 to 50 names");

fn as_it_is(text: &str) -> Option<String> {
    Some(text.to_owned())
}

inputs! {
    /// What an account is connected with.
    NewAccountBody {
        /// A name for people.
        label: Option<String> = "label", Nullable(LABEL);
        /// The address of any S3 provider, its scheme and its host; AWS without it. Not in the contract.
        endpoint: Option<String> = "endpoint", Nullable(ENDPOINT);
        /// The region that requests are signed for; us-east-1 without it. Not in the contract.
        region: Option<String> = "region", Nullable(REGION);
        /// A key pair of the provider, in place of a role or to assume one with. Not in the contract.
        access_key_id: Option<String> = "accessKeyId", Optional(ACCESS_KEY_ID);
        /// The secret of the pair: it is sealed, and never shown. Not in the contract.
        secret_access_key: Option<Secret> = "secretAccessKey", Optional(SECRET);
        /// Whether buckets are named in paths; without it as it suits the endpoint. Not in the contract.
        force_path_style: Option<bool> = "forcePathStyle", Nullable(Flag);
    }
    /// What is changed of an account; what is not given stays.
    AccountChange {
        /// The role of AWS that is assumed, with the account's external id.
        role_arn: Option<Option<String>> = "roleArn", Optional(Nullable(ROLE_ARN));
        /// The stack that made the role.
        stack_id: Option<Option<String>> = "stackId", Optional(Nullable(STACK_ID));
        /// A name for people.
        label: Option<Option<String>> = "label", Optional(Nullable(LABEL));
        /// The address of any S3 provider. Not in the contract.
        endpoint: Option<Option<String>> = "endpoint", Optional(Nullable(ENDPOINT));
        /// The region that requests are signed for. Not in the contract.
        region: Option<Option<String>> = "region", Optional(Nullable(REGION));
        /// A key pair of the provider. Not in the contract.
        access_key_id: Option<String> = "accessKeyId", Optional(ACCESS_KEY_ID);
        /// The secret of the pair. Not in the contract.
        secret_access_key: Option<Secret> = "secretAccessKey", Optional(SECRET);
        /// Whether buckets are named in paths. Not in the contract.
        force_path_style: Option<Option<bool>> = "forcePathStyle", Optional(Nullable(Flag));
    }
    /// Which accounts a page shows.
    AccountQuery {
        /// The last account of the page before.
        cursor: Option<AccountId> = "cursor", Optional(id::field::<AccountId>(page::BAD_CURSOR));
        /// How many.
        limit: u64 = "limit", page::LIMIT;
    }
    /// Which buckets of an account a page shows.
    AccountBucketQuery {
        /// The last name of the page before.
        cursor: Option<String> = "cursor", Optional(Text(0, 255));
        /// How many.
        limit: u64 = "limit", page::LIMIT;
    }
    /// What is imported.
    ImportBody {
        /// Buckets by their names at the provider. All are imported, or none.
        bucket_names: Vec<String> = "bucketNames", Required(BUCKET_NAMES);
    }
}

/// A connected account.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AwsAccount")]
pub(crate) struct AccountObject {
    #[schemars(extend("const" = "aws_account"))]
    object: &'static str,
    id: id::Shown<AccountId>,
    /// 12 digits once the account has been validated and its provider numbers accounts.
    #[schemars(regex(pattern = "^([0-9]{12}|pending-[0-9a-f]{8})$"))]
    aws_account_id: String,
    #[schemars(extend("format" = "uuid"))]
    external_id: String,
    role_arn: Option<String>,
    stack_id: Option<String>,
    label: Option<String>,
    #[schemars(extend("enum" = ["pending", "validating", "active", "failed"]))]
    status: &'static str,
    endpoint: Option<String>,
    region: Option<String>,
    access_key_id: Option<String>,
    force_path_style: Option<bool>,
    last_validated_at: Option<Time>,
    created_at: Time,
    updated_at: Time,
}

/// A bucket that an account has at its provider.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountBucket {
    name: String,
    creation_date: Option<Time>,
}

impl AccountObject {
    fn new(account: Account) -> Self {
        let (aws_account_id, external_id) = (account.number(), account.external_id());
        let row = account.row;
        Self {
            object: "aws_account",
            id: id::Shown(account.id),
            aws_account_id,
            external_id,
            role_arn: row.access.role_arn,
            stack_id: row.stack_id,
            label: row.label,
            status: AccountStatus::name(row.status),
            endpoint: row.access.endpoint,
            region: row.access.region,
            access_key_id: row.access.keys.map(|keys| keys.access_key_id),
            force_path_style: row.access.path_style,
            last_validated_at: row.validated_ms.map(Time),
            created_at: Time(row.created_ms),
            updated_at: Time(row.updated_ms),
        }
    }
}

/// What a route answers about one account that it changed.
type AccountWritten = Written<AccountId>;

/// `POST /v1/aws-accounts`
pub(crate) async fn connect(call: Call, Json(body): Json<NewAccountBody>) -> Result<Created<AccountWritten>> {
    check_paid(&call)?;
    let about = AccountPatch {
        label: Some(body.label),
        endpoint: Some(body.endpoint),
        region: Some(body.region),
        path_style: Some(body.force_path_style),
        keys: pair(body.access_key_id, body.secret_access_key)?,
        ..AccountPatch::default()
    };
    let id = call.store().connect_account(&call.grant, about).await?;
    Ok(Created(Written::new("aws_account", id)))
}

/// `GET /v1/aws-accounts`
pub(crate) async fn list(call: Call, Query(query): Query<AccountQuery>) -> Result<Counted<AccountObject>> {
    let AccountQuery { cursor, limit } = query;
    let found = call.store().list_accounts(&call.grant, cursor, page::count(limit))?;
    let entries = found.accounts.into_iter().map(AccountObject::new).collect();
    let next = found.next.map(|id| id::Shown(id).to_string());
    Ok(Counted { page: Page { entries, next, limit }, total: found.total as u64 })
}

/// `GET /v1/aws-accounts/{accountId}`
pub(crate) async fn get(call: Call, (): ()) -> Result<Shown<AccountObject>> {
    let account = call.store().get_account(&call.grant, asked(&call)?)?;
    Ok(Shown(AccountObject::new(account)))
}

/// `PATCH /v1/aws-accounts/{accountId}`
pub(crate) async fn update(call: Call, Json(body): Json<AccountChange>) -> Result<Shown<AccountWritten>> {
    let id = asked(&call)?;
    let change = AccountPatch {
        label: body.label,
        stack_id: body.stack_id,
        role_arn: body.role_arn,
        endpoint: body.endpoint,
        region: body.region,
        path_style: body.force_path_style,
        keys: pair(body.access_key_id, body.secret_access_key)?,
    };
    call.store().update_account(&call.grant, id, change).await?;
    Ok(Shown(Written::new("aws_account", id)))
}

/// `POST /v1/aws-accounts/{accountId}/validate`
pub(crate) async fn validate(call: Call, (): ()) -> Result<Shown<AccountWritten>> {
    let id = asked(&call)?;
    call.store().validate_account(&call.grant, id).await?;
    Ok(Shown(Written::new("aws_account", id)))
}

/// `DELETE /v1/aws-accounts/{accountId}`
pub(crate) async fn disconnect(call: Call, (): ()) -> Result<Shown<AccountWritten>> {
    let id = asked(&call)?;
    call.store().disconnect_account(&call.grant, id).await?;
    Ok(Shown(Written::new("aws_account", id)))
}

/// `GET /v1/aws-accounts/{accountId}/s3-buckets`
pub(crate) async fn buckets(call: Call, Query(query): Query<AccountBucketQuery>) -> Result<Counted<AccountBucket>> {
    let AccountBucketQuery { cursor, limit } = query;
    let id = asked(&call)?;
    let found = call.store().list_account_buckets(&call.grant, id, cursor.as_deref(), page::count(limit)).await?;
    let shown = |UpstreamBucket { name, created_ms }| AccountBucket { name, creation_date: created_ms.map(Time) };
    let entries = found.buckets.into_iter().map(shown).collect();
    Ok(Counted { page: Page { entries, next: found.next, limit }, total: found.total as u64 })
}

/// `POST /v1/aws-accounts/{accountId}/import`
pub(crate) async fn import(call: Call, Json(body): Json<ImportBody>) -> Result<Created<Vec<Written<BucketId>>>> {
    let id = asked(&call).map_err(|_| {
        let missing = windlass_store::Error::new(Stored::NoSuchAccount, "Active AWS account not found");
        Error::from(missing)
    })?;
    let made = call.store().import_buckets(&call.grant, id, body.bucket_names).await?;
    Ok(Created(made.into_iter().map(|id| Written::new("bucket", id)).collect()))
}

/// Refuses what is for those alone who pay.
pub(crate) fn check_paid(call: &Call) -> Result<()> {
    if call.plan()?.paid {
        return Ok(());
    }
    Err(Error::new(ErrorKind::PaymentRequired, "BYOA requires a paid plan. Upgrade to enable."))
}

fn pair(access_key_id: Option<String>, secret: Option<Secret>) -> Result<Option<KeyPair>> {
    match (access_key_id, secret) {
        (None, None) => Ok(None),
        (Some(access_key_id), Some(secret)) => Ok(Some(KeyPair { access_key_id, secret })),
        _ => Err(Error::bad_request("accessKeyId and secretAccessKey must be given together")),
    }
}

fn asked(call: &Call) -> Result<AccountId> {
    let missing = || windlass_store::Error::new(Stored::NoSuchAccount, "AWS account not found").into();
    call.id("accountId").ok_or_else(missing)
}
