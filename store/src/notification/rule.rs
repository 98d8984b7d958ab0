//! Who wants to be told of what, as a bucket keeps it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::event::EventKind;
use crate::bucket::{Bucket, Document, DocumentKind};
use crate::clock;
use crate::error::{Error, ErrorKind, Result};
use crate::limit;
use crate::meta::Record;
use crate::object::hex;
use crate::policy::Action;

/// Who is told of what happens in a bucket.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// In the order they were given.
    pub subscriptions: Vec<Subscription>,
}

/// Somebody who is told of some events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Unique in its document; empty for one that is yet to be given.
    pub id: String,
    /// How the client wrote it.
    pub form: SubscriptionForm,
    /// The destination, as the client named it.
    pub arn: String,
    /// The target of the settings that it means.
    pub target: String,
    /// Events and groups of them, such as `s3:ObjectCreated:*`.
    pub events: Vec<String>,
    /// What keys begin with.
    pub prefix: Option<String>,
    /// What keys end with.
    pub suffix: Option<String>,
}

/// The forms that a destination can be written in, so that it is answered as it came. All are told alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SubscriptionForm {
    /// A queue.
    Queue,
    /// A topic.
    Topic,
    /// A function.
    Function,
}

impl Record for Notification {
    const VERSION: u8 = 1;
}

impl Document for Notification {
    const KIND: DocumentKind = DocumentKind::Notification;
    const CHANGE: Action = Action::PutNotification;

    /// `InvalidArgument`, `MalformedDocument`.
    fn check(&self, _bucket: &Bucket) -> Result<()> {
        if self.subscriptions.len() > limit::SUBSCRIPTIONS_MAX {
            return Err(argument("There are too many configurations."));
        }
        let ids: BTreeSet<&str> = self.subscriptions.iter().map(|one| one.id.as_str()).collect();
        if ids.len() < self.subscriptions.len() {
            return Err(argument("Same ID used for multiple configurations. IDs must be unique"));
        }
        self.subscriptions.iter().try_for_each(Subscription::check)
    }
}

impl Notification {
    /// Gives an id to each subscription that has none.
    pub fn name_subscriptions(&mut self) -> Result<()> {
        for one in self.subscriptions.iter_mut().filter(|one| one.id.is_empty()) {
            one.id = hex(&clock::random::<16>()?);
        }
        Ok(())
    }
}

impl Subscription {
    fn check(&self) -> Result<()> {
        if self.id.is_empty() || self.events.is_empty() || self.events.len() > limit::SUBSCRIPTION_EVENTS_MAX {
            let message = "The XML you provided was not well-formed or did not validate against our published schema";
            return Err(Error::new(ErrorKind::MalformedDocument, message));
        }
        if self.id.chars().count() > limit::RULE_ID_CHARS_MAX || self.arn.len() > limit::KEY_BYTES_MAX {
            return Err(argument("An ID of a configuration has at most 255 characters."));
        }
        let unknown = |name: &&String| !EventKind::ALL.iter().any(|kind| kind.is_meant_by(name));
        if self.events.iter().find(unknown).is_some() {
            return Err(argument("A specified event is not supported for notifications"));
        }
        let ends = [&self.prefix, &self.suffix];
        if ends.into_iter().flatten().any(|end| end.len() > limit::KEY_BYTES_MAX) {
            return Err(argument("Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation"));
        }
        Ok(())
    }

    /// Whether it is to be told of an event about a key.
    pub(super) fn wants(&self, kind: EventKind, key: &str) -> bool {
        self.events.iter().any(|name| kind.is_meant_by(name))
            && self.prefix.as_ref().is_none_or(|prefix| key.starts_with(prefix.as_str()))
            && self.suffix.as_ref().is_none_or(|suffix| key.ends_with(suffix.as_str()))
    }
}

fn argument(message: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one() -> Subscription {
        Subscription {
            id: "a".into(),
            form: SubscriptionForm::Queue,
            arn: "arn:windlass:sqs::hook:webhook".into(),
            target: "hook".into(),
            events: vec!["s3:ObjectCreated:*".into(), "s3:ObjectRemoved:Delete".into()],
            prefix: Some("in/".into()),
            suffix: Some(".jpg".into()),
        }
    }

    #[test]
    fn events_and_both_ends_of_the_key_choose() {
        assert!(one().wants(EventKind::CreatedCopy, "in/a.jpg"));
        assert!(one().wants(EventKind::RemovedDelete, "in/a.jpg"));
        assert!(!one().wants(EventKind::RemovedMarker, "in/a.jpg"));
        assert!(!one().wants(EventKind::CreatedPut, "in/a.png") && !one().wants(EventKind::CreatedPut, "a.jpg"));
        let all = Subscription { prefix: None, suffix: None, ..one() };
        assert!(all.wants(EventKind::CreatedPut, ""));
    }

    #[test]
    fn what_would_never_be_told_is_not_kept() {
        let kind = |one: Subscription| one.check().err().map(|error| error.kind());
        assert_eq!(kind(one()), None);
        let events =
            |events: &[&str]| Subscription { events: events.iter().map(ToString::to_string).collect(), ..one() };
        assert_eq!(kind(events(&["s3:ObjectCreated:Put", "s3:ObjectRestore:*"])), Some(ErrorKind::InvalidArgument));
        assert_eq!(kind(events(&[])), Some(ErrorKind::MalformedDocument));
        let long = Some("x".repeat(1025));
        assert_eq!(kind(Subscription { prefix: long, ..one() }), Some(ErrorKind::InvalidArgument));
        let mut two = Notification { subscriptions: vec![one(), Subscription { id: String::new(), ..one() }] };
        two.name_subscriptions().unwrap();
        assert!(two.subscriptions[0].id == "a" && !two.subscriptions[1].id.is_empty());
    }
}
