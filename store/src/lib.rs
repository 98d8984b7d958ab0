//! What is true in a gateway, independent of any protocol: buckets, objects, uploads, keys, counters and bytes.
//!
//! Deliberately absent: HTTP, XML, JSON, and every type of a door; but a bucket's policy is JSON, and is read here. Only `meta/redb.rs` names the metadata engine,
//! only `blob/` names the blob store, only `upstream/` speaks HTTP and reads XML, only `clock.rs` reads time and randomness.

pub mod account;
pub mod acl;
pub mod admission;
pub mod adopt;
pub mod backup;
pub mod bandwidth;
pub mod blob;
pub mod bootstrap;
pub mod bucket;
pub mod check;
pub mod clock;
pub mod cors;
pub mod error;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod fuzz;
pub mod id;
pub mod inspect;
pub mod intent;
pub mod key;
pub mod kv;
pub mod lifecycle;
pub mod limit;
pub mod link;
pub mod log;
mod marker;
pub mod master;
pub mod meta;
mod migrate;
pub mod name;
pub mod notification;
pub mod object;
mod opened;
pub mod org;
pub mod plan;
pub mod policy;
pub mod project;
mod quota;
pub mod scrub;
pub mod seal;
pub mod share;
pub mod spread;
mod state;
mod store;
pub mod sweep;
pub mod tag;
pub mod upload;
pub mod upstream;
pub mod usage;
pub mod webhook;
pub mod website;

pub use error::{Error, ErrorKind, Result};
pub use store::{Store, StoreOptions};
