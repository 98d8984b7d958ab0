//! Telling others of what happens to objects: who wants to know of what, and the box in which events wait until they have
//! been told. An event is put there by the very commit that makes it true, so none is lost and none is told that was not.

mod event;
mod outbox;
mod rule;

pub use event::EventKind;
pub use outbox::{EventRow, Told, Undelivered};
pub(crate) use outbox::{Subject, emit, event_id};
pub use rule::{Notification, Subscription, SubscriptionForm};
