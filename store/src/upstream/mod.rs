//! Everything of an S3 provider that is not ours: the only room of the store that speaks HTTP and reads XML.
//!
//! A request is signed anew with an account's credentials and sent as it is; the answer streams back. Deliberately absent:
//! who may ask, and what an answer means to a door.

mod address;
mod arriving;
mod breaker;
mod buckets;
mod client;
mod connect;
mod frame;
pub mod metadata;
mod objects;
mod outgoing;
mod pass;
mod provider;
mod put;
mod refusal;
mod request;
mod sign;
mod sts;
mod uploads;
pub mod xml;

pub use address::is_public;
pub use breaker::{Breaker, BreakerCounters, BreakerState, Outcome, Permit};
pub use buckets::{UpstreamBucket, UpstreamBuckets};
pub use client::{Client, ClientOptions};
pub use objects::{GetUpstream, ListUpstream, UpstreamFound, UpstreamObject, UpstreamPage};
pub use provider::{Credentials, Endpoint, Provider};
pub use put::PutUpstream;
pub use request::{Answer, Payload, Request, Service, Trailer};
pub use sts::AssumeRole;
pub(crate) use uploads::OpenUpload;
