//! Who is told of what happens in a bucket. Destinations are the targets of the settings; queues, topics and functions are
//! three ways of naming one.

use s3s::dto::{
    Event, FilterRule, FilterRuleName, GetBucketNotificationConfigurationInput,
    GetBucketNotificationConfigurationOutput, LambdaFunctionConfiguration, NotificationConfigurationFilter,
    PutBucketNotificationConfigurationInput, PutBucketNotificationConfigurationOutput, QueueConfiguration, S3KeyFilter,
    TopicConfiguration,
};
use s3s::{S3Request, S3Response, S3Result};
use windlass_store::notification::{Notification, Subscription, SubscriptionForm};

use super::call::Call;
use super::error::{self, invalid_argument};
use super::service::Operations;

/// Who is told; a bucket of which nobody is told answers an empty document.
pub(super) async fn get_bucket_notification_configuration(
    door: &Operations,
    request: S3Request<GetBucketNotificationConfigurationInput>,
) -> S3Result<S3Response<GetBucketNotificationConfigurationOutput>> {
    let (_, call) = Call::open(request)?;
    let found = door.store.document::<Notification>(call.grant.bucket().map_err(error::from_store)?);
    let mut output = GetBucketNotificationConfigurationOutput::default();
    let found = found.map_err(error::from_store)?;
    for one in found.iter().flat_map(|notification| notification.subscriptions.iter().cloned()) {
        let events = one.events.into_iter().map(Event::from).collect();
        let (id, filter, arn) = (Some(one.id), filter_to_dto(one.prefix, one.suffix), one.arn);
        match one.form {
            SubscriptionForm::Queue => {
                let list = output.queue_configurations.get_or_insert_default();
                list.push(QueueConfiguration { events, filter, id, queue_arn: arn });
            }
            SubscriptionForm::Topic => {
                let list = output.topic_configurations.get_or_insert_default();
                list.push(TopicConfiguration { events, filter, id, topic_arn: arn });
            }
            SubscriptionForm::Function => {
                let list = output.lambda_function_configurations.get_or_insert_default();
                list.push(LambdaFunctionConfiguration { events, filter, id, lambda_function_arn: arn });
            }
        }
    }
    Ok(S3Response::new(output))
}

/// Has others told, or nobody.
pub(super) async fn put_bucket_notification_configuration(
    door: &Operations,
    request: S3Request<PutBucketNotificationConfigurationInput>,
) -> S3Result<S3Response<PutBucketNotificationConfigurationOutput>> {
    let (input, call) = Call::open(request)?;
    let document = input.notification_configuration;
    if document.event_bridge_configuration.is_some() {
        return Err(error::not_implemented("Notification of an event bus"));
    }
    let mut subscriptions = Vec::new();
    for one in document.queue_configurations.unwrap_or_default() {
        subscriptions.push(subscribe(door, SubscriptionForm::Queue, one.id, one.queue_arn, one.events, one.filter)?);
    }
    for one in document.topic_configurations.unwrap_or_default() {
        subscriptions.push(subscribe(door, SubscriptionForm::Topic, one.id, one.topic_arn, one.events, one.filter)?);
    }
    for one in document.lambda_function_configurations.unwrap_or_default() {
        let arn = one.lambda_function_arn;
        subscriptions.push(subscribe(door, SubscriptionForm::Function, one.id, arn, one.events, one.filter)?);
    }
    if subscriptions.is_empty() {
        door.store.delete_document::<Notification>(&call.grant).await.map_err(error::from_store)?;
    } else {
        let mut notification = Notification { subscriptions };
        notification.name_subscriptions().map_err(error::from_store)?;
        door.store.put_document(&call.grant, notification).await.map_err(error::from_store)?;
    }
    Ok(S3Response::new(PutBucketNotificationConfigurationOutput {}))
}

fn subscribe(
    door: &Operations,
    form: SubscriptionForm,
    id: Option<String>,
    arn: String,
    events: Vec<Event>,
    filter: Option<NotificationConfigurationFilter>,
) -> S3Result<Subscription> {
    let unknown = || invalid_argument("Unable to validate the following destination configurations");
    let target = target(&arn).filter(|name| door.targets.iter().any(|target| target == name)).ok_or_else(unknown)?;
    let (prefix, suffix) = ends(filter)?;
    let events = events.into_iter().map(|event| event.as_ref().to_owned()).collect();
    Ok(Subscription { id: id.unwrap_or_default(), form, target: target.to_owned(), arn, events, prefix, suffix })
}

/// The target that a name of a resource means: `arn:<partition>:<service>:<region>:<target>:webhook`.
fn target(arn: &str) -> Option<&str> {
    let mut parts = arn.split(':');
    let arn = parts.next().filter(|scheme| *scheme == "arn");
    let (_partition, _service, _region) = (arn.and(parts.next())?, parts.next()?, parts.next()?);
    let target = parts.next()?;
    parts.next().filter(|kind| *kind == "webhook" && parts.next().is_none()).map(|_| target)
}

/// The prefix and the suffix of a filter, one of each at most.
fn ends(filter: Option<NotificationConfigurationFilter>) -> S3Result<(Option<String>, Option<String>)> {
    let rules = filter.and_then(|filter| filter.key).and_then(|key| key.filter_rules).unwrap_or_default();
    let (mut prefix, mut suffix) = (None, None);
    for FilterRule { name, value } in rules {
        let name = name.as_ref().map(FilterRuleName::as_str).unwrap_or_default().to_ascii_lowercase();
        let (end, what) = match name.as_str() {
            "prefix" => (&mut prefix, "prefix"),
            "suffix" => (&mut suffix, "suffix"),
            _ => return Err(invalid_argument("filter rule name must be either prefix or suffix")),
        };
        if end.replace(value.unwrap_or_default()).is_some() {
            return Err(invalid_argument(format!("Cannot specify more than one {what} rule in a filter.")));
        }
    }
    Ok((prefix, suffix))
}

fn filter_to_dto(prefix: Option<String>, suffix: Option<String>) -> Option<NotificationConfigurationFilter> {
    let rule = |name: &'static str, value: String| FilterRule {
        name: Some(FilterRuleName::from_static(name)),
        value: Some(value),
    };
    let rules: Vec<FilterRule> = prefix
        .map(|value| rule("prefix", value))
        .into_iter()
        .chain(suffix.map(|value| rule("suffix", value)))
        .collect();
    let key = Some(S3KeyFilter { filter_rules: Some(rules.clone()) });
    (!rules.is_empty()).then_some(NotificationConfigurationFilter { key })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_named_in_the_place_of_an_account() {
        for arn in
            ["arn:windlass:sqs::hook:webhook", "arn:aws:sns:us-east-1:hook:webhook", "arn:minio:lambda::hook:webhook"]
        {
            assert_eq!(target(arn), Some("hook"), "{arn}");
        }
        for other in [
            "",
            "hook",
            "arn:aws:sqs::hook",
            "arn:aws:sqs::hook:queue",
            "urn:a:b:c:hook:webhook",
            "arn:a:b:c:hook:webhook:x",
        ] {
            assert_eq!(target(other), None, "{other}");
        }
    }

    #[test]
    fn a_filter_has_one_of_each_end() {
        let rule =
            |name: &'static str| FilterRule { name: Some(FilterRuleName::from_static(name)), value: Some("x".into()) };
        let filter = |rules: Vec<FilterRule>| {
            Some(NotificationConfigurationFilter { key: Some(S3KeyFilter { filter_rules: Some(rules) }) })
        };
        let both = (Some("x".to_owned()), Some("x".to_owned()));
        assert_eq!(ends(filter(vec![rule("Suffix"), rule("prefix")])).unwrap(), both);
        assert_eq!(ends(None).unwrap(), (None, None));
        assert!(ends(filter(vec![rule("prefix"), rule("prefix")])).is_err());
        assert!(ends(filter(vec![rule("infix")])).is_err());
    }
}
