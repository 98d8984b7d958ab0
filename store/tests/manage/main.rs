//! What organisations have and may have, on a real store: keys, buckets, plans and their limits, share links, bandwidth,
//! and what is declared of them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod bandwidth;
mod bootstrap;
mod buckets;
mod deletion;
mod home;
mod keys;
mod kv;
mod kv_model;
mod kv_script;
mod lifecycle;
mod limits;
mod migration;

mod quota;
mod shares;
mod uploads;
mod versions;
