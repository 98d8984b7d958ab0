//! THE TABLE of operations: all that the JSON doors can do, and what each needs. Its code is in the file that is named
//! before its handler.

use http::{Method, StatusCode};
use windlass_store::policy::Action;

use crate::files::{file, folders, share};
use crate::route::{Link, Route, route};
use crate::v1::{accounts, adoption, billing, buckets, files, keys, kv, kv_scripts, logs};

const PAY: StatusCode = StatusCode::PAYMENT_REQUIRED;
const CONFLICT: StatusCode = StatusCode::CONFLICT;
const LARGE: StatusCode = StatusCode::PAYLOAD_TOO_LARGE;
const TYPE: StatusCode = StatusCode::UNSUPPORTED_MEDIA_TYPE;
const RANGE: StatusCode = StatusCode::RANGE_NOT_SATISFIABLE;
const CONDITION: StatusCode = StatusCode::PRECONDITION_FAILED;

const BUCKETS: &str = "/v1/buckets";
const BUCKET: &str = "/v1/buckets/{bucketId}";
const RETRY: &str = "/v1/buckets/{bucketId}/retry";
const ADOPT: &str = "/v1/buckets/{bucketId}/adopt";
const BUCKET_FILES: &str = "/v1/buckets/{bucketId}/files";
const BUCKET_FILE: &str = "/v1/buckets/{bucketId}/files/{*path}";
const ACCOUNTS: &str = "/v1/aws-accounts";
const ACCOUNT: &str = "/v1/aws-accounts/{accountId}";
const KEYS: &str = "/v1/keys";
const KEY: &str = "/v1/keys/{keyId}";
const KV: &str = "/v1/kv";
const KV_BUCKET: &str = "/v1/kv/{kvId}";
const KV_SCRIPTS: &str = "/v1/kv/{kvId}/scripts";
const KV_SCRIPT: &str = "/v1/kv/{kvId}/scripts/{name}";
const LOGS: &str = "/v1/logs";
const LOG: &str = "/v1/logs/{logId}";
const FILES: &str = "/v1/files";
const UPLOAD: &str = "/v1/files/upload";
const FILE: &str = "/v1/files/{fileId}";
const CONTENT: &str = "/v1/files/{fileId}/content";
const FOLDERS: &str = "/v1/folders";
const SHARES: &str = "/v1/share";
const SHARE: &str = "/v1/share/{shareId}";

// Where operations that go on find what they are about.
const BUCKET_ID: Link = &[("bucketId", "$response.body#/data/id")];
const ADOPTED_ID: Link = &[("bucketId", "$request.path.bucketId")];
const BUCKET_PATH: Link = &[("bucketId", "$request.path.bucketId"), ("path", "$response.body#/data/key")];
const ACCOUNT_ID: Link = &[("accountId", "$response.body#/data/id")];
const KEY_ID: Link = &[("keyId", "$response.body#/data/id")];
const KV_ID: Link = &[("kvId", "$response.body#/data/id")];
const KV_SCRIPT_ID: Link = &[("kvId", "$request.path.kvId"), ("name", "$response.body#/data/id")];
const LOG_ID: Link = &[("logId", "$response.body#/data/0/id")];
const FILE_ID: Link = &[("fileId", "$response.body#/id")];
const SHARE_ID: Link = &[("shareId", "$response.body#/id")];

/// All operations.
pub(crate) fn routes() -> Vec<Route> {
    let (get, post, patch, delete) = (Method::GET, Method::POST, Method::PATCH, Method::DELETE);
    let mut routes = vec![
        route(post.clone(), BUCKETS, Action::CreateBucket, buckets::create, ("createBucket", "Make a bucket"))
            .fails(&[PAY, StatusCode::NOT_FOUND, CONFLICT, LARGE])
            .then("getBucket", BUCKET_ID)
            .then("updateBucket", BUCKET_ID)
            .then("listBucketFiles", BUCKET_ID)
            .then("putBucketFile", BUCKET_ID)
            .then("deleteBucket", BUCKET_ID),
        route(get.clone(), BUCKETS, Action::ListBuckets, buckets::list, ("listBuckets", "List buckets")),
        route(get.clone(), BUCKET, Action::GetBucket, buckets::get, ("getBucket", "Get a bucket")),
        route(patch, BUCKET, Action::UpdateBucket, buckets::update, ("updateBucket", "Change a bucket"))
            .fails(&[PAY, CONFLICT, LARGE])
            .then("getBucket", BUCKET_ID),
        route(delete.clone(), BUCKET, Action::DeleteBucket, buckets::delete, ("deleteBucket", "Delete a bucket"))
            .fails(&[CONFLICT]),
        route(
            post.clone(),
            RETRY,
            Action::RetryBucket,
            buckets::retry,
            ("retryBucket", "Get a failed bucket ready again"),
        )
        .fails(&[CONFLICT]),
        route(
            post.clone(),
            ADOPT,
            Action::UpdateBucket,
            adoption::begin,
            ("adoptBucket", "Make a linked bucket the gateway's own (not in the contract)"),
        )
        .fails(&[CONFLICT])
        .then("getAdoption", ADOPTED_ID),
        route(
            get.clone(),
            ADOPT,
            Action::GetBucket,
            adoption::get,
            ("getAdoption", "See how far an adoption has come (not in the contract)"),
        ),
        route(get.clone(), LOGS, Action::ListLogs, logs::list, ("listLogs", "List logged requests"))
            .then("getLog", LOG_ID),
        route(get.clone(), LOG, Action::GetLog, logs::get, ("getLog", "Get a logged request")),
        route(
            get.clone(),
            "/v1/billing/usage",
            Action::ReadBilling,
            billing::usage,
            ("getUsage", "What the organisation takes up"),
        ),
        route(
            get,
            "/v1/billing/subscription",
            Action::ReadBilling,
            billing::subscription,
            ("getSubscription", "The organisation's plan"),
        ),
    ];
    routes.extend(bucket_files());
    routes.extend(api_keys());
    routes.extend(connected());
    routes.extend(key_value());
    routes.extend(scripts());
    routes.extend(face());
    routes
}

/// Key-value buckets.
fn key_value() -> Vec<Route> {
    let (get, post, patch, delete) = (Method::GET, Method::POST, Method::PATCH, Method::DELETE);
    vec![
        route(post, KV, Action::CreateKvBucket, kv::create, ("createKvBucket", "Make a key-value bucket"))
            .fails(&[PAY, LARGE])
            .then("getKvBucket", KV_ID)
            .then("updateKvBucket", KV_ID)
            .then("deleteKvBucket", KV_ID),
        route(get.clone(), KV, Action::ListKvBuckets, kv::list, ("listKvBuckets", "List key-value buckets")),
        route(get, KV_BUCKET, Action::GetKvBucket, kv::get, ("getKvBucket", "Get a key-value bucket")),
        route(patch, KV_BUCKET, Action::UpdateKvBucket, kv::update, ("updateKvBucket", "Change a key-value bucket"))
            .fails(&[LARGE])
            .then("getKvBucket", KV_ID),
        route(delete, KV_BUCKET, Action::DeleteKvBucket, kv::delete, ("deleteKvBucket", "Delete a key-value bucket")),
    ]
}

/// Scripts of key-value buckets.
fn scripts() -> Vec<Route> {
    let (get, put, delete) = (Method::GET, Method::PUT, Method::DELETE);
    let may = Action::UpdateKvBucket;
    vec![
        route(get.clone(), KV_SCRIPTS, may, kv_scripts::list, ("listKvScripts", "List the scripts of a bucket")),
        route(get, KV_SCRIPT, may, kv_scripts::get, ("getKvScript", "Get a script")),
        route(put, KV_SCRIPT, may, kv_scripts::put, ("putKvScript", "Put a script"))
            .fails(&[PAY, LARGE])
            .then("getKvScript", KV_SCRIPT_ID)
            .then("deleteKvScript", KV_SCRIPT_ID),
        route(delete, KV_SCRIPT, may, kv_scripts::delete, ("deleteKvScript", "Delete a script")),
    ]
}

/// Files of a bucket.
fn bucket_files() -> Vec<Route> {
    let (get, put, delete) = (Method::GET, Method::PUT, Method::DELETE);
    vec![
        route(put, BUCKET_FILE, Action::PutObject, files::put, ("putBucketFile", "Upload a file"))
            .fails(&[PAY, LARGE, TYPE])
            .then("getBucketFile", BUCKET_PATH)
            .then("deleteBucketFile", BUCKET_PATH),
        route(get.clone(), BUCKET_FILES, Action::ListObjects, files::list, ("listBucketFiles", "List files")),
        route(get, BUCKET_FILE, Action::GetObject, files::get, ("getBucketFile", "Get a file's metadata")),
        route(delete, BUCKET_FILE, Action::DeleteObject, files::delete, ("deleteBucketFile", "Delete a file")),
    ]
}

/// Keys.
fn api_keys() -> Vec<Route> {
    let (get, post, delete) = (Method::GET, Method::POST, Method::DELETE);
    vec![
        route(post, KEYS, Action::CreateKey, keys::create, ("createKey", "Mint a key"))
            .fails(&[LARGE])
            .then("getKey", KEY_ID)
            .then("deleteKey", KEY_ID),
        route(get.clone(), KEYS, Action::ListKeys, keys::list, ("listKeys", "List keys")),
        route(get, KEY, Action::GetKey, keys::get, ("getKey", "Get a key")),
        route(delete, KEY, Action::DeleteKey, keys::delete, ("deleteKey", "Revoke a key")).then("getKey", KEY_ID),
    ]
}

/// Connected accounts.
fn connected() -> Vec<Route> {
    let (get, post, patch, delete) = (Method::GET, Method::POST, Method::PATCH, Method::DELETE);
    vec![
        route(
            post.clone(),
            ACCOUNTS,
            Action::ConnectAccount,
            accounts::connect,
            ("connectAccount", "Connect an account"),
        )
        .fails(&[PAY, LARGE])
        .then("getAccount", ACCOUNT_ID)
        .then("updateAccount", ACCOUNT_ID)
        .then("validateAccount", ACCOUNT_ID)
        .then("disconnectAccount", ACCOUNT_ID),
        route(get.clone(), ACCOUNTS, Action::ListAccounts, accounts::list, ("listAccounts", "List accounts")),
        route(get.clone(), ACCOUNT, Action::GetAccount, accounts::get, ("getAccount", "Get an account")),
        route(patch, ACCOUNT, Action::UpdateAccount, accounts::update, ("updateAccount", "Change an account"))
            .fails(&[LARGE])
            .then("getAccount", ACCOUNT_ID),
        route(
            delete,
            ACCOUNT,
            Action::DisconnectAccount,
            accounts::disconnect,
            ("disconnectAccount", "Disconnect an account, and forget its buckets"),
        )
        .fails(&[CONFLICT])
        .then("getAccount", ACCOUNT_ID),
        route(
            post.clone(),
            "/v1/aws-accounts/{accountId}/validate",
            Action::ValidateAccount,
            accounts::validate,
            ("validateAccount", "Ask whether an account works"),
        )
        .then("getAccount", ACCOUNT_ID),
        route(
            get,
            "/v1/aws-accounts/{accountId}/s3-buckets",
            Action::ListAccountBuckets,
            accounts::buckets,
            ("listAccountBuckets", "List the buckets that an account has"),
        ),
        route(
            post,
            "/v1/aws-accounts/{accountId}/import",
            Action::ImportBuckets,
            accounts::import,
            ("importBuckets", "Import buckets of an account, all or none"),
        )
        .fails(&[PAY, CONFLICT, LARGE]),
    ]
}

/// The files face.
fn face() -> Vec<Route> {
    let (get, post, delete) = (Method::GET, Method::POST, Method::DELETE);
    vec![
        route(get.clone(), FILES, Action::ListObjects, file::list, ("listFiles", "List files")).in_bucket(),
        route(post.clone(), UPLOAD, Action::PutObject, file::upload, ("uploadFile", "Upload a file by a form"))
            .in_bucket()
            .fails(&[PAY, LARGE, TYPE])
            .then("getFile", FILE_ID)
            .then("getFileContent", FILE_ID)
            .then("deleteFile", FILE_ID),
        route(get.clone(), FILE, Action::GetObject, file::get, ("getFile", "Get a file's metadata")),
        route(get.clone(), CONTENT, Action::GetObject, file::content, ("getFileContent", "Read a file")).fails(&[
            PAY,
            RANGE,
            CONDITION,
            StatusCode::PARTIAL_CONTENT,
            StatusCode::NOT_MODIFIED,
        ]),
        route(delete.clone(), FILE, Action::DeleteObject, file::delete, ("deleteFile", "Delete a file")),
        route(get.clone(), FOLDERS, Action::ListObjects, folders::list, ("listFolders", "List folders")).in_bucket(),
        route(post.clone(), FOLDERS, Action::PutObject, folders::create, ("createFolder", "Make a folder"))
            .in_bucket()
            .fails(&[PAY, CONFLICT, LARGE, TYPE]),
        route(post, SHARES, Action::CreateShare, share::create, ("createShare", "Share a file by a link"))
            .fails(&[StatusCode::NOT_FOUND, LARGE])
            .then("deleteShare", SHARE_ID),
        route(get, SHARES, Action::ListShares, share::list, ("listShares", "List links")).in_bucket(),
        route(delete, SHARE, Action::RevokeShare, share::delete, ("deleteShare", "Revoke a link")),
    ]
}
