//! The life cycle of what a bucket holds: the documents of it, and what answers tell of when an object will be gone.

use http::{HeaderMap, HeaderName, HeaderValue};
use s3s::dto::{
    self, AbortIncompleteMultipartUpload, DeleteBucketLifecycleInput, DeleteBucketLifecycleOutput, ExpirationStatus,
    GetBucketLifecycleConfigurationInput, GetBucketLifecycleConfigurationOutput, LifecycleExpiration,
    LifecycleRuleAndOperator, LifecycleRuleFilter, NoncurrentVersionExpiration, PutBucketLifecycleConfigurationInput,
    PutBucketLifecycleConfigurationOutput, Tag,
};
use s3s::{S3Request, S3Response, S3Result};
use windlass_store::clock::Millis;
use windlass_store::lifecycle::{
    Due, Expiration, Facts, Filter, FilterForm, Lifecycle, LifecycleRule, NoncurrentExpiration,
};

use super::call::Call;
use super::service::Operations;
use super::{date, encode, error};

const EXPIRATION: HeaderName = HeaderName::from_static("x-amz-expiration");
const ABORT_DATE: HeaderName = HeaderName::from_static("x-amz-abort-date");
const ABORT_RULE: HeaderName = HeaderName::from_static("x-amz-abort-rule-id");

const ENABLED: &str = ExpirationStatus::ENABLED;
const DISABLED: &str = ExpirationStatus::DISABLED;

/// A bucket's rules.
pub(super) async fn get_bucket_lifecycle_configuration(
    door: &Operations,
    request: S3Request<GetBucketLifecycleConfigurationInput>,
) -> S3Result<S3Response<GetBucketLifecycleConfigurationOutput>> {
    let (_, call) = Call::open(request)?;
    let lifecycle = door.store.document::<Lifecycle>(call.grant.bucket().map_err(error::from_store)?);
    let none = || error::refuse("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist");
    let lifecycle = lifecycle.map_err(error::from_store)?.ok_or_else(none)?;
    Ok(S3Response::new(GetBucketLifecycleConfigurationOutput {
        rules: Some(lifecycle.rules.iter().map(to_dto).collect()),
        ..GetBucketLifecycleConfigurationOutput::default()
    }))
}

/// Gives a bucket other rules. Those that move objects to other classes of storage are refused, since there are none.
pub(super) async fn put_bucket_lifecycle_configuration(
    door: &Operations,
    request: S3Request<PutBucketLifecycleConfigurationInput>,
) -> S3Result<S3Response<PutBucketLifecycleConfigurationOutput>> {
    let (input, call) = Call::open(request)?;
    let document = input
        .lifecycle_configuration
        .ok_or_else(|| error::refuse("MissingRequestBodyError", error::default_message("MissingRequestBodyError")))?;
    let rules = document.rules.into_iter().map(from_dto).collect::<S3Result<_>>()?;
    let mut lifecycle = Lifecycle { rules };
    lifecycle.name_rules().map_err(error::from_store)?;
    door.store.put_document(&call.grant, lifecycle).await.map_err(error::from_store)?;
    Ok(S3Response::new(PutBucketLifecycleConfigurationOutput::default()))
}

/// Takes a bucket's rules away.
pub(super) async fn delete_bucket_lifecycle(
    door: &Operations,
    request: S3Request<DeleteBucketLifecycleInput>,
) -> S3Result<S3Response<DeleteBucketLifecycleOutput>> {
    let (_, call) = Call::open(request)?;
    door.store.delete_document::<Lifecycle>(&call.grant).await.map_err(error::from_store)?;
    Ok(S3Response::new(DeleteBucketLifecycleOutput {}))
}

/// Tells when the current object of a key will expire, if it will. Costs nothing in a bucket without rules.
pub(super) fn tell_expiration(
    door: &Operations,
    call: &Call,
    facts: &Facts<'_>,
    written_ms: Millis,
    headers: &mut HeaderMap,
) -> S3Result<()> {
    let bucket = call.grant.bucket().map_err(error::from_store)?;
    let rules = door.store.lifecycle_of(bucket, door.day_ms).map_err(error::from_store)?;
    if let Some(Due { at_ms, rule }) = rules.current(facts, written_ms) {
        let at = date::http(at_ms);
        let told = format!("expiry-date=\"{}\", rule-id=\"{}\"", at.to_str().unwrap_or_default(), encode::url(&rule));
        if let Ok(value) = HeaderValue::try_from(told) {
            headers.insert(EXPIRATION, value);
        }
    }
    Ok(())
}

/// Tells when an upload will be aborted, if it will.
pub(super) fn tell_abort(
    door: &Operations,
    call: &Call,
    key: &str,
    begun_ms: Millis,
    headers: &mut HeaderMap,
) -> S3Result<()> {
    let bucket = call.grant.bucket().map_err(error::from_store)?;
    let rules = door.store.lifecycle_of(bucket, door.day_ms).map_err(error::from_store)?;
    if let Some(Due { at_ms, rule }) = rules.upload(key, begun_ms) {
        headers.insert(ABORT_DATE, date::http(at_ms));
        if let Ok(value) = HeaderValue::try_from(encode::url(&rule)) {
            headers.insert(ABORT_RULE, value);
        }
    }
    Ok(())
}

/// What is not positive becomes zero, which the rules refuse in their own words.
fn days(days: i32) -> u32 {
    u32::try_from(days).unwrap_or_default()
}

fn from_dto(rule: dto::LifecycleRule) -> S3Result<LifecycleRule> {
    if rule.transitions.is_some() || rule.noncurrent_version_transitions.is_some() {
        return Err(error::not_implemented("A transition to another storage class"));
    }
    let noncurrent = |expiration: NoncurrentVersionExpiration| -> S3Result<NoncurrentExpiration> {
        let days = days(expiration.noncurrent_days.ok_or_else(error::malformed_xml)?);
        let newer_kept = expiration.newer_noncurrent_versions.map(|kept| u32::try_from(kept).unwrap_or_default());
        Ok(NoncurrentExpiration { days, newer_kept })
    };
    let abort =
        |abort: AbortIncompleteMultipartUpload| abort.days_after_initiation.map(days).ok_or_else(error::malformed_xml);
    Ok(LifecycleRule {
        id: rule.id.unwrap_or_default(),
        enabled: match rule.status.as_str() {
            ENABLED => true,
            DISABLED => false,
            _ => return Err(error::malformed_xml()),
        },
        filter: filter(rule.prefix, rule.filter)?,
        expiration: rule.expiration.map(expiration).transpose()?,
        noncurrent: rule.noncurrent_version_expiration.map(noncurrent).transpose()?,
        abort_days: rule.abort_incomplete_multipart_upload.map(abort).transpose()?,
    })
}

fn expiration(expiration: LifecycleExpiration) -> S3Result<Expiration> {
    match (expiration.days, expiration.date, expiration.expired_object_delete_marker) {
        (Some(given), None, None) => Ok(Expiration::Days(days(given))),
        (None, Some(at), None) => {
            let before_all = || error::invalid_argument("'Date' must be at midnight GMT");
            Ok(Expiration::Date(date::millis(at).ok_or_else(before_all)?))
        }
        (None, None, Some(marker)) => Ok(Expiration::DeleteMarker(marker)),
        _ => Err(error::malformed_xml()),
    }
}

fn filter(prefix: Option<String>, filter: Option<LifecycleRuleFilter>) -> S3Result<Filter> {
    let filter = match (prefix, filter) {
        (Some(prefix), None) => {
            return Ok(Filter { form: FilterForm::Old, prefix: Some(prefix), ..Filter::default() });
        }
        (None, Some(filter)) => filter,
        _ => return Err(error::malformed_xml()),
    };
    let size = |size: Option<i64>| {
        let negative = || error::invalid_request("The size of an object in a filter must not be negative.");
        size.map(|size| u64::try_from(size).map_err(|_| negative())).transpose()
    };
    let tag = |tag: Tag| tag.key.zip(tag.value).ok_or_else(error::malformed_xml);
    let LifecycleRuleFilter { and, object_size_greater_than, object_size_less_than, prefix, tag: one } = filter;
    let single = Filter {
        form: FilterForm::Single,
        prefix,
        tags: one.map(tag).transpose()?.into_iter().collect(),
        larger_than: size(object_size_greater_than)?,
        smaller_than: size(object_size_less_than)?,
    };
    let Some(and) = and else { return Ok(single) };
    if single != Filter::default() {
        return Err(error::malformed_xml());
    }
    Ok(Filter {
        form: FilterForm::And,
        prefix: and.prefix,
        tags: and.tags.unwrap_or_default().into_iter().map(tag).collect::<S3Result<_>>()?,
        larger_than: size(and.object_size_greater_than)?,
        smaller_than: size(and.object_size_less_than)?,
    })
}

fn to_dto(rule: &LifecycleRule) -> dto::LifecycleRule {
    let number = |days: u32| i32::try_from(days).unwrap_or(i32::MAX);
    let expiration = rule.expiration.map(|expiration| match expiration {
        Expiration::Days(days) => LifecycleExpiration { days: Some(number(days)), ..LifecycleExpiration::default() },
        Expiration::Date(at) => {
            LifecycleExpiration { date: Some(date::timestamp(at)), ..LifecycleExpiration::default() }
        }
        Expiration::DeleteMarker(marker) => {
            LifecycleExpiration { expired_object_delete_marker: Some(marker), ..LifecycleExpiration::default() }
        }
    });
    let old = rule.filter.form == FilterForm::Old;
    dto::LifecycleRule {
        abort_incomplete_multipart_upload: rule
            .abort_days
            .map(|days| AbortIncompleteMultipartUpload { days_after_initiation: Some(number(days)) }),
        expiration,
        filter: (!old).then(|| filter_to_dto(&rule.filter)),
        id: Some(rule.id.clone()),
        noncurrent_version_expiration: rule.noncurrent.map(|noncurrent| NoncurrentVersionExpiration {
            newer_noncurrent_versions: noncurrent.newer_kept.map(number),
            noncurrent_days: Some(number(noncurrent.days)),
        }),
        noncurrent_version_transitions: None,
        prefix: rule.filter.prefix.clone().filter(|_| old),
        status: ExpirationStatus::from_static(if rule.enabled { ENABLED } else { DISABLED }),
        transitions: None,
    }
}

fn filter_to_dto(filter: &Filter) -> LifecycleRuleFilter {
    let size = |bytes: Option<u64>| bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
    let mut tags = filter.tags.iter().cloned().map(|(name, value)| Tag { key: Some(name), value: Some(value) });
    if filter.form == FilterForm::And {
        let tags: Vec<Tag> = tags.collect();
        let and = LifecycleRuleAndOperator {
            object_size_greater_than: size(filter.larger_than),
            object_size_less_than: size(filter.smaller_than),
            prefix: filter.prefix.clone(),
            tags: (!tags.is_empty()).then_some(tags),
        };
        return LifecycleRuleFilter { and: Some(and), ..LifecycleRuleFilter::default() };
    }
    LifecycleRuleFilter {
        and: None,
        object_size_greater_than: size(filter.larger_than),
        object_size_less_than: size(filter.smaller_than),
        prefix: filter.prefix.clone(),
        tag: tags.next(),
    }
}

#[cfg(test)]
mod tests {
    use s3s::xml::{Deserialize as _, Deserializer};

    use super::*;

    /// A rule as the element of it in a document is read.
    fn read(inner: &str) -> Result<LifecycleRule, String> {
        let text = format!("<LifecycleConfiguration><Rule><ID>r</ID>{inner}</Rule></LifecycleConfiguration>");
        let mut reader = Deserializer::new(text.as_bytes());
        let document = dto::BucketLifecycleConfiguration::deserialize(&mut reader).map_err(|_| "MalformedXML")?;
        let rule = document.rules.into_iter().next().unwrap();
        from_dto(rule).map_err(|error| error.code().as_str().to_owned())
    }

    const DAYS: &str = "<Status>Enabled</Status><Expiration><Days>1</Days></Expiration>";

    #[test]
    fn every_form_comes_back_as_it_went() {
        for filter in [
            "<Prefix/>",
            "<Prefix>a/</Prefix>",
            "<Filter/>",
            "<Filter><Prefix>a</Prefix></Filter>",
            "<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>",
            "<Filter><ObjectSizeGreaterThan>0</ObjectSizeGreaterThan></Filter>",
            "<Filter><And><Prefix>a</Prefix><Tag><Key>k</Key><Value>v</Value></Tag>\
             <ObjectSizeLessThan>5</ObjectSizeLessThan></And></Filter>",
        ] {
            let rule = read(&format!("{DAYS}{filter}")).unwrap();
            assert_eq!(from_dto(to_dto(&rule)).unwrap(), rule, "{filter}");
        }
        for action in [
            "<Expiration><Date>2030-01-01T00:00:00.000Z</Date></Expiration>",
            "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>",
            "<NoncurrentVersionExpiration><NoncurrentDays>3</NoncurrentDays>\
             <NewerNoncurrentVersions>2</NewerNoncurrentVersions></NoncurrentVersionExpiration>",
            "<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation>\
             </AbortIncompleteMultipartUpload>",
        ] {
            let rule = read(&format!("<Status>Disabled</Status><Filter/>{action}")).unwrap();
            assert_eq!(from_dto(to_dto(&rule)).unwrap(), rule, "{action}");
        }
    }

    #[test]
    fn what_the_schema_does_not_have_is_malformed() {
        let malformed = Err("MalformedXML".to_owned());
        assert_eq!(read(DAYS), malformed, "neither a filter nor a prefix");
        assert_eq!(read(&format!("{DAYS}<Prefix/><Filter/>")), malformed);
        for status in ["enabled", "On", ""] {
            let rule = format!("<Status>{status}</Status><Prefix/><Expiration><Days>1</Days></Expiration>");
            assert_eq!(read(&rule), malformed, "{status}");
        }
        for expiration in [
            "",
            "<Days>1</Days><Date>2030-01-01T00:00:00Z</Date>",
            "<Days>1</Days><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker>",
            "<Date>20300101</Date>",
        ] {
            let rule = format!("<Status>Enabled</Status><Prefix/><Expiration>{expiration}</Expiration>");
            assert_eq!(read(&rule), malformed, "{expiration}");
        }
        let both = "<Filter><Prefix>a</Prefix><And><Prefix>a</Prefix></And></Filter>";
        assert_eq!(read(&format!("{DAYS}{both}")), malformed);
    }

    #[test]
    fn transitions_are_never_stored_without_effect() {
        let transition = "<Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition>";
        assert_eq!(read(&format!("{DAYS}<Prefix/>{transition}")), Err("NotImplemented".into()));
        let noncurrent = "<NoncurrentVersionTransition><NoncurrentDays>1</NoncurrentDays>\
                          <StorageClass>GLACIER</StorageClass></NoncurrentVersionTransition>";
        assert_eq!(read(&format!("{DAYS}<Prefix/>{noncurrent}")), Err("NotImplemented".into()));
    }

    #[test]
    fn what_is_negative_is_left_to_the_rules_to_refuse() {
        let rule = read("<Status>Enabled</Status><Prefix/><Expiration><Days>-1</Days></Expiration>").unwrap();
        assert_eq!(rule.expiration, Some(Expiration::Days(0)));
    }
}
