//! Object lock: what new versions of a bucket are locked with, and retention and legal hold of each version.

use http::{HeaderMap, HeaderValue};
use s3s::dto::{
    self, GetObjectLegalHoldInput, GetObjectLegalHoldOutput, GetObjectLockConfigurationInput,
    GetObjectLockConfigurationOutput, GetObjectRetentionInput, GetObjectRetentionOutput, ObjectLockEnabled,
    ObjectLockLegalHold, ObjectLockLegalHoldStatus, ObjectLockRetention, ObjectLockRetentionMode,
    PutObjectLegalHoldInput, PutObjectLegalHoldOutput, PutObjectLockConfigurationInput,
    PutObjectLockConfigurationOutput, PutObjectRetentionInput, PutObjectRetentionOutput, Timestamp, TimestampFormat,
};
use s3s::{S3Error, S3Request, S3Response, S3Result};
use windlass_store::object::{DefaultRetention, Extras, LockMode, ObjectLock, Period, Retention};
use windlass_store::policy::{Action, Principal};

use super::call::{self, Call};
use super::error::{self, invalid_argument};
use super::service::Operations;
use super::{date, permissions};

const MODE: &str = "x-amz-object-lock-mode";
const UNTIL: &str = "x-amz-object-lock-retain-until-date";
const HOLD: &str = "x-amz-object-lock-legal-hold";

/// Makes versions of a bucket such that they can be locked, or changes what new ones are locked with.
pub(super) async fn put_configuration(
    door: &Operations,
    request: S3Request<PutObjectLockConfigurationInput>,
) -> S3Result<S3Response<PutObjectLockConfigurationOutput>> {
    let (input, call) = Call::open(request)?;
    let configuration = input.object_lock_configuration.ok_or_else(error::malformed_xml)?;
    if configuration.object_lock_enabled.as_ref().map(ObjectLockEnabled::as_str) != Some(ObjectLockEnabled::ENABLED) {
        return Err(error::malformed_xml());
    }
    let default = match configuration.rule {
        None => None,
        Some(rule) => Some(default_retention(&rule.default_retention.ok_or_else(error::malformed_xml)?)?),
    };
    door.store.put_object_lock(&call.grant, ObjectLock { default }).await.map_err(error::from_store)?;
    Ok(S3Response::new(PutObjectLockConfigurationOutput::default()))
}

fn default_retention(asked: &dto::DefaultRetention) -> S3Result<DefaultRetention> {
    let mode = asked.mode.as_ref().and_then(|mode| LockMode::parse(mode.as_str())).ok_or_else(error::malformed_xml)?;
    let number = |number: i32| {
        let message = "Default retention period must be a positive integer value.";
        u32::try_from(number).map_err(|_| error::refuse("InvalidRetentionPeriod", message))
    };
    let period = match (asked.days, asked.years) {
        (Some(days), None) => Period::Days(number(days)?),
        (None, Some(years)) => Period::Years(number(years)?),
        _ => return Err(error::malformed_xml()),
    };
    Ok(DefaultRetention { mode, period })
}

/// Tells what new versions of a bucket are locked with.
pub(super) async fn get_configuration(
    _door: &Operations,
    request: S3Request<GetObjectLockConfigurationInput>,
) -> S3Result<S3Response<GetObjectLockConfigurationOutput>> {
    let (_, call) = Call::open(request)?;
    let lock = call.grant.bucket().map_err(error::from_store)?.row.object_lock;
    let lock = lock.ok_or_else(|| {
        let message = "Object Lock configuration does not exist for this bucket";
        error::refuse("ObjectLockConfigurationNotFoundError", message)
    })?;
    let rule = lock.default.map(|default| {
        let number = |number: u32| call::number::<u64, i32>(u64::from(number));
        let (days, years) = match default.period {
            Period::Days(days) => (Some(number(days)), None),
            Period::Years(years) => (None, Some(number(years))),
        };
        let mode = Some(ObjectLockRetentionMode::from_static(default.mode.name()));
        dto::ObjectLockRule { default_retention: Some(dto::DefaultRetention { days, mode, years }) }
    });
    let object_lock_enabled = Some(ObjectLockEnabled::from_static(ObjectLockEnabled::ENABLED));
    let configuration = dto::ObjectLockConfiguration { object_lock_enabled, rule };
    Ok(S3Response::new(GetObjectLockConfigurationOutput { object_lock_configuration: Some(configuration) }))
}

/// Says until when a version is kept.
pub(super) async fn put_retention(
    door: &Operations,
    request: S3Request<PutObjectRetentionInput>,
) -> S3Result<S3Response<PutObjectRetentionOutput>> {
    let (input, call) = Call::open(request)?;
    let asked = input.retention.ok_or_else(error::malformed_xml)?;
    let retention = match (asked.mode, asked.retain_until_date) {
        (None, None) => None,
        (Some(mode), Some(until)) => {
            let mode = LockMode::parse(mode.as_str()).ok_or_else(error::malformed_xml)?;
            Some(Retention { mode, until_ms: date::millis(until).ok_or_else(error::malformed_xml)? })
        }
        _ => return Err(error::malformed_xml()),
    };
    let (key, version) = (call::key(&input.key)?, call.version()?);
    let bypass = bypass(&call)?;
    door.store
        .put_retention(&call.grant, key, version, retention, bypass)
        .await
        .map_err(|error| call.refused(error))?;
    Ok(S3Response::new(PutObjectRetentionOutput::default()))
}

/// Tells until when a version is kept.
pub(super) async fn get_retention(
    door: &Operations,
    request: S3Request<GetObjectRetentionInput>,
) -> S3Result<S3Response<GetObjectRetentionOutput>> {
    let (input, call) = Call::open(request)?;
    let locked = door.store.object_lock_of(&call.grant, &call::key(&input.key)?, call.version()?);
    let retention = locked.map_err(|error| call.refused(error))?.retention.ok_or_else(nothing_said)?;
    let retention = ObjectLockRetention {
        mode: Some(ObjectLockRetentionMode::from_static(retention.mode.name())),
        retain_until_date: Some(date::timestamp(retention.until_ms)),
    };
    Ok(S3Response::new(GetObjectRetentionOutput { retention: Some(retention) }))
}

/// Puts a legal hold on a version, or takes it off.
pub(super) async fn put_legal_hold(
    door: &Operations,
    request: S3Request<PutObjectLegalHoldInput>,
) -> S3Result<S3Response<PutObjectLegalHoldOutput>> {
    let (input, call) = Call::open(request)?;
    let status = input.legal_hold.and_then(|hold| hold.status).ok_or_else(error::malformed_xml)?;
    let hold = match status.as_str() {
        ObjectLockLegalHoldStatus::ON => true,
        ObjectLockLegalHoldStatus::OFF => false,
        _ => return Err(error::malformed_xml()),
    };
    let (key, version) = (call::key(&input.key)?, call.version()?);
    door.store.put_legal_hold(&call.grant, key, version, hold).await.map_err(|error| call.refused(error))?;
    Ok(S3Response::new(PutObjectLegalHoldOutput::default()))
}

/// Tells whether a legal hold is on a version.
pub(super) async fn get_legal_hold(
    door: &Operations,
    request: S3Request<GetObjectLegalHoldInput>,
) -> S3Result<S3Response<GetObjectLegalHoldOutput>> {
    let (input, call) = Call::open(request)?;
    let locked = door.store.object_lock_of(&call.grant, &call::key(&input.key)?, call.version()?);
    let hold = locked.map_err(|error| call.refused(error))?.legal_hold.ok_or_else(nothing_said)?;
    let legal_hold = ObjectLockLegalHold { status: Some(ObjectLockLegalHoldStatus::from_static(hold_name(hold))) };
    Ok(S3Response::new(GetObjectLegalHoldOutput { legal_hold: Some(legal_hold) }))
}

/// Whether a request passes over governance retentions. To ask for it takes a right of its own.
/// What policies say of it was asked with the rest of the request.
pub(super) fn bypass(call: &Call) -> S3Result<bool> {
    if !permissions::bypasses(&call.headers) {
        return Ok(false);
    }
    match call.grant.caller() {
        Principal::Key(key) if !key.scopes.contain(Action::BypassGovernance.scopes()) => {
            Err(error::refuse("AccessDenied", error::default_message("AccessDenied")))
        }
        _ => Ok(true),
    }
}

/// The retention that the headers of a write ask for.
pub(super) fn retention(call: &Call) -> S3Result<Option<Retention>> {
    match (call.header(MODE), call.header(UNTIL)) {
        (None, None) => Ok(None),
        (Some(mode), Some(until)) => {
            let mode = LockMode::parse(mode).ok_or_else(|| invalid_argument("Unknown wormMode directive."))?;
            let until = Timestamp::parse(TimestampFormat::DateTime, until).ok().and_then(date::millis);
            let wrong = "The retain until date must be provided in ISO 8601 format";
            Ok(Some(Retention { mode, until_ms: until.ok_or_else(|| invalid_argument(wrong))? }))
        }
        _ => {
            let message = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied";
            Err(invalid_argument(message))
        }
    }
}

/// The legal hold that the headers of a write ask for.
pub(super) fn legal_hold(call: &Call) -> S3Result<Option<bool>> {
    match call.header(HOLD) {
        None => Ok(None),
        Some("ON") => Ok(Some(true)),
        Some("OFF") => Ok(Some(false)),
        Some(_) => Err(invalid_argument("Legal Hold must be either of 'ON' or 'OFF'")),
    }
}

/// Adds what a version is locked with to the headers of an answer.
pub(super) fn to_headers(extras: &Extras, headers: &mut HeaderMap) {
    if let Some(Retention { mode, until_ms }) = extras.retention {
        headers.insert(MODE, HeaderValue::from_static(mode.name()));
        let mut text = Vec::with_capacity(32);
        let printed = date::timestamp(until_ms).format(TimestampFormat::DateTime, &mut text).ok();
        if let Some(value) = printed.and_then(|()| HeaderValue::from_bytes(&text).ok()) {
            headers.insert(UNTIL, value);
        }
    }
    if let Some(hold) = extras.legal_hold {
        headers.insert(HOLD, HeaderValue::from_static(hold_name(hold)));
    }
}

const fn hold_name(hold: bool) -> &'static str {
    if hold { ObjectLockLegalHoldStatus::ON } else { ObjectLockLegalHoldStatus::OFF }
}

fn nothing_said() -> S3Error {
    let message = "The specified object does not have a ObjectLock configuration";
    error::refuse("NoSuchObjectLockConfiguration", message)
}
