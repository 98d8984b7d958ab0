//! Typed settings. Each is declared once, in `list.rs`, with its documentation, default and accepted range; its name
//! in the file, its environment variable and the printed defaults are derived from that.
//!
//! A setting is taken from its default, then the file, then the environment, then a flag; the last one given counts.
//! All faults are reported at once. Deliberately absent: what any setting means to a store or a door.

mod fault;
mod field;
mod kind;
mod list;
mod load;
mod near;
mod network;
mod print;
mod secret;
mod settings;
pub mod time;
mod validate;

pub use fault::{Fault, Faults};
pub use kind::{
    BlobChecksum, BlobKind, Durability, KvOpenTo, Limit, LogFormat, LogLevel, ObjectOwnership, ProxyHeaders, parse_size,
};
pub use list::{
    Adoption, Auth, Backup, Blobs, Bucket, General, Key, Kv, Lifecycle, Limits, Log, NotificationTarget, Organisation,
    Plan, Proxy, RequestLog, Root, S3, Scrub, Storage, Sweep, Tls, Uploads, Upstream, Webhooks,
};
pub use load::Sources;
pub use network::Network;
pub use secret::Secret;
pub use settings::Settings;
